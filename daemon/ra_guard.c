/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ra_guard.c - a table is there while something is in it. */
#include "ra_guard.h"

#include "daemon/io/nft_refuse.h"
#include "daemon/io/nft_solicit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct names {
	char v[NFT_SOLICIT_MAX][IFNAMSIZ];
	size_t n;
};

struct ra_guard {
	struct ev_loop *loop;
	ev_fn *changed;
	void *arg;
	struct nft_refuse *refuse;   /* NULL while no port is refused */
	struct nft_solicit *solicit; /* NULL while nothing is advertised */
	struct names links, ports;
};

static void add(struct names *to, size_t max, const struct eff_iface *iface)
{
	if (to->n < max)
		memcpy(to->v[to->n++], iface->name, IFNAMSIZ);
}

void ra_guard_begin(struct ra_guard *g)
{
	g->links = g->ports = (struct names){ .n = 0 };
}

void ra_guard_add(struct ra_guard *g, const struct eff_ra *e)
{
	struct eff_iface link = { .index = e->index };

	memcpy(link.name, e->name, sizeof link.name);
	add(&g->links, NFT_SOLICIT_MAX, &link);
	for (size_t i = 0; i < e->n_refused; i++)
		add(&g->ports, NFT_REFUSE_MAX, &e->refused[i]);
}

void ra_guard_end(struct ra_guard *g)
{
	if (g->ports.n && !g->refuse)
		g->refuse = nft_refuse_open(g->loop, g->changed, g->arg);
	if (g->links.n && !g->solicit)
		g->solicit = nft_solicit_open(g->loop);
	if (!g->ports.n) {
		nft_refuse_close(g->refuse);
		g->refuse = NULL;
	}
	if (!g->links.n) {
		nft_solicit_close(g->solicit);
		g->solicit = NULL;
	}
	if (g->refuse)
		nft_refuse_ports(g->refuse, g->ports.v, g->ports.n);
	if (g->solicit)
		nft_solicit_links(g->solicit, g->links.v, g->links.n);
}

bool ra_guard_health(const struct ra_guard *g, struct reasons *reasons)
{
	int error = g->refuse ? nft_refuse_error(g->refuse) : -EPROTONOSUPPORT;

	if (!g->ports.n || (g->refuse && nft_refuse_present(g->refuse)))
		return true;
	reasons_add(reasons, "ra",
		    "advertisements reach the provider through %s: table bridge v6gwd: %s "
		    "(%s; or set refuse_on_uplink = false)",
		    g->ports.v[0], strerror(-error),
		    error == -EPERM ? "nft list tables: who owns it?"
				    : "needs nftables for bridges in the kernel");
	return false;
}

struct ra_guard *ra_guard_new(struct ev_loop *loop, ev_fn *changed, void *arg)
{
	struct ra_guard *g = calloc(1, sizeof *g);

	if (g)
		*g = (struct ra_guard){ .loop = loop, .changed = changed, .arg = arg };
	return g;
}

void ra_guard_free(struct ra_guard *g)
{
	if (!g)
		return;
	nft_refuse_close(g->refuse);
	nft_solicit_close(g->solicit);
	free(g);
}
