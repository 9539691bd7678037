/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cut.h - the packets that a frame stands for, as a kernel would cut it; shares nothing with
 * lib/ but the shape of what is left to be done.  Each is computed from scratch. */
#pragma once

#include "nat64/gso.h"
#include "wellformed.h"

#include <stdlib.h>
#include <string.h>

typedef void cut_fn(void *arg, const uint8_t *packet, size_t len);

static inline void cut_put(uint8_t *at, uint32_t v, unsigned bytes)
{
	while (bytes--) {
		at[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static inline uint32_t cut_get(const uint8_t *at, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *at++;
	return v;
}

static inline size_t cut_l4(const uint8_t *b, uint8_t *proto)
{
	size_t at = 40;

	if (b[0] >> 4 == 4) {
		*proto = b[9];
		return (b[0] & 15) * 4u;
	}
	for (*proto = b[6]; *proto == 0 || *proto == 43 || *proto == 60;) {
		*proto = b[at];
		at += 8u + b[at + 1] * 8u;
	}
	return at;
}

static inline void cut_ip(uint8_t *p, size_t n, size_t l4, unsigned i)
{
	if (p[0] >> 4 == 6) {
		cut_put(p + 4, (uint32_t)(n - 40), 2);
		return;
	}
	cut_put(p + 2, (uint32_t)n, 2);
	cut_put(p + 4, cut_get(p + 4, 2) + i, 2);
	cut_put(p + 10, 0, 2);
	cut_put(p + 10, ~wf_sum(0, p, l4), 2);
}

static inline void cut_csum(uint8_t *p, size_t n, size_t l4, uint8_t proto)
{
	uint8_t *field = p + l4 + (proto == 6 ? 16 : 6);
	uint32_t sum = p[0] >> 4 == 6 ? wf_sum(0, p + 8, 32) : wf_sum(0, p + 12, 8);

	cut_put(field, 0, 2);
	sum = wf_sum(sum + proto + (uint32_t)(n - l4), p + l4, n - l4);
	cut_put(field, proto == 17 && (uint16_t)~sum == 0 ? 0xffff : ~sum, 2);
}

static inline void cut_frame(const uint8_t *frame, size_t len, const struct gso *gso,
			     cut_fn *fn, void *arg)
{
	uint8_t proto, *p = malloc(len);
	size_t l4 = cut_l4(frame, &proto), head = l4 + 8, at;
	unsigned i = 0;

	if (proto == 6)
		head = l4 + (gso->kind == GSO_NONE ? 20 : (frame[l4 + 12] >> 4) * 4u);
	at = head;
	do {
		size_t piece = len - at;

		if (gso->kind != GSO_NONE && piece > gso->size)
			piece = gso->size;
		memcpy(p, frame, head);
		memcpy(p + head, frame + at, piece);
		at += piece;
		if (gso->kind != GSO_NONE)
			cut_ip(p, head + piece, l4, i);
		if (proto == 17)
			cut_put(p + l4 + 4, (uint32_t)(head - l4 + piece), 2);
		else
			cut_put(p + l4 + 4, cut_get(p + l4 + 4, 4) + i * gso->size, 4);
		if (proto == 6)
			p[l4 + 13] &= (at < len ? 0xf6 : 0xff) & (i ? 0x7f : 0xff);
		cut_csum(p, head + piece, l4, proto);
		fn(arg, p, head + piece);
		i++;
	} while (at < len);
	free(p);
}
