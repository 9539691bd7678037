/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define LIFETIME_MAX (INT64_C(4294967294) * SECOND) /* one below the wire's infinity */
#define NAME_MAX_LEN 40u                            /* longer names resemble none of ours */

/* The place of a field; compiles only when the field has that type. */
#define AT(group, field, type)                \
	.at = offsetof(struct group, field) + \
	      0 * sizeof(char[_Generic(&((struct group *)0)->field, type * : 1)])
#define WORD_AT(group, field)                                                            \
	.at = offsetof(struct group, field) +                                            \
	      0 * sizeof(char[sizeof(((struct group *)0)->field) == sizeof(unsigned) ? 1 \
										     : -1])
#define KEYWORD_AT(group, field)                    \
	.has_other = true,                          \
	.other_at = offsetof(struct group, field) + \
		    0 * sizeof(char[_Generic(&((struct group *)0)->field, bool * : 1)])
#define COUNT_AT(group, field)                      \
	.has_other = true,                          \
	.other_at = offsetof(struct group, field) + \
		    0 * sizeof(char[_Generic(&((struct group *)0)->field, size_t * : 1)])
#define GIVEN_AT(group, field)                      \
	.has_given = true,                          \
	.given_at = offsetof(struct group, field) + \
		    0 * sizeof(char[_Generic(&((struct group *)0)->field, bool * : 1)])
#define GROUP(title, type, rows)                                             \
	{                                                                    \
		title, sizeof(struct type), rows, sizeof rows / sizeof *rows \
	}

static const char *const switch_words[] = { "off", "on", "auto", NULL };
static const char *const udp_zero_words[] = { "compute", "drop", NULL };
static const char *const on_error_words[] = { "no", "yes", "unless-bogus", NULL };
static const char *const dnssec_words[] = { "pass", "validate", NULL };
static const char *const preference_words[] = { "low", "medium", "high", NULL };
static const char *const final_words[] = { "stop", "never", NULL };
static const char *const log_words[] = { "error", "warning", "notice", "info", "debug", NULL };

/* clang-format off */
static const struct option map_options[] = {
	{ "ipv4", OPTION_NET4, AT(config_map, ipv4, struct prefix4), .flags = OPTION_REQUIRED,
	  .example = "\"192.168.255.25\"",
	  .text = "The IPv4 address or network the guest is known by." },
	{ "ipv6", OPTION_NET6, AT(config_map, ipv6, struct prefix6), .flags = OPTION_REQUIRED,
	  .example = "\"2001:db8::25\"",
	  .text = "The guest's IPv6 address or network; it must have at least as many host bits "
		  "as the IPv4 one." },
	{ "name", OPTION_LABEL, AT(config_map, name, const char *), .preset = "\"\"",
	  .example = "\"mail\"", .text = "A name for lists and logs." },
};
static const struct option_group map_group = GROUP("maps", config_map, map_options);

