/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_peer.h - who is at the other end of a UNIX socket, and what that allows. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct control_rights {
	bool read, change;
};

/* Root and our own user may change (and read), members of group may read.  Judged by what the
 * peer was when it connected: SO_PEERCRED and SO_PEERGROUPS. */
struct control_rights control_peer_rights(int fd, gid_t group);

/* The group of that name, ours for ""; false when there is none. */
bool control_peer_group(const char *name, gid_t *group);
