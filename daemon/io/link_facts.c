/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link_facts.c - rtnetlink messages into tables.
 *
 * Every message is idempotent here: a dump may repeat what a notification told.  Routes other
 * than default routes are passed to the wishes and not kept, so a host with many routes costs
 * no memory.
 */
#include "link_priv.h"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/netconf.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

/* The kernel counts lifetimes in whole seconds: less than this is not a change. */
#define LIFETIME_SLACK_MS 2000u

static void read_link(const struct ifinfomsg *ifi, struct nlattr **tb, struct fact_link *out)
{
	struct nlattr *info[IFLA_INFO_MAX + 1];

	memset(out, 0, sizeof *out);
	out->index = (uint32_t)ifi->ifi_index;
	nla_strlcpy(out->name, tb[IFLA_IFNAME], sizeof out->name);
	if (tb[IFLA_LINKINFO] &&
	    nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) == 0 &&
	    info[IFLA_INFO_KIND])
		nla_strlcpy(out->kind, info[IFLA_INFO_KIND], sizeof out->kind);
	out->has_mac = ifi->ifi_type == ARPHRD_ETHER && tb[IFLA_ADDRESS] &&
		       nla_len(tb[IFLA_ADDRESS]) == ADDR_MAC_LEN;
	if (out->has_mac)
		memcpy(out->mac, nla_data(tb[IFLA_ADDRESS]), ADDR_MAC_LEN);
	out->up = ifi->ifi_flags & IFF_UP;
	out->running = ifi->ifi_flags & IFF_RUNNING;
	out->loopback = ifi->ifi_flags & IFF_LOOPBACK;
	out->mtu = tb[IFLA_MTU] ? nla_get_u32(tb[IFLA_MTU]) : 0;
	out->master = tb[IFLA_MASTER] ? nla_get_u32(tb[IFLA_MASTER]) : 0;
}

