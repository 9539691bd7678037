/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/maps.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* One table for each family: open addressing, never emptied, at most half full.  Its keys come
 * from the configuration alone, so the hash needs no key. */
struct side {
	uint32_t *cells;   /* index of a map + 1; 0: free */
	uint8_t lens[129]; /* the prefix lengths that occur, longest first */
	unsigned n_lens;
};

struct maps {
	const struct nat64_map *list;
	uint32_t mask;
	struct side v6, v4;
};

static uint32_t hash_of(const struct in6_addr *a, unsigned len)
{
	uint64_t w[2];

	memcpy(w, a, sizeof w);
	w[0] = (w[0] ^ len) * 0x9e3779b97f4a7c15;
	w[1] = (w[1] ^ w[0] >> 29) * 0xbf58476d1ce4e5b9;
	return (uint32_t)(w[1] >> 32);
}

/* Both families are looked up as IPv6 networks, IPv4 as ::ffff:a.b.c.d. */
static struct prefix6 net_of(const struct nat64_map *m, bool v4)
{
	if (!v4)
		return m->ipv6;
	return (struct prefix6){ addr_mapped(m->ipv4.addr), (uint8_t)(m->ipv4.len + 96) };
}

static int probe(const struct maps *maps, const struct side *side, const struct prefix6 *key)
{
	bool v4 = side == &maps->v4;

	for (uint32_t at = hash_of(&key->addr, key->len);; at++) {
		uint32_t cell = side->cells[at & maps->mask];

		if (!cell)
			return -1;
		struct prefix6 net = net_of(&maps->list[cell - 1], v4);

		if (prefix6_equal(&net, key))
			return (int)(cell - 1);
	}
}

static void note_len(struct side *side, uint8_t len)
{
	unsigned at = 0;

	while (at < side->n_lens && side->lens[at] > len)
		at++;
	if (at < side->n_lens && side->lens[at] == len)
		return;
	memmove(side->lens + at + 1, side->lens + at, side->n_lens - at);
	side->lens[at] = len;
	side->n_lens++;
}

static void insert(struct maps *maps, struct side *side, uint32_t index)
{
	struct prefix6 key = net_of(&maps->list[index], side == &maps->v4);
	uint32_t at = hash_of(&key.addr, key.len);

	if (probe(maps, side, &key) >= 0)
		return;
	while (side->cells[at & maps->mask])
		at++;
	side->cells[at & maps->mask] = index + 1;
	note_len(side, key.len);
}

struct maps *maps_new(const struct nat64_map *list, size_t n)
{
	struct maps *maps = calloc(1, sizeof *maps);
	uint32_t cells = 2;

	if (!maps || n > INT_MAX / 4)
		goto fail;
	while (cells < 2 * n)
		cells *= 2;
	maps->list = list;
	maps->mask = cells - 1;
	maps->v6.cells = calloc(cells, sizeof *maps->v6.cells);
	maps->v4.cells = calloc(cells, sizeof *maps->v4.cells);
	if (!maps->v6.cells || !maps->v4.cells)
		goto fail;
	for (uint32_t i = 0; i < n; i++) {
		/* RFC 7757 3.2: the IPv6 suffix holds the IPv4 suffix. */
		if (list[i].ipv6.len + 32 - list[i].ipv4.len > 128)
			continue;
		insert(maps, &maps->v6, i);
		insert(maps, &maps->v4, i);
	}
	return maps;
fail:
	maps_free(maps);
	return NULL;
}

void maps_free(struct maps *maps)
{
	if (!maps)
		return;
	free(maps->v6.cells);
	free(maps->v4.cells);
	free(maps);
}

static int longest(const struct maps *maps, const struct side *side, const struct in6_addr *a)
{
	for (unsigned i = 0; i < side->n_lens; i++) {
		struct prefix6 key = { addr_masked(a, side->lens[i]), side->lens[i] };
		int index = probe(maps, side, &key);

		if (index >= 0)
			return index;
	}
	return -1;
}

/* The n bits of a (n up to 32) from bit at on. */
static uint32_t bits_at(const struct in6_addr *a, unsigned at, unsigned n)
{
	uint32_t v = 0;

	for (unsigned i = at; i < at + n; i++)
		v = v << 1 | (a->s6_addr[i / 8] >> (7 - i % 8) & 1u);
	return v;
}

static void set_bits(struct in6_addr *a, unsigned at, unsigned n, uint32_t v)
{
	for (unsigned i = 0; i < n; i++)
		if (v >> (n - 1 - i) & 1)
			a->s6_addr[(at + i) / 8] |= (uint8_t)(0x80 >> (at + i) % 8);
}

/* RFC 7757 3.3.2 */
int maps_to_v4(const struct maps *maps, const struct in6_addr *v6, struct in_addr *out)
{
	int index = longest(maps, &maps->v6, v6);

	if (index < 0)
		return -1;
	const struct nat64_map *m = &maps->list[index];

	*out = addr4_of(addr4_num(m->ipv4.addr) | bits_at(v6, m->ipv6.len, 32u - m->ipv4.len));
	return index;
}

/* RFC 7757 3.3.1 */
int maps_to_v6(const struct maps *maps, struct in_addr v4, struct in6_addr *out)
{
	struct in6_addr key = addr_mapped(v4);
	int index = longest(maps, &maps->v4, &key);

	if (index < 0)
		return -1;
	const struct nat64_map *m = &maps->list[index];
	unsigned n = 32u - m->ipv4.len;

	*out = m->ipv6.addr;
	set_bits(out, m->ipv6.len, n, addr4_num(v4) & (uint32_t)((1ull << n) - 1));
	return index;
}

int maps_find(const struct maps *maps, const struct nat64_map *m)
{
	int index = probe(maps, &maps->v6, &m->ipv6);

	if (index < 0 || maps->list[index].ipv4.len != m->ipv4.len ||
	    maps->list[index].ipv4.addr.s_addr != m->ipv4.addr.s_addr)
		return -1;
	return index;
}
