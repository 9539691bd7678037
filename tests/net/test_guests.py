# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a guest is: the link-layer address that its packets come with, from the first one on, so that
a guest that makes up sources by the thousand spends its own mappings only."""
import json
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from gateway import CONFIG
from lab import BRIDGE_MAC, SERVER4, canonical, embed, wait_until

pytestmark = pytest.mark.lab(guests=2, hops=False)

HERE = pathlib.Path(__file__).parent
TARGET = embed("64:ff9b::/96", SERVER4)
LIMIT = 16  # of max_mappings_per_guest, as it is by default

# A guest's own frames, echo requests, within a second: from COUNT sources, or to COUNT destinations,
# and, where it is told to, an answer to every solicitation for one of the sources.  Prints what it
# has done when its input ends.
STORM = r"""
import json, select, socket, struct, sys, threading, time
sys.path.insert(0, sys.argv[2])
from packet import checksum
mac, gateway, target, net, count, scan, answers, dev = json.loads(sys.argv[1])
raw = lambda text: bytes.fromhex(text.replace(":", ""))
v6 = lambda text: socket.inet_pton(socket.AF_INET6, text)
mac, gateway, target, net = raw(mac), raw(gateway), v6(target), v6(net)[:8]

def frame(to, src, dst, hops, head, rest):
    body = head + b"\0\0" + rest
    body = head + struct.pack(">H", checksum(src + dst + struct.pack(">II", len(body), 58) + body)) + rest
    return to + mac + b"\x86\xdd\x60\0\0\0" + struct.pack(">HBB", len(body), 58, hops) + src + dst + body

MADE_UP = b"\xba\xd0\0\0"
source = lambda n: net + MADE_UP + struct.pack(">I", 0 if scan else n)
destination = lambda n: target[:12] + struct.pack(">I", 0x08080000 + n) if scan else target
frames = [frame(gateway, source(n), destination(n), 64, b"\x80\0", struct.pack(">HH", n & 65535, 1) + bytes(16))
          for n in range(count)]
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
out.bind((dev, 0))
told, end = 0, False

def answer():
    global told
    listen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd))
    listen.bind((dev, 0x86dd))
    # PACKET_ADD_MEMBERSHIP: every multicast address
    listen.setsockopt(263, 1, struct.pack("iHH8s", socket.if_nametoindex(dev), 2, 0, b""))
    while not end:
        if not select.select([listen], [], [], 0.1)[0]:
            continue
        got = listen.recv(2048)
        if len(got) < 78 or got[20] != 58 or got[54] != 135 or got[62:74] != net + MADE_UP:
            continue
        asked, who = got[62:78], got[22:38]
        out.send(frame(got[6:12], asked, who, 255, b"\x88\0", b"\x60\0\0\0" + asked + b"\x02\x01" + mac))
        told += 1

