/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query_raw_test.c - the DNS64 engine where scenarios do not reach: octets that are no message,
 * floods, answers too large, callbacks that call back, reloads with questions in flight. */
#include "base/addr.h"
#include "dns/msg.h"
#include "dns/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HELD 20000

static struct {
	struct dns *dns;
	uint64_t now_ms;
	unsigned n_replies, n_cancelled;
	uint8_t reply[DNS_MSG_MAX];
	size_t reply_len;
	uint64_t held[HELD];
	struct dns_question question[HELD];
	size_t n_held;
	/* Answers at once, with so many addresses. */
	bool at_once;
	unsigned n_addresses;
	/* Asks again when a reply comes, so many at once. */
	unsigned n_more, more_at_once;
} t;

static struct acl_entry any = { .kind = ACL_ANY };

static struct dns_conf conf_of(uint64_t cache_size)
{
	return (struct dns_conf){
		.prefix = { .prefix = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8, 0, 0x64 } },
			    .len = 96 },
		.destinations = { &any, 1 },
		.allow_query = { &any, 1 },
		.clients = { &any, 1 },
		.synthesize_on_error = DNS_ON_ERROR_UNLESS_BOGUS,
		.cache_size = cache_size,
		.max_ttl_s = 86400,
		.negative_ttl_s = 900,
		.udp_payload = 1232,
		.timeout_ms = 5000,
		.max_queries_per_client = 500,
		.tcp_idle_s = 30,
	};
}

static void ask(unsigned client, enum dns_transport transport, const char *name, uint16_t type);

static void on_reply(void *ctx, const struct dns_client *client, const uint8_t *msg, size_t len)
{
	char name[32];

	(void)ctx;
	(void)client;
	t.n_replies++;
	memcpy(t.reply, msg, len);
	t.reply_len = len;
	for (unsigned i = 0; i <= t.more_at_once && t.n_more; i++) {
		snprintf(name, sizeof name, "more%u.x", t.n_more--);
		ask(2000 + t.n_more % 50, DNS_TCP, name, TYPE_AAAA);
	}
}

static void answer(uint64_t id, const struct dns_question *q, unsigned n)
{
	static uint8_t buf[DNS_MSG_MAX];
	struct resolve_result r = { .status = RESOLVE_ANSWER, .msg = buf };
	static const uint8_t soa[22] = { [21] = 60 };
	struct msg_wr w;

	msg_begin(&w, buf, sizeof buf, 1, MSG_QR, q);
	for (unsigned i = 0; q->type == TYPE_A && i < n; i++)
		msg_put(&w, MSG_ANSWER, q->name, TYPE_A, 60, "\xc6\x33\x64\x01", 4);
	if (q->type == TYPE_AAAA)
		msg_put(&w, MSG_AUTHORITY, q->name, TYPE_SOA, 60, soa, sizeof soa);
	r.len = msg_end(&w);
	assert_true(r.len > 0);
	dns_resolved(t.dns, id, &r, t.now_ms);
}

static void on_resolve(void *ctx, uint64_t id, const struct dns_question *q, unsigned flags,
		       unsigned set)
{
	(void)ctx;
	(void)flags;
	(void)set;
	if (t.at_once) {
		answer(id, q, t.n_addresses);
		return;
	}
	assert_true(t.n_held < HELD);
	t.question[t.n_held] = *q;
	t.held[t.n_held++] = id;
}

static void on_cancel(void *ctx, uint64_t id)
{
	(void)ctx;
	(void)id;
	t.n_cancelled++;
}

static void on_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)rand();
}

static const struct dns_ops ops = {
	.reply = on_reply, .resolve = on_resolve, .cancel = on_cancel, .random = on_random
};

static int open_engine(void **state)
{
	struct dns_conf conf = conf_of(1 << 20);

	(void)state;
	memset(&t, 0, sizeof t);
	t.now_ms = 5000;
	t.dns = dns_new(&conf, &ops, NULL);
	return t.dns ? 0 : -1;
}

