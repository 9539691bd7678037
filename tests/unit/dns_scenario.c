/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_scenario.c - see dns_scenario.h. */
#include "dns_scenario.h"

#include "base/addr.h"
#include "dns/msg.h"
#include "dns/query.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES     64 /* of one scenario */
#define RULES     64
#define HELD      256
#define TEXT      4096
#define ACL_MAX   8
#define LOCAL_MAX 8

/* What the upstream says to one question. */
struct rule {
	char name[300];
	uint16_t type;
	int flags; /* RESOLVE_*, -1: any */
	char reply[TEXT];
};

struct list {
	struct acl_entry entries[ACL_MAX];
	struct acl acl;
};

struct local {
	char name[128];
	struct in6_addr aaaa[4];
	struct in_addr a[4];
};

struct scene {
	const char *path;
	unsigned line;
	char title[256];
	bool failed;
	uint64_t now_ms;
	struct dns *dns;
	struct dns_conf conf;
	struct list allow, clients, destinations;
	struct prefix6 exclude[ACL_MAX];
	const char *exclude_names[ACL_MAX];
	char exclude_text[ACL_MAX][128];
	struct dns_zone_conf zones[ACL_MAX];
	char zone_text[ACL_MAX][128];
	struct dns_local_conf local_conf[LOCAL_MAX];
	struct local local[LOCAL_MAX];
	struct rule rules[RULES];
	size_t n_rules;
	struct {
		uint64_t id;
		struct dns_question q;
		unsigned flags;
	} held[HELD];
	size_t n_held;
	char asked[TEXT];
	bool traced;
	char why[TEXT];      /* what the question asked last was told */
	char why_text[TEXT]; /* its last sentence but that of the end */
	char ended[TEXT];    /* what the log would be told */
	char got[4 * TEXT];  /* replies not yet looked at, one a line */
};

static void complain(struct scene *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(struct scene *s, const char *format, ...)
{
	va_list ap;

	s->failed = true;
	fprintf(stderr, "%s:%u: %s: ", s->path, s->line, s->title);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* Words. */

static char *word(char **text)
{
	char *w = *text + strspn(*text, " \t"), *end = w + strcspn(w, " \t");

	*text = *end ? end + 1 : end;
	*end = '\0';
	return *w ? w : NULL;
}

static const struct {
	const char *name;
	uint16_t type;
} types[] = {
	{ "A", TYPE_A },         { "NS", TYPE_NS },       { "CNAME", TYPE_CNAME },
	{ "SOA", TYPE_SOA },     { "PTR", TYPE_PTR },     { "MX", TYPE_MX },
	{ "TXT", TYPE_TXT },     { "AAAA", TYPE_AAAA },   { "DNAME", TYPE_DNAME },
	{ "OPT", TYPE_OPT },     { "RRSIG", TYPE_RRSIG }, { "NSEC", TYPE_NSEC },
	{ "HTTPS", TYPE_HTTPS }, { "SVCB", TYPE_SVCB },   { "AXFR", TYPE_AXFR },
	{ "IXFR", TYPE_IXFR },   { "ANY", TYPE_ANY },     { "TKEY", TYPE_TKEY },
	{ "TSIG", TYPE_TSIG },   { "HINFO", TYPE_HINFO }, { "DS", TYPE_DS },
	{ "MAILB", TYPE_MAILB },
};

static uint16_t type_of(const char *text)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i].name, text) == 0)
			return types[i].type;
	return (uint16_t)strtoul(strncmp(text, "TYPE", 4) ? text : text + 4, NULL, 10);
}

static void type_text(uint16_t type, char out[16])
{
	snprintf(out, 16, "TYPE%u", type);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].type == type)
			snprintf(out, 16, "%s", types[i].name);
}

static const char *const rcodes[] = {
	"NOERROR", "FORMERR",  "SERVFAIL", "NXDOMAIN", "NOTIMP",
	"REFUSED", "YXDOMAIN", "7",        "8",        "NOTAUTH"
};

/* Replies of the upstream: "RCODE record; record | authority | additional". */

