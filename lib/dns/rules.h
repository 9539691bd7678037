/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules.h - a configuration of DNS64, ready to be used: names in wire form, tables of names. */
#pragma once

#include "conf.h"
#include "special.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rules {
	struct dns_conf conf;
	struct special *special;
	uint8_t (*exclude)[DNS_NAME_MAX]; /* exclude_names */
	size_t n_exclude;
};

/* False when memory is short, rules empty then.  The lists of conf have to outlive them. */
bool rules_init(struct rules *, const struct dns_conf *conf);
void rules_done(struct rules *); /* leaves them empty; empty ones are a no-op */

/* The domain of those never synthesised that name is in, or NULL. */
const uint8_t *rules_exclude(const struct rules *, const uint8_t *name);
