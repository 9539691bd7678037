/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.h - columns that are as wide as what stands in them, and numbers for people. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS 12
#define TABLE_TEXT    32 /* room for any text made here */

/* One column; a column whose cells are all empty is not printed. */
struct table_column {
	const char *title;
	bool right; /* aligned to the right: numbers */
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	char **cells; /* rows after each other, n_columns each */
	size_t n, size;
	size_t widths[TABLE_COLUMNS], last; /* once the titles are printed */
	bool begun;
};

/* Adds the next cell, "" for none; ends the program when memory is short. */
void table_add(struct table *, const char *text);

/* Prints the titles (bold with colour; once) and all rows, and forgets these. */
void table_print(struct table *, FILE *, bool colour);

/* The same behind a row of a table that may be long, when enough rows have come together. */
void table_pass(struct table *, FILE *, bool colour);
void table_done(struct table *);

/* text without what would steer a terminal. */
void table_put_text(FILE *, const char *text);

/* "12s", "5m 3s", "2h 4m", "3d 4h" */
const char *table_duration(uint64_t s, char out[TABLE_TEXT]);
/* "98304", "1.2M": five digits, then powers of 1000 */
const char *table_count(uint64_t n, char out[TABLE_TEXT]);
/* "512 B", "1.2 MiB" */
const char *table_bytes(uint64_t n, char out[TABLE_TEXT]);
