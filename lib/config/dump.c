/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dump.h"

#include "option_type.h"

#include <stdio.h>
#include <string.h>

#define WIDTH     96u
#define TAB_WIDTH 8u
#define PATH_LEN  512u

enum form { FORM_DEFAULTS, FORM_SAMPLE, FORM_VALUES };

struct out {
	config_put put;
	void *arg;
	enum form form;
	const struct origin *origins;
	size_t n_origins;
	bool off; /* commented out */
};

static void put(const struct out *out, const char *text)
{
	out->put(out->arg, text);
}

static void indent(const struct out *out, unsigned depth)
{
	while (depth--)
		put(out, "\t");
}

/* Words of text into lines of their own, each led by tabs and lead. */
static void wrap(const struct out *out, unsigned depth, const char *lead, const char *text)
{
	unsigned room = WIDTH - depth * TAB_WIDTH - (unsigned)strlen(lead), used = 0;
	char word[128];

	while (*text) {
		size_t len = strcspn(text, " ");

		snprintf(word, sizeof word, "%.*s", (int)len, text);
		if (used && used + 1 + len > room) {
			put(out, "\n");
			used = 0;
		}
		if (!used) {
			indent(out, depth);
			put(out, lead);
		} else {
			put(out, " ");
			used++;
		}
		put(out, word);
		used += (unsigned)len;
		text += len + (text[len] == ' ');
	}
	put(out, "\n");
}

/* What a value may be, "1280 to 65535" or "\"compute\" | \"drop\"", into text. */
static void choices(const struct option *o, char *text, size_t text_len)
{
	size_t n = 0;

	option_bounds(o, text, text_len);
	for (size_t i = 0; o->type == OPTION_WORD && o->words[i]; i++)
		n += (size_t)snprintf(text + n, text_len - n, "%s\"%s\"", i ? " | " : "",
				      o->words[i]);
}

static void put_doc(const struct out *out, unsigned depth, const struct option *o)
{
	char range[160], text[800];

	if (out->form == FORM_VALUES)
		return;
	choices(o, range, sizeof range);
	snprintf(text, sizeof text, "%s%s%s%s", o->text, *range ? " (" : "", range,
		 *range ? ")" : "");
	wrap(out, depth, "# ", text);
}

/* An entry of a list that is empty by default, as a comment. */
static void put_entry_example(const struct out *out, unsigned depth, const struct option *o)
{
	const struct option_group *g = o->group;
	char text[600];
	size_t n = (size_t)snprintf(text, sizeof text, "%s = ( {", o->name);

	for (size_t i = 0; i < g->n; i++) {
		const struct option *key = &g->options[i];

		n += (size_t)snprintf(text + n, sizeof text - n, " %s = %s;", key->name,
				      key->example ? key->example : key->preset);
	}
	snprintf(text + n, sizeof text - n, " } );");
	wrap(out, depth, "#   ", text);
	for (size_t i = 0; i < g->n; i++) {
		snprintf(text, sizeof text, "%s: %s", g->options[i].name, g->options[i].text);
		wrap(out, depth, "#   ", text);
	}
}

static void put_comment_text(const struct out *out, const char *text)
{
	char one[2] = "";

	for (; *text; text++) {
		*one = (unsigned char)*text < ' ' ? ' ' : *text;
		put(out, one);
	}
}

static void put_origins(const struct out *out, const char *path)
{
	bool first = true;

	for (size_t i = 0; i < out->n_origins; i++) {
		const struct origin *o = &out->origins[i];

		if (strcmp(o->key, path) != 0)
			continue;
		put(out, first ? " # auto: " : ", ");
		put_comment_text(out, o->value);
		put(out, " from ");
		put_comment_text(out, o->from);
		first = false;
	}
}

static void put_key(const struct out *out, unsigned depth, const struct option *o,
		    const void *base, const char *path)
{
	put_doc(out, depth, o);
	indent(out, depth);
	put(out, out->off || out->form == FORM_SAMPLE ? "#" : "");
	put(out, o->name);
	put(out, " = ");
	if (base)
		option_put(o, base, out->put, out->arg);
	else
		put(out, o->preset);
	put(out, ";");
	put_origins(out, path);
	put(out, "\n");
}

/* base NULL: the defaults.  Recursion is as deep as the table. */
static void put_group(const struct out *out, unsigned depth, const struct option_group *g,
		      const char *base, const char *path);

static void put_empty_list(const struct out *out, unsigned depth, const struct option *o)
{
	put_doc(out, depth, o);
	if (out->form != FORM_VALUES)
		put_entry_example(out, depth, o);
	indent(out, depth);
	put(out, out->off || out->form == FORM_SAMPLE ? "#" : "");
	put(out, o->name);
	put(out, " = ( );\n");
}

/* Would the list say something else if it stood in the file?  Then it is commented out. */
static bool is_off(const struct out *out, const struct option *o, const char *base)
{
	if (!o->has_given)
		return out->off;
	return base ? !*(const bool *)(base + o->given_at) : out->form == FORM_SAMPLE;
}

