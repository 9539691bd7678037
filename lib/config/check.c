/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct check {
	const struct config *c;
	struct check_build build;
	struct option_reader *r;
};

static const struct option_mark *mark_of(const struct check *k, const void *field)
{
	for (size_t i = 0; i < k->r->n_marks; i++)
		if (k->r->marks[i].field == field)
			return &k->r->marks[i];
	return NULL;
}

/* May this be held against the operator? */
static bool counts(const struct option_mark *m)
{
	return m && !m->refused && !m->open;
}

/* A contradiction between two fields (other may be NULL), told at the one that was written. */
static void tell(const struct check *k, bool warning, const void *field, const void *other,
		 const char *hint, const char *fmt, va_list args)
{
	const struct option_mark *m = mark_of(k, field);
	const struct option_mark *o = other ? mark_of(k, other) : m;
	struct option_error e = { .hint = hint, .warning = warning };
	char text[400];

	if (!counts(m) || !counts(o))
		return;
	if (!m->given && o->given)
		m = o;
	e.line = m->line;
	e.key = m->key;
	vsnprintf(text, sizeof text, fmt, args);
	e.text = memory_copy(k->r->scratch, text, strlen(text));
	if (e.text)
		option_report(k->r, &e);
	else
		k->r->no_memory = true;
}

__attribute__((format(printf, 5, 6))) static void refuse(const struct check *k,
							 const void *field, const void *other,
							 const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tell(k, false, field, other, hint, fmt, args);
	va_end(args);
}

__attribute__((format(printf, 5, 6))) static void warn(const struct check *k, const void *field,
						       const void *other, const char *hint,
						       const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tell(k, true, field, other, hint, fmt, args);
	va_end(args);
}

/* Two fields that exclude each other, told at the one that was written with the other's name
 * between two pieces of text. */
static void refuse_pair(const struct check *k, const void *field, const void *other,
			const char *hint, const char *before, const char *after)
{
	const struct option_mark *m = mark_of(k, field), *o = mark_of(k, other);

	if (m && o)
		refuse(k, field, other, hint, "%s%s%s", before,
		       m->given || !o->given ? o->key : m->key, after);
}

/* How to call a field in a message about another. */
static const char *name_of(const struct check *k, const void *field)
{
	const struct option_mark *m = mark_of(k, field);

	return m ? m->key : "";
}

static void check_interfaces(const struct check *k)
{
	const struct config *c = k->c;
	const char *device = c->nat64.device;

	for (size_t i = 0; i < c->interfaces.n; i++) {
		for (size_t j = 0; j < i; j++)
			if (strcmp(c->interfaces.v[i], c->interfaces.v[j]) == 0)
				refuse(k, &c->interfaces.v[i], NULL, "", "given twice");
		if (device && strcmp(c->interfaces.v[i], device) == 0)
			refuse(k, &c->interfaces.v[i], &c->nat64.device, "",
			       "is nat64.device, which has no guests");
	}
	if (c->uplink && device && strcmp(c->uplink, device) == 0)
		refuse(k, &c->uplink, &c->nat64.device, "", "is nat64.device");
}

static struct prefix4 pool4(const struct prefix6 *p)
{
	return (struct prefix4){ addr_v4(&p->addr), (uint8_t)(p->len - 96) };
}

static void check_pools(const struct check *k)
{
	const struct config_nat64 *n = &k->c->nat64;
	const struct config_nets *pools = &n->dynamic_pool;

	if (n->enabled && !pools->n && n->ipv4_auto)
		refuse(k, &n->dynamic_pool, &n->ipv4_address, "give nat64.ipv4_address",
		       "an empty pool leaves the translator without an address");
	for (size_t i = 0; i < pools->n; i++) {
		struct prefix4 p = pool4(&pools->v[i]);

		for (size_t j = 0; j < i; j++) {
			struct prefix4 q = pool4(&pools->v[j]);

			if (prefix4_overlaps(&p, &q))
				refuse_pair(k, &pools->v[i], &pools->v[j], "", "overlaps ", "");
		}
		if (!n->ipv4_auto && (n->ipv4_address.s_addr == p.addr.s_addr ||
				      n->ipv4_address.s_addr == prefix4_last(&p).s_addr))
			refuse(k, &n->ipv4_address, &pools->v[i],
			       "any between, or one outside the pool",
			       "is the first or last address of %s", name_of(k, &pools->v[i]));
		if (n->masquerade == CONFIG_MASQUERADE_SOURCE &&
		    prefix4_has(&p, n->masquerade_source))
			refuse(k, &n->masquerade, &pools->v[i],
			       "an address of the host, or \"auto\"", "is in %s",
			       name_of(k, &pools->v[i]));
	}
	if (n->masquerade == CONFIG_MASQUERADE_SOURCE && !n->ipv4_auto &&
	    n->masquerade_source.s_addr == n->ipv4_address.s_addr)
		refuse(k, &n->masquerade, &n->ipv4_address,
		       "an address of the host, or \"auto\"",
		       "is the translator's own address");
}

