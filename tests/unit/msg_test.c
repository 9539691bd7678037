/* SPDX-License-Identifier: GPL-3.0-or-later */
/* msg_test.c - messages: what is refused, what is written can be read again. */
#include "dns/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct dns_question question(const char *name, uint16_t type)
{
	struct dns_question q = { .type = type, .class = CLASS_IN };

	q.name_len = (uint8_t)name_from_text(name, q.name);
	return q;
}

#define HEAD(qd, an, ns, ar) "\x12\x34\x81\x80\0" qd "\0" an "\0" ns "\0" ar
#define QUESTION             "\1a\0\0\1\0\1"
#define RR(type, len)        "\xc0\x0c\0" type "\0\1\0\0\0\x3c\0" len

static enum msg_fault parsed(const void *p, size_t len, struct msg *m)
{
	return msg_parse(p, len, m);
}

#define PARSE(text, m) parsed((text), sizeof(text) - 1, (m))

static void reads_a_response(void **state)
{
	static const char text[] = HEAD("\1", "\1", "\0", "\1")
		QUESTION RR("\1", "\4") "\xc0\0\2\1"
					"\0\0\x29\x04\xd0\1\0\x80\0\0\6\0\xf\0\2\0\x16"
					"garbage";
	struct msg m;
	struct msg_rr rr;

	(void)state;
	assert_int_equal(PARSE(text, &m), MSG_OK);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.flags, MSG_QR | MSG_RD | MSG_RA);
	assert_int_equal(m.q.type, TYPE_A);
	assert_true(m.edns.present && m.edns.dnssec_ok);
	assert_int_equal(m.edns.payload, 1232);
	assert_int_equal(msg_rcode(&m), RCODE_BADVERS);
	assert_int_equal(msg_ede(&m), EDE_NO_REACHABLE_AUTHORITY);
	assert_true(msg_record(&m, m.at[MSG_ANSWER], &rr));
	assert_int_equal(rr.ttl, 60);
	assert_int_equal(rr.section, MSG_ANSWER);
	assert_true(msg_owner_is(&m, &rr, (const uint8_t *)"\1A"));
	assert_true(msg_record(&m, rr.next, &rr));
	assert_int_equal(rr.section, MSG_ADDITIONAL);
	assert_false(msg_record(&m, rr.next, &rr));
}

