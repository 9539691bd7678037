/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "option_type.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN  253u /* of a domain name as text: 255 bytes on the wire */
#define LABEL_MAX_LEN 63u
#define URI_MAX_LEN   2038u /* RFC 8910 2.3: 255 x 8 - 2 */
#define RDNSS_MAX     127u  /* RFC 8106 5.1: what one option holds */
#define INTERFACE_MAX 15u

struct unit {
	const char *name;
	int64_t size;
};

static const struct unit duration_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};

static const struct unit size_units[] = {
	{ "T", INT64_C(1) << 40 },
	{ "G", 1 << 30 },
	{ "M", 1 << 20 },
	{ "K", 1 << 10 },
};

#define LENGTH(a) (sizeof(a) / sizeof *(a))

/* --- errors and marks --------------------------------------------------------------------- */

void option_report(struct option_reader *r, const struct option_error *e)
{
	struct option_error *new;

	for (size_t i = 0; i < r->n_errors; i++) {
		struct option_error *old = &r->errors[i];

		if (old->line == e->line && strcmp(old->key, e->key) == 0 &&
		    strcmp(old->text, e->text) == 0)
			return;
	}
	new = memory_append(r->scratch, &r->errors, r->n_errors, sizeof *r->errors);
	if (new) {
		*new = *e;
		r->n_errors++;
	}
	r->no_memory |= !new;
}

static const char *item_key(struct option_reader *r)
{
	if (r->item == OPTION_NO_ITEM)
		return r->key;
	return memory_printf(r->scratch, "%s[%zu]", r->key, r->item);
}

__attribute__((format(printf, 4, 0))) static void report(struct option_reader *r, bool warning,
							 const char *hint, const char *fmt,
							 va_list args)
{
	char text[512];
	struct option_error e = { .line = r->line, .key = item_key(r), .warning = warning };

	vsnprintf(text, sizeof text, fmt, args);
	e.text = memory_copy(r->scratch, text, strlen(text));
	e.hint = memory_copy(r->scratch, hint, strlen(hint));
	if (e.key && e.text && e.hint)
		option_report(r, &e);
	else
		r->no_memory = true;
}

bool option_refuse(struct option_reader *r, const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(r, false, hint, fmt, args);
	va_end(args);
	return false;
}

void option_warn(struct option_reader *r, const char *hint, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(r, true, hint, fmt, args);
	va_end(args);
}

void option_mark(struct option_reader *r, const void *field, bool refused)
{
	struct option_mark *mark =
		memory_append(r->scratch, &r->marks, r->n_marks, sizeof *r->marks);
	const char *key = item_key(r);

	if (!mark || !key) {
		r->no_memory = true;
		return;
	}
	*mark = (struct option_mark){ field,    key,     r->line,
				      r->given, refused, r->open && !r->given };
	r->n_marks++;
}

static bool no_memory(struct option_reader *r)
{
	r->no_memory = true;
	return false;
}

/* Values in messages are cut at this. */
static int shown(const char *text)
{
	size_t len = strlen(text);

	return len < 80 ? (int)len : 80;
}

static const char *type_of(const struct value *v)
{
	switch (v->type) {
	case VALUE_TEXT:
		return "text";
	case VALUE_NUMBER:
		return "a number";
	case VALUE_FRACTION:
		return "a number with a fraction";
	case VALUE_BOOL:
		return "true or false";
	case VALUE_LIST:
		return "a list";
	case VALUE_GROUP:
		return "a group";
	}
	return "";
}

static bool wrong_type(struct option_reader *r, const struct option *o, const struct value *v)
{
	char hint[128] = "";

	if (o->example || o->preset)
		snprintf(hint, sizeof hint, "for example %s",
			 o->example ? o->example : o->preset);
	return option_refuse(r, hint, "must be %s, not %s", option_type_text(o), type_of(v));
}

/* --- durations and sizes ------------------------------------------------------------------ */

static const struct unit *find_unit(const struct unit *units, size_t n, const char *text,
				    size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(units[i].name) == len && strncasecmp(units[i].name, text, len) == 0)
			return &units[i];
	return NULL;
}

/* Decimal digits; false when there are none or they do not fit. */
static bool take_digits(const char **p, int64_t *out)
{
	int64_t n = 0;
	const char *start = *p;

	for (; **p >= '0' && **p <= '9'; ++*p)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, **p - '0', &n))
			return false;
	*out = n;
	return *p > start;
}

/* "2h4m": numbers with units, the sum in milliseconds. */
static bool parse_duration(const char *text, int64_t *out)
{
	static const struct unit week = { "w", INT64_C(604800000) };
	int64_t sum = 0, n;

	while (*text) {
		const struct unit *u;
		size_t len;

		if (!take_digits(&text, &n))
			return false;
		for (len = 0; (text[len] | 0x20) >= 'a' && (text[len] | 0x20) <= 'z'; len++)
			;
		u = find_unit(duration_units, LENGTH(duration_units), text, len);
		if (!u && len == 1 && (*text | 0x20) == 'w')
			u = &week;
		if (!u || __builtin_mul_overflow(n, u->size, &n) ||
		    __builtin_add_overflow(sum, n, &sum))
			return false;
		text += len;
		text += *text == ' ' && text[1];
	}
	*out = sum;
	return true;
}

const char *option_duration(int64_t ms, char out[OPTION_DURATION_LEN])
{
	size_t n = 0;

	if (ms == CONFIG_INFINITE)
		return "infinite";
	if (ms == 0)
		return "0s";
	for (size_t i = 0; i < LENGTH(duration_units); i++) {
		const struct unit *u = &duration_units[i];

		if (ms >= u->size)
			n += (size_t)snprintf(out + n, OPTION_DURATION_LEN - n, "%lld%s",
					      (long long)(ms / u->size), u->name);
		ms %= u->size;
	}
	return out;
}

static bool parse_size(const char *text, int64_t *out)
{
	const struct unit *u;
	int64_t n;

	if (!take_digits(&text, &n))
		return false;
	if (!*text) {
		*out = n;
		return true;
	}
	u = find_unit(size_units, LENGTH(size_units), text, 1);
	if (!u || (text[1] && strcmp(text + 1, "iB") != 0))
		return false;
	return !__builtin_mul_overflow(n, u->size, out);
}

