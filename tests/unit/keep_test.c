/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep_test.c - the cache from one engine to the next. */
#include "base/addr.h"
#include "dns/keep.h"
#include "dns/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PROOF  7
#define SIZE   100000
#define STORED 5000 /* ms */

static struct acl_entry any = { .kind = ACL_ANY };

static struct {
	struct dns *dns;
	uint64_t now_ms;
	unsigned n_asked;
	bool fails; /* who is asked */
	bool secure;
	uint8_t reply[DNS_MSG_MAX];
	size_t reply_len;
	uint8_t kept[SIZE];
	size_t kept_len;
} t;

/* 192.0.2.1 for A, no AAAA; both for a minute. */
static void on_resolve(void *ctx, uint64_t id, const struct dns_question *q, unsigned flags,
		       unsigned set)
{
	static const uint8_t soa[22] = { [21] = 60 };
	static uint8_t buf[DNS_MSG_MAX];
	struct resolve_result r = { .status = RESOLVE_UNREACHABLE,
				    .msg = buf,
				    .secure = t.secure };
	struct msg_wr w;

	(void)ctx;
	(void)flags;
	(void)set;
	t.n_asked++;
	msg_begin(&w, buf, sizeof buf, 1, MSG_QR, q);
	if (q->type == TYPE_A)
		msg_put(&w, MSG_ANSWER, q->name, TYPE_A, 60, "\xc0\x00\x02\x01", 4);
	else
		msg_put(&w, MSG_AUTHORITY, q->name, TYPE_SOA, 60, soa, sizeof soa);
	r.len = msg_end(&w);
	if (!t.fails)
		r.status = RESOLVE_ANSWER;
	dns_resolved(t.dns, id, &r, t.now_ms);
}

static void on_reply(void *ctx, const struct dns_client *client, const uint8_t *msg, size_t len)
{
	(void)ctx;
	(void)client;
	memcpy(t.reply, msg, len);
	t.reply_len = len;
}

static void on_cancel(void *ctx, uint64_t id)
{
	(void)ctx;
	(void)id;
}

static void on_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 9, n);
}

static void begin(uint32_t max_ttl_s, bool validating)
{
	static const struct dns_ops ops = { .reply = on_reply,
					    .resolve = on_resolve,
					    .cancel = on_cancel,
					    .random = on_random };
	const struct dns_conf conf = {
		.prefix = { .prefix = { .s6_addr = { 0, 0x64, 0xff, 0x9b } }, .len = 96 },
		.destinations = { &any, 1 },
		.allow_query = { &any, 1 },
		.clients = { &any, 1 },
		.validating = validating,
		.cache_size = 1 << 18,
		.max_ttl_s = max_ttl_s,
		.negative_ttl_s = 900,
		.udp_payload = 1232,
		.timeout_ms = 5000,
		.max_queries_per_client = 500,
	};

	dns_free(t.dns);
	t.dns = dns_new(&conf, &ops, NULL);
	assert_non_null(t.dns);
	t.n_asked = 0;
}

static void question(const char *name)
{
	const struct dns_client client = { .transport = DNS_TCP };
	struct dns_question q = { .type = TYPE_AAAA, .class = CLASS_IN };
	uint8_t buf[512];
	struct msg_wr w;

	q.name_len = (uint8_t)name_from_text(name, q.name);
	msg_begin(&w, buf, sizeof buf, 3, MSG_RD | MSG_AD, &q);
	t.reply_len = 0;
	dns_input(t.dns, &client, buf, msg_end(&w), t.now_ms);
	assert_true(t.reply_len > 0);
}

/* One engine hears of three names, and is gone. */
static int learn(void **state)
{
	static const char *const names[] = { "a.example", "b.example", "c.example" };

	(void)state;
	memset(&t, 0, sizeof t);
	t.now_ms = STORED;
	t.secure = true;
	begin(3600, true);
	for (size_t i = 0; i < 3; i++)
		question(names[i]);
	assert_int_equal(t.n_asked, 6);
	assert_true(keep_size(t.dns) < SIZE);
	t.kept_len = keep_save(t.dns, PROOF, t.kept, SIZE, t.now_ms);
	assert_true(t.kept_len > 0);
	assert_true(t.kept_len <= keep_size(t.dns));
	begin(3600, true);
	return 0;
}

static int done(void **state)
{
	(void)state;
	dns_free(t.dns);
	return 0;
}

/* The TTL of the first answer to AAAA of b.example, which *m is. */
static uint32_t ask(struct msg *m)
{
	struct msg_rr rr;

	question("B.example");
	assert_int_equal(msg_parse(t.reply, t.reply_len, m), MSG_OK);
	assert_int_equal(m->count[MSG_ANSWER], 1);
	assert_true(msg_record(m, m->at[MSG_ANSWER], &rr));
	return rr.ttl;
}

