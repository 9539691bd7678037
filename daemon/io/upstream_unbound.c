/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream_unbound.c - see upstream_unbound.h.
 *
 * What was tried out with libunbound 1.17.1: a context is final from its first question on.
 * ub_cancel() must not be used with the event interface, so what is cancelled goes on unheard.
 * ub_ctx_delete() calls back for all that is in flight, within the call.  A question that is in
 * the library's cache is called back for within ub_resolve_event(), and the octets it hands
 * over are gone with its next question: what is asked from within a callback waits until that
 * is over.
 */
#define LOG_PLANE "dns64"

#include "upstream_unbound.h"

#include "daemon/log.h"
#include "dns/msg.h"
#include "dns/name.h"
#include "unbound_setup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

enum {
	QUESTIONS_MAX = 1024, /* in flight, those that nobody waits for any longer included */
	ZONES_MAX = 384,      /* of these for zones: fewer than outgoing-range, below */
	CLOCK_STEP_S = 10,    /* the clock was set, not only corrected */
	STRIPPED_MIN = 3,     /* answers without signatures before it is said */
	PATH_LEN = 4096,
};

struct question {
	struct validator *v;
	uint64_t id;
	struct dns_question q;
	unsigned flags, set;
	uint64_t due_ms;
	bool wanted;                  /* somebody waits, and it stands in the list of those */
	struct question *prev, *next; /* of those wanted, or next of the free */
	struct question *later;
};

struct validator {
	struct ev_loop *loop;
	const struct validator_ops *ops;
	void *arg;
	struct ev_timer timer;
	struct unbound_setup setup, next;
	bool differs;

	struct ub_ctx *ctx; /* NULL: there is no anchor, nothing can be proved */
	FILE *log;
	bool setting_up; /* what it says now is for the operator */
	char failure[256], suspect[64];
	time_t clock_offset_s, not_before_s;
	bool expired;
	unsigned unsigned_answers; /* in a row, none was ever proved */
	unsigned refuted;          /* for whatever reason, as long as none was proved */
	uint16_t refuted_ede;      /* of the one that made it a reason */
	bool proved;

	unsigned inside; /* the library is on the stack */
	struct question *slots, *free;
	unsigned n_zones;              /* of the slots are for zones */
	struct question *first, *last; /* those wanted, by deadline */
	struct question *later; /* to be asked when the library is left, the last first */
	uint8_t *stripped;      /* DNS_MSG_MAX octets */
};

/* --- a context ----------------------------------------------------------------------- */

static ssize_t on_log(void *arg, const char *line, size_t len)
{
	struct validator *v = arg;
	const char *text = memmem(line, len, "] ", 2);
	size_t skip = text ? (size_t)(text + 2 - line) : 0;
	int n = (int)(len - skip);

	while (n > 0 && line[skip + (size_t)n - 1] == '\n')
		n--;
	if (n > 0)
		log_line(v->setting_up ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, LOG_PLANE, NULL,
			 "libunbound: %.*s", n, line + skip);
	return (ssize_t)len;
}

static int configure(struct ub_ctx *ctx, const char *text)
{
	int fd = memfd_create("v6gwd-unbound", MFD_CLOEXEC), error = UB_READFILE;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		error = ub_ctx_config(ctx, path);
	if (fd >= 0)
		close(fd);
	return error;
}

/* The keys in a file, each line one, as text that lives as long as the context. The library
 * takes a file without any key, and then everything for proved insecure. */
static int add_file(struct ub_ctx *ctx, const char *path, unsigned *n)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	int error = UB_NOERROR;

	if (!f) {
		log_warning("%s: %s", path, strerror(errno));
		return UB_READFILE;
	}
	while (error == UB_NOERROR && getline(&line, &size, f) >= 0) {
		line[strcspn(line, ";\r\n")] = '\0';
		if (line[strspn(line, " \t")] == '\0')
			continue;
		error = ub_ctx_add_ta(ctx, line);
		++*n;
	}
	free(line);
	fclose(f);
	return error;
}

