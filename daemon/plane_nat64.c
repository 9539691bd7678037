/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_nat64.c - the translator at its TUN device, with what makes the kernel send packets
 * there: routes, proxy neighbour, masquerade.
 *
 * Rules of translation are in lib/nat64; here packets only go in and out.
 */
#define LOG_PLANE "nat64"

#include "plane_nat64.h"

#include "event.h"
#include "plane_nat64_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RETRY_MS   1000u
#define LOG_MS     10000u
#define LOG_LINES  200u
#define MTU_LOWEST 1280u /* of a link that carries IPv6 (RFC 8200 5) */

static const char plane_name[] = "nat64";

/* Without a gateway each destination would be a neighbour on the device, and a scan would fill
 * the kernel's table of neighbours (1,024 of all links together, as it is by default). */
static const struct in6_addr gateway = { { { 0xfe, 0x80, [15] = 0x64 } } }; /* fe80::64 */

/* Out of the engine, into the kernel. */
static void to_tun(void *arg, const uint8_t *buf, size_t len, const struct gso *gso)
{
	struct plane_nat64 *p = arg;
	int error = p->tun ? tun_write(p->tun, buf, len, gso) : -EIO;

	if (error)
		p->lost[error != -EAGAIN && error != -ENOBUFS && error != -ENOMEM]++;
}

static uint16_t on_ids(void *arg, unsigned n)
{
	struct plane_nat64 *p = arg;

	return nat64_ids(p->engine, n);
}

/* Guests are refused until an address is free, or dormant and can be taken over. */
static void look_at_pool(struct plane_nat64 *p)
{
	struct nat64_usage usage;
	uint32_t used, size, room = 0;

	if (!p->full)
		return;
	for (size_t i = 0; i < p->eff->nat64.n_pools; i++) {
		nat64_pool_usage(p->engine, i, &used, &size);
		room += size;
	}
	nat64_usage(p->engine, &usage);
	if (usage.active >= room)
		return;
	p->full = false;
	p->env.changed(p->env.gateway);
}

static void on_packet(void *arg, uint8_t *buf, size_t len, const struct gso *gso)
{
	struct plane_nat64 *p = arg;
	enum nat64_reason reason;

	if (!p->engine)
		return;
	reason = nat64_input(p->engine, buf, len, gso, ev_now_ms(p->env.loop), &p->sink);
	if (p->leases && nat64_reason_texts[reason].kind <= NAT64_FOUR_TO_SIX)
		lease_file_used(p->leases);
}

static void on_burst_end(void *arg)
{
	struct plane_nat64 *p = arg;

	merge_flush(p->merge);
	if (p->tun) {
		const struct tun_offload o = tun_offload(p->tun);

		merge_allow(p->merge, o.tcp, o.udp);
	}
	if (p->cache) /* behind what was sent before */
		nat64_cache_flush(p->cache);
	look_at_pool(p);
}

static void on_expiry(void *arg)
{
	struct plane_nat64 *p = arg;

	nat64_cache_sync(p->cache); /* else what the kernel alone has used would expire */
	nat64_tick(p->engine, ev_now_ms(p->env.loop));
	ev_timer_at(&p->expiry, nat64_next(p->engine));
	look_at_pool(p);
}

/* A guest is the link-layer address that its packet came with, else the one that the kernel
 * knows; behind another router, its /64.  That too for who sends with the address of nobody,
 * which would be the key of the unknown, who have no limit.  What comes from one of our links
 * was noted, unless it waited for so long that the note is gone. */
static uint64_t guest_of(void *arg, const struct in6_addr *addr)
{
	const struct plane_nat64 *p = arg;
	bool on_link = facts_on_link(link_facts(p->env.link), addr);
	uint8_t heard[ADDR_MAC_LEN];
	const uint8_t *mac = NULL;

	if (on_link && p->guests && nft_guests_find(p->guests, addr, heard)) {
		if (!nat64_guest_mac(heard))
			return nat64_guest_net(addr);
		mac = heard;
	}
	if (!mac)
		mac = link_neighbour(p->env.link, 0, addr);
	if (mac)
		return nat64_guest_mac(mac);
	if (!on_link)
		return nat64_guest_net(addr);
	return p->guests && nft_guests_present(p->guests) &&
			       facts_is_neighbour(link_facts(p->env.link), addr)
		       ? NAT64_GUEST_LATER
		       : 0;
}

