/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.h - a plane describes itself: a tree of named values for the control socket.
 *
 * Owns jansson on the daemon's side together with control.c; planes only see these calls.  key
 * is NULL inside a list.  Failures (memory) are sticky and come out as an error of the request.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct report;

void report_object(struct report *, const char *key); /* until the matching report_end() */
void report_list(struct report *, const char *key);   /* likewise */
void report_end(struct report *);

void report_text(struct report *, const char *key, const char *text);
void report_textf(struct report *, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void report_number(struct report *, const char *key, uint64_t value);
void report_bool(struct report *, const char *key, bool value);
void report_null(struct report *, const char *key);
