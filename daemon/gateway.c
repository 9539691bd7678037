/* SPDX-License-Identifier: GPL-3.0-or-later */
#define LOG_PLANE "gateway"

#include "gateway.h"

#include "config/dump.h"
#include "config/health.h"
#include "config_log.h"
#include "config_read.h"
#include "control.h"
#include "event.h"
#include "fdstore.h"
#include "io/hearing.h"
#include "io/link.h"
#include "io/resolvers.h"
#include "io/sysctl.h"
#include "plane.h"
#include "plane_dns64.h"
#include "plane_nat64.h"
#include "plane_ra.h"
#include "report.h"
#include "sd.h"
#include "told.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

static const struct plane_class *const classes[] = { &plane_nat64, &plane_dns64, &plane_ra };

enum { NAT64, DNS64, RA, N_PLANES };

#define RETRY_MS   1000 /* after a change that could not be carried out */
#define LEAVE_MS   1000 /* before a restart, for what clients wait for */
#define STATUS_LEN 320
#define ASK_MS     5 /* how often it is asked meanwhile whether that is done */

#define CHECKUPS_MAX 4 /* at once */

enum state { STATE_OK, STATE_DEGRADED, STATE_FAILED };

struct gateway {
	struct ev_loop *loop;
	const char *file, *version;
	bool has_level;
	struct config *config;
	struct effective *eff;
	struct link *link;
	struct resolvers *resolvers;
	struct control *control;
	void *plane[N_PLANES];
	struct plane_health health;
	struct health nat64, dns64;
	struct reasons reasons;
	struct told told; /* what of them is in the log */
	enum state state;
	char status[STATUS_LEN]; /* as it was told last */
	struct ev_timer look, watchdog, leave;
	uint64_t leave_by_ms;
	int look_error; /* of the last look, 0 or -errno */
	struct ev_signal *signals[5];
	uint8_t machine_id[16];
	uint64_t started_ms;
	time_t loaded_at;
	bool stale, running; /* stale: the file was changed, and refused */
	enum plane_stop stop;
	struct checkup_env checkup;
	unsigned checkups;  /* under way */
	struct facts facts; /* for them, at the moment */
};

/* What the host is like now. */
static struct facts facts_now(const struct gateway *g)
{
	struct facts f = *link_facts(g->link);
	size_t n;
	const struct fact_resolver *resolvers = resolvers_list(g->resolvers, &n);

	f.resolvers = (struct fact_resolver *)(uintptr_t)resolvers;
	f.n_resolvers = n;
	sysctl_read(&f);
	memcpy(f.machine_id, g->machine_id, sizeof f.machine_id);
	f.state_directory = sd_state_directory();
	return f;
}

static const struct origin *find_origin(const struct effective *eff, const struct origin *like)
{
	for (size_t i = 0; eff && i < eff->n_origins; i++)
		if (strcmp(eff->origins[i].key, like->key) == 0 &&
		    strcmp(eff->origins[i].from, like->from) == 0)
			return &eff->origins[i];
	return NULL;
}

/* Says each value that was found out, and where; later only what became different. */
static void log_origins(const struct effective *before, const struct effective *now)
{
	for (size_t i = 0; i < now->n_origins; i++) {
		const struct origin *o = &now->origins[i], *old = find_origin(before, o);

		if (!old || strcmp(old->value, o->value) != 0)
			log_info("%s = %s (from %s)", o->key, o->value, o->from);
	}
}

static bool has_note(const struct effective *eff, const struct reason *like)
{
	for (size_t i = 0; eff && i < eff->notes.n; i++)
		if (strcmp(eff->notes.v[i].text, like->text) == 0)
			return true;
	return false;
}

/* Once, while nothing changes. */
static void log_notes(const struct effective *before, const struct effective *now)
{
	for (size_t i = 0; i < now->notes.n; i++)
		if (!has_note(before, &now->notes.v[i]))
			event_tell(now->notes.v[i].event, NULL, "%s", now->notes.v[i].text);
}

static void hear(const struct facts *now, struct effective *next)
{
	for (size_t i = 0; i < next->n_ra; i++) {
		const struct eff_ra *ra = &next->ra[i];
		struct fact_hearing h;

		if (!ra->index)
			continue;
		h = hearing_read(ra->name, ra->index);
		effective_hears(next, now, ra, &h);
	}
}

