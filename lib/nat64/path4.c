/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path4.c - an IPv4 packet from its arrival to its end: to a guest, or refused. */
#include "nat64/emit.h"
#include "nat64/engine.h"
#include "nat64/reply.h"

#define UNREACHABLE  3 /* ICMPv4 types, RFC 792 */
#define NET          0
#define HOST         1
#define TOO_BIG      4
#define SOURCE_ROUTE 5
#define PROHIBITED   13
#define EXCEEDED     11

static enum nat64_reason read_packet(struct packet *pk)
{
	enum nat64_reason reason = ip4_read(pk->buf, pk->len, &pk->h4);

	if (reason != NAT64_GO_ON)
		return reason;
	pk->l4 = xlat_l4_of4(pk->buf, &pk->h4);
	pk->is_error = xlat_is_error4(&pk->l4);
	return engine_measure(pk);
}

/* RFC 6146 3.5.  ICMP errors pass whoever sends them: their source says where something went
 * wrong, and need not be reachable (RFC 7915 4.2). */
static enum nat64_reason check_source(struct packet *pk)
{
	struct in_addr src = pk->h4.src;

	if (pk->is_error)
		return NAT64_GO_ON;
	if (engine_judge(pk->n, src) == VERDICT_NEVER)
		return NAT64_V4_SOURCE;
	if (engine_own4(pk->n, src))
		return NAT64_V4_SOURCE_OWN;
	return pool_has(pk->n->pool, src) ? NAT64_V4_SOURCE_IN_POOL : NAT64_GO_ON;
}

/* RFC 7915 4.1: a source route that is not used up; other options are left out. */
static enum nat64_reason check_options(struct packet *pk)
{
	enum nat64_reason reason = ip4_check_options(pk->buf, &pk->h4);

	if (reason == NAT64_V4_SOURCE_ROUTE)
		return reply_error4(pk, reason, UNREACHABLE, SOURCE_ROUTE, 0);
	return reason;
}

/* Sets h6.dst and pk->to. */
static enum nat64_reason find_destination(struct packet *pk)
{
	if (engine_own4(pk->n, pk->h4.dst))
		return reply_own4(pk);
	switch (pool_local4(pk->n->pool, pk->h4.dst, &pk->to, &pk->h6.dst)) {
	case POOL_MAPPED:
		if (pk->to->state != MAPPING_DORMANT)
			return NAT64_GO_ON;
		return reply_error4(pk, NAT64_V4_DORMANT, UNREACHABLE, HOST, 0);
	case POOL_VACANT:
		return reply_error4(pk, NAT64_V4_UNASSIGNED, UNREACHABLE, HOST, 0);
	case POOL_EDGE:
		return NAT64_V4_TO_EDGE;
	case POOL_OUTSIDE:
		break;
	}
	if (addr4_is_never(pk->h4.dst))
		return NAT64_V4_TO_NEVER;
	return reply_error4(pk, NAT64_V4_NO_ROUTE, UNREACHABLE, NET, 0);
}

/* Sets h6.src.  An ICMP error from where nothing may be translated from is sent as if we had
 * made it (RFC 6052 3.1, RFC 6791 3). */
static enum nat64_reason find_source(struct packet *pk)
{
	const struct nat64_conf *conf = &pk->n->conf;

	if (pool_fixed_to_v6(pk->n->pool, pk->h4.src, &pk->h6.src))
		return NAT64_GO_ON;
	pk->h6.src = pref64_embed(&conf->prefix, pk->h4.src);
	if (pk->is_error) {
		if (!acl_allows_v4(&conf->destinations, pk->h4.src) &&
		    !addr_is_unspecified(&conf->own6))
			pk->h6.src = conf->own6;
		return NAT64_GO_ON;
	}
	if (engine_judge(pk->n, pk->h4.src) == VERDICT_ALLOWED)
		return NAT64_GO_ON;
	return reply_error4(pk, NAT64_V4_SOURCE_REFUSED, UNREACHABLE, PROHIBITED, 0);
}

static enum nat64_reason check_hops(struct packet *pk)
{
	if (pk->h4.ttl == 0)
		return NAT64_TTL_ZERO;
	if (pk->h4.ttl == 1)
		return reply_error4(pk, NAT64_TTL, EXCEEDED, 0, 0);
	return NAT64_GO_ON;
}

/* --- data --- */

/* RFC 7915 4.1: DF holds also where the packet is a fragment already, and then the fragment
 * header takes its 8 bytes. */
static enum nat64_reason check_size(struct packet *pk, size_t len)
{
	uint32_t mtu = pk->n->conf.mtu;
	uint32_t grows = ip4_is_fragment(&pk->h4) ? 28 : 20;

	if (!pk->h4.df || len <= mtu)
		return NAT64_GO_ON;
	return reply_error4(pk, NAT64_V4_TOO_BIG, UNREACHABLE, TOO_BIG, mtu - grows);
}

static enum nat64_reason check_data(struct packet *pk)
{
	enum nat64_reason reason = xlat_check(&pk->l4, XLAT_46, pk->n->conf.drop_udp_zero);

