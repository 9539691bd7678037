# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames over the TUN device: what arrives is what was sent, with receivers that verify checksums, with
offload, without it, while it changes, and from a device that has none."""
import hashlib
import os
import re
import signal
import socket
import struct
import threading

import pytest

from gateway import CONFIG
from lab import SERVER4, embed, wait_until
from test_store import NO_PI, TUN, tun

TARGET = embed("64:ff9b::/96", SERVER4)
MEGABYTES = 16
UDP_SEGMENT, IP_MTU_DISCOVER, PMTUDISC_DONT = 103, 10, 0
pytestmark = pytest.mark.lab(guests=1, hops=False)


def begin(lab, nat64=""):
    """A gateway whose outer links leave nothing to the receivers."""
    gw = lab.gateway(CONFIG + f"nat64 = {{ {nat64} }};").start()
    guest = lab.guests[0]
    for dev in ("eth0", guest.port):
        lab.host.run("ethtool", "-K", dev, "tx-checksumming", "off", "tso", "off", "gso", "off",
                     "tx-udp-segmentation", "off")
    guest.up()
    guest.wait_configured()
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "a ping")
    return gw


def sockets(lab, kind, port):
    """One that waits on the server, one of the guest's."""
    with lab.server.inside():
        there = socket.socket(socket.AF_INET, kind)
    there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    there.bind((SERVER4, port))
    with lab.guests[0].inside():
        here = socket.socket(socket.AF_INET6, kind)
    for sock in (there, here):
        sock.settimeout(30)
    return there, here


def pour(sock, data):
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)


def drain(sock):
    digest = hashlib.sha256()
    while block := sock.recv(1 << 16):
        digest.update(block)
    return digest.digest()


def bulk(lab, up, megabytes=MEGABYTES, meanwhile=None):
    """So much, in one direction, by TCP."""
    data = os.urandom(megabytes << 20)
    listener, here = sockets(lab, socket.SOCK_STREAM, 5001)
    with listener, here:
        listener.listen()
        here.connect((TARGET, 5001))
        there, _ = listener.accept()
        there.settimeout(30)
        with there:
            source, sink = (here, there) if up else (there, here)
            sender = threading.Thread(target=pour, args=(source, data))
            sender.start()
            if meanwhile:
                meanwhile()
            got = drain(sink)
            sender.join()
    assert got == hashlib.sha256(data).digest()


def longest(lab, up, what=lambda lab, up: bulk(lab, up, 4)):
    """The largest packet at the TUN device meanwhile."""
    with lab.host.capture("nat64", "tcp or udp") as seen:
        what(lab, up)
    return max(int(n) for n in re.findall(r"length (\d+)", "\n".join(seen.packets())))


