# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of dns-conformance: what the forwarder does, what is asked, and what is right.  The number is the
item's of docs/rfc.md, DNS64; what is right is taken from the clause, not from what any program does."""
import contextlib
import dataclasses
import ipaddress
import socket
import struct
import time

from dns_asking import (ID, Ask, Reply, both, data, each, error, every, in_turn, is_ad, label, late, no_ad,
                        no_edns, nodata, not_forwarded, nth, opt, query, raw, rcode, signed, silence, silent, spoiled,
                        synthetic, with_opt, zone)
from mock_dns import MockDns, Send, message as answer_of, other_case, record
from resolvers import FORWARDERS, Setting

# Own prefixes are not of documentation, whose reverse names are served locally (RFC 6303 4.6).
A, SYN, OWN = "198.41.0.10", "64:ff9b::c629:a", "2a00:db8:64::/96"
A_ONLY = zone(f"@ 300 A {A}")
WELL_KNOWN, OWN_PREFIX = Setting(), Setting(prefix=OWN)
TWO, VALIDATING = Setting(forwarders=2), Setting(anchor="s.example")


@dataclasses.dataclass(frozen=True)
class Row:
    """ask: Asks, or a function of the World that gives Replies; right_answer(*replies); rough: the forwarder
    misbehaves; while_: a context manager of the World; also(*replies): what else to tell;
    choice: the RFCs leave room, and what is right is what serves the client better."""
    item: str
    clause: str
    words: str
    right: str
    script: object
    ask: object
    right_answer: object
    setting: Setting = WELL_KNOWN
    rough: bool = False
    while_: object = None
    also: object = None
    choice: bool = False


ROWS = []


def row(item, clause, words, right, script, ask, right_answer, **kw):
    asks = (ask,) if isinstance(ask, Ask) else ask
    ROWS.append(Row(str(item), clause, words, right, script, asks, right_answer, **kw))


def reverse(address):
    return ipaddress.ip_address(address).reverse_pointer + "."


# --- synthesis -----------------------------------------------------------------------------------

R = "RFC 6147 "
row(1, R + "5.1.7", "A only, A for 300 s, SOA for 60 s", "AAAA for 60 s", A_ONLY, Ask(), synthetic(SYN, ttl=60))
row(2, R + "5.1.7", "A only, A for 20 s, SOA for 60 s", "AAAA for 20 s", zone(f"@ 20 A {A}"), Ask(),
    synthetic(SYN, ttl=20))
row(3, R + "5.1.7", "A only, A for 3600 s, no SOA", "AAAA for 600 s", zone(f"@ 3600 A {A}", soa=None), Ask(),
    synthetic(SYN, ttl=600))
row(4, R + "5.1.1", "AAAA and A", "the AAAA alone", zone(f"@ 300 A {A}", "@ 300 AAAA 2001:db8::1"), Ask(),
    data("AAAA", "2001:db8::1"))
MAPPED = f"@ 300 AAAA ::ffff:{A}"
row(5, R + "5.1.4", "AAAA in ::ffff:0:0/96 only, and A", "synthesis from A", zone(MAPPED, f"@ 300 A {A}"), Ask(),
    synthetic(SYN))
row(6, R + "5.1.4", "AAAA in ::ffff:0:0/96 and another AAAA", "the other AAAA alone",
    zone(MAPPED, "@ 300 AAAA 2001:db8::2", f"@ 300 A {A}"), Ask(), data("AAAA", "2001:db8::2"))
row(7, R + "5.1.4", "AAAA in ::ffff:0:0/96 only, no A", "NODATA", zone(MAPPED), Ask(), nodata)
row(9, R + "5.1.4", "AAAA inside the prefix, not excluded", "the AAAA", zone(f"@ 300 AAAA {SYN}"), Ask(),
    data("AAAA", SYN))