	if (reason == NAT64_V4_UDP_ZERO)
		return reply_error4(pk, reason, UNREACHABLE, PROHIBITED, 0);
	return reason;
}

/* Without DF nobody learns that segments of TCP are too large: smaller ones are made of them,
 * where their fragments would go otherwise. */
static enum nat64_reason send_frame_v6(struct packet *pk, uint32_t limit)
{
	struct xlat_sums sums = xlat_sums_46(&pk->h4, &pk->h6);
	struct gso gso = *pk->gso;

	if (!pk->h4.df && IP6_LEN + pk->unit > limit) {
		if (gso.kind != GSO_TCP || pk->count == 1)
			return NAT64_FRAME;
		gso.size = (uint16_t)(gso.size - (IP6_LEN + pk->unit - limit));
	}
	xlat_partial(&pk->l4, &sums);
	engine_count(pk, pk->to, 1);
	emit_frame_v6(&pk->h6, pk->l4.p, pk->l4.len, &gso, pk->sink);
	return NAT64_OK_46;
}

static enum nat64_reason to_v6(struct packet *pk)
{
	const struct nat64_conf *conf = &pk->n->conf;
	uint32_t limit = conf->fragment_mtu < conf->mtu ? conf->fragment_mtu : conf->mtu;
	enum nat64_reason reason = check_data(pk);
	struct xlat_sums sums;

	if (reason != NAT64_GO_ON)
		return reason;
	xlat_header_46(&pk->h4, &pk->h6);
	pk->h6.hop_limit--;
	reason = check_size(pk, ip6_header_len(&pk->h6) + pk->unit);
	if (reason != NAT64_GO_ON)
		return reason;
	if (engine_is_frame(pk))
		return send_frame_v6(pk, limit);
	sums = xlat_sums_46(&pk->h4, &pk->h6);
	xlat_transport(&pk->l4, &sums, pk->l4.len);
	engine_count(pk, pk->to, 1);
	if (emit_v6(&pk->h6, pk->l4.p, pk->l4.len, pk->h4.df ? 0 : limit, pk->sink) > 1)
		return NAT64_OK_46_SPLIT;
	return pk->h4.mf && pk->l4.len % 8 ? NAT64_OK_46_ODD : NAT64_OK_46;
}

/* --- ICMPv4 errors --- */

/* The quoted packet came from the address that the error goes to. */
static enum nat64_reason read_error(struct packet *pk, struct xlat_error *e, struct ip4 *quoted)
{
	enum nat64_reason reason;

	if (ip4_is_fragment(&pk->h4))
		return NAT64_V4_ICMP_FRAGMENT;
	if (pk->l4.len < ICMP_LEN)
		return NAT64_V4_ICMP_SHORT;
	if (!reply_csum4_valid(pk))
		return NAT64_V4_ICMP_CHECKSUM;
	xlat_error_read4(pk->l4.p, pk->l4.len, e);
	reason = ip4_read_quoted(e->quote, e->quote_len, quoted);
	if (reason == NAT64_GO_ON)
		reason = xlat_check_quoted4(e, quoted);
	if (reason != NAT64_GO_ON)
		return reason;
	if (quoted->src.s_addr != pk->h4.dst.s_addr)
		return NAT64_V4_INNER_SOURCE;
	return addr4_is_never(quoted->dst) ? NAT64_V4_INNER_UNMAPPED : NAT64_GO_ON;
}

static enum nat64_reason error_to_v6(struct packet *pk)
{
	struct nat64 *n = pk->n;
	struct xlat_error e;
	struct xlat_head head;
	struct ip4 quoted;
	struct ip6 inner = { .src = pk->h6.dst };
	uint8_t *icmp = engine_scratch(n);
	enum nat64_reason reason = read_error(pk, &e, &quoted);
	size_t len;

	if (reason == NAT64_GO_ON)
		reason = xlat_head_46(&e.head, &quoted, n->conf.mtu, &head);
	if (reason != NAT64_GO_ON)
		return reason;
	if (!pool_fixed_to_v6(n->pool, quoted.dst, &inner.dst))
		inner.dst = pref64_embed(&n->conf.prefix, quoted.dst);
	len = xlat_error_write_46(&e, &head, &quoted, &inner, icmp);
	xlat_csum6(icmp, len, &pk->h6.src, &pk->h6.dst);
	xlat_header_46(&pk->h4, &pk->h6);
	pk->h6.hop_limit--;
	engine_count(pk, pk->to, 1);
	emit_v6(&pk->h6, icmp, len, 0, pk->sink);
	return NAT64_OK_46_ERROR;
}

enum nat64_reason path4_input(struct packet *pk)
{
	enum nat64_reason reason = read_packet(pk);

	if (reason == NAT64_GO_ON)
		reason = check_source(pk);
	if (reason == NAT64_GO_ON)
		reason = check_options(pk);
	if (reason == NAT64_GO_ON)
		reason = find_destination(pk);
	if (reason == NAT64_GO_ON)
		reason = find_source(pk);
	if (reason == NAT64_GO_ON)
		reason = check_hops(pk);
	if (reason != NAT64_GO_ON)
		return reason;
	return pk->is_error ? error_to_v6(pk) : to_v6(pk);
}
