/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ready_test.c - answers given again: never anything but what the engine says at that moment.
 *
 * A question that is traced goes all the way, so every question is put twice: as it is, and
 * traced; octets, what is told of its end, and what is counted have to be the same. */
#include "dns/msg.h"
#include "dns/query.h"
#include "dns/ready.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HELD  64
#define NAMES 12
#define TURNS 60000

static struct acl_entry any = { .kind = ACL_ANY }, global = { .kind = ACL_GLOBAL };
static struct acl_entry not_them = { .kind = ACL_NET, .negated = true };
static struct prefix6 excluded = { .addr = { .s6_addr = { 0x20, 0x02 } }, .len = 16 };

static struct {
	struct dns *dns;
	uint64_t now_ms;
	uint8_t reply[DNS_MSG_MAX];
	size_t len;
	struct dns_end end;
	unsigned n_held, n_ready, n_explained;
	struct {
		uint64_t id;
		struct dns_question q;
		unsigned flags;
	} held[HELD];
} t;

static struct dns_conf conf_of(struct acl *clients)
{
	return (struct dns_conf){
		.prefix = { .prefix = { .s6_addr = { 0, 0x64, 0xff, 0x9b } }, .len = 96 },
		.destinations = { &global, 1 },
		.allow_query = { &any, 1 },
		.clients = *clients,
		.exclude_aaaa = &excluded,
		.n_exclude_aaaa = 1,
		.synthesize_on_error = DNS_ON_ERROR_UNLESS_BOGUS,
		.validating = true,
		.cache_size = 1 << 20,
		.max_ttl_s = 40,
		.negative_ttl_s = 25,
		.serve_stale_s = 20,
		.udp_payload = 1232,
		.timeout_ms = 5000,
		.max_queries_per_client = 500,
		.tcp_idle_s = 30,
	};
}

static void on_reply(void *ctx, const struct dns_client *client, const uint8_t *msg, size_t len)
{
	(void)ctx;
	(void)client;
	memcpy(t.reply, msg, len);
	t.len = len;
}

static void on_resolve(void *ctx, uint64_t id, const struct dns_question *q, unsigned flags,
		       unsigned set)
{
	(void)ctx;
	(void)set;
	assert_true(t.n_held < HELD);
	t.held[t.n_held].id = id;
	t.held[t.n_held].flags = flags;
	t.held[t.n_held++].q = *q;
}

static void on_cancel(void *ctx, uint64_t id)
{
	(void)ctx;
	(void)id;
}

static void on_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)rand();
}

static void on_explain(void *ctx, const struct dns_client *client, const struct dns_step *step)
{
	(void)ctx;
	(void)client;
	(void)step;
	t.n_explained++;
}

static void on_ended(void *ctx, const struct dns_client *client, const struct dns_end *end)
{
	(void)ctx;
	(void)client;
	t.end = *end;
	t.end.q = NULL;
}

static const struct dns_ops ops = { .reply = on_reply,
				    .resolve = on_resolve,
				    .cancel = on_cancel,
				    .random = on_random,
				    .explain = on_explain,
				    .ended = on_ended };

/* What the first letter of a name says of it: s A only, n both, x no such name, e AAAA fails,
 * l behind a CNAME, c a CNAME alone, d below a DNAME, p some AAAA excluded, a no usable A, b
 * many addresses. */
static void put_records(struct msg_wr *w, const struct dns_question *q, char kind, uint32_t ttl)
{
	static const uint8_t soa[22] = { [21] = 30 }, six[16] = { 0x20, 0x01, 1 };
	static const uint8_t bad[16] = { 0x20, 0x02, 1 };
	const uint8_t *owner = q->name, *other = (const uint8_t *)"\5other\3net";
	bool is_a = q->type == TYPE_A, is_aaaa = q->type == TYPE_AAAA;

	if (kind == 'l') {
		msg_put_name(w, MSG_ANSWER, owner, TYPE_CNAME, ttl / 2, other);
		owner = other;
	}
	if (kind == 'c') {
		msg_put_name(w, MSG_ANSWER, owner, TYPE_CNAME, ttl,
			     (const uint8_t *)"\2s0\7example\3org");
		return;
	}
	if (kind == 'd') {
		owner = (const uint8_t *)"\2d0\3org";
		msg_put_name(w, MSG_ANSWER, (const uint8_t *)"\7example\3org", TYPE_DNAME, ttl,
			     (const uint8_t *)"\3org");
	}
	for (unsigned i = 0; is_a && kind != 'x' && i < (kind == 'b' ? 40 : 2); i++)
		msg_put(w, MSG_ANSWER, owner, TYPE_A, ttl + i,
			kind == 'a' ? "\x0a\0\0\1" : "\x08\x08\x08\x08", 4);
	if (is_aaaa && (kind == 'n' || kind == 'p'))
		msg_put(w, MSG_ANSWER, owner, TYPE_AAAA, ttl, six, sizeof six);
	if (is_aaaa && kind == 'p')
		msg_put(w, MSG_ANSWER, owner, TYPE_AAAA, ttl, bad, sizeof bad);
	if (!w->count[MSG_ANSWER] || (is_aaaa && strchr("sld", kind)))
		msg_put(w, MSG_AUTHORITY, q->name, TYPE_SOA, ttl, soa, sizeof soa);
	else
		msg_put(w, MSG_ADDITIONAL, other, TYPE_A, 7, "\x08\x08\x04\x04", 4);
}

