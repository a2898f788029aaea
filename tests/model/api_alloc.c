/* What allocates, and when it may be refused; see api_model.h. */
#include "api_model.h"

#include <string.h>

/* ---- Asking ------------------------------------------------------------------------------------------------------ */

/* Small mostly: every power of two is as likely as the next. */
static VkDeviceSize some_size(struct api_model *model) {
    VkDeviceSize bound = model->plan->largest >> api_draw(model, 14);
    return 1 + api_draw(model, bound > 16 ? bound : 16);
}

static BdaAllocFlags some_flags(struct api_model *model) {
    uint64_t dice = api_draw(model, 12);
    BdaAllocFlags flags = 0;
    flags |= dice == 9 ? BDA_ALLOC_DEDICATED_BIT : 0;
    flags |= dice == 10 ? BDA_ALLOC_WITHIN_BUDGET_BIT : 0;
    flags |= dice == 11 ? BDA_ALLOC_NO_NEW_MEMORY_BIT : 0;
    dice = api_draw(model, 8);
    flags |= dice >= 6 ? BDA_ALLOC_HOST_FALLBACK_BIT : 0;
    flags |= dice == 5 || dice == 6 ? BDA_ALLOC_ZERO_BIT : 0;
    return flags;
}

/* Into a pool, which brings its intent, or into the library's own. */
static void choose_home(struct api_model *model, BdaAllocInfo *info) {
    uint32_t i = (uint32_t)api_draw(model, POOLS * 3);
    info->intent = (BdaIntent)api_draw(model, 4);
    if (i >= POOLS || model->pools[i] == NULL)
        return;
    info->pool = model->pools[i];
    info->intent = model->pool_infos[i].intent;
    info->flags |= model->pool_infos[i].flags;
}

BdaAllocInfo api_request(struct api_model *model) {
    BdaAllocInfo info = { .size = some_size(model) };
    info.flags = some_flags(model);
    uint64_t above = api_draw(model, 28);
    info.alignment = above >= 14 ? (VkDeviceSize)1 << (above - 14) : 0;
    info.user = api_once_in(model, 3) ? 1 + api_draw(model, UINT32_MAX) : 0;
    info.name = api_names[api_draw(model, COUNT_OF(api_names))];
    choose_home(model, &info);
    if (info.pool == NULL && api_once_in(model, 8))
        info.priority = 0.25f;
    return info;
}

/* ---- Refusals ---------------------------------------------------------------------------------------------------- */

static bool counts_memories(const struct api_model *model) {
    return model->plan->config.limits.maxMemoryAllocationCount != 0;
}

/* The answers that a well-formed request may get; under an injected failure also the injected ones. */
static bool may_be_refused(const struct api_model *model, const BdaAllocInfo *asked, VkResult result) {
    switch (result) {
    case VK_ERROR_OUT_OF_DEVICE_MEMORY:
        return true;
    case VK_ERROR_TOO_MANY_OBJECTS:
        return counts_memories(model) || model->failing;
    case VK_ERROR_FEATURE_NOT_PRESENT: /* zeros where nothing is mapped, no such memory, or buffers that lie elsewhere
                                        */
        return (asked->flags & BDA_ALLOC_ZERO_BIT) != 0 || model->plan->config.machine == FAKE_MACHINE_UNMAPPABLE ||
               model->plan->config.buffer_address_skew != 0;
    default:
        return model->failing;
    }
}

/* Bytes of a heap that are neither taken nor forbidden. */
static VkDeviceSize left_in_heap(struct api_model *model, const BdaHeapStats *heap, uint32_t index) {
    VkDeviceSize ours = fake_heap_used(model->driver, index), theirs = ours + model->others[index];
    VkDeviceSize told = ours + model->external[index];
    VkDeviceSize left = theirs < heap->size ? heap->size - theirs : 0;
    VkDeviceSize allowed = heap->limit == 0 ? left : told < heap->limit ? heap->limit - told : 0;
    return left < allowed ? left : allowed;
}

