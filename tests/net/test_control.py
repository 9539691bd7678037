# SPDX-License-Identifier: GPL-3.0-or-later
"""v6gwctl against a running gateway."""
import copy
import json
import socket
import subprocess

import pytest

import openmetrics
import replies
from gateway import CONFIG
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


OURS = "io.v6gwd.Control."
MORE = ("ListMappings", "Monitor", "Doctor")
REQUESTS = {
    "ListMappings": [{}], "Monitor": [{}, {"queries": True}], "DropMapping": [{"ipv6": "2001:db8:ffff::1"}],
    "QueryDns": [{"name": "v4only.example.net"}, {"name": "www.example.net", "type": "A", "as": "2001:db8::25", "do": True},
                 {"name": "nothing.example.net", "cd": True}],
    "SetLogLevel": [{"level": "info"}],
}


def test_the_daemon_describes_itself_as_the_schema_does(world):
    wire = Wire(world)
    texts = [wire.call("org.varlink.service.GetInterfaceDescription", interface=name)["parameters"]["description"]
             for name in wire.call("org.varlink.service.GetInfo")["parameters"]["interfaces"]]
    assert replies.idl.schema_of(texts) == replies.SCHEMA
    assert {f"{OURS}{method}" for method in replies.METHODS.values()} == {
        name.removesuffix(":call") for name in replies.SCHEMA["$defs"] if name.startswith(OURS) and name.endswith(":call")}


def methods():
    return [name.removesuffix(":call") for name in replies.SCHEMA["$defs"] if name.endswith(":call")]


@pytest.mark.parametrize("method", methods())
def test_replies_are_as_described(world, method):
    """On the wire: each reply of a list, too."""
    own = {"org.varlink.service.GetInterfaceDescription": [{"interface": "io.v6gwd.Control"}]}
    for parameters in own.get(method) or REQUESTS.get(method.removeprefix(OURS), [{}]):
        assert not replies.faults(f"{method}:call", parameters)
        wire = Wire(world)
        message = wire.call(method, more=method.removeprefix(OURS) in MORE, **parameters)
        replies.judge_message(method, message)
        while message.get("continues") and method != f"{OURS}Monitor":
            message = replies.judge_message(method, wire.reply())
        assert "error" not in message or message["error"] == f"{OURS}NoSuchMapping", message


@pytest.mark.parametrize("error, text", [
    ("org.varlink.service.InvalidParameter", '{"method": 1}'),
    ("org.varlink.service.InvalidParameter", '{"method": "io.v6gwd.Control.DropMapping", "parameters": {"ipv6": "x"}}'),
    ("org.varlink.service.MethodNotFound", '{"method": "io.v6gwd.Control.NoSuch"}'),
    ("org.varlink.service.InterfaceNotFound", '{"method": "com.example.Any"}'),
    ("org.varlink.service.ExpectedMore", '{"method": "io.v6gwd.Control.ListMappings"}'),
    ("io.v6gwd.Control.NoSuchMapping", '{"method": "io.v6gwd.Control.DropMapping", "parameters": {"ipv6": "2001:db8::77"}}'),
    ("io.v6gwd.Control.RequestTooLarge", " " * 65537),
    ("org.varlink.service.InvalidParameter", "no varlink"),
])
def test_errors_are_as_described(world, error, text):
    wire = Wire(world)
    wire.socket.sendall(text.encode() + b"\0")
    assert replies.judge_message(None, wire.reply())["error"] == error


def test_errors_of_a_reload_and_of_a_plane_that_is_off(lab):
    """On the wire and by v6gwctl; the doctor, whose findings it prints, and events, too."""
    gw = lab.gateway(CONFIG + "dns64 = { enabled = false; };").start()
    gw.configure(CONFIG + "nonsense = 1;")
    for command in (["reload"], ["dns"], ["dns", "query", "a.example"], ["flush", "dns"], ["drop", "2001:db8::77"]):
        done = gw.ctl("--json", *command, check=False)
        assert done.returncode == 1 and json.loads(done.stdout), done
    watcher = lab.host.popen(gw.build / "daemon/v6gwctl", "--json", "monitor", stdout=subprocess.PIPE, text=True)
    lines = [watcher.stdout.readline()]
    gw.ctl("reload", check=False)
    lines.append(watcher.stdout.readline())
    watcher.terminate()
    watcher.wait(5)
    replies.judge_output(["--json", "monitor"], "".join(lines), 0)
    assert json.loads(lines[1])["event"] == "config_refused"
    for command in (["status"], ["mappings"], ["ra"], ["counters"], ["metrics"], ["config"], ["doctor"], ["log-level", "info"]):
        assert gw.ctl("--json", *command, check=False).returncode in (0, 5)
    gw.configure(CONFIG)
    gw.ctl("--json", "reload")
    for command in (["dns"], ["dns", "query", "v4only.example.net"], ["flush", "dns"]):
        gw.ctl("--json", *command)


def test_the_schema_refuses_what_is_wrong(world):
    status = world.gw.status()
    for harm in (lambda s: s.pop("version"), lambda s: s.update(new=1), lambda s: s["health"].update(state="fine"),
                 lambda s: s.update(uptime_s="1"), lambda s: s["nat64"]["pool"][0].pop("used"),
                 lambda s: s["ra"][0].update(sent=True), lambda s: s["dns64"]["cache"].update(bytes=None)):
        wrong = copy.deepcopy(status)
        harm(wrong)
        assert replies.faults(f"{OURS}GetStatus", wrong) and not replies.faults(f"{OURS}GetStatus", status)
    for message in ({}, {"error": "x.y", "parameters": {}}, {"error": f"{OURS}NoSuchMapping", "parameters": {}},
                    {"parameters": [], "continues": True}):
        assert replies.faults(None, message), message


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


def test_strangers_may_not_ask(world):
    done = world.host.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                          world.gw.build / "daemon/v6gwctl", "status", check=False)
    assert done.returncode == 4, done.stderr
