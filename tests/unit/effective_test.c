/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A host made of tables, and what becomes of "auto" on it. */
#include "config/effective.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LO = 1, ETH0, BR0, BR1, VNET0 };

struct host {
	struct fact_link links[16];
	struct fact_addr addrs[16];
	struct fact_route routes[4];
	struct fact_resolver resolvers[4];
	struct facts facts;
	struct config config;
	struct config_ra ra;
	struct config_ra_prefix prefix;
	struct config_ra_rdnss rdnss;
	struct acl_entry clients, destinations, query, all;
	struct prefix6 pool;
	const char *name;
};

static struct in6_addr addr(const char *text)
{
	struct in6_addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static struct fact_link *add_link(struct host *h, uint32_t index, const char *name,
				  const char *kind)
{
	struct fact_link *l = &h->links[h->facts.n_links++];

	*l = (struct fact_link){ .index = index,
				 .up = true,
				 .running = true,
				 .mtu = 1500,
				 .has_mac = true,
				 .mac = { 2, 0, 0, 0, 0, (uint8_t)index },
				 .forwarding6 = true };
	snprintf(l->name, sizeof l->name, "%s", name);
	snprintf(l->kind, sizeof l->kind, "%s", kind);
	return l;
}

/* "2001:db8::1/64"; IPv4 lengths too are of 128. */
static struct fact_addr *have(struct host *h, uint32_t index, const char *text)
{
	struct fact_addr *a = &h->addrs[h->facts.n_addrs++];
	char bare[64];

	snprintf(bare, sizeof bare, "%.*s", (int)strcspn(text, "/"), text);
	*a = (struct fact_addr){ .index = index,
				 .addr = addr(bare),
				 .len = (uint8_t)atoi(strchr(text, '/') + 1),
				 .valid_until_ms = UINT64_MAX,
				 .preferred_until_ms = UINT64_MAX };
	return a;
}

static void set_config(struct host *h)
{
	h->clients = (struct acl_entry){ .kind = ACL_AUTO };
	h->destinations = (struct acl_entry){ .kind = ACL_AUTO };
	h->query = (struct acl_entry){ .kind = ACL_LOCALNETS };
	h->all = (struct acl_entry){ .kind = ACL_ANY };
	assert_true(prefix_parse("192.168.255.0/24", &h->pool, NULL));
	h->prefix = (struct config_ra_prefix){ .is_auto = true,
					       .on_link = true,
					       .autonomous = true,
					       .valid_ms = 86400000,
					       .preferred_ms = 14400000 };
	h->rdnss = (struct config_ra_rdnss){ .servers = { .has_auto = true },
					     .lifetime_ms = CONFIG_AUTO };
	h->ra = (struct config_ra){ .min_interval_ms = CONFIG_AUTO,
				    .max_interval_ms = 600000,
				    .router_lifetime_ms = CONFIG_AUTO,
				    .prefixes = &h->prefix,
				    .n_prefixes = 1,
				    .rdnss = &h->rdnss,
				    .n_rdnss = 1 };
	h->config = (struct config){
		.nat64 = { .enabled = true,
			   .prefix = { addr("64:ff9b::"), 96 },
			   .ipv4_auto = true,
			   .ipv6_auto = true,
			   .dynamic_pool = { &h->pool, 1 },
			   .clients = { &h->clients, 1 },
			   .destinations = { &h->destinations, 1 } },
		.dns64 = { .enabled = true,
			   .listen_auto = true,
			   .port = 53,
			   .forwarders = { .has_auto = true },
			   .allow_query = { &h->query, 1 },
			   .clients = { &h->all, 1 } },
		.ra = &h->ra,
	};
}

/* A host with an uplink, a bridge for the guests, and a resolver. */
static struct host *new_host(void)
{
	struct host *h = test_calloc(1, sizeof *h);

	h->facts = (struct facts){ .links = h->links,
				   .addrs = h->addrs,
				   .routes = h->routes,
				   .resolvers = h->resolvers,
				   .machine_id = { 1, 2, 3 } };
	add_link(h, LO, "lo", "")->loopback = true;
	add_link(h, ETH0, "eth0", "");
	add_link(h, BR0, "br0", "bridge");
	have(h, LO, "::1/128");
	have(h, ETH0, "198.51.100.7/120");
	have(h, BR0, "fe80::1/64");
	have(h, BR0, "2001:db8:1:2::1/64");
	h->routes[h->facts.n_routes++] = (struct fact_route){ .index = ETH0, .v4 = true };
	h->resolvers[h->facts.n_resolvers++] = (struct fact_resolver){
		.addr = addr("9.9.9.9"), .port = 53, .origin = "/etc/resolv.conf"
	};
	set_config(h);
	return h;
}

static struct effective *effective(struct host *h, const struct effective *previous)
{
	struct effective *e = effective_new(
		&h->config, &h->facts,
		(struct plane_health){ .nat64_serves = true, .dns64_serves = true }, previous);

