/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_tcp.h - connected TCP clients (RFC 7766), a part of dns_listen.h. */
#pragma once

#include "daemon/ev.h"
#include "dns/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_tcp;

typedef void dns_tcp_fn(void *arg, struct dns_client *client, const uint8_t *msg, size_t len);

/* Has that address as many questions open as it may?  Its streams are then not read. */
typedef bool dns_tcp_full_fn(void *arg, const struct in6_addr *addr);

/* NULL when memory is short. */
struct dns_tcp *dns_tcp_new(struct ev_loop *, dns_tcp_fn *, dns_tcp_full_fn *, void *arg);
void dns_tcp_free(struct dns_tcp *);

/* At most `clients` at once: the longest idle of the address that has most makes room for
 * the next.  One that says nothing,
 * and reads nothing, for idle_s is closed. */
void dns_tcp_limit(struct dns_tcp *, uint32_t clients, uint32_t idle_s);

/* Reads what is there and then no more: each client is closed when it has its answers, with
 * nothing open at once. */
void dns_tcp_leave(struct dns_tcp *);

/* Accepts what waits at a listening socket.  False: no descriptors or memory, try later. */
bool dns_tcp_accept(struct dns_tcp *, int listening);

/* A client that is gone, or did not come by here, gets nothing.  len 0: there is no answer. */
void dns_tcp_reply(struct dns_tcp *, const struct dns_client *, const uint8_t *msg, size_t len);

size_t dns_tcp_clients(const struct dns_tcp *);
