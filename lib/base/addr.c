/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_head[12] = { [10] = 0xff, [11] = 0xff };

uint32_t addr4_num(struct in_addr a)
{
	return ntohl(a.s_addr);
}

struct in_addr addr4_of(uint32_t num)
{
	return (struct in_addr){ htonl(num) };
}

struct in6_addr addr_mapped(struct in_addr a)
{
	struct in6_addr out;

	memcpy(out.s6_addr, mapped_head, sizeof mapped_head);
	memcpy(out.s6_addr + 12, &a.s_addr, 4);
	return out;
}

bool addr_is_v4(const struct in6_addr *a)
{
	return memcmp(a->s6_addr, mapped_head, sizeof mapped_head) == 0;
}

struct in_addr addr_v4(const struct in6_addr *a)
{
	struct in_addr out;

	memcpy(&out.s_addr, a->s6_addr + 12, 4);
	return out;
}

bool addr_equal(const struct in6_addr *a, const struct in6_addr *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

bool addr_is_unspecified(const struct in6_addr *a)
{
	return addr_equal(a, &in6addr_any);
}

bool addr_is_loopback(const struct in6_addr *a)
{
	return addr_equal(a, &in6addr_loopback);
}

bool addr_is_multicast(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xff;
}

bool addr_is_link_local(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xfe && (a->s6_addr[1] & 0xc0) == 0x80;
}

bool addr_is_unique_local(const struct in6_addr *a)
{
	return (a->s6_addr[0] & 0xfe) == 0xfc;
}

bool addr_is_global(const struct in6_addr *a)
{
	static const uint8_t zero[12];

	return !addr_is_v4(a) && memcmp(a->s6_addr, zero, sizeof zero) != 0 &&
	       !addr_is_multicast(a) && !addr_is_link_local(a) && !addr_is_unique_local(a);
}

struct in6_addr addr_masked(const struct in6_addr *a, unsigned len)
{
	struct in6_addr out = *a;

	for (unsigned i = len / 8; i < 16; i++) {
		unsigned mask = i == len / 8 ? 0xff00u >> len % 8 : 0;

		out.s6_addr[i] = (uint8_t)(out.s6_addr[i] & mask);
	}
	return out;
}

static uint32_t mask4(unsigned len)
{
	return len ? UINT32_MAX << (32 - len) : 0;
}

bool prefix4_has(const struct prefix4 *p, struct in_addr a)
{
	return (addr4_num(a) & mask4(p->len)) == addr4_num(p->addr);
}

bool prefix6_has(const struct prefix6 *p, const struct in6_addr *a)
{
	unsigned bytes = p->len / 8, bits = p->len % 8;

	if (memcmp(p->addr.s6_addr, a->s6_addr, bytes) != 0)
		return false;
	return !bits ||
	       ((p->addr.s6_addr[bytes] ^ a->s6_addr[bytes]) & (0xff00 >> bits) & 0xff) == 0;
}

bool prefix6_equal(const struct prefix6 *a, const struct prefix6 *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

struct in_addr prefix4_last(const struct prefix4 *p)
{
	return addr4_of(addr4_num(p->addr) | ~mask4(p->len));
}

bool prefix4_overlaps(const struct prefix4 *a, const struct prefix4 *b)
{
	return a->len < b->len ? prefix4_has(a, b->addr) : prefix4_has(b, a->addr);
}

bool addr_parse(const char *text, struct in6_addr *out)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) != 1)
		return inet_pton(AF_INET6, text, out) == 1;
	*out = addr_mapped(v4);
	return true;
}

/* Decimal digits only, without sign, space or leading zero. */
static bool parse_len(const char *text, unsigned max, unsigned *out)
{
	unsigned n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned)(*text - '0');
		if (n > max)
			return false;
	}
	*out = n;
	return true;
}

bool prefix_parse(const char *text, struct prefix6 *out, bool *host_bits)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char buf[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	unsigned len = 128, base;

	if (n >= sizeof buf)
		return false;
	memcpy(buf, text, n);
	buf[n] = '\0';
	if (!addr_parse(buf, &addr))
		return false;
	base = strchr(buf, ':') ? 0 : 96;
	if (slash && !parse_len(slash + 1, 128 - base, &len))
		return false;
	if (slash)
		len += base;
	*out = (struct prefix6){ addr_masked(&addr, len), (uint8_t)len };
	if (host_bits)
		*host_bits = !addr_equal(&out->addr, &addr);
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool mac_parse(const char *text, uint8_t out[ADDR_MAC_LEN])
{
	uint8_t mac[ADDR_MAC_LEN];

	for (unsigned i = 0; i < ADDR_MAC_LEN; i++, text += 3) {
		int hi = hex_digit(text[0]), lo = hi < 0 ? -1 : hex_digit(text[1]);

		if (lo < 0)
			return false;
		if (i < ADDR_MAC_LEN - 1 ? text[2] != ':' && text[2] != '-' : text[2] != '\0')
			return false;
		mac[i] = (uint8_t)(hi << 4 | lo);
	}
	memcpy(out, mac, sizeof mac);
	return true;
}

const char *addr4_text(struct in_addr a, char out[ADDR_TEXT_LEN])
{
	return inet_ntop(AF_INET, &a, out, ADDR_TEXT_LEN);
}

const char *addr_text(const struct in6_addr *a, char out[ADDR_TEXT_LEN])
{
	return addr_is_v4(a) ? addr4_text(addr_v4(a), out)
			     : inet_ntop(AF_INET6, a, out, ADDR_TEXT_LEN);
}

static const char *add_len(char out[ADDR_TEXT_LEN], unsigned len)
{
	size_t n = strlen(out);

	snprintf(out + n, ADDR_TEXT_LEN - n, "/%u", len);
	return out;
}

const char *prefix_text(const struct prefix6 *p, char out[ADDR_TEXT_LEN])
{
	bool v4 = p->len >= 96 && addr_is_v4(&p->addr);

	if (v4)
		addr4_text(addr_v4(&p->addr), out);
	else
		inet_ntop(AF_INET6, &p->addr, out, ADDR_TEXT_LEN);
	return add_len(out, v4 ? p->len - 96u : p->len);
}

const char *prefix4_text(const struct prefix4 *p, char out[ADDR_TEXT_LEN])
{
	addr4_text(p->addr, out);
	return add_len(out, p->len);
}

const char *mac_text(const uint8_t mac[ADDR_MAC_LEN], char out[ADDR_TEXT_LEN])
{
	snprintf(out, ADDR_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return out;
}
