/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/acl.h"
#include "t.h"

static struct acl_entry net(const char *text, bool negated)
{
	struct acl_entry e = { .kind = ACL_NET, .negated = negated };

	assert_true(prefix_parse(text, &e.net, NULL));
	return e;
}

static bool allows(const struct acl *acl, const char *text)
{
	struct in6_addr a;

	assert_true(addr_parse(text, &a));
	return acl_allows(acl, &a, NULL);
}

static void an_empty_list_refuses_all(void **state)
{
	const struct acl none = { NULL, 0 };

	(void)state;
	assert_false(allows(&none, "2001:db8::1"));
	assert_false(allows(&none, "192.0.2.1"));
}

static void the_first_match_decides(void **state)
{
	struct acl_entry one[] = { net("2001:db8:1::5", true), net("2001:db8:1::/64", false) };
	struct acl_entry two[] = { net("2001:db8:1::/64", false), net("2001:db8:1::5", true) };
	const struct acl but = { one, 2 }, all = { two, 2 };

	(void)state;
	assert_false(allows(&but, "2001:db8:1::5"));
	assert_true(allows(&but, "2001:db8:1::6"));
	assert_true(allows(&all, "2001:db8:1::5"));
	assert_false(allows(&but, "2001:db8:2::6"));
}

static void exceptions_alone_allow_the_rest(void **state)
{
	struct acl_entry one[] = { net("2001:db8:1::5", true),
				   { .kind = ACL_ANY, .negated = true } };
	const struct acl but = { one, 1 }, none = { one, 2 };

	(void)state;
	assert_false(allows(&but, "2001:db8:1::5"));
	assert_true(allows(&but, "2001:db8:1::6"));
	assert_false(allows(&none, "2001:db8:1::6"));
}

static void a_word_for_nothing_found_opens_nothing(void **state)
{
	struct acl_entry one[] = { { .kind = ACL_AUTO }, net("2001:db8:1::5", true) };
	const struct acl acl = { one, 2 };

	(void)state;
	assert_false(allows(&acl, "2001:db8:1::6"));
}

static void link_layer_addresses_match_when_known(void **state)
{
	struct acl_entry one[] = {
		{ .kind = ACL_MAC, .negated = true, .mac = { 2, 0, 0, 0, 0, 1 } },
		{ .kind = ACL_ANY }
	};
	const struct acl acl = { one, 2 };
	const uint8_t this[] = { 2, 0, 0, 0, 0, 1 }, that[] = { 2, 0, 0, 0, 0, 2 };
	struct in6_addr a = in6addr_loopback;

	(void)state;
	assert_false(acl_allows(&acl, &a, this));
	assert_true(acl_allows(&acl, &a, that));
	assert_true(acl_allows(&acl, &a, NULL));
}

static void link_local_addresses_are_of_one_link(void **state)
{
	struct acl_entry one[] = { { .kind = ACL_LINK_LOCAL, .link = 3 } };
	const struct acl acl = { one, 1 };
	static const struct {
		const char *addr;
		uint32_t link;
		bool allowed;
	} rows[] = { { "fe80::1", 3, true },
		     { "fe80::1", 4, false },
		     { "fe80::1", 0, false },
		     { "2001:db8::1", 3, false } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct acl_entry *entry = NULL;
		struct in6_addr a;

		assert_true(addr_parse(rows[i].addr, &a));
		assert_int_equal(
			acl_judge(&acl, &(struct acl_who){ .addr = &a, .link = rows[i].link },
				  &entry),
			rows[i].allowed);
		assert_ptr_equal(entry, rows[i].allowed ? one : NULL);
	}
}

