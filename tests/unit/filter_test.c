/* SPDX-License-Identifier: GPL-3.0-or-later */
/* filter_test.c - rules as nftables has them, and what becomes of a packet. */
#include "t.h"

#include "doctor/filter.h"

#include <stdio.h>
#include <string.h>

enum { OURS = 1, NAT = 2 };

/* A chain in a few letters: rules parted by blanks, each of conditions and a verdict.
 *   i X, o X   comes or leaves by the link "X0"      e   established      p   TCP to port 443
 *   ?          a condition that is not understood
 *   s, S       comes by a link of the set, or of none of it     m   what the map has for its
 * link A D R *    accept, drop, return, any verdict     J n, G n   jump, goto chain n */
struct chain {
	const char *rules;
	bool base, drops;
	unsigned special;
};

static void put_compare(struct filter *f, struct filter_expr load, const void *data,
			uint8_t len)
{
	struct filter_expr compare = {
		.op = FILTER_COMPARE, .compare = FILTER_EQ, .reg = 1, .len = len
	};

	load.op = FILTER_LOAD;
	load.reg = 1;
	memcpy(compare.data, data, len);
	assert_true(filter_add_expr(f, &load) && filter_add_expr(f, &compare));
}

static void put_state(struct filter *f)
{
	const struct filter_expr load = { .op = FILTER_LOAD, .field = FILTER_STATE, .reg = 1 };
	const struct filter_expr mask = {
		.op = FILTER_MASK, .reg = 1, .to = 1, .data = { FILTER_KNOWN }
	};
	const struct filter_expr some = {
		.op = FILTER_COMPARE, .compare = FILTER_NE, .reg = 1, .len = 4
	};

	assert_true(filter_add_expr(f, &load) && filter_add_expr(f, &mask) &&
		    filter_add_expr(f, &some));
}

static void put_link(struct filter *f)
{
	assert_true(filter_add_expr(f, &(struct filter_expr){ .op = FILTER_LOAD,
							      .field = FILTER_IIF_NAME,
							      .reg = 1 }));
}

/* { "a0", "b0" } and { "a0": accept, "b0": drop } */
static void put_sets(struct filter *f, bool known)
{
	static const char names[2][FILTER_DATA] = { "a0", "b0" };

	for (uint32_t set = 0; set < 2; set++) {
		assert_int_equal(filter_find_set(f, FILTER_INET, "fw", set ? "map" : "set"),
				 set);
		f->sets[set].known = known;
		for (size_t i = 0; i < 2; i++) {
			struct filter_expr e = { .op = i ? FILTER_DROP_IT : FILTER_ACCEPT_IT,
						 .len = FILTER_DATA };

			memcpy(e.data, names[i], FILTER_DATA);
			assert_true(filter_add_elem(&f->sets[set], &e));
		}
	}
	assert_int_equal(filter_find_set(f, FILTER_INET, "fw", "map"), 1);
}

static void put_lookup(struct filter *f, enum filter_op op, bool inverted, uint32_t set)
{
	put_link(f);
	assert_true(filter_add_expr(
		f, &(struct filter_expr){ .op = op,
					  .compare = inverted ? FILTER_NE : FILTER_EQ,
					  .reg = 1,
					  .chain = set }));
}

static void put_op(struct filter *f, enum filter_op op, uint32_t chain)
{
	assert_true(filter_add_expr(f, &(struct filter_expr){ .op = op, .chain = chain }));
}

/* One letter, and what belongs to it; returns behind it. */
static const char *put_letter(struct filter *f, const char *p)
{
	char name[FILTER_DATA] = "";
	const uint8_t port[2] = { 443 >> 8, 443 & 255 };

	switch (*p) {
	case 'i':
	case 'o':
		snprintf(name, sizeof name, "%c0", p[1]);
		put_compare(f,
			    (struct filter_expr){ .field = *p == 'i' ? FILTER_IIF_NAME
								     : FILTER_OIF_NAME },
			    name, sizeof name);
		return p + 2;
	case 'e':
		put_state(f);
		return p + 1;
	case 'p':
		put_compare(f,
			    (struct filter_expr){
				    .field = FILTER_TRANSPORT, .offset = 2, .len = 2 },
			    port, sizeof port);
		return p + 1;
	case 's':
	case 'S':
		put_lookup(f, FILTER_LOOKUP, *p == 'S', 0);
		return p + 1;
	case 'm':
		put_lookup(f, FILTER_MAP, false, 1);
		return p + 1;
	case 'J':
	case 'G':
		put_op(f, *p == 'J' ? FILTER_JUMP : FILTER_GOTO, (uint32_t)(p[1] - '0'));
		return p + 2;
	default:
		put_op(f,
		       *p == 'A'   ? FILTER_ACCEPT_IT
		       : *p == 'D' ? FILTER_DROP_IT
		       : *p == 'R' ? FILTER_RETURN
		       : *p == '*' ? FILTER_ANY
				   : FILTER_MAYBE,
		       0);
		return p + 1;
	}
}

