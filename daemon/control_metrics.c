/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_metrics.c - one family for each counter, named after it: "nat64.drop.hop_limit"
 * becomes v6gwd_nat64_drop_hop_limit_total. */
#include "control_metrics.h"

#include "control_call.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct text {
	struct control_buf *out;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void putf(struct text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof line ||
	    !control_buf_add(t->out, line, (size_t)len))
		t->failed = true;
}

/* What may not stand in a metric's name becomes '_'. */
static void name_metric(const char *name, char out[96])
{
	size_t n = 0;

	for (; name[n] && n < 95; n++) {
		char c = name[n];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9');

		out[n] = plain ? c : '_';
	}
	out[n] = '\0';
}

/* A help text: backslash, quote and line feed are escaped. */
static void escape(const char *text, char out[256])
{
	size_t n = 0;

	for (; *text && n < 253; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			out[n++] = '\\';
		out[n++] = *text == '\n' ? 'n' : *text;
	}
	out[n] = '\0';
}

static void put_counter(struct text *t, const struct counter *c)
{
	char name[96], help[256];

	name_metric(c->name, name);
	escape(c->text, help);
	putf(t, "# TYPE v6gwd_%s counter\n", name);
	putf(t, "# HELP v6gwd_%s %s\n", name, help);
	putf(t, "v6gwd_%s_total %" PRIu64 "\n", name, c->value);
}

bool control_metrics_write(const struct control_service *service, struct control_buf *out)
{
	struct text t = { .out = out };
	struct counter c;

	putf(&t, "# TYPE v6gwd info\n# HELP v6gwd The daemon that runs.\n");
	putf(&t, "v6gwd_info{version=\"%s\"} 1\n", service->version);
	for (size_t i = 0; service->ops->counter(service->arg, i, &c); i++)
		put_counter(&t, &c);
	putf(&t, "# EOF\n");
	return !t.failed;
}
