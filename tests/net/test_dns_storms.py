# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of questions: what of them can be guessed, what they cost when nobody answers, and what
others feel of it.  Numbers in brackets are those of docs/rfc.md, DNS64."""
import collections
import math
import socket
import statistics
import struct
import threading
import time

import dns.message
import dns.rcode
import pytest

from conftest import _lab_and_maker
from dns_net import CONFIG, Net, net  # noqa: F401
from lab import wait_until
from mock_dns import MockDns

pytestmark = pytest.mark.lab(guests=0)
ZONE_ONE, ZONE_TWO = "198.41.0.103", "198.41.0.104"


@pytest.fixture(scope="module")
def module_net(request, release_build):
    """The release build, for memory and speed; a zone whose two forwarders never answer."""
    lab = _lab_and_maker(request)
    for addr in (ZONE_ONE, ZONE_TWO):
        lab.server.run("ip", "addr", "add", f"{addr}/24", "dev", "eth0")
    dead = [MockDns(addr, inside=lab.server.inside) for addr in (ZONE_ONE, ZONE_TWO)]
    for mock in dead:
        mock.deaf(True)
    zone = f'zones = ( {{ name = "dead.example"; forwarders = [ "{ZONE_ONE}", "{ZONE_TWO}" ]; }} );'
    config = CONFIG.replace("tcp_clients", zone + " tcp_clients").replace('"localnets", "localhost"', '"any"')
    net = Net(lab, config, build=release_build, level="info")
    net.dead = dead
    yield net
    net.close()
    for mock in dead:
        mock.close()


def wire(name, rdtype=1, qid=0):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", qid, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", rdtype, 1)


def answer(query, _peer):
    """A: one address; other types: nothing."""
    end = query.index(b"\0", 12) + 5
    found = query[end - 4:end - 2] == b"\0\1"
    record = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4" + bytes([198, 41, 0, 10]) if found else b""
    return query[:2] + b"\x81\x80\0\1\0" + bytes([found]) + bytes(4) + query[12:end] + record


def client(net, n):
    """A socket with an address of its own, 127.0.3.n, connected to the gateway."""
    with net.lab.host.inside():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((f"127.0.3.{n + 1}", 0))
    sock.connect(("127.0.0.1", 53))
    sock.settimeout(5)
    return sock


def upper_tail(chi2, degrees):
    """P(X > chi2), by Wilson and Hilferty."""
    z = ((chi2 / degrees) ** (1 / 3) - (1 - 2 / (9 * degrees))) / math.sqrt(2 / (9 * degrees))
    return math.erfc(z / math.sqrt(2)) / 2


def evenness(values, cells):
    """The chi-square test's p, that they are uniform over so many cells."""
    counts, expected = collections.Counter(values), len(values) / cells
    return upper_tail(sum((counts[c] - expected) ** 2 / expected for c in range(cells)), cells - 1)


def correlation(values):
    """Of each with the one before."""
    return statistics.correlation(values[:-1], values[1:])


def test_ten_thousand_ids_and_ports(net):
    """RFC 5452 9.2: ids are uniform, ports many, no port has many questions, and neither follows from the
    one before."""
    asked = []

    def note(query, peer):
        asked.append((int.from_bytes(query[:2], "big"), peer[1]))
        return answer(query, peer)

    net.first.raw = net.second.raw = note
    with client(net, 0) as sock:
        for start in range(0, 10000, 100):
            for n in range(start, start + 100):
                sock.send(wire(f"p{n}.example"))
            for _ in range(100):
                sock.recv(4096)
    ids, ports = [qid for qid, _ in asked], [port for _, port in asked]
    assert len(asked) >= 10000
    assert evenness([i >> 8 for i in ids], 256) > 0.001 and evenness([i & 255 for i in ids], 256) > 0.001
    assert evenness([(b - a) % 65536 >> 8 for a, b in zip(ids, ids[1:])], 256) > 0.001
    assert abs(correlation(ids)) < 4 / math.sqrt(len(ids))
    used = collections.Counter(ports)
    assert len(used) >= 2000 and max(used.values()) <= 16, (len(used), max(used.values()))
    steps = collections.Counter(b - a for a, b in zip(ports, ports[1:]))
    assert max(steps.values()) < len(ports) / 16, steps.most_common(3)
    assert abs(correlation(ports)) < 0.1, correlation(ports)


