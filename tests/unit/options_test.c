/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options_test.c - every row of the option table, through the code that reads it.  No files. */
#include "config/build.h"
#include "config/check.h"
#include "config/dump.h"
#include "config/options.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 8

/* A row with the groups it is in. */
struct place {
	const struct option *way[DEPTH]; /* groups, then the row itself */
	size_t n;
	char key[200];
};

static void each_row(const struct option_group *g, struct place *p,
		     void (*visit)(const struct place *))
{
	for (size_t i = 0; i < g->n; i++) {
		const struct option *o = &g->options[i];
		size_t len = strlen(p->key);

		assert_true(p->n < DEPTH);
		p->way[p->n++] = o;
		snprintf(p->key + len, sizeof p->key - len, "%s%s%s", len ? "." : "", o->name,
			 o->type == OPTION_GROUPS ? "[0]" : "");
		visit(p);
		if (o->group)
			each_row(o->group, p, visit);
		p->n--;
		p->key[len] = '\0';
	}
}

static void for_all(void (*visit)(const struct place *))
{
	struct place p = { .n = 0 };

	each_row(&options_root, &p, visit);
}

/* Reads a file that says nothing but this one value; the error for its key into text, or "".
 * Other keys that are missing then do not count. */
static struct config *read_one(const struct place *p, const struct value *v, char text[512])
{
	struct option_reader r = { .scratch = memory_new() };
	struct value nodes[2 * DEPTH], *inner = nodes, root = { .type = VALUE_GROUP };
	struct value *group = &root;
	size_t len = strlen(p->key) - (p->key[strlen(p->key) - 1] == ']' ? 3 : 0);
	struct config *c;

	*text = '\0';
	memset(nodes, 0, sizeof nodes);
	for (size_t i = 0; i < p->n; i++) {
		const struct option *o = p->way[i];
		bool last = i + 1 == p->n;

		group->v = inner++;
		group->n = 1;
		*group->v = last ? *v : (struct value){ .type = VALUE_GROUP };
		group->v->name = o->name;
		group = group->v;
		if (!last && o->type == OPTION_GROUPS) {
			group->type = VALUE_LIST;
			group->v = inner++;
			group->n = 1;
			group = group->v;
			group->type = VALUE_GROUP;
		}
	}
	c = config_build(&root, &r);
	assert_non_null(c);
	for (size_t i = 0; i < r.n_errors; i++)
		if (strncmp(r.errors[i].key, p->key, len) == 0 && !r.errors[i].warning)
			snprintf(text, 512, "%s (%s)", r.errors[i].text, r.errors[i].hint);
	memory_free(r.scratch);
	return c;
}

static void expect(const struct place *p, const struct value *v, const char *what)
{
	char text[512];

	config_free(read_one(p, v, text));
	if (what ? !*text || !strstr(text, what) : *text != '\0')
		fail_msg("%s: expected %s, got \"%s\"", p->key, what ? what : "no error", text);
}

static const struct option *row(const struct place *p)
{
	return p->way[p->n - 1];
}

static void complete(const struct place *p)
{
	const struct option *o = row(p);
	char last = o->text[strlen(o->text) - 1];
	bool group = o->type == OPTION_GROUP || o->type == OPTION_GROUPS;
	bool required = o->flags & OPTION_REQUIRED;

	if (group != (o->group != NULL) || (last != '.' && last != '"') ||
	    (o->type == OPTION_WORD) != (o->words != NULL) || o->min > o->max)
		fail_msg("%s: row is not complete", p->key);
	if (!group && (o->preset != NULL) == required)
		fail_msg("%s: either a default or required", p->key);
	if (required && !o->example)
		fail_msg("%s: required, but no example", p->key);
}

static void test_rows_complete(void **state)
{
	(void)state;
	for_all(complete);
}

static void unique(const struct place *p)
{
	const struct option_group *g = p->n > 1 ? p->way[p->n - 2]->group : &options_root;

	assert_ptr_equal(option_find(g, row(p)->name), row(p));
}

static void test_names_unique(void **state)
{
	(void)state;
	for_all(unique);
	assert_null(option_find(&options_root, "nothing"));
}

