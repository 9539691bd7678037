/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_guests.c - tables "ip6 v6gwd" and "ip6 v6gwd_dns": a map of sources to link-layer
 * addresses that the kernel itself fills, and the request for one of its elements.
 *
 * To note each forwarded packet anew would be most of what the fast path adds to routing, since
 * processors would write to the same element in turns.  So what was noted a moment ago is only
 * looked up, in a set beside the map.
 */
#define LOG_PLANE "nat64"

#include "nft_guests.h"

#include "daemon/log.h"
#include "nft_table.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv6.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define FORWARD     "forward"
#define INPUT       "input"
#define MAP         "guests"
#define RECENT      "recent"
#define PRIORITY    300 /* behind the filters: what they drop says nothing of a guest */
#define CONTENT_LEN 4096u
#define ANSWER_LEN  8192u

/* Under a flood of new sources the map holds those of the last TIMEOUT_MS, and what the
 * collector has not taken away yet: 170,000 a second.  Some 20 MiB of the kernel's memory then,
 * with the set, which go with the flood. */
#define TIMEOUT_MS  500u
#define RECENT_MS   100u /* a packet that is not noted was so less long ago */
#define COLLECT_MS  250u
#define SOURCES_MAX 131072u

#define SRC6_OFFSET  8u /* of the source address in an IPv6 header (RFC 8200 3) */
#define DPORT_OFFSET 2u /* of the destination port in a UDP or TCP header */

#define REG_KEY  NFT_REG_1
#define REG_DATA NFT_REG_2 /* right behind: both are the key of RECENT */

/* A source and, padded to whole registers, its link-layer address. */
#define RECENT_LEN  24u
#define RECENT_TYPE (NFT_TYPE_IPV6_ADDR << 6 | NFT_TYPE_ETHER_ADDR)

struct nft_guests {
	struct nft_table table;
	char device[IFNAMSIZ]; /* to which it is forwarded; else */
	uint16_t port;         /* for which it is */
};

static struct nftnl_set *new_set(const char *name, uint32_t flags, uint32_t type, uint32_t len,
				 uint64_t timeout_ms)
{
	struct nftnl_set *set = nftnl_set_alloc();

	if (!set)
		return NULL;
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, flags | NFT_SET_TIMEOUT | NFT_SET_EVAL);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, len);
	nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, SOURCES_MAX);
	nftnl_set_set_u64(set, NFTNL_SET_TIMEOUT, timeout_ms);
	nftnl_set_set_u32(set, NFTNL_SET_GC_INTERVAL, COLLECT_MS);
	return set;
}

static void put_map(struct nft_batch *t)
{
	struct nftnl_set *set = new_set(MAP, NFT_SET_MAP, NFT_TYPE_IPV6_ADDR,
					sizeof(struct in6_addr), TIMEOUT_MS);

	if (set) {
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, NFT_TYPE_ETHER_ADDR);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, ADDR_MAC_LEN);
	}
	nft_put_set(t, set);
}

/* meta iiftype ether, with the source's addresses in registers */
static void load_source(struct nft_batch *t, struct nftnl_rule *rule)
{
	nft_rule_ether_source(t, rule, REG_DATA);
	nft_rule_payload(t, rule, NFT_PAYLOAD_NETWORK_HEADER, SRC6_OFFSET,
			 sizeof(struct in6_addr), REG_KEY);
}

/* oifname != DEVICE accept: the other way is spared the rest */
static void put_others(struct nft_batch *t, const char device[IFNAMSIZ])
{
	struct nftnl_rule *rule = nft_rule_begin(t, FORWARD);

	nft_rule_meta(t, rule, NFT_META_OIFNAME, NFT_CMP_NEQ, device, IFNAMSIZ);
	nft_rule_verdict(t, rule, NF_ACCEPT);
	nft_rule_end(t, rule, "not to be translated");
}

static struct nftnl_rule *begin_forwarded(struct nft_batch *t)
{
	struct nftnl_rule *rule = nft_rule_begin(t, FORWARD);

	load_source(t, rule);
	return rule;
}

