/* SPDX-License-Identifier: GPL-3.0-or-later */
/* msg.c - see msg.h. */
#include "msg.h"

#include "base/rd.h"

#include <string.h>

#define FIXED_LEN   10 /* type, class, TTL, RDATA length */
#define POINTER_MAX 0x4000

static uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint16_t msg_id(const uint8_t *buf)
{
	return get_u16(buf);
}

uint16_t msg_flags(const uint8_t *buf)
{
	return get_u16(buf + 2);
}

void msg_set_id(uint8_t *buf, uint16_t id)
{
	buf[0] = (uint8_t)(id >> 8);
	buf[1] = (uint8_t)id;
}

void msg_set_flags(uint8_t *buf, uint16_t flags)
{
	msg_set_id(buf + 2, flags);
}

/* Where names stand in the RDATA of types that may be compressed, or were by someone (RFC 3597
 * 4): octets before, names, octets behind.  Everything else is opaque. */
struct rdata_shape {
	uint16_t type;
	uint8_t before, names, behind;
};

static const struct rdata_shape *shape_of(uint16_t type)
{
	static const struct rdata_shape shapes[] = {
		{ TYPE_NS, 0, 1, 0 },    { 3, 0, 1, 0 },         { 4, 0, 1, 0 },
		{ TYPE_CNAME, 0, 1, 0 }, { TYPE_SOA, 0, 2, 20 }, { 7, 0, 1, 0 },
		{ 8, 0, 1, 0 },          { 9, 0, 1, 0 },         { TYPE_PTR, 0, 1, 0 },
		{ 14, 0, 2, 0 },         { TYPE_MX, 2, 1, 0 },   { 17, 0, 2, 0 },
		{ 18, 2, 1, 0 },         { 21, 2, 1, 0 },        { 26, 2, 2, 0 },
		{ TYPE_SRV, 6, 1, 0 },   { 36, 2, 1, 0 },        { TYPE_DNAME, 0, 1, 0 },
	};

	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
}

static bool read_head(struct msg *m)
{
	struct rd r = rd_of(m->p, m->len);

	m->id = rd_u16(&r);
	m->flags = rd_u16(&r);
	for (int i = 0; i < 4; i++)
		m->count[i] = rd_u16(&r);
	return rd_ok(&r);
}

/* RFC 1035 4.1.4 lets pointers lead to names; we rewrite header, type and TTLs of answers, so
 * what lies there must not be part of one.  n: at most 24. */
static void fix(struct name_guard *guard, size_t at, size_t n)
{
	uint64_t *word = guard->fixed + at / 64, bits = (1u << n) - 1;
	unsigned bit = at % 64;

	word[0] |= bits << bit;
	if (bit + n > 64)
		word[1] |= bits >> (64 - bit);
}

static bool read_question(struct msg *m, struct name_guard *guard)
{
	size_t n = name_read(m->p, m->len, MSG_HEAD_LEN, m->q.name, guard);
	size_t at = n ? name_skip(m->p, m->len, MSG_HEAD_LEN) : 0;

	if (!at || at + 4 > m->len)
		return false;
	fix(guard, at, 4);
	m->q.name_len = (uint8_t)n;
	m->q.type = get_u16(m->p + at);
	m->q.class = get_u16(m->p + at + 2);
	m->at[MSG_ANSWER] = at + 4;
	return true;
}

static bool read_record(const struct msg *m, size_t at, struct msg_rr *out)
{
	size_t behind = name_skip(m->p, m->len, at);
	struct rd r;

	if (!behind)
		return false;
	r = rd_of(m->p + behind, m->len - behind);
	out->at = at;
	out->type = rd_u16(&r);
	out->class = rd_u16(&r);
	out->ttl_at = behind + 4;
	out->ttl = rd_u32(&r);
	/* RFC 2181 8: a TTL with the upper bit set counts as zero. */
	if (out->ttl > INT32_MAX)
		out->ttl = 0;
	out->rdata_len = rd_u16(&r);
	out->rdata_at = behind + FIXED_LEN;
	out->next = out->rdata_at + out->rdata_len;
	rd_take(&r, out->rdata_len);
	return rd_ok(&r);
}

