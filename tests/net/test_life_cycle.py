# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, stop, kill, and waiting for what is not there yet."""
import os
import pathlib
import re
import signal
import time

import pytest

import servers
from gateway import CONFIG
from lab import SERVER4, embed, wait_until

TARGET = embed("64:ff9b::/96", SERVER4)
ONE_GUEST = pytest.mark.lab(guests=1, hops=False)


def snapshot(host):
    """Everything that v6gwd may have put into the host's network.  Left out: what the kernel does
    by itself when forwarding is on (anycast) or a guest's port comes up (link-local)."""
    def kernels(dev, address):
        return dev.startswith("vnet") or (address.startswith("fe80") and dev != "nat64")

    return {
        "links": sorted(link["ifname"] for link in host.json("ip", "-j", "link")),
        "addresses": sorted(f"{link['ifname']} {a['local']}" for link in host.json("ip", "-j", "addr")
                            for a in link["addr_info"] if not kernels(link["ifname"], a["local"])),
        "routes": sorted(f"{r['dst']} {r.get('dev')}" for family in (4, 6)
                         for r in host.routes("table", "all", family=family)
                         if r.get("type") not in ("multicast", "anycast") and not kernels(r.get("dev", ""), r["dst"])),
        "proxies": host.out("ip", "-6", "neigh", "show", "proxy"),
        "rules": host.out("ip", "rule") + host.out("ip", "-6", "rule"),
        "nftables": host.out("nft", "list", "ruleset"),
    }


def settled(host, before, timeout=3):
    """Until the host looks as before, the difference otherwise."""
    try:
        wait_until(lambda: snapshot(host) == before, timeout, every=0.2)
    except AssertionError:
        assert snapshot(host) == before


def pings(guest, timeout=10):
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), timeout, f"{guest.name} pings {TARGET}")


@ONE_GUEST
def test_stop_leaves_nothing(lab):
    guest, before = lab.guests[0], snapshot(lab.host)
    gw = lab.gateway().start()
    during = snapshot(lab.host)
    assert "nat64" in during["links"] and "masquerade" in during["nftables"]
    assert any(route.startswith("64:ff9b::/96 nat64") for route in during["routes"])
    assert any(route.startswith("192.168.255.0/24 nat64") for route in during["routes"])
    assert "proxy" in during["proxies"] or gw.status()["nat64"]["ipv6_address"] not in during["proxies"]
    guest.up()
    guest.wait_configured()
    pings(guest)
    with guest.capture("eth0", "icmp6 and ip6[40] == 134") as farewell:
        assert gw.stop(signal.SIGTERM) < 2.0
        time.sleep(0.3)
    assert "router lifetime 0s" in farewell.text("-v")
    assert not guest.has_default_route()
    assert gw.notify.said("STOPPING")
    settled(lab.host, before)


@ONE_GUEST
def test_interrupt_is_a_stop_too(lab):
    before = snapshot(lab.host)
    assert lab.gateway().start().stop(signal.SIGINT) < 2.0
    settled(lab.host, before)


@ONE_GUEST
def test_killed_and_started_again(lab):
    guest = lab.guests[0]
    gw = lab.gateway().start()
    guest.up()
    guest.wait_configured()
    pings(guest)
    gw.kill()
    gw.start()
    pings(guest)
    assert guest.has_default_route()
    gw.wait_ok()
    assert lab.host.out("nft", "list", "ruleset").count("masquerade") == 1
    assert gw.stop() < 2.0


@ONE_GUEST
def test_stop_soon_after_a_kill(lab):
    """The farewell is said for what the killed one promised, too."""
    guest = lab.guests[0]
    gw = lab.gateway().start()
    guest.up()
    guest.wait_configured()
    gw.kill()
    gw.start().stop()
    wait_until(lambda: not guest.has_default_route(), 2, "the farewell")


@ONE_GUEST
def test_stop_for_a_restart_says_no_farewell(lab):
    """SIGUSR2 is what the service manager sends on "restart"."""
    guest = lab.guests[0]
    gw = lab.gateway().start()
    guest.up()
    guest.wait_configured()
    with guest.capture("eth0", "icmp6 and ip6[40] == 134") as seen:
        gw.stop(signal.SIGUSR2)
        time.sleep(0.3)
    assert "router lifetime 0s" not in seen.text("-v") and guest.has_default_route()
    gw.start()
    pings(guest)


