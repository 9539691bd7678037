/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query_test.c - the DNS64 engine against a scripted upstream and a virtual clock.
 *
 * Runs the scenarios of tests/vectors/dns/<name>.scn; README there describes the language. What
 * scenarios cannot say (raw octets, thousands of questions, memory) are tests of their own in
 * query_raw_test.c.
 */
#include "dns_scenario.h"

#include "dns/trace.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIR_NAME "tests/vectors/dns"
#define FILES    32

static void runs(void **state)
{
	assert_true(scenario_run_file(*state, false));
}

/* Who looks on changes nothing. */
static void runs_traced(void **state)
{
	assert_true(scenario_run_file(*state, true));
}

/* A reason that nothing leads to is none. */
static void every_reason_is_reached(void **state)
{
	static const char *const ids[] = {
#define X(id, name, rfc, text) name,
		DNS_WHYS(X)
#undef X
	};
	bool all = true;

	(void)state;
	for (unsigned why = 0; why < DNS_WHY_COUNT; why++) {
		if (scenario_reached(why))
			continue;
		print_error("%s is reached by no scenario\n", ids[why]);
		all = false;
	}
	assert_true(all);
}

int main(void)
{
	static struct CMUnitTest tests[2 * FILES + 1];
	static char paths[FILES][512], traced[FILES][512];
	DIR *dir = opendir(DIR_NAME);
	struct dirent *e;
	size_t n = 0;

	if (!dir) {
		perror(DIR_NAME);
		return 1;
	}
	while ((e = readdir(dir)) && n < sizeof paths / sizeof *paths) {
		const char *dot = strrchr(e->d_name, '.');

		if (!dot || strcmp(dot, ".scn") != 0)
			continue;
		snprintf(paths[n], sizeof paths[n], DIR_NAME "/%s", e->d_name);
		tests[n] = (struct CMUnitTest){ .name = paths[n],
						.test_func = runs,
						.initial_state = paths[n] };
		n++;
	}
	closedir(dir);
	if (!n)
		return 1;
	for (size_t i = 0; i < n; i++) {
		snprintf(traced[i], sizeof traced[i], "%.480s, traced", paths[i]);
		tests[n + i] = (struct CMUnitTest){ .name = traced[i],
						    .test_func = runs_traced,
						    .initial_state = paths[i] };
	}
	n *= 2;
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_reason_is_reached);
	return _cmocka_run_group_tests("scenarios", tests, n, NULL, NULL);
}
