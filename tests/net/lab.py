# SPDX-License-Identifier: GPL-3.0-or-later
"""A small internet in network namespaces, for tests and for the demonstration.

    g1 --+
         +-- br0 [host] eth0 ---- [r1] ==== [r2] ---- [server]
    g2 --+     |                     \\ "wan", may be made narrow
         IPv6 only                    IPv4 only

The host is where v6gwd runs.  The guests know IPv6 only and configure themselves from router
advertisements.  Behind the uplink there is only IPv4, with addresses that look global, because
64:ff9b::/96 stands for global addresses alone (RFC 6052 3.1); no packet leaves the namespaces.

Each node is a network namespace and a mount namespace with its own /run, /var/lib and /etc, held
open by one sleeping process.  Everything is undone by Lab.close(); what a killed run left behind
is removed by sweep().
"""
import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PREFIX = os.environ.get("V6GW_LAB_PREFIX", "v6gw")
ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".cache" / "lab"

BRIDGE_MAC = "52:54:00:00:00:01"
UPLINK4, GATEWAY4 = "5.9.0.2", "5.9.0.1"
R1_WAN4, R2_WAN4 = "5.9.1.1", "5.9.1.2"
R2_LAN4, SERVER4, NAMES4 = "198.41.0.1", "198.41.0.10", "198.41.0.53"

_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count(1)


def die_with_parent():
    """Between fork and exec: the child gets SIGKILL when the run itself is killed."""
    _libc.prctl(1, signal.SIGKILL)


def wait_until(true, timeout=10.0, what="", every=0.05):
    """Calls true() until it returns something true, and returns that.  what: a text, or a function
    that makes one, of what did not happen."""
    end = time.monotonic() + timeout
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:g} s in vain: {what() if callable(what) else what}")
        time.sleep(every)


def sh(*argv, check=True, timeout=60, **kw):
    """Runs a command; its output is text.  A failure shows what it said."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL if "input" not in kw else None,
                          capture_output=True, text=True, timeout=timeout, **kw)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def embed(prefix, ipv4):
    """The IPv6 address of an IPv4 address under a /96, as people write it."""
    return prefix.removesuffix("/96").removesuffix("::") + "::" + ipv4


def canonical(addr):
    return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, addr))


def tool(name):
    """A server's program: unpacked beside the system (tests/need), or installed."""
    for path in (root / folder / name for root in (TOOLS, pathlib.Path("/")) for folder in ("usr/sbin", "usr/bin")):
        if path.exists():
            return str(path)
    raise AssertionError(f"{name} is missing: run tests/need lab")


