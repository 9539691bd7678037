/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radv_test.c - one interface over time: what its hosts hear. */
#include "ra/radv.h"
#include "t.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MIN_MS 198000
#define MAX_MS 600000

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

/* --- the link: everything that was sent -------------------------------------------------- */

struct sent {
	uint64_t at_ms;
	struct in6_addr src, dst;
	uint8_t bytes[RA_MSG_MAX];
	size_t len;
	struct ra_advert ra; /* as a host reads it */
};

static struct {
	struct radv *radv;
	uint64_t now_ms;
	struct sent sent[256];
	size_t n;
	int error;
	struct in6_addr gone; /* sending from it fails */
} net;

static int on_send(void *arg, const struct in6_addr *src, const struct in6_addr *dst,
		   const uint8_t *msg, size_t len)
{
	struct sent *s = &net.sent[net.n];

	(void)arg;
	if (net.error)
		return net.error;
	if (addr_equal(src, &net.gone))
		return -EINVAL;
	assert_true(net.n < N_OF(net.sent));
	s->at_ms = net.now_ms;
	s->src = *src;
	s->dst = *dst;
	s->len = len;
	memcpy(s->bytes, msg, len);
	assert_int_equal(
		ra_msg_read_advert(&(struct ra_packet){ *src, 255, s->bytes, len }, &s->ra),
		RA_ACCEPTED);
	assert_int_equal(s->ra.ignored, 0);
	net.n++;
	return 0;
}

/* The clock goes on to end_ms, and what is due on the way happens. */
static void run_to(uint64_t end_ms)
{
	while (radv_next(net.radv) <= end_ms) {
		if (radv_next(net.radv) > net.now_ms)
			net.now_ms = radv_next(net.radv);
		radv_tick(net.radv, net.now_ms);
	}
	net.now_ms = end_ms;
}

static void run_for(uint64_t ms)
{
	run_to(net.now_ms + ms);
}

/* What was sent is forgotten, and the next n messages are waited for. */
static struct sent *next_sent(size_t n)
{
	net.n = 0;
	while (net.n < n) {
		assert_true(radv_next(net.radv) != RADV_NEVER);
		run_to(radv_next(net.radv));
	}
	return &net.sent[n - 1];
}

static int set_up(void **state)
{
	(void)state;
	memset(&net, 0, sizeof net);
	net.now_ms = 1000000;
	net.radv = radv_new(1, on_send, NULL);
	return net.radv ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	radv_free(net.radv);
	return 0;
}

/* --- configurations ---------------------------------------------------------------------- */

static struct radv_item items[80];
static struct radv_conf conf;

static struct radv_item *add(struct radv_item item)
{
	items[conf.n] = item;
	return &items[conf.n++];
}

static struct radv_item *add_prefix(const char *text)
{
	return add((struct radv_item){ .kind = RA_PREFIX,
				       .addr = addr(text),
				       .len = 64,
				       .on_link = true,
				       .autonomous = true,
				       .lifetime_ms = 86400000,
				       .preferred_ms = 14400000,
				       .valid_until_ms = RADV_NEVER,
				       .preferred_until_ms = RADV_NEVER });
}

static struct radv_item *add_plain(enum ra_kind kind, const char *text, uint8_t len)
{
	return add((struct radv_item){
		.kind = kind, .addr = addr(text), .len = len, .lifetime_ms = RADV_AUTO });
}

static struct radv_item *add_text(enum ra_kind kind, const char *text)
{
	return add((struct radv_item){ .kind = kind, .text = text, .lifetime_ms = RADV_AUTO });
}

/* The interface of the reference configuration, with nothing announced yet. */
static void blank(void)
{
	conf = (struct radv_conf){ .link = 7,
				   .ready = true,
				   .forwarding = true,
				   .link_local = addr("fe80::ff:fe00:1"),
				   .min_interval_ms = MIN_MS,
				   .max_interval_ms = MAX_MS,
				   .router_lifetime_ms = 1800000,
				   .header = { .hop_limit = 64,
					       .preference = RA_PREFERENCE_HIGH,
					       .has_mac = true,
					       .mac = { 2, 0, 0, 0, 0, 1 } },
				   .items = items };
}

/* And with everything that the reference announces. */
static void reference(void)
{
	blank();
	add_prefix("2001:db8:1:2::");
	add_plain(RA_ROUTE, "64:ff9b::", 96);
	add_plain(RA_RDNSS, "2001:db8:1:2::2", 0);
	add_plain(RA_PREF64, "64:ff9b::", 96);
}

