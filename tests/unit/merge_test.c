/* SPDX-License-Identifier: GPL-3.0-or-later */
/* merge_test.c - which packets become one frame, and that nothing else changes. */
#include "frame.h"
#include "nat64/merge.h"
#include "t.h"

#define ACK  0x10
#define PSH  0x08
#define MANY 512
#define SIZE 7777 /* of frames that come in: no frame that is made has it */

/* A packet to be made.  0 stands for what is usual. */
struct spec {
	bool v6, tcp;
	uint8_t flow, tos, ttl, flags, reserved;
	uint16_t payload, ack, window, urgent, id, frag;
	uint32_t seq, label;
	const char *options; /* of TCP: 4 or 8 bytes */
	int csum;            /* added to the checksum; -1: no checksum */
	bool partial, wrong_ip_csum, ip_option, extension;
	int len_off; /* of the UDP length */
	enum gso_kind gso;
};

struct out {
	uint8_t b[FRAME_ROOM];
	size_t n;
	const uint8_t *at;
	struct gso gso;
};

struct bench {
	struct merge *m;
	struct out *out;
	unsigned n_out, ids_asked;
	uint16_t ids;
};

static uint32_t rand_state = 3;

static uint32_t rnd(void)
{
	rand_state ^= rand_state << 13;
	rand_state ^= rand_state >> 17;
	rand_state ^= rand_state << 5;
	return rand_state;
}

/* --- packets --- */

static void put4(uint8_t *at, uint32_t v)
{
	cut_put(at, v >> 16, 2);
	cut_put(at + 2, v, 2);
}

static size_t put_ip(const struct spec *s, uint8_t *b)
{
	size_t n = 40;

	memset(b, 0, 60);
	if (s->v6) {
		put4(b, 6u << 28 | (uint32_t)s->tos << 20 | s->label);
		b[6] = s->tcp ? 6 : 17;
		b[7] = s->ttl ? s->ttl : 60;
		b[8] = b[24] = 0x20;
		b[39] = s->flow;
		if (s->extension) {
			b[40] = b[6];
			b[6] = 60;
			b[42] = 1;
			b[43] = 4;
			n += 8;
		}
		return n;
	}
	b[0] = s->ip_option ? 0x46 : 0x45;
	b[1] = s->tos;
	cut_put(b + 4, s->id, 2);
	cut_put(b + 6, s->frag, 2);
	b[8] = s->ttl ? s->ttl : 60;
	b[9] = s->tcp ? 6 : 17;
	b[12] = b[16] = 192;
	b[19] = s->flow;
	return s->ip_option ? 24 : 20;
}

static size_t put_l4(const struct spec *s, uint8_t *l4)
{
	size_t options = s->options ? strlen(s->options) : 0;

	memset(l4, 0, 20);
	cut_put(l4, 1000, 2);
	cut_put(l4 + 2, 2000u + s->flow, 2);
	if (!s->tcp)
		return 8;
	put4(l4 + 4, s->seq);
	put4(l4 + 8, s->ack);
	l4[12] = (uint8_t)((5 + options / 4) << 4 | s->reserved);
	l4[13] = s->flags ? s->flags : ACK;
	cut_put(l4 + 14, s->window, 2);
	cut_put(l4 + 18, s->urgent, 2);
	if (options)
		memcpy(l4 + 20, s->options, options);
	return 20 + options;
}

static void spoil(const struct spec *s, uint8_t *b, uint8_t *l4, size_t n)
{
	uint8_t *field = l4 + (s->tcp ? 16 : 6);
	uint32_t v = (uint32_t)(field[0] << 8 | field[1]);

	if (s->partial)
		v = frame_pseudo(b, n);
	v += (uint32_t)s->csum;
	cut_put(field, s->csum < 0 ? 0 : v, 2);
	if (s->wrong_ip_csum)
		b[10] ^= 1;
	if (s->len_off)
		cut_put(l4 + 4, cut_get(l4 + 4, 2) + (uint32_t)s->len_off, 2);
}

