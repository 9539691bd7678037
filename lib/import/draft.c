/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "draft.h"

#include "config/build.h"
#include "config/check.h"
#include "config/option_type.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* v6gwd reads a file of 4 MiB at most. */
#define SETTINGS_MAX (2u << 20)
#define COMMENTS_MAX (3u << 19)
#define NODE_COST    400u /* a line with where it comes from */
#define FILE_SHOWN   200u /* bytes of a file's name in a comment: its end */

const char *draft_printf(struct draft *d, const char *fmt, ...)
{
	char text[2 * STMT_WORD_MAX], *copy;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	copy = memory_copy(d->memory, text, strlen(text));
	d->no_memory |= !copy;
	return copy ? copy : "";
}

static void add_line(struct draft *d, const char ***v, size_t *n, const char *text)
{
	const char **place = memory_append(d->memory, v, *n, sizeof(char *));

	d->no_memory |= !place;
	if (!place)
		return;
	*place = text;
	++*n;
}

static struct draft_node *node_new(struct draft *d, struct draft_node *parent,
				   enum draft_kind kind, const char *name,
				   const struct stmt *from)
{
	struct draft_node *node = memory_take(d->memory, sizeof *node), **slot, **all;

	slot = memory_append(d->memory, &parent->v, parent->n, sizeof(struct draft_node *));
	all = memory_append(d->memory, &d->nodes, d->n_nodes, sizeof(struct draft_node *));
	if (!node || !slot || !all) {
		d->no_memory = true;
		return &d->scrap;
	}
	*slot = *all = node;
	parent->n++;
	d->n_nodes++;
	d->n_settings += NODE_COST;
	*node = (struct draft_node){ .kind = kind,
				     .name = name,
				     .text = "",
				     .from = from,
				     .parent = parent,
				     .number = (unsigned)d->n_nodes };
	return node;
}

struct draft *draft_new(struct memory *memory)
{
	struct draft *d = memory_take(memory, sizeof *d);

	if (!d)
		return NULL;
	*d = (struct draft){ .memory = memory, .scrap = { .text = "" } };
	d->root = memory_take(memory, sizeof *d->root);
	if (!d->root)
		return NULL;
	*d->root = (struct draft_node){ .kind = DRAFT_GROUP, .text = "" };
	return d;
}

struct memory *draft_memory(struct draft *d)
{
	return d->memory;
}

struct draft_node *draft_root(struct draft *d)
{
	return d->root;
}

struct draft_node *draft_find(const struct draft_node *group, const char *name)
{
	for (size_t i = 0; i < group->n; i++)
		if (group->v[i]->name && strcmp(group->v[i]->name, name) == 0)
			return group->v[i];
	return NULL;
}

const char *draft_value(const struct draft_node *group, const char *name)
{
	const struct draft_node *node = draft_find(group, name);

	return node ? node->text : "";
}

struct draft_node *draft_group(struct draft *d, struct draft_node *group, const char *name)
{
	struct draft_node *node = draft_find(group, name);

	return node ? node : node_new(d, group, DRAFT_GROUP, name, NULL);
}

static struct draft_node *set(struct draft *d, struct draft_node *node, const char *text,
			      const struct stmt *from)
{
	if (node->from && strcmp(node->text, text) == 0)
		return node;
	if (node->from && from && strcmp(node->from->file, from->file) != 0) {
		draft_left(d, from, "contradicts %s:%u, which holds: %s",
			   draft_file(node->from), node->from->line, node->from->said);
		return node;
	}
	if (node->from && from)
		draft_left(d, node->from, "said again in line %u, which holds", from->line);
	d->n_settings += strlen(text);
	node->text = draft_printf(d, "%s", text);
	node->from = from;
	return node;
}

struct draft_node *draft_text(struct draft *d, struct draft_node *group, const char *name,
			      const char *text, const struct stmt *from)
{
	struct draft_node *node = draft_find(group, name);

	return set(d, node ? node : node_new(d, group, DRAFT_TEXT, name, NULL), text, from);
}

