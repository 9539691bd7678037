/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lease_file.h - keeps the mappings of the pool over restarts: when the lease file is read and
 * written, and what becomes of a bad one.
 *
 * Memory is the truth, the file a copy of it, a few seconds old at most.  What hinders its
 * writing is told by lease_file_error() and tried again; nothing else depends on it.  An idle
 * daemon has no deadline of it.  The wall clock is in the file alone.
 */
#pragma once

#include "daemon/ev.h"
#include "nat64/nat64.h"

struct lease_file;

struct lease_file_ops {
	/* As nat64_mapping_at(); static ones are left out by the caller. */
	bool (*mapping_at)(void *arg, size_t *i, struct nat64_mapping *out);
	/* As nat64_restore(). */
	bool (*restore)(void *arg, const struct in6_addr *, struct in_addr, uint64_t age_ms);
	/* lease_file_error() is another one. */
	void (*changed)(void *arg);
	void *arg;
};

/* The file "leases" in the directory dir, which is made where only it is missing.  NULL when
 * memory is short. */
struct lease_file *lease_file_open(struct ev_loop *, const char *dir,
				   const struct lease_file_ops *);

/* Restores what the file holds, later where the directory is not there yet.  A file with
 * anything bad in it is moved aside, and logged. */
void lease_file_load(struct lease_file *);

/* Mappings were made or ended: written within seconds.  Or only used: within an hour. */
void lease_file_changed(struct lease_file *);
void lease_file_used(struct lease_file *);

/* The indices of mapping_at() mean others now. */
void lease_file_begin_anew(struct lease_file *);

/* 0, or -errno: why the file is not up to date. */
int lease_file_error(const struct lease_file *);
const char *lease_file_dir(const struct lease_file *);

/* Writes what the file does not hold yet, at once.  NULL is a no-op. */
void lease_file_close(struct lease_file *);
