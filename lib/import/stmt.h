/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stmt.h - a foreign configuration as statements: words, and a block of statements below.
 *
 * One shape for three ways of writing: lines (tayga), `key: value` (unbound), and `words { ...
 * };` (BIND, radvd).  What the words mean is not known here.  Any bytes are read; what cannot
 * be is told with its line, and the rest is read all the same.
 */
#pragma once

#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>

#define STMT_WORD_MAX 1024u  /* bytes in a word */
#define STMT_WORDS    64u    /* in a statement */
#define STMT_DEPTH    32u    /* blocks in each other */
#define STMT_INCLUDES 8u     /* files in each other */
#define STMT_FILES    1000u  /* included, in all */
#define STMT_MAX      50000u /* in all */

struct stmt_text {
	const char *name; /* of the file, for messages */
	const char *text;
	size_t len;
	const char *trouble; /* why it cannot be read; NULL: it was */
};

/* The files that an include statement names; pattern may hold `*`, directory (NULL: not said)
 * is the working directory the file asks for.  They stay as long as the statements. */
typedef const struct stmt_text *stmt_include_fn(void *arg, const struct stmt_text *from,
						const char *pattern, const char *directory,
						size_t *n);

struct stmt;

struct stmt_list {
	struct stmt **v;
	size_t n;
};

struct stmt {
	const char *file;
	unsigned line;
	const char *said; /* as it was written, without its block: one line, printable ASCII */
	const char **words;
	size_t n_words;
	bool has_block;
	struct stmt_list block;
};

enum stmt_style { STMT_TAYGA, STMT_NAMED, STMT_UNBOUND, STMT_RADVD };

struct stmt_reader {
	struct memory *memory;
	stmt_include_fn *include; /* NULL: there are none */
	void *arg;
	/* Called for each piece that could not be read; the statement's words do not count. */
	void (*fault)(void *arg, const struct stmt *, const char *why);
	void *fault_arg;
	size_t n; /* statements so far */
	bool no_memory;
};

/* Reads a file; the list is whole also where there were faults. */
struct stmt_list stmt_read(struct stmt_reader *, enum stmt_style, const struct stmt_text *);

/* The word at i, "" where there are less. */
const char *stmt_word(const struct stmt *, size_t i);
