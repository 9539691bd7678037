/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"
#include "nat64/lease.h"
#include "t.h"

#include <stdlib.h>

static struct lease lease(const char *v4, const char *v6, uint64_t used_s)
{
	struct lease l = { .used_s = used_s };
	struct in6_addr a;

	assert_true(addr_parse(v4, &a));
	l.ipv4 = addr_v4(&a);
	assert_true(addr_parse(v6, &l.ipv6));
	return l;
}

/* In memory that ends with the text, so that reading past it is seen. */
static enum lease_line read_text(enum lease_format format, const char *text, size_t len,
				 struct lease *out)
{
	char *exact = malloc(len ? len : 1);
	enum lease_line line;

	memcpy(exact, text, len);
	line = lease_read(format, exact, len, out);
	free(exact);
	return line;
}

static void assert_lease(const struct lease *got, const struct lease *want)
{
	assert_int_equal(got->ipv4.s_addr, want->ipv4.s_addr);
	assert_true(addr_equal(&got->ipv6, &want->ipv6));
	assert_int_equal(got->used_s, want->used_s);
}

static void what_is_written_is_read(void **state)
{
	const struct lease cases[] = {
		lease("192.168.255.25", "2001:db8::25", 1795289215),
		lease("1.2.3.4", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 999999999999999999),
		lease("255.255.255.254", "::1", 0),
	};
	char text[LEASE_LINE_MAX];

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		size_t len = lease_write(&cases[i], text);
		struct lease got;

		assert_int_equal(len, strlen(text));
		assert_int_equal(text[len - 1], '\n');
		assert_int_equal(read_text(LEASE_OURS, text, len, &got), LEASE_GOOD);
		assert_lease(&got, &cases[i]);
		assert_int_equal(read_text(LEASE_OURS, text, len - 1, &got), LEASE_GOOD);
	}
}

/* Whatever single byte changes or wherever it is cut off: the line is not believed. */
static void a_damaged_line_is_bad(void **state)
{
	struct lease l = lease("192.168.255.25", "2001:db8::25", 1795289215), got;
	char text[LEASE_LINE_MAX], torn[LEASE_LINE_MAX];
	size_t len = lease_write(&l, text) - 1;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		assert_int_not_equal(read_text(LEASE_OURS, text, i, &got), LEASE_GOOD);
		memcpy(torn, text, len);
		torn[i] ^= 1;
		assert_int_not_equal(read_text(LEASE_OURS, torn, len, &got), LEASE_GOOD);
	}
}

static void taygas_lines(void **state)
{
	static const struct {
		const char *text;
		enum lease_line line;
	} cases[] = {
		{ "192.168.255.233\t2001:db8:1::101\t1795289215\n", LEASE_GOOD },
		{ "  192.168.255.233 2001:db8:1::101 \t 1795289215 \r\n", LEASE_GOOD },
		{ "192.168.255.233 2001:db8:1::101 0", LEASE_GOOD },
		{ "###\n", LEASE_NOTHING },
		{ "### Last written: Sat Nov 21 21:22:48 2026###\n", LEASE_NOTHING },
		{ " \t\r\n", LEASE_NOTHING },
		{ "", LEASE_NOTHING },
		{ "192.168.255.233 2001:db8:1::101\n", LEASE_BAD },
		{ "192.168.255.233 2001:db8:1::101 1 2\n", LEASE_BAD },
		{ "192.168.255.233 2001:db8:1::101 -1\n", LEASE_BAD },
		{ "192.168.255.233 2001:db8:1::101 1x\n", LEASE_BAD },
		{ "192.168.255.233 2001:db8:1::101 9999999999999999999\n", LEASE_BAD },
		{ "2001:db8:1::101 192.168.255.233 1\n", LEASE_BAD },
		{ "::ffff:192.168.255.233 2001:db8:1::101 1\n", LEASE_BAD },
		{ "192.168.255.233 192.168.255.2 1\n", LEASE_BAD },
		{ "192.168.255.256 2001:db8:1::101 1\n", LEASE_BAD },
		{ "192.168.255.233 "
		  "2001:db8:1::10100000000000000000000000000000000000000000000000 "
		  "1",
		  LEASE_BAD },
	};
	struct lease want = lease("192.168.255.233", "2001:db8:1::101", 1795289215), got;

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++)
		assert_int_equal(
			read_text(LEASE_TAYGA, cases[i].text, strlen(cases[i].text), &got),
			cases[i].line);
	assert_int_equal(read_text(LEASE_TAYGA, cases[0].text, strlen(cases[0].text), &got),
			 LEASE_GOOD);
	assert_lease(&got, &want);
	assert_int_equal(read_text(LEASE_TAYGA, "1.2.3.4\0 ::1 1", 14, &got), LEASE_BAD);
}