/* RFC 7757 3.2: each IPv4 address of a map has its IPv6 address. */
static void check_maps(const struct check *k)
{
	const struct config_nat64 *n = &k->c->nat64;

	for (size_t i = 0; i < n->n_maps; i++) {
		const struct config_map *m = &n->maps[i];

		if (32 - m->ipv4.len > 128 - m->ipv6.len)
			refuse(k, &m->ipv6, &m->ipv4, "", "has fewer addresses than %s",
			       name_of(k, &m->ipv4));
		if (m->ipv4.len == 32 && !n->ipv4_auto &&
		    m->ipv4.addr.s_addr == n->ipv4_address.s_addr)
			refuse(k, &m->ipv4, &n->ipv4_address, "",
			       "is the translator's own address");
		if (m->ipv6.len == 128 && !n->ipv6_auto &&
		    addr_equal(&m->ipv6.addr, &n->ipv6_address))
			refuse(k, &m->ipv6, &n->ipv6_address, "",
			       "is the translator's own address");
		for (size_t j = 0; j < i; j++) {
			const struct config_map *o = &n->maps[j];

			if (m->ipv4.len == o->ipv4.len &&
			    m->ipv4.addr.s_addr == o->ipv4.addr.s_addr)
				refuse_pair(k, &m->ipv4, &o->ipv4, "", "is mapped by ",
					    " already");
			if (prefix6_equal(&m->ipv6, &o->ipv6))
				refuse_pair(k, &m->ipv6, &o->ipv6, "", "is mapped by ",
					    " already");
		}
	}
}

static void check_nat64(const struct check *k)
{
	const struct config_nat64 *n = &k->c->nat64;
	struct in_addr inside;

	if (n->fragment_mtu > n->mtu)
		refuse(k, &n->fragment_mtu, &n->mtu, "", "%u is above nat64.mtu, %u",
		       n->fragment_mtu, n->mtu);
	if (n->ipv6_auto || !pref64_extract(&n->prefix, &n->ipv6_address, &inside))
		return;
	if (pref64_is_well_known(&n->prefix))
		refuse(k, &n->ipv6_address, &n->prefix, "an address outside, or \"auto\"",
		       "is in 64:ff9b::/96, which is for others' addresses");
	else if (!n->ipv4_auto && inside.s_addr != n->ipv4_address.s_addr)
		refuse(k, &n->ipv6_address, &n->ipv4_address, "\"auto\" gives the right one",
		       "is in nat64.prefix but stands for another address than ipv4_address");
}

static bool same_host(const struct config_endpoint *a, const struct config_endpoint *b)
{
	return addr_equal(&a->addr, &b->addr) &&
	       (!a->zone || !b->zone || strcmp(a->zone, b->zone) == 0);
}

/* A resolver that asks itself never gets an answer. */
static void check_servers(const struct check *k, const struct config_endpoints *servers)
{
	const struct config_dns64 *d = &k->c->dns64;

	for (size_t i = 0; i < servers->n; i++) {
		const struct config_endpoint *e = &servers->v[i];

		for (size_t j = 0; j < i; j++)
			if (same_host(e, &servers->v[j]) && e->port == servers->v[j].port)
				refuse(k, e, &servers->v[j], "", "given twice");
		for (size_t j = 0; j < d->listen.n; j++)
			if (d->enabled && same_host(e, &d->listen.v[j]) && e->port == d->port)
				refuse(k, e, &d->listen.v[j], "it would ask itself", "is %s",
				       name_of(k, &d->listen.v[j]));
	}
}