static int close_engine(void **state)
{
	(void)state;
	dns_free(t.dns);
	return 0;
}

static struct dns_client client_of(unsigned n, enum dns_transport transport)
{
	struct dns_client c = { .port = 4000, .transport = transport };

	addr_parse("2001:db8:1::", &c.addr);
	c.addr.s6_addr[14] = (uint8_t)(n >> 8);
	c.addr.s6_addr[15] = (uint8_t)n;
	return c;
}

static void input(const struct dns_client *c, const void *msg, size_t len)
{
	/* In memory of its own, so that a read beyond it is seen. */
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, msg, len);
	t.reply_len = 0;
	dns_input(t.dns, c, copy, len, t.now_ms);
	free(copy);
}

static void ask(unsigned client, enum dns_transport transport, const char *name, uint16_t type)
{
	struct dns_question q = { .type = type, .class = CLASS_IN };
	struct dns_client c = client_of(client, transport);
	uint8_t buf[512];
	struct msg_wr w;

	q.name_len = (uint8_t)name_from_text(name, q.name);
	msg_begin(&w, buf, sizeof buf, 0x1234, MSG_RD, &q);
	msg_put_opt(&w, 4096, 0, false, NULL, 0);
	input(&c, buf, msg_end(&w));
}

static unsigned rcode(void)
{
	return msg_flags(t.reply) & MSG_RCODE;
}

#define SILENCE                      99
#define QUERY(flags, qd, an, ns, ar) "\x12\x34" flags "\0" qd "\0" an "\0" ns "\0" ar
#define PLAIN                        QUERY("\1\0", "\1", "\0", "\0", "\0")
#define WITH_OPT                     QUERY("\1\0", "\1", "\0", "\0", "\1")
#define NAME_A                       "\11localhost\0\0\1\0\1"

