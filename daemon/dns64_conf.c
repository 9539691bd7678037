/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns64_conf.h"

#include "config/config.h"

/* Durations of the engine are seconds: part of one counts as a whole. */
static uint32_t seconds(int64_t ms)
{
	int64_t s = ms / 1000 + (ms % 1000 > 0);

	return s < 0 ? 0 : s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static enum dns_on_error on_error(enum config_on_error v)
{
	switch (v) {
	case CONFIG_ON_ERROR_NO:
		return DNS_ON_ERROR_NO;
	case CONFIG_ON_ERROR_YES:
		return DNS_ON_ERROR_YES;
	case CONFIG_ON_ERROR_UNLESS_BOGUS:
		return DNS_ON_ERROR_UNLESS_BOGUS;
	}
	return DNS_ON_ERROR_UNLESS_BOGUS;
}

static bool build_local(struct memory *m, const struct config_local *from,
			struct dns_local_conf *out)
{
	struct in6_addr *aaaa = memory_take(m, from->aaaa.n * sizeof *aaaa);
	struct in_addr *a = memory_take(m, from->a.n * sizeof *a);

	if (!aaaa || !a)
		return false;
	for (size_t i = 0; i < from->aaaa.n; i++)
		aaaa[i] = from->aaaa.v[i].addr;
	for (size_t i = 0; i < from->a.n; i++)
		a[i] = addr_v4(&from->a.v[i].addr);
	*out = (struct dns_local_conf){ .name = from->name,
					.aaaa = aaaa,
					.n_aaaa = from->aaaa.n,
					.a = a,
					.n_a = from->a.n,
					.ptr = from->ptr };
	return true;
}

static bool build_locals(struct memory *m, const struct config_dns64 *c, struct dns_conf *out)
{
	struct dns_local_conf *local = memory_take(m, c->n_local * sizeof *local);

	for (size_t i = 0; local && i < c->n_local; i++)
		if (!build_local(m, &c->local[i], &local[i]))
			return false;
	out->local = local;
	out->n_local = c->n_local;
	return local;
}

static bool build_dns(struct memory *m, const struct effective *e, struct dns_conf *out)
{
	const struct config_dns64 *c = &e->config->dns64;
	struct dns_zone_conf *zones = memory_take(m, e->dns64.n_zones * sizeof *zones);

	*out = (struct dns_conf){
		.prefix = e->config->nat64.prefix,
		.destinations = e->dns64.destinations,
		.allow_query = e->dns64.allow_query,
		.clients = e->dns64.clients,
		.exclude_aaaa = c->exclude_aaaa.v,
		.n_exclude_aaaa = c->exclude_aaaa.n,
		.exclude_names = c->exclude_names.v,
		.n_exclude_names = c->exclude_names.n,
		.zones = zones,
		.n_zones = e->dns64.n_zones,
		.synthesize_on_error = on_error(c->synthesize_on_error),
		.validating = c->dnssec == CONFIG_DNSSEC_VALIDATE,
		.cache_size = c->cache_size,
		.max_ttl_s = seconds(c->max_ttl_ms),
		.negative_ttl_s = seconds(c->negative_ttl_ms),
		.serve_stale_s = seconds(c->serve_stale_ms),
		.udp_payload = (uint16_t)c->udp_payload,
		.timeout_ms = (uint64_t)c->timeout_ms,
		.max_queries_per_client = c->max_queries_per_client,
		.tcp_idle_s = DNS64_TCP_IDLE_S,
	};
	if (!zones)
		return false;
	for (size_t i = 0; i < e->dns64.n_zones; i++)
		zones[i].name = e->dns64.zones[i].name;
	return build_locals(m, c, out);
}

static bool build_set(struct memory *m, const struct eff_endpoints *from,
		      struct forward_set *out)
{
	struct forward_peer *peers = memory_take(m, from->n * sizeof *peers);

	if (!peers)
		return false;
	for (size_t i = 0; i < from->n; i++)
		peers[i] = (struct forward_peer){ from->v[i].addr, from->v[i].port,
						  from->v[i].scope };
	*out = (struct forward_set){ peers, from->n };
	return true;
}

static bool build_forward(struct memory *m, const struct effective *e, struct forward_conf *out)
{
	const struct eff_dns64 *d = &e->dns64;
	struct forward_set *sets = memory_take(m, (d->n_zones + 1) * sizeof *sets);

	if (!sets || !build_set(m, &d->forwarders, &sets[0]))
		return false;
	for (size_t i = 0; i < d->n_zones; i++)
		if (!build_set(m, &d->zones[i].forwarders, &sets[i + 1]))
			return false;
	*out = (struct forward_conf){ sets, d->n_zones + 1,
				      (uint64_t)e->config->dns64.timeout_ms };
	return true;
}

static struct validator_conf validator_of(const struct dns64_conf *c, const struct effective *e)
{
	const struct config_dns64 *d = &e->config->dns64;

	return (struct validator_conf){ .forward = &c->forward,
					.zones = c->dns.zones,
					.anchors = d->trust_anchors.v,
					.n_anchors = d->trust_anchors.n,
					.except = d->validate_except.v,
					.n_except = d->validate_except.n,
					.state_directory = e->state_directory };
}

bool dns64_conf_build(struct dns64_conf *out, const struct effective *e)
{
	struct dns64_conf c = { .memory = memory_new() };

	if (!c.memory || !build_dns(c.memory, e, &c.dns) ||
	    !build_forward(c.memory, e, &c.forward)) {
		memory_free(c.memory);
		return false;
	}
	*out = c;
	out->validator = validator_of(out, e);
	return true;
}

void dns64_conf_done(struct dns64_conf *c)
{
	memory_free(c->memory);
	*c = (struct dns64_conf){ 0 };
}
