# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit as installed, and the service in a container with a real systemd.

To the container only what "meson install" puts in place is added.
"""
import json
import os
import pathlib
import re
import time

import pytest

import servers
from container import Container
from gateway import CONFIG
from lab import SERVER4, embed, sh, wait_until
from test_life_cycle import settled, snapshot
from test_ra_others import Mouth, advertisement

TARGET = embed("64:ff9b::/96", SERVER4)


@pytest.fixture(scope="module")
def installed(release_build, tmp_path_factory):
    """A directory with what "meson install" makes."""
    root = tmp_path_factory.mktemp("installed")
    sh("meson", "install", "-C", release_build, "--no-rebuild", "--destdir", root)
    root.chmod(0o755)
    return root


def find(root, name):
    found = [p for p in root.rglob(name) if p.is_file()]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def test_everything_is_installed(installed):
    for name in ("v6gwd", "v6gwd.service", "v6gwd.8", "v6gwd.conf.5", "v6gwctl.1", "_v6gwctl", "v6gwd.catalog"):
        find(installed, name)
    for path in ("usr/bin/v6gwctl", "usr/share/bash-completion/completions/v6gwctl", "etc/v6gwd.conf"):
        assert (installed / path).exists()
    assert (installed / "usr/lib/sysusers.d/v6gwd.conf").exists()


def test_unit_is_valid(installed):
    """The programs are where the unit says, and systemd knows every key of it."""
    text = find(installed, "v6gwd.service").read_text()
    for program in re.findall(r"^Exec\w+=(\S+)", text, re.M):
        assert os.access(installed / program.lstrip("/"), os.X_OK), program
    # Verified with programs that exist on any machine.
    unit = installed / "v6gwd.service"
    unit.write_text(re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", text, flags=re.M))
    done = sh("systemd-analyze", "verify", "--man=no", unit, check=False)
    unit.unlink()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_unit_is_confined(installed):
    """Exposure of 2.0 at most."""
    done = sh("systemd-analyze", "security", "--offline=true", "--threshold=20", find(installed, "v6gwd.service"),
              check=False)
    assert done.returncode == 0, done.stdout[-300:]


def test_user(installed, tmp_path):
    (tmp_path / "usr/lib/sysusers.d").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    sh("cp", find(installed / "usr/lib/sysusers.d", "v6gwd.conf"), tmp_path / "usr/lib/sysusers.d")
    sh("systemd-sysusers", f"--root={tmp_path}")
    assert re.search(r"^v6gwd:", (tmp_path / "etc/passwd").read_text(), re.M)


@pytest.fixture
def container(lab, installed):
    file = installed / "etc/v6gwd.conf"
    file.parent.mkdir(exist_ok=True)
    file.write_text(CONFIG)
    return Container(lab, lab.host, {f: f"/{f.relative_to(installed)}" for f in installed.rglob("*") if f.is_file()})


@pytest.mark.lab(guests=1, hops=False)
def test_service(lab, container):
    """Start, status, reload, restart, stop: as an administrator does it."""
    host, guest, before = lab.host, lab.guests[0], snapshot(lab.host)
    servers.start_names(lab)
    container.run("systemd-sysusers")
    done = container.run("systemctl", "start", "v6gwd", check=False)
    assert done.returncode == 0, container.journal("v6gwd")
    assert container.show("v6gwd", "ActiveState") == "active" and container.show("v6gwd", "StatusText") != ""
    status = pathlib.Path(f"/proc/{container.init}/root/proc/{container.show('v6gwd', 'MainPID')}/status").read_text()
    assert re.search(r"^CapEff:\s+0*8000003400$", status, re.M), "only NET_ADMIN, NET_RAW, NET_BIND_SERVICE, BPF"
    assert not re.search(r"^Uid:\s+0\b", status, re.M)

    guest.up()
    guest.wait_configured()
    guest.learn_resolver()
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping")
    assert guest.out("dig", "+short", "v4only.example.net", "AAAA")
    wait_until(lambda: container.run("v6gwctl", "status").stdout.startswith("OK\n"), 10,
               lambda: container.run("v6gwctl", "status").stdout)

    nat64 = json.loads(container.run("v6gwctl", "--json", "status").stdout)["nat64"]
    assert (nat64["fastpath"], nat64["fastpath_reason"]) == ("on", ""), "the sandbox lets it"

    assert container.run("systemctl", "reload", "v6gwd", check=False).returncode == 0, container.journal("v6gwd")
    container.run("systemctl", "restart", "v6gwd")
    assert guest.has_default_route(), "a restart is no farewell"
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping after the restart")

    container.run("kill", "-KILL", container.show("v6gwd", "MainPID"))
    wait_until(lambda: container.show("v6gwd", "ActiveState") == "active" and container.show("v6gwd", "NRestarts") == "1", 10)
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping after SIGKILL")

    begin = time.monotonic()
    container.run("systemctl", "stop", "v6gwd")
    assert time.monotonic() - begin < 3 and container.show("v6gwd", "Result") == "success", container.journal("v6gwd")
    wait_until(lambda: not guest.has_default_route(), 3, "the farewell")
    settled(host, before)


@pytest.mark.lab(guests=1, hops=False)
def test_service_validates(lab, container, installed):
    """In its confinement, too: the keys of the root are written, and what needs no proof is answered."""
    servers.start_names(lab)
    (installed / "etc/v6gwd.conf").write_text(
        CONFIG + 'dns64 = { dnssec = "validate"; validate_except = [ "example.net" ]; };\n')
    container.run("systemd-sysusers")
    done = container.run("systemctl", "start", "v6gwd", check=False)
    assert done.returncode == 0, container.journal("v6gwd")
    guest = lab.guests[0]
    guest.up()
    guest.wait_configured()
    guest.learn_resolver()
    assert "64:ff9b::" in guest.out("dig", "+short", "v4only.example.net", "AAAA"), container.journal("v6gwd")
    assert "status: SERVFAIL" in guest.out("dig", "www.example.org", "AAAA"), "this root is not the one"
    assert container.run("test", "-s", "/var/lib/v6gwd/root.key", check=False).returncode == 0
    reasons = container.run("v6gwctl", "status").stdout
    assert "root.key" not in reasons and "trust anchor" not in reasons, reasons


def fields_of(container, **match):
    """The newest line of v6gwd's in the journal with these fields."""
    done = container.run("journalctl", "-u", "v6gwd", "-n1", "-ojson", *[f"{k}={v}" for k, v in match.items()], check=False)
    return json.loads(done.stdout) if done.stdout else None


