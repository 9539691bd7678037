/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show.c - lists, texts and refusals. */
#include "show.h"

#include "base/pref64.h"

#include <inttypes.h>
#include <string.h>

const char *show_text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t show_number_at(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

void show_rest(FILE *out, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof text, fmt, ap);
	table_put_text(out, text);
	putc('\n', out);
}

static void add_duration(struct table *t, const json_t *object, const char *key)
{
	const json_t *s = json_object_get(object, key);
	char text[TABLE_TEXT];

	table_add(t, json_is_integer(s) ? table_duration((uint64_t)json_integer_value(s), text)
					: "-");
}

static void add_way(struct table *t, const json_t *mapping, const char *way)
{
	const json_t *packets = json_object_get(json_object_get(mapping, "packets"), way);
	const json_t *bytes = json_object_get(json_object_get(mapping, "bytes"), way);
	char text[TABLE_TEXT];

	table_add(t, table_count((uint64_t)json_integer_value(packets), text));
	table_add(t, table_bytes((uint64_t)json_integer_value(bytes), text));
}

/* With the IPv4 part of a translated address dotted. */
static void add_ipv6(struct table *t, const char *ipv6)
{
	struct in6_addr addr;
	char text[ADDR_TEXT_LEN];

	table_add(t, addr_parse(ipv6, &addr) ? pref64_text(&pref64_well_known, &addr, text)
					     : ipv6);
}

void show_mapping(struct show *s, const json_t *mapping)
{
	static const struct table_column columns[] = {
		{ "MAC", false },     { "IPv6", false },     { "IPv4", false },
		{ "NAME", false },    { "STATE", false },    { "AGE", true },
		{ "IDLE", true },     { "6>4 PKTS", true },  { "6>4 BYTES", true },
		{ "4>6 PKTS", true }, { "4>6 BYTES", true },
	};
	struct table *t = &s->table;

	if (!json_object_size(mapping))
		return; /* the one reply of an empty list */
	t->columns = columns;
	t->n_columns = sizeof columns / sizeof columns[0];
	table_add(t, *show_text_at(mapping, "mac") ? show_text_at(mapping, "mac") : "-");
	add_ipv6(t, show_text_at(mapping, "ipv6"));
	table_add(t, show_text_at(mapping, "ipv4"));
	table_add(t, show_text_at(mapping, "name"));
	table_add(t, show_text_at(mapping, "state"));
	add_duration(t, mapping, "age_s");
	add_duration(t, mapping, "idle_s");
	add_way(t, mapping, "v6_to_v4");
	add_way(t, mapping, "v4_to_v6");
	table_pass(t, s->out, s->colour);
}

void show_mappings_end(struct show *s)
{
	if (s->table.n || s->table.begun)
		table_print(&s->table, s->out, s->colour);
	else
		fputs("no mappings\n", s->out);
	table_done(&s->table);
}

void show_counters(struct show *s, const json_t *parameters)
{
	static const struct table_column columns[] = { { "VALUE", true },
						       { "COUNTER", false },
						       { "SOURCE", false },
						       { "MEANING", false } };
	struct table t = { .columns = columns, .n_columns = 4 };
	const json_t *counter;
	char text[TABLE_TEXT];
	size_t i;

	json_array_foreach(json_object_get(parameters, "counters"), i, counter)
	{
		json_int_t value = json_integer_value(json_object_get(counter, "value"));

		if (s->nonzero && !value)
			continue;
		snprintf(text, sizeof text, "%" PRId64, (int64_t)value);
		table_add(&t, text);
		table_add(&t, show_text_at(counter, "name"));
		table_add(&t, show_text_at(counter, "rfc"));
		table_add(&t, show_text_at(counter, "text"));
	}
	table_print(&t, s->out, s->colour);
	table_done(&t);
}

void show_text(struct show *s, const json_t *parameters)
{
	fputs(show_text_at(parameters, "text"), s->out);
}

/* "FILE:LINE: key: what (hint)", and the line below, as the daemon prints it. */
static void put_message(const json_t *m)
{
	json_int_t line = json_integer_value(json_object_get(m, "line"));
	const char *hint = show_text_at(m, "hint"), *source = show_text_at(m, "source");

	if (*show_text_at(m, "file")) {
		table_put_text(stderr, show_text_at(m, "file"));
		if (line)
			fprintf(stderr, ":%" PRId64, (int64_t)line);
		fputs(": ", stderr);
	}
	if (*show_text_at(m, "key")) {
		table_put_text(stderr, show_text_at(m, "key"));
		fputs(": ", stderr);
	}
	table_put_text(stderr, show_text_at(m, "text"));
	if (*hint) {
		fputs(" (", stderr);
		table_put_text(stderr, hint);
		fputs(")", stderr);
	}
	putc('\n', stderr);
	if (*source) {
		fputs("    ", stderr);
		table_put_text(stderr, source);
		putc('\n', stderr);
	}
}

static void put_messages(const json_t *list)
{
	const json_t *message;
	size_t i;

	json_array_foreach(list, i, message) put_message(message);
}

/* With its level, where that is more than news. */
void show_event(struct show *s, const json_t *event)
{
	const char *level = show_text_at(event, "level"), *colour = "";

	if (strcmp(level, "error") == 0)
		colour = "\033[1;31m";
	else if (strcmp(level, "warning") == 0)
		colour = "\033[1;33m";
	colour = s->colour ? colour : "";
	table_put_text(s->out, show_text_at(event, "time"));
	fprintf(s->out, "  %s%-7s  ", colour, show_text_at(event, "plane"));
	table_put_text(s->out, show_text_at(event, "text"));
	fputs(*colour ? "\033[0m\n" : "\n", s->out);
}

void show_warnings(struct show *s, const json_t *parameters)
{
	(void)s;
	put_messages(json_object_get(parameters, "warnings"));
}

void show_error(const char *error, const json_t *parameters)
{
	static const struct {
		const char *error, *text, *key; /* key: whose value stands behind the text */
	} texts[] = {
		{ "io.v6gwd.Control.NotPermitted",
		  "not permitted: root and the daemon's user may do this; members of "
		  "control.group "
		  "may read",
		  NULL },
		{ "io.v6gwd.Control.TooManyClients", "v6gwd has too many clients, try again",
		  NULL },
		{ "io.v6gwd.Control.InternalError", "v6gwd could not put its answer together",
		  NULL },
		{ "io.v6gwd.Control.NoSuchMapping", "no dynamic mapping has the address ",
		  "ipv6" },
		{ "io.v6gwd.Control.PlaneNotRunning", "not running: ", "plane" },
		{ "org.varlink.service.MethodNotFound", "this v6gwd does not know ", "method" },
		{ "org.varlink.service.MethodNotImplemented", "this v6gwd does not answer ",
		  "method" },
		{ "org.varlink.service.InvalidParameter", "v6gwd does not accept this ",
		  "parameter" },
	};

	if (strcmp(error, "io.v6gwd.Control.ReloadFailed") == 0) {
		put_messages(json_object_get(parameters, "errors"));
		fputs("v6gwctl: the old configuration stays in force\n", stderr);
		return;
	}
	fputs("v6gwctl: ", stderr);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (strcmp(error, texts[i].error) != 0)
			continue;
		fputs(texts[i].text, stderr);
		table_put_text(stderr,
			       texts[i].key ? show_text_at(parameters, texts[i].key) : "");
		putc('\n', stderr);
		return;
	}
	table_put_text(stderr, error);
	putc('\n', stderr);
}
