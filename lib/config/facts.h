/* SPDX-License-Identifier: GPL-3.0-or-later */
/* facts.h - what the host is like now: links, addresses, default routes, resolvers.
 *
 * A plain value, made by daemon/io/link.c and daemon/io/resolvers.c, read by effective.c and
 * the planes.  A new one is made when something changed.
 */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACT_NAME_LEN 16 /* IFNAMSIZ */

struct fact_link {
	uint32_t index;
	char name[FACT_NAME_LEN];
	char kind[FACT_NAME_LEN]; /* "bridge", "tun", "veth" ... or "" */
	uint8_t mac[ADDR_MAC_LEN];
	bool has_mac; /* an Ethernet-like link-layer address */
	bool up, running, loopback;
	uint32_t mtu, master; /* master: index of the bridge it is a port of, 0 for none */
	bool forwarding4, forwarding6; /* the interface's own sysctl */
};

struct fact_addr {
	uint32_t index;       /* of its link */
	struct in6_addr addr; /* IPv4 as ::ffff:... */
	uint8_t len;          /* of the network it is in; IPv4 + 96 */
	bool tentative, dad_failed, temporary, deprecated;
	bool no_prefix_route;                        /* its network is not on-link */
	uint64_t valid_until_ms, preferred_until_ms; /* CLOCK_BOOTTIME; UINT64_MAX: forever */
};

struct fact_route {     /* default routes only */
	uint32_t index; /* of its link */
	bool v4, from_ra;
	struct in6_addr gateway; /* :: where none */
	uint32_t metric;
	uint32_t
		port; /* of the bridge that its link is: behind it is the gateway; 0: unknown */
};

struct fact_resolver {
	struct in6_addr addr;
	uint16_t port;
	uint32_t scope;     /* link of a link-local address, else 0 */
	const char *origin; /* static text: the file it was found in */
};

enum fact_manager { FACT_MANAGER_NONE, FACT_MANAGER_NETWORKD, FACT_MANAGER_NETWORK_MANAGER };

/* Who of the host itself listens to router advertisements on a link. */
struct fact_hearing {
	int accept_ra; /* the kernel: 0, 1 (unless it forwards), 2, or < 0: not known */
	enum fact_manager manager;
	bool manager_listens;
	char file[64]; /* of the manager, where it has one for this link */
};

struct facts {
	struct fact_link *links;
	size_t n_links;
	struct fact_addr *addrs;
	size_t n_addrs;
	struct fact_route *routes; /* best first: lowest metric */
	size_t n_routes;
	struct fact_resolver *resolvers;
	size_t n_resolvers;
	bool forwarding4, forwarding6; /* net.ipv4.conf.all, net.ipv6.conf.all */
	uint8_t machine_id[16];
	const char *state_directory; /* as the service manager gives it, a list; or NULL */
};

/* The link of that name or index, or NULL. */
const struct fact_link *facts_link(const struct facts *, const char *name);
const struct fact_link *facts_link_at(const struct facts *, uint32_t index);

/* Is addr in a network that one of the host's links is in? */
bool facts_on_link(const struct facts *, const struct in6_addr *addr);

/* Must the kernel find out a link-layer address before it can send to addr: on a link that has
 * such, and not the host itself? */
bool facts_is_neighbour(const struct facts *, const struct in6_addr *addr);
