/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64_cache_test.c - what gets into the kernel, and when it is void there; the kernel is a
 * table here. */
#include "base/csum.h"
#include "daemon/nat64_cache.h"
#include "t.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

struct fastpath {
	bool attached;
	uint32_t index, n_slots;
	struct fast_conf conf;
	uint32_t slots[1024];
	struct fast_key6 key6;
	struct fast_pair6 six;
	struct fast_key4 key4;
	struct fast_pair4 four;
	size_t put6, put4, loads, closes, kept, clears;
	struct fastpath_usage usage[1024];
	const char *refuses;
	bool breaks;
};

static struct fastpath kernel;

static struct fastpath *load(uint32_t n_slots, uint32_t n_pairs, char why[FASTPATH_WHY_LEN])
{
	assert_in_range(n_pairs, 4096, 65536);
	assert_in_range(n_slots, 1, 1024);
	kernel.n_slots = n_slots;
	kernel.loads++;
	if (kernel.refuses)
		snprintf(why, FASTPATH_WHY_LEN, "%s", kernel.refuses);
	return kernel.refuses ? NULL : &kernel;
}

static bool attach(struct fastpath *f, uint32_t index, char why[FASTPATH_WHY_LEN])
{
	(void)why;
	f->attached = true;
	f->index = index;
	return true;
}

static bool is_attached(const struct fastpath *f)
{
	return f->attached;
}

static void close_it(struct fastpath *f, bool keep)
{
	f->closes++;
	f->kept += keep;
	f->attached = keep;
}

static void clear(uint32_t index)
{
	(void)index;
	kernel.clears++;
}

static bool configure(struct fastpath *f, const struct fast_conf *conf)
{
	f->conf = *conf;
	return !f->breaks;
}

static bool set_slot(struct fastpath *f, uint32_t slot, uint32_t generation)
{
	assert_in_range(slot, 0, f->n_slots - 1);
	f->slots[slot] = generation;
	return !f->breaks;
}

static bool put6(struct fastpath *f, const struct fast_key6 *key, const struct fast_pair6 *pair)
{
	f->key6 = *key;
	f->six = *pair;
	f->put6++;
	return true;
}

static bool put4(struct fastpath *f, const struct fast_key4 *key, const struct fast_pair4 *pair)
{
	f->key4 = *key;
	f->four = *pair;
	f->put4++;
	return true;
}

static bool usage(struct fastpath *f, uint32_t first, uint32_t n, struct fastpath_usage *out)
{
	assert_in_range(first + n, 1, f->n_slots);
	memcpy(out, f->usage + first, n * sizeof *out);
	return true;
}

static const struct fastpath_class fake = { load,      attach,   is_attached, close_it, clear,
					    configure, set_slot, put6,        put4,     usage };

struct bench {
	struct ev_loop *loop;
	struct nat64_cache *cache;
	struct nat64 *engine;
	struct nat64_conf conf;
	struct acl_entry any;
	struct prefix4 pool;
	size_t used, changed;
};

static void on_used(void *arg)
{
	((struct bench *)arg)->used++;
}

static void on_changed(void *arg)
{
	((struct bench *)arg)->changed++;
}

static void setup(struct bench *b)
{
	static const uint8_t random[32] = { 5 };
	const struct nat64_cache_user user = { &fake, on_used, on_changed, b };

	memset(b, 0, sizeof *b);
	memset(&kernel, 0, sizeof kernel);
	b->any.kind = ACL_ANY;
	b->pool = (struct prefix4){ { htonl(0xc0a8ff00) }, 24 };
	b->conf = (struct nat64_conf){
		.own4 = { htonl(0xc0a8ff01) },
		.pools = &b->pool,
		.n_pools = 1,
		.clients = { &b->any, 1 },
		.destinations = { &b->any, 1 },
		.mtu = 1500,
		.fragment_mtu = 1280,
		.lease_lifetime_ms = 100000,
		.lease_keep_ms = 100000,
		.max_mappings_per_guest = 400,
	};
	inet_pton(AF_INET6, "64:ff9b::", &b->conf.prefix.prefix);
	b->conf.prefix.len = 96;
	b->loop = ev_new();
	b->engine = nat64_new(&b->conf, random, NULL, NULL);
	b->cache = nat64_cache_new(b->loop, &user);
	assert_non_null(b->cache);
	nat64_cache_use(b->cache, b->engine, &b->conf, 5, CONFIG_SWITCH_AUTO);
}

static void tear_down(struct bench *b)
{
	nat64_cache_free(b->cache, false);
	nat64_free(b->engine);
	ev_free(b->loop);
}

static void swallow(void *arg, const uint8_t *buf, size_t len, const struct gso *gso)
{
	(void)arg;
	(void)buf;
	(void)len;
	(void)gso;
}