	assert_non_null(e);
	return e;
}

static bool has_reason(const struct effective *e, const char *text)
{
	for (size_t i = 0; i < e->reasons.n; i++)
		if (strstr(e->reasons.v[i].text, text))
			return true;
	return false;
}

static const char *value_of(const struct effective *e, const char *key)
{
	for (size_t i = 0; i < e->n_origins; i++)
		if (strcmp(e->origins[i].key, key) == 0)
			return e->origins[i].value;
	return "";
}

static bool equals(const struct in6_addr *a, const char *text)
{
	struct in6_addr want = addr(text);

	return addr_equal(a, &want);
}

static void done(struct host *h, struct effective *e)
{
	effective_free(e);
	test_free(h);
}

static void an_empty_file_works(void **state)
{
	struct host *h = new_host();
	struct effective *e = effective(h, NULL);
	const struct eff_ra *ra = &e->ra[0];

	(void)state;
	assert_int_equal(e->reasons.n, 0);
	assert_int_equal(e->n_ifaces, 1);
	assert_int_equal(e->ifaces[0].index, BR0);
	assert_string_equal(e->uplink, "eth0");
	assert_int_equal(addr4_num(e->nat64.ipv4_address), 0xc0a8ff01);
	assert_int_equal(e->nat64.proxy_index, BR0);
	assert_int_equal(e->dns64.listen.n, 2);
	assert_int_equal(e->dns64.forwarders.n, 1);
	assert_int_equal(e->n_ra, 1);
	assert_int_equal(ra->index, BR0);
	assert_true(equals(&ra->link_local, "fe80::1"));
	assert_int_equal(ra->min_interval_ms, 198000);
	assert_int_equal(ra->router_lifetime_ms, 1800000);
	assert_int_equal(ra->n_prefixes, 1);
	assert_int_equal(ra->n_rdnss, 1);
	assert_true(equals(&ra->rdnss[0].servers[0], "2001:db8:1:2::1"));
	assert_int_equal(ra->nat64_route, EFF_NAT64_ANNOUNCED);
	assert_int_equal(ra->nat64_pref64, EFF_NAT64_ANNOUNCED);
	assert_string_equal(value_of(e, "interface"), "br0");
	assert_string_equal(value_of(e, "ra[0].rdnss[0].servers"), "2001:db8:1:2::1");
	done(h, e);
}

static void the_translators_address_is_stable_and_on_link(void **state)
{
	struct host *h = new_host();
	struct effective *e = effective(h, NULL), *again = effective(h, NULL), *other;
	const struct prefix6 net = { addr("2001:db8:1:2::"), 64 };

	(void)state;
	assert_true(prefix6_has(&net, &e->nat64.ipv6_address));
	assert_true(addr_equal(&e->nat64.ipv6_address, &again->nat64.ipv6_address));
	h->facts.machine_id[0]++;
	other = effective(h, NULL);
	assert_false(addr_equal(&e->nat64.ipv6_address, &other->nat64.ipv6_address));
	effective_free(again);
	effective_free(other);
	h->config.nat64.prefix = (struct pref64){ addr("2001:db8:64::"), 96 };
	other = effective(h, NULL);
	assert_true(equals(&other->nat64.ipv6_address, "2001:db8:64::192.168.255.1"));
	assert_int_equal(other->nat64.proxy_index, 0);
	effective_free(other);
	done(h, e);
}

static bool lets_in(const struct acl *acl, const char *text)
{
	struct in6_addr a = addr(text);

	return acl_allows(acl, &a, NULL);
}

/* Who came by that link. */
static bool lets_in_by(const struct acl *acl, const char *text, uint32_t link)
{
	const struct acl_entry *entry;
	struct in6_addr a = addr(text);

	return acl_judge(acl, &(struct acl_who){ .addr = &a, .link = link }, &entry);
}

static void lists_are_filled_from_the_host(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	have(h, ETH0, "2001:db8:ffff::7/64");
	e = effective(h, NULL);
	assert_true(lets_in(&e->nat64.clients, "2001:db8:1:2::abcd"));
	assert_true(lets_in(&e->nat64.clients, "2001:db8:ffff::7")); /* the host itself */
	assert_false(lets_in(&e->nat64.clients, "2001:db8:ffff::8"));
	assert_false(lets_in(&e->nat64.clients, "2001:db8:1:3::1"));
	assert_true(lets_in(&e->nat64.destinations, "8.8.8.8"));
	assert_false(lets_in(&e->nat64.destinations, "10.1.2.3"));
	assert_true(lets_in(&e->dns64.allow_query, "2001:db8:1:2::abcd"));
	assert_true(lets_in_by(&e->dns64.allow_query, "fe80::abcd", BR0));
	assert_false(lets_in_by(&e->dns64.allow_query, "fe80::abcd", ETH0));
	assert_false(lets_in(&e->dns64.allow_query, "fe80::abcd"));
	assert_false(lets_in(&e->dns64.allow_query, "2001:db8:ffff::8"));
	effective_free(e);
	h->config.nat64.prefix = (struct pref64){ addr("2001:db8:64::"), 96 };
	e = effective(h, NULL);
	assert_true(lets_in(&e->nat64.destinations, "10.1.2.3"));
	done(h, e);
}

static void nothing_found_opens_nothing(void **state)
{
	struct host *h = new_host();
	struct acl_entry two[] = {
		{ .kind = ACL_AUTO },
		{ .kind = ACL_NET, .negated = true, .net = { addr("2001:db8::5"), 128 } }
	};
	struct effective *e;

	(void)state;
	h->config.nat64.clients = (struct acl){ two, 2 };
	h->facts.n_addrs = 0;
	e = effective(h, NULL);
	assert_false(lets_in(&e->nat64.clients, "2001:db8::6"));
	assert_true(has_reason(e, "waiting for a bridge"));
	done(h, e);
}

static void two_bridges_are_not_guessed_between(void **state)
{
	struct host *h = new_host();
	struct effective *one = effective(h, NULL), *e, *kept;

	(void)state;
	add_link(h, BR1, "br1", "bridge");
	have(h, BR1, "2001:db8:1:3::1/64");
	e = effective(h, NULL);
	assert_true(has_reason(e, "which bridge is the guests', br0 or br1? (set interface)"));
	assert_int_equal(e->n_ifaces, 0);
	kept = effective(h, one); /* chosen once and kept */
	assert_string_equal(kept->ifaces[0].name, "br0");
	effective_free(one);
	effective_free(e);
	h->links[2].index = 99; /* made anew under its name: kept */
	e = effective(h, kept);
	assert_int_equal(e->ifaces[0].index, 99);
	effective_free(kept);
	done(h, e);
}

static void a_bridge_of_libvirt_is_not_chosen(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	add_link(h, BR1, "virbr0", "bridge");
	have(h, BR1, "fd00::1/64");
	e = effective(h, NULL);
	assert_string_equal(e->ifaces[0].name, "br0");
	done(h, e);
}

static void what_is_missing_is_waited_for(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->name = "br9";
	h->config.interfaces = (struct config_texts){ &h->name, 1 };
	h->facts.n_routes = 0;
	h->facts.n_resolvers = 0;
	e = effective(h, NULL);
	assert_true(has_reason(e, "waiting for br9"));
	assert_true(has_reason(e, "waiting for an uplink"));
	assert_true(has_reason(e, "no forwarder"));
	assert_int_equal(e->ra[0].index, 0);
	done(h, e);
}

static void addresses_in_dad_are_not_used(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->addrs[2].tentative = true;
	h->addrs[3].tentative = true;
	e = effective(h, NULL);
	assert_true(addr_is_unspecified(&e->ra[0].link_local));
	assert_false(e->ra[0].duplicate);
	assert_int_equal(e->dns64.listen.n, 0);
	assert_int_equal(e->ra[0].n_prefixes, 0);
	assert_int_equal(e->ra[0].n_rdnss, 0);
	done(h, e);
}

static void addresses_of_others_are_not_used(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->addrs[2].dad_failed = true;
	h->addrs[3].dad_failed = true;
	e = effective(h, NULL);
	assert_true(addr_is_unspecified(&e->ra[0].link_local));
	assert_true(e->ra[0].duplicate);
	assert_int_equal(e->dns64.listen.n, 0);
	done(h, e);
}

static void prefixes_found_are_deduplicated_and_filtered(void **state)
{
	struct host *h = new_host();
	struct fact_addr *a;
	struct effective *e;

	(void)state;
	a = have(h, BR0, "2001:db8:1:2::9/64");
	a->valid_until_ms = 5000;
	have(h, BR0, "2001:db8:9::1/128");
	have(h, BR0, "2001:db8:8::1/64")->temporary = true;
	have(h, BR0, "2001:db8:7::1/64")->no_prefix_route = true;
	a = have(h, BR0, "2001:db8:6::1/64");
	a->deprecated = true;
	a->valid_until_ms = 7000;
	have(h, BR0, "2001:db8:5::1/56");
	e = effective(h, NULL);
	assert_int_equal(e->ra[0].n_prefixes, 3);
	assert_int_equal(e->ra[0].prefixes[0].valid_until_ms, UINT64_MAX);
	assert_int_equal(e->ra[0].prefixes[1].valid_until_ms, 7000);
	assert_int_equal(e->ra[0].prefixes[1].preferred_until_ms, 0);
	assert_true(e->ra[0].prefixes[1].autonomous);
	assert_false(e->ra[0].prefixes[2].autonomous);
	done(h, e);
}

/* Nothing else of the gateway fails then: without a reason nobody would know. */
static void guests_without_a_prefix_are_told_of(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->addrs[3].len = 80;
	e = effective(h, NULL);
	assert_non_null(strstr(e->reasons.v[0].text, "2001:db8:1:2::/80")); /* before others */
	effective_free(e);
	h->ra.managed = true;
	e = effective(h, NULL);
	assert_false(has_reason(e, "guests get no address"));
	effective_free(e);
	h->ra.managed = false;
	h->name = "br0";
	h->config.interfaces = (struct config_texts){ &h->name, 1 };
	h->addrs[3].tentative = true; /* in two seconds it has one */
	e = effective(h, NULL);
	assert_false(has_reason(e, "guests get no address"));
	effective_free(e);
	h->facts.n_addrs--;
	e = effective(h, NULL);
	assert_true(has_reason(e, "guests get no address: br0 has none"));
	effective_free(e);
	h->prefix.autonomous = false;
	e = effective(h, NULL);
	assert_false(has_reason(e, "guests get no address"));
	effective_free(e);
	h->ra.n_prefixes = 0;
	e = effective(h, NULL);
	assert_false(has_reason(e, "guests get no address"));
	done(h, e);
}

/* Two links: what is on one is not said on the other. */
static void each_link_has_its_own(void **state)
{
	struct host *h = new_host();
	struct config_ra two[2];
	struct effective *e;

	(void)state;
	have(h, ETH0, "fe80::99/64");
	have(h, ETH0, "2001:db8:99::1/64");
	two[0] = two[1] = h->ra;
	two[0].interface = "eth0";
	two[1].interface = "br0";
	h->config.ra_given = true;
	h->config.ra = two;
	h->config.n_ra = 2;
	e = effective(h, NULL);
	assert_int_equal(e->n_ra, 2);
	assert_true(equals(&e->ra[0].link_local, "fe80::99"));
	assert_true(equals(&e->ra[0].prefixes[0].prefix.addr, "2001:db8:99::"));
	assert_int_equal(e->ra[0].n_prefixes, 1);
	assert_true(equals(&e->ra[1].link_local, "fe80::1"));
	assert_int_equal(e->ra[1].n_prefixes, 1);
	assert_true(equals(&e->ra[1].prefixes[0].prefix.addr, "2001:db8:1:2::"));
	done(h, e);
}

/* An entry of its own stands for the interface; "auto" is for the others. */
static void an_interface_has_one_entry(void **state)
{
	struct host *h = new_host();
	struct config_ra two[2];
	struct effective *e;

	(void)state;
	two[0] = two[1] = h->ra;
	two[1].interface = "br0";
	two[1].max_interval_ms = 60000;
	h->config.ra_given = true;
	h->config.ra = two;
	h->config.n_ra = 2;
	e = effective(h, NULL);
	assert_int_equal(e->n_ra, 1);
	assert_int_equal(e->ra[0].max_interval_ms, 60000);
	done(h, e);
}

/* A prefix that is written and found is as it was written. */
static void what_is_written_wins_over_what_is_found(void **state)
{
	struct host *h = new_host();
	struct config_ra_prefix both[2];
	const struct eff_ra_prefix *p;
	struct effective *e;

	(void)state;
	both[0] = both[1] = h->prefix;
	both[1].is_auto = false;
	both[1].autonomous = false;
	both[1].prefix = (struct prefix6){ addr("2001:db8:1:2::"), 64 };
	h->ra.prefixes = both;
	h->ra.n_prefixes = 2;
	h->addrs[3].valid_until_ms = 5000;
	e = effective(h, NULL);
	p = &e->ra[0].prefixes[0];
	assert_int_equal(e->ra[0].n_prefixes, 1);
	assert_false(p->is_auto || p->autonomous);
	assert_int_equal(p->valid_until_ms, UINT64_MAX);
	done(h, e);
}

/* A09: our address in the prefix or none; and none that was not asked for. */
static void the_router_address_is_ours(void **state)
{
	struct host *h = new_host();
	struct config_ra_prefix two[2];
	struct effective *e = effective(h, NULL);

	(void)state;
	assert_true(addr_is_unspecified(&e->ra[0].prefixes[0].router_address));
	effective_free(e);
	two[0] = two[1] = h->prefix;
	two[0].router_address = two[1].router_address = true;
	two[1].is_auto = false;
	two[1].prefix = (struct prefix6){ addr("2001:db8:7:7::"), 64 };
	h->ra.prefixes = two;
	h->ra.n_prefixes = 2;
	e = effective(h, NULL);
	assert_int_equal(e->ra[0].n_prefixes, 2);
	assert_true(equals(&e->ra[0].prefixes[0].prefix.addr, "2001:db8:7:7::"));
	assert_true(addr_is_unspecified(&e->ra[0].prefixes[0].router_address));
	assert_true(equals(&e->ra[0].prefixes[1].router_address, "2001:db8:1:2::1"));
	done(h, e);
}

static void asking_ourselves_is_skipped(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->resolvers[h->facts.n_resolvers++] = (struct fact_resolver){
		.addr = addr("2001:db8:1:2::1"), .port = 53, .origin = "x"
	};
	h->resolvers[h->facts.n_resolvers++] =
		(struct fact_resolver){ .addr = addr("127.0.0.1"), .port = 53, .origin = "x" };
	e = effective(h, NULL);
	assert_int_equal(e->dns64.forwarders.n, 2);
	assert_true(equals(&e->dns64.forwarders.v[1].addr, "127.0.0.1"));
	done(h, e);
}

/* Item 145: also one that is written, for a zone too; and the status says so. */
static void asking_ourselves_by_configuration(void **state)
{
	struct host *h = new_host();
	struct config_endpoint servers[] = { { addr("2001:db8:1:2::1"), 53, NULL },
					     { addr("2001:db8:1:2::1"), 5353, NULL } };
	struct config_zone zone = { .name = "internal.example",
				    .forwarders = { .v = servers, .n = 2 } };
	struct effective *e;

	(void)state;
	h->config.dns64.zones = &zone;
	h->config.dns64.n_zones = 1;
	h->config.dns64.forwarders = (struct config_endpoints){ .v = servers, .n = 2 };
	e = effective(h, NULL);
	assert_int_equal(e->dns64.forwarders.n, 1);
	assert_int_equal(e->dns64.forwarders.v[0].port, 5353);
	assert_int_equal(e->dns64.zones[0].forwarders.n, 1);
	assert_true(has_reason(e, "forwarder 2001:db8:1:2::1 is v6gwd itself"));
	done(h, e);
}

static void a_resolver_is_announced_only_while_it_answers(void **state)
{
	struct host *h = new_host();
	struct effective *e = effective_new(
		&h->config, &h->facts, (struct plane_health){ .nat64_serves = false }, NULL);

	(void)state;
	assert_int_equal(e->ra[0].n_rdnss, 0);
	assert_int_equal(e->ra[0].nat64_route, EFF_NAT64_WITHHELD);
	assert_int_equal(e->ra[0].nat64_pref64, EFF_NAT64_WITHHELD);
	effective_free(e);
	e = effective_new(&h->config, &h->facts,
			  (struct plane_health){ .dns64_serves = true,
						 .deaf = { { .addr = h->addrs[3].addr } },
						 .n_deaf = 1 },
			  NULL); /* another server has the port there: the link-local one */
	assert_true(equals(&e->ra[0].rdnss[0].servers[0], "fe80::1"));
	effective_free(e);
	h->config.dns64.port = 5353;
	e = effective(h, NULL);
	assert_int_equal(e->ra[0].n_rdnss, 0);
	effective_free(e);
	h->config.dns64.port = 53;
	h->addrs[3].deprecated = true;
	have(h, BR0, "fd00::1/64");
	e = effective(h, NULL); /* a unique-local address rather than one that goes */
	assert_true(equals(&e->ra[0].rdnss[0].servers[0], "fd00::1"));
	done(h, e);
}

static size_t resolvers_told(struct host *h)
{
	struct effective *e = effective(h, NULL);
	size_t n = e->ra[0].n_rdnss ? e->ra[0].rdnss[0].n : 0;

	effective_free(e);
	return n;
}

/* F14: an address that dns64 listens on, global rather than unique-local rather than
 * link-local, and none where the operator wrote others. */
static void the_resolver_is_chosen(void **state)
{
	struct config_endpoint own[] = { { .addr = addr("::1") },
					 { .addr = addr("fe80::1"), .zone = "eth0" } };
	struct config_endpoint other = { .addr = addr("2001:db8::53") };
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->name = "br0";
	h->config.interfaces = (struct config_texts){ &h->name, 1 };
	h->addrs[3].addr = addr("fd00::1");
	have(h, BR0, "2001:db8:1:2::1/64");
	e = effective(h, NULL);
	assert_true(equals(&e->ra[0].rdnss[0].servers[0], "2001:db8:1:2::1"));
	effective_free(e);
	h->facts.n_addrs--;
	e = effective(h, NULL);
	assert_true(equals(&e->ra[0].rdnss[0].servers[0], "fd00::1"));
	effective_free(e);
	h->facts.n_addrs--;
	e = effective(h, NULL);
	assert_true(equals(&e->ra[0].rdnss[0].servers[0], "fe80::1"));
	have(h, ETH0, "fe80::1/64");
	h->config.dns64.listen_auto = false;
	h->config.dns64.listen = (struct config_endpoints){ .v = own, .n = 2 };
	assert_int_equal(resolvers_told(h), 0);
	own[1].zone = "br0";
	assert_int_equal(resolvers_told(h), 1);
	h->rdnss.servers = (struct config_endpoints){ .v = &other, .n = 1 };
	assert_int_equal(resolvers_told(h), 1);
	h->rdnss.servers.has_auto = true;
	assert_int_equal(resolvers_told(h), 2);
	done(h, e);
}

/* One cause, one reason: what follows from it is not told. */
static void no_interface_is_one_reason(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->facts.n_links = 2;
	h->facts.n_addrs = 2;
	e = effective(h, NULL);
	assert_int_equal(e->reasons.n, 1);
	assert_string_equal(e->reasons.v[0].plane, "gateway");
	assert_string_equal(value_of(e, "nat64.clients"), "");
	done(h, e);
}

static void a_disabled_plane_has_nothing_to_say(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->config.nat64.enabled = h->config.dns64.enabled = false;
	h->addrs[3].len = 56; /* no /64 for the translator */
	h->ra.managed = true; /* nor for guests, who need none */
	e = effective(h, NULL);
	assert_int_equal(e->reasons.n, 0);
	for (size_t i = 0; i < e->n_origins; i++)
		assert_true(strncmp(e->origins[i].key, "nat64.", 6) != 0 &&
			    strncmp(e->origins[i].key, "dns64.", 6) != 0);
	done(h, e);
}

static void an_address_of_another_host_is_named(void **state)
{
	struct config_endpoint own[] = { { .addr = addr("198.51.100.7") },
					 { .addr = addr("127.0.0.2") },
					 { .addr = addr("::1") },
					 { .addr = addr("198.51.100.8") } };
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->config.dns64.listen = (struct config_endpoints){ .v = own, .n = 3 };
	e = effective(h, NULL);
	assert_int_equal(e->reasons.n, 0);
	effective_free(e);
	h->config.dns64.listen.n = 4;
	e = effective(h, NULL);
	assert_int_equal(e->reasons.n, 1);
	assert_true(has_reason(e, "198.51.100.8"));
	done(h, e);
}

static void link_local_addresses_are_told_with_their_link(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->config.dns64.port = 5353;
	e = effective(h, NULL);
	assert_string_equal(value_of(e, "dns64.listen"),
			    "fe80::1%br0@5353, 2001:db8:1:2::1@5353");
	done(h, e);
}

/* Without its plane "nat64" is announced where it was written, and never withheld. */
static void nat64_is_announced_without_its_plane_where_written(void **state)
{
	struct host *h = new_host();
	struct effective *e;

	(void)state;
	h->config.nat64.enabled = false;
	h->ra.pref64_given = true;
	e = effective_new(&h->config, &h->facts, (struct plane_health){ .dns64_serves = true },
			  NULL);
	assert_int_equal(e->ra[0].nat64_route, EFF_NAT64_ABSENT);
	assert_int_equal(e->ra[0].nat64_pref64, EFF_NAT64_ANNOUNCED);
	effective_free(e);
	h->config.nat64.enabled = true;
	e = effective_new(&h->config, &h->facts, (struct plane_health){ .dns64_serves = true },
			  NULL);
	assert_int_equal(e->ra[0].nat64_pref64, EFF_NAT64_WITHHELD);
	done(h, e);
}

static void short_intervals_keep_their_bounds(void **state)
{
	static const struct {
		int64_t max_ms, min_ms, lifetime_ms;
	} cases[] = { { 4000, 3000, 12000 },
		      { 8000, 6000, 24000 },
		      { 9000, 3000, 27000 },
		      { 600000, 198000, 1800000 },
		      { 65535000, 21626550, 65535000 } };
	struct host *h = new_host();

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct effective *e;

		h->ra.max_interval_ms = cases[i].max_ms;
		e = effective(h, NULL);
		assert_int_equal(e->ra[0].min_interval_ms, cases[i].min_ms);
		assert_int_equal(e->ra[0].router_lifetime_ms, cases[i].lifetime_ms);
		effective_free(e);
	}
	done(h, NULL);
}

