/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connects.c - short TCP connections: connect, a request, its answer, closed by the server
 * first. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	REQUEST = 100,
	ANSWER = 200,
	EVENTS = 64,
	PORTS = 8, /* so that no pair of ports comes again too soon */
};

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	load_try(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void accept_all(int epoll, int listener)
{
	for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;)
		watch(epoll, fd, EPOLLIN);
}

static void serve(const int *listeners)
{
	struct epoll_event events[EVENTS];
	int epoll = load_try(epoll_create1(0), "epoll_create1");
	char data[ANSWER] = "answer";

	for (int i = 0; i < PORTS; i++)
		watch(epoll, listeners[i], EPOLLIN);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd <= listeners[PORTS - 1]) {
				accept_all(epoll, fd);
				continue;
			}
			if (recv(fd, data, REQUEST, 0) > 0)
				send(fd, data, ANSWER, MSG_NOSIGNAL);
			close(fd);
		}
	}
}

struct client {
	struct load_at to[PORTS];
	int epoll, next;
	size_t got[1 << 16]; /* octets of the answer, by descriptor */
	long long good, failed;
};

static void begin_one(struct client *c)
{
	struct load_at *to = &c->to[c->next++ % PORTS];
	int fd = load_try(socket(to->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");

	if (connect(fd, (struct sockaddr *)&to->sa, to->len) < 0 && errno != EINPROGRESS) {
		c->failed++;
		close(fd);
		usleep(1000);
		return;
	}
	c->got[fd] = 0;
	watch(c->epoll, fd, EPOLLOUT | EPOLLONESHOT);
}

static void end_one(struct client *c, int fd)
{
	if (c->got[fd] == ANSWER)
		c->good++;
	else
		c->failed++;
	close(fd);
	begin_one(c);
}

static void go_on(struct client *c, const struct epoll_event *event)
{
	struct epoll_event next = { .events = EPOLLIN, .data.fd = event->data.fd };
	char data[1024] = "request";
	int fd = event->data.fd;
	ssize_t n;

	if (event->events & EPOLLOUT) {
		if (send(fd, data, REQUEST, MSG_NOSIGNAL) < 0)
			end_one(c, fd);
		else
			epoll_ctl(c->epoll, EPOLL_CTL_MOD, fd, &next);
		return;
	}
	n = recv(fd, data, sizeof(data), 0);
	if (n > 0)
		c->got[fd] += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		end_one(c, fd);
}

static long long run_until(struct client *c, int64_t end)
{
	struct epoll_event events[EVENTS];
	long long before = c->good;

	while (load_now() < end) {
		int n = epoll_wait(c->epoll, events, EVENTS, 10);

		for (int i = 0; i < n; i++)
			go_on(c, &events[i]);
	}
	return c->good - before;
}

int load_connects(char **argv)
{
	static struct client c;
	double seconds = load_number(argv, 8);
	int port = (int)load_number(argv, 6), listeners[PORTS];
	long long good;
	int64_t begin;
	pid_t other;

	for (int i = 0; i < PORTS; i++) {
		listeners[i] = load_bound(load_arg(argv, 1), load_arg(argv, 5), port + i,
					  SOCK_STREAM | SOCK_NONBLOCK);
		load_try(listen(listeners[i], 4096), "listen");
		c.to[i] = load_address(argv[4], port + i);
	}
	other = load_try(fork(), "fork");
	if (other == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		load_pin(argv[3]);
		serve(listeners);
	}
	load_pin(argv[2]);
	load_enter(argv[0]);
	c.epoll = load_try(epoll_create1(0), "epoll_create1");
	for (int i = (int)load_number(argv, 7); i > 0; i--)
		begin_one(&c);
	run_until(&c, load_now() + (int64_t)(seconds / 4 * 1e9));
	printf("begin\n");
	fflush(stdout);
	begin = load_now();
	good = run_until(&c, begin + (int64_t)(seconds * 1e9));
	printf("{\"seconds\":%.6f,\"connections\":%lld,\"failed\":%lld}\n",
	       (double)(load_now() - begin) / 1e9, good, c.failed);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return 0;
}
