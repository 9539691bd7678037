/* SPDX-License-Identifier: GPL-3.0-or-later */
/* option_read.h - what the files of the option types share: one function to read and one to
 * write for each type.  Included by option_*.c only.
 */
#pragma once

#include "option_type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- option_reader.c: telling the operator --- */

/* Marks the reading as failed; always false. */
bool option_no_memory(struct option_reader *);

/* How much of a value a message shows, for "%.*s". */
int option_shown(const char *text);

/* "a list", "text" ... */
const char *option_type_of(const struct value *);

/* Refuses a value of another type than the row's; always false. */
bool option_wrong_type(struct option_reader *, const struct option *, const struct value *);

/* --- pieces of values; those with a reader refuse by themselves --- */

/* Is it the word that the row takes instead of a value? */
bool option_is_keyword(const struct option *, const struct value *);

/* Decimal digits from *p on; false when there are none or they do not fit. */
bool option_digits(const char **p, int64_t *out);

/* A copy that lives as long as the configuration. */
bool option_store(struct option_reader *, const char *text, const char **out);

bool option_check_interface(struct option_reader *, const char *name);

/* A domain name, lower case, without its last dot. */
bool option_parse_name(struct option_reader *, const char *text, const char **out);

/* An address, or a network without host bits, of the family asked for. */
bool option_parse_addr(struct option_reader *, const char *text, bool v4, struct in6_addr *out);
bool option_parse_net(struct option_reader *, const char *text, bool v4, struct prefix6 *out);

/* Text as libconfig reads it, in quotes. */
void option_quote(const char *text, char *out, size_t out_len);

/* --- reading: field is that of the row; untouched when the value is refused --- */

bool option_read_acl(struct option_reader *, const struct option *, const struct value *,
		     void *field);
bool option_read_addr4(struct option_reader *, const struct option *, const struct value *,
		       void *field);
bool option_read_addr6(struct option_reader *, const struct option *, const struct value *,
		       void *field);
bool option_read_anchors(struct option_reader *, const struct option *, const struct value *,
			 void *field);
bool option_read_bool(struct option_reader *, const struct option *, const struct value *,
		      void *base);
bool option_read_duration(struct option_reader *, const struct option *, const struct value *,
			  void *field);
bool option_read_interface(struct option_reader *, const struct option *, const struct value *,
			   void *field);
bool option_read_interfaces(struct option_reader *, const struct option *, const struct value *,
			    void *field);
bool option_read_label(struct option_reader *, const struct option *, const struct value *,
		       void *field);
bool option_read_link_net6(struct option_reader *, const struct option *, const struct value *,
			   void *field);
bool option_read_listen(struct option_reader *, const struct option *, const struct value *,
			void *field);
bool option_read_masquerade(struct option_reader *, const struct option *, const struct value *,
			    void *field);
bool option_read_name(struct option_reader *, const struct option *, const struct value *,
		      void *field);
bool option_read_names(struct option_reader *, const struct option *, const struct value *,
		       void *field);
bool option_read_net4(struct option_reader *, const struct option *, const struct value *,
		      void *field);
bool option_read_net6(struct option_reader *, const struct option *, const struct value *,
		      void *field);
bool option_read_nets(struct option_reader *, const struct option *, const struct value *,
		      void *field);
bool option_read_number(struct option_reader *, const struct option *, const struct value *,
			void *field);
bool option_read_path(struct option_reader *, const struct option *, const struct value *,
		      void *field);
bool option_read_port(struct option_reader *, const struct option *, const struct value *,
		      void *field);
bool option_read_pref64(struct option_reader *, const struct option *, const struct value *,
			void *field);
bool option_read_ra_prefix(struct option_reader *, const struct option *, const struct value *,
			   void *field);
bool option_read_resolvers(struct option_reader *, const struct option *, const struct value *,
			   void *field);
bool option_read_servers(struct option_reader *, const struct option *, const struct value *,
			 void *field);
bool option_read_size(struct option_reader *, const struct option *, const struct value *,
		      void *field);
bool option_read_uri(struct option_reader *, const struct option *, const struct value *,
		     void *field);
bool option_read_word(struct option_reader *, const struct option *, const struct value *,
		      void *field);

/* --- writing: a value, or one element of a list, into out[out_len] --- */

void option_put_acl_entry(const struct option *, const void *field, char *out, size_t out_len);
void option_put_addr4(const struct option *, const void *field, char *out, size_t out_len);
void option_put_addr6(const struct option *, const void *field, char *out, size_t out_len);
void option_put_bool(const struct option *, const void *field, char *out, size_t out_len);
void option_put_duration(const struct option *, const void *field, char *out, size_t out_len);
void option_put_endpoint(const struct option *, const void *field, char *out, size_t out_len);
void option_put_host(const struct option *, const void *field, char *out, size_t out_len);
void option_put_masquerade(const struct option *, const void *field, char *out, size_t out_len);
void option_put_net4(const struct option *, const void *field, char *out, size_t out_len);
void option_put_net6(const struct option *, const void *field, char *out, size_t out_len);
void option_put_number(const struct option *, const void *field, char *out, size_t out_len);
void option_put_pool(const struct option *, const void *field, char *out, size_t out_len);
void option_put_port(const struct option *, const void *field, char *out, size_t out_len);
void option_put_pref64(const struct option *, const void *field, char *out, size_t out_len);
void option_put_ra_prefix(const struct option *, const void *field, char *out, size_t out_len);
void option_put_size(const struct option *, const void *field, char *out, size_t out_len);
void option_put_text(const struct option *, const void *field, char *out, size_t out_len);
void option_put_word(const struct option *, const void *field, char *out, size_t out_len);
