/* SPDX-License-Identifier: GPL-3.0-or-later */
/* counters.c - see counters.h. */
#include "counters.h"

const struct dns_count_text dns_count_texts[DNS_COUNT_COUNT] = {
#define X(id, name, text, rfc) { name, text, rfc },
	DNS_COUNTERS(X)
#undef X
};
