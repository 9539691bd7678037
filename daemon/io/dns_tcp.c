/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_tcp.c - TCP clients: messages out of a stream, answers into it in any order.
 *
 * A client holds memory only while part of a message, or of an answer, is there.  It is not
 * read while it has OUTSTANDING_MAX questions open or does not take its answers.
 */
#include "dns_tcp.h"

#include "base/addr.h"
#include "base/siphash.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 4096, /* whatever the configuration says */
	ACCEPTS_MAX = 16,   /* in one wake-up */
	READS_MAX = 4,
	TURN_MS = 1,           /* of a wake-up, for all clients but one question of each */
	OUTSTANDING_MAX = 100, /* questions without an answer */
	OUT_PAUSE_LEN = 65536, /* answers waiting: no more questions are read */
	OUT_MAX = 262144,      /* likewise: it is closed */
	FRAME_MAX = 2 + DNS_MSG_MAX,
	IN_MIN = 512,
	RESUME_MS = 50,
	ORIGINS = 1024,
	SNDBUF_LEN = 131072, /* the kernel's part, which else grows to megabytes */
};

struct client {
	struct client *next, *prev; /* longest idle first */
	struct dns_tcp *tcp;
	struct ev_io *io;
	int fd;
	uint32_t slot, generation;
	uint32_t *origin; /* how many have its address */
	struct in6_addr addr;
	uint16_t port;
	uint32_t scope;
	uint64_t active_ms;
	unsigned outstanding, events;
	bool eof;     /* it will send no more */
	bool dead;    /* to be closed when its turn is over */
	bool in_turn; /* answers only go into the buffer */
	bool asked_in_turn;
	uint8_t *in, *out;
	size_t in_len, in_size, out_len, out_at, out_size;
};

struct dns_tcp {
	struct ev_loop *loop;
	dns_tcp_fn *fn;
	dns_tcp_full_fn *full;
	void *arg;
	struct ev_timer timer, resume;
	struct client *oldest, *newest;
	struct client **slots;
	uint32_t n_slots, n_clients, limit;
	uint32_t generation;
	uint64_t idle_ms;
	bool leaving;
	struct siphash_key key;
	uint32_t origins[ORIGINS]; /* clients by the hash of their address */
};

/* The list of clients, longest idle first. */

static void list_drop(struct client *c)
{
	*(c->prev ? &c->prev->next : &c->tcp->oldest) = c->next;
	*(c->next ? &c->next->prev : &c->tcp->newest) = c->prev;
	c->next = c->prev = NULL;
}

static void list_add(struct client *c)
{
	struct dns_tcp *t = c->tcp;

	c->prev = t->newest;
	*(t->newest ? &t->newest->next : &t->oldest) = c;
	t->newest = c;
}

static void rearm(struct dns_tcp *t)
{
	ev_timer_at(&t->timer, t->oldest ? t->oldest->active_ms + t->idle_ms : EV_NEVER);
}

static void touch(struct client *c)
{
	c->active_ms = ev_now_ms(c->tcp->loop);
	list_drop(c);
	list_add(c);
}

/* Closing with something unread would be a reset. */
static void discard(int fd)
{
	uint8_t buf[4096];

	for (int i = 0; i < READS_MAX && recv(fd, buf, sizeof buf, 0) > 0; i++)
		continue;
}

static void client_close(struct client *c)
{
	struct dns_tcp *t = c->tcp;

	list_drop(c);
	t->slots[c->slot] = NULL;
	t->n_clients--;
	--*c->origin;
	ev_io_free(c->io);
	if (t->leaving)
		discard(c->fd);
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
	rearm(t);
}

/* Writing. */

/* What was sent leaves out: a client that is always behind never empties it. */
static void pull_up(struct client *c)
{
	if (!c->out_at)
		return;
	c->out_len -= c->out_at;
	memmove(c->out, c->out + c->out_at, c->out_len);
	c->out_at = 0;
}

/* Takes the answer into out; false: it does not take its answers, or memory is short. */
static bool append(struct client *c, const uint8_t *msg, size_t len)
{
	size_t need;

	if (c->out_len + 2 + len > c->out_size)
		pull_up(c);
	need = c->out_len + 2 + len;
	if (need - c->out_at > OUT_MAX)
		return false;
	if (need > c->out_size) {
		uint8_t *out = realloc(c->out, need);

		if (!out)
			return false;
		c->out = out;
		c->out_size = need;
	}
	c->out[c->out_len++] = (uint8_t)(len >> 8);
	c->out[c->out_len++] = (uint8_t)len;
	memcpy(c->out + c->out_len, msg, len);
	c->out_len += len;
	return true;
}

/* False: the connection is broken. */
static bool flush(struct client *c)
{
	while (c->out_at < c->out_len) {
		ssize_t n =
			send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (n <= 0)
			return false;
		c->out_at += (size_t)n;
		touch(c);
	}
	free(c->out);
	c->out = NULL;
	c->out_at = c->out_len = c->out_size = 0;
	return true;
}

/* Reading. */

