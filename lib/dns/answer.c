/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer.c - see answer.h. */
#include "answer.h"

#include "leg.h"

#include <string.h>

#define ERROR_TTL_S      60 /* of AAAA made while AAAA could not be asked for */
#define ERROR_NEGATIVE_S 5
#define ANY_TTL_S        3600
#define PTR_NEGATIVE_S   600

/* Replies. */

/* RFC 9018 4: version, reserved, time, hash.  Nothing depends on what comes back. */
static void make_cookie(const struct dns *d, const struct dns_client *client,
			const struct ask *a, uint8_t out[16])
{
	uint8_t in[ASK_COOKIE_LEN + 8 + 16];
	struct wr w = wr_of(in, sizeof in);
	uint64_t hash;

	wr_bytes(&w, a->cookie, sizeof a->cookie);
	wr_u32(&w, 0x01000000);
	wr_u32(&w, (uint32_t)(d->now_ms / 1000));
	wr_bytes(&w, &client->addr, 16);
	hash = siphash(&d->cookie_key, in, sizeof in);
	memcpy(out, in + ASK_COOKIE_LEN, 8);
	memcpy(out + 8, &hash, 8);
}

static struct ask_reply new_reply(const struct dns *d, const struct dns_client *client,
				  const struct ask *a, unsigned rcode)
{
	struct ask_reply r = { .rcode = rcode,
			       .payload = d->rules.conf.udp_payload,
			       .keepalive_s = d->rules.conf.tcp_idle_s };

	if (a->has_cookie)
		make_cookie(d, client, a, r.cookie);
	return r;
}

static void release(struct dns *d, struct pending_slot *s)
{
	for (size_t i = 0; i < 2; i++) {
		struct pending_leg *leg = &s->legs[i];

		for (unsigned h = 0; h < leg->n_hops; h++)
			cache_unpin(d->cache, leg->hops[h].pin);
		cache_unpin(d->cache, leg->stale_pin);
		leg_leave(d, s, leg);
	}
	pending_release(d->pending, s);
}

static void tell_end(struct dns *d, const struct dns_client *client, const struct dns_end *end)
{
	struct dns_end e = *end;

	e.rcode = msg_flags(d->out) & MSG_RCODE;
	d->ops.ended(d->ctx, client, &e);
}

/* Every question that got a slot ends here, with len octets in d->out, or none.  The reply
 * comes last: whoever takes it may bring the next question. */
static void finish(struct dns *d, struct pending_slot *s, enum dns_count ending, size_t len)
{
	struct dns_client client = s->client;

	engine_count(d, ending);
	engine_explain(d, s, &(struct dns_step){ .why = DNS_WHY_ENDED, .count = ending });
	if (d->ops.ended && len)
		tell_end(d, &client,
			 &(struct dns_end){ .q = &s->ask.q,
					    .count = ending,
					    .cached = !s->asked,
					    .took_ms = s->waiting ? d->now_ms - s->arrived_ms
								  : 0 });
	if (!s->asked && ending <= DNS_COUNT_PTR_MAPPED)
		engine_count(d, DNS_COUNT_HITS);
	release(d, s);
	if (len || client.transport == DNS_TCP)
		d->ops.reply(d->ctx, &client, d->out, len);
}

/* With a reply without records. */
static void finish_empty(struct dns *d, struct pending_slot *s, enum dns_count ending,
			 const struct ask_reply *r)
{
	struct msg_wr w;

	ask_begin(&s->ask, r, d->out, &w);
	finish(d, s, ending, ask_end(&s->ask, r, &w));
}

void answer_rcode(struct dns *d, struct pending_slot *s, enum dns_count ending, unsigned rcode,
		  uint16_t ede)
{
	struct ask_reply r = new_reply(d, &s->client, &s->ask, rcode);

	r.ede[0] = ede;
	finish_empty(d, s, ending, &r);
}

/* The answer is larger than the reply may be: over UDP the client comes again by TCP. */
static void finish_cut(struct dns *d, struct pending_slot *s, enum dns_count ending,
		       const struct ask_reply *reply)
{
	struct ask_reply r = *reply;

	if (s->ask.tcp) {
		answer_rcode(d, s, DNS_COUNT_FAILED_SIZE, RCODE_SERVFAIL, 0);
		return;
	}
	r.truncated = true;
	engine_count(d, DNS_COUNT_TRUNCATED);
	finish_empty(d, s, ending, &r);
}

