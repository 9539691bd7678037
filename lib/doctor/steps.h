/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.h - what v6gwctl doctor looks at, in the order in which a packet meets it: one row
 * each.
 *
 * X(NAME, "id", "plane", "what is checked", "clause").
 */
#pragma once

/* clang-format off */
#define DOCTOR_STEPS(X)                                                                        \
	X(CONFIG, "config", "gateway", "the file is the configuration in force", "")           \
	X(INTERFACE, "interface", "gateway", "the guests' link exists, is up, and has a "      \
	  "global IPv6 address", "")                                                           \
	X(UPLINK, "uplink", "nat64", "there is an IPv4 default route over a link that is up",  \
	  "")                                                                                  \
	X(TAYGA, "tayga", "nat64", "no tayga runs beside v6gwd", "")                           \
	X(RADVD, "radvd", "ra", "no radvd runs beside v6gwd", "")                              \
	X(ACCEPT_RA, "accept-ra", "ra", "the host follows no guest's advertisements",          \
	  "RFC 4861 6.2.1")                                                                    \
	X(ADVERTISEMENT, "advertisement", "ra", "advertisements go out, with all they should " \
	  "say, and nobody contradicts them", "RFC 4861 6.2")                                  \
	X(GUEST_PREFIX, "guest-prefix", "ra", "the guest's address is in a prefix of its link", \
	  "RFC 4862 5.5.3")                                                                    \
	X(GUEST_NEIGHBOUR, "guest-neighbour", "ra", "the kernel knows the guest as a "         \
	  "neighbour", "RFC 4861 7.2")                                                         \
	X(FILTER_INPUT, "filter-input", "dns64", "the host's firewall lets the guests' "       \
	  "questions and neighbour discovery in", "RFC 4890 4.4")                              \
	X(DNS_PORT, "dns-port", "dns64", "every address to listen on is bound", "")            \
	X(DNS_QUESTIONS, "dns-questions", "dns64", "the guest asks v6gwd", "RFC 8106 5.1")     \
	X(DNS_ANSWER, "dns-answer", "dns64", "the guest is answered, with synthesised "        \
	  "addresses", "RFC 7050 3, RFC 6147 5.1")                                             \
	X(FORWARDERS, "forwarders", "dns64", "a forwarder answers", "RFC 6147 5.1")            \
	X(TARGET, "target", "dns64", "the target's name has an address for the guest",         \
	  "RFC 6147 5.1")                                                                      \
	X(TUN, "tun", "nat64", "the TUN device is there, up, and ours", "")                    \
	X(ROUTE_IPV6, "route-ipv6", "nat64", "the kernel leads the prefix into the TUN "       \
	  "device, and answers back to the guest", "")                                         \
	X(FORWARDING, "forwarding", "nat64", "the kernel forwards IPv4 and IPv6", "")          \
	X(FILTER_IPV6, "filter-ipv6", "nat64", "the host's firewall forwards between the "     \
	  "guests and the TUN device", "")                                                     \
	X(CLIENT, "client", "nat64", "the guest is one of nat64.clients", "RFC 4443 3.1")      \
	X(DESTINATION, "destination", "nat64", "the target is one of nat64.destinations",      \
	  "RFC 6052 3.1")                                                                      \
	X(MAPPING, "mapping", "nat64", "the guest has, or can get, an IPv4 address",           \
	  "RFC 6146 3.5.1.1")                                                                  \
	X(ROUTE_IPV4, "route-ipv4", "nat64", "the kernel forwards IPv4 from the pool to the "  \
	  "target", "")                                                                        \
	X(RP_FILTER, "rp-filter", "nat64", "reverse path filtering lets answers in",           \
	  "RFC 3704 2.2")                                                                      \
	X(FILTER_IPV4, "filter-ipv4", "nat64", "the host's firewall forwards between the TUN " \
	  "device and the uplink", "")                                                         \
	X(FILTER_LEGACY, "filter-legacy", "nat64", "iptables-legacy drops nothing that is "    \
	  "forwarded", "")                                                                     \
	X(MASQUERADE, "masquerade", "nat64", "what leaves the pool gets an address of the "    \
	  "host", "")                                                                          \
	X(CONNTRACK, "conntrack", "nat64", "the table of connections has room", "")            \
	X(MTU, "mtu", "nat64", "no MTU on the way is smaller than it has to be",               \
	  "RFC 7915 5.1, RFC 8200 5")                                                          \
	X(ECHO, "echo", "nat64", "a ping of the host through the translator comes back",       \
	  "RFC 7915 4.2, 5.2")                                                                 \
	X(TRAFFIC, "traffic", "nat64", "packets of the guest come, and answers go back", "")   \
	X(SAVED_RULES, "saved-rules", "nat64", "no saved ruleset names tables of v6gwd", "")   \
	X(HEALTH, "health", "gateway", "v6gwd has no other complaint", "")
/* clang-format on */

enum doctor_step {
#define X(name, id, plane, text, clause) DOCTOR_##name,
	DOCTOR_STEPS(X)
#undef X
		DOCTOR_STEP_COUNT
};

struct doctor_step_text {
	const char *id, *plane, *text, *clause;
};

extern const struct doctor_step_text doctor_steps[DOCTOR_STEP_COUNT];
