/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_test.c - the control socket as its clients see it: a real socket and a real loop, in
 * a thread of its own, and a gateway that is made up here. */
#include "t.h"

#include "daemon/control.h"
#include "daemon/ev.h"
#include "daemon/event.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAPPINGS 10000u
#define NOBODY   65534

static struct {
	char dir[64], path[128];
	struct ev_loop *loop;
	struct control *control;
	struct ev_io *io;
	int stop_fd;
	pthread_t thread;
	struct ev_timer dns_timer;
	atomic_bool dns_runs;
	struct dns64_question query;
	plane_dns64_fn *query_fn;
	void *query_to;
	atomic_uint cancelled;
	atomic_uint events; /* that SetLogLevel makes */
	atomic_bool wanted; /* was it, the last time? */
	atomic_bool odd;    /* what they say */
	struct ev_timer checkup_timer;
	struct checkup_ask checkup_ask;
	checkup_fn *checkup_fn;
	void *checkup_to;
	atomic_uint checkups_ended;
	atomic_uint mappings, produced, level, dropped, reloads;
} g;

static void write_status(void *arg, struct report *r)
{
	(void)arg;
	report_text(r, "version", "9.9");
	report_number(r, "uptime_s", 61);
	report_object(r, "health");
	report_text(r, "state", "degraded");
	report_list(r, "reasons");
	report_textf(r, NULL, "dns64: port %u is taken", 53);
	report_end(r);
	report_end(r);
	report_text(r, "odd", "caf\xe9");
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
	put(to, "");
	put(to, "interface = \"br0\";");
	put(to, "  # auto: the only bridge\n");
}

static bool next_mapping(void *arg, size_t *i, struct control_mapping *out)
{
	(void)arg;
	while (*i % 3) /* unused slots */
		(*i)++;
	if (*i / 3 >= g.mappings)
		return false;
	*out = (struct control_mapping){
		.mapping = { .ipv4 = addr4_of(0x0a000000u + (uint32_t)*i),
			     .name = "vm",
			     .state = NAT64_ACTIVE,
			     .made_ms = INT64_MAX, /* not before now: age 0 */
			     .packets = { *i, 2 } },
		.mac = { 0x52, 0x54, 0, 0, 0, 1 },
		.has_mac = *i != 0,
	};
	addr_parse("2001:db8::25", &out->mapping.ipv6);
	(*i)++;
	g.produced++;
	return true;
}

static bool give_counter(void *arg, size_t i, struct counter *out)
{
	static const struct counter counters[] = {
		{ "nat64.drop.hop_limit", "Hop \"limit\" reached 0.", "RFC 7915 5.1", 7 },
		{ "dns64.queries", "Questions.", "", 0 },
	};

	(void)arg;
	if (i >= 2)
		return false;
	*out = counters[i];
	return true;
}

static bool reload(void *arg, struct report *messages)
{
	(void)arg;
	if (g.reloads++ == 0)
		return true;
	report_object(messages, NULL);
	report_text(messages, "file", "v6gwd.conf");
	report_number(messages, "line", 3);
	report_text(messages, "text", "unknown key");
	report_end(messages);
	return false;
}

static bool drop_mapping(void *arg, const struct in6_addr *ipv6)
{
	struct in6_addr known;

	(void)arg;
	addr_parse("2001:db8::25", &known);
	g.dropped++;
	return addr_equal(ipv6, &known);
}

static void set_log_level(void *arg, enum log_level level)
{
	(void)arg;
	g.level = level;
	g.wanted = event_wanted(EVENT_MAPPING_MADE);
	for (unsigned i = 0; i < g.events; i++) {
		const struct log_fields fields = { .client = "2001:db8::25" };

		event_show(EVENT_MAPPING_MADE, &fields, "mapping %u%s", i,
			   g.odd ? " caf\xe9" : "");
		event_show(EVENT_QUERY, NULL, "query");
	}
}

static const char *give_state(void *arg)
{
	(void)arg;
	return "OK: made up";
}

static bool report_dns(void *arg, struct report *r)
{
	(void)arg;
	report_text(r, "dnssec", "pass");
	return g.dns_runs;
}

static void on_dns_timer(void *arg)
{
	(void)arg;
	g.query_fn(g.query_to, NULL);
}

static uint64_t query_dns(void *arg, const struct dns64_question *q, plane_dns64_fn *fn,
			  void *to)
{
	(void)arg;
	if (!g.dns_runs)
		return 0;
	g.query = *q;
	g.query_fn = fn;
	g.query_to = to;
	if (q->dnssec_ok)
		fn(to, NULL); /* at once */
	else if (q->checking_disabled)
		return 8; /* never */
	else
		ev_timer_at(&g.dns_timer, ev_now_ms(g.loop) + 100);
	return 7;
}

static void cancel_dns(void *arg, uint64_t query)
{
	(void)arg;
	g.cancelled = (unsigned)query;
}

/* Three steps, at once or never. */
static void on_checkup_timer(void *arg)
{
	const struct doctor_finding fine = { .state = DOCTOR_OK, .text = "fine" };
	const struct doctor_finding bad = { .state = DOCTOR_BROKEN,
					    .text = "bad",
					    .remedy = "mend" };
	const struct checkup_news news[] = { { .step = DOCTOR_CONFIG, .finding = &fine },
					     { .step = DOCTOR_MTU, .finding = &bad },
					     { true, DOCTOR_MTU, &bad } };

	(void)arg;
	for (size_t i = 0; i < 3; i++)
		g.checkup_fn(g.checkup_to, &news[i]);
}

