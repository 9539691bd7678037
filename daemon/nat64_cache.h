/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64_cache.h - the fast path: which pairs of the engine's the kernel translates by itself,
 * and what it tells of them.
 *
 * The engine owns every mapping; what is in the kernel is a copy that is void as soon as the
 * engine says so.  A pair gets there with its second packet, so that a scan leaves nothing, and
 * a mapping that nothing uses leaves again: an idle cache has no deadline.
 */
#pragma once

#include "config/config.h"
#include "daemon/ev.h"
#include "daemon/io/fastpath.h"
#include "nat64/nat64.h"

struct nat64_cache;

struct nat64_cache_user {
	const struct fastpath_class *fastpath; /* NULL: built without */
	/* Mappings were used. */
	void (*used)(void *arg);
	/* nat64_cache_why() is another one. */
	void (*changed)(void *arg);
	void *arg;
};

/* NULL when memory is short. */
struct nat64_cache *nat64_cache_new(struct ev_loop *, const struct nat64_cache_user *);

/* The device from now on, which may be the same as before (index 0: it is gone); the engine is
 * the same one always.  What an earlier process has left at the device is replaced, or taken
 * away with CONFIG_OFF. */
void nat64_cache_use(struct nat64_cache *, struct nat64 *, const struct nat64_conf *,
		     uint32_t index, enum config_switch);

/* What was told of pairs since becomes known to the kernel: between two bursts of packets. */
void nat64_cache_flush(struct nat64_cache *);

/* Uses become known to the engine: before anybody looks at them, or acts upon them. */
void nat64_cache_sync(struct nat64_cache *);

/* NULL: the fast path is on.  Else why it is not. */
const char *nat64_cache_why(const struct nat64_cache *);

/* Packets that were translated in the kernel, both ways. */
const uint64_t *nat64_cache_counts(const struct nat64_cache *);

/* With keep the kernel goes on until the next process comes.  NULL is a no-op. */
void nat64_cache_free(struct nat64_cache *, bool keep);
