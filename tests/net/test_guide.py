# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/guide.md: its commands and files, as they stand there, on a booted host."""
import json
import re

import pytest

import servers
from container import Container
from lab import NAMES4, ROOT, SERVER4, TOOLS, Node, canonical, embed, wait_until
from test_ra_guard import HOST4, PROVIDER4, PROVIDER6, plug

GUIDE = (ROOT / "docs/guide.md").read_text()
VECTORS = ROOT / "tests/vectors/import/guide"
TARGET = embed("64:ff9b::/96", SERVER4)
DIRECTORY = "/run/packages"
# Names that there are in the laboratory.
WORDS = {"github.com": "v4only.example.net"}
BLOCK = re.compile(r"^```(?:\w+ lab:(\w+)(?: (\S+))?)$\n(.*?)^```$", re.M | re.S)
pytestmark = pytest.mark.lab(guests=2, hops=False)


def blocks(name):
    """The blocks of a name, in order: (where, text)."""
    found = [(where, text) for owner, where, text in BLOCK.findall(GUIDE) if owner == name]
    assert found, f"the guide has no block lab:{name}"
    for old, new in WORDS.items():
        found = [(where, text.replace(old, new)) for where, text in found]
    return found


def test_every_block_is_run():
    """Those without a mark are the two lines that make the package: the fixture of that name."""
    source = (ROOT / "tests/net/test_guide.py").read_text()
    for name in {owner for owner, _, _ in BLOCK.findall(GUIDE)}:
        assert f'"{name}"' in source, name
    unmarked = re.findall(r"^```\w+$\n(.*?)^```$", GUIDE, re.M | re.S)
    assert unmarked == ["tests/need build package\ntests/package\n"]


class Host:
    """The host in a container, and who runs which block."""

    def __init__(self, lab, package, debs=(), internet=True):
        self.lab = lab
        self.places = {"guest": lab.guests[0], "other": lab.guests[1]}
        self.box = Container(lab, lab.host, {file: f"{DIRECTORY}/{file.name}" for file in [package, *debs]})
        if internet:
            servers.start_names(lab)
            servers.start_web(lab)

    def script(self, where, text, skip=None):
        lines = [line for line in text.splitlines() if not (skip and skip in line)]
        node = self.places.get(where, self.box)
        return node.run("bash", "-euxc", f"cd {DIRECTORY} 2>/dev/null || true\n" + "\n".join(lines), check=False)

    def write(self, path, text, skip=None):
        text = "".join(line for line in text.splitlines(True) if not (skip and skip in line))
        self.box.run("bash", "-ec", f"mkdir -p $(dirname {path}); cat >{path}", input=text)

    def follow(self, steps, skip=None):
        """Writes the files and runs the commands; returns what the last one printed."""
        said = ""
        for where, text in steps:
            if where and where.startswith("/"):
                self.write(where, text, skip)
                continue
            done = self.script(where, text, skip)
            said = done.stdout
            assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}\n{self.box.journal('v6gwd')}"
        return said

    def install(self):
        self.follow(blocks("new")[:1])

    def guests_up(self):
        for guest in self.lab.guests:
            guest.up()
        for guest in self.lab.guests:
            guest.wait_configured()
            guest.learn_resolver()


def reaches(guest):
    return {"dns": guest.ok("dig", "+short", "+time=1", "+tries=1", "v4only.example.net", "AAAA"),
            "ping": guest.ok("ping", "-c", "1", "-W", "1", TARGET),
            "web": guest.ok("curl", "-sSf", "-m", "3", "-o", "/dev/null", f"http://[{canonical(TARGET)}]/")}


ALL = {"dns": True, "ping": True, "web": True}
# Some firewalls let pings through by themselves.
NO_USE = {"dns": False, "web": False}


def becomes(guest, what):
    last = {}

    def same():
        last.update(reaches(guest))
        return last.items() >= what.items()
    wait_until(same, 20, lambda: f"{what}, not {last}")


