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

	if (leg->hops[h].pin && said->slot == s && said->turn == d->turn &&
	    said->pin == leg->hops[h].pin)
		return true;
	said->slot = NULL;
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
	said->slot = s;
	said->turn = d->turn;
	said->pin = leg->hops[h].pin;
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

/* What becomes of each record, for who traces the question. */
static void explain_records(struct dns *d, const struct pending_slot *s,
			    const struct pending_leg *leg, unsigned i)
{
	const struct said *said = &d->said[i][leg->n_hops - 1];
	struct synth_record r;

	if (!s->client.traced)
		return;
	for (size_t at = 0;
	     synth_next(&d->rules.conf, &said->m, &said->chain, leg->type, &at, &r);) {
		struct dns_step step = {
			.why = r.why, .addr = r.addr, .entry = r.entry, .net = r.net
		};

		if (r.why == DNS_WHY_A_MADE)
			step.made = pref64_embed(&d->rules.conf.prefix, addr_v4(&r.addr));
		engine_explain(d, s, &step);
	}
}

/* Data may be there and still be of no use for this client. */
static enum synth_outcome judge_data(struct dns *d, const struct pending_slot *s,
				     struct pending_leg *leg, unsigned i)
{
	const struct said *said = &d->said[i][leg->n_hops - 1];
	const uint8_t *domain;
	unsigned refused, n;

