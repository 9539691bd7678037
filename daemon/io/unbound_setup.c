/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unbound_setup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_KEYS "root.key"

static void put_server(FILE *f)
{
	/* Special names are the engine's, the cache is only for chains of proofs. */
	static const char *const local[] = { "localhost.", "127.in-addr.arpa.",
					     "home.arpa.", "onion.",
					     "test.",      "invalid." };

	fputs("server:\n"
	      " use-syslog: no\n verbosity: 0\n val-log-level: 2\n"
	      " outgoing-range: 512\n outgoing-num-tcp: 32\n num-queries-per-thread: 1024\n"
	      " msg-cache-size: 4m\n rrset-cache-size: 8m\n key-cache-size: 1m\n"
	      " edns-buffer-size: 1232\n use-caps-for-id: yes\n"
	      " qname-minimisation: no\n aggressive-nsec: no\n"
	      " do-not-query-localhost: no\n infra-cache-max-rtt: 4000\n"
	      " infra-keep-probing: yes\n"
	      " harden-dnssec-stripped: yes\n val-bogus-ttl: 5\n trust-anchor-signaling: no\n"
	      " ede: yes\n unblock-lan-zones: yes\n insecure-lan-zones: no\n",
	      f);
	for (size_t i = 0; i < sizeof local / sizeof *local; i++)
		fprintf(f, " local-zone: \"%s\" nodefault\n", local[i]);
}

static void put_zone(FILE *f, const char *name, const struct forward_set *set)
{
	char text[ADDR_TEXT_LEN];

	fprintf(f, "forward-zone:\n name: \"%s\"\n", name);
	for (size_t i = 0; i < set->n; i++) {
		const struct forward_peer *p = &set->peers[i];

		fprintf(f, " forward-addr: %s", addr_text(&p->addr, text));
		if (p->scope)
			fprintf(f, "%%%u", p->scope);
		fprintf(f, "@%u\n", p->port);
	}
	/* Without one the library would ask the servers of the root: RFC 6666 is nowhere. */
	if (!set->n)
		fputs(" forward-addr: 100::1@53\n", f);
}

time_t unbound_setup_written_s(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mtime : 0;
}

/* As comments: a file of keys that was written since is another setup. */
static void put_times(FILE *f, const struct validator_conf *c)
{
	for (size_t i = 0; i < c->n_anchors; i++) {
		const char *path = strcmp(c->anchors[i], "auto") == 0 ? UNBOUND_PACKAGED_KEYS
								      : c->anchors[i];

		if (*path == '/')
			fprintf(f, "# %s: %jd\n", path,
				(intmax_t)unbound_setup_written_s(path));
	}
}

bool unbound_setup_make(const struct validator_conf *c, struct unbound_setup *out)
{
	size_t len;
	FILE *f = open_memstream(&out->text, &len);

	if (!f)
		return false;
	put_times(f, c);
	put_server(f);
	for (size_t i = 0; i < c->n_except; i++)
		fprintf(f, " domain-insecure: \"%s\"\n", c->except[i]);
	for (size_t i = 0; i < c->forward->n_sets; i++)
		put_zone(f, i ? c->zones[i - 1].name : ".", &c->forward->sets[i]);
	if (fclose(f) != 0)
		return false;
	f = open_memstream(&out->anchors, &len);
	if (!f)
		return false;
	for (size_t i = 0; i < c->n_anchors; i++)
		fprintf(f, "%s\n", c->anchors[i]);
	if (fclose(f) != 0)
		return false;
	out->timeout_ms = c->forward->timeout_ms;
	out->state_directory = strdup(c->state_directory);
	return out->state_directory &&
	       asprintf(&out->state_keys, "%s/" STATE_KEYS, c->state_directory) >= 0;
}

void unbound_setup_done(struct unbound_setup *s)
{
	free(s->text);
	free(s->anchors);
	free(s->state_directory);
	free(s->state_keys);
	*s = (struct unbound_setup){ 0 };
}

static bool same_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool unbound_setup_same(const struct unbound_setup *a, const struct unbound_setup *b)
{
	return same_text(a->text, b->text) && same_text(a->anchors, b->anchors) &&
	       same_text(a->state_keys, b->state_keys);
}

bool unbound_setup_follows_root(const struct unbound_setup *s)
{
	return strncmp(s->anchors, "auto\n", 5) == 0 || strstr(s->anchors, "\nauto\n");
}

bool unbound_setup_seed(const struct unbound_setup *s)
{
	const char *path = s->state_keys;
	char keys[16384];
	int from, to;
	ssize_t n = -1;
	bool ok;

	mkdir(s->state_directory, 0700); /* where it is missing */
	if (access(path, F_OK) == 0)
		return true;
	from = open(UNBOUND_PACKAGED_KEYS, O_RDONLY | O_CLOEXEC);
	if (from >= 0) {
		n = read(from, keys, sizeof keys);
		close(from);
	}
	to = n > 0 ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
	if (to < 0)
		return false;
	ok = write(to, keys, (size_t)n) == n;
	close(to);
	if (!ok)
		unlink(path);
	return ok;
}

bool unbound_setup_can_replace(const struct unbound_setup *s)
{
	return access(s->state_keys, W_OK) == 0 && access(s->state_directory, W_OK) == 0;
}
