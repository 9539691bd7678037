# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator sees of DNS64: v6gwctl dns, dns query with the reasons, the query log."""
import re
import socket
import subprocess
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from lab import wait_until
from mock_dns import MockDns, Send

FIRST, ZONE = "198.41.0.101", "198.41.0.102"
ADDRESS = "2001:db8:77::1"
CONFIG = f"""
interface = "br0";
dns64 = {{ forwarders = [ "{FIRST}" ]; zones = ( {{ name = "internal.example"; forwarders = [ "{ZONE}" ]; }} );
          clients = [ "!2001:db8:1::25", "!52:54:00:00:01:02", "any" ]; exclude_names = [ "v4.example" ];
          max_queries_per_client = 1000; LOG }};
"""
pytestmark = pytest.mark.lab(guests=2, hops=False)


class Net:
    def __init__(self, lab):
        self.lab = lab
        for addr in (FIRST, ZONE):
            lab.server.run("ip", "addr", "add", f"{addr}/24", "dev", "eth0")
        self.zone = {"a.example": {"A": ["8.8.8.8", "10.1.2.3"]}, "dual.example": {"AAAA": ["2001:db8::1"]},
                     "a.internal.example": {"A": ["9.9.9.9"]}, "www.v4.example": {"A": ["8.8.4.4"]},
                     "private.example": {"A": ["10.1.2.3"]}, "mapped.example": {"A": ["8.8.8.8"], "AAAA": ["::ffff:8.8.8.8"]}, "mail.example": {"MX": ["10 a.example."]}}
        self.first = MockDns(FIRST, inside=lab.server.inside, zone=self.zone)
        self.second = MockDns(ZONE, inside=lab.server.inside, zone=self.zone)
        self.gw = lab.gateway(CONFIG.replace("LOG", "")).start()

    def query(self, *words):
        return self.gw.ctl_json("dns", "query", *words)

    def close(self):
        self.first.close()
        self.second.close()


@pytest.fixture(scope="module")
def net(request):
    from conftest import _lab_and_maker
    net = Net(_lab_and_maker(request))
    for guest in net.lab.guests:
        guest.up()
    for guest in net.lab.guests:
        guest.wait_configured()
    yield net
    net.close()


def ids(reply):
    return [step["id"] for step in reply["steps"]]


def said(reply, step):
    return " ".join(s["text"] for s in reply["steps"] if s["id"] == step)


def test_a_synthesis_and_its_reasons(net):
    """From the forwarder, then from the cache that guests use, too."""
    reply = net.query("a.example")
    assert reply["rcode"] == "NOERROR" and {"qr", "rd", "ra"} <= set(reply["flags"])
    assert [(r["name"], r["type"], r["data"]) for r in reply["answer"]] == [("a.example", "AAAA", "64:ff9b::808:808")]
    assert 0 < reply["answer"][0]["ttl"] <= 60
    assert reply["extended_errors"] == [{"code": 29, "text": "Synthesized"}]
    assert ids(reply) == ["client.allowed", "dns64.on", "asked", "asked", "heard", "says.nodata", "heard", "a.made",
                          "a.not_global", "chose.synthesis", "ttl.soa", "ended.synthesized"]
    assert FIRST in said(reply, "heard") and "10.1.2.3" in said(reply, "a.not_global")
    assert all(step["text"] and "rfc" in step for step in reply["steps"])
    asked = len(net.first.asked("a.example"))
    again = net.query("A.EXAMPLE", "AAAA", "--as", net.lab.guests[0].address)
    assert "asked" not in ids(again) and ids(again).count("cache.fresh") == 2
    assert again["as"] == net.lab.guests[0].address and len(net.first.asked("a.example")) == asked
    assert net.lab.guests[0].out("dig", "+short", "@" + net.gw.status()["dns64"]["listen"][0], "a.example",
                                 "AAAA").strip() == "64:ff9b::808:808"
    assert len(net.first.asked("a.example")) == asked


