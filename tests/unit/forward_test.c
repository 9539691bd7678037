/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forwarders with a script, under a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dns/exchange.h"
#include "dns/forward.h"

#define SENT_MAX  30000
#define TIMEOUT   5000
#define NO_ANSWER 99

enum { NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED };

struct sent {
	uint64_t tag, at_ms;
	unsigned peer; /* last byte of its address */
	bool tcp, cancelled, edns, probe;
	uint8_t msg[EXCHANGE_LEN_MAX];
	size_t len;
};

struct world {
	struct forward *f;
	uint64_t now;
	uint64_t random;
	struct sent sent[SENT_MAX];
	size_t n_sent, n_probes;
	unsigned refused_at_once; /* peers that refuse within send(), a bit each */

	unsigned resolved; /* results, and the last one */
	uint64_t id;
	enum resolve_status status;
	unsigned rcode, ede;
	size_t len;
	uint8_t msg[600];
};

static struct world w;

static const struct dns_question question = {
	.name = "\3www\7example\3com", .name_len = 17, .type = 28, .class = 1
};

static void on_send(void *ctx, uint64_t tag, const struct forward_peer *peer, bool tcp,
		    const uint8_t *msg, size_t len)
{
	struct sent *s = &w.sent[w.n_sent];

	(void)ctx;
	assert_true(w.n_sent < SENT_MAX);
	*s = (struct sent){ .tag = tag,
			    .at_ms = w.now,
			    .peer = peer->addr.s6_addr[15],
			    .tcp = tcp,
			    .edns = msg[11] == 1,
			    .probe = msg[12] == 0,
			    .len = len };
	memcpy(s->msg, msg, len);
	if (s->probe)
		w.n_probes++;
	w.n_sent++;
	if (w.refused_at_once >> s->peer & 1)
		forward_received(w.f, tag, FORWARD_REFUSED, NULL, 0, w.now);
}

static void on_cancel(void *ctx, uint64_t tag)
{
	(void)ctx;
	for (size_t i = w.n_sent; i--;)
		if (w.sent[i].tag == tag) {
			w.sent[i].cancelled = true;
			return;
		}
	fail_msg("a tag that was never sent");
}

static void on_resolved(void *ctx, uint64_t id, const struct resolve_result *r)
{
	(void)ctx;
	w.resolved++;
	w.id = id;
	w.status = r->status;
	w.ede = r->ede;
	w.len = r->len < sizeof w.msg ? r->len : sizeof w.msg;
	w.rcode = r->msg ? r->msg[3] & 15 : NO_ANSWER;
	if (r->msg)
		memcpy(w.msg, r->msg, w.len);
}

static void on_random(void *ctx, void *out, size_t n)
{
	uint8_t *p = out;

	(void)ctx;
	while (n--) {
		w.random = w.random * 6364136223846793005u + 1442695040888963407u;
		*p++ = (uint8_t)(w.random >> 56);
	}
}

static const struct forward_ops ops = { on_send, on_cancel, on_resolved, on_random };

static void peers_fill(struct forward_peer *peers, unsigned first, size_t n)
{
	memset(peers, 0, n * sizeof *peers);
	for (size_t i = 0; i < n; i++) {
		peers[i].addr.s6_addr[0] = 0x20;
		peers[i].addr.s6_addr[15] = (uint8_t)((first + i) & 0xff);
		peers[i].port = 53;
	}
}

static void start(size_t n)
{
	struct forward_peer peers[8];
	struct forward_set set = { peers, n };

	peers_fill(peers, 1, n);
	memset(&w, 0, sizeof w);
	w.now = 1000000;
	w.random = 42;
	w.f = forward_new(&(struct forward_conf){ &set, 1, TIMEOUT }, &ops, NULL);
	assert_non_null(w.f);
}

static int stop(void **state)
{
	(void)state;
	forward_free(w.f);
	w.f = NULL;
	return 0;
}

static void ask(uint64_t id)
{
	forward_ask(w.f, id, &question, RESOLVE_DO, 0, w.now);
}

/* Lets time pass, deadline by deadline. */
static void pass(uint64_t ms)
{
	uint64_t end = w.now + ms;

	for (unsigned rounds = 0; forward_next(w.f) <= end; rounds++) {
		assert_true(rounds < 20000);
		if (forward_next(w.f) > w.now)
			w.now = forward_next(w.f);
		forward_tick(w.f, w.now);
	}
	w.now = end;
}