static void on_full(struct plane_nat64 *p, const struct in6_addr *ipv6)
{
	char v6[ADDR_TEXT_LEN];
	const struct log_fields fields = { .client = addr_text(ipv6, v6) };

	event_tell(EVENT_POOL_FULL, &fields,
		   "no address for %s: nat64.dynamic_pool is full (v6gwctl status)", v6);
	p->full = true;
	p->env.changed(p->env.gateway);
}

/* A guest may change its addresses as it likes: so many lines in LOG_MS, then how many more
 * there were. */
static bool may_log(struct plane_nat64 *p)
{
	if (p->logged == 0)
		ev_timer_at(&p->log_end, ev_now_ms(p->env.loop) + LOG_MS);
	return p->logged++ < LOG_LINES;
}

static void on_log_end(void *arg)
{
	struct plane_nat64 *p = arg;

	if (p->logged > LOG_LINES)
		log_info("%" PRIu64 " more mappings were made or ended in %u s: not logged one "
			 "by one (v6gwctl monitor shows all)",
			 p->logged - LOG_LINES, LOG_MS / 1000);
	p->logged = 0;
}

static void tell_mapping(struct plane_nat64 *p, const struct nat64_event *e, bool log)
{
	static const struct {
		enum event event;
		const char *text;
	} kinds[] = {
		[NAT64_MAPPING_MADE] = { EVENT_MAPPING_MADE, "made" },
		[NAT64_MAPPING_MOVED] = { EVENT_MAPPING_MOVED, "moved" },
		[NAT64_MAPPING_ENDED] = { EVENT_MAPPING_ENDED, "ended" },
	};
	char v6[ADDR_TEXT_LEN], v4[ADDR_TEXT_LEN], mac_string[ADDR_TEXT_LEN];
	uint8_t mac[ADDR_MAC_LEN];
	bool has_mac = e->kind != NAT64_MAPPING_ENDED &&
		       nat64_guest_is_mac(guest_of(p, &e->ipv6), mac);

	const struct log_fields fields = { .client = addr_text(&e->ipv6, v6),
					   .ipv4 = addr4_text(e->ipv4, v4),
					   .mac = has_mac ? mac_text(mac, mac_string) : NULL };

	(log ? event_tell : event_show)(kinds[e->kind].event, &fields, "mapping %s - %s %s%s%s",
					v6, v4, kinds[e->kind].text, has_mac ? " for " : "",
					has_mac ? mac_string : "");
}

static void on_event(void *arg, const struct nat64_event *e)
{
	struct plane_nat64 *p = arg;

	if (e->kind == NAT64_POOL_FULL) {
		on_full(p, &e->ipv6);
		return;
	}
	bool log = p->eff && p->eff->config->nat64.log_mappings && may_log(p);
	if (log || event_wanted(EVENT_MAPPING_MADE))
		tell_mapping(p, e, log);
	/* A new lease may be the first to expire. */
	if (p->engine)
		ev_timer_at(&p->expiry, nat64_next(p->engine));
	if (p->leases)
		lease_file_changed(p->leases);
}

/* Who is no client is no better than one who made his address up. */
static bool is_known(void *arg, const struct in6_addr *addr)
{
	const struct plane_nat64 *p = arg;

	return link_neighbour(p->env.link, 0, addr) ||
	       (!facts_on_link(link_facts(p->env.link), addr) &&
		acl_allows(&p->eff->nat64.clients, addr, NULL));
}

static struct nat64 *new_engine(struct plane_nat64 *p, const struct nat64_conf *conf)
{
	uint8_t random[32];
	struct nat64 *engine;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return NULL;
	engine = nat64_new(conf, random, on_event, p);
	if (engine) {
		nat64_set_guests(engine, guest_of, p);
		nat64_set_neighbours(engine, is_known, p);
	}
	return engine;
}

/* The MTU as the administrator set it on the device, once ours is configured. */
static uint32_t mtu_of(const struct plane_nat64 *p, const struct effective *eff)
{
	const struct fact_link *link =
		p->tun ? facts_link_at(link_facts(p->env.link), tun_index(p->tun)) : NULL;

	if (!link || link->mtu < MTU_LOWEST || p->mtu != eff->config->nat64.mtu)
		return eff->config->nat64.mtu;
	return link->mtu;
}

