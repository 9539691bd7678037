/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pingpong.c - one UDP datagram to the server and back, again and again: round trips. */
#include "load.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 64 };

static void send_back(int fd)
{
	char data[SIZE];
	struct load_at from;

	for (;;) {
		ssize_t n;

		from.len = sizeof(from.sa);
		n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from.sa, &from.len);
		if (n > 0)
			sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from.sa, from.len);
	}
}

/* True when this one's answer came, and not one of an earlier one's. */
static bool exchange(int fd, uint32_t serial)
{
	char data[SIZE] = { 0 };
	uint32_t got;

	memcpy(data, &serial, sizeof(serial));
	if (send(fd, data, sizeof(data), 0) < 0)
		return false;
	while (recv(fd, data, sizeof(data), 0) > 0) {
		memcpy(&got, data, sizeof(got));
		if (got == serial)
			return true;
	}
	return false;
}

int load_pingpong(char **argv)
{
	int port = (int)load_number(argv, 6), pause_us = (int)load_number(argv, 8);
	int server = load_bound(load_arg(argv, 1), load_arg(argv, 5), port, SOCK_DGRAM);
	int client = load_connected(argv[0], argv[4], port, SOCK_DGRAM);
	struct load_times times = load_times_new(4 << 20);
	struct timeval patience = { .tv_usec = 200000 };
	bool first = load_number(argv, 9) != 0;
	long long lost = 0;
	int64_t begin, end;
	pid_t other = load_try(fork(), "fork");

	if (first)
		load_first();
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		load_pin(argv[3]);
		send_back(server);
	}
	load_pin(argv[2]);
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (uint32_t i = 0; i < 100; i++)
		exchange(client, ~i);
	printf("begin\n");
	fflush(stdout);
	begin = load_now();
	end = begin + (int64_t)(load_number(argv, 7) * 1e9);
	for (uint32_t i = 0; load_now() < end; i++) {
		int64_t sent = load_now();

		if (exchange(client, i))
			load_times_add(&times, load_now() - sent);
		else
			lost++;
		if (pause_us)
			usleep((useconds_t)pause_us);
	}
	printf("{\"seconds\":%.6f,\"exchanges\":%zu,\"lost\":%lld,\"p50_us\":%.3f,\"p99_us\":%."
	       "3f}\n",
	       (double)(load_now() - begin) / 1e9, times.n, lost, load_times_at(&times, 50),
	       load_times_at(&times, 99));
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return 0;
}
