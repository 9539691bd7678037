/* SPDX-License-Identifier: GPL-3.0-or-later */
/* synth.h - the rules of RFC 6147, as functions of what was said.
 *
 * What a message says to a question (following its CNAMEs and DNAMEs), what follows from the
 * answers to AAAA and A together, and the records of a synthetic answer.  Knows neither cache
 * nor time nor who asks.
 */
#pragma once

#include "cache.h"
#include "conf.h"
#include "msg.h"
#include "trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYNTH_CNAMES_MAX 16 /* links of one answer */
#define SYNTH_LINKS_MAX  (2 * SYNTH_CNAMES_MAX)

/* What is known of one of the two questions. */
enum synth_outcome {
	SYNTH_PENDING,
	SYNTH_DATA,
	SYNTH_EXCLUDED, /* records, but none that may be used: exclude_aaaa, destinations */
	SYNTH_NODATA,
	SYNTH_NXDOMAIN,
	SYNTH_BARE,   /* a CNAME whose target is not answered: to be asked for */
	SYNTH_ERROR,  /* an rcode other than NOERROR and NXDOMAIN */
	SYNTH_SILENT, /* no answer */
	SYNTH_BOGUS,  /* validation failed */
	SYNTH_BROKEN, /* a chain that loops, is too long, or grows a name beyond its limit */
};

/* The way through one message from the name asked to the name answered. */
struct synth_chain {
	enum synth_outcome outcome; /* without EXCLUDED, PENDING, SILENT, BOGUS */
	unsigned cnames;            /* links of CNAME kind */
	unsigned n_links;
	struct {
		size_t at;  /* of the CNAME or DNAME record */
		bool makes; /* a DNAME whose CNAME is missing and has to be made */
	} links[SYNTH_LINKS_MAX];
	uint8_t end[DNS_NAME_MAX]; /* the name at its end */
};

/* Follows name and type through m. */
void synth_follow(const struct msg *m, const uint8_t *name, uint16_t type,
		  struct synth_chain *out);

enum synth_verdict {
	SYNTH_WAIT,
	SYNTH_PASS_AAAA, /* what AAAA says, without excluded records */
	SYNTH_PASS_A,    /* what A says, which is not data */
	SYNTH_MAKE,      /* AAAA from A */
	SYNTH_EMPTY,     /* NODATA of our own */
	SYNTH_FAIL_AAAA, /* SERVFAIL because of AAAA */
	SYNTH_FAIL_A,    /* SERVFAIL because of A */
};

struct synth_case {
	enum synth_outcome aaaa, a;
	uint16_t aaaa_ede;  /* extended error of AAAA, or 0 */
	bool patience_over; /* a pending AAAA is not waited for any longer */
	enum dns_on_error on_error;
};

/* RFC 6147 5.1.  *on_error says that AAAA failed: lifetimes are then short. */
enum synth_verdict synth_decide(const struct synth_case *, bool *on_error);

/* An A or AAAA record at the end of a chain: may it be used, and why (not). */
struct synth_record {
	struct in6_addr addr; /* IPv4 as ::ffff:... */
	bool usable;
	enum dns_why why;
	const struct acl_entry *entry; /* of destinations, NULL: none matches */
	const struct prefix6 *net;     /* of exclude_aaaa */
};

/* The next of type, which is A or AAAA; *at begins as 0.  False behind the last. */
bool synth_next(const struct dns_conf *, const struct msg *, const struct synth_chain *,
		uint16_t type, size_t *at, struct synth_record *out);

/* How many of them may be used; *refused counts those that may not. */
unsigned synth_count(const struct dns_conf *, const struct msg *, const struct synth_chain *,
		     uint16_t type, unsigned *refused);

/* TTL bound of RFC 6147 5.1.7 from the AAAA message: its SOA, else 600 s; *why says which. */
uint32_t synth_ttl_bound(const struct msg *aaaa, const struct cache_answer *,
			 enum dns_why *why);

/* Writes the links of chain, which starts at name; with dnssec their signatures too. */
void synth_put_chain(struct msg_wr *, const struct msg *, const struct cache_answer *,
		     const struct synth_chain *, const uint8_t *name, bool dnssec);

/* Writes an AAAA record for each A record at the end of chain that may be translated. */
void synth_put_aaaa(struct msg_wr *, const struct dns_conf *, const struct msg *,
		    const struct cache_answer *, const struct synth_chain *,
		    uint32_t ttl_bound);

/* Copies the data of type at the end of chain; where conf is given AAAA without those excluded,
 * and signatures only when none was. */
void synth_put_data(struct msg_wr *, const struct dns_conf *, const struct msg *,
		    const struct cache_answer *, const struct synth_chain *, uint16_t type,
		    bool dnssec);

/* Copies the authority section (SOA, and with dnssec the proofs), TTLs at most bound. */
void synth_put_authority(struct msg_wr *, const struct msg *, const struct cache_answer *,
			 uint32_t bound, bool dnssec);
