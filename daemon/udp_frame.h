/* SPDX-License-Identifier: GPL-3.0-or-later */
/* udp_frame.h - datagrams of one length that go to one peer as one frame, which is cut as late
 * as can be: by the network card, or before it (UDP_SEGMENT, udp(7), Linux 4.18).
 */
#pragma once

#include <errno.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* What goes with the message; lives as long as it. */
struct udp_frame {
	union {
		struct cmsghdr head;
		uint8_t buf[CMSG_SPACE(sizeof(uint16_t))];
	};
};

/* Each of the vectors of m becomes a datagram; all have the length of the first. */
static inline void udp_frame_of(struct msghdr *m, struct udp_frame *f)
{
	uint16_t size = (uint16_t)m->msg_iov->iov_len;

	f->head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof size),
				    .cmsg_level = SOL_UDP,
				    .cmsg_type = UDP_SEGMENT };
	memcpy(CMSG_DATA(&f->head), &size, sizeof size);
	m->msg_control = f;
	m->msg_controllen = sizeof *f;
}

/* Whether the datagrams of a frame that was refused so may pass alone: too long for the path,
 * or a path that takes no frames (IPsec; before Linux 6.11 devices without checksums). */
static inline bool udp_frame_refused(int error)
{
	return error == EMSGSIZE || error == EINVAL || error == EIO;
}

/* Whether the kernel knows of frames: one that does not would send a single long datagram. */
static inline bool udp_frame_is_known(int fd)
{
	int size;
	socklen_t len = sizeof size;

	return getsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, &len) == 0;
}
