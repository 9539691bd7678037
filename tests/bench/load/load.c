/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load.c - the generators and receivers of tests/bench/speed, one program with a word for each.
 */
#include "load.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name, *arguments;
	int (*run)(char **argv);
} words[] = {
	{ "flood",
	  "GUEST_NS SERVER_NS CPU CPU MAC MAC SOURCE SOURCES TARGET LISTEN PORT FLOWS RATE "
	  "SECONDS",
	  load_flood },
	{ "pingpong", "GUEST_NS SERVER_NS CPU CPU TARGET LISTEN PORT SECONDS PAUSE_US FIRST",
	  load_pingpong },
	{ "connects", "GUEST_NS SERVER_NS CPU CPU TARGET LISTEN PORT WINDOW SECONDS",
	  load_connects },
	{ "ask",
	  "GUEST_NS CPU TARGET TYPE LETTER NAMES FIRST_NAME WINDOW PAUSE_US FIRST PORTS "
	  "SECONDS|-QUESTIONS",
	  load_ask },
	{ "pour", "GUEST_NS CPU TARGET NAMES SECONDS", load_pour },
	{ "answer", "SERVER_NS CPU LISTEN DELAY_US", load_answer },
	{ "echo", "HOST_NS CPU LISTEN FIRST", load_echo },
	{ "carry", "GUEST_NS SERVER_NS TARGET LISTEN PORT SECONDS", load_carry },
};

void load_die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, errno ? ": %s\n" : "\n", strerror(errno));
	exit(1);
}

int load_try(int result, const char *what)
{
	if (result < 0)
		load_die("%s", what);
	return result;
}

const char *load_arg(char **argv, int n)
{
	for (int i = 0; i <= n; i++)
		if (!argv[i]) {
			errno = 0;
			load_die("argument %d is missing", n + 1);
		}
	return argv[n];
}

double load_number(char **argv, int n)
{
	return strtod(load_arg(argv, n), NULL);
}

struct load_at load_address(const char *text, int port)
{
	struct load_at at = { 0 };
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&at.sa;
	struct sockaddr_in *four = (struct sockaddr_in *)&at.sa;

	if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		at.len = sizeof(*six);
	} else if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		at.len = sizeof(*four);
	} else {
		errno = 0;
		load_die("no address: %s", text);
	}
	return at;
}

void load_enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = load_try(open(path, O_RDONLY | O_CLOEXEC), path);
	load_try(setns(fd, CLONE_NEWNET), "setns");
	close(fd);
}

int load_socket(const char *netns, int family, int type)
{
	int fd, size = 4 << 20, on = 1;

	load_enter(netns);
	fd = load_try(socket(family, type | SOCK_CLOEXEC, 0), "socket");
	if ((type & 0xf) == SOCK_DGRAM) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

int load_bound(const char *netns, const char *address, int port, int type)
{
	struct load_at at = load_address(address, port);
	int fd = load_socket(netns, at.sa.ss_family, type);

	load_try(bind(fd, (struct sockaddr *)&at.sa, at.len), "bind");
	return fd;
}

int load_connected(const char *netns, const char *address, int port, int type)
{
	struct load_at at = load_address(address, port);
	int fd = load_socket(netns, at.sa.ss_family, type);

	if (connect(fd, (struct sockaddr *)&at.sa, at.len) < 0 && errno != EINPROGRESS)
		load_die("connect to %s", address);
	return fd;
}

int64_t load_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int load_pin(const char *cpus)
{
	int first, last;
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sscanf(cpus, "%d-%d", &first, &last) != 2)
		first = last = atoi(cpus);
	for (int cpu = first; cpu <= last; cpu++)
		CPU_SET(cpu, &set);
	load_try(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
	return CPU_COUNT(&set);
}

void load_first(void)
{
	struct sched_param param = { .sched_priority = 3 };

	load_try(sched_setscheduler(0, SCHED_FIFO, &param), "sched_setscheduler");
}

double load_cpu(void)
{
	const char *pid = getenv("LOAD_PID");
	unsigned long long ns, sum = 0;
	char path[300];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%s/task", pid ? pid : "");
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", pid, entry->d_name);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		fclose(f);
	}
	if (tasks)
		closedir(tasks);
	return (double)sum / 1e9;
}

struct load_times load_times_new(size_t room)
{
	struct load_times t = { calloc(room, sizeof(*t.ns)), 0, room };

	if (!t.ns)
		load_die("no memory");
	return t;
}

void load_times_add(struct load_times *t, int64_t ns)
{
	if (t->n < t->room)
		t->ns[t->n++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double load_times_at(struct load_times *t, double p)
{
	size_t at = (size_t)((double)t->n * p / 100);

	if (!t->n)
		return 0;
	qsort(t->ns, t->n, sizeof(*t->ns), by_value);
	return t->ns[at < t->n ? at : t->n - 1] / 1e3;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (argc > 1 && strcmp(argv[1], words[i].name) == 0)
			return words[i].run(argv + 2);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		fprintf(stderr, "load %s %s\n", words[i].name, words[i].arguments);
	return 2;
}
