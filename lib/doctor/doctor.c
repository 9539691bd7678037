/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor.c - the table of steps, and what all judgements need. */
#include "doctor.h"

#include "judge.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct doctor_step_text doctor_steps[DOCTOR_STEP_COUNT] = {
#define X(name, id, plane, text, clause) [DOCTOR_##name] = { id, plane, text, clause },
	DOCTOR_STEPS(X)
#undef X
};

static judge_fn *const judges[DOCTOR_STEP_COUNT] = {
	[DOCTOR_CONFIG] = judge_config,
	[DOCTOR_INTERFACE] = judge_interface,
	[DOCTOR_UPLINK] = judge_uplink,
	[DOCTOR_TAYGA] = judge_tayga,
	[DOCTOR_RADVD] = judge_radvd,
	[DOCTOR_ACCEPT_RA] = judge_accept_ra,
	[DOCTOR_ADVERTISEMENT] = judge_advertisement,
	[DOCTOR_GUEST_PREFIX] = judge_guest_prefix,
	[DOCTOR_GUEST_NEIGHBOUR] = judge_guest_neighbour,
	[DOCTOR_FILTER_INPUT] = judge_filter_input,
	[DOCTOR_DNS_PORT] = judge_dns_port,
	[DOCTOR_DNS_QUESTIONS] = judge_dns_questions,
	[DOCTOR_DNS_ANSWER] = judge_dns_answer,
	[DOCTOR_FORWARDERS] = judge_forwarders,
	[DOCTOR_TARGET] = judge_target,
	[DOCTOR_TUN] = judge_tun,
	[DOCTOR_ROUTE_IPV6] = judge_route_ipv6,
	[DOCTOR_FORWARDING] = judge_forwarding,
	[DOCTOR_FILTER_IPV6] = judge_filter_ipv6,
	[DOCTOR_CLIENT] = judge_client,
	[DOCTOR_DESTINATION] = judge_destination,
	[DOCTOR_MAPPING] = judge_mapping,
	[DOCTOR_ROUTE_IPV4] = judge_route_ipv4,
	[DOCTOR_RP_FILTER] = judge_rp_filter,
	[DOCTOR_FILTER_IPV4] = judge_filter_ipv4,
	[DOCTOR_FILTER_LEGACY] = judge_filter_legacy,
	[DOCTOR_MASQUERADE] = judge_masquerade,
	[DOCTOR_CONNTRACK] = judge_conntrack,
	[DOCTOR_MTU] = judge_mtu,
	[DOCTOR_ECHO] = judge_echo,
	[DOCTOR_TRAFFIC] = judge_traffic,
	[DOCTOR_SAVED_RULES] = judge_saved_rules,
	[DOCTOR_HEALTH] = judge_health,
};

const char *doctor_state_text(enum doctor_state state)
{
	switch (state) {
	case DOCTOR_OK:
		return "ok";
	case DOCTOR_WARN:
		return "warn";
	case DOCTOR_BROKEN:
		return "broken";
	case DOCTOR_SKIPPED:
		return "skipped";
	}
	return "";
}

void judge_say(struct doctor_finding *f, enum doctor_state state, const char *fmt, ...)
{
	va_list ap;

	f->state = state;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
}

void judge_mend(struct doctor_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof f->remedy, fmt, ap);
	va_end(ap);
}

/* The bracket that the last one closes, or NULL. */
static const char *opening(const char *text, const char *end)
{
	int open = 0;

	while (end-- > text) {
		open += (*end == ')') - (*end == '(');
		if (!open)
			return end;
	}
	return NULL;
}

void judge_reason(struct doctor_finding *f, enum doctor_state state, const char *reason)
{
	size_t len = strlen(reason);
	const char *remedy =
		len && reason[len - 1] == ')' ? opening(reason, reason + len) : NULL;

	if (!remedy || remedy == reason) {
		judge_say(f, state, "%s", reason);
		return;
	}
	judge_say(f, state, "%.*s", (int)(remedy - reason - 1), reason);
	judge_mend(f, "%.*s", (int)(reason + len - remedy - 2), remedy + 1);
}

const char *judge_error(int error)
{
	switch (-error) {
	case ENETUNREACH:
		return "no route";
	case EHOSTUNREACH:
		return "unreachable, or forwarding is off";
	case EACCES:
		return "a route prohibits it";
	case EINVAL:
		return "a route drops it, or the source is not a host's";
	case EXDEV:
		return "reverse path filtering refuses the source";
	default:
		return "the kernel refuses";
	}
}

const char *judge_link(const struct doctor_view *v, uint32_t index)
{
	const struct fact_link *link = facts_link_at(v->facts, index);

	return link ? link->name : "?";
}

const struct eff_iface *judge_iface(const struct doctor_view *v)
{
	const struct eff_iface *first = NULL;

	for (size_t i = 0; i < v->eff->n_ifaces; i++) {
		const struct eff_iface *e = &v->eff->ifaces[i];

		if (e->index && e->index == v->guest_link)
			return e;
		if (e->index && !first)
			first = e;
	}
	return first;
}

const char *judge_who(const struct doctor_view *v, char out[ADDR_TEXT_LEN])
{
	return v->has_guest ? addr_text(&v->guest, out) : "the host";
}

static void add_target(const struct effective *eff, struct in_addr addr,
		       struct in_addr out[DOCTOR_ECHOES], size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		if (out[i].s_addr == addr.s_addr)
			return;
	if (*n < DOCTOR_ECHOES && !addr4_is_never(addr) &&
	    acl_allows_v4(&eff->nat64.destinations, addr))
		out[(*n)++] = addr;
}

size_t doctor_targets(const struct effective *eff, const struct facts *facts,
		      struct in_addr out[DOCTOR_ECHOES])
{
	size_t n = 0;

	for (size_t i = 0; i < facts->n_routes; i++)
		if (facts->routes[i].v4 && addr_is_v4(&facts->routes[i].gateway))
			add_target(eff, addr_v4(&facts->routes[i].gateway), out, &n);
	for (size_t i = 0; i < eff->dns64.forwarders.n; i++)
		if (addr_is_v4(&eff->dns64.forwarders.v[i].addr))
			add_target(eff, addr_v4(&eff->dns64.forwarders.v[i].addr), out, &n);
	return n;
}

void doctor_judge(enum doctor_step step, const struct doctor_view *v, struct doctor_finding *f)
{
	memset(f, 0, sizeof *f);
	judges[step](v, f);
}
