/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_call.h - what is said on a control connection: requests to replies, no I/O.
 *
 * varlink's messages: a JSON object and a NUL byte each.  Who asks is judged in control.c, what
 * they may do here.
 */
#pragma once

#include "control.h"
#include "control_buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_NOT_PERMITTED "io.v6gwd.Control.NotPermitted"
#define CONTROL_TOO_MANY      "io.v6gwd.Control.TooManyClients"
#define CONTROL_TOO_LARGE     "io.v6gwd.Control.RequestTooLarge"

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
	struct checkup *checkup; /* or Doctor: its steps are not there yet */
	void (*wake)(void *arg); /* the answer has come; not called within a request */
	void *wake_arg;
	size_t next; /* where the mappings behind it begin */
};

/* Answers one request of len bytes, without its NUL. */
void control_call_request(struct control_call *, const char *text, size_t len);

/* Writes the next reply of a list under way; false when there is none. */
bool control_call_next(struct control_call *);

/* Writes an error that is not the answer to a request. */
void control_call_error(struct control_call *, const char *error);

void control_call_done(struct control_call *);