/* Items 81 to 92, 97 to 99, 103, 104, 106 to 109. */
static void hostile_octets(void **state)
{
	static const struct {
		const char *what, *octets;
		size_t len;
		unsigned rcode;
	} row[] = {
#define ROW(what, rcode, text) { what, text, sizeof(text) - 1, rcode }
		ROW("81 nothing", SILENCE, ""),
		ROW("81 11 octets", SILENCE, "\x12\x34\1\0\0\1\0\0\0\0\0"),
		ROW("82 no question", RCODE_FORMERR, QUERY("\1\0", "\0", "\0", "\0", "\0")),
		ROW("82 a cookie only", RCODE_NOERROR,
		    QUERY("\1\0", "\0", "\0", "\0",
			  "\1") "\0\0\x29\4\xd0\0\0\0\0\0\xc\0\xa\0\x8"
				"12345678"),
		ROW("83 two questions", RCODE_FORMERR,
		    QUERY("\1\0", "\2", "\0", "\0", "\0") NAME_A NAME_A),
		ROW("84 question missing", RCODE_FORMERR, PLAIN),
		ROW("85 self pointer", RCODE_FORMERR, PLAIN "\xc0\x0c\0\1\0\1"),
		ROW("85 forward pointer", RCODE_FORMERR, PLAIN "\xc0\x10\0\1\0\1\1a\0"),
		ROW("85 two pointers", RCODE_FORMERR, PLAIN "\xc0\x0e\xc0\x0c\0\1\0\1"),
		ROW("86 label 0x40", RCODE_FORMERR,
		    PLAIN "\x41"
			  "a\0\0\1\0\1"),
		ROW("86 label 0x80", RCODE_FORMERR,
		    PLAIN "\x81"
			  "a\0\0\1\0\1"),
		ROW("88 name cut", RCODE_FORMERR, PLAIN "\11local"),
		ROW("88 class cut", RCODE_FORMERR, PLAIN "\11localhost\0\0\1\0"),
		ROW("89 a response", SILENCE, QUERY("\x81\0", "\1", "\0", "\0", "\0") NAME_A),
		ROW("90 opcode 1", RCODE_NOTIMP,
		    QUERY("\x09\0", "\1", "\0", "\0", "\0") NAME_A),
		ROW("90 opcode 2", RCODE_NOTIMP,
		    QUERY("\x11\0", "\1", "\0", "\0", "\0") NAME_A),
		ROW("90 NOTIFY", RCODE_NOTIMP, QUERY("\x21\0", "\1", "\0", "\0", "\0") NAME_A),
		ROW("90 UPDATE", RCODE_NOTIMP, QUERY("\x29\0", "\1", "\0", "\0", "\0") NAME_A),
		ROW("90 DSO", RCODE_NOTIMP, QUERY("\x31\0", "\0", "\0", "\0", "\0")),
		ROW("90 opcode 15", RCODE_NOTIMP,
		    QUERY("\x79\0", "\1", "\0", "\0", "\0") NAME_A),
		ROW("91 flags that mean nothing", RCODE_NOERROR,
		    QUERY("\x07\x4f", "\1", "\0", "\0", "\0") NAME_A),
		ROW("92 an answer", RCODE_FORMERR,
		    QUERY("\1\0", "\1", "\1", "\0", "\0") NAME_A
		    "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"),
		ROW("97 EDNS 1", RCODE_NOERROR, WITH_OPT NAME_A "\0\0\x29\4\xd0\0\1\0\0\0\0"),
		ROW("98 two OPT", RCODE_FORMERR,
		    QUERY("\1\0", "\1", "\0", "\0", "\2") NAME_A
		    "\0\0\x29\4\xd0\0\0\0\0\0\0\0\0\x29\4\xd0\0\0\0\0\0\0"),
		ROW("99 OPT below a name", RCODE_FORMERR,
		    WITH_OPT NAME_A "\1a\0\0\x29\4\xd0\0\0\0\0\0\0"),
		ROW("99 OPT overrun", RCODE_FORMERR,
		    WITH_OPT NAME_A "\0\0\x29\4\xd0\0\0\0\0\0\1"),
		ROW("99 option of 3 octets", RCODE_FORMERR,
		    WITH_OPT NAME_A "\0\0\x29\4\xd0\0\0\0\0\0\3\0\1\0"),
		ROW("103 cookie of 7", RCODE_FORMERR,
		    WITH_OPT NAME_A "\0\0\x29\4\xd0\0\0\0\0\0\xb\0\xa\0\7"
				    "1234567"),
		ROW("103 cookie of 12", RCODE_FORMERR,
		    WITH_OPT NAME_A "\0\0\x29\4\xd0\0\0\0\0\0\x10\0\xa\0\xc"
				    "123456789012"),
		ROW("103 cookie of 41", RCODE_FORMERR,
		    WITH_OPT NAME_A "\0\0\x29\4\xd0\0\0\0\0\0\x2d\0\xa\0\x29"
				    "12345678901234567890123456789012345678901"),
		ROW("103 a server cookie we did not make", RCODE_NOERROR,
		    WITH_OPT NAME_A "\0\0\x29\4\xd0\0\0\0\0\0\x14\0\xa\0\x10"
				    "1234567890123456"),
		ROW("104 client subnet", RCODE_NOERROR,
		    WITH_OPT NAME_A "\0\0\x29\4\xd0\0\0\0\0\0\xb\0\x8\0\7\0\1\x18\0\xc0\0\2"),
		ROW("106 padding, NSID, unknown", RCODE_NOERROR,
		    WITH_OPT NAME_A
		    "\0\0\x29\4\xd0\0\0\0\0\0\x10\0\xc\0\2\0\0\0\3\0\0\xfd\xe9\0\2xx"),
		ROW("107 additional missing", RCODE_FORMERR, WITH_OPT NAME_A),
		ROW("108 TSIG", RCODE_NOTAUTH, WITH_OPT NAME_A "\1k\0\0\xfa\0\xff\0\0\0\0\0\0"),
		ROW("109 garbage behind", RCODE_NOERROR, PLAIN NAME_A "garbage"),
#undef ROW
	};
	struct dns_client c = client_of(1, DNS_UDP);

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		input(&c, row[i].octets, row[i].len);
		if ((t.reply_len == 0) != (row[i].rcode == SILENCE))
			fail_msg("%s: %s", row[i].what, t.reply_len ? "a reply" : "no reply");
		if (!t.reply_len)
			continue;
		if (rcode() != row[i].rcode)
			fail_msg("%s: rcode %u", row[i].what, rcode());
		assert_int_equal(msg_id(t.reply), 0x1234);
		/* Never more than asked for, when something is wrong. */
		if (rcode())
			assert_true(t.reply_len <= row[i].len + MSG_OPT_LEN);
	}
	assert_int_equal(t.n_held, 0);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_QUERIES], sizeof row / sizeof *row);
}

