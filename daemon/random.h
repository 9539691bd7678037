/* SPDX-License-Identifier: GPL-3.0-or-later */
/* random.h - unpredictable bytes, taken from the kernel many at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { RANDOM_LEN = 256 };

/* Zeroed it is empty. */
struct random {
	uint8_t bytes[RANDOM_LEN];
	size_t left;
};

/* n: at most RANDOM_LEN; what was given is not kept. */
void random_take(struct random *, void *out, size_t n);
