/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radvd.c - radvd.conf up to 2.21: one entry of ra for each interface that advertises.
 *
 * radvd computes the default lifetimes of routes and resolvers where their block stands, from
 * the MaxRtrAdvInterval that was said until then; v6gwd at the end, from the one that holds.
 */
#include "convert.h"

#include "base/addr.h"
#include "config/option_type.h"

#include <string.h>
#include <strings.h>

#define MAX_DEFAULT_MS INT64_C(600000)
#define PREFER_DEFAULT 14400ul
#define INFINITE       UINT32_MAX

static const struct convert_reason reasons[] = {
	{ "IgnoreIfMissing", "v6gwd waits for an interface that is missing" },
	{ "MinDelayBetweenRAs", "always 3 s between two multicasts (RFC 4861 6.2.6)" },
	{ "UnicastOnly", "v6gwd also sends to all guests of the link" },
	{ "UnrestrictedUnicast", "v6gwd answers everyone" },
	{ "AdvRASolicitedUnicast", "v6gwd answers by unicast (RFC 7772)" },
	{ "AdvRAMTU", "v6gwd keeps every message below 1280 bytes (RFC 6980)" },
	{ "AdvHomeAgentFlag", "Mobile IPv6 is not for guests" },
	{ "AdvHomeAgentInfo", "Mobile IPv6 is not for guests" },
	{ "HomeAgentLifetime", "Mobile IPv6 is not for guests" },
	{ "HomeAgentPreference", "Mobile IPv6 is not for guests" },
	{ "AdvMobRtrSupportFlag", "Mobile IPv6 is not for guests" },
	{ "AdvIntervalOpt", "Mobile IPv6 is not for guests" },
	{ "AdvSNACRouterFlag", "v6gwd is no stub network's router" },
	{ "clients", "v6gwd advertises to the whole link" },
	{ "AdvRASrcAddress", "v6gwd sends from the link-local address of the interface" },
	{ "autoignoreprefixes",
	  "with prefix = \"auto\" v6gwd advertises the interface's /64s" },
	{ "lowpanco", "6LoWPAN is not for guests" },
	{ "abro", "6LoWPAN is not for guests" },
	{ "RemoveRoute", "v6gwd takes routes back when it leaves: see ra.final" },
	{ "FlushRDNSS", "v6gwd takes resolvers back when it leaves: see ra.final" },
	{ "FlushDNSSL", "v6gwd takes domains back when it leaves: see ra.final" },
	{ "AdvRDNSSPreference", "long gone from RFC 8106, and radvd ignores it" },
	{ "AdvRDNSSOpen", "long gone from RFC 8106, and radvd ignores it" },
	{ "AdvDHCPv6PDPreferred", "v6gwd does not send this flag" },
	{ "DeprecatePrefix", "a prefix that leaves the file is deprecated by v6gwd" },
	{ "DecrementLifetimes",
	  "with prefix = \"auto\" v6gwd follows the address's lifetimes" },
	{ "Base6Interface", "v6gwd advertises the prefixes of the interface itself" },
	{ "Base6to4Interface", "6to4 is deprecated (RFC 7526)" },
	{ NULL, NULL },
};

enum kind { SWITCH, NUMBER, WORD, SECONDS, MILLISECONDS, INTERVAL };

struct rule {
	const char *keyword, *key;
	enum kind kind;
	bool infinite;
};

static const struct rule interface_rules[] = {
	{ "MinRtrAdvInterval", "min_interval", INTERVAL, false },
	{ "MaxRtrAdvInterval", "max_interval", INTERVAL, false },
	{ "AdvDefaultLifetime", "router_lifetime", SECONDS, false },
	{ "AdvDefaultPreference", "preference", WORD, false },
	{ "AdvManagedFlag", "managed", SWITCH, false },
	{ "AdvOtherConfigFlag", "other", SWITCH, false },
	{ "AdvCurHopLimit", "hop_limit", NUMBER, false },
	{ "AdvLinkMTU", "mtu", NUMBER, false },
	{ "AdvReachableTime", "reachable_time", MILLISECONDS, false },
	{ "AdvRetransTimer", "retrans_timer", MILLISECONDS, false },
	{ "AdvSourceLLAddress", "source_link_layer", SWITCH, false },
	{ "AdvCaptivePortalAPI", "captive_portal", WORD, false },
	{ 0 },
};
static const struct rule prefix_rules[] = {
	{ "AdvOnLink", "on_link", SWITCH, false },
	{ "AdvAutonomous", "autonomous", SWITCH, false },
	{ "AdvRouterAddr", "router_address", SWITCH, false },
	{ "AdvValidLifetime", "valid", SECONDS, true },
	{ "AdvPreferredLifetime", "preferred", SECONDS, true },
	{ 0 },
};
static const struct rule route_rules[] = {
	{ "AdvRouteLifetime", "lifetime", SECONDS, true },
	{ "AdvRoutePreference", "preference", WORD, false },
	{ 0 },
};
static const struct rule rdnss_rules[] = { { "AdvRDNSSLifetime", "lifetime", SECONDS, true },
					   { 0 } };
