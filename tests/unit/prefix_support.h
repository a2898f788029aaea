/* Counted prefixes of names: an allocator that has some, and what it must say of each. */
#ifndef TEST_PREFIX_SUPPORT_H
#define TEST_PREFIX_SUPPORT_H

#include "alloc_support.h"

enum { PREFIXES = 4, NOWHERE = PREFIXES };

/* The first is the beginning of the second, and comes before it: length decides, not the order. */
extern const char *const prefix_texts[PREFIXES];

/* As bench_open, with these. */
void prefix_open(const struct fake_config *config, BdaAllocatorInfo wishes);

BdaCountedPrefix prefix_now(uint32_t i);
void prefix_expect(uint32_t i, uint64_t live, VkDeviceSize used, VkDeviceSize peak, uint64_t frame);

/* These succeed. */
BdaAllocation prefix_take(VkDeviceSize size, const char *name);
void prefix_rename(BdaAllocation a, const char *name);

#endif
