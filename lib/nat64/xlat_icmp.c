/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/xlat_icmp.h"

#include "base/csum.h"

#include <string.h>

#define UNREACHABLE4 3
#define TOO_BIG4     4 /* code of UNREACHABLE4 */
#define EXCEEDED4    11
#define PARAMETER4   12
#define UNREACHABLE6 1
#define TOO_BIG6     2
#define EXCEEDED6    3
#define PARAMETER6   4

#define NO_CODE       0xff
#define MTU4_MIN      68u   /* RFC 791 3.2 */
#define MTU6_MIN      1280u /* RFC 8200 5 */
#define QUOTE_EXT_MIN 128u  /* of the quoted packet, before extensions: RFC 4884 3 */

/* --- taking apart --- */

/* RFC 4884 4.1, 4.2: length 0 says that there are no extensions, whatever follows.  A length
 * that is impossible says nothing. */
static void split(const uint8_t *icmp, size_t len, size_t quote_len, size_t header_len,
		  struct xlat_error *e)
{
	e->quote = icmp + ICMP_LEN;
	e->quote_len = len - ICMP_LEN;
	e->ext = NULL;
	e->ext_len = 0;
	if (quote_len < header_len || quote_len >= e->quote_len)
		return;
	e->ext = e->quote + quote_len;
	e->ext_len = e->quote_len - quote_len;
	e->quote_len = quote_len;
}

void xlat_error_read6(const uint8_t *icmp, size_t len, struct xlat_error *e)
{
	uint8_t type = icmp[0];
	bool extensible = type == UNREACHABLE6 || type == EXCEEDED6;

	e->head = (struct xlat_head){ type, icmp[1], extensible ? 0 : be32_at(icmp + 4),
				      extensible };
	split(icmp, len, extensible ? icmp[4] * 8u : 0, IP6_LEN, e);
}

void xlat_error_read4(const uint8_t *icmp, size_t len, struct xlat_error *e)
{
	uint8_t type = icmp[0];
	bool extensible = type == UNREACHABLE4 || type == EXCEEDED4 || type == PARAMETER4;
	uint32_t param = 0;

	if (type == PARAMETER4)
		param = icmp[4];
	else if (type == UNREACHABLE4 && icmp[1] == TOO_BIG4)
		param = be16_at(icmp + 6);
	e->head = (struct xlat_head){ type, icmp[1], param, extensible };
	split(icmp, len, extensible ? icmp[5] * 4u : 0, IP4_LEN, e);
}

/* --- type, code, parameter --- */

