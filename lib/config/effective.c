/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "effective.h"

#include "effective_build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ORIGINS_MAX 64

void reasons_add(struct reasons *r, enum event event, const char *fmt, ...)
{
	struct reason *reason = &r->v[r->n];
	va_list ap;

	if (r->n == sizeof r->v / sizeof *r->v)
		return;
	r->n++;
	reason->event = event;
	reason->plane = event_row(event)->plane;
	va_start(ap, fmt);
	vsnprintf(reason->text, sizeof reason->text, fmt, ap);
	va_end(ap);
}

void reasons_put_first(struct reasons *r, const char *plane, const char *fmt, ...)
{
	size_t last = sizeof r->v / sizeof *r->v - 1;
	va_list ap;

	if (r->n <= last)
		r->n++;
	memmove(&r->v[1], &r->v[0], (r->n - 1) * sizeof r->v[0]);
	r->v[0].plane = plane;
	va_start(ap, fmt);
	vsnprintf(r->v[0].text, sizeof r->v[0].text, fmt, ap);
	va_end(ap);
}

void *build_alloc(struct build *b, size_t n, size_t size)
{
	void *p = memory_take(b->memory, n * size);

	if (!p)
		b->failed = true;
	return p;
}

void build_origin(struct build *b, const char *key, const char *from, const char *fmt, ...)
{
	struct origin *o = &b->eff->origins[b->eff->n_origins];
	va_list ap;

	if (b->eff->n_origins == ORIGINS_MAX)
		return;
	b->eff->n_origins++;
	snprintf(o->key, sizeof o->key, "%s", key);
	snprintf(o->from, sizeof o->from, "%s", from);
	va_start(ap, fmt);
	vsnprintf(o->value, sizeof o->value, fmt, ap);
	va_end(ap);
}

void build_list(char *out, size_t size, const char *item)
{
	size_t len = strlen(out), room = size - len;

	if (len + strlen(item) + 8 < size)
		snprintf(out + len, room, "%s%s", len ? ", " : "", item);
	else if (room > 5 && (len < 3 || strcmp(out + len - 3, "...") != 0))
		snprintf(out + len, room, " ...");
}

bool build_usable(const struct fact_addr *a)
{
	return !a->tentative && !a->dad_failed;
}

bool build_has_iface(const struct build *b)
{
	for (size_t i = 0; i < b->eff->n_ifaces; i++)
		if (b->eff->ifaces[i].index)
			return true;
	return false;
}

bool build_on_iface(const struct build *b, const struct fact_addr *a)
{
	for (size_t i = 0; i < b->eff->n_ifaces; i++)
		if (b->eff->ifaces[i].index == a->index)
			return true;
	return false;
}

/* Has the link a global IPv6 address?  A unique-local one does not make it the guests' (libvirt
 * gives its bridges such). */
static bool has_global(const struct facts *f, uint32_t index)
{
	for (size_t i = 0; i < f->n_addrs; i++)
		if (f->addrs[i].index == index && addr_is_global(&f->addrs[i].addr))
			return true;
	return false;
}

static void set_iface(struct build *b, size_t i, const char *name)
{
	struct eff_iface *iface = &b->eff->ifaces[i];
	const struct fact_link *link = facts_link(b->facts, name);

	snprintf(iface->name, sizeof iface->name, "%s", name);
	iface->index = link ? link->index : 0;
	if (!link)
		reasons_add(&b->eff->reasons, EVENT_WAITING_INTERFACE,
			    "waiting for %s: there is no such interface (ip link add %s type "
			    "bridge)",
			    name, name);
}

static void named_ifaces(struct build *b)
{
	const struct config_texts *names = &b->config->interfaces;

	b->eff->ifaces = build_alloc(b, names->n, sizeof *b->eff->ifaces);
	if (b->failed)
		return;
	b->eff->n_ifaces = names->n;
	for (size_t i = 0; i < names->n; i++)
		set_iface(b, i, names->v[i]);
}

/* The automatic choice that is in force, while its interface exists. */
static const char *kept_choice(const struct build *b)
{
	const struct effective *previous = b->previous;

	if (!previous || previous->config->interfaces.n || !previous->n_ifaces)
		return NULL;
	return facts_link(b->facts, previous->ifaces[0].name) ? previous->ifaces[0].name : NULL;
}

/* The only bridge with a global IPv6 address; with several nothing is guessed. */
static void auto_iface(struct build *b)
{
	const char *choice = kept_choice(b);
	char names[128] = "";
	size_t n = 0;

	for (size_t i = 0; !choice && i < b->facts->n_links; i++) {
		const struct fact_link *l = &b->facts->links[i];
		size_t len = strlen(names);

		if (strcmp(l->kind, "bridge") != 0 || !has_global(b->facts, l->index))
			continue;
		snprintf(names + len, sizeof names - len, "%s%s", n++ ? " or " : "", l->name);
	}
	if (!choice && n == 1)
		choice = names;
	b->eff->ifaces = build_alloc(b, 1, sizeof *b->eff->ifaces);
	if (b->failed)
		return;
	if (choice) {
		b->eff->n_ifaces = 1;
		set_iface(b, 0, choice);
		build_origin(b, "interface", "the only bridge with a global IPv6 address", "%s",
			     choice);
	} else if (n) {
		reasons_add(&b->eff->reasons, EVENT_WAITING_INTERFACE,
			    "waiting: which bridge is the guests', %s? (set interface)", names);
	} else {
		reasons_add(
			&b->eff->reasons, EVENT_WAITING_INTERFACE,
			"waiting for a bridge with a global IPv6 address, or set interface");
	}
}

