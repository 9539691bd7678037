/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "facts.h"

#include <string.h>

const struct fact_link *facts_link(const struct facts *f, const char *name)
{
	for (size_t i = 0; i < f->n_links; i++)
		if (strcmp(f->links[i].name, name) == 0)
			return &f->links[i];
	return NULL;
}

const struct fact_link *facts_link_at(const struct facts *f, uint32_t index)
{
	for (size_t i = 0; i < f->n_links; i++)
		if (f->links[i].index == index)
			return &f->links[i];
	return NULL;
}

/* Is addr in the network of a? */
static bool is_in(const struct fact_addr *a, const struct in6_addr *addr)
{
	const struct prefix6 net = { addr_masked(&a->addr, a->len), a->len };

	return !a->no_prefix_route && a->len < 128 && prefix6_has(&net, addr);
}

bool facts_on_link(const struct facts *f, const struct in6_addr *addr)
{
	for (size_t i = 0; i < f->n_addrs; i++)
		if (is_in(&f->addrs[i], addr))
			return true;
	return false;
}

bool facts_is_neighbour(const struct facts *f, const struct in6_addr *addr)
{
	bool found = false;

	for (size_t i = 0; i < f->n_addrs; i++) {
		const struct fact_link *link = facts_link_at(f, f->addrs[i].index);

		if (addr_equal(&f->addrs[i].addr, addr))
			return false;
		found |= link && link->has_mac && is_in(&f->addrs[i], addr);
	}
	return found;
}
