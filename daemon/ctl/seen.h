/* SPDX-License-Identifier: GPL-3.0-or-later */
/* seen.h - what v6gwctl can see of the host and v6gwd in its sandbox cannot: processes, tables
 * of iptables-legacy, saved rulesets. */
#pragma once

#include <jansson.h>

/* The parameter "seen" of Doctor; what could not be looked at is left out. */
json_t *seen_json(void);
