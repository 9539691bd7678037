/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_query_fuzz.c - the engine: any clients, any upstream, any time, reloads.
 *
 * The input is a list of steps, each an octet for its kind, one for an argument, one for a
 * length, and that many octets.  In the end everything is answered: then the endings must add
 * up.
 */
#include "base/addr.h"
#include "dns/msg.h"
#include "dns/query.h"

#include <stdlib.h>
#include <string.h>

#define HELD 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct dns *dns;
	uint64_t now_ms;
	struct {
		uint64_t id;
		struct dns_question q;
	} held[HELD];
	size_t n_held;
} t;

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void on_reply(void *ctx, const struct dns_client *client, const uint8_t *msg, size_t len)
{
	struct msg m;

	(void)ctx;
	if (!len) {
		require(client->transport == DNS_TCP);
		return;
	}
	require(len <= (client->transport == DNS_TCP ? DNS_MSG_MAX : 1232));
	require(msg_parse(msg, len, &m) == MSG_OK);
	require((m.flags & MSG_QR) && m.at[MSG_END] == len);
}

static void on_resolve(void *ctx, uint64_t id, const struct dns_question *q, unsigned flags,
		       unsigned set)
{
	static const struct resolve_result none = { .status = RESOLVE_UNREACHABLE };

	(void)ctx;
	(void)flags;
	(void)set;
	if (t.n_held == HELD) {
		dns_resolved(t.dns, id, &none, t.now_ms);
		return;
	}
	t.held[t.n_held].id = id;
	t.held[t.n_held++].q = *q;
}

static void on_cancel(void *ctx, uint64_t id)
{
	(void)ctx;
	for (size_t i = 0; i < t.n_held; i++)
		if (t.held[i].id == id)
			t.held[i] = t.held[--t.n_held];
}

static void on_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 7, n);
}

static void read_client(uint8_t argument, const uint8_t *data, size_t len)
{
	struct dns_client c = { .port = 4000,
				.transport = argument & 1 ? DNS_TCP : DNS_UDP,
				.addr.s6_addr = { 0xfd, [15] = argument >> 2 } };

	dns_input(t.dns, &c, data, len, t.now_ms);
}

/* A question for one of a few names, so that answers meet. */
static void ask(uint8_t argument, const uint8_t *data, size_t len)
{
	static const char *const names[] = {
		"a", "b.a", "ipv4only.arpa", "local", "8.8.8.8.in-addr.arpa", "l", "c", "d"
	};
	struct dns_question q = { .type = TYPE_AAAA, .class = CLASS_IN };
	uint8_t buf[512];
	struct msg_wr w;

	q.name_len = (uint8_t)name_from_text(names[argument & 7], q.name);
	if (len >= 2)
		q.type = (uint16_t)(data[0] << 8 | data[1]);
	msg_begin(&w, buf, sizeof buf, 1, MSG_RD | (argument & 8 ? MSG_CD : 0), &q);
	if (argument & 16)
		msg_put_opt(&w, 1232, 0, argument & 32, NULL, 0);
	read_client(argument >> 6, buf, msg_end(&w));
}

/* Header flags and counts and all records from the input, the question as asked. */
static void answer(uint8_t argument, const uint8_t *data, size_t len)
{
	static uint8_t buf[DNS_MSG_MAX];
	struct resolve_result r = { .status =
					    argument & 0x80 ? RESOLVE_TIMEOUT : RESOLVE_ANSWER,
				    .msg = buf };
	struct dns_question q;
	struct msg_wr w;
	uint64_t id;
	size_t i;

	if (!t.n_held || len < 8)
		return;
	i = argument % t.n_held;
	id = t.held[i].id;
	q = t.held[i].q;
	t.held[i] = t.held[--t.n_held];
	msg_begin(&w, buf, sizeof buf, 0, (uint16_t)(data[0] << 8 | data[1]), &q);
	wr_bytes(&w.w, data + 8, len - 8);
	r.len = msg_end(&w);
	memcpy(buf + 6, data + 2, 6);
	dns_resolved(t.dns, id, &r, t.now_ms);
}

