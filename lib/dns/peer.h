/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peer.h - what is known of one forwarder: how fast it answers, whether it lives, and what it
 * cannot do.  Only forward.c uses it.
 */
#pragma once

#include "forward.h"

#include <stdbool.h>
#include <stdint.h>

struct peer {
	struct peer *next;
	struct forward_peer at;
	bool listed;    /* the configuration names it */
	uint32_t users; /* questions in flight that hold it */

	bool dead, measured;
	uint64_t srtt_us;
	uint32_t misses, refusals; /* since it was last heard */
	uint64_t missed_since_ms;
	uint64_t probe_ms;      /* next probe; UINT64_MAX: none */
	uint64_t probe_wait_ms; /* between probes */

	uint32_t complaints; /* unusable answers in a row */
	uint16_t complaint;  /* the rcode of the last that came with an error */
	uint64_t shunned_until_ms;
	uint64_t no_edns_until_ms, no_case_until_ms;

	uint64_t asked, answered, timeouts, errors;
};

void peer_init(struct peer *, const struct forward_peer *);

/* How long an answer is waited for before someone else is asked: max(2 x RTT, 200 ms). */
uint64_t peer_patience_ms(const struct peer *);

/* Is a rather asked than b? */
bool peer_before(const struct peer *a, const struct peer *b, uint64_t now_ms);

/* Others were asked first: what was measured long ago counts for less, so that a peer that was
 * slow once is tried again. */
void peer_age(struct peer *);

/* It answered, after rtt_ms (UINT64_MAX: not to be measured), or nobody did within its
 * patience, or its host or port refused. */
void peer_heard(struct peer *, uint64_t rtt_ms);
void peer_missed(struct peer *, uint64_t now_ms);
void peer_refused(struct peer *, uint64_t now_ms);

/* It may be that it does not answer any longer: a probe will tell. */
void peer_doubted(struct peer *, uint64_t now_ms);

/* What it answered was usable, or was not. */
void peer_useful(struct peer *);
void peer_useless(struct peer *, uint64_t now_ms);

/* The probe that was due goes out now; sets the time of the next. */
void peer_probing(struct peer *, uint64_t now_ms);
