/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wellformed.h - is this a packet that the translator may emit?  For property and fuzz tests;
 * shares nothing with lib/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint32_t wf_sum(uint32_t sum, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* What lies behind the headers. */
struct wf_l4 {
	const uint8_t *p;
	size_t len;
	uint32_t pseudo; /* sum of the pseudo-header, of ICMPv4: 0 */
	uint8_t proto;
	bool fragment;
};

static inline bool wf_ip4(const uint8_t *b, size_t n, struct wf_l4 *l4)
{
	if (n < 20 || b[0] != 0x45 || (size_t)(b[2] << 8 | b[3]) != n || b[8] == 0 ||
	    wf_sum(0, b, 20) != 0xffff || (b[6] & 0x80))
		return false;
	*l4 = (struct wf_l4){ b + 20, n - 20, 0, b[9], (b[6] & 0x3f) || b[7] };
	if (b[9] != 1)
		l4->pseudo = wf_sum((uint32_t)(n - 20) + b[9], b + 12, 8);
	/* The end of a fragment stays within 65,535 (RFC 791 3.2). */
	return (size_t)(((b[6] & 0x1f) << 8 | b[7]) * 8) + n - 20 <= 65535;
}

/* A header chain as translated packets have it: nothing, or what a neighbour sent. */
static inline bool wf_ip6(const uint8_t *b, size_t n, struct wf_l4 *l4)
{
	size_t at = 40;
	uint8_t proto = b[6];
	bool fragment = false;

	if (n < 40 || b[0] >> 4 != 6 || (size_t)(b[4] << 8 | b[5]) + 40 != n || b[7] == 0)
		return false;
	while (!fragment && (proto == 0 || proto == 43 || proto == 44 || proto == 60)) {
		if (n - at < 8)
			return false;
		size_t len = proto == 44 ? 8 : 8 + b[at + 1] * 8u;

		fragment = proto == 44 && ((b[at + 2] << 8 | b[at + 3]) & 0xfff9);
		if (len > n - at)
			return false;
		proto = b[at];
		at += len;
	}
	*l4 = (struct wf_l4){ b + at, n - at, 0, proto, fragment };
	l4->pseudo = wf_sum((uint32_t)((n - at) >> 16) + (uint32_t)((n - at) & 0xffff) + proto,
			    b + 8, 32);
	return true;
}

static inline bool wellformed(const uint8_t *b, size_t n, struct wf_l4 *l4)
{
	if (n && b[0] >> 4 == 4)
		return wf_ip4(b, n, l4);
	return n >= 40 && wf_ip6(b, n, l4);
}

static inline bool wf_is_error(const struct wf_l4 *l4)
{
	if (l4->fragment || l4->len < 8)
		return false;
	return (l4->proto == 58 && l4->p[0] < 128) ||
	       (l4->proto == 1 && (l4->p[0] == 3 || l4->p[0] == 11 || l4->p[0] == 12));
}

/* The transport checksum holds, where there is one that covers what is here. */
static inline bool wf_csum_holds(const struct wf_l4 *l4)
{
	bool udp = l4->proto == 17;

	if (l4->fragment || (l4->proto != 1 && l4->proto != 6 && !udp && l4->proto != 58))
		return true;
	if (udp && l4->len >= 8 && !l4->p[6] && !l4->p[7])
		return false;
	return wf_sum(l4->pseudo, l4->p, l4->len) == 0xffff;
}
