/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rd.h"
#include "base/wr.h"
#include "t.h"

static void reads_in_network_order(void **state)
{
	const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7 };
	struct rd r = rd_of(bytes, sizeof bytes);

	(void)state;
	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_true(rd_ok(&r));
	assert_int_equal(rd_left(&r), 0);
}

static void failure_sticks(void **state)
{
	const uint8_t bytes[] = { 0xff, 0xff, 0xff };
	struct rd r = rd_of(bytes, sizeof bytes);

	(void)state;
	assert_int_equal(rd_u32(&r), 0);
	assert_false(rd_ok(&r));
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(rd_u8(&r), 0);
	assert_false(rd_ok(&r));
}

static void a_child_cannot_be_left(void **state)
{
	const uint8_t bytes[] = { 1, 2, 3, 4 };
	struct rd r = rd_of(bytes, sizeof bytes), child = rd_sub(&r, 2), none;

	(void)state;
	assert_int_equal(rd_u16(&child), 0x0102);
	assert_int_equal(rd_u8(&child), 0);
	assert_false(rd_ok(&child));
	assert_true(rd_ok(&r));
	none = rd_sub(&r, SIZE_MAX);
	assert_false(rd_ok(&none));
	assert_false(rd_ok(&r));
}

static void writes_what_fits_or_nothing(void **state)
{
	uint8_t buf[8];
	struct wr w = wr_of(buf, 7);

	(void)state;
	buf[7] = 0xee;
	wr_u8(&w, 1);
	wr_u16(&w, 0x0203);
	wr_u32(&w, 0x04050607);
	assert_true(wr_ok(&w));
	assert_memory_equal(buf, ((const uint8_t[]){ 1, 2, 3, 4, 5, 6, 7 }), 7);
	wr_u8(&w, 8);
	assert_false(wr_ok(&w));
	assert_int_equal(wr_len(&w), 7);
	assert_int_equal(wr_room(&w), 0);
	assert_int_equal(buf[7], 0xee);
}

static void fills_back_what_is_written(void **state)
{
	uint8_t buf[4] = { 0 };
	struct wr w = wr_of(buf, sizeof buf);

	(void)state;
	wr_zero(&w, 3);
	wr_set_u16(&w, 1, 0xabcd);
	assert_true(wr_ok(&w));
	assert_memory_equal(buf, ((const uint8_t[]){ 0, 0xab, 0xcd }), 3);
	wr_set_u8(&w, 3, 1);
	assert_false(wr_ok(&w));
	assert_int_equal(buf[3], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_in_network_order),
		cmocka_unit_test(failure_sticks),
		cmocka_unit_test(a_child_cannot_be_left),
		cmocka_unit_test(writes_what_fits_or_nothing),
		cmocka_unit_test(fills_back_what_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