/* All planes prepare, then all settle: one refusal, and nothing has changed. */
static int settle_all(struct gateway *g, const struct effective *next)
{
	size_t ready = 0;
	int error = 0;

	while (ready < N_PLANES && !error) {
		error = classes[ready]->prepare(g->plane[ready], next);
		ready += !error;
	}
	for (size_t i = 0; i < ready; i++)
		classes[i]->settle(g->plane[i], !error);
	return error;
}

/* One path for start, reload and every change of the host or of a plane's health. */
static int apply(struct gateway *g, const struct config *config)
{
	const struct facts now = facts_now(g);
	struct effective *next = effective_new(config, &now, g->health, g->eff);
	int error;

	if (!next)
		return -ENOMEM;
	sysctl_forwarding(&now, next);
	hear(&now, next);
	error = settle_all(g, next);
	if (error) {
		effective_free(next);
		return error;
	}
	log_origins(g->eff, next);
	log_notes(g->eff, next);
	effective_free(g->eff);
	g->eff = next;
	return 0;
}

static const char *state_text(enum state state)
{
	static const char *const text[] = { "ok", "degraded", "failed" };

	return text[state];
}

static void tell_status(struct gateway *g)
{
	char text[STATUS_LEN];

	if (g->reasons.n)
		snprintf(text, sizeof text, "%s: %s: %s%s",
			 g->state == STATE_FAILED ? "FAILED" : "DEGRADED",
			 g->reasons.v[0].plane, g->reasons.v[0].text,
			 g->reasons.n > 1 ? " (and more: v6gwctl status)" : "");
	else
		snprintf(text, sizeof text, "OK: serving %s",
			 g->eff->n_ifaces ? g->eff->ifaces[0].name : "");
	if (strcmp(text, g->status) != 0)
		event_show(EVENT_STATUS, NULL, "%s", text);
	memcpy(g->status, text, sizeof text);
	if (!g->running)
		sd_ready(text);
	else
		sd_status(text);
	g->running = true;
}

/* How far the planes may be relied on by what is announced. */
static struct plane_health health_now(struct gateway *g, const bool serves[N_PLANES])
{
	const struct effective *eff = g->eff;
	uint64_t now_ms = ev_now_ms(g->loop);
	bool dns64 = eff->dns64.enabled && eff->dns64.listen.n;
	struct plane_health h = { .nat64_serves = health_judge(&g->nat64, eff->nat64.enabled,
							       serves[NAT64], now_ms),
				  .dns64_serves = health_judge(&g->dns64, dns64, serves[DNS64],
							       now_ms) };

	h.nat64_again_ms = g->nat64.again_ms;
	h.dns64_again_ms = g->dns64.again_ms;
	h.n_deaf = plane_dns64_deaf(g->plane[DNS64], h.deaf, EFF_DEAF_MAX);
	return h;
}

static bool hears_same(const struct plane_health *a, const struct plane_health *b)
{
	for (size_t i = 0; i < a->n_deaf && i < b->n_deaf; i++)
		if (!addr_equal(&a->deaf[i].addr, &b->deaf[i].addr) ||
		    a->deaf[i].scope != b->deaf[i].scope)
			return false;
	return a->n_deaf == b->n_deaf;
}

static bool is_same(const struct plane_health *a, const struct plane_health *b)
{
	return a->nat64_serves == b->nat64_serves && a->dns64_serves == b->dns64_serves &&
	       a->nat64_again_ms == b->nat64_again_ms &&
	       a->dns64_again_ms == b->dns64_again_ms && hears_same(a, b);
}

static void tell_announced(const char *plane, bool before, bool now)
{
	const struct log_fields fields = { .plane = plane };

	if (before && !now)
		event_tell(EVENT_WITHHELD, &fields,
			   "%s does not work, so it is not announced to the guests (v6gwctl "
			   "status says why)",
			   plane);
	else if (!before && now)
		event_tell(EVENT_ANNOUNCED, &fields, "%s works, and is announced again", plane);
}

/* Asks the planes how they are.  Returns when to look again because that changes, or will
 * change, what the others may announce. */
