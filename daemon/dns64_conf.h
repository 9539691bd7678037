/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns64_conf.h - the effective configuration in the words of the DNS64 engine and of the
 * forwarders. */
#pragma once

#include "base/memory.h"
#include "config/effective.h"
#include "dns/forward.h"
#include "dns/query.h"
#include "io/upstream_unbound.h"

#include <stdbool.h>

#define DNS64_TCP_IDLE_S 20

struct dns64_conf {
	struct dns_conf dns;
	struct forward_conf forward;
	struct validator_conf validator; /* with dns.validating */
	struct memory *memory;
};

/* Points into e and its configuration, which must outlive it.  False when memory is short. */
bool dns64_conf_build(struct dns64_conf *out, const struct effective *e);
void dns64_conf_done(struct dns64_conf *);
