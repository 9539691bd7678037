/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_listen.c - a UDP and a TCP socket for each address, bound to just that, so an answer
 * leaves from the address that was asked (RFC 2181 4.1).
 *
 * Does not look into messages; a datagram of ours is never fragmented (RFC 9715 3.1).
 */
#define LOG_PLANE "dns64"

#include "dns_listen.h"

#include "daemon/fdstore.h"
#include "daemon/log.h"
#include "daemon/udp_frame.h"
#include "dns_burst.h"
#include "dns_tcp.h"
#include "port_holder.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BURST = 32,          /* datagrams for one recvmmsg(), and for one wake-up */
	DATAGRAM_MAX = 4096, /* of a question */
	CONTROL_LEN = 64,
	RCVBUF_LEN = 4 << 20,
	SNDBUF_LEN = 2 << 20, /* answers that wait for neighbours are in it, too */
	BACKLOG = 128,
	RETRY_MS = 1000,
	ENDPOINT_LEN = ADDR_TEXT_LEN + 32,
	NAME_LEN = 80,
};

/* One address. */
struct door {
	struct dns_listen *listen;
	struct eff_endpoint at;
	uint32_t serial;
	int udp, tcp; /* -1: not bound */
	struct ev_io *udp_io, *tcp_io;
	int error;        /* why not */
	const char *what; /* "UDP" or "TCP" */
	bool frames;      /* UDP: dns_burst.h */
	bool paused;      /* TCP: no descriptors */
	char holder[PORT_HOLDER_LEN];
};

/* Where a datagram comes from or goes to. */
union peer {
	struct sockaddr sa;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

/* Datagrams of one system call. */
struct burst {
	struct mmsghdr msgs[BURST];
	struct iovec iov[BURST];
	union peer peers[BURST];
};

struct dns_listen {
	struct ev_loop *loop;
	const struct dns_listen_ops *ops;
	void *arg;
	struct dns_tcp *tcp;
	struct ev_timer timer;
	struct door **doors;
	size_t n_doors;
	uint32_t serial;
	bool leaving; /* what comes waits for the next process */

	struct burst in;
	struct dns_burst *out;
	struct door *out_door; /* whose answers wait in out, */
	struct ev_after send;  /* until the loop has seen to all else */
	uint8_t (*in_data)[DATAGRAM_MAX];
	uint8_t (*in_control)[CONTROL_LEN];
};

/* handle of a UDP client: the door, the link, the scope of its address.  Of a TCP client: a
 * field of dns_tcp.c, and the scope of its address in the place of the link. */
enum { HANDLE_DOOR, HANDLE_INDEX, HANDLE_SCOPE };

uint32_t dns_listen_index(const struct dns_client *client)
{
	return (uint32_t)client->handle[HANDLE_INDEX];
}

/* Answers. */

static void send_burst(struct dns_listen *l)
{
	struct door *d = l->out_door;

	if (d)
		dns_burst_send(l->out, d->udp, &d->frames);
	l->out_door = NULL;
}

static void on_send(void *arg)
{
	send_burst(arg);
}

static socklen_t peer_of(const struct dns_client *client, union peer *out)
{
	if (addr_is_v4(&client->addr)) {
		out->four = (struct sockaddr_in){ .sin_family = AF_INET,
						  .sin_port = htons(client->port),
						  .sin_addr = addr_v4(&client->addr) };
		return sizeof out->four;
	}
	out->six = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					  .sin6_port = htons(client->port),
					  .sin6_addr = client->addr,
					  .sin6_scope_id =
						  (uint32_t)client->handle[HANDLE_SCOPE] };
	return sizeof out->six;
}

static struct door *door_of(const struct dns_listen *l, uint64_t serial)
{
	for (size_t i = 0; i < l->n_doors; i++)
		if (l->doors[i]->serial == serial)
			return l->doors[i];
	return NULL;
}

static void reply_udp(struct dns_listen *l, const struct dns_client *client, const uint8_t *msg,
		      size_t len)
{
	struct door *d = door_of(l, client->handle[HANDLE_DOOR]);
	union peer to;
	socklen_t to_len = peer_of(client, &to);

	if (!d || d->udp < 0)
		return;
	if (d != l->out_door)
		send_burst(l);
	l->out_door = d;
	if (!dns_burst_add(l->out, &to.sa, to_len, msg, len)) {
		dns_burst_send(l->out, d->udp, &d->frames);
		dns_burst_add(l->out, &to.sa, to_len, msg, len);
	}
	ev_after_do(&l->send);
}

