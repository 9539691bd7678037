/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_ra_show.c - what an operator sees of the advertisers: GetStatus, GetRa, and the log's
 * lines about other routers.
 *
 * What is in an advertisement is read back from its bytes: one truth.
 */
#include "event.h"
#include "plane_ra.h"
#include "plane_ra_priv.h"
#include "ra_conf.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

/* --- the log -------------------------------------------------------------------------- */

/* "; it contradicts us in mtu, pref64" */
static void put_fields(unsigned found, char *out, size_t size)
{
	size_t len = 0;

	*out = 0;
	found &= ~(OTHERS_BIT(OTHERS_ROUTER) | OTHERS_BIT(OTHERS_ADDRESS));
	for (unsigned i = 0; i < OTHERS_N && len < size; i++)
		if (found & OTHERS_BIT(i))
			len += (size_t)snprintf(out + len, size - len, "%s%s",
						len ? ", " : "; it contradicts us in ",
						others_field(i));
}

/* How often is for others.h. */
void plane_ra_tell(const struct port *p, const struct others_news *news)
{
	const struct others_router *r = news->router;
	char source[ADDR_TEXT_LEN], mac[ADDR_TEXT_LEN], in[256], more[64] = "";
	const char *what = "another router on this link";

	if (news->found & OTHERS_BIT(OTHERS_ADDRESS))
		what = "a duplicate of our own address";
	if (news->unsaid)
		snprintf(more, sizeof more, " (and %llu like it before: v6gwctl ra)",
			 (unsigned long long)news->unsaid);
	put_fields(news->found, in, sizeof in);
	const struct log_fields fields = { .iface = p->now->name,
					   .client = addr_text(&r->source, source),
					   .mac = r->has_mac ? mac_text(r->mac, mac) : NULL };

	event_tell(EVENT_OTHER_ROUTER, &fields,
		   "%s: %s (MAC %s) advertises, lifetime %u s: %s%s%s", p->now->name, source,
		   fields.mac ? mac : "not given", (unsigned)r->lifetime_s, what, in, more);
}

void plane_ra_tell_change(const struct port *p)
{
	const struct log_fields fields = { .iface = p->now->name };

	event_show(EVENT_ADVERTISEMENT, &fields,
		   "%s: something new is advertised (v6gwctl ra shows what)", p->now->name);
}

/* --- state and time ------------------------------------------------------------------- */

static void report_since(struct report *r, const char *key, uint64_t then_ms, uint64_t now_ms)
{
	if (then_ms == RADV_NEVER)
		report_null(r, key);
	else
		report_number(r, key, (now_ms - then_ms) / 1000);
}

static void report_until(struct report *r, const char *key, uint64_t then_ms, uint64_t now_ms)
{
	if (then_ms == RADV_NEVER)
		report_null(r, key);
	else
		report_number(r, key, then_ms > now_ms ? (then_ms - now_ms + 999) / 1000 : 0);
}

static void report_withheld(struct report *r, const char *plane, uint64_t again_ms,
			    uint64_t now_ms)
{
	report_object(r, NULL);
	report_text(r, "plane", plane);
	report_until(r, "again_s", again_ms ? again_ms : RADV_NEVER, now_ms);
	report_end(r);
}

static bool wants_resolver(const struct config_ra *c)
{
	for (size_t i = 0; i < c->n_rdnss; i++)
		if (c->rdnss[i].servers.has_auto)
			return true;
	return false;
}

static bool withholds_nat64(const struct port *p)
{
	return p->now->nat64_route == EFF_NAT64_WITHHELD ||
	       p->now->nat64_pref64 == EFF_NAT64_WITHHELD;
}

static bool withholds_dns64(const struct port *p)
{
	const struct effective *eff = p->plane->now;

	return eff->dns64.enabled && !eff->health.dns64_serves &&
	       wants_resolver(p->now->config);
}

/* What is not announced because its plane fails, or has not proved itself again. */
static void report_withholding(const struct port *p, struct report *r, uint64_t now_ms)
{
	const struct effective *eff = p->plane->now;

	report_list(r, "withheld");
	if (withholds_nat64(p))
		report_withheld(r, "nat64", eff->health.nat64_again_ms, now_ms);
	if (withholds_dns64(p))
		report_withheld(r, "dns64", eff->health.dns64_again_ms, now_ms);
	report_end(r);
}

void plane_ra_head(const struct port *p, struct report *r)
{
	const struct radv_counters *c = radv_counters(p->radv);
	struct radv_status s = radv_status(p->radv);
	uint64_t now_ms = ev_now_ms(p->plane->env.loop);
	char text[ADDR_TEXT_LEN];

	report_text(r, "interface", p->now->name);
	report_text(r, "state", plane_ra_state(p));
	report_number(r, "sent", c->ra_tx);
	report_number(r, "solicited", c->ra_tx_solicited);
	report_until(r, "next_s", s.next_ms, now_ms);
	if (ra_conf_has_source(p->now))
		report_text(r, "source", addr_text(&p->now->link_local, text));
	report_number(r, "withdrawing", s.withdrawn);
	report_list(r, "refused_ports");
	for (size_t i = 0; i < p->now->n_refused; i++)
		report_text(r, NULL, p->now->refused[i].name);
	report_end(r);
	report_withholding(p, r, now_ms);
}

