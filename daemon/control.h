/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.h - the socket of v6gwctl: varlink's wire form over a UNIX stream socket.
 *
 * Checks who asks and what, and writes the answers; what it says comes from the gateway through
 * struct control_ops.  Bounded in everything a client can do: 32 clients, 64 KiB a request,
 * 10 s of silence, a little work per wake-up, nothing produced for those who do not read.
 */
#pragma once

#include "base/addr.h"
#include "checkup.h"
#include "config/effective.h"
#include "log.h"
#include "nat64/nat64.h"
#include "plane.h"
#include "plane_dns64.h"
#include "report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct control;
struct ev_loop;

/* All texts are copied. */
struct control_conf {
	const char *path;  /* of the socket; its directory is made (0755) when it is missing */
	const char *group; /* whose members may read; "": the daemon's own group */
	const char *version;
};

struct control_mapping {
	struct nat64_mapping mapping;
	uint8_t mac[ADDR_MAC_LEN];
	bool has_mac;
};

/* What the gateway answers.  A NULL is answered as MethodNotImplemented.  None of them may
 * close the control they are called from. */
struct control_ops {
	/* GetStatus.  Writes the members of the top level:
	 *   "version": text          "uptime_s": number
	 *   "health":  {"state": "ok" | "degraded" | "failed",
	 *               "reasons": [text, ...]}      each as "dns64: what (remedy)", worst
	 * first "config":  {"file": text, "loaded_at": text (RFC 3339), "stale": bool} "nat64":
	 * {members by the plane's report}   left out while the plane is disabled "dns64":
	 * {likewise} "ra":      [{likewise, one an interface}] with the names of the planes'
	 * members as interface.md gives them. */
	void (*status)(void *arg, struct report *);

	/* Monitor: the health in a line, as EVENT_STATUS tells it. */
	const char *(*state)(void *arg);

	/* GetRa: "interfaces": [{members by the advertisers' report, one an interface}]. */
	void (*ra)(void *arg, struct report *);

	/* GetConfig: the effective file, in as many pieces as is convenient. */
	void (*config)(void *arg, void (*put)(void *to, const char *text), void *to);

	/* ListMappings: the first mapping at or behind *i, and advances *i past it (as
	 * nat64_mapping_at() does); false behind the last.  Other callbacks and changes of the
	 * table come in between. */
	bool (*mapping)(void *arg, size_t *i, struct control_mapping *out);

	/* ListCounters, GetMetrics: the i-th of all planes' counters; false behind the last. */
	bool (*counter)(void *arg, size_t i, struct counter *out);

	/* Reload.  The report is the inside of a list: an object {"file", "line", "key",
	 * "text", "hint", "source"} for each error (false; "source" is the line as written), or
	 * warning (true).  All but "text" may be left out. */
	bool (*reload)(void *arg, struct report *messages);

	/* FlushDns: false when dns64 does not run. */
	bool (*flush_dns)(void *arg);

	/* DropMapping: false when ipv6 has no dynamic mapping. */
	bool (*drop_mapping)(void *arg, const struct in6_addr *ipv6);

	/* GetDns: false when dns64 does not run. */
	bool (*dns)(void *arg, struct report *);

	/* QueryDns: as plane_dns64_query() and plane_dns64_cancel(). */
	uint64_t (*query_dns)(void *arg, const struct dns64_question *, plane_dns64_fn *,
			      void *to);
	void (*cancel_dns)(void *arg, uint64_t query);

	/* Doctor: as checkup_new() and checkup_free(); NULL: too many already, or no memory. */
	struct checkup *(*doctor)(void *arg, const struct checkup_ask *, checkup_fn *,
				  void *to);
	void (*cancel_doctor)(void *arg, struct checkup *);

	void (*set_log_level)(void *arg, enum log_level);
};

/* Listens.  ops and arg outlive it.  NULL and *error: -EADDRINUSE when a running daemon owns
 * the socket (a file left by a dead one is replaced), -ENOTSOCK when path is something else,
 * -ENAMETOOLONG, or what the system said; nothing is logged then. */
struct control *control_open(struct ev_loop *, const struct control_conf *,
			     const struct control_ops *, void *arg, int *error);

/* NULL is a no-op.  keep leaves the socket's file for the next daemon to replace. */
void control_close(struct control *, bool keep);

/* Who may read from now on; connections made before keep their rights. */
void control_set_group(struct control *, const char *group);

/* False, with a reason added, when the group does not exist (root and the daemon's user are
 * still served). */
bool control_health(const struct control *, struct reasons *);
