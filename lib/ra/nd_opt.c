/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nd_opt.h"

bool nd_opt_next(struct rd *opts, struct nd_opt *out)
{
	struct nd_opt opt;

	if (!rd_left(opts))
		return false;
	opt.type = rd_u8(opts);
	/* A length of zero asks for SIZE_MAX - 1 bytes, which are never there. */
	opt.body = rd_sub(opts, (size_t)rd_u8(opts) * 8 - 2);
	if (!rd_ok(opts))
		return false;
	*out = opt;
	return true;
}

bool nd_opt_all_valid(struct rd opts)
{
	struct nd_opt opt;

	while (nd_opt_next(&opts, &opt))
		;
	return rd_ok(&opts);
}
