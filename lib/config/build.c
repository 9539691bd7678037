/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "build.h"

#include <string.h>

static void report(struct option_reader *r, unsigned line, const char *key, const char *text,
		   const char *hint)
{
	if (key && text && hint)
		option_report(r, &(struct option_error){ line, key, text, hint, false });
	else
		r->no_memory = true;
}

static const char *key_of(struct option_reader *r, const char *path, const char *name)
{
	return memory_printf(r->scratch, "%s%s%.64s", path, *path ? "." : "", name);
}

static const struct value *member(const struct value *group, const char *name)
{
	for (size_t i = 0; group && i < group->n; i++)
		if (strcmp(group->v[i].name, name) == 0)
			return &group->v[i];
	return NULL;
}

static void report_unknown(struct option_reader *r, const struct option_group *g,
			   const struct value *group, const char *path)
{
	for (size_t i = 0; i < group->n; i++) {
		const struct value *v = &group->v[i];
		char hint[160];

		if (option_find(g, v->name))
			continue;
		option_suggest(g, v->name, hint, sizeof hint);
		report(r, v->line, key_of(r, path, v->name), "unknown key",
		       memory_copy(r->scratch, hint, strlen(hint)));
	}
}

static void report_missing(struct option_reader *r, const struct option *o)
{
	report(r, r->line, r->key, "is missing",
	       memory_printf(r->scratch, "for example %s = %s;", o->name,
			     o->example ? o->example : ""));
}

/* The default first, then what the file says: a refused value leaves the default. */
static void read_key(struct option_reader *r, const struct option *o, const struct value *v,
		     char *base)
{
	bool refused = (o->flags & OPTION_REQUIRED) != 0;
	size_t marks = r->n_marks;
	unsigned line = r->line;
	struct value preset;

	r->given = false;
	if (o->preset && (!option_preset(r->scratch, o->preset, &preset) ||
			  !option_read(r, o, &preset, base)))
		r->no_memory = true;
	r->line = line; /* a default has none */
	if (v) {
		r->given = true;
		r->line = v->line;
		refused = v->refused || (v->cut && !v->n) || !option_read(r, o, v, base) ||
			  v->cut;
		r->line = v->line;
	} else if (refused && !r->open) {
		report_missing(r, o);
	}
	option_mark(r, base + o->at, refused);
	for (; refused && marks < r->n_marks; marks++)
		r->marks[marks].refused = true; /* elements of the default, too */
}

/* Groups within groups are read by the same code: as many levels as the table has. */
static void read_group(struct option_reader *r, const struct option_group *g,
		       const struct value *v, char *base, const char *path);

static void read_inner(struct option_reader *r, const struct option *o, const struct value *v,
		       char *base, const char *key)
{
	if (v && v->type != VALUE_GROUP) {
		report(r, v->line, key, "must be a group",
		       memory_printf(r->scratch, "%s = { ... };", o->name));
		v = NULL;
	}
	read_group(r, o->group, v, base + o->at, key);
}

/* A list of groups, one group standing for a list of one; NULL: the default. */
static void read_list(struct option_reader *r, const struct option *o, const struct value *v,
		      char *base, const char *key)
{
	bool one = v && v->type == VALUE_GROUP;
	size_t n = !v ? (o->flags & OPTION_ONE) != 0 : one ? 1 : v->n;
	char *elements = memory_take(r->memory, n * o->group->size);

	if (!elements) {
		r->no_memory = true;
		return;
	}
	memcpy(base + o->at, &elements, sizeof elements);
	memcpy(base + o->other_at, &n, sizeof n);
	for (size_t i = 0; i < n; i++, elements += o->group->size) {
		const struct value *e = !v || one ? v : &v->v[i];
		const char *path =
			v && !one ? memory_printf(r->scratch, "%s[%zu]", key, i) : key;

		if (e && e->type != VALUE_GROUP)
			report(r, e->line, path, "must be a group",
			       memory_printf(r->scratch, "%s = ( { %s = ...; } );", o->name,
					     o->group->options[0].name));
		else if (path)
			read_group(r, o->group, e, elements, path);
	}
}

static void read_groups(struct option_reader *r, const struct option *o, const struct value *v,
			char *base, const char *key)
{
	bool ok = !v || v->type == VALUE_LIST || v->type == VALUE_GROUP;

	if (!ok)
		report(r, v->line, key, "must be a list of groups",
		       memory_printf(r->scratch, "%s = ( { ... }, { ... } );", o->name));
	r->line = v ? v->line : r->line;
	r->given = v != NULL;
	r->key = key;
	r->item = OPTION_NO_ITEM;
	option_mark(r, base + o->at, !ok || (v && v->cut));
	if (o->has_given)
		*(bool *)(base + o->given_at) = v != NULL;
	read_list(r, o, ok ? v : NULL, base, key);
}

static void read_group(struct option_reader *r, const struct option_group *g,
		       const struct value *v, char *base, const char *path)
{
	unsigned line = v ? v->line : r->line;
	bool open = r->open;

	if (v)
		report_unknown(r, g, v, path);
	r->open = v ? v->cut : open;
	for (size_t i = 0; i < g->n; i++) {
		const struct option *o = &g->options[i];
		const struct value *m = member(v, o->name);
		const char *key = key_of(r, path, o->name);

		r->line = line;
		r->key = key ? key : "";
		r->no_memory |= !key;
		if (o->type == OPTION_GROUP)
			read_inner(r, o, m, base, r->key);
		else if (o->type == OPTION_GROUPS)
			read_groups(r, o, m, base, r->key);
		else
			read_key(r, o, m, base);
	}
	r->line = line;
	r->open = open;
}

struct config *config_build(const struct value *file, struct option_reader *r)
{
	struct memory *memory = memory_new();
	struct config *c = memory ? memory_take(memory, sizeof *c) : NULL;

	if (!c) {
		memory_free(memory);
		return NULL;
	}
	c->memory = r->memory = memory;
	r->line = 0;
	read_group(r, &options_root, file, (char *)c, "");
	c->ra_given = member(file, "ra") != NULL;
	if (!c->ra_given)
		c->n_ra = 0;
	if (r->no_memory) {
		config_free(c);
		return NULL;
	}
	return c;
}
