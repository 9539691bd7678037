/* SPDX-License-Identifier: GPL-3.0-or-later */
/* checkup_guest.c - the IPv6 address of a guest that was named otherwise. */
#include "checkup.h"
#include "io/link.h"
#include "plane_nat64.h"

#include <string.h>

static bool is_guests_link(const struct effective *eff, uint32_t index)
{
	for (size_t i = 0; i < eff->n_ifaces; i++)
		if (eff->ifaces[i].index == index)
			return true;
	return false;
}

/* Of its addresses one with a mapping, else any that is not of the link alone. */
static bool find_mac(const struct checkup_env *env, const struct effective *eff,
		     const uint8_t mac[ADDR_MAC_LEN], struct in6_addr *out)
{
	struct nat64_mapping mapping;
	struct in6_addr addr;
	bool found = false;
	uint32_t index;

	for (size_t i = 0; link_neighbour_at(env->link, &i, mac, &addr, &index);) {
		if (!is_guests_link(eff, index) || addr_is_link_local(&addr))
			continue;
		*out = addr;
		found = true;
		if (plane_nat64_find(env->nat64, &addr, &mapping))
			break;
	}
	return found;
}

static bool find_name(const struct config_nat64 *c, const char *name, struct in6_addr *out)
{
	for (size_t i = 0; i < c->n_maps; i++) {
		if (strcmp(c->maps[i].name, name) != 0)
			continue;
		*out = c->maps[i].ipv6.addr;
		return true;
	}
	return false;
}

bool checkup_find_guest(const struct checkup_env *env, const struct effective *eff,
			const char *text, struct in6_addr *out)
{
	uint8_t mac[ADDR_MAC_LEN];
	struct in6_addr addr;

	if (mac_parse(text, mac))
		return find_mac(env, eff, mac, out);
	if (!addr_parse(text, &addr))
		return find_name(&eff->config->nat64, text, out);
	if (addr_is_v4(&addr))
		return plane_nat64_find_ipv4(env->nat64, addr_v4(&addr), out);
	*out = addr;
	return true;
}