static const char *size_text(int64_t size, char *out, size_t out_len)
{
	for (size_t i = 0; i < LENGTH(size_units); i++)
		if (size && size % size_units[i].size == 0) {
			snprintf(out, out_len, "%lld%s", (long long)(size / size_units[i].size),
				 size_units[i].name);
			return out;
		}
	snprintf(out, out_len, "%lld", (long long)size);
	return out;
}

/* A bound or value of the row, as it would be written. */
static const char *amount_text(const struct option *o, int64_t n, char out[OPTION_DURATION_LEN])
{
	if (o->type == OPTION_DURATION)
		return option_duration(n, out);
	if (o->type == OPTION_SIZE)
		return size_text(n, out, OPTION_DURATION_LEN);
	snprintf(out, OPTION_DURATION_LEN, "%lld", (long long)n);
	return out;
}

const char *option_bounds(const struct option *o, char *out, size_t out_len)
{
	char min[OPTION_DURATION_LEN], max[OPTION_DURATION_LEN];

	*out = '\0';
	if (o->type <= OPTION_SIZE && o->max)
		snprintf(out, out_len, "%s to %s", amount_text(o, o->min, min),
			 amount_text(o, o->max, max));
	return out;
}

static bool check_bounds(struct option_reader *r, const struct option *o, int64_t n)
{
	char bounds[256], given[OPTION_DURATION_LEN];

	if (n >= o->min && n <= o->max)
		return true;
	option_bounds(o, bounds, sizeof bounds);
	if (n < 0)
		return option_refuse(r, bounds, "must not be negative");
	return option_refuse(r, bounds, "%s is out of range", amount_text(o, n, given));
}

static bool is_keyword(const struct option *o, const struct value *v)
{
	return o->keyword && v->type == VALUE_TEXT && strcmp(v->text, o->keyword) == 0;
}

static bool read_bool(struct option_reader *r, const struct option *o, const struct value *v,
		      void *base)
{
	if (v->type != VALUE_BOOL)
		return wrong_type(r, o, v);
	*(bool *)base = v->number;
	return true;
}

static bool read_number(struct option_reader *r, const struct option *o, const struct value *v,
			void *field)
{
	if (v->type != VALUE_NUMBER)
		return wrong_type(r, o, v);
	if (!check_bounds(r, o, v->number))
		return false;
	*(uint32_t *)field = (uint32_t)v->number;
	return true;
}

static bool read_port(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	uint32_t port;

	if (!read_number(r, o, v, &port))
		return false;
	*(uint16_t *)field = (uint16_t)port;
	return true;
}

static bool read_duration_text(struct option_reader *r, const struct option *o,
			       const char *text, int64_t *out)
{
	int64_t ms;

	if (strcmp(text, "infinite") == 0 || strcmp(text, "infinity") == 0) {
		if (!(o->flags & OPTION_INFINITE))
			return option_refuse(r, "", "cannot be infinite");
		*out = CONFIG_INFINITE;
		return true;
	}
	if (*text && strspn(text, "0123456789") == strlen(text))
		return option_refuse(r, "a unit is missing: ms s m h d w", "\"%.*s\" of what?",
				     shown(text), text);
	if (!*text || !parse_duration(text, &ms))
		return option_refuse(
			r,
			"a number and its unit, also several: \"2h4m\", \"500ms\"; "
			"units ms s m h d w",
			"\"%.*s\" is not a duration", shown(text), text);
	if (!check_bounds(r, o, ms))
		return false;
	if ((o->flags & OPTION_SECONDS) && ms % 1000)
		return option_refuse(r, "", "must be whole seconds");
	*out = ms;
	return true;
}

static bool read_duration(struct option_reader *r, const struct option *o,
			  const struct value *v, void *field)
{
	int64_t ms = v->number;

	if (is_keyword(o, v)) {
		*(int64_t *)field = CONFIG_AUTO;
		return true;
	}
	if (v->type == VALUE_TEXT)
		return read_duration_text(r, o, v->text, field);
	if (v->type != VALUE_NUMBER)
		return wrong_type(r, o, v);
	if (__builtin_mul_overflow(ms, 1000, &ms))
		ms = ms < 0 ? INT64_MIN : INT64_MAX;
	if (!check_bounds(r, o, ms))
		return false;
	*(int64_t *)field = ms;
	return true;
}

static bool read_size(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	int64_t size = v->number;

	if (v->type != VALUE_NUMBER && v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (v->type == VALUE_TEXT && !parse_size(v->text, &size))
		return option_refuse(r, "a number and K, M, G or T, as in \"32M\", or bytes",
				     "\"%.*s\" is not a size", shown(v->text), v->text);
	if (!check_bounds(r, o, size))
		return false;
	*(uint64_t *)field = (uint64_t)size;
	return true;
}

static void put_bool(const struct option *o, const void *field, char *out, size_t out_len)
{
	(void)o;
	snprintf(out, out_len, "%s", *(const bool *)field ? "true" : "false");
}

static void put_number(const struct option *o, const void *field, char *out, size_t out_len)
{
	(void)o;
	snprintf(out, out_len, "%u", *(const uint32_t *)field);
}

static void put_port(const struct option *o, const void *field, char *out, size_t out_len)
{
	(void)o;
	snprintf(out, out_len, "%u", *(const uint16_t *)field);
}

static void put_duration(const struct option *o, const void *field, char *out, size_t out_len)
{
	int64_t ms = *(const int64_t *)field;
	char text[96];

	snprintf(out, out_len, "\"%s\"",
		 ms == CONFIG_AUTO ? o->keyword : option_duration(ms, text));
}

static void put_size(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[32];

	(void)o;
	snprintf(out, out_len, "\"%s\"",
		 size_text((int64_t) * (const uint64_t *)field, text, sizeof text));
}

/* --- words and texts ---------------------------------------------------------------------- */

static bool read_word(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	char all[160] = "";
	size_t n = 0;

	for (unsigned i = 0; o->words[i]; i++) {
		if (v->type == VALUE_TEXT && strcmp(v->text, o->words[i]) == 0) {
			*(unsigned *)field = i;
			return true;
		}
		n += (size_t)snprintf(all + n, sizeof all - n, "%s\"%s\"", i ? ", " : "",
				      o->words[i]);
	}
	if (v->type == VALUE_TEXT)
		return option_refuse(r, all, "\"%.*s\" is not known", shown(v->text), v->text);
	return option_refuse(r, all, "must be one of the words, not %s", type_of(v));
}

static void put_word(const struct option *o, const void *field, char *out, size_t out_len)
{
	snprintf(out, out_len, "\"%s\"", o->words[*(const unsigned *)field]);
}

static bool store_text(struct option_reader *r, const char *text, const char **out)
{
	char *copy = memory_copy(r->memory, text, strlen(text));

	if (!copy)
		return no_memory(r);
	*out = copy;
	return true;
}

static bool is_graph(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

/* An interface name goes into paths of /proc and into netlink. */
static bool check_interface(struct option_reader *r, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > INTERFACE_MAX)
		return option_refuse(r, "1 to 15 characters",
				     "\"%.*s\" is not an interface name", shown(name), name);
	for (size_t i = 0; i < len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-",
			    name[i]))
			return option_refuse(r, "letters, digits, `_`, `.` and `-`",
					     "\"%s\" is not an interface name", name);
	if (strcmp(name, ".") == 0 || strstr(name, ".."))
		return option_refuse(r, "", "\"%s\" is not an interface name", name);
	return true;
}

