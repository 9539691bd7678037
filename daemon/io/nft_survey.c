/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_survey.c - dumps of chains, rules, and the sets that rules name, translated into what
 * lib/doctor/filter.c understands. */
#include "nft_survey.h"

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_conntrack.h>
#include <stdlib.h>
#include <string.h>

#define CHAINS_MAX 4096u
#define RULES_MAX  8192u
#define SETS_MAX   64u
#define ELEMS_MAX  512u
#define PIECES     4 /* messages of the kernel read in one wake-up */
#define PIECE_LEN  32768u
#define REQUEST    256u

struct nft_survey {
	struct mnl_socket *socket;
	struct ev_io *io;
	ev_fn *done;
	void *arg;
	struct filter filter;
	enum { CHAINS, RULES, SETS } round;
	size_t set; /* whose elements are read */
	bool ended, failed;
	size_t n_rules;
};

/* For the elements of one set, or without one for everything of that type. */
static bool ask(struct nft_survey *s, uint16_t type, const struct filter_set *of)
{
	char buf[REQUEST] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *h = nftnl_nlmsg_build_hdr(buf, type, of ? of->family : NFPROTO_UNSPEC,
						   NLM_F_DUMP, s->round);
	struct nftnl_set *set = of ? nftnl_set_alloc() : NULL;

	if (of && !set)
		return false;
	if (set) {
		nftnl_set_set_str(set, NFTNL_SET_TABLE, of->table);
		nftnl_set_set_str(set, NFTNL_SET_NAME, of->name);
		nftnl_set_elems_nlmsg_build_payload(h, set);
		nftnl_set_free(set);
	}
	return mnl_socket_sendto(s->socket, h, h->nlmsg_len) >= 0;
}

static void copy(char out[FILTER_NAME], const char *name)
{
	strncpy(out, name ? name : "", FILTER_NAME - 1);
}

static int on_chain(const struct nlmsghdr *h, void *arg)
{
	struct nft_survey *s = arg;
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct filter_chain *out;
	const char *type;

	if (!c || s->filter.n_chains >= CHAINS_MAX || nftnl_chain_nlmsg_parse(h, c) < 0) {
		s->filter.whole = false;
		nftnl_chain_free(c);
		return MNL_CB_OK;
	}
	out = filter_add_chain(&s->filter);
	if (out) {
		type = nftnl_chain_get_str(c, NFTNL_CHAIN_TYPE);
		copy(out->table, nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE));
		copy(out->name, nftnl_chain_get_str(c, NFTNL_CHAIN_NAME));
		out->family = (uint8_t)nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);
		out->base = nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM);
		out->hook = nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM);
		out->filters = type && strcmp(type, "filter") == 0;
		out->drops = nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) == NF_DROP;
	}
	s->failed |= !out;
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

static void put(struct nft_survey *s, struct filter_expr e)
{
	s->failed |= !filter_add_expr(&s->filter, &e);
}

static void put_op(struct nft_survey *s, enum filter_op op)
{
	put(s, (struct filter_expr){ .op = op });
}

/* 0 where there is none; the library would not look. */
static uint32_t number(const struct nftnl_expr *e, uint16_t attribute)
{
	return nftnl_expr_is_set(e, attribute) ? nftnl_expr_get_u32(e, attribute) : 0;
}

/* The register of an expression, cut to what is kept. */
static uint8_t reg(const struct nftnl_expr *e, uint16_t attribute)
{
	return (uint8_t)(number(e, attribute) % FILTER_REGS);
}

/* At most FILTER_DATA bytes of an attribute; their number. */
static uint8_t data(const struct nftnl_expr *e, uint16_t attribute, uint8_t out[FILTER_DATA])
{
	uint32_t len = 0;
	const void *from = nftnl_expr_get(e, attribute, &len);

	if (!from || len > FILTER_DATA)
		return 0;
	memcpy(out, from, len);
	return (uint8_t)len;
}

static void on_meta(struct nft_survey *s, const struct nftnl_expr *e)
{
	static const struct {
		uint32_t key;
		enum filter_field field;
	} fields[] = {
		{ NFT_META_IIF, FILTER_IIF },          { NFT_META_OIF, FILTER_OIF },
		{ NFT_META_IIFNAME, FILTER_IIF_NAME }, { NFT_META_OIFNAME, FILTER_OIF_NAME },
		{ NFT_META_NFPROTO, FILTER_FAMILY },   { NFT_META_PROTOCOL, FILTER_ETHERTYPE },
		{ NFT_META_L4PROTO, FILTER_PROTOCOL }
	};
	uint32_t key = number(e, NFTNL_EXPR_META_KEY);

	if (nftnl_expr_is_set(e, NFTNL_EXPR_META_SREG))
		return;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (fields[i].key == key) {
			put(s, (struct filter_expr){ .op = FILTER_LOAD,
						     .field = fields[i].field,
						     .reg = reg(e, NFTNL_EXPR_META_DREG) });
			return;
		}
	}
	/* a load of nothing that is known: what compares it may hold or not */
	put(s, (struct filter_expr){ .op = FILTER_LOAD,
				     .field = FILTER_NETWORK,
				     .offset = UINT8_MAX,
				     .reg = reg(e, NFTNL_EXPR_META_DREG) });
}

