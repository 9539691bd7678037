/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show_dns.c - GetDns on one screen, and QueryDns: the answer as dig has it, then why. */
#include "show.h"

#include "base/pref64.h"

#include <inttypes.h>
#include <string.h>

static void put_line(struct show *s, const char *label, const char *text)
{
	fprintf(s->out, "%-12s", label);
	table_put_text(s->out, text);
	putc('\n', s->out);
}

/* "a, b, c" */
static void put_list(struct show *s, const json_t *dns, const char *label, const char *key)
{
	const json_t *item;
	size_t i;

	fprintf(s->out, "%-12s", label);
	json_array_foreach(json_object_get(dns, key), i, item)
	{
		fputs(i ? ", " : "", s->out);
		table_put_text(s->out, json_string_value(item) ? json_string_value(item) : "");
	}
	fputs(i ? "\n" : "none\n", s->out);
}

static void put_listeners(struct show *s, const json_t *dns)
{
	const json_t *item;
	char text[256];
	size_t i;

	json_array_foreach(json_object_get(dns, "listen"), i, item)
	{
		snprintf(text, sizeof text, "%s%s", show_text_at(item, "address"),
			 json_is_true(json_object_get(item, "bound")) ? "" : " (not bound)");
		put_line(s, i ? "" : "listen", text);
	}
}

/* What is not as it should be with a forwarder. */
static void add_remarks(struct table *t, const json_t *f)
{
	static const struct {
		const char *key;
		bool bad; /* what is worth a word */
		const char *text;
	} remarks[] = {
		{ "healthy", false, "silent" },
		{ "edns", false, "no EDNS" },
		{ "mixed_case", false, "changes the case of names" },
		{ "avoided", true, "useless answers" },
	};
	const json_t *probe = json_object_get(f, "probe_ms");
	char text[160] = "", part[64];

	for (size_t i = 0; i < sizeof remarks / sizeof *remarks; i++) {
		const json_t *value = json_object_get(f, remarks[i].key);

		if (!json_is_boolean(value) || json_is_true(value) != remarks[i].bad)
			continue;
		snprintf(part, sizeof part, "%s%s", *text ? ", " : "", remarks[i].text);
		strncat(text, part, sizeof text - strlen(text) - 1);
	}
	if (json_is_integer(probe)) {
		snprintf(part, sizeof part, "%sprobed in %" PRIu64 " ms", *text ? ", " : "",
			 show_number_at(f, "probe_ms"));
		strncat(text, part, sizeof text - strlen(text) - 1);
	}
	table_add(t, *text ? text : "healthy");
}

static void put_forwarders(struct show *s, const json_t *dns)
{
	static const struct table_column columns[] = {
		{ "FORWARDER", false }, { "ZONE", false },    { "RTT", true },
		{ "ASKED", true },      { "ANSWERED", true }, { "TIMEOUTS", true },
		{ "ERRORS", true },     { "STATE", false },
	};
	static const char *const counts[] = { "asked", "answered", "timeouts", "errors" };
	struct table t = { .columns = columns, .n_columns = 8 };
	const json_t *f;
	char text[TABLE_TEXT + 4];
	size_t i;

	json_array_foreach(json_object_get(dns, "forwarders"), i, f)
	{
		table_add(&t, show_text_at(f, "address"));
		table_add(&t, show_text_at(f, "zone"));
		snprintf(text, sizeof text, "%" PRIu64 " ms", show_number_at(f, "rtt_ms"));
		table_add(&t, json_is_integer(json_object_get(f, "rtt_ms")) ? text : "-");
		for (size_t c = 0; c < 4; c++)
			table_add(&t, table_count(show_number_at(f, counts[c]), text));
		add_remarks(&t, f);
	}
	if (i)
		table_print(&t, s->out, s->colour);
	else
		fputs("no forwarders\n", s->out);
	table_done(&t);
}

