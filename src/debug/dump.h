/*
 * Heap dumps, see bda_write_json. The schema is docs/heap-dump.md; what changes here changes there, in
 * docs/heap-dump.schema.json, and perhaps BDA_DUMP_VERSION.
 */
#ifndef BDA_DEBUG_DUMP_H
#define BDA_DEBUG_DUMP_H

#include "alloc/allocator.h"
#include "debug/json.h"

/* Raised when a member changes its meaning or goes; new members do not raise it. */
enum { BDA_DUMP_VERSION = 1 };

void bda_dump(BdaAllocator allocator, const BdaJsonInfo *info, struct bda_json *json);

/* Its parts: pools and what threads keep of them; blocks with their ranges. */
void bda_dump_pools(BdaAllocator allocator, struct bda_json *json);
void bda_dump_caches(BdaAllocator allocator, struct bda_json *json);
void bda_dump_blocks(BdaAllocator allocator, struct bda_json *json, bool ranges);

void bda_dump_use(struct bda_json *json, const char *key, const BdaUse *use);

/* Pools are named by numbers that stay: how many are older. */
uint32_t bda_dump_pool_number(const struct bda_pool *head);

/* The frame next to the present one that has these lowest 32 bits, which are not 0. */
uint64_t bda_dump_frame(BdaAllocator allocator, uint32_t low);

#endif
