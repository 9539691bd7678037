/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import_fuzz.c - any text as each of the four configurations, alone and all at once: what
 * comes out is a v6gwd.conf without an error.
 *
 * Input: the file; what it includes is the file itself, a few times.  libFuzzer tries each in
 * one of the ways, which its length chooses: that is five times as many a second. */
#include "daemon/config_read.h"
#include "import/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void append(void *arg, const char *text)
{
	fputs(text, arg);
}

/* The files that a conversion reads: one that includes itself in many places would take the
 * time of thousands of others, and tell no more. */
#define FILES 12

static unsigned files;

static const struct stmt_text *include(void *arg, const struct stmt_text *from,
				       const char *pattern, const char *directory, size_t *n)
{
	(void)from;
	(void)directory;
	*n = *pattern != 'n' && files++ < FILES;
	return arg;
}

static void check_config(const char *text, size_t len)
{
	int fd = memfd_create("v6gwd.conf", MFD_CLOEXEC);
	struct config_errors errors;
	char path[64];

	check(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct config *c = config_load(path, &errors);

	if (!c) {
		fputs(text, stderr);
		config_errors_print(&errors, stderr);
	}
	check(c);
	config_errors_free(&errors);
	config_free(c);
	close(fd);
}

static void convert(const struct import *in)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	files = 0;
	check(f && import_convert(in, append, f));
	fclose(f);
	check_config(text, len);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stmt_text text = { .name = "file", .text = (const char *)data, .len = size };
	const struct stmt_text *t = &text;
	const struct import all[] = {
		{ .tayga = t, .include = include, .arg = &text },
		{ .bind = t, .include = include, .arg = &text },
		{ .unbound = t, .include = include, .arg = &text },
		{ .radvd = t },
		{ .tayga = t, .bind = t, .unbound = t, .radvd = t },
	};

	if (size > 1 << 16)
		return -1;
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	convert(&all[size % (sizeof all / sizeof *all)]);
#else
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		convert(&all[i]);
#endif
	return 0;
}
