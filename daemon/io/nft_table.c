/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_table.c - every change replaces the whole table in one transaction.
 *
 * Filter tables of others are not touched: whether they let forwarded traffic through is theirs
 * to say.
 */
#define LOG_PLANE "gateway"

#include "nft_table.h"

#include "daemon/event.h"
#include "daemon/fdstore.h"

#include <endian.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MS     1000u
#define REPAIR_MS    50u   /* after a loss: until those who flush are done */
#define FRAME_LEN    2048u /* messages around the content of a transaction */
#define SPARE_LEN    1024u
#define TABLE_OWNER  2u /* NFT_TABLE_F_OWNER, Linux 5.12 */
#define EVENTS_BURST 64
#define EVENT_LEN    16384u
#define NAME_LEN     48u

#define ETH_SRC_OFFSET 6u /* of the source address in an Ethernet header */

static const char *family_of(const struct nft_table *n)
{
	switch (n->family) {
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_BRIDGE:
		return "bridge";
	default:
		return "ip";
	}
}

static void next(struct nft_batch *t)
{
	if (!mnl_nlmsg_batch_next(t->b))
		t->failed = true;
}

static struct nlmsghdr *header(struct nft_batch *t, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(t->b), type, t->table->family,
				     flags, ++t->table->seq);
}

static void put_table(struct nft_batch *t, uint16_t type, uint16_t flags, bool owner)
{
	struct nftnl_table *table = nftnl_table_alloc();

	if (!table) {
		t->failed = true;
		return;
	}
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, t->table->name);
	if (owner)
		nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, TABLE_OWNER);
	nftnl_table_nlmsg_build_payload(header(t, type, flags), table);
	nftnl_table_free(table);
	next(t);
}

void nft_put_chain(struct nft_batch *t, const char *name, const char *type, uint32_t hook,
		   int32_t priority)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain) {
		t->failed = true;
		return;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, t->table->name);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, type);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nftnl_chain_nlmsg_build_payload(header(t, NFT_MSG_NEWCHAIN, NLM_F_CREATE), chain);
	nftnl_chain_free(chain);
	next(t);
}

void nft_put_set(struct nft_batch *t, struct nftnl_set *set)
{
	if (!set) {
		t->failed = true;
		return;
	}
	nftnl_set_set_str(set, NFTNL_SET_TABLE, t->table->name);
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, t->table->family);
	nftnl_set_set_u32(set, NFTNL_SET_ID, 1);
	nftnl_set_nlmsg_build_payload(header(t, NFT_MSG_NEWSET, NLM_F_CREATE), set);
	nftnl_set_free(set);
	next(t);
}

/* NULL when memory is short, which the other verbs take. */
struct nftnl_rule *nft_rule_begin(struct nft_batch *t, const char *chain)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule) {
		t->failed = true;
		return NULL;
	}
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, t->table->name);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, t->table->family);
	return rule;
}

struct nftnl_expr *nft_rule_add(struct nft_batch *t, struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = rule ? nftnl_expr_alloc(name) : NULL;

	if (!e)
		t->failed = true;
	else
		nftnl_rule_add_expr(rule, e);
	return e;
}

void nft_rule_payload(struct nft_batch *t, struct nftnl_rule *rule, uint32_t base,
		      uint32_t offset, uint32_t len, uint32_t reg)
{
	struct nftnl_expr *e = nft_rule_add(t, rule, "payload");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
}

void nft_rule_match(struct nft_batch *t, struct nftnl_rule *rule, uint32_t op, const void *data,
		    uint32_t len)
{
	struct nftnl_expr *e = nft_rule_add(t, rule, "cmp");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

void nft_rule_meta(struct nft_batch *t, struct nftnl_rule *rule, uint32_t key, uint32_t op,
		   const void *data, uint32_t len)
{
	struct nftnl_expr *e = nft_rule_add(t, rule, "meta");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
	nft_rule_match(t, rule, op, data, len);
}

void nft_rule_icmp6(struct nft_batch *t, struct nftnl_rule *rule)
{
	const uint16_t ipv6 = htobe16(ETH_P_IPV6);
	static const uint8_t icmp6 = IPPROTO_ICMPV6;

	nft_rule_meta(t, rule, NFT_META_PROTOCOL, NFT_CMP_EQ, &ipv6, sizeof ipv6);
	nft_rule_meta(t, rule, NFT_META_L4PROTO, NFT_CMP_EQ, &icmp6, sizeof icmp6);
}

void nft_rule_ether_source(struct nft_batch *t, struct nftnl_rule *rule, uint32_t reg)
{
	static const uint16_t ether = ARPHRD_ETHER;

	nft_rule_meta(t, rule, NFT_META_IIFTYPE, NFT_CMP_EQ, &ether, sizeof ether);
	nft_rule_payload(t, rule, NFT_PAYLOAD_LL_HEADER, ETH_SRC_OFFSET, ETH_ALEN, reg);
}

void nft_rule_verdict(struct nft_batch *t, struct nftnl_rule *rule, uint32_t verdict)
{
	struct nftnl_expr *immediate = nft_rule_add(t, rule, "immediate");

	if (!immediate)
		return;
	nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_VERDICT, verdict);
}

