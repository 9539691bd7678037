/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge_dns.c - from the guest's question to its answer. */
#include "judge.h"

#include "base/pref64.h"
#include "dns/msg.h"

#include <stdio.h>
#include <string.h>

void doctor_read_answer(const uint8_t *msg, size_t len, const struct pref64 *prefix,
			struct doctor_answer *out)
{
	struct in_addr v4;
	struct msg_rr rr;
	struct msg m;

	out->state = DOCTOR_NO_ANSWER;
	if (!len || msg_parse(msg, len, &m) != MSG_OK)
		return;
	out->state = DOCTOR_ANSWERED;
	out->rcode = msg_rcode(&m);
	for (size_t at = m.at[MSG_ANSWER]; at < m.at[MSG_AUTHORITY] && msg_record(&m, at, &rr);
	     at = rr.next) {
		if (rr.type != TYPE_AAAA || rr.rdata_len != sizeof out->aaaa ||
		    out->is_translated)
			continue;
		memcpy(&out->aaaa, m.p + rr.rdata_at, sizeof out->aaaa);
		out->has_aaaa = true;
		out->is_translated = pref64_extract(prefix, &out->aaaa, &v4);
	}
}

/* True when there is nothing to judge. */
static bool is_off(const struct doctor_view *v, struct doctor_finding *f)
{
	if (v->eff->dns64.enabled)
		return false;
	judge_say(f, DOCTOR_SKIPPED, "dns64.enabled is false");
	return true;
}

void judge_dns_port(const struct doctor_view *v, struct doctor_finding *f)
{
	if (is_off(v, f))
		return;
	judge_say(f, DOCTOR_OK, "%zu addresses are bound, port %u", v->dns_bound,
		  v->eff->config->dns64.port);
	if (v->dns_listen.n) {
		judge_reason(f, DOCTOR_BROKEN, v->dns_listen.v[0].text);
	} else if (!v->dns_bound) {
		judge_say(f, DOCTOR_BROKEN, "there is no address to listen on");
		judge_mend(f, "give the guests' link an address, or name one in dns64.listen");
	}
}

/* Where guests are to ask, "ADDRESS". */
static const char *where(const struct doctor_view *v, char out[ADDR_TEXT_LEN])
{
	const struct eff_endpoints *l = &v->eff->dns64.listen;

	for (size_t i = 0; i < l->n; i++)
		if (!addr_is_v4(&l->v[i].addr) && !addr_is_loopback(&l->v[i].addr))
			return addr_text(&l->v[i].addr, out);
	return "an address of v6gwd";
}

void judge_dns_questions(const struct doctor_view *v, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN], at[ADDR_TEXT_LEN];

	if (is_off(v, f))
		return;
	if (!v->has_guest) {
		judge_say(f, DOCTOR_SKIPPED, "no GUEST was given");
	} else if (v->dns_last_ms != UINT64_MAX) {
		judge_say(f, DOCTOR_OK, "it asked %llu s ago",
			  (unsigned long long)v->dns_last_ms / 1000);
	} else {
		judge_say(f, DOCTOR_WARN,
			  "no question of %s came since v6gwd started, %llu s "
			  "ago",
			  addr_text(&v->guest, text), (unsigned long long)v->uptime_s);
		judge_mend(f,
			   "on the guest: resolvectl status or /etc/resolv.conf has to name "
			   "%s, which is in the advertisement (rdnss)",
			   where(v, at));
	}
}

void judge_dns_answer(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct doctor_answer *a = &v->arpa;
	char text[ADDR_TEXT_LEN], who[ADDR_TEXT_LEN];

	if (is_off(v, f))
		return;
	judge_who(v, who);
	if (a->state == DOCTOR_NOT_ASKED) {
		judge_say(f, DOCTOR_SKIPPED, "dns64 does not run");
	} else if (a->state == DOCTOR_NO_ANSWER) {
		judge_say(f, DOCTOR_BROKEN, "%s is not answered: %s", judge_who(v, who),
			  *a->why ? a->why : "nothing came in time");
		judge_mend(f, "dns64.allow_query decides who may ask");
	} else if (a->rcode != RCODE_NOERROR) {
		judge_say(f, DOCTOR_BROKEN, "%s is refused: %s", judge_who(v, who), a->why);
		judge_mend(f, "dns64.allow_query decides who may ask");
	} else if (!a->is_translated) {
		judge_say(f, DOCTOR_BROKEN, "%s gets no synthesised addresses: %s",
			  judge_who(v, who), a->why);
		judge_mend(f, "take it out of the list dns64.clients, or give it IPv4");
	} else {
		judge_say(f, DOCTOR_OK, "ipv4only.arpa is %s for %s",
			  pref64_text(&v->eff->config->nat64.prefix, &a->aaaa, text),
			  judge_who(v, who));
	}
}

void judge_forwarders(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct doctor_answer *a = &v->forwarded;

	if (is_off(v, f))
		return;
	judge_mend(f, "v6gwctl dns shows each; check dns64.forwarders, the host's resolv.conf, "
		      "and that port 53 may leave the host");
	if (!v->forwarders) {
		judge_say(f, DOCTOR_BROKEN, "there is no forwarder");
	} else if (a->state == DOCTOR_NOT_ASKED ||
		   (a->state == DOCTOR_ANSWERED && a->rcode == RCODE_REFUSED)) {
		judge_say(f, DOCTOR_SKIPPED, "no question got as far");
		f->remedy[0] = '\0';
	} else if (a->state == DOCTOR_NO_ANSWER || a->rcode == RCODE_SERVFAIL) {
		judge_say(f, DOCTOR_BROKEN, "no forwarder gives a useful answer");
	} else if (v->forwarders_silent) {
		judge_say(f, DOCTOR_WARN, "%zu of %zu forwarders do not answer",
			  v->forwarders_silent, v->forwarders);
	} else {
		judge_say(f, DOCTOR_OK, "a fresh question was answered");
		f->remedy[0] = '\0';
	}
}

static void judge_name(const struct doctor_view *v, struct doctor_finding *f)
{
	const struct doctor_answer *a = &v->named;
	char text[ADDR_TEXT_LEN];

	if (a->state != DOCTOR_ANSWERED) {
		judge_say(f, DOCTOR_BROKEN, "%.100s: no answer", v->target_name);
		judge_mend(f, "v6gwctl dns query %.100s", v->target_name);
	} else if (!a->has_aaaa) {
		judge_say(f, DOCTOR_BROKEN, "%.100s has no address for the guest: %s",
			  v->target_name, a->why);
		judge_mend(f, "v6gwctl dns query %.100s tells each decision", v->target_name);
	} else if (!a->is_translated) {
		judge_say(f, DOCTOR_WARN, "%.100s has IPv6, %s: it is reached without NAT64",
			  v->target_name, addr_text(&a->aaaa, text));
		judge_mend(f, "give a TARGET that has IPv4 alone");
	} else {
		judge_say(f, DOCTOR_OK, "%.100s is %s", v->target_name,
			  pref64_text(&v->eff->config->nat64.prefix, &a->aaaa, text));
	}
}

void judge_target(const struct doctor_view *v, struct doctor_finding *f)
{
	char text[ADDR_TEXT_LEN];

	if (v->target_name && is_off(v, f))
		return;
	if (v->target_name)
		judge_name(v, f);
	else if (v->has_target)
		judge_say(f, DOCTOR_OK, "%s", addr4_text(v->target, text));
	else
		judge_say(f, DOCTOR_SKIPPED,
			  "no TARGET was given, and guests may reach neither the default "
			  "gateway nor a forwarder over IPv4");
}
