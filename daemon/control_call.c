/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_call.c - the methods of io.v6gwd.Control and org.varlink.service. */
#include "control_call.h"

#include "control_idl.h"
#include "control_metrics.h"
#include "dns/text.h"
#include "report_json.h"

#include <stdio.h>
#include <string.h>

#define OURS    "io.v6gwd.Control."
#define VARLINK "org.varlink.service."

static int append(const char *data, size_t len, void *arg)
{
	return control_buf_add(arg, data, len) ? 0 : -1;
}

/* Takes the reference to message. */
static void send_message(struct control_call *c, json_t *message)
{
	if (!message || json_dump_callback(message, append, &c->out, JSON_COMPACT) < 0 ||
	    !control_buf_add(&c->out, "", 1))
		c->failed = true;
	json_decref(message);
}

/* Takes the reference to parameters. */
static void refuse(struct control_call *c, const char *error, json_t *parameters)
{
	if (c->oneway)
		json_decref(parameters);
	else
		send_message(c, json_pack("{s:s, s:o}", "error", error, "parameters",
					  parameters ? parameters : json_object()));
}

/* Takes the reference to parameters; NULL is a report that failed. */
static void reply(struct control_call *c, json_t *parameters, bool continues)
{
	if (!parameters)
		refuse(c, OURS "InternalError", NULL);
	else if (c->oneway)
		json_decref(parameters);
	else if (continues)
		send_message(c,
			     json_pack("{s:o, s:b}", "parameters", parameters, "continues", 1));
	else
		send_message(c, json_pack("{s:o}", "parameters", parameters));
}

void control_call_stream(struct control_call *c, json_t *parameters)
{
	if (parameters)
		reply(c, parameters, true);
	else
		c->failed = true;
}

void control_call_error(struct control_call *c, const char *error)
{
	c->oneway = false;
	refuse(c, error, NULL);
}

static void refuse_parameter(struct control_call *c, const char *name)
{
	refuse(c, VARLINK "InvalidParameter", json_pack("{s:s}", "parameter", name));
}

static void get_info(struct control_call *c, const char *unused)
{
	(void)unused;
	reply(c,
	      json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "v6gwd", "product", "v6gwd",
			"version", c->service->version, "url", "man:v6gwctl(1)", "interfaces",
			"org.varlink.service", "io.v6gwd.Control"),
	      false);
}

static void get_interface_description(struct control_call *c, const char *interface)
{
	for (const struct control_idl *i = control_idls; i->interface; i++) {
		if (strcmp(i->interface, interface) == 0) {
			reply(c, json_pack("{s:s}", "description", i->description), false);
			return;
		}
	}
	refuse(c, VARLINK "InterfaceNotFound", json_pack("{s:s}", "interface", interface));
}

static void get_status(struct control_call *c, const char *unused)
{
	struct report r;

	(void)unused;
	report_open_object(&r);
	c->service->ops->status(c->service->arg, &r);
	reply(c, report_close(&r), false);
}

static void get_ra(struct control_call *c, const char *unused)
{
	struct report r;

	(void)unused;
	report_open_object(&r);
	c->service->ops->ra(c->service->arg, &r);
	reply(c, report_close(&r), false);
}

static const char *state_text(enum nat64_state state)
{
	switch (state) {
	case NAT64_ACTIVE:
		return "active";
	case NAT64_DORMANT:
		return "dormant";
	case NAT64_STATIC:
		return "static";
	}
	return "";
}

static void report_ways(struct report *r, const char *key, const uint64_t ways[2])
{
	report_object(r, key);
	report_number(r, "v6_to_v4", ways[0]);
	report_number(r, "v4_to_v6", ways[1]);
	report_end(r);
}

/* Seconds from then until now; null for what has not been yet.  Then may lie before time 0. */
static void report_since(struct report *r, const char *key, uint64_t then_ms, uint64_t now_ms)
{
	int64_t since_ms = (int64_t)(now_ms - then_ms);

	if (!then_ms)
		report_null(r, key);
	else
		report_number(r, key, since_ms > 0 ? (uint64_t)since_ms / 1000 : 0);
}

