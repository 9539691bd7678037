/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "import_files.h"

#include "daemon/io/lease_load.h"
#include "import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMBERS_MAX 256u /* files that one include names */

struct files {
	struct memory *memory;
	const char *base; /* directory of the file that was named on the command line */
	bool failed;      /* something could not be read */
	size_t room;      /* bytes that may still be read, of all files */
};

__attribute__((noreturn)) static void no_memory(void)
{
	fputs("v6gwctl: out of memory\n", stderr);
	exit(EXIT_CODE_FAILED);
}

static const char *read_all(int fd, size_t room, char *buf, size_t *len)
{
	ssize_t got = 1;

	for (*len = 0; got > 0 && *len < room;) {
		got = read(fd, buf + *len, room - *len);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got < 0)
			return strerror(errno);
		else
			*len += (size_t)got;
	}
	return *len == room ? "is larger than any configuration" : NULL;
}

/* What a configuration names has to be a file: a pipe would be waited for, and some devices do
 * something as soon as they are opened. */
static const char *refuse(const char *name)
{
	struct stat st;

	if (stat(name, &st) < 0)
		return strerror(errno);
	return S_ISREG(st.st_mode) ? NULL : "is no file";
}

/* A file, or why it cannot be read, which is said on stderr, too. */
static struct stmt_text read_text(struct files *f, const char *name, bool included)
{
	struct stmt_text out = { .name = memory_copy(f->memory, name, strlen(name)) };
	size_t room = f->room < IMPORT_FILE_MAX ? f->room : IMPORT_FILE_MAX;
	char *buf = malloc(room + 1);
	int fd = -1;

	if (!buf || !out.name)
		no_memory();
	out.trouble = included ? refuse(name) : NULL;
	if (!out.trouble) {
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | (included ? O_NONBLOCK : 0));
		out.trouble = fd < 0 ? strerror(errno) : read_all(fd, room, buf, &out.len);
	}
	if (fd >= 0)
		close(fd);
	if (!out.trouble) {
		f->room -= out.len;
		out.text = memory_copy(f->memory, buf, out.len);
		if (!out.text)
			no_memory();
	} else {
		out.trouble = memory_printf(f->memory, "cannot be read: %s", out.trouble);
		fprintf(stderr, "v6gwctl: %s: %s\n", name, out.trouble);
		f->failed = true;
	}
	free(buf);
	return out;
}

/* pattern in a directory; NULL: as it is. */
static const char *path_of(struct files *f, const char *directory, const char *pattern)
{
	const char *path = pattern;

	if (directory && *pattern != '/' && strcmp(directory, ".") != 0)
		path = memory_printf(f->memory, "%s/%s", directory, pattern);
	if (!path)
		no_memory();
	return path;
}

static bool is_there(const char *name)
{
	return access(name, F_OK) == 0;
}

/* Relative to the directory that the configuration asks for, else to that of the first file. */
static const struct stmt_text *include(void *arg, const struct stmt_text *from,
				       const char *pattern, const char *directory, size_t *n)
{
	struct files *f = arg;
	struct stmt_text *texts;
	const char *path = path_of(f, directory, pattern);
	bool several = strpbrk(pattern, "*?[");
	glob_t found;

	(void)from;
	*n = 0;
	if (!directory || (!several && !is_there(path)))
		path = path_of(f, f->base, pattern);
	if (glob(path, several ? 0 : GLOB_NOCHECK, NULL, &found) != 0)
		return NULL;
	texts = memory_take(f->memory, found.gl_pathc * sizeof *texts);
	if (!texts)
		no_memory();
	for (size_t i = 0; i < found.gl_pathc && i < MEMBERS_MAX; i++)
		texts[(*n)++] = read_text(f, found.gl_pathv[i], true);
	globfree(&found);
	return texts;
}

static void put(void *arg, const char *text)
{
	fputs(text, arg);
}

/* tayga's dynamic.map, or a lease file of v6gwd, as one of v6gwd. */
static enum call_exit print_leases(const char *name)
{
	char line[LEASE_LINE_MAX];
	struct lease_list list = { 0 };
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		fprintf(stderr, "v6gwctl: %s: cannot be read: %s\n", name, strerror(errno));
		return EXIT_CODE_FAILED;
	}
	lease_load_fd(fd, &list);
	close(fd);
	if (list.trouble)
		fprintf(stderr, "v6gwctl: %s: %s; %zu lines are no leases\n", name,
			list.trouble, list.n_bad);
	if (list.trouble && !list.n && !list.n_bad)
		return EXIT_CODE_FAILED;
	fputs(LEASE_HEADER, stdout);
	for (size_t i = 0; i < list.n; i++) {
		lease_write(&list.v[i], line);
		fputs(line, stdout);
	}
	lease_write_end(list.n, line);
	fputs(line, stdout);
	lease_list_done(&list);
	return EXIT_CODE_OK;
}

/* Without options: what a host of that stack has. */
static bool find_files(struct import_files *in)
{
	static const char tayga[] = "/etc/tayga.conf", bind[] = "/etc/bind/named.conf",
			  radvd[] = "/etc/radvd.conf";

	if (in->tayga || in->bind || in->unbound || in->radvd)
		return true;
	in->tayga = is_there(tayga) ? tayga : NULL;
	in->bind = is_there(bind) ? bind : NULL;
	in->radvd = is_there(radvd) ? radvd : NULL;
	if (in->tayga || in->bind || in->radvd)
		return true;
	fprintf(stderr, "v6gwctl: neither %s nor %s nor %s is there: name the files\n", tayga,
		bind, radvd);
	return false;
}

/* Reads a file into its place; its directory is where its includes are. */
static const struct stmt_text *take(struct files *f, const char *name, struct stmt_text *text)
{
	if (!name)
		return NULL;
	*text = read_text(f, name, false);
	return text;
}

/* Includes are relative to BIND's file, else unbound's. */
static const char *base_of(struct files *f, const struct import_files *in)
{
	const char *name = in->bind ? in->bind : in->unbound ? in->unbound : ".";
	char *copy = memory_copy(f->memory, name, strlen(name));

	if (!copy)
		no_memory();
	return dirname(copy);
}

static enum call_exit print_config(const struct import_files *in)
{
	struct files f = { .memory = memory_new(), .room = 16u << 20 };
	struct stmt_text texts[4];

	if (!f.memory)
		no_memory();
	f.base = base_of(&f, in);
	struct import import = { .tayga = take(&f, in->tayga, &texts[0]),
				 .bind = take(&f, in->bind, &texts[1]),
				 .unbound = take(&f, in->unbound, &texts[2]),
				 .radvd = take(&f, in->radvd, &texts[3]),
				 .include = include,
				 .arg = &f };

	if (!f.failed && !import_convert(&import, put, stdout))
		no_memory();
	if (!f.failed && in->leases)
		printf("# The mappings of now, while v6gwd is stopped: v6gwctl import --leases "
		       "%s "
		       ">/var/lib/v6gwd/leases\n",
		       in->leases);
	memory_free(f.memory);
	return f.failed ? EXIT_CODE_FAILED : EXIT_CODE_OK;
}

enum call_exit import_files(struct import_files in)
{
	if (in.leases && !in.tayga && !in.bind && !in.unbound && !in.radvd)
		return print_leases(in.leases);
	return find_files(&in) ? print_config(&in) : EXIT_CODE_FAILED;
}
