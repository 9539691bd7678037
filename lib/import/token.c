/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' || c == '\0';
}

static bool starts(const struct tokens *t, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(t->end - t->p) >= len && memcmp(t->p, with, len) == 0;
}

static void skip_line(struct tokens *t)
{
	while (t->p < t->end && *t->p != '\n')
		t->p++;
}

static void skip_comment(struct tokens *t)
{
	for (t->p += 2; t->p < t->end; t->p++) {
		if (starts(t, "*/")) {
			t->p += 2;
			return;
		}
		t->line += *t->p == '\n';
	}
	t->fault = "a comment that does not end";
}

static void skip_blanks(struct tokens *t)
{
	while (t->p < t->end) {
		if (*t->p == '\n' && !(t->flags & TOKEN_LINES)) {
			t->line++;
			t->p++;
		} else if (is_blank(*t->p)) {
			t->p++;
		} else if (*t->p == '#' || ((t->flags & TOKEN_SLASHES) && starts(t, "//"))) {
			skip_line(t);
		} else if ((t->flags & TOKEN_SLASHES) && starts(t, "/*")) {
			skip_comment(t);
		} else {
			return;
		}
	}
}

static bool is_brace(char c)
{
	return c == '{' || c == '}' || c == ';';
}

static bool is_quote(const struct tokens *t, char c)
{
	return (c == '"' && (t->flags & TOKEN_QUOTES)) ||
	       (c == '\'' && (t->flags & TOKEN_APOSTROPHES));
}

static bool ends_word(const struct tokens *t, char c)
{
	return is_blank(c) || c == '\n' || is_quote(t, c) ||
	       (is_brace(c) && (t->flags & TOKEN_BRACES)) ||
	       (c == '#' && (t->flags & TOKEN_HASH_INSIDE));
}

static void keep(struct tokens *t, struct token *k, const char *from, size_t len)
{
	if (len > t->word_max) {
		k->fault = "a word that is too long";
		len = 0;
	}
	k->text = memory_copy(t->memory, from, len);
}

static void read_word(struct tokens *t, struct token *k)
{
	while (t->p < t->end && !ends_word(t, *t->p))
		t->p++;
	keep(t, k, k->start, (size_t)(t->p - k->start));
}

/* Takes the backslashes out of text, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		*out++ = *text;
	}
	*out = '\0';
}

static void read_quoted(struct tokens *t, struct token *k)
{
	char quote = *t->p++;
	bool escapes = t->flags & TOKEN_SLASHES;
	const char *from = t->p;
	char *text;

	k->quoted = true;
	while (t->p < t->end && *t->p != quote && *t->p != '\n')
		t->p += escapes && *t->p == '\\' && t->p + 1 < t->end && t->p[1] != '\n' ? 2
											 : 1;
	keep(t, k, from, (size_t)(t->p - from));
	if (t->p < t->end && *t->p == quote)
		t->p++;
	else
		k->fault = "a text without its closing quote";
	text = escapes && k->text ? memory_copy(t->memory, k->text, strlen(k->text)) : NULL;
	if (text) {
		unescape(text);
		k->text = text;
	}
}

struct token token_next(struct tokens *t)
{
	struct token k = { .kind = TOKEN_WORD };

	skip_blanks(t);
	k.line = t->line;
	k.start = t->p;
	if (t->p == t->end) {
		k.kind = TOKEN_END;
	} else if (*t->p == '\n') {
		k.kind = TOKEN_NEWLINE;
		t->line++;
		t->p++;
	} else if (is_brace(*t->p) && (t->flags & TOKEN_BRACES)) {
		k.kind = *t->p == '{'   ? TOKEN_OPEN
			 : *t->p == '}' ? TOKEN_CLOSE
					: TOKEN_SEMICOLON;
		t->p++;
	} else if (is_quote(t, *t->p)) {
		read_quoted(t, &k);
	} else {
		read_word(t, &k);
	}
	k.end = t->p;
	return k;
}
