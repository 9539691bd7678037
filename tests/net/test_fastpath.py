# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast path in the kernel: the same bytes as through the daemon, counted and expired by the daemon."""
import collections
import hashlib
import ipaddress
import os
import re
import signal
import socket
import struct
import threading
import time

import pytest

import servers
from gateway import build_dir
from lab import SERVER4, embed, wait_until
from packet import checksum, ipv6, udp6
from replay import LEASES, Bench, Vector, embedded, has_leases, impossible, own4_of, replay, setting_of, vectors

TARGET = embed("64:ff9b::/96", SERVER4)
GUESTS6, GUESTS4 = zip(*LEASES)
TCP, UDP = 6, 17
pytestmark = pytest.mark.lab(guests=1, hops=False, prefix="2001:db8:1::/64")


def config(fastpath="on", more="", rest=""):
    return f'interface = "br0"; nat64 = {{ fastpath = "{fastpath}"; {more} }};{rest}\n'


def fast(gw):
    """Packets translated in the kernel so far, both ways together."""
    return gw.counter("nat64.fast-v6-to-v4") + gw.counter("nat64.fast-v4-to-v6")


# --- the vectors ---

def udp4(src, dst):
    message = struct.pack(">HHHH", 9, 9, 8, 0)
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack(">HH", UDP, 8) + message
    message = message[:6] + struct.pack(">H", checksum(pseudo) or 0xFFFF)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28, 0, 0, 64, UDP, 0, socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + message


def ends(octets):
    """Source and destination as text, and whether both ways of the pair can be known."""
    if len(octets) >= 40 and octets[0] >> 4 == 6:
        return str(ipaddress.IPv6Address(octets[8:24])), str(ipaddress.IPv6Address(octets[24:40]))
    if len(octets) >= 20 and octets[0] >> 4 == 4:
        return str(ipaddress.IPv4Address(octets[12:16])), str(ipaddress.IPv4Address(octets[16:20]))
    return None, None


def establish(bench, vector):
    """Each pair of the vector that has a mapping is told to the kernel, if it is one that may be."""
    for step in vector.steps:
        src, dst = ends(step.packet)
        if src in GUESTS6:
            packet = ipv6(src, dst, UDP, udp6(src, dst, 9, 9, b""))
        elif dst in GUESTS4:
            packet = udp4(src, dst)
        else:
            continue
        for _ in range(2):
            bench.wire.exchange(packet, own4_of(vector))


def is_plain(vector, step):
    """Between a guest and what stands under the prefix, as it is made: no peer of a map's, no suffix."""
    src, dst = ends(step.packet)
    remote6, remote4 = (dst, ends(step.outs[0].octets)[1]) if src in GUESTS6 else (None, src)
    maps = [ipaddress.ip_network(values[0]) for key, *values in vector.conf if key == "map"]
    return ((src in GUESTS6 or dst in GUESTS4) and (not remote6 or remote6 == embedded(vector, remote4))
            and not any(ipaddress.ip_address(remote4) in network for network in maps))


def is_ordinary(vector, step):
    """By what came out, and what went in: is it the kernel's to do?"""
    octets = step.packet
    if step.reason[0] not in ("v6-to-v4", "v4-to-v6") or len(step.outs) != 1 or not is_plain(vector, step):
        return False
    if octets[0] >> 4 == 6:
        proto, at, plain = octets[6], 40, len(octets) == 40 + int.from_bytes(octets[4:6], "big")
    else:
        proto, at = octets[9], 20
        plain = (octets[0] == 0x45 and not int.from_bytes(octets[6:8], "big") & 0x3FFF
                 and len(octets) == int.from_bytes(octets[2:4], "big"))
    length = len(octets) - at
    if proto == TCP:
        return plain and length >= 20 and 20 <= (octets[at + 12] >> 4) * 4 <= length
    return plain and proto == UDP and int.from_bytes(octets[at + 4:at + 6], "big") == length and any(octets[at + 6:at + 8])


def cases():
    found = [v for v in vectors(build_dir()) if not impossible(v) and has_leases(v)]
    return [pytest.param(v, id=v.name) for v in sorted(found, key=setting_of)]