static void apply(void)
{
	assert_int_equal(radv_prepare(net.radv, net.now_ms, &conf), 0);
	radv_settle(net.radv, net.now_ms, true);
}

/* Applied, and the initial three are over. */
static void apply_and_settle(void)
{
	apply();
	run_for(100000);
	net.n = 0;
}

static const struct ra_item *item_of(const struct sent *s, enum ra_kind kind)
{
	for (size_t i = 0; i < s->ra.n; i++)
		if (s->ra.items[i].kind == kind)
			return &s->ra.items[i];
	return NULL;
}

static void assert_hex(const struct sent *s, const char *hex)
{
	size_t n = 0;

	for (; *hex; hex++) {
		char pair[3] = { hex[0], hex[1], 0 };

		if (*hex == ' ')
			continue;
		if (n >= s->len || s->bytes[n] != strtoul(pair, NULL, 16))
			fail_msg("byte %zu is %02x, not %s", n, s->bytes[n], pair);
		hex++;
		n++;
	}
	assert_int_equal(n, s->len);
}

/* --- what is said ------------------------------------------------------------------------ */

#define GOLDEN_SLLA "0101 020000000001"

static void golden(void **state)
{
	struct in6_addr all_nodes = addr("ff02::1");
	struct sent *s;

	(void)state;
	reference();
	items[0].lifetime_ms = RADV_INFINITE;
	apply();
	s = next_sent(1);
	assert_hex(s, "8600 0000 40 08 0708 00000000 00000000"
		      "030440c0 ffffffff 00003840 00000000 20010db8000100020000000000000000"
		      "18036000 00000708 0064ff9b0000000000000000 00000000"
		      "19030000 00000708 20010db8000100020000000000000002"
		      "26020708 0064ff9b0000000000000000" GOLDEN_SLLA);
	assert_true(addr_equal(&s->src, &conf.link_local));
	assert_true(addr_equal(&s->dst, &all_nodes)); /* A02 */
	net.n = 0;
	radv_cease(net.radv, net.now_ms);
	assert_int_equal(net.n, 1);
	assert_hex(&net.sent[0],
		   "8600 0000 40 00 0000 00000000 00000000"
		   "030440c0 ffffffff 00003840 00000000 20010db8000100020000000000000000"
		   "18036000 00000000 0064ff9b0000000000000000 00000000"
		   "19030000 00000000 20010db8000100020000000000000002"
		   "26020000 0064ff9b0000000000000000" GOLDEN_SLLA);
}

/* A09: with R the router's address; G03: the second example, no default router. */
static void router_address_and_no_default(void **state)
{
	(void)state;
	blank();
	conf.router_lifetime_ms = 0;
	add_prefix("2001:db8:1:2::")->router_address = addr("2001:db8:1:2::2");
	add_plain(RA_ROUTE, "2001:db8:a:a::", 64)->lifetime_ms = RADV_INFINITE;
	apply();
	assert_hex(next_sent(1),
		   "8600 0000 40 00 0000 00000000 00000000"
		   "030440e0 00015180 00003840 00000000 20010db8000100020000000000000002"
		   "18024000 ffffffff 20010db8000a000a" GOLDEN_SLLA);
}

/* A17, A24 and 4.7: three intervals, and no shorter than the default router. */
static void automatic_lifetimes(void **state)
{
	static const struct {
		int64_t max_ms, router_ms;
		uint32_t route_s, rdnss_s, pref64_s;
	} cases[] = {
		{ 600000, 1800000, 1800, 1800, 1800 },
		{ 600000, 9000000, 1800, 9000, 9000 },
		{ 4000, 12000, 12, 12, 16 },
		{ 600000, 0, 1800, 1800, 1800 },
		{ 65535000, 65535000, 196605, 196605, 65528 },
	};

	for (size_t i = 0; i < N_OF(cases); i++) {
		struct sent *s;

		tear_down(state);
		set_up(state);
		reference();
		conf.max_interval_ms = cases[i].max_ms;
		conf.min_interval_ms = 3000;
		conf.router_lifetime_ms = cases[i].router_ms;
		add_text(RA_DNSSL, "vm.example");
		apply();
		s = next_sent(1);
		assert_int_equal(item_of(s, RA_ROUTE)->lifetime_s, cases[i].route_s);
		assert_int_equal(item_of(s, RA_RDNSS)->lifetime_s, cases[i].rdnss_s);
		assert_int_equal(item_of(s, RA_DNSSL)->lifetime_s, cases[i].rdnss_s);
		assert_int_equal(item_of(s, RA_PREF64)->lifetime_s, cases[i].pref64_s);
		assert_int_equal(s->ra.head.lifetime_s, cases[i].router_ms / 1000);
	}
}

