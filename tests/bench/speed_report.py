# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rounds of tests/bench/speed say: medians and ranges, ratios of the same round, goals.

A result is {"about": {...}, "rounds": [{system: {metric: value}}]}.  The machine drifts from minute to
minute, so that systems are compared within a round, and the median of these ratios is what counts.
"""
import dataclasses
import statistics

# metric: (group, words, unit, digits); groups and metrics in the order in which they are shown
METRICS = {
    "tcp_1_up": ("Bulk TCP", "1 stream, guest to server", "Gbit/s", 2),
    "tcp_1_down": ("Bulk TCP", "1 stream, server to guest", "Gbit/s", 2),
    "tcp_4_up": ("Bulk TCP", "4 streams, guest to server", "Gbit/s", 2),
    "tcp_4_down": ("Bulk TCP", "4 streams, server to guest", "Gbit/s", 2),
    "small_1": ("Small packets", "UDP of 64 octets, 1 flow", "thousand/s", 0),
    "small_256": ("Small packets", "UDP of 64 octets, 256 flows", "thousand/s", 0),
    "connects": ("Short TCP connections", "connect, request, answer, close", "1/s", 0),
    "connects_failed": ("Short TCP connections", "failed", "", 0),
    "rtt_p50": ("Round trip", "all on one processor, p50", "us", 1),
    "rtt_p99": ("Round trip", "all on one processor, p99", "us", 1),
    "rtt_apart_p50": ("Round trip", "over two processors, p50", "us", 1),
    "rtt_apart_p99": ("Round trip", "over two processors, p99", "us", 1),
    "rtt_lost": ("Round trip", "lost", "", 0),
    "cpu_gb_up": ("Daemon CPU", "a gigabyte at 500 Mbit/s, guest to server", "s", 3),
    "cpu_gb_down": ("Daemon CPU", "a gigabyte at 500 Mbit/s, server to guest", "s", 3),
    "fixed_up": ("Daemon CPU", "the rate meanwhile, guest to server", "Mbit/s", 0),
    "fixed_down": ("Daemon CPU", "the rate meanwhile, server to guest", "Mbit/s", 0),
    "small_1_cpu": ("Daemon CPU", "a small packet, 1 flow", "us", 2),
    "small_256_cpu": ("Daemon CPU", "a small packet, 256 flows", "us", 2),
    "rss_idle": ("Memory", "RSS, idle", "KiB", 0),
    "anon_idle": ("Memory", "RssAnon, idle", "KiB", 0),
    "rss_packets": ("Memory", "RSS, after floods of packets", "KiB", 0),
    "anon_packets": ("Memory", "RssAnon, after floods of packets", "KiB", 0),
    "rss_questions": ("Memory", "RSS, and 1,000 names asked for at full rate", "KiB", 0),
    "anon_questions": ("Memory", "RssAnon, and 1,000 names asked for at full rate", "KiB", 0),
    "growth_10": ("Growth", "a packet with 10 mappings", "ns", 0),
    "growth_1000": ("Growth", "a packet with 1,000 mappings", "ns", 0),
    "growth_100000": ("Growth", "a packet with 100,000 mappings", "ns", 0),
    "growth_ratio": ("Growth", "with 100,000 to that with 10", "x", 2),
    "fair_ping_quiet": ("Fairness", "round trip p99, in quiet", "ms", 3),
    "fair_ping_busy": ("Fairness", "round trip p99, in a DNS flood", "ms", 3),
    "fair_ping_floor": ("Fairness", "a bare echo's p99, in a DNS flood", "ms", 3),
    "fair_ping": ("Fairness", "what the DNS flood adds", "ms", 3),
    "fair_ping_lost": ("Fairness", "round trips lost in the DNS flood", "", 0),
    "fair_dns_quiet": ("Fairness", "DNS p99, in quiet", "ms", 3),
    "fair_dns_busy": ("Fairness", "DNS p99, in a packet flood", "ms", 3),
    "fair_dns_floor": ("Fairness", "a bare echo's p99, in a packet flood", "ms", 3),
    "fair_dns": ("Fairness", "what the packet flood adds", "ms", 3),
    "fair_dns_lost": ("Fairness", "questions lost in the packet flood", "", 0),
    "dns_synth": ("DNS, cached", "AAAA, synthesised", "thousand/s", 1),
    "dns_native": ("DNS, cached", "AAAA, native", "thousand/s", 1),
    "dns_a": ("DNS, cached", "A", "thousand/s", 1),
    "dns_ports": ("DNS, cached", "AAAA, synthesised, a port for each question", "thousand/s", 1),
    "dns_wrong": ("DNS, cached", "wrong or lost", "", 0),
    "dns_cold": ("DNS, cold", "AAAA of a name with an A record", "thousand/s", 1),
    "dns_cold_wrong": ("DNS, cold", "wrong or lost", "", 0),
    "dns_cold_upstream": ("DNS, cold", "questions upstream for a name", "", 2),
    "dns_trips": ("DNS, cold", "time, in round trips to the forwarder", "", 2),
    "dns_synth_cpu": ("DNS, CPU for a question", "AAAA, synthesised", "us", 2),
    "dns_native_cpu": ("DNS, CPU for a question", "AAAA, native", "us", 2),
    "dns_a_cpu": ("DNS, CPU for a question", "A", "us", 2),
    "dns_ports_cpu": ("DNS, CPU for a question", "AAAA, synthesised, a port for each question", "us", 2),
    "dns_cold_cpu": ("DNS, CPU for a question", "cold", "us", 2),
    "dns_synth_busy": ("DNS, share of a processor that was used", "AAAA, synthesised", "%", 0),
    "dns_native_busy": ("DNS, share of a processor that was used", "AAAA, native", "%", 0),
    "dns_a_busy": ("DNS, share of a processor that was used", "A", "%", 0),
    "dns_ports_busy": ("DNS, share of a processor that was used", "AAAA, synthesised, a port for each question", "%", 0),
    "dns_cold_busy": ("DNS, share of a processor that was used", "cold", "%", 0),
    "dns_p50": ("DNS, latency", "cached, one at a time, p50", "us", 1),
    "dns_p99": ("DNS, latency", "cached, one at a time, p99", "us", 1),
    "dns_rss_idle": ("DNS, memory", "RSS, empty", "KiB", 0),
    "dns_anon_idle": ("DNS, memory", "RssAnon, empty", "KiB", 0),
    "dns_rss_names": ("DNS, memory", "RSS with 100,000 names", "KiB", 0),
    "dns_anon_names": ("DNS, memory", "RssAnon with 100,000 names", "KiB", 0),
    "dns_held": ("DNS, memory", "share of the names that is held", "", 2),
}
WORDS = {"tun": "v6gwd, TUN", "offload": "v6gwd, offload", "fastpath": "v6gwd, fast path", "tayga": "tayga",
         "plain": "IPv6 routing", "v6gwd": "v6gwd", "bind": "BIND", "unbound": "Unbound", "echo": "bare echo"}
RIVALS = ("tayga", "plain", "bind", "unbound", "echo")
LIMITS = {"tayga": "plain", "bind": "echo", "unbound": "echo"}  # what does not do the rival's work at all


@dataclasses.dataclass(frozen=True)
class Goal:
    """rival "": the value itself; sign: at least, at most."""
    words: str
    system: str
    metrics: tuple
    sign: str
    bound: float
    rival: str = ""


ONE, FOUR = ("tcp_1_up", "tcp_1_down"), ("tcp_4_up", "tcp_4_down")
CACHED = ("dns_synth", "dns_native", "dns_a")
GOALS = (
    Goal("bulk TCP, 1 stream", "fastpath", ONE, ">=", 14, "tayga"),
    Goal("bulk TCP, 1 stream", "fastpath", ONE, ">=", 0.85, "plain"),
    Goal("bulk TCP, 4 streams", "fastpath", FOUR, ">=", 12, "tayga"),
    Goal("bulk TCP, 4 streams", "fastpath", FOUR, ">=", 0.75, "plain"),
    Goal("bulk TCP, user space only", "offload", ONE + FOUR, ">=", 8, "tayga"),
    Goal("CPU per GB, user space only", "offload", ("cpu_gb_up", "cpu_gb_down"), "<=", 0.12, "tayga"),
    Goal("CPU per GB, s", "fastpath", ("cpu_gb_up", "cpu_gb_down"), "<=", 0.02),
    Goal("small packets, 1 flow", "fastpath", ("small_1",), ">=", 1.4, "tayga"),
    Goal("small packets, 256 flows", "fastpath", ("small_256",), ">=", 1.5, "tayga"),
    Goal("small packets, 1 flow, user space only", "offload", ("small_1",), ">=", 1.5, "tayga"),
    Goal("small packets, 256 flows, user space only", "offload", ("small_256",), ">=", 1.0, "tayga"),
    Goal("round trip p50", "fastpath", ("rtt_p50", "rtt_apart_p50"), "<=", 0.6, "tayga"),
    Goal("round trip p50, user space only", "offload", ("rtt_p50", "rtt_apart_p50"), "<=", 1.0, "tayga"),
    Goal("short TCP connections", "fastpath", ("connects",), ">=", 1.2, "tayga"),
    Goal("DNS cached", "v6gwd", CACHED, ">=", 2, "bind"),
    Goal("DNS cached", "v6gwd", CACHED, ">=", 1.3, "unbound"),
    Goal("DNS cached, CPU for a question", "v6gwd", tuple(f"{m}_cpu" for m in (*CACHED, "dns_ports")), "<=", 1.35, "echo"),
    Goal("DNS cold", "v6gwd", ("dns_cold",), ">=", 6, "bind"),
    Goal("DNS cold", "v6gwd", ("dns_cold",), ">=", 2.5, "unbound"),
    Goal("DNS cold, CPU for a question", "v6gwd", ("dns_cold_cpu",), "<=", 0.4, "unbound"),
    Goal("DNS cold, upstream round trips", "v6gwd", ("dns_trips",), "<=", 1.5),
    Goal("RssAnon idle, KiB", "tun", ("anon_idle",), "<=", 2048),
    Goal("RSS idle, KiB", "tun", ("rss_idle",), "<=", 8192),
    Goal("RSS with 100,000 names", "v6gwd", ("dns_rss_names",), "<=", 0.25, "unbound"),
    *(Goal("growth of the cost of a packet", s, ("growth_ratio",), "<=", 1.15) for s in ("tun", "offload", "fastpath")),
    *(Goal("round trip p99, added by a DNS flood, ms", s, ("fair_ping",), "<=", 1) for s in ("tun", "offload", "fastpath")),
    *(Goal("DNS p99, added by a packet flood, ms", s, ("fair_dns",), "<=", 5) for s in ("tun", "offload", "fastpath")),
)


def values(result, system, metric):
    return [r[system][metric] for r in result["rounds"] if metric in r.get(system, {})]


def ratios(result, system, rival, metric):
    """Of the rounds that have both."""
    pairs = [(r[system].get(metric), r[rival].get(metric)) for r in result["rounds"] if system in r and rival in r]
    return [a / b for a, b in pairs if a is not None and b]


def systems_of(result, metrics=tuple(METRICS)):
    names = [s for r in result["rounds"] for s in r]
    known = [*WORDS, *names]
    return sorted({s for s in names if any(values(result, s, m) for m in metrics)}, key=known.index)


def groups():
    found = {}
    for metric, (group, *_) in METRICS.items():
        found.setdefault(group, []).append(metric)
    return found


def cell(numbers, digits):
    if not numbers:
        return ""
    low, mid, high = (f"{n:,.{digits}f}" for n in (min(numbers), statistics.median(numbers), max(numbers)))
    return mid if low == high else f"{mid} ({low} to {high})"


def value_rows(result, group):
    """The head, and a row of texts for each metric."""
    metrics = groups()[group]
    names = systems_of(result, metrics)
    yield [group, *(WORDS.get(s, s) for s in names)]
    for metric in metrics:
        _, words, unit, digits = METRICS[metric]
        cells = [cell(values(result, s, metric), digits) for s in names]
        if any(cells):
            yield [f"{words}, {unit}" if unit else words, *cells]


def ratio_rows(result, group):
    metrics = groups()[group]
    names = systems_of(result, metrics)
    columns = [(s, r) for s in names for r in RIVALS if s not in RIVALS and r in names]
    if not columns:
        return
    yield [f"{group}: ratios", *(f"{WORDS.get(s, s)} / {WORDS[r]}" for s, r in columns)]
    for metric in metrics:
        cells = [cell(ratios(result, s, r, metric), 2) for s, r in columns]
        if any(cells):
            yield [METRICS[metric][1], *cells]


def is_met(goal, number):
    return number >= goal.bound if goal.sign == ">=" else number <= goal.bound


def judged(result):
    """Each goal that this run has numbers for: (goal, metric, median, met)."""
    for goal in GOALS:
        for metric in goal.metrics:
            numbers = (ratios(result, goal.system, goal.rival, metric) if goal.rival
                       else values(result, goal.system, metric))
            if numbers:
                mid = statistics.median(numbers)
                yield goal, metric, mid, is_met(goal, mid)


def limit(result, goal, metric):
    """What is reached without doing the rival's work, if that misses the goal as well; else None."""
    rest = LIMITS.get(goal.rival)
    numbers = ratios(result, rest, goal.rival, metric) if rest else []
    mid = statistics.median(numbers) if numbers else goal.bound
    return None if is_met(goal, mid) else f"{WORDS[rest]}: {mid:.3g}"


