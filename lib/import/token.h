/* SPDX-License-Identifier: GPL-3.0-or-later */
/* token.h - words, braces, semicolons and line ends of a configuration, without comments. */
#pragma once

#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	TOKEN_BRACES = 1 << 0,      /* { } ; stand for themselves */
	TOKEN_LINES = 1 << 1,       /* a line end is a token */
	TOKEN_SLASHES = 1 << 2,     /* comments of C and C++, too; \ before a quote in a text */
	TOKEN_HASH_INSIDE = 1 << 3, /* # begins a comment also behind a word */
	TOKEN_QUOTES = 1 << 4,      /* "texts" */
	TOKEN_APOSTROPHES = 1 << 5, /* 'texts' */
};

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_SEMICOLON,
	TOKEN_NEWLINE
};

struct token {
	enum token_kind kind;
	unsigned line;
	const char *start, *end; /* where it stands, with its quotes */
	const char *text;        /* of a word; NULL when memory is short */
	bool quoted;
	const char *fault; /* why the word is not what was meant, or NULL */
};

struct tokens {
	struct memory *memory;
	const char *p, *end;
	unsigned line, flags;
	size_t word_max;
	const char *fault; /* of a comment that has no end */
};

/* The next token; TOKEN_END again and again behind the last. */
struct token token_next(struct tokens *);
