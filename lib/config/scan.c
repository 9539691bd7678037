/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SHOWN 64 /* longer names and words are cut in messages */

enum frame_state { FRESH, AFTER_VALUE, AFTER_COMMA };

/* libconfig takes values of one type only in [ ]. */
enum scalar { SCALAR_NONE, SCALAR_TEXT, SCALAR_INT, SCALAR_INT64, SCALAR_FLOAT, SCALAR_BOOL };

struct seen {
	const char *name;
	size_t len;
	unsigned line;
};

/* A group or list that is open; the lowest is the file itself. */
struct frame {
	char open, close;   /* 0 for the file */
	unsigned line;      /* of the opening bracket */
	const char *before; /* whole up to here without it */
	size_t errors;      /* found before it */
	enum frame_state state;
	const char *name; /* of the setting being read, in a group */
	size_t name_len;
	size_t index;        /* of the element being read, in a list */
	enum scalar element; /* type of the first one */
	struct seen *seen;   /* names so far, in a group */
	size_t n_seen;
};

struct scanner {
	struct memory *memory;
	const char *base, *p, *end;
	unsigned line;
	const char *good; /* whole up to here, with the open frames closed */
	struct frame frames[SCAN_DEPTH + 1];
	size_t depth; /* of the innermost frame */
	struct scan *out;
	bool done, no_memory;
};

/* The path of what frame `depth` is reading. */
static const char *path(struct scanner *s, size_t depth)
{
	const char *key = "";

	for (size_t i = 0; i <= depth && key; i++) {
		const struct frame *f = &s->frames[i];
		int len = f->name_len < NAME_SHOWN ? (int)f->name_len : NAME_SHOWN;

		if (f->open == '[' || f->open == '(')
			key = memory_printf(s->memory, "%s[%zu]", key, f->index);
		else if (f->name)
			key = memory_printf(s->memory, "%s%s%.*s", key, *key ? "." : "", len,
					    f->name);
	}
	s->no_memory |= !key;
	return key;
}

static void add_error(struct scanner *s, unsigned line, size_t depth, const char *hint,
		      const char *text)
{
	struct scan *out = s->out;
	struct scan_error *e =
		memory_append(s->memory, &out->errors, out->n_errors, sizeof *out->errors);
	const char *key = path(s, depth);

	if (!e || !key || !text || !hint) {
		s->no_memory = true;
		return;
	}
	*e = (struct scan_error){ line, key, text, hint };
	out->n_errors++;
}

/* Ends the reading: nothing behind good and the frames up to depth counts. */
static bool fault_at(struct scanner *s, unsigned line, size_t depth, const char *hint,
		     const char *text)
{
	struct scan *out = s->out;

	add_error(s, line, depth, hint, text);
	out->faulty = true;
	out->whole = (size_t)(s->good - s->base);
	for (size_t i = depth; i > 0; i--)
		out->closing[out->n_closing++] = s->frames[i].close;
	return false;
}

__attribute__((format(printf, 3, 4))) static bool fault(struct scanner *s, const char *hint,
							const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	return fault_at(s, s->line, s->depth, hint, memory_copy(s->memory, text, strlen(text)));
}

static bool fault_unclosed(struct scanner *s)
{
	const struct frame *f = &s->frames[s->depth];
	const char *text = memory_printf(s->memory, "`%c` is never closed", f->open);

	s->good = f->before;
	s->out->n_errors = f->errors;
	return fault_at(s, f->line, s->depth - 1,
			memory_printf(s->memory, "a `%c` is missing behind it", f->close),
			text);
}

/* Space and comments. */
static bool skip_blank(struct scanner *s)
{
	for (; s->p < s->end; s->p++) {
		const char *p = s->p;
		size_t left = (size_t)(s->end - p);

		if (*p == '\n') {
			s->line++;
		} else if (*p == '#' || (left > 1 && p[0] == '/' && p[1] == '/')) {
			p = memchr(p, '\n', left);
			s->p = (p ? p : s->end) - 1;
		} else if (left > 1 && p[0] == '/' && p[1] == '*') {
			const char *stop = memmem(p + 2, left - 2, "*/", 2);

			if (!stop)
				return fault(s, "`*/` is missing", "comment is never closed");
			for (; p < stop; p++)
				s->line += *p == '\n';
			s->p = stop + 1;
		} else if (*p != ' ' && *p != '\t' && *p != '\r' && *p != '\f') {
			break;
		}
	}
	return true;
}

static bool is_alpha(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '*';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
	return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
}

static bool note_value(struct scanner *s, unsigned line)
{
	struct scan *out = s->out;
	struct scan_value *v =
		memory_append(s->memory, &out->values, out->n_values, sizeof *out->values);

	if (!v)
		return !(s->no_memory = true);
	v->line = line;
	out->n_values++;
	return true;
}

