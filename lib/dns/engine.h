/* SPDX-License-Identifier: GPL-3.0-or-later */
/* engine.h - what query.c, leg.c and answer.c work on.  Not for others: query.h is the engine's
 * interface. */
#pragma once

#include "cache.h"
#include "counters.h"
#include "pending.h"
#include "query.h"
#include "ready.h"
#include "rules.h"
#include "special.h"
#include "synth.h"

#include <stdbool.h>
#include <stdint.h>

/* One message of a leg, while an answer is made. */
struct said {
	const struct pending_slot *slot; /* whose, and in which turn it was read */
	uint64_t turn;
	uint32_t pin;
	struct msg m;
	struct cache_answer answer;
	struct synth_chain chain;
	uint8_t special[SPECIAL_MSG_LEN];
};

struct dns {
	struct dns_ops ops;
	void *ctx;
	struct rules rules, next;
	struct cache_space *next_space;
	struct cache *cache;
	struct ready *ready, *next_ready;
	struct pending *pending;
	struct siphash_key cookie_key;
	uint64_t now_ms;
	bool running;
	uint64_t turn;      /* of the engine: within one, what is pinned stays where it is */
	uint32_t strangers; /* that may be answered now, in thousandths */
	uint64_t strangers_at_ms;
	uint64_t counts[DNS_COUNT_COUNT];
	struct said said[2][PENDING_HOPS];
	uint8_t out[DNS_MSG_MAX];
};

/* One decision about the question in s, for whoever traces it. */
static inline void engine_explain(struct dns *d, const struct pending_slot *s,
				  const struct dns_step *step)
{
	if (s->client.traced)
		d->ops.explain(d->ctx, &s->client, step);
}

static inline void engine_count(struct dns *d, enum dns_count what)
{
	d->counts[what]++;
}

/* Keeps what was heard about q at heard_ms; the pin as from cache_put().  *failed: nothing that
 * could be used. */
uint32_t engine_keep(struct dns *, const struct dns_question *q, uint8_t flags,
		     const struct resolve_result *, uint64_t heard_ms, bool *failed);
