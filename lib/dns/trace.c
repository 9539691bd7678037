/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trace.c - see trace.h. */
#include "trace.h"

#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define PART_LEN (NAME_TEXT_LEN + 16)

static const struct {
	const char *id, *rfc, *text;
} rows[] = {
#define X(id, name, rfc, text) { name, rfc, text },
	DNS_WHYS(X)
#undef X
};

/* With the port where it is not 53. */
static void put_source(const struct resolve_source *s, char out[PART_LEN])
{
	char text[ADDR_TEXT_LEN];

	if (!s)
		snprintf(out, PART_LEN, "a forwarder");
	else if (s->port == 53)
		snprintf(out, PART_LEN, "%s", addr_text(&s->addr, text));
	else
		snprintf(out, PART_LEN, "%s@%u", addr_text(&s->addr, text), s->port);
}

static void put_entry(const struct acl_entry *e, char out[PART_LEN])
{
	char text[ACL_TEXT_LEN];

	if (e)
		snprintf(out, PART_LEN, "\"%s\"", acl_entry_text(e, text));
	else
		snprintf(out, PART_LEN, "nothing matches");
}

static void put_code(const struct dns_step *s, char out[PART_LEN])
{
	char rcode[TEXT_RCODE_LEN];

	if (s->why == DNS_WHY_ENDED)
		snprintf(out, PART_LEN, "%s", dns_count_texts[s->count].text);
	else if (s->ede)
		snprintf(out, PART_LEN, "%s, extended error %u (%s)",
			 text_rcode(s->rcode, rcode), s->ede, text_ede(s->ede));
	else
		text_rcode(s->rcode, out);
}

/* As an AAAA record has it: not ::ffff:192.0.2.1 as the IPv4 address that it otherwise is here.
 */
static void put_aaaa(const struct in6_addr *a, char out[PART_LEN])
{
	inet_ntop(AF_INET6, a, out, PART_LEN);
}

static void put_net(const struct prefix6 *p, char out[PART_LEN])
{
	put_aaaa(&p->addr, out);
	snprintf(out + strlen(out), PART_LEN - strlen(out), "/%u", p->len);
}

static void put_part(const struct dns_step *s, const char *word, char out[PART_LEN])
{
	char text[TEXT_TYPE_LEN];

	*out = '\0';
	if (strncmp(word, "name}", 5) == 0 && s->name)
		name_text(s->name, out);
	else if (strncmp(word, "type}", 5) == 0)
		snprintf(out, PART_LEN, "%s", text_type(s->type, text));
	else if (strncmp(word, "addr}", 5) == 0)
		addr_text(&s->addr, out);
	else if (strncmp(word, "real}", 5) == 0)
		put_aaaa(&s->addr, out);
	else if (strncmp(word, "made}", 5) == 0)
		addr_text(&s->made, out);
	else if (strncmp(word, "entry}", 6) == 0)
		put_entry(s->entry, out);
	else if (strncmp(word, "net}", 4) == 0 && s->net)
		put_net(s->net, out);
	else if (strncmp(word, "n}", 2) == 0)
		snprintf(out, PART_LEN, "%llu", (unsigned long long)s->n);
	else if (strncmp(word, "code}", 5) == 0)
		put_code(s, out);
	else if (strncmp(word, "zone}", 5) == 0)
		snprintf(out, PART_LEN, "%s", s->zone);
	else if (strncmp(word, "from}", 5) == 0)
		put_source(s->from, out);
}

const char *trace_id(const struct dns_step *s, char out[TRACE_ID_LEN])
{
	if (s->why == DNS_WHY_ENDED)
		snprintf(out, TRACE_ID_LEN, "ended.%s", dns_count_texts[s->count].name);
	else
		snprintf(out, TRACE_ID_LEN, "%s", rows[s->why].id);
	return out;
}

const char *trace_rfc(const struct dns_step *s)
{
	return s->why == DNS_WHY_ENDED ? dns_count_texts[s->count].rfc : rows[s->why].rfc;
}

const char *trace_text(const struct dns_step *s, char out[TRACE_TEXT_LEN])
{
	const char *from = rows[s->why].text;
	char part[PART_LEN];
	size_t n = 0;

	while (*from && n < TRACE_TEXT_LEN - 1) {
		if (*from != '{') {
			out[n++] = *from++;
			continue;
		}
		put_part(s, from + 1, part);
		n += (size_t)snprintf(out + n, TRACE_TEXT_LEN - n, "%s", part);
		from = strchr(from, '}') + 1;
	}
	out[n < TRACE_TEXT_LEN ? n : TRACE_TEXT_LEN - 1] = '\0';
	return out;
}
