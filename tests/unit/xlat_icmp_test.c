/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/xlat_icmp.h"
#include "t.h"

/* RFC 7915 4.2 figure 3 and 5.2 figure 6, every value of the field. */
static int want_pointer_46(uint32_t p)
{
	if (p <= 1)
		return (int)p;
	if (p == 2 || p == 3)
		return 4;
	if (p == 8)
		return 7;
	if (p == 9)
		return 6;
	if (p >= 12 && p <= 15)
		return 8;
	return p >= 16 && p <= 19 ? 24 : -1;
}

static int want_pointer_64(uint32_t p)
{
	if (p <= 1)
		return (int)p;
	if (p == 4 || p == 5)
		return 2;
	if (p == 6)
		return 9;
	if (p == 7)
		return 8;
	if (p >= 8 && p <= 23)
		return 12;
	return p >= 24 && p <= 39 ? 16 : -1;
}

static void every_pointer(void **state)
{
	struct ip4 q4 = { .len = 100, .hdr_len = 20 };
	struct ip6 q6 = { .len = 100 };

	(void)state;
	for (uint64_t p = 0; p < 1ull << 32; p += p < 100000 ? 1 : 65521) {
		struct xlat_head in = { .param = (uint32_t)p }, out;
		enum nat64_reason reason;

		in.type = 4;
		reason = xlat_head_64(&in, &q6, 1500, &out);
		assert_int_equal(reason == NAT64_GO_ON ? (int)out.param : -1,
				 want_pointer_64((uint32_t)p));
		if (p > 255)
			continue;
		in.type = 12;
		reason = xlat_head_46(&in, &q4, 1500, &out);
		assert_int_equal(reason == NAT64_GO_ON ? (int)out.param : -1,
				 want_pointer_46((uint32_t)p));
	}
}

/* Every type and code: only those of the tables, and never anything but an error. */
static void every_type_and_code(void **state)
{
	struct ip4 q4 = { .len = 1500, .hdr_len = 20 };
	struct ip6 q6 = { .len = 100 };
	unsigned n64 = 0, n46 = 0;

	(void)state;
	for (unsigned t = 0; t < 256; t++)
		for (unsigned c = 0; c < 256; c++) {
			struct xlat_head in = { .type = (uint8_t)t, .code = (uint8_t)c }, out;

			if (xlat_head_64(&in, &q6, 1500, &out) == NAT64_GO_ON) {
				assert_true(out.type == 3 || out.type == 11 || out.type == 12);
				n64++;
			}
			if (xlat_head_46(&in, &q4, 1500, &out) == NAT64_GO_ON) {
				assert_true(out.type >= 1 && out.type <= 4);
				n46++;
			}
		}
	/* 1/0-4, 2/any, 3/0-1, 4/0-1; 3/0-13 and 15, 11/0-1, 12/0 and 2 */
	assert_int_equal(n64, 5 + 256 + 2 + 2);
	assert_int_equal(n46, 15 + 2 + 2);
}

/* Every MTU that can be said: never below the minimum of the family, never above the link. */
static void every_mtu(void **state)
{
	struct ip4 q4 = { .hdr_len = 20 };
	struct ip6 q6 = { .len = 100 };

	(void)state;
	for (uint32_t m = 0; m < 70000; m++) {
		struct xlat_head in = { .type = 2, .param = m }, out;

		q6.has_frag = m & 1;
		assert_int_equal(xlat_head_64(&in, &q6, 1500, &out), NAT64_GO_ON);
		assert_in_range(out.param, 68, 1480);
		assert_true(out.param <= m || m < 68);
		in = (struct xlat_head){ .type = 3, .code = 4, .param = m & 0xffff };
		q4.len = (uint16_t)(20 + m % 65000);
		assert_int_equal(xlat_head_46(&in, &q4, 1500, &out), NAT64_GO_ON);
		assert_in_range(out.param, 1280, 1500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pointer),
		cmocka_unit_test(every_type_and_code),
		cmocka_unit_test(every_mtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