/* A33: the order of the kinds, whatever the order they are given in. */
static void order_of_options(void **state)
{
	struct sent *s;

	(void)state;
	blank();
	add_text(RA_CAPTIVE_PORTAL, "https://portal.example/");
	add_plain(RA_PREF64, "64:ff9b::", 96);
	add_text(RA_DNSSL, "vm.example");
	add_plain(RA_RDNSS, "2001:db8:1:2::2", 0);
	add_plain(RA_ROUTE, "64:ff9b::", 96);
	add_prefix("2001:db8:1:2::");
	add_prefix("2001:db8:1:2::5"); /* twice the same */
	add_text(RA_DNSSL, "no..name");
	apply();
	s = next_sent(1);
	assert_int_equal(s->ra.n, 6);
	for (size_t i = 0; i < s->ra.n; i++)
		assert_int_equal(s->ra.items[i].kind, i);
}

/* F13 and 6.2.4: a limit of the kernel runs down, and preferred is never above valid. */
static void limits_run_down(void **state)
{
	struct radv_item *p;
	struct sent *s;

	(void)state;
	blank();
	p = add_prefix("2001:db8:1:2::");
	p->found = true;
	p->valid_until_ms = net.now_ms + 3600000;
	p->preferred_until_ms = net.now_ms + 1800000;
	apply();
	s = next_sent(1);
	assert_in_range(item_of(s, RA_PREFIX)->lifetime_s, 3599, 3600);
	assert_in_range(item_of(s, RA_PREFIX)->preferred_s, 1799, 1800);
	run_for(2000000);
	s = next_sent(1);
	assert_in_range(item_of(s, RA_PREFIX)->lifetime_s, 900, 1600);
	assert_int_equal(item_of(s, RA_PREFIX)->preferred_s, 0);
	run_for(2000000);
	s = next_sent(1);
	assert_int_equal(item_of(s, RA_PREFIX)->lifetime_s, 0);
}

/* What is not zero does not become so, and a prefix is not preferred when it is not valid. */
static void lifetimes_are_rounded_and_capped(void **state)
{
	struct radv_item *p;
	struct sent *s;

	(void)state;
	blank();
	p = add_prefix("2001:db8:1:2::");
	p->found = true;
	p->preferred_ms = p->lifetime_ms;
	p->valid_until_ms = net.now_ms + 3600000;
	add_plain(RA_ROUTE, "64:ff9b::", 96)->lifetime_ms = 1;
	add_plain(RA_RDNSS, "2001:db8:1:2::2", 0)->lifetime_ms = 4294967295000;
	apply();
	s = next_sent(1);
	assert_int_equal(item_of(s, RA_PREFIX)->preferred_s, item_of(s, RA_PREFIX)->lifetime_s);
	assert_int_equal(item_of(s, RA_ROUTE)->lifetime_s, 1);
	assert_int_equal(item_of(s, RA_RDNSS)->lifetime_s, RA_INFINITE - 1);
}

/* Prefixes are the same only with the same length. */
static void prefixes_of_two_lengths(void **state)
{
	(void)state;
	blank();
	add_prefix("2001:db8:1::");
	add_prefix("2001:db8:1::")->len = 48;
	add_plain(RA_ROUTE, "2001:db8:1::", 64);
	add_plain(RA_ROUTE, "2001:db8:1::", 48);
	add_plain(RA_ROUTE, "2001:db8:1::", 48);
	apply();
	assert_int_equal(next_sent(1)->ra.n, 4);
}

/* A34, A35: a long list in one round of several messages. */
static void a_round_of_several_messages(void **state)
{
	char text[ADDR_TEXT_LEN];

	(void)state;
	blank();
	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof text, "2001:db8:%x::", i + 1);
		add_prefix(text);
	}
	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof text, "2001:db8::%x", i + 1);
		add_plain(RA_RDNSS, text, 0);
	}
	apply();
	next_sent(2);
	assert_int_equal(net.sent[0].at_ms, net.sent[1].at_ms);
	assert_int_equal(net.sent[0].ra.n + net.sent[1].ra.n, 68);
	assert_true(net.sent[1].ra.head.has_mac);
	next_sent(1);
	assert_int_equal(net.sent[0].at_ms - net.now_ms, 0);
}

/* --- changes ----------------------------------------------------------------------------- */

