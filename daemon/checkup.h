/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checkup.h - v6gwctl doctor: measures along the way of a guest's packet, and has each step
 * judged by lib/doctor.
 *
 * Takes part in the loop and never waits: questions and a first ping run side by side, then
 * pings through the translator, each for two seconds at most.
 */
#pragma once

#include "doctor/doctor.h"
#include "ev.h"

#include <stdbool.h>

struct checkup;
struct link;

#define CHECKUP_TEXT 256

struct checkup_ask {
	char guest[CHECKUP_TEXT];  /* "": none; see checkup_find_guest() */
	char target[CHECKUP_TEXT]; /* "": none; a name, IPv4, or IPv6 inside the prefix */
	struct doctor_seen seen;
};

/* Outlives the checkups.  now fills in what the gateway knows at that moment: eff, facts, file,
 * stale, uptime_s, reasons; valid until the loop goes on. */
struct checkup_env {
	struct ev_loop *loop;
	struct link *link;
	void *nat64, *dns64, *ra; /* the planes */
	void (*now)(void *arg, struct doctor_view *);
	void *arg;
};

/* Each step in its order, then the whole: first is the first broken step, else the first doubt,
 * with state ok where there is none.  The checkup may be freed with the last. */
struct checkup_news {
	bool is_result;
	enum doctor_step step; /* of the whole: which came first, unless its state is ok */
	const struct doctor_finding *finding;
};

typedef void checkup_fn(void *arg, const struct checkup_news *);

/* The guest with an IPv6 address, a link-layer address that is a neighbour's, the IPv4 address
 * of a mapping, or the name of one in nat64.maps; false when there is none. */
bool checkup_find_guest(const struct checkup_env *, const struct effective *, const char *text,
			struct in6_addr *out);

/* fn is called later, from the loop.  NULL: out of memory. */
struct checkup *checkup_new(const struct checkup_env *, const struct checkup_ask *,
			    checkup_fn *, void *arg);
void checkup_free(struct checkup *); /* ends it; NULL is a no-op */
