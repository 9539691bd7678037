/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_nat64.h - what control asks of the NAT64 plane alone; plane.h has the rest. */
#pragma once

#include "config/effective.h"
#include "nat64/nat64.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first mapping at or behind *i, and advances *i past it; false behind the last.  mac is
 * the link-layer address of its guest, where the kernel knows one. */
bool plane_nat64_mapping(const void *plane, size_t *i, struct nat64_mapping *out,
			 uint8_t mac[ADDR_MAC_LEN], bool *has_mac);

/* Ends a dynamic mapping; false when ipv6 has none. */
bool plane_nat64_drop(void *plane, const struct in6_addr *ipv6);

/* The mapping of a guest, and whose an IPv4 address is; false where there is none. */
bool plane_nat64_find(const void *plane, const struct in6_addr *guest,
		      struct nat64_mapping *out);
bool plane_nat64_find_ipv4(const void *plane, struct in_addr ipv4, struct in6_addr *guest);

/* What v6gwctl doctor asks. */
struct plane_nat64_look {
	uint32_t tun;         /* its link; 0: not there */
	int tun_error;        /* why, 0 or -errno */
	struct reasons unmet; /* routes and the like that cannot be made */
	bool masquerade_present, has_mapping;
	struct nat64_mapping mapping; /* of the guest */
	uint32_t active, size;        /* of all pools */
};

void plane_nat64_look(const void *plane, const struct in6_addr *guest,
		      struct plane_nat64_look *out);
