/* SPDX-License-Identifier: GPL-3.0-or-later */
/* draft.h - a v6gwd.conf on its way: what shall stand in it, where each came from, and what
 * does not come along and why.
 *
 * Values are put in as the old files have them.  draft_settle() reads the draft as v6gwd would
 * (build.h, check.h), so the option table alone says what is right; what it refuses becomes a
 * comment with the table's reason.  No call fails: short memory shows in draft_settle().
 */
#pragma once

#include "stmt.h"

#include <stdbool.h>
#include <stddef.h>

enum draft_kind { DRAFT_TEXT, DRAFT_PLAIN, DRAFT_LIST, DRAFT_GROUP };

struct draft_node {
	enum draft_kind kind;
	const char *name; /* NULL in a list */
	const char *text; /* of DRAFT_TEXT; of DRAFT_PLAIN (a number, true, false) as written */
	const struct stmt *from; /* NULL: ours */
	const char **notes;      /* comments above it */
	size_t n_notes;
	struct draft_node *parent, **v;
	size_t n;
	bool vital;          /* its parent is nothing without it */
	bool groups;         /* a list of groups: ( ) */
	bool optional;       /* a list that says nothing when it is empty */
	unsigned number;     /* among all, from 1; 0: the file */
	const char *refused; /* why it is a comment; NULL: it is not */
};

struct draft_lines {
	const char **v;
	size_t n;
};

struct draft {
	struct memory *memory;
	struct draft_node *root, **nodes; /* all, by their number - 1 */
	size_t n_nodes;
	struct draft_lines head, left, tail;
	size_t n_settings, n_comments; /* bytes, roughly, as they will be written */
	size_t n_unsaid;               /* comments that there is no room for */
	struct draft_node scrap;       /* what a setting that finds no memory goes to */
	bool no_memory;
};

struct draft *draft_new(struct memory *);
struct memory *draft_memory(struct draft *);
struct draft_node *draft_root(struct draft *);

/* The node of that name in a group, or NULL. */
struct draft_node *draft_find(const struct draft_node *group, const char *name);

/* The text of the node of that name in a group, "" where there is none. */
const char *draft_value(const struct draft_node *group, const char *name);

/* The group of that name in a group, made where it is not there. */
struct draft_node *draft_group(struct draft *, struct draft_node *group, const char *name);

/* Sets a value.  What the same file said before is replaced, what another file said stays; both
 * are told.  The node that holds the value now. */
struct draft_node *draft_text(struct draft *, struct draft_node *group, const char *name,
			      const char *text, const struct stmt *from);
struct draft_node *draft_plain(struct draft *, struct draft_node *group, const char *name,
			       const char *text, const struct stmt *from);

/* The list of that name in a group, made where it is not there. */
struct draft_node *draft_list(struct draft *, struct draft_node *group, const char *name,
			      const struct stmt *from);
/* Adds a text that is not in the list yet, or a group. */
void draft_item(struct draft *, struct draft_node *list, const char *text,
		const struct stmt *from);
struct draft_node *draft_entry(struct draft *, struct draft_node *list,
			       const struct stmt *from);

/* A comment above a node; with a statement in front of it, where there is one. */
void draft_note(struct draft *, struct draft_node *, const struct stmt *, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A statement that does not come along, and why. */
void draft_left(struct draft *, const struct stmt *, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The name of its file, or the end of that where it is long. */
const char *draft_file(const struct stmt *);

/* Comments above and below all. */
void draft_head(struct draft *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void draft_tail(struct draft *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Formatted text that lasts as long as the draft; "" when memory is short. */
const char *draft_printf(struct draft *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Turns into comments what v6gwd would refuse.  False when memory is short. */
bool draft_settle(struct draft *);

/* Is nothing of it written but comments? */
bool draft_is_gone(const struct draft_node *);

/* Writes the file. */
void draft_put(const struct draft *, void (*put)(void *arg, const char *text), void *arg);