def test_who_it_is_asked_as_matters(net):
    """By address, by link-layer address, and by who may ask at all."""
    excluded = net.query("a.example", "--as", "2001:db8:1::25")
    assert excluded["rcode"] == "NOERROR" if "client.allowed" in ids(excluded) else "REFUSED"
    guest = net.lab.guests[1]
    guest.run("ping", "-c1", net.lab.host_address if hasattr(net.lab, "host_address") else
              net.gw.status()["dns64"]["listen"][0])
    reply = net.query("a.example", "--as", guest.address)
    assert reply["mac"] == guest.mac and not reply["answer"]
    assert "dns64.not_client" in ids(reply) and '"!52:54:00:00:01:02"' in said(reply, "dns64.not_client")
    reply = net.query("a.example", "--as", "2001:db8:dead::1")
    assert reply["rcode"] == "REFUSED" and ids(reply) == ["client.refused", "ended.refused_client"]
    assert reply["extended_errors"] == [{"code": 18, "text": "Prohibited"}]


def test_other_decisions(net):
    assert "aaaa.real" in ids(net.query("dual.example"))
    private = net.query("private.example")
    assert private["rcode"] == "NOERROR" and not private["answer"] and "chose.empty" in ids(private)
    assert said(net.query("www.v4.example"), "dns64.not_name").endswith("v4.example in dns64.exclude_names")
    assert said(net.query("mapped.example"), "aaaa.excluded") == \
        "::ffff:8.8.8.8: counts as absent, ::ffff:0.0.0.0/96 is in dns64.exclude_aaaa"
    reply = net.query("a.internal.example", "A")
    assert "internal.example" in said(reply, "asked.zone") and ZONE in said(reply, "heard")
    reply = net.query("a.example", "--cd")
    assert "cd" in reply["flags"] and "dns64.not_cd" in ids(reply)
    assert "dns64.do" in ids(net.query("a.example", "--do"))
    assert net.query("mail.example", "mx")["answer"][0]["data"] == "10 a.example."
    assert net.query("nothing.example", "TYPE65")["rcode"] == "NXDOMAIN"
    assert "name.special" in ids(net.query("localhost", "A"))


def test_for_people(net):
    text = net.gw.ctl("dns", "query", "a.example").stdout
    assert "\na.example. " in text and " IN AAAA 64:ff9b::808:808\n" in text
    assert re.search(r"\nWhy:\n  1\. .* may ask: .*dns64.allow_query\n", text) and "[RFC 6147 5.1.7]" in text
    for words in (["dns", "query"], ["dns", "query", "a..b"], ["dns", "query", "a", "NOTYPE"], ["dns", "query", "a", "A", "b"],
                  ["dns", "query", "a", "--as", "nobody"], ["status", "--do"], ["dns", "nothing"]):
        assert net.gw.ctl(*words, check=False).returncode == 2, words


def reasons(net):
    return str(net.gw.status()["health"]["reasons"])


def test_a_zone_without_forwarder_is_told(net):
    """The forwarders of all other names are no help to it, nor its own to them."""
    for mock, name, text in ((net.second, "internal.example", "no forwarder of zone internal.example answers"),
                             (net.first, "example", "no forwarder answers")):
        mock.script = lambda q: []
        for i in range(3):
            net.query(f"silent{i}.{name}", "A")
        wait_until(lambda: text in reasons(net), 10, lambda: reasons(net))
        mock.script = None
        wait_until(lambda: "answers" not in reasons(net), 10, lambda: reasons(net))


def test_forwarders_that_refuse_are_told(net):
    """They answer, and nobody gets anything by it: until one is of use."""
    net.first.script = lambda q: [Send(q.reply("REFUSED"))]
    for i in range(4):
        net.query(f"refused{i}.example", "A")
    wait_until(lambda: "each forwarder refuses" in reasons(net), 5, lambda: reasons(net))
    net.first.script = None
    net.query("after.example", "A")
    wait_until(lambda: "refuses" not in reasons(net), 5, lambda: reasons(net))