static void put_soa(struct msg_wr *w, enum msg_section section, const uint8_t *owner,
		    uint32_t ttl, uint32_t minimum)
{
	uint8_t rdata[22] = { 0 };

	for (int i = 0; i < 4; i++)
		rdata[18 + i] = (uint8_t)(minimum >> (24 - 8 * i));
	msg_put(w, section, owner, TYPE_SOA, ttl, rdata, sizeof rdata);
}

static size_t read_hex(const char *text, uint8_t *out)
{
	size_t n = 0;
	unsigned v;

	for (; text && sscanf(text, "%2x", &v) == 1; text += 2)
		out[n++] = (uint8_t)v;
	return n;
}

/* "OWNER TTL TYPE RDATA"; a TXT, or another type, has hexadecimal RDATA, RRSIG the type
 * covered, SOA the minimum (absent: its TTL), and "xN" behind an A makes N addresses of it. */
static void put_record(struct msg_wr *w, enum msg_section section, char *text)
{
	char *owner_text = word(&text), *ttl_text = word(&text), *type_word = word(&text);
	char *data = word(&text), *times = word(&text);
	uint8_t owner[DNS_NAME_MAX], target[DNS_NAME_MAX], hex[1024] = { 0 };
	uint32_t ttl = (uint32_t)strtoul(ttl_text, NULL, 10);
	uint16_t type = type_of(type_word);
	struct in6_addr a;

	name_from_text(owner_text, owner);
	switch (type) {
	case TYPE_A:
		for (int i = 0; i < (times ? atoi(times + 1) : 1); i++) {
			struct in_addr v4;

			addr_parse(data, &a);
			v4 = addr4_of(addr4_num(addr_v4(&a)) + (uint32_t)i);
			msg_put(w, section, owner, type, ttl, &v4, 4);
		}
		return;
	case TYPE_AAAA:
		addr_parse(data, &a);
		msg_put(w, section, owner, type, ttl, &a, 16);
		return;
	case TYPE_CNAME:
	case TYPE_DNAME:
	case TYPE_NS:
	case TYPE_PTR:
		name_from_text(data, target);
		msg_put_name(w, section, owner, type, ttl, target);
		return;
	case TYPE_SOA:
		put_soa(w, section, owner, ttl, data ? (uint32_t)atoi(data) : ttl);
		return;
	case TYPE_RRSIG:
		hex[0] = (uint8_t)(type_of(data) >> 8);
		hex[1] = (uint8_t)type_of(data);
		msg_put(w, section, owner, type, ttl, hex, 20);
		return;
	default:
		msg_put(w, section, owner, type, ttl, hex, read_hex(data, hex));
		return;
	}
}

static void resolve(struct scene *s, uint64_t id, const struct resolve_result *r)
{
	dns_resolved(s->dns, id, r, s->now_ms);
}

static void answer(struct scene *s, uint64_t id, const struct dns_question *q,
		   const char *reply)
{
	static uint8_t buf[DNS_MSG_MAX];
	char text[TEXT], *rest = text, *rcode, *part, *ede;
	uint8_t option[6] = { 0, OPTION_EDE, 0, 2, 0, 0 };
	struct resolve_result r = { .status = RESOLVE_ANSWER, .msg = buf };
	enum msg_section section = MSG_ANSWER;
	uint16_t flags = MSG_QR | MSG_RD | MSG_RA | MSG_AD;
	struct msg_wr w;

	snprintf(text, sizeof text, "%s", reply);
	rcode = word(&rest);
	ede = strstr(rest, "ede=");
	if (strcmp(rcode, "timeout") == 0)
		r = (struct resolve_result){ .status = RESOLVE_TIMEOUT };
	else if (strcmp(rcode, "unreachable") == 0)
		r = (struct resolve_result){ .status = RESOLVE_UNREACHABLE };
	else if (strcmp(rcode, "bogus") == 0)
		r = (struct resolve_result){ .status = RESOLVE_BOGUS, .ede = 7 };
	if (!r.msg) {
		resolve(s, id, &r);
		return;
	}
	for (size_t i = 0; i < sizeof rcodes / sizeof *rcodes; i++)
		if (strcmp(rcode, rcodes[i]) == 0)
			flags |= (uint16_t)i;
	if (ede) {
		option[5] = (uint8_t)atoi(ede + 4);
		*ede = '\0';
	}
	r.secure = strncmp(rest, "secure", 6) == 0;
	if (r.secure)
		word(&rest);
	msg_begin(&w, buf, sizeof buf, 0x4242, flags, q);
	while ((part = strsep(&rest, "|")) && section < MSG_END) {
		char *record;

		while ((record = strsep(&part, ";")))
			if (record[strspn(record, " ")])
				put_record(&w, section, record);
		section++;
	}
	msg_put_opt(&w, 1232, 0, false, option, ede ? sizeof option : 0);
	r.len = msg_end(&w);
	resolve(s, id, &r);
}

