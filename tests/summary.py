#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""summary.py DIR STAGE...: adds up the JUnit reports DIR/STAGE.xml, one for each stage.

Names what failed and what was skipped and why, and ends with one line of totals.  A stage
without a report counts as one failure, and so does one that ended badly (DIR/STAGE.code) with
nothing failed in its report: a leak found at exit, for instance.
"""
import pathlib
import sys
import xml.etree.ElementTree as xml

passed = failed = skipped = 0
for stage in sys.argv[2:]:
    report = pathlib.Path(sys.argv[1], stage + ".xml")
    try:
        cases = list(xml.parse(report).iter("testcase"))
    except (OSError, xml.ParseError):
        cases = []
    before = failed
    if not cases:
        failed += 1
        print(f"FAILED  {stage}: no result")
    for case in cases:
        name = f"{stage}: {case.get('classname', '')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print(f"FAILED  {name}")
        elif skip is not None:
            skipped += 1
            print(f"SKIPPED {name}: {skip.get('message') or skip.text or 'no reason given'}")
        else:
            passed += 1
    code = pathlib.Path(sys.argv[1], stage + ".code")
    if failed == before and code.exists() and code.read_text().strip() != "0":
        failed += 1
        print(f"FAILED  {stage}: ended with {code.read_text().strip()}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed > 0)
