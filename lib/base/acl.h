/* SPDX-License-Identifier: GPL-3.0-or-later */
/* acl.h - access lists: read in order, the first entry that matches decides.
 *
 * When nothing matches: refused, unless the list has entries and every one is negated (then
 * allowed).  An empty list refuses all.
 */
#pragma once

#include "addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum acl_kind {
	ACL_ANY,
	ACL_NET,        /* an address or a network of either family */
	ACL_MAC,        /* a link-layer address */
	ACL_GLOBAL,     /* IPv4: what the special-purpose registries (RFC 6890) call globally
			   reachable,    or do not list */
	ACL_LOCALHOST,  /* 127.0.0.0/8 and ::1 */
	ACL_LINK_LOCAL, /* link-local addresses on one link */
	ACL_LOCALNETS,  /* stands for networks found out from the host: never matches by itself
			 */
	ACL_AUTO,       /* likewise */
};

struct acl_entry {
	enum acl_kind kind;
	bool negated;
	union {
		struct prefix6 net;
		uint8_t mac[ADDR_MAC_LEN];
		uint32_t link; /* its index */
	};
};

struct acl {
	struct acl_entry *entries; /* belongs to whoever made the list */
	size_t n;
};

/* Who is judged. */
struct acl_who {
	const struct in6_addr *addr; /* IPv4 as ::ffff:... */
	const uint8_t *mac;          /* link-layer address; NULL: not known */
	uint32_t link;               /* index of the link it came by; 0: not known */
};

/* Is who let in, and by which entry?  NULL: none matches. */
bool acl_judge(const struct acl *acl, const struct acl_who *who,
	       const struct acl_entry **entry);

/* The same, without the link and without asking why. */
bool acl_allows(const struct acl *acl, const struct in6_addr *addr, const uint8_t *mac);
bool acl_allows_v4(const struct acl *acl, struct in_addr addr);

/* Has the list an entry of this kind? */
bool acl_has(const struct acl *acl, enum acl_kind kind);

/* An entry as it would stand in the file, into out[ACL_TEXT_LEN], which is also returned. */
#define ACL_TEXT_LEN (ADDR_TEXT_LEN + 1)
const char *acl_entry_text(const struct acl_entry *, char out[ACL_TEXT_LEN]);

/* Is addr globally reachable by the IANA IPv4 special-purpose registry (RFC 6890), or not
 * listed there?  192.0.0.9 and .10 are, the rest of 192.0.0.0/24 is not; neither are
 * 192.88.99.0/24 and 240.0.0.0/4. */
bool addr4_is_global(struct in_addr addr);

/* Addresses that are never translated, whatever the list says: 0/8, 127/8, 169.254/16, 224/4
 * and 255.255.255.255. */
bool addr4_is_never(struct in_addr addr);