struct draft_node *draft_plain(struct draft *d, struct draft_node *group, const char *name,
			       const char *text, const struct stmt *from)
{
	struct draft_node *node = draft_find(group, name);

	return set(d, node ? node : node_new(d, group, DRAFT_PLAIN, name, NULL), text, from);
}

struct draft_node *draft_list(struct draft *d, struct draft_node *group, const char *name,
			      const struct stmt *from)
{
	struct draft_node *node = draft_find(group, name);

	return node ? node : node_new(d, group, DRAFT_LIST, name, from);
}

static bool is_full(struct draft *d, const struct stmt *from)
{
	if (d->n_settings < SETTINGS_MAX)
		return false;
	draft_left(d, from, "more than v6gwd reads in one file");
	return true;
}

void draft_item(struct draft *d, struct draft_node *list, const char *text,
		const struct stmt *from)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i]->text, text) == 0)
			return;
	if (is_full(d, from))
		return;
	d->n_settings += strlen(text);
	node_new(d, list, DRAFT_TEXT, NULL, from)->text = draft_printf(d, "%s", text);
}

struct draft_node *draft_entry(struct draft *d, struct draft_node *list,
			       const struct stmt *from)
{
	list->groups = true;
	if (is_full(d, from)) {
		d->scrap = (struct draft_node){ .kind = DRAFT_GROUP, .text = "" };
		return &d->scrap;
	}
	return node_new(d, list, DRAFT_GROUP, NULL, from);
}

/* A comment, where there still is room for one. */
static void add_comment(struct draft *d, const char ***v, size_t *n, const char *text)
{
	if (d->n_comments > COMMENTS_MAX) {
		d->n_unsaid++;
		return;
	}
	d->n_comments += strlen(text) + 16;
	add_line(d, v, n, draft_printf(d, "%s", text));
}

const char *draft_file(const struct stmt *st)
{
	size_t len = strlen(st->file);

	return len > FILE_SHOWN ? st->file + len - FILE_SHOWN : st->file;
}

/* "FILE:LINE: as it was written: " before a text. */
static const char *place(struct draft *d, const struct stmt *st, const char *text)
{
	if (!st)
		return text;
	return draft_printf(d, "%s:%u: %s: %s", draft_file(st), st->line, st->said, text);
}

#define FORMAT(text, fmt)                                 \
	do {                                              \
		va_list args_;                            \
		va_start(args_, fmt);                     \
		vsnprintf(text, sizeof text, fmt, args_); \
		va_end(args_);                            \
	} while (0)

void draft_note(struct draft *d, struct draft_node *node, const struct stmt *st,
		const char *fmt, ...)
{
	char text[STMT_WORD_MAX];

	FORMAT(text, fmt);
	add_comment(d, &node->notes, &node->n_notes, place(d, st, text));
}

void draft_left(struct draft *d, const struct stmt *st, const char *fmt, ...)
{
	char text[STMT_WORD_MAX];

	FORMAT(text, fmt);
	add_comment(d, &d->left.v, &d->left.n, place(d, st, text));
}

void draft_head(struct draft *d, const char *fmt, ...)
{
	char text[STMT_WORD_MAX];

	FORMAT(text, fmt);
	add_line(d, &d->head.v, &d->head.n, draft_printf(d, "%s", text));
}

void draft_tail(struct draft *d, const char *fmt, ...)
{
	char text[STMT_WORD_MAX];

	FORMAT(text, fmt);
	add_line(d, &d->tail.v, &d->tail.n, draft_printf(d, "%s", text));
}

/* Decimal digits that libconfig takes for an integer of 32 bits. */
static bool is_number(const char *text, int64_t *out)
{
	int64_t n = 0;

	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9' || n > INT32_MAX)
			return false;
		n = n * 10 + (*p - '0');
	}
	*out = n;
	return *text && n <= INT32_MAX && (*text != '0' || !text[1]);
}