static size_t make(const struct spec *s, uint8_t *b)
{
	size_t ip = put_ip(s, b), l4 = put_l4(s, b + ip), n = ip + l4 + s->payload;

	for (size_t i = ip + l4; i < n; i++)
		b[i] = (uint8_t)rnd();
	if (ip == 20 || ip == 40) {
		frame_complete(b, n);
		spoil(s, b, b + ip, n);
	} else {
		cut_put(b + (s->v6 ? 4 : 2), (uint32_t)(s->v6 ? n - 40 : n), 2);
	}
	return n;
}

/* --- in and out --- */

static void on_out(void *arg, const uint8_t *buf, size_t len, const struct gso *gso)
{
	struct bench *b = arg;
	struct out *o = &b->out[b->n_out++];

	assert_in_range(b->n_out, 0, MANY);
	assert_in_range(len, 1, FRAME_ROOM);
	memcpy(o->b, buf, len);
	o->n = len;
	o->at = buf;
	o->gso = *gso;
}

/* Told apart from what packets have: no two in a row. */
static uint16_t on_ids(void *arg, unsigned n)
{
	struct bench *b = arg;
	uint16_t first = b->ids;

	b->ids_asked += n;
	b->ids = (uint16_t)(b->ids + n + 1);
	return first;
}

static void setup(struct bench *b)
{
	const struct nat64_sink sink = { on_out, b };

	*b = (struct bench){ .ids = 40000, .out = calloc(MANY, sizeof *b->out) };
	assert_non_null(b->out);
	b->m = merge_new(&sink, on_ids, b);
	assert_non_null(b->m);
	merge_allow(b->m, true, true);
}

static void teardown(struct bench *b)
{
	merge_free(b->m);
	free(b->out);
}

static const uint8_t *send_spec(struct bench *b, const struct spec *s)
{
	static uint8_t packet[FRAME_ROOM];
	const struct gso gso = { .kind = s->gso,
				 .partial = s->partial || s->gso,
				 .size = s->gso ? SIZE : 0 };

	merge_packet(b->m, packet, make(s, packet), &gso);
	return packet;
}

static void send_n(struct bench *b, struct spec s, unsigned n)
{
	for (; n; n--, s.seq += s.payload)
		send_spec(b, &s);
}

/* --- tests --- */

#define U4 .payload = 64
#define U6 .payload = 64, .v6 = true
#define T4 .payload = 64, .tcp = true, .frag = 0x4000
#define T6 .payload = 64, .tcp = true, .v6 = true