/* Does the list hold a network of which dst is part? */
static bool is_covered(const struct wish *list, size_t n, const struct prefix6 *dst)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].kind == WISH_ROUTE && list[i].dst.len <= dst->len &&
		    prefix6_has(&list[i].dst, &dst->addr))
			return true;
	return false;
}

static void add_route(struct wish *list, size_t *n, const struct prefix6 *dst, uint32_t index,
		      const char *what)
{
	bool v4 = dst->len >= 96 && addr_is_v4(&dst->addr);

	if (!is_covered(list, *n, dst))
		list[(*n)++] = (struct wish){ .kind = WISH_ROUTE,
					      .dst = *dst,
					      .index = index,
					      .what = what,
					      .via = v4 ? in6addr_any : gateway };
}

static struct prefix6 mapped(const struct prefix4 *net)
{
	return (struct prefix6){ addr_mapped(net->addr), (uint8_t)(net->len + 96) };
}

/* Everything that is to reach the translator: the prefix, the pools, and what lies outside. */
static size_t list_wishes(const struct plane_nat64 *p, struct wish *list)
{
	const struct eff_nat64 *e = &p->eff->nat64;
	const struct config_nat64 *c = &p->eff->config->nat64;
	const struct prefix6 own4 = { addr_mapped(e->ipv4_address), 128 };
	const struct prefix6 own6 = { e->ipv6_address, 128 };
	const struct prefix6 prefix = { c->prefix.prefix, c->prefix.len };
	uint32_t index = tun_index(p->tun);
	size_t n = 0;

	list[n++] = (struct wish){ .kind = WISH_NEIGHBOUR,
				   .dst = { gateway, 128 },
				   .index = index,
				   .what = "the routes' gateway" };
	add_route(list, &n, &prefix, index, "the NAT64 prefix");
	for (size_t i = 0; i < e->n_pools; i++) {
		struct prefix6 pool = mapped(&e->pools[i]);

		add_route(list, &n, &pool, index, "the pool");
	}
	for (size_t i = 0; i < c->n_maps; i++) {
		struct prefix6 map = mapped(&c->maps[i].ipv4);

		add_route(list, &n, &map, index, "a fixed map");
	}
	if (e->ipv4_address.s_addr)
		add_route(list, &n, &own4, index, "the translator's IPv4 address");
	if (addr_is_unspecified(&e->ipv6_address))
		return n;
	add_route(list, &n, &own6, index, "the translator's IPv6 address");
	if (e->proxy_index)
		list[n++] = (struct wish){ .kind = WISH_PROXY_NEIGHBOUR,
					   .dst = own6,
					   .index = e->proxy_index,
					   .what = "the translator's IPv6 address" };
	return n;
}

static void make_wishes(struct plane_nat64 *p)
{
	size_t room = p->eff->nat64.n_pools + p->eff->config->nat64.n_maps + 5;
	struct wish *list = calloc(room, sizeof *list);

	if (!list) {
		log_error("routes: %s", strerror(ENOMEM));
		return;
	}
	link_wish(p->env.link, plane_name, list, list_wishes(p, list));
	free(list);
}

static void tell_changed(void *arg)
{
	struct plane_nat64 *p = arg;

	p->env.changed(p->env.gateway);
}

static void make_masquerade(struct plane_nat64 *p)
{
	const struct config_nat64 *c = &p->eff->config->nat64;
	const struct nft_masquerade want = { p->eff->nat64.pools, p->eff->nat64.n_pools,
					     c->device,
					     c->masquerade == CONFIG_MASQUERADE_SOURCE,
					     c->masquerade_source };

	if (!plane_nat64_masquerades(p)) {
		nft_close(p->nft, false);
		p->nft = NULL;
		return;
	}
	if (!p->nft)
		p->nft = nft_open(p->env.loop, tell_changed, p);
	if (p->nft)
		nft_masquerade(p->nft, &want);
}

static void make_guests(struct plane_nat64 *p)
{
	const char *device = p->eff->config->nat64.device;

	if (p->guests && strcmp(nft_guests_device(p->guests), device) == 0)
		return;
	nft_guests_close(p->guests, false);
	p->guests = nft_guests_open(p->env.loop, device, tell_changed, p);
}

static void on_used(void *arg)
{
	struct plane_nat64 *p = arg;

	if (p->leases)
		lease_file_used(p->leases);
}