static const struct option nat64_options[] = {
	{ "enabled", OPTION_BOOL, AT(config_nat64, enabled, bool), .preset = "true",
	  .text = "Whether the translator runs." },
	{ "device", OPTION_INTERFACE, AT(config_nat64, device, const char *),
	  .preset = "\"nat64\"", .aka = "tun-device",
	  .text = "The TUN device; an existing one is adopted, and left when v6gwd goes." },
	{ "prefix", OPTION_PREF64, AT(config_nat64, prefix, struct pref64),
	  .preset = "\"64:ff9b::/96\"", .aka = "dns64-prefix nat64prefix pool6",
	  .text = "The IPv6 prefix that stands for the IPv4 internet (RFC 6052): of length 32, 40, "
		  "48, 56, 64 or 96, with bits 64 to 71 zero. dns64 and ra use it also when "
		  "nat64.enabled is false." },
	{ "ipv4_address", OPTION_ADDR4, AT(config_nat64, ipv4_address, struct in_addr),
	  KEYWORD_AT(config_nat64, ipv4_auto), .keyword = "auto", .preset = "\"auto\"",
	  .example = "\"192.168.255.1\"", .aka = "ipv4-addr",
	  .text = "The translator's own IPv4 address; \"auto\" is the first usable one of "
		  "dynamic_pool. With an empty pool it must be given." },
	{ "ipv6_address", OPTION_ADDR6, AT(config_nat64, ipv6_address, struct in6_addr),
	  KEYWORD_AT(config_nat64, ipv6_auto), .keyword = "auto", .preset = "\"auto\"",
	  .example = "\"2001:db8::64\"", .aka = "ipv6-addr",
	  .text = "The translator's own IPv6 address, source of its ICMPv6 errors; \"auto\" is the "
		  "embedded ipv4_address, with 64:ff9b::/96 a stable address in the interface's /64." },
	{ "dynamic_pool", OPTION_POOLS, AT(config_nat64, dynamic_pool, struct config_nets),
	  .preset = "[ \"192.168.255.0/24\" ]", .aka = "dynamic-pool pool4",
	  .text = "IPv4 networks with one address for each active guest address; [ ] for fixed maps "
		  "only. Not used: first and last address of each network, own address, maps." },
	{ "maps", OPTION_GROUPS, AT(config_nat64, maps, struct config_map *),
	  COUNT_AT(config_nat64, n_maps), .group = &map_group, .aka = "map eamt",
	  .text = "Fixed pairs of addresses or networks (RFC 7757). The longest match counts, and a "
		  "map wins over the prefix. IPv4 addresses in dynamic_pool are masqueraded, others "
		  "only routed." },
	{ "clients", OPTION_ACL, AT(config_nat64, clients, struct acl),
	  .flags = OPTION_ACL_AUTO | OPTION_ACL_V6, .preset = "[ \"auto\" ]",
	  .text = "ACL of the IPv6 sources that are translated; \"auto\": on-link prefixes of the "
		  "interface." },
	{ "destinations", OPTION_ACL, AT(config_nat64, destinations, struct acl),
	  .flags = OPTION_ACL_AUTO | OPTION_ACL_GLOBAL | OPTION_ACL_V4, .preset = "[ \"auto\" ]",
	  .aka = "wkpf-strict",
	  .text = "ACL of the IPv4 destinations; \"global\": globally reachable ones (RFC 6890); "
		  "\"auto\": \"global\" with 64:ff9b::/96, \"any\" with another prefix. Loopback, "
		  "link-local, multicast and 0.0.0.0/8 never. dns64 applies it too." },
	{ "mtu", OPTION_NUMBER, AT(config_nat64, mtu, uint32_t), .min = 1280, .max = 65535,
	  .preset = "1500", .text = "MTU of the TUN device." },
	{ "fragment_mtu", OPTION_NUMBER, AT(config_nat64, fragment_mtu, uint32_t), .min = 1280,
	  .max = 65535, .preset = "1280", .aka = "lowest-ipv6-mtu",
	  .text = "IPv4 packets without DF are fragmented above this (RFC 7915 lowest-ipv6-mtu)." },
	{ "udp_zero_checksum", OPTION_WORD, WORD_AT(config_nat64, udp_zero_checksum),
	  .words = udp_zero_words, .preset = "\"compute\"", .aka = "udp-cksum-mode",
	  .text = "What becomes of IPv4 UDP packets without a checksum." },
	{ "icmp_error_rate", OPTION_NUMBER, AT(config_nat64, icmp_error_rate, uint32_t), .min = 0,
	  .max = 1000000, .preset = "1000",
	  .text = "ICMP errors made per second, both families together, burst 50; 0: no limit." },
	{ "offload", OPTION_WORD, WORD_AT(config_nat64, offload), .words = switch_words,
	  .preset = "\"auto\"",
	  .text = "Segmentation and checksum offload on the TUN device: frames of many packets "
		  "are translated as one. \"auto\" and \"on\": what the kernel has of it." },
	{ "fastpath", OPTION_WORD, WORD_AT(config_nat64, fastpath), .words = switch_words,
	  .preset = "\"auto\"",
	  .text = "Translate established TCP and UDP in the kernel (BPF on the TUN device); the "
		  "daemon has the rest. \"auto\": where the kernel lets us; \"on\": where it does "
		  "not, health says so." },
	{ "masquerade", OPTION_MASQUERADE, AT(config_nat64, masquerade, enum config_masquerade),
	  .preset = "\"auto\"", .example = "\"198.51.100.7\"",
	  .text = "Source NAT for dynamic_pool by an nftables table of our own: \"auto\": "
		  "masquerade; \"off\": none; an IPv4 address: this source." },
	{ "lease_lifetime", OPTION_DURATION, AT(config_nat64, lease_lifetime_ms, int64_t),
	  .min = SECOND, .max = 3650 * DAY, .preset = "\"2h4m\"",
	  .text = "A mapping that is not used for so long is dormant: nothing from outside reaches it, "
		  "and when dynamic_pool is full a new guest may take its address over." },
	{ "lease_keep", OPTION_DURATION, AT(config_nat64, lease_keep_ms, int64_t), .min = 0,
	  .max = 3650 * DAY, .preset = "\"14d\"",
	  .text = "A dormant mapping stays reserved for its guest so long." },
	{ "max_mappings_per_guest", OPTION_NUMBER,
	  AT(config_nat64, max_mappings_per_guest, uint32_t), .min = 1, .max = 65535,
	  .preset = "16",
	  .text = "IPv4 addresses one guest (one link-layer address, or one /64 behind another "
		  "router) may hold; at the limit its own longest idle one goes." },
	{ "log_mappings", OPTION_BOOL, AT(config_nat64, log_mappings, bool), .preset = "false",
	  .text = "A journal line for each mapping made, moved (its address was a dormant one's) or "
		  "ended: who used which IPv4 address, and when; of more than 200 in 10 seconds, "
		  "how many." },
};
static const struct option_group nat64_group = GROUP("nat64", config_nat64, nat64_options);

