/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/merge.h"

#include "base/csum.h"
#include "nat64/iphdr.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS     16u
#define FRAME_MAX 65535u /* an IPv4 packet; IPv6 frames are no longer */

#define DF      0x4000u
#define TCP_PSH 0x08
#define TCP_ACK 0x10

/* What is looked at of a packet with a flow: TCP or UDP right behind a plain IP header. */
struct view {
	const uint8_t *p;
	uint64_t flow; /* equal for packets of a flow, hardly ever for others */
	size_t len;
	uint8_t ip_len, hdr_len; /* bytes of the IP header, of that and the transport header */
	bool udp;
	uint16_t payload;
};

/* The last packet of one flow, or the frame that grows. */
struct slot {
	uint64_t flow;    /* 0: none yet */
	uint64_t burst;   /* when it was seen last */
	uint16_t payload; /* of the packet seen last */
	bool eager;       /* merged lately: its next packet is worth holding */
	bool udp;
	uint8_t ip_len, hdr_len;
	unsigned n; /* packets held */
	uint16_t size;
	struct gso gso; /* of the first one */
	size_t len;
	uint8_t buf[MERGE_HEADROOM + FRAME_MAX];
};

struct merge {
	struct nat64_sink out;
	merge_ids_fn *ids;
	void *ids_arg;
	struct merge_counts counts;
	bool tcp, udp;
	unsigned held; /* a bit for each slot */
	uint64_t burst;
	struct slot slots[SLOTS];
};

/* --- a packet --- */

static uint64_t mix(uint64_t h, const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	h = (h ^ w) * 0x9e3779b97f4a7c15;
	return h ^ h >> 32;
}

/* Addresses, ports and protocol. */
static uint64_t flow_of(const struct view *v)
{
	bool v4 = v->ip_len == IP4_LEN;
	const uint8_t *addrs = v->p + (v4 ? 12 : 8);
	uint32_t ports;
	uint64_t h;

	memcpy(&ports, v->p + v->ip_len, sizeof ports);
	h = (uint64_t)ports << 2 | (v4 ? 2u : 0) | (v->udp ? 1u : 0);
	for (unsigned i = 0; i < (v4 ? 8u : 32u); i += 8)
		h = mix(h, addrs + i);
	return h | 1;
}

/* A header without options or extensions, of no fragment, that ends where the buffer does. */
static bool read_ip(const uint8_t *p, size_t len, struct view *v)
{
	uint8_t proto;

	if (len >= IP4_LEN && p[0] == 0x45) {
		if (be16_at(p + 2) != len || (be16_at(p + 6) & ~DF))
			return false;
		v->ip_len = IP4_LEN;
		proto = p[9];
	} else if (len >= IP6_LEN && p[0] >> 4 == 6) {
		if (be16_at(p + 4) + IP6_LEN != len)
			return false;
		v->ip_len = IP6_LEN;
		proto = p[6];
	} else {
		return false;
	}
	v->p = p;
	v->len = len;
	v->udp = proto == PROTO_UDP;
	return v->udp || proto == PROTO_TCP;
}

static bool read_view(const uint8_t *p, size_t len, struct view *v)
{
	size_t l4_len = UDP_LEN;

	if (!read_ip(p, len, v))
		return false;
	if (!v->udp) {
		if (len - v->ip_len < TCP_LEN)
			return false;
		l4_len = (p[v->ip_len + 12] >> 4) * 4u;
	}
	if (l4_len < (v->udp ? UDP_LEN : TCP_LEN) || len - v->ip_len < l4_len)
		return false;
	v->hdr_len = (uint8_t)(v->ip_len + l4_len);
	v->payload = (uint16_t)(len - v->hdr_len);
	v->flow = flow_of(v);
	return true;
}

static uint64_t pseudo_of(const uint8_t *p, uint8_t ip_len, bool udp, size_t len)
{
	return csum_pseudo_of(p, (uint32_t)(len - ip_len), udp ? PROTO_UDP : PROTO_TCP);
}

static unsigned csum_at(uint8_t ip_len, bool udp)
{
	return ip_len + (udp ? 6u : 16u);
}

