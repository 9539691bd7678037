#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/rfc.md holds what it says: each item names tests that exist and, with the directory of a run's
results (items.py DIR), tests that ran in it and passed; then DIR/items.xml says so, item by item.

A cell of the NAT64 table names its tests in backquotes (`a-vector`, `unit/test`, `net/file/test`,
`replay_name`), or says "not applicable:" and why; its items are complete.  The other tables name
tests as the text above them says.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as xml
import xml.sax.saxutils as sax

from tree import ROOT

NAT64_ITEMS = set(range(1, 109))
# Words of the tables for a file of tests/unit, of the fuzzers and of tests/net.
UNIT_NAMES = {"raw": "query_raw"}
NET_NAMES = {"net": "test_ra", "net_others": "test_ra_others", "guard": "test_ra_guard",
             "links": "test_ra_links", "flood": "test_flood"}


def exists():
    """Every test there is, by the sources: {name}."""
    names = {f"vectors/{m}" for f in (ROOT / "tests/vectors/nat64").glob("*.vec")
             for m in re.findall(r"^vector (\S+)", f.read_text(), re.M)}
    for file in (ROOT / "tests/unit").glob("*_test.c"):
        module = file.name.removesuffix("_test.c")
        names |= {f"{module}/{m}" for m in re.findall(r"cmocka_unit_test\w*\(\s*(\w+)", file.read_text())}
        names |= {f"{module}/{m}" for m in re.findall(r"\bT\((\w+)\)", file.read_text())}
        names |= {f"{module}/{m}" for m in re.findall(r"^static void (\w+)\(void \*\*", file.read_text(), re.M)}
    for file in (ROOT / "tests/net").glob("test_*.py"):
        names |= {f"net/{file.stem}/{m}" for m in re.findall(r"^def (test_\w+)", file.read_text(), re.M)}
    names |= {f"query/{f.relative_to(ROOT)}" for f in (ROOT / "tests/vectors/dns").glob("*.scn")}
    return names | {f"replay_{f.name.removesuffix('_fuzz.c')}" for f in (ROOT / "tests/fuzz").glob("*_fuzz.c")}


def ran(folder):
    """{name: passed} of the JUnit reports unit.xml, net.xml and storms.xml; of a test with parameters all
    count.  A skipped test has not run."""
    names = {}
    for stage in ("unit", "net", "storms"):
        for case in xml.parse(folder / f"{stage}.xml").iter("testcase"):
            name, group = case.get("name"), case.get("classname", "")
            if stage != "unit":
                name = "net/" + group.rsplit(".", 1)[-1] + "/" + name.split("[")[0]
            elif " / " in group:
                name = group.rsplit(" / ", 1)[-1] + "/" + name.split(" - ", 1)[-1]
            else:
                name = name.rsplit(" / ", 1)[-1]
            if case.find("skipped") is None:
                good = case.find("failure") is None and case.find("error") is None
                names[name] = names.get(name, True) and good
    return names


def sections():
    """[(title, [cells of a row])] of every table."""
    title, rows = "", []
    for line in (ROOT / "docs/rfc.md").read_text().splitlines():
        if line.startswith("## "):
            title = line[3:]
        elif line.startswith("| ") and not re.match(r"\| *(item|-)", line, re.I):
            rows.append((title, [cell.strip() for cell in line.strip("|").split(" | ")]))
    return rows


def numbers(item):
    match = re.fullmatch(r"(\d+)(?: to (\d+))?", item)
    return range(int(match[1]), int(match[2] or match[1]) + 1) if match else ()


def nat64_tests(cell):
    for name in re.findall(r"`([^`]+)`", cell):
        yield name if "/" in name or name.startswith("replay_") else f"vectors/{name}"


def dns_tests(cell):
    for word, braces in re.findall(r"([\w.]+)(?: \{([^}]*)\})?", cell):
        if word.endswith(".scn"):
            yield f"query/tests/vectors/dns/{word}"
        for name in filter(None, braces.split(", ")):
            yield f"{UNIT_NAMES.get(word, word)}/{name}"


def ra_tests(cell):
    for word, braces in re.findall(r"(\w+) \{([^}]*)\}", cell):
        for name in braces.split(", "):
            if re.fullmatch(r"\w+", name):
                yield f"net/{NET_NAMES[word]}/test_{name}" if word in NET_NAMES else f"{word}/{name}"
    for name in re.findall(r"\bfuzz (\w+)", cell):
        yield f"replay_{name}"


READERS = {"NAT64": nat64_tests, "DNS64": dns_tests, "Router advertisements": ra_tests}


def judge(title, cells, there, results):
    """What is wrong with a row, in words."""
    cell, tests = cells[-1], list(READERS[title](cells[-1]))
    if title == "NAT64" and not tests and not re.search(r"not applicable: \w", cell):
        yield "no test, and no reason why it does not apply"
    for test in tests:
        if test not in there:
            yield f"there is no test {test}"
        elif results is not None and test not in results:
            yield f"{test} did not run"
        elif results is not None and not results[test]:
            yield f"{test} failed"


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
    there, results = exists(), ran(folder) if folder else None
    seen, cases = set(), []
    for title, cells in sections():
        wrong = list(judge(title, cells, there, results))
        if title == "NAT64":
            twice = seen & set(numbers(cells[0]))
            wrong += [f"item {n} is there twice" for n in sorted(twice)]
            seen |= set(numbers(cells[0]))
        cases.append((f"{title} {cells[0] or cells[1]}", wrong))
    cases += [(f"NAT64 {n}", ["the table does not have it"]) for n in sorted(NAT64_ITEMS - seen)]
    if folder:
        text = "".join(f'<testcase classname="items" name={sax.quoteattr(name)}>'
                       + "".join(f"<failure>{sax.escape(w)}</failure>" for w in wrong[:1]) + "</testcase>\n"
                       for name, wrong in cases)
        (folder / "items.xml").write_text(f"<testsuite>\n{text}</testsuite>\n")
    bad = [f"docs/rfc.md: {name}: {w}" for name, wrong in cases for w in wrong]
    print("\n".join(bad) or f"{len(cases)} rows of docs/rfc.md hold")
    sys.exit(bool(bad))


main()
