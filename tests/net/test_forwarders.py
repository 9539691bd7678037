# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS on the wire: forwarders that are slow, dead or hostile, and clients that are awkward.

Two scripted forwarders (mock_dns.py) stand in the IPv4 internet; the questions come from the
gateway's own host.  Numbers in brackets are those of docs/rfc.md, DNS64."""
import collections
import os
import socket
import struct
import time

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from dns_net import BIG, FIRST, SECOND, both, frame, module_net, net, questions, read_message  # noqa: F401
from lab import wait_until
from mock_dns import Send, corrupt, other_case

pytestmark = pytest.mark.lab(guests=0)


def test_question_as_sent(net):
    """RD=1, one OPT of 1232 octets, DO and CD as asked; client options are not passed on [104]."""
    name = net.name()
    net.ask(name, want_dnssec=True)
    sent, = questions(net, name)
    assert sent.message.flags & dns.flags.RD and sent.do and not sent.cd
    assert sent.message.payload == 1232 and not sent.message.options
    assert sent.wire[-11:-8] == b"\0\0\x29" and sent.message.ednsflags & 0x7fff == 0


def test_wrong_answers_are_ignored(net):
    """[123], [126] Wrong id, address, QR, opcode, type or length: the real answer still counts."""
    def script(q):
        good = q.ordinary()
        kind = 12 + len(q.raw_name.to_wire()) + 1
        bad = [corrupt(good, 0, good[0] ^ 1), corrupt(good, 2, good[2] & 0x7f), corrupt(good, 2, good[2] | 0x20),
               corrupt(good, kind, good[kind] ^ 3), corrupt(good, 13, ord("z")), b"", good[:11]]
        return [Send(wire) for wire in bad] + [Send(good, spoofed=True), Send(good, after=0.05), Send(good, after=0.06)]

    both(net, script)
    name = net.name()
    assert net.addresses(name) == ["198.41.0.10"]
    assert len(questions(net, name)) == 1


def test_other_case_is_asked_again_by_stream(net):
    """[124]"""
    both(net, lambda q: None if q.tcp else [Send(other_case(q.ordinary()))])
    name = net.name()
    assert net.addresses(name) == ["198.41.0.10"]
    assert [q.tcp for q in questions(net, name)] == [False, True]


def test_names_are_sent_in_random_case(net):
    seen = set()
    for _ in range(20):
        name = net.name()
        net.ask(name)
        seen.add(questions(net, name)[0].raw_name.to_text()[-8:])
    assert len(seen) > 10


def test_formerr_is_asked_again_without_edns(net):
    """[136], [125] Also when FORMERR is a bare header."""
    both(net, lambda q: [Send(q.wire[:2] + b"\x81\x81" + bytes(8))] if q.edns else None)
    name = net.name()
    assert net.addresses(name) == ["198.41.0.10"]
    assert [q.edns for q in questions(net, name)] == [True, False]
    name = net.name()
    net.ask(name)
    assert [q.edns for q in questions(net, name)] == [False]


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP"])
def test_error_goes_to_the_next_and_is_handed_on(net, rcode):
    """[138]"""
    net.first.script = lambda q: [Send(q.reply(rcode))]
    net.second.script = net.first.script
    name = net.name()
    answer = net.ask(name)
    assert answer.rcode() != dns.rcode.NOERROR
    asked = collections.Counter(q.port for q in questions(net, name))
    assert net.first.asked(name) and net.second.asked(name) and sum(asked.values()) <= 4
    net.second.script = None
    assert net.addresses(net.name()) == ["198.41.0.10"]


def test_malformed_answers(net):
    """[129]"""
    both(net, lambda q: [Send(corrupt(q.ordinary(), 7, 9))])
    assert net.ask(net.name()).rcode() == dns.rcode.SERVFAIL
    net.second.script = None
    assert net.addresses(net.name()) == ["198.41.0.10"]