/* E04: the same again is no news. */
static void the_same_again(void **state)
{
	uint64_t next;

	(void)state;
	reference();
	apply_and_settle();
	next = radv_next(net.radv);
	apply();
	assert_int_equal(radv_next(net.radv), next);
	conf.router_lifetime_ms = 600000;
	assert_int_equal(radv_prepare(net.radv, net.now_ms, &conf), 0);
	radv_settle(net.radv, net.now_ms, false); /* E06: refused elsewhere */
	assert_int_equal(radv_next(net.radv), next);
	assert_int_equal(next_sent(1)->ra.head.lifetime_s, 1800);
}

/* E05: taken back in three advertisements, the prefix softly. */
static void what_a_reload_removes(void **state)
{
	static const uint64_t gaps[] = { 500, 16000, 16000 };

	(void)state;
	reference();
	add_text(RA_DNSSL, "vm.example");
	add_text(RA_CAPTIVE_PORTAL, "https://portal.example/");
	apply_and_settle();
	blank();
	apply();
	assert_int_equal(radv_status(net.radv).withdrawn, 6);
	for (int i = 0; i < 3; i++) {
		uint64_t before = net.now_ms;
		struct sent *s = next_sent(1);

		assert_true(net.now_ms - before <= gaps[i]);
		assert_int_equal(s->ra.n, 6);
		assert_int_equal(item_of(s, RA_PREFIX)->lifetime_s, 7200);
		assert_int_equal(item_of(s, RA_PREFIX)->preferred_s, 0);
		assert_int_equal(item_of(s, RA_PREFIX)->flags,
				 RA_PREFIX_ON_LINK | RA_PREFIX_AUTONOMOUS);
		assert_int_equal(item_of(s, RA_ROUTE)->lifetime_s, 0);
		assert_int_equal(item_of(s, RA_RDNSS)->lifetime_s, 0);
		assert_int_equal(item_of(s, RA_DNSSL)->lifetime_s, 0);
		assert_int_equal(item_of(s, RA_PREF64)->lifetime_s, 0);
		assert_memory_equal(item_of(s, RA_CAPTIVE_PORTAL)->bytes,
				    "urn:ietf:params:capport:unrestricted", 36);
		assert_int_equal(s->ra.head.lifetime_s, 1800);
		apply(); /* the same again does not begin anew */
	}
	assert_int_equal(next_sent(1)->ra.n, 0);
	assert_int_equal(radv_status(net.radv).withdrawn, 0);
}

static void a_short_prefix_runs_out_no_later(void **state)
{
	(void)state;
	blank();
	add_prefix("2001:db8:1:2::")->lifetime_ms = 600000;
	items[0].preferred_ms = 300000;
	apply_and_settle();
	blank();
	apply();
	assert_int_equal(item_of(next_sent(1), RA_PREFIX)->lifetime_s, 600);
}

/* Unicast answers carry what is taken back but do not count. */
static void answers_do_not_count_as_withdrawals(void **state)
{
	static const uint8_t rs[8] = { 133 };
	struct ra_packet in = { addr("fe80::2"), 255, rs, sizeof rs };

	(void)state;
	reference();
	apply_and_settle();
	blank();
	apply();
	next_sent(1);
	for (int i = 0; i < 5; i++) {
		struct sent *s;

		net.now_ms += 1;
		radv_input(net.radv, net.now_ms, &in);
		s = next_sent(1);
		assert_true(addr_equal(&s->dst, &in.src));
		assert_int_equal(item_of(s, RA_ROUTE)->lifetime_s, 0);
	}
	assert_non_null(item_of(next_sent(1), RA_ROUTE));
	assert_non_null(item_of(next_sent(1), RA_ROUTE));
	assert_null(item_of(next_sent(1), RA_ROUTE));
}

/* C28: while a change is prepared the old is said, afterwards nothing but the new. */
static void solicitations_during_a_change(void **state)
{
	static const uint8_t rs[8] = { 133 };
	struct ra_packet in = { addr("fe80::2"), 255, rs, sizeof rs };
	struct in6_addr old = addr("2001:db8:1:2::2");

	(void)state;
	reference();
	apply_and_settle();
	radv_input(net.radv, net.now_ms, &in);
	conf.router_lifetime_ms = 9000000;
	items[2].addr = addr("2001:db8:1:2::53");
	assert_int_equal(radv_prepare(net.radv, net.now_ms, &conf), 0);
	assert_int_equal(next_sent(1)->ra.head.lifetime_s, 1800);
	radv_input(net.radv, net.now_ms, &in);
	radv_settle(net.radv, net.now_ms, true);
	for (int i = 0; i < 20; i++) {
		struct sent *s = next_sent(1);

		assert_int_equal(s->ra.head.lifetime_s, 9000);
		for (size_t j = 0; j < s->ra.n; j++)
			if (addr_equal(&s->ra.items[j].addr, &old))
				assert_int_equal(s->ra.items[j].lifetime_s, 0);
		radv_input(net.radv, net.now_ms, &in);
	}
}

