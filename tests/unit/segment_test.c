/* SPDX-License-Identifier: GPL-3.0-or-later */
/* segment_test.c - frames: cut as a kernel would, and whole or cut first, the same packets go
 * out of the engine. */
#include "nat64/segment.h"

#include "base/addr.h"
#include "cut.h"
#include "nat64/nat64.h"
#include "t.h"

#define START_MS 1000000u
#define MANY     1024u /* as many as a frame is cut into at most */
#define ROUNDS   6000u

static uint32_t rand_state = 7;

static uint32_t rnd(void)
{
	rand_state ^= rand_state << 13;
	rand_state ^= rand_state >> 17;
	rand_state ^= rand_state << 5;
	return rand_state;
}

static uint32_t one_of(const uint32_t *list, size_t n)
{
	return list[rnd() % n];
}

#define ONE_OF(...)                               \
	one_of((const uint32_t[]){ __VA_ARGS__ }, \
	       sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* --- frames --- */

struct frame {
	uint8_t memory[NAT64_HEADROOM + 66000], *p;
	size_t len;
	struct gso gso;
};

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static size_t put_ip6(uint8_t *p, uint8_t proto)
{
	static const char *const sources[] = { "2001:db8:1::10", "2001:db8:1::10",
					       "2001:db8:1::10", "2001:db8:1::11",
					       "2001:db8:1::99", "2001:db8:2::1" };
	static const char *const targets[] = { "64:ff9b::8.8.8.8",        "64:ff9b::8.8.8.8",
					       "64:ff9b::8.8.8.8",        "64:ff9b::9.9.9.9",
					       "64:ff9b::192.168.255.11", "64:ff9b::10.1.1.1",
					       "64:ff9b::192.168.255.77", "64:ff9b::127.0.0.1",
					       "2001:db8:1::64",          "2001:db8:9::9" };
	struct in6_addr src = addr(sources[rnd() % 6]), dst = addr(targets[rnd() % 10]);
	size_t at = 40;

	p[0] = 0x60 | (rnd() & 15);
	p[1] = (uint8_t)(rnd() & 0xf0);
	p[2] = p[3] = 0;
	p[6] = proto;
	p[7] = (uint8_t)ONE_OF(64, 64, 64, 64, 2, 1, 0);
	memcpy(p + 8, &src, 16);
	memcpy(p + 24, &dst, 16);
	if (rnd() % 8 == 0) {
		p[6] = (uint8_t)ONE_OF(0, 60, 43);
		memset(p + 40, 0, 16);
		p[40] = proto;
		p[41] = 1;
		p[43] = rnd() % 4 == 0; /* segments left, of a routing header */
		at += 16;
	}
	return at;
}

static size_t put_ip4(uint8_t *p, uint8_t proto)
{
	static const char *const sources[] = { "8.8.8.8",  "8.8.8.8",        "9.9.9.9",
					       "10.0.0.1", "192.168.255.10", "127.0.0.1" };
	static const char *const targets[] = { "192.168.255.10", "192.168.255.10",
					       "192.168.255.10", "192.168.255.11",
					       "192.168.255.77", "192.168.255.1",
					       "1.2.3.4" };
	struct in6_addr src = addr(sources[rnd() % 6]), dst = addr(targets[rnd() % 7]);
	size_t head = rnd() % 8 ? 20 : 28;

	memset(p, 0, head);
	p[0] = (uint8_t)(0x40 | head / 4);
	p[1] = (uint8_t)rnd();
	cut_put(p + 4, rnd(), 2);
	p[6] = rnd() % 3 ? 0x40 : 0;
	p[8] = (uint8_t)ONE_OF(64, 64, 64, 64, 2, 1, 0);
	p[9] = proto;
	memcpy(p + 12, (uint8_t *)&src + 12, 4);
	memcpy(p + 16, (uint8_t *)&dst + 12, 4);
	if (head > 20)
		memcpy(p + 20, rnd() % 4 ? "\1\1\1\1\1\1\1\0" : "\203\7\4\1\1\1\1\0", 8);
	return head;
}

static size_t put_transport(uint8_t *p, uint8_t proto)
{
	size_t head = proto == 17 ? 8 : ONE_OF(20, 32, 32, 60);

	for (size_t i = 0; i < head; i++)
		p[i] = (uint8_t)rnd();
	if (proto == 6)
		p[12] = (uint8_t)(head / 4 << 4);
	return head;
}

/* Payload and size so that there are few packets, or many, or one. */
static void make_frame(struct frame *f, bool six)
{
	uint8_t proto = rnd() & 1 ? 6 : 17;
	size_t l4, head, payload;

	f->p = f->memory + NAT64_HEADROOM;
	f->gso = (struct gso){ .partial = true };
	l4 = six ? put_ip6(f->p, proto) : put_ip4(f->p, proto);
	head = l4 + put_transport(f->p + l4, proto);
	payload = rnd() % (rnd() & 1 ? 65500 - head : 4000);
	if (rnd() % 4) {
		f->gso.kind = proto == 6 ? GSO_TCP : GSO_UDP;
		f->gso.ecn = proto == 6 && f->p[l4 + 13] & 0x80;
		f->gso.size = (uint16_t)ONE_OF(1448, 1428, 1412, 1460, 1200, 1232, 1000, 536,
					       100, rnd() % 1500 + 48, rnd() % 60000 + 1);
	} else if (rnd() & 1) {
		payload %= 1600;
	}
	if (f->gso.kind && payload / f->gso.size >= MANY)
		payload = f->gso.size * (rnd() % MANY);
	f->len = head + payload;
	for (size_t i = head; i < f->len; i++)
		f->p[i] = (uint8_t)rnd();
	if (six)
		cut_put(f->p + 4, (uint32_t)(f->len - 40), 2);
	else
		cut_put(f->p + 2, (uint32_t)f->len, 2);
	cut_put(f->p + 10, six ? cut_get(f->p + 10, 2) : 0, 2);
	if (!six)
		cut_put(f->p + 10, ~wf_sum(0, f->p, l4), 2);
	if (proto == 17)
		cut_put(f->p + l4 + 4, (uint32_t)(f->len - l4), 2);
	cut_put(f->p + l4 + (proto == 6 ? 16 : 6), 0xbeef, 2); /* not what counts */
}

/* --- what comes out --- */

struct packets {
	struct {
		uint8_t *p;
		size_t len;
		bool shortened; /* of a frame, and not longer than 1,260 bytes */
	} list[MANY];
	size_t n;
	bool of_frame;
	unsigned whole[2]; /* frames that came out as such: IPv4, IPv6 */
};

static void add(void *arg, const uint8_t *p, size_t len)
{
	struct packets *out = arg;
	struct wf_l4 l4;

	assert_true(out->n < MANY);
	assert_true(wellformed(p, len, &l4) && wf_csum_holds(&l4));
	out->list[out->n].p = malloc(len);
	memcpy(out->list[out->n].p, p, len);
	out->list[out->n].shortened = out->of_frame && len <= 1260;
	out->list[out->n++].len = len;
}

/* The pseudo-header's sum is what a kernel completes; a fresh copy, for the cutter computes
 * anew. */
static void check_partial(const uint8_t *p, size_t len)
{
	uint8_t proto;
	size_t l4 = cut_l4(p, &proto);
	uint32_t sum = wf_sum(0, p + (p[0] >> 4 == 6 ? 8 : 12), p[0] >> 4 == 6 ? 32 : 8);

	sum = wf_sum(sum, (uint8_t[]){ (uint8_t)((len - l4) >> 8), (uint8_t)(len - l4) }, 2);
	sum = wf_sum(sum, (uint8_t[]){ 0, proto }, 2);
	assert_int_equal(cut_get(p + l4 + (proto == 6 ? 16 : 6), 2), sum);
}

static void on_packet(void *arg, const uint8_t *p, size_t len, const struct gso *gso)
{
	struct packets *out = arg;

	if (!gso->partial) {
		add(out, p, len);
		return;
	}
	check_partial(p, len);
	out->of_frame = gso->kind != GSO_NONE;
	out->whole[p[0] >> 4 == 6] += out->of_frame;
	cut_frame(p, len, gso, add, out);
	out->of_frame = false;
}

static void forget(struct packets *out)
{
	while (out->n)
		free(out->list[--out->n].p);
}

/* Identifications are nobody's business; DF of a short one was decided for all. */
static void blind(uint8_t *p, bool df)
{
	if (p[0] >> 4 != 4)
		return;
	memset(p + 4, 0, 2);
	memset(p + 10, 0, 2);
	if (df)
		p[6] &= 0xbf;
}

static void compare(struct packets *a, struct packets *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		bool df = a->list[i].shortened;

		blind(a->list[i].p, df);
		blind(b->list[i].p, df);
		assert_int_equal(a->list[i].len, b->list[i].len);
		assert_memory_equal(a->list[i].p, b->list[i].p, a->list[i].len);
	}
}

