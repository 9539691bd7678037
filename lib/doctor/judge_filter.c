/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge_filter.c - what the host's firewall does with packets, and the lines that it needs.
 *
 * A new connection of a guest and an answer to it are tried on the rules, each way.
 */
#include "judge.h"

#include <stdio.h>
#include <string.h>

enum { TCP = 6, UDP = 17, ICMPV6 = 58, HTTPS = 443, DNS = 53, NEIGHBOUR_SOLICIT = 135 };

enum firewall { NFTABLES, IPTABLES, UFW, FIREWALLD, SHOREWALL, DOCKER };

/* One way through the host, by the names of its links. */
struct way {
	enum filter_hook hook;
	bool v4;
	const char *in, *out;
	unsigned port; /* of questions, where hook is FILTER_INPUT */
};

static bool has_chain(const struct filter *f, const char *start)
{
	for (size_t i = 0; f && i < f->n_chains; i++)
		if (strncmp(f->chains[i].name, start, strlen(start)) == 0)
			return true;
	return false;
}

/* Whose chain it is. */
static enum firewall maker(const struct filter *f, const struct filter_chain *c)
{
	if (c && strcmp(c->table, "firewalld") == 0)
		return FIREWALLD;
	if (c && strcmp(c->table, "filter") != 0)
		return NFTABLES;
	if (has_chain(f, "ufw-") || has_chain(f, "ufw6-"))
		return UFW;
	if (has_chain(f, "shorewall"))
		return SHOREWALL;
	if (has_chain(f, "DOCKER-USER"))
		return DOCKER;
	return !c || strcmp(c->name, "FORWARD") == 0 || strcmp(c->name, "INPUT") == 0 ||
			       (c->family != FILTER_INET && has_chain(f, "FORWARD"))
		       ? IPTABLES
		       : NFTABLES;
}

static const char *family_name(uint8_t family)
{
	return family == FILTER_INET ? "inet" : family == FILTER_IPV6 ? "ip6" : "ip";
}

static void lines_nft(const struct way *w, const struct filter_chain *c,
		      struct doctor_finding *f)
{
	const char *family = family_name(c->family);

	if (w->hook == FILTER_INPUT)
		judge_mend(
			f,
			"nft insert rule %s %s %s iifname \"%s\" meta l4proto '{ tcp, udp }' "
			"th dport %u accept\n"
			"nft insert rule %s %s %s meta l4proto ipv6-icmp accept\n"
			"and the same, without \"nft insert rule\", in /etc/nftables.conf",
			family, c->table, c->name, w->in, w->port, family, c->table, c->name);
	else
		judge_mend(f,
			   "nft insert rule %s %s %s iifname \"%s\" oifname \"%s\" accept\n"
			   "nft insert rule %s %s %s iifname \"%s\" oifname \"%s\" accept\n"
			   "and the same in that chain of /etc/nftables.conf",
			   family, c->table, c->name, w->in, w->out, family, c->table, c->name,
			   w->out, w->in);
}

static void lines_iptables(const struct way *w, const char *program, const char *chain,
			   struct doctor_finding *f)
{
	if (w->hook == FILTER_INPUT)
		judge_mend(f,
			   "%s -I INPUT -i %s -p udp --dport %u -j ACCEPT\n"
			   "%s -I INPUT -i %s -p tcp --dport %u -j ACCEPT\n"
			   "%s -I INPUT -p ipv6-icmp -j ACCEPT\n"
			   "and netfilter-persistent save, or where the rules are kept",
			   program, w->in, w->port, program, w->in, w->port, program);
	else
		judge_mend(f,
			   "%s -I %s -i %s -o %s -j ACCEPT\n"
			   "%s -I %s -i %s -o %s -j ACCEPT\n"
			   "and netfilter-persistent save, or where the rules are kept",
			   program, chain, w->in, w->out, program, chain, w->out, w->in);
}

static void lines_shorewall(const struct doctor_view *v, const struct way *w,
			    struct doctor_finding *f)
{
	const char *six = w->v4 ? "" : "6", *device = v->eff->config->nat64.device;

	judge_mend(f,
		   "/etc/shorewall%s/zones: nat64 ipv%c\n"
		   "/etc/shorewall%s/interfaces: nat64 %s\n"
		   "/etc/shorewall%s/policy, above the others: nat64 all ACCEPT, and all nat64 "
		   "ACCEPT\n%sthen shorewall%s reload",
		   six, w->v4 ? '4' : '6', six, device, six,
		   w->hook == FILTER_INPUT ? "/etc/shorewall6/rules: DNS(ACCEPT) all fw\n" : "",
		   six);
}

