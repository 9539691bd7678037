/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hearing.c - the kernel's accept_ra, and the link's manager.
 *
 * systemd-networkd reads advertisements itself, with accept_ra off; its state file names the
 * file that it manages the link by (systemd.network(5)).  What cannot be read is taken to be
 * well.
 */
#include "hearing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATH_LEN 96
#define LINE_LEN 512

static int accept_ra_of(const char *name)
{
	char path[PATH_LEN];
	FILE *f;
	int digit = EOF;

	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/accept_ra", name);
	f = fopen(path, "re");
	if (f) {
		digit = fgetc(f);
		fclose(f);
	}
	return digit == EOF ? -1 : digit - '0';
}

static bool is_yes(const char *value)
{
	static const char *const words[] = { "yes", "true", "on", "1", "ipv6" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

/* What a line "KEY=VALUE" gives for key, or NULL. */
static const char *value_of(char *line, const char *key)
{
	size_t len = strlen(key);

	line[strcspn(line, "\n")] = '\0';
	return strncmp(line, key, len) == 0 && line[len] == '=' ? line + len + 1 : NULL;
}

/* Where nothing is said networkd listens unless it was told to forward. */
static bool file_listens(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[LINE_LEN];
	bool accepts = true, said = false;

	if (!f)
		return false;
	while (fgets(line, sizeof line, f)) {
		const char *accept = value_of(line, "IPv6AcceptRA");
		const char *forward = value_of(line, "IPForward");

		if (!forward)
			forward = value_of(line, "IPv6Forwarding");
		if (accept)
			accepts = is_yes(accept);
		else if (forward && !said)
			accepts = !is_yes(forward);
		said |= accept != NULL;
	}
	fclose(f);
	return accepts;
}

static void ask_networkd(uint32_t index, struct fact_hearing *h)
{
	char path[PATH_LEN], line[LINE_LEN];
	FILE *f;

	snprintf(path, sizeof path, "/run/systemd/netif/links/%u", index);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		const char *file = value_of(line, "NETWORK_FILE");

		if (!file)
			continue;
		h->manager = FACT_MANAGER_NETWORKD;
		h->manager_listens = file_listens(file);
		snprintf(h->file, sizeof h->file, "%s", file);
	}
	fclose(f);
}

static void ask_network_manager(uint32_t index, struct fact_hearing *h)
{
	char path[PATH_LEN], line[LINE_LEN];
	FILE *f;

	snprintf(path, sizeof path, "/run/NetworkManager/devices/%u", index);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof line, f)) {
		const char *managed = value_of(line, "managed");

		if (managed && is_yes(managed))
			h->manager = FACT_MANAGER_NETWORK_MANAGER;
	}
	fclose(f);
}

struct fact_hearing hearing_read(const char *name, uint32_t index)
{
	struct fact_hearing h = { .accept_ra = accept_ra_of(name) };

	ask_network_manager(index, &h);
	ask_networkd(index, &h);
	return h;
}
