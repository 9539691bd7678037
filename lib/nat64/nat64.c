/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/nat64.h"

#include "nat64/engine.h"
#include "nat64/segment.h"

#include <stdlib.h>
#include <string.h>

#define MAC_BITS 48

/* --- who may be a guest --- */

/* ::/96 with :: and ::1 (RFC 4291 2.5.5.1), and ::ffff:0:0/96 */
static bool has_v4_form(const struct in6_addr *a)
{
	static const uint8_t zero[10];

	return memcmp(a, zero, sizeof zero) == 0 &&
	       (a->s6_addr[10] == a->s6_addr[11] &&
		(a->s6_addr[10] == 0 || a->s6_addr[10] == 0xff));
}

/* RFC 6146 3.5: what is no guest is not answered and gets no mapping. */
enum nat64_reason engine_check_source6(const struct nat64_conf *conf, const struct pool *pool,
				       const struct in6_addr *src)
{
	struct in_addr v4;

	if (addr_is_multicast(src) || addr_is_link_local(src) || has_v4_form(src))
		return NAT64_V6_SOURCE;
	if (addr_equal(src, &conf->own6))
		return NAT64_V6_SOURCE_OWN;
	if (pref64_extract(&conf->prefix, src, &v4) && !pool_fixed_to_v4(pool, src, &v4))
		return NAT64_V6_SOURCE_IN_PREFIX;
	return NAT64_GO_ON;
}

/* --- making, changing --- */

static void init_ids(struct ids *ids, const uint8_t random[16])
{
	struct siphash_key key;

	memcpy(&key, random, sizeof key);
	for (uint32_t i = 0; i < sizeof ids->box; i++)
		ids->box[i / 256][i % 256] = (uint8_t)siphash(&key, &i, sizeof i);
	for (uint32_t i = 0; i < sizeof ids->order; i++) { /* Fisher and Yates, inside out */
		uint32_t k = ids->box[0][i] % (i + 1);

		ids->order[i] = ids->order[k];
		ids->order[k] = (uint8_t)i;
	}
	ids->counter = (uint16_t)siphash(&key, "counter", 7);
}

struct nat64 *nat64_new(const struct nat64_conf *conf, const uint8_t random[32],
			void (*on_event)(void *arg, const struct nat64_event *), void *arg)
{
	struct nat64 *n = calloc(1, sizeof *n);

	if (!n)
		return NULL;
	n->conf = *conf;
	memcpy(&n->key, random, sizeof n->key);
	init_ids(&n->ids, random + 16);
	n->bucket.millis = (NAT64_BURST + NAT64_RESERVE) * 1000u;
	n->strangers.millis = NAT64_BURST * 1000u;
	n->on_event = on_event;
	n->event_arg = arg;
	n->pool = pool_new(conf, &n->key, on_event, arg);
	if (!n->pool) {
		nat64_free(n);
		return NULL;
	}
	return n;
}

void nat64_free(struct nat64 *n)
{
	if (!n)
		return;
	pool_free(n->pool);
	pool_free(n->next_pool);
	free(n);
}

bool nat64_prepare(struct nat64 *n, const struct nat64_conf *next)
{
	struct pool *pool = pool_new(next, &n->key, n->on_event, n->event_arg);

	if (!pool)
		return false;
	pool_free(n->next_pool);
	n->next_pool = pool;
	n->next_conf = *next;
	return true;
}

/* Who is no client now may be one again when an interface is back, and finds its address then.
 * A list with link-layer addresses can judge a guest only once that is known. */
static enum pool_fate judge(const struct nat64_conf *conf, const struct pool *pool,
			    const struct in6_addr *ipv6, uint64_t guest)
{
	if (engine_check_source6(conf, pool, ipv6) != NAT64_GO_ON)
		return POOL_END;
	if ((!guest && acl_has(&conf->clients, ACL_MAC)) || engine_is_client(conf, ipv6, guest))
		return POOL_KEEP;
	return POOL_RESERVE;
}

static enum pool_fate fate_of(void *arg, const struct mapping *m, uint64_t guest)
{
	const struct nat64 *n = arg;

	return judge(&n->next_conf, n->next_pool, &m->ipv6, guest);
}

