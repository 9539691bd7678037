# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptors kept over a restart (gateway.py keeps them, as systemd would): taken, refused, given up."""
import fcntl
import os
import re
import signal
import socket
import struct
import threading
import time

import dns.exception
import dns.message
import dns.query
import pytest

from gateway import CONFIG
from lab import NAMES4, SERVER4, embed, wait_until
from mock_dns import MockDns, Send
from test_ra_guard import CONFIG as GUARD, PROVIDER4, becomes, by_the_bridge, provider  # noqa: F401

TARGET = embed("64:ff9b::/96", SERVER4)
RESOLVER = "2001:db8:1:2::1"
TUNSETIFF, TUN, TAP, NO_PI = 0x400454ca, 1, 2, 0x1000
pytestmark = pytest.mark.lab(guests=1, hops=False)


def tun(lab, flags, name="nat64"):
    with lab.host.inside():
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH14x", name.encode(), flags))
    return fd


def name_of(kind, addr=RESOLVER, port=53):
    return f"1.dns-{kind}-{socket.inet_pton(socket.AF_INET6, addr).hex()}-{port}-0"


def works(lab):
    guest = lab.guests[0]
    guest.up()
    guest.wait_configured()
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "a ping")


class Monitor:
    """What the kernel tells of links, addresses and routes meanwhile."""

    def __init__(self, lab):
        self.file = lab.dir / "monitor"
        self.process = lab.host.popen("ip", "monitor", "link", "address", "route", stdout=open(self.file, "w"))
        time.sleep(0.3)

    def nothing_went(self):
        time.sleep(0.3)
        self.process.terminate()
        self.process.wait(5)
        text = self.file.read_text()
        assert "Deleted" not in text and "linkdown" not in text, text


def test_a_stop_gives_up_everything(lab):
    gw = lab.gateway().start()
    kept = {name.split("-")[0] for name in gw.store}
    assert kept == {"1.tun", "1.nft", "1.dns", "1.control"}, gw.store
    assert {"1.tun-nat64", "1.nft-2-v6gwd", "1.nft-10-v6gwd", name_of("udp"), name_of("tcp")} <= set(gw.store)
    gw.send(signal.SIGTERM)
    gw.wait_exit()
    wait_until(lambda: not gw.store, 2, lambda: f"an empty store: {gw.store}")


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_the_next_process_takes_over(lab, how):
    gw = lab.gateway().start()
    works(lab)
    monitor, before = Monitor(lab), lab.host.json("ip", "-j", "link", "show", "nat64")[0]["ifindex"]
    kept = {name: os.fstat(fd).st_ino for name, fd in gw.store.items()}
    for _ in range(2):
        if how == "kill":
            gw.kill()
        else:
            gw.stop(signal.SIGUSR2)
        assert lab.host.out("nft", "list", "ruleset").count("masquerade") == 1
        gw.start()
    works(lab)
    monitor.nothing_went()
    assert lab.host.json("ip", "-j", "link", "show", "nat64")[0]["ifindex"] == before
    assert {name: os.fstat(fd).st_ino for name, fd in gw.store.items()} == kept
    assert lab.host.out("nft", "list", "ruleset").count("masquerade") == 1
    gw.wait_ok()


def test_what_another_version_kept_is_closed(lab):
    """Its TUN device would be in the way."""
    gw = lab.gateway()
    gw.store.update({"2.tun-nat64": tun(lab, TUN | NO_PI), "unknown": os.open("/dev/null", os.O_RDONLY)})
    gw.start()
    works(lab)
    assert "2.tun-nat64" not in gw.store and "unknown" not in gw.store and "1.tun-nat64" in gw.store
    assert gw.log_text().count("not ours: closed") == 2


@pytest.mark.parametrize("name, make", [
    ("1.tun-nat64", lambda lab: tun(lab, TAP | NO_PI)),
    ("1.tun-nat64", lambda lab: tun(lab, TUN | NO_PI, "other")),
    ("1.tun-nat64", lambda lab: os.open("/dev/null", os.O_RDWR)),
    ("1.nft-2-v6gwd", lambda lab: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).detach()),
    ("1.nft-10-v6gwd", lambda lab: os.open("/dev/zero", os.O_RDWR)),
    (name_of("udp"), lambda lab: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).detach()),
    (name_of("udp"), lambda lab: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()),
    (name_of("tcp"), lambda lab: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).detach()),
    (name_of("tcp"), lambda lab: socket.socket(socket.AF_INET6, socket.SOCK_STREAM).detach()),
])
def test_what_is_not_what_its_name_says_is_closed(lab, name, make):
    gw = lab.gateway()
    gw.store[name] = make(lab)
    was = os.fstat(gw.store[name]).st_ino, os.fstat(gw.store[name]).st_rdev
    gw.start()
    works(lab)
    gw.wait_ok()
    assert "is not what it should be: closed" in gw.log_text()
    now = os.fstat(gw.store[name])
    assert name.startswith("1.tun") or (now.st_ino, now.st_rdev) != was


