/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_read.h - v6gwd.conf from disk to struct config.
 *
 * Start, reload and --check all come here.  Nothing is asked of the host but the file and what
 * it includes.
 */
#pragma once

#include "config/config.h"
#include "config/errors.h"

#include <stdio.h>

/* Reads path (also /dev/stdin, a pipe) and what it includes, each once.  NULL when errors->n is
 * not zero; errors is overwritten and filled in both cases (warnings) and freed by the caller
 * with config_errors_free().  Memory running short is an error in the list, too. */
struct config *config_load(const char *path, struct config_errors *errors);

/* All errors as "FILE:LINE: key: what is wrong (hint)" with the offending line below. */
void config_errors_print(const struct config_errors *, FILE *);