@ONE_GUEST
def test_root_is_given_up(lab):
    """--user: four capabilities stay, and all works, the clean end too."""
    before, guest = snapshot(lab.host), lab.guests[0]
    gw = lab.gateway(args=["--user", "nobody"])
    for path in (gw.dir, gw.dir / "state"):
        os.chown(path, 65534, 65534)
    lab.host.run("chown", "nobody", "/run/v6gwd", "/var/lib/v6gwd")
    # As udev makes it; without udev it is root's alone.
    lab.host.run("sh", "-ec", "mknod -m 666 $0 c 10 200; mount --bind $0 /dev/net/tun", gw.dir / "tun")
    gw.start()
    status = pathlib.Path(f"/proc/{gw.pid}/status").read_text()
    assert re.search(r"^Uid:\s+65534\s+65534", status, re.M)
    said = dict(re.findall(r"^(\w+):\s+(.*)$", status, re.M))
    assert {int(said[key], 16) for key in ("CapEff", "CapPrm")} == {0x8000003400}, "NET_ADMIN, NET_RAW, NET_BIND_SERVICE, BPF"
    assert {int(said[key], 16) for key in ("CapInh", "CapAmb", "CapBnd")} == {0}
    assert said["NoNewPrivs"] == "1" and "0" not in said["Groups"].split() and set(said["Gid"].split()) == {"65534"}
    guest.up()
    guest.wait_configured()
    pings(guest)
    gw.stop()
    settled(lab.host, before)


@pytest.mark.lab(guests=0, hops=False)
def test_a_directory_of_root_is_refused_with_what_helps(lab):
    """What the message of --user says to do, does it."""
    lab.host.run("sh", "-ec", "mknod -m 666 $0 c 10 200; mount --bind $0 /dev/net/tun", lab.dir / "tun")
    gw = lab.gateway(args=["--user", "nobody"])
    for path in (gw.dir, gw.dir / "state"):
        os.chown(path, 65534, 65534)
    gw.spawn()
    assert gw.wait_exit(10) == 77, gw.log_text()
    advice = re.search(r"(install -d -o \d+) DIRECTORY;", gw.log_text())[1]
    lab.host.run(*advice.split(), "/run/v6gwd")
    gw.start().stop()


@ONE_GUEST
@pytest.mark.parametrize("harm", [
    "ip -6 route del 64:ff9b::/96 dev nat64",
    "ip route del 192.168.255.0/24 dev nat64",
    "ip link set nat64 down",
    "sysctl -qw net.ipv6.conf.all.forwarding=0",
    "sysctl -qw net.ipv4.ip_forward=0",
    "nft flush ruleset",
])
def test_repairs_what_someone_removes(lab, harm):
    guest, gw = lab.guests[0], lab.gateway().start()
    guest.up()
    guest.wait_configured()
    pings(guest)
    lab.host.run("sh", "-c", harm, check=False)
    time.sleep(1)
    pings(guest, 1.5)
    gw.wait_ok()


@ONE_GUEST
def test_second_daemon_is_refused(lab):
    first = lab.gateway().start()
    second = lab.gateway().spawn()
    assert second.wait_exit(10) == 69, second.log_text()
    assert first.status()["health"]["state"] == "ok"


@pytest.mark.lab(guests=0, hops=False)
def test_a_device_that_cannot_be_made_again_is_said_once(lab):
    gw = lab.gateway().start()
    gw.send(signal.SIGSTOP)
    lab.host.run("sh", "-c", "ip link del nat64; ip link add nat64 type bridge")
    gw.send(signal.SIGCONT)
    wait_until(lambda: any("nat64" in r for r in gw.status()["health"]["reasons"]), 2)
    time.sleep(2.5)
    assert gw.log_text().count("not a TUN device") == 1
    lab.host.run("ip", "link", "del", "nat64")
    gw.wait_ok(3)


@ONE_GUEST
def test_an_existing_device_is_adopted_and_left(lab):
    lab.host.run("ip", "tuntap", "add", "dev", "nat64", "mode", "tun")
    gw, guest = lab.gateway().start(), lab.guests[0]
    guest.up()
    guest.wait_configured()
    pings(guest)
    gw.stop()
    assert "nat64" in snapshot(lab.host)["links"]
    lab.host.run("ip", "link", "del", "nat64")


@ONE_GUEST
def test_waits_for_the_bridge(lab):
    guest = lab.guests[0]
    lab.del_bridge()
    gw = lab.gateway().start()
    assert "br0" in gw.notify.status
    health = gw.status()["health"]
    assert health["state"] == "degraded" and any("br0" in reason for reason in health["reasons"])
    lab.add_bridge()
    guest.up()
    guest.wait_configured()
    pings(guest)
    gw.wait_ok()
    assert "br0" in gw.log_text()


@ONE_GUEST
def test_bridge_removed_and_made_again(lab):
    guest = lab.guests[0]
    gw = lab.gateway().start()
    guest.up()
    guest.wait_configured()
    lab.del_bridge()
    wait_until(lambda: gw.status()["health"]["state"] == "degraded", 5, "degraded without br0")
    lab.add_bridge()
    pings(guest, 15)
    gw.wait_ok()


@ONE_GUEST
def test_waits_for_duplicate_address_detection(lab):
    guest = lab.guests[0]
    lab.del_bridge()
    lab.add_bridge(dad=True)
    gw = lab.gateway().start()
    guest.up()
    guest.wait_configured()
    assert guest.learn_resolver()
    pings(guest)
    gw.wait_ok()


