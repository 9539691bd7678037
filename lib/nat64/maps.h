/* SPDX-License-Identifier: GPL-3.0-or-later */
/* maps.h - fixed pairs of addresses and networks, looked up from both sides (RFC 7757).
 *
 * The longest prefix wins.  A lookup costs one probe for each prefix length that occurs.  The
 * bits behind the IPv4 prefix follow the IPv6 prefix; what follows them is zero on the way to
 * IPv6 and ignored on the way back.
 */
#pragma once

#include "nat64/nat64.h"

struct maps;

/* NULL when memory is short.  list belongs to the caller and outlives the maps.  A second map
 * of the same network is never found. */
struct maps *maps_new(const struct nat64_map *list, size_t n);
void maps_free(struct maps *);

/* The index of the map that covers an address, and the address on the other side; -1 when there
 * is none. */
int maps_to_v4(const struct maps *, const struct in6_addr *v6, struct in_addr *out);
int maps_to_v6(const struct maps *, struct in_addr v4, struct in6_addr *out);

/* The index of the map with just these networks; -1. */
int maps_find(const struct maps *, const struct nat64_map *);
