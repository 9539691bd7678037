/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checkup.c - two rounds of measuring, then the judgement of all steps at one moment. */
#include "checkup.h"

#include "dns/msg.h"
#include "dns/name.h"
#include "io/hearing.h"
#include "io/link.h"
#include "io/nft_survey.h"
#include "io/probe.h"
#include "plane_dns64.h"
#include "plane_nat64.h"
#include "plane_ra.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define FIRST_MS  2000u /* questions, rules, the guest */
#define SECOND_MS 1500u /* pings through the translator */

enum { ARPA, FORWARDED, NAMED, N_QUESTIONS };

struct question {
	struct checkup *checkup;
	uint64_t id; /* of the plane, 0: not open */
	bool open;
	struct doctor_answer answer;
};

struct echo {
	struct checkup *checkup;
	struct doctor_echo seen;
	struct probe_ping *through, *direct;
};

struct checkup {
	const struct checkup_env *env;
	struct checkup_ask ask;
	checkup_fn *fn;
	void *arg;
	struct ev_timer timer;
	bool second;
	struct question questions[N_QUESTIONS];
	struct nft_survey *survey;
	bool surveying;
	struct probe_ping *to_guest;
	bool guest_waits; /* for a sign of life */
	bool has_guest;
	struct in6_addr guest;
	bool named; /* the target is a name */
	bool has_target;
	struct in_addr target;
	uint64_t rp_dropped; /* before the pings */
	struct echo echoes[DOCTOR_ECHOES];
	size_t n_echoes;
	struct doctor_view view;
};

/* --- the first round ------------------------------------------------------------------ */

static bool waits(const struct checkup *c)
{
	if (!c->second) {
		for (size_t i = 0; i < N_QUESTIONS; i++)
			if (c->questions[i].open)
				return true;
		return c->surveying || c->guest_waits;
	}
	for (size_t i = 0; i < c->n_echoes; i++)
		if (c->echoes[i].through && !c->echoes[i].seen.back)
			return true;
	return false;
}

/* What was waited for is there: go on from the loop, not from here. */
static void go_on(struct checkup *c)
{
	if (!waits(c))
		ev_timer_at(&c->timer, ev_now_ms(c->env->loop));
}

static void on_answer(void *arg, const struct dns64_query *answer)
{
	struct question *q = arg;
	struct checkup *c = q->checkup;

	q->open = false;
	c->env->now(c->env->arg, &c->view);
	if (answer)
		plane_dns64_read_answer(answer, &c->view.eff->config->nat64.prefix, &q->answer);
	go_on(c);
}

static void ask(struct checkup *c, size_t which, const char *name, uint16_t type)
{
	struct dns64_question q = { .q = { .type = type, .class = CLASS_IN },
				    .has_client = c->has_guest,
				    .client = c->guest };
	struct question *mine = &c->questions[which];
	uint64_t id;

	q.q.name_len = (uint8_t)name_from_text(name, q.q.name);
	if (!q.q.name_len)
		return;
	mine->checkup = c;
	mine->open = true;
	id = plane_dns64_query(c->env->dns64, &q, on_answer, mine);
	mine->id = id;
	if (!id)
		mine->open = false;
	else if (mine->open)
		mine->answer.state = DOCTOR_NO_ANSWER;
}

static void ask_all(struct checkup *c)
{
	char name[40];
	uint64_t random = 0;

	ask(c, ARPA, "ipv4only.arpa", TYPE_AAAA); /* RFC 7050 3 */
	/* a name that nobody has asked for: no cache answers in place of the forwarders */
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random = ev_clock_ms();
	snprintf(name, sizeof name, "v6gwd-%016llx.arpa", (unsigned long long)random);
	ask(c, FORWARDED, name, TYPE_TXT);
	if (c->named)
		ask(c, NAMED, c->ask.target, TYPE_AAAA);
}

static void on_survey(void *arg)
{
	struct checkup *c = arg;

	c->surveying = false;
	go_on(c);
}

