/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns64_log.c - see dns64_log.h. */
#define LOG_PLANE "dns64"

#include "dns64_log.h"

#include "daemon/event.h"
#include "dns/text.h"

#define TELL_MS 1000

static void tell_lost(struct dns64_log *l)
{
	if (l->lost)
		log_info("%llu queries not logged: more than %u a second",
			 (unsigned long long)l->lost, DNS64_LOG_RATE);
	l->lost = 0;
}

static void on_tell(void *arg)
{
	tell_lost(arg);
}

void dns64_log_init(struct dns64_log *l, struct ev_loop *loop)
{
	*l = (struct dns64_log){ .room = DNS64_LOG_BURST * 1000 };
	ev_timer_init(&l->timer, loop, on_tell, l);
}

void dns64_log_done(struct dns64_log *l)
{
	ev_timer_stop(&l->timer);
	tell_lost(l);
}

static bool may_write(struct dns64_log *l, uint64_t now_ms)
{
	uint64_t have = l->room + (now_ms - l->at_ms) * DNS64_LOG_RATE;

	if (have > DNS64_LOG_BURST * 1000)
		have = DNS64_LOG_BURST * 1000;
	l->at_ms = now_ms;
	l->room = have < 1000 ? have : have - 1000;
	return have >= 1000;
}

void dns64_log_end(struct dns64_log *l, const struct dns_client *client,
		   const struct dns_end *end, bool log, uint64_t now_ms)
{
	char addr[ADDR_TEXT_LEN], name[NAME_TEXT_LEN];
	char type[TEXT_TYPE_LEN], rcode[TEXT_RCODE_LEN];
	const struct log_fields fields = { .client = addr, .name = name };

	/* Questions of the control socket are not the client's; one that could not be read has
	 * no name. */
	if (client->traced || !end->q->name_len)
		return;
	if (log && !may_write(l, now_ms)) {
		if (!l->lost++)
			ev_timer_at(&l->timer, now_ms + TELL_MS);
		log = false;
	}
	if (!log && !event_wanted(EVENT_QUERY))
		return;
	(log ? event_tell
	     : event_show)(EVENT_QUERY, &fields, "query %s %s %s: %s%s, %s, %llu ms",
			   addr_text(&client->addr, addr), name_text(end->q->name, name),
			   text_type(end->q->type, type), dns_count_texts[end->count].name,
			   end->cached ? " from the cache" : "", text_rcode(end->rcode, rcode),
			   (unsigned long long)end->took_ms);
}
