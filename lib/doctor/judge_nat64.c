/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge_nat64.c - from the guest's packet into the TUN device, through the translator, and out
 * by the uplink. */
#include "judge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MTU_IPV6     1280u /* of every link that carries IPv6 (RFC 8200 5) */
#define MTU_GAIN     20u   /* an IPv4 header is that much shorter (RFC 7915 4, 5) */
#define CROWDED(max) ((max) / 10 * 9)

/* True when there is nothing to judge. */
static bool is_off(const struct doctor_view *v, struct doctor_finding *f)
{
	if (v->eff->nat64.enabled)
		return false;
	judge_say(f, DOCTOR_SKIPPED, "nat64.enabled is false");
	return true;
}

/* The same, and nothing further is known without a target. */
static bool has_none(const struct doctor_view *v, struct doctor_finding *f)
{
	if (is_off(v, f))
		return true;
	if (!v->has_target)
		judge_say(f, DOCTOR_SKIPPED, "no TARGET");
	return !v->has_target;
}

void judge_tun(const struct doctor_view *v, struct doctor_finding *f)
{
	const char *device = v->eff->config->nat64.device;
	const struct fact_link *link = facts_link_at(v->facts, v->tun);

	if (is_off(v, f))
		return;
	if (!v->tun) {
		judge_say(f, DOCTOR_BROKEN, "%s cannot be opened (%s)", device,
			  v->tun_error == -EBUSY ? "another process holds it"
						 : "v6gwctl status says why");
		judge_mend(f, "ls -l /dev/net/tun; ip -d link show %s; end who holds it",
			   device);
	} else if (!link || !link->up) {
		judge_say(f, DOCTOR_BROKEN, "%s is down", device);
		judge_mend(f, "ip link set %s up", device);
	} else {
		judge_say(f, DOCTOR_OK, "%s is up", device);
	}
}

void judge_route_ipv6(const struct doctor_view *v, struct doctor_finding *f)
{
	const char *device = v->eff->config->nat64.device;
	char text[ADDR_TEXT_LEN];

	if (is_off(v, f))
		return;
	judge_say(f, DOCTOR_OK, "the prefix leads to %s", device);
	if (v->unmet.n) {
		judge_reason(f, DOCTOR_BROKEN, v->unmet.v[0].text);
	} else if (v->to_tun.asked && (v->to_tun.error || v->to_tun.link != v->tun)) {
		judge_say(f, DOCTOR_BROKEN, "packets to the prefix do not go to %s: %s%s",
			  device, v->to_tun.error ? "" : "they leave by ",
			  v->to_tun.error ? judge_error(v->to_tun.error)
					  : judge_link(v, v->to_tun.link));
		judge_mend(f, "ip -6 route get 64:ff9b::1 shows the way; take away the rule or "
			      "the more exact route (ip -6 rule; ip -6 route show table all)");
	} else if (v->to_guest.asked && v->guest_link &&
		   (v->to_guest.error || v->to_guest.link != v->guest_link)) {
		judge_say(f, DOCTOR_BROKEN, "answers to %s do not go to %s: %s",
			  addr_text(&v->guest, text), judge_link(v, v->guest_link),
			  v->to_guest.error ? judge_error(v->to_guest.error)
					    : judge_link(v, v->to_guest.link));
		judge_mend(f, "ip -6 route get %s shows the way", addr_text(&v->guest, text));
	}
}

static bool say_sysctl(struct doctor_finding *f, const char *family, const char *name)
{
	judge_say(f, DOCTOR_BROKEN, "net.%s.conf.%s.forwarding is 0", family, name);
	judge_mend(f,
		   "sysctl -w net.%s.conf.%s.forwarding=1; and see who turns it off: grep -r "
		   "forward /etc/sysctl.conf /etc/sysctl.d; make /proc/sys/net writable for "
		   "v6gwd, and it does it itself",
		   family, name);
	return true;
}

/* IPv4 is forwarded from links that forward, IPv6 where all do. */
static bool forwards_not(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct fact_link *tun = facts_link_at(v->facts, v->tun);
	const struct fact_link *uplink = facts_link(v->facts, v->eff->uplink);

	if (!v->facts->forwarding6)
		return say_sysctl(f, "ipv6", "all");
	if (!v->facts->forwarding4 && (!tun || !tun->forwarding4))
		return say_sysctl(f, "ipv4", "all");
	if (tun && !tun->forwarding4)
		return say_sysctl(f, "ipv4", tun->name);
	return uplink && !uplink->forwarding4 && say_sysctl(f, "ipv4", uplink->name);
}

