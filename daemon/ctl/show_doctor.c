/* SPDX-License-Identifier: GPL-3.0-or-later */
/* show_doctor.c - Doctor: a line a step, remedies below it, and the first broken link. */
#include "show.h"

#include "doctor/doctor.h"

#include <stdio.h>
#include <string.h>

/* Each line of text behind indent. */
static void put_lines(struct show *s, const char *first, const char *indent, const char *text)
{
	const char *end;

	for (fputs(first, s->out); (end = strchr(text, '\n')); text = end + 1) {
		char line[DOCTOR_REMEDY];

		snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
		table_put_text(s->out, line);
		fprintf(s->out, "\n%s", indent);
	}
	table_put_text(s->out, text);
	putc('\n', s->out);
}

static void put_mark(struct show *s, const char *state)
{
	static const struct {
		const char *state, *mark, *colour;
	} marks[] = { { "ok", "ok", "32" },
		      { "warn", "warn", "33" },
		      { "broken", "BROKEN", "1;31" },
		      { "skipped", "-", "2" } };

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		if (strcmp(state, marks[i].state) != 0)
			continue;
		if (s->colour)
			fprintf(s->out, "\033[%sm%-7s\033[0m", marks[i].colour, marks[i].mark);
		else
			fprintf(s->out, "%-7s", marks[i].mark);
	}
}

static void show_result(struct show *s, const json_t *whole)
{
	const char *result = show_text_at(whole, "result");
	const char *remedy = show_text_at(whole, "remedy");

	putc('\n', s->out);
	if (strcmp(result, "ok") == 0) {
		fputs("OK: no broken link\n", s->out);
		return;
	}
	fprintf(s->out,
		"first %s: %s: ", strcmp(result, "broken") == 0 ? "broken link" : "doubt",
		show_text_at(whole, "first"));
	put_lines(s, "", "", show_text_at(whole, "text"));
	if (*remedy)
		put_lines(s, "remedy: ", "        ", remedy);
}

void show_doctor(struct show *s, const json_t *step)
{
	const char *remedy = show_text_at(step, "remedy");

	if (*show_text_at(step, "result")) {
		show_result(s, step);
		return;
	}
	put_mark(s, show_text_at(step, "state"));
	fprintf(s->out, "%-16s ", show_text_at(step, "id"));
	put_lines(s, "", "", show_text_at(step, "text"));
	if (*remedy)
		put_lines(s, "                        ", "                        ", remedy);
}

/* While v6gwd does not run only what may keep it from starting can be judged. */
void show_doctor_alone(struct show *s, const json_t *seen)
{
	static const enum doctor_step steps[] = { DOCTOR_TAYGA, DOCTOR_RADVD };
	struct doctor_view v = { 0 };
	struct doctor_finding f;
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(seen, "processes"), i, p)
	{
		bool tayga = strcmp(show_text_at(p, "name"), "tayga") == 0;
		struct doctor_process *out = tayga ? &v.seen.tayga : &v.seen.radvd;

		out->pid = (uint32_t)json_integer_value(json_object_get(p, "pid"));
		snprintf(out->unit, sizeof out->unit, "%s", show_text_at(p, "unit"));
		v.seen.processes_known = true;
	}
	for (i = 0; i < sizeof steps / sizeof *steps; i++) {
		doctor_judge(steps[i], &v, &f);
		if (f.state != DOCTOR_BROKEN)
			continue;
		json_t *step = json_pack(
			"{s:s, s:s, s:s, s:s}", "id", doctor_steps[steps[i]].id, "state",
			doctor_state_text(f.state), "text", f.text, "remedy", f.remedy);
		show_doctor(s, step);
		json_decref(step);
	}
	fputs("remedy: systemctl start v6gwd; journalctl -u v6gwd -n 20 says why it ended\n",
	      s->out);
}
