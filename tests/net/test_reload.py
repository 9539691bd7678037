# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator is told when the configuration changes, and what stays when it cannot."""
import signal

import pytest

from gateway import CONFIG
from lab import wait_until

pytestmark = pytest.mark.lab(guests=0, hops=False)

ODD = CONFIG + 'ra = ( { pref64 = ( { lifetime = "5m"; } ); } );\n'
WARNING = "ra[0].pref64[0].lifetime: 5m ends before the next advertisement"


def test_warnings_at_start_and_on_reload(lab):
    gw = lab.gateway(ODD).start()
    assert gw.log_text().count(WARNING) == 1
    done = gw.ctl("reload")
    assert WARNING in done.stderr and not done.stdout
    assert WARNING.split(": ", 1)[1] in gw.ctl_json("reload")["warnings"][0]["text"]
    assert gw.log_text().count(WARNING) == 3


def test_a_file_with_mistakes(lab):
    gw = lab.gateway().start()
    gw.configure("interfac = 1;\n")
    done = gw.ctl("reload", check=False)
    assert done.returncode == 1 and "did you mean `interface`?" in done.stderr
    assert gw.status()["config"]["stale"] and gw.status()["health"]["state"] != "failed"
    gw.conf.unlink()
    gw.send(signal.SIGHUP)
    gw.wait_log(f"{gw.conf}: cannot be read: No such file or directory\n")
    gw.configure(CONFIG)
    gw.ctl("reload")
    assert not gw.status()["config"]["stale"]


def test_a_file_that_the_host_does_not_allow(lab):
    """The device belongs to somebody else: the old one stays, and the caller learns why."""
    gw = lab.gateway().start()
    lab.host.run("ip", "link", "add", "taken", "type", "veth", "peer", "name", "other")
    gw.configure(CONFIG + 'nat64 = { device = "taken"; };\n')
    done = gw.ctl("reload", check=False)
    assert done.returncode == 1 and "cannot be carried out" in done.stderr, done.stderr
    assert "taken is there, but is not a TUN device" in gw.log_text()
    assert gw.status()["nat64"]["device"] == "nat64"


def test_the_socket_stays_until_the_next_start(lab):
    gw = lab.gateway().start()
    gw.configure(CONFIG + 'control = { socket = "/run/v6gwd/other.sock"; };\n')
    assert "control.socket" in gw.ctl("reload").stderr
    assert gw.ctl("status").returncode == 0


def test_written_nat64_prefix_without_the_plane(lab):
    """nat64.enabled = false: a default is not announced, what is written is."""
    gw = lab.gateway(CONFIG + "nat64 = { enabled = false; };\n").start()
    lab.host.run("ip", "link", "add", "port", "type", "veth", "peer", "name", "ear")
    lab.host.run("ip", "link", "set", "ear", "up")
    lab.host.run("ip", "link", "set", "port", "master", "br0", "up")

    def advertised():
        with lab.host.capture("ear", "icmp6 and ip6[40] == 134") as heard:
            lab.host.run("rdisc6", "-1", "-w", "3000", "ear", check=False)
        return heard.text("-v")

    wait_until(lambda: gw.status()["ra"][0]["state"] == "announcing", 5, "br0 is up")
    text = wait_until(advertised, 15, "an advertisement")
    assert "0064 ff9b" not in text and "rdnss" in text
    gw.configure(CONFIG + 'nat64 = { enabled = false; };\nra = ( { pref64 = ( { } ); } );\n')
    assert '"nat64" is announced although nat64.enabled is false' in gw.ctl("reload").stderr
    text = wait_until(advertised, 15, "an advertisement")
    assert "0064 ff9b" in text and "route info" not in text


def test_the_standard_input_is_not_read_again(lab):
    """It is at its end, and nothing is a valid file: everything would be as by default."""
    gw = lab.gateway(CONFIG + "nat64 = { mtu = 1400; };", args=["-c", "/dev/stdin"])
    gw.start(wrapper=("sh", "-c", f'exec "$0" "$@" <{gw.conf}'))
    done = gw.ctl("reload", check=False)
    assert done.returncode == 1 and "read to its end" in done.stderr
    assert "mtu = 1400;" in gw.ctl("config").stdout
