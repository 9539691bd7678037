# SPDX-License-Identifier: GPL-3.0-or-later
"""DNSSEC validation: a signed zone with everything that can be wrong with one, served by BIND, and
asked with and without DO, CD and AD.

Numbers in brackets are those of docs/rfc.md, DNS64."""
import os
import socket
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from lab import NAMES4, sh, wait_until
from mock_dns import MockDns, Send
from signed import A, HEAD, Zones, pass_on

pytestmark = pytest.mark.lab(guests=0)
SYNTHETIC = "64:ff9b::c629:a"
MIDDLE = "198.41.0.101"  # a forwarder that stands between us and BIND
ROOT_KEY = "/usr/share/dns/root.key"


class Net:
    """The gateway, and a client on its host."""

    def __init__(self, lab):
        self.lab = lab
        lab.server.run("ip", "addr", "add", f"{MIDDLE}/24", "dev", "eth0")
        zones = Zones(lab.dir / "zones")
        self.anchor = zones.sign_example()
        root_ds = zones.signed("", HEAD + f"ns.u.example. A {NAMES4}\nexample. NS ns.u.example.\n")
        self.root_key, self.root_ds = zones.key, root_ds
        zones.plain("example", HEAD + "s NS ns.u\nu NS ns.u\n")
        zones.serve(lab)
        self.middle = MockDns(MIDDLE, inside=lab.server.inside)
        self.middle.script = self.pass_on
        lab.on_close(self.middle.close)
        self.gw = lab.gateway(self.config())

    def config(self, dnssec="validate", forwarder=MIDDLE, more=""):
        anchors = f'trust_anchors = [ "{self.anchor}" ];' if "trust_anchors" not in more else ""
        return (f'interface = "br0"; dns64 = {{ forwarders = [ "{forwarder}" ]; listen = [ "auto", "::1" ]; '
                f'allow_query = [ "localnets", "localhost" ]; dnssec = "{dnssec}"; {anchors} {more} }};\n')

    def reload(self, **kw):
        self.gw.configure(self.config(**kw))
        self.gw.ctl("reload")

    def pass_on(self, q, want_dnssec=None, spoil=False):
        """What BIND says; spoil: with wrong signatures."""
        return pass_on(self.lab, q, want_dnssec, spoil)

    def ask(self, name, rdtype="AAAA", do=False, cd=False, ad=False, tcp=False, edns=True):
        flags = dns.flags.RD | (dns.flags.CD if cd else 0) | (dns.flags.AD if ad else 0)
        message = dns.message.make_query(name, rdtype, use_edns=0 if edns or do else -1, payload=1232, want_dnssec=do,
                                         flags=flags)
        with self.lab.host.inside():
            return (dns.query.tcp if tcp else dns.query.udp)(message, "::1", timeout=6)


def is_ad(answer):
    return bool(answer.flags & dns.flags.AD)


def data(answer, rdtype="AAAA"):
    return [item.to_text() for rrset in answer.answer for item in rrset
            if rrset.rdtype == dns.rdatatype.from_text(rdtype)]


def types(answer):
    return {dns.rdatatype.to_text(rrset.rdtype) for section in (answer.answer, answer.authority) for rrset in section}


def edes(answer):
    return [int(o.code) for o in answer.options if o.otype == 15]


def failed(answer):
    return answer.rcode() == dns.rcode.SERVFAIL and not answer.answer


@pytest.fixture(scope="module")
def module_net(request):
    from conftest import _lab_and_maker
    net = Net(_lab_and_maker(request))
    net.gw.start()
    return net


@pytest.fixture
def net(module_net):
    module_net.middle.script = module_net.pass_on
    return module_net