/* Items 82 to 88, 98, 99, 107, 129. */
static void refuses(void **state)
{
	static const struct {
		const char *what, *octets;
		size_t len;
		enum msg_fault fault;
	} row[] = {
#define ROW(what, fault, text) { what, text, sizeof(text) - 1, fault }
		ROW("empty", MSG_SHORT, ""),
		ROW("11 octets", MSG_SHORT, "12345678901"),
		ROW("two questions", MSG_QUESTIONS,
		    HEAD("\2", "\0", "\0", "\0") QUESTION QUESTION),
		ROW("no question there", MSG_MALFORMED, HEAD("\1", "\0", "\0", "\0")),
		ROW("class missing", MSG_MALFORMED, HEAD("\1", "\0", "\0", "\0") "\1a\0\0\1\0"),
		ROW("self pointer", MSG_MALFORMED,
		    HEAD("\1", "\0", "\0", "\0") "\xc0\x0c\0\1\0\1"),
		ROW("label type", MSG_MALFORMED,
		    HEAD("\1", "\0", "\0", "\0") "\x40\0\1\0\1\0\1"),
		ROW("record missing", MSG_MALFORMED, HEAD("\1", "\1", "\0", "\0") QUESTION),
		ROW("more counted", MSG_MALFORMED,
		    HEAD("\1", "\2", "\0", "\0") QUESTION RR("\1", "\4") "1234"),
		ROW("A of 3", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION RR("\1", "\3") "123"),
		ROW("A of 5", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION RR("\1", "\5") "12345"),
		ROW("AAAA of 15", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION RR("\x1c", "\xf") "123456789012345"),
		ROW("RDATA past the end", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION RR("\x10", "\5") "1234"),
		ROW("half a header", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION "\xc0\x0c\0\1\0"),
		ROW("CNAME to itself", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION RR("\5", "\2") "\xc0\x1f"),
		ROW("CNAME with a tail", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION RR("\5", "\3") "\xc0\x0c\0"),
		ROW("CNAME out of RDATA", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION RR("\5", "\1") "\1b\0"),
		ROW("SOA too short", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION RR("\6", "\4") "\0\0\0\0"),
		ROW("empty CNAME", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION RR("\5", "\0")),
		ROW("owner in the header", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION "\xc0\4\0\x10\0\1\0\0\0\0\0\0"),
		ROW("owner in the class of the question", MSG_MALFORMED,
		    HEAD("\1", "\1", "\0", "\0") QUESTION "\xc0\x11\0\x10\0\1\0\0\0\0\0\0"),
		ROW("owner in a TTL", MSG_MALFORMED,
		    HEAD("\1", "\2", "\0", "\0")
			    QUESTION RR("\x10", "\0") "\xc0\x19\0\x10\0\1\0\0\0\0\0\0"),
		ROW("two OPT", MSG_BAD_OPT,
		    HEAD("\1", "\0", "\0", "\2") QUESTION "\0\0\x29\x04\xd0\0\0\0\0\0\0"
							  "\0\0\x29\x04\xd0\0\0\0\0\0\0"),
		ROW("OPT owner", MSG_BAD_OPT,
		    HEAD("\1", "\0", "\0", "\1") QUESTION "\xc0\x0c\0\x29\x04\xd0\0\0\0\0\0\0"),
		ROW("OPT in answer", MSG_BAD_OPT,
		    HEAD("\1", "\1", "\0", "\0") QUESTION "\0\0\x29\x04\xd0\0\0\0\0\0\0"),
		ROW("option of 3 octets", MSG_BAD_OPT,
		    HEAD("\1", "\0", "\0", "\1") QUESTION "\0\0\x29\x04\xd0\0\0\0\0\0\3\0\1\0"),
		ROW("option overrun", MSG_BAD_OPT,
		    HEAD("\1", "\0", "\0", "\1") QUESTION
		    "\0\0\x29\x04\xd0\0\0\0\0\0\5\0\1\0\2x"),
		ROW("OPT overrun", MSG_MALFORMED,
		    HEAD("\1", "\0", "\0", "\1") QUESTION "\0\0\x29\x04\xd0\0\0\0\0\0\1"),
#undef ROW
	};
	struct msg m;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (parsed(row[i].octets, row[i].len, &m) != row[i].fault)
			fail_msg("%s", row[i].what);
}

/* Wherever a record stands: type, class, TTL and length hold no name, RDATA of TXT may. */
static void no_name_is_read_of_fields(void **state)
{
	static const uint8_t root[] = "\0\0\x10\0\1\0\0\0\0\0\0"; /* TXT, empty */

	(void)state;
	for (size_t pad = 0; pad < 130; pad++) {
		uint8_t buf[256] = HEAD("\0", "\3", "\0", "\0");
		size_t at = MSG_HEAD_LEN + 11 + pad, end = at + 11 + 1;

		memcpy(buf + MSG_HEAD_LEN, root, 11);
		buf[MSG_HEAD_LEN + 10] = (uint8_t)pad;
		memcpy(buf + at, root, 11);
		buf[at + 10] = 1; /* octet of RDATA, the root of a name */
		memcpy(buf + end + 1, root, 11);
		buf[end] = 0xc0;
		for (size_t to = at; to < end; to++) {
			bool is_field = to > at && to < at + 11;
			struct msg m;

			buf[end + 1] = (uint8_t)to;
			memcpy(buf + end + 2, root + 1, 10);
			if (buf[to] == 0)
				assert_int_equal(msg_parse(buf, end + 12, &m),
						 is_field ? MSG_MALFORMED : MSG_OK);
		}
	}
}

