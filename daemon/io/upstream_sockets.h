/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream_sockets.h - UDP sockets connected to forwarders, kept between questions.
 *
 * Who takes a socket has it alone, so what it hears and what it is refused belongs to what was
 * asked there.  It is taken at random of those that are idle.  Its port, of the kernel's
 * choice, is left for another one after a few turns, after a while, and after a question
 * without an answer: so nothing late is heard where something else is waited for (RFC
 * 5452 9.2).  All of them together are one descriptor of the loop, read in bounded bursts.
 */
#pragma once

#include "daemon/ev.h"
#include "dns/forward.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

enum { UPSTREAM_SOCKETS_MAX = 2048, UPSTREAM_DATAGRAMS_MAX = 2 };

struct upstream_sockets;
struct upstream_pool; /* those of one peer */

/* There may be something to read, until upstream_sockets_receive() says EAGAIN, or until a new
 * datagram comes.  Numbers are below UPSTREAM_SOCKETS_MAX. */
typedef void upstream_ready_fn(void *arg, unsigned number);

/* NULL when memory or descriptors are short. */
struct upstream_sockets *upstream_sockets_new(struct ev_loop *, upstream_ready_fn *, void *arg);
void upstream_sockets_free(struct upstream_sockets *); /* all pools are freed */

struct upstream_pool *upstream_pool_new(struct upstream_sockets *, const struct forward_peer *);
void upstream_pool_free(struct upstream_pool *); /* all sockets are given back */

/* Closes what was idle for long. */
void upstream_pool_tick(struct upstream_pool *);

/* The peer's address; returns its length. */
socklen_t upstream_pool_address(const struct upstream_pool *, struct sockaddr_storage *out);

/* The number of a socket that is the caller's now; or -errno: -EAGAIN when the pool's share is
 * used, -EMFILE and the like when the system has none, else there is no way to the peer. */
int upstream_pool_take(struct upstream_pool *);
/* The one that is taken longest, or -1. */
int upstream_pool_oldest(const struct upstream_pool *);
void upstream_sockets_give(struct upstream_sockets *, unsigned number, bool answered);

/* n datagrams of one length; 0 or -errno. */
int upstream_sockets_send(struct upstream_sockets *, unsigned number, const struct iovec *msgs,
			  unsigned n);
/* Up to n datagrams, n at most UPSTREAM_DATAGRAMS_MAX; their number, or -errno.  Each vector
 * gets its datagram's length, 0 for what is not the peer's. */
int upstream_sockets_receive(struct upstream_sockets *, unsigned number, struct iovec *out,
			     unsigned n);
/* More is left than is read now. */
void upstream_sockets_again(struct upstream_sockets *, unsigned number);
