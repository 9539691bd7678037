/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "csum.h"

#include <arpa/inet.h>
#include <string.h>

/* The sum of 16-bit words is, modulo 2^16 - 1, that of 32-bit words (RFC 1071 2(C)). */
uint64_t csum_add(uint64_t sum, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	uint32_t w[4];

	for (; len >= sizeof w; p += sizeof w, len -= sizeof w) {
		memcpy(w, p, sizeof w);
		sum += (uint64_t)w[0] + w[1] + w[2] + w[3];
	}
	for (; len >= 2; p += 2, len -= 2) {
		uint16_t h;

		memcpy(&h, p, 2);
		sum += h;
	}
	if (len) {
		uint16_t h = 0;

		memcpy(&h, p, 1);
		sum += h;
	}
	return sum;
}

uint64_t csum_pseudo4(struct in_addr src, struct in_addr dst, uint32_t len, uint8_t proto)
{
	return (uint64_t)src.s_addr + dst.s_addr + htonl(len) + htons(proto);
}

uint64_t csum_pseudo6(const struct in6_addr *src, const struct in6_addr *dst, uint32_t len,
		      uint8_t proto)
{
	uint64_t sum = csum_add(0, src, sizeof *src);

	return csum_add(sum, dst, sizeof *dst) + htonl(len) + htons(proto);
}

uint64_t csum_pseudo_of(const uint8_t *ip, uint32_t len, uint8_t proto)
{
	struct in6_addr six[2];
	struct in_addr four[2];

	if (ip[0] >> 4 == 6) {
		memcpy(six, ip + 8, sizeof six);
		return csum_pseudo6(&six[0], &six[1], len, proto);
	}
	memcpy(four, ip + 12, sizeof four);
	return csum_pseudo4(four[0], four[1], len, proto);
}

uint16_t csum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t csum_update(uint16_t field, uint64_t minus, uint64_t plus)
{
	uint16_t removed = csum_fold(minus); /* = ~m, folded */

	return csum_fold((uint64_t)(uint16_t)~field + removed + plus);
}