static void opaque_rdata_is_left_alone(void **state)
{
	static const char text[] =
		HEAD("\1", "\1", "\0", "\0") QUESTION RR("\x41", "\4") "\xc0\xff\xc0\xff";
	struct msg m;
	struct msg_rr rr;
	struct msg_wr w;
	uint8_t buf[512];
	struct dns_question q = question("a", TYPE_HTTPS);

	(void)state;
	assert_int_equal(PARSE(text, &m), MSG_OK);
	assert_true(msg_record(&m, m.at[MSG_ANSWER], &rr));
	msg_begin(&w, buf, sizeof buf, 1, MSG_QR, &q);
	msg_put_copy(&w, MSG_ANSWER, &m, &rr, 5);
	assert_int_equal(msg_end(&w), sizeof text - 1);
	assert_memory_equal(buf + sizeof text - 5, "\xc0\xff\xc0\xff", 4);
}

static void work_is_bounded(void **state)
{
	static uint8_t big[DNS_MSG_MAX];
	size_t len = MSG_HEAD_LEN;
	struct msg m;
	unsigned n = 0;

	/* A chain of 120 pointers, and as many records as fit that start at its end. */
	(void)state;
	memcpy(big, HEAD("\0", "\1", "\0", "\0"), MSG_HEAD_LEN);
	memcpy(big + len, "\0\0\x10\0\1\0\0\0\0\0\xf2\0\0", 13);
	len += 12;
	for (unsigned i = 0; i < 120; i++, len += 2) {
		size_t to = i ? len - 2 : len - 12;

		big[len] = (uint8_t)(0xc0 | to >> 8);
		big[len + 1] = (uint8_t)to;
	}
	big[22] = 241;
	len = 23 + 241;
	for (; len + 12 <= sizeof big; len += 12, n++) {
		size_t to = 24 + 2 * 119;

		memcpy(big + len, "\0\0\0\x10\0\1\0\0\0\0\0", 12);
		big[len] = (uint8_t)(0xc0 | to >> 8);
		big[len + 1] = (uint8_t)to;
	}
	big[6] = (uint8_t)((n + 1) >> 8);
	big[7] = (uint8_t)(n + 1);
	assert_int_equal(msg_parse(big, len, &m), MSG_MALFORMED);
	big[6] = 1;
	big[7] = 0;
	assert_int_equal(msg_parse(big, len, &m), MSG_OK);
}

static void written_is_read(void **state)
{
	struct dns_question q = question("WWW.example", TYPE_AAAA);
	uint8_t buf[512], target[DNS_NAME_MAX], name[DNS_NAME_MAX];
	struct msg_wr w;
	struct msg m;
	struct msg_rr rr;
	size_t len;

	(void)state;
	name_from_text("t.example", target);
	msg_begin(&w, buf, sizeof buf, 7, MSG_QR | MSG_RD, &q);
	msg_put_name(&w, MSG_ANSWER, q.name, TYPE_CNAME, 9, target);
	for (int i = 0; i < 3; i++)
		msg_put(&w, MSG_ANSWER, target, TYPE_AAAA, 60, "0123456789abcdef", 16);
	msg_put_opt(&w, 1232, RCODE_BADVERS, true, (const uint8_t *)"\0\xf\0\2\0\x1d", 6);
	len = msg_end(&w);
	assert_int_equal(len, 12 + 13 + 4 + (12 + 11) + 3 * 28 + 11 + 6);
	assert_int_equal(msg_parse(buf, len, &m), MSG_OK);
	assert_int_equal(m.count[MSG_ANSWER], 4);
	assert_true(msg_record(&m, m.at[MSG_ANSWER], &rr));
	assert_true(msg_owner_is(&m, &rr, q.name));
	assert_int_equal(msg_rdata_name(&m, &rr, 0, name), name_len(target));
	assert_true(name_equal(name, target));
	for (int i = 0; i < 3; i++) {
		assert_true(msg_record(&m, rr.next, &rr));
		assert_true(msg_owner_is(&m, &rr, target));
	}
	assert_int_equal(msg_rcode(&m), RCODE_BADVERS);
	assert_int_equal(msg_ede(&m), EDE_SYNTHESIZED);
	assert_true(m.edns.dnssec_ok);
}

