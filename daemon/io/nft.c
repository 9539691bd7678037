/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft.c - table "ip v6gwd": one chain at postrouting, one rule for each pool.
 *
 * Every change replaces the whole table in one transaction.  Filter tables of others are not
 * touched: whether they let forwarded traffic through is theirs to say.
 */
#define LOG_PLANE "nat64"

#include "nft.h"

#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "v6gwd"
#define CHAIN "postrouting"

#define RETRY_MS     1000u
#define REPAIR_MS    50u   /* after a loss: until those who flush are done */
#define FRAME_LEN    2048u /* messages around the rules of a transaction */
#define RULE_LEN     1024u
#define SRC_OFFSET   12u /* of the source address in an IPv4 header (RFC 791 3.1) */
#define TABLE_OWNER  2u  /* NFT_TABLE_F_OWNER, Linux 5.12 */
#define EVENTS_BURST 64
#define EVENT_LEN    16384u

struct nft {
	struct ev_loop *loop;
	struct mnl_socket *requests; /* owns the table */
	struct mnl_socket *events;   /* only while the table cannot be owned */
	struct ev_io *events_io;
	struct ev_timer retry;
	uint32_t seq;
	bool wanted, present, plain; /* plain: this kernel knows no owners */
	int error;                   /* of the last transaction */
	struct nft_masquerade want;  /* as set last, pointing to our own copies: */
	struct prefix4 *pools;
	char except[IFNAMSIZ];
	ev_fn *changed;
	void *arg;
};

/* One transaction being written. */
struct batch {
	struct nft *nft;
	struct mnl_nlmsg_batch *b;
	bool failed;
};

static void next(struct batch *t)
{
	if (!mnl_nlmsg_batch_next(t->b))
		t->failed = true;
}

static struct nlmsghdr *header(struct batch *t, uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(t->b), type, NFPROTO_IPV4, flags,
				     ++t->nft->seq);
}

static void put_table(struct batch *t, uint16_t type, uint16_t flags, bool owner)
{
	struct nftnl_table *table = nftnl_table_alloc();

	if (!table) {
		t->failed = true;
		return;
	}
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, TABLE);
	if (owner)
		nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, TABLE_OWNER);
	nftnl_table_nlmsg_build_payload(header(t, type, flags), table);
	nftnl_table_free(table);
	next(t);
}

static void put_chain(struct batch *t)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain) {
		t->failed = true;
		return;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, TABLE);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, CHAIN);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "nat");
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, NF_INET_POST_ROUTING);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, NF_IP_PRI_NAT_SRC);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nftnl_chain_nlmsg_build_payload(header(t, NFT_MSG_NEWCHAIN, NLM_F_CREATE), chain);
	nftnl_chain_free(chain);
	next(t);
}

/* A new expression at the end of the rule; NULL when memory is short. */
static struct nftnl_expr *add(struct batch *t, struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (!e)
		t->failed = true;
	else
		nftnl_rule_add_expr(rule, e);
	return e;
}

static void add_cmp(struct batch *t, struct nftnl_rule *rule, uint32_t op, const void *data,
		    uint32_t len)
{
	struct nftnl_expr *e = add(t, rule, "cmp");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

/* ip saddr POOL */
static void add_source(struct batch *t, struct nftnl_rule *rule, const struct prefix4 *pool)
{
	static const uint32_t zero;
	struct in_addr mask = addr4_of(pool->len ? UINT32_MAX << (32 - pool->len) : 0);
	struct nftnl_expr *payload = add(t, rule, "payload");
	struct nftnl_expr *bitwise = payload ? add(t, rule, "bitwise") : NULL;

	if (!bitwise)
		return;
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_OFFSET, SRC_OFFSET);
	nftnl_expr_set_u32(payload, NFTNL_EXPR_PAYLOAD_LEN, sizeof mask);
	nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, sizeof mask);
	nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof mask);
	nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof zero);
	add_cmp(t, rule, NFT_CMP_EQ, &pool->addr, sizeof pool->addr);
}

/* oifname != EXCEPT */
static void add_except(struct batch *t, struct nftnl_rule *rule, const char except[IFNAMSIZ])
{
	struct nftnl_expr *meta = add(t, rule, "meta");

	if (!meta)
		return;
	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_OIFNAME);
	nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
	add_cmp(t, rule, NFT_CMP_NEQ, except, IFNAMSIZ);
}

/* masquerade, or snat to SOURCE */
static void add_verdict(struct batch *t, struct nftnl_rule *rule,
			const struct nft_masquerade *want)
{
	struct nftnl_expr *immediate, *nat;

	if (!want->has_source) {
		add(t, rule, "masq");
		return;
	}
	immediate = add(t, rule, "immediate");
	nat = immediate ? add(t, rule, "nat") : NULL;
	if (!nat)
		return;
	nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(immediate, NFTNL_EXPR_IMM_DATA, &want->source, sizeof want->source);
	nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
	nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS);
}

static void add_comment(struct nftnl_rule *rule)
{
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	if (!u)
		return;
	if (nftnl_udata_put_strz(u, NFTNL_UDATA_RULE_COMMENT, "NAT64 pool"))
		nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(u),
				    nftnl_udata_buf_len(u));
	nftnl_udata_buf_free(u);
}

static void put_rule(struct batch *t, const struct prefix4 *pool)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule) {
		t->failed = true;
		return;
	}
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, TABLE);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, CHAIN);
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_IPV4);
	add_source(t, rule, pool);
	add_except(t, rule, t->nft->except);
	add_verdict(t, rule, &t->nft->want);
	add_comment(rule);
	if (!t->failed)
		nftnl_rule_nlmsg_build_payload(
			header(t, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND), rule);
	nftnl_rule_free(rule);
	next(t);
}