static bool read_interface(struct option_reader *r, const struct option *o,
			   const struct value *v, void *field)
{
	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (is_keyword(o, v)) {
		*(const char **)field = NULL;
		return true;
	}
	return check_interface(r, v->text) && store_text(r, v->text, field);
}

static bool read_path(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (is_keyword(o, v)) {
		*(const char **)field = NULL;
		return true;
	}
	if (*v->text != '/')
		return option_refuse(r, "it begins with `/`", "must be an absolute path");
	if (strlen(v->text) > (size_t)o->max)
		return option_refuse(r, "", "longer than %lld bytes", (long long)o->max);
	for (const char *p = v->text; *p; p++)
		if ((unsigned char)*p < ' ')
			return option_refuse(r, "", "a control character in a path");
	return store_text(r, v->text, field);
}

static bool read_label(struct option_reader *r, const struct option *o, const struct value *v,
		       void *field)
{
	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (strlen(v->text) > LABEL_MAX_LEN || !is_graph(v->text))
		return option_refuse(r, "up to 63 bytes, no spaces", "\"%.*s\" is not a name",
				     shown(v->text), v->text);
	return store_text(r, v->text, field);
}

/* RFC 8910 2: https, or the URN that says there is none. */
static bool read_uri(struct option_reader *r, const struct option *o, const struct value *v,
		     void *field)
{
	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (strlen(v->text) > URI_MAX_LEN)
		return option_refuse(r, "", "longer than %u bytes", URI_MAX_LEN);
	if (*v->text && (!is_graph(v->text) ||
			 ((strncmp(v->text, "https://", 8) != 0 || !v->text[8]) &&
			  strcmp(v->text, "urn:ietf:params:capport:unrestricted") != 0)))
		return option_refuse(r,
				     "https://..., or urn:ietf:params:capport:unrestricted for "
				     "none",
				     "\"%.*s\" is not the URI of a captive portal's API",
				     shown(v->text), v->text);
	return store_text(r, v->text, field);
}

static void quote(const char *text, char *out, size_t out_len)
{
	size_t n = 0;

	out[n++] = '"';
	for (; *text && n + 4 < out_len; text++) {
		if (*text == '"' || *text == '\\')
			out[n++] = '\\';
		out[n++] = *text;
	}
	out[n++] = '"';
	out[n] = '\0';
}

static void put_text(const struct option *o, const void *field, char *out, size_t out_len)
{
	const char *text = *(const char *const *)field;

	quote(text ? text : o->keyword, out, out_len);
}

/* A domain name, lower case, without the last dot. */
static bool parse_name(struct option_reader *r, const char *text, const char **out)
{
	size_t len = strlen(text), label = 0;
	char name[NAME_MAX_LEN + 1];

	if (len > 1 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_MAX_LEN)
		return option_refuse(r, "1 to 253 characters", "\"%.*s\" is not a domain name",
				     shown(text), text);
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		c = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
		if (c != '.' && !strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", c))
			return option_refuse(
				r, "letters, digits, `-` and `_`; others as xn--...",
				"\"%.*s\" is not a domain name", shown(text), text);
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX_LEN)
			return option_refuse(r, "at most 63 characters between two dots",
					     "\"%.*s\" has too long a label", shown(text),
					     text);
		if (c == '.' && (i == 0 || text[i - 1] == '.' || i + 1 == len))
			return option_refuse(r, "two dots without a label between",
					     "\"%.*s\" is not a domain name", shown(text),
					     text);
		name[i] = c;
	}
	name[len] = '\0';
	return store_text(r, name, out);
}

static bool read_name(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	return parse_name(r, v->text, field);
}

/* --- single addresses and networks -------------------------------------------------------- */

static bool parse_addr(struct option_reader *r, const char *text, bool v4, struct in6_addr *out)
{
	struct in6_addr a;

	if (!addr_parse(text, &a) || (strchr(text, ':') == NULL) != v4)
		return option_refuse(
			r, v4 ? "for example 192.0.2.1" : "for example 2001:db8::1",
			"\"%.*s\" is not an IPv%c address", shown(text), text, v4 ? '4' : '6');
	*out = a;
	return true;
}

/* A network of one family without host bits: both "the network" and "the one address" could be
 * meant by 192.0.2.1/24. */
