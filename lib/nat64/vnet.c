/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/vnet.h"

#include "base/csum.h"
#include "nat64/segment.h"

#include <string.h>

#define NEEDS_CSUM 1 /* of flags */
#define TYPE_NONE  0 /* of gso_type */
#define TYPE_TCP4  1
#define TYPE_TCP6  4
#define TYPE_UDP   5 /* Linux 6.2; 3 are fragments of a datagram */
#define TYPE_ECN   0x80
#define TCP_CSUM   16u
#define UDP_CSUM   6u

struct vnet {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset;
};

_Static_assert(sizeof(struct vnet) == VNET_LEN, "as the kernel has it");

/* The kind by its number, which for TCP goes with the version of IP. */
static bool read_kind(const struct vnet *h, const uint8_t *frame, struct gso *out)
{
	unsigned version = frame[0] >> 4;

	switch (h->gso_type & ~TYPE_ECN) {
	case TYPE_NONE:
		return true;
	case TYPE_TCP4:
		out->kind = GSO_TCP;
		out->ecn = h->gso_type & TYPE_ECN;
		return version == 4;
	case TYPE_TCP6:
		out->kind = GSO_TCP;
		out->ecn = h->gso_type & TYPE_ECN;
		return version == 6;
	case TYPE_UDP:
		out->kind = GSO_UDP;
		return true;
	}
	return false;
}

/* A guest says where: never in what has been judged on the way here, the headers of IP and the
 * ports; but behind a transport header, as of what is in a tunnel. */
static bool may_complete(const struct vnet *h, const struct xlat_l4 *l4, size_t l4_at)
{
	size_t field = (size_t)h->csum_start + h->csum_offset - l4_at;

	if (h->csum_start < l4_at || l4->frag_off)
		return false;
	switch (l4->proto) {
	case PROTO_TCP:
		return field == TCP_CSUM || field >= TCP_LEN;
	case PROTO_UDP:
		return field == UDP_CSUM || field >= UDP_LEN;
	}
	return field >= 2;
}

/* From csum_start to the end, with what is in the field already; 0 would mean that there is
 * none, and is the same number as this. */
static bool complete(const struct vnet *h, uint8_t *frame, size_t len)
{
	size_t field = (size_t)h->csum_start + h->csum_offset;
	struct xlat_l4 l4;
	uint16_t sum;

	if (field + 2 > len || !segment_read(frame, len, &l4) ||
	    !may_complete(h, &l4, (size_t)(l4.p - frame)))
		return false;
	sum = csum_fold(csum_add(0, frame + h->csum_start, len - h->csum_start));
	if (!sum)
		sum = UINT16_MAX;
	memcpy(frame + field, &sum, 2);
	return true;
}

bool vnet_read(const uint8_t head[VNET_LEN], uint8_t *frame, size_t len, struct gso *out)
{
	struct vnet h;
	struct gso gso = { .kind = GSO_NONE };
	struct xlat_l4 l4;

	memcpy(&h, head, sizeof h);
	if (!len || !read_kind(&h, frame, &gso))
		return false;
	gso.partial = h.flags & NEEDS_CSUM;
	gso.size = gso.kind == GSO_NONE ? 0 : h.gso_size;
	*out = gso;
	if (!gso.partial)
		return gso.kind == GSO_NONE;
	if (segment_read(frame, len, &l4) && segment_unit(&l4, &gso) &&
	    h.csum_start == l4.p - frame &&
	    h.csum_offset == (l4.proto == PROTO_TCP ? TCP_CSUM : UDP_CSUM))
		return true;
	*out = (struct gso){ .kind = GSO_NONE };
	return gso.kind == GSO_NONE && complete(&h, frame, len);
}

static uint8_t type_of(const uint8_t *frame, const struct gso *gso)
{
	uint8_t ecn = gso->ecn ? TYPE_ECN : 0;

	switch (gso->kind) {
	case GSO_NONE:
		break;
	case GSO_TCP:
		return ecn | (frame[0] >> 4 == 6 ? TYPE_TCP6 : TYPE_TCP4);
	case GSO_UDP:
		return TYPE_UDP;
	}
	return TYPE_NONE;
}

void vnet_write(uint8_t head[VNET_LEN], const uint8_t *frame, size_t len, const struct gso *gso)
{
	struct vnet h = { .gso_type = type_of(frame, gso), .gso_size = gso->size };
	size_t l4, transport;
	uint8_t proto;
	bool tcp;

	if (gso->partial && segment_heads(frame, len, &l4, &transport, &proto)) {
		tcp = proto == PROTO_TCP;
		h.flags = NEEDS_CSUM;
		h.csum_start = (uint16_t)l4;
		h.csum_offset = tcp ? TCP_CSUM : UDP_CSUM;
		h.hdr_len = gso->kind == GSO_NONE ? 0 : (uint16_t)(l4 + transport);
	}
	memcpy(head, &h, sizeof h);
}
