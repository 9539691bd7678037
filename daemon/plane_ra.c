/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_ra.c - an advertiser (lib/ra/radv.h) and a socket for each interface.
 *
 * Translates the effective configuration into what an advertiser is told; decides nothing about
 * content or time.  A socket is open while its link exists and has a link-local address, and is
 * opened anew when the link is another one.
 */
#include "plane_ra_priv.h"

#include "ra_conf.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LOG_PLANE "ra"
#include "log.h"

/* --- what an advertiser asks for ----------------------------------------------------- */

static void on_message(void *arg, const struct in6_addr *src, const struct in6_addr *dst,
		       int hop_limit, const uint8_t *msg, size_t len)
{
	struct port *p = arg;
	struct others_news news;

	(void)dst; /* RFC 4861 6.1.1 does not judge it */
	radv_input(p->radv, ev_now_ms(p->plane->env.loop),
		   &(struct ra_packet){ *src, hop_limit, msg, len });
	if (radv_news(p->radv, &news))
		plane_ra_tell(p, &news);
	ev_timer_at(&p->timer, radv_next(p->radv));
}

/* The advertiser tries again within three seconds, and so does the opening. */
static int on_send(void *arg, const struct in6_addr *src, const struct in6_addr *dst,
		   const uint8_t *msg, size_t len)
{
	struct port *p = arg;
	int error = 0;

	if (!p->socket) {
		p->index = p->now->index;
		error = icmp6_open(p->plane->env.loop, p->index, on_message, p, &p->socket);
	}
	return error ? error : icmp6_send(p->socket, src, dst, msg, len);
}

/* One failure alone is the kernel being ahead of its notices: a link or an address that is just
 * gone. */
static void judge(struct port *p)
{
	bool failed = p->failures > 1;

	p->failures = radv_status(p->radv).error ? p->failures + 1 : 0;
	if (failed != (p->failures > 1))
		p->plane->env.changed(p->plane->env.gateway);
}

static void on_due(void *arg)
{
	struct port *p = arg;

	radv_tick(p->radv, ev_now_ms(p->plane->env.loop));
	ev_timer_at(&p->timer, radv_next(p->radv));
	judge(p);
}

/* --- ports --------------------------------------------------------------------------- */

static struct port *port_new(struct plane_ra *plane)
{
	struct port *p = calloc(1, sizeof *p), **at = &plane->ports;
	uint64_t seed = 0;

	if (!p)
		return NULL;
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) < 0)
		seed = ev_clock_ms() ^ (uintptr_t)p;
	p->radv = radv_new(seed, on_send, p);
	if (!p->radv) {
		free(p);
		return NULL;
	}
	p->plane = plane;
	ev_timer_init(&p->timer, plane->env.loop, on_due, p);
	while (*at)
		at = &(*at)->next_port;
	*at = p;
	return p;
}

static struct port *port_of(const struct plane_ra *plane, const char *name)
{
	for (struct port *p = plane->ports; p; p = p->next_port)
		if (strcmp((p->now ? p->now : p->next)->name, name) == 0)
			return p;
	return NULL;
}

static void add_counters(struct radv_counters *sum, const struct radv_counters *c)
{
	const struct radv_counter_row *row;

	for (size_t i = 0; (row = radv_counter_row(i)); i++)
		*(uint64_t *)((char *)sum + row->offset) +=
			*(const uint64_t *)((const char *)c + row->offset);
}

/* The port that *at points to goes out of the list. */
static void port_free(struct port **at)
{
	struct port *p = *at;

	*at = p->next_port;
	add_counters(&p->plane->gone, radv_counters(p->radv));
	ev_timer_stop(&p->timer);
	icmp6_close(p->socket);
	icmp6_close(p->next_socket);
	radv_free(p->radv);
	free(p);
}

/* --- the change ---------------------------------------------------------------------- */

/* Anything but a missing right heals: the first advertisement tries again. */
static bool is_fatal(int error)
{
	return error == -EPERM || error == -EACCES;
}

static int prepare_socket(struct port *p, const struct eff_ra *e)
{
	int error = 0;

	icmp6_close(p->next_socket);
	p->next_socket = NULL;
	if (ra_conf_has_source(e) && (!p->socket || p->index != e->index))
		error = icmp6_open(p->plane->env.loop, e->index, on_message, p,
				   &p->next_socket);
	if (is_fatal(error))
		return error;
	if (error)
		log_debug("%s: cannot open a socket: %s", e->name, strerror(-error));
	return 0;
}

