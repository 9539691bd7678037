/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ra_msg_test.c - advertisements byte for byte, and what is read back. */
#include "ra/ra_msg.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	if (!addr_parse(text, &a))
		fail_msg("no address: %s", text);
	return a;
}

/* --- messages and hex ------------------------------------------------------------------ */

struct messages {
	uint8_t bytes[64][RA_MSG_MAX];
	size_t len[64], n;
};

static void keep(void *arg, const uint8_t *msg, size_t len)
{
	struct messages *m = arg;

	assert_true(m->n < N_OF(m->len));
	assert_true(len <= RA_MSG_MAX);
	memcpy(m->bytes[m->n], msg, len);
	m->len[m->n++] = len;
}

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; *hex; hex++) {
		char pair[3] = { hex[0], hex[1], 0 };

		if (*hex == ' ')
			continue;
		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
		hex++;
	}
	return n;
}

static void assert_bytes(const uint8_t *got, size_t len, const char *what, const char *hex)
{
	uint8_t want[RA_MSG_MAX];
	size_t n = unhex(hex, want);

	if (n == len && memcmp(got, want, n) == 0)
		return;
	for (size_t i = 0; i < len; i++)
		print_error("%02x", got[i]);
	fail_msg("\n%s\n%s", hex, what);
}

/* The options behind the header for these items. */
static void assert_options(const char *what, const struct ra_item *items, size_t n,
			   const char *hex)
{
	static struct messages m;

	m.n = 0;
	assert_int_equal(ra_msg_write(&(struct ra_header){ 0 }, items, n, keep, &m), 0);
	assert_int_equal(m.n, 1);
	assert_bytes(m.bytes[0] + 16, m.len[0] - 16, what, hex);
}

/* --- writing --------------------------------------------------------------------------- */

static void header_bytes(void **state)
{
	static const struct {
		const char *what;
		struct ra_header head;
		const char *hex;
	} cases[] = {
		{ "A03 A05 reference",
		  { .hop_limit = 64, .preference = RA_PREFERENCE_HIGH, .lifetime_s = 1800 },
		  "8600000040080708 00000000 00000000" },
		{ "A04 medium",
		  { .hop_limit = 64, .lifetime_s = 1800 },
		  "8600000040000708 00000000 00000000" },
		{ "A04 low",
		  { .hop_limit = 64, .preference = RA_PREFERENCE_LOW, .lifetime_s = 1800 },
		  "8600000040180708 00000000 00000000" },
		{ "A06 lifetime 0 makes high medium",
		  { .hop_limit = 64, .preference = RA_PREFERENCE_HIGH },
		  "8600000040000000 00000000 00000000" },
		{ "A03 managed and other, A31 hop limit 0, A32 both timers",
		  { .managed = true,
		    .other = true,
		    .lifetime_s = 65535,
		    .reachable_ms = 3600000,
		    .retrans_ms = 0xffffffff },
		  "8600000000c0ffff 0036ee80 ffffffff" },
		{ "A27 mtu, A28 source link-layer address, in this order",
		  { .hop_limit = 255,
		    .mtu = 1500,
		    .has_mac = true,
		    .mac = { 2, 0, 0, 0, 0, 1 } },
		  "86000000ff000000 00000000 00000000 05010000000005dc 0101020000000001" },
	};
	static struct messages m;

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		m.n = 0;
		ra_msg_write(&cases[i].head, NULL, 0, keep, &m);
		assert_int_equal(m.n, 1);
		assert_bytes(m.bytes[0], m.len[0], cases[i].what, cases[i].hex);
	}
}

static void prefix_bytes(void **state)
{
	struct ra_item p = { .kind = RA_PREFIX,
			     .addr = addr("2001:db8:1:2::2"),
			     .len = 64,
			     .flags = RA_PREFIX_ON_LINK | RA_PREFIX_AUTONOMOUS,
			     .lifetime_s = RA_INFINITE,
			     .preferred_s = 14400 };

	(void)state;
	assert_options("A07, A08 host bits cleared", &p, 1,
		       "030440c0 ffffffff 00003840 00000000 20010db8000100020000000000000000");
	p.flags |= RA_PREFIX_ROUTER_ADDRESS;
	assert_options("A09 with R the whole address", &p, 1,
		       "030440e0 ffffffff 00003840 00000000 20010db8000100020000000000000002");
}

