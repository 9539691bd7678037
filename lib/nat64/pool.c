/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/pool.h"

#include "nat64/maps.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX (1u << 24)
#define TIME_MAX  (INT64_MAX / 4)
#define HINTS     1024u

/* Addresses first to first + n - 1 are slots slot to slot + n - 1. */
struct range {
	uint32_t first, n, slot;
	uint32_t usable, used;
	bool edges; /* first and last are not for guests */
};

/* Open addressing with linear probing, at most half full; removal closes the gap. */
struct cell {
	uint32_t hash;
	uint32_t id; /* + 1; 0: free */
};

struct table {
	struct cell *cells;
	uint32_t mask;
};

struct list {
	uint32_t head, tail; /* longest idle first */
};

struct guest {
	uint64_t key;
	uint32_t hash;
	uint32_t count; /* 0: free, next is the next free one */
	uint32_t next;
	struct list mappings;
	uint64_t moved_ms; /* when its last move would have come at the slowest pace */
};

struct pool {
	struct siphash_key key;
	struct range *ranges;
	size_t n_ranges;
	uint32_t n_slots;
	struct mapping *slots;
	uint64_t *taken, *full; /* a bit for each slot; for each word of taken that is ~0 */
	uint32_t n_words, n_full;
	struct table by_ipv6, by_guest;
	uint32_t hints[HINTS]; /* slots lately found, by a cheap hash; verified by every user */
	struct guest *guests;
	uint32_t free_guest, new_guest; /* used once and free again; never used so far */
	struct list active, dormant;
	uint32_t n_active, n_dormant;
	bool unsorted; /* restored mappings came in any order */
	struct maps *maps;
	const struct nat64_map *map_list;
	struct mapping *fixed; /* the counters of map_list[i] */
	size_t n_fixed;
	int64_t lifetime_ms, keep_ms;
	uint32_t limit;
	void (*on_event)(void *arg, const struct nat64_event *);
	void *arg;
	void (*on_void)(void *arg, uint32_t index);
	void *void_arg;
};

/* --- tables --- */

static bool table_init(struct table *t, uint32_t n)
{
	uint32_t cells = 2;

	while (cells < 2 * n)
		cells *= 2;
	t->mask = cells - 1;
	t->cells = calloc(cells, sizeof *t->cells);
	return t->cells;
}

static void table_insert(struct table *t, uint32_t hash, uint32_t id)
{
	uint32_t at = hash & t->mask;

	while (t->cells[at].id)
		at = (at + 1) & t->mask;
	t->cells[at] = (struct cell){ hash, id + 1 };
}

static void table_remove(struct table *t, uint32_t hash, uint32_t id)
{
	uint32_t hole = hash & t->mask;

	while (t->cells[hole].id != id + 1)
		hole = (hole + 1) & t->mask;
	for (uint32_t at = (hole + 1) & t->mask; t->cells[at].id; at = (at + 1) & t->mask) {
		uint32_t home = t->cells[at].hash & t->mask;

		if (((at - home) & t->mask) < ((at - hole) & t->mask))
			continue;
		t->cells[hole] = t->cells[at];
		hole = at;
	}
	t->cells[hole].id = 0;
}

static uint32_t hash_ipv6(const struct pool *p, const struct in6_addr *v6)
{
	return (uint32_t)siphash(&p->key, v6, sizeof *v6);
}

static struct mapping *find_ipv6(struct pool *p, const struct in6_addr *v6, uint32_t hash)
{
	const struct table *t = &p->by_ipv6;

	for (uint32_t at = hash & t->mask; t->cells[at].id; at = (at + 1) & t->mask) {
		struct mapping *m = &p->slots[t->cells[at].id - 1];

		if (t->cells[at].hash == hash && addr_equal(&m->ipv6, v6))
			return m;
	}
	return NULL;
}

/* Few guests send most packets: a look at the slot found last spares the keyed hash.  Who makes
 * hints collide gains that hash for himself. */
