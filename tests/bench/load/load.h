/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load.h - what the measurements of tests/bench/speed have in common: sockets in other network
 * namespaces, a clock, round trips.  Each measurement holds both ends in one program, so that
 * one clock times them, and prints one line of JSON.  Whatever fails ends the program with a
 * word on stderr. */
#ifndef LOAD_H
#define LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct load_at {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* The number n among the arguments; without it the program ends. */
const char *load_arg(char **argv, int n);
double load_number(char **argv, int n);

void __attribute__((noreturn, format(printf, 1, 2))) load_die(const char *format, ...);
/* What a system call gave, when it is not negative. */
int load_try(int result, const char *what);

struct load_at load_address(const char *text, int port);
/* The thread moves into the namespace /run/netns/<netns>, and stays there. */
void load_enter(const char *netns);
/* A socket of the namespace, with large buffers. */
int load_socket(const char *netns, int family, int type);
int load_bound(const char *netns, const char *address, int port, int type);
int load_connected(const char *netns, const char *address, int port, int type);

int64_t load_now(void); /* nanoseconds */
/* "0", "1" or "0-1": where this process runs from now on.  Returns how many these are. */
int load_pin(const char *cpus);
/* Before all others that want the processor. */
void load_first(void);

/* Seconds of processor time of the process $LOAD_PID, which is what is measured; 0 without one.
 */
double load_cpu(void);

/* Round trips, in nanoseconds; those over the room are left out. */
struct load_times {
	uint32_t *ns;
	size_t n, room;
};
struct load_times load_times_new(size_t room);
void load_times_add(struct load_times *t, int64_t ns);
/* p in percent; sorts them.  In microseconds; 0 without any. */
double load_times_at(struct load_times *t, double p);

/* The measurements: argv[0] is the first argument behind their name. */
int load_flood(char **argv);
int load_pingpong(char **argv);
int load_connects(char **argv);
int load_ask(char **argv);
int load_pour(char **argv);
int load_answer(char **argv);
int load_echo(char **argv);
int load_carry(char **argv);

#endif
