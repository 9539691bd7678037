#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of tests/mutations name tests, and lines that are in the sources."""
import sys

from tree import ROOT

bad = []
for path in sorted((ROOT / "tests/mutations").glob("*.list")):
    lines, file, tests = path.read_text().splitlines(), None, 0
    for number, line in enumerate(lines, 1):
        if line.startswith("tests: "):
            tests += len(line.split()) - 1
        elif line.startswith("- "):
            source = ROOT / str(file)
            if not source.is_file() or line[2:] not in [text.strip() for text in source.read_text().splitlines()]:
                bad.append(f"{path.name}:{number}: {file} has no line: {line[2:]}")
        elif line and line[0] not in "#+":
            file = line
    if not tests:
        bad.append(f"{path.name}: no line `tests: NAME...`")
print("\n".join(bad))
sys.exit(bool(bad))
