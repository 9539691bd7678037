/* SPDX-License-Identifier: GPL-3.0-or-later */
/* special.c - see special.h. */
#include "special.h"

#include "base/addr.h"

#include <stdlib.h>
#include <string.h>

#define EMPTY_TTL_S    10800 /* RFC 6303 3 */
#define IPV4ONLY_TTL_S 600   /* not longer: the prefix may change */
#define LOCAL_TTL_S    60
#define MAX_ADDRS      200

enum rule {
	RULE_NONE,
	RULE_EMPTY,     /* exists, empty, nothing below */
	RULE_LOCALHOST, /* this host, and all below (RFC 6761 6.3) */
	RULE_LOOPBACK,  /* reverse of this host */
	RULE_IPV4ONLY,  /* RFC 8880 7.1 */
	RULE_IPV4ONLY_PTR,
	RULE_RESOLVER, /* no designated resolver (RFC 9462 6.4) */
};

struct zone {
	uint8_t name[DNS_NAME_MAX];
	unsigned labels;
};

/* One of dns64.local, or the reverse name of one of its addresses. */
struct local {
	uint64_t hash;
	uint8_t name[DNS_NAME_MAX];
	uint8_t ptr[DNS_NAME_MAX]; /* reverse names: what they point to; else empty */
	bool is_ptr;
	struct in6_addr *aaaa;
	struct in_addr *a;
	size_t n_aaaa, n_a;
};

struct special {
	struct zone *zones;
	size_t n_zones;
	struct local *locals; /* by hash */
	size_t n_locals;
};

struct found {
	enum special_kind kind;
	enum rule rule;
	const uint8_t *apex; /* the zone that is answered from, a tail of the name */
	const struct local *local;
	unsigned set;
};

/* Any key does: the names are the operator's. */
static const struct siphash_key local_key = { 0x6c6f63616c, 0 };

static bool copy_addrs(struct local *l, const struct dns_local_conf *conf)
{
	l->n_aaaa = conf->n_aaaa < MAX_ADDRS ? conf->n_aaaa : MAX_ADDRS;
	l->n_a = conf->n_a < MAX_ADDRS ? conf->n_a : MAX_ADDRS;
	l->aaaa = calloc(l->n_aaaa + 1, sizeof *l->aaaa);
	l->a = calloc(l->n_a + 1, sizeof *l->a);
	if (!l->aaaa || !l->a)
		return false;
	if (l->n_aaaa)
		memcpy(l->aaaa, conf->aaaa, l->n_aaaa * sizeof *l->aaaa);
	if (l->n_a)
		memcpy(l->a, conf->a, l->n_a * sizeof *l->a);
	return true;
}

static void add_ptr(struct special *s, const struct in6_addr *addr, const uint8_t *name)
{
	struct local *l = &s->locals[s->n_locals++];

	name_reverse(addr, 128, l->name);
	memcpy(l->ptr, name, name_len(name));
	l->is_ptr = true;
	l->hash = name_hash(&local_key, l->name);
}

static bool add_local(struct special *s, const struct dns_local_conf *conf)
{
	struct local *l = &s->locals[s->n_locals];

	if (!name_from_text(conf->name, l->name))
		return true;
	s->n_locals++;
	l->hash = name_hash(&local_key, l->name);
	if (!copy_addrs(l, conf))
		return false;
	for (size_t i = 0; conf->ptr && i < l->n_aaaa; i++)
		add_ptr(s, &l->aaaa[i], l->name);
	for (size_t i = 0; conf->ptr && i < l->n_a; i++) {
		struct in6_addr mapped = addr_mapped(l->a[i]);

		add_ptr(s, &mapped, l->name);
	}
	return true;
}

static int by_hash(const void *a, const void *b)
{
	const struct local *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void add_zone(struct special *s, const struct dns_zone_conf *conf)
{
	struct zone *z = &s->zones[s->n_zones++];

	/* Kept also when it is no name, because its place is the number of its set. */
	z->labels = name_from_text(conf->name, z->name) ? name_labels(z->name) : UINT32_MAX;
}

struct special *special_new(const struct dns_conf *conf)
{
	struct special *s = calloc(1, sizeof *s);
	size_t n = 0;

	if (!s)
		return NULL;
	for (size_t i = 0; i < conf->n_local; i++)
		n += 1 + conf->local[i].n_a + conf->local[i].n_aaaa;
	s->zones = calloc(conf->n_zones + 1, sizeof *s->zones);
	s->locals = calloc(n + 1, sizeof *s->locals);
	if (!s->zones || !s->locals)
		goto fail;
	for (size_t i = 0; i < conf->n_zones; i++)
		add_zone(s, &conf->zones[i]);
	for (size_t i = 0; i < conf->n_local; i++)
		if (!add_local(s, &conf->local[i]))
			goto fail;
	qsort(s->locals, s->n_locals, sizeof *s->locals, by_hash);
	return s;
fail:
	special_free(s);
	return NULL;
}

void special_free(struct special *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->locals && i < s->n_locals; i++) {
		free(s->locals[i].aaaa);
		free(s->locals[i].a);
	}
	free(s->zones);
	free(s->locals);
	free(s);
}

