/* SPDX-License-Identifier: GPL-3.0-or-later */
/* named.c - named.conf of BIND 9: its options, acl, dns64 and forward zones. */
#include "convert.h"
#include "named_acl.h"

#include "base/addr.h"
#include "config/option_type.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define ENTRIES_MAX 4096u /* of all ACLs, when put into each other */

static const struct convert_reason reasons[] = {
	{ "directory", "v6gwd keeps no zones; for includes it was followed" },
	{ "forward", "v6gwd always forwards, and asks nobody else" },
	{ "recursion", "v6gwd always answers for the forwarders" },
	{ "recursive-clients", "v6gwd limits each client: dns64.max_queries_per_client" },
	{ "edns-udp-size", "v6gwd asks its forwarders with 1232 bytes" },
	{ "auth-nxdomain", "v6gwd is no authoritative server" },
	{ "minimal-responses", "v6gwd's answers hold no more than what was asked for" },
	{ "qname-minimization", "the forwarders' business" },
	{ "prefetch", "v6gwd asks again when an answer has expired" },
	{ "query-source", "v6gwd takes a random port for each question" },
	{ "query-source-v6", "v6gwd takes a random port for each question" },
	{ "rate-limit", "v6gwd answers its own clients only: dns64.allow_query" },
	{ "response-policy", "v6gwd has no policy zones" },
	{ "empty-zones-enable", "v6gwd answers the names of RFC 6303 by itself" },
	{ "disable-empty-zone", "v6gwd answers the names of RFC 6303 by itself" },
	{ "version", "v6gwd does not tell its version" },
	{ "hostname", "v6gwd does not tell its host's name" },
	{ "server-id", "v6gwd does not tell who it is" },
	{ "pid-file", "left to systemd" },
	{ "allow-transfer", "v6gwd has no zones to transfer" },
	{ "allow-update", "v6gwd has no zones to update" },
	{ "notify", "v6gwd has no zones to tell of" },
	{ "dns64-server", "the SOA of v6gwd's reverse zone is fixed" },
	{ "dns64-contact", "the SOA of v6gwd's reverse zone is fixed" },
	{ "logging", "v6gwd logs to the journal: log_level, dns64.query_log" },
	{ "controls", "v6gwd is controlled over its socket: v6gwctl" },
	{ "key", "v6gwd has no keys" },
	{ "server", "v6gwd finds out by itself what its forwarders can do" },
	{ "statistics-channels", "v6gwctl metrics" },
	{ "trust-anchors", "validation is left to the forwarders" },
	{ "trusted-keys", "validation is left to the forwarders" },
	{ "managed-keys", "validation is left to the forwarders" },
	{ "dnssec-enable", "v6gwd passes DNSSEC on" },
	{ "tls", "v6gwd speaks plain DNS" },
	{ "http", "v6gwd speaks plain DNS" },
	{ "include", "nobody has followed it" },
	{ NULL, NULL },
};

struct reading {
	struct draft *d;
	struct draft_node *dns64;
	struct named_acl acl;
	const struct stmt *allow[3]; /* allow-recursion, allow-query-cache, allow-query */
	const struct stmt *stale, *stale_ttl;
	bool resolves; /* dns64 is said */
};

/* "port N" behind the first word into *port; other words there are not for us. */
static bool read_port(struct reading *r, const struct stmt *st, size_t at, const char **port)
{
	*port = "";
	if (st->n_words == at)
		return true;
	if (st->n_words == at + 2 && strcasecmp(st->words[at], "port") == 0) {
		*port = st->words[at + 1];
		return true;
	}
	draft_left(r->d, st, "cannot be read: only `port` may follow, v6gwd speaks plain DNS");
	return false;
}

