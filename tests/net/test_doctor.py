# SPDX-License-Identifier: GPL-3.0-or-later
"""v6gwctl doctor: one laboratory that is broken in one place after the other, and healed; each time
the doctor names the link that is broken, and before and after that nothing is."""
import json
import os
import pathlib
import shutil
import socket
import time

import pytest

import servers
from gateway import CONFIG
from lab import GATEWAY4, NAMES4, SERVER4, wait_until

pytestmark = pytest.mark.lab(guests=2, hops=False)

GLOBAL = "2001:db8:1:2::1"


class Clinic:
    def __init__(self, lab):
        self.lab, self.host = lab, lab.host
        servers.start_names(lab)
        self.gw = lab.gateway(CONFIG).start()
        self.guest, self.other = lab.guests
        for guest in lab.guests:
            guest.up()
        for guest in lab.guests:
            guest.wait_configured()
        self.guest.learn_resolver()
        assert "64:ff9b::" in self.guest.out("dig", "+short", "v4only.example.net", "AAAA")
        wait_until(lambda: self.guest.ok("ping", "-c1", "-W1", f"64:ff9b::{SERVER4}"), 5, "the guest's ping")
        wait_until(lambda: self.gw.status()["health"]["state"] == "ok", 5)
        self.cures = []

    def run(self, *words, code=None):
        done = self.gw.ctl("--json", "doctor", *words, check=False)
        if code is not None:
            assert done.returncode == code, done.stdout[-600:] + done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return rows[:-1], rows[-1]

    def healthy(self):
        """At once, or as soon as the news of the cure has come in."""
        wait_until(lambda: self.run(self.guest.address, SERVER4)[1]["result"] == "ok", 5,
                   lambda: self.run(self.guest.address, SERVER4)[1])
        steps, result = self.run(self.guest.address, SERVER4, code=0)
        assert result["first"] is None and not [s for s in steps if s["state"] not in ("ok", "skipped")]

    def sh(self, harm, cure=""):
        self.host.run("sh", "-ec", harm)
        if cure:
            self.cures.append(lambda: self.host.run("sh", "-ec", cure))

    def configure(self, text):
        self.gw.configure(CONFIG + text)
        self.gw.ctl("reload")

        def back():
            self.gw.configure(CONFIG)
            self.gw.ctl("reload")
            self.gw.wait_ok()
            # the translator forgets whom it does not serve
            wait_until(lambda: self.guest.ok("ping", "-c1", "-W1", f"64:ff9b::{SERVER4}"), 5, "the guest's ping")
        self.cures.append(back)

    def start(self, process):
        def end():
            process.terminate()
            process.wait(5)
        self.cures.append(end)

    def heal(self):
        while self.cures:
            self.cures.pop()()


@pytest.fixture(scope="module")
def clinic(request):
    from conftest import _lab_and_maker
    return Clinic(_lab_and_maker(request))


def forwarding(c):
    """Where v6gwd cannot put it back."""
    c.sh("mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys", "umount /proc/sys")
    c.host.sysctl("net.ipv4.conf.nat64.forwarding", 0)
    c.cures.append(lambda: c.host.sysctl("net.ipv4.conf.nat64.forwarding", 1))


def nft_chain(family, hook, rules=""):
    return lambda c: c.sh(f"echo 'table {family} fw {{ chain c {{ type filter hook {hook} priority 0; policy drop; "
                          f"{rules} }}; }}' | nft -f -", f"nft delete table {family} fw")


def iptables(c):
    """As Docker leaves it: only answers get through."""
    c.sh("iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
         "iptables-nft -P FORWARD ACCEPT; iptables-nft -F FORWARD; nft delete table ip filter")


def legacy_policy(c):
    """With rules that let everything through: they are not read."""
    c.sh("iptables-legacy -P FORWARD DROP; iptables-legacy -A FORWARD -j ACCEPT",
         "iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F FORWARD")


def legacy_rules(c):
    c.sh("ip6tables-legacy -A FORWARD -s 2001:db8:bad::/48 -j DROP", "ip6tables-legacy -F FORWARD")


def masquerade(c):
    c.configure('nat64 = { masquerade = "off"; };')


def forwarders(c):
    c.configure('dns64 = { forwarders = [ "198.41.0.99" ]; };')


def port_taken(c):
    with c.host.inside():
        holder = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        holder.bind((GLOBAL, 5353))
    c.cures.append(holder.close)
    c.configure("dns64 = { port = 5353; };")