static uint64_t collect_health(struct gateway *g)
{
	struct reasons now = g->eff->reasons;
	struct plane_health before = g->health;
	uint64_t again = UINT64_MAX;
	bool serves[N_PLANES];

	for (size_t i = 0; i < N_PLANES; i++)
		serves[i] = classes[i]->health(g->plane[i], &now);
	if (g->control)
		control_health(g->control, &now);
	g->state = !now.n                                         ? STATE_OK
		   : serves[NAT64] || serves[DNS64] || serves[RA] ? STATE_DEGRADED
								  : STATE_FAILED;
	g->reasons = now;
	g->health = health_now(g, serves);
	tell_announced("nat64", before.nat64_serves, g->health.nat64_serves);
	tell_announced("dns64", before.dns64_serves, g->health.dns64_serves);
	if (!is_same(&before, &g->health))
		return ev_now_ms(g->loop);
	if (g->nat64.again_ms)
		again = g->nat64.again_ms;
	return g->dns64.again_ms && g->dns64.again_ms < again ? g->dns64.again_ms : again;
}

static void judge(struct gateway *g)
{
	uint64_t health = collect_health(g);
	uint64_t told = told_update(&g->told, &g->reasons, ev_now_ms(g->loop));
	uint64_t again = health < told ? health : told;

	if (again < g->look.at_ms)
		ev_timer_at(&g->look, again);
	tell_status(g);
}

static void on_look(void *arg)
{
	struct gateway *g = arg;
	int error = apply(g, g->config);

	if (error && error != g->look_error)
		event_tell(EVENT_CHANGE_FAILED, NULL,
			   "a change of the host could not be followed: %s, trying again",
			   strerror(-error));
	g->look_error = error;
	if (error)
		ev_timer_at(&g->look, ev_now_ms(g->loop) + RETRY_MS);
	judge(g);
}

/* Links, addresses, routes, resolvers, or the health of a plane. */
static void on_change(void *arg)
{
	struct gateway *g = arg;

	if (g->look.loop && g->stop != PLANE_RESTART)
		ev_timer_at(&g->look, ev_now_ms(g->loop));
}

static void on_watchdog(void *arg)
{
	struct gateway *g = arg;

	sd_alive();
	ev_timer_at(&g->watchdog, ev_now_ms(g->loop) + sd_watchdog_ms());
}

static enum log_level level_of(const struct config *c)
{
	static const enum log_level level[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING,
						LOG_LEVEL_NOTICE, LOG_LEVEL_INFO,
						LOG_LEVEL_DEBUG };

	return level[c->log_level];
}

static void use_config(struct gateway *g, struct config *config)
{
	config_free(g->config);
	g->config = config;
	g->loaded_at = time(NULL);
	g->stale = false;
	if (!g->has_level)
		log_set_level(level_of(config));
}

/* Into the log, and into a reply where somebody waits for one. */
static void tell(enum log_level level, const struct config_error *e, struct report *messages)
{
	config_log(level, e);
	if (messages)
		config_report(messages, e);
}

static void tell_all(const struct config_errors *errors, struct report *messages)
{
	for (size_t i = 0; i < errors->n; i++)
		tell(LOG_LEVEL_ERROR, &errors->v[i], messages);
	for (size_t i = 0; !errors->n && i < errors->n_warnings; i++)
		tell(LOG_LEVEL_WARNING, &errors->warnings[i], messages);
}

/* The file is good, but the host does not let us. */
static void tell_refused(const struct gateway *g, const char *why, const char *hint,
			 struct report *messages)
{
	char text[128];
	struct config_error e = {
		.file = g->file, .key = "", .text = text, .hint = hint, .source = ""
	};

	snprintf(text, sizeof text, "cannot be carried out: %s", why);
	tell(LOG_LEVEL_ERROR, &e, messages);
}

static void tell_at_next_start(const struct gateway *g, const struct config *next,
			       struct report *messages)
{
	const struct config_error e = { .file = g->file,
					.key = "control.socket",
					.text = "changes only when v6gwd starts anew",
					.hint = "systemctl restart v6gwd",
					.source = "" };

	if (strcmp(g->config->control.socket, next->control.socket) != 0)
		tell(LOG_LEVEL_WARNING, &e, messages);
}