if answers:
    threading.Thread(target=answer, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
begin, sent = time.monotonic(), 0
while sent < count:
    due = min(count, int((time.monotonic() - begin) * count) + 1)
    while sent < due:
        out.send(frames[sent])
        sent += 1
    time.sleep(0.0005)
took = time.monotonic() - begin
sys.stdin.readline()
end = True
print(json.dumps({"sent": sent, "took": took, "told": told}), flush=True)
"""


class Storm:
    """One guest's frames, in one second; ready when it is made."""

    def __init__(self, lab, guest, count=10000, scan=False, answers=False, mac=None, net=None, dev="eth0"):
        words = [mac or guest.mac, BRIDGE_MAC, TARGET, net or lab.prefix.removesuffix("/64"), count, scan, answers, dev]
        self.process = guest.popen(sys.executable, "-c", STORM, json.dumps(words), HERE, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        """What it has done: frames sent, how long that took, solicitations answered."""
        return json.loads(self.process.communicate("\n", timeout=30)[0])


def started(lab, config=""):
    gw = lab.gateway(CONFIG + config, level="info").start()
    for guest in lab.guests:
        guest.up()
    for guest in lab.guests:
        guest.wait_configured()
    gw.wait_ok()
    return gw


def made_up(gw):
    return [m for m in gw.ctl_rows("mappings") if ":bad0:" in m["ipv6"]]


def beside(lab, storm):
    """What the second guest sees meanwhile: the summary of its ping, one request in 10 ms, and of the
    first packet of an address that nobody has heard of."""
    good = lab.guests[1]
    ping = good.popen("ping", "-q", "-i", "0.01", "-c", "250", "-W", "2", TARGET, stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    storm.go()
    time.sleep(0.5)
    good.run("ip", "addr", "add", f"{fresh(lab)}/64", "dev", "eth0", "nodad")
    first = good.out("ping", "-q", "-c1", "-W2", "-I", fresh(lab), TARGET, check=False)
    return ping.communicate(timeout=30)[0], first


def fresh(lab):
    return lab.prefix.replace("::/64", "::f5e5:1")


@pytest.mark.parametrize("kind", [{}, {"answers": True}, {"scan": True}], ids=["silent", "answering", "scan"])
def test_ten_thousand_in_a_second(lab, kind):
    """Sources that nobody answers for, that are all answered for, and destinations."""
    gw = started(lab)
    bad, good = lab.guests
    assert good.ok("ping", "-c1", "-W2", TARGET)
    storm = Storm(lab, bad, **kind)
    ping, first = beside(lab, storm)
    done = storm.end()
    print(done, ping, first)
    assert done["sent"] == 10000
    assert "250 packets transmitted, 250 received" in ping and ", 1 received" in first, ping + first
    rows = {canonical(m["ipv6"]): m["mac"] for m in gw.ctl_rows("mappings")}
    assert rows[canonical(fresh(lab))] == good.mac and rows[good.address] == good.mac
    assert 0 < len(made_up(gw)) <= LIMIT and {m["mac"] for m in made_up(gw)} == {bad.mac}
    assert list(rows.values()).count(bad.mac) <= LIMIT
    assert (done["told"] > 0) == bool(kind.get("answers"))
    # The kernel's table of neighbours holds 1,024.
    assert len(lab.host.out("ip", "-6", "neigh").splitlines()) < 300


def test_a_guest_is_known_by_its_first_packet(lab):
    """Also when somebody has flushed all tables, and when the list of clients names it."""
    gw = started(lab)
    bad = lab.guests[0]
    lab.host.run("nft", "flush", "ruleset")
    gw.wait_ok()
    storm = Storm(lab, bad, count=1)
    storm.go()
    wait_until(lambda: made_up(gw), 2, "the mapping")
    assert storm.end()["sent"] == 1
    assert [m["mac"] for m in made_up(gw)] == [bad.mac]
    gw.configure(CONFIG + f'nat64 = {{ clients = [ "!{bad.mac}", "any" ]; }};')
    gw.ctl("reload")

    def active():
        return [m for m in made_up(gw) if m["state"] == "active"]
    assert not active()
    storm = Storm(lab, bad, count=5)
    storm.go()
    wait_until(lambda: gw.counter("nat64.drop.client-refused") >= 5, 3, "they are refused")
    storm.end()
    assert not active()


def first_heard(lab, act):
    """Of the host's nftables and its IPv6 routes: the one that act() changes first; both when they
    are heard of together."""
    heard = {}
    with lab.host.inside():
        for name, protocol, group in (("nft", 12, 7), ("routes", 0, 11)):  # NFNLGRP_NFTABLES, RTNLGRP_IPV6_ROUTE
            listen = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
            listen.bind((0, 0))
            listen.setsockopt(270, 1, group)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP
            heard[listen] = name
    first = []

    def wait():
        first.extend(heard[ready] for ready in select.select(list(heard), [], [], 10)[0])
    thread = threading.Thread(target=wait)
    thread.start()
    act()
    thread.join()
    for listen in heard:
        listen.close()
    return first


def test_guests_are_noted_before_they_are_led_here(lab):
    """Else those of the first packets would be unknown, and have no limit."""
    gw = started(lab, 'nat64 = { masquerade = "off"; };')
    gw.stop(signal.SIGUSR2)
    assert "nft" in first_heard(lab, gw.start)
    gw.stop()


def test_what_a_filter_drops_says_nothing(lab):
    """A guest with the address of another, where the operator lets none through, does not become it."""
    gw = started(lab)
    bad, good = lab.guests
    address = lab.prefix.replace("::/64", ":bad0::")
    lab.host.run("nft", "-f", "-", input=f"""table ip6 own {{ chain forward {{ type filter hook forward priority filter;
        ip6 saddr {address} ether saddr != {good.mac} counter drop\n}}\n}}""")
    storm = Storm(lab, bad, count=2000, scan=True)
    good.run("ip", "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
    storm.go()
    time.sleep(0.3)
    assert good.ok("ping", "-c1", "-W2", "-I", address, TARGET)
    assert storm.end()["sent"] == 2000
    assert "counter packets 2000" in lab.host.out("nft", "list", "table", "ip6", "own")
    assert [m["mac"] for m in made_up(gw)] == [good.mac]


def test_the_address_of_nobody(lab):
    """A bridge lets it not pass, other links do: it is one guest, too."""
    bad = lab.guests[0]
    lab.host.run("ip", "link", "add", "own0", "address", BRIDGE_MAC, "type", "veth", "peer", "eth1", "netns", bad.holder.pid)
    lab.host.run("ip", "addr", "add", "2001:db8:1:9::1/64", "dev", "own0", "nodad")
    lab.host.run("ip", "link", "set", "own0", "up")
    gw = started(lab, 'nat64 = { clients = [ "any" ]; };')
    bad.run("ip", "link", "set", "eth1", "up")
    storm = Storm(lab, bad, count=500, mac="00:00:00:00:00:00", net="2001:db8:1:9::", dev="eth1")
    storm.go()
    assert storm.end()["sent"] == 500
    wait_until(lambda: gw.counter("nat64.v6-to-v4") + gw.counter("nat64.drop.guest-moves") >= 500, 5)
    assert len(made_up(gw)) == LIMIT


def test_noted_as_long_as_it_sends(lab):
    """What was noted a moment ago is not noted with each packet, but long before it would be forgotten."""
    gw = started(lab)
    guest = lab.guests[0]
    ping = guest.popen("ping", "-q", "-i", "0.005", "-w", "4", TARGET, stdout=subprocess.DEVNULL)
    wait_until(lambda: gw.ctl_rows("mappings"), 5)
    address, = (m["ipv6"] for m in gw.ctl_rows("mappings"))
    left = []
    for _ in range(50):
        table = lab.host.out("nft", "list", "map", "ip6", "v6gwd", "guests")
        left += [int(ms) for ms in re.findall(rf"{address} expires (\d+)ms : {guest.mac}", table)]
    assert ping.poll() is None and ping.wait(5) == 0
    assert len(left) == 50 and min(left) >= 380 and len(set(left)) > 20, left


def test_nothing_is_left(lab):
    gw = lab.gateway().start()
    gw.wait_ok()
    table = lab.host.out("nft", "list", "table", "ip6", "v6gwd")
    rules = re.findall(r'^\t\t(.*) comment', table, re.MULTILINE)
    note, recent = "update @guests { ip6 saddr : ether saddr }", "ip6 saddr . ether saddr"
    assert rules == ['oifname != "nat64" accept', f"{recent} @recent accept", f"{note} update @recent {{ {recent} }} accept", f"{note} accept",
                     "meta iiftype ether counter packets 0 bytes 0 drop"], table
    gw.stop()
    assert lab.host.out("nft", "list", "ruleset") == ""
