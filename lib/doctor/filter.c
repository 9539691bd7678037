/* SPDX-License-Identifier: GPL-3.0-or-later */
/* filter.c - walks the rules with sets of outcomes: what a chain can do with the packet.
 *
 * Bounded: a ruleset may call chains many times over.
 */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16
#define STEPS_MAX 100000u

enum { CAN_GO_ON = 1, CAN_ACCEPT = 2, CAN_DROP = 4, CAN_ALL = 7 };

struct walk {
	const struct filter *filter;
	const struct filter_packet *packet;
	const struct filter_chain *culprit;
	bool by_policy;
	unsigned steps;
};

struct registers {
	uint8_t data[FILTER_REGS][FILTER_DATA];
	bool known[FILTER_REGS];
};

enum match { NO, PERHAPS, YES };

struct filter_packet filter_packet_of(const struct in6_addr *src, const struct in6_addr *dst,
				      uint8_t protocol, uint16_t port)
{
	struct filter_packet p = { .protocol = protocol, .state = FILTER_NEW };
	struct in_addr s = addr_v4(src), d = addr_v4(dst);

	p.family = addr_is_v4(src) ? FILTER_IPV4 : FILTER_IPV6;
	p.transport[2] = (uint8_t)(port >> 8);
	p.transport[3] = (uint8_t)port;
	if (p.family == FILTER_IPV6) {
		p.network[0] = 0x60;
		p.network[6] = protocol;
		p.network[7] = 64;
		memcpy(p.network + 8, src, sizeof *src);
		memcpy(p.network + 24, dst, sizeof *dst);
		return p;
	}
	p.network[0] = 0x45;
	p.network[8] = 64;
	p.network[9] = protocol;
	memcpy(p.network + 12, &s, sizeof s);
	memcpy(p.network + 16, &d, sizeof d);
	return p;
}

/* The bytes of a field, or NULL where it is not known. */
static const void *field(const struct filter_packet *p, const struct filter_expr *e,
			 const uint8_t ethertype[2])
{
	switch (e->field) {
	case FILTER_IIF:
		return &p->iif;
	case FILTER_OIF:
		return &p->oif;
	case FILTER_IIF_NAME:
		return p->iif_name;
	case FILTER_OIF_NAME:
		return p->oif_name;
	case FILTER_FAMILY:
		return &p->family;
	case FILTER_ETHERTYPE:
		return ethertype;
	case FILTER_PROTOCOL:
		return &p->protocol;
	case FILTER_STATE:
		return &p->state;
	case FILTER_NETWORK:
		return e->offset + e->len <= sizeof p->network ? p->network + e->offset : NULL;
	case FILTER_TRANSPORT:
		return e->offset + e->len <= sizeof p->transport ? p->transport + e->offset
								 : NULL;
	}
	return NULL;
}

static void load(const struct walk *w, const struct filter_expr *e, struct registers *r)
{
	static const struct {
		enum filter_field field;
		uint8_t len;
	} lens[] = { { FILTER_IIF, 4 },       { FILTER_OIF, 4 },    { FILTER_IIF_NAME, 16 },
		     { FILTER_OIF_NAME, 16 }, { FILTER_FAMILY, 1 }, { FILTER_ETHERTYPE, 2 },
		     { FILTER_PROTOCOL, 1 },  { FILTER_STATE, 4 } };
	const uint8_t ethertype[2] = { w->packet->family == FILTER_IPV6 ? 0x86 : 0x08,
				       w->packet->family == FILTER_IPV6 ? 0xdd : 0x00 };
	const void *from = field(w->packet, e, ethertype);
	uint8_t len = e->len;

	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
		if (lens[i].field == e->field)
			len = lens[i].len;
	r->known[e->reg] = from && len <= FILTER_DATA;
	memset(r->data[e->reg], 0, FILTER_DATA);
	if (r->known[e->reg])
		memcpy(r->data[e->reg], from, len);
}

static void mask(const struct filter_expr *e, struct registers *r)
{
	r->known[e->to] = r->known[e->reg];
	for (size_t i = 0; i < FILTER_DATA; i++)
		r->data[e->to][i] = (r->data[e->reg][i] & e->data[i]) ^ e->more[i];
}

static enum match compare(const struct filter_expr *e, const struct registers *r)
{
	int diff;

