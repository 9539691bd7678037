/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/xlat.h"

#include "base/csum.h"

#include <arpa/inet.h>
#include <string.h>

#define TCP_CSUM  16u
#define UDP_CSUM  6u
#define ICMP_CSUM 2u

#define ECHO6          128
#define ECHO6_REPLY    129
#define ECHO4          8
#define ECHO4_REPLY    0
#define ICMP6_REDIRECT 137

struct xlat_l4 xlat_l4_of6(uint8_t *packet, const struct ip6 *h)
{
	return (struct xlat_l4){ packet + h->l4, ip6_payload(h), h->frag_off, h->mf, h->proto };
}

struct xlat_l4 xlat_l4_of4(uint8_t *packet, const struct ip4 *h)
{
	return (struct xlat_l4){ packet + h->hdr_len, ip4_payload(h), h->frag_off, h->mf,
				 h->proto };
}

static uint64_t sum4(const struct ip4 *h)
{
	return (uint64_t)h->src.s_addr + h->dst.s_addr;
}

static uint64_t sum6(const struct ip6 *h)
{
	return csum_add(csum_add(0, &h->src, sizeof h->src), &h->dst, sizeof h->dst);
}

struct xlat_sums xlat_sums_64(const struct ip6 *before, const struct ip4 *after)
{
	return (struct xlat_sums){ XLAT_64, sum6(before), sum4(after) };
}

struct xlat_sums xlat_sums_46(const struct ip4 *before, const struct ip6 *after)
{
	return (struct xlat_sums){ XLAT_46, sum4(before), sum6(after) };
}

struct xlat_sums xlat_sums_66(const struct ip6 *before, const struct ip6 *after)
{
	return (struct xlat_sums){ XLAT_66, sum6(before), sum6(after) };
}

/* RFC 7915 5.1 and 5.1.1 */
void xlat_header_64(const struct ip6 *in, struct ip4 *out)
{
	size_t len = IP4_LEN + ip6_payload(in);

	out->hdr_len = IP4_LEN;
	out->len = len > UINT16_MAX ? UINT16_MAX : (uint16_t)len;
	out->tos = in->tclass;
	out->ttl = in->hop_limit;
	out->proto = in->proto == PROTO_ICMP6 ? PROTO_ICMP : in->proto;
	out->id = (uint16_t)in->frag_id;
	out->frag_off = in->frag_off;
	out->mf = in->mf;
	out->df = !in->has_frag && len > 1260;
}

/* RFC 7915 4.1 */
void xlat_header_46(const struct ip4 *in, struct ip6 *out)
{
	out->has_frag = ip4_is_fragment(in);
	out->len = (uint16_t)(ip4_payload(in) + (out->has_frag ? FRAG_LEN : 0));
	out->tclass = in->tos;
	out->hop_limit = in->ttl;
	out->proto = in->proto == PROTO_ICMP ? PROTO_ICMP6 : in->proto;
	out->frag_id = in->id;
	out->frag_off = in->frag_off;
	out->mf = in->mf;
}

bool xlat_is_error6(const struct xlat_l4 *l4)
{
	return l4->proto == PROTO_ICMP6 && !l4->frag_off && l4->len &&
	       (l4->p[0] < ECHO6 || l4->p[0] == ICMP6_REDIRECT);
}

bool xlat_is_error4(const struct xlat_l4 *l4)
{
	if (l4->proto != PROTO_ICMP || l4->frag_off || !l4->len)
		return false;
	switch (l4->p[0]) {
	case 3:  /* destination unreachable */
	case 4:  /* source quench */
	case 5:  /* redirect */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		return true;
	}
	return false;
}

static enum nat64_reason check_protocol(const struct xlat_l4 *l4, bool from6)
{
	if (from6)
		return l4->proto == PROTO_ICMP ? NAT64_V6_ICMPV4 : NAT64_GO_ON;
	switch (l4->proto) {
	case PROTO_IGMP:
		return NAT64_IGMP;
	case PROTO_HOP_BY_HOP:
	case PROTO_ROUTING:
	case PROTO_FRAGMENT:
	case PROTO_ICMP6:
	case PROTO_DEST_OPTIONS:
		return NAT64_V4_PROTOCOL;
	}
	return NAT64_GO_ON;
}

static enum nat64_reason check_icmp(const struct xlat_l4 *l4, bool from6)
{
	uint8_t type;

	if (l4->frag_off || l4->mf)
		return from6 ? NAT64_V6_ICMP_FRAGMENT : NAT64_V4_ICMP_FRAGMENT;
	if (l4->len < ICMP_LEN)
		return from6 ? NAT64_V6_ICMP_SHORT : NAT64_V4_ICMP_SHORT;
	type = l4->p[0];
	if (from6)
		return type == ECHO6 || type == ECHO6_REPLY ? NAT64_GO_ON : NAT64_V6_ICMP_TYPE;
	return type == ECHO4 || type == ECHO4_REPLY ? NAT64_GO_ON : NAT64_V4_ICMP_TYPE;
}

static enum nat64_reason check_udp(const struct xlat_l4 *l4, bool from6, bool drop_zero)
{
	uint16_t len = be16_at(l4->p + 4);

