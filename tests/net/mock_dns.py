# SPDX-License-Identifier: GPL-3.0-or-later
"""A forwarder with a script: ordinary, or as hostile as the test wants.

    mock = MockDns("198.41.0.99", inside=lab.server.inside)      # UDP and TCP, port 53
    mock.zone = {"v4only.example": {"A": ["198.41.0.10"]}}       # everything else: NXDOMAIN
    mock.script = lambda q: [Send(q.reply("SERVFAIL"))]          # or whatever else
    ...
    mock.asked("v4only.example", "A")                            # the questions that came
    mock.close()

`inside` is a function that gives a context manager in which the sockets are made (a network
namespace); the server itself is a thread of the test.  A script is called with each Question and
gives a list of Send; None stands for the ordinary answer from the zone.  Run as a program, it
serves a zone from JSON: mock_dns.py ADDRESS PORT '{"name": {"A": ["192.0.2.1"]}}'.
"""
import collections
import contextlib
import dataclasses
import heapq
import itertools
import json
import selectors
import socket
import struct
import sys
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

SOA = ". 60 IN SOA ns.example. hostmaster.example. 1 3600 600 86400 60"


@dataclasses.dataclass
class Send:
    """One message to send: when (seconds from now), from another port or by another MockDns (by its
    address), and whether a stream is closed behind it.  wire None sends nothing."""
    wire: bytes | None
    after: float = 0.0
    spoofed: bool = False
    by: "MockDns | None" = None
    close: bool = False


class Question:
    def __init__(self, wire, peer, tcp, zone):
        self.wire, self.peer, self.port, self.tcp = wire, peer, peer[1], tcp
        self.at = time.monotonic()
        self.zone = zone
        self.message = dns.message.from_wire(wire)
        self.id = self.message.id
        question = self.message.question[0]
        self.raw_name = question.name
        self.name = question.name.to_text(omit_final_dot=True).lower()
        self.type = dns.rdatatype.to_text(question.rdtype)
        self.edns = self.message.edns >= 0
        self.do = bool(self.message.ednsflags & dns.flags.DO)
        self.cd = bool(self.message.flags & dns.flags.CD)

    def __repr__(self):
        return f"<{self.name} {self.type}{' tcp' if self.tcp else ''} from port {self.port}>"

    def message_of(self, rcode="NOERROR", answer=(), authority=(), tc=False, opt=True, ede=None):
        """The answer as a dnspython message; records are text ("www.example. 300 IN A 192.0.2.1")."""
        m = dns.message.make_response(self.message, recursion_available=True)
        if not opt or not self.edns:
            m.use_edns(-1)
        elif ede is not None:
            m.use_edns(0, payload=1232, options=[dns.edns.EDEOption(ede)])
        m.set_rcode(dns.rcode.from_text(rcode))
        if tc:
            m.flags |= dns.flags.TC
        for section, records in ((m.answer, answer), (m.authority, authority)):
            for record in records:
                name, ttl, rdclass, rdtype, rdata = record.split(None, 4)
                rrset = dns.rrset.from_text(name, int(ttl), rdclass, rdtype, rdata)
                section.append(rrset)
        return m

    def reply(self, *args, **kw):
        """The same as bytes, cut (TC=1) when a datagram cannot hold it."""
        m = self.message_of(*args, **kw)
        m.question = self.message.question
        wire = m.to_wire(origin=None, max_size=65535, want_shuffle=False)
        limit = 65535 if self.tcp else max(512, self.message.payload) if self.edns else 512
        if len(wire) > limit:
            m.answer, m.authority, m.additional = [], [], []
            m.flags |= dns.flags.TC
            wire = m.to_wire()
        # The name with the case it came in, whatever dnspython did to it.
        name = self.raw_name.to_wire()
        return wire[:12] + name + wire[12 + len(name):]

    def ordinary(self):
        """What the zone says: records, through CNAMEs, else NODATA or NXDOMAIN with a SOA."""
        name, answer = self.name, []
        for _ in range(10):
            types = self.zone.get(name)
            if types is None:
                return self.reply("NXDOMAIN", answer, [SOA])
            if self.type in types or "CNAME" not in types:
                break
            target = types["CNAME"][0]
            answer.append(f"{name}. 300 IN CNAME {target}.")
            name = target.rstrip(".").lower()
        answer += [f"{name}. 300 IN {self.type} {data}" for data in types.get(self.type, ())]
        return self.reply("NOERROR", answer, [] if self.type in types else [SOA])


def corrupt(wire, at, value):
    """The message with one octet changed."""
    return wire[:at] + bytes([value & 255]) + wire[at + 1:]


def message(q, records=b"", counts=(1, 1, 0, 0), flags=0x8180, question=None):
    """An answer to q octet by octet, right or wrong."""
    question = q.wire[12:12 + len(q.raw_name.to_wire()) + 4] if question is None else question
    return struct.pack("!6H", q.id, flags, *counts) + question + records


def record(rdtype, rdata, owner=b"\xc0\x0c", ttl=300, size=None):
    """One record; size: the length of RDATA that is claimed."""
    return owner + struct.pack("!HHIH", rdtype, 1, ttl, len(rdata) if size is None else size) + rdata