/* The host's own NIC, ETH0, is a port of the bridge, and so is a guest. */
static struct host *new_bridged_host(void)
{
	struct host *h = new_host();

	h->links[1].master = BR0;
	add_link(h, VNET0, "vnet0", "tun")->master = BR0;
	h->routes[0] = (struct fact_route){ .index = BR0,
					    .v4 = true,
					    .gateway = addr("::ffff:198.51.100.1") };
	h->ra.refuse_on_uplink = true;
	return h;
}

static void expect_refused(const struct effective *e, const char *names)
{
	char text[80] = "";

	for (size_t i = 0; i < e->ra[0].n_refused; i++) {
		strcat(text, i ? " " : "");
		strcat(text, e->ra[0].refused[i].name);
	}
	assert_string_equal(text, names);
}

static void advertisements_stay_off_the_gateways_port(void **state)
{
	struct host *h = new_bridged_host();
	struct effective *e, *before;

	(void)state;
	h->routes[0].port = VNET0; /* a guest is the host's router */
	before = effective(h, NULL);
	expect_refused(before, "vnet0");
	assert_int_equal(before->reasons.n, 0);
	h->routes[0].port = 0; /* the bridge forgot */
	e = effective(h, before);
	expect_refused(e, "vnet0");
	effective_free(before);
	h->links[3].master = 0; /* the port is gone */
	before = effective(h, e);
	expect_refused(before, "eth0");
	effective_free(e);
	h->routes[h->facts.n_routes++] =
		(struct fact_route){ .index = BR0, .gateway = addr("fe80::9"), .port = ETH0 };
	h->links[3].master = BR0;
	h->routes[0].port = VNET0; /* one gateway for each family */
	e = effective(h, before);
	expect_refused(e, "vnet0 eth0");
	effective_free(before);
	h->routes[0].port = ETH0; /* one for both */
	before = effective(h, e);
	expect_refused(before, "eth0");
	effective_free(e);
	e = effective(h, before);
	effective_free(before);
	h->ra.refuse_on_uplink = false;
	before = effective(h, e);
	expect_refused(before, "");
	effective_free(before);
	done(h, e);
}

