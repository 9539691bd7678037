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

#include "dns64_keep.h"
#include "log.h"
#include "plane_dns64_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t now(const struct plane_dns64 *p)
{
	return ev_now_ms(p->env.loop);
}

static void rearm(struct plane_dns64 *p)
{
	uint64_t a = dns_next(p->dns), b = forward_next(p->forward);

	if (p->sets.changes_ms < a)
		a = p->sets.changes_ms;
	ev_timer_at(&p->timer, a < b ? a : b);
}

static void look(struct plane_dns64 *p)
{
	struct dns64_sets before = p->sets;

	p->sets = plane_dns64_sets(p, NULL);
	plane_dns64_see_forwarders(p);
	if (p->sets.digest == before.digest)
		return;
	/* The validator would leave them alone for minutes. */
	if (p->sets.silent < before.silent && p->validator)
		p->validates->expire(p->validator);
	p->env.changed(p->env.gateway);
}

/* Behind all questions and answers of a turn of the loop. */
static void on_turn(void *arg)
{
	struct plane_dns64 *p = arg;

	if (p->stirred)
		look(p);
	p->stirred = false;
	rearm(p);
}

/* After what may have changed the health of forwarders. */
static void stir(struct plane_dns64 *p)
{
	p->stirred = true;
	ev_after_do(&p->turn);
}

void plane_dns64_input(struct plane_dns64 *p, const struct dns_client *client,
		       const uint8_t *msg, size_t len)
{
	dns_input(p->dns, client, msg, len, now(p));
	ev_after_do(&p->turn);
}

/* The link-layer address of a client, where it is known.  A question teaches the kernel no
 * neighbour before it is answered: the first one from a new address has to be looked up, where
 * a list wants to know. */
static void know_client(struct plane_dns64 *p, struct dns_client *client)
{
	const uint8_t *mac = link_neighbour(p->env.link, client->link, &client->addr);

	client->has_mac = mac;
	if (mac) {
		memcpy(client->mac, mac, sizeof client->mac);
		return;
	}
	client->is_stranger = facts_is_neighbour(link_facts(p->env.link), &client->addr) &&
			      !addr_is_v4(&client->addr);
	if (p->guests && facts_on_link(link_facts(p->env.link), &client->addr))
		client->has_mac = nft_guests_find(p->guests, &client->addr, client->mac);
}

static void note(struct plane_dns64 *p, const struct dns_client *client)
{
	const uint8_t *a = client->addr.s6_addr;
	unsigned place = 0;

	for (size_t i = 0; i < sizeof client->addr; i++)
		place = place * 31 + a[i];
	struct heard *h = &p->heard[place % HEARD_MAX];
	*h = (struct heard){ .addr = client->addr,
			     .has_mac = client->has_mac,
			     .at_ms = now(p) };
	memcpy(h->mac, client->mac, sizeof h->mac);
}

static void on_question(void *arg, struct dns_client *client, const uint8_t *msg, size_t len)
{
	struct plane_dns64 *p = arg;

	client->link = dns_listen_index(client);
	know_client(p, client);
	note(p, client);
	plane_dns64_input(p, client, msg, len);
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
	stir(p);
}

static void on_resolved(void *arg, uint64_t id, const struct resolve_result *result)
{
	struct plane_dns64 *p = arg;

	dns_resolved(p->dns, id, result, now(p));
}

static void on_reply(void *arg, const struct dns_client *client, const uint8_t *msg, size_t len)
{
	struct plane_dns64 *p = arg;

	if (client->traced)
		plane_dns64_answered(p, client, msg, len);
	else
		dns_listen_reply(p->listen, client, msg, len);
}

static void on_explain(void *arg, const struct dns_client *client, const struct dns_step *step)
{
	plane_dns64_explained(arg, client, step);
}

