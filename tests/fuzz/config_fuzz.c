/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_fuzz.c - any text as v6gwd.conf: it is accepted or there are errors; what is accepted
 * can be written and is read again as the same; libconfig never finds a fault that the scanner
 * did not name.
 *
 * Input: the file.  Seeds: tests/vectors/config. */
#include "config/dump.h"
#include "daemon/config_read.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static struct config *load(const void *text, size_t len)
{
	int fd = memfd_create("v6gwd.conf", MFD_CLOEXEC);
	struct config_errors errors;
	struct config *c;
	char path[64];

	check(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	c = config_load(path, &errors);
	check(!c == (errors.n > 0));
	for (size_t i = 0; i < errors.n; i++)
		check(strcmp(errors.v[i].text, "syntax error") != 0 && *errors.v[i].text &&
		      strcmp(errors.v[i].text, "duplicate setting name") != 0);
	config_errors_free(&errors);
	close(fd);
	return c;
}

static void append(void *arg, const char *text)
{
	fputs(text, arg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c, *again;
	char *text = NULL;
	size_t len;
	FILE *f;

	if (size && memmem(data, size, "@include", 8)) /* would read any file, also a pipe */
		return -1;
	c = load(data, size);
	if (!c)
		return 0;
	f = open_memstream(&text, &len);
	check(f != NULL);
	config_dump(c, NULL, 0, append, f);
	fclose(f);
	again = load(text, len);
	check(again && config_equal(c, again));
	free(text);
	config_free(c);
	config_free(again);
	return 0;
}