static void answer_one(unsigned i)
{
	uint8_t buf[4096];
	struct dns_question q = t.held[i].q;
	char kind = (char)(q.name[1] | 0x20);
	struct resolve_result r = { .status = RESOLVE_ANSWER,
				    .msg = buf,
				    .secure = rand() % 2 };
	uint64_t id = t.held[i].id;
	struct msg_wr w;

	t.held[i] = t.held[--t.n_held];
	msg_begin(&w, buf, sizeof buf, 1, MSG_QR | (kind == 'x' ? RCODE_NXDOMAIN : 0), &q);
	put_records(&w, &q, kind, (uint32_t)rand() % 60);
	r.len = msg_end(&w);
	assert_true(r.len > 0);
	if (rand() % 20 == 0 || (kind == 'e' && q.type == TYPE_AAAA))
		r.status = RESOLVE_TIMEOUT;
	dns_resolved(t.dns, id, &r, t.now_ms);
}

static size_t make_question(uint8_t *buf)
{
	static const uint16_t types[] = { TYPE_AAAA, TYPE_AAAA, TYPE_AAAA, TYPE_A, TYPE_TXT };
	static const uint16_t flags[] = { 0, MSG_AD, MSG_CD, 0 };
	static const char kinds[] = "snxeldpabncd";
	uint8_t cookie[12] = { 0, 10, 0, 8 };
	struct dns_question q = { .type = types[rand() % 5], .class = CLASS_IN };
	char text[32];
	struct msg_wr w;

	snprintf(text, sizeof text, "%c%u.example.org", kinds[rand() % NAMES], rand() % 8 == 0);
	q.name_len = (uint8_t)name_from_text(text, q.name);
	for (size_t i = 1; q.name[i]; i++)
		if (rand() % 8 == 0 && q.name[i] >= 'a')
			q.name[i] &= 0xdf;
	msg_begin(&w, buf, 512, (uint16_t)rand(),
		  (uint16_t)((rand() % 16 ? MSG_RD : 0) | flags[rand() % 4]), &q);
	if (rand() % 4)
		msg_put_opt(&w, rand() % 3 ? 1232 : 100, 0, rand() % 3 == 0, cookie,
			    rand() % 2 ? sizeof cookie : 0);
	return msg_end(&w);
}

struct seen {
	uint8_t reply[DNS_MSG_MAX];
	size_t len;
	struct dns_end end;
	uint64_t counts[DNS_COUNT_COUNT];
};

static void put_question(const struct dns_client *c, const uint8_t *msg, size_t len,
			 struct seen *out)
{
	uint64_t before[DNS_COUNT_COUNT];

	memcpy(before, dns_counts(t.dns), sizeof before);
	t.len = 0;
	t.end = (struct dns_end){ 0 };
	dns_input(t.dns, c, msg, len, t.now_ms);
	out->len = t.len;
	memcpy(out->reply, t.reply, t.len);
	out->end = t.end;
	for (size_t i = 0; i < DNS_COUNT_COUNT; i++)
		out->counts[i] = dns_counts(t.dns)[i] - before[i];
}

static void one_turn(void)
{
	static struct seen first, second;
	struct dns_client c = { .port = 5353, .transport = rand() % 4 ? DNS_UDP : DNS_TCP };
	uint8_t msg[512];
	size_t len = make_question(msg);

	c.addr.s6_addr[0] = 0x20;
	c.addr.s6_addr[15] = (uint8_t)(rand() % 2);
	put_question(&c, msg, len, &first);
	if (!first.len || first.counts[DNS_COUNT_ASKED])
		return;
	c.traced = true;
	t.n_explained = 0;
	put_question(&c, msg, len, &second);
	assert_true(t.n_explained > 0);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.reply, second.reply, second.len);
	assert_memory_equal(&first.end, &second.end, sizeof first.end);
	assert_memory_equal(first.counts, second.counts, sizeof first.counts);
	t.n_ready++;
}

