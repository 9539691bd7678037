/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64_test.c - the engine as its user sees it; what single packets become is in the vectors.
 */
#include "nat64/nat64.h"
#include "pkt.h"
#include "t.h"
#include "wellformed.h"

#define START_MS 1000000u

static uint32_t rand_state = 3;

static uint32_t rnd(void)
{
	rand_state ^= rand_state << 13;
	rand_state ^= rand_state >> 17;
	rand_state ^= rand_state << 5;
	return rand_state;
}

struct bench {
	struct nat64 *n;
	struct nat64_conf conf;
	struct acl_entry any, global;
	struct prefix4 pool[2];
	size_t events[4], n_out;
	uint8_t out[70000];
	size_t out_len;
	uint64_t guest;
	unsigned asked;
};

static void on_event(void *arg, const struct nat64_event *e)
{
	((struct bench *)arg)->events[e->kind]++;
}

static void on_packet(void *arg, const uint8_t *buf, size_t len, const struct gso *gso)
{
	struct bench *b = arg;

	(void)gso;
	memcpy(b->out, buf, len);
	b->out_len = len;
	b->n_out++;
}

static uint64_t guest_of(void *arg, const struct in6_addr *src)
{
	(void)src;
	((struct bench *)arg)->asked++;
	return ((struct bench *)arg)->guest;
}

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	assert_true(addr_parse(pkt_value(text), &a));
	return a;
}

static struct prefix4 net4(const char *text)
{
	struct prefix6 p;

	assert_true(prefix_parse(text, &p, NULL));
	return (struct prefix4){ addr_v4(&p.addr), (uint8_t)(p.len - 96) };
}

static void setup(struct bench *b)
{
	static const uint8_t random[32] = { 5 };

	memset(b, 0, sizeof *b);
	b->any.kind = ACL_ANY;
	b->global.kind = ACL_GLOBAL;
	b->pool[0] = net4("192.168.255.0/24");
	b->conf = (struct nat64_conf){
		.prefix = { addr("64:ff9b::"), 96 },
		.own4 = addr4_of(0xc0a8ff01),
		.own6 = addr("OWN6"),
		.pools = b->pool,
		.n_pools = 1,
		.clients = { &b->any, 1 },
		.destinations = { &b->global, 1 },
		.mtu = 1500,
		.fragment_mtu = 1280,
		.icmp_error_rate = 1000,
		.lease_lifetime_ms = 10000,
		.lease_keep_ms = 100000,
		.max_mappings_per_guest = 4,
	};
	b->n = nat64_new(&b->conf, random, on_event, b);
	assert_non_null(b->n);
}

static enum nat64_reason send_bytes(struct bench *b, const uint8_t *p, size_t len, uint64_t now)
{
	uint8_t *memory = malloc(NAT64_HEADROOM + len);
	struct nat64_sink sink = { on_packet, b };
	enum nat64_reason reason;

	if (len)
		memcpy(memory + NAT64_HEADROOM, p, len);
	b->n_out = 0;
	reason =
		nat64_input(b->n, memory + NAT64_HEADROOM, len, &(struct gso){ 0 }, now, &sink);
	free(memory);
	return reason;
}

static size_t build(struct pkt *p, const char *const *layers, size_t n)
{
	struct pkt_line lines[8];

	for (size_t i = 0; i < n; i++)
		pkt_split(&lines[i], layers[i]);
	pkt_build(lines, n, NULL, p);
	return p->n;
}

static struct pkt scratch;

static enum nat64_reason send_from(struct bench *b, const char *src, uint64_t now)
{
	char ip[100];
	const char *layers[] = { ip, "udp 1 2", "bytes 9" };

	snprintf(ip, sizeof ip, "ip6 %s R6", src);
	build(&scratch, layers, 3);
	return send_bytes(b, scratch.b, scratch.n, now);
}

static struct in_addr v4_of(struct bench *b, const char *v6)
{
	struct in6_addr a = addr(v6);
	struct nat64_mapping m;

	for (size_t i = 0; nat64_mapping_at(b->n, &i, &m); i++)
		if (addr_equal(&m.ipv6, &a))
			return m.ipv4;
	return addr4_of(0);
}

static void every_reason_has_its_texts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NAT64_REASON_COUNT; i++) {
		const struct nat64_reason_text *t = &nat64_reason_texts[i];

		assert_true(strlen(t->name) > 2 && strlen(t->text) > 8 && strlen(t->rfc) > 5);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(t->name, nat64_reason_texts[j].name);
	}
}

