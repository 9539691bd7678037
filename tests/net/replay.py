# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets of any kind into a translator's TUN device, and what it writes there.

A second TUN device, feed, hands what is written to it on to the translator's, untouched: packets
longer than the device's MTU and broken ones, too, which no route and no socket would carry.  What
the translator writes is seen by a packet socket, and goes no further: the host does not answer it.
"""
import collections
import fcntl
import ipaddress
import os
import select
import socket
import struct
import subprocess

from lab import ROOT
from packet import checksum, ipv6, udp6

VECTORS = ROOT / "tests/vectors/nat64"
# The reference configuration of the vectors.
OWN4, OWN6, POOL = "192.168.255.1", "2001:db8:1::64", "192.168.255.0/24"
LEASES = (("2001:db8:1::10", "192.168.255.10"), ("2001:db8:1::11", "192.168.255.11"))
# Options of vectors that v6gwd takes for mistakes.
REFUSED = {"addr-map-to-never": "a map of loopback addresses",
           "addr-prefix-32": "an address of its own that lies in the prefix and stands for another"}
ASKING = "8.8.4.4"

Vector = collections.namedtuple("Vector", "name conf steps")
Step = collections.namedtuple("Step", "wait_ms packet outs reason")
Packet = collections.namedtuple("Packet", "octets mask")

TUNSETIFF, IFF_TUN = 0x400454CA, 0x0001
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
SO_RCVBUFFORCE = 33


def packet_of(text):
    pairs = [text[i:i + 2] for i in range(0, len(text), 2)]
    return Packet(bytes(0 if p == ".." else int(p, 16) for p in pairs), bytes(255 * (p != "..") for p in pairs))


def vectors(build):
    """All of them, as the program of the build prints them."""
    text = subprocess.run([build / "tests/unit/vectors_print", VECTORS], check=True, capture_output=True, text=True).stdout
    found, wait_ms = [], 0
    for line in text.splitlines():
        key, *values = line.split()
        if key == "vector":
            found.append(Vector(values[0], [], []))
        elif key == "conf":
            found[-1].conf.append(tuple(values))
        elif key == "wait":
            wait_ms = int(values[0])
        elif key == "in":
            octets = bytes.fromhex(values[0]) if values else b""
            found[-1].steps.append(Step(wait_ms, octets, [], []))
            wait_ms = 0
        elif key == "out":
            found[-1].steps[-1].outs.append(packet_of(values[0]))
        elif key == "reason":
            found[-1].steps[-1].reason.append(values[0])
    return found


def echo4(src, dst, number):
    """An ICMPv4 echo request that the translator itself answers."""
    body = struct.pack(">BBHHH", 8, 0, 0, 0x6E36, number & 0xFFFF) + b"replay"
    body = body[:2] + struct.pack(">H", checksum(body)) + body[4:]
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0x4000, 64, 1, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def udp4(src, dst, size):
    """A datagram of so many bytes with DF, and with a checksum of some value."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size, 0, 0x4000, 64, 17, 0, socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + struct.pack(">HHHH", 9, 9, size - 20, 1) + bytes(size - 28)


def guests_udp(src, vector, port=9):
    """A packet that makes a mapping of src under the prefix of the vector."""
    prefix = ipaddress.ip_network(dict(c[:2] for c in vector.conf if len(c) > 1).get("prefix", "64:ff9b::/96"))
    octets = bytearray(prefix.network_address.packed)
    at = prefix.prefixlen // 8
    for value in socket.inet_aton("8.8.8.8"):
        at += at == 8  # RFC 6052 2.2: bits 64 to 71 are zero
        octets[at] = value
        at += 1
    dst = str(ipaddress.IPv6Address(bytes(octets)))
    return ipv6(src, dst, 17, udp6(src, dst, port, 9, b""))


def is_answer(octets, number):
    return (len(octets) == 34 and octets[9] == 1 and octets[20] == 0
            and octets[24:] == struct.pack(">HH", 0x6E36, number & 0xFFFF) + b"replay")


