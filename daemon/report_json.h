/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_json.h - the other end of a report: control.c takes the finished tree out.
 *
 * Planes include report.h only.
 */
#pragma once

#include "report.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define REPORT_DEPTH 12 /* objects and lists within each other */

struct report {
	json_t *open[REPORT_DEPTH]; /* [0] is the root, which owns all others */
	size_t depth;
	bool failed;
};

/* The report is then the inside of an object, or of a list. */
void report_open_object(struct report *);
void report_open_list(struct report *);

/* The tree, a new reference, or NULL when memory was short, or keys and ends did not fit. */
json_t *report_close(struct report *);
