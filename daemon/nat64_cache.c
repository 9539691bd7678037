/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64_cache.c - every mapping in use has a slot, whose generation its pairs bear: one write
 * makes them all void.  A new epoch makes everything void.
 */
#define LOG_PLANE "nat64"

#include "nat64_cache.h"

#include "base/csum.h"
#include "daemon/event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX     65536u /* of a larger pool two mappings may have to share one */
#define PAIRS_MIN     4096u
#define PAIRS_MAX     65536u
#define PAIRS_OF_SLOT 64u
#define RECENT        2048u /* pairs remembered until their second packet */
#define PENDING       64u   /* pairs of one burst */
#define NOBODY        UINT32_MAX
#define SYNC_MS       10000u
#define REFRESH_MS    1000u
#define IDLE_MS       60000u
#define AGAIN_MS      1000u /* what the kernel has may have been displaced there */
#define RETRY_MS      10000u
#define WORD          FASTPATH_USAGE_MAX

enum { SIX = 1, FOUR = 2 };

struct recent {
	struct in_addr guest4, remote4;
	uint32_t epoch, generation;
	uint8_t has; /* SIX, FOUR: what was handed over */
	uint64_t at_ms;
};

struct slot {
	uint32_t owner; /* mapping + 1; 0: none */
	uint32_t generation;
	uint64_t packets[2], bytes[2]; /* told to the engine */
	uint64_t used_ms;
};

struct nat64_cache {
	struct ev_loop *loop;
	struct nat64_cache_user user;
	struct nat64 *engine;
	struct fastpath *kernel; /* NULL while off */
	uint32_t index;          /* of the device */
	enum config_switch mode;
	struct fast_conf conf;
	struct slot *slots;
	uint64_t *in_use; /* a bit for each slot */
	uint32_t n_slots, n_used;
	struct recent recent[RECENT];
	struct nat64_pair pending[PENDING];
	size_t n_pending;
	uint64_t counts[2];
	uint64_t synced_ms, failed_ms;
	struct ev_timer sync;
	char why[FASTPATH_WHY_LEN];
};

/* --- slots --- */

static void turn_off(struct nat64_cache *c, bool keep)
{
	if (c->engine)
		nat64_set_fast(c->engine, NULL);
	if (c->kernel)
		c->user.fastpath->close(c->kernel, keep);
	c->kernel = NULL;
	free(c->slots);
	free(c->in_use);
	c->slots = NULL;
	c->in_use = NULL;
	c->n_slots = c->n_used = 0;
	c->n_pending = 0;
	ev_timer_stop(&c->sync);
}

/* With CONFIG_ON it is a reason in health, and told as such. */
static void fail(struct nat64_cache *c)
{
	turn_off(c, false);
	c->failed_ms = ev_now_ms(c->loop);
	if (c->mode == CONFIG_SWITCH_AUTO)
		event_tell(EVENT_FASTPATH_OFF, NULL, "no fast path: %s", c->why);
	c->user.changed(c->user.arg);
}

/* Better no fast path than one that cannot be stopped. */
static void give_up(struct nat64_cache *c)
{
	snprintf(c->why, sizeof c->why, "the kernel refused a change of a map: %s",
		 strerror(errno));
	fail(c);
}

/* What was counted in the kernel since the last time goes to the slot's owner, who was used at
 * at_ms, or is only to be counted for (0).  What the engine does then may void slots. */
static bool account(struct nat64_cache *c, struct slot *s, const struct fastpath_usage *now,
		    uint64_t at_ms)
{
	uint64_t packets[2], bytes[2];

	for (unsigned way = 0; way < 2; way++) {
		packets[way] = now->packets[way] - s->packets[way];
		bytes[way] = now->bytes[way] - s->bytes[way];
		s->packets[way] = now->packets[way];
		s->bytes[way] = now->bytes[way];
		c->counts[way] += packets[way];
	}
	if (!packets[0] && !packets[1])
		return false;
	if (at_ms)
		s->used_ms = at_ms;
	nat64_used(c->engine, s->owner ? s->owner - 1 : NOBODY, packets, bytes, at_ms);
	return true;
}