def excluded(c):
    c.configure(f'dns64 = {{ clients = [ "!{c.guest.address}", "any" ]; }};')


def not_client(c):
    c.configure(f'nat64 = {{ clients = [ "!{c.guest.address}", "auto" ]; }};')


def pool_full(c):
    c.configure('nat64 = { dynamic_pool = [ "192.168.254.0/30" ]; };')
    wait_until(lambda: c.guest.ok("ping", "-c1", "-W1", f"64:ff9b::{SERVER4}"), 5, "the guest's ping")


def mtu(c):
    c.sh("ip link set eth0 mtu 1200", "ip link set eth0 mtu 1500")


def no_default_route(c):
    c.sh("ip route del default", f"ip route add default via {GATEWAY4} dev eth0")


def rp_filter(c):
    """Packets of guests leave by eth0, because of a mark; the host itself would answer by another link."""
    c.sh("ip link add veth8 type veth peer name veth9; ip link set veth8 up; ip link set veth9 up; "
         f"ip route add {SERVER4} dev veth9; ip route add default via {GATEWAY4} dev eth0 table 200; "
         "ip rule add fwmark 1 lookup 200; echo 'table ip mark9 { chain c { type filter hook prerouting priority -150; "
         "iifname \"nat64\" meta mark set 1; }; }' | nft -f -",
         "nft delete table ip mark9; ip rule del fwmark 1 lookup 200; ip route flush table 200; ip link del veth9")
    c.host.sysctl("net.ipv4.conf.eth0.rp_filter", 1)
    c.cures.append(lambda: c.host.sysctl("net.ipv4.conf.eth0.rp_filter", 0))


def rp_filter_tun(c):
    """A rule that leads what is for the pool elsewhere."""
    c.sh("ip link add veth8 type veth peer name veth9; ip link set veth8 up; ip link set veth9 up; "
         "ip route add 192.168.255.0/24 dev veth9 table 200; ip rule add to 192.168.255.0/24 lookup 200",
         "ip rule del to 192.168.255.0/24 lookup 200; ip route flush table 200; ip link del veth9")
    c.host.sysctl("net.ipv4.conf.nat64.rp_filter", 1)
    c.cures.append(lambda: c.host.sysctl("net.ipv4.conf.nat64.rp_filter", 0))


def tayga(c):
    program = pathlib.Path(c.lab.dir) / "tayga"
    shutil.copy("/bin/sleep", program)
    c.start(c.host.popen(program, "300"))


def radvd(c):
    c.start(servers.start_radvd(c.lab, c.host, "interface br0 { AdvSendAdvert on; prefix 2001:db8:1:2::/64 {}; };"))
    time.sleep(0.5)


def accept_ra(c):
    c.host.sysctl("net.ipv6.conf.br0.accept_ra", 2)
    c.cures.append(lambda: c.host.sysctl("net.ipv6.conf.br0.accept_ra", 0))


def bridge_without_carrier(c):
    c.cures.append(lambda: wait_until(
        lambda: c.guest.ok("ping", "-c1", "-W1", f"64:ff9b::{SERVER4}"), 15, "the guest is back"))
    for guest in c.lab.guests:
        c.sh(f"ip link set {guest.port} nomaster", f"ip link set {guest.port} master br0")
    # the kernel takes up to a second to notice
    wait_until(lambda: c.host.json("ip", "-j", "link", "show", "br0")[0]["operstate"] == "DOWN", 5, "no carrier")


def route_ipv6(c):
    c.sh("ip -6 route add blackhole 64:ff9b::/96 table 300; ip -6 rule add to 64:ff9b::/96 lookup 300",
         "ip -6 rule del to 64:ff9b::/96 lookup 300; ip -6 route flush table 300")


def route_ipv4(c):
    c.sh(f"ip route add prohibit {SERVER4}", f"ip route del prohibit {SERVER4}")


def hidden_drop(c):
    """Where no filter is looked for."""
    c.sh("echo 'table ip raw9 { chain c { type filter hook prerouting priority -300; iifname \"nat64\" drop; }; }' | "
         "nft -f -",
         "nft delete table ip raw9")


def saved_rules(c):
    c.host.write("nftables.conf", "flush ruleset\ntable ip v6gwd { # handle 3\n}\n")
    c.cures.append(lambda: (c.host.etc / "nftables.conf").unlink())


def nothing(c):
    pass