@ONE_GUEST
def test_waits_for_the_uplink(lab):
    guest = lab.guests[0]
    lab.del_uplink()
    gw = lab.gateway().start()
    guest.up()
    guest.wait_configured()
    health = gw.status()["health"]
    assert health["state"] == "degraded" and any("uplink" in reason or "default route" in reason
                                                 for reason in health["reasons"]), health
    lab.add_uplink()
    pings(guest)
    gw.wait_ok()


@ONE_GUEST
def test_follows_a_change_of_prefix(lab):
    """The address of the bridge changes: guests get the new prefix at once."""
    guest = lab.guests[0]
    lab.gateway().start()
    guest.up()
    guest.wait_configured()
    lab.host.run("ip", "addr", "add", "2001:db8:1:3::1/64", "dev", "br0", "nodad")
    wait_until(lambda: any(a["local"].startswith("2001:db8:1:3:") for a in guest.addresses("eth0")), 15,
               "an address in the new prefix")


@ONE_GUEST
def test_names_when_the_forwarder_is_silent(lab):
    """No answer from the forwarder: SERVFAIL in time, and the status says so; then all is well."""
    guest = lab.guests[0]
    gw = lab.gateway().start()
    guest.up()
    guest.wait_configured()
    resolver = guest.learn_resolver()[0]
    server = f"@{resolver}{'%eth0' if resolver.startswith('fe80') else ''}"
    text = guest.out("dig", server, "+time=8", "+tries=1", "v4only.example.net", "AAAA")
    assert "SERVFAIL" in text
    servers.start_names(lab)
    wait_until(lambda: guest.out("dig", server, "+short", "+time=2", "+tries=1", "many.example.net", "AAAA"), 15,
               "an answer")
    gw.wait_ok(15)


@pytest.mark.lab(guests=0)
def test_host_keeps_its_own_default_route(lab):
    """Its router advertises; with forwarding on the kernel would no longer listen (accept_ra=1)."""
    host, router = lab.host, lab.routers[0]
    host.sysctl("net.ipv6.conf.eth0.accept_ra", 1)
    router.sysctl("net.ipv6.conf.lan.disable_ipv6", 0)
    router.run("ip", "addr", "add", "2001:db8:f::1/64", "dev", "lan", "nodad")
    router.sysctl("net.ipv6.conf.all.forwarding", 1)
    router.sysctl("net.ipv6.conf.lan.forwarding", 1)
    wait_until(lambda: not any("tentative" in a for a in router.addresses("lan")), 5)
    servers.start_radvd(lab, router, """
        interface lan { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 7;
                        prefix 2001:db8:f::/64 {}; };""")

    def from_kernel():
        return [r for r in host.routes("default") if r["dev"] == "eth0" and r["protocol"] == "ra"]
    wait_until(from_kernel, 15, "a default route from the router")
    gw = lab.gateway().start()
    assert host.sysctl("net.ipv6.conf.all.forwarding") == "1"
    assert host.sysctl("net.ipv6.conf.eth0.accept_ra") == "2"
    end = time.monotonic() + 9
    while time.monotonic() < end:
        assert from_kernel(), "lost"
        time.sleep(0.5)
    assert "accept_ra" in gw.log_text()


@pytest.mark.lab(guests=1, hops=False)
def test_idle_gateway_sleeps(lab, release_build, tmp_path):
    """Every wake-up in ten seconds is a timer that was due: here the advertisements, no more."""
    config = CONFIG + 'ra = ( { min_interval = "3s"; max_interval = "4s"; } );'
    lab.guests[0].sysctl("net.ipv6.conf.eth0.disable_ipv6", 1)  # a carrier for the bridge, and silence
    lab.guests[0].up()
    gw = lab.gateway(config, build=release_build, level="info").start()
    time.sleep(4)
    sent = gw.status()["ra"][0]["sent"]
    time.sleep(0.5)
    trace = tmp_path / "trace"
    strace = lab.host.popen("strace", "-f", "-tt", "-o", trace, "-p", gw.pid)
    wait_until(trace.exists, 5)
    time.sleep(10)
    strace.terminate()
    strace.wait(5)
    sent = gw.status()["ra"][0]["sent"] - sent
    # The kernel may tidy up its neighbour table, which all namespaces share, and report that.
    lines = trace.read_text().splitlines() + [""]
    wakeups = [line for line, following in zip(lines, lines[1:])
               if re.search(r"epoll_p?wait2?\b.*= [1-9]", line) and "=AF_NETLINK, nl_pid=0," not in following]
    assert 2 <= sent <= 5
    assert len(wakeups) <= sent + 1, "\n".join(lines)


@pytest.mark.lab(guests=1, hops=False)
def test_memory(lab, release_build):
    gw, guest = lab.gateway(build=release_build, level="info").start(), lab.guests[0]
    servers.start_names(lab)
    guest.up()
    guest.wait_configured()
    guest.learn_resolver()
    pings(guest)
    guest.run("dig", "+short", "v4only.example.net", "AAAA")
    memory = gw.memory()
    print({key: memory[key] for key in ("VmRSS", "RssAnon", "RssFile")})
    assert memory["VmRSS"] <= 8 * 1024 and memory["RssAnon"] <= 2 * 1024, memory
