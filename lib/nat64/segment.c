/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/segment.h"

#include "base/csum.h"

#include <string.h>

#define TCP_SEQ    4u
#define TCP_FLAGS  13u
#define TCP_CSUM   16u
#define UDP_LENGTH 4u
#define UDP_CSUM   6u
#define FIN        0x01
#define PSH        0x08
#define CWR        0x80

/* What is not to be cut may have any data offset: it is its receiver's business. */
static size_t tcp_head(const struct xlat_l4 *l4, bool is_cut)
{
	size_t len = l4->len < TCP_LEN ? 0 : is_cut ? (l4->p[12] >> 4) * 4u : TCP_LEN;

	return len < TCP_LEN || len > l4->len ? 0 : len;
}

/* The length field is that of all datagrams together. */
static size_t udp_head(const struct xlat_l4 *l4)
{
	return l4->len < UDP_LEN || be16_at(l4->p + UDP_LENGTH) != l4->len ? 0 : UDP_LEN;
}

static size_t transport_head(const struct xlat_l4 *l4, enum gso_kind kind)
{
	bool tcp = l4->proto == PROTO_TCP, udp = l4->proto == PROTO_UDP;

	if (l4->frag_off || l4->mf || (kind == GSO_TCP && !tcp) || (kind == GSO_UDP && !udp))
		return 0;
	if (tcp)
		return tcp_head(l4, kind != GSO_NONE);
	return udp ? udp_head(l4) : 0;
}

size_t segment_unit(const struct xlat_l4 *l4, const struct gso *gso)
{
	size_t head = transport_head(l4, gso->kind);

	if (!head || gso->kind == GSO_NONE)
		return head ? l4->len : 0;
	if (!gso->size)
		return 0;
	return head + gso->size < l4->len ? head + gso->size : l4->len;
}

unsigned segment_count(const struct xlat_l4 *l4, const struct gso *gso, size_t unit)
{
	size_t payload = l4->len - (unit - gso->size);

	if (unit >= l4->len)
		return 1;
	return (unsigned)((payload + gso->size - 1) / gso->size);
}

bool segment_read(uint8_t *frame, size_t len, struct xlat_l4 *out)
{
	struct ip4 h4;
	struct ip6 h6;

	if (len && frame[0] >> 4 == 4 && ip4_read(frame, len, &h4) == NAT64_GO_ON)
		*out = xlat_l4_of4(frame, &h4);
	else if (len && frame[0] >> 4 == 6 && ip6_read(frame, len, &h6) == NAT64_GO_ON)
		*out = xlat_l4_of6(frame, &h6);
	else
		return false;
	return true;
}

bool segment_heads(const uint8_t *frame, size_t len, size_t *before, size_t *transport,
		   uint8_t *proto)
{
	struct ip6 h6 = { .l4 = IP6_LEN };

	*proto = frame[0] >> 4 == 4 ? frame[9] : frame[6];
	*before = frame[0] >> 4 == 4 ? IP4_LEN : IP6_LEN;
	if (*proto != PROTO_TCP && *proto != PROTO_UDP) {
		if (ip6_read(frame, len, &h6) != NAT64_GO_ON)
			return false;
		*before = h6.l4;
		*proto = h6.proto;
	}
	*transport = *proto == PROTO_TCP ? (frame[*before + 12] >> 4) * 4u : UDP_LEN;
	return true;
}

bool segments_init(struct segments *s, uint8_t *frame, size_t len, const struct gso *gso)
{
	struct xlat_l4 l4;
	size_t unit = segment_read(frame, len, &l4) ? segment_unit(&l4, gso) : 0;

	if (!unit || segment_count(&l4, gso, unit) > SEGMENT_COUNT_MAX)
		return false;
	s->gso = *gso;
	s->l4 = (size_t)(l4.p - frame);
	s->head_len = s->l4 + transport_head(&l4, gso->kind);
	if (s->head_len > sizeof s->head)
		return false;
	memcpy(s->head, frame, s->head_len);
	s->payload = frame + s->head_len;
	s->left = l4.len - (s->head_len - s->l4);
	s->i = 0;
	if (gso->kind == GSO_NONE || s->left < gso->size)
		s->gso.size = (uint16_t)s->left;
	return true;
}

/* The total length, and the identification that the kernel would count up. */
static void finish_ip(const struct segments *s, uint8_t *p, size_t len)
{
	uint16_t sum;

	if (p[0] >> 4 == 6) {
		be16_put(p + 4, (uint16_t)(len - IP6_LEN));
		return;
	}
	be16_put(p + 2, (uint16_t)len);
	be16_put(p + 4, (uint16_t)(be16_at(p + 4) + s->i));
	memset(p + 10, 0, 2);
	sum = csum_fold(csum_add(0, p, s->l4));
	memcpy(p + 10, &sum, 2);
}

/* What only the first segment or only the last has (RFC 3168 6.1.2 for CWR). */
static void finish_tcp(const struct segments *s, uint8_t *l4, bool last)
{
	be32_put(l4 + TCP_SEQ, be32_at(l4 + TCP_SEQ) + s->i * s->gso.size);
	if (!last)
		l4[TCP_FLAGS] &= (uint8_t) ~(FIN | PSH);
	if (s->i)
		l4[TCP_FLAGS] &= (uint8_t)~CWR;
}

static void finish_csum(uint8_t *at, const uint8_t *p, const uint8_t *l4, size_t l4_len,
			bool tcp)
{
	uint16_t sum;

	memset(at, 0, 2);
	sum = csum_fold(csum_add(
		csum_pseudo_of(p, (uint32_t)l4_len, tcp ? PROTO_TCP : PROTO_UDP), l4, l4_len));
	if (!sum && !tcp)
		sum = UINT16_MAX; /* RFC 768 */
	memcpy(at, &sum, 2);
}

bool segments_next(struct segments *s, uint8_t **packet, size_t *len)
{
	size_t piece = s->left < s->gso.size ? s->left : s->gso.size;
	uint8_t *p = s->payload - s->head_len, *l4 = p + s->l4;
	size_t l4_len = s->head_len - s->l4 + piece;
	bool tcp = s->head_len - s->l4 >= TCP_LEN;

	if (s->i && !s->left)
		return false;
	memcpy(p, s->head, s->head_len);
	s->payload += piece;
	s->left -= piece;
	if (s->gso.kind != GSO_NONE)
		finish_ip(s, p, s->l4 + l4_len);
	if (tcp)
		finish_tcp(s, l4, !s->left);
	else
		be16_put(l4 + UDP_LENGTH, (uint16_t)l4_len);
	finish_csum(l4 + (tcp ? TCP_CSUM : UDP_CSUM), p, l4, l4_len, tcp);
	s->i++;
	*packet = p;
	*len = s->l4 + l4_len;
	return true;
}
