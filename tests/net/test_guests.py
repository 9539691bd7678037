# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a guest is: the link-layer address that its packets come with, from the first one on, so that
a guest that makes up sources by the thousand spends its own mappings only."""
import json
import re
import signal
import sys
import time

import pytest

from lab import SERVER4, canonical, embed, wait_until

pytestmark = pytest.mark.lab(guests=2, hops=False)

TARGET = embed("64:ff9b::/96", SERVER4)
LIMIT = 16  # of max_mappings_per_guest, as it is by default

# A guest's own frames: echo requests from N sources within a second, and, where it is told to,
# an answer to every solicitation for one of them.  Prints what it has done when its input ends.
STORM = r"""
import json, select, socket, struct, sys, threading, time
mac, gateway, target, net, count, answers = json.loads(sys.argv[1])
raw = lambda text: bytes.fromhex(text.replace(":", ""))
v6 = lambda text: socket.inet_pton(socket.AF_INET6, text)
mac, gateway, target, net = raw(mac), raw(gateway), v6(target), v6(net)[:8]

def checksum(src, dst, body):
    data = src + dst + struct.pack(">II", len(body), 58) + body
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 65535) + (total >> 16)
    return 65535 - total

def frame(to, src, dst, hops, head, rest):
    body = head + b"\0\0" + rest
    body = head + struct.pack(">H", checksum(src, dst, body)) + rest
    return to + mac + b"\x86\xdd\x60\0\0\0" + struct.pack(">HBB", len(body), 58, hops) + src + dst + body

source = lambda n: net + b"\xba\xd0\0\0" + struct.pack(">I", n)
frames = [frame(gateway, source(n), target, 64, b"\x80\0", struct.pack(">HH", n & 65535, 1) + bytes(16))
          for n in range(count)]
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
out.bind(("eth0", 0))
told, end = 0, False

def answer():
    global told
    listen = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd))
    listen.bind(("eth0", 0x86dd))
    listen.setsockopt(263, 1, struct.pack("iHH8s", socket.if_nametoindex("eth0"), 2, 0, b""))
    listen.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
    while not end:
        if not select.select([listen], [], [], 0.1)[0]:
            continue
        got = listen.recv(2048)
        if len(got) < 78 or got[20] != 58 or got[54] != 135 or got[62:66] + got[70:74] != net[:4] + b"\xba\xd0\0\0":
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
    """Guest g's sources, count in a second."""

    def __init__(self, lab, guest, count=10000, answers=False):
        words = [guest.mac, "52:54:00:00:00:01", TARGET, lab.prefix.removesuffix("/64"), count, answers]
        self.process = guest.popen(sys.executable, "-c", STORM, json.dumps(words), stdin=-1, stdout=-1, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        done, _ = self.process.communicate("\n", timeout=30)
        return json.loads(done)


def started(lab, config="", **kw):
    gw = lab.gateway('interface = "br0";\n' + config, **kw).start()
    for guest in lab.guests:
        guest.up()
    for guest in lab.guests:
        guest.wait_configured()
    return gw


def mappings_of(gw, mac):
    return [m for m in gw.ctl_rows("mappings") if m["mac"] == mac]


@pytest.mark.parametrize("answers", [False, True], ids=["silent", "answering"])
def test_ten_thousand_sources_in_a_second(lab, answers):
    gw = started(lab, level="info")
    bad, good = lab.guests
    assert good.ok("ping", "-c1", "-W2", TARGET)
    storm = Storm(lab, bad, answers=answers)
    ping = good.popen("ping", "-i", "0.01", "-c", "300", "-W", "1", TARGET, stdout=-1, text=True)
    time.sleep(0.7)
    storm.go()
    time.sleep(0.5)
    # In the midst of it: an address that nobody has ever heard of.
    fresh = lab.prefix.replace("::/64", ":0:0:f5e5:1")
    good.run("ip", "addr", "add", f"{fresh}/64", "dev", "eth0", "nodad")
    first = good.out("ping", "-c1", "-W1", "-I", fresh, TARGET, check=False)
    said, _ = ping.communicate(timeout=20)
    done = storm.end()
    print(done, first, *said.splitlines()[-2:], sep="\n")
    assert done["sent"] == 10000 and done["took"] < 1.3
    assert "300 packets transmitted, 300 received" in said, said[-300:]
    assert " 0% packet loss" in first, first
    rows = gw.ctl_rows("mappings")
    assert [m["mac"] for m in rows if canonical(m["ipv6"]) == canonical(fresh)] == [good.mac]
    made_up = [m for m in rows if ":bad0:" in m["ipv6"]]
    assert 0 < len(made_up) <= LIMIT and {m["mac"] for m in made_up} == {bad.mac}
    assert len([m for m in rows if m["mac"] == bad.mac]) <= LIMIT
    assert gw.counter("mapping_ended") >= 0 if any(c["name"] == "mapping_ended" for c in gw.counters()) else True