static void on_resolve(void *ctx, uint64_t id, const struct dns_question *q, unsigned flags,
		       unsigned set)
{
	struct scene *s = ctx;
	char name[NAME_TEXT_LEN], type[16];
	size_t used = strlen(s->asked);

	name_text(q->name, name);
	type_text(q->type, type);
	snprintf(s->asked + used, sizeof s->asked - used, "%s%s/%s%s%s", used ? " " : "", name,
		 type, flags & RESOLVE_DO ? "/do" : "", flags & RESOLVE_CD ? "/cd" : "");
	used = strlen(s->asked);
	if (set)
		snprintf(s->asked + used, sizeof s->asked - used, "@%u", set);
	for (size_t i = 0; i < s->n_rules; i++) {
		const struct rule *rule = &s->rules[i];
		uint8_t wire[DNS_NAME_MAX];

		name_from_text(rule->name, wire);
		if (rule->type == q->type && name_equal(wire, q->name) &&
		    (rule->flags < 0 || (unsigned)rule->flags == flags)) {
			answer(s, id, q, rule->reply);
			return;
		}
	}
	if (s->n_held == HELD) {
		complain(s, "too many questions");
		return;
	}
	s->held[s->n_held].id = id;
	s->held[s->n_held].q = *q;
	s->held[s->n_held++].flags = flags;
}

/* Replies to clients, as text. */

static void show_record(const struct msg *m, const struct msg_rr *rr, char *out, size_t size)
{
	char owner[NAME_TEXT_LEN], type[16], data[NAME_TEXT_LEN + 64] = "";
	uint8_t name[DNS_NAME_MAX];
	struct in6_addr a = { 0 };

	msg_owner(m, rr, name);
	name_text(name, owner);
	type_text(rr->type, type);
	if (rr->type == TYPE_A) {
		struct in_addr v4;

		memcpy(&v4, m->p + rr->rdata_at, 4);
		data[0] = ' ';
		addr4_text(v4, data + 1);
	} else if (rr->type == TYPE_AAAA) {
		memcpy(&a, m->p + rr->rdata_at, 16);
		data[0] = ' ';
		inet_ntop(AF_INET6, &a, data + 1, 64);
	} else if (rr->type == TYPE_CNAME || rr->type == TYPE_DNAME || rr->type == TYPE_PTR ||
		   rr->type == TYPE_NS) {
		data[0] = ' ';
		msg_rdata_name(m, rr, 0, name);
		name_text(name, data + 1);
	} else if (rr->type == TYPE_RRSIG) {
		data[0] = ' ';
		type_text(msg_covered(m, rr), data + 1);
	} else if (rr->type != TYPE_SOA) {
		for (size_t i = 0; i < rr->rdata_len && i < 256; i++)
			sprintf(data + strlen(data), i ? "%02x" : " %02x",
				m->p[rr->rdata_at + i]);
	}
	snprintf(out, size, "%s %u %s%s", owner, rr->ttl, type, data);
}

