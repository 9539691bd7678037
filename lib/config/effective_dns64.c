/* SPDX-License-Identifier: GPL-3.0-or-later */
/* effective_dns64.c - where DNS64 listens, whom it asks, whom it serves. */
#include "effective_build.h"

#include <stdio.h>
#include <string.h>

static bool has_endpoint(const struct eff_endpoints *list, const struct eff_endpoint *e)
{
	for (size_t i = 0; i < list->n; i++)
		if (addr_equal(&list->v[i].addr, &e->addr) && list->v[i].port == e->port &&
		    list->v[i].scope == e->scope)
			return true;
	return false;
}

/* The list has room: its callers count first. */
static void add_endpoint(struct eff_endpoints *list, struct eff_endpoint e)
{
	if (!has_endpoint(list, &e))
		list->v[list->n++] = e;
}

/* As it would stand in the file: a link-local address with its link, a port that is not 53. */
static void note(struct build *b, const char *key, const char *from,
		 const struct eff_endpoints *list)
{
	char text[ADDR_TEXT_LEN], item[ADDR_TEXT_LEN + FACT_NAME_LEN + 8], all[160] = "";

	for (size_t i = 0; i < list->n; i++) {
		const struct eff_endpoint *e = &list->v[i];
		const struct fact_link *link =
			e->scope ? facts_link_at(b->facts, e->scope) : NULL;
		int len = snprintf(item, sizeof item, "%s%s%s", addr_text(&e->addr, text),
				   link ? "%" : "", link ? link->name : "");

		if (e->port != 53)
			snprintf(item + len, sizeof item - (size_t)len, "@%u", e->port);
		build_list(all, sizeof all, item);
	}
	if (list->n && b->config->dns64.enabled)
		build_origin(b, key, from, "%s", all);
}

/* The guests' links, as a place where something was found. */
static void name_links(const struct build *b, char *out, size_t size)
{
	*out = '\0';
	for (size_t i = 0; i < b->eff->n_ifaces; i++)
		build_list(out, size, b->eff->ifaces[i].name);
}

/* A typo in an address can be bound to all the same (IP_FREEBIND): nobody would ever ask. */
static void check_own(struct build *b, const struct in6_addr *addr)
{
	char text[ADDR_TEXT_LEN];
	bool own = addr_is_unspecified(addr) || addr_is_loopback(addr) ||
		   (addr_is_v4(addr) &&
		    (ntohl(addr_v4(addr).s_addr) >> 24 == 127 || !addr_v4(addr).s_addr));

	for (size_t i = 0; !own && i < b->facts->n_addrs; i++)
		own = addr_equal(&b->facts->addrs[i].addr, addr);
	if (!own)
		reasons_add(&b->eff->reasons, EVENT_WAITING_ADDRESS,
			    "waiting for %s: the host has no such address (ip address; "
			    "dns64.listen)",
			    addr_text(addr, text));
}

/* The link of a zone; 0 where there is no such link now. */
static uint32_t scope_of(const struct build *b, const struct config_endpoint *e)
{
	const struct fact_link *link = e->zone ? facts_link(b->facts, e->zone) : NULL;

	return link ? link->index : 0;
}

static void resolve_listen(struct build *b)
{
	const struct config_dns64 *c = &b->config->dns64;
	struct eff_endpoints *out = &b->eff->dns64.listen;
	struct eff_endpoints found = { .n = 0 };
	char links[64];

	out->v = build_alloc(b, c->listen.n + b->facts->n_addrs, sizeof *out->v);
	found.v = build_alloc(b, b->facts->n_addrs, sizeof *found.v);
	if (b->failed)
		return;
	for (size_t i = 0; c->listen_auto && i < b->facts->n_addrs; i++) {
		const struct fact_addr *a = &b->facts->addrs[i];

		if (!build_on_iface(b, a) || addr_is_v4(&a->addr) || !build_usable(a))
			continue;
		add_endpoint(&found, (struct eff_endpoint){
					     a->addr, c->port,
					     addr_is_link_local(&a->addr) ? a->index : 0 });
	}
	name_links(b, links, sizeof links);
	note(b, "dns64.listen", links, &found);
	for (size_t i = 0; i < found.n; i++)
		add_endpoint(out, found.v[i]);
	for (size_t i = 0; i < c->listen.n; i++) {
		add_endpoint(out, (struct eff_endpoint){ c->listen.v[i].addr, c->port,
							 scope_of(b, &c->listen.v[i]) });
		if (c->enabled)
			check_own(b, &c->listen.v[i].addr);
	}
	if (c->enabled && !out->n && build_has_iface(b))
		reasons_add(&b->eff->reasons, EVENT_WAITING_ADDRESS,
			    "waiting for an IPv6 address on the interface to listen on");
}

