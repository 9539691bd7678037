/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns64_keep.h - the cache over a restart: in a memory file that the service manager holds
 * between two processes.  One that was killed leaves none. */
#pragma once

#include "dns64_conf.h"

/* What was proved is taken over by who would prove it by the same keys. */
void dns64_keep_save(const struct dns *, const struct dns64_conf *, uint64_t now_ms);
void dns64_keep_load(struct dns *, const struct dns64_conf *, uint64_t now_ms);
