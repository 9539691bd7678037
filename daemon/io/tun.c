/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tun.c - the TUN device, by /dev/net/tun and interface ioctls.
 *
 * Packets are read in bounded bursts, so that a flood leaves the loop to the others too.  What
 * needs netlink (addresses, routes) is link.c's.
 */
#define LOG_PLANE "nat64"

#include "tun.h"

#include "daemon/event.h"
#include "daemon/fdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define BURST     64
#define TAILROOM  64u
#define QUEUE_LEN 5000 /* packets that wait while nobody reads: a restart */
#define NAME_LEN  (IFNAMSIZ + 8)
#define TRIES     50 /* for a device that a refused descriptor still holds */
#define TRY_MS    10
#define MAJOR     10 /* of /dev/net/tun (Documentation/admin-guide/devices.txt) */
#define MINOR     200

static const struct gso plain;

struct tun {
	struct ev_loop *loop;
	struct ev_io *io;
	int fd;
	uint32_t index;
	char name[IFNAMSIZ];
	struct tun_user user;
	bool in_burst, closed; /* closed within a burst: freed at its end */
	uint8_t buf[TUN_HEADROOM + TUN_PACKET_MAX + TAILROOM];
};

/* Attaches fd to the device; the flags must be those of a device that is there. */
static int attach(int fd, const char *name, bool there)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };

	memcpy(ifr.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return 0;
	if (errno != EINVAL || !there)
		return -errno;
	ifr.ifr_flags |= IFF_MULTI_QUEUE;
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return 0;
	return errno == EINVAL ? -EEXIST : -errno;
}

/* One packet to whoever it is for; false when there is none, or no device any more. */
static bool read_packet(struct tun *t)
{
	uint8_t *packet = t->buf + TUN_HEADROOM;
	ssize_t len = read(t->fd, packet, TUN_PACKET_MAX);

	if (len > 0) {
		t->user.on_packet(t->user.arg, packet, (size_t)len, &plain);
		return !t->closed;
	}
	if (len < 0 && errno != EAGAIN && errno != EINTR && errno != EIO &&
	    errno != ENETDOWN) { /* the descriptor would be ready for ever */
		ev_io_free(t->io);
		t->io = NULL;
		t->user.on_lost(t->user.arg);
	}
	return false;
}

static void on_readable(void *arg, unsigned ready)
{
	struct tun *t = arg;

	(void)ready;
	t->in_burst = true;
	for (int i = 0; i < BURST && read_packet(t); i++)
		continue;
	if (!t->closed)
		t->user.on_burst_end(t->user.arg);
	t->in_burst = false;
	if (t->closed)
		free(t);
}

/* What to do about it, for the log. */
static const char *remedy(int error)
{
	switch (-error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return " (modprobe tun; a container must be given the device)";
	case EPERM:
		return " (needs CAP_NET_ADMIN: start it as root, or by systemd)";
	case EACCES:
		return " (start it as root, or by systemd; or let its user open the device)";
	default:
		return "";
	}
}

/* As the service manager keeps it. */
static void store_name(const char *name, char out[NAME_LEN])
{
	snprintf(out, NAME_LEN, "tun-%s", name);
}

/* The device of that name, with packets as they are read and written here; of IFF_NO_PI the
 * kernel does not tell the truth. */
static bool is_device(int fd, const void *name)
{
	struct ifreq ifr = { 0 };
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(MAJOR, MINOR) && ioctl(fd, TUNGETIFF, &ifr) == 0 &&
	       strncmp(ifr.ifr_name, name, IFNAMSIZ) == 0 &&
	       (ifr.ifr_flags & (IFF_TUN | IFF_TAP | IFF_VNET_HDR)) == IFF_TUN;
}

static int open_device(const char *name, const char **how, int *out)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), error;
	bool there;

	if (fd < 0)
		return -errno;
	there = if_nametoindex(name) != 0;
	*how = there ? "adopted" : "made";
	error = attach(fd, name, there);
	if (error) {
		close(fd);
		return error;
	}
	*out = fd;
	return 0;
}

