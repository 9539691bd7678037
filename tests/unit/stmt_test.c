/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "import/stmt.h"
#include "t.h"

#include <stdio.h>
#include <stdlib.h>

/* Faults as "LINE:why; " */
static void on_fault(void *arg, const struct stmt *st, const char *why)
{
	fprintf(arg, "%u:%s; ", st->line, why);
}

/* Statements as words in [ ], each behind its line, blocks in { }. */
static void print(FILE *f, const struct stmt_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct stmt *st = list->v[i];

		fprintf(f, "%u[", st->line);
		for (size_t j = 0; j < st->n_words; j++)
			fprintf(f, "%s%s", j ? "|" : "", st->words[j]);
		fprintf(f, "]");
		if (st->has_block) {
			fprintf(f, "{");
			print(f, &st->block);
			fprintf(f, "}");
		}
	}
}

static const struct stmt_text included = { .name = "other",
					   .text = "c d;\ninclude x;\n",
					   .len = 16 };

/* 6 ways to go on: 6^8 files, were all of them read */
static const struct stmt_text bomb = { .name = "bomb",
				       .text = "include bomb;include bomb;include bomb;"
					       "include bomb;include bomb;include bomb;d;",
				       .len = 80 };

static const struct stmt_text *include(void *arg, const struct stmt_text *from,
				       const char *pattern, const char *directory, size_t *n)
{
	(void)arg;
	(void)from;
	*n = 1;
	if (strcmp(pattern, "bomb") == 0)
		return &bomb;
	*n = strcmp(pattern, "x") == 0 && (!directory || strcmp(directory, "/d") == 0);
	return &included;
}

static char *read_text(enum stmt_style style, const char *text, size_t len)
{
	char *out = NULL;
	size_t out_len;
	FILE *f = open_memstream(&out, &out_len);
	const struct stmt_text source = { .name = "file", .text = text, .len = len };
	struct stmt_reader r = {
		.memory = memory_new(), .include = include, .fault = on_fault, .fault_arg = f
	};
	struct stmt_list list = stmt_read(&r, style, &source);

	assert_false(r.no_memory);
	print(f, &list);
	fclose(f);
	memory_free(r.memory);
	return out;
}

struct row {
	enum stmt_style style;
	const char *text, *expect;
};

static void check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *is = read_text(rows[i].style, rows[i].text, strlen(rows[i].text));

		if (strcmp(is, rows[i].expect) != 0)
			fail_msg("%s\ngives   %s\nand not %s", rows[i].text, is,
				 rows[i].expect);
		free(is);
	}
}

static void test_lines(void **state)
{
	static const struct row rows[] = {
		{ STMT_TAYGA, "", "" },
		{ STMT_TAYGA, "# all\n\na b # c\r\n\td\n", "3[a|b]4[d]" },
		{ STMT_TAYGA, "a#b \"c d\"", "1[a#b|\"c|d\"]" },
	};

	(void)state;
	check(rows, N_OF(rows));
}

static void test_braces(void **state)
{
	static const struct row rows[] = {
		{ STMT_NAMED, "a b { c; d { e; }; };f;", "1[a|b]{1[c]1[d]{1[e]}}1[f]" },
		{ STMT_NAMED, "// x\n# y\n/* z\n;*/ a; b/c;", "4[a]4[b/c]" },
		{ STMT_NAMED, "a \"b; }\\\" c\" { };", "1[a|b; }\" c]{}" },
		{ STMT_NAMED, "! { a; }; !b; ! c;", "1[!]{1[a]}1[!b]1[!|c]" },
		{ STMT_NAMED, "inet * allow { a; } keys { b; };",
		  "1[inet|*|allow|keys]{1[a]1[b]}" },
		{ STMT_RADVD, "a#b\n{ c d; };", "1[a]{2[c|d]}" },
		{ STMT_RADVD, "a\n{\nb;\n};\n", "1[a]{3[b]}" },
	};

	(void)state;
	check(rows, N_OF(rows));
}

