/* SPDX-License-Identifier: GPL-3.0-or-later */
/* port_holder.h - who has the port that we want: for people to read, so that they know what to
 * stop. */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define PORT_HOLDER_LEN 96

/* "named.service (named, pid 812)", the unit or the process alone where the other cannot be
 * known (the process only as root), or "". */
void port_holder(const struct in6_addr *addr, uint16_t port, bool tcp,
		 char out[PORT_HOLDER_LEN]);