static void put_chain(struct filter *f, const struct chain *row, unsigned number)
{
	struct filter_chain *c = filter_add_chain(f);
	bool open = false;

	assert_non_null(c);
	snprintf(c->table, sizeof c->table, "%s", row->special & OURS ? "v6gwd" : "fw");
	snprintf(c->name, sizeof c->name, "c%u", number);
	c->family = FILTER_INET;
	c->base = row->base;
	c->hook = FILTER_FORWARD;
	c->filters = !(row->special & NAT);
	c->drops = row->drops;
	for (const char *p = row->rules; *p;) {
		if (*p == ' ') {
			assert_true(filter_end_rule(f));
			open = false;
			p++;
			continue;
		}
		if (!open)
			assert_true(filter_begin_rule(f, c));
		open = true;
		p = put_letter(f, p);
	}
	if (open)
		assert_true(filter_end_rule(f));
}

static struct filter_packet packet(bool v4, const char *in, const char *out)
{
	struct in6_addr src, dst;
	struct filter_packet p;

	assert_true(addr_parse(v4 ? "192.168.255.2" : "2001:db8::1", &src));
	assert_true(addr_parse(v4 ? "8.8.8.8" : "64:ff9b::808:808", &dst));
	p = filter_packet_of(&src, &dst, 6, 443);
	snprintf(p.iif_name, sizeof p.iif_name, "%s", in);
	snprintf(p.oif_name, sizeof p.oif_name, "%s", out);
	return p;
}

/* What becomes of a new connection from b0 to n0. */
static void test_walk(void **state)
{
	static const struct {
		struct chain chains[3];
		enum filter_fate fate;
		int culprit; /* the chain, -1: none */
		bool by_policy;
	} rows[] = {
		{ { { "", true, false, 0 } }, FILTER_ACCEPTS, -1, false },
		{ { { "", true, true, 0 } }, FILTER_DROPS, 0, true },
		{ { { "eA", true, true, 0 } }, FILTER_DROPS, 0, true },
		{ { { "eA ibonA", true, true, 0 } }, FILTER_ACCEPTS, -1, false },
		{ { { "ibD ibA", true, true, 0 } }, FILTER_DROPS, 0, false },
		{ { { "inD", true, false, 0 } }, FILTER_ACCEPTS, -1, false },
		{ { { "pA", true, true, 0 } }, FILTER_ACCEPTS, -1, false },
		{ { { "?A", true, true, 0 } }, FILTER_UNSURE, 0, true },
		{ { { "?D", true, false, 0 } }, FILTER_UNSURE, 0, false },
		{ { { "ix?D", true, false, 0 } }, FILTER_ACCEPTS, -1, false },
		{ { { "?D A", true, false, 0 } }, FILTER_UNSURE, 0, false },
		{ { { "* D", true, false, 0 } }, FILTER_UNSURE, 0, false },
		/* every base chain has to accept */
		{ { { "A", true, false, 0 }, { "", true, true, 0 } }, FILTER_DROPS, 1, true },
		{ { { "?D", true, false, 0 }, { "", true, true, 0 } }, FILTER_DROPS, 1, true },
		/* those that are ours, or translate, do not count */
		{ { { "", true, true, OURS }, { "", true, true, NAT } },
		  FILTER_ACCEPTS,
		  -1,
		  false },
		/* jump comes back, goto does not, return leaves */
		{ { { "J1 A", true, true, 0 }, { "inD", false, false, 0 } },
		  FILTER_ACCEPTS,
		  -1,
		  false },
		{ { { "J1 A", true, true, 0 }, { "ibR D", false, false, 0 } },
		  FILTER_ACCEPTS,
		  -1,
		  false },
		{ { { "J1 A", true, true, 0 }, { "D", false, false, 0 } },
		  FILTER_DROPS,
		  1,
		  false },
		{ { { "G1 A", true, true, 0 }, { "inA", false, false, 0 } },
		  FILTER_DROPS,
		  0,
		  true },
		{ { { "?J1", true, true, 0 }, { "A", false, false, 0 } },
		  FILTER_UNSURE,
		  0,
		  true },
		{ { { "R A", true, true, 0 } }, FILTER_DROPS, 0, true },
		{ { { "J9 A", true, false, 0 } }, FILTER_UNSURE, -1, false },
		/* a circle, which the kernel would not take, ends */
		{ { { "J1", true, false, 0 }, { "J1 J1", false, false, 0 } },
		  FILTER_UNSURE,
		  -1,
		  false },
	};
	const struct filter_packet p = packet(false, "b0", "n0");

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct filter f = { .whole = true };
		struct filter_verdict v;

		for (unsigned c = 0; c < 3 && rows[i].chains[c].rules; c++)
			put_chain(&f, &rows[i].chains[c], c);
		v = filter_judge(&f, FILTER_FORWARD, &p);
		if (v.fate != rows[i].fate)
			fail_msg("row %zu: %d", i, v.fate);
		if (rows[i].culprit >= 0) {
			assert_ptr_equal(v.chain, &f.chains[rows[i].culprit]);
			assert_int_equal(v.by_policy, rows[i].by_policy);
		} else if (v.fate == FILTER_ACCEPTS) {
			assert_null(v.chain);
		}
		v = filter_judge(&f, FILTER_INPUT, &p);
		assert_int_equal(v.fate, FILTER_ACCEPTS);
		f.whole = false;
		assert_int_not_equal(filter_judge(&f, FILTER_FORWARD, &p).fate, FILTER_ACCEPTS);
		filter_done(&f);
	}
}