static bool rdata_holds(const struct msg *m, const struct msg_rr *rr, struct name_guard *guard)
{
	const struct rdata_shape *shape = shape_of(rr->type);
	uint8_t name[DNS_NAME_MAX];
	size_t at = rr->rdata_at;

	if (rr->class != CLASS_IN || rr->section == MSG_QUESTION)
		return true;
	if (rr->type == TYPE_A)
		return rr->rdata_len == 4;
	if (rr->type == TYPE_AAAA)
		return rr->rdata_len == 16;
	if (!shape)
		return true;
	at += shape->before;
	for (unsigned i = 0; i < shape->names; i++) {
		if (at >= rr->next || !name_read(m->p, rr->next, at, name, guard))
			return false;
		at = name_skip(m->p, rr->next, at);
	}
	return at + shape->behind == rr->next;
}

static bool options_hold(const struct msg *m, const struct msg_rr *rr)
{
	struct rd r = rd_of(m->p + rr->rdata_at, rr->rdata_len);

	while (rd_left(&r)) {
		rd_u16(&r);
		rd_sub(&r, rd_u16(&r));
	}
	return rd_ok(&r);
}

/* RFC 6891 6.1: one OPT at most, in the additional section, owner root. */
static bool read_opt(struct msg *m, const struct msg_rr *rr)
{
	const uint8_t *ttl = m->p + rr->ttl_at;

	if (m->edns.present || rr->section != MSG_ADDITIONAL || m->p[rr->at] != 0 ||
	    !options_hold(m, rr))
		return false;
	m->edns = (struct msg_edns){
		.present = true,
		.rcode_high = ttl[0],
		.version = ttl[1],
		.dnssec_ok = (ttl[2] & 0x80) != 0,
		.payload = rr->class,
		.at = rr->at,
		.options_at = rr->rdata_at,
		.options_len = rr->rdata_len,
	};
	return true;
}

static enum msg_fault read_section(struct msg *m, enum msg_section section,
				   struct name_guard *guard)
{
	struct msg_rr rr = { .section = section };
	uint8_t owner[DNS_NAME_MAX];
	size_t at = m->at[section];

	for (unsigned i = 0; i < m->count[section]; i++, at = rr.next) {
		if (!read_record(m, at, &rr) || !name_read(m->p, m->len, at, owner, guard))
			return MSG_MALFORMED;
		fix(guard, rr.rdata_at - FIXED_LEN, FIXED_LEN);
		if (rr.type == TYPE_OPT && !read_opt(m, &rr))
			return MSG_BAD_OPT;
		if (rr.type == TYPE_TSIG)
			m->has_tsig = true;
		if (rr.type != TYPE_OPT && !rdata_holds(m, &rr, guard))
			return MSG_MALFORMED;
	}
	m->at[section + 1] = at;
	return MSG_OK;
}

enum msg_fault msg_parse(const uint8_t *buf, size_t len, struct msg *out)
{
	uint64_t fixed[(DNS_MSG_MAX + 63) / 64] __attribute__((uninitialized));
	/* Compressed honestly, a message has fewer pointers than octets. */
	struct name_guard guard = { (unsigned)len, fixed };
	enum msg_fault fault = MSG_OK;

	*out = (struct msg){ .p = buf, .len = len };
	if (len < MSG_HEAD_LEN || !read_head(out))
		return MSG_SHORT;
	if (len > DNS_MSG_MAX)
		return MSG_MALFORMED;
	memset(fixed, 0, (len + 63) / 64 * sizeof *fixed);
	fix(&guard, 0, MSG_HEAD_LEN);
	if (out->count[MSG_QUESTION] > 1)
		return MSG_QUESTIONS;
	out->at[MSG_QUESTION] = out->at[MSG_ANSWER] = MSG_HEAD_LEN;
	if (out->count[MSG_QUESTION] && !read_question(out, &guard))
		return MSG_MALFORMED;
	for (enum msg_section s = MSG_ANSWER; s < MSG_END && fault == MSG_OK; s++)
		fault = read_section(out, s, &guard);
	return fault;
}

bool msg_record(const struct msg *m, size_t at, struct msg_rr *out)
{
	struct msg_rr rr = { .section = MSG_ANSWER };

	if (at < m->at[MSG_ANSWER] || at >= m->at[MSG_END] || !read_record(m, at, &rr))
		return false;
	while (rr.section < MSG_ADDITIONAL && at >= m->at[rr.section + 1])
		rr.section++;
	*out = rr;
	return true;
}

