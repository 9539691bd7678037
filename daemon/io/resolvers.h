/* SPDX-License-Identifier: GPL-3.0-or-later */
/* resolvers.h - the host's own resolvers, as found in resolv.conf; changes are followed by
 * inotify. */
#pragma once

#include "config/facts.h"
#include "daemon/ev.h"

#include <stddef.h>

struct resolvers;

/* NULL after logging. */
struct resolvers *resolvers_open(struct ev_loop *, ev_fn *changed, void *arg);
void resolvers_close(struct resolvers *);

/* The list now; a stub at 127.0.0.53 is replaced by what it forwards to (systemd-resolved's own
 * resolv.conf).  A zone is looked up at every call, and one whose link is missing is left out.
 * Valid until the next call. */
const struct fact_resolver *resolvers_list(struct resolvers *, size_t *n);