static void put_cache(struct show *s, const json_t *dns)
{
	const json_t *cache = json_object_get(dns, "cache");
	const json_t *hits = json_object_get(dns, "hit_percent");
	char text[256], bytes[TABLE_TEXT], limit[TABLE_TEXT];
	int n = snprintf(text, sizeof text, "%" PRIu64 " entries, %s of %s",
			 show_number_at(cache, "entries"),
			 table_bytes(show_number_at(cache, "bytes"), bytes),
			 table_bytes(show_number_at(cache, "limit"), limit));

	if (json_is_integer(hits))
		snprintf(text + n, sizeof text - (size_t)n, ", answers %" PRIu64 " %%",
			 show_number_at(dns, "hit_percent"));
	put_line(s, "cache", text);
	snprintf(text, sizeof text,
		 "%" PRIu64 " questions wait, %" PRIu64 " asked of forwarders; %" PRIu64
		 " of %" PRIu64 " TCP clients",
		 show_number_at(dns, "in_flight"), show_number_at(dns, "asked_in_flight"),
		 show_number_at(dns, "tcp_clients"), show_number_at(dns, "tcp_clients_limit"));
	put_line(s, "now", text);
}

void show_dns(struct show *s, const json_t *dns)
{
	put_listeners(s, dns);
	put_line(s, "prefix", show_text_at(dns, "prefix"));
	put_line(s, "dnssec", show_text_at(dns, "dnssec"));
	put_list(s, dns, "may ask", "allow_query");
	put_list(s, dns, "synthesis", "clients");
	put_list(s, dns, "to", "destinations");
	put_cache(s, dns);
	putc('\n', s->out);
	put_forwarders(s, dns);
	putc('\n', s->out);
	s->nonzero = true;
	show_counters(s, dns);
}

/* QueryDns. */

static void put_words(struct show *s, const json_t *list)
{
	const json_t *word;
	size_t i;

	json_array_foreach(list, i, word)
		fprintf(s->out, " %s", json_string_value(word) ? json_string_value(word) : "");
}

static void put_records(struct show *s, const json_t *answer, const char *key,
			const char *title)
{
	const json_t *record;
	size_t i;

	json_array_foreach(json_object_get(answer, key), i, record)
	{
		if (!i)
			fprintf(s->out, "\n%s:\n", title);
		table_put_text(s->out, show_text_at(record, "name"));
		fprintf(s->out, "%s %" PRIu64 " IN %s ",
			strcmp(show_text_at(record, "name"), ".") == 0 ? "" : ".",
			show_number_at(record, "ttl"), show_text_at(record, "type"));
		table_put_text(s->out, show_text_at(record, "data"));
		putc('\n', s->out);
	}
}

static void put_steps(struct show *s, const json_t *answer)
{
	const json_t *step;
	uint64_t left_out = show_number_at(answer, "steps_left_out");
	size_t i;

	fputs("\nWhy:\n", s->out);
	json_array_foreach(json_object_get(answer, "steps"), i, step)
	{
		fprintf(s->out, "%3zu. ", i + 1);
		table_put_text(s->out, show_text_at(step, "text"));
		if (*show_text_at(step, "rfc"))
			fprintf(s->out, "  [%s]", show_text_at(step, "rfc"));
		putc('\n', s->out);
	}
	if (left_out)
		fprintf(s->out, "     (%" PRIu64 " more before the last)\n", left_out);
}

void show_dns_query(struct show *s, const json_t *answer)
{
	const char *mac = show_text_at(answer, "mac"), *rcode = show_text_at(answer, "rcode");
	const json_t *error;
	size_t i;

	table_put_text(s->out, show_text_at(answer, "name"));
	fprintf(s->out, " %s, asked as ", show_text_at(answer, "type"));
	table_put_text(s->out, show_text_at(answer, "as"));
	fprintf(s->out, *mac ? " (%s)\n" : "%s\n", mac);
	fprintf(s->out, "%s, flags", *rcode ? rcode : "no answer");
	put_words(s, json_object_get(answer, "flags"));
	fprintf(s->out, ", %" PRIu64 " ms\n", show_number_at(answer, "took_ms"));
	json_array_foreach(json_object_get(answer, "extended_errors"), i, error)
		fprintf(s->out, "extended error %" PRIu64 " (%s)\n",
			show_number_at(error, "code"), show_text_at(error, "text"));
	put_records(s, answer, "answer", "Answer");
	put_records(s, answer, "authority", "Authority");
	put_steps(s, answer);
}
