/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query.c - see query.h.
 *
 * A question becomes a slot with one leg, or two for DNS64.  A leg is advanced from one message
 * to the next until it has an outcome; when the legs of a slot have enough of it, the slot is
 * answered.  Messages are used where they lie in the cache, pinned by the legs that need them.
 * Slots that something happened to and jobs to be asked are queued and worked off by run(), so
 * that callbacks may call back.
 */
#include "query.h"

#include "ask.h"
#include "cache.h"
#include "pending.h"
#include "special.h"
#include "synth.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS      2000 /* for AAAA, when A is there */
#define STALE_WAIT_MS    1800 /* RFC 8767 5: client response timer */
#define FAILURE_S        5    /* RFC 9520 3.2 */
#define SILENCE_S        1    /* not longer, so that a forwarder that is back is noticed */
#define ERROR_TTL_S      60   /* of AAAA made while AAAA could not be asked for */
#define ERROR_NEGATIVE_S 5
#define ANY_TTL_S        3600
#define PTR_NEGATIVE_S   600

/* A configuration, ready to be used. */
struct rules {
	struct dns_conf conf;
	struct special *special;
	uint8_t (*exclude)[DNS_NAME_MAX]; /* exclude_names */
	size_t n_exclude;
};

/* One message of a leg, while an answer is made. */
struct said {
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
	struct pending *pending;
	struct siphash_key cookie_key;
	uint64_t now_ms;
	bool running;
	uint64_t counts[DNS_COUNT_COUNT];
	struct said said[2][PENDING_HOPS];
	uint8_t out[DNS_MSG_MAX];
};

/* Configuration. */

static void rules_done(struct rules *r)
{
	special_free(r->special);
	free(r->exclude);
	*r = (struct rules){ 0 };
}

static bool rules_init(struct rules *r, const struct dns_conf *conf)
{
	r->conf = *conf;
	r->special = special_new(conf);
	r->exclude = calloc(conf->n_exclude_names + 1, sizeof *r->exclude);
	if (!r->special || !r->exclude) {
		rules_done(r);
		return false;
	}
	for (size_t i = 0; i < conf->n_exclude_names; i++)
		if (name_from_text(conf->exclude_names[i], r->exclude[r->n_exclude]))
			r->n_exclude++;
	return true;
}

static bool is_excluded(const struct rules *r, const uint8_t *name)
{
	for (size_t i = 0; i < r->n_exclude; i++)
		if (name_is_in(name, r->exclude[i]))
			return true;
	return false;
}

static void count(struct dns *d, enum dns_count what)
{
	d->counts[what]++;
}

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

static void send_reply(struct dns *d, const struct dns_client *client, size_t len)
{
	if (len)
		d->ops.reply(d->ctx, client, d->out, len);
}

/* A reply without records. */
static void reply_empty(struct dns *d, const struct dns_client *client, const struct ask *a,
			const struct ask_reply *r)
{
	struct msg_wr w;

	ask_begin(a, r, d->out, &w);
	send_reply(d, client, ask_end(a, r, &w));
}

static void release(struct dns *d, struct pending_slot *s)
{
	for (size_t i = 0; i < 2; i++) {
		struct pending_leg *leg = &s->legs[i];

		for (unsigned h = 0; h < leg->n_hops; h++)
			cache_unpin(d->cache, leg->hops[h].pin);
		cache_unpin(d->cache, leg->stale_pin);
	}
	pending_release(d->pending, s);
}

/* Every question that got a slot ends here, its reply sent. */
static void finish(struct dns *d, struct pending_slot *s, enum dns_count ending)
{
	count(d, ending);
	if (!s->asked && ending <= DNS_COUNT_PTR_MAPPED)
		count(d, DNS_COUNT_HITS);
	release(d, s);
}

static void finish_empty(struct dns *d, struct pending_slot *s, enum dns_count ending,
			 unsigned rcode, uint16_t ede)
{
	struct ask_reply r = new_reply(d, &s->client, &s->ask, rcode);

	r.ede[0] = ede;
	reply_empty(d, &s->client, &s->ask, &r);
	finish(d, s, ending);
}

