#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of lib/base/events.h and systemd/v6gwd.catalog: each with a MESSAGE_ID is explained,
under its subject, and nothing else is; and systemd takes the file.  No output when all is well."""
import pathlib
import re
import shutil
import subprocess
import tempfile

from tree import ROOT, finish

bad = []
row = re.compile(r'X\((\w+), "(\w+)", "(\w+)", (\w+),\s*\\\s*"(\w*)", "([^"]*)"\)')
source = (ROOT / "lib/base/events.h").read_text(encoding="utf-8")
rows = row.findall(source)
if len(rows) != source.count("\tX(") or not rows:
    bad.append("lib/base/events.h: rows that this test does not understand")
names = [name for _, name, *_ in rows]
ids = [message_id for *_, message_id, _ in rows if message_id]
for what, values in (("name", names), ("MESSAGE_ID", ids)):
    bad += [f"lib/base/events.h: {what} {v} twice" for v in set(values) if values.count(v) > 1]
for id_, name, _plane, level, message_id, _subject in rows:
    if name != id_.lower():
        bad.append(f"lib/base/events.h: {id_} is called {name}")
    if message_id and not re.fullmatch("[0-9a-f]{32}", message_id):
        bad.append(f"lib/base/events.h: {name}: not an id: {message_id}")
    if level in ("WARNING", "ERROR") and not message_id:
        bad.append(f"lib/base/events.h: {name}: a {level.lower()} without a MESSAGE_ID")

catalog = (ROOT / "systemd/v6gwd.catalog").read_text(encoding="utf-8")
entries = {}
for entry in re.split(r"^-- ", catalog, flags=re.M)[1:]:
    message_id, rest = entry.split("\n", 1)
    head, _, text = rest.partition("\n\n")
    if message_id in entries:
        bad.append(f"v6gwd.catalog: {message_id} twice")
    entries[message_id] = dict(line.split(": ", 1) for line in head.splitlines()), text
for _, name, _, _, message_id, subject in rows:
    if not message_id:
        continue
    head, text = entries.pop(message_id, ({}, ""))
    if not head:
        bad.append(f"v6gwd.catalog: {name} ({message_id}) is missing")
    elif head.get("Subject") != subject:
        bad.append(f"v6gwd.catalog: {name}: Subject {head.get('Subject')!r}, in events.h {subject!r}")
    elif "\n    " not in text or len(text.strip()) < 150:
        bad.append(f"v6gwd.catalog: {name}: what to do, with commands?")
bad += [f"v6gwd.catalog: {message_id} is no event" for message_id in entries]

if shutil.which("journalctl"):
    with tempfile.TemporaryDirectory() as root:
        folder = pathlib.Path(root, "usr/lib/systemd/catalog")
        folder.mkdir(parents=True)
        pathlib.Path(root, "var/lib/systemd/catalog").mkdir(parents=True)
        shutil.copy(ROOT / "systemd/v6gwd.catalog", folder)
        for command in (["--update-catalog"], ["--list-catalog"]):
            done = subprocess.run(["journalctl", f"--root={root}", *command], capture_output=True, text=True, check=False)
            if done.returncode or done.stderr:
                bad.append(f"journalctl {command[0]}: {done.stderr.strip()}")
        listed = {line.split(" ", 1)[0] for line in done.stdout.splitlines()}
        bad += [f"journalctl --list-catalog: {i} is not there" for i in ids if i not in listed]
finish(bad)
