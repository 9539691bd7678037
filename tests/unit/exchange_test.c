/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of a question to a forwarder, and which messages answer it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
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

#define COUNTS(an, ns, ar) "\x12\x34\x81\x80\0\1" an ns ar NAME "\0\x1c\0\1"
#define OPT(ttl, rdlen)    "\0\0\x29\x04\xd0" ttl rdlen

static void reads_records(void **state)
{
#define MSG(m) m, LEN(m)
	static const struct {
		const char *msg;
		size_t len;
		bool ok, has_opt, bogus;
		unsigned rcode;
	} cases[] = {
		{ MSG(COUNTS("\0\0", "\0\0", "\0\0")), true, false, false, 0 },
		{ MSG(COUNTS("\0\0", "\0\0", "\0\1") OPT("\0\0\0\0", "\0\0")), true, true,
		  false, 0 },
		/* BADVERS */
		{ MSG(COUNTS("\0\0", "\0\0", "\0\1") OPT("\1\0\0\0", "\0\0")), true, true,
		  false, 16 },
		/* EDE 6, 22 */
		{ MSG(COUNTS("\0\0", "\0\0", "\0\1") OPT("\0\0\0\0", "\0\6") "\0\x0f\0\2\0\6"),
		  true, true, true, 0 },
		{ MSG(COUNTS("\0\0", "\0\0", "\0\1")
			      OPT("\0\0\0\0", "\0\6") "\0\x0f\0\2\0\x16"),
		  true, true, false, 0 },
		/* AAAA of 16 bytes, of 15, beyond the end; A of 5 */
		{ MSG(COUNTS("\0\1", "\0\0", "\0\0") "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"
						     "0123456789abcdef"),
		  true, false, false, 0 },
		{ MSG(COUNTS("\0\1", "\0\0", "\0\0") "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x0f"
						     "0123456789abcde"),
		  false, false, false, 0 },
		{ MSG(COUNTS("\0\1", "\0\0", "\0\0") "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"
						     "0123456789abcde"),
		  false, false, false, 0 },
		{ MSG(COUNTS("\0\1", "\0\0", "\0\0") "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\5"
						     "01234"),
		  false, false, false, 0 },
		/* counts larger than data, two OPT, pointers forward, to itself, into the
		   header */
		{ MSG(COUNTS("\0\1", "\0\0", "\0\0")), false, false, false, 0 },
		{ MSG(COUNTS("\0\0", "\0\0", "\0\2") OPT("\0\0\0\0", "\0\0")
			      OPT("\0\0\0\0", "\0\0")),
		  false, false, false, 0 },
		{ MSG(COUNTS("\0\1", "\0\0", "\0\0") "\xc0\x40\0\1\0\1\0\0\0\x3c\0\4"
						     "0123"),
		  false, false, false, 0 },
		{ MSG(COUNTS("\0\1", "\0\0", "\0\0") "\xc0\x1c\0\1\0\1\0\0\0\x3c\0\4"
						     "0123"),
		  false, false, false, 0 },
		{ MSG(COUNTS("\0\1", "\0\0", "\0\0") "\xc0\x00\0\1\0\1\0\0\0\x3c\0\4"
						     "0123"),
		  false, false, false, 0 },
		/* a label type that does not exist, an option beyond OPT */
		{ MSG(COUNTS("\0\1", "\0\0", "\0\0") "\x40\0\0\1\0\1\0\0\0\x3c\0\4"
						     "0123"),
		  false, false, false, 0 },
		{ MSG(COUNTS("\0\0", "\0\0", "\0\1") OPT("\0\0\0\0", "\0\4") "\0\x0f\0\2"),
		  true, true, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct exchange_answer a = { .rcode = 99 };

		assert_int_equal(exchange_read((const uint8_t *)cases[i].msg, cases[i].len, &a),
				 cases[i].ok);
		assert_int_equal(a.rcode, cases[i].ok ? cases[i].rcode : 99);
		assert_int_equal(a.has_opt, cases[i].has_opt);
		assert_int_equal(a.bogus, cases[i].bogus);
	}
}

/* No prefix of a message, and no message with one byte changed, leads out of it. */
static void survives_damage(void **state)
{
	static const char whole[] =
		COUNTS("\0\1", "\0\0", "\0\1") "\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10"
					       "0123456789abcdef" OPT("\0\0\0\0",
								      "\0\6") "\0\x0f\0\2\0\6";
	uint8_t copy[sizeof whole];
	struct exchange_answer a;

	(void)state;
	for (size_t len = 0; len < LEN(whole); len++) {
		memcpy(copy, whole, len);
		assert_false(exchange_read(copy, len, &a));
	}
	for (size_t at = 0; at < LEN(whole); at++)
		for (unsigned v = 0; v < 256; v++) {
			memcpy(copy, whole, LEN(whole));
			copy[at] = (uint8_t)v;
			exchange_read(copy, LEN(whole), &a);
			exchange_match((const uint8_t *)QUERY, LEN(QUERY), copy, LEN(whole));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_question),   cmocka_unit_test(writes_edns),
		cmocka_unit_test(longest_name_fits), cmocka_unit_test(matches),
		cmocka_unit_test(reads_records),     cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
