/* SPDX-License-Identifier: GPL-3.0-or-later */
/* memory.h - many small pieces with one owner: taken one by one, given back all at once.
 *
 * For what is made when a configuration is read, never for packets.
 */
#pragma once

#include <stddef.h>

struct memory;

/* NULL when memory is short, as all below. */
struct memory *memory_new(void);

/* NULL is a no-op. */
void memory_free(struct memory *);

/* size bytes of zeros, aligned for any type; size 0 gives a pointer that is not NULL. */
void *memory_take(struct memory *, size_t size);

/* The first len bytes of text, with a NUL behind them. */
char *memory_copy(struct memory *, const char *text, size_t len);

char *memory_printf(struct memory *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Room for one more in a list of n elements at *list, doubled where it is full: list keeps its
 * capacity a power of two, so n says whether it is.  The new element, zeroed. */
void *memory_append(struct memory *, void *list, size_t n, size_t element_size);
