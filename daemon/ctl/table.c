/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.c - cells are kept until some rows are known, because widths depend on them. */
#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_KEPT 1000u /* by which the widths of a long table are known */

void table_add(struct table *t, const char *text)
{
	if (t->n == t->size) {
		t->size = t->size ? 2 * t->size : 256;
		t->cells = reallocarray(t->cells, t->size, sizeof *t->cells);
	}
	char *copy = t->cells ? strdup(text) : NULL;
	if (!copy) {
		fprintf(stderr, "v6gwctl: out of memory\n");
		exit(1);
	}
	t->cells[t->n++] = copy;
}

/* Characters of UTF-8, taken as one column each. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* One character, or a question mark for what a terminal obeys: C0, DEL, and C1, which is C2 80
 * to C2 9F in UTF-8.  Its length. */
static size_t put_char(FILE *out, const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) {
		putc('?', out);
		return 2;
	}
	putc(c[0] < 0x20 || c[0] == 0x7f ? '?' : c[0], out);
	return 1;
}

void table_put_text(FILE *out, const char *text)
{
	while (*text)
		text += put_char(out, text);
}

/* 0 for a column without any cell. */
static size_t column_width(const struct table *t, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < t->n; i += t->n_columns) {
		size_t w = width_of(t->cells[i]);
		width = w > width ? w : width;
	}
	size_t title = width_of(t->columns[column].title);
	return width && width < title ? title : width;
}

/* The last column is not filled up. */
static void put_cell(FILE *out, const char *text, size_t width, bool right, bool last)
{
	size_t w = width_of(text);
	int fill = width > w ? (int)(width - w) : 0;

	if (right)
		fprintf(out, "%*s", fill, "");
	table_put_text(out, text);
	if (!right && !last)
		fprintf(out, "%*s", fill, "");
	fputs(last ? "" : "  ", out);
}

static void put_titles(struct table *t, FILE *out, bool colour)
{
	t->last = 0;
	for (size_t c = 0; c < t->n_columns; c++) {
		t->widths[c] = column_width(t, c);
		t->last = t->widths[c] ? c : t->last;
	}
	fputs(colour ? "\033[1m" : "", out);
	for (size_t c = 0; c <= t->last; c++) {
		if (t->widths[c])
			put_cell(out, t->columns[c].title, t->widths[c], t->columns[c].right,
				 c == t->last);
	}
	fputs(colour ? "\033[0m\n" : "\n", out);
	t->begun = true;
}

void table_print(struct table *t, FILE *out, bool colour)
{
	if (!t->begun)
		put_titles(t, out, colour);
	for (size_t i = 0; i < t->n; i++) {
		size_t c = i % t->n_columns;

		if (t->widths[c])
			put_cell(out, t->cells[i], t->widths[c], t->columns[c].right,
				 c == t->last);
		if (c + 1 == t->n_columns)
			putc('\n', out);
		free(t->cells[i]);
	}
	t->n = 0;
}

void table_pass(struct table *t, FILE *out, bool colour)
{
	if (t->n >= ROWS_KEPT * t->n_columns)
		table_print(t, out, colour);
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->n = t->size = 0;
	t->begun = false;
}

const char *table_duration(uint64_t s, char out[TABLE_TEXT])
{
	uint64_t m = s / 60, h = m / 60, d = h / 24;

	static const char units[] = "dhms";
	const uint64_t parts[] = { d, h % 24, m % 60, s % 60 };
	size_t first = d ? 0 : h ? 1 : m ? 2 : 3;
	int len = snprintf(out, TABLE_TEXT, "%" PRIu64 "%c", parts[first], units[first]);

	if (first < 3 && parts[first + 1])
		snprintf(out + len, TABLE_TEXT - (size_t)len, " %" PRIu64 "%c",
			 parts[first + 1], units[first + 1]);
	return out;
}

static const char *scale(uint64_t n, double step, const char *const units[5],
			 char out[TABLE_TEXT])
{
	double value = (double)n / step;
	size_t unit = 0;

	for (; value >= step && unit < 4; unit++)
		value /= step;
	snprintf(out, TABLE_TEXT, value < 10 ? "%.1f%s" : "%.0f%s", value, units[unit]);
	return out;
}

const char *table_count(uint64_t n, char out[TABLE_TEXT])
{
	static const char *const units[5] = { "k", "M", "G", "T", "P" };

	if (n >= 100000)
		return scale(n, 1000, units, out);
	snprintf(out, TABLE_TEXT, "%" PRIu64, n);
	return out;
}

const char *table_bytes(uint64_t n, char out[TABLE_TEXT])
{
	static const char *const units[5] = { " KiB", " MiB", " GiB", " TiB", " PiB" };

	if (n >= 1024)
		return scale(n, 1024, units, out);
	snprintf(out, TABLE_TEXT, "%" PRIu64 " B", n);
	return out;
}
