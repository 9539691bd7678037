/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "others.h"

#include <string.h>

/* --- who it is ----------------------------------------------------------------------- */

static bool is_remembered(const struct others_router *r, uint64_t now_ms)
{
	uint64_t s = r->lifetime_s > OTHERS_KEPT_S ? r->lifetime_s : OTHERS_KEPT_S;

	return r->heard && now_ms < r->heard_ms + s * 1000;
}

/* Whose place is given away first: one that is forgotten, one that was heard once only (who
 * makes up sources has no other), the one that is silent longest. */
static bool is_lesser(const struct others_router *a, const struct others_router *b,
		      uint64_t now_ms)
{
	if (is_remembered(a, now_ms) != is_remembered(b, now_ms))
		return !is_remembered(a, now_ms);
	if ((a->heard > 1) != (b->heard > 1))
		return a->heard <= 1;
	return a->heard_ms < b->heard_ms;
}

static struct others_router *place_of(struct others *o, uint64_t now_ms,
				      const struct in6_addr *src)
{
	struct others_router *least = &o->routers[0];

	for (size_t i = 0; i < OTHERS_MAX; i++) {
		struct others_router *r = &o->routers[i];

		if (is_remembered(r, now_ms) && addr_equal(&r->source, src))
			return r;
		if (is_lesser(r, least, now_ms))
			least = r;
	}
	*least = (struct others_router){ .source = *src };
	return least;
}

/* --- the header (RFC 4861 6.2.7) ------------------------------------------------------- */

/* What is not specified contradicts nothing. */
static bool differ(uint32_t a, uint32_t b)
{
	return a && b && a != b;
}

static unsigned compare_header(const struct ra_header *a, const struct ra_header *b)
{
	const bool differs[OTHERS_N] = {
		[OTHERS_MANAGED] = a->managed != b->managed,
		[OTHERS_OTHER] = a->other != b->other,
		[OTHERS_HOP_LIMIT] = differ(a->hop_limit, b->hop_limit),
		[OTHERS_REACHABLE] = differ(a->reachable_ms, b->reachable_ms),
		[OTHERS_RETRANS] = differ(a->retrans_ms, b->retrans_ms),
		[OTHERS_MTU] = differ(a->mtu, b->mtu),
	};
	unsigned found = 0;

	for (unsigned i = 0; i < OTHERS_N; i++)
		found |= differs[i] ? OTHERS_BIT(i) : 0;
	return found;
}

/* --- prefixes -------------------------------------------------------------------------- */

static struct others_prefix *prefix_of(struct others_router *r, const struct ra_item *item,
				       uint64_t now_ms)
{
	const struct in6_addr addr = addr_masked(&item->addr, item->len);
	struct others_prefix *p = &r->prefixes[0];

	for (size_t i = 0; i < r->n_prefixes; i++) {
		struct others_prefix *q = &r->prefixes[i];

		if (q->len == item->len && addr_equal(&q->addr, &addr)) {
			q->heard_ms = now_ms;
			return q;
		}
		if (q->heard_ms < p->heard_ms)
			p = q;
	}
	if (r->n_prefixes < OTHERS_PREFIXES)
		p = &r->prefixes[r->n_prefixes++];
	*p = (struct others_prefix){ .addr = addr, .len = item->len, .heard_ms = now_ms };
	return p;
}

static bool is_near(uint64_t a_s, uint64_t b_s)
{
	return (a_s > b_s ? a_s - b_s : b_s - a_s) <= OTHERS_SKEW_S;
}

/* RFC 4861 6.2.7: where lifetimes run down in real time, the ends are compared.  Ours are as of
 * now; theirs may have run down since they were the same. */
static bool agrees(uint32_t theirs_s, uint32_t ours_s, uint64_t now_ms, uint64_t *agreed_ms)
{
	if (theirs_s == RA_INFINITE || ours_s == RA_INFINITE)
		return theirs_s == ours_s;
	if (is_near(theirs_s, ours_s)) {
		*agreed_ms = now_ms;
		return true;
	}
	return *agreed_ms && is_near(theirs_s + (now_ms - *agreed_ms) / 1000, ours_s);
}

/* --- items ------------------------------------------------------------------------------ */

static unsigned compare_item(struct others_router *r, uint64_t now_ms,
			     const struct ra_item *theirs, const struct ra_item *ours)
{
	struct others_prefix *p;
	unsigned found = 0;

	if (theirs->kind == RA_PREFIX) {
		p = prefix_of(r, theirs, now_ms);
		if (!agrees(theirs->lifetime_s, ours->lifetime_s, now_ms, &p->agreed_ms[0]))
			found |= OTHERS_BIT(OTHERS_VALID);
		if (!agrees(theirs->preferred_s, ours->preferred_s, now_ms, &p->agreed_ms[1]))
			found |= OTHERS_BIT(OTHERS_PREFERRED);
	}
	if (theirs->kind == RA_ROUTE && theirs->lifetime_s && ours->lifetime_s &&
	    theirs->preference != ours->preference)
		found |= OTHERS_BIT(OTHERS_ROUTE);
	if (theirs->kind == RA_CAPTIVE_PORTAL &&
	    (theirs->n_bytes != ours->n_bytes ||
	     memcmp(theirs->bytes, ours->bytes, ours->n_bytes) != 0))
		found |= OTHERS_BIT(OTHERS_PORTAL);
	return found;
}

