# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets octet by octet, for what no socket would send.  Addresses are text."""
import socket
import struct


def packed(addr):
    return socket.inet_pton(socket.AF_INET6, addr)


def checksum(octets):
    """RFC 1071; 0 over octets that hold their own."""
    octets += bytes(len(octets) % 2)
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(src, dst, protocol, message):
    """RFC 8200 8.1: what the checksum of a message goes over."""
    return packed(src) + packed(dst) + struct.pack("!II", len(message), protocol) + message


def icmp6(src, dst, message, wrong=0):
    """The message with its checksum; wrong: added to that."""
    total = checksum(pseudo(src, dst, 58, message[:2] + bytes(2) + message[4:]))
    return message[:2] + struct.pack("!H", total + wrong & 0xFFFF) + message[4:]


def udp6(src, dst, sport, dport, data):
    message = struct.pack("!4H", sport, dport, 8 + len(data), 0) + data
    return message[:6] + struct.pack("!H", checksum(pseudo(src, dst, 17, message)) or 0xFFFF) + data


def ipv6(src, dst, protocol, payload, hops=64):
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops) + packed(src) + packed(dst) + payload
