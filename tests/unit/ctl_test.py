#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""ctl_test.py V6GWCTL MANPAGE: the real v6gwctl against a server made up here."""
import json
import os
import pathlib
import pty
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

CTL, MAN = sys.argv[1], sys.argv[2]
del sys.argv[1:]

STATUS = {
    "version": "9.9", "uptime_s": 273840,
    "health": {"state": "degraded", "reasons": ["dns64: port 53 is taken by a.service (stop it)", "ra: br1 is missing"]},
    "config": {"file": "/etc/v6gwd.conf", "loaded_at": "2026-11-21T10:00:00+01:00", "stale": True},
    "nat64": {"device": "nat64", "prefix": "64:ff9b::/96", "ipv4_address": "192.168.255.1",
              "ipv6_address": "64:ff9b::c0a8:ff01",
              "pool": [{"network": "192.168.255.0/24", "size": 253, "used": 12}],
              "mappings": {"active": 10, "dormant": 2, "static": 1},
              "offload": "off", "offload_reason": "not built in", "fastpath": "off", "fastpath_reason": "",
              "masquerade": {"mode": "auto", "present": True},
              "packets": {"v6_to_v4": 1234567, "v4_to_v6": 99999, "dropped": 3}},
    "dns64": {"listen": ["2001:db8::1", "fe80::1%br0"],
              "forwarders": [{"address": "192.0.2.53", "healthy": True, "rtt_ms": 4},
                             {"address": "192.0.2.54", "healthy": False, "rtt_ms": None}],
              "queries": 20, "hits": 10, "synthesized": 5,
              "cache": {"entries": 7, "bytes": 1536, "limit": 33554432}},
    "ra": [{"interface": "br0", "state": "advertising", "sent": 9, "solicited": 2, "next_s": 95},
           {"interface": "br1", "state": "waiting", "sent": 0, "solicited": 0, "next_s": None,
            "withheld": [{"plane": "nat64", "again_s": 7}, {"plane": "dns64", "again_s": None}]}],
}
STATUS_TEXT = """\
DEGRADED: dns64: port 53 is taken by a.service (stop it)
          ra: br1 is missing
v6gwd 9.9, up 3d 4h; /etc/v6gwd.conf loaded 2026-11-21T10:00:00+01:00, a newer one was refused (v6gwd --check)

nat64   prefix     64:ff9b::/96 on nat64
        addresses  192.168.255.1, 64:ff9b::192.168.255.1
        pool       192.168.255.0/24, 12 of 253 used
        mappings   10 active, 2 dormant, 1 static
        packets    1.2M IPv6 to IPv4, 99999 IPv4 to IPv6, 3 dropped
        masquerade auto, in place
        offload    off (not built in)
        fastpath   off

dns64   listen     2001:db8::1
                   fe80::1%br0
        forwarders 192.0.2.53, healthy, 4 ms
                   192.0.2.54, silent
        queries    20, 10 from the cache, 5 synthesized
        cache      7 entries, 1.5 KiB of 32 MiB

ra      br0        advertising, 9 sent, 2 of them solicited, next in 1m 35s
        br1        waiting, 0 sent, 0 of them solicited
                   nat64 is not announced yet: it has to prove itself again
                   dns64 is not announced: it does not work
"""
ADVERTISEMENT = {
    "managed": False, "other": True, "preference": "high", "lifetime_s": 1800, "hop_limit": 64, "reachable_ms": 0,
    "retrans_ms": 1000, "mtu": 1500, "mac": "52:54:00:00:00:01", "messages": 2,
    "prefixes": [{"prefix": "2001:db8:1:2::/64", "on_link": True, "autonomous": True, "router_address": "2001:db8:1:2::1",
                  "valid_s": None, "preferred_s": 14400, "withdrawn": False},
                 {"prefix": "2001:db8:5::/64", "on_link": True, "autonomous": False, "router_address": None,
                  "valid_s": 7200, "preferred_s": 0, "withdrawn": True}],
    "routes": [{"prefix": "64:ff9b::/96", "preference": "medium", "lifetime_s": 1800, "withdrawn": False},
               {"prefix": "64:ff9b::c0a8:100/120", "preference": "low", "lifetime_s": None, "withdrawn": False}],
    "rdnss": [{"server": "2001:db8:1:2::1", "lifetime_s": 1800, "withdrawn": False},
              {"server": "64:ff9b::808:808", "lifetime_s": 0, "withdrawn": True}],
    "dnssl": [{"domain": "vm.example", "lifetime_s": 1800, "withdrawn": False}],
    "pref64": [{"prefix": "64:ff9b::/96", "lifetime_s": 1800, "withdrawn": False}],
    "captive_portal": [{"uri": "https://portal.example/", "withdrawn": False}],
}
RA = {"interfaces": [
    {"interface": "br0", "state": "steady", "sent": 9, "solicited": 2, "next_s": 95, "source": "fe80::1", "withdrawing": 2,
     "withheld": [{"plane": "nat64", "again_s": 7}, {"plane": "dns64", "again_s": None}], "last_s": 12, "solicited_s": 61,
     "min_interval_s": 198, "max_interval_s": 600, "advertisement": ADVERTISEMENT,
     "counters": {"ra.ra_tx": 9, "ra.ra_own": 0, "ra.rs_rx": 2},
     "routers": [{"source": "fe80::2", "mac": "52:54:00:00:00:02", "lifetime_s": 1800, "preference": "medium",
                  "prefixes": ["2001:db8:1:2::/64", "2001:db8:9::/64"], "heard": 3, "heard_s": 4,
                  "differs": ["mtu", "pref64\x1b"]},
                 {"source": "fe80::3", "mac": None, "lifetime_s": 0, "preference": "medium", "prefixes": ["fd00::/64"], "heard": 1,
                  "heard_s": 600, "differs": []}]},
    {"interface": "br1", "state": "no carrier", "sent": 0, "solicited": 0, "next_s": None, "withdrawing": 0, "withheld": [],
     "last_s": None, "solicited_s": None, "min_interval_s": 3, "max_interval_s": 4, "advertisement": None, "counters": {},
     "routers": []}]}
