/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reply.h - packets of our own: ICMP errors about the packet in hand, and answers to pings.
 *
 * RFC 4443 2.4, RFC 1812 4.3, RFC 7915 4.4, 5.4.
 */
#pragma once

#include "nat64/engine.h"

/* Send an ICMP error about the packet in hand, unless it must not be answered, the rate is used
 * up or there is no address to send it from; counts which.  reason comes back as it is.  param
 * is the second word of the message: an MTU, a pointer (IPv6), or 0. */
enum nat64_reason reply_error6(struct packet *, enum nat64_reason, uint8_t type, uint8_t code,
			       uint32_t param);
enum nat64_reason reply_error4(struct packet *, enum nat64_reason, uint8_t type, uint8_t code,
			       uint32_t param);

/* The packet in hand is for the translator itself. */
enum nat64_reason reply_own6(struct packet *);
enum nat64_reason reply_own4(struct packet *);

/* The checksum of an unfragmented ICMP message holds. */
bool reply_csum6_valid(const struct packet *);
bool reply_csum4_valid(const struct packet *);
