# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the project, for the lints: what a clone holds, without what a build leaves."""
import os
import pathlib
import sys

ROOT = pathlib.Path(os.environ.get("LINT_ROOT") or pathlib.Path(__file__).resolve().parents[2])
SKIP = {".git", ".cache", "__pycache__", ".pytest_cache"}


def files():
    """Paths relative to ROOT, sorted."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in SKIP and not f.startswith("build"))
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if name != ".git" and not path.is_symlink() and not name.endswith((".pyc", ".orig", ".rej")):
                yield path.relative_to(ROOT)


def sources(*folders):
    """The C files below the folders."""
    return [f for f in files() if f.suffix in (".c", ".h") and f.parts[0] in folders]


def text_of(path):
    """Its text, or None for a binary file."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def finish(bad):
    """Prints what is wrong, one line each, and leaves with 1 if there is anything."""
    for line in bad:
        print(line)
    sys.exit(bool(bad))
