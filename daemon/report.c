/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report.c - the tree behind report.h, in jansson's values. */
#include "report_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void start(struct report *r, json_t *root)
{
	*r = (struct report){ .open = { root }, .depth = 1, .failed = !root };
}

void report_open_object(struct report *r)
{
	start(r, json_object());
}

void report_open_list(struct report *r)
{
	start(r, json_array());
}

/* Takes the reference to value; false and a failed report when it cannot be placed. */
static bool add(struct report *r, const char *key, json_t *value)
{
	if (r->failed || !value) {
		json_decref(value);
		r->failed = true;
		return false;
	}
	json_t *in = r->open[r->depth - 1];
	int error;

	if (json_is_array(in) && !key) {
		error = json_array_append_new(in, value);
	} else if (json_is_object(in) && key) {
		error = json_object_set_new(in, key, value);
	} else {
		json_decref(value);
		error = -1;
	}
	r->failed = error != 0;
	return !r->failed;
}

static void descend(struct report *r, const char *key, json_t *value)
{
	if (r->depth == REPORT_DEPTH)
		r->failed = true;
	if (add(r, key, value))
		r->open[r->depth++] = value;
}

void report_object(struct report *r, const char *key)
{
	descend(r, key, json_object());
}

void report_list(struct report *r, const char *key)
{
	descend(r, key, json_array());
}

void report_end(struct report *r)
{
	if (r->failed)
		return;
	if (r->depth == 1)
		r->failed = true; /* the root is ended by report_close() */
	else
		r->depth--;
}

/* Texts come from the wire and from the host too: what is not UTF-8 is shown as '?', byte by
 * byte, rather than costing the reader the whole report. */
static json_t *text_of(const char *text)
{
	json_t *value = json_string(text);
	if (value)
		return value;

	char *plain = strdup(text);
	if (!plain)
		return NULL;
	for (char *p = plain; *p; p++)
		*p = (unsigned char)*p < 0x80 ? *p : '?';
	value = json_string(plain);
	free(plain);
	return value;
}

void report_text(struct report *r, const char *key, const char *text)
{
	add(r, key, text_of(text));
}

void report_textf(struct report *r, const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add(r, key, n < 0 ? NULL : text_of(text));
}

void report_number(struct report *r, const char *key, uint64_t value)
{
	add(r, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void report_bool(struct report *r, const char *key, bool value)
{
	add(r, key, json_boolean(value));
}

void report_null(struct report *r, const char *key)
{
	add(r, key, json_null());
}

json_t *report_close(struct report *r)
{
	json_t *root = r->open[0];

	if (r->failed || r->depth != 1) {
		json_decref(root);
		root = NULL;
	}
	*r = (struct report){ .failed = true };
	return root;
}