static struct mapping *find_hinted(struct pool *p, const struct in6_addr *v6)
{
	uint64_t w[2];
	uint32_t *hint;
	struct mapping *m;

	memcpy(w, v6, sizeof w);
	hint = &p->hints[((w[0] ^ w[1]) * 0x9e3779b97f4a7c15) >> 54];
	m = &p->slots[*hint];
	if (m->state != MAPPING_FREE && memcmp(&m->ipv6, v6, sizeof *v6) == 0)
		return m;
	m = find_ipv6(p, v6, hash_ipv6(p, v6));
	if (m)
		*hint = (uint32_t)(m - p->slots);
	return m;
}

static uint32_t find_guest(const struct pool *p, uint64_t key, uint32_t hash)
{
	const struct table *t = &p->by_guest;

	for (uint32_t at = hash & t->mask; t->cells[at].id; at = (at + 1) & t->mask) {
		uint32_t id = t->cells[at].id - 1;

		if (p->guests[id].key == key)
			return id;
	}
	return POOL_NONE;
}

/* --- lists --- */

enum chain { BY_USE, BY_GUEST };

static struct pool_link *link_of(struct pool *p, enum chain chain, uint32_t id)
{
	return chain == BY_USE ? &p->slots[id].by_use : &p->slots[id].by_guest;
}

static void list_append(struct pool *p, enum chain chain, struct list *l, uint32_t id)
{
	*link_of(p, chain, id) = (struct pool_link){ l->tail, POOL_NONE };
	if (l->tail == POOL_NONE)
		l->head = id;
	else
		link_of(p, chain, l->tail)->next = id;
	l->tail = id;
}

static void list_remove(struct pool *p, enum chain chain, struct list *l, uint32_t id)
{
	struct pool_link at = *link_of(p, chain, id);

	if (at.prev == POOL_NONE)
		l->head = at.next;
	else
		link_of(p, chain, at.prev)->next = at.next;
	if (at.next == POOL_NONE)
		l->tail = at.prev;
	else
		link_of(p, chain, at.next)->prev = at.prev;
}

static uint32_t merge(struct pool *p, uint32_t a, uint32_t b)
{
	uint32_t head = POOL_NONE, *end = &head;

	while (a != POOL_NONE && b != POOL_NONE) {
		uint32_t *first = p->slots[b].used_ms < p->slots[a].used_ms ? &b : &a;

		*end = *first;
		end = &p->slots[*end].by_use.next;
		*first = *end;
	}
	*end = a == POOL_NONE ? b : a;
	return head;
}

/* Merge sort, stable, without memory: bins[i] holds 2^i. */
static void list_sort(struct pool *p, struct list *l)
{
	uint32_t bins[32], rest = l->head, prev = POOL_NONE;

	memset(bins, 0xff, sizeof bins);
	while (rest != POOL_NONE) {
		uint32_t run = rest;
		unsigned i = 0;

		rest = p->slots[run].by_use.next;
		p->slots[run].by_use.next = POOL_NONE;
		for (; bins[i] != POOL_NONE; bins[i++] = POOL_NONE)
			run = merge(p, bins[i], run);
		bins[i] = run;
	}
	l->head = POOL_NONE;
	for (unsigned i = 0; i < 32; i++)
		l->head = merge(p, bins[i], l->head);
	for (uint32_t id = l->head; id != POOL_NONE; id = p->slots[id].by_use.next) {
		p->slots[id].by_use.prev = prev;
		prev = id;
	}
	l->tail = prev;
}

static void sort(struct pool *p)
{
	if (!p->unsorted)
		return;
	list_sort(p, &p->active);
	list_sort(p, &p->dormant);
	p->unsorted = false;
}

/* --- slots --- */

static void mark(struct pool *p, uint32_t id)
{
	p->taken[id / 64] |= 1ull << id % 64;
	if (p->taken[id / 64] == UINT64_MAX)
		p->full[id / 4096] |= 1ull << id / 64 % 64;
}

