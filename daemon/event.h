/* SPDX-License-Identifier: GPL-3.0-or-later */
/* event.h - what happens, to the log and to those who watch (v6gwctl monitor).
 *
 * Plane, level and MESSAGE_ID are those of the event's row in base/events.h.
 */
#pragma once

#include "base/events.h"
#include "log.h"

#include <stdbool.h>

/* As a listener gets it; everything is its for the call only. */
#define EVENT_TIME_LEN 32

struct event_news {
	enum event event;
	enum log_level level;
	const char *plane, *text;
	const struct log_fields *fields;
};

struct event_listener {
	void (*heard)(void *arg, const struct event_news *);
	void *arg;
	bool queries; /* EVENT_QUERY, too */
	struct event_listener *next;
};

void event_listen(struct event_listener *);
void event_unlisten(struct event_listener *); /* one that does not listen: nothing happens */

/* Does anybody listen?  Else event_show() need not be called. */
bool event_wanted(enum event);

/* Now, as "2026-01-31T12:00:00.123Z" (RFC 3339). */
const char *event_time_text(char out[EVENT_TIME_LEN]);

/* Into the log, and to those who listen.  fields may be NULL. */
void event_tell(enum event, const struct log_fields *, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* To those who listen only: what would be too much for a log. */
void event_show(enum event, const struct log_fields *, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The level's name in configurations and replies. */
const char *event_level_text(enum log_level);
