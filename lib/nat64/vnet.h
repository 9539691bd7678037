/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnet.h - the header that Linux puts before the frames of a TUN device, in the byte order of
 * the host (VIRTIO 5.1.6, legacy; linux/virtio_net.h). */
#pragma once

#include "nat64/gso.h"

#include <stddef.h>

#define VNET_LEN 10u

/* What it says of a frame that was read.  A checksum that only the kernel knows how to complete
 * is completed here.  False: it says what cannot be of this frame. */
bool vnet_read(const uint8_t head[VNET_LEN], uint8_t *frame, size_t len, struct gso *out);

/* For a frame, or a packet, that is to be written. */
void vnet_write(uint8_t head[VNET_LEN], const uint8_t *frame, size_t len, const struct gso *);
