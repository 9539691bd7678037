/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unbound.c - unbound.conf: its server, its forward zones, and its names as dns64.local. */
#include "convert.h"

#include "base/addr.h"
#include "config/option_type.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct convert_reason reasons[] = {
	{ "do-ip4", "v6gwd asks forwarders of both families" },
	{ "do-ip6", "v6gwd asks forwarders of both families" },
	{ "do-udp", "v6gwd answers over UDP and TCP" },
	{ "do-tcp", "v6gwd answers over UDP and TCP" },
	{ "num-threads", "v6gwd needs no number of threads" },
	{ "verbosity", "log_level says how much is logged" },
	{ "logfile", "v6gwd logs to the journal" },
	{ "use-syslog", "v6gwd logs to the journal" },
	{ "username", "left to systemd" },
	{ "chroot", "left to systemd" },
	{ "directory", "v6gwd keeps no zones; for includes it was followed" },
	{ "pidfile", "left to systemd" },
	{ "private-address", "v6gwd passes on what its forwarders say" },
	{ "private-domain", "v6gwd passes on what its forwarders say" },
	{ "do-not-query-address", "v6gwd asks its forwarders only" },
	{ "do-not-query-localhost",
	  "v6gwd asks its forwarders only, also at ::1 and 127.0.0.1" },
	{ "dns64-ignore-aaaa",
	  "v6gwd cannot ignore the AAAA of single names; dns64.exclude_aaaa ignores networks" },
	{ "auto-trust-anchor-file", "validation is left to the forwarders" },
	{ "trust-anchor-file", "validation is left to the forwarders" },
	{ "trust-anchor", "validation is left to the forwarders" },
	{ "root-hints", "v6gwd asks its forwarders, never the root servers" },
	{ "hide-identity", "v6gwd does not tell who it is" },
	{ "hide-version", "v6gwd does not tell its version" },
	{ "prefetch", "v6gwd asks again when an answer has expired" },
	{ "qname-minimisation", "the forwarders' business" },
	{ "aggressive-nsec", "the forwarders' business" },
	{ "harden-glue", "the forwarders' business" },
	{ "harden-dnssec-stripped", "validation is left to the forwarders" },
	{ "harden-below-nxdomain", "the forwarders' business" },
	{ "use-caps-for-id", "v6gwd does so by itself" },
	{ "edns-buffer-size", "v6gwd asks its forwarders with 1232 bytes" },
	{ "outgoing-interface", "v6gwd leaves the address to the kernel" },
	{ "tls-cert-bundle", "v6gwd speaks plain DNS" },
	{ "tls-upstream", "v6gwd speaks plain DNS" },
	{ "local-zone", "v6gwd has no zones of its own; names: dns64.local" },
	{ "access-control-view", "v6gwd has no views" },
	{ "access-control-tag", "v6gwd has no views" },
	{ "ip-freebind", "v6gwd waits for its addresses by itself" },
	{ "remote-control", "v6gwd is controlled over its socket: v6gwctl" },
	{ "stub-zone", "v6gwd asks resolvers only: dns64.zones" },
	{ "auth-zone", "v6gwd is no authoritative server" },
	{ "view", "v6gwd has no views" },
	{ "rpz", "v6gwd has no policy zones" },
	{ "dnstap", "v6gwd has no such log" },
	{ "python", "v6gwd has no modules" },
	{ "cachedb", "v6gwd's cache is in memory" },
	{ "forward-first", "v6gwd asks its forwarders, and nobody else" },
	{ "forward-no-cache", "v6gwd caches every answer" },
	{ "forward-host", "v6gwd knows its forwarders by address" },
	{ NULL, NULL },
};

/* A line of access-control: the longest network decides, wherever it stands. */
struct access {
	const struct stmt *st;
	const char *net;
	unsigned len; /* of IPv4 + 96 */
	bool allowed;
};

/* A name of local-data with its address, or an address with its name. */
struct record {
	const struct stmt *st;
	const char *name, *data;
	enum { RECORD_A, RECORD_AAAA, RECORD_PTR } type;
};

struct reading {
	struct draft *d;
	struct draft_node *dns64;
	struct access *access;
	size_t n_access;
	struct record *records;
	size_t n_records;
	const struct stmt *modules, *prefix, *expired, *expired_ttl;
	unsigned long caches[2]; /* bytes of messages and record sets */
	const struct stmt *cache;
	bool listens;
};

