/* SPDX-License-Identifier: GPL-3.0-or-later */
/* v6gwctl.c - asks v6gwd over its socket, and prints.
 *
 * A command is a row of the table: name, argument, help, method, printer.  Usage, completion
 * and the man page's test come from it.
 */
#include "base/addr.h"
#include "call.h"
#include "dns/text.h"
#include "doctor/doctor.h"
#include "import_files.h"
#include "seen.h"
#include "show.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHORT_OPTIONS "s:hV"
#define SOCKET_PATH   "/run/v6gwd/control.sock"

struct options;

struct command {
	const char *name;     /* one word or two */
	const char *argument; /* as usage names it, or NULL: takes none */
	const char *help;
	const char *method;    /* NULL: asks nobody */
	const char *parameter; /* what the method calls the argument */
	enum call_replies replies;
	bool (*valid)(const char *argument);
	const char *values; /* or the words that the argument is one of */
	json_t *(*arguments)(char **words, const struct options *); /* in place of these */
	void (*show)(struct show *, const json_t *parameters);      /* NULL: silent */
	void (*end)(struct show *);
};

static bool is_ipv6(const char *text)
{
	struct in6_addr addr;

	return addr_parse(text, &addr) && !addr_is_v4(&addr);
}

/* Is word one of the words of list? */
static bool is_among(const char *word, const char *list)
{
	size_t len = strlen(word);

	for (const char *p = list; *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == len && strncmp(p, word, len) == 0)
			return true;
	return false;
}

struct options {
	const char *socket_path;
	const char *as;
	bool json, nonzero, queries, dnssec_ok, checking_disabled;
	struct import_files import;
	unsigned used; /* bit i: the i-th option */
};

__attribute__((noreturn)) static void usage(const char *what, const char *word)
{
	fprintf(stderr, "v6gwctl: %s%s\nTry v6gwctl --help.\n", what, word);
	exit(EXIT_CODE_USAGE);
}

static json_t *read_query(char **words, const struct options *o)
{
	uint8_t name[DNS_NAME_MAX];
	struct in6_addr addr;
	uint16_t type;

	if (!words[0])
		usage("argument missing: ", "NAME");
	if (words[1] && words[2])
		usage("unexpected argument: ", words[2]);
	if (!name_from_text(words[0], name))
		usage("not a name: ", words[0]);
	if (words[1] && !text_read_type(words[1], &type))
		usage("not a type: ", words[1]);
	if (o->as && !addr_parse(o->as, &addr))
		usage("not an address: ", o->as);
	return json_pack("{s:s, s:s*, s:s*, s:b, s:b}", "name", words[0], "type", words[1],
			 "as", o->as, "do", o->dnssec_ok, "cd", o->checking_disabled);
}

static json_t *read_monitor(char **words, const struct options *o)
{
	if (words[0])
		usage("unexpected argument: ", words[0]);
	return json_pack("{s:b}", "queries", o->queries);
}

/* One word alone is a guest where it is a link-layer address, or an IPv6 address outside of
 * 64:ff9b::/96. */
static bool is_guest(const char *word)
{
	uint8_t mac[ADDR_MAC_LEN];
	struct in6_addr addr;
	struct in_addr v4;

	if (mac_parse(word, mac))
		return true;
	return addr_parse(word, &addr) && !addr_is_v4(&addr) &&
	       !pref64_extract(&pref64_well_known, &addr, &v4);
}

static json_t *read_doctor(char **words, const struct options *o)
{
	const char *guest = words[0] && (words[1] || is_guest(words[0])) ? *words++ : NULL;
	const char *target = words[0] ? *words++ : NULL;
	uint8_t name[DNS_NAME_MAX];
	struct in6_addr addr;

	(void)o;
	if (words[0])
		usage("unexpected argument: ", words[0]);
	if (target && !addr_parse(target, &addr) && !name_from_text(target, name))
		usage("neither an address nor a name: ", target);
	return json_pack("{s:s*, s:s*, s:o}", "guest", guest, "target", target, "seen",
			 seen_json());
}

