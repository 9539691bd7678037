/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ev.h - the loop: descriptors, deadlines, signals.  The one file that knows libevent.
 *
 * Time is CLOCK_BOOTTIME in milliseconds, read once per wake-up.  All deadlines share one
 * timerfd, so an idle loop wakes only when one is due.  Callbacks may free the object they
 * belong to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct ev_io;
struct ev_signal;

enum { EV_IO_READ = 1, EV_IO_WRITE = 2 };

#define EV_NEVER UINT64_MAX

/* The loop as libevent knows it, for a library that takes part in it. */
struct event_base;
struct event_base *ev_base(const struct ev_loop *);

typedef void ev_io_fn(void *arg, unsigned ready); /* EV_IO_READ | EV_IO_WRITE */
typedef void ev_fn(void *arg);

/* NULL after logging. */
struct ev_loop *ev_new(void);
void ev_free(struct ev_loop *);

/* Runs until ev_stop(); then it may be run again. */
void ev_run(struct ev_loop *);
void ev_stop(struct ev_loop *);

/* The time of this wake-up, and the time right now. */
uint64_t ev_now_ms(const struct ev_loop *);
uint64_t ev_clock_ms(void);

/* Watches fd, which stays the caller's, for the events given (may be 0).  NULL after logging.
 */
struct ev_io *ev_io_new(struct ev_loop *, int fd, unsigned events, ev_io_fn *, void *arg);
void ev_io_set(struct ev_io *, unsigned events);
void ev_io_free(struct ev_io *);

/* What is done once when the loop has seen to all that was ready, embedded likewise. */
struct ev_after {
	struct ev_loop *loop;
	ev_fn *fn;
	void *arg;
	struct ev_after *next;
	bool waits;
};

void ev_after_init(struct ev_after *, struct ev_loop *, ev_fn *, void *arg);
void ev_after_do(struct ev_after *);
void ev_after_stop(struct ev_after *);

/* A deadline, embedded in its owner and set up by ev_timer_init(); not yet due: EV_NEVER. */
struct ev_timer {
	struct ev_loop *loop;
	ev_fn *fn;
	void *arg;
	uint64_t at_ms;
	size_t slot; /* where the loop keeps it; 0: not waiting */
};

void ev_timer_init(struct ev_timer *, struct ev_loop *, ev_fn *, void *arg);

/* Due at at_ms (EV_NEVER: not any more), in place of any earlier setting. */
void ev_timer_at(struct ev_timer *, uint64_t at_ms);
void ev_timer_stop(struct ev_timer *);

/* Calls fn in the loop, not in a signal handler.  NULL after logging. */
struct ev_signal *ev_signal_new(struct ev_loop *, int signo, ev_fn *, void *arg);
void ev_signal_free(struct ev_signal *);
