/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft.c - table "ip v6gwd": one chain at postrouting, one rule for each pool. */
#define LOG_PLANE "nat64"

#include "nft.h"

#include "daemon/log.h"
#include "nft_table.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter_ipv4.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN      "postrouting"
#define RULE_LEN   1024u
#define SRC_OFFSET 12u /* of the source address in an IPv4 header (RFC 791 3.1) */

struct nft {
	struct nft_table table;
	struct nft_masquerade want; /* as set last, pointing to our own copies: */
	struct prefix4 *pools;
	char except[IFNAMSIZ];
};

/* ip saddr POOL */
static void add_source(struct nft_batch *t, struct nftnl_rule *rule, const struct prefix4 *pool)
{
	static const uint32_t zero;
	struct in_addr mask = addr4_of(pool->len ? UINT32_MAX << (32 - pool->len) : 0);
	struct nftnl_expr *bitwise;

	nft_rule_payload(t, rule, NFT_PAYLOAD_NETWORK_HEADER, SRC_OFFSET, sizeof mask,
			 NFT_REG_1);
	bitwise = nft_rule_add(t, rule, "bitwise");
	if (!bitwise)
		return;
	nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(bitwise, NFTNL_EXPR_BITWISE_LEN, sizeof mask);
	nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof mask);
	nftnl_expr_set(bitwise, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof zero);
	nft_rule_match(t, rule, NFT_CMP_EQ, &pool->addr, sizeof pool->addr);
}

/* masquerade, or snat to SOURCE */
static void add_verdict(struct nft_batch *t, struct nftnl_rule *rule,
			const struct nft_masquerade *want)
{
	struct nftnl_expr *immediate, *nat;

	if (!want->has_source) {
		nft_rule_add(t, rule, "masq");
		return;
	}
	immediate = nft_rule_add(t, rule, "immediate");
	nat = immediate ? nft_rule_add(t, rule, "nat") : NULL;
	if (!nat)
		return;
	nftnl_expr_set_u32(immediate, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(immediate, NFTNL_EXPR_IMM_DATA, &want->source, sizeof want->source);
	nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
	nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_FAMILY, NFPROTO_IPV4);
	nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	nftnl_expr_set_u32(nat, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS);
}

static void write_content(struct nft_batch *t, void *arg)
{
	const struct nft *n = arg;

	nft_put_chain(t, CHAIN, "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	for (size_t i = 0; i < n->want.n_pools; i++) {
		struct nftnl_rule *rule = nft_rule_begin(t, CHAIN);

		add_source(t, rule, &n->want.pools[i]);
		nft_rule_meta(t, rule, NFT_META_OIFNAME, NFT_CMP_NEQ, n->except, IFNAMSIZ);
		add_verdict(t, rule, &n->want);
		nft_rule_end(t, rule, "NAT64 pool");
	}
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

	if (n->table.wanted && n->table.present && same(n, m))
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
	return nft_table_make(&n->table, m->n_pools * RULE_LEN);
}

struct nft *nft_open(struct ev_loop *loop, ev_fn *changed, void *arg)
{
	struct nft *n = calloc(1, sizeof *n);

	if (!n) {
		log_error("nftables: %s", strerror(ENOMEM));
		return NULL;
	}
	if (nft_table_open(&n->table, loop, NFPROTO_IPV4, NFT_TABLE, write_content, n, changed,
			   arg))
		return n;
	nft_close(n, true);
	return NULL;
}

void nft_close(struct nft *n, bool keep)
{
	if (!n)
		return;
	nft_table_close(&n->table, keep);
	free(n->pools);
	free(n);
}

bool nft_present(const struct nft *n)
{
	return n->table.present;
}

bool nft_owned(const struct nft *n)
{
	return n->table.present && !n->table.plain;
}

int nft_error(const struct nft *n)
{
	return n->table.error;
}
