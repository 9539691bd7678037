/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pending.h - what is under way: questions of clients, and questions asked for them.
 *
 * A slot is a client's question; it has one leg, or two for DNS64 (AAAA and A).  A leg waits
 * for a job, a question that forwarders were asked; many legs may wait for one job, and a job
 * whose legs are gone goes on for the cache.  All are places in tables of fixed size.  Holds no
 * rule.
 */
#pragma once

#include "ask.h"
#include "query.h"
#include "synth.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PENDING_SLOTS 4096
#define PENDING_HOPS  12 /* messages of one chain: the first and 11 CNAMEs followed by us */

enum pending_timer { PENDING_STALE, PENDING_PATIENCE, PENDING_GIVE_UP, PENDING_TIMERS };

struct pending_hop {
	uint32_t pin; /* of the cache; 0 with is_special */
	bool is_special;
};

struct pending_leg {
	uint16_t type;
	enum synth_outcome outcome;
	uint8_t n_hops, cnames;
	bool used;
	bool filtered; /* some of its data may not be used */
	bool huge;     /* its data was not looked at: no datagram holds it */
	struct pending_hop hops[PENDING_HOPS];
	uint32_t stale_pin;  /* what to use when the job fails or takes long */
	uint16_t rcode, ede; /* where outcome is a failure */
	uint32_t job;        /* 0: none */
	uint32_t prev, next; /* in the job's list of legs */
};

enum pending_goal { PENDING_PLAIN, PENDING_DNS64, PENDING_PTR };

struct pending_slot {
	struct dns_client client;
	struct ask ask;
	enum pending_goal goal;
	struct pref64 prefix; /* PENDING_PTR: the one that the name is inside */
	uint64_t arrived_ms;
	bool waiting;       /* set by pending_wait() */
	bool asked;         /* a forwarder had to be asked */
	bool may_not_ask;   /* RD=0, and something is not in the cache */
	bool limited;       /* the client has too many waiting */
	bool no_room;       /* an answer did not fit into the cache */
	bool takes_stale;   /* does not wait for better any longer */
	bool over;          /* out of time: no more is asked */
	bool patience_over; /* AAAA is not waited for any longer */
	struct pending_leg legs[2];
	bool queued;
	uint32_t next; /* in the list of free or of queued slots */
	uint32_t guest;
	struct {
		uint32_t prev, next;
		uint64_t due_ms; /* 0: not in the list */
	} timer[PENDING_TIMERS];
};

struct pending_job {
	struct dns_question q;
	uint8_t flags; /* RESOLVE_* */
	bool busy, sent;
	unsigned set;
	uint32_t generation;
	uint32_t legs; /* the first that waits */
	uint32_t bucket_next, next;
	uint64_t hash;
};

struct pending;

struct pending *pending_new(const struct siphash_key *key);
void pending_free(struct pending *);

/* A slot, zeroed; there are some for those in hand when PENDING_SLOTS wait, then NULL. */
struct pending_slot *pending_take(struct pending *);
void pending_release(struct pending *,
		     struct pending_slot *); /* its legs have left their jobs */

/* The slot waits from now on, and counts for its client. */
void pending_wait(struct pending *, struct pending_slot *);
size_t pending_waiting(const struct pending *);

/* How many of an address wait.  Streams and datagrams are counted apart: who writes another's
 * address into datagrams cannot use up what that one has by stream. */
unsigned pending_of_client(const struct pending *, const struct in6_addr *addr,
			   enum dns_transport);

/* Timers are lists in order of setting: those of one kind have to be set with one delay. */
void pending_set(struct pending *, struct pending_slot *, enum pending_timer, uint64_t due_ms);
void pending_stop(struct pending *, struct pending_slot *, enum pending_timer);
struct pending_slot *pending_first(const struct pending *, enum pending_timer);
struct pending_slot *pending_after(const struct pending *, const struct pending_slot *,
				   enum pending_timer);

/* The leg waits for the answer to q; *is_new says that it has yet to be asked. NULL when there
 * is no room for another job. leg may be NULL. */
struct pending_job *pending_join(struct pending *, struct pending_slot *, struct pending_leg *,
				 const struct dns_question *q, uint8_t flags, bool *is_new);
void pending_leave(struct pending *, struct pending_slot *, struct pending_leg *);

/* What the leg waits for; NULL for nothing. */
struct pending_job *pending_job_of_leg(const struct pending *, const struct pending_leg *);

/* The number of a job for the outside, and the job of a number; NULL when it is over. */
uint64_t pending_id(const struct pending *, const struct pending_job *);
struct pending_job *pending_job_of(const struct pending *, uint64_t id);
struct pending_job *pending_job_at(const struct pending *, size_t i); /* NULL behind the last */
size_t pending_jobs(const struct pending *);

/* The first leg that waits for job, and its slot; NULL when there is none. */
struct pending_leg *pending_first_leg(const struct pending *, const struct pending_job *,
				      struct pending_slot **slot);
void pending_end(struct pending *, struct pending_job *); /* no leg may wait */

/* Slots that something happened to, and jobs yet to be asked, first in, first out. */
void pending_queue(struct pending *, struct pending_slot *);
struct pending_slot *pending_next(struct pending *);
void pending_queue_job(struct pending *, struct pending_job *);
struct pending_job *pending_next_job(struct pending *);
