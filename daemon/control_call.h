/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_call.h - what is said on a control connection: requests to replies, no I/O.
 *
 * varlink's messages: a JSON object and a NUL byte each.  Who asks is judged in control.c, what
 * they may do here.
 */
#pragma once

#include "control.h"
#include "control_buf.h"
#include "control_monitor.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_NOT_PERMITTED "io.v6gwd.Control.NotPermitted"
#define CONTROL_TOO_MANY      "io.v6gwd.Control.TooManyClients"
#define CONTROL_TOO_LARGE     "io.v6gwd.Control.RequestTooLarge"

/* More is not produced before some of it is taken. */
#define CONTROL_OUT_ENOUGH 65536u

/* What all connections have in common. */
struct control_service {
	const struct control_ops *ops;
	void *arg;
	const char *version;
};

/* One connection's conversation. */
struct control_call {
	const struct control_service *service;
	bool may_change;
	uint64_t now_ms; /* set before every call here */
	struct control_buf out;
	bool failed; /* memory was short, or the peer speaks something else: no further call */

	bool more, oneway;  /* of the request in hand */
	json_t *parameters; /* of the request in hand, while it is called */
	json_t *row;        /* ListMappings under way: the next reply's parameters, or NULL */
	bool waits;         /* QueryDns, Doctor: the answer is not there yet */
	uint64_t query;     /* its number */
	struct checkup *checkup;        /* or Doctor: its steps are not there yet */
	struct control_monitor monitor; /* runs: until the peer goes */
	void (*wake)(void *arg); /* there is something to send; not called within a request */
	void *wake_arg;
	size_t next; /* where the mappings behind it begin */
};

/* Answers one request of len bytes, without its NUL. */
void control_call_request(struct control_call *, const char *text, size_t len);

/* Writes the next reply of a list under way; false when there is none. */
bool control_call_next(struct control_call *);

/* Would it? */
bool control_call_has_next(const struct control_call *);

/* Writes an error that is not the answer to a request. */
void control_call_error(struct control_call *, const char *error);

/* Writes one reply of many; takes the reference to parameters, NULL when memory was short. */
void control_call_stream(struct control_call *, json_t *parameters);

void control_call_done(struct control_call *);
