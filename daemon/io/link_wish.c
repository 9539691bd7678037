/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link_wish.c - routes and neighbours that shall exist.
 *
 * Nothing is looked at in intervals: a wish is made anew because the kernel told that it is
 * gone, or a second after an attempt failed.  Only proxy neighbours of kernels before 6.14,
 * which do not tell, are looked at twice a minute.  RFC 4861 7.2.8 (proxy advertisements).
 */
#define LOG_PLANE "gateway"

#include "link_priv.h"

#include "daemon/event.h"

#include <errno.h>
#include <fcntl.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETRY_MS 1000u
#define LOOK_MS  30000u

#define STRAYS_MAX 4096u

static bool is_v4(const struct wish *w)
{
	return w->dst.len >= 96 && addr_is_v4(&w->dst.addr);
}

static const char *link_name(const struct link *l, uint32_t index)
{
	const struct fact_link *link = link_now(l, index);

	return link ? link->name : "(gone)";
}

static bool link_is_up(const struct link *l, uint32_t index)
{
	const struct fact_link *link = link_now(l, index);

	return link && link->up;
}

/* The kernel's route message for a wish; NULL when memory is short. */
static struct nl_msg *route_message(const struct wish *w, uint16_t type, int flags)
{
	bool v4 = is_v4(w);
	struct in_addr dst4 = addr_v4(&w->dst.addr);
	bool has_via = !addr_is_unspecified(&w->via);
	struct rtmsg rtm = { .rtm_family = v4 ? AF_INET : AF_INET6,
			     .rtm_dst_len = (uint8_t)(w->dst.len - (v4 ? 96 : 0)),
			     .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = LINK_PROTO_OURS,
			     .rtm_scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
			     .rtm_type = RTN_UNICAST,
			     .rtm_flags = has_via ? RTNH_F_ONLINK : 0 };
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	bool ok = msg && nlmsg_append(msg, &rtm, sizeof rtm, NLMSG_ALIGNTO) == 0 &&
		  nla_put(msg, RTA_DST, v4 ? sizeof dst4 : sizeof w->dst.addr,
			  v4 ? (const void *)&dst4 : &w->dst.addr) == 0 &&
		  nla_put_u32(msg, RTA_OIF, w->index) == 0 &&
		  (!has_via || nla_put(msg, RTA_GATEWAY, sizeof w->via, &w->via) == 0);

	if (!ok) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int make_route(struct link *l, size_t i)
{
	struct wish_slot *s = &l->wishes.v[i];
	int error = link_request(
		l, route_message(&s->wish, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL), NULL);

	if (error == -EEXIST) { /* the very same, or one that is in the way? */
		link_read_routes(l, is_v4(&s->wish));
		return s->there ? 0 : error;
	}
	s->there = s->ours = error == 0;
	return error;
}

static struct nl_msg *neighbour_message(const struct wish *w, uint16_t type, int flags)
{
	struct ndmsg nd = { .ndm_family = AF_INET6,
			    .ndm_ifindex = (int)w->index,
			    .ndm_flags = w->kind == WISH_PROXY_NEIGHBOUR ? NTF_PROXY : 0,
			    .ndm_state = type == RTM_NEWNEIGH ? NUD_PERMANENT : 0 };
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, &nd, sizeof nd, NLMSG_ALIGNTO) == 0 &&
	    nla_put(msg, NDA_DST, sizeof w->dst.addr, &w->dst.addr) == 0 &&
	    (type != RTM_NEWNEIGH || nla_put_u8(msg, NDA_PROTOCOL, LINK_PROTO_OURS) == 0))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* The answer to a question for one proxy neighbour: it is there, and whose it is. */
static void on_proxy(struct link *l, struct nlmsghdr *h)
{
	const struct ndmsg *nd = nlmsg_data(h);
	struct nlattr *tb[NDA_MAX + 1];

	if (nlmsg_parse(h, sizeof *nd, tb, NDA_MAX, NULL) < 0 || !tb[NDA_DST] ||
	    nla_len(tb[NDA_DST]) != sizeof(struct in6_addr))
		return;
	for (size_t i = 0; i < l->wishes.n; i++) {
		struct wish_slot *s = &l->wishes.v[i];

		if (s->wish.kind == WISH_PROXY_NEIGHBOUR &&
		    s->wish.index == (uint32_t)nd->ndm_ifindex &&
		    memcmp(nla_data(tb[NDA_DST]), &s->wish.dst.addr, sizeof s->wish.dst.addr) ==
			    0) {
			s->there = true;
			s->ours = tb[NDA_PROTOCOL] &&
				  nla_get_u8(tb[NDA_PROTOCOL]) == LINK_PROTO_OURS;
		}
	}
}

