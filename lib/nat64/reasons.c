/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/reasons.h"

const struct nat64_reason_text nat64_reason_texts[NAT64_REASON_COUNT] = {
#define X(id, kind, name, text, rfc) { name, text, rfc, NAT64_##kind },
	NAT64_REASONS(X)
#undef X
};