@pytest.fixture
def host(lab, package):
    return Host(lab, package)


def test_new_installation(lab, host):
    install, guest = blocks("new")
    host.follow([install])
    wait_until(lambda: host.box.run("v6gwctl", "status").stdout.startswith("OK\n"), 10)
    host.guests_up()
    assert "64:ff9b::" in host.follow([guest])


def test_move(lab, host):
    """The old programs are units that only run; their files are those of an old host."""
    box, guest = host.box, lab.guests[0]
    words = {"2001:db8:0:a0a1::add:1010;\n\t\t2001:db8:0:a102::add:9999;\n\t\t2001:db8:0:a111::add:9898": NAMES4,
             "RDNSS 2001:db8:1:2::2": "RDNSS 2001:db8:1:2::1"}
    for path, folder in {"tayga.conf": "", "radvd.conf": "", "named.conf": "bind/", "named.conf.options": "bind/",
                         "named.conf.local": "bind/"}.items():
        text = (VECTORS / path).read_text()
        for old, new in words.items():
            text = text.replace(old, new)
        host.write(f"/etc/{folder}{path}", text)
    for unit in ("tayga", "named", "radvd"):
        host.write(f"/etc/systemd/system/{unit}.service",
                   "[Service]\nExecStart=sleep infinity\n[Install]\nWantedBy=multi-user.target\n")
    box.run("bash", "-ec", "systemctl daemon-reload; systemctl enable --now tayga named radvd;"
            "iptables -t nat -A POSTROUTING -s 192.168.255.0/24 -o eth0 -j MASQUERADE; ip tuntap add dev nat64 mode tun")
    guest.up()
    wait_until(lambda: guest.addresses("eth0"), 5)
    address = "2001:db8:1:2:5054:ff:fe00:101"
    now = int(box.run("date", "+%s").stdout)
    host.write("/var/spool/tayga/dynamic.map", f"192.168.255.77\t{address}\t{now}\n")
    look, change, back = blocks("move")
    lab.host.run("ip", "link", "add", "eth1", "up", "type", "veth", "peer", "name", "eth1", "netns", lab.guests[1].holder.pid)
    lab.guests[1].run("ip", "link", "set", "eth1", "up")
    host.follow([look])
    assert box.show("v6gwd", "ActiveState") == "inactive" and not lab.host.routes("64:ff9b::/96")
    host.follow([change])
    guest.wait_configured()
    guest.learn_resolver()
    becomes(guest, ALL)
    assert re.search(rf"{address}.* 192\.168\.255\.77 ", box.run("v6gwctl", "mappings").stdout)
    wait_until(lambda: box.run("v6gwctl", "status").stdout.startswith("OK\n"), 10, lambda: box.run("v6gwctl", "status").stdout)
    host.follow([back])
    assert box.show("tayga", "ActiveState") == "active" and "v6gwd" not in lab.host.out("nft", "list", "ruleset")


FIREWALLS = {"nftables": [], "ufw": ["ufw"], "firewalld": ["libnm0", "gir1.2", "python3", "firewalld"],
             "shorewall": ["libsocket6", "libio-socket", "shorewall-core", "shorewall_", "shorewall6"]}