static void preset(const struct place *p)
{
	struct memory *m = memory_new();
	struct value v;

	if (row(p)->preset) {
		assert_true(option_preset(m, row(p)->preset, &v));
		expect(p, &v, NULL);
	}
	memory_free(m);
}

static void test_defaults_are_valid(void **state)
{
	(void)state;
	for_all(preset);
}

static void example(const struct place *p)
{
	struct memory *m = memory_new();
	struct value v;

	if (row(p)->example) {
		assert_true(option_preset(m, row(p)->example, &v));
		expect(p, &v, NULL);
	}
	memory_free(m);
}

static void test_examples_are_valid(void **state)
{
	(void)state;
	for_all(example);
}

/* The value one step beside a bound that is still written in the row's units. */
static struct value amount(const struct option *o, int64_t n, char text[64])
{
	if (o->type == OPTION_NUMBER || o->type == OPTION_PORT)
		return (struct value){ .type = VALUE_NUMBER, .number = n };
	if (n < 0)
		return (struct value){ .type = VALUE_NUMBER, .number = -1 };
	snprintf(text, 64, o->type == OPTION_DURATION ? "%lldms" : "%lld", (long long)n);
	return (struct value){ .type = VALUE_TEXT, .text = text };
}

static void bounds(const struct place *p)
{
	const struct option *o = row(p);
	int64_t step = o->flags & OPTION_SECONDS ? 1000 : 1;
	struct value v;
	char text[64];

	if (o->type > OPTION_SIZE || o->type == OPTION_BOOL)
		return;
	v = amount(o, o->min - step, text);
	expect(p, &v, o->min ? "out of range" : "negative");
	v = amount(o, o->min, text);
	expect(p, &v, NULL);
	v = amount(o, o->max, text);
	expect(p, &v, NULL);
	v = amount(o, o->max + step, text);
	expect(p, &v, "out of range");
	if (o->flags & OPTION_SECONDS) {
		v = amount(o, o->min + 1, text);
		expect(p, &v, "whole seconds");
	}
}

static void test_bounds(void **state)
{
	(void)state;
	for_all(bounds);
}

static bool takes(const struct option *o, enum value_type type)
{
	switch (type) {
	case VALUE_TEXT:
		return false; /* judged by what it says */
	case VALUE_NUMBER:
		return o->type >= OPTION_NUMBER && o->type <= OPTION_SIZE;
	case VALUE_FRACTION:
		return false;
	case VALUE_BOOL:
		return o->type == OPTION_BOOL;
	case VALUE_LIST:
		return o->type == OPTION_INTERFACES || o->type == OPTION_NAMES ||
		       o->type == OPTION_ANCHORS || o->type == OPTION_GROUPS ||
		       (o->type >= OPTION_POOLS && o->type <= OPTION_RESOLVERS);
	case VALUE_GROUP:
		return o->type == OPTION_GROUP || o->type == OPTION_GROUPS;
	}
	return false;
}

static void wrong_types(const struct place *p)
{
	static const struct value nonsense = { .type = VALUE_TEXT,
					       .text = "no such thing at all" };

	for (enum value_type t = VALUE_NUMBER; t <= VALUE_GROUP; t++) {
		struct value v = { .type = t };

		if (!takes(row(p), t))
			expect(p, &v, "must be");
	}
	if (row(p)->type != OPTION_PATH && row(p)->type != OPTION_GROUPS)
		expect(p, &nonsense, "");
}

static void test_wrong_types(void **state)
{
	(void)state;
	for_all(wrong_types);
}

static void append(void *arg, const char *text)
{
	char *out = arg;

	strncat(out, text, 8191 - strlen(out));
}