static const struct option zone_options[] = {
	{ "name", OPTION_NAME, AT(config_zone, name, const char *), .flags = OPTION_REQUIRED,
	  .example = "\"internal.example\"", .text = "The domain: it and all names below." },
	{ "forwarders", OPTION_SERVERS, AT(config_zone, forwarders, struct config_endpoints),
	  .flags = OPTION_REQUIRED | OPTION_FILLED, .example = "[ \"2001:db8::53\" ]",
	  .text = "Who is asked for it." },
};
static const struct option_group zone_group = GROUP("zones", config_zone, zone_options);

static const struct option local_options[] = {
	{ "name", OPTION_NAME, AT(config_local, name, const char *), .flags = OPTION_REQUIRED,
	  .example = "\"vm1.lan\"", .text = "The exact name." },
	{ "aaaa", OPTION_HOSTS6, AT(config_local, aaaa, struct config_nets), .preset = "[ ]",
	  .example = "[ \"2001:db8::1\" ]", .text = "Its IPv6 addresses." },
	{ "a", OPTION_HOSTS4, AT(config_local, a, struct config_nets), .preset = "[ ]",
	  .example = "[ \"192.0.2.1\" ]",
	  .text = "Its IPv4 addresses; without aaaa, AAAA are synthesised from them." },
	{ "ptr", OPTION_BOOL, AT(config_local, ptr, bool), .preset = "true",
	  .text = "Whether its addresses lead back to the name." },
};
static const struct option_group local_group = GROUP("local", config_local, local_options);

