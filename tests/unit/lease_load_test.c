/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"
#include "daemon/ev.h"
#include "daemon/io/lease_load.h"
#include "daemon/io/lease_save.h"
#include "t.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/lease_load_test-XXXXXX";
static int dir = -1;

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(path))
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -1 : 0;
}

static int empty_dir(void **state)
{
	(void)state;
	unlinkat(dir, LEASE_FILE, 0);
	unlinkat(dir, LEASE_FILE, AT_REMOVEDIR);
	unlinkat(dir, LEASE_FILE ".new", 0);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	close(dir);
	return rmdir(path);
}

static void put_file(const char *text, size_t len)
{
	int fd = openat(dir, LEASE_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static size_t read_back(char *out, size_t room)
{
	int fd = openat(dir, LEASE_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, out, room);

	close(fd);
	assert_true(n >= 0);
	return (size_t)n;
}

static struct lease lease(unsigned i)
{
	struct lease l = { .ipv4 = addr4_of(0x0a400000 + i), .used_s = 1795289215 - i };

	assert_true(addr_parse("2001:db8::", &l.ipv6));
	l.ipv6.s6_addr[13] = (uint8_t)(i >> 16);
	l.ipv6.s6_addr[14] = (uint8_t)(i >> 8);
	l.ipv6.s6_addr[15] = (uint8_t)i;
	return l;
}

static struct lease_save *begin(void)
{
	struct lease_save *s = NULL;

	assert_int_equal(lease_save_open(dup(dir), &s), 0);
	return s;
}

static void save(unsigned n)
{
	struct lease_save *s = begin();

	for (unsigned i = n; i--;) {
		const struct lease l = lease(i);

		assert_int_equal(lease_save_put(s, &l), 0);
	}
	assert_int_equal(lease_save_commit(s), 0);
}

/* More than a buffer's worth on both sides, and not in the order of their use. */
static void what_is_saved_is_loaded(void **state)
{
	static const unsigned counts[] = { 0, 1, 255, 256, 257, 5000 };
	struct lease_list list;

	(void)state;
	for (size_t c = 0; c < N_OF(counts); c++) {
		save(counts[c]);
		assert_int_equal(lease_load(dir, &list), 0);
		assert_int_equal(list.n, counts[c]);
		assert_int_equal(list.n_bad, 0);
		assert_true(list.is_ours);
		assert_null(list.trouble);
		for (unsigned i = 0; i < list.n; i++) {
			const struct lease want = lease(i);

			assert_memory_equal(&list.v[i].ipv6, &want.ipv6, sizeof want.ipv6);
			assert_int_equal(list.v[i].ipv4.s_addr, want.ipv4.s_addr);
			assert_int_equal(list.v[i].used_s, want.used_s);
		}
		lease_list_done(&list);
	}
}

#define A "192.168.255.33 2001:db8::33 1795289215"
#define B "192.168.255.34 2001:db8::34 1795289216"

static void what_is_wrong_is_told(void **state)
{
	static const struct {
		const char *text, *trouble;
		size_t n, n_bad;
		bool is_ours;
	} cases[] = {
		{ "", "is empty", 0, 0, false },
		{ "# v6gwd leases 1\n# end 0\n", NULL, 0, 0, true },
		{ "# v6gwd leases 1\n", "was cut off", 0, 0, true },
		{ "# v6gwd leases 1\n# end 1\n", "was cut off", 0, 0, true },
		{ "# v6gwd leases 1\n# end 0\n#\n", "was cut off", 0, 0, true },
		{ "# v6gwd leases 1", "was cut off", 0, 0, true },
		{ "# v6gwd leases 1\n" A "\n# end 1\n", "is damaged", 0, 1, true },
		{ "# v6gwd leases 2\n# end 0\n", "was written by a newer version", 0, 0,
		  false },
		{ A "\n" B "\n", NULL, 2, 0, false },
		{ "###\n" A "\nx\n" B, "is damaged", 2, 1, false },
		{ "\n", NULL, 0, 0, false },
	};
	struct lease_list list;

	(void)state;
	for (size_t i = 0; i < N_OF(cases); i++) {
		put_file(cases[i].text, strlen(cases[i].text));
		assert_int_equal(lease_load(dir, &list), 0);
		if (cases[i].trouble)
			assert_string_equal(list.trouble, cases[i].trouble);
		else
			assert_null(list.trouble);
		assert_int_equal(list.n, cases[i].n);
		assert_int_equal(list.n_bad, cases[i].n_bad);
		assert_int_equal(list.is_ours, cases[i].is_ours);
		assert_int_equal(list.error, 0);
		lease_list_done(&list);
	}
}

/* Cut off anywhere behind its name, a file gives what stands before the cut, and is known to be
 * cut. */
static void cut_off_anywhere(void **state)
{
	char text[1024];
	struct lease_list list;
	size_t len, lines = 0;

	(void)state;
	save(3);
	len = read_back(text, sizeof text);
	for (size_t cut = strlen(LEASE_HEADER) - 1; cut < len - 1; cut++) {
		put_file(text, cut);
		lines += text[cut] == '\n'; /* a line may lack its newline */
		assert_int_equal(lease_load(dir, &list), 0);
		assert_int_equal(list.n, lines - 1);
		assert_string_equal(list.trouble, list.n_bad ? "is damaged" : "was cut off");
		lease_list_done(&list);
	}
}

/* A line longer than the buffer, with what could be a lease in its midst and at the seams. */
static void a_line_without_end(void **state)
{
	static const size_t lens[] = { 65535, 65536, 65537, 65536 + 40, 3 * 65536 };
	struct lease_list list;

	(void)state;
	for (size_t i = 0; i < N_OF(lens); i++) {
		size_t len = lens[i] + sizeof "\n" A "\n" - 1;
		char *text = malloc(len);

		memset(text, 'x', lens[i]);
		memcpy(text + lens[i], "\n" A "\n", sizeof "\n" A "\n" - 1);
		put_file(text, len);
		free(text);
		assert_int_equal(lease_load(dir, &list), 0);
		assert_int_equal(list.n, 1);
		assert_true(list.n_bad >= 1);
		assert_string_equal(list.trouble, "is damaged");
		lease_list_done(&list);
	}
}

static void no_file(void **state)
{
	struct lease_list list = { 0 };

	(void)state;
	assert_int_equal(lease_load(dir, &list), -ENOENT);
	assert_int_equal(symlinkat("nowhere", dir, LEASE_FILE), 0);
	assert_int_equal(lease_load(dir, &list), 0);
	assert_string_equal(list.trouble, "is a link");
	empty_dir(NULL);
	assert_int_equal(mkfifoat(dir, LEASE_FILE, 0600), 0);
	assert_int_equal(lease_load(dir, &list), 0);
	assert_string_equal(list.trouble, "is no file");
	empty_dir(NULL);
	assert_int_equal(mkdirat(dir, LEASE_FILE, 0700), 0);
	assert_int_equal(lease_load(dir, &list), 0);
	assert_string_equal(list.trouble, "is no file");
	assert_int_equal(lease_load(-1, &list), 0);
	assert_string_equal(list.trouble, "cannot be read");
	assert_int_equal(list.error, EBADF);
}

/* Neither dropped nor refused does a writing change the file; what is left of another one is in
 * nobody's way. */
static void the_old_file_stays(void **state)
{
	const struct lease l = lease(7);
	struct lease_list list;
	struct lease_save *s;

	(void)state;
	save(2);
	s = begin();
	assert_int_equal(lease_save_put(s, &l), 0);
	assert_int_equal(faccessat(dir, LEASE_FILE ".new", F_OK, 0), 0);
	lease_save_drop(s);
	assert_int_not_equal(faccessat(dir, LEASE_FILE ".new", F_OK, 0), 0);
	assert_int_equal(symlinkat(LEASE_FILE, dir, LEASE_FILE ".new"), 0);
	lease_save_drop(begin());
	assert_int_equal(lease_load(dir, &list), 0);
	assert_int_equal(list.n, 2);
	assert_null(list.trouble);
	lease_list_done(&list);
	lease_save_drop(NULL);
	assert_int_equal(lease_save_open(-1, &s), -EBADF);
}

/* In the place of the file stands what no file replaces. */
static void a_failure_is_told(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(dir, LEASE_FILE, 0700), 0);
	assert_int_equal(lease_save_commit(begin()), -EISDIR);
	assert_int_not_equal(faccessat(dir, LEASE_FILE ".new", F_OK, 0), 0);
}

struct ending {
	struct ev_loop *loop;
	struct lease_save *save;
	int error;
};

static void on_end(void *arg, int error)
{
	struct ending *e = arg;

	e->error = error;
	assert_int_equal(lease_save_end(e->save), error);
	ev_stop(e->loop);
}

static void start(struct ending *e)
{
	const struct lease l = lease(1);

	e->loop = ev_new();
	e->save = begin();
	assert_int_equal(lease_save_put(e->save, &l), 0);
	assert_int_equal(lease_save_start(e->save, e->loop, on_end, e), 0);
}

static int run(void)
{
	struct ending e = { .error = 1 };

	start(&e);
	ev_run(e.loop);
	ev_free(e.loop);
	return e.error;
}

static void beside_the_loop(void **state)
{
	struct lease_list list;
	struct ending e;

	(void)state;
	assert_int_equal(run(), 0);
	assert_int_equal(lease_load(dir, &list), 0);
	assert_int_equal(list.n, 1);
	lease_list_done(&list);
	empty_dir(NULL);
	assert_int_equal(mkdirat(dir, LEASE_FILE, 0700), 0);
	assert_int_equal(run(), -EISDIR);
	start(&e); /* and nobody waits for the loop */
	assert_int_equal(lease_save_end(e.save), -EISDIR);
	ev_free(e.loop);
}

#define T(name) cmocka_unit_test_teardown(name, empty_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_saved_is_loaded),
		T(what_is_wrong_is_told),
		T(cut_off_anywhere),
		T(a_line_without_end),
		T(no_file),
		T(the_old_file_stays),
		T(a_failure_is_told),
		T(beside_the_loop),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
