/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/pool.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

#define LIFETIME 10000
#define KEEP     100000

static const struct siphash_key key = { 1, 2 };

static struct {
	size_t made, moved, ended;
	struct in_addr last;
} seen;

static void on_event(void *arg, const struct nat64_event *e)
{
	(void)arg;
	seen.made += e->kind == NAT64_MAPPING_MADE;
	seen.moved += e->kind == NAT64_MAPPING_MOVED;
	seen.ended += e->kind == NAT64_MAPPING_ENDED;
	seen.last = e->ipv4;
}

static struct prefix4 net(const char *text)
{
	struct prefix6 p;

	assert_true(prefix_parse(text, &p, NULL));
	return (struct prefix4){ addr_v4(&p.addr), (uint8_t)(p.len - 96) };
}

static struct in6_addr guest_addr(uint32_t i)
{
	struct in6_addr a;
	char text[64];

	snprintf(text, sizeof text, "2001:db8:1::%x:%x", i >> 16, i & 0xffff);
	assert_true(addr_parse(text, &a));
	return a;
}

static struct pool *pool_of(const struct prefix4 *nets, size_t n, const struct nat64_map *maps,
			    size_t n_maps)
{
	struct nat64_conf conf = {
		.pools = nets,
		.n_pools = n,
		.maps = maps,
		.n_maps = n_maps,
		.own4 = net("192.168.255.1").addr,
		.lease_lifetime_ms = LIFETIME,
		.lease_keep_ms = KEEP,
		.max_mappings_per_guest = 3,
	};
	struct pool *p = pool_new(&conf, &key, on_event, NULL);

	memset(&seen, 0, sizeof seen);
	assert_non_null(p);
	return p;
}

static struct mapping *take(struct pool *p, uint32_t i, uint64_t guest, uint64_t now_ms)
{
	struct in6_addr a = guest_addr(i);

	return pool_take(p, &a, guest, now_ms);
}

static bool has(struct pool *p, uint32_t i)
{
	struct in6_addr a = guest_addr(i);
	struct in_addr out;

	return pool_local6(p, &a, &out);
}

static void all_but_reserved_addresses_are_given_once(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/28"), net("10.9.9.4/30") };
	const struct nat64_map maps[] = {
		{ net("192.168.255.8/31"), { guest_addr(900), 127 }, "" },
	};
	struct pool *p = pool_of(nets, 2, maps, 1);
	uint32_t used, size, n = 0;
	bool given[16] = { false };

	(void)state;
	pool_range_usage(p, 0, &used, &size);
	assert_int_equal(size, 16 - 2 - 1 - 2);
	pool_range_usage(p, 1, &used, &size);
	assert_int_equal(size, 2);
	for (;; n++) {
		struct mapping *m = take(p, n, 0, 1);

		if (!m)
			break;
		uint32_t v4 = addr4_num(m->ipv4);

		if (v4 >> 8 == 0x0a0909) {
			assert_true(v4 == 0x0a090905 || v4 == 0x0a090906);
			continue;
		}
		assert_false(given[v4 & 15]);
		given[v4 & 15] = true;
	}
	assert_int_equal(n, 13);
	assert_false(given[0] || given[1] || given[8] || given[9] || given[15]);
	pool_range_usage(p, 0, &used, &size);
	assert_int_equal(used, 11);
	assert_int_equal(seen.made, 13);
	pool_free(p);
}

static void small_and_overlapping_pools(void **state)
{
	const struct prefix4 nets[] = { net("10.0.0.7/32"), net("10.0.1.0/31"),
					net("10.0.2.128/25"), net("10.0.2.0/24"),
					net("10.0.2.0/24") };
	struct pool *p = pool_of(nets, 5, NULL, 0);
	const uint32_t want[] = { 1, 2, 0, 256 - 3, 0 };
	uint32_t used, size;

	(void)state;
	for (size_t i = 0; i < N_OF(want); i++) {
		pool_range_usage(p, i, &used, &size);
		assert_int_equal(size, want[i]);
	}
	pool_free(p);
}

static void too_large_a_pool_is_refused(void **state)
{
	const struct prefix4 net0 = net("0.0.0.0/0");
	struct nat64_conf conf = { .pools = &net0, .n_pools = 1 };

	(void)state;
	assert_null(pool_new(&conf, &key, NULL, NULL));
}

static void no_pool_at_all(void **state)
{
	struct pool *p = pool_of(NULL, 0, NULL, 0);

	(void)state;
	assert_false(has(p, 1));
	assert_null(take(p, 1, 0, 1));
	assert_int_equal(pool_next(p), UINT64_MAX);
	pool_free(p);
}

