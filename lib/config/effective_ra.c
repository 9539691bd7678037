/* SPDX-License-Identifier: GPL-3.0-or-later */
/* effective_ra.c - what each interface advertises: its addresses, prefixes, resolvers,
 * intervals. */
#include "effective_build.h"

#include <stdio.h>
#include <string.h>

static bool is_here(const struct eff_ra *e, const struct fact_addr *a)
{
	return a->index == e->index && !addr_is_v4(&a->addr);
}

static void copy_link(struct build *b, struct eff_ra *e)
{
	const struct fact_link *link = facts_link(b->facts, e->name);

	if (!link)
		return;
	e->index = link->index;
	e->up = link->up;
	e->running = link->running;
	e->forwarding = link->forwarding6;
	memcpy(e->mac, link->mac, sizeof e->mac);
	e->has_mac = link->has_mac;
	e->mtu = link->mtu;
	for (size_t i = 0; i < b->facts->n_addrs; i++) {
		const struct fact_addr *a = &b->facts->addrs[i];

		if (!is_here(e, a) || !addr_is_link_local(&a->addr))
			continue;
		e->duplicate |= a->dad_failed;
		if (build_usable(a)) {
			e->link_local = a->addr;
			break;
		}
	}
}

/* RFC 4861 6.2.1, with the bounds of RFC 8319. */
static void set_times(struct eff_ra *e)
{
	const struct config_ra *c = e->config;

	e->max_interval_ms = c->max_interval_ms;
	e->min_interval_ms = c->min_interval_ms;
	if (c->min_interval_ms == CONFIG_AUTO)
		e->min_interval_ms = c->max_interval_ms >= 9000 ? c->max_interval_ms * 33 / 100
								: c->max_interval_ms * 3 / 4;
	if (e->min_interval_ms < 3000)
		e->min_interval_ms = 3000;
	e->router_lifetime_ms = c->router_lifetime_ms;
	if (c->router_lifetime_ms == CONFIG_AUTO)
		e->router_lifetime_ms =
			c->max_interval_ms * 3 > 65535000 ? 65535000 : c->max_interval_ms * 3;
}

/* Our address in a prefix, to go with its R bit (RFC 6275 7.2). */
static struct in6_addr address_in(const struct build *b, const struct eff_ra *e,
				  const struct prefix6 *net)
{
	for (size_t i = 0; i < b->facts->n_addrs; i++) {
		const struct fact_addr *a = &b->facts->addrs[i];

		if (is_here(e, a) && build_usable(a) && prefix6_has(net, &a->addr))
			return a->addr;
	}
	return in6addr_any;
}

static struct eff_ra_prefix *find_prefix(struct eff_ra *e, const struct prefix6 *net)
{
	for (size_t i = 0; i < e->n_prefixes; i++)
		if (prefix6_equal(&e->prefixes[i].prefix, net))
			return &e->prefixes[i];
	return NULL;
}

static struct eff_ra_prefix *add_prefix(struct build *b, struct eff_ra *e,
					const struct config_ra_prefix *c, struct prefix6 net)
{
	struct eff_ra_prefix *p = find_prefix(e, &net);

	if (p)
		return p;
	p = &e->prefixes[e->n_prefixes++];
	*p = (struct eff_ra_prefix){
		.prefix = net,
		.on_link = c->on_link,
		.autonomous = c->autonomous,
		.is_auto = c->is_auto,
		.valid_ms = c->valid_ms,
		.preferred_ms = c->preferred_ms,
		.valid_until_ms = c->is_auto ? 0 : UINT64_MAX,
		.preferred_until_ms = c->is_auto ? 0 : UINT64_MAX,
	};
	if (c->router_address)
		p->router_address = address_in(b, e, &net);
	return p;
}

/* "auto": the networks of the link's addresses, each once, living as long as its longest-lived
 * address. */
static void add_found(struct build *b, struct eff_ra *e, const struct config_ra_prefix *c)
{
	for (size_t i = 0; i < b->facts->n_addrs; i++) {
		const struct fact_addr *a = &b->facts->addrs[i];
		struct prefix6 net = { addr_masked(&a->addr, a->len), a->len };
		struct eff_ra_prefix *p;
		uint64_t preferred = a->deprecated ? 0 : a->preferred_until_ms;

		if (!is_here(e, a) || addr_is_link_local(&a->addr) || a->len >= 128 ||
		    a->temporary || a->no_prefix_route || !build_usable(a))
			continue;
		p = add_prefix(b, e, c, net);
		if (!p->is_auto)
			continue;
		p->autonomous = c->autonomous && a->len == 64; /* RFC 4862 5.5.3(d) */
		if (a->valid_until_ms > p->valid_until_ms)
			p->valid_until_ms = a->valid_until_ms;
		if (preferred > p->preferred_until_ms)
			p->preferred_until_ms = preferred;
	}
}

