/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unbound_setup.h - what upstream_unbound.c gives libunbound: its configuration as text, and
 * the files of keys.
 */
#pragma once

#include "upstream_unbound.h"

#include <time.h>

#define UNBOUND_PACKAGED_KEYS "/usr/share/dns/root.key" /* package dns-root-data */

/* What the operator wrote, as two texts: all but the anchors as libunbound reads it, and the
 * anchors, one a line. */
struct unbound_setup {
	char *text, *anchors, *state_directory, *state_keys;
	uint64_t timeout_ms;
};

/* False when memory is short; to be done then, too. */
bool unbound_setup_make(const struct validator_conf *, struct unbound_setup *out);
void unbound_setup_done(struct unbound_setup *);

/* Would the library answer the same?  Nothing is the same as one that was not made. */
bool unbound_setup_same(const struct unbound_setup *, const struct unbound_setup *);

/* Are the keys of the root followed ("auto")?  Then in state_keys from now on: those of the
 * package are the first; false when they cannot be put there. */
bool unbound_setup_follows_root(const struct unbound_setup *);
bool unbound_setup_seed(const struct unbound_setup *);

/* The library writes another file beside it, and renames that: may it? */
bool unbound_setup_can_replace(const struct unbound_setup *);

/* When a file was written, 0 where there is none. */
time_t unbound_setup_written_s(const char *path);