void nat64_settle(struct nat64 *n, bool commit, uint64_t now_ms)
{
	if (commit && n->next_pool) {
		struct pool *old = n->pool;

		pool_inherit(n->next_pool, old, fate_of, n);
		n->pool = n->next_pool;
		n->next_pool = old;
		n->conf = n->next_conf;
		memset(n->verdicts, 0, sizeof n->verdicts);
		memset(n->judged, 0, sizeof n->judged);
		pool_on_void(n->pool, n->fast.void_mapping, n->fast.arg);
		if (n->fast.void_all)
			n->fast.void_all(n->fast.arg, &n->conf);
		pool_tick(n->pool, now_ms);
	}
	pool_free(n->next_pool);
	n->next_pool = NULL;
}

/* --- addresses --- */

enum verdict engine_judge(struct nat64 *n, struct in_addr v4)
{
	struct verdict_cell *cell = &n->verdicts[v4.s_addr * 0x9e3779b1u >> 24];

	if (cell->addr == v4.s_addr)
		return cell->verdict;
	cell->addr = v4.s_addr;
	cell->verdict = VERDICT_ALLOWED;
	if (addr4_is_never(v4))
		cell->verdict = VERDICT_NEVER;
	else if (!acl_allows_v4(&n->conf.destinations, v4))
		cell->verdict = VERDICT_REFUSED;
	return cell->verdict;
}

/* --- guests --- */

void nat64_set_guests(struct nat64 *n, uint64_t (*guest_of)(void *arg, const struct in6_addr *),
		      void *arg)
{
	n->guest_of = guest_of;
	n->guest_arg = arg;
}

void nat64_set_neighbours(struct nat64 *n, bool (*is_known)(void *arg, const struct in6_addr *),
			  void *arg)
{
	n->is_known = is_known;
	n->known_arg = arg;
}

uint64_t nat64_guest_mac(const uint8_t mac[ADDR_MAC_LEN])
{
	uint64_t key = 0;

	for (unsigned i = 0; i < ADDR_MAC_LEN; i++)
		key = key << 8 | mac[i];
	return key;
}

/* The first 64 bits, turned so that the three bits that all global unicast shares come last:
 * never below 2^48, for no unicast prefix begins with 000. */
uint64_t nat64_guest_net(const struct in6_addr *a)
{
	uint64_t net = 0;

	for (unsigned i = 0; i < 8; i++)
		net = net << 8 | a->s6_addr[i];
	return net >> MAC_BITS ? net : net | 1ull << 63;
}

bool nat64_guest_is_mac(uint64_t guest, uint8_t out[ADDR_MAC_LEN])
{
	if (!guest || guest >> MAC_BITS)
		return false;
	for (unsigned i = 0; i < ADDR_MAC_LEN; i++)
		out[i] = (uint8_t)(guest >> (MAC_BITS - 8 - 8 * i));
	return true;
}

uint64_t engine_guest(const struct nat64 *n, const struct in6_addr *src)
{
	return n->guest_of ? n->guest_of(n->guest_arg, src) : 0;
}

bool engine_is_client(const struct nat64_conf *conf, const struct in6_addr *src, uint64_t guest)
{
	uint8_t mac[ADDR_MAC_LEN];
	bool has_mac = nat64_guest_is_mac(guest, mac);

	return acl_allows(&conf->clients, src, has_mac ? mac : NULL);
}

/* A mapping whose guest was unknown, as after a restart. */
static void learn_guest(struct nat64 *n, struct mapping *m, uint64_t now_ms)
{
	uint64_t guest;

	if (!n->guest_of || m->state != MAPPING_ACTIVE || m->guest != POOL_NONE)
		return;
	guest = engine_guest(n, &m->ipv6);
	if (!guest || guest == NAT64_GUEST_LATER)
		return;
	if (engine_is_client(&n->conf, &m->ipv6, guest))
		pool_set_guest(n->pool, m, guest, now_ms);
	else
		pool_end(n->pool, m);
}

void engine_count(struct packet *pk, struct mapping *m, unsigned dir)
{
	struct nat64 *n = pk->n;
	uint32_t more = pk->count - 1;

	m->packets[dir] += more;
	m->bytes[dir] += more * (pk->unit - pk->gso->size + (size_t)(pk->l4.p - pk->buf));
	if (pool_count(n->pool, m, dir, pk->len, pk->now_ms))
		learn_guest(n, m, pk->now_ms);
}

/* --- copies of pairs --- */

/* Whether the mapping is there and gives the same address in both directions: of a network with
 * an IPv6 suffix longer than that of IPv4 several share one. */