static void show_opt(const struct msg *m, char *out, size_t size)
{
	size_t at = 0, used;

	if (!m->edns.present)
		return;
	used = (size_t)snprintf(out, size, " opt=%u%s", m->edns.payload,
				m->edns.dnssec_ok ? ",do" : "");
	while (at + 4 <= m->edns.options_len) {
		const uint8_t *p = m->p + m->edns.options_at + at;
		unsigned code = (unsigned)(p[0] << 8 | p[1]),
			 len = (unsigned)(p[2] << 8 | p[3]);

		if (code == OPTION_EDE)
			used += (size_t)snprintf(out + used, size - used, ",ede=%d",
						 p[4] << 8 | p[5]);
		else if (code == OPTION_KEEPALIVE)
			used += (size_t)snprintf(out + used, size - used, ",keepalive=%d",
						 p[4] << 8 | p[5]);
		else
			used += (size_t)snprintf(out + used, size - used, ",option%u:%u", code,
						 len);
		at += 4 + len;
	}
}

/* "[id=N] RCODE [tc aa ad cd] [opt=...] [n=COUNT len=OCTETS] | answer | authority | additional"
 */
static void show(const uint8_t *msg, size_t len, char *out, size_t size)
{
	struct msg m;
	struct msg_rr rr;
	enum msg_section last = MSG_ANSWER;
	char part[2 * NAME_TEXT_LEN + 128];
	unsigned n = 0;

	if (msg_parse(msg, len, &m) != MSG_OK) {
		snprintf(out, size, "MALFORMED");
		return;
	}
	snprintf(out, size, "%s%s%s%s%s%s",
		 msg_rcode(&m) == RCODE_BADVERS ? "BADVERS" : rcodes[msg_rcode(&m) % 10],
		 m.flags & MSG_TC ? " tc" : "", m.flags & MSG_AA ? " aa" : "",
		 m.flags & MSG_AD ? " ad" : "", m.flags & MSG_CD ? " cd" : "",
		 m.flags & MSG_RA && m.flags & MSG_QR && !(m.flags & MSG_Z) ? "" : " odd");
	show_opt(&m, out + strlen(out), size - strlen(out));
	if (m.count[MSG_ANSWER] > 8) {
		snprintf(out + strlen(out), size - strlen(out), " n=%u len=%zu",
			 m.count[MSG_ANSWER], len);
		return;
	}
	if (m.count[MSG_ANSWER] + m.count[MSG_AUTHORITY] + m.count[MSG_ADDITIONAL] >
	    m.edns.present)
		strcat(out, " | ");
	for (size_t at = m.at[MSG_ANSWER]; msg_record(&m, at, &rr); at = rr.next) {
		if (rr.type == TYPE_OPT)
			continue;
		for (; last < rr.section; last++, n = 0)
			strcat(out, n ? " | " : "| ");
		show_record(&m, &rr, part, sizeof part);
		snprintf(out + strlen(out), size - strlen(out), "%s%s", n ? "; " : "", part);
		n++;
	}
}

static void on_reply(void *ctx, const struct dns_client *client, const uint8_t *msg, size_t len)
{
	struct scene *s = ctx;
	size_t used = strlen(s->got);

	if (msg_id(msg) != client->handle[0])
		complain(s, "wrong id");
	show(msg, len, s->got + used, sizeof s->got - used - 2);
	strcat(s->got, "\n");
}

static void on_cancel(void *ctx, uint64_t id)
{
	struct scene *s = ctx;

	for (size_t i = s->n_held; i-- > 0;)
		if (s->held[i].id == id)
			s->held[i] = s->held[--s->n_held];
}

static bool reached[DNS_WHY_COUNT];

bool scenario_reached(unsigned why)
{
	return reached[why];
}

static void on_explain(void *ctx, const struct dns_client *client, const struct dns_step *step)
{
	struct scene *s = ctx;
	char id[TRACE_ID_LEN], text[TRACE_TEXT_LEN];
	size_t used = strlen(s->why);

	if (!client->traced)
		complain(s, "nobody asked why");
	if (!*trace_text(step, text) || strpbrk(text, "{}"))
		complain(s, "no text: %s", text);
	if (step->why != DNS_WHY_ENDED)
		snprintf(s->why_text, sizeof s->why_text, "%s", text);
	snprintf(s->why + used, sizeof s->why - used, "%s%s", used ? " " : "",
		 trace_id(step, id));
	reached[step->why] = true;
}