static void on_payload(struct nft_survey *s, const struct nftnl_expr *e)
{
	uint32_t base = number(e, NFTNL_EXPR_PAYLOAD_BASE);
	uint32_t offset = number(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	uint32_t len = number(e, NFTNL_EXPR_PAYLOAD_LEN);
	bool known =
		(base == NFT_PAYLOAD_NETWORK_HEADER || base == NFT_PAYLOAD_TRANSPORT_HEADER) &&
		offset < UINT8_MAX && len <= FILTER_DATA;

	if (nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_SREG))
		return;
	put(s, (struct filter_expr){ .op = FILTER_LOAD,
				     .field = base == NFT_PAYLOAD_TRANSPORT_HEADER
						      ? FILTER_TRANSPORT
						      : FILTER_NETWORK,
				     .offset = known ? (uint8_t)offset : UINT8_MAX,
				     .len = known ? (uint8_t)len : 0,
				     .reg = reg(e, NFTNL_EXPR_PAYLOAD_DREG) });
}

static void on_ct(struct nft_survey *s, const struct nftnl_expr *e)
{
	bool state = number(e, NFTNL_EXPR_CT_KEY) == NFT_CT_STATE;

	if (nftnl_expr_is_set(e, NFTNL_EXPR_CT_SREG))
		return;
	put(s, (struct filter_expr){ .op = FILTER_LOAD,
				     .field = state ? FILTER_STATE : FILTER_NETWORK,
				     .offset = state ? 0 : UINT8_MAX,
				     .reg = reg(e, NFTNL_EXPR_CT_DREG) });
}

static void on_bitwise(struct nft_survey *s, const struct nftnl_expr *e)
{
	struct filter_expr out = { .op = FILTER_MASK,
				   .reg = reg(e, NFTNL_EXPR_BITWISE_SREG),
				   .to = reg(e, NFTNL_EXPR_BITWISE_DREG) };

	if (number(e, NFTNL_EXPR_BITWISE_OP) != NFT_BITWISE_BOOL ||
	    !data(e, NFTNL_EXPR_BITWISE_MASK, out.data) ||
	    !data(e, NFTNL_EXPR_BITWISE_XOR, out.more))
		put_op(s, FILTER_MAYBE);
	else
		put(s, out);
}

static void on_cmp(struct nft_survey *s, const struct nftnl_expr *e)
{
	struct filter_expr out = { .op = FILTER_COMPARE, .reg = reg(e, NFTNL_EXPR_CMP_SREG) };

	out.compare = (enum filter_compare)number(e, NFTNL_EXPR_CMP_OP);
	out.len = data(e, NFTNL_EXPR_CMP_DATA, out.data);
	if (out.len && out.compare <= FILTER_GE)
		put(s, out);
	else
		put_op(s, FILTER_MAYBE);
}

/* FILTER_MAYBE: it decides nothing. */
static struct filter_expr verdict_of(const struct nft_survey *s, uint8_t family,
				     const char *table, int verdict, const char *chain)
{
	struct filter_expr out = { .op = FILTER_ANY };

	if (verdict == NFT_CONTINUE)
		out.op = FILTER_MAYBE;
	else if (verdict == NF_ACCEPT)
		out.op = FILTER_ACCEPT_IT;
	else if (verdict == NF_DROP)
		out.op = FILTER_DROP_IT;
	else if (verdict == NFT_RETURN)
		out.op = FILTER_RETURN;
	else if (verdict == NFT_JUMP || verdict == NFT_GOTO)
		out = (struct filter_expr){
			.op = verdict == NFT_JUMP ? FILTER_JUMP : FILTER_GOTO,
			.chain = filter_find(&s->filter, family, table, chain ? chain : "")
		};
	return out;
}

static uint8_t family_of(const struct nftnl_rule *r)
{
	return (uint8_t)nftnl_rule_get_u32(r, NFTNL_RULE_FAMILY);
}

static void on_immediate(struct nft_survey *s, const struct nftnl_expr *e,
			 const struct nftnl_rule *r)
{
	struct filter_expr out;

	if (number(e, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT)
		return;
	out = verdict_of(s, family_of(r), nftnl_rule_get_str(r, NFTNL_RULE_TABLE),
			 (int)number(e, NFTNL_EXPR_IMM_VERDICT),
			 nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN));
	if (out.op != FILTER_MAYBE)
		put(s, out);
}

