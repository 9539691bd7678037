/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep.h - the cache in bytes: from a process to the one that takes its place on this machine.
 *
 * proof is a number that stands for how results were proved (validation, its keys): by another
 * one nothing is taken over.
 */
#pragma once

#include "query.h"

/* Octets that keep_save() writes at most. */
size_t keep_size(const struct dns *);

/* Writes what may still be used; the octets written, 0 when size is too small. */
size_t keep_save(const struct dns *, uint64_t proof, uint8_t *out, size_t size,
		 uint64_t now_ms);

/* Takes each message as if it had been heard when it was, by the limits of now.  How many;
 * none of what another version wrote, and none behind one that cannot be read. */
size_t keep_load(struct dns *, uint64_t proof, const uint8_t *in, size_t len, uint64_t now_ms);
