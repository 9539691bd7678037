/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "acl.h"

#include <stdio.h>
#include <string.h>

#define NET4(a, b, c, d, len)                                           \
	{                                                               \
		(uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d), (len) \
	}

struct range4 {
	uint32_t net; /* host order */
	unsigned len;
};

static bool in_ranges(uint32_t addr, const struct range4 *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((addr ^ r[i].net) >> (32 - r[i].len)) == 0)
			return true;
	return false;
}

bool addr4_is_never(struct in_addr addr)
{
	static const struct range4 never[] = {
		NET4(0, 0, 0, 0, 8),   NET4(127, 0, 0, 0, 8),        NET4(169, 254, 0, 0, 16),
		NET4(224, 0, 0, 0, 4), NET4(255, 255, 255, 255, 32),
	};

	return in_ranges(addr4_num(addr), never, sizeof never / sizeof *never);
}

bool addr4_is_global(struct in_addr addr)
{
	static const struct range4 local[] = {
		NET4(10, 0, 0, 0, 8),     NET4(100, 64, 0, 0, 10), NET4(172, 16, 0, 0, 12),
		NET4(192, 0, 0, 0, 24),   NET4(192, 0, 2, 0, 24),  NET4(192, 88, 99, 0, 24),
		NET4(192, 168, 0, 0, 16), NET4(198, 18, 0, 0, 15), NET4(198, 51, 100, 0, 24),
		NET4(203, 0, 113, 0, 24), NET4(240, 0, 0, 0, 4),
	};
	static const struct range4 anycast[] = { NET4(192, 0, 0, 9, 32),
						 NET4(192, 0, 0, 10, 32) };
	uint32_t a = addr4_num(addr);

	if (in_ranges(a, anycast, sizeof anycast / sizeof *anycast))
		return true;
	return !addr4_is_never(addr) && !in_ranges(a, local, sizeof local / sizeof *local);
}

static bool is_localhost(const struct in6_addr *a)
{
	return addr_is_v4(a) ? addr4_num(addr_v4(a)) >> 24 == 127 : addr_is_loopback(a);
}

static bool matches(const struct acl_entry *e, const struct acl_who *who)
{
	switch (e->kind) {
	case ACL_ANY:
		return true;
	case ACL_NET:
		return prefix6_has(&e->net, who->addr);
	case ACL_MAC:
		return who->mac && memcmp(who->mac, e->mac, ADDR_MAC_LEN) == 0;
	case ACL_GLOBAL:
		return addr_is_v4(who->addr) && addr4_is_global(addr_v4(who->addr));
	case ACL_LOCALHOST:
		return is_localhost(who->addr);
	case ACL_LINK_LOCAL:
		return addr_is_link_local(who->addr) && who->link == e->link;
	case ACL_LOCALNETS:
	case ACL_AUTO:
		return false;
	}
	return false;
}

bool acl_judge(const struct acl *acl, const struct acl_who *who, const struct acl_entry **entry)
{
	bool all_negated = acl->n > 0;

	for (size_t i = 0; i < acl->n; i++) {
		if (matches(&acl->entries[i], who)) {
			*entry = &acl->entries[i];
			return !acl->entries[i].negated;
		}
		all_negated &= acl->entries[i].negated;
	}
	*entry = NULL;
	return all_negated;
}

bool acl_allows(const struct acl *acl, const struct in6_addr *addr, const uint8_t *mac)
{
	const struct acl_entry *entry;

	return acl_judge(acl, &(struct acl_who){ .addr = addr, .mac = mac }, &entry);
}

bool acl_allows_v4(const struct acl *acl, struct in_addr addr)
{
	struct in6_addr mapped = addr_mapped(addr);

	return acl_allows(acl, &mapped, NULL);
}

bool acl_has(const struct acl *acl, enum acl_kind kind)
{
	for (size_t i = 0; i < acl->n; i++)
		if (acl->entries[i].kind == kind)
			return true;
	return false;
}

const char *acl_entry_text(const struct acl_entry *e, char out[ACL_TEXT_LEN])
{
	static const char *const words[] = {
		[ACL_ANY] = "any",
		[ACL_GLOBAL] = "global",
		[ACL_LOCALHOST] = "localhost",
		[ACL_LINK_LOCAL] = "fe80::/10",
		[ACL_LOCALNETS] = "localnets",
		[ACL_AUTO] = "auto",
	};
	char text[ADDR_TEXT_LEN];
	const char *word = words[e->kind];

	if (e->kind == ACL_MAC)
		word = mac_text(e->mac, text);
	else if (e->kind == ACL_NET)
		word = e->net.len == 128 ? addr_text(&e->net.addr, text)
					 : prefix_text(&e->net, text);
	snprintf(out, ACL_TEXT_LEN, "%s%s", e->negated ? "!" : "", word ? word : "");
	return out;
}
