/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fastpath.h - the program in the kernel that translates in our place (daemon/bpf), its maps,
 * and its filter at the TUN device.  Knows no mappings: nat64_cache.c decides what is in the
 * maps.
 */
#pragma once

#include "daemon/bpf/nat64_maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FASTPATH_WHY_LEN 192

struct fastpath;

/* Of all CPUs together; age_ms: since the last packet, where there was any. */
struct fastpath_usage {
	uint64_t packets[2], bytes[2];
	uint64_t age_ms;
};

struct fastpath_class {
	/* Into the kernel, not yet in anybody's way; with epoch 0, which no pair should have.
	 * NULL, and why and what to do about it. */
	struct fastpath *(*load)(uint32_t n_slots, uint32_t n_pairs,
				 char why[FASTPATH_WHY_LEN]);

	/* From now on the device's packets pass the program, and no other one of ours: that of
	 * an earlier process, or of another load, is replaced at once.  False, and why. */
	bool (*attach)(struct fastpath *, uint32_t index, char why[FASTPATH_WHY_LEN]);

	/* Do they still?  Somebody may have taken the filter away. */
	bool (*is_attached)(const struct fastpath *);

	/* With keep the filter stays at its device, until the next process replaces it. */
	void (*close)(struct fastpath *, bool keep);

	/* Takes away what an earlier process has left at a device. */
	void (*clear)(uint32_t index);

	/* Writing the maps: false when the kernel refuses, which it should not. */
	bool (*configure)(struct fastpath *, const struct fast_conf *);
	bool (*set_slot)(struct fastpath *, uint32_t slot, uint32_t generation);
	bool (*put6)(struct fastpath *, const struct fast_key6 *, const struct fast_pair6 *);
	bool (*put4)(struct fastpath *, const struct fast_key4 *, const struct fast_pair4 *);

	/* Of n slots from first on. */
	bool (*usage)(struct fastpath *, uint32_t first, uint32_t n,
		      struct fastpath_usage *out);
};

#define FASTPATH_USAGE_MAX 64u /* slots at once */

/* NULL: built without. */
static inline const struct fastpath_class *fastpath_class(void)
{
#if WITH_FASTPATH
	extern const struct fastpath_class fastpath_bpf;

	return &fastpath_bpf;
#else
	return NULL;
#endif
}
