/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"
#include "t.h"

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static void kinds(void **state)
{
	static const struct {
		const char *addr;
		bool v4, link_local, ula, multicast, global;
	} cases[] = {
		{ .addr = "2001:db8::1", .global = true },
		{ .addr = "::" },
		{ .addr = "::1" },
		{ .addr = "::192.0.2.1" },
		{ .addr = "fe80::1", .link_local = true },
		{ .addr = "febf::1", .link_local = true },
		{ .addr = "fec0::1", .global = true },
		{ .addr = "fd00::1", .ula = true },
		{ .addr = "fc00::", .ula = true },
		{ .addr = "ff02::1", .multicast = true },
		{ .addr = "192.0.2.1", .v4 = true },
		{ .addr = "::ffff:0:1", .v4 = true },
		{ .addr = "64:ff9b::1", .global = true },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct in6_addr a = addr(cases[i].addr);

		assert_int_equal(addr_is_v4(&a), cases[i].v4);
		assert_int_equal(addr_is_link_local(&a), cases[i].link_local);
		assert_int_equal(addr_is_unique_local(&a), cases[i].ula);
		assert_int_equal(addr_is_multicast(&a), cases[i].multicast);
		assert_int_equal(addr_is_global(&a), cases[i].global);
	}
}

static void prefixes(void **state)
{
	static const struct {
		const char *text, *out;
		bool host_bits;
	} cases[] = {
		{ "2001:db8::/32", "2001:db8::/32", false },
		{ "2001:db8::5/64", "2001:db8::/64", true },
		{ "2001:db8::5", "2001:db8::5/128", false },
		{ "192.168.255.0/24", "192.168.255.0/24", false },
		{ "192.168.255.7/24", "192.168.255.0/24", true },
		{ "10.0.0.1", "10.0.0.1/32", false },
		{ "::/0", "::/0", false },
		{ "0.0.0.0/0", "0.0.0.0/0", false },
		{ "::ffff:0:0/96", "0.0.0.0/0", false },
		{ "2001:db8::ff/121", "2001:db8::80/121", true },
	};
	static const char *const bad[] = { "",
					   "/64",
					   "2001:db8::/129",
					   "10.0.0.0/33",
					   "10.0.0.0/",
					   "10.0.0.0/08",
					   "10.0.0/24",
					   "::/-1",
					   "::/ 1",
					   "fe80::1%br0",
					   "10.0.0.0/24/1",
					   "::/0x1",
					   "2001:db8:1111:2222:3333:4444:5555:6666:7777/64" };
	char text[ADDR_TEXT_LEN];
	struct prefix6 p;
	bool host_bits;

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		assert_true(prefix_parse(cases[i].text, &p, &host_bits));
		assert_string_equal(prefix_text(&p, text), cases[i].out);
		assert_int_equal(host_bits, cases[i].host_bits);
		assert_true(prefix6_has(&p, &p.addr));
	}
	for (size_t i = 0; i < N_OF(bad); i++)
		assert_false(prefix_parse(bad[i], &p, NULL));
}

static void membership(void **state)
{
	static const struct {
		const char *net, *addr;
		bool in;
	} cases[] = {
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "::/0", "ff02::1", true },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::2", false },
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "0.0.0.0/0", "2001:db8::", false },
		{ "10.0.0.0/31", "10.0.0.1", true },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct in6_addr a = addr(cases[i].addr);
		struct prefix6 p;

		assert_true(prefix_parse(cases[i].net, &p, NULL));
		assert_int_equal(prefix6_has(&p, &a), cases[i].in);
	}
}

static void ipv4_networks(void **state)
{
	const struct prefix4 pool = { addr4_of(0xc0a8ff00), 24 }, all = { addr4_of(0), 0 },
			     host = { addr4_of(0xc0a8ff07), 32 };

	(void)state;
	assert_true(prefix4_has(&pool, host.addr));
	assert_false(prefix4_has(&pool, addr4_of(0xc0a90000)));
	assert_int_equal(addr4_num(prefix4_last(&pool)), 0xc0a8ffff);
	assert_int_equal(addr4_num(prefix4_last(&all)), 0xffffffff);
	assert_true(prefix4_overlaps(&pool, &host));
	assert_true(prefix4_overlaps(&host, &pool));
	assert_true(prefix4_overlaps(&all, &host));
	assert_false(prefix4_overlaps(&host, &(struct prefix4){ addr4_of(0xc0a8ff08), 32 }));
}

static void link_layer_addresses(void **state)
{
	static const char *const bad[] = { "",
					   "52:54:00:ab:cd",
					   "52:54:00:ab:cd:1",
					   "52:54:00:ab:cd:0g",
					   "52:54:00:ab:cd:01:",
					   "5254:00:ab:cd:01" };
	uint8_t mac[ADDR_MAC_LEN];
	char text[ADDR_TEXT_LEN];

	(void)state;
	assert_true(mac_parse("52:54:00:AB:cd:01", mac));
	assert_string_equal(mac_text(mac, text), "52:54:00:ab:cd:01");
	assert_true(mac_parse("52-54-00-ab-cd-01", mac));
	for (size_t i = 0; i < N_OF(bad); i++)
		assert_false(mac_parse(bad[i], mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(membership),
		cmocka_unit_test(ipv4_networks),
		cmocka_unit_test(link_layer_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
