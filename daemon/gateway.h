/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gateway.h - the root object: owns configuration, facts, planes and control socket. */
#pragma once

#include "ev.h"
#include "log.h"

#include <stdbool.h>

struct config;
struct config_errors;
struct gateway;

struct gateway_conf {
	const char *file;                   /* of the configuration, for reloads and messages */
	struct config *config;              /* becomes the gateway's */
	const struct config_errors *errors; /* of its reading: the warnings are logged */
	bool has_level;                     /* -l was given: it wins over log_level */
	enum log_level level;
	const char *version;
};

/* Opens everything and serves what can be served now.  NULL after logging, with *exit_code one
 * of sysexits.h: 77 no right, 69 held by another process, 71 the system refused. */
struct gateway *gateway_new(struct ev_loop *, const struct gateway_conf *, int *exit_code);

/* Runs until a signal ends it, then takes away what was made.  The exit code. */
int gateway_run(struct gateway *);

/* NULL is a no-op. */
void gateway_free(struct gateway *);
