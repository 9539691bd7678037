/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_solicit.h - how fast guests may make neighbours of the host: table "inet v6gwd" in
 * nftables, which lasts as long as we do.
 *
 * The kernel makes a neighbour of the source of each solicitation that names a link-layer
 * address (RFC 4861 6.2.6, 7.2.3), before anybody judges it.  Its table holds 1024 (gc_thresh3)
 * for all links together and clears out nothing younger than five seconds: a guest that makes
 * up sources would take IPv6 from all others.
 */
#pragma once

#include "daemon/ev.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#define NFT_SOLICIT_MAX 64

struct nft_solicit;

struct nft_solicit *nft_solicit_open(struct ev_loop *);  /* NULL after logging */
void nft_solicit_close(struct nft_solicit *, bool keep); /* as nft_close(); NULL is a no-op */

/* From now on it holds on these n links, at most NFT_SOLICIT_MAX.  Tried again every second
 * until it works. */
void nft_solicit_links(struct nft_solicit *, const char (*names)[IFNAMSIZ], size_t n);
