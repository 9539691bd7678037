/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream_tcp.c - questions to forwarders over TCP (RFC 7766): one connection for each peer,
 * pipelined, answers in any order, closed when idle.
 *
 * Not done by c-ares: its 1.18.1 gives up what is in flight when a server closes the connection
 * behind an answer, as RFC 7766 6.2.3 allows.  Here the questions left go out again on a new
 * connection, as long as each connection brings at least one answer; and no more of them at
 * once than the one before had answered.
 */
#include "upstream_tcp.h"

#include "base/addr.h"
#include "dns/exchange.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	WAITING_MAX = 2048, /* questions on all streams together */
	WINDOW_MAX = 64,    /* unanswered on one connection */
	SILENT_MS = 4000,
	IDLE_MS = 10000,
	FRAME_MAX = 2 + DNS_MSG_MAX,
	READS_MAX = 8, /* in one wake-up */
};

/* One question; its frame is the message behind its length. */
struct ask {
	struct ask *next;
	uint64_t tag, until_ms;
	size_t len, written;
	bool over; /* answered or cancelled: stays while it is half written */
	uint8_t frame[2 + EXCHANGE_LEN_MAX];
};

struct stream {
	struct stream *next;
	struct upstream_tcp *u;
	struct forward_peer peer;
	struct ev_timer timer;
	struct ev_io *io;
	int fd; /* -1: none */
	bool connected;
	unsigned window;   /* unanswered questions allowed */
	unsigned answered; /* on this connection */
	struct ask *asks;  /* oldest first */
	uint8_t *in;
	size_t in_len;
};

struct upstream_tcp {
	struct ev_loop *loop;
	upstream_fn *fn;
	void *arg;
	struct stream *streams;
	size_t n_asks;
};

static void disconnect(struct stream *s)
{
	ev_io_free(s->io);
	s->io = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->connected = false;
	s->in_len = 0;
	free(s->in);
	s->in = NULL;
	for (struct ask *a = s->asks; a; a = a->next)
		a->written = 0;
}

static void drop(struct stream *s, struct ask **at)
{
	struct ask *a = *at;

	*at = a->next;
	free(a);
	s->u->n_asks--;
}

/* Forgets what is over and not half written. */
static void sweep(struct stream *s)
{
	for (struct ask **at = &s->asks; *at;)
		if ((*at)->over && ((*at)->written == 0 || (*at)->written == (*at)->len))
			drop(s, at);
		else
			at = &(*at)->next;
}

/* A stream without a connection is seen to at once: it gets one, or goes. */
static void rearm(struct stream *s)
{
	uint64_t at = ev_now_ms(s->u->loop) + (s->fd >= 0 ? IDLE_MS : 0);

	for (const struct ask *a = s->asks; a; a = a->next)
		if (!a->over && a->until_ms < at)
			at = a->until_ms;
	ev_timer_at(&s->timer, at);
}

/* Tells the owner of every question that is due by until_ms; were there any? */
static bool fail(struct stream *s, enum forward_outcome outcome, uint64_t until_ms)
{
	struct ask *failed = NULL, **end = &failed;
	bool any;

	for (struct ask **at = &s->asks; *at;) {
		struct ask *a = *at;

		if (a->over || a->until_ms > until_ms) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		*end = a;
		end = &a->next;
		a->next = NULL;
	}
	any = failed;
	while (failed) {
		struct ask *a = failed;

		failed = a->next;
		s->u->n_asks--;
		s->u->fn(s->u->arg, a->tag, outcome, NULL, 0);
		free(a);
	}
	return any;
}

/* Writes what the window lets through.  An error is left to be read. */
static void flush(struct stream *s)
{
	unsigned unanswered = 0;
	bool blocked = false;

	if (s->fd < 0 || !s->connected)
		return;
	for (struct ask *a = s->asks; a && !blocked && unanswered < s->window; a = a->next) {
		ssize_t n;

		if (a->over && a->written == 0)
			continue;
		unanswered += !a->over;
		if (a->written == a->len)
			continue;
		n = send(s->fd, a->frame + a->written, a->len - a->written, MSG_NOSIGNAL);
		if (n > 0)
			a->written += (size_t)n;
		blocked = a->written < a->len;
	}
	sweep(s);
	ev_io_set(s->io, EV_IO_READ | (blocked ? EV_IO_WRITE : 0));
}

/* The connection is gone.  What is left goes out again on the next, unless this one brought
 * nothing. */
static void on_lost(struct stream *s)
{
	unsigned answered = s->answered;

	disconnect(s);
	sweep(s);
	s->window = answered ? answered : 1;
	if (!answered)
		fail(s, FORWARD_REFUSED, UINT64_MAX);
	rearm(s);
}

static void on_message(struct stream *s, const uint8_t *msg, size_t len)
{
	for (struct ask **at = &s->asks; *at; at = &(*at)->next) {
		struct ask *a = *at;

		if (!a->over && a->written < a->len) /* nor is any behind it */
			return;
		if (a->over ||
		    exchange_match(a->frame + 2, a->len - 2, msg, len) == EXCHANGE_FOREIGN)
			continue;
		*at = a->next;
		s->u->n_asks--;
		s->answered++;
		if (s->window < WINDOW_MAX)
			s->window++;
		s->u->fn(s->u->arg, a->tag, FORWARD_MESSAGE, msg, len);
		free(a);
		return;
	}
}

