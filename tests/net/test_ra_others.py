# SPDX-License-Identifier: GPL-3.0-or-later
"""Other routers on the guests' link, what `v6gwctl ra` shows, and what is announced of planes that fail and
come back."""
import signal
import socket
import struct
import time

import pytest

import servers
from ear import ALL_NODES
from gateway import CONFIG
from lab import BRIDGE_MAC, wait_until
from packet import icmp6, ipv6
from test_ra import Ear, ear, guest  # noqa: F401 (fixtures)

pytestmark = pytest.mark.lab(guests=1, hops=False)

BRIDGE = bytes.fromhex(BRIDGE_MAC.replace(":", ""))
OWN = CONFIG + """ra = ( { mtu = 1500; reachable_time = "30s"; retrans_timer = "1s";
    dnssl = ( { domains = [ "vm.example" ]; } ); captive_portal = "https://portal.example/"; } );\n"""
LINE = " advertises, lifetime "


def link_layer(mac):
    return bytes([1, 1]) + bytes.fromhex(mac.replace(":", ""))


def advertisement(lifetime=1800, options=b"", flags=0, hop_limit=64):
    return struct.pack("!BBHBBHII", 134, 0, 0, hop_limit, flags, lifetime, 0, 0) + options


class Mouth:
    """Speaks on the guest's link as whoever it likes, to the host alone: guests stay as they are."""

    def __init__(self, node):
        with node.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("eth0", 0x86dd))
        self.mac = bytes.fromhex(node.mac.replace(":", ""))

    def say(self, message, src="fe80::bad", hops=255):
        packet = ipv6(src, ALL_NODES, 58, icmp6(src, ALL_NODES, message), hops)
        self.socket.send(BRIDGE + self.mac + b"\x86\xdd" + packet)


@pytest.fixture
def mouth(lab, ear):  # noqa: F811
    mouth = Mouth(lab.guests[0])
    yield mouth
    mouth.socket.close()


def lines(gw, text=LINE):
    return [line for line in gw.log_text().splitlines() if text in line]


def shown(gw):
    """What `v6gwctl ra` knows of br0."""
    interfaces = gw.ctl_json("ra")["interfaces"]
    assert [i["interface"] for i in interfaces] == ["br0"]
    return interfaces[0]


def router(gw, source):
    return next((r for r in shown(gw)["routers"] if r["source"] == source), None)


@pytest.mark.lab(guests=2, hops=False)
def test_a_router_that_contradicts_us(lab):
    gw = lab.gateway(OWN).start()
    second = lab.guests[1]
    second.sysctl("net.ipv6.conf.all.forwarding", 1)
    second.up()
    wait_until(lambda: [a for a in second.addresses("eth0") if "tentative" not in a], 5, "a link-local address")
    before = wait_until(lambda: shown(gw)["advertisement"], 5, "an advertisement")
    source = next(a["local"] for a in second.addresses("eth0") if a["scope"] == "link")
    radvd = servers.start_radvd(lab, second, """
        interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvManagedFlag on;
            AdvOtherConfigFlag on; AdvCurHopLimit 32; AdvLinkMTU 1400; AdvReachableTime 1000; AdvRetransTimer 2000;
            prefix 2001:db8:1:2::/64 { AdvValidLifetime 7200; AdvPreferredLifetime 600; };
            prefix 2001:db8:77::/64 { };
            route 64:ff9b::/96 { AdvRoutePreference low; };
            RDNSS 2001:db8:77::53 { }; DNSSL other.example { }; };""")
    gw.wait_log(LINE, 20)
    found = router(gw, source)
    assert found["mac"] == second.mac and found["lifetime_s"] == 12 and found["preference"] == "medium"
    assert sorted(found["prefixes"]) == ["2001:db8:1:2::/64", "2001:db8:77::/64"]
    fields = ["managed", "other", "hop_limit", "reachable_time", "retrans_timer", "mtu", "valid", "preferred",
              "route", "rdnss", "dnssl"]
    assert found["differs"] == fields
    wait_until(lambda: router(gw, source)["heard"] >= 3, 15, "three advertisements")
    line, = lines(gw)
    assert f"br0: {source} (MAC {second.mac}){LINE}12 s: another router" in line
    assert line.endswith("it contradicts us in " + ", ".join(fields))
    for field in fields:
        assert gw.counter(f"ra.inconsistent.{field}") >= 3, field
    assert gw.counter("ra.foreign.router") >= 3
    assert source in gw.ctl("ra").stdout
    assert gw.status()["health"]["state"] == "ok"
    assert shown(gw)["advertisement"] == before  # nothing adopted
    radvd.terminate()  # D09: it ceases
    radvd.wait(5)
    wait_until(lambda: router(gw, source)["lifetime_s"] == 0, 5, "its farewell")
    assert router(gw, source)["differs"] == []
    assert len(lines(gw)) == 1