/* The exact lines for the firewall that is there. */
static void lines(const struct doctor_view *v, const struct way *w,
		  const struct filter_chain *c, struct doctor_finding *f)
{
	const char *program = w->v4 ? "iptables" : "ip6tables";

	switch (maker(v->filter, c)) {
	case NFTABLES:
		lines_nft(w, c, f);
		break;
	case IPTABLES:
		lines_iptables(w, program, "FORWARD", f);
		break;
	case DOCKER:
		lines_iptables(w, program, w->v4 ? "DOCKER-USER" : "FORWARD", f);
		break;
	case UFW:
		if (w->hook == FILTER_INPUT)
			judge_mend(f, "ufw allow in on %s to any port %u", w->in, w->port);
		else
			judge_mend(f,
				   "ufw route allow in on %s out on %s\n"
				   "ufw route allow in on %s out on %s",
				   w->in, w->out, w->out, w->in);
		break;
	case FIREWALLD:
		judge_mend(f,
			   "firewall-cmd --permanent --zone=trusted --add-interface=%s\n"
			   "firewall-cmd --permanent --zone=trusted --add-interface=%s\n"
			   "firewall-cmd --reload",
			   w->in,
			   w->hook == FILTER_INPUT ? v->eff->config->nat64.device : w->out);
		break;
	case SHOREWALL:
		lines_shorewall(v, w, f);
		break;
	}
}

static struct filter_packet packet_of(const struct way *w, const struct facts *facts,
				      const struct in6_addr *src, const struct in6_addr *dst,
				      uint8_t protocol, uint16_t port)
{
	struct filter_packet p = filter_packet_of(src, dst, protocol, port);
	const struct fact_link *in = facts_link(facts, w->in);
	const struct fact_link *out = w->out ? facts_link(facts, w->out) : NULL;

	p.iif = in ? in->index : 0;
	p.oif = out ? out->index : 0;
	snprintf(p.iif_name, sizeof p.iif_name, "%s", w->in);
	snprintf(p.oif_name, sizeof p.oif_name, "%s", w->out ? w->out : "");
	return p;
}

/* Says what becomes of one packet where it is worse than what was said. */
static void try(const struct doctor_view *v, const struct way *w, const struct filter_packet *p,
		const char *what, struct doctor_finding *f)
{
	struct filter_verdict verdict = filter_judge(v->filter, w->hook, p);

	if (verdict.fate == FILTER_ACCEPTS || f->state == DOCTOR_BROKEN ||
	    (verdict.fate == FILTER_UNSURE && f->state == DOCTOR_WARN))
		return;
	if (!verdict.chain) {
		judge_say(f, DOCTOR_WARN, "there are more rules than are looked at");
		return;
	}
	judge_say(f, verdict.fate == FILTER_DROPS ? DOCTOR_BROKEN : DOCTOR_WARN,
		  "%s %s %s: %s in table %s %s, chain %s", what, p->iif_name,
		  verdict.fate == FILTER_DROPS ? "are dropped" : "may be dropped",
		  verdict.by_policy ? "the policy" : "a rule",
		  family_name(verdict.chain->family), verdict.chain->table,
		  verdict.chain->name);
	lines(v, w, verdict.chain, f);
}

/* True when there is nothing to judge. */
static bool is_unread(const struct doctor_view *v, struct doctor_finding *f)
{
	if (v->filter)
		return false;
	judge_say(f, DOCTOR_SKIPPED, "nftables could not be read");
	return true;
}

void judge_filter_input(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct eff_iface *e = judge_iface(v);
	const struct eff_endpoints *l = &v->eff->dns64.listen;
	struct way w = { .hook = FILTER_INPUT,
			 .in = e ? e->name : "",
			 .port = v->eff->config->dns64.port };
	struct filter_packet p;

	if (is_unread(v, f))
		return;
	if (!e) {
		judge_say(f, DOCTOR_SKIPPED, "there is no link of guests");
		return;
	}
	judge_say(f, DOCTOR_OK, "questions and neighbour discovery come in");
	p = packet_of(&w, v->facts, &v->guest, &v->guest, ICMPV6, 0);
	p.transport[0] = NEIGHBOUR_SOLICIT;
	try(v, &w, &p, "solicitations that come by", f);
	for (size_t i = 0; v->eff->dns64.enabled && i < l->n; i++) {
		if (addr_is_v4(&l->v[i].addr) || addr_is_link_local(&l->v[i].addr) ||
		    addr_is_loopback(&l->v[i].addr))
			continue;
		p = packet_of(&w, v->facts, &v->guest, &l->v[i].addr, UDP,
			      v->eff->config->dns64.port);
		try(v, &w, &p, "questions (UDP) that come by", f);
		p = packet_of(&w, v->facts, &v->guest, &l->v[i].addr, TCP,
			      v->eff->config->dns64.port);
		try(v, &w, &p, "questions (TCP) that come by", f);
	}
}

/* A connection there and its answers back. */
static void try_both(const struct doctor_view *v, const struct way *there,
		     const struct in6_addr *src, const struct in6_addr *dst,
		     struct doctor_finding *f)
{
	const struct way back = {
		.hook = there->hook, .v4 = there->v4, .in = there->out, .out = there->in
	};
	struct filter_packet p = packet_of(there, v->facts, src, dst, TCP, HTTPS);