/* A new file: taken whole, or not at all. */
static bool reload(struct gateway *g, struct report *messages)
{
	struct config_errors errors;
	struct config *next;
	int error = 0;

	if (strcmp(g->file, "/dev/stdin") == 0) { /* which is at its end */
		tell_refused(g, "it was read to its end", "give -c a file", messages);
		return false;
	}
	next = config_load(g->file, &errors);
	if (next)
		error = apply(g, next);
	if (error)
		tell_refused(g, strerror(-error), "v6gwd's log says what", messages);
	else
		tell_all(&errors, messages);
	config_errors_free(&errors);
	if (!next || error) {
		config_free(next);
		g->stale = true;
		event_tell(EVENT_CONFIG_REFUSED, NULL,
			   "%s is refused, the configuration from before stays in force",
			   g->file);
		return false;
	}
	tell_at_next_start(g, next, messages);
	use_config(g, next);
	control_set_group(g->control, next->control.group);
	event_tell(EVENT_CONFIG_LOADED, NULL, "%s is in force", g->file);
	on_change(g);
	return true;
}

static void on_hup(void *arg)
{
	struct gateway *g = arg;

	sd_reloading();
	reload(g, NULL);
	g->running = false; /* READY again */
	tell_status(g);
}

static void on_terminate(void *arg)
{
	struct gateway *g = arg;

	g->stop = PLANE_STOP;
	ev_stop(g->loop);
}

/* Goes when nobody waits for an answer any more. */
static void on_leave(void *arg)
{
	struct gateway *g = arg;
	uint64_t now_ms = ev_now_ms(g->loop);
	bool done = true;

	for (size_t i = 0; i < N_PLANES; i++)
		if (classes[i]->leave && !classes[i]->leave(g->plane[i]))
			done = false;
	if (done || now_ms >= g->leave_by_ms)
		ev_stop(g->loop);
	else
		ev_timer_at(&g->leave, now_ms + ASK_MS);
}

static void on_usr2(void *arg)
{
	struct gateway *g = arg;

	if (g->stop == PLANE_RESTART)
		return;
	g->stop = PLANE_RESTART;
	ev_timer_stop(&g->look); /* the next one will */
	g->leave_by_ms = ev_now_ms(g->loop) + LEAVE_MS;
	on_leave(g);
}

static bool counter_at(void *arg, size_t i, struct counter *out)
{
	struct gateway *g = arg;

	for (size_t p = 0; p < N_PLANES; p++) {
		size_t n = 0;

		while (classes[p]->counter(g->plane[p], n, out))
			if (n++ == i)
				return true;
		i -= n;
	}
	return false;
}

/* State into the log. */
static void on_usr1(void *arg)
{
	struct gateway *g = arg;
	struct counter c;

	log_notice("state: %s", state_text(g->state));
	for (size_t i = 0; i < g->reasons.n; i++)
		log_notice("state: %s: %s", g->reasons.v[i].plane, g->reasons.v[i].text);
	for (size_t i = 0; i < g->eff->n_origins; i++)
		log_notice("state: %s = %s (from %s)", g->eff->origins[i].key,
			   g->eff->origins[i].value, g->eff->origins[i].from);
	for (size_t i = 0; counter_at(g, i, &c); i++)
		if (c.value)
			log_notice("state: %s = %llu", c.name, (unsigned long long)c.value);
}

static void report_health(const struct gateway *g, struct report *r)
{
	report_object(r, "health");
	report_text(r, "state", state_text(g->state));
	report_list(r, "reasons");
	for (size_t i = 0; i < g->reasons.n; i++)
		report_textf(r, NULL, "%s: %s", g->reasons.v[i].plane, g->reasons.v[i].text);
	report_end(r);
	report_end(r);
}

static void report_config(const struct gateway *g, struct report *r)
{
	char when[32];
	struct tm tm;

	gmtime_r(&g->loaded_at, &tm);
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
	report_object(r, "config");
	report_text(r, "file", g->file);
	report_text(r, "loaded_at", when);
	report_bool(r, "stale", g->stale);
	report_end(r);
}

static void on_status(void *arg, struct report *r)
{
	struct gateway *g = arg;

	report_text(r, "version", g->version);
	report_number(r, "uptime_s", (ev_now_ms(g->loop) - g->started_ms) / 1000);
	report_health(g, r);
	report_config(g, r);
	if (g->config->nat64.enabled) {
		report_object(r, "nat64");
		plane_nat64.report(g->plane[NAT64], r);
		report_end(r);
	}
	if (g->config->dns64.enabled) {
		report_object(r, "dns64");
		plane_dns64.report(g->plane[DNS64], r);
		report_end(r);
	}
	report_list(r, "ra");
	plane_ra.report(g->plane[RA], r);
	report_end(r);
}