CASES = [
    # step, state, harm, GUEST (None: the first), TARGET, what the remedy holds
    ("forwarding", "broken", forwarding, None, SERVER4, "net.ipv4.conf.nat64.forwarding=1"),
    ("filter-ipv4", "broken", nft_chain("ip", "forward"), None, SERVER4,
     'nft insert rule ip fw c iifname "nat64" oifname "eth0" accept'),
    ("filter-ipv6", "broken", nft_chain("ip6", "forward"), None, SERVER4,
     'nft insert rule ip6 fw c iifname "br0" oifname "nat64" accept'),
    ("filter-ipv6", "broken", nft_chain("inet", "forward", 'ct state established accept; oifname "eth0" accept;'),
     None, SERVER4, 'nft insert rule inet fw c iifname "br0" oifname "nat64" accept'),
    ("filter-ipv6", "broken", nft_chain("inet", "forward", 'ct state vmap { established : accept, related : accept, '
                                        'invalid : drop }; iifname { "lo", "nat64" } oifname != { "br1", "br2" } accept;'),
     None, SERVER4, 'nft insert rule inet fw c iifname "br0" oifname "nat64" accept'),
    ("filter-ipv4", "broken", iptables, None, SERVER4, "iptables -I FORWARD -i nat64 -o eth0 -j ACCEPT"),
    ("filter-legacy", "warn", legacy_policy, None, SERVER4, "iptables-legacy -I FORWARD -i nat64 -o eth0 -j ACCEPT"),
    ("filter-legacy", "warn", legacy_rules, None, SERVER4, "ip6tables-legacy -S FORWARD"),
    ("filter-input", "broken", nft_chain("inet", "input", "meta l4proto ipv6-icmp accept; iif lo accept;"), None, SERVER4,
     "dport 53 accept"),
    ("masquerade", "broken", masquerade, None, SERVER4, 'masquerade = "auto"'),
    ("forwarders", "broken", forwarders, None, SERVER4, "dns64.forwarders"),
    ("dns-port", "broken", port_taken, None, SERVER4, ""),
    ("dns-questions", "warn", nothing, 1, SERVER4, GLOBAL),
    ("dns-answer", "broken", excluded, None, SERVER4, "dns64.clients"),
    ("client", "broken", not_client, None, SERVER4, "nat64.clients"),
    ("mapping", "broken", pool_full, 1, SERVER4, "nat64.dynamic_pool"),
    ("mtu", "broken", mtu, None, SERVER4, "ip link set eth0 mtu 1500"),
    ("uplink", "broken", no_default_route, None, SERVER4, "ip route add default"),
    ("rp-filter", "broken", rp_filter, None, SERVER4, "net.ipv4.conf.eth0.rp_filter=2"),
    ("rp-filter", "broken", rp_filter_tun, None, SERVER4, "net.ipv4.conf.nat64.rp_filter=2"),
    ("tayga", "broken", tayga, None, SERVER4, "systemctl disable --now tayga"),
    ("radvd", "broken", radvd, None, SERVER4, "systemctl disable --now radvd"),
    ("accept-ra", "warn", accept_ra, None, SERVER4, "net.ipv6.conf.br0.accept_ra=0"),
    ("guest-prefix", "broken", nothing, "2001:db8:9::5", SERVER4, "2001:db8:1:2::/64 on br0"),
    ("guest-neighbour", "broken", nothing, "2001:db8:1:2::dead", SERVER4, "bridge link show"),
    ("interface", "broken", bridge_without_carrier, None, SERVER4, "bridge link show"),
    ("destination", "broken", nothing, None, "10.1.2.3", "nat64.prefix"),
    ("target", "broken", nothing, None, "nowhere.example.net", "dns query nowhere.example.net"),
    ("route-ipv6", "broken", route_ipv6, None, SERVER4, "ip -6 rule"),
    ("route-ipv4", "broken", route_ipv4, None, SERVER4, f"ip route get {SERVER4}"),
    ("echo", "broken", hidden_drop, None, SERVER4, "tcpdump"),
    ("saved-rules", "warn", saved_rules, None, SERVER4, "v6gwd_dns from /etc/nftables.conf"),
]


@pytest.mark.parametrize("step, state, harm, guest, target, remedy", CASES,
                         ids=[f"{c[0]}-{c[2].__name__.strip('<>')}" for c in CASES])
def test_names_the_broken_link(clinic, step, state, harm, guest, target, remedy):
    clinic.healthy()
    try:
        harm(clinic)
        address = guest if isinstance(guest, str) else clinic.lab.guests[guest or 0].address
        time.sleep(0.3)  # until the news has come in
        steps, result = clinic.run(address, target, code=5 if state == "broken" else 0)
    finally:
        clinic.heal()
    assert (result["result"], result["first"]) == (state, step), [s for s in steps if s["state"] != "ok"]
    row = next(s for s in steps if s["id"] == step)
    assert row["state"] == state and remedy in row["remedy"] and row["text"] == result["text"]
    clinic.healthy()


