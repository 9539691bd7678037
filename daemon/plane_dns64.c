/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_dns64.c - DNS64: listeners, the engine, the forwarders and the way to them.
 *
 * Joins things that do not know each other: a question comes from dns_listen, goes through the
 * engine (dns/query.h), from there through the choice of a forwarder (dns/forward.h) to
 * upstream, and comes back the same way; with validation from the engine to the validator,
 * unless the client validates (CD).  Decides nothing itself.
 */
#define LOG_PLANE "dns64"

#include "plane_dns64.h"

#include "dns64_conf.h"
#include "ev.h"
#include "io/dns_listen.h"
#include "io/link.h"
#include "io/upstream.h"
#include "io/upstream_unbound.h"
#include "log.h"
#include "plane.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { RANDOM_LEN = 256 };

struct plane_dns64 {
	struct plane_env env;
	const struct effective *effective, *next; /* in force, prepared */
	struct dns64_conf conf, next_conf;
	bool fresh; /* what is below was made by this prepare */
	struct dns *dns;
	struct forward *forward;
	struct upstream *upstream;
	struct dns_listen *listen;
	const struct validator_class *validates; /* NULL: built without */
	struct validator *validator;             /* in force; NULL: dnssec is not "validate" */
	struct validator *next_validator;        /* prepared, where there is none */
	bool revalidate; /* what was prepared is of no use for what is in flight */
	struct ev_timer timer;
	bool all_dead; /* no forwarder answered when looked last */
	uint8_t random[RANDOM_LEN];
	size_t random_left;
};

static uint64_t now(const struct plane_dns64 *p)
{
	return ev_now_ms(p->env.loop);
}

static void rearm(struct plane_dns64 *p)
{
	uint64_t a = dns_next(p->dns), b = forward_next(p->forward);

	ev_timer_at(&p->timer, a < b ? a : b);
}

/* After what may have changed the health of forwarders. */
static void look(struct plane_dns64 *p)
{
	bool dead = forward_all_dead(p->forward);

	rearm(p);
	if (dead == p->all_dead)
		return;
	p->all_dead = dead;
	/* The validator would leave them alone for minutes. */
	if (!dead && p->validator)
		p->validates->expire(p->validator);
	p->env.changed(p->env.gateway);
}

static void on_question(void *arg, struct dns_client *client, const uint8_t *msg, size_t len)
{
	struct plane_dns64 *p = arg;
	const uint8_t *mac =
		link_neighbour(p->env.link, dns_listen_index(client), &client->addr);

	client->has_mac = mac;
	if (mac)
		memcpy(client->mac, mac, sizeof client->mac);
	else
		client->is_stranger =
			facts_is_neighbour(link_facts(p->env.link), &client->addr) &&
			!addr_is_v4(&client->addr);
	dns_input(p->dns, client, msg, len, now(p));
	rearm(p);
}

static void on_resolve(void *arg, uint64_t id, const struct dns_question *q, unsigned flags,
		       unsigned set)
{
	struct plane_dns64 *p = arg;

	/* RFC 6147 5.5: with CD the client proves it for itself. */
	if (p->validator && !(flags & RESOLVE_CD))
		p->validates->ask(p->validator, id, q, flags, set);
	else
		forward_ask(p->forward, id, q, flags, set, now(p));
}

static void on_send(void *arg, uint64_t tag, const struct forward_peer *peer, bool tcp,
		    const uint8_t *msg, size_t len)
{
	struct plane_dns64 *p = arg;

	upstream_send(p->upstream, tag, peer, tcp, msg, len);
}

static void on_received(void *arg, uint64_t tag, enum forward_outcome outcome,
			const uint8_t *msg, size_t len)
{
	struct plane_dns64 *p = arg;

	forward_received(p->forward, tag, outcome, msg, len, now(p));
	look(p);
}

static void on_resolved(void *arg, uint64_t id, const struct resolve_result *result)
{
	struct plane_dns64 *p = arg;

	dns_resolved(p->dns, id, result, now(p));
}

static void on_reply(void *arg, const struct dns_client *client, const uint8_t *msg, size_t len)
{
	struct plane_dns64 *p = arg;

	dns_listen_reply(p->listen, client, msg, len);
}

static void on_cancel_question(void *arg, uint64_t id)
{
	struct plane_dns64 *p = arg;

	forward_cancel(p->forward, id);
	if (p->validator)
		p->validates->cancel(p->validator, id);
}

static void on_cancel_message(void *arg, uint64_t tag)
{
	struct plane_dns64 *p = arg;

	upstream_cancel(p->upstream, tag);
}

