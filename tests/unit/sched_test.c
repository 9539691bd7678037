/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sched_test.c - RFC 4861 6.2.4 to 6.2.6 on a virtual clock. */
#include "base/addr.h"
#include "ra/sched.h"
#include "t.h"

#define MIN 198000u
#define MAX 600000u

static struct in6_addr host(unsigned i)
{
	return (struct in6_addr){ { { 0xfe, 0x80, [12] = (uint8_t)(i >> 24), (uint8_t)(i >> 16),
				      (uint8_t)(i >> 8), (uint8_t)i } } };
}

static struct sched started(uint64_t seed, uint64_t now_ms, uint32_t min_ms, uint32_t max_ms)
{
	struct sched s;

	sched_init(&s, seed);
	sched_set_interval(&s, now_ms, min_ms, max_ms);
	sched_up(&s, now_ms);
	return s;
}

/* Runs to the next multicast, sends it, and says when that was. */
static uint64_t next_multicast(struct sched *s)
{
	struct sched_job job;
	uint64_t now_ms;

	do {
		now_ms = sched_next(s);
		assert_true(now_ms != SCHED_NEVER);
		assert_true(sched_due(s, now_ms, &job));
	} while (!job.multicast);
	sched_sent(s, now_ms, true);
	return now_ms;
}

/* With the initial three behind it; *now_ms is the time of the last. */
static struct sched steady(uint64_t seed, uint32_t min_ms, uint32_t max_ms, uint64_t *now_ms)
{
	struct sched s = started(seed, 1000, min_ms, max_ms);

	for (int i = 0; i < SCHED_INITIAL; i++)
		*now_ms = next_multicast(&s);
	return s;
}

static void nothing_before_up(void **state)
{
	struct sched s;
	struct sched_job job;
	struct in6_addr h = host(1);

	(void)state;
	sched_init(&s, 1);
	sched_set_interval(&s, 0, MIN, MAX);
	sched_change(&s, 0, 3, 16000);
	sched_solicit(&s, 0, &h);
	assert_int_equal(sched_next(&s), SCHED_NEVER);
	assert_false(sched_due(&s, 1u << 30, &job));
}

/* B01, B02: the first at once, two more within 16 s each, then the interval. */
static void initial_ones(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct sched s = started(seed, 5000, MIN, MAX);
		uint64_t at[5];

		for (size_t i = 0; i < N_OF(at); i++)
			at[i] = next_multicast(&s);
		assert_in_range(at[0], 5000, 5000 + SCHED_FIRST_DELAY_MS);
		assert_int_equal(at[1] - at[0], 16000);
		assert_int_equal(at[2] - at[1], 16000);
		assert_in_range(at[3] - at[2], MIN, MAX);
		assert_in_range(at[4] - at[3], MIN, MAX);
	}
}

/* B03: in [5, 10] s, and evenly so: chi-square over ten classes, 9 degrees, p = 0.001. */
static void intervals_are_uniform(void **state)
{
	enum { N = 10000, CLASSES = 10 };
	unsigned seen[CLASSES] = { 0 };
	double chi = 0;
	uint64_t last;
	struct sched s = steady(42, 5000, 10000, &last);

	(void)state;
	for (int i = 0; i < N; i++) {
		uint64_t at = next_multicast(&s), gap = at - last;

		last = at;
		assert_in_range(gap, 5000, 10000);
		seen[(gap - 5000) * CLASSES / 5001]++;
	}
	for (int i = 0; i < CLASSES; i++) {
		double d = seen[i] - (double)N / CLASSES;

		chi += d * d / ((double)N / CLASSES);
	}
	assert_true(chi < 27.9);
}

/* B04: the shortest intervals. */
static void shortest_interval(void **state)
{
	uint64_t last;
	struct sched s = steady(7, 3000, 4000, &last);

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t at = next_multicast(&s);

		assert_in_range(at - last, 3000, 4000);
		last = at;
	}
}

/* B09: ten interfaces started together are not together for long. */
static void streams_differ(void **state)
{
	uint64_t at[10];

	(void)state;
	for (size_t i = 0; i < N_OF(at); i++) {
		struct sched s = steady(i, MIN, MAX, &at[i]);

		at[i] = next_multicast(&s);
		for (size_t j = 0; j < i; j++)
			assert_true(at[i] != at[j]);
	}
}

