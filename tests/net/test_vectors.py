# SPDX-License-Identifier: GPL-3.0-or-later
"""The vectors of tests/vectors/nat64 over a real TUN device: what comes out of a running v6gwd is
what comes out of the engine, and its counters say the same."""
import collections

import pytest

from gateway import build_dir
from replay import Bench, impossible, replay, setting_of, vectors

pytestmark = pytest.mark.lab(guests=0, hops=False, prefix="2001:db8:1::/64")

PING = "echo-answered-v4"  # what the pings of the replay itself are counted as


def cases():
    """Those of one setting one after the other, for they share a daemon."""
    found = sorted(vectors(build_dir()), key=setting_of)
    return [pytest.param(v, id=v.name, marks=pytest.mark.skip(reason=impossible(v)) if impossible(v) else ())
            for v in found]


@pytest.fixture(scope="module")
def bench(bare_lab):
    bench = Bench(bare_lab)
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