def test_truncated_answer_comes_by_stream(net):
    """[132], [121]"""
    assert net.ask(BIG, "TXT").flags & dns.flags.TC
    answer = net.ask(BIG, "TXT", tcp=True)
    assert not answer.flags & dns.flags.TC and len(answer.answer[0]) == 1


def test_stream_closed_behind_each_answer(net):
    """[135] Twenty questions at once, and a forwarder that closes after each answer."""
    both(net, lambda q: [Send(q.ordinary(), close=True)] if q.tcp else [Send(q.reply(tc=True))])
    names = [net.name() for _ in range(20)]
    with net.connect() as sock:
        sock.sendall(b"".join(frame(dns.message.make_query(name, "A").to_wire()) for name in names))
        answers = [read_message(sock) for _ in names]
    assert {a.rcode() for a in answers} == {dns.rcode.NOERROR}
    assert sorted(a.question[0].name.to_text(True) for a in answers) == sorted(names)


def test_port_closed_is_noticed_at_once(net):
    """[139]"""
    net.lab.server.run("ip", "addr", "del", f"{FIRST}/24", "dev", "eth0")
    net.lab.server.run("ip", "route", "add", "unreachable", f"{FIRST}/32")
    try:
        for _ in range(5):
            begun = time.monotonic()
            assert net.addresses(net.name()) == ["198.41.0.10"]
        assert time.monotonic() - begun < 0.05
    finally:
        net.lab.server.run("ip", "route", "del", "unreachable", f"{FIRST}/32")
        net.lab.server.run("ip", "addr", "add", f"{FIRST}/24", "dev", "eth0")


def test_silent_forwarder(net):
    """[140] The first question waits a moment, the later ones do not, and it is found again."""
    net.addresses(net.name())
    addr, mock, other = ((FIRST, net.first, SECOND) if net.first.questions else (SECOND, net.second, FIRST))
    mock.script = lambda q: []
    begun = time.monotonic()
    net.addresses(net.name())
    assert 0.15 < time.monotonic() - begun < 1
    for _ in range(10):
        begun = time.monotonic()
        net.addresses(net.name())
        assert time.monotonic() - begun < 0.1
    wait_until(lambda: not net.healthy()[addr], 6, "the silent forwarder is dead")
    assert net.healthy()[other]
    assert mock.questions[-1].type == "NS"
    mock.script = None
    wait_until(lambda: net.healthy()[addr], 6, "it is found again")


def test_all_silent(net):
    """[141] SERVFAIL with EDE 22 before the client gives up; special names are still served; at
    once back when one answers."""
    both(net, lambda q: [])
    begun = time.monotonic()
    answer = net.ask(net.name())
    assert answer.rcode() == dns.rcode.SERVFAIL and time.monotonic() - begun < 5
    assert [o.code for o in answer.options if o.otype == 15] == [22]
    wait_until(lambda: not any(net.healthy().values()), 6, "both are dead")
    wait_until(lambda: "forwarder" in str(net.gw.status()["health"]["reasons"]), 3, "the status says so")
    assert len(net.addresses("ipv4only.arpa", "AAAA")) == 2
    begun = time.monotonic()
    assert net.ask(net.name()).rcode() == dns.rcode.SERVFAIL and time.monotonic() - begun < 2.5
    both(net, None)
    assert net.addresses(net.name()) == ["198.41.0.10"]
    wait_until(lambda: "forwarder" not in str(net.gw.status()["health"]["reasons"]), 6, "healed")


def test_late_answer_counts(net):
    """An answer that takes 2.5 s, from one forwarder alone, arrives."""
    net.second.script = lambda q: []
    net.first.script = lambda q: [Send(q.ordinary(), after=2.5)]
    begun = time.monotonic()
    assert net.addresses(net.name()) == ["198.41.0.10"]
    assert 2.4 < time.monotonic() - begun < 3