/* The one that was kept for us, else a new descriptor. */
static int take_or_open(const char *name, const char **how, int *out)
{
	static const struct timespec pause = { .tv_nsec = TRY_MS * 1000000 };
	char stored[NAME_LEN];
	int error, tries = 0;

	store_name(name, stored);
	*out = fdstore_take(stored, is_device, name);
	*how = "taken over";
	if (*out >= 0)
		return 0;
	if (*out == -ESTALE)
		tries = TRIES;
	while ((error = open_device(name, how, out)) == -EBUSY && tries-- > 0)
		nanosleep(&pause, NULL);
	if (!error)
		fdstore_put(stored, *out);
	return error;
}

int tun_open(struct ev_loop *loop, const char *name, const struct tun_user *user,
	     struct tun **out)
{
	struct tun *t = calloc(1, sizeof *t);
	const char *how;
	int error = t ? take_or_open(name, &how, &t->fd) : -ENOMEM;

	if (error) {
		free(t);
		return error;
	}
	memcpy(t->name, name, strnlen(name, sizeof t->name - 1));
	t->loop = loop;
	t->user = *user;
	t->index = if_nametoindex(t->name);
	t->io = ev_io_new(loop, t->fd, EV_IO_READ, on_readable, t);
	if (!t->index || !t->io) {
		tun_close(t, false);
		return -ENXIO;
	}
	log_info("TUN device %s %s", t->name, how);
	*out = t;
	return 0;
}

void tun_close(struct tun *t, bool keep)
{
	char stored[NAME_LEN];

	if (!t)
		return;
	ev_io_free(t->io);
	close(t->fd);
	store_name(t->name, stored);
	if (!keep)
		fdstore_drop(stored);
	t->io = NULL;
	t->closed = true;
	if (!t->in_burst)
		free(t);
}

void tun_complain(const char *name, int error)
{
	if (error == -EBUSY)
		event_tell(
			EVENT_TUN_REFUSED, NULL,
			"%s is held by another process (tayga, or a second v6gwd: stop it, or "
			"set nat64.device)",
			name);
	else if (error == -EEXIST)
		event_tell(EVENT_TUN_REFUSED, NULL,
			   "%s is there, but is not a TUN device (ip link delete %s, or set "
			   "nat64.device)",
			   name, name);
	else
		event_tell(EVENT_TUN_REFUSED, NULL, "TUN device %s: %s%s", name,
			   strerror(-error), remedy(error));
}

uint32_t tun_index(const struct tun *t)
{
	return t->index;
}

const char *tun_name(const struct tun *t)
{
	return t->name;
}

static int set_link(int s, struct ifreq *ifr, uint32_t mtu)
{
	ifr->ifr_mtu = (int)mtu;
	if (ioctl(s, SIOCSIFMTU, ifr) < 0)
		return -errno;
	ifr->ifr_qlen = QUEUE_LEN;
	if (ioctl(s, SIOCSIFTXQLEN, ifr) < 0 || ioctl(s, SIOCGIFFLAGS, ifr) < 0)
		return -errno;
	if (ifr->ifr_flags & IFF_UP)
		return 0;
	ifr->ifr_flags |= IFF_UP;
	return ioctl(s, SIOCSIFFLAGS, ifr) < 0 ? -errno : 0;
}

int tun_configure(struct tun *t, uint32_t mtu)
{
	struct ifreq ifr = { 0 };
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;

	if (s < 0)
		return -errno;
	memcpy(ifr.ifr_name, t->name, sizeof ifr.ifr_name);
	error = set_link(s, &ifr, mtu);
	close(s);
	return error;
}

int tun_write(struct tun *t, const uint8_t *buf, size_t len, const struct gso *gso)
{
	ssize_t n;

	(void)gso;
	do
		n = write(t->fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
