/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_dns64_report.c - what the DNS64 plane says of itself: status, all of it, counters. */
#include "dns/msg.h"
#include "event.h"
#include "plane_dns64_priv.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

#define ENDPOINT_LEN (ADDR_TEXT_LEN + FACT_NAME_LEN + 8)

enum set_state { SET_WELL, SET_REFUSES, SET_SILENT };

/* One that answers makes a set well.  until_ms: when one that refuses is asked like others. */
static enum set_state set_state(const struct plane_dns64 *p, unsigned set, uint64_t *until_ms)
{
	uint64_t now_ms = ev_now_ms(p->env.loop);
	enum set_state state = SET_SILENT;
	struct forward_health h;
	size_t i;

	*until_ms = UINT64_MAX;
	for (i = 0; forward_health_of(p->forward, set, i, &h); i++) {
		if (!h.healthy)
			continue;
		if (h.shunned_until_ms <= now_ms || h.complaint != RCODE_REFUSED)
			return SET_WELL;
		state = SET_REFUSES;
		if (h.shunned_until_ms < *until_ms)
			*until_ms = h.shunned_until_ms;
	}
	return i ? state : SET_WELL;
}

static void add_reason(const struct plane_dns64 *p, unsigned set, enum set_state state,
		       struct reasons *r)
{
	const char *zone = set ? p->effective->dns64.zones[set - 1].name : "";
	const char *of = set ? " of zone " : "",
		   *key = set ? "dns64.zones" : "dns64.forwarders";

	if (state == SET_SILENT)
		reasons_add(r, EVENT_NO_FORWARDER,
			    "no forwarder%s%.80s answers (v6gwctl dns): check %s, the %s, and "
			    "that UDP port 53 gets through",
			    of, zone, key, set ? "way there" : "uplink");
	else if (state == SET_REFUSES)
		reasons_add(r, EVENT_FORWARDERS_REFUSE,
			    "each forwarder%s%.80s refuses what it is asked (REFUSED): let it "
			    "answer this host, or set %s",
			    of, zone, key);
}

struct dns64_sets plane_dns64_sets(const struct plane_dns64 *p, struct reasons *r)
{
	struct dns64_sets out = { .changes_ms = UINT64_MAX };

	for (unsigned set = 0; set < p->conf.forward.n_sets; set++) {
		uint64_t until_ms;
		enum set_state state = set_state(p, set, &until_ms);

		out.silent += state == SET_SILENT;
		out.digest = out.digest * 31 + state;
		if (state == SET_REFUSES && until_ms < out.changes_ms)
			out.changes_ms = until_ms;
		if (r)
			add_reason(p, set, state, r);
	}
	return out;
}

/* "2001:db8::53", "fe80::1%br0@5353": as it would stand in the file. */
static const char *endpoint_text(const struct plane_dns64 *p, const struct eff_endpoint *e,
				 char out[ENDPOINT_LEN])
{
	const struct fact_link *link =
		e->scope ? facts_link_at(link_facts(p->env.link), e->scope) : NULL;
	const char *sign = link ? "%" : "", *name = link ? link->name : "";
	char text[ADDR_TEXT_LEN];

	addr_text(&e->addr, text);
	if (e->port == 53)
		snprintf(out, ENDPOINT_LEN, "%s%s%s", text, sign, name);
	else
		snprintf(out, ENDPOINT_LEN, "%s%s%s@%u", text, sign, name, e->port);
	return out;
}

static void report_endpoint(const struct plane_dns64 *p, struct report *r, const char *key,
			    const struct eff_endpoint *e)
{
	char text[ENDPOINT_LEN];

	report_text(r, key, endpoint_text(p, e, text));
}

static struct eff_endpoint endpoint_of(const struct forward_peer *peer)
{
	return (struct eff_endpoint){ peer->addr, peer->port, peer->scope };
}

static void tell_forwarder(const struct plane_dns64 *p, const struct forward_health *h)
{
	struct eff_endpoint at = endpoint_of(&h->peer);
	char text[ENDPOINT_LEN];
	const struct log_fields fields = { .name = endpoint_text(p, &at, text) };

	if (h->healthy)
		event_show(EVENT_FORWARDER_UP, &fields, "forwarder %s answers again", text);
	else
		event_show(EVENT_FORWARDER_DOWN, &fields, "forwarder %s does not answer", text);
}

