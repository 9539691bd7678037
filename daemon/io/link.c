/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link.c - the rtnetlink sockets: notifications in, requests out, and what happens when.
 *
 * A notification changes the tables at once; what follows from it (reading again what the
 * kernel does not notify of, making what is missing, telling the others) is done together,
 * shortly after the first of a storm.  A request waits for its answer, which the kernel has
 * ready when sending returns.  RFC 3549.
 */
#define LOG_PLANE "gateway"

#include "link.h"

#include "link_priv.h"

#include "daemon/log.h"

#include <errno.h>
#include <linux/netconf.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SETTLE_MS        50u
#define SETTLE_LATEST_MS 500u
#define RETRY_MS         1000u
#define RCVBUF_LEN       (1 << 20)
#define BURST            64
#define CATCH_UP_MAX     4096
#define DUMP_TRIES       5
#define REFRESH_TIMES    2 /* a change, and what we do about it */

#define GROUP_IPV6_MULTICAST 38 /* RTNLGRP_IPV6_MCADDR, Linux 6.14 */

static const int groups[] = { RTNLGRP_LINK,         RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
			      RTNLGRP_IPV4_ROUTE,   RTNLGRP_IPV6_ROUTE,  RTNLGRP_NEIGH,
			      RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF };

/* Settles shortly after the last change of a storm, but not forever later.  What is read is no
 * change: whoever reads makes use of it. */
void link_touch(struct link *l)
{
	uint64_t now_ms = ev_now_ms(l->loop);

	if (l->reading)
		return;
	if (l->settle_latest_ms == EV_NEVER)
		l->settle_latest_ms = now_ms + SETTLE_LATEST_MS;
	ev_timer_at(&l->settle, now_ms + SETTLE_MS < l->settle_latest_ms ? now_ms + SETTLE_MS
									 : l->settle_latest_ms);
}

/* The error of an NLMSG_ERROR (0: acknowledged) or NLMSG_DONE message. */
static int error_of(struct nlmsghdr *h)
{
	int error = 0;

	if (nlmsg_datalen(h) >= (int)sizeof error)
		memcpy(&error, nlmsg_data(h), sizeof error);
	return error > 0 ? 0 : error;
}

/* What one datagram says in answer to request seq.  True when that was the last of it. */
static bool take_answers(struct link *l, uint8_t *buf, int len, uint32_t seq,
			 link_message_fn *fn, int *error)
{
	/* libnl gives memory that is aligned for any type */
	struct nlmsghdr *h = (void *)buf;

	for (; nlmsg_ok(h, len); h = nlmsg_next(h, &len)) {
		if (h->nlmsg_seq != seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			*error = -EINTR;
		if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
			if (!*error)
				*error = error_of(h);
			return true;
		}
		if (fn)
			fn(l, h);
	}
	return false;
}

int link_request(struct link *l, struct nl_msg *msg, link_message_fn *fn)
{
	int error = 0;
	bool last = false;
	uint32_t seq;

	if (!msg || nl_send_auto(l->requests, msg) < 0) {
		nlmsg_free(msg);
		return msg ? -EIO : -ENOMEM;
	}
	seq = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	while (!last) {
		struct sockaddr_nl from;
		unsigned char *buf = NULL;
		int len = nl_recv(l->requests, &from, &buf, NULL);

		if (len <= 0)
			return -EIO;
		last = take_answers(l, buf, len, seq, fn, &error);
		free(buf);
	}
	return error;
}

