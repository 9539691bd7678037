/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward.h"

#include "exchange.h"
#include "msg.h"
#include "peer.h"

#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX

enum {
	PROBES_MAX = 64, /* questions of our own, beside FORWARD_QUESTIONS_MAX */
	CHOICES_MAX = 6, /* peers that one question may be sent to */
	RETRIES_MAX = 4, /* by stream, or without EDNS, beside two rounds */
	ATTEMPTS_MAX = 2 * CHOICES_MAX + RETRIES_MAX,
	SLOTS = FORWARD_QUESTIONS_MAX + PROBES_MAX,
	BUCKETS = 4096,

	AGAIN_MS = 500,          /* all asked, none answered: the second round */
	REFUSED_AGAIN_MS = 200,  /* likewise, all refused */
	DEAD_TIMEOUT_MS = 2000,  /* a question that only dead peers could answer */
	HEARD_TIMEOUT_MS = 1500, /* one peer answered with an error, the others are silent */
	PROBE_TIMEOUT_MS = 4000,
	PROBE_PATIENCE_MS = 1000,
	REMEMBER_MS = 600000, /* that a peer has no EDNS, or changes the case of names */
	KEEP_LEN_MAX = 4096,  /* of an error message kept until all peers were asked */
	DUE_MAX = 1024,       /* questions seen to in one tick, so that others get a turn */
};

enum { RCODE_YXDOMAIN = 6 };

/* A message sent to a peer. */
struct attempt {
	struct exchange_question x;
	uint64_t sent_ms;
	uint8_t choice;
	bool tcp, open, missed;
};

/* One peer of a question, in the order of asking. */
struct choice {
	struct peer *peer;
	uint8_t open;      /* attempts */
	bool done;         /* answered, of no use: not asked again */
	bool tcp, no_edns; /* from now on */
};

struct question {
	uint64_t id; /* of whoever asks */
	uint32_t generation;
	uint32_t next;      /* slot + 1: in its bucket, or of the free list */
	uint32_t heap_slot; /* 0: not in flight */
	struct dns_question q;
	unsigned flags;
	bool probe;
	bool silent; /* a transport gave up waiting */
	bool heard;  /* a peer answered with an error */
	struct resolve_source heard_from;
	bool bogus;
	uint16_t rcode;
	uint8_t *error; /* its message, where it could be kept */
	size_t error_len;
	uint64_t due_ms, give_up_ms;
	uint8_t round, turn; /* the next of choices in this round */
	uint8_t n_choices, n_attempts, retries;
	struct choice choices[CHOICES_MAX];
	struct attempt attempts[ATTEMPTS_MAX];
};

struct set {
	struct peer **peers;
	size_t n;
};

struct plan {
	size_t n_sets;
	uint64_t timeout_ms;
	struct set sets[];
};

struct forward {
	const struct forward_ops *ops;
	void *ctx;
	struct plan *plan, *next_plan;
	struct peer *peers;

	struct question *slots;
	uint32_t n_used; /* slots ever used: the others were never touched */
	uint32_t free, n_questions, n_probes;
	uint32_t buckets[BUCKETS];
	uint32_t heap[SLOTS + 1]; /* slots by deadline, earliest first, from 1 */
	uint32_t n_heap;
};

/* Deadlines. */

static uint64_t deadline(const struct question *q)
{
	return q->due_ms < q->give_up_ms ? q->due_ms : q->give_up_ms;
}

static void place(struct forward *f, uint32_t at, uint32_t slot)
{
	f->heap[at] = slot;
	f->slots[slot].heap_slot = at;
}

static void sift(struct forward *f, uint32_t at, uint32_t slot)
{
	uint64_t key = deadline(&f->slots[slot]);

	for (; at > 1 && deadline(&f->slots[f->heap[at / 2]]) > key; at /= 2)
		place(f, at, f->heap[at / 2]);
	for (uint32_t child; (child = at * 2) <= f->n_heap; at = child) {
		if (child < f->n_heap && deadline(&f->slots[f->heap[child + 1]]) <
						 deadline(&f->slots[f->heap[child]]))
			child++;
		if (deadline(&f->slots[f->heap[child]]) >= key)
			break;
		place(f, at, f->heap[child]);
	}
	place(f, at, slot);
}

