/* SPDX-License-Identifier: GPL-3.0-or-later */
/* special_test.c - which names are special, and for whom.  Their answers are tested by the
 * scenarios of tests/vectors/dns/special.scn. */
#include "base/addr.h"
#include "dns/special.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum special_kind find(const struct special *s, const char *text, bool mapped,
			      unsigned *set)
{
	uint8_t name[DNS_NAME_MAX];

	assert_true(name_from_text(text, name));
	return special_find(s, name, mapped, set);
}

static void zones_and_names(void **state)
{
	static const struct dns_zone_conf zones[] = {
		{ "lan" }, { "not..a.name" }, { "A.Lan" }, { "local" }
	};
	static const struct in6_addr addr = { .s6_addr = { 0x20, 1 } };
	static const struct dns_local_conf local[] = { { "vm.lan", &addr, 1, NULL, 0, true },
						       { "..", &addr, 1, NULL, 0, true } };
	struct dns_conf conf = { .zones = zones, .n_zones = 4, .local = local, .n_local = 2 };
	struct special *s = special_new(&conf);
	static const struct {
		const char *name;
		enum special_kind kind;
		unsigned set;
	} row[] = {
		{ "lan", SPECIAL_NONE, 1 },      { "x.LAN", SPECIAL_NONE, 1 },
		{ "x.a.lan", SPECIAL_NONE, 3 },  { "vm.lan", SPECIAL_LOCAL, 0 },
		{ "x.vm.lan", SPECIAL_NONE, 1 }, { "x.local", SPECIAL_NONE, 4 },
		{ "x.test", SPECIAL_RFC, 0 },    { "plan", SPECIAL_NONE, 0 },
		{ ".", SPECIAL_NONE, 0 },        { "arpa", SPECIAL_NONE, 0 },
	};

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		unsigned set = 0;

		assert_int_equal(find(s, row[i].name, false, &set), row[i].kind);
		assert_int_equal(set, row[i].set);
	}
	special_free(s);
	special_free(NULL);
}

/* Items 51 and 61: documentation networks are empty, but for who translates to them. */
static void documentation_networks(void **state)
{
	struct dns_conf conf = { 0 };
	struct special *s = special_new(&conf);
	unsigned set = 0;

	(void)state;
	assert_int_equal(find(s, "1.2.0.192.in-addr.arpa", false, &set), SPECIAL_RFC);
	assert_int_equal(find(s, "1.2.0.192.in-addr.arpa", true, &set), SPECIAL_NONE);
	assert_int_equal(find(s, "1.2.0.10.in-addr.arpa", true, &set), SPECIAL_RFC);
	special_free(s);
}

/* More addresses than an answer holds. */
static void many_addresses(void **state)
{
	static struct in6_addr aaaa[5000];
	struct dns_local_conf local = { "many.lan", aaaa, 5000, NULL, 0, false };
	struct dns_conf conf = { .local = &local, .n_local = 1 };
	struct special *s = special_new(&conf);
	struct dns_question q = { .type = TYPE_AAAA, .class = CLASS_IN };
	static uint8_t buf[SPECIAL_MSG_LEN];
	struct msg m;
	size_t len;

	(void)state;
	q.name_len = (uint8_t)name_from_text("many.lan", q.name);
	len = special_answer(s, &q, false, buf);
	assert_int_equal(msg_parse(buf, len, &m), MSG_OK);
	assert_int_equal(m.count[MSG_ANSWER], 200);
	q.name_len = (uint8_t)name_from_text("other.lan", q.name);
	assert_int_equal(special_answer(s, &q, false, buf), 0);
	special_free(s);
}

/* Many names for one address. */
static void many_names(void **state)
{
	static struct dns_local_conf local[100];
	static char names[100][220];
	static const struct in6_addr addr = { .s6_addr = { 0x20, 1 } };
	struct dns_conf conf = { .local = local, .n_local = 100 };
	struct dns_question q = { .type = TYPE_PTR, .class = CLASS_IN };
	static uint8_t buf[SPECIAL_MSG_LEN];
	struct special *s;
	struct msg m;
	size_t len;

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		memset(names[i], 'a', 180);
		names[i][60] = names[i][120] = '.';
		snprintf(names[i] + 170, 16, ".x%zu", i);
		local[i] = (struct dns_local_conf){ names[i], &addr, 1, NULL, 0, true };
	}
	s = special_new(&conf);
	q.name_len = (uint8_t)name_reverse(&addr, 128, q.name);
	len = special_answer(s, &q, false, buf);
	assert_int_equal(msg_parse(buf, len, &m), MSG_OK);
	assert_true(m.count[MSG_ANSWER] > 30 && m.count[MSG_ANSWER] < 100);
	special_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_and_names),
		cmocka_unit_test(documentation_networks),
		cmocka_unit_test(many_addresses),
		cmocka_unit_test(many_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
