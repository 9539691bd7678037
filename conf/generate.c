/* SPDX-License-Identifier: GPL-3.0-or-later */
/* generate.c - prints what is made of the option table: "sample" is conf/v6gwd.conf, "keys" the
 * part of docs/v6gwd.conf.5.scd between its two marks.  Not installed. */
#include "config/dump.h"

#include <stdio.h>
#include <string.h>

static void print(void *arg, const char *text)
{
	fputs(text, arg);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "sample") == 0)
		config_print_sample(print, stdout);
	else if (argc == 2 && strcmp(argv[1], "keys") == 0)
		config_print_man(print, stdout);
	else
		return fputs("usage: generate sample|keys\n", stderr), 2;
	return fflush(stdout) == 0 ? 0 : 1;
}
