/* SPDX-License-Identifier: GPL-3.0-or-later */
/* exchange.h - the bytes of one question to a forwarder, and whether a message answers it.
 *
 * Does not look at the records of an answer.
 */
#pragma once

#include "msg.h"
#include "resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXCHANGE_LEN_MAX (MSG_HEAD_LEN + DNS_NAME_MAX + 4 + MSG_OPT_LEN)
#define EXCHANGE_PAYLOAD 1232 /* the EDNS size offered to forwarders, RFC 9715 */

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
