/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query_test.c - the DNS64 engine against a scripted upstream and a virtual clock.
 *
 * Runs the scenarios of tests/vectors/dns/<name>.scn; README there describes the language. What
 * scenarios cannot say (raw octets, thousands of questions, memory) are tests of their own in
 * query_raw_test.c.
 */
#include "dns_scenario.h"

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
	assert_true(scenario_run_file(*state));
}

int main(void)
{
	static struct CMUnitTest tests[FILES];
	static char paths[FILES][512];
	DIR *dir = opendir(DIR_NAME);
	struct dirent *e;
	size_t n = 0;

	if (!dir) {
		perror(DIR_NAME);
		return 1;
	}
	while ((e = readdir(dir)) && n < FILES) {
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
	return _cmocka_run_group_tests("scenarios", tests, n, NULL, NULL);
}
