/* SPDX-License-Identifier: GPL-3.0-or-later */
/* special.h - names that are not simply asked of the default forwarders.
 *
 * Configured names (dns64.local), names that the RFCs want answered here (6761, 6303, 6762,
 * 7050, 7686, 7793, 8375, 8880, 9462, 9476, 9665), and zones with forwarders of their own.  The
 * longest match wins; of a zone and a special name of equal length the zone.  Answers are made
 * as a forwarder would give them: synthesis for a client is synth.h's matter.
 */
#pragma once

#include "conf.h"
#include "msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPECIAL_MSG_LEN 8192

struct special;

enum special_kind {
	SPECIAL_NONE,  /* ask a forwarder */
	SPECIAL_LOCAL, /* from dns64.local */
	SPECIAL_RFC,
};

/* NULL when memory is short.  Names in conf that are no names are left out. */
struct special *special_new(const struct dns_conf *);
void special_free(struct special *);

/* What name is; for SPECIAL_NONE *set says which forwarders (0, or zone i + 1).  With mapped
 * the name was made from an address inside the NAT64 prefix: documentation networks are then
 * asked for like any other, because somebody uses them. */
enum special_kind special_find(const struct special *, const uint8_t *name, bool mapped,
			       unsigned *set);

/* The answer to q, which special_find() called special, into buf of SPECIAL_MSG_LEN; returns
 * its length.  Addresses that do not fit are left out. */
size_t special_answer(const struct special *, const struct dns_question *q, bool mapped,
		      uint8_t *buf);

/* The SOA record of an empty zone (RFC 6303 3), whose negative answers live ttl seconds. */
void special_put_soa(struct msg_wr *, enum msg_section, const uint8_t *apex, uint32_t ttl);
