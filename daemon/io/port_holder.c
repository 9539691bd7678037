/* SPDX-License-Identifier: GPL-3.0-or-later */
/* port_holder.c - the socket by sock_diag(7), its unit by the cgroup, its process by /proc.
 *
 * Takes milliseconds: for the moment something went wrong, not for every day.
 */
#include "port_holder.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8, TCP_LISTEN_STATE = 10 };

struct holder {
	uint32_t inode;
	uint64_t cgroup;
};

/* Does a socket bound to (family, local) stand in the way of addr? */
static bool in_the_way(const struct in6_addr *addr, uint8_t family, const void *local)
{
	struct in6_addr six;
	struct in_addr four;

	if (family == AF_INET6) {
		memcpy(&six, local, sizeof six);
		return addr_equal(&six, addr) || addr_is_unspecified(&six);
	}
	memcpy(&four, local, sizeof four);
	six = addr_mapped(four);
	return addr_is_v4(addr) && (addr_equal(&six, addr) || four.s_addr == 0);
}

/* One answer of the kernel. */
static bool read_socket(const struct nlmsghdr *h, const struct in6_addr *addr,
			struct holder *out)
{
	struct inet_diag_msg m;
	int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof m));

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof m))
		return false;
	memcpy(&m, NLMSG_DATA(h), sizeof m);
	if (!in_the_way(addr, m.idiag_family, m.id.idiag_src))
		return false;
	out->inode = m.idiag_inode;
	for (const struct rtattr *a =
		     (const void *)((const char *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof m));
	     RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == INET_DIAG_CGROUP_ID && RTA_PAYLOAD(a) >= sizeof out->cgroup)
			memcpy(&out->cgroup, RTA_DATA(a), sizeof out->cgroup);
	return true;
}

static bool ask_kernel(int fd, uint8_t family, bool tcp, uint16_t port)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} q = {
		.h = { .nlmsg_len = sizeof q,
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.r = { .sdiag_family = family,
		       .sdiag_protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
		       .idiag_states = tcp ? 1u << TCP_LISTEN_STATE : UINT32_MAX,
		       .id.idiag_sport = htons(port) },
	};

	return send(fd, &q, sizeof q, 0) == (ssize_t)sizeof q;
}

static bool find_socket(uint8_t family, const struct in6_addr *addr, uint16_t port, bool tcp,
			struct holder *out)
{
	_Alignas(struct nlmsghdr) char buf[8192];
	struct timeval wait = { .tv_usec = 200000 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool found = false, more = fd >= 0 && ask_kernel(fd, family, tcp, port);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	while (more) {
		int n = (int)recv(fd, buf, sizeof buf, 0);

		more = n > 0;
		for (const struct nlmsghdr *h = (const void *)buf; more && NLMSG_OK(h, n);
		     h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY)
				more = false;
			else if (!found)
				found = read_socket(h, addr, out);
		}
	}
	if (fd >= 0)
		close(fd);
	return found;
}

static bool is_unit(const char *name)
{
	const char *end = strrchr(name, '.');

	return end && (strcmp(end, ".service") == 0 || strcmp(end, ".scope") == 0);
}

/* Looks below dir for the directory whose inode is the cgroup's id, and names the unit it is
 * in: the first one on the way, which only systemd makes; below it users choose the names. */
static bool find_cgroup(int dir, uint64_t id, unsigned depth, const char *unit, char *out,
			size_t size)
{
	DIR *d = fdopendir(dir);
	bool found = false;

	if (!d) {
		close(dir);
		return false;
	}
	for (struct dirent *e; !found && (e = readdir(d));) {
		const char *here = !*unit && is_unit(e->d_name) ? e->d_name : unit;
		struct stat st;
		int sub;

		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (st.st_ino == id) {
			snprintf(out, size, "%.60s", here);
			found = true;
			break;
		}
		sub = depth ? openat(dirfd(d), e->d_name,
				     O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
			    : -1;
		found = sub >= 0 && find_cgroup(sub, id, depth - 1, here, out, size);
	}
	closedir(d);
	return found;
}

/* Has the process an open descriptor of that socket? */
static bool has_socket(int proc, const char *pid, const char *link)
{
	char path[300], to[64];
	int dir;
	DIR *d;
	bool found = false;

	snprintf(path, sizeof path, "%s/fd", pid);
	dir = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = dir >= 0 ? fdopendir(dir) : NULL;
	if (!d) {
		if (dir >= 0)
			close(dir);
		return false;
	}
	for (struct dirent *e; !found && (e = readdir(d));) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof to - 1);

		if (n <= 0)
			continue;
		to[n] = '\0';
		found = strcmp(to, link) == 0;
	}
	closedir(d);
	return found;
}

static void name_process(int proc, const char *pid, char *out, size_t size)
{
	char path[300], comm[32] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "%s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, comm, sizeof comm - 1) : 0;
	if (fd >= 0)
		close(fd);
	comm[n > 0 ? n : 0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	for (char *p = comm; *p; p++) /* which a process chooses itself */
		*p = *p < ' ' || *p > '~' ? '?' : *p;
	snprintf(out, size, "%s, pid %.10s", comm, pid);
}

static void find_process(uint32_t inode, char *out, size_t size)
{
	char link[64];
	DIR *d = opendir("/proc");

	snprintf(link, sizeof link, "socket:[%u]", inode);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!isdigit((unsigned char)e->d_name[0]) ||
		    !has_socket(dirfd(d), e->d_name, link))
			continue;
		name_process(dirfd(d), e->d_name, out, size);
		break;
	}
	if (d)
		closedir(d);
}

void port_holder(const struct in6_addr *addr, uint16_t port, bool tcp,
		 char out[PORT_HOLDER_LEN])
{
	struct holder h = { 0 };
	char unit[64] = "", process[48] = "";
	int dir;

	out[0] = '\0';
	if (!find_socket(AF_INET6, addr, port, tcp, &h) &&
	    !(addr_is_v4(addr) && find_socket(AF_INET, addr, port, tcp, &h)))
		return;
	dir = h.cgroup ? open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir >= 0)
		find_cgroup(dir, h.cgroup, DEPTH_MAX, "", unit, sizeof unit);
	if (geteuid() == 0)
		find_process(h.inode, process, sizeof process);
	snprintf(out, PORT_HOLDER_LEN, unit[0] && process[0] ? "%s (%s)" : "%s%s", unit,
		 process);
}
