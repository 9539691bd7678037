/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_buf.h - bytes on their way in or out of a control connection.
 *
 * Takes memory only while it holds something.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct control_buf {
	char *data; /* [start, end) is what it holds */
	size_t start, end, size;
};

size_t control_buf_len(const struct control_buf *);
const char *control_buf_head(const struct control_buf *);

/* Room for n more bytes, to be followed by control_buf_put(); NULL when memory is short. */
char *control_buf_room(struct control_buf *, size_t n);
void control_buf_put(struct control_buf *, size_t n);

/* False when memory is short, with nothing added. */
bool control_buf_add(struct control_buf *, const void *data, size_t n);

/* Forgets the first n bytes. */
void control_buf_take(struct control_buf *, size_t n);
void control_buf_done(struct control_buf *);
