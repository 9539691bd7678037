# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients by stream, many and awkward ones, and what reloads and lost addresses do to all clients.
Numbers in brackets are those of docs/rfc.md, DNS64."""
import resource
import socket
import struct
import time

import dns.flags
import dns.message
import dns.rcode
import pytest

from conftest import _lab_and_maker
from dns_net import CONFIG, Net, both, frame, net, questions, read_message  # noqa: F401
from lab import wait_until
from mock_dns import Send, message, record

pytestmark = pytest.mark.lab(guests=0)
LIMIT, IDLE_S = 150, 20
GOOD = "198.41.0.10"


@pytest.fixture(scope="module", params=["build", "release_build"])
def module_net(request):
    """With sanitizers, and without: then memory is measured."""
    config = CONFIG.replace("tcp_clients = 20;", "").replace('"localnets", "localhost"', '"any"')
    net = Net(_lab_and_maker(request), config, build=request.getfixturevalue(request.param), level="info")
    net.measured = request.param == "release_build"
    yield net
    net.close()


def query(name, rdtype="A"):
    return frame(dns.message.make_query(name, rdtype).to_wire())


def is_closed(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    finally:
        sock.settimeout(5)


def streams(net):
    return net.gw.status()["dns64"]["tcp_clients"]


def test_two_questions_in_one_segment(net):
    """[118] And a third whose end comes later."""
    names = [net.name() for _ in range(3)]
    data = b"".join(query(name) for name in names)
    with net.connect() as sock:
        sock.sendall(data[:-5])
        answers = [read_message(sock) for _ in names[1:]]
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(5)
        sock.sendall(data[-5:])
        answers.append(read_message(sock))
    assert [a.question[0].name.to_text(True) for a in answers] == names


def test_a_thousand_idle_streams(net):
    """[120] No more than tcp_clients stay, the latest; datagrams and a new stream are answered meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    before, socks = net.gw.memory()["RssAnon"], []
    for n in range(1000):
        with net.lab.host.inside():
            socks.append(socket.create_connection(("127.0.0.1", 53), 5))
        if n % 100 == 99:
            assert net.addresses(net.name()) == [GOOD]
            assert net.addresses(net.name(), tcp=True) == [GOOD]
    assert LIMIT - 2 <= streams(net) <= LIMIT
    closed = [is_closed(sock) for sock in socks]
    assert all(closed[:1000 - LIMIT]) and not any(closed[1000 - LIMIT + 2:])
    assert net.gw.memory()["RssAnon"] - before < 2048 or not net.measured
    socks[-1].sendall(query(net.name()))
    assert read_message(socks[-1]).rcode() == dns.rcode.NOERROR
    for sock in socks:
        sock.close()


def big(q):
    """64 KiB, by stream."""
    if q.type != "TXT":
        return None
    text = b"\xff" + b"x" * 255
    return [Send(message(q, record(16, text) * 240, (1, 240, 0, 0)) if q.tcp else q.reply(tc=True), after=0.2)]


def test_readers_that_do_not_read(net):
    """[120], [121] Their answers do not heap up: who has asked too much is closed, who asks for more than
    he takes is not read, and both are gone after the time of idle ones.  A reader that is only slow gets all."""
    both(net, big)
    before = net.gw.memory()["RssAnon"]
    idle, dribble = net.connect(), net.connect()
    dribble.sendall(query("never.example")[:9])
    greedy = [net.connect() for _ in range(30)]
    begun = time.monotonic()
    for i, sock in enumerate(greedy):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(b"".join(query(f"big{i}-{n}.example", "TXT") for n in range(20)))
    wait_until(lambda: streams(net) <= 2, 40, lambda: f"{streams(net)} streams")
    kept = []
    for _ in range(30):
        kept.append(net.connect())
        kept[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        kept[-1].sendall(query("big0-0.example", "TXT") * 90)
    slow = net.connect()
    slow.sendall(query("big0-0.example", "TXT") * 20)
    got = 0
    while got < 20 * (2 + 64000):
        got += len(slow.recv(65536))
        time.sleep(0.005)
    # 60 streams with at most 256 KiB each, beside the cache and what c-ares holds for forwarders.
    assert net.gw.memory()["RssAnon"] - before < (60 * 256 + 32768 + 384 * 90) or not net.measured
    assert net.addresses(net.name()) == [GOOD]
    assert not is_closed(idle) or time.monotonic() - begun > IDLE_S
    wait_until(lambda: streams(net) == 0, IDLE_S + 10, lambda: f"{streams(net)} streams", every=0.5)
    assert time.monotonic() - begun >= IDLE_S - 1
    assert is_closed(idle) and is_closed(dribble)
    for sock in [idle, dribble, slow] + greedy + kept:
        sock.close()


def test_streams_left_in_flight(net):
    """[122] 100 clients go away with questions in flight, some half, some with a reset: each answer is kept."""
    names = [net.name() for _ in range(100)]
    both(net, lambda q: [Send(q.ordinary(), after=0.3)])
    for n, name in enumerate(names):
        sock = net.connect()
        sock.sendall(query(name))
        if n % 3 == 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif n % 3 == 1:
            sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: questions(net, name), 2, name, every=0.002)
        sock.close()
    time.sleep(0.5)
    both(net, None)
    before = len(questions(net, None))
    for name in names:
        assert net.addresses(name) == [GOOD]
    assert len([q for q in questions(net, None)[before:] if q.name in names]) == 0


def test_reload_with_questions_in_flight(net):
    """[147] 500 wait when the configuration changes, forwarders included: all are answered."""
    names = [net.name() for _ in range(500)]
    both(net, lambda q: [Send(q.ordinary(), after=1)] if q.name in names else None)
    with net.lab.host.inside():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.connect(("::1", 53))
        sock.settimeout(5)
        for name in names:
            sock.send(dns.message.make_query(name, "A").to_wire())
        text = net.gw.conf.read_text()
        net.gw.configure(text.replace('"198.41.0.101", ', "").replace("allow_query", 'cache_size = "1M"; allow_query'))
        net.gw.ctl("reload")
        assert len(net.gw.status()["dns64"]["forwarders"]) == 1
        replies = [dns.message.from_wire(sock.recv(4096)) for _ in names]
    assert {r.rcode() for r in replies} == {dns.rcode.NOERROR}
    assert sorted(r.question[0].name.to_text(True) for r in replies) == sorted(names)
    net.gw.configure(text)
    net.gw.ctl("reload")


def test_address_goes_and_comes(net):
    """[148] The bridge loses its address and gets it again, through duplicate address detection: we listen."""
    addr, host = "2001:db8:1:2::1", net.lab.host
    host.run("ip", "link", "add", "port", "type", "veth", "peer", "name", "far")
    host.run("ip", "link", "set", "far", "up")
    host.run("ip", "link", "set", "port", "master", "br0", "up")
    host.run("ip", "addr", "del", f"{addr}/64", "dev", "br0")
    wait_until(lambda: addr not in net.gw.status()["dns64"]["listen"], 5, "no longer listening")
    host.run("ip", "addr", "add", f"{addr}/64", "dev", "br0")
    wait_until(lambda: addr in net.gw.status()["dns64"]["listen"], 8, "listening again")
    wait_until(lambda: not any("tentative" in a for a in host.addresses("br0")), 5, "the address is through")
    assert net.addresses(net.name(), addr=addr) == [GOOD]
    assert net.addresses(net.name(), addr=addr, tcp=True) == [GOOD]
