# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs v6gwd on the lab's host, in the place of a service manager, and asks it with v6gwctl."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

from lab import ROOT, wait_until

# Beside the bridge the laboratory needs nothing: the host's resolv.conf names its DNS server.
CONFIG = 'interface = "br0";\n'


def find_build(variable, *defaults):
    named = os.environ.get(variable)
    for path in [pathlib.Path(named)] if named else [ROOT / name for name in defaults]:
        if (path / "daemon/v6gwd").exists():
            return path.resolve()
    raise AssertionError(f"no build with daemon/v6gwd: set {variable}")


def build_dir():
    """For whether it is right: $V6GW_BUILD, else the first of build-asan and build that has the daemon."""
    return find_build("V6GW_BUILD", "build-asan", "build")


def release_dir():
    """For how much it takes: $V6GW_BUILD_RELEASE, else the first of build-plain and build; without sanitizers."""
    build = find_build("V6GW_BUILD_RELEASE", "build-plain", "build")
    assert not is_sanitized(build), f"{build} has sanitizers: set V6GW_BUILD_RELEASE"
    return build


def is_sanitized(build):
    """Its shadow memory grows with what is touched: RssAnon says nothing of leaks."""
    return b"__asan_init" in (build / "daemon/v6gwd").read_bytes()


def drop(store, *names):
    """Closes descriptors of a store, all of them if none is named."""
    for name in names or list(store):
        if name in store:
            os.close(store.pop(name))


class Notify:
    """The receiving end of NOTIFY_SOCKET.  store: what is kept for the next process, name to descriptor."""

    def __init__(self, path, store):
        self.path = str(path)
        self.ready = threading.Event()
        self.messages, self.status, self.store = [], "", store
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        while True:
            data, fds, _, _ = socket.recv_fds(self.socket, 65536, 16)
            if data == b"END-OF-TEST":
                return
            lines = dict(line.split("=", 1) for line in data.decode().splitlines() if "=" in line)
            self.messages.append((time.monotonic(), lines))
            self.status = lines.get("STATUS", self.status)
            self._keep(lines, fds)
            if lines.get("READY") == "1":
                self.ready.set()

    def _keep(self, lines, fds):
        name = lines.get("FDNAME", "stored")
        if lines.get("FDSTORE") == "1" and self.store is not None:
            drop(self.store, name)
            self.store[name] = fds.pop()
        elif lines.get("FDSTOREREMOVE") == "1":
            drop(self.store or {}, name)
        for fd in fds:  # that of BARRIER=1 too: closing it is the answer
            os.close(fd)

    def said(self, key, value="1"):
        return any(lines.get(key) == value for _, lines in self.messages)

    def close(self):
        self.socket.sendto(b"END-OF-TEST", self.path) if self._bound() else None
        self.thread.join(2)
        self.socket.close()
        pathlib.Path(self.path).unlink(missing_ok=True)

    def _bound(self):
        return pathlib.Path(self.path).exists()