/* The kernel has answered when sending returns: the first error, or 0. */
static int read_answers(struct nft *n)
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
static int write_batch(struct batch *t, bool owner)
{
	struct nft *n = t->nft;

	nftnl_batch_begin(mnl_nlmsg_batch_current(t->b), ++n->seq);
	next(t);
	put_table(t, NFT_MSG_NEWTABLE, NLM_F_CREATE, false);
	put_table(t, NFT_MSG_DELTABLE, 0, false);
	if (n->wanted) {
		put_table(t, NFT_MSG_NEWTABLE, NLM_F_CREATE, owner);
		put_chain(t);
		for (size_t i = 0; i < n->want.n_pools; i++)
			put_rule(t, &n->want.pools[i]);
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

static int transact(struct nft *n, bool owner)
{
	size_t size = FRAME_LEN + n->want.n_pools * RULE_LEN;
	/* libmnl wants room for one message behind what it reckons with */
	void *buf = malloc(size + RULE_LEN);
	struct batch t = { .nft = n };
	int error = -ENOMEM;

	t.b = buf ? mnl_nlmsg_batch_start(buf, size) : NULL;
	if (t.b) {
		error = write_batch(&t, owner);
		mnl_nlmsg_batch_stop(t.b);
	}
	free(buf);
	return error;
}

static void set_present(struct nft *n, bool present)
{
	if (present == n->present)
		return;
	n->present = present;
	n->changed(n->arg);
}

static void lose(struct nft *n)
{
	if (n->wanted && n->present)
		log_notice("table ip " TABLE " was changed by another process: put back");
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
static const char *table_of(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const char *name = "";

	if (mnl_nlmsg_get_payload_len(h) >= sizeof *g && g->nfgen_family == NFPROTO_IPV4)
		mnl_attr_parse(h, sizeof *g, on_attribute, &name);
	return name;
}

static bool is_loss(const struct nft *n, const struct nlmsghdr *h)
{
	uint16_t type = h->nlmsg_type;

	return h->nlmsg_pid != mnl_socket_get_portid(n->requests) &&
	       (type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE) ||
		type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELCHAIN) ||
		type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELRULE)) &&
	       strcmp(table_of(h), TABLE) == 0;
}

static void on_events(void *arg, unsigned ready)
{
	struct nft *n = arg;
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
static void watch(struct nft *n)
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

static int apply(struct nft *n)
{
	int error = transact(n, !n->plain);

	if (!n->plain && n->wanted && (error == -EINVAL || error == -EOPNOTSUPP)) {
		error = transact(n, false);
		n->plain = error == 0;
	}
	if (n->plain)
		watch(n);
	if (error && error != n->error)
		log_warning("table ip " TABLE ": %s%s", strerror(-error),
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

static bool same(const struct nft *n, const struct nft_masquerade *m)
{
	return n->want.n_pools == m->n_pools && n->want.has_source == m->has_source &&
	       (!m->has_source || n->want.source.s_addr == m->source.s_addr) &&
	       strncmp(n->except, m->except, sizeof n->except) == 0 &&
	       memcmp(n->want.pools, m->pools, m->n_pools * sizeof *m->pools) == 0;
}

int nft_masquerade(struct nft *n, const struct nft_masquerade *m)
{
	struct prefix4 *pools;

	if (n->wanted && n->present && same(n, m))
		return 0;
	pools = calloc(m->n_pools + 1, sizeof *pools);
	if (!pools)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_pools; i++)
		pools[i] = m->pools[i];
	free(n->pools);
	n->want = *m;
	n->want.pools = n->pools = pools;
	memset(n->except, 0, sizeof n->except);
	memcpy(n->except, m->except, strnlen(m->except, sizeof n->except - 1));
	n->want.except = n->except;
	n->wanted = true;
	return apply(n);
}

struct nft *nft_open(struct ev_loop *loop, ev_fn *changed, void *arg)
{
	struct nft *n = calloc(1, sizeof *n);

	if (!n) {
		log_error("nftables: %s", strerror(ENOMEM));
		return NULL;
	}
	n->loop = loop;
	n->changed = changed;
	n->arg = arg;
	ev_timer_init(&n->retry, loop, on_retry, n);
	n->requests = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!n->requests || mnl_socket_bind(n->requests, 0, MNL_SOCKET_AUTOPID) < 0) {
		log_error("nftables socket: %s", strerror(errno));
		nft_close(n, true);
		return NULL;
	}
	return n;
}

void nft_close(struct nft *n, bool keep)
{
	if (!n)
		return;
	ev_timer_stop(&n->retry);
	if (!keep && n->wanted) {
		n->wanted = false;
		transact(n, false);
	}
	ev_io_free(n->events_io);
	if (n->events)
		mnl_socket_close(n->events);
	if (n->requests && keep && n->present) /* an owned table goes with its socket */
		fcntl(mnl_socket_get_fd(n->requests), F_DUPFD_CLOEXEC, 0);
	if (n->requests)
		mnl_socket_close(n->requests);
	free(n->pools);
	free(n);
}

bool nft_present(const struct nft *n)
{
	return n->present;
}

bool nft_owned(const struct nft *n)
{
	return n->present && !n->plain;
}

int nft_error(const struct nft *n)
{
	return n->error;
}
