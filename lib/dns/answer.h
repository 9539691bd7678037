/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer.h - the replies to clients: what is said, in which form, and that it is counted.
 *
 * Every function that answers a slot releases it.
 */
#pragma once

#include "engine.h"

#include <stdbool.h>
#include <stdint.h>

/* A question that is refused, or dropped, at the door. */
void answer_unread(struct dns *, struct pending_slot *, const struct ask_verdict *);

/* A reply without records; ede 0 is none. */
void answer_rcode(struct dns *, struct pending_slot *, enum dns_count ending, unsigned rcode,
		  uint16_t ede);

/* ANY (RFC 8482 4.2); false: it is not that. */
bool answer_any(struct dns *, struct pending_slot *);

/* What follows from the outcomes of both legs, for PENDING_DNS64. */
enum synth_verdict answer_verdict(const struct dns *, const struct pending_slot *,
				  bool *on_error);

/* Answers what was answered a moment ago, without a slot; false: it was not. */
bool answer_ready(struct dns *, const struct dns_client *, const struct ask *, bool dns64);

/* Answers if enough is known; true: the slot is gone. */
bool answer_if_known(struct dns *, struct pending_slot *);
