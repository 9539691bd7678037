# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of conf/examples as bytes on the wire, held against radvd's; and what guests make of them: the
kernel alone, and systemd-networkd in a booted container."""
import ipaddress
import pathlib
import re
import socket
import struct

import pytest

import servers
from container import Container
from ear import ALL_NODES, Ear
from lab import ROOT, wait_until
from packet import checksum

pytestmark = pytest.mark.lab(guests=1, hops=False)

MAC, OTHER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
OWN = "2001:db8:1:2::2"  # of the host, as the guide has it
P, NAT64 = "2001:db8:1:2::/64", "64:ff9b::/96"
PIO, RIO, RDNSS, PREF64, SLLA = 3, 24, 25, 38, 1
EXAMPLES = ROOT / "conf/examples"

HEADER = "8600 40 08 0708 00000000 00000000"
GUIDE = {
    PIO: "030440e0 ffffffff 00003840 00000000 20010db8000100020000000000000002",
    RIO: "18036000 ffffffff 0064ff9b0000000000000000 00000000",
    RDNSS: "19030000 00000708 20010db8000100020000000000000002",
    PREF64: "26020708 0064ff9b0000000000000000",
    SLLA: "0101 020000000001",
}
GUIDE_FAREWELL = {
    **GUIDE,
    RIO: "18036000 00000000 0064ff9b0000000000000000 00000000",
    RDNSS: "19030000 00000000 20010db8000100020000000000000002",
    PREF64: "26020000 0064ff9b0000000000000000",
}
GUIDE_OF_RADVD = f"""
interface br0 {{
    AdvSendAdvert on;
    AdvDefaultPreference high;
    prefix {P} {{ AdvOnLink on; AdvAutonomous on; AdvRouterAddr on; AdvValidLifetime infinity; }};
    RDNSS {OWN} {{ }};
    route {NAT64} {{ AdvRouteLifetime infinity; }};
}};
"""


@pytest.fixture
def host(lab):
    """The guide's host: its bridge has the MAC address and the IPv6 address that the bytes speak of."""
    host = lab.host
    host.run("ip", "link", "set", "br0", "down")
    host.run("ip", "link", "set", "br0", "address", MAC, "up")
    host.run("ip", "-6", "addr", "flush", "dev", "br0", "scope", "global")
    host.run("ip", "addr", "add", f"{OWN}/64", "dev", "br0", "nodad")
    host.sysctl("net.ipv6.conf.all.forwarding", 1)
    lab.guests[0].up()
    for node, dev in ((host, "br0"), (lab.guests[0], "eth0")):
        wait_until(lambda: [a for a in node.addresses(dev) if a["scope"] == "link" and "tentative" not in a], 5,
                   "a link-local address")
    return host


# --- bytes ---------------------------------------------------------------------------------------


class Wire:
    """Whole frames with advertisements to all nodes, as they come in at a guest."""

    def __init__(self, guest, dev="eth0"):
        with guest.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86dd))
        self.socket.bind((dev, 0x86dd))

    def next(self, timeout=20):
        """(The frame, what split() makes of its message)"""
        self.socket.settimeout(timeout)
        while True:
            frame = self.socket.recv(9000)
            if frame[20] == 58 and frame[54] == 134 and frame[38:54] == socket.inet_pton(socket.AF_INET6, ALL_NODES):
                assert checksum(frame[22:54] + struct.pack("!II", len(frame) - 54, 58) + frame[54:]) == 0
                return frame, split(frame[54:])


def split(message):
    """{0: the header without checksum, type: option}, in the order of the wire; each type once."""
    parts, rest = {0: message[:2] + message[4:16]}, message[16:]
    while rest:
        size = rest[1] * 8
        assert size and rest[0] not in parts
        parts[rest[0]], rest = rest[:size], rest[size:]
    return parts


def said(header, options):
    return {0: bytes.fromhex(header), **{kind: bytes.fromhex(option) for kind, option in options.items()}}


def test_the_guide_byte_for_byte(lab, host):
    wire = Wire(lab.guests[0])
    gw = lab.gateway((EXAMPLES / "guide.conf").read_text()).start()
    frame, parts = wire.next()
    while len(parts) < 6:  # until NAT64 and DNS64 serve
        frame, parts = wire.next()
    assert list(parts.items()) == list(said(HEADER, GUIDE).items())
    size = 16 + sum(len(option) for kind, option in parts.items() if kind)
    assert len(frame) == 54 + size
    assert frame[:14] == bytes.fromhex("333300000001 020000000001 86dd")
    assert frame[14] == 0x6c and frame[15] >> 4 == 0  # version, class CS6; then the flow label
    assert frame[18:22] == struct.pack("!HBB", size, 58, 255)
    assert frame[22:38] == socket.inet_pton(socket.AF_INET6, "fe80::ff:fe00:1")
    gw.stop()
    _, parts = wire.next()
    assert list(parts.items()) == list(said("8600 40 00 0000 00000000 00000000", GUIDE_FAREWELL).items())


