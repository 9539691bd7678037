/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64_setup.h - the engine's configuration, made of the effective one and owning its lists.
 */
#pragma once

#include "config/effective.h"
#include "nat64/nat64.h"

#include <stdbool.h>
#include <stdint.h>

struct nat64_setup;

/* mtu: of the TUN device as it is.  NULL when memory is short. */
struct nat64_setup *nat64_setup_new(const struct effective *, uint32_t mtu);
void nat64_setup_free(struct nat64_setup *);
const struct nat64_conf *nat64_setup_conf(const struct nat64_setup *);

/* Do both say the same? */
bool nat64_setup_equal(const struct nat64_setup *, const struct nat64_setup *);
