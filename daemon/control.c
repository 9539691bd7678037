/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.c - the listening end: the socket's file, who is let in, and how many. */
#include "control.h"

#include "control_client.h"
#include "control_peer.h"
#include "ev.h"
#include "fdstore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX    32u
#define ACCEPT_AT_ONCE 8u
#define PAUSE_MS       1000u /* without descriptors or memory, before the next try */
#define NAME_LEN       64

struct control {
	struct ev_loop *loop;
	struct control_service service;
	struct sockaddr_un addr;
	dev_t dev; /* the socket's file as we made it */
	ino_t ino;
	char *version, *group;
	gid_t gid; /* of group; -1 while there is no such group */
	int fd;
	struct ev_io *io;
	struct ev_timer pause;
	struct control_client *clients; /* newest first */
	unsigned n_clients;
};

static void on_end(void *arg, struct control_client *client)
{
	struct control *c = arg;
	struct control_client **p = &c->clients;

	while (*p != client)
		p = &(*p)->next;
	*p = client->next;
	c->n_clients--;
	control_client_free(client);
}

/* A full house must not keep the administrator out: of those who may only read, the one that
 * has been silent longest goes. */
static bool make_room(struct control *c)
{
	struct control_client *victim = NULL;

	for (struct control_client *i = c->clients; i; i = i->next) {
		if (!i->call.may_change && (!victim || i->idle.at_ms <= victim->idle.at_ms))
			victim = i;
	}
	if (!victim)
		return false;
	on_end(c, victim);
	return true;
}