static int add_anchors(struct validator *v, struct ub_ctx *ctx, const char *root_keys,
		       unsigned *n)
{
	const char *line = v->setup.anchors, *end;
	char text[PATH_LEN];
	int error = UB_NOERROR;

	for (; error == UB_NOERROR && (end = strchr(line, '\n')); line = end + 1) {
		snprintf(text, sizeof text, "%.*s", (int)(end - line), line);
		if (strcmp(text, "auto") == 0 && root_keys) {
			error = ub_ctx_add_ta_autr(ctx, root_keys);
			++*n;
		} else if (strcmp(text, "auto") == 0) {
			error = add_file(ctx, UNBOUND_PACKAGED_KEYS, n);
		} else if (*text == '/') {
			error = add_file(ctx, text, n);
		} else {
			error = ub_ctx_add_ta(ctx, text);
			++*n;
		}
	}
	return error;
}

/* A context with the keys of the root from root_keys, or with NULL from the package; it is made
 * final, so that all that is wrong is found out. */
static struct ub_ctx *try_context(struct validator *v, const char *root_keys)
{
	struct ub_ctx *ctx = ub_ctx_create_event(ev_base(v->loop));
	unsigned n = 0;
	int error;

	if (!ctx)
		return NULL;
	ub_ctx_debugout(ctx, v->log);
	v->setting_up = true;
	error = configure(ctx, v->setup.text);
	if (error == UB_NOERROR)
		error = add_anchors(v, ctx, root_keys, &n);
	if (error == UB_NOERROR)
		error = ub_ctx_data_remove(ctx, "nothing.invalid");
	v->setting_up = false;
	if (error == UB_NOERROR && n)
		return ctx;
	ub_ctx_delete(ctx);
	return NULL;
}

static time_t clock_offset_s(void)
{
	return time(NULL) - (time_t)(ev_clock_ms() / 1000);
}

__attribute__((format(printf, 2, 3))) static void fail(struct validator *v, const char *fmt,
						       ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(v->failure, sizeof v->failure, fmt, args);
	va_end(args);
}

/* The keys of the root as they are followed.  What is wrong with them stops nothing: those of
 * the package do as well. */
static void begin_followed(struct validator *v)
{
	const char *path = v->setup.state_keys;
	time_t own = unbound_setup_written_s(path),
	       packaged = unbound_setup_written_s(UNBOUND_PACKAGED_KEYS);
	bool seeded = unbound_setup_seed(&v->setup);

	v->not_before_s = own > packaged ? own : packaged;
	if (seeded)
		v->ctx = try_context(v, path);
	if (v->ctx) {
		if (!unbound_setup_can_replace(&v->setup))
			fail(v,
			     "new keys of the root cannot be kept: let v6gwd write to %s and "
			     "its directory, and restart it",
			     path);
		return;
	}
	v->ctx = try_context(v, NULL);
	if (v->ctx && seeded)
		fail(v,
		     "%s holds no keys, those of %s are used: remove it and restart v6gwd, it "
		     "is made again",
		     path, UNBOUND_PACKAGED_KEYS);
	else if (v->ctx)
		fail(v,
		     "%s cannot be made, the keys of %s are used: let v6gwd write there, and "
		     "restart it",
		     path, UNBOUND_PACKAGED_KEYS);
}

/* The context of v->setup. */
static void begin(struct validator *v)
{
	v->failure[0] = v->suspect[0] = '\0';
	v->unsigned_answers = v->refuted = 0;
	v->proved = v->expired = false;
	v->clock_offset_s = clock_offset_s();
	v->not_before_s = 0;
	if (unbound_setup_follows_root(&v->setup))
		begin_followed(v);
	else
		v->ctx = try_context(v, NULL);
	if (!v->ctx)
		fail(v, "no answer can be proved, so none is given: the log names the trust "
			"anchor that cannot be used (dns64.trust_anchors; package "
			"dns-root-data)");
}

/* --- questions ----------------------------------------------------------------------- */

static void unlink_wanted(struct question *q)
{
	struct validator *v = q->v;

	*(q->prev ? &q->prev->next : &v->first) = q->next;
	*(q->next ? &q->next->prev : &v->last) = q->prev;
	q->wanted = false;
}

static void link_wanted(struct question *q)
{
	struct validator *v = q->v;
	struct question *after = v->last;

	while (after && after->due_ms > q->due_ms)
		after = after->prev;
	q->prev = after;
	q->next = after ? after->next : v->first;
	*(q->prev ? &q->prev->next : &v->first) = q;
	*(q->next ? &q->next->prev : &v->last) = q;
	q->wanted = true;
}

