/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer.c - the DNS server that all forward to: names that begin with a have an A record,
 * those with d also AAAA; at once, or after a delay.  And the least that a server can do
 * (echo): what comes goes back. */
#include "load.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH = 64,
	SIZE = 512,
	ROOM = 16384, /* answers that wait for their time */
	TTL = 3600,
};

static struct parcel {
	struct load_at from;
	int64_t due;
	struct iovec vector;
	uint8_t data[SIZE];
} parcels[ROOM];

static uint8_t *put_record(uint8_t *p, size_t owner, unsigned int type, unsigned int len)
{
	const uint8_t head[] = { (uint8_t)(0xc0 | owner >> 8),
				 (uint8_t)owner,
				 0,
				 (uint8_t)type,
				 0,
				 1,
				 0,
				 0,
				 TTL >> 8,
				 TTL & 255,
				 0,
				 (uint8_t)len };

	memcpy(p, head, sizeof(head));
	return p + sizeof(head);
}

/* The question becomes its answer, in place; returns the length, 0 for what is no question. */
static size_t make_answer(uint8_t *m, size_t n)
{
	static const uint8_t opt[] = { 0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0 };
	size_t at = 12;
	bool edns = n > 12 && m[11];
	unsigned int type, serial;
	uint8_t *p;
	int letter;

	while (at < n && m[at])
		at += m[at] + 1U;
	if (n < 17 || at + 5 > n || at + 100 > SIZE)
		return 0;
	type = m[at + 2];
	letter = tolower(m[13]);
	serial = (unsigned int)strtoul(
		(char[]){ (char)m[17], (char)m[18], (char)m[19], (char)m[20], 0 }, NULL, 16);
	p = m + at + 5;
	m[2] |= 0x80;
	m[3] = 0x80;
	memset(m + 6, 0, 6);
	if (type == 1 && (letter == 'a' || letter == 'd')) {
		m[7] = 1;
		p = put_record(p, 12, 1, 4);
		memcpy(p, (uint8_t[]){ 198, 41, (uint8_t)(serial >> 8), (uint8_t)serial }, 4);
		p += 4;
	} else if (type == 28 && letter == 'd') {
		m[7] = 1;
		p = put_record(p, 12, 28, 16);
		memcpy(p,
		       (uint8_t[16]){ 0x20, 0x01, 0x0d, 0xb8,
				      0xff, [14] = (uint8_t)(serial >> 8), (uint8_t)serial },
		       16);
		p += 16;
	} else {
		/* No such record: SOA of the name above, or of the root. */
		size_t above = m[12] ? 13U + m[12] : 12;

		m[9] = 1;
		p = put_record(p, above, 6, 24);
		memcpy(p,
		       (uint8_t[]){ 0xc0 | (uint8_t)(above >> 8), (uint8_t)above, 0xc0,
				    (uint8_t)above },
		       4);
		memset(p + 4, 0, 20);
		p[22] = TTL >> 8;
		p[23] = TTL & 255;
		p += 24;
	}
	if (edns) {
		m[11] = 1;
		memcpy(p, opt, sizeof(opt));
		p += sizeof(opt);
	}
	return (size_t)(p - m);
}

/* The parcels [from, from + n), of which none goes over the end of the room. */
static void point_at(struct mmsghdr *messages, size_t from, int n, bool whole)
{
	for (int i = 0; i < n; i++) {
		struct parcel *p = &parcels[from + i];

		if (whole) {
			p->vector = (struct iovec){ p->data, SIZE };
			p->from.len = sizeof(p->from.sa);
		}
		messages[i].msg_hdr =
			(struct msghdr){ &p->from.sa, p->from.len, &p->vector, 1, NULL, 0, 0 };
	}
}

static int batch_at(size_t at, size_t n)
{
	n = n < BATCH ? n : BATCH;
	return (int)(n < ROOM - at ? n : ROOM - at);
}

static size_t send_due(int fd, size_t head, size_t tail)
{
	struct mmsghdr messages[BATCH];
	int64_t now = load_now();

	while (head != tail && parcels[head % ROOM].due <= now) {
		int n = batch_at(head % ROOM, tail - head), due = 0, begun = 0;

		while (due < n && parcels[head % ROOM + due].due <= now)
			due++;
		point_at(messages, head % ROOM, due, false);
		while (begun < due) {
			int k = sendmmsg(fd, messages + begun, (unsigned int)(due - begun), 0);

			begun += k > 0 ? k : 1; /* what cannot be sent is lost */
		}
		head += (size_t)due;
	}
	return head;
}

int load_answer(char **argv)
{
	int64_t delay = (int64_t)(load_number(argv, 3) * 1000);
	int fd = load_bound(argv[0], argv[2], 53, SOCK_DGRAM);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct mmsghdr messages[BATCH];
	size_t head = 0, tail = 0;

	load_pin(argv[1]);
	printf("up\n");
	fflush(stdout);
	for (;;) {
		int64_t wait =
			head == tail ? 1000000000 : parcels[head % ROOM].due - load_now();
		int n = batch_at(tail % ROOM, ROOM - (tail - head));

		if (wait > 0)
			ppoll(&poll_fd, 1,
			      &(struct timespec){ wait / 1000000000, wait % 1000000000 }, NULL);
		point_at(messages, tail % ROOM, n, true);
		n = recvmmsg(fd, messages, (unsigned int)n, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++) {
			struct parcel *p = &parcels[tail % ROOM + i];

			p->from.len = messages[i].msg_hdr.msg_namelen;
			p->vector.iov_len = make_answer(p->data, messages[i].msg_len);
			p->due = load_now() + delay;
		}
		tail += n > 0 ? (size_t)n : 0;
		head = send_due(fd, head, tail);
	}
}

int load_echo(char **argv)
{
	int fd = load_bound(load_arg(argv, 0), load_arg(argv, 2), 53, SOCK_DGRAM);
	struct mmsghdr messages[BATCH];

	load_pin(argv[1]);
	if (load_number(argv, 3) != 0)
		load_first();
	printf("up\n");
	fflush(stdout);
	for (;;) {
		int n;

		point_at(messages, 0, BATCH, true);
		n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			struct parcel *p = &parcels[i];

			p->vector.iov_len = messages[i].msg_len;
			p->data[2] |= 0x80;
			p->data[7] = 1; /* so that whoever asked takes it for an answer */
		}
		if (n > 0)
			sendmmsg(fd, messages, (unsigned int)n, 0);
	}
}