def test_flood(lab, ear, mouth):  # noqa: F811
    """D07: a thousand a second, of a hundred routers, each with other nonsense."""
    begin, n = time.monotonic(), 0
    while time.monotonic() - begin < 3:
        mouth.say(advertisement(flags=n % 4 << 6, hop_limit=n % 256, options=link_layer(f"02:00:00:00:00:{n % 256:02x}")),
                  f"fe80::bad:{n % 100}")
        n += 1
        time.sleep(max(0, begin + n / 1000 - time.monotonic()))
    assert n > 1000
    # the kernel lets few of one link-layer address through
    wait_until(lambda: lab.gw.counter("ra.foreign.router") > 50, 5)
    assert len(lines(lab.gw)) == 1
    assert len(shown(lab.gw)["routers"]) == 16
    ear.ask()
    assert ear.next(4)
    assert lab.gw.status()["health"]["state"] == "ok"


def test_who_is_ignored(lab, mouth):
    """D01, D06: what is invalid, and what is our own sent back by a switch, is counted and no more."""
    own = shown(lab.gw)["source"]
    invalid = [(advertisement(), "fe80::bad", 254), (advertisement(), "2001:db8:1:2::bad", 255),
               (advertisement(options=bytes([1, 0, 0, 0, 0, 0, 0, 0])), "fe80::bad", 255),
               (advertisement(options=bytes([5, 2, 0, 0, 0, 0, 0, 0])), "fe80::bad", 255)]
    for message, src, hops in invalid:
        mouth.say(message, src, hops)
    mouth.say(advertisement(options=link_layer(BRIDGE_MAC)), own)
    mouth.say(advertisement(), own)
    wait_until(lambda: lab.gw.counter("ra.ra_own") == 2, 2, "our own")
    assert lab.gw.counter("ra.ra_rx") == len(invalid)
    assert [lab.gw.counter(f"ra.ra_invalid.{why}") for why in ("hop_limit", "source", "option")] == [1, 1, 2]
    assert not lines(lab.gw) and not shown(lab.gw)["routers"]


def test_duplicate_address(lab, mouth):
    """D06: our address, but another's link-layer address."""
    own = shown(lab.gw)["source"]
    for _ in range(3):
        mouth.say(advertisement(options=link_layer("52:54:00:00:00:99")), own)
    wait_until(lambda: lab.gw.counter("ra.foreign.address") == 3, 2)
    line, = lines(lab.gw)
    assert f"{own} (MAC 52:54:00:00:00:99)" in line and "a duplicate of our own address" in line


def test_another_gateway_like_us(lab, ear, mouth):  # noqa: F811
    """E12: with the same configuration nothing differs; with another NAT64 prefix that does (RFC 8781 5.2)."""
    ear.ask()
    heard = ear.next(2)
    mouth.say(heard.data, "fe80::2")
    wait_until(lambda: router(lab.gw, "fe80::2"), 2, "the router")
    assert router(lab.gw, "fe80::2")["differs"] == []
    mouth.say(heard.data.replace(heard.option(38), bytes.fromhex("26020708" "20010db80064640000000000")), "fe80::3")
    wait_until(lambda: router(lab.gw, "fe80::3"), 2, "the router")
    assert router(lab.gw, "fe80::3")["differs"] == ["pref64"]


