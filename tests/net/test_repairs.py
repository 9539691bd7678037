# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator's other tools do to v6gwd's tables, device and routes, with a real systemd: flushed
firewalls change nothing; what is taken away is put back, the journal tells of it, and its catalog explains."""
import re
import time

import pytest

import servers
from lab import ROOT, sh, wait_until
from test_restart import TARGET, service, traffic  # noqa: F401
from test_service import container, fields_of, installed  # noqa: F401

pytestmark = pytest.mark.lab(guests=1, hops=False)
SOON = 1.0    # within which it is put back
MARGIN = 3.0  # for a machine that does other things


def tables(lab):
    """In no order, without what is counted or noted in them."""
    text = lab.host.out("nft", "-s", "-t", "list", "ruleset")
    return "".join(sorted(re.findall(r"^table.*?^}\n?", text, re.M | re.S)))


def test_a_flushed_firewall_changes_nothing(lab, service):  # noqa: F811
    """Running traffic and what begins meanwhile: nothing is lost."""
    guest, before = lab.guests[0], tables(lab)
    assert before.count("flags owner") >= 2 and "masquerade" in before
    index, pid = lab.host.json("ip", "-j", "link", "show", "nat64")[0]["ifindex"], service.show("v6gwd", "MainPID")
    with traffic(lab, guest, 6) as lost:
        for _ in range(5):
            service.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "10.0.0.0/8", "-j", "MASQUERADE")
            service.run("iptables", "-t", "nat", "-F")
            service.run("nft", "flush", "ruleset")
            assert guest.ok("ping", "-c", "1", "-W", "2", TARGET)
            time.sleep(0.2)
    assert (lost["pings_lost"], lost["questions_lost"]) == (0, 0), lost
    assert tables(lab) == before
    assert lab.host.json("ip", "-j", "link", "show", "nat64")[0]["ifindex"] == index
    assert service.show("v6gwd", "MainPID") == pid and not fields_of(service, V6GWD_EVENT="table_lost")
    assert service.run("v6gwctl", "status").stdout.startswith("OK\n")


@pytest.fixture
def no_owner(installed):  # noqa: F811
    """Where the kernel of the container is said to know no owners."""
    library = installed / "usr/lib/no_owner.so"
    sh("cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, ROOT / "tests/net/no_owner.c")
    return f"/{library.relative_to(installed)}"


@pytest.fixture
def plain(lab, no_owner, container):  # noqa: F811
    """The service, with tables that anybody may take away."""
    servers.start_names(lab)
    container.run("sh", "-ec", "mkdir -p /etc/systemd/system/v6gwd.service.d;"
                  f"printf '[Service]\\nEnvironment=LD_PRELOAD={no_owner}\\n' >/etc/systemd/system/v6gwd.service.d/test.conf;"
                  "systemctl daemon-reload; systemd-sysusers; journalctl --update-catalog")
    done = container.run("systemctl", "start", "v6gwd", check=False)
    assert done.returncode == 0, container.journal("v6gwd")
    guest = lab.guests[0]
    guest.up()
    guest.wait_configured()
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping")
    return container


def newer(container, event, last):  # noqa: F811
    line = fields_of(container, V6GWD_EVENT=event)
    return line if line and line["__CURSOR"] != (last or {}).get("__CURSOR") else None


def explained(container, line):  # noqa: F811
    """The subject that journalctl -x puts below a line, from its catalog."""
    text = container.run("journalctl", "-x", "-u", "v6gwd", "--no-pager", f"--cursor={line['__CURSOR']}", "-n1").stdout
    return re.search(r"Subject: (.*)", text)[1]


def routes(lab, *words, family=6):
    return lambda: bool(lab.host.routes(*words, "dev", "nat64", family=family))


def device(lab, **want):
    def is_so():
        done = lab.host.run("ip", "-j", "link", "show", "nat64", check=False)
        return done.returncode == 0 and '"UP"' in done.stdout and all(f'"{k}":{v}' in done.stdout for k, v in want.items())
    return is_so


def test_what_is_taken_away_is_put_back(lab, plain):
    """One after the other: within a second, with a line in the journal that has fields and is explained."""
    guest, before = lab.guests[0], tables(lab)
    assert "flags owner" not in before and before.count("masquerade") == 1 and len(re.findall("^table", before, re.M)) >= 2
    assert plain.run("v6gwctl", "--json", "status").stdout.count('"owned":false') == 1
    removed = "The TUN device was removed or changed, and is put back"
    harms = [
        ("nft flush ruleset", "table_lost", "An nftables table of v6gwd was changed by another process",
         lambda: tables(lab) == before),
        ("nft delete table ip v6gwd", "table_lost", "An nftables table of v6gwd was changed by another process",
         lambda: tables(lab) == before),
        ("iptables -t nat -A POSTROUTING -j ACCEPT; iptables -t nat -F; nft delete chain ip v6gwd postrouting", "table_lost",
         "An nftables table of v6gwd was changed by another process", lambda: "masquerade" in tables(lab)),
        ("ip link delete nat64", "tun_lost", removed, device(lab)),
        ("ip link set nat64 down", "tun_lost", removed, device(lab)),
        ("ip link set nat64 mtu 1000", "tun_lost", removed, device(lab, mtu=1500)),
        ("ip -6 route delete 64:ff9b::/96 dev nat64", "route_lost", "A route of v6gwd was removed and is put back",
         routes(lab, "64:ff9b::/96")),
        ("ip route delete 192.168.255.0/24 dev nat64", "route_lost", "A route of v6gwd was removed and is put back",
         routes(lab, "192.168.255.0/24", family=4)),
    ]
    for harm, event, subject, is_back in harms:
        assert is_back(), harm
        last = fields_of(plain, V6GWD_EVENT=event)
        plain.run("sh", "-c", f"{harm} 2>/dev/null")
        begin = time.monotonic()
        wait_until(is_back, SOON + MARGIN, lambda: f"after {harm}:\n{plain.journal('v6gwd')}", every=0.01)
        took = time.monotonic() - begin
        line = wait_until(lambda: newer(plain, event, last), 5, lambda: f"a line {event}:\n{plain.journal('v6gwd')}")
        print(f"{took * 1000:5.0f} ms  {harm}  ->  {line['MESSAGE']}")
        assert (line["PRIORITY"], line["V6GWD_PLANE"]) == ("5", "nat64" if event == "tun_lost" else "gateway"), line
        assert explained(plain, line) == subject
        wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 5, lambda: f"a ping after {harm}")
    wait_until(lambda: plain.run("v6gwctl", "status").stdout.startswith("OK\n"), 10, "OK")
    plain.run("systemctl", "stop", "v6gwd")
    assert "v6gwd" not in tables(lab)
