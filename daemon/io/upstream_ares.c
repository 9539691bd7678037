/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream_ares.c - questions to forwarders over UDP, by c-ares 1.18.1 or newer.
 *
 * c-ares has one socket, so one source port, for each server of a channel.  Here every peer has
 * channels of its own (one server, one try), taken at random, and a channel is left to drain
 * after a few questions: then c-ares closes its socket, and the next question comes from a new
 * port (RFC 5452 9.2).  Who is asked when, and how long, is forward.c's business.
 *
 * Answers are read here, before c-ares sees them.  It would take one with QR=0, with another
 * opcode or with the name in another case for the answer, and so end the wait for the real one;
 * take FORMERR without OPT as the wish to cut 11 bytes off the question and resend it; cut long
 * answers; and wait on when FORMERR repeats no question.  So on_receive() drops what cannot be
 * the answer, and shows c-ares the question with QR set, by which it finds its query; on_done()
 * hands on the datagram itself.  Streams are upstream_tcp.c's.
 */
#define LOG_PLANE "dns64"

#include "upstream.h"

#include "base/addr.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "dns/exchange.h"
#include "upstream_tcp.h"

#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	CHANNELS_MAX = 384,     /* 90 KiB each while they are used */
	SPREAD = 8,             /* channels of a peer made before one is shared */
	PORT_QUESTIONS = 4,     /* from one port */
	PORT_QUESTIONS_MAX = 5, /* likewise, when there are no more channels */
	SILENT_MS = 6000,       /* longer than a question lives, so late answers arrive */
	IDLE_MS = 10000,
	TICK_MS = 1000,
	JUNK_MAX = 64, /* datagrams read at once that answer nothing */
};

/* One question c-ares holds. */
struct ask {
	struct channel *channel;
	uint64_t tag;
	bool busy, cancelled;
	uint16_t len;
	uint8_t msg[EXCHANGE_LEN_MAX];
};

struct channel {
	struct upstream *u;
	struct forward_peer peer;
	ares_channel ares;
	struct ev_io *io;
	int fd; /* -1: none */
	uint64_t used_ms;
	bool starved;   /* its last socket could not be had here */
	unsigned asked; /* from this port */
	unsigned busy, cancelled;
	unsigned in_turn; /* c-ares is at work on it */
	struct ask asks[PORT_QUESTIONS_MAX];
};

struct upstream {
	struct ev_loop *loop;
	upstream_fn *fn;
	void *arg;
	struct upstream_tcp *tcp;
	struct ev_timer timer;
	struct channel *channels[CHANNELS_MAX];
	size_t n_channels;
	bool closing;
	struct random random;
	uint8_t datagram[DNS_MSG_MAX]; /* the last one read, and its length */
	size_t datagram_len;
};

/* Sockets. */

static ares_socket_t on_socket(int family, int type, int protocol, void *arg)
{
	struct channel *c = arg;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	c->starved = fd < 0;
	return fd;
}

static int on_close(ares_socket_t fd, void *arg)
{
	(void)arg;
	return close(fd);
}

/* c-ares has no place for the link of a link-local address. */
static int on_connect(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len,
		      void *arg)
{
	const struct channel *c = arg;
	struct sockaddr_in6 six;

	if (to->sa_family != AF_INET6 || len < sizeof six)
		return connect(fd, to, len);
	memcpy(&six, to, sizeof six);
	six.sin6_scope_id = c->peer.scope;
	return connect(fd, (const struct sockaddr *)&six, sizeof six);
}

static ares_ssize_t on_write(ares_socket_t fd, const struct iovec *iov, int n, void *arg)
{
	(void)arg;
	return writev(fd, iov, n);
}

static const struct ask *asked_by(const struct channel *c, const uint8_t *msg, size_t len)
{
	for (size_t i = 0; i < PORT_QUESTIONS_MAX; i++) {
		const struct ask *a = &c->asks[i];

		if (a->busy && exchange_match(a->msg, a->len, msg, len) != EXCHANGE_FOREIGN)
			return a;
	}
	return NULL;
}

static ares_ssize_t on_receive(ares_socket_t fd, void *buf, size_t size, int flags,
			       struct sockaddr *from, ares_socklen_t *from_len, void *arg)
{
	struct channel *c = arg;
	struct upstream *u = c->u;
	ares_socklen_t room = *from_len;

	for (unsigned junk = 0; junk < JUNK_MAX; junk++) {
		ssize_t n;
		const struct ask *a;

		*from_len = room;
		n = recvfrom(fd, u->datagram, sizeof u->datagram, flags, from, from_len);
		if (n < 0)
			return -1;
		u->datagram_len = (size_t)n;
		a = asked_by(c, u->datagram, u->datagram_len);
		if (!a || a->len > size)
			continue;
		memcpy(buf, a->msg, a->len);
		((uint8_t *)buf)[2] |= 0x80; /* QR */
		return a->len;
	}
	errno = EAGAIN;
	return -1;
}

static const struct ares_socket_functions socket_functions = { on_socket, on_close, on_connect,
							       on_receive, on_write };