static void what_comes_back_is_announced(void **state)
{
	(void)state;
	reference();
	apply_and_settle();
	blank();
	apply();
	next_sent(1);
	reference();
	apply();
	assert_int_equal(item_of(next_sent(1), RA_ROUTE)->lifetime_s, 1800);
	assert_int_equal(net.sent[0].ra.n, 4);
	assert_int_equal(radv_status(net.radv).withdrawn, 0);
}

static void what_was_never_said_is_not_taken_back(void **state)
{
	(void)state;
	reference();
	apply();
	blank();
	apply();
	assert_int_equal(next_sent(1)->ra.n, 0);
}

/* F08 and RFC 9096: in every advertisement for the old lifetime, at most 5400 s. */
static void a_prefix_that_the_host_lost(void **state)
{
	uint64_t lost;
	struct sent *s;

	(void)state;
	blank();
	add_prefix("2001:db8:1:2::")->found = true;
	apply_and_settle();
	blank();
	add_prefix("2001:db8:9:9::")->found = true;
	lost = net.now_ms;
	apply();
	s = next_sent(1);
	assert_true(net.now_ms - lost <= 500);
	assert_int_equal(s->ra.n, 2);
	assert_int_equal(s->ra.items[0].lifetime_s, 86400);
	assert_int_equal(s->ra.items[1].lifetime_s, 0);
	assert_int_equal(s->ra.items[1].preferred_s, 0);
	assert_int_equal(s->ra.items[1].flags, RA_PREFIX_ON_LINK | RA_PREFIX_AUTONOMOUS);
	run_to(lost + 5400000 - 1);
	s = &net.sent[net.n - 1];
	assert_int_equal(s->ra.n, 2);
	next_sent(1); /* the last with it may be the first behind the time */
	assert_int_equal(next_sent(1)->ra.n, 1);
}

/* And no longer than hosts can believe in it. */
static void a_short_prefix_that_the_host_lost(void **state)
{
	uint64_t lost;

	(void)state;
	blank();
	add_prefix("2001:db8:1:2::")->found = true;
	items[0].lifetime_ms = items[0].preferred_ms = 600000;
	apply_and_settle();
	blank();
	lost = net.now_ms;
	apply();
	run_to(lost + 600000 - 1);
	assert_int_equal(net.sent[net.n - 1].ra.n, 1);
	next_sent(1);
	assert_int_equal(next_sent(1)->ra.n, 0);
}

/* F08: a deprecated prefix is said with preferred 0 soon; one that is renewed is no news. */
static void limits_that_move(void **state)
{
	struct radv_item *p;
	uint64_t next;

	(void)state;
	blank();
	p = add_prefix("2001:db8:1:2::");
	p->found = true;
	p->valid_until_ms = net.now_ms + 7200000;
	p->preferred_until_ms = net.now_ms + 3600000;
	apply_and_settle();
	next = radv_next(net.radv);
	p->valid_until_ms += 60000;
	p->preferred_until_ms += 60000;
	apply();
	assert_int_equal(radv_next(net.radv), next);
	p->preferred_until_ms = 0;
	apply();
	assert_true(radv_next(net.radv) <= net.now_ms + 500);
	assert_int_equal(item_of(next_sent(1), RA_PREFIX)->preferred_s, 0);
	run_for(100000);
	p->valid_until_ms = net.now_ms + 600000; /* cut by far more than half */
	apply();
	assert_true(radv_next(net.radv) <= net.now_ms + 500);
}

/* E08: no forwarding, no default route, no routes, no PREF64; and back. */
static void forwarding_off_and_on(void **state)
{
	struct sent *s;

	(void)state;
	reference();
	apply_and_settle();
	conf.forwarding = false;
	apply();
	s = next_sent(1);
	assert_int_equal(s->ra.head.lifetime_s, 0);
	assert_int_equal(s->bytes[5], 0); /* preference */
	assert_int_equal(item_of(s, RA_ROUTE)->lifetime_s, 0);
	assert_int_equal(item_of(s, RA_PREF64)->lifetime_s, 0);
	assert_int_equal(item_of(s, RA_RDNSS)->lifetime_s, 1800);
	assert_int_equal(item_of(s, RA_PREFIX)->lifetime_s, 86400);
	conf.forwarding = true;
	apply();
	assert_true(radv_next(net.radv) - net.now_ms <= 3500);
	s = next_sent(1);
	assert_int_equal(s->ra.head.lifetime_s, 1800);
	assert_int_equal(item_of(s, RA_ROUTE)->lifetime_s, 1800);
}

