# SPDX-License-Identifier: GPL-3.0-or-later
"""Advertisements stay where they belong: ours off the provider's side, others' away from the host."""
import sys
import time

import pytest

from lab import Node, wait_until
from test_host import own_table

pytestmark = pytest.mark.lab(guests=1, hops=False)

CONFIG = 'interface = "br0";\nra = ({ interface = "br0"; max_interval = 4; min_interval = 3; });\n'
PROVIDER4, HOST4, PROVIDER6 = "5.9.9.1", "5.9.9.2", "fe80::1"


def plug(lab, node, port, bridge="br0"):
    """A wire from the node's eth0 to a port of the bridge."""
    node.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", lab.host.holder.pid)
    node.run("ip", "link", "set", "eth0", "up")
    lab.host.run("ip", "link", "set", port, "master", bridge, "up")


@pytest.fixture
def provider(lab):
    """The provider's router behind a port of br0, as on a rented server whose NIC is in the bridge."""
    provider = Node(lab, "provider", own_etc=False)
    plug(lab, provider, "nic0")
    provider.run("ip", "addr", "add", f"{PROVIDER4}/24", "dev", "eth0")
    provider.run("ip", "addr", "add", f"{PROVIDER6}/64", "dev", "eth0", "nodad")
    lab.host.run("ip", "addr", "add", f"{HOST4}/24", "dev", "br0")
    lab.guests[0].up()
    return provider


def by_the_bridge(lab):
    lab.host.run("ip", "route", "replace", "default", "via", PROVIDER4, "dev", "br0")


def refused(gw):
    return gw.status()["ra"][0]["refused_ports"]


def heard(node, seconds=4.5):
    """How many advertisements reach the node's eth0 in that time: at least one where they are not held back."""
    with node.capture("eth0", "icmp6 and ip6[40] == 134") as capture:
        time.sleep(seconds)
    return len(capture.packets())


def becomes(gw, ports, timeout=3):
    wait_until(lambda: refused(gw) == ports, timeout, lambda: f"{ports}, not {refused(gw)}\n{gw.log_text()}")


def test_the_provider_hears_nothing(lab, provider):
    by_the_bridge(lab)
    lab.host.run("ping", "-c1", "-W2", PROVIDER4)
    gw = lab.gateway(CONFIG).start()
    becomes(gw, ["nic0"])
    gw.wait_ok()
    assert heard(provider) == 0
    provider.run("rdisc6", "-1", "-w", "1000", "eth0", check=False)
    assert heard(provider, 1) == 0
    assert lab.guests[0].wait_configured()
    assert heard(lab.guests[0]) > 0
    table = lab.host.out("nft", "list", "table", "bridge", "v6gwd")
    assert "owner" in table and "packets 0 " not in table
    with provider.capture("eth0", "icmp6 and ip6[40] == 134") as farewell:
        gw.stop()
    assert not farewell.packets()
    assert not lab.host.ok("nft", "list", "table", "bridge", "v6gwd")


def test_switched_off(lab, provider):
    by_the_bridge(lab)
    lab.host.run("ping", "-c1", "-W2", PROVIDER4)
    gw = lab.gateway(CONFIG.replace("max_", "refuse_on_uplink = false; max_")).start()
    assert heard(provider) > 0 and refused(gw) == []
    gw.wait_ok()


def test_the_gateway_is_followed(lab, provider):
    """It is heard of, moves to another port, is silent until the bridge forgets it, and its port goes."""
    host = lab.host
    gw = lab.gateway(CONFIG).start()
    gw.wait_ok()
    assert refused(gw) == []
    by_the_bridge(lab)
    gw.wait_log("has not heard of the gateway 5.9.9.1 yet")
    assert "5.9.9.1" in gw.status()["health"]["reasons"][0]
    host.run("ping", "-c1", "-W2", PROVIDER4)
    becomes(gw, ["nic0"])
    gw.wait_ok()
    host.run("bridge", "fdb", "del", provider.json("ip", "-j", "link", "show", "eth0")[0]["address"],
             "dev", "nic0", "master")
    time.sleep(0.5)
    assert refused(gw) == ["nic0"]
    mac = provider.json("ip", "-j", "link", "show", "eth0")[0]["address"]
    provider.run("ip", "link", "del", "eth0")
    gw.wait_log("has not heard", 3)
    plug(lab, provider, "nic1")
    provider.run("ip", "link", "set", "eth0", "address", mac)
    provider.run("ip", "addr", "add", f"{PROVIDER4}/24", "dev", "eth0")
    host.run("ping", "-c1", "-W2", PROVIDER4)
    becomes(gw, ["nic1"])
    assert heard(provider) == 0
    host.run("ip", "route", "replace", "default", "via", "5.9.0.1", "dev", "eth0")
    becomes(gw, [])
    gw.wait_ok()
    assert heard(provider) > 0