static VkDeviceSize left_in_pool(struct api_model *model, BdaPool pool) {
    for (uint32_t i = 0; i < POOLS; i++) {
        BdaUse use;
        if (model->pools[i] != pool || model->pool_infos[i].limit == 0)
            continue;
        promise(model, bda_get_pool_stats(model->allocator, pool, &use) == VK_SUCCESS);
        return model->pool_infos[i].limit - use.reserved;
    }
    return UINT64_MAX;
}

/* Bytes that any memory of the request's kind has left: the pool's limit, and the heap that has the least. */
static VkDeviceSize left_for(struct api_model *model, const BdaAllocInfo *asked, const BdaStats *stats) {
    VkDeviceSize left = left_in_heap(model, &stats->heaps[0], 0);
    for (uint32_t i = 1; i < stats->heap_count && (asked->pool != NULL || asked->intent != BDA_INTENT_DEVICE); i++) {
        VkDeviceSize here = left_in_heap(model, &stats->heaps[i], i);
        left = here < left ? here : left;
    }
    VkDeviceSize in_pool = asked->pool != NULL ? left_in_pool(model, asked->pool) : UINT64_MAX;
    return in_pool < left ? in_pool : left;
}

/* Nobody is refused while there is much more memory than he needs: a heap runs full, never nearly full; and the last
 * VkDeviceMemory may be had. */
static void require_honest_refusal(struct api_model *model, const BdaAllocInfo *asked, VkResult result) {
    const BdaAllocFlags narrow = BDA_ALLOC_WITHIN_BUDGET_BIT | BDA_ALLOC_NO_NEW_MEMORY_BIT | BDA_ALLOC_ZERO_BIT;
    BdaStats stats;
    if (model->failing || (asked->flags & narrow) != 0)
        return;
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
        promise(model, left_for(model, asked, &stats) < asked->size + 3 * asked->alignment + KIB(72));
    if (result == VK_ERROR_TOO_MANY_OBJECTS)
        promise(model, fake_memory_count(model->driver) + model->external_count >=
                           model->plan->config.limits.maxMemoryAllocationCount);
}

/* A request within budget takes no memory beyond it; one that takes none may lie where the budget is passed. */
static void require_within_budget(struct api_model *model, const BdaAllocInfo *asked, const BdaAllocationInfo *info,
                                  unsigned memories) {
    BdaStats stats;
    if ((asked->flags & BDA_ALLOC_WITHIN_BUDGET_BIT) == 0 || fake_memory_count(model->driver) <= memories)
        return;
    promise(model, bda_get_stats(model->allocator, &stats) == VK_SUCCESS);
    const BdaHeapStats *heap = &stats.heaps[info->heap];
    if (heap->limit != 0) /* which is for what is ours and told of */
        promise(model, heap->use.reserved + heap->external <= heap->limit);
    if (heap->limit == 0 || heap->budget < heap->limit)
        promise(model, heap->usage <= heap->budget);
}

static void note_refusal(struct api_model *model, const BdaAllocInfo *asked, VkResult result, const BdaAllocation *a) {
    promise(model, may_be_refused(model, asked, result));
    promise(model, api_is_zero(a, sizeof *a));
    require_honest_refusal(model, asked, result);
    model->refused++;
}

static bool is_full(const struct api_model *model, uint32_t wanted) {
    return api_count(model, ABSENT) < wanted;
}

/* ---- Allocating -------------------------------------------------------------------------------------------------- */

static void note_answer(struct api_model *model, const BdaAllocInfo *asked, bool own, VkResult result,
                        const BdaAllocation *a, unsigned memories) {
    if (result == VK_SUCCESS)
        require_within_budget(model, asked, &api_admit(model, asked, own, a)->info, memories);
    else
        note_refusal(model, asked, result, a);
}

void api_alloc(struct api_model *model) {
    const BdaAllocInfo info = api_request(model);
    BdaAllocation a;
    unsigned memories = fake_memory_count(model->driver);
    if (is_full(model, 1))
        return;
    memset(&a, 0xA5, sizeof a);
    api_arm(model);
    VkResult result = bda_alloc(model->allocator, &info, &a);
    api_disarm(model);
    note_answer(model, &info, false, result, &a, memories);
}