static void unmark(struct pool *p, uint32_t id)
{
	p->taken[id / 64] &= ~(1ull << id % 64);
	p->full[id / 4096] &= ~(1ull << id / 64 % 64);
}

static bool is_marked(const struct pool *p, uint32_t id)
{
	return p->taken[id / 64] >> id % 64 & 1;
}

/* The first slot not taken from one on; POOL_NONE. */
static uint32_t free_from(const struct pool *p, uint32_t from)
{
	uint32_t word = from / 64, at;
	uint64_t open = ~p->taken[word] & UINT64_MAX << from % 64;

	if (open)
		return word * 64 + (uint32_t)__builtin_ctzll(open);
	word++;
	for (at = word / 64; at < p->n_full; at++) {
		open = ~p->full[at];
		if (at == word / 64)
			open &= UINT64_MAX << word % 64;
		if (!open)
			continue;
		word = at * 64 + (uint32_t)__builtin_ctzll(open);
		return word * 64 + (uint32_t)__builtin_ctzll(~p->taken[word]);
	}
	return POOL_NONE;
}

static struct range *range_of(const struct pool *p, uint32_t num)
{
	for (size_t i = 0; i < p->n_ranges; i++)
		if (num - p->ranges[i].first < p->ranges[i].n)
			return &p->ranges[i];
	return NULL;
}

static struct range *range_of_slot(const struct pool *p, uint32_t id)
{
	for (size_t i = 0; i < p->n_ranges; i++)
		if (id - p->ranges[i].slot < p->ranges[i].n)
			return &p->ranges[i];
	return NULL;
}

static uint32_t id_of(const struct pool *p, const struct mapping *m)
{
	return (uint32_t)(m - p->slots);
}

/* --- making a pool --- */

/* A network that lies in another one has no slots of its own. */
static bool is_covered(const struct nat64_conf *conf, size_t i)
{
	const struct prefix4 *own = &conf->pools[i];

	for (size_t j = 0; j < conf->n_pools; j++) {
		const struct prefix4 *other = &conf->pools[j];

		if (j != i && prefix4_overlaps(other, own) &&
		    (other->len < own->len || (other->len == own->len && j < i)))
			return true;
	}
	return false;
}

static bool lay_out(struct pool *p, const struct nat64_conf *conf)
{
	uint64_t slots = 0;

	p->n_ranges = conf->n_pools;
	p->ranges = calloc(conf->n_pools + 1, sizeof *p->ranges);
	for (size_t i = 0; p->ranges && i < conf->n_pools; i++) {
		const struct prefix4 *net = &conf->pools[i];
		uint64_t n = is_covered(conf, i) ? 0 : 1ull << (32 - net->len);

		if (slots + n > SLOTS_MAX)
			return false;
		p->ranges[i] = (struct range){
			.first = addr4_num(net->addr),
			.n = (uint32_t)n,
			.slot = (uint32_t)slots,
			.edges = net->len < 31, /* RFC 3021: /31 has none */
		};
		slots += n;
	}
	p->n_slots = (uint32_t)slots;
	return p->ranges;
}

static bool allocate(struct pool *p)
{
	p->n_words = p->n_slots / 64 + 1;
	p->n_full = p->n_words / 64 + 1;
	p->slots = calloc(p->n_slots + 1ul, sizeof *p->slots);
	p->guests = calloc(p->n_slots + 1ul, sizeof *p->guests);
	p->taken = calloc(p->n_words, sizeof *p->taken);
	p->full = calloc(p->n_full, sizeof *p->full);
	p->fixed = calloc(p->n_fixed + 1, sizeof *p->fixed);
	return table_init(&p->by_ipv6, p->n_slots) && table_init(&p->by_guest, p->n_slots) &&
	       p->slots && p->guests && p->taken && p->full && p->fixed;
}

