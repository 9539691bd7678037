/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config_test.c - defaults, equality, dumping, and the texts that are made of the table. */
#include "config/build.h"
#include "config/dump.h"
#include "daemon/config_read.h"
#include "t.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void append(void *arg, const char *text)
{
	fputs(text, arg);
}

/* What a function puts, in memory of the caller. */
static char *text_of(void (*print)(config_put, void *))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	print(append, f);
	fclose(f);
	return text;
}

static char *dump(const struct config *c, const struct origin *origins, size_t n)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	config_dump(c, origins, n, append, f);
	fclose(f);
	return text;
}

static char *file_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	if (!f)
		fail_msg("%s cannot be opened", path);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

/* Reads a text as a file; fails the test when it has errors. */
static struct config *read_text(const char *text)
{
	char path[] = "/tmp/config_test-XXXXXX";
	int fd = mkstemp(path);
	struct config_errors errors;
	struct config *c;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	c = config_load(path, &errors);
	unlink(path);
	if (!c) {
		config_errors_print(&errors, stderr);
		fail_msg("refused: %.200s", text);
	}
	config_errors_free(&errors);
	return c;
}

static void test_defaults(void **state)
{
	struct config *c = read_text("");
	char text[ADDR_TEXT_LEN];

	(void)state;
	assert_int_equal(c->interfaces.n, 0);
	assert_null(c->uplink);
	assert_int_equal(c->log_level, CONFIG_LOG_INFO);
	assert_true(c->nat64.enabled && c->nat64.ipv4_auto && c->nat64.ipv6_auto);
	assert_true(pref64_is_well_known(&c->nat64.prefix));
	assert_int_equal(c->nat64.dynamic_pool.n, 1);
	assert_string_equal(prefix_text(&c->nat64.dynamic_pool.v[0], text), "192.168.255.0/24");
	assert_int_equal(c->nat64.lease_lifetime_ms, 7440000);
	assert_int_equal(c->nat64.lease_keep_ms, INT64_C(1209600000));
	assert_true(acl_has(&c->nat64.clients, ACL_AUTO));
	assert_true(c->dns64.listen_auto && c->dns64.listen.has_auto);
	assert_int_equal(c->dns64.listen.n, 0);
	assert_int_equal(c->dns64.cache_size, 32 << 20);
	assert_int_equal(c->dns64.port, 53);
	assert_int_equal(c->dns64.synthesize_on_error, CONFIG_ON_ERROR_UNLESS_BOGUS);
	assert_false(c->ra_given);
	assert_int_equal(c->n_ra, 0);
	assert_null(c->ra[0].interface);
	assert_int_equal(c->ra[0].max_interval_ms, 600000);
	assert_int_equal(c->ra[0].router_lifetime_ms, CONFIG_AUTO);
	assert_int_equal(c->ra[0].n_prefixes, 1);
	assert_true(c->ra[0].prefixes[0].is_auto && c->ra[0].routes[0].is_nat64);
	assert_true(c->ra[0].pref64[0].is_nat64 && c->ra[0].rdnss[0].servers.has_auto);
	assert_false(c->ra[0].routes_given || c->ra[0].pref64_given || c->ra[0].rdnss_given);
	assert_int_equal(c->ra[0].n_dnssl, 0);
	assert_string_equal(c->control.socket, "/run/v6gwd/control.sock");
	config_free(c);
	config_free(NULL);
}