static const struct option dns64_options[] = {
	{ "enabled", OPTION_BOOL, AT(config_dns64, enabled, bool), .preset = "true",
	  .text = "Whether the resolver runs." },
	{ "listen", OPTION_LISTEN, AT(config_dns64, listen, struct config_endpoints),
	  KEYWORD_AT(config_dns64, listen_auto), .keyword = "auto", .preset = "[ \"auto\" ]",
	  .aka = "listen-on-v6 listen-on",
	  .text = "Addresses to answer on; \"auto\": the interface's global, unique-local and "
		  "link-local ones. \"::1\" and IPv4 may be added; who asks there needs to be in "
		  "allow_query (\"localhost\")." },
	{ "port", OPTION_PORT, AT(config_dns64, port, uint16_t), .min = 1, .max = 65535,
	  .preset = "53", .text = "Port to answer on." },
	{ "forwarders", OPTION_SERVERS, AT(config_dns64, forwarders, struct config_endpoints),
	  .keyword = "auto", .preset = "[ \"auto\" ]", .aka = "forward-addr",
	  .example = "[ \"2001:db8::53\", \"192.0.2.53@5353\", \"[fe80::1%eth0]@53\" ]",
	  .text = "Resolvers to ask; \"auto\": the host's own, followed as they change." },
	{ "zones", OPTION_GROUPS, AT(config_dns64, zones, struct config_zone *),
	  COUNT_AT(config_dns64, n_zones), .group = &zone_group,
	  .aka = "forward-zone forward-zones zone",
	  .text = "Domains with forwarders of their own." },
	{ "allow_query", OPTION_ACL, AT(config_dns64, allow_query, struct acl),
	  .flags = OPTION_ACL_LOCAL, .preset = "[ \"localnets\" ]",
	  .aka = "allow-query access-control",
	  .text = "ACL of who may ask; \"localnets\": on-link prefixes of the interface and "
		  "link-local; \"localhost\"." },
	{ "clients", OPTION_ACL, AT(config_dns64, clients, struct acl), .flags = OPTION_ACL_LOCAL,
	  .preset = "[ \"any\" ]",
	  .example = "[ \"!2001:db8::25\", \"!52:54:00:ab:cd:01\" ]", .aka = "dns64clients",
	  .text = "ACL of those for whom AAAA is synthesised; guests with an IPv4 address of their "
		  "own are excluded with \"!\"." },
	{ "exclude_aaaa", OPTION_NETS6, AT(config_dns64, exclude_aaaa, struct config_nets),
	  .preset = "[ \"::ffff:0:0/96\" ]", .aka = "exclude",
	  .text = "Real AAAA in these networks count as absent." },
	{ "exclude_names", OPTION_NAMES, AT(config_dns64, exclude_names, struct config_texts),
	  .preset = "[ ]", .example = "[ \"example.org\" ]",
	  .text = "Domains never synthesised: each name and all below." },
	{ "synthesize_on_error", OPTION_WORD, WORD_AT(config_dns64, synthesize_on_error),
	  .words = on_error_words, .preset = "\"unless-bogus\"",
	  .text = "Whether to synthesise where AAAA fails, or stays unanswered for 2 s, while A "
		  "answers." },
	{ "dnssec", OPTION_WORD, WORD_AT(config_dns64, dnssec), .words = dnssec_words,
	  .preset = "\"pass\"", .aka = "dnssec-validation",
	  .text = "\"pass\": DO and CD go to the forwarder, its AD is never believed, no synthesis "
		  "with CD; \"validate\": answers are proved here." },
	{ "trust_anchors", OPTION_ANCHORS,
	  AT(config_dns64, trust_anchors, struct config_texts), .flags = OPTION_FILLED,
	  .preset = "[ \"auto\" ]",
	  .example = "[ \"auto\", \"internal.example. DS 37331 13 2 2e1b...\" ]",
	  .aka = "trust-anchors managed-keys trusted-keys trust-anchor trust-anchor-file "
		 "auto-trust-anchor-file",
	  .text = "What proofs begin with: DS or DNSKEY records, files of them, \"auto\": the keys of "
		  "the root, followed as they change (RFC 5011)." },
	{ "validate_except", OPTION_NAMES,
	  AT(config_dns64, validate_except, struct config_texts), .preset = "[ ]",
	  .example = "[ \"lan\" ]", .aka = "validate-except domain-insecure",
	  .text = "Domains taken without proof: each name and all below." },
	{ "local", OPTION_GROUPS, AT(config_dns64, local, struct config_local *),
	  COUNT_AT(config_dns64, n_local), .group = &local_group, .aka = "local-data",
	  .text = "Names answered from here; other types than those given do not exist." },
	{ "cache_size", OPTION_SIZE, AT(config_dns64, cache_size, uint64_t), .min = 64 << 10,
	  .max = INT64_C(64) << 30, .preset = "\"32M\"",
	  .aka = "max-cache-size msg-cache-size rrset-cache-size",
	  .text = "Memory for cached answers." },
	{ "max_ttl", OPTION_DURATION, AT(config_dns64, max_ttl_ms, int64_t),
	  .flags = OPTION_SECONDS, .min = 0, .max = 365 * DAY, .preset = "\"1d\"",
	  .aka = "max-cache-ttl cache-max-ttl", .text = "An answer is kept no longer." },
	{ "negative_ttl", OPTION_DURATION, AT(config_dns64, negative_ttl_ms, int64_t),
	  .flags = OPTION_SECONDS, .min = 0, .max = 7 * DAY, .preset = "\"15m\"",
	  .aka = "max-ncache-ttl cache-max-negative-ttl",
	  .text = "That something does not exist is kept no longer." },
	{ "serve_stale", OPTION_DURATION, AT(config_dns64, serve_stale_ms, int64_t),
	  .flags = OPTION_SECONDS, .min = 0, .max = 7 * DAY, .preset = "\"0s\"",
	  .aka = "max-stale-ttl serve-expired",
	  .text = "How long an expired answer still serves when no forwarder answers (RFC 8767)." },
	{ "udp_payload", OPTION_NUMBER, AT(config_dns64, udp_payload, uint32_t), .min = 512,
	  .max = 4096, .preset = "1232", .aka = "edns-buffer-size max-udp-size edns-udp-size",
	  .text = "Largest UDP answer, in bytes." },
	{ "tcp_clients", OPTION_NUMBER, AT(config_dns64, tcp_clients, uint32_t), .min = 1,
	  .max = 65535, .preset = "150", .aka = "tcp-clients incoming-num-tcp",
	  .text = "TCP connections at once." },
	{ "timeout", OPTION_DURATION, AT(config_dns64, timeout_ms, int64_t), .min = 100,
	  .max = MINUTE, .preset = "\"5s\"", .aka = "resolver-query-timeout",
	  .text = "A question is given up after this; the next forwarder is asked earlier." },
	{ "max_queries_per_client", OPTION_NUMBER,
	  AT(config_dns64, max_queries_per_client, uint32_t), .min = 1, .max = 1000000,
	  .preset = "500", .aka = "clients-per-query recursive-clients",
	  .text = "Outstanding questions of one source address; cached answers are not counted." },
	{ "query_log", OPTION_BOOL, AT(config_dns64, query_log, bool), .preset = "false",
	  .aka = "querylog log-queries",
	  .text = "A log line for each question and how it ended, at most 100 a second." },
};
static const struct option_group dns64_group = GROUP("dns64", config_dns64, dns64_options);

