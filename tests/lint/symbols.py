#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""symbols.py ARCHIVE...: lib/ has no state and touches nothing.

Looks at the object files: no writable variable, and nothing is taken from outside but what moves
bytes and text and gets memory.  Not for a build with sanitizers, which adds both.
"""
import re
import subprocess
import sys

from tree import finish

# Everything that lib/ may call outside of itself.
ALLOWED = re.compile(r"""
    mem(cpy|move|set|cmp|chr|mem|rchr) | explicit_bzero
  | str(len|nlen|cmp|ncmp|casecmp|ncasecmp|chr|rchr|chrnul|str|cpy|ncpy|spn|cspn|pbrk|dup|ndup|sep)
  | stpcpy | strto(l|ul|ll|ull) | __isoc(99|23)_(sscanf|strto(l|ul|ll|ull))
  | v?s(n)?printf | __v?sn?printf_chk | __(mem|str|stp)[a-z]*_chk
  | malloc | calloc | realloc | reallocarray | free | qsort | bsearch | abs
  | in6addr_(any|loopback) | inet_(pton|ntop) | hton[sl] | ntoh[sl]
  | __ctype_(b|tolower|toupper)_loc | tolower | toupper | isx?digit | isalnum | isalpha | isspace
  | __errno_location | __assert_fail | abort
  | __stack_chk_fail | _GLOBAL_OFFSET_TABLE_ | __tls_get_addr
""", re.X)


def symbols(archive):
    """(object, name, class, section) of every symbol."""
    text = subprocess.run(["nm", "--format=sysv", archive], check=True, capture_output=True, text=True).stdout
    member = archive
    for line in text.splitlines():
        match = re.search(r"from (\S+?):$", line)
        if match:
            member = match[1]
        cells = [c.strip() for c in line.split("|")]
        if len(cells) == 7 and cells[0] != "Name":
            yield member, cells[0], cells[2], cells[6]


bad = []
everything = [s for archive in sys.argv[1:] for s in symbols(archive)]
defined = {name for _, name, kind, _ in everything if kind not in "Uw"}
for member, name, kind, section in everything:
    if kind in "Uw":
        if name not in defined and not ALLOWED.fullmatch(name):
            bad.append(f"{member}: lib/ may not use {name}()")
    elif re.match(r"\.(data|bss|tdata|tbss)(?!\.rel\.ro)|\*COM\*", section):
        bad.append(f"{member}: {name} is mutable state ({section})")
if not everything:
    bad.append("no symbols found")
finish(sorted(set(bad)))