/* Answers. */

static bool is_secure(const struct dns *d, const struct pending_slot *s, unsigned i)
{
	struct cache_answer answer;

	for (unsigned h = 0; h < s->legs[i].n_hops; h++)
		if (!cache_view(d->cache, s->legs[i].hops[h].pin, d->now_ms, &answer) ||
		    !answer.fact.secure)
			return false;
	return d->rules.conf.validating;
}

static bool is_stale(const struct dns *d, const struct pending_slot *s, unsigned i)
{
	struct cache_answer answer;

	for (unsigned h = 0; h < s->legs[i].n_hops; h++)
		if (cache_view(d->cache, s->legs[i].hops[h].pin, d->now_ms, &answer) &&
		    answer.stale)
			return true;
	return false;
}

/* What the forwarder had to remark on its last message (filtered, blocked ...). */
static uint16_t ede_of(const struct dns *d, const struct pending_slot *s, unsigned i)
{
	const struct pending_leg *leg = &s->legs[i];
	struct cache_answer answer;

	if (!leg->n_hops ||
	    !cache_view(d->cache, leg->hops[leg->n_hops - 1].pin, d->now_ms, &answer))
		return 0;
	return answer.fact.ede;
}

static void mark_stale(struct dns *d, struct ask_reply *r)
{
	r->ede[0] = r->rcode == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE;
	engine_count(d, DNS_COUNT_STALE);
}

/* RFC 6840 5.7, 5.8: AD for who asks for it by AD or DO. */
static struct ask_reply reply_of_leg(struct dns *d, const struct pending_slot *s, unsigned i)
{
	unsigned rcode = s->legs[i].outcome == SYNTH_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR;
	struct ask_reply r = new_reply(d, &s->client, &s->ask, rcode);

	r.secure = (s->ask.dnssec_ok || s->ask.flags & MSG_AD) && is_secure(d, s, i);
	r.ede[0] = ede_of(d, s, i);
	if (is_stale(d, s, i))
		mark_stale(d, &r);
	return r;
}

static enum dns_count ending_of(const struct dns *d, const struct pending_slot *s)
{
	unsigned set;

	if (s->goal == PENDING_DNS64 && s->legs[1].outcome == SYNTH_EXCLUDED)
		return DNS_COUNT_UNTRANSLATABLE;
	switch (special_find(d->rules.special, s->ask.q.name, false, &set)) {
	case SPECIAL_NONE:
		break;
	case SPECIAL_LOCAL:
		return DNS_COUNT_LOCAL;
	case SPECIAL_RFC:
		return DNS_COUNT_SPECIAL;
	}
	return DNS_COUNT_ANSWERED;
}

/* How much of a message fits: all, without additional records, without the authority section
 * where nothing depends on it; 0 when that is too much still. */
static size_t fitting(const struct cache_answer *a, enum synth_outcome outcome, bool dnssec,
		      size_t room, uint16_t n[4])
{
	if (a->len <= room)
		return a->len;
	n[MSG_ADDITIONAL] = 0;
	if (a->additional_at <= room)
		return a->additional_at;
	n[MSG_AUTHORITY] = 0;
	if (a->authority_at <= room && outcome == SYNTH_DATA && !dnssec)
		return a->authority_at;
	return 0;
}

/* Keeps what d->out says, up to its OPT record, for who asks the same soon: where every message
 * it was made of is as it came, and nothing but the answer is to be done or counted. */
static void keep_ready(struct dns *d, const struct pending_slot *s, enum dns_count ending,
		       const struct ask_reply *r, size_t len, const uint16_t n[4])
{
	struct ready_answer a = {
		.count = ending, .reply = *r, .len = len, .until_ms = UINT64_MAX
	};
	struct cache_answer said;

	if (s->asked || s->goal == PENDING_PTR)
		return;
	for (size_t i = 0; i < 2; i++) {
		const struct pending_leg *leg = &s->legs[i];

		if (!leg->used)
			continue;
		if (leg->n_hops != 1 || leg->filtered ||
		    !cache_view(d->cache, leg->hops[0].pin, d->now_ms, &said) || !said.msg)
			return;
		if (said.steady_ms < a.until_ms)
			a.until_ms = said.steady_ms;
	}
	if (a.until_ms <= d->now_ms || a.until_ms == UINT64_MAX)
		return;
	memcpy(a.n, n, sizeof a.n);
	ready_keep(d->ready, &s->ask, s->goal == PENDING_DNS64, &a, d->out);
}