static void refuse_value(struct scanner *s, const char *hint, const char *text)
{
	add_error(s, s->line, s->depth, hint, text);
	if (s->out->n_values)
		s->out->values[s->out->n_values - 1].refused = true;
}

/* What libconfig would make of a run of characters that is not text. */
static enum scalar classify(const char *w, size_t len, bool *hex)
{
	size_t i = len && (*w == '+' || *w == '-'), digits = i, dots = 0, exp = 0;

	*hex = len > 2 && w[0] == '0' && (w[1] == 'x' || w[1] == 'X');
	if (*hex) {
		for (i = 2; i < len && strchr("0123456789abcdefABCDEF", w[i]) && w[i]; i++)
			;
		digits = 2;
	} else {
		for (; i < len && is_digit(w[i]); i++)
			;
	}
	if (i > digits) {
		if (i == len)
			return SCALAR_INT;
		if ((len - i == 1 || len - i == 2) && strspn(w + i, "L") >= len - i)
			return SCALAR_INT64;
	}
	if ((len == 4 && strncasecmp(w, "true", 4) == 0) ||
	    (len == 5 && strncasecmp(w, "false", 5) == 0))
		return SCALAR_BOOL;
	if (*hex)
		return SCALAR_NONE;
	for (i = digits; i < len; i++) {
		if (w[i] == '.' && !dots && !exp)
			dots++;
		else if ((w[i] == 'e' || w[i] == 'E') && !exp && i > digits && i + 1 < len)
			exp = i;
		else if (!is_digit(w[i]) &&
			 !(exp && i == exp + 1 && i + 1 < len && (w[i] == '-' || w[i] == '+')))
			return SCALAR_NONE;
	}
	return (dots || exp) && len > 1 ? SCALAR_FLOAT : SCALAR_NONE;
}

/* libconfig wraps what does not fit and reads a leading zero as decimal. */
static void check_integer(struct scanner *s, const char *w, size_t len, enum scalar type,
			  bool hex)
{
	size_t sign = *w == '+' || *w == '-';
	char digits[32];
	long long n;

	if (!hex && w[sign] == '0' && len > sign + 1 && is_digit(w[sign + 1])) {
		refuse_value(s, "write it without the zero",
			     "a number with a leading zero: decimal or octal?");
		return;
	}
	snprintf(digits, sizeof digits, "%.*s", (int)(len < sizeof digits ? len : 0), w);
	errno = len < sizeof digits ? 0 : ERANGE;
	n = strtoll(digits, NULL, hex ? 16 : 10);
	if (errno == ERANGE || (type == SCALAR_INT && (n > INT32_MAX || n < INT32_MIN)))
		refuse_value(s, "write large ones in quotes with a unit, \"4G\" or \"60d\"",
			     "number does not fit in 32 bits");
}

/* True where the element may stand in its list. */
static bool check_element(struct scanner *s, enum scalar type)
{
	struct frame *f = &s->frames[s->depth];

	if (f->open != '[')
		return true;
	if (f->element == SCALAR_NONE)
		f->element = type;
	return f->element == type || fault(s, "write all of them alike, or ( ) instead of [ ]",
					   "[ ] holds values of one type only");
}

static bool fault_word(struct scanner *s, const char *w, size_t len)
{
	static const char *const switches[] = { "yes", "no", "on", "off" };
	int shown = len < NAME_SHOWN ? (int)len : NAME_SHOWN;
	const char *hint = memory_printf(s->memory, "write \"%.*s\"", shown, w);

	/* U+2018 to U+201F, as a word processor writes them */
	if (len > 3 && memcmp(w, "\xe2\x80", 2) == 0 && (unsigned char)w[2] >= 0x98 &&
	    (unsigned char)w[2] <= 0x9f)
		hint = "with straight quotes: \"...\"";
	for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
		if (len == strlen(switches[i]) && strncasecmp(w, switches[i], len) == 0)
			hint = memory_printf(s->memory, "write true or false, or \"%.*s\"",
					     shown, w);
	return fault(s, hint, "text must stand in quotes: %.*s", shown, w);
}

/* A number, a boolean, or text without its quotes. */
static bool read_word(struct scanner *s, unsigned line)
{
	const char *w = s->p, *p = w;
	enum scalar type;
	size_t len;
	bool hex;

	for (; p < s->end && (unsigned char)*p > ' ' && !strchr(",;={}[]()\"#", *p); p++)
		if (p[0] == '/' && p + 1 < s->end && (p[1] == '/' || p[1] == '*'))
			break;
	len = (size_t)(p - w);
	if (!len)
		return fault_at(s, line, s->depth, "", "a value is missing");
	type = classify(w, len, &hex);
	if (type == SCALAR_NONE)
		return fault_word(s, w, len);
	if (!check_element(s, type) || !note_value(s, line))
		return false;
	if (type == SCALAR_INT || type == SCALAR_INT64)
		check_integer(s, w, len, type, hex);
	s->p = p;
	return true;
}