/* The first of those with this name; more than one (an address with several names) follow. */
static const struct local *find_local(const struct special *s, const uint8_t *name)
{
	size_t low = 0, high = s->n_locals;
	uint64_t hash;

	if (!high)
		return NULL;
	hash = name_hash(&local_key, name);
	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s->locals[mid].hash < hash)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->n_locals && s->locals[low].hash == hash &&
	    name_equal(s->locals[low].name, name))
		return &s->locals[low];
	return NULL;
}

static const uint8_t *tail_of(const uint8_t *name, unsigned labels)
{
	for (unsigned n = name_labels(name); n > labels; n--)
		name += 1 + *name;
	return name;
}

static void find_zone(const struct special *s, const uint8_t *name, struct found *f)
{
	unsigned best = 0;

	for (size_t i = 0; i < s->n_zones; i++) {
		const struct zone *z = &s->zones[i];

		if (z->labels == UINT32_MAX || !name_is_in(name, z->name) ||
		    (f->set && z->labels <= best))
			continue;
		best = z->labels;
		f->set = (unsigned)i + 1;
	}
	if (f->set && f->kind == SPECIAL_RFC && best >= name_labels(f->apex))
		f->kind = SPECIAL_NONE;
}

/* Below which top-level domains there are special names: most names are below others. */
static bool is_top_special(const uint8_t *name)
{
	static const char tops[][11] = { "\11localhost", "\7invalid", "\4test", "\5local",
					 "\5onion",      "\3alt",     "\4arpa" };
	const uint8_t *top = tail_of(name, 1);

	for (size_t i = 0; i < sizeof tops / sizeof *tops; i++)
		if (*top == (uint8_t)tops[i][0] && name_equal(top, (const uint8_t *)tops[i]))
			return true;
	return false;
}

static void find_forward(const uint8_t *name, struct found *f)
{
	static const struct {
		const char *name;
		enum rule rule;
	} rows[] = {
		{ "\11localhost", RULE_LOCALHOST },     /* RFC 6761 6.3 */
		{ "\7invalid", RULE_EMPTY },            /* RFC 6761 6.4 */
		{ "\4test", RULE_EMPTY },               /* RFC 6761 6.2 */
		{ "\5local", RULE_EMPTY },              /* RFC 6762 22.1 */
		{ "\5onion", RULE_EMPTY },              /* RFC 7686 2 */
		{ "\3alt", RULE_EMPTY },                /* RFC 9476 3.2 */
		{ "\4home\4arpa", RULE_EMPTY },         /* RFC 8375 4 */
		{ "\7service\4arpa", RULE_EMPTY },      /* RFC 9665 8 */
		{ "\10resolver\4arpa", RULE_RESOLVER }, /* RFC 9462 6.4 */
		{ "\10ipv4only\4arpa", RULE_IPV4ONLY }, /* RFC 8880 7.1 */
		{ "\003170\0010\0010\003192\7in-addr\4arpa", RULE_IPV4ONLY_PTR },
		{ "\003171\0010\0010\003192\7in-addr\4arpa", RULE_IPV4ONLY_PTR },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const uint8_t *zone = (const uint8_t *)rows[i].name;

		if (!name_is_in(name, zone))
			continue;
		f->kind = SPECIAL_RFC;
		f->rule = rows[i].rule;
		f->apex = tail_of(name, name_labels(zone));
		return;
	}
}

/* RFC 6303 4 and RFC 7793: the networks whose reverse zones are empty. */
struct net {
	uint8_t addr[16];
	uint8_t len;
	uint8_t unit; /* a zone is a whole number of these */
	bool documentation;
};

#define NET4(a, b, c, d, len, documentation)                                             \
	{                                                                                \
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d }, 96 + (len), 8, \
			documentation                                                    \
	}

