/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_refuse.h - our advertisements stay off some ports of bridges: table "bridge v6gwd" in
 * nftables, which lasts as long as we do.
 */
#pragma once

#include "daemon/ev.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#define NFT_REFUSE_MAX 32

struct nft_refuse;

/* changed is called when nft_refuse_present() changed.  NULL after logging. */
struct nft_refuse *nft_refuse_open(struct ev_loop *, ev_fn *changed, void *arg);
void nft_refuse_close(struct nft_refuse *, bool keep); /* as nft_close(); NULL is a no-op */

/* From now on those leave by none of these n ports, at most NFT_REFUSE_MAX.  Tried again every
 * second until it works. */
void nft_refuse_ports(struct nft_refuse *, const char (*names)[IFNAMSIZ], size_t n);

bool nft_refuse_present(const struct nft_refuse *);
int nft_refuse_error(const struct nft_refuse *); /* of the last transaction: 0 or -errno */