static void read_interface(struct reading *r, const struct stmt *st)
{
	const char *word = stmt_word(st, 1);
	size_t len = strcspn(word, "@");
	struct in6_addr a;
	const char *addr = draft_printf(r->d, "%.*s", (int)len, word);

	r->listens = true;
	if (word[len] && strcmp(word + len, "@53") != 0)
		draft_left(r->d, st, "v6gwd has one port for all addresses, dns64.port");
	else if (!addr_parse(addr, &a))
		convert_listen(r->d, "auto", st); /* the name of an interface */
	else if (addr_is_v4(&a) && !addr_v4(&a).s_addr)
		draft_left(r->d, st,
			   "the guests have no IPv4; where they do, name the address in "
			   "dns64.listen");
	else
		convert_listen(r->d, addr, st);
}

/* On every address there is. */
static void read_automatic(struct reading *r, const struct stmt *st)
{
	bool on;

	if (!convert_switch(r->d, st, stmt_word(st, 1), &on))
		return;
	if (!on) {
		convert_as_ever(r->d, st);
		return;
	}
	r->listens = true;
	convert_listen(r->d, "auto", st);
}

static void read_access(struct reading *r, const struct stmt *st)
{
	static const char *const refusals[] = { "deny", "refuse", "deny_non_local",
						"refuse_non_local" };
	struct access *a =
		memory_append(draft_memory(r->d), &r->access, r->n_access, sizeof *a);
	struct prefix6 p;

	if (!a)
		return;
	*a = (struct access){ .st = st,
			      .net = convert_net(r->d, stmt_word(st, 1)),
			      .allowed = true };
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
		a->allowed &= strcasecmp(stmt_word(st, 2), refusals[i]) != 0;
	if (prefix_parse(a->net, &p, NULL))
		a->len = p.len;
	r->n_access++;
}

/* "50m", "4k", bytes; 0 when it is none. */
static unsigned long size_of(const char *word)
{
	size_t len = strspn(word, "0123456789");
	char digits[12] = "";
	unsigned long n;
	unsigned shift;

	if (len >= sizeof digits)
		return 0;
	memcpy(digits, word, len);
	switch (word[len] | 0x20) {
	case 'k':
		shift = 10;
		break;
	case 'm':
		shift = 20;
		break;
	case 'g':
		shift = 30;
		break;
	default:
		shift = 0;
	}
	return convert_number(digits, &n) ? n << shift : 0;
}

static void read_cache(struct reading *r, const struct stmt *st)
{
	bool messages = strcmp(st->words[0], "msg-cache-size") == 0;

	r->caches[!messages] = size_of(stmt_word(st, 1));
	if (r->cache)
		draft_left(r->d, r->cache, "is in dns64.cache_size, with that in line %u",
			   st->line);
	r->cache = st;
}

static void set_seconds(struct reading *r, const char *key, const struct stmt *st)
{
	char text[OPTION_DURATION_LEN];
	unsigned long n;

	if (convert_number(stmt_word(st, 1), &n))
		draft_text(r->d, r->dns64, key, option_duration((int64_t)n * 1000, text), st);
	else
		draft_left(r->d, st, "cannot be read: not a number of seconds");
}

static void read_max_ttl(struct reading *r, const struct stmt *st)
{
	set_seconds(r, "max_ttl", st);
}

static void read_negative_ttl(struct reading *r, const struct stmt *st)
{
	set_seconds(r, "negative_ttl", st);
}

static void read_port(struct reading *r, const struct stmt *st)
{
	draft_plain(r->d, r->dns64, "port", stmt_word(st, 1), st);
}

static void read_udp_size(struct reading *r, const struct stmt *st)
{
	draft_plain(r->d, r->dns64, "udp_payload", stmt_word(st, 1), st);
}

static void read_tcp(struct reading *r, const struct stmt *st)
{
	draft_plain(r->d, r->dns64, "tcp_clients", stmt_word(st, 1), st);
}

static void read_log(struct reading *r, const struct stmt *st)
{
	bool on;

	if (convert_switch(r->d, st, stmt_word(st, 1), &on))
		draft_plain(r->d, r->dns64, "query_log", on ? "true" : "false", st);
}

static void read_modules(struct reading *r, const struct stmt *st)
{
	r->modules = st;
}

static void read_prefix(struct reading *r, const struct stmt *st)
{
	r->prefix = st;
}

/* Every AAAA counts as absent. */
static void read_synthall(struct reading *r, const struct stmt *st)
{
	bool on;

	if (!convert_switch(r->d, st, stmt_word(st, 1), &on))
		return;
	if (on)
		draft_item(r->d, draft_list(r->d, r->dns64, "exclude_aaaa", st), "::/0", st);
	else
		convert_as_ever(r->d, st);
}

