/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_log.h - errors and warnings of a configuration in the log, and in a report. */
#pragma once

#include "config/errors.h"
#include "log.h"

struct report;

/* A line "FILE:LINE: key: text (hint)". */
void config_log(enum log_level, const struct config_error *);

/* An object of a list of messages, as v6gwctl reload gets it. */
void config_report(struct report *, const struct config_error *);
