/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xlat.h - headers and transport checksums of one packet, from one family to the other.
 *
 * Pure: addresses are given, nothing is sent.  The same steps serve the packet itself and the
 * packet quoted in an ICMP error.  RFC 7915 4.1, 4.5, 5.1, 5.5.
 */
#pragma once

#include "nat64/iphdr.h"

/* The two directions, and from guest to guest. */
enum xlat_way { XLAT_64, XLAT_46, XLAT_66 };

/* What lies behind the IP headers, as it was received. */
struct xlat_l4 {
	uint8_t *p;
	size_t len;        /* bytes at p */
	uint16_t frag_off; /* bytes */
	bool mf;
	uint8_t proto;
};

struct xlat_l4 xlat_l4_of6(uint8_t *packet, const struct ip6 *);
struct xlat_l4 xlat_l4_of4(uint8_t *packet, const struct ip4 *);

/* The address words of the pseudo-headers before and after (csum_add). */
struct xlat_sums {
	enum xlat_way way;
	uint64_t before, after;
};

struct xlat_sums xlat_sums_64(const struct ip6 *, const struct ip4 *);
struct xlat_sums xlat_sums_46(const struct ip4 *, const struct ip6 *);
struct xlat_sums xlat_sums_66(const struct ip6 *, const struct ip6 *);

/* All but addresses, lengths and, without a fragment header, id.  TTL and hop limit are copied:
 * who forwards counts them down. */
void xlat_header_64(const struct ip6 *in, struct ip4 *out);
void xlat_header_46(const struct ip4 *in, struct ip6 *out);

/* Is it an ICMP message that reports an error? (RFC 7915 4.2, 5.2) */
bool xlat_is_error6(const struct xlat_l4 *);
bool xlat_is_error4(const struct xlat_l4 *);

/* Can it be translated at all?  Not asked for ICMP errors.  drop_zero: see udp_zero_checksum.
 */
enum nat64_reason xlat_check(const struct xlat_l4 *, enum xlat_way, bool drop_zero);

/* Translates the transport header in place as far as it is there: checksums by difference, so
 * that a wrong one stays wrong, and the types of echo messages.  whole_len is the length of the
 * unfragmented message, for the pseudo-header of ICMPv6. */
void xlat_transport(const struct xlat_l4 *, const struct xlat_sums *, size_t whole_len);

/* Likewise for TCP and UDP whose checksum is left to others to complete: the sum of the
 * pseudo-header takes the place of what is there. */
void xlat_partial(const struct xlat_l4 *, const struct xlat_sums *);