	if (!r->known[e->reg])
		return PERHAPS;
	diff = memcmp(r->data[e->reg], e->data, e->len);
	switch (e->compare) {
	case FILTER_EQ:
		return diff == 0 ? YES : NO;
	case FILTER_NE:
		return diff != 0 ? YES : NO;
	case FILTER_LT:
		return diff < 0 ? YES : NO;
	case FILTER_LE:
		return diff <= 0 ? YES : NO;
	case FILTER_GT:
		return diff > 0 ? YES : NO;
	case FILTER_GE:
		return diff >= 0 ? YES : NO;
	}
	return PERHAPS;
}

/* Is what stands in the register in the set?  With its verdict, of a map. */
static enum match look_up(const struct walk *w, const struct filter_expr *e,
			  const struct registers *r, const struct filter_expr **out)
{
	const struct filter_set *s;

	if (e->chain >= w->filter->n_sets || !r->known[e->reg])
		return PERHAPS;
	s = &w->filter->sets[e->chain];
	for (size_t i = 0; i < s->n_elems; i++) {
		if (memcmp(s->elems[i].data, r->data[e->reg], s->elems[i].len) != 0)
			continue;
		*out = &s->elems[i];
		return s->known ? YES : PERHAPS;
	}
	return s->known ? NO : PERHAPS;
}

/* The verdict of the rule at e and whether it applies; NULL where it has none. */
static const struct filter_expr *run_rule(struct walk *w, const struct filter_expr *e,
					  enum match *out)
{
	static const struct filter_expr any = { .op = FILTER_ANY };
	struct registers r = { 0 };
	const struct filter_expr *found;
	enum match all = YES, one;

	for (; e->op != FILTER_END; e++) {
		one = YES;
		w->steps++;
		switch (e->op) {
		case FILTER_LOAD:
			load(w, e, &r);
			break;
		case FILTER_MASK:
			mask(e, &r);
			break;
		case FILTER_COMPARE:
			one = compare(e, &r);
			break;
		case FILTER_MAYBE:
			one = PERHAPS;
			break;
		case FILTER_LOOKUP:
			one = look_up(w, e, &r, &found);
			if (e->compare == FILTER_NE && one != PERHAPS)
				one = one == YES ? NO : YES;
			break;
		case FILTER_MAP:
			found = &any;
			one = look_up(w, e, &r, &found);
			*out = one < all ? one : all;
			return one == YES ? found : one == NO ? NULL : &any;
		case FILTER_ACCEPT_IT:
		case FILTER_DROP_IT:
		case FILTER_RETURN:
		case FILTER_JUMP:
		case FILTER_GOTO:
		case FILTER_ANY:
			*out = all;
			return e;
		case FILTER_END:
			break;
		}
		if (one == NO)
			return NULL;
		all = one < all ? one : all;
	}
	return NULL;
}

static void blame(struct walk *w, const struct filter_chain *c, bool by_policy)
{
	if (w->culprit)
		return;
	w->culprit = c;
	w->by_policy = by_policy;
}

/* What the chain can do; CAN_GO_ON is its end. */
static unsigned walk_chain(struct walk *w, const struct filter_chain *c, unsigned depth)
{
	unsigned can = 0, one;

	if (depth == DEPTH_MAX || w->steps > STEPS_MAX)
		return CAN_ALL;
	for (size_t i = 0; i < c->n_rules; i++) {
		enum match match = NO;
		const struct filter_expr *v =
			run_rule(w, &w->filter->exprs[c->rules[i]], &match);
		bool leaves;

		if (!v)
			continue;
		leaves = v->op == FILTER_RETURN || v->op == FILTER_GOTO;
		one = v->op == FILTER_ACCEPT_IT ? CAN_ACCEPT
		      : v->op == FILTER_DROP_IT ? CAN_DROP
		      : v->op == FILTER_ANY     ? CAN_ALL
						: CAN_GO_ON;
		if (one & CAN_DROP)
			blame(w, c, false);
		if (v->op == FILTER_JUMP || v->op == FILTER_GOTO)
			one = v->chain < w->filter->n_chains
				      ? walk_chain(w, &w->filter->chains[v->chain], depth + 1)
				      : CAN_ALL;
		can |= leaves ? one : one & ~(unsigned)CAN_GO_ON;
		if (match == YES && (leaves || !(one & CAN_GO_ON)))
			return can;
	}
	return can | CAN_GO_ON;
}

static enum filter_fate judge_base(struct walk *w, const struct filter_chain *c)
{
	unsigned can = walk_chain(w, c, 0);

	if (can & CAN_GO_ON) {
		can |= c->drops ? CAN_DROP : CAN_ACCEPT;
		if (c->drops)
			blame(w, c, true);
	}
	if (!(can & CAN_DROP))
		return FILTER_ACCEPTS;
	return can & CAN_ACCEPT || !w->filter->whole ? FILTER_UNSURE : FILTER_DROPS;
}

