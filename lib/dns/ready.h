/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ready.h - answers that were just given, to be given again with one look.
 *
 * The engine is the only one to make an answer; where nothing that it was made of says anything
 * else before some moment (the next second of a TTL at the latest), its octets are kept until
 * then, without OPT record.  A table of fixed size, where what comes replaces what was there.
 */
#pragma once

#include "ask.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READY_LEN 320 /* octets of the table for one answer */

struct ready_answer {
	enum dns_count count; /* how the question ended */
	struct ask_reply reply;
	uint16_t n[4];
	size_t len;
	uint64_t until_ms; /* the same up to here */
};

struct ready;

/* At most size octets.  NULL when memory is short. */
struct ready *ready_new(size_t size, const struct siphash_key *key);
void ready_free(struct ready *);
size_t ready_size(const struct ready *);

/* What was answered to that, for clients that AAAA is made for or not; false: nothing that
 * still holds and fits.  The octets go to buf. */
bool ready_find(const struct ready *, const struct ask *, bool dns64, uint64_t now_ms,
		uint8_t *buf, struct ready_answer *out);

/* Keeps the answer in msg, when it is not too long. */
void ready_keep(struct ready *, const struct ask *, bool dns64, const struct ready_answer *,
		const uint8_t *msg);

/* Forgets all. */
void ready_clear(struct ready *);
