/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config.h - the configuration as it is written in the file, with every default filled in.
 *
 * Nothing here depends on the host: "auto" stays "auto" (effective.h replaces it).  The structs
 * are filled by the option table (options.h), never by hand, and do not change after reading.
 * Durations are int64_t milliseconds, also where the wire counts seconds.
 */
#pragma once

#include "base/acl.h"
#include "base/addr.h"
#include "base/pref64.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_AUTO     ((int64_t)-1) /* a duration found out or derived later */
#define CONFIG_INFINITE INT64_MAX     /* a duration the wire calls infinite */

/* Lists own nothing by themselves: all belong to the configuration they are in. */
struct config_texts {
	const char **v;
	size_t n;
};

struct config_nets {
	struct prefix6 *v; /* IPv4 as ::ffff:a.b.c.d, len + 96 */
	size_t n;
};

/* An address with port and zone: "2001:db8::53", "192.0.2.53@5353", "[fe80::1%eth0]@53". */
struct config_endpoint {
	struct in6_addr addr;
	uint16_t port;
	const char *zone; /* interface name of a link-local address, else NULL */
};

/* A list that may hold the word "auto" beside values. */
struct config_endpoints {
	bool has_auto;
	struct config_endpoint *v;
	size_t n;
};

enum config_switch { CONFIG_OFF, CONFIG_ON, CONFIG_SWITCH_AUTO };
enum config_udp_zero { CONFIG_UDP_ZERO_COMPUTE, CONFIG_UDP_ZERO_DROP };
enum config_masquerade {
	CONFIG_MASQUERADE_AUTO,
	CONFIG_MASQUERADE_OFF,
	CONFIG_MASQUERADE_SOURCE
};
enum config_on_error { CONFIG_ON_ERROR_NO, CONFIG_ON_ERROR_YES, CONFIG_ON_ERROR_UNLESS_BOGUS };
enum config_dnssec { CONFIG_DNSSEC_PASS, CONFIG_DNSSEC_VALIDATE };
enum config_preference {
	CONFIG_PREFERENCE_LOW,
	CONFIG_PREFERENCE_MEDIUM,
	CONFIG_PREFERENCE_HIGH
};
enum config_final { CONFIG_FINAL_STOP, CONFIG_FINAL_NEVER };
enum config_log_level {
	CONFIG_LOG_ERROR,
	CONFIG_LOG_WARNING,
	CONFIG_LOG_NOTICE,
	CONFIG_LOG_INFO,
	CONFIG_LOG_DEBUG
};

/* One row of nat64.maps (RFC 7757): equal suffix lengths are not required. */
struct config_map {
	struct prefix4 ipv4;
	struct prefix6 ipv6;
	const char *name; /* "" where none */
};

struct config_nat64 {
	bool enabled;
	const char *device;
	struct pref64 prefix;
	bool ipv4_auto, ipv6_auto;
	struct in_addr ipv4_address;     /* unless ipv4_auto */
	struct in6_addr ipv6_address;    /* unless ipv6_auto */
	struct config_nets dynamic_pool; /* IPv4 */
	struct config_map *maps;
	size_t n_maps;
	struct acl clients, destinations; /* may hold ACL_AUTO */
	uint32_t mtu, fragment_mtu;
	enum config_udp_zero udp_zero_checksum;
	uint32_t icmp_error_rate;
	enum config_switch offload, fastpath;
	enum config_masquerade masquerade;
	struct in_addr masquerade_source; /* with CONFIG_MASQUERADE_SOURCE */
	int64_t lease_lifetime_ms, lease_keep_ms;
	uint32_t max_mappings_per_guest;
	bool log_mappings;
};

struct config_zone {
	const char *name; /* without the last dot, lower case */
	struct config_endpoints forwarders;
};

struct config_local {
	const char *name;           /* without the last dot, lower case */
	struct config_nets aaaa, a; /* host addresses: len 128 */
	bool ptr;
};

struct config_dns64 {
	bool enabled;
	bool listen_auto;
	struct config_endpoints listen; /* port unused: dns64.port holds */
	uint16_t port;
	struct config_endpoints forwarders;
	struct config_zone *zones;
	size_t n_zones;
	struct acl allow_query, clients; /* may hold ACL_LOCALNETS */
	struct config_nets exclude_aaaa;
	struct config_texts exclude_names; /* like config_zone.name */
	enum config_on_error synthesize_on_error;
	enum config_dnssec dnssec;
	struct config_texts trust_anchors;   /* "auto", absolute paths, DS and DNSKEY records */
	struct config_texts validate_except; /* like config_zone.name */
	struct config_local *local;
	size_t n_local;
	uint64_t cache_size; /* bytes */
	int64_t max_ttl_ms, negative_ttl_ms, serve_stale_ms;
	uint32_t udp_payload, tcp_clients;
	int64_t timeout_ms;
	uint32_t max_queries_per_client;
	bool query_log;
};

struct config_ra_prefix {
	bool is_auto;
	struct prefix6 prefix;             /* unless is_auto; host bits zero */
	struct in6_addr router_address_of; /* the prefix as written, with its host bits */
	bool on_link, autonomous, router_address;
	int64_t valid_ms, preferred_ms;
};

struct config_ra_route {
	bool is_nat64; /* "nat64": nat64.prefix */
	struct prefix6 prefix;
	int64_t lifetime_ms;
	enum config_preference preference;
};

struct config_ra_pref64 {
	bool is_nat64;
	struct pref64 prefix;
	int64_t lifetime_ms;
};

struct config_ra_rdnss {
	struct config_endpoints servers; /* port unused */
	int64_t lifetime_ms;
};

struct config_ra_dnssl {
	struct config_texts domains;
	int64_t lifetime_ms;
};

struct config_ra {
	const char *interface; /* NULL: auto, each interface without an entry of its own */
	int64_t min_interval_ms, max_interval_ms, router_lifetime_ms;
	enum config_preference preference;
	bool managed, other;
	uint32_t hop_limit, mtu;
	int64_t reachable_time_ms, retrans_timer_ms;
	bool source_link_layer;
	struct config_ra_prefix *prefixes;
	size_t n_prefixes;
	/* given: written in the file; a default exists only while its plane is enabled */
	struct config_ra_route *routes;
	size_t n_routes;
	bool routes_given;
	struct config_ra_pref64 *pref64;
	size_t n_pref64;
	bool pref64_given;
	struct config_ra_rdnss *rdnss;
	size_t n_rdnss;
	bool rdnss_given;
	struct config_ra_dnssl *dnssl;
	size_t n_dnssl;
	const char *captive_portal;
	bool refuse_on_uplink;
	enum config_final final;
};

struct config_control {
	const char *socket, *group;
};

struct config {
	struct config_texts interfaces; /* empty: auto */
	const char *uplink;             /* NULL: auto */
	enum config_log_level log_level;
	const char *state_directory; /* NULL: auto */
	struct config_nat64 nat64;
	struct config_dns64 dns64;
	bool ra_given;        /* false: one default entry for each interface */
	struct config_ra *ra; /* with ra_given; else ra[0] holds the defaults and n_ra is 0 */
	size_t n_ra;
	struct config_control control;
	void *memory; /* everything above that points somewhere; config_free() gives it back */
};

/* NULL is a no-op. */
void config_free(struct config *);

/* Do both say the same?  Judged by the values, not by how they were written; a default that was
 * written out is still the default. */
bool config_equal(const struct config *, const struct config *);
