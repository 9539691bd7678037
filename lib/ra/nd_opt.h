/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nd_opt.h - the options of Neighbor Discovery messages, one by one (RFC 4861 4.6).
 *
 * Knows type and length only; what an option says is for ra_msg.c.
 */
#pragma once

#include "base/rd.h"

#include <stdbool.h>
#include <stdint.h>

/* The IANA numbers of those that we send or read. */
enum nd_opt_type {
	ND_OPT_SOURCE_LL = 1,
	ND_OPT_PREFIX = 3,
	ND_OPT_MTU = 5,
	ND_OPT_ROUTE = 24,
	ND_OPT_RDNSS = 25,
	ND_OPT_DNSSL = 31,
	ND_OPT_CAPTIVE_PORTAL = 37,
	ND_OPT_PREF64 = 38,
};

struct nd_opt {
	uint8_t type;
	struct rd body; /* what follows the length: 8 * length - 2 bytes */
};

/* The next option.  false at the end, and at an option whose length is zero or leads out of
 * opts; opts has failed then. */
bool nd_opt_next(struct rd *opts, struct nd_opt *out);

/* Are these bytes options and nothing else, each of a length greater than zero?
 * (RFC 4861 6.1.1, 6.1.2) */
bool nd_opt_all_valid(struct rd opts);
