# SPDX-License-Identifier: GPL-3.0-or-later
"""The control socket with a thousand clients, slow, deaf, endless, huge and senseless ones, and such without
rights: what packets feel of it, what it costs, and that each is told what is the matter."""
import collections
import contextlib
import ipaddress
import json
import os
import random
import re
import resource
import socket
import subprocess
import sys
import threading
import time

import pytest

import replies
import servers
from conftest import _lab_and_maker
from gateway import CONFIG
from lab import SERVER4, embed, wait_until
from test_restart import Questions

pytestmark = pytest.mark.lab(guests=1, hops=False)
TARGET = embed("64:ff9b::/96", SERVER4)
POOL = ipaddress.ip_network("10.64.0.0/18")
MAPPINGS, CROWD, CLIENTS = 12000, 1000, 32
MEAN_MS = 50           # that packets may take; in quiet it is less than one
LONGEST_MS = 2000      # and the slowest, on a machine that does other things, too
ROOM_KB = 16 << 10     # that clients may cost, all of them
LEFT_KB = 4 << 10      # that may be left of it
SPARE_FDS = 2
OURS = "io.v6gwd.Control."
TOO_MANY, DENIED = f"{OURS}TooManyClients", f"{OURS}NotPermitted"

# What another user does: N connections, with the first of the requests on each; what is answered; then the
# rest of the requests on the first connection.  They stay until a line comes.
OTHERS = """
import collections, json, socket, sys
n, requests = int(sys.argv[1]), sys.argv[2:]
def answer(s):
    data = b""
    try:
        while not data.endswith(b"\\0"):
            more = s.recv(1 << 16)
            if not more:
                return "closed"
            data += more
    except OSError as error:
        return str(error)
    return json.loads(data[:-1]).get("error", "served")
def ask(s, text):
    try:
        s.sendall(text.encode() + b"\\0")
    except OSError:
        pass
sockets = []
for _ in range(n):
    s = socket.socket(socket.AF_UNIX)
    s.connect("/run/v6gwd/control.sock")
    s.settimeout(20)
    ask(s, requests[0])
    sockets.append(s)
print(json.dumps(collections.Counter(map(answer, sockets))), flush=True)
said = []
for text in requests[1:]:
    ask(sockets[0], text)
    said.append(answer(sockets[0]))
print(json.dumps(said), flush=True)
sys.stdin.readline()
"""