static struct checkup *start_checkup(void *arg, const struct checkup_ask *ask, checkup_fn *fn,
				     void *to)
{
	(void)arg;
	if (strcmp(ask->target, "full.example") == 0)
		return NULL;
	g.checkup_ask = *ask;
	g.checkup_fn = fn;
	g.checkup_to = to;
	if (strcmp(ask->target, "never.example") != 0)
		ev_timer_at(&g.checkup_timer, ev_now_ms(g.loop) + 50);
	return (struct checkup *)&g;
}

static void end_checkup(void *arg, struct checkup *c)
{
	(void)arg;
	g.checkups_ended += c == (struct checkup *)&g;
}

/* flush_dns is not there: a gateway may lack what it cannot do */
static const struct control_ops ops = {
	.status = write_status,
	.state = give_state,
	.ra = write_ra,
	.config = put_config,
	.mapping = next_mapping,
	.counter = give_counter,
	.reload = reload,
	.drop_mapping = drop_mapping,
	.dns = report_dns,
	.query_dns = query_dns,
	.cancel_dns = cancel_dns,
	.doctor = start_checkup,
	.cancel_doctor = end_checkup,
	.set_log_level = set_log_level,
};

static void on_stop(void *arg, unsigned ready)
{
	(void)arg;
	(void)ready;
	ev_stop(g.loop);
}

static void *run(void *arg)
{
	ev_run(g.loop);
	return arg;
}

static int start_control(void **state)
{
	int error = 0;

	(void)state;
	snprintf(g.dir, sizeof g.dir, "/tmp/v6gwd-control-XXXXXX");
	if (!mkdtemp(g.dir) || chmod(g.dir, 0755) < 0)
		return -1;
	snprintf(g.path, sizeof g.path, "%s/run/control.sock", g.dir);
	g.mappings = 3;
	g.events = 0;
	g.produced = g.level = g.dropped = g.reloads = 0;
	g.loop = ev_new();
	g.dns_runs = true;
	g.cancelled = 0;
	g.checkups_ended = 0;
	ev_timer_init(&g.dns_timer, g.loop, on_dns_timer, NULL);
	ev_timer_init(&g.checkup_timer, g.loop, on_checkup_timer, NULL);
	g.stop_fd = eventfd(0, EFD_CLOEXEC);
	g.io = ev_io_new(g.loop, g.stop_fd, EV_IO_READ, on_stop, NULL);
	g.control = control_open(g.loop, &(struct control_conf){ g.path, "", "9.9" }, &ops,
				 NULL, &error);
	if (!g.control || !g.io)
		return -1;
	return pthread_create(&g.thread, NULL, run, NULL);
}

static int stop_control(void **state)
{
	char run_dir[80];

	(void)state;
	if (eventfd_write(g.stop_fd, 1) < 0 || pthread_join(g.thread, NULL) != 0)
		return -1;
	control_close(g.control, false);
	ev_timer_stop(&g.dns_timer);
	ev_timer_stop(&g.checkup_timer);
	ev_io_free(g.io);
	ev_free(g.loop);
	close(g.stop_fd);
	snprintf(run_dir, sizeof run_dir, "%s/run", g.dir);
	return rmdir(run_dir) < 0 || rmdir(g.dir) < 0 ? -1 : 0; /* the socket's file is gone */
}

static int connect_client(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof addr.sun_path, "%.100s", g.path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void say(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the answer tells why */
		data += n;
		len -= (size_t)n;
	}
}

/* The next reply as text into buf, or false at the end of the connection. */
static bool hear(int fd, char *buf, size_t size)
{
	for (size_t n = 0; n < size; n++) {
		if (recv(fd, buf + n, 1, 0) != 1)
			return false;
		if (!buf[n])
			return true;
	}
	return false;
}

/* One byte a call would be slow for long lists. */
static json_t *hear_json(int fd)
{
	static char buf[65536];

	return hear(fd, buf, sizeof buf) ? json_loads(buf, 0, NULL) : NULL;
}

static void say_request(int fd, const char *request)
{
	say(fd, request, strlen(request) + 1);
}

static void assert_reply(int fd, const char *request, const char *expected)
{
	char buf[16384];

	say_request(fd, request);
	assert_true(hear(fd, buf, sizeof buf));
	assert_string_equal(buf, expected);
}

#define ASK(method) "{\"method\":\"io.v6gwd.Control." method "\"}"
#define DOCTOR(parameters) \
	"{\"method\":\"io.v6gwd.Control.Doctor\",\"more\":true,\"parameters\":" parameters "}"
#define ERROR(name, parameters) "{\"error\":\"" name "\",\"parameters\":" parameters "}"

