/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pref64.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool pref64_len_valid(unsigned len)
{
	return len == 32 || len == 40 || len == 48 || len == 56 || len == 64 || len == 96;
}

const struct pref64 pref64_well_known = { { { { 0x00, 0x64, 0xff, 0x9b } } }, 96 };

bool pref64_is_well_known(const struct pref64 *p)
{
	return p->len == pref64_well_known.len &&
	       addr_equal(&p->prefix, &pref64_well_known.prefix);
}

/* The four octets follow the prefix but step over bits 64 to 71 (RFC 6052 2.2). */
static unsigned next_octet(unsigned at)
{
	return at == 8 ? 9 : at;
}

struct in6_addr pref64_embed(const struct pref64 *p, struct in_addr v4)
{
	struct in6_addr out = p->prefix;
	const uint8_t *from = (const uint8_t *)&v4.s_addr;
	unsigned at = p->len / 8;

	for (unsigned i = 0; i < 4; i++) {
		at = next_octet(at);
		out.s6_addr[at++] = from[i];
	}
	return out;
}

bool pref64_extract(const struct pref64 *p, const struct in6_addr *v6, struct in_addr *out)
{
	uint8_t octets[4];
	unsigned at = p->len / 8;

	if (memcmp(p->prefix.s6_addr, v6->s6_addr, at) != 0)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		at = next_octet(at);
		octets[i] = v6->s6_addr[at++];
	}
	memcpy(&out->s_addr, octets, 4);
	return true;
}

/* The first six groups, with the colons that an IPv4 address can follow; false where "::"
 * stands elsewhere. */
static bool head_text(const struct pref64 *p, char out[ADDR_TEXT_LEN])
{
	size_t n, colons = 0;

	inet_ntop(AF_INET6, &p->prefix, out, ADDR_TEXT_LEN);
	n = strlen(out);
	for (size_t i = 0; i < n; i++)
		colons += out[i] == ':';
	if (n < 2 || strcmp(out + n - 2, "::") != 0)
		return false;
	if (colons == 7) /* "::" would stand for no group at all */
		out[n - 1] = '\0';
	return true;
}

const char *pref64_text(const struct pref64 *p, const struct in6_addr *v6,
			char out[ADDR_TEXT_LEN])
{
	char head[ADDR_TEXT_LEN], tail[ADDR_TEXT_LEN];
	struct in_addr v4;

	if (p->len != 96 || !pref64_extract(p, v6, &v4) || !head_text(p, head))
		return addr_text(v6, out);
	snprintf(out, ADDR_TEXT_LEN, "%.47s%.15s", head, addr4_text(v4, tail));
	return out;
}
