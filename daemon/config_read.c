/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_read.h"

#include "config/build.h"
#include "config/check.h"
#include "config/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX_LEN  (4u << 20) /* with everything included */
#define INCLUDE_DEPTH 10u        /* files in each other, as libconfig has it */
#define SOURCE_LEN    160u       /* of an offending line that is shown */

/* Where a line of the whole text came from. */
struct line {
	const char *file, *text;
	size_t len;
	unsigned number;
};

/* The file with everything that it includes put in place. */
struct source {
	struct memory *memory;
	char *text;
	size_t len, room;
	struct line *lines;
	size_t n_lines;
	struct option_error *errors; /* of reading; lines count in the whole text */
	size_t n_errors;
	bool no_memory;
};

static void add_error(struct source *s, unsigned line, const char *text, const char *hint)
{
	struct option_error *e =
		memory_append(s->memory, &s->errors, s->n_errors, sizeof *s->errors);

	if (!e || !text) {
		s->no_memory = true;
		return;
	}
	*e = (struct option_error){ line, "", text, hint, false };
	s->n_errors++;
}

/* Reads to the end, from what may be a pipe.  0 or -errno. */
static int read_all(int fd, struct memory *m, char **text, size_t *len)
{
	size_t room = 64 << 10;
	char *buf = malloc(room), *more;
	ssize_t n = 1;

	*len = 0;
	while (buf && n > 0 && *len <= TEXT_MAX_LEN) {
		if (*len == room) {
			more = realloc(buf, 2 * room);
			if (!more)
				break;
			buf = more;
			room *= 2;
		}
		do
			n = read(fd, buf + *len, room - *len);
		while (n < 0 && errno == EINTR);
		*len += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 || *len > TEXT_MAX_LEN) {
		int error = n < 0 ? errno : EFBIG;

		free(buf);
		return -error;
	}
	*text = buf && n == 0 ? memory_copy(m, buf, *len) : NULL;
	free(buf);
	return *text ? 0 : -ENOMEM;
}

/* /dev/stdin is not opened anew: the pipe may belong to another user. */
static int open_file(const char *path)
{
	if (strcmp(path, "/dev/stdin") == 0)
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

static int read_file(const char *path, struct memory *m, char **text, size_t *len)
{
	int fd = open_file(path), error;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (S_ISDIR(st.st_mode))
		error = -EISDIR;
	else
		error = read_all(fd, m, text, len);
	close(fd);
	return error;
}

/* A line of the text, without its newline, to the whole text. */
static void add_line(struct source *s, const struct line *l)
{
	struct line *new = memory_append(s->memory, &s->lines, s->n_lines, sizeof *s->lines);

	if (s->len + l->len + 1 >= s->room) {
		size_t room = 2 * (s->len + l->len + 1) + 4096;
		char *text = realloc(s->text, room);

		s->no_memory |= !text;
		if (!text)
			return;
		s->text = text;
		s->room = room;
	}
	s->no_memory |= !new;
	if (!new)
		return;
	*new = *l;
	s->n_lines++;
	memcpy(s->text + s->len, l->text, l->len);
	s->len += l->len;
	s->text[s->len++] = '\n';
	s->text[s->len] = '\0';
}

/* Relative to the directory of the file it stands in; a pipe has none. */
static const char *include_path(struct source *s, const char *from, const char *name,
				size_t name_len)
{
	const char *slash = strrchr(from, '/');
	bool here = !slash || *name == '/' || strncmp(from, "/dev/", 5) == 0 ||
		    strncmp(from, "/proc/", 6) == 0;

	return memory_printf(s->memory, "%.*s%.*s", here ? 0 : (int)(slash - from + 1), from,
			     (int)name_len, name);
}

static void add_text(struct source *s, const char *path, char *text, size_t len,
		     unsigned depth);

/* The directive stays as a line without text, so that an error can show it. */
static void include(struct source *s, const struct line *l, const char *name, size_t name_len,
		    unsigned depth)
{
	struct line mark = *l;
	const char *path = include_path(s, l->file, name, name_len);
	unsigned here;
	size_t len;
	char *text;
	int error;

	mark.len = 0;
	add_line(s, &mark);
	if (!path || s->no_memory) {
		s->no_memory = true;
		return;
	}
	s->lines[s->n_lines - 1].len = l->len;
	here = (unsigned)s->n_lines;
	error = depth < INCLUDE_DEPTH ? read_file(path, s->memory, &text, &len) : -ELOOP;
	if (!error && s->len + len > TEXT_MAX_LEN)
		error = -EFBIG;
	if (!error)
		add_text(s, path, text, len, depth + 1);
	else if (error == -ELOOP)
		add_error(s, here, "@include too deep", "does the file include itself?");
	else
		add_error(
			s, here,
			memory_printf(s->memory, "cannot read %s: %s", path, strerror(-error)),
			"");
}

static void add_text(struct source *s, const char *path, char *text, size_t len, unsigned depth)
{
	const char *p = text, *end = text + len;
	enum scan_state state = SCAN_PLAIN;
	struct line l = { .file = path };

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		add_error(s, (unsigned)s->n_lines + 1, "begins with a byte order mark",
			  "save it as UTF-8 without");
		p += 3;
	}
	while (p < end && !s->no_memory) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline ? newline : end, *name, *rest;
		size_t name_len;

		l.number++;
		l.text = p;
		l.len = (size_t)(stop - p);
		rest = state == SCAN_PLAIN ? scan_include(p, stop, &name, &name_len) : NULL;
		if (rest) {
			include(s, &l, name, name_len, depth);
			l.text = rest;
			l.len = (size_t)(stop - rest);
		}
		add_line(s, &l);
		state = scan_line(l.text, stop, state);
		p = stop + 1;
	}
}

