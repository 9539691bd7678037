/* SPDX-License-Identifier: GPL-3.0-or-later */
/* effective_guard.c - what advertisements must not do: ours reach the provider, others' steer
 * the host.
 */
#include "effective_build.h"

#include <stdio.h>
#include <string.h>

/* --- the host's own way out ----------------------------------------------------------- */

/* May a port lead out of this host?  Guests' ports are of a kind: tun, veth, macvtap. */
static bool leads_out(const struct fact_link *port)
{
	static const char *const kinds[] = { "", "bond", "team", "vlan" };

	for (size_t i = 0; port && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(port->kind, kinds[i]) == 0)
			return true;
	return false;
}

/* A port of the link that leads out, or NULL. */
static const struct fact_link *port_out(const struct facts *f, uint32_t index)
{
	for (size_t i = 0; i < f->n_links; i++)
		if (f->links[i].master == index && leads_out(&f->links[i]))
			return &f->links[i];
	return NULL;
}

/* Is the route's gateway outside of this host?  Behind a port that is not known it is where
 * there is a way. */
static bool goes_out(const struct facts *f, const struct fact_route *r)
{
	return leads_out(facts_link_at(f, r->port ? r->port : r->index)) ||
	       (!r->port && port_out(f, r->index));
}

bool effective_is_uplink(const struct effective *eff, const struct facts *f, uint32_t index)
{
	const struct fact_link *uplink = facts_link(f, eff->uplink);
	bool only = f->n_routes > 0;

	if (!index)
		return false;
	if (uplink && (uplink->index == index || uplink->master == index))
		return true;
	for (size_t i = 0; i < f->n_routes; i++) {
		if (f->routes[i].index == index && goes_out(f, &f->routes[i]))
			return true;
		only &= f->routes[i].index == index;
	}
	return only;
}

/* --- refuse_on_uplink ----------------------------------------------------------------- */

static void refuse(const struct build *b, struct eff_ra *e, const struct fact_link *port)
{
	for (size_t i = 0; i < e->n_refused; i++)
		if (e->refused[i].index == port->index)
			return;
	if (e->n_refused == EFF_REFUSED_MAX) {
		reasons_add(&b->eff->reasons, EVENT_REACHES_PROVIDER,
			    "%s: advertisements may reach the provider through %s: they are "
			    "kept off %d ports at most (name the one that counts in uplink)",
			    e->name, port->name, EFF_REFUSED_MAX);
		return;
	}
	e->refused[e->n_refused].index = port->index;
	memcpy(e->refused[e->n_refused++].name, port->name, sizeof port->name);
}

/* The port of this link that has the index, or NULL. */
static const struct fact_link *port_at(const struct build *b, const struct eff_ra *e,
				       uint32_t index)
{
	const struct fact_link *port = index ? facts_link_at(b->facts, index) : NULL;

	return port && port->master == e->index ? port : NULL;
}

/* A bridge forgets who was silent for five minutes; we do not while the port is there. */
static void refuse_as_before(const struct build *b, struct eff_ra *e)
{
	const struct effective *p = b->previous;

	for (size_t i = 0; p && i < p->n_ra; i++)
		for (size_t j = 0; p->ra[i].index == e->index && j < p->ra[i].n_refused; j++) {
			const struct fact_link *port = port_at(b, e, p->ra[i].refused[j].index);

			if (port)
				refuse(b, e, port);
		}
}

/* While the gateway is not known: what is no guest's. */
static void refuse_what_leads_out(const struct build *b, struct eff_ra *e)
{
	for (size_t i = 0; i < b->facts->n_links; i++) {
		const struct fact_link *port = &b->facts->links[i];

		if (port->master == e->index && leads_out(port))
			refuse(b, e, port);
	}
}

/* A guest that sends with a gateway's link-layer address, or claims its IP address, gets it
 * moved behind his port.  The way out, once known, is refused as long as it is a port. */
static void keep_way_out(const struct build *b, struct eff_ra *e)
{
	const struct effective *p = b->previous;

	for (size_t i = 0; p && i < p->n_ra; i++) {
		const struct fact_link *port = port_at(b, e, p->ra[i].way_out);

		if (p->ra[i].index != e->index || !port || !leads_out(port))
			continue;
		refuse(b, e, port);
		e->way_out = port->index;
	}
}

/* Behind which ports the gateways of the routes through this link are.  The one that is not
 * known, or NULL. */
