/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of a question to a forwarder, and which messages answer it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dns/exchange.h"

static const struct dns_question aonly = {
	.name = "\5Aonly\4tESt", .name_len = 12, .type = 28, .class = 1
};
static const struct exchange_question plain = { .id = 0x1234, .upper = 0x105, .edns = false };
static const struct exchange_question edns = { .id = 0x1234, .upper = 0x105, .edns = true };

#define HEAD   "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define NAME   "\5AoNly\4tesT\0"
#define QUERY  HEAD NAME "\0\x1c\0\1"
#define LEN(s) (sizeof(s) - 1)

static void writes_question(void **state)
{
	uint8_t out[EXCHANGE_LEN_MAX];

	(void)state;
	assert_int_equal(exchange_write(out, &aonly, 0, &plain), LEN(QUERY));
	assert_memory_equal(out, QUERY, LEN(QUERY));
}

/* The OPT record is the last, 11 bytes, 1232, DO as asked; CD is in the header. */
static void writes_edns(void **state)
{
	static const char opt[] = "\0\0\x29\x04\xd0\0\0\x80\0\0\0";
	uint8_t out[EXCHANGE_LEN_MAX];
	size_t len;

	(void)state;
	len = exchange_write(out, &aonly, RESOLVE_DO | RESOLVE_CD, &edns);
	assert_int_equal(len, LEN(QUERY) + 11);
	assert_memory_equal(out + len - 11, opt, 11);
	assert_int_equal(out[11], 1);
	assert_int_equal(out[3], 0x10);
	exchange_write(out, &aonly, 0, &edns);
	assert_int_equal(out[len - 4], 0);
	assert_int_equal(out[3], 0);
}

static void longest_name_fits(void **state)
{
	struct dns_question q = { .name_len = 255, .type = 1, .class = 1 };
	uint8_t out[EXCHANGE_LEN_MAX];

	(void)state;
	for (size_t at = 0; at < 254; at += 64) {
		q.name[at] = at < 192 ? 63 : 61;
		memset(q.name + at + 1, 'x', at < 192 ? 63 : 61);
	}
	q.name[254] = 0;
	assert_int_equal(exchange_write(out, &q, 0, &edns), EXCHANGE_LEN_MAX);
	out[2] |= 0x80;
	assert_int_equal(exchange_match(out, EXCHANGE_LEN_MAX, out, EXCHANGE_LEN_MAX),
			 EXCHANGE_SAME);
}

static void matches(void **state)
{
#define ANSWER(id, flags, count, name, tail) \
	id flags count "\0\0\0\0\0\0" name tail, LEN(id flags count "\0\0\0\0\0\0" name tail)
	static const struct {
		const char *msg;
		size_t len;
		enum exchange_match want;
	} cases[] = {
		{ ANSWER("\x12\x34", "\x81\x80", "\0\1", NAME, "\0\x1c\0\1"), EXCHANGE_SAME },
		{ ANSWER("\x12\x34", "\x81\x80", "\0\1", "\5aonly\4test\0", "\0\x1c\0\1"),
		  EXCHANGE_OTHER_CASE },
		{ ANSWER("\x12\x35", "\x81\x80", "\0\1", NAME, "\0\x1c\0\1"),
		  EXCHANGE_FOREIGN },
		{ ANSWER("\x12\x34", "\x01\x80", "\0\1", NAME, "\0\x1c\0\1"),
		  EXCHANGE_FOREIGN },
		{ ANSWER("\x12\x34", "\xa1\x80", "\0\1", NAME, "\0\x1c\0\1"),
		  EXCHANGE_FOREIGN },
		{ ANSWER("\x12\x34", "\x81\x80", "\0\2", NAME, "\0\x1c\0\1"),
		  EXCHANGE_FOREIGN },
		{ ANSWER("\x12\x34", "\x81\x80", "\0\1", NAME, "\0\x01\0\1"),
		  EXCHANGE_FOREIGN },
		{ ANSWER("\x12\x34", "\x81\x80", "\0\1", NAME, "\0\x1c\0\3"),
		  EXCHANGE_FOREIGN },
		{ ANSWER("\x12\x34", "\x81\x80", "\0\1", NAME, "\0\x1c\0"), EXCHANGE_FOREIGN },
		{ ANSWER("\x12\x34", "\x81\x80", "\0\1", "\5AoNlz\4tesT\0", "\0\x1c\0\1"),
		  EXCHANGE_FOREIGN },
		{ ANSWER("\x12\x34", "\x81\x81", "\0\0", "", ""), EXCHANGE_BARE },
		{ ANSWER("\x12\x34", "\x81\x84", "\0\0", "", ""), EXCHANGE_BARE },
		{ ANSWER("\x12\x34", "\x81\x80", "\0\0", "", ""), EXCHANGE_FOREIGN },
		{ ANSWER("\x12\x34", "\x81\x85", "\0\0", "", ""), EXCHANGE_FOREIGN },
		{ "\x12\x34\x81\x81\0\0\0\0\0\0\0", 11, EXCHANGE_FOREIGN },
		{ "", 0, EXCHANGE_FOREIGN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(exchange_match((const uint8_t *)QUERY, LEN(QUERY),
						(const uint8_t *)cases[i].msg, cases[i].len),
				 cases[i].want);
}

/* No cut and no changed octet of an answer leads out of it. */
static void survives_damage(void **state)
{
	static const char whole[] = "\x12\x34\x81\x80\0\1\0\0\0\0\0\0" NAME "\0\x1c\0\1";
	uint8_t copy[sizeof whole];

	(void)state;
	for (size_t len = 0; len < LEN(whole); len++) {
		uint8_t *exact = malloc(len + 1);

		memcpy(exact + 1, whole, len);
		assert_int_equal(
			exchange_match((const uint8_t *)QUERY, LEN(QUERY), exact + 1, len),
			EXCHANGE_FOREIGN);
		free(exact);
	}
	for (size_t at = 0; at < LEN(whole); at++)
		for (unsigned v = 0; v < 256; v++) {
			memcpy(copy, whole, LEN(whole));
			copy[at] = (uint8_t)v;
			exchange_match((const uint8_t *)QUERY, LEN(QUERY), copy, LEN(whole));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_question),   cmocka_unit_test(writes_edns),
		cmocka_unit_test(longest_name_fits), cmocka_unit_test(matches),
		cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
