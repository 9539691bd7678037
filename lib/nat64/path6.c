/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path6.c - an IPv6 packet from its arrival to its end: to IPv4, to another guest, or refused.
 */
#include "nat64/emit.h"
#include "nat64/engine.h"
#include "nat64/reply.h"

#include <string.h>

#define UNREACHABLE   1 /* ICMPv6 types, RFC 4443 */
#define NO_ROUTE      0
#define PROHIBITED    1
#define NO_ADDRESS    3
#define TOO_BIG       2
#define EXCEEDED      3
#define PARAMETER     4
#define MIN_MTU       1280u
#define POOL_FULL_GAP 60000u
#define JUDGED_MS     1000u  /* so long a guest behind a map is not asked for again */
#define HEARD_MS      500u   /* a packet that came later than that was not in the same queue */
#define UNHEARD_MS    60000u /* and is not let in for the sake of one before that */

static enum nat64_reason read_packet(struct packet *pk)
{
	enum nat64_reason reason = ip6_read(pk->buf, pk->len, &pk->h6);

	if (reason != NAT64_GO_ON)
		return reason;
	pk->l4 = xlat_l4_of6(pk->buf, &pk->h6);
	pk->is_error = xlat_is_error6(&pk->l4);
	return engine_measure(pk);
}

/* Sets pk->from and h4.src where the source has a mapping; that of the pool was made for a
 * source that passed, and a new configuration looks through them. */
static enum nat64_reason check_source(struct packet *pk)
{
	struct nat64 *n = pk->n;

	pk->from = pool_local6(n->pool, &pk->h6.src, &pk->h4.src);
	if (pk->from && pk->from->state != MAPPING_FIXED)
		return NAT64_GO_ON;
	return engine_check_source6(&n->conf, n->pool, &pk->h6.src);
}

/* RFC 7915 5.1.1: extension headers, ESP excepted. */
static bool is_extension(uint8_t proto)
{
	switch (proto) {
	case PROTO_HOP_BY_HOP:
	case PROTO_ROUTING:
	case PROTO_FRAGMENT:
	case PROTO_AH:
	case PROTO_DEST_OPTIONS:
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
		return true;
	}
	return false;
}

static enum nat64_reason check_headers(struct packet *pk)
{
	const struct ip6 *h = &pk->h6;

	if (addr_is_multicast(&h->dst))
		return NAT64_V6_MULTICAST;
	/* RFC 7915 5.1: the pointer is at Segments Left. */
	if (h->segs_left_at)
		return reply_error6(pk, NAT64_V6_ROUTING, PARAMETER, 0, h->segs_left_at);
	if (h->has_frag && is_extension(h->proto))
		return reply_error6(pk, NAT64_V6_FRAGMENT_CHAIN, UNREACHABLE, PROHIBITED, 0);
	return NAT64_GO_ON;
}

/* The pool's own addresses, seen from a guest. */
static enum nat64_reason find_neighbour(struct packet *pk, struct in6_addr *neighbour)
{
	switch (pool_local4(pk->n->pool, pk->h4.dst, &pk->to, neighbour)) {
	case POOL_MAPPED:
		if (pk->to->state != MAPPING_DORMANT)
			return NAT64_GO_ON;
		break;
	case POOL_OUTSIDE:
		return NAT64_GO_ON;
	case POOL_EDGE:
		return NAT64_V6_TO_EDGE;
	case POOL_VACANT:
		break;
	}
	return reply_error6(pk, NAT64_V6_TO_UNASSIGNED, UNREACHABLE, NO_ADDRESS, 0);
}

/* Sets h4.dst, and pk->to with *neighbour where that is a guest's address.  What a map covers
 * is meant by the operator; the list of destinations judges what the prefix maps (RFC
 * 6052 3.1). */
static enum nat64_reason find_destination(struct packet *pk, struct in6_addr *neighbour)
{
	const struct nat64_conf *conf = &pk->n->conf;
	struct in_addr *dst = &pk->h4.dst;

	if (engine_own6(pk->n, &pk->h6.dst))
		return reply_own6(pk);
	if (pool_fixed_to_v4(pk->n->pool, &pk->h6.dst, dst))
		return addr4_is_never(*dst) ? NAT64_V6_TO_NEVER : NAT64_GO_ON;
	if (!pref64_extract(&conf->prefix, &pk->h6.dst, dst))
		return reply_error6(pk, NAT64_V6_NO_ROUTE, UNREACHABLE, NO_ROUTE, 0);
	switch (engine_judge(pk->n, *dst)) {
	case VERDICT_NEVER:
		return NAT64_V6_TO_NEVER;
	case VERDICT_REFUSED:
		return reply_error6(pk, NAT64_DESTINATION_REFUSED, UNREACHABLE, PROHIBITED, 0);
	case VERDICT_ALLOWED:
		break;
	}
	if (engine_own4(pk->n, *dst))
		return reply_own6(pk);
	return find_neighbour(pk, neighbour);
}

