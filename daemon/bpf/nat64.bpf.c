/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nat64.bpf.c - the fast path: at the egress hook of our TUN device, turns ordinary packets of
 * pairs that the daemon has told, and hands them to the device's ingress, as if the daemon had
 * written them.  Whatever is not ordinary goes on into the TUN, and the daemon decides.
 *
 * RFC 7915 4.1, 4.5, 5.1, 5.5.  Everything is checked before the packet is touched.
 */
#include "nat64_maps.h"

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IP4_LEN  20
#define IP6_LEN  40
#define UDP_LEN  8
#define TCP_LEN  20
#define TCP_DOFF 12
#define TCP_CSUM 16
#define UDP_CSUM 6
#define TCP      6
#define UDP      17
#define DF       0x4000
#define FRAGMENT 0x3fff /* MF and the offset */
#define DF_ABOVE 1260   /* RFC 7915 5.1 */

/* Another program at this hook may have its say. */
#define PASS TC_ACT_UNSPEC

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fast_conf);
} conf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct fast_key6);
	__type(value, struct fast_pair6);
} pairs6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct fast_key4);
	__type(value, struct fast_pair4);
} pairs4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fast_usage);
} usage SEC(".maps");

struct udp {
	__be16 ports[2];
	__be16 len;
	__u16 csum;
};

/* The transport header's first bytes come along; of TCP they are not looked at. */
struct packet6 {
	__be32 first; /* version, traffic class, flow label */
	__be16 len;
	__u8 proto, hops;
	struct fast_key6 pair;
	struct udp udp;
};

struct packet4 {
	__u8 version, tos;
	__be16 len;
	__be16 id, frag;
	__u8 ttl, proto;
	__u16 csum;
	struct fast_key4 pair;
	struct udp udp;
};

/* What lies behind the IP header. */
struct payload {
	__u8 proto;
	__u32 at;    /* offset of it */
	__u32 len;   /* of all of it */
	__u32 wire;  /* of the longest packet on the wire; 0: not ordinary */
	__u32 count; /* of such packets */
	__u32 head;  /* of TCP, that each of several packets has */
};

/* RFC 7915 4.5: a checksum that is not there has to be computed, or the packet dropped. */
static __always_inline bool is_ordinary_udp(const struct __sk_buff *skb, const struct udp *udp,
					    __u32 len)
{
	return !skb->gso_size && len >= UDP_LEN && bpf_ntohs(udp->len) == len && udp->csum;
}

static __always_inline void measure_tcp(struct __sk_buff *skb, struct payload *p)
{
	__u32 size = skb->gso_size;
	__u8 doff;

	if (p->len < TCP_LEN || bpf_skb_load_bytes(skb, p->at + TCP_DOFF, &doff, 1))
		return;
	p->head = (doff >> 4) * 4;
	if (p->head < TCP_LEN || p->head > p->len)
		return;
	p->wire = p->len;
	if (!size || p->head + size >= p->len)
		return;
	p->wire = p->head + size;
	p->count = (p->len - p->head + size - 1) / size;
}

static __always_inline void measure(struct __sk_buff *skb, const struct udp *udp,
				    struct payload *p)
{
	p->count = 1;
	p->wire = p->head = 0;
	if (p->proto == TCP)
		measure_tcp(skb, p);
	else if (p->proto == UDP && is_ordinary_udp(skb, udp, p->len))
		p->wire = p->len;
}

static __always_inline bool is_valid(const struct fast_conf *c, const struct fast_base *base)
{
	__u32 slot = base->slot, *generation;

	if (base->epoch != c->epoch)
		return false;
	generation = bpf_map_lookup_elem(&slots, &slot);
	return generation && *generation == base->generation;
}

static __always_inline void count(const struct fast_base *base, int way, __u32 header,
				  const struct payload *p)
{
	__u32 slot = base->slot;
	struct fast_usage *u = bpf_map_lookup_elem(&usage, &slot);

	if (!u)
		return;
	u->packets[way] += p->count;
	u->bytes[way] += header + p->len + (p->count - 1) * (header + p->head);
	u->used_ns = bpf_ktime_get_coarse_ns();
}