static uint32_t slot_of(const struct forward *f, const struct question *q)
{
	return (uint32_t)(q - f->slots);
}

static void set_due(struct forward *f, struct question *q, uint64_t due_ms)
{
	q->due_ms = due_ms;
	sift(f, q->heap_slot, slot_of(f, q));
}

static void heap_drop(struct forward *f, struct question *q)
{
	uint32_t at = q->heap_slot, last = f->heap[f->n_heap--];

	q->heap_slot = 0;
	if (last != slot_of(f, q))
		sift(f, at, last);
}

/* Slots and ids. */

static uint32_t *bucket(struct forward *f, uint64_t id)
{
	return &f->buckets[id * 0x9e3779b97f4a7c15u >> 52];
}

static struct question *take_slot(struct forward *f, bool probe)
{
	uint32_t slot, generation;
	struct question *q;

	if (probe ? f->n_probes >= PROBES_MAX : f->n_questions >= FORWARD_QUESTIONS_MAX)
		return NULL;
	if (f->free) {
		slot = f->free - 1;
		f->free = f->slots[slot].next;
	} else {
		slot = f->n_used++;
	}
	q = &f->slots[slot];
	generation = q->generation + 1;
	memset(q, 0, sizeof *q);
	q->generation = generation;
	q->probe = probe;
	*(probe ? &f->n_probes : &f->n_questions) += 1;
	return q;
}

static void link_id(struct forward *f, struct question *q)
{
	uint32_t *head = bucket(f, q->id);

	q->next = *head;
	*head = slot_of(f, q) + 1;
}

static void unlink_id(struct forward *f, const struct question *q)
{
	uint32_t *at = bucket(f, q->id);

	while (*at != slot_of(f, q) + 1)
		at = &f->slots[*at - 1].next;
	*at = q->next;
}

/* The tag of an attempt: generation, slot and number. */
static uint64_t tag_of(const struct forward *f, const struct question *q, unsigned attempt)
{
	return (uint64_t)q->generation << 32 | slot_of(f, q) << 8 | attempt;
}

/* Gives back all that q holds but its error message. */
static void release(struct forward *f, struct question *q)
{
	for (unsigned i = 0; i < q->n_attempts; i++)
		if (q->attempts[i].open)
			f->ops->cancel(f->ctx, tag_of(f, q, i));
	for (unsigned i = 0; i < q->n_choices; i++)
		q->choices[i].peer->users--;
	heap_drop(f, q);
	if (!q->probe)
		unlink_id(f, q);
	*(q->probe ? &f->n_probes : &f->n_questions) -= 1;
	q->generation++;
	q->error = NULL;
	q->next = f->free;
	f->free = slot_of(f, q) + 1;
}

/* The end of a question: r is told last, since whoever hears it may ask the next one. */
static void resolve(struct forward *f, struct question *q, const struct resolve_result *r)
{
	uint8_t *error = q->error;
	uint64_t id = q->id;
	bool probe = q->probe;

	release(f, q);
	if (!probe)
		f->ops->resolved(f->ctx, id, r);
	free(error);
}

/* The answer of a peer whose own cannot be shown. */
static size_t write_failure(uint8_t out[EXCHANGE_LEN_MAX], const struct question *q)
{
	struct msg_wr w;

	msg_begin(&w, out, EXCHANGE_LEN_MAX, 0, (uint16_t)(MSG_QR | MSG_RD | MSG_RA | q->rcode),
		  &q->q);
	return msg_end(&w);
}

static void give_up(struct forward *f, struct question *q)
{
	const struct resolve_source from = q->heard_from;
	uint8_t bare[EXCHANGE_LEN_MAX];
	struct resolve_result r = { .status = RESOLVE_ANSWER };

	for (unsigned i = 0; i < q->n_attempts; i++)
		q->silent |= q->attempts[i].open;
	if (q->heard) {
		r.msg = q->error;
		r.len = q->error_len;
		r.from = &from;
		if (!r.msg) {
			r.msg = bare;
			r.len = write_failure(bare, q);
		}
	} else if (q->silent) {
		r.status = RESOLVE_TIMEOUT;
		r.ede = EDE_NO_REACHABLE_AUTHORITY;
	} else {
		r.status = RESOLVE_UNREACHABLE;
		r.ede = EDE_NETWORK_ERROR;
	}
	resolve(f, q, &r);
}

