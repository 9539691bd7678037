/* SPDX-License-Identifier: GPL-3.0-or-later */
/* frame.h - frames and packets without extension headers: made whole, and judged.  For property
 * and fuzz tests. */
#pragma once

#include "cut.h"

#define FRAME_ROOM 65600u

static inline size_t frame_l4(const uint8_t *b)
{
	return b[0] >> 4 == 4 ? 20 : 40;
}

static inline bool frame_is_udp(const uint8_t *b)
{
	return b[b[0] >> 4 == 4 ? 9 : 6] == 17;
}

static inline uint8_t *frame_csum(uint8_t *b)
{
	return b + frame_l4(b) + (frame_is_udp(b) ? 6 : 16);
}

/* The sum of the pseudo-header. */
static inline uint32_t frame_pseudo(const uint8_t *b, size_t n)
{
	bool v4 = b[0] >> 4 == 4;
	size_t len = n - frame_l4(b);
	uint32_t sum = (uint32_t)((len >> 16) + (len & 0xffff)) + b[v4 ? 9 : 6];

	return wf_sum(sum, b + (v4 ? 12 : 8), v4 ? 8 : 32);
}

/* Lengths and checksums of a packet; the rest is there. */
static inline void frame_complete(uint8_t *b, size_t n)
{
	size_t l4 = frame_l4(b);

	cut_ip(b, n, l4, 0);
	if (frame_is_udp(b))
		cut_put(b + l4 + 4, (uint32_t)(n - l4), 2);
	cut_csum(b, n, l4, frame_is_udp(b) ? 17 : 6);
}

/* Likewise, but for the checksum that is left to others. */
static inline void frame_leave(uint8_t *b, size_t n)
{
	frame_complete(b, n);
	cut_put(frame_csum(b), frame_pseudo(b, n), 2);
}

/* What was left of a checksum is done: by difference, so that a wrong one stays wrong. */
static inline void frame_finish(uint8_t *b, size_t n)
{
	uint32_t v = cut_get(frame_csum(b), 2) + 0xffff - frame_pseudo(b, n);

	frame_complete(b, n);
	v += cut_get(frame_csum(b), 2);
	v = (v & 0xffff) + (v >> 16);
	cut_put(frame_csum(b), (v & 0xffff) + (v >> 16), 2);
}

/* The identification, which frames have anew, made equal. */
static inline void frame_anonymise(uint8_t *b, size_t n)
{
	if (n < 20 || b[0] != 0x45 || wf_sum(0, b, 20) != 0xffff)
		return;
	cut_put(b + 4, 0, 2);
	cut_put(b + 10, 0, 2);
}

/* Is what the frame says of itself right: lengths, the IPv4 checksum, the sum of the
 * pseudo-header? */
static inline bool frame_is_sound(const uint8_t *b, size_t n, const struct gso *gso)
{
	bool udp = gso->kind == GSO_UDP;
	size_t ip = frame_l4(b), head = ip + (udp ? 8 : (size_t)(b[ip + 12] >> 4) * 4);
	struct wf_l4 l4;

	return wellformed(b, n, &l4) && !l4.fragment && l4.proto == (udp ? 17 : 6) &&
	       l4.p == b + ip && (!udp || cut_get(l4.p + 4, 2) == l4.len) && gso->partial &&
	       gso->size && n > head + gso->size && n <= 65535 &&
	       cut_get(l4.p + (udp ? 6 : 16), 2) % 0xffff == frame_pseudo(b, n) % 0xffff;
}
