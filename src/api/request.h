/*
 * From the caller's words to a request: the checks that both kinds of allocation share, and what is done with a request
 * once it is checked. Each refusal leaves its reason in the request.
 */
#ifndef BDA_API_REQUEST_H
#define BDA_API_REQUEST_H

#include "alloc/allocator.h"

/* VK_ERROR_VALIDATION_FAILED_EXT, with this reason. */
VkResult bda_invalid(struct bda_request *request, const char *reason);

/* The same with the value that the reason is about. */
VkResult bda_invalid_value(struct bda_request *request, const char *reason, uint64_t value, enum bda_wrong wrong_as);

/* What stands in the info, size, alignment and usage apart. First of the checks. */
VkResult bda_check_info(BdaAllocator allocator, const BdaAllocInfo *info, struct bda_request *request);

VkResult bda_check_size(BdaAllocator allocator, VkDeviceSize size, struct bda_request *request);
VkResult bda_check_use(BdaAllocator allocator, uint64_t usage, VkDeviceSize alignment, struct bda_request *request);

/* All checks of a range, as bda_alloc makes them. `own`, for where it is an own buffer (BDA_CHECK_ISOLATE_BIT), must
 * live as long as the request. */
VkResult bda_check_range(BdaAllocator allocator, const BdaAllocInfo *info, VkBufferCreateInfo *own,
                         struct bda_request *request);

/* Tells of a request that was refused with its reason: its name, its size and its pool, as far as they are known, and
 * what it is too large for; returns `result`. */
VkResult bda_refuse_request(BdaAllocator allocator, const char *function, VkResult result,
                            const struct bda_request *request);

/* The same of a request for an arena's new chunk, in which a piece of so many bytes was to lie. */
VkResult bda_refuse_new_chunk(BdaAllocator allocator, const char *function, VkResult result,
                              const struct bda_request *request, VkDeviceSize piece);

/* Allocates what was checked, and does what is left to do with it. */
VkResult bda_fulfil(BdaAllocator allocator, struct bda_request *request, BdaAllocation *allocation);

/* Makes room ahead for requests like the one that was checked. */
VkResult bda_make_room_for(BdaAllocator allocator, struct bda_request *request, VkDeviceSize bytes);

#endif