static void a_mapping_from_birth_to_end(void **state)
{
	struct bench b;
	struct nat64_mapping m;
	struct nat64_usage usage;
	uint32_t used, size;
	size_t i = 0;

	(void)state;
	setup(&b);
	assert_false(nat64_mapping_at(b.n, &i, &m));
	assert_int_equal(nat64_next(b.n), UINT64_MAX);
	assert_int_equal(send_from(&b, "H", START_MS), NAT64_OK_64);
	assert_int_equal(b.events[NAT64_MAPPING_MADE], 1);
	i = 0;
	assert_true(nat64_mapping_at(b.n, &i, &m));
	assert_int_equal(m.state, NAT64_ACTIVE);
	assert_int_equal(m.made_ms, START_MS);
	assert_int_equal(m.packets[0], 1);
	assert_int_equal(m.bytes[0], 57);
	nat64_pool_usage(b.n, 0, &used, &size);
	assert_int_equal(used, 1);
	assert_int_equal(size, 253);
	assert_int_equal(nat64_next(b.n), START_MS + 10000);
	nat64_tick(b.n, START_MS + 10000);
	nat64_usage(b.n, &usage);
	assert_int_equal(usage.dormant, 1);
	assert_true(nat64_drop(b.n, &m.ipv6, START_MS));
	assert_false(nat64_drop(b.n, &m.ipv6, START_MS));
	assert_int_equal(b.events[NAT64_MAPPING_ENDED], 1);
	assert_int_equal(nat64_counts(b.n)[NAT64_OK_64], 1);
	nat64_free(b.n);
}

static void guests_are_asked_for_and_limited(void **state)
{
	struct bench b;
	struct nat64_usage usage;
	char src[40];
	unsigned refused = 0;

	(void)state;
	setup(&b);
	nat64_set_guests(b.n, guest_of, &b);
	b.guest = 7;
	assert_int_equal(send_from(&b, "H2", START_MS), NAT64_OK_64);
	b.guest = 8;
	for (unsigned i = 1; i <= 1000; i++) {
		snprintf(src, sizeof src, "2001:db8:1::f:%x", i);
		refused += send_from(&b, src, START_MS + i) == NAT64_GUEST_MOVES;
	}
	assert_in_range(refused, 900, 930);
	assert_int_equal(nat64_counts(b.n)[NAT64_OK_64], 1001 - refused);
	nat64_usage(b.n, &usage);
	assert_int_equal(usage.active, 5);
	assert_int_not_equal(v4_of(&b, "H2").s_addr, 0);
	b.guest = 7;
	assert_int_equal(send_from(&b, "2001:db8:1::7:7", START_MS + 1000), NAT64_OK_64);
	nat64_free(b.n);
}

/* Unknown at first: no limit; learnt with the first packet a second later: the limit. */
static void guests_are_learnt_later(void **state)
{
	struct bench b;
	struct nat64_usage usage;
	char src[40];

	(void)state;
	setup(&b);
	nat64_set_guests(b.n, guest_of, &b);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 1; i <= 10; i++) {
			snprintf(src, sizeof src, "2001:db8:1::f:%x", i);
			send_from(&b, src, START_MS + 2000 * round);
		}
		nat64_usage(b.n, &usage);
		assert_int_equal(usage.active, round ? 4 : 10);
		b.guest = 8;
	}
	nat64_free(b.n);
}

/* Packets that waited longer than anybody remembers who sent them get no mapping, and so do not
 * come in without a limit; the source's next one does. */
static void who_was_not_heard_comes_again(void **state)
{
	struct bench b;
	struct nat64_usage usage;
	char src[40];

	(void)state;
	setup(&b);
	nat64_set_guests(b.n, guest_of, &b);
	b.guest = NAT64_GUEST_LATER;
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 1; i <= 100; i++) {
			snprintf(src, sizeof src, "2001:db8:1::f:%x", i);
			assert_int_equal(send_from(&b, src, START_MS + i), NAT64_GUEST_UNHEARD);
		}
	b.guest = 8;
	for (unsigned i = 1; i <= 100; i++) {
		snprintf(src, sizeof src, "2001:db8:1::f:%x", i);
		send_from(&b, src, START_MS + 1000);
	}
	nat64_usage(b.n, &usage);
	assert_int_equal(usage.active, 4);
	/* Of whom nobody will ever know, as of one who came another way. */
	b.guest = NAT64_GUEST_LATER;
	assert_int_equal(send_from(&b, "H", START_MS + 1000), NAT64_GUEST_UNHEARD);
	assert_int_equal(send_from(&b, "H", START_MS + 1400), NAT64_GUEST_UNHEARD);
	assert_int_equal(send_from(&b, "H", START_MS + 2000), NAT64_OK_64);
	assert_int_equal(send_from(&b, "H", START_MS + 5000), NAT64_OK_64);
	assert_int_equal(send_from(&b, "H2", START_MS + 1000), NAT64_GUEST_UNHEARD);
	assert_int_equal(send_from(&b, "H2", START_MS + 100000), NAT64_GUEST_UNHEARD);
	nat64_free(b.n);
}

/* The sender's new mapping takes the place of the one that it sends to. */
static void a_hairpin_to_what_ends_by_it(void **state)
{
	const char *layers[] = { "", "udp 1 2", "bytes 9" };
	struct bench b;
	char ip[100], v4[ADDR_TEXT_LEN];

	(void)state;
	setup(&b);
	b.conf.prefix.prefix = addr("2001:db8:64::");
	b.conf.destinations.entries = &b.any;
	b.conf.max_mappings_per_guest = 1;
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	nat64_set_guests(b.n, guest_of, &b);
	b.guest = 8;
	layers[0] = "ip6 H 2001:db8:64::8.8.8.8";
	build(&scratch, layers, 3);
	assert_int_equal(send_bytes(&b, scratch.b, scratch.n, START_MS), NAT64_OK_64);
	addr4_text(v4_of(&b, "H"), v4);
	snprintf(ip, sizeof ip, "ip6 H 2001:db8:64::%s", v4);
	layers[0] = ip;
	build(&scratch, layers, 3);
	assert_int_equal(send_bytes(&b, scratch.b, scratch.n, START_MS + 5000), NAT64_HAIRPIN);
	snprintf(ip, sizeof ip, "ip6 H2 2001:db8:64::%s", v4);
	build(&scratch, layers, 3);
	assert_int_equal(send_bytes(&b, scratch.b, scratch.n, START_MS),
			 NAT64_V6_TO_UNASSIGNED);
	assert_int_equal(v4_of(&b, "H").s_addr, 0);
	nat64_tick(b.n, START_MS + 1000000);
	nat64_free(b.n);
}

