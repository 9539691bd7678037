/* SPDX-License-Identifier: GPL-3.0-or-later */
/* effective_nat64.c - the translator's own addresses, its pools and access lists. */
#include "base/siphash.h"
#include "effective_build.h"

#include <stdio.h>
#include <string.h>

static void copy_pools(struct build *b)
{
	const struct config_nets *in = &b->config->nat64.dynamic_pool;
	struct eff_nat64 *e = &b->eff->nat64;

	e->pools = build_alloc(b, in->n, sizeof *e->pools);
	for (size_t i = 0; e->pools && i < in->n; i++)
		e->pools[e->n_pools++] = (struct prefix4){ addr_v4(&in->v[i].addr),
							   (uint8_t)(in->v[i].len - 96) };
}

/* The first usable address of the pool: the one behind the network's own. */
static void own_ipv4(struct build *b)
{
	const struct config_nat64 *c = &b->config->nat64;
	struct eff_nat64 *e = &b->eff->nat64;
	char text[ADDR_TEXT_LEN];

	e->ipv4_address = c->ipv4_address;
	if (!c->ipv4_auto || !e->n_pools)
		return;
	e->ipv4_address = addr4_of(addr4_num(e->pools[0].addr) + 1);
	if (c->enabled)
		build_origin(b, "nat64.ipv4_address",
			     "the first usable address of dynamic_pool", "%s",
			     addr4_text(e->ipv4_address, text));
}

/* RFC 7217: stable for this host and network, of no meaning to anybody else. */
static struct in6_addr stable_address(const struct build *b, const struct in6_addr *net)
{
	struct siphash_key key;
	struct in6_addr addr = *net;
	uint64_t iid;

	memcpy(&key, b->facts->machine_id, sizeof key);
	iid = siphash(&key, net->s6_addr, 8);
	memcpy(addr.s6_addr + 8, &iid, 8);
	addr.s6_addr[8] &= 0xfc; /* neither "universal" nor "group" */
	addr.s6_addr[8] |= 0x10; /* never one of the reserved ones near zero */
	addr.s6_addr[15] ^= addr.s6_addr[15] == 0xff; /* nor near the top (RFC 5453) */
	return addr;
}

static const struct fact_addr *on_link_net(const struct build *b)
{
	const struct fact_addr *found = NULL;

	for (size_t i = 0; i < b->facts->n_addrs; i++) {
		const struct fact_addr *a = &b->facts->addrs[i];

		if (!build_on_iface(b, a) || a->len != 64 || a->no_prefix_route ||
		    addr_is_link_local(&a->addr))
			continue;
		if (!found || (addr_is_global(&a->addr) && !addr_is_global(&found->addr)))
			found = a;
	}
	return found;
}

static void own_ipv6(struct build *b)
{
	const struct config_nat64 *c = &b->config->nat64;
	struct eff_nat64 *e = &b->eff->nat64;
	const struct fact_addr *net;
	const char *from = "ipv4_address in the prefix";
	char text[ADDR_TEXT_LEN];

	if (!c->ipv6_auto) {
		e->ipv6_address = c->ipv6_address;
		return;
	}
	if (!pref64_is_well_known(&c->prefix)) {
		e->ipv6_address = pref64_embed(&c->prefix, e->ipv4_address);
	} else if ((net = on_link_net(b))) {
		struct in6_addr masked = addr_masked(&net->addr, 64);
		const struct fact_link *link = facts_link_at(b->facts, net->index);

		e->ipv6_address = stable_address(b, &masked);
		from = link ? link->name : "the host";
	} else {
		if (c->enabled && build_has_iface(b))
			reasons_add(&b->eff->reasons, EVENT_NO_ICMP_SOURCE,
				    "ICMPv6 errors are not sent: no /64 on the interface to "
				    "take an "
				    "address from "
				    "(set nat64.ipv6_address)");
		return;
	}
	if (c->enabled)
		build_origin(b, "nat64.ipv6_address", from, "%s",
			     addr_text(&e->ipv6_address, text));
}

/* On a link the address needs a proxy neighbour entry there, or guests would not find it. */
static void find_proxy(struct build *b)
{
	struct eff_nat64 *e = &b->eff->nat64;

	if (addr_is_unspecified(&e->ipv6_address))
		return;
	for (size_t i = 0; i < b->facts->n_addrs && !e->proxy_index; i++) {
		const struct fact_addr *a = &b->facts->addrs[i];
		const struct prefix6 net = { addr_masked(&a->addr, a->len), a->len };

		if (!addr_is_v4(&a->addr) && !a->no_prefix_route && a->len < 128 &&
		    prefix6_has(&net, &e->ipv6_address))
			e->proxy_index = a->index;
	}
}

static void resolve_lists(struct build *b)
{
	const struct config_nat64 *c = &b->config->nat64;
	struct eff_nat64 *e = &b->eff->nat64;
	const struct acl_entry all = { .kind = pref64_is_well_known(&c->prefix) ? ACL_GLOBAL
										: ACL_ANY };
	char text[ADDR_TEXT_LEN], list[160] = "";
	size_t n;
	struct acl_entry *nets = build_localnets(b, true, &n);

	if (!nets)
		return;
	e->clients = build_acl(b, &c->clients, ACL_AUTO, nets, n);
	e->destinations = build_acl(b, &c->destinations, ACL_AUTO, &all, 1);
	for (size_t i = 0; i < n; i++)
		if (!addr_is_v4(&nets[i].net.addr))
			build_list(list, sizeof list, prefix_text(&nets[i].net, text));
	if (c->enabled && *list && acl_has(&c->clients, ACL_AUTO))
		build_origin(b, "nat64.clients", "networks on the interface, and the host",
			     "%s", list);
	if ((c->enabled || b->config->dns64.enabled) && acl_has(&c->destinations, ACL_AUTO))
		build_origin(b, "nat64.destinations",
			     all.kind == ACL_GLOBAL ? "the well-known prefix (RFC 6052 3.1)"
						    : "an own prefix",
			     "%s", all.kind == ACL_GLOBAL ? "global" : "any");
}

void build_nat64(struct build *b)
{
	b->eff->nat64.enabled = b->config->nat64.enabled;
	copy_pools(b);
	if (b->failed)
		return;
	own_ipv4(b);
	own_ipv6(b);
	find_proxy(b);
	resolve_lists(b);
}
