/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_fuzz.c - what anybody may say on the control socket, in pieces, while answers are
 * read, or are not, and the gateway goes its way: every answer is varlink, nothing grows, and
 * the connection ends when the peer has gone.
 *
 * Input: first byte: may the peer change things?  Then steps, one byte each, in the upper two
 * bits what happens, below how much: bytes of the input are said; one byte of it is said
 * thousands of times; answers are read; or one of the rows of happen(). */
#include "daemon/control_client.h"
#include "daemon/event.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS     2u /* of the loop, after each step */
#define TURNS_MAX 20000u
#define MAPPINGS  600u
#define IN_MAX    65537u
#define OUT_MAX   (CONTROL_OUT_ENOUGH + 65536u)
#define KNOWN     "2001:db8::25"

static struct {
	struct ev_loop *loop;
	struct ev_timer turn;
	struct control_client *client;
	int fd;
	struct control_buf heard;
	plane_dns64_fn *query_fn;
	void *query_to;
	checkup_fn *checkup_fn;
	void *checkup_to;
	unsigned open; /* questions and checkups that were not given back */
} g;

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* --- a gateway that is made up ---------------------------------------------------------- */

static void write_status(void *arg, struct report *r)
{
	(void)arg;
	report_text(r, "version", "9.9");
	report_object(r, "health");
	report_text(r, "state", "not \"text\" \xff\x01");
	report_end(r);
}

static const char *give_state(void *arg)
{
	(void)arg;
	return "OK";
}

static void write_ra(void *arg, struct report *r)
{
	(void)arg;
	report_list(r, "interfaces");
	report_end(r);
}

static void put_config(void *arg, void (*put)(void *to, const char *text), void *to)
{
	(void)arg;
	for (int i = 0; i < 500; i++)
		put(to, "interface = \"br0\";  # auto: the only bridge\n");
}

static bool next_mapping(void *arg, size_t *i, struct control_mapping *out)
{
	(void)arg;
	if (*i >= MAPPINGS)
		return false;
	*out = (struct control_mapping){ .mapping = { .ipv4 = addr4_of((uint32_t)*i),
						      .state = NAT64_ACTIVE } };
	(*i)++;
	return true;
}

static bool give_counter(void *arg, size_t i, struct counter *out)
{
	(void)arg;
	*out = (struct counter){ "nat64.drop.hop_limit", "\"", "RFC", UINT64_MAX };
	return i < 20;
}

static bool reload(void *arg, struct report *messages)
{
	(void)arg;
	report_object(messages, NULL);
	report_text(messages, "text", "unknown key");
	report_end(messages);
	return false;
}

static bool flush_dns(void *arg)
{
	(void)arg;
	return true;
}

static bool drop_mapping(void *arg, const struct in6_addr *ipv6)
{
	struct in6_addr known;

	(void)arg;
	return addr_parse(KNOWN, &known) && addr_equal(ipv6, &known);
}

static bool report_dns(void *arg, struct report *r)
{
	(void)arg;
	report_text(r, "dnssec", "pass");
	return true;
}

/* Answered at once, not at all, or later. */
static uint64_t query_dns(void *arg, const struct dns64_question *q, plane_dns64_fn *fn,
			  void *to)
{
	(void)arg;
	check(!g.query_fn && q->q.name_len > 0);
	if (q->dnssec_ok && q->checking_disabled)
		return 0;
	if (q->dnssec_ok) {
		fn(to, NULL);
		return 7;
	}
	g.query_fn = fn;
	g.query_to = to;
	g.open++;
	return 7;
}

static void cancel_dns(void *arg, uint64_t query)
{
	(void)arg;
	check(query == 7 && g.query_fn);
	g.query_fn = NULL;
	g.open--;
}

static struct checkup *start_checkup(void *arg, const struct checkup_ask *ask, checkup_fn *fn,
				     void *to)
{
	(void)arg;
	check(!g.checkup_fn && strlen(ask->target) < sizeof ask->target &&
	      strlen(ask->guest) < sizeof ask->guest);
	if (*ask->guest && *ask->target)
		return NULL;
	g.checkup_fn = fn;
	g.checkup_to = to;
	g.open++;
	return (struct checkup *)&g;
}

static void end_checkup(void *arg, struct checkup *c)
{
	(void)arg;
	check(c == (struct checkup *)&g && g.checkup_fn);
	g.checkup_fn = NULL;
	g.open--;
}

static void set_log_level(void *arg, enum log_level level)
{
	(void)arg;
	check(level <= LOG_LEVEL_DEBUG);
}

static const struct control_ops ops = {
	.status = write_status,
	.state = give_state,
	.ra = write_ra,
	.config = put_config,
	.mapping = next_mapping,
	.counter = give_counter,
	.reload = reload,
	.flush_dns = flush_dns,
	.drop_mapping = drop_mapping,
	.dns = report_dns,
	.query_dns = query_dns,
	.cancel_dns = cancel_dns,
	.doctor = start_checkup,
	.cancel_doctor = end_checkup,
	.set_log_level = set_log_level,
};

/* --- the peer ----------------------------------------------------------------------------- */