void plane_dns64_see_forwarders(struct plane_dns64 *p)
{
	struct forward_health h;
	bool tell = p->watched;
	uint64_t before = p->dead;

	p->watched = event_wanted(EVENT_FORWARDER_DOWN);
	if (!p->watched)
		return;
	p->dead = 0;
	for (size_t i = 0; i < 64 && forward_health_at(p->forward, i, &h); i++) {
		uint64_t bit = (uint64_t)1 << i;

		p->dead |= h.healthy ? 0 : bit;
		if (tell && (p->dead & bit) != (before & bit))
			tell_forwarder(p, &h);
	}
}

static void report_forwarder(const struct plane_dns64 *p, struct report *r,
			     const struct forward_health *h)
{
	struct eff_endpoint at = endpoint_of(&h->peer);

	report_endpoint(p, r, "address", &at);
	report_bool(r, "healthy", h->healthy);
	if (h->rtt_ms)
		report_number(r, "rtt_ms", h->rtt_ms);
	else
		report_null(r, "rtt_ms");
	report_number(r, "asked", h->asked);
	report_number(r, "answered", h->answered);
	report_number(r, "timeouts", h->timeouts);
	report_number(r, "errors", h->errors);
}

static void report_forwarders(const struct plane_dns64 *p, struct report *r)
{
	struct forward_health h;

	report_list(r, "forwarders");
	for (size_t i = 0; forward_health_at(p->forward, i, &h); i++) {
		report_object(r, NULL);
		report_forwarder(p, r, &h);
		report_end(r);
	}
	report_end(r);
}

static void report_cache(const struct plane_dns64 *p, struct report *r)
{
	struct dns_cache_usage usage;

	dns_cache_usage(p->dns, &usage);
	report_object(r, "cache");
	report_number(r, "entries", usage.entries);
	report_number(r, "bytes", usage.bytes);
	report_number(r, "limit", usage.limit);
	report_end(r);
}

void plane_dns64_report(const void *plane, struct report *r)
{
	const struct plane_dns64 *p = plane;
	const struct eff_endpoints *listen;
	const uint64_t *counts;

	if (!p->dns || !p->effective)
		return;
	listen = &p->effective->dns64.listen;
	counts = dns_counts(p->dns);
	report_list(r, "listen");
	for (size_t i = 0; i < listen->n; i++)
		if (dns_listen_bound(p->listen, &listen->v[i]))
			report_endpoint(p, r, NULL, &listen->v[i]);
	report_end(r);
	report_forwarders(p, r);
	report_number(r, "queries", counts[DNS_COUNT_QUERIES]);
	report_number(r, "hits", counts[DNS_COUNT_HITS]);
	report_number(r, "synthesized", counts[DNS_COUNT_SYNTHESIZED]);
	report_number(r, "in_flight", dns_in_flight(p->dns));
	report_number(r, "tcp_clients", dns_listen_tcp_clients(p->listen));
	report_cache(p, r);
}

void plane_dns64_look(const void *plane, struct plane_dns64_look *out)
{
	const struct plane_dns64 *p = plane;
	struct forward_health h;

	memset(out, 0, sizeof *out);
	if (!p->dns)
		return;
	out->bound = dns_listen_count(p->listen);
	dns_listen_reasons(p->listen, &out->listen);
	for (; forward_health_at(p->forward, out->forwarders, &h); out->forwarders++)
		out->silent += !h.healthy;
}

uint64_t plane_dns64_heard(const void *plane, const struct in6_addr *addr, const uint8_t *mac)
{
	const struct plane_dns64 *p = plane;
	uint64_t last = 0;

	for (size_t i = 0; i < HEARD_MAX; i++) {
		const struct heard *h = &p->heard[i];

		if (h->at_ms > last &&
		    (addr_equal(&h->addr, addr) ||
		     (mac && h->has_mac && memcmp(h->mac, mac, ADDR_MAC_LEN) == 0)))
			last = h->at_ms;
	}
	return last;
}

static const char *const names[] = {
#define X(id, name, text, rfc) "dns64." name,
	DNS_COUNTERS(X)
#undef X
};

bool plane_dns64_counter(const void *plane, size_t i, struct counter *out)
{
	const struct plane_dns64 *p = plane;

	if (!p->dns || i >= DNS_COUNT_COUNT)
		return false;
	*out = (struct counter){ names[i], dns_count_texts[i].text, dns_count_texts[i].rfc,
				 dns_counts(p->dns)[i] };
	return true;
}

/* All. */

