# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarders that lie, and others who pretend to be them: nothing of it reaches a client or the cache.
Numbers in brackets are those of docs/rfc.md, DNS64."""
import collections
import socket
import struct
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from dns_net import FIRST, SECOND, both, frame, module_net, net, questions, read_message  # noqa: F401
from lab import wait_until
from mock_dns import Send, corrupt, message, other_case, record

pytestmark = pytest.mark.lab(guests=0)
A, CNAME, AAAA = 1, 5, 28
GOOD, FORGED = "198.41.0.10", "9.9.9.9"
SYNTHESISED = "64:ff9b::c629:a"


def forged(q, **kw):
    return message(q, record(A, bytes([9, 9, 9, 9])), **kw)


def servfail(net, *args, **kw):
    answer = net.ask(*args, **kw)
    assert answer.rcode() == dns.rcode.SERVFAIL and not answer.answer, answer


def test_spoofed_answers(net):
    """[123], [124], [126] Forged addresses with one thing wrong each, before the real answer and behind it:
    the client gets the real one, once, and so does whoever asks later."""
    def script(q):
        if q.tcp:
            return None
        end = 12 + len(q.raw_name.to_wire())
        other = net.second if q in net.first.questions else net.first
        name, kind = q.wire[12:end], q.wire[end:end + 4]
        lies = [corrupt(forged(q), 0, q.wire[0] ^ n) for n in range(1, 16)]
        lies += [corrupt(forged(q), 1, q.wire[1] ^ n) for n in range(1, 16)]
        lies += [forged(q, question=b"\4bank\7example\0" + kind), forged(q, question=name + b"\0\x0f\0\1"),
                 forged(q, question=name + kind[:2] + b"\0\3"), forged(q, flags=0x0180), forged(q, flags=0x9180),
                 forged(q, flags=0xa980), forged(q, counts=(0, 1, 0, 0), question=b""),
                 forged(q, counts=(2, 1, 0, 0), question=(name + kind) * 2), b"", forged(q)[:11]]
        sends = [Send(lie) for lie in lies]
        sends += [Send(forged(q), spoofed=True), Send(forged(q), by=other), Send(forged(q), by=other, spoofed=True),
                  Send(other_case(forged(q)), spoofed=True)]
        late = [Send(forged(q), after=0.1), Send(lies[0], after=0.1), Send(q.ordinary(), after=0.1)]
        return sends + [Send(q.ordinary(), after=0.05)] + late

    both(net, script)
    for rdtype, real in (("A", GOOD), ("AAAA", SYNTHESISED)):
        name = net.name()
        assert net.addresses(name, rdtype) == [real]
        assert len(questions(net, name)) == (1 if rdtype == "A" else 2)
        time.sleep(0.15)
        assert net.addresses(name, rdtype) == [real]
    assert questions(net, "bank.example") == []


def test_another_case_is_not_kept(net):
    """[124] The right peer, id and port, but another case: what it says goes for nothing."""
    both(net, lambda q: None if q.tcp else [Send(other_case(forged(q)))])
    name = net.name()
    for _ in range(2):
        assert net.addresses(name) == [GOOD]
    assert [q.tcp for q in questions(net, name)] == [False, True]
    both(net, lambda q: [] if q.tcp else [Send(other_case(forged(q)))])
    servfail(net, net.name())


def test_one_reply_for_each_question(net):
    """[126] Answers twice, from both forwarders, and after the client was told SERVFAIL."""
    name, late = net.name(), net.name()

    def script(q):
        after = 5 if q.name == late else 0.3
        return [Send(q.ordinary(), after=after), Send(q.ordinary(), after=after), Send(q.ordinary(), after=after + 0.1)]

    both(net, script)
    with net.lab.host.inside():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sock:
        sock.connect(("::1", 53))
        sock.settimeout(5)
        for n in (name, late):
            sock.send(dns.message.make_query(n, "A").to_wire())
        replies = [dns.message.from_wire(sock.recv(4096)) for _ in range(2)]
        assert {r.question[0].name.to_text(True): r.rcode() for r in replies} == {name: 0, late: dns.rcode.SERVFAIL}
        sock.settimeout(1.5)
        with pytest.raises(TimeoutError):
            sock.recv(4096)
    assert len(questions(net, name)) == 2


def port_unreachable(q, addr):
    """The ICMP error that a host without that forwarder would send."""
    def checksum(data):
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        total = (total >> 16) + (total & 0xffff)
        return struct.pack("!H", ~(total + (total >> 16)) & 0xffff)

    udp = struct.pack("!4H", q.port, 53, 8 + len(q.wire), 0) + q.wire[:len(q.wire) & ~1]
    ip = struct.pack("!2B3H2BH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(q.peer[0]), socket.inet_aton(addr))
    ip = ip[:10] + checksum(ip) + ip[12:]
    icmp = struct.pack("!2BH4x", 3, 3, 0) + ip + udp
    return icmp[:2] + checksum(icmp) + icmp[4:]


def test_ports_used_again(net):
    """[126] A port has several questions.  What comes late for one of them, an answer or an ICMP error, says
    nothing to the next one."""
    refuse_only = False
    with net.lab.server.inside():
        icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)

    def refuse(q):
        icmp.sendto(port_unreachable(q, FIRST if q in net.first.questions else SECOND), (q.peer[0], 0))

    def script(q):
        if refuse_only:
            refuse(q)
            return []
        return [Send(q.ordinary()), Send(forged(q)), Send(forged(q, flags=0x8185)), Send(forged(q), after=0.005)]

    def ask(n, between=lambda q: None):
        names = [net.name() for _ in range(n)]
        for name in names:
            assert net.addresses(name) == [GOOD]
            between(questions(net, name)[-1])
        return [q for name in names for q in questions(net, name)]

    both(net, script)
    with icmp:
        for between in (lambda q: None, refuse):
            asked = ask(60, between)
            assert len(asked) < 75
            assert 1 < max(collections.Counter(q.port for q in asked).values()) <= 16
        refuse_only = True
        for rdtype, together in (("A", 1), ("AAAA", 2)):
            name = net.name()
            begun = time.monotonic()
            servfail(net, name, rdtype)
            assert time.monotonic() - begun < 1.5, "what was refused is not waited for"
            ports = collections.Counter(q.port for q in questions(net, name))
            assert len(ports) >= 4 and max(ports.values()) <= together, "a port whose question went unanswered is left"


def test_records_of_other_names(net):
    """[127] What an answer says of other names is not asked for, and not kept."""
    bank = b"\4bank\7example\0"

    def script(q):
        lies = record(A, bytes([9, 9, 9, 9]), bank)
        if q.name != "bank.example":
            return [Send(message(q, record(A, bytes([198, 41, 0, 10])) + lies * 3, (1, 2, 1, 1)))]
        return None

    net.zone["bank.example"] = {"A": [GOOD]}
    both(net, script)
    name = net.name()
    answer = net.ask(name)
    assert answer.find_rrset(answer.answer, answer.question[0].name, 1, A)[0].to_text() == GOOD
    both(net, None)
    assert net.addresses("bank.example") == [GOOD]
    assert len(questions(net, "bank.example")) == 1


def test_answer_about_another_name(net):
    """[128] No address of another name is synthesised, or taken for an answer."""
    both(net, lambda q: [Send(message(q, record(A, bytes([9, 9, 9, 9]), b"\4bank\7example\0")))])
    assert not [rr for rr in net.ask(net.name(), "AAAA").answer if rr.rdtype == AAAA]
    assert FORGED not in str([rr for rr in net.ask(net.name()).answer if rr.name.to_text(True) != "bank.example"])


ADDRESS = bytes([198, 41, 0, 10])
MALFORMED = {
    "self-pointer": lambda q, at: record(A, ADDRESS, (0xc000 | at).to_bytes(2, "big")),
    "two-pointers": lambda q, at: record(A, ADDRESS, (0xc000 | at + 2).to_bytes(2, "big") + (0xc000 | at).to_bytes(2, "big")),
    "pointer-ahead": lambda q, at: record(A, ADDRESS, b"\xff\xf0"),
    "pointer-past-the-end": lambda q, at: record(A, ADDRESS, b"\xc7\xff"),
    "cname-to-itself": lambda q, at: record(CNAME, (0xc000 | at + 12).to_bytes(2, "big")),
    "label-type": lambda q, at: record(A, ADDRESS, b"\x41a\0"),
    "a-of-3": lambda q, at: record(A, ADDRESS[:3]),
    "a-of-5": lambda q, at: record(A, ADDRESS + b"x"),
    "aaaa-of-15": lambda q, at: record(AAAA, bytes(15)),
    "aaaa-of-17": lambda q, at: record(AAAA, bytes(17)),
    "rdlength-beyond": lambda q, at: record(A, ADDRESS, size=400),
    "cut": lambda q, at: record(A, ADDRESS)[:-2],
    "half-a-header": lambda q, at: record(A, ADDRESS)[:7],
    "nothing-there": lambda q, at: b"",
    "two-opt": lambda q, at: record(A, ADDRESS) + bytes.fromhex("000029 04d0 00000000 0000") * 2,
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_answer(net, what):
    """[129] Not handed on, not kept, and no reason to die: the other forwarder is asked."""
    def script(q):
        if q.type not in ("A", "AAAA"):
            return None
        at = 12 + len(q.raw_name.to_wire()) + 4
        return [Send(message(q, MALFORMED[what](q, at), (1, 1, 0, 2 if what == "two-opt" else 0)))]

    both(net, script)
    servfail(net, net.name())
    servfail(net, net.name(), "AAAA")
    net.second.script = None
    name = net.name()
    assert net.addresses(name, "AAAA") == [SYNTHESISED]


def test_more_counted_than_there(net):
    """[129] ANCOUNT 65535, and the answer to an id that was never sent: no crash, no answer."""
    both(net, lambda q: [Send(message(q, record(A, ADDRESS), (1, 65535, 65535, 65535)))])
    servfail(net, net.name())


def wide(q, n, first=bytes(0)):
    """n records of the type asked for, each another address."""
    rdtype = dns.rdatatype.from_text(q.type)
    data = (first + (0x08080000 + i).to_bytes(4, "big") for i in range(n))
    return message(q, b"".join(record(rdtype, d) for d in data), (1, n, 0, 0))


def by_stream(q, wire):
    return [Send(wire if q.tcp else q.reply(tc=True))]


def nodata(q):
    return [Send(message(q, counts=(1, 0, 0, 0)))]


def test_four_thousand_addresses(net):
    """[130] 64 KiB of A pass; the AAAA made of them would have 112 KiB: SERVFAIL, TC=1 by datagram."""
    both(net, lambda q: nodata(q) if q.type == "AAAA" else by_stream(q, wide(q, 4000)) if q.type == "A" else None)
    name = net.name()
    assert len(net.ask(name, tcp=True).answer[0]) == 4000
    servfail(net, name, "AAAA", tcp=True)
    assert net.ask(name, "AAAA").flags & dns.flags.TC
    assert net.ask(name).flags & dns.flags.TC
    assert [q.tcp for q in questions(net, name) if q.type == "A"] == [False, True]


def test_a_thousand_excluded_addresses(net):
    """[131] A set of which all records, or all but one, are excluded."""
    mapped = bytes(10) + b"\xff\xff"

    def script(q):
        if q.type == "AAAA":
            wire = wide(q, 1000, mapped)
            return by_stream(q, wire[:-16] + b"\x20\x01\x0d\xb8" + bytes(12) if q.name == "one.example" else wire)
        return None

    both(net, script)
    net.zone["none.example"] = net.zone["one.example"] = {"A": [GOOD]}
    begun = time.monotonic()
    assert net.addresses("none.example", "AAAA", tcp=True) == [SYNTHESISED]
    assert net.addresses("one.example", "AAAA", tcp=True) == ["2001:db8::"]
    assert net.ask("one.example", "AAAA").flags & dns.flags.TC
    assert time.monotonic() - begun < 2


def test_streams_refused(net):
    """[132] TC=1 and no stream to be had: the next forwarder; none: SERVFAIL, and nothing is kept of it."""
    both(net, lambda q: by_stream(q, q.ordinary()))
    net.first.streams(False)
    try:
        for _ in range(3):
            assert net.addresses(net.name()) == [GOOD]
        net.second.streams(False)
        name = net.name()
        servfail(net, name)
        answer = net.ask(name)
        assert answer.rcode() == dns.rcode.SERVFAIL and not answer.flags & dns.flags.TC
    finally:
        net.first.streams(True)
        net.second.streams(True)
    wait_until(lambda: net.ask(name).rcode() == dns.rcode.NOERROR, 8, "asked again")


def test_datagram_larger_than_offered(net):
    """[133] It is there, so it is taken; no stream is opened for it."""
    both(net, lambda q: nodata(q) if q.type == "AAAA" else [Send(wide(q, 200))] if q.type == "A" else None)
    before = net.first.connections + net.second.connections
    name = net.name()
    assert len(net.ask(name, tcp=True).answer[0]) == 200
    assert net.first.connections + net.second.connections == before and len(questions(net, name)) == 1


def test_truncated_by_stream(net):
    """[134] A stream that cuts off its answer is of no use: the next, else SERVFAIL."""
    both(net, lambda q: [Send(q.reply(tc=True))])
    name = net.name()
    servfail(net, name)
    assert sorted(q.tcp for q in questions(net, name)) == [False, False, True, True]
    net.second.script = None
    assert net.addresses(net.name()) == [GOOD]


def test_stream_closed_behind_one_of_twenty(net):
    """[135] The first connection brings one answer and ends; those behind it are not lost."""
    closed = []

    def script(q):
        if not q.tcp:
            return [Send(q.reply(tc=True))]
        if q.peer in closed or len(closed) > 2:
            return None
        closed.append(q.peer)
        return [Send(q.ordinary(), after=0.05, close=True)]

    both(net, script)
    names = [net.name() for _ in range(20)]
    with net.connect() as sock:
        sock.sendall(b"".join(frame(dns.message.make_query(name, "A").to_wire()) for name in names))
        assert {read_message(sock).rcode() for _ in names} == {dns.rcode.NOERROR}


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_last_error_is_handed_on(net, rcode):
    """[138] No more than two messages to each; the error is kept, but not for long."""
    both(net, lambda q: [Send(q.reply(rcode))])
    name = net.name()
    for _ in range(3):
        assert dns.rcode.to_text(net.ask(name).rcode()) == rcode
    assert 2 <= len(questions(net, name)) <= 4
    both(net, None)
    wait_until(lambda: net.ask(name).rcode() == dns.rcode.NOERROR, 6, "asked again")


def test_forwarder_that_is_a_dns64(net):
    """[145] Its synthetic addresses pass as they are."""
    both(net, lambda q: [Send(message(q, record(AAAA, socket.inet_pton(socket.AF_INET6, "64:ff9b::808:808"))))]
         if q.type == "AAAA" else None)
    assert net.addresses(net.name(), "AAAA") == ["64:ff9b::808:808"]


@pytest.mark.parametrize("reply", ["BADVERS", "NOTIMP", "FORMERR"])
def test_forwarder_without_edns(net, reply):
    """[136], [137] Asked again without it, once, and from then on without it at first."""
    net.gw.stop()  # it remembers
    net.gw.start()
    both(net, lambda q: [Send(q.reply(reply, opt=reply == "BADVERS"))] if q.edns else None)
    names = [net.name() for _ in range(3)]
    for name in names:
        assert net.addresses(name) == [GOOD]
    assert [q.edns for name in names for q in questions(net, name)] == [True, False, False, False]