def test_synthesis_of_what_is_proved(net):
    """[63], [64], [65] AD only for who sets DO; nothing of DNSSEC over what is synthetic."""
    answer = net.ask("aonly.s.example")
    assert data(answer) == [SYNTHETIC] and not is_ad(answer) and "RRSIG" not in types(answer)
    answer = net.ask("aonly.s.example", ad=True)
    assert data(answer) == [SYNTHETIC] and not is_ad(answer)
    answer = net.ask("aonly.s.example", do=True)
    assert data(answer) == [SYNTHETIC] and is_ad(answer) and types(answer) == {"AAAA"} and edes(answer) == [29]
    answer = net.ask("cn.s.example", do=True)
    assert data(answer) == [SYNTHETIC] and is_ad(answer)


def test_who_validates_gets_all(net):
    """[66], [67]"""
    answer = net.ask("aonly.s.example", do=True, cd=True)
    assert not answer.answer and {"SOA", "NSEC", "RRSIG"} <= types(answer)
    assert answer.flags & dns.flags.CD and not is_ad(answer)
    answer = net.ask("aonly.s.example", cd=True)
    assert not data(answer) and answer.flags & dns.flags.CD


def test_bogus_a(net):
    """[68], [20]"""
    answer = net.ask("bada.s.example")
    assert failed(answer) and edes(answer) == [6]
    assert failed(net.ask("bada.s.example", "A"))
    assert data(net.ask("bada.s.example", "A", cd=True), "A") == [A]


def test_bogus_denial(net):
    """[69]"""
    assert failed(net.ask("badneg.s.example"))
    answer = net.ask("badneg.s.example", "A", do=True)
    assert data(answer, "A") == [A] and is_ad(answer)


def test_bogus_aaaa(net):
    """[70]"""
    assert failed(net.ask("badaaaa.s.example"))
    assert failed(net.ask("badaaaa.s.example", do=True))
    assert data(net.ask("badaaaa.s.example", "A"), "A") == [A]
    assert net.gw.counter("dns64.failed_bogus") > 0


def test_stripped(net):
    """[71]"""
    answer = net.ask("aonly.str.s.example")
    assert failed(answer) and edes(answer)[0] in (9, 10, 12)


def test_wildcard(net):
    """[72]"""
    answer = net.ask("x.w.s.example", do=True)
    assert data(answer) == [SYNTHETIC] and is_ad(answer)
    answer = net.ask("y.w.s.example", "A", do=True)
    assert data(answer, "A") == [A] and is_ad(answer) and "NSEC" in types(answer)


def test_what_is_not_signed(net):
    """[73], [74] A signed CNAME to an unsigned name, an unsigned zone, an insecure delegation."""
    for name in ("cnu.s.example", "aonly.u.example", "aonly.ins.s.example"):
        answer = net.ask(name, do=True, ad=True)
        assert data(answer) == [SYNTHETIC] and not is_ad(answer), name
        answer = net.ask(name, "A", do=True, ad=True)
        assert data(answer, "A") == [A] and not is_ad(answer), name


def test_real_aaaa(net):
    """[75], [76]"""
    answer = net.ask("dual.s.example", do=True)
    assert data(answer) == ["2001:db8:ffff::80"] and is_ad(answer) and "RRSIG" in types(answer)
    answer = net.ask("dual.s.example")
    assert data(answer) == ["2001:db8:ffff::80"] and not is_ad(answer) and types(answer) == {"AAAA"}
    assert is_ad(net.ask("dual.s.example", ad=True))
    answer = net.ask("mapped.s.example", do=True)
    assert data(answer) == [SYNTHETIC]


def test_denials(net):
    """DO decides on the proofs, DO and AD on AD."""
    for do in (False, True):
        answer = net.ask("nothere.s.example", do=do)
        assert answer.rcode() == dns.rcode.NXDOMAIN and is_ad(answer) == do
        assert ("NSEC" in types(answer)) == do and "SOA" in types(answer)
        answer = net.ask("aonly.s.example", "MX", do=do)
        assert answer.rcode() == dns.rcode.NOERROR and ("RRSIG" in types(answer)) == do


