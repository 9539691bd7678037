# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest sends from addresses that it made up, as fast as it can; another one works."""
import os
import socket
import struct
import threading
import time

import dns.exception
import dns.message
import dns.query
import pytest

from gateway import CONFIG
from lab import BRIDGE_MAC, SERVER4, embed
from packet import icmp6, ipv6, packed, udp6

pytestmark = pytest.mark.lab(guests=2)
SECONDS, EVERY = 6, 0.0004


def made_up(prefix):
    """An address of the /64 that nobody has."""
    return socket.inet_ntop(socket.AF_INET6, packed(prefix)[:8] + os.urandom(8))


def flood(guest, prefix, dst, port, data):
    """A thread that sends for SECONDS, each packet from another address in the prefix."""
    with guest.inside():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind(("eth0", 0x86dd))
    ether = bytes.fromhex((BRIDGE_MAC + guest.mac).replace(":", "")) + b"\x86\xdd"

    def send():
        end = time.monotonic() + SECONDS
        with sock:
            while time.monotonic() < end:
                src = made_up(prefix)
                sock.send(ether + ipv6(src, dst, 17, udp6(src, dst, 4000, port, data)))
                time.sleep(EVERY)
    thread = threading.Thread(target=send)
    thread.start()
    return thread


def solicitation(kind, mac, dst):
    """A frame with a router (133) or neighbour (135) solicitation from a source that nobody has."""
    src = made_up("fe80::")
    target = b"" if kind == 133 else packed("2001:db8:1:2::1")
    body = struct.pack("!BBHI", kind, 0, 0, 0) + target + b"\1\1" + mac
    return (b"\x33\x33" + packed(dst)[-4:] + mac + b"\x86\xdd"
            + ipv6(src, dst, 58, icmp6(src, dst, body), 255))


def own_mac(guest):
    return bytes.fromhex(guest.mac.replace(":", ""))


@pytest.mark.parametrize("kind, to, forged", [(133, "ff02::2", False), (133, "ff02::2", True),
                                              (135, "ff02::1:ff00:1", False)])
def test_solicitations_from_made_up_addresses(world, kind, to, forged):
    """Each makes a neighbour in the kernel: they must not fill its table, nor keep others unanswered."""
    first, second = world.guests
    with first.inside():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind(("eth0", 0x86dd))

    def send():
        with sock:
            for _ in range(5000):
                mac = b"\x52\x54" + os.urandom(4) if forged else own_mac(first)
                sock.send(solicitation(kind, mac, to))
                time.sleep(EVERY)
    thread = threading.Thread(target=send)
    thread.start()
    pinged = lost = n = 0
    while thread.is_alive():
        address = f"2001:db8:1:2::{kind + 1000 * forged:x}:{n:x}"
        n += 1
        second.run("ip", "addr", "add", f"{address}/128", "dev", "eth0", "nodad")
        pinged += 1
        lost += not second.ok("ping", "-6", "-c", 1, "-w", 1, "-I", address, "2001:db8:1:2::1")
        second.run("ip", "addr", "del", f"{address}/128", "dev", "eth0")
        time.sleep(0.1)
    answered = second.run("rdisc6", "-1", "-w", "4000", "eth0", check=False)
    thread.join()
    assert pinged > 5 and lost <= pinged / 5, (pinged, lost)
    assert answered.returncode == 0, answered.stdout
    made = len(world.host.out("ip", "-6", "neigh", "show", "dev", "br0").splitlines())
    assert made < 600, made


def test_questions_from_made_up_addresses(world):
    """Their answers wait for neighbours that are not there, and must not take the room of others'."""
    first, second = world.guests
    message = dns.message.make_query("text.example.net", "TXT")
    thread = flood(first, world.prefix[:-3], "2001:db8:1:2::1", 53, message.to_wire())
    asked = answered = 0
    while thread.is_alive():
        asked += 1
        with second.inside():
            try:
                dns.query.udp(dns.message.make_query("v4only.example.net", "AAAA"), "2001:db8:1:2::1", timeout=0.5)
                answered += 1
            except dns.exception.Timeout:
                pass
            except OSError:  # no room for a neighbour: the machine's namespaces share one table
                asked -= 1
        time.sleep(0.02)
    thread.join()
    assert asked > 50 and answered > 0.95 * asked, (asked, answered)
    assert world.gw.counter("dns64.dropped_stranger") > 100


def test_errors_to_made_up_addresses(world):
    """Nor do errors fill the kernel's table of neighbours, so that others' are thrown out of it."""
    before = world.gw.counter("nat64.icmp.error-sent-v6")
    flood(world.guests[0], world.prefix[:-3], embed("64:ff9b::/96", "10.0.0.1"), 4000, b"x").join()
    assert 0 < world.gw.counter("nat64.icmp.error-sent-v6") - before < 60 * (SECONDS + 2)
    assert len(world.host.out("ip", "-6", "neigh", "show", "dev", "br0").splitlines()) < 700


def test_errors_to_who_is_no_client(world):
    """Addresses that are not on the link cost no neighbours, but the errors that others wait for."""
    before = world.gw.counter("nat64.icmp.error-sent-v6")
    refused = world.gw.counter("nat64.drop.client-refused")
    flood(world.guests[0], "2001:db8:dead:1::", embed("64:ff9b::/96", SERVER4), 4000, b"x").join()
    assert world.gw.counter("nat64.drop.client-refused") - refused > 120 * (SECONDS + 2)
    assert 0 < world.gw.counter("nat64.icmp.error-sent-v6") - before < 60 * (SECONDS + 2)


def test_mappings_of_one_guest(world):
    """max_mappings_per_guest counts by link-layer address; the guest's own oldest ones go."""
    first, second = world.guests
    addresses = [f"2001:db8:1:2::aa:{n:x}" for n in range(40)]
    second.run("ping", "-6", "-c", 1, "-w", 3, embed("64:ff9b::/96", SERVER4))
    for addr in addresses:
        first.run("ip", "addr", "add", f"{addr}/128", "dev", "eth0", "nodad")
        assert first.ok("ping", "-6", "-c", 1, "-w", 3, "-I", addr, embed("64:ff9b::/96", SERVER4))
    rows = [row for row in world.gw.ctl_rows("mappings") if row["mac"] == first.mac]
    assert {row["ipv6"] for row in rows} == set(addresses[-16:])
    assert [row for row in world.gw.ctl_rows("mappings") if row["ipv6"] == second.address]
    for addr in addresses:
        first.run("ip", "addr", "del", f"{addr}/128", "dev", "eth0")


def test_clients_by_link_layer_address(world):
    """Already the first packet after the reload is refused, though its sender had a mapping."""
    first, second = world.guests
    ping = ("ping", "-6", "-c", 1, "-w", 2, embed("64:ff9b::/96", SERVER4))
    assert first.ok(*ping)
    world.gw.configure(CONFIG + f'nat64 = {{ clients = [ "!{first.mac}", "any" ]; }};\n')
    world.gw.ctl("reload")
    assert not first.ok(*ping)
    assert second.ok(*ping)