/* --- engines --- */

struct engine {
	struct nat64 *n;
	struct acl_entry any, global;
	struct prefix4 pool;
	struct packets out;
};

static void setup(struct engine *e, uint32_t mtu, uint32_t fragment_mtu)
{
	static const uint8_t random[32] = { 5 };
	struct in6_addr h = addr("2001:db8:1::10"), h2 = addr("2001:db8:1::11");
	struct nat64_conf conf = {
		.prefix = { addr("64:ff9b::"), 96 },
		.own4 = addr4_of(0xc0a8ff01),
		.own6 = addr("2001:db8:1::64"),
		.pools = &e->pool,
		.n_pools = 1,
		.clients = { &e->any, 1 },
		.destinations = { &e->global, 1 },
		.mtu = mtu,
		.fragment_mtu = fragment_mtu,
		.icmp_error_rate = 1000,
		.lease_lifetime_ms = 10000,
		.lease_keep_ms = 100000,
		.max_mappings_per_guest = 4,
	};

	memset(e, 0, sizeof *e);
	e->any.kind = ACL_ANY;
	e->global.kind = ACL_GLOBAL;
	e->pool = (struct prefix4){ addr4_of(0xc0a8ff00), 24 };
	e->n = nat64_new(&conf, random, NULL, NULL);
	assert_non_null(e->n);
	assert_true(nat64_restore(e->n, &h, addr4_of(0xc0a8ff0a), 0, START_MS));
	assert_true(nat64_restore(e->n, &h2, addr4_of(0xc0a8ff0b), 0, START_MS));
}

