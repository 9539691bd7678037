/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane.h - what the gateway knows of a plane: a handful of verbs, nothing else. */
#pragma once

#include "config/effective.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct link;
struct report;

/* What a plane gets from the gateway; outlives it. */
struct plane_env {
	struct ev_loop *loop;
	struct link *link;
	/* The plane's health or what it serves changed: the gateway looks again, soon and once.
	 */
	void (*changed)(void *gateway);
	void *gateway;
};

enum plane_stop { PLANE_STOP, PLANE_RESTART }; /* restart: take nothing away, say no farewell */

/* One counter of a plane. */
struct counter {
	const char *name; /* "nat64.drop.hop_limit" */
	const char *text; /* a sentence */
	const char *rfc;  /* "RFC 7915 5.1", or "" */
	uint64_t value;
};

struct plane_class {
	const char *name;

	/* An idle plane: nothing opened yet.  NULL when memory is short. */
	void *(*start)(const struct plane_env *);

	/* First half of a change (start, reload, facts): acquire what next needs beside what
	 * runs. 0, or -errno when it cannot be (logged); nothing that a client sees has changed
	 * then. What can be retried later is not an error but a reason in health. */
	int (*prepare)(void *plane, const struct effective *next);

	/* Second half: switch to what was prepared, or drop it.  Cannot fail.  next stays valid
	 * until the following commit. */
	void (*settle)(void *plane, bool commit);

	/* Does it do its work?  Adds why not. */
	bool (*health)(const void *plane, struct reasons *);

	/* Writes the members of its object, or nothing.  report opens "nat64": {...} itself. */
	void (*report)(const void *plane, struct report *);

	/* The i-th counter, false behind the last. */
	bool (*counter)(const void *plane, size_t i, struct counter *out);

	/* A restart is near: begins nothing new that would be lost.  False while a client waits
	 * for something begun.  NULL: there never is. */
	bool (*leave)(void *plane);

	/* Takes away what was made, and frees; NULL is a no-op. */
	void (*stop)(void *plane, enum plane_stop);
};

extern const struct plane_class plane_nat64, plane_dns64, plane_ra;
