# SPDX-License-Identifier: GPL-3.0-or-later
"""v6gwctl monitor: events as they happen."""
import json
import pathlib
import signal

import pytest

import servers
from gateway import CONFIG
from lab import SERVER4, embed, wait_until
from test_ra_others import Mouth, advertisement

TARGET = embed("64:ff9b::/96", SERVER4)
FORWARDER = "198.41.0.53"


class Watch:
    """A monitor that runs in the background."""

    def __init__(self, gw, *args):
        self.file = open(gw.dir / f"monitor{''.join(args)}.jsonl", "w", encoding="utf-8")
        self.process = gw.host.popen(gw.build / "daemon/v6gwctl", "monitor", "--json", *args, stdout=self.file)
        self.wait("status")

    def events(self):
        text = pathlib.Path(self.file.name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def find(self, event, **fields):
        return [e for e in self.events() if e["event"] == event and fields.items() <= e.items()]

    def wait(self, event, timeout=10, **fields):
        wait_until(lambda: self.find(event, **fields), timeout, lambda: f"{event} {fields} in {self.events()}")
        return self.find(event, **fields)[0]


@pytest.mark.lab(guests=1, hops=False)
def test_monitor(lab):
    servers.start_names(lab)
    gw = lab.gateway(CONFIG).start()
    guest = lab.guests[0]
    watch, queries = Watch(gw), Watch(gw, "--queries")
    first = watch.events()[0]
    assert {"time", "plane", "event", "level", "text"} == set(first) and first["plane"] == "gateway"
    guest.up()
    guest.wait_configured()
    guest.learn_resolver()
    wait_until(lambda: guest.ok("ping", "-c", "1", "-W", "1", TARGET), 10, "ping")
    made = watch.wait("mapping_made", client=guest.address)
    assert made["plane"] == "nat64" and made["ipv4"].startswith("192.168.255.") and made["mac"] == guest.mac.lower()
    gw.ctl("drop", guest.address)
    watch.wait("mapping_ended", client=guest.address)

    guest.run("dig", "+short", "v4only.example.net", "AAAA")
    asked = queries.wait("query", name="v4only.example.net")
    assert asked["client"] and "synthesized" in asked["text"]
    assert not watch.find("query")

    gw.conf.write_text(CONFIG + "nonsense = 1;\n")
    assert gw.ctl("reload", check=False).returncode == 1
    refused = watch.wait("config_refused")
    assert refused["level"] == "error" and len(refused["message_id"]) == 32
    gw.conf.write_text(CONFIG + "ra = ( { mtu = 1400; } );\n")
    gw.ctl("reload")
    watch.wait("config_loaded")
    watch.wait("advertisement", iface="br0")

    mouth = Mouth(guest)
    mouth.say(advertisement())
    other = watch.wait("other_router", iface="br0")
    assert other["client"] == "fe80::bad" and other["level"] == "warning"
    mouth.socket.close()

    lab.host.run("ip", "link", "delete", "nat64")
    watch.wait("tun_lost")

    lab.host.run("ip", "route", "del", "default")
    watch.wait("waiting_uplink")
    assert watch.find("status")[-1]["text"].startswith("DEGRADED: gateway: waiting for an uplink")


@pytest.mark.lab(guests=1, hops=False)
def test_forwarders(lab):
    """Each one that falls silent, and that none is left; and back."""
    servers.start_names(lab)
    gw = lab.gateway(CONFIG).start()
    guest = lab.guests[0]
    guest.up()
    guest.wait_configured()
    guest.learn_resolver()
    watch = Watch(gw)
    lab.host.run("ip", "route", "add", "blackhole", FORWARDER)

    def ask():
        for i in range(5):
            guest.run("dig", "+tries=1", "+time=1", f"n{i}.example.net", "AAAA", check=False)
        return watch.find("no_forwarder")

    wait_until(ask, 60, "no forwarder")
    watch.wait("forwarder_down", name=FORWARDER)
    lab.host.run("ip", "route", "del", "blackhole", FORWARDER)
    watch.wait("forwarder_up", 40, name=FORWARDER)
    over = watch.wait("over", about="no_forwarder")
    assert over["plane"] == "dns64" and over["text"].startswith("no longer: ")


@pytest.mark.lab(guests=1, hops=False)
def test_a_reader_that_stops(lab):
    """Misses events, and delays nobody."""
    servers.start_names(lab)
    gw = lab.gateway(CONFIG).start()
    guest = lab.guests[0]
    guest.up()
    guest.wait_configured()
    guest.learn_resolver()
    watch = Watch(gw, "--queries")
    watch.process.send_signal(signal.SIGSTOP)
    guest.run("sh", "-c", "for i in $(seq 60); do dig +short +tries=1 n$i.example.net AAAA; done >/dev/null")
    assert guest.ok("ping", "-c", "1", "-W", "1", TARGET)
    watch.process.send_signal(signal.SIGCONT)
    wait_until(lambda: len(watch.find("query")) >= 60, 10, lambda: str(watch.events())[-500:])
    watch.process.terminate()
    assert watch.process.wait(5) == -signal.SIGTERM
    assert gw.ctl("status").returncode == 0
