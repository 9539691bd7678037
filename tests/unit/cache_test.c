/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache_test.c - lifetimes, and the ring: what goes, what stays, what moves. */
#include "dns/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct siphash_key key = { 1, 2 };
static const struct cache_limits limits = { 86400, 900, 0 };
static const struct cache_limits stale_limits = { 86400, 900, 3600 };
static const struct cache_fact positive = { .outcome = 1 };
static const struct cache_fact failure = { .outcome = 6, .ede = 22, .failure_s = 5 };

/* A message for name with n TXT records of 100 octets. */
static size_t make(uint8_t *buf, const char *text, uint32_t ttl, unsigned n,
		   struct dns_question *q)
{
	static const uint8_t data[100] = { 99 };
	struct msg_wr w;

	*q = (struct dns_question){ .type = TYPE_TXT, .class = CLASS_IN };
	q->name_len = (uint8_t)name_from_text(text, q->name);
	msg_begin(&w, buf, DNS_MSG_MAX, 7, MSG_QR, q);
	for (unsigned i = 0; i < n; i++)
		msg_put(&w, MSG_ANSWER, q->name, TYPE_TXT, ttl + i, data, sizeof data);
	msg_put_opt(&w, 1232, 0, false, NULL, 0);
	return msg_end(&w);
}

static uint32_t put(struct cache *c, const char *name, uint32_t ttl, unsigned n,
		    uint64_t now_ms)
{
	static uint8_t buf[DNS_MSG_MAX];
	struct dns_question q;
	struct msg m;
	size_t len = make(buf, name, ttl, n, &q);
	struct cache_key k = { q.name, q.type, q.class, 0 };

	assert_int_equal(msg_parse(buf, len, &m), MSG_OK);
	return cache_put(c, &k, &m, &positive, &limits, now_ms);
}

static enum cache_state get(struct cache *c, const char *text, uint64_t now_ms, uint32_t *pin)
{
	uint8_t name[DNS_NAME_MAX];
	struct cache_key k = { name, TYPE_TXT, CLASS_IN, 0 };

	name_from_text(text, name);
	return cache_get(c, &k, now_ms, pin);
}

static bool has(struct cache *c, const char *text, uint64_t now_ms)
{
	uint32_t pin = 0;
	bool there = get(c, text, now_ms, &pin) == CACHE_FRESH;

	cache_unpin(c, pin);
	return there;
}

static void kept_without_opt_and_found_in_any_case(void **state)
{
	struct cache *c = cache_new(1, 10, &key);
	struct cache_answer a;
	struct msg m;
	uint32_t pin = put(c, "A.Example", 60, 2, 1000), again = 0;

	(void)state;
	assert_true(pin);
	assert_true(cache_view(c, pin, 1000, &a));
	assert_int_equal(msg_parse(a.msg, a.len, &m), MSG_OK);
	assert_false(m.edns.present);
	assert_int_equal(m.count[MSG_ADDITIONAL], 0);
	assert_int_equal(a.n_ttls, 2);
	assert_int_equal(get(c, "a.eXAMPLE", 1000, &again), CACHE_FRESH);
	assert_int_equal(again, pin);
	cache_unpin(c, pin);
	cache_unpin(c, again);
	assert_int_equal(get(c, "b.example", 1000, &again), CACHE_MISS);
	assert_int_equal(cache_entries(c), 1);
	cache_free(c);
}

