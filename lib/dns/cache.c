/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache.c - see cache.h.
 *
 * Places in the ring are counted in units of 8 octets and shifted by one, so that 0 is none.
 * head is where the next entry goes, tail where the oldest is; between them lie entries and
 * fillers, without gaps.
 */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#define UNIT             8
#define FILLER           UINT32_MAX
#define STALE_TTL_S      30 /* RFC 8767 4 */
#define BYTES_PER_BUCKET 512
#define MOVED_BYTES_MAX  ((size_t)4 << 20) /* by one cache_put() */
#define SECOND_CHANCES   16                /* by one cache_put(), for what was used but once */
#define HOT_BYTES_MAX    ((size_t)1 << 20) /* likewise, for what was used again */
#define USED_MOST        3
#define PREFETCH_MIN_MS  10000

/* Of these there may be hundreds of thousands. */
struct entry {
	uint32_t size; /* octets, with name, message and table */
	uint32_t next; /* place in its bucket; FILLER: no entry, size alone counts */
	uint32_t hash, pin;
	uint64_t stored_ms;
	uint32_t life_s, stale_s; /* one behind the other */
	uint32_t held_ms;         /* from the end of its life on it is not to be asked again */
	uint32_t cap_s;
	uint16_t rcode, ede;
	uint16_t type, class;
	uint16_t msg_len, authority_at, additional_at, n_ttls;
	uint8_t outcome, status; /* of its fact, as rcode and ede */
	uint8_t flags, name_len; /* name_len 0: the name is that of the message's question */
	bool negative : 1, secure : 1, linked : 1;
	uint8_t used : 2; /* how often, of late: a move takes one */
};

_Static_assert(sizeof(struct entry) == 64, "grown");

struct pin {
	uint32_t at, refs; /* refs 0: at is the next free pin */
};

struct cache_space {
	uint8_t *ring;
	uint32_t *buckets;
	size_t size, n_buckets; /* a power of two */
};

struct cache {
	struct siphash_key key;
	struct cache_space s;
	size_t head, tail, filled; /* octets */
	uint64_t n_linked, linked_bytes;
	struct pin *pins;
	size_t n_pins, pins_touched;
	uint32_t free_pin;
};

static size_t rounded(size_t n)
{
	return (n + UNIT - 1) & ~(size_t)(UNIT - 1);
}

static bool space_init(struct cache_space *s, size_t size)
{
	s->size = rounded(size < CACHE_MIN_SIZE ? CACHE_MIN_SIZE : size);
	for (s->n_buckets = 1; s->n_buckets < s->size / BYTES_PER_BUCKET;)
		s->n_buckets *= 2;
	s->ring = calloc(1, s->size);
	s->buckets = calloc(s->n_buckets, sizeof *s->buckets);
	return s->ring && s->buckets;
}

static void space_done(struct cache_space *s)
{
	free(s->ring);
	free(s->buckets);
}

struct cache_space *cache_space(size_t size)
{
	struct cache_space *s = calloc(1, sizeof *s);

	if (s && !space_init(s, size)) {
		cache_space_free(s);
		return NULL;
	}
	return s;
}

void cache_space_free(struct cache_space *s)
{
	if (!s)
		return;
	space_done(s);
	free(s);
}

struct cache *cache_new(size_t size, size_t n_pins, const struct siphash_key *key)
{
	struct cache *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->key = *key;
	c->n_pins = n_pins;
	c->pins = calloc(n_pins, sizeof *c->pins);
	if (!space_init(&c->s, size) || !c->pins) {
		cache_free(c);
		return NULL;
	}
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	space_done(&c->s);
	free(c->pins);
	free(c);
}

static struct entry *entry_at(const struct cache *c, uint32_t place)
{
	return (struct entry *)(void *)(c->s.ring + (size_t)(place - 1) * UNIT);
}

static uint32_t place_of(const struct cache *c, const struct entry *e)
{
	return (uint32_t)((size_t)((const uint8_t *)e - c->s.ring) / UNIT) + 1;
}

static uint8_t *msg_of(struct entry *e)
{
	return (uint8_t *)(e + 1) + e->name_len;
}

static const uint8_t *name_of(struct entry *e)
{
	return e->name_len ? (uint8_t *)(e + 1) : msg_of(e) + MSG_HEAD_LEN;
}

static uint64_t expires_ms(const struct entry *e)
{
	return e->stored_ms + (uint64_t)e->life_s * 1000;
}