def test_shown_is_what_is_said(lab, guest):  # noqa: F811
    """E14"""
    ear = Ear(guest)  # noqa: F811
    gw = lab.gateway(OWN).start()
    heard = ear.next(5)
    br0 = shown(gw)
    said = br0["advertisement"]
    assert br0["state"] == "announcing" and br0["source"] == heard.src and br0["last_s"] <= 3
    assert 0 < br0["next_s"] <= 16 and (br0["min_interval_s"], br0["max_interval_s"]) == (198, 600)
    assert br0["withheld"] == [] and br0["withdrawing"] == 0 and br0["counters"]["ra.ra_tx"] == br0["sent"] >= 1
    assert (said["lifetime_s"], said["preference"], said["mtu"]) == (heard.lifetime, "medium", 1500)
    assert (said["reachable_ms"], said["retrans_ms"]) == struct.unpack_from("!II", heard.data, 8) == (30000, 1000)
    assert said["mac"] == BRIDGE_MAC and said["messages"] == 1 and said["hop_limit"] == heard.data[4]
    assert said["prefixes"] == [{"prefix": "2001:db8:1:2::/64", "on_link": True, "autonomous": True,
                                 "router_address": None, "valid_s": 86400, "preferred_s": 14400, "withdrawn": False}]
    assert said["routes"] == [{"prefix": "64:ff9b::/96", "preference": "medium", "lifetime_s": 1800, "withdrawn": False}]
    assert said["rdnss"] == [{"server": "2001:db8:1:2::1", "lifetime_s": 1800, "withdrawn": False}]
    assert heard.option(25)[8:] == socket.inet_pton(socket.AF_INET6, said["rdnss"][0]["server"])
    assert said["dnssl"] == [{"domain": "vm.example", "lifetime_s": 1800, "withdrawn": False}]
    assert said["pref64"] == [{"prefix": "64:ff9b::/96", "lifetime_s": 1800, "withdrawn": False}]
    assert said["captive_portal"] == [{"uri": "https://portal.example/", "withdrawn": False}]
    screen = gw.ctl("ra").stdout
    for text in ("br0  announcing, from fe80::", "route       64:ff9b::/96, 30m, preference medium", "vm.example"):
        assert text in screen
    gw.configure(CONFIG)
    gw.ctl("reload")
    said = shown(gw)["advertisement"]
    assert said["dnssl"] == [{"domain": "vm.example", "lifetime_s": 0, "withdrawn": True}]
    assert shown(gw)["withdrawing"] == 2
    assert "vm.example, 0s, withdrawn" in gw.ctl("ra").stdout
    ear.socket.close()


def lifetimes(advertisement_):
    """(default router, route, RDNSS, PREF64); None where the option is not there."""
    route, rdnss, pref64 = (advertisement_.option(kind) for kind in (24, 25, 38))
    return (advertisement_.lifetime, route and struct.unpack_from("!I", route, 4)[0],
            rdnss and struct.unpack_from("!I", rdnss, 4)[0], pref64 and struct.unpack_from("!H", pref64, 2)[0] & 0xfff8)


def wait_said(ear, what, timeout):  # noqa: F811
    """The first advertisement of which `what` holds, and when it came."""
    end, last = time.monotonic() + timeout, None
    while (left := end - time.monotonic()) > 0:
        last = ear.next(left) or last
        if last and what(*lifetimes(last)):
            return last.at
    raise AssertionError(f"last said: {last and lifetimes(last)}")


