/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/siphash.h"
#include "t.h"

/* SipHash-1-3 with key 00..0f over the first n bytes of 00 01 02 ...; the values are those that
 * the reference program of the authors prints. */
static void reference_values(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} cases[] = {
		{ 0, 0xabac0158050fc4dc },
		{ 1, 0xc9f49bf37d57ca93 },
		{ 7, 0xd3927d989bb11140 },
	};
	const struct siphash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	uint8_t in[16];

	(void)state;
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)i;
	for (size_t i = 0; i < N_OF(cases); i++)
		assert_int_equal(siphash(&key, in, cases[i].len), cases[i].hash);
}

static void the_key_and_each_byte_matter(void **state)
{
	const struct siphash_key a = { 1, 2 }, b = { 1, 3 };
	uint8_t in[16] = { 0 };
	uint64_t plain = siphash(&a, in, sizeof in);

	(void)state;
	assert_int_not_equal(plain, siphash(&b, in, sizeof in));
	assert_int_not_equal(plain, siphash(&a, in, 15));
	for (size_t i = 0; i < sizeof in; i++) {
		in[i] = 1;
		assert_int_not_equal(plain, siphash(&a, in, sizeof in));
		in[i] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_values),
		cmocka_unit_test(the_key_and_each_byte_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
