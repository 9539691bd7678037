/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/iphdr.h"
#include "t.h"

#include <stdlib.h>

static uint32_t rand_state = 1;

static uint32_t rnd(void)
{
	rand_state ^= rand_state << 13;
	rand_state ^= rand_state >> 17;
	rand_state ^= rand_state << 5;
	return rand_state;
}

static void what_is_written_is_read4(void **state)
{
	uint8_t b[100];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct ip4 in = { .src = { rnd() },
				  .dst = { rnd() },
				  .len = 100,
				  .id = (uint16_t)rnd(),
				  .frag_off = (uint16_t)(rnd() & 0xfff8),
				  .hdr_len = 20,
				  .tos = (uint8_t)rnd(),
				  .ttl = (uint8_t)rnd(),
				  .proto = (uint8_t)rnd(),
				  .df = rnd() & 1,
				  .mf = rnd() & 1 };
		struct ip4 out;

		if (in.frag_off + 80 > 65535)
			continue;
		ip4_write(b, &in);
		assert_int_equal(ip4_read(b, 100, &out), NAT64_GO_ON);
		assert_memory_equal(&in.src, &out.src, 4);
		assert_memory_equal(&in.dst, &out.dst, 4);
		assert_int_equal(in.id, out.id);
		assert_int_equal(in.frag_off, out.frag_off);
		assert_int_equal(in.tos, out.tos);
		assert_int_equal(in.ttl, out.ttl);
		assert_int_equal(in.proto, out.proto);
		assert_true(in.df == out.df && in.mf == out.mf);
		assert_int_equal(ip4_payload(&out), 80);
		assert_int_equal(ip4_read(b, 99, &out), NAT64_V4_LENGTH);
		assert_int_equal(ip4_read(b, 19, &out), NAT64_RUNT);
	}
}

static void what_is_written_is_read6(void **state)
{
	uint8_t b[148] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		struct ip6 in = { .len = 108,
				  .tclass = (uint8_t)rnd(),
				  .hop_limit = (uint8_t)rnd(),
				  .proto = 17,
				  .has_frag = i & 1,
				  .frag_id = rnd(),
				  .frag_off = (uint16_t)(rnd() & 0x7ff8),
				  .mf = rnd() & 1 };
		struct ip6 out;

		for (unsigned j = 0; j < 16; j++) {
			in.src.s6_addr[j] = (uint8_t)rnd();
			in.dst.s6_addr[j] = (uint8_t)rnd();
		}
		ip6_write(b, &in);
		assert_int_equal(ip6_read(b, sizeof b, &out), NAT64_GO_ON);
		assert_memory_equal(&in.src, &out.src, 16);
		assert_memory_equal(&in.dst, &out.dst, 16);
		assert_int_equal(in.tclass, out.tclass);
		assert_int_equal(in.hop_limit, out.hop_limit);
		assert_int_equal(out.proto, 17);
		assert_int_equal(out.has_frag, in.has_frag);
		assert_int_equal(out.l4, in.has_frag ? 48 : 40);
		assert_int_equal(out.next_at, in.has_frag ? 40 : 6);
		assert_int_equal(ip6_payload(&out), in.has_frag ? 100 : 108);
		if (!in.has_frag)
			continue;
		assert_int_equal(in.frag_id, out.frag_id);
		assert_int_equal(in.frag_off, out.frag_off);
		assert_int_equal(in.mf, out.mf);
	}
}

/* Every reader on random bytes of every length, in memory that ends with them. */
static void readers_stay_inside(void **state)
{
	static const uint8_t chain[] = { 0, 43, 60, 44, 6 };

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = rnd() % 120;
		uint8_t *b = malloc(len ? len : 1);
		struct ip4 h4;
		struct ip6 h6;

		for (size_t j = 0; j < len; j++)
			b[j] = rnd() & 3 ? (uint8_t)(rnd() & 3) : (uint8_t)rnd();
		if (len)
			b[0] = i & 1 ? 0x60 : (uint8_t)(0x40 | (rnd() & 15));
		if (len > 6)
			b[6] = chain[rnd() % sizeof chain];
		if (ip6_read(b, len, &h6) == NAT64_GO_ON)
			assert_true(h6.l4 <= len && h6.l4 + ip6_payload(&h6) <= len);
		if (ip6_read_quoted(b, len, &h6) == NAT64_GO_ON)
			assert_true(h6.l4 <= len);
		if (ip4_read_quoted(b, len, &h4) == NAT64_GO_ON) {
			assert_true(h4.hdr_len <= len && h4.len >= h4.hdr_len);
			ip4_check_options(b, &h4);
		}
		ip4_read(b, len, &h4);
		free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read4),
		cmocka_unit_test(what_is_written_is_read6),
		cmocka_unit_test(readers_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