/* The entries are answered for only with net.ipv6.conf.<link>.proxy_ndp.  0 or -errno. */
static int turn_proxy_on(const char *name)
{
	char path[64], was = '0';
	int fd, error = 0;

	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/proxy_ndp", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, &was, 1) == 1 && was != '0') {
		close(fd);
		return 0;
	}
	if (fd >= 0)
		close(fd);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		error = -errno;
	if (fd >= 0)
		close(fd);
	if (!error)
		log_notice("net.ipv6.conf.%s.proxy_ndp = 1 (was 0)", name);
	return error;
}

/* The kernel takes an entry that is there for the new one, so it is asked first. */
static int make_proxy(struct link *l, size_t i)
{
	struct wish_slot *s = &l->wishes.v[i];
	int error = turn_proxy_on(link_name(l, s->wish.index));

	if (error)
		return error == -EPERM || error == -EACCES ? -EROFS : error;
	link_request(l, neighbour_message(&s->wish, RTM_GETNEIGH, 0), on_proxy);
	if (s->there)
		return 0;
	error = link_request(l, neighbour_message(&s->wish, RTM_NEWNEIGH, NLM_F_CREATE), NULL);
	s->there = s->ours = error == 0;
	return error;
}

/* Permanent, and so exempt from the limit of the neighbour table; in the place of one that the
 * kernel made by itself. */
static int make_neighbour(struct link *l, size_t i)
{
	struct wish_slot *s = &l->wishes.v[i];
	int error = link_request(
		l, neighbour_message(&s->wish, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE),
		NULL);

	s->there = s->ours = error == 0;
	return error;
}

static int make(struct link *l, size_t i)
{
	switch (l->wishes.v[i].wish.kind) {
	case WISH_ROUTE:
		return make_route(l, i);
	case WISH_PROXY_NEIGHBOUR:
		return make_proxy(l, i);
	case WISH_NEIGHBOUR:
		return make_neighbour(l, i);
	}
	return -EINVAL;
}

static void take_away(struct link *l, const struct wish_slot *s)
{
	if (!s->there || !s->ours)
		return;
	if (s->wish.kind == WISH_ROUTE)
		link_request(l, route_message(&s->wish, RTM_DELROUTE, 0), NULL);
	else
		link_request(l, neighbour_message(&s->wish, RTM_DELNEIGH, 0), NULL);
}

static const char *kind_text(const struct wish *w)
{
	switch (w->kind) {
	case WISH_ROUTE:
		return "route";
	case WISH_PROXY_NEIGHBOUR:
		return "proxy neighbour";
	case WISH_NEIGHBOUR:
		return "neighbour";
	}
	return "";
}

static const char *wish_text(const struct wish *w, char out[ADDR_TEXT_LEN])
{
	struct prefix4 net = { addr_v4(&w->dst.addr), (uint8_t)(w->dst.len - 96) };

	if (w->kind != WISH_ROUTE)
		return addr_text(&w->dst.addr, out);
	return is_v4(w) ? prefix4_text(&net, out) : prefix_text(&w->dst, out);
}

/* Why it is not there, and what helps. */
static void describe(const struct link *l, const struct wish_slot *s, char *out, size_t size)
{
	const char *name = link_name(l, s->wish.index);
	const char *kind = kind_text(&s->wish);
	bool v4 = is_v4(&s->wish);
	char text[ADDR_TEXT_LEN];

	wish_text(&s->wish, text);
	if (!s->wish.index || !link_now(l, s->wish.index))
		snprintf(out, size, "no %s for %s (%s): its link does not exist", kind,
			 s->wish.what, text);
	else if (!link_is_up(l, s->wish.index))
		snprintf(out, size, "no %s for %s (%s): %s is down (ip link set %s up)", kind,
			 s->wish.what, text, name, name);
	else if (s->error == -EEXIST)
		snprintf(out, size,
			 "%s (%s) has another route than %s: remove it (ip route show %s)",
			 s->wish.what, text, name, text);
	else if (s->error == -EROFS)
		snprintf(out, size,
			 "no proxy neighbour for %s (%s): sysctl -w "
			 "net.ipv6.conf.%s.proxy_ndp=1",
			 s->wish.what, text, name);
	else if (s->error == -EPERM)
		snprintf(out, size, "no %s for %s (%s): CAP_NET_ADMIN is missing", kind,
			 s->wish.what, text);
	else if (!v4 && (s->error == -EACCES || s->error == -ENODEV || s->error == -EINVAL))
		snprintf(out, size,
			 "no %s for %s (%s): IPv6 is off on %s (sysctl -w "
			 "net.ipv6.conf.%s.disable_ipv6=0; its MTU must be 1280 at least)",
			 kind, s->wish.what, text, name, name);
	else
		snprintf(out, size, "no %s for %s (%s) at %s: %s", kind, s->wish.what, text,
			 name, strerror(-s->error));
}