/* Items 97 and 116. */
static void flags_of_replies(void **state)
{
	static const char query[] = QUERY("\x07\x7f", "\1", "\0", "\0", "\0") NAME_A;
	static const char edns1[] = WITH_OPT NAME_A "\0\0\x29\4\xd0\0\1\xff\xff\0\0";
	struct dns_client c = client_of(1, DNS_UDP);
	struct msg m;

	(void)state;
	input(&c, query, sizeof query - 1);
	assert_int_equal(msg_flags(t.reply), MSG_QR | MSG_RD | MSG_RA | MSG_CD);
	input(&c, edns1, sizeof edns1 - 1);
	assert_int_equal(msg_parse(t.reply, t.reply_len, &m), MSG_OK);
	assert_int_equal(msg_rcode(&m), RCODE_BADVERS);
	assert_int_equal(m.edns.version, 0);
	assert_true(m.edns.dnssec_ok);
	assert_memory_equal(t.reply + m.edns.at + 5, "\1\0\x80\0", 4);
}

/* Item 87: a name of 255 octets is a name, and its answer fits. */
static void longest_name(void **state)
{
	char name[256];

	(void)state;
	for (size_t i = 0; i < sizeof name; i++)
		name[i] = i % 64 == 63 ? '.' : 'a';
	name[253] = '\0';
	t.at_once = true;
	t.n_addresses = 1;
	ask(1, DNS_UDP, name, TYPE_AAAA);
	assert_int_equal(rcode(), RCODE_NOERROR);
	assert_int_equal(t.reply_len, 12 + 259 + 28 + 11 + 6);
}

/* Item 110. */
static void large_query(void **state)
{
	static uint8_t big[DNS_MSG_MAX];
	struct dns_client c = client_of(1, DNS_TCP);

	(void)state;
	memcpy(big, PLAIN NAME_A, sizeof PLAIN NAME_A - 1);
	input(&c, big, 4096);
	assert_int_equal(rcode(), RCODE_NOERROR);
	input(&c, big, sizeof big);
	assert_int_equal(rcode(), RCODE_NOERROR);
}

/* Item 130. */
static void answer_too_large(void **state)
{
	(void)state;
	t.at_once = true;
	t.n_addresses = 4000;
	ask(1, DNS_TCP, "big.x", TYPE_AAAA);
	assert_int_equal(rcode(), RCODE_SERVFAIL);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_FAILED_SIZE], 1);
	ask(1, DNS_UDP, "big.x", TYPE_AAAA);
	assert_true(msg_flags(t.reply) & MSG_TC);
	ask(1, DNS_TCP, "big.x", TYPE_A);
	assert_int_equal(rcode(), RCODE_NOERROR);
	assert_true(t.reply_len > 64000);
}

