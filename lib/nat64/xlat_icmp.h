/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xlat_icmp.h - ICMP errors from one family to the other: type, code, parameter, the packet
 * that they quote, and RFC 4884 extensions.
 *
 * Pure: the addresses of the quoted packet are translated by the caller.  RFC 7915 4.2, 4.3,
 * 5.2, 5.3; RFC 4884.
 */
#pragma once

#include "nat64/iphdr.h"
#include "nat64/xlat.h"

#define XLAT_ERROR6_MAX 1280u /* largest ICMPv6 error, with its header (RFC 4443 2.4(c)) */
#define XLAT_ERROR4_MAX 576u  /* largest ICMPv4 error (RFC 1812 4.3.2.3) */

/* The first eight octets of an ICMP error, and of its translation. */
struct xlat_head {
	uint8_t type, code;
	uint32_t param;  /* pointer or MTU; else 0 */
	bool extensible; /* may carry RFC 4884 extensions, which this form can name */
};

/* An ICMP error taken apart.  Everything points into the message. */
struct xlat_error {
	struct xlat_head head;
	const uint8_t *quote; /* the quoted packet, as much as there is */
	size_t quote_len;
	const uint8_t *ext; /* extensions; NULL: none */
	size_t ext_len;
};

/* Takes apart an ICMP error whose checksum has been verified; 8 bytes at least. */
void xlat_error_read6(const uint8_t *icmp, size_t len, struct xlat_error *out);
void xlat_error_read4(const uint8_t *icmp, size_t len, struct xlat_error *out);

/* Type, code and parameter on the other side; NAT64_GO_ON or why there is none.  quoted is the
 * header of the quoted packet, mtu that of the next hop in both directions. */
enum nat64_reason xlat_head_64(const struct xlat_head *, const struct ip6 *quoted, uint32_t mtu,
			       struct xlat_head *out);
enum nat64_reason xlat_head_46(const struct xlat_head *, const struct ip4 *quoted, uint32_t mtu,
			       struct xlat_head *out);

/* May the quoted packet be translated?  Never an ICMP error, nor what xlat_check() refuses for
 * its protocol. */
enum nat64_reason xlat_check_quoted6(const struct xlat_error *, const struct ip6 *);
enum nat64_reason xlat_check_quoted4(const struct xlat_error *, const struct ip4 *);

/* Writes the translated message to out, where XLAT_ERROR6_MAX bytes are free: ICMP header,
 * quoted packet, extensions; the checksum of ICMPv4 is done, that of ICMPv6 needs addresses
 * (xlat_csum6).  after has the translated addresses of the quoted packet.  Its length; the
 * packet with its IP header is within the limits above. */
size_t xlat_error_write_64(const struct xlat_error *, const struct xlat_head *,
			   const struct ip6 *before, struct ip4 *after, uint8_t *out);
size_t xlat_error_write_46(const struct xlat_error *, const struct xlat_head *,
			   const struct ip4 *before, struct ip6 *after, uint8_t *out);

/* From guest to guest: only the addresses of the quoted packet change. */
size_t xlat_error_write_66(const struct xlat_error *, const uint8_t *icmp, size_t len,
			   const struct ip6 *before, const struct ip6 *after, uint8_t *out);

/* Sets the checksum of an ICMP message. */
void xlat_csum4(uint8_t *icmp, size_t len);
void xlat_csum6(uint8_t *icmp, size_t len, const struct in6_addr *src,
		const struct in6_addr *dst);