static void exclude(struct pool *p, uint32_t first, uint32_t last)
{
	for (size_t i = 0; i < p->n_ranges; i++) {
		const struct range *r = &p->ranges[i];
		uint32_t end = r->first + (r->n - 1);

		if (!r->n || last < r->first || first > end)
			continue;
		uint32_t from = first > r->first ? first - r->first : 0;
		uint32_t to = (last < end ? last : end) - r->first;

		for (uint32_t at = from; at <= to; at++)
			mark(p, r->slot + at);
	}
}

static void exclude_all(struct pool *p, const struct nat64_conf *conf)
{
	uint32_t own = addr4_num(conf->own4);

	for (uint32_t id = p->n_slots; id < p->n_words * 64; id++)
		mark(p, id);
	for (uint32_t word = p->n_words; word < p->n_full * 64; word++)
		p->full[word / 64] |= 1ull << word % 64;
	for (size_t i = 0; i < conf->n_pools; i++) {
		uint32_t first = addr4_num(conf->pools[i].addr);
		uint32_t last = addr4_num(prefix4_last(&conf->pools[i]));

		if (conf->pools[i].len >= 31)
			continue;
		exclude(p, first, first);
		exclude(p, last, last);
	}
	exclude(p, own, own);
	for (size_t i = 0; i < conf->n_maps; i++)
		exclude(p, addr4_num(conf->maps[i].ipv4.addr),
			addr4_num(prefix4_last(&conf->maps[i].ipv4)));
}

static void count_usable(struct pool *p)
{
	for (size_t i = 0; i < p->n_ranges; i++) {
		struct range *r = &p->ranges[i];

		for (uint32_t id = r->slot; id < r->slot + r->n; id++)
			r->usable += !is_marked(p, id);
	}
}

static int64_t bounded(uint64_t ms)
{
	return ms > TIME_MAX ? TIME_MAX : (int64_t)ms;
}

struct pool *pool_new(const struct nat64_conf *conf, const struct siphash_key *key,
		      void (*on_event)(void *arg, const struct nat64_event *), void *arg)
{
	struct pool *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->key = *key;
	p->active = p->dormant = (struct list){ POOL_NONE, POOL_NONE };
	p->free_guest = POOL_NONE;
	p->map_list = conf->maps;
	p->n_fixed = conf->n_maps;
	p->lifetime_ms = bounded(conf->lease_lifetime_ms);
	p->keep_ms = bounded(conf->lease_keep_ms);
	p->limit = conf->max_mappings_per_guest;
	p->on_event = on_event;
	p->arg = arg;
	p->maps = maps_new(conf->maps, conf->n_maps);
	if (!p->maps || !lay_out(p, conf) || !allocate(p)) {
		pool_free(p);
		return NULL;
	}
	exclude_all(p, conf);
	count_usable(p);
	for (size_t i = 0; i < p->n_fixed; i++) {
		p->fixed[i].state = MAPPING_FIXED;
		p->fixed[i].ipv6 = conf->maps[i].ipv6.addr;
		p->fixed[i].ipv4 = conf->maps[i].ipv4.addr;
	}
	return p;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	maps_free(p->maps);
	free(p->fixed);
	free(p->by_ipv6.cells);
	free(p->by_guest.cells);
	free(p->guests);
	free(p->slots);
	free(p->taken);
	free(p->full);
	free(p->ranges);
	free(p);
}

/* --- looking up --- */

struct mapping *pool_local6(struct pool *p, const struct in6_addr *v6, struct in_addr *out)
{
	struct mapping *m = find_hinted(p, v6);
	int index;

	if (m) {
		*out = m->ipv4;
		return m;
	}
	index = p->n_fixed ? maps_to_v4(p->maps, v6, out) : -1;
	return index < 0 ? NULL : &p->fixed[index];
}

/* A slot in use is covered by no map: exclude_all(). */
enum pool_place pool_local4(struct pool *p, struct in_addr v4, struct mapping **m,
			    struct in6_addr *out)
{
	uint32_t num = addr4_num(v4);
	const struct range *r = range_of(p, num);
	int index;