/* One string; *nul: it has an escaped NUL byte, which would cut it. */
static bool skip_string(struct scanner *s, bool *nul)
{
	for (s->p++; s->p < s->end && *s->p != '\n'; s->p++) {
		if (*s->p == '"') {
			s->p++;
			return true;
		}
		if (*s->p == '\\' && s->end - s->p > 1 && s->p[1] != '\n') {
			*nul |= s->end - s->p > 3 && strncmp(s->p + 1, "x00", 3) == 0;
			s->p++;
		}
	}
	return fault(s, "a `\"` is missing at its end", "text is not closed on its line");
}

/* Strings behind each other are one (libconfig joins them). */
static bool read_string(struct scanner *s, unsigned line)
{
	const char *end;
	unsigned end_line;
	bool nul = false;

	do {
		if (!skip_string(s, &nul))
			return false;
		end = s->p;
		end_line = s->line;
		if (!skip_blank(s))
			return false;
	} while (s->p < s->end && *s->p == '"');
	s->p = end;
	s->line = end_line;
	if (!check_element(s, SCALAR_TEXT) || !note_value(s, line))
		return false;
	if (nul)
		refuse_value(s, "remove \\x00", "text with a NUL byte");
	return true;
}

static bool open_bracket(struct scanner *s, unsigned line)
{
	char open = *s->p;

	if (s->frames[s->depth].open == '[')
		return fault(s, "write ( ) around lists and groups",
			     "[ ] holds plain values only");
	if (s->depth == SCAN_DEPTH)
		return fault(s, "", "groups are too deep in each other");
	if (!note_value(s, line))
		return false;
	s->frames[++s->depth] = (struct frame){
		.open = open,
		.close = open == '('   ? ')'
			 : open == '[' ? ']'
				       : '}',
		.line = s->line,
		.before = s->good,
		.errors = s->out->n_errors,
	};
	s->good = ++s->p;
	return true;
}

static void end_value(struct scanner *s)
{
	struct frame *f = &s->frames[s->depth];

	s->good = s->p;
	f->state = AFTER_VALUE;
	f->name = NULL;
}

static bool close_bracket(struct scanner *s)
{
	const struct frame *f = &s->frames[s->depth];

	if (!s->depth)
		return fault(s, "remove it", "`%c` closes nothing", *s->p);
	if (f->state == AFTER_COMMA)
		return fault(s, "remove the comma", "a trailing comma before `%c`", *s->p);
	if (*s->p != f->close) {
		const char *hint = memory_printf(s->memory, "a `%c` is missing", f->close);

		return fault(s, hint, "`%c` does not close the `%c` of line %u", *s->p, f->open,
			     f->line);
	}
	s->p++;
	s->depth--;
	end_value(s);
	return true;
}

/* line: where the setting or element begins. */
static bool read_value(struct scanner *s, unsigned line)
{
	char c = s->p < s->end ? *s->p : ';';

	if (c == '{' || c == '[' || c == '(')
		return open_bracket(s, line);
	if (!(c == '"' ? read_string(s, line) : read_word(s, line)))
		return false;
	end_value(s);
	return true;
}

/* An element of a list, or what stands between two. */
static bool read_element(struct scanner *s)
{
	struct frame *f = &s->frames[s->depth];

	if (s->p == s->end)
		return fault_unclosed(s);
	if (strchr("]})", *s->p))
		return close_bracket(s);
	if (f->state == AFTER_VALUE && (*s->p == ';' || *s->p == '='))
		return fault_unclosed(s);
	if (f->state == AFTER_VALUE && *s->p != ',') {
		f->index++;
		return fault(s, "", "a `,` is missing before this element");
	}
	if (f->state == AFTER_VALUE) {
		f->state = AFTER_COMMA;
		f->index++;
		s->p++;
		return true;
	}
	return read_value(s, s->line);
}

static bool fault_key(struct scanner *s)
{
	char c = *s->p;

	if (c == ';' || c == ',')
		return fault(s, "remove it", "one `%c` too many", c);
	if (c == '@')
		return fault(s, "at the start of a line: @include \"file\"",
			     "`@` cannot stand here");
	if (is_digit(c) || c == '_')
		return fault(s, "", "a key begins with a letter");
	return fault(s, "", "a key was expected here");
}

