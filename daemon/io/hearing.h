/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hearing.h - who of the host itself listens to router advertisements on a link. */
#pragma once

#include "config/facts.h"

/* Reads it now: nobody notifies of it. */
struct fact_hearing hearing_read(const char *name, uint32_t index);