/* What stays unmet is a reason, and logged as such. */
static void tell_repair(struct wish_slot *s)
{
	char text[ADDR_TEXT_LEN];
	const char *kind = kind_text(&s->wish);

	if (s->there && s->lost)
		event_tell(EVENT_ROUTE_LOST, NULL, "%s %s of %s was gone: put back", kind,
			   wish_text(&s->wish, text), s->wish.what);
	s->lost = s->lost && !s->there;
}

/* The others look again at what is unmet when that is not what they saw last. */
static void tell_change(struct link *l, struct wish_slot *s)
{
	if (s->there == s->seen_there && s->error == s->seen_error)
		return;
	s->seen_there = s->there;
	s->seen_error = s->error;
	l->wishes.changed = true;
	link_touch(l);
}

/* One attempt at each that is missing, and another in a second where one failed. */
void wishes_settle(struct link *l)
{
	struct wishes *w = &l->wishes;
	uint64_t next_ms = EV_NEVER;

	for (size_t i = 0; i < w->n; i++) {
		struct wish_slot *s = &w->v[i];

		if (!s->there && link_is_up(l, s->wish.index)) {
			s->error = make(l, i);
			tell_repair(s);
			if (s->error)
				next_ms = RETRY_MS;
		}
		tell_change(l, s);
		if (s->wish.kind == WISH_PROXY_NEIGHBOUR && !l->tells_multicast &&
		    next_ms == EV_NEVER)
			next_ms = LOOK_MS;
	}
	ev_timer_at(&w->retry, next_ms == EV_NEVER ? EV_NEVER : ev_now_ms(l->loop) + next_ms);
}

void wishes_proxies_unknown(struct link *l)
{
	for (size_t i = 0; i < l->wishes.n; i++)
		if (l->wishes.v[i].wish.kind == WISH_PROXY_NEIGHBOUR)
			l->wishes.v[i].there = false;
}

static void on_retry(void *arg)
{
	struct link *l = arg;

	if (!l->tells_multicast)
		wishes_proxies_unknown(l);
	wishes_settle(l);
}

/* Gone: made again when the storm is over. */
static void lose(struct link *l, struct wish_slot *s)
{
	if (!s->there)
		return;
	s->there = s->seen_there = false;
	s->lost = true;
	l->wishes.changed = true;
	link_touch(l);
}

static void add_stray(struct wishes *w, const struct prefix6 *dst, uint32_t index)
{
	if (w->n_strays < STRAYS_MAX)
		w->strays[w->n_strays++] =
			(struct wish){ .kind = WISH_ROUTE, .dst = *dst, .index = index };
}

static bool is_wished(const struct wishes *w, const struct prefix6 *dst, uint32_t index)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].wish.kind == WISH_ROUTE && w->v[i].wish.index == index &&
		    prefix6_equal(&w->v[i].wish.dst, dst))
			return true;
	return false;
}

void wishes_on_route(struct link *l, const struct prefix6 *dst, uint32_t index, uint8_t proto,
		     bool gone)
{
	if (index && index == l->wishes.tidied && !gone && proto == LINK_PROTO_OURS &&
	    !is_wished(&l->wishes, dst, index))
		add_stray(&l->wishes, dst, index);
	for (size_t i = 0; i < l->wishes.n; i++) {
		struct wish_slot *s = &l->wishes.v[i];

		if (s->wish.kind != WISH_ROUTE || !prefix6_equal(&s->wish.dst, dst))
			continue;
		if (s->wish.index != index) {
			/* perhaps it took the place of ours */
			if (!gone && s->there && proto != LINK_PROTO_OURS) {
				l->reread |= is_v4(&s->wish) ? LINK_REREAD_V4 : LINK_REREAD_V6;
				link_touch(l);
			}
		} else if (gone) {
			lose(l, s);
		} else {
			s->there = true;
			s->ours = proto == LINK_PROTO_OURS;
			if (!s->seen_there) /* somebody else's repair */
				link_touch(l);
		}
	}
}

void wishes_routes_unknown(struct link *l, bool v4)
{
	for (size_t i = 0; i < l->wishes.n; i++)
		if (l->wishes.v[i].wish.kind == WISH_ROUTE && is_v4(&l->wishes.v[i].wish) == v4)
			l->wishes.v[i].there = false;
}

void wishes_on_link(struct link *l, uint32_t index, bool up)
{
	for (size_t i = 0; i < l->wishes.n; i++)
		if (!up && l->wishes.v[i].wish.index == index)
			lose(l, &l->wishes.v[i]);
}