static uint32_t min_of(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* RFC 7915 5.2; a fragment grows by its header less on the way back. */
static uint32_t mtu_64(uint32_t said, bool fragment, uint32_t mtu)
{
	uint32_t less = IP6_LEN - IP4_LEN + (fragment ? FRAG_LEN : 0);

	said = min_of(said, mtu);
	return said < MTU4_MIN + less ? MTU4_MIN : said - less;
}

/* RFC 1191 7: the size below that of the packet that did not fit. */
static uint32_t plateau_below(uint16_t len)
{
	static const uint16_t plateaus[] = { 65535, 32000, 17914, 8166, 4352, 2002,
					     1492,  1006,  508,   296,  68 };

	for (size_t i = 0; i < sizeof plateaus / sizeof *plateaus; i++)
		if (plateaus[i] < len)
			return plateaus[i];
	return 0;
}

/* RFC 7915 4.2 */
static uint32_t mtu_46(uint32_t said, uint16_t quoted_len, uint32_t mtu)
{
	if (!said)
		said = plateau_below(quoted_len);
	return max_of(MTU6_MIN, min_of(said + (IP6_LEN - IP4_LEN), mtu));
}

/* RFC 7915 5.2, figure 6 */
static uint8_t pointer_64(uint32_t pointer)
{
	static const uint8_t first[] = { 0, 1, NO_CODE, NO_CODE, 2, 2, 9, 8 };

	if (pointer < sizeof first)
		return first[pointer];
	if (pointer < 24)
		return 12;
	return pointer < 40 ? 16 : NO_CODE;
}

/* RFC 7915 4.2, figure 3 */
static uint8_t pointer_46(uint32_t pointer)
{
	static const uint8_t to[] = { 0,       1, 4,  4,       NO_CODE, NO_CODE, NO_CODE,
				      NO_CODE, 7, 6,  NO_CODE, NO_CODE, 8,       8,
				      8,       8, 24, 24,      24,      24 };

	return pointer < sizeof to ? to[pointer] : NO_CODE;
}

static struct xlat_head head_of(uint8_t type, uint8_t code, bool extensible)
{
	return (struct xlat_head){ .type = type, .code = code, .extensible = extensible };
}

static enum nat64_reason unreachable_64(uint8_t code, struct xlat_head *out)
{
	static const uint8_t to[] = { 1, 10, 1, 1, 3 };

	if (code >= sizeof to)
		return NAT64_V6_ICMP_CODE;
	*out = head_of(UNREACHABLE4, to[code], true);
	return NAT64_GO_ON;
}

static enum nat64_reason parameter_64(const struct xlat_head *in, struct xlat_head *out)
{
	uint8_t pointer = pointer_64(in->param);

	if (in->code == 1) { /* next header unknown: protocol unreachable */
		*out = head_of(UNREACHABLE4, 2, false);
		return NAT64_GO_ON;
	}
	if (in->code != 0)
		return NAT64_V6_ICMP_CODE;
	if (pointer == NO_CODE)
		return NAT64_V6_ICMP_POINTER;
	*out = head_of(PARAMETER4, 0, false);
	out->param = pointer;
	return NAT64_GO_ON;
}

/* RFC 7915 5.2 */
enum nat64_reason xlat_head_64(const struct xlat_head *in, const struct ip6 *quoted,
			       uint32_t mtu, struct xlat_head *out)
{
	switch (in->type) {
	case UNREACHABLE6:
		return unreachable_64(in->code, out);
	case TOO_BIG6:
		*out = head_of(UNREACHABLE4, TOO_BIG4, false);
		out->param = mtu_64(in->param, quoted->has_frag, mtu);
		return NAT64_GO_ON;
	case EXCEEDED6:
		if (in->code > 1)
			return NAT64_V6_ICMP_CODE;
		*out = head_of(EXCEEDED4, in->code, true);
		return NAT64_GO_ON;
	case PARAMETER6:
		return parameter_64(in, out);
	}
	return NAT64_V6_ICMP_TYPE;
}

static enum nat64_reason unreachable_46(const struct xlat_head *in, const struct ip4 *quoted,
					uint32_t mtu, struct xlat_head *out)
{
	static const uint8_t to[] = { 0, 0, NO_CODE, 4, NO_CODE, 0, 0,       0,
				      0, 1, 1,       0, 0,       1, NO_CODE, 1 };

	if (in->code == 2) { /* protocol unreachable: the Next Header octet is at 6 */
		*out = head_of(PARAMETER6, 1, false);
		out->param = 6;
		return NAT64_GO_ON;
	}
	if (in->code == TOO_BIG4) {
		*out = head_of(TOO_BIG6, 0, false);
		out->param = mtu_46(in->param, quoted->len, mtu);
		return NAT64_GO_ON;
	}
	if (in->code >= sizeof to || to[in->code] == NO_CODE)
		return NAT64_V4_ICMP_CODE;
	*out = head_of(UNREACHABLE6, to[in->code], true);
	return NAT64_GO_ON;
}

static enum nat64_reason parameter_46(const struct xlat_head *in, struct xlat_head *out)
{
	uint8_t pointer = pointer_46(in->param);

	if (in->code != 0 && in->code != 2)
		return NAT64_V4_ICMP_CODE;
	if (pointer == NO_CODE)
		return NAT64_V4_ICMP_POINTER;
	*out = head_of(PARAMETER6, 0, false);
	out->param = pointer;
	return NAT64_GO_ON;
}

/* RFC 7915 4.2 */
enum nat64_reason xlat_head_46(const struct xlat_head *in, const struct ip4 *quoted,
			       uint32_t mtu, struct xlat_head *out)
{
	switch (in->type) {
	case UNREACHABLE4:
		return unreachable_46(in, quoted, mtu, out);
	case EXCEEDED4:
		if (in->code > 1)
			return NAT64_V4_ICMP_CODE;
		*out = head_of(EXCEEDED6, in->code, true);
		return NAT64_GO_ON;
	case PARAMETER4:
		return parameter_46(in, out);
	}
	return NAT64_V4_ICMP_TYPE;
}

/* --- the quoted packet --- */

/* What lies behind the quoted headers, as much as was quoted; read only. */
static struct xlat_l4 payload_of(const struct xlat_error *e, size_t header_len, uint8_t proto,
				 uint16_t frag_off)
{
	return (struct xlat_l4){
		.p = (uint8_t *)(uintptr_t)(e->quote + header_len),
		.len = e->quote_len - header_len,
		.frag_off = frag_off,
		.proto = proto,
	};
}

static bool is_echo(const struct xlat_l4 *l4, uint8_t request, uint8_t reply)
{
	return l4->frag_off || (l4->len && (l4->p[0] == request || l4->p[0] == reply));
}

enum nat64_reason xlat_check_quoted6(const struct xlat_error *e, const struct ip6 *h)
{
	struct xlat_l4 l4 = payload_of(e, h->l4, h->proto, h->frag_off);

	if (xlat_is_error6(&l4))
		return NAT64_V6_INNER_NESTED;
	if (h->proto == PROTO_ICMP || (h->proto == PROTO_ICMP6 && !is_echo(&l4, 128, 129)))
		return NAT64_V6_INNER_PROTOCOL;
	return NAT64_GO_ON;
}

enum nat64_reason xlat_check_quoted4(const struct xlat_error *e, const struct ip4 *h)
{
	struct xlat_l4 l4 = payload_of(e, h->hdr_len, h->proto, h->frag_off);

	if (xlat_is_error4(&l4))
		return NAT64_V4_INNER_NESTED;
	switch (h->proto) {
	case PROTO_ICMP:
		return is_echo(&l4, 8, 0) ? NAT64_GO_ON : NAT64_V4_INNER_PROTOCOL;
	case PROTO_HOP_BY_HOP:
	case PROTO_IGMP:
	case PROTO_ROUTING:
	case PROTO_FRAGMENT:
	case PROTO_ICMP6:
	case PROTO_DEST_OPTIONS:
		return NAT64_V4_INNER_PROTOCOL;
	}
	return NAT64_GO_ON;
}

/* --- putting together --- */

/* Bytes of the quoted packet and of the extensions behind it. */
struct layout {
	size_t quote, ext;
};

/* How much of full bytes of quoted packet and of the extensions fit into room.  With extensions
 * the quoted packet fills whole units, 128 bytes at least; what does not fill its last unit is
 * cut off (RFC 4884 4.1, 4.2).  Extensions that do not fit are left out whole: a part of them
 * would fail their checksum. */
static struct layout lay_out(const struct xlat_error *e, bool extensible, size_t full,
			     size_t room, size_t unit)
{
	size_t quote = full / unit * unit;

	if (!extensible || !e->ext || e->ext_len + QUOTE_EXT_MIN > room)
		return (struct layout){ full < room ? full : room, 0 };
	if (quote + e->ext_len > room)
		quote = (room - e->ext_len) / unit * unit;
	return (struct layout){ quote < QUOTE_EXT_MIN ? QUOTE_EXT_MIN : quote, e->ext_len };
}

/* The translated headers are at out; payload and extensions follow.  The payload as it was
 * copied. */
static struct xlat_l4 fill(const struct xlat_error *e, const struct layout *layout,
			   size_t headers_before, size_t headers_after, uint8_t *out)
{
	size_t len = e->quote_len - headers_before, room = layout->quote - headers_after;
	size_t n = len < room ? len : room;
	uint8_t *payload = out + headers_after;

	memcpy(payload, e->quote + headers_before, n);
	memset(payload + n, 0, room - n);
	if (layout->ext)
		memcpy(out + layout->quote, e->ext, layout->ext);
	return (struct xlat_l4){ .p = payload, .len = n };
}

size_t xlat_error_write_64(const struct xlat_error *e, const struct xlat_head *head,
			   const struct ip6 *before, struct ip4 *after, uint8_t *out)
{
	size_t full = IP4_LEN + (e->quote_len - before->l4);
	struct layout layout =
		lay_out(e, head->extensible, full, XLAT_ERROR4_MAX - IP4_LEN - ICMP_LEN, 4);
	struct xlat_l4 l4 = fill(e, &layout, before->l4, IP4_LEN, out + ICMP_LEN);
	struct xlat_sums sums = xlat_sums_64(before, after);

	xlat_header_64(before, after);
	ip4_write(out + ICMP_LEN, after);
	l4.proto = before->proto;
	l4.frag_off = before->frag_off;
	xlat_transport(&l4, &sums, ip6_payload(before));
	memset(out, 0, ICMP_LEN);
	out[0] = head->type;
	out[1] = head->code;
	if (head->type == PARAMETER4)
		out[4] = (uint8_t)head->param;
	else
		be16_put(out + 6, (uint16_t)head->param);
	if (layout.ext)
		out[5] = (uint8_t)(layout.quote / 4);
	xlat_csum4(out, ICMP_LEN + layout.quote + layout.ext);
	return ICMP_LEN + layout.quote + layout.ext;
}

size_t xlat_error_write_46(const struct xlat_error *e, const struct xlat_head *head,
			   const struct ip4 *before, struct ip6 *after, uint8_t *out)
{
	struct xlat_sums sums = xlat_sums_46(before, after);
	struct layout layout;
	struct xlat_l4 l4;
	unsigned headers;

	xlat_header_46(before, after);
	headers = ip6_header_len(after);
	layout = lay_out(e, head->extensible, headers + (e->quote_len - before->hdr_len),
			 XLAT_ERROR6_MAX - IP6_LEN - ICMP_LEN, 8);
	l4 = fill(e, &layout, before->hdr_len, headers, out + ICMP_LEN);
	ip6_write(out + ICMP_LEN, after);
	l4.proto = before->proto;
	l4.frag_off = before->frag_off;
	xlat_transport(&l4, &sums, ip4_payload(before));
	memset(out, 0, ICMP_LEN);
	out[0] = head->type;
	out[1] = head->code;
	be32_put(out + 4, head->param);
	if (layout.ext)
		out[4] = (uint8_t)(layout.quote / 8);
	return ICMP_LEN + layout.quote + layout.ext;
}

size_t xlat_error_write_66(const struct xlat_error *e, const uint8_t *icmp, size_t len,
			   const struct ip6 *before, const struct ip6 *after, uint8_t *out)
{
	struct xlat_sums sums = xlat_sums_66(before, after);
	size_t room = XLAT_ERROR6_MAX - IP6_LEN;
	uint8_t *quote = out + ICMP_LEN;
	size_t n = len;
	struct xlat_l4 l4;

	if (len > room && e->ext) /* cut, the extensions would be torn */
		n = ICMP_LEN + e->quote_len;
	n = n < room ? n : room;
	memcpy(out, icmp, n);
	if (len > room && e->ext)
		out[4] = 0;
	memcpy(quote + 8, &after->src, 16);
	memcpy(quote + 24, &after->dst, 16);
	l4 = (struct xlat_l4){ .p = quote + before->l4, .proto = before->proto };
	l4.frag_off = before->frag_off;
	if (n > ICMP_LEN + before->l4)
		l4.len = n - ICMP_LEN - before->l4;
	xlat_transport(&l4, &sums, ip6_payload(before));
	return n;
}

void xlat_csum4(uint8_t *icmp, size_t len)
{
	uint16_t sum;

	memset(icmp + 2, 0, 2);
	sum = csum_fold(csum_add(0, icmp, len));
	memcpy(icmp + 2, &sum, 2);
}

void xlat_csum6(uint8_t *icmp, size_t len, const struct in6_addr *src,
		const struct in6_addr *dst)
{
	uint16_t sum;

	memset(icmp + 2, 0, 2);
	sum = csum_fold(
		csum_add(csum_pseudo6(src, dst, (uint32_t)len, PROTO_ICMP6), icmp, len));
	memcpy(icmp + 2, &sum, 2);
}
