/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64_maps.h - what the daemon and its program in the kernel tell each other: keys and values
 * of the program's maps.  Addresses and delta lie as on the wire.
 */
#pragma once

#include <linux/types.h>

/* conf[0] */
struct fast_conf {
	__u32 epoch; /* a pair of another one is void */
	__u32 mtu;
	__u32 fragment_mtu; /* what an IPv4 packet without DF may become, MTU considered */
};

/* What a pair stands on; a slot is a mapping of the daemon's. */
struct fast_base {
	__u32 epoch;
	__u32 slot, generation; /* void when slots[slot] is another one */
	__u32 delta;            /* what the transport checksum has to grow by (RFC 1624) */
};

struct fast_key6 {
	__be32 src[4], dst[4];
};

struct fast_key4 {
	__be32 src, dst;
};

/* pairs6: what an IPv6 packet from src to dst becomes */
struct fast_pair6 {
	struct fast_base base;
	struct fast_key4 to;
};

/* pairs4: and an IPv4 packet */
struct fast_pair4 {
	struct fast_base base;
	struct fast_key6 to;
};

/* usage[slot], for each CPU; [0] IPv6 to IPv4, [1] IPv4 to IPv6, in packets as they go over the
 * wire. */
struct fast_usage {
	__u64 packets[2], bytes[2];
	__u64 used_ns; /* CLOCK_MONOTONIC, to the tick */
};
