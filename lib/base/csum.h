/* SPDX-License-Identifier: GPL-3.0-or-later */
/* csum.h - the Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A running sum is a uint64_t of 16-bit words taken as they lie in memory; only csum_fold()
 * makes the field value of it, which is stored in memory as it is.  Thus no byte order appears
 * here.
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* sum plus the len bytes at buf.  An odd last byte counts as the first byte of a word, so only
 * the last piece of a message may have an odd length. */
uint64_t csum_add(uint64_t sum, const void *buf, size_t len);

/* The pseudo-headers: addresses, upper-layer length in bytes and protocol number
 * (RFC 793 3.1, RFC 8200 8.1). */
uint64_t csum_pseudo4(struct in_addr src, struct in_addr dst, uint32_t len, uint8_t proto);
uint64_t csum_pseudo6(const struct in6_addr *src, const struct in6_addr *dst, uint32_t len,
		      uint8_t proto);

/* The same for the IPv4 or IPv6 packet whose header, 20 or 40 bytes, is at ip. */
uint64_t csum_pseudo_of(const uint8_t *ip, uint32_t len, uint8_t proto);

/* The field for a sum: folded and complemented. */
uint16_t csum_fold(uint64_t sum);

/* The field after the words summed in minus are replaced by those in plus (RFC 1624 eqn 3). */
uint16_t csum_update(uint16_t field, uint64_t minus, uint64_t plus);
