/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_peer.c - rights from the kernel's word, never from the peer's. */
#include "control_peer.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool has_group(const gid_t *groups, size_t n, gid_t group)
{
	for (size_t i = 0; i < n; i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

/* The peer's supplementary groups; few have more than fit at first. */
static bool in_supplementary(int fd, gid_t group)
{
	gid_t few[64], *many;
	socklen_t len = sizeof few;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &len) == 0)
		return has_group(few, len / sizeof few[0], group);
	if (errno != ERANGE)
		return false;
	many = malloc(len); /* the kernel says how much it takes: NGROUPS_MAX at most */
	if (!many)
		return false;
	bool found = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, many, &len) == 0 &&
		     has_group(many, len / sizeof many[0], group);
	free(many);
	return found;
}

struct control_rights control_peer_rights(int fd, gid_t group)
{
	struct control_rights rights = { false, false };
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return rights;
	rights.change = peer.uid == 0 || peer.uid == geteuid();
	rights.read = rights.change || (group != (gid_t)-1 &&
					(peer.gid == group || in_supplementary(fd, group)));
	return rights;
}

bool control_peer_group(const char *name, gid_t *group)
{
	struct group entry, *found = NULL;
	char buf[16384];

	if (!*name) {
		*group = getegid();
		return true;
	}
	if (getgrnam_r(name, &entry, buf, sizeof buf, &found) != 0 || !found)
		return false;
	*group = entry.gr_gid;
	return true;
}
