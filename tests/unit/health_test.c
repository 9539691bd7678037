/* SPDX-License-Identifier: GPL-3.0-or-later */
/* health_test.c - planes that fail and come back, and when that is announced (E09). */
#include "config/health.h"
#include "t.h"

/* Each step: at this time, with something to do or not, serving or not. */
struct step {
	uint64_t at_ms;
	bool has_to, serves, announced;
};

static void run(const struct step *steps, size_t n)
{
	struct health h = { 0 };

	for (size_t i = 0; i < n; i++)
		if (health_judge(&h, steps[i].has_to, steps[i].serves, 1000 + steps[i].at_ms) !=
		    steps[i].announced)
			fail_msg("step %zu", i);
}

static void the_first_time_does_not_wait(void **state)
{
	static const struct step at_once[] = { { 0, true, true, true } };
	static const struct step late[] = {
		{ 0, true, false, false },
		{ 50000, true, false, false },
		{ 60000, true, true, true },
	};

	(void)state;
	run(at_once, N_OF(at_once));
	run(late, N_OF(late));
}

static void it_has_to_prove_itself(void **state)
{
	static const struct step steps[] = {
		{ 0, true, true, true },
		{ 1, true, false, false },
		{ 100, true, true, false },
		{ 10099, true, true, false },
		{ 10100, true, true, true },
		{ 10101, true, true, true },
		/* and anew when it fails meanwhile */
		{ 20000, true, false, false },
		{ 21000, true, true, false },
		{ 30000, true, false, false },
		{ 30001, true, true, false },
		{ 31000, true, true, false },
		{ 40000, true, true, false },
		{ 40001, true, true, true },
	};

	(void)state;
	run(steps, N_OF(steps));
}

static void what_has_nothing_to_do_did_not_fail(void **state)
{
	static const struct step steps[] = {
		{ 0, true, true, true },      { 100, false, false, false },
		{ 200, true, true, true },    { 300, true, false, false },
		{ 400, false, false, false }, { 500, true, true, true },
	};

	(void)state;
	run(steps, N_OF(steps));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_time_does_not_wait),
		cmocka_unit_test(it_has_to_prove_itself),
		cmocka_unit_test(what_has_nothing_to_do_did_not_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
