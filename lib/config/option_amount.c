/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "option_read.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

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

static const struct unit *find_unit(const struct unit *units, size_t n, const char *text,
				    size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(units[i].name) == len && strncasecmp(units[i].name, text, len) == 0)
			return &units[i];
	return NULL;
}

/* Decimal digits; false when there are none or they do not fit. */
bool option_digits(const char **p, int64_t *out)
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

		if (!option_digits(&text, &n))
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

	if (!option_digits(&text, &n))
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

bool option_is_keyword(const struct option *o, const struct value *v)
{
	return o->keyword && v->type == VALUE_TEXT && strcmp(v->text, o->keyword) == 0;
}

bool option_read_bool(struct option_reader *r, const struct option *o, const struct value *v,
		      void *base)
{
	if (v->type != VALUE_BOOL)
		return option_wrong_type(r, o, v);
	*(bool *)base = v->number;
	return true;
}

bool option_read_number(struct option_reader *r, const struct option *o, const struct value *v,
			void *field)
{
	if (v->type != VALUE_NUMBER)
		return option_wrong_type(r, o, v);
	if (!check_bounds(r, o, v->number))
		return false;
	*(uint32_t *)field = (uint32_t)v->number;
	return true;
}

bool option_read_port(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	uint32_t port;

	if (!option_read_number(r, o, v, &port))
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
				     option_shown(text), text);
	if (!*text || !parse_duration(text, &ms))
		return option_refuse(
			r,
			"a number and its unit, also several: \"2h4m\", \"500ms\"; "
			"units ms s m h d w",
			"\"%.*s\" is not a duration", option_shown(text), text);
	if (!check_bounds(r, o, ms))
		return false;
	if ((o->flags & OPTION_SECONDS) && ms % 1000)
		return option_refuse(r, "", "must be whole seconds");
	*out = ms;
	return true;
}

bool option_read_duration(struct option_reader *r, const struct option *o,
			  const struct value *v, void *field)
{
	int64_t ms = v->number;

	if (option_is_keyword(o, v)) {
		*(int64_t *)field = CONFIG_AUTO;
		return true;
	}
	if (v->type == VALUE_TEXT)
		return read_duration_text(r, o, v->text, field);
	if (v->type != VALUE_NUMBER)
		return option_wrong_type(r, o, v);
	if (__builtin_mul_overflow(ms, 1000, &ms))
		ms = ms < 0 ? INT64_MIN : INT64_MAX;
	if (!check_bounds(r, o, ms))
		return false;
	*(int64_t *)field = ms;
	return true;
}

bool option_read_size(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	int64_t size = v->number;

	if (v->type != VALUE_NUMBER && v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (v->type == VALUE_TEXT && !parse_size(v->text, &size))
		return option_refuse(r, "a number and K, M, G or T, as in \"32M\", or bytes",
				     "\"%.*s\" is not a size", option_shown(v->text), v->text);
	if (!check_bounds(r, o, size))
		return false;
	*(uint64_t *)field = (uint64_t)size;
	return true;
}

void option_put_bool(const struct option *o, const void *field, char *out, size_t out_len)
{
	(void)o;
	snprintf(out, out_len, "%s", *(const bool *)field ? "true" : "false");
}

void option_put_number(const struct option *o, const void *field, char *out, size_t out_len)
{
	(void)o;
	snprintf(out, out_len, "%u", *(const uint32_t *)field);
}

void option_put_port(const struct option *o, const void *field, char *out, size_t out_len)
{
	(void)o;
	snprintf(out, out_len, "%u", *(const uint16_t *)field);
}

void option_put_duration(const struct option *o, const void *field, char *out, size_t out_len)
{
	int64_t ms = *(const int64_t *)field;
	char text[96];

	snprintf(out, out_len, "\"%s\"",
		 ms == CONFIG_AUTO ? o->keyword : option_duration(ms, text));
}

void option_put_size(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[32];

	(void)o;
	snprintf(out, out_len, "\"%s\"",
		 size_text((int64_t) * (const uint64_t *)field, text, sizeof text));
}
