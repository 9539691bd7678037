/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pref64.h - the NAT64 prefix and the address mapping of RFC 6052.
 *
 * The one fact that all three planes share: the translator maps with it, DNS64 synthesises with
 * it, the advertiser announces it (RFC 8781).
 */
#pragma once

#include "addr.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct pref64 {
	struct in6_addr prefix; /* host bits and bits 64 to 71 are zero */
	uint8_t len;            /* 32, 40, 48, 56, 64 or 96 */
};

/* Is len one of the six lengths of RFC 6052 2.2?  Every other function here relies on it. */
bool pref64_len_valid(unsigned len);

/* 64:ff9b::/96 (RFC 6052 2.1), and is it? */
extern const struct pref64 pref64_well_known;
bool pref64_is_well_known(const struct pref64 *p);

/* The IPv6 address that stands for v4 (RFC 6052 2.3). */
struct in6_addr pref64_embed(const struct pref64 *p, struct in_addr v4);

/* The IPv4 address inside v6; false, out untouched, when v6 is outside the prefix.  Bits 64 to
 * 71 and the suffix are ignored (RFC 6052 2.2: SHOULD). */
bool pref64_extract(const struct pref64 *p, const struct in6_addr *v6, struct in_addr *out);

/* v6 as text; inside a /96 prefix with the IPv4 part dotted, "64:ff9b::140.82.118.3". */
const char *pref64_text(const struct pref64 *p, const struct in6_addr *v6,
			char out[ADDR_TEXT_LEN]);
