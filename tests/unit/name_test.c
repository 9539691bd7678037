/* SPDX-License-Identifier: GPL-3.0-or-later */
/* name_test.c - domain names: hostile octets, text, reverse names. */
#include "base/addr.h"
#include "dns/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads_plain_and_compressed(void **state)
{
	static const uint8_t msg[] = "\1a\2bc\0\1d\xc0\0\1e\xc0\5";
	uint8_t out[DNS_NAME_MAX];

	(void)state;
	assert_int_equal(name_read(msg, sizeof msg - 1, 0, out, NULL), 6);
	assert_memory_equal(out, "\1a\2bc", 6);
	assert_int_equal(name_read(msg, sizeof msg - 1, 6, out, NULL), 8);
	assert_memory_equal(out, "\1d\1a\2bc", 8);
	/* Into the middle of a name is fine: octet 5 is a root label. */
	assert_int_equal(name_read(msg, sizeof msg - 1, 10, out, NULL), 3);
	assert_int_equal(name_skip(msg, sizeof msg - 1, 6), 10);
	assert_int_equal(name_skip(msg, sizeof msg - 1, 0), 6);
}

static void refuses_malformed(void **state)
{
	static const struct {
		const char *octets;
		size_t len, at;
	} bad[] = {
		{ "\xc0\0", 2, 0 },         /* itself */
		{ "\1a\xc0\0", 4, 0 },      /* a loop through a label */
		{ "\xc0\2\xc0\0", 4, 0 },   /* forward */
		{ "\2a\xc0\0", 4, 2 },      /* a label that reaches into the name it is in */
		{ "\0\xc0\3\xc0\1", 5, 1 }, /* two that point at each other */
		{ "\xc0", 1, 0 },           /* half a pointer */
		{ "\x40\0", 2, 0 },         /* label type 01 */
		{ "\x80\0", 2, 0 },         /* label type 10 */
		{ "\3ab", 3, 0 },           /* past the end */
		{ "\1a", 2, 0 },            /* no root */
		{ "", 0, 0 },
	};
	uint8_t out[DNS_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(name_read((const uint8_t *)bad[i].octets, bad[i].len,
					   bad[i].at, out, NULL),
				 0);
}

/* Four labels of 63, 63, 63 and n octets: 192 + 1 + n + 1. */
static size_t long_name(uint8_t *buf, unsigned n)
{
	size_t len = 0;

	for (int i = 0; i < 4; i++) {
		unsigned l = i < 3 ? 63 : n;

		buf[len++] = (uint8_t)l;
		memset(buf + len, 'x', l);
		len += l;
	}
	buf[len++] = 0;
	return len;
}

static void length_limit_is_255(void **state)
{
	uint8_t buf[300], out[DNS_NAME_MAX];

	(void)state;
	assert_int_equal(long_name(buf, 61), 255);
	assert_int_equal(name_read(buf, 255, 0, out, NULL), 255);
	assert_int_equal(long_name(buf, 62), 256);
	assert_int_equal(name_read(buf, 256, 0, out, NULL), 0);
}

static void pointers_are_counted(void **state)
{
	uint8_t buf[2 + 2 * 200] = { 0 }, out[DNS_NAME_MAX];
	struct name_guard budget = { 1000, NULL };

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		size_t to = i ? 2 * i : 0;

		buf[2 + 2 * i] = (uint8_t)(0xc0 | to >> 8);
		buf[3 + 2 * i] = (uint8_t)to;
	}
	assert_int_equal(name_read(buf, sizeof buf, 2 + 2 * 126, out, NULL), 1);
	assert_int_equal(name_read(buf, sizeof buf, 2 + 2 * 127, out, NULL), 0);
	assert_int_equal(name_read(buf, sizeof buf, 2 + 2 * 99, out, &budget), 1);
	assert_int_equal(budget.hops, 900);
	budget.hops = 99;
	assert_int_equal(name_read(buf, sizeof buf, 2 + 2 * 99, out, &budget), 0);
}

