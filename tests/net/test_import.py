# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration that v6gwctl import makes of the old stack's, at work."""
import re

import pytest

from lab import NAMES4, ROOT, SERVER4, canonical, embed, wait_until
from servers import start_names, start_web

VECTORS = ROOT / "tests/vectors/import"
FILES = {"--tayga": "tayga.conf", "--bind": "named.conf", "--unbound": "unbound.conf", "--radvd": "radvd.conf"}
PREFIX = "64:ff9b::/96"


def convert(lab, gw, name, **replace):
    """What import makes of a vector, with words replaced that belong to another network."""
    folder = lab.dir / f"import-{name}"
    folder.mkdir()
    for path in (VECTORS / name).iterdir():
        text = path.read_text()
        for old, new in replace.get("words", {}).items():
            text = text.replace(old, new)
        (folder / path.name).write_text(text)
    args = [str(word) for option, file in FILES.items() if (folder / file).exists() for word in (option, folder / file)]
    done = gw.ctl("import", *args)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.lab(guests=2, hops=False)
def test_the_guide(lab):
    """tayga, BIND and radvd of one host with a bridge, and a second link that only gets a route."""
    start_names(lab)
    start_web(lab)
    first, second = lab.guests
    host, gw = lab.host, lab.gateway()
    host.run("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", second.holder.pid)
    second.sysctl("net.ipv6.conf.eth1.accept_ra_rt_info_max_plen", 128)
    for node in (host, second):
        node.run("ip", "link", "set", "eth1", "up")
    own = "2001:db8:1:2:5054:ff:fe00:102"  # the second guest's, out of its link-layer address
    text = convert(lab, gw, "guide", words={
        "2001:db8:0:a0a1::add:1010;\n\t\t2001:db8:0:a102::add:9999;\n\t\t2001:db8:0:a111::add:9898": NAMES4,
        "RDNSS 2001:db8:1:2::2": "RDNSS 2001:db8:1:2::1", "2001:db8:1:2::25": own})
    gw.configure(text)
    gw.start()
    for guest in lab.guests:
        guest.up()
    for guest in lab.guests:
        guest.wait_configured()
    assert second.address == own

    said = first.advertisement()
    assert re.search(r"Router preference\s*:\s*high", said), said
    assert "infinite" in said and "2001:db8:1:2::1" in said
    assert first.learn_resolver() == ["2001:db8:1:2::1"]
    second.learn_resolver()

    status = gw.status()
    assert status["nat64"]["ipv4_address"] == "192.168.255.1"
    assert status["nat64"]["ipv6_address"] == "2001:db8:1:2::a00:1"
    assert [pool["network"] for pool in status["nat64"]["pool"]] == ["192.168.255.0/24"]
    assert {row["interface"] for row in status["ra"]} == {"br0", "eth1"}

    assert first.ok("ping", "-c", "2", embed(PREFIX, SERVER4))
    answer = first.out("dig", "+short", "v4only.example.net", "AAAA").strip()
    assert canonical(answer) == canonical(embed(PREFIX, SERVER4))
    assert first.ok("curl", "-sSf", "-m", "10", "http://v4only.example.net/")
    assert second.out("dig", "+short", "v4only.example.net", "AAAA").strip() == ""  # has IPv4 of its own: !a in the acl

    wait_until(lambda: second.routes("2001:db8:1:2::/64", "dev", "eth1", "proto", "ra"), 10, "the route over eth1")
    assert not second.routes("default", "dev", "eth1")


@pytest.mark.lab(guests=1, hops=False)
def test_other_prefix(lab):
    """A map and a prefix of one's own; no DNS server was given, so none runs."""
    gw, guest = lab.gateway(), lab.guests[0]
    gw.configure(convert(lab, gw, "libvirt", words={"virbr0": "br0", "interface virbr1 { AdvSendAdvert on; "
                                                    "prefix 2001:db8:1:3::/64 { }; };": ""}))
    gw.start()
    guest.up()
    guest.wait_configured()
    assert guest.ok("ping", "-c", "2", embed("2001:db8:1:64::/96", SERVER4))
    wait_until(lambda: guest.routes("2001:db8:1:64::/96"), 10, "the route to the prefix")
    assert "dns64" not in gw.status()
    assert [m for m in gw.ctl_rows("mappings") if m["ipv4"] == "10.64.0.25"][0]["state"] == "static"


@pytest.mark.lab(guests=1, hops=False)
def test_unbound(lab):
    """unbound's forwarders, prefix and clients; radvd's and tayga's places are left to others."""
    start_names(lab)
    gw = lab.gateway()
    gw.configure('interface = "br0";\n' + convert(lab, gw, "unbound-howto", words={
        "2606:4700:4700::1111@853#cloudflare-dns.com": NAMES4, "forward-tls-upstream: yes": "forward-tls-upstream: no"}))
    gw.start()
    query = ("dig", "@2001:db8:1:2::1", "+short", "v4only.example.net", "AAAA")
    answer = lab.host.out(*query, "-b", "2001:db8:1:2::1").strip()
    assert canonical(answer) == canonical(embed("2001:db8:64::/96", SERVER4))
    assert "nat64" not in gw.status() and not gw.status().get("ra")


@pytest.mark.lab(guests=1, hops=False)
def test_leases(lab):
    """A guest keeps the IPv4 address that tayga gave it."""
    gw, guest = lab.gateway(), lab.guests[0]
    guest.up()
    old = lab.dir / "dynamic.map"
    now = int(lab.host.out("date", "+%s"))
    old.write_text(f"###\n192.168.255.77\t2001:db8:1:2:5054:ff:fe00:101\t{now}\n")
    (gw.dir / "state/leases").write_text(gw.ctl("import", "--leases", old).stdout)
    gw.start()
    guest.wait_configured()
    assert guest.ok("ping", "-c", "2", embed(PREFIX, SERVER4))
    rows = {row["ipv6"]: row["ipv4"] for row in gw.ctl_rows("mappings")}
    assert rows["2001:db8:1:2:5054:ff:fe00:101"] == "192.168.255.77"


@pytest.mark.lab(guests=0, hops=False)
def test_where_the_files_are(lab):
    """Without options: those of the old stack that are there."""
    gw = lab.gateway()
    for name in ("tayga.conf", "radvd.conf", "bind"):  # the machine's own
        (lab.host.etc / name).unlink(missing_ok=True)
    done = gw.ctl("import", check=False)
    assert (done.returncode, done.stdout) == (1, "") and "/etc/radvd.conf" in done.stderr
    lab.host.write("radvd.conf", (VECTORS / "guide/radvd.conf").read_text())
    text = gw.ctl("import").stdout
    assert "# /etc/radvd.conf:3: AdvDefaultPreference high" in text and "no tayga.conf was read" in text
    (lab.host.etc / "bind").mkdir()
    for name in ("named.conf", "named.conf.options", "named.conf.local"):
        lab.host.write(f"bind/{name}", (VECTORS / "guide" / name).read_text())
    lab.host.write("tayga.conf", (VECTORS / "guide/tayga.conf").read_text())
    text = gw.ctl("import").stdout
    assert "# /etc/bind/named.conf.options:5: " in text and "# /etc/tayga.conf:2: " in text
    assert "enabled = false" not in text
