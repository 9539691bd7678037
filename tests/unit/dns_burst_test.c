/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers on their way out, to clients on the loopback. */
#include "daemon/io/dns_burst.h"
#include "t.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

enum { CLIENTS = 3, HEAD = 12, QUESTION = 7, MTU = 1280 };

struct world {
	struct dns_burst *burst;
	int fd, client[CLIENTS];
	struct sockaddr_in6 at[CLIENTS];
};

static int bound(struct sockaddr_in6 *at)
{
	socklen_t len = sizeof *at;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				     .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	assert_int_equal(bind(fd, (struct sockaddr *)at, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, &len), 0);
	return fd;
}

/* As dns_listen.c's sockets, but the path is no wider than it may be. */
static void set_up(struct world *w)
{
	static const int one = 1, mtu = MTU;
	struct sockaddr_in6 own;

	w->burst = dns_burst_new();
	assert_non_null(w->burst);
	w->fd = bound(&own);
	assert_int_equal(setsockopt(w->fd, IPPROTO_IPV6, IPV6_DONTFRAG, &one, sizeof one), 0);
	assert_int_equal(setsockopt(w->fd, IPPROTO_IPV6, IPV6_MTU, &mtu, sizeof mtu), 0);
	for (int i = 0; i < CLIENTS; i++)
		w->client[i] = bound(&w->at[i]);
}

static void tear_down(struct world *w)
{
	dns_burst_free(w->burst);
	close(w->fd);
	for (int i = 0; i < CLIENTS; i++)
		close(w->client[i]);
}

/* A message about "a" with this id, and octets of it behind the question. */
static bool add(struct world *w, int client, uint8_t id, size_t len)
{
	static uint8_t msg[65536];

	memset(msg, id, len);
	memcpy(msg + HEAD, "\1a\0\0\1\0\1", QUESTION);
	return dns_burst_add(w->burst, (struct sockaddr *)&w->at[client], sizeof *w->at, msg,
			     len);
}

/* The next answer of a client, its id in *id; returns its length, 0: none. */
static size_t next(const struct world *w, int client, uint8_t *id)
{
	static uint8_t got[65536];
	ssize_t n = recv(w->client[client], got, sizeof got, 0);

	if (n < 0)
		return 0;
	*id = got[0];
	assert_true(n >= HEAD + QUESTION);
	assert_memory_equal(got + HEAD, "\1a\0\0\1\0\1", QUESTION);
	for (ssize_t i = HEAD + QUESTION; i < n; i++)
		assert_int_equal(got[i], *id);
	return (size_t)n;
}

static void each_gets_its_own(void **state)
{
	/* Client, length: two run through each other, one has different lengths. */
	static const struct {
		int client;
		size_t len;
	} rows[] = { { 0, 100 }, { 1, 100 }, { 0, 100 }, { 2, 19 },   { 2, 20 },
		     { 1, 100 }, { 0, 101 }, { 0, 100 }, { 2, 1232 }, { 1, 100 } };

	(void)state;
	for (int frames = 0; frames < 2; frames++) {
		unsigned seen = 0;
		bool may = frames;
		struct world w;

		set_up(&w);
		for (unsigned i = 0; i < N_OF(rows); i++)
			assert_true(add(&w, rows[i].client, (uint8_t)i, rows[i].len));
		dns_burst_send(w.burst, w.fd, &may);
		for (int c = 0; c < CLIENTS; c++) {
			uint8_t id;

			for (size_t len; (len = next(&w, c, &id));) {
				assert_int_equal(rows[id].client, c);
				assert_int_equal(rows[id].len, len);
				seen |= 1u << id;
			}
		}
		assert_int_equal(seen, (1u << N_OF(rows)) - 1);
		assert_int_equal(may, frames);
		tear_down(&w);
	}
}

/* Who takes frames gets them whole. */
static void those_of_a_length_are_one_frame(void **state)
{
	static const int one = 1;

	(void)state;
	for (int frames = 0; frames < 2; frames++) {
		bool may = frames;
		uint8_t got[2000];
		struct world w;

		set_up(&w);
		assert_int_equal(setsockopt(w.client[0], SOL_UDP, UDP_GRO, &one, sizeof one),
				 0);
		for (uint8_t i = 0; i < 8; i++)
			assert_true(add(&w, 0, i, i == 4 ? 99 : 100));
		dns_burst_send(w.burst, w.fd, &may);
		assert_int_equal(recv(w.client[0], got, sizeof got, 0), frames ? 700 : 100);
		tear_down(&w);
	}
}

static void has_an_end(void **state)
{
	bool frames = true;
	struct world w;
	uint8_t id;
	unsigned n = 0;

	(void)state;
	set_up(&w);
	for (int round = 0; round < 3; round++) {
		while (add(&w, 0, (uint8_t)n, 1232))
			n++;
		assert_int_equal(n, 32 * (round + 1));
		dns_burst_send(w.burst, w.fd, &frames);
	}
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(next(&w, 0, &id), 1232);
		assert_int_equal(id, i);
	}
	assert_true(add(&w, 0, 0, 65000));
	assert_false(add(&w, 0, 0, 537));
	assert_true(add(&w, 0, 0, 536));
	dns_burst_send(w.burst, w.fd, &frames);
	tear_down(&w);
}

/* RFC 9715 3.1: no fragments; whoever is told TC comes by stream.  Others of the same burst,
 * and what can go as a frame later, are none the worse. */
static void what_is_too_long_is_cut(void **state)
{
	static const size_t lens[] = { 2000, 100, 2000, 100, 2000 };
	bool frames = true;
	unsigned seen = 0;
	struct world w;
	uint8_t got[65536];

	(void)state;
	set_up(&w);
	for (unsigned i = 0; i < N_OF(lens); i++)
		assert_true(add(&w, 0, (uint8_t)(8 * i), lens[i]));
	dns_burst_send(w.burst, w.fd, &frames);
	for (unsigned i = 0; i < N_OF(lens); i++) {
		ssize_t n = recv(w.client[0], got, sizeof got, 0);
		size_t len;

		assert_true(n > 0 && got[0] / 8 < N_OF(lens));
		len = lens[got[0] / 8];
		seen |= 1u << got[0] / 8;
		assert_int_equal(n, len > MTU ? HEAD + QUESTION : len);
		assert_int_equal(got[2] & 2, len > MTU ? 2 : 0);
		if (len > MTU)
			assert_memory_equal(got + 6, "\0\0\0\0\0\0", 6);
	}
	assert_int_equal(seen, (1u << N_OF(lens)) - 1);
	assert_true(recv(w.client[0], got, sizeof got, 0) < 0);
	assert_true(frames);
	tear_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gets_its_own),
		cmocka_unit_test(those_of_a_length_are_one_frame),
		cmocka_unit_test(has_an_end),
		cmocka_unit_test(what_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
