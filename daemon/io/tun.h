/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tun.h - the TUN device: whole IP packets, and frames of them (gso.h), in bursts. */
#pragma once

#include "daemon/ev.h"
#include "nat64/gso.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TUN_HEADROOM   64u /* free bytes before each packet read */
#define TUN_PACKET_MAX (40u + 65535u)

struct tun;

/* One packet or frame; buf has TUN_HEADROOM free bytes before it and 64 behind it, and may be
 * written to. */
typedef void tun_packet_fn(void *arg, uint8_t *buf, size_t len, const struct gso *);

struct tun_counts {
	uint64_t bad;     /* read, and not what the header before it says, or too large */
	uint64_t refused; /* frames that the kernel did not take, and their packets then */
};

struct tun_user {
	tun_packet_fn *on_packet;
	ev_fn *on_burst_end; /* nothing is read before the loop comes round again */
	ev_fn *on_lost;      /* the device was taken away: tun_close() is all that is left */
	void *arg;
	struct tun_counts *counts;
};

/* Opens the device of that name, or makes it; one that is there is adopted (multi_queue as it
 * is).  One that the service manager kept for us (fdstore.h) comes with the packets that wait.
 * 0, or -errno: -EPERM no right, -EBUSY held by
 * another process, -EEXIST what has this name is no TUN device. */
int tun_open(struct ev_loop *, const char *name, const struct tun_user *, struct tun **out);

/* Says in the log why tun_open() failed, and what to do about it. */
void tun_complain(const char *name, int error);

/* Takes the device away if it was made here.  With keep it stays if the service manager keeps
 * it for the next process. */
void tun_close(struct tun *, bool keep);

uint32_t tun_index(const struct tun *);
const char *tun_name(const struct tun *);

/* Up, with this MTU and a queue for a restart's length.  A link-local address is prevented
 * before, by link_no_link_local().  0 or -errno. */
int tun_configure(struct tun *, uint32_t mtu);

/* Asks the kernel for frames, as many kinds as it has, or not any more; what it refuses is said
 * once.  Frames that wait already come as they are. */
void tun_set_offload(struct tun *, bool wanted);

struct tun_offload {
	bool tcp, udp;   /* frames of these come, and may be written */
	const char *why; /* what there is, or why nothing */
};

struct tun_offload tun_offload(const struct tun *);

/* A frame that the kernel refuses is cut here.  0, or -errno: -EAGAIN, -ENOBUFS, -ENOMEM (no
 * room) and -EIO (down) mean that the packet is lost. */
int tun_write(struct tun *, const uint8_t *buf, size_t len, const struct gso *);
