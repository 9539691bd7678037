/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text.h - types, codes and records as people write them (RFC 1035 5.1, RFC 3597).
 *
 * Everything that came from a wire is escaped: nothing but printable ASCII comes out.
 */
#pragma once

#include "msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_TYPE_LEN  16
#define TEXT_RCODE_LEN 16
#define TEXT_DATA_LEN  2048 /* longer data ends with "..." */

/* "AAAA", or "TYPE65534" (RFC 3597 5); *out is what a name of either kind stands for, case
 * aside. */
const char *text_type(uint16_t type, char out[TEXT_TYPE_LEN]);
bool text_read_type(const char *text, uint16_t *out);

/* "NXDOMAIN", or "RCODE14"; "Synthesized", or "" for an extended error that has no name. */
const char *text_rcode(unsigned rcode, char out[TEXT_RCODE_LEN]);
const char *text_ede(uint16_t ede);

/* The data of a record; of a type not known here "\# LEN HEX". */
const char *text_data(const struct msg *, const struct msg_rr *, char out[TEXT_DATA_LEN]);
