#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The C files are as clang-format leaves them (.clang-format is for version 14)."""
import subprocess
import sys

from tree import ROOT, sources

names = [str(f) for f in sources("lib", "daemon", "tests")]
sys.exit(subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=ROOT, check=False).returncode)
