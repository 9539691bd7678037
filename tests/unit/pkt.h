/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pkt.h - packets from a small text notation, one layer a line; for tests.
 *
 * Written apart from lib/, so that it is a second opinion: lengths and checksums are computed
 * from scratch, from the layers below, unless a line says otherwise.  tests/vectors/README.md
 * describes the notation.
 */
#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PKT_MAX   70000u
#define PKT_WORDS 32u

struct pkt {
	uint8_t b[PKT_MAX], any[PKT_MAX]; /* any[i]: b[i] may have any value */
	size_t n;
};

struct pkt_line {
	char text[400];
	char *word[PKT_WORDS];
	unsigned n;
};

/* The addresses of the nearest IP header above. */
struct pkt_pseudo {
	uint8_t addrs[32];
	size_t addrs_len; /* 8 or 32 */
};

struct pkt_name {
	const char *name, *value;
};

static const struct pkt_name pkt_names[] = {
	{ "H", "2001:db8:1::10" },    { "H2", "2001:db8:1::11" },  { "P", "192.168.255.10" },
	{ "P2", "192.168.255.11" },   { "R", "8.8.8.8" },          { "R6", "64:ff9b::8.8.8.8" },
	{ "OWN6", "2001:db8:1::64" }, { "OWN4", "192.168.255.1" }, { "X", "9.9.9.9" },
	{ "X6", "64:ff9b::9.9.9.9" },
};

static inline const char *pkt_value(const char *word)
{
	for (size_t i = 0; i < sizeof pkt_names / sizeof *pkt_names; i++)
		if (strcmp(word, pkt_names[i].name) == 0)
			return pkt_names[i].value;
	return word;
}

static inline void pkt_fail(const char *what, const char *word)
{
	fprintf(stderr, "packet notation: %s: %s\n", what, word);
	abort();
}

static inline void pkt_split(struct pkt_line *l, const char *text)
{
	snprintf(l->text, sizeof l->text, "%s", text);
	l->n = 0;
	for (char *w = strtok(l->text, " \t\n"); w; w = strtok(NULL, " \t\n")) {
		if (l->n == PKT_WORDS)
			pkt_fail("too many words", w);
		l->word[l->n++] = w;
	}
}

static inline const char *pkt_after(const struct pkt_line *l, const char *key)
{
	for (unsigned i = 1; i + 1 < l->n; i++)
		if (strcmp(l->word[i], key) == 0)
			return l->word[i + 1];
	return NULL;
}

static inline bool pkt_has(const struct pkt_line *l, const char *key)
{
	for (unsigned i = 1; i < l->n; i++)
		if (strcmp(l->word[i], key) == 0)
			return true;
	return false;
}

static inline uint32_t pkt_parse(const char *word)
{
	char *end;
	unsigned long v = strtoul(word, &end, 0);

	if (*end || end == word)
		pkt_fail("no number", word);
	return (uint32_t)v;
}

static inline uint32_t pkt_num(const struct pkt_line *l, const char *key, uint32_t otherwise)
{
	const char *word = pkt_after(l, key);

	return word && strcmp(word, "*") != 0 ? pkt_parse(word) : otherwise;
}

/* The i-th word behind the first, as a number. */
static inline uint32_t pkt_arg(const struct pkt_line *l, unsigned i, uint32_t otherwise)
{
	return i < l->n ? pkt_parse(l->word[i]) : otherwise;
}

static inline void pkt_add(struct pkt *p, const void *from, size_t n)
{
	if (p->n + n > PKT_MAX)
		pkt_fail("too long", "");
	if (n)
		memcpy(p->b + p->n, from, n);
	memset(p->any + p->n, 0, n);
	p->n += n;
}

static inline void pkt_be(struct pkt *p, uint32_t v, unsigned bytes)
{
	while (bytes--) {
		uint8_t b = (uint8_t)(v >> 8 * bytes);

		pkt_add(p, &b, 1);
	}
}

static inline void pkt_addr(struct pkt *p, const char *word, int family)
{
	uint8_t a[16];

	if (inet_pton(family, pkt_value(word), a) != 1)
		pkt_fail("no address", word);
	pkt_add(p, a, family == AF_INET6 ? 16 : 4);
}