class Node:
    """One machine: a network namespace, and a mount namespace with /run, /var/lib and, where
    something reads it, /etc of its own."""

    def __init__(self, lab, name, own_etc=True):
        self.lab, self.name = lab, name
        self.netns = f"{lab.name}-{name}"
        self.dir = lab.dir / name
        self.etc = self.dir / "etc"
        self.dir.mkdir()
        self.dir.chmod(0o755)
        if own_etc:
            # As the machine's, but for what is written here.
            self.etc.mkdir()
            for path in pathlib.Path("/etc").iterdir():
                (self.etc / path.name).symlink_to(f"/run/etc/{path.name}")
            self.write("resolv.conf", "")
        lab.netns.append(self.netns)  # first: whoever ends us in between leaves nothing
        sh("ip", "netns", "add", self.netns)
        self.holder = subprocess.Popen(
            ["ip", "netns", "exec", self.netns, "unshare", "--mount", "--propagation", "private",
             "sh", "-ec", 'for d in /run /var/lib; do mount -t tmpfs -o mode=755 tmpfs $d; done; '
             'if [ -d "$0" ]; then mkdir /run/etc; mount --bind /etc /run/etc; mount --bind "$0" /etc; fi; '
             'echo up; exec sleep infinity', str(self.etc)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        assert self.holder.stdout.readline() == "up\n", f"{name}: no mount namespace"
        lab.processes.append(self.holder)
        self.run("ip", "link", "set", "lo", "up")
        # A namespace may inherit what the machine's own is set to.
        self.sysctl("net.ipv4.ip_forward", 0)
        for scope in ("all", "default"):
            self.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
            self.sysctl(f"net.ipv6.conf.{scope}.forwarding", 0)
        self.sysctl("net.ipv4.icmp_ratelimit", 0)

    def write(self, name, text):
        """A file below this node's /etc, at once and whole."""
        fresh = self.dir / "fresh"
        fresh.write_text(text)
        fresh.rename(self.etc / name)

    def argv(self, *cmd):
        return ["nsenter", "-t", str(self.holder.pid), "-n", "-m", "-r", "--"] + [str(c) for c in cmd]

    def run(self, *cmd, **kw):
        return sh(*self.argv(*cmd), **kw)

    def out(self, *cmd, **kw):
        return self.run(*cmd, **kw).stdout

    def ok(self, *cmd, **kw):
        return self.run(*cmd, check=False, **kw).returncode == 0

    def json(self, *cmd, **kw):
        return json.loads(self.out(*cmd, **kw) or "[]")

    def popen(self, *cmd, **kw):
        """Starts a process that ends with the lab at the latest."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.argv(*cmd), preexec_fn=die_with_parent, **kw)
        self.lab.processes.append(process)
        return process

    def sysctl(self, key, value=None):
        path = "/proc/sys/" + key.replace(".", "/")
        if value is None:
            return self.out("cat", path).strip()
        with self.inside():
            pathlib.Path(path).write_text(f"{value}\n")
        return None

    @contextlib.contextmanager
    def inside(self):
        """Sockets made in here live in this node's network namespace, also afterwards."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self.netns}") as away:
            self._setns(away)
            try:
                yield
            finally:
                self._setns(home)

    @staticmethod
    def _setns(file):
        if _libc.setns(file.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")

    def addresses(self, dev, family=6):
        """As ip lists them; none where dev does not exist."""
        links = self.json("ip", "-j", f"-{family}", "addr", "show", "dev", dev, check=False)
        return [a for link in links for a in link.get("addr_info", [])]

    def routes(self, *filters, family=6):
        return self.json("ip", "-j", f"-{family}", "route", "show", *filters)

    @contextlib.contextmanager
    def capture(self, dev, *expression):
        """What passes dev meanwhile: a Capture, complete once the block has ended."""
        file = self.lab.dir / f"{self.name}-{next(_serial)}.pcap"
        dump = self.popen("tcpdump", "-Z", "root", "-i", dev, "-nn", "-U", "--immediate-mode", "-w", file, *expression,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = dump.stderr.readline()
        while "listening on" not in line:
            assert line, f"tcpdump on {dev} ended"
            line = dump.stderr.readline()
        result = Capture(file)
        try:
            yield result
        finally:
            time.sleep(0.3)
            dump.terminate()
            dump.communicate(timeout=10)


class Capture:
    def __init__(self, file):
        self.file = file

    def text(self, *options):
        """One paragraph a packet, as tcpdump words it."""
        return sh("tcpdump", "-nn", "-r", self.file, *options).stdout

    def packets(self, *options):
        return self.text(*options).splitlines()


class Guest(Node):
    """A virtual machine with IPv6 only, one interface eth0, nothing configured by hand."""

    def __init__(self, lab, number):
        super().__init__(lab, f"g{number}")
        self.mac = f"52:54:00:00:01:{number:02x}"
        self.port = f"vnet{number}"
        self.run("ip", "link", "add", "eth0", "address", self.mac, "type", "veth",
                 "peer", "name", self.port, "netns", lab.host.holder.pid)
        lab.host.run("ip", "link", "set", self.port, "master", "br0", "up")
        for key, value in (("accept_ra", 1), ("accept_ra_rt_info_max_plen", 128),
                           ("router_solicitation_delay", 0), ("router_solicitation_interval", 1)):
            self.sysctl(f"net.ipv6.conf.eth0.{key}", value)
        self.sysctl("net.ipv4.conf.eth0.forwarding", 0)

    def up(self):
        self.run("ip", "link", "set", "eth0", "up")

    def down(self):
        self.run("ip", "link", "set", "eth0", "down")

    @property
    def address(self):
        """The global (or unique-local) address of SLAAC, None before there is one."""
        for a in self.addresses("eth0"):
            if a["scope"] == "global" and "tentative" not in a:
                return a["local"]
        return None

    def has_default_route(self):
        return bool(self.routes("default"))

    def wait_configured(self, timeout=15):
        """Until the kernel has an address and a default route out of an advertisement, and its link-local
        address too is through duplicate address detection."""
        def configured():
            addresses = self.addresses("eth0")
            return (self.address and self.has_default_route() and any(a["scope"] == "link" for a in addresses)
                    and not any("tentative" in a for a in addresses))
        wait_until(configured, timeout, f"{self.name} configures itself")
        return self.address

    def advertisement(self):
        """A fresh advertisement as rdisc6 words it."""
        return self.out("rdisc6", "-1", "-w", "3000", "eth0", timeout=15)

    def learn_resolver(self):
        """Takes the resolvers from an advertisement into resolv.conf, as rdnssd would."""
        servers = re.findall(r"Recursive DNS server\s*:\s*(\S+)", self.advertisement())
        assert servers, "no RDNSS in the advertisement"
        text = ""
        for server in servers:
            text += f"nameserver {server}{'%eth0' if server.startswith('fe80') else ''}\n"
        self.write("resolv.conf", text)
        return servers


class Lab:
    """prefix: the guests' /64; the host has ::1 in it.  hops: with r1 and r2 in between, else
    the server is the host's neighbour."""

    def __init__(self, guests=2, prefix="2001:db8:1:2::/64", hops=True):
        self.name = f"{PREFIX}{os.getpid()}-{next(_serial)}"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.dir.chmod(0o755)
        self.processes, self.netns, self.closers = [], [], []
        self.prefix = prefix
        try:
            self._build_internet(hops)
            self._build_host()
            self.guests = [Guest(self, n + 1) for n in range(guests)]
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _build_internet(self, hops):
        self.host = Node(self, "host")
        self.server = Node(self, "server", own_etc=False)
        self.routers = [Node(self, name, own_etc=False) for name in ("r1", "r2")] if hops else []
        for node in [self.server] + self.routers:
            for scope in ("all", "default"):
                node.sysctl(f"net.ipv6.conf.{scope}.disable_ipv6", 1)
            node.sysctl("net.ipv4.ip_forward", int(node is not self.server))
        if not hops:
            self._wire(self.host, "eth0", f"{UPLINK4}/24", self.server, "eth0", f"{GATEWAY4}/24")
            for address in (SERVER4, NAMES4):
                self.server.run("ip", "addr", "add", f"{address}/32", "dev", "lo")
            return
        r1, r2 = self.routers
        self._wire(self.host, "eth0", f"{UPLINK4}/24", r1, "lan", f"{GATEWAY4}/24")
        self._wire(r1, "wan", f"{R1_WAN4}/24", r2, "wan", f"{R2_WAN4}/24")
        self._wire(r2, "lan", f"{R2_LAN4}/24", self.server, "eth0", f"{SERVER4}/24")
        self.server.run("ip", "addr", "add", f"{NAMES4}/24", "dev", "eth0")
        self.server.run("ip", "route", "add", "default", "via", R2_LAN4)
        r1.run("ip", "route", "add", "default", "via", R2_WAN4)
        r2.run("ip", "route", "add", "default", "via", R1_WAN4)

    def _build_host(self):
        host = self.host
        host.write("resolv.conf", f"nameserver {NAMES4}\n")
        host.run("mkdir", "-p", "/run/v6gwd", "/var/lib/v6gwd")
        self.add_uplink()
        self.add_bridge()

    @staticmethod
    def _wire(a, a_dev, a_addr, b, b_dev, b_addr):
        a.run("ip", "link", "add", a_dev, "type", "veth", "peer", "name", b_dev, "netns", b.holder.pid)
        for node, dev, address in ((a, a_dev, a_addr), (b, b_dev, b_addr)):
            node.run("ip", "link", "set", dev, "up")
            node.run("ip", "addr", "add", address, "dev", dev)

    def add_bridge(self, name="br0", address=None, dad=False):
        """A bridge as a host administrator has it: a fixed MAC, <prefix>::1/64."""
        address = address or self.prefix.replace("::/", "::1/")
        self.host.run("ip", "link", "add", name, "address", BRIDGE_MAC, "type", "bridge", "stp_state", "0",
                      "forward_delay", "0")
        self.host.sysctl(f"net.ipv6.conf.{name}.accept_ra", 0)
        self.host.run("ip", "link", "set", name, "up")
        self.host.run("ip", "addr", "add", address, "dev", name, *([] if dad else ["nodad"]))
        for guest in getattr(self, "guests", []):
            self.host.run("ip", "link", "set", guest.port, "master", name)

    def del_bridge(self, name="br0"):
        self.host.run("ip", "link", "del", name)

    def add_uplink(self):
        self.host.run("ip", "route", "replace", "default", "via", GATEWAY4, "dev", "eth0")

    def del_uplink(self):
        self.host.run("ip", "route", "del", "default", "via", GATEWAY4)

    def narrow(self, mtu):
        """The MTU of the link between the two routers."""
        for router in self.routers:
            router.run("ip", "link", "set", "wan", "mtu", mtu)

    def on_close(self, what):
        self.closers.append(what)

    def close(self):
        """Ends what was started and removes what was made, whatever state it is in."""
        for closer in reversed(self.closers):
            closer()
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=3)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
        for name in reversed(self.netns):
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)
        self.closers, self.processes, self.netns = [], [], []


def sweep():
    """Removes namespaces and directories of labs whose process is gone."""
    pattern = re.compile(re.escape(PREFIX) + r"(\d+)-\d+-")
    def orphan(name):
        match = pattern.match(name)
        return match and not pathlib.Path(f"/proc/{match[1]}").exists()
    for line in sh("ip", "netns", "list").stdout.splitlines():
        if orphan(line):
            subprocess.run(["ip", "netns", "del", line.split()[0]], check=False)
    for path in pathlib.Path(tempfile.gettempdir()).iterdir():
        if orphan(path.name):
            shutil.rmtree(path, ignore_errors=True)