def test_a_blocking_socket_does_not_block(lab):
    gw = lab.gateway()
    with lab.host.inside():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((RESOLVER, 53))
    gw.store[name_of("udp")] = sock.detach()
    gw.start()
    works(lab)
    assert lab.guests[0].ok("dig", f"@{RESOLVER}", "+time=3", "+tries=1", "ipv4only.arpa", "AAAA")
    assert "udp" in gw.log_text() and "taken over" in gw.log_text()


def test_what_the_new_configuration_does_not_want_goes(lab):
    gw = lab.gateway(CONFIG + 'nat64 = { dynamic_pool = [ "192.168.254.0/24" ]; };').start()
    works(lab)
    gw.stop(signal.SIGUSR2)
    assert lab.host.routes("192.168.254.0/24", family=4)
    gw.configure(CONFIG + 'nat64 = { masquerade = "off"; }; dns64 = { listen = [ "::1" ]; };')
    gw.start()
    assert not lab.host.routes("192.168.254.0/24", family=4) and lab.host.routes("192.168.255.0/24", family=4)
    assert "masquerade" not in lab.host.out("nft", "list", "ruleset")
    assert not {"1.nft-2-v6gwd", name_of("udp"), name_of("tcp")} & set(gw.store) and name_of("udp", "::1") in gw.store
    assert f"[{RESOLVER}]:53" not in lab.host.out("ss", "-Hlnu")

    gw.stop(signal.SIGUSR2)
    gw.configure(CONFIG + "nat64 = { enabled = false; };")
    gw.start()
    wait_until(lambda: not lab.host.ok("ip", "link", "show", "nat64"), 3, "no device")
    assert "1.tun-nat64" not in gw.store


def test_the_socket_of_v6gwctl(lab):
    """Who connects between two processes is answered by the second; a file that is not ours is not believed."""
    gw = lab.gateway().start()
    gw.stop(signal.SIGUSR2)
    asked = lab.host.popen(gw.build / "daemon/v6gwctl", "status", stdout=-1, text=True)
    time.sleep(0.3)
    assert asked.poll() is None
    gw.start()
    assert asked.communicate(timeout=5)[0].startswith(("OK", "DEGRADED"))

    gw.stop(signal.SIGUSR2)
    lab.host.run("rm", "/run/v6gwd/control.sock")
    gw.start()
    assert gw.status() and sum(name.startswith("1.control") for name in gw.store) == 1


def test_nobody_keeps_but_the_device_is_persistent(lab):
    """Another supervisor, and a device made beforehand: its routes stay over a restart."""
    lab.host.run("ip", "tuntap", "add", "dev", "nat64", "mode", "tun")
    gw = lab.gateway(keeps=False).start()
    works(lab)

    def routes():
        return [r["dst"] for family in (4, 6) for r in lab.host.routes("dev", "nat64", family=family)]
    before = routes()
    gw.stop(signal.SIGUSR2)
    assert routes() == before and len(before) > 2
    gw.start()
    works(lab)
    gw.wait_ok()
    gw.stop()
    assert lab.host.ok("ip", "link", "show", "nat64") and not lab.host.routes("64:ff9b::/96")
    lab.host.run("ip", "link", "del", "nat64")


class Slow:
    """A forwarder that takes its time."""

    def __init__(self, lab, after):
        self.mock = MockDns(NAMES4, inside=lab.server.inside)
        self.mock.script = lambda q: [] if after is None else [Send(q.reply(answer=[f"{q.name}. 300 IN AAAA 2600::1"]), after)]
        lab.on_close(self.mock.close)

    def wait_asked(self, n):
        wait_until(lambda: len(self.mock.asked()) >= n, 3, "the forwarder is asked")


def ask(lab, name, results, tcp=False, timeout=4):
    """A thread that asks from the guest, and notes what came."""
    with lab.guests[0].inside():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        if tcp:
            sock.connect((RESOLVER, 53))
        sock.setblocking(False)

    def work():
        query = dns.message.make_query(name, "AAAA")
        with sock:
            try:
                if tcp:
                    answer = dns.query.tcp(query, RESOLVER, timeout, sock=sock)
                    results[name] = (answer.rcode(), None)
                    sock.settimeout(1)
                    results[name] = (answer.rcode(), sock.recv(1))
                else:
                    results[name] = (dns.query.udp(query, RESOLVER, timeout, sock=sock).rcode(), b"")
            except (OSError, EOFError, dns.exception.DNSException):
                results.setdefault(name, None)
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_questions_under_way_are_answered(lab):
    """Those by stream too, which then ends, and one that nobody asks by as well."""
    forwarder, gw, results = Slow(lab, 0.5), lab.gateway().start(), {}
    works(lab)
    with lab.guests[0].inside():
        idle = socket.create_connection((RESOLVER, 53))
    threads = [ask(lab, "a.example", results)]
    forwarder.wait_asked(1)
    threads.append(ask(lab, "b.example", results, tcp=True))
    wait_until(lambda: forwarder.mock.asked("b.example"), 2, "the second question")
    took = gw.stop(signal.SIGUSR2)
    for thread in threads:
        thread.join(5)
    assert results == {"a.example": (0, b""), "b.example": (0, b"")}
    assert took < 1.0
    idle.settimeout(2)
    assert idle.recv(1) == b"", "closed, not reset"
    idle.close()


