/* SPDX-License-Identifier: GPL-3.0-or-later */
/* synth_test.c - the decision of RFC 6147 5.1 over all pairs of outcomes.  Answers are tested
 * by the scenarios. */
#include "dns/synth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Rows: what AAAA said; columns: what A said, in the order of enum synth_outcome without BARE:
 * PENDING DATA EXCLUDED NODATA NXDOMAIN ERROR SILENT BOGUS BROKEN. */
static const enum synth_outcome columns[] = { SYNTH_PENDING, SYNTH_DATA,     SYNTH_EXCLUDED,
					      SYNTH_NODATA,  SYNTH_NXDOMAIN, SYNTH_ERROR,
					      SYNTH_SILENT,  SYNTH_BOGUS,    SYNTH_BROKEN };

#define W  SYNTH_WAIT
#define P6 SYNTH_PASS_AAAA
#define P4 SYNTH_PASS_A
#define M  SYNTH_MAKE
#define E  SYNTH_EMPTY
#define F6 SYNTH_FAIL_AAAA
#define F4 SYNTH_FAIL_A

static const struct {
	enum synth_outcome aaaa;
	enum synth_verdict verdict[9];
} table[] = {
	{ SYNTH_PENDING, { W, W, W, W, W, W, W, W, W } },
	{ SYNTH_BARE, { W, W, W, W, W, W, W, W, W } },
	{ SYNTH_DATA, { P6, P6, P6, P6, P6, P6, P6, P6, P6 } },
	{ SYNTH_NXDOMAIN, { P6, P6, P6, P6, P6, P6, P6, P6, P6 } },
	{ SYNTH_EXCLUDED, { W, M, P6, P4, P6, F4, F4, F4, F4 } },
	{ SYNTH_NODATA, { W, M, P6, P6, P4, F4, F4, F4, F4 } },
	{ SYNTH_ERROR, { W, M, E, P4, P4, F4, F4, F4, F4 } },
	{ SYNTH_SILENT, { W, M, E, P4, P4, F4, F4, F4, F4 } },
	{ SYNTH_BOGUS, { F6, F6, F6, F6, F6, F6, F6, F6, F6 } },
	{ SYNTH_BROKEN, { F6, F6, F6, F6, F6, F6, F6, F6, F6 } },
};

static enum synth_verdict decide(enum synth_outcome aaaa, enum synth_outcome a, uint16_t ede,
				 bool patience_over, enum dns_on_error on_error, bool *failed)
{
	struct synth_case k = { aaaa, a, ede, patience_over, on_error };

	return synth_decide(&k, failed);
}

static void all_pairs(void **state)
{
	bool failed;

	(void)state;
	for (size_t r = 0; r < sizeof table / sizeof *table; r++)
		for (size_t c = 0; c < 9; c++)
			if (decide(table[r].aaaa, columns[c], 0, false,
				   DNS_ON_ERROR_UNLESS_BOGUS, &failed) != table[r].verdict[c])
				fail_msg("AAAA %d, A %d", table[r].aaaa, columns[c]);
}

static void errors_as_configured(void **state)
{
	static const struct {
		uint16_t ede;
		enum dns_on_error on_error;
		enum synth_verdict verdict;
	} row[] = {
		{ 0, DNS_ON_ERROR_NO, F6 },
		{ 6, DNS_ON_ERROR_NO, F6 },
		{ 0, DNS_ON_ERROR_YES, M },
		{ 6, DNS_ON_ERROR_YES, M },
		{ 0, DNS_ON_ERROR_UNLESS_BOGUS, M },
		{ 5, DNS_ON_ERROR_UNLESS_BOGUS, M },
		{ 6, DNS_ON_ERROR_UNLESS_BOGUS, F6 },
		{ 9, DNS_ON_ERROR_UNLESS_BOGUS, F6 },
		{ 12, DNS_ON_ERROR_UNLESS_BOGUS, F6 },
		{ 13, DNS_ON_ERROR_UNLESS_BOGUS, M },
		{ 22, DNS_ON_ERROR_UNLESS_BOGUS, M },
	};
	bool failed;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		assert_int_equal(decide(SYNTH_ERROR, SYNTH_DATA, row[i].ede, false,
					row[i].on_error, &failed),
				 row[i].verdict);
		assert_true(failed);
	}
	/* Whatever is configured, what a validator calls bogus stays so. */
	assert_int_equal(decide(SYNTH_BOGUS, SYNTH_DATA, 0, true, DNS_ON_ERROR_YES, &failed),
			 F6);
}

static void patience(void **state)
{
	bool failed;

	(void)state;
	for (size_t c = 0; c < 9; c++)
		assert_int_equal(decide(SYNTH_PENDING, columns[c], 0, true,
					DNS_ON_ERROR_UNLESS_BOGUS, &failed),
				 columns[c] == SYNTH_DATA ? M : W);
	assert_int_equal(decide(SYNTH_PENDING, SYNTH_DATA, 0, true, DNS_ON_ERROR_NO, &failed),
			 W);
	assert_int_equal(decide(SYNTH_NODATA, SYNTH_DATA, 0, true, DNS_ON_ERROR_NO, &failed),
			 M);
	assert_false(failed);
}

/* A message is followed within bounds, whatever stands in it. */
static void chains_are_bounded(void **state)
{
	static uint8_t buf[DNS_MSG_MAX];
	struct dns_question q = { .type = TYPE_A, .class = CLASS_IN, .name_len = 5 };
	uint8_t owner[5] = "\1a\1x", target[5] = "\1a\1x";
	struct synth_chain c;
	struct msg_wr w;
	struct msg m;

	(void)state;
	memcpy(q.name, owner, 5);
	for (unsigned n = 1; n < 20; n++) {
		msg_begin(&w, buf, sizeof buf, 1, MSG_QR, &q);
		/* Last link first: each takes a round of its own. */
		for (unsigned i = n; i-- > 0;) {
			owner[1] = (uint8_t)('a' + i);
			target[1] = (uint8_t)('b' + i);
			msg_put_name(&w, MSG_ANSWER, owner, TYPE_CNAME, 60, target);
		}
		assert_int_equal(msg_parse(buf, msg_end(&w), &m), MSG_OK);
		synth_follow(&m, q.name, TYPE_A, &c);
		assert_int_equal(c.outcome, n <= SYNTH_CNAMES_MAX ? SYNTH_BARE : SYNTH_BROKEN);
		if (n <= SYNTH_CNAMES_MAX)
			assert_int_equal(c.end[1], 'a' + n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pairs),
		cmocka_unit_test(errors_as_configured),
		cmocka_unit_test(patience),
		cmocka_unit_test(chains_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