class Probe(threading.Thread):
    """Asks for a name again and again meanwhile; took: seconds, None for no good answer."""

    def __init__(self, net, name):
        super().__init__()
        self.net, self.name_asked, self.took, self.over = net, name, [], False
        self.sock = client(net, 200)
        self.sock.settimeout(1)

    def run(self):
        while not self.over:
            begun = time.monotonic()
            name = self.name_asked() if callable(self.name_asked) else self.name_asked
            self.sock.send(wire(name, qid=len(self.took)))
            try:
                reply = self.sock.recv(4096)
                while reply[:2] != struct.pack("!H", len(self.took)):
                    reply = self.sock.recv(4096)
                good = reply[3] & 15 == 0 and reply[7] > 0
            except TimeoutError:
                good = False
            self.took.append(time.monotonic() - begun if good else None)
            time.sleep(0.01)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()
        self.sock.close()


def flood(net, name, number, seconds, rdtype=28):
    """That many names from 40 clients, evenly over the time."""
    socks, begun = [client(net, n) for n in range(40)], time.monotonic()
    for n in range(number):
        socks[n % 40].send(wire(name.format(n), rdtype))
        if n % 50 == 49:
            time.sleep(max(0, begun + seconds * n / number - time.monotonic()))
    return socks


def test_ten_thousand_names_and_nobody_answers(net):
    """[144] Memory is bounded, what is in the cache is answered meanwhile, and when the forwarders are back
    so are we, within two seconds."""
    cached = net.name()
    net.addresses(cached)
    before = net.gw.memory()["RssAnon"]
    for mock in (net.first, net.second):
        mock.raw = answer
        mock.deaf(True)
    with Probe(net, cached) as probe:
        socks = flood(net, "c{}.example", 10000, 1)
        time.sleep(0.5)
    grown = net.gw.memory()["RssAnon"] - before
    for mock in (net.first, net.second):
        mock.deaf(False)
    begun, name = time.monotonic(), net.name()
    wait_until(lambda: net.ask(name).rcode() == dns.rcode.NOERROR, 4, "answers again", every=0.1)
    back = time.monotonic() - begun
    took = sorted(t or 1 for t in probe.took)
    print(f"grown by {grown} KiB, back after {back:.2f} s, cached: {len(took)} times, "
          f"{took[len(took) // 2] * 1000:.1f} ms, at most {took[-1] * 1000:.0f} ms")
    for sock in socks:
        sock.close()
    wait_until(lambda: net.gw.status()["dns64"]["in_flight"] == 0, 10, "nothing in flight")
    assert grown < 65536
    assert back < 3  # two seconds, and one for a machine that is busy otherwise
    # Some are lost where the socket's buffer overflows, on a machine that is busy otherwise.
    assert took[len(took) // 2] < 0.25 and probe.took.count(None) < 0.3 * len(took), probe.took


def test_dead_zone_harms_nobody_else(net):
    """[144] Questions for a zone whose forwarders are dead do not keep others from being asked, one after the
    other or sixty at once."""
    net.first.raw = net.second.raw = answer
    storm = threading.Thread(target=flood, args=(net, "z{}.dead.example", 12000, 6))
    bursts = []
    with client(net, 100) as sock, Probe(net, net.name) as probe:
        storm.start()
        while storm.is_alive():
            time.sleep(0.5)
            names = [net.name() for _ in range(60)]
            for name in names:
                sock.send(wire(name))
            bursts += [sock.recv(4096)[3] & 15 for _ in names]
    good = [t for t in probe.took if t is not None]
    print(f"{len(good)} of {len(probe.took)} good, {statistics.median(good or [0]) * 1000:.1f} ms; "
          f"{bursts.count(0)} of {len(bursts)}")
    assert len(probe.took) > 20 and len(good) > 0.9 * len(probe.took), probe.took
    assert len(bursts) >= 240 and bursts.count(0) > 0.9 * len(bursts)
