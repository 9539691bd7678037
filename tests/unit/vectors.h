/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vectors.h - reads files of test vectors (tests/vectors/README.md); for the tests and the
 * program that prints them.  Packets stay lines: pkt.h builds them. */
#pragma once

#include "pkt.h"

#include <ctype.h>
#include <dirent.h>

#define VEC_LINES_MAX 400u
#define VEC_STEPS_MAX 60u
#define VEC_OUTS_MAX  8u
#define VEC_LISTS_MAX 8u
#define VECTORS_MAX   1000u

struct span {
	unsigned first, n;
};

struct step {
	struct span in, outs[VEC_OUTS_MAX];
	unsigned n_outs;
	uint64_t wait_ms;
	char reason[64];
};

struct vector {
	char name[100];
	struct pkt_line lines[VEC_LINES_MAX], conf[VEC_LISTS_MAX];
	struct step steps[VEC_STEPS_MAX];
	unsigned n_lines, n_conf, n_steps;
};

static struct vector *vectors[VECTORS_MAX];
static size_t n_vectors;

static inline void vectors_layer(struct vector *v, const char *text)
{
	struct step *s = &v->steps[v->n_steps - 1];
	struct span *span = s->n_outs ? &s->outs[s->n_outs - 1] : &s->in;

	if (v->n_lines == VEC_LINES_MAX)
		pkt_fail("too many lines", v->name);
	if (!span->n)
		span->first = v->n_lines;
	span->n++;
	pkt_split(&v->lines[v->n_lines++], text);
}

static inline struct step *vectors_step(struct vector *v)
{
	if (!v->n_steps)
		pkt_fail("no packet before this", v->name);
	return &v->steps[v->n_steps - 1];
}

static inline void vectors_keyword(struct vector *v, const char *text, uint64_t *wait_ms)
{
	struct pkt_line l;

	pkt_split(&l, text);
	if (strcmp(l.word[0], "conf") == 0) {
		if (v->n_conf == VEC_LISTS_MAX)
			pkt_fail("too many", v->name);
		pkt_split(&v->conf[v->n_conf++], text);
	} else if (strcmp(l.word[0], "wait") == 0) {
		*wait_ms = pkt_parse(l.word[1]);
	} else if (strcmp(l.word[0], "in") == 0) {
		if (v->n_steps == VEC_STEPS_MAX)
			pkt_fail("too many", v->name);
		v->n_steps++;
		vectors_step(v)->wait_ms = *wait_ms;
		*wait_ms = 0;
	} else if (strcmp(l.word[0], "out") == 0) {
		if (vectors_step(v)->n_outs == VEC_OUTS_MAX)
			pkt_fail("too many", v->name);
		vectors_step(v)->n_outs++;
	} else if (strcmp(l.word[0], "reason") == 0) {
		snprintf(vectors_step(v)->reason, sizeof v->steps->reason, "%s", l.word[1]);
	} else if (strcmp(l.word[0], "items") != 0 && strcmp(l.word[0], "rfc") != 0) {
		pkt_fail("unknown keyword", l.word[0]);
	}
}

static inline struct vector *vectors_begin(const char *text)
{
	struct vector *v = calloc(1, sizeof *v);

	if (!v || n_vectors == VECTORS_MAX)
		abort();
	if (sscanf(text, "vector %99s", v->name) != 1)
		pkt_fail("a vector without a name", text);
	for (size_t i = 0; i < n_vectors; i++)
		if (strcmp(vectors[i]->name, v->name) == 0)
			pkt_fail("two vectors of one name", v->name);
	vectors[n_vectors++] = v;
	return v;
}

static inline void vectors_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char text[400];
	struct vector *v = NULL;
	uint64_t wait_ms = 0;

	if (!f)
		pkt_fail("cannot read", path);
	while (fgets(text, sizeof text, f)) {
		text[strcspn(text, "#\n")] = '\0';
		if (strspn(text, " \t") == strlen(text))
			continue;
		if (strncmp(text, "vector ", 7) == 0)
			v = vectors_begin(text);
		else if (!v)
			pkt_fail("before the first vector", text);
		else if (isspace((unsigned char)text[0]))
			vectors_layer(v, text);
		else
			vectors_keyword(v, text, &wait_ms);
	}
	fclose(f);
}

static inline int vectors_is_file(const struct dirent *e)
{
	const char *dot = strrchr(e->d_name, '.');

	return dot && strcmp(dot, ".vec") == 0;
}

static inline void vectors_read(const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, vectors_is_file, alphasort);
	char path[600];

	if (n <= 0)
		pkt_fail("no vectors in", dir);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
		vectors_file(path);
		free(list[i]);
	}
	free(list);
}
