/* SPDX-License-Identifier: GPL-3.0-or-later */
/* name.c - see name.h. */
#include "name.h"

#include "base/addr.h"

#include <string.h>

#define LABEL_MAX   63
#define HOPS_MAX    127
#define POINTER_TOP 0xc0

static const uint8_t in_addr_arpa[] = "\7in-addr\4arpa";
static const uint8_t ip6_arpa[] = "\3ip6\4arpa";

/* Leads a pointer at msg[at] back, and may it?  *at becomes its target. */
static bool follow(const uint8_t *msg, size_t lowest, size_t *at, unsigned *hops,
		   struct name_guard *guard)
{
	if ((*hops)-- == 0 || (guard && guard->hops-- == 0))
		return false;
	*at = (size_t)(msg[*at] & 0x3f) << 8 | msg[*at + 1];
	return *at < lowest;
}

/* n: 1 to 64, of one label. */
static bool is_fixed(const struct name_guard *guard, size_t at, size_t n)
{
	const uint64_t *word = guard && guard->fixed ? guard->fixed + at / 64 : NULL;
	uint64_t mask = UINT64_MAX >> (64 - n);
	unsigned bit = at % 64;

	if (!word)
		return false;
	return *word & mask << bit || (bit + n > 64 && word[1] & mask >> (64 - bit));
}

size_t name_read(const uint8_t *msg, size_t len, size_t at, uint8_t out[DNS_NAME_MAX],
		 struct name_guard *guard)
{
	size_t n = 0, run = at, lowest = at, end = len; /* run: labels not copied yet */
	unsigned hops = HOPS_MAX;

	while (at < end) {
		uint8_t c = msg[at];
		size_t octets = c >= POINTER_TOP ? 2 : 1 + (size_t)c;

		/* What is fixed lies before the name itself. */
		if ((c > LABEL_MAX && c < POINTER_TOP) || octets > end - at ||
		    (end != len && is_fixed(guard, at, octets)))
			break;
		if (c >= POINTER_TOP) {
			memcpy(out + n, msg + run, at - run);
			n += at - run;
			end = lowest;
			if (!follow(msg, lowest, &at, &hops, guard))
				break;
			lowest = run = at;
			continue;
		}
		if (n + at - run + octets > DNS_NAME_MAX - (c ? 1 : 0))
			break;
		at += octets;
		if (c)
			continue;
		memcpy(out + n, msg + run, at - run);
		return n + at - run;
	}
	return 0;
}

size_t name_skip(const uint8_t *msg, size_t len, size_t at)
{
	while (at < len) {
		uint8_t c = msg[at];

		if (c >= POINTER_TOP)
			return at + 2 <= len ? at + 2 : 0;
		if (c > LABEL_MAX)
			return 0;
		at += 1 + (size_t)c;
		if (!c)
			return at;
	}
	return 0;
}

size_t name_len(const uint8_t *name)
{
	size_t n = 0;

	while (name[n])
		n += 1 + (size_t)name[n];
	return n + 1;
}

unsigned name_labels(const uint8_t *name)
{
	unsigned n = 0;

	for (; *name; name += 1 + *name)
		n++;
	return n;
}

/* A length octet is at most 63, below 'A': lowering all octets alike is right. */
static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t n = name_len(a);
	unsigned different = 0;

	if (name_len(b) != n)
		return false;
	/* To the end, without a branch: names that are compared are mostly the same. */
	for (size_t i = 0; i < n; i++)
		different |= lower(a[i]) ^ lower(b[i]);
	return !different;
}

bool name_is_in(const uint8_t *name, const uint8_t *zone)
{
	unsigned n = name_labels(name), z = name_labels(zone);

	if (n < z)
		return false;
	for (; n > z; n--)
		name += 1 + *name;
	return name_equal(name, zone);
}

size_t name_lower(const uint8_t *name, uint8_t out[DNS_NAME_MAX])
{
	size_t n = name_len(name);

	for (size_t i = 0; i < n; i++)
		out[i] = lower(name[i]);
	return n;
}

uint64_t name_hash(const struct siphash_key *key, const uint8_t *name)
{
	uint8_t low[DNS_NAME_MAX];
	size_t n = name_lower(name, low);

	return siphash(key, low, n);
}

size_t name_substitute(const uint8_t *name, const uint8_t *old, const uint8_t *new,
		       uint8_t out[DNS_NAME_MAX])
{
	size_t keep = name_len(name) - name_len(old), n = name_len(new);

	if (keep + n > DNS_NAME_MAX)
		return 0;
	memcpy(out, name, keep);
	memcpy(out + keep, new, n);
	return keep + n;
}

/* One octet of text, escapes undone; false at a bad escape. */
static bool read_octet(const char **text, uint8_t *out)
{
	const char *t = *text;
	unsigned v = 0;

	if (*t != '\\') {
		*out = (uint8_t)*t;
		*text = t + 1;
		return true;
	}
	if (!t[1])
		return false;
	if (t[1] < '0' || t[1] > '9') {
		*out = (uint8_t)t[1];
		*text = t + 2;
		return true;
	}
	for (int i = 1; i <= 3; i++) {
		if (t[i] < '0' || t[i] > '9')
			return false;
		v = v * 10 + (unsigned)(t[i] - '0');
	}
	*out = (uint8_t)v;
	*text = t + 4;
	return v <= 255;
}

