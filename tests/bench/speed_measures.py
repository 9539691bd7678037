# SPDX-License-Identifier: GPL-3.0-or-later
"""The measurements of tests/bench/speed: each takes a system and gives {metric: value}; the metrics are rows of
speed_report.py."""
import contextlib
import json
import os
import subprocess
import time

from lab import tool, wait_until
from speed_systems import ECHO6, FEW_PORTS, FIRST_MAPPED, GUEST6, HOST6, MAC, Translator, V6gwd, cpu_seconds, memory, place

PORT = 5201
SIZES = (10, 1000, 100000)    # of the mappings
FLOWS = 1000                  # of at most as many mappings, the same number whatever there are
NAMES = 1000                  # that are asked for again and again
WINDOW = 128                  # questions outstanding
MANY_NAMES = 100000
UPSTREAM_US = 20000           # of a slow forwarder
FIXED = 500e6                 # bit/s


def iperf(system, *options):
    """What the receiver got, and the processor time of the system meanwhile."""
    o = system.options
    program = tool("iperf3")
    server = system.server.popen(*o.words(o.server_cpus), program, "-s", "-1", "-B", system.listen, "-p", PORT,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    listening = "ss", "-Hltn", f"sport = :{PORT}"
    wait_until(lambda: system.server.out(*listening).strip(), 5, "iperf3 listens", every=0.02)
    begun = cpu_seconds(system.pid)
    done = system.guest.run(*o.words(o.guest_cpus), program, "-c", system.target, "-p", PORT, "-J", "-t",
                            max(1, round(o.seconds)), *options, check=False)
    used = cpu_seconds(system.pid) - begun
    server.terminate()
    server.wait(5)
    system.lab.processes.remove(server)
    end = json.loads(done.stdout)["end"]
    return end["sum_received"]["bits_per_second"], end["sum_received"]["bytes"], used


def tcp(system):
    return {f"tcp_{n}_{way}": iperf(system, "-P", n, *flags)[0] / 1e9
            for n in (1, 4) for way, flags in (("up", ()), ("down", ("-R",)))}


def cpu(system):
    """Daemon CPU for a gigabyte, at a rate that all can do."""
    result = {}
    for way, flags in (("up", ()), ("down", ("-R",))):
        rate, octets, used = iperf(system, "-b", int(FIXED), *flags)
        result[f"fixed_{way}"] = rate / 1e6
        if system.pid:
            result[f"cpu_gb_{way}"] = used / octets * 1e9
    return result


def flood(system, flows, first=GUEST6, sources=1, rate=0, seconds=None, cpus=None):
    """One sender for each of the processors."""
    ends = system.guest.netns, system.server.netns, cpus or system.options.guest_cpus, system.options.server_cpus
    return system.load("flood", *ends, MAC["bridge"], MAC["guest"], first, sources, system.target, system.listen,
                       PORT, flows, rate, seconds or system.options.seconds)


def small(system):
    """With nobody bound to a processor: what a packet costs altogether decides, whoever's context it is spent in."""
    everywhere, result = f"0-{os.cpu_count() - 1}", {}
    if system.pid:
        place(system.pid, system.options, everywhere)
    for flows in (1, 256):
        seen = flood(system, flows, cpus=everywhere)
        result[f"small_{flows}"] = seen["received"] / seen["seconds"] / 1e3
        if system.pid:
            result[f"small_{flows}_cpu"] = seen["cpu_s"] / max(1, seen["received"]) * 1e6
    if system.pid:
        place(system.pid, system.options)
    return result


def pingpong(system, first=False, pause_us=0, ends=None):
    return system.load("pingpong", *(ends or system.ends()), system.target, system.listen, PORT, system.options.seconds,
                       pause_us, int(first))


def rtt(system):
    """With all on one processor: what is done, and not how long a processor takes to wake another; and as all else."""
    one = system.options.guest_cpus
    if system.pid:
        place(system.pid, system.options, one)
    seen = pingpong(system, ends=(system.guest.netns, system.server.netns, one, one))
    if system.pid:
        place(system.pid, system.options)
    apart = pingpong(system)
    return {"rtt_p50": seen["p50_us"], "rtt_p99": seen["p99_us"], "rtt_apart_p50": apart["p50_us"],
            "rtt_apart_p99": apart["p99_us"], "rtt_lost": seen["lost"] + apart["lost"]}


def connects(system):
    system.quick_conntrack()
    seen = system.load("connects", *system.ends(), system.target, system.listen, PORT + 1, 16, system.options.seconds)
    return {"connects": seen["connections"] / seen["seconds"], "connects_failed": seen["failed"]}


def rss(system):
    """In KiB: at rest, after packet floods, and of v6gwd after as many questions as can be sent, for names that it has
    in its cache."""
    if not system.pid:
        return {}
    if not system.flooded_memory:  # nobody has asked for a name yet
        for flows in (1, 256):
            flood(system, flows)
        system.flooded_memory = memory(system.pid)
    result = {"rss_idle": system.idle_memory[0], "anon_idle": system.idle_memory[1]}
    result["rss_packets"], result["anon_packets"] = system.flooded_memory
    if isinstance(system, V6gwd):
        for window in (4, 128):
            system.load("ask", system.guest.netns, system.options.guest_cpus, HOST6, "AAAA", "a", NAMES, 0, window, 0, 0,
                        FEW_PORTS, system.options.seconds)
        result["rss_questions"], result["anon_questions"] = memory(system.pid)
    return result


_grown = {}  # (name, size): the system, kept over the rounds


def growth(system):
    """Nanoseconds for a packet, at saturation, and with them those of the daemon."""
    if not isinstance(system, Translator):
        return {}
    result = {}
    for size in (s for s in SIZES if s <= system.most_mappings):
        key = system.name, size
        if key not in _grown:
            _grown[key] = type(system)(system.name, system.options, mappings=size)
        sources = min(size, FLOWS)
        seen = flood(_grown[key], FLOWS // sources, f"{FIRST_MAPPED}0", sources)
        result[f"growth_{size}"] = seen["seconds"] / max(1, seen["received"]) * 1e9
    if system.most_mappings >= SIZES[-1]:
        result["growth_ratio"] = result[f"growth_{SIZES[-1]}"] / result[f"growth_{SIZES[0]}"]
    return result


def close_grown():
    while _grown:
        _grown.popitem()[1].close()


def dns_probe(system, target=HOST6):
    """One question at a time, a thousand in a second, before all else that runs here."""
    return system.load("ask", system.guest.netns, system.options.guest_cpus, target, "AAAA", "a", NAMES, 0, 1, 1000, 1,
                       FEW_PORTS, system.options.seconds)


@contextlib.contextmanager
def beside(system, word, *args):
    """While this goes on."""
    process = system.spawn(word, *args)
    try:
        assert process.stdout.readline()
        time.sleep(0.2)
        yield
    finally:
        process.kill()
        process.wait()
        system.lab.processes.remove(process)
        process.stdout.close()


def fairness(system):
    """How much longer one plane takes, p99, while the other one is flooded; and how long a bare echo takes then, on
    the same host, before all else there: what is the laboratory's and not the system's."""
    if not isinstance(system, V6gwd):
        return {}
    o, long = system.options, 3 * system.options.seconds + 3
    questions = "pour", system.guest.netns, o.guest_cpus, HOST6, NAMES, long
    packets = ("flood", *system.ends(), MAC["bridge"], MAC["guest"], GUEST6, 1, system.target, system.listen, PORT + 20, 256, 0, long)
    system.host.run("ip", "addr", "replace", f"{ECHO6}/128", "dev", "lo")
    seen = {}
    with beside(system, "echo", system.host.netns, o.daemon_cpus, ECHO6, 1):
        seen["ping_quiet"], seen["dns_quiet"] = pingpong(system, True, 1000), dns_probe(system)
        with beside(system, *questions):  # for names that dns_probe has asked for
            seen["ping_busy"], seen["ping_floor"] = pingpong(system, True, 1000), dns_probe(system, ECHO6)
        with beside(system, *packets):
            seen["dns_busy"], seen["dns_floor"] = dns_probe(system), dns_probe(system, ECHO6)
    result = {f"fair_{what}": one["p99_us"] / 1e3 for what, one in seen.items()}
    for what in ("ping", "dns"):
        result[f"fair_{what}"] = result[f"fair_{what}_busy"] - result[f"fair_{what}_quiet"]
        result[f"fair_{what}_lost"] = seen[f"{what}_busy"]["lost"]
    return result


def cached(system):
    """What was asked before: a synthesised AAAA, a native one, an A; and as the first, but no two at a time from one port."""
    result = {}
    for what, kind, letter, ports in (("synth", "AAAA", "a", FEW_PORTS), ("native", "AAAA", "d", FEW_PORTS),
                                      ("a", "A", "a", FEW_PORTS), ("ports", "AAAA", "a", WINDOW)):
        seen = system.ask(kind, letter, NAMES, WINDOW, ports=ports)
        result[f"dns_{what}"] = seen["answered"] / seen["seconds"] / 1e3
        result[f"dns_{what}_cpu"] = seen["cpu_s"] / max(1, seen["answered"]) * 1e6
        result[f"dns_{what}_busy"] = seen["cpu_s"] / seen["seconds"] * 100
        result["dns_wrong"] = result.get("dns_wrong", 0) + seen["wrong"] + seen["lost"]
    return result


def cold(system):
    """Names that nobody asked for before."""
    if system.name == "echo":
        return {}
    before, first = system.upstream(), system.next_name
    seen = system.ask("AAAA", "a")
    result = {"dns_cold": seen["answered"] / seen["seconds"] / 1e3,
              "dns_cold_cpu": seen["cpu_s"] / max(1, seen["answered"]) * 1e6,
              "dns_cold_busy": seen["cpu_s"] / seen["seconds"] * 100, "dns_cold_wrong": seen["wrong"] + seen["lost"],
              "dns_cold_upstream": (system.upstream() - before) / (system.next_name - first)}
    system.answer(UPSTREAM_US)
    slow = system.ask("AAAA", "a", window=8)
    system.answer(0)
    result["dns_trips"] = slow["p50_us"] / UPSTREAM_US
    return result


def latency(system):
    seen = system.ask("AAAA", "a", NAMES, window=1)
    return {"dns_p50": seen["p50_us"], "dns_p99": seen["p99_us"]}


def names(system):
    """RSS with many names held, and how many of them are, as a share."""
    if system.name == "echo":
        return {}
    system.afresh()
    empty = memory(system.pid)
    many = max(NAMES, round(MANY_NAMES * min(1, system.options.seconds)))
    system.ask("AAAA", "a", many, seconds=-many)
    full = memory(system.pid)
    before = system.upstream()
    seen = system.ask("AAAA", "a", many, seconds=-many)
    missed = (system.upstream() - before) / max(1, seen["answered"])
    return {"dns_rss_idle": empty[0], "dns_anon_idle": empty[1], "dns_rss_names": full[0], "dns_anon_names": full[1],
            "dns_held": 1 - min(1, missed)}


# name: (what it measures, which systems it is for, about so many times options.seconds, and so many seconds more)
TRANSLATOR_TESTS = {"tcp": (tcp, 4, 1.2), "cpu": (cpu, 2, 0.6), "small": (small, 2.5, 0.2), "rtt": (rtt, 2, 0.1),
                    "connects": (connects, 1.25, 0.1), "rss": (rss, 5, 0.2), "fairness": (fairness, 6.75, 1.2),
                    "growth": (growth, 3.75, 0.5)}
DNS_TESTS = {"cached": (cached, 5, 0.3), "cold": (cold, 2.5, 0.3), "latency": (latency, 1.25, 0.1), "names": (names, 0, 9)}
