/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "option_read.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN  253u /* of a domain name as text: 255 bytes on the wire */
#define LABEL_MAX_LEN 63u
#define URI_MAX_LEN   2038u /* RFC 8910 2.3: 255 x 8 - 2 */
#define INTERFACE_MAX 15u

bool option_read_word(struct option_reader *r, const struct option *o, const struct value *v,
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
		return option_refuse(r, all, "\"%.*s\" is not known", option_shown(v->text),
				     v->text);
	return option_refuse(r, all, "must be one of the words, not %s", option_type_of(v));
}

void option_put_word(const struct option *o, const void *field, char *out, size_t out_len)
{
	snprintf(out, out_len, "\"%s\"", o->words[*(const unsigned *)field]);
}

bool option_store(struct option_reader *r, const char *text, const char **out)
{
	char *copy = memory_copy(r->memory, text, strlen(text));

	if (!copy)
		return option_no_memory(r);
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
bool option_check_interface(struct option_reader *r, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > INTERFACE_MAX)
		return option_refuse(r, "1 to 15 characters",
				     "\"%.*s\" is not an interface name", option_shown(name),
				     name);
	for (size_t i = 0; i < len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-",
			    name[i]))
			return option_refuse(r, "letters, digits, `_`, `.` and `-`",
					     "\"%s\" is not an interface name", name);
	if (strcmp(name, ".") == 0 || strstr(name, ".."))
		return option_refuse(r, "", "\"%s\" is not an interface name", name);
	return true;
}

bool option_read_interface(struct option_reader *r, const struct option *o,
			   const struct value *v, void *field)
{
	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (option_is_keyword(o, v)) {
		*(const char **)field = NULL;
		return true;
	}
	return option_check_interface(r, v->text) && option_store(r, v->text, field);
}

bool option_read_path(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (option_is_keyword(o, v)) {
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
	return option_store(r, v->text, field);
}

bool option_read_label(struct option_reader *r, const struct option *o, const struct value *v,
		       void *field)
{
	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (strlen(v->text) > LABEL_MAX_LEN || !is_graph(v->text))
		return option_refuse(r, "up to 63 bytes, no spaces", "\"%.*s\" is not a name",
				     option_shown(v->text), v->text);
	return option_store(r, v->text, field);
}

/* RFC 8910 2: https, or the URN that says there is none. */
bool option_read_uri(struct option_reader *r, const struct option *o, const struct value *v,
		     void *field)
{
	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (strlen(v->text) > URI_MAX_LEN)
		return option_refuse(r, "", "longer than %u bytes", URI_MAX_LEN);
	if (*v->text && (!is_graph(v->text) ||
			 ((strncmp(v->text, "https://", 8) != 0 || !v->text[8]) &&
			  strcmp(v->text, "urn:ietf:params:capport:unrestricted") != 0)))
		return option_refuse(r,
				     "https://..., or urn:ietf:params:capport:unrestricted for "
				     "none",
				     "\"%.*s\" is not the URI of a captive portal's API",
				     option_shown(v->text), v->text);
	return option_store(r, v->text, field);
}

void option_quote(const char *text, char *out, size_t out_len)
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

void option_put_text(const struct option *o, const void *field, char *out, size_t out_len)
{
	const char *text = *(const char *const *)field;

	option_quote(text ? text : o->keyword, out, out_len);
}

/* A domain name, lower case, without the last dot. */
bool option_parse_name(struct option_reader *r, const char *text, const char **out)
{
	size_t len = strlen(text), label = 0;
	char name[NAME_MAX_LEN + 1];

	if (len > 1 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_MAX_LEN)
		return option_refuse(r, "1 to 253 characters", "\"%.*s\" is not a domain name",
				     option_shown(text), text);
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		c = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
		if (c != '.' && !strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", c))
			return option_refuse(
				r,
				c == '*' ? "without `*.`: a name stands for all below it, too"
					 : "letters, digits, `-` and `_`; others as xn--...",
				"\"%.*s\" is not a domain name", option_shown(text), text);
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX_LEN)
			return option_refuse(r, "at most 63 characters between two dots",
					     "\"%.*s\" has too long a label",
					     option_shown(text), text);
		if (c == '.' && (i == 0 || text[i - 1] == '.' || i + 1 == len))
			return option_refuse(r, "two dots without a label between",
					     "\"%.*s\" is not a domain name",
					     option_shown(text), text);
		name[i] = c;
	}
	name[len] = '\0';
	return option_store(r, name, out);
}

bool option_read_name(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	return option_parse_name(r, v->text, field);
}