static void read_expired(struct reading *r, const struct stmt *st)
{
	bool on;

	if (!convert_switch(r->d, st, stmt_word(st, 1), &on))
		return;
	if (on)
		r->expired = st;
	else
		convert_as_ever(r->d, st);
}

static void read_expired_ttl(struct reading *r, const struct stmt *st)
{
	r->expired_ttl = st;
}

/* The words of a record in one text, "name [TTL] [IN] TYPE data": the next one, "" at the end.
 */
static const char *next_word(struct draft *d, const char **text)
{
	size_t skip = strspn(*text, " \t"), len = strcspn(*text + skip, " \t");
	const char *word = draft_printf(d, "%.*s", (int)len, *text + skip);

	*text += skip + len;
	return word;
}

static void add_record(struct reading *r, const struct record *record)
{
	struct record *place =
		memory_append(draft_memory(r->d), &r->records, r->n_records, sizeof *place);

	if (!place)
		return;
	*place = *record;
	r->n_records++;
}

static const char *without_dot(struct draft *d, const char *name)
{
	size_t len = strlen(name);

	return len > 1 && name[len - 1] == '.' ? draft_printf(d, "%.*s", (int)len - 1, name)
					       : name;
}

static void read_data(struct reading *r, const struct stmt *st)
{
	const char *text = stmt_word(st, 1), *name, *word;
	struct record record = { .st = st, .type = RECORD_A };
	unsigned long ttl;

	for (size_t i = 2; i < st->n_words; i++)
		text = draft_printf(r->d, "%s %s", text, st->words[i]);
	name = next_word(r->d, &text);
	word = next_word(r->d, &text);
	if (convert_number(word, &ttl))
		word = next_word(r->d, &text);
	if (strcasecmp(word, "IN") == 0)
		word = next_word(r->d, &text);
	record.name = without_dot(r->d, name);
	record.data = next_word(r->d, &text);
	if (strcasecmp(word, "AAAA") == 0)
		record.type = RECORD_AAAA;
	if (record.type == RECORD_AAAA || strcasecmp(word, "A") == 0)
		add_record(r, &record);
	else if (strcasecmp(word, "PTR") == 0)
		draft_left(r->d, st, "say ptr = true at the name in dns64.local");
	else
		draft_left(r->d, st, "dns64.local holds A and AAAA");
}

/* local-data-ptr: "address [TTL] name" */
static void read_pointer(struct reading *r, const struct stmt *st)
{
	const char *text = stmt_word(st, 1), *addr, *name;
	struct record record = { .st = st, .type = RECORD_PTR };
	unsigned long ttl;

	for (size_t i = 2; i < st->n_words; i++)
		text = draft_printf(r->d, "%s %s", text, st->words[i]);
	addr = next_word(r->d, &text);
	name = next_word(r->d, &text);
	if (convert_number(name, &ttl))
		name = next_word(r->d, &text);
	record.name = without_dot(r->d, name);
	record.data = convert_addr(r->d, addr);
	add_record(r, &record);
}

struct handler {
	const char *word;
	void (*read)(struct reading *, const struct stmt *);
	bool several; /* words */
};

static const struct handler handlers[] = {
	{ "interface", read_interface, false },
	{ "ip-address", read_interface, false },
	{ "interface-automatic", read_automatic, false },
	{ "port", read_port, false },
	{ "access-control", read_access, true },
	{ "module-config", read_modules, false },
	{ "dns64-prefix", read_prefix, false },
	{ "dns64-synthall", read_synthall, false },
	{ "msg-cache-size", read_cache, false },
	{ "rrset-cache-size", read_cache, false },
	{ "cache-max-ttl", read_max_ttl, false },
	{ "cache-max-negative-ttl", read_negative_ttl, false },
	{ "max-udp-size", read_udp_size, false },
	{ "incoming-num-tcp", read_tcp, false },
	{ "log-queries", read_log, false },
	{ "serve-expired", read_expired, false },
	{ "serve-expired-ttl", read_expired_ttl, false },
	{ "local-data", read_data, true },
	{ "local-data-ptr", read_pointer, true },
};

static void read_option(struct reading *r, const struct stmt *st)
{
	for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
		if (strcmp(handlers[i].word, stmt_word(st, 0)) == 0) {
			if (st->n_words < 2 || (st->n_words > 2 && !handlers[i].several))
				draft_left(r->d, st, "cannot be read: one value expected");
			else
				handlers[i].read(r, st);
			return;
		}
	convert_leave(r->d, reasons, st);
}