/* v6gwd's own tables refuse what is too much, never what is asked about. */
static bool is_ours(const struct filter_chain *c)
{
	return strcmp(c->table, "v6gwd") == 0 || strcmp(c->table, "v6gwd_dns") == 0;
}

struct filter_verdict filter_judge(const struct filter *f, enum filter_hook hook,
				   const struct filter_packet *packet)
{
	struct filter_verdict worst = { f->whole ? FILTER_ACCEPTS : FILTER_UNSURE, NULL,
					false };

	for (size_t i = 0; i < f->n_chains; i++) {
		const struct filter_chain *c = &f->chains[i];
		struct walk w = { .filter = f, .packet = packet };
		enum filter_fate fate;

		if (!c->base || !c->filters || c->hook != hook || is_ours(c) ||
		    (c->family != packet->family && c->family != FILTER_INET))
			continue;
		fate = judge_base(&w, c);
		if (fate > worst.fate || (fate == worst.fate && !worst.chain))
			worst = (struct filter_verdict){
				fate, fate == FILTER_ACCEPTS ? NULL : w.culprit, w.by_policy
			};
	}
	return worst;
}

bool filter_add_expr(struct filter *f, const struct filter_expr *e)
{
	if (f->n_exprs == f->room) {
		size_t room = f->room ? 2 * f->room : 256;
		struct filter_expr *more = realloc(f->exprs, room * sizeof *more);

		if (!more)
			return false;
		f->exprs = more;
		f->room = room;
	}
	f->exprs[f->n_exprs++] = *e;
	return true;
}

bool filter_begin_rule(struct filter *f, struct filter_chain *c)
{
	if (c->n_rules == c->room) {
		size_t room = c->room ? 2 * c->room : 16;
		uint32_t *more = realloc(c->rules, room * sizeof *more);

		if (!more)
			return false;
		c->rules = more;
		c->room = room;
	}
	c->rules[c->n_rules++] = (uint32_t)f->n_exprs;
	return true;
}

bool filter_end_rule(struct filter *f)
{
	return filter_add_expr(f, &(struct filter_expr){ .op = FILTER_END });
}

struct filter_chain *filter_add_chain(struct filter *f)
{
	struct filter_chain *more = realloc(f->chains, (f->n_chains + 1) * sizeof *more);

	if (!more)
		return NULL;
	f->chains = more;
	memset(&more[f->n_chains], 0, sizeof *more);
	return &more[f->n_chains++];
}

uint32_t filter_find(const struct filter *f, uint8_t family, const char *table,
		     const char *name)
{
	for (size_t i = 0; i < f->n_chains; i++)
		if (f->chains[i].family == family &&
		    strncmp(f->chains[i].table, table, FILTER_NAME - 1) == 0 &&
		    strncmp(f->chains[i].name, name, FILTER_NAME - 1) == 0)
			return (uint32_t)i;
	return FILTER_NONE;
}

bool filter_add_elem(struct filter_set *s, const struct filter_expr *e)
{
	struct filter_expr *more = realloc(s->elems, (s->n_elems + 1) * sizeof *more);

	if (!more)
		return false;
	s->elems = more;
	more[s->n_elems++] = *e;
	return true;
}

uint32_t filter_find_set(struct filter *f, uint8_t family, const char *table, const char *name)
{
	struct filter_set *more;

	for (size_t i = 0; i < f->n_sets; i++)
		if (f->sets[i].family == family &&
		    strncmp(f->sets[i].table, table, FILTER_NAME - 1) == 0 &&
		    strncmp(f->sets[i].name, name, FILTER_NAME - 1) == 0)
			return (uint32_t)i;
	more = realloc(f->sets, (f->n_sets + 1) * sizeof *more);
	if (!more)
		return FILTER_NONE;
	f->sets = more;
	more = &more[f->n_sets];
	memset(more, 0, sizeof *more);
	more->family = family;
	strncpy(more->table, table, FILTER_NAME - 1);
	strncpy(more->name, name, FILTER_NAME - 1);
	return (uint32_t)f->n_sets++;
}

void filter_done(struct filter *f)
{
	for (size_t i = 0; i < f->n_sets; i++)
		free(f->sets[i].elems);
	free(f->sets);
	for (size_t i = 0; i < f->n_chains; i++)
		free(f->chains[i].rules);
	free(f->chains);
	free(f->exprs);
	*f = (struct filter){ 0 };
}