/* The memory ends where the packet does. */
static void give(struct engine *e, const uint8_t *p, size_t len, const struct gso *gso,
		 uint64_t now)
{
	const struct nat64_sink sink = { on_packet, &e->out };
	uint8_t *memory = malloc(NAT64_HEADROOM + len);

	memcpy(memory + NAT64_HEADROOM, p, len);
	nat64_input(e->n, memory + NAT64_HEADROOM, len, gso, now, &sink);
	free(memory);
}

struct cut_into {
	struct engine *e;
	uint64_t now;
};

static void give_piece(void *arg, const uint8_t *p, size_t len)
{
	struct cut_into *into = arg;

	give(into->e, p, len, &(struct gso){ 0 }, into->now);
}

static void compare_books(const struct engine *a, const struct engine *b)
{
	struct nat64_mapping x, y;
	size_t i = 0, j = 0;

	assert_memory_equal(nat64_counts(a->n), nat64_counts(b->n),
			    NAT64_REASON_COUNT * sizeof(uint64_t));
	for (; nat64_mapping_at(a->n, &i, &x); i++, j++) {
		assert_true(nat64_mapping_at(b->n, &j, &y));
		assert_memory_equal(x.packets, y.packets, sizeof x.packets);
		assert_memory_equal(x.bytes, y.bytes, sizeof x.bytes);
	}
}

