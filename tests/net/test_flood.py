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

from lab import BRIDGE_MAC, SERVER4, embed

pytestmark = pytest.mark.lab(guests=2)
SECONDS, EVERY = 6, 0.0004


def packed(addr):
    return socket.inet_pton(socket.AF_INET6, addr)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data + bytes(len(data) % 2)) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff or 0xffff


def datagram(src, dst, port, data):
    """An IPv6 packet with a UDP datagram."""
    length = 8 + len(data)
    udp = struct.pack("!4H", 4000, port, length, 0) + data
    total = checksum(src + dst + struct.pack("!IxxxB", length, 17) + udp)
    return struct.pack("!IHBB", 6 << 28, length, 17, 64) + src + dst + udp[:6] + struct.pack("!H", total) + data


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
                sock.send(ether + datagram(packed(prefix)[:8] + os.urandom(8), packed(dst), port, data))
                time.sleep(EVERY)
    thread = threading.Thread(target=send)
    thread.start()
    return thread


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
                dns.query.udp(dns.message.make_query("v4only.example.net", "AAAA"), "2001:db8:1:2::1", timeout=1)
                answered += 1
            except dns.exception.Timeout:
                pass
        time.sleep(0.02)
    thread.join()
    assert answered == asked > 50
    assert world.gw.counter("dns64.dropped_stranger") > 100


def test_errors_to_made_up_addresses(world):
    """Nor do errors fill the kernel's table of neighbours, so that others' are thrown out of it."""
    first, second = world.guests
    thread = flood(first, world.prefix[:-3], embed("64:ff9b::/96", "10.0.0.1"), 4000, b"x")
    done = second.run("ping", "-6", "-q", "-i", "0.1", "-w", SECONDS, embed("64:ff9b::/96", SERVER4), check=False)
    thread.join()
    assert " 0% packet loss" in done.stdout, done.stdout
    assert len(world.host.out("ip", "-6", "neigh", "show", "dev", "br0").splitlines()) < 700