/* E09: a plane that fails. */
static void what_does_not_work_is_withheld(void **state)
{
	struct sent *s;

	(void)state;
	reference();
	apply_and_settle();
	items[1].withheld = items[3].withheld = true;
	apply();
	s = next_sent(1);
	assert_true(s->at_ms <= net.now_ms && net.n == 1);
	assert_int_equal(item_of(s, RA_ROUTE)->lifetime_s, 0);
	assert_int_equal(item_of(s, RA_PREF64)->lifetime_s, 0);
	run_for(10 * MAX_MS); /* for as long as it lasts */
	assert_int_equal(item_of(next_sent(1), RA_ROUTE)->lifetime_s, 0);
	items[1].withheld = items[3].withheld = false;
	apply();
	assert_true(radv_next(net.radv) - net.now_ms <= 3500);
	assert_int_equal(item_of(next_sent(1), RA_ROUTE)->lifetime_s, 1800);
}

/* F05 (the link-layer address): heard within a second. */
static void another_mac(void **state)
{
	(void)state;
	reference();
	apply_and_settle();
	conf.header.mac[5] = 9;
	apply();
	assert_true(radv_next(net.radv) - net.now_ms <= 500);
	assert_int_equal(next_sent(1)->ra.head.mac[5], 9);
}

/* --- addresses and links ----------------------------------------------------------------- */

/* F09: the new address, then the old one with lifetime 0, then the new one twice. */
static void another_link_local_address(void **state)
{
	struct in6_addr old;
	uint64_t before;
	struct sent *s;

	(void)state;
	reference();
	old = conf.link_local;
	apply_and_settle();
	conf.link_local = addr("fe80::99");
	before = net.now_ms;
	apply();
	s = next_sent(4);
	assert_true(net.sent[0].at_ms - before <= 500);
	assert_true(addr_equal(&net.sent[0].src, &conf.link_local));
	assert_true(addr_equal(&net.sent[1].src, &old));
	assert_int_equal(net.sent[1].ra.head.lifetime_s, 0);
	assert_int_equal(net.sent[1].ra.n, 1);
	assert_int_equal(item_of(&net.sent[1], RA_ROUTE)->lifetime_s, 0);
	assert_true(addr_equal(&net.sent[2].src, &conf.link_local));
	assert_true(addr_equal(&s->src, &conf.link_local));
	assert_int_equal(s->ra.head.lifetime_s, 1800);
	for (int i = 1; i < 4; i++)
		assert_in_range(net.sent[i].at_ms - net.sent[i - 1].at_ms, 3000, 3600);
	assert_true(next_sent(1)->at_ms - s->at_ms >= MIN_MS);
}

static void the_old_address_is_gone(void **state)
{
	(void)state;
	reference();
	net.gone = conf.link_local;
	net.gone.s6_addr[0] = 0;
	apply_and_settle();
	net.gone = conf.link_local;
	conf.link_local = addr("fe80::99");
	apply();
	next_sent(4);
	for (int i = 0; i < 4; i++)
		assert_true(addr_equal(&net.sent[i].src, &conf.link_local));
	assert_int_equal(radv_counters(net.radv)->ra_tx_errors, 0);
}

static void there_and_back(void **state)
{
	struct in6_addr first;

	(void)state;
	reference();
	first = conf.link_local;
	apply_and_settle();
	conf.link_local = addr("fe80::99");
	apply();
	conf.link_local = first; /* before anything was said */
	apply();
	next_sent(5);
	for (int i = 0; i < 5; i++) {
		assert_true(addr_equal(&net.sent[i].src, &first));
		assert_int_equal(net.sent[i].ra.head.lifetime_s, 1800);
	}
}

/* F01, F02, F10: nothing without an address; at once with one; three again. */
static void waiting_for_an_address(void **state)
{
	uint64_t up;

	(void)state;
	reference();
	conf.ready = false;
	apply();
	assert_int_equal(radv_next(net.radv), RADV_NEVER);
	assert_string_equal(radv_status(net.radv).state, "waiting");
	run_for(60000);
	conf.ready = true;
	up = net.now_ms;
	apply();
	assert_string_equal(radv_status(net.radv).state, "announcing");
	next_sent(3);
	assert_true(net.sent[0].at_ms - up <= 500);
	assert_int_equal(net.sent[2].at_ms - net.sent[0].at_ms, 32000);
	assert_string_equal(radv_status(net.radv).state, "steady");
	conf.ready = false;
	apply();
	assert_int_equal(radv_next(net.radv), RADV_NEVER);
}