static void on_lookup(struct nft_survey *s, const struct nftnl_expr *e,
		      const struct nftnl_rule *r)
{
	bool has_dreg = nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG);
	bool map = has_dreg && number(e, NFTNL_EXPR_LOOKUP_DREG) == NFT_REG_VERDICT;
	bool inverted = number(e, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV;
	struct filter_expr out = { .op = map ? FILTER_MAP : FILTER_LOOKUP,
				   .compare = inverted ? FILTER_NE : FILTER_EQ,
				   .reg = reg(e, NFTNL_EXPR_LOOKUP_SREG),
				   .chain = FILTER_NONE };

	if (has_dreg && !map) {
		put_op(s, FILTER_MAYBE);
		return;
	}
	if (s->filter.n_sets < SETS_MAX)
		out.chain = filter_find_set(&s->filter, family_of(r),
					    nftnl_rule_get_str(r, NFTNL_RULE_TABLE),
					    nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET));
	put(s, out);
}

/* An extension of iptables: the state of the connection is the one that matters. */
static void on_match(struct nft_survey *s, const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME);
	uint32_t len = 0;
	const void *info = nftnl_expr_get(e, NFTNL_EXPR_MT_INFO, &len);
	struct xt_conntrack_mtinfo3 ct;
	struct filter_expr mask = { .op = FILTER_MASK, .reg = 1, .to = 1 };
	uint32_t states;

	if (name && strcmp(name, "comment") == 0)
		return;
	if (!name || strcmp(name, "conntrack") != 0 || !info || len < sizeof ct) {
		put_op(s, FILTER_MAYBE);
		return;
	}
	memcpy(&ct, info, sizeof ct);
	if (ct.match_flags != XT_CONNTRACK_STATE) {
		put_op(s, FILTER_MAYBE);
		return;
	}
	states = ct.state_mask;
	memcpy(mask.data, &states, sizeof states);
	put(s, (struct filter_expr){ .op = FILTER_LOAD, .field = FILTER_STATE, .reg = 1 });
	put(s, mask);
	put(s, (struct filter_expr){
		       .op = FILTER_COMPARE,
		       .compare = ct.invert_flags & XT_CONNTRACK_STATE ? FILTER_EQ : FILTER_NE,
		       .reg = 1,
		       .len = sizeof states });
}

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

static void on_other(struct nft_survey *s, const struct nftnl_expr *e, const char *name)
{
	/* nothing that they do decides */
	static const char *const idle[] = { "counter", "log", "last", "objref",
					    "notrack", "dup", NULL };
	static const char *const idle_targets[] = { "LOG",    "NFLOG", "MARK",  "CONNMARK",
						    "TCPMSS", "CT",    "TRACE", NULL };
	const char *target =
		strcmp(name, "target") == 0 ? nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME) : NULL;

	if (strcmp(name, "reject") == 0 || (target && strcmp(target, "REJECT") == 0))
		put_op(s, FILTER_DROP_IT);
	else if (strcmp(name, "queue") == 0 || (target && !is_one_of(target, idle_targets)))
		put_op(s, FILTER_ANY);
	else if (!target && !is_one_of(name, idle))
		put_op(s, FILTER_MAYBE);
}

struct rule {
	struct nft_survey *survey;
	const struct nftnl_rule *rule;
};

static int on_expr(struct nftnl_expr *e, void *arg)
{
	struct rule *r = arg;
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

	if (strcmp(name, "meta") == 0)
		on_meta(r->survey, e);
	else if (strcmp(name, "payload") == 0)
		on_payload(r->survey, e);
	else if (strcmp(name, "ct") == 0)
		on_ct(r->survey, e);
	else if (strcmp(name, "bitwise") == 0)
		on_bitwise(r->survey, e);
	else if (strcmp(name, "cmp") == 0)
		on_cmp(r->survey, e);
	else if (strcmp(name, "immediate") == 0)
		on_immediate(r->survey, e, r->rule);
	else if (strcmp(name, "lookup") == 0)
		on_lookup(r->survey, e, r->rule);
	else if (strcmp(name, "match") == 0)
		on_match(r->survey, e);
	else
		on_other(r->survey, e, name);
	return 0;
}

