/* SPDX-License-Identifier: GPL-3.0-or-later */
/* conf.h - what the operator says about DNS64, as the engine wants it.  Types only. */
#pragma once

#include "base/acl.h"
#include "base/pref64.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dns_on_error { DNS_ON_ERROR_NO, DNS_ON_ERROR_YES, DNS_ON_ERROR_UNLESS_BOGUS };

struct dns_zone_conf {
	const char *name; /* the name and all below are resolved by set i + 1 of forwarders */
};

struct dns_local_conf {
	const char *name; /* exact */
	const struct in6_addr *aaaa;
	size_t n_aaaa;
	const struct in_addr *a;
	size_t n_a;
	bool ptr;
};

/* Lists belong to the caller and outlive the configuration.  Names are text without the last
 * dot. */
struct dns_conf {
	struct pref64 prefix;
	struct acl destinations; /* IPv4 addresses that NAT64 translates */
	struct acl allow_query, clients;
	const struct prefix6 *exclude_aaaa;
	size_t n_exclude_aaaa;
	const char *const *exclude_names;
	size_t n_exclude_names;
	const struct dns_zone_conf *zones;
	size_t n_zones;
	const struct dns_local_conf *local;
	size_t n_local;
	enum dns_on_error synthesize_on_error;
	bool validating; /* AD of results may be believed */
	uint64_t cache_size;
	uint32_t max_ttl_s, negative_ttl_s, serve_stale_s;
	uint16_t udp_payload;
	uint64_t timeout_ms;
	uint32_t max_queries_per_client;
	uint32_t tcp_idle_s; /* for the EDNS keepalive option */
};