def verdict(result, goal, metric, met):
    best = None if met else limit(result, goal, metric)
    return "met" if met else "NOT MET" if best is None else f"NOT MET ({best})"


def goal_rows(result):
    rows = list(judged(result))
    if not rows:
        return
    yield ["Goal", "of", "what", "bound", "median", ""]
    for goal, metric, mid, met in rows:
        against = f" x {WORDS[goal.rival]}" if goal.rival else ""
        yield [goal.words, WORDS[goal.system], METRICS[metric][1], f"{goal.sign} {goal.bound:g}{against}", f"{mid:,.3g}" if mid < 1000
               else f"{mid:,.0f}", verdict(result, goal, metric, met)]


def tables(result):
    for group in groups():
        for rows in (list(value_rows(result, group)), list(ratio_rows(result, group))):
            if len(rows) > 1:
                yield rows
    rows = list(goal_rows(result))
    if rows:
        yield rows


def as_text(result):
    lines = []
    for rows in tables(result):
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            lines.append(row[0].ljust(widths[0]) + "".join("  " + c.rjust(w) for c, w in zip(row[1:], widths[1:])))
        lines.append("")
    return "\n".join(lines)


def as_markdown(result):
    about = result["about"]
    lines = [f"{len(result['rounds'])} rounds, {about['seconds']:g} s a measurement, {about['date']}: v6gwd {about['version']}, Linux "
             f"{about['kernel']}, {about['cpus']} x {about['cpu']}{', beside other work (--urgent)' if about.get('urgent') else ''}."]
    lines += [f"{name}: {words}." for name, words in about["programs"].items()]
    lines.append("")
    for rows in tables(result):
        lines.append("| " + " | ".join(rows[0]) + " |")
        lines.append("|---" + "|---:" * (len(rows[0]) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
        lines.append("")
    return "\n".join(lines)