/* RFC 7915 5.1: counted down before anything else is done with it. */
static enum nat64_reason check_hops(struct packet *pk)
{
	if (pk->h6.hop_limit == 0)
		return NAT64_HOP_LIMIT_ZERO;
	if (pk->h6.hop_limit == 1)
		return reply_error6(pk, NAT64_HOP_LIMIT, EXCEEDED, 0, 0);
	return NAT64_GO_ON;
}

static enum nat64_reason refuse_full(struct packet *pk)
{
	struct nat64 *n = pk->n;
	struct nat64_event event = { .kind = NAT64_POOL_FULL, .ipv6 = pk->h6.src };

	if (n->on_event && pk->now_ms >= n->full_until_ms) {
		n->full_until_ms = pk->now_ms + POOL_FULL_GAP;
		n->on_event(n->event_arg, &event);
	}
	return reply_error6(pk, NAT64_POOL_EXHAUSTED, UNREACHABLE, PROHIBITED, 0);
}

/* Has this source not been told lately to come again? */
static bool is_unheard(struct packet *pk)
{
	uint64_t who = siphash(&pk->n->key, &pk->h6.src, sizeof pk->h6.src);
	struct unheard_cell *cell = &pk->n->unheard[who % UNHEARD];
	uint64_t since = pk->now_ms - cell->since_ms;

	if (cell->who != who || since >= UNHEARD_MS) {
		*cell = (struct unheard_cell){ who, pk->now_ms };
		return true;
	}
	return since < HEARD_MS;
}

/* Sets *guest, where its source may be translated. */
static enum nat64_reason check_client(struct packet *pk, uint64_t *guest)
{
	uint64_t found = engine_guest(pk->n, &pk->h6.src);

	if (found == NAT64_GUEST_LATER) {
		if (is_unheard(pk))
			return NAT64_GUEST_UNHEARD;
		found = 0;
	}
	*guest = found;
	return engine_is_client(&pk->n->conf, &pk->h6.src, found) ? NAT64_GO_ON
								  : NAT64_CLIENT_REFUSED;
}

/* A map lasts, so who its guest is has to be asked now and then, which takes system calls. */
static enum nat64_reason check_fixed(struct packet *pk)
{
	struct nat64 *n = pk->n;
	const struct in6_addr *src = &pk->h6.src;
	struct judged_cell *cell = &n->judged[(src->s6_addr[15] ^ src->s6_addr[7]) % JUDGED];
	enum nat64_reason reason;
	uint64_t guest = 0;

	if (!acl_has(&n->conf.clients, ACL_MAC))
		return engine_is_client(&n->conf, src, 0) ? NAT64_GO_ON : NAT64_CLIENT_REFUSED;
	if (pk->now_ms < cell->until_ms && addr_equal(&cell->src, src))
		return cell->is_client ? NAT64_GO_ON : NAT64_CLIENT_REFUSED;
	reason = check_client(pk, &guest);
	if (guest)
		*cell = (struct judged_cell){ *src, pk->now_ms + JUDGED_MS,
					      reason == NAT64_GO_ON };
	return reason;
}

/* Completes h4.src and pk->from.  An active mapping of the pool was made for a client, and a
 * new list of clients makes those dormant that are none any more: only the others are asked. */
static enum nat64_reason find_source(struct packet *pk)
{
	struct nat64 *n = pk->n;
	const struct in6_addr *src = &pk->h6.src;
	bool fixed = pk->from && pk->from->state == MAPPING_FIXED;
	enum nat64_reason reason;
	uint64_t guest = 0;

	if (pk->from && pk->from->state == MAPPING_ACTIVE)
		return NAT64_GO_ON;
	if (engine_is_frame(pk) && !fixed)
		return NAT64_FRAME; /* the first packet makes the mapping */
	reason = fixed ? check_fixed(pk) : check_client(pk, &guest);
	if (reason == NAT64_CLIENT_REFUSED)
		return reply_error6(pk, reason, UNREACHABLE, PROHIBITED, 0);
	if (reason != NAT64_GO_ON || fixed)
		return reason;
	if (!pool_admit(n->pool, guest, pk->now_ms))
		return NAT64_GUEST_MOVES;
	engine_refresh(n);
	pk->from = pool_take(n->pool, src, guest, pk->now_ms);
	if (!pk->from)
		return refuse_full(pk);
	pk->h4.src = pk->from->ipv4;
	return NAT64_GO_ON;
}

