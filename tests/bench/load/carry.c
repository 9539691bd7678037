/* SPDX-License-Identifier: GPL-3.0-or-later */
/* carry.c - octets that are known beforehand, by TCP and UDP, both ways at once: each receiver
 * compares what comes with what must have been sent.  UDP also leaves in large pieces that are
 * cut on the way (UDP_SEGMENT). */
#include "load.h"

#include <errno.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
	STREAMS = 4, /* the even ones upwards */
	BLOCK = 1 << 16,
	PERIOD = 65521, /* a prime: no two places of a packet's size apart look the same */
	PIECES = 8,
	BIG = 3000,
	PATIENCE_S = 20,
};

struct told {
	_Atomic long long tcp_bytes[2], udp_sent[2], udp_received[2], corrupt_bytes,
		corrupt_datagrams, broken;
};

static struct told *told;
static uint8_t pattern[PERIOD + BLOCK];
static int64_t end;

static void make_pattern(void)
{
	uint64_t x = 88172645463325252ULL;

	for (size_t i = 0; i < PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		pattern[i] = (uint8_t)(x >> 32);
	}
	for (size_t i = 0; i < BLOCK; i++)
		pattern[PERIOD + i] = pattern[i % PERIOD];
}

static long long differing(const uint8_t *got, const uint8_t *right, size_t n)
{
	long long bad = 0;

	if (memcmp(got, right, n) == 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		bad += got[i] != right[i];
	return bad;
}

/* Stream i begins at its own place of the pattern. */
static void tcp_send(int fd, int i)
{
	uint64_t at = (uint64_t)i * 9973;

	while (load_now() < end) {
		size_t n = 1 + (size_t)(at * 2654435761U >> 7) % (BLOCK - 1);
		ssize_t sent = send(fd, pattern + at % PERIOD, n, MSG_NOSIGNAL);

		if (sent < 0) {
			told->broken++;
			return;
		}
		at += (uint64_t)sent;
	}
	shutdown(fd, SHUT_WR);
	recv(fd, &(char){ 0 }, 1, 0);
}

static void tcp_receive(int fd, int i)
{
	static uint8_t data[BLOCK];
	uint64_t at = (uint64_t)i * 9973;
	ssize_t n;

	while ((n = recv(fd, data, sizeof(data), 0)) > 0) {
		told->corrupt_bytes += differing(data, pattern + at % PERIOD, (size_t)n);
		told->tcp_bytes[i & 1] += n;
		at += (uint64_t)n;
	}
	told->broken += n < 0;
}

/* A datagram: its number, its length, and the pattern from its number on. */
static size_t write_datagram(uint8_t *p, uint32_t number, uint16_t len)
{
	memcpy(p, &number, 4);
	memcpy(p + 4, &len, 2);
	memcpy(p + 6, pattern + number % PERIOD, len - 6U);
	return len;
}

static void send_cut(int fd, const uint8_t *data, size_t n, uint16_t piece)
{
	char control[CMSG_SPACE(sizeof(piece))] = { 0 };
	struct iovec vector = { (void *)(uintptr_t)data, n };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(piece));
	memcpy(CMSG_DATA(c), &piece, sizeof(piece));
	if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0 && errno == EINVAL)
		send(fd, data, piece, MSG_NOSIGNAL); /* wider than the path */
}

static void udp_send(int fd, int way)
{
	static uint8_t data[BIG * PIECES];

	for (uint32_t number = 0; load_now() < end; number++) {
		uint16_t len =
			(uint16_t)(6 + number * 2654435761U % (number % 64 ? 1200 : BIG - 6));
		size_t n = 0;

		if (number % 2) {
			len = len < 1200 ? len : 1200;
			for (int i = 0; i < PIECES; i++)
				n += write_datagram(data + n, number, len);
			send_cut(fd, data, n, len);
			told->udp_sent[way] += PIECES;
		} else {
			send(fd, data, write_datagram(data, number, len), MSG_NOSIGNAL);
			told->udp_sent[way]++;
		}
		usleep(300);
	}
}

