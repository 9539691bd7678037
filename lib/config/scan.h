/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scan.h - reads a text in libconfig's language for what libconfig does not tell.
 *
 * libconfig 1.5 says "syntax error" with a line, wraps integers of more than 32 bits, reads 010
 * as 10, lets a NUL cut a string and gives a string in a list the line of what follows it.  The
 * scanner names the fault, says up to where the text is whole, refuses such values and knows
 * the line of each.  It makes no tree: that is libconfig's.
 */
#pragma once

#include "base/memory.h"

#include <stdbool.h>
#include <stddef.h>

#define SCAN_DEPTH 32u /* groups and lists in each other */

struct scan_error {
	unsigned line;
	const char *key; /* full path, "" where there is none */
	const char *text, *hint;
};

/* One value, in the order of the text; the text itself is not among them. */
struct scan_value {
	unsigned line; /* of its name, else of the value */
	bool refused;  /* there is an error for it */
};

struct scan {
	struct scan_error *errors; /* in the order of the text */
	size_t n_errors;
	bool faulty;  /* the last error is a fault of syntax: nothing behind it was read */
	size_t whole; /* bytes before this are whole */
	char closing[SCAN_DEPTH]; /* brackets to be closed there, in order */
	size_t n_closing;
	struct scan_value *values; /* those that begin before `whole` come first */
	size_t n_values;
};

/* Reads len bytes, which may hold anything.  Lines count from 1.  False when memory is short.
 */
bool scan_text(struct memory *, const char *text, size_t len, struct scan *out);

/* Where a line is in a text, for "@include": is p, at the start of a line, such a directive?
 * Then *name and *name_len are the file's name and the result is what follows the directive on
 * its line; else NULL. */
const char *scan_include(const char *p, const char *end, const char **name, size_t *name_len);

/* What a line leaves open for the next one. */
enum scan_state { SCAN_PLAIN, SCAN_COMMENT };

/* The state behind the line [p, end), which began in the given state. */
enum scan_state scan_line(const char *p, const char *end, enum scan_state);
