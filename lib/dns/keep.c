/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keep.h"

#include "base/rd.h"
#include "base/wr.h"
#include "engine.h"

#define FORMAT     0x76366b31u /* another one whenever a record changes */
#define HEAD_LEN   12
#define RECORD_LEN 14 /* without its message */

static void put_u64(struct wr *w, uint64_t v)
{
	wr_u32(w, (uint32_t)(v >> 32));
	wr_u32(w, (uint32_t)v);
}

static uint64_t get_u64(struct rd *r)
{
	uint64_t high = rd_u32(r);

	return high << 32 | rd_u32(r);
}

size_t keep_size(const struct dns *d)
{
	return HEAD_LEN + cache_entries(d->cache) * RECORD_LEN + cache_bytes(d->cache);
}

static void save(void *arg, const struct cache_record *record)
{
	struct wr *w = arg;

	put_u64(w, record->stored_ms);
	wr_u8(w, record->key.flags);
	wr_u8(w, record->fact.secure);
	wr_u16(w, record->fact.ede);
	wr_u16(w, (uint16_t)record->len);
	wr_bytes(w, record->msg, record->len);
}

size_t keep_save(const struct dns *d, uint64_t proof, uint8_t *out, size_t size,
		 uint64_t now_ms)
{
	struct wr w = wr_of(out, size);

	wr_u32(&w, FORMAT);
	put_u64(&w, proof);
	cache_each(d->cache, now_ms, save, &w);
	return wr_ok(&w) ? wr_len(&w) : 0;
}

static bool load(struct dns *d, struct rd *r, uint64_t now_ms)
{
	uint64_t heard_ms = get_u64(r);
	uint8_t flags = rd_u8(r);
	struct resolve_result res = { .status = RESOLVE_ANSWER, .secure = rd_u8(r) == 1 };
	struct msg m;
	bool failed;

	res.ede = rd_u16(r);
	res.len = rd_u16(r);
	res.msg = rd_take(r, res.len);
	if (!rd_ok(r) || heard_ms > now_ms || flags > (RESOLVE_DO | RESOLVE_CD) ||
	    msg_parse(res.msg, res.len, &m) != MSG_OK || !m.q.name_len)
		return false;
	cache_unpin(d->cache, engine_keep(d, &m.q, flags, &res, heard_ms, &failed));
	return !failed;
}

size_t keep_load(struct dns *d, uint64_t proof, const uint8_t *in, size_t len, uint64_t now_ms)
{
	struct rd r = rd_of(in, len);
	size_t n = 0;

	if (rd_u32(&r) != FORMAT || get_u64(&r) != proof)
		return 0;
	ready_clear(d->ready);
	while (rd_left(&r) && load(d, &r, now_ms))
		n++;
	return n;
}