/* Which entry of the file it is. */
static size_t entry_of(const struct build *b, const struct eff_ra *e)
{
	return (size_t)(e->config - b->config->ra);
}

/* One line for all prefixes that were found: they come from the same entry. */
static void note_prefixes(struct build *b, const struct eff_ra *e, size_t entry)
{
	char text[ADDR_TEXT_LEN], key[48], list[160] = "";

	for (size_t i = 0; i < e->n_prefixes; i++)
		if (e->prefixes[i].is_auto)
			build_list(list, sizeof list,
				   prefix_text(&e->prefixes[i].prefix, text));
	snprintf(key, sizeof key, "ra[%zu].prefixes[%zu].prefix", entry_of(b, e), entry);
	if (*list)
		build_origin(b, key, e->name, "%s", list);
}

/* May an address of the link become usable by itself? */
static bool has_tentative(const struct build *b, const struct eff_ra *e)
{
	for (size_t i = 0; i < b->facts->n_addrs; i++) {
		const struct fact_addr *a = &b->facts->addrs[i];

		if (is_here(e, a) && !addr_is_link_local(&a->addr) && a->tentative &&
		    !a->dad_failed)
			return true;
	}
	return false;
}

/* Guests shall make themselves addresses in what is found here, and there is nothing that they
 * can make one in: they would have none, for a reason that nothing else tells. */
static void check_prefixes(struct build *b, const struct eff_ra *e)
{
	const struct config_ra *c = e->config;
	char text[ADDR_TEXT_LEN];
	bool wanted = false;

	for (size_t i = 0; i < c->n_prefixes; i++)
		wanted |= c->prefixes[i].is_auto && c->prefixes[i].autonomous;
	for (size_t i = 0; i < e->n_prefixes; i++)
		wanted &= !e->prefixes[i].autonomous;
	if (!wanted || c->managed || !e->up || has_tentative(b, e))
		return;
	if (!e->n_prefixes)
		reasons_put_first(&b->eff->reasons, "ra",
				  "guests get no address: %s has none that a prefix follows "
				  "from (ip -6 address add ADDRESS/64 dev %s, or set "
				  "ra.prefixes)",
				  e->name, e->name);
	else
		reasons_put_first(&b->eff->reasons, "ra",
				  "guests get no address: they make one only in a /64, and %s "
				  "has %s (give it a /64, or set ra.managed where there is "
				  "DHCPv6)",
				  e->name, prefix_text(&e->prefixes[0].prefix, text));
}

static void set_prefixes(struct build *b, struct eff_ra *e)
{
	const struct config_ra *c = e->config;

	e->prefixes = build_alloc(b, c->n_prefixes + b->facts->n_addrs, sizeof *e->prefixes);
	if (b->failed)
		return;
	for (size_t i = 0; i < c->n_prefixes; i++)
		if (!c->prefixes[i].is_auto)
			add_prefix(b, e, &c->prefixes[i], c->prefixes[i].prefix);
	for (size_t i = 0; i < c->n_prefixes; i++)
		if (c->prefixes[i].is_auto) {
			add_found(b, e, &c->prefixes[i]);
			note_prefixes(b, e, i);
		}
	check_prefixes(b, e);
}

/* Someone else has the port there, and would be asked in our place. */
static bool is_deaf(const struct build *b, const struct eff_endpoint *e)
{
	for (size_t i = 0; i < b->health.n_deaf; i++)
		if (addr_equal(&b->health.deaf[i].addr, &e->addr) &&
		    b->health.deaf[i].scope == e->scope)
			return true;
	return false;
}

static bool is_listening(const struct build *b, const struct eff_ra *e,
			 const struct fact_addr *a)
{
	const struct eff_endpoints *l = &b->eff->dns64.listen;

	for (size_t i = 0; i < l->n; i++) {
		if (is_deaf(b, &l->v[i]))
			continue;
		if (addr_is_unspecified(&l->v[i].addr))
			return true;
		if (addr_equal(&l->v[i].addr, &a->addr) &&
		    (!l->v[i].scope || l->v[i].scope == e->index))
			return true;
	}
	return false;
}

