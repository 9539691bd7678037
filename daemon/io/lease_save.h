/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lease_save.h - one writing of the lease file: a new file beside it, and then in its place.
 *
 * The old file stays whole until the new one is on the disk.  What the disk takes its time for
 * (fsync beside a guest's heavy writing: 100 ms and more) can be left to a thread, which lives
 * as long as that takes and touches nothing but its descriptors.
 */
#pragma once

#include "daemon/ev.h"
#include "nat64/lease.h"

struct lease_save;

typedef void lease_save_fn(void *arg, int error); /* 0 or -errno */

/* Begins to write; dir_fd becomes its own.  -errno: it is still the caller's. */
int lease_save_open(int dir_fd, struct lease_save **out);

int lease_save_put(struct lease_save *, const struct lease *);

/* Makes it the file, here and now; 0 or -errno.  Frees. */
int lease_save_commit(struct lease_save *);

/* The same beside the loop; then fn.  To be freed by lease_save_end(), not before. */
int lease_save_start(struct lease_save *, struct ev_loop *, lease_save_fn *, void *arg);

/* Waits for what was started, and frees; 0 or -errno. */
int lease_save_end(struct lease_save *);

/* Leaves the old file as it is.  NULL is a no-op; not for what was started. */
void lease_save_drop(struct lease_save *);
