#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/rfc.md holds what it says: each item names tests that exist and, with the directory of a run's
results (items.py DIR), tests that ran in it and passed; then DIR/items.xml says so, item by item.

A cell of the NAT64 table names its tests in backquotes (`a-vector`, `unit/test`, `net/file/test`,
`replay_name`); the other tables name tests as the text above them says.  A cell may say "not applicable:" and
why instead, of router advertisements also "not yet:" and what is missing; of all three every item is there once.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as xml
import xml.sax.saxutils as sax

from tree import ROOT

ITEMS = {"NAT64": {str(n) for n in range(1, 109)},
         "DNS64": {str(n) for n in range(1, 149)},
         "Router advertisements": {f"{letter}{n:02}" for letter, most in (
             ("A", 36), ("B", 9), ("C", 29), ("D", 9), ("E", 14), ("F", 19), ("G", 8), ("H", 5), ("I", 1))
             for n in range(1, most + 1)}}
WHY_NOT = {"NAT64": r"not applicable: \w", "DNS64": r"not applicable: \w", "Router advertisements": r"not (applicable|yet): \S"}
# Words of the tables for a file of tests/unit.
UNIT_NAMES = {"raw": "query_raw"}
# And of the table of DNS64 for one of tests/net.
DNS_NET_NAMES = {"forwarders": "test_forwarders", "hostile": "test_hostile_forwarders",
                 "streams": "test_dns_streams", "storms": "test_dns_storms",
                 "dnssec": "test_dnssec"}


def net_file(word):
    """The file of tests/net that a word of the tables stands for, or None."""
    names = ["ra"] if word == "net" else [f"ra_{word[4:]}", word[4:]] if word.startswith("net_") else []
    return next((f"test_{n}" for n in names if (ROOT / f"tests/net/test_{n}.py").exists()), None)


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
    """The items of a cell: "7", "109 to 122", "A03-A06, A08"."""
    found = []
    for part in item.split(", "):
        match = re.fullmatch(r"([A-Z]?)(\d+)(?:(?: to |-)\1(\d+))?", part)
        if match:
            found += [f"{match[1]}{n:0{len(match[2])}}" for n in range(int(match[2]), int(match[3] or match[2]) + 1)]
    return found


def nat64_tests(cell):
    for name in re.findall(r"`([^`]+)`", cell):
        yield name if "/" in name or name.startswith("replay_") else f"vectors/{name}"


def dns_tests(cell):
    for word, braces in re.findall(r"([\w.]+)(?: \{([^}]*)\})?", cell):
        if word in DNS_NET_NAMES:
            yield from (f"net/{DNS_NET_NAMES[word]}/test_{name}" for name in braces.split(", "))
            continue
        if word.endswith(".scn"):
            yield f"query/tests/vectors/dns/{word}"
        for name in filter(None, braces.split(", ")):
            yield f"{UNIT_NAMES.get(word, word)}/{name}"


def ra_tests(cell):
    for word, braces in re.findall(r"(\w+) \{([^}]*)\}", cell):
        for name in braces.split(", "):
            if re.fullmatch(r"\w+", name):
                yield f"net/{net_file(word)}/test_{name}" if word.startswith("net") else f"{word}/{name}"
    for name in re.findall(r"\bfuzz (\w+)", cell):
        yield f"replay_{name}"


READERS = {"NAT64": nat64_tests, "DNS64": dns_tests, "Router advertisements": ra_tests}


def judge(title, cells, there, results):
    """What is wrong with a row, in words."""
    cell, tests = cells[-1], list(READERS[title](cells[-1]))
    if title in WHY_NOT and not tests and not re.search(WHY_NOT[title], cell):
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
    seen, cases = {title: set() for title in ITEMS}, []
    for title, cells in sections():
        wrong = list(judge(title, cells, there, results))
        if title in ITEMS:
            here = numbers(cells[0])
            wrong += [f"item {n} is there twice" for n in here if n in seen[title] or here.count(n) > 1]
            seen[title] |= set(here)
        cases.append((f"{title} {cells[0] or cells[1]}", wrong))
    cases += [(f"{title} {n}", ["the table does not have it"]) for title, items in ITEMS.items()
              for n in sorted(items - seen[title])]
    if folder:
        text = "".join(f'<testcase classname="items" name={sax.quoteattr(name)}>'
                       + "".join(f"<failure>{sax.escape(w)}</failure>" for w in wrong[:1]) + "</testcase>\n"
                       for name, wrong in cases)
        (folder / "items.xml").write_text(f"<testsuite>\n{text}</testsuite>\n")
    bad = [f"docs/rfc.md: {name}: {w}" for name, wrong in cases for w in wrong]
    print("\n".join(bad) or f"{len(cases)} rows of docs/rfc.md hold")
    sys.exit(bool(bad))


main()
