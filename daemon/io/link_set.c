/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link_set.c - what is asked of one link: no link-local address; the queues of a TUN device. */
#include "link_priv.h"

#include <errno.h>
#include <linux/if_link.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

static struct nl_msg *message_for_link(uint16_t type, uint32_t index)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = (int)index };
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

	if (msg && nlmsg_append(msg, &ifi, sizeof ifi, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static void remove_address(struct link *l, uint32_t index, const struct in6_addr *addr)
{
	struct ifaddrmsg ifa = { .ifa_family = AF_INET6,
				 .ifa_prefixlen = 64,
				 .ifa_index = index };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELADDR, 0);

	if (msg && (nlmsg_append(msg, &ifa, sizeof ifa, NLMSG_ALIGNTO) < 0 ||
		    nla_put(msg, IFA_LOCAL, sizeof *addr, addr) < 0)) {
		nlmsg_free(msg);
		return;
	}
	link_request(l, msg, NULL);
}

static int prevent_link_local(struct link *l, uint32_t index)
{
	struct nl_msg *msg = message_for_link(RTM_NEWLINK, index);
	struct nlattr *spec = msg ? nla_nest_start(msg, IFLA_AF_SPEC) : NULL;
	struct nlattr *v6 = spec ? nla_nest_start(msg, AF_INET6) : NULL;

	if (!v6 || nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nla_nest_end(msg, v6);
	nla_nest_end(msg, spec);
	return link_request(l, msg, NULL);
}

int link_no_link_local(struct link *l, uint32_t index)
{
	int error = prevent_link_local(l, index);

	for (size_t i = 0; i < l->tables.addrs.n; i++) {
		struct fact_addr a;

		memcpy(&a, l->tables.addrs.v + i * sizeof a, sizeof a);
		if (a.index == index && addr_is_link_local(&a.addr))
			remove_address(l, index, &a.addr);
	}
	return error;
}

static void on_tun_link(struct link *l, struct nlmsghdr *h)
{
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *tun[IFLA_TUN_MAX + 1];

	if (nlmsg_parse(h, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) == 0 &&
	    tb[IFLA_LINKINFO] &&
	    nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) == 0 &&
	    info[IFLA_INFO_DATA] &&
	    nla_parse_nested(tun, IFLA_TUN_MAX, info[IFLA_INFO_DATA], NULL) == 0 &&
	    tun[IFLA_TUN_NUM_QUEUES])
		l->tun_queues = nla_get_u32(tun[IFLA_TUN_NUM_QUEUES]);
}

uint32_t link_tun_queues(struct link *l, uint32_t index)
{
	struct nl_msg *msg = message_for_link(RTM_GETLINK, index);

	l->tun_queues = 0;
	link_request(l, msg, on_tun_link);
	return l->tun_queues;
}