/* a and what follows it: of TCP b.seq counts from a's end on. */
static const struct {
	const char *name;
	struct spec a, b;
	bool merged;
} pairs[] = {
	{ "udp4", { U4 }, { U4 }, true },
	{ "udp4 df", { U4, .frag = 0x4000 }, { U4, .frag = 0x4000 }, true },
	{ "udp4 df differs", { U4 }, { U4, .frag = 0x4000 }, false },
	{ "udp4 id differs", { U4, .id = 7 }, { U4, .id = 99 }, true },
	{ "udp4 tos", { U4 }, { U4, .tos = 1 }, false },
	{ "udp4 ttl", { U4 }, { U4, .ttl = 59 }, false },
	{ "udp4 smaller", { U4 }, { .payload = 63 }, true },
	{ "udp4 larger", { U4 }, { .payload = 65 }, false },
	{ "udp4 empty", { U4 }, { .payload = 0 }, false },
	{ "udp4 first fragment", { U4 }, { U4, .frag = 0x2000 }, false },
	{ "udp4 last fragment", { U4 }, { U4, .frag = 1 }, false },
	{ "udp4 reserved flag", { U4 }, { U4, .frag = 0x8000 }, false },
	{ "udp4 options", { U4 }, { U4, .ip_option = true }, false },
	{ "udp4 other flow", { U4 }, { U4, .flow = 1 }, false },
	{ "udp4 wrong checksum", { U4 }, { U4, .csum = 1 }, false },
	{ "udp4 wrong checksum first", { U4, .csum = 1 }, { U4 }, false },
	{ "udp4 no checksum", { U4, .csum = -1 }, { U4, .csum = -1 }, false },
	{ "udp4 wrong header checksum", { U4 }, { U4, .wrong_ip_csum = true }, false },
	{ "udp4 wrong length", { U4 }, { U4, .len_off = -1 }, false },
	{ "udp4 partial", { U4, .partial = true }, { U4, .partial = true }, true },
	{ "udp4 half partial", { U4, .partial = true }, { U4 }, true },
	{ "udp4 other half partial", { U4 }, { U4, .partial = true }, true },
	{ "udp4 wrong partial", { U4 }, { U4, .partial = true, .csum = 1 }, false },
	{ "udp4 frame", { U4 }, { U4, .gso = GSO_UDP }, false },
	{ "udp4 tcp", { U4 }, { T4 }, false },
	{ "udp6", { U6 }, { U6 }, true },
	{ "udp6 smaller", { U6 }, { .v6 = true, .payload = 1 }, true },
	{ "udp6 larger", { U6 }, { .v6 = true, .payload = 66 }, false },
	{ "udp6 class", { U6 }, { U6, .tos = 2 }, false },
	{ "udp6 flow label", { U6, .label = 1 }, { U6, .label = 2 }, false },
	{ "udp6 same flow label", { U6, .label = 2 }, { U6, .label = 2 }, true },
	{ "udp6 hop limit", { U6 }, { U6, .ttl = 61 }, false },
	{ "udp6 extension", { U6 }, { U6, .extension = true }, false },
	{ "udp6 wrong checksum", { U6 }, { U6, .csum = 3 }, false },
	{ "udp6 partial", { U6, .partial = true }, { U6, .partial = true }, true },
	{ "tcp4", { T4 }, { T4 }, true },
	{ "tcp4 gap", { T4 }, { T4, .seq = 1 }, false },
	{ "tcp4 again", { T4 }, { T4, .seq = (uint32_t)-64 }, false },
	{ "tcp4 wraps", { T4, .seq = (uint32_t)-64 }, { T4 }, true },
	{ "tcp4 ack", { T4 }, { T4, .ack = 1 }, false },
	{ "tcp4 window", { T4 }, { T4, .window = 1 }, false },
	{ "tcp4 urgent pointer", { T4 }, { T4, .urgent = 1 }, false },
	{ "tcp4 psh ends", { T4 }, { T4, .flags = ACK | PSH }, true },
	{ "tcp4 behind psh", { T4, .flags = ACK | PSH }, { T4 }, false },
	{ "tcp4 fin", { T4 }, { T4, .flags = ACK | 1 }, false },
	{ "tcp4 syn", { T4 }, { T4, .flags = ACK | 2 }, false },
	{ "tcp4 rst", { T4 }, { T4, .flags = ACK | 4 }, false },
	{ "tcp4 urg", { T4 }, { T4, .flags = ACK | 0x20 }, false },
	{ "tcp4 ece", { T4, .flags = ACK | 0x40 }, { T4, .flags = ACK | 0x40 }, false },
	{ "tcp4 cwr", { T4 }, { T4, .flags = ACK | 0x80 }, false },
	{ "tcp4 without ack", { T4 }, { T4, .flags = PSH }, false },
	{ "tcp4 reserved", { T4, .reserved = 1 }, { T4, .reserved = 1 }, false },
	{ "tcp4 no data", { T4 }, { .tcp = true, .frag = 0x4000 }, false },
	{ "tcp4 options", { T4, .options = "abcd" }, { T4, .options = "abcd" }, true },
	{ "tcp4 other options", { T4, .options = "abcd" }, { T4, .options = "abce" }, false },
	{ "tcp4 more options",
	  { T4, .options = "abcd" },
	  { T4, .options = "abcdefgh" },
	  false },
	{ "tcp4 wrong checksum", { T4 }, { T4, .csum = 1 }, false },
	{ "tcp4 frame", { T4 }, { T4, .gso = GSO_TCP }, false },
	{ "tcp6", { T6 }, { T6 }, true },
	{ "tcp6 smaller", { T6 }, { .payload = 9, .tcp = true, .v6 = true }, true },
	{ "tcp6 gap", { T6 }, { T6, .seq = 1 }, false },
	{ "tcp6 flow label", { T6, .label = 9 }, { T6 }, false },
};

