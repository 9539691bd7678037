/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_monitor.c - see the header. */
#include "control_monitor.h"

#include "control_call.h"

#include <stdio.h>

static json_t *object_of(const char *plane, const char *event, enum log_level level,
			 const char *text)
{
	char time[EVENT_TIME_LEN];

	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "time", event_time_text(time), "plane",
			 plane, "event", event, "level", event_level_text(level), "text", text);
}

static void add(json_t *object, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(object, key, json_string(value));
}

static void tell_lost(struct control_call *c)
{
	char text[64];

	snprintf(text, sizeof text, "%llu events were lost: they were not read in time",
		 (unsigned long long)c->monitor.lost);
	json_t *object = object_of("gateway", "lost", LOG_LEVEL_WARNING, text);
	if (object)
		json_object_set_new(object, "n", json_integer((json_int_t)c->monitor.lost));
	c->monitor.lost = 0;
	control_call_stream(c, object);
}

static void on_event(void *arg, const struct event_news *news)
{
	struct control_call *c = arg;

	if (c->failed)
		return;
	if (control_buf_len(&c->out) >= CONTROL_OUT_ENOUGH) {
		c->monitor.lost++;
		return;
	}
	control_monitor_next(c);

	json_t *object = object_of(news->plane, news->fields->event, news->level, news->text);
	if (object) {
		add(object, "message_id", news->fields->message_id);
		add(object, "about", news->fields->about);
		add(object, "iface", news->fields->iface);
		add(object, "client", news->fields->client);
		add(object, "mac", news->fields->mac);
		add(object, "ipv4", news->fields->ipv4);
		add(object, "name", news->fields->name);
	}
	control_call_stream(c, object);
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

	c->monitor.listener =
		(struct event_listener){ .heard = on_event, .arg = c, .queries = queries };
	c->monitor.runs = true;
	event_listen(&c->monitor.listener);
	control_call_stream(c, object_of(row->plane, row->name, LOG_LEVEL_INFO, state));
}

void control_monitor_end(struct control_call *c)
{
	if (c->monitor.runs)
		event_unlisten(&c->monitor.listener);
	c->monitor.runs = false;
}
