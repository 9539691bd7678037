/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "option_read.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool option_parse_addr(struct option_reader *r, const char *text, bool v4, struct in6_addr *out)
{
	struct in6_addr a;

	if (!addr_parse(text, &a) || (strchr(text, ':') == NULL) != v4)
		return option_refuse(r,
				     v4 ? "for example 192.0.2.1" : "for example 2001:db8::1",
				     "\"%.*s\" is not an IPv%c address", option_shown(text),
				     text, v4 ? '4' : '6');
	*out = a;
	return true;
}

/* A network of one family without host bits: both "the network" and "the one address" could be
 * meant by 192.0.2.1/24. */
bool option_parse_net(struct option_reader *r, const char *text, bool v4, struct prefix6 *out)
{
	char a[ADDR_TEXT_LEN], hint[2 * ADDR_TEXT_LEN];
	struct prefix6 p;
	bool host_bits;
	int alone = (int)strcspn(text, "/");

	if (!prefix_parse(text, &p, &host_bits) || (strchr(text, ':') == NULL) != v4)
		return option_refuse(
			r, v4 ? "for example 192.0.2.0/24" : "for example 2001:db8::/64",
			"\"%.*s\" is not an IPv%c network", option_shown(text), text,
			v4 ? '4' : '6');
	if (host_bits) {
		snprintf(hint, sizeof hint, "%s for the network, %.*s for the one address",
			 prefix_text(&p, a), alone < ADDR_TEXT_LEN ? alone : 0, text);
		return option_refuse(r, hint, "\"%s\" has bits behind its prefix length", text);
	}
	*out = p;
	return true;
}

bool option_read_addr4(struct option_reader *r, const struct option *o, const struct value *v,
		       void *field)
{
	struct in6_addr a;

	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (!option_parse_addr(r, v->text, true, &a))
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

bool option_read_addr6(struct option_reader *r, const struct option *o, const struct value *v,
		       void *field)
{
	struct in6_addr a;

	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (!option_parse_addr(r, v->text, false, &a))
		return false;
	if (!is_host6(&a))
		return option_refuse(r, "a global or unique-local one",
				     "\"%s\" is not a usable address", v->text);
	*(struct in6_addr *)field = a;
	return true;
}

/* RFC 6052 2.1, 2.2. */
bool option_read_pref64(struct option_reader *r, const struct option *o, const struct value *v,
			void *field)
{
	static const struct in6_addr well_known = { { { 0, 0x64, 0xff, 0x9b } } };
	struct prefix6 p;

	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (!option_parse_net(r, v->text, false, &p))
		return false;
	if (!pref64_len_valid(p.len))
		return option_refuse(r, "/32 /40 /48 /56 /64 /96, as in 64:ff9b::/96",
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

bool option_read_net4(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	struct prefix6 p;

	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (!option_parse_net(r, v->text, true, &p))
		return false;
	if (p.len < 96 + 8 || addr4_is_never(addr_v4(&p.addr)))
		return option_refuse(r, "", "\"%s\" is not a network of usable addresses",
				     v->text);
	*(struct prefix4 *)field = (struct prefix4){ addr_v4(&p.addr), (uint8_t)(p.len - 96) };
	return true;
}

bool option_read_net6(struct option_reader *r, const struct option *o, const struct value *v,
		      void *field)
{
	struct prefix6 p;

	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (!option_parse_net(r, v->text, false, &p))
		return false;
	if (!is_host6(&p.addr))
		return option_refuse(r, "a global or unique-local one",
				     "\"%s\" is not a network of usable addresses", v->text);
	*(struct prefix6 *)field = p;
	return true;
}

/* RFC 4861 4.6.2: bits behind the prefix length are zero on the wire. */
bool option_read_link_net6(struct option_reader *r, const struct option *o,
			   const struct value *v, void *field)
{
	struct prefix6 p;
	bool host_bits;
	char text[ADDR_TEXT_LEN];

	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (!prefix_parse(v->text, &p, &host_bits) || !strchr(v->text, ':') ||
	    !strchr(v->text, '/'))
		return option_refuse(r, "for example 2001:db8::/64",
				     "\"%.*s\" is not an IPv6 prefix with its length",
				     option_shown(v->text), v->text);
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
bool option_read_ra_prefix(struct option_reader *r, const struct option *o,
			   const struct value *v, void *field)
{
	struct config_ra_prefix *p = (struct config_ra_prefix *)(void *)((char *)field - o->at);
	char addr[ADDR_TEXT_LEN];

	if (!option_read_link_net6(r, o, v, field))
		return false;
	snprintf(addr, sizeof addr, "%.*s", (int)strcspn(v->text, "/"), v->text);
	return addr_parse(addr, &p->router_address_of);
}

void option_put_addr4(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s\"", addr4_text(*(const struct in_addr *)field, text));
}

void option_put_addr6(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s\"", addr_text(field, text));
}

void option_put_pref64(const struct option *o, const void *field, char *out, size_t out_len)
{
	const struct pref64 *p = field;
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s/%u\"", addr_text(&p->prefix, text), p->len);
}

void option_put_net4(const struct option *o, const void *field, char *out, size_t out_len)
{
	char text[ADDR_TEXT_LEN];

	(void)o;
	snprintf(out, out_len, "\"%s\"", prefix4_text(field, text));
}

/* Not as IPv4, even where it is inside ::ffff:0:0/96. */
void option_put_net6(const struct option *o, const void *field, char *out, size_t out_len)
{
	const struct prefix6 *p = field;
	char text[INET6_ADDRSTRLEN] = "";

	(void)o;
	inet_ntop(AF_INET6, &p->addr, text, sizeof text);
	snprintf(out, out_len, "\"%s/%u\"", text, p->len);
}

void option_put_ra_prefix(const struct option *o, const void *field, char *out, size_t out_len)
{
	const struct config_ra_prefix *p =
		(const struct config_ra_prefix *)(const void *)((const char *)field - o->at);

	option_put_net6(o, &(struct prefix6){ p->router_address_of, p->prefix.len }, out,
			out_len);
}

bool option_read_masquerade(struct option_reader *r, const struct option *o,
			    const struct value *v, void *field)
{
	struct config_nat64 *nat64 = (struct config_nat64 *)(void *)((char *)field - o->at);
	struct in6_addr a;

	if (v->type != VALUE_TEXT)
		return option_wrong_type(r, o, v);
	if (strcmp(v->text, "auto") == 0 || strcmp(v->text, "off") == 0) {
		nat64->masquerade =
			*v->text == 'a' ? CONFIG_MASQUERADE_AUTO : CONFIG_MASQUERADE_OFF;
		nat64->masquerade_source = (struct in_addr){ 0 };
		return true;
	}
	if (!addr_parse(v->text, &a) || !addr_is_v4(&a) || strchr(v->text, ':') ||
	    addr4_is_never(addr_v4(&a)))
		return option_refuse(r, "\"auto\", \"off\", or the IPv4 address to leave with",
				     "\"%.*s\" is not known", option_shown(v->text), v->text);
	nat64->masquerade = CONFIG_MASQUERADE_SOURCE;
	nat64->masquerade_source = addr_v4(&a);
	return true;
}

void option_put_masquerade(const struct option *o, const void *field, char *out, size_t out_len)
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
		option_put_addr4(o, &nat64->masquerade_source, out, out_len);
		return;
	}
}
