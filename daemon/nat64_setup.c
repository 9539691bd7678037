/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64_setup.c - the effective configuration lives as long as the facts it came from; the
 * engine's is replaced only when it differs, so that facts of others cost it nothing. */
#include "nat64_setup.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct nat64_setup {
	struct nat64_conf conf;
	struct memory *memory;
};

/* Padding is cleared in what memory_take() gives, and kept so: fields are set one by one. */
static bool copy_acl(struct nat64_setup *s, const struct acl *from, struct acl *to)
{
	to->entries = memory_take(s->memory, from->n * sizeof *to->entries);
	if (!to->entries)
		return false;
	for (size_t i = 0; i < from->n; i++) {
		const struct acl_entry *e = &from->entries[i];

		to->entries[i].kind = e->kind;
		to->entries[i].negated = e->negated;
		if (e->kind == ACL_NET) {
			to->entries[i].net.addr = e->net.addr;
			to->entries[i].net.len = e->net.len;
		} else if (e->kind == ACL_MAC) {
			memcpy(to->entries[i].mac, e->mac, sizeof e->mac);
		}
	}
	to->n = from->n;
	return true;
}

static bool copy_pools(struct nat64_setup *s, const struct eff_nat64 *from)
{
	struct prefix4 *pools = memory_take(s->memory, from->n_pools * sizeof *pools);

	if (!pools)
		return false;
	for (size_t i = 0; i < from->n_pools; i++) {
		pools[i].addr = from->pools[i].addr;
		pools[i].len = from->pools[i].len;
	}
	s->conf.pools = pools;
	s->conf.n_pools = from->n_pools;
	return true;
}

static bool copy_maps(struct nat64_setup *s, const struct config_nat64 *from)
{
	struct nat64_map *maps = memory_take(s->memory, from->n_maps * sizeof *maps);

	if (!maps)
		return false;
	for (size_t i = 0; i < from->n_maps; i++) {
		const struct config_map *m = &from->maps[i];

		maps[i].ipv4 = m->ipv4;
		maps[i].ipv6 = m->ipv6;
		maps[i].name = memory_copy(s->memory, m->name, strlen(m->name));
		if (!maps[i].name)
			return false;
	}
	s->conf.maps = maps;
	s->conf.n_maps = from->n_maps;
	return true;
}

struct nat64_setup *nat64_setup_new(const struct effective *eff, uint32_t mtu)
{
	const struct config_nat64 *c = &eff->config->nat64;
	struct nat64_setup *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->conf.prefix = c->prefix;
	s->conf.own4 = eff->nat64.ipv4_address;
	s->conf.own6 = eff->nat64.ipv6_address;
	s->conf.mtu = mtu;
	s->conf.fragment_mtu = c->fragment_mtu;
	s->conf.drop_udp_zero = c->udp_zero_checksum == CONFIG_UDP_ZERO_DROP;
	s->conf.icmp_error_rate = c->icmp_error_rate;
	s->conf.lease_lifetime_ms = (uint64_t)c->lease_lifetime_ms;
	s->conf.lease_keep_ms = (uint64_t)c->lease_keep_ms;
	s->conf.max_mappings_per_guest = c->max_mappings_per_guest;
	s->memory = memory_new();
	if (!s->memory || !copy_pools(s, &eff->nat64) || !copy_maps(s, c) ||
	    !copy_acl(s, &eff->nat64.clients, &s->conf.clients) ||
	    !copy_acl(s, &eff->nat64.destinations, &s->conf.destinations)) {
		nat64_setup_free(s);
		return NULL;
	}
	return s;
}

void nat64_setup_free(struct nat64_setup *s)
{
	if (!s)
		return;
	memory_free(s->memory);
	free(s);
}

const struct nat64_conf *nat64_setup_conf(const struct nat64_setup *s)
{
	return &s->conf;
}

static bool same_numbers(const struct nat64_conf *a, const struct nat64_conf *b)
{
	return addr_equal(&a->prefix.prefix, &b->prefix.prefix) &&
	       a->prefix.len == b->prefix.len && a->own4.s_addr == b->own4.s_addr &&
	       addr_equal(&a->own6, &b->own6) && a->mtu == b->mtu &&
	       a->fragment_mtu == b->fragment_mtu && a->drop_udp_zero == b->drop_udp_zero &&
	       a->icmp_error_rate == b->icmp_error_rate &&
	       a->lease_lifetime_ms == b->lease_lifetime_ms &&
	       a->lease_keep_ms == b->lease_keep_ms &&
	       a->max_mappings_per_guest == b->max_mappings_per_guest;
}

static bool same_acl(const struct acl *a, const struct acl *b)
{
	return a->n == b->n && memcmp(a->entries, b->entries, a->n * sizeof *a->entries) == 0;
}

static bool same_maps(const struct nat64_conf *a, const struct nat64_conf *b)
{
	for (size_t i = 0; i < a->n_maps && i < b->n_maps; i++) {
		const struct nat64_map *x = &a->maps[i], *y = &b->maps[i];

		if (x->ipv4.addr.s_addr != y->ipv4.addr.s_addr || x->ipv4.len != y->ipv4.len ||
		    !prefix6_equal(&x->ipv6, &y->ipv6) || strcmp(x->name, y->name) != 0)
			return false;
	}
	return a->n_maps == b->n_maps;
}

bool nat64_setup_equal(const struct nat64_setup *a, const struct nat64_setup *b)
{
	const struct nat64_conf *x = &a->conf, *y = &b->conf;

	return same_numbers(x, y) && same_maps(x, y) && same_acl(&x->clients, &y->clients) &&
	       same_acl(&x->destinations, &y->destinations) && x->n_pools == y->n_pools &&
	       memcmp(x->pools, y->pools, x->n_pools * sizeof *x->pools) == 0;
}