static void on_guest(void *arg)
{
	struct checkup *c = arg;

	c->guest_waits = false;
	go_on(c);
}

/* The guests' link that addr is on, 0: none. */
static uint32_t link_of(const struct doctor_view *v, const struct in6_addr *addr)
{
	for (size_t i = 0; i < v->facts->n_addrs; i++) {
		const struct fact_addr *a = &v->facts->addrs[i];
		const struct prefix6 net = { addr_masked(&a->addr, a->len), a->len };

		if (a->no_prefix_route || addr_is_v4(&a->addr) || !prefix6_has(&net, addr))
			continue;
		for (size_t e = 0; e < v->eff->n_ifaces; e++)
			if (v->eff->ifaces[e].index == a->index)
				return a->index;
	}
	return 0;
}

/* Where the kernel has to look for the guest anew. */
static void call_guest(struct checkup *c)
{
	uint32_t link = link_of(&c->view, &c->guest);

	if (!c->has_guest || !link)
		return;
	c->to_guest = probe_ping(c->env->loop, &c->guest, on_guest, c);
	c->guest_waits = c->to_guest && !link_neighbour(c->env->link, link, &c->guest);
}

/* --- the second round ----------------------------------------------------------------- */

static void on_through(void *arg)
{
	struct echo *e = arg;

	e->seen.back = true;
	go_on(e->checkup);
}

static void on_direct(void *arg)
{
	struct echo *e = arg;

	e->seen.direct_back = true;
}

static void send_echo(struct checkup *c, struct in_addr to)
{
	struct echo *e = &c->echoes[c->n_echoes++];
	struct in6_addr four = addr_mapped(to);
	struct in6_addr six = pref64_embed(&c->view.eff->config->nat64.prefix, to);

	e->checkup = c;
	e->seen.target = to;
	e->through = probe_ping(c->env->loop, &six, on_through, e);
	e->direct = probe_ping(c->env->loop, &four, on_direct, e);
	e->seen.sent = e->through;
	e->seen.direct_sent = e->direct;
}

/* Known from the start, or by the answer to its name. */
static void find_target(struct checkup *c)
{
	const struct doctor_answer *a = &c->questions[NAMED].answer;

	if (c->named && a->is_translated)
		c->has_target = pref64_extract(&c->view.eff->config->nat64.prefix, &a->aaaa,
					       &c->target);
}

static void begin_second(struct checkup *c)
{
	struct in_addr targets[DOCTOR_ECHOES];
	size_t n = 0;

	c->second = true;
	c->env->now(c->env->arg, &c->view);
	find_target(c);
	if (c->has_target) {
		targets[n++] = c->target;
	} else if (!c->named) {
		n = doctor_targets(c->view.eff, c->view.facts, targets);
		c->has_target = n > 0;
		if (n)
			c->target = targets[0];
	}
	c->rp_dropped = probe_rp_dropped();
	for (size_t i = 0; i < n && c->view.eff->nat64.enabled; i++)
		send_echo(c, targets[i]);
	ev_timer_at(&c->timer, ev_now_ms(c->env->loop) + SECOND_MS);
	go_on(c);
}

/* --- what was found ------------------------------------------------------------------- */

static struct doctor_route route(const struct in6_addr *src, const struct in6_addr *dst,
				 uint32_t iif)
{
	struct doctor_route r = { .asked = true };

	r.error = probe_route(src, dst, iif, &r.link);
	return r;
}

