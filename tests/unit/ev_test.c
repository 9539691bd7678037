/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop with its real clock, in milliseconds. */
#include "daemon/ev.h"
#include "t.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct probe {
	struct ev_timer timer;
	struct ev_loop *loop;
	unsigned *order;
	unsigned fired_as;
	uint64_t fired_at_ms;
};

static void on_timer(void *arg)
{
	struct probe *p = arg;

	p->fired_as = ++*p->order;
	p->fired_at_ms = ev_now_ms(p->loop);
}

static void on_end(void *arg)
{
	ev_stop(arg);
}

static void deadlines_come_in_order(void **state)
{
	enum { N = 200 };
	static struct probe probes[N];
	struct ev_loop *loop = ev_new();
	struct ev_timer end;
	uint64_t start = ev_clock_ms();
	unsigned order = 0;

	(void)state;
	srandom(3);
	for (unsigned i = 0; i < N; i++) {
		probes[i] = (struct probe){ .loop = loop, .order = &order };
		ev_timer_init(&probes[i].timer, loop, on_timer, &probes[i]);
		ev_timer_at(&probes[i].timer, start + (uint64_t)random() % 30);
	}
	for (unsigned i = 0; i < N; i += 3) { /* some are set anew, some taken back */
		ev_timer_at(&probes[i].timer, start + (uint64_t)random() % 30);
		ev_timer_stop(&probes[i + 1].timer);
	}
	ev_timer_init(&end, loop, on_end, loop);
	ev_timer_at(&end, start + 40);
	ev_run(loop);
	for (unsigned i = 0; i < N; i++) {
		bool stopped = i % 3 == 1;

		assert_int_equal(probes[i].fired_as == 0, stopped);
		assert_int_equal(probes[i].timer.slot, 0);
	}
	assert_int_equal(order, N - (N + 1) / 3);
	assert_in_range(ev_clock_ms() - start, 40, 2000);
	ev_free(loop);
}

static void on_deadlines_past(void *arg)
{
	struct probe *p = arg;

	if (++*p->order < 3)
		ev_timer_at(&p->timer,
			    1); /* long past: at once, but not without end in one go */
	else
		ev_stop(p->loop);
}

static void a_deadline_in_the_past_is_due(void **state)
{
	struct ev_loop *loop = ev_new();
	unsigned order = 0;
	struct probe p = { .loop = loop, .order = &order };

	(void)state;
	ev_timer_init(&p.timer, loop, on_deadlines_past, &p);
	ev_timer_at(&p.timer, 0);
	ev_run(loop);
	assert_int_equal(order, 3);
	ev_free(loop);
}

struct end {
	struct ev_loop *loop;
	struct ev_io *io;
	int fd;
	unsigned seen;
};

static void on_readable(void *arg, unsigned ready)
{
	struct end *e = arg;
	char byte;

	assert_int_equal(ready, EV_IO_READ);
	assert_int_equal(read(e->fd, &byte, 1), 1);
	if (++e->seen == 2) { /* freed from its own callback */
		ev_io_free(e->io);
		ev_stop(e->loop);
	}
}

static void descriptors_are_watched_until_freed(void **state)
{
	struct end e = { .loop = ev_new() };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	e.fd = fds[0];
	e.io = ev_io_new(e.loop, fds[0], 0, on_readable, &e);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	ev_io_set(e.io, EV_IO_READ);
	ev_run(e.loop);
	assert_int_equal(e.seen, 2);
	close(fds[0]);
	close(fds[1]);
	ev_free(e.loop);
}

static void signals_are_ordinary_events(void **state)
{
	struct ev_loop *loop = ev_new();
	struct ev_signal *s = ev_signal_new(loop, SIGUSR1, on_end, loop);

	(void)state;
	raise(SIGUSR1);
	ev_run(loop);
	ev_signal_free(s);
	ev_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlines_come_in_order),
		cmocka_unit_test(a_deadline_in_the_past_is_due),
		cmocka_unit_test(descriptors_are_watched_until_freed),
		cmocka_unit_test(signals_are_ordinary_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