static const char *on_state(void *arg)
{
	const struct gateway *g = arg;

	return g->status;
}

static void on_ra(void *arg, struct report *r)
{
	struct gateway *g = arg;

	report_list(r, "interfaces");
	plane_ra_show(g->plane[RA], r);
	report_end(r);
}

static void on_config(void *arg, void (*put)(void *to, const char *text), void *to)
{
	struct gateway *g = arg;

	config_dump(g->config, g->eff->origins, g->eff->n_origins, put, to);
}

static bool on_mapping(void *arg, size_t *i, struct control_mapping *out)
{
	struct gateway *g = arg;

	return plane_nat64_mapping(g->plane[NAT64], i, &out->mapping, out->mac, &out->has_mac);
}

static bool on_drop_mapping(void *arg, const struct in6_addr *ipv6)
{
	struct gateway *g = arg;

	return plane_nat64_drop(g->plane[NAT64], ipv6);
}

static bool on_reload(void *arg, struct report *messages)
{
	return reload(arg, messages);
}

static bool on_flush_dns(void *arg)
{
	struct gateway *g = arg;

	return plane_dns64_flush(g->plane[DNS64]);
}

static bool on_dns(void *arg, struct report *r)
{
	struct gateway *g = arg;

	return plane_dns64_report_all(g->plane[DNS64], r);
}

static uint64_t on_query_dns(void *arg, const struct dns64_question *q, plane_dns64_fn *fn,
			     void *to)
{
	struct gateway *g = arg;

	return plane_dns64_query(g->plane[DNS64], q, fn, to);
}

static void on_cancel_dns(void *arg, uint64_t query)
{
	struct gateway *g = arg;

	plane_dns64_cancel(g->plane[DNS64], query);
}

static void on_checkup_now(void *arg, struct doctor_view *v)
{
	struct gateway *g = arg;

	g->facts = facts_now(g);
	v->facts = &g->facts;
	v->eff = g->eff;
	v->file = g->file;
	v->stale = g->stale;
	v->uptime_s = (ev_now_ms(g->loop) - g->started_ms) / 1000;
	v->reasons = g->reasons;
}

static struct checkup *on_doctor(void *arg, const struct checkup_ask *ask, checkup_fn *fn,
				 void *to)
{
	struct gateway *g = arg;
	struct checkup *c;

	if (g->checkups == CHECKUPS_MAX)
		return NULL;
	g->checkup = (struct checkup_env){
		g->loop,        g->link, g->plane[NAT64], g->plane[DNS64], g->plane[RA],
		on_checkup_now, g
	};
	c = checkup_new(&g->checkup, ask, fn, to);
	g->checkups += c != NULL;
	return c;
}

static void on_cancel_doctor(void *arg, struct checkup *c)
{
	struct gateway *g = arg;

	checkup_free(c);
	g->checkups--;
}

static void on_log_level(void *arg, enum log_level level)
{
	(void)arg;
	log_set_level(level);
}

static const struct control_ops control_ops = {
	.status = on_status,
	.state = on_state,
	.ra = on_ra,
	.config = on_config,
	.mapping = on_mapping,
	.counter = counter_at,
	.reload = on_reload,
	.flush_dns = on_flush_dns,
	.drop_mapping = on_drop_mapping,
	.dns = on_dns,
	.query_dns = on_query_dns,
	.cancel_dns = on_cancel_dns,
	.doctor = on_doctor,
	.cancel_doctor = on_cancel_doctor,
	.set_log_level = on_log_level,
};

static int exit_code_of(int error)
{
	switch (-error) {
	case EPERM:
	case EACCES:
		return EX_NOPERM;
	case EBUSY:
	case EADDRINUSE:
	case EEXIST: /* nat64.device is somebody's device of another kind */
		return EX_UNAVAILABLE;
	default:
		return EX_OSERR;
	}
}