@pytest.fixture(scope="module")
def bench(bare_lab):
    bench = Bench(bare_lab, fastpath="on")
    yield bench
    bench.wire.close()
    bench.stop()


seen = collections.Counter()


@pytest.mark.parametrize("vector", cases())
def test_vector(bench, vector):
    """The same bytes, identification aside; ordinary packets, and no others, go the fast way."""
    bench.set_up(vector)
    establish(bench, vector)
    before = fast(bench.gw)
    wrong = replay(bench.wire, vector)
    if wrong:
        bench.setting = None
    assert not wrong, wrong
    assert fast(bench.gw) - before == sum(is_ordinary(vector, step) for step in vector.steps)
    seen.update(step.reason[0] for step in vector.steps if is_ordinary(vector, step))


def test_vectors_went_both_ways():
    assert seen["v6-to-v4"] > 5 and seen["v4-to-v6"] > 5, seen


REFERENCE = Vector("reference", [], [])
HOST6, HOST4 = LEASES[0]


def guests_packet(port=9, hops=64):
    return ipv6(HOST6, "64:ff9b::808:808", UDP, udp6(HOST6, "64:ff9b::808:808", port, 9, b""), hops)


def test_the_mtu_of_the_device_is_followed(bench):
    """With DF set, what does not fit any more is refused, and what does goes on in the kernel."""
    bench.set_up(REFERENCE)
    body = struct.pack(">HHHH", 9, 9, 1380, 1) + bytes(1372)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 1400, 0, 0x4000, 64, UDP, 0, socket.inet_aton("8.8.8.8"),
                       socket.inet_aton(HOST4))
    packet = head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body

    def is_fast():
        before = fast(bench.gw)
        answers = bench.wire.exchange(packet)
        assert len(answers) == 1 and (answers[0][0] >> 4 == 6) == (len(answers[0]) == 1420)
        return fast(bench.gw) == before + 1

    wait_until(is_fast, 3, "is translated in the kernel")
    bench.lab.host.run("ip", "link", "set", "nat64", "mtu", "1300")
    wait_until(lambda: bench.wire.exchange(packet)[0][0] >> 4 == 4, 3, "an error")
    assert not is_fast()
    bench.lab.host.run("ip", "link", "set", "nat64", "mtu", "1500")
    wait_until(is_fast, 3, "is translated in the kernel again")


def test_a_scan_leaves_nothing(bench):
    bench.set_up(REFERENCE)
    before = fast(bench.gw)
    for number in range(100):
        dst = f"64:ff9b::0909:{number + 256:x}"
        bench.wire.send(ipv6(HOST6, dst, UDP, udp6(HOST6, dst, 9, 9, b"")))
    bench.wire.until_answer()
    assert fast(bench.gw) == before


def test_order_is_kept(bench):
    bench.set_up(REFERENCE)
    for _ in range(3):
        bench.wire.exchange(guests_packet())
    before = fast(bench.gw)
    for number in range(500):
        bench.wire.send(guests_packet(port=1000 + number))
    got = [int.from_bytes(octets[20:22], "big") for octets in bench.wire.until_answer()]
    assert got == list(range(1000, 1500))
    assert fast(bench.gw) == before + 500


def test_identifications_differ(bench):
    bench.set_up(REFERENCE)
    for _ in range(3):
        bench.wire.exchange(guests_packet())
    for _ in range(200):
        bench.wire.send(guests_packet())
    ids = [octets[4:6] for octets in bench.wire.until_answer()]
    assert len(ids) == 200 and len(set(ids)) > 190
    assert not {(int.from_bytes(b, "big") - int.from_bytes(a, "big")) % 65536 for a, b in zip(ids, ids[1:])} <= {1, 256}


# --- traffic of guests ---

@pytest.fixture
def start(lab):
    """start(config) returns a running gateway and a configured guest."""
    def run(text=config(), **kw):
        gw = lab.gateway(text, **{k: v for k, v in kw.items() if k != "wrapper"})
        gw.start(wrapper=kw.get("wrapper", ()))
        lab.guests[0].up()
        lab.guests[0].wait_configured()
        return gw, lab.guests[0]
    return run


