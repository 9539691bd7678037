/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor_test.c - a host that is well, and one thing wrong after the other: which step says so,
 * and what it advises. */
#include "t.h"

#include "doctor/doctor.h"

#include <errno.h>
#include <string.h>

enum { BR0 = 2, ETH0 = 3, TUN = 4 };

static struct {
	struct config config;
	struct effective eff;
	struct facts facts;
	struct fact_link links[3];
	struct fact_addr addrs[1];
	struct fact_route routes[1];
	struct eff_iface iface;
	struct eff_endpoint listen, forwarder;
	struct prefix4 pool;
	struct acl_entry any, global;
	struct filter filter;
	struct doctor_view view;
} h;

static struct in6_addr six(const char *text)
{
	struct in6_addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static struct in_addr four(const char *text)
{
	struct in6_addr a = six(text);

	return addr_v4(&a);
}

static void make_host(void)
{
	memset(&h, 0, sizeof h);
	h.config.nat64.device = "nat64";
	h.config.nat64.prefix = (struct pref64){ six("64:ff9b::"), 96 };
	h.config.dns64.port = 53;
	h.links[0] = (struct fact_link){ .index = BR0,
					 .name = "br0",
					 .up = true,
					 .running = true,
					 .mtu = 1500,
					 .forwarding4 = true,
					 .forwarding6 = true };
	h.links[1] = h.links[2] = h.links[0];
	h.links[1].index = ETH0;
	strcpy(h.links[1].name, "eth0");
	h.links[2].index = TUN;
	strcpy(h.links[2].name, "nat64");
	h.addrs[0] = (struct fact_addr){ .index = BR0, .addr = six("2001:db8::1"), .len = 64 };
	h.routes[0] =
		(struct fact_route){ .index = ETH0, .v4 = true, .gateway = six("192.0.2.1") };
	h.facts = (struct facts){ .links = h.links,
				  .n_links = 3,
				  .addrs = h.addrs,
				  .n_addrs = 1,
				  .routes = h.routes,
				  .n_routes = 1,
				  .forwarding4 = true,
				  .forwarding6 = true };
	h.iface = (struct eff_iface){ .name = "br0", .index = BR0 };
	h.listen = (struct eff_endpoint){ .addr = six("2001:db8::1"), .port = 53 };
	h.forwarder = (struct eff_endpoint){ .addr = six("9.9.9.9"), .port = 53 };
	h.pool = (struct prefix4){ four("192.168.255.0"), 24 };
	h.any = (struct acl_entry){ .kind = ACL_ANY };
	h.global = (struct acl_entry){ .kind = ACL_GLOBAL };
	h.eff = (struct effective){ .config = &h.config,
				    .ifaces = &h.iface,
				    .n_ifaces = 1,
				    .uplink = "eth0",
				    .nat64 = { .enabled = true,
					       .pools = &h.pool,
					       .n_pools = 1,
					       .clients = { &h.any, 1 },
					       .destinations = { &h.global, 1 } },
				    .dns64 = { .enabled = true,
					       .listen = { &h.listen, 1 },
					       .forwarders = { &h.forwarder, 1 } } };
	h.config.dns64.port = 53;
	h.filter.whole = true;
}

static void make_view(void)
{
	struct doctor_view *v = &h.view;

	v->eff = &h.eff;
	v->facts = &h.facts;
	v->file = "/etc/v6gwd.conf";
	v->uptime_s = 100;
	v->seen = (struct doctor_seen){ .processes_known = true,
					.legacy_known = true,
					.saved_known = true };
	v->has_guest = v->guest_has_mac = v->has_target = true;
	v->guest = six("2001:db8::25");
	v->guest_link = BR0;
	v->target = four("8.8.8.8");
	v->ra[0] =
		(struct doctor_ra){ .name = "br0", .state = "steady", .runs = true, .sent = 3 };
	v->n_ra = v->dns_bound = v->forwarders = v->n_echoes = 1;
	v->arpa = (struct doctor_answer){ .state = DOCTOR_ANSWERED,
					  .has_aaaa = true,
					  .is_translated = true,
					  .aaaa = six("64:ff9b::192.0.0.170") };
	v->forwarded = (struct doctor_answer){ .state = DOCTOR_ANSWERED, .rcode = 3 };
	v->tun = TUN;
	v->to_tun = (struct doctor_route){ .asked = true, .link = TUN };
	v->to_guest = (struct doctor_route){ .asked = true, .link = BR0 };
	v->to_uplink = (struct doctor_route){ .asked = true, .link = ETH0 };
	v->from_uplink = v->to_pool = (struct doctor_route){ .asked = true, .link = TUN };
	v->to_target = v->to_uplink;
	v->has_mapping = v->masquerade_present = true;
	v->mapping = four("192.168.255.7");
	v->packets[0] = v->packets[1] = 9;
	v->pool_active = 1;
	v->pool_size = 253;
	v->filter = &h.filter;
	v->conntrack_count = 10;
	v->conntrack_max = 1000;
	v->echoes[0] = (struct doctor_echo){ v->target, true, true, true, true };
}

/* One thing that is wrong. */
#define ILL(name, ...)                           \
	static void name(void)                   \
	{                                        \
		struct doctor_view *v = &h.view; \
		(void)v;                         \
		__VA_ARGS__;                     \
	}

static void policy(uint8_t family, uint32_t hook, const char *table, const char *name)
{
	struct filter_chain *c = filter_add_chain(&h.filter);

	assert_non_null(c);
	strcpy(c->table, table);
	strcpy(c->name, name);
	c->family = family;
	c->hook = hook;
	c->base = c->filters = c->drops = true;
}

static void chain(const char *name)
{
	struct filter_chain *c = filter_add_chain(&h.filter);

	assert_non_null(c);
	strcpy(c->table, "filter");
	strcpy(c->name, name);
	c->family = FILTER_IPV4;
}

static void complain(struct reasons *r)
{
	reasons_add(r, EVENT_PORT_TAKEN,
		    "port 53 (UDP, of [::1]) is taken by named (stop it (now))");
}

ILL(stale, v->stale = true)
ILL(no_link, h.iface.index = 0)
ILL(link_down, h.links[0].up = false)
ILL(no_address, h.facts.n_addrs = 0)
ILL(no_carrier, h.links[0].running = false)
ILL(no_route, h.facts.n_routes = 0)
ILL(one_route, h.facts.n_routes = 0; v->has_guest = false)
ILL(uplink_down, h.links[1].up = false)
ILL(tayga, v->seen.tayga.pid = 7)
ILL(tayga_unit, v->seen.tayga = ((struct doctor_process){ "tayga", "tayga.service", 7 }))
ILL(nobody_looked, v->seen.processes_known = false; v->seen.radvd.pid = 7)
ILL(radvd, v->seen.radvd.pid = 7)
ILL(ra_waits, v->ra[0].runs = false)
ILL(ra_silent, v->ra[0].sent = 0)
ILL(ra_withheld, v->ra[0].withheld = "dns64")
ILL(ra_against, v->ra[0].against = six("fe80::9"))
ILL(off_link, v->guest_link = 0; h.any.kind = ACL_LOCALHOST)
ILL(behind_router, v->guest_link = 0)
ILL(no_mac, v->guest_has_mac = false)
ILL(input_nft, policy(FILTER_INET, FILTER_INPUT, "fw", "in"))
ILL(input_iptables, policy(FILTER_IPV6, FILTER_INPUT, "filter", "INPUT"))
ILL(input_port, policy(FILTER_INET, FILTER_INPUT, "fw", "in"); h.config.dns64.port = 5353)
ILL(input_ufw, policy(FILTER_IPV6, FILTER_INPUT, "filter", "INPUT"); chain("ufw-user-input"))
ILL(port_taken, complain(&v->dns_listen))
ILL(nothing_bound, v->dns_bound = 0)
ILL(never_asked, v->dns_last_ms = UINT64_MAX)
ILL(refused, v->arpa.rcode = 5; strcpy(v->arpa.why, "because"))
ILL(excluded, v->arpa.is_translated = false; strcpy(v->arpa.why, "because"))
ILL(unanswered, v->arpa.state = DOCTOR_NO_ANSWER)
ILL(servfail, v->forwarded.rcode = 2)
ILL(no_forwarder, v->forwarders = 0)
ILL(one_silent, v->forwarders = 2; v->forwarders_silent = 1)
ILL(name_unknown, v->target_name = "a.example"; v->named.state = DOCTOR_ANSWERED)
ILL(name_six, v->target_name = "a.example"; v->named = v->arpa; v->named.is_translated = false)
ILL(no_tun, v->tun = 0; v->tun_error = -EBUSY)
ILL(tun_down, h.links[2].up = false)
ILL(elsewhere, v->to_tun.link = ETH0)
ILL(blackhole, v->to_tun.error = -EINVAL)
ILL(not_back, v->to_guest.link = ETH0)
ILL(unmet, complain(&v->unmet))
ILL(no_forwarding6, h.facts.forwarding6 = false)
ILL(no_forwarding4, h.links[2].forwarding4 = false)
ILL(no_uplink_forwarding, h.links[1].forwarding4 = false)
ILL(drop6, policy(FILTER_IPV6, FILTER_FORWARD, "filter", "forward"))
ILL(refused_client, h.any.negated = true; h.any.kind = ACL_NET;
    h.any.net = ((struct prefix6){ six("2001:db8::25"), 128 }))
ILL(private_target, v->target = four("10.0.0.1"))
ILL(never_target, v->target = four("127.0.0.1"))
ILL(pool_full, v->has_mapping = false; v->pool_active = 253)
ILL(dormant_in_full, v->mapping_dormant = true; v->pool_active = 253)
ILL(prohibited, v->to_uplink.error = -EACCES)
ILL(loops, v->to_uplink.link = TUN)
ILL(strict_tun, v->to_uplink.error = -EXDEV)
ILL(strict_back, v->from_uplink.error = -EXDEV)
ILL(strict_new, v->to_uplink.error = -EHOSTUNREACH; v->rp_tun = 1; v->to_pool.link = BR0)
ILL(strict_measured, v->rp_dropped = 1; v->rp_uplink = 1; v->echoes[0].back = false)
ILL(drop4, policy(FILTER_IPV4, FILTER_FORWARD, "filter", "FORWARD"))
ILL(drop_ufw, policy(FILTER_IPV4, FILTER_FORWARD, "filter", "FORWARD");
    chain("ufw-before-forward"))
ILL(drop_docker, policy(FILTER_IPV4, FILTER_FORWARD, "filter", "FORWARD"); chain("DOCKER-USER"))
ILL(drop_shorewall, policy(FILTER_IPV4, FILTER_FORWARD, "filter", "FORWARD");
    chain("shorewall"))
ILL(drop_firewalld, policy(FILTER_IPV4, FILTER_FORWARD, "firewalld", "filter_FORWARD"))
ILL(unread, v->filter = NULL; policy(FILTER_INET, FILTER_FORWARD, "fw", "c"))
ILL(legacy, v->seen.legacy4 = true; v->legacy4 = DOCTOR_LEGACY_DROPS;
    v->legacy6 = DOCTOR_LEGACY_UNKNOWN)
ILL(legacy_rules, v->seen.legacy6 = true; v->legacy4 = DOCTOR_LEGACY_ACCEPTS;
    v->legacy6 = DOCTOR_LEGACY_RULES)
ILL(no_masquerade, v->masquerade_present = false)
ILL(masquerade_off, h.config.nat64.masquerade = CONFIG_MASQUERADE_OFF;
    v->echoes[0].back = false)
ILL(crowded, v->conntrack_count = 950)
ILL(crammed, v->conntrack_count = 1000)
ILL(narrow_uplink, h.links[1].mtu = 1259)
ILL(narrow_tun, h.links[2].mtu = 1279)
ILL(narrow_guests, h.links[0].mtu = 1400)
ILL(no_answer, v->echoes[0].back = false)
ILL(nobody_answers, v->echoes[0].back = v->echoes[0].direct_back = false)
ILL(no_packets, v->packets[0] = 0)
ILL(no_packets_back, v->packets[1] = 0)
ILL(saved, strcpy(v->seen.saved, "/etc/nftables.conf"))
ILL(complaint, complain(&v->reasons))

static const struct {
	void (*ill)(void);
	enum doctor_step step;
	enum doctor_state state;
	const char *remedy; /* a part of it */
} rows[] = {
	{ stale, DOCTOR_CONFIG, DOCTOR_WARN, "v6gwd --check" },
	{ no_link, DOCTOR_INTERFACE, DOCTOR_BROKEN, "interface" },
	{ link_down, DOCTOR_INTERFACE, DOCTOR_BROKEN, "ip link set br0 up" },
	{ no_address, DOCTOR_INTERFACE, DOCTOR_BROKEN, "dev br0" },
	{ no_carrier, DOCTOR_INTERFACE, DOCTOR_BROKEN, "bridge link" },
	{ no_route, DOCTOR_UPLINK, DOCTOR_WARN, "ip route add default" },
	{ uplink_down, DOCTOR_UPLINK, DOCTOR_BROKEN, "eth0" },
	{ tayga, DOCTOR_TAYGA, DOCTOR_BROKEN, "kill 7" },
	{ tayga_unit, DOCTOR_TAYGA, DOCTOR_BROKEN, "--now tayga.service" },
	{ nobody_looked, DOCTOR_RADVD, DOCTOR_SKIPPED, "" },
	{ radvd, DOCTOR_RADVD, DOCTOR_BROKEN, "radvd" },
	{ ra_waits, DOCTOR_ADVERTISEMENT, DOCTOR_BROKEN, "status" },
	{ ra_silent, DOCTOR_ADVERTISEMENT, DOCTOR_BROKEN, "journalctl" },
	{ ra_withheld, DOCTOR_ADVERTISEMENT, DOCTOR_WARN, "below" },
	{ ra_against, DOCTOR_ADVERTISEMENT, DOCTOR_WARN, "v6gwctl ra" },
	{ off_link, DOCTOR_GUEST_PREFIX, DOCTOR_BROKEN, "2001:db8::/64 on br0" },
	{ behind_router, DOCTOR_GUEST_PREFIX, DOCTOR_WARN, "2001:db8::/64" },
	{ no_mac, DOCTOR_GUEST_NEIGHBOUR, DOCTOR_BROKEN, "neighbour discovery" },
	{ input_nft, DOCTOR_FILTER_INPUT, DOCTOR_BROKEN,
	  "nft insert rule inet fw in iifname \"br0\"" },
	{ input_iptables, DOCTOR_FILTER_INPUT, DOCTOR_BROKEN,
	  "ip6tables -I INPUT -i br0 -p udp --dport 53 -j ACCEPT" },
	{ input_port, DOCTOR_FILTER_INPUT, DOCTOR_BROKEN, "th dport 5353 accept" },
	{ input_ufw, DOCTOR_FILTER_INPUT, DOCTOR_BROKEN, "ufw allow in on br0 to any port 53" },
	{ port_taken, DOCTOR_DNS_PORT, DOCTOR_BROKEN, "stop it (now)" },
	{ nothing_bound, DOCTOR_DNS_PORT, DOCTOR_BROKEN, "dns64.listen" },
	{ never_asked, DOCTOR_DNS_QUESTIONS, DOCTOR_WARN, "2001:db8::1" },
	{ refused, DOCTOR_DNS_ANSWER, DOCTOR_BROKEN, "allow_query" },
	{ excluded, DOCTOR_DNS_ANSWER, DOCTOR_BROKEN, "dns64.clients" },
	{ unanswered, DOCTOR_DNS_ANSWER, DOCTOR_BROKEN, "allow_query" },
	{ servfail, DOCTOR_FORWARDERS, DOCTOR_BROKEN, "dns64.forwarders" },
	{ no_forwarder, DOCTOR_FORWARDERS, DOCTOR_BROKEN, "dns64.forwarders" },
	{ one_silent, DOCTOR_FORWARDERS, DOCTOR_WARN, "v6gwctl dns" },
	{ name_unknown, DOCTOR_TARGET, DOCTOR_BROKEN, "dns query a.example" },
	{ name_six, DOCTOR_TARGET, DOCTOR_WARN, "IPv4 alone" },
	{ no_tun, DOCTOR_TUN, DOCTOR_BROKEN, "nat64" },
	{ tun_down, DOCTOR_TUN, DOCTOR_BROKEN, "ip link set nat64 up" },
	{ elsewhere, DOCTOR_ROUTE_IPV6, DOCTOR_BROKEN, "ip -6 rule" },
	{ blackhole, DOCTOR_ROUTE_IPV6, DOCTOR_BROKEN, "ip -6 rule" },
	{ not_back, DOCTOR_ROUTE_IPV6, DOCTOR_BROKEN, "route get 2001:db8::25" },
	{ unmet, DOCTOR_ROUTE_IPV6, DOCTOR_BROKEN, "stop it" },
	{ no_forwarding6, DOCTOR_FORWARDING, DOCTOR_BROKEN, "net.ipv6.conf.all.forwarding=1" },
	{ no_forwarding4, DOCTOR_FORWARDING, DOCTOR_BROKEN,
	  "net.ipv4.conf.nat64.forwarding=1" },
	{ no_uplink_forwarding, DOCTOR_FORWARDING, DOCTOR_BROKEN,
	  "ipv4.conf.eth0.forwarding=1" },
	{ drop6, DOCTOR_FILTER_IPV6, DOCTOR_BROKEN,
	  "nft insert rule ip6 filter forward iifname \"nat64\" oifname \"br0\" accept" },
	{ refused_client, DOCTOR_CLIENT, DOCTOR_BROKEN, "nat64.clients" },
	{ private_target, DOCTOR_DESTINATION, DOCTOR_BROKEN, "nat64.prefix" },
	{ never_target, DOCTOR_DESTINATION, DOCTOR_BROKEN, "TARGET" },
	{ pool_full, DOCTOR_MAPPING, DOCTOR_BROKEN, "nat64.dynamic_pool" },
	{ dormant_in_full, DOCTOR_MAPPING, DOCTOR_BROKEN, "nat64.dynamic_pool" },
	{ prohibited, DOCTOR_ROUTE_IPV4, DOCTOR_BROKEN, "ip route get 8.8.8.8" },
	{ loops, DOCTOR_ROUTE_IPV4, DOCTOR_BROKEN, "nat64.maps" },
	{ strict_tun, DOCTOR_RP_FILTER, DOCTOR_BROKEN, "net.ipv4.conf.nat64.rp_filter=2" },
	{ strict_back, DOCTOR_RP_FILTER, DOCTOR_BROKEN, "net.ipv4.conf.eth0.rp_filter=2" },
	{ strict_new, DOCTOR_RP_FILTER, DOCTOR_BROKEN, "net.ipv4.conf.nat64.rp_filter=2" },
	{ strict_measured, DOCTOR_RP_FILTER, DOCTOR_BROKEN, "net.ipv4.conf.eth0.rp_filter=2" },
	{ drop4, DOCTOR_FILTER_IPV4, DOCTOR_BROKEN,
	  "iptables -I FORWARD -i nat64 -o eth0 -j ACCEPT\n"
	  "iptables -I FORWARD -i eth0 -o nat64 -j ACCEPT" },
	{ drop_ufw, DOCTOR_FILTER_IPV4, DOCTOR_BROKEN,
	  "ufw route allow in on nat64 out on eth0" },
	{ drop_docker, DOCTOR_FILTER_IPV4, DOCTOR_BROKEN, "iptables -I DOCKER-USER -i nat64" },
	{ drop_shorewall, DOCTOR_FILTER_IPV4, DOCTOR_BROKEN,
	  "/etc/shorewall/interfaces: nat64 nat64" },
	{ drop_firewalld, DOCTOR_FILTER_IPV4, DOCTOR_BROKEN, "--add-interface=nat64" },
	{ unread, DOCTOR_FILTER_IPV4, DOCTOR_SKIPPED, "" },
	{ legacy, DOCTOR_FILTER_LEGACY, DOCTOR_WARN, "iptables-legacy -I FORWARD -i nat64" },
	{ legacy_rules, DOCTOR_FILTER_LEGACY, DOCTOR_WARN, "ip6tables-legacy -S FORWARD" },
	{ no_masquerade, DOCTOR_MASQUERADE, DOCTOR_BROKEN, "modprobe" },
	{ masquerade_off, DOCTOR_MASQUERADE, DOCTOR_BROKEN, "saddr 192.168.255.0/24" },
	{ crowded, DOCTOR_CONNTRACK, DOCTOR_WARN, "nf_conntrack_max=2000" },
	{ crammed, DOCTOR_CONNTRACK, DOCTOR_BROKEN, "nf_conntrack_max=2000" },
	{ narrow_uplink, DOCTOR_MTU, DOCTOR_BROKEN, "ip link set eth0 mtu 1500" },
	{ narrow_tun, DOCTOR_MTU, DOCTOR_BROKEN, "ip link set nat64 mtu 1500" },
	{ narrow_guests, DOCTOR_MTU, DOCTOR_WARN, "nat64.mtu = 1400" },
	{ no_answer, DOCTOR_ECHO, DOCTOR_BROKEN, "tcpdump" },
	{ nobody_answers, DOCTOR_ECHO, DOCTOR_WARN, "traceroute 8.8.8.8" },
	{ no_packets, DOCTOR_TRAFFIC, DOCTOR_WARN, "on the guest" },
	{ no_packets_back, DOCTOR_TRAFFIC, DOCTOR_WARN, "tcpdump" },
	{ saved, DOCTOR_SAVED_RULES, DOCTOR_WARN, "/etc/nftables.conf" },
	{ complaint, DOCTOR_HEALTH, DOCTOR_WARN, "stop it (now)" },
};

static void test_well(void **state)
{
	(void)state;
	make_host();
	make_view();
	for (enum doctor_step s = 0; s < DOCTOR_STEP_COUNT; s++) {
		struct doctor_finding f;

		doctor_judge(s, &h.view, &f);
		if (f.state != DOCTOR_OK || !*f.text || *f.remedy)
			fail_msg("%s: %d %s (%s)", doctor_steps[s].id, f.state, f.text,
				 f.remedy);
	}
}

/* The step says it, and none before it is worse. */
static void test_ills(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *id = doctor_steps[rows[i].step].id;
		struct doctor_finding f;

		make_host();
		make_view();
		rows[i].ill();
		for (enum doctor_step s = 0; s < rows[i].step; s++) {
			doctor_judge(s, &h.view, &f);
			if (f.state == DOCTOR_BROKEN)
				fail_msg("row %zu, %s: %s before it: %s", i, id,
					 doctor_steps[s].id, f.text);
		}
		doctor_judge(rows[i].step, &h.view, &f);
		if (f.state != rows[i].state || !strstr(f.remedy, rows[i].remedy))
			fail_msg("row %zu, %s: %d %s (%s)", i, id, f.state, f.text, f.remedy);
		if (f.state == DOCTOR_BROKEN || f.state == DOCTOR_WARN)
			assert_true(*f.text && *f.remedy);
		filter_done(&h.filter);
	}
}