static bool parse_net(struct option_reader *r, const char *text, bool v4, struct prefix6 *out)
{
	char a[ADDR_TEXT_LEN], hint[2 * ADDR_TEXT_LEN];
	struct prefix6 p;
	bool host_bits;
	int alone = (int)strcspn(text, "/");

	if (!prefix_parse(text, &p, &host_bits) || (strchr(text, ':') == NULL) != v4)
		return option_refuse(
			r, v4 ? "for example 192.0.2.0/24" : "for example 2001:db8::/64",
			"\"%.*s\" is not an IPv%c network", shown(text), text, v4 ? '4' : '6');
	if (host_bits) {
		snprintf(hint, sizeof hint, "%s for the network, %.*s for the one address",
			 prefix_text(&p, a), alone < ADDR_TEXT_LEN ? alone : 0, text);
		return option_refuse(r, hint, "\"%s\" has bits behind its prefix length", text);
	}
	*out = p;
	return true;
}

static bool read_addr4(struct option_reader *r, const struct option *o, const struct value *v,
		       void *field)
{
	struct in6_addr a;

	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (!parse_addr(r, v->text, true, &a))
		return false;
	if (addr4_is_never(addr_v4(&a)))
		return option_refuse(r, "", "\"%s\" is not a usable address", v->text);
	*(struct in_addr *)field = addr_v4(&a);
	return true;
}

static bool is_host6(const struct in6_addr *a)
{
	return !addr_is_unspecified(a) && !addr_is_loopback(a) && !addr_is_multicast(a) &&
	       !addr_is_link_local(a) && !addr_is_v4(a);
}

static bool read_addr6(struct option_reader *r, const struct option *o, const struct value *v,
		       void *field)
{
	struct in6_addr a;

	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (!parse_addr(r, v->text, false, &a))
		return false;
	if (!is_host6(&a))
		return option_refuse(r, "a global or unique-local one",
				     "\"%s\" is not a usable address", v->text);
	*(struct in6_addr *)field = a;
	return true;
}

/* RFC 6052 2.1, 2.2. */
static bool read_pref64(struct option_reader *r, const struct option *o, const struct value *v,
			void *field)
{
	static const struct in6_addr well_known = { { { 0, 0x64, 0xff, 0x9b } } };
	struct prefix6 p;

	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (!parse_net(r, v->text, false, &p))
		return false;
	if (!pref64_len_valid(p.len))
		return option_refuse(r, "/32 /40 /48 /56 /64 /96",
				     "a NAT64 prefix cannot have length %u", p.len);
	if (p.addr.s6_addr[8])
		return option_refuse(r, "RFC 6052 2.2", "bits 64 to 71 must be zero");
	if (addr_equal(&p.addr, &well_known) && p.len != 96)
		return option_refuse(r, "64:ff9b::/96", "the well-known prefix has length 96");
	if (!is_host6(&p.addr))
		return option_refuse(r, "a global or unique-local one",
				     "\"%s\" is not a usable prefix", v->text);
	*(struct pref64 *)field = (struct pref64){ p.addr, p.len };
	return true;
}

static bool read_net4(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	struct prefix6 p;

	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (!parse_net(r, v->text, true, &p))
		return false;
	if (p.len < 96 + 8 || addr4_is_never(addr_v4(&p.addr)))
		return option_refuse(r, "", "\"%s\" is not a network of usable addresses",
				     v->text);
	*(struct prefix4 *)field = (struct prefix4){ addr_v4(&p.addr), (uint8_t)(p.len - 96) };
	return true;
}

static bool read_net6(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	struct prefix6 p;

	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (!parse_net(r, v->text, false, &p))
		return false;
	if (!is_host6(&p.addr))
		return option_refuse(r, "a global or unique-local one",
				     "\"%s\" is not a network of usable addresses", v->text);
	*(struct prefix6 *)field = p;
	return true;
}

/* RFC 4861 4.6.2: bits behind the prefix length are zero on the wire. */
static bool read_link_net6(struct option_reader *r, const struct option *o,
			   const struct value *v, void *field)
{
	struct prefix6 p;
	bool host_bits;
	char text[ADDR_TEXT_LEN];

	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (!prefix_parse(v->text, &p, &host_bits) || !strchr(v->text, ':') ||
	    !strchr(v->text, '/'))
		return option_refuse(r, "for example 2001:db8::/64",
				     "\"%.*s\" is not an IPv6 prefix with its length",
				     shown(v->text), v->text);
	if ((p.len && addr_is_link_local(&p.addr)) || addr_is_multicast(&p.addr) ||
	    addr_is_v4(&p.addr) || addr_is_loopback(&p.addr))
		return option_refuse(r, "a global or unique-local one",
				     "\"%s\" cannot be advertised", v->text);
	if (host_bits)
		option_warn(r, "", "advertised as %s", prefix_text(&p, text));
	*(struct prefix6 *)field = p;
	return true;
}

/* The address as written is the one that the R bit tells (RFC 6275 7.2). */
static bool read_ra_prefix(struct option_reader *r, const struct option *o,
			   const struct value *v, void *field)
{
	struct config_ra_prefix *p = (struct config_ra_prefix *)(void *)((char *)field - o->at);
	char addr[ADDR_TEXT_LEN];

	if (!read_link_net6(r, o, v, field))
		return false;
	snprintf(addr, sizeof addr, "%.*s", (int)strcspn(v->text, "/"), v->text);
	return addr_parse(addr, &p->router_address_of);
}

static void put_addr4(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s\"", addr4_text(*(const struct in_addr *)field, text));
}

static void put_addr6(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s\"", addr_text(field, text));
}

static void put_pref64(const struct option *o, const void *field, char *out, size_t out_len)
{
	const struct pref64 *p = field;
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s/%u\"", addr_text(&p->prefix, text), p->len);
}

static void put_net4(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s\"", prefix4_text(field, text));
}

/* Not as IPv4, even where it is inside ::ffff:0:0/96. */
static void put_net6(const struct option *o, const void *field, char *out, size_t out_len)
{
	const struct prefix6 *p = field;
	char text[INET6_ADDRSTRLEN] = "";

	(void)o;
	inet_ntop(AF_INET6, &p->addr, text, sizeof text);
	snprintf(out, out_len, "\"%s/%u\"", text, p->len);
}

static void put_ra_prefix(const struct option *o, const void *field, char *out, size_t out_len)
{
	const struct config_ra_prefix *p =
		(const struct config_ra_prefix *)(const void *)((const char *)field - o->at);

	put_net6(o, &(struct prefix6){ p->router_address_of, p->prefix.len }, out, out_len);
}

