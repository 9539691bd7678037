/* SPDX-License-Identifier: GPL-3.0-or-later */
#define LOG_PLANE "nat64"

#include "lease_file.h"

#include "daemon/event.h"
#include "lease_load.h"
#include "lease_save.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DELAY_MS       2000u /* more changes may follow */
#define GAP_MS         3000u /* after a writing */
#define REFRESH_MS     3600000u
#define BACKOFF_MS     1000u
#define BACKOFF_MAX_MS 60000u
#define SLICE          256u /* leases written between packets: a fraction of a millisecond */

enum phase { IDLE, WRITING, COMMITTING };

struct lease_file {
	struct ev_loop *loop;
	struct lease_file_ops ops;
	struct ev_timer timer; /* the next writing, or the next slice of this one */
	enum phase phase;
	struct lease_save *save; /* while not IDLE */
	size_t at;               /* how far the writing has come */
	uint64_t due_ms;         /* when there is something to write; EV_NEVER: the file holds
				    all */
	uint64_t not_before_ms;
	uint64_t backoff_ms;
	int error;
	bool unread; /* the directory was not there when its file should have been read */
	char dir[PATH_MAX];
};

/* --- the directory --- */

/* Opened anew each time: it may be mounted, or put back, meanwhile. */
static int open_dir(const struct lease_file *f)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = open(f->dir, flags);

	if (fd < 0 && errno == ENOENT && mkdir(f->dir, 0700) == 0)
		fd = open(f->dir, flags);
	return fd < 0 ? -errno : fd;
}

static void set_error(struct lease_file *f, int error)
{
	bool other = f->error != error;

	f->error = error;
	if (other)
		f->ops.changed(f->ops.arg);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void schedule(struct lease_file *f)
{
	if (f->phase == IDLE)
		ev_timer_at(&f->timer, f->due_ms == EV_NEVER
					       ? EV_NEVER
					       : later(f->due_ms, f->not_before_ms));
}

static void want(struct lease_file *f, uint64_t within_ms)
{
	uint64_t at = ev_now_ms(f->loop) + within_ms;

	if (at >= f->due_ms)
		return;
	f->due_ms = at;
	schedule(f);
}

static void fail(struct lease_file *f, int error)
{
	f->phase = IDLE;
	f->backoff_ms = f->backoff_ms ? f->backoff_ms * 2 : BACKOFF_MS;
	if (f->backoff_ms > BACKOFF_MAX_MS)
		f->backoff_ms = BACKOFF_MAX_MS;
	f->not_before_ms = ev_clock_ms() + f->backoff_ms;
	f->due_ms = 0;
	schedule(f);
	set_error(f, error);
}

/* --- reading --- */

/* It is out of the way of the next writing, and at hand for whoever can mend it. */
static void move_aside(const struct lease_file *f, int dir_fd, const struct lease_list *list)
{
	char name[64];
	time_t now = time(NULL);
	struct tm tm;
	int error;

	gmtime_r(&now, &tm);
	strftime(name, sizeof name, LEASE_FILE ".bad-%Y%m%d-%H%M%S", &tm);
	error = renameat(dir_fd, LEASE_FILE, dir_fd, name) < 0 ? errno : 0;
	event_tell(EVENT_LEASES_BAD, NULL,
		   "%s/" LEASE_FILE " %s%s%s: %zu good leases are used, %zu lines are bad; "
		   "%s %s%s",
		   f->dir, list->trouble, list->error ? ": " : "",
		   list->error ? strerror(list->error) : "", list->n, list->n_bad,
		   error ? "it cannot be kept:" : "it is kept as",
		   error ? strerror(error) : name,
		   list->error == EACCES ? " (stop v6gwd, give it to the user that v6gwd runs "
					   "as, rename it back)"
					 : "");
}

static size_t restore(const struct lease_file *f, const struct lease_list *list)
{
	uint64_t now_s = (uint64_t)time(NULL);
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct lease *lease = &list->v[i];

		n += f->ops.restore(f->ops.arg, &lease->ipv6, lease->ipv4,
				    lease_age_ms(lease, now_s));
	}
	return n;
}

static void use_file(struct lease_file *f, int dir_fd)
{
	struct lease_list list;
	size_t restored;

	if (lease_load(dir_fd, &list) < 0) {
		want(f, 0); /* a directory that cannot be written to is told at once */
		return;
	}
	restored = restore(f, &list);
	if (list.trouble)
		move_aside(f, dir_fd, &list);
	if (list.n)
		log_info("%zu of %zu leases restored from %s%s", restored, list.n, f->dir,
			 restored == list.n ? ""
					    : "; the others are too old, or their addresses "
					      "taken or not in nat64.dynamic_pool");
	if (list.trouble || !list.is_ours)
		want(f, 0);
	lease_list_done(&list);
}