/* Strict checking (Linux 4.20) lets the kernel leave out the other routing tables. */
static int dump(struct link *l, uint16_t type, uint8_t family)
{
	union {
		uint8_t family; /* the first byte of all of them */
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
		struct ndmsg neighbour;
		struct netconfmsg conf;
	} header = { 0 };
	size_t len = type == RTM_GETLINK    ? sizeof header.link
		     : type == RTM_GETADDR  ? sizeof header.addr
		     : type == RTM_GETROUTE ? sizeof header.route
		     : type == RTM_GETNEIGH ? sizeof header.neighbour
					    : sizeof header.conf;
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_DUMP);
	int error = 0;

	header.family = family;
	if (type == RTM_GETROUTE)
		header.route.rtm_table = RT_TABLE_MAIN;
	if (msg && nlmsg_append(msg, &header, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	l->reading = true;
	error = link_request(l, msg, link_apply);
	l->reading = false;
	/* no such table yet; no such family in this kernel */
	return error == -ENOENT || error == -EOPNOTSUPP || error == -EAFNOSUPPORT ? 0 : error;
}

/* A dump that something changed meanwhile is repeated. */
static int dump_whole(struct link *l, uint16_t type, uint8_t family)
{
	int error = -EINTR;

	for (int tries = 0; error == -EINTR && tries < DUMP_TRIES; tries++) {
		if (type == RTM_GETROUTE) {
			link_routes_clear(l, family == AF_INET);
			wishes_routes_unknown(l, family == AF_INET);
		}
		error = dump(l, type, family);
	}
	return error;
}

int link_read_routes(struct link *l, bool v4)
{
	return dump_whole(l, RTM_GETROUTE, v4 ? AF_INET : AF_INET6);
}

static int read_all(struct link *l)
{
	static const struct {
		uint16_t type;
		uint8_t family;
	} dumps[] = { { RTM_GETLINK, AF_UNSPEC },  { RTM_GETADDR, AF_UNSPEC },
		      { RTM_GETROUTE, AF_INET },   { RTM_GETROUTE, AF_INET6 },
		      { RTM_GETNETCONF, AF_INET }, { RTM_GETNETCONF, AF_INET6 },
		      { RTM_GETNEIGH, AF_INET },   { RTM_GETNEIGH, AF_INET6 } };
	int error = 0;

	link_tables_clear(&l->tables);
	neighbours_clear(&l->neighbours);
	l->gates_unknown = true;
	wishes_proxies_unknown(l);
	for (size_t i = 0; !error && i < sizeof dumps / sizeof *dumps; i++)
		error = dump_whole(l, dumps[i].type, dumps[i].family);
	return error;
}

/* What the kernel does not notify of, or could not.  False: the tables are not whole. */
static bool reread(struct link *l)
{
	unsigned wanted = l->reread;
	int error = 0;

	l->reread = 0;
	if (wanted & LINK_REREAD_ALL) {
		error = read_all(l);
		wanted = LINK_REREAD_ALL;
	}
	if (wanted & LINK_REREAD_V4)
		error = link_read_routes(l, true);
	if (wanted & LINK_REREAD_V6 && !error)
		error = link_read_routes(l, false);
	if (!error)
		return true;
	if (!l->complained)
		log_warning("reading the kernel's network state failed: %s, trying again",
			    strerror(-error));
	l->reread |= wanted;
	return false;
}

static void on_settle(void *arg)
{
	struct link *l = arg;
	bool differs;

	l->settle_latest_ms = EV_NEVER;
	l->complained = l->reread && !reread(l);
	if (l->complained) { /* half of it would tell of links that vanished */
		ev_timer_at(&l->settle, ev_now_ms(l->loop) + RETRY_MS);
		return;
	}
	wishes_settle(l);
	gates_read(l);
	differs = link_publish(l);
	if (!differs && !l->wishes.changed)
		return;
	l->wishes.changed = false;
	for (struct link_watch *w = l->watches, *next; w; w = next) {
		next = w->next;
		w->fn(w->arg);
	}
}

/* One datagram of notifications; false when there is none left. */
static bool read_events(struct link *l)
{
	struct sockaddr_nl from = { 0 };
	unsigned char *buf = NULL;
	int len = nl_recv(l->events, &from, &buf, NULL);

	if (len == -NLE_AGAIN || len == 0)
		return false;
	if (len < 0) { /* ENOBUFS: some are lost */
		l->reread |= LINK_REREAD_ALL;
		link_touch(l);
		return true;
	}
	if (from.nl_pid == 0) {
		struct nlmsghdr *h = (void *)buf;

		for (; nlmsg_ok(h, len); h = nlmsg_next(h, &len))
			link_apply(l, h);
	}
	free(buf);
	return true;
}

static void on_events(void *arg, unsigned ready)
{
	struct link *l = arg;

	(void)ready;
	for (int i = 0; i < BURST && read_events(l); i++)
		continue;
}

void link_catch_up(struct link *l)
{
	for (int i = 0; i < CATCH_UP_MAX && read_events(l); i++)
		continue;
}

void link_refresh(struct link *l)
{
	for (int i = 0; i < REFRESH_TIMES; i++) {
		link_catch_up(l);
		if (l->settle.at_ms == EV_NEVER)
			return;
		ev_timer_stop(&l->settle);
		on_settle(l);
	}
}

static struct nl_sock *connect_socket(void)
{
	struct nl_sock *s = nl_socket_alloc();
	int error = s ? nl_connect(s, NETLINK_ROUTE) : -NLE_NOMEM;

	if (error < 0) {
		log_error("netlink socket: %s", nl_geterror(error));
		nl_socket_free(s);
		return NULL;
	}
	return s;
}

static bool open_events(struct link *l)
{
	int size = RCVBUF_LEN, group = GROUP_IPV6_MULTICAST, fd;

	l->events = connect_socket();
	if (!l->events)
		return false;
	fd = nl_socket_get_fd(l->events);
	nl_socket_set_nonblocking(l->events);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		int error = nl_socket_add_membership(l->events, groups[i]);

		if (error < 0) {
			log_error("netlink group %d: %s", groups[i], nl_geterror(error));
			return false;
		}
	}
	l->tells_multicast =
		setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
	l->io = ev_io_new(l->loop, fd, EV_IO_READ, on_events, l);
	return l->io;
}

