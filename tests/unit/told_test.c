/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reasons that come and go, and how many lines that makes. */
#include "daemon/told.h"

#include "t.h"

#include <stdio.h>
#include <unistd.h>

static struct told told;

/* Lines that one update writes. */
static unsigned lines(const struct reasons *now, uint64_t now_ms, uint64_t *again)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	unsigned n = 0;

	assert_non_null(file);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	*again = told_update(&told, now, now_ms);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	for (int c; (c = fgetc(file)) != EOF;)
		n += c == '\n';
	fclose(file);
	return n;
}

static void once_a_minute(void **state)
{
	struct reasons none = { .n = 0 }, one = { .n = 0 };
	unsigned n = 0;
	uint64_t again;

	(void)state;
	reasons_add(&one, EVENT_NO_FORWARDER, "no forwarder answers");
	assert_int_equal(lines(&one, 1000, &again), 1);
	assert_int_equal(lines(&one, 2000, &again), 0);
	assert_true(again == UINT64_MAX);
	assert_int_equal(lines(&none, 3000, &again), 1);
	for (uint64_t ms = 4000; ms < 61000; ms += 1000)
		n += lines(ms / 1000 % 2 ? &none : &one, ms, &again);
	assert_int_equal(n, 0);
	assert_int_equal(lines(&one, 60500, &again), 0);
	assert_true(again == 61000);
	assert_int_equal(lines(&one, again, &again), 1);
	assert_int_equal(lines(&none, 61500, &again), 1);
}

/* Many different ones, as who makes up addresses causes them: no more lines than there are
 * places, until a minute has passed. */
static void many(void **state)
{
	unsigned n = 0;
	uint64_t again;

	(void)state;
	told = (struct told){ .n = 0 };
	for (unsigned i = 0; i < 1000; i++) {
		struct reasons now = { .n = 0 };

		reasons_add(&now, EVENT_WAITING_LINK, "reason %u", i);
		reasons_add(&now, EVENT_WAITING_LINK, "reason %u", i + 10000);
		n += lines(&now, 100000 + i, &again);
		assert_true(i < TOLD_MAX / 2 ? again == UINT64_MAX : again == 160000);
		if (i == 999) {
			assert_int_equal(n, 2 * TOLD_MAX);
			assert_int_equal(lines(&now, 160001, &again), 2);
			assert_true(again == UINT64_MAX);
		}
	}
	assert_int_equal(told.n, TOLD_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_a_minute),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