/* A name that a pointer leads to, at any place, and one octet anywhere that is fixed. */
static void nothing_is_read_of_what_is_fixed(void **state)
{
	static const size_t lens[] = { 1, 7, 62, 63 };
	uint8_t buf[260], out[DNS_NAME_MAX];
	uint64_t fixed[(sizeof buf + 63) / 64];
	struct name_guard guard = { UINT32_MAX, fixed };

	(void)state;
	for (size_t at = 0; at < 130; at++)
		for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
			for (size_t bit = 0; bit < sizeof buf; bit++) {
				size_t octets =
					1 + lens[i] + 1; /* the root label is one more */
				bool free = bit < at || bit >= at + octets;

				memset(buf, 'x', sizeof buf);
				buf[at] = (uint8_t)lens[i];
				buf[at + octets - 1] = 0;
				buf[sizeof buf - 2] = 0xc0;
				buf[sizeof buf - 1] = (uint8_t)at;
				memset(fixed, 0, sizeof fixed);
				fixed[bit / 64] = UINT64_C(1) << bit % 64;
				assert_int_equal(
					name_read(buf, sizeof buf, sizeof buf - 2, out, &guard),
					free ? octets : 0);
				if (free)
					assert_memory_equal(out, buf + at, octets);
			}
}

/* Label types 01 and 10 (RFC 1035 4.1.4), which would be longer than any label. */
static void other_types_of_labels_are_none(void **state)
{
	static const uint8_t types[] = { 0x40, 0x41, 0x7f, 0x80, 0xbf };
	uint8_t buf[400], out[DNS_NAME_MAX];
	uint64_t fixed[(sizeof buf + 63) / 64] = { 0 };
	struct name_guard guard = { UINT32_MAX, fixed };

	(void)state;
	for (size_t at = 0; at < 130; at++)
		for (size_t i = 0; i < sizeof types; i++) {
			memset(buf, 0, sizeof buf);
			buf[at] = types[i];
			buf[sizeof buf - 2] = 0xc0;
			buf[sizeof buf - 1] = (uint8_t)at;
			assert_int_equal(
				name_read(buf, sizeof buf, sizeof buf - 2, out, &guard), 0);
		}
}

static void compares_case_aside(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} row[] = {
		{ "Example.COM", "eXAMPLE.com", true },
		{ "a.b", "a.c", false },
		{ "a.b", "a", false },
		{ ".", ".", true },
		{ "a\\000b", "A\\000B", true },
		{ "a\\000b", "a\\000c", false },
		{ "\\[", "{", false },
		{ "a\\.b", "a.b", false },
	};
	uint8_t a[DNS_NAME_MAX], b[DNS_NAME_MAX];
	struct siphash_key key = { 1, 2 };

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		assert_true(name_from_text(row[i].a, a) && name_from_text(row[i].b, b));
		assert_int_equal(name_equal(a, b), row[i].equal);
		assert_int_equal(name_hash(&key, a) == name_hash(&key, b), row[i].equal);
	}
}

static void is_in_goes_by_label(void **state)
{
	static const struct {
		const char *name, *zone;
		bool in;
	} row[] = {
		{ "a.example", "EXAMPLE", true },
		{ "example", "example", true },
		{ "anexample", "example", false },
		{ "example", "a.example", false },
		{ "x.y.z", ".", true },
	};
	uint8_t a[DNS_NAME_MAX], b[DNS_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		name_from_text(row[i].name, a);
		name_from_text(row[i].zone, b);
		assert_int_equal(name_is_in(a, b), row[i].in);
	}
}

static void substitutes_the_ending(void **state)
{
	uint8_t name[DNS_NAME_MAX], old[DNS_NAME_MAX], new[DNS_NAME_MAX], out[DNS_NAME_MAX];
	char text[NAME_TEXT_LEN];

	(void)state;
	name_from_text("X.y.dn.example", name);
	name_from_text("DN.example", old);
	name_from_text("tgt", new);
	assert_true(name_substitute(name, old, new, out));
	assert_string_equal(name_text(out, text), "X.y.tgt");
	long_name(new, 61);
	assert_int_equal(name_substitute(name, old, new, out), 0);
}

