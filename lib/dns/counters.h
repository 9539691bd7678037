/* SPDX-License-Identifier: GPL-3.0-or-later */
/* counters.h - how questions end, and what happened on the way.
 *
 * Every message counted by QUERIES is counted by exactly one of the rows up to
 * DNS_COUNT_ENDINGS as soon as it is answered or dropped; the rows behind count events.
 */
#pragma once

#include <stdint.h>

/* X(NAME, "name", "sentence", "RFC clause") */
#define DNS_ENDINGS(X)                                                                        \
	X(ANSWERED, "answered", "answered with what a forwarder said", "RFC 1034 4.3")        \
	X(SYNTHESIZED, "synthesized", "AAAA answered from A records", "RFC 6147 5.1")         \
	X(UNTRANSLATABLE, "untranslatable",                                                   \
	  "AAAA left empty because NAT64 translates none of the A records", "RFC 6052 3.1")   \
	X(PTR_MAPPED, "ptr_mapped",                                                           \
	  "reverse names inside the prefix answered from in-addr.arpa", "RFC 6147 5.3.1")     \
	X(SPECIAL, "special", "special names answered here", "RFC 6761, RFC 6303, RFC 8880")  \
	X(LOCAL, "local", "names of dns64.local answered", "")                                \
	X(FAILED_UPSTREAM, "failed_upstream", "the forwarders answered with an error",        \
	  "RFC 6147 5.1.6")                                                                   \
	X(FAILED_SILENT, "failed_silent", "SERVFAIL: no forwarder answered in time",          \
	  "RFC 8914 4.23")                                                                    \
	X(FAILED_BOGUS, "failed_bogus", "SERVFAIL: DNSSEC validation failed", "RFC 6147 5.5") \
	X(FAILED_CHAIN, "failed_chain", "SERVFAIL: a chain of CNAMEs without end",            \
	  "RFC 1034 5.2.2")                                                                   \
	X(FAILED_SIZE, "failed_size", "SERVFAIL: the answer is larger than a message",        \
	  "RFC 1035 4.2.2")                                                                   \
	X(FAILED_MEMORY, "failed_memory", "SERVFAIL: an answer found no room in the cache",   \
	  "")                                                                                 \
	X(FAILED_OVERLOAD, "failed_overload",                                                 \
	  "SERVFAIL: given up in favour of newer questions", "")                              \
	X(LIMITED, "limited",                                                                 \
	  "too many questions waiting for one client: told to use TCP, or SERVFAIL", "")      \
	X(REFUSED_CLIENT, "refused_client", "REFUSED: not in allow_query", "RFC 8914 4.19")   \
	X(REFUSED_CLASS, "refused_class", "REFUSED: a class other than IN", "")               \
	X(REFUSED_TYPE, "refused_type", "REFUSED or NOTIMP: a zone transfer or a meta type",  \
	  "RFC 6895 3.1")                                                                     \
	X(REFUSED_RECURSION, "refused_recursion", "REFUSED: RD=0 and not in the cache",       \
	  "RFC 1034 4.3.1")                                                                   \
	X(MINIMAL_ANY, "minimal_any", "ANY answered with one record", "RFC 8482 4.2")         \
	X(NOT_IMPLEMENTED, "not_implemented", "NOTIMP: an opcode other than QUERY",           \
	  "RFC 1035 4.1.1")                                                                   \
	X(MALFORMED, "malformed", "FORMERR: the query could not be read", "RFC 1035 4.1.1")   \
	X(BAD_VERSION, "bad_version", "BADVERS: an EDNS version other than 0",                \
	  "RFC 6891 6.1.3")                                                                   \
	X(TRANSACTION_SIGNED, "transaction_signed", "NOTAUTH: a TSIG record", "RFC 8945 5.2") \
	X(COOKIE_ONLY, "cookie_only", "a question for a cookie alone", "RFC 7873 5.4")        \
	X(DROPPED_SHORT, "dropped_short", "dropped: less than a header", "")                  \
	X(DROPPED_RESPONSE, "dropped_response", "dropped: a response, not a query", "")       \
	X(DROPPED_STRANGER, "dropped_stranger",                                               \
	  "dropped: too many from addresses on the link that nobody there has", "RFC 6583 7") \
	X(DROPPED_PORT, "dropped_port",                                                       \
	  "dropped: from a port whose service would answer our answer", "")

#define DNS_EVENTS(X)                                                                          \
	X(QUERIES, "queries", "messages received", "")                                         \
	X(QUERIES_TCP, "queries_tcp", "of these by TCP", "RFC 7766")                           \
	X(HITS, "hits", "questions answered from the cache alone", "")                         \
	X(ASKED, "asked", "questions asked of forwarders", "")                                 \
	X(SHARED, "shared", "questions that joined one already asked", "")                     \
	X(STALE, "stale", "answers given beyond their TTL", "RFC 8767")                        \
	X(PREFETCHED, "prefetched", "questions asked again before their answer ran out", "")   \
	X(EXCLUDED, "excluded", "AAAA records left out by exclude_aaaa", "RFC 6147 5.1.4")     \
	X(SYNTHESIZED_ON_ERROR, "synthesized_on_error",                                        \
	  "of synthesized: the AAAA question failed or stayed unanswered", "RFC 6147 5.1.2")   \
	X(CHASED, "chased", "CNAMEs followed because the forwarder did not", "RFC 1034 3.6.2") \
	X(TRUNCATED, "truncated", "answers cut with TC=1", "RFC 2181 9")

#define DNS_COUNTERS(X) DNS_ENDINGS(X) DNS_EVENTS(X)

enum dns_count {
#define X(id, name, text, rfc) DNS_COUNT_##id,
	DNS_COUNTERS(X)
#undef X
		DNS_COUNT_COUNT,
	DNS_COUNT_ENDINGS = DNS_COUNT_QUERIES,
};

struct dns_count_text {
	const char *name, *text, *rfc;
};

extern const struct dns_count_text dns_count_texts[DNS_COUNT_COUNT];