/* Is a name of the answer made of the one asked for, in the client's own case? */
static bool shows_case(const struct dns *d, const struct pending_slot *s)
{
	for (size_t i = 0; i < 2; i++) {
		const struct synth_chain *c = &d->said[i][0].chain;

		for (unsigned l = 0; s->legs[i].used && l < c->n_links; l++)
			if (c->links[l].makes)
				return true;
	}
	return false;
}

bool answer_ready(struct dns *d, const struct dns_client *client, const struct ask *ask,
		  bool dns64)
{
	struct ready_answer a;
	struct ask_reply r;
	size_t len;

	if (!ready_find(d->ready, ask, dns64, d->now_ms, d->out, &a))
		return false;
	r = new_reply(d, client, ask, a.reply.rcode);
	r.secure = a.reply.secure;
	memcpy(r.ede, a.reply.ede, sizeof r.ede);
	len = ask_adopt(ask, &r, d->out, a.len, a.n);
	engine_count(d, a.count);
	engine_count(d, DNS_COUNT_HITS);
	if (d->ops.ended)
		tell_end(d, client,
			 &(struct dns_end){ .q = &ask->q, .count = a.count, .cached = true });
	d->ops.reply(d->ctx, client, d->out, len);
	return true;
}

/* A kept message as it is: id, flags, question and TTLs are replaced. */
static void answer_raw(struct dns *d, struct pending_slot *s, const struct cache_answer *a,
		       enum synth_outcome outcome, const struct ask_reply *r)
{
	enum dns_count ending = ending_of(d, s);
	size_t room = s->ask.limit - ask_opt_len(&s->ask, r), len, type_at;
	uint16_t n[4];

	for (size_t i = 0; i < 4; i++)
		n[i] = (uint16_t)(a->msg[4 + 2 * i] << 8 | a->msg[5 + 2 * i]);
	len = fitting(a, outcome, s->ask.dnssec_ok, room, n);
	if (!len) {
		finish_cut(d, s, ending, r);
		return;
	}
	memcpy(d->out, a->msg, len);
	cache_set_ttls(a, d->out, len);
	type_at = MSG_HEAD_LEN + (size_t)s->ask.q.name_len;
	d->out[type_at] = (uint8_t)(s->ask.q.type >> 8);
	d->out[type_at + 1] = (uint8_t)s->ask.q.type;
	if (len == a->len)
		keep_ready(d, s, ending, r, len, n);
	finish(d, s, ending, ask_adopt(&s->ask, r, d->out, len, n));
}

static void put_chains(struct dns *d, const struct pending_slot *s, unsigned i,
		       struct msg_wr *w)
{
	uint8_t name[DNS_NAME_MAX];

	memcpy(name, s->ask.q.name, s->ask.q.name_len);
	for (unsigned h = 0; h < s->legs[i].n_hops; h++) {
		const struct said *said = &d->said[i][h];

		synth_put_chain(w, &said->m, &said->answer, &said->chain, name,
				s->ask.dnssec_ok);
		memcpy(name, said->chain.end, DNS_NAME_MAX);
	}
}

static void send_made(struct dns *d, struct pending_slot *s, const struct ask_reply *r,
		      struct msg_wr *w, enum dns_count ending)
{
	size_t len;

	if (wr_ok(&w->w) && !shows_case(d, s))
		keep_ready(d, s, ending, r, wr_len(&w->w), w->count);
	len = ask_end(&s->ask, r, w);
	if (!len) {
		finish_cut(d, s, ending, r);
		return;
	}
	finish(d, s, ending, len);
}

static void fail_no_room(struct dns *d, struct pending_slot *s)
{
	answer_rcode(d, s, DNS_COUNT_FAILED_MEMORY, RCODE_SERVFAIL, 0);
}