def test_types_of_dnssec(net):
    """[78]"""
    with net.lab.server.inside():
        theirs = {t: dns.query.tcp(dns.message.make_query("s.example", t, want_dnssec=True), NAMES4)
                  for t in ("DNSKEY", "NSEC", "RRSIG")}
        theirs["DS"] = dns.query.tcp(dns.message.make_query("exp.s.example", "DS", want_dnssec=True), NAMES4)
    for rdtype, expected in theirs.items():
        answer = net.ask("exp.s.example" if rdtype == "DS" else "s.example", rdtype, do=True, tcp=True)
        assert set(data(answer, rdtype)) and set(data(answer, rdtype)) <= set(data(expected, rdtype)), rdtype
        assert is_ad(answer) or rdtype == "RRSIG"
    assert data(net.ask("s.example", "NSEC"), "NSEC")


def test_expired(net):
    """[79] And an exception for the zone."""
    answer = net.ask("aonly.exp.s.example")
    assert failed(answer) and edes(answer) == [7]
    net.reload(more='validate_except = [ "exp.s.example" ];')
    answer = net.ask("aonly.exp.s.example", do=True)
    assert data(answer) == [SYNTHETIC] and not is_ad(answer)
    assert failed(net.ask("bada.s.example"))
    net.reload()
    assert failed(net.ask("aonly.exp.s.example"))


def test_failures_are_not_kept(net):
    """[80] Nor by the library: 5 s after the answer is right, it is given."""
    net.middle.script = lambda q: net.pass_on(q, spoil=q.name == "late.w.s.example")
    assert failed(net.ask("late.w.s.example"))
    net.middle.script = net.pass_on
    wait_until(lambda: data(net.ask("late.w.s.example")) == [SYNTHETIC], 12, "the failure is forgotten", every=1)


def test_error_is_no_bogus(net):
    """RFC 6147 5.1.2: an error of the forwarder's for AAAA is overcome, unlike a failed proof."""
    net.middle.script = lambda q: [Send(q.reply("SERVFAIL"))] if q.type == "AAAA" else net.pass_on(q)
    answer = net.ask("error.w.s.example", do=True)
    assert data(answer) == [SYNTHETIC] and not is_ad(answer)


def test_pass_and_validate(net):
    """A reload changes the mode; what was kept without a proof is not used any longer, and the
    listener stays."""
    net.reload(dnssec="pass")
    assert data(net.ask("bada.s.example")) == [SYNTHETIC]
    answer = net.ask("dual.s.example", do=True, ad=True)
    assert data(answer) == ["2001:db8:ffff::80"] and not is_ad(answer)  # [77]
    net.middle.script = lambda q: [Send(s.wire, after=1.5) for s in net.pass_on(q)]
    with net.lab.host.inside():
        client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    client.settimeout(6)
    client.sendto(dns.message.make_query("badneg.s.example", "AAAA").to_wire(), ("::1", 53))
    time.sleep(0.1)
    net.middle.script = net.pass_on
    net.reload()
    assert failed(dns.message.from_wire(client.recv(4096))), "asked again, and proved"
    client.close()
    assert failed(net.ask("bada.s.example"))
    assert is_ad(net.ask("dual.s.example", do=True))


def test_wrong_keys_are_told(net):
    """Every name fails then, those of unsigned domains, too."""
    def reasons():
        return str(net.gw.status()["health"]["reasons"])
    net.reload(more='trust_anchors = [ "auto" ];')
    for i in range(3):
        assert failed(net.ask(f"wrong{i}.u.example"))
    wait_until(lambda: "no answer could be proved so far" in reasons(), 3, reasons)
    net.reload()
    assert data(net.ask("dual.s.example", do=True))
    wait_until(lambda: "proved" not in reasons(), 3, reasons)


def test_silence(net):
    """SERVFAIL in time, the status says that nobody answers, and it is over at once."""
    net.middle.script = lambda q: []
    begun = time.monotonic()
    answer = net.ask("silent.w.s.example")
    assert failed(answer) and time.monotonic() - begun < 5
    for i in range(30):
        net.ask(f"silent{i}.w.s.example")
        if "no forwarder answers" in str(net.gw.status()["health"]["reasons"]):
            break
    else:
        raise AssertionError(net.gw.status()["health"])
    net.middle.script = net.pass_on
    wait_until(lambda: net.gw.status()["dns64"]["forwarders"][0]["healthy"], 8, "it is found again")
    begun = time.monotonic()
    assert data(net.ask("back.w.s.example")) == [SYNTHETIC] and time.monotonic() - begun < 2