static const struct {
	const char *request, *reply;
} answers[] = {
	{ ASK("GetStatus"),
	  "{\"parameters\":{\"version\":\"9.9\",\"uptime_s\":61,\"health\":{\"state\":"
	  "\"degraded\",\"reasons\":[\"dns64: port 53 is "
	  "taken\"]},\"odd\":\"caf?\"}}" },
	{ ASK("GetConfig"), "{\"parameters\":{\"text\":\"interface = \\\"br0\\\";"
			    "  # auto: the only bridge\\n\"}}" },
	{ ASK("ListCounters"),
	  "{\"parameters\":{\"counters\":[{\"name\":\"nat64.drop.hop_limit\",\"value\":"
	  "7,"
	  "\"text\":\"Hop \\\"limit\\\" reached 0.\",\"rfc\":\"RFC 7915 "
	  "5.1\"},{\"name\":"
	  "\"dns64.queries\",\"value\":0,\"text\":\"Questions.\",\"rfc\":\"\"}]}}" },
	{ ASK("GetMetrics"),
	  "{\"parameters\":{\"text\":\"# TYPE v6gwd info\\n# HELP v6gwd The daemon "
	  "that runs."
	  "\\nv6gwd_info{version=\\\"9.9\\\"} 1\\n# TYPE v6gwd_nat64_drop_hop_limit "
	  "counter"
	  "\\n# HELP v6gwd_nat64_drop_hop_limit Hop \\\\\\\"limit\\\\\\\" reached 0."
	  "\\nv6gwd_nat64_drop_hop_limit_total 7\\n# TYPE v6gwd_dns64_queries counter"
	  "\\n# HELP v6gwd_dns64_queries Questions.\\nv6gwd_dns64_queries_total 0\\n"
	  "# EOF\\n\"}}" },
	{ ASK("GetRa"), "{\"parameters\":{\"interfaces\":[]}}" },
	{ ASK("Reload"), "{\"parameters\":{\"warnings\":[]}}" },
	{ ASK("Reload"),
	  ERROR("io.v6gwd.Control.ReloadFailed",
		"{\"errors\":[{\"file\":\"v6gwd.conf\",\"line\":3,\"text\":\"unknown "
		"key\"}]}") },
	{ "{\"method\":\"io.v6gwd.Control.SetLogLevel\",\"parameters\":{\"level\":"
	  "\"debug\"}}",
	  "{\"parameters\":{}}" },
	{ "{\"method\":\"io.v6gwd.Control.SetLogLevel\",\"parameters\":{\"level\":"
	  "\"loud\"}}",
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"level\"}") },
	{ "{\"method\":\"io.v6gwd.Control.SetLogLevel\",\"parameters\":{\"level\":7}}",
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"level\"}") },
	{ ASK("SetLogLevel"),
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"level\"}") },
	{ "{\"method\":\"io.v6gwd.Control.GetStatus\",\"parameters\":{\"x\":1}}",
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"x\"}") },
	{ "{\"method\":\"io.v6gwd.Control.GetStatus\",\"parameters\":[]}",
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"parameters\"}") },
	{ "{\"method\":\"io.v6gwd.Control.DropMapping\",\"parameters\":{\"ipv6\":"
	  "\"2001:db8::25\"}}",
	  "{\"parameters\":{}}" },
	{ "{\"method\":\"io.v6gwd.Control.DropMapping\",\"parameters\":{\"ipv6\":"
	  "\"2001:db8::26\"}}",
	  ERROR("io.v6gwd.Control.NoSuchMapping", "{\"ipv6\":\"2001:db8::26\"}") },
	{ "{\"method\":\"io.v6gwd.Control.DropMapping\",\"parameters\":{\"ipv6\":"
	  "\"192.0.2.1\"}}",
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"ipv6\"}") },
	{ ASK("FlushDns"), ERROR("org.varlink.service.MethodNotImplemented",
				 "{\"method\":\"io.v6gwd.Control.FlushDns\"}") },
	{ ASK("Monitor"), ERROR("org.varlink.service.ExpectedMore", "{}") },
	{ ASK("Doctor"), ERROR("org.varlink.service.ExpectedMore", "{}") },
	{ DOCTOR("{\"target\":\"full.example\"}"),
	  ERROR("io.v6gwd.Control.TooManyClients", "{}") },
	{ DOCTOR("{\"target\":\"a..b\"}"),
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"target\"}") },
	{ DOCTOR("{\"guest\":\"\"}"),
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"guest\"}") },
	{ DOCTOR("{\"seen\":[]}"),
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"seen\"}") },
	{ DOCTOR("{\"seen\":{\"processes\":[{\"name\":\"tayga\",\"pid\":-1}]}}"),
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"seen\"}") },
	{ ASK("Nothing"), ERROR("org.varlink.service.MethodNotFound",
				"{\"method\":\"io.v6gwd.Control.Nothing\"}") },
	{ "{\"method\":\"io.v6gwd.Other.GetStatus\"}",
	  ERROR("org.varlink.service.InterfaceNotFound",
		"{\"interface\":\"io.v6gwd.Other\"}") },
	{ "{\"method\":\"\"}",
	  ERROR("org.varlink.service.InterfaceNotFound", "{\"interface\":\"\"}") },
	{ "{\"parameters\":{}}",
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"method\"}") },
	{ "{\"method\":\"io.v6gwd.Control.GetStatus\",\"upgrade\":true}",
	  ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"upgrade\"}") },
	{ ASK("ListMappings"), ERROR("org.varlink.service.ExpectedMore", "{}") },
};

static void test_answers(void **state)
{
	int fd = connect_client();

	(void)state;
	for (size_t i = 0; i < N_OF(answers); i++)
		assert_reply(fd, answers[i].request, answers[i].reply);
	assert_int_equal(g.level, LOG_LEVEL_DEBUG);
	assert_int_equal(g.dropped, 2);
	close(fd);
}