static void route_bytes(void **state)
{
	static const struct {
		const char *what, *prefix;
		uint8_t len;
		enum ra_preference preference;
		uint32_t lifetime_s;
		const char *hex;
	} cases[] = {
		{ "A12", "64:ff9b::", 96, RA_PREFERENCE_MEDIUM, 1800,
		  "18036000 00000708 0064ff9b0000000000000000 00000000" },
		{ "A15 infinite, A08 host bits", "64:ff9b::1", 96, RA_PREFERENCE_MEDIUM,
		  RA_INFINITE, "18036000 ffffffff 0064ff9b0000000000000000 00000000" },
		{ "A13 /64", "2001:db8:a:a::", 64, RA_PREFERENCE_MEDIUM, RA_INFINITE,
		  "18024000 ffffffff 20010db8000a000a" },
		{ "A13 /0, A14 high", "::", 0, RA_PREFERENCE_HIGH, 1800, "18010008 00000708" },
		{ "A13 /1", "8000::", 1, RA_PREFERENCE_MEDIUM, 1,
		  "18020100 00000001 8000000000000000" },
		{ "A13 /65", "2001:db8::8000:0:0:0", 65, RA_PREFERENCE_LOW, 0,
		  "18034118 00000000 20010db800000000 8000000000000000" },
		{ "A13 /128", "2001:db8::1", 128, RA_PREFERENCE_MEDIUM, 1,
		  "18038000 00000001 20010db8000000000000000000000001" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct ra_item item = { .kind = RA_ROUTE,
					.addr = addr(cases[i].prefix),
					.len = cases[i].len,
					.preference = cases[i].preference,
					.lifetime_s = cases[i].lifetime_s };

		assert_options(cases[i].what, &item, 1, cases[i].hex);
	}
}

static void rdnss_bytes(void **state)
{
	struct ra_item two[] = {
		{ .kind = RA_RDNSS, .addr = addr("2001:db8:1:2::2"), .lifetime_s = 1800 },
		{ .kind = RA_RDNSS, .addr = addr("fe80::1"), .lifetime_s = 1800 },
	};

	(void)state;
	assert_options("A16 one", two, 1, "19030000 00000708 20010db8000100020000000000000002");
	assert_options("A16 two share an option", two, 2,
		       "19050000 00000708 20010db8000100020000000000000002"
		       "fe800000000000000000000000000001");
	two[1].lifetime_s = 0;
	assert_options("A16 two lifetimes, two options", two, 2,
		       "19030000 00000708 20010db8000100020000000000000002"
		       "19030000 00000000 fe800000000000000000000000000001");
}

static struct ra_item domain(const char *text, uint8_t wire[RA_NAME_MAX])
{
	size_t n = ra_name_write(text, wire);

	assert_true(n > 0);
	return (struct ra_item){
		.kind = RA_DNSSL, .bytes = wire, .n_bytes = (uint16_t)n, .lifetime_s = 1800
	};
}

static void dnssl_bytes(void **state)
{
	uint8_t wire[2][RA_NAME_MAX];
	struct ra_item two[] = { domain("example.com", wire[0]), domain("a.b.", wire[1]) };

	(void)state;
	assert_options("A19 13 bytes and 3 of padding", two, 1,
		       "1f030000 00000708 07 6578616d706c65 03 636f6d 00 000000");
	assert_options("A19 two names, one behind the other", two, 2,
		       "1f040000 00000708 07 6578616d706c65 03 636f6d 00 01 61 01 62 00 "
		       "000000000000");
}

static void names(void **state)
{
	static const char label63[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	char text[300];
	uint8_t wire[RA_NAME_MAX];

	(void)state;
	assert_int_equal(strlen(label63), 63);
	assert_int_equal(ra_name_write("", wire), 0);
	assert_int_equal(ra_name_write(".", wire), 0);
	assert_int_equal(ra_name_write("a..b", wire), 0);
	assert_int_equal(ra_name_write("a", wire), 3);
	assert_int_equal(ra_name_write(label63, wire), 65);
	snprintf(text, sizeof text, "%sa", label63);
	assert_int_equal(ra_name_write(text, wire), 0);
	snprintf(text, sizeof text, "%s.%s.%s.%.61s", label63, label63, label63, label63);
	assert_int_equal(ra_name_write(text, wire), 255);
	snprintf(text, sizeof text, "%s.%s.%s.%.62s", label63, label63, label63, label63);
	assert_int_equal(ra_name_write(text, wire), 0);
}

static void names_as_text(void **state)
{
	static const struct {
		const char *wire, *text;
	} cases[] = {
		{ "07 6578616d706c65 03 636f6d 00", "example.com" },
		{ "01 61 00", "a" },
		{ "03 61 2e 1b 01 20 00", "a??.?" },
		{ "05 61", "" }, /* cut short */
	};
	uint8_t wire[RA_NAME_MAX];
	char text[RA_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct ra_item item = { .kind = RA_DNSSL, .bytes = wire };

		item.n_bytes = (uint16_t)unhex(cases[i].wire, wire);
		assert_string_equal(ra_name_text(&item, text), cases[i].text);
	}
}

static void pref64_bytes(void **state)
{
	static const struct {
		const char *what, *prefix;
		uint8_t len;
		uint32_t lifetime_s;
		const char *hex;
	} cases[] = {
		{ "A21", "64:ff9b::", 96, 1800, "26020708 0064ff9b0000000000000000" },
		{ "A22 /64", "2001:db8:1:2::", 64, 1800, "26020709 20010db80001000200000000" },
		{ "A22 /56", "2001:db8:1:200::", 56, 1800,
		  "2602070a 20010db80001020000000000" },
		{ "A22 /48", "2001:db8:1::", 48, 1800, "2602070b 20010db80001000000000000" },
		{ "A22 /40", "2001:db8::", 40, 1800, "2602070c 20010db80000000000000000" },
		{ "A22 /32, A25 bits behind", "2001:db8:ff::", 32, 1800,
		  "2602070d 20010db80000000000000000" },
		{ "A23 0", "64:ff9b::", 96, 0, "26020000 0064ff9b0000000000000000" },
		{ "A23 1", "64:ff9b::", 96, 1, "26020008 0064ff9b0000000000000000" },
		{ "A23 7", "64:ff9b::", 96, 7, "26020008 0064ff9b0000000000000000" },
		{ "A23 8", "64:ff9b::", 96, 8, "26020008 0064ff9b0000000000000000" },
		{ "A23 9", "64:ff9b::", 96, 9, "26020010 0064ff9b0000000000000000" },
		{ "A23 1801", "64:ff9b::", 96, 1801, "26020710 0064ff9b0000000000000000" },
		{ "A23 65528", "64:ff9b::", 96, 65528, "2602fff8 0064ff9b0000000000000000" },
		{ "A23 65529", "64:ff9b::", 96, 65529, "2602fff8 0064ff9b0000000000000000" },
		{ "A23 65535", "64:ff9b::", 96, 65535, "2602fff8 0064ff9b0000000000000000" },
		{ "A23 infinite", "64:ff9b::", 96, RA_INFINITE,
		  "2602fff8 0064ff9b0000000000000000" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct ra_item item = { .kind = RA_PREF64,
					.addr = addr(cases[i].prefix),
					.len = cases[i].len,
					.lifetime_s = cases[i].lifetime_s };

		assert_options(cases[i].what, &item, 1, cases[i].hex);
	}
}

/* A26: an option for each. */
static void several_pref64(void **state)
{
	struct ra_item two[] = {
		{ .kind = RA_PREF64, .addr = addr("64:ff9b::"), .len = 96, .lifetime_s = 1800 },
		{ .kind = RA_PREF64,
		  .addr = addr("2001:db8::"),
		  .len = 32,
		  .lifetime_s = 1800 },
	};

	(void)state;
	assert_options("A26", two, 2,
		       "26020708 0064ff9b0000000000000000 2602070d 20010db80000000000000000");
}

static void captive_portal_bytes(void **state)
{
	struct ra_item item = { .kind = RA_CAPTIVE_PORTAL,
				.bytes = (const uint8_t *)"https://a.b",
				.n_bytes = 11 };

	(void)state;
	assert_options("A29", &item, 1, "2502 68747470733a2f2f612e62 000000");
	item.n_bytes = 6;
	assert_options("A29 without padding", &item, 1, "2501 68747470733a");
}

/* --- splitting ------------------------------------------------------------------------- */

static struct ra_item prefix_no(unsigned i)
{
	struct ra_item item = { .kind = RA_PREFIX, .addr = addr("2001:db8::"), .len = 64 };

	item.addr.s6_addr[6] = (uint8_t)(i >> 8);
	item.addr.s6_addr[7] = (uint8_t)i;
	item.flags = RA_PREFIX_ON_LINK | RA_PREFIX_AUTONOMOUS;
	item.lifetime_s = 86400;
	item.preferred_s = 14400;
	return item;
}

static struct ra_item server_no(unsigned i)
{
	struct ra_item item = { .kind = RA_RDNSS,
				.addr = addr("2001:db8::"),
				.lifetime_s = 1800 };

	item.addr.s6_addr[15] = (uint8_t)i;
	return item;
}

static bool same_item(const struct ra_item *a, const struct ra_item *b)
{
	return ra_item_same(a, b) && a->flags == b->flags && a->preference == b->preference &&
	       a->lifetime_s == b->lifetime_s && a->preferred_s == b->preferred_s &&
	       addr_equal(&a->addr, &b->addr);
}

/* Every message has header and tail, and together they have every item once. */
static void assert_split(const struct ra_item *items, size_t n, size_t least, size_t most)
{
	static struct messages m;
	const struct ra_header head = { .hop_limit = 64,
					.lifetime_s = 1800,
					.has_mac = true,
					.mac = { 2, 0, 0, 0, 0, 1 } };
	struct ra_advert ra;
	size_t seen = 0;

	m.n = 0;
	assert_int_equal(ra_msg_write(&head, items, n, keep, &m), 0);
	assert_in_range(m.n, least, most);
	for (size_t i = 0; i < m.n; i++) {
		struct ra_packet in = { addr("fe80::1"), 255, m.bytes[i], m.len[i] };

		assert_int_equal(ra_msg_read_advert(&in, &ra), RA_ACCEPTED);
		assert_int_equal(ra.head.lifetime_s, 1800);
		assert_int_equal(ra.head.hop_limit, 64);
		assert_true(ra.head.has_mac);
		assert_int_equal(ra.ignored, 0);
		for (size_t j = 0; j < ra.n; j++, seen++)
			if (!same_item(&ra.items[j], &items[seen]))
				fail_msg("item %zu differs", seen);
	}
	assert_int_equal(seen, n);
}

static void a_long_list_is_split(void **state)
{
	struct ra_item items[1000];

	(void)state;
	for (unsigned i = 0; i < N_OF(items); i++)
		items[i] = prefix_no(i);
	assert_split(items, 38, 1, 1); /* 16 + 38 * 32 + 8 = 1240 */
	assert_split(items, 39, 2, 2);
	assert_split(items, 1000, 27, 27); /* G04 */
	for (unsigned i = 0; i < 8; i++)
		items[60 + i] = server_no(i);
	assert_split(items, 68, 2, 2); /* A34: sixty prefixes and eight servers */
}

static void servers_that_fill_more_than_a_message(void **state)
{
	struct ra_item items[200];

	(void)state;
	for (unsigned i = 0; i < N_OF(items); i++)
		items[i] = server_no(i);
	assert_split(items, 75, 1, 1);
	assert_split(items, 76, 2, 2);
	assert_split(items, 150, 2, 3);
}

static void domains_that_fill_more_than_a_message(void **state)
{
	static uint8_t wire[30][RA_NAME_MAX];
	struct ra_item items[30];

	(void)state;
	for (unsigned i = 0; i < N_OF(items); i++) {
		char text[100];

		snprintf(text, sizeof text, "%063u.%u.example", i, i);
		items[i] = domain(text, wire[i]);
	}
	assert_split(items, N_OF(items), 2, 3);
}

static void what_no_message_can_hold_is_left_out(void **state)
{
	static uint8_t uri[2000];
	static struct messages m;
	struct ra_item items[] = { { .kind = RA_CAPTIVE_PORTAL, .bytes = uri, .n_bytes = 1222 },
				   server_no(1) };

	(void)state;
	memset(uri, 'a', sizeof uri);
	m.n = 0;
	assert_int_equal(ra_msg_write(&(struct ra_header){ 0 }, items, 2, keep, &m), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.len[0], RA_MSG_MAX);
	items[0].n_bytes = 1223;
	m.n = 0;
	assert_int_equal(ra_msg_write(&(struct ra_header){ 0 }, items, 2, keep, &m), 1);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.len[0], 16 + 24);
}

/* --- reading --------------------------------------------------------------------------- */

static void solicitations(void **state)
{
	static const struct {
		const char *what, *src;
		int hop_limit;
		const char *hex;
		enum ra_reason reason;
		bool has_mac;
	} cases[] = {
		{ "C01", "fe80::2", 255, "8500000000000000 0101020000000002", RA_ACCEPTED,
		  true },
		{ "no option", "fe80::2", 255, "8500000000000000", RA_ACCEPTED, false },
		{ "reserved bits count for nothing", "fe80::2", 255, "85000000ffffffff",
		  RA_ACCEPTED, false },
		{ "C03", "::", 255, "8500000000000000", RA_ACCEPTED, false },
		{ "C11", "fe80::2", 254, "8500000000000000", RA_BAD_HOP_LIMIT, false },
		{ "C24", "fe80::2", -1, "8500000000000000", RA_BAD_HOP_LIMIT, false },
		{ "C29", "fe80::2", -2, "8500000000000000", RA_BAD_FRAGMENT, false },
		{ "C13", "fe80::2", 255, "8501000000000000", RA_BAD_CODE, false },
		{ "C14", "fe80::2", 255, "85000000", RA_BAD_LENGTH, false },
		{ "C14 a byte short", "fe80::2", 255, "85000000000000", RA_BAD_LENGTH, false },
		{ "C15", "fe80::2", 255, "8500000000000000 0100000000000000", RA_BAD_OPTION,
		  false },
		{ "C16", "::", 255, "8500000000000000 0101020000000002", RA_BAD_SOURCE_LL,
		  false },
		{ "C17 overrun", "fe80::2", 255, "8500000000000000 0102020000000002",
		  RA_BAD_OPTION, false },
		{ "C17 trailing byte", "fe80::2", 255, "8500000000000000 00", RA_BAD_OPTION,
		  false },
		{ "C18", "fe80::2", 255, "8500000000000000 fd01000000000000", RA_ACCEPTED,
		  false },
		{ "C19", "fe80::2", 255, "8500000000000000 01020200000000020000000000000000",
		  RA_ACCEPTED, false },
		{ "C20 global", "2001:db8::2", 255, "8500000000000000", RA_ACCEPTED, false },
		{ "C20 multicast", "ff02::1", 255, "8500000000000000", RA_BAD_SOURCE, false },
		{ "C20 loopback", "::1", 255, "8500000000000000", RA_BAD_SOURCE, false },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		uint8_t msg[64];
		size_t len = unhex(cases[i].hex, msg);
		struct ra_packet in = { addr(cases[i].src), cases[i].hop_limit, msg, len };
		struct ra_solicit rs = { 0 };

		if (ra_msg_read_solicit(&in, &rs) != cases[i].reason ||
		    rs.has_mac != cases[i].has_mac)
			fail_msg("%s", cases[i].what);
	}
}

static enum ra_reason read_hex(const char *hex, int hop_limit, const char *src,
			       struct ra_advert *out)
{
	static uint8_t msg[RA_MSG_MAX];
	struct ra_packet in = { addr(src), hop_limit, msg, unhex(hex, msg) };

	return ra_msg_read_advert(&in, out);
}

#define HEAD "8600000040080708 0000000100000002"

static void advertisements_that_are_none(void **state)
{
	struct ra_advert ra;

	(void)state;
	assert_int_equal(read_hex(HEAD, 255, "fe80::1", &ra), RA_ACCEPTED);
	assert_int_equal(read_hex(HEAD, 254, "fe80::1", &ra), RA_BAD_HOP_LIMIT); /* D01 */
	assert_int_equal(read_hex(HEAD, -1, "fe80::1", &ra), RA_BAD_HOP_LIMIT);
	assert_int_equal(read_hex(HEAD, 255, "2001:db8::1", &ra), RA_BAD_SOURCE);
	assert_int_equal(read_hex(HEAD, 255, "::", &ra), RA_BAD_SOURCE);
	assert_int_equal(read_hex(HEAD "0300", 255, "fe80::1", &ra), RA_BAD_OPTION);
	assert_int_equal(read_hex("86000000400807080000000100000000", 255, "fe80::1", &ra),
			 RA_ACCEPTED);
	assert_int_equal(read_hex("860000004008070800000001000000", 255, "fe80::1", &ra),
			 RA_BAD_LENGTH);
	assert_int_equal(read_hex("86010000400807080000000100000000", 255, "fe80::1", &ra),
			 RA_BAD_CODE);
}

static void header_is_read(void **state)
{
	struct ra_advert ra;

	(void)state;
	read_hex(HEAD "05010000000005dc 0101020000000001", 255, "fe80::1", &ra);
	assert_int_equal(ra.head.hop_limit, 64);
	assert_int_equal(ra.head.preference, RA_PREFERENCE_HIGH);
	assert_int_equal(ra.head.lifetime_s, 1800);
	assert_int_equal(ra.head.reachable_ms, 1);
	assert_int_equal(ra.head.retrans_ms, 2);
	assert_int_equal(ra.head.mtu, 1500);
	assert_true(ra.head.has_mac);
	assert_int_equal(ra.head.mac[5], 1);
	assert_false(ra.head.managed);
	read_hex("8600000040d00708 0000000100000002", 255, "fe80::1", &ra);
	assert_true(ra.head.managed && ra.head.other);
	assert_int_equal(ra.head.preference, RA_PREFERENCE_MEDIUM); /* 10 counts as medium */
}

/* D08: options that make no sense are passed over, those around them are read. */
static void options_that_make_no_sense(void **state)
{
	static const struct {
		const char *what, *hex;
	} cases[] = {
		{ "prefix of 3 units", "030340c0 ffffffff 00003840 00000000 20010db800000000" },
		{ "prefix of 5 units", "030540c0 ffffffff 00003840 00000000 20010db800010002"
				       "0000000000000000 0000000000000000" },
		{ "prefix length 129", "030481c0 ffffffff 00003840 00000000 20010db800010002"
				       "0000000000000000" },
		{ "route of 2 units with /96", "18026000 00000708 0064ff9b00000000" },
		{ "route of 1 unit with /1", "18010100 00000708" },
		{ "route of 4 units", "18046000 00000708 0064ff9b00000000 0000000000000000"
				      "0000000000000000" },
		{ "route with preference 10", "18036010 00000708 0064ff9b0000000000000000"
					      "00000000" },
		{ "route length 129", "18038100 00000708 0064ff9b0000000000000000 00000000" },
		{ "servers in 1 unit", "19010000 00000708" },
		{ "servers in 2 units", "19020000 00000708 20010db800000000" },
		{ "servers in 4 units", "19040000 00000708 20010db8000000000000000000000001"
					"20010db800000000" },
		{ "domains without one", "1f020000 00000708 0000000000000000" },
		{ "domains in 1 unit", "1f010000 00000708" },
		{ "domain beyond the option", "1f020000 00000708 0761616161616161" },
		{ "label of 64", "1f020000 00000708 4061616161616100" },
		{ "compressed domain", "1f020000 00000708 0161c00000000000" },
		{ "good domain, then a bad one", "1f020000 00000708 0161000761616161" },
		{ "PREF64 of 1 unit", "26010708 0064ff9b" },
		{ "PREF64 of 3 units", "26030708 0064ff9b0000000000000000 0000000000000000" },
		{ "PREF64 with code 6", "2602070e 0064ff9b0000000000000000" },
		{ "mtu of 2 units", "05020000 000005dc 0000000000000000" },
		{ "captive portal without one", "2501000000000000" },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct ra_advert ra;
		char hex[512];

		snprintf(hex, sizeof hex, "%s %s 26020708 0064ff9b0000000000000000", HEAD,
			 cases[i].hex);
		assert_int_equal(read_hex(hex, 255, "fe80::1", &ra), RA_ACCEPTED);
		if (ra.n != 1 || ra.ignored != 1 || ra.items[0].kind != RA_PREF64)
			fail_msg("%s: %zu items, %u ignored", cases[i].what, ra.n, ra.ignored);
	}
}

/* D08: 255 bytes are a name, 256 are none. */
static void a_domain_that_is_too_long(void **state)
{
	static const struct {
		uint8_t last; /* label */
		size_t n;
	} cases[] = { { 61, 1 }, { 62, 0 } };

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		uint8_t msg[16 + 272] = { 134, [16] = 31, 272 / 8 };
		struct ra_packet in = { addr("fe80::1"), 255, msg, sizeof msg };
		struct ra_advert ra;

		memset(msg + 24, 'a', 4 * 64);
		for (size_t label = 0; label < 4; label++)
			msg[24 + 64 * label] = label < 3 ? 63 : cases[i].last;
		memset(msg + 24 + 3 * 64 + 1 + cases[i].last, 0, 3);
		assert_int_equal(ra_msg_read_advert(&in, &ra), RA_ACCEPTED);
		assert_int_equal(ra.n, cases[i].n);
		assert_int_equal(ra.ignored, 1 - cases[i].n);
	}
}

static void options_of_every_form(void **state)
{
	struct ra_advert ra;

	(void)state;
	/* A13: longer than needed is well; bits behind the prefix do not count */
	read_hex(HEAD "18034000 ffffffff 20010db8000a000a 00000000000000ff"
		      "18020000 00000708 ffffffffffffffff"
		      "fd01000000000000 2502 68747470733a2f2f612e62 000000"
		      "1f030000 00000708 0161 00 0162 00 0000 0000000000000000"
		      "2602070d 20010db8ffffffffffffffff",
		 255, "fe80::1", &ra);
	assert_int_equal(ra.ignored, 0);
	assert_int_equal(ra.n, 6);
	assert_int_equal(ra.items[0].len, 64);
	assert_int_equal(ra.items[0].addr.s6_addr[15], 0);
	assert_int_equal(ra.items[0].lifetime_s, RA_INFINITE);
	assert_int_equal(ra.items[1].len, 0);
	assert_true(addr_is_unspecified(&ra.items[1].addr));
	assert_int_equal(ra.items[2].n_bytes, 11);
	assert_memory_equal(ra.items[2].bytes, "https://a.b", 11);
	assert_int_equal(ra.items[3].n_bytes, 3);
	assert_memory_equal(ra.items[4].bytes, "\001b", 3);
	assert_int_equal(ra.items[5].len, 32);
	assert_int_equal(ra.items[5].lifetime_s, 1800);
	assert_int_equal(ra.items[5].addr.s6_addr[4], 0);
}

static void what_is_the_same(void **state)
{
	uint8_t wire[3][RA_NAME_MAX];
	struct ra_item a = prefix_no(1), b = prefix_no(1);

	(void)state;
	b.lifetime_s = 0;
	b.flags |= RA_PREFIX_ROUTER_ADDRESS;
	b.addr.s6_addr[15] = 2;
	assert_true(ra_item_same(&a, &b));
	b.len = 63;
	assert_false(ra_item_same(&a, &b));
	b = a;
	b.kind = RA_ROUTE;
	assert_false(ra_item_same(&a, &b));
	a = domain("Example.com", wire[0]);
	b = domain("example.COM.", wire[1]);
	assert_true(ra_item_same(&a, &b));
	b = domain("example.org", wire[2]);
	assert_false(ra_item_same(&a, &b));
	a = server_no(1);
	b = server_no(2);
	assert_false(ra_item_same(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_bytes),
		cmocka_unit_test(prefix_bytes),
		cmocka_unit_test(route_bytes),
		cmocka_unit_test(rdnss_bytes),
		cmocka_unit_test(dnssl_bytes),
		cmocka_unit_test(names),
		cmocka_unit_test(names_as_text),
		cmocka_unit_test(pref64_bytes),
		cmocka_unit_test(several_pref64),
		cmocka_unit_test(captive_portal_bytes),
		cmocka_unit_test(a_long_list_is_split),
		cmocka_unit_test(servers_that_fill_more_than_a_message),
		cmocka_unit_test(domains_that_fill_more_than_a_message),
		cmocka_unit_test(what_no_message_can_hold_is_left_out),
		cmocka_unit_test(solicitations),
		cmocka_unit_test(advertisements_that_are_none),
		cmocka_unit_test(header_is_read),
		cmocka_unit_test(options_that_make_no_sense),
		cmocka_unit_test(a_domain_that_is_too_long),
		cmocka_unit_test(options_of_every_form),
		cmocka_unit_test(what_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
