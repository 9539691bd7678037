/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/iphdr.h"

#include "base/csum.h"
#include "base/rd.h"

#include <string.h>

#define FLAG_DF 0x4000
#define FLAG_MF 0x2000
#define OFFSET  0x1fff

#define OPT_EOL  0
#define OPT_NOP  1
#define OPT_LSRR 131
#define OPT_SSRR 137

/* At least 20 bytes are there. */
static void read_fields4(const uint8_t *p, struct ip4 *h)
{
	uint16_t frag = be16_at(p + 6);

	h->hdr_len = (uint8_t)((p[0] & 0x0f) * 4);
	h->tos = p[1];
	h->len = be16_at(p + 2);
	h->id = be16_at(p + 4);
	h->df = frag & FLAG_DF;
	h->mf = frag & FLAG_MF;
	h->frag_off = (uint16_t)((frag & OFFSET) * 8);
	h->ttl = p[8];
	h->proto = p[9];
	memcpy(&h->src, p + 12, 4);
	memcpy(&h->dst, p + 16, 4);
}

enum nat64_reason ip4_read(const uint8_t *buf, size_t len, struct ip4 *out)
{
	struct ip4 h;

	if (len < IP4_LEN)
		return NAT64_RUNT;
	read_fields4(buf, &h);
	if (h.hdr_len < IP4_LEN || h.hdr_len > len)
		return NAT64_V4_HEADER_LENGTH;
	if (h.len < h.hdr_len || h.len > len)
		return NAT64_V4_LENGTH;
	if (csum_fold(csum_add(0, buf, h.hdr_len)) != 0)
		return NAT64_V4_CHECKSUM;
	/* RFC 791 3.2: offset and length together stay within 65,535. */
	if (h.frag_off + ip4_payload(&h) > UINT16_MAX)
		return NAT64_V4_FRAGMENT_END;
	*out = h;
	return NAT64_GO_ON;
}

enum nat64_reason ip4_read_quoted(const uint8_t *buf, size_t len, struct ip4 *out)
{
	struct ip4 h;

	if (len < IP4_LEN || buf[0] >> 4 != 4)
		return NAT64_V4_INNER;
	read_fields4(buf, &h);
	if (h.hdr_len < IP4_LEN || h.hdr_len > len || h.len < h.hdr_len)
		return NAT64_V4_INNER;
	*out = h;
	return NAT64_GO_ON;
}

enum nat64_reason ip4_check_options(const uint8_t *buf, const struct ip4 *h)
{
	struct rd r = rd_of(buf + IP4_LEN, h->hdr_len - IP4_LEN);

	while (rd_left(&r)) {
		uint8_t type = rd_u8(&r), len;

		if (type == OPT_EOL)
			break;
		if (type == OPT_NOP)
			continue;
		len = rd_u8(&r);
		if (len < 2)
			return NAT64_V4_OPTIONS;
		struct rd body = rd_sub(&r, len - 2u);
		uint8_t pointer = rd_u8(&body);

		if (!rd_ok(&r))
			return NAT64_V4_OPTIONS;
		/* RFC 7915 4.1: unexpired, while the pointer is not beyond the length. */
		if ((type == OPT_LSRR || type == OPT_SSRR) && pointer <= len)
			return NAT64_V4_SOURCE_ROUTE;
	}
	return NAT64_GO_ON;
}

static void read_fields6(const uint8_t *p, struct ip6 *h)
{
	*h = (struct ip6){
		.tclass = (uint8_t)(p[0] << 4 | p[1] >> 4),
		.len = be16_at(p + 4),
		.proto = p[6],
		.hop_limit = p[7],
		.l4 = IP6_LEN,
		.next_at = 6,
	};
	memcpy(&h->src, p + 8, 16);
	memcpy(&h->dst, p + 24, 16);
}

