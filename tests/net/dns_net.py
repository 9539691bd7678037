# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway between a client on its own host and two scripted forwarders (mock_dns.py) in the IPv4
internet.  A test file imports the fixtures `module_net` and `net`."""
import itertools
import socket
import struct

import dns.message
import dns.query
import dns.rcode
import pytest

from lab import wait_until
from mock_dns import MockDns

FIRST, SECOND = "198.41.0.101", "198.41.0.102"
CONFIG = f"""
interface = "br0";
dns64 = {{ forwarders = [ "{FIRST}", "{SECOND}" ]; listen = [ "auto", "::1", "127.0.0.1" ];
          allow_query = [ "localnets", "localhost" ]; tcp_clients = 20; }};
"""
BIG = "big.example"
_names = itertools.count()


class Net:
    """The gateway with its two forwarders, and a client on its host."""

    def __init__(self, lab, config=CONFIG, **kw):
        self.lab = lab
        for addr in (FIRST, SECOND):
            lab.server.run("ip", "addr", "add", f"{addr}/24", "dev", "eth0")
        self.zone = {BIG: {"TXT": ['"' + "x" * 200 + '"'] * 12}}
        self.first = MockDns(FIRST, inside=lab.server.inside, zone=self.zone)
        self.second = MockDns(SECOND, inside=lab.server.inside, zone=self.zone)
        self.gw = lab.gateway(config, **kw).start()

    def name(self):
        """A name that nobody asked for yet, with an A record."""
        name = f"n{next(_names)}.example"
        self.zone[name] = {"A": ["198.41.0.10"]}
        return name

    def ask(self, name, rdtype="A", addr="::1", tcp=False, timeout=6, **kw):
        message = dns.message.make_query(name, rdtype, use_edns=0, payload=1232, **kw)
        with self.lab.host.inside():
            return (dns.query.tcp if tcp else dns.query.udp)(message, addr, timeout=timeout)

    def addresses(self, *args, **kw):
        answer = self.ask(*args, **kw)
        assert answer.rcode() == dns.rcode.NOERROR, answer
        return [item.to_text() for rrset in answer.answer for item in rrset]

    def connect(self):
        with self.lab.host.inside():
            return socket.create_connection(("::1", 53), timeout=5)

    def healthy(self):
        return {f["address"]: f["healthy"] for f in self.gw.status()["dns64"]["forwarders"]}

    def close(self):
        self.first.close()
        self.second.close()


@pytest.fixture(scope="module")
def module_net(request):
    from conftest import _lab_and_maker
    net = Net(_lab_and_maker(request))
    yield net
    net.close()


@pytest.fixture
def net(module_net):
    """Each test begins with forwarders that behave, are alive, and are asked in their order."""
    for mock in (module_net.first, module_net.second):
        mock.script = mock.raw = None
    wait_until(lambda: module_net.ask(module_net.name()).rcode() == 0 and all(module_net.healthy().values()), 10,
               "both forwarders are healthy")
    for mock in (module_net.first, module_net.second):
        mock.questions.clear()
    return module_net


def both(net, script):
    net.first.script = net.second.script = script


def questions(net, name):
    return sorted(net.first.asked(name) + net.second.asked(name), key=lambda q: q.at)


def frame(wire):
    return struct.pack("!H", len(wire)) + wire


def read_message(sock):
    head = b""
    while len(head) < 2:
        more = sock.recv(2 - len(head))
        if not more:
            return None
        head += more
    size, data = struct.unpack("!H", head)[0], b""
    while len(data) < size:
        data += sock.recv(size - len(data))
    return dns.message.from_wire(data)