void nft_rule_drop(struct nft_batch *t, struct nftnl_rule *rule)
{
	nft_rule_add(t, rule, "counter");
	nft_rule_verdict(t, rule, NF_DROP);
}

static void add_comment(struct nftnl_rule *rule, const char *comment)
{
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	if (!u)
		return;
	if (nftnl_udata_put_strz(u, NFTNL_UDATA_RULE_COMMENT, comment))
		nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(u),
				    nftnl_udata_buf_len(u));
	nftnl_udata_buf_free(u);
}

void nft_rule_end(struct nft_batch *t, struct nftnl_rule *rule, const char *comment)
{
	if (!rule)
		return;
	add_comment(rule, comment);
	if (!t->failed) {
		nftnl_rule_nlmsg_build_payload(
			header(t, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND), rule);
		next(t);
	}
	nftnl_rule_free(rule);
}

/* The kernel has answered when sending returns: the first error, or 0. */
static int read_answers(struct nft_table *n)
{
	char buf[EVENT_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = mnl_socket_get_fd(n->requests), error = 0;
	ssize_t len;

	while ((len = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0) {
		int left = (int)len;
		const struct nlmsghdr *h = (const void *)buf;

		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type == NLMSG_ERROR && e->error && !error)
				error = e->error;
		}
	}
	return error;
}

/* Takes away what is there under our name, ours or left over, and puts the table in its place
 * where it is wanted; all or nothing. */
static int write_batch(struct nft_batch *t, bool owner)
{
	struct nft_table *n = t->table;

	nftnl_batch_begin(mnl_nlmsg_batch_current(t->b), ++n->seq);
	next(t);
	put_table(t, NFT_MSG_NEWTABLE, NLM_F_CREATE, false);
	put_table(t, NFT_MSG_DELTABLE, 0, false);
	if (n->wanted) {
		put_table(t, NFT_MSG_NEWTABLE, NLM_F_CREATE, owner);
		n->content(t, n->owner);
	}
	nftnl_batch_end(mnl_nlmsg_batch_current(t->b), ++n->seq);
	next(t);
	if (t->failed)
		return -ENOMEM;
	if (mnl_socket_sendto(n->requests, mnl_nlmsg_batch_head(t->b),
			      mnl_nlmsg_batch_size(t->b)) < 0)
		return -errno;
	return read_answers(n);
}

static int transact(struct nft_table *n, bool owner)
{
	size_t size = FRAME_LEN + n->room;
	/* libmnl wants room for one message behind what it reckons with */
	void *buf = malloc(size + SPARE_LEN);
	struct nft_batch t = { .table = n };
	int error = -ENOMEM;

	t.b = buf ? mnl_nlmsg_batch_start(buf, size) : NULL;
	if (t.b) {
		error = write_batch(&t, owner);
		mnl_nlmsg_batch_stop(t.b);
	}
	free(buf);
	return error;
}

static void set_present(struct nft_table *n, bool present)
{
	if (present == n->present)
		return;
	n->present = present;
	if (n->changed)
		n->changed(n->arg);
}

static void lose(struct nft_table *n)
{
	if (n->wanted && n->present)
		event_tell(EVENT_TABLE_LOST, NULL,
			   "table %s %s was changed by another process: put back", family_of(n),
			   n->name);
	set_present(n, false);
	if (n->wanted)
		ev_timer_at(&n->retry, ev_now_ms(n->loop) + REPAIR_MS);
}

/* The table's name is the first attribute of tables, chains and rules alike. */
static int on_attribute(const struct nlattr *a, void *name)
{
	if (mnl_attr_get_type(a) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
		*(const char **)name = mnl_attr_get_str(a);
	return MNL_CB_OK;
}

/* The table that a message of the events is about; "" for none. */
static const char *table_of(const struct nft_table *n, const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const char *name = "";

	if (mnl_nlmsg_get_payload_len(h) >= sizeof *g && g->nfgen_family == n->family)
		mnl_attr_parse(h, sizeof *g, on_attribute, &name);
	return name;
}

static bool is_loss(const struct nft_table *n, const struct nlmsghdr *h)
{
	uint16_t type = h->nlmsg_type;

	return h->nlmsg_pid != mnl_socket_get_portid(n->requests) &&
	       (type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE) ||
		type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELCHAIN) ||
		type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE) ||
		type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELSET)) &&
	       strcmp(table_of(n, h), n->name) == 0;
}

