#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of tests/mutations name tests that exist, and lines that are in the sources."""
import sys

from tree import ROOT



def exists(test):
    name = f"fuzz/{test.removeprefix('replay_')}_fuzz.c" if test.startswith("replay_") else f"unit/{test}_test.c"
    return (ROOT / "tests" / name).is_file()


bad = []
for path in sorted((ROOT / "tests/mutations").glob("*.list")):
    lines, file, tests = path.read_text().splitlines(), None, []
    for number, line in enumerate(lines, 1):
        if line.startswith("tests: "):
            tests += line.split()[1:]
        elif line.startswith("- "):
            source = ROOT / str(file)
            if not source.is_file() or line[2:] not in [text.strip() for text in source.read_text().splitlines()]:
                bad.append(f"{path.name}:{number}: {file} has no line: {line[2:]}")
        elif line and line[0] not in "#+":
            file = line
    bad += [f"{path.name}: there is no test {test}" for test in tests if not exists(test)]
    if not tests:
        bad.append(f"{path.name}: no line `tests: NAME...`")
print("\n".join(bad))
sys.exit(bool(bad))