def test_where_radvd_differs(lab, host):
    """What is changed deliberately: with the R bit the whole address (RFC 6275 7.2), resolvers for three
    intervals (RFC 8106 5.1), and PREF64 beside them."""
    wire = Wire(lab.guests[0])
    servers.start_radvd(lab, host, GUIDE_OF_RADVD)
    _, parts = wire.next()
    ours = said(HEADER, GUIDE)
    assert {kind for kind in ours if parts.get(kind) != ours[kind]} == {PIO, RDNSS, PREF64}
    assert parts.keys() <= ours.keys() and PREF64 not in parts
    assert parts[PIO] == ours[PIO][:-1] + b"\0"
    assert parts[RDNSS] == ours[RDNSS][:4] + struct.pack("!I", 600) + ours[RDNSS][8:]


def second_link(lab):
    """eth1 between host and guest, with MAC addresses of its own."""
    host, guest = lab.host, lab.guests[0]
    host.run("ip", "link", "add", "eth1", "address", OTHER_MAC, "type", "veth", "peer", "name", "eth1", "netns",
             guest.holder.pid)
    guest.sysctl("net.ipv6.conf.eth1.accept_ra", 1)
    guest.sysctl("net.ipv6.conf.eth1.accept_ra_rt_info_max_plen", 128)
    for node in (host, guest):
        node.run("ip", "link", "set", "eth1", "up")
    for node in (host, guest):
        wait_until(lambda: [a for a in node.addresses("eth1") if "tentative" not in a], 5, "a link-local address")


def test_a_link_without_default_router(lab, host):
    """The guide's second example: routes alone, for ever; and the guest takes just that."""
    guest = lab.guests[0]
    second_link(lab)
    wire = Wire(guest, "eth1")
    lab.gateway((EXAMPLES / "router.conf").read_text()).start()
    frame, parts = wire.next()
    assert list(parts.items()) == list(said("8600 40 00 0000 00000000 00000000", {
        RIO: "18024000 ffffffff 20010db800010002", SLLA: "0101 020000000002"}).items())
    assert frame[22:38] == socket.inet_pton(socket.AF_INET6, "fe80::ff:fe00:2")
    route = wait_until(lambda: guest.routes(P, "dev", "eth1"), 3, "the route")[0]
    assert route["gateway"] == "fe80::ff:fe00:2" and "expires" not in route
    assert not guest.routes("default", "dev", "eth1")


@pytest.mark.parametrize("ra", ["", "ra = ( );"], ids=["another link", "none at all"])
def test_where_nothing_is_advertised(lab, host, ra):
    guest, dev = lab.guests[0], "eth0" if ra else "eth1"
    second_link(lab)
    ear = Ear(guest, dev)
    gw = lab.gateway('interface = "br0";' + ra).start()
    lines = gw.log_text().count("\n")
    for _ in range(20):
        ear.ask()
    assert ear.next(1.5) is None
    assert gw.log_text().count("\n") == lines
    ear.close()


# --- guests --------------------------------------------------------------------------------------

FULL = """
interface = "br0";
ra = ( { interface = "br0"; max_interval = "4s"; router_lifetime = "30m";
    routes = ( { prefix = "64:ff9b::/96"; lifetime = "30m"; }, { prefix = "2001:db8:a::/48"; lifetime = "30m"; } );
    rdnss = ( { servers = [ "2001:db8:1:2::2", "2001:db8:1:2::53" ]; lifetime = "30m"; } );
    dnssl = ( { domains = [ "vm.example" ]; lifetime = "30m"; } ); } );
"""
# Everything but the default router is gone, and the prefix is another one.
LESS = """
interface = "br0";
ra = ( { interface = "br0"; max_interval = "4s"; router_lifetime = "30m";
    prefixes = ( { prefix = "2001:db8:7:7::/64"; } );
    routes = ( { prefix = "64:ff9b::/96"; lifetime = "30m"; } );
    rdnss = ( { servers = [ "2001:db8:1:2::2" ]; lifetime = "30m"; } ); } );
"""


def address_in(guest, prefix):
    """The guest's address in it, as ip says it."""
    return next((a for a in guest.addresses("eth0") if "tentative" not in a
                 and ipaddress.ip_address(a["local"]) in ipaddress.ip_network(prefix)), None)