static void on_events(void *arg, unsigned ready)
{
	struct nft_table *n = arg;
	char buf[EVENT_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = mnl_socket_get_fd(n->events);
	bool lost = false;

	(void)ready;
	for (int i = 0; i < EVENTS_BURST; i++) {
		ssize_t len = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
		int left = (int)len;
		const struct nlmsghdr *h = (const void *)buf;

		if (len <= 0) {
			lost |= len < 0 && errno == ENOBUFS;
			break;
		}
		for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
			lost |= is_loss(n, h);
	}
	if (lost)
		lose(n);
}

/* A table that others may take away has to be watched. */
static void watch(struct nft_table *n)
{
	unsigned group = NFNLGRP_NFTABLES;

	if (n->events)
		return;
	n->events = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!n->events || mnl_socket_bind(n->events, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(n->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) <
		    0) {
		log_warning("nftables events: %s", strerror(errno));
		return;
	}
	n->events_io =
		ev_io_new(n->loop, mnl_socket_get_fd(n->events), EV_IO_READ, on_events, n);
}

static int apply(struct nft_table *n)
{
	int error = transact(n, !n->plain);

	if (!n->plain && n->wanted && (error == -EINVAL || error == -EOPNOTSUPP)) {
		error = transact(n, false);
		n->plain = error == 0;
	}
	if (n->plain)
		watch(n);
	if (error && error != n->error)
		event_tell(EVENT_TABLE_REFUSED, NULL, "table %s %s: %s%s", family_of(n),
			   n->name, strerror(-error),
			   error == -EPERM ? " (another process may own it: nft list tables)"
					   : "");
	n->error = error;
	set_present(n, n->wanted && !error);
	ev_timer_at(&n->retry, error ? ev_now_ms(n->loop) + RETRY_MS : EV_NEVER);
	return error;
}

static void on_retry(void *arg)
{
	apply(arg);
}

int nft_table_make(struct nft_table *n, size_t room)
{
	n->wanted = true;
	n->room = room;
	return apply(n);
}

/* As the service manager keeps the socket. */
static void store_name(const struct nft_table *n, char out[NAME_LEN])
{
	snprintf(out, NAME_LEN, "nft-%u-%s", n->family, n->name);
}

static bool is_nft_socket(int fd, const void *arg)
{
	(void)arg;
	return fdstore_is_socket(fd, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
}

/* The socket that owns the table already, else a new one. */
static bool open_requests(struct nft_table *n)
{
	char name[NAME_LEN];
	int fd;

	store_name(n, name);
	fd = fdstore_take(name, is_nft_socket, NULL);
	if (fd >= 0) {
		n->requests = mnl_socket_fdopen(fd);
		if (!n->requests)
			close(fd);
		else
			read_answers(n); /* which nobody waits for any more */
		return n->requests;
	}
	n->requests = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!n->requests || mnl_socket_bind(n->requests, 0, MNL_SOCKET_AUTOPID) < 0)
		return false;
	fdstore_put(name, mnl_socket_get_fd(n->requests));
	return true;
}

bool nft_table_open(struct nft_table *n, struct ev_loop *loop, uint16_t family,
		    const char *name, nft_content_fn *content, void *owner, ev_fn *changed,
		    void *arg)
{
	*n = (struct nft_table){ .loop = loop,
				 .family = family,
				 .name = name,
				 .content = content,
				 .owner = owner,
				 .changed = changed,
				 .arg = arg };
	ev_timer_init(&n->retry, loop, on_retry, n);
	if (open_requests(n))
		return true;
	log_error("nftables socket: %s", strerror(errno));
	return false;
}

void nft_table_close(struct nft_table *n, bool keep)
{
	char name[NAME_LEN];

	ev_timer_stop(&n->retry);
	if (!keep && n->wanted) {
		n->wanted = false;
		transact(n, false);
	}
	store_name(n, name);
	if (!keep)
		fdstore_drop(name);
	ev_io_free(n->events_io);
	if (n->events)
		mnl_socket_close(n->events);
	if (n->requests)
		mnl_socket_close(n->requests);
}