static void answered_as_if_nothing_had_happened(void **state)
{
	struct msg m;

	(void)state;
	t.now_ms = STORED + 20000;
	assert_int_equal(keep_load(t.dns, PROOF, t.kept, t.kept_len, t.now_ms), 6);
	assert_int_equal(ask(&m), 40);
	assert_int_equal(t.n_asked, 0);
}

static void what_it_was_is_what_it_is(void **state)
{
	static uint8_t again[SIZE];

	(void)state;
	keep_load(t.dns, PROOF, t.kept, t.kept_len, t.now_ms);
	assert_int_equal(keep_save(t.dns, PROOF, again, SIZE, t.now_ms), t.kept_len);
	assert_memory_equal(again, t.kept, t.kept_len);
}

static void lives_no_longer_for_it(void **state)
{
	struct msg m;

	(void)state;
	t.now_ms = STORED + 60000;
	keep_load(t.dns, PROOF, t.kept, t.kept_len, t.now_ms);
	assert_int_equal(ask(&m), 60);
	assert_int_equal(t.n_asked, 2);
	/* Nor is it handed on. */
	begin(3600, true);
	keep_load(t.dns, PROOF, t.kept, t.kept_len, t.now_ms);
	assert_int_equal(keep_load(t.dns, PROOF, t.kept,
				   keep_save(t.dns, PROOF, t.kept, SIZE, t.now_ms), t.now_ms),
			 0);
}

static void lives_by_the_limits_of_now(void **state)
{
	struct msg m;

	(void)state;
	begin(30, true);
	t.now_ms = STORED + 10000;
	keep_load(t.dns, PROOF, t.kept, t.kept_len, t.now_ms);
	assert_int_equal(ask(&m), 20);
	assert_int_equal(t.n_asked, 0);
}

/* Who does not validate believes nobody. */
static void proof_is_for_who_validates(void **state)
{
	struct msg m;

	(void)state;
	begin(3600, false);
	keep_load(t.dns, PROOF, t.kept, t.kept_len, t.now_ms);
	ask(&m);
	assert_false(m.flags & MSG_AD);
}

static void failures_stay_behind(void **state)
{
	static uint8_t none[SIZE];
	struct msg m;

	(void)state;
	t.fails = true;
	question("d.example");
	assert_int_equal(msg_parse(t.reply, t.reply_len, &m), MSG_OK);
	assert_int_equal(m.flags & MSG_RCODE, RCODE_SERVFAIL);
	assert_int_equal(keep_save(t.dns, PROOF, none, SIZE, t.now_ms), 12);
}

static void other_keys_or_another_format_give_nothing(void **state)
{
	(void)state;
	assert_int_equal(keep_load(t.dns, PROOF + 1, t.kept, t.kept_len, t.now_ms), 0);
	t.kept[0] ^= 1;
	assert_int_equal(keep_load(t.dns, PROOF, t.kept, t.kept_len, t.now_ms), 0);
	assert_int_equal(keep_load(t.dns, PROOF, t.kept, 0, t.now_ms), 0);
}

static void what_is_cut_off_ends_there(void **state)
{
	(void)state;
	for (size_t len = 0; len < t.kept_len; len++)
		assert_true(keep_load(t.dns, PROOF, t.kept, len, t.now_ms) < 6);
	assert_int_equal(keep_load(t.dns, PROOF, t.kept, t.kept_len, t.now_ms), 6);
}

static void nothing_comes_from_the_future(void **state)
{
	(void)state;
	assert_int_equal(keep_load(t.dns, PROOF, t.kept, t.kept_len, STORED - 1), 0);
}

static void too_small_a_room_is_told(void **state)
{
	static uint8_t out[SIZE];

	(void)state;
	keep_load(t.dns, PROOF, t.kept, t.kept_len, t.now_ms);
	assert_int_equal(keep_save(t.dns, PROOF, out, t.kept_len - 1, t.now_ms), 0);
	assert_int_equal(keep_save(t.dns, PROOF, out, t.kept_len, t.now_ms), t.kept_len);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, learn, done)
	static const struct CMUnitTest tests[] = {
		TEST(answered_as_if_nothing_had_happened),
		TEST(what_it_was_is_what_it_is),
		TEST(lives_no_longer_for_it),
		TEST(lives_by_the_limits_of_now),
		TEST(proof_is_for_who_validates),
		TEST(failures_stay_behind),
		TEST(other_keys_or_another_format_give_nothing),
		TEST(what_is_cut_off_ends_there),
		TEST(nothing_comes_from_the_future),
		TEST(too_small_a_room_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
