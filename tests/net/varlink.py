# SPDX-License-Identifier: GPL-3.0-or-later
"""varlink's interface descriptions, and whether a reply is what they say."""
import re

TOKEN = re.compile(r"\s*(->|\[\]|\[string\]|[?():,]|[A-Za-z_][\w.]*)")


class Interface:
    """types and errors {name: type}, methods {name: (in, out)}.  A type is a name, or a tuple that begins with
    "maybe", "list", "map", "enum" or "struct"."""

    def __init__(self, text):
        text = re.sub(r"#.*", "", text)
        self.tokens, at = [], 0
        while text[at:].strip():
            match = TOKEN.match(text, at)
            assert match, f"not varlink: {text[at:at + 40]!r}"
            self.tokens.append(match[1])
            at = match.end()
        self.types, self.methods, self.errors = {}, {}, {}
        self.take("interface")
        self.name = self.tokens.pop(0)
        while self.tokens:
            kind, name = self.tokens.pop(0), self.tokens.pop(0)
            table = {"type": self.types, "error": self.errors, "method": self.methods}[kind]
            assert name not in table, f"{kind} {name} twice"
            table[name] = self.type()
            if kind == "method":
                self.take("->")
                table[name] = table[name], self.type()

    def take(self, token):
        assert self.tokens and self.tokens.pop(0) == token, f"{token} is missing before {self.tokens[:5]}"

    def type(self):
        token = self.tokens.pop(0)
        if token in ("?", "[]", "[string]"):
            return {"?": "maybe", "[]": "list", "[string]": "map"}[token], self.type()
        return self.members() if token == "(" else token

    def members(self):
        fields, words = {}, []
        while self.tokens[0] != ")":
            name = self.tokens.pop(0)
            if self.tokens[0] == ":":
                self.tokens.pop(0)
                assert name not in fields, f"member {name} twice"
                fields[name] = self.type()
            else:
                words.append(name)
            if self.tokens[0] == ",":
                self.tokens.pop(0)
        self.take(")")
        assert not (fields and words)
        return ("enum", words) if words else ("struct", fields)

    def faults(self, kind, value, where="reply"):
        """What is wrong with a value, as texts."""
        if isinstance(kind, str):
            plain = {"string": str, "int": int, "bool": bool, "float": (int, float)}.get(kind)
            if not plain:
                yield from self.faults(self.types[kind], value, where)
            elif not isinstance(value, plain) or (kind == "int" and isinstance(value, bool)):
                yield f"{where}: {value!r} is no {kind}"
            return
        name, of = kind
        if name == "maybe":
            if value is not None:
                yield from self.faults(of, value, where)
        elif name == "enum":
            if value not in of:
                yield f"{where}: {value!r} is none of {of}"
        elif not isinstance(value, list if name == "list" else dict):
            yield f"{where}: {value!r} is no {name}"
        elif name == "list":
            for i, item in enumerate(value):
                yield from self.faults(of, item, f"{where}[{i}]")
        elif name == "map":
            for key, item in value.items():
                yield from self.faults(of, item, f"{where}[{key}]")
        else:
            for key in value.keys() - of.keys():
                yield f"{where}.{key} is not described"
            for key, inner in of.items():
                yield from self.faults(inner, value.get(key), f"{where}.{key}")
