/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolve.h - what the query engine asks of whatever resolves for it: the forwarder (forward.h)
 * or, later, a validating library.  Types only. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_MAX 255
#define DNS_MSG_MAX  65535

/* Questions under way at most: two for each that a client waits for and the one in hand, and
 * those that nobody waits for any longer. */
#define RESOLVE_MAX (2 * (4096 + 1) + 4096)

struct dns_question {
	uint8_t name[DNS_NAME_MAX]; /* wire form, uncompressed, as written by whoever asks */
	uint8_t name_len;
	uint16_t type, class;
};

enum { RESOLVE_DO = 1, RESOLVE_CD = 2 }; /* EDNS DO and CD of the question */

enum resolve_status {
	RESOLVE_ANSWER,      /* a whole, checked message: any rcode */
	RESOLVE_TIMEOUT,     /* nobody answered in time */
	RESOLVE_UNREACHABLE, /* nobody could be asked, or what came back was never usable */
	RESOLVE_BOGUS,       /* DNSSEC validation failed; msg may be NULL */
};

/* Who answered, where that is one server. */
struct resolve_source {
	struct in6_addr addr; /* IPv4 as ::ffff:... */
	uint16_t port;
	uint32_t rtt_ms;
};

struct resolve_result {
	enum resolve_status status;
	const uint8_t *msg; /* valid during the call; its question equals the one asked (case
			       aside), id is any.  An OPT record may be there. */
	size_t len;
	bool secure;                       /* validated */
	uint16_t ede;                      /* extended DNS error to pass on, or 0 (none) */
	const struct resolve_source *from; /* NULL: not known */
};
