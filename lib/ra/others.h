/* SPDX-License-Identifier: GPL-3.0-or-later */
/* others.h - the other routers on a link: who they are, and where they contradict us.
 *
 * RFC 4861 6.2.7, RFC 8781 5.2.  Every valid advertisement that is not our own is compared with
 * what we announce; nothing of it is adopted.  Anybody on the link can make up routers: the
 * table has a fixed size, and there is something to tell once a minute at most.
 */
#pragma once

#include "ra_msg.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTHERS_MAX      16    /* routers remembered */
#define OTHERS_PREFIXES 8     /* of each */
#define OTHERS_KEPT_S   1800  /* at least: the longest interval of RFC 4861 6.2.1 */
#define OTHERS_QUIET_MS 60000 /* between two things to tell */
#define OTHERS_SKEW_S   5     /* RFC 4861 6.2.7: lifetimes that run down, at two clocks */

/* What an advertisement can be: name, sentence, clause. */
#define OTHERS_FINDINGS(X)                                                                     \
	X(ROUTER, "foreign.router", "advertisements of other default routers",                 \
	  "RFC 4861 6.2.7")                                                                    \
	X(ADDRESS, "foreign.address", "advertisements from our own address that are not ours", \
	  "RFC 4862 5.4")                                                                      \
	X(MANAGED, "inconsistent.managed", "other M flag than ours", "RFC 4861 6.2.7")         \
	X(OTHER, "inconsistent.other", "other O flag than ours", "RFC 4861 6.2.7")             \
	X(HOP_LIMIT, "inconsistent.hop_limit", "other hop limit than ours", "RFC 4861 6.2.7")  \
	X(REACHABLE, "inconsistent.reachable_time", "other reachable time than ours",          \
	  "RFC 4861 6.2.7")                                                                    \
	X(RETRANS, "inconsistent.retrans_timer", "other retransmission timer than ours",       \
	  "RFC 4861 6.2.7")                                                                    \
	X(MTU, "inconsistent.mtu", "other MTU than ours", "RFC 4861 6.2.7")                    \
	X(VALID, "inconsistent.valid", "other valid lifetime for a prefix of ours",            \
	  "RFC 4861 6.2.7")                                                                    \
	X(PREFERRED, "inconsistent.preferred", "other preferred lifetime for such a prefix",   \
	  "RFC 4861 6.2.7")                                                                    \
	X(ROUTE, "inconsistent.route", "other preference for a route of ours", "RFC 4191 2.3") \
	X(RDNSS, "inconsistent.rdnss", "other resolvers than ours", "RFC 8106 5.1")            \
	X(DNSSL, "inconsistent.dnssl", "other search domains than ours", "RFC 8106 5.2")       \
	X(PREF64, "inconsistent.pref64", "other NAT64 prefixes than ours", "RFC 8781 5.2")     \
	X(PORTAL, "inconsistent.captive_portal", "other captive portal than ours",             \
	  "RFC 8910 2.3")

#define OTHERS_ENUM(id, name, text, rfc) OTHERS_##id,
enum others_finding { OTHERS_FINDINGS(OTHERS_ENUM) OTHERS_N };
#undef OTHERS_ENUM

/* A finding as a bit of a set, and its field as people call it: "mtu". */
#define OTHERS_BIT(finding) (1u << (finding))
const char *others_field(enum others_finding);

struct others_prefix {
	struct in6_addr addr;
	uint8_t len;
	uint64_t heard_ms;
	uint64_t agreed_ms[2]; /* when its valid and its preferred lifetime were as ours, or 0
				*/
};

/* A router, by its link-local address. */
struct others_router {
	struct in6_addr source;
	bool has_mac; /* it said */
	uint8_t mac[ADDR_MAC_LEN];
	uint16_t lifetime_s; /* 0: not a default router (any more) */
	enum ra_preference preference;
	uint64_t heard, heard_ms; /* how often, and when last; 0: the place is free */
	struct others_prefix prefixes[OTHERS_PREFIXES];
	size_t n_prefixes;
	unsigned found; /* in its last advertisement, OTHERS_BIT() of each */
	unsigned told;
};

/* Something to tell: found is what was not told yet of this router; unsaid is how many
 * advertisements before it had something to tell too, but came too soon. */
struct others_news {
	const struct others_router *router;
	unsigned found;
	uint64_t unsaid;
};

/* All zero at first, and again on another link. */
struct others {
	struct others_router routers[OTHERS_MAX];
	uint64_t quiet_until_ms, unsaid;
	struct others_news news;
};

/* What we announce now. */
struct others_own {
	struct in6_addr source;
	const struct ra_header *head;
	const struct ra_item *items;
	size_t n;
};

/* A router that is not us said this.  Returns what was found, OTHERS_BIT() of each; the sets of
 * a router that spreads them over several messages are judged message by message. */
unsigned others_input(struct others *, uint64_t now_ms, const struct in6_addr *src,
		      const struct ra_advert *, const struct others_own *);

/* Takes what the last advertisement gave to tell, if anything. */
bool others_news(struct others *, struct others_news *out);

/* The router at or behind place *i that is remembered, and advances *i past it; NULL behind the
 * last. */
const struct others_router *others_at(const struct others *, size_t *i, uint64_t now_ms);