/* The kernel drops the IPv4 routes of a link that goes down without a word. */
static void on_link(struct link *l, struct nlmsghdr *h)
{
	const struct ifinfomsg *ifi = nlmsg_data(h);
	uint32_t index = (uint32_t)ifi->ifi_index;
	const struct fact_link *before = link_now(l, index);
	bool was_up = before && before->up;
	struct nlattr *tb[IFLA_MAX + 1];
	struct fact_link now;

	if (ifi->ifi_family == AF_BRIDGE) /* of a bridge's port, not of a link */
		return;
	if (h->nlmsg_type == RTM_DELLINK) {
		link_table_drop_link(&l->tables.links, index);
		link_table_drop_link(&l->tables.addrs, index);
		link_table_drop_link(&l->tables.routes, index);
		link_table_drop_link(&l->tables.confs, index);
		wishes_on_link(l, index, false);
		link_touch(l);
		return;
	}
	if (nlmsg_parse(h, sizeof *ifi, tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return;
	read_link(ifi, tb, &now);
	link_table_put(l, &l->tables.links, &now);
	if (was_up && !now.up)
		l->reread |= LINK_REREAD_V4;
	if (was_up != now.up)
		wishes_on_link(l, index, now.up);
	link_touch(l);
}

/* An address of either family as one; false when it has another length. */
static bool read_address(const struct nlattr *a, uint8_t family, struct in6_addr *out)
{
	struct in_addr v4;

	if (family == AF_INET6 && nla_len(a) == sizeof *out) {
		memcpy(out, nla_data(a), sizeof *out);
		return true;
	}
	if (family != AF_INET || nla_len(a) != sizeof v4)
		return false;
	memcpy(&v4, nla_data(a), sizeof v4);
	*out = addr_mapped(v4);
	return true;
}

/* A deadline of the kernel's; the earlier reading of it where they mean the same moment. */
static uint64_t deadline(uint64_t now_ms, uint32_t left_s, uint64_t before_ms)
{
	uint64_t at_ms = now_ms + (uint64_t)left_s * 1000;

	if (left_s == UINT32_MAX)
		return UINT64_MAX;
	if (before_ms <= at_ms + LIFETIME_SLACK_MS && at_ms <= before_ms + LIFETIME_SLACK_MS &&
	    before_ms != UINT64_MAX)
		return before_ms;
	return at_ms;
}

static void read_lifetimes(const struct link *l, const struct nlattr *cacheinfo,
			   const struct fact_addr *before, struct fact_addr *out)
{
	uint64_t now_ms = ev_now_ms(l->loop);
	struct ifa_cacheinfo info = { UINT32_MAX, UINT32_MAX, 0, 0 };

	if (cacheinfo && nla_len(cacheinfo) >= (int)sizeof info)
		memcpy(&info, nla_data(cacheinfo), sizeof info);
	out->valid_until_ms =
		deadline(now_ms, info.ifa_valid, before ? before->valid_until_ms : 0);
	out->preferred_until_ms =
		deadline(now_ms, info.ifa_prefered, before ? before->preferred_until_ms : 0);
}

static void read_flags(const struct ifaddrmsg *ifa, const struct nlattr *flags_attr,
		       struct fact_addr *out)
{
	uint32_t flags = flags_attr ? nla_get_u32(flags_attr) : ifa->ifa_flags;
	bool v6 = ifa->ifa_family == AF_INET6;

	out->tentative = flags & IFA_F_TENTATIVE && !(flags & IFA_F_OPTIMISTIC);
	out->dad_failed = flags & IFA_F_DADFAILED;
	out->temporary = v6 && flags & IFA_F_TEMPORARY; /* IPv4: "secondary" */
	out->deprecated = flags & IFA_F_DEPRECATED;
	out->no_prefix_route = flags & IFA_F_NOPREFIXROUTE;
}

/* IPv4 routes that prefer an address as source go with it without a word. */
static void on_addr(struct link *l, struct nlmsghdr *h)
{
	const struct ifaddrmsg *ifa = nlmsg_data(h);
	bool v4 = ifa->ifa_family == AF_INET;
	struct nlattr *tb[IFA_MAX + 1], *own;
	struct fact_addr now;

	memset(&now, 0, sizeof now);
	if (nlmsg_parse(h, sizeof *ifa, tb, IFA_MAX, NULL) < 0)
		return;
	own = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (!own || !read_address(own, ifa->ifa_family, &now.addr))
		return;
	now.index = ifa->ifa_index;
	now.len = (uint8_t)(ifa->ifa_prefixlen + (v4 ? 96 : 0));
	if (h->nlmsg_type == RTM_DELADDR) {
		link_table_drop(&l->tables.addrs, &now);
		if (v4)
			l->reread |= LINK_REREAD_V4;
	} else {
		read_flags(ifa, tb[IFA_FLAGS], &now);
		read_lifetimes(l, tb[IFA_CACHEINFO], link_table_find(&l->tables.addrs, &now),
			       &now);
		link_table_put(l, &l->tables.addrs, &now);
	}
	link_touch(l);
}

static void read_via(const struct nlattr *a, struct in6_addr *out)
{
	struct rtvia via;

	if (nla_len(a) < (int)sizeof via)
		return;
	memcpy(&via, nla_data(a), sizeof via);
	if (via.rtvia_family == AF_INET6 && nla_len(a) >= (int)(sizeof via + sizeof *out))
		memcpy(out, (const uint8_t *)nla_data(a) + sizeof via, sizeof *out);
}

/* Link and gateway of a route; of its first next hop where it has several. */
static void read_next_hop(struct nlattr **tb, uint8_t family, uint32_t *index,
			  struct in6_addr *gateway)
{
	struct nlattr *inner[RTA_MAX + 1];
	struct rtnexthop hop;

	if (tb[RTA_OIF])
		*index = nla_get_u32(tb[RTA_OIF]);
	if (tb[RTA_GATEWAY])
		read_address(tb[RTA_GATEWAY], family, gateway);
	else if (tb[RTA_VIA])
		read_via(tb[RTA_VIA], gateway);
	if (!tb[RTA_MULTIPATH] || nla_len(tb[RTA_MULTIPATH]) < (int)sizeof hop)
		return;
	memcpy(&hop, nla_data(tb[RTA_MULTIPATH]), sizeof hop);
	*index = (uint32_t)hop.rtnh_ifindex;
	if (hop.rtnh_len < sizeof hop || hop.rtnh_len > nla_len(tb[RTA_MULTIPATH]))
		return;
	if (nla_parse(inner, RTA_MAX,
		      (struct nlattr *)((uint8_t *)nla_data(tb[RTA_MULTIPATH]) + sizeof hop),
		      (int)(hop.rtnh_len - sizeof hop), NULL) == 0 &&
	    inner[RTA_GATEWAY])
		read_address(inner[RTA_GATEWAY], family, gateway);
}

/* The kernel does not say which one was replaced. */
static void on_default_route(struct link *l, struct nlmsghdr *h, struct nlattr **tb, bool gone)
{
	const struct rtmsg *rtm = nlmsg_data(h);
	struct fact_route now;

	memset(&now, 0, sizeof now);
	now.v4 = rtm->rtm_family == AF_INET;
	now.from_ra = rtm->rtm_protocol == RTPROT_RA;
	now.metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	read_next_hop(tb, rtm->rtm_family, &now.index, &now.gateway);
	if (gone) /* perhaps only one of several next hops */
		link_table_drop(&l->tables.routes, &now);
	else
		link_table_put(l, &l->tables.routes, &now);
	if (!l->reading && (gone || h->nlmsg_flags & NLM_F_REPLACE))
		l->reread |= now.v4 ? LINK_REREAD_V4 : LINK_REREAD_V6;
	link_touch(l);
}

static void on_route(struct link *l, struct nlmsghdr *h)
{
	const struct rtmsg *rtm = nlmsg_data(h);
	bool v4 = rtm->rtm_family == AF_INET, gone = h->nlmsg_type == RTM_DELROUTE;
	struct prefix6 dst = { IN6ADDR_ANY_INIT, rtm->rtm_dst_len };
	struct nlattr *tb[RTA_MAX + 1];

	if (nlmsg_parse(h, sizeof *rtm, tb, RTA_MAX, NULL) < 0 ||
	    (!v4 && rtm->rtm_family != AF_INET6) || rtm->rtm_type != RTN_UNICAST ||
	    rtm->rtm_flags & RTM_F_CLONED ||
	    (tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : rtm->rtm_table) != RT_TABLE_MAIN)
		return;
	if (rtm->rtm_dst_len == 0)
		on_default_route(l, h, tb, gone);
	if (v4) {
		dst.addr = addr_mapped((struct in_addr){ 0 });
		dst.len = (uint8_t)(dst.len + 96);
	}
	if (tb[RTA_DST])
		read_address(tb[RTA_DST], rtm->rtm_family, &dst.addr);
	wishes_on_route(l, &dst, tb[RTA_OIF] ? nla_get_u32(tb[RTA_OIF]) : 0, rtm->rtm_protocol,
			gone);
}

static void on_neighbour(struct link *l, struct nlmsghdr *h)
{
	const struct ndmsg *nd = nlmsg_data(h);
	uint32_t index = (uint32_t)nd->ndm_ifindex;
	struct nlattr *tb[NDA_MAX + 1];
	struct in6_addr addr;

	if (nd->ndm_family == AF_BRIDGE)
		gates_on_entry(l, h);
	if (nd->ndm_flags & NTF_PROXY || nlmsg_parse(h, sizeof *nd, tb, NDA_MAX, NULL) < 0 ||
	    !tb[NDA_DST] || !read_address(tb[NDA_DST], nd->ndm_family, &addr))
		return;
	if (h->nlmsg_type == RTM_DELNEIGH)
		wishes_on_neighbour_gone(l, index, &addr);
	if (h->nlmsg_type == RTM_NEWNEIGH && tb[NDA_LLADDR] &&
	    nla_len(tb[NDA_LLADDR]) == ADDR_MAC_LEN && !addr_is_multicast(&addr) &&
	    !(nd->ndm_state & (NUD_FAILED | NUD_INCOMPLETE | NUD_NOARP)))
		neighbours_put(&l->neighbours, index, &addr, nla_data(tb[NDA_LLADDR]));
	else if (h->nlmsg_type == RTM_DELNEIGH || !(nd->ndm_state & NUD_INCOMPLETE))
		neighbours_drop(&l->neighbours, index, &addr);
	gates_on_neighbour(l, index, &addr);
}

static void set_forwarding(struct link *l, uint32_t index, bool v4, bool on)
{
	const struct link_conf *before = link_table_find(&l->tables.confs, &index);
	struct link_conf now = before ? *before : (struct link_conf){ .index = index };

	if (v4)
		now.forwarding4 = on;
	else
		now.forwarding6 = on;
	link_table_put(l, &l->tables.confs, &now);
}

/* The sysctls of a link, or of "all".  They come before the link itself does. */
static void on_netconf(struct link *l, struct nlmsghdr *h)
{
	const struct netconfmsg *nc = nlmsg_data(h);
	bool v4 = nc->ncm_family == AF_INET, forwarding;
	struct nlattr *tb[NETCONFA_MAX + 1];
	int32_t index;

	if ((!v4 && nc->ncm_family != AF_INET6) || h->nlmsg_type == RTM_DELNETCONF ||
	    nlmsg_parse(h, sizeof *nc, tb, NETCONFA_MAX, NULL) < 0 || !tb[NETCONFA_IFINDEX])
		return;
	index = nla_get_s32(tb[NETCONFA_IFINDEX]);
	if (!v4 && index > 0 && tb[NETCONFA_PROXY_NEIGH] &&
	    !nla_get_s32(tb[NETCONFA_PROXY_NEIGH]))
		wishes_on_proxy_off(l, (uint32_t)index);
	if (!tb[NETCONFA_FORWARDING])
		return;
	forwarding = nla_get_s32(tb[NETCONFA_FORWARDING]) != 0;
	if (index > 0)
		set_forwarding(l, (uint32_t)index, v4, forwarding);
	else if (index == NETCONFA_IFINDEX_ALL && v4)
		l->tables.forwarding4 = forwarding;
	else if (index == NETCONFA_IFINDEX_ALL)
		l->tables.forwarding6 = forwarding;
	link_touch(l);
}

static void on_group_left(struct link *l, struct nlmsghdr *h)
{
	const struct ifaddrmsg *ifa = nlmsg_data(h);
	struct nlattr *tb[IFA_MAX + 1];
	struct in6_addr group;

	if (ifa->ifa_family == AF_INET6 &&
	    nlmsg_parse(h, sizeof *ifa, tb, IFA_MAX, NULL) == 0 && tb[IFA_MULTICAST] &&
	    read_address(tb[IFA_MULTICAST], AF_INET6, &group))
		wishes_on_group_left(l, ifa->ifa_index, &group);
}

/* Has the message room for the fixed header of its kind? */
static bool whole(struct nlmsghdr *h, size_t header)
{
	return nlmsg_datalen(h) >= (int)header;
}

void link_apply(struct link *l, struct nlmsghdr *h)
{
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (whole(h, sizeof(struct ifinfomsg)))
			on_link(l, h);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (whole(h, sizeof(struct ifaddrmsg)))
			on_addr(l, h);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (whole(h, sizeof(struct rtmsg)))
			on_route(l, h);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (whole(h, sizeof(struct ndmsg)))
			on_neighbour(l, h);
		break;
	case RTM_NEWNETCONF:
	case RTM_DELNETCONF:
		if (whole(h, sizeof(struct netconfmsg)))
			on_netconf(l, h);
		break;
	case RTM_GETMULTICAST - 1: /* RTM_DELMULTICAST, not in every kernel's header */
		if (whole(h, sizeof(struct ifaddrmsg)))
			on_group_left(l, h);
		break;
	}
}