/* --- lists ---------------------------------------------------------------------------------
 */

/* The elements of a list of texts, which may be written as one text.  NULL when it is neither.
 */
static const struct value *texts(struct option_reader *r, const struct option *o,
				 const struct value *v, size_t *n)
{
	bool ok = true;

	*n = v->type == VALUE_TEXT ? 1 : v->n;
	if (v->type == VALUE_TEXT)
		return v;
	if (v->type != VALUE_LIST) {
		wrong_type(r, o, v);
		return NULL;
	}
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].type != VALUE_TEXT) {
			r->item = i;
			r->line = v->v[i].line;
			ok = option_refuse(r, "in quotes", "must be text, not %s",
					   type_of(&v->v[i]));
		}
	if (!v->n && (o->flags & OPTION_FILLED))
		ok = option_refuse(r, "", "must not be empty");
	return ok ? (v->v ? v->v : v) : NULL;
}

/* Reads each element into an array of its own; *n counts those that are no keyword. */
typedef bool (*read_item)(struct option_reader *, const struct option *, const char *, void *);

struct list {
	const char *keyword;
	bool has_keyword;
	char *v;
	size_t n, size; /* of one element */
};

static bool read_list(struct option_reader *r, const struct option *o, const struct value *v,
		      read_item read, struct list *list)
{
	size_t n;
	const struct value *items = texts(r, o, v, &n);
	bool ok = true;

	if (!items)
		return false;
	list->v = memory_take(r->memory, n * list->size);
	if (!list->v)
		return no_memory(r);
	for (size_t i = 0; i < n; i++) {
		void *element = list->v + list->n * list->size;

		r->item = v->type == VALUE_LIST ? i : OPTION_NO_ITEM;
		r->line = items[i].line;
		if (list->keyword && strcmp(items[i].text, list->keyword) == 0) {
			list->has_keyword = true;
		} else if (read(r, o, items[i].text, element)) {
			option_mark(r, element, false);
			list->n++;
		} else {
			ok = false;
		}
	}
	return ok;
}

static bool interface_item(struct option_reader *r, const struct option *o, const char *text,
			   void *out)
{
	(void)o;
	return check_interface(r, text) && store_text(r, text, out);
}

static bool read_interfaces(struct option_reader *r, const struct option *o,
			    const struct value *v, void *field)
{
	struct list list = { .keyword = o->keyword, .size = sizeof(char *) };

	if (!read_list(r, o, v, interface_item, &list))
		return false;
	r->item = OPTION_NO_ITEM;
	if (list.has_keyword && list.n)
		return option_refuse(r, "one or the other", "\"%s\" beside names", o->keyword);
	if (!list.has_keyword && !list.n)
		return option_refuse(r, "\"auto\" finds it out", "must not be empty");
	*(struct config_texts *)field =
		(struct config_texts){ (const char **)(void *)list.v, list.n };
	return true;
}

static bool name_item(struct option_reader *r, const struct option *o, const char *text,
		      void *out)
{
	(void)o;
	return parse_name(r, text, out);
}

static bool read_names(struct option_reader *r, const struct option *o, const struct value *v,
		       void *field)
{
	struct list list = { .size = sizeof(char *) };

	if (!read_list(r, o, v, name_item, &list))
		return false;
	*(struct config_texts *)field =
		(struct config_texts){ (const char **)(void *)list.v, list.n };
	return true;
}

static bool net_item(struct option_reader *r, const struct option *o, const char *text,
		     void *out)
{
	bool v4 = o->type == OPTION_POOLS || o->type == OPTION_HOSTS4;
	bool host = o->type == OPTION_HOSTS4 || o->type == OPTION_HOSTS6;
	struct prefix6 p = { .len = 128 };

	if (host ? !parse_addr(r, text, v4, &p.addr) : !parse_net(r, text, v4, &p))
		return false;
	if (o->type == OPTION_HOSTS6 && addr_is_v4(&p.addr))
		return option_refuse(r, "an IPv4 address stands in `a`",
				     "\"%s\" is not an IPv6 address", text);
	if (o->type == OPTION_POOLS && (p.len < 96 + 8 || addr4_is_never(addr_v4(&p.addr))))
		return option_refuse(r, "", "\"%s\" is not a network of usable addresses",
				     text);
	if (o->type == OPTION_POOLS && p.len > 96 + 30)
		return option_refuse(r, "its first and last address are not used: /8 to /30",
				     "\"%s\" has no usable address", text);
	*(struct prefix6 *)out = p;
	return true;
}

static bool read_nets(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	struct list list = { .size = sizeof(struct prefix6) };

	if (!read_list(r, o, v, net_item, &list))
		return false;
	*(struct config_nets *)field =
		(struct config_nets){ (struct prefix6 *)(void *)list.v, list.n };
	return true;
}

struct acl_word {
	const char *word;
	enum acl_kind kind;
	unsigned flag; /* of the rows that take it; 0: all */
};

static const struct acl_word acl_words[] = {
	{ "any", ACL_ANY, 0 },
	{ "auto", ACL_AUTO, OPTION_ACL_AUTO },
	{ "localnets", ACL_LOCALNETS, OPTION_ACL_LOCAL },
	{ "localhost", ACL_LOCALHOST, OPTION_ACL_LOCAL },
	{ "global", ACL_GLOBAL, OPTION_ACL_GLOBAL },
};

static bool acl_takes(const struct option *o, const struct acl_word *w)
{
	return !w->flag || (o->flags & w->flag);
}

static bool refuse_acl(struct option_reader *r, const struct option *o, const char *text)
{
	char hint[256];
	bool v4 = o->flags & OPTION_ACL_V4, v6 = o->flags & OPTION_ACL_V6;
	size_t n = (size_t)snprintf(hint, sizeof hint, "\"any\", \"none\"");

	for (size_t i = 1; i < LENGTH(acl_words); i++)
		if (acl_takes(o, &acl_words[i]))
			n += (size_t)snprintf(hint + n, sizeof hint - n, ", \"%s\"",
					      acl_words[i].word);
	snprintf(hint + n, sizeof hint - n, ", an %saddress or network%s; \"!\" before it: not",
		 v4   ? "IPv4 "
		 : v6 ? "IPv6 "
		      : "",
		 v4 ? "" : ", a link-layer address");
	return option_refuse(r, hint, "\"%.*s\" is not an entry of an ACL", shown(text), text);
}