static void on_ended(void *ctx, const struct dns_client *client, const struct dns_end *end)
{
	struct scene *s = ctx;
	char name[NAME_TEXT_LEN], type[16], addr[ADDR_TEXT_LEN];

	type_text(end->q->type, type);
	snprintf(s->ended, sizeof s->ended, "%s %s/%s %s %s%s %llu",
		 addr_text(&client->addr, addr), name_text(end->q->name, name), type,
		 dns_count_texts[end->count].name, rcodes[end->rcode % 10],
		 end->cached ? " cached" : "", (unsigned long long)end->took_ms);
}

static void on_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 0x5a, n);
}

/* Configuration. */

static void add_acl(struct list *l, const char *text)
{
	struct acl_entry *e = &l->entries[l->acl.n++];

	l->acl.entries = l->entries;
	*e = (struct acl_entry){ .negated = *text == '!' };
	text += e->negated;
	if (strcmp(text, "any") == 0)
		e->kind = ACL_ANY;
	else if (strcmp(text, "global") == 0)
		e->kind = ACL_GLOBAL;
	else if (mac_parse(text, e->mac))
		e->kind = ACL_MAC;
	else if (prefix_parse(text, &e->net, NULL))
		e->kind = ACL_NET;
}

static void set_acl(struct list *l, struct acl *acl, char *text)
{
	char *w;

	l->acl.n = 0;
	while ((w = word(&text)))
		add_acl(l, w);
	*acl = l->acl;
}

static void set_local(struct scene *s, char *text)
{
	struct local *l = &s->local[s->conf.n_local];
	struct dns_local_conf *c = &s->local_conf[s->conf.n_local++];
	char *w = word(&text);

	snprintf(l->name, sizeof l->name, "%s", w);
	*c = (struct dns_local_conf){ .name = l->name, .aaaa = l->aaaa, .a = l->a };
	while ((w = word(&text))) {
		struct in6_addr a;

		if (strcmp(w, "ptr") == 0)
			c->ptr = true;
		else if (addr_parse(w, &a) && addr_is_v4(&a))
			l->a[c->n_a++] = addr_v4(&a);
		else if (addr_parse(w, &a))
			l->aaaa[c->n_aaaa++] = a;
	}
	s->conf.local = s->local_conf;
}

static void set_prefix(struct scene *s, const char *text)
{
	struct prefix6 p;

	if (!prefix_parse(text, &p, NULL) || !pref64_len_valid(p.len)) {
		complain(s, "bad prefix");
		return;
	}
	s->conf.prefix = (struct pref64){ .prefix = p.addr, .len = p.len };
}

static void configure(struct scene *s, char *text)
{
	char *key = word(&text), *value = text + strspn(text, " ");
	uint32_t n = (uint32_t)strtoul(value, NULL, 10);
	struct dns_conf *c = &s->conf;

	if (strcmp(key, "prefix") == 0)
		set_prefix(s, value);
	else if (strcmp(key, "allow_query") == 0)
		set_acl(&s->allow, &c->allow_query, value);
	else if (strcmp(key, "clients") == 0)
		set_acl(&s->clients, &c->clients, value);
	else if (strcmp(key, "destinations") == 0)
		set_acl(&s->destinations, &c->destinations, value);
	else if (strcmp(key, "exclude_aaaa") == 0)
		prefix_parse(value, &s->exclude[c->n_exclude_aaaa++], NULL);
	else if (strcmp(key, "exclude_names") == 0)
		strcpy(s->exclude_text[c->n_exclude_names++], value);
	else if (strcmp(key, "zone") == 0)
		strcpy(s->zone_text[c->n_zones++], value);
	else if (strcmp(key, "local") == 0)
		set_local(s, value);
	else if (strcmp(key, "synthesize_on_error") == 0)
		c->synthesize_on_error =
			strcmp(value, "yes") == 0 ? DNS_ON_ERROR_YES : DNS_ON_ERROR_NO;
	else if (strcmp(key, "validating") == 0)
		c->validating = true;
	else if (strcmp(key, "max_ttl") == 0)
		c->max_ttl_s = n;
	else if (strcmp(key, "negative_ttl") == 0)
		c->negative_ttl_s = n;
	else if (strcmp(key, "serve_stale") == 0)
		c->serve_stale_s = n;
	else if (strcmp(key, "max_queries_per_client") == 0)
		c->max_queries_per_client = n;
	else
		complain(s, "unknown setting %s", key);
}

