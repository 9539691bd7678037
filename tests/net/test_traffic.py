# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest does with the IPv4 internet, and what comes of it."""
import contextlib
import hashlib
import os
import re
import subprocess

import pytest

from lab import GATEWAY4, R2_WAN4, SERVER4, canonical, embed, wait_until
from servers import udp_echo

PREFIX = "64:ff9b::/96"
TARGET = embed(PREFIX, SERVER4)
MEGABYTES = 100


@pytest.fixture(scope="module")
def payload(world):
    """A file of random bytes on the server, and its SHA-256."""
    digest = hashlib.sha256()
    with open(world.web / "payload", "wb") as file:
        for _ in range(MEGABYTES):
            block = os.urandom(1 << 20)
            digest.update(block)
            file.write(block)
    return world.web / "payload", digest.hexdigest()


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def download(guest):
    file = guest.dir / "payload"
    guest.run("curl", "-sSf", "-m", "110", "-o", file, "http://v4only.example.net/payload", timeout=120)
    return file


@contextlib.contextmanager
def narrowed(world, mtu):
    world.narrow(mtu)
    try:
        yield
    finally:
        world.narrow(1500)
        for node in world.guests + [world.server, world.host]:
            node.ok("ip", "route", "flush", "cache")
            node.ok("ip", "-6", "route", "flush", "cache")


def test_ping(world):
    text = world.guests[0].out("ping", "-n", "-c", "5", "-i", "0.1", TARGET)
    assert "5 received" in text


def test_ping_by_name(world):
    assert world.guests[0].ok("ping", "-6", "-c", "1", "v4only.example.net")


@pytest.mark.parametrize("size", [0, 1, 56, 1404, 1432, 1452])
def test_ping_sizes(world, size):
    """Up to the MTU: fragments of ICMP are not translated (RFC 7915 1.2)."""
    assert world.guests[0].ok("ping", "-c", "1", "-W", "2", "-s", size, TARGET)


def test_web_by_name(world):
    text = world.guests[0].out("curl", "-sSf", "-m", "5", "http://v4only.example.net/")
    assert text == f"Hello over IPv4 from {SERVER4}, you are 5.9.0.2\n"


def test_download(world, payload):
    file = download(world.guests[0])
    assert sha256_of(file) == payload[1]


def test_upload(world, payload):
    world.guests[0].run("curl", "-sSf", "-m", "110", "-T", payload[0], "http://v4only.example.net/upload/up",
                        timeout=120)
    assert sha256_of(world.web / "upload/up") == payload[1]


def test_udp_sizes(world):
    """Whole datagrams of any size that the path's IPv6 MTU of 1500 can hold."""
    sizes = sorted({1, 2, 3, 7, 8, 1231, 1232, 1233, 1451, *range(121, 1453, 121)})
    assert sizes[-1] == 1452
    assert udp_echo(world.guests[0], TARGET, sizes) == sizes


@pytest.mark.parametrize("size", [1453, 1500, 2000, 4000, 8000])
def test_udp_fragments(world, size):
    """The first answer that fits IPv4's MTU but not IPv6's has DF set, and is lost for its sender
    to learn the path's MTU (RFC 7915 4.2)."""
    assert size in udp_echo(world.guests[0], TARGET, [size, size], timeout=1)


def test_udp_port_unreachable(world):
    """An ICMPv4 error about a translated packet reaches the socket that sent it."""
    guest = world.guests[0]
    with guest.capture("eth0", "icmp6 and ip6[40] == 1") as seen:
        assert udp_echo(guest, TARGET, [10], port=9, timeout=1) == []
    assert f"{canonical(TARGET)} > {guest.address}" in seen.text()
    assert "unreachable port" in seen.text() or "udp port 9 unreachable" in seen.text()


def test_tcp_refused(world):
    done = world.guests[0].run("curl", "-sS", "-m", "5", f"http://[{canonical(TARGET)}]:81/", check=False)
    assert done.returncode == 7


@pytest.mark.parametrize("method", ["-U", "-I", "-T"])
def test_traceroute(world, method):
    """UDP, ICMP and TCP probes: the routers beyond the host show, and the end."""
    text = world.guests[0].out("traceroute", "-6", "-n", "-q", "1", "-w", "2", "-m", "10", method, TARGET,
                               timeout=60)
    hops = re.findall(r"^\s*\d+\s+(\S+)", text, re.M)
    assert hops[-1] == canonical(TARGET), text
    assert canonical(embed(PREFIX, GATEWAY4)) in hops and canonical(embed(PREFIX, R2_WAN4)) in hops, text
    assert hops[0] == "2001:db8:1:2::1" and "*" not in hops, text


