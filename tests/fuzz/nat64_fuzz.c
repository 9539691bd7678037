/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64_fuzz.c - the translator on any bytes: no crash, only well-formed packets out, and books
 * that agree with each other.
 *
 * Input: one byte of options, one that picks the prefix (and: 0x80 guests are known, 0x40 a new
 * configuration after each packet, 0x20 a third byte of options follows: pools, maps, clients,
 * the limit), then packets, each behind its length in two bytes.  Where the length has its top
 * bit set, checksums of the packet are put right first, so that what lies behind those checks
 * is reached.  Lengths from 0x7f00 on are no packets but acts, on an address that the next two
 * bytes pick: see act().  Those from 0x7e00 on make a frame of the next packet, whose kind and
 * size are in the lower byte.
 */
#include "../unit/cut.h"
#include "nat64/nat64.h"

#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 24
#define POOLS_MAX   3u
#define MAPS_MAX    6u
#define FRAMES      0x7e00u
#define ACTS        0x7f00u

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

/* Networks of pools: of the reference, small ones that overlap, without edges, none. */
struct layout {
	struct {
		uint32_t addr;
		uint8_t len;
	} net[POOLS_MAX];
	size_t n;
};

static const struct layout layouts[] = {
	{ { { 0xc0a8ff00, 24 } }, 1 },
	{ { { 0xc0a8ff08, 29 } }, 1 },
	{ { { 0xc0a8ff0a, 31 }, { 0xc0a8ff10, 32 }, { 0xc0a8ff14, 30 } }, 3 },
	{ { { 0xc0a8ff00, 28 }, { 0xc0a8ff00, 24 }, { 0xc0a8ff00, 24 } }, 3 },
	{ { { 0 } }, 0 },
	{ { { 0xc0a8f000, 20 }, { 0x0a000000, 25 } }, 2 },
	{ { { 0xc0a8ff00, 23 } }, 1 },
	{ { { 0, 1 } }, 1 }, /* more than there may be */
};

struct map_row {
	uint32_t ipv4;
	uint8_t len4, net, host, len6; /* IPv6: 2001:db8:<net>::<host> */
};

static const struct map_row map_rows[MAPS_MAX] = {
	{ 0xc6336400, 24, 3, 0, 64 },     { 0xc0a8ff19, 32, 1, 0x25, 128 },
	{ 0xc0a8ff10, 28, 1, 0x40, 124 }, { 0xc6336440, 26, 4, 0, 120 },
	{ 0x08080800, 24, 5, 0, 48 },     { 0xc6336480, 25, 3, 0x80, 121 },
};

/* A translator, and all that its configuration points to. */
struct bench {
	struct nat64 *n;
	struct nat64_conf conf;
	struct prefix4 pools[POOLS_MAX];
	struct nat64_map maps[MAPS_MAX];
	struct acl_entry clients[2];
	uint64_t now_ms;
};

static struct in6_addr guest_at(uint8_t net, uint8_t host)
{
	struct in6_addr a;

	memcpy(&a, guest, sizeof a);
	a.s6_addr[5] = net;
	a.s6_addr[15] = host;
	return a;
}

/* Some are known by their link-layer address, some by their network, some not at all. */
static uint64_t guest_of(void *arg, const struct in6_addr *src)
{
	(void)arg;
	if (src->s6_addr[15] >= 0xe0)
		return nat64_guest_net(src);
	return nat64_guest_mac(src->s6_addr + 10) / 4u;
}

static void on_event(void *arg, const struct nat64_event *e)
{
	(void)arg;
	if (e->kind != NAT64_POOL_FULL && !e->ipv4.s_addr)
		abort();
}

static void lay_pools(struct bench *b, const struct layout *l)
{
	for (size_t i = 0; i < l->n; i++)
		b->pools[i] = (struct prefix4){ addr4_of(l->net[i].addr), l->net[i].len };
	b->conf.pools = b->pools;
	b->conf.n_pools = l->n;
}

