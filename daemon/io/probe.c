/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_US   200000
#define ECHO_LEN  24 /* header and a token that nobody guesses */
#define TOKEN_LEN 16
#define BURST     32

/* --- routes --------------------------------------------------------------------------- */

struct question {
	struct nlmsghdr h;
	struct rtmsg r;
	char attributes[128];
};

static void add(struct question *q, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (void *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	q->h.nlmsg_len =
		NLMSG_ALIGN(q->h.nlmsg_len) + (uint32_t)RTA_ALIGN((uint32_t)a->rta_len);
}

static void add_addr(struct question *q, uint16_t type, const struct in6_addr *addr)
{
	struct in_addr v4;

	if (!addr_is_v4(addr)) {
		add(q, type, addr, sizeof *addr);
		return;
	}
	v4 = addr_v4(addr);
	add(q, type, &v4, sizeof v4);
}

static int read_route(const struct nlmsghdr *h, ssize_t len, uint32_t *link)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	int left;

	if (!NLMSG_OK(h, (size_t)len))
		return -EIO;
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	left = (int)RTM_PAYLOAD(h);
	switch (r->rtm_type) {
	case RTN_BLACKHOLE:
		return -EINVAL;
	case RTN_UNREACHABLE:
		return -EHOSTUNREACH;
	case RTN_PROHIBIT:
		return -EACCES;
	}
	for (const struct rtattr *a = RTM_RTA(r); RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_OIF && RTA_PAYLOAD(a) >= sizeof *link)
			memcpy(link, RTA_DATA(a), sizeof *link);
	return 0;
}

int probe_route(const struct in6_addr *src, const struct in6_addr *dst, uint32_t iif,
		uint32_t *link)
{
	_Alignas(struct nlmsghdr) char buf[4096];
	const struct timeval wait = { .tv_usec = WAIT_US };
	bool v4 = addr_is_v4(dst);
	uint8_t bits = v4 ? 32 : 128;
	struct question q = { .h = { .nlmsg_len = NLMSG_LENGTH(sizeof q.r),
				     .nlmsg_type = RTM_GETROUTE,
				     .nlmsg_flags = NLM_F_REQUEST },
			      .r = { .rtm_family = v4 ? AF_INET : AF_INET6,
				     .rtm_dst_len = bits,
				     .rtm_src_len = addr_is_unspecified(src) ? 0 : bits } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), error;
	ssize_t len;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	add_addr(&q, RTA_DST, dst);
	if (!addr_is_unspecified(src))
		add_addr(&q, RTA_SRC, src);
	if (iif)
		add(&q, RTA_IIF, &iif, sizeof iif);
	*link = 0;
	len = send(fd, &q, q.h.nlmsg_len, 0) < 0 ? -1 : recv(fd, buf, sizeof buf, 0);
	error = len < 0 ? -errno : read_route((const void *)buf, len, link);
	close(fd);
	return error;
}

/* --- pings ---------------------------------------------------------------------------- */

struct probe_ping {
	int fd;
	struct ev_io *io;
	bool v4;
	uint8_t token[TOKEN_LEN];
	ev_fn *back;
	void *arg;
};

static void on_readable(void *arg, unsigned ready)
{
	struct probe_ping *p = arg;
	uint8_t buf[2048];

	(void)ready;
	for (int i = 0; i < BURST; i++) {
		ssize_t len = recv(p->fd, buf, sizeof buf, MSG_DONTWAIT);
		size_t head = p->v4 && len > 0 ? (size_t)(buf[0] & 15) * 4 : 0;

		if (len < 0 && errno == EAGAIN)
			return;
		if (len < (ssize_t)head + ECHO_LEN ||
		    buf[head] != (p->v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) ||
		    memcmp(buf + head + 8, p->token, TOKEN_LEN) != 0)
			continue;
		ev_io_set(p->io, 0);
		p->back(p->arg);
		return;
	}
}

static uint16_t checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static bool send_echo(const struct probe_ping *p, const struct in6_addr *to)
{
	uint8_t echo[ECHO_LEN] = { p->v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = *to };
	struct sockaddr_in four = { .sin_family = AF_INET };
	uint16_t sum;

	memcpy(echo + 4, p->token, 2);
	memcpy(echo + 8, p->token, TOKEN_LEN);
	if (!p->v4) /* the kernel fills in the checksum */
		return sendto(p->fd, echo, sizeof echo, MSG_DONTWAIT, (void *)&six,
			      sizeof six) == sizeof echo;
	sum = checksum(echo, sizeof echo);
	echo[2] = (uint8_t)(sum >> 8);
	echo[3] = (uint8_t)sum;
	four.sin_addr = addr_v4(to);
	return sendto(p->fd, echo, sizeof echo, MSG_DONTWAIT, (void *)&four, sizeof four) ==
	       sizeof echo;
}