static void text_both_ways(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} row[] = {
		{ "a.b.", "a.b" },
		{ "", "." },
		{ ".", "." },
		{ "\\065\\.b.c\\\\", "A\\.b.c\\\\" },
		{ "a b", "a\\032b" },
		{ "\\255\\000", "\\255\\000" },
		{ "a..b", NULL },
		{ ".a", NULL },
		{ "..", NULL },
		{ "a\\", NULL },
		{ "\\25", NULL },
		{ "\\256", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	};
	uint8_t name[DNS_NAME_MAX];
	char text[NAME_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		size_t n = name_from_text(row[i].in, name);

		assert_int_equal(n != 0, row[i].out != NULL);
		if (n) {
			assert_int_equal(n, name_len(name));
			assert_string_equal(name_text(name, text), row[i].out);
		}
	}
}

static void text_of_the_longest(void **state)
{
	uint8_t name[DNS_NAME_MAX], back[DNS_NAME_MAX];
	char text[NAME_TEXT_LEN];

	(void)state;
	long_name(name, 61);
	for (size_t i = 0; i < 255; i++)
		if (name[i] == 'x')
			name[i] = 0xff;
	assert_int_equal(strlen(name_text(name, text)), 250 * 4 + 3);
	assert_int_equal(name_from_text(text, back), 255);
	assert_memory_equal(name, back, 255);
	text[0] = 'y';
	memmove(text + 4, text, strlen(text) + 1);
	memcpy(text, "y.y.", 4);
	assert_int_equal(name_from_text(text, back), 0);
}

/* Items 51 to 55. */
static void reverse_names(void **state)
{
	static const struct {
		const char *addr;
		unsigned len;
		const char *name;
	} row[] = {
		{ "192.0.2.1", 128, "1.2.0.192.in-addr.arpa" },
		{ "172.16.0.0", 112, "16.172.in-addr.arpa" },
		{ "64:ff9b::c000:201", 128,
		  "1.0.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa" },
		{ "64:ff9b::", 32, "b.9.f.f.4.6.0.0.ip6.arpa" },
		{ "fe80::", 12, "8.e.f.ip6.arpa" },
	};
	uint8_t name[DNS_NAME_MAX];
	char text[NAME_TEXT_LEN];
	struct in6_addr a, back;
	unsigned len;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		assert_true(addr_parse(row[i].addr, &a));
		n = name_reverse(&a, row[i].len, name);
		assert_int_equal(n, name_len(name));
		assert_string_equal(name_text(name, text), row[i].name);
		assert_true(name_reversed(name, &back, &len));
		assert_memory_equal(&back, &a, sizeof a);
		assert_int_equal(len, row[i].len);
	}
}

static void reverse_names_not_understood(void **state)
{
	static const char *const odd[] = {
		"256.2.0.192.in-addr.arpa",
		"01.2.0.192.in-addr.arpa",
		"1.1.2.0.192.in-addr.arpa",
		"x.in-addr.arpa",
		"g.ip6.arpa",
		"10.ip6.arpa",
		"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
		"example",
		"1.2.3.4",
	};
	uint8_t name[DNS_NAME_MAX];
	struct in6_addr a;
	unsigned len = 7;

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		assert_true(name_from_text(odd[i], name));
		assert_false(name_reversed(name, &a, &len));
		assert_int_equal(len, 7);
	}
	name_from_text("B.9.F.F.4.6.0.0.IP6.ARPA", name);
	assert_true(name_reversed(name, &a, &len));
	assert_int_equal(len, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_plain_and_compressed),
		cmocka_unit_test(refuses_malformed),
		cmocka_unit_test(length_limit_is_255),
		cmocka_unit_test(pointers_are_counted),
		cmocka_unit_test(nothing_is_read_of_what_is_fixed),
		cmocka_unit_test(other_types_of_labels_are_none),
		cmocka_unit_test(compares_case_aside),
		cmocka_unit_test(is_in_goes_by_label),
		cmocka_unit_test(substitutes_the_ending),
		cmocka_unit_test(text_both_ways),
		cmocka_unit_test(text_of_the_longest),
		cmocka_unit_test(reverse_names),
		cmocka_unit_test(reverse_names_not_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