/* Do the checksums, or the part of them that is there, hold?  In a frame they are made anew. */
static bool csum_holds(const struct view *v, bool partial)
{
	uint64_t sum = pseudo_of(v->p, v->ip_len, v->udp, v->len);
	uint16_t field;

	if (v->ip_len == IP4_LEN && csum_fold(csum_add(0, v->p, IP4_LEN)) != 0)
		return false;
	memcpy(&field, v->p + csum_at(v->ip_len, v->udp), sizeof field);
	if (partial)
		return csum_fold(sum + (uint16_t)~field) == 0;
	if (v->udp && !field)
		return false;
	return csum_fold(csum_add(sum, v->p + v->ip_len, v->len - v->ip_len)) == 0;
}

/* Data as a frame can have it: of TCP, nothing but ACK and at the end PSH. */
static bool is_plain(const struct view *v, const struct gso *gso)
{
	const uint8_t *l4 = v->p + v->ip_len;

	if (gso->kind != GSO_NONE || !v->payload || v->len > FRAME_MAX)
		return false;
	if (v->udp)
		return be16_at(l4 + 4) == v->len - v->ip_len;
	return (l4[12] & 0x0f) == 0 && (l4[13] & ~TCP_PSH) == TCP_ACK;
}

/* --- what is held --- */

/* All of the headers that is not counted on, summed or computed: for IPv4 not length,
 * identification and checksum. */
static bool same_headers(const struct slot *s, const struct view *v)
{
	const uint8_t *a = s->buf + MERGE_HEADROOM, *b = v->p;
	const uint8_t *a4 = a + v->ip_len, *b4 = b + v->ip_len;

	if (s->ip_len != v->ip_len || s->hdr_len != v->hdr_len || s->udp != v->udp)
		return false;
	if (v->ip_len == IP4_LEN
		    ? memcmp(a, b, 2) || memcmp(a + 6, b + 6, 4) || memcmp(a + 12, b + 12, 8)
		    : memcmp(a, b, 4) || memcmp(a + 6, b + 6, 34))
		return false;
	if (v->udp)
		return memcmp(a4, b4, 4) == 0;
	/* Ports, acknowledgement, window, urgent pointer and options; flags are plain. */
	return memcmp(a4, b4, 4) == 0 && memcmp(a4 + 8, b4 + 8, 4) == 0 &&
	       memcmp(a4 + 14, b4 + 14, 2) == 0 &&
	       memcmp(a4 + 18, b4 + 18, v->hdr_len - v->ip_len - 18u) == 0;
}

static bool is_next(const struct slot *s, const struct view *v, bool partial)
{
	const uint8_t *first = s->buf + MERGE_HEADROOM;

	if (!s->n || v->payload > s->size || s->len + v->payload > FRAME_MAX ||
	    !same_headers(s, v))
		return false;
	if (!v->udp && be32_at(v->p + v->ip_len + 4) !=
			       (uint32_t)(be32_at(first + s->ip_len + 4) + s->len - s->hdr_len))
		return false;
	return csum_holds(v, partial);
}

/* Makes one frame of the packets held: its headers are those of the first. */
static void finish(struct merge *m, struct slot *s)
{
	uint8_t *p = s->buf + MERGE_HEADROOM;
	size_t l4_len = s->len - s->ip_len;
	uint16_t sum;

	if (s->ip_len == IP4_LEN) {
		be16_put(p + 2, (uint16_t)s->len);
		/* RFC 6864 4.2: each segment gets the next one, and is no atomic datagram. */
		if (!(be16_at(p + 6) & DF))
			be16_put(p + 4, m->ids(m->ids_arg, s->n));
		memset(p + 10, 0, 2);
		sum = csum_fold(csum_add(0, p, IP4_LEN));
		memcpy(p + 10, &sum, sizeof sum);
	} else {
		be16_put(p + 4, (uint16_t)l4_len);
	}
	if (s->udp)
		be16_put(p + s->ip_len + 4, (uint16_t)l4_len);
	sum = (uint16_t)~csum_fold(pseudo_of(p, s->ip_len, s->udp, s->len));
	memcpy(p + csum_at(s->ip_len, s->udp), &sum, sizeof sum);
	s->gso = (struct gso){ .kind = s->udp ? GSO_UDP : GSO_TCP,
			       .partial = true,
			       .size = s->size };
	m->counts.frames++;
	m->counts.packets += s->n;
}