	if (be16_at(l4->p + UDP_CSUM) != 0)
		return NAT64_GO_ON;
	if (from6)
		return NAT64_V6_UDP_ZERO;
	/* RFC 7915 4.5: with a fragment in hand it cannot be computed. */
	if (l4->mf)
		return NAT64_V4_UDP_ZERO_FRAGMENT;
	if (drop_zero)
		return NAT64_V4_UDP_ZERO;
	return len < UDP_LEN || len > l4->len ? NAT64_V4_UDP_LENGTH : NAT64_GO_ON;
}

enum nat64_reason xlat_check(const struct xlat_l4 *l4, enum xlat_way way, bool drop_zero)
{
	bool from6 = way != XLAT_46;
	enum nat64_reason reason = check_protocol(l4, from6);

	if (reason != NAT64_GO_ON)
		return reason;
	if (l4->proto == (from6 ? PROTO_ICMP6 : PROTO_ICMP))
		return check_icmp(l4, from6);
	if (l4->frag_off)
		return NAT64_GO_ON;
	if (l4->proto == PROTO_TCP && l4->len < TCP_LEN)
		return l4->mf ? NAT64_TINY_FRAGMENT : NAT64_TCP_SHORT;
	if (l4->proto != PROTO_UDP)
		return NAT64_GO_ON;
	if (l4->len < UDP_LEN)
		return l4->mf ? NAT64_TINY_FRAGMENT : NAT64_UDP_SHORT;
	return check_udp(l4, from6, drop_zero);
}

static uint16_t load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static void store16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, 2);
}

/* RFC 7915 4.5.  Only as much as the UDP length says is covered. */
static void compute_udp(const struct xlat_l4 *l4, const struct xlat_sums *s)
{
	uint16_t len = be16_at(l4->p + 4), sum;

	if (s->way != XLAT_46 || len < UDP_LEN || len > l4->len)
		return;
	sum = csum_fold(csum_add(s->after, l4->p, len) + htonl(len) + htons(PROTO_UDP));
	store16(l4->p + UDP_CSUM, sum ? sum : UINT16_MAX);
}

static void update_udp(const struct xlat_l4 *l4, const struct xlat_sums *s)
{
	uint16_t sum = load16(l4->p + UDP_CSUM);

	if (!sum) {
		compute_udp(l4, s);
		return;
	}
	sum = csum_update(sum, s->before, s->after);
	/* RFC 768: 0 would say that there is none. */
	store16(l4->p + UDP_CSUM, sum ? sum : UINT16_MAX);
}

static uint8_t echo_type(uint8_t type, enum xlat_way way)
{
	switch (way) {
	case XLAT_64:
		return type == ECHO6 ? ECHO4 : ECHO4_REPLY;
	case XLAT_46:
		return type == ECHO4 ? ECHO6 : ECHO6_REPLY;
	case XLAT_66:
		break;
	}
	return type;
}

/* The checksum of ICMPv6 covers a pseudo-header, that of ICMPv4 does not (RFC 7915 4.2, 5.2).
 */
static void update_echo(const struct xlat_l4 *l4, const struct xlat_sums *s, size_t whole_len)
{
	uint64_t pseudo = (uint64_t)htonl((uint32_t)whole_len) + htons(PROTO_ICMP6);
	uint64_t minus = load16(l4->p) + (s->way == XLAT_46 ? 0 : s->before + pseudo), plus;
	uint16_t sum = load16(l4->p + ICMP_CSUM);

	l4->p[0] = echo_type(l4->p[0], s->way);
	plus = load16(l4->p) + (s->way == XLAT_64 ? 0 : s->after + pseudo);
	sum = csum_update(sum, minus, plus);
	store16(l4->p + ICMP_CSUM, sum);
	/* The sum of nothing but zeros is 0, never the other zero of one's complement. */
	if (!sum && s->way == XLAT_64 && csum_add(0, l4->p, l4->len) == 0)
		store16(l4->p + ICMP_CSUM, UINT16_MAX);
}

void xlat_transport(const struct xlat_l4 *l4, const struct xlat_sums *s, size_t whole_len)
{
	if (l4->frag_off)
		return;
	switch (l4->proto) {
	case PROTO_TCP:
		if (l4->len >= TCP_CSUM + 2)
			store16(l4->p + TCP_CSUM,
				csum_update(load16(l4->p + TCP_CSUM), s->before, s->after));
		break;
	case PROTO_UDP:
		if (l4->len >= UDP_LEN)
			update_udp(l4, s);
		break;
	case PROTO_ICMP:
	case PROTO_ICMP6:
		if (l4->len >= ICMP_CSUM + 2)
			update_echo(l4, s, whole_len);
		break;
	}
}

void xlat_partial(const struct xlat_l4 *l4, const struct xlat_sums *s)
{
	uint64_t sum = s->after + htonl((uint32_t)l4->len) + htons(l4->proto);

	store16(l4->p + (l4->proto == PROTO_TCP ? TCP_CSUM : UDP_CSUM),
		(uint16_t)~csum_fold(sum));
}
