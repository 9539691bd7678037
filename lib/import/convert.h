/* SPDX-License-Identifier: GPL-3.0-or-later */
/* convert.h - what the statements of each program mean to v6gwd. */
#pragma once

#include "draft.h"

/* Each puts what it finds into the draft; the first to say something is right. */
void tayga_convert(struct draft *, const struct stmt_list *);
void named_convert(struct draft *, const struct stmt_list *);
void unbound_convert(struct draft *, const struct stmt_list *);
void radvd_convert(struct draft *, const struct stmt_list *);

/* A statement that is nothing to v6gwd: the reasons of a program, by the statement's first
 * word. */
struct convert_reason {
	const char *word, *why;
};

/* Leaves st for the reason in the table (until a NULL word), else because nobody knows it. */
void convert_leave(struct draft *, const struct convert_reason *table, const struct stmt *st);

/* Has st exactly n words behind its first, and no block?  Else it is left. */
bool convert_takes(struct draft *, const struct stmt *st, size_t n);

/* "yes", "on", "true", "1" and their opposites into *out; else st is left. */
bool convert_switch(struct draft *, const struct stmt *st, const char *word, bool *out);

/* Leaves st because it asks for what v6gwd does anyhow. */
void convert_as_ever(struct draft *, const struct stmt *st);

/* Decimal digits up to 4294967295 and nothing else? */
bool convert_number(const char *word, unsigned long *out);

/* An address as it is written everywhere; other texts as they are. */
const char *convert_addr(struct draft *, const char *word);

/* Likewise a network or an address; IPv4 networks may lack the last octets ("10/8"). */
const char *convert_net(struct draft *, const char *word);

/* Sets nat64.prefix for a DNS64 server: the translator's own stays. */
void convert_dns64_prefix(struct draft *, const char *prefix, const struct stmt *st);

/* Adds a forwarder, "addr", "addr@port". */
void convert_forwarder(struct draft *, struct draft_node *list, const char *addr,
		       const char *port, const struct stmt *st);

/* The forwarders of a domain: an entry of dns64.zones, or dns64.forwarders for ".". */
struct draft_node *convert_zone(struct draft *, const char *name, const struct stmt *st);

/* Adds an address of dns64.listen; what stands for all of the host's is "auto". */
void convert_listen(struct draft *, const char *addr, const struct stmt *st);

/* An answer of dns64: dnssec "pass" and what becomes of validation. */
void convert_validation(struct draft *, const struct stmt *st);