static int on_rule(const struct nlmsghdr *h, void *arg)
{
	struct nft_survey *s = arg;
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct rule rule = { s, r };
	uint32_t chain;

	if (!r || s->n_rules++ >= RULES_MAX || nftnl_rule_nlmsg_parse(h, r) < 0) {
		s->filter.whole = false;
		nftnl_rule_free(r);
		return MNL_CB_OK;
	}
	chain = filter_find(&s->filter, (uint8_t)nftnl_rule_get_u32(r, NFTNL_RULE_FAMILY),
			    nftnl_rule_get_str(r, NFTNL_RULE_TABLE),
			    nftnl_rule_get_str(r, NFTNL_RULE_CHAIN));
	if (chain != FILTER_NONE) {
		s->failed |= !filter_begin_rule(&s->filter, &s->filter.chains[chain]);
		nftnl_expr_foreach(r, on_expr, &rule);
		s->failed |= !filter_end_rule(&s->filter);
	}
	nftnl_rule_free(r);
	return MNL_CB_OK;
}

/* What is part of a range, or longer than is kept, makes the set one that is not known. */
static int on_elem(struct nftnl_set_elem *e, void *arg)
{
	struct nft_survey *s = arg;
	struct filter_set *set = &s->filter.sets[s->set];
	uint32_t len = 0;
	const void *key = nftnl_set_elem_get(e, NFTNL_SET_ELEM_KEY, &len);
	struct filter_expr out = { .op = FILTER_ANY };

	if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_FLAGS) ||
	    nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_KEY_END) || !key || len > FILTER_DATA ||
	    set->n_elems >= ELEMS_MAX) {
		set->known = false;
		return 0;
	}
	if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_VERDICT))
		out = verdict_of(s, set->family, set->table,
				 (int)nftnl_set_elem_get_u32(e, NFTNL_SET_ELEM_VERDICT),
				 nftnl_set_elem_get_str(e, NFTNL_SET_ELEM_CHAIN));
	memcpy(out.data, key, len);
	out.len = (uint8_t)len;
	s->failed |= !filter_add_elem(set, &out);
	return 0;
}

static int on_elems(const struct nlmsghdr *h, void *arg)
{
	struct nft_survey *s = arg;
	struct nftnl_set *set = nftnl_set_alloc();

	if (!set || nftnl_set_elems_nlmsg_parse(h, set) < 0)
		s->filter.sets[s->set].known = false;
	else
		nftnl_set_elem_foreach(set, on_elem, s);
	nftnl_set_free(set);
	return MNL_CB_OK;
}

static void end(struct nft_survey *s)
{
	s->ended = true;
	ev_io_set(s->io, 0);
	s->done(s->arg);
}

/* The next dump; false when all is read. */
static bool go_on(struct nft_survey *s)
{
	if (s->round == CHAINS) {
		s->round = RULES;
		s->failed = !ask(s, NFT_MSG_GETRULE, NULL);
		return true;
	}
	if (s->round == SETS)
		s->set++;
	s->round = SETS;
	if (s->set == s->filter.n_sets)
		return false;
	s->filter.sets[s->set].known = true;
	s->failed = !ask(s, NFT_MSG_GETSETELEM, &s->filter.sets[s->set]);
	return true;
}

static void on_readable(void *arg, unsigned ready)
{
	static const mnl_cb_t readers[] = { on_chain, on_rule, on_elems };
	struct nft_survey *s = arg;
	char buf[PIECE_LEN] __attribute__((aligned(NLMSG_ALIGNTO)));
	int more = MNL_CB_OK;

	(void)ready;
	for (int i = 0; i < PIECES && more > MNL_CB_STOP && !s->failed; i++) {
		ssize_t len = mnl_socket_recvfrom(s->socket, buf, sizeof buf);

		if (len <= 0)
			return;
		more = mnl_cb_run(buf, (size_t)len, s->round, 0, readers[s->round], s);
	}
	if (more > MNL_CB_STOP && !s->failed)
		return;
	if (more < MNL_CB_STOP && s->round == SETS) /* it was taken away meanwhile */
		s->filter.sets[s->set].known = false;
	else
		s->failed |= more < MNL_CB_STOP;
	if (s->failed || !go_on(s) || s->failed)
		end(s);
}

struct nft_survey *nft_survey_new(struct ev_loop *loop, ev_fn *done, void *arg)
{
	struct nft_survey *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->done = done;
	s->arg = arg;
	s->filter.whole = true;
	s->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (s->socket && mnl_socket_bind(s->socket, 0, MNL_SOCKET_AUTOPID) >= 0)
		s->io = ev_io_new(loop, mnl_socket_get_fd(s->socket), EV_IO_READ, on_readable,
				  s);
	if (s->io && ask(s, NFT_MSG_GETCHAIN, NULL))
		return s;
	nft_survey_free(s);
	return NULL;
}

const struct filter *nft_survey_result(const struct nft_survey *s)
{
	return s->ended && !s->failed ? &s->filter : NULL;
}

void nft_survey_free(struct nft_survey *s)
{
	if (!s)
		return;
	ev_io_free(s->io);
	if (s->socket)
		mnl_socket_close(s->socket);
	filter_done(&s->filter);
	free(s);
}
