/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_read_test.c - files from disk, pipes and includes, and every message that broken ones
 * give: tests/vectors/config/bad/NAME.conf gives NAME.expect, warnings behind "warning: ". */
#include "daemon/config_read.h"
#include "t.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void append(void *arg, const char *text)
{
	fputs(text, arg);
}

static char *messages(const struct config_errors *errors)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	config_errors_print(errors, f);
	for (size_t i = 0; i < errors->n_warnings; i++) {
		fputs("warning: ", f);
		config_error_put(&errors->warnings[i], append, f);
	}
	fclose(f);
	return text;
}

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 16);

	if (!f)
		fail_msg("%s cannot be opened", path);
	assert_true(fread(text, 1, (1 << 16) - 1, f) > 0);
	fclose(f);
	return text;
}

/* NAME.expect holds the messages; no such file: optional ones. */
static void compare(const char *path, const struct config_errors *errors, bool optional)
{
	char expect_path[256], *is, *should;

	snprintf(expect_path, sizeof expect_path, "%.*s.expect", (int)strlen(path) - 5, path);
	if (optional && access(expect_path, F_OK) < 0)
		return;
	is = messages(errors);
	should = file_text(expect_path);
	if (strcmp(is, should) != 0)
		fail_msg("%s gives\n%sinstead of\n%s", path, is, should);
	free(is);
	free(should);
}

static void replay(const char *path)
{
	struct config_errors errors;
	struct config *c = config_load(path, &errors);

	compare(path, &errors, false);
	assert_null(c);
	assert_true(errors.n > 0);
	config_errors_free(&errors);
}

static void test_broken_files(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob("tests/vectors/config/bad/*.conf", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 60);
	for (size_t i = 0; i < found.gl_pathc; i++)
		replay(found.gl_pathv[i]);
	globfree(&found);
}

static void test_good_files(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob("tests/vectors/config/good/*.conf", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 20);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct config_errors errors;
		struct config *c = config_load(found.gl_pathv[i], &errors);

		if (!c)
			config_errors_print(&errors, stderr);
		assert_non_null(c);
		compare(found.gl_pathv[i], &errors, true);
		config_free(c);
		config_errors_free(&errors);
	}
	globfree(&found);
}

static void assert_refused(const char *path, const char *message)
{
	struct config_errors errors;

	assert_null(config_load(path, &errors));
	assert_int_equal(errors.n, 1);
	assert_string_equal(errors.v[0].file, path);
	assert_int_equal(errors.v[0].line, 0);
	assert_string_equal(errors.v[0].text, message);
	config_errors_free(&errors);
}

static void test_unreadable(void **state)
{
	(void)state;
	assert_refused("/nonexistent/v6gwd.conf", "cannot be read: No such file or directory");
	assert_refused("/etc", "cannot be read: Is a directory");
	assert_refused("/etc/passwd/x", "cannot be read: Not a directory");
	assert_refused("/dev/zero", "cannot be read: File too large");
}

/* A pipe is read once, to its end, in whatever pieces it comes. */
static void test_pipe(void **state)
{
	static const char text[] = "interface = \"br0\";\nnat64 = { mtu = 1400; };\n";
	struct config_errors errors;
	struct config *c;
	char path[64];
	int fds[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		for (const char *p = text; *p; p++)
			if (write(fds[1], p, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(fds[1]);
	snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
	c = config_load(path, &errors);
	assert_non_null(c);
	assert_string_equal(c->interfaces.v[0], "br0");
	assert_int_equal(c->nat64.mtu, 1400);
	config_free(c);
	config_errors_free(&errors);
	close(fds[0]);
}

static void test_include_places(void **state)
{
	struct config_errors errors;
	struct config *c = config_load("tests/vectors/config/good/include.conf", &errors);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->interfaces.v[0], "br0");
	assert_true(c->nat64.log_mappings);
	assert_int_equal(c->nat64.mtu, 1400);
	config_free(c);
	config_errors_free(&errors);
	assert_null(config_load("tests/vectors/config/bad/include-errors.conf", &errors));
	assert_int_equal(errors.n, 4);
	assert_string_equal(errors.v[0].file, "tests/vectors/config/bad/included/nat64.conf");
	assert_int_equal(errors.v[0].line, 2);
	assert_string_equal(errors.v[0].key, "nat64.enabled");
	assert_string_equal(errors.v[0].source, "enabled = \"true\";");
	assert_int_equal(errors.v[3].line, 6);
	config_errors_free(&errors);
	config_errors_free(&errors);
}

/* Any text: an answer, never a crash.  Cuts every broken and good file at each byte. */
static void test_cut_files(void **state)
{
	glob_t found;
	char path[] = "/tmp/config_read_test-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(glob("tests/vectors/config/good/*.conf", 0, NULL, &found), 0);
	assert_int_equal(glob("conf/examples/*.conf", GLOB_APPEND, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char text[8192];
		FILE *f = fopen(found.gl_pathv[i], "r");
		size_t len = fread(text, 1, sizeof text, f);

		fclose(f);
		for (size_t n = 0; n < len; n += 1 + len / 200) {
			struct config_errors errors;
			struct config *c;

			assert_int_equal(ftruncate(fd, 0), 0);
			assert_int_equal(pwrite(fd, text, n, 0), n);
			c = config_load(path, &errors);
			assert_true(c ? errors.n == 0 : errors.n > 0);
			config_free(c);
			config_errors_free(&errors);
		}
	}
	globfree(&found);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_files),   cmocka_unit_test(test_good_files),
		cmocka_unit_test(test_unreadable),     cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_include_places), cmocka_unit_test(test_cut_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
