/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "option_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void option_report(struct option_reader *r, const struct option_error *e)
{
	struct option_error *new;

	for (size_t i = 0; i < r->n_errors; i++) {
		struct option_error *old = &r->errors[i];

		if (old->line == e->line && strcmp(old->key, e->key) == 0 &&
		    strcmp(old->text, e->text) == 0)
			return;
	}
	new = memory_append(r->scratch, &r->errors, r->n_errors, sizeof *r->errors);
	if (new) {
		*new = *e;
		r->n_errors++;
	}
	r->no_memory |= !new;
}

static const char *item_key(struct option_reader *r)
{
	if (r->item == OPTION_NO_ITEM)
		return r->key;
	return memory_printf(r->scratch, "%s[%zu]", r->key, r->item);
}

__attribute__((format(printf, 4, 0))) static void report(struct option_reader *r, bool warning,
							 const char *hint, const char *fmt,
							 va_list args)
{
	char text[512];
	struct option_error e = { .line = r->line, .key = item_key(r), .warning = warning };

	vsnprintf(text, sizeof text, fmt, args);
	e.text = memory_copy(r->scratch, text, strlen(text));
	e.hint = memory_copy(r->scratch, hint, strlen(hint));
	if (e.key && e.text && e.hint)
		option_report(r, &e);
	else
		r->no_memory = true;
}

bool option_refuse(struct option_reader *r, const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(r, false, hint, fmt, args);
	va_end(args);
	return false;
}

void option_warn(struct option_reader *r, const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(r, true, hint, fmt, args);
	va_end(args);
}

void option_mark(struct option_reader *r, const void *field, bool refused)
{
	struct option_mark *mark =
		memory_append(r->scratch, &r->marks, r->n_marks, sizeof *r->marks);
	const char *key = item_key(r);

	if (!mark || !key) {
		r->no_memory = true;
		return;
	}
	*mark = (struct option_mark){ field,    key,     r->line,
				      r->given, refused, r->open && !r->given };
	r->n_marks++;
}

bool option_no_memory(struct option_reader *r)
{
	r->no_memory = true;
	return false;
}

/* Values in messages are cut at this. */
int option_shown(const char *text)
{
	size_t len = strlen(text);

	return len < 80 ? (int)len : 80;
}

const char *option_type_of(const struct value *v)
{
	switch (v->type) {
	case VALUE_TEXT:
		return "text";
	case VALUE_NUMBER:
		return "a number";
	case VALUE_FRACTION:
		return "a number with a fraction";
	case VALUE_BOOL:
		return "true or false";
	case VALUE_LIST:
		return "a list";
	case VALUE_GROUP:
		return "a group";
	}
	return "";
}

bool option_wrong_type(struct option_reader *r, const struct option *o, const struct value *v)
{
	char hint[128] = "";

	if (o->example || o->preset)
		snprintf(hint, sizeof hint, "for example %s",
			 o->example ? o->example : o->preset);
	return option_refuse(r, hint, "must be %s, not %s", option_type_text(o),
			     option_type_of(v));
}