static void words(const struct place *p)
{
	const struct option *o = row(p);

	for (size_t i = 0; o->words && o->words[i]; i++) {
		struct value v = { .type = VALUE_TEXT, .text = o->words[i] };
		char text[512], line[128], *dump = calloc(1, 8192);
		struct config *c = read_one(p, &v, text);

		assert_non_null(dump);
		config_dump(c, NULL, 0, append, dump);
		snprintf(line, sizeof line, "\t%s = \"%s\";", o->name, o->words[i]);
		if (*text || !strstr(dump, line + (p->n == 1)))
			fail_msg("%s: \"%s\" is not read and written (%s)", p->key, o->words[i],
				 text);
		config_free(c);
		free(dump);
	}
}

static void test_words(void **state)
{
	(void)state;
	for_all(words);
}

static void infinite(const struct place *p)
{
	static const struct value v = { .type = VALUE_TEXT, .text = "infinite" };

	if (row(p)->type == OPTION_DURATION)
		expect(p, &v, row(p)->flags & OPTION_INFINITE ? NULL : "infinite");
}

static void test_infinite(void **state)
{
	(void)state;
	for_all(infinite);
}

static void test_suggestions(void **state)
{
	static const struct {
		const char *name, *hint;
	} cases[] = {
		{ "interfaec", "did you mean `interface`?" },
		{ "Interface", "did you mean `interface`?" },
		{ "log-level", "did you mean `log_level`?" },
		{ "nat46", "did you mean `nat64`?" },
		{ "dynamic_pool", "did you mean `nat64.dynamic_pool`?" },
		{ "MaxRtrAdvInterval", "did you mean `ra.max_interval`?" },
		{ "allow-query", "did you mean `dns64.allow_query`?" },
		{ "ipv4-addr", "did you mean `nat64.ipv4_address`?" },
		{ "qqqqqqqqqqqqq", "" },
		{ "a-name-that-is-longer-than-any-name-which-there-is-or-ever-will-be", "" },
	};
	char out[160];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		option_suggest(&options_root, cases[i].name, out, sizeof out);
		assert_string_equal(out, cases[i].hint);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "2h4m", 7440000 }, { "90s", 90000 },       { "500ms", 500 },
		{ "1w", 604800000 }, { "1w 2d", 777600000 }, { "1d1d", 172800000 },
		{ "0s", 0 },         { "1H", 3600000 },
	};
	struct place p = { .n = 2, .key = "nat64.lease_keep" };

	(void)state;
	p.way[0] = option_find(&options_root, "nat64");
	p.way[1] = option_find(p.way[0]->group, "lease_keep");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct value v = { .type = VALUE_TEXT, .text = cases[i].text };
		char text[512], back[OPTION_DURATION_LEN];
		struct config *c = read_one(&p, &v, text);

		assert_string_equal(text, "");
		assert_int_equal(c->nat64.lease_keep_ms, cases[i].ms);
		v.text = option_duration(cases[i].ms, back);
		config_free(c);
		c = read_one(&p, &v, text);
		assert_int_equal(c->nat64.lease_keep_ms, cases[i].ms);
		config_free(c);
	}
}

/* What a file with dns64.dnssec = "validate" is told. */
static size_t errors_of_validate(bool validates, char text[512])
{
	struct value word = { .type = VALUE_TEXT, .name = "dnssec", .text = "validate" };
	struct value group = { .type = VALUE_GROUP, .name = "dns64", .v = &word, .n = 1 };
	struct value root = { .type = VALUE_GROUP, .v = &group, .n = 1 };
	struct option_reader r = { .scratch = memory_new() };
	struct config *c = config_build(&root, &r);
	size_t n;

	assert_non_null(c);
	config_check(c, (struct check_build){ validates }, &r);
	n = r.n_errors;
	snprintf(text, 512, "%s", n ? r.errors[0].text : "");
	config_free(c);
	memory_free(r.scratch);
	return n;
}

/* Never a silent downgrade. */
static void test_validation_not_built_in(void **state)
{
	char text[512];

	(void)state;
	assert_int_equal(errors_of_validate(true, text), 0);
	assert_int_equal(errors_of_validate(false, text), 1);
	assert_non_null(strstr(text, "built without validation"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_complete),
		cmocka_unit_test(test_names_unique),
		cmocka_unit_test(test_defaults_are_valid),
		cmocka_unit_test(test_examples_are_valid),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_infinite),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_validation_not_built_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
