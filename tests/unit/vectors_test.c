/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vectors_test.c - replays tests/vectors/nat64: one test for each vector, and one that every
 * reason occurs. */
#include "cut.h"
#include "nat64/nat64.h"
#include "pkt.h"
#include "t.h"
#include "vectors.h"

#define START_MS 1000000u

static uint64_t reached[NAT64_REASON_COUNT];

/* --- the configuration --- */

struct setting {
	struct nat64_conf conf;
	struct acl_entry clients, destinations;
	struct prefix4 pools[VEC_LISTS_MAX];
	struct nat64_map maps[VEC_LISTS_MAX];
	bool fresh;
};

static struct in6_addr addr(const char *word)
{
	struct in6_addr a;

	if (!addr_parse(pkt_value(word), &a))
		pkt_fail("no address", word);
	return a;
}

static struct prefix6 net6(const char *word)
{
	struct prefix6 p;

	if (!prefix_parse(pkt_value(word), &p, NULL))
		pkt_fail("no network", word);
	return p;
}

static struct prefix4 net4(const char *word)
{
	struct prefix6 p = net6(word);

	return (struct prefix4){ addr_v4(&p.addr), (uint8_t)(p.len - 96) };
}

static void set_list(struct acl_entry *e, struct acl *acl, const char *word)
{
	*acl = (struct acl){ e, 1 };
	if (strcmp(word, "any") == 0)
		e->kind = ACL_ANY;
	else if (strcmp(word, "global") == 0)
		e->kind = ACL_GLOBAL;
	else if (strcmp(word, "none") == 0)
		acl->n = 0;
	else
		*e = (struct acl_entry){ .kind = ACL_NET, .net = net6(word) };
}

static void reference(struct setting *s)
{
	*s = (struct setting){ 0 };
	s->conf.prefix = (struct pref64){ net6("64:ff9b::/96").addr, 96 };
	s->conf.own4 = (struct in_addr){ inet_addr(pkt_value("OWN4")) };
	s->conf.own6 = addr("OWN6");
	s->pools[0] = net4("192.168.255.0/24");
	s->conf.pools = s->pools;
	s->conf.n_pools = 1;
	s->conf.maps = s->maps;
	set_list(&s->clients, &s->conf.clients, "any");
	set_list(&s->destinations, &s->conf.destinations, "global");
	s->conf.mtu = 1500;
	s->conf.fragment_mtu = 1280;
	s->conf.lease_lifetime_ms = 7440000;
	s->conf.lease_keep_ms = 1209600000;
	s->conf.max_mappings_per_guest = 16;
}

static bool set_address(struct setting *s, const char *key, const char *value)
{
	if (strcmp(key, "own4") == 0) {
		s->conf.own4 = (struct in_addr){ inet_addr(pkt_value(value)) };
	} else if (strcmp(key, "own6") == 0) {
		s->conf.own6 = addr(value);
	} else if (strcmp(key, "prefix") == 0) {
		s->conf.prefix = (struct pref64){ net6(value).addr, net6(value).len };
		if (!pref64_is_well_known(&s->conf.prefix))
			set_list(&s->destinations, &s->conf.destinations, "any");
	} else if (strcmp(key, "destinations") == 0) {
		set_list(&s->destinations, &s->conf.destinations, value);
	} else if (strcmp(key, "clients") == 0) {
		set_list(&s->clients, &s->conf.clients, value);
	} else {
		return false;
	}
	return true;
}

static bool set_number(struct setting *s, const char *key, uint32_t v)
{
	if (strcmp(key, "mtu") == 0)
		s->conf.mtu = v;
	else if (strcmp(key, "fragment_mtu") == 0)
		s->conf.fragment_mtu = v;
	else if (strcmp(key, "rate") == 0)
		s->conf.icmp_error_rate = v;
	else if (strcmp(key, "lifetime") == 0)
		s->conf.lease_lifetime_ms = v;
	else if (strcmp(key, "keep") == 0)
		s->conf.lease_keep_ms = v;
	else if (strcmp(key, "limit") == 0)
		s->conf.max_mappings_per_guest = v;
	else
		return false;
	return true;
}

static void set_pool(struct setting *s, const char *value, bool *own)
{
	if (!*own)
		s->conf.n_pools = 0;
	*own = true;
	if (strcmp(value, "none") != 0)
		s->pools[s->conf.n_pools++] = net4(value);
}

