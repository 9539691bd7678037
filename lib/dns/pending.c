/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pending.c - see pending.h.
 *
 * Places are indices plus one, 0 is none.  Free places that were never used lie behind
 * *_touched, so that memory is not touched before it is needed.
 */
#include "pending.h"

#include "base/addr.h"

#include <stdlib.h>
#include <string.h>

/* One more than may wait: the one in hand. */
#define SLOTS         (PENDING_SLOTS + 1)
#define JOBS          RESOLVE_MAX
#define JOB_BUCKETS   8192
#define GUEST_BUCKETS 1024

_Static_assert(JOBS == 2 * SLOTS + PENDING_SLOTS, "resolve.h reckons with as many slots");

struct guest {
	struct in6_addr addr;
	enum dns_transport transport;
	unsigned count;
	uint32_t next;
};

struct list {
	uint32_t first, last;
};

struct pending {
	struct siphash_key key;
	struct pending_slot *slots;
	struct pending_job *jobs;
	struct guest *guests;
	uint32_t free_slot, free_job, free_guest;
	uint32_t slots_touched, jobs_touched, guests_touched;
	size_t n_waiting, n_jobs;
	struct list timers[PENDING_TIMERS], queue, job_queue;
	uint32_t job_buckets[JOB_BUCKETS], guest_buckets[GUEST_BUCKETS];
};

struct pending *pending_new(const struct siphash_key *key)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->key = *key;
	p->slots = calloc(SLOTS, sizeof *p->slots);
	p->jobs = calloc(JOBS, sizeof *p->jobs);
	p->guests = calloc(SLOTS, sizeof *p->guests);
	if (!p->slots || !p->jobs || !p->guests) {
		pending_free(p);
		return NULL;
	}
	return p;
}

void pending_free(struct pending *p)
{
	if (!p)
		return;
	free(p->slots);
	free(p->jobs);
	free(p->guests);
	free(p);
}

static uint32_t slot_place(const struct pending *p, const struct pending_slot *s)
{
	return (uint32_t)(s - p->slots) + 1;
}

static struct pending_slot *slot_at(const struct pending *p, uint32_t place)
{
	return place ? &p->slots[place - 1] : NULL;
}

static uint32_t job_place(const struct pending *p, const struct pending_job *j)
{
	return (uint32_t)(j - p->jobs) + 1;
}

struct pending_slot *pending_take(struct pending *p)
{
	struct pending_slot *s = slot_at(p, p->free_slot);

	if (s)
		p->free_slot = s->next;
	else if (p->slots_touched < SLOTS)
		s = &p->slots[p->slots_touched++];
	if (s)
		memset(s, 0, sizeof *s);
	return s;
}

/* Guests: addresses with slots that wait, for each transport. */

static uint32_t *guest_bucket(struct pending *p, const struct in6_addr *addr)
{
	return &p->guest_buckets[siphash(&p->key, addr, sizeof *addr) % GUEST_BUCKETS];
}

static uint32_t find_guest(const struct pending *p, uint32_t g, const struct in6_addr *addr,
			   enum dns_transport transport)
{
	while (g && !(p->guests[g - 1].transport == transport &&
		      addr_equal(&p->guests[g - 1].addr, addr)))
		g = p->guests[g - 1].next;
	return g;
}

static void enter_guest(struct pending *p, struct pending_slot *s)
{
	uint32_t *bucket = guest_bucket(p, &s->client.addr);
	uint32_t g = find_guest(p, *bucket, &s->client.addr, s->client.transport);

	if (!g) {
		g = p->free_guest;
		if (g)
			p->free_guest = p->guests[g - 1].next;
		else
			g = ++p->guests_touched;
		p->guests[g - 1] =
			(struct guest){ s->client.addr, s->client.transport, 0, *bucket };
		*bucket = g;
	}
	p->guests[g - 1].count++;
	s->guest = g;
}

static void leave_guest(struct pending *p, struct pending_slot *s)
{
	struct guest *g = &p->guests[s->guest - 1];
	uint32_t *link;

	if (--g->count)
		return;
	link = guest_bucket(p, &g->addr);
	while (*link != s->guest)
		link = &p->guests[*link - 1].next;
	*link = g->next;
	g->next = p->free_guest;
	p->free_guest = s->guest;
}