	if (r) {
		struct mapping *slot = &p->slots[r->slot + (num - r->first)];

		if (slot->state != MAPPING_FREE) {
			*m = slot;
			*out = slot->ipv6;
			return POOL_MAPPED;
		}
	}
	index = p->n_fixed ? maps_to_v6(p->maps, v4, out) : -1;
	if (index >= 0) {
		*m = &p->fixed[index];
		return POOL_MAPPED;
	}
	if (!r)
		return POOL_OUTSIDE;
	return r->edges && (num == r->first || num == r->first + (r->n - 1)) ? POOL_EDGE
									     : POOL_VACANT;
}

bool pool_has(const struct pool *p, struct in_addr v4)
{
	return range_of(p, addr4_num(v4));
}

bool pool_fixed_to_v4(const struct pool *p, const struct in6_addr *v6, struct in_addr *out)
{
	return p->n_fixed && maps_to_v4(p->maps, v6, out) >= 0;
}

bool pool_fixed_to_v6(const struct pool *p, struct in_addr v4, struct in6_addr *out)
{
	return p->n_fixed && maps_to_v6(p->maps, v4, out) >= 0;
}

/* --- the life of a mapping --- */

static void tell(const struct pool *p, enum nat64_event_kind kind, const struct in6_addr *v6,
		 struct in_addr v4)
{
	struct nat64_event event = { .kind = kind, .ipv6 = *v6, .ipv4 = v4 };

	if (p->on_event)
		p->on_event(p->arg, &event);
}

uint32_t pool_index(const struct pool *p, const struct mapping *m)
{
	return m->state == MAPPING_FIXED ? (uint32_t)(m - p->fixed)
					 : (uint32_t)p->n_fixed + id_of(p, m);
}

uint32_t pool_indices(const struct pool *p)
{
	return (uint32_t)p->n_fixed + p->n_slots;
}

struct mapping *pool_by_index(struct pool *p, uint32_t index)
{
	struct mapping *m;

	if (index < p->n_fixed)
		return &p->fixed[index];
	if (index >= pool_indices(p))
		return NULL;
	m = &p->slots[index - p->n_fixed];
	return m->state == MAPPING_FREE ? NULL : m;
}

void pool_on_void(struct pool *p, void (*fn)(void *arg, uint32_t index), void *arg)
{
	p->on_void = fn;
	p->void_arg = arg;
}

static void tell_void(const struct pool *p, const struct mapping *m)
{
	if (p->on_void)
		p->on_void(p->void_arg, pool_index(p, m));
}

static struct list *list_of(struct pool *p, const struct mapping *m)
{
	return m->state == MAPPING_ACTIVE ? &p->active : &p->dormant;
}

static uint32_t *tally_of(struct pool *p, const struct mapping *m)
{
	return m->state == MAPPING_ACTIVE ? &p->n_active : &p->n_dormant;
}

static void join_state(struct pool *p, struct mapping *m, enum mapping_state state)
{
	m->state = state;
	list_append(p, BY_USE, list_of(p, m), id_of(p, m));
	++*tally_of(p, m);
}

static void leave_state(struct pool *p, struct mapping *m)
{
	list_remove(p, BY_USE, list_of(p, m), id_of(p, m));
	--*tally_of(p, m);
}

static uint32_t guest_hash(const struct pool *p, uint64_t key)
{
	return (uint32_t)siphash(&p->key, &key, sizeof key);
}

static uint32_t guest_of(struct pool *p, uint64_t key)
{
	uint32_t hash = guest_hash(p, key), id = find_guest(p, key, hash);

	if (id != POOL_NONE)
		return id;
	id = p->free_guest;
	if (id != POOL_NONE)
		p->free_guest = p->guests[id].next;
	else
		id = p->new_guest++;
	p->guests[id] = (struct guest){ key, hash, 0, POOL_NONE, { POOL_NONE, POOL_NONE }, 0 };
	table_insert(&p->by_guest, hash, id);
	return id;
}