static void acls_see_the_link_layer_address(void **state)
{
	static const uint8_t mac[] = { 0x52, 0x54, 0, 0xab, 0xcd, 1 };
	struct acl_entry list[2] = { { .kind = ACL_MAC, .negated = true },
				     { .kind = ACL_ANY } };
	struct bench b;

	(void)state;
	setup(&b);
	memcpy(list[0].mac, mac, 6);
	b.conf.clients = (struct acl){ list, 2 };
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	nat64_set_guests(b.n, guest_of, &b);
	assert_int_equal(send_from(&b, "H", START_MS), NAT64_OK_64);
	b.guest = nat64_guest_mac(mac);
	assert_int_equal(send_from(&b, "H2", START_MS), NAT64_CLIENT_REFUSED);
	/* H turns out to be that one, too. */
	assert_int_equal(send_from(&b, "H", START_MS + 2000), NAT64_OK_64);
	assert_int_equal(send_from(&b, "H", START_MS + 2001), NAT64_CLIENT_REFUSED);
	b.guest = nat64_guest_mac(mac) + 1;
	assert_int_equal(send_from(&b, "H2", START_MS), NAT64_OK_64);
	nat64_free(b.n);
}

static void guest_keys(void **state)
{
	static const uint8_t mac[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct in6_addr a = addr("2001:db8:1:2:3::4"), same = addr("2001:db8:1:2::"),
			other = addr("2001:db8:1:3::"), small = addr("::1");

	(void)state;
	assert_int_equal(nat64_guest_mac(mac), (1ull << 48) - 1);
	assert_true(nat64_guest_net(&a) == nat64_guest_net(&same));
	assert_true(nat64_guest_net(&a) != nat64_guest_net(&other));
	assert_true(nat64_guest_net(&a) >> 48 && nat64_guest_net(&small) >> 48);
}

static void a_new_configuration_keeps_what_fits(void **state)
{
	struct bench b;
	struct nat64_usage usage;
	struct in_addr h, other;
	struct acl_entry only = { .kind = ACL_NET };
	struct in6_addr h6;

	(void)state;
	setup(&b);
	send_from(&b, "H", START_MS);
	send_from(&b, "2001:db8:9::9", START_MS);
	h = v4_of(&b, "H");
	other = v4_of(&b, "2001:db8:9::9");
	b.conf.mtu = 1400;
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, false, START_MS);
	assert_true(nat64_prepare(b.n, &b.conf));
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	assert_int_equal(v4_of(&b, "H").s_addr, h.s_addr);
	only.net = (struct prefix6){ addr("2001:db8:1::"), 48 };
	b.conf.clients = (struct acl){ &only, 1 };
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	assert_int_equal(v4_of(&b, "H").s_addr, h.s_addr);
	assert_int_equal(v4_of(&b, "2001:db8:9::9").s_addr, other.s_addr);
	assert_int_equal(send_from(&b, "2001:db8:9::9", START_MS), NAT64_CLIENT_REFUSED);
	nat64_usage(b.n, &usage);
	assert_int_equal(usage.dormant, 1);
	assert_int_equal(b.events[NAT64_MAPPING_ENDED], 0);
	b.conf.clients = (struct acl){ &b.any, 1 };
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	send_from(&b, "2001:db8:9::9", START_MS);
	nat64_usage(b.n, &usage);
	assert_int_equal(usage.active, 2);
	assert_int_equal(v4_of(&b, "2001:db8:9::9").s_addr, other.s_addr);
	b.conf.pools = NULL;
	b.conf.n_pools = 0;
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	assert_int_equal(b.events[NAT64_MAPPING_ENDED], 2);
	h6 = addr("H");
	assert_false(nat64_restore(b.n, &h6, h, 0, START_MS));
	assert_int_equal(send_from(&b, "H", START_MS), NAT64_POOL_EXHAUSTED);
	send_from(&b, "H", START_MS + 59999);
	assert_int_equal(b.events[NAT64_POOL_FULL], 1);
	send_from(&b, "H", START_MS + 60000);
	assert_int_equal(b.events[NAT64_POOL_FULL], 2);
	nat64_free(b.n);
}

static void a_restored_lease_older_than_the_clock(void **state)
{
	struct bench b;
	struct nat64_mapping m;
	struct in6_addr h = addr("H");
	size_t i = 0;

	(void)state;
	setup(&b);
	assert_true(nat64_restore(b.n, &h, addr4_of(0xc0a8ff20), 50000, 1000));
	nat64_tick(b.n, 1000);
	assert_true(nat64_mapping_at(b.n, &i, &m));
	assert_int_equal(m.state, NAT64_DORMANT);
	assert_true(1000 - m.used_ms == 50000);
	assert_int_equal(send_from(&b, "H", 2000), NAT64_OK_64);
	assert_int_equal(v4_of(&b, "H").s_addr, addr4_of(0xc0a8ff20).s_addr);
	nat64_free(b.n);
}