/* --- data --- */

/* RFC 7915 5.1: with a fragment header the sender has left fragmenting to others. */
static enum nat64_reason check_size(struct packet *pk, uint32_t mtu, uint32_t grows)
{
	uint32_t limit = mtu + grows > MIN_MTU ? mtu + grows : MIN_MTU;

	return reply_error6(pk, NAT64_V6_TOO_BIG, TOO_BIG, 0, limit);
}

/* DF is that of the packets to come; without it, each needs an identification of its own. */
static enum nat64_reason send_frame_v4(struct packet *pk)
{
	struct xlat_sums sums = xlat_sums_64(&pk->h6, &pk->h4);
	bool df = IP4_LEN + pk->unit > 1260;

	if (pk->h6.has_frag || IP4_LEN + pk->l4.len > UINT16_MAX ||
	    (!df && pk->count > IDS_BLOCK))
		return NAT64_FRAME;
	xlat_header_64(&pk->h6, &pk->h4);
	pk->h4.df = df;
	pk->h4.id = df || pk->count == 1 ? engine_id(&pk->n->ids)
					 : engine_ids(&pk->n->ids, pk->count);
	pk->h4.ttl--;
	xlat_partial(&pk->l4, &sums);
	engine_count(pk, pk->from, 0);
	emit_frame_v4(&pk->h4, pk->l4.p, pk->l4.len, pk->gso, pk->sink);
	return NAT64_OK_64;
}

static enum nat64_reason send_v4(struct packet *pk)
{
	const struct ip6 *h6 = &pk->h6;
	struct xlat_sums sums = xlat_sums_64(h6, &pk->h4);

	xlat_header_64(h6, &pk->h4);
	if (!h6->has_frag)
		pk->h4.id = engine_id(&pk->n->ids);
	pk->h4.ttl--;
	xlat_transport(&pk->l4, &sums, pk->l4.len);
	engine_count(pk, pk->from, 0);
	if (emit_v4(&pk->h4, pk->l4.p, pk->l4.len, pk->n->conf.mtu, pk->sink) > 1)
		return NAT64_OK_64_SPLIT;
	return h6->mf && pk->l4.len % 8 ? NAT64_OK_64_ODD : NAT64_OK_64;
}

static enum nat64_reason to_v4(struct packet *pk)
{
	enum nat64_reason reason = xlat_check(&pk->l4, XLAT_64, false);
	uint32_t mtu = pk->n->conf.mtu;

	if (reason != NAT64_GO_ON)
		return reason;
	if (!pk->h6.has_frag && IP4_LEN + pk->unit > mtu)
		return check_size(pk, mtu, IP6_LEN - IP4_LEN);
	reason = find_source(pk);
	if (reason != NAT64_GO_ON)
		return reason;
	return engine_is_frame(pk) ? send_frame_v4(pk) : send_v4(pk);
}

/* RFC 7757 4.2.2: to IPv4 and back in one step; the sender is seen as every IPv4 host is. */
static enum nat64_reason to_neighbour(struct packet *pk)
{
	enum nat64_reason reason = xlat_check(&pk->l4, XLAT_66, false);
	struct ip6 out = pk->h6;
	struct xlat_sums sums;

	if (reason != NAT64_GO_ON)
		return reason;
	if (pk->h6.l4 + pk->unit > pk->n->conf.mtu)
		return check_size(pk, pk->n->conf.mtu, 0);
	reason = find_source(pk);
	if (reason != NAT64_GO_ON)
		return reason;
	/* A new mapping of the sender's may have ended the neighbour's. */
	reason = find_neighbour(pk, &out.dst);
	if (reason != NAT64_GO_ON)
		return reason;
	out.src = pref64_embed(&pk->n->conf.prefix, pk->h4.src);
	sums = xlat_sums_66(&pk->h6, &out);
	if (engine_is_frame(pk))
		xlat_partial(&pk->l4, &sums);
	else
		xlat_transport(&pk->l4, &sums, pk->l4.len);
	pk->buf[7]--;
	memcpy(pk->buf + 8, &out.src, 16);
	memcpy(pk->buf + 24, &out.dst, 16);
	engine_count(pk, pk->from, 0);
	engine_count(pk, pk->to, 1);
	pk->sink->packet(pk->sink->arg, pk->buf, IP6_LEN + pk->h6.len, pk->gso);
	return NAT64_HAIRPIN;
}

/* --- ICMPv6 errors --- */

/* The quoted packet came from the address that the error goes to, and went to a guest, whose
 * IPv4 address is *guest4. */
static enum nat64_reason read_error(struct packet *pk, struct xlat_error *e, struct ip6 *quoted,
				    struct in_addr *guest4)
{
	enum nat64_reason reason;

