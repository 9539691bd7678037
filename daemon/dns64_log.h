/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns64_log.h - how questions end: dns64.query_log, a line for each, and no more of them than a
 * log can take; and all of them to those who watch. */
#pragma once

#include "daemon/ev.h"
#include "dns/query.h"

#include <stdint.h>

#define DNS64_LOG_RATE  100  /* lines a second */
#define DNS64_LOG_BURST 1000 /* at once */

struct dns64_log {
	uint64_t room; /* lines that may be written now, in thousandths */
	uint64_t at_ms, lost;
	struct ev_timer timer; /* to tell what was lost */
};

void dns64_log_init(struct dns64_log *, struct ev_loop *);
void dns64_log_done(struct dns64_log *);

/* log: into the log, too. */
void dns64_log_end(struct dns64_log *, const struct dns_client *, const struct dns_end *,
		   bool log, uint64_t now_ms);