def test_ports_and_ids(net):
    """Source ports change, and no port carries more than a few questions."""
    names = [net.name() for _ in range(1000)]
    with net.lab.host.inside():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.connect(("::1", 53))
        sock.settimeout(3)
        for start in range(0, len(names), 50):
            for name in names[start:start + 50]:
                sock.send(dns.message.make_query(name, "A").to_wire())
            for _ in range(50):
                sock.recv(4096)
    asked = [q for name in names for q in questions(net, name)]
    ports = collections.Counter((q.port) for q in asked)
    assert len(asked) >= 1000 and len(ports) > 200 and max(ports.values()) <= 16
    assert len({q.id for q in asked}) > 900


def test_two_questions_of_a_name_share_a_port(net):
    """AAAA and A, and no others."""
    ports = collections.Counter()
    for name in [net.name() for _ in range(30)]:
        net.ask(name, "AAAA")
        asked = [q for q in questions(net, name)][:2]
        assert {q.type for q in asked} == {"AAAA", "A"} and len({q.id for q in asked}) == 2, asked
        assert len({q.peer for q in asked}) == 1, asked
        ports[asked[0].port] += 1
    assert max(ports.values()) <= 4


def test_one_of_two_is_answered(net):
    """The other one goes on by itself, from another port."""
    def script(q):
        return [Send(q.ordinary())] if q.type == "AAAA" or len(questions(net, q.name)) > 2 else []

    both(net, script)
    name = net.name()
    assert net.addresses(name, "AAAA") == ["64:ff9b::c629:a"]
    asked = questions(net, name)
    assert [q.type for q in asked[2:]] == ["A"] and asked[2].port not in {q.port for q in asked[:2]}, asked


def test_stream_out_of_order(net):
    """[118] The fast answer overtakes the slow one."""
    slow, fast = net.name(), net.name()
    both(net, lambda q: [Send(q.ordinary(), after=0.5)] if q.name == slow else None)
    with net.connect() as sock:
        for name in (slow, fast):
            sock.sendall(frame(dns.message.make_query(name, "A").to_wire()))
        assert [read_message(sock).question[0].name.to_text(True) for _ in range(2)] == [fast, slow]


def test_stream_by_single_octets_and_half_closed(net):
    """[118], [119]"""
    name = net.name()
    both(net, lambda q: [Send(q.ordinary(), after=0.1)])
    with net.connect() as sock:
        for octet in frame(dns.message.make_query(name, "A").to_wire()):
            sock.send(bytes([octet]))
        sock.shutdown(socket.SHUT_WR)
        assert read_message(sock).rcode() == dns.rcode.NOERROR
        assert read_message(sock) is None


def test_stream_with_length_zero_is_closed(net):
    """[118]"""
    with net.connect() as sock:
        sock.sendall(b"\0\0")
        assert sock.recv(1) == b""


def test_more_streams_than_allowed(net):
    """[120] tcp_clients = 20: the longest idle makes room."""
    socks = [net.connect() for _ in range(30)]
    name = net.name()
    socks[-1].sendall(frame(dns.message.make_query(name, "A").to_wire()))
    assert read_message(socks[-1]).rcode() == dns.rcode.NOERROR
    assert socks[0].recv(1) == b""
    assert net.gw.status()["dns64"]["tcp_clients"] == 20
    for sock in socks:
        sock.close()


def test_stream_of_responses_is_closed(net):
    """[89] It would seem to wait for answers, and so outlive those that do nothing wrong."""
    for message in (bytes(5), struct.pack("!6H", 1, 0x8000, 0, 0, 0, 0)):
        with net.connect() as sock:
            sock.sendall(frame(message))
            assert sock.recv(1) == b""


def test_many_streams_of_another(net):
    """Who opens many loses his own, busy or not."""
    name = net.name()
    with net.connect() as mine, net.lab.host.inside():
        both(net, lambda q: [])
        others = []
        for i in range(60):
            others.append(socket.create_connection(("127.0.0.1", 53), timeout=5))
            others[-1].sendall(frame(dns.message.make_query(f"never{i}.example", "A").to_wire()))
        wait_until(lambda: net.gw.status()["dns64"]["tcp_clients"] == 20, 5, "all are accepted")
        both(net, None)
        mine.sendall(frame(dns.message.make_query(name, "A").to_wire()))
        assert read_message(mine).rcode() == dns.rcode.NOERROR
        for sock in others:
            sock.close()