static json_t *mapping_of(const struct control_mapping *m, uint64_t now_ms)
{
	char text[ADDR_TEXT_LEN];
	struct report r;

	report_open_object(&r);
	if (m->has_mac)
		report_text(&r, "mac", mac_text(m->mac, text));
	else
		report_null(&r, "mac");
	report_text(&r, "ipv6", addr_text(&m->mapping.ipv6, text));
	report_text(&r, "ipv4", addr4_text(m->mapping.ipv4, text));
	report_text(&r, "name", m->mapping.name ? m->mapping.name : "");
	report_text(&r, "state", state_text(m->mapping.state));
	report_since(&r, "age_s", m->mapping.made_ms, now_ms);
	report_since(&r, "idle_s", m->mapping.used_ms, now_ms);
	report_ways(&r, "packets", m->mapping.packets);
	report_ways(&r, "bytes", m->mapping.bytes);
	return report_close(&r);
}

/* The next mapping becomes c->row; one is held back, because the last reply has to say that it
 * is the last. */
static void fetch_row(struct control_call *c)
{
	struct control_mapping m;

	c->row = NULL;
	if (!c->service->ops->mapping(c->service->arg, &c->next, &m))
		return;
	c->row = mapping_of(&m, c->now_ms);
	if (!c->row)
		c->failed = true;
}

static void list_mappings(struct control_call *c, const char *unused)
{
	(void)unused;
	if (c->oneway)
		return;
	if (!c->more) {
		refuse(c, VARLINK "ExpectedMore", NULL);
		return;
	}
	c->next = 0;
	fetch_row(c);
	if (!c->row)
		reply(c, json_object(), false);
}

bool control_call_next(struct control_call *c)
{
	json_t *row = c->row;

	if (c->failed)
		return false;
	if (!row)
		return control_monitor_next(c);
	fetch_row(c);
	reply(c, row, c->row != NULL);
	return true;
}

bool control_call_has_next(const struct control_call *c)
{
	return !c->failed && (c->row || c->monitor.lost);
}

static void list_counters(struct control_call *c, const char *unused)
{
	struct counter counter;
	struct report r;

	(void)unused;
	report_open_object(&r);
	report_list(&r, "counters");
	for (size_t i = 0; c->service->ops->counter(c->service->arg, i, &counter); i++) {
		report_object(&r, NULL);
		report_text(&r, "name", counter.name);
		report_number(&r, "value", counter.value);
		report_text(&r, "text", counter.text);
		report_text(&r, "rfc", counter.rfc);
		report_end(&r);
	}
	report_end(&r);
	reply(c, report_close(&r), false);
}

/* Takes what buf holds as the member "text". */
static void reply_text(struct control_call *c, struct control_buf *buf, bool complete)
{
	struct report r;

	report_open_object(&r);
	if (complete && control_buf_add(buf, "", 1))
		report_text(&r, "text", control_buf_head(buf));
	else
		c->failed = true;
	control_buf_done(buf);
	reply(c, report_close(&r), false);
}

struct text {
	struct control_buf buf;
	bool failed;
};

static void put(void *to, const char *text)
{
	struct text *t = to;

	if (!control_buf_add(&t->buf, text, strlen(text)))
		t->failed = true;
}

static void get_config(struct control_call *c, const char *unused)
{
	struct text t = { 0 };

	(void)unused;
	c->service->ops->config(c->service->arg, put, &t);
	reply_text(c, &t.buf, !t.failed);
}

static void get_metrics(struct control_call *c, const char *unused)
{
	struct control_buf buf = { 0 };

	(void)unused;
	bool complete = control_metrics_write(c->service, &buf);
	reply_text(c, &buf, complete);
}

static void reload(struct control_call *c, const char *unused)
{
	struct report r;

	(void)unused;
	report_open_list(&r);
	bool done = c->service->ops->reload(c->service->arg, &r);
	json_t *messages = report_close(&r);
	if (done && messages)
		reply(c, json_pack("{s:o}", "warnings", messages), false);
	else if (done)
		reply(c, json_pack("{s:[]}", "warnings"), false);
	else if (messages)
		refuse(c, OURS "ReloadFailed", json_pack("{s:o}", "errors", messages));
	else
		refuse(c, OURS "ReloadFailed", json_pack("{s:[]}", "errors"));
}

static void flush_dns(struct control_call *c, const char *unused)
{
	(void)unused;
	if (c->service->ops->flush_dns(c->service->arg))
		reply(c, json_object(), false);
	else
		refuse(c, OURS "PlaneNotRunning", json_pack("{s:s}", "plane", "dns64"));
}