def mismatch(want, got):
    """What differs between the packets expected and those that came; None when nothing does."""
    if len(want) != len(got):
        return f"{len(want)} packets expected, {len(got)} came"
    for number, (w, g) in enumerate(zip(want, got), 1):
        if len(w.octets) != len(g) or any((a ^ b) & m for a, b, m in zip(w.octets, g, w.mask)):
            return f"packet {number}: want {w.octets.hex()}\n               got {g.hex()}"
        if g[0] >> 4 == 4 and checksum(g[:20]):
            return f"packet {number}: the header checksum is wrong: {g.hex()}"
    return None


class Silent(AssertionError):
    """The translator does not answer its ping: it has ended, or hangs."""


class Wire:
    """Between us and the translator at the device `device` of a node."""

    def __init__(self, node, device="nat64"):
        self.node, self.device, self.number = node, device, 0
        with node.inside():
            self.feed = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(self.feed, TUNSETIFF, struct.pack("16sH22x", b"feed", IFF_TUN))
            self.tap = None
        node.run("ip", "link", "set", "feed", "mtu", "65535", "up")

    def attach(self):
        """To the device as it is now: again after it was made anew."""
        self.node.run("nft", "-f", "-", input=f"""
            table netdev replay
            delete table netdev replay
            table netdev replay {{
                chain hand_on {{ type filter hook ingress device "feed" priority 0; fwd to "{self.device}"; }}
            }}
            table inet replay
            delete table inet replay
            table inet replay {{
                chain silence {{ type filter hook prerouting priority -450; iifname "{self.device}" drop; }}
            }}""")
        if self.tap:
            self.tap.close()
        with self.node.inside():
            self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.tap.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            self.tap.bind((self.device, 3))  # ETH_P_ALL
        self.tap.setblocking(False)

    def send(self, octets):
        """The ethertype goes by the version, as for a packet of the host."""
        ethertype = 0x0800 if octets[:1] and octets[0] >> 4 == 4 else 0x86DD
        os.write(self.feed, struct.pack(">HH", 0, ethertype) + octets)

    def until_answer(self, own4=OWN4, timeout=3.0):
        """What came out until the translator has answered a ping behind it all."""
        self.number += 1
        self.send(echo4(ASKING, own4, self.number))
        got = []
        while select.select([self.tap], [], [], timeout)[0]:
            octets = self.tap.recv(70000)
            if is_answer(octets, self.number):
                return got
            got.append(octets)
        raise Silent(f"no answer to a ping in {timeout:g} s")

    def exchange(self, octets, own4=OWN4):
        self.send(octets)
        return self.until_answer(own4)

    def close(self):
        os.close(self.feed)
        if self.tap:
            self.tap.close()


def own4_of(vector):
    return dict(c[:2] for c in vector.conf if len(c) > 1).get("own4", OWN4)


def replay(wire, vector):
    """None, or what came out wrong."""
    for number, step in enumerate(vector.steps, 1):
        wrong = mismatch(step.outs, wire.exchange(step.packet, own4_of(vector)))
        if wrong:
            return f"{vector.name}, packet {number} ({step.packet[:60].hex()}): {wrong}"
    return None


def impossible(vector):
    """Why a program that runs cannot be asked this; None when it can."""
    conf = {c[0]: c[1:] for c in vector.conf}
    if any(step.wait_ms for step in vector.steps):
        return "needs a clock of the test's"
    if conf.get("own4") == ("0.0.0.0",) or conf.get("own6") == ("::",):
        return "the daemon always has an address of its own"
    if vector.name in REFUSED:
        return f"a mistake to v6gwd: {REFUSED[vector.name]}"
    if not all(step.packet for step in vector.steps):
        return "no device carries an empty packet"
    return None


def has_leases(vector):
    return not any(c[0] in ("fresh", "pool") for c in vector.conf)


def setting_of(vector):
    """Its options, as a key: vectors of one setting can share a daemon, if they begin with mappings."""
    return tuple(sorted(vector.conf)) + ((("of", vector.name),) if not has_leases(vector) else ())


