/* SPDX-License-Identifier: GPL-3.0-or-later */
/* event.c - see event.h.  Who listens is a list of the process, as the log is. */
#include "event.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define TEXT_LEN 1024

static struct event_listener *listeners;

void event_listen(struct event_listener *l)
{
	l->next = listeners;
	listeners = l;
}

void event_unlisten(struct event_listener *l)
{
	for (struct event_listener **at = &listeners; *at; at = &(*at)->next) {
		if (*at == l) {
			*at = l->next;
			return;
		}
	}
}

static bool wants(const struct event_listener *l, enum event event)
{
	return event != EVENT_QUERY || l->queries;
}

bool event_wanted(enum event event)
{
	for (const struct event_listener *l = listeners; l; l = l->next)
		if (wants(l, event))
			return true;
	return false;
}

static enum log_level level_of(enum event event)
{
	static const enum log_level levels[] = {
#define EVENT_LEVEL(id, name, plane, level, message_id, subject) LOG_LEVEL_##level,
		EVENTS(EVENT_LEVEL)
#undef EVENT_LEVEL
	};

	return levels[event];
}

const char *event_level_text(enum log_level level)
{
	static const char *const texts[] = { "error", "warning", "notice", "info", "debug" };

	return texts[level];
}

const char *event_time_text(char out[EVENT_TIME_LEN])
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t n = strftime(out, EVENT_TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, EVENT_TIME_LEN - n, ".%03uZ", (unsigned)(now.tv_nsec / 1000000));
	return out;
}

static void show(enum event event, const struct log_fields *fields, const char *text)
{
	const struct event_news news = { event, level_of(event), fields->plane, text, fields };

	for (struct event_listener *l = listeners; l; l = l->next)
		if (wants(l, event))
			l->heard(l->arg, &news);
}

/* The fields with what the event's row says. */
static struct log_fields complete(enum event event, const struct log_fields *fields)
{
	const struct event_row *row = event_row(event);
	struct log_fields f = fields ? *fields : (struct log_fields){ 0 };

	f.message_id = row->message_id;
	f.event = row->name;
	f.plane = f.plane ? f.plane : row->plane;
	return f;
}

void event_tell(enum event event, const struct log_fields *fields, const char *fmt, ...)
{
	struct log_fields f = complete(event, fields);
	char text[TEXT_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	log_line(level_of(event), f.plane, &f, "%s", text);
	show(event, &f, text);
}

void event_show(enum event event, const struct log_fields *fields, const char *fmt, ...)
{
	struct log_fields f = complete(event, fields);
	char text[TEXT_LEN];
	va_list ap;

	if (!event_wanted(event))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	show(event, &f, text);
}
