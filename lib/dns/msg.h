/* SPDX-License-Identifier: GPL-3.0-or-later */
/* msg.h - DNS messages: one reader that checks everything once, one writer that cannot overrun
 * (RFC 1035 4, RFC 6891).
 *
 * msg_parse() accepts a message whole or not at all; records of an accepted message are then
 * walked by offset.  Work is linear in the message.  What a message means is synth.h's and
 * query.h's matter.
 */
#pragma once

#include "base/wr.h"
#include "name.h"
#include "resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MSG_HEAD_LEN 12
#define MSG_OPT_LEN  11 /* an OPT record without options */

enum {
	MSG_QR = 0x8000,
	MSG_AA = 0x0400,
	MSG_TC = 0x0200,
	MSG_RD = 0x0100,
	MSG_RA = 0x0080,
	MSG_Z = 0x0040,
	MSG_AD = 0x0020,
	MSG_CD = 0x0010,
	MSG_OPCODE = 0x7800,
	MSG_RCODE = 0x000f,
};

enum { MSG_EDNS_DO = 0x8000 };

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_HINFO = 13,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_DNAME = 39,
	TYPE_OPT = 41,
	TYPE_DS = 43,
	TYPE_RRSIG = 46,
	TYPE_NSEC = 47,
	TYPE_NSEC3 = 50,
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	TYPE_TKEY = 249,
	TYPE_TSIG = 250,
	TYPE_IXFR = 251,
	TYPE_AXFR = 252,
	TYPE_MAILB = 253,
	TYPE_MAILA = 254,
	TYPE_ANY = 255,
};

enum { CLASS_IN = 1, CLASS_CH = 3, CLASS_NONE = 254, CLASS_ANY = 255 };

enum {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_NOTAUTH = 9,
	RCODE_BADVERS = 16,
};

enum { OPTION_COOKIE = 10, OPTION_KEEPALIVE = 11, OPTION_EDE = 15 };

/* Extended DNS errors (RFC 8914 5.2 and its registry) used here. */
enum {
	EDE_STALE = 3,
	EDE_INDETERMINATE = 5,
	EDE_BOGUS = 6,
	EDE_EXPIRED = 7,
	EDE_NOT_YET_VALID = 8,
	EDE_DNSKEY_MISSING = 9,
	EDE_RRSIG_MISSING = 10,
	EDE_NSEC_MISSING = 12,
	EDE_CACHED_ERROR = 13,
	EDE_PROHIBITED = 18,
	EDE_STALE_NXDOMAIN = 19,
	EDE_NO_REACHABLE_AUTHORITY = 22,
	EDE_NETWORK_ERROR = 23,
	EDE_SYNTHESIZED = 29,
};

enum msg_section { MSG_QUESTION, MSG_ANSWER, MSG_AUTHORITY, MSG_ADDITIONAL, MSG_END };

struct msg_edns {
	bool present;
	uint8_t version;
	uint8_t rcode_high; /* upper eight bits of the extended rcode */
	bool dnssec_ok;
	uint16_t payload;  /* as sent, may be less than 512 */
	size_t at;         /* offset of the OPT record */
	size_t options_at; /* offset and octets of the options; every length in them holds */
	size_t options_len;
};

struct msg {
	const uint8_t *p; /* the octets; not owned */
	size_t len;
	uint16_t id, flags;
	uint16_t count[4];
	struct dns_question q; /* with count[0] == 1; else name_len is 0 */
	size_t at[5]; /* where each section starts; at[MSG_END]: behind the last record */
	struct msg_edns edns;
	bool has_tsig;
};

struct msg_rr {
	enum msg_section section;
	size_t at; /* of the owner */
	size_t ttl_at, rdata_at;
	uint16_t type, class, rdata_len;
	uint32_t ttl; /* 0 where the upper bit is set (RFC 2181 8) */
	size_t next;  /* behind the record */
};

enum msg_fault {
	MSG_OK,
	MSG_SHORT,     /* less than a header */
	MSG_MALFORMED, /* counts, names, lengths or RDATA do not hold */
	MSG_QUESTIONS, /* more than one question (RFC 9619) */
	MSG_BAD_OPT,   /* two OPT records, in a wrong place, with a wrong owner or options */
};

