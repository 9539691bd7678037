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
	char left_out[IFNAMSIZ]; /* the last for which there was no room */
};

struct ra_guard {
	struct ev_loop *loop;
	ev_fn *changed;
	void *arg;
	struct nft_refuse *refuse;   /* NULL while no port is refused */
	struct nft_solicit *solicit; /* NULL while nothing is advertised */
	struct names links, ports;
};

static void add(struct names *to, size_t max, const char name[IFNAMSIZ])
{
	memcpy(to->n < max ? to->v[to->n++] : to->left_out, name, IFNAMSIZ);
}

void ra_guard_begin(struct ra_guard *g)
{
	g->links = g->ports = (struct names){ .n = 0 };
}

void ra_guard_add(struct ra_guard *g, const struct eff_ra *e)
{
	add(&g->links, NFT_SOLICIT_MAX, e->name);
	for (size_t i = 0; i < e->n_refused; i++)
		add(&g->ports, NFT_REFUSE_MAX, e->refused[i].name);
}

void ra_guard_end(struct ra_guard *g)
{
	if (g->ports.n && !g->refuse)
		g->refuse = nft_refuse_open(g->loop, g->changed, g->arg);
	if (g->links.n && !g->solicit)
		g->solicit = nft_solicit_open(g->loop);
	if (!g->ports.n) {
		nft_refuse_close(g->refuse, false);
		g->refuse = NULL;
	}
	if (!g->links.n) {
		nft_solicit_close(g->solicit, false);
		g->solicit = NULL;
	}
	if (g->refuse)
		nft_refuse_ports(g->refuse, g->ports.v, g->ports.n);
	if (g->solicit)
		nft_solicit_links(g->solicit, g->links.v, g->links.n);
}

static void tell_left_out(const struct names *names, const char *what, struct reasons *reasons)
{
	if (*names->left_out)
		reasons_add(reasons, EVENT_REACHES_PROVIDER,
			    "%s through %s: there is room for %zu interfaces only", what,
			    names->left_out, names->n);
}

bool ra_guard_health(const struct ra_guard *g, struct reasons *reasons)
{
	int error = g->refuse ? nft_refuse_error(g->refuse) : -EPROTONOSUPPORT;
	size_t before = reasons->n;

	tell_left_out(&g->ports, "advertisements reach the provider", reasons);
	tell_left_out(&g->links, "one guest can fill the kernel's neighbours", reasons);
	if (g->ports.n && !(g->refuse && nft_refuse_present(g->refuse)))
		reasons_add(reasons, EVENT_REACHES_PROVIDER,
			    "advertisements reach the provider through %s: table bridge v6gwd: "
			    "%s (%s; or set refuse_on_uplink = false)",
			    g->ports.v[0], error ? strerror(-error) : "being put back",
			    error == -EPERM ? "nft list tables: who owns it?"
					    : "needs nftables for bridges in the kernel");
	return reasons->n == before;
}

struct ra_guard *ra_guard_new(struct ev_loop *loop, ev_fn *changed, void *arg)
{
	struct ra_guard *g = calloc(1, sizeof *g);

	if (g)
		*g = (struct ra_guard){ .loop = loop, .changed = changed, .arg = arg };
	return g;
}

void ra_guard_free(struct ra_guard *g, bool keep)
{
	if (!g)
		return;
	nft_refuse_close(g->refuse, keep);
	nft_solicit_close(g->solicit, keep);
	free(g);
}
