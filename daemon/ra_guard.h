/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ra_guard.h - the two tables of nftables around advertisements: ours stay off the uplink, and
 * who asks for them does not fill the kernel's neighbours.
 */
#pragma once

#include "config/effective.h"
#include "ev.h"

struct ra_guard;

/* changed is called when what ra_guard_health() tells changed.  NULL when memory is short. */
struct ra_guard *ra_guard_new(struct ev_loop *, ev_fn *changed, void *arg);
void ra_guard_free(struct ra_guard *, bool keep); /* as nft_close(), both; NULL is a no-op */

/* The interfaces of a new configuration, one after the other, between begin and end. */
void ra_guard_begin(struct ra_guard *);
void ra_guard_add(struct ra_guard *, const struct eff_ra *);
void ra_guard_end(struct ra_guard *);

bool ra_guard_health(const struct ra_guard *, struct reasons *);