static void a_guest_does_not_take_the_gateway_away(void **state)
{
	struct host *h = new_bridged_host();
	struct effective *e, *before;

	(void)state;
	before = effective(h, NULL);
	expect_refused(before, "eth0"); /* for want of better */
	h->routes[0].port = VNET0;
	e = effective(h, before);
	expect_refused(e, "vnet0");
	effective_free(before);
	h->routes[0].port = ETH0;
	before = effective(h, e);
	expect_refused(before, "eth0");
	effective_free(e);
	for (size_t i = 0; i < 3; i++) {
		h->routes[0].port = i % 2 ? 0 : VNET0; /* whatever the guest sends */
		e = effective(h, before);
		expect_refused(e, i % 2 ? "eth0" : "vnet0 eth0");
		effective_free(before);
		before = e;
	}
	h->links[1].master = 0;
	e = effective(h, before);
	expect_refused(e, "vnet0");
	effective_free(before);
	done(h, e);
}

static void what_cannot_be_kept_off_is_told(void **state)
{
	struct host *h = new_bridged_host();
	struct effective *e;

	(void)state;
	e = effective(h, NULL); /* not heard of, but there is one port that leads out */
	expect_refused(e, "eth0");
	assert_int_equal(e->reasons.n, 0);
	effective_free(e);
	strcpy(h->links[1].kind, "veth");
	e = effective(h, NULL);
	expect_refused(e, "");
	assert_true(has_reason(e, "not heard of the gateway 198.51.100.1"));
	effective_free(e);
	h->config.uplink = "eth0";
	e = effective(h, NULL);
	expect_refused(e, "eth0");
	assert_int_equal(e->reasons.n, 0);
	done(h, e);
}

