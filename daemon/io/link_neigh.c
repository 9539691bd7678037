/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link_neigh.c - who has which link-layer address: a bounded copy of the kernel's IPv6
 * neighbours.
 *
 * Guests decide how many there are, so the table has a limit; beyond it one that is there makes
 * room.
 */
#include "link_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ROOM_FIRST     64u
#define NEIGHBOURS_MAX 8192u

static uint32_t home(const struct neighbours *t, const struct in6_addr *addr)
{
	return (uint32_t)siphash(&t->key, addr, sizeof *addr) & (t->room - 1);
}

/* Where it is; or where it would be put: the first free slot.  index 0: on any link. */
static uint32_t probe(const struct neighbours *t, uint32_t index, const struct in6_addr *addr)
{
	uint32_t i = home(t, addr);

	while (t->slots[i].used &&
	       !((!index || t->slots[i].index == index) && addr_equal(&t->slots[i].addr, addr)))
		i = (i + 1) & (t->room - 1);
	return i;
}

/* Frees slot i and moves those behind it that would not be found any more. */
static void vacate(struct neighbours *t, uint32_t i)
{
	uint32_t mask = t->room - 1;

	for (uint32_t j = (i + 1) & mask; t->slots[j].used; j = (j + 1) & mask) {
		uint32_t from_home = (j - home(t, &t->slots[j].addr)) & mask;

		if (from_home >= ((j - i) & mask)) {
			t->slots[i] = t->slots[j];
			i = j;
		}
	}
	t->slots[i].used = false;
	t->n--;
}

static bool grow(struct neighbours *t)
{
	struct neighbours bigger = *t;

	bigger.room = t->room * 2;
	bigger.slots = calloc(bigger.room, sizeof *bigger.slots);
	if (!bigger.slots)
		return false;
	for (uint32_t i = 0; i < t->room; i++) {
		const struct neighbour *old = &t->slots[i];

		if (old->used)
			bigger.slots[probe(&bigger, old->index, &old->addr)] = *old;
	}
	free(t->slots);
	*t = bigger;
	return true;
}

/* A free slot more, and as many empty ones as full ones, so that probing stays short. */
static void make_room(struct neighbours *t)
{
	if (t->n < t->room / 2 || (t->n < NEIGHBOURS_MAX && grow(t)))
		return;
	while (!t->slots[t->hand & (t->room - 1)].used)
		t->hand++;
	vacate(t, t->hand++ & (t->room - 1));
}

void neighbours_put(struct neighbours *t, uint32_t index, const struct in6_addr *addr,
		    const uint8_t mac[ADDR_MAC_LEN])
{
	uint32_t i = probe(t, index, addr);

	if (!t->slots[i].used) {
		make_room(t);
		i = probe(t, index, addr);
		t->slots[i] = (struct neighbour){ .addr = *addr, .index = index, .used = true };
		t->n++;
	}
	memcpy(t->slots[i].mac, mac, ADDR_MAC_LEN);
}

void neighbours_drop(struct neighbours *t, uint32_t index, const struct in6_addr *addr)
{
	uint32_t i = probe(t, index, addr);

	if (t->slots[i].used)
		vacate(t, i);
}

const uint8_t *neighbours_find(const struct neighbours *t, uint32_t index,
			       const struct in6_addr *addr)
{
	uint32_t i = probe(t, index, addr);

	return t->slots[i].used ? t->slots[i].mac : NULL;
}

const struct neighbour *neighbours_at(const struct neighbours *t, size_t *i,
				      const uint8_t mac[ADDR_MAC_LEN])
{
	while (*i < t->room) {
		const struct neighbour *n = &t->slots[(*i)++];

		if (n->used && memcmp(n->mac, mac, ADDR_MAC_LEN) == 0)
			return n;
	}
	return NULL;
}

void neighbours_clear(struct neighbours *t)
{
	memset(t->slots, 0, t->room * sizeof *t->slots);
	t->n = 0;
}

bool neighbours_init(struct neighbours *t)
{
	*t = (struct neighbours){ .room = ROOM_FIRST };
	t->slots = calloc(t->room, sizeof *t->slots);
	return t->slots && getrandom(&t->key, sizeof t->key, 0) == (ssize_t)sizeof t->key;
}

void neighbours_done(struct neighbours *t)
{
	free(t->slots);
	t->slots = NULL;
}