def test_health_is_known_without_questions(net):
    wait_until(lambda: net.gw.status()["dns64"]["forwarders"][0]["rtt_ms"], 5, "probed")


def test_names_with_odd_octets(net):
    """Names go to the library as text: dots, backslashes and other octets inside of labels."""
    for name in (r"a\.b.w.s.example", r"\000\255\\.w.s.example", r"\"x\".w.s.example", r"sp\032ace.w.s.example"):
        assert data(net.ask(name)) == [SYNTHETIC], name


def test_zone_with_forwarders_of_its_own(net):
    """The chain of proofs goes by the default ones, the zone by its own."""
    net.reload(more=f'zones = ( {{ name = "ins.s.example"; forwarders = [ "{NAMES4}" ]; }} );')
    net.middle.questions.clear()
    assert data(net.ask("aonly.ins.s.example")) == [SYNTHETIC]
    assert not net.middle.asked("aonly.ins.s.example") and net.middle.asked("s.example", "DNSKEY")
    net.reload()


def test_silent_zone_leaves_room(net):
    """What the library goes on asking for a zone whose forwarder is silent does not keep the others out."""
    silent = MockDns(MIDDLE, 5353, inside=net.lab.server.inside, script=lambda q: [])
    net.reload(more=f'zones = ( {{ name = "dead.example"; forwarders = [ "{MIDDLE}@5353" ]; }} ); '
                    'max_queries_per_client = 4000;')
    with net.lab.host.inside():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for n in range(1200):
        sock.sendto(dns.message.make_query(f"n{n}.dead.example", "AAAA").to_wire(), ("::1", 53))
        time.sleep(0.001)
    assert net.gw.status()["dns64"]["in_flight"] > 100
    for n in range(5):
        assert data(net.ask(f"room{n}.w.s.example")) == [SYNTHETIC]
    sock.close()
    net.reload()
    silent.close()


def test_link_local_forwarder(net):
    """With its interface, and a port of its own."""
    address = next(a["local"] for a in net.lab.host.addresses("eth0") if a["scope"] == "link")
    near = MockDns("::", 5353, inside=net.lab.host.inside, script=net.pass_on)
    net.reload(forwarder=f"[{address}%eth0]@5353")
    assert is_ad(net.ask("aonly.s.example", do=True))
    assert near.asked("aonly.s.example")
    net.reload()
    near.close()


def test_forwarder_that_strips(net):
    """Nothing is proved, so nothing is answered, and the status names who it is."""
    net.middle.script = lambda q: net.pass_on(q, False)
    net.reload(more="timeout = \"4s\"; validate_except = [ \"nowhere.example\" ];")
    for i in range(4):
        assert failed(net.ask(f"s{i}.w.s.example"))
    wait_until(lambda: f"{MIDDLE} strips DNSSEC" in str(net.gw.status()["health"]["reasons"]), 3,
               lambda: str(net.gw.status()["health"]))
    net.middle.script = net.pass_on
    net.reload()
    assert data(net.ask("aonly.s.example")) == [SYNTHETIC]
    wait_until(lambda: "strips" not in str(net.gw.status()["health"]["reasons"]), 3)


def test_stop_in_flight(net):
    net.middle.script = lambda q: []
    with net.lab.host.inside():
        client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    for i in range(100):
        client.sendto(dns.message.make_query(f"stop{i}.w.s.example", "AAAA").to_wire(), ("::1", 53))
    wait_until(lambda: net.gw.status()["dns64"]["in_flight"] == 100, 5)
    net.gw.stop()
    client.close()
    net.gw.start()


def state(gw):
    return gw.dir / "state" / "root.key"


