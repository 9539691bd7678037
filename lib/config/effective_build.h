/* SPDX-License-Identifier: GPL-3.0-or-later */
/* effective_build.h - what the parts of effective_new() share; nobody else includes it. */
#pragma once

#include "base/memory.h"
#include "effective.h"

struct build {
	struct effective *eff;
	const struct config *config;
	const struct facts *facts;
	const struct effective *previous; /* the one in force, or NULL */
	struct plane_health health;
	struct memory *memory;
	bool failed; /* memory was short */
};

/* Zeroed memory of the effective configuration; on failure sets failed and gives NULL. */
void *build_alloc(struct build *, size_t n, size_t size);

/* Notes where a value came from. */
void build_origin(struct build *, const char *key, const char *from, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Is the address one that may be used now, on a link of the guests? */
bool build_on_iface(const struct build *, const struct fact_addr *);
bool build_usable(const struct fact_addr *);

/* Is one of the guests' links there?  Where none is, that is the one reason to tell. */
bool build_has_iface(const struct build *);

/* in with each entry of kind word replaced by n entries of the same sign. */
struct acl build_acl(struct build *, const struct acl *in, enum acl_kind word,
		     const struct acl_entry *with, size_t n);

/* The on-link networks of the guests' links, and with hosts every address of the host itself.
 */
struct acl_entry *build_localnets(struct build *, bool hosts, size_t *n);

/* "a, b, c" of at most ADDR_TEXT_LEN each; cut short with "..." where it does not fit. */
void build_list(char *out, size_t size, const char *item);

void build_nat64(struct build *);
void build_dns64(struct build *);
void build_ra(struct build *); /* after the other two */
void build_guard(struct build *, struct eff_ra *);
