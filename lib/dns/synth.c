/* SPDX-License-Identifier: GPL-3.0-or-later */
/* synth.c - see synth.h. */
#include "synth.h"

#include <string.h>

#define TTL_WITHOUT_SOA_S 600 /* RFC 6147 5.1.7 */

static bool break_chain(struct synth_chain *c)
{
	c->outcome = SYNTH_BROKEN;
	return false;
}

/* Looks for data and takes every link that continues the chain; false when there was none. */
static bool follow_once(const struct msg *m, uint16_t type, struct synth_chain *c, bool *data,
			size_t *dname_at)
{
	bool moved = false;
	struct msg_rr rr;
	uint8_t owner[DNS_NAME_MAX], target[DNS_NAME_MAX];
	size_t n;

	*dname_at = 0;
	for (size_t at = m->at[MSG_ANSWER]; at < m->at[MSG_AUTHORITY] && msg_record(m, at, &rr);
	     at = rr.next) {
		if (rr.class != m->q.class || !msg_owner(m, &rr, owner))
			continue;
		if (rr.type == type && name_equal(owner, c->end)) {
			*data = true;
		} else if (rr.type == TYPE_CNAME && name_equal(owner, c->end)) {
			/* In classes other than IN it need not be a name. */
			n = msg_rdata_name(m, &rr, 0, target);
			if (!n || c->cnames == SYNTH_CNAMES_MAX ||
			    c->n_links == SYNTH_LINKS_MAX)
				return break_chain(c);
			c->links[c->n_links].at = at;
			c->links[c->n_links++].makes = false;
			c->cnames++;
			memcpy(c->end, target, n);
			moved = true;
		} else if (rr.type == TYPE_DNAME && !*dname_at && name_is_in(c->end, owner) &&
			   !name_equal(c->end, owner)) {
			if (c->n_links == SYNTH_LINKS_MAX)
				return break_chain(c);
			*dname_at = at;
			if (c->n_links && c->links[c->n_links - 1].at == at)
				continue;
			c->links[c->n_links].at = at;
			c->links[c->n_links++].makes = false;
		}
		if (moved)
			*dname_at = 0;
	}
	return moved;
}

/* RFC 6672 3.2: the CNAME that goes with a DNAME, where the server left it out. */
static bool apply_dname(const struct msg *m, struct synth_chain *c, size_t at)
{
	uint8_t owner[DNS_NAME_MAX], target[DNS_NAME_MAX], end[DNS_NAME_MAX];
	struct msg_rr rr;
	size_t n;

	if (!msg_record(m, at, &rr) || !msg_owner(m, &rr, owner) ||
	    !msg_rdata_name(m, &rr, 0, target) || c->cnames == SYNTH_CNAMES_MAX)
		return break_chain(c);
	n = name_substitute(c->end, owner, target, end);
	if (!n)
		return break_chain(c);
	memcpy(c->end, end, n);
	c->links[c->n_links - 1].makes = true;
	c->cnames++;
	return true;
}

static bool has_soa(const struct msg *m)
{
	struct msg_rr rr;

	for (size_t at = m->at[MSG_AUTHORITY];
	     at < m->at[MSG_ADDITIONAL] && msg_record(m, at, &rr); at = rr.next)
		if (rr.type == TYPE_SOA)
			return true;
	return false;
}

static enum synth_outcome outcome_of(const struct msg *m, const struct synth_chain *c,
				     bool data)
{
	switch (msg_rcode(m)) {
	case RCODE_NOERROR:
		if (data)
			return SYNTH_DATA;
		return c->cnames && !has_soa(m) ? SYNTH_BARE : SYNTH_NODATA;
	case RCODE_NXDOMAIN:
		return SYNTH_NXDOMAIN;
	default:
		return SYNTH_ERROR;
	}
}

void synth_follow(const struct msg *m, const uint8_t *name, uint16_t type,
		  struct synth_chain *out)
{
	bool data = false, moved = true;
	size_t dname_at;

	*out = (struct synth_chain){ .outcome = SYNTH_PENDING };
	memcpy(out->end, name, name_len(name));
	/* Links may stand in any order, so every round starts at the first record. */
	while (moved && !data) {
		moved = follow_once(m, type, out, &data, &dname_at);
		if (!moved && !data && dname_at)
			moved = apply_dname(m, out, dname_at);
	}
	if (out->outcome != SYNTH_BROKEN)
		out->outcome = outcome_of(m, out, data);
}

/* RFC 8914 4.7 to 4.13: DNSSEC said no. */
static bool is_bogus(uint16_t ede)
{
	return ede >= EDE_BOGUS && ede <= EDE_NSEC_MISSING;
}

static bool error_allows(const struct synth_case *k)
{
	switch (k->on_error) {
	case DNS_ON_ERROR_NO:
		return false;
	case DNS_ON_ERROR_YES:
		return true;
	case DNS_ON_ERROR_UNLESS_BOGUS:
		return !is_bogus(k->aaaa_ede);
	}
	return false;
}

