/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream_unbound.h - the way to the forwarders that proves what comes back: DNSSEC validation
 * by libunbound, inside our own loop.
 *
 * One context of the library holds all forwarders; it cannot be changed, so another one takes
 * its place.  The library has its own failover, retries and cache, and no limit: questions in
 * flight, their timeout and what is told of them are ours.  upstream_unbound.c is the one file
 * that knows libunbound.
 */
#pragma once

#include "config/effective.h"
#include "daemon/ev.h"
#include "dns/conf.h"
#include "dns/forward.h"
#include "dns/resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct validator_conf {
	const struct forward_conf *forward;
	const struct dns_zone_conf *zones; /* of sets 1 and on */
	const char *const *anchors;        /* as config_dns64.trust_anchors */
	size_t n_anchors;
	const char *const *except; /* domains taken without proof */
	size_t n_except;
	const char *state_directory; /* where the keys of the root are followed */
};

struct validator_ops {
	/* As forward_ops.resolved. */
	void (*resolved)(void *arg, uint64_t id, const struct resolve_result *);
	/* Nobody answered, or with an error: the forwarders of that set are in doubt. */
	void (*doubted)(void *arg, unsigned set);
	/* What reasons() tells changed. */
	void (*changed)(void *arg);
	/* What the library learnt no longer holds: renew() is to be called.  Nothing of the
	 * validator is on the stack. */
	void (*expired)(void *arg);
};

struct validator;

struct validator_class {
	/* NULL when memory is short. */
	struct validator *(*new)(struct ev_loop *, const struct validator_ops *, void *arg);

	/* What is in flight is dropped without a word; not to be called from ops. */
	void (*free)(struct validator *);

	/* Another configuration: prepare may fail for memory and changes nothing; *differs says
	 * whether settle will drop what is in flight without a word.  Not to be called from
	 * ops. */
	bool (*prepare)(struct validator *, const struct validator_conf *, bool *differs);
	void (*settle)(struct validator *, bool commit);

	/* What was learnt no longer holds (so it is when the clock was set): ops->expired
	 * follows from the loop. */
	void (*expire)(struct validator *);

	/* Begins anew with the same configuration; drops what is in flight without a word.  Not
	 * to be called from ops but expired. */
	void (*renew)(struct validator *);

	/* ops->resolved follows once, also within the call, unless the question is cancelled.
	 */
	void (*ask)(struct validator *, uint64_t id, const struct dns_question *,
		    unsigned flags, unsigned set);
	void (*cancel)(struct validator *, uint64_t id);

	/* Why it does not work, or not as it should. */
	void (*reasons)(const struct validator *, struct reasons *);

	/* Name and version of the library. */
	const char *(*version)(void);
};

/* NULL: built without. */
static inline const struct validator_class *validator_class(void)
{
#if WITH_UNBOUND
	extern const struct validator_class validator_unbound;

	return &validator_unbound;
#else
	return NULL;
#endif
}
