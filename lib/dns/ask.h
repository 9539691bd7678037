/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask.h - a client's message: what is asked, what is refused at the door, and the frame of
 * every reply (RFC 1035, 6891, 7828, 7873, 8914, 9619).
 *
 * Knows nothing of names and their answers.
 */
#pragma once

#include "conf.h"
#include "counters.h"
#include "msg.h"
#include "query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASK_COOKIE_LEN 8
#define ASK_EDE_MAX    2

struct ask {
	uint16_t id, flags;    /* as sent */
	struct dns_question q; /* name_len 0: not to be repeated in the reply */
	bool tcp, edns, dnssec_ok, wants_keepalive, has_cookie;
	uint8_t cookie[ASK_COOKIE_LEN]; /* the client's */
	size_t limit;                   /* octets of the reply */
};

enum ask_step { ASK_DROP, ASK_REPLY, ASK_RESOLVE };

struct ask_verdict {
	enum ask_step step;
	enum dns_count count; /* except for ASK_RESOLVE */
	unsigned rcode;
	uint16_t ede;
	bool judged, allowed; /* by allow_query, and by which entry (NULL: none matches) */
	const struct acl_entry *entry;
};

struct ask_verdict ask_read(const struct dns_conf *, const struct dns_client *,
			    const uint8_t *msg, size_t len, struct ask *out);

/* What the reply says besides its records. */
struct ask_reply {
	unsigned rcode;
	bool secure, truncated;
	uint16_t ede[ASK_EDE_MAX]; /* 0: none */
	uint16_t payload;          /* ours */
	uint32_t keepalive_s;
	uint8_t cookie[16]; /* the server's, for has_cookie */
};

/* Octets that the OPT record will take. */
size_t ask_opt_len(const struct ask *, const struct ask_reply *);

/* Starts a reply into buf of ask->limit octets, leaving room for OPT; ask_end() writes that and
 * the header and returns the length, or 0 when the records did not fit. */
void ask_begin(const struct ask *, const struct ask_reply *, uint8_t *buf, struct msg_wr *);
size_t ask_end(const struct ask *, const struct ask_reply *, struct msg_wr *);

/* Makes the len octets in buf, whose counts are given and which leave room, a reply likewise.
 */
size_t ask_adopt(const struct ask *, const struct ask_reply *, uint8_t *buf, size_t len,
		 const uint16_t count[4]);
