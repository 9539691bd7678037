/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ra_msg.h"

#include "base/rd.h"
#include "base/wr.h"
#include "nd_opt.h"
#include "ra_opt.h"

#include <string.h>

#define OPTION_MAX    (255 * 8)
#define FLAG_MANAGED  0x80
#define FLAG_OTHER    0x40
#define PREF_SHIFT    3
#define PREF_RESERVED 2

/* --- writing a message --------------------------------------------------------------- */

static void write_header(struct wr *w, const struct ra_header *h)
{
	/* RFC 4191 2.2: with a lifetime of zero the preference must be medium. */
	unsigned preference = h->lifetime_s ? h->preference : RA_PREFERENCE_MEDIUM;

	wr_u8(w, RA_ADVERTISE);
	wr_u8(w, 0);
	wr_u16(w, 0);
	wr_u8(w, h->hop_limit);
	wr_u8(w, (uint8_t)((h->managed ? FLAG_MANAGED : 0) | (h->other ? FLAG_OTHER : 0) |
			   preference << PREF_SHIFT));
	wr_u16(w, h->lifetime_s);
	wr_u32(w, h->reachable_ms);
	wr_u32(w, h->retrans_ms);
}

static size_t tail_len(const struct ra_header *h)
{
	return (h->mtu ? 8 : 0) + (h->has_mac ? 8 : 0);
}

static void write_tail(struct wr *w, const struct ra_header *h)
{
	if (h->mtu) {
		wr_u8(w, ND_OPT_MTU);
		wr_u8(w, 1);
		wr_u16(w, 0);
		wr_u32(w, h->mtu);
	}
	if (h->has_mac) {
		wr_u8(w, ND_OPT_SOURCE_LL);
		wr_u8(w, 1);
		wr_bytes(w, h->mac, sizeof h->mac);
	}
}

size_t ra_msg_write(const struct ra_header *head, const struct ra_item *items, size_t n,
		    ra_msg_fn *fn, void *arg)
{
	uint8_t msg[RA_MSG_MAX];
	struct wr w = wr_of(msg, sizeof msg - tail_len(head));
	size_t empty, room, len, left_out = 0;

	write_header(&w, head);
	empty = wr_len(&w);
	room = wr_room(&w) < OPTION_MAX ? wr_room(&w) : OPTION_MAX;
	for (size_t i = 0, k; i < n; i += k) {
		k = ra_opt_share(items + i, n - i, room, &len);
		if (!k) {
			left_out++;
			k = 1;
			continue;
		}
		if (len > wr_room(&w)) {
			w.end += tail_len(head);
			write_tail(&w, head);
			fn(arg, msg, wr_len(&w));
			w = wr_of(msg, sizeof msg - tail_len(head));
			w.p += empty; /* the same header again */
		}
		ra_opt_write(&w, items + i, k, len);
	}
	w.end += tail_len(head);
	write_tail(&w, head);
	fn(arg, msg, wr_len(&w));
	return left_out;
}

/* --- reading a message --------------------------------------------------------------- */

/* What both messages have in common: r is left at the options. */
static enum ra_reason read_fixed(const struct ra_packet *in, size_t fixed, struct rd *r)
{
	*r = rd_of(in->msg, in->len);
	if (in->hop_limit != 255)
		return in->hop_limit == -2 ? RA_BAD_FRAGMENT : RA_BAD_HOP_LIMIT;
	rd_u8(r);
	if (rd_u8(r) != 0)
		return RA_BAD_CODE;
	rd_take(r, fixed - 2);
	if (!rd_ok(r))
		return RA_BAD_LENGTH;
	return nd_opt_all_valid(*r) ? RA_ACCEPTED : RA_BAD_OPTION;
}

static void read_mac(struct rd body, bool *has_mac, uint8_t mac[ADDR_MAC_LEN])
{
	const uint8_t *p = rd_left(&body) == ADDR_MAC_LEN ? rd_take(&body, ADDR_MAC_LEN) : NULL;

	if (!p)
		return;
	memcpy(mac, p, ADDR_MAC_LEN);
	*has_mac = true;
}

enum ra_reason ra_msg_read_solicit(const struct ra_packet *in, struct ra_solicit *out)
{
	struct ra_solicit rs = { 0 };
	struct nd_opt opt;
	struct rd r;
	enum ra_reason reason = read_fixed(in, 8, &r);

	if (reason != RA_ACCEPTED)
		return reason;
	if (addr_is_multicast(&in->src) || addr_is_loopback(&in->src))
		return RA_BAD_SOURCE;
	while (nd_opt_next(&r, &opt)) {
		if (opt.type != ND_OPT_SOURCE_LL)
			continue;
		if (addr_is_unspecified(&in->src))
			return RA_BAD_SOURCE_LL;
		read_mac(opt.body, &rs.has_mac, rs.mac);
	}
	*out = rs;
	return RA_ACCEPTED;
}

static void read_header(struct rd r, struct ra_header *h)
{
	unsigned flags;

	rd_take(&r, 4);
	h->hop_limit = rd_u8(&r);
	flags = rd_u8(&r);
	h->managed = flags & FLAG_MANAGED;
	h->other = flags & FLAG_OTHER;
	h->preference = flags >> PREF_SHIFT & 3;
	if ((unsigned)h->preference == PREF_RESERVED) /* RFC 4191 2.2: medium */
		h->preference = RA_PREFERENCE_MEDIUM;
	h->lifetime_s = rd_u16(&r);
	h->reachable_ms = rd_u32(&r);
	h->retrans_ms = rd_u32(&r);
	if (!h->lifetime_s)
		h->preference = RA_PREFERENCE_MEDIUM;
}

static bool read_mtu(struct rd b, struct ra_advert *out)
{
	rd_take(&b, 2);
	if (rd_left(&b) != 4)
		return false;
	out->head.mtu = rd_u32(&b);
	return true;
}

/* false: it makes no sense.  A type that we do not know is passed over (RFC 4861 6.1.2). */
static bool read_option(const struct nd_opt *opt, struct ra_advert *out)
{
	if (opt->type == ND_OPT_SOURCE_LL) {
		read_mac(opt->body, &out->head.has_mac, out->head.mac);
		return true;
	}
	if (opt->type == ND_OPT_MTU)
		return read_mtu(opt->body, out);
	return ra_opt_read(opt, out);
}

enum ra_reason ra_msg_read_advert(const struct ra_packet *in, struct ra_advert *out)
{
	struct nd_opt opt;
	struct rd r;
	enum ra_reason reason = read_fixed(in, 16, &r);

	if (reason != RA_ACCEPTED)
		return reason;
	if (!addr_is_link_local(&in->src))
		return RA_BAD_SOURCE;
	out->head = (struct ra_header){ 0 };
	out->n = out->ignored = 0;
	read_header(rd_of(in->msg, in->len), &out->head);
	while (nd_opt_next(&r, &opt))
		out->ignored += !read_option(&opt, out);
	return RA_ACCEPTED;
}