static void ttls_count_down(void **state)
{
	struct cache *c = cache_new(1, 10, &key);
	uint32_t pin = put(c, "a", 60, 2, 1000);
	struct cache_answer a;
	uint8_t buf[512];
	struct msg m;
	struct msg_rr rr;

	(void)state;
	assert_true(cache_view(c, pin, 1000 + 10999, &a));
	memcpy(buf, a.msg, a.len);
	cache_set_ttls(&a, buf, a.len);
	assert_int_equal(msg_parse(buf, a.len, &m), MSG_OK);
	assert_true(msg_record(&m, m.at[MSG_ANSWER], &rr));
	assert_int_equal(rr.ttl, 50);
	assert_true(msg_record(&m, rr.next, &rr));
	assert_int_equal(rr.ttl, 51);
	/* Nothing behind len is touched. */
	memset(buf, 0xff, sizeof buf);
	cache_set_ttls(&a, buf, m.at[MSG_ANSWER]);
	for (size_t i = 0; i < sizeof buf; i++)
		assert_int_equal(buf[i], 0xff);
	assert_true(has(c, "a", 1000 + 59999));
	assert_false(has(c, "a", 1000 + 60000));
	cache_unpin(c, pin);
	cache_free(c);
}

static void failure_does_not_replace_stale_data(void **state)
{
	struct cache *c = cache_new(1, 10, &key);
	static uint8_t buf[DNS_MSG_MAX];
	struct dns_question q;
	struct msg m;
	size_t len = make(buf, "a", 60, 1, &q);
	struct cache_key k = { q.name, q.type, q.class, 0 };
	uint32_t pin = 0, failed;
	struct cache_answer a;

	(void)state;
	assert_int_equal(msg_parse(buf, len, &m), MSG_OK);
	cache_unpin(c, cache_put(c, &k, &m, &positive, &stale_limits, 0));
	assert_int_equal(cache_get(c, &k, 61000, &pin), CACHE_STALE);
	cache_unpin(c, pin);
	failed = cache_put(c, &k, NULL, &failure, &stale_limits, 61000);
	assert_true(cache_view(c, failed, 61000, &a));
	assert_null(a.msg);
	assert_int_equal(a.fact.ede, 22);
	cache_unpin(c, failed);
	assert_int_equal(cache_get(c, &k, 62000, &pin), CACHE_STALE_HELD);
	assert_true(cache_view(c, pin, 62000, &a));
	assert_true(a.stale);
	assert_int_equal(cache_ttl(&a, 60), 30);
	cache_unpin(c, pin);
	assert_int_equal(cache_get(c, &k, 66000, &pin), CACHE_STALE);
	cache_unpin(c, pin);
	assert_int_equal(cache_get(c, &k, 60000 + 3600000, &pin), CACHE_MISS);
	/* Without stale data the failure itself is kept. */
	cache_unpin(c, cache_put(c, &k, NULL, &failure, &stale_limits, 5000000));
	assert_int_equal(cache_get(c, &k, 5004999, &pin), CACHE_FRESH);
	cache_unpin(c, pin);
	assert_int_equal(cache_get(c, &k, 5005000, &pin), CACHE_MISS);
	cache_free(c);
}

/* Sums over the ring must hold whatever happened. */
static void old_goes_used_stays(void **state)
{
	struct cache *c = cache_new(CACHE_MIN_SIZE, 10, &key);
	char name[32];

	(void)state;
	cache_unpin(c, put(c, "hot", 3600, 3, 0));
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "n%u", i);
		cache_unpin(c, put(c, name, 3600, 1 + i % 17, 0));
		assert_true(has(c, name, 0));
		assert_true(has(c, "hot", 0));
		assert_true(cache_bytes(c) <= cache_size(c));
	}
	assert_false(has(c, "n0", 0));
	assert_true(cache_entries(c) > 100);
	cache_free(c);
}

static void pinned_stays_where_it_can_be_seen(void **state)
{
	struct cache *c = cache_new(CACHE_MIN_SIZE, 10, &key);
	uint32_t pin = put(c, "held", 3600, 3, 0);
	struct cache_answer a;
	uint8_t name[DNS_NAME_MAX];
	struct msg m;
	char text[32];

	(void)state;
	cache_flush(c);
	assert_false(has(c, "held", 0));
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(text, sizeof text, "n%u", i);
		cache_unpin(c, put(c, text, 3600, 1 + i % 17, 0));
		assert_true(cache_view(c, pin, 0, &a));
		assert_int_equal(msg_parse(a.msg, a.len, &m), MSG_OK);
		name_from_text("held", name);
		assert_true(name_equal(m.q.name, name));
	}
	cache_unpin(c, pin);
	cache_free(c);
}