/* Asking ourselves would be a loop. */
static bool is_self(const struct build *b, const struct in6_addr *addr, uint16_t port)
{
	const struct eff_endpoints *listen = &b->eff->dns64.listen;

	for (size_t i = 0; i < listen->n; i++)
		if (addr_equal(&listen->v[i].addr, addr) && listen->v[i].port == port)
			return true;
	return false;
}

static void add_resolvers(struct build *b, struct eff_endpoints *out)
{
	for (size_t i = 0; i < b->facts->n_resolvers; i++) {
		const struct fact_resolver *r = &b->facts->resolvers[i];

		if (!is_self(b, &r->addr, r->port))
			add_endpoint(out, (struct eff_endpoint){ r->addr, r->port, r->scope });
	}
}

static void add_written(struct build *b, struct eff_endpoints *out,
			const struct config_endpoint *e)
{
	char text[ADDR_TEXT_LEN];

	if (!is_self(b, &e->addr, e->port))
		add_endpoint(out, (struct eff_endpoint){ e->addr, e->port, scope_of(b, e) });
	else if (b->config->dns64.enabled)
		reasons_add(&b->eff->reasons, EVENT_FORWARDER_SELF,
			    "forwarder %s is v6gwd itself: not asked (set dns64.forwarders)",
			    addr_text(&e->addr, text));
}

static struct eff_endpoints resolve_forwarders(struct build *b,
					       const struct config_endpoints *in)
{
	struct eff_endpoints out = { .n = 0 };

	out.v = build_alloc(b, in->n + b->facts->n_resolvers, sizeof *out.v);
	if (!out.v)
		return out;
	for (size_t i = 0; i < in->n; i++)
		add_written(b, &out, &in->v[i]);
	if (in->has_auto)
		add_resolvers(b, &out);
	return out;
}

static void resolve_zones(struct build *b)
{
	const struct config_dns64 *c = &b->config->dns64;
	struct eff_dns64 *e = &b->eff->dns64;

	e->zones = build_alloc(b, c->n_zones, sizeof *e->zones);
	for (size_t i = 0; !b->failed && i < c->n_zones; i++) {
		e->zones[i].name = c->zones[i].name;
		e->zones[i].forwarders = resolve_forwarders(b, &c->zones[i].forwarders);
		e->n_zones++;
	}
}

static void resolve_lists(struct build *b)
{
	const struct config_dns64 *c = &b->config->dns64;
	struct eff_dns64 *e = &b->eff->dns64;
	size_t n;
	struct acl_entry *nets = build_localnets(b, false, &n);
	struct acl_entry *all = build_alloc(b, n + b->eff->n_ifaces, sizeof *all);

	if (b->failed)
		return;
	if (n)
		memcpy(all, nets, n * sizeof *nets);
	/* Those of the uplink are strangers, which address of ours they ask whatsoever. */
	for (size_t i = 0; i < b->eff->n_ifaces; i++)
		if (b->eff->ifaces[i].index)
			all[n++] = (struct acl_entry){ .kind = ACL_LINK_LOCAL,
						       .link = b->eff->ifaces[i].index };
	e->allow_query = build_acl(b, &c->allow_query, ACL_LOCALNETS, all, n);
	e->clients = build_acl(b, &c->clients, ACL_LOCALNETS, all, n);
	e->destinations = b->eff->nat64.destinations;
}

void build_dns64(struct build *b)
{
	const struct config_dns64 *c = &b->config->dns64;
	struct eff_dns64 *e = &b->eff->dns64;

	e->enabled = c->enabled;
	resolve_listen(b);
	if (b->failed)
		return;
	e->forwarders = resolve_forwarders(b, &c->forwarders);
	if (c->forwarders.has_auto)
		note(b, "dns64.forwarders",
		     b->facts->n_resolvers ? b->facts->resolvers[0].origin : "resolv.conf",
		     &e->forwarders);
	if (c->enabled && !e->forwarders.n)
		reasons_add(&b->eff->reasons, EVENT_NO_FORWARDER,
			    "no forwarder: %s (set dns64.forwarders)",
			    c->forwarders.has_auto
				    ? "/etc/resolv.conf names none, or only this host"
				    : "none that can be asked is configured");
	resolve_zones(b);
	resolve_lists(b);
}
