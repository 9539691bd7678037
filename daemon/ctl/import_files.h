/* SPDX-License-Identifier: GPL-3.0-or-later */
/* import_files.h - v6gwctl import: reads the files, prints the result. */
#pragma once

#include "call.h"

/* What --tayga, --bind, --unbound, --radvd and --leases name; NULL: not given. */
struct import_files {
	const char *tayga, *bind, *unbound, *radvd, *leases;
};

enum call_exit import_files(struct import_files);