static void read_fragment(struct rd *r, struct ip6 *h)
{
	uint16_t word;

	h->has_frag = true;
	h->next_at = h->l4;
	h->proto = rd_u8(r);
	rd_u8(r);
	word = rd_u16(r);
	h->frag_off = word & 0xfff8;
	h->mf = word & 1;
	h->frag_id = rd_u32(r);
	h->l4 += FRAG_LEN;
}

static void skip_header(struct rd *r, struct ip6 *h)
{
	bool routing = h->proto == PROTO_ROUTING;
	uint32_t at = h->l4;
	uint8_t next = rd_u8(r), units = rd_u8(r);

	rd_u8(r);
	if (rd_u8(r) && routing && !h->segs_left_at)
		h->segs_left_at = at + 3;
	rd_take(r, 4u + units * 8u);
	h->proto = next;
	h->next_at = at;
	h->l4 += 8u + units * 8u;
}

/* Every header is of 8 bytes at least, so this ends. */
static bool read_chain(const uint8_t *buf, size_t len, struct ip6 *h)
{
	struct rd r = rd_of(buf + IP6_LEN, len - IP6_LEN);

	while (rd_ok(&r)) {
		if (h->proto == PROTO_FRAGMENT) {
			read_fragment(&r, h);
			break;
		}
		if (h->proto != PROTO_HOP_BY_HOP && h->proto != PROTO_ROUTING &&
		    h->proto != PROTO_DEST_OPTIONS)
			break;
		skip_header(&r, h);
	}
	return rd_ok(&r);
}

enum nat64_reason ip6_read(const uint8_t *buf, size_t len, struct ip6 *out)
{
	struct ip6 h;

	if (len < IP6_LEN)
		return NAT64_RUNT;
	read_fields6(buf, &h);
	if (h.len > len - IP6_LEN)
		return NAT64_V6_LENGTH;
	if (!read_chain(buf, IP6_LEN + h.len, &h))
		return NAT64_V6_EXTENSION;
	if (h.frag_off + ip6_payload(&h) > UINT16_MAX)
		return NAT64_V6_FRAGMENT_END;
	*out = h;
	return NAT64_GO_ON;
}

enum nat64_reason ip6_read_quoted(const uint8_t *buf, size_t len, struct ip6 *out)
{
	struct ip6 h;

	if (len < IP6_LEN || buf[0] >> 4 != 6)
		return NAT64_V6_INNER;
	read_fields6(buf, &h);
	if (!read_chain(buf, len, &h) || IP6_LEN + h.len < h.l4)
		return NAT64_V6_INNER;
	*out = h;
	return NAT64_GO_ON;
}

void ip4_write(uint8_t *at, const struct ip4 *h)
{
	uint16_t sum;

	at[0] = 0x45;
	at[1] = h->tos;
	be16_put(at + 2, h->len);
	be16_put(at + 4, h->id);
	be16_put(at + 6,
		 (uint16_t)((h->df ? FLAG_DF : 0) | (h->mf ? FLAG_MF : 0) | h->frag_off / 8));
	at[8] = h->ttl;
	at[9] = h->proto;
	memset(at + 10, 0, 2);
	memcpy(at + 12, &h->src, 4);
	memcpy(at + 16, &h->dst, 4);
	sum = csum_fold(csum_add(0, at, IP4_LEN));
	memcpy(at + 10, &sum, 2);
}

void ip6_write(uint8_t *at, const struct ip6 *h)
{
	at[0] = (uint8_t)(0x60 | h->tclass >> 4);
	at[1] = (uint8_t)(h->tclass << 4);
	at[2] = at[3] = 0;
	be16_put(at + 4, h->len);
	at[6] = h->has_frag ? PROTO_FRAGMENT : h->proto;
	at[7] = h->hop_limit;
	memcpy(at + 8, &h->src, 16);
	memcpy(at + 24, &h->dst, 16);
	if (!h->has_frag)
		return;
	at[40] = h->proto;
	at[41] = 0;
	be16_put(at + 42, (uint16_t)(h->frag_off | h->mf));
	be32_put(at + 44, h->frag_id);
}
