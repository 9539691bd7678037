/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/emit.h"

static const struct gso plain;

void emit_frame_v4(const struct ip4 *h, uint8_t *payload, size_t len, const struct gso *gso,
		   const struct nat64_sink *sink)
{
	struct ip4 out = *h;

	out.len = (uint16_t)(IP4_LEN + len);
	ip4_write(payload - IP4_LEN, &out);
	sink->packet(sink->arg, payload - IP4_LEN, out.len, gso);
}

static void send_v4(const struct ip4 *h, uint8_t *payload, size_t len,
		    const struct nat64_sink *sink)
{
	emit_frame_v4(h, payload, len, &plain, sink);
}

unsigned emit_v4(const struct ip4 *h, uint8_t *payload, size_t len, size_t limit,
		 const struct nat64_sink *sink)
{
	struct ip4 piece = *h;
	size_t chunk = (limit - IP4_LEN) & ~(size_t)7;
	unsigned n = 1;

	if (!limit || IP4_LEN + len <= limit) {
		send_v4(h, payload, len, sink);
		return 1;
	}
	for (piece.mf = true; len > chunk; payload += chunk, len -= chunk, n++) {
		send_v4(&piece, payload, chunk, sink);
		piece.frag_off = (uint16_t)(piece.frag_off + chunk);
	}
	piece.mf = h->mf;
	send_v4(&piece, payload, len, sink);
	return n;
}

void emit_frame_v6(const struct ip6 *h, uint8_t *payload, size_t len, const struct gso *gso,
		   const struct nat64_sink *sink)
{
	struct ip6 out = *h;
	unsigned head = ip6_header_len(h);

	out.len = (uint16_t)(head - IP6_LEN + len);
	ip6_write(payload - head, &out);
	sink->packet(sink->arg, payload - head, head + len, gso);
}

static void send_v6(const struct ip6 *h, uint8_t *payload, size_t len,
		    const struct nat64_sink *sink)
{
	emit_frame_v6(h, payload, len, &plain, sink);
}

unsigned emit_v6(const struct ip6 *h, uint8_t *payload, size_t len, size_t limit,
		 const struct nat64_sink *sink)
{
	struct ip6 piece = *h;
	size_t chunk = (limit - IP6_LEN - FRAG_LEN) & ~(size_t)7;
	unsigned n = 1;

	if (!limit || ip6_header_len(h) + len <= limit) {
		send_v6(h, payload, len, sink);
		return 1;
	}
	piece.has_frag = true;
	for (piece.mf = true; len > chunk; payload += chunk, len -= chunk, n++) {
		send_v6(&piece, payload, chunk, sink);
		piece.frag_off = (uint16_t)(piece.frag_off + chunk);
	}
	piece.mf = h->mf;
	send_v6(&piece, payload, len, sink);
	return n;
}
