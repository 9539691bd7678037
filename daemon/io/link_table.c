/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link_table.c - the tables of the kernel's state, and the facts published of them.
 *
 * The tables move with every message; the facts are a copy that stays as it is until the storm
 * is over, and is replaced only when something differs.
 */
#include "link_priv.h"

#include <stdlib.h>
#include <string.h>

static int by_index(const void *a, const void *b)
{
	uint32_t x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

static int by_addr(const void *a, const void *b)
{
	const struct fact_addr *x = a, *y = b;
	int order = by_index(a, b);

	if (!order)
		order = memcmp(&x->addr, &y->addr, sizeof x->addr);
	return order ? order : x->len - y->len;
}

static int by_route(const void *a, const void *b)
{
	const struct fact_route *x = a, *y = b;
	int order = by_index(a, b);

	if (!order)
		order = x->v4 - y->v4;
	if (!order)
		order = (x->metric > y->metric) - (x->metric < y->metric);
	return order ? order : memcmp(&x->gateway, &y->gateway, sizeof x->gateway);
}

/* Where the record is, or would be. */
static size_t place(const struct link_table *t, const void *record, bool *there)
{
	size_t low = 0, high = t->n;

	*there = false;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = t->order(t->v + mid * t->size, record);

		*there |= order == 0;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const void *link_table_find(const struct link_table *t, const void *record)
{
	bool there;
	size_t i = place(t, record, &there);

	return there ? t->v + i * t->size : NULL;
}

static bool widen(struct link_table *t)
{
	size_t room = t->room ? t->room * 2 : 8;
	uint8_t *v = reallocarray(t->v, room, t->size);

	if (!v)
		return false;
	t->v = v;
	t->room = room;
	return true;
}

void link_table_put(struct link *l, struct link_table *t, const void *record)
{
	bool there;
	size_t i = place(t, record, &there);

	if (!there && t->n == t->room && !widen(t)) {
		l->reread |= LINK_REREAD_ALL;
		return;
	}
	if (!there) {
		memmove(t->v + (i + 1) * t->size, t->v + i * t->size, (t->n - i) * t->size);
		t->n++;
	}
	memcpy(t->v + i * t->size, record, t->size);
}

void link_table_drop(struct link_table *t, const void *record)
{
	bool there;
	size_t i = place(t, record, &there);

	if (!there)
		return;
	t->n--;
	memmove(t->v + i * t->size, t->v + (i + 1) * t->size, (t->n - i) * t->size);
}

void link_table_drop_link(struct link_table *t, uint32_t index)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		uint8_t *record = t->v + i * t->size;

		if (by_index(record, &index) == 0)
			continue;
		memmove(t->v + kept++ * t->size, record, t->size);
	}
	t->n = kept;
}

const struct fact_link *link_now(const struct link *l, uint32_t index)
{
	return link_table_find(&l->tables.links, &index);
}

void link_routes_clear(struct link *l, bool v4)
{
	struct link_table *t = &l->tables.routes;
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct fact_route r;

		memcpy(&r, t->v + i * t->size, sizeof r);
		if (r.v4 != v4)
			memcpy(t->v + kept++ * t->size, &r, sizeof r);
	}
	t->n = kept;
}

void link_tables_init(struct link_tables *t)
{
	*t = (struct link_tables){
		.links = { .size = sizeof(struct fact_link), .order = by_index },
		.addrs = { .size = sizeof(struct fact_addr), .order = by_addr },
		.routes = { .size = sizeof(struct fact_route), .order = by_route },
		.confs = { .size = sizeof(struct link_conf), .order = by_index },
	};
}

void link_tables_clear(struct link_tables *t)
{
	t->links.n = t->addrs.n = t->routes.n = t->confs.n = 0;
}

void link_tables_done(struct link_tables *t)
{
	free(t->links.v);
	free(t->addrs.v);
	free(t->routes.v);
	free(t->confs.v);
}

static int by_merit(const void *a, const void *b)
{
	const struct fact_route *x = a, *y = b;

	return x->metric == y->metric ? by_route(a, b) : x->metric > y->metric ? 1 : -1;
}

/* A copy that stays as it is while the table moves on. */
static void *copied(const struct link_table *t, size_t *n)
{
	void *v = calloc(t->n + 1, t->size);

	if (v && t->n)
		memcpy(v, t->v, t->n * t->size);
	*n = t->n;
	return v;
}

static void fill_forwarding(const struct link *l, struct facts *f)
{
	for (size_t i = 0; i < f->n_links; i++) {
		const struct link_conf *c =
			link_table_find(&l->tables.confs, &f->links[i].index);

		f->links[i].forwarding4 = c && c->forwarding4;
		f->links[i].forwarding6 = c && c->forwarding6;
	}
}

static void fill_ports(const struct link *l, struct facts *f)
{
	for (size_t i = 0; i < f->n_routes; i++)
		f->routes[i].port = gates_port(l, &f->routes[i]);
}

static bool same(const struct facts *a, const struct facts *b)
{
	return a->n_links == b->n_links && a->n_addrs == b->n_addrs &&
	       a->n_routes == b->n_routes && a->forwarding4 == b->forwarding4 &&
	       a->forwarding6 == b->forwarding6 && a->links && a->addrs && a->routes &&
	       memcmp(a->links, b->links, a->n_links * sizeof *a->links) == 0 &&
	       memcmp(a->addrs, b->addrs, a->n_addrs * sizeof *a->addrs) == 0 &&
	       memcmp(a->routes, b->routes, a->n_routes * sizeof *a->routes) == 0;
}

void link_facts_done(struct facts *f)
{
	free(f->links);
	free(f->addrs);
	free(f->routes);
	memset(f, 0, sizeof *f);
}

bool link_publish(struct link *l)
{
	struct facts next = { .forwarding4 = l->tables.forwarding4,
			      .forwarding6 = l->tables.forwarding6 };

	next.links = copied(&l->tables.links, &next.n_links);
	next.addrs = copied(&l->tables.addrs, &next.n_addrs);
	next.routes = copied(&l->tables.routes, &next.n_routes);
	if (!next.links || !next.addrs || !next.routes) {
		link_facts_done(&next);
		return false;
	}
	qsort(next.routes, next.n_routes, sizeof *next.routes, by_merit);
	fill_forwarding(l, &next);
	fill_ports(l, &next);
	if (same(&l->facts, &next)) {
		link_facts_done(&next);
		return false;
	}
	link_facts_done(&l->facts);
	l->facts = next;
	return true;
}