static void check_dns64(const struct check *k)
{
	const struct config_dns64 *d = &k->c->dns64;

	if (d->enabled && !d->listen.n && !d->listen_auto)
		refuse(k, &d->listen, &d->enabled, "or dns64.enabled = false",
		       "no address to answer on");
	for (size_t i = 0; i < d->listen.n; i++)
		for (size_t j = 0; j < i; j++)
			if (same_host(&d->listen.v[i], &d->listen.v[j]))
				refuse(k, &d->listen.v[i], &d->listen.v[j], "", "given twice");
	check_servers(k, &d->forwarders);
	for (size_t i = 0; i < d->n_zones; i++) {
		check_servers(k, &d->zones[i].forwarders);
		for (size_t j = 0; j < i; j++)
			if (d->zones[i].name && d->zones[j].name &&
			    strcmp(d->zones[i].name, d->zones[j].name) == 0)
				refuse_pair(k, &d->zones[i].name, &d->zones[j].name, "",
					    "has forwarders already, by ", "");
	}
	for (size_t i = 0; i < d->n_local; i++) {
		const struct config_local *l = &d->local[i];

		if (!l->a.n && !l->aaaa.n)
			refuse(k, &l->name, NULL, "give aaaa or a", "has no address");
		for (size_t j = 0; j < i; j++)
			if (l->name && d->local[j].name &&
			    strcmp(l->name, d->local[j].name) == 0)
				refuse_pair(k, &l->name, &d->local[j].name,
					    "one entry, several addresses", "is ", " already");
	}
	if (d->dnssec == CONFIG_DNSSEC_VALIDATE && !k->build.validates)
		refuse(k, &d->dnssec, NULL, "\"pass\", or build with -Ddnssec=enabled",
		       "\"validate\": this v6gwd is built without validation");
}

/* RFC 4861 6.2.1, RFC 8319 4. */
static void check_times(const struct check *k, const struct config_ra *a)
{
	char x[OPTION_DURATION_LEN], y[OPTION_DURATION_LEN];
	int64_t most = a->max_interval_ms / 4 * 3;

	if (a->min_interval_ms > most)
		refuse(k, &a->min_interval_ms, &a->max_interval_ms, "RFC 4861 6.2.1",
		       "%s is above 0.75 x max_interval, %s",
		       option_duration(a->min_interval_ms, x), option_duration(most, y));
	if (a->router_lifetime_ms > 0 && a->router_lifetime_ms < a->max_interval_ms)
		refuse(k, &a->router_lifetime_ms, &a->max_interval_ms,
		       "\"0s\", or at least max_interval",
		       "%s ends before the next advertisement, after up to %s",
		       option_duration(a->router_lifetime_ms, x),
		       option_duration(a->max_interval_ms, y));
	if (a->mtu && a->mtu < 1280)
		refuse(k, &a->mtu, NULL, "0, or 1280 to 65535", "%u is out of range", a->mtu);
}

static void check_prefixes(const struct check *k, const struct config_ra *a)
{
	char x[OPTION_DURATION_LEN], y[OPTION_DURATION_LEN];

	for (size_t i = 0; i < a->n_prefixes; i++) {
		const struct config_ra_prefix *p = &a->prefixes[i];

		if (p->preferred_ms > p->valid_ms)
			refuse(k, &p->preferred_ms, &p->valid_ms, "give both",
			       "preferred, %s, is longer than valid, %s",
			       option_duration(p->preferred_ms, x),
			       option_duration(p->valid_ms, y));
		if (p->autonomous && !p->is_auto && p->prefix.len != 64)
			warn(k, &p->prefix, NULL, "or autonomous = false",
			     "guests make no address in a prefix of length %u", p->prefix.len);
		for (size_t j = 0; j < i; j++) {
			const struct config_ra_prefix *o = &a->prefixes[j];

			if (p->is_auto == o->is_auto &&
			    (p->is_auto || prefix6_equal(&p->prefix, &o->prefix)))
				refuse_pair(k, &p->prefix, &o->prefix, "", "is ", " already");
		}
	}
}

/* "nat64" and its value written out are the same prefix. */
static struct prefix6 route_prefix(const struct check *k, const struct config_ra_route *r)
{
	const struct pref64 *p = &k->c->nat64.prefix;

	return r->is_nat64 ? (struct prefix6){ p->prefix, p->len } : r->prefix;
}

static void warn_short(const struct check *k, const struct config_ra *a,
		       const int64_t *lifetime)
{
	char x[OPTION_DURATION_LEN], y[OPTION_DURATION_LEN];

	if (*lifetime > 0 && *lifetime < a->max_interval_ms)
		warn(k, lifetime, &a->max_interval_ms, "at least max_interval",
		     "%s ends before the next advertisement, after up to %s",
		     option_duration(*lifetime, x), option_duration(a->max_interval_ms, y));
}

