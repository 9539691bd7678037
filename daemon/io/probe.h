/* SPDX-License-Identifier: GPL-3.0-or-later */
/* probe.h - asks the kernel what it would do, for v6gwctl doctor: where a packet would go, and
 * whether a ping comes back.  Not on any packet's path. */
#pragma once

#include "base/addr.h"
#include "daemon/ev.h"
#include "doctor/doctor.h"

#include <stdbool.h>
#include <stdint.h>

/* The link that a packet from src (:: for the host itself) that came by link iif (0: the
 * host's) would leave by, IPv4 as ::ffff:...; 0 and the link, or -errno: -EXDEV where reverse
 * path filtering refuses it. */
int probe_route(const struct in6_addr *src, const struct in6_addr *dst, uint32_t iif,
		uint32_t *link);

struct probe_ping;

/* Sends one echo request, IPv4 or IPv6 by the address; back is called at most once, from the
 * loop, when the answer to it comes.  NULL: no right, no route, or no memory. */
struct probe_ping *probe_ping(struct ev_loop *, const struct in6_addr *to, ev_fn *back,
			      void *arg);
void probe_ping_free(struct probe_ping *); /* NULL is a no-op */

/* What iptables-legacy does.  Loads the module where it is not there: only to be asked where
 * the table is known to exist. */
enum doctor_legacy probe_legacy(bool v6);

/* How reverse path filtering works on a link: 0 off, 1 strict, 2 loose, -1 not known; and how
 * many packets of all links it has dropped so far. */
int probe_rp_filter(const char *link);
uint64_t probe_rp_dropped(void);

/* Connections now, and at most; false where none are tracked. */
bool probe_conntrack(uint64_t *count, uint64_t *max);