static bool acl_item(struct option_reader *r, const struct option *o, const char *text,
		     void *out)
{
	struct acl_entry e = { .kind = ACL_NET, .negated = *text == '!' };
	const char *word = text + e.negated;
	bool v4 = strchr(word, ':') == NULL;

	for (size_t i = 0; i < LENGTH(acl_words); i++)
		if (acl_takes(o, &acl_words[i]) && strcmp(word, acl_words[i].word) == 0) {
			e.kind = acl_words[i].kind;
			*(struct acl_entry *)out = e;
			return true;
		}
	if (strcmp(text, "none") == 0)
		e = (struct acl_entry){ .kind = ACL_ANY, .negated = true };
	else if (mac_parse(word, e.mac) && !(o->flags & OPTION_ACL_V4))
		e.kind = ACL_MAC;
	else if (!prefix_parse(word, &e.net, NULL) || (v4 && (o->flags & OPTION_ACL_V6)) ||
		 (!v4 && ((o->flags & OPTION_ACL_V4) || addr_is_v4(&e.net.addr))))
		return refuse_acl(r, o, text);
	else if (!parse_net(r, word, v4, &e.net))
		return false;
	*(struct acl_entry *)out = e;
	return true;
}

static bool read_acl(struct option_reader *r, const struct option *o, const struct value *v,
		     void *field)
{
	struct list list = { .size = sizeof(struct acl_entry) };

	if (!read_list(r, o, v, acl_item, &list))
		return false;
	*(struct acl *)field = (struct acl){ (struct acl_entry *)(void *)list.v, list.n };
	return true;
}

/* "addr", "addr@port", "[addr%zone]@port" into its parts. */
static bool split_endpoint(const char *text, char addr[ADDR_TEXT_LEN], const char **zone,
			   size_t *zone_len, const char **port)
{
	bool bracket = *text == '[';
	const char *start = text + bracket, *at = strrchr(text, '@');
	const char *end = at ? at : text + strlen(text), *percent;

	*port = at ? at + 1 : NULL;
	if (bracket && (end == start || *--end != ']'))
		return false;
	percent = memchr(start, '%', (size_t)(end - start));
	*zone = percent ? percent + 1 : NULL;
	*zone_len = percent ? (size_t)(end - percent - 1) : 0;
	if (percent)
		end = percent;
	if (end - start >= ADDR_TEXT_LEN)
		return false;
	memcpy(addr, start, (size_t)(end - start));
	addr[end - start] = '\0';
	return true;
}

static bool parse_port(const char *text, uint16_t *out)
{
	int64_t n;

	if (!take_digits(&text, &n) || *text || n < 1 || n > 65535)
		return false;
	*out = (uint16_t)n;
	return true;
}

static bool store_zone(struct option_reader *r, const char *zone, size_t len,
		       struct config_endpoint *e)
{
	if (!zone)
		return true;
	e->zone = memory_copy(r->memory, zone, len);
	if (!e->zone)
		return no_memory(r);
	return check_interface(r, e->zone);
}

/* An address of any use, with port and zone, each where it was written. */
static bool parse_endpoint(struct option_reader *r, const char *text, struct config_endpoint *e)
{
	char addr[ADDR_TEXT_LEN];
	const char *zone, *port;
	size_t zone_len;

	if (!split_endpoint(text, addr, &zone, &zone_len, &port) || !addr_parse(addr, &e->addr))
		return option_refuse(r, "\"addr\", \"addr@port\" or \"[fe80::1%eth0]@port\"",
				     "\"%.*s\" is not an address", shown(text), text);
	if (port && !parse_port(port, &e->port))
		return option_refuse(r, "1 to 65535 behind `@`", "\"%.*s\" is not a port",
				     shown(port), port);
	if (addr_is_multicast(&e->addr) || addr_is_unspecified(&e->addr) ||
	    (addr_is_v4(&e->addr) && (addr4_num(addr_v4(&e->addr)) >> 28 == 14 ||
				      addr4_num(addr_v4(&e->addr)) >> 24 == 0)))
		return option_refuse(r, "", "\"%s\" is not the address of a host", addr);
	if (zone && !addr_is_link_local(&e->addr))
		return option_refuse(r, "", "only a link-local address has an interface");
	return store_zone(r, zone, zone_len, e);
}

static bool server_item(struct option_reader *r, const struct option *o, const char *text,
			void *out)
{
	struct config_endpoint e = { .port = 53 };

	(void)o;
	if (!parse_endpoint(r, text, &e))
		return false;
	if (addr_is_link_local(&e.addr) && !e.zone)
		return option_refuse(r, "\"[fe80::1%eth0]\"",
				     "a link-local address needs its interface");
	*(struct config_endpoint *)out = e;
	return true;
}

static bool listen_item(struct option_reader *r, const struct option *o, const char *text,
			void *out)
{
	struct config_endpoint e = { .port = 0 };

	(void)o;
	if (!parse_endpoint(r, text, &e))
		return false;
	if (e.port)
		return option_refuse(r, "dns64.port is that of all", "takes no port");
	*(struct config_endpoint *)out = e;
	return true;
}

/* What may stand in an RDNSS option (RFC 8106 5.1). */
static bool resolver_item(struct option_reader *r, const struct option *o, const char *text,
			  void *out)
{
	struct config_endpoint e = { .port = 0 };

	(void)o;
	if (!parse_endpoint(r, text, &e))
		return false;
	if (e.port || e.zone)
		return option_refuse(r, "the address alone", "takes no port or interface");
	if (addr_is_v4(&e.addr) || addr_is_loopback(&e.addr))
		return option_refuse(r, "an IPv6 address that guests reach",
				     "\"%s\" cannot be advertised", text);
	*(struct config_endpoint *)out = e;
	return true;
}

