# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian package, by dpkg, on a booted host that has what it depends on: in, over itself, and out again."""
import pathlib
import re
import shutil
import time

import pytest

import servers
from container import Container
from lab import ROOT, SERVER4, canonical, embed, sh, wait_until
from test_life_cycle import settled, snapshot
from test_restart import Stream, devices

TARGET = embed("64:ff9b::/96", SERVER4)
pytestmark = pytest.mark.lab(guests=1, hops=False)
INSIDE, INSIDE_NEWER = "/run/v6gwd.deb", "/run/v6gwd-newer.deb"
NEWER = "9.9.9"
# What may have come from us: files by name, and lines of the files of users.
TRACES = ("find /etc /usr /lib/systemd /var/lib /var/cache /var/spool /run -name '*v6gw*' ! -path '/run/*.deb'; "
          "grep -H v6gwd /etc/passwd /etc/group /etc/shadow /etc/gshadow")


def traces(box):
    return set(box.run("sh", "-c", TRACES, check=False).stdout.splitlines())


def fields(package):
    return dict(re.findall(r"^([\w-]+): (.*)$", sh("dpkg-deb", "--field", package).stdout, re.M))


def listing(package):
    """What is in it: {path: (mode, owner)}."""
    rows = [line.split(None, 5) for line in sh("dpkg-deb", "--contents", package).stdout.splitlines()]
    return {row[5].removeprefix("."): (row[0], row[1]) for row in rows}


def test_contents(package):
    files, said = listing(package), fields(package)
    assert {"/etc/v6gwd.conf", "/usr/sbin/v6gwd", "/usr/bin/v6gwctl", "/lib/systemd/system/v6gwd.service",
            "/usr/share/doc/v6gwd/copyright", "/usr/share/man/man8/v6gwd.8.gz"} <= set(files)
    assert {owner for _, owner in files.values()} == {"root/root"}
    assert {mode for mode, _ in files.values()} == {"drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", said["Version"])
    for library in ("libc6", "libc-ares2", "libnftnl11", "libsystemd0", "libconfig9"):
        assert library in said["Depends"]


def test_same_again(package, release_build, tmp_path):
    """The same sources make the same package."""
    again = sh(ROOT / "tests/package", release_build, tmp_path).stdout.strip()
    assert sh("sha256sum", again).stdout.split()[0] == sh("sha256sum", package).stdout.split()[0]


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """The package of the same sources under another version, compiled otherwise."""
    top = tmp_path_factory.mktemp("newer")
    source, build = top / "source", top / "build"
    source.mkdir()
    for name in ("completion", "conf", "daemon", "docs", "lib", "systemd", "tests"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("meson.build", "meson_options.txt", "COPYING", "README.md"):
        shutil.copy(ROOT / name, source)
    meson = source / "meson.build"
    meson.write_text(re.sub(r"version: '[\d.]+'", f"version: '{NEWER}'", meson.read_text(), count=1))
    sh("meson", "setup", "--prefix=/usr", "-Dtests=false", "-Doptimization=1", build, source)
    sh("ninja", "-C", build)
    path = pathlib.Path(sh(source / "tests/package", build, top).stdout.strip())
    for part in (path, top, top.parent):
        part.chmod(0o755)
    return path


@pytest.fixture
def box(lab, package, newer):
    servers.start_names(lab)
    servers.start_web(lab)
    return Container(lab, lab.host, {package: INSIDE, newer: INSIDE_NEWER})


def install(box, package=INSIDE):
    done = box.run("dpkg", "-i", package, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert box.show("v6gwd", "ActiveState") == "active", done.stderr + box.journal("v6gwd")


def test_first_installation(lab, box):
    """Nothing but dpkg -i; then what tests/demo shows."""
    guest = lab.guests[0]
    install(box)
    assert box.show("v6gwd", "UnitFileState") == "enabled"
    assert box.run("cat", "/etc/v6gwd.conf").stdout == (ROOT / "conf/v6gwd.conf").read_text()
    guest.up()
    guest.wait_configured()
    assert guest.routes("64:ff9b::/96")
    guest.learn_resolver()
    assert canonical(guest.out("dig", "+short", "v4only.example.net", "AAAA").strip()) == canonical(TARGET)
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping")
    assert "Hello over IPv4" in guest.out("curl", "-sSf", "-m", "10", "http://v4only.example.net/")
    assert box.run("v6gwctl", "status").stdout.startswith("OK\n"), box.run("v6gwctl", "status").stdout
    assert guest.address in box.run("v6gwctl", "mappings").stdout


@pytest.mark.parametrize("packages", [[INSIDE], [INSIDE_NEWER, INSIDE]], ids=["same", "newer and back"])
def test_upgrade_interrupts_nothing(lab, box, packages):
    """Over itself; and to another program, and back to the older one."""
    guest = lab.guests[0]
    install(box)
    guest.up()
    guest.wait_configured()
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping")
    index, old = devices(lab), box.show("v6gwd", "MainPID")
    box.run("sh", "-c", "echo '# changed' >>/etc/v6gwd.conf")
    with guest.capture("eth0", "tcp[13] & 4 != 0 or ip6[53] & 4 != 0 and ip6[6] == 6 or icmp6 and ip6[40] == 134") as seen:
        stream = Stream(lab, guest)
        time.sleep(0.5)
        for package in packages:
            install(box, package)
            version = box.run("dpkg-deb", "--field", package, "Version").stdout.strip()
            assert f"v6gwd {version}, up " in box.run("v6gwctl", "status").stdout
            time.sleep(1)
        stream.end()
    said = seen.text("-v")
    assert "lifetime 0s" not in said and "Flags [R" not in said
    assert box.show("v6gwd", "MainPID") != old and devices(lab) == index
    assert box.run("tail", "-1", "/etc/v6gwd.conf").stdout == "# changed\n"


def test_what_was_disabled_stays_so(box):
    install(box)
    box.run("systemctl", "disable", "--now", "v6gwd")
    box.run("dpkg", "-i", INSIDE)
    assert box.show("v6gwd", "UnitFileState") == "disabled" and box.show("v6gwd", "ActiveState") == "inactive"


def test_purge_leaves_nothing(lab, box):
    guest, network, before = lab.guests[0], snapshot(lab.host), traces(box)
    install(box)
    guest.up()
    guest.wait_configured()
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping")
    assert "/var/lib/v6gwd" in traces(box) - before and snapshot(lab.host) != network
    box.run("dpkg", "--remove", "v6gwd")
    settled(lab.host, network)
    assert box.run("test", "-f", "/etc/v6gwd.conf", check=False).returncode == 0
    box.run("systemctl", "stop", "v6gwd", check=False)
    done = box.run("dpkg", "--purge", "v6gwd")
    assert traces(box) - before == set(), done.stdout + done.stderr
    assert "v6gwd" not in box.run("systemctl", "list-unit-files").stdout
    wait_until(lambda: not guest.has_default_route(), 5, "the farewell")
