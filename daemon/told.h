/* SPDX-License-Identifier: GPL-3.0-or-later */
/* told.h - the reasons in the log: a line when one appears, and a line when it is gone.
 *
 * One that comes and goes is told once a minute: a guest, or a forwarder, may be behind it.
 */
#pragma once

#include "config/effective.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOLD_MAX 32 /* more than there are reasons at once */

struct told_reason {
	struct reason reason;
	bool open;      /* and not told yet that it is gone */
	uint64_t at_ms; /* when it was told */
};

struct told {
	struct told_reason v[TOLD_MAX];
	size_t n;
};

/* Tells what became different.  Returns when to ask again, for what had to wait; UINT64_MAX:
 * nothing waits. */
uint64_t told_update(struct told *, const struct reasons *now, uint64_t now_ms);