void dns_listen_reply(struct dns_listen *l, const struct dns_client *client, const uint8_t *msg,
		      size_t len)
{
	switch (client->transport) {
	case DNS_UDP:
		reply_udp(l, client, msg, len);
		break;
	case DNS_TCP:
		dns_tcp_reply(l->tcp, client, msg, len);
		break;
	}
}

/* Datagrams. */

static uint32_t arrival_index(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct in6_pktinfo six;
		struct in_pktinfo four;

		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&six, CMSG_DATA(c), sizeof six);
			return six.ipi6_ifindex;
		}
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&four, CMSG_DATA(c), sizeof four);
			return (uint32_t)four.ipi_ifindex;
		}
	}
	return 0;
}

/* Services that answer whatever they are sent: our answer would start a loop. */
static bool is_reflector(uint16_t port)
{
	return port == 0 || port == 7 || port == 19 || port == 53;
}

static void take_datagram(struct door *d, struct mmsghdr *m, const union peer *from)
{
	struct dns_listen *l = d->listen;
	struct dns_client client = { .transport = DNS_UDP };

	if (from->sa.sa_family == AF_INET6) {
		client.addr = from->six.sin6_addr;
		client.port = ntohs(from->six.sin6_port);
		client.handle[HANDLE_SCOPE] = from->six.sin6_scope_id;
	} else {
		client.addr = addr_mapped(from->four.sin_addr);
		client.port = ntohs(from->four.sin_port);
	}
	client.handle[HANDLE_DOOR] = d->serial;
	client.handle[HANDLE_INDEX] = arrival_index(&m->msg_hdr);
	if (!is_reflector(client.port))
		l->ops->question(l->arg, &client, m->msg_hdr.msg_iov->iov_base, m->msg_len);
}

static int receive_burst(struct door *d)
{
	struct dns_listen *l = d->listen;
	struct burst *b = &l->in;

	for (unsigned i = 0; i < BURST; i++) {
		b->msgs[i].msg_hdr.msg_namelen = sizeof b->peers[i];
		b->msgs[i].msg_hdr.msg_controllen = CONTROL_LEN;
	}
	return recvmmsg(d->udp, b->msgs, BURST, 0, NULL);
}

static void on_datagrams(void *arg, unsigned ready)
{
	struct door *d = arg;
	struct dns_listen *l = d->listen;
	int n = receive_burst(d);

	(void)ready;
	for (int i = 0; i < n; i++)
		take_datagram(d, &l->in.msgs[i], &l->in.peers[i]);
}

/* Streams. */

static void on_connection(void *arg, unsigned ready)
{
	struct door *d = arg;
	struct dns_listen *l = d->listen;

	(void)ready;
	if (dns_tcp_accept(l->tcp, d->tcp))
		return;
	/* Waiting connections stay where they are until some descriptor is free. */
	d->paused = true;
	ev_io_set(d->tcp_io, 0);
	ev_timer_at(&l->timer, ev_now_ms(l->loop) + RETRY_MS);
}

/* Binding. */

static void set_buffer(int fd, int force, int option, int len)
{
	if (setsockopt(fd, SOL_SOCKET, force, &len, sizeof len) < 0)
		setsockopt(fd, SOL_SOCKET, option, &len, sizeof len);
}

static void set_options(int fd, bool v4, int type)
{
	static const int one = 1, omit = IP_PMTUDISC_OMIT;
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;

	/* An address in duplicate address detection, or on a link that is down, is bound too.
	 */
	setsockopt(fd, level, v4 ? IP_FREEBIND : IPV6_FREEBIND, &one, sizeof one);
	if (type == SOCK_STREAM) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		return;
	}
	setsockopt(fd, level, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &one, sizeof one);
	if (v4)
		setsockopt(fd, level, IP_MTU_DISCOVER, &omit, sizeof omit);
	else
		setsockopt(fd, level, IPV6_DONTFRAG, &one, sizeof one);
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RCVBUF_LEN);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SNDBUF_LEN);
}