static unsigned compare_items(struct others_router *r, uint64_t now_ms,
			      const struct ra_advert *ra, const struct others_own *own)
{
	unsigned found = 0;

	for (size_t i = 0; i < ra->n; i++)
		for (size_t j = 0; j < own->n; j++)
			if (ra_item_same(&ra->items[i], &own->items[j]))
				found |= compare_item(r, now_ms, &ra->items[i], &own->items[j]);
	return found;
}

/* --- sets ------------------------------------------------------------------------------- */

/* The items of one kind in a list; those with lifetime 0, or the others. */
struct set {
	const struct ra_item *items;
	size_t n;
	enum ra_kind kind;
	bool zero;
};

static bool is_in(const struct set *s, const struct ra_item *item)
{
	return item->kind == s->kind && (item->lifetime_s == 0) == s->zero;
}

static bool is_empty(const struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_in(s, &s->items[i]))
			return false;
	return true;
}

static bool names(const struct set *s, const struct ra_item *item)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_in(s, &s->items[i]) && ra_item_same(&s->items[i], item))
			return true;
	return false;
}

static bool names_all(const struct set *s, const struct set *of)
{
	for (size_t i = 0; i < of->n; i++)
		if (is_in(of, &of->items[i]) && !names(s, &of->items[i]))
			return false;
	return true;
}

static bool sets_differ(const struct ra_advert *ra, const struct others_own *own,
			enum ra_kind kind, bool zero)
{
	const struct set theirs = { ra->items, ra->n, kind, zero };
	const struct set ours = { own->items, own->n, kind, zero };

	return !names_all(&theirs, &ours) || !names_all(&ours, &theirs);
}

/* Who names none says nothing about them. */
static bool both_name(const struct ra_advert *ra, const struct others_own *own,
		      enum ra_kind kind, bool also_zero)
{
	const struct set theirs = { ra->items, ra->n, kind, false };
	const struct set ours = { own->items, own->n, kind, false };
	const struct set theirs_zero = { ra->items, ra->n, kind, true };
	const struct set ours_zero = { own->items, own->n, kind, true };

	return (!is_empty(&theirs) || (also_zero && !is_empty(&theirs_zero))) &&
	       (!is_empty(&ours) || (also_zero && !is_empty(&ours_zero)));
}

static unsigned compare_sets(const struct ra_advert *ra, const struct others_own *own)
{
	unsigned found = 0;

	if (both_name(ra, own, RA_RDNSS, false) && sets_differ(ra, own, RA_RDNSS, false))
		found |= OTHERS_BIT(OTHERS_RDNSS);
	if (both_name(ra, own, RA_DNSSL, false) && sets_differ(ra, own, RA_DNSSL, false))
		found |= OTHERS_BIT(OTHERS_DNSSL);
	/* RFC 8781 5.2: the set that is in force, and the set that is taken back. */
	if (both_name(ra, own, RA_PREF64, true) &&
	    (sets_differ(ra, own, RA_PREF64, false) || sets_differ(ra, own, RA_PREF64, true)))
		found |= OTHERS_BIT(OTHERS_PREF64);
	return found;
}

/* --- the whole -------------------------------------------------------------------------- */

static void remember(struct others_router *r, uint64_t now_ms, const struct ra_advert *ra)
{
	r->heard++;
	r->heard_ms = now_ms;
	r->lifetime_s = ra->head.lifetime_s;
	r->preference = ra->head.preference;
	r->has_mac = ra->head.has_mac;
	memcpy(r->mac, ra->head.mac, sizeof r->mac);
	for (size_t i = 0; i < ra->n; i++)
		if (ra->items[i].kind == RA_PREFIX)
			prefix_of(r, &ra->items[i], now_ms);
}

/* Once for each router and finding, and never one after the other. */
static void tell(struct others *o, uint64_t now_ms, struct others_router *r)
{
	unsigned fresh = r->found & ~r->told;

	o->news = (struct others_news){ 0 };
	if (!fresh)
		return;
	if (now_ms < o->quiet_until_ms) {
		o->unsaid++;
		return;
	}
	r->told |= fresh;
	o->news = (struct others_news){ r, fresh, o->unsaid };
	o->unsaid = 0;
	o->quiet_until_ms = now_ms + OTHERS_QUIET_MS;
}

unsigned others_input(struct others *o, uint64_t now_ms, const struct in6_addr *src,
		      const struct ra_advert *ra, const struct others_own *own)
{
	struct others_router *r = place_of(o, now_ms, src);
	bool is_ours = addr_equal(src, &own->source);

	remember(r, now_ms, ra);
	r->found = is_ours ? OTHERS_BIT(OTHERS_ADDRESS) : 0;
	/* A lifetime of zero: it ceases to be a router, which contradicts nobody. */
	if (ra->head.lifetime_s) {
		r->found |= is_ours ? 0 : OTHERS_BIT(OTHERS_ROUTER);
		r->found |= compare_header(&ra->head, own->head);
		r->found |= compare_items(r, now_ms, ra, own);
		r->found |= compare_sets(ra, own);
	}
	tell(o, now_ms, r);
	return r->found;
}

bool others_news(struct others *o, struct others_news *out)
{
	if (!o->news.found)
		return false;
	*out = o->news;
	o->news.found = 0;
	return true;
}

const struct others_router *others_at(const struct others *o, size_t *i, uint64_t now_ms)
{
	while (*i < OTHERS_MAX) {
		const struct others_router *r = &o->routers[(*i)++];

		if (is_remembered(r, now_ms))
			return r;
	}
	return NULL;
}

const char *others_field(enum others_finding finding)
{
#define NAME(id, name, text, rfc) name,
	static const char *const names_of[OTHERS_N] = { OTHERS_FINDINGS(NAME) };

	return strchr(names_of[finding], '.') + 1;
}