/* --- libconfig's tree ----------------------------------------------------------------------
 */

struct walk {
	struct memory *memory;
	const struct scan *scan;
	size_t next; /* value of the scan: both go in the order of the text */
	bool no_memory;
};

static void take_scalar(struct walk *w, const config_setting_t *s, struct value *out)
{
	const char *text;

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		text = config_setting_get_string(s);
		out->type = VALUE_TEXT;
		out->text = memory_copy(w->memory, text ? text : "", text ? strlen(text) : 0);
		w->no_memory |= !out->text;
		break;
	case CONFIG_TYPE_BOOL:
		out->type = VALUE_BOOL;
		out->number = config_setting_get_bool(s) != 0;
		break;
	case CONFIG_TYPE_INT:
		out->type = VALUE_NUMBER;
		out->number = config_setting_get_int(s);
		break;
	case CONFIG_TYPE_INT64:
		out->type = VALUE_NUMBER;
		out->number = config_setting_get_int64(s);
		break;
	default:
		out->type = VALUE_FRACTION;
		break;
	}
}

static void take_value(struct walk *w, const config_setting_t *s, struct value *out)
{
	const char *name = config_setting_name(s);
	size_t n = config_setting_is_aggregate(s) ? (size_t)config_setting_length(s) : 0;

	if (name)
		out->name = memory_copy(w->memory, name, strlen(name));
	out->line = config_setting_source_line(s);
	if (!config_setting_is_root(s) && w->next < w->scan->n_values) {
		out->line = w->scan->values[w->next].line;
		out->refused = w->scan->values[w->next].refused;
		w->next++;
	}
	if (!config_setting_is_aggregate(s)) {
		take_scalar(w, s, out);
		return;
	}
	out->type = config_setting_is_group(s) ? VALUE_GROUP : VALUE_LIST;
	out->v = memory_take(w->memory, n * sizeof *out->v);
	if (!out->v || (name && !out->name)) {
		w->no_memory = true;
		return;
	}
	out->n = n;
	for (unsigned i = 0; i < n; i++)
		take_value(w, config_setting_get_elem(s, i), &out->v[i]);
}

/* Groups and lists that a fault has cut off go on behind it. */
static void mark_cut(struct value *v, size_t depth)
{
	v->cut = true;
	for (; depth && v->n; depth--) {
		v = &v->v[v->n - 1];
		v->cut = true;
	}
}

/* Parses the part of the text that is whole. */
static struct value *parse(struct source *s, const struct scan *scan)
{
	struct walk w = { .memory = s->memory, .scan = scan };
	struct value *root = memory_take(s->memory, sizeof *root);
	char *text = memory_printf(s->memory, "%.*s%.*s\n", (int)scan->whole, s->text,
				   (int)scan->n_closing, scan->closing);
	config_t tree;

	if (!root || !text) {
		s->no_memory = true;
		return NULL;
	}
	config_init(&tree);
	if (config_read_string(&tree, text)) {
		take_value(&w, config_root_setting(&tree), root);
		if (scan->faulty)
			mark_cut(root, scan->n_closing);
		s->no_memory |= w.no_memory;
	} else {
		const char *error = config_error_text(&tree);

		add_error(s, (unsigned)config_error_line(&tree),
			  memory_printf(s->memory, "%s", error ? error : "syntax error"), "");
		*root = (struct value){ .type = VALUE_GROUP, .cut = true };
	}
	config_destroy(&tree);
	return root;
}

/* --- errors ----------------------------------------------------------------------------------
 */

