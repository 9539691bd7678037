/* SPDX-License-Identifier: GPL-3.0-or-later */
/* leg.c - see leg.h. */
#include "leg.h"

#include "base/addr.h"

#include <string.h>

#define DATAGRAM_MAX 4096 /* no answer of ours is longer (dns64.udp_payload) */

static uint8_t resolve_flags(const struct ask *a)
{
	return (uint8_t)((a->dnssec_ok ? RESOLVE_DO : 0) |
			 (a->flags & MSG_CD ? RESOLVE_CD : 0));
}

/* What hop h of leg i says, into d->said; false when it is a failure or lost. */
static bool load(struct dns *d, const struct pending_slot *s, unsigned i, unsigned h,
		 const uint8_t *name)
{
	const struct pending_leg *leg = &s->legs[i];
	struct said *said = &d->said[i][h];

	if (leg->hops[h].is_special) {
		struct dns_question q = { .type = leg->type, .class = CLASS_IN };

		q.name_len = (uint8_t)name_len(name);
		memcpy(q.name, name, q.name_len);
		said->answer =
			(struct cache_answer){ .msg = said->special, .cap_s = UINT32_MAX };
		said->answer.len = special_answer(d->rules.special, &q, s->goal == PENDING_PTR,
						  said->special);
	} else if (!cache_view(d->cache, leg->hops[h].pin, d->now_ms, &said->answer)) {
		return false;
	}
	if (!said->answer.msg ||
	    msg_parse(said->answer.msg, said->answer.len, &said->m) != MSG_OK)
		return false;
	said->answer.authority_at = said->m.at[MSG_AUTHORITY];
	said->answer.additional_at = said->m.at[MSG_ADDITIONAL];
	synth_follow(&said->m, name, leg->type, &said->chain);
	return true;
}

void leg_start_name(const struct pending_slot *s, uint8_t out[DNS_NAME_MAX])
{
	struct in6_addr addr, mapped;
	struct in_addr v4;
	unsigned len;

	memcpy(out, s->ask.q.name, s->ask.q.name_len);
	if (s->goal != PENDING_PTR || !name_reversed(s->ask.q.name, &addr, &len) ||
	    !pref64_extract(&s->prefix, &addr, &v4))
		return;
	mapped = addr_mapped(v4);
	name_reverse(&mapped, 128, out);
}

bool leg_load(struct dns *d, const struct pending_slot *s, unsigned i)
{
	uint8_t name[DNS_NAME_MAX];

	leg_start_name(s, name);
	for (unsigned h = 0; h < s->legs[i].n_hops; h++) {
		if (!load(d, s, i, h, name))
			return false;
		memcpy(name, d->said[i][h].chain.end, DNS_NAME_MAX);
	}
	return s->legs[i].n_hops > 0;
}

/* Data may be there and still be of no use for this client. */
static enum synth_outcome judge_data(struct dns *d, const struct pending_slot *s,
				     struct pending_leg *leg, unsigned i)
{
	const struct said *said = &d->said[i][leg->n_hops - 1];
	unsigned refused, n;

	if (s->goal != PENDING_DNS64)
		return SYNTH_DATA;
	if (leg->type == TYPE_A && rules_exclude(&d->rules, said->chain.end))
		return SYNTH_EXCLUDED;
	n = synth_count(&d->rules.conf, &said->m, &said->chain, leg->type, &refused);
	leg->filtered = refused > 0;
	if (leg->type == TYPE_AAAA)
		d->counts[DNS_COUNT_EXCLUDED] += refused;
	if (n)
		return SYNTH_DATA;
	return refused ? SYNTH_EXCLUDED : SYNTH_NODATA;
}

static void judge_failure(struct pending_leg *leg, const struct cache_answer *answer)
{
	leg->outcome = (enum synth_outcome)answer->fact.outcome;
	leg->rcode = answer->fact.rcode;
	leg->ede = answer->fact.ede;
}

/* Thousands of addresses take a millisecond to look at, and whoever asks by datagram is sent to
 * come again by stream anyway. */
static bool is_huge(const struct pending_slot *s, const struct cache_answer *answer)
{
	return !s->ask.tcp && answer->fact.outcome == SYNTH_DATA &&
	       answer->authority_at > DATAGRAM_MAX;
}

/* The leg has one more hop: what does that make of it? */
static void judge_hop(struct dns *d, struct pending_slot *s, struct pending_leg *leg)
{
	unsigned i = (unsigned)(leg - s->legs);
	struct cache_answer answer;

	if (leg->hops[leg->n_hops - 1].pin &&
	    cache_view(d->cache, leg->hops[leg->n_hops - 1].pin, d->now_ms, &answer)) {
		if (!answer.msg) {
			judge_failure(leg, &answer);
			return;
		}
		leg->outcome = (enum synth_outcome)answer.fact.outcome;
		leg->huge = is_huge(s, &answer);
		if (leg->huge || (leg->outcome != SYNTH_BARE && s->goal != PENDING_DNS64))
			return;
	}
	if (!leg_load(d, s, i)) {
		leg->outcome = SYNTH_ERROR;
		s->no_room = true;
		return;
	}
	leg->outcome = d->said[i][leg->n_hops - 1].chain.outcome;
	if (leg->outcome == SYNTH_DATA)
		leg->outcome = judge_data(d, s, leg, i);
	if (leg->outcome != SYNTH_BARE)
		return;
	engine_count(d, DNS_COUNT_CHASED);
	leg->cnames = (uint8_t)(leg->cnames + d->said[i][leg->n_hops - 1].chain.cnames);
	if (leg->n_hops == PENDING_HOPS || leg->cnames > SYNTH_CNAMES_MAX)
		leg->outcome = SYNTH_BROKEN;
}