static const struct net *find_net(const struct in6_addr *addr, unsigned len)
{
	static const struct net nets[] = {
		NET4(10, 0, 0, 0, 8, false),
		NET4(172, 16, 0, 0, 12, false),
		NET4(192, 168, 0, 0, 16, false),
		NET4(100, 64, 0, 0, 10, false),
		NET4(0, 0, 0, 0, 8, false),
		NET4(127, 0, 0, 0, 8, false),
		NET4(169, 254, 0, 0, 16, false),
		NET4(192, 0, 2, 0, 24, true),
		NET4(198, 51, 100, 0, 24, true),
		NET4(203, 0, 113, 0, 24, true),
		NET4(255, 255, 255, 255, 32, false),
		{ { 0 }, 128, 4, false },
		{ { [15] = 1 }, 128, 4, false },
		{ { 0xfd }, 8, 4, false },
		{ { 0xfe, 0x80 }, 10, 4, false },
		{ { 0x20, 0x01, 0x0d, 0xb8 }, 32, 4, true },
	};

	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
		struct prefix6 p = { .len = nets[i].len };

		memcpy(&p.addr, nets[i].addr, sizeof p.addr);
		if (len >= p.len && prefix6_has(&p, addr))
			return &nets[i];
	}
	return NULL;
}

/* Reverse names, and names below them ("b._dns-sd._udp.0.0.168.192.in-addr.arpa"). */
static void find_reverse(const uint8_t *name, bool mapped, struct found *f)
{
	static const struct in6_addr one = { .s6_addr = { [15] = 1 } };
	const uint8_t *apex = name;
	const struct net *net;
	struct in6_addr addr;
	unsigned len, labels;

	if (!name_is_in(name, (const uint8_t *)"\4arpa"))
		return;
	while (!name_reversed(apex, &addr, &len)) {
		if (!*apex)
			return;
		apex += 1 + *apex;
	}
	net = find_net(&addr, len);
	if (!net || (mapped && net->documentation))
		return;
	labels = net->unit == 8 ? (net->len - 96 + 7u) / 8 : (net->len + 3u) / 4;
	f->kind = SPECIAL_RFC;
	f->rule = RULE_EMPTY;
	f->apex = tail_of(name, labels + 2);
	if (apex == name && len == 128 &&
	    (addr_equal(&addr, &one) ||
	     (addr_is_v4(&addr) && addr4_num(addr_v4(&addr)) == INADDR_LOOPBACK)))
		f->rule = RULE_LOOPBACK;
}

static struct found find(const struct special *s, const uint8_t *name, bool mapped)
{
	struct found f = { .kind = SPECIAL_NONE };

	f.local = find_local(s, name);
	if (f.local) {
		f.kind = SPECIAL_LOCAL;
		f.apex = name;
		return f;
	}
	if (is_top_special(name)) {
		find_forward(name, &f);
		if (f.kind == SPECIAL_NONE)
			find_reverse(name, mapped, &f);
	}
	find_zone(s, name, &f);
	return f;
}

enum special_kind special_find(const struct special *s, const uint8_t *name, bool mapped,
			       unsigned *set)
{
	struct found f = find(s, name, mapped);

	if (f.kind == SPECIAL_NONE)
		*set = f.set;
	return f.kind;
}

/* RFC 6303 3: "@ 10800 IN SOA @ nobody.invalid. 1 3600 1200 604800 10800". */
void special_put_soa(struct msg_wr *w, enum msg_section section, const uint8_t *apex,
		     uint32_t ttl)
{
	static const uint8_t rname[] = "\6nobody\7invalid";
	uint8_t rdata[2 * DNS_NAME_MAX + 20];
	struct wr r = wr_of(rdata, sizeof rdata);

	wr_bytes(&r, apex, name_len(apex));
	wr_bytes(&r, rname, sizeof rname);
	wr_u32(&r, 1);
	wr_u32(&r, 3600);
	wr_u32(&r, 1200);
	wr_u32(&r, 604800);
	wr_u32(&r, ttl);
	msg_put(w, section, apex, TYPE_SOA, ttl, rdata, wr_len(&r));
}

/* Several names for one address lie side by side. */
static void put_local_ptr(struct msg_wr *w, const struct special *s, const struct local *l,
			  const uint8_t *owner)
{
	for (; l < s->locals + s->n_locals && l->is_ptr && name_equal(l->name, owner); l++)
		if (wr_room(&w->w) > 2 * DNS_NAME_MAX + 64)
			msg_put_name(w, MSG_ANSWER, owner, TYPE_PTR, LOCAL_TTL_S, l->ptr);
}