/* --- what is in an advertisement -------------------------------------------------------- */

static const char *preference_text(enum ra_preference p)
{
	switch (p) {
	case RA_PREFERENCE_LOW:
		return "low";
	case RA_PREFERENCE_MEDIUM:
		return "medium";
	case RA_PREFERENCE_HIGH:
		return "high";
	}
	return "";
}

/* null: it never ends. */
static void report_lifetime(struct report *r, const char *key, uint32_t s)
{
	if (s == RA_INFINITE)
		report_null(r, key);
	else
		report_number(r, key, s);
}

static void report_mac(struct report *r, bool has_mac, const uint8_t mac[ADDR_MAC_LEN])
{
	char text[ADDR_TEXT_LEN];

	if (has_mac)
		report_text(r, "mac", mac_text(mac, text));
	else
		report_null(r, "mac");
}

static void report_prefix(struct report *r, const struct in6_addr *addr, uint8_t len)
{
	const struct prefix6 p = { addr_masked(addr, len), len };
	char text[ADDR_TEXT_LEN];

	report_text(r, "prefix", prefix_text(&p, text));
}

static void report_header(struct report *r, const struct ra_header *h)
{
	report_bool(r, "managed", h->managed);
	report_bool(r, "other", h->other);
	report_text(r, "preference", preference_text(h->preference));
	report_number(r, "lifetime_s", h->lifetime_s);
	report_number(r, "hop_limit", h->hop_limit);
	report_number(r, "reachable_ms", h->reachable_ms);
	report_number(r, "retrans_ms", h->retrans_ms);
	if (h->mtu)
		report_number(r, "mtu", h->mtu);
	else
		report_null(r, "mtu");
	report_mac(r, h->has_mac, h->mac);
}

static void report_prefix_item(struct report *r, const struct ra_item *item)
{
	char text[ADDR_TEXT_LEN];

	report_prefix(r, &item->addr, item->len);
	report_bool(r, "on_link", item->flags & RA_PREFIX_ON_LINK);
	report_bool(r, "autonomous", item->flags & RA_PREFIX_AUTONOMOUS);
	if (item->flags & RA_PREFIX_ROUTER_ADDRESS)
		report_text(r, "router_address", addr_text(&item->addr, text));
	else
		report_null(r, "router_address");
	report_lifetime(r, "valid_s", item->lifetime_s);
	report_lifetime(r, "preferred_s", item->preferred_s);
}

static void report_item(struct report *r, const struct ra_item *item)
{
	char text[RA_NAME_MAX > ADDR_TEXT_LEN ? RA_NAME_MAX : ADDR_TEXT_LEN];

	switch (item->kind) {
	case RA_PREFIX:
		report_prefix_item(r, item);
		return;
	case RA_ROUTE:
		report_prefix(r, &item->addr, item->len);
		report_text(r, "preference", preference_text(item->preference));
		break;
	case RA_RDNSS:
		report_text(r, "server", addr_text(&item->addr, text));
		break;
	case RA_DNSSL:
		report_text(r, "domain", ra_name_text(item, text));
		break;
	case RA_PREF64:
		report_prefix(r, &item->addr, item->len);
		break;
	case RA_CAPTIVE_PORTAL:
		report_textf(r, "uri", "%.*s", (int)item->n_bytes, (const char *)item->bytes);
		return;
	}
	report_lifetime(r, "lifetime_s", item->lifetime_s);
}

/* The messages of one round, read back; of a kind at a time. */
struct decoding {
	const struct port *port;
	struct report *report;
	enum ra_kind kind;
	size_t messages;
};

static bool read_back(const struct decoding *d, const uint8_t *msg, size_t len,
		      struct ra_advert *out)
{
	return ra_msg_read_advert(
		       &(struct ra_packet){ d->port->now->link_local, 255, msg, len }, out) ==
	       RA_ACCEPTED;
}

/* The header is the same in each. */
static void on_header(void *arg, const uint8_t *msg, size_t len)
{
	struct decoding *d = arg;
	struct ra_advert ra;

	if (d->messages++ == 0 && read_back(d, msg, len, &ra))
		report_header(d->report, &ra.head);
}

static void on_items(void *arg, const uint8_t *msg, size_t len)
{
	struct decoding *d = arg;
	struct ra_advert ra;

	if (!read_back(d, msg, len, &ra))
		return;
	for (size_t i = 0; i < ra.n; i++) {
		if (ra.items[i].kind != d->kind)
			continue;
		report_object(d->report, NULL);
		report_item(d->report, &ra.items[i]);
		report_bool(d->report, "withdrawn",
			    radv_withdraws(d->port->radv, &ra.items[i]));
		report_end(d->report);
	}
}

