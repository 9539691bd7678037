/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nat64/lease.h"

#include "base/addr.h"
#include "base/siphash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TOKEN_MAX  64u
#define TOKENS_MAX 4u
#define BLANKS     " \t\r\n"
#define END        "# end "
#define AHEAD_S    60u         /* by which a clock may be set right */
#define CLOCK_SET  1735689600u /* 2025-01-01: a clock that shows less was never set */

static const char header[] = LEASE_HEADER;

/* Up to the version number. */
#define HEADER_NAME_LEN (sizeof header - sizeof "1\n")

enum lease_format lease_format_of(const char *line, size_t len)
{
	size_t full = sizeof header - 2; /* no newline, no NUL */

	if (len < HEADER_NAME_LEN || memcmp(line, header, HEADER_NAME_LEN) != 0)
		return LEASE_TAYGA;
	while (len && strchr(BLANKS, line[len - 1]) && line[len - 1])
		len--;
	return len == full && memcmp(line, header, full) == 0 ? LEASE_OURS : LEASE_NEWER;
}

struct tokens {
	char text[TOKENS_MAX][TOKEN_MAX];
	size_t at[TOKENS_MAX]; /* where each begins in the line */
	unsigned n;
};

static bool is_blank(char c)
{
	return c && strchr(BLANKS, c);
}

/* False where there are too many, or one is too long to be anything of ours or no text. */
static bool cut(const char *line, size_t len, struct tokens *t)
{
	size_t at = 0;

	t->n = 0;
	for (;;) {
		size_t from;

		while (at < len && is_blank(line[at]))
			at++;
		if (at == len)
			return true;
		for (from = at; at < len && !is_blank(line[at]); at++)
			;
		if (t->n == TOKENS_MAX || at - from >= TOKEN_MAX ||
		    memchr(line + from, '\0', at - from))
			return false;
		memcpy(t->text[t->n], line + from, at - from);
		t->text[t->n][at - from] = '\0';
		t->at[t->n++] = from;
	}
}

/* Decimal digits alone. */
static bool parse_number(const char *text, uint64_t *out)
{
	uint64_t v = 0;

	if (!*text || strlen(text) > 18)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	*out = v;
	return true;
}

static bool parse_fields(const struct tokens *t, struct lease *out)
{
	struct in6_addr v4, v6;
	uint64_t used;

	if (!addr_parse(t->text[0], &v4) || !addr_is_v4(&v4) || !strchr(t->text[0], '.') ||
	    strchr(t->text[0], ':'))
		return false;
	if (!strchr(t->text[1], ':') || !addr_parse(t->text[1], &v6) ||
	    !parse_number(t->text[2], &used))
		return false;
	*out = (struct lease){ addr_v4(&v4), v6, used };
	return true;
}

/* Not against an enemy, who could write any file, but against a torn or edited line. */
static uint32_t check_of(const char *text, size_t len)
{
	static const struct siphash_key key = { 0x7636677764206c65, 0x6173657320763120 };

	return (uint32_t)siphash(&key, text, len);
}

static bool check_holds(const char *line, const struct tokens *t)
{
	char want[9];

	snprintf(want, sizeof want, "%08" PRIx32, check_of(line, t->at[3]));
	return strcmp(t->text[3], want) == 0;
}

enum lease_line lease_read(enum lease_format format, const char *line, size_t len,
			   struct lease *out)
{
	struct tokens t;
	size_t first = 0;

	while (first < len && is_blank(line[first]))
		first++;
	if (first == len || line[first] == '#')
		return LEASE_NOTHING;
	if (!cut(line, len, &t) || t.n != (format == LEASE_TAYGA ? 3 : 4))
		return LEASE_BAD;
	if (format != LEASE_TAYGA && !check_holds(line, &t))
		return LEASE_BAD;
	return parse_fields(&t, out) ? LEASE_GOOD : LEASE_BAD;
}

bool lease_read_end(const char *line, size_t len, uint64_t *n)
{
	struct tokens t;

	return len >= sizeof END - 1 && memcmp(line, END, sizeof END - 1) == 0 &&
	       cut(line, len, &t) && t.n == 3 && parse_number(t.text[2], n);
}

size_t lease_write(const struct lease *lease, char out[LEASE_LINE_MAX])
{
	char v4[ADDR_TEXT_LEN], v6[ADDR_TEXT_LEN];
	int n = snprintf(out, LEASE_LINE_MAX, "%s %s %" PRIu64 " ", addr4_text(lease->ipv4, v4),
			 addr_text(&lease->ipv6, v6), lease->used_s);

	return (size_t)n + (size_t)snprintf(out + n, LEASE_LINE_MAX - (size_t)n,
					    "%08" PRIx32 "\n", check_of(out, (size_t)n));
}

size_t lease_write_end(uint64_t n, char out[LEASE_LINE_MAX])
{
	return (size_t)snprintf(out, LEASE_LINE_MAX, END "%" PRIu64 "\n", n);
}

uint64_t lease_age_ms(const struct lease *lease, uint64_t now_s)
{
	if (lease->used_s > now_s && lease->used_s - now_s > AHEAD_S)
		return LEASE_AGE_UNKNOWN;
	if (!lease->used_s || lease->used_s > now_s)
		return 0;
	return (now_s - lease->used_s) * 1000;
}

uint64_t lease_used_s(uint64_t age_ms, uint64_t now_s)
{
	uint64_t age_s = age_ms / 1000;

	return now_s < CLOCK_SET || age_s >= now_s ? 0 : now_s - age_s;
}