/* Sending. */

/* Sends q to choice c.  The transport may answer within the call, so nothing may be done with q
 * after it. */
static void send_to(struct forward *f, struct question *q, unsigned c, uint64_t now_ms)
{
	struct choice *choice = &q->choices[c];
	struct peer *p = choice->peer;
	unsigned i = q->n_attempts++;
	struct attempt *a = &q->attempts[i];
	uint8_t wire[EXCHANGE_LEN_MAX];
	size_t len;

	*a = (struct attempt){
		.sent_ms = now_ms, .choice = (uint8_t)c, .tcp = choice->tcp, .open = true
	};
	f->ops->random(f->ctx, &a->x.id, sizeof a->x.id);
	if (p->no_case_until_ms <= now_ms)
		f->ops->random(f->ctx, &a->x.upper, sizeof a->x.upper);
	a->x.edns = !choice->no_edns && p->no_edns_until_ms <= now_ms;
	len = exchange_write(wire, &q->q, q->flags, &a->x);
	choice->open++;
	p->asked++;
	f->ops->send(f->ctx, tag_of(f, q, i), &p->at, a->tcp, wire, len);
}

/* The next peer of this round, or -1.  When a peer answered, if only with an error, dead ones
 * are not waited for. */
static int next_choice(struct question *q)
{
	while (q->turn < q->n_choices && q->n_attempts < ATTEMPTS_MAX) {
		const struct choice *c = &q->choices[q->turn++];

		if (!c->done && !(q->heard && c->peer->dead))
			return q->turn - 1;
	}
	return -1;
}

static void ask_next(struct forward *f, struct question *q, int c, uint64_t now_ms)
{
	uint64_t wait = peer_patience_ms(q->choices[c].peer);

	if (q->probe)
		wait = PROBE_PATIENCE_MS;
	else if (q->turn == q->n_choices)
		wait = 2 * wait > AGAIN_MS ? 2 * wait : AGAIN_MS;
	set_due(f, q, now_ms + wait);
	send_to(f, q, (unsigned)c, now_ms);
}

static bool waiting(const struct question *q, bool for_dead)
{
	for (unsigned i = 0; i < q->n_choices; i++)
		if (q->choices[i].open && (for_dead || !q->choices[i].peer->dead))
			return true;
	return false;
}

static bool all_done(const struct question *q)
{
	for (unsigned i = 0; i < q->n_choices; i++)
		if (!q->choices[i].done)
			return false;
	return true;
}

/* An attempt ended and is of no use. */
static void go_on(struct forward *f, struct question *q, uint64_t now_ms)
{
	int c = next_choice(q);

	if (q->heard && q->give_up_ms > now_ms + HEARD_TIMEOUT_MS)
		q->give_up_ms = now_ms + HEARD_TIMEOUT_MS;
	set_due(f, q, q->due_ms);
	if (c >= 0)
		ask_next(f, q, c, now_ms);
	else if (q->heard ? !waiting(q, false)
			  : !waiting(q, true) && (q->round > 0 || q->probe || all_done(q)))
		give_up(f, q);
	else if (!waiting(q, true) && q->due_ms > now_ms + REFUSED_AGAIN_MS)
		set_due(f, q, now_ms + REFUSED_AGAIN_MS);
}

static void note_misses(struct question *q, uint64_t now_ms)
{
	for (unsigned i = 0; i < q->n_attempts; i++) {
		struct attempt *a = &q->attempts[i];
		struct peer *p = q->choices[a->choice].peer;
		uint64_t wait = q->probe ? PROBE_PATIENCE_MS : peer_patience_ms(p);

		if (!a->open || a->missed || a->sent_ms + wait > now_ms)
			continue;
		a->missed = true;
		peer_missed(p, now_ms);
	}
}