size_t name_from_text(const char *text, uint8_t out[DNS_NAME_MAX])
{
	uint8_t name[DNS_NAME_MAX];
	size_t n = 0;

	if (strcmp(text, ".") == 0)
		text++;
	while (*text) {
		size_t start = n++;

		for (; *text && *text != '.'; n++)
			if (n >= DNS_NAME_MAX - 1 || !read_octet(&text, &name[n]))
				return 0;
		if (n == start + 1 || n - start - 1 > LABEL_MAX)
			return 0;
		name[start] = (uint8_t)(n - start - 1);
		if (*text)
			text++;
		if (n >= DNS_NAME_MAX)
			return 0;
	}
	name[n++] = 0;
	memcpy(out, name, n);
	return n;
}

static char *put_octet(char *t, uint8_t c)
{
	if (c > ' ' && c < 0x7f) {
		if (c == '.' || c == '\\')
			*t++ = '\\';
		*t++ = (char)c;
		return t;
	}
	*t++ = '\\';
	*t++ = (char)('0' + c / 100);
	*t++ = (char)('0' + c / 10 % 10);
	*t++ = (char)('0' + c % 10);
	return t;
}

const char *name_text(const uint8_t *name, char out[NAME_TEXT_LEN])
{
	char *t = out;

	if (!*name)
		*t++ = '.';
	for (; *name; name += 1 + *name) {
		if (t != out)
			*t++ = '.';
		for (size_t i = 1; i <= *name; i++)
			t = put_octet(t, name[i]);
	}
	*t = '\0';
	return out;
}

static size_t reverse_v4(const uint8_t *octet, unsigned n_octets, uint8_t *out)
{
	size_t n = 0;

	while (n_octets-- > 0) {
		unsigned v = octet[n_octets];
		uint8_t *label = &out[n++];

		if (v >= 100)
			out[n++] = (uint8_t)('0' + v / 100);
		if (v >= 10)
			out[n++] = (uint8_t)('0' + v / 10 % 10);
		out[n++] = (uint8_t)('0' + v % 10);
		*label = (uint8_t)(&out[n] - label - 1);
	}
	memcpy(out + n, in_addr_arpa, sizeof in_addr_arpa);
	return n + sizeof in_addr_arpa;
}

static unsigned nibble_of(const struct in6_addr *a, unsigned i)
{
	return i & 1 ? a->s6_addr[i / 2] & 15 : a->s6_addr[i / 2] >> 4;
}

size_t name_reverse(const struct in6_addr *addr, unsigned len, uint8_t out[DNS_NAME_MAX])
{
	size_t n = 0;

	if (len >= 96 && addr_is_v4(addr))
		return reverse_v4(addr->s6_addr + 12, (len - 96) / 8, out);
	for (unsigned i = len / 4; i-- > 0;) {
		out[n++] = 1;
		out[n++] = (uint8_t) "0123456789abcdef"[nibble_of(addr, i)];
	}
	memcpy(out + n, ip6_arpa, sizeof ip6_arpa);
	return n + sizeof ip6_arpa;
}

/* "0" to "255", without leading zeros. */
static bool read_decimal(const uint8_t *label, uint8_t *out)
{
	unsigned v = 0;

	if (*label < 1 || *label > 3 || (*label > 1 && label[1] == '0'))
		return false;
	for (unsigned i = 1; i <= *label; i++) {
		if (label[i] < '0' || label[i] > '9')
			return false;
		v = v * 10 + (unsigned)(label[i] - '0');
	}
	if (v > 255)
		return false;
	*out = (uint8_t)v;
	return true;
}

static bool read_nibble(const uint8_t *label, uint8_t *out)
{
	uint8_t c = lower(label[1]);

	if (*label != 1)
		return false;
	if (c >= '0' && c <= '9')
		*out = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*out = (uint8_t)(c - 'a' + 10);
	else
		return false;
	return true;
}

static bool reversed_v4(const uint8_t *name, unsigned n, struct in6_addr *out)
{
	uint8_t octet[4] = { 0 };

	if (n > 4)
		return false;
	for (unsigned i = n; i-- > 0; name += 1 + *name)
		if (!read_decimal(name, &octet[i]))
			return false;
	*out = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(out->s6_addr + 12, octet, sizeof octet);
	return true;
}

static bool reversed_v6(const uint8_t *name, unsigned n, struct in6_addr *out)
{
	struct in6_addr a = { 0 };
	uint8_t v;

	if (n > 32)
		return false;
	for (unsigned i = n; i-- > 0; name += 1 + *name) {
		if (!read_nibble(name, &v))
			return false;
		a.s6_addr[i / 2] |= (uint8_t)(i & 1 ? v : v << 4);
	}
	*out = a;
	return true;
}

bool name_reversed(const uint8_t *name, struct in6_addr *addr, unsigned *len)
{
	unsigned n = name_labels(name);

	if (name_is_in(name, ip6_arpa) && reversed_v6(name, n - 2, addr)) {
		*len = (n - 2) * 4;
		return true;
	}
	if (name_is_in(name, in_addr_arpa) && reversed_v4(name, n - 2, addr)) {
		*len = 96 + (n - 2) * 8;
		return true;
	}
	return false;
}