static const struct command commands[] = {
	{ "status", NULL, "health and what each plane does", "GetStatus", .show = show_status },
	{ "mappings", NULL, "who has which IPv4 address", "ListMappings", .replies = CALL_MORE,
	  .show = show_mapping, .end = show_mappings_end },
	{ "ra", NULL, "what is advertised, when, and by whom else", "GetRa", .show = show_ra },
	{ "counters", NULL, "every counter with its meaning (--nonzero: those that count)",
	  "ListCounters", .show = show_counters },
	{ "metrics", NULL, "the counters as OpenMetrics text", "GetMetrics",
	  .show = show_text },
	{ "config", NULL, "the configuration in force, with what was found out", "GetConfig",
	  .show = show_text },
	{ "dns query", "NAME [TYPE]",
	  "what a client is answered, and why (--as ADDR, --do, --cd)", "QueryDns",
	  .arguments = read_query, .show = show_dns_query },
	{ "dns", NULL, "forwarders, cache, lists and counters of DNS64", "GetDns",
	  .show = show_dns },
	{ "monitor", NULL, "events as they happen (--queries: with the clients' questions)",
	  "Monitor", .replies = CALL_WATCH, .arguments = read_monitor, .show = show_event },
	{ "doctor", "[GUEST] [TARGET]",
	  "walk the way of a guest's packet, and name the first broken link", "Doctor",
	  .replies = CALL_MORE, .arguments = read_doctor, .show = show_doctor },
	{ "reload", NULL, "read the configuration again", "Reload", .show = show_warnings },
	{ "flush dns", NULL, "empty the DNS cache", "FlushDns", .show = NULL },
	{ "drop", "IPV6", "end the mapping of a guest address", "DropMapping", "ipv6",
	  .valid = is_ipv6 },
	{ "log-level", "LEVEL", "error, warning, notice, info or debug", "SetLogLevel", "level",
	  .values = "error warning notice info debug" },
	{ "import", NULL, "print a v6gwd.conf made of tayga's, BIND's, unbound's and radvd's",
	  .method = NULL },
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

struct option_row {
	const char *name;
	char code;                 /* the short one, where SHORT_OPTIONS has it */
	const char *argument, *of; /* of: the command that it goes with; NULL: all */
	const char *help;          /* "": a hidden one */
	size_t text;               /* where the argument goes in struct options */
};

#define TEXT(member) offsetof(struct options, member)

static const struct option_row rows[] = {
	{ "socket", 's', "SOCKET", NULL, "ask the daemon that listens there (" SOCKET_PATH ")",
	  TEXT(socket_path) },
	{ "json", 'j', NULL, NULL, "print the reply as JSON, one object a line", 0 },
	{ "nonzero", 'n', NULL, "counters", "leave out those that are 0", 0 },
	{ "queries", 'q', NULL, "monitor", "how each question of a client ended, too", 0 },
	{ "as", 'a', "ADDR", "dns query", "as this client would ask (else as the host)",
	  TEXT(as) },
	{ "do", 'd', NULL, "dns query", "with DO=1 (DNSSEC OK)", 0 },
	{ "cd", 'C', NULL, "dns query", "with CD=1 (checking disabled)", 0 },
	{ "tayga", 't', "FILE", "import", "read this tayga.conf", TEXT(import.tayga) },
	{ "bind", 'b', "FILE", "import", "read this named.conf", TEXT(import.bind) },
	{ "unbound", 'u', "FILE", "import", "read this unbound.conf", TEXT(import.unbound) },
	{ "radvd", 'r', "FILE", "import", "read this radvd.conf", TEXT(import.radvd) },
	{ "leases", 'l', "FILE", "import", "tayga's dynamic.map; alone: print a lease file",
	  TEXT(import.leases) },
	{ "help", 'h', NULL, NULL, "show this", 0 },
	{ "version", 'V', NULL, NULL, "show the version", 0 },
	{ "complete", 'c', NULL, NULL, "", 0 },
};

#define N_ROWS (sizeof rows / sizeof rows[0])

static void print_option(const struct option_row *row)
{
	char call[64], letter[8] = "    ";

	if (strchr(SHORT_OPTIONS, row->code))
		snprintf(letter, sizeof letter, "-%c, ", row->code);
	snprintf(call, sizeof call, "%s--%s %s", letter, row->name,
		 row->argument ? row->argument : "");
	printf("  %-21s%s%s%s\n", call, row->of ? row->of : "", row->of ? ": " : "", row->help);
}

static void print_help(void)
{
	fputs("Usage: v6gwctl [-s SOCKET] [--json] COMMAND\n\nCommands:\n", stdout);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];
		char call[64];

		snprintf(call, sizeof call, "%s %s", c->name, c->argument ? c->argument : "");
		printf("  %-23s%s\n", call, c->help);
	}
	fputs("\nOptions:\n", stdout);
	for (size_t i = 0; i < N_ROWS; i++)
		if (*rows[i].help)
			print_option(&rows[i]);
	fputs("\nWithout one of its files, import reads /etc/tayga.conf, "
	      "/etc/bind/named.conf and\n/etc/radvd.conf, where present.\n\n"
	      "Exit status: 0 done, 1 refused or failed, 2 usage, 3 not running, 4 not "
	      "permitted,\n"
	      "5 doctor found a broken link.\n",
	      stdout);
}

