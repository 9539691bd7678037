/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolvers.c - the nameserver lines of resolv.conf(5), followed by inotify.
 *
 * Watched are the file and every directory on the way to it through symbolic links, because
 * programs replace the file, the link or what it points to, each in its own way.
 */
#define LOG_PLANE "dns64"

#include "resolvers.h"

#include "base/addr.h"
#include "daemon/log.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define HOST_FILE "/etc/resolv.conf"
#define STUB_FILE "/run/systemd/resolve/resolv.conf" /* what the stub forwards to */

#define LIST_MAX  8
#define HOPS_MAX  8 /* symbolic links one behind the other */
#define LINE_LEN  512
#define SETTLE_MS 100u

#define DIR_EVENTS                                                              \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | \
	 IN_DELETE_SELF | IN_MOVE_SELF)
#define FILE_EVENTS (IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

struct entry {
	struct fact_resolver resolver;
	char zone[IF_NAMESIZE];
};

struct list {
	struct entry v[LIST_MAX];
	size_t n;
};

/* The names that matter in the directories watched: events of others are overlooked. */
struct names {
	char v[2 * HOPS_MAX][NAME_MAX + 1];
	size_t n;
};

struct resolvers {
	struct ev_loop *loop;
	struct ev_io *io;
	struct ev_timer settle;
	int fd;
	struct names *names;
	struct list list;
	struct fact_resolver out[LIST_MAX];
	ev_fn *changed;
	void *arg;
};

static bool is_stub(const struct in6_addr *a)
{
	uint32_t v4 = addr_is_v4(a) ? addr4_num(addr_v4(a)) : 0;

	return v4 == 0x7f000035 || v4 == 0x7f000036; /* 127.0.0.53, 127.0.0.54 */
}

static void add(struct list *l, const struct entry *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (addr_equal(&l->v[i].resolver.addr, &e->resolver.addr) &&
		    strcmp(l->v[i].zone, e->zone) == 0)
			return;
	if (l->n < LIST_MAX)
		l->v[l->n++] = *e;
}

/* "nameserver ADDR[%ZONE]", as resolv.conf(5) has it: the word at the start of the line. */
static bool read_line(const char *line, const char *origin, struct entry *out)
{
	static const char word[] = "nameserver";
	struct entry e = { .resolver = { .port = 53, .origin = origin } };
	char text[ADDR_TEXT_LEN + IF_NAMESIZE];
	size_t len;
	char *zone;

	if (strncmp(line, word, sizeof word - 1) != 0 ||
	    !isblank((unsigned char)line[sizeof word - 1]))
		return false;
	line += sizeof word - 1;
	line += strspn(line, " \t");
	len = strcspn(line, " \t\r\n#;");
	if (len >= sizeof text)
		return false;
	memcpy(text, line, len);
	text[len] = '\0';
	zone = strchr(text, '%');
	if (zone) {
		*zone++ = '\0';
		snprintf(e.zone, sizeof e.zone, "%s", zone);
	}
	if (!addr_parse(text, &e.resolver.addr))
		return false;
	*out = e;
	return true;
}

/* A stub is replaced where it stands. */
static void read_file(const char *path, bool follow_stub, struct list *out)
{
	FILE *f = fopen(path, "re");
	char line[LINE_LEN];
	struct entry e;

	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		if (!read_line(line, path, &e))
			continue;
		if (!is_stub(&e.resolver.addr))
			add(out, &e);
		else if (follow_stub)
			read_file(STUB_FILE, false, out);
	}
	fclose(f);
}

static void remember(struct names *names, const char *name)
{
	if (names->n < sizeof names->v / sizeof *names->v)
		snprintf(names->v[names->n++], sizeof *names->v, "%s", name);
}

/* Watches the directory of path, or the nearest one above that exists, and leaves in *name what
 * is waited for there. */
static void watch_directory(struct resolvers *r, const char *path)
{
	char dir[PATH_MAX];
	char *slash;

	snprintf(dir, sizeof dir, "%s", path);
	while ((slash = strrchr(dir, '/')) != NULL) {
		remember(r->names, slash + 1);
		slash[slash == dir] = '\0';
		if (inotify_add_watch(r->fd, dir, DIR_EVENTS | IN_MASK_ADD) >= 0 ||
		    dir[1] == '\0')
			return;
		r->names->n--; /* only the missing directory itself matters above it */
	}
}

