/* SPDX-License-Identifier: GPL-3.0-or-later */
/* iphdr.h - IPv4 and IPv6 headers: read into small structs, written from them.
 *
 * Knows forms, not rules: what is done about a source route, a routing header or a fragment is
 * decided elsewhere.  RFC 791, 8200.
 */
#pragma once

#include "nat64/reasons.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IP4_LEN  20u /* without options: what we write */
#define IP6_LEN  40u
#define FRAG_LEN 8u
#define ICMP_LEN 8u
#define TCP_LEN  20u
#define UDP_LEN  8u

enum ip_proto {
	PROTO_HOP_BY_HOP = 0,
	PROTO_ICMP = 1,
	PROTO_IGMP = 2,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_ESP = 50,
	PROTO_AH = 51,
	PROTO_ICMP6 = 58,
	PROTO_DEST_OPTIONS = 60,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
};

struct ip4 {
	struct in_addr src, dst;
	uint16_t len; /* total length */
	uint16_t id;
	uint16_t frag_off; /* bytes */
	uint8_t hdr_len;   /* bytes */
	uint8_t tos, ttl, proto;
	bool df, mf;
};

struct ip6 {
	struct in6_addr src, dst;
	uint16_t len; /* payload length */
	uint32_t l4;  /* offset of what follows the skipped headers, from the IPv6 header on */
	uint32_t frag_id;
	uint16_t frag_off; /* bytes */
	uint8_t tclass, hop_limit;
	uint8_t proto;         /* of what lies at l4 */
	bool has_frag, mf;     /* a fragment header, and its M */
	uint32_t segs_left_at; /* offset of a Segments Left that is not zero; 0: none */
	uint32_t next_at;      /* offset of the Next Header octet that holds proto */
};

/* Bytes behind the headers. */
static inline size_t ip4_payload(const struct ip4 *h)
{
	return (size_t)h->len - h->hdr_len;
}

static inline size_t ip6_payload(const struct ip6 *h)
{
	return IP6_LEN + h->len - h->l4;
}

/* A fragment in earnest: for IPv6, not an atomic one (RFC 6946). */
static inline bool ip4_is_fragment(const struct ip4 *h)
{
	return h->mf || h->frag_off;
}

static inline bool ip6_is_fragment(const struct ip6 *h)
{
	return h->mf || h->frag_off;
}

/* Reads the header of a received packet of len bytes, which may have a longer tail than its
 * length field says.  NAT64_GO_ON, or what is wrong.  The IPv4 checksum is verified, options
 * are not looked at. */
enum nat64_reason ip4_read(const uint8_t *buf, size_t len, struct ip4 *out);

/* Likewise for IPv6, with all hop-by-hop, routing and destination options headers and one
 * fragment header, behind which nothing is skipped (RFC 7915 5.1). */
enum nat64_reason ip6_read(const uint8_t *buf, size_t len, struct ip6 *out);

/* Read a header quoted by an ICMP error, which may be cut off anywhere behind its last header:
 * lengths may exceed len, the IPv4 checksum may be wrong. */
enum nat64_reason ip4_read_quoted(const uint8_t *buf, size_t len, struct ip4 *out);
enum nat64_reason ip6_read_quoted(const uint8_t *buf, size_t len, struct ip6 *out);

/* Looks through the options of a header that ip4_read() took: V4_SOURCE_ROUTE, V4_OPTIONS or
 * NAT64_GO_ON. */
enum nat64_reason ip4_check_options(const uint8_t *buf, const struct ip4 *);

/* Writes 20 bytes with the checksum; hdr_len is taken as 20. */
void ip4_write(uint8_t *at, const struct ip4 *);

/* Writes 40 bytes, or 48 with has_frag; flow label 0.  len counts the fragment header. */
void ip6_write(uint8_t *at, const struct ip6 *);

static inline unsigned ip6_header_len(const struct ip6 *h)
{
	return h->has_frag ? IP6_LEN + FRAG_LEN : IP6_LEN;
}

/* Big-endian access at an offset that was checked. */
static inline uint16_t be16_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
	be16_put(p, (uint16_t)(v >> 16));
	be16_put(p + 2, (uint16_t)v);
}
