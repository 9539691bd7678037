# SPDX-License-Identifier: GPL-3.0-or-later
"""v6gwd and the two resolvers that others use for DNS64, BIND and Unbound as Debian has them, each on
the lab's host with the same settings: a comparison asks all three the same.

    program = Bind(lab)
    program.start(Setting(prefix="2001:db8:64::/96", anchor=ds))
    program.reload(Setting())
    program.stop()

All answer on ADDRESSES (port 53), for the guests' prefix alone, and ask FORWARDERS for everything.
"""
import dataclasses
import signal
import subprocess
import textwrap

from gateway import Gateway
from lab import tool

ADDRESSES = ("2001:db8:1:2::1", "2001:db8:1:2::2", "fe80::53")
PLAIN_GUEST = "2001:db8:1:2::5"  # has IPv4 of its own: nothing is synthesised for it
NETS = ("2001:db8:1:2::/64", "fe80::/10")
FORWARDERS = ("198.41.0.101", "198.41.0.102")


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a question needs.  clients: of DNS64, the first match counts; destinations: IPv4 networks
    that are not mapped; local: name and IPv4 address answered from the configuration; cache: its size, "256M",
    where each program's default will not do."""
    prefix: str = "64:ff9b::/96"
    clients: tuple = (f"!{PLAIN_GUEST}", "any")
    forwarders: int = 1
    anchor: str = ""
    except_domain: str = ""
    exclude: tuple = ()
    unmapped: tuple = ()
    local: tuple = ()
    cache: str = ""


def quoted(values):
    return ", ".join(f'"{v}"' for v in values)


class V6gwd:
    """With its other planes off."""

    name = "v6gwd"

    def __init__(self, lab):
        self.gateway = Gateway(lab, "", level="info")

    @staticmethod
    def text(s):
        more = f'exclude_aaaa = [ {quoted(("::ffff:0:0/96",) + s.exclude)} ];' if s.exclude else ""
        if s.anchor:
            more += f'dnssec = "validate"; trust_anchors = [ "{s.anchor}" ];'
        if s.except_domain:
            more += f'validate_except = [ "{s.except_domain}" ];'
        if s.local:
            more += f'local = ( {{ name = "{s.local[0]}"; a = [ "{s.local[1]}" ]; }} );'
        if s.cache:
            more += f'cache_size = "{s.cache}";'
        unmapped = quoted([f"!{net}" for net in s.unmapped] + ["any"]) if s.unmapped else '"auto"'
        return textwrap.dedent(f"""\
            interface = "br0";
            nat64 = {{ enabled = false; prefix = "{s.prefix}"; destinations = [ {unmapped} ]; }};
            ra = ( );
            dns64 = {{
                listen = [ {quoted(ADDRESSES[:2])}, "{ADDRESSES[2]}%br0" ]; allow_query = [ {quoted(NETS)} ];
                clients = [ {quoted(s.clients)} ]; forwarders = [ {quoted(FORWARDERS[:s.forwarders])} ]; {more}
            }};
            """)

    def start(self, s):
        self.gateway.configure(self.text(s))
        self.gateway.start()

    def reload(self, s):
        self.gateway.configure(self.text(s))
        self.gateway.send(signal.SIGHUP)

    def stop(self):
        if self.gateway.process and self.gateway.process.poll() is None:
            self.gateway.stop()


class Server:
    """A program with one file, that runs in the foreground."""

    def __init__(self, lab):
        self.lab, self.process = lab, None
        self.dir = lab.dir / self.name
        self.dir.mkdir()
        self.conf = self.dir / "conf"

    def start(self, s):
        self.conf.write_text(self.text(s))
        self.process = self.lab.host.popen(*self.argv(), stdout=subprocess.DEVNULL, stderr=open(self.dir / "log", "a"))

    def reload(self, s):
        self.conf.write_text(self.text(s))
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()  # neither keeps anything
            self.process.wait()


class Bind(Server):
    """Forward only, with dns64 for the same prefix and clients."""

    name = "BIND"

    def argv(self):
        return [tool("named"), "-g", "-n", "1", "-c", self.conf]

    def text(self, s):
        def acl(values):
            return "{ " + "".join(f"{v}; " for v in values) + "}"
        dns64 = f"clients {acl(s.clients)}; "
        if s.exclude:
            dns64 += f"exclude {acl(('::ffff:0:0/96',) + s.exclude)}; "
        if s.unmapped:
            dns64 += f"mapped {acl([f'!{net}' for net in s.unmapped] + ['any'])}; "
        more = f'validate-except {{ "{s.except_domain}"; }};' if s.except_domain else ""
        if s.cache:
            more += f" max-cache-size {s.cache};"
        text = textwrap.dedent(f"""\
            options {{
                directory "{self.dir}"; pid-file none; session-keyfile none; managed-keys-directory "{self.dir}";
                listen-on {{ none; }}; listen-on-v6 {{ any; }};
                allow-query {acl(NETS)}; allow-query-cache {acl(NETS)}; allow-recursion {acl(NETS)};
                forward only; forwarders {acl(FORWARDERS[:s.forwarders])};
                dnssec-validation {"yes" if s.anchor else "no"}; {more}
                dns64 {s.prefix} {{ {dns64}}};
            }};
            controls {{ }};
            """)
        if s.anchor:
            owner, _, _, tag, algorithm, kind, digest = s.anchor.split(None, 6)
            text += f'trust-anchors {{ {owner} static-ds {tag} {algorithm} {kind} "{digest}"; }};\n'
        if s.local:
            (self.dir / "local").write_text(f"$TTL 300\n@ SOA . . 1 3600 600 86400 60\n@ NS .\n@ A {s.local[1]}\n")
            text += f'zone "{s.local[0]}" {{ type primary; file "local"; check-integrity no; }};\n'
        return text


class Unbound(Server):
    """With the module dns64, which knows one prefix, and no clients, exclusions or destinations."""

    name = "Unbound"

    def argv(self):
        return [tool("unbound"), "-d", "-c", self.conf]

    def text(self, s):
        server = [f"interface: {a}" for a in (*ADDRESSES[:2], f"{ADDRESSES[2]}%br0")]
        server += [f"access-control: {net} allow" for net in NETS]
        server += [f'module-config: "dns64 {"validator " if s.anchor else ""}iterator"', f"dns64-prefix: {s.prefix}"]
        server += [f'trust-anchor: "{s.anchor}"'] if s.anchor else []
        server += [f'domain-insecure: "{s.except_domain}"'] if s.except_domain else []
        server += [f'local-data: "{s.local[0]}. A {s.local[1]}"'] if s.local else []
        server += [f"msg-cache-size: {s.cache}", f"rrset-cache-size: {s.cache}"] if s.cache else []
        server += [f'directory: "{self.dir}"', 'chroot: ""', 'username: ""', 'pidfile: ""', "use-syslog: no",
                   "ede: yes", "num-threads: 1", "do-daemonize: no"]
        forward = ['name: "."'] + [f"forward-addr: {a}" for a in FORWARDERS[:s.forwarders]]
        return "".join(f"{clause}:\n" + "".join(f"    {line}\n" for line in lines) for clause, lines in
                       (("server", server), ("forward-zone", forward), ("remote-control", ["control-enable: no"])))
