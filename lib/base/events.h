/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.h - everything that v6gwd tells an administrator of while it happens.
 *
 * One row: id, name, plane, level, MESSAGE_ID, subject.  Those with a MESSAGE_ID ask for
 * something to be done: each is explained in systemd/v6gwd.catalog, under the same subject.
 */
#pragma once

#include <stddef.h>

/* clang-format off */
#define EVENTS(X) \
	X(CONFIG_REFUSED, "config_refused", "gateway", ERROR, \
	  "c9d85357b957bdbc56b5aa52825ccc21", "A new configuration was refused") \
	X(CONFIG_LOADED, "config_loaded", "gateway", NOTICE, \
	  "", "A configuration was taken into force") \
	X(STATUS, "status", "gateway", INFO, \
	  "", "The health of v6gwd changed") \
	X(OVER, "over", "gateway", NOTICE, \
	  "", "A trouble told before is over") \
	X(CHANGE_FAILED, "change_failed", "gateway", WARNING, \
	  "521a929db554e21f544dfdfb2a8f7d74", "A change of the host could not be followed") \
	X(SOCKET_REFUSED, "socket_refused", "gateway", ERROR, \
	  "a0bb21cd5c9ed478d52917880bd8546d", "The control socket could not be opened") \
	X(CONTROL_GROUP, "control_group", "gateway", WARNING, \
	  "113fcee12f2f05482787f2e8e6f89b27", "The group that may use v6gwctl does not exist") \
	X(WAITING_INTERFACE, "waiting_interface", "gateway", WARNING, \
	  "29f889325d59ae91098bc420678b587a", "v6gwd waits for the guests' interface") \
	X(WAITING_UPLINK, "waiting_uplink", "gateway", WARNING, \
	  "ce7ae9ddc965f1deb887cdadbd6533fb", "v6gwd waits for an uplink") \
	X(SYSCTL_REFUSED, "sysctl_refused", "gateway", WARNING, \
	  "3eaa7ebe9b46a38f776e0161679b739c", "A kernel setting that v6gwd needs cannot be read or set") \
	X(TABLE_LOST, "table_lost", "gateway", NOTICE, \
	  "f0352b3add11c703e93258275151604e", "An nftables table of v6gwd was changed by another process") \
	X(TABLE_REFUSED, "table_refused", "gateway", WARNING, \
	  "002800afc4fbe06eac896a573c595a61", "The kernel refused an nftables table of v6gwd") \
	X(ROUTE_LOST, "route_lost", "gateway", NOTICE, \
	  "58744848b3259b658ff5b092d14d09b6", "A route of v6gwd was removed and is put back") \
	X(WITHHELD, "withheld", "gateway", WARNING, \
	  "8281e62a6cf853c90d89923d85120c7e", "What does not work is not announced to the guests") \
	X(ANNOUNCED, "announced", "gateway", NOTICE, \
	  "", "What works again is announced to the guests") \
	X(TUN_REFUSED, "tun_refused", "nat64", ERROR, \
	  "5ded74fe9aabe7d661ae2ee1074ac476", "The TUN device could not be opened") \
	X(TUN_MISSING, "tun_missing", "nat64", WARNING, \
	  "cd88b2a6a794f69fa483aa260c183995", "The TUN device is missing") \
	X(TUN_LOST, "tun_lost", "nat64", NOTICE, \
	  "30613ad641c19ad0edec41ba3db1f1ad", "The TUN device was removed or changed, and is put back") \
	X(ROUTE_MISSING, "route_missing", "nat64", WARNING, \
	  "8d3affdcdd1c2d164d47504873c8a063", "A route to the translator is missing") \
	X(MASQUERADE_MISSING, "masquerade_missing", "nat64", WARNING, \
	  "dca4f6729bf200f688df7cb2ed965ef8", "The pool is not masqueraded") \
	X(POOL_FULL, "pool_full", "nat64", WARNING, \
	  "5e4f5dee5fec72b10a3efbeae43762e3", "The pool of IPv4 addresses is full") \
	X(GUEST_LIMIT_WEAK, "guest_limit_weak", "nat64", WARNING, \
	  "b933e130098b65dff5b6ef2a8353dd7c", "The limit of mappings does not hold for all guests") \
	X(NO_ICMP_SOURCE, "no_icmp_source", "nat64", WARNING, \
	  "322c2acecdb1ff21ed2f6638c439bf5a", "The translator has no IPv6 address to send errors from") \
	X(LEASES_BAD, "leases_bad", "nat64", WARNING, \
	  "14aa1502d162889f8ea04bf639ca0564", "The file of mappings was damaged") \
	X(FASTPATH_OFF, "fastpath_off", "nat64", WARNING, \
	  "3329a4f6be334266b8378000150103aa", "The kernel does not translate by itself") \
	X(FASTPATH_LOST, "fastpath_lost", "nat64", NOTICE, \
	  "d90ab474844b4e0c87b82cf0848674f8", "The filter of the fast path was removed and is put back") \
	X(LEASES_UNSAVED, "leases_unsaved", "nat64", WARNING, \
	  "c8ba67fd2b8611312691dbe07ef168e8", "Mappings are not saved") \
	X(MAPPING_MADE, "mapping_made", "nat64", INFO, \
	  "", "A mapping was made") \
	X(MAPPING_MOVED, "mapping_moved", "nat64", INFO, \
	  "", "A mapping got another address") \
	X(MAPPING_ENDED, "mapping_ended", "nat64", INFO, \
	  "", "A mapping ended") \
	X(PORT_TAKEN, "port_taken", "dns64", WARNING, \
	  "889483552cd19af787550a7457ee0b83", "The port of DNS64 belongs to another program") \
	X(LISTEN_REFUSED, "listen_refused", "dns64", WARNING, \
	  "2414816b584085397e202f2f2e978dd3", "DNS64 cannot listen on an address") \
	X(WAITING_ADDRESS, "waiting_address", "dns64", WARNING, \
	  "42d94e4a61b07f57db7955094beade7a", "DNS64 waits for an address to listen on") \
	X(NO_FORWARDER, "no_forwarder", "dns64", WARNING, \
	  "fb947896eadd1265044f5e25596b4ccf", "No DNS forwarder answers") \
	X(FORWARDERS_REFUSE, "forwarders_refuse", "dns64", WARNING, \
	  "fbe90dea90e551533bf447758e0fcf44", "The DNS forwarders refuse what they are asked") \
	X(FORWARDER_SELF, "forwarder_self", "dns64", WARNING, \
	  "6d57a05430a3e7c82b10dbe49a7f8362", "A DNS forwarder is v6gwd itself") \
	X(FORWARDER_DOWN, "forwarder_down", "dns64", INFO, \
	  "", "A DNS forwarder does not answer") \
	X(FORWARDER_UP, "forwarder_up", "dns64", INFO, \
	  "", "A DNS forwarder answers again") \
	X(TRUST_ANCHOR, "trust_anchor", "dns64", WARNING, \
	  "28bd38086901dc18163cadb37ac3cfb5", "The keys of the DNS root cannot be used") \
	X(CLOCK_WRONG, "clock_wrong", "dns64", WARNING, \
	  "9a6f1f907160da733f3f10f1705392dd", "The clock is wrong, so nothing can be validated") \
	X(DNSSEC_STRIPPED, "dnssec_stripped", "dns64", WARNING, \
	  "182555cdfb40623e8aebeb08a1a03ab0", "A DNS forwarder strips DNSSEC") \
	X(CLIENTS_UNKNOWN, "clients_unknown", "dns64", WARNING, \
	  "e190bd7e82cacf900220ac67b118343b", "DNS64 cannot see the link-layer addresses of all guests") \
	X(QUERY, "query", "dns64", INFO, \
	  "", "A question was answered") \
	X(WAITING_LINK, "waiting_link", "ra", WARNING, \
	  "9df36604f51dfad252cf48d9d0896f5f", "An interface cannot be advertised on yet") \
	X(DUPLICATE_ADDRESS, "duplicate_address", "ra", WARNING, \
	  "6313fafb6fcf29c128091146f70b21ff", "Another machine has the link-local address of this host") \
	X(SEND_FAILED, "send_failed", "ra", WARNING, \
	  "06869128e76aab5d22ecfb7df954b3f4", "Advertisements cannot be sent") \
	X(NO_ROUTES, "no_routes", "ra", WARNING, \
	  "bd71550f8571865c3c6f0d82cd6899db", "No routes are announced") \
	X(MTU_REFUSED, "mtu_refused", "ra", WARNING, \
	  "89b930cbbc7f43c889b4d4e83cfbedb7", "An MTU is not announced") \
	X(REACHES_PROVIDER, "reaches_provider", "ra", WARNING, \
	  "a34dc163bb9e5d589753fcc7040e4499", "Advertisements may reach the provider") \
	X(OTHER_ROUTER, "other_router", "ra", WARNING, \
	  "b40bd3a19ca1a272f11a1ad5bf547e88", "Another router advertises on the guests' link") \
	X(HOST_STEERED, "host_steered", "ra", WARNING, \
	  "3de206308c798f6e4b5fbbe6ea82c500", "The host took a default route from its guests' link") \
	X(HOST_LISTENS, "host_listens", "ra", WARNING, \
	  "db22c0e214f74e40d644a8d2cca798d8", "The host listens to router advertisements") \
	X(ADVERTISEMENT, "advertisement", "ra", INFO, \
	  "", "What is advertised changed")
/* clang-format on */

enum event {
#define EVENT_ID(id, name, plane, level, message_id, subject) EVENT_##id,
	EVENTS(EVENT_ID)
#undef EVENT_ID
};

struct event_row {
	const char *name, *plane, *message_id; /* message_id: "" for none */
};

const struct event_row *event_row(enum event);