static void rearm(struct validator *v)
{
	uint64_t at = v->first ? v->first->due_ms : EV_NEVER;

	ev_timer_at(&v->timer, v->later || v->expired ? ev_now_ms(v->loop) : at);
}

static void release(struct question *q)
{
	struct validator *v = q->v;

	if (q->wanted)
		unlink_wanted(q);
	v->n_zones -= q->set > 0;
	q->next = v->free;
	v->free = q;
}

/* Tells who waits; q may be gone then. */
static void finish(struct question *q, const struct resolve_result *r)
{
	struct validator *v = q->v;

	unlink_wanted(q);
	v->ops->resolved(v->arg, q->id, r);
}

/* --- results ------------------------------------------------------------------------- */

/* RFC 8914 4.7 to 4.13, from the library's words. */
static uint16_t bogus_ede(const struct msg *m, const char *why)
{
	static const struct {
		const char *words;
		uint16_t ede;
	} rows[] = {
		{ "verification failed", EDE_BOGUS },
		{ "signature expired", EDE_EXPIRED },
		{ "before inception", EDE_NOT_YET_VALID },
		{ "DNSKEY rrset", EDE_DNSKEY_MISSING },
		{ "DNSKEY RRset", EDE_DNSKEY_MISSING },
		{ "No DNSKEY", EDE_DNSKEY_MISSING },
		{ "no signatures", EDE_RRSIG_MISSING },
		{ "NSEC", EDE_NSEC_MISSING },
		{ "no DNSSEC records", EDE_NSEC_MISSING },
	};

	if (m && msg_ede(m) >= EDE_BOGUS && msg_ede(m) <= EDE_NSEC_MISSING)
		return msg_ede(m);
	for (size_t i = 0; why && i < sizeof rows / sizeof *rows; i++)
		if (strstr(why, rows[i].words))
			return rows[i].ede;
	return EDE_BOGUS;
}

/* Wrong keys make every name fail, and a forwarder that leaves out signatures makes every
 * signed name fail: who it is stands behind "from" in the library's words. */
static void suspect(struct validator *v, uint16_t ede, const char *why)
{
	const char *from = why ? strstr(why, " from ") : NULL;

	if (v->proved)
		return;
	if (++v->refuted == STRIPPED_MIN) {
		v->refuted_ede = ede;
		log_warning("nothing is proved (EDE %u): %s", ede, why ? why : "");
		v->ops->changed(v->arg);
	}
	if (ede != EDE_DNSKEY_MISSING && ede != EDE_RRSIG_MISSING && ede != EDE_NSEC_MISSING)
		return;
	v->unsigned_answers++;
	if (from)
		snprintf(v->suspect, sizeof v->suspect, "%.*s", (int)strcspn(from + 6, " \n"),
			 from + 6);
	if (v->unsigned_answers != STRIPPED_MIN)
		return;
	log_warning("%s strips DNSSEC (EDE %u): %s", *v->suspect ? v->suspect : "a forwarder",
		    ede, why ? why : "");
	v->ops->changed(v->arg);
}

static void on_bogus(struct question *q, const struct msg *m, const char *why)
{
	uint16_t ede = bogus_ede(m, why);
	const struct resolve_result r = { .status = RESOLVE_BOGUS, .ede = ede };

	log_debug("bogus (EDE %u): %s", ede, why ? why : "");
	suspect(q->v, ede, why);
	finish(q, &r);
}

/* What the library calls failure is one of the forwarders: the caller may go on without it. */
static void on_failure(struct question *q, unsigned rcode)
{
	uint8_t bare[MSG_HEAD_LEN + DNS_NAME_MAX + 4];
	struct resolve_result r = { .status = RESOLVE_ANSWER, .msg = bare };
	struct msg_wr w;

	msg_begin(&w, bare, sizeof bare, 0, (uint16_t)(MSG_QR | MSG_RD | MSG_RA | rcode),
		  &q->q);
	r.len = msg_end(&w);
	r.ede = rcode == RCODE_SERVFAIL ? EDE_NO_REACHABLE_AUTHORITY : 0;
	q->v->ops->doubted(q->v->arg, q->set);
	finish(q, &r);
}

