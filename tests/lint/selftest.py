#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lints find what they are for: a toy tree with one fault each, and a clean one."""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
LICENCE = "/* SPDX-License-Identifier: GPL-3.0-or-later */\n"
LONG = "int f(void)\n{\n" + "\tf();\n" * 61 + "}\n"
DEEP = "int f(void)\n{\n" + "".join("\t" * (i + 1) + "if (f())\n" for i in range(4)) + "}\n"
RA = "## Router advertisements\n"
# Lint, file, text, what is said of it ("": nothing).
CASES = [
    ("layers", "lib/nat64/a.c", '#include "base/b.h"\n', ""),
    ("layers", "lib/other/a.c", "", "not in LAYERS"),
    ("layers", "lib/base/a.c", '#include "nat64/n.h"\n', "may not include lib/nat64/n.h"),
    ("layers", "lib/dns/a.c", '#include "nat64/n.h"\n', "may not include lib/nat64/n.h"),
    ("layers", "daemon/io/tun.c", '#include "daemon/io/nft.h"\n', "may not include daemon/io/nft.h"),
    ("layers", "daemon/gateway.c", '#include "daemon/io/nft.h"\n', ""),
    ("layers", "lib/base/a.c", "#include <time.h>\n", "lib/ is pure"),
    ("layers", "daemon/io/tun.c", "#include <ares.h>\n", "belongs to"),
    ("layers", "lib/base/a.c", '#include "nowhere.h"\n', "unknown header"),
    ("layers", "lib/base/b.h", '#include "c.h"\n', "in a circle"),
    ("text", "lib/base/a.c", LICENCE + "int a;\n", ""),
    ("text", "lib/base/a.c", "int a;\n", "no licence line"),
    ("text", "lib/base/a.c", LICENCE + "int a; \n", "white space"),
    ("text", "lib/base/a.c", LICENCE + "/* /" + "work/x */\n", "unwanted"),
    ("text", "lib/base/a.c", LICENCE + LONG, "a function of 61 lines"),
    ("text", "lib/base/a.c", LICENCE + DEEP, "nested deeper"),
    ("text", "lib/base/a.c", LICENCE + "static int f(int a);\n", "declared before"),
    ("items", "docs/rfc.md", "## NAT64\n| 1 | - | `nowhere` |\n", "there is no test vectors/nowhere"),
    ("items", "docs/rfc.md", "## NAT64\n| 1 | - | by eye |\n", "no test, and no reason"),
    ("items", "docs/rfc.md", "## NAT64\n| 1 | - | not applicable: so |\n", "NAT64 2: the table does not have it"),
    ("items", "docs/rfc.md", "## NAT64\n| 1 | - | not applicable: so |\n", "advertisements I01: the table does not have"),
    ("items", "docs/rfc.md", RA + "| A03-A05, B01 | - | - | by eye |\n", "no test, and no reason"),
    ("items", "docs/rfc.md", RA + "| A03-A05 | - | - | not yet: x |\n| A05 | - | - | not yet: x |\n", "A05 is there twice"),
    ("items", "docs/rfc.md", RA + "| A03 | - | - | net_nowhere {x} |\n", "there is no test net/None/test_x"),
    ("mutations", "tests/mutations/a.list", "tests: a\nlib/base/c.h\n- int a;\n+ int b;\n", "has no line: int a;"),
    ("mutations", "tests/mutations/a.list", "tests: a\n", "there is no test a"),
    ("mutations", "tests/mutations/a.list", "tests: replay_a\n", "there is no test replay_a"),
    ("mutations", "tests/mutations/a.list", "lib/base/c.h\n", "no line `tests:"),
]

bad = 0
for lint, file, text, expected in CASES:
    with tempfile.TemporaryDirectory() as root:
        toy = {"lib/base/b.h": "", "lib/base/c.h": '#include "b.h"\n' if "c.h" in text else "",
               "lib/nat64/n.h": "", "daemon/io/nft.h": "", file: text}
        for name, content in toy.items():
            path = pathlib.Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if content or lint == "layers" else LICENCE)
        done = subprocess.run([sys.executable, HERE / f"{lint}.py"], env={**os.environ, "LINT_ROOT": root},
                              capture_output=True, text=True, check=False)
    if (expected not in done.stdout) if expected else done.returncode:
        bad += 1
        print(f"{lint}, {file}, {text[:60]!r}: expected {expected!r}, said {done.stdout + done.stderr!r}")
sys.exit(bad > 0)
