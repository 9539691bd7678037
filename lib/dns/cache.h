/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache.h - what forwarders said: whole messages, in a fixed amount of memory.
 *
 * A message is kept as it came, without its OPT record, with a table of where its TTLs stand;
 * an answer is a copy with the TTLs counted down.  Nothing synthetic is ever kept.  Lifetimes:
 * positive RFC 1035 with max_ttl, negative RFC 2308 5, failures RFC 9520, stale RFC 8767.
 *
 * The memory is a ring: what is old makes room for what is new, what was used since goes round
 * once more, and what is pinned stays.  It is not touched before it is used.
 */
#pragma once

#include "base/siphash.h"
#include "msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_MIN_SIZE ((size_t)256 << 10)

struct cache_key {
	const uint8_t *name; /* any case */
	uint16_t type, class;
	uint8_t flags; /* RESOLVE_* */
};

struct cache_limits {
	uint32_t max_ttl_s, negative_ttl_s, serve_stale_s;
};

/* What the user of the cache knows about a result. */
struct cache_fact {
	uint8_t outcome, status; /* opaque here */
	bool negative;           /* lives by the SOA record of its authority section */
	bool secure;
	uint16_t rcode, ede;
	uint32_t failure_s; /* without a message: how long it is kept */
};

enum cache_state {
	CACHE_MISS,
	CACHE_FRESH,
	CACHE_STALE, /* to be asked again, usable if that fails or takes long (RFC 8767 5) */
	CACHE_STALE_HELD, /* likewise, but asking just failed: not again yet */
};

/* A kept result.  Valid until the next call that is not for const. */
struct cache_answer {
	struct cache_fact fact;
	const uint8_t *msg; /* NULL: a failure */
	size_t len, authority_at, additional_at;
	const uint8_t *ttls; /* n_ttls offsets, two octets each */
	size_t n_ttls;
	uint32_t age_s, cap_s;
	bool stale, prefetch; /* the last tenth of a life that is worth asking again for */
	uint64_t steady_ms;   /* nothing here says anything else before */
};

struct cache;

/* size octets for messages, n_pins pinned at once; the key of the table must be random.  NULL
 * when memory is short. */
struct cache *cache_new(size_t size, size_t n_pins, const struct siphash_key *key);
void cache_free(struct cache *);

/* Looks key up.  Unless it is missing, *pin holds the result in place until cache_unpin(). */
enum cache_state cache_get(struct cache *, const struct cache_key *, uint64_t now_ms,
			   uint32_t *pin);

/* Keeps a message, or with m == NULL a failure, in place of what was there; a failure leaves
 * stale data and only keeps it from being asked for again.  Returns a pin, also when the result
 * lives for nobody but its holder (TTL 0); 0 when there is no room. */
uint32_t cache_put(struct cache *, const struct cache_key *, const struct msg *m,
		   const struct cache_fact *, const struct cache_limits *, uint64_t now_ms);

/* One more holder of a pin, and one less; pin 0 is a no-op. */
void cache_pin(struct cache *, uint32_t pin);
void cache_unpin(struct cache *, uint32_t pin);

/* What is pinned; false for pin 0 and what cache_resize() had no room for. */
bool cache_view(const struct cache *, uint32_t pin, uint64_t now_ms, struct cache_answer *out);

/* The TTL of a record now. */
uint32_t cache_ttl(const struct cache_answer *, uint32_t ttl);

/* Counts down the TTLs in buf, the first len octets of the message. */
void cache_set_ttls(const struct cache_answer *, uint8_t *buf, size_t len);

/* Another size: entries go over, the newest last.  *space from cache_space() (NULL: memory is
 * short) is taken over. */
struct cache_space;
struct cache_space *cache_space(size_t size);
void cache_space_free(struct cache_space *);
void cache_resize(struct cache *, struct cache_space *);

void cache_flush(struct cache *);

/* A message as it was put. */
struct cache_record {
	struct cache_key key;
	struct cache_fact fact;
	uint64_t stored_ms;
	const uint8_t *msg;
	size_t len;
};

/* Tells fn of every message that may still be used, the oldest first. */
void cache_each(const struct cache *, uint64_t now_ms,
		void (*fn)(void *arg, const struct cache_record *), void *arg);

uint64_t cache_entries(const struct cache *);
uint64_t cache_bytes(const struct cache *);
uint64_t cache_size(const struct cache *);