class Counted:
    """Numbered datagrams from the guest to the server at a steady pace, until end()."""

    def __init__(self, lab, guest, every=0.002):
        with lab.server.inside():
            self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sink.bind((SERVER4, 7001))
        self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        with guest.inside():
            self.source = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.every, self.sent, self.over, self.got = every, 0, False, set()
        self.threads = [threading.Thread(target=self._send), threading.Thread(target=self._receive)]
        for thread in self.threads:
            thread.start()

    def _send(self):
        while not self.over:
            self.source.sendto(struct.pack(">I", self.sent), (TARGET, 7001))
            self.sent += 1
            time.sleep(self.every)

    def _receive(self):
        self.sink.settimeout(1)
        while True:
            try:
                self.got.add(struct.unpack(">I", self.sink.recv(100))[0])
            except TimeoutError:
                if self.over:
                    return

    def end(self):
        """How many were lost."""
        self.over = True
        for thread in self.threads:
            thread.join()
        self.sink.close()
        self.source.close()
        return self.sent - len(self.got)


def echoes(guest, n=1):
    try:
        return sum(len(servers.udp_echo(guest, TARGET, [100], timeout=1.0)) for _ in range(n))
    except PermissionError:  # an ICMP error said that it is prohibited
        return 0


def warm_up(gw, guest):
    """Until its packets take the fast way."""
    def is_fast():
        before = fast(gw)
        return echoes(guest) == 1 and fast(gw) >= before + 2
    wait_until(is_fast, 5, "the guest's echoes take the fast path")


def transfer(lab, guest, size, up):
    """SHA-256 of what was sent and of what arrived, over one TCP connection."""
    with lab.server.inside():
        listener = socket.create_server((SERVER4, 7002))
    with guest.inside():
        client = socket.create_connection((TARGET, 7002), 5)
    peer, _ = listener.accept()
    listener.close()
    source, sink = (client, peer) if up else (peer, client)
    block, sums = os.urandom(1 << 20), [hashlib.sha256(), hashlib.sha256()]

    def send():
        for n in range(size >> 20):
            piece = struct.pack(">I", n) + block[4:]
            sums[0].update(piece)
            source.sendall(piece)
        source.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    while data := sink.recv(1 << 18):
        sums[1].update(data)
    thread.join()
    client.close()
    peer.close()
    return [s.hexdigest() for s in sums]


def check_bulk(lab, gw, guest, size=32 << 20):
    for up in (True, False):
        before = gw.counters()
        sent, arrived = transfer(lab, guest, size, up)
        assert sent == arrived
        now = {c["name"]: int(c["value"]) for c in gw.counters()}
        grown = {c["name"]: now[c["name"]] - int(c["value"]) for c in before}
        way = "v6-to-v4" if up else "v4-to-v6"
        assert grown[f"nat64.{way}"] > size / 1500
        assert grown[f"nat64.fast-{way}"] > 0.95 * grown[f"nat64.{way}"], grown
    (row,) = [m for m in gw.ctl_rows("mappings") if m["ipv6"] == guest.address]
    assert row["bytes"]["v6_to_v4"] > size and row["bytes"]["v4_to_v6"] > size
    assert row["idle_s"] <= 1


def test_bulk(lab, start):
    gw, guest = start()
    gw.wait_ok()
    check_bulk(lab, gw, guest)
    assert gw.status()["nat64"]["fastpath"] == "on"


def test_bulk_to_who_verifies_checksums(lab, start):
    """Without offloads of the outer links, what leaves has to be as on a wire."""
    for node, dev in ((lab.server, "eth0"), (lab.host, "eth0"), (lab.guests[0], "eth0"), (lab.host, lab.guests[0].port)):
        node.run("ethtool", "-K", dev, "tx", "off", "tso", "off", "gso", "off", "gro", "off")
    gw, guest = start()
    check_bulk(lab, gw, guest, 16 << 20)