/* Better addresses for a resolver have higher numbers; 0: not fit. */
static int fitness(const struct build *b, const struct eff_ra *e, const struct fact_addr *a)
{
	if (!is_here(e, a) || !build_usable(a) || a->temporary || !is_listening(b, e, a))
		return 0;
	if (addr_is_link_local(&a->addr))
		return 1;
	return (addr_is_global(&a->addr) ? 3 : 2) + (a->deprecated ? 0 : 2);
}

/* "auto": one address on this link that DNS64 listens on and answers from (port 53 alone can be
 * announced). */
static const struct fact_addr *resolver_on(const struct build *b, const struct eff_ra *e)
{
	const struct fact_addr *best = NULL;
	int fit = 0;

	if (!b->eff->dns64.enabled || !b->health.dns64_serves || b->config->dns64.port != 53)
		return NULL;
	for (size_t i = 0; i < b->facts->n_addrs; i++) {
		int f = fitness(b, e, &b->facts->addrs[i]);

		if (f > fit) {
			fit = f;
			best = &b->facts->addrs[i];
		}
	}
	return best;
}

static void set_rdnss(struct build *b, struct eff_ra *e)
{
	const struct fact_addr *own = resolver_on(b, e);
	char text[ADDR_TEXT_LEN], key[48];

	e->rdnss = build_alloc(b, e->config->n_rdnss, sizeof *e->rdnss);
	for (size_t i = 0; !b->failed && i < e->config->n_rdnss; i++) {
		const struct config_ra_rdnss *c = &e->config->rdnss[i];
		struct eff_ra_rdnss *out = &e->rdnss[e->n_rdnss];

		out->servers = build_alloc(b, c->servers.n + 1, sizeof *out->servers);
		if (b->failed)
			return;
		out->lifetime_ms = c->lifetime_ms;
		for (size_t j = 0; j < c->servers.n; j++)
			out->servers[out->n++] = c->servers.v[j].addr;
		if (c->servers.has_auto && own) {
			out->servers[out->n++] = own->addr;
			snprintf(key, sizeof key, "ra[%zu].rdnss[%zu].servers", entry_of(b, e),
				 i);
			build_origin(b, key, e->name, "%s", addr_text(&own->addr, text));
		}
		if (out->n)
			e->n_rdnss++;
	}
}

/* What was written is announced also without the plane: another router may translate. */
static enum eff_nat64_use nat64_use(const struct build *b, bool given)
{
	if (!b->eff->nat64.enabled)
		return given ? EFF_NAT64_ANNOUNCED : EFF_NAT64_ABSENT;
	return b->health.nat64_serves ? EFF_NAT64_ANNOUNCED : EFF_NAT64_WITHHELD;
}

static void add_ra(struct build *b, const struct config_ra *c, const char *name)
{
	struct eff_ra *e = &b->eff->ra[b->eff->n_ra];

	for (size_t i = 0; i < b->eff->n_ra; i++)
		if (strcmp(b->eff->ra[i].name, name) == 0)
			return;
	b->eff->n_ra++;
	e->config = c;
	snprintf(e->name, sizeof e->name, "%s", name);
	copy_link(b, e);
	set_times(e);
	set_prefixes(b, e);
	if (b->failed)
		return;
	set_rdnss(b, e);
	build_guard(b, e);
	e->nat64_route = nat64_use(b, c->routes_given);
	e->nat64_pref64 = nat64_use(b, c->pref64_given);
}

static void add_everywhere(struct build *b, const struct config_ra *c)
{
	for (size_t i = 0; !b->failed && i < b->eff->n_ifaces; i++)
		add_ra(b, c, b->eff->ifaces[i].name);
}

void build_ra(struct build *b)
{
	const struct config *c = b->config;

	b->eff->ra = build_alloc(b, c->n_ra + b->eff->n_ifaces, sizeof *b->eff->ra);
	if (b->failed)
		return;
	if (!c->ra_given)
		add_everywhere(b, &c->ra[0]);
	for (size_t i = 0; !b->failed && i < c->n_ra; i++)
		if (c->ra[i].interface)
			add_ra(b, &c->ra[i], c->ra[i].interface);
	for (size_t i = 0; !b->failed && i < c->n_ra; i++)
		if (!c->ra[i].interface)
			add_everywhere(b, &c->ra[i]);
}