/* It is kept, but in nobody's way. */
static void a_restored_lease_of_no_age(void **state)
{
	struct bench b;
	struct nat64_mapping m;
	struct in6_addr h = addr("H");
	size_t i = 0;

	(void)state;
	setup(&b);
	assert_true(nat64_restore(b.n, &h, addr4_of(0xc0a8ff20), UINT64_MAX, START_MS));
	nat64_tick(b.n, START_MS);
	assert_true(nat64_mapping_at(b.n, &i, &m));
	assert_int_equal(m.state, NAT64_DORMANT);
	assert_int_equal(m.used_ms, START_MS);
	assert_int_equal(send_from(&b, "H", START_MS), NAT64_OK_64);
	assert_int_equal(v4_of(&b, "H").s_addr, addr4_of(0xc0a8ff20).s_addr);
	nat64_free(b.n);
}

static bool is_known(void *arg, const struct in6_addr *addr)
{
	(void)addr;
	return ((struct bench *)arg)->guest != 0;
}

/* Sources that may be made up get few errors and echoes, and take none from the others. */
static void answers_to_strangers(void **state)
{
	const char *layers[][2] = { { "ip6 H R6 hl 1", "udp 1 2" },
				    { "ip6 H OWN6", "icmp6 128 0 id 4 seq 5" } };
	struct bench b;

	(void)state;
	for (size_t i = 0; i < N_OF(layers); i++) {
		unsigned sent = 0;

		setup(&b);
		nat64_set_neighbours(b.n, is_known, &b);
		build(&scratch, layers[i], 2);
		for (unsigned ms = 0; ms <= 1000; ms++) {
			send_bytes(&b, scratch.b, scratch.n, START_MS + ms);
			sent += (unsigned)b.n_out;
		}
		assert_in_range(sent, 99, 100);
		b.guest = 7;
		for (unsigned k = 0; k < 50; k++) {
			send_bytes(&b, scratch.b, scratch.n, START_MS + 1000);
			assert_int_equal(b.n_out, 1);
		}
		nat64_free(b.n);
	}
}

static void errors_come_at_their_rate(void **state)
{
	const char *layers[] = { "ip6 H R6 hl 1", "udp 1 2" };
	struct bench b;
	unsigned sent = 0;

	(void)state;
	setup(&b);
	build(&scratch, layers, 2);
	for (unsigned i = 0; i < 400; i++) {
		send_bytes(&b, scratch.b, scratch.n, START_MS);
		sent += (unsigned)b.n_out;
	}
	assert_int_equal(sent, 50);
	assert_int_equal(nat64_counts(b.n)[NAT64_ERROR6_SENT], 50);
	assert_int_equal(nat64_counts(b.n)[NAT64_ERROR_LIMITED], 350);
	for (unsigned ms = 1; ms <= 1000; ms++)
		for (unsigned i = 0; i < 2; i++) {
			send_bytes(&b, scratch.b, scratch.n, START_MS + ms);
			sent += (unsigned)b.n_out;
		}
	assert_int_equal(sent, 1050);
	nat64_free(b.n);
}

static unsigned errors_to(struct bench *b, const char *ip, unsigned n, uint64_t now)
{
	const char *layers[] = { ip, "udp 1 2" };
	unsigned sent = 0;

	build(&scratch, layers, 2);
	for (unsigned i = 0; i < n; i++) {
		send_bytes(b, scratch.b, scratch.n, now);
		sent += (unsigned)b->n_out;
	}
	return sent;
}

/* Who asks for many gets what others leave, of either family; and each of the others some. */
static void one_does_not_take_all_errors(void **state)
{
	struct bench b;
	unsigned mine = 0, others = 0;

	(void)state;
	setup(&b);
	b.conf.icmp_error_rate = 100;
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	assert_int_equal(errors_to(&b, "ip6 H R6 hl 1", 400, START_MS), 50);
	assert_int_equal(errors_to(&b, "ip6 H2 R6 hl 1", 3, START_MS), 3);
	assert_int_equal(errors_to(&b, "ip4 R 192.168.255.77", 3, START_MS), 3);
	for (unsigned ms = 1; ms <= 10000; ms++) {
		mine += errors_to(&b, "ip6 H R6 hl 1", 2, START_MS + ms);
		if (ms % 200 == 0)
			others += errors_to(&b, "ip6 H2 R6 hl 1", 1, START_MS + ms);
	}
	assert_int_equal(others, 50);
	assert_in_range(mine, 900, 1000 - 50);
	/* All together no more than is allowed. */
	for (unsigned i = others = 0; i < 200; i++) {
		char ip[64];

		snprintf(ip, sizeof ip, "ip6 2001:db8:1::e:%x R6 hl 1", i);
		others += errors_to(&b, ip, 10, START_MS + 10000);
	}
	assert_in_range(others, 1, 14);
	nat64_free(b.n);
}

