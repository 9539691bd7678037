/* SPDX-License-Identifier: GPL-3.0-or-later */
/* addr.h - addresses and networks of both families.
 *
 * Addresses are struct in_addr and struct in6_addr, in network order.  Where one field holds
 * either family, an IPv4 address is written as ::ffff:a.b.c.d (RFC 4291 2.5.5.2).
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDR_MAC_LEN  6
#define ADDR_TEXT_LEN 64 /* room for any text made here, with its NUL */

struct prefix4 {
	struct in_addr addr; /* host bits zero */
	uint8_t len;         /* 0 to 32 */
};

/* Either family: an IPv4 network is ::ffff:a.b.c.d with len + 96. */
struct prefix6 {
	struct in6_addr addr; /* host bits zero */
	uint8_t len;          /* 0 to 128 */
};

/* The host-order number of an IPv4 address, and back. */
uint32_t addr4_num(struct in_addr a);
struct in_addr addr4_of(uint32_t num);

/* ::ffff:a.b.c.d for a, whether an address is such a one, and the IPv4 address in it. */
struct in6_addr addr_mapped(struct in_addr a);
bool addr_is_v4(const struct in6_addr *a);
struct in_addr addr_v4(const struct in6_addr *a);

bool addr_equal(const struct in6_addr *a, const struct in6_addr *b);
bool addr_is_unspecified(const struct in6_addr *a);  /* :: */
bool addr_is_loopback(const struct in6_addr *a);     /* ::1 */
bool addr_is_multicast(const struct in6_addr *a);    /* ff00::/8 */
bool addr_is_link_local(const struct in6_addr *a);   /* fe80::/10 */
bool addr_is_unique_local(const struct in6_addr *a); /* fc00::/7 */
bool addr_is_global(const struct in6_addr *a); /* IPv6 unicast, none of the above, not ::/96 */

/* a with all bits behind the first len cleared. */
struct in6_addr addr_masked(const struct in6_addr *a, unsigned len);
bool prefix4_has(const struct prefix4 *p, struct in_addr a);
bool prefix6_has(const struct prefix6 *p, const struct in6_addr *a);
bool prefix6_equal(const struct prefix6 *a, const struct prefix6 *b);

/* The last address of p, and whether two networks share an address. */
struct in_addr prefix4_last(const struct prefix4 *p);
bool prefix4_overlaps(const struct prefix4 *a, const struct prefix4 *b);

/* Reads an address of either family (IPv4 becomes ::ffff:...); false leaves out untouched.
 * No zone, no port, no surrounding space. */
bool addr_parse(const char *text, struct in6_addr *out);

/* Reads "addr" (len 32 or 128) or "addr/len".  *host_bits, where not NULL, says whether bits
 * behind len were set; out always has them cleared. */
bool prefix_parse(const char *text, struct prefix6 *out, bool *host_bits);

/* Reads six octets "52:54:00:ab:cd:01" (":" or "-"). */
bool mac_parse(const char *text, uint8_t out[ADDR_MAC_LEN]);

/* Text into out[ADDR_TEXT_LEN], which is also returned.  addr_text writes IPv4 dotted. */
const char *addr_text(const struct in6_addr *a, char out[ADDR_TEXT_LEN]);
const char *addr4_text(struct in_addr a, char out[ADDR_TEXT_LEN]);
const char *prefix_text(const struct prefix6 *p, char out[ADDR_TEXT_LEN]);
const char *prefix4_text(const struct prefix4 *p, char out[ADDR_TEXT_LEN]);
const char *mac_text(const uint8_t mac[ADDR_MAC_LEN], char out[ADDR_TEXT_LEN]);
