/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radv_table.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define WITHDRAWALS    3     /* advertisements that take something back */
#define DEPRECATED_S   7200u /* RFC 4862 5.5.3(e): hosts believe no less */
#define FORGET_FOUND_S 5400u /* RFC 9096 3.5: how long a lost prefix is taken back */

/* RFC 8910 2: there is no captive portal (any more). */
static const char unrestricted[] = "urn:ietf:params:capport:unrestricted";

/* --- a new table --------------------------------------------------------------------- */

void radv_table_free(struct radv_table *t)
{
	if (t)
		memory_free(t->memory);
}

/* Rounded up: what is not zero stays so. */
static uint32_t seconds(int64_t ms)
{
	if (ms == RADV_INFINITE)
		return RA_INFINITE;
	return ms / 1000 >= RA_INFINITE - 1 ? RA_INFINITE - 1 : (uint32_t)((ms + 999) / 1000);
}

static uint32_t milliseconds(int64_t ms)
{
	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* RFC 8106 5.1, RFC 4191 2.3, RFC 8781 4.1: three intervals; what hangs on the default router
 * lives as long as that. */
static int64_t lifetime_of(const struct radv_conf *c, const struct radv_item *from)
{
	int64_t three = 3 * c->max_interval_ms;

	if (from->withheld)
		return 0;
	if (!c->forwarding && (from->kind == RA_ROUTE || from->kind == RA_PREF64))
		return 0;
	if (from->lifetime_ms != RADV_AUTO)
		return from->lifetime_ms;
	return from->kind != RA_ROUTE && three < c->router_lifetime_ms ? c->router_lifetime_ms
								       : three;
}

static void make_prefix(struct radv_entry *e, const struct radv_item *from)
{
	e->item.flags = (uint8_t)((from->on_link ? RA_PREFIX_ON_LINK : 0) |
				  (from->autonomous ? RA_PREFIX_AUTONOMOUS : 0));
	/* RFC 6275 7.2: with R the whole address, and never without one. */
	if (!addr_is_unspecified(&from->router_address)) {
		e->item.flags |= RA_PREFIX_ROUTER_ADDRESS;
		e->item.addr = from->router_address;
	}
	e->item.preferred_s = seconds(from->preferred_ms);
	e->found = from->found;
	e->valid_until_ms = from->valid_until_ms;
	e->preferred_until_ms = from->preferred_until_ms;
}

/* false: memory is short.  A domain that is no name leaves n_bytes zero. */
static bool make_bytes(struct radv_table *t, struct radv_entry *e, const struct radv_item *from)
{
	uint8_t name[RA_NAME_MAX];
	const char *bytes = from->text;
	size_t n = strlen(from->text);

	if (from->kind == RA_DNSSL) {
		n = ra_name_write(from->text, name);
		bytes = (const char *)name;
	}
	if (n > UINT16_MAX)
		n = 0;
	e->item.bytes = (const uint8_t *)memory_copy(t->memory, bytes, n);
	e->item.n_bytes = (uint16_t)n;
	return e->item.bytes != NULL;
}

static struct radv_entry *find(const struct radv_table *t, const struct ra_item *item)
{
	for (size_t i = 0; i < t->n; i++)
		if (ra_item_same(&t->entries[i].item, item))
			return &t->entries[i];
	return NULL;
}

static bool add_item(struct radv_table *t, const struct radv_conf *c,
		     const struct radv_item *from)
{
	struct radv_entry *e = &t->entries[t->n];

	*e = (struct radv_entry){ .valid_until_ms = RADV_NEVER,
				  .preferred_until_ms = RADV_NEVER };
	e->item = (struct ra_item){ .kind = from->kind,
				    .addr = from->addr,
				    .len = from->len,
				    .preference = from->preference,
				    .lifetime_s = seconds(lifetime_of(c, from)) };
	if (from->kind == RA_PREFIX)
		make_prefix(e, from);
	if (from->text && !make_bytes(t, e, from))
		return false;
	if (from->text && !e->item.n_bytes)
		return true;
	if (!find(t, &e->item)) /* twice the same would contradict itself */
		t->n++;
	return true;
}

/* --- what a change takes back -------------------------------------------------------- */

/* RFC 4861 6.2.1: lifetimes that run out with the kernel's. */
static uint32_t limited(uint32_t s, uint64_t until_ms, uint64_t now_ms)
{
	uint64_t left_s;

	if (until_ms == RADV_NEVER)
		return s;
	left_s = until_ms > now_ms ? (until_ms - now_ms) / 1000 : 0;
	return left_s < s ? (uint32_t)left_s : s;
}

static struct ra_item item_now(const struct radv_entry *e, uint64_t now_ms)
{
	struct ra_item item = e->item;

	if (item.kind != RA_PREFIX || e->withdrawals)
		return item;
	item.lifetime_s = limited(item.lifetime_s, e->valid_until_ms, now_ms);
	item.preferred_s = limited(item.preferred_s, e->preferred_until_ms, now_ms);
	if (item.preferred_s > item.lifetime_s)
		item.preferred_s = item.lifetime_s;
	return item;
}

/* A prefix that the operator removed runs out softly; one that the host lost is of no use to
 * anyone: zero, said for as long as a sleeping host may believe in it (RFC 9096 3.5). */
static void withdraw(struct radv_entry *e, uint64_t now_ms)
{
	uint32_t was_s;

	e->item = item_now(e, now_ms);
	was_s = e->item.lifetime_s;
	e->withdrawals = WITHDRAWALS;
	e->gone_ms = now_ms;
	e->item.preferred_s = 0;
	e->item.lifetime_s = 0;
	if (e->item.kind == RA_PREFIX && e->found)
		e->gone_ms += (was_s < FORGET_FOUND_S ? was_s : FORGET_FOUND_S) * 1000ull;
	else if (e->item.kind == RA_PREFIX)
		e->item.lifetime_s = was_s < DEPRECATED_S ? was_s : DEPRECATED_S;
	if (e->item.kind == RA_CAPTIVE_PORTAL) {
		e->item.bytes = (const uint8_t *)unrestricted;
		e->item.n_bytes = sizeof unrestricted - 1;
	}
}

static bool is_over(const struct radv_entry *e, uint64_t now_ms)
{
	return e->withdrawals == 1 && now_ms >= e->gone_ms;
}

/* Takes over from t's predecessor what t does not have any more. */
static bool add_withdrawals(struct radv_table *t, const struct radv_table *old, uint64_t now_ms)
{
	for (size_t i = 0; i < old->n; i++) {
		struct radv_entry *e = &t->entries[t->n];

		if (find(t, &old->entries[i].item))
			continue;
		*e = old->entries[i];
		if (!e->withdrawals)
			withdraw(e, now_ms);
		if (e->item.n_bytes)
			e->item.bytes = (const uint8_t *)memory_copy(
				t->memory, (const char *)e->item.bytes, e->item.n_bytes);
		if (e->item.n_bytes && !e->item.bytes)
			return false;
		t->n++;
	}
	return true;
}

struct radv_table *radv_table_new(const struct radv_conf *c, const struct radv_table *old,
				  uint64_t now_ms)
{
	struct memory *memory = memory_new();
	struct radv_table *t = memory ? memory_take(memory, sizeof *t) : NULL;
	size_t room = c->n + (old ? old->n : 0) + 1;

	if (!t) {
		memory_free(memory);
		return NULL;
	}
	*t = (struct radv_table){ .memory = memory,
				  .link = c->link,
				  .ready = c->ready,
				  .link_local = c->link_local,
				  .min_ms = milliseconds(c->min_interval_ms),
				  .max_ms = milliseconds(c->max_interval_ms),
				  .header = c->header };
	t->header.lifetime_s = 0;
	if (c->forwarding && c->router_lifetime_ms)
		t->header.lifetime_s = c->router_lifetime_ms > 65535000
					       ? 65535
					       : (uint16_t)seconds(c->router_lifetime_ms);
	t->entries = memory_take(t->memory, room * sizeof *t->entries);
	t->items = memory_take(t->memory, room * sizeof *t->items);
	if (!t->entries || !t->items)
		goto fail;
	for (size_t i = 0; i < c->n; i++)
		if (!add_item(t, c, &c->items[i]))
			goto fail;
	if (old && !add_withdrawals(t, old, now_ms))
		goto fail;
	return t;
fail:
	radv_table_free(t);
	return NULL;
}

/* --- comparing two tables ------------------------------------------------------------ */

static bool header_equal(const struct ra_header *a, const struct ra_header *b)
{
	return a->hop_limit == b->hop_limit && a->managed == b->managed &&
	       a->other == b->other && a->preference == b->preference &&
	       a->lifetime_s == b->lifetime_s && a->reachable_ms == b->reachable_ms &&
	       a->retrans_ms == b->retrans_ms && a->mtu == b->mtu && a->has_mac == b->has_mac &&
	       memcmp(a->mac, b->mac, sizeof a->mac) == 0;
}

/* A limit that moves a little is no news (the uplink renews its prefix all the time); one that
 * comes to zero, comes back from it, or loses more than half is. */
static bool limit_moved(uint32_t was_s, uint32_t is_s)
{
	return (was_s == 0) != (is_s == 0) || is_s < was_s / 2;
}

static bool entry_equal(const struct radv_entry *a, const struct radv_entry *b, uint64_t now_ms)
{
	const struct ra_item *x = &a->item, *y = &b->item;
	struct ra_item was = item_now(a, now_ms), is = item_now(b, now_ms);

	return x->flags == y->flags && x->preference == y->preference &&
	       x->lifetime_s == y->lifetime_s && x->preferred_s == y->preferred_s &&
	       addr_equal(&x->addr, &y->addr) && x->n_bytes == y->n_bytes &&
	       (!x->n_bytes || memcmp(x->bytes, y->bytes, x->n_bytes) == 0) &&
	       !limit_moved(was.lifetime_s, is.lifetime_s) &&
	       !limit_moved(was.preferred_s, is.preferred_s);
}

bool radv_table_equal(const struct radv_table *a, const struct radv_table *b, uint64_t now_ms)
{
	if (a->n != b->n || !header_equal(&a->header, &b->header))
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct radv_entry *e = find(b, &a->entries[i].item);

		if (!e || !entry_equal(&a->entries[i], e, now_ms))
			return false;
	}
	return true;
}

/* --- what goes out --------------------------------------------------------------------- */

/* The items in the order of their kinds. */
size_t radv_table_items(struct radv_table *t, uint64_t now_ms)
{
	size_t n = 0;

	for (int kind = 0; kind < RA_KINDS; kind++)
		for (size_t i = 0; i < t->n; i++)
			if ((int)t->entries[i].item.kind == kind)
				t->items[n++] = item_now(&t->entries[i], now_ms);
	return n;
}

size_t radv_table_announced(struct radv_table *t, uint64_t now_ms)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (!t->entries[i].withdrawals)
			t->items[n++] = item_now(&t->entries[i], now_ms);
	return n;
}

bool radv_table_withdraws(const struct radv_table *t, const struct ra_item *item)
{
	const struct radv_entry *e = find(t, item);

	return e && e->withdrawals;
}

/* A withdrawal has been said once more; those that have been said enough go. */
void radv_table_age(struct radv_table *t, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct radv_entry *e = &t->entries[i];

		if (is_over(e, now_ms))
			continue;
		if (e->withdrawals > 1)
			e->withdrawals--;
		t->entries[kept++] = *e;
	}
	t->n = kept;
}
