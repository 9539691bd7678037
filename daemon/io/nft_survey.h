/* SPDX-License-Identifier: GPL-3.0-or-later */
/* nft_survey.h - reads everybody's chains and rules out of nftables, those of iptables-nft too,
 * a piece a wake-up. */
#pragma once

#include "daemon/ev.h"
#include "doctor/filter.h"

struct nft_survey;

/* done is called once from the loop, when all is read or it failed.  NULL: no right, no
 * nftables, or no memory. */
struct nft_survey *nft_survey_new(struct ev_loop *, ev_fn *done, void *arg);
void nft_survey_free(struct nft_survey *); /* NULL is a no-op */

/* What was read; NULL while it is under way, and when it failed. */
const struct filter *nft_survey_result(const struct nft_survey *);
