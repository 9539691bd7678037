/* SPDX-License-Identifier: GPL-3.0-or-later */
/* others_test.c - what other routers say, against what we announce, over time. */
#include "ra/others.h"
#include "t.h"

#include <stdio.h>

#define DAY_S 86400

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	if (!addr_parse(text, &a))
		fail_msg("no address: %s", text);
	return a;
}

/* --- we, and what they say -----------------------------------------------------------------
 */

static struct others others;
static uint64_t now_ms;
static struct ra_header ours, theirs;
static struct ra_item our_items[16], their_items[16];
static size_t n_ours, n_theirs;

static int set_up(void **state)
{
	(void)state;
	memset(&others, 0, sizeof others);
	now_ms = 1000000;
	ours = theirs = (struct ra_header){ .hop_limit = 64, .lifetime_s = 1800 };
	n_ours = n_theirs = 0;
	return 0;
}

static struct ra_item item_of(enum ra_kind kind, const char *text, uint32_t lifetime_s)
{
	struct ra_item item = { .kind = kind, .lifetime_s = lifetime_s };
	struct prefix6 p;

	if (kind == RA_DNSSL || kind == RA_CAPTIVE_PORTAL) {
		item.bytes = (const uint8_t *)text;
		item.n_bytes = (uint16_t)(strlen(text) + (kind == RA_DNSSL));
		return item;
	}
	assert_true(prefix_parse(text, &p, NULL));
	item.addr = p.addr;
	item.len = p.len;
	item.preferred_s = lifetime_s < 14400 ? lifetime_s : 14400;
	return item;
}

static struct ra_item *we(enum ra_kind kind, const char *text, uint32_t lifetime_s)
{
	our_items[n_ours] = item_of(kind, text, lifetime_s);
	return &our_items[n_ours++];
}

static struct ra_item *they(enum ra_kind kind, const char *text, uint32_t lifetime_s)
{
	their_items[n_theirs] = item_of(kind, text, lifetime_s);
	return &their_items[n_theirs++];
}

static unsigned hear(const char *from)
{
	struct in6_addr src = addr(from);
	struct ra_advert ra = { .head = theirs, .n = n_theirs };
	struct others_own own = { addr("fe80::1"), &ours, our_items, n_ours };

	memcpy(ra.items, their_items, sizeof their_items);
	return others_input(&others, now_ms, &src, &ra, &own);
}

#define ROUTER OTHERS_BIT(OTHERS_ROUTER)

/* What contradicts us, of the router fe80::2. */
static unsigned contradiction(void)
{
	unsigned found = hear("fe80::2");

	assert_true(found & ROUTER);
	return found & ~ROUTER;
}

static size_t remembered(void)
{
	size_t n = 0;

	for (size_t i = 0; others_at(&others, &i, now_ms);)
		n++;
	return n;
}

/* --- every field (RFC 4861 6.2.7) ------------------------------------------------------------
 */

/* D02 */
static void headers(void **state)
{
	static const struct {
		struct ra_header ours, theirs;
		unsigned found;
	} cases[] = {
		{ { .hop_limit = 64 }, { .hop_limit = 64 }, 0 },
		{ { .managed = true }, { .managed = false }, OTHERS_BIT(OTHERS_MANAGED) },
		{ { .managed = false }, { .managed = true }, OTHERS_BIT(OTHERS_MANAGED) },
		{ { .other = true }, { .other = false }, OTHERS_BIT(OTHERS_OTHER) },
		{ { .hop_limit = 64 }, { .hop_limit = 255 }, OTHERS_BIT(OTHERS_HOP_LIMIT) },
		{ { .hop_limit = 64 }, { .hop_limit = 0 }, 0 },
		{ { .hop_limit = 0 }, { .hop_limit = 64 }, 0 },
		{ { .reachable_ms = 1 }, { .reachable_ms = 2 }, OTHERS_BIT(OTHERS_REACHABLE) },
		{ { .reachable_ms = 1 }, { .reachable_ms = 0 }, 0 },
		{ { .retrans_ms = 1 }, { .retrans_ms = 2 }, OTHERS_BIT(OTHERS_RETRANS) },
		{ { .retrans_ms = 0 }, { .retrans_ms = 2 }, 0 },
		{ { .mtu = 1500 }, { .mtu = 1280 }, OTHERS_BIT(OTHERS_MTU) },
		{ { .mtu = 1500 }, { .mtu = 0 }, 0 },
		{ { .preference = RA_PREFERENCE_HIGH },
		  { .preference = RA_PREFERENCE_LOW },
		  0 },
		{ { .managed = true, .mtu = 1500 },
		  { .other = true, .mtu = 1400 },
		  OTHERS_BIT(OTHERS_MANAGED) | OTHERS_BIT(OTHERS_OTHER) |
			  OTHERS_BIT(OTHERS_MTU) },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		ours = cases[i].ours;
		theirs = cases[i].theirs;
		theirs.lifetime_s = 1800;
		if (contradiction() != cases[i].found)
			fail_msg("case %zu", i);
	}
}

