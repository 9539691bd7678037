/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ra_fuzz.c - readers of solicitations and advertisements: what is accepted can be written and
 * is read again as the same; compared with what we announce it is remembered within bounds, and
 * who says the same as we contradicts nobody.
 *
 * Input: one byte (bit 0: from the unspecified address), then the message. */
#include "ra/others.h"
#include "ra/ra_msg.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct again {
	const struct ra_advert *first;
	size_t seen;
	bool partial; /* names of a byte or two: more fit into a message than are read of it */
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static bool same_header(const struct ra_header *a, const struct ra_header *b)
{
	return a->hop_limit == b->hop_limit && a->managed == b->managed &&
	       a->other == b->other && a->preference == b->preference &&
	       a->lifetime_s == b->lifetime_s && a->reachable_ms == b->reachable_ms &&
	       a->retrans_ms == b->retrans_ms && a->mtu == b->mtu && a->has_mac == b->has_mac &&
	       memcmp(a->mac, b->mac, sizeof a->mac) == 0;
}

static bool same_item(const struct ra_item *a, const struct ra_item *b)
{
	return ra_item_same(a, b) && addr_equal(&a->addr, &b->addr) && a->flags == b->flags &&
	       a->preference == b->preference && a->lifetime_s == b->lifetime_s &&
	       a->preferred_s == b->preferred_s && a->n_bytes == b->n_bytes &&
	       (!a->n_bytes || memcmp(a->bytes, b->bytes, a->n_bytes) == 0);
}

static void ignore(void *arg, const uint8_t *msg, size_t len)
{
	(void)arg;
	(void)msg;
	check(len <= RA_MSG_MAX);
}

static void read_again(void *arg, const uint8_t *msg, size_t len)
{
	struct again *again = arg;
	struct ra_packet in = { { { { 0xfe, 0x80 } } }, 255, msg, len };
	struct ra_advert ra;

	check(ra_msg_read_advert(&in, &ra) == RA_ACCEPTED);
	check(same_header(&ra.head, &again->first->head));
	again->partial |= ra.ignored;
	if (again->partial)
		return;
	check(again->seen + ra.n <= again->first->n);
	for (size_t i = 0; i < ra.n; i++)
		check(same_item(&ra.items[i], &again->first->items[again->seen++]));
}

static bool says_all_once(const struct ra_advert *ra)
{
	for (size_t i = 0; i < ra->n; i++)
		for (size_t j = 0; j < i; j++)
			if (ra_item_same(&ra->items[i], &ra->items[j]))
				return false;
	return true;
}

/* As a second router would say it: to one who says the same, and to one who says other things.
 */
static void compare(const struct ra_advert *ra)
{
	static const uint8_t name[] = { 1, 'a', 0 }, uri[] = "https://a/";
	static const struct ra_header head = { .hop_limit = 64,
					       .mtu = 1500,
					       .reachable_ms = 1 };
	static const struct ra_item items[] = {
		{ .kind = RA_PREFIX, .addr = { { { 0x20, 1, 0xd, 0xb8 } } }, .len = 64 },
		{ .kind = RA_ROUTE,
		  .addr = { { { 0, 0x64, 0xff, 0x9b } } },
		  .len = 96,
		  .lifetime_s = 1800 },
		{ .kind = RA_RDNSS,
		  .addr = { { { 0x20, 1, 0xd, 0xb8 } } },
		  .lifetime_s = 1800 },
		{ .kind = RA_DNSSL, .bytes = name, .n_bytes = 3, .lifetime_s = 1800 },
		{ .kind = RA_PREF64, .addr = { { { 0, 0x64, 0xff, 0x9b } } }, .len = 96 },
		{ .kind = RA_CAPTIVE_PORTAL, .bytes = uri, .n_bytes = sizeof uri - 1 },
	};
	const struct in6_addr src = { { { 0xfe, 0x80, [15] = 2 } } };
	const struct others_own same = { .head = &ra->head, .items = ra->items, .n = ra->n };
	const struct others_own other = {
		{ { { 0xfe, 0x80, [15] = 2 } } }, &head, items, RA_KINDS
	};
	struct others others = { 0 };
	struct others_news news;
	unsigned found = others_input(&others, 1000, &src, ra, &same);

	check(!(found & ~OTHERS_BIT(OTHERS_ROUTER)) || !says_all_once(ra));
	check(others_news(&others, &news) == (found != 0));
	found = others_input(&others, 2000, &src, ra, &other);
	check(found & OTHERS_BIT(OTHERS_ADDRESS) && !(found & OTHERS_BIT(OTHERS_ROUTER)));
	check(!others_news(&others, &news) || news.found);
	check(others.routers[0].n_prefixes <= OTHERS_PREFIXES && others.routers[0].heard == 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ra_packet in = { { { { 0xfe, 0x80 } } }, 255, data + 1, size - 1 };
	struct ra_solicit rs;
	struct ra_advert ra;
	struct again again = { &ra, 0, false };

	if (!size)
		return 0;
	if (data[0] & 1)
		in.src = (struct in6_addr){ 0 };
	ra_msg_read_solicit(&in, &rs);
	in.src = (struct in6_addr){ { { 0xfe, 0x80 } } };
	if (ra_msg_read_advert(&in, &ra) != RA_ACCEPTED)
		return 0;
	compare(&ra);
	/* An option of a jumbo frame may be longer than what we send. */
	if (ra_msg_write(&ra.head, ra.items, ra.n, ignore, NULL))
		return 0;
	ra_msg_write(&ra.head, ra.items, ra.n, read_again, &again);
	check(again.partial || again.seen == ra.n);
	return 0;
}
