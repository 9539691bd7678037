/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream_ares.c - questions to forwarders over UDP, by c-ares 1.18.1 or newer.
 *
 * Every peer has a channel of its own (one server, one try), which holds its questions and
 * their deadlines.  Who is asked when, and how long, is forward.c's business.
 *
 * c-ares has one socket, so one source port, for all questions of a channel.  So the descriptor
 * that it has here is none it could hear anything by: questions go by sockets of their own
 * (upstream_sockets.h), two for one name, AAAA and A, by one and as one frame: half the work
 * for the kernel.  c-ares knows a question by the place that it has here, or, where it is
 * newer, by an id of its own.
 *
 * Answers are read here, before c-ares sees them.  It would take one with QR=0, with another
 * opcode or with the name in another case for the answer, and so end the wait for the real one;
 * take FORMERR without OPT as the wish to cut 11 bytes off the question and resend it; cut long
 * answers; wait on when FORMERR repeats no question; and let all questions fail when one is
 * refused.  So what cannot be the answer is dropped, and however a question ends, c-ares is
 * shown it with QR set (on_receive()), by which it finds its query; on_done() hands on what
 * there is. Streams are upstream_tcp.c's.
 */
#define LOG_PLANE "dns64"

#include "upstream.h"

#include "daemon/log.h"
#include "dns/exchange.h"
#include "dns/name.h"
#include "upstream_sockets.h"
#include "upstream_tcp.h"

#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	SILENT_MS = 6000, /* longer than a question lives, so late answers arrive */
	IDLE_MS = 10000,
	TICK_MS = 1000,
	JUNK_MAX = 16, /* datagrams of a socket, read at once, that answer nothing */
	PAIR = 2,      /* questions of a socket */
	ASKS = PAIR * UPSTREAM_SOCKETS_MAX,
};

/* Two for each socket, in the order of the sockets' numbers. */
struct ask {
	struct peer *peer;            /* NULL: none */
	struct ask *next;             /* of those that ended */
	bool ended;                   /* c-ares is to be told */
	bool told;                    /* nobody waits for how it ends */
	bool unanswered;              /* ended so; until the socket is taken again */
	enum forward_outcome outcome; /* of one that ended */
	struct iovec heard;           /* then the answer, in datagrams */
	uint16_t known;               /* the id that c-ares knows it by */
	uint16_t len;
	uint8_t msg[EXCHANGE_LEN_MAX];
};

_Static_assert((int)PAIR <= (int)UPSTREAM_DATAGRAMS_MAX, "a pair is read at once");

struct peer {
	struct peer *next;
	struct upstream *u;
	struct forward_peer at;
	struct upstream_pool *pool;
	ares_channel ares;
	int fd; /* c-ares'; -1: none */
	struct ask *ended;
	unsigned busy;
	unsigned in_turn; /* c-ares is at work on it */
	uint64_t used_ms;
};

struct upstream {
	struct ev_loop *loop;
	upstream_fn *fn;
	void *arg;
	struct upstream_tcp *tcp;
	struct upstream_sockets *sockets;
	struct ev_timer timer;
	struct peer *peers;
	bool closing;
	struct ask *held;     /* the first of a pair, not sent yet */
	struct ask *handed;   /* to c-ares, just now */
	struct ev_after send; /* what is held, and who is to be told, at the end of the turn */
	unsigned n_asks;      /* places that were ever used */
	uint8_t datagrams[PAIR][DNS_MSG_MAX];
	uint64_t tags[ASKS]; /* of asks */
	struct ask asks[ASKS];
};

/* What c-ares takes for its socket. */

static ares_socket_t on_socket(int family, int type, int protocol, void *arg)
{
	struct peer *p = arg;

	p->fd = socket(family, type | SOCK_CLOEXEC, protocol);
	return p->fd;
}

static int on_close(ares_socket_t fd, void *arg)
{
	struct peer *p = arg;

	p->fd = -1;
	return close(fd);
}

static int on_connect(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len,
		      void *arg)
{
	(void)fd;
	(void)to;
	(void)len;
	(void)arg;
	return 0;
}

static void end(struct ask *a, enum forward_outcome outcome)
{
	if (a->peer->u->held == a)
		a->peer->u->held = NULL;
	a->ended = true;
	a->outcome = outcome;
	a->next = a->peer->ended;
	a->peer->ended = a;
}

/* It is sent once c-ares has taken it over. */
static ares_ssize_t on_write(ares_socket_t fd, const struct iovec *iov, int n, void *arg)
{
	const struct peer *p = arg;
	const uint8_t *id = iov->iov_base;
	size_t len = 0;

	(void)fd;
	if (p->u->handed && iov->iov_len >= 2)
		p->u->handed->known = (uint16_t)(id[0] << 8 | id[1]);
	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return (ares_ssize_t)len;
}