/* The packet before a shows that the flow is worth it; the packet after them all, where the
 * frame has ended. */
static void what_becomes_one_frame(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_OF(pairs); i++) {
		struct spec a = pairs[i].a, b = pairs[i].b, before = a;
		struct bench t;

		setup(&t);
		before.seq = a.seq - a.payload;
		b.seq += a.seq + a.payload;
		before.csum = 0;
		before.flags = ACK;
		send_spec(&t, &before);
		send_spec(&t, &a);
		send_spec(&t, &b);
		merge_flush(t.m);
		if (t.n_out != (pairs[i].merged ? 2 : 3))
			fail_msg("%s: %u packets", pairs[i].name, t.n_out);
		assert_int_equal(merge_counts(t.m)->frames, pairs[i].merged);
		assert_int_equal(merge_counts(t.m)->packets, pairs[i].merged * 2);
		teardown(&t);
	}
}

/* RFC 768: 0 says that there is none, even where it would be right; a frame would have one. */
static void no_checksum_is_none(void **state)
{
	static const struct gso plain;
	uint8_t packet[100];
	struct bench b;
	size_t n = make(&(struct spec){ .payload = 50 }, packet);

	(void)state;
	setup(&b);
	for (uint32_t i = 0; cut_get(packet + 26, 2) != 0xffff; i++) {
		cut_put(packet + 28, i, 2);
		frame_complete(packet, n);
	}
	for (unsigned i = 0; i < 6; i++) {
		if (i == 3)
			cut_put(packet + 26, 0, 2);
		merge_packet(b.m, packet, n, &plain);
	}
	merge_flush(b.m);
	assert_int_equal(b.n_out, 1 + 1 + 3);
	teardown(&b);
}

static void nothing_waits_beyond_the_burst(void **state)
{
	const struct spec s = { .payload = 100 };
	struct bench b;
	const uint8_t *packet;

	(void)state;
	setup(&b);
	for (unsigned i = 1; i < 10; i++) {
		packet = send_spec(&b, &s);
		assert_int_equal(b.n_out, i); /* one in each burst: never held, never copied */
		assert_ptr_equal(b.out[i - 1].at, packet);
		merge_flush(b.m);
		assert_int_equal(b.n_out, i);
	}
	send_n(&b, s, 5);
	assert_int_equal(b.n_out, 10);
	merge_flush(b.m);
	assert_int_equal(b.n_out, 11);
	assert_int_equal(b.out[10].gso.kind, GSO_UDP);
	assert_int_equal(b.out[10].gso.size, 100);
	send_spec(&b, &s); /* the flow merged: held from the first on */
	assert_int_equal(b.n_out, 11);
	merge_flush(b.m);
	assert_int_equal(b.n_out, 12);
	assert_int_equal(b.out[11].gso.kind, GSO_NONE);
	assert_false(b.out[11].gso.partial);
	send_spec(&b, &s); /* for nothing: not again */
	assert_int_equal(b.n_out, 13);
	teardown(&b);
}

