/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forward.h - which forwarder is asked, when, and whose answer is believed.
 *
 * Sans I/O: failover, hedging, health, EDNS downgrade, 0x20, ids; packets go out by ops->send
 * and come back by forward_received().  One object serves all sets: set 0 is the default
 * forwarders, set i + 1 those of zone i.  Every answer is checked (QR, opcode, id, question
 * with its case) before it is handed on.
 *
 * A question goes to the best peer that lives; the next one is asked when that is silent for
 * max(2 x RTT, 200 ms), refuses, or answers with an error, and whatever was sent before stays
 * open.  After all were asked there is one more round.  TC=1, or a name in another case, is
 * asked again by stream; FORMERR, NOTIMP and BADVERS once more without EDNS.  At most twice the
 * peers and four more messages go out.  Errors of all peers are handed on as the last one's
 * answer.
 *
 * A peer is dead after three silent questions over three seconds, or three refusals, and then
 * asked only when all are; a probe every few seconds finds it back.
 */
#pragma once

#include "base/addr.h"
#include "resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct forward_peer {
	struct in6_addr addr; /* IPv4 as ::ffff:... */
	uint16_t port;
	uint32_t scope; /* link of a link-local address, else 0 */
};

struct forward_set {
	const struct forward_peer *peers;
	size_t n;
};

struct forward_conf {
	const struct forward_set *sets;
	size_t n_sets;
	uint64_t timeout_ms; /* a question is given up after this */
};

enum forward_outcome {
	FORWARD_MESSAGE, /* a datagram or stream message from the peer asked */
	FORWARD_REFUSED, /* the peer's host or port said no (ICMP, RST), or there is no way
			    there */
	FORWARD_SILENT,  /* the transport gave up waiting */
	FORWARD_BUSY,    /* no room in the transport: nothing was sent */
};

/* Questions in flight at most; beyond, they fail at once.  Not fewer than the engine asks,
 * which lets the oldest go when it has no more room: so forwarders of one set that are silent
 * do not keep questions from those of another. */
#define FORWARD_QUESTIONS_MAX RESOLVE_MAX

struct forward_ops {
	/* Sends msg to peer over UDP or TCP; tag comes back with forward_received(), once at
	 * most, also within the call, unless ops->cancel named it. */
	void (*send)(void *ctx, uint64_t tag, const struct forward_peer *, bool tcp,
		     const uint8_t *msg, size_t len);
	void (*cancel)(void *ctx, uint64_t tag);

	/* The result of forward_ask(id, ...). */
	void (*resolved)(void *ctx, uint64_t id, const struct resolve_result *);
	void (*random)(void *ctx, void *out, size_t n);
};

struct forward;

/* NULL when memory is short. */
struct forward *forward_new(const struct forward_conf *, const struct forward_ops *, void *ctx);
void forward_free(struct forward *);

/* Another list: prepare may fail for memory and changes nothing; settle switches.  Health of
 * peers that stay is kept, questions in flight go on. */
bool forward_prepare(struct forward *, const struct forward_conf *next);
void forward_settle(struct forward *, bool commit);

/* ops->resolved follows exactly once, also within the call, unless the question is cancelled.
 * A set that does not exist, or is empty, is unreachable. */
void forward_ask(struct forward *, uint64_t id, const struct dns_question *, unsigned flags,
		 unsigned set, uint64_t now_ms);
void forward_cancel(struct forward *, uint64_t id);

/* Someone else asked the peers of a set and got no answer: a probe finds out which of them
 * live.
 */
void forward_doubt(struct forward *, unsigned set, uint64_t now_ms);

/* A tag that is not, or no longer, waited for is ignored. */
void forward_received(struct forward *, uint64_t tag, enum forward_outcome, const uint8_t *msg,
		      size_t len, uint64_t now_ms);

/* When there is something to do (UINT64_MAX: nothing), and doing it, or a part. */
uint64_t forward_next(const struct forward *);
void forward_tick(struct forward *, uint64_t now_ms);

struct forward_health {
	struct forward_peer peer;
	bool healthy;
	uint32_t rtt_ms; /* smoothed; 0: not known yet */
	uint64_t asked, answered, timeouts, errors;
	uint64_t probe_ms; /* when it is asked whether it lives; UINT64_MAX: it does */
	uint64_t no_edns_until_ms, no_case_until_ms; /* asked without EDNS, in lower case */
	uint64_t shunned_until_ms; /* asked behind others: its answers were of no use */
	uint16_t complaint;        /* rcode of the last of these */
};

/* Peer i of a set, and of all sets each once; false behind the last. */
bool forward_health_of(const struct forward *, unsigned set, size_t i,
		       struct forward_health *out);
bool forward_health_at(const struct forward *, size_t i, struct forward_health *out);

size_t forward_in_flight(const struct forward *);