static __always_inline __u32 sum_of(const struct packet4 *h)
{
	const __u16 *w = (const __u16 *)h;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < IP4_LEN / 2; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The new header is there: checksum by difference, so that a wrong one stays wrong (RFC 7915
 * 4.5, 5.5), and back to where packets come in. */
static __always_inline int finish(struct __sk_buff *skb, const struct fast_base *base,
				  __u32 header, __u8 proto)
{
	__u64 flags = BPF_F_PSEUDO_HDR | (proto == UDP ? BPF_F_MARK_MANGLED_0 : 0);

	if (bpf_l4_csum_replace(skb, header + (proto == UDP ? UDP_CSUM : TCP_CSUM), 0,
				base->delta, flags))
		return TC_ACT_SHOT;
	skb->mark = 0; /* as of a packet that a process has written */
	return bpf_redirect(skb->ifindex, BPF_F_INGRESS);
}

static __always_inline int to_v4(struct __sk_buff *skb, const struct packet6 *h,
				 const struct payload *p, const struct fast_pair6 *pair)
{
	struct fast_base base = pair->base;
	bool df = IP4_LEN + p->wire > DF_ABOVE;
	struct packet4 out = {
		.version = 0x45,
		.tos = bpf_ntohl(h->first) >> 20,
		.len = bpf_htons(IP4_LEN + p->len),
		.id = bpf_get_prandom_u32(),
		.frag = df ? bpf_htons(DF) : 0,
		.ttl = h->hops - 1,
		.proto = p->proto,
		.pair = pair->to,
	};

	out.csum = ~sum_of(&out);
	if (bpf_skb_change_proto(skb, bpf_htons(ETH_P_IP), 0))
		return TC_ACT_SHOT;
	if (bpf_skb_store_bytes(skb, 0, &out, IP4_LEN, 0))
		return TC_ACT_SHOT;
	count(&base, 0, IP6_LEN, p);
	return finish(skb, &base, IP4_LEN, p->proto);
}

static __always_inline int from6(struct __sk_buff *skb, const struct fast_conf *c)
{
	struct payload p = { .at = IP6_LEN };
	const struct fast_pair6 *pair;
	struct packet6 h;

	if (bpf_skb_load_bytes(skb, 0, &h, sizeof h))
		return PASS;
	p.proto = h.proto;
	p.len = bpf_ntohs(h.len);
	if (bpf_ntohl(h.first) >> 28 != 6 || h.hops <= 1 || IP6_LEN + p.len != skb->len ||
	    IP4_LEN + p.len > 65535)
		return PASS;
	pair = bpf_map_lookup_elem(&pairs6, &h.pair);
	if (!pair || !is_valid(c, &pair->base))
		return PASS;
	measure(skb, &h.udp, &p);
	if (!p.wire || IP4_LEN + p.wire > c->mtu)
		return PASS;
	return to_v4(skb, &h, &p, pair);
}

static __always_inline int to_v6(struct __sk_buff *skb, const struct packet4 *h,
				 const struct payload *p, const struct fast_pair4 *pair)
{
	struct fast_base base = pair->base;
	struct packet6 out = {
		.first = bpf_htonl(6u << 28 | (__u32)h->tos << 20),
		.len = bpf_htons(p->len),
		.proto = p->proto,
		.hops = h->ttl - 1,
		.pair = pair->to,
	};

	if (bpf_skb_change_proto(skb, bpf_htons(ETH_P_IPV6), 0))
		return TC_ACT_SHOT;
	if (bpf_skb_store_bytes(skb, 0, &out, IP6_LEN, 0))
		return TC_ACT_SHOT;
	count(&base, 1, IP4_LEN, p);
	return finish(skb, &base, IP6_LEN, p->proto);
}

static __always_inline int from4(struct __sk_buff *skb, const struct fast_conf *c)
{
	struct payload p = { .at = IP4_LEN };
	const struct fast_pair4 *pair;
	__u32 limit = c->mtu, small = c->fragment_mtu;
	struct packet4 h;

	barrier_var(
		small); /* else a sum with a pointer, which takes more rights than we have */
	if (bpf_skb_load_bytes(skb, 0, &h, sizeof h))
		return PASS;
	p.proto = h.proto;
	p.len = bpf_ntohs(h.len) - IP4_LEN;
	if (!(h.frag & bpf_htons(DF)))
		limit = small;
	if (h.version != 0x45 || h.ttl <= 1 || h.frag & bpf_htons(FRAGMENT) ||
	    IP4_LEN + p.len != skb->len || sum_of(&h) != 0xffff)
		return PASS;
	pair = bpf_map_lookup_elem(&pairs4, &h.pair);
	if (!pair || !is_valid(c, &pair->base))
		return PASS;
	measure(skb, &h.udp, &p);
	if (!p.wire || IP6_LEN + p.wire > limit)
		return PASS;
	return to_v6(skb, &h, &p, pair);
}

SEC("tc")
int v6gwd(struct __sk_buff *skb)
{
	__u32 zero = 0;
	const struct fast_conf *c = bpf_map_lookup_elem(&conf, &zero);

	if (c && skb->protocol == bpf_htons(ETH_P_IPV6))
		return from6(skb, c);
	if (c && skb->protocol == bpf_htons(ETH_P_IP))
		return from4(skb, c);
	return PASS;
}

char licence[] SEC("license") = "GPL";
