# SPDX-License-Identifier: GPL-3.0-or-later
"""Links and addresses that come, go, and are others: where advertisements stop and go on."""
import os
import signal
import socket
import struct
import time

import pytest

from ear import ALL_ROUTERS, Ear
from lab import BRIDGE_MAC, Node, wait_until

pytestmark = pytest.mark.lab(guests=1, hops=False)

LINK_LOCAL = "fe80::5054:ff:fe00:1"
QUIET = 'interface = "br0";\nnat64 = { enabled = false; };\ndns64 = { enabled = false; };\n'


@pytest.fixture
def guest(lab):
    guest = lab.guests[0]
    guest.up()
    wait_until(lambda: [a for a in guest.addresses("eth0") if "tentative" not in a], 5, "a link-local address")
    return guest


def ra(gw, i=0):
    return gw.status()["ra"][i]


def held(gw):
    """Open descriptors, and memberships of the host's interfaces in the group of routers (each link has one
    of the kernel's own, a socket's adds no line: so users are counted, the last but two column)."""
    groups = gw.host.out("cat", "/proc/net/igmp6").splitlines()
    routers = socket.inet_pton(socket.AF_INET6, ALL_ROUTERS).hex()
    return len(os.listdir(f"/proc/{gw.pid}/fd")), [line.split()[3] for line in groups if routers in line and "br0" in line]


def quick_bridge(lab):
    """br0 without duplicate address detection, made at once."""
    lines = (f"link add br0 address {BRIDGE_MAC} type bridge stp_state 0 forward_delay 0",
             "link set br0 addrgenmode none", f"addr add {LINK_LOCAL}/64 dev br0 nodad", "addr add 2001:db8:1:2::1/64 dev br0 nodad",
             f"link set {lab.guests[0].port} master br0", "link set br0 up")
    lab.host.run("ip", "-batch", "-", input="\n".join(lines))


def test_a_bridge_that_comes_later(lab, guest):
    lab.del_bridge()
    gw = lab.gateway(QUIET).start()
    ear = Ear(guest)
    assert ra(gw)["state"] == "no interface"
    quick_bridge(lab)
    begin = time.monotonic()
    first = ear.next(3)
    assert first and first.at - begin < 1.5
    ear.socket.close()


def test_fifty_bridges(lab, guest):
    """Deleted and made anew: nothing is left of the old ones, and each is spoken on once."""
    lab.del_bridge()
    quick_bridge(lab)
    gw = lab.gateway(QUIET).start()
    ear = Ear(guest)
    assert ear.next(3)
    before, sent, worst = held(gw), gw.counter("ra.ra_tx"), 0
    for _ in range(50):
        lab.del_bridge()
        quick_bridge(lab)
        begin = time.monotonic()
        heard = ear.next(4)
        assert heard, "silence"
        worst = max(worst, heard.at - begin)
    assert worst < 3
    assert held(gw) == before
    assert gw.counter("ra.ra_tx") - sent == 50
    ear.socket.close()


def taps(n):
    return [f"link {line}" for i in range(n)
            for line in (f"add tap{i} type veth peer name pat{i}",
                         f"set tap{i} master br0 up", f"del tap{i}")]


def lost_notices(host):
    """Of all netlink sockets that know of links."""
    rows = [line.split() for line in host.out("cat", "/proc/net/netlink").splitlines()[1:]]
    return sum(int(row[8]) for row in rows if row[1] == "0")


def test_a_thousand_guests_come_and_go(lab, guest):
    """Ports of the bridge are no news.  Asleep the daemon loses notices, and looks anew at what there is."""
    host, gw = lab.host, lab.gateway(QUIET).start()
    wait_until(lambda: ra(gw)["state"] == "steady", 40, "the first advertisements", 0.5)
    before, sent = held(gw), gw.counter("ra.ra_tx")
    host.sysctl("net.ipv6.conf.default.addr_gen_mode", 1)
    host.run("ip", "-batch", "-", input="\n".join(taps(1000)), timeout=120)
    time.sleep(4)
    assert gw.counter("ra.ra_tx") == sent and held(gw) == before
    gw.send(signal.SIGSTOP)
    host.run("ip", "-batch", "-", input="\n".join(taps(1000)), timeout=120)
    host.run("ip", "link", "set", "br0", "address", "52:54:00:00:00:99")
    assert lost_notices(host)
    ear = Ear(guest)
    gw.send(signal.SIGCONT)
    heard = ear.next(6)
    assert heard.option(1)[2:] == bytes.fromhex("525400000099")
    assert gw.counter("ra.ra_tx") == sent + 1 and held(gw) == before
    ear.socket.close()


