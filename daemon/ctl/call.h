/* SPDX-License-Identifier: GPL-3.0-or-later */
/* call.h - one question to v6gwd over its socket, blocking: varlink's wire form. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* What v6gwctl says to the shell. */
enum call_exit {
	EXIT_CODE_OK,
	EXIT_CODE_FAILED,
	EXIT_CODE_USAGE,
	EXIT_CODE_NOT_RUNNING,
	EXIT_CODE_NOT_PERMITTED,
	EXIT_CODE_BROKEN /* doctor found something */
};

/* How many replies come. */
enum call_replies {
	CALL_ONE,
	CALL_MORE, /* until the last */
	CALL_WATCH /* until the daemon goes; there may be silence for as long as it likes */
};

/* One reply: its parameters, and the name of the error or NULL.  Both are the caller's during
 * the call only. */
typedef void call_fn(void *arg, const char *error, const json_t *parameters);

/* Asks for "io.v6gwd.Control.<method>" and calls fn for each reply.  parameters is taken.
 * Explains on stderr what goes wrong on the way; what the daemon refuses is fn's to explain,
 * and EXIT_CODE_FAILED, or EXIT_CODE_NOT_PERMITTED. */
enum call_exit call_daemon(const char *socket_path, const char *method, json_t *parameters,
			   enum call_replies, call_fn *fn, void *arg);
