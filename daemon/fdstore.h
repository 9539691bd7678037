/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fdstore.h - descriptors that outlive us: the service manager keeps a second one of each, and
 * hands it to the next process, whether we were restarted, killed or aborted.
 *
 * A name says what a descriptor is for, unlike any other's: it may not hold ':', and 100 octets
 * are enough.  What is inherited belongs to this module until somebody claims it.
 */
#pragma once

#include <stdbool.h>

/* Is fd what the name promises?  Asks the kernel, not the name. */
typedef bool fdstore_check_fn(int fd, const void *arg);

bool fdstore_is_socket(int fd, int domain, int type, int protocol);

/* At the start, before anything is opened that a descriptor may be in the way of.  What another
 * version stored, or not we, is closed, and not kept for us any more when this returns. */
void fdstore_open(void);

/* What was inherited by this name, now the caller's: non-blocking, closed on exec, and still
 * kept.  -ENOENT: nothing.  -ESTALE: it was not what it should be, and is closed. */
int fdstore_take(const char *name, fdstore_check_fn *check, const void *arg);

void fdstore_put(const char *name, int fd); /* to be kept, too */
void fdstore_drop(const char *name);        /* not to be kept any more */

/* Everybody has what he wanted: the rest is closed, and not kept any more. */
void fdstore_settle(void);
