/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream_ares.c - questions to forwarders over UDP, by c-ares 1.18.1 or newer.
 *
 * Every peer has a channel of its own (one server, one try), which holds its questions and
 * their deadlines.  Who is asked when, and how long, is forward.c's business.
 *
 * c-ares has one socket, so one source port, for all questions of a channel.  So the descriptor
 * that it has here is none it could hear anything by: each question goes by a socket that is
 * its own (upstream_sockets.h), whose number is the id that c-ares knows the question by.
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
};

/* The question of the socket of that number. */
struct ask {
	struct peer *peer;            /* NULL: none */
	struct ask *next;             /* of those that ended */
	bool ended;                   /* c-ares is to be told */
	bool told;                    /* nobody waits for how it ends */
	enum forward_outcome outcome; /* of one that ended */
	uint16_t len;
	uint8_t msg[EXCHANGE_LEN_MAX];
};

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
	unsigned n_asks;               /* numbers that were ever used */
	uint8_t datagram[DNS_MSG_MAX]; /* the answer to the question that ends */
	size_t datagram_len;
	uint64_t tags[UPSTREAM_SOCKETS_MAX]; /* of asks */
	struct ask asks[UPSTREAM_SOCKETS_MAX];
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
	a->ended = true;
	a->outcome = outcome;
	a->next = a->peer->ended;
	a->peer->ended = a;
}

static ares_ssize_t on_write(ares_socket_t fd, const struct iovec *iov, int n, void *arg)
{
	const struct peer *p = arg;
	const uint8_t *id = iov->iov_base;
	unsigned number = (unsigned)id[0] << 8 | id[1];
	struct ask *a = &p->u->asks[number];
	size_t len = 0;

	(void)fd;
	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (!a->ended && upstream_sockets_send(p->u->sockets, number, a->msg, a->len) < 0)
		end(a, FORWARD_REFUSED);
	return (ares_ssize_t)len;
}

/* The question with the id that c-ares knows it by. */
static void write_known(const struct ask *a, uint8_t out[EXCHANGE_LEN_MAX])
{
	size_t number = (size_t)(a - a->peer->u->asks);

	memcpy(out, a->msg, a->len);
	out[0] = (uint8_t)(number >> 8);
	out[1] = (uint8_t)number;
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

static void on_done(void *arg, int status, int timeouts, unsigned char *msg, int len)
{
	struct ask *a = arg;
	struct peer *p = a->peer;
	struct upstream *u = p->u;
	unsigned number = (unsigned)(a - u->asks);
	uint64_t tag = u->tags[number];
	enum forward_outcome outcome = status == ARES_ETIMEOUT ? FORWARD_SILENT : FORWARD_BUSY;

	(void)timeouts;
	(void)msg;
	(void)len;
	if (a->ended)
		outcome = a->outcome;
	a->peer = NULL;
	p->busy--;
	upstream_sockets_give(u->sockets, number, outcome == FORWARD_MESSAGE);
	if (a->told || u->closing)
		return;
	if (outcome == FORWARD_MESSAGE)
		u->fn(u->arg, tag, outcome, u->datagram, u->datagram_len);
	else
		u->fn(u->arg, tag, outcome, NULL, 0);
}

static void on_ready(void *arg, unsigned number)
{
	struct upstream *u = arg;
	struct ask *a = &u->asks[number];

	for (unsigned junk = 0; junk < JUNK_MAX; junk++) {
		ssize_t n = upstream_sockets_receive(u->sockets, number, u->datagram,
						     sizeof u->datagram);
		bool waits = a->peer && !a->ended;

		if (n == -EAGAIN || n == -EINTR)
			return;
		if (!waits || (n >= 0 && exchange_match(a->msg, a->len, u->datagram,
							(size_t)n) == EXCHANGE_FOREIGN))
			continue;
		u->datagram_len = n < 0 ? 0 : (size_t)n;
		end(a, n < 0 ? FORWARD_REFUSED : FORWARD_MESSAGE);
		tell(a->peer);
		return;
	}
	upstream_sockets_again(u->sockets, number);
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

	if (ares_init_options(&p->ares, &options,
			      ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
				      ARES_OPT_LOOKUPS | ARES_OPT_DOMAINS |
				      ARES_OPT_RESOLVCONF) != ARES_SUCCESS)
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
	drop(&p->u->asks[oldest]);
	return upstream_pool_take(p->pool);
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
	int number;

	if (tcp) {
		upstream_tcp_send(u->tcp, tag, peer, msg, len);
		return;
	}
	p = peer_of(u, peer);
	number = p ? take(p) : -ENOMEM;
	if (number < 0) {
		u->fn(u->arg, tag, is_short(number) ? FORWARD_BUSY : FORWARD_REFUSED, NULL, 0);
		return;
	}
	a = &u->asks[number];
	a->peer = p;
	a->ended = a->told = false;
	a->len = (uint16_t)len;
	memcpy(a->msg, msg, len);
	u->tags[number] = tag;
	if ((unsigned)number >= u->n_asks)
		u->n_asks = (unsigned)number + 1;
	p->busy++;
	p->used_ms = ev_now_ms(u->loop);
	if (u->timer.at_ms == EV_NEVER)
		ev_timer_at(&u->timer, p->used_ms + TICK_MS);
	write_known(a, known);
	p->in_turn++;
	ares_send(p->ares, known, (int)len, on_done, a);
	p->in_turn--;
	tell(p);
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
