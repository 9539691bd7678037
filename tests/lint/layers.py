#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the layering rule of docs/ARCHITECTURE.md.  No output and exit 0 when it holds."""
import fnmatch
import pathlib
import re

from tree import ROOT, finish, sources, text_of

# One line per layer, lowest first; a file may include project headers of lower layers.  Within a
# layer the groups (parted by "|") never include each other; files of one group may, unless the
# line begins with "!": then each file stands alone.  No circle of includes anywhere.
LAYERS = """
  lib/base/*
  lib/nat64/* | lib/dns/* | lib/ra/*
  lib/config/*
  daemon/log.* | daemon/ev.* | daemon/sd.* | daemon/privilege.*
  daemon/report* daemon/config_read.*
! daemon/io/*
  daemon/plane.h
  daemon/nat64_setup.* | daemon/dns64_conf.* | daemon/ra_conf.*
! daemon/plane_*
  daemon/control*
  daemon/gateway.*
  daemon/v6gwd.c | daemon/ctl/*
"""
# Includes that the table would refuse, each with its reason.
ALSO = {
    ("daemon/ev.c", "daemon/log.h"): "the loop logs what the system refuses",
    ("daemon/privilege.c", "daemon/log.h"): "likewise",
    ("daemon/io/*", "daemon/io/link.h"): "its types: the link is the one view of the kernel",
    ("daemon/io/link*", "daemon/io/link*"): "one adaptor in several files",
    ("daemon/io/upstream*", "daemon/io/upstream*"): "one adaptor: the interface, datagrams, streams",
    ("daemon/io/dns_*", "daemon/io/dns_*"): "one adaptor: datagrams, streams",
    ("daemon/io/dns_listen.c", "daemon/io/port_holder.h"): "says who has the port",
    ("daemon/report*", "daemon/plane.h"): "a counter is a row of the report",
}
# Each foreign header belongs to the files named, and to no other.
OWNER = {
    r"event2/.*": "daemon/ev.c",
    r"netlink/.*": "daemon/io/link*",
    r"ares.*\.h": "daemon/io/upstream_ares.c",
    r"libnftnl/.*|libmnl/.*|linux/netfilter/.*": "daemon/io/nft.c",
    r"linux/if_tun\.h": "daemon/io/tun.c",
    r"systemd/sd-daemon\.h": "daemon/sd.c",
    r"systemd/sd-journal\.h": "daemon/log.c",
    r"libconfig\.h": "daemon/config_read.c",
    r"jansson\.h": "daemon/report* daemon/control* daemon/ctl/*",
}
# What lib/ may take from the C library: types, bytes, text.  No clocks, no files, no sockets.
PURE = {"arpa/inet.h", "assert.h", "ctype.h", "endian.h", "errno.h", "inttypes.h", "limits.h",
        "netinet/in.h", "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h",
        "string.h", "strings.h"}


def places():
    """(pattern, rank, group, alone) of every pattern of LAYERS."""
    for rank, line in enumerate(LAYERS.strip("\n").split("\n")):
        for group, patterns in enumerate(line.lstrip("!").split("|")):
            for pattern in patterns.split():
                yield pattern, rank, group, line.startswith("!")


def place_of(path):
    for pattern, rank, group, alone in places():
        if fnmatch.fnmatch(path, pattern):
            return rank, group, alone
    return None


def module(path):
    return str(pathlib.Path(path).with_suffix(""))


def may_include(me, it):
    if module(me) == module(it):
        return True
    if any(fnmatch.fnmatch(me, a) and fnmatch.fnmatch(it, b) for a, b in ALSO):
        return True
    if not place_of(it):
        return False
    (rank, group, alone), (its_rank, its_group, _) = place_of(me), place_of(it)
    return its_rank < rank or (its_rank == rank and its_group == group and not alone)


def find(me, name):
    for base in (me.parent, pathlib.Path("."), pathlib.Path("lib")):
        if (ROOT / base / name).is_file():
            return str((ROOT / base / name).resolve().relative_to(ROOT))
    return None


def foreign(me, name):
    """What is wrong with including <name>, or None."""
    for pattern, owners in OWNER.items():
        if re.fullmatch(pattern, name) and not any(fnmatch.fnmatch(me, o) for o in owners.split()):
            return f"<{name}> belongs to {owners}"
    if me.startswith("lib/") and name not in PURE:
        return f"lib/ is pure, <{name}> is not in PURE"
    return None


def circle(graph):
    """A circle of includes as text, or None."""
    state = {}

    def visit(node, way):
        state[node] = "open"
        for it in graph.get(node, ()):
            if state.get(it) == "open":
                return " -> ".join(way[way.index(it):] + [it]) if it in way else None
            found = it not in state and visit(it, way + [it])
            if found:
                return found
        state[node] = "done"
        return None

    for node in graph:
        found = node not in state and visit(node, [node])
        if found:
            return found
    return None


bad, headers = [], {}
for path in sources("lib", "daemon"):
    me = str(path)
    if not place_of(me):
        bad.append(f"{me}: not in LAYERS")
        continue
    for number, line in enumerate(text_of(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
        if not match:
            continue
        wrong = None
        if match[1] == "<":
            wrong = foreign(me, match[2])
        else:
            it = find(path, match[2])
            if not it:
                wrong = f"unknown header {match[2]}"
            elif not may_include(me, it):
                wrong = f"may not include {it}"
            elif path.suffix == ".h":
                headers.setdefault(me, []).append(it)
        if wrong:
            bad.append(f"{me}:{number}: {wrong}")
loop = circle(headers)
if loop:
    bad.append(f"includes in a circle: {loop}")
finish(bad)
