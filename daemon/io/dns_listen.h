/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_listen.h - the UDP and TCP sockets that questions come in by, one pair for each address.
 */
#pragma once

#include "config/effective.h"
#include "daemon/ev.h"
#include "dns/query.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_listen;

/* A message from client (transport, addr, port and handle filled in). */
typedef void dns_listen_fn(void *arg, struct dns_client *client, const uint8_t *msg,
			   size_t len);

/* The link a client's message came in by; 0: not known, as by stream from other than link-local
 * addresses. */
uint32_t dns_listen_index(const struct dns_client *);

/* What a listener asks of its owner. */
struct dns_listen_ops {
	dns_listen_fn *question;

	/* Has that address as many questions open as it may?  Its streams are then not read. */
	bool (*full)(void *arg, const struct in6_addr *addr);

	/* An address was bound that could not be before; called from the loop. */
	void (*changed)(void *arg);
};

/* NULL after logging. */
struct dns_listen *dns_listen_new(struct ev_loop *, const struct dns_listen_ops *, void *arg);

/* Reads no more questions: they wait in the sockets for the next process.  True when there is
 * no TCP client any more: each is closed when it has its answers. */
bool dns_listen_leave(struct dns_listen *);

/* With keep the sockets stay if the service manager keeps them for the next process. */
void dns_listen_free(struct dns_listen *, bool keep);

/* From now on exactly these; sockets of addresses that stay are not touched.  An address that
 * cannot be bound (port taken, address not there) is tried again every second. */
void dns_listen_set(struct dns_listen *, const struct eff_endpoints *, uint32_t tcp_clients,
		    uint32_t tcp_idle_s);

/* Sends an answer to where the question came from, from the address it was sent to. */
void dns_listen_reply(struct dns_listen *, const struct dns_client *, const uint8_t *msg,
		      size_t len);

/* Is there an address bound, UDP and TCP, and how many?  Is this one?  Reasons say why others
 * are not, with who holds the port where known. */
size_t dns_listen_count(const struct dns_listen *);
bool dns_listen_bound(const struct dns_listen *, const struct eff_endpoint *);
void dns_listen_reasons(const struct dns_listen *, struct reasons *);

/* Connected TCP clients now. */
size_t dns_listen_tcp_clients(const struct dns_listen *);
