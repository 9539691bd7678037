# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's ear for router advertisements, and its mouth for solicitations of every kind."""
import socket
import struct
import time

from packet import icmp6, ipv6

ALL_NODES, ALL_ROUTERS = "ff02::1", "ff02::2"
SOLICIT = bytes([133, 0, 0, 0, 0, 0, 0, 0])
IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT, IPV6_PKTINFO, ICMP6_FILTER = 51, 52, 50, 1


class Advertisement:
    def __init__(self, data, src, hop_limit, dst):
        self.data, self.src, self.hop_limit, self.dst = data, src, hop_limit, dst
        self.at = time.monotonic()
        self.lifetime = struct.unpack_from("!H", data, 6)[0]
        self.preference = data[5] >> 3 & 3
        self.options = []
        rest = data[16:]
        while rest:
            size = rest[1] * 8
            assert 0 < size <= len(rest)
            self.options.append((rest[0], rest[:size]))
            rest = rest[size:]

    def option(self, kind):
        return next((data for type_, data in self.options if type_ == kind), None)

    def all(self, kind):
        return [data for type_, data in self.options if type_ == kind]


def split(message, pieces):
    """As fragments of the same length; one piece is a whole packet with a fragment header."""
    size = len(message) // pieces
    assert pieces == 1 or size % 8 == 0
    return [struct.pack("!BxHI", 58, at | (at + size < len(message)), 7) + message[at:at + size]
            for at in range(0, len(message), size)]


class Ear:
    """A guest's raw socket: hears advertisements, asks for them."""

    def __init__(self, guest, dev="eth0"):
        self.guest, self.dev = guest, dev
        with guest.inside():
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            self.index = socket.if_nametoindex(dev)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dev.encode())
        blocked = bytearray(b"\xff" * 32)
        blocked[16] = 0xbf  # type 134 passes
        self.socket.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(blocked))
        for option in (IPV6_RECVHOPLIMIT, socket.IPV6_RECVPKTINFO):
            self.socket.setsockopt(socket.IPPROTO_IPV6, option, 1)
        self.hops(255)

    def hops(self, n):
        for option in (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS):
            self.socket.setsockopt(socket.IPPROTO_IPV6, option, n)

    def ask(self, message=SOLICIT, to=ALL_ROUTERS):
        self.socket.sendto(message, (to, 0, 0, self.index))

    def ask_as_nobody(self, message=SOLICIT):
        """From the unspecified address, which only a frame can carry."""
        self.ask_by_frame(message)

    def ask_by_frame(self, message=SOLICIT, src="::", hops=255, wrong=0, pieces=0):
        """As no socket would send it; wrong: added to the checksum; pieces: with fragment headers, in so many."""
        message = icmp6(src, ALL_ROUTERS, message, wrong)
        with self.guest.inside():
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        with raw:
            for payload in split(message, pieces) if pieces else [message]:
                packet = ipv6(src, ALL_ROUTERS, 44 if pieces else 58, payload, hops)
                raw.sendto(packet, (self.dev, 0x86dd, 0, 0, bytes([0x33, 0x33, 0, 0, 0, 2])))

    def next(self, timeout=5.0):
        """The next advertisement, or None."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data, control, _, src = self.socket.recvmsg(9000, 512)
            except TimeoutError:
                return None
            about = {kind: value for _, kind, value in control}
            hop_limit = struct.unpack("i", about[IPV6_HOPLIMIT])[0]
            return Advertisement(data, src[0].split("%")[0], hop_limit,
                                 socket.inet_ntop(socket.AF_INET6, about[IPV6_PKTINFO][:16]))
        return None

    def next_multicast(self, timeout=5.0):
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            if (advertisement := self.next(left)) and advertisement.dst == ALL_NODES:
                return advertisement
        return None

    def quiet(self):
        """Until nothing that is on its way arrives any more."""
        while self.next(0.6):
            pass

    def close(self):
        self.socket.close()
