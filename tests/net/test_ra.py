# SPDX-License-Identifier: GPL-3.0-or-later
"""Router advertisements on the wire, with the kernel's autoconfiguration as the judge."""
import os
import pathlib
import re
import signal
import struct
import time

import pytest

from ear import ALL_NODES, SOLICIT, Ear
from gateway import CONFIG
from lab import BRIDGE_MAC, wait_until
from test_host import own_table

pytestmark = pytest.mark.lab(guests=1, hops=False)


@pytest.fixture
def guest(lab):
    """A guest that is up, beside a gateway that does not run yet."""
    guest = lab.guests[0]
    guest.up()
    wait_until(lambda: [a for a in guest.addresses("eth0") if "tentative" not in a], 5, "a link-local address")
    return guest


@pytest.fixture
def ear(lab, guest):
    """What a configured guest hears of a running gateway (lab.gw)."""
    lab.gw = lab.gateway().start()
    guest.wait_configured()
    ear = Ear(guest)
    ear.quiet()
    yield ear
    ear.close()


def test_wire_form(ear):
    ear.ask_as_nobody()
    advertisement = ear.next()
    assert advertisement.hop_limit == 255
    assert advertisement.src.startswith("fe80::")
    assert advertisement.dst == ALL_NODES
    assert advertisement.data[:2] == b"\x86\0"
    assert advertisement.lifetime == 1800
    assert [kind for kind, _ in advertisement.options][-1] == 1
    assert advertisement.option(24)[:8] == bytes.fromhex("1803600000000708")
    assert advertisement.option(38) == bytes.fromhex("260207080064ff9b0000000000000000")


def test_first_advertisement(lab, guest):
    ear = Ear(guest)
    lab.gateway().start()
    ready = time.monotonic()
    first = ear.next(5)
    assert first and first.at - ready < 1.0
    second = ear.next(20)
    assert 2.9 < second.at - first.at < 17
    ear.close()


def test_answers(ear):
    delays = []
    for _ in range(12):
        asked = time.monotonic()
        ear.ask()
        advertisement = ear.next(1)
        assert advertisement, "no answer"
        delays.append(advertisement.at - asked)
        assert ear.next(0.1) is None, "two answers"
    assert max(delays) < 0.6
    assert 0.05 < sum(delays) / len(delays) < 0.45


def test_asked_by_nobody(ear):
    ear.ask_as_nobody()
    first = ear.next(4)
    ear.ask_as_nobody()
    ear.ask_as_nobody()
    second = ear.next(5)
    assert first.dst == second.dst == ALL_NODES
    assert 2.9 < second.at - first.at < 3.7
    assert ear.next(1) is None


def test_flood(ear):
    end, answers = time.monotonic() + 3, 0
    while time.monotonic() < end:
        ear.ask()
        answers += ear.next(0.01) is not None
    assert 3 <= answers <= 32
    ear.quiet()
    ear.ask()
    assert ear.next(4)


HOSTILE = {
    "hop limit 254": (SOLICIT, 254),
    "code 1": (b"\x85\x01" + SOLICIT[2:], 255),
    "four bytes": (SOLICIT[:4], 255),
    "option of length zero": (SOLICIT + bytes([1, 0, 2, 0, 0, 0, 0, 1]), 255),
    "option beyond the end": (SOLICIT + bytes([1, 2, 2, 0, 0, 0, 0, 1]), 255),
    "a byte too many": (SOLICIT + b"\0", 255),
}
STRANGE = {
    "unknown option": SOLICIT + bytes([253, 1, 0, 0, 0, 0, 0, 0]),
    "long link-layer address": SOLICIT + bytes([1, 2] + [0] * 14),
    "jumbo": SOLICIT + bytes([253, 1, 0, 0, 0, 0, 0, 0]) * 175,
}


def test_hostile_solicitations(ear):
    for what, (message, hops) in HOSTILE.items():
        ear.hops(hops)
        ear.ask(message)
        assert ear.next(0.7) is None, what
    ear.hops(255)
    ear.ask_as_nobody(SOLICIT + bytes([1, 1, 2, 0, 0, 0, 0, 1]))
    assert ear.next(0.7) is None, "link-layer address of nobody"
    for what, message in STRANGE.items():
        ear.ask(message)
        assert ear.next(0.7), what
    router = next(r["gateway"] for r in ear.guest.routes() if r["dst"] == "default")
    for to in (ALL_NODES, router):
        ear.ask(to=to)
        assert ear.next(0.7), to


