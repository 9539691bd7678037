# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: a laboratory, the gateway in it, and the proof that no sanitizer complained."""
import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from gateway import CONFIG, Gateway, build_dir, release_dir  # noqa: E402
from lab import ROOT, Lab, sh, sweep  # noqa: E402
import replies  # noqa: E402
import servers  # noqa: E402

Gateway.judge = staticmethod(replies.judge_output)


def pytest_configure(config):
    config.addinivalue_line("markers", "lab(**options): options of the module's laboratory")
    config.addinivalue_line("markers", "gateway(config): the configuration of the module's gateway")


def pytest_sessionstart(session):
    if os.geteuid():
        pytest.exit("network namespaces need root", 1)
    if not hasattr(session.config, "workerinput"):
        sweep()
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))


_gateways = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Below a failure: the end of the log of each gateway that lives."""
    report = (yield).get_result()
    if report.failed:
        for gateway in _gateways:
            report.sections.append(("v6gwd", gateway.log_text()[-6000:]))
            if gateway.sanitizer_reports():
                report.sections.append(("sanitizer", gateway.sanitizer_reports()[-6000:]))


def _options(request, name):
    mark = request.node.get_closest_marker(name)
    return (mark.args, mark.kwargs) if mark else ((), {})


def _close(lab, gateways):
    """Ends the gateways first, so that leaks are reported, then the lab."""
    for gateway in gateways:
        gateway._end()
    reports = "".join(gateway.sanitizer_reports() for gateway in gateways)
    for gateway in gateways:
        _gateways.remove(gateway)
    lab.close()
    if reports:
        pytest.fail(f"sanitizer:\n{reports}", pytrace=False)


def _lab_and_maker(request):
    lab = Lab(**_options(request, "lab")[1])
    mine = []

    def make(config=CONFIG, **kw):
        gateway = Gateway(lab, config, **kw)
        mine.append(gateway)
        _gateways.append(gateway)
        return gateway

    request.addfinalizer(lambda: _close(lab, mine))
    lab.gateway = make
    return lab


@pytest.fixture
def lab(request):
    """A laboratory of one test; lab.gateway(config) makes a v6gwd in it, not yet started."""
    return _lab_and_maker(request)


@pytest.fixture(scope="module")
def bare_lab(request):
    """A laboratory of a whole module, without servers."""
    return _lab_and_maker(request)


@pytest.fixture(scope="module")
def shared_lab(request):
    """A laboratory of a whole module, with DNS, web and echo servers."""
    lab = _lab_and_maker(request)
    servers.start_names(lab)
    lab.web = servers.start_web(lab)
    servers.start_echo(lab)
    return lab


@pytest.fixture(scope="module")
def world(shared_lab, request):
    """The laboratory with a running gateway (shared_lab.gw) and configured guests."""
    args, kw = _options(request, "gateway")
    shared_lab.gw = shared_lab.gateway(*args, **kw).start()
    for guest in shared_lab.guests:
        guest.up()
    for guest in shared_lab.guests:
        guest.wait_configured()
        guest.resolvers = guest.learn_resolver()
    return shared_lab


@pytest.fixture(scope="session")
def build():
    return build_dir()


@pytest.fixture(scope="session")
def release_build():
    """A build without sanitizers, for what is measured."""
    return release_dir()


@pytest.fixture(scope="session")
def package(release_build, tmp_path_factory):
    """The Debian package of the release build."""
    path = pathlib.Path(sh(ROOT / "tests/package", release_build, tmp_path_factory.mktemp("package")).stdout.strip())
    for part in (path, path.parent, path.parent.parent):
        part.chmod(0o755)
    return path