void judge_forwarding(const struct doctor_view *v, struct doctor_finding *f)
{
	if (!is_off(v, f) && !forwards_not(v, f))
		judge_say(f, DOCTOR_OK, "both are on");
}

void judge_client(const struct doctor_view *v, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN];

	if (is_off(v, f))
		return;
	if (acl_allows(&v->eff->nat64.clients, &v->guest,
		       v->guest_has_mac ? v->guest_mac : NULL)) {
		judge_say(f, DOCTOR_OK, "%s is served", judge_who(v, text));
		return;
	}
	judge_say(f, DOCTOR_BROKEN, "the list nat64.clients refuses %s", judge_who(v, text));
	judge_mend(f, "add its network to nat64.clients, then v6gwctl reload");
}

void judge_destination(const struct doctor_view *v, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN];

	if (has_none(v, f))
		return;
	addr4_text(v->target, text);
	if (addr4_is_never(v->target)) {
		judge_say(f, DOCTOR_BROKEN,
			  "%s is never translated: this host, link-local or "
			  "multicast",
			  text);
		judge_mend(f, "give a TARGET out in the internet");
	} else if (!acl_allows_v4(&v->eff->nat64.destinations, v->target)) {
		judge_say(f, DOCTOR_BROKEN, "%s is not one of nat64.destinations%s", text,
			  addr4_is_global(v->target) ? "" : ": it is not a global address");
		judge_mend(f, pref64_is_well_known(&v->eff->config->nat64.prefix)
				      ? "64:ff9b::/96 stands for global addresses alone: set "
					"a nat64.prefix of your own for others"
				      : "add it to nat64.destinations, then v6gwctl reload");
	} else {
		judge_say(f, DOCTOR_OK, "%s may be reached", text);
	}
}

void judge_mapping(const struct doctor_view *v, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN];

	if (is_off(v, f))
		return;
	if (v->has_mapping && !(v->mapping_dormant && v->pool_active >= v->pool_size)) {
		judge_say(f, DOCTOR_OK, "%s", addr4_text(v->mapping, text));
	} else if (v->pool_active < v->pool_size) {
		judge_say(f, DOCTOR_OK, "none yet; %u of %u addresses are in use",
			  v->pool_active, v->pool_size);
	} else {
		judge_say(f, DOCTOR_BROKEN, "all %u addresses of nat64.dynamic_pool are in use",
			  v->pool_size);
		judge_mend(f, "add another network to nat64.dynamic_pool, lower "
			      "nat64.max_mappings_per_guest or nat64.lease_lifetime; v6gwctl "
			      "mappings shows who has them");
	}
}

/* Newer kernels do not tell this refusal from others (older: EXDEV); it takes strict filtering,
 * and another way back. */
static bool refuses(const struct doctor_route *there, const struct doctor_route *back,
		    int strict, uint32_t link)
{
	return there->error == -EXDEV || (there->error && strict == 1 && back->asked &&
					  (back->error || back->link != link));
}

static bool refuses_out(const struct doctor_view *v)
{
	return refuses(&v->to_uplink, &v->to_pool, v->rp_tun, v->tun);
}

void judge_route_ipv4(const struct doctor_view *v, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN];

	if (has_none(v, f))
		return;
	addr4_text(v->target, text);
	if (!v->to_uplink.asked) {
		judge_say(f, DOCTOR_SKIPPED, "there is no pool, or no TUN device");
	} else if (v->to_uplink.error && !refuses_out(v)) {
		judge_say(f, DOCTOR_BROKEN, "the kernel does not forward to %s: %s", text,
			  judge_error(v->to_uplink.error));
		judge_mend(f, "ip route get %s, and ip rule: what leads there?", text);
	} else if (!v->to_uplink.error && v->to_uplink.link == v->tun) {
		judge_say(f, DOCTOR_BROKEN, "%s leads back into %s", text,
			  judge_link(v, v->tun));
		judge_mend(f, "take %s out of nat64.dynamic_pool and nat64.maps", text);
	} else if (v->to_uplink.error) {
		judge_say(f, DOCTOR_SKIPPED, "reverse path filtering forbids an answer: below");
	} else {
		judge_say(f, DOCTOR_OK, "%s by %s", text, judge_link(v, v->to_uplink.link));
	}
}