static void lay_maps(struct bench *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct map_row *r = &map_rows[i];

		b->maps[i] = (struct nat64_map){ { addr4_of(r->ipv4), r->len4 },
						 { guest_at(r->net, r->host), r->len6 },
						 i % 2 ? "a name" : NULL };
	}
	b->conf.maps = b->maps;
	b->conf.n_maps = n;
}

/* 0x07 pools, 0x18 clients, 0x20 all maps, 0x40 no limit, 0x80 any lifetime. */
static void set_more(struct bench *b, uint8_t more)
{
	struct prefix6 net = { guest_at(1, 0x40), 121 };
	unsigned clients = more >> 3 & 3;

	lay_pools(b, &layouts[more & 7]);
	if (more & 0x20)
		lay_maps(b, MAPS_MAX);
	b->clients[0] = (struct acl_entry){ .kind = ACL_MAC, .mac = { [5] = 4 } };
	b->clients[1] = (struct acl_entry){ .kind = ACL_NET, .net = net };
	if (clients == 1)
		b->conf.clients = (struct acl){ b->clients, 2 };
	else if (clients == 2)
		b->conf.clients.n = 0;
	else if (clients == 3)
		b->conf.clients = (struct acl){ b->clients + 1, 1 };
	if (more & 0x40)
		b->conf.max_mappings_per_guest = 0;
	if (more & 0x80)
		b->conf.lease_lifetime_ms = b->conf.lease_keep_ms = UINT64_MAX;
}

