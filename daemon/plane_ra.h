/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_ra.h - what control asks of the advertisers alone; plane.h has the rest. */
#pragma once

#include "doctor/doctor.h"

struct report;

/* The inside of a list: an object for each interface, with what is in its next advertisement,
 * and the other routers on its link. */
void plane_ra_show(const void *plane, struct report *);

/* What v6gwctl doctor asks of the i-th interface; false behind the last. */
bool plane_ra_look(const void *plane, size_t i, struct doctor_ra *out);
