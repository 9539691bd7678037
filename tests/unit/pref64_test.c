/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/pref64.h"
#include "t.h"

static struct pref64 pref(const char *text)
{
	struct prefix6 p;

	assert_true(prefix_parse(text, &p, NULL));
	return (struct pref64){ p.addr, p.len };
}

/* The table of RFC 6052 2.4. */
static void the_table_of_the_rfc(void **state)
{
	static const struct {
		const char *prefix, *addr;
	} cases[] = {
		{ "2001:db8::/32", "2001:db8:c000:221::" },
		{ "2001:db8:100::/40", "2001:db8:1c0:2:21::" },
		{ "2001:db8:122::/48", "2001:db8:122:c000:2:2100::" },
		{ "2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::" },
		{ "2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::" },
		{ "2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33" },
		{ "64:ff9b::/96", "64:ff9b::192.0.2.33" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct pref64 p = pref(cases[i].prefix);
		struct in6_addr want, got = pref64_embed(&p, addr4_of(0xc0000221));
		struct in_addr back = addr4_of(0);

		assert_true(addr_parse(cases[i].addr, &want));
		assert_true(addr_equal(&got, &want));
		assert_true(pref64_extract(&p, &want, &back));
		assert_int_equal(addr4_num(back), 0xc0000221);
	}
}

/* RFC 6052 2.2: the u octet and the suffix are ignored on input. */
static void junk_around_the_address(void **state)
{
	struct pref64 p = pref("2001:db8::/32");
	struct in6_addr a;
	struct in_addr v4 = addr4_of(0);

	(void)state;
	assert_true(addr_parse("2001:db8:c000:221:ff00:1:2:3", &a));
	assert_true(pref64_extract(&p, &a, &v4));
	assert_int_equal(addr4_num(v4), 0xc0000221);
	p = pref("2001:db8:122::/48");
	assert_true(addr_parse("2001:db8:122:c000:aa02:21ff:ffff:ffff", &a));
	assert_true(pref64_extract(&p, &a, &v4));
	assert_int_equal(addr4_num(v4), 0xc0000221);
}

static void outside_leaves_out_alone(void **state)
{
	struct pref64 p = pref("64:ff9b::/96");
	struct in6_addr a;
	struct in_addr v4 = addr4_of(7);

	(void)state;
	assert_true(addr_parse("64:ff9b:1::c000:221", &a));
	assert_false(pref64_extract(&p, &a, &v4));
	assert_int_equal(addr4_num(v4), 7);
}

static void lengths_and_the_well_known(void **state)
{
	unsigned valid = 0;

	(void)state;
	for (unsigned len = 0; len < 200; len++)
		valid += pref64_len_valid(len);
	assert_int_equal(valid, 6);
	assert_true(pref64_is_well_known(&(struct pref64){ pref("64:ff9b::/96").prefix, 96 }));
	assert_false(pref64_is_well_known(&(struct pref64){ pref("64:ff9b::/96").prefix, 64 }));
	assert_false(
		pref64_is_well_known(&(struct pref64){ pref("64:ff9b:1::/96").prefix, 96 }));
}

static void text_is_readable(void **state)
{
	static const struct {
		const char *prefix, *addr, *text;
	} cases[] = {
		{ "64:ff9b::/96", "64:ff9b::8c52:7603", "64:ff9b::140.82.118.3" },
		{ "64:ff9b::/96", "2001:db8::1", "2001:db8::1" },
		{ "2001:db8:64::/96", "2001:db8:64::c000:201", "2001:db8:64::192.0.2.1" },
		{ "2001:db8:1:2:0:3:4:0/96", "2001:db8:1:2:0:3:c000:201",
		  "2001:db8:1:2:0:3:192.0.2.1" },
		{ "2001:db8::/32", "2001:db8:c000:221::", "2001:db8:c000:221::" },
	};
	char text[ADDR_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct pref64 p = pref(cases[i].prefix);
		struct in6_addr a;

		assert_true(addr_parse(cases[i].addr, &a));
		assert_string_equal(pref64_text(&p, &a, text), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_the_rfc),
		cmocka_unit_test(junk_around_the_address),
		cmocka_unit_test(outside_leaves_out_alone),
		cmocka_unit_test(lengths_and_the_well_known),
		cmocka_unit_test(text_is_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