static void says_what_the_engine_says(void **state)
{
	struct acl_entry list[] = { not_them, any };
	struct acl lists[] = { { &any, 1 }, { list, 2 } };
	struct dns_conf conf = conf_of(&lists[0]);

	(void)state;
	list[0].net = (struct prefix6){ .addr = { .s6_addr = { 0x20, [15] = 1 } }, .len = 128 };
	srand(7);
	t.now_ms = 1000000;
	t.dns = dns_new(&conf, &ops, NULL);
	for (unsigned i = 0; i < TURNS; i++) {
		one_turn();
		while (t.n_held && rand() % 3)
			answer_one((unsigned)rand() % t.n_held);
		if (rand() % 4 == 0)
			t.now_ms += (uint64_t)rand() % 700;
		if (rand() % 200 == 0)
			dns_flush(t.dns);
		if (rand() % 300 == 0) {
			conf = conf_of(&lists[rand() % 2]);
			conf.prefix.prefix.s6_addr[3] = (uint8_t)rand();
			conf.cache_size <<= rand() % 2;
			assert_true(dns_prepare(t.dns, &conf));
			dns_settle(t.dns, rand() % 2, t.now_ms);
		}
		dns_tick(t.dns, t.now_ms);
	}
	assert_true(t.n_ready > TURNS / 4);
	dns_free(t.dns);
}

/* The table by itself. */

static struct ask ask_of(const char *name)
{
	struct ask a = { .limit = 512, .q = { .type = TYPE_AAAA, .class = CLASS_IN } };

	a.q.name_len = (uint8_t)name_from_text(name, a.q.name);
	return a;
}

static struct ready_answer answer_of(const struct ask *a, uint8_t *msg, size_t more)
{
	memset(msg, 0xee, MSG_HEAD_LEN + a->q.name_len + 4u + more);
	return (struct ready_answer){ .len = MSG_HEAD_LEN + a->q.name_len + 4u + more,
				      .until_ms = 2000,
				      .count = DNS_COUNT_SYNTHESIZED };
}

static void keeps_what_fits_until_its_time(void **state)
{
	static const struct siphash_key key = { 1, 2 };
	struct ready *r = ready_new(64 << 10, &key);
	struct ask a = ask_of("a.example"), upper = ask_of("A.EXAMPLE"),
		   b = ask_of("b.example");
	uint8_t msg[1024], got[1024];
	struct ready_answer answer = answer_of(&a, msg, 100), out;

	(void)state;
	assert_true(ready_size(r) <= 64 << 10);
	ready_keep(r, &a, true, &answer, msg);
	assert_true(ready_find(r, &a, true, 1999, got, &out));
	assert_int_equal(out.len, answer.len);
	assert_int_equal(out.count, DNS_COUNT_SYNTHESIZED);
	assert_true(ready_find(r, &upper, true, 1999, got, &out));
	assert_false(ready_find(r, &a, true, 2000, got, &out));
	assert_false(ready_find(r, &a, false, 1999, got, &out));
	assert_false(ready_find(r, &b, true, 1999, got, &out));
	a.limit = answer.len;
	assert_true(ready_find(r, &a, true, 1999, got, &out));
	a.edns = true;
	assert_false(ready_find(r, &a, true, 1999, got, &out));
	a.edns = false;
	a.limit = answer.len - 1;
	assert_false(ready_find(r, &a, true, 1999, got, &out));
	a.limit = 512;
	ready_clear(r);
	assert_false(ready_find(r, &a, true, 1999, got, &out));
	answer = answer_of(&a, msg, READY_LEN);
	ready_keep(r, &a, true, &answer, msg);
	assert_false(ready_find(r, &a, true, 1999, got, &out));
	ready_free(r);
}

/* A table of two places has room for two. */
static void two_may_share_a_place(void **state)
{
	static const struct siphash_key key = { 1, 2 };
	struct ready *r = ready_new(1, &key);
	struct ask a = ask_of("a.example"), b = ask_of("b.example"), c = ask_of("c.example");
	uint8_t msg[1024], got[1024];
	struct ready_answer answer = answer_of(&a, msg, 0), out;

	(void)state;
	ready_keep(r, &a, true, &answer, msg);
	answer.until_ms = 3000;
	ready_keep(r, &b, true, &answer, msg);
	ready_keep(r, &b, true, &answer, msg);
	assert_true(ready_find(r, &a, true, 0, got, &out));
	assert_true(ready_find(r, &b, true, 0, got, &out));
	ready_keep(r, &c, true, &answer, msg);
	assert_false(ready_find(r, &a, true, 0, got, &out));
	assert_true(ready_find(r, &b, true, 0, got, &out));
	assert_true(ready_find(r, &c, true, 0, got, &out));
	ready_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_the_engine_says),
		cmocka_unit_test(keeps_what_fits_until_its_time),
		cmocka_unit_test(two_may_share_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