static void on_due(struct forward *f, struct question *q, uint64_t now_ms)
{
	int c;

	note_misses(q, now_ms);
	if (now_ms >= q->give_up_ms) {
		give_up(f, q);
		return;
	}
	c = next_choice(q);
	if (c < 0 && q->round == 0 && !q->probe && !q->heard) {
		q->round = 1;
		q->turn = 0;
		c = next_choice(q);
	}
	if (c >= 0) {
		ask_next(f, q, c, now_ms);
		return;
	}
	if (!waiting(q, true))
		give_up(f, q);
	else
		set_due(f, q, NEVER);
}

/* Asking. */

static void add_choice(struct question *q, struct peer *p)
{
	q->choices[q->n_choices++].peer = p;
	p->users++;
}

/* The best peers of a set, best first; equals in the order of the configuration. */
static void choose(struct question *q, const struct set *set, uint64_t now_ms)
{
	while (q->n_choices < CHOICES_MAX && q->n_choices < set->n) {
		struct peer *best = NULL;

		for (size_t i = 0; i < set->n; i++) {
			struct peer *p = set->peers[i];
			bool taken = false;

			for (unsigned j = 0; j < q->n_choices; j++)
				taken |= q->choices[j].peer == p;
			if (!taken && (!best || peer_before(p, best, now_ms)))
				best = p;
		}
		if (!best)
			return;
		add_choice(q, best);
	}
	for (unsigned i = 1; i < q->n_choices; i++)
		peer_age(q->choices[i].peer);
}

/* Puts q, its choices made, in flight. */
static void launch(struct forward *f, struct question *q, uint64_t timeout_ms, uint64_t now_ms)
{
	q->give_up_ms = now_ms + timeout_ms;
	q->due_ms = NEVER;
	q->heap_slot = ++f->n_heap;
	sift(f, q->heap_slot, slot_of(f, q));
	ask_next(f, q, next_choice(q), now_ms);
}

void forward_ask(struct forward *f, uint64_t id, const struct dns_question *asked,
		 unsigned flags, unsigned set, uint64_t now_ms)
{
	static const struct resolve_result none = { .status = RESOLVE_UNREACHABLE,
						    .ede = EDE_NO_REACHABLE_AUTHORITY };
	const struct plan *plan = f->plan;
	uint64_t timeout = plan->timeout_ms - plan->timeout_ms / 10;
	struct question *q = NULL;

	if (set < plan->n_sets && plan->sets[set].n)
		q = take_slot(f, false);
	if (!q) {
		f->ops->resolved(f->ctx, id, &none);
		return;
	}
	q->id = id;
	q->q = *asked;
	q->flags = flags;
	link_id(f, q);
	choose(q, &plan->sets[set], now_ms);
	/* The best is dead, so all are: what nobody will answer must not be held for long. */
	if (q->choices[0].peer->dead && timeout > DEAD_TIMEOUT_MS)
		timeout = DEAD_TIMEOUT_MS;
	launch(f, q, timeout, now_ms);
}

/* Asks a peer that is in doubt for the name servers of the root, which any resolver knows. */
static void probe(struct forward *f, struct peer *p, uint64_t now_ms)
{
	static const struct dns_question root_ns = {
		.name = { 0 }, .name_len = 1, .type = 2, .class = 1
	};
	struct question *q = take_slot(f, true);

	peer_probing(p, now_ms);
	if (!q)
		return;
	q->q = root_ns;
	add_choice(q, p);
	launch(f, q, PROBE_TIMEOUT_MS, now_ms);
}

void forward_doubt(struct forward *f, unsigned set, uint64_t now_ms)
{
	const struct plan *plan = f->plan;

	for (size_t i = 0; set < plan->n_sets && i < plan->sets[set].n; i++)
		peer_doubted(plan->sets[set].peers[i], now_ms);
}

/* The question of that id, or NULL. */
static struct question *find(struct forward *f, uint64_t id)
{
	uint32_t at = *bucket(f, id);

	while (at && f->slots[at - 1].id != id)
		at = f->slots[at - 1].next;
	return at ? &f->slots[at - 1] : NULL;
}

void forward_cancel(struct forward *f, uint64_t id)
{
	struct question *q = find(f, id);
	uint8_t *error;

	if (!q)
		return;
	error = q->error;
	release(f, q);
	free(error);
}

/* Receiving. */

