# SPDX-License-Identifier: GPL-3.0-or-later
"""The vectors of tests/vectors/nat64 over a real TUN device: what comes out of a running v6gwd is
what comes out of the engine, and its counters say the same."""
import collections

import pytest

from gateway import build_dir
from lab import wait_until
from replay import Bench, Silent, Vector, guests_udp, impossible, replay, setting_of, udp4, vectors

pytestmark = pytest.mark.lab(guests=0, hops=False, prefix="2001:db8:1::/64")

PING = "echo-answered-v4"  # what the pings of the replay itself are counted as


def cases():
    """Those that can be asked of a running daemon (the others are the unit test's alone), those of
    one setting one after the other, for they share a daemon."""
    found = [vector for vector in vectors(build_dir()) if not impossible(vector)]
    return [pytest.param(vector, id=vector.name) for vector in sorted(found, key=setting_of)]


@pytest.fixture(scope="module", params=["on", "off"])
def bench(bare_lab, request):
    bench = Bench(bare_lab, offload=request.param)
    yield bench
    bench.wire.close()
    bench.stop()


@pytest.mark.parametrize("vector", cases())
def test_vector(bench, vector):
    bench.set_up(vector)
    before = bench.counts()
    wrong = replay(bench.wire, vector)
    if wrong:
        bench.setting = None
    assert not wrong, wrong
    grown = bench.counts() - before
    grown.subtract({PING: len(vector.steps)})
    for reason, times in collections.Counter(step.reason[0] for step in vector.steps).items():
        assert grown[reason] == times, f"{reason} counted {grown[reason]} times, not {times}: {+grown}"


REFERENCE = Vector("reference", [], [])
P, H = "192.168.255.10", "2001:db8:1::10"


def test_order_is_kept(bench):
    bench.set_up(REFERENCE)
    for number in range(500):
        bench.wire.send(guests_udp(H, REFERENCE, port=1000 + number))
    got = [int.from_bytes(octets[20:22], "big") for octets in bench.wire.until_answer()]
    assert got == list(range(1000, 1500))


def test_the_mtu_of_the_device_is_followed(bench):
    """With DF set, what does not fit any more is refused, with the MTU that holds now."""
    bench.set_up(REFERENCE)
    packet = udp4("8.8.8.8", P, 1400)

    def mtu_said():
        for octets in bench.wire.exchange(packet):
            if octets[0] >> 4 == 4:
                assert octets[20:22] == bytes([3, 4]), octets.hex()
                return int.from_bytes(octets[26:28], "big")
        return None

    assert mtu_said() is None
    bench.lab.host.run("ip", "link", "set", "nat64", "mtu", "1300")
    wait_until(lambda: mtu_said() == 1280, 3, "errors say 1280")
    bench.lab.host.run("ip", "link", "set", "nat64", "mtu", "1500")
    wait_until(lambda: mtu_said() is None, 3, "translated again")


def test_a_device_that_was_down(bench):
    bench.set_up(REFERENCE)
    bench.lab.host.run("ip", "link", "set", "nat64", "down")

    def translates():
        try:
            return bench.wire.exchange(guests_udp(H, REFERENCE))
        except (OSError, Silent):
            return None

    wait_until(translates, 5, "packets pass again")