bool msg_owner_is(const struct msg *m, const struct msg_rr *rr, const uint8_t *name)
{
	uint8_t owner[DNS_NAME_MAX];

	return name_read(m->p, m->len, rr->at, owner, NULL) && name_equal(owner, name);
}

size_t msg_owner(const struct msg *m, const struct msg_rr *rr, uint8_t out[DNS_NAME_MAX])
{
	return name_read(m->p, m->len, rr->at, out, NULL);
}

size_t msg_rdata_name(const struct msg *m, const struct msg_rr *rr, size_t skip,
		      uint8_t out[DNS_NAME_MAX])
{
	return name_read(m->p, rr->next, rr->rdata_at + skip, out, NULL);
}

uint16_t msg_covered(const struct msg *m, const struct msg_rr *rr)
{
	return rr->type == TYPE_RRSIG && rr->rdata_len >= 2 ? get_u16(m->p + rr->rdata_at) : 0;
}

unsigned msg_rcode(const struct msg *m)
{
	return (unsigned)m->edns.rcode_high << 4 | (m->flags & MSG_RCODE);
}

const uint8_t *msg_option(const struct msg *m, uint16_t code, size_t *len)
{
	struct rd r = rd_of(m->p + m->edns.options_at, m->edns.options_len);

	while (rd_left(&r)) {
		uint16_t found = rd_u16(&r);
		struct rd data = rd_sub(&r, rd_u16(&r));

		if (found != code)
			continue;
		*len = rd_left(&data);
		return data.p;
	}
	return NULL;
}

uint16_t msg_ede(const struct msg *m)
{
	size_t len = 0;
	const uint8_t *p = msg_option(m, OPTION_EDE, &len);

	return p && len >= 2 ? get_u16(p) : 0;
}

void msg_begin(struct msg_wr *m, void *buf, size_t size, uint16_t id, uint16_t flags,
	       const struct dns_question *q)
{
	*m = (struct msg_wr){ .w = wr_of(buf, size) };
	wr_u16(&m->w, id);
	wr_u16(&m->w, flags);
	wr_zero(&m->w, 8);
	if (!q)
		return;
	m->count[MSG_QUESTION] = 1;
	wr_bytes(&m->w, q->name, q->name_len);
	wr_u16(&m->w, q->type);
	wr_u16(&m->w, q->class);
	if (wr_ok(&m->w))
		m->qname = m->w.base + MSG_HEAD_LEN;
}

void msg_resume(struct msg_wr *m, void *buf, size_t size, size_t len, const uint16_t count[4])
{
	*m = (struct msg_wr){ .w = wr_of(buf, size) };
	wr_take(&m->w, len);
	memcpy(m->count, count, sizeof m->count);
}

static void put_pointer(struct msg_wr *m, size_t at)
{
	wr_u16(&m->w, (uint16_t)(0xc000 | at));
}

static void put_name(struct msg_wr *m, const uint8_t *name)
{
	size_t at = wr_len(&m->w);

	if (!*name) {
		wr_u8(&m->w, 0);
	} else if (m->qname && name_equal(name, m->qname)) {
		put_pointer(m, MSG_HEAD_LEN);
	} else if (m->last_at && name_equal(name, m->w.base + m->last_at)) {
		put_pointer(m, m->last_at);
	} else {
		wr_bytes(&m->w, name, name_len(name));
		if (wr_ok(&m->w) && at < POINTER_MAX)
			m->last_at = (uint16_t)at;
	}
}

/* Everything before RDATA; returns where its length stands. */
static size_t put_fixed(struct msg_wr *m, enum msg_section section, const uint8_t *owner,
			uint16_t type, uint16_t class, uint32_t ttl)
{
	put_name(m, owner);
	wr_u16(&m->w, type);
	wr_u16(&m->w, class);
	wr_u32(&m->w, ttl);
	wr_u16(&m->w, 0);
	m->count[section]++;
	return wr_len(&m->w);
}