/* The pairs of the slot are void from here on. */
static void retire(struct nat64_cache *c, uint32_t at)
{
	struct slot *s = &c->slots[at];
	struct fastpath_usage now;

	if (!c->user.fastpath->set_slot(c->kernel, at, ++s->generation)) {
		give_up(c);
		return;
	}
	if (c->user.fastpath->usage(c->kernel, at, 1, &now))
		account(c, s, &now, 0);
	s->owner = 0;
	c->in_use[at / WORD] &= ~(1ull << at % WORD);
	if (--c->n_used == 0)
		ev_timer_stop(&c->sync);
}

static struct slot *claim(struct nat64_cache *c, uint32_t mapping)
{
	uint32_t at = mapping % c->n_slots;
	struct fastpath_usage now;

	if (c->slots[at].owner == mapping + 1)
		return &c->slots[at];
	if (c->slots[at].owner)
		retire(c, at);
	if (!c->kernel)
		return NULL;
	/* What came after an epoch had ended is nobody's. */
	if (c->user.fastpath->usage(c->kernel, at, 1, &now))
		account(c, &c->slots[at], &now, 0);
	c->slots[at].owner = mapping + 1;
	c->slots[at].used_ms = ev_now_ms(c->loop);
	c->in_use[at / WORD] |= 1ull << at % WORD;
	if (c->n_used++ == 0)
		ev_timer_at(&c->sync, ev_now_ms(c->loop) + SYNC_MS);
	return &c->slots[at];
}

/* --- from the engine to the kernel --- */

static struct recent *recent_of(struct nat64_cache *c, const struct nat64_pair *pair)
{
	uint32_t hash =
		(pair->guest4.s_addr ^ pair->remote4.s_addr * 0x85ebca6bu) * 0x9e3779b1u;

	return &c->recent[hash / (UINT32_MAX / RECENT + 1)];
}

static void on_pair(void *arg, const struct nat64_pair *pair)
{
	struct nat64_cache *c = arg;
	struct recent *r = recent_of(c, pair);
	uint32_t generation = c->slots[pair->mapping % c->n_slots].generation;
	uint8_t want = pair->dir ? FOUR : SIX | FOUR;
	uint64_t now_ms = ev_now_ms(c->loop);

	if (r->guest4.s_addr != pair->guest4.s_addr ||
	    r->remote4.s_addr != pair->remote4.s_addr) {
		*r = (struct recent){ .guest4 = pair->guest4, .remote4 = pair->remote4 };
		return;
	}
	if (r->epoch != c->conf.epoch || r->generation != generation ||
	    now_ms >= r->at_ms + AGAIN_MS)
		r->has = 0;
	if ((r->has & want) == want || c->n_pending == PENDING)
		return;
	r->has |= want;
	r->epoch = c->conf.epoch;
	r->generation = generation;
	r->at_ms = now_ms;
	c->pending[c->n_pending++] = *pair;
}

static void on_void_mapping(void *arg, uint32_t mapping)
{
	struct nat64_cache *c = arg;
	uint32_t at = mapping % c->n_slots;

	for (size_t i = 0; i < c->n_pending; i++)
		if (c->pending[i].mapping == mapping)
			c->pending[i].mapping = NOBODY;
	if (c->kernel && c->slots[at].owner == mapping + 1)
		retire(c, at);
}

static void use_conf(struct nat64_cache *c, const struct nat64_conf *conf)
{
	c->conf.epoch++;
	c->conf.mtu = conf->mtu;
	c->conf.fragment_mtu = conf->fragment_mtu < conf->mtu ? conf->fragment_mtu : conf->mtu;
}

/* Indices mean other mappings now. */
static void on_void_all(void *arg, const struct nat64_conf *conf)
{
	struct nat64_cache *c = arg;

	use_conf(c, conf);
	c->n_pending = 0;
	for (uint32_t i = 0; i < c->n_slots; i++)
		c->slots[i].owner = 0;
	memset(c->in_use, 0, (c->n_slots / WORD + 1) * sizeof *c->in_use);
	c->n_used = 0;
	ev_timer_stop(&c->sync);
	if (!c->user.fastpath->configure(c->kernel, &c->conf))
		give_up(c);
}

/* RFC 1624: what the sum of the words has to grow by, from the first addresses to the others.
 */
