# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control socket and v6gwctl --json answer, held to docs/v6gwctl.schema.json.  Beyond what that says
no member may be there that it does not describe.  conftest.py has all of v6gwctl's output judged here."""
import functools
import json
import sys

import jsonschema

from lab import ROOT

sys.path.insert(0, str(ROOT / "tests/lint"))
import schema as idl  # noqa: E402

OURS = "io.v6gwd.Control."
METHODS = {"status": "GetStatus", "mappings": "ListMappings", "ra": "GetRa", "counters": "ListCounters",
           "metrics": "GetMetrics", "config": "GetConfig", "dns": "GetDns", "dns query": "QueryDns", "monitor": "Monitor",
           "doctor": "Doctor", "reload": "Reload", "flush dns": "FlushDns", "drop": "DropMapping",
           "log-level": "SetLogLevel"}
ROWS = 50  # of a long list, that are judged

SCHEMA = json.loads((ROOT / "docs/v6gwctl.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(SCHEMA)
STRICT = idl.strict(SCHEMA)
ERRORS = SCHEMA["properties"]["error"]["enum"]


@functools.cache
def validator(name):
    whole = STRICT if name is None else {"$ref": f"#/$defs/{name}", "$defs": STRICT["$defs"]}
    return jsonschema.Draft202012Validator(whole)


def faults(name, value):
    """What is wrong with the parameters of a method's reply or of an error, with those of a call (METHOD:call), or
    with a message (None)."""
    return [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(value)]


def judge_message(method, message):
    """One answer on the wire, to a method by its whole name."""
    assert not faults(None, message), (method, message, faults(None, message))
    if "error" not in message:
        assert not faults(method, message["parameters"]), (method, message, faults(method, message["parameters"]))
    return message


def command_of(words):
    words = [str(word) for word in words if not str(word).startswith("-")]
    names = [" ".join(words[i:i + n]) for n in (2, 1) for i in range(len(words))]
    return next((name for name in names if name in METHODS), None)


def judge_output(words, text, code):
    """What v6gwctl --json printed: the reply's parameters, or those of an error."""
    command, lines = command_of(words), text.splitlines()
    if command is None:
        return
    for line in lines[:ROWS] + lines[ROWS:][-1:]:
        value, name = json.loads(line), OURS + METHODS[command]
        wrong = faults(name, value)
        if wrong and code == 1 and any(not faults(error, value) for error in ERRORS):
            continue
        assert not wrong, (words, value, wrong)
