/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gso.h - what the sender of a frame has left to whoever is next: to complete its checksum, to
 * cut it into segments (Linux: segmentation-offloads.rst).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum gso_kind { GSO_NONE, GSO_TCP, GSO_UDP };

/* All zero: a packet as it goes over the wire. */
struct gso {
	enum gso_kind kind;
	bool partial;  /* the transport checksum is the sum of the pseudo-header alone, not
			  complemented; always so for what is to be cut */
	bool ecn;      /* TCP with CWR, which the first segment alone shall have */
	uint16_t size; /* payload bytes of each segment but the last; 0 with GSO_NONE */
};
