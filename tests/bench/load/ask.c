/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask.c - questions to a DNS server, from several sockets at once: so many outstanding at any
 * time (ask), or as fast as they can be sent (pour). */
#include "load.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	FEW = 4, /* sockets that are looked at without asking which are ready */
	SOCKETS_MAX = 256,
	BATCH = 32,
	QUESTION = 24 + 20, /* octets */
	SLOTS = 4096, /* the low twelve bits of an ID; the others tell a slot's questions apart
		       */
	LOST_MS = 1500,
};

struct slot {
	int64_t sent;
	uint16_t id;
};

struct asker {
	int fds[SOCKETS_MAX];
	unsigned int sockets;
	uint8_t type;
	char letter;
	uint32_t next, names, first_name, window, serial;
	unsigned int pause_us;
	struct slot slots[SLOTS];
	struct load_times times;
	bool counting;
	long long answered, lost, wrong;
};

/* <letter><seven digits>.bench.example.net */
static void write_question(struct asker *a, uint8_t p[QUESTION], uint16_t id)
{
	/* And the high octet of the type. */
	static const uint8_t tail[QUESTION - 24] = "\5bench\7example\3net\0\0";
	uint32_t n = a->first_name + (a->names ? a->next % a->names : a->next);
	char label[16];

	a->next++;
	memset(p, 0, 12);
	p[0] = (uint8_t)(id >> 8);
	p[1] = (uint8_t)id;
	p[2] = 1; /* RD */
	p[5] = 1;
	p[12] = 8;
	snprintf(label, sizeof(label), "%c%07x", a->letter, n & 0xfffffff);
	memcpy(p + 13, label, 8);
	memcpy(p + 21, tail, sizeof(tail));
	p[21 + sizeof(tail)] = a->type;
	p[22 + sizeof(tail)] = 0;
	p[23 + sizeof(tail)] = 1;
}

/* New questions in the slots, from the socket that all of them belong to: as one frame, which
 * the kernel cuts (UDP_SEGMENT), so that whoever asks needs less time than whoever answers. */
static void send_slots(struct asker *a, int fd, const uint16_t *which, int n)
{
	uint8_t data[BATCH * QUESTION];
	int64_t now;

	if (a->pause_us)
		usleep(a->pause_us);
	now = load_now();
	for (int i = 0; i < n; i++) {
		struct slot *slot = &a->slots[which[i]];

		slot->id = (uint16_t)(which[i] | a->serial++ << 12);
		slot->sent = now;
		write_question(a, data + i * QUESTION, slot->id);
	}
	send(fd, data, (size_t)n * QUESTION, 0);
}

/* The slot that an answer is for, or -1. */
static int take(struct asker *a, const uint8_t *p, unsigned int len, int64_t now)
{
	uint16_t id = (uint16_t)(p[0] << 8 | p[1]);
	struct slot *slot = &a->slots[id & (SLOTS - 1)];

	if (len < 12 || !slot->sent || slot->id != id)
		return -1;
	if (a->counting) {
		a->answered++;
		a->wrong += (p[3] & 15) != 0 || p[7] == 0 || p[2] & 2;
		load_times_add(&a->times, now - slot->sent);
	}
	slot->sent = 0;
	return id & (SLOTS - 1);
}

/* What is there on one socket, each answer followed by another question. */
static bool receive(struct asker *a, int fd)
{
	static uint8_t data[BATCH][1024];
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec vectors[BATCH];
	uint16_t which[BATCH];
	int64_t now;
	int n, free = 0;

	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){ data[i], sizeof(data[i]) };
		messages[i].msg_hdr =
			(struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
	now = load_now();
	for (int i = 0; i < n; i++) {
		int slot = take(a, data[i], messages[i].msg_len, now);

		if (slot >= 0)
			which[free++] = (uint16_t)slot;
	}
	if (free)
		send_slots(a, fd, which, free);
	return n > 0;
}

static void ask_again(struct asker *a)
{
	int64_t now = load_now();

	for (uint16_t i = 0; i < a->window; i++) {
		if (now - a->slots[i].sent < LOST_MS * INT64_C(1000000))
			continue;
		a->lost += a->counting;
		send_slots(a, a->fds[i % a->sockets], &i, 1);
	}
}