/* Answers message i with the question as it came, flags and rcode set, and records appended. */
static void answer_with(size_t i, unsigned flags, unsigned rcode, bool opt)
{
	uint8_t msg[EXCHANGE_LEN_MAX];
	size_t len = w.sent[i].len;

	memcpy(msg, w.sent[i].msg, len);
	if (w.sent[i].edns && !opt) {
		len -= MSG_OPT_LEN;
		msg[11] = 0;
	}
	msg[2] = (uint8_t)(msg[2] | 0x80 | flags);
	msg[3] = (uint8_t)(0x80 | rcode);
	forward_received(w.f, w.sent[i].tag, FORWARD_MESSAGE, msg, len, w.now);
}

static void answer(size_t i, unsigned rcode)
{
	answer_with(i, 0, rcode, true);
}

static struct sent *last(void)
{
	assert_true(w.n_sent > 0);
	return &w.sent[w.n_sent - 1];
}

static void expect_answer(uint64_t id, unsigned resolved, unsigned rcode)
{
	assert_int_equal(w.resolved, resolved);
	assert_int_equal(w.id, id);
	assert_int_equal(w.status, RESOLVE_ANSWER);
	assert_int_equal(w.rcode, rcode);
}

static struct forward_health health(size_t i)
{
	struct forward_health h;

	assert_true(forward_health_at(w.f, i, &h));
	return h;
}

static void first_answers(void **state)
{
	(void)state;
	start(2);
	assert_true(forward_next(w.f) == UINT64_MAX);
	ask(7);
	assert_int_equal(w.n_sent, 1);
	assert_int_equal(w.sent[0].peer, 1);
	assert_false(w.sent[0].tcp);
	assert_true(w.sent[0].edns);
	pass(20);
	answer(0, NOERROR);
	expect_answer(7, 1, NOERROR);
	assert_int_equal(forward_in_flight(w.f), 0);
	assert_true(forward_next(w.f) == UINT64_MAX);
	assert_in_range(health(0).rtt_ms, 20, 21);
	/* A second answer to it goes nowhere. */
	answer(0, NOERROR);
	assert_int_equal(w.resolved, 1);
}

/* The second peer is asked after 200 ms, and the first one's late answer still counts. */
static void hedges_and_keeps_first_open(void **state)
{
	(void)state;
	start(2);
	ask(1);
	pass(199);
	assert_int_equal(w.n_sent, 1);
	pass(1);
	assert_int_equal(w.n_sent, 2);
	assert_int_equal(w.sent[1].peer, 2);
	assert_false(w.sent[0].cancelled);
	assert_memory_not_equal(w.sent[0].msg, w.sent[1].msg, 2);
	pass(50);
	answer(0, NOERROR);
	expect_answer(1, 1, NOERROR);
	assert_true(w.sent[1].cancelled);
}

/* A slow line is given twice its round trip. */
static void patience_follows_rtt(void **state)
{
	(void)state;
	start(2);
	for (unsigned i = 0; i < 5; i++) {
		ask(i);
		pass(190);
		answer(w.n_sent - 1, NOERROR);
	}
	ask(99);
	pass(370);
	assert_int_equal(last()->peer, 1);
	pass(20);
	assert_int_equal(last()->peer, 2);
}

/* But not for ever. */
static void patience_has_an_end(void **state)
{
	size_t sent;

	(void)state;
	start(1);
	for (unsigned i = 0; i < 20; i++) {
		sent = w.n_sent;
		ask(i);
		pass(3000);
		answer(sent, NOERROR);
	}
	assert_in_range(health(0).rtt_ms, 2900, 3001);
	sent = w.n_sent - w.n_probes;
	ask(99);
	pass(2 * 2000 - 1);
	assert_int_equal(w.n_sent - w.n_probes, sent + 1);
	pass(1);
	assert_int_equal(w.n_sent - w.n_probes, sent + 2);
}