#define LISTED 3

/* D03, D04 */
static void items(void **state)
{
	static const char a[] = "\1a\0", upper[] = "\1A\0", b[] = "\1b\0";
	static const struct {
		const char *what;
		enum ra_kind kind;
		struct {
			const char *text;
			uint32_t lifetime_s;
		} ours[LISTED], theirs[LISTED];
		unsigned found;
	} cases[] = {
		{ "the same prefix",
		  RA_PREFIX,
		  { { "2001:db8::/64", DAY_S } },
		  { { "2001:db8::/64", DAY_S } },
		  0 },
		{ "another prefix",
		  RA_PREFIX,
		  { { "2001:db8::/64", DAY_S } },
		  { { "2001:db8:1::/64", 60 } },
		  0 },
		{ "another length",
		  RA_PREFIX,
		  { { "2001:db8::/64", DAY_S } },
		  { { "2001:db8::/48", 60 } },
		  0 },
		{ "another valid lifetime",
		  RA_PREFIX,
		  { { "2001:db8::/64", DAY_S } },
		  { { "2001:db8::/64", 2 * DAY_S } },
		  OTHERS_BIT(OTHERS_VALID) },
		{ "for ever",
		  RA_PREFIX,
		  { { "2001:db8::/64", DAY_S } },
		  { { "2001:db8::/64", RA_INFINITE } },
		  OTHERS_BIT(OTHERS_VALID) },
		{ "both for ever",
		  RA_PREFIX,
		  { { "2001:db8::/64", RA_INFINITE } },
		  { { "2001:db8::/64", RA_INFINITE } },
		  0 },
		{ "both shorter",
		  RA_PREFIX,
		  { { "2001:db8::/64", DAY_S } },
		  { { "2001:db8::/64", 60 } },
		  OTHERS_BIT(OTHERS_VALID) | OTHERS_BIT(OTHERS_PREFERRED) },
		{ "the same resolvers in another order",
		  RA_RDNSS,
		  { { "2001:db8::1", 60 }, { "2001:db8::2", 60 } },
		  { { "2001:db8::2", 60 }, { "2001:db8::1", 90 } },
		  0 },
		{ "one resolver more",
		  RA_RDNSS,
		  { { "2001:db8::1", 60 } },
		  { { "2001:db8::1", 60 }, { "2001:db8::2", 60 } },
		  OTHERS_BIT(OTHERS_RDNSS) },
		{ "one resolver less",
		  RA_RDNSS,
		  { { "2001:db8::1", 60 }, { "2001:db8::2", 60 } },
		  { { "2001:db8::1", 60 } },
		  OTHERS_BIT(OTHERS_RDNSS) },
		{ "they name no resolver",
		  RA_RDNSS,
		  { { "2001:db8::1", 60 } },
		  { { NULL, 0 } },
		  0 },
		{ "we name no resolver",
		  RA_RDNSS,
		  { { NULL, 0 } },
		  { { "2001:db8::1", 60 } },
		  0 },
		{ "a resolver that is taken back",
		  RA_RDNSS,
		  { { "2001:db8::1", 60 } },
		  { { "2001:db8::1", 60 }, { "2001:db8::2", 0 } },
		  0 },
		{ "domains without case", RA_DNSSL, { { a, 60 } }, { { upper, 60 } }, 0 },
		{ "another domain",
		  RA_DNSSL,
		  { { a, 60 } },
		  { { b, 60 } },
		  OTHERS_BIT(OTHERS_DNSSL) },
		{ "the same NAT64 prefix",
		  RA_PREF64,
		  { { "64:ff9b::/96", 60 } },
		  { { "64:ff9b::/96", 1800 } },
		  0 },
		{ "another NAT64 prefix",
		  RA_PREF64,
		  { { "64:ff9b::/96", 60 } },
		  { { "64:ff9b:1::/96", 60 } },
		  OTHERS_BIT(OTHERS_PREF64) },
		{ "they take it back",
		  RA_PREF64,
		  { { "64:ff9b::/96", 60 } },
		  { { "64:ff9b::/96", 0 } },
		  OTHERS_BIT(OTHERS_PREF64) },
		{ "we take it back",
		  RA_PREF64,
		  { { "64:ff9b::/96", 0 } },
		  { { "64:ff9b::/96", 60 } },
		  OTHERS_BIT(OTHERS_PREF64) },
		{ "both take it back",
		  RA_PREF64,
		  { { "64:ff9b::/96", 0 } },
		  { { "64:ff9b::/96", 0 } },
		  0 },
		{ "they take back more",
		  RA_PREF64,
		  { { "64:ff9b::/96", 60 } },
		  { { "64:ff9b::/96", 60 }, { "64:ff9b:1::/96", 0 } },
		  OTHERS_BIT(OTHERS_PREF64) },
		{ "no NAT64 there", RA_PREF64, { { "64:ff9b::/96", 60 } }, { { NULL, 0 } }, 0 },
		{ "another portal",
		  RA_CAPTIVE_PORTAL,
		  { { "https://a/", 0 } },
		  { { "https://b/", 0 } },
		  OTHERS_BIT(OTHERS_PORTAL) },
		{ "a longer portal",
		  RA_CAPTIVE_PORTAL,
		  { { "https://a/", 0 } },
		  { { "https://a/b", 0 } },
		  OTHERS_BIT(OTHERS_PORTAL) },
		{ "the same portal",
		  RA_CAPTIVE_PORTAL,
		  { { "https://a/", 0 } },
		  { { "https://a/", 0 } },
		  0 },
	};

	for (size_t i = 0; i < N_OF(cases); i++) {
		set_up(state);
		for (size_t j = 0; j < LISTED && cases[i].ours[j].text; j++)
			we(cases[i].kind, cases[i].ours[j].text, cases[i].ours[j].lifetime_s);
		for (size_t j = 0; j < LISTED && cases[i].theirs[j].text; j++)
			they(cases[i].kind, cases[i].theirs[j].text,
			     cases[i].theirs[j].lifetime_s);
		if (contradiction() != cases[i].found)
			fail_msg("%s", cases[i].what);
	}
}

