/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sockets to a forwarder, which is one of ours on the loopback. */
#include "daemon/io/upstream_sockets.h"
#include "t.h"

#include "base/addr.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct world {
	struct ev_loop *loop;
	struct upstream_sockets *sockets;
	struct upstream_pool *pool;
	int peer;
	unsigned n_ready, last_ready;
};

static void on_ready(void *arg, unsigned number)
{
	struct world *w = arg;

	w->n_ready++;
	w->last_ready = number;
	ev_stop(w->loop);
}

static void set_up(struct world *w)
{
	const struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = loopback };
	struct forward_peer peer = { .addr = addr_mapped(loopback) };
	socklen_t len = sizeof at;

	*w = (struct world){ .loop = ev_new() };
	w->peer = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->peer, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(getsockname(w->peer, (struct sockaddr *)&at, &len), 0);
	peer.port = ntohs(at.sin_port);
	w->sockets = upstream_sockets_new(w->loop, on_ready, w);
	w->pool = upstream_pool_new(w->sockets, &peer);
	assert_non_null(w->pool);
}

static void give_all(struct world *w, struct upstream_pool *pool)
{
	int number;

	while ((number = upstream_pool_oldest(pool)) >= 0)
		upstream_sockets_give(w->sockets, (unsigned)number, true);
	upstream_pool_free(pool);
}

static void tear_down(struct world *w)
{
	give_all(w, w->pool);
	upstream_sockets_free(w->sockets);
	ev_free(w->loop);
	close(w->peer);
}

/* Asks by that socket; the port that the question came from. */
static struct sockaddr_in ask(struct world *w, unsigned number)
{
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof from;
	uint8_t got[8], msg[] = { 1, 2 };

	assert_int_equal(upstream_sockets_send(w->sockets, number,
					       &(struct iovec){ msg, sizeof msg }, 1),
			 0);
	assert_int_equal(recvfrom(w->peer, got, sizeof got, 0, (struct sockaddr *)&from, &len),
			 2);
	return from;
}

/* What is there, datagrams of an octet. */
static int receive(struct world *w, unsigned number, uint8_t got[UPSTREAM_DATAGRAMS_MAX])
{
	struct iovec iov[UPSTREAM_DATAGRAMS_MAX];
	int n;

	for (unsigned i = 0; i < UPSTREAM_DATAGRAMS_MAX; i++)
		iov[i] = (struct iovec){ &got[i], 1 };
	n = upstream_sockets_receive(w->sockets, number, iov, UPSTREAM_DATAGRAMS_MAX);
	for (int i = 0; i < n; i++)
		assert_int_equal(iov[i].iov_len, 1);
	return n;
}

static unsigned take(struct world *w)
{
	int number = upstream_pool_take(w->pool);

	assert_true(number >= 0 && number < UPSTREAM_SOCKETS_MAX);
	return (unsigned)number;
}

static void port_has_few_turns(void **state)
{
	static unsigned asked[65536];
	unsigned ports = 0, most = 0;
	struct world w;

	(void)state;
	set_up(&w);
	for (unsigned i = 0; i < 400; i++) {
		unsigned number = take(&w), port = ntohs(ask(&w, number).sin_port);

		ports += !asked[port]++;
		most = asked[port] > most ? asked[port] : most;
		upstream_sockets_give(w.sockets, number, true);
	}
	assert_true(ports >= 90 && ports <= 250 && most <= 16);
	tear_down(&w);
}

/* Who takes frames gets them whole. */
static void two_are_one_frame(void **state)
{
	static const int one = 1;
	uint8_t msg[2][100] = { { 0 } }, got[300];
	struct iovec iov[] = { { msg[0], sizeof msg[0] }, { msg[1], sizeof msg[1] } };
	struct world w;
	unsigned number;

	(void)state;
	set_up(&w);
	assert_int_equal(setsockopt(w.peer, SOL_UDP, UDP_GRO, &one, sizeof one), 0);
	number = take(&w);
	assert_int_equal(upstream_sockets_send(w.sockets, number, iov, 2), 0);
	assert_int_equal(recv(w.peer, got, sizeof got, 0), sizeof msg);
	upstream_sockets_give(w.sockets, number, true);
	tear_down(&w);
}