static void read_forwarders(struct reading *r, const char *domain, const struct stmt *st)
{
	struct draft_node *list;
	const char *all, *port;

	if (!read_port(r, st, 1, &all))
		return;
	if (!st->block.n) {
		draft_left(r->d, st,
			   "no forwarders: BIND asks the root servers, v6gwd does not");
		return;
	}
	list = convert_zone(r->d, domain, st);
	for (size_t i = 0; i < st->block.n; i++) {
		const struct stmt *server = st->block.v[i];

		if (read_port(r, server, 1, &port))
			convert_forwarder(r->d, list, stmt_word(server, 0), *port ? port : all,
					  server);
	}
}

static void on_option_forwarders(struct reading *r, const struct stmt *st)
{
	read_forwarders(r, ".", st);
}

struct listening {
	struct reading *r;
	const struct stmt *st;
	bool v6;
};

static void on_listen(void *arg, const char *what, bool negated, const struct stmt *st)
{
	struct listening *l = arg;
	struct draft *d = l->r->d;
	struct in6_addr a;
	bool all = strcasecmp(what, "any") == 0 || strcasecmp(what, "localnets") == 0 ||
		   strcasecmp(what, "localhost") == 0;

	if (strcasecmp(what, "none") == 0)
		draft_left(d, l->st, "nothing to listen on");
	else if (negated)
		draft_left(d, st, "v6gwd listens on what is named, there are no exceptions");
	else if (addr_parse(what, &a))
		convert_listen(d, what, st);
	else if (l->v6 && (all || strchr(what, ':')))
		convert_listen(d, "auto", st);
	else
		draft_left(d, st,
			   "the guests have no IPv4; where they do, name the address in "
			   "dns64.listen");
}

static void read_listen(struct reading *r, const struct stmt *st)
{
	struct listening l = { r, st, strcasecmp(st->words[0], "listen-on-v6") == 0 };
	const char *port;

	if (!read_port(r, st, 1, &port))
		return;
	if (*port && strcmp(port, "53") != 0)
		draft_plain(r->d, r->dns64, "port", port, st);
	named_acl_walk(&r->acl, &st->block, on_listen, &l);
}

static void read_validation(struct reading *r, const struct stmt *st)
{
	if (strcasecmp(stmt_word(st, 1), "no") == 0)
		draft_text(r->d, r->dns64, "dnssec", "pass", st);
	else
		convert_validation(r->d, st);
}

static void read_cache_size(struct reading *r, const struct stmt *st)
{
	const char *word = stmt_word(st, 1);
	size_t len = strspn(word, "0123456789");
	char unit = (char)toupper((unsigned char)word[len]);

	if (len && (!unit || (strchr("KMG", unit) && !word[len + 1])) && *word != '0')
		draft_text(r->d, r->dns64, "cache_size",
			   draft_printf(r->d, "%.*s%.1s", (int)len, word, (char[]){ unit, 0 }),
			   st);
	else
		draft_left(r->d, st, "v6gwd's cache has a size of its own: dns64.cache_size");
}

/* Seconds, or with units as v6gwd has them. */
static const char *ttl(struct draft *d, const char *word)
{
	char text[OPTION_DURATION_LEN];
	unsigned long n;

	if (!convert_number(word, &n))
		return draft_printf(d, "%s", word);
	return draft_printf(d, "%s", option_duration((int64_t)n * 1000, text));
}

static void read_max_ttl(struct reading *r, const struct stmt *st)
{
	draft_text(r->d, r->dns64, "max_ttl", ttl(r->d, stmt_word(st, 1)), st);
}

static void read_max_ncache_ttl(struct reading *r, const struct stmt *st)
{
	draft_text(r->d, r->dns64, "negative_ttl", ttl(r->d, stmt_word(st, 1)), st);
}

/* Up to 300 they are seconds, above milliseconds. */
static void read_timeout(struct reading *r, const struct stmt *st)
{
	unsigned long n;

	if (!convert_number(stmt_word(st, 1), &n) || !n)
		draft_left(r->d, st, "v6gwd has its default: dns64.timeout");
	else
		draft_text(r->d, r->dns64, "timeout",
			   draft_printf(r->d, "%lu%s", n, n <= 300 ? "s" : "ms"), st);
}