@pytest.mark.parametrize("harms, guest, step", [((masquerade, forwarding), 0, "forwarding"),
                                                ((pool_full, no_default_route), 1, "uplink")])
def test_of_two_the_first(clinic, harms, guest, step):
    clinic.healthy()
    try:
        for harm in harms:
            harm(clinic)
        time.sleep(0.3)
        steps, result = clinic.run(clinic.lab.guests[guest].address, SERVER4, code=5)
    finally:
        clinic.heal()
    assert result["first"] == step
    assert len([s for s in steps if s["state"] == "broken"]) > 1
    clinic.healthy()


def test_rules_that_let_through(clinic):
    """As administrators write them: nothing of it is taken for a drop."""
    clinic.sh("""nft -f - <<'X'
        table inet fw {
            chain guests { ip6 daddr 64:ff9b::/96 accept; reject; }
            chain forward { type filter hook forward priority 0; policy drop;
                ct state vmap { established : accept, related : accept, invalid : drop }
                iifname vmap { "br0" : jump guests, "br9" : drop }
                iifname "nat64" ip saddr 192.168.255.0/24 counter accept; }
            chain input { type filter hook input priority 0; policy drop;
                iifname "lo" accept
                ct state established,related accept
                icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, echo-request } accept
                ip6 saddr != 2001:db8:1:2::/64 drop
                meta l4proto { tcp, udp } th dport { 22, 53 } accept; }
        }
X""", "nft delete table inet fw")
    try:
        clinic.healthy()
    finally:
        clinic.heal()


def test_without_arguments(clinic):
    """The host is the client, and the default gateway the target."""
    steps, result = clinic.run(code=0)
    by_id = {s["id"]: s for s in steps}
    assert result["result"] == "ok" and by_id["guest-prefix"]["state"] == "skipped"
    assert GATEWAY4 in by_id["echo"]["text"] and "the host" in by_id["client"]["text"]
    assert by_id["echo"]["clause"].startswith("RFC 7915")


def test_a_name_as_target(clinic):
    steps, result = clinic.run(clinic.guest.address, "v4only.example.net", code=0)
    by_id = {s["id"]: s for s in steps}
    assert f"64:ff9b::{SERVER4}" in by_id["target"]["text"] and SERVER4 in by_id["echo"]["text"]


def test_a_guest_by_another_name(clinic):
    """Its link-layer address, the IPv4 address of its mapping, its name in maps; nobody's is said so."""
    rows = [json.loads(row) for row in clinic.gw.ctl("--json", "mappings").stdout.splitlines()]
    ipv4 = next(row["ipv4"] for row in rows if row["ipv6"] == clinic.guest.address)
    try:
        clinic.configure(f'nat64 = {{ maps = ( {{ ipv4 = "192.168.255.99"; ipv6 = "{clinic.other.address}"; name = "mail"; }} ); }};')
        wait_until(lambda: clinic.other.ok("ping", "-c1", "-W1", f"64:ff9b::{SERVER4}"), 5, "the map")
        for name, guest in ((clinic.guest.mac, clinic.guest), (clinic.guest.mac.upper(), clinic.guest), (ipv4, clinic.guest),
                            ("192.168.255.99", clinic.other), ("mail", clinic.other)):
            steps, _ = clinic.run(name, SERVER4, code=0)
            by_id = {s["id"]: s for s in steps}
            assert by_id["guest-prefix"]["text"].startswith(f"{guest.address} "), name
            assert guest.mac.lower() in by_id["guest-neighbour"]["text"] and guest.address in by_id["client"]["text"]
        for name in ("52:54:00:00:99:99", "192.168.255.98", "nobody"):
            _, result = clinic.run(name, SERVER4, code=5)
            assert result["first"] == "guest-prefix" and f"nobody is known as {name}" in result["text"]
    finally:
        clinic.heal()


def test_for_people(clinic):
    done = clinic.gw.ctl("doctor", clinic.guest.address, "10.1.2.3", check=False)
    assert done.returncode == 5
    assert "\nBROKEN destination" in done.stdout and "\nok     tun" in done.stdout
    assert done.stdout.splitlines()[-2].startswith("first broken link: destination: 10.1.2.3 ")
    assert done.stdout.splitlines()[-1].startswith("remedy: ")
    assert clinic.gw.ctl("doctor").stdout.endswith("\nOK: no broken link\n")