static unsigned place_of(const struct ask *a)
{
	return (unsigned)(a - a->peer->u->asks);
}

/* The question with the id that c-ares knows it by. */
static void write_known(const struct ask *a, uint8_t out[EXCHANGE_LEN_MAX])
{
	memcpy(out, a->msg, a->len);
	out[0] = (uint8_t)(a->known >> 8);
	out[1] = (uint8_t)a->known;
}

static ares_ssize_t on_receive(ares_socket_t fd, void *buf, size_t size, int flags,
			       struct sockaddr *from, ares_socklen_t *from_len, void *arg)
{
	struct peer *p = arg;
	struct ask *a = p->ended;
	struct sockaddr_storage at;
	socklen_t len = upstream_pool_address(p->pool, &at);

	(void)fd;
	(void)flags;
	if (!a || size < a->len) {
		errno = EAGAIN;
		return -1;
	}
	p->ended = a->next;
	write_known(a, buf);
	((uint8_t *)buf)[2] |= 0x80; /* QR */
	memcpy(from, &at, len < *from_len ? len : *from_len);
	*from_len = len;
	return a->len;
}

static const struct ares_socket_functions socket_functions = { on_socket, on_close, on_connect,
							       on_receive, on_write };

/* Questions. */

/* Tells c-ares of what ended, unless it is at work and asks itself. */
static void tell(struct peer *p)
{
	while (p->ended && !p->in_turn) {
		const struct ask *first = p->ended;

		p->in_turn++;
		ares_process_fd(p->ares, p->fd, ARES_SOCKET_BAD);
		p->in_turn--;
		if (p->ended == first)
			return;
	}
}

/* The socket is free when both are done. */
static void leave(struct upstream *u, unsigned place)
{
	const struct ask *pair = &u->asks[place / PAIR * PAIR];

	if (!pair[0].peer && !pair[1].peer)
		upstream_sockets_give(u->sockets, place / PAIR,
				      !pair[0].unanswered && !pair[1].unanswered);
}

static void on_done(void *arg, int status, int timeouts, unsigned char *msg, int len)
{
	struct ask *a = arg;
	struct peer *p = a->peer;
	struct upstream *u = p->u;
	unsigned place = place_of(a);
	uint64_t tag = u->tags[place];
	enum forward_outcome outcome = status == ARES_ETIMEOUT ? FORWARD_SILENT : FORWARD_BUSY;

	(void)timeouts;
	(void)msg;
	(void)len;
	if (a->ended)
		outcome = a->outcome;
	a->unanswered = outcome != FORWARD_MESSAGE;
	a->peer = NULL;
	p->busy--;
	leave(u, place);
	if (a->told || u->closing)
		return;
	if (outcome == FORWARD_MESSAGE)
		u->fn(u->arg, tag, outcome, a->heard.iov_base, a->heard.iov_len);
	else
		u->fn(u->arg, tag, outcome, NULL, 0);
}

/* Does one of the two of a socket? */
static bool is_waiting(const struct ask *pair)
{
	return (pair[0].peer && !pair[0].ended) || (pair[1].peer && !pair[1].ended);
}

/* Whether it answers one of the two, which so ends; tags are those that were asked when it was
 * read. */
static bool hear(struct ask *pair, const uint64_t tags[PAIR], const struct iovec *datagram)
{
	for (unsigned i = 0; i < PAIR; i++) {
		struct ask *a = &pair[i];

		if (!a->peer || a->ended || a->peer->u->tags[place_of(a)] != tags[i] ||
		    exchange_match(a->msg, a->len, datagram->iov_base, datagram->iov_len) ==
			    EXCHANGE_FOREIGN)
			continue;
		a->heard = *datagram;
		end(a, FORWARD_MESSAGE);
		tell(a->peer);
		return true;
	}
	return false;
}

/* Both end so, before anybody is told: who is may have another question here by then.  Returns
 * whose they were; NULL: nobody waited. */
static struct peer *end_pair(struct ask *pair, enum forward_outcome outcome, bool told)
{
	struct peer *p = NULL;

	for (struct ask *a = pair + PAIR; a-- > pair;) { /* the last one is told first */
		if (!a->peer || a->ended)
			continue;
		p = a->peer;
		a->told |= told;
		end(a, outcome);
	}
	return p;
}

static void refuse(struct ask *pair)
{
	struct peer *p = end_pair(pair, FORWARD_REFUSED, false);

	if (p)
		tell(p);
}