static void read_udp_size(struct reading *r, const struct stmt *st)
{
	draft_plain(r->d, r->dns64, "udp_payload", stmt_word(st, 1), st);
}

static void read_tcp_clients(struct reading *r, const struct stmt *st)
{
	draft_plain(r->d, r->dns64, "tcp_clients", stmt_word(st, 1), st);
}

static void read_querylog(struct reading *r, const struct stmt *st)
{
	bool on;

	if (convert_switch(r->d, st, stmt_word(st, 1), &on))
		draft_plain(r->d, r->dns64, "query_log", on ? "true" : "false", st);
}

static void read_stale(struct reading *r, const struct stmt *st)
{
	bool on;

	if (!convert_switch(r->d, st, stmt_word(st, 1), &on))
		return;
	if (on)
		r->stale = st;
	else
		convert_as_ever(r->d, st);
}

static void read_stale_ttl(struct reading *r, const struct stmt *st)
{
	r->stale_ttl = st;
}

static void read_allow(struct reading *r, const struct stmt *st)
{
	static const char *const words[] = { "allow-recursion", "allow-query-cache",
					     "allow-query" };

	for (size_t i = 0; i < 3; i++)
		if (strcasecmp(st->words[0], words[i]) == 0)
			r->allow[i] = st;
}

struct nets {
	struct reading *r;
	struct draft_node *list;
	const struct stmt *st;
	bool well_known;
};

static void on_exclude(void *arg, const char *what, bool negated, const struct stmt *st)
{
	struct nets *n = arg;

	if (negated)
		draft_left(n->r->d, st, "dns64.exclude_aaaa knows no exceptions");
	else if (strcasecmp(what, "any") == 0)
		draft_item(n->r->d, n->list, "::/0", st);
	else if (strcasecmp(what, "none") != 0)
		draft_item(n->r->d, n->list, what, st);
}

/* With the well-known prefix "any" is "global" (RFC 6052 3.1). */
static void on_mapped(void *arg, const char *what, bool negated, const struct stmt *st)
{
	struct nets *n = arg;

	if (strcasecmp(what, "any") == 0 && n->well_known && !negated)
		what = "global";
	draft_item(n->r->d, n->list, draft_printf(n->r->d, "%s%s", negated ? "!" : "", what),
		   st);
}

static void read_exclude(struct reading *r, const struct stmt *st)
{
	struct nets n = { r, draft_list(r->d, r->dns64, "exclude_aaaa", st), st, false };

	named_acl_walk(&r->acl, &st->block, on_exclude, &n);
}

static void read_mapped(struct reading *r, const struct stmt *st, const char *prefix)
{
	struct draft_node *nat64 = draft_group(r->d, draft_root(r->d), "nat64");
	struct nets n = { r, NULL, st, strcmp(prefix, "64:ff9b::/96") == 0 };

	if (draft_find(nat64, "destinations")) {
		draft_left(r->d, st, "the translator's destinations hold");
		return;
	}
	n.list = draft_list(r->d, nat64, "destinations", st);
	draft_note(r->d, n.list, st,
		   "this is for packets, too: what is not mapped is not reached either");
	named_acl_walk(&r->acl, &st->block, on_mapped, &n);
}

