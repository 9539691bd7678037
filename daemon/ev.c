/* SPDX-License-Identifier: GPL-3.0-or-later */
#define LOG_PLANE "gateway"

#include "ev.h"

#include "log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Deadlines are a binary heap, earliest first, in heap[1..n]. */
struct ev_loop {
	struct event_base *base;
	struct event *timer_event;
	int timer_fd;
	uint64_t now_ms;      /* 0: to be read */
	uint64_t armed_at_ms; /* what the timerfd is set to */
	struct ev_timer **heap;
	size_t n, size;
	struct ev_after *after;
	bool stopped;
};

struct ev_io {
	struct ev_loop *loop;
	struct event *event;
	int fd;
	unsigned events;
	ev_io_fn *fn;
	void *arg;
};

struct ev_signal {
	struct ev_loop *loop;
	struct event *event;
	ev_fn *fn;
	void *arg;
};

uint64_t ev_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t ev_now_ms(const struct ev_loop *l)
{
	return l->now_ms ? l->now_ms : ev_clock_ms();
}

static void read_clock(struct ev_loop *l)
{
	if (!l->now_ms)
		l->now_ms = ev_clock_ms();
}

static void place(struct ev_loop *l, size_t slot, struct ev_timer *t)
{
	l->heap[slot] = t;
	t->slot = slot;
}

static void sift_up(struct ev_loop *l, size_t slot, struct ev_timer *t)
{
	for (; slot > 1 && l->heap[slot / 2]->at_ms > t->at_ms; slot /= 2)
		place(l, slot, l->heap[slot / 2]);
	place(l, slot, t);
}

static void sift_down(struct ev_loop *l, size_t slot, struct ev_timer *t)
{
	for (size_t child; (child = slot * 2) <= l->n; slot = child) {
		if (child < l->n && l->heap[child + 1]->at_ms < l->heap[child]->at_ms)
			child++;
		if (l->heap[child]->at_ms >= t->at_ms)
			break;
		place(l, slot, l->heap[child]);
	}
	place(l, slot, t);
}

static void reserve(struct ev_loop *l)
{
	size_t size = l->size ? l->size * 2 : 64;
	struct ev_timer **heap;

	if (l->n + 1 < l->size)
		return;
	heap = realloc(l->heap, size * sizeof(struct ev_timer *));
	if (!heap) {
		log_error("out of memory for deadlines");
		abort();
	}
	l->heap = heap;
	l->size = size;
}

void ev_timer_init(struct ev_timer *t, struct ev_loop *loop, ev_fn *fn, void *arg)
{
	*t = (struct ev_timer){ .loop = loop, .fn = fn, .arg = arg, .at_ms = EV_NEVER };
}

void ev_timer_stop(struct ev_timer *t)
{
	struct ev_loop *l = t->loop;
	size_t slot = t->slot;
	struct ev_timer *last;

	if (!slot)
		return;
	t->slot = 0;
	t->at_ms = EV_NEVER;
	last = l->heap[l->n--];
	if (last == t)
		return;
	if (slot > 1 && l->heap[slot / 2]->at_ms > last->at_ms)
		sift_up(l, slot, last);
	else
		sift_down(l, slot, last);
}

void ev_timer_at(struct ev_timer *t, uint64_t at_ms)
{
	struct ev_loop *l = t->loop;

	if (t->slot && t->at_ms == at_ms)
		return;
	ev_timer_stop(t);
	if (at_ms == EV_NEVER)
		return;
	reserve(l);
	t->at_ms = at_ms;
	sift_up(l, ++l->n, t);
}

void ev_after_init(struct ev_after *a, struct ev_loop *loop, ev_fn *fn, void *arg)
{
	*a = (struct ev_after){ .loop = loop, .fn = fn, .arg = arg };
}

void ev_after_do(struct ev_after *a)
{
	if (a->waits)
		return;
	a->waits = true;
	a->next = a->loop->after;
	a->loop->after = a;
}

void ev_after_stop(struct ev_after *a)
{
	struct ev_after **link = &a->loop->after;

	if (!a->waits)
		return;
	while (*link != a)
		link = &(*link)->next;
	*link = a->next;
	a->waits = false;
}

static void run_after(struct ev_loop *l)
{
	struct ev_after *a;

	while ((a = l->after)) {
		ev_after_stop(a);
		a->fn(a->arg);
	}
}

