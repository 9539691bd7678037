/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pref64.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool pref64_len_valid(unsigned len)
{
	return len == 32 || len == 40 || len == 48 || len == 56 || len == 64 || len == 96;
}

bool pref64_is_well_known(const struct pref64 *p)
{
	static const uint8_t well_known[16] = { 0x00, 0x64, 0xff, 0x9b };

	return p->len == 96 && memcmp(p->prefix.s6_addr, well_known, sizeof well_known) == 0;
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

const char *pref64_text(const struct pref64 *p, const struct in6_addr *v6,
			char out[ADDR_TEXT_LEN])
{
	struct in_addr v4;
	char head[ADDR_TEXT_LEN], tail[ADDR_TEXT_LEN];
	size_t n;

	if (p->len != 96 || !pref64_extract(p, v6, &v4))
		return addr_text(v6, out);
	inet_ntop(AF_INET6, &p->prefix, head, sizeof head);
	n = strlen(head);
	if (n < 2 || strcmp(head + n - 2, "::") != 0)
		return addr_text(v6, out);
	addr4_text(v4, tail);
	snprintf(out, ADDR_TEXT_LEN, "%.47s%.15s", head, tail);
	return out;
}
