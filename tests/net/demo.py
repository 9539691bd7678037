# SPDX-License-Identifier: GPL-3.0-or-later
"""demo.py BUILD [--shell]: the demonstration, step by step.  Run by tests/demo."""
import os
import re
import signal
import subprocess
import sys
import textwrap

import servers
from gateway import CONFIG, Gateway
from lab import NAMES4, SERVER4, Lab, sweep, wait_until

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def heading(text):
    heading.number += 1
    print("\n" + paint("1", f"{heading.number}. {text}"))


heading.number = 0


def say(text):
    print(textwrap.indent(textwrap.dedent(text).strip("\n"), "   "))


def show(node, prompt, *cmd):
    """The command as one would type it, and what it says."""
    print(paint("36", f"   {prompt}$ ") + " ".join(map(str, cmd)), flush=True)
    done = node.run(*cmd, check=False)
    output = (done.stdout + done.stderr).strip("\n").splitlines()
    print(textwrap.indent("\n".join(output), "   "), flush=True)
    return done.returncode == 0


def demonstrate(lab, build):
    host, guest = lab.host, lab.guests[0]
    heading("The laboratory: a guest on a bridge, a host, and an internet that speaks IPv4 only")
    say(f"""
        guest --- br0 [host] eth0 --- router --- router --- {SERVER4} web server (nginx)
        IPv6 only                      IPv4 only             {NAMES4} DNS server (BIND)
        """)
    show(host, "host", "ip", "-br", "address")
    show(host, "host", "cat", "/etc/resolv.conf")
    servers.start_names(lab)
    servers.start_web(lab)

    heading("v6gwd starts on the host; this is its whole configuration")
    gateway = Gateway(lab, build=build, level=None)
    host.write("v6gwd.conf", CONFIG)
    gateway.conf = "/etc/v6gwd.conf"
    gateway.start()
    show(host, "host", "cat", "/etc/v6gwd.conf")
    say("What it does by that file, it says in the log:")
    print(textwrap.indent(re.sub(r"^<\d>", "v6gwd: ", gateway.log_text(), flags=re.M).strip(), "   "))
    wait_until(lambda: gateway.status(), 5, "v6gwctl status")

    heading("The guest comes up; its kernel configures itself from our advertisement")
    guest.up()
    guest.wait_configured()
    ok = [show(guest, "guest", "ip", "-6", "address", "show", "dev", "eth0"),
          show(guest, "guest", "ip", "-6", "route")]
    say("That is an address, a default route, and the route to all of IPv4: 64:ff9b::/96.")

    heading("The advertisement also names a resolver: v6gwd itself")
    ok += [show(guest, "guest", "rdisc6", "-1", "eth0")]
    guest.learn_resolver()
    ok += [show(guest, "guest", "cat", "/etc/resolv.conf")]

    heading("A name that has an IPv4 address only: DNS64 makes an IPv6 address of it")
    ok += [show(guest, "guest", "dig", "+noall", "+answer", "v4only.example.net", "A"),
           show(guest, "guest", "dig", "+noall", "+answer", "v4only.example.net", "AAAA")]

    heading("The page on that IPv4 server, fetched by the IPv6 guest: NAT64 translates")
    ok += [show(guest, "guest", "curl", "-sS", "-m", "10", "http://v4only.example.net/")]

    heading("Ping, and the way through both worlds")
    ok += [show(guest, "guest", "ping", "-n", "-c", "3", "-i", "0.2", "v4only.example.net"),
           show(guest, "guest", "traceroute", "-6", "-n", "-q", "1", "-m", "8", "v4only.example.net")]

    heading("What the gateway says of itself")
    ok += [show(host, "host", "v6gwctl", "status"), show(host, "host", "v6gwctl", "mappings")]
    return all(ok)


def shell(lab, build):
    guest = lab.guests[0]
    heading("A shell on the guest; leave it with exit")
    say(f"""
        try: curl http://v4only.example.net/   dig www.example.net AAAA   ping 64:ff9b::{SERVER4}
        on the host, from another terminal:
             nsenter -t {lab.host.holder.pid} -n -m -r {build}/daemon/v6gwctl status
        """)
    rc = lab.dir / "bashrc"
    rc.write_text("PS1='guest# '\n")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    subprocess.run(guest.argv("bash", "--rcfile", rc, "-i"), check=False)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main():
    build, wants_shell = os.path.abspath(sys.argv[1]), "--shell" in sys.argv[2:]
    os.environ["PATH"] = f"{build}/daemon:{os.environ['PATH']}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    sweep()
    with Lab(guests=1) as lab:
        good = demonstrate(lab, build)
        if wants_shell:
            shell(lab, build)
        heading("Everything is taken down again")
    print("   done" if good else "   done, but not every step above worked")
    return 0 if good else 1


try:
    sys.exit(main())
except KeyboardInterrupt:
    sys.exit(130)