/* Chain, data and authority of leg i, record by record. */
static void answer_records(struct dns *d, struct pending_slot *s, unsigned i, bool short_lived)
{
	const struct pending_leg *leg = &s->legs[i];
	const struct said *last = &d->said[i][leg->n_hops - 1];
	const struct dns_conf *filter = s->goal == PENDING_DNS64 ? &d->rules.conf : NULL;
	struct ask_reply r = reply_of_leg(d, s, i);
	struct msg_wr w;

	if (leg->huge) {
		finish_cut(d, s, ending_of(d, s), &r);
		return;
	}
	if (!leg_load(d, s, i)) {
		fail_no_room(d, s);
		return;
	}
	ask_begin(&s->ask, &r, d->out, &w);
	put_chains(d, s, i, &w);
	if (leg->type == s->ask.q.type)
		synth_put_data(&w, filter, &last->m, &last->answer, &last->chain, leg->type,
			       s->ask.dnssec_ok);
	if (leg->outcome != SYNTH_DATA)
		synth_put_authority(&w, &last->m, &last->answer,
				    short_lived ? ERROR_NEGATIVE_S : UINT32_MAX,
				    s->ask.dnssec_ok);
	send_made(d, s, &r, &w, ending_of(d, s));
}

/* What leg i says. */
static void answer_leg(struct dns *d, struct pending_slot *s, unsigned i, bool short_lived)
{
	const struct pending_leg *leg = &s->legs[i];
	struct cache_answer *a = &d->said[i][0].answer;
	struct ask_reply r;

	if (leg->n_hops > 1 || leg->filtered) {
		answer_records(d, s, i, short_lived);
		return;
	}
	if (leg->hops[0].is_special ? !leg_load(d, s, i)
				    : !cache_view(d->cache, leg->hops[0].pin, d->now_ms, a)) {
		fail_no_room(d, s);
		return;
	}
	if (short_lived && a->cap_s > a->age_s + ERROR_NEGATIVE_S)
		a->cap_s = a->age_s + ERROR_NEGATIVE_S;
	r = reply_of_leg(d, s, i);
	answer_raw(d, s, a, leg->outcome, &r);
}

/* AAAA from the A records of leg 1 (RFC 6147 5.1.7, 5.4, 5.5). */
static void answer_made(struct dns *d, struct pending_slot *s, bool on_error)
{
	const struct said *a = &d->said[1][s->legs[1].n_hops - 1];
	const struct pending_leg *aaaa = &s->legs[0];
	enum dns_why why = DNS_WHY_TTL_ERROR;
	uint32_t bound = ERROR_TTL_S;
	struct ask_reply r;
	struct msg_wr w;

	if (s->legs[1].huge) {
		r = new_reply(d, &s->client, &s->ask, RCODE_NOERROR);
		finish_cut(d, s, DNS_COUNT_SYNTHESIZED, &r);
		return;
	}
	if (!leg_load(d, s, 1) || (!on_error && !leg_load(d, s, 0))) {
		fail_no_room(d, s);
		return;
	}
	if (!on_error)
		bound = synth_ttl_bound(&d->said[0][aaaa->n_hops - 1].m,
					&d->said[0][aaaa->n_hops - 1].answer, &why);
	engine_explain(d, s, &(struct dns_step){ .why = why, .n = bound });
	r = new_reply(d, &s->client, &s->ask, RCODE_NOERROR);
	r.secure = s->ask.dnssec_ok && !on_error && is_secure(d, s, 0) && is_secure(d, s, 1);
	if (is_stale(d, s, 1) || (!on_error && is_stale(d, s, 0)))
		mark_stale(d, &r);
	r.ede[1] = EDE_SYNTHESIZED;
	if (on_error)
		engine_count(d, DNS_COUNT_SYNTHESIZED_ON_ERROR);
	ask_begin(&s->ask, &r, d->out, &w);
	put_chains(d, s, 1, &w);
	synth_put_aaaa(&w, &d->rules.conf, &a->m, &a->answer, &a->chain, bound);
	send_made(d, s, &r, &w, DNS_COUNT_SYNTHESIZED);
}