/* Returns the length. */
static socklen_t address_of(const struct eff_endpoint *at, union peer *out)
{
	*out = (union peer){ 0 };
	if (addr_is_v4(&at->addr)) {
		out->four = (struct sockaddr_in){ .sin_family = AF_INET,
						  .sin_port = htons(at->port),
						  .sin_addr = addr_v4(&at->addr) };
		return sizeof out->four;
	}
	out->six = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					  .sin6_port = htons(at->port),
					  .sin6_addr = at->addr,
					  .sin6_scope_id = at->scope };
	return sizeof out->six;
}

/* A socket bound to at, or -errno. */
static int bind_to(const struct eff_endpoint *at, int type)
{
	static const int one = 1;
	union peer to;
	socklen_t len = address_of(at, &to);
	bool v4 = addr_is_v4(&at->addr);
	int fd = socket(to.sa.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	if (!v4 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) < 0)
		rc = -errno;
	set_options(fd, v4, type);
	if (rc == 0 && bind(fd, &to.sa, len) < 0)
		rc = -errno;
	if (rc == 0 && type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

/* As the service manager keeps a socket: "dns-udp-20010db8...0053-53-0". */
static void store_name(const struct eff_endpoint *at, int type, char out[NAME_LEN])
{
	size_t n =
		(size_t)snprintf(out, NAME_LEN, "dns-%s-", type == SOCK_DGRAM ? "udp" : "tcp");

	for (size_t i = 0; i < sizeof at->addr; i++)
		n += (size_t)snprintf(out + n, NAME_LEN - n, "%02x", at->addr.s6_addr[i]);
	snprintf(out + n, NAME_LEN - n, "-%u-%u", at->port, at->scope);
}

struct wanted {
	const struct eff_endpoint *at;
	int type;
};

static bool is_bound(int fd, const void *arg)
{
	const struct wanted *w = arg;
	union peer want, have = { 0 };
	socklen_t want_len = address_of(w->at, &want), len = sizeof have, size = sizeof(int);
	bool tcp = w->type == SOCK_STREAM;
	int listens = 0;

	if (!fdstore_is_socket(fd, want.sa.sa_family, w->type, tcp ? IPPROTO_TCP : IPPROTO_UDP))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || listens != tcp)
		return false;
	return getsockname(fd, &have.sa, &len) == 0 && len == want_len &&
	       memcmp(&have, &want, len) == 0;
}

/* The socket that was kept for us, with what waits in it, else a new one; or -errno. */
static int take_or_bind(const struct eff_endpoint *at, int type)
{
	const struct wanted wanted = { at, type };
	char name[NAME_LEN];
	int fd;

	store_name(at, type, name);
	fd = fdstore_take(name, is_bound, &wanted);
	if (fd >= 0) {
		set_options(fd, addr_is_v4(&at->addr), type);
		return fd;
	}
	fd = bind_to(at, type);
	if (fd >= 0)
		fdstore_put(name, fd);
	return fd;
}

static void shut(const struct door *d, int type, bool keep, struct ev_io **io, int *fd)
{
	char name[NAME_LEN];

	ev_io_free(*io);
	*io = NULL;
	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	store_name(&d->at, type, name);
	if (!keep)
		fdstore_drop(name);
}

/* "[fe80::1%br0]:53" */
static const char *endpoint_text(const struct eff_endpoint *at, char out[ENDPOINT_LEN])
{
	char addr[ADDR_TEXT_LEN], link[IF_NAMESIZE + 1] = "%";

	if (!at->scope || !if_indextoname(at->scope, link + 1))
		*link = '\0';
	snprintf(out, ENDPOINT_LEN, addr_is_v4(&at->addr) ? "%s%s:%u" : "[%s%s]:%u",
		 addr_text(&at->addr, addr), link, at->port);
	return out;
}

/* Keeps why an address cannot be bound, for dns_listen_reasons(). */
static void refused(struct door *d, const char *what, int error)
{
	if (d->error == error && d->what == what)
		return;
	d->error = error;
	d->what = what;
	d->holder[0] = '\0';
	if (error == EADDRINUSE)
		port_holder(&d->at.addr, d->at.port, what[0] == 'T', d->holder);
}

static int open_one(struct door *d, int type, ev_io_fn *fn, struct ev_io **io, int *fd)
{
	if (*fd >= 0)
		return 0;
	*fd = take_or_bind(&d->at, type);
	if (*fd < 0)
		return -*fd;
	*io = ev_io_new(d->listen->loop, *fd, EV_IO_READ, fn, d);
	if (*io)
		return 0;
	shut(d, type, false, io, fd);
	return ENOMEM;
}

/* Both sockets, or none: who can ask by UDP must be able to come back by TCP. */
static bool open_door(struct door *d)
{
	const char *what = "UDP";
	int error = open_one(d, SOCK_DGRAM, on_datagrams, &d->udp_io, &d->udp);
	char text[ENDPOINT_LEN];

	if (!error) {
		what = "TCP";
		error = open_one(d, SOCK_STREAM, on_connection, &d->tcp_io, &d->tcp);
	}
	if (error) {
		shut(d, SOCK_DGRAM, false, &d->udp_io, &d->udp);
		d->udp = d->tcp = -1;
		refused(d, what, error);
		return false;
	}
	d->error = 0;
	d->frames = udp_frame_is_known(d->udp);
	log_info("listening on %s", endpoint_text(&d->at, text));
	return true;
}

static void door_free(struct door *d, bool keep)
{
	if (!d)
		return;
	if (d == d->listen->out_door)
		send_burst(d->listen);
	shut(d, SOCK_DGRAM, keep, &d->udp_io, &d->udp);
	shut(d, SOCK_STREAM, keep, &d->tcp_io, &d->tcp);
	free(d);
}

static void on_retry(void *arg)
{
	struct dns_listen *l = arg;
	bool again = false, changed = false;

	for (size_t i = 0; i < l->n_doors; i++) {
		struct door *d = l->doors[i];

		if (d->paused) {
			d->paused = false;
			ev_io_set(d->tcp_io, EV_IO_READ);
		}
		if (d->udp >= 0)
			continue;
		if (open_door(d))
			changed = true;
		else
			again = true;
	}
	if (again)
		ev_timer_at(&l->timer, ev_now_ms(l->loop) + RETRY_MS);
	if (changed)
		l->ops->changed(l->arg);
}

static bool same_endpoint(const struct eff_endpoint *a, const struct eff_endpoint *b)
{
	return addr_equal(&a->addr, &b->addr) && a->port == b->port && a->scope == b->scope;
}

/* The door of at, taken from the old ones where it is open already. */
static struct door *door_for(struct dns_listen *l, const struct eff_endpoint *at)
{
	struct door *d;

	for (size_t i = 0; i < l->n_doors; i++)
		if (l->doors[i] && same_endpoint(&l->doors[i]->at, at)) {
			d = l->doors[i];
			l->doors[i] = NULL;
			return d;
		}
	d = calloc(1, sizeof *d);
	if (d)
		*d = (struct door){
			.listen = l, .at = *at, .serial = ++l->serial, .udp = -1, .tcp = -1
		};
	return d;
}

void dns_listen_set(struct dns_listen *l, const struct eff_endpoints *at, uint32_t tcp_clients,
		    uint32_t tcp_idle_s)
{
	struct door **doors = calloc(at->n + 1, sizeof(struct door *));
	size_t n = 0;

	dns_tcp_limit(l->tcp, tcp_clients, tcp_idle_s);
	if (!doors) {
		log_error("out of memory: still listening where we did");
		return;
	}
	for (size_t i = 0; i < at->n; i++) {
		doors[n] = door_for(l, &at->v[i]);
		n += doors[n] != NULL;
	}
	/* Old ones first: a port moved between an address and the wildcard is free then. */
	for (size_t i = 0; i < l->n_doors; i++)
		door_free(l->doors[i], false);
	free(l->doors);
	l->doors = doors;
	l->n_doors = n;
	for (size_t i = 0; i < n; i++)
		if (doors[i]->udp < 0 && !open_door(doors[i]))
			ev_timer_at(&l->timer, ev_now_ms(l->loop) + RETRY_MS);
}

static void on_stream_message(void *arg, struct dns_client *client, const uint8_t *msg,
			      size_t len)
{
	struct dns_listen *l = arg;

	l->ops->question(l->arg, client, msg, len);
}

static bool is_full(void *arg, const struct in6_addr *addr)
{
	const struct dns_listen *l = arg;

	return l->ops->full(l->arg, addr);
}

static void point_burst(struct dns_listen *l)
{
	for (unsigned i = 0; i < BURST; i++) {
		l->in.iov[i] = (struct iovec){ l->in_data[i], DATAGRAM_MAX };
		l->in.msgs[i].msg_hdr = (struct msghdr){ .msg_name = &l->in.peers[i],
							 .msg_iov = &l->in.iov[i],
							 .msg_iovlen = 1,
							 .msg_control = l->in_control[i] };
	}
}

struct dns_listen *dns_listen_new(struct ev_loop *loop, const struct dns_listen_ops *ops,
				  void *arg)
{
	struct dns_listen *l = calloc(1, sizeof *l);

	if (!l)
		goto fail;
	l->loop = loop;
	l->ops = ops;
	l->arg = arg;
	ev_timer_init(&l->timer, loop, on_retry, l);
	ev_after_init(&l->send, loop, on_send, l);
	l->tcp = dns_tcp_new(loop, on_stream_message, is_full, l);
	l->in_data = malloc(BURST * sizeof *l->in_data);
	l->in_control = malloc(BURST * sizeof *l->in_control);
	l->out = dns_burst_new();
	if (l->tcp && l->in_data && l->in_control && l->out) {
		point_burst(l);
		return l;
	}
fail:
	log_error("out of memory for listeners");
	dns_listen_free(l, false);
	return NULL;
}

bool dns_listen_leave(struct dns_listen *l)
{
	if (!l->leaving) {
		l->leaving = true;
		ev_timer_stop(&l->timer);
		for (size_t i = 0; i < l->n_doors; i++)
			if (l->doors[i]->udp >= 0) {
				ev_io_set(l->doors[i]->udp_io, 0);
				ev_io_set(l->doors[i]->tcp_io, 0);
			}
		dns_tcp_leave(l->tcp);
	}
	return dns_tcp_clients(l->tcp) == 0;
}

void dns_listen_free(struct dns_listen *l, bool keep)
{
	if (!l)
		return;
	ev_timer_stop(&l->timer);
	for (size_t i = 0; i < l->n_doors; i++)
		door_free(l->doors[i], keep);
	ev_after_stop(&l->send);
	free(l->doors);
	dns_tcp_free(l->tcp);
	free(l->in_data);
	free(l->in_control);
	dns_burst_free(l->out);
	free(l);
}

size_t dns_listen_count(const struct dns_listen *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_doors; i++)
		n += l->doors[i]->udp >= 0;
	return n;
}

