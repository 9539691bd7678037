/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show.h - replies for people. */
#pragma once

#include "table.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

struct show {
	FILE *out;
	bool colour, nonzero;
	struct table table; /* of replies that come row by row */
};

/* Each takes the parameters of one reply. */
void show_status(struct show *, const json_t *);
void show_dns(struct show *, const json_t *);
void show_dns_query(struct show *, const json_t *);
void show_doctor(struct show *, const json_t *);
void show_doctor_alone(struct show *, const json_t *seen); /* v6gwd does not run */
void show_ra(struct show *, const json_t *);
void show_mapping(struct show *, const json_t *);
void show_event(struct show *, const json_t *); /* of a monitor */
void show_counters(struct show *, const json_t *);
void show_text(struct show *, const json_t *);     /* the member "text", as it is */
void show_warnings(struct show *, const json_t *); /* of a reload */

/* After the last reply. */
void show_mappings_end(struct show *);

/* The member key as text, "" where there is none. */
const char *show_text_at(const json_t *object, const char *key);

/* Likewise a number, 0. */
uint64_t show_number_at(const json_t *object, const char *key);

/* The rest of a line, without what would steer a terminal. */
void show_rest(FILE *, const char *fmt, va_list);

/* Why the daemon refused, on stderr. */
void show_error(const char *error, const json_t *parameters);