/* Once device and engine are as they shall be. */
static void make_fast(struct plane_nat64 *p)
{
	nat64_cache_use(p->cache, p->engine, nat64_setup_conf(p->setup),
			p->tun ? tun_index(p->tun) : 0, p->eff->config->nat64.fastpath);
}

/* Up, without addresses of the kernel's.  What fails is said by those who need the device. */
static void configure_tun(struct plane_nat64 *p)
{
	uint32_t mtu = p->mtu == p->eff->config->nat64.mtu ? mtu_of(p, p->eff)
							   : p->eff->config->nat64.mtu;
	int error = link_no_link_local(p->env.link, tun_index(p->tun));

	if (error && error != -EAFNOSUPPORT)
		log_warning("%s: no addr_gen_mode none: %s", tun_name(p->tun),
			    strerror(-error));
	tun_set_offload(p->tun, p->eff->config->nat64.offload != CONFIG_OFF);
	error = tun_configure(p->tun, mtu);
	if (error)
		log_warning("%s: %s", tun_name(p->tun), strerror(-error));
	p->mtu = p->eff->config->nat64.mtu;
}

/* The descriptor of a device that was deleted is of no use any more.  The others need not know
 * when the next one is there at once. */
static void on_lost(void *arg)
{
	struct plane_nat64 *p = arg;

	event_tell(EVENT_TUN_LOST, NULL, "TUN device %s was removed: making it again",
		   tun_name(p->tun));
	tun_close(p->tun, false);
	p->tun = NULL;
	merge_flush(p->merge);
	p->tun_error = 0;
	make_fast(p);
	ev_timer_at(&p->repair, ev_now_ms(p->env.loop));
}

/* One process alone reads the device; the kernel would let several share a multi_queue one. */
static int open_tun(struct plane_nat64 *p, const char *name, struct tun **out)
{
	const struct tun_user user = { on_packet, on_burst_end, on_lost, p, &p->frames };
	struct tun *t;
	int error = tun_open(p->env.loop, name, &user, &t);

	if (error)
		return error;
	if (link_tun_queues(p->env.link, tun_index(t)) > 1) {
		tun_close(t, false);
		return -EBUSY;
	}
	*out = t;
	return 0;
}

static void on_repair(void *arg)
{
	struct plane_nat64 *p = arg;
	const char *name = p->eff->config->nat64.device;
	int error = open_tun(p, name, &p->tun);

	if (error && error != p->tun_error)
		tun_complain(name, error);
	p->tun_error = error;
	if (error) {
		ev_timer_at(&p->repair, ev_now_ms(p->env.loop) + RETRY_MS);
	} else {
		configure_tun(p);
		make_wishes(p);
		make_fast(p);
	}
	tell_changed(p);
}

/* The engine follows the device's MTU. */
static void follow_mtu(struct plane_nat64 *p)
{
	struct nat64_setup *next = nat64_setup_new(p->eff, mtu_of(p, p->eff));

	if (next && !nat64_setup_equal(next, p->setup) &&
	    nat64_prepare(p->engine, nat64_setup_conf(next))) {
		nat64_cache_sync(p->cache);
		nat64_settle(p->engine, true, ev_now_ms(p->env.loop));
		nat64_setup_free(p->setup);
		p->setup = next;
		next = NULL;
	}
	nat64_setup_free(next);
}

static bool has_link_local(const struct plane_nat64 *p)
{
	const struct facts *f = link_facts(p->env.link);

	for (size_t i = 0; i < f->n_addrs; i++)
		if (f->addrs[i].index == tun_index(p->tun) &&
		    addr_is_link_local(&f->addrs[i].addr))
			return true;
	return false;
}

static void on_link_changed(void *arg)
{
	struct plane_nat64 *p = arg;
	const struct fact_link *link;

	if (!p->engine || !p->tun)
		return;
	link = facts_link_at(link_facts(p->env.link), tun_index(p->tun));
	if (link && (!link->up || link->mtu < MTU_LOWEST)) {
		event_tell(EVENT_TUN_LOST, NULL, "TUN device %s %s: set back", link->name,
			   link->up ? "got an MTU that IPv6 cannot have" : "was set down");
		configure_tun(p);
	} else if (has_link_local(p)) {
		link_no_link_local(p->env.link, tun_index(p->tun));
	}
	follow_mtu(p);
}