static void test_faults(void **state)
{
	static const struct row rows[] = {
		{ STMT_RADVD, "a { b; }\nc { d; };",
		  "1:no semicolon behind it; what was read counts; 1[a]{1[b]}2[c]{2[d]}" },
		{ STMT_RADVD, "a { b; };\n}; c;",
		  "2:nothing is open that it could close; 1[a]{1[b]}2[c]" },
		{ STMT_NAMED, "a { b {\nc;",
		  "1:no brace closes it; what was read counts; 1:no brace closes it; what was "
		  "read "
		  "counts; 1[a]{1[b]{2[c]}}" },
		{ STMT_NAMED, "a \"b;\nc;", "1:a text without its closing quote; " },
		{ STMT_NAMED, "a; /* b", "1:a comment that does not end; 1[a]" },
	};

	(void)state;
	check(rows, N_OF(rows));
}

static void test_keys(void **state)
{
	static const struct row rows[] = {
		{ STMT_UNBOUND, "server:\n a: b # c\n d: \"e f\"\n",
		  "1[server]{2[a|b]3[d|e f]}" },
		{ STMT_UNBOUND, "server: a: b c: 'd' interface:::1",
		  "1[server]{1[a|b]1[c|d|interface:::1]}" },
		{ STMT_UNBOUND, "server:\ninterface:::1\n", "1[server]{2[interface|::1]}" },
		{ STMT_UNBOUND, "server:\nforward-zone:\nname: .\nforward-zone: name: b\n",
		  "1[server]{}2[forward-zone]{3[name|.]}4[forward-zone]{4[name|b]}" },
		{ STMT_UNBOUND, "server:\naccess-control: 2001:db8::/32 allow\na: fd00:: b: c",
		  "1[server]{2[access-control|2001:db8::/32|allow]3[a|fd00::]3[b|c]}" },
		{ STMT_UNBOUND, "a: 1.2.3.4@853#name", "1[a|1.2.3.4@853#name]" },
	};

	(void)state;
	check(rows, N_OF(rows));
}

static void test_includes(void **state)
{
	static const struct row rows[] = {
		{ STMT_NAMED, "a;\ninclude y;\nb;", "2:no such file; 1[a]3[b]" },
		{ STMT_NAMED, "options { directory \"/e\"; };\ninclude x;",
		  "2:no such file; 1[options]{1[directory|/e]}" },
		{ STMT_RADVD, "include { x; };", "1[include]{1[x]}" },
	};
	char *deep;

	(void)state;
	check(rows, N_OF(rows));
	deep = read_text(STMT_NAMED, "include x;", 10);
	assert_string_equal(deep,
			    "2:files include each other too deeply; 1[c|d]1[c|d]1[c|d]1[c|d]"
			    "1[c|d]1[c|d]1[c|d]1[c|d]");
	free(deep);
}

/* Nothing is read without end, and what is too much is told. */
/* A bomb is read up to a bound, which is told once; what stands behind it still counts. */
static void test_too_many_files(void **state)
{
	char *is = read_text(STMT_NAMED, bomb.text, bomb.len), *at = is;
	const char *why = "1:more files than are read";
	size_t n = 0;

	(void)state;
	at = strstr(is, why);
	assert_non_null(at);
	assert_null(strstr(at + 1, why));
	for (at = is; (at = strstr(at, "1[d]")); at++)
		n++;
	assert_int_equal(n, STMT_FILES + 1);
	free(is);
}

static void test_bounds(void **state)
{
	size_t len = 4 * (STMT_MAX + 2);
	char *text = malloc(len), *is;

	(void)state;
	for (size_t i = 0; i < len; i += 4)
		memcpy(text + i, "a;b;", 4);
	is = read_text(STMT_NAMED, text, len);
	assert_non_null(strstr(is, "1:more statements than are read"));
	free(is);
	for (size_t i = 0; i < len; i += 2)
		memcpy(text + i, "a{", 2);
	is = read_text(STMT_RADVD, text, len);
	assert_non_null(strstr(is, "1:blocks in each other too deeply"));
	free(is);
	memset(text, 'a', len);
	is = read_text(STMT_TAYGA, text, len);
	assert_string_equal(is, "1:a word that is too long; ");
	free(is);
	for (size_t i = 0; i < len; i += 2)
		memcpy(text + i, "a ", 2);
	is = read_text(STMT_TAYGA, text, len);
	assert_string_equal(is, "1:too many words; ");
	free(is);
	is = read_text(STMT_TAYGA, "a\0b \1\n", 6);
	assert_string_equal(is, "1[a|b|\1]");
	free(is);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),    cmocka_unit_test(test_braces),
		cmocka_unit_test(test_faults),   cmocka_unit_test(test_keys),
		cmocka_unit_test(test_includes), cmocka_unit_test(test_too_many_files),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
