/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ra_opt.h"

#include "base/pref64.h"
#include "base/wr.h"

#include <string.h>

#define PREF64_MAX_S  65528u
#define SCALE_S       8u /* RFC 8781 4.1 */
#define PREF_SHIFT    3
#define PREF_RESERVED 2
#define PREFIX_FLAGS  (RA_PREFIX_ON_LINK | RA_PREFIX_AUTONOMOUS | RA_PREFIX_ROUTER_ADDRESS)

/* RFC 8781 4: the prefix length code is the index. */
static const uint8_t pref64_lens[] = { 96, 64, 56, 48, 40, 32 };

/* --- items --------------------------------------------------------------------------- */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static bool name_equal(const struct ra_item *a, const struct ra_item *b)
{
	if (a->n_bytes != b->n_bytes)
		return false;
	for (size_t i = 0; i < a->n_bytes; i++)
		if (lower(a->bytes[i]) != lower(b->bytes[i]))
			return false;
	return true;
}

bool ra_item_same(const struct ra_item *a, const struct ra_item *b)
{
	struct in6_addr x, y;

	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case RA_PREFIX:
	case RA_ROUTE:
	case RA_PREF64:
		x = addr_masked(&a->addr, a->len);
		y = addr_masked(&b->addr, b->len);
		return a->len == b->len && addr_equal(&x, &y);
	case RA_RDNSS:
		return addr_equal(&a->addr, &b->addr);
	case RA_DNSSL:
		return name_equal(a, b);
	case RA_CAPTIVE_PORTAL: /* there is one or none */
		return true;
	}
	return false;
}

size_t ra_name_write(const char *text, uint8_t out[RA_NAME_MAX])
{
	struct wr w = wr_of(out, RA_NAME_MAX);

	while (*text) {
		size_t n = strcspn(text, ".");

		if (n == 0 || n > 63)
			return 0;
		wr_u8(&w, (uint8_t)n);
		wr_bytes(&w, text, n);
		text += n;
		text += *text == '.';
	}
	if (!wr_len(&w))
		return 0;
	wr_u8(&w, 0);
	return wr_ok(&w) ? wr_len(&w) : 0;
}

const char *ra_name_text(const struct ra_item *item, char out[RA_NAME_MAX])
{
	struct rd r = rd_of(item->bytes, item->n_bytes);
	char *to = out;

	for (uint8_t n; (n = rd_u8(&r)) && n <= rd_left(&r);) {
		if (to > out)
			*to++ = '.';
		while (n--) {
			uint8_t c = rd_u8(&r);

			*to++ = c > ' ' && c < 0x7f && c != '.' ? (char)c : '?';
		}
	}
	*to = 0;
	return out;
}

/* --- writing ------------------------------------------------------------------------- */

static void write_prefix(struct wr *w, const struct ra_item *item, size_t n)
{
	/* RFC 4861 4.6.2: bits behind the prefix must be zero; with R the field is an address.
	 */
	struct in6_addr addr = item->flags & RA_PREFIX_ROUTER_ADDRESS
				       ? item->addr
				       : addr_masked(&item->addr, item->len);

	(void)n;
	wr_u8(w, item->len);
	wr_u8(w, item->flags & PREFIX_FLAGS);
	wr_u32(w, item->lifetime_s);
	wr_u32(w, item->preferred_s);
	wr_u32(w, 0);
	wr_bytes(w, &addr, sizeof addr);
}

/* RFC 4191 2.3: the length tells how much of the prefix is there. */
static size_t route_bytes(unsigned len)
{
	return len == 0 ? 0 : len <= 64 ? 8 : 16;
}

static void write_route(struct wr *w, const struct ra_item *item, size_t n)
{
	struct in6_addr addr = addr_masked(&item->addr, item->len);

	(void)n;
	wr_u8(w, item->len);
	wr_u8(w, (uint8_t)(item->preference << PREF_SHIFT));
	wr_u32(w, item->lifetime_s);
	wr_bytes(w, &addr, route_bytes(item->len));
}

static void write_rdnss(struct wr *w, const struct ra_item *items, size_t n)
{
	wr_u16(w, 0);
	wr_u32(w, items->lifetime_s);
	for (size_t i = 0; i < n; i++)
		wr_bytes(w, &items[i].addr, sizeof items[i].addr);
}