unsigned pending_of_client(const struct pending *p, const struct in6_addr *addr,
			   enum dns_transport transport)
{
	uint32_t g = p->guest_buckets[siphash(&p->key, addr, sizeof *addr) % GUEST_BUCKETS];

	g = find_guest(p, g, addr, transport);
	return g ? p->guests[g - 1].count : 0;
}

void pending_wait(struct pending *p, struct pending_slot *s)
{
	if (s->waiting)
		return;
	s->waiting = true;
	p->n_waiting++;
	enter_guest(p, s);
}

size_t pending_waiting(const struct pending *p)
{
	return p->n_waiting;
}

/* Timers. */

void pending_set(struct pending *p, struct pending_slot *s, enum pending_timer t,
		 uint64_t due_ms)
{
	struct list *l = &p->timers[t];

	pending_stop(p, s, t);
	s->timer[t].due_ms = due_ms;
	s->timer[t].prev = l->last;
	s->timer[t].next = 0;
	if (l->last)
		slot_at(p, l->last)->timer[t].next = slot_place(p, s);
	else
		l->first = slot_place(p, s);
	l->last = slot_place(p, s);
}

void pending_stop(struct pending *p, struct pending_slot *s, enum pending_timer t)
{
	struct list *l = &p->timers[t];
	uint32_t prev = s->timer[t].prev, next = s->timer[t].next;

	if (!s->timer[t].due_ms)
		return;
	if (prev)
		slot_at(p, prev)->timer[t].next = next;
	else
		l->first = next;
	if (next)
		slot_at(p, next)->timer[t].prev = prev;
	else
		l->last = prev;
	s->timer[t].due_ms = 0;
}

struct pending_slot *pending_first(const struct pending *p, enum pending_timer t)
{
	return slot_at(p, p->timers[t].first);
}

struct pending_slot *pending_after(const struct pending *p, const struct pending_slot *s,
				   enum pending_timer t)
{
	return slot_at(p, s->timer[t].next);
}

/* Legs and jobs.  The place of a leg is twice that of its slot, plus its number. */

static uint32_t leg_place(const struct pending *p, const struct pending_slot *s,
			  const struct pending_leg *leg)
{
	return 2 * slot_place(p, s) + (uint32_t)(leg - s->legs);
}

static struct pending_leg *leg_at(const struct pending *p, uint32_t place)
{
	return &slot_at(p, place / 2)->legs[place % 2];
}

static uint64_t hash_of(const struct pending *p, const struct dns_question *q, uint8_t flags)
{
	const uint64_t more[] = { name_hash(&p->key, q->name),
				  (uint64_t)q->type << 32 | (uint64_t)q->class << 8 | flags };

	return siphash(&p->key, more, sizeof more);
}

static uint32_t find_job(const struct pending *p, const struct dns_question *q, uint8_t flags,
			 uint64_t hash)
{
	uint32_t j = p->job_buckets[hash % JOB_BUCKETS];

	for (; j; j = p->jobs[j - 1].bucket_next) {
		const struct pending_job *job = &p->jobs[j - 1];

		if (job->hash == hash && job->flags == flags && job->q.type == q->type &&
		    job->q.class == q->class && name_equal(job->q.name, q->name))
			break;
	}
	return j;
}

static struct pending_job *make_job(struct pending *p, const struct dns_question *q,
				    uint8_t flags, uint64_t hash)
{
	uint32_t j = p->free_job, *bucket = &p->job_buckets[hash % JOB_BUCKETS];
	struct pending_job *job;

	if (!j && p->jobs_touched == JOBS)
		return NULL;
	if (!j)
		j = ++p->jobs_touched;
	job = &p->jobs[j - 1];
	p->free_job = job->next;
	*job = (struct pending_job){ .q = *q,
				     .flags = flags,
				     .busy = true,
				     .generation = job->generation + 1,
				     .bucket_next = *bucket,
				     .hash = hash };
	*bucket = j;
	p->n_jobs++;
	return job;
}

