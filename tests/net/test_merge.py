# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets of one flow that come in one burst are written to the TUN device as one frame: they arrive as they
were sent, at receivers that verify checksums."""
import contextlib
import os
import signal
import socket

import pytest

from gateway import CONFIG
from test_offload import TARGET, begin, bulk, sockets

MANY = 300
SO_RCVBUFFORCE = 33
pytestmark = pytest.mark.lab(guests=1, hops=False)


@pytest.fixture
def ends(lab):
    """The gateway, and a socket of the guest and one of the server that are connected."""
    gw = begin(lab)
    there, here = sockets(lab, socket.SOCK_DGRAM, 5002)
    with there, here:
        for sock in (there, here):
            sock.settimeout(5)
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        here.connect((TARGET, 5002))
        here.send(b"here I am")
        there.connect(there.recvfrom(100)[1])
        yield gw, here, there


@contextlib.contextmanager
def waiting(gw):
    """What is sent meanwhile comes in bursts."""
    gw.send(signal.SIGSTOP)
    try:
        yield
    finally:
        gw.send(signal.SIGCONT)


def send(gw, source, sink, data):
    with waiting(gw):
        for datagram in data:
            source.send(datagram)
    assert [sink.recv(65536) for _ in data] == data


def counts(gw):
    return gw.counter("nat64.merge.frames"), gw.counter("nat64.merge.packets")


@pytest.mark.parametrize("up", [True, False])
def test_one_flow(lab, ends, up):
    """Fewer writes than packets, all of which come as they were sent."""
    gw, here, there = ends
    source, sink, node = (here, there, lab.server) if up else (there, here, lab.guests[0])
    if gw.status()["nat64"]["offload_reason"] != "TCP, UDP and checksums":
        pytest.skip("the kernel has no frames of UDP")
    with node.capture("eth0", "udp port 5002") as seen:
        send(gw, source, sink, [i.to_bytes(4, "big") + os.urandom(60) for i in range(MANY)])
        frames, packets = counts(gw)
        assert packets > MANY * 3 / 4 and frames < packets / 16
        send(gw, source, sink, [i.to_bytes(4, "big") + os.urandom(1300) for i in range(MANY)])
    assert counts(gw)[1] - packets > MANY * 3 / 4
    text = seen.text("-vv")  # of those that found room
    assert text.count("UDP, length") == text.count("[udp sum ok]") > 16
    ids = [line.split(" id ")[1].split(",")[0] for line in text.splitlines() if "flags [none]" in line]
    assert len(set(ids)) == len(ids) and bool(ids) == up


@pytest.mark.parametrize("up", [True, False])
def test_sizes_of_any_kind(ends, up):
    gw, here, there = ends
    source, sink = (here, there) if up else (there, here)
    sizes = [64] * 20 + [63] + [64, 65] * 10 + [0, 1, 1] + [1400] * 70 + [2000, 1400, 1400, 1] + list(range(90, 0, -1))
    send(gw, source, sink, [os.urandom(size) for size in sizes])


@pytest.mark.parametrize("up", [True, False])
def test_segments(lab, up):
    """Of who leaves nothing to others."""
    gw = begin(lab)
    node = lab.guests[0] if up else lab.server
    node.run("ethtool", "-K", "eth0", "tx-checksumming", "off", "tso", "off", "gso", "off")
    bulk(lab, up, 8)
    frames, packets = counts(gw)
    assert packets > 2 * frames > 0


def test_a_packet_alone_waits_for_nobody(ends):
    gw, here, there = ends
    before = counts(gw)
    for i in range(50):
        here.send(b"%d" % i)
        there.send(there.recv(100) + b" too")
        assert here.recv(100) == b"%d too" % i
    assert counts(gw) == before


def test_without_offload(ends):
    gw, here, there = ends
    gw.configure(CONFIG + 'nat64 = { fastpath = "off"; offload = "off"; };')
    gw.ctl("reload")
    here.send(b"the burst before the change is over")
    there.recv(100)
    before = counts(gw)
    send(gw, here, there, [os.urandom(64) for _ in range(MANY)])
    assert counts(gw) == before
