/* SPDX-License-Identifier: GPL-3.0-or-later */
/* random.c - see random.h. */
#include "random.h"

#include <string.h>
#include <sys/random.h>

void random_take(struct random *r, void *out, size_t n)
{
	if (n > r->left) {
		/* Cannot fail once the kernel's generator is seeded, for up to 256 bytes. */
		while (getrandom(r->bytes, RANDOM_LEN, 0) != RANDOM_LEN)
			continue;
		r->left = RANDOM_LEN;
	}
	r->left -= n;
	memcpy(out, r->bytes + r->left, n);
	memset(r->bytes + r->left, 0, n);
}