static void writer_never_overruns(void **state)
{
	struct dns_question q = question("www.example", TYPE_TXT);
	uint8_t buf[600];

	(void)state;
	for (size_t size = 0; size < 90; size++) {
		struct msg_wr w;

		memset(buf, 0xaa, sizeof buf);
		msg_begin(&w, buf, size, 7, MSG_QR, &q);
		msg_put(&w, MSG_ANSWER, q.name, TYPE_TXT, 1, "0123456789abcdef", 16);
		msg_put_opt(&w, 1232, 0, false, NULL, 0);
		assert_int_equal(msg_end(&w), size < 68 ? 0 : 68);
		for (size_t i = size; i < sizeof buf; i++)
			assert_int_equal(buf[i], 0xaa);
	}
}

static void question_for_a_server(void **state)
{
	struct dns_question q = question("a.b", TYPE_A);
	uint8_t buf[64];
	struct msg m;

	(void)state;
	assert_int_equal(
		msg_write_question(buf, sizeof buf, 9, &q, RESOLVE_DO | RESOLVE_CD, 1232),
		12 + 5 + 4 + MSG_OPT_LEN);
	assert_int_equal(msg_parse(buf, 32, &m), MSG_OK);
	assert_int_equal(m.flags, MSG_RD | MSG_CD);
	assert_true(m.edns.dnssec_ok);
	assert_int_equal(msg_write_question(buf, sizeof buf, 9, &q, 0, 0), 21);
	assert_int_equal(msg_write_question(buf, 20, 9, &q, 0, 0), 0);
}

/* Without DO nothing of DNSSEC, but what was asked for. */
static void stripped(void **state)
{
	static const uint8_t octets[22] = { 0 }; /* also two root names and five numbers */
	static const uint16_t types[] = { TYPE_A, TYPE_RRSIG, TYPE_NSEC, TYPE_NSEC3, TYPE_SOA };
	static const struct {
		uint16_t asked;
		unsigned left; /* of types, one bit each */
	} rows[] = { { TYPE_A, 0x11 },
		     { TYPE_RRSIG, 0x13 },
		     { TYPE_NSEC, 0x15 },
		     { TYPE_NSEC3, 0x19 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dns_question q = question("a", rows[i].asked);
		uint8_t buf[300], out[300];
		unsigned left = 0;
		struct msg_wr w;
		struct msg m;
		struct msg_rr rr;
		size_t len;

		msg_begin(&w, buf, sizeof buf, 7, MSG_QR | RCODE_NXDOMAIN, &q);
		for (size_t j = 0; j < 5; j++)
			msg_put(&w, j < 4 ? MSG_ANSWER : MSG_AUTHORITY, q.name, types[j], 60,
				octets, j ? sizeof octets : 4);
		msg_put_opt(&w, 1232, RCODE_NXDOMAIN, true, NULL, 0);
		assert_int_equal(msg_parse(buf, msg_end(&w), &m), MSG_OK);
		len = msg_strip(&m, out, sizeof out);
		assert_int_equal(msg_parse(out, len, &m), MSG_OK);
		assert_int_equal(m.flags, MSG_QR | RCODE_NXDOMAIN);
		assert_int_equal(m.q.type, rows[i].asked);
		assert_false(m.edns.present);
		for (size_t at = m.at[MSG_ANSWER]; msg_record(&m, at, &rr); at = rr.next)
			for (size_t j = 0; j < 5; j++)
				left |= rr.type == types[j] ? 1u << j : 0;
		assert_int_equal(left, rows[i].left);
		assert_int_equal(msg_strip(&m, out, len - 1), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_response),
		cmocka_unit_test(refuses),
		cmocka_unit_test(no_name_is_read_of_fields),
		cmocka_unit_test(opaque_rdata_is_left_alone),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(writer_never_overruns),
		cmocka_unit_test(question_for_a_server),
		cmocka_unit_test(stripped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
