/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lease.h - the text of the lease file, line by line; reads tayga's dynamic.map, too.
 *
 * Pure text: files, time and what becomes of a lease are the caller's.  A file of ours begins
 * with LEASE_HEADER; then each line is
 *
 *	IPv4 IPv6 LAST_USE CHECK
 *
 * with LAST_USE in seconds since 1970 and CHECK eight hexadecimal digits over what stands
 * before it, so that a torn or edited line is told from a good one and costs that line alone.
 * The last line is "# end N" with N the number of leases, so that a file cut off between two
 * lines is told, too.  In tayga's file CHECK and the end are missing.  '#' begins a comment.
 * Order says nothing.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_HEADER   "# v6gwd leases 1\n"
#define LEASE_LINE_MAX 128u /* the longest line written, with its newline and a NUL */

struct lease {
	struct in_addr ipv4;
	struct in6_addr ipv6;
	uint64_t used_s; /* seconds since 1970; 0: not known */
};

enum lease_format {
	LEASE_OURS,
	LEASE_TAYGA,
	LEASE_NEWER, /* ours, of a version that we cannot read */
};

/* What a file is, by its first line (len bytes, with or without the newline). */
enum lease_format lease_format_of(const char *line, size_t len);

enum lease_line {
	LEASE_GOOD,
	LEASE_NOTHING, /* empty, or a comment */
	LEASE_BAD,     /* malformed or damaged; out untouched */
};

/* Reads a line of len bytes, with or without its newline; no NUL is needed. */
enum lease_line lease_read(enum lease_format, const char *line, size_t len, struct lease *out);

/* Is it the last line of a file of ours?  Then *n is the number of leases. */
bool lease_read_end(const char *line, size_t len, uint64_t *n);

/* Writes a line with its newline and a NUL; its length without the NUL. */
size_t lease_write(const struct lease *, char out[LEASE_LINE_MAX]);
size_t lease_write_end(uint64_t n, char out[LEASE_LINE_MAX]);

/* How long ago a lease was used, by a wall clock that shows now_s.  Now, when it was not known,
 * and when it was a moment ahead: clocks jump; LEASE_AGE_UNKNOWN when it was far in the future.
 */
#define LEASE_AGE_UNKNOWN UINT64_MAX

uint64_t lease_age_ms(const struct lease *, uint64_t now_s);

/* The used_s of a lease last used age_ms ago.  Not known, while the clock was never set. */
uint64_t lease_used_s(uint64_t age_ms, uint64_t now_s);
