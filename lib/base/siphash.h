/* SPDX-License-Identifier: GPL-3.0-or-later */
/* siphash.h - SipHash-1-3 (Aumasson, Bernstein 2012): a keyed hash, so that a stranger who
 * picks the keys of a table cannot pick their places. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1; /* random */
};

uint64_t siphash(const struct siphash_key *key, const void *buf, size_t len);