/* Without any file, with another secret key, in another order. */
static void a_guest_gets_its_address_again(void **state)
{
	const struct prefix4 nets[] = { net("192.168.0.0/16") };
	struct pool *p = pool_of(nets, 1, NULL, 0);
	struct nat64_conf conf = { .pools = nets, .n_pools = 1, .lease_lifetime_ms = 1 };
	const struct siphash_key other = { 77, 99 };
	struct pool *q = pool_new(&conf, &other, NULL, NULL);
	struct in_addr first[20];

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		first[i] = take(p, i, 0, 1)->ipv4;
	for (uint32_t i = 20; i--;)
		assert_int_equal(take(q, i, 0, 1)->ipv4.s_addr, first[i].s_addr);
	pool_free(p);
	pool_free(q);
}

static void idle_mappings_sleep_and_end(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/24") };
	struct pool *p = pool_of(nets, 1, NULL, 0);
	struct mapping *m = take(p, 1, 0, 1000);
	struct in_addr v4 = m->ipv4;

	(void)state;
	assert_int_equal(pool_next(p), 1000 + LIFETIME);
	pool_tick(p, 999 + LIFETIME);
	assert_int_equal(m->state, MAPPING_ACTIVE);
	pool_tick(p, 1000 + LIFETIME);
	assert_int_equal(m->state, MAPPING_DORMANT);
	assert_int_equal(pool_next(p), 1000 + LIFETIME + KEEP);
	assert_int_equal(take(p, 1, 0, 50000)->ipv4.s_addr, v4.s_addr);
	assert_int_equal(m->state, MAPPING_ACTIVE);
	pool_tick(p, 50000 + LIFETIME);
	pool_tick(p, 50000 + LIFETIME + KEEP - 1);
	assert_true(has(p, 1));
	assert_int_equal(seen.ended, 0);
	pool_tick(p, 50000 + LIFETIME + KEEP);
	assert_false(has(p, 1));
	assert_int_equal(seen.ended, 1);
	assert_int_equal(pool_next(p), UINT64_MAX);
	pool_free(p);
}

/* 13 addresses; the longest idle dormant one is taken over, active ones never. */
static void a_full_pool_takes_over_the_longest_idle(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/28") };
	struct pool *p = pool_of(nets, 1, NULL, 0);
	struct in_addr third;

	(void)state;
	for (uint32_t i = 0; i < 13; i++)
		assert_non_null(take(p, i, 0, 1000 * (i + 1)));
	assert_null(take(p, 100, 0, 5000));
	pool_touch(p, take(p, 0, 0, 5000), 5000);
	pool_tick(p, 3000 + LIFETIME);
	third = addr4_of(0);
	assert_true(has(p, 1));
	struct in6_addr a = guest_addr(1);

	pool_local6(p, &a, &third);
	assert_int_equal(take(p, 100, 0, 14000)->ipv4.s_addr, third.s_addr);
	assert_int_equal(seen.moved, 1);
	assert_false(has(p, 1));
	assert_true(has(p, 0));
	assert_non_null(take(p, 101, 0, 14000));
	assert_false(has(p, 2));
	assert_null(take(p, 102, 0, 14000));
	pool_free(p);
}

static void a_guest_has_its_limit_and_harms_nobody(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/28") };
	struct pool *p = pool_of(nets, 1, NULL, 0);

	(void)state;
	assert_non_null(take(p, 500, 7, 1));
	for (uint32_t i = 0; i < 10000; i++)
		assert_non_null(take(p, i, 42, 1000 + i));
	assert_true(has(p, 9999) && has(p, 9998) && has(p, 9997));
	assert_false(has(p, 9996));
	assert_true(has(p, 500));
	assert_non_null(take(p, 501, 7, 20000));
	pool_free(p);
}

/* At the limit of 3: a burst of moves, then one for each POOL_MOVE_MS, and again a burst after
 * a rest; another guest, and one that is unknown, are not concerned. */