static void report_listeners(const struct plane_dns64 *p, struct report *r)
{
	const struct eff_endpoints *listen = &p->effective->dns64.listen;

	report_list(r, "listen");
	for (size_t i = 0; i < listen->n; i++) {
		report_object(r, NULL);
		report_endpoint(p, r, "address", &listen->v[i]);
		report_bool(r, "bound", dns_listen_bound(p->listen, &listen->v[i]));
		report_end(r);
	}
	report_end(r);
}

/* The forwarders of a set, and how they are asked now. */
static void report_set(const struct plane_dns64 *p, struct report *r, unsigned set)
{
	uint64_t now_ms = ev_now_ms(p->env.loop);
	struct forward_health h;

	for (size_t i = 0; forward_health_of(p->forward, set, i, &h); i++) {
		report_object(r, NULL);
		if (set)
			report_text(r, "zone", p->effective->dns64.zones[set - 1].name);
		else
			report_null(r, "zone");
		report_forwarder(p, r, &h);
		report_bool(r, "edns", h.no_edns_until_ms <= now_ms);
		report_bool(r, "mixed_case", h.no_case_until_ms <= now_ms);
		report_bool(r, "avoided", h.shunned_until_ms > now_ms);
		if (h.probe_ms == UINT64_MAX)
			report_null(r, "probe_ms");
		else
			report_number(r, "probe_ms",
				      h.probe_ms > now_ms ? h.probe_ms - now_ms : 0);
		report_end(r);
	}
}

/* In percent of what the cache could have answered. */
static void report_hit_rate(const struct plane_dns64 *p, struct report *r)
{
	const uint64_t *counts = dns_counts(p->dns);
	uint64_t all = 0;

	for (enum dns_count c = 0; c <= DNS_COUNT_PTR_MAPPED; c++)
		all += counts[c];
	if (all)
		report_number(r, "hit_percent", counts[DNS_COUNT_HITS] * 100 / all);
	else
		report_null(r, "hit_percent");
}

static void report_acl(struct report *r, const char *key, const struct acl *acl)
{
	char text[ACL_TEXT_LEN];

	report_list(r, key);
	for (size_t i = 0; i < acl->n; i++)
		report_text(r, NULL, acl_entry_text(&acl->entries[i], text));
	report_end(r);
}

static void report_rules(const struct plane_dns64 *p, struct report *r)
{
	const struct config *c = p->effective->config;
	const struct prefix6 prefix = { c->nat64.prefix.prefix, c->nat64.prefix.len };
	const struct config_dns64 *d = &c->dns64;
	char text[ADDR_TEXT_LEN];

	report_text(r, "prefix", prefix_text(&prefix, text));
	report_text(r, "dnssec", d->dnssec == CONFIG_DNSSEC_PASS ? "pass" : "validate");
	report_acl(r, "allow_query", &p->effective->dns64.allow_query);
	report_acl(r, "clients", &p->effective->dns64.clients);
	report_acl(r, "destinations", &p->effective->dns64.destinations);
	report_list(r, "exclude_aaaa");
	for (size_t i = 0; i < d->exclude_aaaa.n; i++)
		report_text(r, NULL, prefix_text(&d->exclude_aaaa.v[i], text));
	report_end(r);
	report_list(r, "exclude_names");
	for (size_t i = 0; i < d->exclude_names.n; i++)
		report_text(r, NULL, d->exclude_names.v[i]);
	report_end(r);
}

static void report_counters(const struct plane_dns64 *p, struct report *r)
{
	struct counter c;

	report_list(r, "counters");
	for (size_t i = 0; plane_dns64_counter(p, i, &c); i++) {
		report_object(r, NULL);
		report_text(r, "name", c.name);
		report_number(r, "value", c.value);
		report_text(r, "text", c.text);
		report_text(r, "rfc", c.rfc);
		report_end(r);
	}
	report_end(r);
}

bool plane_dns64_report_all(const void *plane, struct report *r)
{
	const struct plane_dns64 *p = plane;

	if (!p->dns || !p->effective)
		return false;
	report_rules(p, r);
	report_listeners(p, r);
	report_list(r, "forwarders");
	for (unsigned set = 0; set <= p->effective->dns64.n_zones; set++)
		report_set(p, r, set);
	report_end(r);
	report_cache(p, r);
	report_hit_rate(p, r);
	report_number(r, "in_flight", dns_in_flight(p->dns));
	report_number(r, "asked_in_flight", forward_in_flight(p->forward));
	report_number(r, "tcp_clients", dns_listen_tcp_clients(p->listen));
	report_number(r, "tcp_clients_limit", p->effective->config->dns64.tcp_clients);
	report_counters(p, r);
	return true;
}
