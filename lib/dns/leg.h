/* SPDX-License-Identifier: GPL-3.0-or-later */
/* leg.h - one question of a slot, from message to message until it has an outcome. */
#pragma once

#include "engine.h"

#include <stdbool.h>
#include <stdint.h>

/* The name that the legs of a slot start with: the one asked, or the in-addr.arpa name for it.
 */
void leg_start_name(const struct pending_slot *, uint8_t out[DNS_NAME_MAX]);

/* Puts what the hops of leg i say into d->said[i], chains followed; false when one is a failure
 * or lost, or there is none. */
bool leg_load(struct dns *, const struct pending_slot *, unsigned i);

/* The leg has its next message: a special one, or the one pinned, whose pin it takes over. */
void leg_add_hop(struct dns *, struct pending_slot *, struct pending_leg *, uint32_t pin,
		 bool is_special);

/* Looks up and asks for names until the leg has an outcome or waits, or the slot may not go on.
 */
void leg_advance(struct dns *, struct pending_slot *, struct pending_leg *);

/* The leg waits no longer.  What was asked for it alone is asked on for the cache, but not when
 * others need the room. */
void leg_leave(struct dns *, struct pending_slot *, struct pending_leg *);

/* Nobody answered. */
void leg_fall_silent(struct dns *, const struct pending_slot *, struct pending_leg *);

/* Has the address as many questions waiting as it may? */
bool leg_client_is_full(const struct dns *, const struct in6_addr *addr, enum dns_transport);
