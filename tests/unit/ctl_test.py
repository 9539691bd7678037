#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""ctl_test.py V6GWCTL MANPAGE: the real v6gwctl against a server made up here."""
import json
import os
import pathlib
import pty
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
           {"interface": "br1", "state": "waiting", "sent": 0, "solicited": 0, "next_s": None}],
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
"""
ROWS = [
    {"mac": "52:54:00:ab:cd:01", "ipv6": "2001:db8::25", "ipv4": "192.168.255.2", "name": "mail\x1b[2J", "state": "active",
     "age_s": 7440, "idle_s": 0, "packets": {"v6_to_v4": 12, "v4_to_v6": 100000}, "bytes": {"v6_to_v4": 1023, "v4_to_v6": 1 << 30}},
    {"mac": None, "ipv6": "64:ff9b::102:304", "ipv4": "192.168.255.30", "name": "", "state": "dormant",
     "age_s": 90, "idle_s": None, "packets": {"v6_to_v4": 0, "v4_to_v6": 0}, "bytes": {"v6_to_v4": 0, "v4_to_v6": 0}},
]
ROWS_TEXT = """\
MAC                IPv6              IPv4            NAME      STATE       AGE  IDLE  6>4 PKTS  6>4 BYTES  4>6 PKTS  4>6 BYTES
52:54:00:ab:cd:01  2001:db8::25      192.168.255.2   mail?[2J  active    2h 4m    0s        12     1023 B      100k    1.0 GiB
-                  64:ff9b::1.2.3.4  192.168.255.30            dormant  1m 30s     -         0        0 B         0        0 B
"""
COUNTERS = {"counters": [
    {"name": "nat64.drop.hop_limit", "value": 7, "text": "Hop limit reached 0.", "rfc": "RFC 7915 5.1"},
    {"name": "dns64.queries", "value": 0, "text": "Questions.", "rfc": ""}]}
ERRORS = {"errors": [{"file": "v6gwd.conf", "line": 3, "key": "nat64.mtu", "text": "too small", "hint": "at least 1280",
                      "source": "  mtu = 3;"}, {"text": "no memory"}]}


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

    def test_man_page(self):
        """Every command, argument and option stands in it."""
        man = pathlib.Path(MAN).read_text(encoding="utf-8")
        for line in self.run_ctl("--complete")[1].splitlines():
            name, argument, text = line.split("\t")
            self.assertTrue(text)
            self.assertIn(f"*{name}*" + (f" _{argument}_" if argument else ""), man)
        for option in ("-s", "--socket", "--json", "--nonzero", "--tayga", "--bind", "--unbound", "--radvd", "--leases", "-h", "--help", "-V", "--version"):
            self.assertIn(f"*{option}*", man)


unittest.main(verbosity=1)