/* "nat64" written out, and nothing here that translates. */
static void warn_not_served(const struct check *k, bool given, const void *prefix)
{
	if (given && !k->c->nat64.enabled)
		warn(k, prefix, NULL,
		     "right where another router translates it, else leave it out",
		     "\"nat64\" is announced although nat64.enabled is false");
}

static void check_routes(const struct check *k, const struct config_ra *a)
{
	for (size_t i = 0; i < a->n_routes; i++) {
		struct prefix6 p = route_prefix(k, &a->routes[i]);

		warn_not_served(k, a->routes_given && a->routes[i].is_nat64,
				&a->routes[i].prefix);
		warn_short(k, a, &a->routes[i].lifetime_ms);
		for (size_t j = 0; j < i; j++) {
			struct prefix6 o = route_prefix(k, &a->routes[j]);

			if (prefix6_equal(&p, &o))
				refuse_pair(k, &a->routes[i].prefix, &a->routes[j].prefix, "",
					    "is ", " already");
		}
	}
}

static void check_pref64(const struct check *k, const struct config_ra *a)
{
	for (size_t i = 0; i < a->n_pref64; i++) {
		const struct config_ra_pref64 *p = &a->pref64[i];
		const struct pref64 *own = &k->c->nat64.prefix;
		const struct pref64 *x = p->is_nat64 ? own : &p->prefix;

		warn_not_served(k, a->pref64_given && p->is_nat64, &p->prefix);
		if (x->len != own->len || !addr_equal(&x->prefix, &own->prefix))
			warn(k, &p->prefix, NULL, "right where another router translates it",
			     "is announced, but is not nat64.prefix");
		warn_short(k, a, &p->lifetime_ms);
		for (size_t j = 0; j < i; j++) {
			const struct config_ra_pref64 *o = &a->pref64[j];
			const struct pref64 *y = o->is_nat64 ? own : &o->prefix;

			if (x->len == y->len && addr_equal(&x->prefix, &y->prefix))
				refuse_pair(k, &p->prefix, &o->prefix, "", "is ", " already");
		}
	}
}

static void check_rdnss(const struct check *k, const struct config_ra *a)
{
	const struct config_dns64 *d = &k->c->dns64;

	for (size_t i = 0; i < a->n_rdnss; i++) {
		const struct config_ra_rdnss *r = &a->rdnss[i];

		warn_short(k, a, &r->lifetime_ms);
		if (!a->rdnss_given && d->enabled && d->port != 53)
			warn(k, &d->port, NULL, "name one in ra.rdnss, or rdnss = ( )",
			     "guests are told of no resolver: they ask on port 53 alone");
		if (a->rdnss_given && r->servers.has_auto && (!d->enabled || d->port != 53))
			warn(k, &r->servers, NULL, "give addresses, or rdnss = ( )",
			     "\"auto\" stands for no resolver: %s",
			     d->enabled ? "dns64.port is not 53" : "dns64.enabled is false");
	}
}

static void check_interface(const struct check *k, size_t i)
{
	const struct config_ra *a = &k->c->ra[i];
	const char *device = k->c->nat64.device;

	if (a->interface && device && strcmp(a->interface, device) == 0)
		refuse(k, &a->interface, &k->c->nat64.device, "",
		       "is nat64.device, which has no guests");
	for (size_t j = 0; j < i; j++) {
		const struct config_ra *o = &k->c->ra[j];

		if (a->interface && o->interface ? strcmp(a->interface, o->interface) == 0
						 : a->interface == o->interface)
			refuse_pair(k, &a->interface, &o->interface,
				    "one entry for an interface", "has an entry already, by ",
				    "");
	}
}

static void check_ra(const struct check *k)
{
	for (size_t i = 0; i < k->c->n_ra; i++) {
		const struct config_ra *a = &k->c->ra[i];

		check_interface(k, i);
		check_times(k, a);
		check_prefixes(k, a);
		check_routes(k, a);
		check_pref64(k, a);
		check_rdnss(k, a);
		for (size_t j = 0; j < a->n_dnssl; j++)
			warn_short(k, a, &a->dnssl[j].lifetime_ms);
	}
}

void config_check(const struct config *c, struct check_build build, struct option_reader *r)
{
	struct check k = { c, build, r };

	check_interfaces(&k);
	check_pools(&k);
	check_maps(&k);
	check_nat64(&k);
	check_dns64(&k);
	check_ra(&k);
}
