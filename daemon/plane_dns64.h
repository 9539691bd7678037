/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_dns64.h - what control asks of the DNS64 plane alone; plane.h has the rest. */
#pragma once

#include "config/effective.h"
#include "dns/resolve.h"
#include "doctor/doctor.h"

#include <stdbool.h>
#include <stdint.h>

struct report;

/* Empties the cache; false when the plane does not run. */
bool plane_dns64_flush(void *plane);

/* The first max addresses that it should listen on and cannot; how many. */
size_t plane_dns64_deaf(const void *plane, struct eff_endpoint *out, size_t max);

/* GetDns: the members of its reply; false when the plane does not run. */
bool plane_dns64_report_all(const void *plane, struct report *);

/* A question as if a client asked it, with every decision about it (QueryDns). */
struct dns64_question {
	struct dns_question q;
	bool dnssec_ok, checking_disabled;
	bool has_client;
	struct in6_addr client; /* without has_client: the host, by its address on the guests'
				   link */
};

/* The answer, to be written with plane_dns64_report_answer() meanwhile; NULL: the plane has
 * stopped. */
struct dns64_query;
typedef void plane_dns64_fn(void *arg, const struct dns64_query *);

/* Goes the way of all questions: lists, cache, forwarders, limits are the client's.  fn follows
 * once, also within the call, unless the number that is returned is cancelled; 0: the plane
 * does not run, fn does not follow. */
uint64_t plane_dns64_query(void *plane, const struct dns64_question *, plane_dns64_fn *,
			   void *arg);
void plane_dns64_cancel(void *plane, uint64_t query);

/* The members of QueryDns' reply. */
void plane_dns64_report_answer(const struct dns64_query *, struct report *);

/* The answer as v6gwctl doctor judges it. */
void plane_dns64_read_answer(const struct dns64_query *, const struct pref64 *prefix,
			     struct doctor_answer *out);

/* What v6gwctl doctor asks beside it. */
struct plane_dns64_look {
	size_t bound;
	struct reasons listen; /* why addresses are not bound */
	size_t forwarders, silent;
};

void plane_dns64_look(const void *plane, struct plane_dns64_look *out);

/* When a question of addr, or of the guest with that link-layer address (or NULL), came last;
 * 0: none that is remembered. */
uint64_t plane_dns64_heard(const void *plane, const struct in6_addr *addr, const uint8_t *mac);