/* Sends to the same peer once more, by stream or without EDNS. */
static bool retry(struct forward *f, struct question *q, const struct attempt *a, bool *changed,
		  uint64_t now_ms)
{
	if (*changed || q->retries >= RETRIES_MAX || q->n_attempts >= ATTEMPTS_MAX)
		return false;
	*changed = true;
	q->retries++;
	send_to(f, q, a->choice, now_ms);
	return true;
}

/* Says the answer that DNSSEC validation failed (RFC 8914 4.7 to 4.13)? */
static bool tells_bogus(const struct msg *m)
{
	uint16_t ede = msg_ede(m);

	return ede >= EDE_BOGUS && ede <= EDE_NSEC_MISSING;
}

/* Keeps an error until all peers were asked: the last one, but rather one that tells of failed
 * validation. */
static void keep_error(struct question *q, const struct msg *m,
		       const struct resolve_source *from)
{
	bool bogus = tells_bogus(m);
	uint8_t *copy = NULL;

	if (q->heard && q->bogus && !bogus)
		return;
	if (m->count[MSG_QUESTION] && m->len <= KEEP_LEN_MAX)
		copy = malloc(m->len);
	if (copy)
		memcpy(copy, m->p, m->len);
	free(q->error);
	q->error = copy;
	q->error_len = copy ? m->len : 0;
	q->heard = true;
	q->heard_from = *from;
	q->bogus = bogus;
	q->rcode = msg_rcode(m) > MSG_RCODE ? RCODE_SERVFAIL : (uint16_t)msg_rcode(m);
}

static void on_useless(struct forward *f, struct question *q, const struct attempt *a,
		       uint64_t now_ms)
{
	peer_useless(q->choices[a->choice].peer, now_ms);
	q->choices[a->choice].done = true;
	go_on(f, q, now_ms);
}

/* RFC 6891 6.1.3, 6.2.2, 7: was it EDNS that the peer did not like? */
static bool dislikes_edns(const struct msg *m)
{
	unsigned rcode = msg_rcode(m);

	return rcode == RCODE_BADVERS ||
	       (!m->edns.present && (rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP));
}

static struct resolve_source source_of(const struct peer *p, const struct attempt *a,
				       uint64_t now_ms)
{
	return (struct resolve_source){ p->at.addr, p->at.port,
					(uint32_t)(now_ms - a->sent_ms) };
}

/* A message that is the peer's answer to this question, whole and in itself right. */
static void on_answer(struct forward *f, struct question *q, const struct attempt *a,
		      const struct msg *m, uint64_t now_ms)
{
	struct choice *c = &q->choices[a->choice];
	const struct resolve_source from = source_of(c->peer, a, now_ms);
	struct resolve_result r = {
		.status = RESOLVE_ANSWER, .msg = m->p, .len = m->len, .from = &from
	};
	unsigned rcode = msg_rcode(m);

	if (rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN || rcode == RCODE_YXDOMAIN) {
		peer_useful(c->peer);
		if (c->no_edns)
			c->peer->no_edns_until_ms = now_ms + REMEMBER_MS;
		resolve(f, q, &r);
		return;
	}
	if (a->x.edns && dislikes_edns(m) && retry(f, q, a, &c->no_edns, now_ms))
		return;
	keep_error(q, m, &from);
	if (rcode != RCODE_SERVFAIL) {
		c->peer->complaint = (uint16_t)rcode;
		on_useless(f, q, a, now_ms);
		return;
	}
	/* The name's fault, more often than the peer's. */
	c->peer->errors++;
	c->done = true;
	go_on(f, q, now_ms);
}

static enum exchange_match match(const struct question *q, const struct attempt *a,
				 const uint8_t *msg, size_t len)
{
	uint8_t sent[EXCHANGE_LEN_MAX];
	size_t sent_len = exchange_write(sent, &q->q, q->flags, &a->x);

	return exchange_match(sent, sent_len, msg, len);
}

