/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/csum.h"
#include "t.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* The plain definition: 16-bit words in network order (RFC 1071 1). */
static uint16_t slow(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* RFC 1071 3: 0001 f203 f4f5 f6f7 sums to ddf2. */
static void the_example_of_the_rfc(void **state)
{
	const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(csum_fold(csum_add(0, bytes, sizeof bytes)), htons(0x220d));
}

static void every_length_and_value(void **state)
{
	uint8_t buf[97];

	(void)state;
	srandom(1);
	for (unsigned round = 0; round < 2000; round++) {
		size_t len = round % sizeof buf;

		for (size_t i = 0; i < sizeof buf; i++)
			buf[i] = round % 3 ? (uint8_t)random() : round % 2 ? 0xff : 0;
		assert_int_equal(csum_fold(csum_add(0, buf, len)), slow(buf, len));
	}
}

static void an_update_equals_a_new_sum(void **state)
{
	uint8_t buf[60], old[16];

	(void)state;
	srandom(2);
	for (unsigned round = 0; round < 20000; round++) {
		uint16_t field;

		for (size_t i = 0; i < sizeof buf; i++)
			buf[i] = (uint8_t)random();
		field = slow(buf, sizeof buf);
		memcpy(old, buf + 20, sizeof old);
		for (size_t i = 20; i < 36; i++)
			buf[i] = round % 5 ? (uint8_t)random() : 0;
		field = csum_update(field, csum_add(0, old, sizeof old),
				    csum_add(0, buf + 20, 16));
		assert_int_equal(field, slow(buf, sizeof buf));
	}
}

static void pseudo_headers(void **state)
{
	const uint8_t v4[] = { 192, 0, 2, 1, 198, 51, 100, 7, 0, 17, 0x12, 0x34 };
	uint8_t v6[40] = { 0x20, 1, 0xd, 0xb8, [15] = 1, 0x20, 1, 0xd, 0xb8, [31] = 2 };
	struct in_addr a, b;
	struct in6_addr c, d;

	(void)state;
	memcpy(&a, v4, 4);
	memcpy(&b, v4 + 4, 4);
	assert_int_equal(csum_fold(csum_pseudo4(a, b, 0x1234, 17)), slow(v4, sizeof v4));
	memcpy(&c, v6, 16);
	memcpy(&d, v6 + 16, 16);
	v6[33] = 0x01;
	v6[34] = 0x23;
	v6[35] = 0x45;
	v6[39] = 58;
	assert_int_equal(csum_fold(csum_pseudo6(&c, &d, 0x12345, 58)), slow(v6, sizeof v6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc),
		cmocka_unit_test(every_length_and_value),
		cmocka_unit_test(an_update_equals_a_new_sum),
		cmocka_unit_test(pseudo_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