static uint64_t clock_ms;

/* An empty datagram of a guest to 8.8.x.y, the end of the TUN's burst behind it. */
static void send6(struct bench *b, unsigned guest, unsigned remote)
{
	uint8_t memory[NAT64_HEADROOM + 48] = { 0 }, *p = memory + NAT64_HEADROOM;
	const struct nat64_sink sink = { swallow, NULL };

	p[0] = 0x60;
	p[5] = 8;
	p[6] = 17;
	p[7] = 64;
	inet_pton(AF_INET6, "2001:db8::", p + 8);
	p[23] = (uint8_t)guest;
	inet_pton(AF_INET6, "64:ff9b::808:0", p + 24);
	p[38] = (uint8_t)(remote >> 8);
	p[39] = (uint8_t)remote;
	p[45] = 8;
	p[46] = 1;
	clock_ms = ev_now_ms(b->loop);
	assert_int_equal(nat64_input(b->engine, p, 48, &(struct gso){ 0 }, clock_ms, &sink),
			 NAT64_OK_64);
	nat64_cache_flush(b->cache);
}

static struct nat64_mapping mapping_of(struct bench *b, unsigned guest)
{
	struct in6_addr a = { 0 };
	struct nat64_mapping m = { 0 };

	inet_pton(AF_INET6, "2001:db8::", &a);
	a.s6_addr[15] = (uint8_t)guest;
	assert_true(nat64_find(b->engine, &a, &m));
	return m;
}

static bool is_void(const struct fast_base *base)
{
	return base->epoch != kernel.conf.epoch || base->generation != kernel.slots[base->slot];
}

static void the_second_packet_installs(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	assert_true(kernel.attached);
	assert_int_equal(kernel.index, 5);
	assert_int_equal(kernel.conf.mtu, 1500);
	assert_int_equal(kernel.conf.fragment_mtu, 1280);
	assert_null(nat64_cache_why(b.cache));
	for (unsigned i = 0; i < 1000; i++)
		send6(&b, 1, i);
	assert_int_equal(kernel.put6 + kernel.put4, 0);
	send6(&b, 2, 8);
	send6(&b, 2, 8);
	assert_int_equal(kernel.put6, 1);
	assert_int_equal(kernel.put4, 1);
	send6(&b, 2, 8); /* on its way already */
	assert_int_equal(kernel.put6, 1);
	tear_down(&b);
	assert_int_equal(kernel.closes, 1);
	assert_int_equal(kernel.kept, 0);
}

/* The sum of the new addresses is that of the old ones and the difference. */
static void what_is_installed(void **state)
{
	struct bench b;
	struct nat64_mapping m;
	uint64_t sum6, sum4;

	(void)state;
	setup(&b);
	send6(&b, 2, 8);
	send6(&b, 2, 8);
	m = mapping_of(&b, 2);
	assert_int_equal(kernel.six.to.src, m.ipv4.s_addr);
	assert_int_equal(kernel.six.to.dst, htonl(0x08080008));
	assert_int_equal(kernel.key4.src, htonl(0x08080008));
	assert_int_equal(kernel.key4.dst, m.ipv4.s_addr);
	assert_memory_equal(kernel.key6.src, kernel.four.to.dst, 16);
	assert_memory_equal(kernel.key6.dst, kernel.four.to.src, 16);
	assert_memory_equal(kernel.key6.src, &m.ipv6, 16);
	assert_false(is_void(&kernel.six.base) || is_void(&kernel.four.base));
	sum6 = csum_add(0, &kernel.key6, 32);
	sum4 = csum_add(0, &kernel.six.to, 8);
	assert_int_equal(csum_fold(sum6 + kernel.six.base.delta), csum_fold(sum4));
	assert_int_equal(csum_fold(sum4 + kernel.four.base.delta), csum_fold(sum6));
	tear_down(&b);
}

static void uses_come_back(void **state)
{
	struct bench b;
	struct nat64_mapping m;
	uint32_t slot;

	(void)state;
	setup(&b);
	send6(&b, 2, 8);
	send6(&b, 2, 8);
	slot = kernel.six.base.slot;
	nat64_cache_sync(b.cache);
	assert_int_equal(b.used, 0);
	kernel.usage[slot] = (struct fastpath_usage){ { 10, 20 }, { 1000, 2000 }, 0 };
	nat64_cache_sync(b.cache);
	nat64_cache_sync(b.cache);
	assert_int_equal(b.used, 1);
	m = mapping_of(&b, 2);
	assert_int_equal(m.packets[0], 12);
	assert_int_equal(m.packets[1], 20);
	assert_int_equal(m.bytes[1], 2000);
	assert_int_equal(nat64_cache_counts(b.cache)[0], 10);
	kernel.usage[slot].packets[0] = 11; /* read before the mapping goes */
	assert_true(nat64_drop(b.engine, &m.ipv6, clock_ms));
	assert_int_equal(nat64_cache_counts(b.cache)[0], 11);
	assert_int_equal(nat64_counts(b.engine)[NAT64_OK_64], 13);
	tear_down(&b);
}

