# SPDX-License-Identifier: GPL-3.0-or-later
"""What guests notice of a restart, a kill and an abort, with a real systemd: what they lose is printed."""
import contextlib
import re
import socket
import struct
import threading
import time

import dns.message
import pytest

import servers
from lab import SERVER4, embed, wait_until
from test_service import container, installed  # noqa: F401

TARGET = embed("64:ff9b::/96", SERVER4)
PORT = 7000
pytestmark = pytest.mark.lab(guests=1, hops=False)


class Stream:
    """A TCP connection from a guest to an echo server behind the gateway, with numbered words both ways."""

    def __init__(self, lab, guest):
        with lab.server.inside():
            listener = socket.create_server((SERVER4, PORT))
        with guest.inside():
            self.socket = socket.create_connection((TARGET, PORT), 5)
        self.peer, _ = listener.accept()
        listener.close()
        self.received, self.slowest, self.error, self.over = 0, 0.0, None, False
        self.threads = [threading.Thread(target=t) for t in (self._echo, self._send, self._receive)]
        for thread in self.threads:
            thread.start()

    def _echo(self):
        with contextlib.suppress(OSError):
            while data := self.peer.recv(65536):
                self.peer.sendall(data)
        self.peer.close()

    def _send(self):
        try:
            for n in range(1 << 30):
                if self.over:
                    break
                self.socket.sendall(struct.pack("!64I", *range(n * 64, n * 64 + 64)))
                time.sleep(0.001)
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.error = error

    def _receive(self):
        self.socket.settimeout(10)
        rest, last = b"", time.monotonic()
        try:
            while data := self.socket.recv(65536):
                rest += data
                whole = len(rest) // 4
                for n, word in enumerate(struct.unpack_from(f"!{whole}I", rest), self.received):
                    assert n == word
                rest, self.received = rest[whole * 4:], self.received + whole
                self.slowest = max(self.slowest, time.monotonic() - last)
                last = time.monotonic()
        except (OSError, AssertionError) as error:
            self.error = error

    def end(self):
        self.over = True
        for thread in self.threads:
            thread.join(15)
        self.socket.close()
        assert self.error is None and self.received > 64, self.error
        return self.slowest


class Questions:
    """UDP questions at a steady pace, each with an id of its own: known answers and new ones."""

    def __init__(self, guest, server, every=0.002):
        with guest.inside():
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            scope = socket.if_nametoindex("eth0") if server.startswith("fe80") else 0
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.to, self.every = (server, 53, 0, scope), every
        self.asked, self.answered, self.over = 0, set(), False
        self.threads = [threading.Thread(target=t) for t in (self._ask, self._listen)]
        for thread in self.threads:
            thread.start()

    def _ask(self):
        wires = [bytearray(dns.message.make_query(name, "AAAA").to_wire())
                 for name in ["v4only.example.net"] * 9 + ["many.example.net"]]
        while not self.over and self.asked < 65535:
            wire = wires[self.asked % 10]
            struct.pack_into("!H", wire, 0, self.asked)
            self.socket.sendto(wire, self.to)
            self.asked += 1
            time.sleep(self.every)

    def _listen(self):
        self.socket.settimeout(0.5)
        last = None
        while last is None or time.monotonic() - last < 3:
            with contextlib.suppress(OSError):
                data = self.socket.recv(4096)
                if data[3] & 15 == 0:
                    self.answered.add(struct.unpack_from("!H", data)[0])
            if self.over and last is None:
                last = time.monotonic()
            if self.over and len(self.answered) == self.asked:
                break

    def end(self):
        self.over = True
        for thread in self.threads:
            thread.join(15)
        self.socket.close()
        return self.asked - len(self.answered)


