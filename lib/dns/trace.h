/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace.h - why a question was answered as it was: the decisions of the engine, told as it
 * takes them for a client that is traced (struct dns_client), and to nobody else.
 *
 * A row of the table is all there is of a reason: where a decision is taken its row is named
 * with what it was about; text and clause are made of that for whoever shows them.
 */
#pragma once

#include "base/acl.h"
#include "counters.h"
#include "resolve.h"

#include <netinet/in.h>
#include <stdint.h>

/* X(NAME, "id", "RFC clause", "sentence"): {name}, {type}, {addr}, {real}, {made}, {entry},
 * {net}, {n}, {zone}, {code} and {from} are replaced by what struct dns_step says. */
#define DNS_WHYS(X)                                                                            \
	X(CLIENT_ALLOWED, "client.allowed", "",                                                \
	  "{addr} may ask: {entry} in dns64.allow_query")                                      \
	X(CLIENT_REFUSED, "client.refused", "RFC 8914 4.19",                                   \
	  "{addr} may not ask: {entry} in dns64.allow_query")                                  \
	X(DNS64_ON, "dns64.on", "RFC 6147 5.1",                                                \
	  "synthesis is for this client: {entry} in dns64.clients")                            \
	X(DNS64_NOT_CLIENT, "dns64.not_client", "RFC 6147 5.1",                                \
	  "no synthesis for this client: {entry} in dns64.clients")                            \
	X(DNS64_NOT_NAME, "dns64.not_name", "",                                                \
	  "no synthesis for this name: {name} in dns64.exclude_names")                         \
	X(DNS64_NOT_CD, "dns64.not_cd", "RFC 6147 5.5",                                        \
	  "no synthesis with CD=1: the client validates by itself")                            \
	X(DNS64_NOT_TYPE, "dns64.not_type", "RFC 6147 5.3.3",                                  \
	  "{type} is not synthesised, only AAAA is")                                           \
	X(DNS64_DO, "dns64.do", "RFC 6147 5.5",                                                \
	  "DO=1: signatures are asked for and passed on; what is synthesised has none")        \
	X(PTR_MAPPED, "ptr.mapped", "RFC 6147 5.3.1",                                          \
	  "{addr} is inside the NAT64 prefix: what {name} has is the answer")                  \
	X(ANY_MINIMAL, "any.minimal", "RFC 8482 4.2", "ANY gets one record of ours")           \
	X(NAME_LOCAL, "name.local", "", "{name} {type}: the name is in dns64.local")           \
	X(NAME_SPECIAL, "name.special", "RFC 6761, RFC 6303, RFC 8880",                        \
	  "{name} {type}: a special name, answered here and asked of nobody")                  \
	X(CACHE_FRESH, "cache.fresh", "RFC 1035 7.4",                                          \
	  "{name} {type}: in the cache since {n} s")                                           \
	X(CACHE_STALE, "cache.stale", "RFC 8767 5",                                            \
	  "{name} {type}: in the cache since {n} s, beyond its TTL (dns64.serve_stale)")       \
	X(CACHE_FAILED, "cache.failed", "RFC 9520 3.2",                                        \
	  "{name} {type}: failed {n} s ago, and is not asked again yet")                       \
	X(CACHE_PREFETCH, "cache.prefetch", "",                                                \
	  "{name} {type}: near the end of its TTL, so it is asked for again meanwhile")        \
	X(ASKED, "asked", "", "{name} {type}: asked of dns64.forwarders")                      \
	X(ASKED_ZONE, "asked.zone", "",                                                        \
	  "{name} {type}: asked of the forwarders of {zone} in dns64.zones")                   \
	X(ASKED_SHARED, "asked.shared", "",                                                    \
	  "{name} {type}: another client's question is under way and does for this one")       \
	X(ASKED_NOT, "asked.not", "RFC 1034 4.3.1", "{name} {type}: RD=0, nobody is asked")    \
	X(ASKED_LIMIT, "asked.limit", "",                                                      \
	  "{name} {type}: {n} questions of {addr} wait (dns64.max_queries_per_client)")        \
	X(HEARD, "heard", "", "{name} {type}: {from} answered within {n} ms")                  \
	X(HEARD_NOTHING, "heard.nothing", "", "{name} {type}: nothing usable within {n} ms")   \
	X(PROVED, "proved", "RFC 4035 4.3", "{name} {type}: proved by DNSSEC")                 \
	X(PROVED_NOT, "proved.not", "RFC 4035 4.3",                                            \
	  "{name} {type}: not signed, so neither proved nor refuted")                          \
	X(SAYS_DATA, "says.data", "", "{name} {type}: there is data")                          \
	X(SAYS_NODATA, "says.nodata", "RFC 2308 2.2", "{name} {type}: no data of that type")   \
	X(SAYS_NXDOMAIN, "says.nxdomain", "RFC 2308 2.1", "{name}: there is no such name")     \
	X(SAYS_ALIAS, "says.alias", "RFC 1034 3.6.2",                                          \
	  "the answer ends at a CNAME: {name} {type} is looked up next")                       \
	X(SAYS_ERROR, "says.error", "RFC 6147 5.1.2", "{name} {type}: an error, {code}")       \
	X(SAYS_NOTHING, "says.nothing", "RFC 6147 5.1.2", "{name} {type}: no answer")          \
	X(SAYS_BOGUS, "says.bogus", "RFC 6147 5.5", "{name} {type}: DNSSEC validation failed") \
	X(SAYS_CHAIN, "says.chain", "RFC 1034 5.2.2",                                          \
	  "{name} {type}: a chain of CNAMEs that loops or is too long")                        \
	X(AAAA_REAL, "aaaa.real", "RFC 6147 5.1.1", "{addr}: a real AAAA")                     \
	X(AAAA_EXCLUDED, "aaaa.excluded", "RFC 6147 5.1.4",                                    \
	  "{real}: counts as absent, {net} is in dns64.exclude_aaaa")                          \
	X(A_MADE, "a.made", "RFC 6147 5.1.7", "{addr}: can be {made}")                         \
	X(A_NOT_GLOBAL, "a.not_global", "RFC 6052 3.1",                                        \
	  "{addr}: not synthesised, it is not global, and nat64.destinations wants that "      \
	  "(\"auto\" does with 64:ff9b::/96)")                                                 \
	X(A_REFUSED, "a.refused", "RFC 6147 5.1.7",                                            \
	  "{addr}: not synthesised: {entry} in nat64.destinations")                            \
	X(A_NEVER, "a.never", "RFC 6890",                                                      \
	  "{addr}: not synthesised: this host, link-local, multicast are never translated")    \
	X(A_NOT_NAME, "a.not_name", "",                                                        \
	  "the A records are not used: {name} in dns64.exclude_names")                         \
	X(WAITED, "waited", "RFC 6147 5.1.2",                                                  \
	  "AAAA stayed unanswered for {n} ms: A is enough from now on")                        \
	X(CHOSE_REAL, "chose.real", "RFC 6147 5.1.1",                                          \
	  "there are real AAAA: they are passed on")                                           \
	X(CHOSE_NXDOMAIN, "chose.nxdomain", "RFC 6147 5.1.2",                                  \
	  "the name does not exist: nothing is synthesised")                                   \
	X(CHOSE_EMPTY, "chose.empty", "RFC 6147 5.1.6",                                        \
	  "there is no usable AAAA, and no A to make one of: the answer is empty")             \
	X(CHOSE_SYNTHESIS, "chose.synthesis", "RFC 6147 5.1.6",                                \
	  "there is no usable AAAA, but A: AAAA are made")                                     \
	X(CHOSE_IN_SPITE, "chose.in_spite", "RFC 6147 5.1.2",                                  \
	  "AAAA failed, but A answers: AAAA are made (dns64.synthesize_on_error)")             \
	X(CHOSE_AAAA_ERROR, "chose.aaaa_error", "RFC 6147 5.1.2, 5.5",                         \
	  "AAAA failed, and A may not stand in for it (dns64.synthesize_on_error): failure")   \
	X(CHOSE_A_ERROR, "chose.a_error", "RFC 6147 5.1.6", "A failed: failure")               \
	X(TTL_SOA, "ttl.soa", "RFC 6147 5.1.7",                                                \
	  "TTL at most {n} s: that of the SOA record behind the missing AAAA")                 \
	X(TTL_NO_SOA, "ttl.no_soa", "RFC 6147 5.1.7",                                          \
	  "TTL at most {n} s: the missing AAAA came without SOA record")                       \
	X(TTL_ERROR, "ttl.error", "RFC 6147 5.1.7",                                            \
	  "TTL at most {n} s: AAAA could not be asked for")                                    \
	X(ENDED, "ended", "", "{code}")

enum dns_why {
#define X(id, name, rfc, text) DNS_WHY_##id,
	DNS_WHYS(X)
#undef X
		DNS_WHY_COUNT
};

/* One decision; valid during the call that tells it.  What a row does not name is not set. */
struct dns_step {
	enum dns_why why;
	uint16_t type;
	uint16_t rcode, ede;  /* {code} */
	enum dns_count count; /* ENDED: how; {code} is its sentence */
	uint64_t n;
	const uint8_t *name;
	struct in6_addr addr, made;
	const struct acl_entry *entry; /* NULL: none matches */
	const struct prefix6 *net;
	const char *zone;
	const struct resolve_source *from; /* NULL: not known */
};

#define TRACE_ID_LEN   32
#define TRACE_TEXT_LEN 640

const char *trace_id(const struct dns_step *, char out[TRACE_ID_LEN]);
const char *trace_rfc(const struct dns_step *);
const char *trace_text(const struct dns_step *, char out[TRACE_TEXT_LEN]);