static void write_dnssl(struct wr *w, const struct ra_item *items, size_t n)
{
	wr_u16(w, 0);
	wr_u32(w, items->lifetime_s);
	for (size_t i = 0; i < n; i++)
		wr_bytes(w, items[i].bytes, items[i].n_bytes);
}

static void write_pref64(struct wr *w, const struct ra_item *item, size_t n)
{
	struct in6_addr addr = addr_masked(&item->addr, item->len);
	uint32_t life = item->lifetime_s < PREF64_MAX_S ? item->lifetime_s : PREF64_MAX_S;
	uint16_t code = 0;

	(void)n;
	while (code < sizeof pref64_lens - 1 && pref64_lens[code] != item->len)
		code++;
	/* RFC 8781 4.1: in units of 8 s, rounded up, which leaves the low three bits free. */
	wr_u16(w, (uint16_t)((life + SCALE_S - 1) / SCALE_S * SCALE_S | code));
	wr_bytes(w, &addr, 12);
}

static void write_uri(struct wr *w, const struct ra_item *item, size_t n)
{
	(void)n;
	wr_bytes(w, item->bytes, item->n_bytes);
}

/* --- reading one option -------------------------------------------------------------- */

static void add(struct ra_advert *out, const struct ra_item *item)
{
	if (out->n < RA_READ_MAX)
		out->items[out->n++] = *item;
	else
		out->ignored++;
}

static struct in6_addr take_addr(struct rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);
	struct in6_addr addr = { 0 };

	if (p)
		memcpy(&addr, p, n);
	return addr;
}

static bool read_prefix(struct rd b, struct ra_advert *out)
{
	struct ra_item item = { .kind = RA_PREFIX };

	item.len = rd_u8(&b);
	item.flags = rd_u8(&b) & PREFIX_FLAGS;
	item.lifetime_s = rd_u32(&b);
	item.preferred_s = rd_u32(&b);
	rd_take(&b, 4);
	item.addr = take_addr(&b, 16);
	if (!rd_ok(&b) || rd_left(&b) || item.len > 128)
		return false;
	if (!(item.flags & RA_PREFIX_ROUTER_ADDRESS))
		item.addr = addr_masked(&item.addr, item.len);
	add(out, &item);
	return true;
}

static bool read_route(struct rd b, struct ra_advert *out)
{
	struct ra_item item = { .kind = RA_ROUTE };
	unsigned preference;

	item.len = rd_u8(&b);
	preference = rd_u8(&b) >> PREF_SHIFT & 3;
	item.lifetime_s = rd_u32(&b);
	/* RFC 4191 2.3: a reserved preference or too little prefix: ignore the option. */
	if (!rd_ok(&b) || item.len > 128 || preference == PREF_RESERVED || rd_left(&b) > 16 ||
	    rd_left(&b) < route_bytes(item.len))
		return false;
	item.preference = preference;
	item.addr = take_addr(&b, rd_left(&b));
	item.addr = addr_masked(&item.addr, item.len);
	add(out, &item);
	return true;
}

static bool read_rdnss(struct rd b, struct ra_advert *out)
{
	struct ra_item item = { .kind = RA_RDNSS };

	rd_take(&b, 2);
	item.lifetime_s = rd_u32(&b);
	/* RFC 8106 5.3.1: at least one address, and nothing left over. */
	if (!rd_left(&b) || rd_left(&b) % 16)
		return false;
	while (rd_left(&b)) {
		item.addr = take_addr(&b, 16);
		add(out, &item);
	}
	return true;
}

/* The next name at the front of b; its length, 0 at the padding, and b failed when it is none
 * (labels only: RFC 8106 5.2 forbids compression). */
static size_t take_name(struct rd *b)
{
	const uint8_t *start = b->p;

	for (;;) {
		uint8_t n = rd_u8(b);

		if (n > 63 || (size_t)(b->p - start) + n > RA_NAME_MAX)
			rd_fail(b);
		if (n == 0 || !rd_ok(b))
			break;
		rd_take(b, n);
	}
	return rd_ok(b) && b->p - start > 1 ? (size_t)(b->p - start) : 0;
}

