/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sched.h - when to advertise: RFC 4861 6.2.4 to 6.2.6 as deadlines, RFC 7772 for the answers.
 *
 * One for each interface.  Knows no message and no clock: events come in with the time, jobs
 * come out when they are due.  A wake-up that comes late gives one multicast, never a burst.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHED_NEVER   UINT64_MAX
#define SCHED_ANSWERS 32 /* unicast answers that wait at once */

enum {
	SCHED_INITIAL = 3,              /* MAX_INITIAL_RTR_ADVERTISEMENTS */
	SCHED_INITIAL_GAP_MS = 16000,   /* MAX_INITIAL_RTR_ADVERT_INTERVAL */
	SCHED_MIN_DELAY_MS = 3000,      /* MIN_DELAY_BETWEEN_RAS */
	SCHED_ANSWER_DELAY_MS = 500,    /* MAX_RA_DELAY_TIME */
	SCHED_FIRST_DELAY_MS = 250,     /* our own: interfaces that come up together */
	SCHED_NEW_SOURCE_GAP_MS = 3500, /* our own: while two addresses stand for one router */
	SCHED_ANSWER_COST_MS = 100,     /* token bucket: ten answers a second, */
	SCHED_ANSWER_CREDIT_MS = 2000,  /* twenty at once */
	SCHED_RETRY_FIRST_MS = 250,
	SCHED_RETRY_MAX_MS = 3000,
};

struct sched_answer {
	struct in6_addr to;
	uint64_t due_ms;
};

/* Belongs to its owner, set up by sched_init(); read only from outside. */
struct sched {
	uint64_t random;         /* state of its own random stream */
	uint32_t min_ms, max_ms; /* of the interval between unsolicited multicasts */
	bool on;
	bool solicited;        /* the next multicast answers a solicitation */
	unsigned quick;        /* multicasts to come with short gaps */
	uint32_t quick_gap_ms; /* at most this after the one before */
	uint64_t multicast_ms; /* when the next is due */
	uint64_t allowed_ms;   /* no multicast before this */
	uint32_t retry_ms;     /* wait after the next failure */
	uint32_t credit_ms;    /* for unicast answers */
	uint64_t credit_at_ms;
	struct sched_answer answers[SCHED_ANSWERS];
	size_t n_answers;
};

/* Nothing is due before sched_up().  Different seeds give different streams. */
void sched_init(struct sched *, uint64_t seed);

/* The interval from now on, min <= max; applies to the gap that runs when that is too long. */
void sched_set_interval(struct sched *, uint64_t now_ms, uint32_t min_ms, uint32_t max_ms);

/* The interface can send: three multicasts with short gaps, the first at once, at most 250 ms
 * from now unless the last was less than three seconds ago. */
void sched_up(struct sched *, uint64_t now_ms);

/* It cannot: nothing is due any more.  forget: it is another link now, also the last multicast
 * does not count. */
void sched_down(struct sched *, bool forget);

/* What is announced changed: one multicast within 3.5 s, and n in all with gaps of at most
 * gap_ms (RFC 4861 6.2.4: "transmit up to MAX_INITIAL_RTR_ADVERTISEMENTS"). */
void sched_change(struct sched *, uint64_t now_ms, unsigned n, uint32_t gap_ms);

/* How a solicitation is answered: by unicast, by a multicast because it came from the
 * unspecified address or the multicast is due before, or by a multicast because there were too
 * many. */
enum sched_answer_kind { SCHED_UNICAST, SCHED_MULTICAST, SCHED_LIMITED };

/* A valid solicitation came from src.  One answer for several of one source (6.2.6). */
enum sched_answer_kind sched_solicit(struct sched *, uint64_t now_ms,
				     const struct in6_addr *src);

/* When to call sched_due() next. */
uint64_t sched_next(const struct sched *);

struct sched_job {
	bool multicast, solicited;
	struct in6_addr to; /* ff02::1 for a multicast */
};

/* Takes one job that is due; false when there is none.  A multicast stands for all waiting
 * answers and stays due until sched_sent(). */
bool sched_due(struct sched *, uint64_t now_ms, struct sched_job *out);

/* The multicast went out, or could not (it is then tried again within three seconds). */
void sched_sent(struct sched *, uint64_t now_ms, bool ok);
