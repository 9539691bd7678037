/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <time.h>

#define BARRIER_US 1000000u

void sd_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void sd_status(const char *status)
{
	sd_notifyf(0, "STATUS=%s", status);
}

/* systemd 253 and later want the time (Type=notify-reload); earlier ones ignore it. */
void sd_reloading(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

void sd_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void sd_alive(void)
{
	sd_notify(0, "WATCHDOG=1");
}

uint64_t sd_watchdog_ms(void)
{
	uint64_t usec;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec / 2000 : 0;
}

int sd_descriptors(int *first, char ***names)
{
	int n;

	*first = SD_LISTEN_FDS_START;
	*names = NULL;
	n = sd_listen_fds_with_names(1, names);
	return n < 0 || !*names ? 0 : n;
}

void sd_store(const char *name, int fd)
{
	char text[256];

	snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s", name);
	sd_pid_notify_with_fds(0, 0, text, &fd, 1);
}

void sd_unstore(const char *name)
{
	sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

void sd_barrier(void)
{
	sd_notify_barrier(0, BARRIER_US);
}

const char *sd_state_directory(void)
{
	return getenv("STATE_DIRECTORY");
}

void sd_machine_id(uint8_t out[16])
{
	static const sd_id128_t app =
		SD_ID128_MAKE(5b, 1e, 0c, 7d, 64, 2f, 4c, 19, a1, 33, 0d, 6e, 98, 72, c4, b5);
	sd_id128_t id = SD_ID128_NULL;

	sd_id128_get_machine_app_specific(app, &id);
	memcpy(out, id.bytes, sizeof id.bytes);
}