static int prepare_port(struct plane_ra *plane, const struct eff_ra *e,
			const struct config_nat64 *nat64)
{
	struct port *p = port_of(plane, e->name);
	int error;

	if (!p)
		p = port_new(plane);
	if (!p)
		return -ENOMEM;
	p->next = e;
	error = ra_conf_prepare(p->radv, ev_now_ms(plane->env.loop), e, nat64);
	return error ? error : prepare_socket(p, e);
}

static void drop_prepared(struct port *p)
{
	radv_settle(p->radv, 0, false);
	icmp6_close(p->next_socket);
	p->next_socket = NULL;
	p->next = NULL;
}

static void switch_socket(struct port *p)
{
	if (!ra_conf_has_source(p->now) || p->next_socket || p->index != p->now->index) {
		icmp6_close(p->socket);
		p->socket = p->next_socket;
		p->next_socket = NULL;
	}
	p->index = p->now->index;
}

static void switch_port(struct port *p)
{
	p->now = p->next;
	p->next = NULL;
	switch_socket(p);
	if (radv_settle(p->radv, ev_now_ms(p->plane->env.loop), true))
		plane_ra_tell_change(p);
	if (!radv_status(p->radv).error)
		p->failures = 0;
	ev_timer_at(&p->timer, radv_next(p->radv));
}

static void cease(struct port *p)
{
	if (p->now && p->now->config->final == CONFIG_FINAL_STOP)
		radv_cease(p->radv, ev_now_ms(p->plane->env.loop));
}

/* After the farewells, and before the first words: those wait for the loop. */
static void guard(struct plane_ra *plane)
{
	ra_guard_begin(plane->guard);
	for (const struct port *p = plane->ports; p; p = p->next_port)
		ra_guard_add(plane->guard, p->now);
	ra_guard_end(plane->guard);
}

static void ra_settle(void *arg, bool commit)
{
	struct plane_ra *plane = arg;

	if (commit)
		plane->now = plane->next;
	for (struct port **at = &plane->ports; *at;) {
		struct port *p = *at;
		bool keep = commit ? p->next != NULL : p->now != NULL;

		if (keep && commit)
			switch_port(p);
		else if (keep)
			drop_prepared(p);
		else if (commit)
			cease(p);
		if (keep)
			at = &p->next_port;
		else
			port_free(at);
	}
	if (commit)
		guard(plane);
}

static int ra_prepare(void *arg, const struct effective *next)
{
	struct plane_ra *plane = arg;
	int error = next->n_ra ? icmp6_check() : 0;

	if (!is_fatal(error))
		error = 0;
	ra_settle(plane, false); /* an earlier one that nobody settled */
	plane->next = next;
	for (size_t i = 0; !error && i < next->n_ra; i++)
		error = prepare_port(plane, &next->ra[i], &next->config->nat64);
	if (!error)
		return 0;
	log_error("cannot prepare advertisements: %s%s", strerror(-error),
		  error == -EPERM ? " (raw sockets need CAP_NET_RAW)" : "");
	ra_settle(plane, false);
	return error;
}

/* --- health, status, counters ---------------------------------------------------------- */

static const char *remedy(int error)
{
	switch (-error) {
	case EPERM:
		return " (a firewall drops ICMPv6 output)";
	case EINVAL: /* so the kernel calls a neighbour that it cannot make an entry for */
	case ENOBUFS:
		return " (is the neighbour table full? sysctl "
		       "net.ipv6.neigh.default.gc_thresh3)";
	default:
		return "";
	}
}

/* The gateway itself waits for the guests' links. */
static bool is_guests(const struct effective *eff, const char *name)
{
	for (size_t i = 0; i < eff->n_ifaces; i++)
		if (strcmp(eff->ifaces[i].name, name) == 0)
			return true;
	return false;
}

/* Interfaces that do not exist are among the gateway's own reasons; a bridge without ports
 * waits for its first guest and is well. */
