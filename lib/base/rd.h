/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rd.h - bounded reader: a view of bytes that can only shrink, with one sticky failure bit.
 *
 * Read straight through and test rd_ok() once at the end.  After a failure every read gives
 * zero and rd_left() is 0, so a loop on rd_left() always ends.  Integers come out in host
 * order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct rd rd_of(const void *buf, size_t len)
{
	return (struct rd){ buf, (const uint8_t *)buf + len, false };
}

static inline bool rd_ok(const struct rd *r)
{
	return !r->bad;
}

static inline size_t rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

/* Fails the reader: for a value that was read but makes no sense. */
static inline void rd_fail(struct rd *r)
{
	r->p = r->end;
	r->bad = true;
}

/* The next n bytes, or NULL and a failed reader. */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (n > rd_left(r)) {
		rd_fail(r);
		return NULL;
	}
	r->p += n;
	return p;
}

/* A child view of the next n bytes: nothing read from it can leave it. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);

	return p ? (struct rd){ p, p + n, false } : (struct rd){ r->end, r->end, true };
}

static inline uint8_t rd_u8(struct rd *r)
{
	const uint8_t *p = rd_take(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
	const uint8_t *p = rd_take(r, 2);

	return p ? (uint16_t)((unsigned)p[0] << 8 | p[1]) : 0;
}

static inline uint32_t rd_u32(struct rd *r)
{
	const uint8_t *p = rd_take(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}