static bool is_mutual(const struct nat64 *n, const struct mapping *m,
		      const struct nat64_pair *pair)
{
	struct in6_addr back;
	struct mapping *same;

	if (m->state == MAPPING_ACTIVE)
		return true;
	return m->state == MAPPING_FIXED &&
	       pool_local4(n->pool, pair->guest4, &same, &back) == POOL_MAPPED && same == m &&
	       addr_equal(&back, &pair->guest6);
}

/* Judged by the list of destinations, not meant by a map. */
static bool is_by_prefix(const struct nat64 *n, const struct nat64_pair *pair)
{
	struct in6_addr v6 = pref64_embed(&n->conf.prefix, pair->remote4);
	struct in_addr v4;

	return addr_equal(&v6, &pair->remote6) &&
	       !pool_fixed_to_v4(n->pool, &pair->remote6, &v4) &&
	       !pool_fixed_to_v6(n->pool, pair->remote4, &v6);
}

/* Of a packet that was translated.  Where each packet's link-layer address is judged, each has
 * to be seen. */
static void tell_pair(const struct packet *pk, unsigned dir)
{
	const struct nat64 *n = pk->n;
	const struct mapping *m = dir ? pk->to : pk->from;
	struct nat64_pair pair = { .dir = dir };

	if (pk->l4.proto != PROTO_TCP && pk->l4.proto != PROTO_UDP)
		return;
	if (!dir && m->state == MAPPING_FIXED && acl_has(&n->conf.clients, ACL_MAC))
		return;
	pair.guest6 = dir ? pk->h6.dst : pk->h6.src;
	pair.remote6 = dir ? pk->h6.src : pk->h6.dst;
	pair.guest4 = dir ? pk->h4.dst : pk->h4.src;
	pair.remote4 = dir ? pk->h4.src : pk->h4.dst;
	if (!is_mutual(n, m, &pair) || !is_by_prefix(n, &pair))
		return;
	pair.mapping = pool_index(n->pool, m);
	n->fast.pair(n->fast.arg, &pair);
}

void nat64_set_fast(struct nat64 *n, const struct nat64_fast *ops)
{
	n->fast = ops ? *ops : (struct nat64_fast){ 0 };
	pool_on_void(n->pool, n->fast.void_mapping, n->fast.arg);
}

void nat64_used(struct nat64 *n, uint32_t mapping, const uint64_t packets[2],
		const uint64_t bytes[2], uint64_t used_ms)
{
	struct mapping *m = pool_by_index(n->pool, mapping);

	n->counts[NAT64_OK_64] += packets[0];
	n->counts[NAT64_OK_46] += packets[1];
	if (!m)
		return;
	for (unsigned dir = 0; dir < 2; dir++) {
		m->packets[dir] += packets[dir];
		m->bytes[dir] += bytes[dir];
	}
	if (m->state == MAPPING_DORMANT || (int64_t)used_ms <= m->used_ms)
		return;
	pool_touch(n->pool, m, used_ms);
	learn_guest(n, m, used_ms);
}

uint32_t nat64_mappings_end(const struct nat64 *n)
{
	return pool_indices(n->pool);
}

/* --- packets --- */

enum nat64_reason engine_measure(struct packet *pk)
{
	pk->unit = pk->l4.len;
	if (!engine_is_frame(pk))
		return NAT64_GO_ON;
	pk->unit = segment_unit(&pk->l4, pk->gso);
	if (!pk->unit)
		return NAT64_FRAME;
	pk->count = segment_count(&pk->l4, pk->gso, pk->unit);
	return NAT64_GO_ON;
}

static enum nat64_reason follow(struct packet *pk)
{
	enum nat64_reason reason = NAT64_RUNT;

	if (pk->len && pk->buf[0] >> 4 == 6)
		reason = path6_input(pk);
	else if (pk->len && pk->buf[0] >> 4 == 4)
		reason = path4_input(pk);
	else if (pk->len)
		reason = NAT64_VERSION;
	if (pk->n->fast.pair && (reason == NAT64_OK_64 || reason == NAT64_OK_46))
		tell_pair(pk, reason == NAT64_OK_46);
	return reason;
}

/* As if they had come over a wire; what became of the last one. */
static enum nat64_reason follow_pieces(const struct packet *frame)
{
	static const struct gso plain;
	enum nat64_reason reason = NAT64_FRAME;
	struct segments s;
	struct packet pk;

