/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vectors_print.c - vectors_print DIR: the vectors below DIR, one word and its values a line,
 * for programs that replay them elsewhere: vector, conf, then for each packet wait, in, its out
 * and reason.  Packets are hexadecimal, ".." is any byte. */
#include "vectors.h"

static void print_packet(const char *what, const struct pkt *p)
{
	printf("%s ", what);
	for (size_t i = 0; i < p->n; i++)
		if (p->any[i])
			printf("..");
		else
			printf("%02x", p->b[i]);
	printf("\n");
}

static void print_step(const struct vector *v, const struct step *s)
{
	static struct pkt in, out;

	if (s->wait_ms)
		printf("wait %llu\n", (unsigned long long)s->wait_ms);
	pkt_build(v->lines + s->in.first, s->in.n, NULL, &in);
	print_packet("in", &in);
	for (unsigned i = 0; i < s->n_outs; i++) {
		pkt_build(v->lines + s->outs[i].first, s->outs[i].n, &in, &out);
		print_packet("out", &out);
	}
	printf("reason %s\n", s->reason);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	vectors_read(argv[1]);
	for (size_t i = 0; i < n_vectors; i++) {
		const struct vector *v = vectors[i];

		printf("vector %s\n", v->name);
		for (unsigned j = 0; j < v->n_conf; j++) {
			printf("conf");
			for (unsigned k = 1; k < v->conf[j].n; k++)
				printf(" %s", pkt_value(v->conf[j].word[k]));
			printf("\n");
		}
		for (unsigned j = 0; j < v->n_steps; j++)
			print_step(v, &v->steps[j]);
		free(vectors[i]);
	}
	return 0;
}
