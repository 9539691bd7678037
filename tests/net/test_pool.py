# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool, as an administrator sees it: who had which address, and that there are too few."""
import pytest

from gateway import CONFIG
from lab import SERVER4, canonical, embed, wait_until

pytestmark = pytest.mark.lab(guests=2, hops=False)

TARGET = embed("64:ff9b::/96", SERVER4)


def started(lab, nat64):
    gw = lab.gateway(CONFIG + f"nat64 = {{ {nat64} }};", level="info").start()
    for guest in lab.guests:
        guest.up()
    for guest in lab.guests:
        guest.wait_configured()
    gw.wait_ok()
    return gw


def ping(guest, source):
    return guest.ok("ping", "-c1", "-W3", "-I", source, TARGET)


def more(lab, guest, number):
    address = canonical(lab.prefix.replace("::/64", f"::{guest.mac[-2:]}:{number:x}"))
    guest.run("ip", "addr", "add", f"{address}/128", "dev", "eth0", "nodad")
    return address


def test_a_full_pool(lab):
    """Degraded from the first guest that gets none until there is room again."""
    gw = started(lab, 'dynamic_pool = [ "192.168.255.0/29" ];')  # five addresses
    first, second = lab.guests
    sources = [more(lab, first, n) for n in range(5)]
    assert all(ping(first, source) for source in sources)
    gw.wait_ok()
    assert not ping(second, second.address)
    reason, = wait_until(lambda: gw.status()["health"]["reasons"], 3, "a reason")
    assert "dynamic_pool" in reason and "larger" in reason and "max_mappings_per_guest" in reason
    assert f"no address for {second.address}" in gw.log_text()
    gw.ctl("drop", sources[2])
    gw.wait_ok(3)
    assert ping(second, second.address) and "no longer: nat64.dynamic_pool" in gw.log_text()
    gw.stop()


def test_a_larger_pool(lab):
    """Another network, and who has an address keeps it."""
    gw = started(lab, 'dynamic_pool = [ "192.168.255.0/30" ];')  # one address
    first, second = lab.guests
    assert ping(first, first.address) and not ping(second, second.address)
    wait_until(lambda: gw.status()["health"]["reasons"], 3, "a reason")
    before = gw.ctl_rows("mappings")
    gw.configure(CONFIG + 'nat64 = { dynamic_pool = [ "192.168.255.0/30", "192.168.254.0/29" ]; };')
    gw.ctl("reload")
    gw.wait_ok(3)
    assert [(m["ipv6"], m["ipv4"]) for m in before] == [(m["ipv6"], m["ipv4"]) for m in gw.ctl_rows("mappings")]
    assert ping(first, first.address) and ping(second, second.address)
    gw.stop()


def test_dormant_ones_make_room(lab):
    gw = started(lab, 'dynamic_pool = [ "192.168.255.0/30" ]; lease_lifetime = "4s";')
    first, second = lab.guests
    assert ping(first, first.address) and not ping(second, second.address)
    wait_until(lambda: gw.status()["health"]["reasons"], 3, "a reason")
    gw.wait_ok(8)
    assert ping(second, second.address)
    gw.stop()


def test_who_had_which_address(lab):
    """log_mappings: each line has both addresses, and whose they are."""
    gw = started(lab, 'log_mappings = true; max_mappings_per_guest = 1; dynamic_pool = [ "192.168.255.0/28" ];')
    guest = lab.guests[0]
    own, other = guest.address, more(lab, guest, 1)
    assert ping(guest, own)
    assert ping(guest, other)
    row, = gw.ctl_rows("mappings")
    gw.ctl("drop", other)
    made, ended, new, dropped = [line for line in gw.log_text().splitlines() if "nat64: mapping " in line]
    old = made.split()[4]
    assert made.endswith(f"mapping {own} - {old} made for {guest.mac}")
    assert ended.endswith(f"mapping {own} - {old} ended")
    assert new.endswith(f"mapping {other} - {row['ipv4']} made for {guest.mac}")
    assert dropped.endswith(f"mapping {other} - {row['ipv4']} ended")
    gw.stop()


def test_a_log_is_not_flooded(lab):
    """log_mappings: 200 lines in ten seconds, then how many there were beside them."""
    gw = started(lab, 'log_mappings = true; max_mappings_per_guest = 250;')
    guest = lab.guests[0]
    guest.run("ip", "-batch", "-", input="".join(
        f"addr add {lab.prefix.replace('::/64', f'::a:{n:x}')}/128 dev eth0 nodad\n" for n in range(230)))
    guest.run("sh", "-c", f"for n in $(seq 0 229); do ping -c1 -W1 -I {lab.prefix.replace('::/64', '::a:')}"
                          f"$(printf %x $n) {TARGET} >/dev/null & done; wait")
    wait_until(lambda: len(gw.ctl_rows("mappings")) >= 230, 5)
    wait_until(lambda: "more mappings" in gw.log_text(), 15)
    lines = [line for line in gw.log_text().splitlines() if "nat64: mapping " in line]
    more_, = [line for line in gw.log_text().splitlines() if "more mappings" in line]
    assert len(lines) == 200 and int(more_.split("nat64: ")[1].split()[0]) >= 30
    gw.stop()
