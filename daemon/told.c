/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "told.h"

#include "event.h"

#include <string.h>

#define QUIET_MS 60000u

static bool is_same(const struct reason *a, const struct reason *b)
{
	return strcmp(a->plane, b->plane) == 0 && strcmp(a->text, b->text) == 0;
}

static bool has_reason(const struct reasons *list, const struct reason *r)
{
	for (size_t i = 0; i < list->n; i++)
		if (is_same(&list->v[i], r))
			return true;
	return false;
}

static struct told_reason *find(struct told *t, const struct reason *r)
{
	for (size_t i = 0; i < t->n; i++)
		if (is_same(&t->v[i].reason, r))
			return &t->v[i];
	return NULL;
}

/* A new place, or that of the one that is gone longest: in a minute there are no more lines
 * than places, however different the reasons. */
static struct told_reason *place(struct told *t)
{
	struct told_reason *oldest = NULL;

	if (t->n < TOLD_MAX)
		return &t->v[t->n++];
	for (size_t i = 0; i < t->n; i++)
		if (!t->v[i].open && (!oldest || t->v[i].at_ms < oldest->at_ms))
			oldest = &t->v[i];
	return oldest;
}

static void tell_over(const struct reason *r)
{
	const struct log_fields fields = { .plane = r->plane,
					   .about = event_row(r->event)->name };

	event_tell(EVENT_OVER, &fields, "no longer: %s", r->text);
}

static bool has_to_wait(const struct told_reason *e, uint64_t now_ms)
{
	return e && e->at_ms && e->at_ms + QUIET_MS > now_ms;
}

uint64_t told_update(struct told *t, const struct reasons *now, uint64_t now_ms)
{
	uint64_t again = UINT64_MAX;

	for (size_t i = 0; i < t->n; i++) {
		struct told_reason *e = &t->v[i];

		if (!e->open || has_reason(now, &e->reason))
			continue;
		e->open = false;
		tell_over(&e->reason);
	}
	for (size_t i = 0; i < now->n; i++) {
		struct told_reason *e = find(t, &now->v[i]);

		if (e && e->open)
			continue;
		e = e ? e : place(t);
		if (has_to_wait(e, now_ms))
			again = e->at_ms + QUIET_MS < again ? e->at_ms + QUIET_MS : again;
		if (!e || has_to_wait(e, now_ms))
			continue;
		*e = (struct told_reason){ now->v[i], true, now_ms };
		event_tell(e->reason.event, NULL, "%s", e->reason.text);
	}
	return again;
}