static void drop_mapping(struct control_call *c, const char *text)
{
	struct in6_addr ipv6;

	if (!addr_parse(text, &ipv6) || addr_is_v4(&ipv6))
		refuse_parameter(c, "ipv6");
	else if (c->service->ops->drop_mapping(c->service->arg, &ipv6))
		reply(c, json_object(), false);
	else
		refuse(c, OURS "NoSuchMapping", json_pack("{s:s}", "ipv6", text));
}

static void set_log_level(struct control_call *c, const char *text)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "error", LOG_LEVEL_ERROR },   { "warning", LOG_LEVEL_WARNING },
		{ "notice", LOG_LEVEL_NOTICE }, { "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG },
	};

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (strcmp(levels[i].name, text) == 0) {
			c->service->ops->set_log_level(c->service->arg, levels[i].level);
			reply(c, json_object(), false);
			return;
		}
	}
	refuse_parameter(c, "level");
}

static void get_dns(struct control_call *c, const char *unused)
{
	struct report r;

	(void)unused;
	report_open_object(&r);
	bool done = c->service->ops->dns(c->service->arg, &r);
	json_t *parameters = report_close(&r);
	if (done)
		reply(c, parameters, false);
	else
		refuse(c, OURS "PlaneNotRunning", json_pack("{s:s}", "plane", "dns64"));
	if (!done)
		json_decref(parameters);
}

/* One parameter of QueryDns; false when it is none. */
static bool read_query(struct dns64_question *q, const char *key, const json_t *value)
{
	const char *text = json_string_value(value);

	if (text && strcmp(key, "name") == 0)
		return (q->q.name_len = (uint8_t)name_from_text(text, q->q.name)) > 0;
	if (text && strcmp(key, "type") == 0)
		return text_read_type(text, &q->q.type);
	if (text && strcmp(key, "as") == 0)
		return q->has_client = addr_parse(text, &q->client);
	if (json_is_boolean(value) && strcmp(key, "do") == 0)
		q->dnssec_ok = json_is_true(value);
	else if (json_is_boolean(value) && strcmp(key, "cd") == 0)
		q->checking_disabled = json_is_true(value);
	else
		return false;
	return true;
}

static void on_dns_answer(void *arg, const struct dns64_query *q)
{
	struct control_call *c = arg;
	struct report r;

	c->waits = false;
	if (q) {
		report_open_object(&r);
		plane_dns64_report_answer(q, &r);
		reply(c, report_close(&r), false);
	} else {
		refuse(c, OURS "PlaneNotRunning", json_pack("{s:s}", "plane", "dns64"));
	}
	if (c->query)
		c->wake(c->wake_arg);
	c->query = 0;
}

static void query_dns(struct control_call *c, const char *unused)
{
	struct dns64_question q = { .q = { .type = TYPE_AAAA, .class = CLASS_IN } };
	const char *key;
	json_t *value;
	uint64_t query;

	(void)unused;
	json_object_foreach(c->parameters, key, value)
	{
		if (!read_query(&q, key, value)) {
			refuse_parameter(c, key);
			return;
		}
	}
	if (!q.q.name_len) {
		refuse_parameter(c, "name");
		return;
	}
	c->waits = true;
	query = c->service->ops->query_dns(c->service->arg, &q, on_dns_answer, c);
	if (query) {
		c->query = c->waits ? query : 0;
		return;
	}
	c->waits = false;
	refuse(c, OURS "PlaneNotRunning", json_pack("{s:s}", "plane", "dns64"));
}

static void monitor(struct control_call *c, const char *unused)
{
	bool queries = false;
	const char *key;
	json_t *value;

	(void)unused;
	json_object_foreach(c->parameters, key, value)
	{
		if (strcmp(key, "queries") != 0 || !json_is_boolean(value)) {
			refuse_parameter(c, key);
			return;
		}
		queries = json_is_true(value);
	}
	if (c->oneway)
		return;
	if (c->more)
		control_monitor_begin(c, c->service->ops->state(c->service->arg), queries);
	else
		refuse(c, VARLINK "ExpectedMore", NULL);
}

static bool read_process(const json_t *value, struct doctor_process *out)
{
	json_int_t pid = json_integer_value(json_object_get(value, "pid"));
	const char *unit = json_string_value(json_object_get(value, "unit"));

	if (!json_is_object(value) || pid <= 0 || pid > INT32_MAX)
		return false;
	out->pid = (uint32_t)pid;
	snprintf(out->unit, sizeof out->unit, "%s", unit ? unit : "");
	return true;
}

