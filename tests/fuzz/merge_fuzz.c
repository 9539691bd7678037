/* SPDX-License-Identifier: GPL-3.0-or-later */
/* merge_fuzz.c - any packets into the merger: what comes out, cut into segments, is what went
 * in, and no packet overtakes another of its flow.
 *
 * Input: one byte that says which kinds are merged (1 TCP, 2 UDP), then records: a byte of what
 * is done (see DO_*), then a packet behind its length in two bytes; or, with DO_AGAIN, the last
 * packet with the two bytes that follow as offset and value of a change in its first 255 bytes,
 * and its sequence number, if it is TCP, counted on.
 */
#include "../unit/frame.h"
#include "nat64/merge.h"

#define PACKETS_MAX 80u
#define DO_AGAIN    0x01
#define DO_MEND     0x02 /* lengths and checksums are put right */
#define DO_PARTIAL  0x04 /* and the checksum is left to others */
#define DO_FRAME    0x08 /* it is one already */
#define DO_FLUSH    0x10 /* the burst ends behind it */
#define DO_SHORTER  0x20 /* by the last byte */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sent {
	uint8_t *b; /* as it is on the wire; NULL once it came out */
	size_t n;
	uint64_t flow; /* 0: may be of any */
};

struct bench {
	struct merge *m;
	struct sent sent[PACKETS_MAX];
	unsigned n_sent;
	uint16_t ids;
	uint8_t packet[FRAME_ROOM];
	size_t len;
};

/* TCP or UDP right behind a plain header? */
static bool is_plain(const uint8_t *b, size_t n)
{
	bool v4 = n && b[0] >> 4 == 4;
	size_t ip = v4 ? 20 : 40;
	uint8_t proto;

	if (n < ip || (v4 ? b[0] != 0x45 : b[0] >> 4 != 6))
		return false;
	proto = b[v4 ? 9 : 6];
	return (proto == 17 && n >= ip + 8) || (proto == 6 && n >= ip + 20);
}

static uint64_t flow_of(const uint8_t *b, size_t n)
{
	bool v4 = n && b[0] >> 4 == 4;
	size_t from = v4 ? 12 : 8, to = v4 ? 24 : 44;
	uint64_t h = 14695981039346656037u;

	if (!is_plain(b, n) || (v4 && ((b[6] & 0xbf) || b[7])) ||
	    (size_t)(b[v4 ? 2 : 4] << 8 | b[v4 ? 3 : 5]) + (v4 ? 0 : 40) != n)
		return 0;
	for (; from < to; from++)
		h = (h ^ b[from]) * 1099511628211u;
	return (h ^ b[v4 ? 9 : 6]) | 1;
}

/* A segment that came out is the first of its flow that went in and did not come out yet. */
static void on_segment(void *arg, const uint8_t *b, size_t n)
{
	struct bench *t = arg;
	uint64_t flow = flow_of(b, n);
	uint8_t *copy = malloc(n ? n : 1);
	struct sent *s = t->sent;

	if (!copy)
		abort();
	memcpy(copy, b, n);
	frame_anonymise(copy, n);
	for (; s < t->sent + t->n_sent; s++)
		if (s->b && (!s->flow || !flow || s->flow == flow))
			break;
	if (s == t->sent + t->n_sent || s->n != n || memcmp(s->b, copy, n) != 0)
		abort();
	free(copy);
	free(s->b);
	s->b = NULL;
}

/* Those that were frames before are marked: ecn. */
static void on_out(void *arg, const uint8_t *b, size_t n, const struct gso *gso)
{
	struct bench *t = arg;
	static uint8_t whole[FRAME_ROOM];

	if (gso->kind && !gso->ecn) {
		if (!frame_is_sound(b, n, gso))
			abort();
		cut_frame(b, n, gso, on_segment, t);
		return;
	}
	memcpy(whole, b, n);
	if (gso->partial && !gso->ecn)
		frame_finish(whole, n);
	on_segment(t, whole, n);
}

