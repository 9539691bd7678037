/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flood.c - small UDP packets: what is sent by packet sockets at the guest, ready made, and
 * what of it arrives in a socket of the server, where nobody takes it.  So the ends cost little
 * of what the path in between has. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/sock_diag.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	DATA = 64,
	FRAME = 14 + 40 + 8 + DATA,
	BATCH = 32,
	SOURCE_PORT = 20000,
};

/* Shared with the senders. */
struct told {
	_Atomic int64_t sent;
	_Atomic bool stop;
};

struct flood {
	uint8_t *frames;
	unsigned int n;
	int port;
	double rate;
};

static uint32_t sum_of(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	return sum;
}

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* Sources count upwards from the first; the flows of a source differ by port. */
static void write_frame(uint8_t *f, const uint8_t macs[12], const uint8_t source[16],
			unsigned int serial, const uint8_t target[16], int source_port,
			int port)
{
	uint8_t *ip = f + 14, *udp = ip + 40;
	uint32_t sum;

	memcpy(f, macs, 12);
	put16(f + 12, ETHERTYPE_IPV6);
	ip[0] = 0x60;
	put16(ip + 4, 8 + DATA);
	ip[6] = IPPROTO_UDP;
	ip[7] = 64;
	memcpy(ip + 8, source, 16);
	put16(ip + 20, (unsigned int)(source[12] << 8 | source[13]) + (serial >> 16));
	put16(ip + 22, (unsigned int)(source[14] << 8 | source[15]) + (serial & 0xffff));
	memcpy(ip + 24, target, 16);
	put16(udp, (unsigned int)source_port);
	put16(udp + 2, (unsigned int)port);
	put16(udp + 4, 8 + DATA);
	put16(udp + 6, 0);
	memset(udp + 8, 'x', DATA);
	sum = sum_of(ip + 8, 32, IPPROTO_UDP + 8 + DATA);
	sum = sum_of(udp, 8 + DATA, sum);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put16(udp + 6, sum == 0xffff ? 0xffff : ~sum & 0xffff);
}

static struct flood make_frames(char **argv)
{
	unsigned int sources = (unsigned int)load_number(argv, 7),
		     flows = (unsigned int)load_number(argv, 11);
	struct flood flood = { .n = sources * flows,
			       .port = (int)load_number(argv, 10),
			       .rate = load_number(argv, 12) };
	uint8_t macs[12], source[16], target[16];

	for (int i = 0; i < 2; i++) {
		const char *text = load_arg(argv, 4 + i);

		for (int k = 0; k < 6; k++)
			macs[i * 6 + k] = (uint8_t)strtoul(text + k * 3, NULL, 16);
	}
	if (inet_pton(AF_INET6, load_arg(argv, 6), source) != 1 ||
	    inet_pton(AF_INET6, load_arg(argv, 8), target) != 1)
		load_die("an IPv6 address");
	flood.frames = calloc(flood.n, FRAME);
	if (!flood.frames)
		load_die("no memory");
	for (unsigned int i = 0; i < flood.n; i++)
		write_frame(flood.frames + i * FRAME, macs, source, i % sources, target,
			    SOURCE_PORT + (int)(i / sources), flood.port);
	return flood;
}

/* Not before its time, where there is a rate. */
static void keep_pace(const struct flood *flood, int64_t begin, int64_t sent)
{
	int64_t due = begin + (int64_t)((double)sent * 1e9 / flood->rate), now = load_now();

	if (due > now)
		nanosleep(&(struct timespec){ (due - now) / 1000000000,
					      (due - now) % 1000000000 },
			  NULL);
}

/* at: the frame that it begins with. */
static void send_all(const struct flood *flood, unsigned int at, const char *netns,
		     struct told *told)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6) };
	int fd = load_socket(netns, AF_PACKET, SOCK_RAW), on = 1;
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec vectors[BATCH];
	int64_t begin = load_now();

	to.sll_ifindex = (int)if_nametoindex("eth0");
	load_try(bind(fd, (struct sockaddr *)&to, sizeof(to)), "bind");
	load_try(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)),
		 "PACKET_QDISC_BYPASS");
	for (int i = 0; i < BATCH; i++)
		messages[i].msg_hdr =
			(struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
	while (!told->stop) {
		int n;

		for (int i = 0; i < BATCH; i++) {
			vectors[i] =
				(struct iovec){ flood->frames + (size_t)at * FRAME, FRAME };
			at = at + 1 < flood->n ? at + 1 : 0;
		}
		n = sendmmsg(fd, messages, BATCH, 0);
		told->sent += n > 0 ? n : 0;
		if (flood->rate > 0)
			keep_pace(flood, begin, told->sent);
	}
}

/* What has come to the socket.  Its filter lets nothing in, so that nobody needs time to take
 * it, and no room for it can run out; the kernel counts what it does not let in. */
static int64_t arrived(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	load_try(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len), "SO_MEMINFO");
	return info[SK_MEMINFO_DROPS];
}

static int count_only(char **argv)
{
	struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { 1, nothing };
	int fd = load_bound(load_arg(argv, 1), load_arg(argv, 9), (int)load_number(argv, 10),
			    SOCK_DGRAM);

	load_try(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
		 "SO_ATTACH_FILTER");
	return fd;
}

/* One for each processor of theirs, a part of the flows apart.  They give way to the system, so
 * that what the path needs decides how much they send, and not how the scheduler divides. */
static void start_senders(const struct flood *flood, char **argv, struct told *told)
{
	int n = load_pin(argv[2]);

	for (int i = 0; i < n; i++) {
		if (load_try(fork(), "fork"))
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* With a real-time priority (--urgent) theirs is the lowest as it is. */
		load_try(setpriority(PRIO_PROCESS, 0, 19), "setpriority");
		send_all(flood, flood->n * (unsigned int)i / (unsigned int)n, argv[0], told);
		_exit(0);
	}
}

/* Counts for SECONDS, after a quarter of that for the way to fill. */
int load_flood(char **argv)
{
	double seconds = load_number(argv, 13), used;
	int fd = count_only(argv);
	struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct flood flood = make_frames(argv);
	int64_t begin, sent, received;

	start_senders(&flood, argv, told);
	load_pin(argv[3]);
	load_first();
	usleep((useconds_t)(seconds / 4 * 1e6));
	printf("begin\n");
	fflush(stdout);
	used = load_cpu();
	begin = load_now();
	sent = told->sent;
	received = arrived(fd);
	usleep((useconds_t)(seconds * 1e6));
	received = arrived(fd) - received;
	seconds = (double)(load_now() - begin) / 1e9;
	sent = told->sent - sent;
	used = load_cpu() - used;
	printf("{\"seconds\":%.6f,\"sent\":%lld,\"received\":%lld,\"cpu_s\":%.6f}\n", seconds,
	       (long long)sent, (long long)received, used);
	fflush(stdout);
	told->stop = true;
	while (wait(NULL) > 0)
		;
	return 0;
}
