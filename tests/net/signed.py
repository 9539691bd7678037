# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed zones: s.example with everything that can be wrong with one, made by dnssec-signzone and
served by BIND on NAMES4, and u.example, which is not signed.

    zones = Zones(lab.dir / "zones")
    anchor = zones.sign_example()          # the DS record that proofs begin with
    zones.serve(lab)
    mock.script = lambda q: pass_on(lab, q)
"""
import subprocess
import textwrap

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.zone

from lab import NAMES4, sh, tool, wait_until
from mock_dns import Send

A = "198.41.0.10"
HEAD = "$TTL 300\n@ SOA ns.u.example. hostmaster 1 3600 600 86400 60\n NS ns.u.example.\n"
SIGNED = HEAD + f"""
aonly   A {A}
dual    A {A}
dual    AAAA 2001:db8:ffff::80
mapped  A {A}
mapped  AAAA ::ffff:{A}
bada    A {A}
badaaaa A {A}
badaaaa AAAA 2001:db8:ffff::81
badneg  A {A}
*.w     A {A}
cn      CNAME aonly
cnu     CNAME aonly.u.example.
ins     NS ns.u.example.
exp     NS ns.u.example.
str     NS ns.u.example.
"""
PLAIN = HEAD + f"ns A {NAMES4}\naonly A {A}\n"


class Zones:
    """Zone files below a directory, signed by dnssec-signzone."""

    def __init__(self, directory):
        self.dir = directory
        self.dir.mkdir()
        self.names = []

    def plain(self, name, text):
        self.path(name).write_text(text)
        self.names.append(name)

    def path(self, name):
        return self.dir / (name or "root")

    def signed(self, name, text, *options):
        """Returns the DS record of the new key."""
        def keygen(*flags):
            return sh("dnssec-keygen", "-q", "-K", self.dir, "-a", "ECDSAP256SHA256", *flags,
                name or ".").stdout.strip()
        ksk, zsk = keygen("-f", "KSK"), keygen()
        self.plain(name, text)
        sh("dnssec-signzone", "-q", "-P", "-S", "-K", self.dir, "-d", self.dir, "-o", name or ".", *options,
           "-f", self.path(name), self.path(name), ksk, zsk)
        self.key = next(line for line in (self.dir / f"{ksk}.key").read_text().splitlines() if "DNSKEY" in line)
        return sh("dnssec-dsfromkey", "-2", self.dir / f"{ksk}.key").stdout.strip()

    def break_signature(self, zone, name, covers):
        """The signature of one record set becomes wrong."""
        z = dns.zone.from_file(str(self.path(zone)), origin=zone + ".", relativize=False)
        rdataset = z.find_rdataset(dns.name.from_text(name), dns.rdatatype.RRSIG, dns.rdatatype.from_text(covers))
        for rdata in list(rdataset):
            signature = bytes([rdata.signature[0] ^ 1]) + rdata.signature[1:]
            rdataset.remove(rdata)
            rdataset.add(rdata.replace(signature=signature))
        z.to_file(str(self.path(zone)), relativize=False)

    def sign_example(self):
        """s.example and the zones below and beside it; returns the DS record of s.example."""
        expired = self.signed("exp.s.example", PLAIN, "-s", "20200101000000", "-e", "20200201000000")
        stripped = self.signed("str.s.example", PLAIN)
        self.path("str.s.example").write_text(PLAIN)
        anchor = self.signed("s.example", SIGNED + expired + "\n" + stripped + "\n")
        for name, covers in (("bada", "A"), ("badaaaa", "AAAA"), ("badneg", "NSEC")):
            self.break_signature("s.example", f"{name}.s.example.", covers)
        self.plain("u.example", PLAIN)
        self.plain("ins.s.example", PLAIN)
        return anchor

    def serve(self, lab):
        zones = "".join(f'zone "{n or "."}" {{ type primary; file "{self.path(n)}"; check-integrity no; }};\n'
                        for n in self.names)
        conf, log = lab.dir / "signed.conf", lab.dir / "signed.log"
        conf.write_text(textwrap.dedent(f"""\
            options {{
                directory "{self.dir}"; pid-file none; session-keyfile none; managed-keys-directory "{lab.dir}";
                listen-on {{ {NAMES4}; }}; listen-on-v6 {{ none; }};
                recursion yes; allow-recursion {{ any; }}; dnssec-validation no; empty-zones-enable no;
            }};
            controls {{ }};
            """) + zones)
        lab.server.popen(tool("named"), "-g", "-n", "1", "-c", conf,
                         stdout=subprocess.DEVNULL, stderr=open(log, "w"))
        wait_until(lambda: lab.server.ok("dig", f"@{NAMES4}", "+time=1", "+tries=1", "u.example", "SOA"), 15,
                   lambda: "named answers\n" + log.read_text())


def pass_on(lab, q, want_dnssec=None, spoil=False):
    """What BIND says; spoil: with wrong signatures."""
    message = dns.message.from_wire(q.wire)
    if want_dnssec is not None:
        message.use_edns(0, payload=1232, ednsflags=dns.flags.DO if want_dnssec else 0)
    with lab.server.inside():
        answer = dns.query.tcp(message, NAMES4, timeout=3) if q.tcp else dns.query.udp(message, NAMES4, timeout=3)
    for rrset in answer.answer + answer.authority if spoil else ():
        if rrset.rdtype == dns.rdatatype.RRSIG:
            rrset.items = {r.replace(signature=bytes(len(r.signature))): None for r in rrset}
    wire = answer.to_wire(max_size=65535)
    name = q.raw_name.to_wire()
    return [Send(wire[:12] + name + wire[12 + len(name):])]