static void report_advertisement(const struct port *p, struct report *r, uint64_t now_ms)
{
	static const char *const lists[RA_KINDS] = {
		[RA_PREFIX] = "prefixes", [RA_ROUTE] = "routes",
		[RA_RDNSS] = "rdnss",     [RA_DNSSL] = "dnssl",
		[RA_PREF64] = "pref64",   [RA_CAPTIVE_PORTAL] = "captive_portal",
	};
	struct decoding d = { .port = p, .report = r };

	if (!ra_conf_has_source(p->now)) {
		report_null(r, "advertisement");
		return;
	}
	report_object(r, "advertisement");
	radv_write(p->radv, now_ms, on_header, &d);
	report_number(r, "messages", d.messages);
	for (unsigned kind = 0; kind < RA_KINDS; kind++) {
		d.kind = kind;
		report_list(r, lists[kind]);
		radv_write(p->radv, now_ms, on_items, &d);
		report_end(r);
	}
	report_end(r);
}

/* --- other routers ------------------------------------------------------------------------ */

static void report_router(struct report *r, const struct others_router *o, uint64_t now_ms)
{
	char text[ADDR_TEXT_LEN];

	report_object(r, NULL);
	report_text(r, "source", addr_text(&o->source, text));
	report_mac(r, o->has_mac, o->mac);
	report_number(r, "lifetime_s", o->lifetime_s);
	report_text(r, "preference", preference_text(o->preference));
	report_list(r, "prefixes");
	for (size_t i = 0; i < o->n_prefixes; i++) {
		const struct prefix6 p = { o->prefixes[i].addr, o->prefixes[i].len };

		report_text(r, NULL, prefix_text(&p, text));
	}
	report_end(r);
	report_number(r, "heard", o->heard);
	report_since(r, "heard_s", o->heard_ms, now_ms);
	report_list(r, "differs");
	for (unsigned i = 0; i < OTHERS_N; i++)
		if (i != OTHERS_ROUTER && o->found & OTHERS_BIT(i))
			report_text(r, NULL, others_field(i));
	report_end(r);
	report_end(r);
}

static void report_routers(const struct port *p, struct report *r, uint64_t now_ms)
{
	const struct others_router *o;

	report_list(r, "routers");
	for (size_t i = 0; (o = others_at(radv_others(p->radv), &i, now_ms));)
		report_router(r, o, now_ms);
	report_end(r);
}

/* --- the whole ------------------------------------------------------------------------------
 */

static void report_counters(const struct port *p, struct report *r)
{
	const struct radv_counters *c = radv_counters(p->radv);
	const struct radv_counter_row *row;

	report_object(r, "counters");
	for (size_t i = 0; (row = radv_counter_row(i)); i++)
		report_number(r, row->name, *(const uint64_t *)((const char *)c + row->offset));
	report_end(r);
}

static void report_port(const struct port *p, struct report *r)
{
	struct radv_status s = radv_status(p->radv);
	uint64_t now_ms = ev_now_ms(p->plane->env.loop);

	report_object(r, NULL);
	plane_ra_head(p, r);
	report_since(r, "last_s", s.said_ms, now_ms);
	report_since(r, "solicited_s", s.asked_ms, now_ms);
	report_number(r, "min_interval_s", s.min_ms / 1000);
	report_number(r, "max_interval_s", s.max_ms / 1000);
	report_advertisement(p, r, now_ms);
	report_counters(p, r);
	report_routers(p, r, now_ms);
	report_end(r);
}

void plane_ra_show(const void *plane, struct report *r)
{
	const struct plane_ra *ra = plane;

	for (const struct port *p = ra->ports; p; p = p->next_port)
		if (p->now)
			report_port(p, r);
}

bool plane_ra_look(const void *plane, size_t i, struct doctor_ra *out)
{
	const unsigned harmless = OTHERS_BIT(OTHERS_ROUTER) | OTHERS_BIT(OTHERS_ADDRESS);
	const struct plane_ra *ra = plane;
	const struct port *p = ra->ports;
	const struct others_router *o;

	while (p && (!p->now || i--))
		p = p->next_port;
	if (!p)
		return false;
	*out = (struct doctor_ra){ .name = p->now->name,
				   .state = plane_ra_state(p),
				   .runs = p->now->index && p->now->up &&
					   ra_conf_has_source(p->now) && p->failures <= 1,
				   .sent = radv_counters(p->radv)->ra_tx,
				   .withheld = withholds_nat64(p)   ? "nat64"
					       : withholds_dns64(p) ? "dns64"
								    : NULL };
	for (size_t at = 0;
	     (o = others_at(radv_others(p->radv), &at, ev_now_ms(ra->env.loop)));)
		if (o->found & ~harmless)
			out->against = o->source;
	return true;
}
