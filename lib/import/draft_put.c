/* SPDX-License-Identifier: GPL-3.0-or-later */
/* draft_put.c - a draft as text: what holds with where it came from, the rest as comments. */
#include "draft.h"

#include <stdio.h>
#include <string.h>

struct sink {
	void (*put)(void *arg, const char *text);
	void *arg;
	int depth;
	bool off; /* all of it as comments */
};

static void put(const struct sink *s, const char *text)
{
	s->put(s->arg, text);
}

/* What came from the files stays on its line and does not steer a terminal. */
static void put_printable(const struct sink *s, const char *text)
{
	char piece[128];
	size_t n = 0;

	for (; *text; text++) {
		piece[n++] = *text >= ' ' && *text < 0x7f ? *text : '?';
		piece[n] = '\0';
		if (n + 1 == sizeof piece)
			n = (put(s, piece), 0);
	}
	if (n)
		put(s, piece);
}

static void indent(const struct sink *s, bool comment)
{
	for (int i = 0; i < s->depth; i++)
		put(s, "\t");
	if (comment || s->off)
		put(s, "# ");
}

static void put_comment(const struct sink *s, const char *text)
{
	indent(s, true);
	put_printable(s, text);
	put(s, "\n");
}

static void put_comments(const struct sink *s, const struct draft_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		put_comment(s, lines->v[i]);
}

static void put_place(const struct sink *s, const struct stmt *from)
{
	char line[16];

	snprintf(line, sizeof line, ":%u: ", from->line);
	put_printable(s, draft_file(from));
	put(s, line);
	put_printable(s, from->said);
}

/* A value says where it is from, unless that is where its group is from. */
static void end_line(const struct sink *s, const struct draft_node *node)
{
	const struct stmt *from = node->from;

	if (from && (!node->parent || node->parent->from != from)) {
		put(s, " # ");
		put_place(s, from);
	}
	put(s, "\n");
}

static void put_refused(const struct sink *s, const struct draft_node *node)
{
	indent(s, true);
	if (node->from)
		put_place(s, node->from);
	else if (node->name)
		put_printable(s, node->name);
	put(s, ": not taken over: ");
	put_printable(s, node->refused);
	put(s, "\n");
}

static void put_scalar(const struct sink *s, const struct draft_node *node)
{
	char c[3] = "\\";

	if (node->kind == DRAFT_PLAIN) {
		put(s, node->text);
		return;
	}
	put(s, "\"");
	for (const char *p = node->text; *p; p++) {
		c[1] = *p;
		put(s, *p == '"' || *p == '\\' ? c : c + 1);
	}
	put(s, "\"");
}

/* Do all items come from one statement, so that they stand on one line? */
static bool is_short(const struct draft_node *list)
{
	size_t len = 0;

	for (size_t i = 0; i < list->n; i++) {
		len += strlen(list->v[i]->text) + 4;
		if (list->v[i]->from != list->v[0]->from || list->v[i]->n_notes ||
		    list->v[i]->refused)
			return false;
	}
	return len < 60;
}

static const struct draft_node *last_kept(const struct draft_node *list)
{
	for (size_t i = list->n; i; i--)
		if (!draft_is_gone(list->v[i - 1]))
			return list->v[i - 1];
	return NULL;
}

static const char *opening(const struct draft_node *node)
{
	return node->kind == DRAFT_GROUP ? "{" : node->groups ? "(" : "[";
}

static const char *closing(const struct draft_node *node)
{
	return node->kind == DRAFT_GROUP ? "}" : node->groups ? ")" : "]";
}

static void put_name(const struct sink *s, const struct draft_node *node)
{
	indent(s, false);
	if (node->name) {
		put(s, node->name);
		put(s, " = ");
	}
}

static bool is_line(const struct draft_node *node)
{
	return node->kind == DRAFT_TEXT || node->kind == DRAFT_PLAIN || !node->n ||
	       (node->kind == DRAFT_LIST && !node->groups && is_short(node));
}

/* A value, a short list, or an empty one. */
static void put_line(const struct sink *s, const struct draft_node *node, const char *end)
{
	const struct draft_node *origin = node;

	put_name(s, node);
	if (node->kind == DRAFT_TEXT || node->kind == DRAFT_PLAIN) {
		put_scalar(s, node);
	} else {
		put(s, opening(node));
		for (size_t i = 0; i < node->n; i++) {
			put(s, i ? ", " : " ");
			put_scalar(s, node->v[i]);
		}
		put(s, " ");
		put(s, closing(node));
		if (node->n && node->v[0]->from != node->from)
			origin = node->v[0];
	}
	put(s, end);
	end_line(s, origin);
}

/* A list of which every entry has become a comment has no brackets. */
static void put_node(struct sink *s, const struct draft_node *node, const char *end)
{
	bool was_off = s->off, bare = !node->refused && draft_is_gone(node);
	const struct draft_node *last = node->kind == DRAFT_LIST ? last_kept(node) : NULL;

	put_comments(s, &(struct draft_lines){ node->notes, node->n_notes });
	if (node->refused && (!was_off || node->refused != node->parent->refused))
		put_refused(s, node);
	if ((node->refused || bare) && !node->n)
		return;
	s->off = was_off || node->refused;
	if (is_line(node)) {
		put_line(s, node, end);
		s->off = was_off;
		return;
	}
	if (!bare) {
		put_name(s, node);
		put(s, opening(node));
		end_line(s, node);
	}
	s->depth += !bare;
	for (size_t i = 0; i < node->n; i++)
		put_node(s, node->v[i],
			 node->kind == DRAFT_GROUP ? ";"
			 : node->v[i] == last      ? ""
						   : ",");
	s->depth -= !bare;
	if (!bare) {
		indent(s, false);
		put(s, closing(node));
		put(s, end);
		put(s, "\n");
	}
	s->off = was_off;
}

void draft_put(const struct draft *d, void (*out)(void *arg, const char *text), void *arg)
{
	struct sink s = { .put = out, .arg = arg };

	put_comments(&s, &d->head);
	for (size_t i = 0; i < d->root->n; i++) {
		put(&s, "\n");
		put_node(&s, d->root->v[i], ";");
	}
	if (d->left.n)
		put(&s, "\n# Not taken over, and why:\n");
	put_comments(&s, &d->left);
	if (d->tail.n)
		put(&s, "\n");
	put_comments(&s, &d->tail);
}
