/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ra_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum ra_preference preference_of(enum config_preference p)
{
	switch (p) {
	case CONFIG_PREFERENCE_LOW:
		return RA_PREFERENCE_LOW;
	case CONFIG_PREFERENCE_MEDIUM:
		return RA_PREFERENCE_MEDIUM;
	case CONFIG_PREFERENCE_HIGH:
		return RA_PREFERENCE_HIGH;
	}
	return RA_PREFERENCE_MEDIUM;
}

bool ra_conf_has_source(const struct eff_ra *e)
{
	return e->index && !addr_is_unspecified(&e->link_local);
}

bool ra_conf_mtu_fits(const struct eff_ra *e)
{
	return e->config->mtu <= e->mtu;
}

static struct ra_header header_of(const struct eff_ra *e)
{
	const struct config_ra *c = e->config;
	struct ra_header h = {
		.hop_limit = (uint8_t)c->hop_limit,
		.managed = c->managed,
		.other = c->other,
		.preference = preference_of(c->preference),
		.reachable_ms = (uint32_t)c->reachable_time_ms,
		.retrans_ms = (uint32_t)c->retrans_timer_ms,
		.mtu = ra_conf_mtu_fits(e) ? c->mtu : 0,
		.has_mac = c->source_link_layer && e->has_mac,
	};

	if (h.has_mac)
		memcpy(h.mac, e->mac, sizeof h.mac);
	return h;
}

struct list {
	struct radv_item *v;
	size_t n;
};

static void add_prefixes(struct list *l, const struct eff_ra *e)
{
	for (size_t i = 0; i < e->n_prefixes; i++) {
		const struct eff_ra_prefix *p = &e->prefixes[i];

		l->v[l->n++] = (struct radv_item){
			.kind = RA_PREFIX,
			.addr = p->prefix.addr,
			.len = p->prefix.len,
			.router_address = p->router_address,
			.on_link = p->on_link,
			.autonomous = p->autonomous,
			.found = p->is_auto,
			.lifetime_ms = p->valid_ms,
			.preferred_ms = p->preferred_ms,
			.valid_until_ms = p->valid_until_ms,
			.preferred_until_ms = p->preferred_until_ms,
		};
	}
}

static void add_routes(struct list *l, const struct eff_ra *e, const struct pref64 *nat64)
{
	const struct config_ra *c = e->config;

	for (size_t i = 0; i < c->n_routes; i++) {
		const struct config_ra_route *r = &c->routes[i];

		if (r->is_nat64 && e->nat64_route == EFF_NAT64_ABSENT)
			continue;
		l->v[l->n++] = (struct radv_item){
			.kind = RA_ROUTE,
			.addr = r->is_nat64 ? nat64->prefix : r->prefix.addr,
			.len = r->is_nat64 ? nat64->len : r->prefix.len,
			.preference = preference_of(r->preference),
			.withheld = r->is_nat64 && e->nat64_route == EFF_NAT64_WITHHELD,
			.lifetime_ms = r->lifetime_ms,
		};
	}
}

static void add_pref64(struct list *l, const struct eff_ra *e, const struct pref64 *nat64)
{
	const struct config_ra *c = e->config;

	for (size_t i = 0; i < c->n_pref64; i++) {
		const struct config_ra_pref64 *p = &c->pref64[i];
		const struct pref64 *prefix = p->is_nat64 ? nat64 : &p->prefix;

		if (p->is_nat64 && e->nat64_pref64 == EFF_NAT64_ABSENT)
			continue;
		l->v[l->n++] = (struct radv_item){
			.kind = RA_PREF64,
			.addr = prefix->prefix,
			.len = prefix->len,
			.withheld = p->is_nat64 && e->nat64_pref64 == EFF_NAT64_WITHHELD,
			.lifetime_ms = p->lifetime_ms,
		};
	}
}

static void add_rdnss(struct list *l, const struct eff_ra *e)
{
	for (size_t i = 0; i < e->n_rdnss; i++)
		for (size_t j = 0; j < e->rdnss[i].n; j++)
			l->v[l->n++] = (struct radv_item){
				.kind = RA_RDNSS,
				.addr = e->rdnss[i].servers[j],
				.lifetime_ms = e->rdnss[i].lifetime_ms,
			};
}

static void add_dnssl(struct list *l, const struct config_ra *c)
{
	for (size_t i = 0; i < c->n_dnssl; i++)
		for (size_t j = 0; j < c->dnssl[i].domains.n; j++)
			l->v[l->n++] = (struct radv_item){
				.kind = RA_DNSSL,
				.text = c->dnssl[i].domains.v[j],
				.lifetime_ms = c->dnssl[i].lifetime_ms,
			};
}

static size_t count_items(const struct eff_ra *e)
{
	const struct config_ra *c = e->config;
	size_t n = e->n_prefixes + c->n_routes + c->n_pref64 + 1;

	for (size_t i = 0; i < e->n_rdnss; i++)
		n += e->rdnss[i].n;
	for (size_t i = 0; i < c->n_dnssl; i++)
		n += c->dnssl[i].domains.n;
	return n;
}

int ra_conf_prepare(struct radv *radv, uint64_t now_ms, const struct eff_ra *e,
		    const struct config_nat64 *nat64)
{
	const struct config_ra *c = e->config;
	struct list l = { .v = calloc(count_items(e) + 1, sizeof *l.v) };
	int error = -ENOMEM;

	if (l.v) {
		add_prefixes(&l, e);
		add_routes(&l, e, &nat64->prefix);
		add_rdnss(&l, e);
		add_dnssl(&l, c);
		add_pref64(&l, e, &nat64->prefix);
		if (c->captive_portal && *c->captive_portal)
			l.v[l.n++] = (struct radv_item){ .kind = RA_CAPTIVE_PORTAL,
							 .text = c->captive_portal };
		error = radv_prepare(
			radv, now_ms,
			&(struct radv_conf){ .link = e->index,
					     .ready = e->up && e->running &&
						      ra_conf_has_source(e),
					     .forwarding = e->forwarding,
					     .link_local = e->link_local,
					     .min_interval_ms = e->min_interval_ms,
					     .max_interval_ms = e->max_interval_ms,
					     .router_lifetime_ms = e->router_lifetime_ms,
					     .header = header_of(e),
					     .items = l.v,
					     .n = l.n });
	}
	free(l.v);
	return error;
}