/* F06: the bridge was made anew: nothing of the old link counts. */
static void another_link(void **state)
{
	(void)state;
	reference();
	apply();
	next_sent(1);
	blank();
	conf.link = 8;
	conf.link_local = addr("fe80::99");
	apply();
	assert_true(radv_next(net.radv) - net.now_ms <= 500);
	next_sent(4);
	for (int i = 0; i < 4; i++) {
		assert_true(addr_equal(&net.sent[i].src, &conf.link_local));
		assert_int_equal(net.sent[i].ra.n, 0);
	}
}

/* F19 */
static void the_link_refuses(void **state)
{
	(void)state;
	reference();
	net.error = -ENOBUFS;
	apply();
	run_for(30000);
	assert_int_equal(radv_status(net.radv).error, -ENOBUFS);
	assert_in_range(radv_counters(net.radv)->ra_tx_errors, 10, 20);
	assert_int_equal(net.n, 0);
	net.error = 0;
	run_for(3000);
	assert_int_equal(net.n, 1);
	assert_int_equal(radv_status(net.radv).error, 0);
}

/* --- coming in --------------------------------------------------------------------------- */

static void solicitations(void **state)
{
	static const uint8_t rs[16] = { 133, [8] = 1, 1, 2, 0, 0, 0, 0, 9 };
	struct ra_packet in = { addr("fe80::2"), 255, rs, sizeof rs };
	const struct radv_counters *c = radv_counters(net.radv);
	uint64_t asked;

	(void)state;
	reference();
	apply_and_settle();
	asked = net.now_ms;
	radv_input(net.radv, asked, &in);
	run_for(1000);
	assert_int_equal(net.n, 1);
	assert_true(addr_equal(&net.sent[0].dst, &in.src));
	assert_true(net.sent[0].at_ms - asked <= 500);
	assert_int_equal(net.sent[0].ra.head.lifetime_s, 1800);
	assert_int_equal(c->rs_rx, 1);
	assert_int_equal(c->ra_tx_solicited, 1);
	in.hop_limit = 254;
	radv_input(net.radv, net.now_ms, &in);
	in.hop_limit = 255;
	in.src = conf.link_local; /* C20: our own */
	radv_input(net.radv, net.now_ms, &in);
	in.src = in6addr_any; /* C16 */
	radv_input(net.radv, net.now_ms, &in);
	run_for(1000);
	assert_int_equal(net.n, 1);
	assert_int_equal(c->rs_rx, 4);
	assert_int_equal(c->rs_invalid[RA_BAD_HOP_LIMIT], 1);
	assert_int_equal(c->rs_invalid[RA_BAD_SOURCE_LL], 1);
	assert_int_equal(c->rs_own, 1);
}

static void advertisements(void **state)
{
	static const uint8_t ra[16] = { 134, [7] = 1 };
	uint8_t with_mac[24] = { 134, [16] = 1, 1, 2, 0, 0, 0, 0, 1 };
	struct ra_packet in = { addr("fe80::2"), 255, ra, sizeof ra };
	const struct radv_counters *c = radv_counters(net.radv);
	struct others_news news;
	size_t i = 0;

	(void)state;
	reference();
	apply_and_settle();
	assert_false(radv_news(net.radv, &news));
	radv_input(net.radv, net.now_ms, &in);
	assert_true(radv_news(net.radv, &news));
	assert_int_equal(news.found, OTHERS_BIT(OTHERS_ROUTER));
	assert_int_equal(c->ra_found[OTHERS_ROUTER], 1);
	assert_false(radv_news(net.radv, &news));
	in.hop_limit = 1;
	radv_input(net.radv, net.now_ms, &in);
	assert_int_equal(c->ra_rx, 2);
	assert_int_equal(c->ra_invalid[RA_BAD_HOP_LIMIT], 1);

	/* D06: ours, sent back by a switch; and from our address, but by another. */
	in = (struct ra_packet){ conf.link_local, 255, ra, sizeof ra };
	radv_input(net.radv, net.now_ms, &in);
	in = (struct ra_packet){ conf.link_local, 255, with_mac, sizeof with_mac };
	radv_input(net.radv, net.now_ms, &in);
	assert_int_equal(c->ra_own, 2);
	assert_int_equal(c->ra_rx, 2);
	with_mac[23] = 9;
	net.now_ms += OTHERS_QUIET_MS;
	radv_input(net.radv, net.now_ms, &in);
	assert_true(radv_news(net.radv, &news));
	assert_int_equal(news.found, OTHERS_BIT(OTHERS_ADDRESS));
	assert_int_equal(c->ra_found[OTHERS_ADDRESS], 1);
	assert_non_null(others_at(radv_others(net.radv), &i, net.now_ms));

	conf.link++; /* nobody of the old link is on the new one */
	apply();
	i = 0;
	assert_null(others_at(radv_others(net.radv), &i, net.now_ms));
}