bool dns_listen_bound(const struct dns_listen *l, const struct eff_endpoint *e)
{
	for (size_t i = 0; i < l->n_doors; i++)
		if (l->doors[i]->udp >= 0 && addr_equal(&l->doors[i]->at.addr, &e->addr) &&
		    l->doors[i]->at.scope == e->scope)
			return true;
	return false;
}

void dns_listen_reasons(const struct dns_listen *l, struct reasons *out)
{
	char text[ENDPOINT_LEN];

	for (size_t i = 0; i < l->n_doors; i++) {
		const struct door *d = l->doors[i];

		if (d->udp >= 0)
			continue;
		endpoint_text(&d->at, text);
		if (d->error == EADDRINUSE)
			reasons_add(out, EVENT_PORT_TAKEN,
				    "%s (%s) is taken%s%s: stop that, or set dns64.listen",
				    text, d->what, d->holder[0] ? " by " : "", d->holder);
		else if (d->error == EACCES)
			reasons_add(out, EVENT_LISTEN_REFUSED,
				    "%s (%s): not permitted: run with CAP_NET_BIND_SERVICE",
				    text, d->what);
		else
			reasons_add(out, EVENT_LISTEN_REFUSED, "cannot listen on %s (%s): %s",
				    text, d->what, strerror(d->error));
	}
}

size_t dns_listen_tcp_clients(const struct dns_listen *l)
{
	return dns_tcp_clients(l->tcp);
}
