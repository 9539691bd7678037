/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules.c - see rules.h. */
#include "rules.h"

#include <stdlib.h>

void rules_done(struct rules *r)
{
	special_free(r->special);
	free(r->exclude);
	*r = (struct rules){ 0 };
}

bool rules_init(struct rules *r, const struct dns_conf *conf)
{
	r->conf = *conf;
	r->special = special_new(conf);
	r->exclude = calloc(conf->n_exclude_names + 1, sizeof *r->exclude);
	if (!r->special || !r->exclude) {
		rules_done(r);
		return false;
	}
	for (size_t i = 0; i < conf->n_exclude_names; i++)
		if (name_from_text(conf->exclude_names[i], r->exclude[r->n_exclude]))
			r->n_exclude++;
	return true;
}

const uint8_t *rules_exclude(const struct rules *r, const uint8_t *name)
{
	for (size_t i = 0; i < r->n_exclude; i++)
		if (name_is_in(name, r->exclude[i]))
			return r->exclude[i];
	return NULL;
}
