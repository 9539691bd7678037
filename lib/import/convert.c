/* SPDX-License-Identifier: GPL-3.0-or-later */
/* convert.c - what the programs have in common: switches, numbers, addresses, resolvers. */
#include "convert.h"

#include "base/addr.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void convert_leave(struct draft *d, const struct convert_reason *table, const struct stmt *st)
{
	for (; table->word; table++)
		if (strcasecmp(table->word, stmt_word(st, 0)) == 0) {
			draft_left(d, st, "%s", table->why);
			return;
		}
	draft_left(d, st, "not known here, v6gwd has nothing like it");
}

bool convert_takes(struct draft *d, const struct stmt *st, size_t n)
{
	if (!st->has_block && st->n_words == n + 1)
		return true;
	draft_left(d, st, "cannot be read: %zu words expected behind %s", n, stmt_word(st, 0));
	return false;
}

bool convert_switch(struct draft *d, const struct stmt *st, const char *word, bool *out)
{
	static const char *const words[] = {
		"no", "yes", "off", "on", "false", "true", "0", "1"
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(word, words[i]) == 0) {
			*out = i % 2;
			return true;
		}
	draft_left(d, st, "cannot be read: neither yes nor no");
	return false;
}

void convert_as_ever(struct draft *d, const struct stmt *st)
{
	draft_left(d, st, "nothing to say: v6gwd's default");
}

bool convert_number(const char *word, unsigned long *out)
{
	unsigned long n = 0;
	size_t len = strlen(word);

	if (!len || len > 10)
		return false;
	for (; *word; word++) {
		if (*word < '0' || *word > '9')
			return false;
		n = n * 10 + (unsigned long)(*word - '0');
	}
	if (n > UINT32_MAX)
		return false;
	*out = n;
	return true;
}

const char *convert_addr(struct draft *d, const char *word)
{
	char text[ADDR_TEXT_LEN];
	struct in6_addr a;

	if (!addr_parse(word, &a) || (addr_is_v4(&a) && strchr(word, ':')))
		return word;
	return draft_printf(d, "%s", addr_text(&a, text));
}

/* "10/8", "192.168/16": the octets that are missing are 0. */
static const char *complete(struct draft *d, const char *word)
{
	size_t len = strspn(word, "0123456789."), dots = 0;

	for (size_t i = 0; i < len; i++)
		dots += word[i] == '.';
	if (!len || word[len] != '/' || dots >= 3 || word[len - 1] == '.')
		return word;
	return draft_printf(d, "%.*s%s%s", (int)len, word, &".0.0.0"[2 * dots], word + len);
}

const char *convert_net(struct draft *d, const char *word)
{
	char text[ADDR_TEXT_LEN];
	struct prefix6 p;
	bool host_bits;

	if (!strchr(word, '/'))
		return convert_addr(d, word);
	word = complete(d, word);
	if (!prefix_parse(word, &p, &host_bits) || host_bits ||
	    addr_is_v4(&p.addr) != !strchr(word, ':'))
		return word;
	return draft_printf(d, "%s", prefix_text(&p, text));
}

void convert_dns64_prefix(struct draft *d, const char *prefix, const struct stmt *st)
{
	struct draft_node *nat64 = draft_group(d, draft_root(d), "nat64");
	struct draft_node *own = draft_find(nat64, "prefix");

	prefix = convert_net(d, prefix);
	if (own && strcmp(own->text, prefix) != 0 && own->from)
		draft_note(d, own, st, "contradicts the translator's prefix, which holds");
	else
		draft_text(d, nat64, "prefix", prefix, st);
}

void convert_forwarder(struct draft *d, struct draft_node *list, const char *addr,
		       const char *port, const struct stmt *st)
{
	const char *text = convert_addr(d, addr);

	if (strchr(text, '%'))
		text = draft_printf(d, "[%s]", text);
	if (*port && strcmp(port, "53") != 0)
		text = draft_printf(d, strchr(text, ':') && *text != '[' ? "[%s]@%s" : "%s@%s",
				    text, port);
	draft_item(d, list, text, st);
}

struct draft_node *convert_zone(struct draft *d, const char *name, const struct stmt *st)
{
	struct draft_node *dns64 = draft_group(d, draft_root(d), "dns64"), *zones, *zone;
	size_t len = strlen(name);

	if (strcmp(name, ".") == 0)
		return draft_list(d, dns64, "forwarders", st);
	zones = draft_list(d, dns64, "zones", NULL);
	zones->groups = true;
	if (len && name[len - 1] == '.')
		name = draft_printf(d, "%.*s", (int)len - 1, name);
	for (size_t i = 0; i < zones->n; i++)
		if (strcasecmp(draft_value(zones->v[i], "name"), name) == 0) {
			draft_note(d, zones->v[i], st, "the same domain again, taken together");
			return draft_list(d, zones->v[i], "forwarders", st);
		}
	zone = draft_entry(d, zones, st);
	draft_text(d, zone, "name", name, st)->vital = true;
	return draft_list(d, zone, "forwarders", st);
}

void convert_listen(struct draft *d, const char *addr, const struct stmt *st)
{
	struct draft_node *dns64 = draft_group(d, draft_root(d), "dns64");
	struct draft_node *listen = draft_list(d, dns64, "listen", NULL);
	struct in6_addr a;

	if (addr_parse(addr, &a) && addr_is_unspecified(&a))
		addr = "auto";
	draft_item(d, listen, convert_addr(d, addr), st);
}

void convert_validation(struct draft *d, const struct stmt *st)
{
	struct draft_node *dns64 = draft_group(d, draft_root(d), "dns64");
	struct draft_node *dnssec = draft_text(d, dns64, "dnssec", "pass", NULL);

	draft_note(d, dnssec, st,
		   "left to the forwarders, and to guests that validate; \"validate\" proves "
		   "answers here");
}