static void set(struct setting *s, const struct pkt_line *l, bool *own_pool)
{
	const char *key = l->word[1], *value = l->n > 2 ? l->word[2] : "0";

	if (strcmp(key, "fresh") == 0)
		s->fresh = true;
	else if (strcmp(key, "drop_udp_zero") == 0)
		s->conf.drop_udp_zero = true;
	else if (strcmp(key, "pool") == 0)
		set_pool(s, value, own_pool);
	else if (strcmp(key, "map") == 0)
		s->maps[s->conf.n_maps++] =
			(struct nat64_map){ net4(value), net6(l->word[3]), "" };
	else if (!set_address(s, key, value) && !set_number(s, key, pkt_parse(value)))
		pkt_fail("unknown setting", key);
}

/* --- replaying --- */

struct got {
	uint8_t *packet[64];
	size_t len[64], n;
};

static void add(void *arg, const uint8_t *buf, size_t len)
{
	struct got *got = arg;

	assert_true(got->n < N_OF(got->packet));
	got->packet[got->n] = malloc(len);
	memcpy(got->packet[got->n], buf, len);
	got->len[got->n++] = len;
}

static void on_packet(void *arg, const uint8_t *buf, size_t len, const struct gso *gso)
{
	if (gso->partial)
		cut_frame(buf, len, gso, add, arg);
	else
		add(arg, buf, len);
}

static void print_hex(const char *what, const uint8_t *b, size_t n)
{
	fprintf(stderr, "# %s, %zu bytes:", what, n);
	for (size_t i = 0; i < n && i < 160; i++)
		fprintf(stderr, "%s%02x", i % 4 ? "" : " ", b[i]);
	fprintf(stderr, "\n");
}

static bool matches(const struct pkt *want, const uint8_t *b, size_t n)
{
	if (want->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!want->any[i] && want->b[i] != b[i])
			return false;
	return true;
}

/* What a wildcard leaves open is checked here: the header checksum of IPv4 always holds. */
static bool header_holds(const uint8_t *b, size_t n)
{
	return b[0] >> 4 != 4 || (n >= 20 && pkt_sum(0, b, 20) == 0xffff);
}

static void compare(const struct vector *v, const struct step *s, const struct pkt *in,
		    const struct got *got)
{
	static struct pkt want;

	for (unsigned i = 0; i < s->n_outs || i < got->n; i++) {
		want.n = 0;
		if (i < s->n_outs)
			pkt_build(v->lines + s->outs[i].first, s->outs[i].n, in, &want);
		if (i < s->n_outs && i < got->n &&
		    matches(&want, got->packet[i], got->len[i]) &&
		    header_holds(got->packet[i], got->len[i]))
			continue;
		print_hex("in  ", in->b, in->n);
		print_hex("want", want.b, want.n);
		if (i < got->n)
			print_hex("got ", got->packet[i], got->len[i]);
		fail_msg("%s: packet %u of %u expected, %zu came", v->name, i + 1, s->n_outs,
			 got->n);
	}
}

/* Of TCP and UDP whose checksum holds, as a sender leaves it to others. */
static bool leave_checksum(uint8_t *p, size_t n)
{
	struct wf_l4 l4;
	uint8_t *field;

	if (!wellformed(p, n, &l4) || l4.fragment || (l4.proto != 6 && l4.proto != 17) ||
	    l4.len < (l4.proto == 6 ? 20 : 8) || !wf_csum_holds(&l4) ||
	    (l4.proto == 17 && cut_get(l4.p + 4, 2) != l4.len))
		return false;
	field = p + (l4.p - p) + (l4.proto == 6 ? 16 : 6);
	cut_put(field, l4.pseudo, 2);
	return true;
}

/* The packet ends where its memory ends, so that reading past it is seen. */
static void replay_step(const struct vector *v, const struct step *s, struct nat64 *n,
			uint64_t now_ms, bool partial)
{
	static struct pkt in;
	struct got got = { .n = 0 };
	struct gso gso = { .kind = GSO_NONE };
	struct nat64_sink sink = { on_packet, &got };
	enum nat64_reason reason;
	uint8_t *memory;

	pkt_build(v->lines + s->in.first, s->in.n, NULL, &in);
	memory = malloc(NAT64_HEADROOM + in.n);
	memcpy(memory + NAT64_HEADROOM, in.b, in.n);
	if (partial && leave_checksum(memory + NAT64_HEADROOM, in.n))
		gso.partial = true;
	reason = nat64_input(n, memory + NAT64_HEADROOM, in.n, &gso, now_ms, &sink);
	free(memory);
	reached[reason]++;
	assert_string_equal(nat64_reason_texts[reason].name, s->reason);
	compare(v, s, &in, &got);
	for (size_t i = 0; i < got.n; i++)
		free(got.packet[i]);
}

