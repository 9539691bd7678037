/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_client.c - see the header. */
#include "control_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX  65536u /* without its NUL */
#define READ_AT_ONCE 16384u
#define ROWS_AT_ONCE 32u /* rows of a list a wake-up: packets and questions wait for us */
#define IDLE_MS      10000u

/* The length of the request that is complete, or -1. */
static ssize_t request_len(const struct control_client *c)
{
	size_t len = control_buf_len(&c->in);
	const char *head = control_buf_head(&c->in);
	const char *nul = len ? memchr(head, '\0', len) : NULL;

	return nul ? nul - head : -1;
}

static bool has_work(const struct control_client *c)
{
	if (c->call.failed || c->call.waits)
		return false;
	return control_call_has_next(&c->call) ||
	       (!c->call.monitor.runs && request_len(c) >= 0);
}

/* False when the connection is broken. */
static bool receive(struct control_client *c)
{
	size_t room = REQUEST_MAX + 1 - control_buf_len(&c->in);
	size_t n = room < READ_AT_ONCE ? room : READ_AT_ONCE;
	char *to = control_buf_room(&c->in, n);

	if (!to)
		return false;
	ssize_t got = recv(c->fd, to, n, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	control_buf_put(&c->in, (size_t)got);
	c->eof = got == 0;
	if (c->call.monitor.runs) /* which nothing can follow */
		control_buf_done(&c->in);
	return true;
}

/* One request, or the first one's list continued; true when something was done. */
static bool step(struct control_client *c)
{
	if (control_call_next(&c->call))
		return true;
	if (c->call.failed || c->call.waits || c->call.monitor.runs)
		return false;

	ssize_t len = request_len(c);
	if (len < 0) {
		if (control_buf_len(&c->in) <= REQUEST_MAX)
			return false;
		control_call_error(&c->call, CONTROL_TOO_LARGE);
		c->call.failed = true;
		return true;
	}
	control_call_request(&c->call, control_buf_head(&c->in), (size_t)len);
	control_buf_take(&c->in, (size_t)len + 1);
	return true;
}

/* A bounded share of the work that waits; true when some was done. */
static bool work(struct control_client *c)
{
	bool done = false;

	c->call.now_ms = ev_now_ms(c->loop);
	for (unsigned i = 0; i < ROWS_AT_ONCE; i++) {
		if (control_buf_len(&c->call.out) >= CONTROL_OUT_ENOUGH)
			break;
		if (!step(c))
			break;
		done = true;
		if (!c->call.row) /* an answer other than a row may have cost more: one is
				     enough */
			break;
	}
	return done;
}

/* False when the connection is broken. */
static bool transmit(struct control_client *c, bool *progress)
{
	struct control_buf *out = &c->call.out;

	if (!control_buf_len(out))
		return true;
	ssize_t sent = send(c->fd, control_buf_head(out), control_buf_len(out),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN || errno == EINTR;
	control_buf_take(out, (size_t)sent);
	*progress = true;
	return true;
}

/* Is there nothing left to do? */
static bool is_over(const struct control_client *c)
{
	return control_buf_len(&c->call.out) == 0 && !has_work(c) && !c->call.waits &&
	       (c->eof || c->call.failed);
}

/* Work that waits is woken by the socket taking bytes: never by one that is full. */
static void watch(struct control_client *c)
{
	bool busy = has_work(c);
	bool listening = !busy && !c->call.waits && !c->eof && !c->call.failed;
	bool talking = busy || control_buf_len(&c->call.out);

	ev_io_set(c->io, (listening ? EV_IO_READ : 0u) | (talking ? EV_IO_WRITE : 0u));
}

static void on_ready(void *arg, unsigned ready)
{
	struct control_client *c = arg;
	bool listening = !has_work(c) && !c->call.waits && !c->eof && !c->call.failed;

	if ((ready & EV_IO_READ) && listening && !receive(c)) {
		c->on_end(c->arg, c);
		return;
	}
	bool progress = work(c);
	if (!transmit(c, &progress) || is_over(c)) {
		c->on_end(c->arg, c);
		return;
	}
	if (progress)
		ev_timer_at(&c->idle, ev_now_ms(c->loop) + IDLE_MS);
	watch(c);
}

static void on_idle(void *arg)
{
	struct control_client *c = arg;

	/* For us, which ends by itself; or for something to happen. */
	if (c->call.waits || (c->call.monitor.runs && !c->call.failed))
		ev_timer_at(&c->idle, ev_now_ms(c->loop) + IDLE_MS);
	else
		c->on_end(c->arg, c);
}

static void on_wake(void *arg)
{
	watch(arg);
}

struct control_client *control_client_new(struct ev_loop *loop, int fd,
					  const struct control_service *service,
					  bool may_change,
					  void (*on_end)(void *arg, struct control_client *),
					  void *arg)
{
	struct control_client *c = calloc(1, sizeof *c);

	if (!c) {
		close(fd);
		return NULL;
	}
	*c = (struct control_client){
		.loop = loop,
		.fd = fd,
		.call = { .service = service, .may_change = may_change },
		.on_end = on_end,
		.arg = arg,
	};
	c->call.wake = on_wake;
	c->call.wake_arg = c;
	ev_timer_init(&c->idle, loop, on_idle, c);
	c->io = ev_io_new(loop, fd, EV_IO_READ, on_ready, c);
	if (!c->io) {
		control_client_free(c);
		return NULL;
	}
	ev_timer_at(&c->idle, ev_now_ms(loop) + IDLE_MS);
	return c;
}

void control_client_free(struct control_client *c)
{
	if (!c)
		return;
	ev_timer_stop(&c->idle);
	ev_io_free(c->io);
	close(c->fd);
	control_buf_done(&c->in);
	control_call_done(&c->call);
	free(c);
}
