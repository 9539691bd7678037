/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LEN 4096u

struct block {
	struct block *next;
	size_t used, len;
	alignas(max_align_t) char bytes[];
};

struct memory {
	struct block *blocks; /* the first one is taken from */
};

static struct block *block_new(size_t len)
{
	struct block *b = calloc(1, sizeof *b + len);

	if (b)
		b->len = len;
	return b;
}

struct memory *memory_new(void)
{
	return calloc(1, sizeof(struct memory));
}

void memory_free(struct memory *m)
{
	if (!m)
		return;
	while (m->blocks) {
		struct block *next = m->blocks->next;

		free(m->blocks);
		m->blocks = next;
	}
	free(m);
}

void *memory_take(struct memory *m, size_t size)
{
	size_t align = alignof(max_align_t);
	size_t room = (size + align) / align * align; /* never 0: each piece has its address */
	struct block *b = m->blocks;

	if (room < size)
		return NULL;
	if (!b || b->len - b->used < room) {
		b = block_new(room > BLOCK_LEN ? room : BLOCK_LEN);
		if (!b)
			return NULL;
		b->next = m->blocks;
		m->blocks = b;
	}
	b->used += room;
	return b->bytes + b->used - room;
}

char *memory_copy(struct memory *m, const char *text, size_t len)
{
	char *copy = memory_take(m, len + 1);

	if (copy && len)
		memcpy(copy, text, len);
	return copy;
}

char *memory_printf(struct memory *m, const char *fmt, ...)
{
	va_list args, again;
	char *text = NULL;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	if (len >= 0)
		text = memory_take(m, (size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	va_end(args);
	return text;
}

void *memory_append(struct memory *m, void *list, size_t n, size_t element_size)
{
	void *old, *new;

	memcpy(&old, list, sizeof old);
	if ((n & (n - 1)) == 0) { /* 0, 1, 2, 4, 8 ... are full */
		new = memory_take(m, (n ? 2 * n : 1) * element_size);
		if (!new)
			return NULL;
		if (n)
			memcpy(new, old, n * element_size);
		memcpy(list, &new, sizeof new);
		old = new;
	}
	return (char *)old + n * element_size;
}
