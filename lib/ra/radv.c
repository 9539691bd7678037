/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radv.h"

#include "radv_table.h"
#include "sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct radv {
	radv_send_fn *send;
	void *arg;
	struct sched sched;
	struct radv_table *now, *next;
	struct in6_addr said_as;    /* source of the last multicast; :: for none on this link */
	struct in6_addr old_source; /* has to say farewell; :: for none */
	bool new_source_known;      /* and the new one has been heard */
	int error;
	uint64_t said_ms, asked_ms;
	struct others others;
	struct radv_counters counters;
};

int radv_prepare(struct radv *r, uint64_t now_ms, const struct radv_conf *c)
{
	/* What was never said here needs not be taken back. */
	bool said = r->now && r->now->link == c->link && !addr_is_unspecified(&r->said_as);
	struct radv_table *next = radv_table_new(c, said ? r->now : NULL, now_ms);

	if (!next)
		return -ENOMEM;
	radv_table_free(r->next);
	r->next = next;
	return 0;
}

/* --- switching ----------------------------------------------------------------------- */

static void link_changed(struct radv *r)
{
	sched_down(&r->sched, true);
	r->said_as = r->old_source = in6addr_any;
	r->error = 0;
	r->said_ms = RADV_NEVER;
	r->others = (struct others){ 0 };
}

/* RFC 4861 6.2.8: the old address says that it is a router no more. */
static bool source_changed(struct radv *r, const struct in6_addr *now)
{
	if (addr_equal(&r->old_source, now)) /* it is back */
		r->old_source = in6addr_any;
	if (addr_is_unspecified(&r->said_as) || addr_equal(&r->said_as, now))
		return false;
	r->old_source = r->said_as;
	r->new_source_known = false;
	return true;
}

/* True when hosts learn something new. */
static bool become(struct radv *r, const struct radv_table *old, const struct radv_table *t,
		   uint64_t now_ms)
{
	bool new_source = t->ready && source_changed(r, &t->link_local);

	sched_set_interval(&r->sched, now_ms, t->min_ms, t->max_ms);
	if (!t->ready) {
		sched_down(&r->sched, false);
		r->error = 0;
	} else if (!r->sched.on) {
		sched_up(&r->sched, now_ms);
	}
	if (!t->ready || !old)
		return t->ready;
	/* One more than three: one of them is the farewell of the old address. */
	if (new_source)
		sched_change(&r->sched, now_ms, SCHED_INITIAL + 1, SCHED_NEW_SOURCE_GAP_MS);
	else if (!radv_table_equal(old, t, now_ms))
		sched_change(&r->sched, now_ms, SCHED_INITIAL, SCHED_INITIAL_GAP_MS);
	else
		return false;
	return true;
}

bool radv_settle(struct radv *r, uint64_t now_ms, bool commit)
{
	struct radv_table *old = r->now, *t = r->next;

	r->next = NULL;
	if (!commit || !t) {
		radv_table_free(t);
		return false;
	}
	if (old && old->link != t->link)
		link_changed(r);
	r->now = t;
	bool news = become(r, old, t, now_ms);
	radv_table_free(old);
	return news;
}

/* --- what came in -------------------------------------------------------------------- */

static void on_solicit(struct radv *r, uint64_t now_ms, const struct ra_packet *in)
{
	struct ra_solicit rs;
	enum ra_reason reason = ra_msg_read_solicit(in, &rs);

	r->counters.rs_rx++;
	if (reason != RA_ACCEPTED) {
		r->counters.rs_invalid[reason]++;
		return;
	}
	if (r->now && addr_equal(&in->src, &r->now->link_local)) {
		r->counters.rs_own++;
		return;
	}
	r->asked_ms = now_ms;
	if (sched_solicit(&r->sched, now_ms, &in->src) == SCHED_LIMITED)
		r->counters.rs_limited++;
}

