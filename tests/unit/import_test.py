#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""import_test.py V6GWCTL V6GWD VECTORS: v6gwctl import of each directory of VECTORS prints its file
`expect`, which v6gwd --check accepts; V6GW_WRITE=1 in the environment writes `expect` anew."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

CTL, DAEMON, VECTORS = (pathlib.Path(arg).resolve() for arg in sys.argv[1:4])
del sys.argv[1:]
FILES = {"--tayga": "tayga.conf", "--bind": "named.conf", "--unbound": "unbound.conf", "--radvd": "radvd.conf"}


def run(*args, cwd=None, text=None):
    done = subprocess.run(args, cwd=cwd, input=text, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def import_in(folder):
    args = [word for option, name in FILES.items() if (folder / name).exists() for word in (option, name)]
    return run(CTL, "import", *args, cwd=folder)


def statements(text):
    """The lines that say something, without where it comes from."""
    return [line.split(" # ")[0].strip() for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]


class ImportTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="v6gwctl-")
        self.dir = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def put(self, name, text):
        path = self.dir / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_vectors(self):
        folders = sorted(path for path in VECTORS.iterdir() if path.is_dir())
        self.assertGreaterEqual(len(folders), 25)
        for folder in folders:
            with self.subTest(folder.name):
                code, out, err = import_in(folder)
                self.assertEqual((code, err), (0, ""))
                if os.environ.get("V6GW_WRITE"):
                    (folder / "expect").write_text(out, encoding="ascii")
                self.assertEqual(out, (folder / "expect").read_text(encoding="ascii"))
                self.assertEqual(run(DAEMON, "--check", "-c", "/dev/stdin", text=out), (0, "", ""))

    def test_every_statement_is_there(self):
        """A line of the old files is named behind a value or in a comment."""
        for name in ("guide", "bind-rich", "pfsense-unbound", "radvd-many", "tayga-fork", "radvd-example"):
            folder = VECTORS / name
            out = import_in(folder)[1]
            for file in FILES.values():
                if not (folder / file).exists():
                    continue
                for number, line in enumerate((folder / file).read_text().splitlines(), 1):
                    word = line.split("#")[0].split("//")[0].strip()
                    if len(word) > 2 and not word.startswith(("include", "options", "server:", "acl", "}", "/*", "map-file",
                                                              "name:", "AdvSendAdvert")):
                        self.assertIn(f"{file}:{number}: ", out, word)

    def test_the_guide(self):
        out = statements(import_in(VECTORS / "guide")[1])
        for line in ('interface = [ "br0" ];', 'device = "nat64";', 'prefix = "64:ff9b::/96";', '"!2001:db8:1:2::25",',
                     'ipv4_address = "192.168.255.1";', 'dynamic_pool = [ "192.168.255.0/24" ];', 'preference = "high";',
                     'allow_query = [ "localnets" ];', 'listen = [ "auto" ];', 'router_address = true;', 'valid = "infinity";',
                     'router_lifetime = "0s";', 'dnssl = ( );', 'pref64 = ( );', 'interface = "eth1";'):
            self.assertIn(line, out)
        self.assertNotIn("enabled = false;", out)

    def test_unreadable(self):
        radvd = self.put("radvd.conf", "interface br0 { AdvSendAdvert on; };\n")
        for args in (["--radvd", "/nonexistent"], ["--tayga", str(self.dir)], ["--bind", "/nonexistent", "--radvd", radvd],
                     ["--leases", "/nonexistent"], ["--unbound", "/dev/zero"]):
            code, out, err = run(CTL, "import", *args)
            self.assertEqual((code, out), (1, ""), args)
            self.assertRegex(err, r"^v6gwctl: \S+: ")
        named = self.put("named.conf", 'include "missing";\noptions { forwarders { 192.0.2.1; }; };\n')
        code, out, err = run(CTL, "import", "--bind", named)
        self.assertEqual(code, 1)
        self.assertIn(f"# {named}:1: include \"missing\": cannot be read: No such file", out)
        self.assertIn('forwarders = [ "192.0.2.1" ];', statements(out))

    def test_includes(self):
        """Relative to the directory that the options name, or to the file; over and over is bounded."""
        (self.dir / "zones").mkdir()
        self.put("zones/a", "zone a { type forward; forwarders { 192.0.2.1; }; };\n")
        self.put("b", 'zone b { type forward; forwarders { 192.0.2.2; }; };\ninclude "b";\n')
        named = self.put("named.conf", f'options {{ directory "{self.dir}/zones"; }};\ninclude "a";\ninclude "b";\n')
        code, out, _ = run(CTL, "import", "--bind", named)
        self.assertEqual(code, 0)
        self.assertIn('name = "a";', statements(out))
        self.assertIn('name = "b";', statements(out))
        self.assertIn("files include each other too deeply", out)

    def test_what_is_no_file(self):
        """A pipe is not waited for, nor a device opened, because a file names it; who asks may name a pipe."""
        os.mkfifo(self.dir / "pipe")
        for name in ("pipe", "/dev/zero", "."):
            named = self.put("named.conf", f'include "{name}";\n')
            code, out, err = run(CTL, "import", "--bind", named)
            self.assertEqual(code, 1)
            self.assertIn(f'# {named}:1: include "{name}": cannot be read: is no file', out)
            self.assertIn("cannot be read: is no file", err)
        code, out, err = run(CTL, "import", "--bind", "/dev/stdin", text="options { forwarders { 192.0.2.1; }; };")
        self.assertEqual((code, err), (0, ""))
        self.assertIn('"192.0.2.1"', out)

    def test_leases(self):
        old = self.put("dynamic.map", "###\n# Last written\n192.168.255.233\t2001:db8:1::101\t1795289215\n"
                                      "192.168.255.234 2001:db8:1::102 1795289216\n")
        code, out, err = run(CTL, "import", "--leases", old)
        self.assertEqual((code, err), (0, ""))
        lines = out.splitlines()
        self.assertEqual(lines[0], "# v6gwd leases 1")
        self.assertRegex(lines[1], r"^192\.168\.255\.234 2001:db8:1::102 1795289216 [0-9a-f]{8}$")
        self.assertEqual(lines[-1], "# end 2")
        again = run(CTL, "import", "--leases", self.put("leases", out))
        self.assertEqual(again, (0, out, ""))
        damaged = self.put("damaged", "rubbish\n192.168.255.233 2001:db8:1::101 1795289215\n")
        code, out, err = run(CTL, "import", "--leases", damaged)
        self.assertEqual((code, out.splitlines()[-1]), (0, "# end 1"))
        self.assertIn("1 lines are no leases", err)

    def test_leases_beside_a_file(self):
        code, out, _ = run(CTL, "import", "--radvd", VECTORS / "crlf/radvd.conf", "--leases", "/var/lib/tayga/dynamic.map")
        self.assertEqual(code, 0)
        self.assertIn("v6gwctl import --leases /var/lib/tayga/dynamic.map >/var/lib/v6gwd/leases\n", out)

    def test_hostile(self):
        """Bounded, and told with its line."""
        deep = self.put("deep", "options { " * 10000 + "}; " * 10000)
        many = self.put("many", "".join(f'local-data: "n{i}.lan A 192.0.2.1"\n' for i in range(60000)))
        long = self.put("long", "\nprefix " + "a" * 100000 + "\nipv4-addr 192.168.255.1\n")
        for option, file, text in (("--bind", deep, f"{deep}:1: "), ("--unbound", many, f"{many}:50001: "),
                                   ("--tayga", long, f"{long}:2: ")):
            code, out, _ = run(CTL, "import", option, file)
            self.assertEqual(code, 0)
            self.assertIn(text, out)
            self.assertEqual(run(DAEMON, "--check", "-c", "/dev/stdin", text=out)[0], 0)

    def test_usage(self):
        for args in (["import", "x"], ["status", "--radvd", "x"], ["import", "--radvd"]):
            self.assertEqual(run(CTL, *args)[0], 2)


unittest.main(verbosity=1)
