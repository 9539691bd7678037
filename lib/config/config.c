/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/memory.h"
#include "dump.h"

#include <stdlib.h>
#include <string.h>

struct text {
	char *p;
	size_t len, room;
	bool failed;
};

void config_free(struct config *c)
{
	if (c)
		memory_free(c->memory);
}

static void append(void *arg, const char *piece)
{
	struct text *t = arg;
	size_t len = strlen(piece);

	if (t->len + len + 1 > t->room) {
		size_t room = 2 * (t->len + len + 1);
		char *p = realloc(t->p, room);

		t->failed |= !p;
		if (!p)
			return;
		t->p = p;
		t->room = room;
	}
	memcpy(t->p + t->len, piece, len + 1);
	t->len += len;
}

bool config_equal(const struct config *a, const struct config *b)
{
	struct text ta = { 0 }, tb = { 0 };
	bool equal;

	config_dump(a, NULL, 0, append, &ta);
	config_dump(b, NULL, 0, append, &tb);
	equal = !ta.failed && !tb.failed && strcmp(ta.p, tb.p) == 0;
	free(ta.p);
	free(tb.p);
	return equal;
}
