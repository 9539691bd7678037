/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import_test.c - single statements of each program, and the lines that come of them.  Whole
 * files: tests/vectors/import. */
#include "import/import.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

static void append(void *arg, const char *text)
{
	fputs(text, arg);
}

static char *convert(enum stmt_style style, const char *body)
{
	static const char *const around[][2] = {
		[STMT_TAYGA] = { "ipv4-addr 10.0.0.1\ndynamic-pool 10.0.0.0/24\n", "\n" },
		[STMT_NAMED] = { "options {", "};" },
		[STMT_UNBOUND] = { "server:\n", "\n" },
		[STMT_RADVD] = { "interface br0 { AdvSendAdvert on;", "};" },
	};
	char text[4096], *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (strncmp(body, "=", 1) == 0)
		snprintf(text, sizeof text, "%s", body + 1);
	else
		snprintf(text, sizeof text, "%s%s%s", around[style][0], body, around[style][1]);
	struct stmt_text t = { .name = "f", .text = text, .len = strlen(text) };
	struct import in = { 0 };

	*(style == STMT_TAYGA     ? &in.tayga
	  : style == STMT_NAMED   ? &in.bind
	  : style == STMT_UNBOUND ? &in.unbound
				  : &in.radvd) = &t;
	assert_true(import_convert(&in, append, f));
	fclose(f);
	return out;
}

/* body ("=": the whole file) gives a text with `has` in it. */
struct row {
	const char *body, *has;
};

static void check(enum stmt_style style, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *is = convert(style, rows[i].body);

		if (!strstr(is, rows[i].has))
			fail_msg("%s\ngives\n%s\nwithout\n%s", rows[i].body, is, rows[i].has);
		free(is);
	}
}

static void test_tayga(void **state)
{
	static const struct row rows[] = {
		{ "tun-device t0", "\tdevice = \"t0\"; # f:3: tun-device t0\n" },
		{ "PREFIX 2001:DB8:64::/96", "\tprefix = \"2001:db8:64::/96\";" },
		{ "ipv4-addr 10.0.0.2", "# f:1: ipv4-addr 10.0.0.1: said again in line 3" },
		{ "ipv4-addr 10.0.0.255",
		  "ipv4-addr 10.0.0.255: not taken over: is the first or last" },
		{ "map 10.0.0.5 2001:db8::5", "\t\t\tipv6 = \"2001:db8::5\";\n" },
		{ "map 10.0.0.5 10.0.0.6",
		  "map 10.0.0.5 10.0.0.6: not taken over: \"10.0.0.6\"" },
		{ "udp-cksum-mode drop", "\tudp_zero_checksum = \"drop\";" },
		{ "udp-cksum-mode what", "udp-cksum-mode what: not taken over: " },
		{ "wkpf-strict yes", "\tdestinations = [ \"auto\" ];" },
		{ "wkpf-strict no", "\tdestinations = [ \"any\" ];" },
		{ "offlink-mtu 1280", "\tfragment_mtu = 1280;" },
		{ "offlink-mtu 1279", "1279 is out of range (1280 to 65535)" },
		{ "log dyn", "\tlog_mappings = true;" },
		{ "log", "nat64 = {\n" },
		{ "data-dir /d", "v6gwctl import --leases /d/dynamic.map " },
		{ "strict-frag-hdr on", "# f:3: strict-frag-hdr on: " },
		{ "=ipv4-addr 10.0.0.1\n", "\tdynamic_pool = [ ];" },
		{ "=", "# dynamic_pool: not taken over: an empty pool" },
	};

	(void)state;
	check(STMT_TAYGA, rows, N_OF(rows));
}