static void configure(struct bench *b, uint8_t options, uint8_t which)
{
	const uint8_t *p = prefixes[(which & 0x1f) % (sizeof prefixes / sizeof *prefixes)];

	b->conf = (struct nat64_conf){
		.own4 = addr4_of(options & 1 ? 0 : 0xc0a8ff01),
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
	memcpy(&b->conf.prefix.prefix, p, 16);
	b->conf.prefix.len = p[16];
	b->conf.own6 = guest_at(1, 0x64);
	if (options & 1)
		memset(&b->conf.own6, 0, 16);
	lay_pools(b, &layouts[0]);
	lay_maps(b, options & 2 ? 2 : 0);
}

static bool begin(struct bench *b, uint8_t which)
{
	static const uint8_t random[32] = { 1 };
	struct in6_addr h = guest_at(1, 0x10), h2 = guest_at(1, 0x11);

	b->now_ms = 5000;
	b->n = nat64_new(&b->conf, random, on_event, NULL);
	if (!b->n)
		return false;
	nat64_restore(b->n, &h, addr4_of(0xc0a8ff0a), 0, b->now_ms);
	nat64_restore(b->n, &h2, addr4_of(0xc0a8ff0b), 0, b->now_ms);
	if (which & 0x80)
		nat64_set_guests(b->n, guest_of, NULL);
	return true;
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

static void check(void *arg, const uint8_t *buf, size_t len)
{
	struct wf_l4 l4;

	(void)arg;
	if (!wellformed(buf, len, &l4) || (wf_is_error(&l4) && !wf_csum_holds(&l4)))
		abort();
}

static void on_packet(void *arg, const uint8_t *buf, size_t len, const struct gso *gso)
{
	struct wf_l4 l4;

	check(arg, buf, len);
	if (!gso->partial)
		return;
	if (!wellformed(buf, len, &l4) || l4.fragment || (l4.proto != 6 && l4.proto != 17))
		abort();
	cut_frame(buf, len, gso, check, arg);
}

static void one_packet(struct bench *b, const uint8_t *data, size_t len, bool mend,
		       const struct gso *gso)
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
	nat64_input(b->n, p, len, gso, b->now_ms, &sink);
	free(memory);
}

/* What is listed, what is counted, and what time says of it agree. */
static void check_books(const struct bench *b)
{
	uint32_t listed[3] = { 0 }, in_pools = 0, used, size;
	struct nat64_mapping m;
	struct nat64_usage usage;

	for (size_t i = 0; nat64_mapping_at(b->n, &i, &m); i++)
		listed[m.state]++;
	nat64_usage(b->n, &usage);
	for (size_t i = 0; i < b->conf.n_pools; i++) {
		nat64_pool_usage(b->n, i, &used, &size);
		in_pools += used;
		if (used > size)
			abort();
	}
	if (usage.active != listed[NAT64_ACTIVE] || usage.dormant != listed[NAT64_DORMANT] ||
	    usage.fixed != listed[NAT64_STATIC] || in_pools != usage.active + usage.dormant)
		abort();
}

static void tick(struct bench *b, uint64_t ms)
{
	b->now_ms += ms;
	nat64_tick(b->n, b->now_ms);
	if (nat64_next(b->n) <= b->now_ms)
		abort();
}

static void renew(struct bench *b, bool commit)
{
	if (nat64_prepare(b->n, &b->conf))
		nat64_settle(b->n, commit, b->now_ms);
}

/* One of the acts on the mapping of a guest. */
static void act(struct bench *b, unsigned which, uint8_t x, uint8_t y)
{
	struct in6_addr v6 = guest_at(x / 64 == 1 ? 3 : 1, x);

	switch (which % 6) {
	case 0:
		check_books(b);
		break;
	case 1:
		nat64_restore(b->n, &v6, addr4_of(0xc0a8ff00u + y), x * 20u, b->now_ms);
		break;
	case 2:
		nat64_drop(b->n, &v6, b->now_ms);
		break;
	case 3:
		tick(b, (uint64_t)x << y % 24);
		break;
	case 4: /* and back, with the same lists behind both */
		renew(b, y & 1);
		break;
	case 5:
		nat64_set_guests(b->n, y & 1 ? guest_of : NULL, NULL);
		break;
	}
}

static size_t one_frame(struct bench *b, unsigned what, const uint8_t *data, size_t size)
{
	static const uint16_t sizes[] = { 0, 1, 8, 64, 100, 500, 1208, 1400 };
	const struct gso gso = { .kind = (enum gso_kind)(what % 3),
				 .partial = true,
				 .size = sizes[what / 3 % 8],
				 .ecn = what & 0x80 };
	size_t len = (size_t)((data[0] & 0x7f) << 8 | data[1]);

	len = len < size - 2 ? len : size - 2;
	one_packet(b, data + 2, len, data[0] & 0x80, &gso);
	return 2 + len;
}

/* One record; how many bytes it took. */
static size_t one_record(struct bench *b, const uint8_t *data, size_t size)
{
	size_t len = (size_t)((data[0] & 0x7f) << 8 | data[1]);

	if (len >= ACTS && size >= 4) {
		act(b, (unsigned)len - ACTS, data[2], data[3]);
		return 4;
	}
	if (len >= FRAMES && len < ACTS && size >= 4)
		return 2 + one_frame(b, (unsigned)len - FRAMES, data + 2, size - 2);
	len = len < size - 2 ? len : size - 2;
	one_packet(b, data + 2, len, data[0] & 0x80, &(struct gso){ 0 });
	return 2 + len;
}

static void run(struct bench *b, const uint8_t *data, size_t size, bool change)
{
	for (unsigned i = 0; i < RECORDS_MAX && size >= 2; i++) {
		size_t took = one_record(b, data, size);

		data += took;
		size -= took;
		tick(b, 400);
		if (!change)
			continue;
		b->conf.max_mappings_per_guest = 1 + i % 3;
		renew(b, true);
	}
	check_books(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench b = { .n = NULL };
	size_t head = size >= 3 && data[1] & 0x20 ? 3 : 2;

	if (size < 2)
		return 0;
	configure(&b, data[0], data[1]);
	if (head == 3)
		set_more(&b, data[2]);
	if (begin(&b, data[1]))
		run(&b, data + head, size - head, data[1] & 0x40);
	nat64_free(b.n);
	return 0;
}
