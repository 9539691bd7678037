/* SPDX-License-Identifier: GPL-3.0-or-later */
#define LOG_PLANE "gateway"

#include "privilege.h"

#include "config/effective.h"
#include "log.h"

#include <cap-ng.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory made here is given to the user; one that is there stays whose it is. */
static void make_directory(const char *path, mode_t mode, const struct passwd *pw)
{
	if (mkdir(path, mode) == 0 && lchown(path, pw->pw_uid, pw->pw_gid) < 0)
		log_warning("%s: %s, ignoring", path, strerror(errno));
}

static void make_directories(const struct config *c, const struct passwd *pw)
{
	char socket[PATH_MAX];

	snprintf(socket, sizeof socket, "%s", c->control.socket);
	make_directory(dirname(socket), 0755, pw);
	make_directory(c->state_directory ? c->state_directory : EFF_STATE_DIRECTORY, 0700, pw);
}

/* For nat64.fastpath, which does without: a container may not have it, and then asking for it
 * would be refused with everything else. */
static void keep_capabilities(void)
{
	bool bpf = capng_get_caps_process() == 0 &&
		   capng_have_capability(CAPNG_PERMITTED, CAP_BPF) &&
		   capng_have_capability(CAPNG_BOUNDING_SET, CAP_BPF);

	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
		      CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, -1);
	if (bpf)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
			     CAP_BPF);
}

int privilege_drop(const char *user, const struct config *config)
{
	const struct passwd *pw;

	if (geteuid() != 0) {
		log_error("--user %s: only root can become another user", user);
		return -1;
	}
	pw = getpwnam(user);
	if (!pw) {
		log_error("--user %s: there is no such user (useradd --system %s)", user, user);
		return -1;
	}
	make_directories(config, pw);
	keep_capabilities();
	if (capng_change_id((int)pw->pw_uid, (int)pw->pw_gid,
			    CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		log_error("--user %s: %s", user, strerror(errno));
		return -1;
	}
	return 0;
}