/* B08: stopped for ten minutes: one, not a burst. */
static void late_wake_up(void **state)
{
	uint64_t at;
	struct sched s = started(3, 0, MIN, MAX);
	struct in6_addr h = host(1);
	struct sched_job job;

	(void)state;
	at = next_multicast(&s) + 1000;
	sched_solicit(&s, at, &h);
	at += 600000;
	assert_true(sched_due(&s, at, &job));
	assert_true(job.multicast);
	sched_sent(&s, at, true);
	assert_false(sched_due(&s, at, &job));
	assert_true(sched_next(&s) >= at + SCHED_MIN_DELAY_MS);
}

/* C01, C02: one answer to the one who asked, after U(0, 500) ms. */
static void a_solicitation_is_answered(void **state)
{
	uint64_t now_ms, sum = 0, least = 500, most = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 2000; seed++) {
		struct sched s = steady(seed, MIN, MAX, &now_ms);
		struct in6_addr h = host(1);
		uint64_t interval = s.multicast_ms, delay;
		struct sched_job job;

		now_ms += 10000;
		assert_int_equal(sched_solicit(&s, now_ms, &h), SCHED_UNICAST);
		delay = sched_next(&s) - now_ms;
		assert_in_range(delay, 0, SCHED_ANSWER_DELAY_MS);
		sum += delay;
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
		assert_true(sched_due(&s, now_ms + delay, &job));
		assert_false(job.multicast);
		assert_true(job.solicited);
		assert_true(addr_equal(&job.to, &h));
		/* C02: it does not count as one of ours */
		assert_int_equal(sched_next(&s), interval);
	}
	assert_in_range(sum / 2000, 240, 260);
	assert_true(least < 10 && most > 490);
}

/* C05: the same host again after three seconds. */
static void asked_twice(void **state)
{
	uint64_t now_ms;
	struct sched s = steady(5, MIN, MAX, &now_ms);
	struct in6_addr h = host(1);
	struct sched_job job;

	(void)state;
	now_ms += 10000;
	for (int i = 0; i < 2; i++, now_ms += 3000) {
		sched_solicit(&s, now_ms, &h);
		sched_solicit(&s, now_ms, &h); /* one answer for both */
		assert_true(sched_due(&s, now_ms + 500, &job));
		assert_false(sched_due(&s, now_ms + 500, &job));
	}
}

/* C03, C04, C07: to the unspecified address by multicast, never two in three seconds, and the
 * delay is that of the first who asked. */
static void asked_by_nobody(void **state)
{
	uint64_t now_ms, first, second;

	(void)state;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct sched s = steady(seed, 30000, 40000, &now_ms);

		now_ms += 10000;
		for (uint64_t i = 0; i < 100; i++)
			assert_int_equal(sched_solicit(&s, now_ms + i, &in6addr_any),
					 SCHED_MULTICAST);
		assert_true(s.solicited);
		first = next_multicast(&s);
		assert_in_range(first, now_ms, now_ms + 500);
		assert_false(s.solicited);
		sched_solicit(&s, now_ms + 2000, &in6addr_any);
		second = next_multicast(&s);
		assert_in_range(second - first, 3000, 3500);
		/* C06: and the interval starts anew */
		assert_in_range(next_multicast(&s) - second, 30000, 40000);
	}
}

/* Many within one window do not draw the delay ever shorter. */
static void the_delay_of_the_first(void **state)
{
	uint64_t now_ms, sum = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct sched s = steady(seed, 30000, 40000, &now_ms);

		now_ms += 10000;
		for (int i = 0; i < 50; i++)
			sched_solicit(&s, now_ms, &in6addr_any);
		sum += next_multicast(&s) - now_ms;
	}
	assert_in_range(sum / 1000, 225, 275);
}

/* C08: a second after the start, not after the 16 s of the initial gap. */
static void asked_in_the_initial_phase(void **state)
{
	struct sched s = started(9, 0, MIN, MAX);
	uint64_t first = next_multicast(&s);

	(void)state;
	sched_solicit(&s, first + 1000, &in6addr_any);
	assert_in_range(next_multicast(&s) - first, 3000, 3500);
}