static uint64_t stale_until_ms(const struct entry *e)
{
	return expires_ms(e) + (uint64_t)e->stale_s * 1000;
}

static struct cache_fact fact_of(const struct entry *e)
{
	return (struct cache_fact){ .outcome = e->outcome,
				    .status = e->status,
				    .negative = e->negative,
				    .secure = e->secure,
				    .rcode = e->rcode,
				    .ede = e->ede };
}

/* Pins. */

static uint32_t take_pin(struct cache *c)
{
	uint32_t p = c->free_pin;

	if (p)
		c->free_pin = c->pins[p - 1].at;
	else if (c->pins_touched < c->n_pins)
		p = (uint32_t)++c->pins_touched;
	return p;
}

static uint32_t pin_entry(struct cache *c, struct entry *e)
{
	if (!e->pin) {
		e->pin = take_pin(c);
		if (!e->pin)
			return 0;
		c->pins[e->pin - 1] = (struct pin){ place_of(c, e), 0 };
	}
	c->pins[e->pin - 1].refs++;
	return e->pin;
}

void cache_pin(struct cache *c, uint32_t pin)
{
	if (pin)
		c->pins[pin - 1].refs++;
}

void cache_unpin(struct cache *c, uint32_t pin)
{
	struct pin *p = pin ? &c->pins[pin - 1] : NULL;

	if (!p || --p->refs)
		return;
	if (p->at)
		entry_at(c, p->at)->pin = 0;
	p->at = c->free_pin;
	c->free_pin = pin;
}

/* The table. */

static uint32_t hash_of(const struct cache *c, const struct cache_key *k)
{
	uint8_t low[DNS_NAME_MAX + 5];
	size_t n = name_lower(k->name, low);

	low[n] = (uint8_t)(k->type >> 8);
	low[n + 1] = (uint8_t)k->type;
	low[n + 2] = (uint8_t)(k->class >> 8);
	low[n + 3] = (uint8_t)k->class;
	low[n + 4] = k->flags;
	return (uint32_t)siphash(&c->key, low, n + 5);
}

static uint32_t *bucket_of(const struct cache *c, uint32_t hash)
{
	return &c->s.buckets[hash & (c->s.n_buckets - 1)];
}

/* Where the place of the entry stands: in its bucket or in the entry before it. */
static uint32_t *find(const struct cache *c, const struct cache_key *k, uint32_t *hash)
{
	uint32_t *link;

	*hash = hash_of(c, k);
	for (link = bucket_of(c, *hash); *link; link = &entry_at(c, *link)->next) {
		struct entry *e = entry_at(c, *link);

		if (e->hash == *hash && e->type == k->type && e->class == k->class &&
		    e->flags == k->flags && name_equal(name_of(e), k->name))
			break;
	}
	return link;
}

static void link_entry(struct cache *c, struct entry *e)
{
	uint32_t *bucket = bucket_of(c, e->hash);

	e->next = *bucket;
	*bucket = place_of(c, e);
	e->linked = true;
	c->n_linked++;
	c->linked_bytes += e->size;
}

static void unlink_entry(struct cache *c, uint32_t *link)
{
	struct entry *e = entry_at(c, *link);

	*link = e->next;
	e->next = 0;
	e->linked = false;
	c->n_linked--;
	c->linked_bytes -= e->size;
}

static uint32_t *link_of(const struct cache *c, const struct entry *e)
{
	uint32_t place = place_of(c, e), *link = bucket_of(c, e->hash);

	while (*link != place)
		link = &entry_at(c, *link)->next;
	return link;
}

/* The ring. */

/* Room at the head for n octets, wrapping if need be; NULL when the tail is in the way. */
static struct entry *room_at_head(struct cache *c, size_t n)
{
	size_t end = c->s.size - c->head;
	struct entry *e;

	if (!c->filled)
		c->head = c->tail = 0, end = c->s.size;
	if (c->filled && c->head <= c->tail) {
		if (n > c->tail - c->head)
			return NULL;
	} else if (n > end) {
		if (n > c->tail)
			return NULL;
		if (end) {
			e = (struct entry *)(void *)(c->s.ring + c->head);
			e->size = (uint32_t)end;
			e->next = FILLER;
		}
		c->filled += end;
		c->head = 0;
	}
	e = (struct entry *)(void *)(c->s.ring + c->head);
	c->head += n;
	c->filled += n;
	if (c->head == c->s.size)
		c->head = 0;
	return e;
}

