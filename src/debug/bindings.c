/* See bindings.h. */
#include "debug/bindings.h"

#include "alloc/locate.h"

struct bda_bindings {
    uint64_t count; /* since the beginning */
    struct bda_binding last[BDA_BINDINGS];
};

void bda_bindings_init(BdaAllocator allocator) {
    bda_mutex_init(&allocator->bindings_lock, true); /* drivers may have threads of their own */
}

void bda_bindings_finish(BdaAllocator allocator) {
    bda_host_release(&allocator->host, allocator->bindings, sizeof(struct bda_bindings));
    bda_mutex_destroy(&allocator->bindings_lock);
}

void bda_bindings_add(BdaAllocator allocator, const struct bda_binding *binding) {
    bda_mutex_lock(&allocator->bindings_lock);
    struct bda_bindings *all = allocator->bindings;
    if (all == NULL) {
        all = bda_host_allocate(&allocator->host, sizeof *all, _Alignof(struct bda_bindings));
        allocator->bindings = all;
        if (all != NULL)
            all->count = 0;
    }
    if (all != NULL)
        all->last[all->count++ % BDA_BINDINGS] = *binding;
    bda_mutex_unlock(&allocator->bindings_lock);
}

static bool touches(const struct bda_binding *binding, VkDeviceAddress first, VkDeviceAddress last) {
    return binding->size != 0 && binding->address <= last && binding->address + (binding->size - 1) >= first;
}

uint32_t bda_bindings_find(BdaAllocator allocator, VkDeviceAddress first, VkDeviceAddress last, uint32_t room,
                           struct bda_binding *found) {
    VkDeviceAddress other_first = bda_locate_other_form(first), other_last = bda_locate_other_form(last);
    bool whole = other_last - other_first == last - first;
    uint32_t count = 0;
    bda_mutex_lock(&allocator->bindings_lock);
    const struct bda_bindings *all = allocator->bindings;
    uint64_t end = all != NULL ? all->count : 0;
    for (uint64_t i = end; i-- > 0 && end - i <= BDA_BINDINGS && count < room;) {
        const struct bda_binding *binding = &all->last[i % BDA_BINDINGS];
        if (touches(binding, first, last) || (whole && touches(binding, other_first, other_last)))
            found[count++] = *binding;
    }
    bda_mutex_unlock(&allocator->bindings_lock);
    return count;
}
