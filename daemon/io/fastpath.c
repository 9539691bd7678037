/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fastpath.c - by libbpf: a program at the egress hook of clsact, which stays with its device
 * whatever becomes of us (links and tcx do not, or are too new).
 *
 * Nothing of the object file is kept once the kernel has it.
 */
#define LOG_PLANE "nat64"

#include "fastpath.h"

#include "daemon/log.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <nat64.skel.h> /* generated */
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ours among the filters of a device; others may stand before it. */
#define HANDLE   64u
#define PRIORITY 646u

enum { CONF, PAIRS6, PAIRS4, SLOTS, USAGE, N_MAPS };

struct fastpath {
	int prog, map[N_MAPS];
	uint32_t prog_id, index; /* index: of the device, 0: none */
	bool made_hook;
	unsigned n_cpus;
	struct fast_usage *read; /* of FASTPATH_USAGE_MAX slots, for each CPU */
};

static int print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char text[512];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(text, sizeof text, fmt, args);
	text[strcspn(text, "\n")] = '\0';
	log_debug("%s", text);
	return 0;
}

static void explain(const char *what, int error, char why[FASTPATH_WHY_LEN])
{
	const char *remedy = "";

	switch (error) {
	case EPERM:
	case EACCES:
		remedy = " (needs CAP_BPF and CAP_NET_ADMIN, and bpf() not forbidden to us: "
			 "see the unit's AmbientCapabilities and SystemCallFilter)";
		break;
	case ENOENT:
	case EOPNOTSUPP:
		remedy = " (modprobe sch_ingress cls_bpf)";
		break;
	case ENOSYS:
	case EINVAL:
		remedy = " (needs Linux 5.15 with BPF, or something else is in its place: tc "
			 "qdisc show)";
		break;
	}
	snprintf(why, FASTPATH_WHY_LEN, "%s: %s%s", what, strerror(error), remedy);
}

static int copy_fd(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static bool take_over(struct fastpath *f, const struct nat64_bpf *skel)
{
	const struct bpf_map *maps[N_MAPS] = { skel->maps.conf, skel->maps.pairs6,
					       skel->maps.pairs4, skel->maps.slots,
					       skel->maps.usage };
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof info;

	f->prog = copy_fd(bpf_program__fd(skel->progs.v6gwd));
	for (size_t i = 0; i < N_MAPS; i++) {
		f->map[i] = copy_fd(bpf_map__fd(maps[i]));
		if (f->map[i] < 0)
			return false;
	}
	if (f->prog < 0 || bpf_obj_get_info_by_fd(f->prog, &info, &len) < 0)
		return false;
	f->prog_id = info.id;
	return true;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void release(struct fastpath *f)
{
	close_fd(f->prog);
	for (size_t i = 0; i < N_MAPS; i++)
		close_fd(f->map[i]);
	free(f->read);
	free(f);
}

static struct nat64_bpf *load_object(uint32_t n_slots, uint32_t n_pairs)
{
	struct nat64_bpf *skel = nat64_bpf__open();

	if (!skel)
		return NULL;
	bpf_map__set_max_entries(skel->maps.pairs6, n_pairs);
	bpf_map__set_max_entries(skel->maps.pairs4, n_pairs);
	bpf_map__set_max_entries(skel->maps.slots, n_slots);
	bpf_map__set_max_entries(skel->maps.usage, n_slots);
	bpf_program__set_autoattach(skel->progs.v6gwd, false);
	if (nat64_bpf__load(skel) == 0)
		return skel;
	int error = errno;

	nat64_bpf__destroy(skel);
	errno = error;
	return NULL;
}

static struct fastpath *load(uint32_t n_slots, uint32_t n_pairs, char why[FASTPATH_WHY_LEN])
{
	struct fastpath *f = malloc(sizeof *f);
	int n_cpus = libbpf_num_possible_cpus();
	struct nat64_bpf *skel;

	if (!f || n_cpus < 1) {
		explain("memory", ENOMEM, why);
		free(f);
		return NULL;
	}
	memset(f, 0, sizeof *f);
	memset(f->map, 0xff, sizeof f->map);
	f->prog = -1;
	f->n_cpus = (unsigned)n_cpus;
	libbpf_set_print(print);
	f->read = calloc(FASTPATH_USAGE_MAX * f->n_cpus, sizeof *f->read);
	skel = f->read ? load_object(n_slots, n_pairs) : NULL;
	if (skel && take_over(f, skel)) {
		nat64_bpf__destroy(skel);
		malloc_trim(0); /* the object's code and types: ten times what we keep */
		return f;
	}
	explain("the kernel does not take the program", errno, why);
	nat64_bpf__destroy(skel);
	release(f);
	return NULL;
}

static struct bpf_tc_hook hook_at(uint32_t index)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
				     .ifindex = (int)index,
				     .attach_point = BPF_TC_EGRESS };
}