static void on_ended(void *arg, const struct dns_client *client, const struct dns_end *end)
{
	struct plane_dns64 *p = arg;

	bool log = p->effective && p->effective->config->dns64.query_log;

	dns64_log_end(&p->log, client, end, log, now(p));
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

	random_take(&p->random, out, n);
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
static const struct dns_ops dns_ops = { .reply = on_reply,
					.resolve = on_resolve,
					.cancel = on_cancel_question,
					.random = on_random,
					.explain = on_explain,
					.ended = on_ended };
static const struct forward_ops forward_ops = { on_send, on_cancel_message, on_resolved,
						on_random };

static void on_due(void *arg)
{
	struct plane_dns64 *p = arg;

	forward_tick(p->forward, now(p));
	dns_tick(p->dns, now(p));
	stir(p);
}

static bool is_full(void *arg, const struct in6_addr *addr)
{
	const struct plane_dns64 *p = arg;

	return dns_is_full(p->dns, addr);
}

static const struct dns_listen_ops listen_ops = { on_question, is_full, on_changed };

/* Questions in flight end unanswered: the engine first, it knows them all. */
static void close_all(struct plane_dns64 *p, bool keep)
{
	if (p->dns)
		ev_timer_stop(&p->timer);
	plane_dns64_give_up(p);
	if (p->dns && keep)
		dns64_keep_save(p->dns, &p->conf, now(p));
	dns_free(p->dns);
	if (p->validator)
		p->validates->free(p->validator);
	forward_free(p->forward);
	upstream_free(p->upstream);
	dns_listen_free(p->listen, keep);
	nft_guests_close(p->guests, keep);
	p->guests = NULL;
	p->dns = NULL;
	p->validator = NULL;
	p->forward = NULL;
	p->upstream = NULL;
	p->listen = NULL;
	p->sets = (struct dns64_sets){ .changes_ms = UINT64_MAX };
	ev_after_stop(&p->turn);
}

static bool open_all(struct plane_dns64 *p, const struct dns64_conf *conf)
{
	p->listen = dns_listen_new(p->env.loop, &listen_ops, p);
	p->upstream = upstream_new(p->env.loop, on_received, p);
	p->forward = forward_new(&conf->forward, &forward_ops, p);
	p->dns = dns_new(&conf->dns, &dns_ops, p);
	if (p->listen && p->upstream && p->forward && p->dns)
		return true;
	close_all(p, false);
	return false;
}

static void *start(const struct plane_env *env)
{
	struct plane_dns64 *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->env = *env;
	p->validates = validator_class();
	p->sets.changes_ms = UINT64_MAX;
	ev_timer_init(&p->timer, env->loop, on_due, p);
	ev_after_init(&p->turn, env->loop, on_turn, p);
	dns64_log_init(&p->log, env->loop);
	return p;
}

/* Does a list judge by link-layer address? */
static bool wants_macs(const struct effective *e)
{
	return acl_has(&e->dns64.allow_query, ACL_MAC) || acl_has(&e->dns64.clients, ACL_MAC);
}

static void make_guests(struct plane_dns64 *p)
{
	uint16_t port = p->effective->config->dns64.port;
	bool wanted = wants_macs(p->effective);

	if (p->guests && wanted && nft_guests_port(p->guests) == port)
		return;
	nft_guests_close(p->guests, false);
	p->guests = wanted ? nft_guests_open_port(p->env.loop, port, on_changed, p) : NULL;
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
		else if (p->validator)
			p->validates->settle(p->validator, false);
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
		close_all(p, false);
	settle_validator(p, commit, commit && p->next_conf.dns.validating);
	if (p->dns && p->fresh)
		dns64_keep_load(p->dns, &p->next_conf, now(p));
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
		close_all(p, false);
	dns64_conf_done(&p->conf);
	p->conf = p->next_conf;
	p->next_conf = (struct dns64_conf){ 0 };
	p->effective = next;
	if (!p->dns)
		return;
	p->watched = false; /* others may have got their places */
	for (unsigned set = 0; p->validator && p->revalidate && set < p->conf.forward.n_sets;
	     set++)
		forward_doubt(p->forward, set, now(p));
	dns_listen_set(p->listen, &next->dns64.listen, next->config->dns64.tcp_clients,
		       DNS64_TCP_IDLE_S);
	make_guests(p);
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
	plane_dns64_sets(p, r);
	if (wants_macs(p->effective) && !(p->guests && nft_guests_present(p->guests)))
		reasons_add(r, EVENT_CLIENTS_UNKNOWN,
			    "link-layer addresses in dns64.clients and allow_query hold only "
			    "for whom the kernel has as a neighbour (table ip6 v6gwd_dns: %s): "
			    "modprobe nf_tables",
			    p->guests ? strerror(-nft_guests_error(p->guests))
				      : strerror(ENOMEM));
	return dns_listen_count(p->listen) > 0;
}

size_t plane_dns64_deaf(const void *plane, struct eff_endpoint *out, size_t max)
{
	const struct plane_dns64 *p = plane;
	const struct eff_endpoints *l = p->dns ? &p->effective->dns64.listen : NULL;
	size_t n = 0;

	for (size_t i = 0; l && i < l->n && n < max; i++)
		if (!dns_listen_bound(p->listen, &l->v[i]))
			out[n++] = l->v[i];
	return n;
}

bool plane_dns64_flush(void *plane)
{
	struct plane_dns64 *p = plane;

	if (!p->dns)
		return false;
	dns_flush(p->dns);
	return true;
}

static bool leave(void *plane)
{
	struct plane_dns64 *p = plane;

	return !p->dns || (dns_listen_leave(p->listen) && !dns_in_flight(p->dns));
}

static void stop(void *plane, enum plane_stop how)
{
	struct plane_dns64 *p = plane;

	if (!p)
		return;
	settle(p, false);
	close_all(p, how == PLANE_RESTART);
	dns64_log_done(&p->log);
	dns64_conf_done(&p->conf);
	free(p);
}

const struct plane_class plane_dns64 = {
	.name = "dns64",
	.start = start,
	.prepare = prepare,
	.settle = settle,
	.health = health,
	.report = plane_dns64_report,
	.counter = plane_dns64_counter,
	.leave = leave,
	.stop = stop,
};
