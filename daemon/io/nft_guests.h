/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_guests.h - with which link-layer address a packet to the translator came: table
 * "ip6 v6gwd" in nftables, which lasts as long as we do.
 *
 * A forwarded packet teaches the kernel no neighbour, and a guest that never answers neighbour
 * discovery never becomes one.  So the kernel notes, in the forward path, the source of what
 * leaves through the TUN device, for half a second: long enough to be looked up when the packet
 * is read there, and short enough that no flood of sources outlasts itself.
 */
#pragma once

#include "base/addr.h"
#include "daemon/ev.h"

#include <stdbool.h>

struct nft_guests;

/* Makes the table; device is the TUN's name.  changed is called when nft_guests_present()
 * changed.  NULL after logging. */
struct nft_guests *nft_guests_open(struct ev_loop *, const char *device, ev_fn *changed,
				   void *arg);

/* The same for packets to a port of the host's, UDP and TCP: table "ip6 v6gwd_dns". */
struct nft_guests *nft_guests_open_port(struct ev_loop *, uint16_t port, ev_fn *changed,
					void *arg);
void nft_guests_close(struct nft_guests *, bool keep); /* as nft_close(); NULL is a no-op */

/* The link-layer address of the packets from addr: of the first one, until half a second passes
 * without any; of forwarded ones, which are not noted each, 0.4 to 0.5 s.  False where none
 * came since, or not over Ethernet, or the table is not there.  One system call each way, no
 * wait. */
bool nft_guests_find(struct nft_guests *, const struct in6_addr *addr,
		     uint8_t out[ADDR_MAC_LEN]);

uint16_t nft_guests_port(const struct nft_guests *);
const char *nft_guests_device(const struct nft_guests *);
bool nft_guests_present(const struct nft_guests *);
int nft_guests_error(const struct nft_guests *); /* of the last transaction: 0 or -errno */
