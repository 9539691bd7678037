/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query.h - the DNS64 engine: one question from arrival to answer.
 *
 * Sans I/O.  dns_input() takes a client's message; the answer goes to ops->reply, at once
 * (cache, special names, errors) or after ops->resolve was asked and dns_resolved() was called.
 * RFC 6147 synthesis happens when the answer is given, for this client, from one cache that
 * holds only what forwarders said. Tables are sized by dns_new(); an answer from the cache
 * allocates nothing.
 */
#pragma once

#include "base/acl.h"
#include "base/pref64.h"
#include "resolve.h"

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

enum dns_transport { DNS_UDP, DNS_TCP };

/* Who asked; copied, so it must hold all that the reply needs. */
struct dns_client {
	struct in6_addr addr; /* IPv4 as ::ffff:... */
	uint16_t port;
	enum dns_transport transport;
	bool has_mac;
	uint8_t mac[ADDR_MAC_LEN];
	uint64_t handle[6]; /* the transport's own */
};

struct dns_ops {
	/* The answer, whole; msg is valid during the call only. */
	void (*reply)(void *ctx, const struct dns_client *, const uint8_t *msg, size_t len);

	/* Asks for q with flags RESOLVE_*; set 0 is the default forwarders, i + 1 those of zone
	 * i. dns_resolved(engine, id, ...) must follow exactly once, also within the call,
	 * unless ops->cancel is called for that id first. */
	void (*resolve)(void *ctx, uint64_t id, const struct dns_question *q, unsigned flags,
			unsigned set);
	void (*cancel)(void *ctx, uint64_t id);

	/* n unpredictable bytes. */
	void (*random)(void *ctx, void *out, size_t n);
};

/* X(NAME, "name", "sentence", "RFC clause") in counters.h: every question ends in one of them.
 */
#include "counters.h"

enum dns_count {
#define X(id, name, text, rfc) DNS_COUNT_##id,
	DNS_COUNTERS(X)
#undef X
		DNS_COUNT_COUNT
};

struct dns_count_text {
	const char *name, *text, *rfc;
};

extern const struct dns_count_text dns_count_texts[DNS_COUNT_COUNT];

struct dns;

/* NULL when memory is short. */
struct dns *dns_new(const struct dns_conf *, const struct dns_ops *, void *ctx);
void dns_free(struct dns *); /* questions in flight are dropped, and cancelled */

/* A new configuration: prepare may fail for memory and changes nothing; settle switches.  The
 * cache and questions in flight stay. */
bool dns_prepare(struct dns *, const struct dns_conf *next);
void dns_settle(struct dns *, bool commit, uint64_t now_ms);

/* A message of len bytes from client; hostile input is normal input. */
void dns_input(struct dns *, const struct dns_client *client, const uint8_t *msg, size_t len,
	       uint64_t now_ms);

void dns_resolved(struct dns *, uint64_t id, const struct resolve_result *, uint64_t now_ms);

/* Deadlines (questions given up, cache): when there is something to do (UINT64_MAX: nothing),
 * and doing it. */
uint64_t dns_next(const struct dns *);
void dns_tick(struct dns *, uint64_t now_ms);

const uint64_t *dns_counts(const struct dns *); /* [DNS_COUNT_COUNT] */

struct dns_cache_usage {
	uint64_t entries, bytes, limit;
};

void dns_cache_usage(const struct dns *, struct dns_cache_usage *);
void dns_flush(struct dns *);
size_t dns_in_flight(const struct dns *);
