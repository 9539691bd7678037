/* SPDX-License-Identifier: GPL-3.0-or-later */
/* build.h - from what the file says to struct config, along the option table.
 *
 * Does not open files and does not know libconfig.  Cross checks are check.c's.
 */
#pragma once

#include "config.h"
#include "option_type.h"
#include "value.h"

/* Fills a configuration from the group `file` (NULL: an empty file; cut: a fault ended it),
 * with errors and marks in the reader, of which the caller sets scratch only.  Refused values
 * keep their default.  NULL when memory is short. */
struct config *config_build(const struct value *file, struct option_reader *);
