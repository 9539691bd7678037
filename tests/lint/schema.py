#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/v6gwctl.schema.json says of every answer of the control socket what its interface descriptions say
(daemon/control_idl.c), as JSON Schema 2020-12; schema.py --write makes it so.

In $defs stand the types, and by the names that the wire has for them the parameters of each method's reply
and of each error; those of a call stand behind its name and ":call"."""
import json
import re
import sys

from tree import ROOT, text_of

FILE = "docs/v6gwctl.schema.json"
TOKEN = re.compile(r"\s*((?:#[^\n]*\n\s*)+|->|\[\]|\[string\]|[?():,]|[A-Za-z_][\w.]*)")
PLAIN = {"string": "string", "int": "integer", "bool": "boolean", "float": "number", "object": "object"}


def descriptions():
    """The texts in daemon/control_idl.c."""
    strings = r'"(?:[^"\\]|\\.)*"'
    for text in re.findall(rf"static const char \w+\[\] =\s*((?:{strings}\s*)+);", text_of("daemon/control_idl.c")):
        yield "".join(json.loads(string) for string in re.findall(strings, text))


class Reader:
    """A description in varlink's language, as schemas by their names."""

    def __init__(self, text):
        self.tokens, at = [], 0
        while text[at:].strip():
            match = TOKEN.match(text, at)
            assert match, f"not varlink: {text[at:at + 40]!r}"
            self.tokens.append(match[1])
            at = match.end()
        self.about = self.comment()
        self.take("interface")
        self.name = self.tokens.pop(0)
        self.schemas, self.errors = {}, []
        while self.tokens:
            self.declaration()

    def comment(self):
        """The lines of a comment that may stand here, as one."""
        if not self.tokens[0].startswith("#"):
            return ""
        return " ".join(self.tokens.pop(0).replace("#", " ").split())

    def take(self, token):
        assert self.tokens and self.tokens.pop(0) == token, f"{token} is missing before {self.tokens[:5]}"

    def add(self, name, schema, about):
        assert name not in self.schemas, f"{name} twice"
        self.schemas[name] = {"description": about, **schema} if about else schema

    def declaration(self):
        about, kind, name = self.comment(), self.tokens.pop(0), f"{self.name}.{self.tokens.pop(0)}"
        assert kind in ("type", "method", "error"), kind
        schema = self.type()
        if kind == "method":
            self.take("->")
            self.add(f"{name}:call", schema, "")
            schema = self.type()
        elif kind == "error":
            self.errors.append(name)
        self.add(name, schema, about)

    def type(self):
        token = self.tokens.pop(0)
        if token == "?":
            inner = self.type()
            simple = set(inner) == {"type"}
            return {"type": [inner["type"], "null"]} if simple else {"anyOf": [inner, {"type": "null"}]}
        if token == "[]":
            return {"type": "array", "items": self.type()}
        if token == "[string]":
            return {"type": "object", "additionalProperties": self.type()}
        if token == "(":
            return self.members()
        return {"type": PLAIN[token]} if token in PLAIN else {"$ref": f"#/$defs/{self.name}.{token}"}

    def members(self):
        """A structure, or an enumeration.  What may be null may be left out."""
        members, words, needed = {}, [], []
        while self.tokens[0] != ")":
            name = self.tokens.pop(0)
            if self.tokens[0] == ":":
                self.tokens.pop(0)
                assert name not in members, f"member {name} twice"
                needed += [name] if self.tokens[0] != "?" else []
                members[name] = self.type()
            else:
                words.append(name)
            if self.tokens[0] == ",":
                self.tokens.pop(0)
        self.take(")")
        assert not (members and words)
        if words:
            return {"enum": words}
        return {"type": "object", "properties": members, **({"required": needed} if needed else {})}


def schema_of(texts):
    """The whole schema; an answer on the wire is an error that is described, or a reply."""
    readers = [Reader(text) for text in texts]
    schemas = {name: schema for reader in readers for name, schema in reader.schemas.items()}
    errors = [name for reader in readers for name in reader.errors]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "v6gwctl",
        "description": " ".join(reader.about for reader in readers if reader.about),
        "$comment": "SPDX-License-Identifier: GPL-3.0-or-later; made of daemon/control_idl.c by tests/lint/schema.py",
        "type": "object",
        "required": ["parameters"],
        "properties": {"parameters": {"type": "object"}, "continues": {"type": "boolean"}, "error": {"enum": errors}},
        "allOf": [{"if": {"properties": {"error": {"const": name}}, "required": ["error"]},
                   "then": {"properties": {"parameters": {"$ref": f"#/$defs/{name}"}}}} for name in errors],
        "$defs": schemas,
    }


def strict(schema):
    """The same without room for members that are not described, as a later version may add: for the tests."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: strict(value) for key, value in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        out["additionalProperties"] = False
    return out


def main():
    text = json.dumps(schema_of(descriptions()), indent=1) + "\n"
    if sys.argv[1:] == ["--write"]:
        (ROOT / FILE).write_text(text)
    elif not (ROOT / FILE).exists() or text_of(FILE) != text:
        sys.exit(f"{FILE} is not what daemon/control_idl.c says: tests/lint/schema.py --write")


if __name__ == "__main__":
    main()