static void test_named(void **state)
{
	static const struct row rows[] = {
		{ "forwarders { 192.0.2.1; };", "\tforwarders = [ \"192.0.2.1\" ];" },
		{ "forwarders { 2001:db8::1 port 5353; };", "[ \"[2001:db8::1]@5353\" ];" },
		{ "forwarders { fe80::1%eth0 port 54; };", "[ \"[fe80::1%eth0]@54\" ];" },
		{ "forwarders { };", "forwarders = [ \"auto\" ];" },
		{ "listen-on-v6 { any; };", "listen = [ \"auto\" ];" },
		{ "listen-on-v6 { none; };", "nothing to listen on" },
		{ "listen-on-v6 port 5353 { 2001:db8::53; };", "\tport = 5353;" },
		{ "listen-on { 127.0.0.1; };", "listen = [ \"127.0.0.1\" ];" },
		{ "allow-query { localnets; 10/8; };", "\t\t\"10.0.0.0/8\"" },
		{ "allow-query { none; };", "allow_query = [ \"none\" ];" },
		{ "allow-query { };", "allow_query = [ ];" },
		{ "allow-query { !10.0.0.1; };",
		  "\"!10.0.0.1\", # f:1: !10.0.0.1\n\t\t\"none\"" },
		{ "allow-query { !{ 10.0.0.1; !10.0.0.2; any; }; };", "\"!10.0.0.2\"" },
		{ "allow-query { !none; };", "allow_query = [ \"any\" ];" },
		{ "allow-query { missing; };", "\"missing\" is not an entry of an ACL" },
		{ "", "allow_query = [ \"localnets\", \"localhost\" ];" },
		{ "max-cache-size 10m;", "\tcache_size = \"10M\";" },
		{ "max-cache-size unlimited;", "# f:1: max-cache-size unlimited: " },
		{ "max-cache-ttl 3600;", "\tmax_ttl = \"1h\";" },
		{ "max-ncache-ttl 3w;", "# f:1: max-ncache-ttl 3w: not taken over: " },
		{ "resolver-query-timeout 10;", "\ttimeout = \"10s\";" },
		{ "stale-answer-enable yes;", "\tserve_stale = \"1d\";" },
		{ "dns64 2001:db8:64::/96 { };", "\tprefix = \"2001:db8:64::/96\";" },
		{ "dns64 64:ff9b::/96 { mapped { !10/8; any; }; };", "\t\t\"global\"" },
		{ "dns64 64:ff9b::/96 { exclude { any; }; };", "exclude_aaaa = [ \"::/0\" ];" },
		{ "forwarders { 192.0.2.1; };", "clients = [ \"none\" ];" },
		{ "=zone \"a.\" { type forward; forwarders { ::1; }; };",
		  "\t\t\tname = \"a\";" },
		{ "=zone \"b\" { type primary; };", "a zone of type primary" },
		{ "=acl a { b; }; acl b { a; }; options { allow-query { a; }; };",
		  "too deeply" },
	};

	(void)state;
	check(STMT_NAMED, rows, N_OF(rows));
}

static void test_unbound(void **state)
{
	static const struct row rows[] = {
		{ "interface: 2001:db8::1@53", "listen = [ \"2001:db8::1\" ];" },
		{ "interface: 2001:db8::1@853", "one port for all addresses" },
		{ "interface: eth0", "listen = [ \"auto\" ];" },
		{ "", "listen = [ \"::1\", \"127.0.0.1\" ];" },
		{ "access-control: ::/0 refuse\naccess-control: 2001:db8::/32 allow",
		  "\"2001:db8::/32\", # f:3: access-control: 2001:db8::/32 "
		  "allow\n\t\t\"!::/0\"" },
		{ "module-config: \"iterator\"", "clients = [ \"none\" ];" },
		{ "module-config: \"dns64 iterator\"\ndns64-prefix: 2001:db8:64::/96",
		  "\tprefix = \"2001:db8:64::/96\";" },
		{ "dns64-synthall: yes", "exclude_aaaa = [ \"::/0\" ];" },
		{ "msg-cache-size: 1g", "\tcache_size = \"1052672K\";" },
		{ "serve-expired: yes", "\tserve_stale = \"1d\";" },
		{ "serve-expired: yes\nserve-expired-ttl: 60", "\tserve_stale = \"1m\";" },
		{ "local-data: \"a.lan. 60 IN AAAA 2001:DB8::1\"",
		  "aaaa = [ \"2001:db8::1\" ];" },
		{ "local-data: \"a.lan. A 1.2.3.4\"", "\t\t\tptr = false;" },
		{ "local-data: 'a.lan A 1.2.3.4'\nlocal-data-ptr: \"1.2.3.4 a.lan\"",
		  "\t\t\tptr = true;" },
		{ "local-data: \"a.lan MX 10 b.lan\"", "dns64.local holds A and AAAA" },
		{ "forward-zone:\nname: b\nforward-addr: 192.0.2.1@54#x", "\"192.0.2.1@54\"" },
		{ "forward-zone:\nname: .\nforward-tls-upstream: yes\nforward-addr: 192.0.2.1",
		  "forwarders = [ \"auto\" ];" },
		{ "private-address: 10.0.0.0/8", "# f:2: private-address: 10.0.0.0/8: " },
	};

	(void)state;
	check(STMT_UNBOUND, rows, N_OF(rows));
}

