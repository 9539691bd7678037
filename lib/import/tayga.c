/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tayga.c - tayga.conf of 0.9.2 and of its successor: a directive a line. */
#include "convert.h"

#include "base/addr.h"

#include <string.h>
#include <strings.h>

static const struct convert_reason reasons[] = {
	{ "strict-frag-hdr",
	  "v6gwd keeps to RFC 7915 5.1: a fragment header only where there are fragments" },
	{ "workers", "v6gwd needs no number of threads" },
	{ "tun-up", "v6gwd brings its device up by itself" },
	{ "tun-ip", "v6gwd routes what its device needs; the kernel gets no address on it" },
	{ "tun-route", "v6gwd makes and keeps the routes to its device by itself" },
	{ "tun-offload", "nat64.offload = \"auto\" is the default" },
	{ NULL, NULL },
};

struct pair {
	const char *directive, *key;
};

/* Directives that are a key of nat64 under another name. */
static const struct pair texts[] = {
	{ "tun-device", "device" },
	{ "prefix", "prefix" },
	{ "ipv4-addr", "ipv4_address" },
	{ "ipv6-addr", "ipv6_address" },
};

static void map(struct draft *d, struct draft_node *nat64, const struct stmt *st,
		const char *ipv4, const char *ipv6)
{
	struct draft_node *maps = draft_list(d, nat64, "maps", NULL), *entry;

	maps->groups = true;
	ipv4 = convert_net(d, ipv4);
	ipv6 = convert_net(d, ipv6);
	for (size_t i = 0; i < maps->n; i++)
		if (strcmp(draft_value(maps->v[i], "ipv4"), ipv4) == 0 ||
		    strcmp(draft_value(maps->v[i], "ipv6"), ipv6) == 0) {
			draft_left(d, st, "is mapped in line %u already",
				   maps->v[i]->from->line);
			return;
		}
	entry = draft_entry(d, maps, st);
	draft_text(d, entry, "ipv4", ipv4, st)->vital = true;
	draft_text(d, entry, "ipv6", ipv6, st)->vital = true;
}

static void checksum_mode(struct draft *d, struct draft_node *nat64, const struct stmt *st)
{
	const char *mode = stmt_word(st, 1);

	if (strcasecmp(mode, "fwd") == 0)
		draft_left(
			d, st,
			"IPv6 has no UDP without a checksum (RFC 8200 8.1): computed instead");
	else
		draft_text(d, nat64, "udp_zero_checksum",
			   strcasecmp(mode, "calc") == 0 ? "compute" : mode, st);
}

static void well_known(struct draft *d, struct draft_node *nat64, const struct stmt *st)
{
	bool strict;

	if (convert_switch(d, st, stmt_word(st, 1), &strict))
		draft_item(d, draft_list(d, nat64, "destinations", st), strict ? "auto" : "any",
			   st);
}

static void log_words(struct draft *d, struct draft_node *nat64, const struct stmt *st)
{
	for (size_t i = 1; i < st->n_words; i++) {
		const char *word = st->words[i];

		if (strcasecmp(word, "dyn") == 0)
			draft_plain(d, nat64, "log_mappings", "true", st);
		else
			draft_left(d, st,
				   "%s: packets are counted, not logged: v6gwctl counters",
				   word);
	}
}

static void data_dir(struct draft *d, const struct stmt *st)
{
	draft_left(
		d, st,
		"v6gwd has a state_directory of its own; for the mappings of now: v6gwctl "
		"import --leases %s/dynamic.map >/var/lib/v6gwd/leases, while v6gwd is stopped",
		stmt_word(st, 1));
}

static void directive(struct draft *d, struct draft_node *nat64, const struct stmt *st)
{
	const char *word = stmt_word(st, 0);
	struct prefix6 net;

	if (prefix_parse(word, &net, NULL) && convert_takes(d, st, 1)) /* of a map-file */
		map(d, nat64, st, word, st->words[1]);
	else if (strcasecmp(word, "map") == 0 && convert_takes(d, st, 2))
		map(d, nat64, st, st->words[1], st->words[2]);
	else if (strcasecmp(word, "log") == 0)
		log_words(d, nat64, st);
	else if (strcasecmp(word, "map") == 0 || prefix_parse(word, &net, NULL) ||
		 !convert_takes(d, st, 1))
		return;
	else if (strcasecmp(word, "dynamic-pool") == 0)
		draft_item(d, draft_list(d, nat64, "dynamic_pool", st),
			   convert_net(d, st->words[1]), st);
	else if (strcasecmp(word, "udp-cksum-mode") == 0)
		checksum_mode(d, nat64, st);
	else if (strcasecmp(word, "wkpf-strict") == 0)
		well_known(d, nat64, st);
	else if (strcasecmp(word, "offlink-mtu") == 0)
		draft_plain(d, nat64, "fragment_mtu", st->words[1], st);
	else if (strcasecmp(word, "data-dir") == 0)
		data_dir(d, st);
	else
		convert_leave(d, reasons, st);
}

static const char *key_of(const char *directive_name)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcasecmp(texts[i].directive, directive_name) == 0)
			return texts[i].key;
	return NULL;
}

/* Without dynamic-pool tayga knows fixed maps only. */
static void say_pool(struct draft *d, struct draft_node *nat64)
{
	struct draft_node *pool;

	if (draft_find(nat64, "dynamic_pool"))
		return;
	pool = draft_list(d, nat64, "dynamic_pool", NULL);
	draft_note(d, pool, NULL, "tayga.conf has no dynamic-pool: fixed maps only");
}

void tayga_convert(struct draft *d, const struct stmt_list *list)
{
	struct draft_node *nat64 = draft_group(d, draft_root(d), "nat64");

	for (size_t i = 0; i < list->n; i++) {
		const struct stmt *st = list->v[i];
		const char *key = key_of(stmt_word(st, 0));

		if (!key)
			directive(d, nat64, st);
		else if (convert_takes(d, st, 1))
			draft_text(d, nat64, key, convert_net(d, st->words[1]), st);
	}
	say_pool(d, nat64);
}