@pytest.mark.parametrize("name", FIREWALLS)
def test_firewall(lab, package, name):
    """Without the lines for v6gwd the guests get no answers, with them they do."""
    debs = [deb for start in FIREWALLS[name] for deb in sorted((TOOLS / "firewalls").glob(f"{start}*.deb"))]
    host, guest = Host(lab, package, debs), lab.guests[0]
    host.install()
    host.guests_up()
    becomes(guest, ALL)
    if debs:
        done = host.box.run("sh", "-c", "DEBIAN_FRONTEND=noninteractive dpkg --force-depends -i "
                            + " ".join(f"{DIRECTORY}/{deb.name}" for deb in debs), check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    host.follow(blocks(name), skip="# v6gwd")
    becomes(guest, NO_USE)
    host.follow(blocks(name))
    becomes(guest, ALL)
    assert host.box.run("v6gwctl", "status").stdout.startswith("OK\n")
    host.box.run("systemctl", "restart", "v6gwd")
    becomes(guest, ALL)


def test_host_in_use(lab, host):
    """What is set up on a host that runs."""
    box, (guest, other) = host.box, lab.guests
    host.install()
    host.guests_up()
    becomes(guest, ALL)
    address = guest.address
    guest.run("ip", "address", "add", "2001:db8:1:2::25/64", "dev", "eth0", "nodad")

    said = host.follow(blocks("own4"))
    assert TARGET not in said and canonical(TARGET) not in said and "clients" in said, said
    assert guest.out("dig", "+short", "-b", "2001:db8:1:2::25", "v4only.example.net", "AAAA") == ""
    assert "64:ff9b::" in guest.out("dig", "+short", "-b", address, "v4only.example.net", "AAAA")

    lab.host.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", other.holder.pid)
    for node in (lab.host, other):
        node.run("ip", "link", "set", "eth1", "up")
    other.sysctl("net.ipv6.conf.eth1.accept_ra", 1)
    # First, so that already the first advertisement is taken.
    host.follow([step for step in blocks("routes") if step[0] == "other"])
    host.follow([step for step in blocks("routes") if step[0] != "other"])
    wait_until(lambda: other.routes("2001:db8:1:2::/64", "dev", "eth1", "proto", "ra"), 20, "the route")
    assert not other.routes("default", "dev", "eth1")

    host.follow(blocks("lan"))
    wait_until(lambda: other.routes("default", "dev", "eth1"), 20, "the LAN's default route")
    wait_until(lambda: any(a["local"].startswith("2001:db8:1:3:") for a in other.addresses("eth1")), 10)

    wait_until(lambda: address in box.run("cat", "/var/lib/v6gwd/leases", check=False).stdout, 20, "leases")
    had = re.search(rf"{address} +(\S+)", box.run("v6gwctl", "mappings").stdout)[1]
    assert re.search(rf"{address} +{had} ", host.follow(blocks("state")))

    # Right after a start the doctor may not know yet that the device is up.
    wait_until(lambda: box.run("v6gwctl", "doctor", check=False).returncode == 0, 10, lambda: box.run("v6gwctl", "doctor", check=False).stdout)
    said = host.follow(blocks("look"))
    assert "dev nat64" in said


def test_the_nic_is_in_the_bridge(lab, package):
    lab.host.run("ip", "link", "del", "eth0")
    provider, guest = Node(lab, "provider", own_etc=False), lab.guests[0]
    plug(lab, provider, "eth0")
    provider.run("ip", "addr", "add", f"{PROVIDER4}/24", "dev", "eth0")
    provider.run("ip", "addr", "add", f"{PROVIDER6}/64", "dev", "eth0", "nodad")
    lab.host.run("ip", "addr", "add", f"{HOST4}/24", "dev", "br0")
    lab.host.run("ip", "route", "replace", "default", "via", PROVIDER4, "dev", "br0")
    lab.host.run("ping", "-c1", "-W2", PROVIDER4)
    host = Host(lab, package, internet=False)
    host.install()
    guest.up()
    guest.wait_configured()
    with provider.capture("eth0", f"ether src {guest.mac}") as before:
        guest.ok("ping", "-c", "1", "-W", "1", "2001:db8:1:2::99")
    assert before.packets()
    host.follow(blocks("uplink"))
    with provider.capture("eth0") as seen:
        guest.ok("ping", "-c", "1", "-W", "1", "2001:db8:1:2::98")
        provider.ok("rdisc6", "-1", "-w", "1000", "eth0")
    text = seen.text("-e")
    assert guest.mac not in text and "52:54:00:00:00:01 > " in text and "router advertisement" not in text
    assert json.loads(host.box.run("v6gwctl", "--json", "status").stdout)["ra"][0]["refused_ports"] == ["eth0"]