static void drop_tail(struct cache *c, size_t n)
{
	c->tail += n;
	c->filled -= n;
	if (c->tail == c->s.size)
		c->tail = 0;
}

/* From tail to head: where its own place was there is always room. */
static void move_tail(struct cache *c, struct entry *e)
{
	size_t size = e->size;
	uint32_t *link = e->linked ? link_of(c, e) : NULL;
	struct entry *to;

	if (e->used)
		e->used--;
	drop_tail(c, size);
	to = room_at_head(c, size);
	memmove(to, e, size);
	if (link)
		*link = place_of(c, to);
	if (to->pin)
		c->pins[to->pin - 1].at = place_of(c, to);
}

static struct entry *make_room(struct cache *c, size_t n)
{
	size_t moved = 0, chances = SECOND_CHANCES;
	struct entry *room;

	if (n > c->s.size / 2)
		return NULL;
	while (!(room = room_at_head(c, n))) {
		struct entry *e = (struct entry *)(void *)(c->s.ring + c->tail);
		bool again = e->next != FILLER && e->linked && e->used &&
			     (e->used > 1 ? moved < HOT_BYTES_MAX : chances > 0);

		if (e->next != FILLER && (e->pin || again)) {
			moved += e->size;
			chances -= again && !e->pin && e->used == 1;
			if (moved > MOVED_BYTES_MAX || moved > c->s.size)
				return NULL;
			move_tail(c, e);
			continue;
		}
		if (e->next != FILLER && e->linked)
			unlink_entry(c, link_of(c, e));
		drop_tail(c, e->size);
	}
	return room;
}

/* Lifetimes. */

static uint32_t least_ttl(const struct msg *m, enum msg_section section, uint32_t least)
{
	struct msg_rr rr;

	for (size_t at = m->at[section]; at < m->at[section + 1] && msg_record(m, at, &rr);
	     at = rr.next)
		if (rr.ttl < least)
			least = rr.ttl;
	return least;
}

/* RFC 2308 5: the lesser of the TTL and MINIMUM of SOA; without SOA not kept. */
static uint32_t negative_ttl(const struct msg *m, uint32_t most)
{
	struct msg_rr rr;

	for (size_t at = m->at[MSG_AUTHORITY];
	     at < m->at[MSG_ADDITIONAL] && msg_record(m, at, &rr); at = rr.next) {
		const uint8_t *min = m->p + rr.next - 4;
		uint32_t ttl;

		if (rr.type != TYPE_SOA || rr.class != CLASS_IN)
			continue;
		ttl = (uint32_t)min[0] << 24 | (uint32_t)min[1] << 16 | (uint32_t)min[2] << 8 |
		      min[3];
		if (ttl > INT32_MAX)
			ttl = 0;
		if (rr.ttl < ttl)
			ttl = rr.ttl;
		return ttl < most ? ttl : most;
	}
	return 0;
}

static void set_life(struct entry *e, const struct msg *m, const struct cache_fact *fact,
		     const struct cache_limits *limits, uint64_t now_ms)
{
	uint32_t s = fact->failure_s;

	e->cap_s = limits->max_ttl_s;
	if (m) {
		s = limits->max_ttl_s;
		if (fact->negative)
			s = e->cap_s = negative_ttl(
				m, s < limits->negative_ttl_s ? s : limits->negative_ttl_s);
		s = least_ttl(m, MSG_ANSWER, s);
	}
	e->stored_ms = now_ms;
	e->life_s = s;
	if (m && s)
		e->stale_s = limits->serve_stale_s;
}

/* Entries. */

/* The message ends where OPT begins: it belongs to one hop only (RFC 6891 6.2.1). */
static size_t kept_len(const struct msg *m)
{
	return m->edns.present ? m->edns.at : m->at[MSG_END];
}

static size_t count_records(const struct msg *m, size_t end, uint16_t *additional)
{
	struct msg_rr rr;
	size_t n = 0;

	*additional = 0;
	for (size_t at = m->at[MSG_ANSWER]; at < end && msg_record(m, at, &rr); at = rr.next) {
		n++;
		*additional = (uint16_t)(*additional + (rr.section == MSG_ADDITIONAL));
	}
	return n;
}