def config_of(vector, **other):
    """The text of a v6gwd.conf with the options of the vector, but for the other ones."""
    one = {"mtu": 1500, "fragment_mtu": 1280, "rate": 0, "own4": OWN4, "own6": OWN6, "clients": "any",
           "prefix": "64:ff9b::/96", "lifetime": 7440000, "keep": 1209600000, "limit": 65535, "offload": "auto"}
    pools, maps = [], []
    for key, *values in vector.conf:
        if key == "pool":
            pools += [v for v in values if v != "none"]
        elif key == "map":
            maps.append(values)
        else:
            one[key] = values[0] if values else True
    if not any(c[0] == "pool" for c in vector.conf):
        pools = [POOL]
    pools, maps = other.pop("pools", pools), other.pop("maps", maps)
    one.update(other)
    where = one.get("destinations", "global" if one["prefix"] == "64:ff9b::/96" else "any")
    maps = [f'{{ ipv4 = "{v4}"; ipv6 = "{v6}"; }}' for v4, v6 in maps]
    acl = {name: "[ ]" if value == "none" else f'[ "{value}" ]' for name, value in
           (("clients", one["clients"]), ("destinations", where))}
    return f'''interface = "br0";
nat64 = {{
    prefix = "{one["prefix"]}";
    ipv4_address = "{one["own4"]}";
    ipv6_address = "{one["own6"]}";
    dynamic_pool = [ {", ".join(f'"{p}"' for p in pools)} ];
    maps = ( {", ".join(maps)} );
    clients = {acl["clients"]};
    destinations = {acl["destinations"]};
    mtu = {one["mtu"]};
    fragment_mtu = {one["fragment_mtu"]};
    udp_zero_checksum = "{"drop" if one.get("drop_udp_zero") else "compute"}";
    icmp_error_rate = {one["rate"]};
    masquerade = "off";
    offload = "{one["offload"]}";
    lease_lifetime = "{one["lifetime"]}ms";
    lease_keep = "{one["keep"]}ms";
    max_mappings_per_guest = {one["limit"]};
}};
dns64 = {{ enabled = false; }};
ra = ( );
'''


class Bench:
    """The daemon of the setting in hand, and the wire to it."""

    def __init__(self, lab, **other):
        self.lab, self.gw, self.setting, self.other = lab, None, None, other
        self.wire = Wire(lab.host)

    def set_up(self, vector):
        if self.setting == setting_of(vector) and self.gw and self.gw.process.poll() is None:
            return
        self.setting = None
        self.stop()
        self.gw = self.lab.gateway(config_of(vector, **self.other), level="info")
        if has_leases(vector):
            self.start_with_leases(vector)
        else:
            self.start(vector)
        self.setting = setting_of(vector)

    def stop(self):
        gw, self.gw = self.gw, None
        if gw and gw.process.poll() is None:
            gw.stop()

    def start(self, vector):
        self.gw.start()
        self.gw.wait_ok()
        self.wire.attach()
        self.wire.until_answer(own4_of(vector))

    def start_with_leases(self, vector):
        """Maps take all of a small pool but the address that the next guest shall get; a reload
        keeps what is mapped already."""
        for number, (ipv6, ipv4) in enumerate(LEASES):
            taken = ["192.168.255.9/32", "192.168.255.12/30"] + [f"{v4}/32" for _, v4 in LEASES[number + 1:]]
            maps = [(v4, f"2001:db8:ffff::{i}:0/{int(v4.split('/')[1]) + 96}") for i, v4 in enumerate(taken)]
            self.gw.configure(config_of(vector, pools=["192.168.255.8/29"], maps=maps, clients="any", destinations="any", **self.other))
            if number == 0:
                self.start(vector)
            else:
                self.gw.ctl("reload")
            self.wire.exchange(guests_udp(ipv6, vector), own4_of(vector))
        self.gw.configure(config_of(vector, **self.other))
        self.gw.ctl("reload")
        held = {(m["ipv6"], m["ipv4"]) for m in self.gw.ctl_rows("mappings")}
        assert held >= set(LEASES), held

    def counts(self):
        return collections.Counter({c["name"].split(".")[-1]: int(c["value"]) for c in self.gw.counters()
                                    if c["name"].startswith("nat64.")})
