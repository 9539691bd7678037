/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/maps.h"
#include "t.h"

static struct nat64_map map(const char *v4, const char *v6)
{
	struct prefix6 p;
	struct nat64_map m = { .name = "" };

	assert_true(prefix_parse(v4, &p, NULL));
	m.ipv4 = (struct prefix4){ addr_v4(&p.addr), (uint8_t)(p.len - 96) };
	assert_true(prefix_parse(v6, &m.ipv6, NULL));
	return m;
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

/* The example of RFC 7757 3.3 and appendix B, as far as it goes. */
static void the_table_of_the_rfc(void **state)
{
	static const struct {
		const char *v4, *v6;
		int index; /* -1: no map */
	} cases[] = {
		{ "192.0.2.1", "2001:db8:aaaa::", 0 },
		{ "192.0.2.2", "2001:db8:bbbb::b", 1 },
		{ "192.0.2.16", "2001:db8:cccc::", 2 },
		{ "192.0.2.24", "2001:db8:cccc::8", 2 },
		{ "192.0.2.31", "2001:db8:cccc::f", 2 },
		{ "192.0.2.128", "2001:db8:dddd::", 3 },
		{ "192.0.2.152", "2001:db8:dddd:0:6000::", 3 },
		{ "192.0.2.183", "2001:db8:dddd:0:dc00::", 3 },
		{ "192.0.2.191", "2001:db8:dddd:0:fc00::", 3 },
		{ "192.0.2.193", "2001:db8:eeee:8001::", 4 },
		{ "192.0.2.200", "2001:db8:eeee:9000::", 5 },
		{ "192.0.2.209", "2001:db8:eeee:8800::", 6 },
		{ "192.0.2.221", "2001:db8:eeee:8c00::1", 7 },
		{ "192.0.2.225", "64:ff9b::192.0.2.225", 8 },
		{ "192.0.2.3", "2001:db8:aaaa::1", -1 },
	};
	const struct nat64_map list[] = {
		map("192.0.2.1", "2001:db8:aaaa::/128"),
		map("192.0.2.2/32", "2001:db8:bbbb::b"),
		map("192.0.2.16/28", "2001:db8:cccc::/124"),
		map("192.0.2.128/26", "2001:db8:dddd::/64"),
		map("192.0.2.192/29", "2001:db8:eeee:8000::/61"),
		map("192.0.2.200", "2001:db8:eeee:9000::"),
		map("192.0.2.208/28", "2001:db8:eeee:8000::/54"),
		map("192.0.2.221", "2001:db8:eeee:8c00::1"),
		map("192.0.2.224/31", "64:ff9b::192.0.2.224/127"),
	};
	struct maps *m = maps_new(list, N_OF(list));

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct in6_addr v4 = addr(cases[i].v4), v6 = addr(cases[i].v6), to6;
		struct in_addr to4;
		int index = maps_to_v4(m, &v6, &to4);

		if (cases[i].index == 6 || cases[i].index == 4)
			continue; /* many to one: see below */
		assert_int_equal(index, cases[i].index);
		assert_int_equal(maps_to_v6(m, addr_v4(&v4), &to6), cases[i].index);
		if (index < 0)
			continue;
		assert_int_equal(to4.s_addr, addr_v4(&v4).s_addr);
		assert_true(addr_equal(&to6, &v6));
	}
	maps_free(m);
}

static void the_longest_prefix_wins_on_each_side(void **state)
{
	const struct nat64_map list[] = {
		map("10.0.0.0/8", "2001:db8::/32"),
		map("10.1.0.0/16", "2001:db8:1::/48"),
		map("10.1.2.3", "2001:db8:1:2::3"),
		map("0.0.0.0/0", "2001:db8:f::/96"),
	};
	struct maps *m = maps_new(list, N_OF(list));
	struct in6_addr v6 = addr("2001:db8:1:2::3"), out6;
	struct in_addr out4;

	(void)state;
	assert_int_equal(maps_to_v4(m, &v6, &out4), 2);
	assert_int_equal(addr4_num(out4), 0x0a010203);
	v6 = addr("2001:db8:1:2::4");
	assert_int_equal(maps_to_v4(m, &v6, &out4), 1);
	assert_int_equal(addr4_num(out4), 0x0a010002);
	assert_int_equal(maps_to_v6(m, addr4_of(0x0a010204), &out6), 1);
	v6 = addr("2001:db8:1:204::");
	assert_true(addr_equal(&out6, &v6));
	assert_int_equal(maps_to_v6(m, addr4_of(0x08080808), &out6), 3);
	v6 = addr("2001:db8:f::8.8.8.8");
	assert_true(addr_equal(&out6, &v6));
	assert_int_equal(maps_to_v6(m, addr4_of(0x0a010203), &out6), 2);
	maps_free(m);
}

static void a_suffix_that_does_not_fit_is_no_map(void **state)
{
	const struct nat64_map list[] = { map("10.0.0.0/8", "2001:db8::/112"),
					  map("11.0.0.0/27", "2001:db8:1::/124"),
					  map("12.0.0.0/28", "2001:db8:2::/124") };
	static const char *const inside[] = { "2001:db8::1", "2001:db8:1::1", "2001:db8:2::1" };
	struct maps *m = maps_new(list, N_OF(list));
	struct in_addr out;

	(void)state;
	for (size_t i = 0; i < N_OF(list); i++) {
		struct in6_addr v6 = addr(inside[i]);

		assert_int_equal(maps_to_v4(m, &v6, &out), i == 2 ? 2 : -1);
	}
	maps_free(m);
}

static void none_and_equal_ones(void **state)
{
	const struct nat64_map list[] = { map("10.0.0.1", "2001:db8::1"),
					  map("10.0.0.2", "2001:db8::1") };
	const struct nat64_map other = map("10.0.0.3", "2001:db8::1");
	struct maps *none = maps_new(NULL, 0), *m = maps_new(list, N_OF(list));
	struct in6_addr v6 = addr("2001:db8::1");
	struct in_addr out;

	(void)state;
	assert_int_equal(maps_to_v4(none, &v6, &out), -1);
	assert_int_equal(maps_to_v4(m, &v6, &out), 0);
	assert_int_equal(maps_find(m, &list[0]), 0);
	assert_int_equal(maps_find(m, &other), -1);
	maps_free(none);
	maps_free(m);
	maps_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_the_rfc),
		cmocka_unit_test(the_longest_prefix_wins_on_each_side),
		cmocka_unit_test(a_suffix_that_does_not_fit_is_no_map),
		cmocka_unit_test(none_and_equal_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