static void look_at_routes(struct doctor_view *v)
{
	const struct in_addr arpa = addr4_of(0xc00000aa); /* 192.0.0.170 (RFC 7050 2.2) */
	struct in6_addr six =
		pref64_embed(&v->eff->config->nat64.prefix, v->has_target ? v->target : arpa);
	struct in6_addr pool = addr_mapped(v->mapping), target = addr_mapped(v->target);

	if (!v->tun)
		return;
	v->to_tun = v->has_guest ? route(&v->guest, &six, v->guest_link)
				 : route(&in6addr_any, &six, 0);
	if (v->has_guest)
		v->to_guest = route(&six, &v->guest, v->tun);
	if (!v->has_target || !v->mapping.s_addr)
		return;
	v->to_pool = route(&in6addr_any, &pool, 0);
	v->to_target = route(&in6addr_any, &target, 0);
	v->to_uplink = route(&pool, &target, v->tun);
	if (!v->to_uplink.error)
		v->from_uplink = route(&target, &pool, v->to_uplink.link);
}

/* Any usable address of a pool. */
static struct in_addr some_address(const struct eff_nat64 *n)
{
	const struct in_addr none = { 0 };

	if (!n->n_pools)
		return none;
	return addr4_of(addr4_num(n->pools[0].addr) + (n->pools[0].len < 31 ? 2 : 0));
}

static void look_at_nat64(const struct checkup *c, struct doctor_view *v)
{
	struct plane_nat64_look look;

	plane_nat64_look(c->env->nat64, &v->guest, &look);
	v->tun = look.tun;
	v->tun_error = look.tun_error;
	v->unmet = look.unmet;
	v->masquerade_present = look.masquerade_present;
	v->has_mapping = look.has_mapping;
	v->mapping_dormant = look.has_mapping && look.mapping.state == NAT64_DORMANT;
	v->mapping = look.has_mapping ? look.mapping.ipv4 : some_address(&v->eff->nat64);
	if (look.has_mapping)
		memcpy(v->packets, look.mapping.packets, sizeof v->packets);
	v->pool_active = look.active;
	v->pool_size = look.size;
	for (; v->n_echoes < c->n_echoes; v->n_echoes++)
		v->echoes[v->n_echoes] = c->echoes[v->n_echoes].seen;
}

static void look_at_dns64(const struct checkup *c, struct doctor_view *v)
{
	uint64_t last = plane_dns64_heard(c->env->dns64, &v->guest,
					  v->guest_has_mac ? v->guest_mac : NULL);
	struct plane_dns64_look look;

	plane_dns64_look(c->env->dns64, &look);
	v->dns_bound = look.bound;
	v->dns_listen = look.listen;
	v->forwarders = look.forwarders;
	v->forwarders_silent = look.silent;
	v->dns_last_ms = last ? ev_now_ms(c->env->loop) - last : UINT64_MAX;
	v->arpa = c->questions[ARPA].answer;
	v->forwarded = c->questions[FORWARDED].answer;
	v->named = c->questions[NAMED].answer;
}

/* The host by its address on the guests' link, where no guest is given. */
static void look_at_guest(const struct checkup *c, struct doctor_view *v)
{
	const uint8_t *mac;

	v->has_guest = c->has_guest;
	v->guest = c->guest;
	v->guest_name = c->ask.guest;
	for (size_t i = 0; !v->has_guest && v->eff->n_ifaces && i < v->facts->n_addrs; i++) {
		const struct fact_addr *a = &v->facts->addrs[i];

		if (a->index == v->eff->ifaces[0].index && addr_is_global(&a->addr))
			v->guest = a->addr;
	}
	v->guest_link = link_of(v, &v->guest);
	mac = link_neighbour(c->env->link, v->guest_link, &v->guest);
	v->guest_has_mac = mac;
	if (mac)
		memcpy(v->guest_mac, mac, sizeof v->guest_mac);
}

static void look_at_links(const struct checkup *c, struct doctor_view *v)
{
	while (v->n_ra < DOCTOR_RAS && plane_ra_look(c->env->ra, v->n_ra, &v->ra[v->n_ra]))
		v->n_ra++;
	for (size_t i = 0; i < v->eff->n_ra && i < DOCTOR_RAS; i++)
		v->hearing[i] = hearing_read(v->eff->ra[i].name, v->eff->ra[i].index);
}

