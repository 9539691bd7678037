/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wr.h - bounded writer: appends into a buffer of fixed size, with one sticky failure bit.
 *
 * Write straight through and test wr_ok() once at the end.  What does not fit is not written at
 * all; after that nothing is.  Integers are given in host order and stored in network order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wr {
	uint8_t *base, *p, *end;
	bool full;
};

static inline struct wr wr_of(void *buf, size_t size)
{
	return (struct wr){ buf, buf, (uint8_t *)buf + size, false };
}

static inline bool wr_ok(const struct wr *w)
{
	return !w->full;
}

static inline size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->base);
}

static inline size_t wr_room(const struct wr *w)
{
	return w->full ? 0 : (size_t)(w->end - w->p);
}

/* Room for n bytes to be filled by the caller, or NULL and a failed writer. */
static inline uint8_t *wr_take(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->full || n > (size_t)(w->end - w->p)) {
		w->full = true;
		return NULL;
	}
	w->p += n;
	return p;
}

/* buf may be NULL when n is 0. */
static inline void wr_bytes(struct wr *w, const void *buf, size_t n)
{
	uint8_t *p = wr_take(w, n);

	if (p && n)
		memcpy(p, buf, n);
}

static inline void wr_zero(struct wr *w, size_t n)
{
	uint8_t *p = wr_take(w, n);

	if (p && n)
		memset(p, 0, n);
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	wr_bytes(w, &v, 1);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
	const uint8_t b[] = { (uint8_t)(v >> 8), (uint8_t)v };

	wr_bytes(w, b, sizeof b);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
	const uint8_t b[] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
			      (uint8_t)v };

	wr_bytes(w, b, sizeof b);
}

/* Back-fills bytes already written at offset at; anything else fails the writer. */
static inline void wr_set_u8(struct wr *w, size_t at, uint8_t v)
{
	if (at >= wr_len(w))
		w->full = true;
	else
		w->base[at] = v;
}

static inline void wr_set_u16(struct wr *w, size_t at, uint16_t v)
{
	wr_set_u8(w, at, (uint8_t)(v >> 8));
	wr_set_u8(w, at + 1, (uint8_t)v);
}
