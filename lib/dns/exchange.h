/* SPDX-License-Identifier: GPL-3.0-or-later */
/* exchange.h - the bytes of one question to a forwarder, and whether a message answers it.
 *
 * Does not judge the records of an answer beyond their framing; that is the engine's.
 */
#pragma once

#include "resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_HEADER_LEN 12
#define EXCHANGE_OPT_LEN    11
#define EXCHANGE_LEN_MAX    (EXCHANGE_HEADER_LEN + DNS_NAME_MAX + 4 + EXCHANGE_OPT_LEN)
#define EXCHANGE_PAYLOAD    1232 /* the EDNS size offered to forwarders, RFC 9715 */

struct exchange_question {
	uint16_t id;
	uint64_t upper; /* bit i: the i-th letter of the name is sent in upper case, all others
			   in lower case (draft-vixie-dnsext-dns0x20) */
	bool edns;
};

/* Writes q, RD set, DO and CD as flags (RESOLVE_*) say; with edns an OPT record of 11 bytes is
 * the last.  Returns the length. */
size_t exchange_write(uint8_t out[EXCHANGE_LEN_MAX], const struct dns_question *q,
		      unsigned flags, const struct exchange_question *);

enum exchange_match {
	EXCHANGE_FOREIGN,    /* not an answer to it at all: keep waiting */
	EXCHANGE_OTHER_CASE, /* all but the case of the name */
	EXCHANGE_BARE,       /* a FORMERR or NOTIMP that repeats no question */
	EXCHANGE_SAME,
};

/* Id, QR, opcode and question of msg against the message that was sent. */
enum exchange_match exchange_match(const uint8_t *sent, size_t sent_len, const uint8_t *msg,
				   size_t len);

struct exchange_answer {
	bool truncated, has_opt;
	bool bogus;     /* says that DNSSEC validation failed: EDE 6 to 12, RFC 8914 4.7-4.13 */
	uint16_t rcode; /* 12 bits, with those of OPT */
};

/* Reads a message that matched.  False: its records do not fit together (counts, lengths,
 * names, a second OPT).  Behind a TC bit nothing is read. */
bool exchange_read(const uint8_t *msg, size_t len, struct exchange_answer *out);

/* An answer without records, for a peer that sent none that can be shown.  Returns its length.
 */
size_t exchange_failure(uint8_t out[EXCHANGE_LEN_MAX], const struct dns_question *q,
			unsigned rcode);
