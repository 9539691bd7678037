/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_nat64_report.c - what the NAT64 plane says of itself: health, status, counters. */
#include "plane_nat64.h"
#include "plane_nat64_priv.h"

#include "report.h"

#include <errno.h>
#include <string.h>

bool plane_nat64_masquerades(const struct plane_nat64 *p)
{
	return p->eff && p->eff->nat64.enabled && p->eff->nat64.n_pools &&
	       p->eff->config->nat64.masquerade != CONFIG_MASQUERADE_OFF;
}

static void tell_masquerade(const struct plane_nat64 *p, struct reasons *r)
{
	int error = p->nft ? nft_error(p->nft) : -EPROTONOSUPPORT;

	if (!plane_nat64_masquerades(p) || (p->nft && nft_present(p->nft)))
		return;
	if (error == -EPERM)
		reasons_add(r, EVENT_MASQUERADE_MISSING,
			    "the pool is not masqueraded: table ip v6gwd belongs to another "
			    "process "
			    "(nft list table ip v6gwd), or CAP_NET_ADMIN is missing");
	else
		reasons_add(
			r, EVENT_MASQUERADE_MISSING,
			"the pool is not masqueraded (%s): modprobe nft_masq nft_chain_nat, or "
			"nat64.masquerade = \"off\" and a rule of your own",
			error ? strerror(-error) : "table ip v6gwd is being put back");
}

static const char *remedy_of(int error)
{
	switch (-error) {
	case ENOSPC:
	case EDQUOT:
		return "make room there";
	case ENOENT:
	case ENOTDIR:
		return "make it (install -d -m 700 -o v6gwd)";
	case EACCES:
	case EPERM:
	case EROFS:
		return "let the user that v6gwd runs as write there";
	default:
		return "see to its file system";
	}
}

static void tell_leases(const struct plane_nat64 *p, struct reasons *r)
{
	int error = p->leases ? lease_file_error(p->leases) : 0;

	if (error)
		reasons_add(r, EVENT_LEASES_UNSAVED, "mappings are not saved, %.100s: %s: %s",
			    lease_file_dir(p->leases), strerror(-error), remedy_of(error));
}

static void tell_pool(const struct plane_nat64 *p, struct reasons *r)
{
	if (p->full)
		reasons_add(r, EVENT_POOL_FULL,
			    "nat64.dynamic_pool is full, guests are refused: make it larger, "
			    "or max_mappings_per_guest or lease_lifetime smaller (v6gwctl "
			    "mappings shows who has them)");
}

static void tell_fast(const struct plane_nat64 *p, struct reasons *r)
{
	const char *why = p->cache ? nat64_cache_why(p->cache) : NULL;

	if (why && p->tun && p->eff->config->nat64.fastpath == CONFIG_ON)
		reasons_add(r, EVENT_FASTPATH_OFF, "no fast path: %s", why);
}

static void tell_guests(const struct plane_nat64 *p, struct reasons *r)
{
	int error = p->guests ? nft_guests_error(p->guests) : -ENOMEM;

	if (p->guests && nft_guests_present(p->guests))
		return;
	reasons_add(r, EVENT_GUEST_LIMIT_WEAK,
		    "nat64.max_mappings_per_guest holds only for guests that answer neighbour "
		    "discovery (table ip6 v6gwd: %s): %s",
		    error ? strerror(-error) : "being put back",
		    error == -EPERM ? "it belongs to another process (nft list tables), or "
				      "CAP_NET_ADMIN is missing"
		    : error         ? "modprobe nf_tables"
				    : "nothing is to be done");
}

bool plane_nat64_health(const void *plane, struct reasons *r)
{
	const struct plane_nat64 *p = plane;

	if (!p->eff || !p->eff->nat64.enabled)
		return false;
	if (!p->tun)
		reasons_add(r, EVENT_TUN_MISSING,
			    "TUN device %s is missing (%s): being made again",
			    p->eff->config->nat64.device,
			    p->tun_error ? strerror(-p->tun_error) : "removed");
	else
		link_unmet(p->env.link, "nat64", r);
	tell_masquerade(p, r);
	tell_pool(p, r);
	tell_leases(p, r);
	tell_guests(p, r);
	tell_fast(p, r);
	return p->tun;
}

