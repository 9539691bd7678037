# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease file: what outlives a restart, a kill, a full disk, and a file that is no good."""
import ipaddress
import os
import re
import signal
import socket
import threading
import time

import pytest

from gateway import CONFIG
from lab import BRIDGE_MAC, SERVER4, embed, wait_until
from packet import ipv6, udp6

NO_GUEST = pytest.mark.lab(guests=0, hops=False)
ONE_GUEST = pytest.mark.lab(guests=1, hops=False)
NET = "2001:db8:1:2::"
HEADER = "# v6gwd leases 1"
WORST_S = 2 + 3 + 1.5  # delay, gap, and what a busy machine adds
DAY = 86400


def tayga(leases, used=None):
    """A dynamic.map: {IPv6: IPv4}."""
    used = int(time.time()) if used is None else used
    return "".join(["###\n### TAYGA DYNAMIC MAP\n###\n"] + [f"{v4}\t{v6}\t{used}\n" for v6, v4 in leases.items()])


def some(n, first=0):
    return {f"{NET}{i + 0x100:x}": f"192.168.255.{i + 20}" for i in range(first, first + n)}


def state(gw):
    return gw.dir / "state"


def read_file(gw):
    """{IPv6: IPv4} of a file that is whole."""
    text = (state(gw) / "leases").read_text()
    lines = text.splitlines()
    assert text.endswith("\n") and lines[0] == HEADER and lines[-1] == f"# end {len(lines) - 2}", text[-200:]
    leases = {}
    for line in lines[1:-1]:
        v4, v6, used, check = line.split()
        ipaddress.IPv4Address(v4)
        assert used.isdigit() and re.fullmatch("[0-9a-f]{8}", check)
        leases[v6] = v4
    return leases


def wait_file(gw, leases, timeout=8):
    """Until the file holds just these, and is one of ours."""
    def holds():
        text = (state(gw) / "leases").read_text() if (state(gw) / "leases").exists() else ""
        return text.startswith(HEADER) and read_file(gw) == leases
    wait_until(holds, timeout, f"a file with {leases}")


def mappings(gw):
    return {row["ipv6"]: row for row in gw.ctl_rows("mappings") if row.get("ipv6")}


def addresses(gw):
    return {v6: row["ipv4"] for v6, row in mappings(gw).items()}


def moved_aside(gw):
    return sorted(p for p in state(gw).iterdir() if re.fullmatch(r"leases\.bad-\d{8}-\d{6}", p.name))


def start_with(lab, content, config=CONFIG):
    gw = lab.gateway(config)
    (state(gw) / "leases").write_bytes(content if isinstance(content, bytes) else content.encode())
    return gw.start()


def frame(number):
    """A UDP packet to the server, from the guest's address of that number."""
    src, dst = f"{NET}{number:x}", embed("64:ff9b::/96", SERVER4)
    return ipv6(src, dst, 17, udp6(src, dst, 40000, 9, b"test"))


class Burst(threading.Thread):
    """Packets of ever new addresses of a guest; sent is when each was first sent."""

    def __init__(self, guest, first, rate=200):
        super().__init__(daemon=True)
        self.next, self.rate, self.sent, self.enough = first, rate, {}, threading.Event()
        with guest.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.to = ("eth0", 0x86dd, 0, 0, bytes.fromhex(BRIDGE_MAC.replace(":", "")))

    def run(self):
        while not self.enough.wait(1 / self.rate):
            self.socket.sendto(frame(self.next), self.to)
            self.sent[f"{NET}{self.next:x}"] = time.monotonic()
            self.next += 1
        self.socket.close()

    def end(self):
        self.enough.set()
        self.join()


def configured(lab, gw):
    guest = lab.guests[0]
    guest.up()
    guest.wait_configured()
    return guest


def ping(guest):
    target = embed("64:ff9b::/96", SERVER4)
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", target), 10, f"{guest.name} pings {target}")