static void open_dns(struct scene *s)
{
	static const struct dns_ops ops = { .reply = on_reply,
					    .resolve = on_resolve,
					    .cancel = on_cancel,
					    .random = on_random,
					    .explain = on_explain,
					    .ended = on_ended };

	for (size_t i = 0; i < ACL_MAX; i++) {
		s->exclude_names[i] = s->exclude_text[i];
		s->zones[i].name = s->zone_text[i];
	}
	s->conf.exclude_aaaa = s->exclude;
	s->conf.exclude_names = s->exclude_names;
	s->conf.zones = s->zones;
	s->dns = dns_new(&s->conf, &ops, s);
}

/* Commands. */

static void learn(struct scene *s, char *text)
{
	struct rule *r = &s->rules[s->n_rules++];
	char *reply = strstr(text, " : "), *w;

	*r = (struct rule){ .flags = -1 };
	if (!reply) {
		complain(s, "no reply");
		return;
	}
	*reply = '\0';
	snprintf(r->reply, sizeof r->reply, "%s", reply + 3);
	snprintf(r->name, sizeof r->name, "%s", word(&text));
	r->type = type_of(word(&text));
	while ((w = word(&text)))
		r->flags = (r->flags < 0 ? 0 : r->flags) |
			   (strcmp(w, "do") == 0 ? RESOLVE_DO : 0) |
			   (strcmp(w, "cd") == 0 ? RESOLVE_CD : 0);
}

struct client_words {
	struct dns_client client;
	uint16_t flags, class, payload, id;
	bool edns, dnssec_ok, cookie, keepalive;
	unsigned times;
};

static bool read_client_word(struct client_words *c, const char *w, char **rest)
{
	if (strcmp(w, "from") == 0)
		addr_parse(word(rest), &c->client.addr);
	else if (strcmp(w, "mac") == 0)
		c->client.has_mac = mac_parse(word(rest), c->client.mac);
	else if (strcmp(w, "link") == 0)
		c->client.link = (uint32_t)atoi(word(rest));
	else if (strcmp(w, "port") == 0)
		c->client.port = (uint16_t)atoi(word(rest));
	else if (strcmp(w, "tcp") == 0)
		c->client.transport = DNS_TCP;
	else if (strcmp(w, "edns") == 0)
		c->edns = true, c->payload = (uint16_t)atoi(word(rest));
	else if (strcmp(w, "do") == 0)
		c->edns = c->dnssec_ok = true;
	else if (strcmp(w, "cd") == 0)
		c->flags |= MSG_CD;
	else if (strcmp(w, "ad") == 0)
		c->flags |= MSG_AD;
	else if (strcmp(w, "rd0") == 0)
		c->flags &= (uint16_t)~MSG_RD;
	else if (strcmp(w, "class") == 0)
		c->class = (uint16_t)atoi(word(rest));
	else if (strcmp(w, "cookie") == 0)
		c->edns = c->cookie = true;
	else if (strcmp(w, "keepalive") == 0)
		c->edns = c->keepalive = true;
	else if (strcmp(w, "times") == 0)
		c->times = (unsigned)atoi(word(rest));
	else
		return false;
	return true;
}