def with_root(net, text):
    """A gateway that follows the keys of the root, which begin with text."""
    net.gw.stop()
    state(net.gw).unlink(missing_ok=True)
    if text is not None:
        state(net.gw).write_text(text)
    net.gw.configure(net.config(more='trust_anchors = [ "auto" ];'))
    net.gw.start()
    return net.gw


def reasons(gw):
    return str(gw.status()["health"]["reasons"])


def test_root_keys_are_followed(net):
    """RFC 5011: the file is written with what was learnt."""
    gw = with_root(net, net.root_key + "\n")
    answer = net.ask(".", "SOA", do=True)
    assert data(answer, "SOA") and is_ad(answer)
    wait_until(lambda: "VALID" in state(gw).read_text(), 5, lambda: state(gw).read_text())


def test_root_keys_of_the_package(net):
    """Where there is no file it is made of the package's, which are not those of this root: fails closed."""
    gw = with_root(net, None)
    assert state(gw).read_text().startswith(open(ROOT_KEY).read()[:100])
    assert failed(net.ask("aonly.s.example"))


def test_root_keys_that_are_none(net):
    gw = with_root(net, "garbage\n")
    assert "root.key holds no keys" in reasons(gw)
    assert failed(net.ask("aonly.s.example"))


def test_anchors_that_are_none(net):
    """An empty file proves nothing, and then nothing is answered: never a silent downgrade.  What is in the file
    is looked at again by a reload."""
    file = net.gw.dir / "a.key"
    file.write_text("; nothing\n")
    net.gw.stop()
    net.gw.configure(net.config(more=f'trust_anchors = [ "{file}" ];'))
    net.gw.start()
    assert "no answer can be proved" in reasons(net.gw)
    answer = net.ask("aonly.u.example")
    assert failed(answer) and edes(answer) == [5]
    assert data(net.ask("aonly.u.example", "A", cd=True), "A") == [A]
    file.write_text(net.anchor + "\n")
    net.gw.ctl("reload")
    assert is_ad(net.ask("aonly.s.example", do=True))
    net.gw.wait_ok()
    file.write_text(net.root_ds + "\n")  # of a root that does not sign "example"
    os.utime(file, (time.time() + 10,) * 2)
    net.gw.ctl("reload")
    assert not is_ad(net.ask("aonly.s.example", do=True))


def test_clock_before_the_keys(net):
    """[80] Before the keys were written nothing can be valid yet: said, not guessed at."""
    gw = with_root(net, net.root_key + "\n")
    assert "clock" not in reasons(gw)
    gw.stop()
    os.utime(state(gw), (time.time() + 864000,) * 2)
    gw.start()
    assert "the clock is wrong" in reasons(gw)


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
static long ahead(void)
{
	struct stat st;

	return stat(getenv("TEST_CLOCK"), &st) ? 0 : st.st_size * 86400;
}
int clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	int r;

	if (!real)
		real = dlsym(RTLD_NEXT, "clock_gettime");
	r = real(id, ts);
	if (id == CLOCK_REALTIME)
		ts->tv_sec += ahead();
	return r;
}
int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out)
		*out = ts.tv_sec;
	return ts.tv_sec;
}
"""


def test_clock_that_is_set(net, release_build):
    """[80] Signatures are expired while the clock is wrong, for no longer than a failure is kept
    once it is set."""
    net.gw.stop()
    directory = net.gw.dir
    (directory / "clock.c").write_text(CLOCK)
    sh("gcc", "-shared", "-fPIC", "-o", directory / "clock.so", directory / "clock.c", "-ldl")
    wrong = directory / "wrong"
    wrong.write_text("x" * 400)  # days ahead: a file's size, which whoever is asked can see
    gw = net.lab.gateway(net.config(), build=release_build,
                         env={"LD_PRELOAD": str(directory / "clock.so"), "TEST_CLOCK": str(wrong)})
    gw.start()
    answer = net.ask("aonly.s.example")
    assert failed(answer) and edes(answer) == [7]
    wrong.write_text("")
    wait_until(lambda: data(net.ask("aonly.s.example")) == [SYNTHETIC], 8, "right again", every=0.5)
    gw.stop()
