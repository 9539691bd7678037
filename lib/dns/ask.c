/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask.c - see ask.h. */
#include "ask.h"

#include <string.h>

#define UDP_LEAST           512 /* RFC 1035 2.3.4 */
#define COOKIE_SERVER_LEAST 8
#define COOKIE_SERVER_MOST  32
#define OPTIONS_MAX         64

static struct ask_verdict drop(enum dns_count count)
{
	return (struct ask_verdict){ .step = ASK_DROP, .count = count };
}

static struct ask_verdict reply(enum dns_count count, unsigned rcode)
{
	return (struct ask_verdict){ .step = ASK_REPLY, .count = count, .rcode = rcode };
}

/* Services that would answer our answer, and no port at all. */
static bool is_reflector(const struct dns_client *c)
{
	return c->transport == DNS_UDP &&
	       (c->port == 0 || c->port == 7 || c->port == 19 || c->port == 53);
}

/* RFC 7873 5.2.1: 8 octets, or 8 and a server's 8 to 32. */
static bool read_options(const struct msg *m, struct ask *a)
{
	size_t len = 0;
	const uint8_t *p = msg_option(m, OPTION_COOKIE, &len);

	if (p && len != ASK_COOKIE_LEN &&
	    (len < ASK_COOKIE_LEN + COOKIE_SERVER_LEAST ||
	     len > ASK_COOKIE_LEN + COOKIE_SERVER_MOST))
		return false;
	if (p) {
		a->has_cookie = true;
		memcpy(a->cookie, p, ASK_COOKIE_LEN);
	}
	a->wants_keepalive = a->tcp && msg_option(m, OPTION_KEEPALIVE, &len) != NULL;
	return true;
}

static void read_edns(const struct dns_conf *conf, const struct msg *m, struct ask *a)
{
	uint16_t payload = m->edns.payload;

	if (!m->edns.present)
		return;
	a->edns = true;
	a->dnssec_ok = m->edns.dnssec_ok;
	if (a->tcp)
		return;
	/* RFC 6891 6.2.3: less than 512 counts as 512. */
	if (payload > conf->udp_payload)
		payload = conf->udp_payload;
	a->limit = payload < UDP_LEAST ? UDP_LEAST : payload;
}

static struct ask_verdict judge_type(const struct ask *a)
{
	switch (a->q.type) {
	case 0:
	case TYPE_OPT:
	case TYPE_TSIG:
		return reply(DNS_COUNT_MALFORMED, RCODE_FORMERR);
	case TYPE_AXFR:
	case TYPE_IXFR:
		return reply(DNS_COUNT_REFUSED_TYPE, RCODE_REFUSED);
	case TYPE_TKEY:
	case TYPE_MAILA:
	case TYPE_MAILB:
		return reply(DNS_COUNT_REFUSED_TYPE, RCODE_NOTIMP);
	default:
		return (struct ask_verdict){ .step = ASK_RESOLVE };
	}
}

static struct ask_verdict judge(const struct msg *m, const struct ask *a)
{
	if (m->edns.present && m->edns.version > 0)
		return reply(DNS_COUNT_BAD_VERSION, RCODE_BADVERS);
	if (m->has_tsig)
		return reply(DNS_COUNT_TRANSACTION_SIGNED, RCODE_NOTAUTH);
	if (m->count[MSG_QUESTION] == 0)
		return a->has_cookie ? reply(DNS_COUNT_COOKIE_ONLY, RCODE_NOERROR)
				     : reply(DNS_COUNT_MALFORMED, RCODE_FORMERR);
	if (a->q.class != CLASS_IN)
		return reply(DNS_COUNT_REFUSED_CLASS, RCODE_REFUSED);
	if (a->q.type != TYPE_IXFR && (m->count[MSG_ANSWER] || m->count[MSG_AUTHORITY]))
		return reply(DNS_COUNT_MALFORMED, RCODE_FORMERR);
	return judge_type(a);
}