/* The answer is larger than the reply may be: over UDP the client comes again by TCP. */
static void finish_cut(struct dns *d, struct pending_slot *s, enum dns_count ending,
		       const struct ask_reply *reply)
{
	struct ask_reply r = *reply;

	if (s->ask.tcp) {
		finish_empty(d, s, DNS_COUNT_FAILED_SIZE, RCODE_SERVFAIL, 0);
		return;
	}
	r.truncated = true;
	count(d, DNS_COUNT_TRUNCATED);
	reply_empty(d, &s->client, &s->ask, &r);
	finish(d, s, ending);
}

/* Looking things up. */

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

/* The name that a leg starts with. */
static void start_name(const struct pending_slot *s, uint8_t out[DNS_NAME_MAX])
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

/* Loads all hops of a leg; the name at its end is that of the last chain. */
static bool load_all(struct dns *d, const struct pending_slot *s, unsigned i)
{
	uint8_t name[DNS_NAME_MAX];

	start_name(s, name);
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
	if (leg->type == TYPE_A && is_excluded(&d->rules, said->chain.end))
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
		if (leg->outcome != SYNTH_BARE && s->goal != PENDING_DNS64)
			return;
	}
	if (!load_all(d, s, i)) {
		leg->outcome = SYNTH_ERROR;
		s->no_room = true;
		return;
	}
	leg->outcome = d->said[i][leg->n_hops - 1].chain.outcome;
	if (leg->outcome == SYNTH_DATA)
		leg->outcome = judge_data(d, s, leg, i);
	if (leg->outcome != SYNTH_BARE)
		return;
	count(d, DNS_COUNT_CHASED);
	leg->cnames = (uint8_t)(leg->cnames + d->said[i][leg->n_hops - 1].chain.cnames);
	if (leg->n_hops == PENDING_HOPS || leg->cnames > SYNTH_CNAMES_MAX)
		leg->outcome = SYNTH_BROKEN;
}

static void add_hop(struct dns *d, struct pending_slot *s, struct pending_leg *leg,
		    uint32_t pin, bool is_special)
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
		count(d, DNS_COUNT_ASKED);
	} else if (leg) {
		count(d, DNS_COUNT_SHARED);
	}
}

static bool client_is_full(const struct dns *d, const struct in6_addr *addr)
{
	return pending_of_client(d->pending, addr) >= d->rules.conf.max_queries_per_client;
}

static void fall_silent(struct pending_leg *leg)
{
	leg->outcome = SYNTH_SILENT;
	leg->ede = EDE_NO_REACHABLE_AUTHORITY;
}

