# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rows of dns_rows.py are made of: scripts for the forwarder, questions, and what is seen of
their answers.

A script is called with each question that reaches a forwarder and the World it happens in, and gives a list
of Send (mock_dns.py).  Names in a script or an Ask: "@" is the row's own domain, "www" is below it,
"www.example." is itself.
"""
import dataclasses
import ipaddress
import struct

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from mock_dns import Send
from signed import pass_on

ID = 0x1234


def full(name, apex):
    if name == ".":
        return name
    return name[:-1] if name.endswith(".") else apex if name == "@" else f"{name}.{apex}"


# --- scripts -------------------------------------------------------------------------------------


def zone(*records, soa=60, bare=False, **instead):
    """Records such as "www 300 A 192.0.2.1", CNAME and DNAME followed (bare: the first alone), else NODATA
    or NXDOMAIN with a SOA record of that TTL (None: without).  AAAA=script: instead, for that type."""
    def script(q, world):
        if q.type in instead:
            return instead[q.type](q, world)
        apex, known, answer, name = world.apex, [], [], q.name
        for record in records:
            owner, ttl, rdtype, data = record.split(None, 3)
            data = full(data, apex) + "." if rdtype in ("CNAME", "DNAME", "PTR") else data
            known.append((full(owner, apex), ttl, rdtype, data))
        for _ in range(1 if bare else 25):
            step = next((s for s in (redirect(k, name, q.type) for k in known) if s), None)
            if not step:
                break
            answer += step[0]
            name = step[1]
        found = [f"{o}. {t} IN {r} {d}" for o, t, r, d in known if o == name and r == q.type]
        there = found or (bare and answer) or any(k[0] == name or k[0].endswith("." + name) for k in known)
        denial = [] if found or soa is None or (bare and answer) else [soa_of(name, apex, soa)]
        return [Send(q.reply("NOERROR" if there else "NXDOMAIN", answer + found, denial))]
    return script


def redirect(record, name, wanted):
    """The records by which one of the zone leads on from name, and where to."""
    owner, ttl, rdtype, data = record
    if rdtype == "CNAME" and owner == name and wanted != "CNAME":
        return [f"{name}. {ttl} IN CNAME {data}"], data[:-1]
    if rdtype == "DNAME" and name.endswith("." + owner):
        target = name.removesuffix(owner) + data
        return [f"{owner}. {ttl} IN DNAME {data}", f"{name}. {ttl} IN CNAME {target}"], target[:-1]
    return None


def soa_of(name, apex, ttl):
    return f"{apex if name.endswith(apex) else ''}. {ttl} IN SOA ns.{apex}. h.{apex}. 1 3600 600 86400 {ttl}"


def error(rcode, ede=None, opt=True):
    return lambda q, world: [Send(q.reply(rcode, ede=ede, opt=opt))]


def silence(q, world):
    return []


def late(seconds, script):
    return lambda q, world: [dataclasses.replace(s, after=seconds) for s in script(q, world)]


def each(*scripts):
    """One for each forwarder."""
    return lambda q, world: scripts[world.forwarder_of(q)](q, world)


def in_turn(*scripts):
    """One for each question that is put, the last one for those behind it too."""
    return lambda q, world: scripts[min(world.step, len(scripts) - 1)](q, world)


def no_edns(rcode, script):
    """A forwarder that answers rcode, without OPT, to whoever speaks EDNS."""
    return lambda q, world: [Send(q.reply(rcode, opt=False))] if q.edns else script(q, world)


def raw(make):
    """make(question) gives the octets."""
    return lambda q, world: [Send(make(q))]


def signed(q, world):
    """What the signed zones say."""
    return pass_on(world.lab, q)


def spoiled(q, world):
    return pass_on(world.lab, q, spoil=True)


# --- questions -----------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Ask:
    """One question; wire: a function of its name that gives the octets instead.  edns: the size offered, 0 for
    no EDNS.  who: the address asked from (see World), port: and the port.  pause: seconds before it."""
    name: str = "@"
    type: str = "AAAA"
    do: bool = False
    cd: bool = False
    ad: bool = False
    rd: bool = True
    edns: int = 0
    tcp: bool = False
    who: str = "guest"
    port: int = 0
    to: int = 0
    pause: float = 0
    wire: object = None
    patience: float = 5.5

    def octets(self, apex):
        name = full(self.name, apex)
        if self.wire:
            return self.wire(name)
        flags = self.rd * dns.flags.RD | self.cd * dns.flags.CD | self.ad * dns.flags.AD
        return message(name, self.type, flags, edns=self.edns or self.do * 1232, do=self.do)


def message(name, rdtype, flags, edns=0, do=False):
    m = dns.message.make_query(name, rdtype, use_edns=0 if edns else -1, payload=edns, want_dnssec=do, flags=flags)
    m.id = ID
    return m.to_wire()


def label(name):
    return dns.name.from_text(name).to_wire()


def query(body=None, kind=28, klass=1, flags=0x0100, counts=(1, 0, 0, 0), more=b"", cut=0):
    """Octets of a query, as a function of its name: body instead of the name, more behind the question."""
    def wire(name):
        question = (label(name) if body is None else body) + struct.pack("!HH", kind, klass) if counts[0] else b""
        octets = struct.pack("!6H", ID, flags, *counts) + question * max(1, counts[0]) + more
        return octets[:len(octets) - cut]
    return wire


def opt(size=1232, version=0, flags=0, options=b"", owner=b"\0", rdlen=None):
    rdlen = len(options) if rdlen is None else rdlen
    return owner + struct.pack("!HHBBHH", 41, size, 0, version, flags, rdlen) + options


def with_opt(*opts):
    return query(counts=(1, 0, 0, len(opts)), more=b"".join(opts))


# --- what is seen --------------------------------------------------------------------------------


class Reply:
    """The answer to an Ask; without wire nothing came in time.  upstream: the questions that forwarders got
    meanwhile."""

    def __init__(self, apex, wire, took, upstream, source=None):
        self.apex, self.wire, self.took, self.upstream, self.source = apex, wire, took, upstream, source
        self.message, self.malformed = None, False
        try:
            self.message = dns.message.from_wire(wire, ignore_trailing=True) if wire else None
        except Exception:  # whatever the library stumbles over: the header is there
            self.malformed = len(wire) > 12
            self.message = dns.message.Message(0)
            self.message.flags = struct.unpack("!H", wire[2:4])[0]

    @property
    def rcode(self):
        return dns.rcode.to_text(self.message.rcode()) if self.message else None

    def has(self, flag):
        return bool(self.message and self.message.flags & dns.flags.from_text(flag))

    def records(self, rdtype, section="answer"):
        """[(owner, ttl, data)]"""
        rdtype = dns.rdatatype.from_text(rdtype)
        sections = getattr(self.message, section) if self.message else []
        return [(s.name.to_text(True).lower(), s.ttl, r.to_text()) for s in sections if s.rdtype == rdtype for r in s]

    def data(self, rdtype="AAAA"):
        return [data for _, _, data in self.records(rdtype)]

    def ttl(self, rdtype="AAAA"):
        return max((ttl for _, ttl, _ in self.records(rdtype)), default=None)

    @property
    def types(self):
        sections = self.message.answer + self.message.authority if self.message else []
        return {dns.rdatatype.to_text(s.rdtype) for s in sections}

    @property
    def edes(self):
        return [int(o.code) for o in self.message.options if o.otype == 15] if self.message else []

    def option(self, code):
        return next((o.to_wire() for o in self.message.options if o.otype == code), None)

    def asked(self, name="@", rdtype=None):
        return [q for q in self.upstream if q.name == full(name, self.apex).lower() and rdtype in (None, q.type)]

    def text(self):
        """What came, in words of a line."""
        if not self.wire:
            return f"silence for {self.took:.0f} s"
        words = [self.rcode if self.rcode != "NOERROR" or self.malformed else ""]
        for rrset in self.message.answer:
            data = [r.to_text() for r in rrset]
            more = f" and {len(data) - 1} more" if len(data) > 1 else ""
            first = data[0].replace("." + self.apex, "")[:40]
            words.append(f"{dns.rdatatype.to_text(rrset.rdtype)} {first}{more} TTL {rrset.ttl}")
        if self.rcode == "NOERROR" and not self.message.answer:
            words.append("malformed" if self.malformed else "NODATA" if not self.has("TC") else "")
        words += [flag for flag in ("AD", "TC") if self.has(flag)]
        words += [f"EDE {code}" for code in self.edes]
        words += [f"after {self.took:.1f} s"] if self.took > 1 else []
        return " ".join(w for w in words if w)


# --- judges' words -------------------------------------------------------------------------------


def synthetic(*addresses, ttl=None):
    """Exactly these AAAA, of no more than that TTL, and nothing that contradicts them."""
    wanted = sorted(str(ipaddress.ip_address(a)) for a in addresses)
    return lambda r, *_: bool(r.rcode == "NOERROR" and sorted(r.data()) == wanted and (ttl is None or r.ttl() <= ttl)
                              and not r.data("A"))


def nodata(r, *_):
    return r.rcode == "NOERROR" and not r.data() and not r.data("A") and not r.has("TC")


def rcode(*names):
    return lambda r, *_: r.rcode in names and not r.data()


def silent(r, *_):
    return not r.wire


def data(rdtype, *wanted):
    return lambda r, *_: r.rcode == "NOERROR" and sorted(r.data(rdtype)) == sorted(wanted)


def both(*judges):
    return lambda *replies: all(judge(*replies) for judge in judges)


def nth(n, judge):
    return lambda *replies: judge(replies[n])


def every(judge):
    return lambda *replies: all(judge(r) for r in replies)


def is_ad(r, *_):
    return r.has("AD")


def no_ad(r, *_):
    return r.message is not None and not r.has("AD")


def not_forwarded(r, *_):
    asked = {rrset.name.to_text(True).lower() for rrset in r.message.question} if r.message else set()
    return not [q for q in r.upstream if q.name in asked]
