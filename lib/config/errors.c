/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "errors.h"

#include "base/memory.h"

#include <stdio.h>

void config_errors_free(struct config_errors *e)
{
	memory_free(e->memory);
	*e = (struct config_errors){ 0 };
}

void config_error_put(const struct config_error *e, void (*put)(void *arg, const char *text),
		      void *arg)
{
	char line[32];

	put(arg, e->file);
	if (e->line) {
		snprintf(line, sizeof line, ":%u", e->line);
		put(arg, line);
	}
	put(arg, ": ");
	if (*e->key) {
		put(arg, e->key);
		put(arg, ": ");
	}
	put(arg, e->text);
	if (*e->hint) {
		put(arg, " (");
		put(arg, e->hint);
		put(arg, ")");
	}
	put(arg, "\n");
	if (*e->source) {
		put(arg, "    ");
		put(arg, e->source);
		put(arg, "\n");
	}
}