/* "addr@port#name"; the name is for TLS only. */
static void read_forward_addr(struct reading *r, struct draft_node *list, const struct stmt *st)
{
	const char *word = stmt_word(st, 1);
	size_t addr = strcspn(word, "@#"),
	       port = word[addr] == '@' ? strcspn(word + addr, "#") : 0;

	convert_forwarder(
		r->d, list, draft_printf(r->d, "%.*s", (int)addr, word),
		port ? draft_printf(r->d, "%.*s", (int)port - 1, word + addr + 1) : "", st);
}

static bool is_word(const struct stmt *st, const char *word)
{
	return strcmp(stmt_word(st, 0), word) == 0;
}

static bool wants_tls(struct reading *r, const struct stmt *zone)
{
	bool tls = false;

	for (size_t i = 0; i < zone->block.n; i++) {
		const struct stmt *st = zone->block.v[i];

		if (is_word(st, "forward-tls-upstream") || is_word(st, "forward-ssl-upstream"))
			convert_switch(r->d, st, stmt_word(st, 1), &tls);
	}
	return tls;
}

static void read_forward_zone(struct reading *r, const struct stmt *zone)
{
	bool tls = wants_tls(r, zone);
	const char *name = NULL;
	struct draft_node *list;

	for (size_t i = 0; i < zone->block.n; i++)
		if (is_word(zone->block.v[i], "name"))
			name = stmt_word(zone->block.v[i], 1);
	if (!name) {
		draft_left(r->d, zone, "cannot be read: it has no name");
		return;
	}
	list = convert_zone(r->d, name, zone);
	for (size_t i = 0; i < zone->block.n; i++) {
		const struct stmt *st = zone->block.v[i];

		if (is_word(st, "name"))
			continue;
		if (is_word(st, "forward-addr") && !tls)
			read_forward_addr(r, list, st);
		else if (is_word(st, "forward-addr") || is_word(st, "forward-tls-upstream") ||
			 is_word(st, "forward-ssl-upstream"))
			draft_left(r->d, st, "v6gwd speaks plain DNS, not DNS over TLS");
		else
			convert_leave(r->d, reasons, st);
	}
	list->optional = strcmp(name, ".") == 0;
}

static void read_clause(struct reading *r, const struct stmt *st)
{
	if (!st->has_block) {
		read_option(r, st);
	} else if (is_word(st, "forward-zone")) {
		read_forward_zone(r, st);
	} else if (!is_word(st, "server")) {
		convert_leave(r->d, reasons, st);
		for (size_t i = 0; i < st->block.n; i++)
			draft_left(r->d, st->block.v[i], "stands in that");
	} else {
		for (size_t i = 0; i < st->block.n; i++)
			if (!st->block.v[i]->has_block)
				read_option(r, st->block.v[i]);
	}
}

static int longest_first(const void *a, const void *b)
{
	const struct access *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? 1 : -1;
	return x->st->line < y->st->line ? -1 : x->st->line > y->st->line;
}

/* Whoever no line names is refused, but for the host itself. */
static void write_access(struct reading *r)
{
	struct draft_node *list;

	if (draft_find(r->dns64, "allow_query")) {
		for (size_t i = 0; i < r->n_access; i++)
			draft_left(r->d, r->access[i].st, "named.conf's list holds");
		return;
	}
	list = draft_list(r->d, r->dns64, "allow_query", NULL);
	draft_note(r->d, list, NULL,
		   "unbound takes the longest network, v6gwd the first that matches; it always "
		   "allows the host itself");
	if (r->n_access)
		qsort(r->access, r->n_access, sizeof *r->access, longest_first);
	for (size_t i = 0; i < r->n_access; i++) {
		const struct access *a = &r->access[i];

		draft_item(r->d, list,
			   draft_printf(r->d, "%s%s", a->allowed ? "" : "!", a->net), a->st);
	}
	draft_item(r->d, list, "localhost", NULL);
}

static void write_prefix(struct reading *r)
{
	bool has = r->modules && strstr(r->modules->said, "dns64");
	struct draft_node *clients;

	if (has && strstr(r->modules->said, "validator"))
		convert_validation(r->d, r->modules);
	if (has) {
		if (r->prefix)
			convert_dns64_prefix(r->d, stmt_word(r->prefix, 1), r->prefix);
		return;
	}
	if (r->prefix)
		draft_left(r->d, r->prefix, "module-config has no dns64");
	if (draft_find(r->dns64, "clients"))
		return;
	clients = draft_list(r->d, r->dns64, "clients", r->modules);
	draft_note(r->d, clients, NULL, "module-config has no dns64: nothing is synthesised");
	draft_item(r->d, clients, "none", r->modules);
}