def test_bounded_in_time_and_side_by_side(clinic):
    """With dead forwarders and a silent target; packets go on meanwhile, and more than a few at once
    are turned away."""
    try:
        forwarders(clinic)
        begin = time.monotonic()
        running = [clinic.host.popen(clinic.gw.build / "daemon/v6gwctl", "doctor", "2001:db8:1:2::dead", "203.0.114.1",
                                     stdout=-1, stderr=-1) for _ in range(6)]
        ping = clinic.guest.run("ping", "-c10", "-i0.1", "-W1", f"64:ff9b::{SERVER4}")
        codes = sorted(p.wait(20) for p in running)
        assert time.monotonic() - begin < 15
        for p in running:
            p.communicate()
    finally:
        clinic.heal()
    assert codes == [1, 1, 5, 5, 5, 5] and " 0% packet loss" in ping.stdout
    clinic.healthy()


def test_gone_while_it_runs(clinic):
    """Who asks leaves, and then the daemon does."""
    clinic.host.popen(clinic.gw.build / "daemon/v6gwctl", "doctor", stdout=-1).kill()
    clinic.healthy()


@pytest.mark.lab(guests=1, hops=False)
def test_in_the_first_moment(lab):
    """What was made just now is not taken for broken because the news of it is still on its way."""
    servers.start_names(lab)
    lab.guests[0].up()
    gw = lab.gateway(CONFIG)
    for n in range(5):
        done = gw.start().ctl("--json", "doctor", check=False)
        steps = {row.get("id"): row for row in map(json.loads, done.stdout.splitlines())}
        assert (steps["tun"]["state"], steps["forwarding"]["state"]) == ("ok", "ok"), (n, done.stdout)
        gw.stop()


@pytest.mark.lab(guests=0, hops=False)
def test_without_root_in_the_daemon(lab):
    """With four capabilities it sees as much."""
    gw = lab.gateway(args=["--user", "nobody"])
    for path in (gw.dir, gw.dir / "state"):
        os.chown(path, 65534, 65534)
    lab.host.run("chown", "nobody", "/run/v6gwd", "/var/lib/v6gwd")
    lab.host.run("sh", "-ec", "mknod -m 666 $0 c 10 200; mount --bind $0 /dev/net/tun", gw.dir / "tun")
    lab.host.run("sh", "-ec", "echo 'table ip fw { chain c { type filter hook forward priority 0; policy drop; }; }' | "
                 "nft -f -")
    gw.start()
    done = gw.ctl("--json", "doctor", check=False)
    state = {s["id"]: s["state"] for s in map(json.loads, done.stdout.splitlines()[:-1])}
    assert state["filter-ipv4"] == "broken" and state["filter-ipv6"] == "ok" and state["echo"] == "broken"
    assert state["conntrack"] == "ok" and state["route-ipv4"] == "ok"


@pytest.mark.lab(guests=0, hops=False)
def test_without_the_daemon(lab):
    """What may have kept it from starting is named, and nothing else is said to be broken."""
    gw = lab.gateway()
    done = gw.ctl("doctor", check=False)
    assert done.returncode == 3 and "not running" in done.stderr and "BROKEN" not in done.stdout
    program = pathlib.Path(lab.dir) / "tayga"
    shutil.copy("/bin/sleep", program)
    lab.host.popen(program, "300")
    done = gw.ctl("doctor", check=False)
    assert done.returncode == 3 and "BROKEN tayga" in done.stdout and "systemctl start v6gwd" in done.stdout


@pytest.mark.lab(guests=0, hops=False)
def test_a_unit_that_a_user_named(lab):
    """Below a service users choose the names: the remedy must not stop somebody else's."""
    gw = lab.gateway()
    program = pathlib.Path(lab.dir) / "radvd"
    shutil.copy("/bin/sleep", program)
    process = lab.host.popen(program, "300")
    fake = pathlib.Path(lab.dir) / "cgroup"
    fake.write_text("0::/user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service\n")
    lab.host.run("mount", "--bind", fake, f"/proc/{process.pid}/cgroup")
    try:
        done = gw.ctl("doctor", check=False)
    finally:
        lab.host.run("umount", f"/proc/{process.pid}/cgroup")
    assert "BROKEN radvd" in done.stdout and "user@1000.service" in done.stdout and "ssh.service" not in done.stdout