for what, address in (("10/8", "10.1.2.3"), ("172.16/12", "172.16.0.1"), ("192.168/16", "192.168.1.1"),
                      ("shared 100.64/10", "100.64.0.1"), ("documentation 192.0.2/24", "192.0.2.1"),
                      ("benchmarks 198.18/15", "198.18.0.1"), ("loopback", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"),
                      ("link-local", "169.254.1.1"), ("multicast", "224.0.0.1"), ("broadcast", "255.255.255.255")):
    row(10, "RFC 6052 3.1", f"A that is not global, well-known prefix: {what}", "NODATA",
        zone(f"@ 300 A {address}"), Ask(), nodata)
row(10, "RFC 6052 3.1", "A global and A in 10/8, well-known prefix", "the global one's",
    zone(f"@ 300 A {A}", "@ 300 A 10.0.0.1"), Ask(), synthetic(SYN))
row(12, R + "5.1.2", "neither AAAA nor A", "NODATA with SOA", zone("@ 300 TXT x"), Ask(),
    both(nodata, lambda r: "SOA" in r.types))
row(13, R + "5.1.2", "no such name", "NXDOMAIN with SOA", zone("other 300 A 192.0.2.1"), Ask("no"),
    both(rcode("NXDOMAIN"), lambda r: "SOA" in r.types))
row(14, R + "5.1.2", "NXDOMAIN for AAAA, although A is there", "NXDOMAIN",
    zone(f"@ 300 A {A}", AAAA=error("NXDOMAIN")), Ask(), rcode("NXDOMAIN"))
for item, name, script in ((15, "SERVFAIL", error("SERVFAIL")), (16, "REFUSED", error("REFUSED")),
                           (17, "FORMERR", error("FORMERR")), (18, "NOTIMP", error("NOTIMP"))):
    row(item, R + "5.1.2", f"{name} for AAAA, A is there", "AAAA for at most 600 s",
        zone(f"@ 900 A {A}", AAAA=script), Ask(), synthetic(SYN, ttl=600), rough=True)
row(19, R + "5.1.3", "AAAA never answered, A is there", "AAAA within 5 s", zone(f"@ 300 A {A}", AAAA=silence),
    Ask(), lambda r: synthetic(SYN, ttl=600)(r) and r.took < 5, rough=True)
for code, why in ((6, "bogus"), (7, "expired"), (9, "no DNSKEY"), (10, "no RRSIG")):
    row(20, R + "5.5", f"SERVFAIL for AAAA, EDE {code} ({why}) of the forwarder", "SERVFAIL",
        zone(f"@ 300 A {A}", AAAA=error("SERVFAIL", ede=code)), Ask(edns=1232), rcode("SERVFAIL"), rough=True)
row(20, R + "5.1.2", "SERVFAIL for AAAA, EDE 23 (network) of the forwarder", "AAAA",
    zone(f"@ 300 A {A}", AAAA=error("SERVFAIL", ede=23)), Ask(edns=1232), synthetic(SYN), rough=True)
row(21, R + "5.1.6", "no AAAA, SERVFAIL for A", "SERVFAIL", zone("@ 300 TXT x", A=error("SERVFAIL")), Ask(),
    rcode("SERVFAIL"), rough=True)
row(22, R + "5.1.6", "no AAAA, NXDOMAIN for A", "NXDOMAIN or NODATA", zone("@ 300 TXT x", A=error("NXDOMAIN")),
    Ask(), lambda r: r.rcode == "NXDOMAIN" or nodata(r))
row(23, R + "5.1.6", "SERVFAIL for AAAA, no A", "NODATA or SERVFAIL", zone("@ 300 TXT x", AAAA=error("SERVFAIL")),
    Ask(), lambda r: r.rcode == "SERVFAIL" or nodata(r), rough=True)
row(23, R + "5.1.6", "SERVFAIL for AAAA and for A", "SERVFAIL", error("SERVFAIL"), Ask(), rcode("SERVFAIL"),
    rough=True)


# --- chains --------------------------------------------------------------------------------------


def connected(r):
    """The answer leads from the question to the AAAA records by CNAMEs, each once (RFC 1034 3.6.2)."""
    aliases = [(owner, target.rstrip(".").lower()) for owner, _, target in r.records("CNAME")]
    name, seen = r.message.question[0].name.to_text(True).lower(), 0
    for owner, target in aliases:
        if owner != name:
            return False
        name, seen = target, seen + 1
    return seen == len(dict(aliases)) and {owner for owner, _, _ in r.records("AAAA")} == {name}


def chain(*addresses, links):
    """The whole chain of so many CNAMEs, and these addresses at its end."""
    return lambda r: synthetic(*addresses)(r) and connected(r) and len(r.records("CNAME")) == links


row(24, R + "5.1.5", "CNAME for 300 s to a name with A", "CNAME for 300 s, AAAA for 60 s",
    zone("@ 300 CNAME a", f"a 300 A {A}"), Ask(),
    lambda r: chain(SYN, links=1)(r) and r.ttl() <= 60 and r.ttl("CNAME") > 290)
THREE = ("@ 300 CNAME a", "a 300 CNAME b", "b 300 CNAME c", f"c 300 A {A}")
row(25, R + "5.1.5", "three CNAMEs to a name with A", "the chain and AAAA", zone(*THREE), Ask(),
    chain(SYN, links=3))
row(26, "RFC 2308 2.1", "CNAME to a name that is not there", "CNAME, NXDOMAIN", zone("@ 300 CNAME none.example."),
    Ask(), lambda r: r.rcode == "NXDOMAIN" and r.data("CNAME"))
row(27, R + "5.1.5", "the forwarder gives the CNAME alone", "CNAME and AAAA",
    zone("@ 300 CNAME a", f"a 300 A {A}", bare=True), Ask(), chain(SYN, links=1))
row(27, R + "5.1.5", "the forwarder gives each of three CNAMEs alone", "the chain and AAAA",
    zone(*THREE, bare=True), Ask(), chain(SYN, links=3))
row(27, "RFC 1034 3.6.2", "the forwarder gives the CNAME alone, asked for A", "CNAME and A",
    zone("@ 300 CNAME a", f"a 300 A {A}", bare=True), Ask(type="A"),
    lambda r: r.data("A") == [A] and r.data("CNAME"))
row(27, R + "5.1.5", "the forwarder gives the CNAME alone, real AAAA behind it", "CNAME and the AAAA",
    zone("@ 300 CNAME a", "a 300 AAAA 2001:db8::3", bare=True), Ask(), chain("2001:db8::3", links=1))
row(28, "RFC 1034 3.6.2", "the chain differs for AAAA and for A", "one chain, AAAA at its end",
    zone("@ 300 CNAME a", f"a 300 A {A}", f"b 300 A {A}", AAAA=zone("@ 300 CNAME b", "b 300 TXT x")), Ask(),
    chain(SYN, links=1))
row(29, "RFC 6672 3.2", "a name below a DNAME", "DNAME, CNAME and AAAA", zone("d 300 DNAME to", f"x.to 300 A {A}"),
    Ask("x.d"), lambda r: chain(SYN, links=1)(r) and r.data("DNAME"))
row(30, "RFC 1034 5.2.2", "a loop of two CNAMEs", "SERVFAIL, at most 12 questions",
    zone("@ 300 CNAME a", "a 300 CNAME @", bare=True), Ask(),
    lambda r: r.rcode == "SERVFAIL" and len(r.upstream) <= 12, also=lambda r: f", {len(r.upstream)} questions",
    choice=True)
TWENTY = ["@ 300 CNAME a0"] + [f"a{n} 300 CNAME a{n + 1}" for n in range(19)] + [f"a19 300 A {A}"]
row(31, "RFC 1034 5.2.2", "twenty CNAMEs, given alone", "AAAA or SERVFAIL", zone(*TWENTY, bare=True), Ask(),
    lambda r: r.rcode == "SERVFAIL" or (synthetic(SYN)(r) and connected(r)))
MANY = zone(*(f"@ 300 A 198.41.1.{n}" for n in range(1, 60)))
row(32, "RFC 2181 9", "59 A records over UDP, 512 octets", "TC, at most 512 octets", MANY, Ask(),
    lambda r: r.has("TC") and len(r.wire) <= 512)
row(32, "RFC 7766 5", "59 A records over TCP", "59 AAAA", MANY, Ask(tcp=True),
    lambda r: len(r.data()) == 59 and not r.has("TC"))


# --- clients -------------------------------------------------------------------------------------

FOR_SOME = Ask(who="plain guest")
row(36, R + "3", "a client that is not to have DNS64", "NODATA", A_ONLY, FOR_SOME, nodata)
row(36, R + "3", "such a client first, then another, same cache", "NODATA, then AAAA", A_ONLY, (FOR_SOME, Ask()),
    both(nth(0, nodata), nth(1, synthetic(SYN))))
row(36, R + "3", "such a client behind another, same cache", "AAAA, then NODATA", A_ONLY, (Ask(), FOR_SOME),
    both(nth(0, synthetic(SYN)), nth(1, nodata)))
row(38, R + "3", "a client asks by its link-local address", "AAAA", A_ONLY, Ask(who="link-local guest", to=2),
    synthetic(SYN))


# --- other types ---------------------------------------------------------------------------------

row(39, R + "5.3.3", "A of a name without AAAA", "the A", A_ONLY, Ask(type="A"), data("A", A))
MX = zone(f"mail 300 A {A}", MX=lambda q, w: [Send(answer_of(
    q, record(15, struct.pack("!H", 10) + b"\4mail\xc0\x0c") + record(1, socket.inet_aton(A), b"\4mail\xc0\x0c"),
    (1, 1, 0, 1)))])
row(40, R + "5.3.2", "MX with an A in the additional section", "no AAAA anywhere", MX, Ask(type="MX"),
    lambda r: r.data("MX") and not r.records("AAAA", "additional"))
row(41, "RFC 9460 5.1", "HTTPS with ipv4hint", "unchanged", zone(f"@ 300 HTTPS 1 . ipv4hint={A}"),
    Ask(type="HTTPS"), lambda r: r.data("HTTPS") == [f'1 . ipv4hint="{A}"'])
row(41, "RFC 9460 5.1", "SVCB with alpn and ipv4hint", "unchanged",
    zone(f"@ 300 SVCB 1 www.example. alpn=h2 ipv4hint={A}"), Ask(type="SVCB"),
    lambda r: r.data("SVCB") == [f'1 www.example. alpn="h2" ipv4hint="{A}"'])
row(42, R + "5.3.3", "ANY of a name with A alone", "no AAAA",
    zone(f"@ 300 A {A}", ANY=lambda q, w: [Send(q.reply("NOERROR", [f"{w.apex}. 300 IN A {A}"]))]),
    Ask(type="ANY", tcp=True), lambda r: r.rcode in ("NOERROR", "NOTIMP", "REFUSED") and not r.data())
row(43, R + "5.1", "AAAA in class CH", "no AAAA", A_ONLY, Ask(wire=query(klass=3)),
    lambda r: r.rcode and not r.data())
row(44, R + "5.1.6", "AAAA of the root", "NODATA",
    lambda q, w: [Send(q.reply("NOERROR", [], [". 60 IN SOA a. b. 1 2 3 4 60"]))], Ask("."), nodata)
for rdtype, text in (("TXT", '"a" "b"'), ("SRV", "0 5 80 www.example."), ("CAA", '0 issue "x"')):
    row(39, R + "5.3.3", f"{rdtype} of a name with A", "unchanged", zone(f"@ 300 A {A}", f"@ 300 {rdtype} {text}"),
        Ask(type=rdtype), data(rdtype, text))

# --- the cache -----------------------------------------------------------------------------------

row(45, "RFC 1035 3.2.1", "asked again 2 s later", "TTL 2 s less, nobody asked", A_ONLY, (Ask(), Ask(pause=2)),
    lambda a, b: synthetic(SYN)(b) and a.ttl() - 4 <= b.ttl() <= a.ttl() - 1 and not b.asked())
row(46, "RFC 1035 3.2.1", "A for 0 s, asked twice", "TTL 0, A asked for again", zone(f"@ 0 A {A}"), (Ask(), Ask()),
    lambda a, b: synthetic(SYN, ttl=0)(a) and synthetic(SYN, ttl=0)(b) and b.asked(rdtype="A"))
row(47, "RFC 2181 8", "A with a TTL of 2^31 + 1", "at most a week (RFC 8767 4)",
    raw(lambda q: answer_of(q, record(1, socket.inet_aton(A), ttl=0x80000001))), Ask(type="A"),
    lambda r: r.data("A") == [A] and r.ttl("A") <= 604800)
row(48, "RFC 2308 5", "A has run out, the absence of AAAA has not", "A alone is asked for", zone(f"@ 1 A {A}"),
    (Ask(), Ask(pause=2)), lambda a, b: synthetic(SYN)(b) and b.asked(rdtype="A") and not b.asked(rdtype="AAAA"),
    also=lambda a, b: f", {len(b.asked(rdtype='AAAA'))} times AAAA asked", choice=True)
row(143, "RFC 4035 3.2.2", "with CD=1, and then without", "NODATA, then AAAA", A_ONLY,
    (Ask(cd=True, do=True), Ask()), both(nth(0, nodata), nth(1, synthetic(SYN))))
row(143, "RFC 4035 3.2.2", "without CD, and then with CD=1 DO=1", "AAAA, then NODATA", A_ONLY,
    (Ask(), Ask(cd=True, do=True)), both(nth(0, synthetic(SYN)), nth(1, nodata)))


# --- reverse names -------------------------------------------------------------------------------


def pointed(number, *records):
    return zone(*(f"{number}.0.41.198.in-addr.arpa. {r}" for r in records))


def pointer(number, prefix="64:ff9b::"):
    return reverse(f"{prefix}198.41.0.{number}")


def leads_to(name):
    return lambda r: r.rcode == "NOERROR" and name + "." in r.data("PTR")


P = R + "5.3.1"
row(51, P, "PTR of an address inside the prefix", "the IPv4 address's PTR", pointed(51, "300 PTR host.example."),
    Ask(pointer(51), "PTR"), leads_to("host.example"))
row(54, P, "the same in capitals", "the IPv4 address's PTR", pointed(250, "300 PTR host.example."),
    Ask(pointer(250).upper(), "PTR"), leads_to("host.example"))
row(52, P, "PTR inside the prefix, no PTR of the IPv4 address", "NXDOMAIN or NODATA", pointed(52, "300 TXT x"),
    Ask(pointer(52), "PTR"), lambda r: r.rcode in ("NXDOMAIN", "NOERROR") and not r.message.answer)
row(52, P, "PTR inside the prefix, no such IPv4 name", "NXDOMAIN or NODATA", zone("x 300 TXT x"),
    Ask(pointer(53), "PTR"), lambda r: r.rcode in ("NXDOMAIN", "NOERROR") and not r.message.answer)
row(52, P + ", RFC 2317", "PTR inside the prefix, the IPv4 name is a CNAME", "no second CNAME before it",
    zone("54.0.41.198.in-addr.arpa. 300 CNAME 54.n.41.198.in-addr.arpa.",
        "54.n.41.198.in-addr.arpa. 300 PTR host.example."), Ask(pointer(54), "PTR"),
    lambda r: r.rcode == "NOERROR" and (leads_to("host.example")(r) or not r.message.answer)
        and pointer(54)[:-1] not in [owner for owner, _, _ in r.records("CNAME")])
OTHER = reverse("2606:4700::1111")
row(53, P, "PTR outside the prefix", "the forwarder's", zone(f"{OTHER} 300 PTR one.example."), Ask(OTHER, "PTR"),
    lambda r: r.data("PTR") == ["one.example."] and not r.data("CNAME"))
row(54, P, "PTR of a name that is too short", "NODATA or NXDOMAIN", zone("x 300 TXT x"),
    Ask("b.9.f.f.4.6.0.0.ip6.arpa.", "PTR"), lambda r: r.rcode in ("NXDOMAIN", "NOERROR") and not r.message.answer)
row(54, P, "PTR with 33 nibbles", "NODATA or NXDOMAIN", zone("x 300 TXT x"), Ask("1." + pointer(55), "PTR"),
    lambda r: r.rcode in ("NXDOMAIN", "NOERROR") and not r.message.answer)
row(54, P, "PTR with a label that is no nibble", "NODATA or NXDOMAIN", zone("x 300 TXT x"),
    Ask("g" + pointer(55)[1:], "PTR"), lambda r: r.rcode in ("NXDOMAIN", "NOERROR") and not r.message.answer)

# --- special names -------------------------------------------------------------------------------

FOUR = zone("ipv4only.arpa. 300 A 192.0.0.170", "ipv4only.arpa. 300 A 192.0.0.171")
ALONE = "RFC 8880 7.1"
row(56, "RFC 7050 3", "ipv4only.arpa AAAA", "both addresses", FOUR, Ask("ipv4only.arpa."),
    synthetic("64:ff9b::c000:aa", "64:ff9b::c000:ab"), rough=True)
row(56, ALONE, "ipv4only.arpa AAAA, every forwarder silent", "both addresses", silence, Ask("ipv4only.arpa."),
    synthetic("64:ff9b::c000:aa", "64:ff9b::c000:ab"), rough=True)
row(56, ALONE, "ipv4only.arpa AAAA: who is asked", "nobody", FOUR, Ask("ipv4only.arpa."),
    lambda r: r.data() and not_forwarded(r), rough=True, also=lambda r: f", {len(r.upstream)} questions")
row(57, ALONE, "ipv4only.arpa A, the forwarder denies it", "192.0.0.170 and 171", error("NXDOMAIN"),
    Ask("ipv4only.arpa.", "A"), data("A", "192.0.0.170", "192.0.0.171"), rough=True)
row(57, ALONE, "ipv4only.arpa TXT", "NODATA, nobody asked", FOUR, Ask("ipv4only.arpa.", "TXT"),
    both(nodata, not_forwarded))
row(57, ALONE, "x.ipv4only.arpa AAAA", "NXDOMAIN, nobody asked", FOUR, Ask("x.ipv4only.arpa."),
    both(rcode("NXDOMAIN"), not_forwarded), also=lambda r: f", {len(r.upstream)} questions")
row(58, ALONE, "ipv4only.arpa AAAA for a client without DNS64", "NODATA", FOUR,
    Ask("ipv4only.arpa.", who="plain guest"), nodata)
row(58, ALONE, "ipv4only.arpa AAAA with DO=1", "both addresses, no AD", FOUR, Ask("ipv4only.arpa.", do=True),
    both(synthetic("64:ff9b::c000:aa", "64:ff9b::c000:ab"), no_ad))
row(59, "RFC 8880 7.2", "PTR of 192.0.0.170", "ipv4only.arpa", zone("x 300 TXT x"),
    Ask("170.0.0.192.in-addr.arpa.", "PTR"), leads_to("ipv4only.arpa"))
row(59, ALONE, "PTR of 64:ff9b::192.0.0.171", "ipv4only.arpa", zone("x 300 TXT x"),
    Ask(reverse("64:ff9b::192.0.0.171"), "PTR"), leads_to("ipv4only.arpa"))
LOCALHOST = "RFC 6761 6.3"
row(60, LOCALHOST, "localhost A", "127.0.0.1, nobody asked", error("NXDOMAIN"), Ask("localhost.", "A"),
    both(data("A", "127.0.0.1"), not_forwarded))
row(60, LOCALHOST, "localhost AAAA", "::1, nobody asked", zone("localhost. 300 A 127.0.0.1"), Ask("localhost."),
    both(data("AAAA", "::1"), not_forwarded))
row(60, LOCALHOST, "foo.localhost A", "127.0.0.1, nobody asked", error("NXDOMAIN"), Ask("foo.localhost.", "A"),
    both(data("A", "127.0.0.1"), not_forwarded))
for clause, name, rdtype in (
        ("RFC 6761 6.4", "www.invalid.", "AAAA"), ("RFC 6761 6.2", "www.test.", "AAAA"), ("RFC 7686 2", "www.onion.",
        "AAAA"),
        ("RFC 6762 22.1", "printer.local.", "AAAA"), ("RFC 8375 4", "nas.home.arpa.", "AAAA"),
        ("RFC 9665 10", "x.service.arpa.", "AAAA"), ("RFC 9462 8", "x.resolver.arpa.", "AAAA"),
        ("RFC 6303 4.1", "1.0.0.10.in-addr.arpa.", "PTR"), ("RFC 6303 4.1", "1.1.168.192.in-addr.arpa.", "PTR"),
        ("RFC 7793 4", "1.0.64.100.in-addr.arpa.", "PTR"), ("RFC 6303 4.2", "1.0.0.127.in-addr.arpa.", "PTR"),
        ("RFC 6303 4.4", reverse("fd00::1"), "PTR"), ("RFC 6303 4.5", reverse("fe80::1"), "PTR")):
    there = f"{name} 300 PTR leak.example." if rdtype == "PTR" else f"{name} 300 A {A}"
    short = name if len(name) < 40 else f"PTR of {'fd00::1' if '.d.f.' in name else 'fe80::1'}"
    row(61, clause, short.rstrip("."), "nobody is asked", zone(there), Ask(name, rdtype),
        lambda r: r.rcode in ("NXDOMAIN", "NOERROR") and not_forwarded(r) and not r.data(),
        also=lambda r: f", {len(r.upstream)} questions")
row(62, "RFC 9462 6.4", "_dns.resolver.arpa SVCB", "NODATA, nobody asked",
    zone("_dns.resolver.arpa. 300 SVCB 1 dns.example."), Ask("_dns.resolver.arpa.", "SVCB"),
    lambda r: nodata(r) and not r.data("SVCB") and not_forwarded(r))


# --- DNSSEC --------------------------------------------------------------------------------------


def proof(item, clause, words, right, ask, right_answer, script=signed, setting=VALIDATING, **kw):
    row(item, clause, words, right, script, ask, right_answer, setting=setting, **kw)


D = R + "5.5"
row(66, D, "DO=1 CD=1, unsigned, not validating", "NODATA", A_ONLY, Ask(do=True, cd=True),
    both(nodata, lambda r: r.has("CD")))
row(67, D, "CD=1 alone, unsigned, not validating", "NODATA", A_ONLY, Ask(cd=True), nodata, choice=True)
row(65, D, "DO=1, unsigned, not validating", "AAAA, no AD", A_ONLY, Ask(do=True), both(synthetic(SYN), no_ad))
row(77, "RFC 6840 5.8", "the forwarder sets AD, not validating", "AAAA, no AD",
    lambda q, w: [Send(s.wire[:3] + bytes([s.wire[3] | 0x20]) + s.wire[4:]) for s in A_ONLY(q, w)],
    Ask(do=True, ad=True), both(synthetic(SYN), no_ad))
row(77, "RFC 6840 5.8", "the forwarder sets AD, not validating, A", "A, no AD",
    lambda q, w: [Send(s.wire[:3] + bytes([s.wire[3] | 0x20]) + s.wire[4:]) for s in A_ONLY(q, w)],
    Ask(type="A", ad=True), both(data("A", A), no_ad))
proof(15, R + "5.1.2", "SERVFAIL for AAAA of a signed name, A is good", "AAAA", Ask("g.w.s.example."),
    synthetic(SYN), rough=True, script=lambda q, w: error("SERVFAIL")(q, w) if q.type == "AAAA" else signed(q, w))
proof(63, D, "A only, signed", "AAAA, no AD", Ask("aonly.s.example."), both(synthetic(SYN), no_ad))
proof(64, D, "A only, signed, AD=1 in the query", "AAAA", Ask("a.w.s.example.", ad=True), synthetic(SYN))
proof(65, D, "A only, signed, DO=1", "AAAA", Ask("b.w.s.example.", do=True), synthetic(SYN))
proof(65, D, "A only, signed, DO=1: both proofs are secure", "AAAA with AD", Ask("c.w.s.example.", do=True),
    both(synthetic(SYN), is_ad))
proof(65, "RFC 4035 3.1", "A only, signed, DO=1: signatures", "none over AAAA", Ask("d.w.s.example.", do=True),
    lambda r: synthetic(SYN)(r) and not [x for x in r.data("RRSIG") if x.startswith("AAAA")])
proof(66, D, "A only, signed, DO=1 CD=1", "NODATA with SOA, NSEC, RRSIG, CD",
    Ask("aonly.s.example.", do=True, cd=True),
    lambda r: nodata(r) and {"SOA", "NSEC", "RRSIG"} <= r.types and r.has("CD"))
proof(67, D, "A only, signed, CD=1", "NODATA", Ask("e.w.s.example.", cd=True), nodata, choice=True)
proof(68, D, "A with a wrong signature, AAAA asked for", "SERVFAIL", Ask("bada.s.example."), rcode("SERVFAIL"))
proof(68, "RFC 4035 3.2.2", "A with a wrong signature, A asked for with CD=1", "the A",
    Ask("bada.s.example.", "A", cd=True), data("A", A))
proof(69, D, "the absence of AAAA with a wrong signature", "SERVFAIL", Ask("badneg.s.example."), rcode("SERVFAIL"))
proof(69, D, "the same with DO=1", "SERVFAIL", Ask("badneg.s.example.", do=True), rcode("SERVFAIL"))
proof(69, "RFC 8914 4.7", "the same with EDNS: is told why", "SERVFAIL with EDE",
    Ask("badneg.s.example.", edns=1232), lambda r: r.rcode == "SERVFAIL" and r.edes, choice=True)
proof(69, "RFC 4035 3.2.3", "its A, which is good, DO=1", "A with AD", Ask("badneg.s.example.", "A", do=True),
    both(data("A", A), is_ad))
proof(70, D, "AAAA with a wrong signature, A is good", "SERVFAIL", Ask("badaaaa.s.example."), rcode("SERVFAIL"))
proof(71, "RFC 4035 5.4", "signatures and proofs stripped", "SERVFAIL", Ask("aonly.str.s.example."),
    rcode("SERVFAIL"))
proof(72, "RFC 4035 5.3.4", "A from a wildcard, DO=1", "AAAA with AD", Ask("f.w.s.example.", do=True),
    both(synthetic(SYN), is_ad))
proof(73, D, "a signed CNAME to an unsigned name, DO=1", "AAAA, no AD", Ask("cnu.s.example.", do=True),
    both(synthetic(SYN), no_ad))
proof(74, D, "an unsigned zone, DO=1 AD=1", "AAAA, no AD", Ask("aonly.u.example.", do=True, ad=True),
    both(synthetic(SYN), no_ad))
proof(74, "RFC 4035 5.2", "a delegation that is not signed, DO=1", "AAAA, no AD",
    Ask("aonly.ins.s.example.", do=True), both(synthetic(SYN), no_ad))
proof(75, R + "5.1.1", "real AAAA, signed, DO=1", "AAAA, RRSIG, AD", Ask("dual.s.example.", do=True),
    lambda r: r.data() == ["2001:db8:ffff::80"] and is_ad(r) and r.data("RRSIG"))
proof(76, R + "5.1.4", "AAAA in ::ffff:0:0/96, signed, DO=1", "not that AAAA", Ask("mapped.s.example.", do=True),
    lambda r: r.rcode == "NOERROR" and f"::ffff:{A}" not in r.data())
proof(78, "RFC 4035 3.2.1", "DNSKEY of a signed zone, DO=1", "DNSKEY, RRSIG, AD",
    Ask("s.example.", "DNSKEY", do=True, tcp=True),
    lambda r: len(r.data("DNSKEY")) == 2 and r.data("RRSIG") and is_ad(r))
proof(78, "RFC 4035 3.1.4.1", "DS of a signed delegation, DO=1", "DS, RRSIG, AD",
    Ask("exp.s.example.", "DS", do=True), lambda r: r.data("DS") and r.data("RRSIG") and is_ad(r))
proof(79, "RFC 4035 5.3.1", "signatures that have expired", "SERVFAIL", Ask("aonly.exp.s.example."),
    rcode("SERVFAIL"))
proof(79, "RFC 8914 4.8", "the same with EDNS: is told why", "SERVFAIL with EDE",
    Ask("aonly.exp.s.example.", edns=1232), lambda r: r.rcode == "SERVFAIL" and r.edes, choice=True)
proof(14, "RFC 4035 3.1.3.2", "no such name, signed, DO=1", "NXDOMAIN, NSEC, AD",
    Ask("nothere.s.example.", do=True), lambda r: r.rcode == "NXDOMAIN" and "NSEC" in r.types and is_ad(r))
proof(80, "RFC 9520 3.2", "wrong signatures, and 6 s later right ones", "SERVFAIL, then AAAA",
    (Ask("h.w.s.example."), Ask("h.w.s.example.", pause=6)),
    both(nth(0, rcode("SERVFAIL")), nth(1, synthetic(SYN))), script=in_turn(spoiled, signed), rough=True,
    choice=True)
proof(79, "RFC 7646 1", "a zone taken without proof, DO=1", "AAAA, no AD", Ask("aonly.exp.s.example.", do=True),
    both(synthetic(SYN), no_ad), setting=dataclasses.replace(VALIDATING, except_domain="exp.s.example"))

# --- hygiene -------------------------------------------------------------------------------------


def hygiene(item, clause, words, right, wire, right_answer, tcp=False, **kw):
    row(item, clause, words, right, A_ONLY, Ask(wire=wire, patience=1.5, tcp=tcp), right_answer, **kw)


formerr = rcode("FORMERR")
answered = synthetic(SYN)


def either(*judges):
    return lambda *r: any(judge(*r) for judge in judges)


F = "RFC 1035 4.1.1"
hygiene(81, F, "five octets", "silence", lambda name: b"\x12\x34\1\0\0", silent)
hygiene(82, "RFC 9619 4", "no question", "FORMERR", query(counts=(0, 0, 0, 0)), formerr)
hygiene(83, "RFC 9619 4", "two questions", "FORMERR", query(counts=(2, 0, 0, 0)), formerr)
hygiene(84, F, "a question is counted, and not there", "FORMERR",
    lambda name: struct.pack("!6H", ID, 0x100, 1, 0, 0, 0), formerr)
hygiene(85, "RFC 1035 4.1.4", "a name that points to itself", "FORMERR", query(b"\xc0\x0c"), formerr)
hygiene(85, "RFC 1035 4.1.4", "a name that points ahead", "FORMERR", query(b"\xc0\x20"), formerr)
hygiene(86, "RFC 6891 5", "a label of type 01", "FORMERR", query(b"\x41\x01\x80\0"), formerr)
hygiene(87, "RFC 1035 2.3.4", "a name of 256 octets", "FORMERR",
    query((b"\x3f" + b"x" * 63) * 3 + b"\x3e" + b"x" * 62 + b"\0"), formerr)
row(87, "RFC 1035 2.3.4", "a name of 255 octets", "NXDOMAIN", error("NXDOMAIN"),
    Ask(wire=query((b"\x3f" + b"x" * 63) * 3 + b"\x3d" + b"x" * 61 + b"\0")), rcode("NXDOMAIN"))
hygiene(88, F, "the last octet of the class is missing", "FORMERR", query(cut=1), formerr)
hygiene(89, F, "a response", "silence", query(flags=0x8180), silent)
for opcode, what in ((1, "IQUERY"), (2, "STATUS"), (6, "DSO"), (15, "15")):
    hygiene(90, F, f"opcode {what}", "NOTIMP", query(flags=0x0100 | opcode << 11), rcode("NOTIMP"))
for opcode, what in ((4, "NOTIFY"), (5, "UPDATE")):
    hygiene(90, F, f"opcode {what}", "an error", query(flags=0x0100 | opcode << 11, kind=6),
        rcode("NOTIMP", "REFUSED", "NOTAUTH", "FORMERR"))
hygiene(91, F, "a query with RCODE 3, AA=1, Z=1", "AAAA", query(flags=0x0543), answered)
hygiene(92, F, "a query with a record in the answer section", "AAAA or FORMERR",
    query(counts=(1, 1, 0, 0), more=record(1, bytes([9, 9, 9, 9]))), either(answered, formerr))
hygiene(93, "RFC 6895 3.2", "version.bind TXT in CH", "TXT or REFUSED",
    lambda name: query(kind=16, klass=3)("version.bind"), lambda r: r.rcode == "REFUSED" or r.data("TXT"))
for klass in (0, 254, 255, 12345):
    hygiene(93, "RFC 6895 3.2", f"AAAA in class {klass}", "an error, nobody asked", query(klass=klass),
        lambda r: r.rcode in ("REFUSED", "NOTIMP", "FORMERR") and not_forwarded(r), choice=klass == 255)
hygiene(94, "RFC 5936 2.2", "AXFR over TCP", "an error", query(kind=252),
    rcode("REFUSED", "NOTIMP", "NOTAUTH", "FORMERR"), tcp=True)
hygiene(94, "RFC 1995 2", "IXFR over UDP", "an error", query(kind=251),
    rcode("REFUSED", "NOTIMP", "NOTAUTH", "FORMERR"))
for kind, what in ((41, "OPT"), (250, "TSIG"), (249, "TKEY"), (253, "MAILB"), (254, "MAILA"), (0, "0")):
    hygiene(95, "RFC 6895 3.1", f"type {what}", "no data, no SERVFAIL", query(kind=kind),
        lambda r: r.rcode in ("FORMERR", "NOTIMP", "REFUSED", "NOERROR") and not r.message.answer)
row(96, "RFC 3597 4", "an unknown type with what looks like a pointer", "octets unchanged",
    raw(lambda q: answer_of(q, record(65280, b"\xc0\x0c\xff\xffx"))), Ask(type="TYPE65280"),
    lambda r: r.data("TYPE65280") == [r"\# 5 c00cffff78"])
hygiene(97, "RFC 6891 6.1.3", "EDNS version 1", "BADVERS, version 0", with_opt(opt(version=1)),
    lambda r: r.rcode == "BADVERS" and r.message.edns == 0)
hygiene(98, "RFC 6891 6.1.1", "two OPT", "FORMERR", with_opt(opt(), opt()), formerr)
hygiene(99, "RFC 6891 6.1.2", "OPT with a name", "FORMERR", with_opt(opt(owner=b"\1x\0")), formerr)
hygiene(99, "RFC 6891 6.1.2", "OPT longer than the message", "FORMERR", with_opt(opt(rdlen=40)), formerr)
hygiene(99, "RFC 6891 6.1.2", "an option of three octets", "FORMERR", with_opt(opt(options=b"\0\3\0")), formerr)
hygiene(99, "RFC 6891 6.1.2", "an option longer than OPT", "FORMERR", with_opt(opt(options=b"\0\3\0\x09x")),
    formerr)
row(100, "RFC 6891 6.2.3", "EDNS of 100 octets, a long answer", "TC, at most 512 octets", MANY, Ask(edns=100),
    lambda r: r.has("TC") and len(r.wire) <= 512)
row(101, "RFC 9715 3.1", "EDNS of 4096 octets, an answer of 1.7 kB", "TC, at most 1400 octets", MANY,
    Ask(edns=4096), lambda r: r.has("TC") and len(r.wire) <= 1400)
hygiene(102, "RFC 6891 7", "no EDNS", "no OPT", query(), lambda r: answered(r) and r.message.edns < 0)
hygiene(102, "RFC 6891 6.1.4", "EDNS with DO and all Z bits", "OPT with DO, Z 0", with_opt(opt(flags=0xffff)),
    lambda r: r.message and r.message.edns == 0 and r.message.ednsflags & 0xffff == 0x8000)
hygiene(103, "RFC 7873 5.2.2", "a cookie of 7 octets", "FORMERR, or not implemented",
    with_opt(opt(options=b"\0\x0a\0\7" + b"c" * 7)),
    lambda r: r.rcode == "FORMERR" or (answered(r) and r.option(10) is None))
hygiene(103, "RFC 7873 5.2.3", "a client's cookie", "AAAA; a server's cookie or none",
    with_opt(opt(options=b"\0\x0a\0\x08" + b"c" * 8)),
    lambda r: answered(r) and (r.option(10) is None
        or (r.option(10)[:8] == b"c" * 8 and 16 <= len(r.option(10)) <= 40)))
hygiene(103, "RFC 7873 5.2.4", "a server's cookie that is not ours", "AAAA or BADCOOKIE",
    with_opt(opt(options=b"\0\x0a\0\x10" + b"c" * 16)), lambda r: answered(r) or r.rcode == "BADCOOKIE")
hygiene(104, "RFC 7871 7.1.1", "a client subnet", "AAAA, not forwarded",
    with_opt(opt(options=b"\0\x08\0\x07\0\1\x18\0\xc0\0\2")),
    lambda r: answered(r) and not any(o.otype == 8 for q in r.upstream for o in q.message.options))
hygiene(105, "RFC 7828 3.2.1", "keepalive over UDP", "AAAA, no keepalive", with_opt(opt(options=b"\0\x0b\0\0")),
    lambda r: answered(r) and r.option(11) is None)
hygiene(106, "RFC 6891 6.1.2", "padding, NSID and an unknown option", "AAAA",
    with_opt(opt(options=b"\0\x0c\0\4\0\0\0\0" + b"\0\3\0\0" + b"\xfd\xe9\0\1x")), answered)
hygiene(107, F, "an additional record is counted, and not there", "FORMERR", query(counts=(1, 0, 0, 1)), formerr)
hygiene(108, "RFC 8945 5.2", "a TSIG by a key that nobody has", "an error",
    query(counts=(1, 0, 0, 1),
        more=b"\1k\0" + struct.pack("!HHIH", 250, 255, 0, 61) + label("hmac-sha256.") + struct.pack("!HIHH", 0,
        int(time.time()), 300, 32) + b"m" * 32 + struct.pack("!HHH", ID, 0, 0)),
    rcode("NOTAUTH", "FORMERR", "REFUSED", "NOTIMP"))
hygiene(109, F, "octets behind the message", "AAAA or FORMERR", query(more=b"garbage"), either(answered, formerr))
hygiene(110, "RFC 7830 3", "4000 octets of padding over TCP", "AAAA",
    with_opt(opt(options=struct.pack("!HH", 12, 4000) + bytes(4000))), answered, tcp=True)
row(111, "RFC 4343 3", "mixed case, also from the cache", "the same case in the answer", A_ONLY,
    (Ask(wire=lambda name: query()(name.upper())), Ask(wire=lambda name: query()(name.title()))),
    lambda a, b: answered(a) and answered(b) and b.wire[12:12 + len(label(b.apex))] == label(b.apex.title()))
row(112, "RFC 2181 11", "a label of odd octets", "the same octets asked and answered",
    raw(lambda q: answer_of(q, record(1, socket.inet_aton(A)))), Ask(wire=query(b"\4a.\0\xff\7example\0", kind=1)),
    lambda r: r.data("A") == [A] and r.wire[12:26] == b"\4a.\0\xff\7example\0"
        and any(b"\4a.\0\xff" in q.wire.lower() for q in r.upstream))
row(113, "RFC 1034 4.3.1", "RD=0, nothing in the cache", "no recursion", A_ONLY, Ask(rd=False),
    lambda r: r.wire and not r.upstream and not r.data())
row(114, "RFC 5358 4", "a stranger asks", "REFUSED", A_ONLY, Ask(who="stranger"), rcode("REFUSED"))
row(114, "RFC 5358 4", "a stranger asks over TCP", "REFUSED", A_ONLY, Ask(who="stranger", tcp=True),
    rcode("REFUSED"))
row(115, "RFC 2181 4.1", "the host's second address is asked", "it answers", A_ONLY, Ask(to=1),
    lambda r: answered(r) and r.source == "2001:db8:1:2::2")
row(116, F, "flags of an answer", "RD, RA, no AA, no Z", A_ONLY, Ask(),
    lambda r: answered(r) and struct.unpack("!H", r.wire[2:4])[0] == 0x8180)
row(116, "RFC 4035 3.2.2", "CD of an answer", "CD=1", A_ONLY, Ask(type="A", cd=True),
    lambda r: r.data("A") == [A] and r.has("CD"))
row(117, "CERT CA-1996-01", "asked from port 19 (chargen)", "silence", A_ONLY, Ask(port=19, patience=1.5), silent,
    choice=True)


# --- TCP -----------------------------------------------------------------------------------------


def streamed(*asks, **kw):
    """All asked on one connection; the answers as they come."""
    def ask(world):
        begun = time.monotonic()
        wires = world.stream(asks, len(asks), **kw)
        took = time.monotonic() - begun
        return [Reply(world.apex, wires[n] if n < len(wires) else None, took, []) for n in range(len(asks))]
    return ask


row(118, "RFC 7766 6.2.1", "two queries in one segment", "two answers", zone(f"a 300 A {A}", f"b 300 A {A}"),
    streamed(Ask("a", tcp=True), Ask("b", tcp=True)), every(answered))
row(118, "RFC 7766 7", "a slow one, then a fast one", "the fast one first",
    lambda q, w: late(0.25 if q.name.startswith("slow") else 0, zone(f"slow 300 A {A}", f"fast 300 A {A}"))(q, w),
    streamed(Ask("slow", tcp=True), Ask("fast", tcp=True)),
    lambda a, b: answered(a) and answered(b) and a.message.question[0].name.to_text().startswith("fast"))
row(119, "RFC 1035 4.2.2", "the client has closed its half", "the answer", late(0.2, A_ONLY),
    streamed(Ask(tcp=True), half_close=True), answered)


# --- forwarders ----------------------------------------------------------------------------------


def forged(q, **kw):
    return answer_of(q, record(1, bytes([9, 9, 9, 9])), **kw)


def lies(*makers):
    """Before the truth."""
    return lambda q, w: [Send(make(q)) for make in makers if not q.tcp] + [
        dataclasses.replace(s, after=0.1) for s in A_ONLY(q, w)]


U = "RFC 5452 9.1"
row(123, U, "an answer with another id comes first", "the real one",
    lies(lambda q: bytes([q.wire[0] ^ 1]) + forged(q)[1:]), Ask(type="A"), data("A", A), rough=True)
row(123, U, "an answer about another name comes first", "the real one",
    lies(lambda q: forged(q, question=label("bank.example") + q.wire[-4:]
        if not q.edns else label("bank.example") + b"\0\1\0\1")), Ask(type="A"), data("A", A), rough=True)
row(123, U, "a query with the same id comes first", "the real one", lies(lambda q: forged(q, flags=0x0180)),
    Ask(type="A"), data("A", A), rough=True)
row(123, U, "an answer from another port comes first", "the real one",
    lambda q, w: [Send(forged(q), spoofed=True)] + [dataclasses.replace(s, after=0.1) for s in A_ONLY(q, w)],
    Ask(type="A"), data("A", A), rough=True)
row(124, "draft-vixie-dnsext-dns0x20", "an answer with another case than asked", "not believed",
    lambda q, w: A_ONLY(q, w) if q.tcp else [Send(other_case(forged(q)))], Ask(type="A"),
    lambda r: r.wire and r.data("A") in ([], [A]), rough=True, choice=True)
row(127, "RFC 2181 5.4.1", "addresses of another name in the answer", "not kept for that name",
    lambda q, w: zone(f"bank 300 A {A}")(q, w)
        if q.name.startswith("bank") else [Send(answer_of(q,
        record(1, socket.inet_aton(A)) + record(1, bytes([9, 9, 9, 9]), label("bank." + w.apex)), (1, 1, 0, 1)))],
    (Ask(type="A"), Ask("bank", "A")), lambda a, b: b.data("A") == [A])
row(128, "RFC 2181 5.4.1", "A of another name alone in the answer", "no AAAA",
    lambda q, w: [Send(answer_of(q, record(1, bytes([9, 9, 9, 9]), label("bank.example")) if q.type == "A" else b"",
        (1, int(q.type == "A"), 0, 0)))], Ask(), lambda r: r.wire and not r.data(), rough=True)
for what, octets in (("A of three octets", record(1, b"\1\2\3")), ("A of five octets", record(1, b"\1\2\3\4\5")),
                     ("a name that points to itself", record(1, b"\1\2\3\4", owner=b"\xc0\x80")),
                     ("a record longer than the message", record(1, b"\1\2\3\4", size=40))):
    row(129, "RFC 1035 4.1.4", f"the forwarder's answer: {what}", "SERVFAIL",
        raw(lambda q, octets=octets: answer_of(q, octets)), Ask(type="A"), rcode("SERVFAIL"), rough=True)
row(130, "RFC 1035 4.2.2", "4000 A records", "no more than fits: TC or SERVFAIL",
    zone(A=lambda q, w: [Send(answer_of(q,
        b"".join(record(1, struct.pack("!I", 0xc6290000 + n)) for n in range(4000)), (1, 4000, 0, 0)))
        if q.tcp else Send(q.reply(tc=True))], AAAA=lambda q, w: [Send(q.reply())]), Ask(tcp=True),
    lambda r: r.rcode == "SERVFAIL" or r.has("TC"), rough=True)
row(132, "RFC 7766 5", "TC of the forwarder over UDP", "asked over TCP",
    lambda q, w: A_ONLY(q, w) if q.tcp else [Send(q.reply(tc=True))], Ask(), answered)
row(136, "RFC 6891 7", "a forwarder that answers FORMERR to EDNS", "asked without", no_edns("FORMERR", A_ONLY),
    Ask(), answered, rough=True)
row(137, "RFC 6891 7", "a forwarder that answers NOTIMP to EDNS", "asked without", no_edns("NOTIMP", A_ONLY), Ask(),
    answered, rough=True, choice=True)
row(138, "RFC 1123 6.1.3.3", "REFUSED of the first of two forwarders", "AAAA, from the second",
    each(error("REFUSED"), A_ONLY), Ask(), answered, setting=TWO, rough=True)
row(138, "RFC 1123 6.1.3.3", "SERVFAIL of the first of two forwarders", "AAAA, from the second",
    each(error("SERVFAIL"), A_ONLY), Ask(), answered, setting=TWO, rough=True)
row(138, "RFC 9520 3.1", "SERVFAIL of both forwarders", "SERVFAIL, each asked thrice at most", error("SERVFAIL"),
    Ask(type="A"), lambda r: r.rcode == "SERVFAIL" and len(r.asked()) <= 6, setting=TWO, rough=True,
    also=lambda r: f", {len(r.asked())} questions")
row(138, "RFC 9520 3.2", "SERVFAIL, asked again at once", "nobody is asked again", error("SERVFAIL"),
    (Ask(type="A"), Ask(type="A")), lambda a, b: b.rcode == "SERVFAIL" and not b.asked(), rough=True,
    also=lambda a, b: f", {len(b.asked())} questions")
row(138, "RFC 9520 3.2", "SERVFAIL, and good 6 s later", "the failure is forgotten",
    in_turn(error("SERVFAIL"), A_ONLY), (Ask(), Ask(pause=6)), lambda a, b: a.rcode == "SERVFAIL" and answered(b),
    rough=True, choice=True)


@contextlib.contextmanager
def first_closed(world):
    """Nobody listens on the first forwarder's port."""
    world.mocks[0].close()
    try:
        yield
    finally:
        world.mocks[0] = MockDns(FORWARDERS[0], inside=world.lab.server.inside)


row(139, "RFC 1122 4.1.3.3", "the port of the first forwarder is closed", "AAAA within 1 s", A_ONLY, Ask(),
    lambda r: answered(r) and r.took < 1, setting=TWO, rough=True, while_=first_closed,
    also=lambda r: f" after {r.took:.2f} s", choice=True)
row(140, "-", "the first of two forwarders is silent", "AAAA within 2 s", each(silence, A_ONLY), Ask(),
    lambda r: answered(r) and r.took < 2, setting=TWO, rough=True, also=lambda r: f" after {r.took:.2f} s",
    choice=True)
row(140, "-", "the same: the tenth name", "AAAA within 0.2 s",
    each(silence, zone(*(f"a{n} 300 A {A}" for n in range(10)))), tuple(Ask(f"a{n}") for n in range(10)),
    lambda *r: answered(r[-1]) and r[-1].took < 0.2, setting=TWO, rough=True,
    also=lambda *r: f" after {r[-1].took:.2f} s", choice=True)
row(141, "-", "every forwarder is silent", "SERVFAIL within 5.5 s", silence, Ask(type="A"), rcode("SERVFAIL"),
    setting=TWO, rough=True, choice=True)
row(141, "RFC 8914 4.23", "every forwarder is silent: is told why", "SERVFAIL with EDE", silence,
    Ask(type="A", edns=1232), lambda r: r.rcode == "SERVFAIL" and r.edes, setting=TWO, rough=True, choice=True)


def crowd(world):
    """A hundred ask the same at once."""
    before = len(world.mocks[0].questions)
    sock, there = world.open(Ask(), socket.SOCK_DGRAM)
    wires, octets, begun = [], Ask().octets(world.apex), time.monotonic()
    with sock, contextlib.suppress(TimeoutError):
        for n in range(100):
            sock.sendto(struct.pack("!H", n) + octets[2:], there)
        while len(wires) < 100:
            wires.append(sock.recv(65535))
    took = time.monotonic() - begun
    replies = [Reply(world.apex, wire, took, []) for wire in wires] or [Reply(world.apex, None, took, [])]
    replies[0].upstream = world.mocks[0].questions[before:]
    return replies


row(142, "RFC 5452 5", "a hundred ask for the same name at once", "one AAAA and one A asked", late(0.1, A_ONLY),
    crowd,
    lambda *r: len(r) == 100 and all(map(answered, r))
        and len(r[0].asked(rdtype="AAAA")) == len(r[0].asked(rdtype="A")) == 1, choice=True)
row(145, R + "5.1.1", "the forwarder is a DNS64 itself", "its AAAA", zone(f"@ 300 AAAA {SYN}", f"@ 300 A {A}"),
    Ask(), data("AAAA", SYN))


def at_once(r):
    """A was asked for before the answer for AAAA had left the forwarder."""
    begun = {q.type: q.at for q in reversed(r.asked())}
    return "A" in begun and abs(begun["A"] - begun["AAAA"]) < 0.2


row("-", R + "5.1.8", "a name asked for the first time, 200 ms to the forwarder", "one round trip",
    late(0.2, A_ONLY), Ask(), lambda r: answered(r) and at_once(r),
    also=lambda r: f" after {r.took / 0.2:.0f} round trips", choice=True)
row("-", "-", "a forwarder that needs 2.5 s, A", "A within 5 s", late(2.5, A_ONLY), Ask(type="A"),
    lambda r: r.data("A") == [A] and r.took < 5, rough=True, choice=True)
row("-", "-", "a forwarder that needs 2.5 s, AAAA", "AAAA within 5 s", late(2.5, A_ONLY), Ask(),
    lambda r: answered(r) and r.took < 5, rough=True, choice=True)
row("-", "-", "a forwarder that needs 1.2 s, AAAA", "AAAA within 5 s", late(1.2, A_ONLY), Ask(),
    lambda r: answered(r) and r.took < 5, rough=True, choice=True)

# --- other settings ------------------------------------------------------------------------------

OWN_SYN = "2a00:db8:64::c629:a"
own = {"setting": OWN_PREFIX}
row(1, R + "5.1.7", "own prefix: A only", "AAAA for 60 s", A_ONLY, Ask(), synthetic(OWN_SYN, ttl=60), **own)
row(10, "RFC 6052 3.1", "own prefix: A in 10/8", "AAAA", zone("@ 300 A 10.1.2.3"), Ask(),
    synthetic("2a00:db8:64::a01:203"), **own)
row(10, "RFC 1122 3.2.1.3", "own prefix: A is 127.0.0.1", "NODATA", zone("@ 300 A 127.0.0.1"), Ask(), nodata, **own)
row(51, P, "own prefix: PTR of an address inside", "the IPv4 address's PTR", pointed(60, "300 PTR host.example."),
    Ask(pointer(60, "2a00:db8:64::"), "PTR"), leads_to("host.example"), **own)
row(53, P, "own prefix: PTR inside the well-known prefix", "the IPv4 address's PTR",
    pointed(61, "300 PTR host.example."), Ask(pointer(61), "PTR"), leads_to("host.example"), **own)
row(56, "RFC 7050 3", "own prefix: ipv4only.arpa AAAA", "both addresses", FOUR, Ask("ipv4only.arpa."),
    synthetic("2a00:db8:64::c000:aa", "2a00:db8:64::c000:ab"), rough=True, **own)
row(58, ALONE, "own prefix: ipv4only.arpa AAAA, every forwarder silent", "both addresses", silence,
    Ask("ipv4only.arpa."), synthetic("2a00:db8:64::c000:aa", "2a00:db8:64::c000:ab"), rough=True, **own)
UNMAPPED = Setting(prefix=OWN, unmapped=("10.0.0.0/8",))
row(11, R + "5.1.7", "10/8 is not mapped, A in it and another", "the other's AAAA",
    zone("@ 300 A 10.0.0.1", f"@ 300 A {A}"), Ask(), synthetic(OWN_SYN), setting=UNMAPPED)
row(11, R + "5.1.7", "10/8 is not mapped, A in it alone", "NODATA", zone("@ 300 A 10.0.0.1"), Ask(), nodata,
    setting=UNMAPPED)
EXCLUDED = Setting(exclude=("64:ff9b::/96", "2001:db8:bad::/48"))
row(8, R + "5.1.4", "AAAA inside of an excluded network, and A", "synthesis from A",
    zone("@ 300 AAAA 2001:db8:bad::1", f"@ 300 A {A}"), Ask(), synthetic(SYN), setting=EXCLUDED)
row(8, R + "5.1.4", "the same with DO=1", "not that AAAA", zone("@ 300 AAAA 2001:db8:bad::1", f"@ 300 A {A}"),
    Ask(do=True), lambda r: r.rcode == "NOERROR" and "2001:db8:bad::1" not in r.data(), setting=EXCLUDED)
row(9, R + "5.1.4", "AAAA inside the prefix, which is excluded", "synthesis from A",
    zone("@ 300 AAAA 64:ff9b::909:909", f"@ 300 A {A}"), Ask(), synthetic(SYN), setting=EXCLUDED)
ORDER = Setting(clients=("!2001:db8:1:2::5", "2001:db8:1:2::/64"))
row(37, R + "3", "clients { !::5; ::/64 }: ::5 asks, ::6 asks", "NODATA, AAAA", A_ONLY,
    (Ask(who="plain guest"), Ask(who="other guest")), both(nth(0, nodata), nth(1, synthetic(SYN))), setting=ORDER)
row(37, R + "3", "clients { ::/64; !::5 }: ::5 asks, ::6 asks", "AAAA, AAAA", A_ONLY,
    (Ask(who="plain guest"), Ask(who="other guest")), every(synthetic(SYN)),
    setting=Setting(clients=ORDER.clients[::-1]))
# The table of RFC 6052 2.4.
for prefix, address in (("2001:db8::/32", "2001:db8:c000:221::"), ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
                        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
                        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
                        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
                        ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33")):
    row(34, "RFC 6052 2.4", f"192.0.2.33 with {prefix}", address, zone("@ 300 A 192.0.2.33"), Ask(),
        synthetic(address), setting=Setting(prefix=prefix))
for prefix, address in (("2a00:db8::/32", "2a00:db8:c629:21::"), ("2a00:db8:100::/40", "2a00:db8:1c6:2900:21::"),
                        ("2a00:db8:122::/48", "2a00:db8:122:c629:0:2100::"),
                        ("2a00:db8:122:300::/56", "2a00:db8:122:3c6:29:21::"),
                        ("2a00:db8:122:344::/64", "2a00:db8:122:344:c6:2900:2100::")):
    row(55, P, f"PTR of 198.41.0.33 with {prefix}", "the IPv4 address's PTR", pointed(33, "300 PTR host.example."),
        Ask(reverse(address), "PTR"), leads_to("host.example"), setting=Setting(prefix=prefix))
LOCAL = Setting(local=("vm1.lan", A))
row(49, R + "5.1", "AAAA of a name of the configuration with A alone", "AAAA", error("NXDOMAIN"), Ask("vm1.lan."),
    synthetic(SYN), setting=LOCAL)


def another_prefix(world):
    """Asked, another prefix configured, asked again until it counts."""
    first = world.ask(Ask())
    world.program.reload(OWN_PREFIX)
    for _ in range(15):
        second = world.ask(Ask(pause=0.2))
        if second.data() == [OWN_SYN]:
            break
    return [first, second]


row(50, R + "5.2", "another prefix is configured (SIGHUP), asked again", "AAAA by the new one", A_ONLY,
    another_prefix, both(nth(0, synthetic(SYN)), nth(1, synthetic(OWN_SYN))), rough=True)