static void on_message(struct question *q, const struct msg *m, bool secure)
{
	struct validator *v = q->v;
	struct resolve_result r = {
		.status = RESOLVE_ANSWER, .msg = m->p, .len = m->len, .secure = secure
	};

	if (secure && !v->proved) {
		v->proved = true;
		v->ops->changed(v->arg);
	}
	if (!(q->flags & RESOLVE_DO)) {
		r.msg = v->stripped;
		r.len = msg_strip(m, v->stripped, DNS_MSG_MAX);
	}
	finish(q, &r);
}

static void on_resolved(void *arg, int rcode, void *packet, int len, int sec, char *why,
			int was_ratelimited)
{
	struct question *q = arg;
	struct validator *v = q->v;
	bool whole;
	struct msg m;

	(void)was_ratelimited;
	v->inside++;
	whole = packet && len > 0 && msg_parse(packet, (size_t)len, &m) == MSG_OK;
	if (!q->wanted)
		;
	else if (sec == 1)
		on_bogus(q, whole ? &m : NULL, why);
	else if (rcode != 0 || !whole)
		on_failure(q,
			   rcode > 0 && rcode <= MSG_RCODE ? (unsigned)rcode : RCODE_SERVFAIL);
	else
		on_message(q, &m, sec == 2);
	release(q);
	v->inside--;
	rearm(v);
}

/* --- asking -------------------------------------------------------------------------- */

static void submit(struct question *q)
{
	struct validator *v = q->v;
	char name[NAME_TEXT_LEN];
	int error = UB_INITFAIL;

	if (v->ctx) {
		v->inside++;
		error = ub_resolve_event(v->ctx, name_text(q->q.name, name), q->q.type,
					 q->q.class, q, on_resolved, NULL);
		v->inside--;
	}
	if (error == UB_NOERROR)
		return;
	/* Not a failure that anybody may go on without. */
	finish(q,
	       &(struct resolve_result){ .status = RESOLVE_BOGUS, .ede = EDE_INDETERMINATE });
	release(q);
}

static void ask(struct validator *v, uint64_t id, const struct dns_question *question,
		unsigned flags, unsigned set)
{
	static const struct resolve_result busy = { .status = RESOLVE_UNREACHABLE };
	struct question *q = v->free;
	long step = (long)(clock_offset_s() - v->clock_offset_s);

	v->expired |= step > CLOCK_STEP_S || step < -CLOCK_STEP_S;
	if (!q || (set && v->n_zones >= ZONES_MAX)) {
		v->ops->resolved(v->arg, id, &busy);
		return;
	}
	v->n_zones += set > 0;
	v->free = q->next;
	*q = (struct question){ .v = v, .id = id, .q = *question, .flags = flags, .set = set };
	q->due_ms = ev_now_ms(v->loop) + v->setup.timeout_ms - v->setup.timeout_ms / 10;
	link_wanted(q);
	if (v->inside || v->expired) {
		q->later = v->later;
		v->later = q;
	} else {
		submit(q);
	}
	rearm(v);
}

static void cancel(struct validator *v, uint64_t id)
{
	for (struct question *q = v->first; q; q = q->next)
		if (q->id == id) {
			unlink_wanted(q);
			return;
		}
}

/* Those that could not be asked at once, the first one first. */
static void submit_later(struct validator *v)
{
	struct question *q = NULL, *next;

	for (struct question *p = v->later; p; p = next) {
		next = p->later;
		p->later = q;
		q = p;
	}
	v->later = NULL;
	for (; q; q = next) {
		next = q->later;
		if (q->wanted)
			submit(q);
		else
			release(q);
	}
}

static void on_due(void *arg)
{
	static const struct resolve_result timeout = { .status = RESOLVE_TIMEOUT,
						       .ede = EDE_NO_REACHABLE_AUTHORITY };
	struct validator *v = arg;
	uint64_t now_ms = ev_now_ms(v->loop);

	if (v->expired) {
		v->expired = false;
		v->ops->expired(v->arg);
	}
	submit_later(v);
	while (v->first && v->first->due_ms <= now_ms) {
		struct question *q = v->first;

		v->ops->doubted(v->arg, q->set);
		finish(q, &timeout);
	}
	rearm(v);
}