static struct draft_node *local_of(struct reading *r, struct draft_node *local,
				   const struct record *record)
{
	for (size_t i = 0; i < local->n; i++)
		if (strcasecmp(draft_value(local->v[i], "name"), record->name) == 0)
			return local->v[i];
	struct draft_node *entry = draft_entry(r->d, local, record->st);

	draft_text(r->d, entry, "name", record->name, record->st)->vital = true;
	draft_plain(r->d, entry, "ptr", "false", NULL);
	return entry;
}

static bool has_address(const struct draft_node *entry, const char *addr)
{
	static const char *const keys[] = { "a", "aaaa" };

	for (size_t k = 0; k < 2; k++) {
		const struct draft_node *list = draft_find(entry, keys[k]);

		for (size_t i = 0; list && i < list->n; i++)
			if (strcmp(list->v[i]->text, addr) == 0)
				return true;
	}
	return false;
}

/* A PTR of a name that has the address turns ptr on. */
static void write_pointer(struct reading *r, struct draft_node *local,
			  const struct record *record)
{
	for (size_t i = 0; i < local->n; i++) {
		struct draft_node *entry = local->v[i];

		if (strcasecmp(draft_value(entry, "name"), record->name) == 0 &&
		    has_address(entry, record->data)) {
			draft_plain(r->d, entry, "ptr", "true", record->st);
			return;
		}
	}
	draft_left(r->d, record->st, "a PTR comes with the name's own address in dns64.local");
}

static void write_local(struct reading *r)
{
	struct draft_node *local;

	if (!r->n_records)
		return;
	local = draft_list(r->d, r->dns64, "local", NULL);
	local->groups = true;
	draft_note(r->d, local, NULL, "other types of these names do not exist");
	for (size_t i = 0; i < r->n_records; i++) {
		const struct record *record = &r->records[i];
		const char *key = record->type == RECORD_A ? "a" : "aaaa";

		if (record->type == RECORD_PTR)
			continue;
		draft_item(r->d, draft_list(r->d, local_of(r, local, record), key, record->st),
			   convert_addr(r->d, record->data), record->st);
	}
	for (size_t i = 0; i < r->n_records; i++)
		if (r->records[i].type == RECORD_PTR)
			write_pointer(r, local, &r->records[i]);
}

static void write_rest(struct reading *r)
{
	struct draft_node *list = draft_list(r->d, r->dns64, "forwarders", NULL);

	if (r->cache && r->caches[0] + r->caches[1])
		draft_text(r->d, r->dns64, "cache_size",
			   draft_printf(r->d, "%luK",
					((r->caches[0] ? r->caches[0] : 4ul << 20) +
					 (r->caches[1] ? r->caches[1] : 4ul << 20)) >>
						10),
			   r->cache);
	if (r->expired)
		draft_note(r->d, draft_text(r->d, r->dns64, "serve_stale", "1d", NULL),
			   r->expired, "for a day, unless serve-expired-ttl is said");
	if (r->expired && r->expired_ttl)
		set_seconds(r, "serve_stale", r->expired_ttl);
	else if (r->expired_ttl)
		draft_left(r->d, r->expired_ttl, "serve-expired is not on");
	if (!r->listens && !draft_find(r->dns64, "listen")) {
		convert_listen(r->d, "::1", NULL);
		convert_listen(r->d, "127.0.0.1", NULL);
		draft_note(r->d, draft_find(r->dns64, "listen"), NULL,
			   "without `interface` unbound listens here; \"auto\" is where the "
			   "guests "
			   "are");
	}
	if (list->n)
		return;
	draft_note(r->d, list, NULL,
		   "without forwarders for \".\" unbound asks the root servers; v6gwd asks the "
		   "host's own resolvers, or those named here");
	draft_item(r->d, list, "auto", NULL);
}

void unbound_convert(struct draft *d, const struct stmt_list *list)
{
	struct reading r = { .d = d };

	r.dns64 = draft_group(d, draft_root(d), "dns64");
	for (size_t i = 0; i < list->n; i++)
		read_clause(&r, list->v[i]);
	write_prefix(&r);
	write_access(&r);
	write_local(&r);
	write_rest(&r);
}