/* D04: the same route with another preference. */
static void routes(void **state)
{
	struct ra_item *r;

	(void)state;
	we(RA_ROUTE, "64:ff9b::/96", 1800)->preference = RA_PREFERENCE_HIGH;
	r = they(RA_ROUTE, "64:ff9b::/96", 900);
	r->preference = RA_PREFERENCE_HIGH;
	assert_int_equal(contradiction(), 0);
	r->preference = RA_PREFERENCE_LOW;
	assert_int_equal(contradiction(), OTHERS_BIT(OTHERS_ROUTE));
	r->lifetime_s = 0;
	assert_int_equal(contradiction(), 0);
	r->lifetime_s = 900;
	r->len = 64;
	assert_int_equal(contradiction(), 0);
}

/* D03: lifetimes that run down in real time end when they said they would. */
static void lifetimes_run_down(void **state)
{
	struct ra_item *p;

	(void)state;
	we(RA_PREFIX, "2001:db8::/64", DAY_S);
	p = they(RA_PREFIX, "2001:db8::/64", DAY_S);
	assert_int_equal(contradiction(), 0);
	for (unsigned i = 0; i < 20; i++) {
		now_ms += 600000;
		p->lifetime_s -= 600;
		p->preferred_s -= 600;
		assert_int_equal(contradiction(), 0);
	}
	p->lifetime_s -= 600; /* without a cause */
	assert_int_equal(contradiction(), OTHERS_BIT(OTHERS_VALID));
	p->lifetime_s = DAY_S;
	p->preferred_s = 14400;
	assert_int_equal(contradiction(), 0);
	/* Ours run down, theirs do not. */
	our_items[0].lifetime_s -= OTHERS_SKEW_S;
	assert_int_equal(contradiction(), 0);
	our_items[0].lifetime_s -= 1;
	assert_int_equal(contradiction(), OTHERS_BIT(OTHERS_VALID));
}