static void find_uplink(struct build *b)
{
	const struct fact_link *link = NULL;

	if (b->config->uplink) {
		snprintf(b->eff->uplink, sizeof b->eff->uplink, "%s", b->config->uplink);
		return;
	}
	for (size_t i = 0; !link && i < b->facts->n_routes; i++)
		if (b->facts->routes[i].v4)
			link = facts_link_at(b->facts, b->facts->routes[i].index);
	if (link) {
		snprintf(b->eff->uplink, sizeof b->eff->uplink, "%s", link->name);
		build_origin(b, "uplink", "the IPv4 default route", "%s", link->name);
	} else if (b->config->nat64.enabled) {
		reasons_add(&b->eff->reasons, EVENT_WAITING_UPLINK,
			    "waiting for an uplink: there is no IPv4 default route (ip -4 "
			    "route add "
			    "default via ...)");
	}
}

static bool has_entry(const struct acl_entry *v, size_t n, const struct prefix6 *net)
{
	for (size_t i = 0; i < n; i++)
		if (prefix6_equal(&v[i].net, net))
			return true;
	return false;
}

static void add_net(struct acl_entry *v, size_t *n, const struct in6_addr *addr, unsigned len)
{
	const struct prefix6 net = { addr_masked(addr, len), (uint8_t)len };

	if (!has_entry(v, *n, &net))
		v[(*n)++] = (struct acl_entry){ .kind = ACL_NET, .net = net };
}

struct acl_entry *build_localnets(struct build *b, bool hosts, size_t *n)
{
	struct acl_entry *v = build_alloc(b, b->facts->n_addrs * 2, sizeof *v);

	*n = 0;
	for (size_t i = 0; v && i < b->facts->n_addrs; i++) {
		const struct fact_addr *a = &b->facts->addrs[i];

		if (build_on_iface(b, a) && !a->no_prefix_route &&
		    !addr_is_link_local(&a->addr))
			add_net(v, n, &a->addr, a->len);
		if (hosts && !addr_is_link_local(&a->addr) && !addr_is_loopback(&a->addr))
			add_net(v, n, &a->addr, 128);
	}
	return v;
}

struct acl build_acl(struct build *b, const struct acl *in, enum acl_kind word,
		     const struct acl_entry *with, size_t n)
{
	struct acl out = { .n = 0 };
	size_t words = 0;

	for (size_t i = 0; i < in->n; i++)
		words += in->entries[i].kind == word;
	out.entries = build_alloc(b, in->n + words * n, sizeof *out.entries);
	for (size_t i = 0; out.entries && i < in->n; i++) {
		const struct acl_entry *e = &in->entries[i];

		if (e->kind != word ||
		    !n) { /* kept, a word that stands for nothing matches nothing */
			out.entries[out.n++] = *e;
			continue;
		}
		for (size_t j = 0; j < n; j++) {
			out.entries[out.n] = with[j];
			out.entries[out.n++].negated = e->negated;
		}
	}
	return out;
}

/* The first one, where the service manager gave several. */
static void find_state_directory(struct build *b)
{
	const char *given = b->facts->state_directory, *from = "$STATE_DIRECTORY";

	b->eff->state_directory = b->config->state_directory;
	if (b->config->state_directory)
		return;
	if (!given || *given != '/') {
		given = EFF_STATE_DIRECTORY;
		from = "the default";
	}
	b->eff->state_directory = memory_copy(b->memory, given, strcspn(given, ":"));
	if (!b->eff->state_directory)
		b->failed = true;
	else if (b->config->nat64.enabled)
		build_origin(b, "state_directory", from, "%s", b->eff->state_directory);
}

static void build_all(struct build *b)
{
	b->eff->origins = build_alloc(b, ORIGINS_MAX, sizeof *b->eff->origins);
	if (b->failed)
		return;
	if (b->config->interfaces.n)
		named_ifaces(b);
	else
		auto_iface(b);
	if (b->failed)
		return;
	find_uplink(b);
	find_state_directory(b);
	build_nat64(b);
	build_dns64(b);
	build_ra(b);
}

struct effective *effective_new(const struct config *config, const struct facts *facts,
				struct plane_health health, const struct effective *previous)
{
	struct build b = {
		.config = config, .facts = facts, .health = health, .previous = previous
	};

	b.memory = memory_new();
	b.eff = b.memory ? memory_take(b.memory, sizeof *b.eff) : NULL;
	if (!b.eff) {
		memory_free(b.memory);
		return NULL;
	}
	b.eff->config = config;
	b.eff->health = health;
	b.eff->memory = b.memory;
	build_all(&b);
	if (b.failed) {
		effective_free(b.eff);
		return NULL;
	}
	return b.eff;
}

void effective_free(struct effective *eff)
{
	if (eff)
		memory_free(eff->memory);
}