struct ask_verdict ask_read(const struct dns_conf *conf, const struct dns_client *client,
			    const uint8_t *msg, size_t len, struct ask *out)
{
	struct ask a = { .tcp = client->transport == DNS_TCP };
	struct ask_verdict refused = reply(DNS_COUNT_REFUSED_CLIENT, RCODE_REFUSED);
	struct ask_verdict bad = reply(DNS_COUNT_MALFORMED, RCODE_FORMERR);
	const struct acl_who who = dns_client_who(client);
	enum msg_fault fault;
	struct msg m;

	refused.ede = EDE_PROHIBITED;
	a.limit = a.tcp ? DNS_MSG_MAX : UDP_LEAST;
	if (len < MSG_HEAD_LEN)
		return drop(DNS_COUNT_DROPPED_SHORT);
	if (msg_flags(msg) & MSG_QR)
		return drop(DNS_COUNT_DROPPED_RESPONSE);
	if (is_reflector(client))
		return drop(DNS_COUNT_DROPPED_PORT);
	a.id = msg_id(msg);
	a.flags = msg_flags(msg);
	*out = a;
	if (a.flags & MSG_OPCODE)
		bad = reply(DNS_COUNT_NOT_IMPLEMENTED, RCODE_NOTIMP);
	else if ((fault = msg_parse(msg, len, &m)) == MSG_OK) {
		read_edns(conf, &m, &a);
		a.q = m.q;
		if (read_options(&m, &a))
			bad = judge(&m, &a);
		*out = a;
	}
	refused.allowed = acl_judge(&conf->allow_query, &who, &refused.entry);
	refused.judged = true;
	if (!refused.allowed)
		return refused;
	bad.judged = bad.allowed = true;
	bad.entry = refused.entry;
	return bad;
}

size_t ask_opt_len(const struct ask *a, const struct ask_reply *r)
{
	size_t n = MSG_OPT_LEN;

	if (!a->edns)
		return 0;
	for (size_t i = 0; i < ASK_EDE_MAX; i++)
		n += r->ede[i] ? 6 : 0;
	return n + (a->has_cookie ? 4 + ASK_COOKIE_LEN + sizeof r->cookie : 0) +
	       (a->wants_keepalive ? 6 : 0);
}

static uint16_t flags_of(const struct ask *a, const struct ask_reply *r)
{
	return (uint16_t)(MSG_QR | (a->flags & (MSG_OPCODE | MSG_RD | MSG_CD)) | MSG_RA |
			  (r->truncated ? MSG_TC : 0) | (r->secure ? MSG_AD : 0) |
			  (r->rcode & MSG_RCODE));
}

static void put_opt(const struct ask *a, const struct ask_reply *r, struct msg_wr *m)
{
	uint8_t options[OPTIONS_MAX];
	struct wr w = wr_of(options, sizeof options);

	for (size_t i = 0; i < ASK_EDE_MAX; i++) {
		if (!r->ede[i])
			continue;
		wr_u16(&w, OPTION_EDE);
		wr_u16(&w, 2);
		wr_u16(&w, r->ede[i]);
	}
	if (a->has_cookie) {
		wr_u16(&w, OPTION_COOKIE);
		wr_u16(&w, ASK_COOKIE_LEN + sizeof r->cookie);
		wr_bytes(&w, a->cookie, ASK_COOKIE_LEN);
		wr_bytes(&w, r->cookie, sizeof r->cookie);
	}
	if (a->wants_keepalive) {
		uint32_t tenths =
			r->keepalive_s > UINT16_MAX / 10 ? UINT16_MAX : r->keepalive_s * 10;

		wr_u16(&w, OPTION_KEEPALIVE);
		wr_u16(&w, 2);
		wr_u16(&w, (uint16_t)tenths);
	}
	msg_put_opt(m, r->payload, r->rcode, a->dnssec_ok, options, wr_len(&w));
}

void ask_begin(const struct ask *a, const struct ask_reply *r, uint8_t *buf, struct msg_wr *m)
{
	msg_begin(m, buf, a->limit - ask_opt_len(a, r), a->id, flags_of(a, r),
		  a->q.name_len ? &a->q : NULL);
}

size_t ask_end(const struct ask *a, const struct ask_reply *r, struct msg_wr *m)
{
	m->w.end = m->w.base + a->limit;
	if (a->edns)
		put_opt(a, r, m);
	return msg_end(m);
}

size_t ask_adopt(const struct ask *a, const struct ask_reply *r, uint8_t *buf, size_t len,
		 const uint16_t count[4])
{
	struct msg_wr m;

	msg_set_id(buf, a->id);
	msg_set_flags(buf, flags_of(a, r));
	memcpy(buf + MSG_HEAD_LEN, a->q.name, a->q.name_len);
	msg_resume(&m, buf, a->limit, len, count);
	return ask_end(a, r, &m);
}