def test_a_duplicate_link_local_address(lab, guest):
    host = lab.host
    guest.run("ip", "addr", "add", f"{LINK_LOCAL}/64", "dev", "eth0", "nodad")
    host.run("ip", "addr", "flush", "dev", "br0", "scope", "link")
    host.run("ip", "addr", "add", f"{LINK_LOCAL}/64", "dev", "br0")
    wait_until(lambda: [a for a in host.addresses("br0") if a.get("dadfailed")], 5, "a failed detection")
    gw = lab.gateway(QUIET).start()
    gw.wait_log("another machine on br0 has its link-local address")
    assert ra(gw)["state"] == "no link-local address"
    ear = Ear(guest)
    assert ear.next(2) is None
    assert gw.counter("ra.ra_tx") == 0
    guest.run("ip", "addr", "del", f"{LINK_LOCAL}/64", "dev", "eth0")
    host.run("ip", "addr", "del", f"{LINK_LOCAL}/64", "dev", "br0")
    host.run("ip", "addr", "add", f"{LINK_LOCAL}/64", "dev", "br0", "nodad")
    assert ear.next(2)
    gw.wait_ok()
    ear.socket.close()


def test_ipv6_switched_off_and_on(lab, guest):
    host = lab.host
    gw = lab.gateway(QUIET).start()
    ear = Ear(guest)
    assert ear.next(5)
    host.sysctl("net.ipv6.conf.br0.disable_ipv6", 1)
    wait_until(lambda: ra(gw)["state"] == "no link-local address", 3)
    errors = gw.log_text().count("cannot send")
    ear.quiet()
    host.sysctl("net.ipv6.conf.br0.disable_ipv6", 0)
    host.run("ip", "addr", "add", "2001:db8:1:2::1/64", "dev", "br0", "nodad")
    wait_until(lambda: [a for a in host.addresses("br0") if a["scope"] == "link" and "tentative" not in a], 5)
    begin = time.monotonic()
    heard = ear.next(5)
    assert heard and heard.at - begin < 3.5 and heard.option(3)
    assert gw.log_text().count("cannot send") == errors
    ear.ask()  # the group of routers was joined again
    assert ear.next(4)
    ear.socket.close()


def resolvers(advertisement):
    """{address: lifetime} of all RDNSS options."""
    found = {}
    for kind, data in advertisement.options:
        for at in range(8, len(data) if kind == 25 else 0, 16):
            found[socket.inet_ntop(socket.AF_INET6, data[at:at + 16])] = struct.unpack_from("!I", data, 4)[0]
    return found


def says(ear, expected, timeout=12):
    """Until an advertisement says so of resolvers; those before may still be on their way."""
    end, said = time.monotonic() + timeout, None
    while time.monotonic() < end:
        heard = ear.next(1)
        said = resolvers(heard) if heard else said
        if said == expected:
            return
        ear.ask()
    raise AssertionError(f"{expected}, not {said}")


def test_the_resolver_is_the_best_address(lab, guest):
    """Global, unique-local, link-local; one that is gone is taken back."""
    host, life = lab.host, 1800
    host.run("ip", "addr", "add", "fd00:1::1/64", "dev", "br0", "nodad")
    lab.gateway().start()
    ear = Ear(guest)
    says(ear, {"2001:db8:1:2::1": life})
    host.run("ip", "addr", "del", "2001:db8:1:2::1/64", "dev", "br0")
    says(ear, {"2001:db8:1:2::1": 0, "fd00:1::1": life})
    host.run("ip", "addr", "del", "fd00:1::1/64", "dev", "br0")
    says(ear, {"2001:db8:1:2::1": 0, "fd00:1::1": 0, LINK_LOCAL: life})
    host.run("ip", "addr", "add", "2001:db8:1:2::1/64", "dev", "br0", "nodad")
    says(ear, {"2001:db8:1:2::1": life, "fd00:1::1": 0, LINK_LOCAL: 0})
    ear.socket.close()