/* By datagram it is cut before it is looked at: here at addresses that may not be used. */
static void huge_answer(void **state)
{
	struct dns_conf conf = conf_of(1 << 20);

	(void)state;
	conf.destinations.n = 0;
	assert_true(dns_prepare(t.dns, &conf));
	dns_settle(t.dns, true, t.now_ms);
	t.at_once = true;
	t.n_addresses = 250;
	ask(1, DNS_UDP, "large.x", TYPE_AAAA);
	assert_false(msg_flags(t.reply) & MSG_TC);
	t.n_addresses = 260;
	for (unsigned i = 0; i < 2; i++) { /* new, and kept */
		ask(1, DNS_UDP, "huge.x", TYPE_AAAA);
		assert_int_equal(rcode(), RCODE_NOERROR);
		assert_true(msg_flags(t.reply) & MSG_TC);
	}
	ask(1, DNS_TCP, "huge.x", TYPE_AAAA);
	assert_int_equal(rcode(), RCODE_NOERROR);
	assert_false(msg_flags(t.reply) & MSG_TC);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_TRUNCATED], 2);
}

/* Item 144: the oldest give way, and what is kept is still answered. */
static void flood(void **state)
{
	char name[32];

	(void)state;
	t.at_once = true;
	t.n_addresses = 1;
	ask(1, DNS_UDP, "kept.x", TYPE_AAAA);
	t.at_once = false;
	t.n_replies = 0;
	for (unsigned i = 0; i < 9000; i++) {
		snprintf(name, sizeof name, "n%u.cold.x", i);
		ask(1000 + i / 400, DNS_UDP, name, TYPE_A);
	}
	assert_int_equal(dns_in_flight(t.dns), 4096);
	assert_int_equal(t.n_replies, 9000 - 4096);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_FAILED_OVERLOAD], 9000 - 4096);
	assert_int_equal(rcode(), RCODE_SERVFAIL);
	ask(1, DNS_UDP, "kept.x", TYPE_AAAA);
	assert_int_equal(rcode(), RCODE_NOERROR);
	/* Everybody else is told so in time. */
	while (dns_next(t.dns) != UINT64_MAX) {
		t.now_ms = dns_next(t.dns);
		dns_tick(t.dns, t.now_ms);
	}
	assert_int_equal(t.now_ms, 5000 + 4500);
	assert_int_equal(dns_in_flight(t.dns), 0);
	/* And late answers are taken for the cache. */
	for (size_t i = 0; i < t.n_held; i++)
		answer(t.held[i], &t.question[i], 1);
	t.n_replies = 0;
	ask(1, DNS_UDP, "n8999.cold.x", TYPE_A);
	assert_int_equal(t.n_replies, 1);
	assert_int_equal(rcode(), RCODE_NOERROR);
}

/* Who makes room takes nothing from another who waits for the same. */
static void a_shared_question_goes_on(void **state)
{
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 4097; i++) {
		snprintf(name, sizeof name, "n%u.x", i < 2 ? 0 : i);
		ask(i / 400, DNS_UDP, name, TYPE_A);
	}
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_FAILED_OVERLOAD], 1);
	assert_int_equal(t.n_cancelled, 0);
	answer(t.held[0], &t.question[0], 1);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_ANSWERED], 1);
}

/* Names whose AAAA nobody answers: what is asked on for the cache leaves room for the next. */
static void silence_for_aaaa_leaves_room(void **state)
{
	char name[32];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		size_t first = t.n_held;

		for (unsigned i = 0; i < 3000; i++) {
			snprintf(name, sizeof name, "r%u-%u.x", round, i);
			ask(i / 400, DNS_UDP, name, TYPE_AAAA);
		}
		for (size_t i = first; i < t.n_held; i++)
			if (t.question[i].type == TYPE_A)
				answer(t.held[i], &t.question[i], 1);
		t.now_ms += 2000;
		dns_tick(t.dns, t.now_ms);
		assert_int_equal(dns_counts(t.dns)[DNS_COUNT_SYNTHESIZED_ON_ERROR],
				 3000 * (round + 1));
	}
	assert_int_equal(t.n_replies, 9000);
	assert_true(t.n_cancelled > 3000);
}

