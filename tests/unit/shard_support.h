/* A pool that is crowded, with a thread that takes from it beside the test's own. */
#ifndef TEST_SHARD_SUPPORT_H
#define TEST_SHARD_SUPPORT_H

#include "helper_support.h"

#include "alloc/shard.h"

extern struct helper helper;
extern BdaAllocation held; /* what holds the first block */
extern struct bda_pool *head;

/* With a value, so that caches keep none of it. */
static const BdaAllocInfo large = { .size = 100 << 10, .user = 1 };

/* Opens the bench with blocks of 1 MiB, `spare` of them empty beside the one with `held` in it, in a pool that is found
 * crowded; and closes it. `wishes`: NULL, or what else is to be so. */
void open_crowded(const BdaAllocatorInfo *wishes, uint32_t spare);
void close_crowded(void);

/* Beside the block that is held; this thread takes from the head. */
void make_empty_blocks(uint32_t count);

/* What a helper does: takes one range, or own buffer, as wished; gives back all that it has. */
void take_one(struct helper *h);
void take_own(struct helper *h);
void give_slots(struct helper *h);

/* The helper takes ranges, gives back all that it has, or frees what others took; it succeeds. */
void let_take(BdaAllocInfo wish, uint32_t count);
void let_give(void);
void let_free(const BdaAllocation *given, uint32_t count);

/* Takes ranges of many sizes and has the helper free the first one: what it frees of the others is kept from then on.
 */
void take_for_helper(BdaAllocation *mine, uint32_t count);

/* Yield points that threads have passed while they were `counted`; a hook to count them by. */
extern _Atomic uint32_t steps;
extern _Thread_local bool counted;
void count_steps(void);

struct bda_node *node_of(BdaHandle handle);
struct bda_pool *pool_of(BdaHandle handle); /* its shard */
uint32_t count_blocks(const struct bda_pool *shard);
struct bda_cache *cache_of_helper(void);

#endif