/* Nor does what never was the same become so with time. */
static void what_never_ends_does_not_run_down(void **state)
{
	struct ra_item *p;

	(void)state;
	now_ms = 1000;
	we(RA_PREFIX, "2001:db8::/64", RA_INFINITE);
	p = they(RA_PREFIX, "2001:db8::/64", RA_INFINITE);
	assert_int_equal(contradiction(), 0);
	now_ms += 600000;
	p->lifetime_s -= 600;
	assert_int_equal(contradiction(), OTHERS_BIT(OTHERS_VALID));
	our_items[0].lifetime_s = DAY_S;
	p->lifetime_s = DAY_S - (uint32_t)(now_ms / 1000);
	assert_int_equal(contradiction(), OTHERS_BIT(OTHERS_VALID));
}

/* D09: who ceases contradicts nobody. */
static void who_ceases(void **state)
{
	const struct others_router *r;
	struct others_news news;
	size_t i = 0;

	(void)state;
	theirs = (struct ra_header){ .managed = true, .mtu = 1280, .hop_limit = 1 };
	ours.mtu = 1500;
	we(RA_PREF64, "64:ff9b::/96", 1800);
	they(RA_PREF64, "64:ff9b::/96", 0);
	assert_int_equal(hear("fe80::2"), 0);
	assert_false(others_news(&others, &news));
	r = others_at(&others, &i, now_ms);
	assert_non_null(r);
	assert_int_equal(r->lifetime_s, 0);
}

/* --- who is told of, and when ---------------------------------------------------------------
 */

/* D02, D05: a router and its contradictions are told once. */
static void each_is_told_once(void **state)
{
	struct others_news news;

	(void)state;
	ours.mtu = 1500;
	theirs.mtu = 1400;
	contradiction();
	assert_true(others_news(&others, &news));
	assert_int_equal(news.found, ROUTER | OTHERS_BIT(OTHERS_MTU));
	assert_int_equal(news.unsaid, 0);
	assert_false(others_news(&others, &news));
	now_ms += OTHERS_QUIET_MS;
	contradiction();
	assert_false(others_news(&others, &news));
	theirs.managed = true;
	contradiction();
	assert_true(others_news(&others, &news));
	assert_int_equal(news.found, OTHERS_BIT(OTHERS_MANAGED));
	theirs.other = true; /* too soon: told when it is still so a minute later */
	for (unsigned i = 0; i < 5; i++) {
		contradiction();
		assert_false(others_news(&others, &news));
	}
	now_ms += OTHERS_QUIET_MS;
	contradiction();
	assert_true(others_news(&others, &news));
	assert_int_equal(news.found, OTHERS_BIT(OTHERS_OTHER));
	assert_int_equal(news.unsaid, 5);
	now_ms += OTHERS_QUIET_MS;
	theirs.hop_limit = 1;
	contradiction();
	assert_true(others_news(&others, &news));
	assert_int_equal(news.unsaid, 0);
}

/* D07: who makes up a router for each advertisement makes one line a minute, and does not push
 * out the one that has been there for long. */
static void a_flood(void **state)
{
	struct others_news news;
	unsigned told = 0;
	bool there = false;

	(void)state;
	hear("fe80::2");
	hear("fe80::2");
	others_news(&others, &news);
	for (unsigned i = 0; i < 180000; i++, now_ms++) {
		char from[32];

		snprintf(from, sizeof from, "fe80::%x:%x", 1 + (i >> 16), i & 0xffff);
		hear(from);
		told += others_news(&others, &news);
	}
	assert_int_equal(told, 2);
	assert_int_equal(remembered(), OTHERS_MAX);
	for (size_t i = 0; i < OTHERS_MAX; i++) {
		struct in6_addr known = addr("fe80::2");

		there |= addr_equal(&others.routers[i].source, &known);
	}
	assert_true(there);
}