static void on_message(struct forward *f, struct question *q, const struct attempt *a,
		       const uint8_t *msg, size_t len, uint64_t now_ms)
{
	struct choice *c = &q->choices[a->choice];
	enum exchange_match like = match(q, a, msg, len);
	bool whole = false;
	struct msg m;

	/* By datagram the case proves that the peer saw the question; a stream proves it
	 * itself, so there a peer that changes the case is found out and borne with. */
	if (like == EXCHANGE_OTHER_CASE && a->tcp) {
		c->peer->no_case_until_ms = now_ms + REMEMBER_MS;
		like = EXCHANGE_SAME;
	}
	if (like == EXCHANGE_SAME || like == EXCHANGE_BARE) {
		peer_heard(c->peer, a->tcp ? NEVER : now_ms - a->sent_ms);
		if (q->probe) {
			give_up(f, q);
			return;
		}
		whole = !(msg_flags(msg) & MSG_TC);
	}
	if (whole && msg_parse(msg, len, &m) == MSG_OK)
		on_answer(f, q, a, &m, now_ms);
	else if (whole || a->tcp || !retry(f, q, a, &c->tcp, now_ms))
		on_useless(f, q, a, now_ms);
	/* else cut off, or not to be trusted: asked again by stream */
}

void forward_received(struct forward *f, uint64_t tag, enum forward_outcome outcome,
		      const uint8_t *msg, size_t len, uint64_t now_ms)
{
	uint32_t slot = (uint32_t)tag >> 8, i = tag & 0xff;
	struct question *q = slot < f->n_used ? &f->slots[slot] : NULL;
	struct attempt *a;
	struct choice *c;

	if (!q || q->generation != tag >> 32 || i >= q->n_attempts || !q->attempts[i].open)
		return;
	a = &q->attempts[i];
	c = &q->choices[a->choice];
	a->open = false;
	c->open--;
	switch (outcome) {
	case FORWARD_MESSAGE:
		on_message(f, q, a, msg, len, now_ms);
		return;
	case FORWARD_REFUSED:
		peer_refused(c->peer, now_ms);
		break;
	case FORWARD_SILENT:
		q->silent = true;
		if (!a->missed)
			peer_missed(c->peer, now_ms);
		break;
	case FORWARD_BUSY:
		break;
	}
	/* A stream that cannot be had is no reason to ask this peer by datagram again. */
	if (a->tcp)
		c->done = true;
	go_on(f, q, now_ms);
}

uint64_t forward_next(const struct forward *f)
{
	uint64_t next = f->n_heap ? deadline(&f->slots[f->heap[1]]) : NEVER;

	for (const struct peer *p = f->peers; p; p = p->next)
		if (p->listed && p->probe_ms < next)
			next = p->probe_ms;
	return next;
}

void forward_tick(struct forward *f, uint64_t now_ms)
{
	for (unsigned i = 0; i < DUE_MAX && f->n_heap; i++) {
		struct question *q = &f->slots[f->heap[1]];

		if (deadline(q) > now_ms)
			break;
		on_due(f, q, now_ms);
	}
	for (struct peer *p = f->peers; p; p = p->next)
		if (p->listed && p->probe_ms <= now_ms)
			probe(f, p, now_ms);
}

/* Configuration. */

static struct peer *peer_of(struct forward *f, const struct forward_peer *at)
{
	struct peer *p = f->peers;

	while (p && !(addr_equal(&p->at.addr, &at->addr) && p->at.port == at->port &&
		      p->at.scope == at->scope))
		p = p->next;
	if (p)
		return p;
	p = malloc(sizeof *p);
	if (!p)
		return NULL;
	peer_init(p, at);
	p->next = f->peers;
	f->peers = p;
	return p;
}

static void plan_free(struct plan *plan)
{
	for (size_t i = 0; plan && i < plan->n_sets; i++)
		free(plan->sets[i].peers);
	free(plan);
}

static bool set_fill(struct forward *f, struct set *set, const struct forward_set *from)
{
	set->peers = calloc(from->n + 1, sizeof *set->peers);
	for (size_t i = 0; set->peers && i < from->n; i++) {
		struct peer *p = peer_of(f, &from->peers[i]);

		if (!p)
			return false;
		set->peers[set->n++] = p;
	}
	return set->peers;
}

static struct plan *plan_of(struct forward *f, const struct forward_conf *conf)
{
	struct plan *plan = calloc(1, sizeof *plan + conf->n_sets * sizeof *plan->sets);

