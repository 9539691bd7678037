/* SPDX-License-Identifier: GPL-3.0-or-later */
/* value.h - what a configuration file says, before it is known what it means.
 *
 * Made by daemon/config_read.c from libconfig's tree and by the option table from its default
 * texts, read by options.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type {
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_FRACTION, /* no key takes one */
	VALUE_BOOL,
	VALUE_LIST, /* [ ] or ( ) */
	VALUE_GROUP,
};

struct value {
	enum value_type type;
	const char *name; /* in a group; else NULL */
	unsigned line;    /* of its name, else of the value */
	bool refused;     /* an error has been reported already; only its type counts */
	bool cut;         /* a list or group that goes on behind a syntax error */
	const char *text;
	int64_t number; /* a boolean: 0 or 1 */
	struct value *v;
	size_t n;
};