/* The path that a symbolic link leads to; false when it is none. */
static bool follow(const char *path, char out[PATH_MAX])
{
	char target[PATH_MAX], whole[2 * PATH_MAX];
	ssize_t len = readlink(path, target, sizeof target - 1);
	const char *slash = strrchr(path, '/');

	if (len <= 0)
		return false;
	target[len] = '\0';
	if (target[0] == '/')
		snprintf(whole, sizeof whole, "%s", target);
	else
		snprintf(whole, sizeof whole, "%.*s/%s", (int)(slash - path), path, target);
	if (strlen(whole) >= PATH_MAX)
		return false;
	memcpy(out, whole, strlen(whole) + 1);
	return true;
}

static void watch(struct resolvers *r, const char *path)
{
	char step[PATH_MAX];

	snprintf(step, sizeof step, "%s", path);
	inotify_add_watch(r->fd, path, FILE_EVENTS | IN_MASK_ADD);
	for (int hops = 0; hops < HOPS_MAX; hops++) {
		watch_directory(r, step);
		if (!follow(step, step))
			return;
	}
}

static bool matters(const struct resolvers *r, const struct inotify_event *e)
{
	if (e->len == 0) /* the file, or a directory itself */
		return !(e->mask & IN_IGNORED);
	for (size_t i = 0; i < r->names->n; i++)
		if (strcmp(r->names->v[i], e->name) == 0)
			return true;
	return false;
}

static void on_events(void *arg, unsigned ready)
{
	struct resolvers *r = arg;
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;
	ssize_t len;

	(void)ready;
	while ((len = read(r->fd, buf, sizeof buf)) > 0) {
		for (char *p = buf; p < buf + len;) {
			const struct inotify_event *e = (const void *)p;

			any |= matters(r, e);
			p += sizeof *e + e->len;
		}
	}
	if (any)
		ev_timer_at(&r->settle, ev_now_ms(r->loop) + SETTLE_MS);
}

/* Watches everything anew: what the links lead to may have changed.  Without inotify the list
 * is as it was at start. */
static void watch_all(struct resolvers *r)
{
	ev_io_free(r->io);
	r->io = NULL;
	if (r->fd >= 0)
		close(r->fd);
	r->names->n = 0;
	r->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (r->fd < 0) {
		log_warning("inotify: %s: changes of " HOST_FILE " are not seen",
			    strerror(errno));
		return;
	}
	watch(r, HOST_FILE);
	watch(r, STUB_FILE);
	r->io = ev_io_new(r->loop, r->fd, EV_IO_READ, on_events, r);
}

static bool same(const struct list *a, const struct list *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (!addr_equal(&a->v[i].resolver.addr, &b->v[i].resolver.addr) ||
		    strcmp(a->v[i].zone, b->v[i].zone) != 0)
			return false;
	return a->n == b->n;
}

static void on_settle(void *arg)
{
	struct resolvers *r = arg;
	struct list now = { 0 };
	bool differs;

	watch_all(r); /* first, so that nothing is missed between */
	read_file(HOST_FILE, true, &now);
	differs = !same(&r->list, &now);
	r->list = now;
	if (differs)
		r->changed(r->arg);
}

struct resolvers *resolvers_open(struct ev_loop *loop, ev_fn *changed, void *arg)
{
	struct resolvers *r = calloc(1, sizeof *r);

	if (r)
		r->names = calloc(1, sizeof *r->names);
	if (!r || !r->names) {
		log_error("resolvers: %s", strerror(ENOMEM));
		free(r);
		return NULL;
	}
	r->loop = loop;
	r->fd = -1;
	r->changed = changed;
	r->arg = arg;
	ev_timer_init(&r->settle, loop, on_settle, r);
	watch_all(r);
	read_file(HOST_FILE, true, &r->list);
	return r;
}

void resolvers_close(struct resolvers *r)
{
	if (!r)
		return;
	ev_timer_stop(&r->settle);
	ev_io_free(r->io);
	if (r->fd >= 0)
		close(r->fd);
	free(r->names);
	free(r);
}

const struct fact_resolver *resolvers_list(struct resolvers *r, size_t *n)
{
	size_t found = 0;

	for (size_t i = 0; i < r->list.n; i++) {
		const struct entry *e = &r->list.v[i];
		struct fact_resolver *out = &r->out[found];

		*out = e->resolver;
		out->scope = e->zone[0] ? if_nametoindex(e->zone) : 0;
		if (e->zone[0] && !out->scope)
			out->scope = (uint32_t)strtoul(e->zone, NULL, 10);
		if (out->scope || !addr_is_link_local(&out->addr))
			found++;
	}
	*n = found;
	return r->out;
}