def test_translator_lost_and_back(lab, ear):  # noqa: F811
    """E09: withdrawn within 3.5 s, announced again when it has worked for ten seconds."""
    lab.gw.send(signal.SIGSTOP)
    lab.host.run("ip", "link", "del", "nat64")
    lab.host.run("ip", "link", "add", "nat64", "type", "veth", "peer", "name", "other")
    lab.gw.send(signal.SIGCONT)
    begin = time.monotonic()
    gone = wait_said(ear, lambda router, route, rdnss, pref64: (router, route, rdnss, pref64) == (1800, 0, 1800, 0), 5)
    assert gone - begin < 3.7
    assert shown(lab.gw)["withheld"] == [{"plane": "nat64", "again_s": None}]
    freed = time.monotonic()
    lab.host.run("ip", "link", "del", "nat64")
    lab.gw.wait_ok(4)
    again, = shown(lab.gw)["withheld"]
    assert again["plane"] == "nat64" and 0 < again["again_s"] <= 10
    assert "nat64 is not announced yet" in lab.gw.ctl("status").stdout
    assert "withheld    nat64: it works again, announced in " in lab.gw.ctl("ra").stdout
    back = wait_said(ear, lambda router, route, rdnss, pref64: (route, pref64) == (1800, 1800), 18)
    assert back - freed > 10
    assert shown(lab.gw)["withheld"] == []


def occupy(host, address):
    """Port 53 of the address, until the event is set."""
    with host.inside():
        sockets = [socket.socket(socket.AF_INET6, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    for s in sockets:
        s.bind((address, 53))
    sockets[1].listen()
    return sockets


def test_resolver_lost_and_back(lab, ear):  # noqa: F811
    """E09, for an address that somebody else serves meanwhile."""
    lab.host.run("ip", "addr", "add", "2001:db8:1:2::53/64", "dev", "br0", "nodad")
    sockets = occupy(lab.host, "2001:db8:1:2::53")
    wait_until(lambda: [a for a in lab.host.addresses("br0") if a["local"] == "2001:db8:1:2::53"], 2)
    begin = time.monotonic()
    lab.gw.configure(CONFIG + 'dns64 = { listen = [ "2001:db8:1:2::53" ]; };\n')
    lab.gw.ctl("reload")
    gone = wait_said(ear, lambda router, route, rdnss, pref64: (router, route, rdnss, pref64) == (1800, 1800, 0, 1800), 5)
    assert gone - begin < 3.7
    assert shown(lab.gw)["withheld"] == [{"plane": "dns64", "again_s": None}]
    assert lab.gw.status()["health"]["state"] == "degraded"
    assert "withheld    dns64: it does not work" in lab.gw.ctl("ra").stdout
    freed = time.monotonic()
    for s in sockets:
        s.close()
    back = wait_said(ear, lambda router, route, rdnss, pref64: rdnss == 1800, 25)
    assert back - freed > 10
    assert shown(lab.gw)["advertisement"]["rdnss"][0]["server"] == "2001:db8:1:2::53"


def test_start_does_not_wait(lab, guest):  # noqa: F811
    """Nor does a resolver that never listened before."""
    sockets = occupy(lab.host, "::")
    gw = lab.gateway().start()
    ear = Ear(guest)  # noqa: F811
    wait_said(ear, lambda router, route, rdnss, pref64: (router, route, rdnss, pref64) == (1800, 1800, None, 1800), 5)
    for s in sockets:
        s.close()
    gw.wait_ok()
    freed = time.monotonic()
    assert wait_said(ear, lambda router, route, rdnss, pref64: rdnss == 1800, 8) - freed < 4.5
    ear.socket.close()


def test_forwarding_that_cannot_be_put_back(lab, ear):  # noqa: F811
    """E08: no router without forwarding, for as long as it is off."""
    lab.host.run("mount", "-o", "bind", "/proc/sys", "/proc/sys")
    lab.host.run("mount", "-o", "remount,ro,bind", "/proc/sys")
    begin = time.monotonic()
    lab.host.sysctl("net.ipv6.conf.br0.forwarding", 0)
    off = wait_said(ear, lambda router, route, rdnss, pref64: (router, route, pref64) == (0, 0, 0), 5)
    assert off - begin < 3.7
    assert "announces no routes" in " ".join(lab.gw.status()["health"]["reasons"])
    assert shown(lab.gw)["advertisement"]["lifetime_s"] == 0
    begin = time.monotonic()
    lab.host.sysctl("net.ipv6.conf.br0.forwarding", 1)
    on = wait_said(ear, lambda router, route, rdnss, pref64: (router, route, pref64) == (1800, 1800, 1800), 8)
    assert on - begin < 6.5