/* meta l4proto PROTOCOL th dport PORT ... */
static struct nftnl_rule *begin_received(struct nft_batch *t, uint8_t protocol, uint16_t port)
{
	struct nftnl_rule *rule = nft_rule_begin(t, INPUT);
	const uint16_t wire = htons(port);

	nft_rule_meta(t, rule, NFT_META_L4PROTO, NFT_CMP_EQ, &protocol, sizeof protocol);
	nft_rule_payload(t, rule, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT_OFFSET, sizeof wire,
			 NFT_REG_1);
	nft_rule_match(t, rule, NFT_CMP_EQ, &wire, sizeof wire);
	load_source(t, rule);
	return rule;
}

/* ip6 saddr . ether saddr @recent accept */
static void put_recent(struct nft_batch *t, struct nftnl_rule *rule)
{
	struct nftnl_expr *lookup = nft_rule_add(t, rule, "lookup");

	if (lookup) {
		nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, REG_KEY);
		nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, RECENT);
	}
	nft_rule_verdict(t, rule, NF_ACCEPT);
	nft_rule_end(t, rule, "noted a moment ago");
}

/* update @set { ... }; what follows in the rule is for those who found room. */
static struct nftnl_expr *put_update(struct nft_batch *t, struct nftnl_rule *rule,
				     const char *set)
{
	struct nftnl_expr *update = nft_rule_add(t, rule, "dynset");

	if (!update)
		return NULL;
	nftnl_expr_set_u32(update, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_u32(update, NFTNL_EXPR_DYNSET_SREG_KEY, REG_KEY);
	nftnl_expr_set_str(update, NFTNL_EXPR_DYNSET_SET_NAME, set);
	return update;
}

/* ... update @guests { ip6 saddr : ether saddr } update @recent { ip6 saddr . ether saddr }
 * accept */
static void put_note(struct nft_batch *t, struct nftnl_rule *rule, bool recent)
{
	struct nftnl_expr *update = put_update(t, rule, MAP);

	if (update)
		nftnl_expr_set_u32(update, NFTNL_EXPR_DYNSET_SREG_DATA, REG_DATA);
	if (recent)
		put_update(t, rule, RECENT);
	nft_rule_verdict(t, rule, NF_ACCEPT);
	nft_rule_end(t, rule, "who a guest is");
}

/* ... counter drop: comes here when the map is full.  Who filled it would be known to nobody by
 * his next address, and have no limit. */
static void put_refusal(struct nft_batch *t)
{
	struct nftnl_rule *rule = begin_forwarded(t);

	nft_rule_drop(t, rule);
	nft_rule_end(t, rule, "no room to note who a guest is");
}

static void put_forward(struct nft_batch *t, const char device[IFNAMSIZ])
{
	nft_put_set(t, new_set(RECENT, 0, RECENT_TYPE, RECENT_LEN, RECENT_MS));
	nft_put_chain(t, FORWARD, "filter", NF_INET_FORWARD, PRIORITY);
	put_others(t, device);
	put_recent(t, begin_forwarded(t));
	put_note(t, begin_forwarded(t), true);
	put_note(t, begin_forwarded(t), false); /* only the set is full */
	put_refusal(t);
}

static void write_content(struct nft_batch *t, void *arg)
{
	const struct nft_guests *g = arg;

	put_map(t);
	if (!g->port) {
		put_forward(t, g->device);
		return;
	}
	/* Whose question finds no room is answered as one that nobody knows. */
	nft_put_chain(t, INPUT, "filter", NF_INET_LOCAL_IN, PRIORITY);
	put_note(t, begin_received(t, IPPROTO_UDP, g->port), false);
	put_note(t, begin_received(t, IPPROTO_TCP, g->port), false);
}

/* Asks for the one element whose key is addr. */
static bool ask(struct nft_guests *g, const struct in6_addr *addr)
{
	char buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *m = mnl_nlmsg_put_extra_header(h, sizeof *m);
	struct nlattr *elements, *element, *key;

	h->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM;
	h->nlmsg_flags = NLM_F_REQUEST;
	h->nlmsg_seq = ++g->table.seq;
	m->nfgen_family = NFPROTO_IPV6;
	m->version = NFNETLINK_V0;
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, g->table.name);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, MAP);
	elements = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
	key = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);
	mnl_attr_put(h, NFTA_DATA_VALUE, sizeof *addr, addr);
	mnl_attr_nest_end(h, key);
	mnl_attr_nest_end(h, element);
	mnl_attr_nest_end(h, elements);
	return mnl_socket_sendto(g->table.requests, h, h->nlmsg_len) > 0;
}

