# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests/bench/speed compares: each system is alone on the host of a laboratory of its own, which
stays for the whole run.

    guest eth0 -- br0 [host: the system] eth0 -- server

Translators: v6gwd in three settings, Debian's tayga, other programs with tayga's command line, and, to hold
them against, IPv6 routing.  DNS: v6gwd, BIND, Unbound, and a program that sends back what it gets.
"""
import contextlib
import dataclasses
import ipaddress
import json
import os
import pathlib
import subprocess
import time

from gateway import Gateway
from lab import BRIDGE_MAC, NAMES4, SERVER4, UPLINK4, Lab, die_with_parent, embed, sh, tool, wait_until
import resolvers

GUEST6, HOST6, ECHO6, PREFIX = "2001:db8:1:2::100", "2001:db8:1:2::1", "2001:db8:53::1", "64:ff9b::/96"
POOL, LARGE_POOL = "192.168.255.0/24", "10.64.0.0/15"
SERVER6, ROUTER6 = "2001:db8:99::10", "2001:db8:99::1"
FIRST_MAPPED = "2001:db8:1:2:1::"  # the guests of many mappings count upwards from here
MASQUERADE = """table ip nat {
    chain post { type nat hook postrouting priority srcnat; ip saddr %s oifname != "nat64" masquerade; }
}
"""
CACHE = "256M"                     # room for 100,000 names in each DNS server
FEW_PORTS = 4                      # that questions come from


@dataclasses.dataclass
class Options:
    """What all measurements of a run share."""
    build: pathlib.Path           # with daemon/ and, of the build directory, load
    load: pathlib.Path
    seconds: float = 2.0
    guest_cpus: str = "0"
    daemon_cpus: str = "1"
    server_cpus: str = "0-1"
    masquerade: bool = True
    verify: bool = False
    urgent: bool = False

    def words(self, cpus):
        """Before the command of a program that makes or takes traffic."""
        return ["taskset", "-c", cpus, *(["chrt", "-r", "1"] if self.urgent else [])]


def tasks(pid):
    return [int(t.name) for t in pathlib.Path(f"/proc/{pid}/task").iterdir()]


def place(pid, options, cpus=None):
    """A system on its processors, or others; where there are priorities, before those who make and take traffic."""
    first, _, last = (cpus or options.daemon_cpus).partition("-")
    for task in tasks(pid):
        with contextlib.suppress(ProcessLookupError):  # a thread that has ended since
            os.sched_setaffinity(task, range(int(first), int(last or first) + 1))
            if options.urgent:
                os.sched_setscheduler(task, os.SCHED_RR, os.sched_param(2))


def cpu_seconds(pid):
    """What a process has used, its kernel's part included."""
    if not pid:
        return 0.0
    return sum(int(pathlib.Path(f"/proc/{pid}/task/{t}/schedstat").read_text().split()[0]) for t in tasks(pid)) / 1e9


def memory(pid):
    """KiB: (RSS, RssAnon)."""
    lines = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(lines["VmRSS"].split()[0]), int(lines["RssAnon"].split()[0])