static void a_frame_has_an_end(void **state)
{
	static const struct {
		struct spec s;
		unsigned n, size; /* packets of each frame */
	} rows[] = {
		{ { .payload = 1 }, 200, 64 },
		{ { .payload = 1, .v6 = true }, 200, 64 },
		{ { .payload = 1472 }, 100, 44 },             /* 28 + 44 * 1472 = 64,796 */
		{ { .payload = 13102 }, 12, 4 },              /* 28 + 5 * 13102 = 65,538 */
		{ { .payload = 13101 }, 12, 5 },              /* 65,533 */
		{ { .payload = 13101, .v6 = true }, 12, 4 },  /* 65,553 */
		{ { .payload = 13097, .v6 = true }, 12, 5 },  /* 65,533 */
		{ { .payload = 16374, .tcp = true }, 12, 3 }, /* 65,536 */
		{ { .payload = 16373, .tcp = true }, 12, 4 },
		{ { .payload = 40000 }, 4, 1 },
	};

	(void)state;
	for (size_t i = 0; i < N_OF(rows); i++) {
		unsigned at = 1, left = rows[i].n - 1, size = rows[i].size;
		struct bench b;

		setup(&b);
		send_n(&b, rows[i].s, rows[i].n);
		merge_flush(b.m);
		for (; left; at++) {
			unsigned n = left < size ? left : size;
			size_t head = rows[i].s.v6 ? 48 : rows[i].s.tcp ? 40 : 28;

			assert_int_equal(b.out[at].n, head + n * rows[i].s.payload);
			left -= n;
		}
		assert_int_equal(b.n_out, at);
		teardown(&b);
	}
}

/* Where the device takes no frames of a kind, its packets are left alone. */
static void what_is_allowed(void **state)
{
	const struct spec udp = { .payload = 50 }, tcp = { .payload = 50, .tcp = true };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct bench b;

		setup(&b);
		merge_allow(b.m, i & 1, i & 2);
		send_n(&b, udp, 10);
		send_n(&b, tcp, 10);
		merge_flush(b.m);
		assert_int_equal(b.n_out, (i & 1 ? 2 : 10) + (i & 2 ? 2 : 10));
		teardown(&b);
	}
}

static void what_is_held_goes_before_a_change(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	send_n(&b, (struct spec){ .payload = 50 }, 10);
	merge_allow(b.m, false, false);
	assert_int_equal(b.n_out, 2);
	send_n(&b, (struct spec){ .payload = 50 }, 1);
	assert_int_equal(b.n_out, 3);
	teardown(&b);
}

/* --- any packets --- */

#define FLOWS 24

/* As on the wire, one behind the other. */
struct wire {
	uint8_t *b;
	size_t n, count;
};

static void on_wire(void *arg, const uint8_t *b, size_t n)
{
	struct wire *w = arg;
	uint8_t *to = w->b + w->n;

	memcpy(to, b, n);
	frame_anonymise(to, n);
	w->n += n;
	w->count++;
}

static unsigned flow_in(const uint8_t *b)
{
	return b[b[0] >> 4 == 4 ? 19 : 39];
}

static void to_wire(struct wire *flows, const uint8_t *b, size_t n, const struct gso *gso)
{
	struct wire *w = &flows[flow_in(b)];
	uint8_t *whole;

	if (gso->kind && gso->size != SIZE) {
		assert_true(frame_is_sound(b, n, gso));
		cut_frame(b, n, gso, on_wire, w);
		return;
	}
	whole = malloc(n);
	assert_non_null(whole);
	memcpy(whole, b, n);
	if (gso->partial && !gso->kind)
		frame_finish(whole, n);
	on_wire(w, whole, n);
	free(whole);
}

/* Mostly the next of its flow, sometimes with something about it. */
static void any_spec(struct spec *flow, struct spec *out)
{
	struct spec s = *flow;
	unsigned odd = rnd() % 100;

	if (odd == 0)
		s.tos = 3;
	else if (odd == 1)
		s.csum = 1;
	else if (odd == 2)
		s.flags = s.tcp ? ACK | 1 : 0;
	else if (odd == 3)
		s.seq += 5;
	else if (odd == 4)
		s.gso = s.tcp ? GSO_TCP : GSO_UDP;
	else if (odd == 5)
		flow->payload = s.payload = (uint16_t)(1 + rnd() % 300);
	else if (odd == 6)
		s.frag = 0x2000;
	else if (odd == 7)
		s.extension = s.v6;
	else if (odd == 8)
		s.ip_option = !s.v6;
	else if (odd < 14)
		s.payload = (uint16_t)(rnd() % (s.payload + 2u));
	else if (odd < 20)
		s.flags = s.tcp ? ACK | PSH : 0;
	else if (odd < 40)
		s.partial = true;
	s.id = (uint16_t)rnd();
	flow->seq = s.seq + s.payload;
	*out = s;
}