static void pass(uint64_t ms)
{
	t.now_ms += ms;
	dns_tick(t.dns, t.now_ms);
}

static struct acl_entry any = { .kind = ACL_ANY };

static struct dns_conf conf_of(uint8_t argument)
{
	static const struct in_addr a[] = { { 0x01020304 } };
	static const struct dns_local_conf local[] = {
		{ .name = "l", .a = a, .n_a = 1, .ptr = true }
	};
	static const struct dns_zone_conf zones[] = { { "b.a" } };
	static const char *const exclude[] = { "c" };
	static const struct prefix6 mapped = { .addr.s6_addr = { [10] = 0xff, [11] = 0xff },
					       .len = 96 };

	return (struct dns_conf){
		.prefix = { .prefix = { .s6_addr = { 0x20, 1 } },
			    .len = argument & 1 ? 96 : 64 },
		.destinations = { &any, 1 },
		.allow_query = { &any, 1 },
		.clients = { &any, 1 },
		.exclude_aaaa = &mapped,
		.n_exclude_aaaa = 1,
		.exclude_names = exclude,
		.n_exclude_names = argument >> 1 & 1,
		.zones = zones,
		.n_zones = argument >> 2 & 1,
		.local = local,
		.n_local = argument >> 3 & 1,
		.synthesize_on_error = DNS_ON_ERROR_UNLESS_BOGUS,
		.validating = argument >> 4 & 1,
		.cache_size = argument & 32 ? 300 << 10 : 1 << 18,
		.max_ttl_s = 86400,
		.negative_ttl_s = 900,
		.serve_stale_s = argument & 64 ? 3600 : 0,
		.udp_payload = 1232,
		.timeout_ms = 5000,
		.max_queries_per_client = 20,
		.tcp_idle_s = 30,
	};
}

static void reload(uint8_t argument)
{
	struct dns_conf conf = conf_of(argument);

	require(dns_prepare(t.dns, &conf));
	dns_settle(t.dns, !(argument & 0x80), t.now_ms);
}

static void step(uint8_t kind, uint8_t argument, const uint8_t *data, size_t len)
{
	switch (kind % 6) {
	case 0:
		read_client(argument, data, len);
		return;
	case 1:
		ask(argument, data, len);
		return;
	case 2:
	case 3:
		answer(argument, data, len);
		return;
	case 4:
		pass(argument * 250u);
		return;
	case 5:
		reload(argument);
		return;
	}
}

static void end(void)
{
	static const struct resolve_result none = { .status = RESOLVE_UNREACHABLE };
	uint64_t endings = 0;

	while (t.n_held) {
		uint64_t id = t.held[--t.n_held].id;

		dns_resolved(t.dns, id, &none, t.now_ms);
	}
	require(dns_in_flight(t.dns) == 0 && dns_next(t.dns) == UINT64_MAX);
	for (size_t i = 0; i < DNS_COUNT_ENDINGS; i++)
		endings += dns_counts(t.dns)[i];
	require(endings == dns_counts(t.dns)[DNS_COUNT_QUERIES]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dns_ops ops = { .reply = on_reply,
					    .resolve = on_resolve,
					    .cancel = on_cancel,
					    .random = on_random };
	struct dns_conf conf = conf_of(size ? data[0] : 0);

	memset(&t, 0, sizeof t);
	t.now_ms = 1;
	t.dns = dns_new(&conf, &ops, NULL);
	require(t.dns);
	for (size_t at = 1; at + 3 <= size;) {
		size_t len = data[at + 2], left = size - at - 3;

		len = len < left ? len : left;
		step(data[at], data[at + 1], data + at + 3, len);
		at += 3 + len;
	}
	end();
	dns_free(t.dns);
	return 0;
}
