/* SPDX-License-Identifier: GPL-3.0-or-later */
/* effective.h - the configuration with every "auto" replaced by what the host is like now.
 *
 * effective_new() is a pure function of configuration, facts and the health of the planes.  It
 * is called at start, on reload and whenever the facts changed: one path for all three.  What
 * cannot be found out yet is a reason, never an error.
 */
#pragma once

#include "base/events.h"
#include "config.h"
#include "facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why the gateway is not whole: a sentence with its remedy. */
struct reason {
	enum event event;
	const char *plane; /* the event's */
	char text[232];
};

struct reasons {
	struct reason v[24];
	size_t n;
};

/* Adds a reason; beyond the room they are left out. */
void reasons_add(struct reasons *, enum event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for what is graver than all others there. */
void reasons_put_first(struct reasons *, const char *plane, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Where a value came from, for the log and "v6gwctl config". */
struct origin {
	char key[48]; /* "dns64.listen", "ra[0].rdnss[0].servers" */
	char value[160];
	char from[64]; /* "br0" */
};

/* One of the guests' links. */
struct eff_iface {
	char name[FACT_NAME_LEN];
	uint32_t index; /* 0: does not exist now */
};

struct eff_endpoint {
	struct in6_addr addr;
	uint16_t port;
	uint32_t scope; /* link of a link-local address, else 0 */
};

struct eff_endpoints {
	struct eff_endpoint *v;
	size_t n;
};

struct eff_nat64 {
	bool enabled;
	struct in_addr ipv4_address;  /* 0.0.0.0: none */
	struct in6_addr ipv6_address; /* :: while not known yet: errors are then not sent */
	uint32_t proxy_index; /* link that ipv6_address is on-link at (proxy neighbour entry),
				 or 0 */
	struct prefix4 *pools;
	size_t n_pools;
	struct acl clients, destinations; /* an ACL_AUTO that is left stands for nothing */
};

struct eff_zone {
	const char *name;
	struct eff_endpoints forwarders;
};

struct eff_dns64 {
	bool enabled;
	struct eff_endpoints listen;
	struct eff_endpoints forwarders;
	struct eff_zone *zones;
	size_t n_zones;
	struct acl allow_query, clients, destinations;
};

struct eff_ra_prefix {
	struct prefix6 prefix;
	struct in6_addr router_address; /* to send with the R bit; :: without it */
	bool on_link, autonomous, is_auto;
	int64_t valid_ms, preferred_ms; /* as configured; CONFIG_INFINITE */
	uint64_t valid_until_ms,
		preferred_until_ms; /* limits by the kernel, CLOCK_BOOTTIME; UINT64_MAX: none */
};

struct eff_ra_rdnss {
	struct in6_addr *servers;
	size_t n;
	int64_t lifetime_ms;
};

/* What becomes of "nat64" in a list of routes or NAT64 prefixes. */
enum eff_nat64_use {
	EFF_NAT64_ABSENT,   /* a default without its plane */
	EFF_NAT64_WITHHELD, /* the plane is enabled and fails */
	EFF_NAT64_ANNOUNCED
};

#define EFF_REFUSED_MAX 8 /* of one interface */
#define EFF_DEAF_MAX    8

/* One interface to advertise on.  Lists not repeated here are in config. */
struct eff_ra {
	const struct config_ra *config;
	char name[FACT_NAME_LEN];
	uint32_t index; /* 0: does not exist now */
	bool up, running, forwarding;
	uint8_t mac[ADDR_MAC_LEN];
	bool has_mac;
	uint32_t mtu;
	struct in6_addr link_local; /* :: while none is usable (DAD) */
	bool duplicate;             /* another machine has one of them */
	int64_t min_interval_ms, max_interval_ms, router_lifetime_ms; /* no CONFIG_AUTO left */
	struct eff_ra_prefix *prefixes;
	size_t n_prefixes;
	struct eff_ra_rdnss *rdnss;
	size_t n_rdnss;
	enum eff_nat64_use nat64_route, nat64_pref64;
	struct eff_iface refused[EFF_REFUSED_MAX]; /* ports of it that lead to the provider */
	size_t n_refused;
	uint32_t way_out; /* its port that leads out, behind which a gateway was heard; or 0 */
};

/* Whether the planes serve, as far as others may rely on it; all true at start.  One that
 * failed and serves again has to prove itself first, until again_ms; 0 otherwise. */
struct plane_health {
	bool nat64_serves, dns64_serves;
	uint64_t nat64_again_ms, dns64_again_ms;
	struct eff_endpoint deaf[EFF_DEAF_MAX]; /* dns64 cannot listen there */
	size_t n_deaf;
};

#define EFF_STATE_DIRECTORY "/var/lib/v6gwd"

struct effective {
	const struct config *config;
	struct plane_health health;
	const char *state_directory; /* an absolute path */
	struct eff_iface *ifaces;
	size_t n_ifaces;
	char uplink[FACT_NAME_LEN]; /* "" while there is none */
	struct eff_nat64 nat64;
	struct eff_dns64 dns64;
	struct eff_ra *ra;
	size_t n_ra;
	struct reasons reasons; /* what is waited for */
	struct reasons notes;   /* what is well, and may not stay so */
	struct origin *origins;
	size_t n_origins;
	struct memory *memory;
};

/* previous: the one in force or NULL; an automatically chosen interface is kept while it
 * exists. NULL when memory is short.  The result points into config, which must outlive it. */
struct effective *effective_new(const struct config *, const struct facts *,
				struct plane_health, const struct effective *previous);

/* Has the host its own way out through this link? */
bool effective_is_uplink(const struct effective *, const struct facts *, uint32_t index);

/* Adds what is to be said of advertisements that the host hears itself where it advertises: a
 * reason where they steer it, a note where they could. */
void effective_hears(struct effective *, const struct facts *, const struct eff_ra *,
		     const struct fact_hearing *);

/* NULL is a no-op. */
void effective_free(struct effective *);
