/* SPDX-License-Identifier: GPL-3.0-or-later */
/* emit.h - a translated packet to the sink, in as many fragments as its limit asks for.
 *
 * Each header is written right before its piece of payload, over what was sent already, so
 * nothing is copied.  Length, offset and M come from here, everything else from the header.
 * RFC 791 3.2, RFC 8200 4.5.
 */
#pragma once

#include "nat64/iphdr.h"
#include "nat64/nat64.h"

/* 20 (48) bytes before payload are free to be written.  limit: no packet is larger; 0: none.
 * The number of packets. */
unsigned emit_v4(const struct ip4 *, uint8_t *payload, size_t len, size_t limit,
		 const struct nat64_sink *);
unsigned emit_v6(const struct ip6 *, uint8_t *payload, size_t len, size_t limit,
		 const struct nat64_sink *);

/* A frame that is left to the kernel to cut. */
void emit_frame_v4(const struct ip4 *, uint8_t *payload, size_t len, const struct gso *,
		   const struct nat64_sink *);
void emit_frame_v6(const struct ip6 *, uint8_t *payload, size_t len, const struct gso *,
		   const struct nat64_sink *);