static void moves_have_a_pace(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/28") };
	struct pool *p = pool_of(nets, 1, NULL, 0);
	const struct {
		uint64_t now_ms;
		uint32_t n;
	} table[] = { { 1000, 3 + POOL_MOVES_BURST + 1 },
		      { 1000 + POOL_MOVE_MS - 1, 0 },
		      { 1000 + POOL_MOVE_MS, 1 },
		      { 1000 + 11 * POOL_MOVE_MS, 10 },
		      { 1000000, POOL_MOVES_BURST + 1 } };
	uint32_t next = 0;

	(void)state;
	for (size_t i = 0; i < N_OF(table); i++) {
		for (uint32_t k = 0; k < table[i].n; k++) {
			assert_true(pool_admit(p, 42, table[i].now_ms));
			assert_non_null(take(p, next++, 42, table[i].now_ms));
		}
		assert_int_equal(pool_admit(p, 42, table[i].now_ms), false);
		assert_true(pool_admit(p, 7, table[i].now_ms));
		assert_true(pool_admit(p, 0, table[i].now_ms));
	}
	pool_free(p);
}

/* Also where each move ends the guest's only mapping. */
static void one_mapping_has_a_pace(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/28") };
	const struct nat64_conf conf = {
		.pools = nets,
		.n_pools = 1,
		.lease_lifetime_ms = LIFETIME,
		.lease_keep_ms = KEEP,
		.max_mappings_per_guest = 1,
	};
	struct pool *p = pool_new(&conf, &key, NULL, NULL);
	uint32_t n = 0;

	(void)state;
	assert_non_null(p);
	for (; n < 1000 && pool_admit(p, 42, 1000); n++)
		assert_non_null(take(p, n, 42, 1000));
	assert_int_equal(n, 1 + POOL_MOVES_BURST + 1);
	assert_true(pool_admit(p, 42, 1000 + POOL_MOVE_MS));
	pool_free(p);
}

static void unknown_guests_share_no_limit(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/28") };
	struct pool *p = pool_of(nets, 1, NULL, 0);

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		assert_non_null(take(p, i, 0, 1000 + i));
	for (uint32_t i = 0; i < 10; i++)
		assert_true(has(p, i));
	for (uint32_t i = 0; i < 5; i++) /* now they are found out to be one */
		pool_set_guest(p, take(p, i, 0, 3000 + i), 9, 3000 + i);
	assert_false(has(p, 0) || has(p, 1));
	assert_true(has(p, 2) && has(p, 3) && has(p, 4) && has(p, 5));
	pool_free(p);
}

static void restored_leases_in_any_order(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/24") };
	struct pool *p = pool_of(nets, 1, NULL, 0);
	const uint64_t ages[] = { 500, 20000, 3, 90000, 9000, 60000 };
	struct nat64_usage usage;

	(void)state;
	for (uint32_t i = 0; i < N_OF(ages); i++) {
		struct in6_addr a = guest_addr(i);

		assert_true(
			pool_restore(p, &a, addr4_of(0xc0a8ff10 + i), ages[i], false, 1000));
		assert_false(pool_restore(p, &a, addr4_of(0xc0a8ff50), 1, false, 1000));
	}
	struct in6_addr other = guest_addr(50);

	assert_false(pool_restore(p, &other, addr4_of(0xc0a8ff10), 1, false, 1000)); /* taken */
	assert_false(pool_restore(p, &other, addr4_of(0xc0a8ff01), 1, false, 1000)); /* own4 */
	assert_false(pool_restore(p, &other, addr4_of(0xc0a8ff00), 1, false, 1000)); /* edge */
	assert_false(
		pool_restore(p, &other, addr4_of(0x08080808), 1, false, 1000)); /* elsewhere */
	assert_false(
		pool_restore(p, &other, addr4_of(0xc0a8ff60), LIFETIME + KEEP, false, 1000));
	assert_int_equal(pool_next(p), 0);
	pool_tick(p, 1000);
	pool_usage(p, &usage);
	assert_int_equal(usage.active, 3);
	assert_int_equal(usage.dormant, 3);
	assert_int_equal(pool_next(p), 1000 - 9000 + LIFETIME);
	pool_tick(p, 1000 - 90000 + LIFETIME + KEEP);
	assert_false(has(p, 3));
	assert_true(has(p, 5));
	pool_tick(p, 1000 - 60000 + LIFETIME + KEEP);
	assert_false(has(p, 5));
	assert_true(has(p, 1));
	pool_free(p);
}

static enum pool_fate keep_odd(void *arg, const struct mapping *m, uint64_t guest)
{
	(void)arg;
	(void)guest;
	if (m->ipv6.s6_addr[15] % 4 == 1)
		return POOL_RESERVE;
	return m->ipv6.s6_addr[15] & 1 ? POOL_KEEP : POOL_END;
}