static void more_ports_than_can_be_kept_free_are_told(void **state)
{
	static const char *const names[] = { "nic1", "nic2", "nic3", "nic4",
					     "nic5", "nic6", "nic7", "nic8" };
	struct host *h = new_bridged_host();
	struct effective *e;

	(void)state;
	for (uint32_t i = 0; i < N_OF(names); i++)
		add_link(h, 100 + i, names[i], "")->master = BR0;
	e = effective(h, NULL);
	expect_refused(e, "eth0 nic1 nic2 nic3 nic4 nic5 nic6 nic7");
	assert_int_equal(e->reasons.n, 1);
	assert_true(has_reason(e, "through nic8: they are kept off 8 ports at most"));
	done(h, e);
}

static void nothing_is_kept_off_where_the_provider_is_not(void **state)
{
	struct host *h = new_bridged_host();
	struct effective *e;

	(void)state;
	add_link(h, BR1, "br1", "bridge");
	h->routes[0] = (struct fact_route){ .index = BR1, .v4 = true, .port = ETH0 };
	e = effective(h, NULL);
	expect_refused(e, "");
	assert_int_equal(e->reasons.n, 0);
	assert_int_equal(e->notes.n, 1); /* nobody knows where eth0 leads */
	assert_non_null(strstr(e->notes.v[0].text, "lead out of this host, eth0"));
	effective_free(e);
	h->links[1].master = 0;
	e = effective(h, NULL);
	assert_int_equal(e->reasons.n + e->notes.n, 0);
	effective_free(e);
	h->routes[0] = (struct fact_route){ .index = BR0, .v4 = true, .port = ETH0 };
	strcpy(h->links[2].kind, ""); /* no bridge: nothing to choose from */
	h->config.interfaces = (struct config_texts){ .v = &h->name, .n = 1 };
	h->name = "br0";
	e = effective(h, NULL);
	expect_refused(e, "");
	assert_int_equal(e->reasons.n, 0);
	done(h, e);
}

