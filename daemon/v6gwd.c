/* SPDX-License-Identifier: GPL-3.0-or-later */
/* v6gwd.c - the command line of the daemon. */
#define LOG_PLANE "gateway"

#include "config/dump.h"
#include "config_read.h"
#include "ev.h"
#include "event.h"
#include "gateway.h"
#include "io/upstream_unbound.h"
#include "log.h"
#include "privilege.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct arguments {
	const char *file, *user;
	bool check, has_level;
	enum log_level level;
};

static const char help[] =
	"Usage: v6gwd [OPTION]...\n"
	"NAT64, DNS64 and router advertisements for IPv6-only guests.  Stays in the "
	"foreground.\n"
	"\n"
	"  -c, --config FILE      read FILE (default: " CONFIG_FILE ")\n"
	"  -t, --check            check the configuration and exit: 0 good, 78 with every "
	"error printed\n"
	"      --print-defaults   print a configuration with every key and its default, and "
	"exit\n"
	"  -l, --log-level LEVEL  error, warning, notice, info or debug; wins over log_level\n"
	"      --user NAME        started as root: become NAME, keeping only what is needed\n"
	"  -V, --version          print the version and exit\n"
	"  -h, --help             print this and exit\n"
	"\n"
	"See v6gwd(8), v6gwd.conf(5), v6gwctl(1).\n";

static void put(void *to, const char *text)
{
	fputs(text, to);
}

static int refuse(const char *what, const char *value)
{
	fprintf(stderr, "v6gwd: %s%s\nTry v6gwd --help.\n", what, value);
	return EX_USAGE;
}

static bool parse_level(const char *text, enum log_level *out)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(text, names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

static void print_version(void)
{
	const struct validator_class *v = validator_class();

	printf("v6gwd %s\nDNSSEC validation: %s\n", VERSION,
	       v ? v->version() : "no (built without libunbound)");
}

/* -1 to go on, or the exit code. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	enum { PRINT_DEFAULTS = 256, USER };
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 't' },
		{ "print-defaults", no_argument, NULL, PRINT_DEFAULTS },
		{ "log-level", required_argument, NULL, 'l' },
		{ "user", required_argument, NULL, USER },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};

	for (int c; (c = getopt_long(argc, argv, "c:tl:Vh", options, NULL)) != -1;) {
		switch (c) {
		case 'c':
			a->file = optarg;
			break;
		case 't':
			a->check = true;
			break;
		case PRINT_DEFAULTS:
			config_print_defaults(put, stdout);
			return fflush(stdout) ? EX_IOERR : EX_OK;
		case 'l':
			a->has_level = true;
			if (!parse_level(optarg, &a->level))
				return refuse("no such log level: ", optarg);
			break;
		case USER:
			a->user = optarg;
			break;
		case 'V':
			print_version();
			return EX_OK;
		case 'h':
			fputs(help, stdout);
			return EX_OK;
		default:
			fputs("Try v6gwd --help.\n", stderr);
			return EX_USAGE;
		}
	}
	return optind == argc ? -1 : refuse("unexpected argument: ", argv[optind]);
}

static int serve(const struct arguments *a, struct config *config,
		 const struct config_errors *errors)
{
	const struct gateway_conf conf = { a->file,      config,   errors,
					   a->has_level, a->level, VERSION };
	struct ev_loop *loop;
	struct gateway *gateway;
	int code = EX_OSERR;

	log_open();
	if (a->user && privilege_drop(a->user, config) < 0) {
		config_free(config);
		return EX_NOPERM;
	}
	loop = ev_new();
	gateway = loop ? gateway_new(loop, &conf, &code) : NULL;
	if (gateway)
		code = gateway_run(gateway);
	gateway_free(gateway);
	ev_free(loop);
	return code;
}

static void tell_refused(const char *file)
{
	log_open();
	event_tell(EVENT_CONFIG_REFUSED, NULL, "%s is refused, v6gwd does not start", file);
}

int main(int argc, char **argv)
{
	struct arguments a = { .file = CONFIG_FILE };
	int code = parse_arguments(argc, argv, &a);
	struct config_errors errors;
	struct config *config;

	if (code >= 0)
		return code;
	config = config_load(a.file, &errors);
	config_errors_print(&errors, stderr);
	if (!config) {
		code = EX_CONFIG;
		if (!a.check)
			tell_refused(a.file);
	} else if (!a.check)
		code = serve(&a, config, &errors);
	else {
		config_free(config);
		code = EX_OK;
	}
	config_errors_free(&errors);
	return code;
}
