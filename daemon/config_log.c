/* SPDX-License-Identifier: GPL-3.0-or-later */
#define LOG_PLANE "gateway"

#include "config_log.h"

#include "report.h"

#include <stdio.h>

void config_log(enum log_level level, const struct config_error *e)
{
	char line[16] = "";

	if (e->line)
		snprintf(line, sizeof line, ":%u", e->line);
	log_line(level, LOG_PLANE, NULL, "%s%s: %s%s%s%s%s%s", e->file, line, e->key,
		 *e->key ? ": " : "", e->text, *e->hint ? " (" : "", e->hint,
		 *e->hint ? ")" : "");
}

void config_report(struct report *r, const struct config_error *e)
{
	report_object(r, NULL);
	report_text(r, "file", e->file);
	report_number(r, "line", e->line);
	report_text(r, "source", e->source);
	report_text(r, "key", e->key);
	report_text(r, "text", e->text);
	report_text(r, "hint", e->hint);
	report_end(r);
}
