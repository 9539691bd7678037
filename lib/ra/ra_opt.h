/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ra_opt.h - the options that carry items, both ways.  Inner part of ra_msg.c. */
#pragma once

#include "base/wr.h"
#include "nd_opt.h"
#include "ra_msg.h"

/* How many of the n items at the front go into one option of at most room bytes, and how long
 * that option is; 0 when the first is longer than that. */
size_t ra_opt_share(const struct ra_item *, size_t n, size_t room, size_t *len);

/* Writes those n items as the option of len bytes that ra_opt_share() said. */
void ra_opt_write(struct wr *, const struct ra_item *, size_t n, size_t len);

/* Adds what the option says to out; false: it makes no sense.  A type that carries no items is
 * passed over. */
bool ra_opt_read(const struct nd_opt *, struct ra_advert *out);
