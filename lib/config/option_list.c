/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "option_read.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RDNSS_MAX 127u /* RFC 8106 5.1: what one option holds */

#define LENGTH(a) (sizeof(a) / sizeof *(a))

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
		option_wrong_type(r, o, v);
		return NULL;
	}
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].type != VALUE_TEXT) {
			r->item = i;
			r->line = v->v[i].line;
			ok = option_refuse(r, "in quotes", "must be text, not %s",
					   option_type_of(&v->v[i]));
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
		return option_no_memory(r);
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
	return option_check_interface(r, text) && option_store(r, text, out);
}

bool option_read_interfaces(struct option_reader *r, const struct option *o,
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
	return option_parse_name(r, text, out);
}

bool option_read_names(struct option_reader *r, const struct option *o, const struct value *v,
		       void *field)
{
	struct list list = { .size = sizeof(char *) };

	if (!read_list(r, o, v, name_item, &list))
		return false;
	*(struct config_texts *)field =
		(struct config_texts){ (const char **)(void *)list.v, list.n };
	return true;
}

/* The next word of text from *p on; its length, 0 at the end. */
static size_t next_word(const char **p)
{
	*p += strspn(*p, " \t");
	return strcspn(*p, " \t");
}

/* Does text read "NAME [TTL] [IN] DS|DNSKEY", then at least four words on one line? */
static bool is_anchor(const char *text)
{
	static const char *const types[] = { "DS", "DNSKEY" };
	size_t len = next_word(&text);
	unsigned words = 0;
	bool known = false;

	if (strpbrk(text, "\"\r\n;()"))
		return false;
	for (text += len; (len = next_word(&text)) > 0; text += len) {
		if (known)
			words++;
		for (size_t i = 0; !known && i < LENGTH(types); i++)
			known = strlen(types[i]) == len &&
				strncasecmp(text, types[i], len) == 0;
	}
	return words >= 4;
}

static bool anchor_item(struct option_reader *r, const struct option *o, const char *text,
			void *out)
{
	(void)o;
	if (strcmp(text, "auto") != 0 && *text != '/' && !is_anchor(text))
		return option_refuse(
			r,
			"\"auto\", a file's absolute path, or \"example. DS 1234 13 2 "
			"...\"",
			"\"%.*s\" is not a trust anchor", option_shown(text), text);
	return option_store(r, text, out);
}

bool option_read_anchors(struct option_reader *r, const struct option *o, const struct value *v,
			 void *field)
{
	struct list list = { .size = sizeof(char *) };

	if (!read_list(r, o, v, anchor_item, &list))
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

	if (host ? !option_parse_addr(r, text, v4, &p.addr)
		 : !option_parse_net(r, text, v4, &p))
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

bool option_read_nets(struct option_reader *r, const struct option *o, const struct value *v,
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
	return option_refuse(r, hint, "\"%.*s\" is not an entry of an ACL", option_shown(text),
			     text);
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
	else if (!option_parse_net(r, word, v4, &e.net))
		return false;
	*(struct acl_entry *)out = e;
	return true;
}

/* First match wins: behind "any" and "none" nothing is looked at. */
static void warn_shadowed(struct option_reader *r, const struct acl *acl)
{
	unsigned line = r->line;
	size_t item = r->item, i = 0;

	while (i < acl->n && acl->entries[i].kind != ACL_ANY)
		i++;
	if (i + 1 >= acl->n)
		return;
	r->item = i + 1;
	for (size_t j = 0; j < r->n_marks; j++)
		if (r->marks[j].field == &acl->entries[r->item])
			r->line = r->marks[j].line;
	option_warn(r, "put it before that", "is behind \"%s\", which matches all",
		    acl->entries[i].negated ? "none" : "any");
	r->line = line;
	r->item = item;
}

bool option_read_acl(struct option_reader *r, const struct option *o, const struct value *v,
		     void *field)
{
	struct list list = { .size = sizeof(struct acl_entry) };
	struct acl acl;

	if (!read_list(r, o, v, acl_item, &list))
		return false;
	acl = (struct acl){ (struct acl_entry *)(void *)list.v, list.n };
	warn_shadowed(r, &acl);
	*(struct acl *)field = acl;
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

	if (!option_digits(&text, &n) || *text || n < 1 || n > 65535)
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
		return option_no_memory(r);
	return option_check_interface(r, e->zone);
}

/* An address of any use, with port and zone, each where it was written. */
static bool parse_endpoint(struct option_reader *r, const char *text, struct config_endpoint *e)
{
	char addr[ADDR_TEXT_LEN];
	const char *zone, *port;
	size_t zone_len;

	if (!split_endpoint(text, addr, &zone, &zone_len, &port) || !addr_parse(addr, &e->addr))
		return option_refuse(r,
				     e->port ? "\"addr\", \"addr@port\" or "
					       "\"[fe80::1%eth0]@port\""
					     : "an IPv6 or IPv4 address, or \"auto\"",
				     "\"%.*s\" is not an address", option_shown(text), text);
	if (port && !parse_port(port, &e->port))
		return option_refuse(r, "1 to 65535 behind `@`", "\"%.*s\" is not a port",
				     option_shown(port), port);
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

bool option_read_servers(struct option_reader *r, const struct option *o, const struct value *v,
			 void *field)
{
	return read_endpoints(r, o, v, server_item, field);
}

bool option_read_listen(struct option_reader *r, const struct option *o, const struct value *v,
			void *field)
{
	return read_endpoints(r, o, v, listen_item, field);
}

bool option_read_resolvers(struct option_reader *r, const struct option *o,
			   const struct value *v, void *field)
{
	return read_endpoints(r, o, v, resolver_item, field);
}

void option_put_endpoint(const struct option *o, const void *field, char *out, size_t out_len)
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

void option_put_acl_entry(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[ACL_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s\"", acl_entry_text(field, text));
}

void option_put_host(const struct option *o, const void *field, char *out, size_t out_len)
{
	option_put_addr6(o, &((const struct prefix6 *)field)->addr, out, out_len);
}

void option_put_pool(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s\"", prefix_text(field, text));
}
