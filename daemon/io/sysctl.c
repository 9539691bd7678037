/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sysctl.c - forwarding, and accept_ra where it would cost the host its default route.
 *
 * Values are only ever set, never taken back: others may rely on them meanwhile.  RFC
 * 4861 6.2.1 and the kernel's Documentation/networking/ip-sysctl.rst: a router ignores
 * advertisements unless accept_ra is 2.
 */
#define LOG_PLANE "gateway"

#include "sysctl.h"

#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_LEN 96

/* "net.ipv6.conf.br0.forwarding" in the way sysctl(8) is told it: a dot in the name of an
 * interface is a slash there. */
struct setting {
	char path[PATH_LEN], key[PATH_LEN];
};

static struct setting setting_of(const char *family, const char *iface, const char *leaf)
{
	struct setting s;
	char name[FACT_NAME_LEN];

	snprintf(name, sizeof name, "%s", iface);
	for (char *p = name; *p; p++)
		if (*p == '.')
			*p = '/';
	snprintf(s.path, sizeof s.path, "/proc/sys/net/%s/conf/%s/%s", family, iface, leaf);
	snprintf(s.key, sizeof s.key, "net.%s.conf.%s.%s", family, name, leaf);
	return s;
}

/* Its value, a single digit, or -errno. */
static int get(const struct setting *s)
{
	char digit = 0;
	int fd = open(s->path, O_RDONLY | O_CLOEXEC), error = 0;

	if (fd < 0 || read(fd, &digit, 1) != 1)
		error = errno ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	return error ? error : digit - '0';
}

static int put(const struct setting *s, char digit)
{
	int fd = open(s->path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0 || write(fd, &digit, 1) != 1)
		error = -errno;
	if (fd >= 0)
		close(fd);
	return error;
}

/* True when it took. */
static bool set(const struct setting *s, int was, int value, struct reasons *reasons)
{
	int error = put(s, (char)('0' + value));

	if (!error)
		log_notice("%s = %d (was %d)", s->key, value, was);
	else
		reasons_add(reasons, EVENT_SYSCTL_REFUSED,
			    "%s is %d and cannot be set (%s): sysctl -w %s=%d, or make "
			    "/proc/sys/net writable for v6gwd",
			    s->key, was, strerror(-error), s->key, value);
	return !error;
}

/* True when it is on now.  An interface that vanished meanwhile is no reason. */
static bool turn_on(const char *family, const char *iface, struct reasons *reasons)
{
	struct setting s = setting_of(family, iface, "forwarding");
	int was = get(&s);

	if (was == 0)
		return set(&s, was, 1, reasons);
	if (was < 0 && strcmp(iface, "all") == 0)
		reasons_add(reasons, EVENT_SYSCTL_REFUSED, "%s cannot be read (%s)%s", s.key,
			    strerror(-was),
			    was == -ENOENT ? ": boot without ipv6.disable=1" : "");
	return was > 0;
}

/* 0 stays 0: somebody else (systemd-networkd) hears the advertisements then. */
static void keep_listening(const char *iface, struct reasons *reasons)
{
	struct setting s = setting_of("ipv6", iface, "accept_ra");

	if (get(&s) == 1)
		set(&s, 1, 2, reasons);
}

static bool is_guests(const struct effective *eff, uint32_t index)
{
	for (size_t i = 0; i < eff->n_ifaces; i++)
		if (eff->ifaces[i].index == index)
			return true;
	for (size_t i = 0; i < eff->n_ra; i++)
		if (eff->ra[i].index == index)
			return true;
	return false;
}

/* A router of the kernel's own making ignores advertisements where accept_ra is 1.  That is
 * right for a default route that a guest gave. */
static void keep_default_routes(const struct facts *facts, const struct effective *eff,
				struct reasons *reasons)
{
	for (size_t i = 0; i < facts->n_routes; i++) {
		const struct fact_route *r = &facts->routes[i];
		const struct fact_link *link = facts_link_at(facts, r->index);

		if (!r->v4 && r->from_ra && link &&
		    (!is_guests(eff, r->index) || effective_is_uplink(eff, facts, r->index)))
			keep_listening(link->name, reasons);
	}
}

/* At boot the uplink's first advertisement may still be on its way.  Never on the guests' link:
 * a guest could then give the host a default route. */
static void await_default_route(const struct facts *facts, const struct effective *eff,
				struct reasons *reasons)
{
	const struct fact_link *uplink = facts_link(facts, eff->uplink);

	if (!uplink || uplink->forwarding6)
		return;
	for (size_t i = 0; i < facts->n_routes; i++)
		if (!facts->routes[i].v4)
			return;
	for (size_t i = 0; i < eff->n_ifaces; i++)
		if (eff->ifaces[i].index == uplink->index)
			return;
	keep_listening(uplink->name, reasons);
}

/* True when IPv6 forwarding is on now. */
static bool turn_on_link(const struct facts *facts, const char *name, struct reasons *reasons)
{
	const struct fact_link *link = facts_link(facts, name);

	if (!link)
		return false;
	if (!link->forwarding4)
		turn_on("ipv4", name, reasons);
	return link->forwarding6 || turn_on("ipv6", name, reasons);
}

void sysctl_forwarding(const struct facts *facts, struct effective *eff)
{
	struct reasons *reasons = &eff->reasons;

	keep_default_routes(facts, eff, reasons);
	await_default_route(facts, eff, reasons);
	turn_on("ipv4", "all", reasons);
	turn_on("ipv6", "all", reasons);
	for (size_t i = 0; i < eff->n_ifaces; i++)
		turn_on_link(facts, eff->ifaces[i].name, reasons);
	for (size_t i = 0; i < eff->n_ra; i++)
		eff->ra[i].forwarding = turn_on_link(facts, eff->ra[i].name, reasons);
	turn_on_link(facts, eff->uplink, reasons);
	turn_on_link(facts, eff->config->nat64.device, reasons);
}

void sysctl_read(struct facts *facts)
{
	struct setting v4 = setting_of("ipv4", "all", "forwarding");
	struct setting v6 = setting_of("ipv6", "all", "forwarding");

	facts->forwarding4 = get(&v4) > 0;
	facts->forwarding6 = get(&v6) > 0;
}
