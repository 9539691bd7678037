/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "option_read.h"

#include <stdio.h>
#include <string.h>

typedef void (*put_item)(const struct option *, const void *, char *, size_t);

struct type {
	const char *text;
	bool (*read)(struct option_reader *, const struct option *, const struct value *,
		     void *field);
	put_item put; /* the value, or one element of a list */
};

static const struct type types[OPTION_TYPE_COUNT] = {
	[OPTION_BOOL] = { "true or false", option_read_bool, option_put_bool },
	[OPTION_NUMBER] = { "a number", option_read_number, option_put_number },
	[OPTION_PORT] = { "a number", option_read_port, option_put_port },
	[OPTION_DURATION] = { "a duration", option_read_duration, option_put_duration },
	[OPTION_SIZE] = { "a size", option_read_size, option_put_size },
	[OPTION_WORD] = { "a word", option_read_word, option_put_word },
	[OPTION_INTERFACE] = { "the name of an interface", option_read_interface,
			       option_put_text },
	[OPTION_INTERFACES] = { "names of interfaces", option_read_interfaces,
				option_put_text },
	[OPTION_PATH] = { "a path", option_read_path, option_put_text },
	[OPTION_LABEL] = { "a name", option_read_label, option_put_text },
	[OPTION_URI] = { "a URI", option_read_uri, option_put_text },
	[OPTION_ADDR4] = { "an IPv4 address", option_read_addr4, option_put_addr4 },
	[OPTION_ADDR6] = { "an IPv6 address", option_read_addr6, option_put_addr6 },
	[OPTION_PREF64] = { "a NAT64 prefix", option_read_pref64, option_put_pref64 },
	[OPTION_NET4] = { "an IPv4 address or network", option_read_net4, option_put_net4 },
	[OPTION_NET6] = { "an IPv6 address or network", option_read_net6, option_put_net6 },
	[OPTION_LINK_NET6] = { "an IPv6 prefix", option_read_link_net6, option_put_net6 },
	[OPTION_RA_PREFIX] = { "an IPv6 prefix", option_read_ra_prefix, option_put_ra_prefix },
	[OPTION_POOLS] = { "a list of IPv4 networks", option_read_nets, option_put_pool },
	[OPTION_NETS6] = { "a list of IPv6 networks", option_read_nets, option_put_net6 },
	[OPTION_HOSTS4] = { "a list of IPv4 addresses", option_read_nets, option_put_host },
	[OPTION_HOSTS6] = { "a list of IPv6 addresses", option_read_nets, option_put_host },
	[OPTION_ACL] = { "an ACL", option_read_acl, option_put_acl_entry },
	[OPTION_SERVERS] = { "a list of addresses", option_read_servers, option_put_endpoint },
	[OPTION_LISTEN] = { "a list of addresses", option_read_listen, option_put_endpoint },
	[OPTION_RESOLVERS] = { "a list of IPv6 addresses", option_read_resolvers,
			       option_put_endpoint },
	[OPTION_NAME] = { "a domain name", option_read_name, option_put_text },
	[OPTION_NAMES] = { "a list of domain names", option_read_names, option_put_text },
	[OPTION_ANCHORS] = { "a list of trust anchors", option_read_anchors, option_put_text },
	[OPTION_MASQUERADE] = { "text", option_read_masquerade, option_put_masquerade },
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
	if (keyword_beside(o) && o->type != OPTION_LISTEN && option_is_keyword(o, v)) {
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
	return option_digits(&text, &out->number) && !*text;
}

/* A list in memory, whatever its elements are. */
struct view {
	const char *v;
	size_t n, size;
	bool has_keyword;
};

static bool view_list(const struct option *o, const void *field, struct view *out)
{
	if (o->type == OPTION_INTERFACES || o->type == OPTION_NAMES ||
	    o->type == OPTION_ANCHORS) {
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
		option_quote(o->keyword, text, sizeof text);
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
		option_quote(o->keyword, text, sizeof text);
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
