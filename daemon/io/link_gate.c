/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link_gate.c - behind which port of its bridge a default gateway is.
 *
 * Neighbours tell its link-layer address, the bridge's forwarding database the port.  Guests
 * decide how large the database is, so no copy of it is kept: it is read when a gateway is
 * another than before, and not often, since guests decide that, too.  Where one moves to is
 * notified.
 */
#include "link_priv.h"

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#define READ_MS 1000u /* from one reading to the next */

/* The place of a gate among n, or n. */
static size_t place_of(const struct link_gate *gates, size_t n, uint32_t bridge,
		       const uint8_t *mac)
{
	size_t i = 0;

	while (i < n &&
	       (gates[i].bridge != bridge || memcmp(gates[i].mac, mac, ADDR_MAC_LEN) != 0))
		i++;
	return i;
}

static struct fact_route route_at(const struct link *l, size_t i)
{
	struct fact_route r;

	memcpy(&r, l->tables.routes.v + i * sizeof r, sizeof r);
	return r;
}

/* The gateways on bridges whose link-layer addresses are known, each once: often it is the same
 * router for IPv4 and IPv6. */
static size_t list_gates(const struct link *l, struct link_gate out[LINK_GATES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < l->tables.routes.n && n < LINK_GATES_MAX; i++) {
		const struct fact_route r = route_at(l, i);
		const struct fact_link *link = link_now(l, r.index);
		const uint8_t *mac = neighbours_find(&l->neighbours, r.index, &r.gateway);

		if (!link || !mac || strcmp(link->kind, "bridge") != 0 ||
		    place_of(out, n, r.index, mac) < n)
			continue;
		out[n] = (struct link_gate){ .bridge = r.index };
		memcpy(out[n++].mac, mac, ADDR_MAC_LEN);
	}
	return n;
}

/* The place of the gate that an entry of a forwarding database is about, or l->n_gates. */
static size_t place_in(const struct link *l, struct nlmsghdr *h)
{
	struct nlattr *tb[NDA_MAX + 1];

	if (nlmsg_parse(h, sizeof(struct ndmsg), tb, NDA_MAX, NULL) < 0 || !tb[NDA_LLADDR] ||
	    nla_len(tb[NDA_LLADDR]) != ADDR_MAC_LEN || !tb[NDA_MASTER])
		return l->n_gates;
	return place_of(l->gates, l->n_gates, nla_get_u32(tb[NDA_MASTER]),
			nla_data(tb[NDA_LLADDR]));
}

/* Permanent entries are the ports' own addresses. */
static bool is_entry(struct nlmsghdr *h)
{
	const struct ndmsg *nd = nlmsg_data(h);

	return nlmsg_datalen(h) >= (int)sizeof *nd && nd->ndm_family == AF_BRIDGE &&
	       !(nd->ndm_state & NUD_PERMANENT);
}

static uint32_t port_in(struct nlmsghdr *h)
{
	return (uint32_t)((const struct ndmsg *)nlmsg_data(h))->ndm_ifindex;
}

static void on_answer(struct link *l, struct nlmsghdr *h)
{
	size_t i = h->nlmsg_type == RTM_NEWNEIGH && is_entry(h) ? place_in(l, h) : l->n_gates;

	if (i < l->n_gates)
		l->gates[i].port = port_in(h);
}

static int read_database(struct link *l, uint32_t bridge)
{
	const struct ndmsg nd = { .ndm_family = AF_BRIDGE };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEIGH, NLM_F_DUMP);

	if (msg && (nlmsg_append(msg, (void *)(uintptr_t)&nd, sizeof nd, NLMSG_ALIGNTO) < 0 ||
		    nla_put_u32(msg, NDA_MASTER, bridge) < 0)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return link_request(l, msg, on_answer);
}

void gates_read(struct link *l)
{
	struct link_gate now[LINK_GATES_MAX];
	size_t n = list_gates(l, now);
	uint64_t now_ms = ev_now_ms(l->loop);

	for (size_t i = 0; i < n; i++) {
		size_t at = place_of(l->gates, l->n_gates, now[i].bridge, now[i].mac);

		if (at < l->n_gates)
			now[i] = l->gates[at];
		else
			l->gates_unknown = true;
	}
	memcpy(l->gates, now, n * sizeof *now);
	l->n_gates = n;
	if (!l->gates_unknown)
		return;
	if (now_ms < l->gates_again_ms) {
		if (l->settle.at_ms > l->gates_again_ms)
			ev_timer_at(&l->settle, l->gates_again_ms);
		return;
	}
	l->gates_unknown = false;
	if (n)
		l->gates_again_ms = now_ms + READ_MS;
	for (size_t i = 0; i < n; i++)
		l->gates[i].port = 0;
	for (size_t i = 0; i < n; i++)
		if (!l->gates[i].port && read_database(l, l->gates[i].bridge) < 0)
			l->gates_unknown = true; /* with the next change, then */
}

void gates_on_entry(struct link *l, struct nlmsghdr *h)
{
	size_t i = is_entry(h) ? place_in(l, h) : l->n_gates;
	uint32_t port = h->nlmsg_type == RTM_NEWNEIGH ? port_in(h) : 0;

	if (i == l->n_gates || l->gates[i].port == port ||
	    (!port && l->gates[i].port != port_in(h)))
		return;
	l->gates[i].port = port;
	l->gates_unknown |= !port; /* there may be an entry of another VLAN */
	link_touch(l);
}

void gates_on_neighbour(struct link *l, uint32_t index, const struct in6_addr *addr)
{
	for (size_t i = 0; i < l->tables.routes.n; i++) {
		const struct fact_route r = route_at(l, i);

		if (r.index == index && addr_equal(&r.gateway, addr))
			link_touch(l);
	}
}

uint32_t gates_port(const struct link *l, const struct fact_route *r)
{
	const uint8_t *mac = neighbours_find(&l->neighbours, r->index, &r->gateway);
	size_t i = mac ? place_of(l->gates, l->n_gates, r->index, mac) : l->n_gates;

	return i < l->n_gates ? l->gates[i].port : 0;
}
