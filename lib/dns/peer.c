/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "peer.h"

#define NEVER UINT64_MAX

enum {
	GUESSED_RTT_US = 200000, /* of a peer not measured yet */
	PATIENCE_MIN_MS = 200,
	PATIENCE_MAX_MS = 2000,

	/* A peer is dead after this many misses, over this time, without a word from it. */
	DEAD_MISSES = 3,
	DEAD_AFTER_MS = 3000,
	DEAD_REFUSALS = 3,

	PROBE_FIRST_MS = 500,
	PROBE_WAIT_MIN_MS = 1000,
	PROBE_WAIT_MAX_MS = 4000,

	SHUN_COMPLAINTS = 3,
	SHUN_MS = 30000,
};

void peer_init(struct peer *p, const struct forward_peer *at)
{
	*p = (struct peer){
		.at = *at,
		.srtt_us = GUESSED_RTT_US,
		.probe_ms = NEVER,
		.probe_wait_ms = PROBE_WAIT_MIN_MS,
	};
}

uint64_t peer_patience_ms(const struct peer *p)
{
	uint64_t ms = p->measured ? 2 * p->srtt_us / 1000 : 0;

	if (ms < PATIENCE_MIN_MS)
		return PATIENCE_MIN_MS;
	return ms < PATIENCE_MAX_MS ? ms : PATIENCE_MAX_MS;
}

/* Best first: answers, is in doubt, is dead. */
static int standing(const struct peer *p, uint64_t now_ms)
{
	if (p->dead)
		return 2;
	return p->misses || p->shunned_until_ms > now_ms;
}

bool peer_before(const struct peer *a, const struct peer *b, uint64_t now_ms)
{
	int x = standing(a, now_ms), y = standing(b, now_ms);

	return x != y ? x < y : a->srtt_us < b->srtt_us;
}

void peer_age(struct peer *p)
{
	p->srtt_us -= p->srtt_us / 64;
}

void peer_heard(struct peer *p, uint64_t rtt_ms)
{
	p->dead = false;
	p->misses = 0;
	p->refusals = 0;
	p->probe_ms = NEVER;
	p->probe_wait_ms = PROBE_WAIT_MIN_MS;
	p->answered++;
	if (rtt_ms == NEVER)
		return;
	/* The clock counts whole milliseconds: what took none took half of one. */
	rtt_ms = rtt_ms * 1000 + 500;
	p->srtt_us = p->measured ? (7 * p->srtt_us + rtt_ms) / 8 : rtt_ms;
	p->measured = true;
}

void peer_doubted(struct peer *p, uint64_t now_ms)
{
	if (p->probe_ms == NEVER)
		p->probe_ms = now_ms + PROBE_FIRST_MS;
}

static void doubt(struct peer *p, uint64_t now_ms)
{
	if (p->misses++ == 0)
		p->missed_since_ms = now_ms;
	peer_doubted(p, now_ms);
}

void peer_missed(struct peer *p, uint64_t now_ms)
{
	p->timeouts++;
	doubt(p, now_ms);
	if (p->misses >= DEAD_MISSES && now_ms - p->missed_since_ms >= DEAD_AFTER_MS)
		p->dead = true;
}

void peer_refused(struct peer *p, uint64_t now_ms)
{
	p->errors++;
	doubt(p, now_ms);
	if (++p->refusals >= DEAD_REFUSALS)
		p->dead = true;
}

void peer_useful(struct peer *p)
{
	p->complaints = 0;
	p->shunned_until_ms = 0;
}

void peer_useless(struct peer *p, uint64_t now_ms)
{
	p->errors++;
	if (++p->complaints >= SHUN_COMPLAINTS)
		p->shunned_until_ms = now_ms + SHUN_MS;
}

void peer_probing(struct peer *p, uint64_t now_ms)
{
	p->probe_ms = now_ms + p->probe_wait_ms;
	p->probe_wait_ms *= 2;
	if (p->probe_wait_ms > PROBE_WAIT_MAX_MS)
		p->probe_wait_ms = PROBE_WAIT_MAX_MS;
}