RA_TEXT = """\
br0  steady, from fe80::1 (52:54:00:00:00:01)
  next        in 1m 35s, every 3m 18s to 10m
  last        12s ago
  asked       1m 1s ago
  sent        9, 2 of them solicited
  withheld    nat64: it works again, announced in 7s
  withheld    dns64: it does not work
  router      default for 30m, preference high
  hosts       DHCPv6 for the rest (O), hop limit 64, reachable 0 ms, retrans 1000 ms, mtu 1500
  prefix      2001:db8:1:2::/64, on-link, autonomous, valid for ever, preferred 4h, router 2001:db8:1:2::1
  prefix      2001:db8:5::/64, on-link, valid 2h, preferred 0s, withdrawn
  route       64:ff9b::/96, 30m, preference medium
  route       64:ff9b::192.168.1.0/120, for ever, preference low
  resolver    2001:db8:1:2::1, 30m
  resolver    64:ff9b::8.8.8.8, 0s, withdrawn
  domain      vm.example, 30m
  pref64      64:ff9b::/96, 30m
  portal      https://portal.example/
  messages    2
  counter     ra.ra_tx 9
  counter     ra.rs_rx 2

OTHER ROUTER  MAC                LIFETIME  PREFERENCE  HEARD  AGO  CONTRADICTS   PREFIXES
fe80::2       52:54:00:00:00:02       30m  medium          3   4s  mtu, pref64?  2001:db8:1:2::/64, 2001:db8:9::/64
fe80::3       -                        0s  medium          1  10m                fd00::/64

br1  no carrier
  sent        0, 0 of them solicited
"""
ROWS = [
    {"mac": "52:54:00:ab:cd:01", "ipv6": "2001:db8::25", "ipv4": "192.168.255.2", "name": "mail\x9b\x1b[2J", "state": "active",
     "age_s": 7440, "idle_s": 0, "packets": {"v6_to_v4": 12, "v4_to_v6": 100000}, "bytes": {"v6_to_v4": 1023, "v4_to_v6": 1 << 30}},
    {"mac": None, "ipv6": "64:ff9b::102:304", "ipv4": "192.168.255.30", "name": "", "state": "dormant",
     "age_s": 90, "idle_s": None, "packets": {"v6_to_v4": 0, "v4_to_v6": 0}, "bytes": {"v6_to_v4": 0, "v4_to_v6": 0}},
]
ROWS_TEXT = """\
MAC                IPv6              IPv4            NAME       STATE       AGE  IDLE  6>4 PKTS  6>4 BYTES  4>6 PKTS  4>6 BYTES
52:54:00:ab:cd:01  2001:db8::25      192.168.255.2   mail??[2J  active    2h 4m    0s        12     1023 B      100k    1.0 GiB
-                  64:ff9b::1.2.3.4  192.168.255.30             dormant  1m 30s     -         0        0 B         0        0 B
"""
COUNTERS = {"counters": [
    {"name": "nat64.drop.hop_limit", "value": 7, "text": "Hop limit reached 0.", "rfc": "RFC 7915 5.1"},
    {"name": "dns64.queries", "value": 0, "text": "Questions.", "rfc": ""}]}