/* Every method of the description is answered, and every error we make stands in one. */
static void test_description(void **state)
{
	static const char info[] = "{\"method\":\"org.varlink.service.GetInfo\"}";
	static const char ask[] = "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
				  "\"parameters\":{\"interface\":\"io.v6gwd.Control\"}}";
	const char *text, *error;
	int fd = connect_client();
	unsigned methods = 0;

	(void)state;
	say_request(fd, info);
	json_t *reply = hear_json(fd);
	json_t *interfaces =
		json_object_get(json_object_get(reply, "parameters"), "interfaces");
	assert_string_equal(json_string_value(json_array_get(interfaces, 1)),
			    "io.v6gwd.Control");
	json_decref(reply);

	say_request(fd, ask);
	json_t *described = hear_json(fd);
	assert_int_equal(
		json_unpack(described, "{s:{s:s}}", "parameters", "description", &text), 0);
	assert_non_null(strstr(text, "\ninterface io.v6gwd.Control\n"));
	for (const char *p = text; (p = strstr(p, "\nmethod ")); methods++) {
		char name[64], request[128];

		p += strlen("\nmethod ");
		snprintf(name, sizeof name, "%.*s", (int)strcspn(p, "("), p);
		snprintf(request, sizeof request,
			 "{\"method\":\"io.v6gwd.Control.%s\",\"parameters\":{\"?\":0}}", name);
		say_request(fd, request);
		reply = hear_json(fd);
		assert_int_equal(json_unpack(reply, "{s:s}", "error", &error), 0);
		if (strcmp(name, "FlushDns") != 0) /* ops has none */
			assert_string_equal(error, "org.varlink.service.InvalidParameter");
		json_decref(reply);
	}
	assert_int_equal(methods, 14);
	assert_non_null(strstr(text, "\nerror NotPermitted ()\n"));
	json_decref(described);
	close(fd);
}

#define NO_DNS ERROR("io.v6gwd.Control.PlaneNotRunning", "{\"plane\":\"dns64\"}")
#define QUERY(parameters) \
	"{\"method\":\"io.v6gwd.Control.QueryDns\",\"parameters\":{" parameters "}}"

/* An answer that comes later holds up its own connection, and no other. */
static void test_answers_that_take_time(void **state)
{
	static const char pipeline[] = QUERY("\"name\":\"a.x\"") "\0" ASK("GetConfig");
	int fd = connect_client(), other = connect_client();
	json_t *reply;
	char byte;

	(void)state;
	assert_reply(fd, ASK("GetDns"), "{\"parameters\":{\"dnssec\":\"pass\"}}");
	say(fd, pipeline, sizeof pipeline);
	say_request(other, ASK("GetStatus"));
	reply = hear_json(other);
	assert_non_null(reply);
	json_decref(reply);
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	reply = hear_json(fd);
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "io.v6gwd.Control.PlaneNotRunning");
	json_decref(reply);
	reply = hear_json(fd);
	assert_non_null(json_object_get(reply, "parameters"));
	json_decref(reply);
	assert_int_equal(g.query.q.type, 28);
	assert_false(g.query.has_client);

	assert_reply(fd,
		     QUERY("\"name\":\"b.x\",\"type\":\"TYPE257\",\"as\":\"192.0.2.1\","
			   "\"do\":true,\"cd\":false"),
		     NO_DNS);
	assert_int_equal(g.query.q.type, 257);
	assert_true(g.query.has_client && g.query.dnssec_ok && !g.query.checking_disabled);

	say_request(other, QUERY("\"name\":\"c.x\",\"cd\":true"));
	for (int i = 0; i < 100 && !g.query.checking_disabled; i++)
		usleep(20000);
	assert_int_equal(g.cancelled, 0); /* at the end: by stop_later() */
	g.dns_runs = false;
	assert_reply(fd, QUERY("\"name\":\"a.x\""), NO_DNS);
	assert_reply(fd, ASK("GetDns"), NO_DNS);
	close(fd);
	close(other);
}

/* Who closes the control cancels what is asked for its clients. */
static int stop_later(void **state)
{
	int rc = stop_control(state);

	return g.cancelled == 8 ? rc : -1;
}

static void test_parameters_of_query(void **state)
{
	static const struct {
		const char *request, *parameter;
	} rows[] = {
		{ QUERY(""), "name" },
		{ QUERY("\"name\":\"a..b\""), "name" },
		{ QUERY("\"name\":7"), "name" },
		{ QUERY("\"name\":\"a\",\"type\":\"NONE\""), "type" },
		{ QUERY("\"name\":\"a\",\"type\":null"), "type" },
		{ QUERY("\"name\":\"a\",\"as\":\"a\""), "as" },
		{ QUERY("\"name\":\"a\",\"do\":\"yes\""), "do" },
		{ QUERY("\"name\":\"a\",\"cd\":1"), "cd" },
		{ QUERY("\"name\":\"a\",\"rd\":true"), "rd" },
	};
	int fd = connect_client();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *reply;

		say_request(fd, rows[i].request);
		reply = hear_json(fd);
		assert_string_equal(json_string_value(json_object_get(
					    json_object_get(reply, "parameters"), "parameter")),
				    rows[i].parameter);
		json_decref(reply);
	}
	close(fd);
}