static void udp_receive(int fd, int way)
{
	static uint8_t data[BLOCK], right[BLOCK];

	while (load_now() < end + INT64_C(500000000)) {
		ssize_t n = recv(fd, data, sizeof(data), 0);
		uint32_t number;

		if (n < 6)
			continue;
		memcpy(&number, data, 4);
		write_datagram(right, number, (uint16_t)n);
		told->udp_received[way]++;
		told->corrupt_datagrams += memcmp(data, right, (size_t)n) != 0;
	}
}

/* other: the far end, which must end when its own process does; or -1. */
static void start(void (*what)(int, int), int fd, int other, int number, const char *netns)
{
	if (load_try(fork(), "fork"))
		return;
	close(other);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	load_enter(netns);
	what(fd, number);
	_exit(0);
}

static void start_streams(char **argv, int port)
{
	int listener = load_bound(argv[1], argv[3], port, SOCK_STREAM);
	struct timeval patience = { .tv_sec = PATIENCE_S };

	load_try(listen(listener, STREAMS), "listen");
	for (int i = 0; i < STREAMS; i++) {
		int client = load_connected(argv[0], argv[2], port, SOCK_STREAM);
		int server = load_try(accept(listener, NULL, NULL), "accept");

		for (int k = 0; k < 2; k++) {
			setsockopt(k ? client : server, SOL_SOCKET, SO_RCVTIMEO, &patience,
				   sizeof(patience));
			setsockopt(k ? client : server, SOL_SOCKET, SO_SNDTIMEO, &patience,
				   sizeof(patience));
		}
		start(tcp_send, i & 1 ? server : client, i & 1 ? client : server, i,
		      argv[i & 1]);
		start(tcp_receive, i & 1 ? client : server, i & 1 ? server : client, i,
		      argv[!(i & 1)]);
		close(client);
		close(server);
	}
}

static void start_datagrams(char **argv, int port)
{
	int server = load_bound(argv[1], argv[3], port, SOCK_DGRAM);
	int client = load_connected(argv[0], argv[2], port, SOCK_DGRAM);
	struct load_at from = { .len = sizeof(from.sa) };
	struct timeval patience = { .tv_usec = 100000 };
	char data[16];

	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 1 },
		   sizeof(patience));
	for (int tries = 0;; tries++) {
		send(client, "hello", 5, 0);
		if (recvfrom(server, data, sizeof(data), 0, (struct sockaddr *)&from.sa,
			     &from.len) > 0)
			break;
		if (tries == 10)
			load_die("no datagram arrives");
	}
	load_try(connect(server, (struct sockaddr *)&from.sa, from.len), "connect");
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	start(udp_send, client, -1, 0, argv[0]);
	start(udp_send, server, -1, 1, argv[1]);
	start(udp_receive, server, -1, 0, argv[1]);
	start(udp_receive, client, -1, 1, argv[0]);
}

int load_carry(char **argv)
{
	int port = (int)load_number(argv, 4);

	end = load_now() + (int64_t)(load_number(argv, 5) * 1e9);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		    0);
	make_pattern();
	start_streams(argv, port);
	start_datagrams(argv, port);
	while (wait(NULL) > 0) {
	}
	printf("{\"tcp_up\":%lld,\"tcp_down\":%lld,\"udp_up\":[%lld,%lld],\"udp_down\":[%lld,%"
	       "lld],"
	       "\"corrupt_bytes\":%lld,\"corrupt_datagrams\":%lld,\"broken\":%lld}\n",
	       told->tcp_bytes[0], told->tcp_bytes[1], told->udp_sent[0], told->udp_received[0],
	       told->udp_sent[1], told->udp_received[1], told->corrupt_bytes,
	       told->corrupt_datagrams, told->broken);
	return 0;
}
