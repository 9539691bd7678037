/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ra_msg.h - router advertisements and solicitations as bytes, both ways.
 *
 * RFC 4861 4.1, 4.2, 4.6; RFC 4191 (preference, routes), RFC 8106 (DNS), RFC 8781 (PREF64),
 * RFC 8910 (captive portal).  Knows nothing of time or of what should be said: that is sched.h
 * and radv.h.  The checksum is left zero: the raw socket fills it in.
 */
#pragma once

#include "base/addr.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RA_INFINITE  UINT32_MAX /* a lifetime in seconds */
#define RA_MSG_MAX   1240       /* an IPv6 packet of 1280 bytes less its header (RFC 6980) */
#define RA_NAME_MAX  255        /* a domain name on the wire */
#define RA_READ_MAX  96 /* items read from one message: all that 1500 bytes of servers hold */
#define RA_SOLICIT   133
#define RA_ADVERTISE 134

/* As on the wire (RFC 4191 2.1); 2 is reserved. */
enum ra_preference { RA_PREFERENCE_MEDIUM = 0, RA_PREFERENCE_HIGH = 1, RA_PREFERENCE_LOW = 3 };

/* What an advertisement says once; the rest are items.  Goes out in each of its messages. */
struct ra_header {
	uint8_t hop_limit; /* 0: unspecified */
	bool managed, other;
	enum ra_preference preference;
	uint16_t lifetime_s; /* 0: not a default router; preference is then sent as medium */
	uint32_t reachable_ms, retrans_ms;
	uint32_t mtu; /* 0: no option */
	bool has_mac; /* source link-layer address option */
	uint8_t mac[ADDR_MAC_LEN];
};

/* In the order in which they are sent. */
enum ra_kind { RA_PREFIX, RA_ROUTE, RA_RDNSS, RA_DNSSL, RA_PREF64, RA_CAPTIVE_PORTAL };
#define RA_KINDS 6

enum {
	RA_PREFIX_ON_LINK = 0x80,
	RA_PREFIX_AUTONOMOUS = 0x40,
	RA_PREFIX_ROUTER_ADDRESS = 0x20, /* RFC 6275 7.2 */
};

/* One thing that is announced and can be withdrawn by itself.  Several servers or domains of
 * one lifetime, next to each other, share an option. */
struct ra_item {
	enum ra_kind kind;
	struct in6_addr
		addr;  /* prefix (with RA_PREFIX_ROUTER_ADDRESS the address in it), server */
	uint8_t len;   /* of the prefix; RA_PREF64: a length of RFC 6052 */
	uint8_t flags; /* RA_PREFIX_... */
	enum ra_preference preference; /* RA_ROUTE */
	uint32_t lifetime_s;           /* valid lifetime of a prefix */
	uint32_t preferred_s;          /* RA_PREFIX */
	const uint8_t *bytes; /* RA_DNSSL: a name in wire form; RA_CAPTIVE_PORTAL: its URI */
	uint16_t n_bytes;
};

/* Do a and b speak of the same thing: prefix, server, domain?  Lifetimes and flags do not
 * count; domains are compared without case. */
bool ra_item_same(const struct ra_item *a, const struct ra_item *b);

/* The wire form (RFC 1035 3.1) of "example.com", with or without the last dot; its length in
 * bytes, or 0 when it is not a name that fits. */
size_t ra_name_write(const char *text, uint8_t out[RA_NAME_MAX]);

/* A name in wire form, as ra_msg_read_advert() gives it, as text without the last dot; what is
 * not printable, and a dot inside of a label, is shown as '?'. */
const char *ra_name_text(const struct ra_item *, char out[RA_NAME_MAX]);

typedef void ra_msg_fn(void *arg, const uint8_t *msg, size_t len);

/* Calls fn with one or more whole messages of at most RA_MSG_MAX bytes; each has the header,
 * MTU and source link-layer address, and the items are spread over them, no option cut.  Bits
 * behind a prefix are cleared; PREF64 lifetimes are rounded up to 8 s and end at 65528 s.
 * Returns how many items had to be left out because they are longer than a message. */
size_t ra_msg_write(const struct ra_header *, const struct ra_item *, size_t n, ra_msg_fn *fn,
		    void *arg);

/* Why a message is not for us: name, sentence, clause. */
#define RA_REASONS(X)                                                                  \
	X(HOP_LIMIT, "hop_limit", "hop limit not 255 or not known", "RFC 4861 6.1")    \
	X(SOURCE, "source", "impossible source address", "RFC 4861 6.1")               \
	X(CODE, "code", "code not zero", "RFC 4861 6.1")                               \
	X(LENGTH, "length", "shorter than its fixed part", "RFC 4861 6.1")             \
	X(OPTION, "option", "option of length zero or beyond the end", "RFC 4861 6.1") \
	X(SOURCE_LL, "source_ll", "link-layer address from the unspecified address",   \
	  "RFC 4861 6.1.1")                                                            \
	X(FRAGMENT, "fragment", "came in fragments", "RFC 6980 5")

#define RA_REASON_ENUM(id, name, text, rfc) RA_BAD_##id,
enum ra_reason { RA_REASONS(RA_REASON_ENUM) RA_ACCEPTED };
#undef RA_REASON_ENUM

/* A message as it came in. */
struct ra_packet {
	struct in6_addr src;
	int hop_limit; /* -1: not known, -2: it came in fragments */
	const uint8_t *msg;
	size_t len; /* without the IPv6 header; the checksum has been verified */
};

struct ra_solicit {
	bool has_mac;
	uint8_t mac[ADDR_MAC_LEN];
};

/* RFC 4861 6.1.1. *out is valid with RA_ACCEPTED. */
enum ra_reason ra_msg_read_solicit(const struct ra_packet *, struct ra_solicit *out);

/* What another router says.  Items point into the message. */
struct ra_advert {
	struct ra_header head;
	struct ra_item items[RA_READ_MAX];
	size_t n;
	unsigned ignored; /* options that make no sense, and items beyond the room */
};

/* RFC 4861 6.1.2. *out is valid with RA_ACCEPTED. */
enum ra_reason ra_msg_read_advert(const struct ra_packet *, struct ra_advert *out);