/* Bursts of packets, and what of them comes out for each flow. */
static unsigned one_round(struct bench *b, struct spec *flows, unsigned n_flows)
{
	static uint8_t packet[FRAME_ROOM];
	struct wire in[FLOWS] = { 0 }, out[FLOWS] = { 0 };
	unsigned n = 1 + rnd() % 300, current = 0;

	for (unsigned i = 0; i < n_flows; i++) {
		in[i].b = malloc(n * 2000u);
		out[i].b = malloc(n * 2000u);
	}
	for (unsigned i = 0; i < n; i++) {
		struct spec s;
		struct gso gso;
		size_t len;

		current = rnd() % 3 ? current : rnd() % n_flows;
		any_spec(&flows[current], &s);
		len = make(&s, packet);
		gso = (struct gso){ s.gso, s.partial || s.gso, false, s.gso ? SIZE : 0 };
		to_wire(in, packet, len, &gso);
		merge_packet(b->m, packet, len, &gso);
		if (rnd() % 40 == 0)
			merge_flush(b->m);
	}
	merge_flush(b->m);
	for (unsigned i = 0; i < b->n_out; i++)
		to_wire(out, b->out[i].b, b->out[i].n, &b->out[i].gso);
	for (unsigned i = 0; i < n_flows; i++) {
		assert_int_equal(in[i].count, out[i].count);
		assert_int_equal(in[i].n, out[i].n);
		assert_memory_equal(in[i].b, out[i].b, in[i].n);
		free(in[i].b);
		free(out[i].b);
	}
	b->n_out = 0;
	return n;
}

static void whatever_comes_in_comes_out(void **state)
{
	struct bench b;
	unsigned packets = 0;

	(void)state;
	setup(&b);
	for (unsigned i = 0; i < 400; i++) {
		struct spec flows[FLOWS];
		unsigned n = 1 + rnd() % FLOWS;

		for (unsigned j = 0; j < n; j++)
			flows[j] = (struct spec){ .flow = (uint8_t)j,
						  .tcp = rnd() & 1,
						  .v6 = rnd() & 1,
						  .payload = (uint16_t)(1 + rnd() % 1400),
						  .seq = rnd(),
						  .options = rnd() & 1 ? "abcdefgh" : NULL };
		packets += one_round(&b, flows, n);
	}
	/* Most of it is merged, or this shows nothing. */
	assert_in_range(merge_counts(b.m)->packets, packets / 4, packets);
	assert_in_range(merge_counts(b.m)->frames, 1, merge_counts(b.m)->packets / 2);
	teardown(&b);
}

/* RFC 6864 4.2: where there may be fragments, each segment has an identification of its own. */
static void identifications_of_a_frame(void **state)
{
	struct bench b;

	(void)state;
	setup(&b);
	send_n(&b, (struct spec){ .payload = 9, .id = 7 }, 5);
	merge_flush(b.m);
	assert_int_equal(b.out[1].b[4] << 8 | b.out[1].b[5], 40000);
	assert_int_equal(b.ids_asked, 4);
	send_n(&b, (struct spec){ .payload = 9, .id = 8, .frag = 0x4000 }, 5);
	merge_flush(b.m);
	assert_int_equal(b.n_out, 3);
	assert_int_equal(b.out[2].b[4] << 8 | b.out[2].b[5], 8);
	assert_int_equal(b.ids_asked, 4);
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_becomes_one_frame),
		cmocka_unit_test(no_checksum_is_none),
		cmocka_unit_test(nothing_waits_beyond_the_burst),
		cmocka_unit_test(a_frame_has_an_end),
		cmocka_unit_test(what_is_allowed),
		cmocka_unit_test(what_is_held_goes_before_a_change),
		cmocka_unit_test(whatever_comes_in_comes_out),
		cmocka_unit_test(identifications_of_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
