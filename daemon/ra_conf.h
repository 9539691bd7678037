/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ra_conf.h - from the effective configuration to what an advertiser is told.
 *
 * A translation between two structs, because lib/ra knows nothing of lib/config. */
#pragma once

#include "config/effective.h"
#include "ra/radv.h"

#include <stdbool.h>
#include <stdint.h>

/* Is there a link, and an address on it that advertisements can come from? */
bool ra_conf_has_source(const struct eff_ra *);

/* An MTU above the link's own is not announced. */
bool ra_conf_mtu_fits(const struct eff_ra *);

/* Calls radv_prepare() with what e says.  0 or -ENOMEM. */
int ra_conf_prepare(struct radv *, uint64_t now_ms, const struct eff_ra *e,
		    const struct config_nat64 *);