	try(v, there, &p, "packets of guests that come by", f);
	p = packet_of(&back, v->facts, dst, src, TCP, HTTPS);
	p.state = FILTER_KNOWN;
	try(v, &back, &p, "answers to guests that come by", f);
}

void judge_filter_ipv6(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct config_nat64 *c = &v->eff->config->nat64;
	const struct eff_iface *e = judge_iface(v);
	const struct way there = { .hook = FILTER_FORWARD,
				   .in = e ? e->name : "",
				   .out = c->device };
	struct in6_addr dst = pref64_embed(&c->prefix, v->target);

	if (!v->eff->nat64.enabled) {
		judge_say(f, DOCTOR_SKIPPED, "nat64.enabled is false");
		return;
	}
	if (is_unread(v, f))
		return;
	judge_say(f, DOCTOR_OK, "%s to %s and back", there.in, there.out);
	try_both(v, &there, &v->guest, &dst, f);
}

void judge_filter_ipv4(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct eff_nat64 *n = &v->eff->nat64;
	const struct fact_link *out = v->to_uplink.asked && !v->to_uplink.error
					      ? facts_link_at(v->facts, v->to_uplink.link)
					      : facts_link(v->facts, v->eff->uplink);
	const struct way there = { .hook = FILTER_FORWARD,
				   .v4 = true,
				   .in = v->eff->config->nat64.device,
				   .out = out ? out->name : "" };
	struct in6_addr src = addr_mapped(v->mapping), dst = addr_mapped(v->target);

	if (!n->enabled) {
		judge_say(f, DOCTOR_SKIPPED, "nat64.enabled is false");
		return;
	}
	if (is_unread(v, f))
		return;
	if (!out) {
		judge_say(f, DOCTOR_SKIPPED, "there is no uplink");
		return;
	}
	judge_say(f, DOCTOR_OK, "%s to %s and back", there.in, there.out);
	try_both(v, &there, &src, &dst, f);
}

void judge_filter_legacy(const struct doctor_view *v, struct doctor_finding *f)
{
	const bool is_four = v->legacy4 > DOCTOR_LEGACY_ACCEPTS;
	const enum doctor_legacy which = is_four ? v->legacy4 : v->legacy6;
	const char *program = is_four ? "iptables-legacy" : "ip6tables-legacy";
	const struct eff_iface *e = judge_iface(v);
	const char *device = v->eff->config->nat64.device;
	const struct way four = { .hook = FILTER_FORWARD,
				  .v4 = true,
				  .in = device,
				  .out = *v->eff->uplink ? v->eff->uplink : "eth0" };
	const struct way six = { .hook = FILTER_FORWARD,
				 .in = e ? e->name : "br0",
				 .out = device };
	const struct way *w = is_four ? &four : &six;

	if (!v->seen.legacy_known) {
		judge_say(f, DOCTOR_SKIPPED, "needs root: v6gwctl looks for its tables");
	} else if (!v->seen.legacy4 && !v->seen.legacy6) {
		judge_say(f, DOCTOR_OK, "iptables-legacy has no filter");
	} else if (which == DOCTOR_LEGACY_DROPS) {
		judge_say(f, DOCTOR_WARN,
			  "the policy of FORWARD is DROP in %s; its rules are not read",
			  program);
		lines_iptables(w, program, "FORWARD", f);
	} else if (which == DOCTOR_LEGACY_RULES) {
		judge_say(f, DOCTOR_WARN, "FORWARD has rules in %s, which are not read",
			  program);
		judge_mend(f, "%s -S FORWARD: none may drop what goes between %s and %s",
			   program, w->in, w->out);
	} else if (v->legacy4 == DOCTOR_LEGACY_UNKNOWN && which == DOCTOR_LEGACY_UNKNOWN) {
		judge_say(f, DOCTOR_SKIPPED, "iptables-legacy could not be read");
	} else {
		judge_say(f, DOCTOR_OK, "FORWARD accepts all");
	}
}

void judge_saved_rules(const struct doctor_view *v, struct doctor_finding *f)
{
	if (!v->seen.saved_known) {
		judge_say(f, DOCTOR_SKIPPED, "needs root: v6gwctl reads /etc/nftables.conf");
	} else if (*v->seen.saved) {
		judge_say(f, DOCTOR_WARN,
			  "%s names table v6gwd: it fails to load, as a whole, "
			  "while v6gwd runs",
			  v->seen.saved);
		judge_mend(f,
			   "delete every \"table ... v6gwd { ... }\" and v6gwd_dns from %s: "
			   "v6gwd makes them itself",
			   v->seen.saved);
	} else {
		judge_say(f, DOCTOR_OK, "none does");
	}
}