/* D06: our own address, with another link-layer address (radv.c compares these). */
static void our_own_address(void **state)
{
	struct others_news news;

	(void)state;
	assert_int_equal(hear("fe80::1"), OTHERS_BIT(OTHERS_ADDRESS));
	assert_true(others_news(&others, &news));
	theirs.lifetime_s = 0;
	assert_int_equal(hear("fe80::1"), OTHERS_BIT(OTHERS_ADDRESS));
}

static void forgotten(void **state)
{
	struct others_news news;

	(void)state;
	theirs.lifetime_s = 9000;
	hear("fe80::2");
	theirs.lifetime_s = 0;
	hear("fe80::3");
	now_ms += OTHERS_KEPT_S * 1000 - 1;
	assert_int_equal(remembered(), 2);
	now_ms++;
	assert_int_equal(remembered(), 1);
	now_ms += (9000 - OTHERS_KEPT_S) * 1000ull;
	assert_int_equal(remembered(), 0);
	others_news(&others, &news);
	theirs.lifetime_s = 1800;
	hear("fe80::2"); /* and told anew when it comes back */
	assert_true(others_news(&others, &news));
}

static bool is_there(const char *from)
{
	const struct others_router *r;
	struct in6_addr src = addr(from);

	for (size_t i = 0; (r = others_at(&others, &i, now_ms));)
		if (addr_equal(&r->source, &src))
			return true;
	return false;
}

/* Whose place a new one takes: of those heard alike who is silent longest, but first of all who
 * is forgotten. */
static void whose_place_is_taken(void **state)
{
	char from[32];

	(void)state;
	theirs.lifetime_s = 9000;
	for (unsigned i = OTHERS_MAX; i-- > 0;) { /* the one in the last place is the oldest */
		now_ms += 1000;
		snprintf(from, sizeof from, "fe80::2:%x", (i + 1) % OTHERS_MAX);
		hear(from);
	}
	hear("fe80::3");
	assert_false(is_there("fe80::2:0"));
	assert_true(is_there("fe80::2:1"));
	theirs.lifetime_s = 0;
	hear("fe80::2:5");
	theirs.lifetime_s = 9000;
	now_ms += OTHERS_KEPT_S * 1000;
	assert_false(is_there("fe80::2:5"));
	hear("fe80::4");
	assert_int_equal(remembered(), OTHERS_MAX);
}

static void what_is_remembered(void **state)
{
	const struct others_router *r;
	size_t i = 0;

	(void)state;
	theirs.has_mac = true;
	theirs.mac[5] = 7;
	theirs.preference = RA_PREFERENCE_HIGH;
	for (unsigned k = 0; k < OTHERS_PREFIXES + 2; k++) {
		char text[32];

		snprintf(text, sizeof text, "2001:db8:%x::/64", k);
		n_theirs = 0;
		they(RA_PREFIX, text, DAY_S);
		now_ms += 1000;
		hear("fe80::2");
	}
	r = others_at(&others, &i, now_ms);
	assert_non_null(r);
	assert_null(others_at(&others, &i, now_ms));
	assert_int_equal(r->mac[5], 7);
	assert_int_equal(r->preference, RA_PREFERENCE_HIGH);
	assert_int_equal(r->heard, OTHERS_PREFIXES + 2);
	assert_int_equal(r->heard_ms, now_ms);
	assert_int_equal(r->n_prefixes, OTHERS_PREFIXES);
	for (size_t k = 0; k < r->n_prefixes; k++)
		assert_true(r->prefixes[k].addr.s6_addr[5] >= 2); /* the oldest two went */
}

static void fields_have_names(void **state)
{
	(void)state;
	assert_string_equal(others_field(OTHERS_ROUTER), "router");
	assert_string_equal(others_field(OTHERS_PORTAL), "captive_portal");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		TEST(headers),
		TEST(items),
		TEST(routes),
		TEST(lifetimes_run_down),
		TEST(what_never_ends_does_not_run_down),
		TEST(who_ceases),
		TEST(each_is_told_once),
		TEST(a_flood),
		TEST(our_own_address),
		TEST(forgotten),
		TEST(whose_place_is_taken),
		TEST(what_is_remembered),
		TEST(fields_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