static void report_addresses(const struct plane_nat64 *p, struct report *r)
{
	const struct eff_nat64 *e = &p->eff->nat64;
	const struct pref64 *pref = &p->eff->config->nat64.prefix;
	const struct prefix6 prefix = { pref->prefix, pref->len };
	char text[ADDR_TEXT_LEN];

	report_text(r, "prefix", prefix_text(&prefix, text));
	if (e->ipv4_address.s_addr)
		report_text(r, "ipv4_address", addr4_text(e->ipv4_address, text));
	else
		report_null(r, "ipv4_address");
	if (!addr_is_unspecified(&e->ipv6_address))
		report_text(r, "ipv6_address", pref64_text(pref, &e->ipv6_address, text));
	else
		report_null(r, "ipv6_address");
}

static void report_pools(const struct plane_nat64 *p, struct report *r)
{
	char text[ADDR_TEXT_LEN];

	report_list(r, "pool");
	for (size_t i = 0; i < p->eff->nat64.n_pools; i++) {
		uint32_t used, size;

		nat64_pool_usage(p->engine, i, &used, &size);
		report_object(r, NULL);
		report_text(r, "network", prefix4_text(&p->eff->nat64.pools[i], text));
		report_number(r, "size", size);
		report_number(r, "used", used);
		report_end(r);
	}
	report_end(r);
}

static void report_mappings(const struct plane_nat64 *p, struct report *r)
{
	struct nat64_usage usage;

	nat64_usage(p->engine, &usage);
	report_object(r, "mappings");
	report_number(r, "active", usage.active);
	report_number(r, "dormant", usage.dormant);
	report_number(r, "static", usage.fixed);
	report_end(r);
}

static void report_masquerade(const struct plane_nat64 *p, struct report *r)
{
	const struct config_nat64 *c = &p->eff->config->nat64;
	char text[ADDR_TEXT_LEN];

	report_object(r, "masquerade");
	switch (c->masquerade) {
	case CONFIG_MASQUERADE_AUTO:
		report_text(r, "mode", "auto");
		break;
	case CONFIG_MASQUERADE_OFF:
		report_text(r, "mode", "off");
		break;
	case CONFIG_MASQUERADE_SOURCE:
		report_text(r, "mode", addr4_text(c->masquerade_source, text));
		break;
	}
	report_bool(r, "present", p->nft && nft_present(p->nft));
	report_bool(r, "owned", p->nft && nft_owned(p->nft));
	report_end(r);
}

static void report_packets(const struct plane_nat64 *p, struct report *r)
{
	const uint64_t *counts = nat64_counts(p->engine);
	uint64_t sums[NAT64_NOTE + 1] = { 0 };

	for (size_t i = 0; i < NAT64_REASON_COUNT; i++)
		sums[nat64_reason_texts[i].kind] += counts[i];
	report_object(r, "packets");
	report_number(r, "v6_to_v4", sums[NAT64_SIX_TO_FOUR]);
	report_number(r, "v4_to_v6", sums[NAT64_FOUR_TO_SIX]);
	report_number(r, "dropped",
		      sums[NAT64_DROPPED] + p->lost[0] + p->lost[1] + p->frames.bad);
	report_end(r);
}

static void report_offload(const struct plane_nat64 *p, struct report *r)
{
	struct tun_offload o = { .why = "the TUN device is missing" };

	if (p->tun)
		o = tun_offload(p->tun);
	report_text(r, "offload", o.tcp || o.udp ? "on" : "off");
	report_text(r, "offload_reason", o.why);
}

void plane_nat64_report(const void *plane, struct report *r)
{
	const struct plane_nat64 *p = plane;
	const char *why;

	if (!p->engine || !p->eff || !p->eff->nat64.enabled)
		return;
	nat64_cache_sync(p->cache);
	why = nat64_cache_why(p->cache);
	report_text(r, "device", p->eff->config->nat64.device);
	report_addresses(p, r);
	report_pools(p, r);
	report_mappings(p, r);
	report_offload(p, r);
	report_text(r, "fastpath", why ? "off" : "on");
	report_text(r, "fastpath_reason", why ? why : "");
	report_masquerade(p, r);
	report_packets(p, r);
}

bool plane_nat64_find(const void *plane, const struct in6_addr *guest,
		      struct nat64_mapping *out)
{
	const struct plane_nat64 *p = plane;

