/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show_ra.c - GetRa: for each interface what is advertised, when, and by whom else. */
#include "show.h"

#include "base/pref64.h"

#include <stdarg.h>
#include <string.h>

/* --- pieces of text --------------------------------------------------------------------- */

/* A line below the interface's: label, then text. */
__attribute__((format(printf, 3, 4))) static void line(struct show *s, const char *label,
						       const char *fmt, ...)
{
	va_list ap;

	fprintf(s->out, "  %-11s ", label);
	va_start(ap, fmt);
	show_rest(s->out, fmt, ap);
	va_end(ap);
}

/* Of seconds; null never ends. */
static const char *lifetime_at(const json_t *object, const char *key, char out[TABLE_TEXT])
{
	return json_is_integer(json_object_get(object, key))
		       ? table_duration(show_number_at(object, key), out)
		       : "for ever";
}

/* An address or prefix; inside the well-known prefix with the IPv4 part dotted. */
static const char *readable_at(const json_t *object, const char *key, char out[ADDR_TEXT_LEN])
{
	const char *text = show_text_at(object, key), *slash = strchr(text, '/');
	char addr[ADDR_TEXT_LEN];
	struct prefix6 p;

	if (!prefix_parse(text, &p, NULL) || p.len <= pref64_well_known.len)
		return text;
	pref64_text(&pref64_well_known, &p.addr, addr);
	snprintf(out, ADDR_TEXT_LEN, "%.48s%.8s", addr, slash ? slash : "");
	return out;
}

static const char *withdrawn(const json_t *item)
{
	return json_is_true(json_object_get(item, "withdrawn")) ? ", withdrawn" : "";
}

/* --- what is said ----------------------------------------------------------------------- */

static void put_header(struct show *s, const json_t *ra)
{
	const json_t *mtu = json_object_get(ra, "mtu");
	bool managed = json_is_true(json_object_get(ra, "managed"));
	bool other = json_is_true(json_object_get(ra, "other"));
	char life[TABLE_TEXT], mtu_text[TABLE_TEXT] = "";

	if (json_is_integer(mtu))
		snprintf(mtu_text, sizeof mtu_text, ", mtu %ju",
			 (uintmax_t)show_number_at(ra, "mtu"));
	if (show_number_at(ra, "lifetime_s"))
		line(s, "router", "default for %s, preference %s",
		     lifetime_at(ra, "lifetime_s", life), show_text_at(ra, "preference"));
	else
		line(s, "router", "not a default router");
	line(s, "hosts", "%s, hop limit %ju, reachable %ju ms, retrans %ju ms%s",
	     managed ? "DHCPv6 (M)"
	     : other ? "DHCPv6 for the rest (O)"
		     : "no DHCPv6",
	     (uintmax_t)show_number_at(ra, "hop_limit"),
	     (uintmax_t)show_number_at(ra, "reachable_ms"),
	     (uintmax_t)show_number_at(ra, "retrans_ms"), mtu_text);
}

static void put_prefix(struct show *s, const json_t *p)
{
	char valid[TABLE_TEXT], preferred[TABLE_TEXT], text[ADDR_TEXT_LEN];
	const char *router = show_text_at(p, "router_address");

	line(s, "prefix", "%s%s%s, valid %s, preferred %s%s%s%s",
	     readable_at(p, "prefix", text),
	     json_is_true(json_object_get(p, "on_link")) ? ", on-link" : "",
	     json_is_true(json_object_get(p, "autonomous")) ? ", autonomous" : "",
	     lifetime_at(p, "valid_s", valid), lifetime_at(p, "preferred_s", preferred),
	     *router ? ", router " : "", router, withdrawn(p));
}

static void put_route(struct show *s, const json_t *r)
{
	char life[TABLE_TEXT], text[ADDR_TEXT_LEN];

	line(s, "route", "%s, %s, preference %s%s", readable_at(r, "prefix", text),
	     lifetime_at(r, "lifetime_s", life), show_text_at(r, "preference"), withdrawn(r));
}

static void put_rdnss(struct show *s, const json_t *r)
{
	char life[TABLE_TEXT], text[ADDR_TEXT_LEN];

	line(s, "resolver", "%s, %s%s", readable_at(r, "server", text),
	     lifetime_at(r, "lifetime_s", life), withdrawn(r));
}

static void put_dnssl(struct show *s, const json_t *d)
{
	char life[TABLE_TEXT];

	line(s, "domain", "%s, %s%s", show_text_at(d, "domain"),
	     lifetime_at(d, "lifetime_s", life), withdrawn(d));
}

static void put_pref64(struct show *s, const json_t *p)
{
	char life[TABLE_TEXT];

	line(s, "pref64", "%s, %s%s", show_text_at(p, "prefix"),
	     lifetime_at(p, "lifetime_s", life), withdrawn(p));
}

static void put_portal(struct show *s, const json_t *p)
{
	line(s, "portal", "%s%s", show_text_at(p, "uri"), withdrawn(p));
}

static void put_advertisement(struct show *s, const json_t *ra)
{
	static const struct {
		const char *key;
		void (*put)(struct show *, const json_t *item);
	} lists[] = {
		{ "prefixes", put_prefix }, { "routes", put_route },
		{ "rdnss", put_rdnss },     { "dnssl", put_dnssl },
		{ "pref64", put_pref64 },   { "captive_portal", put_portal },
	};
	const json_t *item;
	size_t i;

	if (!json_is_object(ra))
		return;
	put_header(s, ra);
	for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++)
		json_array_foreach(json_object_get(ra, lists[k].key), i, item) lists[k].put(
			s, item);
	if (show_number_at(ra, "messages") > 1)
		line(s, "messages", "%ju", (uintmax_t)show_number_at(ra, "messages"));
}

