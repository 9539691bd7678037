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

#include "base/addr.h"
#include "conf.h"
#include "counters.h"
#include "resolve.h"
#include "trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dns_transport { DNS_UDP, DNS_TCP };

/* Who asked; copied, so it must hold all that the reply needs. */
struct dns_client {
	struct in6_addr addr; /* IPv4 as ::ffff:... */
	uint16_t port;
	enum dns_transport transport;
	uint32_t link;    /* index of the link it came by; 0: not known */
	bool is_stranger; /* nobody on the link is known to have addr */
	bool traced;      /* ops->explain is told every decision */
	bool has_mac;
	uint8_t mac[ADDR_MAC_LEN];
	uint64_t handle[6]; /* the transport's own */
};

/* The end of a question. */
struct dns_end {
	const struct dns_question *q;
	enum dns_count count; /* up to DNS_COUNT_ENDINGS */
	unsigned rcode;
	bool cached; /* nobody had to be asked */
	uint64_t took_ms;
};

struct dns_ops {
	/* The answer, whole; msg is valid during the call only, and until dns_input() is called
	 * within it.  With len 0 there will be none: only streams are told, who count what is
	 * open. */
	void (*reply)(void *ctx, const struct dns_client *, const uint8_t *msg, size_t len);

	/* Asks for q with flags RESOLVE_*; set 0 is the default forwarders, i + 1 those of zone
	 * i. dns_resolved(engine, id, ...) must follow exactly once, also within the call,
	 * unless ops->cancel is called for that id first. */
	void (*resolve)(void *ctx, uint64_t id, const struct dns_question *q, unsigned flags,
			unsigned set);
	void (*cancel)(void *ctx, uint64_t id);

	/* n unpredictable bytes. */
	void (*random)(void *ctx, void *out, size_t n);

	/* A decision about the question of a traced client; NULL where none is.  May not call
	 * the engine. */
	void (*explain)(void *ctx, const struct dns_client *, const struct dns_step *);

	/* How a question ended, before its reply.  May not call the engine.  NULL: nobody wants
	 * to know. */
	void (*ended)(void *ctx, const struct dns_client *, const struct dns_end *);
};

struct dns;

/* The client as access lists judge it; points into it. */
static inline struct acl_who dns_client_who(const struct dns_client *c)
{
	return (struct acl_who){ &c->addr, c->has_mac ? c->mac : NULL, c->link };
}

/* NULL when memory is short. */
struct dns *dns_new(const struct dns_conf *, const struct dns_ops *, void *ctx);
void dns_free(struct dns *); /* questions in flight are dropped, and cancelled */

/* A new configuration: prepare may fail for memory and changes nothing; settle switches.  The
 * cache and questions in flight stay. */
bool dns_prepare(struct dns *, const struct dns_conf *next);
void dns_settle(struct dns *, bool commit, uint64_t now_ms);

/* A message of len bytes from client; hostile input is normal input.  Datagrams of strangers
 * are answered at a bounded rate: their addresses may be made up, and then each answer waits in
 * the kernel for a neighbour that is not there, and takes room from the answers to others. */
void dns_input(struct dns *, const struct dns_client *client, const uint8_t *msg, size_t len,
	       uint64_t now_ms);

/* Has that address as many questions waiting as it may, from streams?  They are then not read
 * until one of them is answered. */
bool dns_is_full(const struct dns *, const struct in6_addr *addr);

void dns_resolved(struct dns *, uint64_t id, const struct resolve_result *, uint64_t now_ms);

/* Takes back all that was asked for: it is cancelled, and asked again at the next tick. */
void dns_recall(struct dns *);

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
