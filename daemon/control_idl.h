/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_idl.h - the interfaces of the socket in varlink's description language. */
#pragma once

struct control_idl {
	const char *interface, *description;
};

extern const struct control_idl control_idls[]; /* ends with an interface NULL */
