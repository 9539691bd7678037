# SPDX-License-Identifier: GPL-3.0-or-later
"""What v6gwd makes in the host's kernel: that it is put back, left alone where it was there before,
and named where it cannot be."""
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from gateway import CONFIG, drop
from lab import GATEWAY4, wait_until

pytestmark = pytest.mark.lab(guests=0, hops=False)

PREFIX, POOL = "64:ff9b::/96", "192.168.255.0/24"


def made(host):
    """What is v6gwd's own: routes into the TUN, proxy neighbours, the table, the device's state."""
    link = host.json("ip", "-j", "addr", "show", "dev", "nat64", check=False)
    return {
        "routes": sorted(r["dst"] for family in (4, 6) for r in host.json(
            "ip", "-j", f"-{family}", "route", "show", "dev", "nat64", check=False)),
        "proxies": host.out("ip", "-6", "neigh", "show", "proxy"),
        "gateway": host.out("ip", "-6", "neigh", "show", "dev", "nat64", "nud", "permanent", check=False),
        "table": "".join(host.out("nft", "list", "ruleset", family) for family in ("ip", "ip6")),
        "up": bool(link) and "UP" in link[0]["flags"],
        "addresses": link[0]["addr_info"] if link else [],
        "proxy_ndp": host.sysctl("net.ipv6.conf.br0.proxy_ndp"),
    }


def all_made(host):
    state = made(host)
    return (PREFIX in state["routes"] and POOL in state["routes"] and "proxy" in state["proxies"]
            and "masquerade" in state["table"] and "fe80::64" in state["gateway"] and state["up"]
            and not state["addresses"])


def started(lab, config=CONFIG):
    gw = lab.gateway(config).start()
    wait_until(lambda: all_made(lab.host), 3, f"everything is made: {made(lab.host)}")
    return gw


@pytest.mark.parametrize("harm", [
    f"ip -6 route del {PREFIX} dev nat64",
    f"ip route del {POOL} dev nat64",
    "ip -6 route flush dev nat64; ip route flush dev nat64",
    "ip -6 neigh del proxy $(ip -6 neigh show proxy | cut -d' ' -f1) dev br0",
    "sysctl -qw net.ipv6.conf.br0.proxy_ndp=0",
    "ip -6 neigh del fe80::64 dev nat64",
    "ip link set nat64 down",
    "ip link set nat64 mtu 1000",
    "ip link del nat64",
    "sysctl -qw net.ipv6.conf.nat64.disable_ipv6=1; sleep 0.2; sysctl -qw net.ipv6.conf.nat64.disable_ipv6=0",
    "ip link set br0 down; ip link set br0 up; ip addr add 2001:db8:1:2::1/64 dev br0 nodad",
    "nft flush ruleset",
    "nft delete table ip v6gwd || true",
])
def test_put_back_within_a_second(lab, harm):
    gw = started(lab)
    before = made(lab.host)
    lab.host.run("sh", "-c", harm)
    end = time.monotonic() + 1.2
    while made(lab.host) != before:
        assert time.monotonic() < end, f"{made(lab.host)}, before {before}\n{gw.log_text()}"
        time.sleep(0.05)


@pytest.mark.parametrize("asleep", [False, True])
def test_a_storm_of_changes(lab, asleep):
    """A thousand routes and addresses come and go, more than the socket holds where nobody reads
    it; afterwards all is as before.  Without duplicate address detection, which would fill the
    neighbour table that all namespaces share."""
    gw = started(lab)
    before = made(lab.host)
    lines = [f"route {verb} 10.{n >> 8}.{n & 255}.0/24 dev br0" for verb in ("add", "del") for n in range(1000)]
    lines += [f"addr {verb} 2001:db8:9::{n:x}/128 dev br0 {dad}" for n in range(500)
              for verb, dad in (("add", "nodad"), ("del", ""))]
    if asleep:
        gw.send(signal.SIGSTOP)
    lab.host.run("ip", "-batch", "-", input="\n".join(lines))
    lab.host.run("ip", "route", "del", POOL, "dev", "nat64")
    gw.send(signal.SIGCONT)
    wait_until(lambda: made(lab.host) == before, 2, "the pool's route is back")
    assert gw.process.poll() is None


