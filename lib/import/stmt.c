/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "stmt.h"

#include "token.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SAID_MAX 100u

const char *stmt_word(const struct stmt *st, size_t i)
{
	return i < st->n_words ? st->words[i] : "";
}

/* A list being filled, and its statement that is not complete. */
struct frame {
	struct stmt_list *list;
	struct stmt *st;       /* NULL: between two statements */
	const char *from, *to; /* its words */
	const char *why;       /* it cannot be read, or NULL */
	unsigned closed;       /* the line of its last brace */
};

/* One file being read. */
struct source {
	struct stmt_reader *r;
	const struct stmt_text *text;
	struct tokens tokens;
	struct token now;
	struct frame frames[STMT_DEPTH + 1];
	unsigned depth;
};

static void advance(struct source *s)
{
	s->now = token_next(&s->tokens);
	if (s->now.kind == TOKEN_WORD && !s->now.text)
		s->r->no_memory = true;
}

/* [from, to) on one line, without what would steer a terminal. */
static const char *shown(struct source *s, const char *from, const char *to, bool block)
{
	char out[SAID_MAX + 16];
	size_t n = 0;
	char *text;

	for (; from < to && n < SAID_MAX; from++) {
		unsigned char c = (unsigned char)*from;

		if (c <= ' ' && n && out[n - 1] != ' ')
			out[n++] = ' ';
		else if (c > ' ')
			out[n++] = c < 0x7f ? (char)c : '?';
	}
	while (n && out[n - 1] == ' ')
		n--;
	snprintf(out + n, sizeof out - n, "%s%s", from < to ? "..." : "",
		 block ? " { ... }" : "");
	text = memory_copy(s->r->memory, out, strlen(out));
	s->r->no_memory |= !text;
	return text ? text : "";
}

static struct stmt *stmt_new(struct source *s, unsigned line)
{
	struct stmt *st = memory_take(s->r->memory, sizeof *st);

	if (st)
		*st = (struct stmt){ .file = s->text->name, .line = line, .said = "" };
	s->r->no_memory |= !st;
	return st;
}

static void fault(struct source *s, const struct stmt *st, const char *why)
{
	if (st)
		s->r->fault(s->r->fault_arg, st, why);
}

static void fault_at(struct source *s, const struct token *t, const char *why)
{
	struct stmt *st = stmt_new(s, t->line);

	if (st)
		st->said = shown(s, t->start, t->end, false);
	fault(s, st, why);
}

static void append(struct stmt_reader *r, struct stmt_list *list, struct stmt *st)
{
	struct stmt **place =
		memory_append(r->memory, &list->v, list->n, sizeof(struct stmt *));

	r->no_memory |= !place;
	if (!place)
		return;
	*place = st;
	list->n++;
}

/* What is too much is told once. */
static void add(struct source *s, struct stmt_list *list, struct stmt *st)
{
	if (s->r->n == STMT_MAX)
		fault(s, st, "more statements than are read: this and all behind it are lost");
	if (s->r->n < STMT_MAX)
		append(s->r, list, st);
	s->r->n += s->r->n <= STMT_MAX;
}

/* Begins a statement with the token that is now. */
static struct frame *begin(struct source *s)
{
	struct frame *f = &s->frames[s->depth];

	if (f->st)
		return f;
	f->st = stmt_new(s, s->now.line);
	f->from = f->to = s->now.start;
	f->why = NULL;
	return f;
}

static void add_word(struct source *s, struct frame *f, const char *text)
{
	const char **place;

	if (!f->st)
		return;
	if (!f->st->has_block)
		f->to = s->now.end;
	if (s->now.fault && !f->why)
		f->why = s->now.fault;
	if (f->st->n_words == STMT_WORDS) {
		f->why = "too many words";
		return;
	}
	place = memory_append(s->r->memory, &f->st->words, f->st->n_words, sizeof(char *));
	s->r->no_memory |= !place || !text;
	if (place && text) {
		*place = text;
		f->st->n_words++;
	}
}

/* The statement is complete; missing: what should stand behind it and does not. */
static void finish(struct source *s, const char *missing)
{
	struct frame *f = &s->frames[s->depth];
	struct stmt *st = f->st;

	f->st = NULL;
	if (!st)
		return;
	st->said = shown(s, f->from, f->to, st->has_block);
	if (f->why)
		fault(s, st, f->why);
	else if (missing)
		fault(s, st, missing);
	if (!f->why)
		add(s, f->list, st);
}