def test_moved_by_the_forwarding_database(lab, provider):
    host = lab.host
    by_the_bridge(lab)
    host.run("ping", "-c1", "-W2", PROVIDER4)
    gw = lab.gateway(CONFIG).start()
    becomes(gw, ["nic0"])
    mac = provider.json("ip", "-j", "link", "show", "eth0")[0]["address"]
    host.run("bridge", "fdb", "replace", mac, "dev", lab.guests[0].port, "master", "static", "sticky")
    becomes(gw, [lab.guests[0].port])
    host.run("bridge", "fdb", "replace", mac, "dev", "nic0", "master", "static", "sticky")
    becomes(gw, ["nic0"])


def test_a_gateway_of_ipv6(lab, provider):
    host = lab.host
    host.run("ip", "-6", "route", "add", "default", "via", PROVIDER6, "dev", "br0")
    gw = lab.gateway(CONFIG).start()
    wait_until(lambda: host.ok("ping", "-6", "-c1", "-W2", f"{PROVIDER6}%br0"), 5, "ping")
    becomes(gw, ["nic0"])
    assert heard(provider) == 0


def test_a_port_named_by_hand(lab, provider):
    by_the_bridge(lab)
    gw = lab.gateway('uplink = "nic0";\n' + CONFIG).start()
    becomes(gw, ["nic0"], 1)
    assert heard(provider) == 0


def test_a_table_of_another_process_is_named(lab, provider):
    owner = own_table(lab.host, 7)
    gw = lab.gateway('uplink = "nic0";\n' + CONFIG).start()
    gw.wait_log("advertisements reach the provider through nic0")
    owner.communicate(timeout=5)
    wait_until(lambda: lab.host.ok("nft", "list", "chain", "bridge", "v6gwd", "output"), 3, "the table")
    gw.wait_ok()


# --- advertisements of others ----------------------------------------------------------------

ROGUE = """
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, socket.if_nametoindex("eth0")))
"""


def advertise(node):
    wait_until(lambda: [a for a in node.addresses("eth0") if "tentative" not in a and a["scope"] == "link"], 5)
    node.run(sys.executable, "-c", ROGUE)


def learnt(host):
    return [r for r in host.routes("default") if r.get("protocol") == "ra"]


def let_listen(lab, accept_ra):
    lab.host.sysctl("net.ipv6.conf.br0.accept_ra", accept_ra)
    lab.host.sysctl("net.ipv6.conf.br0.accept_ra_defrtr", 1)


def test_a_default_route_of_a_guest_is_not_kept(lab):
    """Before v6gwd came the host listened, as hosts do."""
    guest, host = lab.guests[0], lab.host
    guest.up()
    let_listen(lab, 1)
    advertise(guest)
    wait_until(lambda: learnt(host), 3, "a rogue route")
    gw = lab.gateway().start()
    wait_until(lambda: not learnt(host), 3, "no rogue route")
    assert host.sysctl("net.ipv6.conf.br0.accept_ra") == "1"
    gw.wait_ok()


def test_a_guest_that_steers_the_host_is_named(lab):
    guest, host = lab.guests[0], lab.host
    guest.up()
    let_listen(lab, 2)
    gw = lab.gateway().start()
    gw.wait_log("the host listens to advertisements on br0: a guest's could give it a default route "
                "(sysctl -w net.ipv6.conf.br0.accept_ra=0)")
    gw.wait_ok()
    advertise(guest)
    gw.wait_log("the host took a default route from an advertisement of fe80::5054:ff:fe00:101 on br0", 3)
    assert gw.status()["health"]["state"] == "degraded"
    let_listen(lab, 0)
    host.run("ip", "-6", "route", "del", "default", "dev", "br0", "proto", "ra")
    gw.wait_ok()
    assert gw.log_text().count("could give it a default route") == 1


def test_the_provider_steers_the_host(lab, provider):
    """The NIC is in the bridge, and the host's default route comes by an advertisement: it stays."""
    host = lab.host
    by_the_bridge(lab)
    let_listen(lab, 1)
    advertise(provider)
    wait_until(lambda: learnt(host), 3, "a route")
    gw = lab.gateway(CONFIG).start()
    gw.wait_log("br0 is the uplink, and the host listens to advertisements there")
    assert host.sysctl("net.ipv6.conf.br0.accept_ra") == "2"
    assert learnt(host)
    host.run("ping", "-c1", "-W2", PROVIDER4)
    becomes(gw, ["nic0"])
    gw.wait_ok()
    assert heard(provider) == 0


def test_networkd_that_listens_is_named(lab):
    host = lab.host
    index = host.json("ip", "-j", "link", "show", "br0")[0]["ifindex"]
    host.run("mkdir", "-p", "/run/systemd/netif/links", "/run/systemd/network")
    host.run("sh", "-c", f"echo NETWORK_FILE=/run/systemd/network/br0.network > /run/systemd/netif/links/{index}; "
             "echo '[Network]' > /run/systemd/network/br0.network")
    gw = lab.gateway().start()
    gw.wait_log("(IPv6AcceptRA=no in /run/systemd/network/br0.network; netplan: accept-ra: false)")
    gw.wait_ok()
    host.run("sh", "-c", "echo IPv6AcceptRA=no >> /run/systemd/network/br0.network")
    gw.stop()
    gw.start()
    assert gw.log_text().count("IPv6AcceptRA=no") == 1