def datagrams(lab, up, size, count, plain=False):
    """Of one send() with UDP_SEGMENT; what came of them.  With plain, without DF."""
    data = os.urandom(size * (count - 1) + size // 2)
    there, here = sockets(lab, socket.SOCK_DGRAM, 5002)
    with there, here:
        here.connect((TARGET, 5002))
        here.send(b"here I am")
        _, guest = there.recvfrom(100)
        there.connect(guest)
        source, sink = (here, there) if up else (there, here)
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sink.settimeout(3)
        if plain:
            source.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
        source.setsockopt(socket.SOL_UDP, UDP_SEGMENT, size)
        source.send(data)
        got = [sink.recv(65536) for _ in range(count)]
    assert sorted(len(d) for d in got) == sorted([size] * (count - 1) + [size // 2])
    assert b"".join(got) == data


def test_on(lab):
    gw = begin(lab)
    nat64 = gw.status()["nat64"]
    assert (nat64["offload"], nat64["offload_reason"]) == ("on", "TCP, UDP and checksums")
    for up in (True, False):
        bulk(lab, up)
        assert longest(lab, up) > 3000
        for size, count in ((1000, 40), (1400, 40), (1432, 2), (1200, 50), (100, 60)):
            datagrams(lab, up, size, count)
        assert longest(lab, up, lambda lab, up: datagrams(lab, up, 1200, 50)) > 3000
    assert not any(gw.counter(f"nat64.{name}") for name in ("tun-refused", "drop.tun-frame", "drop.frame"))


def test_off(lab):
    gw = begin(lab, 'offload = "off";')
    nat64 = gw.status()["nat64"]
    assert (nat64["offload"], nat64["offload_reason"]) == ("off", 'offload = "off"')
    for up in (True, False):
        bulk(lab, up)
        assert longest(lab, up) <= 1500
        datagrams(lab, up, 1200, 50)


@pytest.mark.parametrize("offload", ["on", "off"])
def test_small_mtu(lab, offload):
    """Whose segments do not fit, with DF, is told."""
    gw = begin(lab, f'mtu = 1280; offload = "{offload}";')
    for up in (False, True):
        bulk(lab, up, 4)
    assert gw.counter("nat64.drop.v4-too-big") > 0
    datagrams(lab, True, 1232, 20)


def captured(lab, *expression):
    guest = lab.guests[0]
    with guest.capture("eth0", *expression) as seen:
        bulk(lab, False, 4)
    return seen.packets()


@pytest.mark.parametrize("offload", ["on", "off"])
def test_without_df(lab, offload):
    """Segments larger than fragment_mtu become smaller ones, and fragments without offload, as datagrams do."""
    gw = begin(lab, f'offload = "{offload}";')
    lab.server.sysctl("net.ipv4.ip_no_pmtu_disc", 1)
    packets = captured(lab, "ip6 and greater 1295")  # with the Ethernet header
    assert not packets, packets[:3]
    split = gw.counter("nat64.v4-to-v6-split")
    assert split > 500 if offload == "off" else split < 500, split
    datagrams(lab, False, 1300, 20, plain=True)
    assert gw.counter("nat64.v4-to-v6-split") == split + 19


def test_it_changes_while_in_use(lab):
    gw = begin(lab)

    def change():
        for offload in ("off", "on") * 3:
            gw.conf.write_text(CONFIG + f'nat64 = {{ offload = "{offload}"; }};')
            gw.ctl("reload")
            assert gw.status()["nat64"]["offload"] == offload
    for up in (True, False):
        bulk(lab, up, 64, change)
    gw.stop(signal.SIGUSR2)
    gw.start()
    assert gw.status()["nat64"]["offload"] == "on"
    bulk(lab, True, 4)


def test_a_device_without_it(lab):
    """As a version before this one kept it: it stays as it is, and is said to."""
    gw = lab.gateway()
    gw.store["1.tun-nat64"] = tun(lab, TUN | NO_PI)
    kept = os.fstat(gw.store["1.tun-nat64"]).st_ino
    lab.host.run("ip", "link", "set", "nat64", "up")
    before = lab.host.json("ip", "-j", "link", "show", "nat64")[0]["ifindex"]
    lab.gateway = lambda *a, **k: gw
    begin(lab)
    assert gw.store and os.fstat(gw.store["1.tun-nat64"]).st_ino == kept
    assert lab.host.json("ip", "-j", "link", "show", "nat64")[0]["ifindex"] == before
    nat64 = gw.status()["nat64"]
    assert nat64["offload"] == "off" and "earlier version" in nat64["offload_reason"]
    for up in (True, False):
        bulk(lab, up, 4)
        datagrams(lab, up, 1200, 20)


def test_frames_that_wait_are_taken(lab):
    """Queued while nobody read, with offload, and read by who asks for none."""
    gw = begin(lab)
    gw.stop(signal.SIGUSR2)
    gw.conf.write_text(CONFIG + 'nat64 = { offload = "off"; };')
    there, here = sockets(lab, socket.SOCK_DGRAM, 5003)
    with there, here:
        here.connect((TARGET, 5003))
        here.setsockopt(socket.SOL_UDP, UDP_SEGMENT, 1000)
        here.send(bytes(20000))
        gw.start()
        assert [len(there.recv(2000)) for _ in range(20)] == [1000] * 20


def test_a_kernel_that_refuses(lab):
    """What it refuses is cut; what it refuses time and again is not asked for any more."""
    gw = begin(lab)
    tracer = lab.host.popen("strace", "-qq", "-f", "-o", "/dev/null", "-p", gw.process.pid, "-e", "trace=writev",
                            "-e", "inject=writev:error=EINVAL:when=1+2")
    wait_until(lambda: "TracerPid:\t0" not in open(f"/proc/{gw.process.pid}/status").read(), 5, "a tracer")
    there, here = sockets(lab, socket.SOCK_DGRAM, 5004)

    def given_up():
        here.sendto(bytes(20000), (TARGET, 5004))
        return gw.status()["nat64"]["offload_reason"] == "TCP and checksums: the kernel refused frames of UDP"
    with there, here:
        here.setsockopt(socket.SOL_UDP, UDP_SEGMENT, 1000)
        wait_until(given_up, 10, "the end of frames of UDP")
        assert len(there.recv(2000)) == 1000
    tracer.terminate()
    tracer.wait(5)
    assert gw.counter("nat64.tun-refused") >= 16
    assert gw.log_text().count("the kernel refused a frame") == 1
    assert gw.status()["nat64"]["offload"] == "on"
    for up in (True, False):
        datagrams(lab, up, 1200, 50)
        bulk(lab, up, 4)
