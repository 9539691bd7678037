/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_nat64_priv.h - what plane_nat64.c and plane_nat64_report.c share, and nobody else
 * includes. */
#pragma once

#include "daemon/ev.h"
#include "daemon/io/lease_file.h"
#include "daemon/io/link.h"
#include "daemon/io/nft.h"
#include "daemon/io/nft_guests.h"
#include "daemon/io/tun.h"
#include "nat64/merge.h"
#include "nat64/nat64.h"
#include "nat64_cache.h"
#include "nat64_setup.h"
#include "plane.h"

struct plane_nat64 {
	struct plane_env env;
	const struct effective *eff; /* in force; NULL before the first */
	struct nat64 *engine;        /* NULL while disabled */
	struct nat64_setup *setup;   /* the engine's configuration */
	struct nat64_cache *cache;   /* with the engine: what the kernel translates by itself */
	struct tun *tun;             /* NULL while disabled or missing */
	struct nft *nft;
	struct nft_guests *guests;
	struct lease_file *leases; /* with the engine; NULL when memory is short */
	uint32_t mtu;              /* the TUN's as configured last */
	int tun_error;             /* why it is missing, 0 or -errno */
	uint64_t lost[2];          /* packets that the TUN did not take: for room, while down */
	struct tun_counts frames;

	/* what prepare made for the configuration to come */
	const struct effective *next;
	struct nat64_setup *next_setup;
	struct nat64 *next_engine;
	struct tun *next_tun;
	bool prepared; /* the engine has next_setup */

	bool full; /* a guest got no address, and none has become free */

	struct nat64_sink sink; /* of the engine: merge */
	struct merge *merge;    /* on the way to the TUN */
	struct link_watch watch;
	struct ev_timer expiry, repair, log_end;
	uint64_t logged; /* mappings since log_end was set */
};

/* plane_nat64_report.c */
bool plane_nat64_masquerades(const struct plane_nat64 *);
bool plane_nat64_health(const void *plane, struct reasons *);
void plane_nat64_report(const void *plane, struct report *);
bool plane_nat64_counter(const void *plane, size_t i, struct counter *out);