class System:
    """A laboratory with something on its host.  pid: whose processor time and memory count, None for the
    kernel's own work."""

    pid = None
    target, listen = embed(PREFIX, SERVER4), SERVER4  # the server, as the guest and as itself says

    def __init__(self, name, options):
        self.name, self.options = name, options
        self.lab = Lab(guests=1, hops=False)
        self.host, self.server, self.guest = self.lab.host, self.lab.server, self.lab.guests[0]
        self.idle_memory = self.flooded_memory = None
        try:
            self._wire()
            self.start()
            if self.pid:
                place(self.pid, options)
                time.sleep(0.3)
                self.idle_memory = memory(self.pid)
            wait_until(self.works, 15, f"{name} works")
        except BaseException:
            self.close()
            raise

    def _wire(self):
        guest = self.guest
        guest.sysctl("net.ipv6.conf.eth0.accept_ra", 0)
        guest.up()
        guest.run("ip", "addr", "add", f"{GUEST6}/64", "dev", "eth0", "nodad")
        guest.run("ip", "-6", "route", "add", "default", "via", HOST6)
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.host.sysctl(key, 1)
        for node in (guest, self.server):
            node.sysctl("net.ipv4.ip_local_port_range", "10000 65000")
        if self.options.verify:
            self.host.run("ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off")
            self.host.run("ethtool", "-K", guest.port, "tx", "off", "tso", "off", "gso", "off")

    def start(self):
        pass

    def works(self):
        return self.guest.ok("ping", "-n", "-c", 1, "-W", 1, self.target)

    def quick_conntrack(self):
        """Connections that have ended make room at once, on whatever host they were masqueraded."""
        if self.options.masquerade:
            for state in ("time_wait", "close", "close_wait", "last_ack"):
                self.host.sysctl(f"net.netfilter.nf_conntrack_tcp_timeout_{state}", 1)

    def spawn(self, word, *args):
        """One of the programs of tests/bench/load; ends with the run at the latest."""
        urgent = ["chrt", "-r", "1"] if self.options.urgent else []
        process = subprocess.Popen([*urgent, str(self.options.load), word, *map(str, args)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent,
                                   env={**os.environ, "LOAD_PID": str(self.pid or "")})
        self.lab.processes.append(process)
        return process

    def load(self, word, *args):
        """What it measured; "cpu_s" is what the system used meanwhile."""
        process = self.spawn(word, *args)
        lines = process.communicate(timeout=400)[0].splitlines()
        self.lab.processes.remove(process)
        assert process.returncode == 0, f"{self.name}: load {word} failed"
        return json.loads(lines[-1])

    def ends(self):
        return (self.guest.netns, self.server.netns, self.options.guest_cpus, self.options.server_cpus)

    def close(self):
        self.lab.close()


class Plain(System):
    """The kernel alone, IPv6 on both sides."""

    target = listen = SERVER6

    def start(self):
        for scope in ("all", "eth0"):
            self.server.sysctl(f"net.ipv6.conf.{scope}.disable_ipv6", 0)
        self.host.run("ip", "addr", "add", f"{ROUTER6}/64", "dev", "eth0", "nodad")
        self.server.run("ip", "addr", "add", f"{SERVER6}/64", "dev", "eth0", "nodad")
        self.server.run("ip", "-6", "route", "add", "default", "via", ROUTER6)

    def quick_conntrack(self):
        pass


def dynamic_map(n):
    """tayga's file of n mappings, which v6gwd takes over."""
    now, first = int(time.time()), int(ipaddress.ip_network(LARGE_POOL)[2])
    return "".join(f"{ipaddress.IPv4Address(first + i)}\t{FIRST_MAPPED}{i >> 16:x}:{i & 0xffff:x}\t{now}\n" for i in range(n))


class Translator(System):
    """mappings: how many there are from the start, in a larger pool; 0: the default pool, none."""

    most_mappings = 100000

    def __init__(self, name, options, mappings=0):
        self.mappings = mappings
        self.pool = LARGE_POOL if mappings else POOL
        super().__init__(name, options)

    def start(self):
        if not self.options.masquerade:
            self.server.run("ip", "route", "add", self.pool, "via", UPLINK4)
        self.run()


class V6gwd(Translator):
    """Everything on but for what its name says."""

    SETTINGS = {"tun": ("off", "off"), "offload": ("on", "off"), "fastpath": ("auto", "on")}

    def text(self):
        offload, fastpath = self.SETTINGS[self.name]
        return (f'interface = "br0"; nat64 = {{ offload = "{offload}"; fastpath = "{fastpath}"; '
                f'masquerade = "{"auto" if self.options.masquerade else "off"}"; {self.more()} }};\n')

    def more(self):
        return f'dynamic_pool = [ "{self.pool}" ]; max_mappings_per_guest = 65535;' if self.mappings else ""

    def run(self):
        spawned = self.spawn("answer", self.server.netns, self.options.guest_cpus, NAMES4, 0)
        assert spawned.stdout.readline() == "up\n"
        self.gateway = Gateway(self.lab, self.text(), build=self.options.build, level="notice")
        if self.mappings:
            (self.gateway.dir / "state/leases").write_text(dynamic_map(self.mappings))
        self.gateway.start(timeout=60)
        self.pid = self.gateway.pid

    def is_on(self):
        """Whether the daemon says that it runs as it was told, and what it says."""
        nat64 = self.gateway.status().get("nat64", {})
        return {key: str(nat64.get(key)) for key in ("offload", "offload_reason", "fastpath", "fastpath_reason")}


class Tayga(Translator):
    """tayga, or a program with its command line: PROGRAM -c FILE --mktun, PROGRAM -c FILE -d, and a data-dir with
    dynamic.map."""

    program = None
    most_mappings = 1000  # with 100,000 it needs minutes to read its file

    def run(self):
        program = self.program or tool("tayga")
        directory = self.lab.dir / "tayga"
        directory.mkdir()
        conf = directory / "tayga.conf"
        own4 = ipaddress.ip_network(self.pool)[1]
        conf.write_text(f"tun-device nat64\nipv4-addr {own4}\nipv6-addr 2001:db8:1:64::1\nprefix {PREFIX}\n"
                        f"dynamic-pool {self.pool}\ndata-dir {directory}\n")
        if self.mappings:
            (directory / "dynamic.map").write_text(dynamic_map(self.mappings))
        self.host.run(program, "-c", conf, "--mktun")
        self.host.run("ip", "link", "set", "nat64", "up")
        self.host.run("ip", "route", "add", self.pool, "dev", "nat64")
        self.host.run("ip", "-6", "route", "add", PREFIX, "dev", "nat64")
        if self.options.masquerade:
            self.host.run("nft", "-f", "-", input=MASQUERADE % self.pool)
        self.pid = self.host.popen(program, "-c", conf, "-d", stdout=subprocess.DEVNULL,
                                   stderr=open(directory / "log", "w")).pid


def peer(path):
    """A translator of somebody else's."""
    return type("Peer", (Tayga,), {"program": str(pathlib.Path(path).resolve())})


class DnsSystem(System):
    """A server on HOST6 port 53 that forwards to a bare answerer."""

    program = None  # of resolvers.py

    def start(self):
        for address in resolvers.ADDRESSES[1:]:
            self.host.run("ip", "addr", "add", f"{address}/64", "dev", "br0", "nodad")
        self.server.run("ip", "addr", "add", f"{resolvers.FORWARDERS[0]}/32", "dev", "lo")
        self.answerer = None
        self.answer(0)
        self.next_name = 1 << 20
        self.server_program = self.program and self.program(self.lab)
        self.run()

    def answer(self, delay_us):
        """From now on after this time."""
        if self.answerer:
            self.answerer.kill()
            self.answerer.wait()
        self.answerer = self.spawn("answer", self.server.netns, self.options.guest_cpus, resolvers.FORWARDERS[0], delay_us)
        assert self.answerer.stdout.readline() == "up\n"

    def run(self):
        self.server_program.start(resolvers.Setting(clients=("any",), cache=CACHE))
        self.pid = self.process_of().pid

    def process_of(self):
        program = self.server_program
        return program.gateway.process if hasattr(program, "gateway") else program.process

    def afresh(self):
        """With nothing in the cache."""
        self.server_program.stop()
        self.run()
        place(self.pid, self.options)
        wait_until(self.works, 15, f"{self.name} works")

    def works(self):
        return self.guest.ok("dig", f"@{HOST6}", "+time=1", "+tries=1", "a0000000.bench.example.net", "A")

    def ask(self, kind, letter, names=0, window=128, seconds=None, first=False, pause_us=0, cpus=None, ports=FEW_PORTS):
        """names 0: each name once, never one that was asked before."""
        result = self.load("ask", self.guest.netns, cpus or self.options.guest_cpus, HOST6, kind, letter, names,
                           0 if names else self.next_name, window, pause_us, int(first), ports, seconds or self.options.seconds)
        if not names:
            self.next_name = result["next_name"]
        return result

    def upstream(self):
        """Questions that have come to the answerer."""
        lines = [line.split() for line in self.server.out("cat", "/proc/net/snmp").splitlines() if line.startswith("Udp:")]
        return int(dict(zip(*lines))["InDatagrams"])


class DnsV6gwd(DnsSystem):
    program = resolvers.V6gwd


class DnsBind(DnsSystem):
    program = resolvers.Bind


class DnsUnbound(DnsSystem):
    program = resolvers.Unbound


class DnsEcho(DnsSystem):
    """The least a server can do: nothing is looked up."""

    def run(self):
        process = self.spawn("echo", self.host.netns, self.options.daemon_cpus, HOST6, 0)
        assert process.stdout.readline() == "up\n"
        self.pid = process.pid

    def works(self):
        return True


TRANSLATORS = {"tun": V6gwd, "offload": V6gwd, "fastpath": V6gwd, "tayga": Tayga, "plain": Plain}
DNS = {"v6gwd": DnsV6gwd, "bind": DnsBind, "unbound": DnsUnbound, "echo": DnsEcho}
MAC = {"bridge": BRIDGE_MAC, "guest": "52:54:00:00:01:01"}


def install(build, directory):
    """What meson installs of a build, below directory; with daemon/ as Gateway looks for it."""
    sh("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", directory, timeout=120)
    (directory / "daemon").mkdir()
    for name in ("v6gwd", "v6gwctl"):
        found = [p for p in directory.glob(f"**/{name}") if p.is_file() and os.access(p, os.X_OK) and "bin" in p.parent.name]
        (directory / "daemon" / name).symlink_to(found[0])
    return directory