/* NODATA where nobody gave an SOA record for it. */
static void answer_empty(struct dns *d, struct pending_slot *s)
{
	struct ask_reply r = new_reply(d, &s->client, &s->ask, RCODE_NOERROR);
	struct msg_wr w;

	if (!leg_load(d, s, 1)) {
		fail_no_room(d, s);
		return;
	}
	ask_begin(&s->ask, &r, d->out, &w);
	put_chains(d, s, 1, &w);
	send_made(d, s, &r, &w, DNS_COUNT_UNTRANSLATABLE);
}

static void fail(struct dns *d, struct pending_slot *s, const struct pending_leg *leg)
{
	unsigned rcode = RCODE_SERVFAIL;
	enum dns_count ending = DNS_COUNT_FAILED_UPSTREAM;

	if (leg->outcome == SYNTH_BOGUS)
		ending = DNS_COUNT_FAILED_BOGUS;
	else if (leg->outcome == SYNTH_SILENT)
		ending = DNS_COUNT_FAILED_SILENT;
	else if (leg->outcome == SYNTH_BROKEN)
		ending = DNS_COUNT_FAILED_CHAIN;
	else if (leg->rcode > RCODE_FORMERR && leg->rcode <= MSG_RCODE)
		rcode = leg->rcode; /* but FORMERR would be about our question */
	answer_rcode(d, s, ending, rcode, leg->ede);
}

/* A reverse name inside the prefix (RFC 6147 5.3.1): CNAME to the in-addr.arpa name and what is
 * there; where that is a CNAME itself, or nothing, no CNAME of ours. */
static void answer_ptr(struct dns *d, struct pending_slot *s)
{
	const struct pending_leg *leg = &s->legs[0];
	const struct said *last = &d->said[0][leg->n_hops - 1];
	struct ask_reply r = reply_of_leg(d, s, 0);
	uint8_t name[DNS_NAME_MAX], target[DNS_NAME_MAX];
	struct msg_rr rr;
	struct msg_wr w;
	bool direct;

	if (!leg_load(d, s, 0)) {
		fail_no_room(d, s);
		return;
	}
	r.secure = false;
	leg_start_name(s, name);
	direct = name_equal(name, last->chain.end);
	ask_begin(&s->ask, &r, d->out, &w);
	for (size_t at = last->m.at[MSG_ANSWER];
	     at < last->m.at[MSG_AUTHORITY] && msg_record(&last->m, at, &rr); at = rr.next) {
		uint32_t ttl = cache_ttl(&last->answer, rr.ttl);

		if (rr.type != TYPE_PTR || !msg_owner_is(&last->m, &rr, last->chain.end) ||
		    !msg_rdata_name(&last->m, &rr, 0, target))
			continue;
		if (direct && !w.count[MSG_ANSWER])
			msg_put_name(&w, MSG_ANSWER, s->ask.q.name, TYPE_CNAME, ttl, name);
		msg_put_name(&w, MSG_ANSWER, direct ? name : s->ask.q.name, TYPE_PTR, ttl,
			     target);
	}
	if (!w.count[MSG_ANSWER]) {
		name_reverse(&s->prefix.prefix, s->prefix.len, name);
		special_put_soa(&w, MSG_AUTHORITY, name, PTR_NEGATIVE_S);
	}
	send_made(d, s, &r, &w, DNS_COUNT_PTR_MAPPED);
}

static bool decide_one(struct dns *d, struct pending_slot *s)
{
	switch (s->legs[0].outcome) {
	case SYNTH_PENDING:
	case SYNTH_BARE:
		return false;
	case SYNTH_DATA:
	case SYNTH_NODATA:
	case SYNTH_NXDOMAIN:
	case SYNTH_EXCLUDED:
		if (s->goal == PENDING_PTR)
			answer_ptr(d, s);
		else
			answer_leg(d, s, 0, false);
		return true;
	case SYNTH_ERROR:
	case SYNTH_SILENT:
	case SYNTH_BOGUS:
	case SYNTH_BROKEN:
		fail(d, s, &s->legs[0]);
		return true;
	}
	return false;
}

enum synth_verdict answer_verdict(const struct dns *d, const struct pending_slot *s,
				  bool *on_error)
{
	struct synth_case k = { .aaaa = s->legs[0].outcome,
				.a = s->legs[1].outcome,
				.aaaa_ede = s->legs[0].ede,
				/* RFC 6147 5.5: A is of use only once the denial is
				 * proved. */
				.patience_over = s->patience_over && !d->rules.conf.validating,
				.on_error = d->rules.conf.synthesize_on_error };

	return synth_decide(&k, on_error);
}

