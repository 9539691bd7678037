/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vnet_test.c - the header before a frame: what is believed, what is completed, what goes out.
 */
#include "nat64/vnet.h"

#include "pkt.h"
#include "t.h"
#include "wellformed.h"

#include <linux/virtio_net.h>

struct head {
	uint8_t flags, type;
	uint16_t hdr_len, size, start, offset;
};

static const char *const tcp6[] = { "ip6 H R6", "tcp 1 2", "bytes 3000" };
static const char *const udp6[] = { "ip6 H R6", "udp 1 2", "bytes 3000" };
static const char *const hop6[] = { "ip6 H R6", "hbh", "udp 1 2", "bytes 300" };
static const char *const tcp4[] = { "ip4 R P", "tcp 1 2", "bytes 3000" };
static const char *const opt4[] = { "ip4 R P opt 01010101", "tcp 1 2", "bytes 3000" };
static const char *const udp4[] = { "ip4 R P", "udp 1 2", "bytes 3001" };
static const char *const ping[] = { "ip6 H R6", "icmp6 128 0 id 1 seq 2", "bytes 41" };
static const char *const frag[] = { "ip4 R P mf id 1", "udp 1 2", "bytes 32" };

struct row {
	const char *const *layers;
	struct head head;
	bool good;
	struct gso gso;
};

#define NEEDS  VIRTIO_NET_HDR_F_NEEDS_CSUM
#define VALID  VIRTIO_NET_HDR_F_DATA_VALID
#define TCPV4  VIRTIO_NET_HDR_GSO_TCPV4
#define TCPV6  VIRTIO_NET_HDR_GSO_TCPV6
#define ECN    VIRTIO_NET_HDR_GSO_ECN
#define UDP_L4 5

static const struct row rows[] = {
	{ tcp6, { 0, 0, 0, 0, 0, 0 }, true, { GSO_NONE, false, false, 0 } },
	{ tcp6, { VALID, 0, 0, 0, 0, 0 }, true, { GSO_NONE, false, false, 0 } },
	{ tcp6, { NEEDS, 0, 0, 0, 40, 16 }, true, { GSO_NONE, true, false, 0 } },
	{ udp6, { NEEDS, 0, 0, 0, 40, 6 }, true, { GSO_NONE, true, false, 0 } },
	{ hop6, { NEEDS, 0, 0, 0, 48, 6 }, true, { GSO_NONE, true, false, 0 } },
	{ opt4, { NEEDS, 0, 0, 0, 24, 16 }, true, { GSO_NONE, true, false, 0 } },
	{ tcp6, { NEEDS, TCPV6, 999, 1000, 40, 16 }, true, { GSO_TCP, true, false, 1000 } },
	{ tcp6, { NEEDS, TCPV6 | ECN, 0, 9, 40, 16 }, true, { GSO_TCP, true, true, 9 } },
	{ tcp4, { NEEDS, TCPV4, 0, 1000, 20, 16 }, true, { GSO_TCP, true, false, 1000 } },
	{ opt4, { NEEDS, TCPV4, 0, 1000, 24, 16 }, true, { GSO_TCP, true, false, 1000 } },
	{ udp4, { NEEDS, UDP_L4, 0, 1000, 20, 6 }, true, { GSO_UDP, true, false, 1000 } },
	{ udp6, { NEEDS, UDP_L4, 0, 1000, 40, 6 }, true, { GSO_UDP, true, false, 1000 } },
	/* of another version, another protocol, no kind at all, fragments of UDP (UFO) */
	{ tcp6, { NEEDS, TCPV4, 0, 1000, 40, 16 }, false, { 0 } },
	{ tcp4, { NEEDS, TCPV6, 0, 1000, 20, 16 }, false, { 0 } },
	{ udp6, { NEEDS, TCPV6, 0, 1000, 40, 6 }, false, { 0 } },
	{ tcp6, { NEEDS, UDP_L4, 0, 1000, 40, 16 }, false, { 0 } },
	{ udp4, { NEEDS, VIRTIO_NET_HDR_GSO_UDP, 0, 1000, 20, 6 }, false, { 0 } },
	{ udp4, { NEEDS, 0x60, 0, 1000, 20, 6 }, false, { 0 } },
	{ tcp6, { 0, TCPV6, 0, 1000, 0, 0 }, false, { 0 } },
	{ tcp6, { NEEDS, TCPV6, 0, 0, 40, 16 }, false, { 0 } },
	{ tcp6, { NEEDS, TCPV6, 0, 1000, 20, 16 }, false, { 0 } },
	{ tcp6, { NEEDS, TCPV6, 0, 1000, 40, 6 }, false, { 0 } },
	{ frag, { NEEDS, UDP_L4, 0, 8, 20, 6 }, false, { 0 } },
	/* what was judged on the way here: addresses, ports, flags, the type */
	{ ping, { NEEDS, 0, 0, 0, 0, 8 }, false, { 0 } },
	{ ping, { NEEDS, 0, 0, 0, 24, 12 }, false, { 0 } },
	{ ping, { NEEDS, 0, 0, 0, 40, 0 }, false, { 0 } },
	{ tcp4, { NEEDS, 0, 0, 0, 0, 16 }, false, { 0 } },
	{ tcp4, { NEEDS, 0, 0, 0, 12, 10 }, false, { 0 } },
	{ tcp6, { NEEDS, 0, 0, 0, 40, 2 }, false, { 0 } },
	{ tcp6, { NEEDS, 0, 0, 0, 40, 12 }, false, { 0 } },
	{ udp6, { NEEDS, 0, 0, 0, 40, 0 }, false, { 0 } },
	{ hop6, { NEEDS, 0, 0, 0, 40, 6 }, false, { 0 } },
	/* of what is in a tunnel */
	{ udp6, { NEEDS, 0, 0, 0, 76, 16 }, true, { 0 } },
	/* beyond the end */
	{ ping, { NEEDS, 0, 0, 0, 40, 60 }, false, { 0 } },
	{ ping, { NEEDS, 0, 0, 0, 0xffff, 0xffff }, false, { 0 } },
};

