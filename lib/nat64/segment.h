/* SPDX-License-Identifier: GPL-3.0-or-later */
/* segment.h - a frame cut into the packets that it stands for, as the kernel would: for whom
 * frames are refused, and for everything about single packets (errors, fragments).
 *
 * Each header is written right before its piece of payload, over what was cut off already, so
 * nothing is copied but headers.  Linux: segmentation-offloads.rst, checksum-offloads.rst.
 */
#pragma once

#include "nat64/gso.h"
#include "nat64/iphdr.h"
#include "nat64/xlat.h"

#define SEGMENT_HEAD_MAX 512u /* headers of a frame that can be cut */

/* Nobody who sends frames in earnest has more in one: 64 KiB of 64 bytes each.  A guest may say
 * of a frame that it is to be cut into bytes, and each of 65,000 packets would find its way. */
#define SEGMENT_COUNT_MAX 1024u

/* What lies behind the IP headers of a frame; false when they cannot be read. */
bool segment_read(uint8_t *frame, size_t len, struct xlat_l4 *out);

/* The lengths of the headers before the transport header, and of that, in a frame of TCP or UDP
 * that came from the engine. */
bool segment_heads(const uint8_t *frame, size_t len, size_t *before, size_t *transport,
		   uint8_t *proto);

/* The transport header and the payload of the largest packet that the frame is cut into, 0 when
 * it is none: neither TCP nor UDP as it says, a fragment, cut off. */
size_t segment_unit(const struct xlat_l4 *, const struct gso *);

/* How many packets it stands for; unit is not 0. */
unsigned segment_count(const struct xlat_l4 *, const struct gso *, size_t unit);

struct segments {
	uint8_t *payload; /* of the next */
	size_t left;
	struct gso gso;
	size_t head_len, l4; /* bytes that all have in common, those of IP among them */
	uint32_t i;
	uint8_t head[SEGMENT_HEAD_MAX];
};

/* Reads a frame, which is overwritten from now on; false when it is none, or would become more
 * than SEGMENT_COUNT_MAX packets. */
bool segments_init(struct segments *, uint8_t *frame, size_t len, const struct gso *);

/* The next packet with all its checksums and its length; false behind the last.  The bytes
 * before it may be written to.  One that was in use is not needed any more. */
bool segments_next(struct segments *, uint8_t **packet, size_t *len);