/* Bytes of the character at text: 0 where it is not UTF-8 or a control character. */
static size_t character(const char *text, size_t len)
{
	unsigned char c = (unsigned char)*text;
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (n > len || c < ' ' || c == 0x7f || (c == 0xc2 && (unsigned char)text[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Text for a terminal: one line, no control characters, not endless. */
static const char *printable(struct memory *m, const char *text, size_t len)
{
	char *out = memory_take(m, SOURCE_LEN + 8);
	size_t n = 0, step;

	if (!out)
		return NULL;
	for (; len && (*text == ' ' || *text == '\t'); len--)
		text++;
	for (; len && (text[len - 1] == '\r' || text[len - 1] == ' '); len--)
		;
	for (; len && n < SOURCE_LEN; text += step, len -= step) {
		step = character(text, len);
		if (step)
			memcpy(out + n, text, step);
		else
			out[n] = *text == '\t' ? ' ' : '?';
		n += step ? step : 1;
		step = step ? step : 1;
	}
	if (len)
		memcpy(out + n, "...", 3);
	return out;
}

static int by_line(const void *a, const void *b)
{
	const struct option_error *x = *(const struct option_error *const *)a;
	const struct option_error *y = *(const struct option_error *const *)b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x < y ? -1 : x > y; /* found earlier */
}

/* Lines of the whole text become lines of files. */
static bool place(struct source *s, const char *path, const struct option_error *e,
		  struct memory *m, struct config_error *out)
{
	const struct line *l = e->line && e->line <= s->n_lines ? &s->lines[e->line - 1] : NULL;
	const char *file = l ? l->file : path;

	*out = (struct config_error){
		.file = memory_copy(m, file, strlen(file)),
		.line = l ? l->number : 0,
		.key = memory_copy(m, e->key, strlen(e->key)),
		.text = printable(m, e->text, strlen(e->text)),
		.hint = printable(m, e->hint, strlen(e->hint)),
		.source = l ? printable(m, l->text, l->len) : "",
	};
	return out->file && out->key && out->text && out->hint && out->source;
}

/* All errors of the reading, sorted, into two lists of the caller. */
static bool publish(struct source *s, const char *path, struct config_errors *out)
{
	struct memory *m = out->memory = memory_new();
	const struct option_error **sorted;

	if (!m)
		return false;
	sorted = memory_take(s->memory, s->n_errors * sizeof *sorted);
	out->v = memory_take(m, s->n_errors * sizeof *out->v);
	out->warnings = memory_take(m, s->n_errors * sizeof *out->warnings);
	if (!sorted || !out->v || !out->warnings)
		return false;
	for (size_t i = 0; i < s->n_errors; i++)
		sorted[i] = &s->errors[i];
	qsort(sorted, s->n_errors, sizeof *sorted, by_line);
	for (size_t i = 0; i < s->n_errors; i++) {
		bool warning = sorted[i]->warning;
		struct config_error *e =
			warning ? &out->warnings[out->n_warnings] : &out->v[out->n];

		if (!place(s, path, sorted[i], m, e))
			return false;
		*(warning ? &out->n_warnings : &out->n) += 1;
	}
	return true;
}

/* --- the reading -----------------------------------------------------------------------------
 */

/* The text, with everything included, in s->text. */
static void read_text(struct source *s, const char *path)
{
	char *text;
	size_t len;
	int error = read_file(path, s->memory, &text, &len);

	if (error == -ENOMEM)
		s->no_memory = true;
	else if (error)
		add_error(s, 0,
			  memory_printf(s->memory, "cannot be read: %s", strerror(-error)), "");
	else
		add_text(s, path, text, len, 0);
}

/* Errors that the scanner found; values that it refused are not judged again. */
static bool scan(struct source *s, struct scan *out)
{
	if (!scan_text(s->memory, s->text, s->len, out))
		return !(s->no_memory = true);
	for (size_t i = 0; i < out->n_errors && !s->no_memory; i++) {
		const struct scan_error *e = &out->errors[i];

		add_error(s, e->line, e->text, e->hint);
		if (!s->no_memory)
			s->errors[s->n_errors - 1].key = e->key;
	}
	return !s->no_memory;
}

static struct config *build(struct source *s)
{
	struct option_reader r = { .scratch = s->memory };
	struct config *c = NULL;
	struct scan found;
	struct value *root;

	if (!scan(s, &found))
		return NULL;
	root = parse(s, &found);
	r.errors = s->errors;
	r.n_errors = s->n_errors;
	if (root && !s->no_memory)
		c = config_build(root, &r);
	if (c)
		config_check(c, (struct check_build){ .validates = WITH_UNBOUND }, &r);
	s->no_memory |= !c || r.no_memory;
	s->errors = r.errors;
	s->n_errors = r.n_errors;
	return c;
}

static void out_of_memory(struct config_errors *out)
{
	static const char text[] = "out of memory";
	static struct config_error error = { "v6gwd", 0, "", text, "", "" };

	config_errors_free(out);
	out->v = &error;
	out->n = 1;
}

struct config *config_load(const char *path, struct config_errors *errors)
{
	struct source s = { .memory = memory_new() };
	struct config *c = NULL;

	*errors = (struct config_errors){ 0 };
	if (s.memory)
		read_text(&s, path);
	if (s.memory && !s.text && !s.n_errors) /* an empty file */
		s.text = calloc(1, 1);
	if (s.text && !s.no_memory)
		c = build(&s);
	if (!s.memory || s.no_memory || !publish(&s, path, errors))
		out_of_memory(errors);
	if (errors->n) {
		config_free(c);
		c = NULL;
	}
	free(s.text);
	memory_free(s.memory);
	return c;
}

static void print(void *arg, const char *text)
{
	fputs(text, arg);
}

void config_errors_print(const struct config_errors *errors, FILE *f)
{
	for (size_t i = 0; i < errors->n; i++)
		config_error_put(&errors->v[i], print, f);
}