/* Someone else asks them: a probe tells who lives, and nothing else is sent. */
static void doubted_peers_are_probed(void **state)
{
	(void)state;
	start(2);
	forward_doubt(w.f, 0, w.now);
	forward_doubt(w.f, 0, w.now);
	forward_doubt(w.f, 7, w.now);
	pass(600);
	assert_int_equal(w.n_sent, 2);
	assert_int_equal(w.n_probes, 2);
	answer(0, NOERROR);
	pass(30000);
	assert_true(health(w.sent[0].peer - 1).healthy && health(w.sent[0].peer - 1).rtt_ms);
	assert_false(health(w.sent[1].peer - 1).healthy);
}

/* Item 140: the first question is delayed, the later ones go straight to the other, and the
 * silent one is probed, dead, and found again. */
static void silent_peer_is_avoided_ejected_and_found_again(void **state)
{
	size_t i;

	(void)state;
	start(2);
	ask(1);
	pass(200);
	answer(1, NOERROR);
	for (i = 2; i < 100; i++) {
		size_t before = w.n_sent;

		ask(i);
		assert_int_equal(last()->peer, 2);
		pass(10);
		answer(before, NOERROR);
		pass(90);
	}
	assert_false(health(0).healthy);
	assert_true(health(1).healthy);
	assert_in_range(w.n_probes, 3, 6);
	i = w.n_sent;
	pass(30000);
	assert_in_range(w.n_sent - i, 7, 8);
	assert_true(last()->probe);
	answer(w.n_sent - 1, REFUSED);
	assert_true(health(0).healthy);
	i = w.n_sent;
	pass(60000);
	assert_int_equal(w.n_sent, i);
}

/* One silent moment of a busy peer does not kill it. */
static void burst_of_misses_is_not_death(void **state)
{
	(void)state;
	start(1);
	for (unsigned i = 0; i < 500; i++)
		ask(i);
	pass(600);
	assert_true(health(0).healthy);
	answer(0, NOERROR);
	assert_true(health(0).healthy);
	assert_int_equal(w.resolved, 1);
}

/* Nor do misses from before it was heard count. */
static void what_was_missed_before_is_forgotten(void **state)
{
	(void)state;
	start(1);
	for (unsigned i = 0; i < 4; i++)
		ask(i);
	pass(600);
	answer(0, NOERROR);
	for (unsigned i = 1; i < 4; i++)
		forward_cancel(w.f, i);
	pass(10000);
	for (unsigned i = 4; i < 6; i++)
		ask(i);
	pass(2600);
	assert_int_equal(health(0).timeouts, 4 + 2);
	assert_true(health(0).healthy);
}

static void all_silent_is_timeout(void **state)
{
	(void)state;
	start(2);
	ask(5);
	pass(TIMEOUT - TIMEOUT / 10 - 1);
	assert_int_equal(w.resolved, 0);
	pass(1);
	assert_int_equal(w.resolved, 1);
	assert_int_equal(w.status, RESOLVE_TIMEOUT);
	assert_int_equal(w.ede, 22);
	assert_true(w.n_sent - w.n_probes <= 4);
	for (size_t i = 0; i < w.n_sent; i++)
		assert_true(w.sent[i].cancelled || w.sent[i].probe);
}

/* Dead for long: questions fail soon, and the first that is answered brings the peer back. */
static void all_dead_fail_soon_and_recover(void **state)
{
	size_t i;

	(void)state;
	start(2);
	ask(1);
	pass(20000);
	assert_false(health(0).healthy);
	assert_false(health(1).healthy);
	ask(2);
	pass(2000);
	assert_int_equal(w.resolved, 2);
	assert_int_equal(w.status, RESOLVE_TIMEOUT);
	i = w.n_sent;
	ask(3);
	assert_int_equal(w.n_sent, i + 1);
	pass(5);
	answer(i, NOERROR);
	expect_answer(3, 3, NOERROR);
	assert_true(health(last()->peer - 1).healthy);
}

/* Item 139: at once to the next. */
static void refused_goes_on_at_once(void **state)
{
	(void)state;
	start(2);
	ask(1);
	forward_received(w.f, w.sent[0].tag, FORWARD_REFUSED, NULL, 0, w.now);
	assert_int_equal(w.n_sent, 2);
	assert_int_equal(w.sent[1].peer, 2);
	answer(1, NOERROR);
	expect_answer(1, 1, NOERROR);
}