static void no_identification_comes_back_soon(void **state)
{
	static uint8_t seen[65536];
	struct bench b;
	unsigned in_order = 0, last = 0;

	(void)state;
	setup(&b);
	send_from(&b, "H", START_MS);
	for (unsigned i = 0; i < 32768; i++) {
		send_bytes(&b, scratch.b, scratch.n, START_MS);
		unsigned id = (unsigned)(b.out[4] << 8 | b.out[5]);

		assert_false(seen[id]);
		seen[id] = 1;
		in_order += id == last + 1;
		last = id;
	}
	assert_in_range(in_order, 0, 100);
	nat64_free(b.n);
}

/* In a row: neither one of those that single packets get, nor one of the other rows lately. */
static void identifications_in_a_row(void **state)
{
	static const unsigned lengths[] = { 64, 2, 62, 1, 128, 33, 95, 127 };
	static uint8_t seen[65536];
	struct bench b;
	unsigned in_order = 0;
	uint16_t last = 0;

	(void)state;
	setup(&b);
	send_from(&b, "H", START_MS);
	for (unsigned i = 0; i < 32768; i++) {
		send_bytes(&b, scratch.b, scratch.n, START_MS);
		seen[b.out[4] << 8 | b.out[5]] = 1;
	}
	for (unsigned i = 0; i < 256 * N_OF(lengths) / 6; i++) {
		unsigned n = lengths[i % N_OF(lengths)];
		uint16_t first = nat64_ids(b.n, n);

		in_order += first == last;
		last = (uint16_t)(first + n);
		for (unsigned j = 0; j < n; j++) {
			assert_in_range(first + j, 0, 65535);
			assert_false(seen[first + j]++);
		}
	}
	assert_in_range(in_order, 0, 256 * N_OF(lengths) / 6 / 2 + 20);
	nat64_free(b.n);
}

/* --- properties --- */

/* To IPv4, back again as the answer: what comes out is what went in, seen from the other end.
 */
/* What the keeper of copies was told. */
struct kept {
	struct nat64_pair pair;
	size_t pairs, voids, alls, refreshes;
	uint32_t voided, mtu;
};

static void on_pair(void *arg, const struct nat64_pair *pair)
{
	struct kept *k = arg;

	k->pair = *pair;
	k->pairs++;
}

static void on_void_mapping(void *arg, uint32_t mapping)
{
	struct kept *k = arg;

	k->voided = mapping;
	k->voids++;
}

static void on_void_all(void *arg, const struct nat64_conf *conf)
{
	struct kept *k = arg;

	k->mtu = conf->mtu;
	k->alls++;
}

static void on_refresh(void *arg)
{
	((struct kept *)arg)->refreshes++;
}

static void keep(struct bench *b, struct kept *k)
{
	const struct nat64_fast ops = { on_pair, on_void_mapping, on_void_all, on_refresh, k };

	memset(k, 0, sizeof *k);
	nat64_set_fast(b->n, &ops);
}

static enum nat64_reason send_layers(struct bench *b, const char *ip, const char *next)
{
	const char *layers[] = { ip, next, "bytes 9" };

	build(&scratch, layers, 3);
	return send_bytes(b, scratch.b, scratch.n, START_MS);
}

static void pairs_are_told_of_plain_data(void **state)
{
	static const struct {
		const char *ip, *next;
		int dir; /* -1: not told */
	} rows[] = {
		{ "ip6 H R6", "udp 1 2", 0 },
		{ "ip6 H R6", "tcp 1 2", 0 },
		{ "ip4 R 192.168.255.77", "udp 1 2", 1 },
		{ "ip4 R 192.168.255.77", "tcp 1 2", 1 },
		{ "ip6 H R6", "icmp6 128 0 id 5 seq 6", -1 },
		{ "ip6 H R6 hl 1", "udp 1 2", -1 },
		{ "ip6 H 64:ff9b::10.0.0.1", "udp 1 2", -1 },        /* refused */
		{ "ip6 H 2001:db8:5::1", "udp 1 2", -1 },            /* a map's */
		{ "ip4 203.0.113.5 192.168.255.77", "udp 1 2", -1 }, /* likewise */
		{ "ip6 2001:db8:7:: R6", "udp 1 2", 0 },             /* a guest with a map */
		{ "ip6 2001:db8:7::4 R6", "udp 1 2", -1 },           /* which shares it */
		{ "ip4 R 198.51.100.7", "udp 1 2", 1 },
	};
	static const struct nat64_map maps[] = {
		{ { { 0 }, 32 }, { { { { 0 } } }, 128 }, "peer" },
		{ { { 0 }, 32 }, { { { { 0 } } }, 64 }, "net" },
	};
	struct nat64_map own[2];
	struct bench b;
	struct kept k;
	struct in6_addr h = addr("H");

	(void)state;
	setup(&b);
	memcpy(own, maps, sizeof own);
	own[0].ipv4 = net4("203.0.113.5/32");
	own[0].ipv6.addr = addr("2001:db8:5::1");
	own[1].ipv4 = net4("198.51.100.7/32");
	own[1].ipv6.addr = addr("2001:db8:7::");
	b.conf.maps = own;
	b.conf.n_maps = 2;
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	assert_true(nat64_restore(b.n, &h, net4("192.168.255.77/32").addr, 0, START_MS));
	keep(&b, &k);
	for (size_t i = 0; i < N_OF(rows); i++) {
		size_t before = k.pairs;

		send_layers(&b, rows[i].ip, rows[i].next);
		if (k.pairs != before + (rows[i].dir >= 0))
			fail_msg("%s %s: told %zu times", rows[i].ip, rows[i].next,
				 k.pairs - before);
		if (rows[i].dir >= 0)
			assert_int_equal(k.pair.dir, rows[i].dir);
	}
	nat64_free(b.n);
}

