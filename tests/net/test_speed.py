# SPDX-License-Identifier: GPL-3.0-or-later
"""tests/bench/speed measures, reports and cleans up; how fast anything is, is none of a test's business."""
import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from lab import ROOT, sh, wait_until

sys.path.insert(0, str(ROOT / "tests/bench"))

from speed_charts import draw_all  # noqa: E402
from speed_report import as_markdown, goal_rows, judged, ratios  # noqa: E402

SPEED = ROOT / "tests/bench/speed"


@pytest.fixture(scope="module")
def environment(release_build):
    if not (release_build / "tests/bench/load").exists():
        pytest.skip("a build without tests")
    return {**os.environ, "V6GW_BUILD_RELEASE": str(release_build), "V6GW_LAB_PREFIX": "v6sp"}


def test_one_round(environment, tmp_path):
    """Each program is there, and every measurement gives what the report has a row for."""
    out = tmp_path / "result.json"
    sh(sys.executable, SPEED, "--rounds", 1, "--seconds", 0.2, "--only", "small,rtt,connects,fairness,rss,cached,cold,latency",
       "--systems", "tun,tayga,plain,v6gwd,bind,unbound,echo", "--json", out, "--markdown", tmp_path / "table.md",
       "--charts", tmp_path / "charts", env=environment, timeout=150)
    result = json.loads(out.read_text())
    seen = result["rounds"][0]
    for system in ("tun", "tayga", "plain"):
        assert seen[system]["small_1"] > 0 and seen[system]["small_256"] > 0, system
        assert seen[system]["connects"] > 0 and seen[system]["rtt_p99"] >= seen[system]["rtt_p50"] > 0, system
        assert seen[system]["rtt_apart_p99"] >= seen[system]["rtt_apart_p50"] > 0, system
    for system in ("v6gwd", "bind", "unbound"):
        assert seen[system]["dns_synth"] > 0 and seen[system]["dns_cold"] > 0, system
        assert 0.9 < seen[system]["dns_trips"] and 1.5 < seen[system]["dns_cold_upstream"] < 2.5, system
        assert seen[system]["dns_ports"] > 0 and seen[system]["dns_ports_cpu"] > 0, system
    assert seen["echo"]["dns_a"] > 0 and seen["echo"]["dns_ports"] > 0 and "dns_cold" not in seen["echo"]
    for what in ("ping", "dns"):
        assert seen["tun"][f"fair_{what}_busy"] > 0 and seen["tun"][f"fair_{what}_floor"] > 0, what
    assert seen["tun"]["anon_questions"] >= seen["tun"]["anon_packets"] > 0
    assert 0 < seen["tun"]["small_1_cpu"] < 1000 and seen["tun"]["rss_idle"] > seen["tun"]["anon_idle"] > 0
    assert "| DNS, cold |" in (tmp_path / "table.md").read_text()
    assert not [line for line in sh("ip", "netns", "list").stdout.splitlines() if line.startswith("v6sp")]


def test_known_octets(environment):
    """One short case."""
    done = sh(sys.executable, SPEED, "--soak", 3, "--systems", "tun", env=environment, timeout=120)
    assert "\ntun " in done.stdout and "no corrupt octet" in done.stdout


def test_ended_in_the_middle(environment):
    process = subprocess.Popen([sys.executable, SPEED, "--only", "rtt", "--systems", "plain", "--seconds", "60"],
                               env=environment, stderr=subprocess.DEVNULL)
    def mine():
        return [line for line in sh("ip", "netns", "list").stdout.splitlines() if line.startswith(f"v6sp{process.pid}-")]
    wait_until(lambda: len(mine()) == 3, 20, "a laboratory")
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert not mine()


MADE_UP = {"about": {"date": "2024-01-01", "kernel": "6", "cpus": 2, "cpu": "some", "version": "1", "seconds": 2.0, "programs": {}},
           "rounds": [{"fastpath": {"tcp_1_up": 30.0}, "tayga": {"tcp_1_up": 2.0}},
                      {"fastpath": {"tcp_1_up": 16.0}, "tayga": {"tcp_1_up": 1.0}},
                      {"fastpath": {"tcp_1_up": 80.0}}, {"tayga": {"tcp_1_up": 4.0}}]}


def test_only_rounds_with_both_are_compared():
    assert ratios(MADE_UP, "fastpath", "tayga", "tcp_1_up") == [15.0, 16.0]
    (goal, metric, median, met), = judged(MADE_UP)
    assert (goal.bound, metric, median, met) == (14, "tcp_1_up", 15.5, True)
    assert "| 30.00 (16.00 to 80.00) | 2.00 (1.00 to 4.00) |" in as_markdown(MADE_UP)


def test_what_the_echo_misses_is_said_beside_the_goal():
    made_up = {**MADE_UP, "rounds": [{"v6gwd": {"dns_a": 11.0}, "unbound": {"dns_a": 10.0}, "bind": {"dns_a": 6.0},
                                      "echo": {"dns_a": 12.5}}]}
    verdicts = {row[3]: row[5] for row in goal_rows(made_up)}
    assert verdicts[">= 1.3 x Unbound"] == "NOT MET (bare echo: 1.25)"
    assert verdicts[">= 2 x BIND"] == "NOT MET"


def test_charts(tmp_path):
    assert draw_all(MADE_UP, tmp_path) == ["bulk"]
    root = xml.etree.ElementTree.parse(tmp_path / "bulk.svg").getroot()
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "30.00" in texts and "tayga" in texts and "v6gwd, fast path" in texts