static bool read_endpoints(struct option_reader *r, const struct option *o,
			   const struct value *v, read_item item, void *field)
{
	struct list list = { .keyword = o->keyword, .size = sizeof(struct config_endpoint) };

	if (!read_list(r, o, v, item, &list))
		return false;
	if (o->type == OPTION_RESOLVERS && list.n > RDNSS_MAX)
		return option_refuse(r, "RFC 8106 5.1", "more than %u servers", RDNSS_MAX);
	*(struct config_endpoints *)field =
		(struct config_endpoints){ list.has_keyword,
					   (struct config_endpoint *)(void *)list.v, list.n };
	return true;
}

static bool read_servers(struct option_reader *r, const struct option *o, const struct value *v,
			 void *field)
{
	return read_endpoints(r, o, v, server_item, field);
}

static bool read_listen(struct option_reader *r, const struct option *o, const struct value *v,
			void *field)
{
	return read_endpoints(r, o, v, listen_item, field);
}

static bool read_resolvers(struct option_reader *r, const struct option *o,
			   const struct value *v, void *field)
{
	return read_endpoints(r, o, v, resolver_item, field);
}

static void put_endpoint(const struct option *o, const void *field, char *out, size_t out_len)
{
	const struct config_endpoint *e = field;
	char addr[ADDR_TEXT_LEN], port[8] = "";
	bool v6 = strchr(addr_text(&e->addr, addr), ':') != NULL;
	bool brackets = e->zone || (v6 && e->port && e->port != 53);

	if (o->type == OPTION_SERVERS && e->port != 53)
		snprintf(port, sizeof port, "@%u", e->port);
	snprintf(out, out_len, "\"%s%s%s%s%s%s\"", brackets ? "[" : "", addr,
		 e->zone ? "%" : "", e->zone ? e->zone : "", brackets ? "]" : "", port);
}

static void put_acl_entry(const struct option *o, const void *field, char *out, size_t out_len)
{
	const struct acl_entry *e = field;
	char text[ADDR_TEXT_LEN];
	const char *word = NULL;

	(void)o;
	for (size_t i = 0; i < LENGTH(acl_words); i++)
		if (acl_words[i].kind == e->kind)
			word = acl_words[i].word;
	if (e->kind == ACL_MAC)
		word = mac_text(e->mac, text);
	else if (e->kind == ACL_NET)
		word = e->net.len == 128 ? addr_text(&e->net.addr, text)
					 : prefix_text(&e->net, text);
	snprintf(out, out_len, "\"%s%s\"", e->negated ? "!" : "", word ? word : "");
}

static void put_host(const struct option *o, const void *field, char *out, size_t out_len)
{
	put_addr6(o, &((const struct prefix6 *)field)->addr, out, out_len);
}

static void put_pool(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s\"", prefix_text(field, text));
}

/* --- the one that fits nowhere -------------------------------------------------------------
 */

static bool read_masquerade(struct option_reader *r, const struct option *o,
			    const struct value *v, void *field)
{
	struct config_nat64 *nat64 = (struct config_nat64 *)(void *)((char *)field - o->at);
	struct in6_addr a;

	if (v->type != VALUE_TEXT)
		return wrong_type(r, o, v);
	if (strcmp(v->text, "auto") == 0 || strcmp(v->text, "off") == 0) {
		nat64->masquerade =
			*v->text == 'a' ? CONFIG_MASQUERADE_AUTO : CONFIG_MASQUERADE_OFF;
		nat64->masquerade_source = (struct in_addr){ 0 };
		return true;
	}
	if (!addr_parse(v->text, &a) || !addr_is_v4(&a) || strchr(v->text, ':') ||
	    addr4_is_never(addr_v4(&a)))
		return option_refuse(r, "\"auto\", \"off\", or the IPv4 address to leave with",
				     "\"%.*s\" is not known", shown(v->text), v->text);
	nat64->masquerade = CONFIG_MASQUERADE_SOURCE;
	nat64->masquerade_source = addr_v4(&a);
	return true;
}

static void put_masquerade(const struct option *o, const void *field, char *out, size_t out_len)
{
	const struct config_nat64 *nat64 =
		(const struct config_nat64 *)(const void *)((const char *)field - o->at);

	switch (nat64->masquerade) {
	case CONFIG_MASQUERADE_AUTO:
		snprintf(out, out_len, "\"auto\"");
		return;
	case CONFIG_MASQUERADE_OFF:
		snprintf(out, out_len, "\"off\"");
		return;
	case CONFIG_MASQUERADE_SOURCE:
		put_addr4(o, &nat64->masquerade_source, out, out_len);
		return;
	}
}

/* --- the types -----------------------------------------------------------------------------
 */

typedef void (*put_item)(const struct option *, const void *, char *, size_t);

struct type {
	const char *text;
	bool (*read)(struct option_reader *, const struct option *, const struct value *,
		     void *field);
	put_item put; /* the value, or one element of a list */
};