/* What is taken back is not announced: another router may go on with it. */
static void what_others_may_keep(void **state)
{
	static const uint8_t ra[] = {
		134,  0, 0,    0,    64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0,
		3,    4, 64,   0xc0, 0,  1, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0,
		0x20, 1, 0x0d, 0xb8, 0,  1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0
	};
	struct ra_packet in = { addr("fe80::2"), 255, ra, sizeof ra };
	const struct radv_counters *c = radv_counters(net.radv);

	(void)state;
	reference();
	apply_and_settle();
	radv_input(net.radv, net.now_ms, &in);
	assert_int_equal(c->ra_found[OTHERS_VALID], 1);
	blank();
	apply();
	assert_true(radv_withdraws(net.radv, &(struct ra_item){ .kind = RA_PREFIX,
								.addr = addr("2001:db8:1:2::"),
								.len = 64 }));
	assert_false(radv_withdraws(
		net.radv,
		&(struct ra_item){ .kind = RA_PREFIX, .addr = addr("2001:db8::"), .len = 64 }));
	radv_input(net.radv, net.now_ms, &in);
	assert_int_equal(c->ra_found[OTHERS_VALID], 1);
	assert_int_equal(c->ra_found[OTHERS_ROUTER], 2);
}

/* C27: after the farewell nobody hears of a router. */
static void nothing_after_the_farewell(void **state)
{
	static const uint8_t rs[8] = { 133 };
	struct ra_packet in = { addr("fe80::2"), 255, rs, sizeof rs };

	(void)state;
	reference();
	apply_and_settle();
	radv_input(net.radv, net.now_ms, &in);
	radv_cease(net.radv, net.now_ms);
	radv_input(net.radv, net.now_ms, &in);
	assert_int_equal(radv_next(net.radv), RADV_NEVER);
	assert_int_equal(net.n, 1);
	assert_int_equal(net.sent[0].ra.head.lifetime_s, 0);
	radv_cease(net.radv, net.now_ms);
	assert_int_equal(net.n, 1);
}

/* Guests may have heard one that was killed before it could say farewell. */
static void farewell_before_the_first_word(void **state)
{
	(void)state;
	reference();
	apply();
	radv_cease(net.radv, net.now_ms);
	assert_int_equal(net.n, 1);
	assert_int_equal(net.sent[0].ra.head.lifetime_s, 0);
}

/* G08: every counter has a name of its own. */
static void counters_have_names(void **state)
{
	const struct radv_counter_row *a, *b;
	size_t n;

	(void)state;
	for (n = 0; (a = radv_counter_row(n)); n++)
		for (size_t i = 0; i < n; i++) {
			b = radv_counter_row(i);
			assert_string_not_equal(a->name, b->name);
			assert_int_not_equal(a->offset, b->offset);
		}
	assert_int_equal(n * sizeof(uint64_t), sizeof(struct radv_counters));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(golden),
		TEST(router_address_and_no_default),
		TEST(automatic_lifetimes),
		TEST(order_of_options),
		TEST(limits_run_down),
		TEST(lifetimes_are_rounded_and_capped),
		TEST(prefixes_of_two_lengths),
		TEST(a_round_of_several_messages),
		TEST(the_same_again),
		TEST(what_a_reload_removes),
		TEST(a_short_prefix_runs_out_no_later),
		TEST(answers_do_not_count_as_withdrawals),
		TEST(solicitations_during_a_change),
		TEST(what_comes_back_is_announced),
		TEST(what_was_never_said_is_not_taken_back),
		TEST(a_prefix_that_the_host_lost),
		TEST(a_short_prefix_that_the_host_lost),
		TEST(limits_that_move),
		TEST(forwarding_off_and_on),
		TEST(what_does_not_work_is_withheld),
		TEST(another_mac),
		TEST(another_link_local_address),
		TEST(the_old_address_is_gone),
		TEST(there_and_back),
		TEST(waiting_for_an_address),
		TEST(another_link),
		TEST(the_link_refuses),
		TEST(solicitations),
		TEST(advertisements),
		TEST(what_others_may_keep),
		TEST(nothing_after_the_farewell),
		TEST(farewell_before_the_first_word),
		TEST(counters_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
