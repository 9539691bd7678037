# SPDX-License-Identifier: GPL-3.0-or-later
"""v6gwctl against a running gateway."""
import json
import socket

import pytest

import openmetrics
import varlink
from lab import SERVER4, embed

TARGET = embed("64:ff9b::/96", SERVER4)


@pytest.fixture(scope="module", autouse=True)
def some_traffic(world):
    guest = world.guests[0]
    guest.run("ping", "-c", "2", "-i", "0.1", TARGET)
    guest.run("dig", "+short", "v4only.example.net", "AAAA")


def test_status_for_people(world):
    text = world.gw.ctl("status").stdout
    assert text.splitlines()[0] == "OK"
    for word in ("nat64", "dns64", "ra", "br0", "64:ff9b::/96"):
        assert word in text
    assert len(text.splitlines()) <= 40 and "\033" not in text


def test_status_json_has_the_fields_of_the_contract(world):
    status = world.gw.status()
    assert {"version", "uptime_s", "health", "config", "nat64", "dns64", "ra"} <= set(status)
    assert status["health"] == {"state": "ok", "reasons": []}
    assert {"file", "loaded_at", "stale"} <= set(status["config"]) and status["config"]["stale"] is False
    nat64 = status["nat64"]
    assert {"device", "prefix", "ipv4_address", "ipv6_address", "pool", "mappings", "offload", "offload_reason",
            "fastpath", "fastpath_reason", "masquerade", "packets"} <= set(nat64)
    assert nat64["device"] == "nat64" and nat64["prefix"] == "64:ff9b::/96"
    assert nat64["pool"][0]["network"] == "192.168.255.0/24" and nat64["pool"][0]["used"] >= 1
    assert set(nat64["mappings"]) >= {"active", "dormant", "static"} and nat64["mappings"]["active"] >= 1
    assert nat64["masquerade"]["mode"] == "auto" and nat64["masquerade"]["present"] is True
    assert nat64["packets"]["v6_to_v4"] >= 2 and nat64["packets"]["v4_to_v6"] >= 2
    dns64 = status["dns64"]
    assert {"listen", "forwarders", "queries", "hits", "synthesized", "cache"} <= set(dns64)
    assert dns64["queries"] >= 1 and dns64["synthesized"] >= 1
    assert dns64["forwarders"][0]["address"].startswith("198.41.0.53") and dns64["forwarders"][0]["healthy"] is True
    assert set(dns64["cache"]) >= {"entries", "bytes", "limit"}
    ra = status["ra"][0]
    assert ra["interface"] == "br0" and ra["sent"] >= 1 and ra["solicited"] >= 1
    assert "state" in ra and "next_s" in ra


def test_json_may_stand_before_or_after(world):
    assert json.loads(world.gw.ctl("status", "--json").stdout)["version"]


def test_mappings(world):
    guest = world.guests[0]
    row = [m for m in world.gw.ctl_rows("mappings") if m["ipv6"] == guest.address][0]
    assert {"mac", "ipv6", "ipv4", "name", "state", "age_s", "idle_s", "packets", "bytes"} <= set(row)
    assert row["state"] == "active" and row["packets"]["v6_to_v4"] >= 2 and row["bytes"]["v4_to_v6"] > 100
    text = world.gw.ctl("mappings").stdout
    assert guest.address in text and guest.mac in text.lower() and row["ipv4"] in text


def test_counters(world):
    rows = world.gw.counters()
    assert all({"name", "value", "text", "rfc"} <= set(row) for row in rows)
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    assert {name.split(".")[0] for name in names} >= {"nat64", "dns64", "ra"}
    assert all(row["text"] for row in rows)
    lines = world.gw.ctl("counters", "--nonzero").stdout
    assert len(lines.splitlines()) < len(rows)


def test_config(world):
    text = world.gw.ctl("config").stdout
    assert "auto: " in text and "interface" in text
    done = world.host.run(world.gw.build / "daemon/v6gwd", "--check", "-c", "/dev/stdin", input=text, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(world.gw.ctl("--json", "config").stdout)


class Wire:
    """A varlink client."""

    def __init__(self, world):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"/proc/{world.host.holder.pid}/root/run/v6gwd/control.sock")
        self.socket.settimeout(10)
        self.left = b""

    def call(self, method, more=False, **parameters):
        self.socket.sendall(json.dumps({"method": method, "parameters": parameters, "more": more}).encode() + b"\0")
        return self.reply()

    def reply(self):
        while b"\0" not in self.left:
            data = self.socket.recv(65536)
            assert data, "closed"
            self.left += data
        text, self.left = self.left.split(b"\0", 1)
        return json.loads(text)


