/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge.h - what the files of lib/doctor share. */
#pragma once

#include "doctor/doctor.h"

typedef void judge_fn(const struct doctor_view *, struct doctor_finding *);

/* The sentence, and how to mend it. */
void judge_say(struct doctor_finding *, enum doctor_state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void judge_mend(struct doctor_finding *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A reason of v6gwd, "what is wrong (remedy)". */
void judge_reason(struct doctor_finding *, enum doctor_state, const char *reason);

/* What the kernel would not do. */
const char *judge_error(int error);

/* The name of a link, "?" where it is not known. */
const char *judge_link(const struct doctor_view *, uint32_t index);

/* The guests' link that matters here; NULL: none exists. */
const struct eff_iface *judge_iface(const struct doctor_view *);

/* Who asks, for people: "the host" without a guest. */
const char *judge_who(const struct doctor_view *, char out[ADDR_TEXT_LEN]);

judge_fn judge_config, judge_interface, judge_uplink, judge_tayga, judge_radvd, judge_accept_ra,
	judge_advertisement, judge_guest_prefix, judge_guest_neighbour, judge_health;
judge_fn judge_dns_port, judge_dns_questions, judge_dns_answer, judge_forwarders, judge_target;
judge_fn judge_filter_input, judge_filter_ipv6, judge_filter_ipv4, judge_filter_legacy,
	judge_saved_rules;
judge_fn judge_tun, judge_route_ipv6, judge_forwarding, judge_client, judge_destination,
	judge_mapping, judge_route_ipv4, judge_rp_filter, judge_masquerade, judge_conntrack,
	judge_mtu, judge_echo, judge_traffic;