static bool open_requests(struct link *l)
{
	struct timeval patience = { .tv_sec = 2 };
	int on = 1, fd;

	l->requests = connect_socket();
	if (!l->requests)
		return false;
	fd = nl_socket_get_fd(l->requests);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
	return true;
}

struct link *link_open(struct ev_loop *loop, ev_fn *changed, void *arg)
{
	struct link *l = calloc(1, sizeof *l);
	struct link_watch *last = calloc(1, sizeof *last);
	int error;

	if (!l || !last || !neighbours_init(&l->neighbours)) {
		log_error("netlink: %s", strerror(ENOMEM));
		free(last);
		link_close(l);
		return NULL;
	}
	l->loop = loop;
	l->settle_latest_ms = EV_NEVER;
	*last = (struct link_watch){ changed, arg, NULL };
	l->watches = l->last = last;
	link_tables_init(&l->tables);
	ev_timer_init(&l->settle, loop, on_settle, l);
	wishes_init(l);
	if (!open_events(l) || !open_requests(l)) {
		link_close(l);
		return NULL;
	}
	error = read_all(l);
	if (error) {
		log_error("reading the kernel's network state: %s", strerror(-error));
		link_close(l);
		return NULL;
	}
	gates_read(l);
	link_publish(l);
	return l;
}

void link_close(struct link *l)
{
	if (!l)
		return;
	if (l->requests)
		wishes_done(l);
	if (l->loop)
		ev_timer_stop(&l->settle);
	ev_io_free(l->io);
	nl_socket_free(l->events);
	nl_socket_free(l->requests);
	link_tables_done(&l->tables);
	neighbours_done(&l->neighbours);
	link_facts_done(&l->facts);
	free(l->last);
	free(l);
}

const struct facts *link_facts(const struct link *l)
{
	return &l->facts;
}

void link_watch(struct link *l, struct link_watch *w)
{
	w->next = l->watches;
	l->watches = w;
}

void link_unwatch(struct link *l, struct link_watch *w)
{
	struct link_watch **p = &l->watches;

	while (*p && *p != w)
		p = &(*p)->next;
	if (*p)
		*p = w->next;
}

const uint8_t *link_neighbour(const struct link *l, uint32_t index, const struct in6_addr *addr)
{
	return neighbours_find(&l->neighbours, index, addr);
}

bool link_neighbour_at(const struct link *l, size_t *i, const uint8_t mac[ADDR_MAC_LEN],
		       struct in6_addr *addr, uint32_t *index)
{
	const struct neighbour *n = neighbours_at(&l->neighbours, i, mac);

	if (!n)
		return false;
	*addr = n->addr;
	*index = n->index;
	return true;
}