static void a_new_pool_keeps_what_fits(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/24") },
			     smaller[] = { net("192.168.255.0/25"), net("10.0.0.0/24") };
	struct pool *p = pool_of(nets, 1, NULL, 0), *q;
	struct in_addr v4[64];
	size_t kept = 0;

	(void)state;
	for (uint32_t i = 0; i < 64; i++) {
		struct mapping *m = take(p, i, 5 + i, 1000 + i);

		m->packets[0] = i;
		v4[i] = m->ipv4;
	}
	q = pool_of(smaller, 2, NULL, 0);
	pool_inherit(q, p, keep_odd, NULL);
	for (uint32_t i = 0; i < 64; i++) {
		struct in6_addr a = guest_addr(i);
		struct in_addr got = { 0 };
		struct mapping *m = pool_local6(q, &a, &got);

		assert_int_equal(m != NULL, i % 2 && (addr4_num(v4[i]) & 255) < 127);
		if (!m)
			continue;
		kept++;
		assert_int_equal(got.s_addr, v4[i].s_addr);
		assert_int_equal(m->packets[0], i);
		assert_int_equal(m->used_ms, 1000 + i);
		assert_int_equal(m->state, i % 4 == 1 ? MAPPING_DORMANT : MAPPING_ACTIVE);
	}
	assert_true(kept > 5);
	assert_int_equal(seen.ended, 64 - kept);
	pool_free(p);
	pool_free(q);
}

/* Against a plain model: who is mapped to what, over many random steps. */
static void a_long_life_against_a_model(void **state)
{
	const struct prefix4 nets[] = { net("192.168.255.0/25") };
	struct pool *p = pool_of(nets, 1, NULL, 0);
	uint32_t x = 12345, owner[256] = { 0 }, mapped[400] = { 0 };
	uint64_t now = 1000;

	(void)state;
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t i;

		x = x * 1664525 + 1013904223;
		i = x >> 16 & 255;
		now += x >> 28;
		if (x >> 8 & 1) {
			struct mapping *m = take(p, i, 1 + i / 2, now);

			if (m) {
				uint32_t at = addr4_num(m->ipv4) & 255;
				struct mapping *back;
				struct in6_addr a;

				assert_int_equal(pool_local4(p, m->ipv4, &back, &a),
						 POOL_MAPPED);
				assert_ptr_equal(back, m);
				owner[at] = i + 1;
				mapped[i] = at;
			}
		} else if (has(p, i)) {
			struct in6_addr a = guest_addr(i);
			struct in_addr v4;
			struct mapping *m = pool_local6(p, &a, &v4);

			assert_int_equal(owner[mapped[i]], i + 1);
			assert_int_equal(addr4_num(v4) & 255, mapped[i]);
			if (x >> 9 & 1)
				pool_end(p, m);
		}
		pool_tick(p, now);
	}
	pool_free(p);
}

static void a_hundred_thousand_mappings(void **state)
{
	const struct prefix4 nets[] = { net("10.0.0.0/15") };
	struct pool *p = pool_of(nets, 1, NULL, 0);
	struct nat64_usage usage;
	const char *name;
	size_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++)
		assert_non_null(take(p, i, 1 + i / 3, 1 + i / 100));
	for (size_t i = 0; pool_at(p, &i, &name); i++)
		n++;
	assert_int_equal(n, 100000);
	pool_tick(p, 1001 + LIFETIME);
	pool_usage(p, &usage);
	assert_int_equal(usage.dormant, 100000);
	pool_tick(p, 1001 + LIFETIME + KEEP);
	pool_usage(p, &usage);
	assert_int_equal(usage.dormant, 0);
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_but_reserved_addresses_are_given_once),
		cmocka_unit_test(small_and_overlapping_pools),
		cmocka_unit_test(too_large_a_pool_is_refused),
		cmocka_unit_test(no_pool_at_all),
		cmocka_unit_test(a_guest_gets_its_address_again),
		cmocka_unit_test(idle_mappings_sleep_and_end),
		cmocka_unit_test(a_full_pool_takes_over_the_longest_idle),
		cmocka_unit_test(a_guest_has_its_limit_and_harms_nobody),
		cmocka_unit_test(moves_have_a_pace),
		cmocka_unit_test(one_mapping_has_a_pace),
		cmocka_unit_test(unknown_guests_share_no_limit),
		cmocka_unit_test(restored_leases_in_any_order),
		cmocka_unit_test(a_new_pool_keeps_what_fits),
		cmocka_unit_test(a_long_life_against_a_model),
		cmocka_unit_test(a_hundred_thousand_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