static void test_radvd(void **state)
{
	static const struct row rows[] = {
		{ "=interface br0 { };", "it does not advertise" },
		{ "", "\t\tprefixes = ( );\n\t\troutes = ( );\n\t\tpref64 = ( );\n\t\trdnss = "
		      "( );\n"
		      "\t\tdnssl = ( );\n" },
		{ "MaxRtrAdvInterval 30;", "\t\tmax_interval = \"30s\";" },
		{ "MinRtrAdvInterval 3.25;", "\t\tmin_interval = \"3s250ms\";" },
		{ "MaxRtrAdvInterval 1.5.2;", "cannot be read" },
		{ "AdvDefaultLifetime 0;", "\t\trouter_lifetime = \"0s\";" },
		{ "AdvDefaultLifetime infinity;", "cannot be read" },
		{ "AdvManagedFlag on;", "\t\tmanaged = true;" },
		{ "advmanagedflag ON;", "\t\tmanaged = true;" },
		{ "AdvReachableTime 1500;", "\t\treachable_time = \"1s500ms\";" },
		{ "prefix ::/64 { };", "prefix = \"auto\";" },
		{ "prefix 2001:db8::/64;", "prefix = \"2001:db8::/64\";" },
		{ "prefix 2001:db8::/64 { AdvValidLifetime 60; };",
		  "\t\t\t\tpreferred = \"1m\";" },
		{ "prefix 2001:db8::/64 { AdvRouterAddr on; };", "router_address = true;" },
		{ "route ::/0 { AdvRoutePreference low; };", "preference = \"low\";" },
		{ "route 2001:db8::/32 { AdvRouteLifetime infinity; };",
		  "# warning: guests keep" },
		{ "route 2001:db8::/32 { }; MaxRtrAdvInterval 60;", "lifetime = \"30m\";" },
		{ "MaxRtrAdvInterval 60; route 2001:db8::/32 { };",
		  "prefix = \"2001:db8::/32\";\n\t\t\t}\n" },
		{ "RDNSS 2001:db8::1 2001:db8::2 { };",
		  "[ \"2001:db8::1\", \"2001:db8::2\" ];" },
		{ "RDNSS 2001:db8::1 { };", "without a lifetime radvd 2.19 says" },
		{ "DNSSL a.example b.example { AdvDNSSLLifetime 1200; };",
		  "lifetime = \"20m\";" },
		{ "nat64prefix 64:ff9b::/96;", "prefix = \"64:ff9b::/96\";" },
		{ "RemoveAdvOnExit off;", "final = \"never\";" },
		{ "abro fe80::1 { };", "6LoWPAN" },
	};

	(void)state;
	check(STMT_RADVD, rows, N_OF(rows));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tayga),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_unbound),
		cmocka_unit_test(test_radvd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