static const struct type types[OPTION_TYPE_COUNT] = {
	[OPTION_BOOL] = { "true or false", read_bool, put_bool },
	[OPTION_NUMBER] = { "a number", read_number, put_number },
	[OPTION_PORT] = { "a number", read_port, put_port },
	[OPTION_DURATION] = { "a duration", read_duration, put_duration },
	[OPTION_SIZE] = { "a size", read_size, put_size },
	[OPTION_WORD] = { "a word", read_word, put_word },
	[OPTION_INTERFACE] = { "the name of an interface", read_interface, put_text },
	[OPTION_INTERFACES] = { "names of interfaces", read_interfaces, put_text },
	[OPTION_PATH] = { "a path", read_path, put_text },
	[OPTION_LABEL] = { "a name", read_label, put_text },
	[OPTION_URI] = { "a URI", read_uri, put_text },
	[OPTION_ADDR4] = { "an IPv4 address", read_addr4, put_addr4 },
	[OPTION_ADDR6] = { "an IPv6 address", read_addr6, put_addr6 },
	[OPTION_PREF64] = { "a NAT64 prefix", read_pref64, put_pref64 },
	[OPTION_NET4] = { "an IPv4 address or network", read_net4, put_net4 },
	[OPTION_NET6] = { "an IPv6 address or network", read_net6, put_net6 },
	[OPTION_LINK_NET6] = { "an IPv6 prefix", read_link_net6, put_net6 },
	[OPTION_RA_PREFIX] = { "an IPv6 prefix", read_ra_prefix, put_ra_prefix },
	[OPTION_POOLS] = { "a list of IPv4 networks", read_nets, put_pool },
	[OPTION_NETS6] = { "a list of IPv6 networks", read_nets, put_net6 },
	[OPTION_HOSTS4] = { "a list of IPv4 addresses", read_nets, put_host },
	[OPTION_HOSTS6] = { "a list of IPv6 addresses", read_nets, put_host },
	[OPTION_ACL] = { "an ACL", read_acl, put_acl_entry },
	[OPTION_SERVERS] = { "a list of addresses", read_servers, put_endpoint },
	[OPTION_LISTEN] = { "a list of addresses", read_listen, put_endpoint },
	[OPTION_RESOLVERS] = { "a list of IPv6 addresses", read_resolvers, put_endpoint },
	[OPTION_NAME] = { "a domain name", read_name, put_text },
	[OPTION_NAMES] = { "a list of domain names", read_names, put_text },
	[OPTION_MASQUERADE] = { "text", read_masquerade, put_masquerade },
	[OPTION_GROUP] = { "a group { }", NULL, NULL },
	[OPTION_GROUPS] = { "a list of groups ( { } )", NULL, NULL },
};

const char *option_type_text(const struct option *o)
{
	return types[o->type].text;
}

/* Types whose keyword is told by a bool beside the field. */
static bool keyword_beside(const struct option *o)
{
	return o->keyword && o->has_other;
}

bool option_read(struct option_reader *r, const struct option *o, const struct value *v,
		 void *base)
{
	char *field = (char *)base + o->at, *other = (char *)base + o->other_at;
	bool ok;

	r->item = OPTION_NO_ITEM;
	if (keyword_beside(o) && o->type != OPTION_LISTEN && is_keyword(o, v)) {
		*(bool *)(void *)other = true;
		return true;
	}
	ok = types[o->type].read(r, o, v, field);
	r->item = OPTION_NO_ITEM;
	if (ok && keyword_beside(o))
		*(bool *)(void *)other = o->type == OPTION_LISTEN &&
					 ((struct config_endpoints *)(void *)field)->has_auto;
	return ok;
}

/* --- default texts --------------------------------------------------------------------------
 */

static const char *preset_text(struct memory *m, const char *p, struct value *out)
{
	const char *end = strchr(p + 1, '"');

	if (!end)
		return NULL;
	out->type = VALUE_TEXT;
	out->text = memory_copy(m, p + 1, (size_t)(end - p - 1));
	return out->text ? end + 1 : NULL;
}

static bool preset_list(struct memory *m, const char *p, struct value *out)
{
	out->type = VALUE_LIST;
	for (p++; *p && *p != ']'; p++) {
		struct value *element;

		if (*p == ' ' || *p == ',')
			continue;
		element = *p == '"' ? memory_append(m, &out->v, out->n, sizeof *out->v) : NULL;
		p = element ? preset_text(m, p, element) : NULL;
		if (!p)
			return false;
		out->n++;
		p--;
	}
	return *p == ']';
}

bool option_preset(struct memory *m, const char *text, struct value *out)
{
	*out = (struct value){ .type = VALUE_NUMBER };
	if (*text == '"')
		return preset_text(m, text, out) != NULL;
	if (*text == '[')
		return preset_list(m, text, out);
	if (*text == 't' || *text == 'f') {
		out->type = VALUE_BOOL;
		out->number = *text == 't';
		return true;
	}
	return take_digits(&text, &out->number) && !*text;
}

/* --- writing --------------------------------------------------------------------------------
 */

/* A list in memory, whatever its elements are. */
struct view {
	const char *v;
	size_t n, size;
	bool has_keyword;
};

static bool view_list(const struct option *o, const void *field, struct view *out)
{
	if (o->type == OPTION_INTERFACES || o->type == OPTION_NAMES) {
		const struct config_texts *t = field;

		*out = (struct view){ (const char *)t->v, t->n, sizeof *t->v,
				      o->keyword && !t->n };
	} else if (o->type >= OPTION_POOLS && o->type <= OPTION_HOSTS6) {
		const struct config_nets *nets = field;

		*out = (struct view){ (const char *)nets->v, nets->n, sizeof *nets->v, false };
	} else if (o->type == OPTION_ACL) {
		const struct acl *acl = field;

		*out = (struct view){ (const char *)acl->entries, acl->n, sizeof *acl->entries,
				      false };
	} else if (o->type >= OPTION_SERVERS && o->type <= OPTION_RESOLVERS) {
		const struct config_endpoints *e = field;

		*out = (struct view){ (const char *)e->v, e->n, sizeof *e->v, e->has_auto };
	} else {
		return false;
	}
	return true;
}

void option_put(const struct option *o, const void *base,
		void (*put)(void *arg, const char *text), void *arg)
{
	const char *field = (const char *)base + o->at;
	const char *other = (const char *)base + o->other_at;
	char text[2 * 4096];
	struct view list;
	bool first = true;

	bool is_list = view_list(o, field, &list);

	if ((keyword_beside(o) && o->type != OPTION_LISTEN && *(const bool *)other) ||
	    (o->type == OPTION_INTERFACES && list.has_keyword)) {
		quote(o->keyword, text, sizeof text);
		put(arg, text);
		return;
	}
	if (!is_list) {
		types[o->type].put(o, field, text, sizeof text);
		put(arg, text);
		return;
	}
	put(arg, "[ ");
	if (list.has_keyword) {
		quote(o->keyword, text, sizeof text);
		put(arg, text);
		first = false;
	}
	for (size_t i = 0; i < list.n; i++, first = false) {
		put(arg, first ? "" : ", ");
		types[o->type].put(o, list.v + i * list.size, text, sizeof text);
		put(arg, text);
	}
	put(arg, first ? "]" : " ]");
}