static void all_refused_is_unreachable(void **state)
{
	(void)state;
	start(3);
	w.refused_at_once = 0xe;
	ask(1);
	assert_int_equal(w.n_sent, 3);
	assert_int_equal(w.resolved, 0);
	pass(400);
	assert_int_equal(w.resolved, 1);
	assert_int_equal(w.status, RESOLVE_UNREACHABLE);
	assert_int_equal(w.ede, 23);
	assert_int_equal(w.n_sent - w.n_probes, 6);
	ask(2);
	pass(400);
	assert_false(health(0).healthy);
}

/* No room in the transport is not the peer's fault. */
static void busy_does_not_blame_peer(void **state)
{
	(void)state;
	start(1);
	for (unsigned i = 0; i < 10; i++) {
		ask(i);
		forward_received(w.f, last()->tag, FORWARD_BUSY, NULL, 0, w.now);
		pass(200);
		forward_received(w.f, last()->tag, FORWARD_BUSY, NULL, 0, w.now);
	}
	assert_int_equal(w.resolved, 10);
	assert_int_equal(w.status, RESOLVE_UNREACHABLE);
	assert_true(health(0).healthy);
	assert_int_equal(w.n_probes, 0);
}

/* Item 138. */
static void errors_of_all_are_the_answer(void **state)
{
	static const unsigned rcodes[][2] = { { SERVFAIL, REFUSED },
					      { REFUSED, SERVFAIL },
					      { FORMERR, NOTIMP } };

	(void)state;
	for (size_t i = 0; i < sizeof rcodes / sizeof *rcodes; i++) {
		start(2);
		ask(1);
		answer(0, rcodes[i][0]);
		assert_int_equal(w.n_sent, 2);
		assert_int_equal(w.resolved, 0);
		answer(1, rcodes[i][1]);
		expect_answer(1, 1, rcodes[i][1]);
		assert_int_equal(w.len, w.sent[1].len);
		assert_true(health(0).healthy);
		stop(NULL);
	}
	start(1);
}

static void error_then_good_answer(void **state)
{
	(void)state;
	start(3);
	ask(1);
	answer(0, SERVFAIL);
	answer(1, REFUSED);
	answer(2, NXDOMAIN);
	expect_answer(1, 1, NXDOMAIN);
	assert_int_equal(w.n_sent, 3);
}

/* A dead peer is not waited for when the living ones gave their errors. */
static void error_does_not_wait_for_the_dead(void **state)
{
	size_t i;

	(void)state;
	start(2);
	ask(1);
	pass(200);
	answer(1, NOERROR);
	pass(20000);
	assert_false(health(0).healthy);
	i = w.n_sent;
	ask(2);
	assert_int_equal(w.sent[i].peer, 2);
	answer(i, SERVFAIL);
	expect_answer(2, 2, SERVFAIL);
}

/* One says SERVFAIL, the other nothing: that is not drawn out to the timeout. */
static void error_and_silence(void **state)
{
	(void)state;
	start(2);
	ask(1);
	answer(0, SERVFAIL);
	pass(2000);
	expect_answer(1, 1, SERVFAIL);
	assert_int_equal(w.n_sent - w.n_probes, 2);
}

/* RFC 6147 5.5 hangs on it: the answer that tells of failed validation is kept. */
static void bogus_is_kept(void **state)
{
	uint8_t msg[EXCHANGE_LEN_MAX + 6];
	struct sent *s;

	(void)state;
	start(2);
	ask(1);
	s = &w.sent[0];
	memcpy(msg, s->msg, s->len);
	msg[2] |= 0x80;
	msg[3] = 0x80 | SERVFAIL;
	msg[s->len - 1] = 6;
	memcpy(msg + s->len, "\0\x0f\0\2\0\6", 6);
	forward_received(w.f, s->tag, FORWARD_MESSAGE, msg, s->len + 6, w.now);
	answer(1, REFUSED);
	expect_answer(1, 1, SERVFAIL);
	assert_int_equal(w.len, s->len + 6);
}

