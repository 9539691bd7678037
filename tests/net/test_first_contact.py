# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest with nothing configured comes up beside a gateway with the smallest configuration."""
import ipaddress
import re
import socket
import struct
import subprocess
import time

import pytest

from lab import BRIDGE_MAC, NAMES4, SERVER4, canonical, embed

HOST6 = "2001:db8:1:2::1"
WELL_KNOWN = "64:ff9b::/96"


def advertisement_bytes(guest):
    """The ICMPv6 message that answers a solicitation."""
    with guest.inside():
        s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        index = socket.if_nametoindex("eth0")
    with s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        s.settimeout(5)
        s.sendto(bytes([133, 0, 0, 0, 0, 0, 0, 0]), ("ff02::2", 0, 0, index))
        while True:
            data = s.recv(4096)
            if data[0] == 134:
                return data


def options(advertisement):
    """(type, body without type and length) of each option."""
    rest = advertisement[16:]
    while rest:
        size = rest[1] * 8
        assert 0 < size <= len(rest)
        yield rest[0], rest[2:size]
        rest = rest[size:]


def test_slaac_address(world):
    guest = world.guests[0]
    assert guest.address == "2001:db8:1:2:5054:ff:fe00:101"
    address = [a for a in guest.addresses("eth0") if a["scope"] == "global"][0]
    assert 86000 < address["valid_life_time"] <= 86400
    assert 14000 < address["preferred_life_time"] <= 14400


def test_routes(world):
    guest = world.guests[0]
    by_destination = {r["dst"]: r for r in guest.routes()}
    assert by_destination["default"]["protocol"] == "ra"
    assert by_destination["default"]["gateway"].startswith("fe80::")
    assert by_destination[WELL_KNOWN]["gateway"] == by_destination["default"]["gateway"]
    assert by_destination["2001:db8:1:2::/64"]["dev"] == "eth0"


def test_rdisc6(world):
    """The defaults of the configuration, as another implementation reads them."""
    text = world.guests[0].advertisement()
    values = dict(re.findall(r"^\s*([A-Z][\w .&'-]*?)\s*:\s*(.+?)\s*$", text, re.M))
    assert values["Hop limit"].startswith("64 ")
    assert values["Stateful address conf."] == "No" and values["Stateful other conf."] == "No"
    assert values["Router preference"] == "medium"
    assert values["Router lifetime"].startswith("1800 ")
    assert values["Prefix"] == "2001:db8:1:2::/64"
    assert values["On-link"] == "Yes" and values["Autonomous address conf."] == "Yes"
    assert values["Valid time"].startswith("86400 ") and values["Pref. time"].startswith("14400 ")
    assert values["Route"] == WELL_KNOWN and values["Route lifetime"].startswith("1800 ")
    assert values["Recursive DNS server"] in (HOST6, "fe80::5054:ff:fe00:1")
    assert values["Source link-layer address"].lower() == BRIDGE_MAC


