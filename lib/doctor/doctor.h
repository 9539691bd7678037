/* SPDX-License-Identifier: GPL-3.0-or-later */
/* doctor.h - judges each step of the way from a guest to the IPv4 internet (v6gwctl doctor).
 *
 * Gets what was measured, gives a sentence and a remedy; measures nothing.
 */
#pragma once

#include "config/effective.h"
#include "doctor/filter.h"
#include "doctor/steps.h"

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BROKEN, DOCTOR_SKIPPED };

#define DOCTOR_TEXT   320
#define DOCTOR_REMEDY 640 /* more than one line where a firewall has to be told */

struct doctor_finding {
	enum doctor_state state;
	char text[DOCTOR_TEXT], remedy[DOCTOR_REMEDY];
};

/* What the kernel says it would do with a packet. */
struct doctor_route {
	bool asked;
	int error;     /* 0, or -errno: -EXDEV reverse path filtering refuses the source */
	uint32_t link; /* where it would leave by */
};

/* An interface that is advertised on. */
struct doctor_ra {
	const char *name, *state; /* "steady": as GetRa has it */
	bool runs;
	uint64_t sent;
	const char *withheld; /* plane whose routes or resolvers are not announced, or NULL */
	struct in6_addr against; /* another router that contradicts us; :: none */
};

/* A question that was asked as the guest. */
struct doctor_answer {
	enum { DOCTOR_NOT_ASKED, DOCTOR_NO_ANSWER, DOCTOR_ANSWERED } state;
	unsigned rcode;
	bool has_aaaa, is_translated; /* the first AAAA; inside the prefix */
	struct in6_addr aaaa;
	char why[160]; /* the decision that made it so, or "" */
};

/* One ping through the translator, and the same directly. */
struct doctor_echo {
	struct in_addr target;
	bool sent, back, direct_sent, direct_back;
};

/* What FORWARD of iptables-legacy does: its rules are not read. */
enum doctor_legacy {
	DOCTOR_LEGACY_UNKNOWN = -1,
	DOCTOR_LEGACY_ACCEPTS,
	DOCTOR_LEGACY_DROPS, /* by its policy */
	DOCTOR_LEGACY_RULES
};

#define DOCTOR_ECHOES 3
#define DOCTOR_RAS    8

/* A process that v6gwctl saw, or a file. */
struct doctor_process {
	char name[16], unit[64];
	uint32_t pid;
};

struct doctor_seen {
	bool processes_known;                /* v6gwctl could look */
	struct doctor_process tayga, radvd;  /* pid 0: none */
	bool legacy_known, legacy4, legacy6; /* a filter table exists */
	bool saved_known;
	char saved[96]; /* a file that names table v6gwd, or "" */
};

struct doctor_view {
	const struct effective *eff;
	const struct facts *facts;
	const char *file;
	bool stale;
	uint64_t uptime_s;
	struct reasons reasons; /* of v6gwd, worst first */
	struct doctor_seen seen;

	bool has_guest, guest_has_mac;
	struct in6_addr guest;  /* without has_guest: the host's address on the guests' link */
	const char *guest_name; /* as asked for; without has_guest and not "": nobody's */
	uint8_t guest_mac[ADDR_MAC_LEN];
	uint32_t guest_link; /* that the guest is on, 0: none of them */

	const char *target_name; /* as given, where it is a name; or NULL */
	bool has_target;
	struct in_addr target; /* given, or found by its name, or chosen */

	struct fact_hearing hearing[DOCTOR_RAS]; /* of eff->ra[i] */
	struct doctor_ra ra[DOCTOR_RAS];
	size_t n_ra;

	size_t dns_bound;
	struct reasons dns_listen;
	uint64_t dns_last_ms; /* since the guest's last question; UINT64_MAX: none seen */
	struct doctor_answer arpa, forwarded, named;
	size_t forwarders, forwarders_silent;

	uint32_t tun;         /* its link, 0: none */
	int tun_error;        /* why, 0 or -errno */
	struct reasons unmet; /* routes that cannot be made */
	struct doctor_route to_tun, to_guest, to_uplink, from_uplink;
	struct doctor_route to_pool, to_target; /* of the host's own packets */
	uint64_t rp_dropped;   /* packets of any link, by reverse path filtering, meanwhile */
	int rp_tun, rp_uplink; /* 1 strict, 2 loose, 0 off, -1 not known */
	bool has_mapping, mapping_dormant;
	struct in_addr mapping;
	uint64_t packets[2]; /* of the mapping, IPv6 to IPv4 and back */
	uint32_t pool_active, pool_size;
	bool masquerade_present;
	bool nat_of_others; /* somebody else's rules translate sources */

	const struct filter *filter; /* NULL: could not be read */
	enum doctor_legacy legacy4, legacy6;
	uint64_t conntrack_count, conntrack_max; /* max 0: no connection tracking */
	struct doctor_echo echoes[DOCTOR_ECHOES];
	size_t n_echoes;
};

const char *doctor_state_text(enum doctor_state);

/* What is the matter with one step. */
void doctor_judge(enum doctor_step, const struct doctor_view *, struct doctor_finding *);

/* Whom to ping where no target is given: the IPv4 default gateway and IPv4 forwarders, as far
 * as guests may reach them; how many. */
size_t doctor_targets(const struct effective *, const struct facts *,
		      struct in_addr out[DOCTOR_ECHOES]);

/* Reads an answer to a question for AAAA. */
void doctor_read_answer(const uint8_t *msg, size_t len, const struct pref64 *prefix,
			struct doctor_answer *out);