	if (ip6_is_fragment(&pk->h6))
		return NAT64_V6_ICMP_FRAGMENT;
	if (pk->l4.len < ICMP_LEN)
		return NAT64_V6_ICMP_SHORT;
	if (!reply_csum6_valid(pk))
		return NAT64_V6_ICMP_CHECKSUM;
	xlat_error_read6(pk->l4.p, pk->l4.len, e);
	reason = ip6_read_quoted(e->quote, e->quote_len, quoted);
	if (reason == NAT64_GO_ON)
		reason = xlat_check_quoted6(e, quoted);
	if (reason != NAT64_GO_ON)
		return reason;
	if (!addr_equal(&quoted->src, &pk->h6.dst))
		return NAT64_V6_INNER_SOURCE;
	return pool_local6(pk->n->pool, &quoted->dst, guest4) ? NAT64_GO_ON
							      : NAT64_V6_INNER_UNMAPPED;
}

/* A guest speaks with its own address; a router on the way has none, gets none, and the
 * translator stands for it (RFC 6791 3). */
static bool is_known_source(struct packet *pk)
{
	if (pk->from && pk->from->state == MAPPING_DORMANT)
		pk->from = NULL;
	return pk->from;
}

static enum nat64_reason error_to_v4(struct packet *pk)
{
	struct xlat_error e;
	struct xlat_head head;
	struct ip6 quoted;
	struct ip4 inner;
	uint8_t *icmp = engine_scratch(pk->n);
	enum nat64_reason reason = read_error(pk, &e, &quoted, &inner.dst);
	size_t len;

	if (reason == NAT64_GO_ON)
		reason = xlat_head_64(&e.head, &quoted, pk->n->conf.mtu, &head);
	if (reason != NAT64_GO_ON)
		return reason;
	if (!is_known_source(pk))
		pk->h4.src = pk->n->conf.own4;
	if (!pk->h4.src.s_addr)
		return NAT64_V6_ERROR_SOURCE;
	inner.src = pk->h4.dst;
	len = xlat_error_write_64(&e, &head, &quoted, &inner, icmp);
	xlat_header_64(&pk->h6, &pk->h4);
	pk->h4.id = engine_id(&pk->n->ids);
	pk->h4.df = false;
	pk->h4.ttl--;
	if (pk->from)
		engine_count(pk, pk->from, 0);
	emit_v4(&pk->h4, icmp, len, 0, pk->sink);
	return NAT64_OK_64_ERROR;
}

static enum nat64_reason error_to_neighbour(struct packet *pk, const struct in6_addr *neighbour)
{
	struct nat64 *n = pk->n;
	struct xlat_error e;
	struct ip6 quoted, inner, out = { .dst = *neighbour, .proto = PROTO_ICMP6 };
	struct in_addr guest4;
	uint8_t *icmp = engine_scratch(n);
	enum nat64_reason reason = read_error(pk, &e, &quoted, &guest4);
	size_t len;

	if (reason != NAT64_GO_ON)
		return reason;
	if (e.head.type > PARAMETER)
		return NAT64_V6_ICMP_TYPE;
	out.src = n->conf.own6;
	if (is_known_source(pk))
		out.src = pref64_embed(&n->conf.prefix, pk->h4.src);
	if (addr_is_unspecified(&out.src))
		return NAT64_V6_ERROR_SOURCE;
	inner = quoted;
	inner.src = *neighbour;
	inner.dst = pref64_embed(&n->conf.prefix, guest4);
	len = xlat_error_write_66(&e, pk->l4.p, pk->l4.len, &quoted, &inner, icmp);
	out.tclass = pk->h6.tclass;
	out.hop_limit = (uint8_t)(pk->h6.hop_limit - 1);
	xlat_csum6(icmp, len, &out.src, &out.dst);
	engine_count(pk, pk->to, 1);
	emit_v6(&out, icmp, len, 0, pk->sink);
	return NAT64_HAIRPIN_ERROR;
}

enum nat64_reason path6_input(struct packet *pk)
{
	struct in6_addr neighbour;
	enum nat64_reason reason = read_packet(pk);

	if (reason == NAT64_GO_ON)
		reason = check_source(pk);
	if (reason == NAT64_GO_ON)
		reason = check_headers(pk);
	if (reason == NAT64_GO_ON)
		reason = find_destination(pk, &neighbour);
	if (reason == NAT64_GO_ON)
		reason = check_hops(pk);
	if (reason != NAT64_GO_ON)
		return reason;
	if (pk->is_error)
		return pk->to ? error_to_neighbour(pk, &neighbour) : error_to_v4(pk);
	return pk->to ? to_neighbour(pk) : to_v4(pk);
}