def test_nobody_waits_for_a_slow_question(net):
    """A question without answer takes its time, and nobody else's; giving it up harms nothing."""
    net.first.script = lambda q: [Send(None)] if q.name.startswith("slow") else None
    try:
        slow = net.lab.host.popen(net.gw.build / "daemon/v6gwctl", "--json", "dns", "query", "slow.example",
                                  stdout=subprocess.PIPE, text=True)
        gone = net.lab.host.popen(net.gw.build / "daemon/v6gwctl", "dns", "query", "slow2.example",
                                  stdout=subprocess.DEVNULL)
        wait_until(lambda: net.first.asked("slow.example") and net.first.asked("slow2.example"), 5, "they are asked")
        begin = time.monotonic()
        assert net.query("a.example")["rcode"] == "NOERROR" and net.gw.status()["health"]
        assert time.monotonic() - begin < 3 and slow.poll() is None
        gone.kill()
        out, _ = slow.communicate(timeout=20)
        assert '"SERVFAIL"' in out and '"says.nothing"' in out
    finally:
        net.first.script = None
    net.gw.ctl("flush", "dns")
    wait_until(lambda: net.query("a.example")["rcode"] == "NOERROR", 10, "all is well again")


def test_dns(net):
    """All of GetDns, and its one screen."""
    reply = net.gw.ctl_json("dns")
    assert {f["zone"] for f in reply["forwarders"]} == {None, "internal.example"}
    first, = [f for f in reply["forwarders"] if f["address"] == FIRST]
    assert first["healthy"] and first["rtt_ms"] > 0 and first["asked"] >= first["answered"] > 0
    assert first["edns"] is True and first["mixed_case"] is True and first["avoided"] is False
    assert all(x["bound"] for x in reply["listen"]) and reply["cache"]["entries"] > 0
    assert reply["dnssec"] == "pass" and "!52:54:00:00:01:02" in reply["clients"] and reply["destinations"] == ["global"]
    assert {c["name"] for c in reply["counters"]} >= {"dns64.queries", "dns64.synthesized"}
    assert 0 < reply["hit_percent"] <= 100 and reply["in_flight"] == 0
    text = net.gw.ctl("dns").stdout
    for word in (FIRST, ZONE, "internal.example", "ANSWERED", "healthy", "% ", "dns64.synthesized"):
        assert word in text.replace("%\n", "% "), word
    assert len(text.splitlines()) <= 50