def test_radvdump(world):
    """The same as radvd's own reader writes it down."""
    guest = world.guests[0]
    dump = guest.popen("stdbuf", "-oL", "radvdump", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    time.sleep(0.5)
    guest.advertisement()
    time.sleep(0.5)
    dump.terminate()
    text = " ".join(dump.communicate(timeout=5)[0].split())
    assert "AdvSendAdvert on;" in text and "AdvDefaultLifetime 1800;" in text
    assert "prefix 2001:db8:1:2::/64 { AdvValidLifetime 86400; AdvPreferredLifetime 14400; AdvOnLink on; "\
           "AdvAutonomous on;" in text
    assert f"route {WELL_KNOWN}" in text and "RDNSS " in text


def test_pref64(world):
    """RFC 8781 4: the /96, the lifetime in units of 8 s, which radvd 2.19 and rdisc6 cannot read."""
    bodies = [body for kind, body in options(advertisement_bytes(world.guests[0])) if kind == 38]
    assert len(bodies) == 1 and len(bodies[0]) == 14
    scaled, prefix = struct.unpack("!H12s", bodies[0])
    assert (scaled >> 3) * 8 in (1800, 1792, 1808) and scaled & 7 == 0
    assert ipaddress.ip_address(prefix + bytes(4)) == ipaddress.ip_address("64:ff9b::")


def test_advertisement_header(world):
    """RFC 4861 4.2: hop limit 255, from the link-local address."""
    guest = world.guests[0]
    with guest.capture("eth0", "icmp6 and ip6[40] == 134") as seen:
        guest.advertisement()
    text = seen.text("-v")
    assert "hlim 255" in text and "fe80::5054:ff:fe00:1 >" in text


def test_resolver_is_ours(world):
    assert [canonical(a) for a in world.guests[0].resolvers] in ([HOST6], ["fe80::5054:ff:fe00:1"])


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dns64_synthesis(world, transport):
    guest = world.guests[0]
    answer = guest.out("dig", transport, "+noall", "+answer", "+comments", "v4only.example.net", "AAAA")
    assert "status: NOERROR" in answer
    assert re.search(r"v4only\.example\.net\.\s+\d+\s+IN\s+AAAA\s+" + canonical(embed(WELL_KNOWN, SERVER4)), answer)


def test_dns64_follows_cname(world):
    answers = world.guests[0].out("dig", "+short", "www.example.net", "AAAA").split()
    assert answers == ["v4only.example.net.", canonical(embed(WELL_KNOWN, SERVER4))]


def test_dns64_several_addresses(world):
    answers = world.guests[0].out("dig", "+short", "many.example.net", "AAAA").split()
    assert sorted(answers) == sorted(canonical(embed(WELL_KNOWN, a)) for a in (SERVER4, NAMES4))


def test_dns64_leaves_real_addresses_alone(world):
    guest = world.guests[0]
    assert guest.out("dig", "+short", "dual.example.net", "AAAA").split() == ["2001:db8:ffff::80"]
    assert guest.out("dig", "+short", "v6only.example.net", "AAAA").split() == ["2001:db8:ffff::81"]
    assert guest.out("dig", "+short", "v4only.example.net", "A").split() == [SERVER4]
    assert guest.out("dig", "+short", "text.example.net", "TXT").split() == ['"hello"']


def test_dns64_ignores_mapped_addresses(world):
    """exclude_aaaa's default: an AAAA in ::ffff:0:0/96 counts as absent."""
    answers = world.guests[0].out("dig", "+short", "mapped.example.net", "AAAA").split()
    assert answers == [canonical(embed(WELL_KNOWN, SERVER4))]


def test_dns_negative(world):
    text = world.guests[0].out("dig", "nosuch.example.net", "AAAA")
    assert "status: NXDOMAIN" in text and "SOA" in text


def test_dns_large_answer(world):
    """2.5 kB: truncated over UDP, whole over TCP; dig falls back by itself."""
    guest = world.guests[0]
    assert " tc" in guest.out("dig", "+ignore", "+bufsize=1232", "long.example.net", "TXT").split("flags:")[1].split(";")[0]
    assert len(guest.out("dig", "+short", "long.example.net", "TXT")) > 2500


def test_ipv4only_arpa(world):
    """RFC 7050: how others find the prefix."""
    answers = world.guests[0].out("dig", "+short", "ipv4only.arpa", "AAAA").split()
    assert sorted(answers) == ["64:ff9b::c000:aa", "64:ff9b::c000:ab"]


def test_reverse(world):
    """RFC 6147 5.3.1: the name of a synthesised address leads to the IPv4 one."""
    name = ipaddress.ip_address(embed(WELL_KNOWN, SERVER4)).reverse_pointer
    text = world.guests[0].out("dig", name, "PTR")
    assert "10.0.41.198.in-addr.arpa" in text or "status: NXDOMAIN" in text
