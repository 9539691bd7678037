/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "icmp6.h"

#include "base/addr.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST         64   /* messages read in one wake-up */
#define MSG_LEN       9216 /* a jumbo frame */
#define CLASS_CS6     0xc0 /* network control, RFC 4594 3.1 */
#define RECEIVE_BYTES 65536

struct icmp6 {
	int fd;
	uint32_t index;
	struct ev_io *io;
	icmp6_fn *fn;
	void *arg;
};

static const struct in6_addr all_routers = { { { 0xff, 2, [15] = 2 } } };

/* --- receiving ----------------------------------------------------------------------- */

/* What the kernel says about a message beside its bytes. */
struct about {
	int hop_limit;
	struct in6_pktinfo to;
};

static void read_about(struct msghdr *msg, struct about *out)
{
	bool in_fragments = false;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_HOPLIMIT && c->cmsg_len >= CMSG_LEN(sizeof(int)))
			memcpy(&out->hop_limit, CMSG_DATA(c), sizeof out->hop_limit);
		if (c->cmsg_type == IPV6_PKTINFO && c->cmsg_len >= CMSG_LEN(sizeof out->to))
			memcpy(&out->to, CMSG_DATA(c), sizeof out->to);
		in_fragments |= c->cmsg_type == IPV6_RECVFRAGSIZE;
	}
	if (in_fragments)
		out->hop_limit = -2;
}

/* Reads one message into buf: its length, or -errno. */
static ssize_t receive(struct icmp6 *s, uint8_t *buf, struct in6_addr *src, struct about *about)
{
	union {
		struct cmsghdr align;
		char bytes[2 * CMSG_SPACE(sizeof(int)) +
			   CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control;
	struct sockaddr_in6 from = { 0 };
	struct iovec iov = { buf, MSG_LEN };
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof from,
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof control };
	ssize_t len = recvmsg(s->fd, &msg, MSG_DONTWAIT);

	if (len < 0)
		return -errno;
	*about = (struct about){ .hop_limit = -1 };
	read_about(&msg, about);
	*src = from.sin6_addr;
	return msg.msg_flags & MSG_TRUNC ? 0 : len;
}

static void on_readable(void *arg, unsigned ready)
{
	struct icmp6 *s = arg;
	uint8_t buf[MSG_LEN];
	struct in6_addr src;
	struct about about;

	(void)ready;
	for (int i = 0; i < BURST; i++) {
		ssize_t len = receive(s, buf, &src, &about);

		/* An error that waited on the socket is read away like a message. */
		if (len == -EAGAIN || len == -EBADF)
			return;
		if (len > 0 && about.to.ipi6_ifindex == s->index)
			s->fn(s->arg, &src, &about.to.ipi6_addr, about.hop_limit, buf,
			      (size_t)len);
	}
}

/* --- opening ------------------------------------------------------------------------- */

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

static int set_filter(int fd)
{
	struct icmp6_filter filter;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_ADVERT, &filter);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0 ? -errno
											: 0;
}

static int join(int fd, uint32_t index)
{
	struct ipv6_mreq group = { .ipv6mr_multiaddr = all_routers, .ipv6mr_interface = index };

	return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof group) < 0 ? -errno
										       : 0;
}

/* Bound before anything can come in; the filter is set before the binding lets it. */
static int set_up(int fd, uint32_t index)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255 },
		{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255 },
		/* Or the host would configure itself from its own advertisements. */
		{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0 },
		{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1 },
		{ IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 },
		{ IPPROTO_IPV6, IPV6_RECVFRAGSIZE, 1 },
		{ IPPROTO_IPV6, IPV6_TCLASS, CLASS_CS6 },
		{ SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES },
	};
	int error = set_filter(fd);

	for (size_t i = 0; !error && i < sizeof options / sizeof options[0]; i++)
		error = set(fd, options[i].level, options[i].option, options[i].value);
	if (!error)
		error = set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)index);
	if (!error)
		error = set(fd, SOL_SOCKET, SO_BINDTOIFINDEX, (int)index);
	if (!error)
		error = join(fd, index);
	return error;
}

static int open_raw(int *out)
{
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);

	if (fd < 0)
		return -errno;
	*out = fd;
	return 0;
}

int icmp6_check(void)
{
	int fd, error = open_raw(&fd);

	if (!error)
		close(fd);
	return error;
}

int icmp6_open(struct ev_loop *loop, uint32_t index, icmp6_fn *fn, void *arg,
	       struct icmp6 **out)
{
	struct icmp6 *s = calloc(1, sizeof *s);
	int error;

	if (!s)
		return -ENOMEM;
	*s = (struct icmp6){ .fd = -1, .index = index, .fn = fn, .arg = arg };
	error = open_raw(&s->fd);
	if (!error)
		error = set_up(s->fd, index);
	if (!error) {
		s->io = ev_io_new(loop, s->fd, EV_IO_READ, on_readable, s);
		error = s->io ? 0 : -ENOMEM;
	}
	if (error) {
		icmp6_close(s);
		return error;
	}
	*out = s;
	return 0;
}

void icmp6_close(struct icmp6 *s)
{
	if (!s)
		return;
	ev_io_free(s->io);
	if (s->fd >= 0)
		close(s->fd); /* leaves the group */
	free(s);
}

/* --- sending ------------------------------------------------------------------------- */

int icmp6_send(struct icmp6 *s, const struct in6_addr *src, const struct in6_addr *dst,
	       const uint8_t *buf, size_t len)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = { 0 };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_addr = *dst,
				   .sin6_scope_id = s->index };
	const struct in6_pktinfo from = { .ipi6_addr = *src, .ipi6_ifindex = s->index };
	uint8_t copy[1280];
	struct iovec iov = { copy, len };
	struct msghdr msg = { .msg_name = &to,
			      .msg_namelen = sizeof to,
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (len > sizeof copy)
		return -EMSGSIZE;
	memcpy(copy, buf, len);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof from);
	memcpy(CMSG_DATA(c), &from, sizeof from);
	return sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
