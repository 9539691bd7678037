/* SPDX-License-Identifier: GPL-3.0-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#define LINE_MAX_LEN 1024

static enum log_level most_verbose = LOG_LEVEL_INFO;
static bool to_journal;

/* Is stderr the journal's stream?  (systemd.exec(5): $JOURNAL_STREAM is "device:inode") */
void log_open(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &dev, &ino) != 2 || fstat(2, &st) < 0)
		return;
	to_journal = dev == st.st_dev && ino == st.st_ino;
}

void log_set_level(enum log_level level)
{
	most_verbose = level;
}

/* syslog(3)'s numbers */
static int priority_of(enum log_level level)
{
	static const int priority[] = { 3, 4, 5, 6, 7 };

	return priority[level];
}

#define FIELDS_MAX 12

struct line {
	char text[FIELDS_MAX][LINE_MAX_LEN];
	struct iovec iov[FIELDS_MAX];
	int n;
};

static void add_field(struct line *l, const char *name, const char *value)
{
	int len;

	if (!value || !*value)
		return;
	len = snprintf(l->text[l->n], LINE_MAX_LEN, "%s=%s", name, value);
	if (len >= LINE_MAX_LEN)
		len = LINE_MAX_LEN - 1;
	l->iov[l->n] = (struct iovec){ l->text[l->n], (size_t)len };
	l->n++;
}

static void send_journal(enum log_level level, const char *plane, const struct log_fields *f,
			 const char *message)
{
	struct line l = { .n = 0 };
	const char priority[] = { (char)('0' + priority_of(level)), '\0' };

	add_field(&l, "MESSAGE", message);
	add_field(&l, "PRIORITY", priority);
	add_field(&l, "SYSLOG_IDENTIFIER", "v6gwd");
	add_field(&l, "V6GWD_PLANE", plane);
	if (f) {
		add_field(&l, "MESSAGE_ID", f->message_id);
		add_field(&l, "V6GWD_EVENT", f->event);
		add_field(&l, "V6GWD_ABOUT", f->about);
		add_field(&l, "V6GWD_IFACE", f->iface);
		add_field(&l, "V6GWD_CLIENT", f->client);
		add_field(&l, "V6GWD_MAC", f->mac);
		add_field(&l, "V6GWD_IPV4", f->ipv4);
		add_field(&l, "V6GWD_NAME", f->name);
	}
	sd_journal_sendv(l.iov, l.n);
}

void log_line(enum log_level level, const char *plane, const struct log_fields *fields,
	      const char *fmt, ...)
{
	char message[LINE_MAX_LEN];
	va_list ap;
	int n;

	if (level > most_verbose)
		return;
	n = snprintf(message, sizeof message, "%s: ", plane);
	va_start(ap, fmt);
	vsnprintf(message + n, sizeof message - (size_t)n, fmt, ap);
	va_end(ap);
	if (to_journal)
		send_journal(level, plane, fields, message);
	else
		fprintf(stderr, "<%d>%s\n", priority_of(level), message);
}