def test_stream_left_in_flight(net):
    """[122] The client goes, the answer still reaches the cache."""
    name = net.name()
    both(net, lambda q: [Send(q.ordinary(), after=0.15)])
    sock = net.connect()
    sock.sendall(frame(dns.message.make_query(name, "A").to_wire()))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.05)
    sock.close()
    time.sleep(0.3)
    assert net.addresses(name) == ["198.41.0.10"]
    assert len(questions(net, name)) == 1


def test_answer_comes_from_the_address_asked(net):
    """[115] dnspython checks it."""
    for addr in (net.gw.status()["dns64"]["listen"]):
        if not addr.startswith("fe80"):
            assert net.addresses(net.name(), addr=addr) == ["198.41.0.10"], addr


def test_source_port_of_a_reflector(net):
    """[117]"""
    with net.lab.host.inside():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sock:
        sock.bind(("::1", 19))
        sock.settimeout(0.5)
        sock.sendto(dns.message.make_query(net.name(), "A").to_wire(), ("::1", 53))
        with pytest.raises(TimeoutError):
            sock.recv(4096)


def test_port_taken(lab):
    """Who has the port is named, the rest listens, and the address is taken when it is free."""
    with lab.host.inside():
        other = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    other.bind(("::1", 53))
    other.listen()
    gw = lab.gateway('interface = "br0"; dns64 = { listen = [ "auto", "::1" ]; };').start()
    reasons = str(gw.status()["health"]["reasons"])
    assert "[::1]:53 (TCP) is taken by" in reasons and "pid" in reasons
    assert "::1" not in gw.status()["dns64"]["listen"] and gw.status()["dns64"]["listen"]
    other.close()
    wait_until(lambda: "::1" in gw.status()["dns64"]["listen"], 4, "the address is bound")
    assert "taken" not in str(gw.status()["health"]["reasons"])


HOLDER = """import os, pathlib, socket, sys, time
pathlib.Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
pathlib.Path("/proc/self/comm").write_text("x\x1b[2J")
s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
s.bind(("::1", 53))
s.listen()
print("up", flush=True)
time.sleep(600)"""


def test_names_that_a_user_chose(lab):
    """Of the holder of the port: neither its process steers a terminal, nor is its unit another's."""
    lab.host.run("sh", "-ec", "mkdir -p /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup")
    outer = f"v6gwd-test{os.getpid()}@1.service"
    inner = f"/sys/fs/cgroup/{outer}/ssh.service"
    lab.host.run("mkdir", "-p", inner)
    other = lab.host.popen("/usr/bin/python3", "-c", HOLDER, inner, stdout=-1, text=True)
    try:
        assert other.stdout.readline() == "up\n"
        gw = lab.gateway('interface = "br0"; dns64 = { listen = [ "auto", "::1" ]; };').start()
        reasons = str(gw.status()["health"]["reasons"])
        assert f"taken by {outer} (x?[2J, pid" in reasons, reasons
    finally:
        other.kill()
        other.wait()
        lab.host.run("rmdir", "-p", "--ignore-fail-on-non-empty", inner)


@pytest.mark.lab(guests=1, hops=False)
def test_a_taken_address_is_not_announced(lab):
    """Guests would ask another server there; a second address of ours does as well."""
    with lab.host.inside():
        other = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    other.bind(("2001:db8:1:2::1", 53))
    gw = lab.gateway().start()
    lab.guests[0].up()
    lab.guests[0].wait_configured()
    assert [s[:5] for s in lab.guests[0].learn_resolver()] == ["fe80:"]
    other.close()
    wait_until(lambda: "resolver    2001:db8:1:2::1, " in gw.ctl("ra").stdout, 5, lambda: gw.ctl("ra").stdout)
    assert "fe80" in gw.ctl("ra").stdout.split("resolver", 2)[2].split("withdrawn")[0]  # taken back
