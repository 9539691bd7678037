/* SPDX-License-Identifier: GPL-3.0-or-later */
/* no_owner.c - a kernel that knows no owners of nftables tables (before Linux 5.12), for a
 * test: preloaded, it turns the flag in what is sent into one that no kernel knows, which this
 * one refuses as an old one does that. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define NEW_TABLE    (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE)
#define OWNER        2u
#define UNKNOWN      0x40000000u
#define MESSAGES_LEN 65536u

/* A message that makes an owned table. */
static void disown(char *message, uint32_t len)
{
	uint32_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg)), flags;
	struct nlattr a;

	for (; at + sizeof a <= len; at += NLA_ALIGN(a.nla_len)) {
		memcpy(&a, message + at, sizeof a);
		if (a.nla_len < sizeof a)
			return;
		if ((a.nla_type & NLA_TYPE_MASK) != NFTA_TABLE_FLAGS)
			continue;
		memcpy(&flags, message + at + NLA_HDRLEN, sizeof flags);
		if (be32toh(flags) & OWNER)
			flags = htobe32(UNKNOWN);
		memcpy(message + at + NLA_HDRLEN, &flags, sizeof flags);
	}
}

ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *,
			       socklen_t);
	char copy[MESSAGES_LEN];
	struct nlmsghdr h;

	if (!real)
		real = dlsym(RTLD_NEXT, "sendto");
	if (!to || to->sa_family != AF_NETLINK || len > sizeof copy)
		return real(fd, data, len, flags, to, to_len);
	memcpy(copy, data, len);
	for (size_t at = 0; at + sizeof h <= len; at += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, copy + at, sizeof h);
		if (h.nlmsg_len < sizeof h || h.nlmsg_len > len - at)
			break;
		if (h.nlmsg_type == NEW_TABLE)
			disown(copy + at, h.nlmsg_len);
	}
	return real(fd, copy, len, flags, to, to_len);
}