static void read_dns64_option(struct reading *r, const struct stmt *st, const char *prefix)
{
	const char *word = stmt_word(st, 0);
	struct in6_addr a;

	if (strcasecmp(word, "clients") == 0)
		named_acl_write(&r->acl, r->dns64, "clients", st);
	else if (strcasecmp(word, "exclude") == 0)
		read_exclude(r, st);
	else if (strcasecmp(word, "mapped") == 0)
		read_mapped(r, st, prefix);
	else if (strcasecmp(word, "suffix") == 0 && addr_parse(stmt_word(st, 1), &a) &&
		 addr_is_unspecified(&a))
		draft_left(r->d, st, "always so");
	else if (strcasecmp(word, "suffix") == 0)
		draft_left(r->d, st, "v6gwd's suffix is zero (RFC 6052 2.2)");
	else if (strcasecmp(word, "break-dnssec") == 0)
		draft_left(
			r->d, st,
			"v6gwd synthesises for DO=1, too, and never with CD=1 (RFC 6147 5.5)");
	else if (strcasecmp(word, "recursive-only") == 0)
		draft_left(r->d, st, "v6gwd answers recursive questions only");
	else
		convert_leave(r->d, reasons, st);
}

static void read_dns64(struct reading *r, const struct stmt *st)
{
	const char *prefix = convert_net(r->d, stmt_word(st, 1));

	if (st->n_words != 2) {
		draft_left(r->d, st, "cannot be read: one prefix expected");
		return;
	}
	if (r->resolves) {
		draft_left(r->d, st, "v6gwd synthesises with one prefix");
		return;
	}
	r->resolves = true;
	convert_dns64_prefix(r->d, prefix, st);
	for (size_t i = 0; i < st->block.n; i++)
		read_dns64_option(r, st->block.v[i], prefix);
}

struct handler {
	const char *word;
	void (*read)(struct reading *, const struct stmt *);
	bool has_block;
};

static const struct handler handlers[] = {
	{ "forwarders", on_option_forwarders, true },
	{ "listen-on-v6", read_listen, true },
	{ "listen-on", read_listen, true },
	{ "dnssec-validation", read_validation, false },
	{ "max-cache-size", read_cache_size, false },
	{ "max-cache-ttl", read_max_ttl, false },
	{ "max-ncache-ttl", read_max_ncache_ttl, false },
	{ "resolver-query-timeout", read_timeout, false },
	{ "max-udp-size", read_udp_size, false },
	{ "tcp-clients", read_tcp_clients, false },
	{ "querylog", read_querylog, false },
	{ "stale-answer-enable", read_stale, false },
	{ "max-stale-ttl", read_stale_ttl, false },
	{ "allow-recursion", read_allow, true },
	{ "allow-query-cache", read_allow, true },
	{ "allow-query", read_allow, true },
	{ "dns64", read_dns64, true },
};

static void read_option(struct reading *r, const struct stmt *st)
{
	for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
		if (strcasecmp(handlers[i].word, stmt_word(st, 0)) != 0)
			continue;
		if (handlers[i].has_block != st->has_block ||
		    (!st->has_block && st->n_words != 2))
			draft_left(r->d, st, "cannot be read: %s",
				   st->has_block           ? "no block expected"
				   : handlers[i].has_block ? "a block expected"
							   : "one word expected");
		else
			handlers[i].read(r, st);
		return;
	}
	convert_leave(r->d, reasons, st);
}

static const char *type_of(const struct stmt *zone)
{
	for (size_t i = 0; i < zone->block.n; i++)
		if (strcasecmp(stmt_word(zone->block.v[i], 0), "type") == 0)
			return stmt_word(zone->block.v[i], 1);
	return "";
}

static void read_forward_zone(struct reading *r, const struct stmt *zone)
{
	bool found = false;

	for (size_t i = 0; i < zone->block.n; i++) {
		const struct stmt *st = zone->block.v[i];

		if (strcasecmp(stmt_word(st, 0), "forwarders") == 0 && st->has_block) {
			read_forwarders(r, stmt_word(zone, 1), st);
			found = true;
		} else if (strcasecmp(stmt_word(st, 0), "type") != 0) {
			convert_leave(r->d, reasons, st);
		}
	}
	if (!found)
		draft_left(r->d, zone, "has no forwarders of its own");
}