static void read_frames(struct stream *s)
{
	size_t at = 0;

	while (s->in_len - at >= 2) {
		size_t len = (size_t)s->in[at] << 8 | s->in[at + 1];

		if (s->in_len - at < 2 + len)
			break;
		on_message(s, s->in + at + 2, len);
		at += 2 + len;
	}
	s->in_len -= at;
	memmove(s->in, s->in + at, s->in_len);
}

/* False: the connection is at its end. */
static bool read_some(struct stream *s)
{
	for (unsigned i = 0; i < READS_MAX; i++) {
		ssize_t n = recv(s->fd, s->in + s->in_len, FRAME_MAX - s->in_len, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n <= 0)
			return false;
		s->in_len += (size_t)n;
		read_frames(s);
	}
	return true;
}

static void on_ready(void *arg, unsigned ready)
{
	struct stream *s = arg;
	int error = 0;
	socklen_t len = sizeof error;

	if (!s->connected) {
		getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error) {
			on_lost(s);
			return;
		}
		s->connected = true;
	}
	if (!s->in)
		s->in = malloc(FRAME_MAX);
	if (!s->in || (ready & EV_IO_READ && !read_some(s))) {
		on_lost(s);
		return;
	}
	flush(s);
	rearm(s);
}

static bool connect_to(int fd, const struct forward_peer *p)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons(p->port),
				    .sin6_addr = p->addr,
				    .sin6_scope_id = p->scope };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(p->port) };
	int rc;

	if (addr_is_v4(&p->addr)) {
		four.sin_addr = addr_v4(&p->addr);
		rc = connect(fd, (const struct sockaddr *)&four, sizeof four);
	} else {
		rc = connect(fd, (const struct sockaddr *)&six, sizeof six);
	}
	return rc == 0 || errno == EINPROGRESS;
}

static void open_stream(struct stream *s)
{
	int one = 1, family = addr_is_v4(&s->peer.addr) ? AF_INET : AF_INET6;

	s->answered = 0;
	s->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		fail(s, FORWARD_BUSY, UINT64_MAX);
		return;
	}
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect_to(s->fd, &s->peer))
		s->io = ev_io_new(s->u->loop, s->fd, EV_IO_READ | EV_IO_WRITE, on_ready, s);
	if (!s->io) {
		disconnect(s);
		fail(s, FORWARD_REFUSED, UINT64_MAX);
	}
}

static void stream_free(struct stream *s)
{
	disconnect(s);
	ev_timer_stop(&s->timer);
	while (s->asks)
		drop(s, &s->asks);
	free(s);
}

static void forget(struct upstream_tcp *u, struct stream *s)
{
	struct stream **at = &u->streams;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	stream_free(s);
}

/* Silence, idleness, or a connection to be made. */
static void on_timer(void *arg)
{
	struct stream *s = arg;
	bool silent = fail(s, FORWARD_SILENT, ev_now_ms(s->u->loop));

	sweep(s);
	if (silent || !s->asks)
		disconnect(s);
	sweep(s);
	if (s->asks && s->fd < 0)
		open_stream(s);
	if (s->asks)
		rearm(s);
	else
		forget(s->u, s);
}

static struct stream *stream_of(struct upstream_tcp *u, const struct forward_peer *peer)
{
	struct stream *s = u->streams;

	while (s && !(addr_equal(&s->peer.addr, &peer->addr) && s->peer.port == peer->port &&
		      s->peer.scope == peer->scope))
		s = s->next;
	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	*s = (struct stream){
		.next = u->streams, .u = u, .peer = *peer, .fd = -1, .window = WINDOW_MAX
	};
	ev_timer_init(&s->timer, u->loop, on_timer, s);
	u->streams = s;
	return s;
}

/* As many as are left for all others: a peer that is silent does not keep them from asking. */
static bool has_room(const struct stream *s)
{
	size_t n = 0;

	for (const struct ask *a = s->asks; a; a = a->next)
		n++;
	return n < WAITING_MAX - s->u->n_asks;
}

void upstream_tcp_send(struct upstream_tcp *u, uint64_t tag, const struct forward_peer *peer,
		       const uint8_t *msg, size_t len)
{
	struct stream *s = stream_of(u, peer);
	struct ask *a = s && has_room(s) ? calloc(1, sizeof *a) : NULL, **end;

	if (!a) {
		if (s)
			rearm(s);
		u->fn(u->arg, tag, FORWARD_BUSY, NULL, 0);
		return;
	}
	a->tag = tag;
	a->until_ms = ev_now_ms(u->loop) + SILENT_MS;
	a->len = 2 + len;
	a->frame[0] = (uint8_t)(len >> 8);
	a->frame[1] = (uint8_t)len;
	memcpy(a->frame + 2, msg, len);
	for (end = &s->asks; *end; end = &(*end)->next)
		continue;
	*end = a;
	u->n_asks++;
	flush(s);
	rearm(s);
}

bool upstream_tcp_cancel(struct upstream_tcp *u, uint64_t tag)
{
	for (struct stream *s = u->streams; s; s = s->next)
		for (struct ask *a = s->asks; a; a = a->next)
			if (a->tag == tag && !a->over) {
				a->over = true;
				return true;
			}
	return false;
}

struct upstream_tcp *upstream_tcp_new(struct ev_loop *loop, upstream_fn *fn, void *arg)
{
	struct upstream_tcp *u = calloc(1, sizeof *u);

	if (u)
		*u = (struct upstream_tcp){ .loop = loop, .fn = fn, .arg = arg };
	return u;
}

void upstream_tcp_free(struct upstream_tcp *u)
{
	while (u && u->streams) {
		struct stream *s = u->streams;

		u->streams = s->next;
		stream_free(s);
	}
	free(u);
}
