/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_refuse.c - table "bridge v6gwd": a chain at output, a rule for each port.  What the host
 * itself sends through a bridge passes there once for each port. */
#define LOG_PLANE "ra"

#include "nft_refuse.h"

#include "daemon/log.h"
#include "nft_table.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN     "output"
#define HOOK      3u  /* NF_BR_LOCAL_OUT: its header quarrels with the C library's */
#define PRIORITY  200 /* as "other": behind filters that may want to see it */
#define FRAME_LEN 512u
#define RULE_LEN  1024u

struct nft_refuse {
	struct nft_table table;
	char names[NFT_REFUSE_MAX][IFNAMSIZ];
	size_t n;
};

/* oifname PORT ether type ip6 icmpv6 type nd-router-advert counter drop */
static void put_rule(struct nft_batch *t, const char name[IFNAMSIZ])
{
	static const uint8_t type = NFT_ROUTER_ADVERT;
	struct nftnl_rule *rule = nft_rule_begin(t, CHAIN);

	nft_rule_meta(t, rule, NFT_META_OIFNAME, NFT_CMP_EQ, name, IFNAMSIZ);
	nft_rule_icmp6(t, rule);
	nft_rule_payload(t, rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof type, NFT_REG_1);
	nft_rule_match(t, rule, NFT_CMP_EQ, &type, sizeof type);
	nft_rule_drop(t, rule);
	nft_rule_end(t, rule, "ra.refuse_on_uplink");
}

static void write_content(struct nft_batch *t, void *arg)
{
	const struct nft_refuse *r = arg;

	nft_put_chain(t, CHAIN, "filter", HOOK, PRIORITY);
	for (size_t i = 0; i < r->n; i++)
		put_rule(t, r->names[i]);
}

void nft_refuse_ports(struct nft_refuse *r, const char (*names)[IFNAMSIZ], size_t n)
{
	if (r->table.wanted && n == r->n && memcmp(r->names, names, n * sizeof *names) == 0)
		return;
	memcpy(r->names, names, n * sizeof *names);
	r->n = n;
	nft_table_make(&r->table, FRAME_LEN + n * RULE_LEN);
}

struct nft_refuse *nft_refuse_open(struct ev_loop *loop, ev_fn *changed, void *arg)
{
	struct nft_refuse *r = calloc(1, sizeof *r);

	if (!r) {
		log_error("nftables: %s", strerror(ENOMEM));
		return NULL;
	}
	if (nft_table_open(&r->table, loop, NFPROTO_BRIDGE, NFT_TABLE, write_content, r,
			   changed, arg))
		return r;
	nft_refuse_close(r, false);
	return NULL;
}

void nft_refuse_close(struct nft_refuse *r, bool keep)
{
	if (!r)
		return;
	nft_table_close(&r->table, keep);
	free(r);
}

bool nft_refuse_present(const struct nft_refuse *r)
{
	return r->table.present;
}

int nft_refuse_error(const struct nft_refuse *r)
{
	return r->table.error;
}
