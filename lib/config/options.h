/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - the option table: one row for each key of v6gwd.conf.
 *
 * Reading, defaults, bounds, unknown keys, --print-defaults, the sample file and the man page
 * all come from it.  libconfig itself stays in daemon/config_read.c, which walks its tree along
 * this table.
 */
#pragma once

#include "config.h"

/* (the table's types are added with options.c) */
