/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/reply.h"

#include "base/csum.h"
#include "nat64/emit.h"

#include <string.h>

#define OWN_HOPS          64
#define TOS_CONTROL       0xc0 /* internetwork control: RFC 1812 4.3.2.5 */
#define ELAPSED_MAX       60000u
#define SHARE             16u /* so many who get their share leave nothing to others */
#define SHARE_BURST       4u
#define ECHO6             128
#define ECHO6_REPLY       129
#define ECHO4             8
#define ECHO4_REPLY       0
#define ICMP6_UNREACHABLE 1
#define ICMP6_PARAMETER   4
#define ICMP4_UNREACHABLE 3

/* --- errors --- */

static void fill(struct bucket *b, uint32_t millis_per_ms, uint32_t cap, uint64_t now_ms)
{
	uint64_t elapsed = now_ms - b->filled_ms;

	if (elapsed > ELAPSED_MAX)
		elapsed = ELAPSED_MAX;
	b->filled_ms = now_ms;
	b->millis += elapsed * millis_per_ms;
	if (b->millis > cap * 1000u)
		b->millis = cap * 1000u;
}

static void take(struct bucket *b)
{
	b->millis -= b->millis < 1000 ? b->millis : 1000;
}

/* Sources that are no neighbours may be made up: to each of those the kernel would look for a
 * neighbour, until it has no room for others (RFC 6583). */
static bool take_stranger(struct packet *pk)
{
	struct bucket *b = &pk->n->strangers;
	uint32_t rate = pk->n->conf.icmp_error_rate;

	fill(b, rate > NAT64_STRANGERS ? NAT64_STRANGERS : rate, NAT64_BURST, pk->now_ms);
	if (b->millis < 1000)
		return false;
	take(b);
	return true;
}

/* The bucket of who gets the error; those of a few others are the same. */
static struct bucket *share_of(struct packet *pk, bool six)
{
	uint64_t guest = pk->from ? pool_guest(pk->n->pool, pk->from) : 0;
	const void *who = guest ? (const void *)&guest
			  : six ? (const void *)&pk->h6.src
				: (const void *)&pk->h4.src;
	size_t len = guest ? sizeof guest : six ? sizeof pk->h6.src : sizeof pk->h4.src;

	return &pk->n->shares[siphash(&pk->n->key, who, len) % SHARES];
}

/* RFC 4443 2.4(f), RFC 1812 4.3.2.8: one bucket for both families.  The last NAT64_RESERVE in
 * it are for those who lately got few. */
static bool take_token(struct packet *pk, bool six)
{
	struct bucket *all = &pk->n->bucket, *own = share_of(pk, six);
	uint32_t rate = pk->n->conf.icmp_error_rate;

	fill(all, rate, NAT64_BURST + NAT64_RESERVE, pk->now_ms);
	fill(own, rate / SHARE + 1, SHARE_BURST, pk->now_ms);
	if (all->millis < 1000 ||
	    (all->millis < (NAT64_RESERVE + 1) * 1000u && own->millis < 1000))
		return false;
	take(all);
	take(own);
	return true;
}

static bool is_stranger(const struct packet *pk)
{
	return pk->n->is_known && !pk->n->is_known(pk->n->known_arg, &pk->h6.src);
}

/* What keeps an error about this packet from being sent, or that it is. */
static enum nat64_reason permit(struct packet *pk, bool barred, bool has_address,
				enum nat64_reason sent)
{
	if (barred)
		return NAT64_ERROR_BARRED;
	if (!has_address)
		return NAT64_ERROR_NO_ADDRESS;
	if (!pk->n->conf.icmp_error_rate)
		return sent;
	if (sent == NAT64_ERROR6_SENT && is_stranger(pk))
		return take_stranger(pk) ? sent : NAT64_ERROR_LIMITED;
	return take_token(pk, sent == NAT64_ERROR6_SENT) ? sent : NAT64_ERROR_LIMITED;
}

/* The error and as much of the packet as fits; its length. */
static size_t compose(const struct packet *pk, uint8_t type, uint8_t code, uint32_t param,
		      size_t received, size_t room, uint8_t *icmp)
{
	size_t quote = received < room - ICMP_LEN ? received : room - ICMP_LEN;

	icmp[0] = type;
	icmp[1] = code;
	be32_put(icmp + 4, param);
	memcpy(icmp + ICMP_LEN, pk->buf, quote);
	return ICMP_LEN + quote;
}

static void send_error6(struct packet *pk, uint8_t type, uint8_t code, uint32_t param)
{
	struct nat64 *n = pk->n;
	uint8_t *icmp = engine_scratch(n);
	struct ip6 h = { .src = n->conf.own6,
			 .dst = pk->h6.src,
			 .proto = PROTO_ICMP6,
			 .hop_limit = OWN_HOPS };
	/* RFC 4443 2.4(e), and for IPv6 as for IPv4 no fragment but the first. */
	bool barred = pk->is_error || pk->h6.frag_off || addr_is_multicast(&pk->h6.dst);
	enum nat64_reason fate =
		permit(pk, barred, !addr_is_unspecified(&n->conf.own6), NAT64_ERROR6_SENT);
	size_t len;

	n->counts[fate]++;
	if (fate != NAT64_ERROR6_SENT)
		return;
	len = compose(pk, type, code, param, IP6_LEN + pk->h6.len, XLAT_ERROR6_MAX - IP6_LEN,
		      icmp);
	xlat_csum6(icmp, len, &h.src, &h.dst);
	emit_v6(&h, icmp, len, 0, pk->sink);
}