/* --- who, when, how often ------------------------------------------------------------------
 */

static void put_interface(struct show *s, const json_t *r)
{
	const char *mac = show_text_at(json_object_get(r, "advertisement"), "mac");
	const char *source = show_text_at(r, "source");

	fprintf(s->out, "%s%s%s  ", s->colour ? "\033[1m" : "", show_text_at(r, "interface"),
		s->colour ? "\033[0m" : "");
	table_put_text(s->out, show_text_at(r, "state"));
	fprintf(s->out, "%s%s%s%s%s\n", *source ? ", from " : "", source, *mac ? " (" : "", mac,
		*mac ? ")" : "");
}

static void put_since(struct show *s, const json_t *r, const char *key, const char *label)
{
	char text[TABLE_TEXT];

	if (json_is_integer(json_object_get(r, key)))
		line(s, label, "%s ago", table_duration(show_number_at(r, key), text));
}

static void put_times(struct show *s, const json_t *r)
{
	char text[TABLE_TEXT], min[TABLE_TEXT], max[TABLE_TEXT];

	if (json_is_integer(json_object_get(r, "next_s")))
		line(s, "next", "in %s, every %s to %s",
		     table_duration(show_number_at(r, "next_s"), text),
		     table_duration(show_number_at(r, "min_interval_s"), min),
		     table_duration(show_number_at(r, "max_interval_s"), max));
	put_since(s, r, "last_s", "last");
	put_since(s, r, "solicited_s", "asked");
	line(s, "sent", "%s, %s of them solicited",
	     table_count(show_number_at(r, "sent"), text),
	     table_count(show_number_at(r, "solicited"), min));
}

static void put_withheld(struct show *s, const json_t *r)
{
	const json_t *w;
	char text[TABLE_TEXT];
	size_t i;

	json_array_foreach(json_object_get(r, "withheld"), i, w)
	{
		if (json_is_integer(json_object_get(w, "again_s")))
			line(s, "withheld", "%s: it works again, announced in %s",
			     show_text_at(w, "plane"),
			     table_duration(show_number_at(w, "again_s"), text));
		else
			line(s, "withheld", "%s: it does not work", show_text_at(w, "plane"));
	}
}

static void put_refused(struct show *s, const json_t *r)
{
	const json_t *port;
	size_t i;

	json_array_foreach(json_object_get(r, "refused_ports"), i, port)
	{
		if (json_is_string(port))
			line(s, "kept off", "%s, the uplink's port", json_string_value(port));
	}
}

static void put_counters(struct show *s, const json_t *r)
{
	const json_t *value;
	const char *name;

	json_object_foreach(json_object_get(r, "counters"), name, value)
	{
		if (json_integer_value(value))
			line(s, "counter", "%s %jd", name, (intmax_t)json_integer_value(value));
	}
}

/* --- other routers -------------------------------------------------------------------------
 */

/* "a, b" */
static void add_list(struct table *t, const json_t *list)
{
	char text[512] = "";
	size_t i, len = 0;
	const json_t *item;

	json_array_foreach(list, i, item)
	{
		if (len < sizeof text && json_is_string(item))
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%s",
						len ? ", " : "", json_string_value(item));
	}
	table_add(t, text);
}

static void put_routers(struct show *s, const json_t *routers)
{
	static const struct table_column columns[] = {
		{ "OTHER ROUTER", false }, { "MAC", false },      { "LIFETIME", true },
		{ "PREFERENCE", false },   { "HEARD", true },     { "AGO", true },
		{ "CONTRADICTS", false },  { "PREFIXES", false },
	};
	struct table t = { .columns = columns,
			   .n_columns = sizeof columns / sizeof columns[0] };
	const json_t *r;
	char text[TABLE_TEXT];
	size_t i;

	json_array_foreach(routers, i, r)
	{
		table_add(&t, show_text_at(r, "source"));
		table_add(&t, *show_text_at(r, "mac") ? show_text_at(r, "mac") : "-");
		table_add(&t, table_duration(show_number_at(r, "lifetime_s"), text));
		table_add(&t, show_text_at(r, "preference"));
		table_add(&t, table_count(show_number_at(r, "heard"), text));
		table_add(&t, table_duration(show_number_at(r, "heard_s"), text));
		add_list(&t, json_object_get(r, "differs"));
		add_list(&t, json_object_get(r, "prefixes"));
	}
	if (t.n) {
		putc('\n', s->out);
		table_print(&t, s->out, s->colour);
	}
	table_done(&t);
}

void show_ra(struct show *s, const json_t *parameters)
{
	const json_t *interfaces = json_object_get(parameters, "interfaces"), *r;
	size_t i;

	if (!json_array_size(interfaces))
		fputs("no advertisements: ra = ( ), or no interface for them yet (v6gwctl "
		      "status)\n",
		      s->out);
	json_array_foreach(interfaces, i, r)
	{
		if (i)
			putc('\n', s->out);
		put_interface(s, r);
		put_times(s, r);
		put_withheld(s, r);
		put_refused(s, r);
		put_advertisement(s, json_object_get(r, "advertisement"));
		put_counters(s, r);
		put_routers(s, json_object_get(r, "routers"));
	}
}