/* The attribute of a type among those in len bytes. */
static const struct nlattr *pick(const struct nlattr *a, size_t len, uint16_t type)
{
	for (int left = (int)len; mnl_attr_ok(a, left); a = mnl_attr_next(a)) {
		if (mnl_attr_get_type(a) == type)
			return a;
		left -= (int)MNL_ALIGN(a->nla_len);
	}
	return NULL;
}

static const struct nlattr *inner(const struct nlattr *nest, uint16_t type)
{
	return nest ? pick(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), type)
		    : NULL;
}

static bool read_mac(const struct nlmsghdr *h, uint8_t out[ADDR_MAC_LEN])
{
	size_t skip = MNL_ALIGN(sizeof(struct nfgenmsg)), len = mnl_nlmsg_get_payload_len(h);
	const struct nlattr *a;

	if (len < skip)
		return false;
	a = pick(mnl_nlmsg_get_payload_offset(h, skip), len - skip,
		 NFTA_SET_ELEM_LIST_ELEMENTS);
	a = inner(inner(a, NFTA_LIST_ELEM), NFTA_SET_ELEM_DATA);
	a = inner(a, NFTA_DATA_VALUE);
	if (!a || mnl_attr_get_payload_len(a) < ADDR_MAC_LEN)
		return false;
	memcpy(out, mnl_attr_get_payload(a), ADDR_MAC_LEN);
	return true;
}

/* The kernel has answered when sending returns: an element, or an error where there is none.
 * Answers to anything else are older. */
bool nft_guests_find(struct nft_guests *g, const struct in6_addr *addr,
		     uint8_t out[ADDR_MAC_LEN])
{
	char buf[ANSWER_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = mnl_socket_get_fd(g->table.requests);
	bool found = false;
	ssize_t len;

	if (!g->table.present || !ask(g, addr))
		return false;
	while ((len = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
		int left = (int)len;
		const struct nlmsghdr *h = (const void *)buf;

		if (!mnl_nlmsg_ok(h, left) || h->nlmsg_seq != g->table.seq)
			continue;
		if (h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
			found = read_mac(h, out);
		break;
	}
	return found;
}

static struct nft_guests *open_table(struct ev_loop *loop, const char *name, const char *device,
				     uint16_t port, ev_fn *changed, void *arg)
{
	struct nft_guests *g = calloc(1, sizeof *g);

	if (!g) {
		log_error("nftables: %s", strerror(ENOMEM));
		return NULL;
	}
	memcpy(g->device, device, strnlen(device, sizeof g->device - 1));
	g->port = port;
	if (!nft_table_open(&g->table, loop, NFPROTO_IPV6, name, write_content, g, changed,
			    arg)) {
		nft_guests_close(g, false);
		return NULL;
	}
	nft_table_make(&g->table, CONTENT_LEN);
	return g;
}

struct nft_guests *nft_guests_open(struct ev_loop *loop, const char *device, ev_fn *changed,
				   void *arg)
{
	return open_table(loop, NFT_TABLE, device, 0, changed, arg);
}

struct nft_guests *nft_guests_open_port(struct ev_loop *loop, uint16_t port, ev_fn *changed,
					void *arg)
{
	return open_table(loop, NFT_TABLE_DNS, "", port, changed, arg);
}

void nft_guests_close(struct nft_guests *g, bool keep)
{
	if (!g)
		return;
	nft_table_close(&g->table, keep);
	free(g);
}

const char *nft_guests_device(const struct nft_guests *g)
{
	return g->device;
}

uint16_t nft_guests_port(const struct nft_guests *g)
{
	return g->port;
}

bool nft_guests_present(const struct nft_guests *g)
{
	return g->table.present;
}

int nft_guests_error(const struct nft_guests *g)
{
	return g->table.error;
}
