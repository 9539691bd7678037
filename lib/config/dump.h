/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dump.h - a configuration as text, and the texts made of the option table.
 *
 * Everything written here is valid input, except the part of the man page.  put gets the text
 * piece by piece.
 */
#pragma once

#include "config.h"
#include "effective.h"

#include <stddef.h>

typedef void (*config_put)(void *arg, const char *text);

/* Every key with its default and what it means (--print-defaults). */
void config_print_defaults(config_put put, void *arg);

/* The installed conf/v6gwd.conf: the same with every key commented out. */
void config_print_sample(config_put put, void *arg);

/* The keys for docs/v6gwd.conf.5.scd. */
void config_print_man(config_put put, void *arg);

/* Every key with the value it has; what was found out for an "auto" stands behind it as a
 * comment, "# auto: <value> from br0".  Origins are found by their key, "dns64.listen",
 * "ra[0].rdnss[0].servers"; others are listed at the end.  An absent ra is written as its one
 * default entry. */
void config_dump(const struct config *, const struct origin *origins, size_t n_origins,
		 config_put put, void *arg);
