/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pool.h - which IPv4 address stands for which guest: the dynamic pool and the fixed maps.
 *
 * Every address of a pool is a slot of an array, found by subtraction; a keyed hash finds the
 * slot of an IPv6 address.  Every list is by last use, to the second, so that expiry and
 * take-over look at its head only.  All memory is taken by pool_new().  Knows no packets.
 * RFC 7757; RFC 6146 3.5 in spirit.
 */
#pragma once

#include "nat64/nat64.h"

#define POOL_NONE UINT32_MAX

enum mapping_state {
	MAPPING_FREE,
	MAPPING_ACTIVE,
	MAPPING_DORMANT, /* unused for lease_lifetime, reserved for lease_keep more */
	MAPPING_FIXED,
};

struct pool_link {
	uint32_t prev, next;
};

struct mapping {
	struct in6_addr ipv6; /* fixed: of the network */
	struct in_addr ipv4;
	uint32_t hash; /* of ipv6 */
	struct pool_link by_use,
		by_guest; /* among those of the same state, of the same guest */
	uint32_t guest;   /* index; POOL_NONE: unknown */
	enum mapping_state state;
	int64_t made_ms, used_ms; /* used_ms is up to a second behind */
	uint64_t packets[2], bytes[2];
};

struct pool;

/* NULL when memory is short, or with more than 2^24 addresses.  Keeps pointers to the maps of
 * conf.  key is secret. */
struct pool *pool_new(const struct nat64_conf *conf, const struct siphash_key *key,
		      void (*on_event)(void *arg, const struct nat64_event *), void *arg);
void pool_free(struct pool *);

/* The mapping that covers an IPv6 address, dormant ones too, and the IPv4 address that stands
 * for it; NULL, out untouched. */
struct mapping *pool_local6(struct pool *, const struct in6_addr *v6, struct in_addr *out);

enum pool_place {
	POOL_MAPPED,
	POOL_VACANT,  /* in a pool, nobody's */
	POOL_EDGE,    /* the first or last address of a pool */
	POOL_OUTSIDE, /* in no pool */
};

/* The same from the other side; *m and *out are set with POOL_MAPPED only. */
enum pool_place pool_local4(struct pool *, struct in_addr v4, struct mapping **m,
			    struct in6_addr *out);

/* Is v4 in the network of a pool, whatever it is used for? */
bool pool_has(const struct pool *, struct in_addr v4);

/* The fixed maps alone; false, out untouched. */
bool pool_fixed_to_v4(const struct pool *, const struct in6_addr *v6, struct in_addr *out);
bool pool_fixed_to_v6(const struct pool *, struct in_addr v4, struct in6_addr *out);

#define POOL_MOVES_BURST 64u
#define POOL_MOVE_MS     50u

/* May a guest have one more mapping now?  Not where each new one would take the place of
 * another of its own more often than every POOL_MOVE_MS, after a burst: those that it has would
 * be worth nothing, answers would come to the wrong address, and each of its addresses be asked
 * for on the link. */
bool pool_admit(struct pool *, uint64_t guest, uint64_t now_ms);

/* Makes the mapping of v6 active, and makes one where there is none: the address that its hash
 * asks for, else the next free one, else that of the longest idle dormant mapping.  A guest (0:
 * unknown, no limit) that has its limit loses its own longest idle one.  NULL: all are active.
 * v6 is covered by no map. */
struct mapping *pool_take(struct pool *, const struct in6_addr *v6, uint64_t guest,
			  uint64_t now_ms);

/* The key of the guest that uses m; 0: not known, or a fixed mapping. */
uint64_t pool_guest(const struct pool *, const struct mapping *m);

/* Who uses m, where it was unknown. */
void pool_set_guest(struct pool *, struct mapping *m, uint64_t guest, uint64_t now_ms);

/* m is used now: moves it to the end of its lists, and makes it active; nothing happens to one
 * that has ended. */
void pool_touch(struct pool *, struct mapping *m, uint64_t now_ms);

/* Counts a packet of len bytes; true once a second for each mapping, when it was touched. */
static inline bool pool_count(struct pool *p, struct mapping *m, unsigned dir, size_t len,
			      uint64_t now_ms)
{
	m->packets[dir]++;
	m->bytes[dir] += len;
	if ((int64_t)now_ms - m->used_ms < 1000 && m->state != MAPPING_DORMANT)
		return false;
	pool_touch(p, m, now_ms);
	return true;
}

/* Ends a mapping of the pool, which tells on_event. */
void pool_end(struct pool *, struct mapping *m);

/* See nat64_restore(); reserve: dormant, however young it is. */
bool pool_restore(struct pool *, const struct in6_addr *v6, struct in_addr v4, uint64_t age_ms,
		  bool reserve, uint64_t now_ms);

uint64_t pool_next(const struct pool *);
void pool_tick(struct pool *, uint64_t now_ms);

enum pool_fate {
	POOL_END,
	POOL_RESERVE, /* dormant, until its guest is a client again */
	POOL_KEEP,
};

/* Takes over from an older pool what still fits, as fate_of() says; the rest ends. */
void pool_inherit(struct pool *, struct pool *old,
		  enum pool_fate (*fate_of)(void *arg, const struct mapping *, uint64_t guest),
		  void *arg);

/* Told when a mapping is not active any more, or ends: fn gets its index, as of pool_at(). */
void pool_on_void(struct pool *, void (*fn)(void *arg, uint32_t index), void *arg);
uint32_t pool_index(const struct pool *, const struct mapping *);
uint32_t pool_indices(const struct pool *);

/* NULL where there is none. */
struct mapping *pool_by_index(struct pool *, uint32_t index);

/* The i-th fixed or dynamic mapping, as for nat64_mapping_at(). */
const struct mapping *pool_at(const struct pool *, size_t *i, const char **name);
void pool_usage(const struct pool *, struct nat64_usage *);
void pool_range_usage(const struct pool *, size_t i, uint32_t *used, uint32_t *size);