/* Reads buf, which must outlive out.  Octets behind the last record are ignored.  Id, flags and
 * counts are set whenever the header is there. */
enum msg_fault msg_parse(const uint8_t *buf, size_t len, struct msg *out);

/* The first two octets and the next two, of a message of at least MSG_HEAD_LEN. */
uint16_t msg_id(const uint8_t *buf);
uint16_t msg_flags(const uint8_t *buf);
void msg_set_id(uint8_t *buf, uint16_t id);
void msg_set_flags(uint8_t *buf, uint16_t flags);

/* The record at offset at (m->at[MSG_ANSWER] first, then rr.next); false at the end. */
bool msg_record(const struct msg *m, size_t at, struct msg_rr *out);

/* Is the owner of rr name?  And the owner itself; returns its length. */
bool msg_owner_is(const struct msg *m, const struct msg_rr *rr, const uint8_t *name);
size_t msg_owner(const struct msg *m, const struct msg_rr *rr, uint8_t out[DNS_NAME_MAX]);

/* The name in RDATA behind skip octets (CNAME, DNAME, PTR, NS: 0); returns its length, or 0. */
size_t msg_rdata_name(const struct msg *m, const struct msg_rr *rr, size_t skip,
		      uint8_t out[DNS_NAME_MAX]);

/* The type that an RRSIG record covers. */
uint16_t msg_covered(const struct msg *m, const struct msg_rr *rr);

/* The response code with its upper bits from OPT. */
unsigned msg_rcode(const struct msg *m);

/* The data of the first option of that code, with its length; NULL when there is none. */
const uint8_t *msg_option(const struct msg *m, uint16_t code, size_t *len);

/* The first extended DNS error in m, 0 when there is none. */
uint16_t msg_ede(const struct msg *m);

/* The writer: question, then records in order of sections.  A name that is the question's, or
 * the one written last, becomes a pointer.  What does not fit spoils all: msg_end() gives 0. */
struct msg_wr {
	struct wr w;
	uint16_t count[4];
	uint8_t *qname;   /* in the buffer, or NULL */
	uint16_t last_at; /* offset of the name written last, 0: none */
};

/* q may be NULL. */
void msg_begin(struct msg_wr *, void *buf, size_t size, uint16_t id, uint16_t flags,
	       const struct dns_question *q);

/* Goes on behind the len octets of a finished message in buf, cut after section last. */
void msg_resume(struct msg_wr *, void *buf, size_t size, size_t len, const uint16_t count[4]);

void msg_put(struct msg_wr *, enum msg_section, const uint8_t *owner, uint16_t type,
	     uint32_t ttl, const void *rdata, size_t len);
void msg_put_name(struct msg_wr *, enum msg_section, const uint8_t *owner, uint16_t type,
		  uint32_t ttl, const uint8_t *target);

/* A record of another message under the same owner, names in known RDATA uncompressed. */
void msg_put_copy(struct msg_wr *, enum msg_section, const struct msg *m,
		  const struct msg_rr *rr, uint32_t ttl);

/* The OPT record.  options is a run of wire options; rcode the whole code. */
void msg_put_opt(struct msg_wr *, uint16_t payload, unsigned rcode, bool dnssec_ok,
		 const uint8_t *options, size_t len);

/* RFC 4035 3.2.1: m, without its OPT record and without the records of DNSSEC that its question
 * does not name, for who did not set DO.  Returns the length, or 0 when size is too small. */
size_t msg_strip(const struct msg *m, void *buf, size_t size);

/* Counts into the header; the length, or 0 when something did not fit. */
size_t msg_end(struct msg_wr *);

/* A question for a server: RD=1, CD as said, and with payload not 0 an OPT record without
 * options as its last 11 octets.  Returns the length, 0 when size is too small. */
size_t msg_write_question(void *buf, size_t size, uint16_t id, const struct dns_question *q,
			  unsigned resolve_flags, uint16_t payload);