static void fill_msg(struct entry *e, const struct msg *m, size_t len, uint16_t additional)
{
	uint8_t *msg = msg_of(e), *t = msg + len;
	struct msg_rr rr;

	e->msg_len = (uint16_t)len;
	e->authority_at = (uint16_t)m->at[MSG_AUTHORITY];
	e->additional_at = (uint16_t)m->at[MSG_ADDITIONAL];
	memcpy(msg, m->p, len);
	msg[10] = (uint8_t)(additional >> 8);
	msg[11] = (uint8_t)additional;
	for (size_t at = m->at[MSG_ANSWER]; at < len && msg_record(m, at, &rr); at = rr.next) {
		*t++ = (uint8_t)(rr.ttl_at >> 8);
		*t++ = (uint8_t)rr.ttl_at;
		e->n_ttls++;
	}
}

enum cache_state cache_get(struct cache *c, const struct cache_key *k, uint64_t now_ms,
			   uint32_t *pin)
{
	uint32_t hash, place = *find(c, k, &hash), p;
	struct entry *e;

	if (!place)
		return CACHE_MISS;
	e = entry_at(c, place);
	if (now_ms >= stale_until_ms(e))
		return CACHE_MISS;
	p = pin_entry(c, e);
	if (!p)
		return CACHE_MISS;
	*pin = p;
	if (e->used < USED_MOST)
		e->used++;
	if (now_ms < expires_ms(e))
		return CACHE_FRESH;
	return now_ms < expires_ms(e) + e->held_ms ? CACHE_STALE_HELD : CACHE_STALE;
}

/* Does the message, which is kept, say the name? */
static bool is_named(const struct msg *m, const struct cache_key *k)
{
	return m && m->count[MSG_QUESTION] && name_equal(m->q.name, k->name);
}

static void hold(struct entry *e, uint64_t until_ms)
{
	uint64_t end = expires_ms(e);

	e->held_ms = until_ms > end ? (uint32_t)(until_ms - end) : 0;
}

uint32_t cache_put(struct cache *c, const struct cache_key *k, const struct msg *m,
		   const struct cache_fact *fact, const struct cache_limits *limits,
		   uint64_t now_ms)
{
	size_t len = m ? kept_len(m) : 0, size;
	size_t name_octets = is_named(m, k) ? 0 : name_len(k->name);
	uint16_t additional = 0;
	struct entry *e;
	uint32_t *link;

	size = sizeof *e + name_octets + len + (m ? 2 * count_records(m, len, &additional) : 0);
	size = rounded(size);
	e = make_room(c, size);
	if (!e)
		return 0;
	*e = (struct entry){ .size = (uint32_t)size,
			     .outcome = fact->outcome,
			     .status = fact->status,
			     .negative = fact->negative,
			     .secure = fact->secure,
			     .rcode = fact->rcode,
			     .ede = fact->ede,
			     .type = k->type,
			     .class = k->class,
			     .flags = k->flags,
			     .name_len = (uint8_t)name_octets };
	memcpy(e + 1, k->name, name_octets);
	set_life(e, m, fact, limits, now_ms);
	if (m)
		fill_msg(e, m, len, additional);
	link = find(c, k, &e->hash);
	if (*link && !m && now_ms < stale_until_ms(entry_at(c, *link)) &&
	    entry_at(c, *link)->msg_len) {
		hold(entry_at(c, *link), expires_ms(e));
		return pin_entry(c, e);
	}
	if (*link)
		unlink_entry(c, link);
	link_entry(c, e);
	return pin_entry(c, e);
}

/* Until the age is another one, or anything becomes due. */
static uint64_t steady_until(const struct entry *e, const struct cache_answer *a)
{
	uint64_t life = (uint64_t)e->life_s * 1000, end = expires_ms(e);
	uint64_t until = e->stored_ms + ((uint64_t)a->age_s + 1) * 1000;
	uint64_t due = life >= PREFETCH_MIN_MS ? end - life / 10 : end;

	if (a->stale || a->prefetch)
		return 0;
	return until < due ? until : due;
}

bool cache_view(const struct cache *c, uint32_t pin, uint64_t now_ms, struct cache_answer *out)
{
	struct entry *e;
	uint64_t life, end;

	if (!pin || !c->pins[pin - 1].at)
		return false;
	e = entry_at(c, c->pins[pin - 1].at);
	life = (uint64_t)e->life_s * 1000;
	end = expires_ms(e);
	*out = (struct cache_answer){
		.fact = fact_of(e),
		.msg = e->msg_len ? msg_of(e) : NULL,
		.len = e->msg_len,
		.authority_at = e->authority_at,
		.additional_at = e->additional_at,
		.ttls = msg_of(e) + e->msg_len,
		.n_ttls = e->n_ttls,
		.age_s = (uint32_t)((now_ms - e->stored_ms) / 1000),
		.cap_s = e->cap_s,
		.stale = life && now_ms >= end,
		.prefetch =
			life >= PREFETCH_MIN_MS && now_ms < end && end - now_ms <= life / 10,
	};
	out->steady_ms = steady_until(e, out);
	return true;
}