/* Whoever takes a reply brings the next question, also when the tables are full. */
static void questions_from_within_replies(void **state)
{
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 4096; i++) {
		snprintf(name, sizeof name, "n%u.x", i);
		ask(i / 400, DNS_UDP, name, TYPE_A);
	}
	t.n_more = 500;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "m%u.x", i);
		ask(100 + i, DNS_UDP, name, TYPE_AAAA);
	}
	for (size_t i = 0; i < t.n_held; i++)
		answer(t.held[i], &t.question[i], 1);
	assert_int_equal(dns_in_flight(t.dns), 0);
	assert_int_equal(t.n_more, 0);
	assert_int_equal(t.n_replies, 4096 + 500 + 100);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_QUERIES], 4096 + 500 + 100);
}

/* Two questions for each reply, the tables full: room is not made by those whose answer is
 * there.
 */
static void answered_ones_make_no_room(void **state)
{
	char name[32];
	uint64_t first;

	(void)state;
	for (unsigned i = 0; i < 4096; i++) {
		snprintf(name, sizeof name, "n%u.x", i < 10 ? 0 : i);
		ask(i / 400, DNS_UDP, name, TYPE_A);
	}
	first = t.held[0];
	t.n_held = 0;
	t.n_more = 20;
	t.more_at_once = 1;
	answer(first, &t.question[0], 1);
	assert_int_equal(t.n_more, 0);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_ANSWERED], 10);
	assert_true(dns_counts(t.dns)[DNS_COUNT_FAILED_OVERLOAD] > 0);
	assert_int_equal(dns_in_flight(t.dns), 4096 + 20 - t.n_replies);
	/* Everybody else gets his one reply, too. */
	while (dns_next(t.dns) != UINT64_MAX) {
		t.now_ms = dns_next(t.dns);
		dns_tick(t.dns, t.now_ms);
	}
	assert_int_equal(dns_in_flight(t.dns), 0);
	assert_int_equal(t.n_replies, 4096 + 20);
}

/* Who is told that he makes room brings a question, with which the one that room is made for is
 * asked, and answered at once. */
static void answered_while_room_is_made(void **state)
{
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 4096; i++) {
		snprintf(name, sizeof name, "n%u.x", i);
		ask(i / 400, DNS_UDP, name, TYPE_A);
	}
	t.at_once = true;
	t.n_addresses = 1;
	t.n_more = 1;
	ask(99, DNS_UDP, "new.x", TYPE_A);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_FAILED_OVERLOAD], 2);
	assert_int_equal(t.n_replies, 4);
	assert_int_equal(dns_in_flight(t.dns), 4096 + 2 - 4);
}

/* Datagrams from addresses that nobody on the link has are answered at a bounded rate. */
static void strangers(void **state)
{
	static const uint8_t question[] = {
		0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 1
	};
	struct dns_client stranger = client_of(1, DNS_UDP), stream = client_of(2, DNS_TCP);
	struct dns_client known = client_of(3, DNS_UDP);

	(void)state;
	stranger.is_stranger = stream.is_stranger = true;
	for (unsigned i = 0; i < 1000; i++)
		input(&stranger, question, sizeof question);
	assert_int_equal(t.n_replies, 100);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_DROPPED_STRANGER], 900);
	input(&known, question, sizeof question);
	input(&stream, question, sizeof question);
	assert_int_equal(t.n_replies, 102);
	t.now_ms += 100;
	for (unsigned i = 0; i < 1000; i++)
		input(&stranger, question, sizeof question);
	assert_int_equal(t.n_replies, 112);
}

/* What gets no answer: a stream is told, a datagram's sender is not. */
static void no_answer(void **state)
{
	static const uint8_t response[12] = { 0, 1, 0x80 };
	struct dns_client stream = client_of(7, DNS_TCP), datagram = client_of(7, DNS_UDP);

	(void)state;
	input(&stream, response, 5);
	assert_int_equal(t.n_replies, 1);
	assert_int_equal(t.reply_len, 0);
	input(&stream, response, sizeof response);
	assert_int_equal(t.n_replies, 2);
	assert_int_equal(t.reply_len, 0);
	input(&datagram, response, sizeof response);
	assert_int_equal(t.n_replies, 2);
}

