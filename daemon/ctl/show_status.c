/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show_status.c - GetStatus on one screen: the verdict, then a block for each plane.
 *
 * What a daemon of another version does not say is left out.
 */
#include "show.h"

#include "base/pref64.h"

#include <stdarg.h>
#include <string.h>

/* A line of a block: the block's name stands on its first line only. */
struct block {
	FILE *out;
	const char *name;
};

__attribute__((format(printf, 3, 4))) static void line(struct block *b, const char *label,
						       const char *fmt, ...)
{
	va_list ap;

	fprintf(b->out, "%-7s %-11s", b->name, label);
	b->name = "";
	va_start(ap, fmt);
	show_rest(b->out, fmt, ap);
	va_end(ap);
}

static void put_nothing(struct show *s, const char *plane, const char *why)
{
	fprintf(s->out, "%-7s %s\n", plane, why);
}

static void put_verdict(struct show *s, const json_t *health)
{
	static const struct {
		const char *state, *word, *colour;
	} verdicts[] = {
		{ "ok", "OK", "\033[1;32m" },
		{ "degraded", "DEGRADED", "\033[1;33m" },
		{ "failed", "FAILED", "\033[1;31m" },
	};
	const char *state = show_text_at(health, "state"), *word = "UNKNOWN",
		   *colour = "\033[1m";
	json_t *reasons = json_object_get(health, "reasons"), *reason;
	size_t i;

	for (i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
		if (strcmp(state, verdicts[i].state) == 0) {
			word = verdicts[i].word;
			colour = verdicts[i].colour;
		}
	}
	fprintf(s->out, "%s%s%s", s->colour ? colour : "", word, s->colour ? "\033[0m" : "");
	json_array_foreach(reasons, i, reason)
	{
		if (i)
			fprintf(s->out, "\n%*s", (int)strlen(word) + 2, "");
		else
			fputs(": ", s->out);
		table_put_text(s->out,
			       json_string_value(reason) ? json_string_value(reason) : "");
	}
	putc('\n', s->out);
}

static void put_daemon(struct show *s, const json_t *status)
{
	const json_t *config = json_object_get(status, "config");
	char up[TABLE_TEXT];

	table_duration(show_number_at(status, "uptime_s"), up);
	fprintf(s->out, "v6gwd %s, up %s; ", show_text_at(status, "version"), up);
	table_put_text(s->out, show_text_at(config, "file"));
	if (*show_text_at(config, "loaded_at"))
		fprintf(s->out, " loaded %s", show_text_at(config, "loaded_at"));
	if (json_is_true(json_object_get(config, "stale")))
		fputs(", a newer one was refused (v6gwd --check)", s->out);
	putc('\n', s->out);
}

/* An address in the prefix with its IPv4 part dotted. */
static const char *readable(const char *address, const char *prefix, char out[ADDR_TEXT_LEN])
{
	struct prefix6 p;
	struct in6_addr a;

	if (!addr_parse(address, &a) || !prefix_parse(prefix, &p, NULL))
		return address;
	return pref64_text(&(struct pref64){ p.addr, p.len }, &a, out);
}

static void put_nat64_addresses(struct block *b, const json_t *n)
{
	const char *prefix = show_text_at(n, "prefix"), *ipv4 = show_text_at(n, "ipv4_address");
	const char *ipv6 = show_text_at(n, "ipv6_address");
	char text[ADDR_TEXT_LEN];

	line(b, "prefix", "%s on %s", prefix, show_text_at(n, "device"));
	if (*ipv4 || *ipv6)
		line(b, "addresses", "%s%s%s", ipv4, *ipv4 && *ipv6 ? ", " : "",
		     readable(ipv6, prefix, text));
}

/* "on" or "off", and why. */
static void put_switch(struct block *b, const json_t *n, const char *key,
		       const char *reason_key)
{
	const char *state = show_text_at(n, key), *reason = show_text_at(n, reason_key);

	if (*state)
		line(b, key, *reason ? "%s (%s)" : "%s%s", state, reason);
}

static void put_nat64_traffic(struct block *b, const json_t *n)
{
	const json_t *m = json_object_get(n, "mappings"), *p = json_object_get(n, "packets");
	char out[TABLE_TEXT], in[TABLE_TEXT], dropped[TABLE_TEXT];

	if (m)
		line(b, "mappings", "%ju active, %ju dormant, %ju static",
		     (uintmax_t)show_number_at(m, "active"),
		     (uintmax_t)show_number_at(m, "dormant"),
		     (uintmax_t)show_number_at(m, "static"));
	if (p)
		line(b, "packets", "%s IPv6 to IPv4, %s IPv4 to IPv6, %s dropped",
		     table_count(show_number_at(p, "v6_to_v4"), out),
		     table_count(show_number_at(p, "v4_to_v6"), in),
		     table_count(show_number_at(p, "dropped"), dropped));
}