def route_to(guest, prefix):
    """From the router; its proto is ra, whoever put it there."""
    return [r for r in guest.routes(prefix, "proto", "ra") if r.get("gateway", "").startswith("fe80:")]


def configured(guest, *prefixes):
    return bool(address_in(guest, P) and route_to(guest, "default") and all(route_to(guest, p) for p in prefixes))


def deprecated(guest, prefix):
    address = address_in(guest, prefix)
    return address and address["preferred_life_time"] == 0 and address["valid_life_time"] <= 7200


@pytest.mark.parametrize("floor", [0, 180], ids=["", "short lifetimes ignored"])
def test_the_kernel_alone(lab, host, floor):
    """With routes of any length; floor: accept_ra_min_lft, as Android has it."""
    guest = lab.guests[0]
    floor_file = pathlib.Path("/proc/sys/net/ipv6/conf/all/accept_ra_min_lft")
    if floor and not floor_file.exists():
        pytest.skip("this kernel has no accept_ra_min_lft")
    if floor:
        guest.sysctl("net.ipv6.conf.eth0.accept_ra_min_lft", floor)
    gw = lab.gateway(FULL).start()
    wait_until(lambda: configured(guest, NAT64, "2001:db8:a::/48"), 10, lambda: str(guest.routes()))
    assert guest.advertisement().count("Recursive DNS server") == 2
    gw.configure(LESS)
    gw.ctl("reload")
    wait_until(lambda: not route_to(guest, "2001:db8:a::/48") and deprecated(guest, P)
               and address_in(guest, "2001:db8:7:7::/64"), 10, lambda: f"{guest.addresses('eth0')} {guest.routes()}")
    assert route_to(guest, "default") and route_to(guest, NAT64)
    gw.stop()
    wait_until(lambda: not route_to(guest, "default") and not route_to(guest, NAT64), 3, "the farewell")
    assert address_in(guest, P)


def test_the_kernel_as_it_comes(lab, host):
    """It takes no routes but the default one, which is enough to reach everything."""
    guest = lab.guests[0]
    guest.sysctl("net.ipv6.conf.eth0.accept_ra_rt_info_max_plen", 0)
    lab.gateway(FULL).start()
    wait_until(lambda: configured(guest), 10, "configured")
    assert not route_to(guest, NAT64)


NETWORK = """\
[Match]
Name=eth0
[Network]
IPv6AcceptRA=yes
DHCP=no
[IPv6AcceptRA]
DHCPv6Client=no
UseDomains=yes
"""


class Networkd:
    """systemd-networkd of a guest: what it says about eth0."""

    def __init__(self, lab, guest):
        file = guest.dir / "eth0.network"
        file.write_text(NETWORK)
        guest.sysctl("net.ipv6.conf.eth0.accept_ra", 0)
        self.guest = guest
        self.box = Container(lab, guest, {file: "/etc/systemd/network/eth0.network"})
        self.box.run("systemctl", "start", "systemd-networkd")

    def state(self, key):
        """A line of its own file about the link."""
        with self.guest.inside():
            index = socket.if_nametoindex("eth0")
        text = self.box.run("cat", f"/run/systemd/netif/links/{index}", check=False).stdout
        found = re.search(rf"^{key}=(.*)$", text, re.M)
        return set(found[1].split()) if found else set()


def test_networkd(lab, host):
    guest = lab.guests[0]
    gw = lab.gateway(FULL).start()
    networkd = Networkd(lab, guest)
    try:
        wait_until(lambda: configured(guest, NAT64, "2001:db8:a::/48")
                   and networkd.state("DNS") == {"2001:db8:1:2::2", "2001:db8:1:2::53"}, 15, "configured")
    except AssertionError:
        raise AssertionError(networkd.box.journal("systemd-networkd")) from None
    assert networkd.state("DOMAINS") == {"vm.example"}
    gw.configure(LESS)
    gw.ctl("reload")
    # systemd 252 drops an address that is not preferred any more, later ones keep it deprecated.
    wait_until(lambda: not route_to(guest, "2001:db8:a::/48") and (deprecated(guest, P) or not address_in(guest, P))
               and address_in(guest, "2001:db8:7:7::/64") and networkd.state("DNS") == {"2001:db8:1:2::2"}
               and not networkd.state("DOMAINS"), 15, lambda: f"{guest.addresses('eth0')} {guest.routes()}")
    assert route_to(guest, "default") and route_to(guest, NAT64)
    gw.stop()
    wait_until(lambda: not route_to(guest, "default") and not route_to(guest, NAT64) and not networkd.state("DNS"), 5,
               "the farewell")
