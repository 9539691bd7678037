/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump.h"

#include "option_type.h"

#include <stdio.h>
#include <string.h>

struct page {
	config_put put;
	void *arg;
};

static void put(const struct page *page, const char *text)
{
	page->put(page->arg, text);
}

/* Text in which nothing is markup to scdoc. */
static void put_plain(const struct page *page, const char *text)
{
	char c[3];

	for (; *text; text++) {
		snprintf(c, sizeof c, "%s%c", strchr("\\*_`#<>.~", *text) ? "\\" : "", *text);
		put(page, c);
	}
}

static void put_words(const struct page *page, const struct option *o)
{
	for (size_t i = 0; o->words[i]; i++) {
		put(page, i ? " | \"" : "\"");
		put_plain(page, o->words[i]);
		put(page, "\"");
	}
}

/* "Example: x. 1280 to 65535. Elsewhere: a, b" below the sentence. */
static void put_facts(const struct page *page, const struct option *o)
{
	char range[160];

	put(page, "\n\n\tType: ");
	if (o->type == OPTION_WORD)
		put_words(page, o);
	else
		put_plain(page, option_type_text(o));
	option_bounds(o, range, sizeof range);
	if (*range) {
		put(page, ", ");
		put_plain(page, range);
	}
	if (o->flags & OPTION_INFINITE)
		put(page, ", or \"infinite\"");
	if (o->keyword) {
		put(page, ", or \"");
		put_plain(page, o->keyword);
		put(page, "\"");
	}
	if (o->example) {
		put(page, "; example: ");
		put_plain(page, o->example);
	}
	if (o->aka) {
		put(page, "; elsewhere: ");
		put_plain(page, o->aka);
	}
	put(page, "\n\n");
}

static void put_key(const struct page *page, const struct option *o)
{
	put(page, "*");
	put_plain(page, o->name);
	put(page, "*");
	if (o->preset) {
		put(page, " = ");
		put_plain(page, o->preset);
	} else if (o->flags & OPTION_REQUIRED) {
		put(page, " (required)");
	} else if (o->type == OPTION_GROUPS) {
		put(page, o->flags & OPTION_ONE ? " = ( { } )" : " = ( )");
	}
	put(page, "\n\t");
	put_plain(page, o->text);
	put_facts(page, o);
}

/* Plain keys first, then the groups within as sections of their own. */
static void put_group(const struct page *page, const struct option_group *g, const char *path)
{
	char inner[160];

	for (size_t i = 0; i < g->n; i++)
		if (g->options[i].type != OPTION_GROUP)
			put_key(page, &g->options[i]);
	for (size_t i = 0; i < g->n; i++) {
		const struct option *o = &g->options[i];

		if (!o->group)
			continue;
		snprintf(inner, sizeof inner, "%s%s%s%s", path, *path ? "." : "", o->name,
			 o->type == OPTION_GROUPS ? "[]" : "");
		put(page, "## ");
		put_plain(page, inner);
		put(page, "\n\n");
		put_plain(page, o->text);
		put(page, "\n\n");
		put_group(page, o->group, inner);
	}
}

void config_print_man(config_put put_text, void *arg)
{
	struct page page = { put_text, arg };

	put_group(&page, &options_root, "");
}