def test_path_mtu_discovery(world):
    """A link of 1400 bytes beyond: the guest learns 1420, RFC 7915 4.2."""
    guest = world.guests[0]
    with narrowed(world, 1400):
        text = guest.out("ping", "-n", "-M", "do", "-s", "1452", "-c", "2", "-i", "0.2", TARGET, check=False)
        assert "Packet too big: mtu=1420" in text or "mtu = 1420" in text, text
        assert "mtu 1420" in guest.out("ip", "-6", "route", "get", TARGET)
        assert guest.ok("ping", "-M", "do", "-s", str(1420 - 48), "-c", "1", "-W", "2", TARGET)


def test_transfers_through_a_narrow_link(world, payload):
    guest = world.guests[1]
    with narrowed(world, 1400):
        assert sha256_of(download(guest)) == payload[1]
        guest.run("curl", "-sSf", "-m", "110", "-T", payload[0], "http://v4only.example.net/upload/narrow",
                  timeout=120)
    assert sha256_of(world.web / "upload/narrow") == payload[1]


def test_two_guests_at_once(world, payload):
    guests = world.guests
    jobs = [(guest, guest.popen("curl", "-sSf", "-m", "110", "-o", guest.dir / "both",
                                "http://v4only.example.net/payload", stderr=subprocess.PIPE)) for guest in guests]
    for guest, job in jobs:
        assert job.wait(120) == 0
        assert sha256_of(guest.dir / "both") == payload[1]
    rows = {canonical(m["ipv6"]): m for m in world.gw.ctl_rows("mappings")}
    assert len({rows[guest.address]["ipv4"] for guest in guests}) == len(guests)


def test_mapping_is_stable(world):
    """One IPv4 address for a guest, whatever it talks to."""
    guest = world.guests[0]

    def mine():
        return [m for m in world.gw.ctl_rows("mappings") if canonical(m["ipv6"]) == guest.address]
    before = mine()
    for target in (GATEWAY4, R2_WAN4, SERVER4):
        assert guest.ok("ping", "-c", "1", "-W", "2", embed(PREFIX, target))
    after = mine()
    assert len(before) == len(after) == 1 and before[0]["ipv4"] == after[0]["ipv4"]
    assert after[0]["mac"].lower() == guest.mac and after[0]["state"] == "active"


def test_host_is_a_client_too(world):
    assert world.host.ok("ping", "-c", "1", "-W", "2", TARGET)


def test_translators_own_addresses(world):
    nat64 = world.gw.status()["nat64"]
    for node in world.guests + [world.host]:
        assert node.ok("ping", "-6", "-c", "1", "-W", "2", nat64["ipv6_address"]), node.name
    assert world.host.ok("ping", "-c", "1", "-W", "2", nat64["ipv4_address"])


@pytest.mark.parametrize("target", ["127.0.0.1", "224.0.0.1", "169.254.1.1", "10.0.0.1", "192.168.1.1"])
def test_refused_destinations(world, target):
    """RFC 6052 3.1: behind 64:ff9b::/96 there is nothing but global addresses."""
    guest = world.guests[0]
    with world.host.capture("eth0", "ip and icmp") as seen:
        assert not guest.ok("ping", "-c", "1", "-W", "1", embed(PREFIX, target))
    assert seen.packets() == []


def checksums_seen(world, guest):
    with world.host.capture("nat64") as tun, guest.capture("eth0", "ip6 and not icmp6") as link:
        assert udp_echo(guest, TARGET, [1, 100, 1452]) == [1, 100, 1452]
        guest.run("curl", "-sSf", "-m", "5", "http://v4only.example.net/")
        guest.ok("ping", "-c", "1", TARGET)
    assert tun.packets()
    return "\n".join(p for p in link.text("-v", "-vv", "src", "net", PREFIX).splitlines())


def test_checksums_on_the_wire(world):
    """tcpdump recomputes every checksum of what comes out of the translator."""
    guest = world.guests[0]
    for switch in ("off", "on"):
        world.host.run("ethtool", "-K", guest.port, "tx-checksumming", switch)
        if switch == "off":
            seen = checksums_seen(world, guest)
    assert "[udp sum ok]" in seen and "bad" not in seen and "incorrect" not in seen


def test_nothing_is_dropped_without_reason(world):
    """Each drop is a counter with a meaning."""
    dropped = world.gw.status()["nat64"]["packets"]["dropped"]
    named = sum(c["value"] for c in world.gw.counters() if c["name"].startswith("nat64.drop"))
    assert named == dropped
    wait_until(lambda: world.gw.status()["health"]["state"] == "ok", 5)
