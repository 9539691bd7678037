/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lease_save.h"

#include "lease_load.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NEW_FILE   LEASE_FILE ".new"
#define STACK_SIZE (64u * 1024)

struct lease_save {
	int dir_fd, fd;
	uint64_t n;
	int error; /* of a thread that has ended */
	int done_fd;
	struct ev_io *io;
	pthread_t thread;
	bool has_thread;
	lease_save_fn *fn;
	void *arg;
	size_t len;
	char buf[16384];
};

/* What a killed run left is in the way; whatever it is, it is not written to. */
int lease_save_open(int dir_fd, struct lease_save **out)
{
	struct lease_save *s = calloc(1, sizeof *s);
	int error;

	if (!s)
		return -ENOMEM;
	s->dir_fd = dir_fd;
	s->done_fd = -1;
	s->fd = -1;
	if (unlinkat(dir_fd, NEW_FILE, 0) == 0 || errno == ENOENT)
		s->fd = openat(dir_fd, NEW_FILE,
			       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->fd < 0) {
		error = -errno;
		free(s);
		return error;
	}
	s->len = (size_t)snprintf(s->buf, sizeof s->buf, "%s", LEASE_HEADER);
	*out = s;
	return 0;
}

static int flush(struct lease_save *s)
{
	for (size_t at = 0; at < s->len;) {
		ssize_t n = write(s->fd, s->buf + at, s->len - at);

		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	s->len = 0;
	return 0;
}

int lease_save_put(struct lease_save *s, const struct lease *lease)
{
	int error = sizeof s->buf - s->len < LEASE_LINE_MAX ? flush(s) : 0;

	if (error)
		return error;
	s->len += lease_write(lease, s->buf + s->len);
	s->n++;
	return 0;
}

static int write_end(struct lease_save *s)
{
	int error = sizeof s->buf - s->len < LEASE_LINE_MAX ? flush(s) : 0;

	if (error)
		return error;
	s->len += lease_write_end(s->n, s->buf + s->len);
	return flush(s);
}

/* The order is what makes it safe: the content, then the name, then that the name is kept. */
static int replace(struct lease_save *s)
{
	int fd = s->fd, error = fsync(fd) < 0 ? -errno : 0;

	s->fd = -1;
	if (close(fd) < 0 && !error)
		error = -errno;
	if (!error && renameat(s->dir_fd, NEW_FILE, s->dir_fd, LEASE_FILE) < 0)
		error = -errno;
	if (!error && fsync(s->dir_fd) < 0 && errno != EINVAL)
		error = -errno;
	return error;
}

/* A new file that did not become the file gives its room back. */
static void discard(struct lease_save *s, bool failed)
{
	if (s->fd >= 0)
		close(s->fd);
	if (failed)
		unlinkat(s->dir_fd, NEW_FILE, 0);
	close(s->dir_fd);
	ev_io_free(s->io);
	if (s->done_fd >= 0)
		close(s->done_fd);
	free(s);
}

int lease_save_commit(struct lease_save *s)
{
	int error = write_end(s);

	if (!error)
		error = replace(s);
	discard(s, error);
	return error;
}

static void *in_thread(void *arg)
{
	struct lease_save *s = arg;

	s->error = replace(s);
	eventfd_write(s->done_fd, 1);
	return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct lease_save *s)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	error = pthread_create(&s->thread, &attr, in_thread, s);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->has_thread = !error;
	return -error;
}

static void join(struct lease_save *s)
{
	if (s->has_thread)
		pthread_join(s->thread, NULL);
	s->has_thread = false;
}

static void on_done(void *arg, unsigned ready)
{
	struct lease_save *s = arg;

	(void)ready;
	join(s);
	ev_io_set(s->io, 0);
	s->fn(s->arg, s->error);
}

int lease_save_start(struct lease_save *s, struct ev_loop *loop, lease_save_fn *fn, void *arg)
{
	int error = write_end(s);

	if (error)
		return error;
	s->fn = fn;
	s->arg = arg;
	s->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->io = s->done_fd < 0 ? NULL : ev_io_new(loop, s->done_fd, EV_IO_READ, on_done, s);
	if (!s->io)
		return -ENOMEM;
	return start_thread(s);
}

int lease_save_end(struct lease_save *s)
{
	int error;

	join(s);
	error = s->error;
	discard(s, error);
	return error;
}

void lease_save_drop(struct lease_save *s)
{
	if (s)
		discard(s, true);
}
