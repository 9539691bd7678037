/* SPDX-License-Identifier: GPL-3.0-or-later */
/* merge.h - packets of one flow that follow each other leave as one frame, to be cut again by
 * whoever sends it: one write for many.
 *
 * Sans I/O: packets go in, packets and frames come out at a sink, those of a flow in their
 * order.  What is cut from a frame equals, but for the IPv4 identification, what went in; so a
 * packet with a wrong checksum is not merged.  The first packet of a flow in a burst is not
 * held back, nor copied, unless the flow merged lately.  Nothing is allocated after
 * merge_new().
 */
#pragma once

#include "nat64/nat64.h"

#define MERGE_SEGMENTS_MAX 64u /* as of a UDP frame for Linux (UDP_MAX_SEGMENTS) */
#define MERGE_HEADROOM     64u /* free bytes before each frame at the sink */

struct merge;

/* The first of n IPv4 identifications in a row (nat64_ids). */
typedef uint16_t merge_ids_fn(void *arg, unsigned n);

struct merge_counts {
	uint64_t frames, packets; /* frames that were made, packets in them */
};

/* NULL when memory is short.  Nothing is merged before merge_allow(). */
struct merge *merge_new(const struct nat64_sink *out, merge_ids_fn *ids, void *ids_arg);
void merge_free(struct merge *);

/* The kinds of frames that the device takes; what is held goes out first. */
void merge_allow(struct merge *, bool tcp, bool udp);

/* A packet as it is to be written; fits struct nat64_sink. */
void merge_packet(void *merge, const uint8_t *buf, size_t len, const struct gso *gso);

/* The end of a burst: whatever is held goes out. */
void merge_flush(struct merge *);

const struct merge_counts *merge_counts(const struct merge *);
