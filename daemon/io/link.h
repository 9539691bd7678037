/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link.h - the kernel's links, addresses, routes and neighbours.  The one place that knows
 * libnl.
 *
 * Two directions.  Facts: a snapshot that follows the kernel; after ENOBUFS everything is read
 * anew.  Wishes: routes, proxy neighbours and link settings that shall exist; they are made
 * when they are missing, put back when someone removes them, and taken away when they are no
 * longer wished for, unless they were there before us.
 */
#pragma once

#include "base/addr.h"
#include "config/effective.h"
#include "config/facts.h"
#include "daemon/ev.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;

/* Dumps once before it returns.  changed is called from the loop, once for a storm of changes,
 * when links, addresses, default routes, forwarding or the unmet wishes differ.  NULL after
 * logging. */
struct link *link_open(struct ev_loop *, ev_fn *changed, void *arg);
void link_close(struct link *); /* takes away what its wishes made, NULL is a no-op */

/* Everything but resolvers and machine id; the same until changed is called again. */
const struct facts *link_facts(const struct link *);

/* The facts as they are at this moment: changes that are still waited for to be over are told
 * now, and what is put right because of them is among them. */
void link_refresh(struct link *);

/* One more that is called at every change, before the one given at link_open(). */
struct link_watch {
	ev_fn *fn;
	void *arg;
	struct link_watch *next;
};

void link_watch(struct link *, struct link_watch *);
void link_unwatch(struct link *, struct link_watch *);

/* The link-layer address the kernel knows for addr on a link (index 0: on any); NULL when
 * unknown.  Valid until the loop goes on. */
const uint8_t *link_neighbour(const struct link *, uint32_t index, const struct in6_addr *addr);

/* The first address at or behind *i that it knows for mac, and advances *i past it; false
 * behind the last. */
bool link_neighbour_at(const struct link *, size_t *i, const uint8_t mac[ADDR_MAC_LEN],
		       struct in6_addr *addr, uint32_t *index);

/* No link-local address when the link goes up (addr_gen_mode none), and none that is there
 * already.  0 or -errno. */
int link_no_link_local(struct link *, uint32_t index);

/* How many queues of a TUN device are held open, by whomever; 0 where the kernel does not tell.
 */
uint32_t link_tun_queues(struct link *, uint32_t index);

enum wish_kind { WISH_ROUTE, WISH_PROXY_NEIGHBOUR, WISH_NEIGHBOUR };

struct wish {
	enum wish_kind kind;
	struct prefix6 dst;  /* route: destination (IPv4: ::ffff:..., len + 96); neighbour: its
				address, on a link without link-layer addresses if no proxy */
	uint32_t index;      /* the link it goes to, or stands on; 0: that does not exist now */
	const char *what;    /* "the NAT64 prefix": for messages; static text */
	struct in6_addr via; /* route of IPv6: the gateway, taken to be on the link; or :: */
};

/* From now on these n shall exist, under the name of owner (static text, the plane's); earlier
 * ones of that owner that are not among them go.  What cannot be done is retried, and said in
 * the reasons that link_unmet() gives.  Routes are in the main table, with protocol 64; what
 * was there with another one is somebody else's and stays when we go. */
void link_wish(struct link *, const char *owner, const struct wish *, size_t n);
void link_unmet(const struct link *, const char *owner, struct reasons *);

/* Takes away the routes of ours to a link that nobody wishes: those of a process before, which
 * had another configuration. */
void link_tidy(struct link *, uint32_t index);

/* Like link_wish with none, but leaves everything in the kernel as it is (restart). */
void link_forget(struct link *, const char *owner);
