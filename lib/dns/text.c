/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.c - see text.h. */
#include "text.h"

#include "base/addr.h"
#include "base/rd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A type and its data, field by field: 1 2 4 integers of so many octets, n name, a IPv4 and 6
 * IPv6 address, s character string, S all that are left, t type, d date, x hexadecimal and b
 * base64 up to the end, N types of a bitmap, q a string up to the end, p parameters of SVCB,
 * h hexadecimal of a counted length, H the same in base32hex.  NULL: not known here. */
struct type_row {
	uint16_t type;
	const char *name, *fields;
};

static const struct type_row types[] = {
	{ 1, "A", "a" },
	{ 2, "NS", "n" },
	{ 5, "CNAME", "n" },
	{ 6, "SOA", "nn44444" },
	{ 12, "PTR", "n" },
	{ 13, "HINFO", "ss" },
	{ 15, "MX", "2n" },
	{ 16, "TXT", "S" },
	{ 17, "RP", "nn" },
	{ 18, "AFSDB", "2n" },
	{ 24, "SIG", NULL },
	{ 25, "KEY", "211b" },
	{ 28, "AAAA", "6" },
	{ 29, "LOC", NULL },
	{ 33, "SRV", "222n" },
	{ 35, "NAPTR", "22sssn" },
	{ 36, "KX", "2n" },
	{ 37, "CERT", "221b" },
	{ 39, "DNAME", "n" },
	{ 41, "OPT", NULL },
	{ 42, "APL", NULL },
	{ 43, "DS", "211x" },
	{ 44, "SSHFP", "11x" },
	{ 45, "IPSECKEY", NULL },
	{ 46, "RRSIG", "t114dd2nb" },
	{ 47, "NSEC", "nN" },
	{ 48, "DNSKEY", "211b" },
	{ 49, "DHCID", "b" },
	{ 50, "NSEC3", "112hHN" },
	{ 51, "NSEC3PARAM", "112h" },
	{ 52, "TLSA", "111x" },
	{ 53, "SMIMEA", "111x" },
	{ 55, "HIP", NULL },
	{ 59, "CDS", "211x" },
	{ 60, "CDNSKEY", "211b" },
	{ 61, "OPENPGPKEY", "b" },
	{ 62, "CSYNC", "42N" },
	{ 63, "ZONEMD", "411x" },
	{ 64, "SVCB", "2np" },
	{ 65, "HTTPS", "2np" },
	{ 99, "SPF", "S" },
	{ 104, "NID", NULL },
	{ 108, "EUI48", NULL },
	{ 109, "EUI64", NULL },
	{ 249, "TKEY", NULL },
	{ 250, "TSIG", NULL },
	{ 251, "IXFR", NULL },
	{ 252, "AXFR", NULL },
	{ 253, "MAILB", NULL },
	{ 254, "MAILA", NULL },
	{ 255, "ANY", NULL },
	{ 256, "URI", "22q" },
	{ 257, "CAA", "1sq" },
	{ 32769, "DLV", "211x" },
};

#define N_TYPES (sizeof types / sizeof *types)

static const struct type_row *row_of(uint16_t type)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

const char *text_type(uint16_t type, char out[TEXT_TYPE_LEN])
{
	const struct type_row *row = row_of(type);

	if (row)
		snprintf(out, TEXT_TYPE_LEN, "%s", row->name);
	else
		snprintf(out, TEXT_TYPE_LEN, "TYPE%u", type);
	return out;
}

bool text_read_type(const char *text, uint16_t *out)
{
	unsigned v = 0;
	size_t n = 0;

	for (size_t i = 0; i < N_TYPES; i++) {
		if (strcasecmp(types[i].name, text) == 0) {
			*out = types[i].type;
			return true;
		}
	}
	if (strncasecmp(text, "TYPE", 4) != 0)
		return false;
	for (text += 4; text[n] >= '0' && text[n] <= '9' && n < 6; n++)
		v = v * 10 + (unsigned)(text[n] - '0');
	if (!n || text[n] || v > UINT16_MAX)
		return false;
	*out = (uint16_t)v;
	return true;
}

const char *text_rcode(unsigned rcode, char out[TEXT_RCODE_LEN])
{
	static const char *const names[] = {
		"NOERROR", "FORMERR",   "SERVFAIL",      "NXDOMAIN", "NOTIMP",
		"REFUSED", "YXDOMAIN",  "YXRRSET",       "NXRRSET",  "NOTAUTH",
		"NOTZONE", "DSOTYPENI", [16] = "BADVERS"
	};
	const char *name = rcode < sizeof names / sizeof *names ? names[rcode] : NULL;

	if (name)
		snprintf(out, TEXT_RCODE_LEN, "%s", name);
	else
		snprintf(out, TEXT_RCODE_LEN, "RCODE%u", rcode);
	return out;
}