static void flush(struct merge *m, struct slot *s)
{
	if (!s->n)
		return;
	s->eager = s->n > 1;
	if (s->n > 1)
		finish(m, s);
	s->n = 0;
	m->held &= ~(1u << (s - m->slots));
	m->out.packet(m->out.arg, s->buf + MERGE_HEADROOM, s->len, &s->gso);
}

static void flush_all(struct merge *m)
{
	for (unsigned i = 0; m->held; i++)
		flush(m, &m->slots[i]);
}

/* PSH and what is shorter can only be the end. */
static bool is_end(const struct slot *s, const struct view *v)
{
	return v->payload < s->size || (!v->udp && v->p[v->ip_len + 13] & TCP_PSH);
}

static void append(struct merge *m, struct slot *s, const struct view *v)
{
	uint8_t *p = s->buf + MERGE_HEADROOM;

	memcpy(p + s->len, v->p + v->hdr_len, v->payload);
	s->len += v->payload;
	s->n++;
	if (!v->udp)
		p[s->ip_len + 13] |= v->p[v->ip_len + 13];
	if (is_end(s, v) || s->n == MERGE_SEGMENTS_MAX)
		flush(m, s);
}

static void hold(struct merge *m, struct slot *s, const struct view *v, const struct gso *gso)
{
	memcpy(s->buf + MERGE_HEADROOM, v->p, v->len);
	s->len = v->len;
	s->gso = *gso;
	s->udp = v->udp;
	s->ip_len = v->ip_len;
	s->hdr_len = v->hdr_len;
	s->size = v->payload;
	s->n = 1;
	m->held |= 1u << (s - m->slots);
}

/* The second of a size within a burst, and then all: others would wait for nothing. */
static bool is_worth_it(const struct merge *m, const struct slot *s, const struct view *v,
			bool partial)
{
	if (!s->eager && (s->burst != m->burst || s->payload != v->payload))
		return false;
	return !(!v->udp && v->p[v->ip_len + 13] & TCP_PSH) && csum_holds(v, partial);
}

/* A packet of the flow that has the slot. */
static void one_more(struct merge *m, struct slot *s, const struct view *v,
		     const struct gso *gso)
{
	bool plain = is_plain(v, gso);

	if (plain && is_next(s, v, gso->partial)) {
		append(m, s, v);
		return;
	}
	flush(m, s);
	if (plain && is_worth_it(m, s, v, gso->partial))
		hold(m, s, v, gso);
	else
		m->out.packet(m->out.arg, v->p, v->len, gso);
}

void merge_packet(void *merge, const uint8_t *buf, size_t len, const struct gso *gso)
{
	struct merge *m = merge;
	struct view v;
	struct slot *s;

	if ((!m->tcp && !m->udp) || !read_view(buf, len, &v)) {
		/* It may be of any flow: a fragment, behind options. */
		flush_all(m);
		m->out.packet(m->out.arg, buf, len, gso);
		return;
	}
	if (!(v.udp ? m->udp : m->tcp)) {
		m->out.packet(m->out.arg, buf, len, gso);
		return;
	}
	s = &m->slots[v.flow >> 32 & (SLOTS - 1)];
	if (s->flow == v.flow) {
		one_more(m, s, &v, gso);
	} else {
		flush(m, s);
		s->flow = v.flow;
		s->eager = false;
		m->out.packet(m->out.arg, buf, len, gso);
	}
	s->burst = m->burst;
	s->payload = v.payload;
}

void merge_flush(struct merge *m)
{
	flush_all(m);
	m->burst++;
}

/* --- the whole --- */

struct merge *merge_new(const struct nat64_sink *out, merge_ids_fn *ids, void *ids_arg)
{
	struct merge *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->out = *out;
	m->ids = ids;
	m->ids_arg = ids_arg;
	m->burst = 1;
	return m;
}

void merge_free(struct merge *m)
{
	free(m);
}

void merge_allow(struct merge *m, bool tcp, bool udp)
{
	flush_all(m);
	m->tcp = tcp;
	m->udp = udp;
}

const struct merge_counts *merge_counts(const struct merge *m)
{
	return &m->counts;
}
