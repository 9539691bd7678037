/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_metrics.h - the counters as OpenMetrics text (openmetrics.io, version 1.0). */
#pragma once

#include "control_buf.h"

#include <stdbool.h>

struct control_service;

/* Adds the whole exposition, "# EOF" included.  False when memory is short. */
bool control_metrics_write(const struct control_service *, struct control_buf *out);