/* Everything up to the brace that closes the one before. */
static void skip_block(struct source *s)
{
	size_t depth = 1;

	while (depth && s->now.kind != TOKEN_END) {
		advance(s);
		depth += s->now.kind == TOKEN_OPEN;
		depth -= s->now.kind == TOKEN_CLOSE;
	}
}

static void open_block(struct source *s)
{
	struct frame *f = begin(s);

	if (!f->st)
		return;
	f->st->has_block = true;
	if (s->depth == STMT_DEPTH) {
		f->why = "blocks in each other too deeply";
		skip_block(s);
		f->closed = s->now.line;
		return;
	}
	s->depth++;
	s->frames[s->depth] = (struct frame){ .list = &f->st->block };
}

static const char no_semicolon[] = "no semicolon behind it; what was read counts";

static void close_block(struct source *s)
{
	finish(s, no_semicolon);
	if (!s->depth) {
		fault_at(s, &s->now, "nothing is open that it could close");
		return;
	}
	s->depth--;
	s->frames[s->depth].closed = s->now.line;
}

/* After a block only what stands on its line still belongs to the statement: so a forgotten
 * semicolon does not cost the next one. */
static void read_braced_word(struct source *s)
{
	struct frame *f = &s->frames[s->depth];

	if (f->st && f->st->has_block && s->now.line != f->closed)
		finish(s, no_semicolon);
	add_word(s, begin(s), s->now.text);
}

static void read_braced(struct source *s)
{
	for (advance(s); s->now.kind != TOKEN_END; advance(s)) {
		if (s->now.kind == TOKEN_WORD)
			read_braced_word(s);
		else if (s->now.kind == TOKEN_OPEN)
			open_block(s);
		else if (s->now.kind == TOKEN_CLOSE)
			close_block(s);
		else
			finish(s, NULL);
	}
	finish(s, no_semicolon);
	for (; s->depth; finish(s, "no brace closes it; what was read counts"))
		s->depth--;
}

/* One statement a line. */
static void read_lines(struct source *s)
{
	for (advance(s); s->now.kind != TOKEN_END; advance(s)) {
		if (s->now.kind == TOKEN_WORD)
			add_word(s, begin(s), s->now.text);
		else
			finish(s, NULL);
	}
	finish(s, NULL);
}

/* The length of "key:" at the start of a word; 0 where it has none. */
static size_t key_len(const struct token *t)
{
	size_t n = 0;

	while (t->text && ((t->text[n] >= 'a' && t->text[n] <= 'z') || t->text[n] == '-' ||
			   (n && t->text[n] >= '0' && t->text[n] <= '9')))
		n++;
	return !t->quoted && n && t->text[n] == ':' ? n + 1 : 0;
}

static bool is_clause(const char *key, size_t len)
{
	static const char *const clauses[] = {
		"server:", "forward-zone:", "stub-zone:", "auth-zone:", "view:",
		"python:", "dynlib:",       "cachedb:",   "dnscrypt:",  "remote-control:",
		"dnstap:", "rpz:",          "ipset:",
	};

	for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
		if (strlen(clauses[i]) == len && strncmp(clauses[i], key, len) == 0)
			return true;
	return false;
}

/* What follows a clause's name is in its block up to the next one. */
static void begin_clause(struct source *s, size_t len)
{
	struct frame *f;

	finish(s, NULL);
	if (s->depth)
		s->depth--;
	finish(s, NULL);
	f = begin(s);
	add_word(s, f, memory_copy(s->r->memory, s->now.text, len - 1));
	if (!f->st)
		return;
	f->st->has_block = true;
	s->depth = 1;
	s->frames[1] = (struct frame){ .list = &f->st->block };
}

/* "key: value": the value may follow at once, and the next key on the same line. */
static void read_keyed_word(struct source *s)
{
	struct frame *f = &s->frames[s->depth];
	size_t len = key_len(&s->now);
	const char *rest = len ? s->now.text + len : "";

	if (len && is_clause(s->now.text, len)) {
		begin_clause(s, len);
		return;
	}
	if (len && (!f->st || (f->st->n_words > 1 && !*rest))) {
		finish(s, NULL);
		f = begin(s);
		add_word(s, f, memory_copy(s->r->memory, s->now.text, len - 1));
		if (*rest)
			add_word(s, f, rest);
	} else {
		add_word(s, begin(s), s->now.text);
	}
}

static void read_keyed(struct source *s)
{
	for (advance(s); s->now.kind != TOKEN_END; advance(s)) {
		if (s->now.kind == TOKEN_WORD)
			read_keyed_word(s);
		else
			finish(s, NULL);
	}
	finish(s, NULL);
	for (; s->depth; finish(s, NULL))
		s->depth--;
}