static uint16_t on_ids(void *arg, unsigned n)
{
	struct bench *t = arg;

	if (n < 2 || n > MERGE_SEGMENTS_MAX)
		abort();
	return t->ids = (uint16_t)(t->ids + n);
}

/* With the room of the packet itself, so that a sanitizer sees what is read past it. */
static void put_in(struct bench *t, const struct gso *gso)
{
	struct sent *s = &t->sent[t->n_sent++];
	uint8_t *exact = malloc(t->len ? t->len : 1);

	s->n = t->len;
	s->b = malloc(t->len ? t->len : 1);
	if (!exact || !s->b)
		abort();
	memcpy(exact, t->packet, t->len);
	memcpy(s->b, t->packet, t->len);
	if (gso->partial && !gso->ecn)
		frame_finish(s->b, s->n);
	s->flow = flow_of(s->b, s->n);
	frame_anonymise(s->b, s->n);
	merge_packet(t->m, exact, t->len, gso);
	free(exact);
}

static void one_packet(struct bench *t, uint8_t what)
{
	struct gso gso = { .kind = GSO_NONE };
	bool plain = is_plain(t->packet, t->len);
	uint8_t *hops = t->packet + (t->packet[0] >> 4 == 4 ? 8 : 7);

	if (plain && !*hops) /* the translator sends no such packet */
		*hops = 1;
	if (plain && what & DO_MEND)
		frame_complete(t->packet, t->len);
	if (plain && what & DO_PARTIAL) {
		frame_leave(t->packet, t->len);
		gso.partial = true;
	}
	if (plain && what & DO_FRAME)
		gso = (struct gso){ GSO_UDP, true, true, 100 };
	put_in(t, &gso);
	if (what & DO_FLUSH)
		merge_flush(t->m);
}

static void again(struct bench *t, uint8_t what, uint8_t at, uint8_t value)
{
	size_t ip = t->len && t->packet[0] >> 4 == 4 ? 20 : 40, head;
	uint8_t *seq = t->packet + ip + 4;

	if (is_plain(t->packet, t->len) && t->packet[ip == 20 ? 9 : 6] == 6) {
		uint32_t v = (uint32_t)seq[2] << 8 | seq[3];

		head = ip + (size_t)(t->packet[ip + 12] >> 4) * 4;
		v += t->len > head ? (uint32_t)(t->len - head) : 0;
		cut_put(seq + 2, v, 2);
		cut_put(seq, (uint32_t)(seq[0] << 8 | seq[1]) + (v >> 16), 2);
	}
	if (at && at < t->len)
		t->packet[at] = value;
	if (what & DO_SHORTER && t->len)
		t->len--;
}

/* One record; how many bytes it took. */
static size_t one_record(struct bench *t, const uint8_t *data, size_t size)
{
	uint8_t what = data[0];
	size_t len = (size_t)(data[1] << 8 | data[2]);

	if (what & DO_AGAIN) {
		again(t, what, data[1], data[2]);
		one_packet(t, what);
		return 3;
	}
	t->len = len < size - 3 ? len : size - 3;
	memcpy(t->packet, data + 3, t->len);
	one_packet(t, what);
	return 3 + t->len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bench t;
	const struct nat64_sink sink = { on_out, &t };

	if (!size || size > FRAME_ROOM)
		return 0;
	t.n_sent = 0;
	t.len = 0;
	t.m = merge_new(&sink, on_ids, &t);
	if (!t.m)
		return 0;
	merge_allow(t.m, data[0] & 1, data[0] & 2);
	data++;
	size--;
	while (size >= 3 && t.n_sent < PACKETS_MAX) {
		size_t took = one_record(&t, data, size);

		data += took;
		size -= took;
	}
	merge_flush(t.m);
	for (unsigned i = 0; i < t.n_sent; i++)
		if (t.sent[i].b)
			abort();
	merge_free(t.m);
	return 0;
}