static void say_strict(const struct doctor_view *v, uint32_t index, struct doctor_finding *f)
{
	const char *name = judge_link(v, index);

	judge_say(f, DOCTOR_BROKEN, "strict reverse path filtering drops what comes by %s",
		  name);
	judge_mend(f,
		   "sysctl -w net.ipv4.conf.%s.rp_filter=2, and net.ipv4.conf.all.rp_filter "
		   "not 1, in /etc/sysctl.d; or lead the way back by the same link (ip rule)",
		   name);
}

/* Did a ping come back through the translator? */
static bool any_back(const struct doctor_view *v)
{
	for (size_t i = 0; i < v->n_echoes; i++)
		if (v->echoes[i].back)
			return true;
	return false;
}

void judge_rp_filter(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct fact_link *uplink = facts_link(v->facts, v->eff->uplink);

	if (has_none(v, f))
		return;
	if (!v->to_uplink.asked)
		judge_say(f, DOCTOR_SKIPPED, "there is no pool, or no TUN device");
	else if (refuses_out(v))
		say_strict(v, v->tun, f);
	else if (refuses(&v->from_uplink, &v->to_target, v->rp_uplink, v->to_uplink.link))
		say_strict(v, v->to_uplink.link, f);
	else if (v->rp_dropped && v->n_echoes && !any_back(v) &&
		 (v->rp_tun == 1 || v->rp_uplink == 1))
		say_strict(v, v->rp_uplink == 1 && uplink ? uplink->index : v->tun, f);
	else
		judge_say(f, DOCTOR_OK, "nothing is refused, to the target and back");
}

void judge_masquerade(const struct doctor_view *v, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN];

	if (is_off(v, f))
		return;
	if (!v->eff->nat64.n_pools) {
		judge_say(f, DOCTOR_OK, "there is no pool, maps are routed");
	} else if (v->eff->config->nat64.masquerade == CONFIG_MASQUERADE_OFF) {
		bool works = any_back(v);

		prefix4_text(&v->eff->nat64.pools[0], text);
		judge_say(f, works || !v->n_echoes ? DOCTOR_OK : DOCTOR_BROKEN,
			  "nat64.masquerade is \"off\"%s",
			  works         ? ", and answers come back all the same"
			  : v->n_echoes ? ", and no answer comes back for the pool"
					: ": a rule of your own has to do it");
		judge_mend(f,
			   "nat64.masquerade = \"auto\"; or nft add rule ip nat postrouting "
			   "ip saddr %s oifname \"%s\" masquerade; or a route to %s in your "
			   "network",
			   text, *v->eff->uplink ? v->eff->uplink : "eth0", text);
		if (f->state == DOCTOR_OK)
			f->remedy[0] = '\0';
	} else if (!v->masquerade_present) {
		judge_say(f, DOCTOR_BROKEN,
			  "table ip v6gwd is not there: the pool is not "
			  "masqueraded");
		judge_mend(f, "modprobe nft_masq nft_chain_nat; nft list table ip v6gwd: if "
			      "another process owns it, end that one");
	} else {
		judge_say(f, DOCTOR_OK, "table ip v6gwd is in place");
	}
}

void judge_conntrack(const struct doctor_view *v, struct doctor_finding *f)
{
	unsigned long long n = v->conntrack_count, max = v->conntrack_max;

	if (!max) {
		judge_say(f, DOCTOR_SKIPPED, "the kernel tracks no connections now");
		return;
	}
	judge_say(f,
		  n >= max            ? DOCTOR_BROKEN
		  : n >= CROWDED(max) ? DOCTOR_WARN
				      : DOCTOR_OK,
		  "%llu of %llu connections", n, max);
	if (f->state != DOCTOR_OK)
		judge_mend(f,
			   "sysctl -w net.netfilter.nf_conntrack_max=%llu; conntrack -S and "
			   "-L show whose they are",
			   2 * max);
}

/* The smallest MTU of the guests' links, and its link. */
static const struct fact_link *narrowest(const struct doctor_view *v)
{
	const struct fact_link *least = NULL;

	for (size_t i = 0; i < v->eff->n_ifaces; i++) {
		const struct fact_link *l = facts_link_at(v->facts, v->eff->ifaces[i].index);

		if (l && (!least || l->mtu < least->mtu))
			least = l;
	}
	return least;
}