@pytest.mark.parametrize("mode", ["", "multi_queue"])
def test_what_was_there_stays(lab, mode):
    host = lab.host
    host.run("ip", "tuntap", "add", "dev", "nat64", "mode", "tun", *mode.split())
    host.run("ip", "link", "set", "nat64", "up")
    host.run("ip", "route", "add", POOL, "dev", "nat64")
    host.run("ip", "-6", "neigh", "add", "proxy", "2001:db8:1:2::64", "dev", "br0")
    gw = started(lab, CONFIG + 'nat64 = { ipv6_address = "2001:db8:1:2::64"; };')
    gw.stop()
    after = made(host)
    assert after["routes"] == [POOL] and "2001:db8:1:2::64 dev br0" in after["proxies"]
    assert after["table"] == "" and after["up"]


def test_a_route_in_the_way_is_named(lab):
    host = lab.host
    host.run("ip", "route", "add", POOL, "dev", "br0")
    gw = lab.gateway().start()
    gw.wait_log("has another route than nat64")
    assert any(POOL in reason for reason in gw.status()["health"]["reasons"])
    host.run("ip", "route", "del", POOL, "dev", "br0")
    wait_until(lambda: all_made(host), 1.5, "the pool's route")
    host.run("ip", "route", "replace", POOL, "dev", "br0")
    wait_until(lambda: any(POOL in reason for reason in gw.status()["health"]["reasons"]), 2)
    host.run("ip", "route", "del", POOL, "dev", "br0")
    wait_until(lambda: all_made(host), 1.5, "the pool's route again")
    gw.wait_ok()


def test_a_route_put_right_by_hand_is_noticed(lab):
    host = lab.host
    host.run("ip", "route", "add", POOL, "dev", "br0")
    gw = lab.gateway().start()
    wait_until(lambda: any(POOL in reason for reason in gw.status()["health"]["reasons"]), 2)
    time.sleep(0.6)
    host.run("ip", "route", "replace", POOL, "dev", "nat64")
    gw.wait_ok(2.5)


