/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns_msg_fuzz.c - messages: what is accepted can be copied record by record or without DNSSEC
 * and accepted again, and followed as an answer. */
#include "dns/msg.h"
#include "dns/synth.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void copy(const struct msg *m)
{
	static uint8_t buf[4 * DNS_MSG_MAX];
	struct msg_rr rr;
	struct msg_wr w;
	struct msg back;
	size_t len, n = 0;

	msg_begin(&w, buf, sizeof buf, m->id, m->flags, m->q.name_len ? &m->q : NULL);
	for (size_t at = m->at[MSG_ANSWER]; msg_record(m, at, &rr); at = rr.next) {
		require(rr.next > at && rr.next <= m->len);
		if (rr.type != TYPE_OPT)
			msg_put_copy(&w, rr.section, m, &rr, rr.ttl);
		n++;
	}
	require(n == (size_t)m->count[1] + m->count[2] + m->count[3]);
	len = msg_end(&w);
	if (!len || len > DNS_MSG_MAX)
		return;
	require(msg_parse(buf, len, &back) == MSG_OK);
	require(back.count[MSG_ANSWER] == m->count[MSG_ANSWER]);
	require(back.at[MSG_END] == len);
}

static void strip(const struct msg *m)
{
	static uint8_t buf[DNS_MSG_MAX];
	struct msg back;
	size_t len = msg_strip(m, buf, sizeof buf);

	if (len)
		require(msg_parse(buf, len, &back) == MSG_OK && !back.edns.present);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct synth_chain chain;
	struct msg m;
	size_t len;

	if (size > DNS_MSG_MAX || msg_parse(data, size, &m) != MSG_OK)
		return 0;
	msg_option(&m, OPTION_COOKIE, &len);
	msg_ede(&m);
	copy(&m);
	strip(&m);
	if (m.q.name_len)
		synth_follow(&m, m.q.name, m.q.type, &chain);
	return 0;
}
