/* SPDX-License-Identifier: GPL-3.0-or-later */
/* filter.h - would the host's packet filter let a packet through?
 *
 * The rules as nftables has them (those of iptables-nft too), as far as they are understood: a
 * rule with a condition that is not may match or may not.  Every base chain of a hook has to
 * accept; an accept in one does not undo a drop in another.
 */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_NAME  32 /* of a table or chain; longer ones are cut */
#define FILTER_DATA  16
#define FILTER_REGS  24
#define FILTER_IPV4  2 /* NFPROTO_... */
#define FILTER_INET  1
#define FILTER_IPV6  10
#define FILTER_NONE  UINT32_MAX
#define FILTER_NEW   8u /* ct state */
#define FILTER_KNOWN 2u /* established */

enum filter_hook { FILTER_INPUT = 1, FILTER_FORWARD = 2 };

enum filter_op {
	FILTER_LOAD,      /* a field into reg */
	FILTER_MASK,      /* reg = reg & data ^ more */
	FILTER_COMPARE,   /* the rule goes on when reg compares so with data */
	FILTER_ACCEPT_IT, /* verdicts */
	FILTER_DROP_IT,
	FILTER_RETURN,
	FILTER_JUMP, /* to chain */
	FILTER_GOTO,
	FILTER_LOOKUP, /* the rule goes on when the set (chain) has reg, or (NE) has not */
	FILTER_MAP,    /* the verdict that the set has for reg */
	FILTER_ANY,    /* a verdict that is not known */
	FILTER_MAYBE,  /* not understood: the rule goes on or not */
	FILTER_END,    /* of the rule */
};

enum filter_field {
	FILTER_IIF,      /* index, host order */
	FILTER_OIF,      /* likewise */
	FILTER_IIF_NAME, /* 16 bytes */
	FILTER_OIF_NAME,
	FILTER_FAMILY,    /* one byte */
	FILTER_ETHERTYPE, /* network order */
	FILTER_PROTOCOL,  /* one byte: of the transport layer */
	FILTER_STATE,     /* of the connection, host order */
	FILTER_NETWORK,   /* bytes of the network header */
	FILTER_TRANSPORT, /* likewise */
};

enum filter_compare { FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE };

struct filter_expr {
	enum filter_op op;
	enum filter_field field;
	enum filter_compare compare;
	uint8_t reg, to; /* to: where a mask puts its result */
	uint8_t offset, len;
	uint8_t data[FILTER_DATA], more[FILTER_DATA];
	uint32_t chain;
};

/* Rules are ranges of the expressions of struct filter, in their order. */
struct filter_chain {
	char table[FILTER_NAME], name[FILTER_NAME];
	uint8_t family;            /* NFPROTO_... */
	bool base, filters, drops; /* filters: not of type nat or route; drops: its policy */
	uint32_t hook;
	uint32_t *rules; /* indices of the first expression of each, in order */
	size_t n_rules, room;
};

/* elems: data is the key, of len bytes; op the verdict of a map. */
struct filter_set {
	char table[FILTER_NAME], name[FILTER_NAME];
	uint8_t family;
	bool known; /* read, and without ranges */
	struct filter_expr *elems;
	size_t n_elems;
};

struct filter {
	struct filter_chain *chains;
	size_t n_chains;
	struct filter_expr *exprs; /* of all rules */
	size_t n_exprs, room;
	struct filter_set *sets;
	size_t n_sets;
	bool whole; /* false: more than is looked at */
};

struct filter_packet {
	uint8_t family; /* FILTER_IPV4 or FILTER_IPV6 */
	uint32_t iif, oif;
	char iif_name[16], oif_name[16];
	uint8_t protocol;
	uint32_t state;
	uint8_t network[40], transport[8];
};

enum filter_fate { FILTER_ACCEPTS, FILTER_UNSURE, FILTER_DROPS };

struct filter_verdict {
	enum filter_fate fate;
	const struct filter_chain *chain; /* that drops, or may; NULL where none does */
	bool by_policy;
};

/* An empty connection's packet: source, destination (IPv4 as ::ffff:...), protocol, port. */
struct filter_packet filter_packet_of(const struct in6_addr *src, const struct in6_addr *dst,
				      uint8_t protocol, uint16_t port);

struct filter_verdict filter_judge(const struct filter *, enum filter_hook,
				   const struct filter_packet *);

/* Building: false when memory is short.  A rule is a number of expressions and its end. */
bool filter_add_expr(struct filter *, const struct filter_expr *);
bool filter_begin_rule(struct filter *, struct filter_chain *);
bool filter_end_rule(struct filter *);
struct filter_chain *filter_add_chain(struct filter *);
bool filter_add_elem(struct filter_set *, const struct filter_expr *);

/* The set of that name, which is added where it is not there; FILTER_NONE: no memory. */
uint32_t filter_find_set(struct filter *, uint8_t family, const char *table, const char *name);
uint32_t filter_find(const struct filter *, uint8_t family, const char *table,
		     const char *name);
void filter_done(struct filter *);
