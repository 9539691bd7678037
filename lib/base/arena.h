/* SPDX-License-Identifier: GPL-3.0-or-later */
/* arena.h - memory that is given back all at once. */
#pragma once

#include <stddef.h>

struct arena; /* NULL: empty */

/* n zeroed objects of size bytes, aligned for any type; NULL when memory is short.  n 0 gives a
 * valid pointer. */
void *arena_alloc(struct arena **, size_t n, size_t size);
char *arena_text(struct arena **, const char *text, size_t len);
void arena_free(struct arena *);