@ONE_GUEST
def test_same_address_after_any_restart(lab):
    """One that its hash would not have given it."""
    gw = lab.gateway().start()
    guest = configured(lab, gw)
    ping(guest)
    gw.stop()
    assert guest.address in read_file(gw)
    other = "192.168.255.78" if read_file(gw)[guest.address] != "192.168.255.78" else "192.168.255.79"
    (state(gw) / "leases").write_text(tayga({guest.address: other}))
    gw.start()
    wait_file(gw, {guest.address: other})
    assert (state(gw) / "leases").stat().st_mode & 0o7777 == 0o600
    for end in (signal.SIGTERM, signal.SIGUSR2, signal.SIGKILL):
        ping(guest)
        assert addresses(gw) == {guest.address: other}
        if end == signal.SIGKILL:
            gw.kill()
        else:
            gw.stop(end)
        gw.start()
    ping(guest)
    assert addresses(gw) == {guest.address: other} and not moved_aside(gw)
    gw.stop()


@ONE_GUEST
def test_killed_within_a_burst(lab):
    """What is lost is the last seconds' alone, and the file is whole whenever the kill comes."""
    gw = lab.gateway(CONFIG + 'nat64 = { dynamic_pool = [ "10.64.0.0/18" ]; max_mappings_per_guest = 65535; };').start()
    guest = configured(lab, gw)
    ping(guest)
    burst, kept = Burst(guest, 0x1000), {}
    burst.start()
    for seconds in (7.0, 2.2, 4.1):
        time.sleep(seconds)
        before = addresses(gw)
        gw.kill()
        killed = time.monotonic()
        kept = read_file(gw)
        assert all(before.get(v6, v4) == v4 for v6, v4 in kept.items())
        gw.start()
        due = [v6 for v6, at in burst.sent.items() if at < killed - WORST_S and v6 in before]
        lost = [v6 for v6 in due if v6 not in kept]
        assert due or seconds < WORST_S
        assert not lost, f"{len(lost)} of {len(due)} that were older than {WORST_S} s"
        now = addresses(gw)
        assert all(now[v6] == v4 for v6, v4 in kept.items())
    burst.end()
    assert len(kept) > 500 and not moved_aside(gw)
    gw.stop()
    assert now.items() <= read_file(gw).items()