static void test_values(void **state)
{
	struct config *c = read_text(
		"interface = [ \"br0\", \"br1\" ];\n"
		"nat64 = { masquerade = \"198.51.100.7\"; prefix = \"2001:db8:64::/48\";\n"
		"  clients = [ \"!52:54:00:ab:cd:01\", \"none\" ]; };\n"
		"dns64 = { forwarders = [ \"[fe80::1%eth0]@5353\", \"192.0.2.1\" ];\n"
		"  local = { name = \"VM1.Lan.\"; a = \"192.0.2.9\"; }; };\n"
		"ra = ( { prefixes = { prefix = \"2001:db8::2/64\"; valid = \"infinite\"; };\n"
		"  router_lifetime = 0; } );\n");
	char text[ADDR_TEXT_LEN];

	(void)state;
	assert_int_equal(c->interfaces.n, 2);
	assert_string_equal(c->interfaces.v[1], "br1");
	assert_int_equal(c->nat64.masquerade, CONFIG_MASQUERADE_SOURCE);
	assert_string_equal(addr4_text(c->nat64.masquerade_source, text), "198.51.100.7");
	assert_int_equal(c->nat64.prefix.len, 48);
	assert_int_equal(c->nat64.clients.n, 2);
	assert_int_equal(c->nat64.clients.entries[0].kind, ACL_MAC);
	assert_true(c->nat64.clients.entries[1].negated);
	assert_int_equal(c->nat64.clients.entries[1].kind, ACL_ANY);
	assert_int_equal(c->dns64.forwarders.n, 2);
	assert_false(c->dns64.forwarders.has_auto);
	assert_int_equal(c->dns64.forwarders.v[0].port, 5353);
	assert_string_equal(c->dns64.forwarders.v[0].zone, "eth0");
	assert_int_equal(c->dns64.forwarders.v[1].port, 53);
	assert_null(c->dns64.forwarders.v[1].zone);
	assert_string_equal(c->dns64.local[0].name, "vm1.lan");
	assert_int_equal(c->dns64.local[0].a.v[0].len, 128);
	assert_true(c->ra_given);
	assert_int_equal(c->n_ra, 1);
	assert_false(c->ra[0].prefixes[0].is_auto);
	assert_string_equal(prefix_text(&c->ra[0].prefixes[0].prefix, text), "2001:db8::/64");
	assert_string_equal(addr_text(&c->ra[0].prefixes[0].router_address_of, text),
			    "2001:db8::2");
	assert_int_equal(c->ra[0].prefixes[0].valid_ms, CONFIG_INFINITE);
	assert_int_equal(c->ra[0].router_lifetime_ms, 0);
	config_free(c);
}

/* What we print, we read, and it says the same. */
static void assert_same(const struct config *c, const char *text)
{
	struct config *again = read_text(text);

	assert_true(config_equal(c, again));
	config_free(again);
}

/* The same, but for defaults that are written out: they no longer go with their plane. */
static void assert_same_written(const struct config *c, const char *text)
{
	struct config *again = read_text(text);
	struct config_ra *ra = &again->ra[0];

	assert_true(ra->routes_given && ra->pref64_given && ra->rdnss_given);
	ra->routes_given = ra->pref64_given = ra->rdnss_given = false;
	assert_true(config_equal(c, again));
	config_free(again);
}

static void test_defaults_are_readable(void **state)
{
	struct config *empty = read_text("");
	char *defaults = text_of(config_print_defaults), *sample = text_of(config_print_sample);

	(void)state;
	assert_same_written(empty, defaults);
	assert_same(empty, sample);
	free(defaults);
	free(sample);
	config_free(empty);
}

/* Uncommented, the sample is the defaults: a commented key has no space behind its "#". */
static void test_sample_holds_every_key(void **state)
{
	char *sample = text_of(config_print_sample), *from = sample, *to = sample;
	struct config *empty = read_text("");
	size_t keys = 0;

	(void)state;
	for (; *from; from++) {
		bool start = from == sample || from[-1] == '\n' || from[-1] == '\t';

		if (*from == '#' && start && from[1] != ' ' && from[1] != '\n')
			keys++;
		else
			*to++ = *from;
	}
	*to = '\0';
	assert_true(keys > 70);
	assert_same_written(empty, sample);
	config_free(empty);
	free(sample);
}

static void test_installed_file(void **state)
{
	char *is = file_text("conf/v6gwd.conf"), *should = text_of(config_print_sample);

	(void)state;
	if (strcmp(is, should) != 0)
		fail_msg("conf/v6gwd.conf is old: make it anew with conf/generate sample");
	free(is);
	free(should);
}