ERRORS = {"errors": [{"file": "v6gwd.conf", "line": 3, "key": "nat64.mtu", "text": "too small", "hint": "at least 1280",
                      "source": "  mtu = 3;"}, {"text": "no memory"}]}


DNS = {"prefix": "64:ff9b::/96", "dnssec": "pass", "allow_query": ["fe80::/10"], "clients": [], "destinations": ["global"],
       "listen": [{"address": "::1", "bound": True}, {"address": "::2", "bound": False}],
       "forwarders": [
           {"zone": None, "address": "::53", "healthy": True, "rtt_ms": 3, "asked": 5, "answered": 4, "timeouts": 1,
            "errors": 0, "edns": True, "mixed_case": True, "avoided": False, "probe_ms": None},
           {"zone": "x", "address": "::54", "healthy": False, "rtt_ms": None, "asked": 0, "answered": 0, "timeouts": 0,
            "errors": 0, "edns": False, "mixed_case": True, "avoided": True, "probe_ms": 400}],
       "cache": {"entries": 2, "bytes": 100, "limit": 1024}, "hit_percent": 50, "in_flight": 1, "asked_in_flight": 2,
       "tcp_clients": 3, "tcp_clients_limit": 150,
       "counters": [{"name": "dns64.hits", "value": 1, "text": "Hits.", "rfc": ""},
                    {"name": "dns64.none", "value": 0, "text": "None.", "rfc": ""}]}
DNS_TEXT = """\
listen      ::1
            ::2 (not bound)
prefix      64:ff9b::/96
dnssec      pass
may ask     fe80::/10
synthesis   none
to          global
cache       2 entries, 100 B of 1.0 KiB, answers 50 %
now         1 questions wait, 2 asked of forwarders; 3 of 150 TCP clients

FORWARDER  ZONE   RTT  ASKED  ANSWERED  TIMEOUTS  ERRORS  STATE
::53             3 ms      5         4         1       0  healthy
::54       x        -      0         0         0       0  silent, no EDNS, useless answers, probed in 400 ms

VALUE  COUNTER     MEANING
    1  dns64.hits  Hits.
"""
ANSWER = {"name": "a.x", "type": "MX", "as": "2001:db8::25", "mac": "52:54:00:00:00:01", "rcode": "NOERROR",
          "flags": ["qr", "ra"], "extended_errors": [{"code": 3, "text": "Stale Answer"}],
          "answer": [{"name": "a.x", "ttl": 5, "type": "MX", "data": "1 b."}],
          "authority": [{"name": ".", "ttl": 6, "type": "NS", "data": "c."}], "took_ms": 7,
          "steps": [{"id": "one", "text": "One\x1b", "rfc": ""}, {"id": "two", "text": "Two", "rfc": "RFC 1"}],
          "steps_left_out": 4}
ANSWER_TEXT = """\
a.x MX, asked as 2001:db8::25 (52:54:00:00:00:01)
NOERROR, flags qr ra, 7 ms
extended error 3 (Stale Answer)

Answer:
a.x. 5 IN MX 1 b.

Authority:
. 6 IN NS c.

Why:
  1. One?
  2. Two  [RFC 1]
     (4 more before the last)
"""


class Server:
    """Answers each connection with what it is told, and keeps the request."""

    def __init__(self, path, *replies, early=False):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.replies, self.early, self.request = replies, early, None
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        peer = self.listener.accept()[0]
        data = b""
        while not self.early and not data.endswith(b"\0"):
            data += peer.recv(65536)
        self.request = json.loads(data[:-1]) if data else None
        for reply in self.replies:
            peer.sendall(reply if isinstance(reply, bytes) else json.dumps(reply).encode() + b"\0")
        peer.close()

    def close(self):
        self.thread.join()
        self.listener.close()


class CtlTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="v6gwctl-")
        self.path = self.directory.name + "/sock"

    def tearDown(self):
        self.directory.cleanup()

    def run_ctl(self, *args, stdout=subprocess.PIPE):
        done = subprocess.run([CTL, *args], stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=20)
        return done.returncode, done.stdout, done.stderr

    def ask(self, args, *replies, **options):
        server = Server(self.path, *replies, **options)
        try:
            return self.run_ctl("-s", self.path, *args), server
        finally:
            server.close()
            os.unlink(self.path)

    def check(self, args, replies, code, out, err=""):
        result, server = self.ask(args, *replies)
        self.assertEqual(result, (code, out, err))
        return server.request

    def test_status(self):
        request = self.check(["status"], [{"parameters": STATUS}], 0, STATUS_TEXT)
        self.assertEqual(request, {"method": "io.v6gwd.Control.GetStatus", "parameters": {}})
        (code, out, _), _ = self.ask(["--json", "status"], {"parameters": STATUS})
        self.assertEqual((code, out.count("\n"), json.loads(out)), (0, 1, STATUS))

    def test_status_of_little(self):
        """What is not there is not needed."""
        little = {"version": "1", "uptime_s": 5, "health": {"state": "ok", "reasons": []}, "config": {"file": "f"}}
        self.check(["status"], [{"parameters": little}], 0,
                   "OK\nv6gwd 1, up 5s; f\n\nnat64   disabled\n\ndns64   disabled\n\nra      none\n")
        little["health"]["state"] = "failed"
        (code, out, _), _ = self.ask(["status"], {"parameters": little})
        self.assertEqual((code, out.split("\n")[0]), (0, "FAILED"))
        (code, out, _), _ = self.ask(["status"], {"parameters": {}})
        self.assertEqual((code, out.split("\n")[0]), (0, "UNKNOWN"))

    def test_ra(self):
        request = self.check(["ra"], [{"parameters": RA}], 0, RA_TEXT)
        self.assertEqual(request, {"method": "io.v6gwd.Control.GetRa", "parameters": {}})
        (code, out, _), _ = self.ask(["ra", "--json"], {"parameters": RA})
        self.assertEqual((code, json.loads(out)), (0, RA))
        self.check(["ra"], [{"parameters": {"interfaces": []}}], 0, "no advertisements: ra = ( ), or no interface for them yet (v6gwctl status)\n")
        (code, out, _), _ = self.ask(["ra"], {"parameters": {"interfaces": [{}]}})
        self.assertEqual(code, 0)

    def test_mappings(self):
        stream = [{"parameters": ROWS[0], "continues": True}, {"parameters": ROWS[1]}]
        request = self.check(["mappings"], stream, 0, ROWS_TEXT)
        self.assertIs(request["more"], True)
        (code, out, _), _ = self.ask(["mappings", "--json"], *stream)
        self.assertEqual((code, [json.loads(line) for line in out.splitlines()]), (0, ROWS))
        self.check(["mappings"], [{"parameters": {}}], 0, "no mappings\n")
        self.check(["mappings", "--json"], [{"parameters": {}}], 0, "")

    def test_counters(self):
        row = "    7  nat64.drop.hop_limit  RFC 7915 5.1  Hop limit reached 0.\n"
        self.check(["counters", "--nonzero"], [{"parameters": COUNTERS}], 0,
                   "VALUE  COUNTER               SOURCE        MEANING\n" + row)
        (_, out, _), _ = self.ask(["counters"], {"parameters": COUNTERS})
        self.assertIn("    0  dns64.queries                       Questions.\n", out)

    def test_dns(self):
        self.check(["dns"], [{"parameters": DNS}], 0, DNS_TEXT)
        request = self.check(["dns", "query", "a.x", "mx", "--as", "2001:db8::25", "--do"], [{"parameters": ANSWER}], 0,
                             ANSWER_TEXT)
        self.assertEqual(request, {"method": "io.v6gwd.Control.QueryDns", "parameters": {
            "name": "a.x", "type": "mx", "as": "2001:db8::25", "do": True, "cd": False}})
        request = self.check(["dns", "query", "a.x", "--json"], [{"parameters": {}}], 0, "{}\n")
        self.assertEqual(request["parameters"], {"name": "a.x", "do": False, "cd": False})
        self.check(["dns", "query", "a.x"], [{"parameters": {}}], 0,
                   " , asked as \nno answer, flags, 0 ms\n\nWhy:\n")
        for args in (["dns", "query"], ["dns", "query", "a..b"], ["dns", "query", "a", "NOTYPE"], ["dns", "x"],
                     ["dns", "query", "a", "A", "b"], ["dns", "query", "a", "--as", "a"], ["dns", "--do"]):
            self.assertEqual(self.run_ctl(*args)[0], 2, args)

    def test_monitor(self):
        stream = [{"parameters": {"time": "2026-01-31T12:00:00.123Z", "plane": "nat64", "event": "mapping_made", "level": "info",
                                  "text": "mapping\x1b"}, "continues": True},
                  {"parameters": {"time": "2026-01-31T12:00:01.000Z", "plane": "gateway", "event": "lost", "level": "warning",
                                  "text": "3 events were lost", "n": 3}, "continues": True}]
        lines = ("2026-01-31T12:00:00.123Z  nat64    mapping?\n"
                 "2026-01-31T12:00:01.000Z  gateway  3 events were lost\n")
        gone = "v6gwctl: v6gwd closed the connection\n"
        request = self.check(["monitor"], stream, 1, lines, gone)
        self.assertEqual(request, {"method": "io.v6gwd.Control.Monitor", "parameters": {"queries": False}, "more": True})
        (code, out, _), server = self.ask(["monitor", "--queries", "--json"], *stream)
        self.assertEqual([json.loads(line) for line in out.splitlines()], [reply["parameters"] for reply in stream])
        self.assertTrue(server.request["parameters"]["queries"])
        for args in (["monitor", "x"], ["status", "--queries"], ["monitor", "--as", "::1"]):
            self.assertEqual(self.run_ctl(*args)[0], 2, args)

    def test_texts(self):
        self.check(["config"], [{"parameters": {"text": "a = 1;\n\tb\n"}}], 0, "a = 1;\n\tb\n")
        self.check(["metrics"], [{"parameters": {"text": "# EOF\n"}}], 0, "# EOF\n")

    def test_changes(self):
        request = self.check(["drop", "2001:db8::25"], [{"parameters": {}}], 0, "")
        self.assertEqual(request, {"method": "io.v6gwd.Control.DropMapping", "parameters": {"ipv6": "2001:db8::25"}})
        request = self.check(["log-level", "debug"], [{"parameters": {}}], 0, "")
        self.assertEqual(request["parameters"], {"level": "debug"})
        request = self.check(["flush", "dns"], [{"parameters": {}}], 0, "")
        self.assertEqual(request["method"], "io.v6gwd.Control.FlushDns")

    def test_reload(self):
        self.check(["reload"], [{"parameters": {"warnings": []}}], 0, "")
        self.check(["reload"], [{"parameters": {"warnings": [{"text": "hm"}]}}], 0, "", "hm\n")
        errors = "v6gwd.conf:3: nat64.mtu: too small (at least 1280)\n    ??mtu = 3;\nno memory\n".replace("??", "  ")
        refusal = {"error": "io.v6gwd.Control.ReloadFailed", "parameters": ERRORS}
        self.check(["reload"], [refusal], 1, "", errors + "v6gwctl: the old configuration stays in force\n")
        (code, out, _), _ = self.ask(["reload", "--json"], refusal)
        self.assertEqual((code, json.loads(out)), (1, ERRORS))

    def test_refusals(self):
        for name, parameters, code, text in (
                ("io.v6gwd.Control.NotPermitted", {}, 4, "not permitted"),
                ("org.varlink.service.MethodNotImplemented", {"method": "x.Y"}, 1, "does not answer x.Y"),
                ("org.varlink.service.MethodNotFound", {"method": "x.Y"}, 1, "does not know x.Y"),
                ("io.v6gwd.Control.NoSuchMapping", {"ipv6": "::5"}, 1, "address ::5"),
                ("io.v6gwd.Control.New", {}, 1, "io.v6gwd.Control.New")):
            result, _ = self.ask(["status"], {"error": name, "parameters": parameters})
            self.assertEqual(result[:2], (code, ""))
            self.assertIn(text, result[2])

    def test_turned_away(self):
        """The answer is there before the question, which cannot be sent any more."""
        result, _ = self.ask(["status"], {"error": "io.v6gwd.Control.NotPermitted", "parameters": {}}, early=True)
        self.assertEqual(result[:2], (4, ""))

    def test_broken_answers(self):
        for reply in (b"", b"{\"parameters\":", b"hello\0", b"[]\0"):
            result, _ = self.ask(["status"], reply)
            self.assertEqual(result[:2], (1, ""))
            self.assertTrue(result[2].startswith("v6gwctl: "))

    def test_not_running(self):
        self.assertEqual(self.run_ctl("-s", self.path, "status")[0], 3)
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(self.path)
        stale.close()
        self.assertEqual(self.run_ctl("--socket=" + self.path, "status")[0], 3)

    def test_usage(self):
        for args in ([], ["nothing"], ["flush"], ["flush", "all"], ["drop"], ["drop", "192.0.2.1"], ["drop", "::1", "x"],
                     ["status", "x"], ["log-level", "loud"], ["--bad"], ["-s"], ["status", "--nonzero"]):
            code, out, err = self.run_ctl(*args)
            self.assertEqual((code, out), (2, ""), args)
            self.assertIn("v6gwctl", err)
        self.assertEqual(self.run_ctl("--help")[0], 0)
        self.assertRegex(self.run_ctl("-V")[1], r"^v6gwctl \d")

    def test_full_disk(self):
        server = Server(self.path, {"parameters": {"text": "x"}})
        with open("/dev/full", "w", encoding="utf-8") as full:
            self.assertEqual(self.run_ctl("-s", self.path, "config", stdout=full)[0], 1)
        server.close()

    def on_terminal(self, **environment):
        server = Server(self.path, {"parameters": STATUS})
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.pop("NO_COLOR", None)
            os.environ.update(TERM="xterm", **environment)
            os.execv(CTL, [CTL, "-s", self.path, "status"])
        out = b""
        try:
            while chunk := os.read(terminal, 4096):
                out += chunk
        except OSError:  # the terminal's other end is gone
            pass
        os.close(terminal)
        os.waitpid(pid, 0)
        server.close()
        os.unlink(self.path)
        return out

    def test_colour(self):
        self.assertTrue(self.on_terminal().startswith(b"\x1b[1;33mDEGRADED\x1b[0m: "))
        self.assertTrue(self.on_terminal(NO_COLOR="1").startswith(b"DEGRADED: "))

    def complete(self, *words, last=""):
        """What bash offers for the last word."""
        script = pathlib.Path(MAN).parent.parent / "completion/v6gwctl.bash"
        done = subprocess.run(
            ["bash", "-euc", '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _v6gwctl; printf "%s\\n" "${COMPREPLY[@]}"',
             "bash", script, CTL, *words, last], capture_output=True, text=True, timeout=20, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout.split()

    @unittest.skipUnless(os.path.exists("/bin/bash"), "no bash")
    def test_completion(self):
        rows = [line.split("\t") for line in self.run_ctl("--complete")[1].splitlines()]
        commands = {row[0].split()[0] for row in rows if not row[0].startswith("-")}
        self.assertEqual(set(self.complete()), commands)
        self.assertEqual(set(self.complete("--json", "-s", "/x")), commands)
        self.assertEqual(self.complete(last="mo"), ["monitor"])
        self.assertEqual(self.complete("dns"), ["query"])
        self.assertEqual(self.complete("flush"), ["dns"])
        self.assertEqual(self.complete("log-level", last="no"), ["notice"])
        self.assertEqual(self.complete("status"), [])
        self.assertEqual(self.complete("log-level", "info"), [])
        self.assertEqual(self.complete("dns", "query", "a.x", last="--"),
                         sorted(r[0] for r in rows if r[0].startswith("--") and r[3] in ("", "dns query")))
        self.assertEqual(self.complete("counters", last="--n"), ["--nonzero"])
        self.assertEqual(self.complete("status", last="--n"), [])
        self.assertEqual(self.complete("import", "--tayga", last=MAN[:-3]), [MAN])
        self.assertEqual(self.complete("dns", "query", "--as"), [])

    def test_man_page(self):
        """Every command, argument and option stands in it."""
        man = pathlib.Path(MAN).read_text(encoding="utf-8")
        helped = self.run_ctl("--help")[1]
        for line in self.run_ctl("--complete")[1].splitlines():
            name, argument, text, goes_with = line.split("\t")
            self.assertTrue(text)
            self.assertIn(f"*{name}*" + (f" _{argument}_" if argument else ""), man)
            self.assertIn(f"{name} {argument}".rstrip(), helped)
            if name.startswith("--") and goes_with:
                self.assertRegex(man, rf"(?m)^.*\*{name}\*.*\n\t\*{goes_with}\*: ")
        for option in ("-s", "-h", "-V"):
            self.assertIn(f"*{option}*", man)

    DOCTOR = [{"id": "config", "plane": "gateway", "checks": "x", "state": "ok", "text": "in force", "remedy": "", "clause": ""},
              {"id": "radvd", "plane": "ra", "checks": "x", "state": "skipped", "text": "needs root", "remedy": "", "clause": ""},
              {"id": "filter-ipv4", "plane": "nat64", "checks": "x", "state": "broken", "text": "dropped\x1b",
               "remedy": "a line\nanother", "clause": ""}]

    def doctor(self, whole, *words):
        rows = self.DOCTOR + [whole]
        result, server = self.ask(["doctor", *words], b"".join(
            json.dumps({"parameters": row, "continues": row is not whole}).encode() + b"\0" for row in rows))
        return result, server.request

    def test_doctor(self):
        broken = {"result": "broken", "first": "filter-ipv4", "text": "dropped", "remedy": "a line\nanother"}
        (code, out, err), request = self.doctor(broken, "2001:db8::1", "a.example")
        self.assertEqual((code, err), (5, ""))
        self.assertEqual(out, """\
ok     config           in force
-      radvd            needs root
BROKEN filter-ipv4      dropped?
                        a line
                        another

first broken link: filter-ipv4: dropped
remedy: a line
        another
""")
        self.assertTrue(request["more"])
        self.assertEqual(request["parameters"]["guest"], "2001:db8::1")
        self.assertEqual(request["parameters"]["target"], "a.example")
        self.assertEqual(self.doctor(broken, "--json")[0][0], 5)
        long = {"result": "broken", "first": "mtu", "text": "narrow", "remedy": "x" * 400 + "\ny"}
        self.assertIn("remedy: " + "x" * 400 + "\n        y\n", self.doctor(long)[0][1])
        doubt = {"result": "warn", "first": "mtu", "text": "narrow", "remedy": ""}
        (code, out, _), request = self.doctor(doubt, "64:ff9b::1.2.3.4")
        self.assertEqual(code, 0)
        self.assertTrue(out.endswith("\nfirst doubt: mtu: narrow\n"))
        self.assertEqual(request["parameters"]["target"], "64:ff9b::1.2.3.4")
        self.assertNotIn("guest", request["parameters"])
        well = {"result": "ok", "first": None, "text": "", "remedy": ""}
        (code, out, _), request = self.doctor(well)
        self.assertEqual((code, out.splitlines()[-1]), (0, "OK: no broken link"))
        for guest, *target in (["52:54:00:ab:cd:01"], ["mail", "b.example"], ["192.168.255.2", "64:ff9b::1.2.3.4"]):
            _, request = self.doctor(well, guest, *target)
            self.assertEqual(request["parameters"]["guest"], guest)
            self.assertEqual(request["parameters"].get("target"), target[0] if target else None)
        self.assertEqual(self.run_ctl("doctor", "mail", "b.example", "c.example")[0], 2)
        self.assertEqual(self.run_ctl("doctor", "::1", "a..b")[0], 2)
        self.assertEqual(self.run_ctl("-s", self.path, "doctor")[0], 3)

    def test_steps_of_the_doctor(self):
        """The table and the man page say the same, in the same order."""
        table = (pathlib.Path(MAN).parents[1] / "lib/doctor/steps.h").read_text(encoding="utf-8")
        rows = re.findall(r'X\((?!NAME)\w+,\s*"([^"]+)",\s*"[^"]+",\s*((?:"[^"]*"\s*)+),\s*"([^"]*)"\)',
                          table.replace("\\\n", "\n"))
        self.assertGreater(len(rows), 20)
        man = pathlib.Path(MAN).read_text(encoding="utf-8").split("# STEPS OF THE DOCTOR")[1].split("\n# ")[0]
        entries = re.findall(r"^\*([a-z0-9-]+)\*\n((?:\t.*\n)+)", man, re.M)
        self.assertEqual([e[0] for e in entries], [r[0] for r in rows])
        for (_, entry), (_, text, clause) in zip(entries, rows):
            words = "".join(re.findall(r'"([^"]*)"', text)) + (f" ({clause})" if clause else "") + "."
            self.assertEqual(" ".join(entry.replace("\\", "").split()).lower(), words.lower())


unittest.main(verbosity=1)