/* From one port, also what is longer than the path lets frames be: then each alone. */
static void two_leave_together(void **state)
{
	static uint8_t msg[2][40000], got[65536];
	const size_t lens[] = { 2, 1000, sizeof msg[0] };
	struct world w;

	(void)state;
	set_up(&w);
	memset(msg[0], 1, sizeof msg[0]);
	memset(msg[1], 2, sizeof msg[1]);
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		struct sockaddr_in from[2];
		struct iovec iov[] = { { msg[0], lens[i] }, { msg[1], lens[i] } };
		unsigned number = take(&w);

		assert_int_equal(upstream_sockets_send(w.sockets, number, iov, 2), 0);
		for (int k = 0; k < 2; k++) {
			socklen_t len = sizeof *from;

			assert_int_equal(recvfrom(w.peer, got, sizeof got, 0,
						  (struct sockaddr *)&from[k], &len),
					 lens[i]);
			assert_memory_equal(got, msg[k], lens[i]);
		}
		assert_int_equal(from[0].sin_port, from[1].sin_port);
		upstream_sockets_give(w.sockets, number, true);
	}
	tear_down(&w);
}

static void unanswered_question_ends_a_port(void **state)
{
	struct world w;
	unsigned again = 0;

	(void)state;
	set_up(&w);
	for (unsigned i = 0; i < 100; i++) {
		unsigned number = take(&w);
		uint16_t port = ask(&w, number).sin_port;

		upstream_sockets_give(w.sockets, number, false);
		/* All of the peer's but one are taken meanwhile. */
		number = take(&w);
		again += port == ask(&w, number).sin_port;
		upstream_sockets_give(w.sockets, number, false);
	}
	assert_true(again <= 2); /* by chance */
	tear_down(&w);
}

/* What came for a port that was left is gone; an error of it too. */
static void nothing_late_is_heard(void **state)
{
	struct sockaddr_in to;
	uint8_t got[8];
	unsigned number;
	struct world w;

	(void)state;
	set_up(&w);
	for (unsigned i = 0; i < 50; i++) {
		number = take(&w);
		to = ask(&w, number);
		for (uint8_t n = 0; n < 3; n++)
			assert_int_equal(
				sendto(w.peer, &n, 1, 0, (struct sockaddr *)&to, sizeof to), 1);
		upstream_sockets_give(w.sockets, number, false);
	}
	for (unsigned i = 0; i < 50; i++) {
		number = take(&w);
		assert_int_equal(receive(&w, number, got), -EAGAIN);
		upstream_sockets_give(w.sockets, number, false);
	}
	tear_down(&w);
}

static void answer_wakes_the_loop_each_time(void **state)
{
	struct sockaddr_in to;
	uint8_t got[8];
	unsigned number;
	struct world w;

	(void)state;
	set_up(&w);
	number = take(&w);
	to = ask(&w, number);
	for (uint8_t n = 1; n < 4; n++) { /* what was there before stays unread */
		assert_int_equal(sendto(w.peer, &n, 1, 0, (struct sockaddr *)&to, sizeof to),
				 1);
		ev_run(w.loop);
		assert_int_equal(w.n_ready, n);
		assert_int_equal(w.last_ready, number);
	}
	upstream_sockets_again(w.sockets, number);
	ev_run(w.loop);
	assert_int_equal(w.n_ready, 4);
	assert_int_equal(receive(&w, number, got), 2);
	assert_int_equal(got[0], 1);
	assert_int_equal(got[1], 2);
	assert_int_equal(receive(&w, number, got), 1);
	assert_int_equal(got[0], 3);
	assert_int_equal(receive(&w, number, got), -EAGAIN);
	upstream_sockets_give(w.sockets, number, true);
	tear_down(&w);
}

static void sockets_are_bounded(void **state)
{
	struct rlimit before, few;
	struct upstream_pool *other;
	struct forward_peer peer = { .addr = in6addr_loopback, .port = 53 };
	unsigned n, first;
	struct world w;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 120;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	set_up(&w);
	first = take(&w);
	for (n = 1; upstream_pool_take(w.pool) >= 0; n++)
		continue;
	assert_int_equal(upstream_pool_take(w.pool), -EAGAIN);
	assert_int_equal(n, 40); /* two thirds of half of them */
	assert_int_equal(upstream_pool_oldest(w.pool), first);
	other = upstream_pool_new(w.sockets, &peer);
	assert_true(upstream_pool_take(other) >= 0);
	upstream_sockets_give(w.sockets, first, true);
	assert_int_not_equal(upstream_pool_oldest(w.pool), first);
	assert_int_equal(upstream_pool_take(w.pool), first);
	give_all(&w, other);
	tear_down(&w);
	setrlimit(RLIMIT_NOFILE, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_has_few_turns),
		cmocka_unit_test(two_are_one_frame),
		cmocka_unit_test(two_leave_together),
		cmocka_unit_test(unanswered_question_ends_a_port),
		cmocka_unit_test(nothing_late_is_heard),
		cmocka_unit_test(answer_wakes_the_loop_each_time),
		cmocka_unit_test(sockets_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