static void no_room_and_no_pins(void **state)
{
	struct cache *c = cache_new(CACHE_MIN_SIZE, 5, &key);
	uint32_t pin[5];
	char name[8];

	(void)state;
	/* 60 KiB each: four of them fit, the fifth does not until one is let go. */
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name, sizeof name, "n%u", i);
		pin[i] = put(c, name, 60, 530, 0);
		assert_true(pin[i]);
	}
	assert_int_equal(put(c, "more", 60, 530, 0), 0);
	cache_unpin(c, pin[2]);
	pin[2] = put(c, "more", 60, 530, 0);
	assert_true(pin[2]);
	for (unsigned i = 0; i < 4; i++)
		cache_unpin(c, pin[i]);
	/* Five pins, and not a sixth. */
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "m%u", i);
		pin[i] = put(c, name, 60, 1, 0);
		assert_true(pin[i]);
	}
	assert_int_equal(put(c, "m5", 60, 1, 0), 0);
	cache_unpin(c, pin[0]);
	assert_true(has(c, "m1", 0));
	assert_true(has(c, "m5", 0));
	cache_free(c);
}

static void another_size(void **state)
{
	struct cache *c = cache_new(1 << 20, 10, &key);
	uint32_t pin = put(c, "held", 3600, 3, 0);
	struct cache_answer a;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "n%u", i);
		cache_unpin(c, put(c, name, 3600, 1 + i % 17, 0));
	}
	cache_resize(c, cache_space(4 << 20));
	assert_true(has(c, "n4999", 0) && has(c, "held", 0));
	cache_resize(c, cache_space(CACHE_MIN_SIZE));
	assert_true(has(c, "n4999", 0));
	assert_true(cache_view(c, pin, 0, &a));
	assert_true(cache_bytes(c) <= CACHE_MIN_SIZE);
	cache_unpin(c, pin);
	cache_free(c);
}

/* Any order of everything, watched by the sanitizers. */
static void random_walk(void **state)
{
	struct cache *c = cache_new(CACHE_MIN_SIZE, 20, &key);
	uint32_t held[16] = { 0 };
	char name[16];

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t *slot = &held[rand() % 16];
		struct cache_answer a;

		snprintf(name, sizeof name, "n%d", rand() % 400);
		cache_unpin(c, *slot);
		*slot = 0;
		if (rand() % 2)
			*slot = put(c, name, (uint32_t)(rand() % 100),
				    1 + (unsigned)rand() % (rand() % 10 ? 5 : 300), i * 10);
		else if (get(c, name, i * 10, slot) == CACHE_MISS)
			*slot = 0;
		if (*slot)
			assert_true(cache_view(c, *slot, i * 10, &a) && a.msg);
		if (rand() % 500 == 0)
			cache_flush(c);
		if (rand() % 1000 == 0)
			cache_resize(c, cache_space(CACHE_MIN_SIZE << rand() % 3));
		for (unsigned h = 0; h < 16; h++)
			if (!cache_view(c, held[h], i * 10, &a))
				held[h] = held[h] ? held[h] : 0;
	}
	for (unsigned h = 0; h < 16; h++)
		cache_unpin(c, held[h]);
	cache_flush(c);
	assert_int_equal(cache_entries(c), 0);
	assert_int_equal(cache_bytes(c), 0);
	cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_without_opt_and_found_in_any_case),
		cmocka_unit_test(ttls_count_down),
		cmocka_unit_test(failure_does_not_replace_stale_data),
		cmocka_unit_test(old_goes_used_stays),
		cmocka_unit_test(pinned_stays_where_it_can_be_seen),
		cmocka_unit_test(no_room_and_no_pins),
		cmocka_unit_test(another_size),
		cmocka_unit_test(random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