def test_bulk_over_narrow_links(lab, start):
    """The device's MTU at its lowest; the server's segments do not fit, and it is told."""
    gw, guest = start(config(more="mtu = 1280;"))
    lab.host.run("ip", "link", "set", "br0", "mtu", "1280")
    check_bulk(lab, gw, guest, 8 << 20)


def test_use_in_the_kernel_keeps_a_mapping(lab, start):
    servers.start_echo(lab)
    gw, guest = start(config(more='lease_lifetime = "3s"; lease_keep = "0s";', rest=' dns64 = { enabled = false; };'))
    warm_up(gw, guest)
    before = gw.counter("nat64.v6-to-v4") - gw.counter("nat64.fast-v6-to-v4")
    for _ in range(60):
        assert echoes(guest) == 1
        time.sleep(0.1)
    (row,) = [m for m in gw.ctl_rows("mappings") if m["ipv6"] == guest.address]
    assert row["state"] == "active" and row["age_s"] >= 6 and row["idle_s"] <= 1
    assert gw.counter("nat64.v6-to-v4") - gw.counter("nat64.fast-v6-to-v4") <= before + 1
    wait_until(lambda: not [m for m in gw.ctl_rows("mappings") if m["ipv6"] == guest.address], 8, "the mapping ends")


def test_a_dropped_mapping_is_made_anew(lab, start):
    servers.start_echo(lab)
    gw, guest = start()
    warm_up(gw, guest)
    lab.guests[0].run("sleep", "1.1")
    before = fast(gw), gw.counter("nat64.v6-to-v4")
    gw.ctl("drop", guest.address)
    assert not [m for m in gw.ctl_rows("mappings") if m["ipv6"] == guest.address]
    assert echoes(guest) == 1
    assert gw.counter("nat64.v6-to-v4") == before[1] + 1 and fast(gw) <= before[0] + 1
    warm_up(gw, guest)
    (row,) = [m for m in gw.ctl_rows("mappings") if m["ipv6"] == guest.address]
    assert row["age_s"] <= 3


def test_a_new_list_holds_at_once(lab, start):
    servers.start_echo(lab)
    gw, guest = start()
    warm_up(gw, guest)
    gw.configure(config(more=f'destinations = [ "!{SERVER4}", "global" ];'))
    gw.ctl("reload")
    before = fast(gw)
    assert echoes(guest) == 0 and fast(gw) == before
    assert gw.counter("nat64.drop.destination-refused") > 0
    gw.configure(config(more='clients = [ "none" ];'))
    gw.ctl("reload")
    assert echoes(guest) == 0 and fast(gw) == before
    gw.configure(config())
    gw.ctl("reload")
    warm_up(gw, guest)


def filters(lab):
    return lab.host.run("tc", "filter", "show", "dev", "nat64", "egress", check=False).stdout.count("name v6gwd")


def test_off_and_on_again(lab, start):
    servers.start_echo(lab)
    gw, guest = start()
    warm_up(gw, guest)
    assert filters(lab) == 1
    for _ in range(2):
        gw.configure(config("off"))
        gw.ctl("reload")
        assert filters(lab) == 0
        before = fast(gw)
        assert echoes(guest, 3) == 3 and fast(gw) == before
        nat64 = gw.status()["nat64"]
        assert nat64["fastpath"] == "off" and '"off"' in nat64["fastpath_reason"]
        gw.configure(config("auto"))
        gw.ctl("reload")
        assert filters(lab) == 1
        warm_up(gw, guest)


@pytest.mark.parametrize("signo", [signal.SIGUSR2, signal.SIGKILL])
def test_restart_under_traffic(lab, start, signo):
    """Nothing is lost, and the kernel goes on while there is no daemon."""
    servers.start_echo(lab)
    gw, guest = start()
    warm_up(gw, guest)
    counted = Counted(lab, guest)
    wait_until(lambda: len(counted.got) > 100, 5, "datagrams arrive")
    gw.send(signo)
    gw.process.wait(5)
    begin = len(counted.got)
    wait_until(lambda: len(counted.got) > begin + 100, 5, "datagrams arrive without a daemon")
    assert echoes(guest) == 1
    gw.start()
    assert filters(lab) == 1
    begin = fast(gw)
    wait_until(lambda: fast(gw) > begin + 50, 5, "the new process's program translates")
    assert counted.end() == 0
    (row,) = [m for m in gw.ctl_rows("mappings") if m["ipv6"] == guest.address]
    assert row["state"] == "active"


