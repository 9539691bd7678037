#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every file keeps to: a licence line, no trace of the machine it was written on, no white
space at line ends; and in C: functions of a screen, three levels deep, in the order of use."""
import re

from tree import files, finish, text_of

LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
# Files without room for a comment, and the licence itself.
NO_LICENCE = re.compile(r"COPYING|.*\.(json|hex|pcap|bin|gitkeep)|tests/(fuzz/corpus|vectors)/.*|"
                        r"\.(gitignore|clang-format|editorconfig)")
# Broken up, so that this file passes itself.
UNWANTED = [re.compile(w) for w in (r"/wor[k]/", r"(?<![\w}])/roo[t]/", r"/hom[e]/[a-z]", r"\bTOD[O]\b", r"\bFIXM[E]\b")]
LINES, DEPTH = 60, 3


def licence(path, text):
    if not NO_LICENCE.fullmatch(str(path)) and LICENCE not in "\n".join(text.splitlines()[:2]):
        yield 1, "no licence line"


def words(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        for word in UNWANTED:
            if word.search(line):
                yield number, f"unwanted: {word.search(line)[0]}"
        if line != line.rstrip() and not str(path).startswith(("tests/vectors/", "tests/fuzz/", "COPYING")):
            yield number, "white space at the end"


def functions(path, text):
    """The format puts the braces of a function, and of nothing else, alone into column 0."""
    start = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            if number - start - 1 > LINES:
                yield start, f"a function of {number - start - 1} lines, at most {LINES}"
            start = 0
        elif start and re.match(r"\t{%d,}(if|for|while|switch|do)\b" % (DEPTH + 1), line):
            yield number, f"nested deeper than {DEPTH}"
        elif re.match(r"static [^=]*\([^=]*\);$", line) and "(*" not in line:
            yield number, "a static function declared before it stands: put it there"


bad = []
for path in files():
    text = text_of(path)
    if text is None:
        continue
    checks = [licence, words] + ([functions] if path.suffix in (".c", ".h") and path.parts[0] != "tests" else [])
    for check in checks:
        bad += [f"{path}:{number}: {wrong}" for number, wrong in check(path, text)]
finish(bad)