struct pending_job *pending_join(struct pending *p, struct pending_slot *s,
				 struct pending_leg *leg, const struct dns_question *q,
				 uint8_t flags, bool *is_new)
{
	uint64_t hash = hash_of(p, q, flags);
	uint32_t j = find_job(p, q, flags, hash);
	struct pending_job *job = j ? &p->jobs[j - 1] : make_job(p, q, flags, hash);

	if (!job)
		return NULL;
	*is_new = !j;
	if (!leg)
		return job;
	leg->job = job_place(p, job);
	leg->prev = 0;
	leg->next = job->legs;
	if (job->legs)
		leg_at(p, job->legs)->prev = leg_place(p, s, leg);
	job->legs = leg_place(p, s, leg);
	return job;
}

void pending_leave(struct pending *p, struct pending_slot *s, struct pending_leg *leg)
{
	(void)s;
	if (!leg->job)
		return;
	if (leg->prev)
		leg_at(p, leg->prev)->next = leg->next;
	else
		p->jobs[leg->job - 1].legs = leg->next;
	if (leg->next)
		leg_at(p, leg->next)->prev = leg->prev;
	leg->job = 0;
}

void pending_release(struct pending *p, struct pending_slot *s)
{
	for (enum pending_timer t = 0; t < PENDING_TIMERS; t++)
		pending_stop(p, s, t);
	if (s->waiting) {
		p->n_waiting--;
		leave_guest(p, s);
	}
	s->waiting = false;
	s->next = p->free_slot;
	p->free_slot = slot_place(p, s);
}

struct pending_job *pending_job_of_leg(const struct pending *p, const struct pending_leg *leg)
{
	return leg->job ? &p->jobs[leg->job - 1] : NULL;
}

uint64_t pending_id(const struct pending *p, const struct pending_job *job)
{
	return (uint64_t)job->generation << 32 | job_place(p, job);
}

struct pending_job *pending_job_of(const struct pending *p, uint64_t id)
{
	uint32_t place = (uint32_t)id;
	struct pending_job *job;

	if (!place || place > p->jobs_touched)
		return NULL;
	job = &p->jobs[place - 1];
	return job->busy && job->generation == id >> 32 ? job : NULL;
}

struct pending_job *pending_job_at(const struct pending *p, size_t i)
{
	return i < p->jobs_touched ? &p->jobs[i] : NULL;
}

size_t pending_jobs(const struct pending *p)
{
	return p->n_jobs;
}

struct pending_leg *pending_first_leg(const struct pending *p, const struct pending_job *job,
				      struct pending_slot **slot)
{
	if (!job->legs)
		return NULL;
	*slot = slot_at(p, job->legs / 2);
	return leg_at(p, job->legs);
}

void pending_end(struct pending *p, struct pending_job *job)
{
	uint32_t place = job_place(p, job), *link = &p->job_buckets[job->hash % JOB_BUCKETS];

	while (*link != place)
		link = &p->jobs[*link - 1].bucket_next;
	*link = job->bucket_next;
	job->busy = false;
	job->next = p->free_job;
	p->free_job = place;
	p->n_jobs--;
}

void pending_queue(struct pending *p, struct pending_slot *s)
{
	if (s->queued)
		return;
	s->queued = true;
	s->next = 0;
	if (p->queue.last)
		slot_at(p, p->queue.last)->next = slot_place(p, s);
	else
		p->queue.first = slot_place(p, s);
	p->queue.last = slot_place(p, s);
}

struct pending_slot *pending_next(struct pending *p)
{
	struct pending_slot *s = slot_at(p, p->queue.first);

	if (!s)
		return NULL;
	p->queue.first = s->next;
	if (!s->next)
		p->queue.last = 0;
	s->queued = false;
	return s;
}

void pending_queue_job(struct pending *p, struct pending_job *job)
{
	job->next = 0;
	if (p->job_queue.last)
		p->jobs[p->job_queue.last - 1].next = job_place(p, job);
	else
		p->job_queue.first = job_place(p, job);
	p->job_queue.last = job_place(p, job);
}

struct pending_job *pending_next_job(struct pending *p)
{
	struct pending_job *job = p->job_queue.first ? &p->jobs[p->job_queue.first - 1] : NULL;

	if (!job)
		return NULL;
	p->job_queue.first = job->next;
	if (!job->next)
		p->job_queue.last = 0;
	job->sent = true;
	return job;
}
