/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sched.h"

#include "base/addr.h"

#include <string.h>

static const struct in6_addr all_nodes = { { { 0xff, 2, [15] = 1 } } };

/* SplitMix64 (Steele, Lea, Flood 2014): jitter, not secrets. */
static uint64_t next_random(struct sched *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Uniform in [lo, hi]. */
static uint32_t between(struct sched *s, uint32_t lo, uint32_t hi)
{
	uint64_t span = (uint64_t)hi - lo + 1;

	return lo + (uint32_t)((next_random(s) >> 32) * span >> 32);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void sched_init(struct sched *s, uint64_t seed)
{
	*s = (struct sched){ .random = seed, .multicast_ms = SCHED_NEVER };
	s->retry_ms = SCHED_RETRY_FIRST_MS;
}

void sched_set_interval(struct sched *s, uint64_t now_ms, uint32_t min_ms, uint32_t max_ms)
{
	s->min_ms = min_ms;
	s->max_ms = max_ms;
	if (s->on && s->multicast_ms > now_ms + max_ms)
		s->multicast_ms = later(now_ms + between(s, min_ms, max_ms), s->allowed_ms);
}

void sched_up(struct sched *s, uint64_t now_ms)
{
	s->on = true;
	s->solicited = false;
	s->quick = SCHED_INITIAL;
	s->quick_gap_ms = SCHED_INITIAL_GAP_MS;
	s->retry_ms = SCHED_RETRY_FIRST_MS;
	s->credit_ms = SCHED_ANSWER_CREDIT_MS;
	s->credit_at_ms = now_ms;
	s->multicast_ms = later(now_ms, s->allowed_ms) + between(s, 0, SCHED_FIRST_DELAY_MS);
}

void sched_down(struct sched *s, bool forget)
{
	s->on = false;
	s->multicast_ms = SCHED_NEVER;
	s->n_answers = 0;
	if (forget)
		s->allowed_ms = 0;
}

/* RFC 4861 6.2.6: after a random delay, and no sooner than MIN_DELAY_BETWEEN_RAS and that delay
 * after the last one. */
static uint64_t soon(struct sched *s, uint64_t now_ms)
{
	return later(now_ms, s->allowed_ms) + between(s, 0, SCHED_ANSWER_DELAY_MS);
}

void sched_change(struct sched *s, uint64_t now_ms, unsigned n, uint32_t gap_ms)
{
	if (!s->on)
		return;
	s->multicast_ms = earlier(s->multicast_ms, soon(s, now_ms));
	s->quick_gap_ms = s->quick && s->quick_gap_ms < gap_ms ? s->quick_gap_ms : gap_ms;
	s->quick = s->quick > n ? s->quick : n;
}

/* 6.2.6: one advertisement for several solicitations comes with the delay of the first. */
static enum sched_answer_kind answer_all(struct sched *s, uint64_t due_ms,
					 enum sched_answer_kind kind)
{
	if (!s->solicited)
		s->multicast_ms = earlier(s->multicast_ms, due_ms);
	s->solicited = true;
	return kind;
}

static void earn_credit(struct sched *s, uint64_t now_ms)
{
	uint64_t credit = s->credit_ms + (now_ms - s->credit_at_ms);

	s->credit_ms = (uint32_t)earlier(credit, SCHED_ANSWER_CREDIT_MS);
	s->credit_at_ms = now_ms;
}

enum sched_answer_kind sched_solicit(struct sched *s, uint64_t now_ms,
				     const struct in6_addr *src)
{
	uint64_t due_ms = now_ms + between(s, 0, SCHED_ANSWER_DELAY_MS);

	if (!s->on)
		return SCHED_LIMITED;
	if (addr_is_unspecified(src))
		return answer_all(s, soon(s, now_ms), SCHED_MULTICAST);
	/* 6.2.6: a multicast that is due before the answer would be is the answer. */
	if (s->multicast_ms <= due_ms)
		return answer_all(s, due_ms, SCHED_MULTICAST);
	for (size_t i = 0; i < s->n_answers; i++)
		if (addr_equal(&s->answers[i].to, src))
			return SCHED_UNICAST;
	earn_credit(s, now_ms);
	if (s->credit_ms < SCHED_ANSWER_COST_MS || s->n_answers == SCHED_ANSWERS)
		return answer_all(s, soon(s, now_ms), SCHED_LIMITED);
	s->credit_ms -= SCHED_ANSWER_COST_MS;
	s->answers[s->n_answers++] = (struct sched_answer){ *src, due_ms };
	return SCHED_UNICAST;
}

uint64_t sched_next(const struct sched *s)
{
	uint64_t next = s->multicast_ms;

	for (size_t i = 0; i < s->n_answers; i++)
		next = earlier(next, s->answers[i].due_ms);
	return next;
}

bool sched_due(struct sched *s, uint64_t now_ms, struct sched_job *out)
{
	if (s->multicast_ms <= now_ms) {
		*out = (struct sched_job){ true, s->solicited, all_nodes };
		s->n_answers = 0;
		return true;
	}
	for (size_t i = 0; i < s->n_answers; i++) {
		if (s->answers[i].due_ms > now_ms)
			continue;
		*out = (struct sched_job){ false, true, s->answers[i].to };
		s->answers[i] = s->answers[--s->n_answers];
		return true;
	}
	return false;
}

/* Also a multicast that was solicited starts the interval anew (RFC 4861 6.2.6). */
void sched_sent(struct sched *s, uint64_t now_ms, bool ok)
{
	uint32_t gap_ms = between(s, s->min_ms, s->max_ms);

	if (!ok) {
		s->allowed_ms = s->multicast_ms = now_ms + s->retry_ms;
		s->retry_ms = (uint32_t)earlier(s->retry_ms * 2, SCHED_RETRY_MAX_MS);
		return;
	}
	s->retry_ms = SCHED_RETRY_FIRST_MS;
	s->solicited = false;
	s->allowed_ms = now_ms + SCHED_MIN_DELAY_MS;
	s->quick -= s->quick > 0;
	if (s->quick && gap_ms > s->quick_gap_ms)
		gap_ms = s->quick_gap_ms;
	s->multicast_ms = now_ms + gap_ms;
}