	if (!plan)
		return NULL;
	plan->timeout_ms = conf->timeout_ms;
	for (size_t i = 0; i < conf->n_sets; i++) {
		plan->n_sets++;
		if (!set_fill(f, &plan->sets[i], &conf->sets[i])) {
			plan_free(plan);
			return NULL;
		}
	}
	return plan;
}

/* Forgets peers that no plan names and no question holds. */
static void sweep(struct forward *f)
{
	for (struct peer **at = &f->peers; *at;) {
		struct peer *p = *at;

		if (p->listed || p->users) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
}

bool forward_prepare(struct forward *f, const struct forward_conf *next)
{
	plan_free(f->next_plan);
	f->next_plan = plan_of(f, next);
	if (!f->next_plan)
		sweep(f);
	return f->next_plan;
}

void forward_settle(struct forward *f, bool commit)
{
	if (commit && f->next_plan) {
		plan_free(f->plan);
		f->plan = f->next_plan;
		f->next_plan = NULL;
		for (struct peer *p = f->peers; p; p = p->next)
			p->listed = false;
		for (size_t i = 0; i < f->plan->n_sets; i++)
			for (size_t j = 0; j < f->plan->sets[i].n; j++)
				f->plan->sets[i].peers[j]->listed = true;
	}
	plan_free(f->next_plan);
	f->next_plan = NULL;
	sweep(f);
}

struct forward *forward_new(const struct forward_conf *conf, const struct forward_ops *ops,
			    void *ctx)
{
	struct forward *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->ops = ops;
	f->ctx = ctx;
	f->slots = calloc(SLOTS, sizeof *f->slots);
	if (!f->slots || !forward_prepare(f, conf)) {
		forward_free(f);
		return NULL;
	}
	forward_settle(f, true);
	return f;
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	while (f->n_heap) {
		struct question *q = &f->slots[f->heap[1]];
		uint8_t *error = q->error;

		release(f, q);
		free(error);
	}
	plan_free(f->plan);
	plan_free(f->next_plan);
	for (struct peer *p = f->peers; p; p = p->next)
		p->listed = false;
	sweep(f);
	free(f->slots);
	free(f);
}

/* Is p named by the plan before place j of set s? */
static bool named_before(const struct plan *plan, size_t s, size_t j, const struct peer *p)
{
	for (size_t i = 0; i <= s; i++)
		for (size_t k = 0; k < (i < s ? plan->sets[i].n : j); k++)
			if (plan->sets[i].peers[k] == p)
				return true;
	return false;
}

/* The i-th peer in the order of the configuration, or NULL. */
static const struct peer *peer_at(const struct plan *plan, size_t i)
{
	for (size_t s = 0; s < plan->n_sets; s++)
		for (size_t j = 0; j < plan->sets[s].n; j++)
			if (!named_before(plan, s, j, plan->sets[s].peers[j]) && i-- == 0)
				return plan->sets[s].peers[j];
	return NULL;
}

static struct forward_health health_of(const struct peer *p)
{
	return (struct forward_health){
		.peer = p->at,
		.healthy = !p->dead,
		.rtt_ms = p->measured ? (uint32_t)(p->srtt_us / 1000 + 1) : 0,
		.asked = p->asked,
		.answered = p->answered,
		.timeouts = p->timeouts,
		.errors = p->errors,
		.probe_ms = p->probe_ms,
		.no_edns_until_ms = p->no_edns_until_ms,
		.no_case_until_ms = p->no_case_until_ms,
		.shunned_until_ms = p->shunned_until_ms,
		.complaint = p->complaint,
	};
}

bool forward_health_of(const struct forward *f, unsigned set, size_t i,
		       struct forward_health *out)
{
	if (set >= f->plan->n_sets || i >= f->plan->sets[set].n)
		return false;
	*out = health_of(f->plan->sets[set].peers[i]);
	return true;
}

bool forward_health_at(const struct forward *f, size_t i, struct forward_health *out)
{
	const struct peer *p = peer_at(f->plan, i);

	if (p)
		*out = health_of(p);
	return p;
}

size_t forward_in_flight(const struct forward *f)
{
	return f->n_questions;
}
