/* Reading the history, see bda_get_history: from all rings, while they are written. */
#ifndef BDA_DEBUG_HISTORY_H
#define BDA_DEBUG_HISTORY_H

#include "alloc/allocator.h"

/* Finds the last owners of [first, last], in either form of addresses, the newest first. `owners` has room for `room`
 * of them; returns how many there are. */
uint32_t bda_history_find(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                          BdaPastOwner *owners, BdaHistory *history);

/* The same for who had `first` last; and up to `*until`, `last` at most, all bytes were last the same one's, or
 * nobody's where it answers false. */
bool bda_history_find_last(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, BdaPastOwner *owner,
                           VkDeviceAddress *until);

/* Shows every free that is remembered, ring by ring, the newest of each first, and how many bytes it held. What is
 * written over meanwhile is not shown. */
typedef void bda_past_visitor(void *context, const BdaPastOwner *owner, VkDeviceSize held);
void bda_history_each(BdaAllocator allocator, bda_past_visitor *visit, void *context, BdaHistory *history);

/* Finds the free of what a handle named; false: it is not remembered. Reads every ring. */
bool bda_history_find_handle(BdaAllocator allocator, BdaHandle handle, BdaPastOwner *owner);

/* As bda_history_find, and with BDA_CHECK_HISTORY_BIT also what lives there and is remembered to have been made. */
uint32_t bda_history_find_all(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                              BdaPastOwner *owners, BdaHistory *history);

/* What is free and had no owner since the allocator was made was never handed out: to be asked once a finding's
 * `former` and `history` are known. */
void bda_history_tell_untouched(BdaFinding *finding);

/* Says so of what lives in a finding. */
void bda_history_date_frames(BdaAllocator allocator, BdaFinding *finding);

/* The same, and how many frees ago, with that bit; without, nothing. */
void bda_history_date(BdaAllocator allocator, BdaFinding *finding);

#endif