	if (s->goal != PENDING_DNS64)
		return SYNTH_DATA;
	domain = leg->type == TYPE_A ? rules_exclude(&d->rules, said->chain.end) : NULL;
	if (domain) {
		engine_explain(d, s,
			       &(struct dns_step){ .why = DNS_WHY_A_NOT_NAME, .name = domain });
		return SYNTH_EXCLUDED;
	}
	explain_records(d, s, leg, i);
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

/* The name that the last hop of the leg is about, as far as it is known. */
static void last_name(struct dns *d, const struct pending_slot *s,
		      const struct pending_leg *leg, uint8_t out[DNS_NAME_MAX])
{
	unsigned i = (unsigned)(leg - s->legs);

	leg_start_name(s, out);
	if (leg_load(d, s, i))
		memcpy(out, d->said[i][leg->n_hops - 1].chain.end, DNS_NAME_MAX);
	else if (leg->n_hops > 1)
		memcpy(out, d->said[i][leg->n_hops - 2].chain.end, DNS_NAME_MAX);
}

/* Tells who traces the question what has become of the leg. */
static void explain_leg(struct dns *d, const struct pending_slot *s,
			const struct pending_leg *leg)
{
	static const enum dns_why whys[] = {
		[SYNTH_DATA] = DNS_WHY_SAYS_DATA,         [SYNTH_NODATA] = DNS_WHY_SAYS_NODATA,
		[SYNTH_NXDOMAIN] = DNS_WHY_SAYS_NXDOMAIN, [SYNTH_BARE] = DNS_WHY_SAYS_ALIAS,
		[SYNTH_ERROR] = DNS_WHY_SAYS_ERROR,       [SYNTH_SILENT] = DNS_WHY_SAYS_NOTHING,
		[SYNTH_BOGUS] = DNS_WHY_SAYS_BOGUS,       [SYNTH_BROKEN] = DNS_WHY_SAYS_CHAIN,
	};
	struct dns_step step = { .type = leg->type, .rcode = leg->rcode, .ede = leg->ede };
	uint8_t name[DNS_NAME_MAX];

	/* Records that were judged one by one have told. */
	if (!s->client.traced || leg->outcome == SYNTH_PENDING ||
	    leg->outcome == SYNTH_EXCLUDED ||
	    (leg->outcome == SYNTH_DATA && s->goal == PENDING_DNS64))
		return;
	last_name(d, s, leg, name);
	step.why = whys[leg->outcome];
	step.name = name;
	engine_explain(d, s, &step);
}

/* With validation: what is the message worth that came last? */
static void explain_proof(struct dns *d, const struct pending_slot *s,
			  const struct pending_leg *leg)
{
	struct dns_step step = { .type = leg->type };
	struct cache_answer answer;
	uint8_t name[DNS_NAME_MAX];

	if (!s->client.traced || !d->rules.conf.validating || s->ask.flags & MSG_CD ||
	    !cache_view(d->cache, leg->hops[leg->n_hops - 1].pin, d->now_ms, &answer) ||
	    !answer.msg)
		return;
	last_name(d, s, leg, name);
	step.name = name;
	step.why = answer.fact.secure ? DNS_WHY_PROVED : DNS_WHY_PROVED_NOT;
	engine_explain(d, s, &step);
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
	explain_proof(d, s, leg);
	explain_leg(d, s, leg);
}

/* Asking. */

/* What is done about one name of a leg. */
static void explain_name(struct dns *d, const struct pending_slot *s, enum dns_why why,
			 const struct dns_question *q, uint64_t n)
{
	engine_explain(d, s,
		       &(struct dns_step){ .why = why,
					   .name = q->name,
					   .type = q->type,
					   .addr = s->client.addr,
					   .n = n });
}

static void explain_asked(struct dns *d, const struct pending_slot *s,
			  const struct dns_question *q, unsigned set, bool is_new)
{
	struct dns_step step = { .why = set ? DNS_WHY_ASKED_ZONE : DNS_WHY_ASKED,
				 .name = q->name,
				 .type = q->type };

	if (!is_new)
		step.why = DNS_WHY_ASKED_SHARED;
	if (set)
		step.zone = d->rules.conf.zones[set - 1].name;
	engine_explain(d, s, &step);
}

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
	if (leg)
		explain_asked(d, s, q, set, is_new);
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

void leg_fall_silent(struct dns *d, const struct pending_slot *s, struct pending_leg *leg)
{
	leg->outcome = SYNTH_SILENT;
	leg->ede = EDE_NO_REACHABLE_AUTHORITY;
	explain_leg(d, s, leg);
}

static void ask_forwarder(struct dns *d, struct pending_slot *s, struct pending_leg *leg,
			  const struct dns_question *q, unsigned set)
{
	if (!(s->ask.flags & MSG_RD)) {
		s->may_not_ask = true;
		explain_name(d, s, DNS_WHY_ASKED_NOT, q, 0);
	} else if (!s->waiting && leg_client_is_full(d, &s->client.addr, s->client.transport)) {
		s->limited = true;
		explain_name(d, s, DNS_WHY_ASKED_LIMIT, q,
			     d->rules.conf.max_queries_per_client);
	}
	if (s->may_not_ask || s->limited)
		return;
	if (s->over) {
		leg_fall_silent(d, s, leg);
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
	explain_name(d, s, DNS_WHY_CACHE_PREFETCH, q, 0);
	join(d, s, NULL, q, set);
}

static void explain_cached(struct dns *d, const struct pending_slot *s,
			   const struct dns_question *q, enum cache_state state, uint32_t pin)
{
	enum dns_why why = state == CACHE_FRESH ? DNS_WHY_CACHE_FRESH : DNS_WHY_CACHE_STALE;
	struct cache_answer answer;

	if (!s->client.traced || !cache_view(d->cache, pin, d->now_ms, &answer))
		return;
	explain_name(d, s, answer.msg ? why : DNS_WHY_CACHE_FAILED, q, answer.age_s);
}

/* The next name of a leg: special, kept, or to be asked for. */
static void look_up(struct dns *d, struct pending_slot *s, struct pending_leg *leg,
		    const struct dns_question *q)
{
	struct cache_key key = { q->name, q->type, q->class, resolve_flags(&s->ask) };
	enum cache_state state;
	unsigned set = 0;
	uint32_t pin = 0;

	switch (special_find(d->rules.special, q->name, s->goal == PENDING_PTR, &set)) {
	case SPECIAL_NONE:
		break;
	case SPECIAL_LOCAL:
		explain_name(d, s, DNS_WHY_NAME_LOCAL, q, 0);
		leg_add_hop(d, s, leg, 0, true);
		return;
	case SPECIAL_RFC:
		explain_name(d, s, DNS_WHY_NAME_SPECIAL, q, 0);
		leg_add_hop(d, s, leg, 0, true);
		return;
	}
	state = cache_get(d->cache, &key, d->now_ms, &pin);
	explain_cached(d, s, q, state, pin);
	switch (state) {
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