/* Only answers to echoes wake the loop. */
static void set_filter(const struct probe_ping *p)
{
	struct icmp6_filter six;
	struct {
		uint32_t data;
	} four = { ~(1u << ICMP_ECHOREPLY) };

	if (p->v4) {
		setsockopt(p->fd, SOL_RAW, 1 /* ICMP_FILTER */, &four, sizeof four);
		return;
	}
	ICMP6_FILTER_SETBLOCKALL(&six);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &six);
	setsockopt(p->fd, IPPROTO_ICMPV6, ICMP6_FILTER, &six, sizeof six);
}

struct probe_ping *probe_ping(struct ev_loop *loop, const struct in6_addr *to, ev_fn *back,
			      void *arg)
{
	struct probe_ping *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->v4 = addr_is_v4(to);
	p->back = back;
	p->arg = arg;
	p->fd = socket(p->v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       p->v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (p->fd >= 0)
		set_filter(p);
	if (p->fd >= 0 &&
	    getrandom(p->token, sizeof p->token, GRND_NONBLOCK) == sizeof p->token)
		p->io = ev_io_new(loop, p->fd, EV_IO_READ, on_readable, p);
	if (p->io && send_echo(p, to))
		return p;
	probe_ping_free(p);
	return NULL;
}

void probe_ping_free(struct probe_ping *p)
{
	if (!p)
		return;
	ev_io_free(p->io);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

/* --- the rest ------------------------------------------------------------------------- */

/* The last entry of FORWARD holds its policy as the verdict of a standard target, which is
 * minus the verdict, minus 1. */
static enum doctor_legacy read_policy(int fd, int level, const struct ipt_getinfo *info,
				      size_t head)
{
	size_t size = sizeof(struct ipt_get_entries) + info->size;
	struct ipt_get_entries *entries = calloc(1, size);
	socklen_t len = (socklen_t)size;
	size_t at = info->underflow[2] + head;
	enum doctor_legacy policy = DOCTOR_LEGACY_UNKNOWN;
	int verdict;

	if (!entries)
		return policy;
	memcpy(entries->name, info->name, sizeof entries->name);
	entries->size = info->size;
	/* behind the entry: the head of its target, and the verdict */
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, entries, &len) == 0 &&
	    at + sizeof(struct xt_standard_target) <= info->size) {
		memcpy(&verdict,
		       (char *)entries->entrytable + at +
			       offsetof(struct xt_standard_target, verdict),
		       sizeof verdict);
		if (verdict == -1) /* NF_DROP is 0 */
			policy = DOCTOR_LEGACY_DROPS;
		else
			policy = info->hook_entry[2] == info->underflow[2]
					 ? DOCTOR_LEGACY_ACCEPTS
					 : DOCTOR_LEGACY_RULES;
	}
	free(entries);
	return policy;
}

enum doctor_legacy probe_legacy(bool v6)
{
	enum doctor_legacy policy = DOCTOR_LEGACY_UNKNOWN;
	int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = { .name = "filter" };
	socklen_t len = sizeof info;

	if (fd < 0)
		return policy;
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) == 0)
		policy = read_policy(fd, level, &info,
				     v6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry));
	close(fd);
	return policy;
}

static bool read_number(const char *path, uint64_t *out)
{
	unsigned long long n;
	FILE *f = fopen(path, "re");
	bool done = f && fscanf(f, "%llu", &n) == 1;

	if (f)
		fclose(f);
	if (done)
		*out = n;
	return done;
}

bool probe_conntrack(uint64_t *count, uint64_t *max)
{
	return read_number("/proc/sys/net/netfilter/nf_conntrack_count", count) &&
	       read_number("/proc/sys/net/netfilter/nf_conntrack_max", max);
}

/* The kernel takes the greater of what is set for all and for the link. */
int probe_rp_filter(const char *link)
{
	char path[96];
	uint64_t all, one;

	snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/rp_filter", link);
	if (!read_number("/proc/sys/net/ipv4/conf/all/rp_filter", &all) ||
	    !read_number(path, &one))
		return -1;
	return (int)(all > one ? all : one);
}

/* Two lines, names and then values. */
uint64_t probe_rp_dropped(void)
{
	char names[4096], values[4096], *n, *v, *at_n, *at_v;
	FILE *f = fopen("/proc/net/netstat", "re");
	uint64_t found = 0;
	bool done = f && fgets(names, sizeof names, f) && fgets(values, sizeof values, f);

	if (f)
		fclose(f);
	if (!done)
		return 0;
	n = strtok_r(names, " \n", &at_n);
	v = strtok_r(values, " \n", &at_v);
	for (; n && v; n = strtok_r(NULL, " \n", &at_n), v = strtok_r(NULL, " \n", &at_v))
		if (strcmp(n, "IPReversePathFilter") == 0)
			found = strtoull(v, NULL, 10);
	return found;
}