static void on_random(void *arg, void *out, size_t n)
{
	struct plane_dns64 *p = arg;

	if (n > p->random_left) {
		/* Cannot fail once the kernel's generator is seeded, for up to 256 bytes. */
		while (getrandom(p->random, RANDOM_LEN, 0) != RANDOM_LEN)
			continue;
		p->random_left = RANDOM_LEN;
	}
	p->random_left -= n;
	memcpy(out, p->random + p->random_left, n);
	memset(p->random + p->random_left, 0, n);
}

static void on_validated(void *arg, uint64_t id, const struct resolve_result *result)
{
	struct plane_dns64 *p = arg;

	dns_resolved(p->dns, id, result, now(p));
	rearm(p);
}

static void on_doubted(void *arg, unsigned set)
{
	struct plane_dns64 *p = arg;

	forward_doubt(p->forward, set, now(p));
	rearm(p);
}

static void on_changed(void *arg)
{
	struct plane_dns64 *p = arg;

	p->env.changed(p->env.gateway);
}

/* What is in flight is asked again. */
static void on_expired(void *arg)
{
	struct plane_dns64 *p = arg;

	dns_recall(p->dns);
	p->validates->renew(p->validator);
	dns_tick(p->dns, now(p));
	rearm(p);
	p->env.changed(p->env.gateway);
}

static const struct validator_ops validator_ops = { on_validated, on_doubted, on_changed,
						    on_expired };
static const struct dns_ops dns_ops = { on_reply, on_resolve, on_cancel_question, on_random };
static const struct forward_ops forward_ops = { on_send, on_cancel_message, on_resolved,
						on_random };

static void on_due(void *arg)
{
	struct plane_dns64 *p = arg;

	forward_tick(p->forward, now(p));
	dns_tick(p->dns, now(p));
	look(p);
}

static bool is_full(void *arg, const struct in6_addr *addr)
{
	const struct plane_dns64 *p = arg;

	return dns_is_full(p->dns, addr);
}

static const struct dns_listen_ops listen_ops = { on_question, is_full, on_changed };

/* Questions in flight end unanswered: the engine first, it knows them all. */
static void close_all(struct plane_dns64 *p)
{
	if (p->dns)
		ev_timer_stop(&p->timer);
	dns_free(p->dns);
	if (p->validator)
		p->validates->free(p->validator);
	forward_free(p->forward);
	upstream_free(p->upstream);
	dns_listen_free(p->listen);
	p->dns = NULL;
	p->validator = NULL;
	p->forward = NULL;
	p->upstream = NULL;
	p->listen = NULL;
	p->all_dead = false;
}

static bool open_all(struct plane_dns64 *p, const struct dns64_conf *conf)
{
	p->listen = dns_listen_new(p->env.loop, &listen_ops, p);
	p->upstream = upstream_new(p->env.loop, on_received, p);
	p->forward = forward_new(&conf->forward, &forward_ops, p);
	p->dns = dns_new(&conf->dns, &dns_ops, p);
	if (p->listen && p->upstream && p->forward && p->dns)
		return true;
	close_all(p);
	return false;
}

static void *start(const struct plane_env *env)
{
	struct plane_dns64 *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->env = *env;
	p->validates = validator_class();
	ev_timer_init(&p->timer, env->loop, on_due, p);
	return p;
}

/* Makes ready what validates by p->next_conf. */
static bool prepare_validator(struct plane_dns64 *p)
{
	struct validator *v = p->validator;

	p->revalidate = p->next_conf.dns.validating != (v != NULL);
	if (!p->next_conf.dns.validating)
		return true;
	if (!v)
		v = p->next_validator = p->validates->new (p->env.loop, &validator_ops, p);
	return v && p->validates->prepare(v, &p->next_conf.validator, &p->revalidate);
}

static void settle_validator(struct plane_dns64 *p, bool commit, bool validating)
{
	struct validator *old = p->validator;

	if (!commit) {
		if (p->next_validator)
			p->validates->free(p->next_validator);
		p->next_validator = NULL;
		return;
	}
	/* What was not proved, or by other anchors, is not used any longer. */
	if (p->revalidate && p->dns) {
		dns_recall(p->dns);
		dns_flush(p->dns);
	}
	if (p->next_validator)
		p->validator = p->next_validator;
	p->next_validator = NULL;
	if (validating) {
		p->validates->settle(p->validator, true);
	} else if (old) {
		p->validates->free(old);
		p->validator = NULL;
	}
}

