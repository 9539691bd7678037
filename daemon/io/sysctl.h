/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sysctl.h - the few kernel settings that a gateway needs, below /proc/sys/net. */
#pragma once

#include "config/effective.h"

/* Turns IPv4 and IPv6 forwarding on, for all and for the interfaces in use, and says what it
 * changed; eff->ra[].forwarding is what came of it.  Before IPv6 forwarding, accept_ra=2 on
 * every interface that learnt a default route from advertisements (of the guests' links only
 * where the host's own way out is), and on an uplink that may still wait for one: the kernel
 * would otherwise drop it.  What cannot be written is a reason with its remedy.  Idempotent,
 * cheap when all is set. */
void sysctl_forwarding(const struct facts *facts, struct effective *eff);

/* net.ipv4.conf.all.forwarding and net.ipv6.conf.all.forwarding as they are. */
void sysctl_read(struct facts *);
