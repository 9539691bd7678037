/* SPDX-License-Identifier: GPL-3.0-or-later */
/* errors.h - what is wrong with a configuration, for the operator.
 *
 * A plain list that belongs to whoever asked for the reading.  It does no output: the caller
 * gives a put function.
 */
#pragma once

#include <stddef.h>

struct memory;

/* All texts belong to the list.  file and source are set by daemon/config_read.c. */
struct config_error {
	const char *file; /* as given on the command line, or the included file */
	unsigned line;    /* from 1; 0: the file as a whole */
	const char *key;  /* full path, "ra[1].prefixes[0].valid"; "" for the file as a whole */
	const char *text; /* what is wrong */
	const char *hint; /* what to do; "" where there is nothing to add */
	const char *source; /* the offending line, printable, "" where there is none */
};

/* Errors make a configuration unusable.  Warnings do not and are for the log: --check says
 * nothing of them.  Both are sorted by their place in the text. */
struct config_errors {
	struct config_error *v;
	size_t n;
	struct config_error *warnings;
	size_t n_warnings;
	struct memory *memory;
};

/* Gives back everything and empties the list; a list of zeros is fine. */
void config_errors_free(struct config_errors *);

/* Writes "FILE:LINE: key: what is wrong (hint)\n" and, where there is one, the offending line
 * below it, indented. */
void config_error_put(const struct config_error *, void (*put)(void *arg, const char *text),
		      void *arg);
