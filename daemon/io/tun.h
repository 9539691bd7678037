/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tun.h - the TUN device: whole IP packets in bursts. */
#pragma once

#include "daemon/ev.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TUN_HEADROOM   64u /* free bytes before each packet read */
#define TUN_PACKET_MAX 65535u

struct tun;

/* One packet; buf has TUN_HEADROOM free bytes before it and 64 behind it, and may be written
 * to. */
typedef void tun_packet_fn(void *arg, uint8_t *buf, size_t len);

/* Opens the device of that name, or makes it; one that is there is adopted (multi_queue as it
 * is). 0, or -errno: -EPERM no right, -EBUSY held by another process; NULL *out then. */
int tun_open(struct ev_loop *, const char *name, tun_packet_fn *, void *arg, struct tun **out);

/* Takes the device away if it was made here; with keep it stays as far as the kernel lets it.
 */
void tun_close(struct tun *, bool keep);

uint32_t tun_index(const struct tun *);
const char *tun_name(const struct tun *);
bool tun_adopted(const struct tun *);

/* Up, with this MTU, and without a link-local address (addr_gen_mode none).  0 or -errno. */
int tun_configure(struct tun *, uint32_t mtu);

/* Has the device been taken away under us? */
bool tun_lost(const struct tun *);

/* 0, or -errno; -EAGAIN and -ENOBUFS mean that the packet is lost. */
int tun_write(struct tun *, const uint8_t *buf, size_t len);

/* The time of the burst being delivered is ev_now_ms(). */