def test_fragmented_solicitations(ear, lab):
    """RFC 6980 5: neighbor discovery does not come in fragments."""
    own = next(a["local"] for a in ear.guest.addresses("eth0") if a["scope"] == "link")
    message = SOLICIT + bytes([1, 1]) + bytes.fromhex(ear.guest.mac.replace(":", ""))
    for pieces in (1, 2):
        ear.ask_by_frame(message, own, pieces=pieces)
        assert ear.next(0.8) is None, pieces
    assert lab.gw.counter("ra.rs_invalid.fragment") == 2
    ear.ask_by_frame(message, own)
    assert ear.next(1)


def test_who_asks_is_a_host(ear, lab):
    """RFC 4861 6.2.6, 7.3.3: the kernel notes its link-layer address, and not that it were a router."""
    address = "fe80::abcd"
    ear.ask_by_frame(SOLICIT + bytes([1, 1, 2, 0, 0, 0, 0, 0xcd]), address)
    neighbour = wait_until(lambda: lab.host.json("ip", "-j", "-6", "neigh", "show", address, "dev", "br0"), 2,
                           "the neighbour")[0]
    assert neighbour["lladdr"] == "02:00:00:00:00:cd" and "router" not in neighbour
    assert neighbour["state"] in (["STALE"], ["DELAY"], ["PROBE"])
    ear.ask()
    assert ear.next(1)


def test_ten_thousand_solicitations(lab, guest, release_build):
    """What ten a second are in a quarter of an hour: nothing is kept of them.  Without the limit of the table
    inet v6gwd, which is another's here."""
    own_table(lab.host, 1)
    gw = lab.gateway(build=release_build, level="info").start()
    guest.wait_configured()
    ear = Ear(guest)

    def kept():
        descriptors = len(list(pathlib.Path(f"/proc/{gw.pid}/fd").iterdir()))
        return descriptors, gw.memory()["VmRSS"]
    for _ in range(500):
        ear.ask()
    ear.quiet()
    descriptors, memory = kept()
    while gw.counter("ra.rs_rx") < 10000:
        for _ in range(100):
            ear.ask()
        time.sleep(0.01)
    ear.quiet()
    assert kept()[0] == descriptors and kept()[1] <= memory + 256
    ear.close()


def test_counters(ear, lab):
    ear.hops(1)
    ear.ask()
    ear.hops(255)
    ear.ask()
    assert ear.next(1)
    for name in ("ra.ra_tx", "ra.ra_tx_solicited", "ra.rs_rx", "ra.rs_invalid.hop_limit"):
        assert lab.gw.counter(name) > 0, name
    for name in ("ra.ra_tx_errors", "ra.ra_rx", "ra.ra_invalid.hop_limit"):
        assert lab.gw.counter(name) == 0, name
    metrics = lab.gw.ctl("metrics").stdout
    for name in ("ra_ra_tx", "ra_ra_tx_errors", "ra_rs_rx", "ra_rs_invalid_hop_limit", "ra_ra_rx"):
        assert re.search(rf"^v6gwd_{name}_total \d+$", metrics, re.M), name


def test_deadlines_do_not_follow_the_wall_clock(ear, lab):
    """Every timer runs on CLOCK_BOOTTIME."""
    clocks = []
    for fd in pathlib.Path(f"/proc/{lab.gw.pid}/fd").iterdir():
        if "timerfd" in os.readlink(fd):
            clocks += re.findall(r"^clockid: (\d+)$", (fd.parents[1] / "fdinfo" / fd.name).read_text(), re.M)
    assert clocks and set(clocks) == {str(time.CLOCK_BOOTTIME)}


def test_killed(ear, lab):
    lab.gw.kill()
    assert ear.next(1) is None
    assert ear.guest.has_default_route()
    begin = time.monotonic()
    lab.gw.start()
    first = ear.next(5)
    assert first and first.lifetime == 1800 and first.at - begin < 2.0
    assert ear.guest.has_default_route()