/* Steps and the whole stream in; a request behind them waits. */
static void test_doctor(void **state)
{
	static const char *const replies[] = {
		"{\"parameters\":{\"id\":\"config\",\"plane\":\"gateway\",\"checks\":\"the "
		"file is "
		"the configuration in force\",\"state\":\"ok\",\"text\":\"fine\",\"remedy\":"
		"\"\",\"clause\":\"\"},\"continues\":true}",
		"{\"parameters\":{\"id\":\"mtu\",\"plane\":\"nat64\",\"checks\":\"no MTU on "
		"the way "
		"is smaller than it has to "
		"be\",\"state\":\"broken\",\"text\":\"bad\",\"remedy\":"
		"\"mend\",\"clause\":\"RFC 7915 5.1, RFC 8200 5\"},\"continues\":true}",
		"{\"parameters\":{\"result\":\"broken\",\"first\":\"mtu\",\"text\":\"bad\","
		"\"remedy\":\"mend\"}}",
	};
	int fd = connect_client(), other = connect_client();

	(void)state;
	say_request(
		fd,
		DOCTOR("{\"guest\":\"2001:db8::1\",\"target\":\"a.example\",\"seen\":{"
		       "\"processes\":[{\"name\":\"radvd\",\"pid\":7,\"unit\":\"r.service\"}],"
		       "\"legacy\":{\"ipv4\":true,\"ipv6\":false}}}"));
	for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
		json_t *reply = hear_json(fd), *wanted = json_loads(replies[i], 0, NULL);

		assert_non_null(wanted);
		assert_true(json_equal(reply, wanted));
		json_decref(reply);
		json_decref(wanted);
	}
	assert_true(strcmp(g.checkup_ask.guest, "2001:db8::1") == 0 &&
		    g.checkup_ask.seen.processes_known);
	assert_int_equal(g.checkup_ask.seen.radvd.pid, 7);
	assert_string_equal(g.checkup_ask.seen.radvd.unit, "r.service");
	assert_int_equal(g.checkup_ask.seen.tayga.pid, 0);
	assert_true(g.checkup_ask.seen.legacy_known && g.checkup_ask.seen.legacy4);
	assert_false(g.checkup_ask.seen.legacy6 || g.checkup_ask.seen.saved_known);
	assert_int_equal(g.checkups_ended, 1);

	say_request(other, DOCTOR("{\"target\":\"never.example\"}"));
	for (int i = 0; i < 100 && g.checkup_ask.target[0] != 'n'; i++)
		usleep(20000);
	close(fd);
	close(other);
}

/* Who closes the control ends what goes on for its clients. */
static int stop_doctor(void **state)
{
	int rc = stop_control(state);

	return g.checkups_ended == 2 ? rc : -1;
}

static void test_fragments_and_pipeline(void **state)
{
	static const char request[] = ASK("GetStatus");
	static const char pipeline[] =
		ASK("GetConfig") "\0" ASK("Nothing") "\0" ASK("GetStatus");
	static const char oneway[] = "{\"oneway\":true,\"method\":\"io.v6gwd.Control.Reload\"}";
	int fd = connect_client();
	json_t *reply;

	(void)state;
	for (size_t i = 0; i < sizeof request; i++)
		say(fd, request + i, 1);
	reply = hear_json(fd);
	assert_non_null(json_object_get(reply, "parameters"));
	json_decref(reply);

	say_request(fd, oneway); /* no answer, but done */
	say(fd, pipeline, sizeof pipeline);
	shutdown(fd, SHUT_WR);
	reply = hear_json(fd);
	assert_non_null(json_object_get(json_object_get(reply, "parameters"), "text"));
	json_decref(reply);
	reply = hear_json(fd);
	assert_non_null(json_object_get(reply, "error"));
	json_decref(reply);
	reply = hear_json(fd);
	assert_non_null(json_object_get(json_object_get(reply, "parameters"), "version"));
	json_decref(reply);
	assert_null(hear_json(fd)); /* closed after us */
	assert_int_equal(g.reloads, 1);
	close(fd);
}

static void test_garbage(void **state)
{
	static const char *const cases[] = {
		"",
		"hello",
		"[]",
		"{",
		"{\"method\":\"a\",\"method\":\"b\"}",
		"\xff\xfe",
		"{\"method\":\"io.v6gwd.Control.GetStatus\"}{}",
	};
	char deep[8192];

	(void)state;
	memset(deep, '[', sizeof deep - 1);
	deep[sizeof deep - 1] = '\0';
	for (size_t i = 0; i <= N_OF(cases); i++) {
		int fd = connect_client();

		assert_reply(fd, i < N_OF(cases) ? cases[i] : deep,
			     ERROR("org.varlink.service.InvalidParameter",
				   "{\"parameter\":\"method\"}"));
		assert_null(hear_json(fd));
		close(fd);
	}
}

/* 64 KiB are a request, one byte more is none. */
static void test_size(void **state)
{
	static const char request[] = ASK("GetConfig");
	char buf[512], *big = malloc(65537);
	int fd = connect_client();

	(void)state;
	memset(big, ' ', 65537);
	memcpy(big, request, sizeof request - 1);
	say(fd, big, 65536);
	say(fd, "", 1);
	assert_true(hear(fd, buf, sizeof buf));
	assert_non_null(strstr(buf, "br0"));

	say(fd, big, 65537);
	assert_true(hear(fd, buf, sizeof buf));
	assert_string_equal(buf, ERROR("io.v6gwd.Control.RequestTooLarge", "{}"));
	assert_false(hear(fd, buf, sizeof buf));
	close(fd);
	free(big);
}

