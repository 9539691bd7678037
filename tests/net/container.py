# SPDX-License-Identifier: GPL-3.0-or-later
"""A booted systemd in the network namespace of a node: this machine's own root with a volatile overlay."""
import os
import pathlib
import signal
import subprocess

import pytest

from lab import sh, wait_until


class Container:
    """binds: what is put in place, {file: path inside}."""

    def __init__(self, lab, node, binds):
        if pathlib.Path("/proc/1/comm").read_text().strip() == "systemd" and os.environ.get("container"):
            pytest.skip("already in a container: no second one is booted inside")
        self.lab, self.name = lab, f"{node.netns}-box"
        self.mount, self.boot = node.dir / "root", node.dir / "boot.log"
        self.mount.mkdir()
        sh("mount", "--bind", "/", self.mount)
        lab.on_close(self.close)
        binds = [f"--bind-ro={file}:{path}" for file, path in
                 {**binds, node.etc / "resolv.conf": "/etc/resolv.conf"}.items()]
        self.log = open(self.boot, "w")
        self.nspawn = subprocess.Popen(
            ["systemd-nspawn", "-D", self.mount, "--volatile=overlay", "--boot", "--register=no", "--keep-unit",
             "-M", self.name, f"--network-namespace-path=/run/netns/{node.netns}", "--capability=CAP_NET_ADMIN,CAP_BPF",
             "--system-call-filter=bpf",
             "--console=read-only", "--resolv-conf=off", *binds, "systemd.unit=basic.target"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        self.init = wait_until(self._init, 15, "the container's first process")
        wait_until(lambda: self.run("systemctl", "is-active", "-q", "basic.target", check=False).returncode == 0, 30,
                   lambda: "booted\n" + self.boot.read_text())
        # As udev makes it, on a real host; and services start, unlike in an image that is only being made.
        self.run("chmod", "666", "/dev/net/tun")
        self.run("sh", "-c", "rm -f /usr/sbin/policy-rc.d /etc/dpkg/dpkg.cfg.d/*")

    def _init(self):
        assert self.nspawn.poll() is None, self.boot.read_text()
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task/{self.nspawn.pid}/children").read_text().split()
        # Before systemd there are helpers of systemd-nspawn, which end.
        return next((pid for pid in children if self._name(pid) == "systemd"), None)

    @staticmethod
    def _name(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            return None

    def run(self, *cmd, **kw):
        return sh("nsenter", "-t", self.init, "-m", "-u", "-i", "-n", "-p", "-r", "--", *cmd, **kw)

    def show(self, unit, key):
        return self.run("systemctl", "show", "-P", key, unit).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "-u", unit, "--no-pager", "-o", "cat", check=False).stdout

    def close(self):
        if self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)
            try:
                self.nspawn.wait(15)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        self.log.close()
        sh("umount", "-l", self.mount, check=False)
        # systemd-nspawn leaves its control groups, empty.
        for group in ("systemd", "unified"):
            for folder in ("payload", "supervisor"):
                sh("find", f"/sys/fs/cgroup/{group}/{folder}", "-depth", "-type", "d", "-exec", "rmdir", "{}", ";",
                   check=False)