/* For completion: a line for each command and option, parted by tabs: name, argument, help;
 * then the words that the argument is one of, or the command that the option goes with. */
static void print_completion(void)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("%s\t%s\t%s\t%s\n", commands[i].name,
		       commands[i].argument ? commands[i].argument : "", commands[i].help,
		       commands[i].values ? commands[i].values : "");
	for (size_t i = 0; i < N_ROWS; i++)
		if (*rows[i].help)
			printf("--%s\t%s\t%s\t%s\n", rows[i].name,
			       rows[i].argument ? rows[i].argument : "", rows[i].help,
			       rows[i].of ? rows[i].of : "");
}

static void read_option(const struct option_row *row, struct options *o)
{
	switch (row->code) {
	case 'j':
		o->json = true;
		break;
	case 'n':
		o->nonzero = true;
		break;
	case 'q':
		o->queries = true;
		break;
	case 'd':
		o->dnssec_ok = true;
		break;
	case 'C':
		o->checking_disabled = true;
		break;
	case 'h':
		print_help();
		exit(EXIT_CODE_OK);
	case 'V':
		puts("v6gwctl " VERSION);
		exit(EXIT_CODE_OK);
	case 'c':
		print_completion();
		exit(EXIT_CODE_OK);
	default:
		*(const char **)((char *)o + row->text) = optarg;
	}
}

/* Leaves the words of the command in argv[optind...]. */
static void read_options(int argc, char **argv, struct options *o)
{
	struct option long_options[N_ROWS + 1] = { 0 };
	int option, row;

	for (size_t i = 0; i < N_ROWS; i++)
		long_options[i] =
			(struct option){ rows[i].name,
					 rows[i].argument ? required_argument : no_argument,
					 NULL, rows[i].code };
	while ((option = getopt_long(argc, argv, SHORT_OPTIONS, long_options, NULL)) != -1) {
		for (row = 0; row < (int)N_ROWS && rows[row].code != option; row++)
			;
		if (row == (int)N_ROWS) {
			fputs("Try v6gwctl --help.\n", stderr);
			exit(EXIT_CODE_USAGE);
		}
		o->used |= 1u << row;
		read_option(&rows[row], o);
	}
}

/* How many of words name the command c; 0 when they name another. */
static int name_words(const struct command *c, char **words)
{
	const char *space = strchr(c->name, ' ');

	if (!space)
		return strcmp(words[0], c->name) == 0 ? 1 : 0;
	size_t len = (size_t)(space - c->name);
	bool same = strncmp(words[0], c->name, len) == 0 && !words[0][len] && words[1] &&
		    strcmp(words[1], space + 1) == 0;
	return same ? 2 : 0;
}

