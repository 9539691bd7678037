/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft.h - masquerade of the pool: table "ip v6gwd" in nftables, which lasts as long as we do.
 */
#pragma once

#include "base/addr.h"
#include "daemon/ev.h"

#include <stdbool.h>
#include <stddef.h>

struct nft;

struct nft_masquerade {
	const struct prefix4 *pools; /* sources */
	size_t n_pools;
	const char *except; /* the device that is never masqueraded towards: the TUN */
	bool has_source;    /* a fixed source instead of the leaving interface's address */
	struct in_addr source;
};

/* changed is called when the state that nft_present() tells changed.  NULL after logging. */
struct nft *nft_open(struct ev_loop *, ev_fn *changed, void *arg);

/* Without keep the table goes.  With it an owned table stays if the service manager keeps the
 * owning socket for the next process. */
void nft_close(struct nft *, bool keep);

/* Makes the table, or replaces its content in one transaction.  0 or -errno: -EPERM no right,
 * or another process owns a table of that name.  Tried again every second until it works. */
int nft_masquerade(struct nft *, const struct nft_masquerade *);

bool nft_present(const struct nft *); /* the table is there as it was set last */
bool nft_owned(const struct nft *);   /* and only we can change it */
int nft_error(const struct nft *);    /* of the last transaction: 0 or -errno */