const char *text_ede(uint16_t ede)
{
	/* The registry of RFC 8914 5.2. */
	static const char *const names[] = { "Other",
					     "Unsupported DNSKEY Algorithm",
					     "Unsupported DS Digest Type",
					     "Stale Answer",
					     "Forged Answer",
					     "DNSSEC Indeterminate",
					     "DNSSEC Bogus",
					     "Signature Expired",
					     "Signature Not Yet Valid",
					     "DNSKEY Missing",
					     "RRSIGs Missing",
					     "No Zone Key Bit Set",
					     "NSEC Missing",
					     "Cached Error",
					     "Not Ready",
					     "Blocked",
					     "Censored",
					     "Filtered",
					     "Prohibited",
					     "Stale NXDOMAIN Answer",
					     "Not Authoritative",
					     "Not Supported",
					     "No Reachable Authority",
					     "Network Error",
					     "Invalid Data",
					     "Signature Expired before Valid",
					     "Too Early",
					     "Unsupported NSEC3 Iterations Value",
					     "Unable to conform to policy",
					     "Synthesized" };

	return ede < sizeof names / sizeof *names ? names[ede] : "";
}

/* Text under way. */

struct out {
	char *text;
	size_t len;
	bool cut;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *fmt, ...)
{
	size_t room = TEXT_DATA_LEN - o->len;
	va_list ap;
	int n;

	if (o->cut)
		return;
	va_start(ap, fmt);
	n = vsnprintf(o->text + o->len, room, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < room) {
		o->len += (size_t)n;
		return;
	}
	o->cut = true;
	memcpy(o->text + TEXT_DATA_LEN - 4, "...", 4);
}