static bool may_ask(const struct client *c)
{
	return !c->dead && !c->tcp->leaving && c->outstanding < OUTSTANDING_MAX &&
	       c->out_len - c->out_at < OUT_PAUSE_LEN && !c->tcp->full(c->tcp->arg, &c->addr);
}

/* The length of the whole message at the start of buf, or -1. */
static ssize_t frame_len(const uint8_t *buf, size_t len)
{
	size_t n = len >= 2 ? (size_t)buf[0] << 8 | buf[1] : 0;

	return len >= 2 && len - 2 >= n ? (ssize_t)n : -1;
}

static void take_message(struct client *c, const uint8_t *msg, size_t len)
{
	struct dns_tcp *t = c->tcp;
	struct dns_client from = {
		.addr = c->addr,
		.port = c->port,
		.transport = DNS_TCP,
		.handle = { (uint64_t)c->generation << 32 | c->slot, c->scope },
	};

	c->outstanding++;
	touch(c);
	t->fn(t->arg, &from, msg, len);
}

/* An answer of thousands of records takes a millisecond: at most one of these in a turn,
 * whatever else is there waits until the loop has seen to others. */
static bool in_time(const struct client *c)
{
	return !c->asked_in_turn || ev_clock_ms() <= ev_now_ms(c->tcp->loop) + TURN_MS;
}

/* Hands on the whole messages in the buffer, as long as it may. */
static void read_frames(struct client *c)
{
	size_t at = 0;
	ssize_t n;

	while (in_time(c) && may_ask(c) && (n = frame_len(c->in + at, c->in_len - at)) >= 0) {
		if (n == 0)
			c->dead = true;
		else
			take_message(c, c->in + at + 2, (size_t)n);
		c->asked_in_turn = true;
		at += 2 + (size_t)n;
	}
	c->in_len -= at;
	if (at && c->in_len)
		memmove(c->in, c->in + at, c->in_len);
}

/* Room for the message that is coming in, or for the next reads. */
static bool grow(struct client *c)
{
	size_t want = IN_MIN;
	uint8_t *in;

	if (c->in_len >= 2)
		want = 2 + ((size_t)c->in[0] << 8 | c->in[1]);
	if (want < IN_MIN)
		want = IN_MIN;
	if (want <= c->in_len)
		want = c->in_len + IN_MIN;
	if (want > FRAME_MAX)
		want = FRAME_MAX;
	if (want <= c->in_size)
		return true;
	in = realloc(c->in, want);
	if (!in)
		return false;
	c->in = in;
	c->in_size = want;
	return true;
}