/* Sent back by a switch: from an address of ours, and with our link-layer address or none. */
static bool is_own(const struct radv *r, const struct in6_addr *src, const struct ra_header *h)
{
	const struct ra_header *ours = &r->now->header;

	if (!addr_equal(src, &r->now->link_local) && !addr_equal(src, &r->said_as) &&
	    !addr_equal(src, &r->old_source))
		return false;
	return !h->has_mac || (ours->has_mac && memcmp(h->mac, ours->mac, sizeof h->mac) == 0);
}

static void on_advert(struct radv *r, uint64_t now_ms, const struct ra_packet *in)
{
	struct ra_advert ra;
	enum ra_reason reason = ra_msg_read_advert(in, &ra);
	unsigned found;

	if (reason == RA_ACCEPTED && is_own(r, &in->src, &ra.head)) {
		r->counters.ra_own++;
		return;
	}
	r->counters.ra_rx++;
	if (reason != RA_ACCEPTED) {
		r->counters.ra_invalid[reason]++;
		return;
	}
	found = others_input(&r->others, now_ms, &in->src, &ra,
			     &(struct others_own){ r->now->link_local, &r->now->header,
						   r->now->items,
						   radv_table_announced(r->now, now_ms) });
	for (unsigned i = 0; i < OTHERS_N; i++)
		r->counters.ra_found[i] += (found & OTHERS_BIT(i)) != 0;
}

void radv_input(struct radv *r, uint64_t now_ms, const struct ra_packet *in)
{
	if (!r->sched.on || !in->len)
		return;
	if (in->msg[0] == RA_SOLICIT)
		on_solicit(r, now_ms, in);
	else if (in->msg[0] == RA_ADVERTISE)
		on_advert(r, now_ms, in);
}

const struct others *radv_others(const struct radv *r)
{
	return &r->others;
}

bool radv_news(struct radv *r, struct others_news *out)
{
	return others_news(&r->others, out);
}

/* --- what goes out ------------------------------------------------------------------- */

struct outgoing {
	struct radv *radv;
	struct in6_addr src, dst;
	int error;
};

static void send_message(void *arg, const uint8_t *msg, size_t len)
{
	struct outgoing *out = arg;
	int error = out->radv->send(out->radv->arg, &out->src, &out->dst, msg, len);

	out->radv->counters.ra_tx += error == 0;
	if (!out->error)
		out->error = error;
}

size_t radv_write(struct radv *r, uint64_t now_ms, ra_msg_fn *fn, void *arg)
{
	struct radv_table *t = r->now;

	return t ? ra_msg_write(&t->header, t->items, radv_table_items(t, now_ms), fn, arg) : 0;
}

bool radv_withdraws(const struct radv *r, const struct ra_item *item)
{
	return r->now && radv_table_withdraws(r->now, item);
}

static int say(struct radv *r, uint64_t now_ms, const struct in6_addr *dst)
{
	struct outgoing out = { r, r->now->link_local, *dst, 0 };

	r->counters.ra_tx_left_out += radv_write(r, now_ms, send_message, &out);
	r->counters.ra_tx_errors += out.error != 0;
	if (!out.error)
		r->said_as = out.src;
	return out.error;
}

/* All lifetimes zero, prefixes as they are; RFC 4861 6.2.5. only_routes: of what a host keeps
 * for each router, leaving alone what the other address still says. */
static int say_farewell(struct radv *r, uint64_t now_ms, const struct in6_addr *src,
			const struct in6_addr *dst, bool only_routes)
{
	struct radv_table *t = r->now;
	struct outgoing out = { r, *src, *dst, 0 };
	struct ra_header header = t->header;
	size_t n = radv_table_items(t, now_ms), kept = 0;

	header.lifetime_s = 0;
	for (size_t i = 0; i < n; i++) {
		struct ra_item item = t->items[i];

		if (item.kind == RA_CAPTIVE_PORTAL || (only_routes && item.kind != RA_ROUTE))
			continue;
		if (item.kind != RA_PREFIX)
			item.lifetime_s = 0;
		t->items[kept++] = item;
	}
	ra_msg_write(&header, t->items, kept, send_message, &out);
	return out.error;
}