	return p->engine && nat64_find(p->engine, guest, out);
}

bool plane_nat64_find_ipv4(const void *plane, struct in_addr ipv4, struct in6_addr *guest)
{
	const struct plane_nat64 *p = plane;
	struct nat64_mapping m;

	for (size_t i = 0; p->engine && nat64_mapping_at(p->engine, &i, &m); i++) {
		if (m.ipv4.s_addr != ipv4.s_addr)
			continue;
		*guest = m.ipv6;
		return true;
	}
	return false;
}

void plane_nat64_look(const void *plane, const struct in6_addr *guest,
		      struct plane_nat64_look *out)
{
	const struct plane_nat64 *p = plane;
	struct nat64_usage usage;

	memset(out, 0, sizeof *out);
	out->tun_error = p->tun_error;
	if (!p->engine || !p->eff)
		return;
	out->tun = p->tun ? tun_index(p->tun) : 0;
	nat64_cache_sync(p->cache);
	link_unmet(p->env.link, plane_nat64.name, &out->unmet);
	out->masquerade_present = p->nft && nft_present(p->nft);
	out->has_mapping = plane_nat64_find(p, guest, &out->mapping);
	nat64_usage(p->engine, &usage);
	out->active = usage.active;
	for (size_t i = 0; i < p->eff->nat64.n_pools; i++) {
		uint32_t used, size;

		nat64_pool_usage(p->engine, i, &used, &size);
		out->size += size;
	}
}

#define PREFIX_SIX_TO_FOUR "nat64."
#define PREFIX_FOUR_TO_SIX "nat64."
#define PREFIX_ANSWERED    "nat64."
#define PREFIX_DROPPED     "nat64.drop."
#define PREFIX_NOTE        "nat64.icmp."

static const char *const names[NAT64_REASON_COUNT] = {
#define X(id, kind, name, text, rfc) [NAT64_##id] = PREFIX_##kind name,
	NAT64_REASONS(X)
#undef X
};

/* What became of packets at the TUN device. */
static const struct counter_text {
	const char *name, *text;
} tun_texts[] = {
	{ "nat64.drop.tun-room",
	  "translated, but the TUN device had no room for it; a frame counts once" },
	{ "nat64.drop.tun-down",
	  "translated, but the TUN device was down or gone; a frame counts once" },
	{ "nat64.drop.tun-frame", "came from the TUN device with a header that cannot be true, "
				  "or larger than any packet" },
	{ "nat64.tun-refused", "frames translated whole that the kernel did not take: cut into "
			       "packets" },
	{ "nat64.merge.frames", "made of packets of one flow, for one write" },
	{ "nat64.merge.packets", "that went to the TUN device in such a frame" },
};

#define N_TUN (sizeof tun_texts / sizeof *tun_texts)

static const struct counter_text fast_texts[] = {
	{ "nat64.fast-v6-to-v4",
	  "of those translated to IPv4, in the kernel (nat64.fastpath)" },
	{ "nat64.fast-v4-to-v6",
	  "of those translated to IPv6, in the kernel (nat64.fastpath)" },
};

bool plane_nat64_counter(const void *plane, size_t i, struct counter *out)
{
	const struct plane_nat64 *p = plane;

	if (i == 0 && p->cache)
		nat64_cache_sync(p->cache);
	if (i < NAT64_REASON_COUNT) {
		*out = (struct counter){ names[i], nat64_reason_texts[i].text,
					 nat64_reason_texts[i].rfc,
					 p->engine ? nat64_counts(p->engine)[i] : 0 };
		return true;
	}
	const struct merge_counts *merged = merge_counts(p->merge);
	const uint64_t values[] = { p->lost[0],        p->lost[1],     p->frames.bad,
				    p->frames.refused, merged->frames, merged->packets };

	i -= NAT64_REASON_COUNT;
	if (i < N_TUN) {
		*out = (struct counter){ tun_texts[i].name, tun_texts[i].text, "", values[i] };
		return true;
	}
	i -= N_TUN;
	if (i >= sizeof fast_texts / sizeof *fast_texts)
		return false;
	*out = (struct counter){ fast_texts[i].name, fast_texts[i].text, "",
				 p->cache ? nat64_cache_counts(p->cache)[i] : 0 };
	return true;
}