static void a_pair_has_both_ends(void **state)
{
	struct bench b;
	struct kept k;
	struct in6_addr h = addr("H"), r6 = addr("R6");
	struct nat64_mapping m;
	size_t i;

	(void)state;
	setup(&b);
	keep(&b, &k);
	send_layers(&b, "ip6 H R6", "udp 1 2");
	i = k.pair.mapping;
	assert_in_range(i, 0, nat64_mappings_end(b.n) - 1);
	assert_true(nat64_mapping_at(b.n, &i, &m));
	assert_int_equal(i, k.pair.mapping);
	assert_true(addr_equal(&k.pair.guest6, &h));
	assert_true(addr_equal(&k.pair.remote6, &r6));
	assert_int_equal(k.pair.guest4.s_addr, m.ipv4.s_addr);
	assert_int_equal(k.pair.remote4.s_addr, htonl(0x08080808));
	assert_int_equal(k.refreshes, 1);
	nat64_set_fast(b.n, NULL);
	send_layers(&b, "ip6 H R6", "udp 1 2");
	assert_int_equal(k.pairs, 1);
	nat64_free(b.n);
}

static void what_ends_is_void(void **state)
{
	struct bench b;
	struct kept k;
	struct in6_addr h = addr("H");

	(void)state;
	setup(&b);
	keep(&b, &k);
	send_from(&b, "H", START_MS);
	nat64_tick(b.n, START_MS + 10000);
	assert_int_equal(k.voids, 1); /* dormant */
	assert_int_equal(k.voided, k.pair.mapping);
	send_from(&b, "H", START_MS + 10001);
	assert_true(nat64_drop(b.n, &h, START_MS));
	assert_int_equal(k.voids, 2);
	b.conf.mtu = 1400;
	assert_true(nat64_prepare(b.n, &b.conf));
	assert_int_equal(k.alls, 0);
	nat64_settle(b.n, true, START_MS);
	assert_int_equal(k.alls, 1);
	assert_int_equal(k.mtu, 1400);
	send_from(&b, "H", START_MS); /* the new pool tells, too */
	assert_true(nat64_drop(b.n, &h, START_MS));
	assert_int_equal(k.voids, 3);
	nat64_free(b.n);
}

static void uses_elsewhere_count(void **state)
{
	static const uint64_t packets[] = { 5, 7 }, bytes[] = { 500, 700 };
	struct bench b;
	struct kept k;
	struct nat64_mapping m;
	struct in6_addr h = addr("H");

	(void)state;
	setup(&b);
	keep(&b, &k);
	send_from(&b, "H", START_MS);
	nat64_used(b.n, k.pair.mapping, packets, bytes, START_MS + 8000);
	assert_true(nat64_find(b.n, &h, &m));
	assert_int_equal(m.packets[0], 6);
	assert_int_equal(m.packets[1], 7);
	assert_int_equal(m.bytes[0], 557);
	assert_int_equal(m.used_ms, START_MS + 8000);
	assert_int_equal(nat64_counts(b.n)[NAT64_OK_64], 6);
	assert_int_equal(nat64_counts(b.n)[NAT64_OK_46], 7);
	nat64_used(b.n, k.pair.mapping, packets, bytes, 0); /* counted, not used */
	assert_int_equal(nat64_next(b.n), START_MS + 18000);
	nat64_tick(b.n, START_MS + 17999);
	assert_true(nat64_find(b.n, &h, &m));
	assert_int_equal(m.state, NAT64_ACTIVE);
	nat64_tick(b.n, START_MS + 18000);
	nat64_used(b.n, k.pair.mapping, packets, bytes, START_MS + 18001);
	assert_true(nat64_find(b.n, &h, &m));
	assert_int_equal(m.state, NAT64_DORMANT); /* nothing is made active from elsewhere */
	nat64_used(b.n, UINT32_MAX, packets, bytes, START_MS);
	assert_int_equal(nat64_counts(b.n)[NAT64_OK_64], 21);
	nat64_free(b.n);
}

