/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream_tcp.h - the streams of upstream.h, a part of it: one connection for each peer. */
#pragma once

#include "upstream.h"

struct upstream_tcp;

/* NULL when memory is short. */
struct upstream_tcp *upstream_tcp_new(struct ev_loop *, upstream_fn *, void *arg);
void upstream_tcp_free(struct upstream_tcp *);
void upstream_tcp_send(struct upstream_tcp *, uint64_t tag, const struct forward_peer *,
		       const uint8_t *msg, size_t len);

/* False: not a tag of a stream. */
bool upstream_tcp_cancel(struct upstream_tcp *, uint64_t tag);