static const struct option ra_prefix_options[] = {
	{ "prefix", OPTION_RA_PREFIX, AT(config_ra_prefix, prefix, struct prefix6),
	  KEYWORD_AT(config_ra_prefix, is_auto), .keyword = "auto", .preset = "\"auto\"",
	  .example = "\"2001:db8::/64\"",
	  .text = "The prefix; \"auto\": those of the interface's addresses. Host bits are cut off." },
	{ "on_link", OPTION_BOOL, AT(config_ra_prefix, on_link, bool), .preset = "true",
	  .aka = "AdvOnLink", .text = "Its addresses are reached directly." },
	{ "autonomous", OPTION_BOOL, AT(config_ra_prefix, autonomous, bool), .preset = "true",
	  .aka = "AdvAutonomous", .text = "Guests make themselves an address in it (SLAAC)." },
	{ "router_address", OPTION_BOOL, AT(config_ra_prefix, router_address, bool),
	  .preset = "false", .aka = "AdvRouterAddr",
	  .text = "Tell our whole address in it (RFC 6275, R bit)." },
	{ "valid", OPTION_DURATION, AT(config_ra_prefix, valid_ms, int64_t),
	  .flags = OPTION_SECONDS | OPTION_INFINITE, .min = 0, .max = LIFETIME_MAX,
	  .preset = "\"1d\"", .aka = "AdvValidLifetime lifetime", .text = "Valid lifetime." },
	{ "preferred", OPTION_DURATION, AT(config_ra_prefix, preferred_ms, int64_t),
	  .flags = OPTION_SECONDS | OPTION_INFINITE, .min = 0, .max = LIFETIME_MAX,
	  .preset = "\"4h\"", .aka = "AdvPreferredLifetime",
	  .text = "Preferred lifetime, at most valid." },
};
static const struct option_group ra_prefix_group =
	GROUP("prefixes", config_ra_prefix, ra_prefix_options);

static const struct option ra_route_options[] = {
	{ "prefix", OPTION_LINK_NET6, AT(config_ra_route, prefix, struct prefix6),
	  KEYWORD_AT(config_ra_route, is_nat64), .keyword = "nat64", .preset = "\"nat64\"",
	  .example = "\"2001:db8:1::/48\"", .text = "The destination; \"nat64\": nat64.prefix." },
	{ "lifetime", OPTION_DURATION, AT(config_ra_route, lifetime_ms, int64_t),
	  .flags = OPTION_SECONDS | OPTION_INFINITE, .min = 0, .max = LIFETIME_MAX,
	  .keyword = "auto", .preset = "\"auto\"", .aka = "AdvRouteLifetime",
	  .text = "\"auto\": 3 x max_interval." },
	{ "preference", OPTION_WORD, WORD_AT(config_ra_route, preference),
	  .words = preference_words, .preset = "\"medium\"", .aka = "AdvRoutePreference",
	  .text = "Preference among routers (RFC 4191)." },
};
static const struct option_group ra_route_group =
	GROUP("routes", config_ra_route, ra_route_options);

static const struct option ra_pref64_options[] = {
	{ "prefix", OPTION_PREF64, AT(config_ra_pref64, prefix, struct pref64),
	  KEYWORD_AT(config_ra_pref64, is_nat64), .keyword = "nat64", .preset = "\"nat64\"",
	  .example = "\"2001:db8:64::/96\"", .text = "The prefix; \"nat64\": nat64.prefix." },
	{ "lifetime", OPTION_DURATION, AT(config_ra_pref64, lifetime_ms, int64_t),
	  .flags = OPTION_SECONDS, .min = 0, .max = 65535 * SECOND, .keyword = "auto",
	  .preset = "\"auto\"", .aka = "AdvValidLifetime",
	  .text = "\"auto\": 3 x max_interval. Sent in steps of 8 s, rounded up, at most 65528 s." },
};
static const struct option_group ra_pref64_group =
	GROUP("pref64", config_ra_pref64, ra_pref64_options);