static void *start(const struct plane_env *env)
{
	struct plane_nat64 *p = calloc(1, sizeof *p);
	const struct nat64_sink out = { to_tun, p };

	if (!p)
		return NULL;
	p->merge = merge_new(&out, on_ids, p);
	if (!p->merge) {
		free(p);
		return NULL;
	}
	p->env = *env;
	p->sink = (struct nat64_sink){ merge_packet, p->merge };
	p->watch = (struct link_watch){ .fn = on_link_changed, .arg = p };
	link_watch(env->link, &p->watch);
	ev_timer_init(&p->expiry, env->loop, on_expiry, p);
	ev_timer_init(&p->repair, env->loop, on_repair, p);
	ev_timer_init(&p->log_end, env->loop, on_log_end, p);
	return p;
}

/* Is the device of next the one that is open, or being made again? */
static bool has_device(const struct plane_nat64 *p, const struct effective *next)
{
	return p->engine &&
	       strcmp(p->eff->config->nat64.device, next->config->nat64.device) == 0;
}

static bool prepare_cache(struct plane_nat64 *p)
{
	const struct nat64_cache_user user = { fastpath_class(), on_used, tell_changed, p };

	if (!p->cache)
		p->cache = nat64_cache_new(p->env.loop, &user);
	return p->cache;
}

static int prepare_engine(struct plane_nat64 *p, const struct effective *next)
{
	if (!prepare_cache(p))
		return -ENOMEM;
	p->next_setup = nat64_setup_new(next, mtu_of(p, next));
	if (!p->next_setup)
		return -ENOMEM;
	if (!p->engine) {
		p->next_engine = new_engine(p, nat64_setup_conf(p->next_setup));
		return p->next_engine ? 0 : -ENOMEM;
	}
	if (nat64_setup_equal(p->setup, p->next_setup))
		return 0;
	p->prepared = nat64_prepare(p->engine, nat64_setup_conf(p->next_setup));
	return p->prepared ? 0 : -ENOMEM;
}

static void drop_prepared(struct plane_nat64 *p)
{
	if (p->prepared)
		nat64_settle(p->engine, false, ev_now_ms(p->env.loop));
	p->prepared = false;
	nat64_free(p->next_engine);
	p->next_engine = NULL;
	nat64_setup_free(p->next_setup);
	p->next_setup = NULL;
	tun_close(p->next_tun, false);
	p->next_tun = NULL;
}

static int prepare(void *plane, const struct effective *next)
{
	struct plane_nat64 *p = plane;
	int error;

	drop_prepared(p);
	p->next = next;
	if (!next->nat64.enabled)
		return 0;
	error = prepare_engine(p, next);
	if (error)
		log_error("translator: %s", strerror(-error));
	if (!error && !has_device(p, next)) {
		error = open_tun(p, next->config->nat64.device, &p->next_tun);
		if (error)
			tun_complain(next->config->nat64.device, error);
	}
	if (error)
		drop_prepared(p);
	return error;
}

static bool on_lease_at(void *arg, size_t *i, struct nat64_mapping *out)
{
	const struct plane_nat64 *p = arg;

	if (*i == 0 && p->cache)
		nat64_cache_sync(p->cache);
	return nat64_mapping_at(p->engine, i, out);
}

static bool on_restore(void *arg, const struct in6_addr *ipv6, struct in_addr ipv4,
		       uint64_t age_ms)
{
	struct plane_nat64 *p = arg;

	if (!nat64_restore(p->engine, ipv6, ipv4, age_ms, ev_now_ms(p->env.loop)))
		return false;
	ev_timer_at(&p->expiry, nat64_next(p->engine));
	return true;
}

/* What the engine remembers wins over a file; a fresh one has nothing to remember yet. */
static void keep_leases(struct plane_nat64 *p, bool fresh)
{
	const struct lease_file_ops ops = { on_lease_at, on_restore, tell_changed, p };
	const char *dir = p->eff->state_directory;

	if (p->leases && strcmp(lease_file_dir(p->leases), dir) == 0) {
		lease_file_begin_anew(p->leases);
		return;
	}
	lease_file_close(p->leases);
	p->leases = lease_file_open(p->env.loop, dir, &ops);
	if (!p->leases)
		log_error("leases: %s", strerror(ENOMEM));
	else if (fresh)
		lease_file_load(p->leases);
	else
		lease_file_changed(p->leases);
}