static void ask_forwarder(struct dns *d, struct pending_slot *s, struct pending_leg *leg,
			  const struct dns_question *q, unsigned set)
{
	if (!(s->ask.flags & MSG_RD))
		s->may_not_ask = true;
	else if (!s->waiting && client_is_full(d, &s->client.addr))
		s->limited = true;
	if (s->may_not_ask || s->limited)
		return;
	if (s->over) {
		fall_silent(leg);
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
	count(d, DNS_COUNT_PREFETCHED);
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
		add_hop(d, s, leg, 0, true);
		return;
	}
	switch (cache_get(d->cache, &key, d->now_ms, &pin)) {
	case CACHE_FRESH:
		prefetch(d, s, pin, q, set);
		add_hop(d, s, leg, pin, false);
		return;
	case CACHE_STALE_HELD:
		add_hop(d, s, leg, pin, false);
		return;
	case CACHE_STALE:
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

	start_name(s, out);
	if (leg->n_hops && load_all(d, s, i))
		memcpy(out, d->said[i][leg->n_hops - 1].chain.end, DNS_NAME_MAX);
}

/* Goes on until the leg has an outcome or waits. */
static void advance(struct dns *d, struct pending_slot *s, struct pending_leg *leg)
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

static void mark_stale(struct dns *d, struct ask_reply *r)
{
	r->ede[0] = r->rcode == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE;
	count(d, DNS_COUNT_STALE);
}

/* RFC 6840 5.7, 5.8: AD for who asks for it by AD or DO. */
static struct ask_reply reply_of_leg(struct dns *d, const struct pending_slot *s, unsigned i)
{
	unsigned rcode = s->legs[i].outcome == SYNTH_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR;
	struct ask_reply r = new_reply(d, &s->client, &s->ask, rcode);

	r.secure = (s->ask.dnssec_ok || s->ask.flags & MSG_AD) && is_secure(d, s, i);
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
	send_reply(d, &s->client, ask_adopt(&s->ask, r, d->out, len, n));
	finish(d, s, ending);
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
	size_t len = ask_end(&s->ask, r, w);

	if (!len) {
		finish_cut(d, s, ending, r);
		return;
	}
	send_reply(d, &s->client, len);
	finish(d, s, ending);
}

static void fail_no_room(struct dns *d, struct pending_slot *s)
{
	finish_empty(d, s, DNS_COUNT_FAILED_MEMORY, RCODE_SERVFAIL, 0);
}

/* Chain, data and authority of leg i, record by record. */
static void answer_records(struct dns *d, struct pending_slot *s, unsigned i, bool short_lived)
{
	const struct pending_leg *leg = &s->legs[i];
	const struct said *last = &d->said[i][leg->n_hops - 1];
	const struct dns_conf *filter = s->goal == PENDING_DNS64 ? &d->rules.conf : NULL;
	struct ask_reply r = reply_of_leg(d, s, i);
	struct msg_wr w;

	if (!load_all(d, s, i)) {
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
	if (leg->hops[0].is_special ? !load_all(d, s, i)
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
	uint32_t bound = ERROR_TTL_S;
	struct ask_reply r;
	struct msg_wr w;

	if (!load_all(d, s, 1) || (!on_error && !load_all(d, s, 0))) {
		fail_no_room(d, s);
		return;
	}
	if (!on_error)
		bound = synth_ttl_bound(&d->said[0][aaaa->n_hops - 1].m,
					&d->said[0][aaaa->n_hops - 1].answer);
	r = new_reply(d, &s->client, &s->ask, RCODE_NOERROR);
	r.secure = s->ask.dnssec_ok && !on_error && is_secure(d, s, 0) && is_secure(d, s, 1);
	if (is_stale(d, s, 1) || (!on_error && is_stale(d, s, 0)))
		mark_stale(d, &r);
	r.ede[1] = EDE_SYNTHESIZED;
	if (on_error)
		count(d, DNS_COUNT_SYNTHESIZED_ON_ERROR);
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

	if (!load_all(d, s, 1)) {
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
	else if (leg->rcode == RCODE_REFUSED || leg->rcode == RCODE_NOTIMP)
		rcode = leg->rcode;
	finish_empty(d, s, ending, rcode, leg->ede);
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

	if (!load_all(d, s, 0)) {
		fail_no_room(d, s);
		return;
	}
	r.secure = false;
	start_name(s, name);
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

static enum synth_verdict verdict_of(const struct dns *d, const struct pending_slot *s,
				     bool *on_error)
{
	struct synth_case k = { .aaaa = s->legs[0].outcome,
				.a = s->legs[1].outcome,
				.aaaa_ede = s->legs[0].ede,
				.patience_over = s->patience_over,
				.on_error = d->rules.conf.synthesize_on_error };

	return synth_decide(&k, on_error);
}

static bool decide_two(struct dns *d, struct pending_slot *s)
{
	bool on_error;

	switch (verdict_of(d, s, &on_error)) {
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

/* Answers the slot if enough is known; true: it is gone. */
static bool decide(struct dns *d, struct pending_slot *s)
{
	if (s->no_room) {
		fail_no_room(d, s);
		return true;
	}
	if (s->may_not_ask) {
		finish_empty(d, s, DNS_COUNT_REFUSED_RECURSION, RCODE_REFUSED, 0);
		return true;
	}
	if (s->limited && !s->ask.tcp) {
		struct ask_reply r = new_reply(d, &s->client, &s->ask, RCODE_NOERROR);

		finish_cut(d, s, DNS_COUNT_LIMITED, &r);
		return true;
	}
	if (s->limited) {
		finish_empty(d, s, DNS_COUNT_LIMITED, RCODE_SERVFAIL, 0);
		return true;
	}
	return s->goal == PENDING_DNS64 ? decide_two(d, s) : decide_one(d, s);
}

/* A new question. */

static bool is_mapped_ptr(const struct dns *d, const struct ask *a, struct pref64 *prefix)
{
	static const struct pref64 well_known = {
		.prefix = { .s6_addr = { 0x00, 0x64, 0xff, 0x9b } }, .len = 96
	};
	const struct pref64 *prefixes[] = { &d->rules.conf.prefix, &well_known };
	struct in6_addr addr, back;
	struct in_addr v4;
	unsigned len, set = 0;

	if (a->q.type != TYPE_PTR || a->flags & MSG_CD ||
	    !name_reversed(a->q.name, &addr, &len) || len != 128 || addr_is_v4(&addr))
		return false;
	if (special_find(d->rules.special, a->q.name, false, &set) == SPECIAL_LOCAL || set)
		return false;
	for (size_t i = 0; i < 2; i++) {
		if (!pref64_extract(prefixes[i], &addr, &v4))
			continue;
		back = pref64_embed(prefixes[i], v4);
		*prefix = *prefixes[i];
		return addr_equal(&addr, &back);
	}
	return false;
}

/* RFC 6147 5.5: with CD=1 the client validates, and is on its own. */
static bool is_dns64(const struct dns *d, const struct dns_client *c, const struct ask *a)
{
	return a->q.type == TYPE_AAAA && !(a->flags & MSG_CD) &&
	       acl_allows(&d->rules.conf.clients, &c->addr, c->has_mac ? c->mac : NULL) &&
	       !is_excluded(&d->rules, a->q.name);
}

static void set_goal(const struct dns *d, struct pending_slot *s)
{
	s->goal = PENDING_PLAIN;
	s->legs[0].type = s->ask.q.type;
	if (is_dns64(d, &s->client, &s->ask)) {
		s->goal = PENDING_DNS64;
		s->legs[1].type = TYPE_A;
	} else if (is_mapped_ptr(d, &s->ask, &s->prefix)) {
		s->goal = PENDING_PTR;
	}
}

/* RFC 8482 4.2. */
static bool answer_any(struct dns *d, struct pending_slot *s)
{
	static const uint8_t hinfo[] = "\7RFC8482";
	struct ask_reply r = new_reply(d, &s->client, &s->ask, RCODE_NOERROR);
	struct msg_wr w;
	unsigned set;

	if (s->ask.q.type != TYPE_ANY ||
	    special_find(d->rules.special, s->ask.q.name, false, &set))
		return false;
	ask_begin(&s->ask, &r, d->out, &w);
	msg_put(&w, MSG_ANSWER, s->ask.q.name, TYPE_HINFO, ANY_TTL_S, hinfo, sizeof hinfo);
	send_made(d, s, &r, &w, DNS_COUNT_MINIMAL_ANY);
	return true;
}

static uint64_t give_up_ms(const struct dns *d)
{
	/* Before the client does, which waits as long. */
	return d->rules.conf.timeout_ms - d->rules.conf.timeout_ms / 10;
}

static uint64_t patience_ms(const struct dns *d)
{
	uint64_t half = d->rules.conf.timeout_ms / 2;

	return half < PATIENCE_MS ? half : PATIENCE_MS;
}

/* The oldest question makes room, and what was asked for it alone is not asked any longer. */
static void evict(struct dns *d, struct pending_slot *s)
{
	struct pending_job *jobs[2];

	for (size_t i = 0; i < 2; i++)
		jobs[i] = pending_job_of_leg(d->pending, &s->legs[i]);
	finish_empty(d, s, DNS_COUNT_FAILED_OVERLOAD, RCODE_SERVFAIL, 0);
	for (size_t i = 0; i < 2; i++) {
		if (!jobs[i] || jobs[i]->legs)
			continue;
		d->ops.cancel(d->ctx, pending_id(d->pending, jobs[i]));
		pending_end(d->pending, jobs[i]);
	}
}

static void wait_for(struct dns *d, struct pending_slot *s)
{
	if (pending_waiting(d->pending) >= PENDING_SLOTS)
		evict(d, pending_first(d->pending, PENDING_GIVE_UP));
	s->arrived_ms = d->now_ms;
	pending_wait(d->pending, s);
	pending_set(d->pending, s, PENDING_GIVE_UP, d->now_ms + give_up_ms(d));
	if (s->goal == PENDING_DNS64)
		pending_set(d->pending, s, PENDING_PATIENCE, d->now_ms + patience_ms(d));
	if (s->legs[0].stale_pin || s->legs[1].stale_pin)
		pending_set(d->pending, s, PENDING_STALE, d->now_ms + STALE_WAIT_MS);
}

static void start(struct dns *d, struct pending_slot *s)
{
	bool on_error;

	set_goal(d, s);
	if (answer_any(d, s))
		return;
	advance(d, s, &s->legs[0]);
	/* AAAA that is known and enough needs no A. */
	if (s->goal == PENDING_DNS64 && verdict_of(d, s, &on_error) == SYNTH_WAIT)
		advance(d, s, &s->legs[1]);
	if (!decide(d, s))
		wait_for(d, s);
}

/* Work. */

/* Asks what is to be asked and answers what can be answered. */
static void run(struct dns *d)
{
	struct pending_job *job = NULL;
	struct pending_slot *s = NULL;

	if (d->running)
		return;
	d->running = true;
	while ((job = pending_next_job(d->pending)) || (s = pending_next(d->pending))) {
		if (job) {
			d->ops.resolve(d->ctx, pending_id(d->pending, job), &job->q, job->flags,
				       job->set);
			continue;
		}
		for (size_t i = 0; i < 2; i++)
			if (s->legs[i].used)
				advance(d, s, &s->legs[i]);
		decide(d, s);
	}
	d->running = false;
}

void dns_input(struct dns *d, const struct dns_client *client, const uint8_t *msg, size_t len,
	       uint64_t now_ms)
{
	struct pending_slot *s = pending_take(d->pending);
	struct ask_verdict v;
	struct ask_reply r;

	d->now_ms = now_ms;
	s->client = *client;
	count(d, DNS_COUNT_QUERIES);
	if (client->transport == DNS_TCP)
		count(d, DNS_COUNT_QUERIES_TCP);
	v = ask_read(&d->rules.conf, client, msg, len, &s->ask);
	switch (v.step) {
	case ASK_DROP:
		finish(d, s, v.count);
		return;
	case ASK_REPLY:
		r = new_reply(d, client, &s->ask, v.rcode);
		r.ede[0] = v.ede;
		reply_empty(d, client, &s->ask, &r);
		finish(d, s, v.count);
		return;
	case ASK_RESOLVE:
		start(d, s);
		run(d);
		return;
	}
}

/* A forwarder's answer. */

static struct cache_fact failure(enum synth_outcome outcome, uint16_t ede, uint16_t rcode)
{
	return (struct cache_fact){ .outcome = (uint8_t)outcome,
				    .ede = ede,
				    .rcode = rcode,
				    .failure_s =
					    outcome == SYNTH_SILENT ? SILENCE_S : FAILURE_S };
}

static bool is_answer_to(const struct msg *m, const struct dns_question *q)
{
	return m->flags & MSG_QR && !(m->flags & (MSG_TC | MSG_OPCODE)) &&
	       m->count[MSG_QUESTION] == 1 && m->q.type == q->type && m->q.class == q->class &&
	       name_equal(m->q.name, q->name);
}

/* What the result is worth; m is read when it is a message to be kept. */
static struct cache_fact judge_result(const struct dns *d, const struct pending_job *job,
				      const struct resolve_result *res, struct msg *m)
{
	struct synth_chain chain;
	uint16_t ede = res->ede;

	switch (res->status) {
	case RESOLVE_BOGUS:
		return failure(SYNTH_BOGUS, ede ? ede : EDE_BOGUS, RCODE_SERVFAIL);
	case RESOLVE_TIMEOUT:
		return failure(SYNTH_SILENT, ede ? ede : EDE_NO_REACHABLE_AUTHORITY, 0);
	case RESOLVE_UNREACHABLE:
		return failure(SYNTH_SILENT, ede ? ede : EDE_NETWORK_ERROR, 0);
	case RESOLVE_ANSWER:
		break;
	}
	if (!res->msg || msg_parse(res->msg, res->len, m) != MSG_OK ||
	    !is_answer_to(m, &job->q))
		return failure(SYNTH_SILENT, EDE_NETWORK_ERROR, 0);
	if (!ede)
		ede = msg_ede(m);
	synth_follow(m, job->q.name, job->q.type, &chain);
	if (chain.outcome == SYNTH_ERROR || chain.outcome == SYNTH_BROKEN)
		return failure(chain.outcome, ede, (uint16_t)msg_rcode(m));
	return (struct cache_fact){ .outcome = (uint8_t)chain.outcome,
				    .negative = chain.outcome == SYNTH_NODATA ||
						chain.outcome == SYNTH_NXDOMAIN,
				    .secure = res->secure && d->rules.conf.validating,
				    .ede = ede };
}

static bool is_failure(const struct cache_fact *f)
{
	return f->failure_s > 0;
}

/* The leg leaves its job and goes on with pin, or with what is stale if that is better. */
static void hand_over(struct dns *d, struct pending_slot *s, struct pending_leg *leg,
		      uint32_t pin, bool failed)
{
	uint32_t stale = leg->stale_pin;

	pending_leave(d->pending, s, leg);
	if (failed && stale) {
		leg->stale_pin = 0;
		add_hop(d, s, leg, stale, false);
	} else if (pin) {
		cache_pin(d->cache, pin);
		add_hop(d, s, leg, pin, false);
	} else {
		s->no_room = true;
	}
	pending_queue(d->pending, s);
}

void dns_resolved(struct dns *d, uint64_t id, const struct resolve_result *res, uint64_t now_ms)
{
	struct pending_job *job = pending_job_of(d->pending, id);
	const struct dns_conf *conf = &d->rules.conf;
	const struct cache_limits limits = { conf->max_ttl_s, conf->negative_ttl_s,
					     conf->serve_stale_s };
	struct cache_key key;
	struct cache_fact fact;
	struct pending_slot *s;
	struct pending_leg *leg;
	struct msg m;
	uint32_t pin;

	if (!job || !job->sent)
		return;
	d->now_ms = now_ms;
	key = (struct cache_key){ job->q.name, job->q.type, job->q.class, job->flags };
	fact = judge_result(d, job, res, &m);
	pin = cache_put(d->cache, &key, is_failure(&fact) ? NULL : &m, &fact, &limits, now_ms);
	while ((leg = pending_first_leg(d->pending, job, &s)))
		hand_over(d, s, leg, pin, is_failure(&fact));
	cache_unpin(d->cache, pin);
	pending_end(d->pending, job);
	run(d);
}

/* Time. */

static void use_stale(struct dns *d, struct pending_slot *s)
{
	for (size_t i = 0; i < 2; i++)
		if (s->legs[i].job && s->legs[i].stale_pin)
			hand_over(d, s, &s->legs[i], 0, true);
	pending_queue(d->pending, s);
}

static void give_up(struct dns *d, struct pending_slot *s)
{
	s->over = true;
	use_stale(d, s);
	for (size_t i = 0; i < 2; i++) {
		struct pending_leg *leg = &s->legs[i];

		if (!leg->job)
			continue;
		pending_leave(d->pending, s, leg);
		fall_silent(leg);
	}
}

uint64_t dns_next(const struct dns *d)
{
	uint64_t next = UINT64_MAX;

	for (enum pending_timer t = 0; t < PENDING_TIMERS; t++) {
		const struct pending_slot *s = pending_first(d->pending, t);

		if (s && s->timer[t].due_ms < next)
			next = s->timer[t].due_ms;
	}
	return next;
}

static void fire(struct dns *d, struct pending_slot *s, enum pending_timer t)
{
	pending_stop(d->pending, s, t);
	switch (t) {
	case PENDING_STALE:
		use_stale(d, s);
		return;
	case PENDING_PATIENCE:
		s->patience_over = true;
		pending_queue(d->pending, s);
		return;
	case PENDING_GIVE_UP:
	case PENDING_TIMERS:
		give_up(d, s);
		return;
	}
}

void dns_tick(struct dns *d, uint64_t now_ms)
{
	struct pending_slot *s;

	d->now_ms = now_ms;
	for (enum pending_timer t = 0; t < PENDING_TIMERS; t++)
		while ((s = pending_first(d->pending, t)) && s->timer[t].due_ms <= now_ms)
			fire(d, s, t);
	run(d);
}

/* Life. */

struct dns *dns_new(const struct dns_conf *conf, const struct dns_ops *ops, void *ctx)
{
	struct dns *d = calloc(1, sizeof *d);
	struct siphash_key keys[2];

	if (!d)
		return NULL;
	d->ops = *ops;
	d->ctx = ctx;
	ops->random(ctx, keys, sizeof keys);
	ops->random(ctx, &d->cookie_key, sizeof d->cookie_key);
	d->cache =
		cache_new(conf->cache_size, 2 * PENDING_SLOTS * (PENDING_HOPS + 1), &keys[0]);
	d->pending = pending_new(&keys[1]);
	if (!d->cache || !d->pending || !rules_init(&d->rules, conf)) {
		dns_free(d);
		return NULL;
	}
	return d;
}

void dns_free(struct dns *d)
{
	struct pending_job *job;

	if (!d)
		return;
	for (size_t i = 0; d->pending && (job = pending_job_at(d->pending, i)); i++)
		if (job->busy && job->sent)
			d->ops.cancel(d->ctx, pending_id(d->pending, job));
	rules_done(&d->rules);
	rules_done(&d->next);
	cache_space_free(d->next_space);
	cache_free(d->cache);
	pending_free(d->pending);
	free(d);
}

bool dns_prepare(struct dns *d, const struct dns_conf *next)
{
	if (!rules_init(&d->next, next))
		return false;
	if (next->cache_size == d->rules.conf.cache_size)
		return true;
	d->next_space = cache_space(next->cache_size);
	if (d->next_space)
		return true;
	rules_done(&d->next);
	return false;
}

/* Timers of one kind keep their order: all follow the new delays. */
static void restart_timers(struct dns *d)
{
	struct pending_slot *s;

	for (s = pending_first(d->pending, PENDING_GIVE_UP); s;
	     s = pending_after(d->pending, s, PENDING_GIVE_UP))
		s->timer[PENDING_GIVE_UP].due_ms = s->arrived_ms + give_up_ms(d);
	for (s = pending_first(d->pending, PENDING_PATIENCE); s;
	     s = pending_after(d->pending, s, PENDING_PATIENCE))
		s->timer[PENDING_PATIENCE].due_ms = s->arrived_ms + patience_ms(d);
}

void dns_settle(struct dns *d, bool commit, uint64_t now_ms)
{
	if (!commit) {
		rules_done(&d->next);
		cache_space_free(d->next_space);
		d->next_space = NULL;
		return;
	}
	rules_done(&d->rules);
	d->rules = d->next;
	d->next = (struct rules){ 0 };
	if (d->next_space)
		cache_resize(d->cache, d->next_space);
	d->next_space = NULL;
	restart_timers(d);
	dns_tick(d, now_ms);
}

const uint64_t *dns_counts(const struct dns *d)
{
	return d->counts;
}

bool dns_is_full(const struct dns *d, const struct in6_addr *addr)
{
	return client_is_full(d, addr);
}

void dns_cache_usage(const struct dns *d, struct dns_cache_usage *out)
{
	*out = (struct dns_cache_usage){ .entries = cache_entries(d->cache),
					 .bytes = cache_bytes(d->cache),
					 .limit = cache_size(d->cache) };
}

void dns_flush(struct dns *d)
{
	cache_flush(d->cache);
}

size_t dns_in_flight(const struct dns *d)
{
	return pending_waiting(d->pending);
}