static void replay_as(const struct vector *v, bool partial)
{
	uint8_t random[32] = { 1, 2, 3 };
	struct setting s;
	struct nat64 *n;
	struct in6_addr h = addr("H"), h2 = addr("H2");
	uint64_t now_ms = START_MS;
	bool own_pool = false;

	reference(&s);
	for (unsigned i = 0; i < v->n_conf; i++)
		set(&s, &v->conf[i], &own_pool);
	n = nat64_new(&s.conf, random, NULL, NULL);
	assert_non_null(n);
	if (!s.fresh && !own_pool) {
		assert_true(nat64_restore(n, &h, addr4_of(0xc0a8ff0a), 0, now_ms));
		assert_true(nat64_restore(n, &h2, addr4_of(0xc0a8ff0b), 0, now_ms));
	}
	for (unsigned i = 0; i < v->n_steps; i++) {
		now_ms += v->steps[i].wait_ms;
		nat64_tick(n, now_ms);
		replay_step(v, &v->steps[i], n, now_ms, partial);
	}
	for (unsigned i = 0; i < NAT64_REASON_COUNT; i++)
		if (nat64_reason_texts[i].kind == NAT64_NOTE)
			reached[i] += nat64_counts(n)[i];
	nat64_free(n);
}

static void replay(void **state)
{
	replay_as(*state, false);
	replay_as(*state, true);
}

static void every_reason_occurs(void **state)
{
	bool all = true;

	(void)state;
	for (unsigned i = 0; i < NAT64_REASON_COUNT; i++) {
		if (reached[i] || i == NAT64_GUEST_MOVES || i == NAT64_GUEST_UNHEARD ||
		    i == NAT64_OWN6_ECHO_LIMITED ||
		    i == NAT64_FRAME) /* vectors know neither guests nor frames */
			continue;
		fprintf(stderr, "# no vector ends with %s\n", nat64_reason_texts[i].name);
		all = false;
	}
	assert_true(all);
}

/* The first bytes of an input of tests/fuzz/nat64_fuzz.c: options close to those of v. */
static void seed_options(const struct vector *v, uint8_t head[2])
{
	static const uint8_t by_len[] = { 3, 2, 4, 5, 6 }; /* /32, /40 ... /64 */
	bool own_pool = false;
	struct setting s;

	reference(&s);
	for (unsigned i = 0; i < v->n_conf; i++)
		set(&s, &v->conf[i], &own_pool);
	head[0] = (uint8_t)(!s.conf.own4.s_addr || addr_is_unspecified(&s.conf.own6));
	head[0] |= s.conf.n_maps ? 2 : 0;
	head[0] |= s.destinations.kind == ACL_ANY ? 4 : 0;
	head[0] |= s.conf.mtu < 1500 ? 8 : 0;
	head[0] |= s.conf.fragment_mtu > 1280 ? 16 : 0;
	head[0] |= s.conf.drop_udp_zero ? 32 : 0;
	head[0] |= s.conf.icmp_error_rate ? 64 : 0;
	head[1] = !pref64_is_well_known(&s.conf.prefix);
	if (s.conf.prefix.len < 96)
		head[1] = by_len[(s.conf.prefix.len - 32) / 8];
}

/* The packets of a vector as an input of the fuzzer. */
static void write_seed(const char *dir, const struct vector *v)
{
	static struct pkt in;
	uint8_t head[2];
	char path[600];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, v->name);
	f = fopen(path, "wb");
	if (!f)
		pkt_fail("cannot write", path);
	seed_options(v, head);
	fwrite(head, 1, sizeof head, f);
	for (unsigned i = 0; i < v->n_steps; i++) {
		pkt_build(v->lines + v->steps[i].in.first, v->steps[i].in.n, NULL, &in);
		fputc((int)(in.n >> 8 & 0x7f), f);
		fputc((int)(in.n & 0xff), f);
		fwrite(in.b, 1, in.n, f);
	}
	fclose(f);
}

/* With a directory as argument: writes seeds for the fuzzer instead of testing. */
int main(int argc, char **argv)
{
	static struct CMUnitTest tests[VECTORS_MAX + 1];

	vectors_read("tests/vectors/nat64");
	for (size_t i = 0; argc > 1 && i < n_vectors; i++)
		write_seed(argv[1], vectors[i]);
	if (argc > 1)
		return 0;
	for (size_t i = 0; i < n_vectors; i++)
		tests[i] =
			(struct CMUnitTest){ vectors[i]->name, replay, NULL, NULL, vectors[i] };
	tests[n_vectors] = (struct CMUnitTest){ "every_reason_occurs", every_reason_occurs,
						NULL, NULL, NULL };
	int failed = _cmocka_run_group_tests("vectors", tests, n_vectors + 1, NULL, NULL);

	for (size_t i = 0; i < n_vectors; i++)
		free(vectors[i]);
	return failed;
}