class World:
    def __init__(self, lab, build):
        config = CONFIG + f'nat64 = {{ dynamic_pool = [ "{POOL}" ]; }}; control = {{ group = "games"; }};'
        self.lab, self.host, self.guest = lab, lab.host, lab.guests[0]
        servers.start_names(lab)
        self.gw = lab.gateway(config, build=build, level="info")
        now, first = int(time.time()), int(POOL[2])
        (self.gw.dir / "state/leases").write_text("".join(
            f"{ipaddress.IPv4Address(first + i)}\t2001:db8:1:2:1::{i + 1:x}\t{now - 60}\n" for i in range(MAPPINGS)))
        self.gw.start(timeout=30)
        self.guest.up()
        self.guest.wait_configured()
        self.resolver = self.guest.learn_resolver()[0]
        wait_until(lambda: self.guest.ok("ping", "-c1", "-W1", TARGET), 10, "a ping")
        self.gw.wait_ok(15)

    def dial(self):
        """Waits while others wait: with a timeout Python would give up at once."""
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"/proc/{self.host.holder.pid}/root/run/v6gwd/control.sock")
        s.settimeout(20)
        return s

    def others(self, n, group, *methods):
        """A process of another user: n connections."""
        texts = [json.dumps({"method": OURS + method, "parameters": parameters}) for method, parameters in methods]
        return self.host.popen("setpriv", "--reuid=65534", f"--regid={group}", "--clear-groups", "prlimit", "--nofile=4096",
                               sys.executable, "-c", OTHERS, str(n), *texts, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)

    def descriptors(self):
        """How many there are of UNIX sockets, and of all."""
        with open(f"/proc/{self.gw.pid}/net/unix") as table:
            ours = {f"socket:[{line.split()[6]}]" for line in table.readlines()[1:]}
        links = []
        for fd in os.listdir(f"/proc/{self.gw.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                links.append(os.readlink(f"/proc/{self.gw.pid}/fd/{fd}"))
        return len(ours & set(links)), len(links)


@pytest.fixture(scope="module")
def storm(request, release_build):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield World(_lab_and_maker(request), release_build)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def unharmed(world, what, pings=3000):
    """A thousand packets a second, from before the block until it ends and longer: none is lost, none waits;
    what the daemon needs is bounded, and given back."""
    gw, before_kb, before_fds = world.gw, world.gw.memory()["RssAnon"], world.descriptors()[1]
    most_kb, over = [before_kb], threading.Event()

    def watch():
        while not over.wait(0.05):
            most_kb.append(gw.memory()["RssAnon"])
    watcher = threading.Thread(target=watch)
    ping = world.guest.popen("ping", "-q", "-i", "0.001", "-W", "5", "-c", str(pings), TARGET, stdout=-1, text=True)
    watcher.start()
    try:
        time.sleep(0.2)
        yield lambda: ping.poll() is None
        text = ping.communicate(timeout=90)[0]
    finally:
        over.set()
        watcher.join()
        ping.kill()
    sent, got = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", text).groups())
    mean, longest = map(float, re.search(r"= [\d.]+/([\d.]+)/([\d.]+)/", text).groups())
    # The listening one is left; beside those of clients one that asks a forwarder may come or go.
    wait_until(lambda: world.descriptors()[0] == 1 and world.descriptors()[1] <= before_fds + SPARE_FDS, 15,
               lambda: f"descriptors: {world.descriptors()}, {before_fds} before")
    after_kb = gw.memory()["RssAnon"]
    print(f"\n{what}: {sent} pings, {sent - got} lost, mean {mean:.1f} ms, longest {longest:.0f} ms; memory {before_kb} KiB, "
          f"{max(most_kb) - before_kb:+d} at most, {after_kb - before_kb:+d} afterwards")
    assert sent - got == 0 and sent == pings
    assert mean < MEAN_MS and longest < LONGEST_MS
    assert max(most_kb) - before_kb < ROOM_KB and after_kb - before_kb < LEFT_KB
    assert gw.process.poll() is None and gw.ctl("status").returncode == 0


def request(method, more=False, **parameters):
    return json.dumps({"method": OURS + method, "parameters": parameters, "more": more}).encode() + b"\0"


def say(s, data):
    with contextlib.suppress(OSError):
        s.sendall(data)


def hear(s):
    """The next answer, or None at the end of the connection."""
    data = b""
    try:
        while not data.endswith(b"\0"):
            more = s.recv(1 if len(data) > 1 << 20 else 1 << 16)
            if not more:
                return None
            data += more
    except ConnectionError:
        return None
    return [json.loads(part) for part in data.split(b"\0")[:-1]]


def close(sockets):
    for s in sockets:
        s.close()


def test_a_thousand_at_once(storm):
    """As many as there is room for are served, all others are told at once; and so is v6gwctl."""
    with unharmed(storm, f"{CROWD} connections", 4000):
        sockets = []
        for _ in range(CROWD):
            sockets.append(storm.dial())
            say(sockets[-1], request("GetStatus"))
        answers = [hear(s) for s in sockets]
        for answer in answers:
            replies.judge_message(f"{OURS}GetStatus", answer[0])
        said = collections.Counter(answer[0].get("error", "served") for answer in answers)
        print(said)
        assert said["served"] >= CLIENTS and said["served"] + said[TOO_MANY] == CROWD and said[TOO_MANY] > CROWD * 0.8
        done = storm.gw.ctl("status", check=False)
        assert done.returncode == 1 and "too many clients" in done.stderr
        close(sockets)
        wait_until(lambda: storm.gw.ctl("status", check=False).returncode == 0, 5, "room again")


def test_who_may_not_ask(storm):
    """Neither root nor in the group: each of a thousand is told, and sent away."""
    with unharmed(storm, f"{CROWD} connections without rights", 4000):
        process = storm.others(CROWD, 65534, ("GetStatus", {}))
        assert json.loads(process.stdout.readline()) == {DENIED: CROWD}
        assert storm.gw.ctl("status").returncode == 0
        process.communicate("\n", timeout=10)


def test_who_may_only_read(storm):
    """In the group: what changes something is refused; a thousand of them do not keep the administrator out."""
    with unharmed(storm, f"{CROWD} connections of readers", 4000):
        process = storm.others(CROWD, 60, ("GetStatus", {}), ("Reload", {}), ("FlushDns", {}), ("SetLogLevel", {"level": "debug"}),
                               ("DropMapping", {"ipv6": "2001:db8:1:2:1::1"}), ("GetStatus", {}))
        said = json.loads(process.stdout.readline())
        assert said["served"] >= CLIENTS and said["served"] + said[TOO_MANY] == CROWD, said
        assert json.loads(process.stdout.readline()) == [DENIED] * 4 + ["served"]
        for _ in range(5):
            assert storm.gw.ctl("status").returncode == 0
        process.communicate("\n", timeout=10)


def test_slow_readers_of_a_long_list(storm):
    """They cost what is under way to them; and one that reads gets it all."""
    sockets = []
    with unharmed(storm, f"{CLIENTS - 2} slow readers of {MAPPINGS} mappings", 6000) as goes_on:
        sockets += [storm.dial() for _ in range(CLIENTS - 2)]
        for s in sockets:
            say(s, request("ListMappings", more=True))
        while goes_on():
            for s in sockets:
                s.recv(256)
            time.sleep(0.05)
        rows = [json.loads(line) for line in storm.gw.ctl("--json", "mappings").stdout.splitlines()]
        assert len({row["ipv4"] for row in rows}) >= MAPPINGS
        close(sockets)


def test_fast_readers_of_a_long_list(storm):
    with unharmed(storm, f"readers of {MAPPINGS} mappings, two at a time", 6000) as goes_on:
        lists = 0
        while goes_on():
            for process in [storm.host.popen(storm.gw.build / "daemon/v6gwctl", "--json", "mappings",
                                             stdout=subprocess.DEVNULL) for _ in range(2)]:
                assert process.wait(60) == 0
                lists += 1
        print(f"{lists} lists")


def test_garbage(storm):
    """What is no varlink is answered with an error, and the connection ends."""
    generator, seen = random.Random(5), collections.Counter()
    with unharmed(storm, "garbage", 4000) as goes_on:
        while goes_on():
            with storm.dial() as s:
                say(s, generator.randbytes(generator.randrange(1, 4000)) + b"\0")
                answer = hear(s)
                seen[answer[0]["error"] if answer else "closed"] += 1
        print(dict(seen))
    assert set(seen) <= {"org.varlink.service.InvalidParameter", "closed"} and seen["org.varlink.service.InvalidParameter"]


def test_64_kib(storm):
    """A request of that length is answered; one more byte is too much."""
    with unharmed(storm, "64 KiB requests", 4000) as goes_on:
        n = 0
        while goes_on():
            text = request("FlushDns")[:-1]
            with storm.dial() as s:
                say(s, text.ljust(65536) + b"\0")
                assert hear(s) == [{"parameters": {}}]
                say(s, b" " * 65537)
                assert hear(s) == [{"error": f"{OURS}RequestTooLarge", "parameters": {}}] and hear(s) is None
            n += 1
        print(f"{n} times")


def test_requests_that_never_end(storm):
    """Ten seconds without an answer are enough, whether bytes trickle in or not."""
    with unharmed(storm, "half requests", 12000):
        sockets, begin = [storm.dial() for _ in range(CLIENTS)], time.monotonic()
        for s in sockets[::2]:
            say(s, request("GetStatus")[:-5].ljust(60000))
        while time.monotonic() - begin < 9:
            for s in sockets[1::2]:
                say(s, b" ")
            time.sleep(0.2)
        assert [hear(s) for s in sockets] == [None] * len(sockets)
        assert 8 < time.monotonic() - begin < 15
        close(sockets)


def test_monitors_that_never_read(storm):
    """Events are not kept for them: what they missed is counted."""
    with unharmed(storm, "deaf monitors", 6000) as goes_on:
        sockets = [storm.dial() for _ in range(CLIENTS - 2)]
        for s in sockets:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            say(s, request("Monitor", more=True, queries=True))
        questions = Questions(storm.guest, storm.resolver, every=0.0005)
        while goes_on():
            time.sleep(0.1)
        asked, unanswered = questions.asked, questions.end()
        print(f"{asked} questions, {unanswered} unanswered")
        assert not unanswered
        lost = heard = 0
        sockets[0].settimeout(2)
        with contextlib.suppress(TimeoutError):
            left = b""
            while data := sockets[0].recv(1 << 16):
                *whole, left = (left + data).split(b"\0")
                for reply in map(json.loads, whole):
                    replies.judge_message(f"{OURS}Monitor", reply)
                    lost += reply["parameters"].get("n", 0) if reply["parameters"]["event"] == "lost" else 0
                    heard += reply["parameters"]["event"] == "query"
        print(f"{heard} events heard, {lost} lost")
        assert heard + lost >= asked
        close(sockets)


def test_all_of_them_at_once(storm):
    generator = random.Random(7)
    with unharmed(storm, "everybody", 8000) as goes_on:
        strangers = storm.others(CROWD, 65534, ("GetStatus", {}))
        readers = storm.others(CROWD, 60, ("ListCounters", {}))
        sockets, deaf = [], [request("ListMappings", more=True), request("Monitor", more=True, queries=True), b"{", b""]
        while goes_on():
            s = storm.dial()
            say(s, generator.choice([*deaf, generator.randbytes(300) + b"\0", request("GetMetrics") * 50, request("Doctor", more=True),
                                     b" " * 70000]))
            sockets.append(s)
            if len(sockets) > 200:
                sockets.pop(generator.randrange(200)).close()
        for process in (strangers, readers):
            assert json.loads(process.stdout.readline())
            process.communicate("\n", timeout=20)
        close(sockets)
