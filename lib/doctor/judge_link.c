/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge_link.c - the host's links, who else runs there, advertisements, the guest on its link.
 */
#include "judge.h"

#include <stdio.h>
#include <string.h>

#define SETTLED_S 30u /* v6gwd has said something by then */

void judge_config(const struct doctor_view *v, struct doctor_finding *f)
{
	judge_say(f, DOCTOR_OK, "%s is in force", v->file);
	if (!v->stale)
		return;
	judge_say(f, DOCTOR_WARN, "%s was changed and refused: what runs is older", v->file);
	judge_mend(f, "v6gwd --check, then systemctl reload v6gwd");
}

/* A global IPv6 address of the link, without which there is nothing to announce. */
static const struct fact_addr *global_of(const struct facts *facts, uint32_t index)
{
	for (size_t i = 0; i < facts->n_addrs; i++) {
		const struct fact_addr *a = &facts->addrs[i];

		if (a->index == index && !a->tentative && !a->dad_failed &&
		    (addr_is_global(&a->addr) || addr_is_unique_local(&a->addr)))
			return a;
	}
	return NULL;
}

/* True when it was said. */
static bool say_interface(const struct doctor_view *v, const struct eff_iface *e,
			  struct doctor_finding *f)
{
	const struct fact_link *link = facts_link_at(v->facts, e->index);

	if (!link) {
		judge_say(f, DOCTOR_BROKEN, "%s does not exist", e->name);
		judge_mend(f, "make the bridge, or name another link in interface");
	} else if (!link->up) {
		judge_say(f, DOCTOR_BROKEN, "%s is down", e->name);
		judge_mend(f, "ip link set %s up", e->name);
	} else if (!global_of(v->facts, e->index)) {
		judge_say(f, DOCTOR_BROKEN, "%s has no global IPv6 address", e->name);
		judge_mend(f,
			   "ip addr add PREFIX::1/64 dev %s, and in the configuration of the "
			   "network (an MTU below 1280 takes IPv6 away, too)",
			   e->name);
	} else if (!link->running) {
		judge_say(f, v->has_guest ? DOCTOR_BROKEN : DOCTOR_WARN,
			  "%s has no carrier: no guest runs", e->name);
		judge_mend(f, "start a guest, or look at the ports: bridge link show");
	} else {
		return false;
	}
	return true;
}

void judge_interface(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct fact_addr *a;
	char text[ADDR_TEXT_LEN];

	if (!v->eff->n_ifaces) {
		if (v->reasons.n)
			judge_reason(f, DOCTOR_BROKEN, v->reasons.v[0].text);
		else
			judge_say(f, DOCTOR_BROKEN, "no link of guests is known");
		judge_mend(f, "interface = \"br0\"; in %s", v->file);
		return;
	}
	for (size_t i = 0; i < v->eff->n_ifaces; i++)
		if (say_interface(v, &v->eff->ifaces[i], f))
			return;
	a = global_of(v->facts, v->eff->ifaces[0].index);
	judge_say(f, DOCTOR_OK, "%s is up, with %s", v->eff->ifaces[0].name,
		  a ? addr_text(&a->addr, text) : "");
}

static const struct fact_route *route4(const struct facts *f)
{
	for (size_t i = 0; i < f->n_routes; i++)
		if (f->routes[i].v4)
			return &f->routes[i];
	return NULL;
}

void judge_uplink(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct fact_route *r = route4(v->facts);
	const struct fact_link *link = r ? facts_link_at(v->facts, r->index) : NULL;
	char text[ADDR_TEXT_LEN];

	if (!r && v->to_uplink.asked && !v->to_uplink.error) {
		judge_say(f, DOCTOR_WARN, "no IPv4 default route, but one to %s",
			  addr4_text(v->target, text));
		judge_mend(f, "ip route add default via GATEWAY, for the rest of the internet");
	} else if (!r) {
		judge_say(f, DOCTOR_BROKEN, "the host has no IPv4 default route");
		judge_mend(f, "ip route add default via GATEWAY dev LINK, and in the "
			      "configuration of the network");
	} else if (!link || !link->up || !link->running) {
		judge_say(f, DOCTOR_BROKEN,
			  "%s, with the IPv4 default route, is down or has "
			  "no carrier",
			  judge_link(v, r->index));
		judge_mend(f, "ip link set %s up, and its cable or host",
			   judge_link(v, r->index));
	} else {
		judge_say(f, DOCTOR_OK, "the IPv4 default route is over %s by %s", link->name,
			  addr_is_unspecified(&r->gateway) ? "no gateway"
							   : addr_text(&r->gateway, text));
	}
}

static void judge_rival(const struct doctor_view *v, const struct doctor_process *p,
			const char *name, struct doctor_finding *f)
{
	if (!v->seen.processes_known) {
		judge_say(f, DOCTOR_SKIPPED, "needs root: v6gwctl looks for processes");
	} else if (!p->pid) {
		judge_say(f, DOCTOR_OK, "no %s runs", name);
	} else {
		judge_say(f, DOCTOR_BROKEN, "%s runs, pid %u%s%s: both answer the same packets",
			  name, p->pid, *p->unit ? ", " : "", p->unit);
		if (*p->unit)
			judge_mend(f, "systemctl disable --now %s", p->unit);
		else
			judge_mend(f, "systemctl disable --now %s, or kill %u", name, p->pid);
	}
}

void judge_tayga(const struct doctor_view *v, struct doctor_finding *f)
{
	judge_rival(v, &v->seen.tayga, "tayga", f);
}

void judge_radvd(const struct doctor_view *v, struct doctor_finding *f)
{
	judge_rival(v, &v->seen.radvd, "radvd", f);
}

