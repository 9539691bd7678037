/* SPDX-License-Identifier: GPL-3.0-or-later */
/* t.h - what every unit test includes: cmocka with the headers it wants before it. */
#pragma once

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#define N_OF(array) (sizeof(array) / sizeof *(array))