static const struct option ra_rdnss_options[] = {
	{ "servers", OPTION_RESOLVERS, AT(config_ra_rdnss, servers, struct config_endpoints),
	  .flags = OPTION_FILLED, .keyword = "auto", .preset = "[ \"auto\" ]",
	  .example = "[ \"2001:db8::53\" ]",
	  .text = "Resolvers; \"auto\": an address on this link that dns64 answers on, else none." },
	{ "lifetime", OPTION_DURATION, AT(config_ra_rdnss, lifetime_ms, int64_t),
	  .flags = OPTION_SECONDS | OPTION_INFINITE, .min = 0, .max = LIFETIME_MAX,
	  .keyword = "auto", .preset = "\"auto\"", .aka = "AdvRDNSSLifetime",
	  .text = "\"auto\": 3 x max_interval." },
};
static const struct option_group ra_rdnss_group =
	GROUP("rdnss", config_ra_rdnss, ra_rdnss_options);

static const struct option ra_dnssl_options[] = {
	{ "domains", OPTION_NAMES, AT(config_ra_dnssl, domains, struct config_texts),
	  .flags = OPTION_REQUIRED | OPTION_FILLED, .example = "[ \"vm.example\" ]",
	  .text = "Domains to search." },
	{ "lifetime", OPTION_DURATION, AT(config_ra_dnssl, lifetime_ms, int64_t),
	  .flags = OPTION_SECONDS | OPTION_INFINITE, .min = 0, .max = LIFETIME_MAX,
	  .keyword = "auto", .preset = "\"auto\"", .aka = "AdvDNSSLLifetime",
	  .text = "\"auto\": 3 x max_interval." },
};
static const struct option_group ra_dnssl_group =
	GROUP("dnssl", config_ra_dnssl, ra_dnssl_options);

