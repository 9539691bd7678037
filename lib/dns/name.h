/* SPDX-License-Identifier: GPL-3.0-or-later */
/* name.h - domain names in wire form (RFC 1035 3.1, 4.1.4).
 *
 * A name here is a run of labels that ends with the root label, uncompressed, at most
 * DNS_NAME_MAX octets, case as it came.  Only name_read() meets hostile octets; all other
 * functions want what it, name_from_text() or name_reverse() made.  Labels may hold any octet.
 */
#pragma once

#include "base/siphash.h"
#include "resolve.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_TEXT_LEN 1020 /* room for any name as text, with its NUL */

/* What reading a whole message adds to reading a name. */
struct name_guard {
	unsigned hops;   /* budget, every pointer takes one of it */
	uint64_t *fixed; /* a bit for each octet that no name may be read from, the lowest
				 first: header, types, TTLs */
};

/* Reads the name at msg[at] into out and returns its length; 0, out in any state, when it is
 * malformed: label types other than 00 and 11, a pointer that does not lead to before all that
 * was read so far, labels that reach from there beyond where it came from, more than 127
 * pointers, more than 255 octets, past the end, against the guard where not NULL. */
size_t name_read(const uint8_t *msg, size_t len, size_t at, uint8_t out[DNS_NAME_MAX],
		 struct name_guard *guard);

/* The offset behind the name at msg[at], pointers not followed; 0 when malformed. */
size_t name_skip(const uint8_t *msg, size_t len, size_t at);

/* Its octets, and its labels without the root. */
size_t name_len(const uint8_t *name);
unsigned name_labels(const uint8_t *name);

/* Case aside (ASCII only, RFC 4343). */
bool name_equal(const uint8_t *a, const uint8_t *b);

/* Is name zone, or below it? */
bool name_is_in(const uint8_t *name, const uint8_t *zone);

/* A copy with A to Z lowered; returns its length. */
size_t name_lower(const uint8_t *name, uint8_t out[DNS_NAME_MAX]);
uint64_t name_hash(const struct siphash_key *key, const uint8_t *name);

/* name with its ending old (which it is in) replaced by new (RFC 6672 2.2); returns the length,
 * or 0 when that is too long. */
size_t name_substitute(const uint8_t *name, const uint8_t *old, const uint8_t *new,
		       uint8_t out[DNS_NAME_MAX]);

/* Reads text ("a.b", a last dot allowed, "." or "": the root, "\." and "\ddd" as in RFC 1035
 * 5.1); returns the length, or 0 when it is no name. */
size_t name_from_text(const char *text, uint8_t out[DNS_NAME_MAX]);

/* Text without the last dot ("." for the root), everything but printable ASCII as \ddd, and
 * returns it. */
const char *name_text(const uint8_t *name, char out[NAME_TEXT_LEN]);

/* The name below in-addr.arpa (for ::ffff:a.b.c.d, RFC 1035 3.5) or ip6.arpa (RFC 3596 2.5) for
 * the first len bits of addr, len counting from the first of 128 bits and a whole label (96 +
 * 8n for IPv4, 4n).  Returns its length. */
size_t name_reverse(const struct in6_addr *addr, unsigned len, uint8_t out[DNS_NAME_MAX]);

/* The network that a name below in-addr.arpa or ip6.arpa stands for: host bits zero and *len of
 * 128; a whole address has 128.  False, outputs untouched, for any other name. */
bool name_reversed(const uint8_t *name, struct in6_addr *addr, unsigned *len);
