/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_dns64_query.c - questions of the control socket: asked of the engine like a client's,
 * traced, and kept until they are answered.
 *
 * The engine knows one only by its number, so it may be forgotten at any time.
 */
#include "plane_dns64_priv.h"

#include "base/rd.h"
#include "dns/text.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX    96
#define PAYLOAD      1232
#define QUESTION_MAX (MSG_HEAD_LEN + DNS_NAME_MAX + 4 + MSG_OPT_LEN)

struct step {
	char id[TRACE_ID_LEN];
	const char *rfc;
	char *text; /* NULL: memory was short */
};

struct dns64_query {
	struct dns64_query *next;
	uint64_t id;
	struct dns64_question asked;
	struct dns_client client;
	uint64_t asked_ms, answered_ms;
	plane_dns64_fn *fn;
	void *arg;
	struct step steps[STEPS_MAX];
	size_t n_steps, left_out;
	const uint8_t *msg; /* while fn runs */
	size_t len;
};

static struct dns64_query **find(struct plane_dns64 *p, uint64_t id)
{
	struct dns64_query **link = &p->queries;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

static void forget(struct dns64_query **link)
{
	struct dns64_query *q = *link;

	*link = q->next;
	for (size_t i = 0; i < q->n_steps; i++)
		free(q->steps[i].text);
	free(q);
}

/* The end is always told; before it there may be more than there is room for. */
void plane_dns64_explained(struct plane_dns64 *p, const struct dns_client *client,
			   const struct dns_step *step)
{
	struct dns64_query *q = *find(p, client->handle[0]);
	char text[TRACE_TEXT_LEN];
	struct step *s;

	if (!q)
		return;
	if (q->n_steps == STEPS_MAX - (step->why != DNS_WHY_ENDED)) {
		q->left_out++;
		return;
	}
	s = &q->steps[q->n_steps++];
	trace_id(step, s->id);
	s->rfc = trace_rfc(step);
	s->text = strdup(trace_text(step, text));
}

void plane_dns64_answered(struct plane_dns64 *p, const struct dns_client *client,
			  const uint8_t *msg, size_t len)
{
	struct dns64_query **link = find(p, client->handle[0]), *q = *link;

	if (!q)
		return;
	q->msg = msg;
	q->len = len;
	q->answered_ms = ev_now_ms(p->env.loop);
	q->fn(q->arg, q);
	forget(find(p, client->handle[0]));
}

void plane_dns64_give_up(struct plane_dns64 *p)
{
	while (p->queries) {
		p->queries->fn(p->queries->arg, NULL);
		forget(&p->queries);
	}
}

void plane_dns64_cancel(void *plane, uint64_t query)
{
	struct dns64_query **link = find(plane, query);

	if (*link)
		forget(link);
}

/* The host asks by its own address on the guests' link, which is a client like any guest. */
static struct in6_addr own_address(const struct plane_dns64 *p)
{
	const struct eff_endpoints *listen = &p->effective->dns64.listen;

