/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns_burst.h"

#include "daemon/udp_frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum {
	ANSWERS = 32,
	DATA_LEN = 65536,
	FRAME_MAX = 61440, /* with headers less than an IP packet can have */
	HEADER_LEN = 12,
};

struct answer {
	union {
		struct sockaddr sa;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} to;
	socklen_t to_len;
	struct iovec data;
};

struct dns_burst {
	struct answer answers[ANSWERS];
	unsigned n;
	size_t len;
	struct mmsghdr msgs[ANSWERS]; /* made of the answers by gather() */
	struct iovec iov[ANSWERS];
	struct udp_frame frames[ANSWERS];
	uint8_t data[DATA_LEN];
};

struct dns_burst *dns_burst_new(void)
{
	return calloc(1, sizeof(struct dns_burst));
}

void dns_burst_free(struct dns_burst *b)
{
	free(b);
}

bool dns_burst_add(struct dns_burst *b, const struct sockaddr *to, socklen_t to_len,
		   const uint8_t *msg, size_t len)
{
	struct answer *a = &b->answers[b->n];

	if (b->n == ANSWERS || len > sizeof b->data - b->len)
		return false;
	memcpy(&a->to, to, to_len);
	a->to_len = to_len;
	a->data = (struct iovec){ b->data + b->len, len };
	memcpy(a->data.iov_base, msg, len);
	b->len += len;
	b->n++;
	return true;
}

static bool go_together(const struct answer *a, const struct answer *b)
{
	return a->data.iov_len == b->data.iov_len && a->to_len == b->to_len &&
	       memcmp(&a->to, &b->to, a->to_len) == 0;
}

/* One message of answers[i] and all behind it that may go with it and are in none yet; returns
 * these as bits. */
static uint32_t begin_message(struct dns_burst *b, unsigned i, uint32_t left, struct msghdr *m,
			      struct iovec *iov)
{
	struct answer *first = &b->answers[i];
	uint32_t mine = 0;
	size_t len = 0;

	*m = (struct msghdr){ .msg_name = &first->to,
			      .msg_namelen = first->to_len,
			      .msg_iov = iov };
	for (uint32_t rest = left; rest; rest &= rest - 1) {
		unsigned k = (unsigned)__builtin_ctz(rest);
		const struct answer *a = &b->answers[k];

		if (!go_together(first, a))
			continue;
		len += a->data.iov_len;
		if (mine && len > FRAME_MAX)
			break;
		mine |= UINT32_C(1) << k;
		iov[m->msg_iovlen++] = a->data;
	}
	return mine;
}

/* Returns how many messages it became. */
static unsigned gather(struct dns_burst *b, bool frames)
{
	uint32_t left = (uint32_t)((UINT64_C(1) << b->n) - 1);
	struct iovec *iov = b->iov;
	unsigned n = 0;

	while (left) {
		unsigned i = (unsigned)__builtin_ctz(left);
		struct msghdr *m = &b->msgs[n].msg_hdr;

		left &= ~begin_message(b, i, frames ? left : UINT32_C(1) << i, m, iov);
		if (m->msg_iovlen > 1)
			udp_frame_of(m, &b->frames[n]);
		iov += m->msg_iovlen;
		n++;
	}
	return n;
}

/* The header and question of a message, with TC set; 0: there is none. */
static size_t cut(uint8_t *msg, size_t len)
{
	size_t at = HEADER_LEN;

	while (at < len && msg[at] && msg[at] < 64)
		at += 1u + msg[at];
	at += 5;
	if (at > len || msg[at - 5] != 0)
		return 0;
	msg[2] |= 0x02;
	memset(msg + 6, 0, 6);
	return at;
}

static void send_alone(int fd, const struct msghdr *m, struct iovec data)
{
	struct msghdr alone = { .msg_name = m->msg_name,
				.msg_namelen = m->msg_namelen,
				.msg_iov = &data,
				.msg_iovlen = 1 };
	size_t n;

	if (sendmsg(fd, &alone, 0) >= 0 || errno != EMSGSIZE)
		return;
	n = cut(data.iov_base, data.iov_len);
	if (!n || n >= data.iov_len)
		return;
	data.iov_len = n;
	sendmsg(fd, &alone, 0);
}

/* What could not be sent as it is. */
static void resend(int fd, const struct msghdr *m, int error, bool *frames)
{
	bool frame = m->msg_iovlen > 1;

	if (error != EMSGSIZE && !(frame && udp_frame_refused(error)))
		return;
	if (frame && error == EIO)
		*frames = false;
	for (size_t i = 0; i < m->msg_iovlen; i++)
		send_alone(fd, m, m->msg_iov[i]);
}

void dns_burst_send(struct dns_burst *b, int fd, bool *frames)
{
	unsigned n = gather(b, *frames);

	for (unsigned at = 0; at < n;) {
		int sent = sendmmsg(fd, b->msgs + at, n - at, 0);

		if (sent > 0)
			at += (unsigned)sent;
		else
			resend(fd, &b->msgs[at++].msg_hdr, errno, frames);
	}
	b->n = 0;
	b->len = 0;
}
