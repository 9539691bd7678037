/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_scenario.h - plays scenarios against the DNS64 engine; tests/vectors/dns/README has the
 * language. */
#pragma once

#include <stdbool.h>

/* Plays all scenarios of a file, with traced every question as one that is traced, which must
 * not make a difference; false, after a message on stderr for each, when one fails. */
bool scenario_run_file(const char *path, bool traced);

/* Has a traced question been told this reason (enum dns_why) so far? */
bool scenario_reached(unsigned why);