static void test_too_many(void **state)
{
	int fds[32], fd;
	char buf[512];

	(void)state;
	for (size_t i = 0; i < 32; i++) {
		fds[i] = connect_client();
		assert_reply(fds[i], ASK("Nothing"),
			     ERROR("org.varlink.service.MethodNotFound",
				   "{\"method\":\"io.v6gwd.Control.Nothing\"}"));
	}
	fd = connect_client();
	assert_true(hear(fd, buf, sizeof buf));
	assert_string_equal(buf, ERROR("io.v6gwd.Control.TooManyClients", "{}"));
	assert_false(hear(fd, buf, sizeof buf));
	close(fd);
	close(fds[7]);
	do { /* the daemon has yet to see it go */
		fd = connect_client();
		say_request(fd, ASK("GetConfig"));
		assert_true(hear(fd, buf, sizeof buf));
		close(fd);
	} while (strstr(buf, "TooManyClients"));
	assert_non_null(strstr(buf, "br0"));
	for (size_t i = 0; i < 32; i++) {
		if (i != 7)
			close(fds[i]);
	}
}

/* Rows as they are read: 10,000 of them never stand in memory, and others are served meanwhile.
 */
static void test_slow_reader(void **state)
{
	static const char request[] =
		"{\"method\":\"io.v6gwd.Control.ListMappings\",\"more\":true}";
	int fd, other;

	(void)state;
	g.mappings = MAPPINGS;
	fd = connect_client();
	say_request(fd, request);
	usleep(200000);
	unsigned produced = g.produced;
	assert_in_range(produced, 100, 4000); /* a socket's buffer and 64 KiB of ours */
	other = connect_client();
	for (int i = 0; i < 3; i++) {
		say_request(other, ASK("GetStatus"));
		json_t *reply = hear_json(other);
		assert_non_null(reply);
		json_decref(reply);
	}
	close(other);
	assert_int_equal(g.produced, produced);

	FILE *in = fdopen(fd, "r");
	char *row = NULL;
	size_t size = 0, rows = 0;
	while (getdelim(&row, &size, '\0', in) > 0) {
		json_t *reply = json_loads(row, 0, NULL);
		json_t *ipv4 = json_object_get(json_object_get(reply, "parameters"), "ipv4");
		char expected[ADDR_TEXT_LEN];
		bool more = json_is_true(json_object_get(reply, "continues"));

		addr4_text(addr4_of(0x0a000000u + 3 * (uint32_t)rows), expected);
		assert_string_equal(json_string_value(ipv4), expected);
		json_decref(reply);
		rows++;
		assert_int_equal(more, rows < MAPPINGS);
		if (!more)
			break;
	}
	assert_int_equal(rows, MAPPINGS);
	free(row);
	fclose(in);
}

#define WATCH "{\"method\":\"io.v6gwd.Control.Monitor\",\"more\":true}"
#define SET_LEVEL \
	"{\"method\":\"io.v6gwd.Control.SetLogLevel\",\"parameters\":{\"level\":\"info\"}}"

/* The next event of a monitor; its text into the buffer. */
static json_int_t hear_event(int fd, const char *event, char text[128])
{
	json_t *reply = hear_json(fd), *p = json_object_get(reply, "parameters");
	json_int_t n = json_integer_value(json_object_get(p, "n"));

	assert_true(json_is_true(json_object_get(reply, "continues")));
	snprintf(text, 128, "%s", json_string_value(json_object_get(p, "text")));
	assert_string_equal(json_string_value(json_object_get(p, "event")), event);
	assert_int_equal(strlen(json_string_value(json_object_get(p, "time"))), 24);
	if (strcmp(event, "mapping_made") == 0) {
		assert_string_equal(json_string_value(json_object_get(p, "client")),
				    "2001:db8::25");
		assert_string_equal(json_string_value(json_object_get(p, "plane")), "nat64");
		assert_null(json_object_get(p, "mac"));
	}
	json_decref(reply);
	return n;
}

/* Events come as they happen; who asks again on such a connection is not heard; and nothing is
 * made when nobody listens any more. */
static void test_monitor(void **state)
{
	int watcher = connect_client(), other = connect_client();
	char text[128];

	(void)state;
	g.events = 1;
	assert_reply(watcher, ASK("Monitor"), ERROR("org.varlink.service.ExpectedMore", "{}"));
	assert_reply(
		watcher,
		"{\"method\":\"io.v6gwd.Control.Monitor\",\"more\":true,"
		"\"parameters\":{\"queries\":1}}",
		ERROR("org.varlink.service.InvalidParameter", "{\"parameter\":\"queries\"}"));
	say_request(watcher, WATCH);
	hear_event(watcher, "status", text);
	assert_string_equal(text, "OK: made up");
	say_request(watcher, ASK("GetStatus"));
	assert_reply(other, SET_LEVEL, "{\"parameters\":{}}");
	assert_true(g.wanted);
	hear_event(watcher, "mapping_made", text);
	assert_string_equal(text, "mapping 0");
	assert_reply(other, SET_LEVEL, "{\"parameters\":{}}");
	hear_event(watcher, "mapping_made", text); /* no query, and no status in between */
	g.odd = true;                              /* names of the host need not be UTF-8 */
	assert_reply(other, SET_LEVEL, "{\"parameters\":{}}");
	hear_event(watcher, "mapping_made", text);
	assert_string_equal(text, "mapping 0 caf?");
	g.odd = false;
	close(watcher);
	for (int i = 0; i < 100 && (i == 0 || g.wanted); i++) {
		usleep(10000);
		assert_reply(other, SET_LEVEL, "{\"parameters\":{}}");
	}
	assert_false(g.wanted);
	close(other);
}

