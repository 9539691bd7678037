/* SPDX-License-Identifier: GPL-3.0-or-later */
#define LOG_PLANE "dns64"

#include "dns64_keep.h"

#include "base/siphash.h"
#include "dns/keep.h"
#include "fdstore.h"
#include "log.h"
#include "sd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static const char stored[] = "dns-cache";

static uint64_t hash_list(uint64_t hash, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct siphash_key key = { hash, n };

		hash = siphash(&key, list[i], strlen(list[i]));
	}
	return hash + n;
}

static uint64_t proof_of(const struct dns64_conf *conf)
{
	const struct validator_conf *v = &conf->validator;

	if (!conf->dns.validating)
		return 0;
	return hash_list(hash_list(1, v->anchors, v->n_anchors), v->except, v->n_except);
}

static int fill(int fd, const struct dns *dns, uint64_t proof, uint64_t now_ms)
{
	size_t size = keep_size(dns), len;
	void *p;

	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	len = keep_save(dns, proof, p, size, now_ms);
	munmap(p, size);
	if (ftruncate(fd, (off_t)len) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return 0;
}

void dns64_keep_save(const struct dns *dns, const struct dns64_conf *conf, uint64_t now_ms)
{
	int fd = memfd_create("v6gwd-dns-cache", MFD_CLOEXEC | MFD_ALLOW_SEALING), error;

	if (fd < 0) {
		log_notice("the cache is not kept: %s", strerror(errno));
		return;
	}
	error = fill(fd, dns, proof_of(conf), now_ms);
	if (error) {
		log_notice("the cache is not kept: %s", strerror(-error));
	} else {
		fdstore_put(stored, fd);
		sd_barrier(); /* who is gone cannot be asked who he was */
	}
	close(fd);
}

/* Sealed: nobody changes it while it is read.  The kernel may add a seal (vm.memfd_noexec). */
static bool is_sealed(int fd, const void *arg)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	(void)arg;
	return seals >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	       (seals & SEALS) == SEALS;
}

void dns64_keep_load(struct dns *dns, const struct dns64_conf *conf, uint64_t now_ms)
{
	int fd = fdstore_take(stored, is_sealed, NULL);
	struct stat st;
	void *p;
	size_t n;

	if (fd < 0)
		return;
	fdstore_drop(stored);
	p = fstat(fd, &st) == 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
				: MAP_FAILED;
	close(fd);
	if (p == MAP_FAILED)
		return;
	n = keep_load(dns, proof_of(conf), p, (size_t)st.st_size, now_ms);
	munmap(p, (size_t)st.st_size);
	log_info("cache: %zu answers of the process before", n);
}
