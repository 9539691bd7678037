/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "named_acl.h"

#include "convert.h"

#include <string.h>
#include <strings.h>

#define DEPTH_MAX 16u

/* The acl statement of that name, or NULL. */
static struct stmt *find(const struct named_acl *a, const char *name)
{
	for (size_t i = 0; i < a->file->n; i++) {
		struct stmt *st = a->file->v[i];

		if (st->n_words == 2 && st->has_block && strcmp(st->words[0], "acl") == 0 &&
		    strcasecmp(st->words[1], name) == 0)
			return st;
	}
	return NULL;
}

/* An element without its "!". */
struct element {
	const char *word;  /* "" before a block */
	bool negated, odd; /* odd: more words than one */
};

static struct element read_element(const struct stmt *st)
{
	struct element e = { .word = stmt_word(st, 0) };
	size_t used = st->n_words > 0;

	if (*e.word == '!') {
		e.negated = true;
		e.word++;
		if (!*e.word && !st->has_block) {
			e.word = stmt_word(st, 1);
			used = 2;
		}
	}
	e.odd = st->n_words > used || (st->has_block && *e.word);
	return e;
}

static bool is_used(const struct named_acl *a, const struct stmt *acl)
{
	for (size_t i = 0; i < a->used.n; i++)
		if (a->used.v[i] == acl)
			return true;
	return false;
}

static void use(struct named_acl *a, struct stmt *acl)
{
	struct stmt **place;

	if (is_used(a, acl))
		return;
	place = memory_append(draft_memory(a->d), &a->used.v, a->used.n, sizeof(struct stmt *));
	if (!place)
		return;
	*place = acl;
	a->used.n++;
}

void named_acl_leave(struct named_acl *a)
{
	for (size_t i = 0; i < a->file->n; i++) {
		const struct stmt *st = a->file->v[i];

		if (strcmp(stmt_word(st, 0), "acl") == 0 && st->has_block && !is_used(a, st))
			draft_left(a->d, st, "no list that came along uses it");
	}
}

struct walk {
	struct named_acl *a;
	named_acl_fn *fn;
	void *arg;
};

static void walk_block(struct walk *w, const struct stmt_list *block, bool negated,
		       unsigned depth)
{
	struct draft *d = w->a->d;

	for (size_t i = 0; i < block->n; i++) {
		const struct stmt *st = block->v[i];
		struct element e = read_element(st);
		struct stmt *acl = find(w->a, e.word);
		bool no = negated || e.negated;

		if (!w->a->left || depth == DEPTH_MAX) {
			draft_left(d, st,
				   "too many entries, or lists in each other too deeply");
			return;
		}
		w->a->left--;
		if (acl && !e.odd)
			use(w->a, acl);
		if (e.odd)
			draft_left(d, st, "keys and countries are not known to v6gwd's ACLs");
		else if (st->has_block)
			walk_block(w, &st->block, no, depth + 1);
		else if (acl)
			walk_block(w, &acl->block, no, depth + 1);
		else
			w->fn(w->arg, convert_net(d, e.word), no, st);
	}
}

void named_acl_walk(struct named_acl *a, const struct stmt_list *block, named_acl_fn *fn,
		    void *arg)
{
	struct walk w = { a, fn, arg };

	walk_block(&w, block, false, 0);
}

struct writing {
	struct draft *d;
	struct draft_node *list;
	bool positive; /* has an entry that lets in, or "none" at its end */
};

static void on_entry(void *arg, const char *what, bool negated, const struct stmt *st)
{
	struct writing *w = arg;
	bool none = strcasecmp(what, "none") == 0;

	if (none && negated)
		what = "any";
	else if (negated)
		what = draft_printf(w->d, "!%s", what);
	draft_item(w->d, w->list, what, st);
	w->positive |= !negated || none;
}

void named_acl_write(struct named_acl *a, struct draft_node *group, const char *key,
		     const struct stmt *st)
{
	struct writing w = { .d = a->d };

	if (draft_find(group, key)) {
		draft_left(a->d, st, "said already, which holds");
		return;
	}
	w.list = draft_list(a->d, group, key, st);
	named_acl_walk(a, &st->block, on_entry, &w);
	if (w.positive || !w.list->n)
		return;
	draft_note(a->d, w.list, st,
		   "only exceptions, without `any` at the end: in BIND that is nobody");
	draft_item(a->d, w.list, "none", st);
}