/* Who does not read misses events, is told how many, and delays nobody. */
static void test_slow_watcher(void **state)
{
	int watcher = connect_client(), other = connect_client();
	char text[128], last[128];
	json_int_t heard = 0, lost = 0;

	(void)state;
	say_request(watcher, WATCH);
	hear_event(watcher, "status", text);
	g.events = 20000;
	assert_reply(other, SET_LEVEL, "{\"parameters\":{}}");
	while (!lost && heard < 20000) {
		json_t *reply = hear_json(watcher), *p = json_object_get(reply, "parameters");
		const char *event = json_string_value(json_object_get(p, "event"));

		assert_non_null(event);
		if (strcmp(event, "lost") == 0)
			lost = json_integer_value(json_object_get(p, "n"));
		else
			heard++;
		json_decref(reply);
	}
	assert_true(lost > 0 && heard > 100);
	assert_int_equal(heard + lost, 20000);
	g.events = 1;
	assert_reply(other, SET_LEVEL, "{\"parameters\":{}}");
	hear_event(watcher, "mapping_made", last);
	close(watcher);
	close(other);
}

static void test_no_mappings(void **state)
{
	int fd;

	(void)state;
	g.mappings = 0;
	fd = connect_client();
	assert_reply(fd, "{\"method\":\"io.v6gwd.Control.ListMappings\",\"more\":true}",
		     "{\"parameters\":{}}");
	g.mappings = 1;
	assert_reply(
		fd, "{\"method\":\"io.v6gwd.Control.ListMappings\",\"more\":true}",
		"{\"parameters\":{\"mac\":null,\"ipv6\":\"2001:db8::25\",\"ipv4\":\"10.0.0.0\","
		"\"name\":\"vm\",\"state\":\"active\",\"age_s\":0,\"idle_s\":null,\"packets\":{"
		"\"v6_to_v4\":0,\"v4_to_v6\":2},\"bytes\":{\"v6_to_v4\":0,\"v4_to_v6\":0}}}");
	close(fd);
}

/* What another user sees; in a process of its own.  0 when it is what is expected. */
static int try_as(gid_t gid, gid_t supplementary, bool may_read)
{
	static const char denied[] = ERROR("io.v6gwd.Control.NotPermitted", "{}");
	char buf[512];
	pid_t pid = fork();
	int status;

	if (pid)
		return waitpid(pid, &status, 0) == pid ? status : -1;
	if (setgroups(1, &supplementary) < 0 || setgid(gid) < 0 || setuid(NOBODY) < 0)
		_exit(1);
	int fd = connect_client();
	if (fd < 0)
		_exit(2);
	if (!may_read) /* answered without a question, and closed */
		_exit(hear(fd, buf, sizeof buf) && strcmp(buf, denied) == 0 &&
				      !hear(fd, buf, sizeof buf)
			      ? 0
			      : 3);
	say_request(fd, ASK("GetConfig"));
	if (!hear(fd, buf, sizeof buf) || !strstr(buf, "br0"))
		_exit(4);
	say_request(fd, ASK("Reload"));
	if (!hear(fd, buf, sizeof buf) || strcmp(buf, denied) != 0)
		_exit(5);
	say_request(fd, ASK("GetConfig")); /* still a client */
	_exit(hear(fd, buf, sizeof buf) && strstr(buf, "br0") ? 0 : 6);
}