static void settle(void *plane, bool commit)
{
	struct plane_dns64 *p = plane;
	const struct effective *next = p->next;

	if (!next)
		return;
	if (p->fresh && !commit)
		close_all(p);
	settle_validator(p, commit, commit && p->next_conf.dns.validating);
	if (p->dns && !p->fresh && next->dns64.enabled) {
		/* Forwarders first: what the engine asks for now is by the new zones. */
		forward_settle(p->forward, commit);
		dns_settle(p->dns, commit, now(p));
	}
	p->fresh = false;
	p->next = NULL;
	if (!commit) {
		dns64_conf_done(&p->next_conf);
		return;
	}
	if (!next->dns64.enabled)
		close_all(p);
	dns64_conf_done(&p->conf);
	p->conf = p->next_conf;
	p->next_conf = (struct dns64_conf){ 0 };
	p->effective = next;
	if (!p->dns)
		return;
	for (unsigned set = 0; p->validator && p->revalidate && set < p->conf.forward.n_sets;
	     set++)
		forward_doubt(p->forward, set, now(p));
	dns_listen_set(p->listen, &next->dns64.listen, next->config->dns64.tcp_clients,
		       DNS64_TCP_IDLE_S);
	rearm(p);
}

static int prepare(void *plane, const struct effective *next)
{
	struct plane_dns64 *p = plane;
	bool ok;

	settle(p, false); /* what was prepared and never settled */
	if (!next->dns64.enabled) {
		p->next = next;
		return 0;
	}
	if (!dns64_conf_build(&p->next_conf, next))
		goto fail;
	p->fresh = !p->dns;
	if (p->fresh)
		ok = open_all(p, &p->next_conf);
	else
		ok = dns_prepare(p->dns, &p->next_conf.dns) &&
		     forward_prepare(p->forward, &p->next_conf.forward);
	p->next = next;
	if (ok && prepare_validator(p))
		return 0;
	settle(p, false);
fail:
	log_error("out of memory for the configuration");
	return -ENOMEM;
}

/* Dead forwarders are a reason, but no cause to send clients elsewhere: special and local names
 * and the cache are still served. */
static bool health(const void *plane, struct reasons *r)
{
	const struct plane_dns64 *p = plane;

	if (!p->dns || !p->effective)
		return false;
	dns_listen_reasons(p->listen, r);
	if (p->validator)
		p->validates->reasons(p->validator, r);
	if (forward_all_dead(p->forward))
		reasons_add(
			r, "dns64",
			"no forwarder answers (v6gwctl status): check dns64.forwarders and the "
			"uplink");
	return dns_listen_count(p->listen) > 0;
}

bool plane_dns64_flush(void *plane)
{
	struct plane_dns64 *p = plane;

	if (!p->dns)
		return false;
	dns_flush(p->dns);
	return true;
}

/* "2001:db8::53", "fe80::1%br0@5353": as it would stand in the file. */
static void report_endpoint(const struct plane_dns64 *p, struct report *r, const char *key,
			    const struct eff_endpoint *e)
{
	const struct fact_link *link =
		e->scope ? facts_link_at(link_facts(p->env.link), e->scope) : NULL;
	const char *sign = link ? "%" : "", *name = link ? link->name : "";
	char text[ADDR_TEXT_LEN];

	addr_text(&e->addr, text);
	if (e->port == 53)
		report_textf(r, key, "%s%s%s", text, sign, name);
	else
		report_textf(r, key, "%s%s%s@%u", text, sign, name, e->port);
}

static void report_forwarders(const struct plane_dns64 *p, struct report *r)
{
	struct forward_health h;

	report_list(r, "forwarders");
	for (size_t i = 0; forward_health_at(p->forward, i, &h); i++) {
		report_object(r, NULL);
		report_endpoint(
			p, r, "address",
			&(struct eff_endpoint){ h.peer.addr, h.peer.port, h.peer.scope });
		report_bool(r, "healthy", h.healthy);
		if (h.rtt_ms)
			report_number(r, "rtt_ms", h.rtt_ms);
		else
			report_null(r, "rtt_ms");
		report_number(r, "asked", h.asked);
		report_number(r, "answered", h.answered);
		report_number(r, "timeouts", h.timeouts);
		report_number(r, "errors", h.errors);
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

static void report(const void *plane, struct report *r)
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

static const char *const names[] = {
#define X(id, name, text, rfc) "dns64." name,
	DNS_COUNTERS(X)
#undef X
};

static bool counter(const void *plane, size_t i, struct counter *out)
{
	const struct plane_dns64 *p = plane;

	if (!p->dns || i >= DNS_COUNT_COUNT)
		return false;
	*out = (struct counter){ names[i], dns_count_texts[i].text, dns_count_texts[i].rfc,
				 dns_counts(p->dns)[i] };
	return true;
}

static void stop(void *plane, enum plane_stop how)
{
	struct plane_dns64 *p = plane;

	(void)how;
	if (!p)
		return;
	settle(p, false);
	close_all(p);
	dns64_conf_done(&p->conf);
	free(p);
}

const struct plane_class plane_dns64 = { "dns64", start,  prepare, settle,
					 health,  report, counter, stop };