static inline uint32_t pkt_sum(uint32_t sum, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Stores the checksum at `at`: as computed, or as the line says. */
static inline void pkt_csum(struct pkt *p, size_t at, uint32_t sum, const struct pkt_line *l,
			    bool udp)
{
	const char *said = pkt_after(l, "csum");
	uint32_t v = ~sum & 0xffff;

	if (udp && v == 0)
		v = 0xffff;
	if (said && said[0] == '+') {
		v += pkt_parse(said + 1);
		v = (v & 0xffff) + (v >> 16);
	} else if (said && strcmp(said, "*") == 0) {
		p->any[at] = p->any[at + 1] = 1;
	} else if (said) {
		v = pkt_parse(said);
	}
	p->b[at] = (uint8_t)(v >> 8);
	p->b[at + 1] = (uint8_t)v;
}

static inline uint32_t pkt_pseudo_sum(const struct pkt_pseudo *ps, size_t len, uint8_t proto)
{
	return pkt_sum((uint32_t)((len >> 16) + (len & 0xffff) + proto), ps->addrs,
		       ps->addrs_len);
}

static inline int pkt_proto(const struct pkt_line *l)
{
	static const struct {
		const char *name;
		int proto;
	} protos[] = { { "udp", 17 }, { "tcp", 6 },  { "icmp", 1 },      { "icmp6", 58 },
		       { "hbh", 0 },  { "rh", 43 },  { "frag", 44 },     { "dstopt", 60 },
		       { "ip4", 4 },  { "ip6", 41 }, { "mobility", 135 } };

	for (size_t i = 0; i < sizeof protos / sizeof *protos; i++)
		if (strcmp(l->word[0], protos[i].name) == 0)
			return protos[i].proto;
	return -1;
}

static inline uint8_t pkt_next(const struct pkt_line *l, size_t n)
{
	for (; n; l++, n--)
		if (pkt_proto(l) >= 0)
			return (uint8_t)pkt_proto(l);
		else if (strcmp(l->word[0], "part") != 0)
			return 253;
	return 59;
}

static inline void pkt_hex(struct pkt *p, const char *hex)
{
	unsigned v;

	for (; hex[0] && hex[1]; hex += 2) {
		if (sscanf(hex, "%2x", &v) != 1)
			pkt_fail("no hex", hex);
		pkt_be(p, v, 1);
	}
}

struct pkt_job {
	const struct pkt_line *lines;
	size_t n;
	const struct pkt *quoted; /* for "quote" */
};

static inline void pkt_layers(const struct pkt_job *job, size_t i, const struct pkt_pseudo *ps,
			      struct pkt *out);

/* The layers below line i, in memory of their own. */
static inline struct pkt *pkt_body(const struct pkt_job *job, size_t i,
				   const struct pkt_pseudo *ps)
{
	struct pkt *body = malloc(sizeof *body);

	if (!body)
		abort();
	body->n = 0;
	pkt_layers(job, i + 1, ps, body);
	return body;
}

static inline void pkt_append(struct pkt *p, struct pkt *body)
{
	size_t at = p->n;

	pkt_add(p, body->b, body->n);
	memcpy(p->any + at, body->any, body->n);
	free(body);
}

static inline void pkt_ip6(const struct pkt_job *job, size_t i, struct pkt *p)
{
	const struct pkt_line *l = &job->lines[i];
	struct pkt_pseudo ps = { .addrs_len = 32 };
	size_t at = p->n;
	struct pkt *body;

	pkt_be(p, pkt_num(l, "ver", 6) << 28 | pkt_num(l, "tc", 0) << 20 | pkt_num(l, "fl", 0),
	       4);
	pkt_be(p, 0, 2);
	pkt_be(p, pkt_num(l, "next", pkt_next(l + 1, job->n - i - 1)), 1);
	pkt_be(p, pkt_num(l, "hl", 64), 1);
	pkt_addr(p, l->word[1], AF_INET6);
	pkt_addr(p, l->word[2], AF_INET6);
	memcpy(ps.addrs, p->b + at + 8, 32);
	body = pkt_body(job, i, &ps);
	p->b[at + 4] = (uint8_t)(pkt_num(l, "plen", (uint32_t)body->n) >> 8);
	p->b[at + 5] = (uint8_t)pkt_num(l, "plen", (uint32_t)body->n);
	pkt_append(p, body);
}

static inline void pkt_ip4(const struct pkt_job *job, size_t i, struct pkt *p)
{
	const struct pkt_line *l = &job->lines[i];
	const char *options = pkt_after(l, "opt");
	struct pkt_pseudo ps = { .addrs_len = 8 };
	size_t at = p->n, options_len = options ? strlen(options) / 2 : 0;
	struct pkt *body;
	uint32_t len, flags = (pkt_has(l, "df") ? 0x4000u : 0) |
			      (pkt_has(l, "mf") ? 0x2000u : 0) |
			      (pkt_has(l, "rf") ? 0x8000u : 0);

	pkt_be(p,
	       pkt_num(l, "ver", 4) << 4 | pkt_num(l, "ihl", (uint32_t)(5 + options_len / 4)),
	       1);
	pkt_be(p, pkt_num(l, "tos", 0), 1);
	pkt_be(p, 0, 2);
	pkt_be(p, pkt_num(l, "id", 0), 2);
	pkt_be(p, flags | pkt_num(l, "off", 0) / 8, 2);
	pkt_be(p, pkt_num(l, "ttl", 64), 1);
	pkt_be(p, pkt_num(l, "proto", pkt_next(l + 1, job->n - i - 1)), 1);
	pkt_be(p, 0, 2);
	pkt_addr(p, l->word[1], AF_INET);
	pkt_addr(p, l->word[2], AF_INET);
	memcpy(ps.addrs, p->b + at + 12, 8);
	if (options)
		pkt_hex(p, options);
	body = pkt_body(job, i, &ps);
	len = pkt_num(l, "len", (uint32_t)(20 + options_len + body->n));
	p->b[at + 2] = (uint8_t)(len >> 8);
	p->b[at + 3] = (uint8_t)len;
	pkt_csum(p, at + 10, pkt_sum(0, p->b + at, 20 + options_len), l, false);
	if (pkt_after(l, "id") && strcmp(pkt_after(l, "id"), "*") == 0)
		memset(p->any + at + 4, 1, 2), memset(p->any + at + 10, 1, 2);
	pkt_append(p, body);
}

/* hbh, dstopt, mobility [units N]; rh TYPE LEFT [units N]; frag OFF M ID */
static inline void pkt_extension(const struct pkt_job *job, size_t i,
				 const struct pkt_pseudo *ps, struct pkt *p)
{
	const struct pkt_line *l = &job->lines[i];
	uint32_t units = pkt_num(l, "units", 0);
	bool rh = strcmp(l->word[0], "rh") == 0, frag = strcmp(l->word[0], "frag") == 0;
	static const uint8_t zero[2048];

	pkt_be(p, pkt_num(l, "next", pkt_next(l + 1, job->n - i - 1)), 1);
	if (frag) {
		pkt_be(p, 0, 1);
		pkt_be(p, pkt_arg(l, 1, 0) | pkt_arg(l, 2, 0), 2);
		pkt_be(p, pkt_arg(l, 3, 0), 4);
	} else if (rh) {
		pkt_be(p, units, 1);
		pkt_be(p, pkt_arg(l, 1, 0), 1);
		pkt_be(p, pkt_arg(l, 2, 0), 1);
		pkt_add(p, zero, 4 + 8 * units);
	} else {
		pkt_be(p, units, 1);
		pkt_be(p, 1, 1); /* PadN over the rest */
		pkt_be(p, (4 + 8 * units) & 0xff, 1);
		pkt_add(p, zero, 4 + 8 * units);
	}
	pkt_append(p, pkt_body(job, i, ps));
}

static inline void pkt_transport(const struct pkt_job *job, size_t i,
				 const struct pkt_pseudo *ps, struct pkt *p)
{
	const struct pkt_line *l = &job->lines[i];
	struct pkt *body = pkt_body(job, i, ps);
	bool udp = strcmp(l->word[0], "udp") == 0;
	size_t at = p->n, whole = (udp ? 8 : 20) + body->n;

	pkt_be(p, pkt_arg(l, 1, 0), 2);
	pkt_be(p, pkt_arg(l, 2, 0), 2);
	if (udp) {
		pkt_be(p, pkt_num(l, "len", (uint32_t)whole), 2);
		pkt_be(p, 0, 2);
	} else {
		pkt_be(p, pkt_num(l, "seq", 1), 4);
		pkt_be(p, pkt_num(l, "ack", 2), 4);
		pkt_be(p, pkt_num(l, "doff", 5) << 12 | 0x10, 2);
		pkt_be(p, 0x7210, 2);
		pkt_be(p, 0, 4);
	}
	pkt_append(p, body);
	pkt_csum(p, at + (udp ? 6 : 16),
		 pkt_sum(pkt_pseudo_sum(ps, whole, udp ? 17 : 6), p->b + at, whole), l, udp);
}

/* icmp/icmp6 TYPE CODE [id N seq N | word N] */
static inline void pkt_icmp(const struct pkt_job *job, size_t i, const struct pkt_pseudo *ps,
			    struct pkt *p)
{
	const struct pkt_line *l = &job->lines[i];
	struct pkt *body = pkt_body(job, i, ps);
	bool v6 = strcmp(l->word[0], "icmp6") == 0;
	size_t at = p->n, whole = 8 + body->n;

	pkt_be(p, pkt_arg(l, 1, 0), 1);
	pkt_be(p, pkt_arg(l, 2, 0), 1);
	pkt_be(p, 0, 2);
	pkt_be(p, pkt_num(l, "word", pkt_num(l, "id", 0) << 16 | pkt_num(l, "seq", 0)), 4);
	pkt_append(p, body);
	pkt_csum(p, at + 2, pkt_sum(v6 ? pkt_pseudo_sum(ps, whole, 58) : 0, p->b + at, whole),
		 l, false);
}

/* Byte i of the payload pattern: no two slices look alike. */
static inline uint8_t pkt_pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 251 + 1);
}

