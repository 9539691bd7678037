/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "siphash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void mix(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static uint64_t word_of(const uint8_t *p, size_t n)
{
	uint64_t w = 0;

	if (n == 8) {
		memcpy(&w, p, 8);
		return le64toh(w);
	}
	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)p[i] << 8 * i;
	return w;
}

static void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	mix(s);
	s->v0 ^= word;
}

uint64_t siphash(const struct siphash_key *key, const void *buf, size_t len)
{
	struct state s = { key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
			   key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573 };
	const uint8_t *p = buf, *end = p + len / 8 * 8;

	for (; p != end; p += 8)
		absorb(&s, word_of(p, 8));
	absorb(&s, word_of(p, len % 8) | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	mix(&s);
	mix(&s);
	mix(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
