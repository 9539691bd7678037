/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seen.c - only processes of this network namespace count, which takes root to know. */
#include "seen.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LEN 300
#define FILE_MAX (1 << 20)

static bool same_namespace(const char *pid, const struct stat *ours)
{
	char path[PATH_LEN];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
	return stat(path, &st) == 0 && st.st_ino == ours->st_ino && st.st_dev == ours->st_dev;
}

/* The first line of a file, without its end; false when it cannot be read. */
static bool read_line(const char *pid, const char *leaf, char *out, int size)
{
	char path[PATH_LEN];
	FILE *f;
	bool done;

	snprintf(path, sizeof path, "/proc/%s/%s", pid, leaf);
	f = fopen(path, "re");
	done = f && fgets(out, size, f);
	if (f)
		fclose(f);
	if (done)
		out[strcspn(out, "\n")] = '\0';
	return done;
}

/* Of "0::/system.slice/radvd.service" the first service on the way, which only systemd makes:
 * below user@1000.service the user chooses the names.  "" for none. */
static const char *unit_of(char *cgroup)
{
	static const char end[] = ".service";
	char *at;

	for (char *name = strtok_r(cgroup, "/", &at); name; name = strtok_r(NULL, "/", &at)) {
		size_t len = strlen(name);

		if (len >= sizeof end && strcmp(name + len - strlen(end), end) == 0)
			return name;
	}
	return "";
}

static void add_process(json_t *list, const char *pid, const struct stat *ours)
{
	char comm[32], cgroup[512];

	if (!read_line(pid, "comm", comm, sizeof comm) ||
	    (strcmp(comm, "tayga") != 0 && strcmp(comm, "radvd") != 0) ||
	    !same_namespace(pid, ours))
		return;
	if (!read_line(pid, "cgroup", cgroup, sizeof cgroup))
		cgroup[0] = '\0';
	json_array_append_new(list, json_pack("{s:s, s:i, s:s}", "name", comm, "pid", atoi(pid),
					      "unit", unit_of(cgroup)));
}

static json_t *processes(void)
{
	json_t *list = json_array();
	struct stat ours;
	DIR *d;

	/* Others' namespaces can be told apart by root alone. */
	if (geteuid() != 0 || stat("/proc/self/ns/net", &ours) < 0 || !(d = opendir("/proc"))) {
		json_decref(list);
		return NULL;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (isdigit((unsigned char)e->d_name[0]))
			add_process(list, e->d_name, &ours);
	closedir(d);
	return list;
}

/* Is "filter" among the tables of iptables-legacy?  The file is root's; where it is missing so
 * is the module. */
static int has_legacy(const char *path)
{
	char line[64];
	FILE *f = fopen(path, "re");
	bool found = false;

	if (!f)
		return access(path, F_OK) < 0 ? 0 : -1;
	while (fgets(line, sizeof line, f))
		found |= strcmp(line, "filter\n") == 0;
	fclose(f);
	return found;
}

static json_t *legacy(void)
{
	int four = has_legacy("/proc/net/ip_tables_names");
	int six = has_legacy("/proc/net/ip6_tables_names");

	return four < 0 || six < 0 ? NULL : json_pack("{s:b, s:b}", "ipv4", four, "ipv6", six);
}

/* Does the text hold "table", a family perhaps, and a name of ours? */
static bool names_ours(const char *text)
{
	for (const char *p = text; (p = strstr(p, "table")); p += strlen("table")) {
		char family[16] = "", name[16] = "";
		int n = sscanf(p, "table %15s %15s", family, name);

		if ((n == 2 &&
		     (strcmp(name, "v6gwd") == 0 || strcmp(name, "v6gwd_dns") == 0)) ||
		    (n >= 1 && strcmp(family, "v6gwd") == 0))
			return true;
	}
	return false;
}

/* 1, 0, or -1 where it is there and cannot be read. */
static int file_names_ours(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t n;
	int found = -1;

	if (!f)
		return access(path, F_OK) < 0 ? 0 : -1;
	text = malloc(FILE_MAX);
	if (text) {
		n = fread(text, 1, FILE_MAX - 1, f);
		text[n] = '\0';
		found = names_ours(text);
	}
	free(text);
	fclose(f);
	return found;
}

/* The first that names us, "" for none. */
static json_t *saved(void)
{
	static const char *const files[] = { "/etc/nftables.conf",
					     "/etc/sysconfig/nftables.conf",
					     "/etc/nftables/main.nft" };
	bool known = true;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		int found = file_names_ours(files[i]);

		if (found > 0)
			return json_string(files[i]);
		known &= found == 0;
	}
	return known ? json_string("") : NULL;
}

json_t *seen_json(void)
{
	json_t *seen = json_object(), *value;

	if ((value = processes()))
		json_object_set_new(seen, "processes", value);
	if ((value = legacy()))
		json_object_set_new(seen, "legacy", value);
	if ((value = saved()))
		json_object_set_new(seen, "saved", value);
	return seen;
}
