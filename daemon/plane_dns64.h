/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plane_dns64.h - what control asks of the DNS64 plane alone; plane.h has the rest. */
#pragma once

#include <stdbool.h>

/* Empties the cache; false when the plane does not run. */
bool plane_dns64_flush(void *plane);