static uint32_t delta_of(uint64_t from, uint64_t to)
{
	return (uint16_t)~csum_fold(csum_fold(from) + to);
}

static bool hand_over(struct nat64_cache *c, const struct nat64_pair *pair,
		      const struct slot *s)
{
	const struct fast_base base = { c->conf.epoch, (uint32_t)(s - c->slots), s->generation,
					0 };
	struct fast_pair6 six = { base, { pair->guest4.s_addr, pair->remote4.s_addr } };
	struct fast_pair4 four = { .base = base };
	struct fast_key4 key4 = { pair->remote4.s_addr, pair->guest4.s_addr };
	struct fast_key6 key6;
	uint64_t sum4 = (uint64_t)pair->guest4.s_addr + pair->remote4.s_addr, sum6;

	memcpy(key6.src, &pair->guest6, sizeof key6.src);
	memcpy(key6.dst, &pair->remote6, sizeof key6.dst);
	memcpy(four.to.src, &pair->remote6, sizeof four.to.src);
	memcpy(four.to.dst, &pair->guest6, sizeof four.to.dst);
	sum6 = csum_add(0, &key6, sizeof key6);
	six.base.delta = delta_of(sum6, sum4);
	four.base.delta = delta_of(sum4, sum6);
	return (pair->dir || c->user.fastpath->put6(c->kernel, &key6, &six)) &&
	       c->user.fastpath->put4(c->kernel, &key4, &four);
}

void nat64_cache_flush(struct nat64_cache *c)
{
	for (size_t i = 0; i < c->n_pending; i++) {
		struct slot *s = c->pending[i].mapping == NOBODY
					 ? NULL
					 : claim(c, c->pending[i].mapping);

		if (s && !hand_over(c, &c->pending[i], s))
			log_debug("fast path: a pair was not taken: %s", strerror(errno));
	}
	c->n_pending = 0;
}

/* --- from the kernel to the engine --- */

static void sync_word(struct nat64_cache *c, uint32_t word, uint64_t now_ms)
{
	struct fastpath_usage usage[WORD];
	uint32_t first = word * WORD, n = c->n_slots - first < WORD ? c->n_slots - first : WORD;
	bool one = (c->in_use[word] & (c->in_use[word] - 1)) == 0;

	if (one) {
		first += (uint32_t)__builtin_ctzll(c->in_use[word]);
		n = 1;
	}
	if (!c->user.fastpath->usage(c->kernel, first, n, usage))
		return;
	for (uint32_t i = 0; i < n && c->kernel; i++) {
		struct slot *s = &c->slots[first + i];
		uint64_t age_ms = usage[i].age_ms < now_ms ? usage[i].age_ms : now_ms;

		if (!s->owner)
			continue;
		if (!account(c, s, &usage[i], now_ms - age_ms) &&
		    now_ms >= s->used_ms + IDLE_MS)
			retire(c, first + i);
	}
}

void nat64_cache_sync(struct nat64_cache *c)
{
	uint64_t now_ms = ev_now_ms(c->loop), before = c->counts[0] + c->counts[1];

	c->synced_ms = now_ms;
	for (uint32_t word = 0; c->n_used && word * WORD < c->n_slots; word++)
		if (c->in_use[word])
			sync_word(c, word, now_ms);
	if (c->counts[0] + c->counts[1] != before)
		c->user.used(c->user.arg);
}

static void on_refresh(void *arg)
{
	struct nat64_cache *c = arg;

	if (ev_now_ms(c->loop) >= c->synced_ms + REFRESH_MS)
		nat64_cache_sync(c);
}

static bool attach(struct nat64_cache *c)
{
	if (c->user.fastpath->attach(c->kernel, c->index, c->why))
		return true;
	fail(c);
	return false;
}

static void on_sync(void *arg)
{
	struct nat64_cache *c = arg;

	nat64_cache_sync(c);
	if (!c->kernel || !c->n_used)
		return;
	if (c->index && !c->user.fastpath->is_attached(c->kernel)) {
		event_tell(EVENT_FASTPATH_LOST, NULL,
			   "fast path: its filter at the TUN device was taken away by another "
			   "process: put back");
		if (!attach(c))
			return;
	}
	ev_timer_at(&c->sync, ev_now_ms(c->loop) + SYNC_MS);
}