void judge_mtu(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct fact_link *tun = facts_link_at(v->facts, v->tun);
	const struct fact_link *up = facts_link(v->facts, v->eff->uplink);
	const struct fact_link *guests = narrowest(v);

	if (is_off(v, f))
		return;
	if (!tun || !guests) {
		judge_say(f, DOCTOR_SKIPPED, "the links are not there");
		return;
	}
	judge_say(f, DOCTOR_OK, "%s %u, %s %u, %s %u", guests->name, guests->mtu, tun->name,
		  tun->mtu, up ? up->name : "uplink", up ? up->mtu : 0);
	if (up && up->mtu < MTU_IPV6 - MTU_GAIN) {
		judge_say(f, DOCTOR_BROKEN,
			  "%s has MTU %u: the smallest packets that IPv6 "
			  "must carry do not fit",
			  up->name, up->mtu);
		judge_mend(f, "ip link set %s mtu 1500", up->name);
	} else if (tun->mtu < MTU_IPV6 || guests->mtu < MTU_IPV6) {
		judge_say(f, DOCTOR_BROKEN, "an MTU below 1280 takes IPv6 away: %s %u, %s %u",
			  tun->name, tun->mtu, guests->name, guests->mtu);
		judge_mend(f, "ip link set %s mtu 1500",
			   tun->mtu < MTU_IPV6 ? tun->name : guests->name);
	} else if (guests->mtu < tun->mtu || (up && up->mtu + MTU_GAIN < tun->mtu)) {
		uint32_t mtu = guests->mtu;

		if (up && up->mtu + MTU_GAIN < mtu)
			mtu = up->mtu + MTU_GAIN;
		judge_say(f, DOCTOR_WARN,
			  "%s %u is more than %s %u and %s %u carry: every "
			  "connection has to find that out",
			  tun->name, tun->mtu, guests->name, guests->mtu,
			  up ? up->name : "uplink", up ? up->mtu : 0);
		judge_mend(f, "nat64.mtu = %u; and ra.mtu = %u where guests have more", mtu,
			   mtu);
	}
}

static void say_echo(const struct doctor_echo *e, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN];

	addr4_text(e->target, text);
	if (e->back) {
		judge_say(f, DOCTOR_OK, "%s answered through the translator", text);
		return;
	}
	judge_say(f, e->direct_back ? DOCTOR_BROKEN : DOCTOR_WARN,
		  e->direct_back ? "%s answers the host, but not through the translator"
				 : "%s answers no ping, of the host itself neither",
		  text);
	judge_mend(f,
		   e->direct_back
			   ? "v6gwctl counters --nonzero tells whether it was dropped; tcpdump "
			     "-ni any host %s shows where it ends"
			   : "give another TARGET; traceroute %s shows how far packets come",
		   text);
}

void judge_echo(const struct doctor_view *v, struct doctor_finding *f)
{
	bool said = false;

	if (has_none(v, f))
		return;
	judge_say(f, DOCTOR_SKIPPED, "no ping could be sent");
	for (size_t i = 0; i < v->n_echoes; i++) {
		const struct doctor_echo *e = &v->echoes[i];

		if (!e->sent || f->state == DOCTOR_OK || (said && !e->back && !e->direct_back))
			continue;
		memset(f, 0, sizeof *f);
		say_echo(e, f);
		said = true;
	}
}

void judge_traffic(const struct doctor_view *v, struct doctor_finding *f)
{
	if (is_off(v, f))
		return;
	if (!v->has_guest) {
		judge_say(f, DOCTOR_SKIPPED, "no GUEST was given");
	} else if (!v->has_mapping || !v->packets[0]) {
		judge_say(f, DOCTOR_WARN, "no packet of the guest has come to the translator");
		judge_mend(f, "on the guest: ip -6 route get 64:ff9b::1 has to lead to this "
			      "host; its own firewall has to let it out");
	} else if (!v->packets[1]) {
		judge_say(f, DOCTOR_WARN, "%llu packets of the guest went out, none came back",
			  (unsigned long long)v->packets[0]);
		judge_mend(f, "v6gwctl counters --nonzero; tcpdump on the uplink");
	} else {
		judge_say(f, DOCTOR_OK, "%llu packets out, %llu back",
			  (unsigned long long)v->packets[0], (unsigned long long)v->packets[1]);
	}
}