/* Without guest, target and planes nothing is broken that was not looked at. */
static void test_nothing_to_judge(void **state)
{
	(void)state;
	make_host();
	make_view();
	one_route();
	h.facts.n_routes = 1;
	h.view.has_target = false;
	h.view.n_echoes = 0;
	h.eff.nat64.enabled = h.eff.dns64.enabled = false;
	h.view.n_ra = 0;
	for (enum doctor_step s = 0; s < DOCTOR_STEP_COUNT; s++) {
		struct doctor_finding f;

		doctor_judge(s, &h.view, &f);
		if (f.state != DOCTOR_OK && f.state != DOCTOR_SKIPPED)
			fail_msg("%s: %s", doctor_steps[s].id, f.text);
	}
}

static void test_targets(void **state)
{
	struct in_addr out[DOCTOR_ECHOES];

	(void)state;
	make_host(); /* 192.0.2.1 is not global */
	assert_int_equal(doctor_targets(&h.eff, &h.facts, out), 1);
	assert_int_equal(out[0].s_addr, four("9.9.9.9").s_addr);
	h.routes[0].gateway = six("5.9.0.1");
	assert_int_equal(doctor_targets(&h.eff, &h.facts, out), 2);
	assert_int_equal(out[0].s_addr, four("5.9.0.1").s_addr);
	h.forwarder.addr = h.routes[0].gateway;
	assert_int_equal(doctor_targets(&h.eff, &h.facts, out), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well),
		cmocka_unit_test(test_ills),
		cmocka_unit_test(test_nothing_to_judge),
		cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