static void join_guest(struct pool *p, struct mapping *m, uint64_t key)
{
	m->guest = POOL_NONE;
	if (!key)
		return;
	m->guest = guest_of(p, key);
	p->guests[m->guest].count++;
	list_append(p, BY_GUEST, &p->guests[m->guest].mappings, id_of(p, m));
}

static void leave_guest(struct pool *p, struct mapping *m)
{
	struct guest *g;

	if (m->guest == POOL_NONE)
		return;
	g = &p->guests[m->guest];
	list_remove(p, BY_GUEST, &g->mappings, id_of(p, m));
	if (--g->count)
		return;
	table_remove(&p->by_guest, g->hash, m->guest);
	g->next = p->free_guest;
	p->free_guest = m->guest;
}

static struct mapping *settle_in(struct pool *p, uint32_t id, const struct in6_addr *v6,
				 uint64_t guest, enum mapping_state state)
{
	struct mapping *m = &p->slots[id];
	struct range *r = range_of_slot(p, id);

	*m = (struct mapping){
		.ipv6 = *v6,
		.ipv4 = addr4_of(r->first + (id - r->slot)),
		.hash = hash_ipv6(p, v6),
	};
	r->used++;
	mark(p, id);
	table_insert(&p->by_ipv6, m->hash, id);
	join_state(p, m, state);
	join_guest(p, m, guest);
	return m;
}

void pool_end(struct pool *p, struct mapping *m)
{
	uint32_t id = id_of(p, m);

	tell_void(p, m);
	leave_guest(p, m);
	leave_state(p, m);
	table_remove(&p->by_ipv6, m->hash, id);
	unmark(p, id);
	range_of_slot(p, id)->used--;
	m->state = MAPPING_FREE;
	tell(p, NAT64_MAPPING_ENDED, &m->ipv6, m->ipv4);
}

/* The guest's longest idle mapping makes room, active or not. */
static void make_room(struct pool *p, uint64_t guest, uint32_t allowed)
{
	uint32_t id = guest ? find_guest(p, guest, guest_hash(p, guest)) : POOL_NONE;

	while (id != POOL_NONE && p->limit && p->guests[id].count > allowed)
		pool_end(p, &p->slots[p->guests[id].mappings.head]);
}

/* The key is public and never changes: a guest that comes back finds its address free, also
 * after a restart without a lease file.  Who picks IPv6 addresses to collide here gains
 * nothing, the search takes the same time wherever it begins. */
static uint32_t wanted_slot(const struct pool *p, const struct in6_addr *v6)
{
	static const struct siphash_key fixed = { 0x763667776420706f, 0x6f6c20736c6f7473 };

	return (uint32_t)((siphash(&fixed, v6, sizeof *v6) >> 32) * p->n_slots >> 32);
}

static uint32_t find_free(const struct pool *p, const struct in6_addr *v6)
{
	uint32_t id = free_from(p, wanted_slot(p, v6));

	return id == POOL_NONE ? free_from(p, 0) : id;
}

bool pool_admit(struct pool *p, uint64_t guest, uint64_t now_ms)
{
	uint32_t id = guest ? find_guest(p, guest, guest_hash(p, guest)) : POOL_NONE;
	struct guest *g = id == POOL_NONE ? NULL : &p->guests[id];

	if (!g || g->count < p->limit)
		return true;
	if (g->moved_ms > now_ms + POOL_MOVES_BURST * POOL_MOVE_MS)
		return false;
	g->moved_ms = (g->moved_ms > now_ms ? g->moved_ms : now_ms) + POOL_MOVE_MS;
	return true;
}

/* To be kept where make_room() ends a guest's only mapping, and forgets the guest with it. */
static uint64_t pace_of(const struct pool *p, uint64_t guest)
{
	uint32_t id = guest ? find_guest(p, guest, guest_hash(p, guest)) : POOL_NONE;

	return id == POOL_NONE ? 0 : p->guests[id].moved_ms;
}