/* In quotes (RFC 1035 5.1). */
static void put_string(struct out *o, struct rd s)
{
	put(o, "\"");
	while (rd_left(&s) && !o->cut) {
		uint8_t c = rd_u8(&s);

		if (c < ' ' || c > '~')
			put(o, "\\%03u", c);
		else
			put(o, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	put(o, "\"");
}

static void put_hex(struct out *o, struct rd data)
{
	while (rd_left(&data) && !o->cut)
		put(o, "%02X", rd_u8(&data));
}

/* Groups of bits as letters (RFC 4648): 6 of base64, 5 of base32hex. */
static void put_coded(struct out *o, struct rd data, unsigned bits, const char *letters)
{
	size_t len = rd_left(&data), n = (8 * len + bits - 1) / bits;

	for (size_t i = 0; i < n && !o->cut; i++) {
		size_t at = i * bits / 8;
		unsigned two = (unsigned)data.p[at] << 8 | (at + 1 < len ? data.p[at + 1] : 0);

		put(o, "%c", letters[two >> (16 - bits - i * bits % 8) & ((1u << bits) - 1)]);
	}
	for (; bits == 6 && n % 4 && !o->cut; n++)
		put(o, "=");
}

static void put_base64(struct out *o, struct rd data)
{
	put_coded(o, data, 6,
		  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

/* RFC 4034 3.2, in seconds since 1970. */
static void put_date(struct out *o, uint32_t when)
{
	/* Days since March of year 0, so that the odd day of a leap year comes last. */
	uint32_t days = when / 86400 + 719468, era = days / 146097, day = days % 146097;
	uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint32_t of_year = day - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * of_year + 2) / 153;

	put(o, "%04u%02u%02u%02u%02u%02u", year + era * 400 + (month > 9),
	    month < 10 ? month + 3 : month - 9, of_year - (153 * month + 2) / 5 + 1,
	    when / 3600 % 24, when / 60 % 60, when % 60);
}

static void put_type(struct out *o, uint16_t type)
{
	char text[TEXT_TYPE_LEN];

	put(o, "%s", text_type(type, text));
}

static void put_octet_of_types(struct out *o, unsigned first, uint8_t octet, const char **gap)
{
	for (unsigned b = 0; b < 8; b++) {
		if (!(octet & 0x80 >> b))
			continue;
		put(o, "%s", *gap);
		put_type(o, (uint16_t)(first + b));
		*gap = " ";
	}
}

/* RFC 4034 4.1.2. */
static void put_bitmap(struct out *o, struct rd *r)
{
	const char *gap = "";

	while (rd_left(r) && !o->cut) {
		unsigned first = (unsigned)rd_u8(r) << 8;
		struct rd bits = rd_sub(r, rd_u8(r));

		for (; rd_left(&bits); first += 8)
			put_octet_of_types(o, first, rd_u8(&bits), &gap);
	}
}

static void put_addr(struct out *o, struct rd *r, size_t len)
{
	const uint8_t *p = rd_take(r, len);
	char text[ADDR_TEXT_LEN];
	struct in6_addr a = { 0 };
	struct in_addr v4;

	if (!p)
		return;
	memcpy(len == 4 ? (void *)&v4 : (void *)&a, p, len);
	put(o, "%s", len == 4 ? addr4_text(v4, text) : addr_text(&a, text));
}

static void put_addrs(struct out *o, struct rd *r, size_t len)
{
	for (const char *comma = ""; rd_left(r) && !o->cut; comma = ",") {
		put(o, "%s", comma);
		put_addr(o, r, len);
	}
}

/* RFC 9460 2.1, 7: hints and port by name, all other keys by number, which is always right. */
static void put_parameters(struct out *o, struct rd *r)
{
	for (const char *gap = ""; rd_left(r) && !o->cut; gap = " ") {
		uint16_t key = rd_u16(r);
		struct rd value = rd_sub(r, rd_u16(r));

		put(o, "%s", gap);
		if (key == 3) {
			put(o, "port=%u", rd_u16(&value));
		} else if (key == 4) {
			put(o, "ipv4hint=");
			put_addrs(o, &value, 4);
		} else if (key == 6) {
			put(o, "ipv6hint=");
			put_addrs(o, &value, 16);
		} else {
			put(o, "key%u", key);
			if (rd_left(&value))
				put(o, "=");
			if (rd_left(&value))
				put_string(o, value);
		}
	}
}

/* A name may be compressed, so it is read from the whole message. */
static void put_name(struct out *o, struct rd *r, const struct msg *m, const struct msg_rr *rr)
{
	size_t at = (size_t)(r->p - m->p), end = name_skip(m->p, rr->next, at);
	char text[NAME_TEXT_LEN];
	uint8_t name[DNS_NAME_MAX];

	if (!end || !name_read(m->p, rr->next, at, name, NULL)) {
		rd_fail(r);
		return;
	}
	rd_take(r, end - at);
	put(o, *name ? "%s." : "%s", name_text(name, text));
}

static void put_number(struct out *o, struct rd *r, char size)
{
	put(o, "%u", size == '1' ? rd_u8(r) : size == '2' ? rd_u16(r) : rd_u32(r));
}

static void put_strings(struct out *o, struct rd *r)
{
	for (const char *gap = ""; rd_left(r) && !o->cut; gap = " ") {
		put(o, "%s", gap);
		put_string(o, rd_sub(r, rd_u8(r)));
	}
}

static void put_counted(struct out *o, struct rd *r, bool hex)
{
	struct rd data = rd_sub(r, rd_u8(r));

	if (!hex)
		put_coded(o, data, 5, "0123456789ABCDEFGHIJKLMNOPQRSTUV");
	else if (rd_left(&data))
		put_hex(o, data);
	else
		put(o, "-");
}

static void put_field(struct out *o, struct rd *r, char field, const struct msg *m,
		      const struct msg_rr *rr)
{
	if (strchr("124", field))
		put_number(o, r, field);
	else if (field == 'n')
		put_name(o, r, m, rr);
	else if (field == 'a' || field == '6')
		put_addr(o, r, field == 'a' ? 4 : 16);
	else if (field == 's')
		put_string(o, rd_sub(r, rd_u8(r)));
	else if (field == 'S')
		put_strings(o, r);
	else if (field == 't')
		put_type(o, rd_u16(r));
	else if (field == 'd')
		put_date(o, rd_u32(r));
	else if (field == 'N')
		put_bitmap(o, r);
	else if (field == 'p')
		put_parameters(o, r);
	else if (field == 'h' || field == 'H')
		put_counted(o, r, field == 'h');
	else if (field == 'x')
		put_hex(o, rd_sub(r, rd_left(r)));
	else if (field == 'b')
		put_base64(o, rd_sub(r, rd_left(r)));
	else
		put_string(o, rd_sub(r, rd_left(r)));
}

const char *text_data(const struct msg *m, const struct msg_rr *rr, char text[TEXT_DATA_LEN])
{
	const struct type_row *row = rr->class == CLASS_IN ? row_of(rr->type) : NULL;
	struct rd r = rd_of(m->p + rr->rdata_at, rr->rdata_len);
	struct out o = { .text = text };

	*text = '\0';
	for (const char *f = row && row->fields ? row->fields : ""; *f; f++) {
		if (f != row->fields && (rd_left(&r) || *f == 'q'))
			put(&o, " ");
		put_field(&o, &r, *f, m, rr);
	}
	if (row && row->fields && rd_ok(&r) && !rd_left(&r))
		return text;
	/* RFC 3597 5: unknown, or not what its type says. */
	o = (struct out){ .text = text };
	put(&o, rr->rdata_len ? "\\# %u " : "\\# %u", rr->rdata_len);
	put_hex(&o, rd_of(m->p + rr->rdata_at, rr->rdata_len));
	return text;
}