static bool read_dnssl(struct rd b, struct ra_advert *out)
{
	struct ra_item item = { .kind = RA_DNSSL };
	struct rd names;
	size_t found = 0;

	rd_take(&b, 2);
	item.lifetime_s = rd_u32(&b);
	/* Look first: half an option is none. */
	names = b;
	while (rd_left(&names) && take_name(&names))
		found++;
	if (!rd_ok(&names) || !found)
		return false;
	while (rd_left(&b)) {
		item.bytes = b.p;
		item.n_bytes = (uint16_t)take_name(&b);
		if (!item.n_bytes)
			break;
		add(out, &item);
	}
	return true;
}

static bool read_pref64(struct rd b, struct ra_advert *out)
{
	struct ra_item item = { .kind = RA_PREF64 };
	uint16_t scaled = rd_u16(&b);
	unsigned code = scaled % SCALE_S;

	/* RFC 8781 4: other lengths and codes: ignore the option. */
	if (rd_left(&b) != 12 || code >= sizeof pref64_lens)
		return false;
	item.lifetime_s = scaled - code;
	item.len = pref64_lens[code];
	item.addr = take_addr(&b, 12);
	item.addr = addr_masked(&item.addr, item.len);
	add(out, &item);
	return true;
}

static bool read_uri(struct rd b, struct ra_advert *out)
{
	struct ra_item item = { .kind = RA_CAPTIVE_PORTAL, .bytes = b.p };
	size_t n = rd_left(&b);

	while (n && b.p[n - 1] == 0)
		n--;
	if (!n)
		return false;
	item.n_bytes = (uint16_t)n;
	add(out, &item);
	return true;
}

/* --- the options --------------------------------------------------------------------- */

/* An option is its type, its length, head bytes, and the bytes of each item in it. */
static const struct option {
	uint8_t type, head;
	bool shared; /* takes several items of one lifetime */
	void (*write)(struct wr *, const struct ra_item *, size_t n);
	bool (*read)(struct rd body, struct ra_advert *);
} options[RA_KINDS] = {
	[RA_PREFIX] = { ND_OPT_PREFIX, 16, false, write_prefix, read_prefix },
	[RA_ROUTE] = { ND_OPT_ROUTE, 8, false, write_route, read_route },
	[RA_RDNSS] = { ND_OPT_RDNSS, 8, true, write_rdnss, read_rdnss },
	[RA_DNSSL] = { ND_OPT_DNSSL, 8, true, write_dnssl, read_dnssl },
	[RA_PREF64] = { ND_OPT_PREF64, 4, false, write_pref64, read_pref64 },
	[RA_CAPTIVE_PORTAL] = { ND_OPT_CAPTIVE_PORTAL, 2, false, write_uri, read_uri },
};

static size_t item_bytes(const struct ra_item *item)
{
	switch (item->kind) {
	case RA_PREFIX:
	case RA_RDNSS:
		return 16;
	case RA_ROUTE:
		return route_bytes(item->len);
	case RA_DNSSL:
	case RA_CAPTIVE_PORTAL:
		return item->n_bytes;
	case RA_PREF64:
		return 12;
	}
	return 0;
}

/* --- one option ------------------------------------------------------------------------ */

static size_t padded(size_t n)
{
	return (n + 7) / 8 * 8;
}

size_t ra_opt_share(const struct ra_item *items, size_t n, size_t room, size_t *len)
{
	const struct option *option = &options[items->kind];
	size_t k = 0, sum = option->head;

	while (k < n && items[k].kind == items->kind &&
	       items[k].lifetime_s == items->lifetime_s && (k == 0 || option->shared) &&
	       padded(sum + item_bytes(&items[k])) <= room)
		sum += item_bytes(&items[k++]);
	*len = padded(sum);
	return k;
}

void ra_opt_write(struct wr *w, const struct ra_item *items, size_t n, size_t len)
{
	size_t end = wr_len(w) + len;

	wr_u8(w, options[items->kind].type);
	wr_u8(w, (uint8_t)(len / 8));
	options[items->kind].write(w, items, n);
	wr_zero(w, end - wr_len(w));
}

bool ra_opt_read(const struct nd_opt *opt, struct ra_advert *out)
{
	for (size_t i = 0; i < RA_KINDS; i++)
		if (options[i].type == opt->type)
			return options[i].read(opt->body, out);
	return true;
}
