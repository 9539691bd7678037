/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radv_table.h - what an advertiser says between two changes, and what it takes back.
 *
 * Inner part of radv.c: everything about content, nothing about time of sending.
 */
#pragma once

#include "radv.h"

struct memory;

struct radv_entry {
	struct ra_item item; /* lifetimes as configured; of a withdrawn one as sent */
	bool found;
	uint64_t valid_until_ms, preferred_until_ms;
	unsigned withdrawals; /* how often it is still taken back; 0: it is announced */
	uint64_t gone_ms;     /* and it is taken back at least until then */
};

/* Everything that is said, between two changes. */
struct radv_table {
	struct memory *memory;
	uint32_t link;
	bool ready;
	struct in6_addr link_local;
	uint32_t min_ms, max_ms;
	struct ra_header header;
	struct radv_entry *entries;
	size_t n;
	struct ra_item *items; /* room for n: lifetimes as of now */
};

/* What conf says, and what old (or NULL) said and conf does not say any more.  NULL when memory
 * is short. */
struct radv_table *radv_table_new(const struct radv_conf *, const struct radv_table *old,
				  uint64_t now_ms);
void radv_table_free(struct radv_table *); /* NULL is a no-op */

/* Would hosts learn nothing new from b after a? */
bool radv_table_equal(const struct radv_table *a, const struct radv_table *b, uint64_t now_ms);

/* Fills items, in the order of their kinds, with the lifetimes of now; how many. */
size_t radv_table_items(struct radv_table *, uint64_t now_ms);

/* The same without what is taken back. */
size_t radv_table_announced(struct radv_table *, uint64_t now_ms);

/* Is the item one of those that are taken back? */
bool radv_table_withdraws(const struct radv_table *, const struct ra_item *);

/* A multicast went out: withdrawals have been said once more; those said often enough go. */
void radv_table_age(struct radv_table *, uint64_t now_ms);
