/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tun.c - the TUN device, by /dev/net/tun and interface ioctls.
 *
 * Packets are read in bounded bursts, so that a flood leaves the loop to the others too.  What
 * needs netlink (addresses, routes) is link.c's.
 *   The header that tells of frames (vnet.h) cannot be left out of a device that is open: it is
 * there in any case, and "no offload" is a device that may send no frames.
 */
#define LOG_PLANE "nat64"

#include "tun.h"

#include "daemon/event.h"
#include "daemon/fdstore.h"
#include "nat64/segment.h"
#include "nat64/vnet.h"

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
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BURST     64
#define BURST_LEN (1u << 20) /* bytes */
#define BURST_CUT 1024u      /* packets that frames may have to be cut into */
#define TAILROOM  64u
#define QUEUE_LEN 5000 /* packets that wait while nobody reads: a restart */
#define NAME_LEN  (IFNAMSIZ + 8)
#define TRIES     50 /* for a device that a refused descriptor still holds */
#define TRY_MS    10
#define MAJOR     10 /* of /dev/net/tun (Documentation/admin-guide/devices.txt) */
#define MINOR     200

#define CSUM     TUN_F_CSUM
#define TSO      (TUN_F_TSO4 | TUN_F_TSO6)
#define USO      (0x20u | 0x40u) /* TUN_F_USO4, TUN_F_USO6: Linux 6.2 */
#define REFUSALS 16 /* of a kind that is given up then, if they are a quarter of all */

static const struct gso plain;

struct tun {
	struct ev_loop *loop;
	struct ev_io *io;
	int fd;
	uint32_t index;
	char name[IFNAMSIZ];
	struct tun_user user;
	bool in_burst, closed; /* closed within a burst: freed at its end */
	bool has_header, asked, wanted;
	unsigned offload; /* what the kernel may leave to us, TUN_F_* */
	const char *why;
	uint64_t written[GSO_UDP + 1], refused[GSO_UDP + 1];
	uint8_t buf[TUN_HEADROOM + TUN_PACKET_MAX + TAILROOM];
	uint8_t copy[TUN_PACKET_MAX]; /* of what is to be cut */
};

/* Attaches fd to the device; the flags must be those of a device that is there. */
static int attach(int fd, const char *name, bool there)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };

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

/* One packet to whoever it is for, its length; 0 when there is none, or no device any more.
 * cut grows by the packets that it may become. */
static size_t read_packet(struct tun *t, size_t *cut)
{
	size_t head = t->has_header ? VNET_LEN : 0;
	uint8_t *packet = t->buf + TUN_HEADROOM, *from = packet - head;
	ssize_t n = read(t->fd, from, head + TUN_PACKET_MAX + 1);
	struct gso gso = plain;
	size_t len;

	if (n > 0) {
		len = (size_t)n - head;
		if ((size_t)n > head && len <= TUN_PACKET_MAX &&
		    (!head || vnet_read(from, packet, len, &gso)))
			t->user.on_packet(t->user.arg, packet, len, &gso);
		else
			t->user.counts->bad++;
		*cut += gso.size ? len / gso.size : 0;
		return t->closed ? 0 : (size_t)n;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != EIO &&
	    errno != ENETDOWN) { /* the descriptor would be ready for ever */
		ev_io_free(t->io);
		t->io = NULL;
		t->user.on_lost(t->user.arg);
	}
	return 0;
}

