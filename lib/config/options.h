/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.h - the option table: one row for each key of v6gwd.conf.
 *
 * Reading, defaults, bounds, unknown keys, --print-defaults, the sample file and the man page
 * all come from it.  libconfig itself stays in daemon/config_read.c, which hands its tree over
 * as struct value.
 */
#pragma once

#include "config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a key is written and what it fills; option_type.c has a row for each. */
enum option_type {
	OPTION_BOOL,
	OPTION_NUMBER,     /* uint32_t */
	OPTION_PORT,       /* uint16_t */
	OPTION_DURATION,   /* int64_t, milliseconds */
	OPTION_SIZE,       /* uint64_t, bytes */
	OPTION_WORD,       /* an enum: the index in words */
	OPTION_INTERFACE,  /* const char *, NULL: the keyword */
	OPTION_INTERFACES, /* struct config_texts, empty: the keyword */
	OPTION_PATH,       /* const char *, absolute, NULL: the keyword */
	OPTION_LABEL,      /* const char *, printable without spaces, may be empty */
	OPTION_URI,        /* const char *, of a captive portal, may be empty */
	OPTION_ADDR4,      /* struct in_addr */
	OPTION_ADDR6,      /* struct in6_addr */
	OPTION_PREF64,     /* struct pref64 */
	OPTION_NET4,       /* struct prefix4 */
	OPTION_NET6,       /* struct prefix6 */
	OPTION_LINK_NET6,  /* struct prefix6 to be advertised: host bits are cut off */
	OPTION_RA_PREFIX, /* the same in struct config_ra_prefix, which keeps the host bits, too
			   */
	OPTION_POOLS,     /* struct config_nets, IPv4 */
	OPTION_NETS6,     /* struct config_nets, IPv6 */
	OPTION_HOSTS4,    /* struct config_nets, single IPv4 addresses */
	OPTION_HOSTS6,    /* struct config_nets, single IPv6 addresses */
	OPTION_ACL,       /* struct acl */
	OPTION_SERVERS,   /* struct config_endpoints with ports: whom to ask */
	OPTION_LISTEN,    /* struct config_endpoints without: where to be asked */
	OPTION_RESOLVERS, /* struct config_endpoints without: IPv6, on the link */
	OPTION_NAME,      /* const char *, a domain name */
	OPTION_NAMES,     /* struct config_texts, domain names */
	OPTION_ANCHORS,   /* struct config_texts: trust anchors */
	OPTION_MASQUERADE, /* enum config_masquerade and an address, in struct config_nat64 */
	OPTION_GROUP,      /* a struct of its own */
	OPTION_GROUPS,     /* a list of structs: pointer and count */
	OPTION_TYPE_COUNT
};

/* Flags of a row. */
enum {
	OPTION_REQUIRED = 1 << 0, /* no default: must be written */
	OPTION_SECONDS = 1 << 1,  /* whole seconds only: the wire has no finer ones */
	OPTION_INFINITE = 1 << 2, /* "infinite" is allowed */
	OPTION_ONE = 1 << 3,      /* the default of OPTION_GROUPS is one entry of defaults */
	OPTION_FILLED = 1 << 4,   /* an empty list is refused */
	/* What an ACL may hold beside addresses, "any" and "none". */
	OPTION_ACL_AUTO = 1 << 8,
	OPTION_ACL_LOCAL = 1 << 9,   /* "localnets", "localhost" */
	OPTION_ACL_GLOBAL = 1 << 10, /* "global" */
	OPTION_ACL_V4 = 1 << 11,     /* IPv4 only */
	OPTION_ACL_V6 = 1 << 12,     /* IPv6 only */
};

struct option {
	const char *name;
	enum option_type type;
	size_t at;       /* of the field in the struct of the group */
	size_t other_at; /* OPTION_GROUPS: of the size_t count; with a keyword: of the bool it
			    sets, where the field itself cannot say it */
	unsigned flags;
	size_t given_at; /* OPTION_GROUPS: of the bool that says whether the list was written */
	bool has_other, has_given;
	int64_t min, max;         /* numbers, durations in ms, sizes; both 0: any */
	const char *keyword;      /* "auto", "nat64": found out later */
	const char *const *words; /* OPTION_WORD: the words, in enum order, then NULL */
	const struct option_group *group;
	const char *preset;  /* the default, as it is written in the file */
	const char *example; /* for the man page, where the default says too little */
	const char *aka;     /* what others call it, separated by spaces */
	const char *text;    /* one sentence or two */
};

struct option_group {
	const char *name; /* last part of its path; "" for the file */
	size_t size;      /* of the struct */
	const struct option *options;
	size_t n;
};

/* The file itself: the keys of struct config. */
extern const struct option_group options_root;

/* The row of that name, or NULL. */
const struct option *option_find(const struct option_group *, const char *name);

/* What an unknown key may have meant, as a sentence into out[out_len]: the nearest key of the
 * group, else one of another group or another program's name for one; "" where nothing is near.
 */
void option_suggest(const struct option_group *, const char *name, char *out, size_t out_len);
