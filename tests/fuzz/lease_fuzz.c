/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lease_fuzz.c - any bytes as a lease file: no crash, and what was taken for a lease is one: it
 * is written and read back as it is, and a file of them all is without fault. */
#include "base/addr.h"
#include "daemon/io/lease_load.h"
#include "daemon/io/lease_save.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/dev/shm/lease_fuzz-XXXXXX";
static int dir = -1;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void remove_dir(void)
{
	unlinkat(dir, LEASE_FILE, 0);
	rmdir(path);
}

static void put_file(const uint8_t *data, size_t size)
{
	int fd;

	if (dir < 0) {
		must(mkdtemp(path));
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		atexit(remove_dir);
	}
	fd = openat(dir, LEASE_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static bool same(const struct lease *a, const struct lease *b)
{
	return a->ipv4.s_addr == b->ipv4.s_addr && addr_equal(&a->ipv6, &b->ipv6) &&
	       a->used_s == b->used_s;
}

static void check_line(const struct lease *lease)
{
	char text[LEASE_LINE_MAX];
	size_t len = lease_write(lease, text);
	struct lease again;

	must(len < sizeof text && len == strlen(text));
	must(lease_read(LEASE_OURS, text, len, &again) == LEASE_GOOD && same(lease, &again));
}

static void save(const struct lease_list *list)
{
	struct lease_save *s;

	must(lease_save_open(dup(dir), &s) == 0);
	for (size_t i = 0; i < list->n; i++)
		must(lease_save_put(s, &list->v[i]) == 0);
	must(lease_save_commit(s) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lease_list list, again;

	put_file(data, size);
	must(lease_load(dir, &list) == 0);
	must(!list.error && (list.trouble || !list.n_bad) && list.n + list.n_bad <= size);
	for (size_t i = 0; i < list.n; i++) {
		must(!i || list.v[i - 1].used_s >= list.v[i].used_s);
		check_line(&list.v[i]);
	}
	save(&list);
	must(lease_load(dir, &again) == 0);
	must(again.is_ours && !again.trouble && again.n == list.n);
	lease_list_done(&again);
	lease_list_done(&list);
	return 0;
}