static void on_ready(void *arg, unsigned ready)
{
	struct channel *c = arg;

	c->in_turn++;
	ares_process_fd(c->ares, ready & EV_IO_READ ? c->fd : ARES_SOCKET_BAD,
			ready & EV_IO_WRITE ? c->fd : ARES_SOCKET_BAD);
	c->in_turn--;
}

/* c-ares opened a socket, wants other events, or closes it. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct channel *c = arg;
	unsigned events = (readable ? EV_IO_READ : 0u) | (writable ? EV_IO_WRITE : 0u);

	if (c->io && (!events || c->fd != fd)) {
		ev_io_free(c->io);
		c->io = NULL;
		c->fd = -1;
		c->asked = 0;
	}
	if (!events)
		return;
	c->fd = fd;
	if (c->io)
		ev_io_set(c->io, events);
	else
		c->io = ev_io_new(c->u->loop, fd, events, on_ready, c);
}

/* Questions. */

static void on_done(void *arg, int status, int timeouts, unsigned char *msg, int len)
{
	struct ask *a = arg;
	struct channel *c = a->channel;
	struct upstream *u = c->u;
	bool told = a->cancelled || u->closing;

	(void)timeouts;
	(void)msg;
	(void)len;
	a->busy = false;
	c->busy--;
	c->cancelled -= a->cancelled;
	if (!c->busy && !c->io)
		c->asked = 0;
	if (told)
		return;
	switch (status) {
	case ARES_SUCCESS:
		u->fn(u->arg, a->tag, FORWARD_MESSAGE, u->datagram, u->datagram_len);
		break;
	case ARES_ETIMEOUT:
		u->fn(u->arg, a->tag, FORWARD_SILENT, NULL, 0);
		break;
	case ARES_ECONNREFUSED:
		u->fn(u->arg, a->tag, c->starved ? FORWARD_BUSY : FORWARD_REFUSED, NULL, 0);
		break;
	default:
		u->fn(u->arg, a->tag, FORWARD_BUSY, NULL, 0);
		break;
	}
}

/* c-ares wakes for its deadlines here; what nobody waits for is dropped, and what is long idle
 * is given back. */
static void on_tick(void *arg)
{
	struct upstream *u = arg;
	uint64_t now_ms = ev_now_ms(u->loop);

	for (size_t i = 0; i < u->n_channels; i++) {
		struct channel *c = u->channels[i];

		c->in_turn++;
		if (c->busy && c->busy == c->cancelled)
			ares_cancel(c->ares);
		else if (c->busy)
			ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		c->in_turn--;
	}
	for (size_t i = u->n_channels; i--;) {
		struct channel *c = u->channels[i];

		if (c->busy || c->used_ms + IDLE_MS > now_ms)
			continue;
		ares_destroy(c->ares);
		free(c);
		u->channels[i] = u->channels[--u->n_channels];
	}
	ev_timer_at(&u->timer, u->n_channels ? now_ms + TICK_MS : EV_NEVER);
}

static bool set_server(struct channel *c)
{
	struct ares_addr_port_node node = { .family = AF_INET6,
					    .udp_port = c->peer.port,
					    .tcp_port = c->peer.port };

	if (addr_is_v4(&c->peer.addr)) {
		node.family = AF_INET;
		node.addr.addr4 = addr_v4(&c->peer.addr);
	} else {
		memcpy(&node.addr.addr6, &c->peer.addr, sizeof node.addr.addr6);
	}
	return ares_set_servers_ports(c->ares, &node) == ARES_SUCCESS;
}

static struct channel *channel_new(struct upstream *u, const struct forward_peer *peer)
{
	char lookups[] = "b", no_file[] = "/dev/null";
	struct channel *c = calloc(1, sizeof *c);
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_IGNTC |
			 ARES_FLAG_NOCHECKRESP,
		.timeout = SILENT_MS,
		.tries = 1,
		.lookups = lookups,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = c,
		.resolvconf_path = no_file,
	};

	if (!c)
		return NULL;
	c->u = u;
	c->peer = *peer;
	c->fd = -1;
	for (size_t i = 0; i < PORT_QUESTIONS_MAX; i++)
		c->asks[i].channel = c;
	if (ares_init_options(&c->ares, &options,
			      ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
				      ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS |
				      ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF) !=
	    ARES_SUCCESS) {
		free(c);
		return NULL;
	}
	ares_set_socket_functions(c->ares, &socket_functions, c);
	if (!set_server(c)) {
		ares_destroy(c->ares);
		free(c);
		return NULL;
	}
	u->channels[u->n_channels++] = c;
	return c;
}

static bool same_peer(const struct forward_peer *a, const struct forward_peer *b)
{
	return addr_equal(&a->addr, &b->addr) && a->port == b->port && a->scope == b->scope;
}

/* May the question with this id leave by c, as one of at most `most` from its port? */
static bool has_room(const struct channel *c, const uint8_t *id, unsigned most)
{
	if (c->asked >= most)
		return false;
	for (size_t i = 0; i < PORT_QUESTIONS_MAX; i++)
		if (c->asks[i].busy && memcmp(c->asks[i].msg, id, 2) == 0)
			return false;
	return true;
}