	if (!segments_init(&s, frame->buf, frame->len, frame->gso)) {
		frame->n->counts[NAT64_FRAME]++;
		return NAT64_FRAME;
	}
	for (;;) {
		pk = (struct packet){ .n = frame->n,
				      .gso = &plain,
				      .count = 1,
				      .now_ms = frame->now_ms,
				      .sink = frame->sink };
		if (!segments_next(&s, &pk.buf, &pk.len))
			return reason;
		reason = follow(&pk);
		pk.n->counts[reason]++;
	}
}

enum nat64_reason nat64_input(struct nat64 *n, uint8_t *buf, size_t len, const struct gso *gso,
			      uint64_t now_ms, const struct nat64_sink *sink)
{
	struct packet pk = { .n = n,
			     .buf = buf,
			     .len = len,
			     .gso = gso,
			     .count = 1,
			     .now_ms = now_ms,
			     .sink = sink };
	enum nat64_reason reason = follow(&pk);

	if (engine_is_frame(&pk) && nat64_reason_texts[reason].kind > NAT64_FOUR_TO_SIX)
		return follow_pieces(&pk);
	n->counts[reason] += pk.count;
	return reason;
}

/* --- looking, and the rest --- */

uint16_t nat64_ids(struct nat64 *n, unsigned count)
{
	return engine_ids(&n->ids, count);
}

const uint64_t *nat64_counts(const struct nat64 *n)
{
	return n->counts;
}

uint64_t nat64_next(const struct nat64 *n)
{
	return pool_next(n->pool);
}

void nat64_tick(struct nat64 *n, uint64_t now_ms)
{
	pool_tick(n->pool, now_ms);
}

static enum nat64_state state_of(const struct mapping *m)
{
	switch (m->state) {
	case MAPPING_ACTIVE:
		return NAT64_ACTIVE;
	case MAPPING_DORMANT:
		return NAT64_DORMANT;
	case MAPPING_FREE:
	case MAPPING_FIXED:
		break;
	}
	return NAT64_STATIC;
}

static struct nat64_mapping mapping_of(const struct nat64 *n, const struct mapping *m)
{
	return (struct nat64_mapping){
		.ipv6 = m->ipv6,
		.ipv4 = m->ipv4,
		.name = "",
		.state = state_of(m),
		.guest = pool_guest(n->pool, m),
		.made_ms = (uint64_t)m->made_ms,
		.used_ms = (uint64_t)m->used_ms,
		.packets = { m->packets[0], m->packets[1] },
		.bytes = { m->bytes[0], m->bytes[1] },
	};
}

bool nat64_mapping_at(const struct nat64 *n, size_t *i, struct nat64_mapping *out)
{
	const char *name;
	const struct mapping *m = pool_at(n->pool, i, &name);

	if (!m)
		return false;
	*out = mapping_of(n, m);
	out->name = name;
	return true;
}

bool nat64_find(const struct nat64 *n, const struct in6_addr *ipv6, struct nat64_mapping *out)
{
	struct in_addr ipv4;
	const struct mapping *m = pool_local6(n->pool, ipv6, &ipv4);

	if (!m)
		return false;
	*out = mapping_of(n, m);
	out->ipv6 = *ipv6;
	out->ipv4 = ipv4;
	return true;
}

void nat64_usage(const struct nat64 *n, struct nat64_usage *out)
{
	pool_usage(n->pool, out);
}

void nat64_pool_usage(const struct nat64 *n, size_t i, uint32_t *used, uint32_t *size)
{
	pool_range_usage(n->pool, i, used, size);
}

bool nat64_drop(struct nat64 *n, const struct in6_addr *ipv6, uint64_t now_ms)
{
	struct in_addr v4;
	struct mapping *m = pool_local6(n->pool, ipv6, &v4);

	(void)now_ms;
	if (!m || m->state == MAPPING_FIXED)
		return false;
	pool_end(n->pool, m);
	return true;
}

bool nat64_restore(struct nat64 *n, const struct in6_addr *ipv6, struct in_addr ipv4,
		   uint64_t age_ms, uint64_t now_ms)
{
	enum pool_fate fate = judge(&n->conf, n->pool, ipv6, 0);
	bool unknown = age_ms == UINT64_MAX;

	return fate != POOL_END && pool_restore(n->pool, ipv6, ipv4, unknown ? 0 : age_ms,
						unknown || fate == POOL_RESERVE, now_ms);
}
