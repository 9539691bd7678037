/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_scenario.h - plays scenarios against the DNS64 engine; tests/vectors/dns/README has the
 * language. */
#pragma once

#include <stdbool.h>

/* Plays all scenarios of a file; false, after a message on stderr for each, when one fails. */
bool scenario_run_file(const char *path);