static void look(struct checkup *c)
{
	struct doctor_view *v = &c->view;

	memset(v, 0, sizeof *v);
	link_refresh(c->env->link);
	c->env->now(c->env->arg, v);
	v->seen = c->ask.seen;
	v->target_name = c->named ? c->ask.target : NULL;
	v->has_target = c->has_target;
	v->target = c->target;
	look_at_links(c, v);
	look_at_guest(c, v);
	look_at_nat64(c, v);
	look_at_dns64(c, v);
	look_at_routes(v);
	v->filter = c->survey ? nft_survey_result(c->survey) : NULL;
	v->legacy4 = v->seen.legacy4 ? probe_legacy(false) : DOCTOR_LEGACY_UNKNOWN;
	v->legacy6 = v->seen.legacy6 ? probe_legacy(true) : DOCTOR_LEGACY_UNKNOWN;
	v->rp_dropped = probe_rp_dropped() - c->rp_dropped;
	v->rp_tun = probe_rp_filter(v->eff->config->nat64.device);
	v->rp_uplink = *v->eff->uplink ? probe_rp_filter(v->eff->uplink) : -1;
	probe_conntrack(&v->conntrack_count, &v->conntrack_max);
}

static void tell_all(struct checkup *c)
{
	struct doctor_finding first = { .state = DOCTOR_OK }, f;
	struct checkup_news whole = { .is_result = true, .finding = &first };

	look(c);
	for (enum doctor_step s = 0; s < DOCTOR_STEP_COUNT; s++) {
		const struct checkup_news news = { .step = s, .finding = &f };

		doctor_judge(s, &c->view, &f);
		if ((f.state == DOCTOR_BROKEN && first.state != DOCTOR_BROKEN) ||
		    (f.state == DOCTOR_WARN && first.state == DOCTOR_OK)) {
			first = f;
			whole.step = s;
		}
		c->fn(c->arg, &news);
	}
	c->fn(c->arg, &whole);
}

static void on_timer(void *arg)
{
	struct checkup *c = arg;

	if (!c->second)
		begin_second(c);
	else
		tell_all(c);
}

static void read_guest(struct checkup *c)
{
	c->has_guest = *c->ask.guest &&
		       checkup_find_guest(c->env, c->view.eff, c->ask.guest, &c->guest);
}

static void read_target(struct checkup *c)
{
	struct in6_addr addr;

	if (!*c->ask.target)
		return;
	if (!addr_parse(c->ask.target, &addr)) {
		c->named = true;
	} else if (addr_is_v4(&addr)) {
		c->has_target = true;
		c->target = addr_v4(&addr);
	} else {
		c->has_target =
			pref64_extract(&c->view.eff->config->nat64.prefix, &addr, &c->target);
		c->named = !c->has_target; /* says itself that it has no IPv4 address */
	}
}

struct checkup *checkup_new(const struct checkup_env *env, const struct checkup_ask *what,
			    checkup_fn *fn, void *arg)
{
	struct checkup *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->env = env;
	c->ask = *what;
	c->fn = fn;
	c->arg = arg;
	ev_timer_init(&c->timer, env->loop, on_timer, c);
	env->now(env->arg, &c->view);
	ev_timer_at(&c->timer, ev_now_ms(env->loop) + FIRST_MS);
	read_guest(c);
	read_target(c);
	call_guest(c);
	c->survey = nft_survey_new(env->loop, on_survey, c);
	c->surveying = c->survey;
	ask_all(c);
	go_on(c);
	return c;
}

void checkup_free(struct checkup *c)
{
	if (!c)
		return;
	ev_timer_stop(&c->timer);
	for (size_t i = 0; i < N_QUESTIONS; i++)
		if (c->questions[i].open)
			plane_dns64_cancel(c->env->dns64, c->questions[i].id);
	for (size_t i = 0; i < c->n_echoes; i++) {
		probe_ping_free(c->echoes[i].through);
		probe_ping_free(c->echoes[i].direct);
	}
	probe_ping_free(c->to_guest);
	nft_survey_free(c->survey);
	free(c);
}