static const struct rule dnssl_rules[] = { { "AdvDNSSLLifetime", "lifetime", SECONDS, true },
					   { 0 } };
static const struct rule pref64_rules[] = { { "AdvValidLifetime", "lifetime", SECONDS, false },
					    { 0 } };

static const char *duration(struct draft *d, int64_t ms)
{
	char text[OPTION_DURATION_LEN];

	return draft_printf(d, "%s", option_duration(ms, text));
}

/* Seconds with a fraction, "3.5", in milliseconds; false when it is neither. */
static bool interval_ms(const char *word, int64_t *out)
{
	unsigned long whole, scale = 100;
	size_t len = strcspn(word, ".");
	char digits[12];

	if (!len || len >= sizeof digits)
		return false;
	memcpy(digits, word, len);
	digits[len] = '\0';
	if (!convert_number(digits, &whole))
		return false;
	*out = (int64_t)whole * 1000;
	for (word += len + (word[len] == '.'); *word; word++, scale /= 10) {
		if (*word < '0' || *word > '9')
			return false;
		*out += (int64_t)(scale * (unsigned long)(*word - '0'));
	}
	return true;
}

/* An amount of time as v6gwd writes it; NULL when it is none. */
static const char *time_text(struct draft *d, const struct rule *rule, const char *word)
{
	unsigned long n;
	int64_t ms;

	if (rule->kind == INTERVAL)
		return interval_ms(word, &ms) ? duration(d, ms) : NULL;
	if (rule->infinite && strcasecmp(word, "infinity") == 0)
		return "infinity";
	if (!convert_number(word, &n))
		return NULL;
	if (rule->infinite && n == INFINITE)
		return "infinity";
	return duration(d, (int64_t)n * (rule->kind == SECONDS ? 1000 : 1));
}

static void apply(struct draft *d, struct draft_node *group, const struct rule *rule,
		  const struct stmt *st)
{
	const char *word = stmt_word(st, 1), *text;
	unsigned long n;
	bool on;

	if (!convert_takes(d, st, 1))
		return;
	if (rule->kind == SWITCH) {
		if (convert_switch(d, st, word, &on))
			draft_plain(d, group, rule->key, on ? "true" : "false", st);
	} else if (rule->kind == NUMBER) {
		if (convert_number(word, &n))
			draft_plain(d, group, rule->key, draft_printf(d, "%lu", n), st);
		else
			draft_left(d, st, "cannot be read: not a number");
	} else if (rule->kind == WORD) {
		draft_text(d, group, rule->key, word, st);
	} else {
		text = time_text(d, rule, word);
		if (text)
			draft_text(d, group, rule->key, text, st);
		else
			draft_left(d, st, "cannot be read: not a number of seconds");
	}
}

static const struct rule *rule_of(const struct rule *rules, const struct stmt *st)
{
	for (; rules->keyword; rules++)
		if (strcasecmp(rules->keyword, stmt_word(st, 0)) == 0)
			return rules;
	return NULL;
}

/* What stands in the braces of a prefix, a route ... */
static void read_options(struct draft *d, struct draft_node *group, const struct rule *rules,
			 const struct stmt *block)
{
	for (size_t i = 0; i < block->block.n; i++) {
		const struct stmt *st = block->block.v[i];
		const struct rule *rule = rule_of(rules, st);

		if (rule)
			apply(d, group, rule, st);
		else
			convert_leave(d, reasons, st);
	}
}

/* A block whose lifetime radvd computes where it stands. */
struct late {
	struct draft_node *group;
	const struct stmt *st;
	int64_t max_ms;
};

struct interface {
	struct draft *d;
	struct draft_node *ra;
	int64_t max_ms; /* said until here */
	struct late *late;
	size_t n_late;
};

static struct draft_node *entry(struct interface *f, const char *list_name,
				const struct stmt *st)
{
	struct draft_node *list = draft_list(f->d, f->ra, list_name, NULL);

	return draft_entry(f->d, list, st);
}

static struct draft_node *vital_text(struct draft *d, struct draft_node *group, const char *key,
				     const char *text, const struct stmt *st)
{
	struct draft_node *node = draft_text(d, group, key, text, st);

	node->vital = true;
	return node;
}