static void test_man_page(void **state)
{
	char *page = file_text("docs/v6gwd.conf.5.scd"), *keys = text_of(config_print_man);

	(void)state;
	if (!strstr(page, keys))
		fail_msg("docs/v6gwd.conf.5.scd is old: put conf/generate keys between its "
			 "marks");
	free(page);
	free(keys);
}

static void test_dump_round_trip(void **state)
{
	static const char *const patterns[] = { "tests/vectors/config/good/*.conf",
						"conf/examples/*.conf", "conf/v6gwd.conf" };

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		glob_t found;

		assert_int_equal(glob(patterns[i], 0, NULL, &found), 0);
		for (size_t j = 0; j < found.gl_pathc; j++) {
			struct config_errors errors;
			struct config *c = config_load(found.gl_pathv[j], &errors);
			char *text;

			if (!c)
				fail_msg("%s is refused", found.gl_pathv[j]);
			text = dump(c, NULL, 0);
			assert_same(c, text);
			free(text);
			config_free(c);
			config_errors_free(&errors);
		}
		globfree(&found);
	}
}

static void test_origins(void **state)
{
	static const struct origin origins[] = {
		{ "interface", "br0", "the only bridge with a global address" },
		{ "dns64.listen", "2001:db8::1", "br0" },
		{ "dns64.listen", "fe80::1", "br0" },
		{ "ra[0].prefixes[0].prefix", "2001:db8::/64", "br\n0" },
		{ "ra[1].interface", "br1", "interface" },
		{ "somewhere", "x", "y" },
	};
	struct config *c = read_text("");
	char *text = dump(c, origins, sizeof origins / sizeof *origins);

	(void)state;
	assert_non_null(strstr(text, "interface = \"auto\"; # auto: br0 from the only bridge"));
	assert_non_null(strstr(text, "listen = [ \"auto\" ]; # auto: 2001:db8::1 from br0, "
				     "fe80::1 from br0\n"));
	assert_non_null(strstr(text, "prefix = \"auto\"; # auto: 2001:db8::/64 from br 0\n"));
	assert_non_null(strstr(text, "# auto: ra[1].interface: br1 from interface\n"));
	assert_non_null(strstr(text, "# auto: somewhere: x from y\n"));
	assert_same(c, text);
	free(text);
	config_free(c);
}

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{ "", "nat64 = { mtu = 1500; };", true },
		{ "", "nat64 = { mtu = 1501; };", false },
		{ "", "ra = ( { } );", true },
		{ "", "ra = ( );", false },
		{ "", "ra = ( { pref64 = ( { } ); } );",
		  false }, /* a default goes with its plane */
		{ "", "nat64 = { lease_lifetime = 7440; };", true },
		{ "interface = \"br0\";", "interface = ( \"br0\" );", true },
		{ "dns64 = { listen = [ \"auto\", \"::1\" ]; };",
		  "dns64 = { listen = [ \"::1\" ]; };", false },
		{ "dns64 = { forwarders = \"2001:db8::1@53\"; };",
		  "dns64 = { forwarders = \"2001:DB8:0::1\"; };", true },
		{ "dns64 = { forwarders = \"2001:db8::1@54\"; };",
		  "dns64 = { forwarders = \"2001:db8::1\"; };", false },
		{ "dns64 = { clients = [ \"none\" ]; };",
		  "dns64 = { clients = [ \"!any\" ]; };", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config *a = read_text(cases[i].a), *b = read_text(cases[i].b);

		if (config_equal(a, b) != cases[i].equal)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
		config_free(a);
		config_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_defaults_are_readable),
		cmocka_unit_test(test_sample_holds_every_key),
		cmocka_unit_test(test_installed_file),
		cmocka_unit_test(test_man_page),
		cmocka_unit_test(test_dump_round_trip),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