static void test_rights(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(g.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	if (geteuid() != 0)
		skip();
	assert_int_equal(try_as(getegid(), NOBODY, true), 0);
	assert_int_equal(try_as(NOBODY, getegid(), true), 0);
	assert_int_equal(try_as(NOBODY, NOBODY, false), 0);
	assert_int_equal(g.reloads, 0);
}

/* Readers fill the house; one of them makes room for root.  0 when it is so. */
static int fill_as_reader(int full, int done)
{
	uint64_t ready;
	char buf[512];
	int fds[32], closed = 0;

	if (setgroups(0, NULL) < 0 || setuid(NOBODY) < 0)
		return 1;
	for (size_t i = 0; i < 32; i++) {
		fds[i] = connect_client();
		say_request(fds[i], ASK("GetConfig"));
		if (!hear(fds[i], buf, sizeof buf) || !strstr(buf, "br0"))
			return 2;
	}
	if (eventfd_write(full, 1) < 0 || eventfd_read(done, &ready) < 0)
		return 3;
	for (size_t i = 0; i < 32; i++)
		closed += recv(fds[i], buf, 1, MSG_DONTWAIT) == 0;
	return closed == 1 ? 0 : 4;
}

static void test_room_for_root(void **state)
{
	int full = eventfd(0, EFD_CLOEXEC), done = eventfd(0, EFD_CLOEXEC), status = -1;
	uint64_t ready;
	char buf[512];

	(void)state;
	if (geteuid() != 0)
		skip();
	pid_t pid = fork();
	if (pid == 0)
		_exit(fill_as_reader(full, done));
	assert_int_equal(eventfd_read(full, &ready), 0);
	int fd = connect_client();
	say_request(fd, ASK("GetConfig"));
	assert_true(hear(fd, buf, sizeof buf));
	assert_non_null(strstr(buf, "br0"));
	assert_int_equal(eventfd_write(done, 1), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
	close(full);
	close(done);
}

/* Without descriptors nobody is accepted, the loop does not spin, and it heals by itself. */
static void test_no_descriptors(void **state)
{
	struct rlimit before, none;
	struct timespec spent;
	clockid_t clock;
	char buf[512];

	(void)state;
	assert_int_equal(pthread_getcpuclockid(g.thread, &clock), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	int probe = dup(0), fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	snprintf(addr.sun_path, sizeof addr.sun_path, "%.100s", g.path);
	close(probe);
	none.rlim_cur = (rlim_t)probe;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	say_request(fd, ASK("GetConfig"));
	usleep(300000);
	assert_int_equal(recv(fd, buf, 1, MSG_DONTWAIT), -1);
	assert_int_equal(clock_gettime(clock, &spent), 0);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(spent.tv_sec, 0);
	assert_in_range(spent.tv_nsec, 0, 100000000);
	assert_true(hear(fd, buf, sizeof buf));
	assert_non_null(strstr(buf, "br0"));
	close(fd);
}

/* A second daemon is refused, a dead one's file replaced, what is no socket left alone. */
static void test_ownership(void **state)
{
	struct control_conf conf = { g.path, "", "9.9" };
	struct ev_loop *loop = ev_new();
	struct reasons reasons = { 0 };
	struct control *second;
	char other[96];
	struct stat st;
	int error = 0;

	(void)state;
	assert_null(control_open(loop, &conf, &ops, NULL, &error));
	assert_int_equal(error, -EADDRINUSE);
	assert_int_equal(stat(g.path, &st), 0);

	snprintf(other, sizeof other, "%s/other", g.dir);
	conf.path = other;
	second = control_open(loop, &conf, &ops, NULL, &error);
	assert_non_null(second);
	control_close(second, true);
	assert_int_equal(stat(other, &st), 0);
	conf.group = "no-such-group";
	second = control_open(loop, &conf, &ops, NULL, &error);
	assert_non_null(second);
	assert_false(control_health(second, &reasons));
	assert_int_equal(reasons.n, 1);
	control_set_group(second, "");
	assert_true(control_health(second, &reasons));
	unlink(other);
	assert_int_equal(close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	control_close(second, false);
	assert_int_equal(stat(other, &st), 0); /* not ours any more */
	assert_null(control_open(loop, &conf, &ops, NULL, &error));
	assert_int_equal(error, -ENOTSOCK);
	unlink(other);
	ev_free(loop);
}

/* Silence, a request that never ends and answers that nobody reads all end after 10 s. */
static void test_idle(void **state)
{
	uint64_t start_ms = ev_clock_ms();
	int silent, drip, deaf, watcher;
	char byte, text[128];

	(void)state;
	g.mappings = MAPPINGS;
	silent = connect_client();
	drip = connect_client();
	deaf = connect_client();
	watcher = connect_client();
	say_request(watcher, WATCH);
	say_request(deaf, "{\"method\":\"io.v6gwd.Control.ListMappings\",\"more\":true}");
	for (int i = 0; i < 9; i++) {
		say(drip, " ", 1);
		sleep(1);
	}
	assert_int_equal(recv(silent, &byte, 1, 0), 0);
	assert_in_range(ev_clock_ms() - start_ms, 9900, 12000);
	while (recv(drip, &byte, 1, 0) > 0)
		;
	assert_in_range(ev_clock_ms() - start_ms, 9900, 12000);
	while (send(deaf, "", 1, MSG_NOSIGNAL) > 0 && ev_clock_ms() - start_ms < 15000)
		usleep(50000);
	assert_in_range(ev_clock_ms() - start_ms, 9900, 12500);
	close(silent);
	close(drip);
	close(deaf);

	/* Who watches is silent by nature. */
	int other = connect_client();
	g.events = 1;
	assert_reply(other, SET_LEVEL, "{\"parameters\":{}}");
	hear_event(watcher, "status", text);
	hear_event(watcher, "mapping_made", text);
	close(watcher);
	close(other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_control, stop_control)
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_description),
		cmocka_unit_test_setup_teardown(test_answers_that_take_time, start_control,
						stop_later),
		cmocka_unit_test_setup_teardown(test_doctor, start_control, stop_doctor),
		TEST(test_parameters_of_query),
		TEST(test_fragments_and_pipeline),
		TEST(test_garbage),
		TEST(test_size),
		TEST(test_too_many),
		TEST(test_slow_reader),
		TEST(test_monitor),
		TEST(test_slow_watcher),
		TEST(test_no_mappings),
		TEST(test_rights),
		TEST(test_room_for_root),
		TEST(test_no_descriptors),
		TEST(test_ownership),
		TEST(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
