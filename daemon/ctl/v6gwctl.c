/* SPDX-License-Identifier: GPL-3.0-or-later */
/* v6gwctl.c - asks v6gwd over its socket, and prints.
 *
 * A command is a row of the table: name, argument, help, method, printer.  Usage, completion
 * and the man page's test come from it.
 */
#include "base/addr.h"
#include "call.h"
#include "dns/text.h"
#include "import_files.h"
#include "show.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_PATH "/run/v6gwd/control.sock"

struct options;

struct command {
	const char *name;     /* one word or two */
	const char *argument; /* as usage names it, or NULL: takes none */
	const char *help;
	const char *method;    /* NULL: asks nobody */
	const char *parameter; /* what the method calls the argument */
	enum call_replies replies;
	bool (*valid)(const char *argument);
	json_t *(*arguments)(char **words, const struct options *); /* in place of these */
	void (*show)(struct show *, const json_t *parameters);      /* NULL: silent */
	void (*end)(struct show *);
};

static bool is_ipv6(const char *text)
{
	struct in6_addr addr;

	return addr_parse(text, &addr) && !addr_is_v4(&addr);
}

static bool is_level(const char *text)
{
	static const char *const levels[] = { "error", "warning", "notice", "info", "debug" };

	for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (strcmp(text, levels[i]) == 0)
			return true;
	}
	return false;
}

struct options {
	const char *socket_path;
	const char *as;
	bool json, nonzero, queries, dnssec_ok, checking_disabled, imports;
	struct import_files import;
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
	{ "reload", NULL, "read the configuration again", "Reload", .show = show_warnings },
	{ "flush dns", NULL, "empty the DNS cache", "FlushDns", .show = NULL },
	{ "drop", "IPV6", "end the mapping of a guest address", "DropMapping", "ipv6",
	  .valid = is_ipv6 },
	{ "log-level", "LEVEL", "error, warning, notice, info or debug", "SetLogLevel", "level",
	  .valid = is_level },
	{ "import", NULL, "print a v6gwd.conf made of tayga's, BIND's, unbound's and radvd's",
	  .method = NULL },
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(void)
{
	fputs("Usage: v6gwctl [-s SOCKET] [--json] COMMAND\n\nCommands:\n", stdout);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];
		char call[64];

		snprintf(call, sizeof call, "%s %s", c->name, c->argument ? c->argument : "");
		printf("  %-23s%s\n", call, c->help);
	}
	fputs("\nOptions:\n"
	      "  -s, --socket PATH ask the daemon that listens there (" SOCKET_PATH ")\n"
	      "      --json        print the reply as JSON, one object a line\n"
	      "      --nonzero     counters: leave out those that are 0\n"
	      "      --queries     monitor: how each question of a client ended, too\n"
	      "      --as ADDR     dns query: as this client would ask (else as the host)\n"
	      "      --do, --cd    dns query: with DO=1 (DNSSEC OK), with CD=1 (checking "
	      "disabled)\n"
	      "      --tayga FILE, --bind FILE, --unbound FILE, --radvd FILE\n"
	      "                    import: read these; without any of them /etc/tayga.conf,\n"
	      "                    /etc/bind/named.conf and /etc/radvd.conf, where present\n"
	      "      --leases FILE import: tayga's dynamic.map; alone: print a lease file\n"
	      "  -h, --help        show this\n"
	      "  -V, --version     show the version\n\n"
	      "Exit status: 0 done, 1 refused or failed, 2 usage, 3 not running, 4 not "
	      "permitted.\n",
	      stdout);
}

/* One line a command, for completion scripts: name, argument, help, parted by tabs. */
static void print_commands(void)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("%s\t%s\t%s\n", commands[i].name,
		       commands[i].argument ? commands[i].argument : "", commands[i].help);
}

static const char short_options[] = "s:hV";
static const struct option long_options[] = {
	{ "socket", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
	{ "nonzero", no_argument, NULL, 'n' },      { "queries", no_argument, NULL, 'q' },
	{ "as", required_argument, NULL, 'a' },     { "do", no_argument, NULL, 'd' },
	{ "cd", no_argument, NULL, 'C' },           { "tayga", required_argument, NULL, 't' },
	{ "bind", required_argument, NULL, 'b' },   { "unbound", required_argument, NULL, 'u' },
	{ "radvd", required_argument, NULL, 'r' },  { "leases", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'V' },
	{ "complete", no_argument, NULL, 'c' },     { NULL, 0, NULL, 0 },
};

/* Is it one of import's options? */
static bool read_import_option(int option, struct options *o)
{
	const struct {
		int option;
		const char **file;
	} files[] = {
		{ 't', &o->import.tayga },   { 'b', &o->import.bind },
		{ 'u', &o->import.unbound }, { 'r', &o->import.radvd },
		{ 'l', &o->import.leases },
	};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		if (files[i].option != option)
			continue;
		*files[i].file = optarg;
		o->imports = true;
		return true;
	}
	return false;
}

/* Leaves the words of the command in argv[optind...]. */
static void read_options(int argc, char **argv, struct options *o)
{
	int option;

	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			o->socket_path = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'n':
			o->nonzero = true;
			break;
		case 'q':
			o->queries = true;
			break;
		case 'a':
			o->as = optarg;
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
			print_commands();
			exit(EXIT_CODE_OK);
		default:
			if (read_import_option(option, o))
				break;
			fputs("Try v6gwctl --help.\n", stderr);
			exit(EXIT_CODE_USAGE);
		}
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
	if (!c->valid(words[0]))
		usage(c->parameter[0] == 'i' ? "not an IPv6 address: " : "not a level: ",
		      words[0]);
	return json_pack("{s:s}", c->parameter, words[0]);
}

struct run {
	const struct command *command;
	struct show show;
	bool json;
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
	if (o.nonzero && r.command->show != show_counters)
		usage("--nonzero goes with counters", "");
	if (o.queries && r.command->show != show_event)
		usage("--queries goes with monitor", "");
	if ((o.as || o.dnssec_ok || o.checking_disabled) && r.command->show != show_dns_query)
		usage("--as, --do and --cd go with dns query", "");
	if (o.imports && r.command->method)
		usage("--tayga, --bind, --unbound, --radvd and --leases go with import", "");
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
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("v6gwctl: stdout");
		return EXIT_CODE_FAILED;
	}
	return (int)code;
}