static const struct fact_route *refuse_gateways(const struct build *b, struct eff_ra *e)
{
	const struct fact_route *unknown = NULL;
	bool any = false;

	for (size_t i = 0; i < b->facts->n_routes; i++) {
		const struct fact_route *r = &b->facts->routes[i];
		const struct fact_link *port = port_at(b, e, r->port);

		if (r->index != e->index)
			continue;
		any = true;
		if (port)
			refuse(b, e, port);
		else
			unknown = r;
		if (port && leads_out(port))
			e->way_out = port->index;
	}
	if (any && !e->way_out)
		keep_way_out(b, e);
	return unknown;
}

void build_guard(struct build *b, struct eff_ra *e)
{
	const struct fact_link *link = facts_link_at(b->facts, e->index), *out,
			       *uplink = facts_link(b->facts, b->eff->uplink);
	const struct fact_route *unknown;
	char text[ADDR_TEXT_LEN];

	if (!e->config->refuse_on_uplink || !link || strcmp(link->kind, "bridge") != 0)
		return;
	if (uplink && uplink->master == e->index)
		refuse(b, e, uplink);
	unknown = refuse_gateways(b, e);
	if (!e->n_refused && unknown)
		refuse_as_before(b, e);
	if (!e->n_refused && unknown)
		refuse_what_leads_out(b, e);
	if (e->n_refused)
		return;
	out = port_out(b->facts, e->index);
	if (unknown)
		reasons_add(&b->eff->reasons, EVENT_REACHES_PROVIDER,
			    "%s: advertisements may reach the provider: the bridge has not "
			    "heard of the gateway %s yet (ping it; or name the port in uplink, "
			    "or set refuse_on_uplink = false)",
			    e->name, addr_text(&unknown->gateway, text));
	else if (out)
		reasons_add(&b->eff->notes, EVENT_REACHES_PROVIDER,
			    "%s has a port that may lead out of this host, %s: advertisements "
			    "go there, too (name it in uplink to keep them off)",
			    e->name, out->name);
}

/* --- advertisements that the host itself follows ---------------------------------------- */

/* How to end it; text has room for any. */
static const char *fix(const struct eff_ra *e, const struct fact_hearing *h, char *text,
		       size_t size)
{
	switch (h->manager) {
	case FACT_MANAGER_NETWORKD:
		snprintf(text, size, "IPv6AcceptRA=no in %s; netplan: accept-ra: false",
			 h->file);
		break;
	case FACT_MANAGER_NETWORK_MANAGER:
		snprintf(text, size,
			 "nmcli connection modify CONNECTION ipv6.method manual; "
			 "sysctl -w net.ipv6.conf.%s.accept_ra=0",
			 e->name);
		break;
	case FACT_MANAGER_NONE:
		snprintf(text, size, "sysctl -w net.ipv6.conf.%s.accept_ra=0", e->name);
		break;
	}
	return text;
}

/* RFC 4861 6.2.1, and the kernel's Documentation/networking/ip-sysctl.rst: a router listens
 * only where accept_ra is 2. */
static bool is_listening(const struct eff_ra *e, const struct fact_hearing *h)
{
	return h->accept_ra == 2 || (h->accept_ra == 1 && !e->forwarding) || h->manager_listens;
}

void effective_hears(struct effective *eff, const struct facts *f, const struct eff_ra *e,
		     const struct fact_hearing *h)
{
	const struct fact_route *route = NULL, *v6 = NULL;
	bool uplink = effective_is_uplink(eff, f, e->index);
	char text[ADDR_TEXT_LEN], how[144];

	for (size_t i = 0; i < f->n_routes; i++) {
		if (f->routes[i].v4)
			continue;
		v6 = &f->routes[i];
		if (v6->from_ra && v6->index == e->index)
			route = v6;
	}
	fix(e, h, how, sizeof how);
	if (!uplink && route)
		reasons_add(&eff->reasons, EVENT_HOST_STEERED,
			    "the host took a default route from an advertisement of %s on %s "
			    "(%s; ip -6 route del default dev %s proto ra)",
			    addr_text(&route->gateway, text), e->name, how, e->name);
	else if (!uplink && is_listening(e, h))
		reasons_add(&eff->notes, EVENT_HOST_LISTENS,
			    "the host listens to advertisements on %s: a guest's could give it "
			    "a default route (%s)",
			    e->name, how);
	else if (uplink && is_listening(e, h))
		reasons_add(&eff->notes, EVENT_HOST_LISTENS,
			    "%s is the uplink, and the host listens to advertisements there: "
			    "also to guests' (drop theirs, or set a static default route and "
			    "accept_ra=0)",
			    e->name);
	else if (uplink && h->accept_ra == 1 && !v6)
		reasons_add(&eff->notes, EVENT_HOST_LISTENS,
			    "%s is the uplink, and a router hears no advertisements there: if "
			    "the default route comes by them, sysctl -w "
			    "net.ipv6.conf.%s.accept_ra=2",
			    e->name, e->name);
}
