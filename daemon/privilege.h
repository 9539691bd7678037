/* SPDX-License-Identifier: GPL-3.0-or-later */
/* privilege.h - started as root outside a service manager: become an ordinary user that may
 * still run a network.  The one file that knows libcap-ng. */
#pragma once

struct config;

/* Makes the directories of the control socket and of the state for user, then becomes it,
 * keeping CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE alone.  0, or -1 after logging.
 */
int privilege_drop(const char *user, const struct config *);