static void check_answer(const char *text)
{
	json_error_t error;
	json_t *answer = json_loads(text, 0, &error);
	const char *name = json_string_value(json_object_get(answer, "error"));

	check(json_is_object(json_object_get(answer, "parameters")));
	check(!name || strncmp(name, "io.v6gwd.Control.", 17) == 0 ||
	      strncmp(name, "org.varlink.service.", 20) == 0);
	json_decref(answer);
}

/* False when there is nothing to read, or no end of it to be seen. */
static bool hear(size_t n)
{
	char *to = control_buf_room(&g.heard, n);
	ssize_t got = to ? recv(g.fd, to, n, MSG_DONTWAIT) : -1;
	const char *nul;

	if (got <= 0)
		return false;
	control_buf_put(&g.heard, (size_t)got);
	while (control_buf_len(&g.heard) &&
	       (nul = memchr(control_buf_head(&g.heard), '\0', control_buf_len(&g.heard)))) {
		check_answer(control_buf_head(&g.heard));
		control_buf_take(&g.heard, (size_t)(nul - control_buf_head(&g.heard)) + 1);
	}
	check(control_buf_len(&g.heard) < OUT_MAX);
	return true;
}

static void say(const void *data, size_t n)
{
	(void)!send(g.fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* n blocks of one byte. */
static void say_much(uint8_t byte, size_t n)
{
	char block[1600];

	memset(block, byte, sizeof block);
	while (n--)
		say(block, sizeof block);
}

static void answer_query(void)
{
	plane_dns64_fn *fn = g.query_fn;

	if (!fn)
		return;
	g.query_fn = NULL;
	g.open--;
	fn(g.query_to, NULL);
}

static void answer_checkup(bool whole)
{
	const struct doctor_finding found = { .state = DOCTOR_BROKEN, .text = "t" };
	const struct checkup_news news = { whole, DOCTOR_MTU, &found };

	if (g.checkup_fn)
		g.checkup_fn(g.checkup_to, &news);
}

/* As when another one is let in in the peer's place. */
static void on_end(void *arg, struct control_client *client)
{
	(void)arg;
	check(client == g.client);
	control_client_free(client);
	g.client = NULL;
}

/* What the peer does, or the gateway. */
static void happen(unsigned what)
{
	static const struct log_fields fields = { .client = KNOWN };
	unsigned n = what / 8;

	switch (what % 8) {
	case 0:
		answer_query();
		break;
	case 1:
	case 2:
		answer_checkup(what % 8 == 1);
		break;
	case 3:
	case 4:
		for (n = (n + 1) * 100; n; n--)
			event_show(what % 8 == 3 ? EVENT_MAPPING_MADE : EVENT_QUERY, &fields,
				   "mapping %u", n);
		break;
	case 5:
		shutdown(g.fd, SHUT_WR);
		break;
	case 6:
		shutdown(g.fd, SHUT_RD);
		break;
	default:
		if (n)
			on_end(NULL, g.client);
		else
			say("", 1);
	}
}

/* --- the way of an input ------------------------------------------------------------------ */

static void on_turn(void *arg)
{
	(void)arg;
	ev_stop(g.loop);
}

/* A wake-up of the loop. */
static void turn(void)
{
	ev_timer_at(&g.turn, ev_now_ms(g.loop));
	ev_run(g.loop);
	if (!g.client)
		return;
	check(control_buf_len(&g.client->in) <= IN_MAX);
	check(g.client->in.size <= 4 * IN_MAX);
	check(control_buf_len(&g.client->call.out) <= OUT_MAX);
}

static void begin(bool may_change)
{
	static const struct control_service service = { &ops, NULL, "9.9" };
	int pair[2], little = 4096;

	if (!g.loop) {
		g.loop = ev_new();
		ev_timer_init(&g.turn, g.loop, on_turn, NULL);
	}
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
	g.fd = pair[1];
	g.client = control_client_new(g.loop, pair[0], &service, may_change, on_end, NULL);
	check(g.client);
}

static size_t step(const uint8_t *data, size_t size)
{
	unsigned n = (data[0] & 63u) + 1;
	size_t taken = 1;

	switch (data[0] >> 6) {
	case 0:
		taken += n < size ? n : size - 1;
		say(data + 1, taken - 1);
		break;
	case 1:
		taken += size > 1;
		say_much(data[taken - 1], n);
		break;
	case 2:
		hear((size_t)n * n * 64);
		break;
	default:
		happen(n - 1);
	}
	return taken;
}

/* The peer reads what there is and goes; whatever was asked is answered by and by. */
static void end(void)
{
	unsigned turns = 0;

	shutdown(g.fd, SHUT_WR);
	for (; g.client && turns < TURNS_MAX; turns++) {
		answer_query();
		answer_checkup(true);
		turn();
		while (hear(65536))
			continue;
	}
	check(!g.client);
	while (hear(65536))
		continue;
	close(g.fd);
	control_buf_done(&g.heard);
	check(!g.open && !event_wanted(EVENT_MAPPING_MADE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || size > 1 << 16)
		return -1;
	begin(data[0] & 1);
	for (size_t at = 1; at < size && g.client;) {
		at += step(data + at, size - at);
		for (unsigned i = 0; i < TURNS && g.client; i++)
			turn();
	}
	end();
	return 0;
}
