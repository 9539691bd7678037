/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reasons.h - every way a packet can end, one line each: counter, name, explanation, clause.
 *
 * X(ID, KIND, "name", "sentence", "clause").  nat64_input() returns exactly one reason of kind
 * SIX_TO_FOUR, FOUR_TO_SIX, ANSWERED or DROPPED for each packet.  NOTE counts something beside
 * it: what became of the ICMP error that the packet called for.
 */
#pragma once

/* clang-format off */
#define NAT64_REASONS(X)                                                                       \
	X(OK_64, SIX_TO_FOUR, "v6-to-v4",                                                      \
	  "translated from IPv6 to IPv4", "RFC 7915 5.1")                                      \
	X(OK_64_SPLIT, SIX_TO_FOUR, "v6-to-v4-split",                                          \
	  "translated to IPv4 and fragmented there, because it came as a fragment larger "     \
	  "than the MTU", "RFC 7915 5.1.1")                                                    \
	X(OK_64_ODD, SIX_TO_FOUR, "v6-to-v4-odd-fragment",                                     \
	  "translated as it stands: a fragment, not the last, whose length is no multiple of " \
	  "8 (the receiver will reject it)", "RFC 8200 4.5")                                   \
	X(OK_64_ERROR, SIX_TO_FOUR, "v6-to-v4-error",                                          \
	  "an ICMPv6 error translated to ICMPv4", "RFC 7915 5.2")                              \
	X(OK_46, FOUR_TO_SIX, "v4-to-v6",                                                      \
	  "translated from IPv4 to IPv6", "RFC 7915 4.1")                                      \
	X(OK_46_SPLIT, FOUR_TO_SIX, "v4-to-v6-split",                                          \
	  "translated to IPv6 and fragmented there: without DF, larger than fragment_mtu",     \
	  "RFC 7915 4.1")                                                                      \
	X(OK_46_ODD, FOUR_TO_SIX, "v4-to-v6-odd-fragment",                                     \
	  "translated as it stands: a fragment, not the last, whose length is no multiple of " \
	  "8 (the receiver will reject it)", "RFC 8200 4.5")                                   \
	X(OK_46_ERROR, FOUR_TO_SIX, "v4-to-v6-error",                                          \
	  "an ICMPv4 error translated to ICMPv6", "RFC 7915 4.2")                              \
	X(HAIRPIN, SIX_TO_FOUR, "hairpin",                                                     \
	  "from one guest to the IPv4 address of another: translated twice in one step",       \
	  "RFC 7757 4.2.2")                                                                    \
	X(HAIRPIN_ERROR, SIX_TO_FOUR, "hairpin-error",                                         \
	  "an ICMPv6 error about a packet between two guests, given back to its sender",       \
	  "RFC 7757 4.2.2")                                                                    \
	X(ECHO6, ANSWERED, "echo-answered-v6",                                                 \
	  "a ping to the translator's own IPv6 address, answered", "RFC 4443 4.2")             \
	X(ECHO4, ANSWERED, "echo-answered-v4",                                                 \
	  "a ping to the translator's own IPv4 address, answered", "RFC 1122 3.2.2.6")         \
	                                                                                       \
	X(RUNT, DROPPED, "runt",                                                               \
	  "shorter than an IP header", "RFC 8200 3")                                           \
	X(VERSION, DROPPED, "version",                                                         \
	  "neither IPv4 nor IPv6", "RFC 8200 3")                                               \
	X(FRAME, DROPPED, "frame",                                                             \
	  "a frame to be cut, or whose checksum is to be completed, that is neither TCP nor "  \
	  "UDP as the kernel says, or to be cut into more than 1,024 packets",                 \
	  "VIRTIO 5.1.6.2")                                                                    \
	X(V6_LENGTH, DROPPED, "v6-length",                                                     \
	  "the IPv6 payload length says more than there is", "RFC 8200 3")                     \
	X(V6_EXTENSION, DROPPED, "v6-extension",                                               \
	  "an IPv6 extension header ends beyond the packet (or a jumbogram)", "RFC 8200 4")    \
	X(V4_HEADER_LENGTH, DROPPED, "v4-header-length",                                       \
	  "the IPv4 header length is below 20 or beyond the packet", "RFC 791 3.1")            \
	X(V4_LENGTH, DROPPED, "v4-length",                                                     \
	  "the IPv4 total length says more than there is, or less than its header",            \
	  "RFC 791 3.1")                                                                       \
	X(V4_CHECKSUM, DROPPED, "v4-checksum",                                                 \
	  "the IPv4 header checksum is wrong", "RFC 1812 5.2.2")                               \
	X(V4_OPTIONS, DROPPED, "v4-options",                                                   \
	  "an IPv4 option with an impossible length", "RFC 791 3.1")                           \
	X(V4_SOURCE_ROUTE, DROPPED, "v4-source-route",                                         \
	  "an IPv4 source route with hops left; ICMPv4 3/5", "RFC 7915 4.1")                   \
	X(V6_ROUTING, DROPPED, "v6-routing-header",                                            \
	  "an IPv6 routing header with segments left; ICMPv6 4/0", "RFC 7915 5.1")             \
	X(V6_FRAGMENT_CHAIN, DROPPED, "v6-fragment-chain",                                     \
	  "an extension header behind the fragment header; ICMPv6 1/1", "RFC 7915 5.1.1")      \
	X(V6_FRAGMENT_END, DROPPED, "v6-fragment-end",                                         \
	  "an IPv6 fragment that ends beyond 65,535 bytes", "RFC 8200 4.5")                    \
	X(V4_FRAGMENT_END, DROPPED, "v4-fragment-end",                                         \
	  "an IPv4 fragment that ends beyond 65,535 bytes", "RFC 791 3.2")                     \
	                                                                                       \
	X(V6_SOURCE, DROPPED, "v6-source",                                                     \
	  "a source that is no unicast address of a guest: ::, ::1, multicast, link-local, "   \
	  "::/96, ::ffff:0:0/96", "RFC 6146 3.5")                                              \
	X(V6_SOURCE_OWN, DROPPED, "v6-source-own",                                             \
	  "the source is the translator's own IPv6 address", "RFC 6146 3.5")                   \
	X(V6_SOURCE_IN_PREFIX, DROPPED, "v6-source-in-prefix",                                 \
	  "the source lies in the NAT64 prefix: would loop", "RFC 6146 3.5")                   \
	X(CLIENT_REFUSED, DROPPED, "client-refused",                                           \
	  "the source is not in nat64.clients; ICMPv6 1/1", "RFC 4443 3.1")                    \
	X(V6_MULTICAST, DROPPED, "v6-multicast",                                               \
	  "an IPv6 multicast destination", "RFC 7915 1.1")                                     \
	X(V6_NO_ROUTE, DROPPED, "v6-no-route",                                                 \
	  "the destination is in neither the NAT64 prefix nor a map; ICMPv6 1/0",              \
	  "RFC 7915 5.1")                                                                      \
	X(V6_TO_NEVER, DROPPED, "v6-to-never",                                                 \
	  "the destination stands for an IPv4 address that is never translated: 0/8, 127/8, "  \
	  "169.254/16, 224/4, 255.255.255.255", "RFC 7915 1.1")                                \
	X(DESTINATION_REFUSED, DROPPED, "destination-refused",                                 \
	  "the IPv4 destination is not in nat64.destinations (with 64:ff9b::/96: is not "      \
	  "global); ICMPv6 1/1", "RFC 6052 3.1")                                               \
	X(V6_TO_UNASSIGNED, DROPPED, "v6-to-unassigned",                                       \
	  "from a guest to an address of the pool that nobody has; ICMPv6 1/3",                \
	  "RFC 4443 3.1")                                                                      \
	X(V6_TO_EDGE, DROPPED, "v6-to-pool-edge",                                              \
	  "from a guest to the first or last address of a pool", "RFC 1812 5.3.5")             \
	X(HOP_LIMIT, DROPPED, "hop-limit",                                                     \
	  "the hop limit ends here; ICMPv6 3/0", "RFC 7915 5.1")                               \
	X(HOP_LIMIT_ZERO, DROPPED, "hop-limit-zero",                                           \
	  "came with hop limit 0", "RFC 8200 3")                                               \
	X(POOL_EXHAUSTED, DROPPED, "pool-full",                                                \
	  "no IPv4 address left for this guest; ICMPv6 1/1", "RFC 6146 3.5.1.1")               \
	X(GUEST_MOVES, DROPPED, "guest-moves",                                                 \
	  "a new source of a guest that has max_mappings_per_guest, and gave up one for "      \
	  "another too often", "RFC 6146 4")                                                   \
	X(GUEST_UNHEARD, DROPPED, "guest-unheard",                                             \
	  "a new source of which nobody remembers who it is, as after a standstill: its next " \
	  "packet gets through", "RFC 6146 4")                                                 \
	X(V6_TOO_BIG, DROPPED, "v6-too-big",                                                   \
	  "larger than the next hop's MTU; ICMPv6 2/0", "RFC 7915 5.1")                        \
	                                                                                       \
	X(V4_SOURCE, DROPPED, "v4-source",                                                     \
	  "a source that is never translated: 0/8, 127/8, 169.254/16, 224/4, "                 \
	  "255.255.255.255", "RFC 1812 5.3.7")                                                 \
	X(V4_SOURCE_OWN, DROPPED, "v4-source-own",                                             \
	  "the source is the translator's own IPv4 address", "RFC 6146 3.5")                   \
	X(V4_SOURCE_IN_POOL, DROPPED, "v4-source-in-pool",                                     \
	  "the source lies in a pool: forged, or a loop of the host", "RFC 6146 3.5")          \
	X(V4_SOURCE_REFUSED, DROPPED, "v4-source-refused",                                     \
	  "the IPv4 source is not in nat64.destinations (with 64:ff9b::/96: is not global); "  \
	  "ICMPv4 3/13", "RFC 6052 3.1")                                                       \
	X(V4_TO_NEVER, DROPPED, "v4-to-never",                                                 \
	  "an IPv4 destination that is never translated: multicast, broadcast, 0/8, 127/8, "   \
	  "169.254/16", "RFC 7915 1.1")                                                        \
	X(V4_NO_ROUTE, DROPPED, "v4-no-route",                                                 \
	  "the destination is in neither a pool nor a map; ICMPv4 3/0", "RFC 1812 5.2.7.1")    \
	X(V4_UNASSIGNED, DROPPED, "v4-unassigned",                                             \
	  "an address of the pool that nobody has; ICMPv4 3/1", "RFC 6146 3.5.1.2")            \
	X(V4_DORMANT, DROPPED, "v4-dormant",                                                   \
	  "an address of the pool reserved for a guest that has long been silent; ICMPv4 3/1", \
	  "RFC 6146 3.5.1.2")                                                                  \
	X(V4_TO_EDGE, DROPPED, "v4-to-pool-edge",                                              \
	  "the first or last address of a pool", "RFC 1812 5.3.5")                             \
	X(TTL, DROPPED, "ttl",                                                                 \
	  "the TTL ends here; ICMPv4 11/0", "RFC 7915 4.1")                                    \
	X(TTL_ZERO, DROPPED, "ttl-zero",                                                       \
	  "came with TTL 0", "RFC 791 3.2")                                                    \
	X(V4_TOO_BIG, DROPPED, "v4-too-big",                                                   \
	  "DF is set and the result is larger than the next hop's MTU; ICMPv4 3/4",            \
	  "RFC 7915 4.1")                                                                      \
	                                                                                       \
	X(V6_ICMPV4, DROPPED, "v6-icmpv4",                                                     \
	  "ICMPv4 inside IPv6", "RFC 7915 5.1")                                                \
	X(V4_PROTOCOL, DROPPED, "v4-protocol",                                                 \
	  "an IPv4 protocol number that IPv6 uses for itself: 0, 43, 44, 58, 60",              \
	  "RFC 7915 4.1")                                                                      \
	X(IGMP, DROPPED, "igmp",                                                               \
	  "IGMP has no counterpart", "RFC 7915 4.2")                                           \
	X(V6_ICMP_FRAGMENT, DROPPED, "v6-icmp-fragment",                                       \
	  "a fragment of an ICMPv6 message: its checksum cannot be translated",                \
	  "RFC 7915 1.2")                                                                      \
	X(V4_ICMP_FRAGMENT, DROPPED, "v4-icmp-fragment",                                       \
	  "a fragment of an ICMPv4 message: its checksum cannot be translated",                \
	  "RFC 7915 1.2")                                                                      \
	X(V6_ICMP_TYPE, DROPPED, "v6-icmp-type",                                               \
	  "an ICMPv6 type without a counterpart", "RFC 7915 5.2")                              \
	X(V4_ICMP_TYPE, DROPPED, "v4-icmp-type",                                               \
	  "an ICMPv4 type without a counterpart", "RFC 7915 4.2")                              \
	X(TCP_SHORT, DROPPED, "tcp-short",                                                     \
	  "TCP without a whole header", "RFC 9293 3.1")                                        \
	X(UDP_SHORT, DROPPED, "udp-short",                                                     \
	  "UDP without a whole header", "RFC 768")                                             \
	X(TINY_FRAGMENT, DROPPED, "tiny-fragment",                                             \
	  "a first fragment without the whole TCP or UDP header", "RFC 3128")                  \
	X(V6_UDP_ZERO, DROPPED, "v6-udp-zero-checksum",                                        \
	  "IPv6 UDP without a checksum", "RFC 8200 8.1")                                       \
	X(V4_UDP_ZERO, DROPPED, "v4-udp-zero-checksum",                                        \
	  "IPv4 UDP without a checksum, and udp_zero_checksum is \"drop\"; ICMPv4 3/13",       \
	  "RFC 7915 4.5")                                                                      \
	X(V4_UDP_ZERO_FRAGMENT, DROPPED, "v4-udp-zero-checksum-fragment",                      \
	  "the first fragment of IPv4 UDP without a checksum: it cannot be computed",          \
	  "RFC 7915 4.5")                                                                      \
	X(V4_UDP_LENGTH, DROPPED, "v4-udp-length",                                             \
	  "IPv4 UDP without a checksum, whose length field is wrong", "RFC 768")               \
	                                                                                       \
	X(V6_ICMP_SHORT, DROPPED, "v6-icmp-short",                                             \
	  "ICMPv6 without a whole header", "RFC 4443 2.1")                                     \
	X(V4_ICMP_SHORT, DROPPED, "v4-icmp-short",                                             \
	  "ICMPv4 without a whole header", "RFC 792")                                          \
	X(V6_ICMP_CHECKSUM, DROPPED, "v6-icmp-checksum",                                       \
	  "an ICMPv6 error, or a ping to the translator, with a wrong checksum",               \
	  "RFC 4443 2.3")                                                                      \
	X(V4_ICMP_CHECKSUM, DROPPED, "v4-icmp-checksum",                                       \
	  "an ICMPv4 error, or a ping to the translator, with a wrong checksum",               \
	  "RFC 1122 3.2.2")                                                                    \
	X(V6_ICMP_CODE, DROPPED, "v6-icmp-code",                                               \
	  "an ICMPv6 error whose code has no counterpart", "RFC 7915 5.2")                     \
	X(V4_ICMP_CODE, DROPPED, "v4-icmp-code",                                               \
	  "an ICMPv4 error whose code has no counterpart", "RFC 7915 4.2")                     \
	X(V6_ICMP_POINTER, DROPPED, "v6-icmp-pointer",                                         \
	  "an ICMPv6 parameter problem at a field that IPv4 does not have",                    \
	  "RFC 7915 5.2 figure 6")                                                             \
	X(V4_ICMP_POINTER, DROPPED, "v4-icmp-pointer",                                         \
	  "an ICMPv4 parameter problem at a field that IPv6 does not have",                    \
	  "RFC 7915 4.2 figure 3")                                                             \
	X(V6_INNER, DROPPED, "v6-inner",                                                       \
	  "an ICMPv6 error that quotes no readable IPv6 header", "RFC 7915 5.3")               \
	X(V4_INNER, DROPPED, "v4-inner",                                                       \
	  "an ICMPv4 error that quotes no readable IPv4 header", "RFC 7915 4.3")               \
	X(V6_INNER_NESTED, DROPPED, "v6-inner-nested",                                         \
	  "an ICMPv6 error about an ICMPv6 error", "RFC 7915 5.3")                             \
	X(V4_INNER_NESTED, DROPPED, "v4-inner-nested",                                         \
	  "an ICMPv4 error about an ICMPv4 error", "RFC 7915 4.3")                             \
	X(V6_INNER_PROTOCOL, DROPPED, "v6-inner-protocol",                                     \
	  "an ICMPv6 error about a packet that is never translated", "RFC 7915 5.3")           \
	X(V4_INNER_PROTOCOL, DROPPED, "v4-inner-protocol",                                     \
	  "an ICMPv4 error about a packet that is never translated", "RFC 7915 4.3")           \
	X(V6_INNER_SOURCE, DROPPED, "v6-inner-source",                                         \
	  "an ICMPv6 error that goes to another address than the quoted packet came from: "    \
	  "forged", "RFC 5508 3.2")                                                            \
	X(V4_INNER_SOURCE, DROPPED, "v4-inner-source",                                         \
	  "an ICMPv4 error that goes to another address than the quoted packet came from: "    \
	  "forged", "RFC 5508 3.2")                                                            \
	X(V6_INNER_UNMAPPED, DROPPED, "v6-inner-unmapped",                                     \
	  "an ICMPv6 error about a packet to an address that has no mapping",                  \
	  "RFC 7915 5.3")                                                                      \
	X(V4_INNER_UNMAPPED, DROPPED, "v4-inner-unmapped",                                     \
	  "an ICMPv4 error about a packet to an address that is never translated",             \
	  "RFC 7915 4.3")                                                                      \
	X(V6_ERROR_SOURCE, DROPPED, "v6-error-source",                                         \
	  "an ICMPv6 error from a router without a mapping, and the translator has no IPv4 "   \
	  "address of its own to stand for it", "RFC 6791 3")                                  \
	                                                                                       \
	X(OWN6_ECHO_LIMITED, DROPPED, "own-v6-echo-limited",                                   \
	  "a ping to the translator's own IPv6 address from one of too many who are no "       \
	  "neighbours", "RFC 6583")                                                            \
	X(OWN6_ICMP, DROPPED, "own-v6-icmp",                                                   \
	  "ICMPv6 to the translator itself, not an echo request", "RFC 4443 2.4")              \
	X(OWN4_ICMP, DROPPED, "own-v4-icmp",                                                   \
	  "ICMPv4 to the translator itself, not an echo request", "RFC 1122 3.2.2")            \
	X(OWN6_FRAGMENT, DROPPED, "own-v6-fragment",                                           \
	  "a fragment to the translator itself", "RFC 8200 4.5")                               \
	X(OWN4_FRAGMENT, DROPPED, "own-v4-fragment",                                           \
	  "a fragment to the translator itself", "RFC 791 3.2")                                \
	X(OWN6_TCP, DROPPED, "own-v6-tcp",                                                     \
	  "TCP to the translator itself", "RFC 9293 3.5.2")                                    \
	X(OWN4_TCP, DROPPED, "own-v4-tcp",                                                     \
	  "TCP to the translator itself", "RFC 9293 3.5.2")                                    \
	X(OWN6_UDP, DROPPED, "own-v6-udp",                                                     \
	  "UDP to the translator itself; ICMPv6 1/4", "RFC 4443 3.1")                          \
	X(OWN4_UDP, DROPPED, "own-v4-udp",                                                     \
	  "UDP to the translator itself; ICMPv4 3/3", "RFC 1122 3.2.2.1")                      \
	X(OWN6_PROTOCOL, DROPPED, "own-v6-protocol",                                           \
	  "another protocol to the translator itself; ICMPv6 4/1", "RFC 4443 3.4")             \
	X(OWN4_PROTOCOL, DROPPED, "own-v4-protocol",                                           \
	  "another protocol to the translator itself; ICMPv4 3/2", "RFC 1122 3.2.2.1")         \
	                                                                                       \
	X(ERROR6_SENT, NOTE, "error-sent-v6",                                                  \
	  "ICMPv6 errors sent about packets dropped above", "RFC 4443 2.4")                    \
	X(ERROR4_SENT, NOTE, "error-sent-v4",                                                  \
	  "ICMPv4 errors sent about packets dropped above", "RFC 1812 4.3.2")                  \
	X(ERROR_LIMITED, NOTE, "error-limited",                                                \
	  "ICMP errors not sent: more than icmp_error_rate", "RFC 4443 2.4(f)")                \
	X(ERROR_BARRED, NOTE, "error-barred",                                                  \
	  "ICMP errors not sent: never about an ICMP error, a later fragment, a multicast "    \
	  "destination, or to a source that is no host", "RFC 4443 2.4(e)")                    \
	X(ERROR_NO_ADDRESS, NOTE, "error-no-address",                                          \
	  "ICMP errors not sent: the translator has no address of its own in that family",     \
	  "RFC 7915 4.4")
/* clang-format on */

enum nat64_kind {
	NAT64_SIX_TO_FOUR, /* hairpin included */
	NAT64_FOUR_TO_SIX,
	NAT64_ANSWERED,
	NAT64_DROPPED,
	NAT64_NOTE,
};

enum nat64_reason {
#define X(id, kind, name, text, rfc) NAT64_##id,
	NAT64_REASONS(X)
#undef X
		NAT64_REASON_COUNT,
	NAT64_GO_ON = NAT64_REASON_COUNT, /* from one step to the next: nothing is wrong yet */
};

struct nat64_reason_text {
	const char *name, *text, *rfc;
	enum nat64_kind kind;
};

extern const struct nat64_reason_text nat64_reason_texts[NAT64_REASON_COUNT];