def test_no_longer_than_a_second_for_a_silent_forwarder(lab):
    forwarder, gw, results = Slow(lab, None), lab.gateway().start(), {}
    works(lab)
    thread = ask(lab, "a.example", results, timeout=2)
    forwarder.wait_asked(1)
    took = gw.stop(signal.SIGUSR2)
    thread.join(5)
    assert 0.8 < took < 2.5


def test_questions_meanwhile_are_for_the_next_process(lab):
    forwarder, gw, results = Slow(lab, 0.3), lab.gateway().start(), {}
    works(lab)
    first = ask(lab, "a.example", results)
    forwarder.wait_asked(1)
    gw.send(signal.SIGUSR2)
    time.sleep(0.1)
    late = ask(lab, "b.example", results)  # while the first is waited for
    gw.wait_exit()
    nobody = [ask(lab, "c.example", results), ask(lab, "d.example", results, tcp=True, timeout=3)]
    time.sleep(0.3)
    gw.start()
    for thread in (first, late, *nobody):
        thread.join(6)
    # The stream was accepted by the next one, and stays open.
    assert results == {"a.example": (0, b""), "b.example": (0, b""), "c.example": (0, b""), "d.example": (0, None)}
    assert {q.name for q in forwarder.mock.asked()} == {f"{x}.example" for x in "abcd"}


def ttl_of(lab, name):
    query = dns.message.make_query(name, "AAAA")
    with lab.guests[0].inside():
        return dns.query.udp(query, RESOLVER, 4).answer[0].ttl


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_what_was_heard_is_known_to_the_next_process(lab, how):
    """A killed process has nothing to hand on, and the next one asks."""
    forwarder, gw = Slow(lab, 0), lab.gateway().start()
    works(lab)
    before = ttl_of(lab, "a.example")
    time.sleep(1.1)
    asked = len(forwarder.mock.asked("a.example"))
    if how == "kill":
        gw.kill()
    else:
        gw.stop(signal.SIGUSR2)
    assert ("1.dns-cache" in gw.store) == (how == "restart")
    gw.start()
    after = ttl_of(lab, "a.example")
    again = len(forwarder.mock.asked("a.example"))
    assert "1.dns-cache" not in gw.store
    if how == "kill":
        assert again > asked
        return
    assert again == asked and before - 5 < after < before
    assert re.search(r"cache: \d+ answers of the process before", gw.log_text())


def test_a_cache_with_more_seals(lab):
    """As the kernel makes it where vm.memfd_noexec is set."""
    noexec_seal = 8
    gw = lab.gateway().start()
    works(lab)
    gw.stop(signal.SIGUSR2)
    try:
        other = os.memfd_create("other", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING | noexec_seal)
    except OSError:
        pytest.skip("Linux before 6.3")
    old = gw.store["1.dns-cache"]
    os.write(other, os.pread(old, os.fstat(old).st_size, 0))
    fcntl.fcntl(other, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    os.dup2(other, old, inheritable=False)
    os.close(other)
    gw.start()
    gw.wait_log("answers of the process before")


def test_a_cache_that_is_none_is_closed(lab):
    gw, path = lab.gateway(), lab.dir / "cache"
    path.write_text("nothing")
    gw.store["1.dns-cache"] = os.open(path, os.O_RDWR)
    gw.start()
    works(lab)
    assert "1.dns-cache" not in gw.store
    assert "descriptor dns-cache is not what it should be: closed" in gw.log_text()


def test_the_provider_hears_nothing_meanwhile(lab, provider):  # noqa: F811
    """Its port is refused by the process that leaves, by nobody, and by the one that comes."""
    by_the_bridge(lab)
    lab.host.run("ping", "-c1", "-W2", PROVIDER4)
    gw = lab.gateway(GUARD).start()
    becomes(gw, ["nic0"])
    with provider.capture("eth0", "icmp6 and ip6[40] == 134") as seen:
        gw.stop(signal.SIGUSR2)
        assert lab.host.ok("nft", "list", "table", "bridge", "v6gwd")
        assert lab.host.ok("nft", "list", "table", "inet", "v6gwd")
        gw.start()
        becomes(gw, ["nic0"])
        time.sleep(1)
    assert not seen.packets()
    assert "not needed any more" not in gw.log_text()