/* What only who asks can see of the host. */
static bool read_seen(const json_t *seen, struct doctor_seen *out)
{
	const json_t *processes = json_object_get(seen, "processes");
	const json_t *legacy = json_object_get(seen, "legacy");
	const char *saved = json_string_value(json_object_get(seen, "saved"));
	const json_t *p;
	size_t i;

	out->processes_known = json_is_array(processes);
	json_array_foreach(processes, i, p)
	{
		const char *name = json_string_value(json_object_get(p, "name"));

		if (name && strcmp(name, "tayga") == 0 && !read_process(p, &out->tayga))
			return false;
		if (name && strcmp(name, "radvd") == 0 && !read_process(p, &out->radvd))
			return false;
	}
	out->legacy_known = json_is_object(legacy);
	out->legacy4 = json_is_true(json_object_get(legacy, "ipv4"));
	out->legacy6 = json_is_true(json_object_get(legacy, "ipv6"));
	out->saved_known = saved;
	snprintf(out->saved, sizeof out->saved, "%s", saved ? saved : "");
	return true;
}

/* One parameter of Doctor; false when it is none. */
static bool read_ask(struct checkup_ask *ask, const char *key, const json_t *value)
{
	const char *text = json_string_value(value);
	uint8_t name[DNS_NAME_MAX];
	struct in6_addr addr;

	if (json_is_null(value))
		return true;
	if (text && strcmp(key, "guest") == 0) {
		snprintf(ask->guest, sizeof ask->guest, "%s", text);
		return *text && strlen(text) < sizeof ask->guest;
	}
	if (text && strcmp(key, "target") == 0) {
		snprintf(ask->target, sizeof ask->target, "%s", text);
		return strlen(text) < sizeof ask->target &&
		       (addr_parse(text, &addr) || name_from_text(text, name));
	}
	return strcmp(key, "seen") == 0 && json_is_object(value) &&
	       read_seen(value, &ask->seen);
}

static void on_checkup(void *arg, const struct checkup_news *news)
{
	const struct doctor_step_text *step = &doctor_steps[news->step];
	const struct doctor_finding *f = news->finding;
	struct control_call *c = arg;
	struct report r;

	report_open_object(&r);
	if (news->is_result) {
		report_text(&r, "result", doctor_state_text(f->state));
		if (f->state == DOCTOR_OK)
			report_null(&r, "first");
		else
			report_text(&r, "first", step->id);
	} else {
		report_text(&r, "id", step->id);
		report_text(&r, "plane", step->plane);
		report_text(&r, "checks", step->text);
		report_text(&r, "state", doctor_state_text(f->state));
	}
	report_text(&r, "text", f->text);
	report_text(&r, "remedy", f->remedy);
	if (!news->is_result)
		report_text(&r, "clause", step->clause);
	reply(c, report_close(&r), !news->is_result);
	if (!news->is_result)
		return;
	c->service->ops->cancel_doctor(c->service->arg, c->checkup);
	c->checkup = NULL;
	c->waits = false;
	c->wake(c->wake_arg);
}

static void doctor(struct control_call *c, const char *unused)
{
	struct checkup_ask ask = { 0 };
	const char *key;
	json_t *value;

	(void)unused;
	json_object_foreach(c->parameters, key, value)
	{
		if (!read_ask(&ask, key, value)) {
			refuse_parameter(c, key);
			return;
		}
	}
	if (c->oneway)
		return;
	if (!c->more) {
		refuse(c, VARLINK "ExpectedMore", NULL);
		return;
	}
	c->checkup = c->service->ops->doctor(c->service->arg, &ask, on_checkup, c);
	c->waits = c->checkup;
	if (!c->checkup)
		refuse(c, CONTROL_TOO_MANY, NULL);
}

/* Reads c->parameters by itself. */
#define SEVERAL ""

struct method {
	const char *name;
	const char *parameter; /* the one it takes, a text, or NULL, or SEVERAL */
	bool changes;
	void (*call)(struct control_call *, const char *parameter); /* NULL: not implemented */
};