void wishes_on_neighbour_gone(struct link *l, uint32_t index, const struct in6_addr *addr)
{
	for (size_t i = 0; i < l->wishes.n; i++) {
		struct wish_slot *s = &l->wishes.v[i];

		if (s->wish.kind == WISH_NEIGHBOUR && s->wish.index == index &&
		    addr_equal(&s->wish.dst.addr, addr))
			lose(l, s);
	}
}

/* A proxy neighbour makes its link a member of the solicited-node multicast group
 * (RFC 4291 2.7.1): that is how its going is heard of. */
void wishes_on_group_left(struct link *l, uint32_t index, const struct in6_addr *group)
{
	static const uint8_t solicited[13] = { 0xff, 2, [11] = 1, [12] = 0xff };

	if (memcmp(group, solicited, sizeof solicited) != 0)
		return;
	for (size_t i = 0; i < l->wishes.n; i++) {
		struct wish_slot *s = &l->wishes.v[i];

		if (s->wish.kind == WISH_PROXY_NEIGHBOUR && s->wish.index == index &&
		    memcmp(&group->s6_addr[13], &s->wish.dst.addr.s6_addr[13], 3) == 0)
			lose(l, s);
	}
}

void wishes_on_proxy_off(struct link *l, uint32_t index)
{
	for (size_t i = 0; i < l->wishes.n; i++) {
		struct wish_slot *s = &l->wishes.v[i];

		if (s->wish.kind == WISH_PROXY_NEIGHBOUR && s->wish.index == index)
			lose(l, s);
	}
}

static bool same_wish(const struct wish *a, const struct wish *b)
{
	return a->kind == b->kind && a->index == b->index && prefix6_equal(&a->dst, &b->dst) &&
	       addr_equal(&a->via, &b->via);
}

static bool is_among(const struct wish *w, const struct wish *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (same_wish(w, &list[i]))
			return true;
	return false;
}

/* Lets go of an owner's wishes that are not among the n listed. */
static void prune(struct link *l, const char *owner, const struct wish *list, size_t n,
		  bool leave)
{
	struct wishes *w = &l->wishes;
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++) {
		if (strcmp(w->v[i].owner, owner) != 0 || is_among(&w->v[i].wish, list, n))
			w->v[kept++] = w->v[i];
		else if (!leave)
			take_away(l, &w->v[i]);
	}
	w->n = kept;
}

static bool has(const struct wishes *w, const char *owner, const struct wish *wish)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i].owner, owner) == 0 && same_wish(&w->v[i].wish, wish))
			return true;
	return false;
}

static bool add(struct wishes *w, const char *owner, const struct wish *wish)
{
	if (w->n == w->room) {
		size_t room = w->room ? w->room * 2 : 8;
		struct wish_slot *v = reallocarray(w->v, room, sizeof *v);

		if (!v)
			return false;
		w->v = v;
		w->room = room;
	}
	w->v[w->n++] = (struct wish_slot){ .wish = *wish, .owner = owner };
	return true;
}

void link_wish(struct link *l, const char *owner, const struct wish *list, size_t n)
{
	link_catch_up(l); /* a link made just now */
	prune(l, owner, list, n, false);
	for (size_t i = 0; i < n; i++)
		if (!has(&l->wishes, owner, &list[i]) && !add(&l->wishes, owner, &list[i]))
			log_error("route for %s: %s", list[i].what, strerror(ENOMEM));
	wishes_settle(l);
}

void link_tidy(struct link *l, uint32_t index)
{
	struct wishes *w = &l->wishes;

	w->strays = calloc(STRAYS_MAX, sizeof *w->strays);
	if (!w->strays)
		return;
	w->tidied = index;
	link_read_routes(l, true);
	link_read_routes(l, false);
	w->tidied = 0;
	for (size_t i = 0; i < w->n_strays; i++)
		link_request(l, route_message(&w->strays[i], RTM_DELROUTE, 0), NULL);
	free(w->strays);
	w->strays = NULL;
	w->n_strays = 0;
}

void link_forget(struct link *l, const char *owner)
{
	prune(l, owner, NULL, 0, true);
}

void link_unmet(const struct link *l, const char *owner, struct reasons *r)
{
	char why[sizeof r->v->text];

	for (size_t i = 0; i < l->wishes.n; i++) {
		const struct wish_slot *s = &l->wishes.v[i];

		if (s->there || strcmp(s->owner, owner) != 0)
			continue;
		describe(l, s, why, sizeof why);
		reasons_add(r, EVENT_ROUTE_MISSING, "%s", why);
	}
}

void wishes_init(struct link *l)
{
	ev_timer_init(&l->wishes.retry, l->loop, on_retry, l);
}

void wishes_done(struct link *l)
{
	for (size_t i = 0; i < l->wishes.n; i++)
		take_away(l, &l->wishes.v[i]);
	free(l->wishes.v);
	ev_timer_stop(&l->wishes.retry);
}
