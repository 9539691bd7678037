/* SPDX-License-Identifier: GPL-3.0-or-later */
/* named_acl.h - address match lists of named.conf, flat: named lists and lists in lists put in
 * their place.
 *
 * As BIND merges them: in a list that is negated every entry is, also one that was.
 */
#pragma once

#include "draft.h"

struct named_acl {
	struct draft *d;
	const struct stmt_list *file; /* with its acl statements */
	unsigned left;                /* entries that may still come */
	struct stmt_list used;        /* of its acl statements */
};

/* One element: an address, a network, "any", "none", "localhost", "localnets". */
typedef void named_acl_fn(void *arg, const char *what, bool negated, const struct stmt *);

/* Leaves the acl statements that no list has used. */
void named_acl_leave(struct named_acl *);

/* Calls fn for each element of a block, in order.  What is none is left. */
void named_acl_walk(struct named_acl *, const struct stmt_list *block, named_acl_fn *fn,
		    void *arg);

/* The block of st as an ACL of v6gwd at key: when all entries are negated, nobody is let in. */
void named_acl_write(struct named_acl *, struct draft_node *group, const char *key,
		     const struct stmt *st);
