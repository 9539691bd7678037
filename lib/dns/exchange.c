/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exchange.h"

#include "base/rd.h"

#include <string.h>

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
			uint8_t c = name[at] | 0x20;
			bool letter = c >= 'a' && c <= 'z';

			/* Without branches, which would go one way or the other at random. */
			c = (uint8_t)(c ^ (upper & 1) << 5);
			name[at] = letter ? c : name[at];
			upper >>= letter;
		}
	}
}

size_t exchange_write(uint8_t out[EXCHANGE_LEN_MAX], const struct dns_question *q,
		      unsigned flags, const struct exchange_question *x)
{
	size_t len = msg_write_question(out, EXCHANGE_LEN_MAX, x->id, q, flags,
					x->edns ? EXCHANGE_PAYLOAD : 0);

	set_case(out + MSG_HEAD_LEN, q->name_len, x->upper);
	return len;
}

/* The length of the question at p, or 0.  A name in a question is never compressed. */
static size_t question_len(const uint8_t *p, size_t len)
{
	size_t at = name_skip(p, len, 0);

	return at && len - at >= 4 ? at + 4 : 0;
}

static bool equal_but_case(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static enum exchange_match match_question(const uint8_t *sent, size_t sent_len,
					  const uint8_t *got, size_t got_len)
{
	size_t n = question_len(sent, sent_len);

	if (!n || n > got_len)
		return EXCHANGE_FOREIGN;
	if (memcmp(got, sent, n) == 0)
		return EXCHANGE_SAME;
	/* Type and class are no letters: they must be the same octet by octet. */
	if (memcmp(got + n - 4, sent + n - 4, 4) != 0 || !equal_but_case(got, sent, n - 4))
		return EXCHANGE_FOREIGN;
	return EXCHANGE_OTHER_CASE;
}

enum exchange_match exchange_match(const uint8_t *sent, size_t sent_len, const uint8_t *msg,
				   size_t len)
{
	struct rd r = rd_of(msg, len);
	uint16_t flags, count;

	if (len < MSG_HEAD_LEN || sent_len < MSG_HEAD_LEN || msg_id(msg) != msg_id(sent))
		return EXCHANGE_FOREIGN;
	rd_u16(&r);
	flags = rd_u16(&r);
	count = rd_u16(&r);
	if (!(flags & MSG_QR) || flags & MSG_OPCODE || count > 1)
		return EXCHANGE_FOREIGN;
	if (count)
		return match_question(sent + MSG_HEAD_LEN, sent_len - MSG_HEAD_LEN,
				      msg + MSG_HEAD_LEN, len - MSG_HEAD_LEN);
	flags &= MSG_RCODE;
	return flags == RCODE_FORMERR || flags == RCODE_NOTIMP ? EXCHANGE_BARE
							       : EXCHANGE_FOREIGN;
}