static void read_zone(struct reading *r, const struct stmt *st)
{
	const char *type = type_of(st);

	if (strcasecmp(type, "forward") == 0)
		read_forward_zone(r, st);
	else if (strcasecmp(type, "hint") == 0)
		draft_left(r->d, st, "v6gwd asks its forwarders, never the root servers");
	else
		draft_left(r->d, st,
			   "a zone of type %s: v6gwd is no authoritative server; single names "
			   "go to "
			   "dns64.local, a server elsewhere to dns64.zones",
			   *type ? type : "unknown");
}

static void leave_view(struct reading *r, const struct stmt *view)
{
	draft_left(
		r->d, view,
		"v6gwd has no views: dns64.clients and dns64.allow_query tell clients apart");
	for (size_t i = 0; i < view->block.n; i++)
		draft_left(r->d, view->block.v[i], "stands in that view");
}

static void read_statement(struct reading *r, const struct stmt *st)
{
	const char *word = stmt_word(st, 0);

	if (strcasecmp(word, "options") == 0 && st->has_block)
		for (size_t i = 0; i < st->block.n; i++)
			read_option(r, st->block.v[i]);
	else if (strcasecmp(word, "zone") == 0 && st->has_block)
		read_zone(r, st);
	else if (strcasecmp(word, "view") == 0 && st->has_block)
		leave_view(r, st);
	else if (strcasecmp(word, "acl") != 0 || !st->has_block)
		convert_leave(r->d, reasons, st);
}

/* Who may have answers of others' names: BIND asks the first of these that is said. */
static void write_allow(struct reading *r)
{
	const struct stmt *chosen = NULL;
	struct draft_node *list;

	for (size_t i = 0; i < 3; i++) {
		if (r->allow[i] && chosen)
			draft_left(r->d, r->allow[i],
				   "dns64.allow_query is one list, made of that in line %u",
				   chosen->line);
		chosen = chosen ? chosen : r->allow[i];
	}
	if (chosen) {
		named_acl_write(&r->acl, r->dns64, "allow_query", chosen);
		return;
	}
	list = draft_list(r->d, r->dns64, "allow_query", NULL);
	draft_item(r->d, list, "localnets", NULL);
	draft_item(r->d, list, "localhost", NULL);
	draft_note(r->d, list, NULL, "BIND's default");
}

static void write_stale(struct reading *r)
{
	if (r->stale)
		draft_note(r->d, draft_text(r->d, r->dns64, "serve_stale", "1d", NULL),
			   r->stale, "for a day, unless max-stale-ttl is said");
	if (r->stale_ttl && r->stale)
		draft_text(r->d, r->dns64, "serve_stale", ttl(r->d, stmt_word(r->stale_ttl, 1)),
			   r->stale_ttl);
	else if (r->stale_ttl)
		draft_left(r->d, r->stale_ttl, "stale-answer-enable is not on");
}

static void write_rest(struct reading *r)
{
	if (!draft_find(r->dns64, "forwarders"))
		draft_note(
			r->d, draft_list(r->d, r->dns64, "forwarders", NULL), NULL,
			"without forwarders BIND asks the root servers; v6gwd asks the host's "
			"own resolvers, or those named here");
	if (!draft_find(r->dns64, "forwarders")->n)
		draft_item(r->d, draft_find(r->dns64, "forwarders"), "auto", NULL);
	if (r->resolves)
		return;
	draft_note(r->d, draft_list(r->d, r->dns64, "clients", NULL), NULL,
		   "named.conf has no dns64: nothing is synthesised");
	draft_item(r->d, draft_find(r->dns64, "clients"), "none", NULL);
}

void named_convert(struct draft *d, const struct stmt_list *list)
{
	struct reading r = { .d = d, .acl = { .d = d, .file = list, .left = ENTRIES_MAX } };

	r.dns64 = draft_group(d, draft_root(d), "dns64");
	for (size_t i = 0; i < list->n; i++)
		read_statement(&r, list->v[i]);
	write_allow(&r);
	write_stale(&r);
	write_rest(&r);
	named_acl_leave(&r.acl);
}