static void who_may_listen_to_advertisements(void **state)
{
	enum { REASON = 1, NOTE };
	static const struct {
		struct fact_hearing hearing;
		bool bridged, from_ra, elsewhere, static_route, forwards_not;
		int expected;
		const char *text;
	} cases[] = {
		{ .expected = 0 },
		{ { .accept_ra = 1 }, .expected = 0 },
		{ { .accept_ra = 1 },
		  .forwards_not = true,
		  .expected = NOTE,
		  .text = "a guest's" },
		{ { .accept_ra = 2 },
		  .expected = NOTE,
		  .text = "net.ipv6.conf.br0.accept_ra=0" },
		{ { .manager = FACT_MANAGER_NETWORKD,
		    .manager_listens = true,
		    .file = "/etc/b" },
		  .expected = NOTE,
		  .text = "IPv6AcceptRA=no in /etc/b; netplan: accept-ra: false" },
		{ { .accept_ra = 2 },
		  .from_ra = true,
		  .expected = REASON,
		  .text = "fe80::9 on br0" },
		{ { .accept_ra = 0 },
		  .from_ra = true,
		  .expected = REASON,
		  .text = "accept_ra=0" },
		{ { .manager = FACT_MANAGER_NETWORK_MANAGER },
		  .from_ra = true,
		  .expected = REASON,
		  .text = "nmcli" },
		{ { .accept_ra = 0 }, .from_ra = true, .elsewhere = true, .expected = 0 },
		/* the guests' link is the uplink too */
		{ { .accept_ra = 2 },
		  .bridged = true,
		  .from_ra = true,
		  .expected = NOTE,
		  .text = "is the uplink, and the host listens" },
		{ { .accept_ra = 0 }, .bridged = true, .expected = 0 },
		{ { .accept_ra = 1 },
		  .bridged = true,
		  .expected = NOTE,
		  .text = "accept_ra=2" },
		{ { .accept_ra = 1 }, .bridged = true, .static_route = true, .expected = 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		struct host *h = cases[i].bridged ? new_bridged_host() : new_host();
		struct effective *e;

		if (cases[i].from_ra || cases[i].static_route)
			h->routes[h->facts.n_routes++] =
				(struct fact_route){ .index = cases[i].elsewhere ? ETH0 : BR0,
						     .gateway = addr("fe80::9"),
						     .from_ra = cases[i].from_ra };
		e = effective(h, NULL);
		e->ra[0].forwarding = !cases[i].forwards_not;
		effective_hears(e, &h->facts, &e->ra[0], &cases[i].hearing);
		assert_int_equal(e->reasons.n, cases[i].expected == REASON);
		assert_int_equal(e->notes.n, cases[i].expected == NOTE);
		if (cases[i].expected)
			assert_non_null(
				strstr((e->reasons.n ? &e->reasons : &e->notes)->v[0].text,
				       cases[i].text));
		done(h, e);
	}
}

static void the_hosts_own_way_out(void **state)
{
	struct host *h = new_host();
	struct effective *e = effective(h, NULL);

	(void)state;
	assert_true(effective_is_uplink(e, &h->facts, ETH0));
	assert_false(effective_is_uplink(e, &h->facts, BR0));
	assert_false(effective_is_uplink(e, &h->facts, 0));
	h->links[1].master = BR0; /* the route's link is a port */
	assert_true(effective_is_uplink(e, &h->facts, BR0));
	h->links[1].master = 0;
	add_link(h, VNET0, "vnet0", "tun")->master = BR0;
	add_link(h, BR1, "eth1", "")->master = BR0;
	h->routes[h->facts.n_routes++] = (struct fact_route){ .index = BR0, .port = VNET0 };
	assert_false(effective_is_uplink(e, &h->facts, BR0));
	h->routes[1].port = 0; /* the bridge forgot; and there is a second NIC */
	assert_true(effective_is_uplink(e, &h->facts, BR0));
	h->routes[1].port = BR1;
	assert_true(effective_is_uplink(e, &h->facts, BR0));
	h->routes[1] = (struct fact_route){ .index = ETH0 };
	assert_true(effective_is_uplink(e, &h->facts, ETH0));
	h->routes[1].index = BR0;
	h->links[4].master = 0;
	assert_false(effective_is_uplink(e, &h->facts, BR0));
	h->routes[0] = h->routes[1]; /* nowhere else to go */
	h->routes[0].port = 0;
	h->facts.n_routes = 1;
	e->uplink[0] = '\0';
	assert_true(effective_is_uplink(e, &h->facts, BR0));
	done(h, e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_works),
		cmocka_unit_test(the_translators_address_is_stable_and_on_link),
		cmocka_unit_test(lists_are_filled_from_the_host),
		cmocka_unit_test(nothing_found_opens_nothing),
		cmocka_unit_test(two_bridges_are_not_guessed_between),
		cmocka_unit_test(a_bridge_of_libvirt_is_not_chosen),
		cmocka_unit_test(what_is_missing_is_waited_for),
		cmocka_unit_test(addresses_in_dad_are_not_used),
		cmocka_unit_test(addresses_of_others_are_not_used),
		cmocka_unit_test(prefixes_found_are_deduplicated_and_filtered),
		cmocka_unit_test(guests_without_a_prefix_are_told_of),
		cmocka_unit_test(each_link_has_its_own),
		cmocka_unit_test(an_interface_has_one_entry),
		cmocka_unit_test(what_is_written_wins_over_what_is_found),
		cmocka_unit_test(the_router_address_is_ours),
		cmocka_unit_test(asking_ourselves_is_skipped),
		cmocka_unit_test(asking_ourselves_by_configuration),
		cmocka_unit_test(a_resolver_is_announced_only_while_it_answers),
		cmocka_unit_test(the_resolver_is_chosen),
		cmocka_unit_test(no_interface_is_one_reason),
		cmocka_unit_test(a_disabled_plane_has_nothing_to_say),
		cmocka_unit_test(an_address_of_another_host_is_named),
		cmocka_unit_test(link_local_addresses_are_told_with_their_link),
		cmocka_unit_test(nat64_is_announced_without_its_plane_where_written),
		cmocka_unit_test(short_intervals_keep_their_bounds),
		cmocka_unit_test(advertisements_stay_off_the_gateways_port),
		cmocka_unit_test(a_guest_does_not_take_the_gateway_away),
		cmocka_unit_test(what_cannot_be_kept_off_is_told),
		cmocka_unit_test(more_ports_than_can_be_kept_free_are_told),
		cmocka_unit_test(nothing_is_kept_off_where_the_provider_is_not),
		cmocka_unit_test(who_may_listen_to_advertisements),
		cmocka_unit_test(the_hosts_own_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
