/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_ra_priv.h - what plane_ra.c and plane_ra_show.c share, and nobody else includes. */
#pragma once

#include "daemon/ev.h"
#include "daemon/io/icmp6.h"
#include "plane.h"
#include "ra/radv.h"
#include "ra_guard.h"

struct plane_ra;

/* An interface that we advertise on. */
struct port {
	struct port *next_port;
	struct plane_ra *plane;
	const struct eff_ra *now, *next; /* in force, and prepared */
	uint32_t index;                  /* of the link that the socket is bound to */
	struct icmp6 *socket, *next_socket;
	struct radv *radv;
	struct ev_timer timer;
	unsigned failures; /* multicasts in a row that could not be sent */
};

struct plane_ra {
	struct plane_env env;
	const struct effective *now, *next; /* likewise */
	struct port *ports;
	struct ra_guard *guard;
	struct radv_counters gone; /* of interfaces that are not ours any more */
};

const char *plane_ra_state(const struct port *);

/* plane_ra_show.c */
void plane_ra_tell(const struct port *, const struct others_news *);
void plane_ra_tell_change(const struct port *);           /* hosts are told something new */
void plane_ra_head(const struct port *, struct report *); /* what GetStatus and GetRa share */