	for (size_t i = 0; i < listen->n; i++)
		if (!addr_is_v4(&listen->v[i].addr) && !listen->v[i].scope &&
		    !addr_is_loopback(&listen->v[i].addr) &&
		    !addr_is_unspecified(&listen->v[i].addr))
			return listen->v[i].addr;
	return in6addr_loopback;
}

/* Who asks, as far as it is known of one who really does.  By stream, so that the answer is
 * whole. */
static struct dns_client client_of(const struct plane_dns64 *p, uint64_t id,
				   const struct dns64_question *asked)
{
	const struct effective *e = p->effective;
	struct dns_client c = { .addr = asked->has_client ? asked->client : own_address(p),
				.transport = DNS_TCP,
				.link = e->n_ifaces ? e->ifaces[0].index : 0,
				.traced = true,
				.handle = { id } };
	const uint8_t *mac = link_neighbour(p->env.link, 0, &c.addr);

	c.has_mac = mac;
	if (mac)
		memcpy(c.mac, mac, sizeof c.mac);
	return c;
}

uint64_t plane_dns64_query(void *plane, const struct dns64_question *asked, plane_dns64_fn *fn,
			   void *arg)
{
	struct plane_dns64 *p = plane;
	uint8_t msg[QUESTION_MAX];
	struct dns64_query *q;
	struct dns_client client;
	uint64_t id;
	size_t len;

	if (!p->dns || !p->effective)
		return 0;
	q = calloc(1, sizeof *q);
	if (!q)
		return 0;
	q->id = id = ++p->last_query;
	q->asked = *asked;
	q->client = client = client_of(p, id, asked);
	q->asked_ms = ev_now_ms(p->env.loop);
	q->fn = fn;
	q->arg = arg;
	q->next = p->queries;
	p->queries = q;
	len = msg_write_question(msg, sizeof msg, 0, &asked->q,
				 (asked->dnssec_ok ? RESOLVE_DO : 0) |
					 (asked->checking_disabled ? RESOLVE_CD : 0),
				 PAYLOAD);
	plane_dns64_input(p, &client, msg, len);
	return id;
}

/* The decision that says most about what came out, "" where there is none. */
static const char *decision(const struct dns64_query *q)
{
	static const char *const telling[] = { "client.refused",
					       "dns64.not_",
					       "asked.limit",
					       "a.not_",
					       "a.refused",
					       "a.never",
					       "chose.nx",
					       "heard.nothing",
					       "says.error",
					       "chose.",
					       "" };

	for (size_t t = 0; t < sizeof telling / sizeof *telling; t++)
		for (size_t i = 0; i < q->n_steps; i++)
			if (q->steps[i].text &&
			    strncmp(q->steps[i].id, telling[t], strlen(telling[t])) == 0)
				return q->steps[i].text;
	return "";
}

void plane_dns64_read_answer(const struct dns64_query *q, const struct pref64 *prefix,
			     struct doctor_answer *out)
{
	doctor_read_answer(q->msg, q->len, prefix, out);
	snprintf(out->why, sizeof out->why, "%s", decision(q));
}

/* The reply. */

static void report_flags(struct report *r, const struct msg *m)
{
	static const struct {
		uint16_t flag;
		const char *name;
	} flags[] = { { MSG_QR, "qr" }, { MSG_AA, "aa" }, { MSG_TC, "tc" }, { MSG_RD, "rd" },
		      { MSG_RA, "ra" }, { MSG_AD, "ad" }, { MSG_CD, "cd" } };

	report_list(r, "flags");
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (m->flags & flags[i].flag)
			report_text(r, NULL, flags[i].name);
	report_end(r);
}

static void report_errors(struct report *r, const struct msg *m)
{
	struct rd options = rd_of(m->p + m->edns.options_at, m->edns.options_len);

	report_list(r, "extended_errors");
	while (m->edns.present && rd_left(&options)) {
		uint16_t code = rd_u16(&options);
		struct rd data = rd_sub(&options, rd_u16(&options));
		uint16_t error = rd_u16(&data);

		if (code != OPTION_EDE)
			continue;
		report_object(r, NULL);
		report_number(r, "code", error);
		report_text(r, "text", text_ede(error));
		report_end(r);
	}
	report_end(r);
}

static void report_records(struct report *r, const char *key, const struct msg *m,
			   enum msg_section section)
{
	struct msg_rr rr;

	report_list(r, key);
	for (size_t at = m->at[section]; at < m->at[section + 1] && msg_record(m, at, &rr);
	     at = rr.next) {
		char text[NAME_TEXT_LEN], type[TEXT_TYPE_LEN], data[TEXT_DATA_LEN];
		uint8_t owner[DNS_NAME_MAX];

		msg_owner(m, &rr, owner);
		report_object(r, NULL);
		report_text(r, "name", name_text(owner, text));
		report_number(r, "ttl", rr.ttl);
		report_text(r, "type", text_type(rr.type, type));
		report_text(r, "data", text_data(m, &rr, data));
		report_end(r);
	}
	report_end(r);
}

static void report_message(struct report *r, const struct dns64_query *q)
{
	char rcode[TEXT_RCODE_LEN];
	struct msg m;

	if (!q->len || msg_parse(q->msg, q->len, &m) != MSG_OK) {
		report_null(r, "rcode");
		return;
	}
	report_text(r, "rcode", text_rcode(msg_rcode(&m), rcode));
	report_flags(r, &m);
	report_errors(r, &m);
	report_records(r, "answer", &m, MSG_ANSWER);
	report_records(r, "authority", &m, MSG_AUTHORITY);
}

void plane_dns64_report_answer(const struct dns64_query *q, struct report *r)
{
	char text[NAME_TEXT_LEN], type[TEXT_TYPE_LEN], addr[ADDR_TEXT_LEN];

	report_text(r, "name", name_text(q->asked.q.name, text));
	report_text(r, "type", text_type(q->asked.q.type, type));
	report_text(r, "as", addr_text(&q->client.addr, addr));
	if (q->client.has_mac)
		report_text(r, "mac", mac_text(q->client.mac, addr));
	else
		report_null(r, "mac");
	report_message(r, q);
	report_number(r, "took_ms", q->answered_ms - q->asked_ms);
	report_list(r, "steps");
	for (size_t i = 0; i < q->n_steps; i++) {
		report_object(r, NULL);
		report_text(r, "id", q->steps[i].id);
		report_text(r, "text", q->steps[i].text ? q->steps[i].text : "");
		report_text(r, "rfc", q->steps[i].rfc);
		report_end(r);
	}
	report_end(r);
	report_number(r, "steps_left_out", q->left_out);
}
