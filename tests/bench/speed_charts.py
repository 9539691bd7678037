# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts of a result of tests/bench/speed: SVG, bars with their range, readable on light and on dark."""
import html
import math
import statistics

from speed_report import METRICS, WORDS, systems_of, values

# file name: (title, metrics); all metrics of a chart have one unit
CHARTS = {
    "bulk": ("Bulk TCP", ("tcp_1_up", "tcp_1_down", "tcp_4_up", "tcp_4_down")),
    "packets": ("Small packets", ("small_1", "small_256")),
    "round-trip": ("Round trip", ("rtt_p50", "rtt_apart_p50")),
    "connections": ("Short TCP connections", ("connects",)),
    "cpu": ("Daemon CPU for a gigabyte", ("cpu_gb_up", "cpu_gb_down")),
    "cpu-packet": ("Daemon CPU for a small packet", ("small_1_cpu", "small_256_cpu")),
    "memory": ("Memory", ("rss_idle", "rss_packets")),
    "growth": ("Cost of a packet", ("growth_10", "growth_1000", "growth_100000")),
    "fairness": ("What a flood of one plane adds to the other's p99", ("fair_ping", "fair_dns")),
    "dns-cached": ("DNS from the cache", ("dns_synth", "dns_native", "dns_a", "dns_ports")),
    "dns-cold": ("DNS, names asked for the first time", ("dns_cold",)),
    "dns-cpu": ("DNS, CPU for a question", ("dns_synth_cpu", "dns_native_cpu", "dns_a_cpu", "dns_ports_cpu", "dns_cold_cpu")),
    "dns-latency": ("DNS from the cache, one question at a time", ("dns_p50", "dns_p99")),
    "dns-memory": ("DNS server's memory", ("dns_rss_idle", "dns_rss_names")),
}
# v6gwd's in blues, others by a hue of their own; peers in grey
COLOURS = {"tun": "#7fb2e5", "offload": "#3f8bd8", "fastpath": "#1f5fae", "v6gwd": "#1f5fae", "tayga": "#d9822b",
           "plain": "#4a9c5d", "bind": "#d9822b", "unbound": "#a05fb5", "echo": "#4a9c5d"}
STYLE = """text { font: 13px system-ui, sans-serif; fill: #1f2328; } .title { font-size: 16px; font-weight: 600; }
.what { font-weight: 600; } .page { fill: #ffffff; } .axis { stroke: #8c959f; } .range { stroke: #1f2328; }
.halo { stroke: #ffffff; stroke-width: 3; stroke-opacity: 0.6; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .page { fill: #0d1117; } .range { stroke: #e6edf3; }
.halo { stroke: #0d1117; } .axis { stroke: #6e7681; } }"""
WIDTH, LEFT, RIGHT, BAR, GAP = 760, 150, 110, 18, 26


def bar(y, name, numbers, scale, digits):
    low, mid, high = min(numbers), statistics.median(numbers), max(numbers)
    x = {n: LEFT + max(0, n) * scale for n in (low, mid, high)}
    middle = y + BAR / 2 - 1
    parts = [f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{html.escape(WORDS.get(name, name))}</text>',
             f'<rect x="{LEFT}" y="{y}" width="{x[mid] - LEFT:.1f}" height="{BAR - 3}" fill="{COLOURS.get(name, "#8c959f")}"/>']
    if x[high] - x[low] > 2:
        path = f"M{x[low]:.1f} {middle:g}H{x[high]:.1f}M{x[low]:.1f} {middle - 3:g}v6M{x[high]:.1f} {middle - 3:g}v6"
        parts += [f'<path class="{layer}" fill="none" d="{path}"/>' for layer in ("halo", "range")]
    parts.append(f'<text x="{max(x.values()) + 6:.1f}" y="{y + 13}">{mid:,.{digits}f}</text>')
    return parts


def draw(result, title, metrics):
    """None without numbers."""
    shown = [m for m in metrics if systems_of(result, (m,))]
    if not shown:
        return None
    largest = max(n for m in shown for s in systems_of(result, (m,)) for n in values(result, s, m))
    scale = (WIDTH - LEFT - RIGHT) / largest if largest > 0 and math.isfinite(largest) else 0
    _, _, unit, digits = METRICS[shown[0]]
    parts, y = [f'<text class="title" x="12" y="24">{html.escape(f"{title}, {unit}")}</text>'], 36
    for metric in shown:
        y += GAP
        parts.append(f'<text class="what" x="12" y="{y - 8}">{html.escape(METRICS[metric][1])}</text>')
        top = y
        for name in systems_of(result, (metric,)):
            parts += bar(y, name, values(result, name, metric), scale, digits)
            y += BAR
        parts.append(f'<path class="axis" d="M{LEFT - 0.5} {top - 2}V{y}"/>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 14}" viewBox="0 0 {WIDTH} {y + 14}" role="img">\n'
            f'<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n'
            '<rect class="page" width="100%" height="100%"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def draw_all(result, directory):
    """Writes those that the result has numbers for; returns their names."""
    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, (title, metrics) in CHARTS.items():
        text = draw(result, title, metrics)
        if text:
            (directory / f"{name}.svg").write_text(text)
            drawn.append(name)
    return drawn
