/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange.h"

#include "base/rd.h"
#include "base/wr.h"

#include <string.h>

enum {
	FLAG_QR = 0x8000,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_RA = 0x0080,
	FLAG_CD = 0x0010
};
enum { OPCODE_MASK = 0x7800, RCODE_MASK = 0x000f };
enum { RCODE_FORMERR = 1, RCODE_NOTIMP = 4 };
enum { TYPE_A = 1, TYPE_AAAA = 28, TYPE_OPT = 41, CLASS_IN = 1 };
enum { OPTION_EDE = 15 };

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* The letters of an uncompressed name, by bits of upper. */
static void set_case(uint8_t *name, size_t len, uint64_t upper)
{
	for (size_t at = 0; at < len && name[at];) {
		size_t end = at + 1 + name[at];

		for (at++; at < end && at < len; at++) {
			name[at] = lower(name[at]);
			if (name[at] < 'a' || name[at] > 'z')
				continue;
			if (upper & 1)
				name[at] = (uint8_t)(name[at] & ~0x20);
			upper >>= 1;
		}
	}
}

static void write_question(struct wr *w, const struct dns_question *q)
{
	wr_bytes(w, q->name, q->name_len);
	wr_u16(w, q->type);
	wr_u16(w, q->class);
}

/* RFC 6891 6.1.2. */
static void write_opt(struct wr *w, bool dnssec_ok)
{
	wr_u8(w, 0);
	wr_u16(w, TYPE_OPT);
	wr_u16(w, EXCHANGE_PAYLOAD);
	wr_u16(w, 0); /* extended rcode, version */
	wr_u16(w, dnssec_ok ? 0x8000 : 0);
	wr_u16(w, 0);
}

size_t exchange_write(uint8_t out[EXCHANGE_LEN_MAX], const struct dns_question *q,
		      unsigned flags, const struct exchange_question *x)
{
	struct wr w = wr_of(out, EXCHANGE_LEN_MAX);

	wr_u16(&w, x->id);
	wr_u16(&w, (uint16_t)(FLAG_RD | (flags & RESOLVE_CD ? FLAG_CD : 0)));
	wr_u16(&w, 1);
	wr_u32(&w, 0);
	wr_u16(&w, x->edns);
	write_question(&w, q);
	set_case(out + EXCHANGE_HEADER_LEN, q->name_len, x->upper);
	if (x->edns)
		write_opt(&w, flags & RESOLVE_DO);
	return wr_len(&w);
}

/* The length of the question at the start of p, without looking further than it must; 0 when
 * there is none.  A name in a question is never compressed. */
static size_t question_len(const uint8_t *p, size_t len)
{
	size_t at = 0;

	while (at < len && p[at] && p[at] < 64)
		at += 1u + p[at];
	return at < len && p[at] == 0 && at < DNS_NAME_MAX && len - at >= 5 ? at + 5 : 0;
}

static bool equal_but_case(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

enum exchange_match exchange_match(const uint8_t *sent, size_t sent_len, const uint8_t *msg,
				   size_t len)
{
	const size_t head = EXCHANGE_HEADER_LEN;
	struct rd r = rd_of(msg, len);
	uint16_t id = rd_u16(&r), flags = rd_u16(&r), count = rd_u16(&r);
	size_t n;

	if (len < head || sent_len < head || memcmp(msg, sent, 2) != 0)
		return EXCHANGE_FOREIGN;
	(void)id;
	if (!(flags & FLAG_QR) || flags & OPCODE_MASK || count > 1)
		return EXCHANGE_FOREIGN;
	if (count == 0) {
		unsigned rcode = flags & RCODE_MASK;

		return rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP ? EXCHANGE_BARE
								       : EXCHANGE_FOREIGN;
	}
	n = question_len(sent + head, sent_len - head);
	if (!n || n > len - head)
		return EXCHANGE_FOREIGN;
	if (memcmp(msg + head, sent + head, n) == 0)
		return EXCHANGE_SAME;
	/* Type and class are no letters: they must be the same byte by byte. */
	if (memcmp(msg + head + n - 4, sent + head + n - 4, 4) != 0 ||
	    !equal_but_case(msg + head, sent + head, n - 4))
		return EXCHANGE_FOREIGN;
	return EXCHANGE_OTHER_CASE;
}

/* Steps over a name; a pointer ends it and must point backwards (RFC 1035 4.1.4). */
static void skip_name(struct rd *r, const uint8_t *msg)
{
	for (size_t total = 0; rd_ok(r); total++) {
		const uint8_t *here = r->p;
		uint8_t n = rd_u8(r);

		if (n >= 0xc0) {
			size_t to = (size_t)(n & 0x3f) << 8 | rd_u8(r);

			if (to < EXCHANGE_HEADER_LEN || to >= (size_t)(here - msg))
				rd_fail(r);
			return;
		}
		total += n;
		if (n > 63 || total >= DNS_NAME_MAX)
			rd_fail(r);
		if (n == 0)
			return;
		rd_take(r, n);
	}
}

static void read_options(struct rd r, struct exchange_answer *out)
{
	while (rd_left(&r)) {
		uint16_t code = rd_u16(&r);
		struct rd body = rd_sub(&r, rd_u16(&r));
		uint16_t info = rd_u16(&body);

		if (code == OPTION_EDE && rd_ok(&body) && info >= 6 && info <= 12)
			out->bogus = true;
	}
}

static void read_record(struct rd *r, const uint8_t *msg, struct exchange_answer *out)
{
	uint16_t type, class, rdlen;
	uint32_t ttl;
	struct rd body;

	skip_name(r, msg);
	type = rd_u16(r);
	class = rd_u16(r);
	ttl = rd_u32(r);
	rdlen = rd_u16(r);
	body = rd_sub(r, rdlen);
	if (class == CLASS_IN &&
	    ((type == TYPE_A && rdlen != 4) || (type == TYPE_AAAA && rdlen != 16)))
		rd_fail(r);
	if (type != TYPE_OPT || !rd_ok(r))
		return;
	if (out->has_opt)
		rd_fail(r);
	out->has_opt = true;
	out->rcode = (uint16_t)(out->rcode | (ttl >> 24) << 4);
	read_options(body, out);
}

bool exchange_read(const uint8_t *msg, size_t len, struct exchange_answer *out)
{
	struct exchange_answer a = { 0 };
	struct rd r = rd_of(msg, len);
	uint32_t questions, records;
	uint16_t flags;

	rd_u16(&r);
	flags = rd_u16(&r);
	questions = rd_u16(&r);
	records = rd_u16(&r);
	records += rd_u16(&r);
	records += rd_u16(&r);
	a.rcode = flags & RCODE_MASK;
	a.truncated = flags & FLAG_TC;
	for (; !a.truncated && questions && rd_ok(&r); questions--) {
		skip_name(&r, msg);
		rd_u32(&r);
	}
	for (; !a.truncated && records && rd_ok(&r); records--)
		read_record(&r, msg, &a);
	if (!rd_ok(&r))
		return false;
	*out = a;
	return true;
}

size_t exchange_failure(uint8_t out[EXCHANGE_LEN_MAX], const struct dns_question *q,
			unsigned rcode)
{
	struct wr w = wr_of(out, EXCHANGE_LEN_MAX);

	wr_u16(&w, 0);
	wr_u16(&w, (uint16_t)(FLAG_QR | FLAG_RD | FLAG_RA | (rcode & RCODE_MASK)));
	wr_u16(&w, 1);
	wr_u32(&w, 0);
	wr_u16(&w, 0);
	write_question(&w, q);
	return wr_len(&w);
}