def test_mtu_beyond_that_of_the_link(lab, guest):
    """It is left out, and said, until the link has it."""
    ear = Ear(guest)
    gw = lab.gateway(CONFIG + 'ra = ( { interface = "br0"; mtu = 9000; } );').start()
    assert ear.next(5).option(5) is None
    assert "mtu 9000 is not announced" in gw.ctl("status").stdout
    for dev in ("eth0", lab.guests[0].port, "br0"):
        (lab.host if dev != "eth0" else guest).run("ip", "link", "set", dev, "mtu", 9000)
    while not (option := ear.next(5).option(5)):
        pass
    assert option == bytes.fromhex("0501000000002328")
    ear.close()


@pytest.mark.parametrize("accept_ra", [1, 2])
def test_host_does_not_configure_itself(ear, lab, accept_ra):
    before = [a["local"] for a in lab.host.addresses("br0")]
    lab.host.sysctl("net.ipv6.conf.br0.accept_ra", accept_ra)
    ear.ask_as_nobody()
    assert ear.next()
    time.sleep(0.3)
    assert [a["local"] for a in lab.host.addresses("br0")] == before
    assert not [r for r in lab.host.routes() if r.get("protocol") == "ra"]


def test_farewell(ear, lab):
    assert lab.gw.stop() < 2
    last = ear.next(1)
    assert (last.lifetime, last.preference) == (0, 0)
    assert last.option(24)[4:8] == bytes(4)
    assert last.option(38)[2:4] == bytes(2)
    assert last.option(3)[4:8] == struct.pack("!I", 86400)
    wait_until(lambda: not ear.guest.has_default_route(), 2, "no default route")
    assert ear.guest.address


def test_restart(ear, lab):
    lab.gw.stop(signal.SIGUSR2)
    assert ear.next(1) is None
    assert ear.guest.has_default_route()


def test_forwarding(ear, lab):
    lab.host.sysctl("net.ipv6.conf.br0.forwarding", 0)
    begin = time.monotonic()
    while (advertisement := ear.next(4)) and advertisement.lifetime:
        pass
    if advertisement:  # else it was put back at once
        assert advertisement.at - begin < 3.7
        assert advertisement.option(24)[4:8] == bytes(4)
    lab.host.sysctl("net.ipv6.conf.br0.forwarding", 1)
    wait_until(ear.guest.has_default_route, 5, "a default route")


def test_forwarding_that_cannot_be_turned_on(lab, guest):
    """Neither a default router for others, nor a host to itself."""
    host, ear = lab.host, Ear(guest)
    before = [a["local"] for a in host.addresses("br0")]
    host.sysctl("net.ipv6.conf.br0.accept_ra", 1)
    host.run("sh", "-c", "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys")
    gw = lab.gateway().start()
    first = ear.next(5)
    assert first.lifetime == 0 and first.option(24)[4:8] == bytes(4) and first.option(3)
    assert "announces no routes: it does not forward" in gw.ctl("status").stdout
    time.sleep(0.5)
    assert [a["local"] for a in host.addresses("br0")] == before
    ear.close()


def test_sysctls_are_set_aloud(ear, lab):
    for key in ("ipv4.conf.all", "ipv6.conf.all"):
        lab.gw.wait_log(f"net.{key}.forwarding = 1 (was 0)", 1)


def test_firewall(ear, lab):
    lab.host.run("nft", "add table inet refuse; add chain inet refuse out { type filter hook output "
                 "priority 0; }; add rule inet refuse out icmpv6 type nd-router-advert drop")
    ear.ask_as_nobody()
    lab.gw.wait_log("cannot send advertisements", 12)
    lab.host.run("nft", "delete table inet refuse")
    assert ear.next(4)
    lab.gw.wait_log("no longer: br0: cannot send advertisements", 2)
    lines = [line for line in lab.gw.log_text().splitlines() if "; trying again" in line]
    assert len([line for line in lines if "no longer: " not in line]) == 1


def test_another_mac(ear, lab):
    lab.host.run("ip", "link", "set", "br0", "address", "52:54:00:00:00:99")
    advertisement = ear.next(4)
    assert advertisement and advertisement.option(1)[2:] == bytes.fromhex("525400000099")


def test_bridge_made_anew(ear, lab):
    lab.del_bridge()
    time.sleep(0.2)
    lab.add_bridge()
    begin = time.monotonic()
    advertisement = ear.next(6)
    assert advertisement and advertisement.at - begin < 3.0
    assert advertisement.option(1)[2:] == bytes.fromhex(BRIDGE_MAC.replace(":", ""))
    ear.quiet()
    ear.ask()  # the group of routers was joined again
    assert ear.next(1)