static void entries_are_as_in_the_file(void **state)
{
	struct acl_entry mac = { .kind = ACL_MAC, .negated = true };
	struct acl_entry any = { .kind = ACL_ANY }, link = { .kind = ACL_LINK_LOCAL };
	struct acl_entry host = net("2001:db8::25", true), four = net("10.0.0.0/8", false);
	const struct {
		const struct acl_entry *entry;
		const char *text;
	} rows[] = { { &any, "any" },
		     { &mac, "!52:54:00:ab:cd:01" },
		     { &host, "!2001:db8::25" },
		     { &four, "10.0.0.0/8" },
		     { &link, "fe80::/10" } };
	char text[ACL_TEXT_LEN];

	(void)state;
	assert_true(mac_parse("52:54:00:ab:cd:01", mac.mac));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(acl_entry_text(rows[i].entry, text), rows[i].text);
}

static void localhost_is_both_loopbacks(void **state)
{
	struct acl_entry one[] = { { .kind = ACL_LOCALHOST } };
	const struct acl acl = { one, 1 };

	(void)state;
	assert_true(allows(&acl, "::1"));
	assert_true(allows(&acl, "127.9.8.7"));
	assert_false(allows(&acl, "2001:db8::1"));
	assert_false(allows(&acl, "192.0.2.1"));
}

/* The registry's borders, from both sides. */
static void global_is_what_the_registry_says(void **state)
{
	static const char *const global[] = {
		"1.0.0.0",        "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
		"100.128.0.0",    "126.255.255.255", "128.0.0.0",       "169.253.255.255",
		"169.255.0.0",    "172.15.255.255",  "172.32.0.0",      "191.255.255.255",
		"192.0.0.9",      "192.0.0.10",      "192.0.1.0",       "192.0.3.0",
		"192.88.98.255",  "192.88.100.0",    "192.167.255.255", "192.169.0.0",
		"198.17.255.255", "198.20.0.0",      "198.51.99.255",   "198.51.101.0",
		"203.0.112.255",  "203.0.114.0",     "223.255.255.255", "192.31.196.1",
		"192.52.193.1",   "192.175.48.1",
	};
	static const char *const local[] = {
		"0.0.0.0",         "10.0.0.0",        "10.255.255.255", "100.64.0.0",
		"100.127.255.255", "127.0.0.1",       "169.254.0.1",    "172.16.0.0",
		"172.31.255.255",  "192.0.0.8",       "192.0.0.11",     "192.0.0.170",
		"192.0.2.1",       "192.88.99.1",     "192.168.0.0",    "198.18.0.0",
		"198.19.255.255",  "198.51.100.1",    "203.0.113.255",  "224.0.0.1",
		"240.0.0.1",       "255.255.255.255",
	};
	struct acl_entry one[] = { { .kind = ACL_GLOBAL } };
	const struct acl acl = { one, 1 };

	(void)state;
	for (size_t i = 0; i < N_OF(global); i++)
		assert_true(allows(&acl, global[i]));
	for (size_t i = 0; i < N_OF(local); i++)
		assert_false(allows(&acl, local[i]));
}

static void some_are_never_translated(void **state)
{
	static const struct {
		uint32_t addr;
		bool never;
	} cases[] = { { 0x00000000, true },  { 0x00ffffff, true },  { 0x01000000, false },
		      { 0x7effffff, false }, { 0x7f000001, true },  { 0x80000000, false },
		      { 0xa9fe0000, true },  { 0xa9ff0000, false }, { 0xdfffffff, false },
		      { 0xe0000000, true },  { 0xefffffff, true },  { 0xf0000000, false },
		      { 0xfffffffe, false }, { 0xffffffff, true } };

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++)
		assert_int_equal(addr4_is_never(addr4_of(cases[i].addr)), cases[i].never);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_list_refuses_all),
		cmocka_unit_test(the_first_match_decides),
		cmocka_unit_test(exceptions_alone_allow_the_rest),
		cmocka_unit_test(a_word_for_nothing_found_opens_nothing),
		cmocka_unit_test(link_layer_addresses_match_when_known),
		cmocka_unit_test(link_local_addresses_are_of_one_link),
		cmocka_unit_test(entries_are_as_in_the_file),
		cmocka_unit_test(localhost_is_both_loopbacks),
		cmocka_unit_test(global_is_what_the_registry_says),
		cmocka_unit_test(some_are_never_translated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