enum nat64_reason reply_error6(struct packet *pk, enum nat64_reason reason, uint8_t type,
			       uint8_t code, uint32_t param)
{
	if (!engine_is_frame(pk))
		send_error6(pk, type, code, param);
	return reason;
}

static void send_error4(struct packet *pk, uint8_t type, uint8_t code, uint32_t param)
{
	struct nat64 *n = pk->n;
	uint8_t *icmp = engine_scratch(n);
	struct ip4 h = { .src = n->conf.own4,
			 .dst = pk->h4.src,
			 .proto = PROTO_ICMP,
			 .ttl = OWN_HOPS,
			 .tos = TOS_CONTROL };
	/* RFC 1812 4.3.2.7 */
	bool barred = pk->is_error || pk->h4.frag_off || addr4_is_never(pk->h4.dst) ||
		      addr4_is_never(pk->h4.src);
	enum nat64_reason fate = permit(pk, barred, n->conf.own4.s_addr, NAT64_ERROR4_SENT);
	size_t len;

	n->counts[fate]++;
	if (fate != NAT64_ERROR4_SENT)
		return;
	h.id = engine_id(&n->ids);
	len = compose(pk, type, code, param, pk->h4.len, XLAT_ERROR4_MAX - IP4_LEN, icmp);
	xlat_csum4(icmp, len);
	emit_v4(&h, icmp, len, 0, pk->sink);
}

enum nat64_reason reply_error4(struct packet *pk, enum nat64_reason reason, uint8_t type,
			       uint8_t code, uint32_t param)
{
	if (!engine_is_frame(pk))
		send_error4(pk, type, code, param);
	return reason;
}

/* --- packets to the translator --- */

bool reply_csum6_valid(const struct packet *pk)
{
	uint64_t sum =
		csum_pseudo6(&pk->h6.src, &pk->h6.dst, (uint32_t)pk->l4.len, PROTO_ICMP6);

	return csum_fold(csum_add(sum, pk->l4.p, pk->l4.len)) == 0;
}

bool reply_csum4_valid(const struct packet *pk)
{
	return csum_fold(csum_add(0, pk->l4.p, pk->l4.len)) == 0;
}

static enum nat64_reason echo6(struct packet *pk)
{
	struct ip6 h = { .src = pk->h6.dst,
			 .dst = pk->h6.src,
			 .tclass = pk->h6.tclass,
			 .hop_limit = OWN_HOPS,
			 .proto = PROTO_ICMP6 };

	if (pk->l4.len < ICMP_LEN)
		return NAT64_V6_ICMP_SHORT;
	if (pk->l4.p[0] != ECHO6)
		return NAT64_OWN6_ICMP;
	if (!reply_csum6_valid(pk))
		return NAT64_V6_ICMP_CHECKSUM;
	if (pk->n->conf.icmp_error_rate && is_stranger(pk) && !take_stranger(pk))
		return NAT64_OWN6_ECHO_LIMITED;
	pk->l4.p[0] = ECHO6_REPLY;
	xlat_csum6(pk->l4.p, pk->l4.len, &h.src, &h.dst);
	emit_v6(&h, pk->l4.p, pk->l4.len, 0, pk->sink);
	return NAT64_ECHO6;
}

enum nat64_reason reply_own6(struct packet *pk)
{
	if (ip6_is_fragment(&pk->h6))
		return NAT64_OWN6_FRAGMENT;
	switch (pk->l4.proto) {
	case PROTO_ICMP6:
		return echo6(pk);
	case PROTO_TCP:
		return NAT64_OWN6_TCP;
	case PROTO_UDP:
		return reply_error6(pk, NAT64_OWN6_UDP, ICMP6_UNREACHABLE, 4, 0);
	}
	return reply_error6(pk, NAT64_OWN6_PROTOCOL, ICMP6_PARAMETER, 1, pk->h6.next_at);
}

static enum nat64_reason echo4(struct packet *pk)
{
	struct ip4 h = { .src = pk->h4.dst,
			 .dst = pk->h4.src,
			 .tos = pk->h4.tos,
			 .ttl = OWN_HOPS,
			 .proto = PROTO_ICMP };

	if (pk->l4.len < ICMP_LEN)
		return NAT64_V4_ICMP_SHORT;
	if (pk->l4.p[0] != ECHO4)
		return NAT64_OWN4_ICMP;
	if (!reply_csum4_valid(pk))
		return NAT64_V4_ICMP_CHECKSUM;
	h.id = engine_id(&pk->n->ids);
	pk->l4.p[0] = ECHO4_REPLY;
	xlat_csum4(pk->l4.p, pk->l4.len);
	emit_v4(&h, pk->l4.p, pk->l4.len, 0, pk->sink);
	return NAT64_ECHO4;
}

enum nat64_reason reply_own4(struct packet *pk)
{
	if (ip4_is_fragment(&pk->h4))
		return NAT64_OWN4_FRAGMENT;
	switch (pk->l4.proto) {
	case PROTO_ICMP:
		return echo4(pk);
	case PROTO_TCP:
		return NAT64_OWN4_TCP;
	case PROTO_UDP:
		return reply_error4(pk, NAT64_OWN4_UDP, ICMP4_UNREACHABLE, 3, 0);
	}
	return reply_error4(pk, NAT64_OWN4_PROTOCOL, ICMP4_UNREACHABLE, 2, 0);
}
