/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fdstore.c - like the environment, what was inherited is the whole process's. */
#define LOG_PLANE "gateway"

#include "fdstore.h"

#include "log.h"
#include "sd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Before each name.  Another one as soon as a descriptor's name or use changes in a way that
 * its check cannot tell. */
#define VERSION  "1."
#define NAME_LEN 128

static struct inherited {
	char *name; /* without VERSION */
	int fd;     /* -1: claimed */
} * list;
static size_t n_list;

static void store_name(const char *name, char out[NAME_LEN])
{
	snprintf(out, NAME_LEN, VERSION "%s", name);
}

static bool socket_option_is(int fd, int option, int want)
{
	int value;
	socklen_t len = sizeof value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == want;
}

bool fdstore_is_socket(int fd, int domain, int type, int protocol)
{
	return socket_option_is(fd, SO_DOMAIN, domain) && socket_option_is(fd, SO_TYPE, type) &&
	       socket_option_is(fd, SO_PROTOCOL, protocol);
}

/* False: somebody else's, or memory is short. */
static bool keep(const char *name, int fd)
{
	size_t skip = strlen(VERSION);
	char *copy;

	if (strncmp(name, VERSION, skip) != 0)
		return false;
	copy = strdup(name + skip);
	if (!copy)
		return false;
	list[n_list++] = (struct inherited){ copy, fd };
	return true;
}

void fdstore_open(void)
{
	char **names;
	int first, n = sd_descriptors(&first, &names);
	bool foreign = false;

	list = calloc((size_t)n + 1, sizeof *list);
	for (int i = 0; i < n; i++) {
		if (!list || !keep(names[i], first + i)) {
			log_notice("descriptor %s of the service manager is not ours: closed",
				   names[i]);
			close(first + i);
			sd_unstore(names[i]);
			foreign = true;
		}
		free(names[i]);
	}
	free(names);
	if (foreign)
		sd_barrier();
}

static struct inherited *find(const char *name)
{
	for (size_t i = 0; i < n_list; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

int fdstore_take(const char *name, fdstore_check_fn *check, const void *arg)
{
	struct inherited *it = find(name);
	int fd = it ? it->fd : -1, flags;

	if (fd < 0)
		return -ENOENT;
	it->fd = -1;
	flags = fcntl(fd, F_GETFL);
	if (check(fd, arg) && flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0) {
		log_debug("%s taken over", name);
		return fd;
	}
	log_notice("descriptor %s is not what it should be: closed", name);
	close(fd);
	fdstore_drop(name);
	sd_barrier(); /* what it held is free now, or soon */
	return -ESTALE;
}

void fdstore_put(const char *name, int fd)
{
	char full[NAME_LEN];

	store_name(name, full);
	sd_store(full, fd);
}

void fdstore_drop(const char *name)
{
	char full[NAME_LEN];

	store_name(name, full);
	sd_unstore(full);
}

void fdstore_settle(void)
{
	for (size_t i = 0; i < n_list; i++) {
		if (list[i].fd < 0)
			continue;
		log_info("%s is not needed any more: closed", list[i].name);
		close(list[i].fd);
		/* Dropping goes by name: one of two of a name may be in use. */
		if (find(list[i].name) == &list[i])
			fdstore_drop(list[i].name);
	}
	for (size_t i = 0; i < n_list; i++)
		free(list[i].name);
	free(list);
	list = NULL;
	n_list = 0;
}