@contextlib.contextmanager
def traffic(lab, guest, seconds):
    """Everything at once while the block runs, and the proof that nothing was taken away."""
    ping = guest.popen("ping", "-q", "-i", "0.001", "-W", "3", "-c", str(seconds * 1000), TARGET,
                       stdout=-1, text=True)
    monitor = lab.host.popen("ip", "monitor", "link", "address", "route", stdout=open(lab.dir / "monitor", "w"))
    stream, questions = Stream(lab, guest), Questions(guest, guest.resolvers[0])
    result = {}
    with guest.capture("eth0", "icmp6 and ip6[40] == 134") as advertised:
        time.sleep(0.5)
        yield result
        out = ping.communicate(timeout=seconds * 3 + 20)[0]
    sent, got = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", out).groups())
    result.update(pings=sent, pings_lost=sent - got, questions=questions.asked, questions_lost=questions.end(),
                  tcp_pause_ms=round(stream.end() * 1000))
    monitor.terminate()
    monitor.wait(5)
    print(result)
    assert "lifetime 0s" not in advertised.text("-v")
    seen = (lab.dir / "monitor").read_text()
    assert not re.search(r"^Deleted", seen, re.M) and "NO-CARRIER" not in seen and "linkdown" not in seen, seen


@pytest.fixture
def service(lab, container):  # noqa: F811
    """The service with a guest that has everything from it, and an impatient watchdog."""
    guest = lab.guests[0]
    servers.start_names(lab)
    container.run("sh", "-ec", "mkdir -p /etc/systemd/system/v6gwd.service.d;"
                  "printf '[Service]\\nWatchdogSec=2\\n' >/etc/systemd/system/v6gwd.service.d/test.conf;"
                  "systemctl daemon-reload")
    container.run("systemd-sysusers")
    done = container.run("systemctl", "start", "v6gwd", check=False)
    assert done.returncode == 0, container.journal("v6gwd")
    guest.up()
    guest.wait_configured()
    guest.resolvers = guest.learn_resolver()
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping")
    for name in ("v4only", "many"):
        assert guest.out("dig", "+short", f"{name}.example.net", "AAAA")
    return container


def devices(lab):
    """What stays the same while a device does."""
    return lab.host.json("ip", "-j", "link", "show", "nat64")[0]["ifindex"]


def began_anew(service, old):
    return wait_until(lambda: service.show("v6gwd", "ActiveState") == "active" and service.show("v6gwd", "MainPID") not in (old, "0"),
                      15, lambda: "the next process\n" + service.journal("v6gwd"))


def test_restart_loses_nothing(lab, service):
    index, old = devices(lab), service.show("v6gwd", "MainPID")
    with traffic(lab, lab.guests[0], 6) as lost:
        for _ in range(3):
            service.run("systemctl", "restart", "v6gwd")
            time.sleep(0.7)
    assert service.show("v6gwd", "MainPID") != old and devices(lab) == index
    assert (lost["pings_lost"], lost["questions_lost"]) == (0, 0), (lost, service.journal("v6gwd"))
    assert "not ours" not in service.journal("v6gwd") and "not what it should be" not in service.journal("v6gwd")
    assert service.journal("v6gwd").count("answers of the process before") == 3
    assert service.run("v6gwctl", "status").stdout.startswith("OK\n")


def test_killed(lab, service):
    index, old = devices(lab), service.show("v6gwd", "MainPID")
    with traffic(lab, lab.guests[0], 4) as lost:
        service.run("kill", "-KILL", old)
        began_anew(service, old)
    assert devices(lab) == index
    # What the killed one had read is gone: at most what one wake-up takes.
    assert lost["pings_lost"] <= 64 and lost["questions_lost"] <= 128, lost


def test_aborted_by_the_watchdog(lab, service):
    """Nothing is read for two seconds: what does not fit into the queues of that time is lost."""
    index, old = devices(lab), service.show("v6gwd", "MainPID")
    with traffic(lab, lab.guests[0], 7) as lost:
        service.run("kill", "-STOP", old)
        began_anew(service, old)
    assert devices(lab) == index
    assert "watchdog" in service.run("journalctl", "-u", "v6gwd", "--no-pager").stdout.lower()
    assert lost["pings_lost"] <= 64, lost


def test_stop_leaves_nothing(lab, service):
    service.run("systemctl", "restart", "v6gwd")
    service.run("systemctl", "stop", "v6gwd")
    wait_until(lambda: service.show("v6gwd", "NFileDescriptorStore") == "0", 5, "an empty store")
    links = [link["ifname"] for link in lab.host.json("ip", "-j", "link")]
    assert "nat64" not in links and "v6gwd" not in lab.host.out("nft", "list", "ruleset")
    assert not lab.host.routes("64:ff9b::/96")
    assert not lab.host.out("ss", "-Hlnu", "sport = :53") and not lab.host.out("ss", "-Hlnt", "sport = :53")