/* AAAA has nothing for this client: what A says is the answer (RFC 6147 5.1.6). */
static enum synth_verdict decide_by_a(const struct synth_case *k, bool on_error)
{
	switch (k->a) {
	case SYNTH_PENDING:
	case SYNTH_BARE:
		return SYNTH_WAIT;
	case SYNTH_DATA:
		return SYNTH_MAKE;
	case SYNTH_EXCLUDED:
		return on_error ? SYNTH_EMPTY : SYNTH_PASS_AAAA;
	case SYNTH_NODATA:
		return k->aaaa == SYNTH_NODATA ? SYNTH_PASS_AAAA : SYNTH_PASS_A;
	case SYNTH_NXDOMAIN:
		return k->aaaa == SYNTH_EXCLUDED ? SYNTH_PASS_AAAA : SYNTH_PASS_A;
	case SYNTH_ERROR:
	case SYNTH_SILENT:
	case SYNTH_BOGUS:
	case SYNTH_BROKEN:
		return SYNTH_FAIL_A;
	}
	return SYNTH_FAIL_A;
}

enum synth_verdict synth_decide(const struct synth_case *k, bool *on_error)
{
	*on_error = false;
	switch (k->aaaa) {
	case SYNTH_DATA:
	case SYNTH_NXDOMAIN: /* RFC 6147 5.1.2: no synthesis from an A of a name that is not */
		return SYNTH_PASS_AAAA;
	case SYNTH_BOGUS: /* RFC 6147 5.5 */
	case SYNTH_BROKEN:
		return SYNTH_FAIL_AAAA;
	case SYNTH_NODATA:
	case SYNTH_EXCLUDED:
		return decide_by_a(k, false);
	case SYNTH_ERROR:
	case SYNTH_SILENT: /* RFC 6147 5.1.2, 5.1.3 */
		*on_error = true;
		return error_allows(k) ? decide_by_a(k, true) : SYNTH_FAIL_AAAA;
	case SYNTH_PENDING:
	case SYNTH_BARE:
		*on_error = true;
		return k->patience_over && k->a == SYNTH_DATA && error_allows(k) ? SYNTH_MAKE
										 : SYNTH_WAIT;
	}
	return SYNTH_FAIL_AAAA;
}

static struct synth_record judge_aaaa(const struct dns_conf *conf, const struct msg *m,
				      const struct msg_rr *rr)
{
	struct synth_record r = { .why = DNS_WHY_AAAA_REAL, .usable = true };

	memcpy(&r.addr, m->p + rr->rdata_at, sizeof r.addr);
	for (size_t i = 0; i < conf->n_exclude_aaaa && r.usable; i++) {
		if (!prefix6_has(&conf->exclude_aaaa[i], &r.addr))
			continue;
		r.usable = false;
		r.why = DNS_WHY_AAAA_EXCLUDED;
		r.net = &conf->exclude_aaaa[i];
	}
	return r;
}

static struct synth_record judge_a(const struct dns_conf *conf, const struct msg *m,
				   const struct msg_rr *rr, const uint8_t *owner)
{
	struct synth_record r = { .why = DNS_WHY_A_MADE, .usable = true };
	const struct acl_who who = { .addr = &r.addr };
	struct in_addr a;
	uint32_t num;

	memcpy(&a, m->p + rr->rdata_at, sizeof a);
	r.addr = addr_mapped(a);
	num = addr4_num(a);
	/* RFC 7050: the two addresses of ipv4only.arpa exist to be synthesised. */
	if ((num == 0xc00000aa || num == 0xc00000ab) &&
	    name_equal(owner, (const uint8_t *)"\10ipv4only\4arpa"))
		return r;
	if (addr4_is_never(a)) {
		r.usable = false;
		r.why = DNS_WHY_A_NEVER;
	} else if (!acl_judge(&conf->destinations, &who, &r.entry)) {
		r.usable = false;
		r.why = !r.entry && acl_has(&conf->destinations, ACL_GLOBAL)
				? DNS_WHY_A_NOT_GLOBAL
				: DNS_WHY_A_REFUSED;
	}
	return r;
}

/* The next record of type at the end of the chain, from at on; false when there is none. */
static bool next_data(const struct msg *m, const struct synth_chain *c, uint16_t type,
		      size_t at, struct msg_rr *rr)
{
	for (; at < m->at[MSG_AUTHORITY] && msg_record(m, at, rr); at = rr->next)
		if (rr->type == type && rr->class == m->q.class && msg_owner_is(m, rr, c->end))
			return true;
	return false;
}

bool synth_next(const struct dns_conf *conf, const struct msg *m, const struct synth_chain *c,
		uint16_t type, size_t *at, struct synth_record *out)
{
	struct msg_rr rr;

	if (!next_data(m, c, type, *at ? *at : m->at[MSG_ANSWER], &rr))
		return false;
	*out = type == TYPE_AAAA ? judge_aaaa(conf, m, &rr) : judge_a(conf, m, &rr, c->end);
	*at = rr.next;
	return true;
}