/* "2001:db8::/64" as it is written: host bits are the option table's to judge. */
static bool is_again(struct interface *f, const char *list_name, const char *prefix,
		     const struct stmt *st)
{
	struct draft_node *list = draft_find(f->ra, list_name);

	for (size_t i = 0; list && i < list->n; i++)
		if (strcmp(draft_value(list->v[i], "prefix"), prefix) == 0) {
			draft_left(f->d, st, "is in line %u already, which holds",
				   list->v[i]->from->line);
			return true;
		}
	return false;
}

static void shorten_preferred(struct draft *d, struct draft_node *prefix, const struct stmt *st)
{
	struct draft_node *valid = draft_find(prefix, "valid");
	unsigned long n;

	if (!valid || draft_find(prefix, "preferred") ||
	    !convert_number(stmt_word(valid->from, 1), &n) || n >= PREFER_DEFAULT)
		return;
	draft_note(d, draft_text(d, prefix, "preferred", valid->text, NULL), st,
		   "the default of AdvPreferredLifetime, 14400, is longer than valid");
}

static void read_prefix(struct interface *f, const struct stmt *st)
{
	struct draft *d = f->d;
	const char *text = convert_net(d, stmt_word(st, 1));
	struct draft_node *prefix, *flag;
	bool is_auto = strncmp(text, "::/", 3) == 0;

	if (is_auto)
		text = "auto";
	if (st->n_words != 2) {
		draft_left(d, st, "cannot be read: one prefix expected");
		return;
	}
	if (is_again(f, "prefixes", text, st))
		return;
	prefix = entry(f, "prefixes", st);
	vital_text(d, prefix, "prefix", text, st);
	if (is_auto)
		draft_note(
			d, prefix, st,
			"those of the interface's addresses: /64 only, each once, deprecated "
			"ones with preferred 0");
	read_options(d, prefix, prefix_rules, st);
	shorten_preferred(d, prefix, st);
	flag = draft_find(prefix, "router_address");
	if (flag && strcmp(flag->text, "true") == 0)
		draft_note(d, flag, NULL,
			   "radvd sends the prefix as the address; v6gwd the interface's own "
			   "(RFC 6275 7.2)");
	flag = draft_find(prefix, "valid");
	if (flag && strcmp(flag->text, "infinity") == 0)
		draft_note(d, flag, NULL,
			   "warning: guests keep such an address for ever, also when the "
			   "prefix is "
			   "no longer yours; the default is 1d");
}

static void note_late(struct interface *f, struct draft_node *group, const struct stmt *st)
{
	struct late *late;

	if (draft_find(group, "lifetime"))
		return;
	late = memory_append(draft_memory(f->d), &f->late, f->n_late, sizeof *late);
	if (!late)
		return;
	*late = (struct late){ group, st, f->max_ms };
	f->n_late++;
}

static void read_route(struct interface *f, const struct stmt *st)
{
	const char *text = convert_net(f->d, stmt_word(st, 1));
	struct draft_node *route, *lifetime;

	if (st->n_words != 2) {
		draft_left(f->d, st, "cannot be read: one prefix expected");
		return;
	}
	if (is_again(f, "routes", text, st))
		return;
	route = entry(f, "routes", st);
	vital_text(f->d, route, "prefix", text, st);
	read_options(f->d, route, route_rules, st);
	lifetime = draft_find(route, "lifetime");
	if (lifetime && strcmp(lifetime->text, "infinity") == 0)
		draft_note(f->d, lifetime, NULL,
			   "warning: guests keep such a route when this host is gone for good; "
			   "\"auto\" is 3 x max_interval");
	note_late(f, route, st);
}

static void read_pref64(struct interface *f, const struct stmt *st)
{
	const char *text = convert_net(f->d, stmt_word(st, 1));
	struct draft_node *pref64;

	if (st->n_words != 2) {
		draft_left(f->d, st, "cannot be read: one prefix expected");
		return;
	}
	if (is_again(f, "pref64", text, st))
		return;
	pref64 = entry(f, "pref64", st);
	vital_text(f->d, pref64, "prefix", text, st);
	read_options(f->d, pref64, pref64_rules, st);
	note_late(f, pref64, st);
}

/* The words behind the first as a list: servers, domains. */
static struct draft_node *read_words(struct interface *f, const char *list_name,
				     const char *key, const struct rule *rules,
				     const struct stmt *st)
{
	struct draft_node *group, *words;

	if (st->n_words < 2) {
		draft_left(f->d, st, "cannot be read: nothing behind %s", stmt_word(st, 0));
		return NULL;
	}
	group = entry(f, list_name, st);
	words = draft_list(f->d, group, key, st);
	words->vital = true;
	for (size_t i = 1; i < st->n_words; i++) {
		draft_item(f->d, words, convert_addr(f->d, st->words[i]), st);
		if (st->n_words == 2)
			words->v[0]->vital = true;
	}
	read_options(f->d, group, rules, st);
	note_late(f, group, st);
	return group;
}