static inline void pkt_bytes(const struct pkt_line *l, struct pkt *p)
{
	size_t n = pkt_arg(l, 1, 0), from = pkt_arg(l, 2, 0);

	for (size_t i = 0; i < n; i++)
		pkt_be(p, pkt_pattern(from + i), 1);
}

/* The layers down to the line "end", if there is one; what follows that is taken whole. */
static inline void pkt_part(const struct pkt_job *job, size_t i, const struct pkt_pseudo *ps,
			    struct pkt *p)
{
	const struct pkt_line *l = &job->lines[i];
	size_t from = pkt_arg(l, 1, 0), n = pkt_arg(l, 2, 0);
	struct pkt_job inner = *job;
	struct pkt *body;

	for (inner.n = i + 1; inner.n < job->n; inner.n++)
		if (strcmp(job->lines[inner.n].word[0], "end") == 0)
			break;
	body = pkt_body(&inner, i, ps);
	if (from + n > body->n)
		pkt_fail("part beyond the layers below", l->word[1]);
	memmove(body->b, body->b + from, n);
	memmove(body->any, body->any + from, n);
	body->n = n;
	pkt_append(p, body);
	if (inner.n < job->n)
		pkt_layers(job, inner.n + 1, ps, p);
}

static inline void pkt_layers(const struct pkt_job *job, size_t i, const struct pkt_pseudo *ps,
			      struct pkt *out)
{
	for (; i < job->n; i++) {
		const struct pkt_line *l = &job->lines[i];
		const char *w = l->word[0];

		if (strcmp(w, "raw") == 0) {
			pkt_hex(out, l->n > 1 ? l->word[1] : "");
			continue;
		}
		if (strcmp(w, "bytes") == 0) {
			pkt_bytes(l, out);
			continue;
		}
		if (strcmp(w, "zero") == 0) {
			for (uint32_t n = pkt_arg(l, 1, 0); n; n--)
				pkt_be(out, 0, 1);
			continue;
		}
		if (strcmp(w, "quote") == 0) {
			pkt_add(out, job->quoted->b, pkt_arg(l, 1, (uint32_t)job->quoted->n));
			continue;
		}
		if (strcmp(w, "ip6") == 0)
			pkt_ip6(job, i, out);
		else if (strcmp(w, "ip4") == 0)
			pkt_ip4(job, i, out);
		else if (strcmp(w, "part") == 0)
			pkt_part(job, i, ps, out);
		else if (strcmp(w, "udp") == 0 || strcmp(w, "tcp") == 0)
			pkt_transport(job, i, ps, out);
		else if (strcmp(w, "icmp") == 0 || strcmp(w, "icmp6") == 0)
			pkt_icmp(job, i, ps, out);
		else if (pkt_proto(l) >= 0)
			pkt_extension(job, i, ps, out);
		else
			pkt_fail("unknown layer", w);
		return;
	}
}

static inline void pkt_build(const struct pkt_line *lines, size_t n, const struct pkt *quoted,
			     struct pkt *out)
{
	struct pkt_job job = { lines, n, quoted };

	out->n = 0;
	pkt_layers(&job, 0, NULL, out);
}
