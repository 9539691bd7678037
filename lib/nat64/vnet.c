/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/vnet.h"

#include "base/csum.h"
#include "nat64/segment.h"

#include <linux/virtio_net.h>
#include <string.h>

#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4, Linux 6.2 */
#define TCP_CSUM   16u
#define UDP_CSUM   6u

_Static_assert(sizeof(struct virtio_net_hdr) == VNET_LEN, "as the kernel has it");

/* The kind by its number, which for TCP goes with the version of IP. */
static bool read_kind(const struct virtio_net_hdr *h, const uint8_t *frame, struct gso *out)
{
	unsigned version = frame[0] >> 4;

	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		out->kind = GSO_TCP;
		out->ecn = h->gso_type & VIRTIO_NET_HDR_GSO_ECN;
		return version == 4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		out->kind = GSO_TCP;
		out->ecn = h->gso_type & VIRTIO_NET_HDR_GSO_ECN;
		return version == 6;
	case GSO_UDP_L4:
		out->kind = GSO_UDP;
		return true;
	}
	return false;
}

/* From csum_start to the end, with what is in the field already; 0 would mean that there is
 * none, and is the same number as this. */
static bool complete(const struct virtio_net_hdr *h, uint8_t *frame, size_t len)
{
	size_t field = (size_t)h->csum_start + h->csum_offset;
	uint16_t sum;

	if (field + 2 > len)
		return false;
	sum = csum_fold(csum_add(0, frame + h->csum_start, len - h->csum_start));
	if (!sum)
		sum = UINT16_MAX;
	memcpy(frame + field, &sum, 2);
	return true;
}

bool vnet_read(const uint8_t head[VNET_LEN], uint8_t *frame, size_t len, struct gso *out)
{
	struct virtio_net_hdr h;
	struct gso gso = { .kind = GSO_NONE };
	struct xlat_l4 l4;

	memcpy(&h, head, sizeof h);
	if (!len || !read_kind(&h, frame, &gso))
		return false;
	gso.partial = h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
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
	uint8_t ecn = gso->ecn ? VIRTIO_NET_HDR_GSO_ECN : 0;

	switch (gso->kind) {
	case GSO_NONE:
		break;
	case GSO_TCP:
		return ecn | (frame[0] >> 4 == 6 ? VIRTIO_NET_HDR_GSO_TCPV6
						 : VIRTIO_NET_HDR_GSO_TCPV4);
	case GSO_UDP:
		return GSO_UDP_L4;
	}
	return VIRTIO_NET_HDR_GSO_NONE;
}

void vnet_write(uint8_t head[VNET_LEN], const uint8_t *frame, size_t len, const struct gso *gso)
{
	struct virtio_net_hdr h = { .gso_type = type_of(frame, gso), .gso_size = gso->size };
	size_t l4, transport;
	bool tcp;

	if (gso->partial && segment_heads(frame, len, &l4, &transport)) {
		tcp = transport >= TCP_LEN;
		h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h.csum_start = (uint16_t)l4;
		h.csum_offset = tcp ? TCP_CSUM : UDP_CSUM;
		h.hdr_len = (uint16_t)(l4 + transport);
	}
	memcpy(head, &h, sizeof h);
}