/* Sets the timerfd to the earliest deadline, when that is not what it is set to. */
static void arm(struct ev_loop *l)
{
	uint64_t at = l->n ? l->heap[1]->at_ms : EV_NEVER;
	struct itimerspec its = { 0 };

	if (at == l->armed_at_ms)
		return;
	if (at != EV_NEVER) {
		its.it_value.tv_sec = (time_t)(at / 1000);
		its.it_value.tv_nsec = (long)(at % 1000) * 1000000;
		if (at == 0)
			its.it_value.tv_nsec = 1; /* all zero would disarm */
	}
	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
	l->armed_at_ms = at;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct ev_loop *l = arg;
	uint64_t expirations;
	size_t most = l->n;

	(void)what;
	read_clock(l);
	if (read(fd, &expirations, sizeof expirations) > 0)
		l->armed_at_ms = EV_NEVER;
	while (most-- && l->n && l->heap[1]->at_ms <= l->now_ms) {
		struct ev_timer *t = l->heap[1];

		ev_timer_stop(t);
		t->fn(t->arg);
	}
}

struct ev_loop *ev_new(void)
{
	struct ev_loop *l = calloc(1, sizeof *l);
	struct event_config *conf = event_config_new();

	if (!l || !conf)
		goto fail;
	l->armed_at_ms = EV_NEVER;
	l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	event_config_set_flag(conf, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_NO_CACHE_TIME);
	event_config_avoid_method(conf, "select");
	event_config_avoid_method(conf, "poll");
	l->base = event_base_new_with_config(conf);
	if (l->timer_fd < 0 || !l->base)
		goto fail;
	l->timer_event = event_new(l->base, l->timer_fd, EV_READ | EV_PERSIST, on_deadline, l);
	if (!l->timer_event || event_add(l->timer_event, NULL) < 0)
		goto fail;
	event_config_free(conf);
	return l;
fail:
	log_error("event loop: %s", strerror(errno));
	if (conf)
		event_config_free(conf);
	ev_free(l);
	return NULL;
}

void ev_free(struct ev_loop *l)
{
	if (!l)
		return;
	if (l->timer_event)
		event_free(l->timer_event);
	if (l->base)
		event_base_free(l->base);
	if (l->timer_fd > 0)
		close(l->timer_fd);
	free(l->heap);
	free(l);
}

struct event_base *ev_base(const struct ev_loop *l)
{
	return l->base;
}

void ev_run(struct ev_loop *l)
{
	while (!l->stopped) {
		arm(l);
		l->now_ms = 0;
		if (event_base_loop(l->base, EVLOOP_ONCE) < 0)
			break;
		run_after(l);
	}
	l->stopped = false;
}

void ev_stop(struct ev_loop *l)
{
	l->stopped = true;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct ev_io *io = arg;

	(void)fd;
	read_clock(io->loop);
	io->fn(io->arg,
	       (what & EV_READ ? EV_IO_READ : 0u) | (what & EV_WRITE ? EV_IO_WRITE : 0u));
}

struct ev_io *ev_io_new(struct ev_loop *l, int fd, unsigned events, ev_io_fn *fn, void *arg)
{
	struct ev_io *io = calloc(1, sizeof *io);

	if (!io)
		goto fail;
	*io = (struct ev_io){ .loop = l, .fd = fd, .fn = fn, .arg = arg };
	io->event = event_new(l->base, fd, EV_PERSIST, on_ready, io);
	if (!io->event)
		goto fail;
	ev_io_set(io, events);
	return io;
fail:
	log_error("event loop: out of memory");
	free(io);
	return NULL;
}

void ev_io_set(struct ev_io *io, unsigned events)
{
	short what = (short)(EV_PERSIST | (events & EV_IO_READ ? EV_READ : 0) |
			     (events & EV_IO_WRITE ? EV_WRITE : 0));

	if (events == io->events)
		return;
	if (io->events)
		event_del(io->event);
	io->events = events;
	event_assign(io->event, io->loop->base, io->fd, what, on_ready, io);
	if (events && event_add(io->event, NULL) < 0)
		log_error("event loop: cannot watch descriptor %d: %s", io->fd,
			  strerror(errno));
}

void ev_io_free(struct ev_io *io)
{
	if (!io)
		return;
	event_free(io->event);
	free(io);
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct ev_signal *s = arg;

	(void)signo;
	(void)what;
	read_clock(s->loop);
	s->fn(s->arg);
}

struct ev_signal *ev_signal_new(struct ev_loop *l, int signo, ev_fn *fn, void *arg)
{
	struct ev_signal *s = calloc(1, sizeof *s);

	if (!s)
		goto fail;
	*s = (struct ev_signal){ .loop = l, .fn = fn, .arg = arg };
	s->event = evsignal_new(l->base, signo, on_signal, s);
	if (!s->event || event_add(s->event, NULL) < 0)
		goto fail;
	return s;
fail:
	log_error("event loop: cannot handle signal %d", signo);
	ev_signal_free(s);
	return NULL;
}

void ev_signal_free(struct ev_signal *s)
{
	if (!s)
		return;
	if (s->event)
		event_free(s->event);
	free(s);
}