static void who_has_a_map_is_asked_for_once_a_second(void **state)
{
	struct acl_entry only = { .kind = ACL_MAC, .mac = { 2, 0, 0, 0, 0, 9 } };
	struct nat64_map map = { .ipv4 = net4("198.51.100.0/28"),
				 .ipv6 = { addr("2001:db8:7::"), 124 } };
	struct bench b;

	(void)state;
	setup(&b);
	b.conf.maps = &map;
	b.conf.n_maps = 1;
	nat64_set_guests(b.n, guest_of, &b);
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(send_from(&b, "2001:db8:7::7", START_MS + i), NAT64_OK_64);
	assert_int_equal(b.asked, 0); /* no link-layer address is asked for */
	b.guest = nat64_guest_mac(only.mac);
	b.conf.clients = (struct acl){ &only, 1 };
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(send_from(&b, "2001:db8:7::7", START_MS + i), NAT64_OK_64);
	assert_int_equal(b.asked, 1);
	b.guest++;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(send_from(&b, "2001:db8:7::8", START_MS + i),
				 NAT64_CLIENT_REFUSED);
	assert_int_equal(b.asked, 2);
	assert_int_equal(send_from(&b, "2001:db8:7::7", START_MS + 999), NAT64_OK_64);
	assert_int_equal(send_from(&b, "2001:db8:7::7", START_MS + 1000), NAT64_CLIENT_REFUSED);
	/* Another list is asked at once; who is unknown, at each packet. */
	b.conf.clients = (struct acl){ &b.any, 1 };
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	assert_int_equal(send_from(&b, "2001:db8:7::7", START_MS + 1000), NAT64_OK_64);
	b.conf.clients = (struct acl){ &only, 1 };
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	b.guest = 0;
	b.asked = 0;
	assert_int_equal(send_from(&b, "2001:db8:7::7", START_MS), NAT64_CLIENT_REFUSED);
	b.guest = nat64_guest_mac(only.mac);
	assert_int_equal(send_from(&b, "2001:db8:7::7", START_MS), NAT64_OK_64);
	assert_int_equal(b.asked, 2);
	nat64_free(b.n);
}

/* Each packet's link-layer address is judged where a map, not a mapping, stands for a guest. */
static void a_list_of_link_layer_addresses_sees_each_packet(void **state)
{
	struct acl_entry only = { .kind = ACL_MAC, .mac = { 2, 0, 0, 0, 0, 9 } };
	struct nat64_map map = { .ipv4 = net4("198.51.100.7/32"),
				 .ipv6 = { addr("2001:db8:7::7"), 128 } };
	struct bench b;
	struct kept k;

	(void)state;
	setup(&b);
	b.conf.maps = &map;
	b.conf.n_maps = 1;
	b.conf.clients = (struct acl){ &only, 1 };
	nat64_set_guests(b.n, guest_of, &b);
	b.guest = nat64_guest_mac(only.mac);
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	keep(&b, &k);
	assert_int_equal(send_layers(&b, "ip6 2001:db8:7::7 R6", "udp 1 2"), NAT64_OK_64);
	assert_int_equal(k.pairs, 0);
	assert_int_equal(send_layers(&b, "ip4 R 198.51.100.7", "udp 1 2"), NAT64_OK_46);
	assert_int_equal(k.pairs, 1);
	assert_int_equal(send_layers(&b, "ip6 H R6", "udp 1 2"), NAT64_OK_64);
	assert_int_equal(k.pairs, 2);
	nat64_free(b.n);
}

static void there_and_back(void **state)
{
	static const char *const kinds[] = { "udp 1 2", "tcp 3 4", "icmp6 128 0 id 5 seq 6",
					     "icmp6 129 0 id 5 seq 6" };
	struct bench b;

	(void)state;
	setup(&b);
	send_from(&b, "H", START_MS);
	for (unsigned i = 0; i < 2000; i++) {
		char ip[80], frag[60], bytes[40];
		const char *layers[4] = { ip };
		size_t n = 1, len;
		uint8_t four[1500], swap[16];

		snprintf(ip, sizeof ip, "ip6 H R6 hl %u tc %u", 3 + rnd() % 250, rnd() % 256);
		snprintf(frag, sizeof frag, "frag %u %u %u next 17", rnd() % 900 * 8, 1u,
			 rnd() & 0xffff);
		snprintf(bytes, sizeof bytes, "bytes %u %u", rnd() % 150 * 8, rnd() % 1000);
		if (i % 5 == 4)
			layers[n++] = frag;
		else
			layers[n++] = kinds[i % 4];
		layers[n++] = bytes;
		build(&scratch, layers, n);
		assert_int_equal(send_bytes(&b, scratch.b, scratch.n, START_MS), NAT64_OK_64);
		assert_int_equal(b.n_out, 1);
		len = b.out_len;
		memcpy(four, b.out, len);
		memcpy(four + 12, b.out + 16, 4);
		memcpy(four + 16, b.out + 12, 4);
		assert_int_equal(send_bytes(&b, four, len, START_MS), NAT64_OK_46);
		memcpy(swap, scratch.b + 8, 16);
		memcpy(scratch.b + 8, scratch.b + 24, 16);
		memcpy(scratch.b + 24, swap, 16);
		scratch.b[7] = (uint8_t)(scratch.b[7] - 2);
		assert_int_equal(b.out_len, scratch.n);
		assert_memory_equal(b.out, scratch.b, scratch.n);
	}
	nat64_free(b.n);
}

static bool must_hold;

static void check_packet(void *arg, const uint8_t *buf, size_t len, const struct gso *gso)
{
	struct wf_l4 l4;

	(void)arg;
	(void)gso;
	if (!wellformed(buf, len, &l4) ||
	    ((must_hold || wf_is_error(&l4)) && !wf_csum_holds(&l4))) {
		for (size_t i = 0; i < len; i++)
			fprintf(stderr, "%02x", buf[i]);
		fail_msg(" is not well-formed");
	}
}

