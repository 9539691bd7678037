/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link_priv.h - what the files of link share, and nobody else includes.
 *
 * link.c owns the sockets and the order of things, link_facts.c turns messages into tables,
 * link_table.c and link_neigh.c keep them, link_gate.c finds default gateways behind the ports
 * of bridges, link_wish.c makes what shall exist, link_set.c changes links.
 */
#pragma once

#include "link.h"

#include "base/siphash.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>

#define LINK_PROTO_OURS 64 /* rtm_protocol and NDA_PROTOCOL of what we made */

/* Records in order; each begins with the index of its link. */
struct link_table {
	uint8_t *v;
	size_t n, room, size;
	int (*order)(const void *, const void *);
};

struct link_conf {
	uint32_t index;
	bool forwarding4, forwarding6;
};

struct link_tables {
	struct link_table links, addrs, routes, confs;
	bool forwarding4, forwarding6;
};

struct neighbour {
	struct in6_addr addr;
	uint32_t index;
	uint8_t mac[ADDR_MAC_LEN];
	bool used;
};

/* A hash table with linear probing. */
struct neighbours {
	struct siphash_key key;
	struct neighbour *slots;
	uint32_t n, room, hand; /* room: a power of two; hand: who goes next when it is full */
};

struct wish_slot {
	struct wish wish;
	const char *owner;
	bool there, ours; /* it exists; we made it */
	bool lost;        /* it was there before */
	int error;        /* of the last attempt, 0 or -errno */
	bool seen_there;  /* as the others were told last */
	int seen_error;
};

struct wishes {
	struct wish_slot *v;
	size_t n, room;
	bool changed; /* one was made or lost since the others were told */
	struct ev_timer retry;
	uint32_t tidied; /* the link whose strays are collected, or 0 */
	struct wish *strays;
	size_t n_strays;
};

/* The gateway of a default route through a bridge. */
struct link_gate {
	uint32_t bridge, port; /* port: behind which it is; 0: the bridge has not heard of it */
	uint8_t mac[ADDR_MAC_LEN];
};

#define LINK_GATES_MAX 8

enum { LINK_REREAD_V4 = 1, LINK_REREAD_V6 = 2, LINK_REREAD_ALL = 4 };

struct link {
	struct ev_loop *loop;
	struct nl_sock *events, *requests;
	struct ev_io *io;
	struct ev_timer settle; /* after a storm: read again, make, publish */
	uint64_t settle_latest_ms;
	unsigned reread;      /* LINK_REREAD_... that the settling does */
	bool reading;         /* a dump: its messages are no changes */
	bool complained;      /* the last reading failed, and that was said */
	bool tells_multicast; /* the kernel notifies of IPv6 group memberships */
	struct link_tables tables;
	struct neighbours neighbours;
	struct link_gate gates[LINK_GATES_MAX];
	size_t n_gates;
	bool gates_unknown;      /* what the forwarding databases say of them */
	uint64_t gates_again_ms; /* they are not read before this */
	struct facts facts;      /* a copy of the tables, as published last */
	struct wishes wishes;
	struct link_watch *watches, *last; /* last: the one given to link_open */
	uint32_t tun_queues;               /* of the last answer */
};

/* link.c.  Settles soon; makes a request that the kernel acknowledges (0 or -errno, msg is
 * given back), with every answer through fn; reads the routes of one family anew; takes in what
 * the kernel has told already. */
typedef void link_message_fn(struct link *, struct nlmsghdr *);
void link_touch(struct link *);
int link_request(struct link *, struct nl_msg *msg, link_message_fn *fn);
int link_read_routes(struct link *, bool v4);
void link_catch_up(struct link *);

/* link_table.c.  Each record begins with the index of its link.  What memory is too short for
 * comes with the next reading of everything. */
void link_tables_init(struct link_tables *);
void link_tables_done(struct link_tables *);
void link_tables_clear(struct link_tables *);
const void *link_table_find(const struct link_table *, const void *record);
void link_table_put(struct link *, struct link_table *, const void *record);
void link_table_drop(struct link_table *, const void *record);
void link_table_drop_link(struct link_table *, uint32_t index);
void link_routes_clear(struct link *, bool v4);
const struct fact_link *link_now(const struct link *, uint32_t index);

/* Brings l->facts up to date; true when something differs. */
bool link_publish(struct link *);
void link_facts_done(struct facts *);

/* link_facts.c.  A notification or an answer of a dump into the tables. */
void link_apply(struct link *, struct nlmsghdr *);

/* link_neigh.c */
bool neighbours_init(struct neighbours *);
void neighbours_done(struct neighbours *);
void neighbours_clear(struct neighbours *);
void neighbours_put(struct neighbours *, uint32_t index, const struct in6_addr *,
		    const uint8_t mac[ADDR_MAC_LEN]);
void neighbours_drop(struct neighbours *, uint32_t index, const struct in6_addr *);
const uint8_t *neighbours_find(const struct neighbours *, uint32_t index,
			       const struct in6_addr *);
const struct neighbour *neighbours_at(const struct neighbours *, size_t *i,
				      const uint8_t mac[ADDR_MAC_LEN]);

/* link_gate.c.  Reads the forwarding databases where they matter and changed; takes in that
 * one, or a neighbour, changed; tells the port that a route's gateway is behind, or 0. */
void gates_read(struct link *);
void gates_on_entry(struct link *, struct nlmsghdr *);
void gates_on_neighbour(struct link *, uint32_t index, const struct in6_addr *);
uint32_t gates_port(const struct link *, const struct fact_route *);

/* link_wish.c.  What the kernel told of routes, links and groups; then wish_settle() makes what
 * is missing. */
void wishes_init(struct link *);
void wishes_done(struct link *); /* takes away what was made */
void wishes_settle(struct link *);
void wishes_routes_unknown(struct link *, bool v4);
void wishes_proxies_unknown(struct link *);
void wishes_on_route(struct link *, const struct prefix6 *dst, uint32_t index, uint8_t proto,
		     bool gone);
void wishes_on_link(struct link *, uint32_t index, bool up);
void wishes_on_neighbour_gone(struct link *, uint32_t index, const struct in6_addr *);
void wishes_on_group_left(struct link *, uint32_t index, const struct in6_addr *group);
void wishes_on_proxy_off(struct link *, uint32_t index);