void api_alloc_buffer(struct api_model *model) {
    const BdaAllocInfo info = api_request(model);
    BdaAllocation a;
    unsigned memories = fake_memory_count(model->driver);
    if (is_full(model, 1))
        return;
    const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                        .size = info.size,
                                        .usage = api_once_in(model, 2) ? VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT
                                                                       : VK_BUFFER_USAGE_TRANSFER_DST_BIT };
    memset(&a, 0xA5, sizeof a);
    api_arm(model);
    VkResult result = bda_alloc_buffer(model->allocator, &buffer, &info, &a);
    api_disarm(model);
    note_answer(model, &info, true, result, &a, memories);
}

/* A few kinds of requests, each many times: what comes in batches is alike. */
void api_alloc_many(struct api_model *model) {
    BdaAllocInfo infos[MANY];
    BdaAllocation a[MANY];
    uint32_t many = 1 + (uint32_t)api_draw(model, MANY);
    if (is_full(model, many))
        return;
    for (uint32_t i = 0; i < many; i++) {
        infos[i] = i < KINDS ? api_request(model) : infos[i % KINDS];
        infos[i].flags &= ~(BdaAllocFlags)BDA_ALLOC_ZERO_BIT;
    }
    memset(a, 0xA5, sizeof a);
    api_arm(model);
    VkResult result = bda_alloc_many(model->allocator, many, infos, a);
    api_disarm(model);
    if (result != VK_SUCCESS) {
        promise(model, api_is_zero(a, many * sizeof a[0]));
        model->refused++;
        return;
    }
    for (uint32_t i = 0; i < many; i++)
        (void)api_admit(model, &infos[i], false, &a[i]);
}

/* ---- Warming up -------------------------------------------------------------------------------------------------- */

/* As many requests as were announced find room at once, and the driver is left alone. `buffer` NULL: ranges. */
static void require_room(struct api_model *model, const VkBufferCreateInfo *buffer, const BdaAllocInfo *like,
                         VkDeviceSize bytes) {
    BdaAllocInfo info = *like;
    BdaHandle handles[WARM] = { 0 };
    unsigned calls = fake_call_count(model->driver, FAKE_CALL_ALLOCATE_MEMORY);
    info.flags |= BDA_ALLOC_NO_NEW_MEMORY_BIT;
    for (uint32_t i = 0; i < WARM && (i + 1) * info.size <= bytes; i++) {
        BdaAllocation a;
        VkResult result = buffer != NULL ? bda_alloc_buffer(model->allocator, buffer, &info, &a)
                                         : bda_alloc(model->allocator, &info, &a);
        promise(model, result == VK_SUCCESS);
        api_require_place(model, &a);
        handles[i] = a.handle;
    }
    promise(model, bda_free_many(model->allocator, WARM, handles) == VK_SUCCESS);
    promise(model, fake_call_count(model->driver, FAKE_CALL_ALLOCATE_MEMORY) == calls);
}

void api_warm_up(struct api_model *model) {
    BdaAllocInfo like = api_request(model);
    like.flags &= BDA_ALLOC_WITHIN_BUDGET_BIT | BDA_ALLOC_HOST_FALLBACK_BIT;
    like.size = 1 + like.size % KIB(16);
    const VkBufferCreateInfo buffer = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                        .size = like.size,
                                        .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT };
    bool astray = like.alignment != 0 && model->plan->config.buffer_address_skew % like.alignment != 0;
    bool own = api_once_in(model, 3) && !astray; /* such buffers would be dedicated */
    VkDeviceSize bytes = api_draw(model, like.size * WARM);
    unsigned before = fake_memory_count(model->driver);
    api_arm(model);
    VkResult result = own ? bda_warm_up_buffers(model->allocator, &buffer, &like, bytes)
                          : bda_warm_up(model->allocator, &like, bytes);
    api_disarm(model);
    if (result == VK_SUCCESS)
        require_room(model, own ? &buffer : NULL, &like, bytes);
    else
        promise(model, fake_memory_count(model->driver) <= before);
}
