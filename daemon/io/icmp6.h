/* SPDX-License-Identifier: GPL-3.0-or-later */
/* icmp6.h - one raw ICMPv6 socket for each interface that we advertise on.
 *
 * Moves bytes; what they mean and whether they are valid is for lib/ra.  The kernel verifies
 * and fills in the checksums (RFC 3542 3.1).
 */
#pragma once

#include "daemon/ev.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct icmp6;

/* A router solicitation or advertisement that came in on the link, addressed to dst.  hop_limit
 * is -1 when the kernel did not say, -2 when it came in fragments.  Must not close the socket.
 */
typedef void icmp6_fn(void *arg, const struct in6_addr *src, const struct in6_addr *dst,
		      int hop_limit, const uint8_t *msg, size_t len);

/* May we open raw sockets at all?  0 or -errno. */
int icmp6_check(void);

/* Bound to the link, member of ff02::2, hop limit 255, no loop back of multicasts, only types
 * 133 and 134 let through. 0 or -errno. */
int icmp6_open(struct ev_loop *, uint32_t index, icmp6_fn *, void *arg, struct icmp6 **out);
void icmp6_close(struct icmp6 *); /* NULL is a no-op */

/* From src (a link-local address of the link).  0 or -errno. */
int icmp6_send(struct icmp6 *, const struct in6_addr *src, const struct in6_addr *dst,
	       const uint8_t *msg, size_t len);