/* C06 as corrected: a multicast that is due before the answer is the answer. */
static void the_multicast_is_the_answer(void **state)
{
	uint64_t now_ms;
	struct in6_addr h = host(1);
	struct sched_job job;
	struct sched s = steady(11, MIN, MAX, &now_ms);

	(void)state;
	now_ms = s.multicast_ms; /* due now, but nobody looked yet */
	assert_int_equal(sched_solicit(&s, now_ms, &h), SCHED_MULTICAST);
	assert_int_equal(s.n_answers, 0);
	assert_true(sched_due(&s, now_ms, &job));
	assert_true(job.multicast && job.solicited);
	for (uint64_t seed = 0; seed < 100; seed++) {
		s = steady(seed, MIN, MAX, &now_ms);
		now_ms = s.multicast_ms - SCHED_ANSWER_DELAY_MS / 2;
		if (sched_solicit(&s, now_ms, &h) == SCHED_UNICAST)
			assert_true(s.answers[0].due_ms < s.multicast_ms);
		else
			assert_int_equal(s.n_answers, 0);
	}
}

/* C09: one host asks a hundred times a second: no more than ten answers in one. */
static void one_who_floods(void **state)
{
	uint64_t now_ms, start, multicasts = 0, unicasts = 0;
	struct sched s = steady(13, MIN, MAX, &start);
	struct in6_addr h = host(1);
	struct sched_job job;

	(void)state;
	start += 10000;
	for (now_ms = start; now_ms < start + 60000; now_ms++) {
		if (now_ms % 10 == 0)
			sched_solicit(&s, now_ms, &h);
		while (sched_due(&s, now_ms, &job)) {
			if (job.multicast)
				sched_sent(&s, now_ms, true);
			multicasts += job.multicast;
			unicasts += !job.multicast;
		}
	}
	assert_in_range(unicasts, 60, 600);
	assert_in_range(multicasts, 0, 1);
}

/* C10: 5000 forged hosts in ten seconds: the bucket, then one multicast in three seconds; and
 * what is kept has a fixed size. */
static void many_who_flood(void **state)
{
	uint64_t now_ms, start, last = 0, multicasts = 0, unicasts = 0;
	struct sched s = steady(17, MIN, MAX, &start);
	struct sched_job job;
	unsigned asked = 0, limited = 0;

	(void)state;
	start += 10000;
	for (now_ms = start; now_ms < start + 10000; now_ms++) {
		if (now_ms % 2 == 0) {
			struct in6_addr h = host(++asked);

			limited += sched_solicit(&s, now_ms, &h) == SCHED_LIMITED;
		}
		while (sched_due(&s, now_ms, &job)) {
			if (job.multicast) {
				assert_true(!last || now_ms - last >= SCHED_MIN_DELAY_MS);
				sched_sent(&s, now_ms, true);
				last = now_ms;
			}
			multicasts += job.multicast;
			unicasts += !job.multicast;
		}
	}
	assert_int_equal(asked, 5000);
	assert_in_range(multicasts, 3, 4);
	assert_in_range(unicasts, 1, 120);
	assert_true(limited > 4000);
}

/* E07, E09, F08: a change is heard within 3.5 s and three times. */
static void a_change_is_said(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 500; seed++) {
		for (uint64_t wait = 0; wait <= 4000; wait += 500) {
			uint64_t now_ms, at[4], last;
			struct sched s = steady(seed, MIN, MAX, &last);

			now_ms = last + wait;
			sched_change(&s, now_ms, SCHED_INITIAL, SCHED_INITIAL_GAP_MS);
			for (size_t i = 0; i < N_OF(at); i++)
				at[i] = next_multicast(&s);
			assert_true(at[0] - last >= SCHED_MIN_DELAY_MS);
			assert_true(at[0] <= now_ms + 3500);
			if (wait >= 3000)
				assert_true(at[0] <= now_ms + 500);
			assert_int_equal(at[1] - at[0], 16000);
			assert_int_equal(at[2] - at[1], 16000);
			assert_true(at[3] - at[2] >= MIN);
		}
	}
}

/* A change puts off neither the multicast that is due before, nor what an earlier one promised.
 */