/* Without DF the segments of TCP are made smaller where fragments would be made otherwise. */
static bool is_made_smaller(const struct frame *f, uint32_t limit)
{
	uint8_t proto;
	size_t l4 = cut_l4(f->p, &proto);
	size_t head = f->p[0] >> 4 == 4 && proto == 6 ? (f->p[l4 + 12] >> 4) * 4u : 0;

	return head && f->gso.kind && !(f->p[6] & 0x40) && f->len - l4 > head + f->gso.size &&
	       40 + head + f->gso.size > limit;
}

/* Whole into the one, cut into the other. */
static void both(struct engine *a, struct engine *b, struct frame *f, uint64_t now)
{
	struct cut_into into = { b, now };

	give(a, f->p, f->len, &f->gso, now);
	cut_frame(f->p, f->len, &f->gso, give_piece, &into);
}

static void whole_or_cut_it_is_the_same(void **state)
{
	static const uint32_t mtus[][2] = {
		{ 1500, 1280 }, { 1280, 1280 }, { 9000, 9000 }, { 1500, 1500 }
	};
	static struct engine a, b;
	static struct frame f;

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		setup(&a, mtus[k][0], mtus[k][1]);
		setup(&b, mtus[k][0], mtus[k][1]);
		for (unsigned i = 0; i < ROUNDS / 4; i++) {
			make_frame(&f, rnd() & 1);
			if (is_made_smaller(&f, mtus[k][1]))
				continue;
			both(&a, &b, &f, START_MS + i);
			compare(&a.out, &b.out);
			compare_books(&a, &b);
			forget(&a.out);
			forget(&b.out);
		}
		assert_in_range(a.out.whole[0], 20, ROUNDS);
		assert_in_range(a.out.whole[1], 20, ROUNDS);
		nat64_free(a.n);
		nat64_free(b.n);
	}
}

/* --- single frames --- */

static const struct frame *frame6(enum gso_kind kind, size_t len, uint16_t size)
{
	static struct frame f;
	const struct in6_addr ends[] = { addr("2001:db8:1::10"), addr("64:ff9b::8.8.8.8") };
	bool tcp = kind == GSO_TCP;

	f.p = f.memory + NAT64_HEADROOM;
	f.len = len;
	f.gso = (struct gso){ kind, true, tcp, size };
	memset(f.p, 0, len);
	cut_put(f.p, 0x60000000, 4);
	cut_put(f.p + 4, (uint32_t)(len - 40), 2);
	cut_put(f.p + 6, tcp ? 0x0640 : 0x1140, 2);
	memcpy(f.p + 8, ends, sizeof ends);
	cut_put(f.p + 44, (uint32_t)(len - 40), 2);
	cut_put(f.p + 46, 0xbeef, 2);
	if (tcp)
		cut_put(f.p + 52, 0x8099, 2); /* 32 bytes; CWR, ACK, PSH, FIN */
	return &f;
}

static const struct frame *frame4(size_t len, uint16_t size, bool df)
{
	static struct frame f;

	f.p = f.memory + NAT64_HEADROOM;
	f.len = len;
	f.gso = (struct gso){ GSO_TCP, true, false, size };
	for (size_t i = 0; i < len; i++)
		f.p[i] = (uint8_t)rnd();
	cut_put(f.p, 0x4500, 2);
	cut_put(f.p + 2, (uint32_t)len, 2);
	cut_put(f.p + 6, df ? 0x4000 : 0, 2);
	cut_put(f.p + 8, 0x4006, 2);
	cut_put(f.p + 10, 0, 2);
	cut_put(f.p + 12, 0x08080808, 4);
	cut_put(f.p + 16, 0xc0a8ff0a, 4);
	cut_put(f.p + 10, ~wf_sum(0, f.p, 20), 2);
	f.p[32] = 0x80;
	return &f;
}

struct last {
	uint8_t p[66000];
	size_t len, n;
	struct gso gso;
};

static void keep(void *arg, const uint8_t *p, size_t len, const struct gso *gso)
{
	struct last *last = arg;

	memcpy(last->p, p, len);
	last->len = len;
	last->gso = *gso;
	last->n++;
}