static void explain_choice(struct dns *d, const struct pending_slot *s, enum synth_verdict v,
			   bool on_error)
{
	static const enum dns_why whys[] = {
		[SYNTH_PASS_A] = DNS_WHY_CHOSE_EMPTY,
		[SYNTH_EMPTY] = DNS_WHY_CHOSE_EMPTY,
		[SYNTH_MAKE] = DNS_WHY_CHOSE_SYNTHESIS,
		[SYNTH_FAIL_AAAA] = DNS_WHY_CHOSE_AAAA_ERROR,
		[SYNTH_FAIL_A] = DNS_WHY_CHOSE_A_ERROR,
	};
	enum dns_why why = whys[v];

	if (v == SYNTH_MAKE && on_error)
		why = DNS_WHY_CHOSE_IN_SPITE;
	if (v == SYNTH_PASS_AAAA)
		why = s->legs[0].outcome == SYNTH_DATA       ? DNS_WHY_CHOSE_REAL
		      : s->legs[0].outcome == SYNTH_NXDOMAIN ? DNS_WHY_CHOSE_NXDOMAIN
							     : DNS_WHY_CHOSE_EMPTY;
	if (v != SYNTH_WAIT)
		engine_explain(d, s, &(struct dns_step){ .why = why });
}

static bool decide_two(struct dns *d, struct pending_slot *s)
{
	bool on_error;
	enum synth_verdict verdict = answer_verdict(d, s, &on_error);

	explain_choice(d, s, verdict, on_error);
	switch (verdict) {
	case SYNTH_WAIT:
		return false;
	case SYNTH_PASS_AAAA:
		answer_leg(d, s, 0, false);
		return true;
	case SYNTH_PASS_A:
		answer_leg(d, s, 1, on_error);
		return true;
	case SYNTH_MAKE:
		answer_made(d, s, on_error);
		return true;
	case SYNTH_EMPTY:
		answer_empty(d, s);
		return true;
	case SYNTH_FAIL_AAAA:
		fail(d, s, &s->legs[0]);
		return true;
	case SYNTH_FAIL_A:
		fail(d, s, &s->legs[1]);
		return true;
	}
	return false;
}

bool answer_if_known(struct dns *d, struct pending_slot *s)
{
	if (s->no_room) {
		fail_no_room(d, s);
		return true;
	}
	if (s->may_not_ask) {
		answer_rcode(d, s, DNS_COUNT_REFUSED_RECURSION, RCODE_REFUSED, 0);
		return true;
	}
	if (s->limited && !s->ask.tcp) {
		struct ask_reply r = new_reply(d, &s->client, &s->ask, RCODE_NOERROR);

		finish_cut(d, s, DNS_COUNT_LIMITED, &r);
		return true;
	}
	if (s->limited) {
		answer_rcode(d, s, DNS_COUNT_LIMITED, RCODE_SERVFAIL, 0);
		return true;
	}
	return s->goal == PENDING_DNS64 ? decide_two(d, s) : decide_one(d, s);
}

bool answer_any(struct dns *d, struct pending_slot *s)
{
	static const uint8_t hinfo[] = "\7RFC8482";
	struct ask_reply r = new_reply(d, &s->client, &s->ask, RCODE_NOERROR);
	struct msg_wr w;
	unsigned set;

	if (s->ask.q.type != TYPE_ANY ||
	    special_find(d->rules.special, s->ask.q.name, false, &set))
		return false;
	engine_explain(d, s, &(struct dns_step){ .why = DNS_WHY_ANY_MINIMAL });
	ask_begin(&s->ask, &r, d->out, &w);
	msg_put(&w, MSG_ANSWER, s->ask.q.name, TYPE_HINFO, ANY_TTL_S, hinfo, sizeof hinfo);
	send_made(d, s, &r, &w, DNS_COUNT_MINIMAL_ANY);
	return true;
}

void answer_unread(struct dns *d, struct pending_slot *s, const struct ask_verdict *v)
{
	if (v->step == ASK_DROP)
		finish(d, s, v->count, 0);
	else
		answer_rcode(d, s, v->count, v->rcode, v->ede);
}