struct mapping *pool_take(struct pool *p, const struct in6_addr *v6, uint64_t guest,
			  uint64_t now_ms)
{
	struct mapping *m = find_ipv6(p, v6, hash_ipv6(p, v6));
	enum nat64_event_kind kind = NAT64_MAPPING_MADE;
	uint64_t moved_ms;
	uint32_t id;

	if (m) {
		pool_touch(p, m, now_ms);
		return m;
	}
	moved_ms = pace_of(p, guest);
	make_room(p, guest, p->limit - 1);
	id = find_free(p, v6);
	if (id == POOL_NONE) {
		sort(p);
		id = p->dormant.head;
		if (id == POOL_NONE)
			return NULL;
		pool_end(p, &p->slots[id]);
		kind = NAT64_MAPPING_MOVED;
	}
	m = settle_in(p, id, v6, guest, MAPPING_ACTIVE);
	if (m->guest != POOL_NONE)
		p->guests[m->guest].moved_ms = moved_ms;
	m->made_ms = m->used_ms = (int64_t)now_ms;
	tell(p, kind, v6, m->ipv4);
	return m;
}

uint64_t pool_guest(const struct pool *p, const struct mapping *m)
{
	return m->state == MAPPING_FIXED || m->guest == POOL_NONE ? 0 : p->guests[m->guest].key;
}

void pool_set_guest(struct pool *p, struct mapping *m, uint64_t guest, uint64_t now_ms)
{
	if (!guest || m->guest != POOL_NONE || m->state == MAPPING_FIXED)
		return;
	pool_touch(p, m, now_ms);
	join_guest(p, m, guest);
	make_room(p, guest, p->limit);
}

void pool_touch(struct pool *p, struct mapping *m, uint64_t now_ms)
{
	m->used_ms = (int64_t)now_ms;
	if (m->state == MAPPING_FIXED || m->state == MAPPING_FREE)
		return;
	leave_state(p, m);
	join_state(p, m, MAPPING_ACTIVE);
	if (m->guest == POOL_NONE)
		return;
	list_remove(p, BY_GUEST, &p->guests[m->guest].mappings, id_of(p, m));
	list_append(p, BY_GUEST, &p->guests[m->guest].mappings, id_of(p, m));
}

bool pool_restore(struct pool *p, const struct in6_addr *v6, struct in_addr v4, uint64_t age_ms,
		  bool reserve, uint64_t now_ms)
{
	const struct range *r = range_of(p, addr4_num(v4));
	int64_t age = bounded(age_ms);
	struct in_addr other;
	struct mapping *m;
	uint32_t id;

	if (!r || age >= p->lifetime_ms + p->keep_ms || pool_local6(p, v6, &other))
		return false;
	id = r->slot + (addr4_num(v4) - r->first);
	if (is_marked(p, id))
		return false;
	m = settle_in(p, id, v6, 0,
		      age < p->lifetime_ms && !reserve ? MAPPING_ACTIVE : MAPPING_DORMANT);
	m->made_ms = m->used_ms = (int64_t)now_ms - age;
	p->unsorted = true;
	return true;
}

/* --- time --- */

uint64_t pool_next(const struct pool *p)
{
	int64_t next = INT64_MAX;

	if (p->unsorted)
		return 0;
	if (p->active.head != POOL_NONE)
		next = p->slots[p->active.head].used_ms + p->lifetime_ms;
	if (p->dormant.head != POOL_NONE) {
		int64_t end = p->slots[p->dormant.head].used_ms + p->lifetime_ms + p->keep_ms;

		next = end < next ? end : next;
	}
	if (next == INT64_MAX)
		return UINT64_MAX;
	return next < 0 ? 0 : (uint64_t)next;
}