/* Everything off, as on the first day. */
static void take_down(struct plane_nat64 *p, enum plane_stop how)
{
	bool keep = how == PLANE_RESTART;

	ev_timer_stop(&p->expiry);
	ev_timer_stop(&p->repair);
	ev_timer_stop(&p->log_end);
	on_log_end(p);
	if (keep)
		link_forget(p->env.link, plane_name);
	else
		link_wish(p->env.link, plane_name, NULL, 0);
	if (p->cache)
		nat64_cache_sync(p->cache);
	nat64_cache_free(p->cache, keep);
	p->cache = NULL;
	nft_close(p->nft, keep);
	nft_guests_close(p->guests, keep);
	tun_close(p->tun, keep);
	lease_file_close(p->leases);
	nat64_free(p->engine);
	nat64_setup_free(p->setup);
	p->leases = NULL;
	p->nft = NULL;
	p->guests = NULL;
	p->tun = NULL;
	p->engine = NULL;
	p->setup = NULL;
	p->mtu = 0;
	p->full = false;
}

static void adopt_engine(struct plane_nat64 *p)
{
	bool fresh = p->next_engine;

	if (fresh)
		p->engine = p->next_engine;
	if (p->prepared) {
		nat64_cache_sync(p->cache);
		nat64_settle(p->engine, true, ev_now_ms(p->env.loop));
	}
	if (p->next_engine || p->prepared) {
		nat64_setup_free(p->setup);
		p->setup = p->next_setup;
	} else {
		nat64_setup_free(p->next_setup);
	}
	p->next_engine = NULL;
	p->next_setup = NULL;
	p->prepared = false;
	keep_leases(p, fresh);
	ev_timer_at(&p->expiry, nat64_next(p->engine));
	look_at_pool(p);
}

static void settle(void *plane, bool commit)
{
	struct plane_nat64 *p = plane;
	const struct effective *next = p->next;
	bool fresh = p->next_tun;

	if (!commit) {
		drop_prepared(p);
		return;
	}
	p->eff = next;
	if (!next->nat64.enabled) {
		take_down(p, PLANE_STOP);
		return;
	}
	adopt_engine(p);
	if (fresh) {
		ev_timer_stop(&p->repair);
		tun_close(p->tun, false);
		p->tun = p->next_tun;
		p->next_tun = NULL;
		p->mtu = 0;
	}
	make_guests(p); /* before anything leads guests here */
	if (p->tun && p->mtu != next->config->nat64.mtu)
		configure_tun(p);
	if (p->tun) {
		tun_set_offload(p->tun, next->config->nat64.offload != CONFIG_OFF);
		make_wishes(p);
	}
	if (fresh)
		link_tidy(p->env.link, tun_index(p->tun));
	make_fast(p);
	make_masquerade(p);
}

static void stop(void *plane, enum plane_stop how)
{
	struct plane_nat64 *p = plane;

	if (!p)
		return;
	drop_prepared(p);
	take_down(p, how);
	link_unwatch(p->env.link, &p->watch);
	merge_free(p->merge);
	free(p);
}

bool plane_nat64_mapping(const void *plane, size_t *i, struct nat64_mapping *out,
			 uint8_t mac[ADDR_MAC_LEN], bool *has_mac)
{
	const struct plane_nat64 *p = plane;
	const uint8_t *found;

	if (!p->engine)
		return false;
	if (*i == 0)
		nat64_cache_sync(p->cache);
	if (!nat64_mapping_at(p->engine, i, out))
		return false;
	++*i;
	*has_mac = nat64_guest_is_mac(out->guest, mac);
	if (out->guest)
		return true;
	found = link_neighbour(p->env.link, 0, &out->ipv6);
	*has_mac = found;
	if (found)
		memcpy(mac, found, ADDR_MAC_LEN);
	return true;
}

bool plane_nat64_drop(void *plane, const struct in6_addr *ipv6)
{
	struct plane_nat64 *p = plane;

	if (!p->engine || !nat64_drop(p->engine, ipv6, ev_now_ms(p->env.loop)))
		return false;
	look_at_pool(p);
	return true;
}

const struct plane_class plane_nat64 = {
	.name = plane_name,
	.start = start,
	.prepare = prepare,
	.settle = settle,
	.health = plane_nat64_health,
	.report = plane_nat64_report,
	.counter = plane_nat64_counter,
	.stop = stop,
};
