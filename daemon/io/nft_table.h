/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_table.h - a table of one family in nftables, whatever is in it: for nft.c, nft_guests.c,
 * nft_refuse.c and nft_solicit.c alone.
 *
 * Where the kernel has it the table is owned: others can neither flush nor delete it, and it
 * goes when we do.  Elsewhere its loss is noticed and it is put back.
 */
#pragma once

#include "daemon/ev.h"

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NFT_TABLE     "v6gwd"
#define NFT_TABLE_DNS "v6gwd_dns"

/* What nft calls the types of keys and data. */
#define NFT_TYPE_IPV6_ADDR  8u
#define NFT_TYPE_ETHER_ADDR 9u

/* Types of ICMPv6 (RFC 4861 4) */
enum { NFT_ROUTER_SOLICIT = 133, NFT_ROUTER_ADVERT = 134, NFT_NEIGHBOUR_SOLICIT = 135 };

/* One transaction being written; what fails is noted, and told at its end. */
struct nft_batch {
	struct nft_table *table;
	struct mnl_nlmsg_batch *b;
	bool failed;
};

/* Writes what is in the table: chains, sets, rules. */
typedef void nft_content_fn(struct nft_batch *, void *owner);

struct nft_table {
	struct ev_loop *loop;
	uint16_t family;             /* NFPROTO_... */
	const char *name;            /* outlives it */
	struct mnl_socket *requests; /* owns the table */
	struct mnl_socket *events;   /* only while the table cannot be owned */
	struct ev_io *events_io;
	struct ev_timer retry;
	uint32_t seq;
	bool wanted, present, plain; /* plain: this kernel knows no owners */
	int error;                   /* of the last transaction */
	size_t room;                 /* bytes that the content needs */
	nft_content_fn *content;
	void *owner;    /* of the content */
	ev_fn *changed; /* NULL: nobody asks */
	void *arg;
};

/* content is called with owner, and changed with arg when present changed.  false after
 * logging; closing is right then, too. */
bool nft_table_open(struct nft_table *, struct ev_loop *, uint16_t family, const char *name,
		    nft_content_fn *content, void *owner, ev_fn *changed, void *arg);

/* Without keep the table goes.  With it an owned table stays if the service manager keeps the
 * owning socket for the next process. */
void nft_table_close(struct nft_table *, bool keep);

/* Makes the table, or replaces its content, in one transaction.  0 or -errno:
 * -EPERM no right, or another process owns a table of that name.  Tried again every second
 * until it works. */
int nft_table_make(struct nft_table *, size_t room);

/* For the content.  The expressions of a rule come in order; add and match work on register 1.
 */
void nft_put_chain(struct nft_batch *, const char *name, const char *type, uint32_t hook,
		   int32_t priority);
void nft_put_set(struct nft_batch *, struct nftnl_set *); /* frees it; NULL fails */
struct nftnl_rule *nft_rule_begin(struct nft_batch *, const char *chain);
struct nftnl_expr *nft_rule_add(struct nft_batch *, struct nftnl_rule *, const char *name);
void nft_rule_meta(struct nft_batch *, struct nftnl_rule *, uint32_t key, uint32_t op,
		   const void *data, uint32_t len);
void nft_rule_payload(struct nft_batch *, struct nftnl_rule *, uint32_t base, uint32_t offset,
		      uint32_t len, uint32_t reg);
void nft_rule_match(struct nft_batch *, struct nftnl_rule *, uint32_t op, const void *data,
		    uint32_t len);
void nft_rule_icmp6(struct nft_batch *, struct nftnl_rule *); /* is it ICMPv6? */
/* Did it come over Ethernet?  Its source there into a register. */
void nft_rule_ether_source(struct nft_batch *, struct nftnl_rule *, uint32_t reg);
void nft_rule_verdict(struct nft_batch *, struct nftnl_rule *, uint32_t verdict);
void nft_rule_drop(struct nft_batch *, struct nftnl_rule *); /* counted */
void nft_rule_end(struct nft_batch *, struct nftnl_rule *, const char *comment);
