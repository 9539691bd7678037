# SPDX-License-Identifier: GPL-3.0-or-later
"""A prefix of one's own, other values in the advertisement, guests with unique-local addresses."""
import pytest

from lab import SERVER4, canonical, embed, wait_until
from servers import udp_echo

OWN = "2001:db8:64::/96"
TARGET = embed(OWN, SERVER4)
CONFIG = f"""
interface = "br0";
nat64 = {{ prefix = "{OWN}"; dynamic_pool = [ "10.64.0.0/24" ]; }};
ra = ( {{ preference = "high"; max_interval = "1m"; router_lifetime = "5m"; hop_limit = 63; mtu = 1480; other = true;
         prefixes = ( {{ prefix = "auto"; valid = "2h"; preferred = "1h"; }} );
         dnssl = ( {{ domains = [ "vm.example", "example.net" ]; }} ); }} );
"""
pytestmark = [pytest.mark.lab(guests=1, prefix="fd00:64:1:2::/64", hops=False), pytest.mark.gateway(CONFIG)]


def test_advertised_as_configured(world):
    text = " ".join(world.guests[0].advertisement().split())
    for part in ("Hop limit : 63 ", "Stateful other conf. : Yes", "Router preference : high",
                 "Router lifetime : 300 ", "Valid time : 7200 ", "Pref. time : 3600 ", f"Route : {OWN}",
                 "MTU : 1480", "DNS search list : vm.example"):
        assert part in text, part


def test_route_and_address(world):
    guest = world.guests[0]
    assert guest.address == "fd00:64:1:2:5054:ff:fe00:101"
    routes = {r["dst"]: r for r in guest.routes()}
    assert OWN in routes and routes["default"]["pref"] == "high"


def test_name_resolves_below_the_own_prefix(world):
    assert world.guests[0].out("dig", "+short", "v4only.example.net", "AAAA").split() == [canonical(TARGET)]


def test_traffic(world):
    guest = world.guests[0]
    assert guest.ok("ping", "-c", "1", "-W", "2", TARGET)
    assert "you are 5.9.0.2" in guest.out("curl", "-sSf", "-m", "5", "http://v4only.example.net/")
    assert udp_echo(guest, TARGET, [1, 1452, 4000]) == [1, 1452, 4000]


def test_pool_as_configured(world):
    rows = world.gw.ctl_rows("mappings")
    assert rows and all(row["ipv4"].startswith("10.64.0.") for row in rows if row["state"] == "active")


def test_translators_address_is_embedded(world):
    """With another prefix than 64:ff9b::/96 its IPv6 address is its IPv4 address in the prefix."""
    nat64 = world.gw.status()["nat64"]
    assert canonical(nat64["ipv6_address"]) == canonical(embed(OWN, nat64["ipv4_address"]))
    for node in world.guests + [world.host]:
        assert node.ok("ping", "-c", "1", "-W", "2", nat64["ipv6_address"]), node.name


def test_private_destinations_are_reachable(world):
    """destinations = "auto" is "any" with an own prefix."""
    world.server.run("ip", "addr", "add", "10.99.0.1/32", "dev", "lo")
    assert world.guests[0].ok("ping", "-c", "1", "-W", "2", embed(OWN, "10.99.0.1"))
    wait_until(lambda: world.gw.status()["nat64"]["mappings"]["active"] >= 1, 3)