static void put_bracket(const struct out *out, unsigned depth, const char *name,
			const char *text)
{
	indent(out, depth);
	put(out, out->off ? "#" : "");
	put(out, name);
	put(out, text);
}

static void put_list(const struct out *above, unsigned depth, const struct option *o,
		     const char *base, const char *path)
{
	struct out list = *above, *out = &list;
	size_t n = (o->flags & OPTION_ONE) != 0;
	const char *elements = NULL;
	char element_path[PATH_LEN];

	list.off = is_off(above, o, base);

	if (base) {
		memcpy(&n, base + o->other_at, sizeof n);
		memcpy(&elements, base + o->at, sizeof elements);
	}
	if (!n) {
		put_empty_list(out, depth, o);
		return;
	}
	put_doc(out, depth, o);
	put_bracket(out, depth, o->name, " = ( {\n");
	for (size_t i = 0; i < n; i++) {
		snprintf(element_path, sizeof element_path, "%.400s[%zu]", path, i);
		if (i)
			put_bracket(out, depth, "", "}, {\n");
		put_group(out, depth + 1, o->group,
			  elements ? elements + i * o->group->size : NULL, element_path);
	}
	put_bracket(out, depth, "", "} );\n");
}

static void put_inner(const struct out *out, unsigned depth, const struct option *o,
		      const char *base, const char *path)
{
	put_doc(out, depth, o);
	indent(out, depth);
	put(out, o->name);
	put(out, " = {\n");
	put_group(out, depth + 1, o->group, base ? base + o->at : NULL, path);
	indent(out, depth);
	put(out, "};\n");
}

static void put_group(const struct out *out, unsigned depth, const struct option_group *g,
		      const char *base, const char *path)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct option *o = &g->options[i];
		char key[PATH_LEN];

		snprintf(key, sizeof key, "%s%s%s", path, *path ? "." : "", o->name);
		if (o->group && !depth)
			put(out, "\n");
		if (o->type == OPTION_GROUP)
			put_inner(out, depth, o, base, key);
		else if (o->type == OPTION_GROUPS)
			put_list(out, depth, o, base, key);
		else
			put_key(out, depth, o, base, key);
	}
}

void config_print_defaults(config_put put_text, void *arg)
{
	struct out out = { .put = put_text, .arg = arg, .form = FORM_DEFAULTS };

	put(&out, "# v6gwd.conf: every key with its default. See v6gwd.conf(5).\n\n");
	put_group(&out, 0, &options_root, NULL, "");
}

void config_print_sample(config_put put_text, void *arg)
{
	struct out out = { .put = put_text, .arg = arg, .form = FORM_SAMPLE };

	put(&out,
	    "# SPDX-License-Identifier: GPL-3.0-or-later\n"
	    "# v6gwd.conf - configuration of v6gwd, see v6gwd.conf(5).\n"
	    "#\n"
	    "# Every key is here with its default, commented out: this file says the same as "
	    "an\n"
	    "# empty one. Often one line is enough: interface = \"br0\";\n"
	    "# Check with `v6gwd --check`, apply with `systemctl reload v6gwd`.\n\n");
	put_group(&out, 0, &options_root, NULL, "");
}

/* Is this key printed by config_dump, so that its origin stands behind it? */
static bool is_printed(const struct config *c, const char *key)
{
	const struct option_group *g = &options_root;
	const char *base = (const char *)c;
	size_t n, index;

	while (g && *key) {
		size_t len = strcspn(key, ".[");
		const struct option *o = NULL;

		for (size_t i = 0; i < g->n && !o; i++)
			if (strlen(g->options[i].name) == len &&
			    strncmp(g->options[i].name, key, len) == 0)
				o = &g->options[i];
		if (!o)
			return false;
		key += len;
		if (!o->group)
			return !*key;
		if (o->type == OPTION_GROUPS) {
			int used = 0;

			if (sscanf(key, "[%zu]%n", &index, &used) != 1 || !used)
				return false;
			memcpy(&n, base + o->other_at, sizeof n);
			if (index >= n)
				return false;
			memcpy(&base, base + o->at, sizeof base);
			base += index * o->group->size;
			key += used;
		} else {
			base += o->at;
		}
		key += *key == '.';
		g = o->group;
	}
	return false;
}

static void put_other_origins(const struct out *out, const struct config *c)
{
	for (size_t i = 0; i < out->n_origins; i++) {
		const struct origin *o = &out->origins[i];

		if (is_printed(c, o->key))
			continue;
		put(out, "# auto: ");
		put_comment_text(out, o->key);
		put(out, ": ");
		put_comment_text(out, o->value);
		put(out, " from ");
		put_comment_text(out, o->from);
		put(out, "\n");
	}
}

void config_dump(const struct config *c, const struct origin *origins, size_t n_origins,
		 config_put put_text, void *arg)
{
	struct out out = { put_text, arg, FORM_VALUES, origins, n_origins, false };
	struct config written = *c;

	if (!c->ra_given)
		written.n_ra = 1; /* ra[0] holds the defaults */
	put_group(&out, 0, &options_root, (const char *)&written, "");
	put_other_origins(&out, &written);
}
