/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lease_load.h - reads a lease file, ours or tayga's, as far as it is good.  Changes nothing.
 */
#pragma once

#include "nat64/lease.h"

#include <stdbool.h>
#include <stddef.h>

#define LEASE_FILE "leases"

struct lease_list {
	struct lease
		*v; /* newest first, so that it wins over an older one of the same address */
	size_t n, n_bad; /* leases, and lines that are none */
	bool is_ours;
	const char *trouble; /* why the file is not as it was written; NULL: it is */
	int error;           /* 0, or the errno behind it */
};

/* The file of that name in the directory dir_fd.  -ENOENT where there is none; everything else
 * that may be wrong with it is told by trouble. */
int lease_load(int dir_fd, struct lease_list *out);
/* An open file, which stays the caller's. */
void lease_load_fd(int fd, struct lease_list *out);

void lease_list_done(struct lease_list *);
