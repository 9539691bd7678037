/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nd_opt_test.c - options one by one, and those that are none. */
#include "ra/nd_opt.h"
#include "t.h"

static void every_option_in_turn(void **state)
{
	static const uint8_t bytes[] = {
		1, 1, 2,    0, 0, 0, 0, 1, /* source link layer */
		3, 2, 0xaa, 0, 0, 0, 0, 0, /* two units */
		0, 0, 0,    0, 0, 0, 0, 0xbb, 253, 1, 0, 0, 0, 0, 0, 0
	};
	struct rd r = rd_of(bytes, sizeof bytes);
	struct nd_opt opt;

	(void)state;
	assert_true(nd_opt_next(&r, &opt));
	assert_int_equal(opt.type, ND_OPT_SOURCE_LL);
	assert_int_equal(rd_left(&opt.body), 6);
	assert_int_equal(opt.body.p[0], 2);
	assert_true(nd_opt_next(&r, &opt));
	assert_int_equal(opt.type, ND_OPT_PREFIX);
	assert_int_equal(rd_left(&opt.body), 14);
	assert_int_equal(opt.body.p[13], 0xbb);
	assert_true(nd_opt_next(&r, &opt));
	assert_int_equal(opt.type, 253);
	assert_false(nd_opt_next(&r, &opt));
	assert_true(rd_ok(&r));
}

static void impossible_lengths(void **state)
{
	static const struct {
		const char *what;
		uint8_t bytes[24];
		size_t len;
		bool valid;
	} cases[] = {
		{ "nothing at all", { 0 }, 0, true },
		{ "one unit", { 1, 1 }, 8, true },
		{ "length zero", { 1, 0 }, 8, false },
		{ "length zero behind a good one", { 1, 1, [8] = 5, 0 }, 16, false },
		{ "one unit of two", { 1, 2 }, 8, false },
		{ "a byte short", { 1, 1 }, 7, false },
		{ "a type alone", { 1 }, 1, false },
		{ "a byte too many", { 1, 1 }, 9, false },
		{ "the longest length", { 1, 255 }, 24, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (nd_opt_all_valid(rd_of(cases[i].bytes, cases[i].len)) != cases[i].valid)
			fail_msg("%s", cases[i].what);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_in_turn),
		cmocka_unit_test(impossible_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