def other_case(wire):
    """The message with the case of every letter of its question turned round."""
    end = 12 + len(dns.name.from_wire(wire, 12)[0].to_wire())
    return wire[:12] + wire[12:end].swapcase() + wire[end:]


class _Stream:
    def __init__(self, sock, peer):
        self.sock, self.peer, self.got = sock, peer, b""


class MockDns:
    def __init__(self, addr, port=53, inside=contextlib.nullcontext, zone=None, script=None):
        self.zone = zone or {}
        self.script = script
        self.raw = None  # in place of all else: octets and peer to octets, where speed counts
        self.questions = []
        self.connections = 0
        self._later = []
        self._serial = itertools.count()
        self._selector = selectors.DefaultSelector()
        family = socket.AF_INET6 if ":" in addr else socket.AF_INET
        with inside():
            self._udp = socket.socket(family, socket.SOCK_DGRAM)
            self._spoof = socket.socket(family, socket.SOCK_DGRAM)
        self._at, self._inside = (addr, port), inside
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._udp.bind((addr, port))
        self._spoof.bind((addr, 0))
        self._udp.setblocking(False)
        self._selector.register(self._udp, selectors.EVENT_READ, None)
        self._open_stream()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._orders = collections.deque()
        self._stop = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        self._stop = True
        self._wake.send(b"x")
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._spoof.close()
        self._wake.close()

    def streams(self, on):
        """Whether connections are accepted; else they are refused, and those there are closed."""
        self._order(self._open_stream if on else self._close_streams)

    def deaf(self, on):
        """Whether datagrams are left unread, which costs less than a script that says nothing."""
        self._order(self._close_ears if on else self._open_ears)

    def _order(self, what):
        done = threading.Event()
        self._orders.append((what, done))
        self._wake.send(b"x")
        assert done.wait(5)

    def _close_ears(self):
        self._selector.unregister(self._udp)

    def _open_ears(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self._udp.recv(65535)
        self._selector.register(self._udp, selectors.EVENT_READ, None)

    def _open_stream(self):
        with self._inside():
            self._tcp = socket.socket(self._udp.family, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._tcp.bind(self._at)
        self._tcp.listen(64)
        self._tcp.setblocking(False)
        self._selector.register(self._tcp, selectors.EVENT_READ, None)

    def _close_streams(self):
        for key in list(self._selector.get_map().values()):
            if key.data or key.fileobj is self._tcp:
                self._selector.unregister(key.fileobj)
                key.fileobj.close()

    def asked(self, name=None, rdtype=None):
        return [q for q in list(self.questions)
                if name in (None, q.name) and rdtype in (None, q.type)]

    def _serve(self):
        while not self._stop:
            wait = max(0, self._later[0][0] - time.monotonic()) if self._later else None
            for key, _ in self._selector.select(wait):
                with contextlib.suppress(OSError):
                    self._ready(key)
            while self._later and self._later[0][0] <= time.monotonic():
                _, _, send, peer, stream = heapq.heappop(self._later)
                with contextlib.suppress(OSError):
                    self._send(send, peer, stream)

    def _ready(self, key):
        if key.fileobj is self._udp:
            for _ in range(64):
                try:
                    wire, peer = self._udp.recvfrom(65535)
                except BlockingIOError:
                    return
                self._question(wire, peer, None)
        elif key.fileobj is self._woken:
            self._woken.recv(1)
            while self._orders:
                order, done = self._orders.popleft()
                order()
                done.set()
        elif key.fileobj is self._tcp:
            sock, peer = self._tcp.accept()
            self.connections += 1
            self._selector.register(sock, selectors.EVENT_READ, _Stream(sock, peer))
        elif key.data:
            self._read(key.data)

    def _read(self, stream):
        try:
            data = stream.sock.recv(65535)
        except OSError:
            data = b""
        if not data:
            self._close(stream)
            return
        stream.got += data
        while len(stream.got) >= 2:
            size = struct.unpack("!H", stream.got[:2])[0]
            if len(stream.got) < 2 + size:
                return
            wire, stream.got = stream.got[2:2 + size], stream.got[2 + size:]
            self._question(wire, stream.peer, stream)

    def _close(self, stream):
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(stream.sock)
        stream.sock.close()

    def _question(self, wire, peer, stream):
        if self.raw:
            self._send(Send(self.raw(wire, peer)), peer, stream)
            return
        question = Question(wire, peer, stream is not None, self.zone)
        self.questions.append(question)
        sends = self.script(question) if self.script else None
        if sends is None:
            sends = [Send(question.ordinary())]
        for send in sends:
            if send.after:
                heapq.heappush(self._later, (time.monotonic() + send.after, next(self._serial), send, peer, stream))
            else:
                self._send(send, peer, stream)

    def _send(self, send, peer, stream):
        if stream:
            if send.wire is not None:
                stream.sock.sendall(struct.pack("!H", len(send.wire)) + send.wire)
            if send.close:
                self._close(stream)
        elif send.wire is not None:
            mock = send.by or self
            (mock._spoof if send.spoofed else mock._udp).sendto(send.wire, peer)


def main():
    addr, port, zone = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    MockDns(addr, port, zone=zone)
    print("up", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