static void put_local(struct msg_wr *w, const struct special *s, const struct local *l,
		      const struct dns_question *q)
{
	if (l->is_ptr && q->type == TYPE_PTR)
		put_local_ptr(w, s, l, q->name);
	for (size_t i = 0; q->type == TYPE_AAAA && i < l->n_aaaa; i++)
		msg_put(w, MSG_ANSWER, q->name, TYPE_AAAA, LOCAL_TTL_S, &l->aaaa[i], 16);
	for (size_t i = 0; q->type == TYPE_A && i < l->n_a; i++)
		msg_put(w, MSG_ANSWER, q->name, TYPE_A, LOCAL_TTL_S, &l->a[i], 4);
}

static void put_v4(struct msg_wr *w, const struct dns_question *q, uint32_t num, uint32_t ttl)
{
	struct in_addr a = addr4_of(num);

	msg_put(w, MSG_ANSWER, q->name, TYPE_A, ttl, &a, 4);
}

/* Records of the apex itself; q->name is it, except below localhost. */
static void put_rule(struct msg_wr *w, enum rule rule, const struct dns_question *q)
{
	static const uint8_t localhost[] = "\11localhost", ipv4only[] = "\10ipv4only\4arpa";
	static const struct in6_addr one = { .s6_addr = { [15] = 1 } };

	switch (rule) {
	case RULE_NONE:
	case RULE_EMPTY:
	case RULE_RESOLVER:
		return;
	case RULE_LOCALHOST:
		if (q->type == TYPE_A)
			put_v4(w, q, INADDR_LOOPBACK, EMPTY_TTL_S);
		if (q->type == TYPE_AAAA)
			msg_put(w, MSG_ANSWER, q->name, TYPE_AAAA, EMPTY_TTL_S, &one, 16);
		return;
	case RULE_LOOPBACK:
		if (q->type == TYPE_PTR)
			msg_put_name(w, MSG_ANSWER, q->name, TYPE_PTR, EMPTY_TTL_S, localhost);
		return;
	case RULE_IPV4ONLY:
		if (q->type == TYPE_A) {
			put_v4(w, q, 0xc00000aa, IPV4ONLY_TTL_S);
			put_v4(w, q, 0xc00000ab, IPV4ONLY_TTL_S);
		}
		return;
	case RULE_IPV4ONLY_PTR:
		if (q->type == TYPE_PTR)
			msg_put_name(w, MSG_ANSWER, q->name, TYPE_PTR, IPV4ONLY_TTL_S,
				     ipv4only);
		return;
	}
}

/* Is there anything at name below the apex? */
static bool exists(enum rule rule, const uint8_t *name, const uint8_t *apex)
{
	if (name == apex || rule == RULE_LOCALHOST || rule == RULE_LOOPBACK)
		return true;
	/* RFC 9462 6.4: NODATA for _dns.resolver.arpa. */
	return rule == RULE_RESOLVER &&
	       name_equal(name, (const uint8_t *)"\4_dns\10resolver\4arpa");
}

size_t special_answer(const struct special *s, const struct dns_question *q, bool mapped,
		      uint8_t *buf)
{
	struct found f = find(s, q->name, mapped);
	uint32_t ttl = f.local ? LOCAL_TTL_S : EMPTY_TTL_S;
	uint16_t flags = MSG_QR | MSG_RD | MSG_RA;
	struct msg_wr w;

	if (f.kind == SPECIAL_NONE)
		return 0;
	if (!f.local && !exists(f.rule, q->name, f.apex))
		flags |= RCODE_NXDOMAIN;
	msg_begin(&w, buf, SPECIAL_MSG_LEN, 0, flags, q);
	if (f.local)
		put_local(&w, s, f.local, q);
	else if (!(flags & MSG_RCODE))
		put_rule(&w, f.rule, q);
	if (!f.local && q->name == f.apex && q->type == TYPE_SOA)
		special_put_soa(&w, MSG_ANSWER, f.apex, ttl);
	if (!f.local && q->name == f.apex && q->type == TYPE_NS && f.rule == RULE_EMPTY)
		msg_put_name(&w, MSG_ANSWER, f.apex, TYPE_NS, ttl, f.apex);
	if (!w.count[MSG_ANSWER])
		special_put_soa(&w, MSG_AUTHORITY, f.apex, ttl);
	return msg_end(&w);
}
