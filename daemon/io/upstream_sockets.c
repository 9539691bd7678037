/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream_sockets.h"

#include "base/addr.h"
#include "daemon/random.h"
#include "daemon/udp_frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	SPREAD = 8,     /* idle sockets of a peer to choose from before more are made */
	PORT_TURNS = 4, /* that a port is taken for */
	PORT_MS = 1000, /* what is found out of a port is of no use for longer */
	IDLE_MS = 10000,
	BURST = 32,    /* sockets read in one turn of the loop */
	STALE_MAX = 8, /* datagrams left in a socket that is used again */
	NONE = -1,
};

union address {
	struct sockaddr sa;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

struct one {
	int fd; /* NONE: the place is free */
	struct upstream_pool *pool;
	unsigned turns; /* of this port */
	bool connected;
	uint64_t since_ms, used_ms; /* connected; taken last */
	int older, newer;           /* of those that are taken */
	int next_free;
};

struct upstream_pool {
	struct upstream_sockets *s;
	union address to;
	socklen_t to_len;
	unsigned n, n_idle;
	uint16_t idle[UPSTREAM_SOCKETS_MAX];
	int oldest, newest;
};

struct upstream_sockets {
	struct ev_loop *loop;
	upstream_ready_fn *fn;
	void *arg;
	int poll;
	bool frames; /* udp_frame.h; set by the first socket */
	struct ev_io *io;
	unsigned max, n, n_used; /* n_used: places that were ever used */
	int free;
	struct random random;
	struct one all[UPSTREAM_SOCKETS_MAX];
};

/* Edge-triggered: what is left unread for good reason costs no wake-up. */
static int watch(struct upstream_sockets *s, int op, unsigned number)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET, .data.u32 = number };

	return epoll_ctl(s->poll, op, s->all[number].fd, &e);
}

static void on_ready(void *arg, unsigned ready)
{
	struct upstream_sockets *s = arg;
	struct epoll_event events[BURST];
	int n = epoll_wait(s->poll, events, BURST, 0);

	(void)ready;
	for (int i = 0; i < n; i++)
		if (s->all[events[i].data.u32].fd != NONE)
			s->fn(s->arg, events[i].data.u32);
}

/* One more socket, idle and not connected yet; 0 or -errno. */
static int add(struct upstream_pool *p)
{
	struct upstream_sockets *s = p->s;
	unsigned number = s->free != NONE ? (unsigned)s->free : s->n_used;
	int fd = socket(p->to.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct one *o = &s->all[number];
	int next_free = s->free != NONE ? o->next_free : NONE;

	if (fd < 0)
		return -errno;
	*o = (struct one){ .fd = fd, .pool = p, .used_ms = ev_now_ms(s->loop) };
	if (watch(s, EPOLL_CTL_ADD, number) < 0) {
		int rc = -errno;

		close(fd);
		*o = (struct one){ .fd = NONE, .next_free = next_free };
		return rc;
	}
	if (!s->n_used)
		s->frames = udp_frame_is_known(fd);
	s->n_used += s->free == NONE;
	s->free = next_free;
	s->n++;
	p->n++;
	p->idle[p->n_idle++] = (uint16_t)number;
	return 0;
}

/* Closes the idle socket at that place of its pool. */
static void drop(struct upstream_pool *p, unsigned at)
{
	struct upstream_sockets *s = p->s;
	unsigned number = p->idle[at];

	p->idle[at] = p->idle[--p->n_idle];
	close(s->all[number].fd);
	s->all[number] = (struct one){ .fd = NONE, .next_free = s->free };
	s->free = (int)number;
	s->n--;
	p->n--;
}

/* Leaves the port, what came to it, and errors that came back. */
static void leave_port(struct one *o)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	uint8_t octet;

	connect(o->fd, &none, sizeof none);
	o->connected = false;
	for (unsigned i = 0; i < STALE_MAX; i++)
		if (recv(o->fd, &octet, sizeof octet, 0) < 0 &&
		    (errno == EAGAIN || errno == EINTR))
			break;
}

