/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_monitor.c - see the header. */
#include "control_monitor.h"

#include "control_call.h"
#include "report_json.h"

#include <stdio.h>

static void begin(struct report *r, const char *plane, const char *event, enum log_level level,
		  const char *text)
{
	char time[EVENT_TIME_LEN];

	report_open_object(r);
	report_text(r, "time", event_time_text(time));
	report_text(r, "plane", plane);
	report_text(r, "event", event);
	report_text(r, "level", event_level_text(level));
	report_text(r, "text", text);
}

static void add(struct report *r, const char *key, const char *value)
{
	if (value && *value)
		report_text(r, key, value);
}

static void tell_lost(struct control_call *c)
{
	struct report r;
	char text[64];

	snprintf(text, sizeof text, "%llu events were lost: they were not read in time",
		 (unsigned long long)c->monitor.lost);
	begin(&r, "gateway", "lost", LOG_LEVEL_WARNING, text);
	report_number(&r, "n", c->monitor.lost);
	c->monitor.lost = 0;
	control_call_stream(c, report_close(&r));
}

static void on_event(void *arg, const struct event_news *news)
{
	const struct log_fields *f = news->fields;
	struct control_call *c = arg;
	struct report r;

	if (c->failed)
		return;
	if (control_buf_len(&c->out) >= CONTROL_OUT_ENOUGH) {
		c->monitor.lost++;
		return;
	}
	control_monitor_next(c);
	begin(&r, news->plane, f->event, news->level, news->text);
	add(&r, "message_id", f->message_id);
	add(&r, "about", f->about);
	add(&r, "iface", f->iface);
	add(&r, "client", f->client);
	add(&r, "mac", f->mac);
	add(&r, "ipv4", f->ipv4);
	add(&r, "name", f->name);
	control_call_stream(c, report_close(&r));
	c->wake(c->wake_arg);
}

bool control_monitor_next(struct control_call *c)
{
	if (!c->monitor.lost || control_buf_len(&c->out) >= CONTROL_OUT_ENOUGH)
		return false;
	tell_lost(c);
	return true;
}

void control_monitor_begin(struct control_call *c, const char *state, bool queries)
{
	const struct event_row *row = event_row(EVENT_STATUS);
	struct report r;

	c->monitor.listener =
		(struct event_listener){ .heard = on_event, .arg = c, .queries = queries };
	c->monitor.runs = true;
	event_listen(&c->monitor.listener);
	begin(&r, row->plane, row->name, LOG_LEVEL_INFO, state);
	control_call_stream(c, report_close(&r));
}

void control_monitor_end(struct control_call *c)
{
	if (c->monitor.runs)
		event_unlisten(&c->monitor.listener);
	c->monitor.runs = false;
}