/* --- writing --- */

/* At most so many leases; 1 when there are more, 0 behind the last, or -errno. */
static int write_some(struct lease_file *f, size_t most)
{
	uint64_t now_ms = ev_clock_ms(), now_s = (uint64_t)time(NULL);
	struct nat64_mapping m;
	int error = 0;

	while (most-- && !error) {
		if (!f->ops.mapping_at(f->ops.arg, &f->at, &m))
			return 0;
		f->at++;
		if (m.state == NAT64_STATIC)
			continue;
		const int64_t age_ms = (int64_t)(now_ms - m.used_ms);
		const struct lease lease = {
			m.ipv4, m.ipv6, lease_used_s(age_ms > 0 ? (uint64_t)age_ms : 0, now_s)
		};

		error = lease_save_put(f->save, &lease);
	}
	return error ? error : 1;
}

static int begin(struct lease_file *f)
{
	int dir = open_dir(f), error;

	if (dir < 0)
		return dir;
	if (f->unread) {
		f->unread = false;
		use_file(f, dir);
	}
	error = lease_save_open(dir, &f->save);
	if (error) {
		close(dir);
		return error;
	}
	f->at = 0;
	return 0;
}

static void drop(struct lease_file *f)
{
	lease_save_drop(f->save);
	f->save = NULL;
}

static void on_saved(void *arg, int error)
{
	struct lease_file *f = arg;

	lease_save_end(f->save);
	f->save = NULL;
	f->phase = IDLE;
	if (error) {
		fail(f, error);
		return;
	}
	f->backoff_ms = 0;
	f->not_before_ms = ev_now_ms(f->loop) + GAP_MS;
	schedule(f);
	set_error(f, 0);
}

static void go_on(struct lease_file *f)
{
	int left = write_some(f, SLICE);

	if (left > 0) {
		ev_timer_at(&f->timer, ev_now_ms(f->loop) + 1);
		return;
	}
	f->phase = COMMITTING;
	if (left == 0)
		left = lease_save_start(f->save, f->loop, on_saved, f);
	if (left == 0)
		return;
	drop(f);
	fail(f, left);
}

static void on_timer(void *arg)
{
	struct lease_file *f = arg;
	int error;

	if (f->phase == IDLE) {
		error = begin(f);
		if (error) {
			fail(f, error);
			return;
		}
		f->phase = WRITING;
		f->due_ms = EV_NEVER; /* what changes from now on may come too late for it */
	}
	go_on(f);
}

/* --- the rest --- */

void lease_file_load(struct lease_file *f)
{
	int dir = open_dir(f);

	f->unread = dir < 0;
	if (dir < 0) {
		fail(f, dir);
		return;
	}
	use_file(f, dir);
	close(dir);
}

struct lease_file *lease_file_open(struct ev_loop *loop, const char *dir,
				   const struct lease_file_ops *ops)
{
	struct lease_file *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->loop = loop;
	f->ops = *ops;
	f->due_ms = EV_NEVER;
	snprintf(f->dir, sizeof f->dir, "%s", dir);
	ev_timer_init(&f->timer, loop, on_timer, f);
	return f;
}

void lease_file_changed(struct lease_file *f)
{
	want(f, DELAY_MS);
}

void lease_file_used(struct lease_file *f)
{
	if (f->due_ms == EV_NEVER)
		want(f, REFRESH_MS);
}

void lease_file_begin_anew(struct lease_file *f)
{
	if (f->phase != WRITING)
		return;
	drop(f);
	f->phase = IDLE;
	want(f, 0);
}

int lease_file_error(const struct lease_file *f)
{
	return f->error;
}

const char *lease_file_dir(const struct lease_file *f)
{
	return f->dir;
}

/* What a thread was about to write is old by now, or has just failed. */
static int write_now(struct lease_file *f)
{
	int error = begin(f), left = 1;

	if (error)
		return error;
	while (left > 0)
		left = write_some(f, SIZE_MAX);
	if (left < 0)
		drop(f);
	return left < 0 ? left : lease_save_commit(f->save);
}

void lease_file_close(struct lease_file *f)
{
	int error = 0;

	if (!f)
		return;
	if (f->phase == COMMITTING && lease_save_end(f->save) < 0)
		f->due_ms = 0;
	if (f->phase == WRITING) {
		drop(f);
		f->due_ms = 0;
	}
	if (f->due_ms != EV_NEVER)
		error = write_now(f);
	if (error)
		event_tell(EVENT_LEASES_UNSAVED, NULL,
			   "%s/" LEASE_FILE " could not be written: %s", f->dir,
			   strerror(-error));
	ev_timer_stop(&f->timer);
	free(f);
}
