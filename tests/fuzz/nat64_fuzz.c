/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64_fuzz.c - the translator on any bytes: no crash, and only well-formed packets out.
 *
 * Input: one byte of options, one that picks the prefix, then packets, each behind its length
 * in two bytes.  Where the length has its top bit set, checksums of the packet are put right
 * first, so that what lies behind those checks is reached.
 */
#include "../unit/wellformed.h"
#include "nat64/nat64.h"

#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t prefixes[][17] = {
	{ 0, 0x64, 0xff, 0x9b, [16] = 96 },
	{ 0x20, 1, 0x0d, 0xb8, 0, 0x64, [16] = 96 },
	{ 0x20, 1, 0x0d, 0xb8, 1, [16] = 40 },
	{ 0x20, 1, 0x0d, 0xb9, [16] = 32 },
	{ 0x20, 1, 0x0d, 0xb8, 1, 0x22, [16] = 48 },
	{ 0x20, 1, 0x0d, 0xb8, 1, 0x22, 3, [16] = 56 },
	{ 0x20, 1, 0x0d, 0xb8, 1, 0x22, 3, 0x44, [16] = 64 },
};

static const uint8_t guest[16] = { 0x20, 1, 0x0d, 0xb8, 0, 1, [15] = 0x10 };

static struct acl_entry any = { .kind = ACL_ANY }, global = { .kind = ACL_GLOBAL };

static const struct prefix4 pools[] = { { { 0 }, 24 } };

static struct nat64 *engine_of(uint8_t options, uint8_t which, struct prefix4 *pool,
			       struct nat64_map maps[2])
{
	const uint8_t *p = prefixes[which % (sizeof prefixes / sizeof *prefixes)];
	static const uint8_t random[32] = { 1 };
	struct nat64_conf conf = {
		.own4 = addr4_of(options & 1 ? 0 : 0xc0a8ff01),
		.pools = pool,
		.n_pools = 1,
		.maps = maps,
		.n_maps = options & 2 ? 2 : 0,
		.clients = { &any, 1 },
		.destinations = { options & 4 ? &any : &global, 1 },
		.mtu = options & 8 ? 1280 : 1500,
		.fragment_mtu = options & 16 ? 1500 : 1280,
		.drop_udp_zero = options & 32,
		.icmp_error_rate = options & 64 ? 1 : 0,
		.lease_lifetime_ms = 1000,
		.lease_keep_ms = options & 128 ? 0 : 1000,
		.max_mappings_per_guest = 2,
	};
	struct nat64 *n;
	struct in6_addr g;

	memcpy(&conf.prefix.prefix, p, 16);
	conf.prefix.len = p[16];
	memcpy(&conf.own6, guest, 16);
	conf.own6.s6_addr[15] = options & 1 ? 0 : 0x64;
	if (options & 1)
		memset(&conf.own6, 0, 16);
	*pool = pools[0];
	pool->addr = addr4_of(0xc0a8ff00);
	maps[0] = (struct nat64_map){ { addr4_of(0xc6336400), 24 }, { conf.own6, 64 }, "" };
	memcpy(&maps[0].ipv6.addr, guest, 16);
	maps[0].ipv6.addr.s6_addr[5] = 3;
	maps[0].ipv6.addr.s6_addr[15] = 0;
	maps[1] =
		(struct nat64_map){ { addr4_of(0xc0a8ff19), 32 }, { { { { 0 } } }, 128 }, "" };
	memcpy(&maps[1].ipv6.addr, guest, 16);
	maps[1].ipv6.addr.s6_addr[15] = 0x25;
	n = nat64_new(&conf, random, NULL, NULL);
	memcpy(&g, guest, 16);
	if (n)
		nat64_restore(n, &g, addr4_of(0xc0a8ff0a), 0, 5000);
	return n;
}

static void store(uint8_t *at, uint32_t sum)
{
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

static void mend4(uint8_t *p, size_t n)
{
	size_t hl, len;

	if (n < 20)
		return;
	hl = (p[0] & 15) * 4u;
	len = (size_t)(p[2] << 8 | p[3]);
	if (hl < 20 || hl > n)
		return;
	if (len > n || len < hl) {
		p[2] = (uint8_t)(n >> 8);
		p[3] = (uint8_t)n;
		len = n;
	}
	if (p[9] == 1 && len >= hl + 4) {
		p[hl + 2] = p[hl + 3] = 0;
		store(p + hl + 2, wf_sum(0, p + hl, len - hl));
	}
	p[10] = p[11] = 0;
	store(p + 10, wf_sum(0, p, hl));
}

static void mend6(uint8_t *p, size_t n)
{
	struct wf_l4 l4;
	uint8_t hops;

	if (n < 40)
		return;
	hops = p[7];
	p[4] = (uint8_t)((n - 40) >> 8);
	p[5] = (uint8_t)(n - 40);
	p[7] = 1;
	if (wf_ip6(p, n, &l4) && l4.proto == 58 && l4.len >= 4) {
		uint8_t *icmp = p + (l4.p - p);

		icmp[2] = icmp[3] = 0;
		store(icmp + 2, wf_sum(l4.pseudo, l4.p, l4.len));
	}
	p[7] = hops;
}

static void on_packet(void *arg, const uint8_t *buf, size_t len)
{
	struct wf_l4 l4;

	(void)arg;
	if (!wellformed(buf, len, &l4) || (wf_is_error(&l4) && !wf_csum_holds(&l4)))
		abort();
}

static void one_packet(struct nat64 *n, const uint8_t *data, size_t len, bool mend,
		       uint64_t now)
{
	struct nat64_sink sink = { on_packet, NULL };
	uint8_t *memory = malloc(NAT64_HEADROOM + len), *p = memory + NAT64_HEADROOM;

	if (!memory)
		return;
	memcpy(p, data, len);
	if (mend && len && p[0] >> 4 == 4)
		mend4(p, len);
	if (mend && len && p[0] >> 4 == 6)
		mend6(p, len);
	nat64_input(n, p, len, now, &sink);
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct prefix4 pool;
	struct nat64_map maps[2];
	uint64_t now_ms = 5000;
	struct nat64 *n;

	if (size < 2)
		return 0;
	n = engine_of(data[0], data[1], &pool, maps);
	if (!n)
		return 0;
	data += 2;
	size -= 2;
	for (unsigned i = 0; i < PACKETS_MAX && size >= 2; i++) {
		size_t len = (size_t)((data[0] & 0x7f) << 8 | data[1]);
		bool mend = data[0] & 0x80;

		data += 2;
		size -= 2;
		len = len < size ? len : size;
		one_packet(n, data, len, mend, now_ms);
		data += len;
		size -= len;
		now_ms += 400;
		nat64_tick(n, now_ms);
	}
	nat64_free(n);
	return 0;
}
