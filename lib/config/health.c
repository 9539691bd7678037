/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "health.h"

bool health_judge(struct health *h, bool has_to, bool serves, uint64_t now_ms)
{
	if (!has_to) {
		*h = (struct health){ 0 };
		return serves;
	}
	if (!serves) {
		h->failed |= h->served;
		h->again_ms = 0;
		return false;
	}
	h->served = true;
	if (!h->failed)
		return true;
	if (!h->again_ms)
		h->again_ms = now_ms + HEALTH_PROVES_MS;
	if (now_ms < h->again_ms)
		return false;
	h->failed = false;
	h->again_ms = 0;
	return true;
}