static const struct command *find_command(char ***words)
{
	for (size_t i = 0; **words && i < N_COMMANDS; i++) {
		int n = name_words(&commands[i], *words);

		*words += n;
		if (n)
			return &commands[i];
	}
	return NULL;
}

/* The method's parameters from the words behind the command. */
static json_t *read_arguments(const struct command *c, char **words, const struct options *o)
{
	if (c->arguments)
		return c->arguments(words, o);
	if (!c->argument) {
		if (words[0])
			usage("unexpected argument: ", words[0]);
		return json_object();
	}
	if (!words[0])
		usage("argument missing: ", c->argument);
	if (words[1])
		usage("unexpected argument: ", words[1]);
	if (c->valid && !c->valid(words[0]))
		usage("not an IPv6 address: ", words[0]);
	if (c->values && !is_among(words[0], c->values))
		usage("not a level: ", words[0]);
	return json_pack("{s:s}", c->parameter, words[0]);
}

/* Each goes with the command it is for. */
static void check_options(const struct options *o, const struct command *c)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (!(o->used & 1u << i) || !rows[i].of || strcmp(rows[i].of, c->name) == 0)
			continue;
		fprintf(stderr, "v6gwctl: --%s goes with %s\nTry v6gwctl --help.\n",
			rows[i].name, rows[i].of);
		exit(EXIT_CODE_USAGE);
	}
}

struct run {
	const struct command *command;
	struct show show;
	bool json, broken;
};

static void on_reply(void *arg, const char *error, const json_t *parameters)
{
	struct run *r = arg;
	bool silent = r->command->replies == CALL_MORE &&
		      !json_object_size(parameters); /* an empty list */

	if (r->json && !silent) {
		json_dumpf(parameters, stdout, JSON_COMPACT);
		putchar('\n');
	}
	r->broken |= strcmp(show_text_at(parameters, "result"), "broken") == 0;
	if (error)
		show_error(error, parameters);
	else if (!r->json && r->command->show)
		r->command->show(&r->show, parameters);
}

/* no-color.org: any value but an empty one */
static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
}

static void look_alone(struct show *show)
{
	json_t *seen = seen_json();

	show_doctor_alone(show, seen);
	json_decref(seen);
}

int main(int argc, char **argv)
{
	struct options o = { .socket_path = SOCKET_PATH };
	struct run r = { 0 };

	read_options(argc, argv, &o);
	char **words = argv + optind;
	r.command = find_command(&words);
	if (!r.command && words[0] && strcmp(words[0], "flush") == 0)
		usage(words[1] ? "unexpected argument: " : "argument missing: ",
		      words[1] ? words[1] : "dns");
	if (!r.command)
		usage(words[0] ? "unknown command: " : "no command", words[0] ? words[0] : "");
	check_options(&o, r.command);
	r.show = (struct show){ .out = stdout, .colour = wants_colour(), .nonzero = o.nonzero };
	r.json = o.json;

	if (r.command->replies == CALL_WATCH)
		setlinebuf(stdout);
	json_t *arguments = read_arguments(r.command, words, &o);
	enum call_exit code;

	if (r.command->method) {
		code = call_daemon(o.socket_path, r.command->method, arguments,
				   r.command->replies, on_reply, &r);
	} else {
		json_decref(arguments);
		code = import_files(o.import);
	}
	if (code == EXIT_CODE_OK && !r.json && r.command->end)
		r.command->end(&r.show);
	if (code == EXIT_CODE_NOT_RUNNING && !r.json && r.command->show == show_doctor)
		look_alone(&r.show);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("v6gwctl: stdout");
		return EXIT_CODE_FAILED;
	}
	return (int)(code == EXIT_CODE_OK && r.broken ? EXIT_CODE_BROKEN : code);
}