/* A peer that refuses everything is asked last for a while. */
static void refusing_peer_is_shunned(void **state)
{
	(void)state;
	start(2);
	for (unsigned i = 0; i < 3; i++) {
		ask(i);
		assert_int_equal(last()->peer, 1);
		answer(w.n_sent - 1, REFUSED);
		pass(100);
		answer(w.n_sent - 1, NOERROR);
	}
	ask(9);
	assert_int_equal(last()->peer, 2);
}

static void truncated_goes_to_stream(void **state)
{
	(void)state;
	start(2);
	ask(1);
	answer_with(0, 0x02, NOERROR, true);
	assert_int_equal(w.n_sent, 2);
	assert_true(w.sent[1].tcp);
	assert_int_equal(w.sent[1].peer, 1);
	answer(1, NOERROR);
	expect_answer(1, 1, NOERROR);
}

/* Four more messages, whatever the peers say. */
static void retries_are_bounded(void **state)
{
	unsigned streams = 0;

	(void)state;
	start(6);
	ask(1);
	for (size_t i = 0; i < w.n_sent; i++)
		answer_with(i, 0x02, NOERROR, true);
	for (size_t i = 0; i < w.n_sent; i++)
		streams += w.sent[i].tcp;
	assert_int_equal(streams, 4);
	assert_int_equal(w.n_sent, 6 + 4);
	assert_int_equal(w.status, RESOLVE_UNREACHABLE);
}

/* Items 132 and 134. */
static void stream_that_fails_goes_to_next(void **state)
{
	(void)state;
	start(2);
	ask(1);
	answer_with(0, 0x02, NOERROR, true);
	forward_received(w.f, w.sent[1].tag, FORWARD_REFUSED, NULL, 0, w.now);
	assert_int_equal(w.n_sent, 3);
	assert_int_equal(w.sent[2].peer, 2);
	assert_false(w.sent[2].tcp);
	answer_with(2, 0x02, NOERROR, true);
	assert_true(w.sent[3].tcp);
	answer_with(3, 0x02, NOERROR, true);
	assert_int_equal(w.resolved, 1);
	assert_int_equal(w.status, RESOLVE_UNREACHABLE);
}

/* Item 124: by datagram another case is no answer; by stream it is. */
static void other_case_goes_to_stream(void **state)
{
	(void)state;
	start(1);
	ask(1);
	w.sent[0].msg[13] ^= 0x20;
	answer(0, NOERROR);
	assert_int_equal(w.resolved, 0);
	assert_int_equal(w.n_sent, 2);
	assert_true(w.sent[1].tcp);
	w.sent[1].msg[13] ^= 0x20;
	answer(1, NOERROR);
	expect_answer(1, 1, NOERROR);
	/* From now on it gets what it would make of it. */
	ask(2);
	assert_false(last()->tcp);
	assert_memory_equal(last()->msg + 12, "\3www\7example\3com", 17);
}

static void case_and_id_are_random(void **state)
{
	unsigned upper = 0, same = 0, id, was = 0, step = 0;

	(void)state;
	start(1);
	for (unsigned i = 0; i < 50; i++) {
		ask(i);
		for (size_t at = 12; at < 29; at++)
			upper += last()->msg[at] >= 'A' && last()->msg[at] <= 'Z';
		id = (unsigned)last()->msg[0] << 8 | last()->msg[1];
		same += ((id - was) & 0xffff) == step;
		step = (id - was) & 0xffff;
		was = id;
	}
	assert_in_range(upper, 250, 400); /* of 650 */
	assert_in_range(same, 0, 1);
}

/* A message that matches nothing (the transport should have dropped it). */
static void foreign_message_is_no_answer(void **state)
{
	(void)state;
	start(1);
	ask(1);
	w.sent[0].msg[1] ^= 1;
	answer(0, NOERROR);
	assert_int_equal(w.resolved, 0);
	assert_true(last()->tcp);
	last()->msg[16] ^= 1;
	answer(1, NOERROR);
	assert_int_equal(w.resolved, 1);
	assert_int_equal(w.status, RESOLVE_UNREACHABLE);
}