static void the_first_line_tells_the_format(void **state)
{
	static const struct {
		const char *line;
		enum lease_format format;
	} cases[] = {
		{ LEASE_HEADER, LEASE_OURS },
		{ "# v6gwd leases 1", LEASE_OURS },
		{ "# v6gwd leases 1 \r\n", LEASE_OURS },
		{ "# v6gwd leases 2\n", LEASE_NEWER },
		{ "# v6gwd leases 11\n", LEASE_NEWER },
		{ "# v6gwd leases \n", LEASE_NEWER },
		{ "###\n", LEASE_TAYGA },
		{ "192.168.255.233\t2001:db8:1::101\t1795289215\n", LEASE_TAYGA },
		{ "", LEASE_TAYGA },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++)
		assert_int_equal(lease_format_of(cases[i].line, strlen(cases[i].line)),
				 cases[i].format);
}

static void the_end_is_told(void **state)
{
	static const struct {
		const char *line;
		bool is;
		uint64_t n;
	} cases[] = {
		{ "# end 0\n", true, 0 },
		{ "# end 100000", true, 100000 },
		{ "# end 12 \r\n", true, 12 },
		{ "# end\n", false, 0 },
		{ "# end \n", false, 0 },
		{ "# end x\n", false, 0 },
		{ "# end 1 2\n", false, 0 },
		{ "# end -1\n", false, 0 },
		{ "#end 1\n", false, 0 },
		{ "192.0.2.1 2001:db8::1 5\n", false, 0 },
		{ "", false, 0 },
	};
	char text[LEASE_LINE_MAX];
	uint64_t n;
	size_t len;

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		n = 77;
		assert_int_equal(lease_read_end(cases[i].line, strlen(cases[i].line), &n),
				 cases[i].is);
		assert_int_equal(n, cases[i].is ? cases[i].n : 77);
	}
	len = lease_write_end(131070, text);
	assert_int_equal(len, strlen(text));
	assert_true(lease_read_end(text, len, &n));
	assert_int_equal(n, 131070);
}

static void wall_clocks_jump(void **state)
{
	static const struct {
		uint64_t used_s, now_s, age_ms;
	} ages[] = {
		{ 1795289215, 1795289215, 0 },
		{ 1795289215, 1795289275, 60000 },
		{ 0, 1795289215, 0 },
		{ 1795289216, 1795289215, 0 },
		{ 1795289275, 1795289215, 0 },
		{ 1795289276, 1795289215, LEASE_AGE_UNKNOWN },
		{ 1795289215, 12, LEASE_AGE_UNKNOWN },
		{ 999999999999999999, 1795289215, LEASE_AGE_UNKNOWN },
		{ 1, 1795289215, 1795289214000 },
	};
	static const struct {
		uint64_t age_ms, now_s, used_s;
	} stamps[] = {
		{ 0, 1795289215, 1795289215 },
		{ 61999, 1795289215, 1795289154 },
		{ UINT64_MAX, 1795289215, 0 },
		{ 1000, 86400, 0 }, /* the machine woke up without a clock */
	};

	(void)state;
	for (size_t i = 0; i < N_OF(ages); i++) {
		const struct lease l = { .used_s = ages[i].used_s };

		assert_int_equal(lease_age_ms(&l, ages[i].now_s), ages[i].age_ms);
	}
	for (size_t i = 0; i < N_OF(stamps); i++)
		assert_int_equal(lease_used_s(stamps[i].age_ms, stamps[i].now_s),
				 stamps[i].used_s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_damaged_line_is_bad),
		cmocka_unit_test(taygas_lines),
		cmocka_unit_test(the_first_line_tells_the_format),
		cmocka_unit_test(the_end_is_told),
		cmocka_unit_test(wall_clocks_jump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
