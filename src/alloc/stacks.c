/* See stacks.h. */
#include "alloc/stacks.h"

#include "alloc/allocator.h"

#include <string.h>

enum { CHUNK_LOG2 = 5 }; /* 8 KiB and a half */

VkResult bda_stacks_init(BdaAllocator allocator, const BdaAllocatorInfo *info) {
    struct bda_stacks *stacks = bda_host_allocate(&allocator->host, sizeof *stacks, _Alignof(struct bda_stacks));
    if (stacks == NULL)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    memset(stacks, 0, sizeof *stacks);
    stacks->capture = info->capture_stack;
    stacks->describe = info->describe_frame;
    stacks->user = info->stack_user;
    bda_store_init(&stacks->store, &allocator->host, sizeof(struct bda_stack), CHUNK_LOG2);
    allocator->stacks = stacks;
    return VK_SUCCESS;
}

void bda_stacks_finish(BdaAllocator allocator) {
    if (allocator->stacks == NULL)
        return;
    bda_store_destroy(&allocator->stacks->store);
    bda_host_release(&allocator->host, allocator->stacks, sizeof *allocator->stacks);
}

/* ---- Each once ---- */

static uint64_t hash_of(uint32_t depth, void *const *frames) {
    uint64_t hash = depth;
    for (uint32_t i = 0; i < depth; i++) {
        hash = (hash ^ (uintptr_t)frames[i]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    return hash;
}

static struct bda_stack *stack_at(struct bda_stacks *stacks, uint32_t index) {
    return bda_store_element(&stacks->store, index, CHUNK_LOG2, sizeof(struct bda_stack));
}

static uint32_t find(struct bda_stacks *stacks, uint64_t hash, uint32_t depth, void *const *frames) {
    uint32_t index = stacks->chains[hash % BDA_STACK_CHAINS];
    while (index != 0) {
        const struct bda_stack *stack = stack_at(stacks, index);
        if (stack->hash == hash && stack->depth == depth && memcmp(stack->frames, frames, depth * sizeof *frames) == 0)
            break;
        index = stack->next;
    }
    return index;
}

static uint32_t add(struct bda_stacks *stacks, uint64_t hash, uint32_t depth, void *const *frames) {
    uint32_t index = 0, *chain = &stacks->chains[hash % BDA_STACK_CHAINS];
    if (bda_store_grow(&stacks->store, 1, &index) == 0)
        return 0;
    struct bda_stack *stack = stack_at(stacks, index);
    stack->hash = hash;
    stack->next = *chain;
    stack->depth = depth;
    memcpy(stack->frames, frames, depth * sizeof *frames);
    *chain = index;
    return index;
}

BdaStack bda_stack_take(BdaAllocator allocator) {
    struct bda_stacks *stacks = allocator->stacks;
    void *frames[BDA_STACK_DEPTH];
    if (stacks == NULL)
        return 0;
    uint32_t depth = stacks->capture != NULL ? stacks->capture(stacks->user, BDA_STACK_DEPTH, frames)
                                             : bda_native_stack(BDA_STACK_DEPTH, frames);
    depth = depth < BDA_STACK_DEPTH ? depth : BDA_STACK_DEPTH; /* hooks that count what did not fit */
    if (depth == 0)
        return 0;
    uint64_t hash = hash_of(depth, frames);
    bda_mutex_lock(&allocator->store_lock);
    uint32_t index = find(stacks, hash, depth, frames);
    if (index == 0)
        index = add(stacks, hash, depth, frames);
    bda_mutex_unlock(&allocator->store_lock);
    return index;
}

/* ---- Reading ---- */

uint32_t bda_stack_copy(BdaAllocator allocator, BdaStack stack, uint32_t most, void **frames) {
    struct bda_stacks *stacks = allocator->stacks;
    uint32_t depth = 0;
    if (stacks == NULL)
        return 0;
    bda_mutex_lock(&allocator->store_lock);
    if (bda_store_has(&stacks->store, stack)) {
        const struct bda_stack *found = stack_at(stacks, stack);
        depth = found->depth;
        if (most != 0)
            memcpy(frames, found->frames, (depth < most ? depth : most) * sizeof *frames);
    }
    bda_mutex_unlock(&allocator->store_lock);
    return depth;
}

void bda_stack_describe(BdaAllocator allocator, void *frame, size_t size, char *text) {
    const struct bda_stacks *stacks = allocator->stacks;
    text[0] = '\0';
    if (stacks != NULL && stacks->describe != NULL)
        stacks->describe(stacks->user, frame, size, text);
    else
        bda_native_frame(frame, size, text);
    text[size - 1] = '\0';
}