static void a_mapping_that_ends_is_void(void **state)
{
	struct bench b;
	struct nat64_mapping m;
	size_t before;

	(void)state;
	setup(&b);
	send6(&b, 2, 8);
	send6(&b, 2, 8);
	m = mapping_of(&b, 2);
	assert_true(nat64_drop(b.engine, &m.ipv6, clock_ms));
	assert_true(is_void(&kernel.six.base) && is_void(&kernel.four.base));
	before = kernel.put6;
	send6(&b, 2, 8); /* made anew, and known well enough */
	assert_int_equal(kernel.put6, before + 1);
	assert_false(is_void(&kernel.six.base));
	nat64_tick(b.engine, clock_ms + 100000);
	assert_true(is_void(&kernel.six.base));
	tear_down(&b);
}

static void a_new_configuration_voids_all(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	send6(&b, 2, 8);
	send6(&b, 2, 8);
	b.conf.mtu = 1300;
	b.conf.fragment_mtu = 9000;
	assert_true(nat64_prepare(b.engine, &b.conf));
	nat64_settle(b.engine, true, clock_ms);
	assert_true(is_void(&kernel.six.base) && is_void(&kernel.four.base));
	assert_int_equal(kernel.conf.mtu, 1300);
	assert_int_equal(kernel.conf.fragment_mtu, 1300);
	send6(&b, 2, 8);
	assert_false(is_void(&kernel.six.base));
	nat64_cache_use(b.cache, b.engine, &b.conf, 5, CONFIG_SWITCH_AUTO);
	assert_int_equal(kernel.loads, 1);
	tear_down(&b);
}

static void off_and_on(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	nat64_cache_use(b.cache, b.engine, &b.conf, 5, CONFIG_OFF);
	assert_false(kernel.attached);
	assert_int_equal(kernel.clears, 1); /* what another process may have left */
	assert_non_null(nat64_cache_why(b.cache));
	nat64_cache_use(b.cache, b.engine, &b.conf, 5, CONFIG_OFF);
	assert_int_equal(kernel.clears, 1);
	send6(&b, 2, 8);
	send6(&b, 2, 8);
	assert_int_equal(kernel.put6, 0);
	nat64_cache_use(b.cache, b.engine, &b.conf, 5, CONFIG_ON);
	assert_true(kernel.attached);
	nat64_cache_use(b.cache, b.engine, &b.conf, 6, CONFIG_ON); /* another device */
	assert_int_equal(kernel.kept, 0);
	assert_int_equal(kernel.index, 6);
	nat64_cache_use(b.cache, b.engine, &b.conf, 0, CONFIG_ON); /* it is gone */
	assert_false(kernel.attached);
	nat64_cache_use(b.cache, b.engine, &b.conf, 7, CONFIG_ON);
	assert_int_equal(kernel.index, 7);
	nat64_cache_free(b.cache, true);
	assert_int_equal(kernel.kept, 1);
	nat64_free(b.engine);
	ev_free(b.loop);
}

static void what_the_kernel_refuses(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	send6(&b, 2, 8);
	send6(&b, 2, 8);
	kernel.breaks = true; /* a slot that cannot be voided must not go on */
	struct nat64_mapping m = mapping_of(&b, 2);

	assert_true(nat64_drop(b.engine, &m.ipv6, clock_ms));
	assert_false(kernel.attached);
	assert_non_null(nat64_cache_why(b.cache));
	assert_int_equal(b.changed, 1);
	send6(&b, 2, 8);
	send6(&b, 2, 8);
	kernel.breaks = false;
	nat64_cache_use(b.cache, b.engine, &b.conf, 5, CONFIG_SWITCH_AUTO); /* not at once */
	assert_int_equal(kernel.loads, 1);
	nat64_cache_use(b.cache, b.engine, &b.conf, 5, CONFIG_OFF);
	kernel.refuses = "no BPF today";
	nat64_cache_use(b.cache, b.engine, &b.conf, 5, CONFIG_SWITCH_AUTO);
	assert_string_equal(nat64_cache_why(b.cache), "no BPF today");
	tear_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_packet_installs),
		cmocka_unit_test(what_is_installed),
		cmocka_unit_test(uses_come_back),
		cmocka_unit_test(a_mapping_that_ends_is_void),
		cmocka_unit_test(a_new_configuration_voids_all),
		cmocka_unit_test(off_and_on),
		cmocka_unit_test(what_the_kernel_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
