/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sd.h - the service manager: readiness, status, watchdog, descriptors.  The one file that
 * knows sd-daemon. Everything is a no-op when nobody supervises us. */
#pragma once

#include <stdint.h>

void sd_ready(const char *status);
void sd_status(const char *status);
void sd_reloading(void);
void sd_stopping(void);
void sd_alive(void);

/* How often sd_alive() is wanted, in ms; 0: never. */
uint64_t sd_watchdog_ms(void);

/* Where state may be kept, as the service manager has it: paths with ':' between; or NULL. */
const char *sd_state_directory(void);

/* The descriptors that it kept for us: how many, the first one (the others follow), and their
 * names, the caller's to free.  Told once. */
int sd_descriptors(int *first, char ***names);

/* It is to keep a second descriptor of fd until sd_unstore(), and under a name that is not in
 * use; nothing happens when it has one. */
void sd_store(const char *name, int fd);
void sd_unstore(const char *name);

/* Returns when what was said before has been heard; not later than in a second. */
void sd_barrier(void);

/* 16 bytes that stay the same on this machine and say nothing about it to others; zeros where
 * the machine has no id. */
void sd_machine_id(uint8_t out[16]);
