/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_monitor.h - Monitor: events as replies, as many as the peer takes.
 *
 * What finds CONTROL_OUT_ENOUGH bytes waiting is counted, and told as "lost" when there is room
 * again: the one to whom it happened never waits for who watches.
 */
#pragma once

#include "event.h"

#include <stdbool.h>
#include <stdint.h>

struct control_call;

struct control_monitor {
	struct event_listener listener;
	bool runs;
	uint64_t lost; /* since the last one that was told */
};

/* Begins with what state says; queries: how questions end, too. */
void control_monitor_begin(struct control_call *, const char *state, bool queries);
void control_monitor_end(struct control_call *);

/* Tells what was lost, if there is room for it; false: nothing to tell. */
bool control_monitor_next(struct control_call *);
