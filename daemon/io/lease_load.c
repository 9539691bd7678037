/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lease_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEASES_MAX (1u << 24) /* as many as a pool has at most */
#define LEASES_MIN 256u
#define SIZE_LIMIT ((off_t)LEASES_MAX * LEASE_LINE_MAX)

struct reader {
	int fd, error;
	bool eof;
	size_t from, to;
	char buf[65536];
};

static bool fill(struct reader *r)
{
	ssize_t got;

	memmove(r->buf, r->buf + r->from, r->to - r->from);
	r->to -= r->from;
	r->from = 0;
	if (r->eof || r->to == sizeof r->buf)
		return false;
	got = read(r->fd, r->buf + r->to, sizeof r->buf - r->to);
	if (got < 0 && errno == EINTR)
		return true;
	if (got < 0)
		r->error = errno;
	if (got <= 0)
		r->eof = true;
	else
		r->to += (size_t)got;
	return true;
}

/* A line with its newline, if it has one; one that is longer than the buffer comes in pieces,
 * none of which is a lease. */
static bool next_line(struct reader *r, const char **line, size_t *len)
{
	const char *end;

	do {
		end = memchr(r->buf + r->from, '\n', r->to - r->from);
	} while (!end && fill(r));
	if (r->from == r->to)
		return false;
	*line = r->buf + r->from;
	*len = end ? (size_t)(end + 1 - *line) : r->to - r->from;
	r->from += *len;
	return true;
}

static void fail(struct lease_list *list, int error)
{
	list->trouble = "cannot be read";
	list->error = error;
}

static bool add(struct lease_list *list, const struct lease *lease)
{
	size_t room = list->n < LEASES_MIN ? LEASES_MIN : list->n * 2;
	struct lease *v = list->v;

	/* full whenever it holds a power of two */
	if (list->n == 0 || (list->n >= LEASES_MIN && (list->n & (list->n - 1)) == 0))
		v = list->n < LEASES_MAX ? realloc(v, room * sizeof *v) : NULL;
	if (!v)
		return false;
	list->v = v;
	list->v[list->n++] = *lease;
	return true;
}

static void read_lines(struct reader *r, struct lease_list *list)
{
	enum lease_format format = LEASE_TAYGA;
	const char *line;
	bool first = true, ended = false;
	struct lease lease;
	uint64_t n;
	size_t len;

	for (; next_line(r, &line, &len); first = false) {
		if (first)
			format = lease_format_of(line, len);
		ended = lease_read_end(line, len, &n) && n == list->n + list->n_bad;
		switch (lease_read(format, line, len, &lease)) {
		case LEASE_GOOD:
			if (add(list, &lease))
				break;
			list->trouble = "has more leases than there is room for";
			return;
		case LEASE_BAD:
			list->n_bad++;
			break;
		case LEASE_NOTHING:
			break;
		}
	}
	list->is_ours = format == LEASE_OURS;
	if (r->error)
		fail(list, r->error);
	else if (first)
		list->trouble = "is empty";
	else if (format == LEASE_NEWER)
		list->trouble = "was written by a newer version";
	else if (list->n_bad)
		list->trouble = "is damaged";
	else if (format == LEASE_OURS && !ended)
		list->trouble = "was cut off";
}

static int newest_first(const void *a, const void *b)
{
	const struct lease *x = a, *y = b;

	return (x->used_s < y->used_s) - (x->used_s > y->used_s);
}

static void read_file(int fd, struct lease_list *list)
{
	struct reader *r = malloc(sizeof *r);

	if (!r) {
		fail(list, ENOMEM);
		return;
	}
	r->fd = fd;
	r->error = 0;
	r->eof = false;
	r->from = r->to = 0;
	read_lines(r, list);
	free(r);
	if (list->n)
		qsort(list->v, list->n, sizeof *list->v, newest_first);
}

void lease_load_fd(int fd, struct lease_list *out)
{
	struct lease_list list = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		list.trouble = "is no file";
	else if (st.st_size > SIZE_LIMIT)
		list.trouble = "is larger than any list of leases";
	else
		read_file(fd, &list);
	*out = list;
}

/* Neither a link is followed, nor a pipe waited for, nor a hole of any size read: that would
 * take longer than a service manager waits. */
int lease_load(int dir_fd, struct lease_list *out)
{
	struct lease_list list = { 0 };
	int fd = openat(dir_fd, LEASE_FILE,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 && errno == ELOOP)
		list.trouble = "is a link";
	else if (fd < 0)
		fail(&list, errno);
	else
		lease_load_fd(fd, &list);
	if (fd >= 0)
		close(fd);
	*out = list;
	return 0;
}

void lease_list_done(struct lease_list *list)
{
	free(list->v);
	*list = (struct lease_list){ 0 };
}