class Gateway:
    """One v6gwd.  start() returns when it is READY; stop() checks that it left cleanly.  keeps: descriptors are
    kept for the next process, as by systemd: over a restart and an unclean end."""
    judge = None  # of what v6gwctl --json prints: words, text and exit code

    def __init__(self, lab, config=CONFIG, build=None, args=(), level="debug", env=None, keeps=True):
        self.lab, self.host, self.args, self.env = lab, lab.host, list(args), dict(env or {})
        self.build = pathlib.Path(build or build_dir())
        self.dir = lab.dir / f"v6gwd-{len(lab.closers)}"
        (self.dir / "state").mkdir(parents=True)
        self.conf, self.log = self.dir / "v6gwd.conf", self.dir / "log"
        self.level = level
        self.process = self.notify = None
        self.store = {} if keeps else None
        self.configure(config)
        lab.on_close(self._end)

    def configure(self, text):
        self.conf.write_text(text)

    def environment(self):
        return {"NOTIFY_SOCKET": self.notify.path, "STATE_DIRECTORY": str(self.dir / "state"),
                "RUNTIME_DIRECTORY": "/run/v6gwd", "PATH": os.environ["PATH"],
                "ASAN_OPTIONS": f"log_path={self.dir}/asan:exitcode=99:detect_leaks=1",
                "UBSAN_OPTIONS": f"log_path={self.dir}/ubsan:print_stacktrace=1:halt_on_error=0",
                **self.env}

    def spawn(self, wrapper=()):
        """Starts it and returns at once; wrapper: words before the command, such as strace."""
        assert self.process is None or self.process.poll() is not None, "runs already"
        if self.notify:
            self.notify.close()
        self.notify = Notify(self.dir / "notify", self.store)
        self.started = time.monotonic()
        self.process = self.host.popen(*self._inheritance(), *wrapper, self.build / "daemon/v6gwd", "-c", self.conf,
                                       *(["-l", self.level] if self.level else []), *self.args,
                                       stdout=subprocess.DEVNULL, stderr=open(self.log, "a"),
                                       env=self.environment(), pass_fds=list((self.store or {}).values()))
        return self

    def _inheritance(self):
        """Words before the command that hand over the store: descriptors 3, 4, ... and their names."""
        if not self.store:
            return []
        moves = "".join(f" {100 + i}<&{fd} {fd}<&-" for i, fd in enumerate(self.store.values()))
        moves += "".join(f" {3 + i}<&{100 + i} {100 + i}<&-" for i in range(len(self.store)))
        return ["bash", "-c", f"export LISTEN_PID=$$ LISTEN_FDS={len(self.store)} LISTEN_FDNAMES=$0; exec \"$@\"{moves}",
                ":".join(self.store)]

    def start(self, timeout=10, wrapper=()):
        self.spawn(wrapper)
        wait_until(lambda: self.notify.ready.is_set() or self.process.poll() is not None, timeout,
                   lambda: "READY=1\n" + self.log_text())
        assert self.process.poll() is None, f"v6gwd left with {self.process.returncode}:\n{self.log_text()}"
        return self

    @property
    def pid(self):
        return self.process.pid

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_log(self, text, timeout=10):
        wait_until(lambda: text in self.log_text(), timeout, f"log: {text}")

    def wait_ok(self, timeout=10):
        """Until the gateway says that all is well."""
        def verdict():
            return self.status().get("health", {}).get("state") == "ok"
        try:
            wait_until(verdict, timeout, every=0.2)
        except AssertionError:
            raise AssertionError(f"not ok: {self.status().get('health')}") from None

    def send(self, signo):
        self.process.send_signal(signo)

    def wait_exit(self, timeout=5):
        return self.process.wait(timeout)

    def stop(self, signo=signal.SIGTERM, timeout=5):
        """Returns how long it took, in seconds."""
        begin = time.monotonic()
        self.send(signo)
        code = self.wait_exit(timeout)
        took = time.monotonic() - begin
        if signo != signal.SIGUSR2 and self.store:
            drop(self.store)
        assert code == 0, f"exit {code}\n{self.log_text()}\n{self.sanitizer_reports()}"
        return took

    def kill(self):
        self.process.kill()
        self.process.wait(5)

    def ctl(self, *args, check=True, **kw):
        """v6gwctl's CompletedProcess."""
        done = self.host.run(self.build / "daemon/v6gwctl", *args, check=check, **kw)
        if Gateway.judge and "--json" in args:
            Gateway.judge(args, done.stdout, done.returncode)
        return done

    def ctl_json(self, *args):
        """The reply of a command that answers once; ctl_rows() for one that streams."""
        return json.loads(self.ctl("--json", *args).stdout)

    def ctl_rows(self, *args):
        return [json.loads(line) for line in self.ctl("--json", *args).stdout.splitlines()]

    def status(self):
        done = self.ctl("--json", "status", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def counter(self, name):
        return sum(int(row["value"]) for row in self.counters() if row["name"] == name)

    def counters(self):
        rows = self.ctl_rows("counters")
        return rows[0].get("counters", rows) if len(rows) == 1 else rows

    def memory(self):
        """KiB of each kind, from /proc."""
        lines = pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {k: int(v.split()[0]) for k, v in (line.split(":", 1) for line in lines) if v.endswith("kB")}

    def sanitizer_reports(self):
        return "\n".join(f.read_text(errors="replace") for f in sorted(self.dir.glob("*san.*")))

    def _end(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.notify:
            self.notify.close()
        drop(self.store or {})