/* The configuration's own judgement (effective_hears), of the links that we advertise on. */
void judge_accept_ra(const struct doctor_view *v, struct doctor_finding *f)
{
	struct effective scratch = { .config = v->eff->config };

	judge_say(f, DOCTOR_OK, "nothing that guests advertise is followed");
	memcpy(scratch.uplink, v->eff->uplink, sizeof scratch.uplink);
	for (size_t i = 0; i < v->eff->n_ra && i < DOCTOR_RAS; i++)
		if (v->eff->ra[i].index)
			effective_hears(&scratch, v->facts, &v->eff->ra[i], &v->hearing[i]);
	if (scratch.reasons.n)
		judge_reason(f, DOCTOR_BROKEN, scratch.reasons.v[0].text);
	else if (scratch.notes.n)
		judge_reason(f, DOCTOR_WARN, scratch.notes.v[0].text);
}

static void say_ra(const struct doctor_view *v, const struct doctor_ra *ra,
		   struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN];

	if (!ra->runs) {
		judge_say(f, DOCTOR_BROKEN, "nothing is advertised on %s: %s", ra->name,
			  ra->state);
		judge_mend(f, "v6gwctl status names what it waits for");
	} else if (!ra->sent && v->uptime_s >= SETTLED_S) {
		judge_say(f, DOCTOR_BROKEN,
			  "no advertisement went out on %s since v6gwd "
			  "started",
			  ra->name);
		judge_mend(f, "v6gwctl counters --nonzero, and the log: journalctl -u v6gwd");
	} else if (ra->withheld) {
		judge_say(f, DOCTOR_WARN,
			  "on %s, what belongs to %s is not announced: it does "
			  "not serve, or has to prove itself again",
			  ra->name, ra->withheld);
		judge_mend(f, "mend what is broken below; it is announced ten seconds later");
	} else if (!addr_is_unspecified(&ra->against)) {
		judge_say(f, DOCTOR_WARN, "another router on %s contradicts us: %s", ra->name,
			  addr_text(&ra->against, text));
		judge_mend(f, "v6gwctl ra shows in what; stop it, or have it say the same");
	}
}

void judge_advertisement(const struct doctor_view *v, struct doctor_finding *f)
{
	if (!v->n_ra) {
		judge_say(f, DOCTOR_SKIPPED, "nothing is to be advertised: ra = ( )");
		return;
	}
	judge_say(f, DOCTOR_OK, "%s: %llu sent", v->ra[0].name,
		  (unsigned long long)v->ra[0].sent);
	for (size_t i = 0; i < v->n_ra && f->state == DOCTOR_OK; i++)
		say_ra(v, &v->ra[i], f);
}

/* "2001:db8:1:2::/64 on br0", of the guests' links. */
static const char *own_prefix(const struct doctor_view *v, char *out, size_t size)
{
	const struct eff_iface *e = judge_iface(v);
	const struct fact_addr *a = e ? global_of(v->facts, e->index) : NULL;
	char text[ADDR_TEXT_LEN];
	struct prefix6 p;

	if (!a) {
		snprintf(out, size, "a prefix of the guests' link");
		return out;
	}
	p = (struct prefix6){ addr_masked(&a->addr, a->len), a->len };
	snprintf(out, size, "%s on %s", prefix_text(&p, text), e->name);
	return out;
}

void judge_guest_prefix(const struct doctor_view *v, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN], prefix[ADDR_TEXT_LEN + FACT_NAME_LEN + 8];

	if (!v->has_guest && v->guest_name && *v->guest_name) {
		judge_say(f, DOCTOR_BROKEN,
			  "nobody is known as %.64s: no neighbour has that link-layer address, "
			  "no "
			  "mapping that IPv4 address or name",
			  v->guest_name);
		judge_mend(f, "give its IPv6 address: on the guest, ip -6 addr");
	} else if (!v->has_guest) {
		judge_say(f, DOCTOR_SKIPPED, "no GUEST was given");
	} else if (v->guest_link) {
		judge_say(f, DOCTOR_OK, "%s is an address of %s", addr_text(&v->guest, text),
			  judge_link(v, v->guest_link));
	} else {
		bool client = acl_allows(&v->eff->nat64.clients, &v->guest, NULL);

		judge_say(f, client ? DOCTOR_WARN : DOCTOR_BROKEN,
			  "%s is in no prefix of the guests' link%s",
			  addr_text(&v->guest, text),
			  client ? ": it has to be behind another router" : "");
		judge_mend(f,
			   "on the guest: ip -6 addr; an address in %s, by the "
			   "advertisement (accept_ra, no fixed address of another prefix)",
			   own_prefix(v, prefix, sizeof prefix));
	}
}

void judge_guest_neighbour(const struct doctor_view *v, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN];

	if (!v->has_guest || !v->guest_link) {
		judge_say(f, DOCTOR_SKIPPED,
			  v->has_guest ? "it is not on the guests' link"
				       : "no GUEST was given");
	} else if (v->guest_has_mac) {
		judge_say(f, DOCTOR_OK, "it is at %s", mac_text(v->guest_mac, text));
	} else {
		judge_say(f, DOCTOR_BROKEN, "nobody on %s answers for %s",
			  judge_link(v, v->guest_link), addr_text(&v->guest, text));
		judge_mend(f, "is the guest up, its port on the bridge (bridge link show), and "
			      "its firewall open for ICMPv6 neighbour discovery?");
	}
}

void judge_health(const struct doctor_view *v, struct doctor_finding *f)
{
	if (!v->reasons.n)
		judge_say(f, DOCTOR_OK, "v6gwd says that all is well");
	else
		judge_reason(f, DOCTOR_WARN, v->reasons.v[0].text);
}