/* Item 136: FORMERR without OPT. */
static void formerr_is_asked_without_edns(void **state)
{
	static const uint8_t flags[] = { 0x81, 0x80 | FORMERR };
	uint8_t bare[12] = { 0 };

	(void)state;
	start(1);
	ask(1);
	memcpy(bare, w.sent[0].msg, 2);
	memcpy(bare + 2, flags, 2);
	forward_received(w.f, w.sent[0].tag, FORWARD_MESSAGE, bare, sizeof bare, w.now);
	assert_int_equal(w.n_sent, 2);
	assert_false(w.sent[1].edns);
	assert_false(w.sent[1].tcp);
	answer(1, NOERROR);
	expect_answer(1, 1, NOERROR);
	/* Remembered, and undone. */
	ask(2);
	assert_false(last()->edns);
	answer(w.n_sent - 1, NOERROR);
	pass(600000);
	ask(3);
	assert_true(last()->edns);
}

/* Item 137. */
static void badvers_and_notimp_too(void **state)
{
	uint8_t msg[EXCHANGE_LEN_MAX];

	(void)state;
	start(1);
	ask(1);
	memcpy(msg, w.sent[0].msg, w.sent[0].len);
	msg[2] |= 0x80;
	msg[w.sent[0].len - 6] = 1;
	forward_received(w.f, w.sent[0].tag, FORWARD_MESSAGE, msg, w.sent[0].len, w.now);
	assert_int_equal(w.n_sent, 2);
	assert_false(w.sent[1].edns);
	/* Once: what it says then is its answer. */
	answer(1, NOTIMP);
	expect_answer(1, 1, NOTIMP);
	ask(2);
	assert_true(last()->edns);
	answer_with(w.n_sent - 1, 0, NOTIMP, false);
	assert_false(last()->edns);
	answer(w.n_sent - 1, NOERROR);
	expect_answer(2, 2, NOERROR);
}

/* FORMERR of a peer that knows EDNS is its opinion of the question. */
static void formerr_with_opt_is_an_error(void **state)
{
	(void)state;
	start(1);
	ask(1);
	answer(0, FORMERR);
	assert_int_equal(w.n_sent, 1);
	expect_answer(1, 1, FORMERR);
}

/* Item 129. */
static void malformed_answer_goes_to_next(void **state)
{
	(void)state;
	start(2);
	ask(1);
	w.sent[0].msg[7] = 3; /* ANCOUNT */
	answer(0, NOERROR);
	assert_int_equal(w.resolved, 0);
	assert_int_equal(last()->peer, 2);
	last()->msg[7] = 3;
	answer(1, NOERROR);
	assert_int_equal(w.status, RESOLVE_UNREACHABLE);
}

static void cancel(void **state)
{
	(void)state;
	start(2);
	ask(1);
	ask(2);
	pass(200);
	assert_int_equal(w.n_sent, 4);
	forward_cancel(w.f, 1);
	forward_cancel(w.f, 1);
	forward_cancel(w.f, 77);
	assert_true(w.sent[0].cancelled);
	assert_false(w.sent[1].cancelled);
	answer(0, NOERROR);
	assert_int_equal(w.resolved, 0);
	answer(1, NOERROR);
	expect_answer(2, 1, NOERROR);
}

static void too_many_fail_at_once(void **state)
{
	(void)state;
	start(1);
	for (unsigned i = 0; i < FORWARD_QUESTIONS_MAX; i++)
		ask(i);
	assert_int_equal(w.resolved, 0);
	ask(99999);
	assert_int_equal(w.resolved, 1);
	assert_int_equal(w.id, 99999);
	assert_int_equal(w.status, RESOLVE_UNREACHABLE);
	answer(17, NOERROR);
	expect_answer(17, 2, NOERROR);
	ask(100000);
	assert_int_equal(w.resolved, 2);
	pass(TIMEOUT);
	assert_int_equal(w.resolved, FORWARD_QUESTIONS_MAX + 2);
	assert_int_equal(forward_in_flight(w.f), 0);
}

/* Thousands due at once are seen to in parts. */
static void a_tick_has_an_end(void **state)
{
	(void)state;
	start(2);
	for (unsigned i = 0; i < 4000; i++)
		ask(i);
	w.now = forward_next(w.f);
	forward_tick(w.f, w.now);
	assert_in_range(w.n_sent, 4001, 6000);
	assert_true(forward_next(w.f) <= w.now);
	pass(0);
	assert_int_equal(w.n_sent, 8000);
}