static const struct option ra_options[] = {
	{ "interface", OPTION_INTERFACE, AT(config_ra, interface, const char *),
	  .keyword = "auto", .preset = "\"auto\"", .example = "\"br0\"",
	  .text = "Where to advertise; \"auto\": each interface that has no entry of its own." },
	{ "min_interval", OPTION_DURATION, AT(config_ra, min_interval_ms, int64_t),
	  .min = 3 * SECOND, .max = 65535 * SECOND, .keyword = "auto", .preset = "\"auto\"",
	  .aka = "MinRtrAdvInterval",
	  .text = "Shortest time between two unsolicited advertisements, at most 0.75 x "
		  "max_interval; \"auto\": 0.33 x max_interval, below 9 s 0.75 x, never below 3 s." },
	{ "max_interval", OPTION_DURATION, AT(config_ra, max_interval_ms, int64_t),
	  .min = 4 * SECOND, .max = 65535 * SECOND, .preset = "\"10m\"",
	  .aka = "MaxRtrAdvInterval",
	  .text = "Longest time between two unsolicited advertisements." },
	{ "router_lifetime", OPTION_DURATION, AT(config_ra, router_lifetime_ms, int64_t),
	  .flags = OPTION_SECONDS, .min = 0, .max = 65535 * SECOND, .keyword = "auto",
	  .preset = "\"auto\"", .aka = "AdvDefaultLifetime",
	  .text = "How long guests keep us as default router; \"auto\": 3 x max_interval; \"0s\": we "
		  "are none." },
	{ "preference", OPTION_WORD, WORD_AT(config_ra, preference), .words = preference_words,
	  .preset = "\"medium\"", .aka = "AdvDefaultPreference",
	  .text = "Preference as default router (RFC 4191)." },
	{ "managed", OPTION_BOOL, AT(config_ra, managed, bool), .preset = "false",
	  .aka = "AdvManagedFlag", .text = "Addresses come by DHCPv6 (M)." },
	{ "other", OPTION_BOOL, AT(config_ra, other, bool), .preset = "false",
	  .aka = "AdvOtherConfigFlag", .text = "Other things come by DHCPv6 (O)." },
	{ "hop_limit", OPTION_NUMBER, AT(config_ra, hop_limit, uint32_t), .min = 0, .max = 255,
	  .preset = "64", .aka = "AdvCurHopLimit", .text = "Hop limit for guests; 0: not said." },
	{ "mtu", OPTION_NUMBER, AT(config_ra, mtu, uint32_t), .min = 0, .max = 65535,
	  .preset = "0", .aka = "AdvLinkMTU",
	  .text = "MTU of the link, at least 1280; 0: not said." },
	{ "reachable_time", OPTION_DURATION, AT(config_ra, reachable_time_ms, int64_t), .min = 0,
	  .max = HOUR, .preset = "\"0s\"", .aka = "AdvReachableTime",
	  .text = "How long a neighbour counts as reachable; 0: not said." },
	{ "retrans_timer", OPTION_DURATION, AT(config_ra, retrans_timer_ms, int64_t), .min = 0,
	  .max = INT64_C(4294967295), .preset = "\"0s\"", .aka = "AdvRetransTimer",
	  .text = "Time between neighbour solicitations; 0: not said." },
	{ "source_link_layer", OPTION_BOOL, AT(config_ra, source_link_layer, bool),
	  .preset = "true", .aka = "AdvSourceLLAddress",
	  .text = "Tell our link-layer address." },
	{ "prefixes", OPTION_GROUPS, AT(config_ra, prefixes, struct config_ra_prefix *),
	  COUNT_AT(config_ra, n_prefixes), .flags = OPTION_ONE, .group = &ra_prefix_group,
	  .text = "Prefixes of the link." },
	{ "routes", OPTION_GROUPS, AT(config_ra, routes, struct config_ra_route *),
	  COUNT_AT(config_ra, n_routes), GIVEN_AT(config_ra, routes_given),
	  .flags = OPTION_ONE, .group = &ra_route_group,
	  .aka = "route", .text = "Routes that guests shall have over us. The default exists only while nat64 is "
"enabled; what is written is announced." },
	{ "pref64", OPTION_GROUPS, AT(config_ra, pref64, struct config_ra_pref64 *),
	  COUNT_AT(config_ra, n_pref64), GIVEN_AT(config_ra, pref64_given),
	  .flags = OPTION_ONE, .group = &ra_pref64_group,
	  .aka = "nat64prefix",
	  .text = "NAT64 prefixes for guests that translate for themselves (RFC 8781). The default exists only while nat64 is enabled; what is written is announced." },
	{ "rdnss", OPTION_GROUPS, AT(config_ra, rdnss, struct config_ra_rdnss *),
	  COUNT_AT(config_ra, n_rdnss), GIVEN_AT(config_ra, rdnss_given),
	  .flags = OPTION_ONE, .group = &ra_rdnss_group,
	  .text = "Resolvers for guests (RFC 8106). The default exists only while dns64 is enabled; addresses that are written are announced." },
	{ "dnssl", OPTION_GROUPS, AT(config_ra, dnssl, struct config_ra_dnssl *),
	  COUNT_AT(config_ra, n_dnssl), .group = &ra_dnssl_group,
	  .text = "Search lists for guests (RFC 8106)." },
	{ "captive_portal", OPTION_URI, AT(config_ra, captive_portal, const char *),
	  .preset = "\"\"", .example = "\"https://portal.example/api\"", .aka = "AdvCaptivePortalAPI",
	  .text = "URI of a captive portal's API (RFC 8910); \"\": none." },
	{ "refuse_on_uplink", OPTION_BOOL, AT(config_ra, refuse_on_uplink, bool),
	  .preset = "true",
	  .text = "Keep advertisements off the bridge port behind which the forwarding database has the host's default gateway; until it has, off the ports that are no guests' (a NIC, a bond, a VLAN). A port named in uplink is kept free of them too." },
	{ "final", OPTION_WORD, WORD_AT(config_ra, final), .words = final_words,
	  .preset = "\"stop\"", .aka = "RemoveAdvOnExit",
	  .text = "Whether to advertise our leaving: on \"stop\", but not on restart or reload, or "
		  "\"never\"." },
};
static const struct option_group ra_group = GROUP("ra", config_ra, ra_options);

static const struct option control_options[] = {
	{ "socket", OPTION_PATH, AT(config_control, socket, const char *), .max = 107,
	  .preset = "\"/run/v6gwd/control.sock\"", .text = "The socket of v6gwctl." },
	{ "group", OPTION_LABEL, AT(config_control, group, const char *), .preset = "\"\"",
	  .text = "Members of this group may read; \"\": the daemon's own group. Root and the "
		  "daemon's user may change." },
};
static const struct option_group control_group = GROUP("control", config_control, control_options);

