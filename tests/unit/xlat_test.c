/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xlat_test.c - checksums by difference against checksums computed anew. */
#include "nat64/xlat.h"
#include "t.h"
#include "wellformed.h"

#include <stdlib.h>

static uint32_t rand_state = 7;

static uint32_t rnd(void)
{
	rand_state ^= rand_state << 13;
	rand_state ^= rand_state >> 17;
	rand_state ^= rand_state << 5;
	return rand_state;
}

static void put_csum(uint8_t *p, uint32_t sum, bool udp)
{
	uint32_t v = ~sum & 0xffff;

	if (udp && !v)
		v = 0xffff;
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t pseudo4(const struct ip4 *h, size_t len, uint8_t proto)
{
	uint8_t b[8];

	memcpy(b, &h->src, 4);
	memcpy(b + 4, &h->dst, 4);
	return proto == PROTO_ICMP ? 0 : wf_sum((uint32_t)len + proto, b, 8);
}

static uint32_t pseudo6(const struct ip6 *h, size_t len, uint8_t proto)
{
	uint8_t b[32];

	memcpy(b, &h->src, 16);
	memcpy(b + 16, &h->dst, 16);
	return wf_sum((uint32_t)len + proto, b, 32);
}

static size_t csum_at(uint8_t proto)
{
	return proto == PROTO_TCP ? 16 : proto == PROTO_UDP ? 6 : 2;
}

/* Few different bytes, so that sums of 0 and 0xffff come up. */
static void randomize(void *to, size_t n)
{
	static const uint8_t few[] = { 0, 0, 0, 0xff, 1, 0x80 };
	bool plain = rnd() & 1;

	for (size_t i = 0; i < n; i++)
		((uint8_t *)to)[i] = plain ? few[rnd() % sizeof few] : (uint8_t)rnd();
}

static void one_round(uint8_t proto6, bool from6)
{
	struct ip6 h6 = { .hop_limit = 9 };
	struct ip4 h4 = { .ttl = 9 };
	uint8_t proto4 = proto6 == PROTO_ICMP6 ? PROTO_ICMP : proto6, b[64];
	struct xlat_l4 l4 = { .p = b, .len = 20 + rnd() % 44 };
	size_t at = csum_at(proto6);
	struct xlat_sums sums;
	uint16_t want;

	randomize(&h6.src, 16);
	randomize(&h6.dst, 16);
	randomize(&h4.src, 4);
	h4.dst.s_addr = rnd() | 1;
	h6.dst.s6_addr[0] = 0x20;
	randomize(b, l4.len);
	l4.proto = from6 ? proto6 : proto4;
	if (proto6 == PROTO_ICMP6)
		b[0] = from6 ? 128 + (b[1] & 1) : (b[1] & 1) * 8;
	memset(b + at, 0, 2);
	put_csum(b + at,
		 wf_sum(from6 ? pseudo6(&h6, l4.len, proto6) : pseudo4(&h4, l4.len, proto4), b,
			l4.len),
		 proto6 == PROTO_UDP);
	sums = from6 ? xlat_sums_64(&h6, &h4) : xlat_sums_46(&h4, &h6);
	xlat_transport(&l4, &sums, l4.len);
	want = (uint16_t)(b[at] << 8 | b[at + 1]);
	memset(b + at, 0, 2);
	put_csum(b + at,
		 wf_sum(from6 ? pseudo4(&h4, l4.len, proto4) : pseudo6(&h6, l4.len, proto6), b,
			l4.len),
		 proto6 == PROTO_UDP);
	assert_int_equal(b[at] << 8 | b[at + 1], want);
}

static void by_difference_is_as_computed_anew(void **state)
{
	static const uint8_t protos[] = { PROTO_TCP, PROTO_UDP, PROTO_ICMP6 };

	(void)state;
	for (unsigned i = 0; i < 300000; i++)
		one_round(protos[i % 3], i & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_difference_is_as_computed_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