static void on_readable(void *arg, unsigned ready)
{
	struct tun *t = arg;
	size_t read = 0, cut = 0, len;

	(void)ready;
	t->in_burst = true;
	for (int i = 0;
	     i < BURST && read < BURST_LEN && cut < BURST_CUT && (len = read_packet(t, &cut));
	     i++)
		read += len;
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

/* The device of that name; of IFF_NO_PI the kernel does not tell the truth. */
static bool is_device(int fd, const void *name)
{
	struct ifreq ifr = { 0 };
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(MAJOR, MINOR) && ioctl(fd, TUNGETIFF, &ifr) == 0 &&
	       strncmp(ifr.ifr_name, name, IFNAMSIZ) == 0 &&
	       (ifr.ifr_flags & (IFF_TUN | IFF_TAP)) == IFF_TUN;
}

/* An earlier version made it without, and that cannot be changed while it is open. */
static bool has_header(int fd)
{
	struct ifreq ifr = { 0 };
	int len = VNET_LEN;

	return ioctl(fd, TUNGETIFF, &ifr) == 0 && (ifr.ifr_flags & IFF_VNET_HDR) &&
	       ioctl(fd, TUNSETVNETHDRSZ, &len) == 0;
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
	t->has_header = has_header(t->fd);
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

/* --- frames --- */

static int put(struct tun *t, const uint8_t *buf, size_t len, const struct gso *gso)
{
	uint8_t head[VNET_LEN];
	const struct iovec parts[] = { { head, sizeof head }, { (void *)(uintptr_t)buf, len } };
	ssize_t n;

	if (t->has_header)
		vnet_write(head, buf, len, gso);
	do
		n = t->has_header ? writev(t->fd, parts, 2) : write(t->fd, buf, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int put_pieces(struct tun *t, const uint8_t *buf, size_t len, const struct gso *gso)
{
	struct segments s;
	uint8_t *piece;
	size_t piece_len;
	int error = 0;

	if (len > sizeof t->copy)
		return -EINVAL;
	memcpy(t->copy, buf, len);
	if (!segments_init(&s, t->copy, len, gso))
		return -EINVAL;
	while (!error && segments_next(&s, &piece, &piece_len))
		error = put(t, piece, piece_len, &plain);
	return error;
}

static void set_mask(struct tun *t, unsigned mask)
{
	static const unsigned less[] = { ~0u, ~USO, ~(USO | TUN_F_TSO_ECN), CSUM };

	t->offload = 0;
	for (size_t i = 0; mask && !t->offload && i < sizeof less / sizeof *less; i++)
		if (ioctl(t->fd, TUNSETOFFLOAD, mask & less[i]) == 0)
			t->offload = mask & less[i];
	if (!t->offload)
		ioctl(t->fd, TUNSETOFFLOAD, 0);
}

static void tell_offload(struct tun *t)
{
	const struct tun_offload o = tun_offload(t);

	log_info("%s: offload %s: %s", t->name, o.tcp || o.udp ? "on" : "off", o.why);
}

/* What a kernel refuses time and again it is not asked for any more; a few may be what somebody
 * sends to bring us here. */
static void note_refusal(struct tun *t, enum gso_kind kind)
{
	if (!t->user.counts->refused++)
		log_warning("%s: the kernel refused a frame, which was cut into packets",
			    t->name);
	if (++t->refused[kind] < REFUSALS || t->refused[kind] < t->written[kind] / 4)
		return;
	if (!(t->offload & (kind == GSO_UDP ? USO : ~0u)))
		return;
	set_mask(t, kind == GSO_UDP ? t->offload & ~USO : 0);
	t->why = kind == GSO_UDP ? "TCP and checksums: the kernel refused frames of UDP"
				 : "the kernel refused frames that it should take";
	tell_offload(t);
}

int tun_write(struct tun *t, const uint8_t *buf, size_t len, const struct gso *gso)
{
	int error;

	if (gso->partial && !t->has_header)
		return put_pieces(t, buf, len, gso);
	t->written[gso->kind]++;
	error = put(t, buf, len, gso);
	if (error != -EINVAL || !gso->partial)
		return error;
	note_refusal(t, gso->kind);
	return put_pieces(t, buf, len, gso);
}

/* A frame whose IP header promises more than there is: the kernel drops it on arrival, if the
 * device is up, but only once it has looked at the header before it. */
static bool is_taken(struct tun *t, enum gso_kind kind, bool six)
{
	static const uint8_t four[] = { 0x45, 0, 0xff, 0xff, 0, 0, 0, 0, 64 };
	static const uint8_t six_head[] = { 0x60, 0, 0, 0, 0xff, 0xff };
	const struct gso gso = { .kind = kind, .partial = true, .size = 100 };
	uint8_t frame[IP6_LEN + TCP_LEN + 300] = { 0 };
	size_t l4 = six ? IP6_LEN : IP4_LEN;

	memcpy(frame, six ? six_head : four, six ? sizeof six_head : sizeof four);
	frame[six ? 6 : 9] = kind == GSO_TCP ? PROTO_TCP : PROTO_UDP;
	frame[l4 + 12] = 0x50;
	return put(t, frame, sizeof frame, &gso) != -EINVAL;
}

static bool is_kind_taken(struct tun *t, enum gso_kind kind)
{
	return is_taken(t, kind, false) && is_taken(t, kind, true);
}

void tun_set_offload(struct tun *t, bool wanted)
{
	unsigned mask = CSUM | TSO | TUN_F_TSO_ECN | USO;

	if (t->asked && wanted == t->wanted)
		return;
	t->asked = true;
	t->wanted = wanted;
	memset(t->refused, 0, sizeof t->refused);
	memset(t->written, 0, sizeof t->written);
	t->why = "offload = \"off\"";
	if (!t->has_header) {
		t->why = "an earlier version made the device: stop v6gwd and start it";
	} else if (!wanted) {
		set_mask(t, 0);
	} else if (!is_kind_taken(t, GSO_TCP)) {
		set_mask(t, 0);
		t->why = "the kernel takes no frames";
	} else {
		set_mask(t, is_kind_taken(t, GSO_UDP) ? mask : mask & ~USO);
		t->why = t->offload & USO ? "TCP, UDP and checksums"
			 : t->offload & TSO
				 ? "TCP and checksums: the kernel has no frames of UDP (6.2)"
				 : "the kernel has none";
	}
	tell_offload(t);
}

struct tun_offload tun_offload(const struct tun *t)
{
	return (struct tun_offload){ t->offload & TSO, t->offload & USO,
				     t->why ? t->why : "not asked for yet" };
}