static void test_sets(void **state)
{
	static const struct {
		const char *in, *rules;
		enum filter_fate fate[2]; /* of sets that are known, and not */
	} rows[] = {
		{ "a0", "sA", { FILTER_ACCEPTS, FILTER_UNSURE } },
		{ "c0", "sA", { FILTER_DROPS, FILTER_UNSURE } },
		{ "a0", "SA", { FILTER_DROPS, FILTER_UNSURE } },
		{ "c0", "SA", { FILTER_ACCEPTS, FILTER_UNSURE } },
		{ "a0", "m", { FILTER_ACCEPTS, FILTER_UNSURE } },
		{ "b0", "m A", { FILTER_DROPS, FILTER_UNSURE } },
		{ "c0", "m A", { FILTER_ACCEPTS, FILTER_UNSURE } },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
		const struct chain row = { rows[i / 2].rules, true, true, 0 };
		struct filter_packet p = packet(false, rows[i / 2].in, "n0");
		struct filter f = { .whole = true };

		put_sets(&f, i % 2 == 0);
		put_chain(&f, &row, 0);
		if (filter_judge(&f, FILTER_FORWARD, &p).fate != rows[i / 2].fate[i % 2])
			fail_msg("row %zu", i);
		filter_done(&f);
	}
}

static void test_answers_and_families(void **state)
{
	struct filter f = { .whole = true };
	struct filter_packet p = packet(true, "n0", "e0");
	const struct chain row = { "eA", true, true, 0 };

	(void)state;
	put_chain(&f, &row, 0);
	assert_int_equal(filter_judge(&f, FILTER_FORWARD, &p).fate, FILTER_DROPS);
	p.state = FILTER_KNOWN;
	assert_int_equal(filter_judge(&f, FILTER_FORWARD, &p).fate, FILTER_ACCEPTS);
	p.state = FILTER_NEW;
	f.chains[0].family = FILTER_IPV6;
	assert_int_equal(filter_judge(&f, FILTER_FORWARD, &p).fate, FILTER_ACCEPTS);
	f.chains[0].family = FILTER_IPV4;
	assert_int_equal(filter_judge(&f, FILTER_FORWARD, &p).fate, FILTER_DROPS);
	assert_int_equal(filter_find(&f, FILTER_IPV4, "fw", "c0"), 0);
	assert_int_equal(filter_find(&f, FILTER_IPV4, "fw", "c1"), FILTER_NONE);
	assert_int_equal(p.network[0], 0x45);
	assert_int_equal(p.network[16], 8);
	filter_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_answers_and_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