/* Also of what comes late nothing is left for those who have the socket next. */
static void on_ready(void *arg, unsigned number)
{
	struct upstream *u = arg;
	struct ask *pair = &u->asks[number * PAIR];
	bool waited = is_waiting(pair);

	for (unsigned junk = 0; junk < JUNK_MAX;) {
		struct iovec got[PAIR] = { { u->datagrams[0], DNS_MSG_MAX },
					   { u->datagrams[1], DNS_MSG_MAX } };
		int n = upstream_sockets_receive(u->sockets, number, got, PAIR);
		const uint64_t tags[PAIR] = { u->tags[number * PAIR],
					      u->tags[number * PAIR + 1] };

		if (n == -EAGAIN || n == -EINTR)
			return;
		if (n < 0) {
			refuse(pair);
			junk++;
		}
		for (int i = 0; i < n; i++)
			junk += !hear(pair, tags, &got[i]);
		if (waited && !is_waiting(pair))
			return;
	}
	upstream_sockets_again(u->sockets, number);
}

/* n questions of one length, of the pair of the first.  Nobody is told of a refusal yet: the
 * caller is in the midst of another question. */
static void send_pair(struct ask *first, unsigned n)
{
	struct upstream *u = first->peer->u;
	struct iovec msgs[PAIR];

	for (unsigned i = 0; i < n; i++)
		msgs[i] = (struct iovec){ first[i].msg, first[i].len };
	u->held = NULL;
	if (upstream_sockets_send(u->sockets, place_of(first) / PAIR, msgs, n) < 0) {
		end_pair(first, FORWARD_REFUSED, false);
		ev_after_do(&u->send);
	}
}

static void send_held(struct upstream *u)
{
	if (u->held)
		send_pair(u->held, 1);
}

static void on_send(void *arg)
{
	struct upstream *u = arg;

	send_held(u);
	for (struct peer *p = u->peers; p; p = p->next)
		tell(p);
}

static void peer_free(struct peer *p)
{
	ares_destroy(p->ares);
	upstream_pool_free(p->pool);
	free(p);
}