static struct stmt_list read_file(struct stmt_reader *r, enum stmt_style style,
				  const struct stmt_text *text)
{
	static const unsigned flags[] = {
		[STMT_TAYGA] = TOKEN_LINES,
		[STMT_NAMED] = TOKEN_BRACES | TOKEN_SLASHES | TOKEN_QUOTES,
		[STMT_UNBOUND] = TOKEN_LINES | TOKEN_QUOTES | TOKEN_APOSTROPHES,
		[STMT_RADVD] = TOKEN_BRACES | TOKEN_QUOTES | TOKEN_HASH_INSIDE,
	};
	struct stmt_list list = { 0 };
	struct source s = { .r = r, .text = text };

	s.tokens = (struct tokens){ .memory = r->memory,
				    .p = text->text,
				    .end = text->text + text->len,
				    .line = 1,
				    .flags = flags[style],
				    .word_max = STMT_WORD_MAX };
	s.frames[0].list = &list;
	if (style == STMT_TAYGA)
		read_lines(&s);
	else if (style == STMT_UNBOUND)
		read_keyed(&s);
	else
		read_braced(&s);
	if (s.tokens.fault)
		fault_at(&s, &s.now, s.tokens.fault);
	return list;
}

struct expansion {
	struct stmt_reader *r;
	enum stmt_style style;
	const char *directory; /* that the files have asked for so far */
	unsigned includes;     /* files that we are in */
	size_t files;          /* read so far */
};

static bool is_include(const struct expansion *x, const struct stmt *st)
{
	const char *word = stmt_word(st, 0);

	if (st->n_words != 2 || st->has_block || !x->r->include)
		return false;
	if (x->style == STMT_TAYGA)
		return strcasecmp(word, "map-file") == 0;
	return strcmp(word, "include") == 0 ||
	       (x->style == STMT_UNBOUND && strcmp(word, "include-toplevel") == 0);
}

/* How many of n more files are read: those that include each other several times would have no
 * end worth waiting for.  What is too much is told once. */
static size_t share(struct expansion *x, const struct stmt *st, size_t n)
{
	size_t left = x->files < STMT_FILES ? STMT_FILES - x->files : 0;

	if (n > left && x->files <= STMT_FILES)
		x->r->fault(x->r->fault_arg, st,
			    "more files than are read: those behind it are lost");
	x->files += n > left ? left + 1 : n;
	return n < left ? n : left;
}

/* The files that st names. */
static const struct stmt_text *named(struct expansion *x, const struct stmt *st, size_t *n)
{
	const struct stmt_text from = { .name = st->file }, *texts = NULL;

	*n = 0;
	if (x->includes == STMT_INCLUDES) {
		x->r->fault(x->r->fault_arg, st, "files include each other too deeply");
		return NULL;
	}
	texts = x->r->include(x->r->arg, &from, st->words[1], x->directory, n);
	if (!*n)
		x->r->fault(x->r->fault_arg, st, "no such file");
	for (size_t i = 0; i < *n; i++)
		if (texts[i].trouble)
			x->r->fault(x->r->fault_arg, st, texts[i].trouble);
	*n = share(x, st, *n);
	return texts;
}

/* Adds the list to out, with the statements of other files in the places of those that name
 * them. */
static void expand(struct expansion *x, struct stmt_list in, struct stmt_list *out)
{
	for (size_t i = 0; i < in.n; i++) {
		struct stmt *st = in.v[i];
		struct stmt_list block = st->block;
		size_t n = 0;
		const struct stmt_text *texts = is_include(x, st) ? named(x, st, &n) : NULL;

		x->includes++;
		for (size_t j = 0; j < n; j++)
			if (!texts[j].trouble)
				expand(x, read_file(x->r, x->style, &texts[j]), out);
		x->includes--;
		if (is_include(x, st))
			continue;
		if (strcmp(stmt_word(st, 0), "directory") == 0 && st->n_words == 2)
			x->directory = st->words[1];
		st->block = (struct stmt_list){ 0 };
		expand(x, block, &st->block);
		append(x->r, out, st);
	}
}

struct stmt_list stmt_read(struct stmt_reader *r, enum stmt_style style,
			   const struct stmt_text *text)
{
	struct expansion x = { .r = r, .style = style };
	struct stmt_list out = { 0 };

	expand(&x, read_file(r, style, text), &out);
	return out;
}