/* 500 for one client, and no more. */
static void limit_of_one_client(void **state)
{
	struct dns_client c = client_of(7, DNS_TCP);
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		snprintf(name, sizeof name, "n%u.x", i);
		ask(7, DNS_UDP, name, TYPE_A);
	}
	assert_int_equal(t.n_held, 500);
	assert_int_equal(t.n_replies, 100);
	assert_true(msg_flags(t.reply) & MSG_TC);
	/* Anybody may have sent those. */
	assert_false(dns_is_full(t.dns, &c.addr));
	t.n_held = 0;
	for (unsigned i = 0; i < 500; i++) {
		assert_false(dns_is_full(t.dns, &c.addr));
		snprintf(name, sizeof name, "s%u.x", i);
		ask(7, DNS_TCP, name, TYPE_A);
	}
	assert_true(dns_is_full(t.dns, &c.addr));
	answer(t.held[0], &t.question[0], 1);
	assert_false(dns_is_full(t.dns, &c.addr));
}

/* Pinned answers fill the cache: questions fail, memory does not grow. */
static void cache_full_of_pinned(void **state)
{
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "n%u.x", i);
		ask(i, DNS_UDP, name, TYPE_AAAA);
	}
	/* A comes, 60 KiB each, and has to wait for AAAA. */
	for (size_t i = 0; i < t.n_held; i++)
		if (t.question[i].type == TYPE_A)
			answer(t.held[i], &t.question[i], 3800);
	assert_true(dns_counts(t.dns)[DNS_COUNT_FAILED_MEMORY] > 0);
	assert_true(dns_counts(t.dns)[DNS_COUNT_FAILED_MEMORY] < 40);
	for (size_t i = 0; i < t.n_held; i++)
		if (t.question[i].type == TYPE_AAAA)
			answer(t.held[i], &t.question[i], 0);
	assert_int_equal(dns_in_flight(t.dns), 0);
	assert_int_equal(t.n_replies, 40);
	t.at_once = true;
	t.n_addresses = 1;
	ask(1, DNS_UDP, "after.x", TYPE_AAAA);
	assert_int_equal(rcode(), RCODE_NOERROR);
}

/* A reload with another cache size, questions half answered. */
static void resize_in_flight(void **state)
{
	static const uint64_t sizes[] = { 8 << 20, 300 << 10, 1 << 20 };
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "n%u.x", i);
		ask(i, DNS_UDP, name, TYPE_AAAA);
	}
	for (size_t i = 0; i < t.n_held; i++)
		if (t.question[i].type == TYPE_A)
			answer(t.held[i], &t.question[i], 3);
	for (size_t i = 0; i < 3; i++) {
		struct dns_conf conf = conf_of(sizes[i]);

		assert_true(dns_prepare(t.dns, &conf));
		dns_settle(t.dns, false, t.now_ms);
		assert_true(dns_prepare(t.dns, &conf));
		dns_settle(t.dns, true, t.now_ms);
	}
	for (size_t i = 0; i < t.n_held; i++)
		if (t.question[i].type == TYPE_AAAA)
			answer(t.held[i], &t.question[i], 0);
	assert_int_equal(t.n_replies, 20);
	assert_int_equal(dns_counts(t.dns)[DNS_COUNT_SYNTHESIZED], 20);
}

/* Results nobody waits for. */
static void results_out_of_the_blue(void **state)
{
	struct resolve_result r = { .status = RESOLVE_ANSWER };
	struct dns_question other = {
		.name = "\1y", .name_len = 3, .type = TYPE_A, .class = 1
	};

	(void)state;
	dns_resolved(t.dns, 0, &r, t.now_ms);
	dns_resolved(t.dns, 77, &r, t.now_ms);
	dns_resolved(t.dns, UINT64_MAX, &r, t.now_ms);
	ask(1, DNS_UDP, "x", TYPE_A);
	ask(1, DNS_UDP, "z", TYPE_A);
	/* The answer to another question, and the same id twice. */
	answer(t.held[0], &other, 1);
	assert_int_equal(rcode(), RCODE_SERVFAIL);
	t.n_replies = 0;
	dns_resolved(t.dns, t.held[0], &r, t.now_ms);
	assert_int_equal(t.n_replies, 0);
	/* A result without a message. */
	dns_resolved(t.dns, t.held[1], &r, t.now_ms);
	assert_int_equal(rcode(), RCODE_SERVFAIL);
}