static void read_some(struct client *c)
{
	for (unsigned i = 0; i < READS_MAX && in_time(c) && may_ask(c) && !c->eof; i++) {
		ssize_t n;

		if (!grow(c)) {
			c->dead = true;
			return;
		}
		n = recv(c->fd, c->in + c->in_len, c->in_size - c->in_len, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		c->dead = n < 0;
		c->eof = n == 0;
		if (n > 0)
			c->in_len += (size_t)n;
		read_frames(c);
	}
}

/* What c waits for now.  A message that is in the buffer already gets its turn when the socket
 * is writable; when the client's address is full, nothing here will tell that it no longer is.
 */
static void watch(struct client *c, bool more)
{
	struct dns_tcp *t = c->tcp;
	unsigned events = c->out_at < c->out_len ? EV_IO_WRITE : 0;

	if (may_ask(c))
		events |= (c->eof ? 0u : EV_IO_READ) | (more ? EV_IO_WRITE : 0u);
	else if (!c->outstanding && !c->out_len && t->resume.at_ms == EV_NEVER)
		ev_timer_at(&t->resume, ev_now_ms(t->loop) + RESUME_MS);
	if (events != c->events)
		ev_io_set(c->io, events);
	c->events = events;
}

/* After each turn of a client: what is left of it, or its end. */
static void settle(struct client *c)
{
	bool more = c->in && frame_len(c->in, c->in_len) >= 0;

	if (!c->dead)
		c->dead = !flush(c);
	if (((c->eof && !more) || c->tcp->leaving) && !c->outstanding &&
	    c->out_at == c->out_len)
		c->dead = true;
	if (c->dead) {
		client_close(c);
		return;
	}
	if (!c->in_len) {
		free(c->in);
		c->in = NULL;
		c->in_size = 0;
	}
	watch(c, more);
	rearm(c->tcp);
}

static void on_ready(void *arg, unsigned ready)
{
	struct client *c = arg;

	c->in_turn = true;
	c->asked_in_turn = false;
	if (ready & EV_IO_WRITE)
		c->dead = !flush(c);
	read_frames(c);
	if (ready & EV_IO_READ)
		read_some(c);
	c->in_turn = false;
	settle(c);
}

void dns_tcp_reply(struct dns_tcp *t, const struct dns_client *to, const uint8_t *msg,
		   size_t len)
{
	uint32_t slot = (uint32_t)to->handle[0];
	struct client *c = slot < t->n_slots ? t->slots[slot] : NULL;

	if (!c || c->generation != to->handle[0] >> 32)
		return;
	c->outstanding -= c->outstanding > 0;
	/* A message without an answer: who sends such has nothing to ask. */
	if (!len || !append(c, msg, len))
		c->dead = true;
	if (!c->in_turn)
		settle(c);
}

static void on_resume(void *arg)
{
	struct dns_tcp *t = arg;

	for (struct client *c = t->oldest, *next; c; c = next) {
		next = c->next;
		settle(c);
	}
}

/* Coming and going. */

static void on_idle(void *arg)
{
	struct dns_tcp *t = arg;
	uint64_t now_ms = ev_now_ms(t->loop);

	while (t->oldest && t->oldest->active_ms + t->idle_ms <= now_ms)
		client_close(t->oldest);
	rearm(t);
}

static bool is_busy(const struct client *c)
{
	return c->outstanding || c->out_len;
}

/* Rather one of the address that has most, so that nobody's many connections cost another his
 * own; then one that waits for nothing; then the longest idle. */
static void make_room(struct dns_tcp *t)
{
	struct client *victim = NULL;

	for (struct client *c = t->oldest; c; c = c->next)
		if (!c->in_turn &&
		    (!victim || *c->origin > *victim->origin ||
		     (*c->origin == *victim->origin && is_busy(victim) && !is_busy(c))))
			victim = c;
	if (victim)
		client_close(victim);
}

static void client_new(struct dns_tcp *t, int fd, const struct sockaddr_storage *from)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *four = (const struct sockaddr_in *)from;
	struct client *c = calloc(1, sizeof *c);
	static const int one = 1, sndbuf = SNDBUF_LEN;

	if (!c)
		goto fail;
	c->io = ev_io_new(t->loop, fd, EV_IO_READ, on_ready, c);
	if (!c->io)
		goto fail;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
	c->tcp = t;
	c->fd = fd;
	c->events = EV_IO_READ;
	if (from->ss_family == AF_INET6) {
		c->addr = six->sin6_addr;
		c->port = ntohs(six->sin6_port);
		c->scope = six->sin6_scope_id;
	} else {
		c->addr = addr_mapped(four->sin_addr);
		c->port = ntohs(four->sin_port);
	}
	c->origin = &t->origins[siphash(&t->key, &c->addr, sizeof c->addr) % ORIGINS];
	++*c->origin;
	while (t->slots[c->slot])
		c->slot++;
	c->generation = ++t->generation;
	t->slots[c->slot] = c;
	t->n_clients++;
	c->active_ms = ev_now_ms(t->loop);
	list_add(c);
	return;
fail:
	close(fd);
	free(c);
}

/* Clients that are told the end, and no reset, ask again at once (RFC 7766 6.2.4). */
void dns_tcp_leave(struct dns_tcp *t)
{
	for (uint32_t i = 0; i < t->n_slots; i++)
		if (t->slots[i])
			on_ready(t->slots[i], EV_IO_READ);
	t->leaving = true;
	for (uint32_t i = 0; i < t->n_slots; i++)
		if (t->slots[i])
			settle(t->slots[i]);
}

bool dns_tcp_accept(struct dns_tcp *t, int listening)
{
	bool room = true;

	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		int fd = accept4(listening, (struct sockaddr *)&from, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			room = errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
			       errno != ENOMEM;
			break;
		}
		while (t->n_clients >= t->limit && t->n_clients)
			make_room(t);
		if (t->n_clients < t->limit)
			client_new(t, fd, &from);
		else
			close(fd);
	}
	rearm(t);
	return room;
}

void dns_tcp_limit(struct dns_tcp *t, uint32_t clients, uint32_t idle_s)
{
	t->limit = clients < t->n_slots ? clients : t->n_slots;
	t->idle_ms = (uint64_t)idle_s * 1000;
	while (t->n_clients > t->limit)
		make_room(t);
	rearm(t);
}

struct dns_tcp *dns_tcp_new(struct ev_loop *loop, dns_tcp_fn *fn, dns_tcp_full_fn *full,
			    void *arg)
{
	struct dns_tcp *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->loop = loop;
	t->fn = fn;
	t->full = full;
	t->arg = arg;
	ev_timer_init(&t->timer, loop, on_idle, t);
	ev_timer_init(&t->resume, loop, on_resume, t);
	t->slots = calloc(CLIENTS_MAX, sizeof *t->slots);
	t->n_slots = CLIENTS_MAX;
	if (t->slots && getrandom(&t->key, sizeof t->key, 0) == (ssize_t)sizeof t->key)
		return t;
	free(t->slots);
	free(t);
	return NULL;
}

void dns_tcp_free(struct dns_tcp *t)
{
	if (!t)
		return;
	while (t->oldest)
		client_close(t->oldest);
	ev_timer_stop(&t->timer);
	ev_timer_stop(&t->resume);
	free(t->slots);
	free(t);
}

size_t dns_tcp_clients(const struct dns_tcp *t)
{
	return t->n_clients;
}