/* Reads a name into the frame; libconfig takes each once in a group. */
static bool read_name(struct scanner *s)
{
	struct frame *f = &s->frames[s->depth];
	const char *name = s->p;
	struct seen *seen;
	size_t len;

	for (; s->p < s->end && is_name(*s->p); s->p++)
		;
	len = (size_t)(s->p - name);
	f->name = name;
	f->name_len = len;
	for (size_t i = 0; i < f->n_seen; i++)
		if (f->seen[i].len == len && memcmp(f->seen[i].name, name, len) == 0)
			return fault(s, "remove one, or write a list ( )",
				     "given twice, first in line %u", f->seen[i].line);
	seen = memory_append(s->memory, &f->seen, f->n_seen, sizeof *f->seen);
	if (!seen)
		return !(s->no_memory = true);
	*seen = (struct seen){ name, len, s->line };
	f->n_seen++;
	return true;
}

/* A setting of a group, or what stands between two. */
static bool read_setting(struct scanner *s)
{
	struct frame *f = &s->frames[s->depth];
	unsigned line = s->line;

	if (f->state == AFTER_VALUE && s->p < s->end && (*s->p == ';' || *s->p == ',')) {
		f->state = FRESH;
		s->good = ++s->p;
		return true;
	}
	f->name = NULL;
	if (s->p == s->end) {
		s->done = !s->depth;
		return s->done || fault_unclosed(s);
	}
	if (strchr("]})", *s->p))
		return close_bracket(s);
	if (!is_alpha(*s->p))
		return fault_key(s);
	f->state = FRESH;
	if (!read_name(s) || !skip_blank(s))
		return false;
	if (s->p == s->end || (*s->p != '=' && *s->p != ':'))
		return fault_at(
			s, line, s->depth,
			s->p < s->end && *s->p == '.'
				? "a key of a group stands in its braces: group = { key = "
				  "...; };"
				: "",
			"`=` is missing behind this key");
	s->p++;
	return skip_blank(s) && read_value(s, line);
}

/* C strings end at a NUL, and so does what libconfig reads. */
static void fault_nul(struct scanner *s)
{
	static const char text[] = "a NUL byte", hint[] = "is this a text file?";
	struct scan *out = s->out;

	for (; s->p < s->end; s->p++)
		s->line += *s->p == '\n';
	if (out->faulty)
		out->n_errors--;
	else
		out->whole = (size_t)(s->good - s->base);
	add_error(s, s->line, 0, hint, text);
	out->faulty = true;
}

bool scan_text(struct memory *m, const char *text, size_t len, struct scan *out)
{
	struct scanner s = {
		.memory = m,
		.base = text,
		.p = text,
		.end = text + len,
		.good = text,
		.line = 1,
		.out = out,
	};
	const char *nul = memchr(text, '\0', len);
	bool go_on = true;

	s.end = nul ? nul : s.end;
	*out = (struct scan){ .whole = len };
	while (go_on && !s.done && !s.no_memory) {
		char open = s.frames[s.depth].open;

		go_on = skip_blank(&s) &&
			(open == '[' || open == '(' ? read_element(&s) : read_setting(&s));
	}
	if (nul && (s.done || s.p == s.end))
		fault_nul(&s);
	return !s.no_memory;
}

const char *scan_include(const char *p, const char *end, const char **name, size_t *name_len)
{
	static const char directive[] = "@include";
	const char *quote;

	for (; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	if ((size_t)(end - p) < sizeof directive ||
	    memcmp(p, directive, sizeof directive - 1) != 0)
		return NULL;
	for (p += sizeof directive - 1; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	if (p == end || *p != '"')
		return NULL;
	quote = memchr(p + 1, '"', (size_t)(end - p - 1));
	if (!quote)
		return NULL;
	*name = p + 1;
	*name_len = (size_t)(quote - p - 1);
	return quote + 1;
}

/* The end of a string on its line; one that is not closed ends with it. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\' && end - p > 1)
			p++;
	return p < end ? p + 1 : end;
}

enum scan_state scan_line(const char *p, const char *end, enum scan_state state)
{
	while (p < end) {
		bool two = end - p > 1;

		if (state == SCAN_COMMENT) {
			bool closed = two && p[0] == '*' && p[1] == '/';

			state = closed ? SCAN_PLAIN : SCAN_COMMENT;
			p += closed ? 2 : 1;
		} else if (*p == '"') {
			p = string_end(p, end);
		} else if (*p == '#' || (two && p[0] == '/' && p[1] == '/')) {
			break;
		} else if (two && p[0] == '/' && p[1] == '*') {
			state = SCAN_COMMENT;
			p += 2;
		} else {
			p++;
		}
	}
	return state;
}