/* Says why once, and closes. */
static void turn_away(int fd, const char *error)
{
	struct control_call call = { 0 };

	control_call_error(&call, error);
	if (!call.failed)
		(void)!send(fd, control_buf_head(&call.out), control_buf_len(&call.out),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	control_call_done(&call);
	close(fd);
}

static void admit(struct control *c, int fd)
{
	struct control_rights rights = control_peer_rights(fd, c->gid);

	if (!rights.read) {
		turn_away(fd, CONTROL_NOT_PERMITTED);
		return;
	}
	if (c->n_clients == CLIENTS_MAX && !(rights.change && make_room(c))) {
		turn_away(fd, CONTROL_TOO_MANY);
		return;
	}
	struct control_client *client =
		control_client_new(c->loop, fd, &c->service, rights.change, on_end, c);
	if (!client)
		return;
	client->next = c->clients;
	c->clients = client;
	c->n_clients++;
}

static void on_connection(void *arg, unsigned ready)
{
	struct control *c = arg;

	(void)ready;
	for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
		int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(c, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			   errno == ENOBUFS) {
			ev_io_set(c->io, 0);
			ev_timer_at(&c->pause, ev_now_ms(c->loop) + PAUSE_MS);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

static void on_pause_over(void *arg)
{
	struct control *c = arg;

	ev_io_set(c->io, EV_IO_READ);
}

/* The directory the socket is in, unless it is there or cannot be made: bind() will say. */
static void make_directory(const char *path)
{
	char dir[sizeof((struct sockaddr_un *)0)->sun_path];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return;
	size_t len = (size_t)(slash - path);
	memcpy(dir, path, len);
	dir[len] = '\0';

	mode_t mask = umask(0022);
	mkdir(dir, 0755);
	umask(mask);
}

/* Removes the socket's file when nobody listens on it any more. */
static int remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int error = connect(fd, (const struct sockaddr *)addr, sizeof *addr) < 0 ? errno : 0;
	close(fd);
	/* EAGAIN: too many wait there; EPROTOTYPE: somebody's socket of another type */
	if (!error || error == EAGAIN || error == EPROTOTYPE)
		return -EADDRINUSE;
	if (error != ECONNREFUSED)
		return error == ENOENT ? 0 : -error;
	return unlink(addr->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

/* As the service manager keeps the socket: by its file. */
static void store_name(const struct control *c, char out[NAME_LEN])
{
	snprintf(out, NAME_LEN, "control-%llx-%llx", (unsigned long long)c->dev,
		 (unsigned long long)c->ino);
}

static bool is_listening(int fd, const void *arg)
{
	const struct sockaddr_un *want = arg;
	struct sockaddr_un have = { 0 };
	socklen_t len = sizeof have, size = sizeof(int);
	int listens = 0;

	return fdstore_is_socket(fd, AF_UNIX, SOCK_STREAM, 0) &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens &&
	       getsockname(fd, (struct sockaddr *)&have, &len) == 0 &&
	       strcmp(have.sun_path, want->sun_path) == 0;
}

static bool find_file(struct control *c)
{
	struct stat st;

	if (lstat(c->addr.sun_path, &st) < 0)
		return false;
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	return true;
}

/* The socket that was kept for us, if its file is still there. */
static bool take_over(struct control *c)
{
	char name[NAME_LEN];

	if (!find_file(c))
		return false;
	store_name(c, name);
	c->fd = fdstore_take(name, is_listening, &c->addr);
	if (c->fd < 0)
		c->ino = 0;
	return c->fd >= 0;
}

/* 0, or -errno.  Everybody may connect (0666): rights are judged at accept().  The mode comes
 * from the umask, because chmod() is not for us in the service's sandbox. */
static int listen_at(struct control *c, const char *path)
{
	char name[NAME_LEN];

	if (strlen(path) >= sizeof c->addr.sun_path)
		return -ENAMETOOLONG;
	c->addr.sun_family = AF_UNIX;
	memcpy(c->addr.sun_path, path, strlen(path) + 1);
	if (take_over(c))
		return 0;
	make_directory(path);

	int error = remove_stale(&c->addr);
	if (error)
		return error;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	mode_t mask = umask(0111);
	error = bind(c->fd, (struct sockaddr *)&c->addr, sizeof c->addr) < 0 ? -errno : 0;
	umask(mask);
	if (error)
		return error;
	if (listen(c->fd, CLIENTS_MAX) < 0)
		return -errno;
	if (find_file(c)) {
		store_name(c, name);
		fdstore_put(name, c->fd);
	}
	return 0;
}

void control_set_group(struct control *c, const char *group)
{
	char *copy = strdup(group);

	if (copy) {
		free(c->group);
		c->group = copy;
	}
	if (!control_peer_group(group, &c->gid))
		c->gid = (gid_t)-1;
}

bool control_health(const struct control *c, struct reasons *reasons)
{
	if (c->gid != (gid_t)-1)
		return true;
	reasons_add(reasons, EVENT_CONTROL_GROUP,
		    "control.group: there is no group %s (create it, then v6gwctl reload)",
		    c->group);
	return false;
}

struct control *control_open(struct ev_loop *loop, const struct control_conf *conf,
			     const struct control_ops *ops, void *arg, int *error)
{
	struct control *c = calloc(1, sizeof *c);
	int failure = -ENOMEM;

	if (!c)
		goto fail;
	c->loop = loop;
	c->fd = -1;
	ev_timer_init(&c->pause, loop, on_pause_over, c);
	c->version = strdup(conf->version);
	control_set_group(c, conf->group);
	if (!c->version || !c->group)
		goto fail;
	c->service = (struct control_service){ ops, arg, c->version };
	failure = listen_at(c, conf->path);
	if (failure)
		goto fail;
	failure = -ENOMEM;
	c->io = ev_io_new(loop, c->fd, EV_IO_READ, on_connection, c);
	if (!c->io)
		goto fail;
	return c;
fail:
	*error = failure;
	control_close(c, false);
	return NULL;
}

/* Only what is still ours is removed: a successor may have put its own socket there. */
static void remove_file(const struct control *c)
{
	char name[NAME_LEN];
	struct stat st;

	store_name(c, name);
	fdstore_drop(name);

	if (lstat(c->addr.sun_path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino)
		unlink(c->addr.sun_path);
}

void control_close(struct control *c, bool keep)
{
	if (!c)
		return;
	while (c->clients)
		on_end(c, c->clients);
	ev_timer_stop(&c->pause);
	ev_io_free(c->io);
	if (!keep && c->ino)
		remove_file(c);
	if (c->fd >= 0)
		close(c->fd);
	free(c->group);
	free(c->version);
	free(c);
}
