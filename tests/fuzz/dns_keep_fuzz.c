/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_keep_fuzz.c - a cache of bytes from elsewhere: what is taken over can be handed on, and
 * is the same then. */
#include "base/addr.h"
#include "dns/keep.h"

#include <stdlib.h>
#include <string.h>

#define SIZE   ((size_t)1 << 20)
#define NOW_MS 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 7, n);
}

static struct dns *engine(void)
{
	static const struct dns_ops ops = { .random = on_random };
	const struct dns_conf conf = {
		.validating = true,
		.cache_size = SIZE / 4,
		.max_ttl_s = 3600,
		.negative_ttl_s = 900,
		.serve_stale_s = 60,
	};
	struct dns *d = dns_new(&conf, &ops, NULL);

	if (!d)
		abort();
	return d;
}

static size_t save(const struct dns *d, uint8_t *out)
{
	size_t len = keep_save(d, 0, out, SIZE, NOW_MS);

	if (!len || len > keep_size(d))
		abort();
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t first[SIZE], second[SIZE];
	struct dns *a = engine(), *b = engine();
	size_t len;

	keep_load(a, 0, data, size, NOW_MS);
	len = save(a, first);
	keep_load(b, 0, first, len, NOW_MS);
	if (save(b, second) != len || memcmp(first, second, len) != 0)
		abort();
	dns_free(a);
	dns_free(b);
	return 0;
}
