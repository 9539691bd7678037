# SPDX-License-Identifier: GPL-3.0-or-later
"""What v6gwd does without a network: --check, --print-defaults, exit codes."""
import os
import pathlib
import re
import subprocess
import tempfile

import pytest

from lab import sh

FIVE_MISTAKES = """\
interface = "br0";
log_level = "loud";
nat64 = {
  dynamic_pol = [ "192.168.255.0/24" ];
  mtu = 100;
  prefix = "64:ff9b::/95";
};
dns64 = { port = "fifty-three"; };
"""


def v6gwd(build, *args, **kw):
    return sh(build / "daemon/v6gwd", *args, check=False, **kw)


def test_check_finds_every_mistake(build, tmp_path):
    file = tmp_path / "five.conf"
    file.write_text(FIVE_MISTAKES)
    done = v6gwd(build, "--check", "-c", file)
    assert done.returncode == 78 and done.stdout == ""
    found = re.findall(re.escape(str(file)) + r":(\d+): ([\w.\[\]]+): ", done.stderr)
    assert found == [("2", "log_level"), ("4", "nat64.dynamic_pol"), ("5", "nat64.mtu"), ("6", "nat64.prefix"),
                     ("8", "dns64.port")]
    assert "did you mean `dynamic_pool`?" in done.stderr
    for line in (2, 4, 5, 6, 8):
        assert FIVE_MISTAKES.splitlines()[line - 1].strip() in done.stderr


def test_defaults_pass_the_check(build):
    defaults = v6gwd(build, "--print-defaults")
    assert defaults.returncode == 0 and "dynamic_pool" in defaults.stdout
    done = v6gwd(build, "--check", "-c", "/dev/stdin", input=defaults.stdout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("text", ["", 'interface = "br0";\n'])
def test_good_files_are_silent(build, text):
    done = v6gwd(build, "-t", "-c", "/dev/stdin", input=text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_check_needs_no_privileges(build):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write('interface = "br0";\n')
        file.flush()
        os.chmod(file.name, 0o644)
        done = sh("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
                  "--inh-caps=-all", build / "daemon/v6gwd", "--check", "-c", file.name, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_missing_file_is_a_configuration_error(build):
    assert v6gwd(build, "--check", "-c", "/nonexistent/v6gwd.conf").returncode == 78
    assert v6gwd(build, "-c", "/nonexistent/v6gwd.conf").returncode == 78


@pytest.mark.parametrize("args", [["--nonsense"], ["-l", "loud"], ["surplus"]])
def test_wrong_usage(build, args):
    done = v6gwd(build, *args)
    assert done.returncode == 64 and done.stderr


@pytest.mark.parametrize("program", ["v6gwd", "v6gwctl"])
def test_help_and_version(build, program):
    done = sh(build / "daemon" / program, "--help")
    assert "usage" in done.stdout.lower() and done.stderr == ""
    done = sh(build / "daemon" / program, "--version")
    assert re.search(r"\d+\.\d+", done.stdout)


def test_v6gwctl_without_a_daemon(build, tmp_path):
    done = sh(build / "daemon/v6gwctl", "-s", tmp_path / "none.sock", "status", check=False)
    assert done.returncode == 3 and done.stderr
    assert sh(build / "daemon/v6gwctl", "no-such-command", check=False).returncode == 2
    assert sh(build / "daemon/v6gwctl", check=False).returncode == 2


@pytest.mark.parametrize("without", ["-net_admin,-net_raw", "-net_raw"])
def test_no_right_to_make_the_device(build, tmp_path, without):
    """Nor a raw socket; EX_NOPERM: starting again would not help."""
    done = subprocess.run(["setpriv", f"--bounding-set={without}", f"--inh-caps={without}",
                           "unshare", "-n", "--", str(build / "daemon/v6gwd"), "-c", "/dev/stdin"],
                          input=f'interface = "br0"; control = {{ socket = "{tmp_path}/s"; }};', text=True,
                          capture_output=True, timeout=20, check=False)
    assert done.returncode == 77, done.stderr


def test_the_manual_has_every_option(build):
    """v6gwd(8) has what --help has, with the same argument; and the other way round."""
    helped = set(re.findall(r"^ +(?:-\w, +)?(--[\w-]+)(?: ([A-Z]+))?", v6gwd(build, "--help").stdout, re.M))
    page = (pathlib.Path(__file__).parents[2] / "docs/v6gwd.8.scd").read_text(encoding="utf-8")
    assert len(helped) >= 7
    assert helped == set(re.findall(r"^(?:\*-\w\*, )?\*(--[\w-]+)\*(?: _([A-Z]+)_)?$", page, re.M))
