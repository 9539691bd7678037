/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "import.h"

#include "convert.h"

#include <string.h>

static void on_fault(void *arg, const struct stmt *st, const char *why)
{
	draft_left(arg, st, "%s", why);
}

struct importer {
	const struct import *in;
	struct draft *d;
	bool no_memory;
};

static void convert(struct importer *m, const struct stmt_text *text, enum stmt_style style,
		    void (*to)(struct draft *, const struct stmt_list *))
{
	struct stmt_reader r = { .memory = draft_memory(m->d),
				 .include = m->in->include,
				 .arg = m->in->arg,
				 .fault = on_fault,
				 .fault_arg = m->d };
	struct stmt_list list;

	if (!text)
		return;
	list = stmt_read(&r, style, text);
	to(m->d, &list);
	m->no_memory |= r.no_memory;
}

/* A plane that no file was read for is off: there is after as much as there was before. */
static void switch_off(struct draft *d, const char *plane, const char *why)
{
	struct draft_node *group = draft_group(d, draft_root(d), plane);

	draft_note(d, draft_plain(d, group, "enabled", "false", NULL), NULL, "%s", why);
}

static void say_what_is_missing(struct importer *m)
{
	struct draft *d = m->d;
	struct draft_node *ra;

	if (!m->in->tayga)
		switch_off(d, "nat64",
			   "no tayga.conf was read: without this line v6gwd translates, too");
	if (!m->in->bind && !m->in->unbound)
		switch_off(d, "dns64",
			   "no named.conf or unbound.conf was read: without this line v6gwd "
			   "answers "
			   "DNS, too");
	if (m->in->radvd)
		return;
	ra = draft_list(d, draft_root(d), "ra", NULL);
	ra->groups = true;
	draft_note(d, ra, NULL,
		   "no radvd.conf was read: without this line v6gwd advertises itself, too");
}

/* Guests of the translator need a route to its prefix, not to the one it does not have. */
static void follow_prefix(struct draft *d, struct draft_node *list, const char *prefix)
{
	for (size_t i = 0; list && i < list->n; i++) {
		struct draft_node *node = draft_find(list->v[i], "prefix");

		if (!node || strcmp(node->text, "64:ff9b::/96") != 0)
			continue;
		draft_note(d, node, node->from,
			   "contradicts the translator's prefix, which holds");
		for (size_t j = 0; j < list->n; j++)
			if (strcmp(draft_value(list->v[j], "prefix"), prefix) == 0)
				list->v[i]->refused =
					"the translator's prefix is there already";
		node->text = prefix;
	}
}

/* tayga's prefix, or the DNS server's, against what radvd announces. */
static void reconcile(struct draft *d)
{
	struct draft_node *nat64 = draft_find(draft_root(d), "nat64");
	struct draft_node *prefix = nat64 ? draft_find(nat64, "prefix") : NULL;
	struct draft_node *ra = draft_find(draft_root(d), "ra");

	if (!prefix || !ra || strcmp(prefix->text, "64:ff9b::/96") == 0)
		return;
	for (size_t i = 0; i < ra->n; i++) {
		follow_prefix(d, draft_find(ra->v[i], "routes"), prefix->text);
		follow_prefix(d, draft_find(ra->v[i], "pref64"), prefix->text);
	}
}

static void say_what_to_do(struct draft *d, const struct import *in)
{
	draft_tail(d, "Before v6gwd starts:");
	draft_tail(d, "- stop and disable what it replaces: systemctl disable --now%s%s%s%s",
		   in->tayga ? " tayga" : "", in->bind ? " named" : "",
		   in->unbound ? " unbound" : "", in->radvd ? " radvd" : "");
	if (!in->tayga)
		return;
	draft_tail(d, "- remove the masquerade rule that was made for tayga (iptables -t nat, "
		      "nftables, Shorewall's");
	draft_tail(d, "  snat or masq file): v6gwd has a table of its own, and takes it along "
		      "when it stops;");
	draft_tail(d, "- remove what made tayga's device, its addresses and its routes at boot "
		      "(/etc/default/tayga,");
	draft_tail(d, "  ip route in scripts); firewall rules that let the pool through are "
		      "still needed.");
}

bool import_convert(const struct import *in, void (*put)(void *arg, const char *text),
		    void *arg)
{
	struct memory *memory = memory_new();
	struct importer m = { .in = in, .d = memory ? draft_new(memory) : NULL };
	bool ok = m.d;

	if (ok) {
		draft_head(m.d,
			   "Made by v6gwctl import; behind each value stands where it comes "
			   "from.");
		/* the order in which they shall stand */
		draft_list(m.d, draft_root(m.d), "interface", NULL)->optional = true;
		draft_group(m.d, draft_root(m.d), "nat64");
		draft_group(m.d, draft_root(m.d), "dns64");
		convert(&m, in->tayga, STMT_TAYGA, tayga_convert);
		convert(&m, in->bind, STMT_NAMED, named_convert);
		convert(&m, in->unbound, STMT_UNBOUND, unbound_convert);
		convert(&m, in->radvd, STMT_RADVD, radvd_convert);
		reconcile(m.d);
		say_what_is_missing(&m);
		say_what_to_do(m.d, in);
		ok = draft_settle(m.d) && !m.no_memory;
	}
	if (ok)
		draft_put(m.d, put, arg);
	memory_free(memory);
	return ok;
}