uint32_t cache_ttl(const struct cache_answer *a, uint32_t ttl)
{
	if (ttl > INT32_MAX)
		return 0;
	if (a->stale)
		return STALE_TTL_S;
	if (ttl > a->cap_s)
		ttl = a->cap_s;
	return ttl > a->age_s ? ttl - a->age_s : 0;
}

void cache_set_ttls(const struct cache_answer *a, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < a->n_ttls; i++) {
		size_t at = (size_t)a->ttls[2 * i] << 8 | a->ttls[2 * i + 1];
		uint32_t ttl;

		if (at + 4 > len)
			return;
		ttl = (uint32_t)buf[at] << 24 | (uint32_t)buf[at + 1] << 16 |
		      (uint32_t)buf[at + 2] << 8 | buf[at + 3];
		ttl = cache_ttl(a, ttl);
		buf[at] = (uint8_t)(ttl >> 24);
		buf[at + 1] = (uint8_t)(ttl >> 16);
		buf[at + 2] = (uint8_t)(ttl >> 8);
		buf[at + 3] = (uint8_t)ttl;
	}
}

/* Every entry of a ring whose oldest is at tail, fillers aside. */
static void walk(uint8_t *ring, size_t size, size_t tail, size_t filled,
		 void (*fn)(void *arg, struct entry *), void *arg)
{
	while (filled) {
		struct entry *e = (struct entry *)(void *)(ring + tail);
		size_t step = e->size;

		if (e->next != FILLER)
			fn(arg, e);
		filled -= step;
		tail += step;
		if (tail == size)
			tail = 0;
	}
}

/* One entry of the ring before, into this one. */
static void adopt(void *arg, struct entry *old)
{
	struct cache *c = arg;
	struct entry *e;

	if (!old->linked && !old->pin)
		return;
	e = make_room(c, old->size);

	if (!e) {
		if (old->pin)
			c->pins[old->pin - 1].at = 0;
		return;
	}
	memcpy(e, old, old->size);
	if (e->pin)
		c->pins[e->pin - 1].at = place_of(c, e);
	if (old->linked)
		link_entry(c, e);
}

void cache_resize(struct cache *c, struct cache_space *space)
{
	struct cache_space old = c->s;
	size_t tail = c->tail, filled = c->filled;

	c->s = *space;
	free(space);
	c->head = c->tail = c->filled = 0;
	c->n_linked = c->linked_bytes = 0;
	walk(old.ring, old.size, tail, filled, adopt, c);
	space_done(&old);
}

void cache_flush(struct cache *c)
{
	for (size_t i = 0; i < c->s.n_buckets; i++)
		while (c->s.buckets[i])
			unlink_entry(c, &c->s.buckets[i]);
	while (c->filled) {
		struct entry *e = (struct entry *)(void *)(c->s.ring + c->tail);

		if (e->next != FILLER && e->pin)
			return;
		drop_tail(c, e->size);
	}
}

struct telling {
	void (*fn)(void *arg, const struct cache_record *);
	void *arg;
	uint64_t now_ms;
};

static void tell(void *arg, struct entry *e)
{
	const struct telling *t = arg;
	const struct cache_record record = {
		.key = { name_of(e), e->type, e->class, e->flags },
		.fact = fact_of(e),
		.stored_ms = e->stored_ms,
		.msg = msg_of(e),
		.len = e->msg_len,
	};

	if (e->linked && e->msg_len && t->now_ms < stale_until_ms(e))
		t->fn(t->arg, &record);
}

void cache_each(const struct cache *c, uint64_t now_ms,
		void (*fn)(void *arg, const struct cache_record *), void *arg)
{
	struct telling t = { fn, arg, now_ms };

	walk(c->s.ring, c->s.size, c->tail, c->filled, tell, &t);
}

uint64_t cache_entries(const struct cache *c)
{
	return c->n_linked;
}

uint64_t cache_bytes(const struct cache *c)
{
	return c->linked_bytes;
}

uint64_t cache_size(const struct cache *c)
{
	return c->s.size;
}
