/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_ra.h - what control asks of the advertisers alone; plane.h has the rest. */
#pragma once

struct report;

/* The inside of a list: an object for each interface, with what is in its next advertisement,
 * and the other routers on its link. */
void plane_ra_show(const void *plane, struct report *);