/* One of the peer's channels with room, at random; NULL when none has.  *n_all counts all. */
static struct channel *pick(struct upstream *u, const struct forward_peer *peer,
			    const uint8_t *id, unsigned most, size_t *n_all)
{
	struct channel *fit[CHANNELS_MAX];
	size_t n = 0;
	uint32_t r;

	*n_all = 0;
	for (size_t i = 0; i < u->n_channels; i++) {
		struct channel *c = u->channels[i];

		if (!same_peer(&c->peer, peer))
			continue;
		++*n_all;
		if (has_room(c, id, most))
			fit[n++] = c;
	}
	if (!n)
		return NULL;
	random_take(&u->random, &r, sizeof r);
	return fit[r % n];
}

/* Makes room in the peer's channel that is longest without a question: whoever has waited there
 * so long goes on waiting for nothing, and is as good as lost on the way.  NULL when there is
 * none. */
static struct channel *displace(struct upstream *u, const struct forward_peer *peer)
{
	struct channel *oldest = NULL;

	for (size_t i = 0; i < u->n_channels; i++) {
		struct channel *c = u->channels[i];

		if (!c->in_turn && same_peer(&c->peer, peer) &&
		    (!oldest || c->used_ms < oldest->used_ms))
			oldest = c;
	}
	if (!oldest)
		return NULL;
	for (size_t i = 0; i < PORT_QUESTIONS_MAX; i++)
		oldest->asks[i].cancelled = oldest->asks[i].busy;
	oldest->cancelled = oldest->busy;
	ares_cancel(oldest->ares);
	return oldest;
}

/* A port that nobody uses now, rather than one of few, rather than a new channel, rather than
 * one of many.  A peer may have twice as many channels as are left: one that is silent gets no
 * more than two thirds, and those who come later still find some. */
static struct channel *choose(struct upstream *u, const struct forward_peer *peer,
			      const uint8_t *id)
{
	size_t n;
	struct channel *c = pick(u, peer, id, 1, &n);

	if (!c && n >= SPREAD)
		c = pick(u, peer, id, PORT_QUESTIONS, &n);
	if (!c && n < 2 * (CHANNELS_MAX - u->n_channels))
		c = channel_new(u, peer);
	if (!c)
		c = pick(u, peer, id, PORT_QUESTIONS_MAX, &n);
	return c ? c : displace(u, peer);
}

void upstream_send(struct upstream *u, uint64_t tag, const struct forward_peer *peer, bool tcp,
		   const uint8_t *msg, size_t len)
{
	struct channel *c;
	struct ask *a;

	if (tcp) {
		upstream_tcp_send(u->tcp, tag, peer, msg, len);
		return;
	}
	c = choose(u, peer, msg);
	if (!c) {
		u->fn(u->arg, tag, FORWARD_BUSY, NULL, 0);
		return;
	}
	for (a = c->asks; a->busy; a++)
		continue;
	a->tag = tag;
	a->busy = true;
	a->cancelled = false;
	a->len = (uint16_t)len;
	memcpy(a->msg, msg, len);
	c->busy++;
	c->asked++;
	c->used_ms = ev_now_ms(u->loop);
	if (u->timer.at_ms == EV_NEVER)
		ev_timer_at(&u->timer, c->used_ms + TICK_MS);
	c->in_turn++;
	ares_send(c->ares, a->msg, (int)len, on_done, a);
	c->in_turn--;
}

void upstream_cancel(struct upstream *u, uint64_t tag)
{
	if (upstream_tcp_cancel(u->tcp, tag))
		return;
	for (size_t i = 0; i < u->n_channels; i++) {
		struct channel *c = u->channels[i];

		for (struct ask *a = c->asks; c->busy && a < c->asks + PORT_QUESTIONS_MAX; a++)
			if (a->busy && !a->cancelled && a->tag == tag) {
				a->cancelled = true;
				c->cancelled++;
				return;
			}
	}
}

struct upstream *upstream_new(struct ev_loop *loop, upstream_fn *fn, void *arg)
{
	struct upstream *u = calloc(1, sizeof *u);
	int rc = ares_library_init(ARES_LIB_INIT_ALL);

	if (!u || rc != ARES_SUCCESS)
		goto fail;
	u->loop = loop;
	u->fn = fn;
	u->arg = arg;
	ev_timer_init(&u->timer, loop, on_tick, u);
	u->tcp = upstream_tcp_new(loop, fn, arg);
	if (u->tcp)
		return u;
	ares_library_cleanup();
fail:
	log_error("cannot ask forwarders: %s", rc ? ares_strerror(rc) : strerror(ENOMEM));
	free(u);
	return NULL;
}

void upstream_free(struct upstream *u)
{
	if (!u)
		return;
	u->closing = true;
	ev_timer_stop(&u->timer);
	while (u->n_channels) {
		struct channel *c = u->channels[--u->n_channels];

		ares_destroy(c->ares);
		free(c);
	}
	upstream_tcp_free(u->tcp);
	ares_library_cleanup();
	free(u);
}