static enum nat64_reason give_kept(struct engine *e, const struct frame *f, struct last *out)
{
	const struct nat64_sink sink = { keep, out };
	uint8_t *memory = malloc(NAT64_HEADROOM + f->len);
	enum nat64_reason reason;

	out->n = 0;
	memcpy(memory + NAT64_HEADROOM, f->p, f->len);
	reason = nat64_input(e->n, memory + NAT64_HEADROOM, f->len, &f->gso, START_MS, &sink);
	free(memory);
	return reason;
}

static void the_largest_go_over_whole(void **state)
{
	static struct engine e;
	static struct last out;
	struct nat64_mapping m;

	(void)state;
	setup(&e, 1500, 1280);
	assert_int_equal(give_kept(&e, frame6(GSO_TCP, 65535, 1420), &out), NAT64_OK_64);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.len, 65515);
	assert_int_equal(out.gso.kind, GSO_TCP);
	assert_int_equal(out.gso.size, 1420);
	assert_true(out.gso.partial && out.gso.ecn);
	assert_int_equal(out.p[6], 0x40);
	check_partial(out.p, out.len);
	assert_int_equal(nat64_counts(e.n)[NAT64_OK_64], 47);
	assert_true(nat64_find(
		e.n, &(struct in6_addr){ .s6_addr = { 0x20, 1, 13, 0xb8, 0, 1, [15] = 0x10 } },
		&m));
	assert_int_equal(m.packets[0], 47);
	assert_int_equal(m.bytes[0], 65535 + 46 * 72);
	assert_int_equal(give_kept(&e, frame4(65535, 1428, true), &out), NAT64_OK_46);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.len, 65555);
	/* Without a header's room in IPv4, each goes alone. */
	assert_int_equal(give_kept(&e, frame6(GSO_TCP, 65575, 1400), &out), NAT64_OK_64);
	assert_int_equal(out.n, 47);
	nat64_free(e.n);
}

/* RFC 7915 4.1, where DF is set and where not. */
static void what_is_too_large_for_ipv6(void **state)
{
	static struct engine e;
	static struct last out;

	(void)state;
	setup(&e, 1500, 1280);
	give_kept(&e, frame4(40000, 1448, true), &out);
	assert_int_equal(out.n, 28);
	assert_int_equal(nat64_counts(e.n)[NAT64_V4_TOO_BIG], 28 - 1);
	assert_int_equal(nat64_counts(e.n)[NAT64_ERROR4_SENT], 28 - 1);
	assert_int_equal(give_kept(&e, frame4(40000, 1448, false), &out), NAT64_OK_46);
	assert_int_equal(out.n, 1);
	assert_int_equal(out.len, 40020);
	assert_int_equal(out.gso.size, 1280 - 40 - 32);
	check_partial(out.p, out.len);
	assert_int_equal(give_kept(&e, frame4(40000, 1208, false), &out), NAT64_OK_46);
	assert_int_equal(out.gso.size, 1208);
	nat64_free(e.n);
}

/* The kernel counts identifications up: no frame gets what another has. */
static void each_packet_without_df_has_its_identification(void **state)
{
	static struct engine e;
	static struct last out;
	static uint8_t seen[65536];
	const struct frame *f = frame6(GSO_UDP, 48 + 100 * 128, 100);

	(void)state;
	setup(&e, 1500, 1280);
	for (unsigned i = 0; i < 256; i++) {
		give_kept(&e, f, &out);
		assert_int_equal(out.n, 1);
		assert_int_equal(out.p[6], 0);
		for (uint32_t k = 0; k < 128; k++)
			assert_int_equal(seen[(cut_get(out.p + 4, 2) + k) & 0xffff]++, 0);
	}
	f = frame6(GSO_UDP, 60, 100);
	for (unsigned i = 0; i < 32768; i++) {
		give_kept(&e, f, &out);
		assert_int_equal(seen[cut_get(out.p + 4, 2)]++, 0);
	}
	/* More than there are in a block: one by one. */
	give_kept(&e, frame6(GSO_UDP, 48 + 100 * 128 + 1, 100), &out);
	assert_int_equal(out.n, 129);
	nat64_free(e.n);
}