@pytest.mark.lab(guests=1, hops=False)
def test_the_journal_explains(lab, container):
    """Events have fields; and journalctl -x says what they mean, and what to do."""
    servers.start_names(lab)
    container.run("systemd-sysusers")
    container.run("journalctl", "--update-catalog")
    container.run("sh", "-c", "umount /etc/v6gwd.conf; printf '%s\\n' \"$1\" >/etc/v6gwd.conf", "sh",
                  CONFIG + "nat64 = { log_mappings = true; };")
    container.run("systemctl", "start", "v6gwd")
    guest = lab.guests[0]
    guest.up()
    guest.wait_configured()
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping")
    made = wait_until(lambda: fields_of(container, V6GWD_EVENT="mapping_made"), 5, lambda: container.journal("v6gwd"))
    assert (made["V6GWD_PLANE"], made["V6GWD_CLIENT"], made["PRIORITY"]) == ("nat64", guest.address, "6")
    assert "MESSAGE_ID" not in made

    mouth = Mouth(guest)
    mouth.say(advertisement())
    other = wait_until(lambda: fields_of(container, V6GWD_EVENT="other_router"), 5, lambda: container.journal("v6gwd"))
    mouth.socket.close()
    assert (other["V6GWD_PLANE"], other["V6GWD_IFACE"], other["PRIORITY"]) == ("ra", "br0", "4")

    container.run("sh", "-c", "echo 'nonsense = 1;' >>/etc/v6gwd.conf")
    assert container.run("systemctl", "reload", "v6gwd", check=False).returncode != 0
    refused = wait_until(lambda: fields_of(container, V6GWD_EVENT="config_refused"), 5, lambda: container.journal("v6gwd"))
    assert (refused["V6GWD_PLANE"], refused["PRIORITY"]) == ("gateway", "3")
    text = container.run("journalctl", "-x", "-u", "v6gwd", "--no-pager", f"MESSAGE_ID={refused['MESSAGE_ID']}").stdout
    assert "Subject: A new configuration was refused" in text and "v6gwd --check" in text

    container.run("systemctl", "stop", "v6gwd")
    assert container.run("systemctl", "start", "v6gwd", check=False).returncode != 0
    wait_until(lambda: "does not start" in fields_of(container, V6GWD_EVENT="config_refused")["MESSAGE"], 5,
               lambda: container.journal("v6gwd"))