unsigned synth_count(const struct dns_conf *conf, const struct msg *m,
		     const struct synth_chain *c, uint16_t type, unsigned *refused)
{
	struct synth_record r;
	unsigned n = 0;

	*refused = 0;
	for (size_t at = 0; synth_next(conf, m, c, type, &at, &r);) {
		if (r.usable)
			n++;
		else
			++*refused;
	}
	return n;
}

uint32_t synth_ttl_bound(const struct msg *aaaa, const struct cache_answer *answer,
			 enum dns_why *why)
{
	struct msg_rr rr;

	*why = DNS_WHY_TTL_SOA;
	for (size_t at = aaaa->at[MSG_AUTHORITY];
	     at < aaaa->at[MSG_ADDITIONAL] && msg_record(aaaa, at, &rr); at = rr.next)
		if (rr.type == TYPE_SOA)
			return cache_ttl(answer, rr.ttl);
	*why = DNS_WHY_TTL_NO_SOA;
	return TTL_WITHOUT_SOA_S;
}

static void put_signatures(struct msg_wr *w, const struct msg *m,
			   const struct cache_answer *answer, enum msg_section section,
			   const uint8_t *owner, uint16_t type)
{
	struct msg_rr rr;

	for (size_t at = m->at[section]; at < m->at[section + 1] && msg_record(m, at, &rr);
	     at = rr.next)
		if (msg_covered(m, &rr) == type && msg_owner_is(m, &rr, owner))
			msg_put_copy(w, section, m, &rr, cache_ttl(answer, rr.ttl));
}

void synth_put_chain(struct msg_wr *w, const struct msg *m, const struct cache_answer *answer,
		     const struct synth_chain *c, const uint8_t *name, bool dnssec)
{
	uint8_t at_name[DNS_NAME_MAX], owner[DNS_NAME_MAX], target[DNS_NAME_MAX];
	struct msg_rr rr;

	memcpy(at_name, name, name_len(name));
	for (unsigned i = 0; i < c->n_links; i++) {
		uint32_t ttl;

		if (!msg_record(m, c->links[i].at, &rr) || !msg_owner(m, &rr, owner) ||
		    !msg_rdata_name(m, &rr, 0, target))
			return;
		ttl = cache_ttl(answer, rr.ttl);
		msg_put_copy(w, MSG_ANSWER, m, &rr, ttl);
		if (dnssec)
			put_signatures(w, m, answer, MSG_ANSWER, owner, rr.type);
		if (c->links[i].makes) {
			uint8_t made[DNS_NAME_MAX];

			if (!name_substitute(at_name, owner, target, made))
				return;
			msg_put_name(w, MSG_ANSWER, at_name, TYPE_CNAME, ttl, made);
			memcpy(at_name, made, name_len(made));
		} else if (rr.type == TYPE_CNAME) {
			memcpy(at_name, target, name_len(target));
		}
	}
}

void synth_put_aaaa(struct msg_wr *w, const struct dns_conf *conf, const struct msg *m,
		    const struct cache_answer *answer, const struct synth_chain *c,
		    uint32_t ttl_bound)
{
	struct msg_rr rr;

	for (size_t at = m->at[MSG_ANSWER]; next_data(m, c, TYPE_A, at, &rr); at = rr.next) {
		uint32_t ttl = cache_ttl(answer, rr.ttl);
		struct in6_addr v6;
		struct in_addr v4;

		if (!judge_a(conf, m, &rr, c->end).usable)
			continue;
		memcpy(&v4, m->p + rr.rdata_at, sizeof v4);
		v6 = pref64_embed(&conf->prefix, v4);
		msg_put(w, MSG_ANSWER, c->end, TYPE_AAAA, ttl < ttl_bound ? ttl : ttl_bound,
			&v6, sizeof v6);
	}
}

void synth_put_data(struct msg_wr *w, const struct dns_conf *conf, const struct msg *m,
		    const struct cache_answer *answer, const struct synth_chain *c,
		    uint16_t type, bool dnssec)
{
	bool whole = true;
	struct msg_rr rr;

	for (size_t at = m->at[MSG_ANSWER]; next_data(m, c, type, at, &rr); at = rr.next) {
		if (conf && type == TYPE_AAAA && !judge_aaaa(conf, m, &rr).usable)
			whole = false;
		else
			msg_put_copy(w, MSG_ANSWER, m, &rr, cache_ttl(answer, rr.ttl));
	}
	if (dnssec && whole)
		put_signatures(w, m, answer, MSG_ANSWER, c->end, type);
}

void synth_put_authority(struct msg_wr *w, const struct msg *m,
			 const struct cache_answer *answer, uint32_t bound, bool dnssec)
{
	struct msg_rr rr;

	for (size_t at = m->at[MSG_AUTHORITY];
	     at < m->at[MSG_ADDITIONAL] && msg_record(m, at, &rr); at = rr.next) {
		uint32_t ttl = cache_ttl(answer, rr.ttl);

		if (dnssec || rr.type == TYPE_SOA)
			msg_put_copy(w, MSG_AUTHORITY, m, &rr, ttl < bound ? ttl : bound);
	}
}
