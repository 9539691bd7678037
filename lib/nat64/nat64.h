/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64.h - the translator: one packet in, packets and a reason out.
 *
 * Sans I/O: gets bytes and the time, gives bytes to a sink.  Nothing is allocated after
 * nat64_new(), but for a new configuration (nat64_prepare).  RFC 7915 (headers), 6052
 * (addresses), 7757 (fixed maps), 6791 (sources of errors), 4884 (extensions), and RFC 6146 3.5
 * as far as a pool of whole addresses needs it.
 */
#pragma once

#include "base/acl.h"
#include "base/pref64.h"
#include "base/siphash.h"
#include "nat64/gso.h"
#include "nat64/reasons.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAT64_HEADROOM  64u /* free bytes a packet needs before it: headers grow by up to 28 */
#define NAT64_BURST     50u /* ICMP errors made at once */
#define NAT64_RESERVE   14u /* more of them, for others than those who get most */
#define NAT64_STRANGERS 50u /* likewise, and echoes, in a second to who is no neighbour */

struct nat64_map {
	struct prefix4 ipv4;
	struct prefix6 ipv6; /* suffixes may be of unequal length: IPv6 suffix >= IPv4 suffix */
	const char *name;
};

/* Lists belong to the caller and outlive the configuration. */
struct nat64_conf {
	struct pref64 prefix;
	struct in_addr own4;  /* 0.0.0.0: none, errors of IPv4 are then not sent */
	struct in6_addr own6; /* :: likewise */
	const struct prefix4 *pools;
	size_t n_pools;
	const struct nat64_map *maps;
	size_t n_maps;
	struct acl clients;      /* IPv6 sources */
	struct acl destinations; /* IPv4 destinations, and IPv4 sources of data */
	uint32_t mtu;            /* of the TUN device: both directions' next hop */
	uint32_t fragment_mtu;
	bool drop_udp_zero;       /* IPv4 UDP without checksum: drop instead of compute */
	uint32_t icmp_error_rate; /* a second, burst 50; 0: no limit */
	uint64_t lease_lifetime_ms, lease_keep_ms;
	uint32_t max_mappings_per_guest;
};

/* Where packets go.  What is given is valid during the call only. */
struct nat64_sink {
	void (*packet)(void *arg, const uint8_t *buf, size_t len, const struct gso *);
	void *arg;
};

enum nat64_event_kind {
	NAT64_MAPPING_MADE,
	NAT64_MAPPING_MOVED,
	NAT64_MAPPING_ENDED,
	NAT64_POOL_FULL
};

/* Who uses which IPv4 address; the caller may log it.  MOVED: made, with the address of a
 * dormant mapping that ENDED for it just before.  POOL_FULL (ipv6 got no address) comes once a
 * minute at most. */
struct nat64_event {
	enum nat64_event_kind kind;
	struct in6_addr ipv6;
	struct in_addr ipv4;
};

enum nat64_state { NAT64_ACTIVE, NAT64_DORMANT, NAT64_STATIC };

struct nat64_mapping {
	struct in6_addr ipv6; /* for a network: its first address */
	struct in_addr ipv4;
	const char *name; /* "" where none */
	enum nat64_state state;
	uint64_t guest; /* as nat64_set_guests() tells; 0: not known */
	uint64_t made_ms,
		used_ms; /* as now_ms, to the second; used_ms 0: never.  Those of a
			    restored lease may lie before time 0: now - used_ms holds */
	uint64_t packets[2], bytes[2]; /* [0] IPv6 to IPv4, [1] IPv4 to IPv6 */
};

struct nat64;

/* key and the state of ids come from random bytes.  NULL when memory is short.
 * on_event may be NULL. */
struct nat64 *nat64_new(const struct nat64_conf *, const uint8_t random[32],
			void (*on_event)(void *arg, const struct nat64_event *), void *arg);
void nat64_free(struct nat64 *);

/* Who an IPv6 source is, for max_mappings_per_guest: the key of a guest, equal for all of its
 * addresses; 0 when it is not known (yet).  Below 2^48 it is a link-layer address, which ACLs
 * then judge, too (nat64_guest_mac); for a source behind another router it is its /64
 * (nat64_guest_net).  A mapping whose guest is unknown counts against nobody, so that strangers
 * never share one limit; guest_of is asked again at most once a second for each such mapping in
 * use.  Without guest_of all are unknown.
 *   NAT64_GUEST_LATER: it was not heard, and should have been; as of a packet that waited for
 * longer than anybody remembers.  It is dropped, and the source's next one some time later
 * comes in, as of an unknown guest if need be. */
#define NAT64_GUEST_LATER UINT64_MAX /* from guest_of, see there */

void nat64_set_guests(struct nat64 *, uint64_t (*guest_of)(void *arg, const struct in6_addr *),
		      void *arg);

/* Whether what is sent to an IPv6 address finds its way at once, without a search for a
 * neighbour that may have been made up: others get few ICMP errors and echoes of our own
 * (RFC 6583).  Without it all do. */
