/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "events.h"

const struct event_row *event_row(enum event event)
{
	static const struct event_row rows[] = {
#define EVENT_ROW(id, name, plane, level, message_id, subject) { name, plane, message_id },
		EVENTS(EVENT_ROW)
#undef EVENT_ROW
	};

	return &rows[event];
}