REQUESTS = {
    "ListMappings": [{}], "Monitor": [{}, {"queries": True}], "DropMapping": [{"ipv6": "2001:db8:ffff::1"}, {"ipv6": "x"}],
    "QueryDns": [{"name": "v4only.example.net"}, {"name": "www.example.net", "type": "A", "as": "2001:db8::25", "do": True},
                 {"name": "nothing.example.net", "cd": True}],
    "SetLogLevel": [{"level": "info"}],
}


def test_replies_are_as_described(world):
    """GetInterfaceDescription is the schema of each reply."""
    wire = Wire(world)
    texts = {name: wire.call("org.varlink.service.GetInterfaceDescription", interface=name)["parameters"]["description"]
             for name in ("org.varlink.service", "io.v6gwd.Control")}
    service, control = map(varlink.Interface, texts.values())
    assert (service.name, control.name) == tuple(texts)
    reply = wire.call("org.varlink.service.GetInfo")["parameters"]
    assert not list(service.faults(service.methods["GetInfo"][1], reply))
    assert set(reply["interfaces"]) == set(texts)
    for name, (takes, gives) in control.methods.items():
        for parameters in REQUESTS.get(name, [{}]):
            wire = Wire(world)
            refusal = [name, parameters] == ["DropMapping", {"ipv6": "x"}]
            if not refusal:
                assert not list(control.faults(takes, parameters))
            reply = wire.call(f"io.v6gwd.Control.{name}", more=name in ("ListMappings", "Monitor", "Doctor"), **parameters)
            if "error" in reply:
                interface, error = reply["error"].rsplit(".", 1)
                assert error in ("NoSuchMapping", "InvalidParameter"), reply
                gives = {"io.v6gwd.Control": control, "org.varlink.service": service}[interface].errors[error]
            assert list(control.faults(gives, reply["parameters"])) == [], (name, parameters)
    wrong = [("missing", {"version": "1"}), ("more", {"text": "", "new": 1}), ("type", {"text": 1})]
    for what, value in wrong:
        assert list(control.faults(control.methods["GetConfig"][1], value)), f"the check does not see: {what}"


def test_metrics(world):
    """OpenMetrics text, and the same counters as in ListCounters."""
    samples = openmetrics.parse(world.gw.ctl("metrics").stdout)
    names = {"v6gwd_" + "".join(c if c.isalnum() else "_" for c in row["name"]) + "_total" for row in world.gw.counters()}
    assert {name for name in samples if name.endswith("_total")} == names
    assert any(name.startswith("v6gwd_info{version=") for name in samples)
    good = '# TYPE a counter\n# HELP a b "c" \\\\\na_total{x="\\n"} 1\n# EOF\n'.replace('"c"', '\\"c\\"')
    assert openmetrics.parse(good)
    for old, new in (("_total", ""), (" 1", " -1"), ("# EOF\n", ""), ("counter", "count"), ('\\"c', '"c'), ("# HELP a", "# HELP b"),
                     ("1\n", "1\n" + good.splitlines()[2] + "\n"), ('x="', 'x="\\q'), ("1\n", "1\n\n"), ("# TYPE", "#TYPE")):
        with pytest.raises((AssertionError, ValueError)):
            print(openmetrics.parse(good.replace(old, new, 1)), old, new)


def test_the_wire_is_varlink(world):
    """What any varlink client does first."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"/proc/{world.host.holder.pid}/root/run/v6gwd/control.sock")
        s.settimeout(5)
        for method in ("org.varlink.service.GetInfo", "io.v6gwd.Control.GetStatus"):
            s.sendall(json.dumps({"method": method, "parameters": {}}).encode() + b"\0")
            data = b""
            while not data.endswith(b"\0"):
                data += s.recv(65536)
            assert "parameters" in json.loads(data[:-1]), method


def test_unknown_method(world):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"/proc/{world.host.holder.pid}/root/run/v6gwd/control.sock")
        s.settimeout(5)
        s.sendall(b'{"method":"io.v6gwd.Control.NoSuch"}\0')
        assert json.loads(s.recv(65536)[:-1])["error"].startswith("org.varlink.service.")


def test_strangers_may_not_ask(world):
    done = world.host.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                          world.gw.build / "daemon/v6gwctl", "status", check=False)
    assert done.returncode == 4, done.stderr
