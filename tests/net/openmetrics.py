# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict reader of OpenMetrics text 1.0: {sample name with labels: value}, or an AssertionError."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABELS = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"')
SAMPLE = re.compile(rf"({NAME})(\{{.*\}})? (\S+)")
SUFFIX = {"counter": "_total", "info": "_info", "gauge": "", "unknown": ""}


def labels_of(text, line):
    if not text:
        return ""
    rest, names = text[1:-1], []
    while rest:
        match = LABELS.match(rest)
        assert match, f"labels: {line!r}"
        names.append(match[1])
        rest = rest[match.end():]
        assert not rest or rest[0] == ",", f"labels: {line!r}"
        rest = rest[1:]
    assert len(names) == len(set(names)), f"a label twice: {line!r}"
    return text


def parse(text):
    assert text.endswith("# EOF\n") and text.count("# EOF") == 1, "must end with # EOF"
    assert "\r" not in text and "\n\n" not in text and "\t" not in text
    families, samples, family = {}, {}, None
    for line in text.splitlines()[:-1]:
        meta = re.fullmatch(rf"# (TYPE|HELP|UNIT) ({NAME}) (.+)", line)
        if meta:
            what, name, value = meta.groups()
            if name != family:
                assert name not in families, f"the family is in two places: {line!r}"
                family = name
            about = families.setdefault(name, {})
            assert what not in about and "samples" not in about, f"too late, or twice: {line!r}"
            if what == "TYPE":
                assert value in SUFFIX, line
            elif what == "HELP":
                assert not re.search(r'(?<!\\)(?:\\\\)*(\\[^\\n"]|"|\\$)', value), f"not escaped: {line!r}"
            else:
                assert name.endswith("_" + value), f"the unit is not in the name: {line!r}"
            about[what] = value
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"neither metadata nor sample: {line!r}"
        name, labels, value = match[1], labels_of(match[2], line), match[3]
        assert family and "TYPE" in families[family] and "HELP" in families[family], f"not introduced: {line!r}"
        kind = families[family]["TYPE"]
        assert name == family + SUFFIX[kind], f"a {kind} of {family}: {line!r}"
        assert name + labels not in samples, f"twice: {line!r}"
        families[family]["samples"] = True
        samples[name + labels] = float(value)
        assert float(value) >= 0 if kind == "counter" else float(value) == 1 or kind != "info", line
    assert all("samples" in about for about in families.values()), "a family without a sample"
    return samples