static struct bpf_tc_opts our_filter(void)
{
	return (struct bpf_tc_opts){ .sz = sizeof(struct bpf_tc_opts),
				     .handle = HANDLE,
				     .priority = PRIORITY };
}

static bool attach(struct fastpath *f, uint32_t index, char why[FASTPATH_WHY_LEN])
{
	struct bpf_tc_hook hook = hook_at(index);
	struct bpf_tc_opts filter = our_filter();
	int error = bpf_tc_hook_create(&hook);

	filter.prog_fd = f->prog;
	filter.flags = BPF_TC_F_REPLACE;
	if (error == 0)
		f->made_hook = true;
	if (error == 0 || error == -EEXIST)
		error = bpf_tc_attach(&hook, &filter);
	if (error) {
		explain("no filter at the TUN device", -error, why);
		return false;
	}
	f->index = index;
	return true;
}

static bool is_attached(const struct fastpath *f)
{
	struct bpf_tc_hook hook = hook_at(f->index);
	struct bpf_tc_opts filter = our_filter();

	return f->index && bpf_tc_query(&hook, &filter) == 0 && filter.prog_id == f->prog_id;
}

static void clear(uint32_t index)
{
	struct bpf_tc_hook hook = hook_at(index);
	struct bpf_tc_opts filter = our_filter();

	libbpf_set_print(print);
	if (bpf_tc_detach(&hook, &filter) == 0)
		log_info("fast path: the filter is taken away");
}

/* The hook, too, where it is ours: with its device it would go anyway. */
static void close_all(struct fastpath *f, bool keep)
{
	struct bpf_tc_hook hook = hook_at(f->index);

	if (f->index && !keep) {
		clear(f->index);
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		if (f->made_hook)
			bpf_tc_hook_destroy(&hook);
	}
	release(f);
}

static bool put(const struct fastpath *f, int map, const void *key, const void *value)
{
	return bpf_map_update_elem(f->map[map], key, value, BPF_ANY) == 0;
}

static bool configure(struct fastpath *f, const struct fast_conf *conf)
{
	const uint32_t zero = 0;

	return put(f, CONF, &zero, conf);
}

static bool set_slot(struct fastpath *f, uint32_t slot, uint32_t generation)
{
	return put(f, SLOTS, &slot, &generation);
}

static bool put6(struct fastpath *f, const struct fast_key6 *key, const struct fast_pair6 *pair)
{
	return put(f, PAIRS6, key, pair);
}

static bool put4(struct fastpath *f, const struct fast_key4 *key, const struct fast_pair4 *pair)
{
	return put(f, PAIRS4, key, pair);
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct fastpath_usage sum_up(const struct fast_usage *of_cpu, unsigned n,
				    uint64_t now_ns)
{
	struct fastpath_usage sum = { 0 };
	uint64_t used_ns = 0;

	for (unsigned i = 0; i < n; i++) {
		for (unsigned way = 0; way < 2; way++) {
			sum.packets[way] += of_cpu[i].packets[way];
			sum.bytes[way] += of_cpu[i].bytes[way];
		}
		if (of_cpu[i].used_ns > used_ns)
			used_ns = of_cpu[i].used_ns;
	}
	sum.age_ms = now_ns > used_ns ? (now_ns - used_ns) / 1000000u : 0;
	return sum;
}

/* One slot is read without the ways of a batch, which old kernels do not have for one CPU's. */
static bool read_usage(struct fastpath *f, uint32_t first, uint32_t n)
{
	uint32_t keys[FASTPATH_USAGE_MAX], before = first - 1, next, got = n;

	if (n == 1)
		return bpf_map_lookup_elem(f->map[USAGE], &first, f->read) == 0;
	return bpf_map_lookup_batch(f->map[USAGE], first ? &before : NULL, &next, keys, f->read,
				    &got, NULL) == 0 ||
	       (errno == ENOENT && got == n);
}

static bool usage(struct fastpath *f, uint32_t first, uint32_t n, struct fastpath_usage *out)
{
	uint64_t now_ns = clock_ns();

	if (!read_usage(f, first, n))
		return false;
	for (uint32_t i = 0; i < n; i++)
		out[i] = sum_up(f->read + i * f->n_cpus, f->n_cpus, now_ns);
	return true;
}

const struct fastpath_class fastpath_bpf = {
	.load = load,
	.attach = attach,
	.is_attached = is_attached,
	.close = close_all,
	.clear = clear,
	.configure = configure,
	.set_slot = set_slot,
	.put6 = put6,
	.put4 = put4,
	.usage = usage,
};
