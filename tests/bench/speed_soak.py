# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/bench/speed --soak: octets that are known beforehand, by TCP and UDP and both ways at once, through
each path of v6gwd, and compared where they arrive.  The host's outer links leave no checksum and no segment to
others, so that the receivers verify what v6gwd wrote."""
import collections
import dataclasses
import itertools
import json

from lab import wait_until
from speed_systems import GUEST6, SERVER4, V6gwd

PORT = 6000
# of the guest's and the server's link; of the TUN.  Where the links are wider, the server's segments are too
# large for IPv6 on the way.
MTUS = ((1500, 1500), (1280, 1280), (9000, 9000), (9000, 1500), (9000, 1280), (1500, 9000))
# What the server does about paths that are too narrow: DF set, or fragments; and packets lost in a hundred.
SERVERS, LOSSES = ("df", "no df"), (0, 1)
AT_LEAST = 3.0
# An identification of 16 bits comes again while fragments of a lost packet wait for theirs: what the kernel puts
# together of two is refused by its checksum (RFC 4963).  So much of what is put together may be.
MISJOINED = 0.02
RULES = """table inet loss {
    chain forward { type filter hook forward priority 0; numgen random mod 100 < %d drop; }
}
"""


class Path(V6gwd):
    def more(self):
        return f"mtu = {self.tun_mtu}; icmp_error_rate = 0;"

    def __init__(self, name, options):
        self.tun_mtu = 1500
        super().__init__(name, options)

    def run(self):
        super().run()
        self.server.sysctl("net.ipv4.ipfrag_time", 1)
        self.guest.sysctl("net.ipv6.ip6frag_time", 1)

    def become(self, link_mtu, tun_mtu, server, loss):
        """tun_mtu is taken over by a reload."""
        for node, dev in ((self.guest, "eth0"), (self.host, self.guest.port), (self.host, "br0"), (self.host, "eth0"),
                          (self.server, "eth0")):
            node.run("ip", "link", "set", dev, "mtu", link_mtu)
        # IPv6 went with the address of a link that was too narrow for it.
        self.guest.run("ip", "addr", "replace", f"{GUEST6}/64", "dev", "eth0", "nodad")
        self.guest.run("ip", "-6", "route", "replace", "default", "via", "2001:db8:1:2::1")
        self.tun_mtu = tun_mtu
        self.gateway.configure(self.text())
        self.gateway.ctl("reload")
        wait_until(lambda: self.host.json("ip", "-j", "link", "show", "nat64")[0]["mtu"] == tun_mtu, 5, "the TUN's MTU")
        self.server.sysctl("net.ipv4.ip_no_pmtu_disc", int(server == "no df"))
        for node in (self.guest, self.server, self.host):
            node.ok("ip", "route", "flush", "cache")
            node.ok("ip", "-6", "route", "flush", "cache")
        self.host.ok("nft", "delete", "table", "inet", "loss")
        if loss:
            self.host.run("nft", "-f", "-", input=RULES % loss)
        wait_until(self.works, 15, "the server answers")

    def counted(self):
        """By the kernels of the guest and the server: wrong checksums, and packets put together of fragments."""
        seen = collections.Counter()
        for node in (self.guest, self.server):
            lines = [line.split() for line in node.out("cat", "/proc/net/snmp", "/proc/net/snmp6").splitlines()]
            for head, row in zip(lines, lines[1:]):
                if head[0] == row[0]:
                    seen.update({head[0] + k: int(v) for k, v in zip(head[1:], row[1:])})
            seen.update({line[0]: int(line[1]) for line in lines if len(line) == 2})
        return (seen["Tcp:InCsumErrors"] + seen["Udp:InCsumErrors"] + seen["Udp6InCsumErrors"],
                seen["Ip:ReasmOKs"] + seen["Ip6ReasmOKs"])


def soak_one(path, seconds):
    process = path.spawn("carry", path.guest.netns, path.server.netns, path.target, SERVER4, PORT, seconds)
    line = process.communicate(timeout=seconds + 90)[0]
    path.lab.processes.remove(process)
    return json.loads(line) if line else {"broken": 1}


def soak(options, names, seconds):
    """The exit code: 1 when an octet was corrupt, a checksum wrong, or nothing came through."""
    cases = list(itertools.product(MTUS, SERVERS, LOSSES))
    most = min(len(cases), max(1, int(seconds / AT_LEAST / len(names))))
    chosen = [cases[i * len(cases) // most] for i in range(most)]
    each = max(AT_LEAST, seconds / most / len(names))
    bad = 0
    print(f"{most} of {len(cases)} cases for each of {len(names)} paths, {each:.0f} s each, checksums verified")
    print(f"{'path':<10}{'links':>6}{'TUN':>6}  {'server':<6}{'loss':>5}{'TCP up':>10}{'TCP down':>10}{'UDP up':>9}{'UDP down':>9}"
          f"{'corrupt':>9}{'checksums':>11}{'joined':>9}{'broken':>8}")
    paths = {}
    try:
        for name in names:
            paths[name] = Path(name, dataclasses.replace(options, verify=True))
        for ((link, tun), server, loss), name in itertools.product(chosen, names):
            bad += not case_is_good(paths[name], link, tun, server, loss, each)
    finally:
        for path in paths.values():
            path.close()
    print(f"{bad} cases with a corrupt octet, a wrong checksum or a broken connection" if bad else "no corrupt octet")
    return int(bad > 0)


def case_is_good(path, link, tun, server, loss, seconds):
    path.become(link, tun, server, loss)
    before = path.counted()
    seen = soak_one(path, seconds)
    wrong, joined = (b - a for a, b in zip(before, path.counted()))
    corrupt = sum(seen.get(f"corrupt_{what}", 0) for what in ("bytes", "datagrams"))
    up, down = (seen.get(f"udp_{way}", (0, 0)) for way in ("up", "down"))
    print(f"{path.name:<10}{link:>6}{tun:>6}  {server:<6}{loss:>4}%{seen.get('tcp_up', 0) / 1e6:>8.1f}MB{seen.get('tcp_down', 0) / 1e6:>8.1f}MB"
          f"{up[1]:>9}{down[1]:>9}{corrupt:>9}{wrong:>11}{joined:>9}{seen.get('broken', 0):>8}", flush=True)
    alive = seen.get("tcp_up") and seen.get("tcp_down") and up[1] and down[1]
    return alive and not corrupt and wrong <= joined * MISJOINED and not seen.get("broken")