/* Half an answer (item 132), and addresses of another class. */
static void answers_that_are_none(void **state)
{
	struct dns_question chaos = {
		.name = "\1y", .name_len = 3, .type = TYPE_A, .class = CLASS_IN
	};
	uint8_t buf[512];
	struct resolve_result r = { .status = RESOLVE_ANSWER, .msg = buf };
	struct msg_wr w;

	(void)state;
	ask(1, DNS_TCP, "x", TYPE_A);
	msg_begin(&w, buf, sizeof buf, 1, MSG_QR | MSG_TC, &t.question[0]);
	msg_put(&w, MSG_ANSWER, t.question[0].name, TYPE_A, 60, "\xc6\x33\x64\x01", 4);
	r.len = msg_end(&w);
	dns_resolved(t.dns, t.held[0], &r, t.now_ms);
	assert_int_equal(rcode(), RCODE_SERVFAIL);
	ask(1, DNS_UDP, "y", TYPE_AAAA);
	answer(t.held[1], &t.question[1], 0);
	msg_begin(&w, buf, sizeof buf, 1, MSG_QR, &chaos);
	msg_put(&w, MSG_ANSWER, chaos.name, TYPE_A, 60, "\xc6\x33\x64\x01", 4);
	r.len = msg_end(&w);
	buf[12 + 3 + 4 + 2 + 3] = 3; /* its class */
	dns_resolved(t.dns, t.held[2], &r, t.now_ms);
	assert_int_equal(rcode(), RCODE_NOERROR);
	assert_int_equal(t.reply[7], 0);
}

static void freed_with_questions_in_flight(void **state)
{
	struct dns_conf conf = conf_of(1 << 20);

	(void)state;
	ask(1, DNS_UDP, "x", TYPE_AAAA);
	dns_free(t.dns);
	assert_int_equal(t.n_cancelled, 2);
	t.dns = dns_new(&conf, &ops, NULL);
}

#ifndef __SANITIZE_ADDRESS__ /* which has a shadow of all memory */
static long rss_anon_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* An engine that did nothing yet has touched next to nothing of its tables. */
static void idle_memory(void **state)
{
	struct dns_conf conf = conf_of(32 << 20);
	long before = rss_anon_kib(), used;
	struct dns *idle;

	(void)state;
	idle = dns_new(&conf, &ops, NULL);
	used = rss_anon_kib() - before;
	assert_non_null(idle);
	dns_free(idle);
	if (used > 256)
		fail_msg("%ld KiB", used);
}
#endif

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_engine, close_engine)
	const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_ADDRESS__
		/* First, before the allocator has memory to give again. */
		cmocka_unit_test(idle_memory),
#endif
		T(hostile_octets),
		T(flags_of_replies),
		T(longest_name),
		T(large_query),
		T(answer_too_large),
		T(huge_answer),
		T(flood),
		T(a_shared_question_goes_on),
		T(silence_for_aaaa_leaves_room),
		T(questions_from_within_replies),
		T(answered_ones_make_no_room),
		T(answered_while_room_is_made),
		T(strangers),
		T(no_answer),
		T(limit_of_one_client),
		T(cache_full_of_pinned),
		T(resize_in_flight),
		T(results_out_of_the_blue),
		T(answers_that_are_none),
		T(freed_with_questions_in_flight),
	};

	(void)argc;
	/* It makes the allocator write to all it gives, which hides what we touch ourselves. */
	if (getenv("MALLOC_PERTURB_") && unsetenv("MALLOC_PERTURB_") == 0)
		execv("/proc/self/exe", argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