static const struct option root_options[] = {
	{ "interface", OPTION_INTERFACES, AT(config, interfaces, struct config_texts),
	  .keyword = "auto", .preset = "\"auto\"", .example = "[ \"br0\", \"br1\" ]",
	  .aka = "interfaces",
	  .text = "The guests' link, or several; \"auto\": the only bridge with a global IPv6 "
		  "address. With several candidates nothing is guessed." },
	{ "uplink", OPTION_INTERFACE, AT(config, uplink, const char *), .keyword = "auto",
	  .preset = "\"auto\"", .example = "\"eth0\"",
	  .text = "The way out; \"auto\": the interface of the IPv4 default route." },
	{ "log_level", OPTION_WORD, WORD_AT(config, log_level), .words = log_words,
	  .preset = "\"info\"", .text = "What is logged: this and all before it." },
	{ "state_directory", OPTION_PATH, AT(config, state_directory, const char *),
	  .max = 4000, .keyword = "auto", .preset = "\"auto\"", .aka = "data-dir directory",
	  .text = "Where mappings are kept; \"auto\": $STATE_DIRECTORY, else /var/lib/v6gwd." },
	{ "nat64", OPTION_GROUP, AT(config, nat64, struct config_nat64), .group = &nat64_group,
	  .text = "The translator between IPv6 and IPv4." },
	{ "dns64", OPTION_GROUP, AT(config, dns64, struct config_dns64), .group = &dns64_group,
	  .text = "The resolver that gives IPv4-only names an IPv6 address." },
	{ "ra", OPTION_GROUPS, AT(config, ra, struct config_ra *), COUNT_AT(config, n_ra),
	  .flags = OPTION_ONE, .group = &ra_group,
	  .text = "Router advertisements, one entry for an interface; ( ): none." },
	{ "control", OPTION_GROUP, AT(config, control, struct config_control),
	  .group = &control_group, .text = "The control socket." },
};
/* clang-format on */
const struct option_group options_root = GROUP("", config, root_options);

const struct option *option_find(const struct option_group *g, const char *name)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->options[i].name, name) == 0)
			return &g->options[i];
	return NULL;
}

/* "-" and "_" are one, and so are "a" and "A". */
static char fold(char c)
{
	if (c == '-')
		return '_';
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Optimal string alignment: letters to add, drop, change or swap with the next to make b of a.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][NAME_MAX_LEN + 1];
	size_t la = strlen(a), lb = strlen(b);

	if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (unsigned j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned same = fold(a[i - 1]) == fold(b[j - 1]);
			unsigned n = up[j - 1] + !same;

			n = up[j] + 1 < n ? up[j] + 1 : n;
			n = row[j - 1] + 1 < n ? row[j - 1] + 1 : n;
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			    fold(a[i - 2]) == fold(b[j - 1]) && up2[j - 2] + 1 < n)
				n = up2[j - 2] + 1;
			row[j] = n;
		}
	}
	return rows[la % 3][lb];
}

/* Is name one of the words of a list separated by spaces? */
static bool among(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (; list && *list; list += *list == ' ') {
		size_t n = strcspn(list, " ");

		if (n == len && strncasecmp(list, name, n) == 0)
			return true;
		list += n;
	}
	return false;
}

struct nearest {
	unsigned distance;
	char path[128];
};

/* The nearest key of a group, or with deep of those in it; *best is what must be bettered. */
static void search(const struct option_group *g, const char *prefix, const char *name,
		   bool deep, struct nearest *best)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct option *o = &g->options[i];
		unsigned d = among(o->aka, name) ? 0 : distance(name, o->name);
		char path[128];

		snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", o->name);
		if (d < best->distance) {
			best->distance = d;
			memcpy(best->path, path, sizeof path);
		}
		if (deep && o->group)
			search(o->group, path, name, deep, best);
	}
}

/* A near one of the same group, a nearer one of another. */
void option_suggest(const struct option_group *g, const char *name, char *out, size_t out_len)
{
	struct nearest best = { .distance = (unsigned)strlen(name) / 3 + 2 }, other;

	search(g, "", name, false, &best);
	other = best;
	if (best.distance > 1) {
		other.distance = best.distance < 3 ? 1 : 3;
		search(&options_root, "", name, true, &other);
	}
	*out = '\0';
	if (*other.path)
		snprintf(out, out_len, "did you mean `%s`?", other.path);
}