static void no_forwarders(void **state)
{
	(void)state;
	start(0);
	ask(1);
	assert_int_equal(w.resolved, 1);
	assert_int_equal(w.status, RESOLVE_UNREACHABLE);
	assert_int_equal(w.ede, 22);
	forward_ask(w.f, 2, &question, 0, 9, w.now);
	assert_int_equal(w.resolved, 2);
}

/* Peers 1 and 2 become 2 and 3, with a zone of 2 and 4, while a question waits for 1. */
static void reconfigure_in_flight(void **state)
{
	struct forward_peer peers[2], zone[2];
	struct forward_set sets[] = { { peers, 2 }, { zone, 2 } };
	struct forward_conf conf = { sets, 2, TIMEOUT };
	struct forward_health h;

	(void)state;
	start(2);
	ask(1);
	pass(200);
	pass(30);
	answer(1, SERVFAIL); /* of 2: measured */
	peers_fill(peers, 2, 2);
	zone[0] = peers[0];
	peers_fill(zone + 1, 4, 1);
	assert_true(forward_prepare(w.f, &conf));
	forward_settle(w.f, false);
	assert_false(forward_health_at(w.f, 2, &h));
	assert_true(forward_prepare(w.f, &conf));
	forward_settle(w.f, true);
	assert_int_equal(health(0).peer.addr.s6_addr[15], 2);
	assert_in_range(health(0).rtt_ms, 30, 31);
	assert_int_equal(health(1).peer.addr.s6_addr[15], 3);
	assert_int_equal(health(2).peer.addr.s6_addr[15], 4);
	assert_false(forward_health_at(w.f, 3, &h));
	answer(0, NOERROR);
	expect_answer(1, 1, NOERROR);
	forward_ask(w.f, 2, &question, 0, 1, w.now);
	assert_int_equal(last()->peer, 2);
	pass(200);
	assert_int_equal(last()->peer, 4);
	pass(30000);
	for (size_t i = 3; i < w.n_sent; i++)
		assert_int_not_equal(w.sent[i].peer, 1);
}

/* One question never costs more than twice the forwarders and four messages. */
static void amplification_is_bounded(void **state)
{
	(void)state;
	for (unsigned rcode = 0; rcode < 8; rcode++) {
		start(8);
		ask(1);
		for (size_t i = 0; i < w.n_sent; i++) {
			answer_with(i, rcode == NOERROR ? 2 : 0, rcode == 7 ? FORMERR : rcode,
				    rcode != 7);
			pass(10);
		}
		pass(TIMEOUT);
		assert_int_equal(w.resolved, 1);
		assert_in_range(w.n_sent - w.n_probes, 1, 2 * 6 + 4);
		stop(NULL);
	}
	start(1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, stop)
	const struct CMUnitTest tests[] = {
		TEST(first_answers),
		TEST(hedges_and_keeps_first_open),
		TEST(patience_follows_rtt),
		TEST(patience_has_an_end),
		TEST(doubted_peers_are_probed),
		TEST(silent_peer_is_avoided_ejected_and_found_again),
		TEST(burst_of_misses_is_not_death),
		TEST(what_was_missed_before_is_forgotten),
		TEST(all_silent_is_timeout),
		TEST(all_dead_fail_soon_and_recover),
		TEST(refused_goes_on_at_once),
		TEST(all_refused_is_unreachable),
		TEST(busy_does_not_blame_peer),
		TEST(errors_of_all_are_the_answer),
		TEST(error_then_good_answer),
		TEST(error_does_not_wait_for_the_dead),
		TEST(error_and_silence),
		TEST(bogus_is_kept),
		TEST(refusing_peer_is_shunned),
		TEST(truncated_goes_to_stream),
		TEST(retries_are_bounded),
		TEST(stream_that_fails_goes_to_next),
		TEST(other_case_goes_to_stream),
		TEST(case_and_id_are_random),
		TEST(foreign_message_is_no_answer),
		TEST(formerr_is_asked_without_edns),
		TEST(badvers_and_notimp_too),
		TEST(formerr_with_opt_is_an_error),
		TEST(malformed_answer_goes_to_next),
		TEST(cancel),
		TEST(too_many_fail_at_once),
		TEST(a_tick_has_an_end),
		TEST(no_forwarders),
		TEST(reconfigure_in_flight),
		TEST(amplification_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