void pool_tick(struct pool *p, uint64_t now_ms)
{
	int64_t idle_since = (int64_t)now_ms - p->lifetime_ms;

	sort(p);
	while (p->active.head != POOL_NONE && p->slots[p->active.head].used_ms <= idle_since) {
		struct mapping *m = &p->slots[p->active.head];

		tell_void(p, m);
		leave_state(p, m);
		join_state(p, m, MAPPING_DORMANT);
	}
	while (p->dormant.head != POOL_NONE &&
	       p->slots[p->dormant.head].used_ms <= idle_since - p->keep_ms)
		pool_end(p, &p->slots[p->dormant.head]);
}

/* --- a new configuration --- */

static void inherit(struct pool *p, const struct mapping *was, uint64_t guest,
		    enum pool_fate fate)
{
	const struct range *r = range_of(p, addr4_num(was->ipv4));
	uint32_t id = r ? r->slot + (addr4_num(was->ipv4) - r->first) : 0;
	struct in_addr v4;
	struct mapping *m;

	if (!r || is_marked(p, id) || pool_fixed_to_v4(p, &was->ipv6, &v4) ||
	    fate == POOL_END) {
		tell(p, NAT64_MAPPING_ENDED, &was->ipv6, was->ipv4);
		return;
	}
	m = settle_in(p, id, &was->ipv6, guest,
		      fate == POOL_KEEP ? was->state : MAPPING_DORMANT);
	m->made_ms = was->made_ms;
	m->used_ms = was->used_ms;
	memcpy(m->packets, was->packets, sizeof m->packets);
	memcpy(m->bytes, was->bytes, sizeof m->bytes);
	p->unsorted |= fate == POOL_RESERVE;
}

static void inherit_fixed(struct pool *p, const struct pool *old)
{
	for (size_t i = 0; i < p->n_fixed; i++) {
		int was = maps_find(old->maps, &p->map_list[i]);

		if (was < 0)
			continue;
		p->fixed[i] = old->fixed[was];
	}
}

/* Dormant ones first, so that each guest's list, too, has the longest idle one first. */
void pool_inherit(struct pool *p, struct pool *old,
		  enum pool_fate (*fate_of)(void *arg, const struct mapping *, uint64_t guest),
		  void *arg)
{
	const struct list *lists[] = { &old->dormant, &old->active };

	sort(old);
	for (size_t i = 0; i < 2; i++) {
		uint32_t id = lists[i]->head;

		for (; id != POOL_NONE; id = old->slots[id].by_use.next) {
			const struct mapping *was = &old->slots[id];
			uint64_t guest =
				was->guest == POOL_NONE ? 0 : old->guests[was->guest].key;

			inherit(p, was, guest, fate_of(arg, was, guest));
		}
	}
	inherit_fixed(p, old);
}

/* --- looking at it --- */

/* The first slot in use from one on; a large pool is mostly empty. */
static uint32_t used_from(const struct pool *p, uint32_t from)
{
	for (uint32_t id = from; id < p->n_slots; id++) {
		uint64_t rest = p->taken[id / 64] >> id % 64;

		if (!rest) {
			id |= 63;
			continue;
		}
		id += (uint32_t)__builtin_ctzll(rest);
		if (id < p->n_slots && p->slots[id].state != MAPPING_FREE)
			return id;
	}
	return POOL_NONE;
}

const struct mapping *pool_at(const struct pool *p, size_t *i, const char **name)
{
	uint32_t id;

	if (*i < p->n_fixed) {
		*name = p->map_list[*i].name ? p->map_list[*i].name : "";
		return &p->fixed[*i];
	}
	if (*i - p->n_fixed >= p->n_slots)
		return NULL;
	id = used_from(p, (uint32_t)(*i - p->n_fixed));
	if (id == POOL_NONE)
		return NULL;
	*i = p->n_fixed + id;
	*name = "";
	return &p->slots[id];
}

void pool_usage(const struct pool *p, struct nat64_usage *out)
{
	*out = (struct nat64_usage){ p->n_active, p->n_dormant, (uint32_t)p->n_fixed };
}

void pool_range_usage(const struct pool *p, size_t i, uint32_t *used, uint32_t *size)
{
	*used = p->ranges[i].used;
	*size = p->ranges[i].usable;
}