static const struct method methods[] = {
	{ VARLINK "GetInfo", NULL, false, get_info },
	{ VARLINK "GetInterfaceDescription", "interface", false, get_interface_description },
	{ OURS "GetStatus", NULL, false, get_status },
	{ OURS "ListMappings", NULL, false, list_mappings },
	{ OURS "GetRa", NULL, false, get_ra },
	{ OURS "ListCounters", NULL, false, list_counters },
	{ OURS "GetMetrics", NULL, false, get_metrics },
	{ OURS "GetConfig", NULL, false, get_config },
	{ OURS "Reload", NULL, true, reload },
	{ OURS "FlushDns", NULL, true, flush_dns },
	{ OURS "DropMapping", "ipv6", true, drop_mapping },
	{ OURS "SetLogLevel", "level", true, set_log_level },
	{ OURS "GetDns", NULL, false, get_dns },
	{ OURS "QueryDns", SEVERAL, false, query_dns },
	{ OURS "Monitor", SEVERAL, false, monitor },
	{ OURS "Doctor", SEVERAL, false, doctor },
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		if (strcmp(methods[i].name, name) == 0)
			return &methods[i];
	}
	return NULL;
}

/* Does the gateway answer what m asks? */
static bool offered(const struct control_ops *o, const struct method *m)
{
	return m->call && (m->call != doctor || o->doctor) &&
	       (m->call != monitor || o->state) && (m->call != query_dns || o->query_dns) &&
	       (m->call != get_dns || o->dns) && (m->call != get_status || o->status) &&
	       (m->call != get_ra || o->ra) && (m->call != list_mappings || o->mapping) &&
	       (m->call != list_counters || o->counter) &&
	       (m->call != get_metrics || o->counter) && (m->call != get_config || o->config) &&
	       (m->call != reload || o->reload) && (m->call != flush_dns || o->flush_dns) &&
	       (m->call != drop_mapping || o->drop_mapping) &&
	       (m->call != set_log_level || o->set_log_level);
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static void refuse_method(struct control_call *c, const char *name)
{
	const char *dot = strrchr(name, '.');

	if (starts_with(name, OURS) || starts_with(name, VARLINK))
		refuse(c, VARLINK "MethodNotFound", json_pack("{s:s}", "method", name));
	else
		refuse(c, VARLINK "InterfaceNotFound",
		       json_pack("{s:s%}", "interface", name, dot ? dot - name : 0));
}

/* Calls m with the one parameter it takes; all others are refused by their name. */
static void call_method(struct control_call *c, const struct method *m, json_t *parameters)
{
	const char *value = NULL, *key;
	json_t *member;

	c->parameters = parameters;
	if (m->parameter && !*m->parameter) {
		m->call(c, NULL);
		return;
	}
	json_object_foreach(parameters, key, member)
	{
		if (!m->parameter || strcmp(key, m->parameter) != 0 ||
		    !json_is_string(member)) {
			refuse_parameter(c, key);
			return;
		}
		value = json_string_value(member);
	}
	if (m->parameter && !value)
		refuse_parameter(c, m->parameter);
	else
		m->call(c, value);
}

static bool flag(const json_t *request, const char *name)
{
	return json_is_true(json_object_get(request, name));
}

static void answer(struct control_call *c, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "method"));
	json_t *parameters = json_object_get(request, "parameters");

	c->more = flag(request, "more");
	c->oneway = flag(request, "oneway");
	if (!name) {
		refuse_parameter(c, "method");
		return;
	}
	const struct method *m = find_method(name);
	if (!m)
		refuse_method(c, name);
	else if (!offered(c->service->ops, m))
		refuse(c, VARLINK "MethodNotImplemented", json_pack("{s:s}", "method", name));
	else if (m->changes && !c->may_change)
		refuse(c, CONTROL_NOT_PERMITTED, NULL);
	else if (flag(request, "upgrade"))
		refuse_parameter(c, "upgrade");
	else if (parameters && !json_is_null(parameters) && !json_is_object(parameters))
		refuse_parameter(c, "parameters");
	else
		call_method(c, m, parameters);
}

void control_call_request(struct control_call *c, const char *text, size_t len)
{
	json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(request)) {
		answer(c, request);
	} else { /* not varlink: nothing further can be understood */
		c->oneway = false;
		refuse_parameter(c, "method");
		c->failed = true;
	}
	json_decref(request);
}

void control_call_done(struct control_call *c)
{
	if (c->checkup)
		c->service->ops->cancel_doctor(c->service->arg, c->checkup);
	else if (c->waits)
		c->service->ops->cancel_dns(c->service->arg, c->query);
	c->checkup = NULL;
	c->waits = false;
	control_monitor_end(c);
	control_buf_done(&c->out);
	json_decref(c->row);
	c->row = NULL;
}
