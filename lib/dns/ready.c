/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ready.c - see ready.h. */
#include "ready.h"

#include <stdlib.h>
#include <string.h>

/* What else but the name an answer depends on. */
enum { VARIANT_DO = 1, VARIANT_CD = 2, VARIANT_AD = 4, VARIANT_DNS64 = 8 };

struct key {
	uint8_t octets[DNS_NAME_MAX + 3]; /* the name in lower case, type, variant */
	size_t name_len;
	uint64_t hash;
};

struct head {
	uint64_t hash, until_ms;
	uint32_t generation;
	uint16_t len, type, ede[ASK_EDE_MAX], rcode, n[4];
	uint8_t count, variant;
	bool secure;
};

/* The message has the name asked for in lower case. */
struct place {
	struct head head;
	uint8_t msg[READY_LEN - sizeof(struct head)];
};

struct ready {
	struct siphash_key key;
	struct place *places;
	size_t n_places; /* even */
	uint32_t generation;
};

struct ready *ready_new(size_t size, const struct siphash_key *key)
{
	struct ready *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->key = *key;
	r->generation = 1;
	r->n_places = size / sizeof *r->places / 2 * 2;
	if (!r->n_places)
		r->n_places = 2;
	r->places = calloc(r->n_places, sizeof *r->places);
	if (r->places)
		return r;
	ready_free(r);
	return NULL;
}

void ready_free(struct ready *r)
{
	if (!r)
		return;
	free(r->places);
	free(r);
}

size_t ready_size(const struct ready *r)
{
	return r->n_places * sizeof *r->places;
}

static void key_of(const struct ready *r, const struct ask *a, bool dns64, struct key *out)
{
	uint8_t *p = out->octets + name_lower(a->q.name, out->octets);

	out->name_len = a->q.name_len;
	*p++ = (uint8_t)(a->q.type >> 8);
	*p++ = (uint8_t)a->q.type;
	*p++ = (uint8_t)((a->dnssec_ok ? VARIANT_DO : 0) |
			 (a->flags & MSG_CD ? VARIANT_CD : 0) |
			 (a->flags & MSG_AD ? VARIANT_AD : 0) | (dns64 ? VARIANT_DNS64 : 0));
	out->hash = siphash(&r->key, out->octets, (size_t)(p - out->octets));
}

/* An answer may stand in one of two places. */
static struct place *place_of(const struct ready *r, const struct key *k, size_t i)
{
	return &r->places[(size_t)((k->hash >> 32) * r->n_places >> 32) ^ i];
}

static uint64_t until(const struct ready *r, const struct place *p)
{
	return p->head.generation == r->generation ? p->head.until_ms : 0;
}

static bool is_about(const struct place *p, const struct key *k)
{
	const uint8_t *type = k->octets + k->name_len;

	return p->head.hash == k->hash && p->head.type == (type[0] << 8 | type[1]) &&
	       p->head.variant == type[2] &&
	       memcmp(p->msg + MSG_HEAD_LEN, k->octets, k->name_len) == 0;
}

bool ready_find(const struct ready *r, const struct ask *a, bool dns64, uint64_t now_ms,
		uint8_t *buf, struct ready_answer *out)
{
	const struct place *p;
	struct key k;

	key_of(r, a, dns64, &k);
	p = place_of(r, &k, 0);
	if (!is_about(p, &k))
		p = place_of(r, &k, 1);
	if (now_ms >= until(r, p) || !is_about(p, &k))
		return false;
	out->count = (enum dns_count)p->head.count;
	out->reply.rcode = p->head.rcode;
	out->reply.secure = p->head.secure;
	memcpy(out->reply.ede, p->head.ede, sizeof p->head.ede);
	memcpy(out->n, p->head.n, sizeof p->head.n);
	out->len = p->head.len;
	out->until_ms = p->head.until_ms;
	if (out->len + ask_opt_len(a, &out->reply) > a->limit)
		return false;
	memcpy(buf, p->msg, out->len);
	return true;
}

void ready_keep(struct ready *r, const struct ask *a, bool dns64,
		const struct ready_answer *answer, const uint8_t *msg)
{
	struct place *p, *other;
	struct key k;

	if (answer->len > sizeof p->msg)
		return;
	key_of(r, a, dns64, &k);
	p = place_of(r, &k, 0);
	other = place_of(r, &k, 1);
	if (!is_about(p, &k) && (is_about(other, &k) || until(r, other) < until(r, p)))
		p = other;
	p->head = (struct head){ .hash = k.hash,
				 .until_ms = answer->until_ms,
				 .generation = r->generation,
				 .len = (uint16_t)answer->len,
				 .type = a->q.type,
				 .rcode = (uint16_t)answer->reply.rcode,
				 .count = (uint8_t)answer->count,
				 .variant = k.octets[k.name_len + 2],
				 .secure = answer->reply.secure };
	memcpy(p->head.ede, answer->reply.ede, sizeof p->head.ede);
	memcpy(p->head.n, answer->n, sizeof p->head.n);
	memcpy(p->msg, msg, answer->len);
	memcpy(p->msg + MSG_HEAD_LEN, k.octets, k.name_len);
}

void ready_clear(struct ready *r)
{
	r->generation++;
}