/* It is the turn of the old address, which may be gone already. */
static bool said_farewell(struct radv *r, uint64_t now_ms, const struct in6_addr *dst)
{
	struct in6_addr src = r->old_source;

	if (addr_is_unspecified(&src) || !r->new_source_known)
		return false;
	r->old_source = in6addr_any;
	return say_farewell(r, now_ms, &src, dst, true) == 0;
}

static void multicast(struct radv *r, uint64_t now_ms, const struct sched_job *job)
{
	if (said_farewell(r, now_ms, &job->to)) {
		sched_sent(&r->sched, now_ms, true);
		return;
	}
	r->error = say(r, now_ms, &job->to);
	sched_sent(&r->sched, now_ms, r->error == 0);
	if (r->error)
		return;
	r->counters.ra_tx_solicited += job->solicited;
	r->new_source_known = true;
	r->said_ms = now_ms;
	radv_table_age(r->now, now_ms);
}

void radv_tick(struct radv *r, uint64_t now_ms)
{
	struct sched_job job;

	while (sched_due(&r->sched, now_ms, &job)) {
		if (job.multicast)
			multicast(r, now_ms, &job);
		else
			r->counters.ra_tx_solicited += say(r, now_ms, &job.to) == 0;
	}
}

void radv_cease(struct radv *r, uint64_t now_ms)
{
	static const struct in6_addr all_nodes = { { { 0xff, 2, [15] = 1 } } };

	/* Even before the first word: one that was killed here may have spoken. */
	if (r->sched.on)
		say_farewell(r, now_ms, &r->now->link_local, &all_nodes, false);
	sched_down(&r->sched, false);
	r->said_as = in6addr_any;
}

/* --- the object ---------------------------------------------------------------------- */

uint64_t radv_next(const struct radv *r)
{
	return sched_next(&r->sched);
}

struct radv_status radv_status(const struct radv *r)
{
	struct radv_status status = { .state = "waiting",
				      .next_ms = r->sched.multicast_ms,
				      .said_ms = r->said_ms,
				      .asked_ms = r->asked_ms,
				      .min_ms = r->sched.min_ms,
				      .max_ms = r->sched.max_ms,
				      .error = r->error };

	if (r->sched.on)
		status.state = r->sched.quick ? "announcing" : "steady";
	for (size_t i = 0; r->now && i < r->now->n; i++)
		status.withdrawn += r->now->entries[i].withdrawals > 0;
	return status;
}

const struct radv_counters *radv_counters(const struct radv *r)
{
	return &r->counters;
}

const struct radv_counter_row *radv_counter_row(size_t i)
{
#define PLAIN(id, text, rfc) { "ra." #id, text, rfc, offsetof(struct radv_counters, id) },
#define SOLICIT(id, name, text, rfc)                                  \
	{ "ra.rs_invalid." name, "solicitations dropped: " text, rfc, \
	  offsetof(struct radv_counters, rs_invalid[RA_BAD_##id]) },
#define ADVERT(id, name, text, rfc)                                    \
	{ "ra.ra_invalid." name, "advertisements dropped: " text, rfc, \
	  offsetof(struct radv_counters, ra_invalid[RA_BAD_##id]) },
#define FINDING(id, name, text, rfc) \
	{ "ra." name, text, rfc, offsetof(struct radv_counters, ra_found[OTHERS_##id]) },
	static const struct radv_counter_row rows[] = { RADV_COUNTERS(PLAIN) RA_REASONS(
		SOLICIT) RA_REASONS(ADVERT) OTHERS_FINDINGS(FINDING) };

	return i < sizeof rows / sizeof rows[0] ? &rows[i] : NULL;
}

struct radv *radv_new(uint64_t seed, radv_send_fn *send, void *arg)
{
	struct radv *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->send = send;
	r->arg = arg;
	r->said_ms = r->asked_ms = RADV_NEVER;
	sched_init(&r->sched, seed);
	return r;
}

void radv_free(struct radv *r)
{
	if (!r)
		return;
	radv_table_free(r->now);
	radv_table_free(r->next);
	free(r);
}
