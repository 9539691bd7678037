/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text_test.c - records, types and codes as text. */
#include "t.h"

#include "dns/text.h"

#include <stdio.h>
#include <string.h>

static void types_have_names(void **state)
{
	static const struct {
		const char *text;
		int type; /* -1: none */
	} rows[] = {
		{ "AAAA", 28 },
		{ "aaaa", 28 },
		{ "CAA", 257 },
		{ "TYPE28", 28 },
		{ "type65534", 65534 },
		{ "TYPE0", 0 },
		{ "TYPE65536", -1 },
		{ "TYPE", -1 },
		{ "TYPE1x", -1 },
		{ "TYPE-1", -1 },
		{ "", -1 },
		{ "AAAAA", -1 },
		{ "TYPE9999999999999999999", -1 },
	};
	char text[TEXT_TYPE_LEN];
	uint16_t type;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		type = 7;
		assert_int_equal(text_read_type(rows[i].text, &type), rows[i].type >= 0);
		assert_int_equal(type, rows[i].type >= 0 ? rows[i].type : 7);
	}
	/* What is printed can be read, for every type there can be. */
	for (unsigned t = 0; t <= UINT16_MAX; t++) {
		assert_true(text_read_type(text_type((uint16_t)t, text), &type));
		assert_int_equal(type, t);
	}
	assert_string_equal(text_type(28, text), "AAAA");
	assert_string_equal(text_type(4711, text), "TYPE4711");
}

static void codes_have_names(void **state)
{
	char text[TEXT_RCODE_LEN];

	(void)state;
	assert_string_equal(text_rcode(3, text), "NXDOMAIN");
	assert_string_equal(text_rcode(16, text), "BADVERS");
	assert_string_equal(text_rcode(13, text), "RCODE13");
	assert_string_equal(text_rcode(4095, text), "RCODE4095");
	assert_string_equal(text_ede(29), "Synthesized");
	assert_string_equal(text_ede(22), "No Reachable Authority");
	assert_string_equal(text_ede(65535), "");
}

/* The data of a record of that type, owner "x". */
static const char *data_of(uint16_t type, const void *rdata, size_t len)
{
	static char text[TEXT_DATA_LEN];
	static uint8_t buf[8192];
	struct dns_question q = { .name = "\1x", .name_len = 3, .type = type, .class = 1 };
	struct msg_rr rr;
	struct msg_wr w;
	struct msg m;

	msg_begin(&w, buf, sizeof buf, 1, MSG_QR, &q);
	msg_put(&w, MSG_ANSWER, q.name, type, 60, rdata, len);
	assert_int_equal(msg_parse(buf, msg_end(&w), &m), MSG_OK);
	assert_true(msg_record(&m, m.at[MSG_ANSWER], &rr));
	return text_data(&m, &rr, text);
}

/* As dig prints them. */
static void data_is_as_in_zone_files(void **state)
{
	static const struct {
		uint16_t type;
		size_t len;
		const char *rdata, *text;
	} rows[] = {
		{ 1, 4, "\300\0\2\1", "192.0.2.1" },
		{ 28, 16, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", "2001:db8::1" },
		{ 5, 3, "\1y", "y." },
		{ 2, 1, "", "." },
		{ 15, 5, "\0\12\1y", "10 y." },
		{ 16, 10, "\3a\"b\0\4\\\n\xff ", "\"a\\\"b\" \"\" \"\\\\\\010\\255 \"" },
		{ 13, 9, "\7RFC8482", "\"RFC8482\" \"\"" },
		{ 33, 9, "\0\1\0\2\1\273\1y", "1 2 443 y." },
		{ 6, 26, "\1y\0\1z\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\377\377\377\377",
		  "y. z. 1 2 3 4 4294967295" },
		{ 43, 8, "\0\1\15\2\1\2\3\xff", "1 13 2 010203FF" },
		{ 48, 8, "\1\1\3\15\1\2\3\4", "257 3 13 AQIDBA==" },
		{ 46, 24, "\0\1\15\2\0\0\16\20\x65\xe1\x05\x7f\x65\xe1\x05\x80\0\5\1y\0\1\2\3",
		  "A 13 2 3600 20240229223023 20240229223024 5 y. AQID" },
		{ 47, 11, "\1y\0\0\6\x40\1\0\0\0\3", "y. A MX RRSIG NSEC" },
		{ 50, 11, "\1\0\0\5\0\2\xff\0\0\1\x40", "1 0 5 - VS00 A" },
		{ 257, 7, "\0\5issue", "0 \"issue\" \"\"" },
		{ 257, 13, "\0\5issueca.x;\n", "0 \"issue\" \"ca.x;\\010\"" },
		{ 65, 3, "\0\1", "1 ." },
		{ 65534, 3, "\1\2\xff", "\\# 3 0102FF" },
		{ 65534, 0, "", "\\# 0" },
		{ 257, 3, "\0\5i", "\\# 3 000569" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(data_of(rows[i].type, rows[i].rdata, rows[i].len),
				    rows[i].text);
	assert_string_equal(
		data_of(65,
			"\0\1\0\0\1\0\3\2h2\0\2\0\0\0\3\0\2\1\273\0\4\0\10\300\0\2\1"
			"\300\0\2\2\0\6\0\20\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1",
			3 + 7 + 4 + 6 + 12 + 20),
		"1 . key1=\"\\002h2\" key2 port=443 ipv4hint=192.0.2.1,192.0.2.2 "
		"ipv6hint=2001:db8::1");
}

/* Whatever the type: any octets give bounded text of printable ASCII. */
static void any_octets_are_bounded(void **state)
{
	uint8_t noise[3000];
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		static const uint16_t lengths[] = { 0, 1, 3, 9, 40, 200, 3000 };
		uint16_t type = (uint16_t)(round < 3000 ? round % 300 : 32769);
		const char *text;

		for (size_t i = 0; i < sizeof noise; i++) {
			seed = seed * 1103515245 + 12345;
			noise[i] = round % 2 ? (uint8_t)(seed >> 24) : (uint8_t)(seed >> 30);
		}
		/* Types with names in them are read by msg_parse() first. */
		if (type == 2 || type == 5 || type == 6 || type == 12 || type == 15 ||
		    type == 41 || type == 250 || type == 39 || type == 1 || type == 28 ||
		    type == 33 || (type >= 3 && type <= 26) || type == 35 || type == 36)
			continue;
		text = data_of(type, noise, lengths[round % 7]);
		assert_in_range(strlen(text), 0, TEXT_DATA_LEN - 1);
		for (; *text; text++)
			assert_in_range(*text, ' ', '~');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_have_names),
		cmocka_unit_test(codes_have_names),
		cmocka_unit_test(data_is_as_in_zone_files),
		cmocka_unit_test(any_octets_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
