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

#include "answer.h"
#include "ask.h"
#include "engine.h"
#include "leg.h"

#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS   2000 /* for AAAA, when A is there */
#define STALE_WAIT_MS 1800 /* RFC 8767 5: client response timer */
#define FAILURE_S     5    /* RFC 9520 3.2 */
#define STRANGERS     100  /* answered in a second, and at once */
#define SILENCE_S     1    /* not longer, so that a forwarder that is back is noticed */

/* Something came in. */
static void begin(struct dns *d, uint64_t now_ms)
{
	d->now_ms = now_ms;
	d->turn++;
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

/* Is an AAAA question one that A may stand in for?  *why says so, or why not.  RFC 6147 5.5:
 * with CD=1 the client validates, and is on its own. */
static bool is_dns64(const struct dns *d, const struct dns_client *c, const struct ask *a,
		     struct dns_step *why)
{
	const struct acl_who who = dns_client_who(c);
	bool allowed = acl_judge(&d->rules.conf.clients, &who, &why->entry);

	why->name = rules_exclude(&d->rules, a->q.name);
	if (a->flags & MSG_CD)
		why->why = DNS_WHY_DNS64_NOT_CD;
	else if (!allowed)
		why->why = DNS_WHY_DNS64_NOT_CLIENT;
	else if (why->name)
		why->why = DNS_WHY_DNS64_NOT_NAME;
	else
		why->why = DNS_WHY_DNS64_ON;
	return why->why == DNS_WHY_DNS64_ON;
}

static void set_goal(struct dns *d, struct pending_slot *s)
{
	struct dns_step why = { .why = DNS_WHY_DNS64_NOT_TYPE, .type = s->ask.q.type };
	uint8_t name[DNS_NAME_MAX];
	unsigned len;

	s->goal = PENDING_PLAIN;
	s->legs[0].type = s->ask.q.type;
	if (s->ask.q.type == TYPE_AAAA) {
		if (is_dns64(d, &s->client, &s->ask, &why)) {
			s->goal = PENDING_DNS64;
			s->legs[1].type = TYPE_A;
		}
	} else if (is_mapped_ptr(d, &s->ask, &s->prefix)) {
		s->goal = PENDING_PTR;
		why.why = DNS_WHY_PTR_MAPPED;
		leg_start_name(s, name);
		why.name = name;
		name_reversed(s->ask.q.name, &why.addr, &len);
	}
	engine_explain(d, s, &why);
	if (s->goal == PENDING_DNS64 && s->ask.dnssec_ok)
		engine_explain(d, s, &(struct dns_step){ .why = DNS_WHY_DNS64_DO });
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

/* The oldest question that waits, which makes room.  What is queued will be answered anyway. */
static struct pending_slot *oldest(const struct dns *d)
{
	struct pending_slot *s = pending_first(d->pending, PENDING_GIVE_UP);

	while (s && s->queued)
		s = pending_after(d->pending, s, PENDING_GIVE_UP);
	return s;
}

/* Comes last: whoever is told that his question makes room may bring the next one, and with it
 * the answer to this one. */
static void wait_for(struct dns *d, struct pending_slot *s)
{
	s->arrived_ms = d->now_ms;
	pending_wait(d->pending, s);
	pending_set(d->pending, s, PENDING_GIVE_UP, d->now_ms + give_up_ms(d));
	if (s->goal == PENDING_DNS64)
		pending_set(d->pending, s, PENDING_PATIENCE, d->now_ms + patience_ms(d));
	if (s->legs[0].stale_pin || s->legs[1].stale_pin)
		pending_set(d->pending, s, PENDING_STALE, d->now_ms + STALE_WAIT_MS);
	while (pending_waiting(d->pending) > PENDING_SLOTS && (s = oldest(d)))
		answer_rcode(d, s, DNS_COUNT_FAILED_OVERLOAD, RCODE_SERVFAIL, 0);
}

static void start(struct dns *d, struct pending_slot *s)
{
	bool on_error;

	set_goal(d, s);
	if (answer_any(d, s))
		return;
	leg_advance(d, s, &s->legs[0]);
	/* AAAA that is known and enough needs no A. */
	if (s->goal == PENDING_DNS64 && answer_verdict(d, s, &on_error) == SYNTH_WAIT)
		leg_advance(d, s, &s->legs[1]);
	if (!answer_if_known(d, s))
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
				leg_advance(d, s, &s->legs[i]);
		answer_if_known(d, s);
	}
	d->running = false;
}

static void explain_door(struct dns *d, const struct pending_slot *s,
			 const struct ask_verdict *v)
{
	if (v->judged)
		engine_explain(d, s,
			       &(struct dns_step){ .why = v->allowed ? DNS_WHY_CLIENT_ALLOWED
								     : DNS_WHY_CLIENT_REFUSED,
						   .addr = s->client.addr,
						   .entry = v->entry });
}

/* Takes one of STRANGERS a second. */
static bool admit_stranger(struct dns *d)
{
	uint64_t have = d->strangers + (d->now_ms - d->strangers_at_ms) * STRANGERS;

	if (have > STRANGERS * 1000)
		have = STRANGERS * 1000;
	d->strangers_at_ms = d->now_ms;
	d->strangers = (uint32_t)(have < 1000 ? have : have - 1000);
	return have >= 1000;
}

/* Was the same asked a moment ago? */
static bool is_answered(struct dns *d, const struct dns_client *client, const struct ask *a)
{
	struct dns_step why;

	return !client->traced &&
	       answer_ready(d, client, a,
			    a->q.type == TYPE_AAAA && is_dns64(d, client, a, &why));
}

void dns_input(struct dns *d, const struct dns_client *client, const uint8_t *msg, size_t len,
	       uint64_t now_ms)
{
	struct pending_slot *s;
	struct ask_verdict v;
	struct ask ask;

	begin(d, now_ms);
	engine_count(d, DNS_COUNT_QUERIES);
	if (client->is_stranger && client->transport == DNS_UDP && !admit_stranger(d)) {
		engine_count(d, DNS_COUNT_DROPPED_STRANGER);
		return;
	}
	if (client->transport == DNS_TCP)
		engine_count(d, DNS_COUNT_QUERIES_TCP);
	v = ask_read(&d->rules.conf, client, msg, len, &ask);
	if (v.step == ASK_RESOLVE && is_answered(d, client, &ask))
		return;
	s = pending_take(d->pending);
	if (!s) {
		engine_count(d, DNS_COUNT_FAILED_OVERLOAD);
		if (client->transport == DNS_TCP)
			d->ops.reply(d->ctx, client, d->out, 0);
		return;
	}
	s->client = *client;
	s->ask = ask;
	explain_door(d, s, &v);
	if (v.step == ASK_RESOLVE)
		start(d, s);
	else
		answer_unread(d, s, &v);
	run(d);
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
static struct cache_fact judge_result(const struct dns *d, const struct dns_question *q,
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
	if (!res->msg || msg_parse(res->msg, res->len, m) != MSG_OK || !is_answer_to(m, q))
		return failure(SYNTH_SILENT, EDE_NETWORK_ERROR, 0);
	if (!ede)
		ede = msg_ede(m);
	synth_follow(m, q->name, q->type, &chain);
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

uint32_t engine_keep(struct dns *d, const struct dns_question *q, uint8_t flags,
		     const struct resolve_result *res, uint64_t heard_ms, bool *failed)
{
	const struct dns_conf *conf = &d->rules.conf;
	const struct cache_limits limits = { conf->max_ttl_s, conf->negative_ttl_s,
					     conf->serve_stale_s };
	const struct cache_key key = { q->name, q->type, q->class, flags };
	struct msg m;
	struct cache_fact fact = judge_result(d, q, res, &m);

	d->turn++;
	*failed = is_failure(&fact);
	return cache_put(d->cache, &key, *failed ? NULL : &m, &fact, &limits, heard_ms);
}

static void explain_heard(struct dns *d, const struct pending_slot *s,
			  const struct pending_job *job, const struct resolve_result *res)
{
	bool heard = res->status == RESOLVE_ANSWER || res->status == RESOLVE_BOGUS;

	engine_explain(d, s,
		       &(struct dns_step){ .why = heard ? DNS_WHY_HEARD : DNS_WHY_HEARD_NOTHING,
					   .name = job->q.name,
					   .type = job->q.type,
					   .from = res->from,
					   .n = res->from ? res->from->rtt_ms
							  : d->now_ms - s->arrived_ms });
}

/* The leg leaves its job and goes on with pin, or with what is stale if that is better. */
static void hand_over(struct dns *d, struct pending_slot *s, struct pending_leg *leg,
		      uint32_t pin, bool failed)
{
	uint32_t stale = leg->stale_pin;

	pending_leave(d->pending, s, leg);
	if (failed && stale) {
		leg->stale_pin = 0;
		leg_add_hop(d, s, leg, stale, false);
	} else if (pin) {
		cache_pin(d->cache, pin);
		leg_add_hop(d, s, leg, pin, false);
	} else {
		s->no_room = true;
	}
	pending_queue(d->pending, s);
}

void dns_resolved(struct dns *d, uint64_t id, const struct resolve_result *res, uint64_t now_ms)
{
	struct pending_job *job = pending_job_of(d->pending, id);
	struct pending_slot *s;
	struct pending_leg *leg;
	uint32_t pin;
	bool failed;

	if (!job || !job->sent)
		return;
	begin(d, now_ms);
	pin = engine_keep(d, &job->q, job->flags, res, now_ms, &failed);
	while ((leg = pending_first_leg(d->pending, job, &s))) {
		explain_heard(d, s, job, res);
		hand_over(d, s, leg, pin, failed);
	}
	cache_unpin(d->cache, pin);
	pending_end(d->pending, job);
	run(d);
}

void dns_recall(struct dns *d)
{
	struct pending_job *job;

	for (size_t i = 0; (job = pending_job_at(d->pending, i)); i++) {
		if (!job->busy || !job->sent)
			continue;
		d->ops.cancel(d->ctx, pending_id(d->pending, job));
		job->sent = false;
		pending_queue_job(d->pending, job);
	}
}

/* Time. */

static void use_stale(struct dns *d, struct pending_slot *s)
{
	s->takes_stale = true;
	for (size_t i = 0; i < 2; i++)
		if (s->legs[i].job && s->legs[i].stale_pin) {
			leg_leave(d, s, &s->legs[i]);
			hand_over(d, s, &s->legs[i], 0, true);
		}
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
		leg_leave(d, s, leg);
		leg_fall_silent(d, s, leg);
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
		engine_explain(d, s,
			       &(struct dns_step){ .why = DNS_WHY_WAITED,
						   .n = d->now_ms - s->arrived_ms });
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

	begin(d, now_ms);
	for (enum pending_timer t = 0; t < PENDING_TIMERS; t++)
		while ((s = pending_first(d->pending, t)) && s->timer[t].due_ms <= now_ms)
			fire(d, s, t);
	run(d);
}

/* Life. */

/* Of the memory of the cache, for answers given again within a second. */
static size_t ready_room(const struct dns_conf *conf)
{
	return conf->cache_size / 16;
}

struct dns *dns_new(const struct dns_conf *conf, const struct dns_ops *ops, void *ctx)
{
	struct dns *d = calloc(1, sizeof *d);
	struct siphash_key keys[3];

	if (!d)
		return NULL;
	d->ops = *ops;
	d->ctx = ctx;
	ops->random(ctx, keys, sizeof keys);
	ops->random(ctx, &d->cookie_key, sizeof d->cookie_key);
	d->cache = cache_new(conf->cache_size - ready_room(conf),
			     2 * PENDING_SLOTS * (PENDING_HOPS + 1), &keys[0]);
	d->ready = ready_new(ready_room(conf), &keys[2]);
	d->pending = pending_new(&keys[1]);
	if (!d->cache || !d->ready || !d->pending || !rules_init(&d->rules, conf)) {
		dns_free(d);
		return NULL;
	}
	return d;
}

static void drop_next(struct dns *d)
{
	rules_done(&d->next);
	cache_space_free(d->next_space);
	ready_free(d->next_ready);
	d->next_space = NULL;
	d->next_ready = NULL;
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
	drop_next(d);
	cache_free(d->cache);
	ready_free(d->ready);
	pending_free(d->pending);
	free(d);
}

bool dns_prepare(struct dns *d, const struct dns_conf *next)
{
	struct siphash_key key;

	if (!rules_init(&d->next, next))
		return false;
	if (next->cache_size == d->rules.conf.cache_size)
		return true;
	d->next_space = cache_space(next->cache_size - ready_room(next));
	d->ops.random(d->ctx, &key, sizeof key);
	d->next_ready = ready_new(ready_room(next), &key);
	if (d->next_space && d->next_ready)
		return true;
	drop_next(d);
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
		drop_next(d);
		return;
	}
	rules_done(&d->rules);
	d->rules = d->next;
	d->next = (struct rules){ 0 };
	ready_clear(d->ready);
	if (d->next_space) {
		cache_resize(d->cache, d->next_space);
		ready_free(d->ready);
		d->ready = d->next_ready;
	}
	d->next_space = NULL;
	d->next_ready = NULL;
	restart_timers(d);
	dns_tick(d, now_ms);
}

const uint64_t *dns_counts(const struct dns *d)
{
	return d->counts;
}

bool dns_is_full(const struct dns *d, const struct in6_addr *addr)
{
	return leg_client_is_full(d, addr, DNS_TCP);
}

void dns_cache_usage(const struct dns *d, struct dns_cache_usage *out)
{
	*out = (struct dns_cache_usage){ .entries = cache_entries(d->cache),
					 .bytes = cache_bytes(d->cache),
					 .limit = cache_size(d->cache) + ready_size(d->ready) };
}

void dns_flush(struct dns *d)
{
	cache_flush(d->cache);
	ready_clear(d->ready);
}

size_t dns_in_flight(const struct dns *d)
{
	return pending_waiting(d->pending);
}
