#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell scripts satisfy shellcheck, and the Python ones compile."""
import ast
import subprocess

from tree import ROOT, files, finish, text_of

shell, bad = [], []
for path in files():
    text = text_of(path) or ""
    if text.startswith("#!") and "sh" in text.splitlines()[0].rsplit("/", 1)[-1]:
        shell.append(str(path))
    if path.suffix == ".py":
        try:
            ast.parse(text)
        except SyntaxError as error:
            bad.append(f"{path}:{error.lineno}: {error.msg}")
done = subprocess.run(["shellcheck", "-x", "-f", "gcc", *shell], cwd=ROOT, check=False, capture_output=True, text=True)
finish(bad + done.stdout.splitlines() + done.stderr.splitlines())