static void a_change_within_a_change(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		uint64_t now_ms, due_ms;
		struct sched s = steady(seed, MIN, MAX, &now_ms);

		due_ms = s.multicast_ms;
		sched_change(&s, due_ms - 1, SCHED_INITIAL + 1, SCHED_NEW_SOURCE_GAP_MS);
		assert_in_range(sched_next(&s), due_ms - 1, due_ms);
		sched_change(&s, due_ms - 1, SCHED_INITIAL, SCHED_INITIAL_GAP_MS);
		assert_in_range(sched_next(&s), due_ms - 1, due_ms);
		for (int i = 0; i <= SCHED_INITIAL; i++) {
			now_ms = next_multicast(&s);
			if (i)
				assert_in_range(now_ms - due_ms, SCHED_MIN_DELAY_MS,
						SCHED_NEW_SOURCE_GAP_MS);
			due_ms = now_ms;
		}
		assert_in_range(next_multicast(&s) - due_ms, MIN, MAX);
	}
}

/* F10: a link that comes and goes 20 times a second. */
static void flapping(void **state)
{
	struct sched s = started(19, 0, MIN, MAX);
	struct sched_job job;
	uint64_t last = 0, n = 0;

	(void)state;
	for (uint64_t now_ms = 1; now_ms < 60000; now_ms++) {
		if (now_ms % 50 == 0)
			sched_down(&s, false);
		if (now_ms % 50 == 25)
			sched_up(&s, now_ms);
		while (sched_due(&s, now_ms, &job)) {
			assert_true(!last || now_ms - last >= SCHED_MIN_DELAY_MS);
			last = now_ms;
			n++;
			sched_sent(&s, now_ms, true);
		}
	}
	assert_in_range(n, 2, 20);
}

static void another_link_is_another_world(void **state)
{
	struct sched s = started(21, 0, MIN, MAX);
	uint64_t at = next_multicast(&s);

	(void)state;
	sched_down(&s, true);
	assert_int_equal(sched_next(&s), SCHED_NEVER);
	sched_up(&s, at + 10);
	assert_true(next_multicast(&s) <= at + 10 + SCHED_FIRST_DELAY_MS);
}

/* F19: tried again within three seconds, for as long as it takes; then all as it was. */
static void fail_and_recover(uint64_t seed)
{
	struct sched s = started(seed, 0, MIN, MAX);
	uint64_t now_ms = sched_next(&s), last = now_ms;
	struct sched_job job;

	for (int i = 0; i < 20; i++) {
		assert_true(sched_due(&s, now_ms, &job));
		sched_sent(&s, now_ms, false);
		/* and no solicitation makes it faster */
		sched_solicit(&s, now_ms, &in6addr_any);
		assert_in_range(sched_next(&s) - now_ms, SCHED_RETRY_FIRST_MS,
				SCHED_RETRY_MAX_MS);
		last = now_ms;
		now_ms = sched_next(&s);
	}
	assert_int_equal(now_ms - last, SCHED_RETRY_MAX_MS);
	next_multicast(&s);
	assert_int_equal(s.quick, SCHED_INITIAL - 1);
	assert_int_equal(next_multicast(&s) - now_ms, 16000);
}

static void what_fails_is_tried_again(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++)
		fail_and_recover(seed);
}

/* A shorter interval does not wait for the end of a longer one. */
static void a_shorter_interval(void **state)
{
	uint64_t now_ms;
	struct sched s = steady(25, MIN, MAX, &now_ms);

	(void)state;
	sched_set_interval(&s, now_ms + 100, 3000, 4000);
	assert_in_range(next_multicast(&s), now_ms + 3000, now_ms + 4100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_before_up),
		cmocka_unit_test(initial_ones),
		cmocka_unit_test(intervals_are_uniform),
		cmocka_unit_test(shortest_interval),
		cmocka_unit_test(streams_differ),
		cmocka_unit_test(late_wake_up),
		cmocka_unit_test(a_solicitation_is_answered),
		cmocka_unit_test(asked_twice),
		cmocka_unit_test(asked_by_nobody),
		cmocka_unit_test(the_delay_of_the_first),
		cmocka_unit_test(asked_in_the_initial_phase),
		cmocka_unit_test(the_multicast_is_the_answer),
		cmocka_unit_test(one_who_floods),
		cmocka_unit_test(many_who_flood),
		cmocka_unit_test(a_change_is_said),
		cmocka_unit_test(a_change_within_a_change),
		cmocka_unit_test(flapping),
		cmocka_unit_test(another_link_is_another_world),
		cmocka_unit_test(what_fails_is_tried_again),
		cmocka_unit_test(a_shorter_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