def test_another_name(lab, guest):
    gw = lab.gateway(QUIET).start()
    ear = Ear(guest)
    assert ear.next(5)
    lab.host.run("sh", "-c", "ip link set br0 down; ip link set br0 name brx; ip link set brx up")
    wait_until(lambda: ra(gw)["state"] == "no interface", 3)
    ear.quiet()
    ear.ask()
    assert ear.next(2) is None
    lab.host.run("sh", "-c", "ip link set brx down; ip link set brx name br0; ip link set br0 up; "
                 "ip addr replace 2001:db8:1:2::1/64 dev br0 nodad")
    assert ear.next(6)
    ear.socket.close()


def test_another_namespace(lab):
    """The link goes elsewhere, and another one of its name comes."""
    host, away = lab.host, Node(lab, "away", own_etc=False)
    peer = Node(lab, "peer", own_etc=False)

    def wire():
        peer.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "lan0", "netns", host.holder.pid)
        host.run("ip", "link", "set", "lan0", "up")
        peer.run("ip", "link", "set", "eth0", "up")
        host.run("ip", "addr", "add", "2001:db8:7::1/64", "dev", "lan0", "nodad")
    wire()
    gw = lab.gateway(QUIET + 'ra = ({ interface = "lan0"; });').start()
    ear = Ear(peer)
    assert ear.next(5)
    host.run("ip", "link", "set", "lan0", "netns", away.holder.pid)
    wait_until(lambda: ra(gw)["state"] == "no interface", 3)
    away.run("ip", "link", "set", "lan0", "up")
    ear.quiet()
    ear.ask()
    assert ear.next(2) is None
    ear.socket.close()
    away.run("ip", "link", "del", "lan0")
    wire()
    ear = Ear(peer)
    assert ear.next(6)
    gw.wait_ok()
    ear.socket.close()


@pytest.mark.lab(guests=2, hops=False)
def test_two_links(lab):
    """Who asks on one is answered there alone, by the address of that link."""
    lab.host.run("ip", "link", "add", "br1", "address", "52:54:00:00:00:02", "type", "bridge", "forward_delay", "0")
    lab.host.run("ip", "link", "set", "br1", "up")
    lab.host.run("ip", "addr", "add", "2001:db8:7::1/64", "dev", "br1", "nodad")
    lab.host.run("ip", "link", "set", lab.guests[1].port, "master", "br1")
    for guest in lab.guests:
        guest.up()
    gw = lab.gateway(QUIET.replace('"br0"', '[ "br0", "br1" ]')).start()
    gw.wait_ok()
    for guest in lab.guests:
        guest.wait_configured()
    ears = [Ear(guest) for guest in lab.guests]
    for mine, other, source, prefix in ((0, 1, LINK_LOCAL, "2001:db8:1:2::"), (1, 0, "fe80::5054:ff:fe00:2", "2001:db8:7::")):
        for ear in ears:
            ear.quiet()
        sent = [ra(gw, i)["solicited"] for i in range(2)]
        ears[mine].ask()
        heard = ears[mine].next(1)
        assert heard and heard.src == source
        assert socket.inet_ntop(socket.AF_INET6, heard.option(3)[16:32]) == prefix
        assert ra(gw, other)["solicited"] == sent[other]
    for ear in ears:
        ear.socket.close()


def test_no_right_to_a_raw_socket(lab):
    gw = lab.gateway(QUIET).spawn(wrapper=("setpriv", "--bounding-set=-net_raw"))
    assert gw.wait_exit(10) == 77
    assert "raw sockets need CAP_NET_RAW" in gw.log_text()


def test_no_descriptor_to_spare(lab, guest):
    """A socket that cannot be opened now is no reason to refuse what changed."""
    gw = lab.gateway(QUIET).start()
    ear = Ear(guest)
    assert ear.next(5)
    ear.quiet()
    top = max(int(fd) for fd in os.listdir(f"/proc/{gw.pid}/fd"))
    lab.host.run("prlimit", "--pid", gw.pid, f"--nofile={top + 1}:{top + 1}")
    lab.host.run("ip", "addr", "add", "fd00:1::1/64", "dev", "br0", "nodad")
    heard = ear.next(5)
    assert heard and len([kind for kind, _ in heard.options if kind == 3]) == 2
    assert "could not be followed" not in gw.log_text()
    ear.socket.close()