/* --- life ---------------------------------------------------------------------------- */

/* The library calls back for all that it has, and nobody hears it. */
static void end(struct validator *v)
{
	while (v->first)
		unlink_wanted(v->first);
	submit_later(v);
	if (v->ctx)
		ub_ctx_delete(v->ctx);
	v->ctx = NULL;
}

static void destroy(struct validator *v)
{
	if (!v)
		return;
	end(v);
	ev_timer_stop(&v->timer); /* last: what ends sets it */
	unbound_setup_done(&v->setup);
	unbound_setup_done(&v->next);
	if (v->log)
		fclose(v->log);
	free(v->slots);
	free(v->stripped);
	free(v);
}

static struct validator *create(struct ev_loop *loop, const struct validator_ops *ops,
				void *arg)
{
	static const cookie_io_functions_t log_functions = { .write = on_log };
	struct validator *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	*v = (struct validator){ .loop = loop, .ops = ops, .arg = arg };
	ev_timer_init(&v->timer, loop, on_due, v);
	v->slots = calloc(QUESTIONS_MAX, sizeof *v->slots);
	v->stripped = malloc(DNS_MSG_MAX);
	v->log = fopencookie(v, "w", log_functions);
	if (!v->slots || !v->stripped || !v->log) {
		destroy(v);
		return NULL;
	}
	setvbuf(v->log, NULL, _IOLBF, 0);
	for (size_t i = QUESTIONS_MAX; i-- > 0;) {
		v->slots[i].v = v;
		release(&v->slots[i]);
	}
	return v;
}

static bool prepare(struct validator *v, const struct validator_conf *conf, bool *differs)
{
	unbound_setup_done(&v->next);
	if (!unbound_setup_make(conf, &v->next)) {
		unbound_setup_done(&v->next);
		return false;
	}
	v->differs = !v->ctx || !unbound_setup_same(&v->next, &v->setup);
	*differs = v->differs;
	return true;
}

static void settle(struct validator *v, bool commit)
{
	if (!commit || !v->next.text) {
		unbound_setup_done(&v->next);
		return;
	}
	unbound_setup_done(&v->setup);
	v->setup = v->next;
	v->next = (struct unbound_setup){ 0 };
	if (!v->differs)
		return;
	end(v);
	begin(v);
	rearm(v);
}

static void expire(struct validator *v)
{
	v->expired = true;
	rearm(v);
}

static void renew(struct validator *v)
{
	end(v);
	begin(v);
	rearm(v);
}

static void put_reasons(const struct validator *v, struct reasons *r)
{
	time_t now_s = time(NULL);
	char text[32];
	struct tm tm;

	if (*v->failure)
		reasons_add(r, EVENT_TRUST_ANCHOR, "%s", v->failure);
	if (now_s < v->not_before_s && gmtime_r(&now_s, &tm)) {
		strftime(text, sizeof text, "%Y-%m-%d", &tm);
		reasons_add(r, EVENT_CLOCK_WRONG,
			    "the clock is wrong: %s is before the keys of the root were "
			    "written, so signatures are not valid yet (timedatectl)",
			    text);
	}
	if (!v->proved && v->unsigned_answers >= STRIPPED_MIN)
		reasons_add(r, EVENT_DNSSEC_STRIPPED,
			    "%s strips DNSSEC (EDE 10), so nothing can be proved: give "
			    "dns64.forwarders that do not, or dnssec = \"pass\"",
			    *v->suspect ? v->suspect : "a forwarder");
	else if (!v->proved && v->refuted >= STRIPPED_MIN)
		reasons_add(r, EVENT_TRUST_ANCHOR,
			    "no answer could be proved so far, and several failed (EDE %u): "
			    "are the keys (dns64.trust_anchors, package dns-root-data) and the "
			    "clock right?",
			    v->refuted_ede);
}

static const char *version(void)
{
	static char text[64];

	snprintf(text, sizeof text, "libunbound %s", ub_version());
	return text;
}

const struct validator_class validator_unbound = {
	create, destroy, prepare, settle, expire, renew, ask, cancel, put_reasons, version,
};