void nat64_set_neighbours(struct nat64 *, bool (*is_known)(void *arg, const struct in6_addr *),
			  void *arg);
uint64_t nat64_guest_mac(const uint8_t mac[ADDR_MAC_LEN]);
uint64_t nat64_guest_net(const struct in6_addr *);

/* The link-layer address that a key of nat64_guest_mac() stands for; false for any other key.
 */
bool nat64_guest_is_mac(uint64_t guest, uint8_t out[ADDR_MAC_LEN]);

/* A guest and an IPv4 host that have been translated for, and nothing stands against the next
 * packet.  What is the same for all ordinary packets of TCP and UDP between the two: a copy of
 * it, kept elsewhere (the kernel), may translate them in our place. */
struct nat64_pair {
	struct in6_addr guest6, remote6;
	struct in_addr guest4, remote4;
	uint32_t mapping; /* its index, as of nat64_mapping_at() */
	unsigned dir;     /* [0] or [1] of struct nat64_mapping: what the packet in hand was */
};

/* Who keeps such copies.  A pair holds in its own direction; that of an IPv6 packet in both. */
struct nat64_fast {
	/* A packet was translated here. */
	void (*pair)(void *arg, const struct nat64_pair *);
	/* The pairs of a mapping are void, those of all are: before their next packet.  All
	 * gets the configuration that holds from now on. */
	void (*void_mapping)(void *arg, uint32_t mapping);
	void (*void_all)(void *arg, const struct nat64_conf *);
	/* Who has been used for how long is about to matter: nat64_used() tells what is not
	 * known here yet. */
	void (*refresh)(void *arg);
	void *arg;
};

/* NULL: nobody (any more).  ops is copied. */
void nat64_set_fast(struct nat64 *, const struct nat64_fast *ops);

/* Packets of a mapping that were translated elsewhere, counted as by nat64_input(), and when
 * the last of them was.  0 where that does not matter: nothing but counters changes then. */
void nat64_used(struct nat64 *, uint32_t mapping, const uint64_t packets[2],
		const uint64_t bytes[2], uint64_t used_ms);

/* All indices of mappings are below; changes with the configuration only. */
uint32_t nat64_mappings_end(const struct nat64 *);

/* Takes a new configuration: prepare may fail for memory (false) and changes nothing yet;
 * settle switches, keeping every mapping that still fits, or drops what was prepared.  Whose
 * source is not one of clients any more becomes dormant. */
bool nat64_prepare(struct nat64 *, const struct nat64_conf *next);
void nat64_settle(struct nat64 *, bool commit, uint64_t now_ms);

/* buf[-NAT64_HEADROOM..len) is the packet with its headroom, and is written to.  Every packet
 * that results goes to the sink before it returns: a translation, its fragments, an ICMP error,
 * or none.  Counts the reason.
 *   A frame to be cut (gso.h) goes over whole where each of its packets would be translated
 * without further ado; else it is cut here, and each goes its way.  Either way packets and
 * bytes are counted as they go over the wire; the reason is that of the last. */
enum nat64_reason nat64_input(struct nat64 *, uint8_t *buf, size_t len, const struct gso *,
			      uint64_t now_ms, const struct nat64_sink *);

/* The first of n IPv4 identifications in a row, n at most 128: for what is sent as one frame
 * and cut by others, who count on from it. */
uint16_t nat64_ids(struct nat64 *, unsigned n);

const uint64_t *nat64_counts(const struct nat64 *); /* [NAT64_REASON_COUNT] */

/* Expiry of leases: when nat64_tick() has something to do (UINT64_MAX: nothing), and doing it.
 */
uint64_t nat64_next(const struct nat64 *);
void nat64_tick(struct nat64 *, uint64_t now_ms);

/* The first mapping from index *i on, static ones first, and its index in *i; false behind the
 * last.  for (size_t i = 0; nat64_mapping_at(n, &i, &m); i++) sees all. */
bool nat64_mapping_at(const struct nat64 *, size_t *i, struct nat64_mapping *out);

/* The mapping of a guest's address, dormant or fixed ones too; false where it has none. */
bool nat64_find(const struct nat64 *, const struct in6_addr *, struct nat64_mapping *out);

struct nat64_usage {
	uint32_t active, dormant, fixed;
};

void nat64_usage(const struct nat64 *, struct nat64_usage *);

/* Addresses of pool i that mappings use, active or dormant, and that could be used. */
void nat64_pool_usage(const struct nat64 *, size_t i, uint32_t *used, uint32_t *size);

/* Ends a dynamic mapping; false when ipv6 has none. */
bool nat64_drop(struct nat64 *, const struct in6_addr *ipv6, uint64_t now_ms);

/* Brings a lease back (from the lease file): ipv6 had ipv4, last used age_ms ago.  False when
 * the address is not free or not in a pool, or too old.  Dormant where ipv6 is not one of
 * clients, and with UINT64_MAX: its age is not known. */
bool nat64_restore(struct nat64 *, const struct in6_addr *ipv6, struct in_addr ipv4,
		   uint64_t age_ms, uint64_t now_ms);