@ONE_GUEST
def test_a_full_disk(lab):
    gw = lab.gateway()
    lab.host.run("mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "leases", state(gw))
    gw.start()
    guest, file = configured(lab, gw), state(gw) / "leases"
    ping(guest)

    def text():
        return lab.host.out("cat", file)

    wait_until(lambda: guest.address in text(), 8, "the guest's lease")
    gw.wait_ok()
    before = text()
    lab.host.run("dd", "if=/dev/zero", f"of={state(gw)}/ballast", "bs=1k", check=False)
    burst = Burst(guest, 0x1000)
    burst.start()
    wait_until(lambda: len(burst.sent) > 10, 5)
    burst.end()
    reason = wait_until(lambda: [r for r in gw.status()["health"]["reasons"] if "No space" in r], 8, "a reason")
    assert "make room" in reason[0] and gw.status()["health"]["state"] == "degraded"
    assert text() == before and lab.host.out("ls", state(gw)).split() == ["ballast", "leases"]
    ping(guest)
    assert len(addresses(gw)) > 10
    lab.host.run("rm", state(gw) / "ballast")
    gw.wait_ok(15)
    assert len(text().splitlines()) == len(addresses(gw)) + 2
    assert gw.log_text().count("No space left on device") == 2  # that it is so, and that it is over
    gw.stop()


@NO_GUEST
@pytest.mark.parametrize("where", ["within a line", "between lines", "nothing left"])
def test_a_truncated_file(lab, where):
    gw = start_with(lab, tayga(some(20)))
    gw.stop()
    file, lines = state(gw) / "leases", (state(gw) / "leases").read_bytes().splitlines(True)
    cut = {"within a line": b"".join(lines[:11]) + lines[11][:25], "between lines": b"".join(lines[:11]),
           "nothing left": b""}[where]
    file.write_bytes(cut)
    gw.start()
    assert len(addresses(gw)) == (0 if where == "nothing left" else 10)
    assert addresses(gw).items() <= some(20).items()
    aside, = moved_aside(gw)
    assert aside.read_bytes() == cut
    assert gw.log_text().count(aside.name) == 1
    wait_file(gw, addresses(gw))
    gw.wait_ok()
    gw.stop()
    gw.start()
    assert moved_aside(gw) == [aside]
    gw.stop()


@NO_GUEST
def test_garbage(lab):
    """Also in the midst of good lines; an edited line is not believed."""
    whole = start_with(lab, tayga(some(5)))
    whole.stop()
    good = (state(whole) / "leases").read_bytes()
    edited = {v6: v4 for v6, v4 in some(5).items() if v6 != f"{NET}100"}
    for junk, kept in ((os.urandom(300000), {}),
                       (good.replace(b"\n", b"\n\xff\0#\n", 3), some(5)),
                       (b"x" * 200000 + b"\n" + good, {}),
                       (bytes(70000), {}),
                       (good.replace(b":100 ", b":900 "), edited)):
        (state(whole) / "leases").write_bytes(junk)
        whole.start()
        assert addresses(whole) == kept
        assert any(p.read_bytes() == junk for p in moved_aside(whole))
        whole.wait_ok()
        whole.stop()
        assert read_file(whole) == kept
        time.sleep(1)  # the next one's name


@NO_GUEST
def test_from_the_future(lab):
    """Stamps that lie ahead are of nobody knows when; what a newer version wrote is put aside."""
    ahead = int(time.time()) + 3650 * DAY
    gw = start_with(lab, tayga(some(3), ahead))
    assert addresses(gw) == some(3)
    assert all(row["idle_s"] < 30 and row["state"] == "dormant" for row in mappings(gw).values())
    gw.stop()
    assert all(int(line.split()[2]) <= time.time() for line in (state(gw) / "leases").read_text().splitlines()[1:-1])
    newer = (state(gw) / "leases").read_text().replace(HEADER, "# v6gwd leases 2")
    (state(gw) / "leases").write_text(newer)
    gw.start()
    aside, = moved_aside(gw)
    assert aside.read_text() == newer and "newer version" in gw.log_text()
    gw.wait_ok()
    gw.stop()


@NO_GUEST
def test_tayga_s_dynamic_map(lab):
    """Ages count: active, dormant, too old; and what cannot be is left out."""
    now = int(time.time())
    text = tayga({f"{NET}1": "192.168.255.33"}, now - 60) + tayga({f"{NET}2": "192.168.255.34"}, now - DAY) + \
        tayga({f"{NET}3": "192.168.255.35"}, now - 30 * DAY) + tayga({f"{NET}4": "10.9.9.9"}) + \
        tayga({f"{NET}5": "192.168.255.1"}) + tayga({f"{NET}2": "192.168.255.36"}, now - 2 * DAY) + \
        tayga({"fe80::1": "192.168.255.37"})
    gw = start_with(lab, text)
    got = {v6: (row["ipv4"], row["state"]) for v6, row in mappings(gw).items()}
    assert got == {f"{NET}1": ("192.168.255.33", "active"), f"{NET}2": ("192.168.255.34", "dormant")}
    assert DAY <= mappings(gw)[f"{NET}2"]["idle_s"] < DAY + 60 and not moved_aside(gw)
    gw.stop()
    assert read_file(gw) == {v6: v4 for v6, (v4, _) in got.items()}


@NO_GUEST
def test_links_are_not_followed(lab):
    gw = lab.gateway()
    victim, file, new = gw.dir / "victim", state(gw) / "leases", state(gw) / "leases.new"
    victim.write_text(tayga(some(2)))
    before = victim.read_bytes()
    new.symlink_to(victim)
    file.symlink_to(victim)
    gw.start()
    assert addresses(gw) == {} and moved_aside(gw)[0].is_symlink()
    wait_file(gw, {})
    assert not file.is_symlink()
    assert victim.read_bytes() == before and not new.exists() and not new.is_symlink()
    gw.stop()
    assert victim.read_bytes() == before
    file.unlink()
    os.mkfifo(file)
    gw.start()
    assert moved_aside(gw)
    gw.stop()


@NO_GUEST
def test_larger_than_any(lab):
    """A hole as large as this takes minutes to read."""
    gw = start_with(lab, tayga(some(2)))
    gw.stop()
    os.truncate(state(gw) / "leases", 1 << 40)
    gw.start()
    aside, = moved_aside(gw)
    assert aside.stat().st_size == 1 << 40 and addresses(gw) == {}
    gw.wait_ok()
    gw.stop()


@ONE_GUEST
def test_a_missing_directory(lab):
    """Degraded, and well by itself when it is there."""
    gw = lab.gateway('state_directory = "/var/lib/v6gwd/not/there";\n' + CONFIG).start()
    reason = wait_until(lambda: [r for r in gw.status()["health"]["reasons"] if "not/there" in r], 3, "a reason")
    assert "make it" in reason[0] and "DEGRADED" in gw.notify.status
    ping(configured(lab, gw))
    lab.host.run("mkdir", "-p", "/var/lib/v6gwd/not/there")
    gw.wait_ok(15)
    assert lab.guests[0].address in lab.host.out("cat", "/var/lib/v6gwd/not/there/leases")
    gw.configure('state_directory = "/var/lib/v6gwd/new";\n' + CONFIG)
    gw.ctl("reload")
    wait_until(lambda: lab.host.ok("grep", "-q", lab.guests[0].address, "/var/lib/v6gwd/new/leases"), 5, "the new place")
    assert lab.host.out("stat", "-c", "%a", "/var/lib/v6gwd/new").strip() == "700"
    gw.stop()


@ONE_GUEST
def test_a_directory_that_comes_later(lab):
    """As of a file system that is mounted late: what its file says is not lost.  The mappings made
    meanwhile win."""
    late = "/var/lib/v6gwd/not/there"
    gw = lab.gateway(f'state_directory = "{late}";\n' + CONFIG).start()
    wait_until(lambda: gw.status()["health"]["reasons"], 3, "a reason")
    guest = configured(lab, gw)
    ping(guest)
    mine = addresses(gw)[guest.address]
    text = tayga({f"{NET}1": "192.168.255.33", f"{NET}2": mine}) + tayga({f"{NET}3": "192.168.255.34"}, int(time.time()) - DAY)
    lab.host.run("sh", "-c", "cd /var/lib/v6gwd && mkdir -p new/there && cat > new/there/leases && mv new not", input=text)
    gw.wait_ok(15)
    want = {guest.address: mine, f"{NET}1": "192.168.255.33", f"{NET}3": "192.168.255.34"}
    assert addresses(gw) == want and mappings(gw)[f"{NET}3"]["state"] == "dormant"
    wait_until(lambda: all(v6 in lab.host.out("cat", f"{late}/leases") for v6 in want), 8, "a file with all")
    assert re.search("2 of 3 leases restored from .*; the others", gw.log_text()), gw.log_text()
    gw.stop()


@NO_GUEST
def test_what_no_longer_fits_is_dropped(lab):
    gw = start_with(lab, tayga(some(10)))
    taken = some(10)[f"{NET}104"]
    gw.configure(CONFIG + f'nat64 = {{ maps = ( {{ ipv4 = "{taken}"; ipv6 = "{NET}999"; }} ); }};')
    gw.ctl("reload")
    rest = {v6: v4 for v6, v4 in some(10).items() if v4 != taken}
    wait_file(gw, rest)
    gw.configure(CONFIG + 'nat64 = { dynamic_pool = [ "192.168.255.0/27" ]; };')
    gw.ctl("reload")
    rest = {v6: v4 for v6, v4 in rest.items() if int(v4.split(".")[3]) < 31}
    wait_file(gw, rest)
    gw.configure(CONFIG + "nat64 = { enabled = false; };")
    gw.ctl("reload")
    time.sleep(2.5)
    assert read_file(gw) == rest
    gw.configure(CONFIG)
    gw.ctl("reload")
    assert addresses(gw) == rest
    gw.stop()


@ONE_GUEST
def test_the_bridge_comes_later(lab):
    """A lease whose guest is no client yet waits for it."""
    guest = lab.guests[0]
    gw = lab.gateway().start()
    configured(lab, gw)
    gw.stop()
    lab.del_bridge()
    (state(gw) / "leases").write_text(tayga({guest.address: "192.168.255.99"}))
    gw.start()
    lab.del_uplink()
    time.sleep(0.3)
    lab.add_uplink()
    lab.add_bridge()
    guest.wait_configured()
    ping(guest)
    assert addresses(gw)[guest.address] == "192.168.255.99"
    gw.stop()


@NO_GUEST
def test_quiet_without_change(lab):
    """Nothing is written that is there already."""
    gw = start_with(lab, tayga(some(3)))
    wait_file(gw, some(3))
    before = (state(gw) / "leases").stat()
    gw.stop()
    gw.start()
    time.sleep(3)
    gw.stop()
    after = (state(gw) / "leases").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