static void put_nat64(struct show *s, const json_t *n)
{
	struct block b = { s->out, "nat64" };
	const json_t *pool, *masquerade = json_object_get(n, "masquerade");
	size_t i;

	if (!n) {
		put_nothing(s, b.name, "disabled");
		return;
	}
	put_nat64_addresses(&b, n);
	json_array_foreach(json_object_get(n, "pool"), i, pool)
		line(&b, i ? "" : "pool", "%s, %ju of %ju used", show_text_at(pool, "network"),
		     (uintmax_t)show_number_at(pool, "used"),
		     (uintmax_t)show_number_at(pool, "size"));
	put_nat64_traffic(&b, n);
	if (masquerade)
		line(&b, "masquerade", "%s%s", show_text_at(masquerade, "mode"),
		     json_is_false(json_object_get(masquerade, "present")) ? ", not in place"
									   : ", in place");
	put_switch(&b, n, "offload", "offload_reason");
	put_switch(&b, n, "fastpath", "fastpath_reason");
}

static void put_forwarder(struct block *b, const char *label, const json_t *f)
{
	const json_t *rtt = json_object_get(f, "rtt_ms");
	const char *state = json_is_true(json_object_get(f, "healthy")) ? "healthy" : "silent";

	if (json_is_integer(rtt))
		line(b, label, "%s, %s, %ju ms", show_text_at(f, "address"), state,
		     (uintmax_t)json_integer_value(rtt));
	else
		line(b, label, "%s, %s", show_text_at(f, "address"), state);
}

static void put_dns64_traffic(struct block *b, const json_t *d)
{
	const json_t *cache = json_object_get(d, "cache");
	char queries[TABLE_TEXT], hits[TABLE_TEXT], made[TABLE_TEXT];

	if (json_object_get(d, "queries"))
		line(b, "queries", "%s, %s from the cache, %s synthesized",
		     table_count(show_number_at(d, "queries"), queries),
		     table_count(show_number_at(d, "hits"), hits),
		     table_count(show_number_at(d, "synthesized"), made));
	if (cache)
		line(b, "cache", "%ju entries, %s of %s",
		     (uintmax_t)show_number_at(cache, "entries"),
		     table_bytes(show_number_at(cache, "bytes"), hits),
		     table_bytes(show_number_at(cache, "limit"), made));
}

static void put_dns64(struct show *s, const json_t *d)
{
	struct block b = { s->out, "dns64" };
	const json_t *item;
	size_t i;

	if (!d) {
		put_nothing(s, b.name, "disabled");
		return;
	}
	if (!json_array_size(json_object_get(d, "listen")))
		line(&b, "listen", "nowhere");
	json_array_foreach(json_object_get(d, "listen"), i, item)
		line(&b, i ? "" : "listen", "%s",
		     json_string_value(item) ? json_string_value(item) : "");
	json_array_foreach(json_object_get(d, "forwarders"), i, item)
		put_forwarder(&b, i ? "" : "forwarders", item);
	put_dns64_traffic(&b, d);
}

static void put_withheld(struct block *b, const json_t *withheld)
{
	const json_t *w;
	size_t i;

	json_array_foreach(withheld, i, w)
		line(b, "", "%s is not announced%s", show_text_at(w, "plane"),
		     json_is_integer(json_object_get(w, "again_s"))
			     ? " yet: it has to prove itself again"
			     : ": it does not work");
}

static void put_ra(struct show *s, const json_t *ra)
{
	struct block b = { s->out, "ra" };
	const json_t *r;
	char sent[TABLE_TEXT], solicited[TABLE_TEXT], next[TABLE_TEXT];
	size_t i;

	if (json_array_size(ra) == 0)
		put_nothing(s, b.name, "none");
	json_array_foreach(ra, i, r)
	{
		const json_t *next_s = json_object_get(r, "next_s");

		line(&b, show_text_at(r, "interface"), "%s, %s sent, %s of them solicited%s%s",
		     show_text_at(r, "state"), table_count(show_number_at(r, "sent"), sent),
		     table_count(show_number_at(r, "solicited"), solicited),
		     json_is_integer(next_s) ? ", next in " : "",
		     json_is_integer(next_s) ? table_duration(show_number_at(r, "next_s"), next)
					     : "");
		put_withheld(&b, json_object_get(r, "withheld"));
	}
}

void show_status(struct show *s, const json_t *status)
{
	put_verdict(s, json_object_get(status, "health"));
	put_daemon(s, status);
	putc('\n', s->out);
	put_nat64(s, json_object_get(status, "nat64"));
	putc('\n', s->out);
	put_dns64(s, json_object_get(status, "dns64"));
	putc('\n', s->out);
	put_ra(s, json_object_get(status, "ra"));
}