def ask(node, source, server, tcp=False, name="a.example", rdtype="AAAA"):
    """The answer, or None where there is none; both addresses as socket.bind() takes them."""
    message = dns.message.make_query(name, rdtype)
    with node.inside():
        s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    with s:
        s.settimeout(2)
        s.bind(source)
        try:
            s.connect(server)
            wire = message.to_wire()
            s.sendall(len(wire).to_bytes(2, "big") + wire if tcp else wire)
            reply = s.recv(4096)
        except OSError:
            return None
    return dns.message.from_wire(reply[2:] if tcp else reply)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_link_local_sources_of_the_uplink_are_not_local(net, tcp):
    """Only those that come in on the guests' link are localnets, whichever address of ours they ask."""
    host, outside = net.lab.host, net.lab.server
    server = net.gw.status()["dns64"]["listen"][0]
    uplink = host.json("ip", "-j", "route", "show", "default")[0]["dev"]
    guest = net.lab.guests[0]
    index = {node: node.json("ip", "-j", "link", "show", "dev", "eth0")[0]["ifindex"] for node in (outside, guest)}
    local = {outside: "fe80::99", guest: [a["local"] for a in guest.addresses("eth0") if a["scope"] == "link"][0]}
    for node, dev, addr in ((outside, "eth0", "fe80::99"), (host, uplink, "fe80::98")):
        node.sysctl(f"net.ipv6.conf.{dev}.disable_ipv6", 0)
        node.run("ip", "addr", "replace", f"{addr}/64", "dev", dev, "nodad")
    outside.run("ip", "-6", "route", "replace", server, "via", "fe80::98", "dev", "eth0")
    for node, rcode in ((outside, dns.rcode.REFUSED), (guest, dns.rcode.NOERROR)):
        reply = ask(node, (local[node], 0, 0, index[node]), (server, 53), tcp)
        assert reply is not None and reply.rcode() == rcode, node.name


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_a_guest_is_known_by_its_first_question(net, tcp):
    """Excluded by its link-layer address, it gets nothing synthesised from an address that the host has not heard of."""
    host, guest = net.lab.host, net.lab.guests[1]
    server = net.gw.status()["dns64"]["listen"][0]
    host_mac = host.json("ip", "-j", "link", "show", "dev", "br0")[0]["address"]
    guest.run("ip", "neigh", "replace", server, "lladdr", host_mac, "dev", "eth0")  # so that it has nobody to solicit
    for i in range(3):
        fresh = f"2001:db8:1:2::{0xf00 + 16 * tcp + i:x}"
        guest.run("ip", "addr", "add", f"{fresh}/64", "dev", "eth0", "nodad")
        assert not host.out("ip", "neigh", "show", fresh).strip()
        reply = ask(guest, (fresh, 0), (server, 53), tcp)
        assert reply is not None and reply.rcode() == dns.rcode.NOERROR and not reply.answer, fresh
        guest.run("ip", "addr", "del", f"{fresh}/64", "dev", "eth0")
    assert net.gw.ctl_json("status")["health"]["state"] == "ok"
    net.gw.configure(CONFIG.replace("LOG", "").replace('"!52:54:00:00:01:02", ', ""))
    assert "v6gwd_dns" in host.out("nft", "list", "tables")
    net.gw.ctl("reload")
    assert "v6gwd_dns" not in host.out("nft", "list", "tables")
    net.gw.configure(CONFIG.replace("LOG", ""))
    net.gw.ctl("reload")


def test_query_log(net):
    """A line for each question while it is wanted, no octet of a name raw, and no flood."""
    gw, guest = net.gw, net.lab.guests[0]
    server = gw.status()["dns64"]["listen"][0]
    before = len(gw.log_text())
    assert " query " not in gw.log_text()
    gw.configure(CONFIG.replace("LOG", "query_log = true;"))
    gw.ctl("reload")
    guest.run("dig", "@" + server, "a.example", "AAAA")
    guest.run("dig", "@" + server, "a.example", "AAAA")
    guest.run("dig", "@" + server, "x\\010<3>evil\\027.example", "TXT")
    net.query("a.example")
    lines = [line for line in gw.log_text()[before:].splitlines() if " query " in line]
    assert re.fullmatch(rf"<6>dns64: query {guest.address} a.example AAAA: synthesized( from the cache)?, NOERROR, \d+ ms",
                        lines[0])
    assert lines[1].endswith("synthesized from the cache, NOERROR, 0 ms")
    assert rf" x\010<3>evil\027.example TXT: answered, NXDOMAIN, " in lines[2] and len(lines) == 3
    wire = dns.message.make_query("a.example", "A").to_wire()
    with guest.inside():
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with s:
        for i in range(3000):
            s.sendto(wire, (server, 53))
            if i % 100 == 99:
                time.sleep(0.01)
    gw.wait_log("queries not logged")
    written = gw.log_text()[before:].count(" query ") - 3
    assert 900 <= written <= 1600, written
    lost = sum(int(n) for n in re.findall(r" (\d+) queries not logged", gw.log_text()))
    assert 0 < lost <= 3000 - written
    gw.configure(CONFIG.replace("LOG", ""))
    gw.ctl("reload")
    before = len(gw.log_text())
    guest.run("dig", "@" + server, "a.example", "AAAA")
    assert " query " not in gw.log_text()[before:]


def test_without_dns64(lab):
    gw = lab.gateway('interface = "br0"; dns64 = { enabled = false; };').start()
    for words in (["dns"], ["dns", "query", "a.example"]):
        done = gw.ctl(*words, check=False)
        assert done.returncode == 1 and "not running: dns64" in done.stderr
