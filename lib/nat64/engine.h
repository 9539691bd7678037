/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine.h - what the parts of the translator share: its state, and the packet in hand.
 *
 * Private to lib/nat64: path6.c and path4.c follow a packet from each side, reply.c makes ICMP
 * errors and answers of our own, nat64.c is the public face.
 */
#pragma once

#include "nat64/iphdr.h"
#include "nat64/nat64.h"
#include "nat64/pool.h"
#include "nat64/xlat.h"
#include "nat64/xlat_icmp.h"

/* IPv4 identifications: a counter through a keyed permutation, so that none comes back within
 * 32,768 packets and none can be foretold (RFC 7739 in spirit).  The other half of them is for
 * frames, of which the kernel counts them up: 256 blocks in a shuffled order. */
struct ids {
	uint8_t box[4][256];
	uint16_t counter;
	uint8_t order[256], block; /* of blocks */
	unsigned given;            /* of the block */
};

#define IDS_BLOCK 128u

/* Thousandths of an ICMP error that may be sent. */
struct bucket {
	uint64_t millis, filled_ms;
};

/* What the list of destinations says of an IPv4 address; 0.0.0.0, as an empty cell has it, is
 * never translated. */
enum verdict { VERDICT_NEVER, VERDICT_REFUSED, VERDICT_ALLOWED };

#define SHARES 64u

#define VERDICTS 256u

struct verdict_cell {
	uint32_t addr; /* as it lies in memory */
	enum verdict verdict;
};

/* Whether the guest behind a source that a map covers is a client, lately asked. */
#define JUDGED 64u

struct judged_cell {
	struct in6_addr src;
	uint64_t until_ms;
	bool is_client;
};

/* Sources that were told to come again, by a keyed hash. */
#define UNHEARD 256u

struct unheard_cell {
	uint64_t who, since_ms;
};

struct nat64 {
	struct nat64_conf conf, next_conf;
	struct pool *pool, *next_pool;
	struct siphash_key key;
	uint64_t (*guest_of)(void *arg, const struct in6_addr *);
	void *guest_arg;
	bool (*is_known)(void *arg, const struct in6_addr *);
	void *known_arg;
	void (*on_event)(void *arg, const struct nat64_event *);
	void *event_arg;
	struct nat64_fast fast;
	uint64_t counts[NAT64_REASON_COUNT];
	struct ids ids;
	struct bucket bucket, strangers; /* strangers: who is no neighbour */
	struct bucket shares[SHARES];    /* of bucket, by a hash of who gets the errors */
	uint64_t full_until_ms;          /* no second POOL_FULL before */
	struct verdict_cell verdicts[VERDICTS]; /* lately asked for */
	struct judged_cell judged[JUDGED];
	struct unheard_cell unheard[UNHEARD];
	uint8_t scratch[IP6_LEN + FRAG_LEN + XLAT_ERROR6_MAX];
};

/* Everything that is known of the packet, in the order in which it becomes known. */
struct packet {
	struct nat64 *n;
	uint8_t *buf;
	size_t len;
	const struct gso *gso; /* partial: pk is a frame that may go over as it is */
	size_t unit;           /* transport header and payload of the largest packet in it */
	unsigned count;        /* packets in it */
	uint64_t now_ms;
	const struct nat64_sink *sink;
	struct ip6 h6; /* of the IPv6 side: received, or to be sent */
	struct ip4 h4; /* of the IPv4 side */
	struct xlat_l4 l4;
	bool is_error;
	struct mapping *from, *to; /* of the source, of the destination */
};

/* Where an ICMP message of ours is put together: room for the headers before it. */
static inline uint8_t *engine_scratch(struct nat64 *n)
{
	return n->scratch + IP6_LEN + FRAG_LEN;
}

static inline uint16_t engine_permute(const struct ids *ids, uint16_t v)
{
	uint8_t left = (uint8_t)(v >> 8), right = (uint8_t)v;

	for (unsigned i = 0; i < 4; i++) {
		uint8_t next = left ^ ids->box[i][right];

		left = right;
		right = next;
	}
	return (uint16_t)(left << 8 | right);
}

/* Of the lower half: what the permutation takes out of it, it brings back in the end. */
static inline uint16_t engine_id(struct ids *ids)
{
	uint16_t v = ids->counter++ & INT16_MAX;

	do
		v = engine_permute(ids, v);
	while (v > INT16_MAX);
	return v;
}

/* The first of n in a row, n at most IDS_BLOCK. */
static inline uint16_t engine_ids(struct ids *ids, unsigned n)
{
	if (ids->given + n > IDS_BLOCK) {
		ids->block++;
		ids->given = 0;
	}
	ids->given += n;
	return (uint16_t)(INT16_MAX + 1 + ids->order[ids->block] * IDS_BLOCK + ids->given - n);
}

/* Is it a frame (gso.h), which only goes over as such where nothing at all is in the way?  Else
 * it is cut, and each packet finds its way. */
static inline bool engine_is_frame(const struct packet *pk)
{
	return pk->gso->partial;
}

static inline bool engine_own6(const struct nat64 *n, const struct in6_addr *a)
{
	return addr_equal(a, &n->conf.own6);
}

static inline bool engine_own4(const struct nat64 *n, struct in_addr a)
{
	return a.s_addr == n->conf.own4.s_addr;
}

enum verdict engine_judge(struct nat64 *, struct in_addr);

/* Can this be the address of a guest?  NAT64_GO_ON, or what it is instead. */
enum nat64_reason engine_check_source6(const struct nat64_conf *, const struct pool *,
				       const struct in6_addr *src);

/* May this source be translated (clients)?  guest: as from guest_of. */
bool engine_is_client(const struct nat64_conf *, const struct in6_addr *src, uint64_t guest);
uint64_t engine_guest(const struct nat64 *, const struct in6_addr *src);

/* Uses that others have seen become known; mappings may end. */
static inline void engine_refresh(struct nat64 *n)
{
	if (n->fast.refresh)
		n->fast.refresh(n->fast.arg);
}

/* Sets unit and count of the packet whose l4 is known; NAT64_FRAME where it is none of the
 * frames that it is said to be. */
enum nat64_reason engine_measure(struct packet *);

/* Counts a packet of the mapping m, and those in a frame; see pool_count(). */
void engine_count(struct packet *, struct mapping *m, unsigned dir);

/* Follow a received packet of one family to its end. */
enum nat64_reason path6_input(struct packet *);
enum nat64_reason path4_input(struct packet *);