/* c-ares wakes for its deadlines here, and what is long idle is given back. */
static void on_tick(void *arg)
{
	struct upstream *u = arg;
	uint64_t now_ms = ev_now_ms(u->loop);

	for (struct peer *p = u->peers; p; p = p->next) {
		p->in_turn++;
		ares_process_fd(p->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
		p->in_turn--;
		tell(p);
		upstream_pool_tick(p->pool);
	}
	for (struct peer **at = &u->peers; *at;) {
		struct peer *p = *at;

		if (p->busy || p->used_ms + IDLE_MS > now_ms) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		peer_free(p);
	}
	ev_timer_at(&u->timer, u->peers ? now_ms + TICK_MS : EV_NEVER);
}

static bool set_server(struct peer *p)
{
	struct ares_addr_port_node node = { .family = AF_INET6,
					    .udp_port = p->at.port,
					    .tcp_port = p->at.port };

	if (addr_is_v4(&p->at.addr)) {
		node.family = AF_INET;
		node.addr.addr4 = addr_v4(&p->at.addr);
	} else {
		memcpy(&node.addr.addr6, &p->at.addr, sizeof node.addr.addr6);
	}
	return ares_set_servers_ports(p->ares, &node) == ARES_SUCCESS;
}

static bool open_channel(struct peer *p)
{
	char lookups[] = "b", no_file[] = "/dev/null";
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_IGNTC |
			 ARES_FLAG_NOCHECKRESP | ARES_FLAG_STAYOPEN,
		.timeout = SILENT_MS,
		.tries = 1,
		.lookups = lookups,
		.resolvconf_path = no_file,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
		   ARES_OPT_DOMAINS | ARES_OPT_RESOLVCONF;

#ifdef ARES_OPT_QUERY_CACHE
	mask |= ARES_OPT_QUERY_CACHE; /* of no size: the cache is ours */
#endif
	if (ares_init_options(&p->ares, &options, mask) != ARES_SUCCESS)
		return false;
	ares_set_socket_functions(p->ares, &socket_functions, p);
	if (set_server(p))
		return true;
	ares_destroy(p->ares);
	return false;
}

static struct peer *peer_new(struct upstream *u, const struct forward_peer *at)
{
	struct peer *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->u = u;
	p->at = *at;
	p->fd = -1;
	p->pool = upstream_pool_new(u->sockets, at);
	if (!p->pool || !open_channel(p)) {
		upstream_pool_free(p->pool);
		free(p);
		return NULL;
	}
	p->next = u->peers;
	u->peers = p;
	return p;
}

static struct peer *peer_of(struct upstream *u, const struct forward_peer *at)
{
	struct peer *p = u->peers;

	while (p && !(addr_equal(&p->at.addr, &at->addr) && p->at.port == at->port &&
		      p->at.scope == at->scope))
		p = p->next;
	return p ? p : peer_new(u, at);
}

/* Nobody waits for a any more. */
static void drop(struct ask *a)
{
	a->told = true;
	if (!a->ended)
		end(a, FORWARD_BUSY);
	tell(a->peer);
}

/* A socket of p, in want of others the one that is longest without an answer: whoever has
 * waited there so long goes on waiting for nothing, and is as good as lost on the way.  Or
 * -errno. */
static int take(struct peer *p)
{
	int number = upstream_pool_take(p->pool), oldest = upstream_pool_oldest(p->pool);

	if (number != -EAGAIN || oldest < 0 || p->in_turn)
		return number;
	end_pair(&p->u->asks[oldest * PAIR], FORWARD_BUSY, true);
	tell(p);
	return upstream_pool_take(p->pool);
}

static bool goes_with(const struct ask *held, const struct peer *p, const uint8_t *msg,
		      size_t len)
{
	return held && held->peer == p && held->len == len &&
	       name_equal(held->msg + MSG_HEAD_LEN, msg + MSG_HEAD_LEN);
}

/* Where the question goes: beside the one that is held, or first of a socket.  NULL, and why
 * not. */
static struct ask *place_for(struct peer *p, const uint8_t *msg, size_t len, int *why)
{
	struct upstream *u = p->u;
	struct ask *pair;

	if (goes_with(u->held, p, msg, len))
		return u->held + 1;
	send_held(u);
	*why = take(p);
	if (*why < 0)
		return NULL;
	pair = &u->asks[*why * PAIR];
	pair[0].unanswered = pair[1].unanswered = false;
	return pair;
}

/* Together with the one that was held, or when the turn ends. */
static void send_or_hold(struct ask *a)
{
	struct upstream *u = a->peer->u;

	if (u->held && a == u->held + 1) {
		send_pair(u->held, PAIR);
		return;
	}
	send_held(u);
	u->held = a;
	ev_after_do(&u->send);
}

static bool is_short(int rc)
{
	return rc == -EAGAIN || rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM ||
	       rc == -ENOBUFS || rc == -ENOSPC;
}

void upstream_send(struct upstream *u, uint64_t tag, const struct forward_peer *peer, bool tcp,
		   const uint8_t *msg, size_t len)
{
	uint8_t known[EXCHANGE_LEN_MAX];
	struct peer *p;
	struct ask *a;
	int why = -ENOMEM;

	if (tcp) {
		upstream_tcp_send(u->tcp, tag, peer, msg, len);
		return;
	}
	p = peer_of(u, peer);
	a = p ? place_for(p, msg, len, &why) : NULL;
	if (!a) {
		u->fn(u->arg, tag, is_short(why) ? FORWARD_BUSY : FORWARD_REFUSED, NULL, 0);
		return;
	}
	a->peer = p;
	a->ended = a->told = false;
	a->len = (uint16_t)len;
	memcpy(a->msg, msg, len);
	u->tags[place_of(a)] = tag;
	if (place_of(a) >= u->n_asks)
		u->n_asks = place_of(a) + 1;
	p->busy++;
	p->used_ms = ev_now_ms(u->loop);
	if (u->timer.at_ms == EV_NEVER)
		ev_timer_at(&u->timer, p->used_ms + TICK_MS);
	a->known = (uint16_t)place_of(a);
	write_known(a, known);
	u->handed = a;
	p->in_turn++;
	ares_send(p->ares, known, (int)len, on_done, a);
	p->in_turn--;
	u->handed = NULL;
	if (a->peer && u->tags[place_of(a)] == tag) /* c-ares has it */
		send_or_hold(a);
	if (p->ended)
		ev_after_do(&u->send);
}

void upstream_cancel(struct upstream *u, uint64_t tag)
{
	if (upstream_tcp_cancel(u->tcp, tag))
		return;
	for (unsigned i = 0; i < u->n_asks; i++) {
		struct ask *a = &u->asks[i];

		if (u->tags[i] == tag && a->peer) {
			drop(a);
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
	ev_after_init(&u->send, loop, on_send, u);
	u->tcp = upstream_tcp_new(loop, fn, arg);
	u->sockets = upstream_sockets_new(loop, on_ready, u);
	if (u->tcp && u->sockets)
		return u;
	upstream_sockets_free(u->sockets);
	upstream_tcp_free(u->tcp);
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
	ev_after_stop(&u->send);
	while (u->peers) {
		struct peer *p = u->peers;

		u->peers = p->next;
		peer_free(p);
	}
	upstream_sockets_free(u->sockets);
	upstream_tcp_free(u->tcp);
	ares_library_cleanup();
	free(u);
}
