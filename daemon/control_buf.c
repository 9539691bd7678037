/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_buf.c - a queue of bytes in one piece of memory. */
#include "control_buf.h"

#include <stdlib.h>
#include <string.h>

#define GRAIN 4096u

size_t control_buf_len(const struct control_buf *b)
{
	return b->end - b->start;
}

const char *control_buf_head(const struct control_buf *b)
{
	return b->data + b->start;
}

char *control_buf_room(struct control_buf *b, size_t n)
{
	size_t len = control_buf_len(b);

	if (b->data && n <= b->size - b->end)
		return b->data + b->end;
	if (b->start >= len && n <= b->size - len) { /* worth moving to the front */
		memcpy(b->data, b->data + b->start, len);
	} else {
		size_t size = (2 * len + n + GRAIN - 1) / GRAIN * GRAIN;
		char *data = malloc(size);

		if (!data)
			return NULL;
		if (len)
			memcpy(data, b->data + b->start, len);
		free(b->data);
		b->data = data;
		b->size = size;
	}
	b->start = 0;
	b->end = len;
	return b->data + b->end;
}

void control_buf_put(struct control_buf *b, size_t n)
{
	b->end += n;
}

bool control_buf_add(struct control_buf *b, const void *data, size_t n)
{
	if (!n)
		return true;
	char *room = control_buf_room(b, n);
	if (!room)
		return false;
	memcpy(room, data, n);
	control_buf_put(b, n);
	return true;
}

void control_buf_take(struct control_buf *b, size_t n)
{
	b->start += n;
	if (b->start == b->end)
		control_buf_done(b);
}

void control_buf_done(struct control_buf *b)
{
	free(b->data);
	*b = (struct control_buf){ 0 };
}