static int connect_anew(struct one *o, uint64_t now_ms)
{
	if (o->connected)
		leave_port(o);
	if (connect(o->fd, &o->pool->to.sa, o->pool->to_len) < 0)
		return -errno;
	o->connected = true;
	o->turns = 0;
	o->since_ms = now_ms;
	return 0;
}

/* A peer may have twice as many as are left: one that is silent gets no more than two thirds,
 * and those who come later still find some. */
static bool may_grow(const struct upstream_pool *p)
{
	return p->s->n < p->s->max && p->n < 2 * (p->s->max - p->s->n);
}

static void append(struct upstream_pool *p, unsigned number)
{
	struct one *o = &p->s->all[number];

	o->older = p->newest;
	o->newer = NONE;
	*(p->newest == NONE ? &p->oldest : &p->s->all[p->newest].newer) = (int)number;
	p->newest = (int)number;
}

static void take_out(struct upstream_pool *p, unsigned number)
{
	const struct one *o = &p->s->all[number];

	*(o->older == NONE ? &p->oldest : &p->s->all[o->older].newer) = o->newer;
	*(o->newer == NONE ? &p->newest : &p->s->all[o->newer].older) = o->older;
}

int upstream_pool_take(struct upstream_pool *p)
{
	struct upstream_sockets *s = p->s;
	uint64_t now_ms = ev_now_ms(s->loop);
	int rc = p->n_idle < SPREAD && may_grow(p) ? add(p) : -EAGAIN;
	uint32_t at;
	struct one *o;

	if (!p->n_idle)
		return rc;
	random_take(&s->random, &at, sizeof at);
	at %= p->n_idle;
	o = &s->all[p->idle[at]];
	rc = 0;
	if (!o->connected || o->turns >= PORT_TURNS || o->since_ms + PORT_MS <= now_ms)
		rc = connect_anew(o, now_ms);
	if (rc < 0) {
		drop(p, at);
		return rc;
	}
	rc = p->idle[at];
	p->idle[at] = p->idle[--p->n_idle];
	o->turns++;
	o->used_ms = now_ms;
	append(p, (unsigned)rc);
	return rc;
}

int upstream_pool_oldest(const struct upstream_pool *p)
{
	return p->oldest;
}

void upstream_sockets_give(struct upstream_sockets *s, unsigned number, bool answered)
{
	struct one *o = &s->all[number];
	struct upstream_pool *p = o->pool;

	take_out(p, number);
	if (!answered)
		o->turns = PORT_TURNS;
	p->idle[p->n_idle++] = (uint16_t)number;
}

/* Each by itself, where they cannot go as one frame. */
static int send_each(int fd, const struct iovec *msgs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (send(fd, msgs[i].iov_base, msgs[i].iov_len, 0) < 0)
			return -errno;
	return 0;
}

static int send_all(struct upstream_sockets *s, int fd, const struct iovec *msgs, unsigned n)
{
	struct udp_frame frame;
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)msgs, .msg_iovlen = n };

	if (n == 1 || !s->frames)
		return send_each(fd, msgs, n);
	udp_frame_of(&m, &frame);
	if (sendmsg(fd, &m, 0) >= 0)
		return 0;
	if (!udp_frame_refused(errno))
		return -errno;
	s->frames = errno != EIO;
	return send_each(fd, msgs, n);
}

/* An error may be an earlier one, or tell that the way there has changed.  One that went out
 * may go out again, from the new port. */
int upstream_sockets_send(struct upstream_sockets *s, unsigned number, const struct iovec *msgs,
			  unsigned n)
{
	struct one *o = &s->all[number];
	int rc = send_all(s, o->fd, msgs, n);

	if (rc == 0)
		return 0;
	rc = connect_anew(o, ev_now_ms(s->loop));
	if (rc == 0)
		rc = send_all(s, o->fd, msgs, n);
	o->turns = PORT_TURNS;
	return rc;
}

