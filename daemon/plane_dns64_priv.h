/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_dns64_priv.h - what the parts of the DNS64 plane share; nobody else includes it. */
#pragma once

#include "dns64_conf.h"
#include "dns64_log.h"
#include "ev.h"
#include "io/dns_listen.h"
#include "io/link.h"
#include "io/nft_guests.h"
#include "io/upstream.h"
#include "io/upstream_unbound.h"
#include "plane.h"
#include "plane_dns64.h"
#include "random.h"

enum { HEARD_MAX = 256 };

/* Who asked last; one of another address may take the place. */
struct heard {
	struct in6_addr addr;
	uint8_t mac[ADDR_MAC_LEN];
	bool has_mac;
	uint64_t at_ms;
};

/* How the forwarders are, each set of them by itself: zones have their own. */
struct dns64_sets {
	size_t silent;       /* sets of which none answers */
	uint64_t digest;     /* another one when something changed */
	uint64_t changes_ms; /* by itself; UINT64_MAX: does not */
};

struct plane_dns64 {
	struct plane_env env;
	const struct effective *effective, *next; /* in force, prepared */
	struct dns64_conf conf, next_conf;
	bool fresh; /* what is below was made by this prepare */
	struct dns *dns;
	struct forward *forward;
	struct upstream *upstream;
	struct dns_listen *listen;
	const struct validator_class *validates; /* NULL: built without */
	struct validator *validator;             /* in force; NULL: dnssec is not "validate" */
	struct validator *next_validator;        /* prepared, where there is none */
	bool revalidate; /* what was prepared is of no use for what is in flight */
	struct ev_timer timer;
	struct ev_after turn; /* looks at deadlines and, if stirred, forwarders */
	bool stirred;
	struct nft_guests *guests;   /* while a list names a link-layer address */
	struct dns64_query *queries; /* of the control socket, under way */
	uint64_t last_query;         /* the number of the newest */
	struct dns64_log log;
	struct dns64_sets sets; /* when looked last */
	bool watched;           /* dead is as of the last look */
	uint64_t dead;          /* which did not: bit i is that of the i-th */
	struct random random;
	struct heard heard[HEARD_MAX];
};

/* plane_dns64_query.c: a question of ours was decided upon, or is answered; all are given up.
 */
void plane_dns64_explained(struct plane_dns64 *, const struct dns_client *,
			   const struct dns_step *);
void plane_dns64_answered(struct plane_dns64 *, const struct dns_client *, const uint8_t *msg,
			  size_t len);
void plane_dns64_give_up(struct plane_dns64 *);

/* A question, from whoever asks it; sets the deadline anew. */
void plane_dns64_input(struct plane_dns64 *, const struct dns_client *, const uint8_t *msg,
		       size_t len);

/* plane_dns64_report.c */
struct dns64_sets plane_dns64_sets(const struct plane_dns64 *, struct reasons *); /* or NULL */
/* Where somebody wants to know: tells which forwarders answer, or do not, other than when
 * looked last. */
void plane_dns64_see_forwarders(struct plane_dns64 *);
void plane_dns64_report(const void *plane, struct report *);
bool plane_dns64_counter(const void *plane, size_t i, struct counter *out);