static void note_default(struct interface *f, struct draft_node *group)
{
	if (group && !draft_find(group, "lifetime"))
		draft_note(
			f->d, group, NULL,
			"without a lifetime radvd 2.19 says MaxRtrAdvInterval, later ones 3 x "
			"that, as v6gwd (RFC 8106 5.1)");
}

static void read_item(struct interface *f, const struct stmt *st)
{
	const char *word = stmt_word(st, 0);
	const struct rule *rule = rule_of(interface_rules, st);
	bool on;

	if (rule) {
		apply(f->d, f->ra, rule, st);
		if (strcmp(rule->key, "max_interval") == 0)
			interval_ms(stmt_word(st, 1), &f->max_ms);
	} else if (strcasecmp(word, "prefix") == 0) {
		read_prefix(f, st);
	} else if (strcasecmp(word, "route") == 0) {
		read_route(f, st);
	} else if (strcasecmp(word, "nat64prefix") == 0) {
		read_pref64(f, st);
	} else if (strcasecmp(word, "RDNSS") == 0) {
		note_default(f, read_words(f, "rdnss", "servers", rdnss_rules, st));
	} else if (strcasecmp(word, "DNSSL") == 0) {
		note_default(f, read_words(f, "dnssl", "domains", dnssl_rules, st));
	} else if (strcasecmp(word, "RemoveAdvOnExit") == 0) {
		if (convert_switch(f->d, st, stmt_word(st, 1), &on))
			draft_text(f->d, f->ra, "final", on ? "stop" : "never", st);
	} else if (strcasecmp(word, "AdvSendAdvert") != 0) {
		convert_leave(f->d, reasons, st);
	}
}

/* The lifetimes that radvd has computed from another MaxRtrAdvInterval than holds. */
static void write_late(struct interface *f)
{
	for (size_t i = 0; i < f->n_late; i++) {
		const struct late *l = &f->late[i];

		if (l->max_ms == f->max_ms)
			continue;
		draft_note(f->d,
			   draft_text(f->d, l->group, "lifetime", duration(f->d, 3 * l->max_ms),
				      NULL),
			   l->st,
			   "radvd computes it here, from what MaxRtrAdvInterval is so far; "
			   "\"auto\" would be %s",
			   duration(f->d, 3 * f->max_ms));
	}
}

static bool advertises(struct draft *d, const struct stmt *interface)
{
	bool on = false;

	for (size_t i = 0; i < interface->block.n; i++) {
		const struct stmt *st = interface->block.v[i];

		if (strcasecmp(stmt_word(st, 0), "AdvSendAdvert") == 0 &&
		    convert_takes(d, st, 1))
			convert_switch(d, st, st->words[1], &on);
	}
	return on;
}

/* The links where we are the default router are the guests'. */
static void add_link(struct draft *d, const struct draft_node *ra, const char *name,
		     const struct stmt *st)
{
	const struct draft_node *lifetime = draft_find(ra, "router_lifetime");
	struct draft_node *links;

	if (lifetime && strcmp(lifetime->text, "0s") == 0)
		return;
	links = draft_list(d, draft_root(d), "interface", NULL);
	draft_item(d, links, name, st);
}

static void read_interface(struct draft *d, struct draft_node *list, const struct stmt *st)
{
	static const char *const lists[] = { "prefixes", "routes", "pref64", "rdnss", "dnssl" };
	struct interface f = { .d = d, .max_ms = MAX_DEFAULT_MS };

	if (!advertises(d, st)) {
		draft_left(d, st, "it does not advertise: AdvSendAdvert is not on");
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(draft_value(list->v[i], "interface"), st->words[1]) == 0) {
			draft_left(d, st, "has a block already, in line %u",
				   list->v[i]->from->line);
			return;
		}
	f.ra = draft_entry(d, list, st);
	vital_text(d, f.ra, "interface", st->words[1], st);
	for (size_t i = 0; i < st->block.n; i++)
		read_item(&f, st->block.v[i]);
	write_late(&f);
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		draft_list(d, f.ra, lists[i], NULL)->groups = true;
	add_link(d, f.ra, st->words[1], st);
}

void radvd_convert(struct draft *d, const struct stmt_list *list)
{
	struct draft_node *ra = draft_list(d, draft_root(d), "ra", NULL);

	ra->groups = true;
	for (size_t i = 0; i < list->n; i++) {
		const struct stmt *st = list->v[i];

		if (strcasecmp(stmt_word(st, 0), "interface") == 0 && st->n_words == 2 &&
		    st->has_block)
			read_interface(d, ra, st);
		else
			draft_left(d, st, "cannot be read: only interfaces stand here");
	}
}