static bool is_plain(const char *text)
{
	int64_t n;

	return is_number(text, &n) || strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

static void set_scalar(const struct draft_node *node, struct value *out)
{
	out->type = VALUE_TEXT;
	out->text = node->text;
	if (node->kind != DRAFT_PLAIN)
		return;
	if (is_number(node->text, &out->number))
		out->type = VALUE_NUMBER;
	else if (is_plain(node->text))
		out->type = VALUE_BOOL;
	out->number = out->type == VALUE_BOOL ? *node->text == 't' : out->number;
}

/* A list of which nothing is left says nothing, unless it was meant to be empty. */
bool draft_is_gone(const struct draft_node *node)
{
	size_t n = 0;

	for (size_t i = 0; i < node->n; i++)
		n += !node->v[i]->refused;
	if (node->kind == DRAFT_LIST && !node->groups && !n && (node->n || node->optional))
		return true;
	return node->refused;
}

/* The tree as values; the number of a node is its line. */
static bool to_value(const struct draft_node *node, struct memory *memory, struct value *out)
{
	*out = (struct value){ .name = node->name, .line = node->number };
	if (node->kind == DRAFT_TEXT || node->kind == DRAFT_PLAIN) {
		set_scalar(node, out);
		return true;
	}
	out->type = node->kind == DRAFT_LIST ? VALUE_LIST : VALUE_GROUP;
	out->v = memory_take(memory, node->n * sizeof *out->v);
	for (size_t i = 0; out->v && i < node->n; i++) {
		if (draft_is_gone(node->v[i]))
			continue;
		if (!to_value(node->v[i], memory, &out->v[out->n]))
			return false;
		out->n++;
	}
	return out->v;
}

static void refuse(struct draft *d, struct draft_node *node, const struct option_error *e)
{
	node->refused = draft_printf(d, "%s%s%s%s", e->text, *e->hint ? " (" : "", e->hint,
				     *e->hint ? ")" : "");
	for (; node->vital && node->parent && !node->parent->refused; node = node->parent)
		node->parent->refused = node->refused;
}

/* How many of the errors have made a comment of something. */
static size_t take_errors(struct draft *d, const struct option_reader *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_errors; i++) {
		const struct option_error *e = &r->errors[i];

		if (e->warning || !e->line || e->line > d->n_nodes ||
		    d->nodes[e->line - 1]->refused)
			continue;
		refuse(d, d->nodes[e->line - 1], e);
		n++;
	}
	return n;
}

static void take_warnings(struct draft *d, const struct option_reader *r)
{
	for (size_t i = 0; i < r->n_errors; i++) {
		const struct option_error *e = &r->errors[i];

		if (e->line && e->line <= d->n_nodes)
			draft_note(d, d->nodes[e->line - 1], NULL, "warning: %s%s%s%s", e->text,
				   *e->hint ? " (" : "", e->hint, *e->hint ? ")" : "");
	}
}

static size_t count_errors(const struct option_reader *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_errors; i++)
		n += !r->errors[i].warning;
	return n;
}

/* One reading; *again: something has become a comment, and the rest may be right now. */
static bool read_once(struct draft *d, bool *again)
{
	struct memory *scratch = memory_new();
	struct option_reader r = { .scratch = scratch };
	struct config *c = NULL;
	struct value root;
	size_t n_errors;

	*again = false;
	if (scratch && to_value(d->root, scratch, &root))
		c = config_build(&root, &r);
	if (c)
		config_check(c, (struct check_build){ .validates = false }, &r);
	d->no_memory |= !c || r.no_memory;
	if (!d->no_memory) {
		n_errors = count_errors(&r);
		*again = n_errors && take_errors(d, &r);
		if (!n_errors)
			take_warnings(d, &r);
		d->no_memory |= n_errors && !*again; /* never: each error has its line */
	}
	config_free(c);
	memory_free(scratch);
	return !d->no_memory;
}

bool draft_settle(struct draft *d)
{
	bool again = true;

	while (again)
		if (!read_once(d, &again))
			return false;
	if (d->n_unsaid)
		draft_tail(d, "- %zu more comments have no room here.", d->n_unsaid);
	return !d->no_memory;
}
