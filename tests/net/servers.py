# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers for the lab's IPv4 internet: nginx, BIND as the authority for example.net, radvd,
and an echo for UDP.  Each gets its own configuration in the lab's directory, runs in the
foreground, and ends with the lab."""
import socket
import subprocess
import sys
import textwrap

from lab import NAMES4, SERVER4, tool, wait_until

ZONE = f"""\
$TTL 300
@       SOA ns hostmaster 1 3600 600 86400 60
        NS  ns
ns      A   {NAMES4}
v4only  A   {SERVER4}
www     CNAME v4only
many    A   {SERVER4}
        A   {NAMES4}
dual    A   {SERVER4}
        AAAA 2001:db8:ffff::80
v6only  AAAA 2001:db8:ffff::81
mapped  A   {SERVER4}
        AAAA ::ffff:{SERVER4}
text    TXT "hello"
long    TXT ( {' '.join('"' + c * 250 + '"' for c in "abcdefghij")} )
"""


def start_names(lab, zone=ZONE):
    """BIND on NAMES4, the authority for example.net and for the root (so that every other name is
    NXDOMAIN, at once)."""
    directory = lab.dir / "named"
    directory.mkdir()
    (directory / "example.net").write_text(zone)
    (directory / "root").write_text(
        f"$TTL 300\n. SOA ns.example.net. hostmaster 1 3600 600 86400 60\n. NS ns.example.net.\n"
        f"example.net. NS ns.example.net.\nns.example.net. A {NAMES4}\n")
    (directory / "named.conf").write_text(textwrap.dedent(f"""\
        options {{
            directory "{directory}";
            pid-file none; session-keyfile none; managed-keys-directory "{directory}";
            listen-on {{ {NAMES4}; }}; listen-on-v6 {{ none; }};
            recursion yes; allow-recursion {{ any; }}; allow-query {{ any; }};
            dnssec-validation no; empty-zones-enable no;
        }};
        controls {{ }};
        zone "." {{ type primary; file "root"; }};
        zone "example.net" {{ type primary; file "example.net"; }};
        """))
    server = lab.server.popen(tool("named"), "-g", "-n", "1", "-c", directory / "named.conf",
                              stdout=subprocess.DEVNULL, stderr=open(directory / "log", "w"))
    wait_until(lambda: lab.server.ok("dig", f"@{NAMES4}", "+time=1", "+tries=1", "example.net", "SOA"),
               15, lambda: "named answers\n" + (directory / "log").read_text())
    return server


def start_web(lab):
    """nginx on SERVER4:80.  PUT stores below /upload/; / says who asked."""
    directory = lab.dir / "web"
    for sub in ("root/upload", "tmp"):
        (directory / sub).mkdir(parents=True)
    temp = "".join(f"{kind}_temp_path {directory}/tmp; "
                   for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (directory / "nginx.conf").write_text(textwrap.dedent(f"""\
        user root; daemon off; master_process off; worker_processes 1;
        pid {directory}/pid; error_log {directory}/error.log;
        events {{ }}
        http {{
            access_log off; {temp}
            server {{
                listen {SERVER4}:80;
                root {directory}/root; client_max_body_size 0;
                location = / {{ default_type text/plain;
                    return 200 "Hello over IPv4 from $server_addr, you are $remote_addr\\n"; }}
                location /upload/ {{ dav_methods PUT; }}
            }}
        }}
        """))
    server = lab.server.popen(tool("nginx"), "-c", directory / "nginx.conf", "-e", directory / "error.log",
                              stdout=subprocess.DEVNULL, stderr=open(directory / "stderr", "w"))
    wait_until(lambda: lab.server.ok("curl", "-sf", "-m1", f"http://{SERVER4}/"), 15,
               lambda: "nginx answers\n" + (directory / "stderr").read_text())
    return directory / "root"


def start_echo(lab, port=7):
    """Sends every UDP datagram back to where it came from."""
    server = lab.server.popen(sys.executable, "-c", textwrap.dedent(f"""\
        import socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("{SERVER4}", {port}))
        print("up", flush=True)
        while True:
            s.sendto(*s.recvfrom(65536))
        """), stdout=subprocess.PIPE, text=True)
    assert server.stdout.readline() == "up\n"
    return server


def start_radvd(lab, node, text):
    """radvd as another router, for instance the provider's."""
    conf = lab.dir / f"radvd-{node.name}.conf"
    conf.write_text(text)
    return node.popen(tool("radvd"), "-n", "-C", conf, "-p", lab.dir / f"radvd-{node.name}.pid", "-m", "stderr",
                      stdout=subprocess.DEVNULL, stderr=open(lab.dir / "radvd.log", "w"))


def udp_echo(node, target, sizes, port=7, timeout=2.0):
    """Sends one datagram of each size from node, and returns the sizes that came back the same."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    good = []
    with node.inside():
        s = socket.socket(family, socket.SOCK_DGRAM)
    with s:
        s.settimeout(timeout)
        s.connect((target, port))
        for size in sizes:
            sent = bytes((size + i * 7) & 255 for i in range(size))
            s.send(sent)
            try:
                if s.recv(65536) == sent:
                    good.append(size)
            except (TimeoutError, ConnectionError):
                pass
    return good