static void run_until(struct asker *a, int64_t end, long long questions)
{
	bool blindly = a->sockets <= FEW && a->window >= a->sockets;
	struct pollfd polls[SOCKETS_MAX];
	int64_t look = load_now() + 100000000;

	for (unsigned int i = 0; i < a->sockets; i++)
		polls[i] = (struct pollfd){ .fd = a->fds[i], .events = POLLIN };
	while (load_now() < end && (!questions || a->answered < questions)) {
		bool any = false;

		for (unsigned int i = 0; i < a->sockets; i++)
			if (polls[i].revents || blindly)
				any |= receive(a, a->fds[i]);
		if (!any || !blindly)
			poll(polls, a->sockets, 10);
		if (load_now() > look) {
			ask_again(a);
			look = load_now() + 100000000;
		}
	}
}

static void open_sockets(struct asker *a, const char *netns, const char *target,
			 unsigned int sockets)
{
	static const int size = QUESTION;

	if (sockets < 1 || sockets > SOCKETS_MAX) {
		errno = 0;
		load_die("1 to %d ports", SOCKETS_MAX);
	}
	a->sockets = sockets;
	for (unsigned int i = 0; i < sockets; i++) {
		a->fds[i] = load_connected(netns, target, 53, SOCK_DGRAM);
		load_try(setsockopt(a->fds[i], SOL_UDP, UDP_SEGMENT, &size, sizeof(size)),
			 "UDP_SEGMENT");
	}
}

static double own_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int load_ask(char **argv)
{
	static struct asker a;
	double seconds = load_number(argv, 11);
	long long questions = seconds < 0 ? (long long)-seconds : 0;
	int64_t begin;
	double own, used;

	a.type = strcmp(load_arg(argv, 3), "AAAA") == 0 ? 28 : 1;
	a.letter = *load_arg(argv, 4);
	a.names = (uint32_t)load_number(argv, 5);
	a.first_name = (uint32_t)load_number(argv, 6);
	a.window = (uint32_t)load_number(argv, 7);
	a.pause_us = (unsigned int)load_number(argv, 8);
	a.times = load_times_new(8 << 20);
	load_pin(argv[1]);
	if (load_number(argv, 9) != 0)
		load_first();
	open_sockets(&a, argv[0], argv[2], (unsigned int)load_number(argv, 10));
	ask_again(&a);
	if (!questions)
		run_until(&a, load_now() + (int64_t)(seconds / 4 * 1e9), 0);
	printf("begin\n");
	fflush(stdout);
	begin = load_now();
	own = own_cpu();
	used = load_cpu();
	a.counting = true;
	run_until(&a, begin + (int64_t)((questions ? 300 : seconds) * 1e9), questions);
	seconds = (double)(load_now() - begin) / 1e9;
	used = load_cpu() - used;
	own = own_cpu() - own;
	printf("{\"seconds\":%.6f,\"answered\":%lld,\"lost\":%lld,\"wrong\":%lld,\"p50_us\":%."
	       "3f,\"p99_us\":%.3f,"
	       "\"next_name\":%u,\"own_cpu_s\":%.6f,\"cpu_s\":%.6f}\n",
	       seconds, a.answered, a.lost, a.wrong, load_times_at(&a.times, 50),
	       load_times_at(&a.times, 99), a.first_name + a.next, own, used);
	return 0;
}

int load_pour(char **argv)
{
	static struct asker a = { .type = 28, .letter = 'a' };
	uint16_t which[BATCH] = { 0 };
	uint8_t nothing[1];
	long long sent = 0;
	int64_t begin = load_now(), end = begin + (int64_t)(load_number(argv, 4) * 1e9);

	a.names = (uint32_t)load_number(argv, 3);
	load_pin(argv[1]);
	open_sockets(&a, argv[0], argv[2], FEW);
	printf("begin\n");
	fflush(stdout);
	while (load_now() < end) {
		int fd = a.fds[sent / BATCH % FEW];

		send_slots(&a, fd, which, BATCH);
		sent += BATCH;
		while (recv(fd, nothing, sizeof(nothing), MSG_DONTWAIT) >= 0)
			a.answered++;
	}
	printf("{\"seconds\":%.6f,\"sent\":%lld,\"answered\":%lld}\n",
	       (double)(load_now() - begin) / 1e9, sent, a.answered);
	return 0;
}
