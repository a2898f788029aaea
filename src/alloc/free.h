/*
 * Freeing, in two steps. Retire: the generation moves, by one compare-and-swap, and the handle is dead; under the
 * pool's lock, but without it where a thread keeps the range, and on the short way of own buffers. Release: the own
 * buffer goes, the range returns to TLSF, or the dedicated block goes. Nothing here allocates, and nothing can fail but
 * the handle.
 */
#ifndef BDA_ALLOC_FREE_H
#define BDA_ALLOC_FREE_H

#include "alloc/allocator.h"

/* Both steps at once. VK_ERROR_VALIDATION_FAILED_EXT with the reason. */
VkResult bda_free_handle(BdaAllocator allocator, BdaHandle handle, const char **reason);

/* The same for one that its caller never heard of, since a later step failed: no checking mode keeps it from reuse, and
 * the history says nothing of it. */
void bda_free_unseen(BdaAllocator allocator, BdaHandle handle);

/* Both steps for all of them, or for none: false with the reason and the place of a bad one. Zeros are skipped. */
bool bda_free_handles(BdaAllocator allocator, uint32_t count, const BdaHandle *handles, uint32_t *bad,
                      const char **reason);

/* The first step: the node's state becomes `state`, retired or pending. Returns the node, 0 with the reason. */
uint32_t bda_retire(BdaAllocator allocator, BdaHandle handle, enum bda_node_state state, const char **reason);

/* What was asked for of one that is live, has been retired, or waits. Under the pool's lock, or the owner's. */
VkDeviceSize bda_asked_once(BdaAllocator allocator, struct bda_node *node);

/* For hooks: a retired or pending node becomes quarantined, and its link is the caller's; and in the end it goes, with
 * as many bytes of memory as is answered. */
void bda_hold(BdaAllocator allocator, uint32_t index);
VkDeviceSize bda_release_held(BdaAllocator allocator, uint32_t index);

/* Has checking modes release what they hold, see struct bda_hooks; nothing to do without them. */
void bda_let_go(BdaAllocator allocator, const struct bda_pool *pool);

/* The second step for a list of pending nodes, linked by bda_node_link; a checking mode may hold some back. Returns how
 * many bytes of memory went back to the driver: of dedicated blocks, and of those that a checking mode lets go in
 * their place. */
VkDeviceSize bda_release_list(BdaAllocator allocator, uint32_t first);

/* Both steps for everything that is live in a pool which nobody else uses any more. */
void bda_release_all(BdaAllocator allocator, struct bda_pool *pool);

/* Gives the range of a half-made allocation back; its record stays the caller's. */
void bda_take_back(BdaAllocator allocator, uint32_t index);

#endif