static void set_rdata_len(struct msg_wr *m, size_t rdata_at)
{
	size_t n = wr_len(&m->w) - rdata_at;

	if (n > UINT16_MAX)
		m->w.full = true;
	if (wr_ok(&m->w))
		wr_set_u16(&m->w, rdata_at - 2, (uint16_t)n);
}

void msg_put(struct msg_wr *m, enum msg_section section, const uint8_t *owner, uint16_t type,
	     uint32_t ttl, const void *rdata, size_t len)
{
	size_t at = put_fixed(m, section, owner, type, CLASS_IN, ttl);

	wr_bytes(&m->w, rdata, len);
	set_rdata_len(m, at);
}

void msg_put_name(struct msg_wr *m, enum msg_section section, const uint8_t *owner,
		  uint16_t type, uint32_t ttl, const uint8_t *target)
{
	size_t at = put_fixed(m, section, owner, type, CLASS_IN, ttl);

	put_name(m, target);
	set_rdata_len(m, at);
}

static void put_rdata(struct msg_wr *w, const struct msg *m, const struct msg_rr *rr)
{
	const struct rdata_shape *shape = rr->class == CLASS_IN ? shape_of(rr->type) : NULL;
	size_t at = rr->rdata_at;
	uint8_t name[DNS_NAME_MAX];

	if (shape) {
		wr_bytes(&w->w, m->p + at, shape->before);
		at += shape->before;
		for (unsigned i = 0; i < shape->names; i++) {
			size_t n = name_read(m->p, rr->next, at, name, NULL);

			wr_bytes(&w->w, name, n);
			at = name_skip(m->p, rr->next, at);
		}
	}
	wr_bytes(&w->w, m->p + at, rr->next - at);
}

void msg_put_copy(struct msg_wr *w, enum msg_section section, const struct msg *m,
		  const struct msg_rr *rr, uint32_t ttl)
{
	uint8_t owner[DNS_NAME_MAX];
	size_t at;

	if (!msg_owner(m, rr, owner)) {
		w->w.full = true;
		return;
	}
	at = put_fixed(w, section, owner, rr->type, rr->class, ttl);
	if (rr->type == TYPE_CNAME) {
		uint8_t target[DNS_NAME_MAX];

		/* The record behind it has this owner: worth a pointer. */
		if (msg_rdata_name(m, rr, 0, target))
			put_name(w, target);
	} else {
		put_rdata(w, m, rr);
	}
	set_rdata_len(w, at);
}

void msg_put_opt(struct msg_wr *m, uint16_t payload, unsigned rcode, bool dnssec_ok,
		 const uint8_t *options, size_t len)
{
	uint32_t ttl = (uint32_t)(rcode >> 4) << 24 | (dnssec_ok ? MSG_EDNS_DO : 0);
	size_t at = put_fixed(m, MSG_ADDITIONAL, (const uint8_t *)"", TYPE_OPT, payload, ttl);

	wr_bytes(&m->w, options, len);
	set_rdata_len(m, at);
}

size_t msg_end(struct msg_wr *m)
{
	for (size_t i = 0; i < 4; i++)
		wr_set_u16(&m->w, 4 + 2 * i, m->count[i]);
	return wr_ok(&m->w) ? wr_len(&m->w) : 0;
}

static bool is_dnssec(uint16_t type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

size_t msg_strip(const struct msg *m, void *buf, size_t size)
{
	struct msg_wr w;
	struct msg_rr rr;

	msg_begin(&w, buf, size, m->id, m->flags, m->count[MSG_QUESTION] ? &m->q : NULL);
	for (size_t at = m->at[MSG_ANSWER]; msg_record(m, at, &rr); at = rr.next)
		if (rr.type != TYPE_OPT && (rr.type == m->q.type || !is_dnssec(rr.type)))
			msg_put_copy(&w, rr.section, m, &rr, rr.ttl);
	return msg_end(&w);
}

size_t msg_write_question(void *buf, size_t size, uint16_t id, const struct dns_question *q,
			  unsigned resolve_flags, uint16_t payload)
{
	struct msg_wr m;

	msg_begin(&m, buf, size, id, MSG_RD | (resolve_flags & RESOLVE_CD ? MSG_CD : 0), q);
	if (payload)
		msg_put_opt(&m, payload, 0, (resolve_flags & RESOLVE_DO) != 0, NULL, 0);
	return msg_end(&m);
}