static struct pkt p;

static void build(const char *const *layers, size_t n)
{
	struct pkt_line lines[8];

	for (size_t i = 0; i < n; i++)
		pkt_split(&lines[i], layers[i]);
	pkt_build(lines, n, NULL, &p);
}

static size_t layers_of(const char *const *layers)
{
	return layers == hop6 ? 4 : 3;
}

static void what_is_believed(void **state)
{
	uint8_t head[VNET_LEN];

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		const struct row *r = &rows[i];
		struct gso gso = { 0 };

		build(r->layers, layers_of(r->layers));
		memcpy(head, &r->head, sizeof head);
		assert_int_equal(vnet_read(head, p.b, p.n, &gso), r->good);
		if (r->good)
			assert_memory_equal(&gso, &r->gso, sizeof gso);
	}
}

/* The checksum of what is neither TCP nor UDP, and at an odd place. */
static void what_is_completed(void **state)
{
	const struct head h = { NEEDS, 0, 0, 0, 40, 2 };
	uint8_t head[VNET_LEN], want[2];
	struct gso gso;
	struct wf_l4 l4 = { .p = NULL };

	(void)state;
	build(ping, 3);
	memcpy(want, p.b + 42, 2);
	assert_true(wellformed(p.b, p.n, &l4));
	p.b[42] = (uint8_t)(l4.pseudo >> 8);
	p.b[43] = (uint8_t)l4.pseudo;
	memcpy(head, &h, sizeof head);
	assert_true(vnet_read(head, p.b, p.n, &gso));
	assert_false(gso.partial);
	assert_memory_equal(p.b + 42, want, 2);
}

static void what_is_written(void **state)
{
	static const struct row out[] = {
		{ tcp6, { 0 }, true, { 0 } },
		{ tcp6, { NEEDS, 0, 0, 0, 40, 16 }, true, { GSO_NONE, true, false, 0 } },
		{ tcp6,
		  { NEEDS, TCPV6 | ECN, 60, 9, 40, 16 },
		  true,
		  { GSO_TCP, true, true, 9 } },
		{ tcp4, { NEEDS, TCPV4, 40, 7, 20, 16 }, true, { GSO_TCP, true, false, 7 } },
		{ udp4, { NEEDS, UDP_L4, 28, 7, 20, 6 }, true, { GSO_UDP, true, false, 7 } },
		{ hop6, { NEEDS, UDP_L4, 56, 7, 48, 6 }, true, { GSO_UDP, true, false, 7 } },
	};
	uint8_t head[VNET_LEN];

	(void)state;
	for (size_t i = 0; i < N_OF(out); i++) {
		build(out[i].layers, layers_of(out[i].layers));
		vnet_write(head, p.b, p.n, &out[i].gso);
		assert_memory_equal(head, &out[i].head, sizeof head);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_believed),
		cmocka_unit_test(what_is_completed),
		cmocka_unit_test(what_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