/* --- on and off --- */

struct nat64_cache *nat64_cache_new(struct ev_loop *loop, const struct nat64_cache_user *user)
{
	struct nat64_cache *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->loop = loop;
	c->user = *user;
	ev_timer_init(&c->sync, loop, on_sync, c);
	return c;
}

static uint32_t wanted_slots(const struct nat64 *engine)
{
	uint32_t n = nat64_mappings_end(engine);

	return n < 1 ? 1 : n > SLOTS_MAX ? SLOTS_MAX : n;
}

static uint32_t wanted_pairs(uint32_t n_slots)
{
	uint32_t n = n_slots * PAIRS_OF_SLOT;

	return n < PAIRS_MIN ? PAIRS_MIN : n > PAIRS_MAX ? PAIRS_MAX : n;
}

static bool load(struct nat64_cache *c, const struct nat64_conf *conf)
{
	const struct fastpath_class *k = c->user.fastpath;

	c->n_slots = wanted_slots(c->engine);
	c->slots = calloc(c->n_slots, sizeof *c->slots);
	c->in_use = calloc(c->n_slots / WORD + 1, sizeof *c->in_use);
	if (!c->slots || !c->in_use) {
		snprintf(c->why, sizeof c->why, "%s", strerror(ENOMEM));
		return false;
	}
	c->kernel = k->load(c->n_slots, wanted_pairs(c->n_slots), c->why);
	if (!c->kernel)
		return false;
	use_conf(c, conf);
	if (k->configure(c->kernel, &c->conf) && k->attach(c->kernel, c->index, c->why))
		return true;
	if (!c->why[0])
		snprintf(c->why, sizeof c->why, "%s", strerror(errno));
	return false;
}

static void turn_on(struct nat64_cache *c, const struct nat64_conf *conf)
{
	static const struct nat64_fast ops = { on_pair, on_void_mapping, on_void_all,
					       on_refresh, NULL };
	struct nat64_fast with_us = ops;
	char before[FASTPATH_WHY_LEN];

	memcpy(before, c->why, sizeof before);
	c->why[0] = '\0';
	if (load(c, conf)) {
		with_us.arg = c;
		nat64_set_fast(c->engine, &with_us);
		log_info("fast path: on");
		return;
	}
	c->user.fastpath->clear(c->index); /* an earlier one's, which nobody leads any more */
	if (strcmp(before, c->why) != 0) {
		fail(c);
		return;
	}
	turn_off(c, false);
	c->failed_ms = ev_now_ms(c->loop);
}

static void stay_off(struct nat64_cache *c, bool same, const char *why)
{
	if (same && !c->kernel && strcmp(c->why, why) == 0)
		return;
	turn_off(c, false);
	if (c->index && c->user.fastpath)
		c->user.fastpath->clear(c->index);
	snprintf(c->why, sizeof c->why, "%s", why);
	c->failed_ms = 0;
	log_info("no fast path: %s", why);
}

void nat64_cache_use(struct nat64_cache *c, struct nat64 *engine, const struct nat64_conf *conf,
		     uint32_t index, enum config_switch mode)
{
	bool same = index == c->index, fits = wanted_slots(engine) <= c->n_slots;

	c->index = index;
	c->mode = mode;
	if (mode == CONFIG_OFF) {
		stay_off(c, same, "nat64.fastpath is \"off\"");
	} else if (!c->user.fastpath) {
		stay_off(c, same, "this build has none (it takes clang, bpftool and libbpf)");
	} else if (!index) {
		stay_off(c, same, "the TUN device is missing");
	} else if ((!c->kernel || !same || !fits) &&
		   (!c->failed_ms || ev_now_ms(c->loop) >= c->failed_ms + RETRY_MS)) {
		turn_off(c, same);
		c->engine = engine;
		turn_on(c, conf);
	}
}

const char *nat64_cache_why(const struct nat64_cache *c)
{
	return c->kernel ? NULL : c->why;
}

const uint64_t *nat64_cache_counts(const struct nat64_cache *c)
{
	return c->counts;
}

void nat64_cache_free(struct nat64_cache *c, bool keep)
{
	if (!c)
		return;
	turn_off(c, keep);
	free(c);
}
