/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.h - the journal, or "<N>text" lines on stderr.  The one file that knows sd-journal.
 *
 * Each .c defines LOG_PLANE ("nat64", "dns64", "ra", "gateway" ...) before it includes this.
 * What a stranger can cause is counted instead.
 */
#pragma once

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Optional fields of a line; zero where unknown. */
struct log_fields {
	const char *message_id; /* 32 hex digits: an entry of the catalog */
	const char *event;      /* V6GWD_EVENT: its name there */
	const char *about;      /* V6GWD_ABOUT: the event that is over */
	const char *plane;      /* of an event: in place of its row's */
	const char *iface;      /* V6GWD_IFACE */
	const char *client;     /* V6GWD_CLIENT: a guest's address */
	const char *mac;        /* V6GWD_MAC */
	const char *ipv4;       /* V6GWD_IPV4 */
	const char *name;       /* V6GWD_NAME: what was asked for, or whom */
};

void log_open(void);
void log_set_level(enum log_level);

void log_line(enum log_level, const char *plane, const struct log_fields *, const char *fmt,
	      ...) __attribute__((format(printf, 4, 5)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, LOG_PLANE, NULL, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, LOG_PLANE, NULL, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_LEVEL_NOTICE, LOG_PLANE, NULL, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, LOG_PLANE, NULL, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, LOG_PLANE, NULL, __VA_ARGS__)
