/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_burst.h - answers that leave by one UDP socket with one system call; those of one length
 * for one client as one frame (daemon/udp_frame.h).
 *
 * Not in order: each question is answered by itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct dns_burst;

/* NULL when memory is short. */
struct dns_burst *dns_burst_new(void);
void dns_burst_free(struct dns_burst *);

/* A copy of msg; false when there is no room before dns_burst_send().  to: IPv4 or IPv6. */
bool dns_burst_add(struct dns_burst *, const struct sockaddr *to, socklen_t to_len,
		   const uint8_t *msg, size_t len);

/* All that was added; an answer that is too long for the path is sent without its records and
 * with TC (RFC 9715 3.1), what else cannot be sent is lost like any datagram.  *frames: whether
 * frames may be made; false when the way of this socket takes none. */
void dns_burst_send(struct dns_burst *, int fd, bool *frames);
