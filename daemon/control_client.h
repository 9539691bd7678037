/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_client.h - one connection of the control socket: bytes to requests, replies to bytes.
 *
 * Requests are answered in order, one or a few rows of a list a wake-up; nothing is read while
 * a request waits, and nothing is produced while the peer does not take what is there.
 */
#pragma once

#include "control_call.h"
#include "ev.h"

#include <stdbool.h>

struct control_client {
	struct control_client *next; /* the owner's list */
	struct ev_loop *loop;
	int fd;
	struct ev_io *io;
	struct ev_timer idle; /* at_ms: when the silence has lasted too long */
	struct control_buf in;
	struct control_call call;
	bool eof; /* the peer has said all it wants to say */
	void (*on_end)(void *arg, struct control_client *);
	void *arg;
};

/* Takes fd, a connected non-blocking socket, also on failure (NULL: memory).  on_end is called
 * when the connection is over; it has to free it. */
struct control_client *control_client_new(struct ev_loop *, int fd,
					  const struct control_service *, bool may_change,
					  void (*on_end)(void *arg, struct control_client *),
					  void *arg);

/* Closes; NULL is a no-op. */
void control_client_free(struct control_client *);