void leg_add_hop(struct dns *d, struct pending_slot *s, struct pending_leg *leg, uint32_t pin,
		 bool is_special)
{
	leg->hops[leg->n_hops++] = (struct pending_hop){ pin, is_special };
	cache_unpin(d->cache, leg->stale_pin);
	leg->stale_pin = 0;
	judge_hop(d, s, leg);
}

/* Asking. */

static void join(struct dns *d, struct pending_slot *s, struct pending_leg *leg,
		 const struct dns_question *q, unsigned set)
{
	bool is_new;
	struct pending_job *job =
		pending_join(d->pending, s, leg, q, resolve_flags(&s->ask), &is_new);

	if (!job) {
		if (leg)
			leg->outcome = SYNTH_ERROR;
		s->no_room = true;
		return;
	}
	if (is_new) {
		job->set = set;
		pending_queue_job(d->pending, job);
		engine_count(d, DNS_COUNT_ASKED);
	} else if (leg) {
		engine_count(d, DNS_COUNT_SHARED);
	}
}

void leg_leave(struct dns *d, struct pending_slot *s, struct pending_leg *leg)
{
	struct pending_job *job = pending_job_of_leg(d->pending, leg);

	if (!job)
		return;
	pending_leave(d->pending, s, leg);
	if (job->legs || !job->sent || pending_jobs(d->pending) < PENDING_SLOTS)
		return;
	d->ops.cancel(d->ctx, pending_id(d->pending, job));
	pending_end(d->pending, job);
}

bool leg_client_is_full(const struct dns *d, const struct in6_addr *addr,
			enum dns_transport transport)
{
	return pending_of_client(d->pending, addr, transport) >=
	       d->rules.conf.max_queries_per_client;
}

void leg_fall_silent(struct pending_leg *leg)
{
	leg->outcome = SYNTH_SILENT;
	leg->ede = EDE_NO_REACHABLE_AUTHORITY;
}

static void ask_forwarder(struct dns *d, struct pending_slot *s, struct pending_leg *leg,
			  const struct dns_question *q, unsigned set)
{
	if (!(s->ask.flags & MSG_RD))
		s->may_not_ask = true;
	else if (!s->waiting && leg_client_is_full(d, &s->client.addr, s->client.transport))
		s->limited = true;
	if (s->may_not_ask || s->limited)
		return;
	if (s->over) {
		leg_fall_silent(leg);
		return;
	}
	s->asked = true;
	join(d, s, leg, q, set);
}

static void prefetch(struct dns *d, struct pending_slot *s, uint32_t pin,
		     const struct dns_question *q, unsigned set)
{
	struct cache_answer answer;

	if (!(s->ask.flags & MSG_RD) || pending_jobs(d->pending) >= PENDING_SLOTS / 2 ||
	    !cache_view(d->cache, pin, d->now_ms, &answer) || !answer.msg || !answer.prefetch)
		return;
	engine_count(d, DNS_COUNT_PREFETCHED);
	join(d, s, NULL, q, set);
}

/* The next name of a leg: special, kept, or to be asked for. */
static void look_up(struct dns *d, struct pending_slot *s, struct pending_leg *leg,
		    const struct dns_question *q)
{
	struct cache_key key = { q->name, q->type, q->class, resolve_flags(&s->ask) };
	unsigned set = 0;
	uint32_t pin = 0;

	if (special_find(d->rules.special, q->name, s->goal == PENDING_PTR, &set)) {
		leg_add_hop(d, s, leg, 0, true);
		return;
	}
	switch (cache_get(d->cache, &key, d->now_ms, &pin)) {
	case CACHE_FRESH:
		prefetch(d, s, pin, q, set);
		leg_add_hop(d, s, leg, pin, false);
		return;
	case CACHE_STALE_HELD:
		leg_add_hop(d, s, leg, pin, false);
		return;
	case CACHE_STALE:
		if (s->takes_stale) {
			leg_add_hop(d, s, leg, pin, false);
			return;
		}
		leg->stale_pin = pin;
		ask_forwarder(d, s, leg, q, set);
		return;
	case CACHE_MISS:
		ask_forwarder(d, s, leg, q, set);
		return;
	}
}

static void next_name(struct dns *d, const struct pending_slot *s,
		      const struct pending_leg *leg, uint8_t out[DNS_NAME_MAX])
{
	unsigned i = (unsigned)(leg - s->legs);

	leg_start_name(s, out);
	if (leg->n_hops && leg_load(d, s, i))
		memcpy(out, d->said[i][leg->n_hops - 1].chain.end, DNS_NAME_MAX);
}

void leg_advance(struct dns *d, struct pending_slot *s, struct pending_leg *leg)
{
	struct dns_question q = { .type = leg->type, .class = CLASS_IN };

	leg->used = true;
	while ((leg->outcome == SYNTH_PENDING || leg->outcome == SYNTH_BARE) && !leg->job &&
	       !s->may_not_ask && !s->limited) {
		next_name(d, s, leg, q.name);
		q.name_len = (uint8_t)name_len(q.name);
		leg->outcome = SYNTH_PENDING;
		look_up(d, s, leg, &q);
	}
}