def test_a_route_in_the_way_is_tried_once_a_second(lab):
    """A look at the routes does not lead to the next one."""
    def wake_ups():
        lines = pathlib.Path(f"/proc/{gw.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("voluntary_ctxt")).split()[1])

    lab.host.run("ip", "route", "add", POOL, "dev", "br0")
    gw = lab.gateway().start()
    gw.wait_log("has another route than nat64")
    time.sleep(1)
    before = wake_ups()
    time.sleep(3)
    assert wake_ups() - before <= 12


def test_a_left_over_table_is_replaced(lab):
    lab.host.run("nft", "add table ip v6gwd; add chain ip v6gwd left_over")
    gw = started(lab)
    table = lab.host.out("nft", "list", "ruleset")
    assert "left_over" not in table and table.count("masquerade") == 1
    gw.stop()
    assert lab.host.out("nft", "list", "ruleset") == ""


OWN_TABLE = """
import socket, struct, sys
def attr(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)
def message(kind, flags, res, body=b""):
    return struct.pack("IHHIIBBH", 20 + len(body), kind, flags, 1, 0, int(sys.argv[1]), 0, socket.htons(res)) + body
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
s.send(message(0x10, 1, 10) + message(0xa00, 0x405, 0, attr(1, b"v6gwd\\0") + attr(2, struct.pack(">I", 2)))
       + message(0x11, 1, 10))
print("owned", flush=True)
sys.stdin.read()
"""


def own_table(node, family=2):
    """A process that owns the table v6gwd of a family (NFPROTO_...) until its input ends."""
    owner = node.popen(sys.executable, "-c", OWN_TABLE, str(family), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout.readline() == "owned\n"
    return owner


def test_a_table_of_another_process_is_named(lab):
    owner = own_table(lab.host)
    gw = lab.gateway().start()
    gw.wait_log("another process may own it")
    assert any("masquerade" in reason for reason in gw.status()["health"]["reasons"])
    owner.communicate(timeout=5)
    wait_until(lambda: all_made(lab.host), 2, "masquerade")
    gw.wait_ok()


def test_the_table_belongs_to_us_alone(lab):
    host = lab.host
    gw = started(lab)
    table = host.out("nft", "list", "ruleset")
    assert "flags owner" in table
    host.run("nft", "flush", "ruleset")
    assert host.out("nft", "list", "ruleset") == table
    assert not host.ok("nft", "delete", "table", "ip", "v6gwd")
    assert not host.ok("nft", "add", "rule", "ip", "v6gwd", "postrouting", "accept")
    gw.kill()
    assert "flags owner" in host.out("nft", "list", "ruleset")  # kept for the next process
    drop(gw.store)
    wait_until(lambda: not host.out("nft", "list", "ruleset"), 2, "the table goes with its owner")


@pytest.mark.parametrize("setting, expected, absent", [
    ("off", "", "ip v6gwd"),
    ("5.9.0.2", f'ip saddr {POOL} oifname != "nat64" snat to 5.9.0.2', "masquerade"),
    ("auto", f'ip saddr {POOL} oifname != "nat64" masquerade', "snat"),
])
def test_masquerade_as_configured(lab, setting, expected, absent):
    lab.gateway(CONFIG + f'nat64 = {{ masquerade = "{setting}"; }};').start()
    wait_until(lambda: expected in lab.host.out("nft", "list", "ruleset"), 2)
    assert absent not in lab.host.out("nft", "list", "ruleset").replace("priority srcnat", "")


def test_maps_outside_the_pool_are_routed(lab):
    gw = started(lab, CONFIG + '''nat64 = { maps = (
        { ipv4 = "198.51.100.7"; ipv6 = "2001:db8:1:2::25"; },
        { ipv4 = "192.168.255.9"; ipv6 = "2001:db8:1:2::9"; } ); };''')
    routes = made(lab.host)["routes"]
    assert "198.51.100.7" in routes and "192.168.255.9" not in routes
    assert not any(route.startswith("2001:db8:1:2::25") for route in routes)
    gw.configure(CONFIG)
    gw.send(signal.SIGHUP)
    wait_until(lambda: "198.51.100.7" not in made(lab.host)["routes"], 3, "the map's route goes")
    assert all_made(lab.host)


def test_disabled_by_a_reload_and_enabled_again(lab):
    gw = started(lab)
    gw.configure(CONFIG + "nat64 = { enabled = false; };")
    gw.send(signal.SIGHUP)

    def nothing():
        state = made(lab.host)
        return not state["routes"] and not state["proxies"] and not state["table"] and not state["up"]
    wait_until(nothing, 3, "everything is taken away")
    gw.configure(CONFIG)
    gw.send(signal.SIGHUP)
    wait_until(lambda: all_made(lab.host), 3, "everything is made again")


def test_mtu_of_the_administrator_is_kept(lab):
    host = lab.host
    started(lab)
    host.run("ip", "link", "set", "nat64", "mtu", "1400")
    time.sleep(0.3)
    host.run("ip", "link", "set", "nat64", "down")
    wait_until(lambda: all_made(host), 1.5)
    assert host.json("ip", "-j", "link", "show", "dev", "nat64")[0]["mtu"] == 1400
    answer = host.run("ping", "-6", "-c", "1", "-W", "1", "-M", "do", "-s", "1400",
                      f"64:ff9b::{GATEWAY4}", check=False)
    assert answer.returncode != 0


@pytest.mark.parametrize("before, after", [(0, "0"), (1, "2"), (2, "2")])
def test_accept_ra_only_where_it_costs_the_default_route(lab, before, after):
    host = lab.host
    host.sysctl("net.ipv6.conf.eth0.accept_ra", before)
    host.run("ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0", "proto", "ra")
    other = host.sysctl("net.ipv6.conf.br0.accept_ra")
    started(lab)
    assert host.sysctl("net.ipv6.conf.eth0.accept_ra") == after
    assert host.sysctl("net.ipv6.conf.br0.accept_ra") == other
    assert host.sysctl("net.ipv6.conf.eth0.forwarding") == "1"
    assert host.sysctl("net.ipv4.conf.nat64.forwarding") == "1"


def test_resolvers_are_followed(lab):
    etc, stub = lab.host.etc, "/run/systemd/resolve"
    gw = started(lab)

    def forwarders():
        return [f["address"].split("@")[0] for f in gw.status()["dns64"]["forwarders"]]

    def becomes(*addresses):
        wait_until(lambda: forwarders() == list(addresses), 3, f"{addresses}, not {forwarders()}", 0.2)
    becomes("198.41.0.53")
    (etc / "resolv.conf").write_text("nameserver 192.0.2.1\nnameserver 2001:db8::53\n")
    becomes("192.0.2.1", "2001:db8::53")
    (etc / "resolv.new").write_text("nameserver 127.0.0.53\n")
    (etc / "resolv.new").rename(etc / "resolv.conf")
    becomes()
    lab.host.run("sh", "-c", f"mkdir -p {stub}; echo nameserver 192.0.2.2 > {stub}/resolv.conf")
    becomes("192.0.2.2")
    lab.host.run("sh", "-c", f"rm /etc/resolv.conf; ln -s ../{stub}/resolv.conf /etc/resolv.conf; "
                 f"echo nameserver 192.0.2.3 > {stub}/new; mv {stub}/new {stub}/resolv.conf")
    becomes("192.0.2.3")