static void refused(struct engine *e, size_t at, uint8_t value, size_t len, struct gso gso)
{
	static struct last out;
	struct frame f = *frame6(gso.kind == GSO_UDP ? GSO_UDP : GSO_TCP, len, gso.size);

	f.p = f.memory + NAT64_HEADROOM;
	f.p[at] = value;
	f.gso = gso;
	assert_int_equal(give_kept(e, &f, &out), NAT64_FRAME);
	assert_int_equal(out.n, 0);
}

static void what_is_no_frame_is_refused(void **state)
{
	static struct engine e;

	(void)state;
	setup(&e, 1500, 1280);
	refused(&e, 52, 0x40, 3000, (struct gso){ GSO_TCP, true, false, 1000 });
	refused(&e, 52, 0xf0, 90, (struct gso){ GSO_TCP, true, false, 1000 });
	refused(&e, 6, 17, 3000, (struct gso){ GSO_TCP, true, false, 1000 });
	refused(&e, 6, 58, 3000, (struct gso){ GSO_TCP, true, false, 1000 });
	refused(&e, 6, 58, 3000, (struct gso){ GSO_NONE, true, false, 0 });
	refused(&e, 6, 44, 3000, (struct gso){ GSO_TCP, true, false, 1000 });
	refused(&e, 0, 0x60, 3000, (struct gso){ GSO_TCP, true, false, 0 });
	refused(&e, 44, 1, 3000, (struct gso){ GSO_UDP, true, false, 1000 });
	assert_int_equal(nat64_counts(e.n)[NAT64_FRAME], 8);
	nat64_free(e.n);
}

/* One frame is no flood: what would be one is dropped, or left to who cuts it. */
static void few_packets_come_of_one_frame(void **state)
{
	static struct engine e;
	static struct last out;

	(void)state;
	setup(&e, 1500, 1280);
	assert_int_equal(give_kept(&e, frame6(GSO_TCP, 72 + 1024 * 8, 8), &out), NAT64_OK_64);
	assert_int_equal(out.n, 1024);
	assert_int_equal(give_kept(&e, frame6(GSO_TCP, 72 + 1024 * 8 + 1, 8), &out),
			 NAT64_FRAME);
	assert_int_equal(give_kept(&e, frame6(GSO_TCP, 65535, 1), &out), NAT64_FRAME);
	assert_int_equal(out.n, 0);
	assert_int_equal(nat64_counts(e.n)[NAT64_FRAME], 2);
	assert_int_equal(give_kept(&e, frame4(65535, 1, true), &out), NAT64_OK_46);
	assert_int_equal(out.n, 1);
	nat64_free(e.n);
}

/* Nothing that a frame may say of itself makes anything but packets. */
static void whatever_it_says_of_itself(void **state)
{
	static struct engine e;
	static struct frame f;
	static struct last out;

	(void)state;
	setup(&e, 1500, 1280);
	for (unsigned i = 0; i < ROUNDS; i++) {
		make_frame(&f, rnd() & 1);
		for (unsigned k = rnd() % 4; k; k--)
			f.p[rnd() % 80] = (uint8_t)rnd();
		if (rnd() & 1)
			f.gso.kind = (enum gso_kind)(rnd() % 3);
		if (rnd() % 4 == 0)
			f.len = rnd() % (f.len + 1);
		if (f.p[0] >> 4 == 4) {
			cut_put(f.p + 10, 0, 2);
			cut_put(f.p + 10, ~wf_sum(0, f.p, (f.p[0] & 15) * 4u), 2);
		}
		give_kept(&e, &f, &out);
	}
	nat64_free(e.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_or_cut_it_is_the_same),
		cmocka_unit_test(the_largest_go_over_whole),
		cmocka_unit_test(what_is_too_large_for_ipv6),
		cmocka_unit_test(each_packet_without_df_has_its_identification),
		cmocka_unit_test(what_is_no_frame_is_refused),
		cmocka_unit_test(few_packets_come_of_one_frame),
		cmocka_unit_test(whatever_it_says_of_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
