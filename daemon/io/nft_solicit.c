/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_solicit.c - table "inet v6gwd": a chain at input, and a set of who asked lately.
 *
 * Within the kernel's five seconds one link-layer address makes at most 150 neighbours, and
 * made-up ones together 350 by router solicitations.  Who is dropped by the second limit hears
 * the multicast that a flood is answered with.  Neighbour solicitations have no such limit:
 * their loss would cut honest guests off, and guests that forge link-layer addresses are held
 * by the bridge's own filter.
 */
#define LOG_PLANE "ra"

#include "nft_solicit.h"

#include "base/addr.h"
#include "daemon/log.h"
#include "nft_table.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN       "input"
#define SET         "asked"
#define PRIORITY    -300 /* as "raw": before the filters */
#define FRAME_LEN   2048u
#define RULES_LEN   4096u /* of one link */
#define SOURCES_MAX 4096u /* beyond them the first limit counts nobody new */
#define TIMEOUT_MS  10000u

struct limit {
	uint64_t rate; /* a second */
	uint32_t burst;
};

static const struct limit of_one = { 20, 50 }, of_all = { 50, 100 };

struct nft_solicit {
	struct nft_table table;
	char names[NFT_SOLICIT_MAX][IFNAMSIZ];
	size_t n;
};

static void put_set(struct nft_batch *t)
{
	struct nftnl_set *set = nftnl_set_alloc();

	if (set) {
		nftnl_set_set_str(set, NFTNL_SET_NAME, SET);
		nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT | NFT_SET_EVAL);
		nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, NFT_TYPE_ETHER_ADDR);
		nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, ADDR_MAC_LEN);
		nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, SOURCES_MAX);
		nftnl_set_set_u64(set, NFTNL_SET_TIMEOUT, TIMEOUT_MS);
	}
	nft_put_set(t, set);
}

/* limit rate over RATE/second burst BURST packets */
static void set_limit(struct nftnl_expr *e, const struct limit *limit)
{
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, limit->rate);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, limit->burst);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV);
}

/* iifname LINK icmpv6 type FIRST-LAST */
static struct nftnl_rule *begin(struct nft_batch *t, const char name[IFNAMSIZ], uint8_t first,
				uint8_t last)
{
	struct nftnl_rule *rule = nft_rule_begin(t, CHAIN);

	nft_rule_meta(t, rule, NFT_META_IIFNAME, NFT_CMP_EQ, name, IFNAMSIZ);
	nft_rule_icmp6(t, rule);
	nft_rule_payload(t, rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof first, NFT_REG_1);
	nft_rule_match(t, rule, NFT_CMP_GTE, &first, sizeof first);
	nft_rule_match(t, rule, NFT_CMP_LTE, &last, sizeof last);
	return rule;
}

/* ... meta iiftype ether update @asked { ether saddr limit ... } counter drop */
static void put_rule_of_one(struct nft_batch *t, const char name[IFNAMSIZ])
{
	struct nftnl_rule *rule = begin(t, name, NFT_ROUTER_SOLICIT, NFT_NEIGHBOUR_SOLICIT);
	struct nftnl_expr *update, *limit = nftnl_expr_alloc("limit");

	nft_rule_ether_source(t, rule, NFT_REG_1);
	update = limit ? nft_rule_add(t, rule, "dynset") : NULL;
	if (update) {
		nftnl_expr_set_u32(update, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
		nftnl_expr_set_u32(update, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
		nftnl_expr_set_str(update, NFTNL_EXPR_DYNSET_SET_NAME, SET);
		set_limit(limit, &of_one);
		nftnl_expr_set(update, NFTNL_EXPR_DYNSET_EXPR, limit, 0);
	} else if (limit) {
		nftnl_expr_free(limit);
	} else {
		t->failed = true;
	}
	nft_rule_drop(t, rule);
	nft_rule_end(t, rule, "neighbours of one");
}

static void put_rule_of_all(struct nft_batch *t, const char name[IFNAMSIZ])
{
	struct nftnl_rule *rule = begin(t, name, NFT_ROUTER_SOLICIT, NFT_ROUTER_SOLICIT);
	struct nftnl_expr *limit = nft_rule_add(t, rule, "limit");

	if (limit)
		set_limit(limit, &of_all);
	nft_rule_drop(t, rule);
	nft_rule_end(t, rule, "neighbours of all");
}

static void write_content(struct nft_batch *t, void *arg)
{
	const struct nft_solicit *s = arg;

	put_set(t);
	nft_put_chain(t, CHAIN, "filter", NF_INET_LOCAL_IN, PRIORITY);
	for (size_t i = 0; i < s->n; i++) {
		put_rule_of_one(t, s->names[i]);
		put_rule_of_all(t, s->names[i]);
	}
}

void nft_solicit_links(struct nft_solicit *s, const char (*names)[IFNAMSIZ], size_t n)
{
	if (s->table.wanted && n == s->n && memcmp(s->names, names, n * sizeof *names) == 0)
		return;
	memcpy(s->names, names, n * sizeof *names);
	s->n = n;
	nft_table_make(&s->table, FRAME_LEN + n * RULES_LEN);
}

struct nft_solicit *nft_solicit_open(struct ev_loop *loop)
{
	struct nft_solicit *s = calloc(1, sizeof *s);

	if (!s) {
		log_error("nftables: %s", strerror(ENOMEM));
		return NULL;
	}
	/* nobody's health hangs on it */
	if (nft_table_open(&s->table, loop, NFPROTO_INET, NFT_TABLE, write_content, s, NULL,
			   NULL))
		return s;
	nft_solicit_close(s, false);
	return NULL;
}

void nft_solicit_close(struct nft_solicit *s, bool keep)
{
	if (!s)
		return;
	nft_table_close(&s->table, keep);
	free(s);
}
