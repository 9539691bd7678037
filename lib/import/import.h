/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import.h - the configuration of tayga, BIND or unbound, and radvd as a v6gwd.conf.
 *
 * Text in, text out.  What comes out passes `v6gwd --check`, whatever goes in; a statement that
 * has no counterpart, or that v6gwd would refuse, becomes a comment with its place and the
 * reason.
 */
#pragma once

#include "stmt.h"

#include <stdbool.h>

#define IMPORT_FILE_MAX \
	(4u << 20) /* bytes in a file; what is longer is the caller's to refuse */

struct import {
	/* Each NULL, or the file: its trouble is not looked at. */
	const struct stmt_text *tayga, *bind, *unbound, *radvd;
	stmt_include_fn *include; /* for the files these name; NULL: none */
	void *arg;
};

/* Writes the v6gwd.conf; false, and nothing written, when memory is short. */
bool import_convert(const struct import *, void (*put)(void *arg, const char *text), void *arg);
