/* SPDX-License-Identifier: GPL-3.0-or-later */
/* health.h - whether what a plane serves may be announced.
 *
 * One that fails is withdrawn at once, and announced again when it has served for a while: the
 * guests shall not follow something that comes and goes.  The first time does not wait.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_PROVES_MS 10000

/* All zero at first. */
struct health {
	bool served, failed; /* since it has something to do; failed: after it served */
	uint64_t again_ms;   /* it serves again, and is announced from then on; 0 otherwise */
};

/* What the plane is like now; true when it is announced.  Without anything to do (disabled,
 * waiting for an address) it starts over. */
bool health_judge(struct health *, bool has_to, bool serves, uint64_t now_ms);
