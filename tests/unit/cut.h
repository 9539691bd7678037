/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cut.h - what a frame is on the wire: cut into its segments, with their checksums, as Linux
 * does it.  For property and fuzz tests; shares nothing with lib/ but struct gso.
 */
#pragma once

#include "nat64/gso.h"
#include "wellformed.h"

#include <stdlib.h>
#include <string.h>

#define CUT_MAX 65600u

typedef void cut_fn(void *arg, const uint8_t *b, size_t n);

static inline void cut_put(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* The sum of a pseudo-header, of a packet of n bytes without extension headers. */
static inline uint32_t cut_pseudo(const uint8_t *b, size_t n)
{
	bool v4 = b[0] >> 4 == 4;
	size_t l4 = n - (v4 ? 20 : 40);
	uint32_t sum = (uint32_t)((l4 >> 16) + (l4 & 0xffff)) + b[v4 ? 9 : 6];

	return wf_sum(sum, b + (v4 ? 12 : 8), v4 ? 8 : 32);
}

/* Lengths and checksums of a packet; the rest is there. */
static inline void cut_complete(uint8_t *b, size_t n)
{
	bool v4 = b[0] >> 4 == 4;
	size_t ip = v4 ? 20 : 40;
	bool udp = b[v4 ? 9 : 6] == 17;
	uint8_t *l4 = b + ip, *field = l4 + (udp ? 6 : 16);
	uint32_t sum;

	cut_put(b + (v4 ? 2 : 4), (uint32_t)(v4 ? n : n - 40));
	if (v4) {
		cut_put(b + 10, 0);
		cut_put(b + 10, ~wf_sum(0, b, 20));
	}
	if (udp)
		cut_put(l4 + 4, (uint32_t)(n - ip));
	cut_put(field, 0);
	sum = ~wf_sum(cut_pseudo(b, n), l4, n - ip) & 0xffff;
	cut_put(field, udp && !sum ? 0xffff : sum);
}

/* What is left of a checksum that is partial is done: by difference, so that a wrong one stays
 * wrong. */
static inline void cut_finish(uint8_t *b, size_t n)
{
	size_t ip = b[0] >> 4 == 4 ? 20 : 40;
	uint8_t *field = b + ip + (b[ip == 20 ? 9 : 6] == 17 ? 6 : 16);
	uint32_t v = (uint32_t)(field[0] << 8 | field[1]) + 0xffff - cut_pseudo(b, n);

	cut_complete(b, n);
	v += (uint32_t)(field[0] << 8 | field[1]);
	v = (v & 0xffff) + (v >> 16);
	cut_put(field, (v & 0xffff) + (v >> 16));
}

/* The identification, which a frame has anew, made equal. */
static inline void cut_anonymise(uint8_t *b, size_t n)
{
	if (n >= 20 && b[0] == 0x45 && wf_sum(0, b, 20) == 0xffff) {
		cut_put(b + 4, 0);
		cut_put(b + 10, 0);
	}
}

/* Is what the frame says of itself right: lengths, the IPv4 checksum, the sum of the
 * pseudo-header? */
static inline bool cut_is_sound(const uint8_t *b, size_t n, const struct gso *gso)
{
	bool v4 = b[0] >> 4 == 4, udp = gso->kind == GSO_UDP;
	size_t ip = v4 ? 20 : 40, head = ip + (udp ? 8 : (size_t)(b[ip + 12] >> 4) * 4);
	const uint8_t *field = b + ip + (udp ? 6 : 16);
	struct wf_l4 l4;

	return wellformed(b, n, &l4) && !l4.fragment && l4.proto == (udp ? 17 : 6) &&
	       l4.p == b + ip && (!udp || (size_t)(l4.p[4] << 8 | l4.p[5]) == l4.len) &&
	       gso->partial && gso->size && n > head + gso->size && n <= 65535 &&
	       (uint32_t)(field[0] << 8 | field[1]) % 0xffff == cut_pseudo(b, n) % 0xffff;
}

/* Gives each packet of the frame; how many, 0 when the frame is not sound. */
static inline unsigned cut(const uint8_t *b, size_t n, const struct gso *gso, cut_fn *fn,
			   void *arg)
{
	static uint8_t out[CUT_MAX];
	bool v4 = b[0] >> 4 == 4, udp = gso->kind == GSO_UDP;
	size_t ip = v4 ? 20 : 40, head, at;
	unsigned count = 0;

	if (!cut_is_sound(b, n, gso))
		return 0;
	head = ip + (udp ? 8 : (size_t)(b[ip + 12] >> 4) * 4);
	for (at = head; at < n; at += gso->size, count++) {
		size_t len = n - at < gso->size ? n - at : gso->size;

		memcpy(out, b, head);
		memcpy(out + head, b + at, len);
		if (v4)
			cut_put(out + 4, (uint32_t)(b[4] << 8 | b[5]) + count);
		if (!udp) {
			uint32_t seq = (uint32_t)b[ip + 4] << 24 | (uint32_t)b[ip + 5] << 16 |
				       (uint32_t)b[ip + 6] << 8 | b[ip + 7];

			seq += (uint32_t)(at - head);
			cut_put(out + ip + 4, seq >> 16);
			cut_put(out + ip + 6, seq);
			if (at + len < n)
				out[ip + 13] &= 0xf6; /* FIN, PSH */
		}
		cut_complete(out, head + len);
		fn(arg, out, head + len);
	}
	return count;
}