static const char *const seeds[][5] = {
	{ "ip6 H R6", "udp 1 2", "bytes 40" },
	{ "ip6 H R6", "hbh", "frag 0 1 9", "tcp 1 2", "bytes 40" },
	{ "ip6 H R6", "icmp6 128 0 id 1 seq 2", "bytes 40" },
	{ "ip6 H R6", "icmp6 1 4 word 0x10000000", "ip6 R6 H", "udp 1 2", "bytes 100" },
	{ "ip6 H OWN6", "icmp6 128 0", "bytes 40" },
	{ "ip4 R P opt 01010101", "udp 1 2", "bytes 40" },
	{ "ip4 R P", "udp 1 2 csum 0", "bytes 1400" },
	{ "ip4 R P mf id 9", "tcp 1 2", "bytes 1400" },
	{ "ip4 R P", "icmp 0 0 id 1 seq 2", "bytes 40" },
	{ "ip4 R P", "icmp 11 0 word 0x00200000", "ip4 P R", "udp 1 2", "bytes 130" },
	{ "ip4 R OWN4", "icmp 8 0", "bytes 40" },
};

/* Fields change, the checksums over them are put right again now and then, so that what lies
 * behind the checks is reached. */
static size_t mutate(struct pkt *p)
{
	for (unsigned k = rnd() % 4; k; k--) {
		size_t at = rnd() & 1 ? rnd() % p->n : rnd() % (p->n < 90 ? p->n : 90);

		p->b[at] = (uint8_t)(rnd() & 1 ? rnd() : 1u << rnd() % 8);
	}
	if (p->b[0] >> 4 == 4 && p->n >= 60 && (p->b[0] & 15) >= 5) {
		size_t hl = (p->b[0] & 15) * 4u;

		if (p->b[9] == 1 && p->n > hl + 8) {
			p->b[hl + 2] = p->b[hl + 3] = 0;
			uint32_t sum = ~wf_sum(0, p->b + hl, p->n - hl);

			p->b[hl + 2] = (uint8_t)(sum >> 8);
			p->b[hl + 3] = (uint8_t)sum;
		}
		p->b[10] = p->b[11] = 0;
		uint32_t sum = ~wf_sum(0, p->b, hl);

		p->b[10] = (uint8_t)(sum >> 8);
		p->b[11] = (uint8_t)sum;
	}
	return rnd() % 8 ? p->n : rnd() % (p->n + 1);
}

static void whatever_comes_in_only_good_packets_go_out(void **state)
{
	struct nat64_sink sink = { check_packet, NULL };
	struct bench b;
	struct in6_addr h = addr("H");
	static struct pkt built[N_OF(seeds)], p;

	(void)state;
	setup(&b);
	b.conf.icmp_error_rate = 0;
	assert_true(nat64_prepare(b.n, &b.conf));
	nat64_settle(b.n, true, START_MS);
	assert_true(nat64_restore(b.n, &h, addr4_of(0xc0a8ff0a), 0, START_MS));
	for (size_t i = 0; i < N_OF(seeds); i++) {
		size_t n = 0;

		while (n < 5 && seeds[i][n])
			n++;
		build(&built[i], seeds[i], n);
	}
	for (unsigned i = 0; i < 200000; i++) {
		const struct pkt *from = &built[i % N_OF(seeds)];
		uint8_t *memory;
		size_t len;

		memcpy(p.b, from->b, from->n);
		p.n = from->n;
		must_hold = i < N_OF(seeds);
		len = must_hold ? p.n : mutate(&p);
		memory = malloc(NAT64_HEADROOM + len);
		memcpy(memory + NAT64_HEADROOM, p.b, len);
		nat64_input(b.n, memory + NAT64_HEADROOM, len, &(struct gso){ 0 }, START_MS + i,
			    &sink);
		free(memory);
	}
	nat64_free(b.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_its_texts),
		cmocka_unit_test(a_mapping_from_birth_to_end),
		cmocka_unit_test(guests_are_asked_for_and_limited),
		cmocka_unit_test(guests_are_learnt_later),
		cmocka_unit_test(who_was_not_heard_comes_again),
		cmocka_unit_test(a_hairpin_to_what_ends_by_it),
		cmocka_unit_test(acls_see_the_link_layer_address),
		cmocka_unit_test(guest_keys),
		cmocka_unit_test(a_new_configuration_keeps_what_fits),
		cmocka_unit_test(a_restored_lease_older_than_the_clock),
		cmocka_unit_test(a_restored_lease_of_no_age),
		cmocka_unit_test(errors_come_at_their_rate),
		cmocka_unit_test(one_does_not_take_all_errors),
		cmocka_unit_test(answers_to_strangers),
		cmocka_unit_test(no_identification_comes_back_soon),
		cmocka_unit_test(pairs_are_told_of_plain_data),
		cmocka_unit_test(a_pair_has_both_ends),
		cmocka_unit_test(what_ends_is_void),
		cmocka_unit_test(uses_elsewhere_count),
		cmocka_unit_test(who_has_a_map_is_asked_for_once_a_second),
		cmocka_unit_test(a_list_of_link_layer_addresses_sees_each_packet),
		cmocka_unit_test(identifications_in_a_row),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(whatever_comes_in_only_good_packets_go_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
