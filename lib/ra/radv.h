/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radv.h - the advertiser of one interface: what is said (ra_msg.h) and when (sched.h).
 *
 * Gets a configuration, solicitations, what other routers say (others.h) and the time; gives
 * messages, a next deadline, counters.
 * Knows no socket and no kernel.  What vanishes from one configuration to the next is taken
 * back on the link before it is no longer mentioned (RFC 4861 6.2.4, RFC 9096 3).
 */
#pragma once

#include "others.h"
#include "ra_msg.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RADV_AUTO     ((int64_t)-1) /* a lifetime derived from the interval */
#define RADV_INFINITE INT64_MAX
#define RADV_NEVER    UINT64_MAX

/* One thing to announce. */
struct radv_item {
	enum ra_kind kind;
	struct in6_addr addr;           /* prefix or server */
	struct in6_addr router_address; /* RA_PREFIX: to send with the R bit, :: without it */
	uint8_t len;                    /* of the prefix */
	bool on_link, autonomous;       /* RA_PREFIX */
	bool found;                     /* RA_PREFIX: an "auto" one; it vanishes for good */
	enum ra_preference preference;  /* RA_ROUTE */
	const char *text;               /* RA_DNSSL: domain; RA_CAPTIVE_PORTAL: URI */
	bool withheld;                  /* said with lifetime 0: it does not work now */
	int64_t lifetime_ms;     /* valid lifetime of a prefix; RADV_AUTO, RADV_INFINITE */
	int64_t preferred_ms;    /* RA_PREFIX */
	uint64_t valid_until_ms; /* RA_PREFIX: limits of the two; RADV_NEVER: none */
	uint64_t preferred_until_ms;
};

/* What an interface shall say.  Read during radv_prepare() only. */
struct radv_conf {
	uint32_t link;              /* its index: another one is another link */
	bool ready;                 /* it can send: up, running, with a usable link_local */
	bool forwarding;            /* false: no default route, no routes, no PREF64 */
	struct in6_addr link_local; /* source of the advertisements */
	int64_t min_interval_ms, max_interval_ms, router_lifetime_ms;
	struct ra_header header; /* lifetime_s does not count */
	const struct radv_item *items;
	size_t n;
};

/* Every counter: name, sentence, clause. */
#define RADV_COUNTERS(X)                                                                      \
	X(ra_tx, "advertisements sent, multicast and unicast", "RFC 4861 6.2.4")              \
	X(ra_tx_solicited, "of these in answer to a solicitation", "RFC 4861 6.2.6")          \
	X(ra_tx_errors, "advertisements that could not be sent", "")                          \
	X(ra_tx_left_out, "options left out because they are longer than a message",          \
	  "RFC 6980")                                                                         \
	X(rs_rx, "router solicitations received", "RFC 4861 6.2.6")                           \
	X(rs_own, "solicitations from our own address, not answered", "")                     \
	X(rs_limited, "solicitations beyond ten a second, answered by one multicast for all", \
	  "RFC 7772")                                                                         \
	X(ra_rx, "advertisements of other routers received", "RFC 4861 6.2.7")                \
	X(ra_own, "our own advertisements that came back", "")

struct radv_counters {
#define RADV_COUNTER_FIELD(id, text, rfc) uint64_t id;
	RADV_COUNTERS(RADV_COUNTER_FIELD)
#undef RADV_COUNTER_FIELD
	uint64_t rs_invalid[RA_ACCEPTED]; /* by enum ra_reason */
	uint64_t ra_invalid[RA_ACCEPTED];
	uint64_t ra_found[OTHERS_N]; /* by enum others_finding */
};

/* A row of that table: "ra.rs_invalid.hop_limit".  NULL behind the last. */
struct radv_counter_row {
	const char *name, *text, *rfc;
	size_t offset; /* of its uint64_t in struct radv_counters */
};

const struct radv_counter_row *radv_counter_row(size_t i);

/* Sends a message from src: 0 or -errno. */
typedef int radv_send_fn(void *arg, const struct in6_addr *src, const struct in6_addr *dst,
			 const uint8_t *msg, size_t len);

struct radv;

/* NULL when memory is short.  seed: of the random delays, another for each interface. */
struct radv *radv_new(uint64_t seed, radv_send_fn *send, void *arg);
void radv_free(struct radv *); /* says nothing on the link; NULL is a no-op */

/* First half of a change: 0, or -ENOMEM and nothing has changed. */
int radv_prepare(struct radv *, uint64_t now_ms, const struct radv_conf *);

/* Second half: from now on say what was prepared, or drop it.  Will hosts learn something new?
 */
bool radv_settle(struct radv *, uint64_t now_ms, bool commit);

/* A message that came in on the link. */
void radv_input(struct radv *, uint64_t now_ms, const struct ra_packet *);

/* The other routers on the link, and what the last message gave to tell about one. */
const struct others *radv_others(const struct radv *);
bool radv_news(struct radv *, struct others_news *out);

/* When to call radv_tick(), which sends what is due. */
uint64_t radv_next(const struct radv *);
void radv_tick(struct radv *, uint64_t now_ms);

/* Says farewell at once, where it could speak: all lifetimes 0, prefixes as they are (RFC 4861
 * 6.2.5).  Nothing is due after it. */
void radv_cease(struct radv *, uint64_t now_ms);

/* Calls fn with the messages as they would go out now.  Returns how many items had to be left
 * out, as ra_msg_write() does. */
size_t radv_write(struct radv *, uint64_t now_ms, ra_msg_fn *fn, void *arg);

/* Is the item, of such a message, one that is being taken back? */
bool radv_withdraws(const struct radv *, const struct ra_item *);

struct radv_status {
	const char *state; /* "waiting", "announcing", "steady" */
	uint64_t next_ms;  /* the next multicast, RADV_NEVER: none */
	uint64_t said_ms;  /* the last multicast, and the last solicitation that was heard; */
	uint64_t asked_ms; /* RADV_NEVER: none yet */
	uint32_t min_ms, max_ms; /* the interval */
	int error;               /* -errno of the last multicast, 0 when it went out */
	size_t withdrawn;        /* items that are being taken back */
};

struct radv_status radv_status(const struct radv *);
const struct radv_counters *radv_counters(const struct radv *);
