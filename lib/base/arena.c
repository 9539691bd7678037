/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN 4096u

struct arena {
	struct arena *next;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

static struct arena *grow(struct arena **a, size_t len)
{
	size_t size = len > BLOCK_LEN ? len : BLOCK_LEN;
	struct arena *block = calloc(1, sizeof *block + size);

	if (!block)
		return NULL;
	block->size = size;
	block->next = *a;
	*a = block;
	return block;
}

void *arena_alloc(struct arena **a, size_t n, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena *block = *a;
	size_t len;
	void *p;

	if (__builtin_mul_overflow(n, size, &len) || len > SIZE_MAX / 2)
		return NULL;
	len = (len + align) / align * align;
	if (!block || len > block->size - block->used)
		block = grow(a, len);
	if (!block)
		return NULL;
	p = block->bytes + block->used;
	block->used += len;
	return p;
}

char *arena_text(struct arena **a, const char *text, size_t len)
{
	char *p = arena_alloc(a, len + 1, 1);

	if (p)
		memcpy(p, text, len);
	return p;
}

void arena_free(struct arena *a)
{
	while (a) {
		struct arena *next = a->next;

		free(a);
		a = next;
	}
}