static int open_control(struct gateway *g)
{
	const struct control_conf conf = { g->config->control.socket, g->config->control.group,
					   g->version };
	int error = 0;

	g->control = control_open(g->loop, &conf, &control_ops, g, &error);
	if (g->control)
		return 0;
	if (error == -EADDRINUSE)
		event_tell(EVENT_SOCKET_REFUSED, NULL,
			   "%s belongs to a running v6gwd: stop that one first", conf.path);
	else if (error == -EACCES || error == -EPERM)
		event_tell(EVENT_SOCKET_REFUSED, NULL,
			   "control socket %s: %s (its directory must belong to v6gwd's user: "
			   "install -d -o %u DIRECTORY; or set control.socket)",
			   conf.path, strerror(-error), geteuid());
	else
		event_tell(EVENT_SOCKET_REFUSED, NULL, "control socket %s: %s", conf.path,
			   strerror(-error));
	return error;
}

static int open_signals(struct gateway *g)
{
	static const struct {
		int signo;
		ev_fn *fn;
	} handled[] = { { SIGTERM, on_terminate },
			{ SIGINT, on_terminate },
			{ SIGHUP, on_hup },
			{ SIGUSR1, on_usr1 },
			{ SIGUSR2, on_usr2 } };

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) {
		g->signals[i] = ev_signal_new(g->loop, handled[i].signo, handled[i].fn, g);
		if (!g->signals[i])
			return -ENOMEM;
	}
	return 0;
}

static int open_planes(struct gateway *g)
{
	const struct plane_env env = { g->loop, g->link, on_change, g };

	for (size_t i = 0; i < N_PLANES; i++) {
		g->plane[i] = classes[i]->start(&env);
		if (!g->plane[i])
			return -ENOMEM;
	}
	return apply(g, g->config);
}

static int open_all(struct gateway *g)
{
	int error = open_signals(g);

	if (!error)
		error = open_control(g);
	if (error)
		return error;
	g->link = link_open(g->loop, on_change, g);
	g->resolvers = resolvers_open(g->loop, on_change, g);
	if (!g->link || !g->resolvers)
		return -EIO;
	ev_timer_init(&g->look, g->loop, on_look, g);
	ev_timer_init(&g->watchdog, g->loop, on_watchdog, g);
	ev_timer_init(&g->leave, g->loop, on_leave, g);
	error = open_planes(g);
	if (!error)
		fdstore_settle();
	return error;
}

struct gateway *gateway_new(struct ev_loop *loop, const struct gateway_conf *conf,
			    int *exit_code)
{
	struct gateway *g = calloc(1, sizeof *g);
	int error = g ? 0 : -ENOMEM;

	if (g) {
		g->loop = loop;
		g->file = conf->file;
		g->version = conf->version;
		g->has_level = conf->has_level;
		if (conf->has_level)
			log_set_level(conf->level);
		g->health = (struct plane_health){ .nat64_serves = true, .dns64_serves = true };
		g->started_ms = ev_clock_ms();
		sd_machine_id(g->machine_id);
		use_config(g, conf->config);
		tell_all(conf->errors, NULL);
		fdstore_open();
		error = open_all(g);
	}
	if (!error)
		return g;
	*exit_code = exit_code_of(error);
	if (g && *exit_code == EX_OSERR) /* the service manager tries again */
		g->stop = PLANE_RESTART;
	gateway_free(g);
	return NULL;
}

int gateway_run(struct gateway *g)
{
	judge(g);
	log_notice("v6gwd %s runs: %s", g->version, state_text(g->state));
	if (sd_watchdog_ms())
		on_watchdog(g);
	ev_run(g->loop);
	sd_stopping();
	log_notice(g->stop == PLANE_RESTART ? "stopping for a restart" : "stopping");
	return EX_OK;
}

void gateway_free(struct gateway *g)
{
	if (!g)
		return;
	for (size_t i = N_PLANES; i-- > 0;)
		classes[i]->stop(g->plane[i], g->stop);
	ev_timer_stop(&g->look);
	ev_timer_stop(&g->watchdog);
	ev_timer_stop(&g->leave);
	control_close(g->control, g->stop == PLANE_RESTART);
	resolvers_close(g->resolvers);
	link_close(g->link);
	for (size_t i = 0; i < sizeof g->signals / sizeof *g->signals; i++)
		ev_signal_free(g->signals[i]);
	effective_free(g->eff);
	config_free(g->config);
	free(g);
}