static void ask(struct scene *s, char *text)
{
	struct client_words c = {
		.flags = MSG_RD, .class = CLASS_IN, .payload = 1232, .times = 1
	};
	static const uint8_t cookie[] = { 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t keepalive[] = { 0, 11, 0, 0 };
	struct dns_question q = { 0 };
	static uint16_t id = 100;
	uint8_t buf[600];
	struct msg_wr m;
	char *w;

	s->why[0] = s->why_text[0] = '\0';
	c.client.traced = s->traced;
	addr_parse("2001:db8:1::5", &c.client.addr);
	c.client.port = 4000;
	while ((w = word(&text)) && read_client_word(&c, w, &text))
		;
	q.name_len = (uint8_t)name_from_text(w, q.name);
	q.type = type_of(word(&text));
	q.class = c.class;
	while (c.times-- > 0) {
		c.client.handle[0] = ++id;
		msg_begin(&m, buf, sizeof buf, id, c.flags, &q);
		if (c.edns)
			msg_put_opt(&m, c.payload, 0, c.dnssec_ok,
				    c.cookie ? cookie : keepalive,
				    c.cookie      ? 12
				    : c.keepalive ? 4
						  : 0);
		dns_input(s->dns, &c.client, buf, msg_end(&m), s->now_ms);
	}
}

static void expect(struct scene *s, const char *want)
{
	char *end = strchr(s->got, '\n');

	if (!end) {
		complain(s, "no reply; wanted\n  %s", want);
		return;
	}
	*end = '\0';
	if (strcmp(s->got, want) != 0)
		complain(s, "got\n  %s\nwanted\n  %s", s->got, want);
	memmove(s->got, end + 1, strlen(end + 1) + 1);
}

static void expect_asked(struct scene *s, const char *want)
{
	if (strcmp(s->asked, want) != 0)
		complain(s, "asked \"%s\", wanted \"%s\"", s->asked, want);
	s->asked[0] = '\0';
}

static void expect_why(struct scene *s, const char *want, const char *got)
{
	if (s->traced && strcmp(got, want) != 0)
		complain(s, "told\n  %s\nwanted\n  %s", got, want);
}

static void pass_time(struct scene *s, const char *text)
{
	char *unit;
	uint64_t until = s->now_ms + strtoul(text, &unit, 10) * (strcmp(unit, "ms") ? 1000 : 1);

	while (dns_next(s->dns) <= until) {
		if (dns_next(s->dns) > s->now_ms)
			s->now_ms = dns_next(s->dns);
		dns_tick(s->dns, s->now_ms);
	}
	s->now_ms = until;
	dns_tick(s->dns, s->now_ms);
}

static void answer_held(struct scene *s, char *text)
{
	char *reply = strstr(text, " : ");
	uint8_t name[DNS_NAME_MAX];
	uint16_t type;

	if (!reply) {
		complain(s, "no reply");
		return;
	}
	*reply = '\0';
	name_from_text(word(&text), name);
	type = type_of(word(&text));
	for (size_t i = 0; i < s->n_held; i++) {
		uint64_t id = s->held[i].id;
		struct dns_question q = s->held[i].q;

		if (q.type != type || !name_equal(q.name, name))
			continue;
		s->held[i] = s->held[--s->n_held];
		answer(s, id, &q, reply + 3);
		return;
	}
	complain(s, "nobody asked that");
}

static void reload(struct scene *s)
{
	if (!dns_prepare(s->dns, &s->conf))
		complain(s, "prepare failed");
	dns_settle(s->dns, true, s->now_ms);
}

static void expect_count(struct scene *s, char *text)
{
	char *name = word(&text);
	uint64_t want = strtoul(text, NULL, 10);

	for (size_t i = 0; i < DNS_COUNT_COUNT; i++) {
		if (strcmp(dns_count_texts[i].name, name) != 0)
			continue;
		if (dns_counts(s->dns)[i] != want)
			complain(s, "%s is %llu", name,
				 (unsigned long long)dns_counts(s->dns)[i]);
		return;
	}
	complain(s, "no counter %s", name);
}

static void play(struct scene *s, char *text)
{
	char *command = word(&text);

	text += strspn(text, " ");
	if (strcmp(command, "conf") == 0) {
		configure(s, text);
		return;
	}
	if (!s->dns)
		open_dns(s);
	if (strcmp(command, "up") == 0)
		learn(s, text);
	else if (strcmp(command, "forget") == 0)
		s->n_rules = 0;
	else if (strcmp(command, "ask") == 0)
		ask(s, text);
	else if (strcmp(command, "get") == 0)
		expect(s, text);
	else if (strcmp(command, "none") == 0) {
		if (s->got[0])
			complain(s, "unexpected reply %s", s->got);
	} else if (strcmp(command, "asked") == 0)
		expect_asked(s, text);
	else if (strcmp(command, "why") == 0)
		expect_why(s, text, s->why);
	else if (strcmp(command, "because") == 0)
		expect_why(s, text, s->why_text);
	else if (strcmp(command, "ended") == 0) {
		if (strcmp(s->ended, text) != 0)
			complain(s, "ended \"%s\", wanted \"%s\"", s->ended, text);
	} else if (strcmp(command, "sleep") == 0)
		pass_time(s, text);
	else if (strcmp(command, "answer") == 0)
		answer_held(s, text);
	else if (strcmp(command, "reload") == 0)
		reload(s);
	else if (strcmp(command, "recall") == 0)
		dns_recall(s->dns);
	else if (strcmp(command, "flush") == 0)
		dns_flush(s->dns);
	else if (strcmp(command, "count") == 0)
		expect_count(s, text);
	else
		complain(s, "unknown command %s", command);
}

static void end_scene(struct scene *s)
{
	uint64_t endings = 0;

	if (!s->dns)
		return;
	if (s->got[0])
		complain(s, "left over: %s", s->got);
	if (!s->n_held) {
		for (size_t i = 0; i < DNS_COUNT_ENDINGS; i++)
			endings += dns_counts(s->dns)[i];
		if (endings != dns_counts(s->dns)[DNS_COUNT_QUERIES])
			complain(s, "%llu endings", (unsigned long long)endings);
	}
	dns_free(s->dns);
	s->dns = NULL;
}

static void begin_scene(struct scene *s, const char *title)
{
	const char *path = s->path;
	unsigned line = s->line;
	bool traced = s->traced;

	memset(s, 0, sizeof *s);
	s->traced = traced;
	s->path = path;
	s->line = line;
	s->now_ms = 1000000;
	snprintf(s->title, sizeof s->title, "%.200s", title);
	set_prefix(s, "2001:db8:64::/96");
	add_acl(&s->allow, "any");
	add_acl(&s->clients, "any");
	add_acl(&s->destinations, "any");
	s->conf.allow_query = s->allow.acl;
	s->conf.clients = s->clients.acl;
	s->conf.destinations = s->destinations.acl;
	prefix_parse("::ffff:0:0/96", &s->exclude[0], NULL);
	s->conf.n_exclude_aaaa = 1;
	s->conf.synthesize_on_error = DNS_ON_ERROR_UNLESS_BOGUS;
	s->conf.cache_size = 1 << 20;
	s->conf.max_ttl_s = 86400;
	s->conf.negative_ttl_s = 900;
	s->conf.udp_payload = 1232;
	s->conf.timeout_ms = 5000;
	s->conf.max_queries_per_client = 500;
	s->conf.tcp_idle_s = 30;
}

bool scenario_run_file(const char *path, bool traced)
{
	static struct scene s;
	static char line[TEXT];
	FILE *f = fopen(path, "r");
	bool ok = true;

	if (!f)
		return false;
	memset(&s, 0, sizeof s);
	s.path = path;
	s.traced = traced;
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		s.line++;
		if (strncmp(line, "== ", 3) == 0) {
			end_scene(&s);
			ok &= !s.failed;
			begin_scene(&s, line + 3);
		} else if (line[0] && line[0] != '#') {
			play(&s, line);
		}
	}
	end_scene(&s);
	fclose(f);
	return ok && !s.failed;
}