/* Until a socket is connected anybody can write to its port. */
static bool is_peer(const struct upstream_pool *p, const union address *from)
{
	if (from->sa.sa_family != p->to.sa.sa_family)
		return false;
	if (from->sa.sa_family == AF_INET)
		return from->four.sin_port == p->to.four.sin_port &&
		       from->four.sin_addr.s_addr == p->to.four.sin_addr.s_addr;
	return from->six.sin6_port == p->to.six.sin6_port &&
	       addr_equal(&from->six.sin6_addr, &p->to.six.sin6_addr);
}

int upstream_sockets_receive(struct upstream_sockets *s, unsigned number, struct iovec *out,
			     unsigned n)
{
	const struct one *o = &s->all[number];
	union address from[UPSTREAM_DATAGRAMS_MAX];
	struct mmsghdr msgs[UPSTREAM_DATAGRAMS_MAX];
	int got;

	for (unsigned i = 0; i < n; i++)
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
						   .msg_namelen = sizeof from[i],
						   .msg_iov = &out[i],
						   .msg_iovlen = 1 };
	got = recvmmsg(o->fd, msgs, n, 0, NULL);
	if (got < 0)
		return -errno;
	for (int i = 0; i < got; i++)
		out[i].iov_len = is_peer(o->pool, &from[i]) ? msgs[i].msg_len : 0;
	return got;
}

void upstream_sockets_again(struct upstream_sockets *s, unsigned number)
{
	watch(s, EPOLL_CTL_MOD, number);
}

void upstream_pool_tick(struct upstream_pool *p)
{
	uint64_t now_ms = ev_now_ms(p->s->loop);

	for (unsigned at = p->n_idle; at--;)
		if (p->s->all[p->idle[at]].used_ms + IDLE_MS <= now_ms)
			drop(p, at);
}

struct upstream_pool *upstream_pool_new(struct upstream_sockets *s,
					const struct forward_peer *peer)
{
	struct upstream_pool *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->s = s;
	p->oldest = p->newest = NONE;
	if (addr_is_v4(&peer->addr)) {
		p->to.four = (struct sockaddr_in){ .sin_family = AF_INET,
						   .sin_port = htons(peer->port),
						   .sin_addr = addr_v4(&peer->addr) };
		p->to_len = sizeof p->to.four;
	} else {
		p->to.six = (struct sockaddr_in6){ .sin6_family = AF_INET6,
						   .sin6_port = htons(peer->port),
						   .sin6_addr = peer->addr,
						   .sin6_scope_id = peer->scope };
		p->to_len = sizeof p->to.six;
	}
	return p;
}

void upstream_pool_free(struct upstream_pool *p)
{
	if (!p)
		return;
	while (p->n_idle)
		drop(p, 0);
	free(p);
}

socklen_t upstream_pool_address(const struct upstream_pool *p, struct sockaddr_storage *out)
{
	memcpy(out, &p->to, p->to_len);
	return p->to_len;
}

/* Others of the process need descriptors too. */
static unsigned most(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur / 2 > UPSTREAM_SOCKETS_MAX)
		return UPSTREAM_SOCKETS_MAX;
	return (unsigned)limit.rlim_cur / 2;
}

struct upstream_sockets *upstream_sockets_new(struct ev_loop *loop, upstream_ready_fn *fn,
					      void *arg)
{
	struct upstream_sockets *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->loop = loop;
	s->fn = fn;
	s->arg = arg;
	s->max = most();
	s->free = NONE;
	s->poll = epoll_create1(EPOLL_CLOEXEC);
	if (s->poll >= 0)
		s->io = ev_io_new(loop, s->poll, EV_IO_READ, on_ready, s);
	if (s->io)
		return s;
	upstream_sockets_free(s);
	return NULL;
}

void upstream_sockets_free(struct upstream_sockets *s)
{
	if (!s)
		return;
	ev_io_free(s->io);
	if (s->poll >= 0)
		close(s->poll);
	free(s);
}
