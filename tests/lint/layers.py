#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the layering rule of docs/ARCHITECTURE.md.  No output and exit 0 when it holds."""
import fnmatch
import pathlib
import re

from tree import ROOT, finish, sources, text_of

# One layer a paragraph, lowest first; a file may include project headers of lower layers.  The
# groups of a layer, one a line, never include each other; files of one group may, but not in a
# circle.
LAYERS = """
lib/base/*

lib/nat64/*
lib/dns/*
lib/ra/*

lib/config/*

lib/doctor/*
lib/import/*

daemon/bpf/*

daemon/log.*
daemon/ev.*
daemon/sd.*
daemon/privilege.*
daemon/random.*
daemon/udp_frame.h

daemon/event.*

daemon/fdstore.*
daemon/report* daemon/told*
daemon/config_read*

daemon/io/link*
daemon/io/tun*
daemon/io/nft*
daemon/io/sysctl*
daemon/io/resolvers*
daemon/io/icmp6*
daemon/io/hearing*
daemon/io/probe*
daemon/io/lease_*
daemon/io/fastpath*
daemon/io/dns_* daemon/io/port_holder*
daemon/io/upstream* daemon/io/unbound_setup*

daemon/plane.h
daemon/config_log.*

daemon/plane_nat64* daemon/nat64_*
daemon/plane_dns64* daemon/dns64_*
daemon/plane_ra* daemon/ra_*

daemon/checkup*

daemon/control*

daemon/gateway*

daemon/v6gwd.c
daemon/ctl/*
"""
# Includes that the table would refuse, each with its reason.
ALSO = {
    ("daemon/ev.c", "daemon/log.h"): "the loop logs what the system refuses",
    ("daemon/privilege.c", "daemon/log.h"): "likewise",
    ("daemon/io/*", "daemon/io/link.h"): "its types: the link is the one view of the kernel",
    ("daemon/report*", "daemon/plane.h"): "a counter is a row of the report",
}
# Each foreign header belongs to the files named, and to no other.
OWNER = {
    r"event2/.*": "daemon/ev.c",
    r"netlink/.*": "daemon/io/link*",
    r"ares.*\.h": "daemon/io/upstream_ares.c",
    r"unbound.*\.h": "daemon/io/upstream_unbound.c",
    r"libnftnl/.*|libmnl/.*|linux/netfilter/.*": "daemon/io/nft*",
    r"linux/if_tun\.h": "daemon/io/tun.c",
    r"bpf/.*|.*\.skel\.h|linux/bpf\.h|linux/pkt_cls\.h": "daemon/io/fastpath.c daemon/bpf/*",
    r"systemd/sd-daemon\.h": "daemon/sd.c",
    r"systemd/sd-journal\.h": "daemon/log.c",
    r"pthread\.h": "daemon/io/lease_save.c",
    r"libconfig\.h": "daemon/config_read.c",
    r"jansson\.h": "daemon/report* daemon/control* daemon/ctl/*",
}
# What lib/ may take from the C library: types, bytes, text.  No clocks, no files, no sockets.
PURE = {"arpa/inet.h", "assert.h", "ctype.h", "endian.h", "errno.h", "inttypes.h", "limits.h",
        "netinet/in.h", "stdalign.h", "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h",
        "string.h", "strings.h"}


def place_of(path):
    """(layer, group) of a file, or None."""
    for layer, paragraph in enumerate(LAYERS.strip().split("\n\n")):
        for group, patterns in enumerate(paragraph.split("\n")):
            if any(fnmatch.fnmatch(path, pattern) for pattern in patterns.split()):
                return layer, group
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
    (layer, group), (its_layer, its_group) = place_of(me), place_of(it)
    return its_layer < layer or (its_layer == layer and its_group == group)


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
