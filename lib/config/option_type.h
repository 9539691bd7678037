/* SPDX-License-Identifier: GPL-3.0-or-later */
/* option_type.h - how each type of the option table is read, written and described.
 *
 * Knows nothing of single keys.  Reading adds an error and leaves the field untouched when the
 * value is refused.
 */
#pragma once

#include "base/memory.h"
#include "options.h"
#include "value.h"

#include <stdbool.h>
#include <stddef.h>

/* Where a field came from: errors found later (check.c) are told by the address of the field.
 */
struct option_mark {
	const void *field;
	const char *key;
	unsigned line;
	bool given;   /* written in the file, not defaulted */
	bool refused; /* its value is not what the operator meant */
	bool open;    /* it may still be written behind a fault that ended the reading */
};

struct option_error {
	unsigned line;
	const char *key, *text, *hint;
	bool warning;
};

/* What reading one text needs and leaves.  memory holds what the configuration points to,
 * scratch what only the reading needs. */
struct option_reader {
	struct memory *memory, *scratch;
	struct option_error *errors;
	size_t n_errors;
	struct option_mark *marks;
	size_t n_marks;
	const char *key; /* path of the key being read */
	unsigned line;   /* its line */
	size_t item;     /* index in its list, or OPTION_NO_ITEM */
	bool given;      /* from the file, not from a default text */
	bool open;       /* what is not given may stand behind a fault */
	bool no_memory;
};

#define OPTION_NO_ITEM SIZE_MAX

/* Adds an error for what is being read; always false. */
bool option_refuse(struct option_reader *, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Likewise a warning. */
void option_warn(struct option_reader *, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds an error or warning for a key by its path. */
void option_report(struct option_reader *, const struct option_error *);

/* Remembers where a field (of the key, or an element of its list) came from. */
void option_mark(struct option_reader *, const void *field, bool refused);

/* Reads a value of any type but OPTION_GROUP and OPTION_GROUPS into the struct at base. */
bool option_read(struct option_reader *, const struct option *, const struct value *,
		 void *base);

/* Reads a default text, `"auto"`, `[ "any" ]`, `1500`, `true`, as libconfig would.  False when
 * it is none or memory is short. */
bool option_preset(struct memory *, const char *text, struct value *out);

/* Writes the value as it would stand in a file. */
void option_put(const struct option *, const void *base,
		void (*put)(void *arg, const char *text), void *arg);

/* What a value looks like, for messages and the man page: "a number". */
const char *option_type_text(const struct option *);

/* The bounds of a row, "1280 to 65535", or "". */
const char *option_bounds(const struct option *, char *out, size_t out_len);

/* Milliseconds as they are written in the file, "2h4m" or "infinite", into out. */
#define OPTION_DURATION_LEN 96
const char *option_duration(int64_t ms, char out[OPTION_DURATION_LEN]);
