/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check.h - what no single key can get wrong: values that contradict each other.
 *
 * Only what the file itself says; whether the host agrees is effective.c's and the planes'.
 */
#pragma once

#include "config.h"
#include "option_type.h"

/* What the daemon is built with. */
struct check_build {
	bool validates; /* DNSSEC */
};

/* Adds errors and warnings to the reader that built the configuration.  What was refused, or
 * may still be written behind a fault, is not held against anything. */
void config_check(const struct config *, struct check_build, struct option_reader *);
