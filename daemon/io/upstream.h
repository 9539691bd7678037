/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream.h - the way to the forwarders: one message out, one answer or failure back.
 *
 * Only messages that could be the answer (id, QR, opcode, question: exchange.h) come back;
 * others are dropped and the wait goes on.  upstream_ares.c is the one file that knows c-ares.
 */
#pragma once

#include "daemon/ev.h"
#include "dns/forward.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct upstream;

/* The same contract as forward_ops.send and forward_received(): an answer, a failure, or
 * nothing any more when newer questions need the room. */
typedef void upstream_fn(void *arg, uint64_t tag, enum forward_outcome, const uint8_t *msg,
			 size_t len);

/* NULL after logging. */
struct upstream *upstream_new(struct ev_loop *, upstream_fn *, void *arg);

/* What is in flight is dropped without a word; not to be called from upstream_fn. */
void upstream_free(struct upstream *);

/* msg: at most EXCHANGE_LEN_MAX bytes. */
void upstream_send(struct upstream *, uint64_t tag, const struct forward_peer *, bool tcp,
		   const uint8_t *msg, size_t len);
void upstream_cancel(struct upstream *, uint64_t tag);