def test_off_after_a_kill(lab, start):
    """What an earlier process left is taken away."""
    servers.start_echo(lab)
    gw, guest = start()
    warm_up(gw, guest)
    gw.kill()
    assert filters(lab) == 1
    gw.configure(config("off"))
    gw.start()
    assert filters(lab) == 0 and echoes(guest) == 1


@pytest.mark.parametrize("word", ["on", "off"])
def test_rules_meet_the_same_packets(lab, start, word):
    """Each hook of the host sees each of them once, whoever translates; a sniffer on the device does not."""
    servers.start_echo(lab)
    gw, guest = start(config(word))
    assert echoes(guest, 3) == 3
    lab.host.run("nft", "-f", "-", input="""table inet seen {
        chain forward { type filter hook forward priority 0;
            udp dport 7 iifname "br0" oifname "nat64" meta nfproto ipv6 counter
            udp dport 7 iifname "nat64" oifname "eth0" meta nfproto ipv4 ct state established counter
            udp sport 7 iifname "eth0" oifname "nat64" meta nfproto ipv4 ct state established counter
            udp sport 7 iifname "nat64" oifname "br0" meta nfproto ipv6 counter
        }
    }""")
    before = fast(gw)
    with lab.host.capture("nat64", "-s", "128", "udp port 7") as sniffed:  # large snapshots have a small ring
        with guest.inside():
            client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        with client:
            client.settimeout(2)
            client.connect((TARGET, 7))
            for n in range(5):
                client.send(bytes([n]))
                assert client.recv(10) == bytes([n])
    assert fast(gw) - before == (10 if word == "on" else 0)
    rules = lab.host.out("nft", "list", "table", "inet", "seen")
    assert re.findall(r"counter packets (\d+)", rules) == ["5", "4", "5", "5"], rules
    assert len(sniffed.text("-n").splitlines()) == (10 if word == "on" else 20)


def test_an_adopted_device_is_left_as_it_was(lab, start):
    lab.host.run("ip", "tuntap", "add", "dev", "nat64", "mode", "tun")
    servers.start_echo(lab)
    gw, guest = start()
    warm_up(gw, guest)
    gw.stop()
    assert filters(lab) == 0
    assert "clsact" not in lab.host.out("tc", "qdisc", "show", "dev", "nat64")


def test_a_removed_filter_is_put_back(lab, start):
    servers.start_echo(lab)
    gw, guest = start()
    warm_up(gw, guest)
    lab.host.run("tc", "qdisc", "del", "dev", "nat64", "clsact")
    assert echoes(guest) == 1
    wait_until(lambda: echoes(guest) == 1 and filters(lab) == 1, 25, "the filter is back", every=1)
    gw.wait_log("put back")
    warm_up(gw, guest)


@pytest.mark.parametrize("word", ["auto", "on"])
def test_without_the_right(lab, start, word):
    servers.start_echo(lab)
    gw, guest = start(config(word), wrapper=("setpriv", "--bounding-set", "-bpf,-sys_admin"))
    nat64 = gw.status()["nat64"]
    assert nat64["fastpath"] == "off" and "CAP_BPF" in nat64["fastpath_reason"]
    assert echoes(guest, 3) == 3 and fast(gw) == 0
    said = [line for line in gw.log_text().splitlines() if "no fast path" in line]
    if word == "auto":
        assert len(said) == 1 and gw.status()["health"]["state"] == "ok"
    else:
        assert any("CAP_BPF" in str(reason) for reason in gw.status()["health"]["reasons"])


def test_traceroute(lab, start):
    servers.start_echo(lab)
    gw, guest = start()
    warm_up(gw, guest)
    text = guest.out("traceroute", "-6", "-n", "-q", "1", "-w", "1", "-m", "5", TARGET)
    assert TARGET in text or SERVER4 in text or "64:ff9b::c629:a" in text
    assert gw.status()["nat64"]["ipv6_address"] in text
