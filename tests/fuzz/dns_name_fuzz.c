/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_name_fuzz.c - names: what is read has the length it says, is the same through text, and
 * reverse names come back. */
#include "dns/name.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void through_text(const uint8_t *name)
{
	uint8_t back[DNS_NAME_MAX];
	char text[NAME_TEXT_LEN];
	size_t len = name_len(name);

	require(strlen(name_text(name, text)) < sizeof text);
	require(name_from_text(text, back) == len);
	require(memcmp(name, back, len) == 0);
}

static void through_reverse(const uint8_t *name)
{
	uint8_t back[DNS_NAME_MAX];
	struct in6_addr addr;
	unsigned len;

	if (!name_reversed(name, &addr, &len))
		return;
	require(len <= 128);
	name_reverse(&addr, len, back);
	/* ::ffff:0:0/96 below ip6.arpa is written below in-addr.arpa. */
	require(name_equal(name, back) || (len >= 96 && name_labels(name) >= 26));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t name[DNS_NAME_MAX];
	struct name_guard guard = { 1000, NULL };
	size_t at, len;

	if (size < 2)
		return 0;
	at = (size_t)data[0] % (size - 1);
	len = name_read(data + 1, size - 1, at, name, &guard);
	if (!len)
		return 0;
	require(len <= DNS_NAME_MAX && name_len(name) == len);
	require(name_skip(data + 1, size - 1, at) > at);
	require(name_equal(name, name) && name_is_in(name, name));
	through_text(name);
	through_reverse(name);
	return 0;
}