static bool is_well(const struct port *p, struct reasons *reasons)
{
	const struct eff_ra *e = p->now;
	int error = radv_status(p->radv).error;
	size_t before = reasons->n;

	if (!e->index && !is_guests(p->plane->now, e->name))
		reasons_add(reasons, EVENT_WAITING_LINK,
			    "waiting for %s: there is no such interface", e->name);
	if (!e->index)
		return false;
	if (!e->up)
		reasons_add(reasons, EVENT_WAITING_LINK, "%s is down (ip link set %s up)",
			    e->name, e->name);
	else if (e->running && !ra_conf_has_source(e) && e->duplicate)
		reasons_add(
			reasons, EVENT_DUPLICATE_ADDRESS,
			"another machine on %s has its link-local address (ip -6 address show "
			"dev %s; give it another one)",
			e->name, e->name);
	else if (e->running && !ra_conf_has_source(e))
		reasons_add(reasons, EVENT_WAITING_LINK,
			    "waiting for a link-local address on %s (duplicate address "
			    "detection takes two seconds; ip -6 address show dev %s)",
			    e->name, e->name);
	if (p->failures > 1)
		reasons_add(reasons, EVENT_SEND_FAILED,
			    "%s: cannot send advertisements: %s%s; trying again", e->name,
			    strerror(-error), remedy(error));
	if (!e->forwarding)
		reasons_add(reasons, EVENT_NO_ROUTES,
			    "%s announces no routes: it does not forward (sysctl -w "
			    "net.ipv6.conf.%s.forwarding=1)",
			    e->name, e->name);
	if (!ra_conf_mtu_fits(e))
		reasons_add(reasons, EVENT_MTU_REFUSED,
			    "%s: mtu %u is not announced, the link has %u (lower mtu)", e->name,
			    e->config->mtu, e->mtu);
	return reasons->n == before;
}

static bool ra_health(const void *arg, struct reasons *reasons)
{
	const struct plane_ra *plane = arg;
	bool well = true;

	for (const struct port *p = plane->ports; p; p = p->next_port)
		if (p->now)
			well &= is_well(p, reasons);
	return ra_guard_health(plane->guard, reasons) && well;
}

const char *plane_ra_state(const struct port *p)
{
	const struct eff_ra *e = p->now;

	if (!e->index)
		return "no interface";
	if (!e->up)
		return "down";
	if (!e->running)
		return "no carrier";
	if (!ra_conf_has_source(e))
		return "no link-local address";
	return p->failures > 1 ? "failing" : radv_status(p->radv).state;
}

static void ra_report(const void *arg, struct report *r)
{
	const struct plane_ra *plane = arg;

	for (const struct port *p = plane->ports; p; p = p->next_port)
		if (p->now) {
			report_object(r, NULL);
			plane_ra_head(p, r);
			report_end(r);
		}
}

static uint64_t counter_in(const struct radv_counters *c, size_t offset)
{
	return *(const uint64_t *)((const char *)c + offset);
}

static bool ra_counter(const void *arg, size_t i, struct counter *out)
{
	const struct plane_ra *plane = arg;
	const struct radv_counter_row *row = radv_counter_row(i);

	if (!row)
		return false;
	*out = (struct counter){ row->name, row->text, row->rfc,
				 counter_in(&plane->gone, row->offset) };
	for (const struct port *p = plane->ports; p; p = p->next_port)
		out->value += counter_in(radv_counters(p->radv), row->offset);
	return true;
}

/* --- the plane --------------------------------------------------------------------------- */

static void on_guard_changed(void *arg)
{
	struct plane_ra *plane = arg;

	plane->env.changed(plane->env.gateway);
}

static void *ra_start(const struct plane_env *env)
{
	struct plane_ra *plane = calloc(1, sizeof *plane);

	if (!plane)
		return NULL;
	plane->env = *env;
	plane->guard = ra_guard_new(env->loop, on_guard_changed, plane);
	if (!plane->guard) {
		free(plane);
		return NULL;
	}
	return plane;
}

static void ra_stop(void *arg, enum plane_stop how)
{
	struct plane_ra *plane = arg;

	if (!plane)
		return;
	while (plane->ports) {
		if (how == PLANE_STOP)
			cease(plane->ports);
		port_free(&plane->ports);
	}
	ra_guard_free(plane->guard, how == PLANE_RESTART);
	free(plane);
}

const struct plane_class plane_ra = {
	.name = "ra",
	.start = ra_start,
	.prepare = ra_prepare,
	.settle = ra_settle,
	.health = ra_health,
	.report = ra_report,
	.counter = ra_counter,
	.stop = ra_stop,
};
