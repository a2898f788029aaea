// VMA's virtual block: its sub-allocator alone, over no memory. By default it is a TLSF; the second contender asks for
// its strategy that looks for the smallest fitting range.
#include "contenders.h"
#include "vma.h"

#include <new>

namespace {

struct Block {
    VmaVirtualBlock block;
    VmaVirtualAllocationCreateFlags flags;
};

void *create_with(const bench_options *options, VmaVirtualAllocationCreateFlags flags) {
    Block *self = new (std::nothrow) Block{ VK_NULL_HANDLE, flags };
    VmaVirtualBlockCreateInfo info = {};
    info.size = options->pool_bytes;
    if (self != nullptr && vmaCreateVirtualBlock(&info, &self->block) == VK_SUCCESS)
        return self;
    delete self;
    return nullptr;
}

void *create(const bench_options *options) {
    return create_with(options, 0);
}

void *create_min_memory(const bench_options *options) {
    return create_with(options, VMA_VIRTUAL_ALLOCATION_CREATE_STRATEGY_MIN_MEMORY_BIT);
}

void destroy(void *self) {
    Block *block = static_cast<Block *>(self);
    vmaClearVirtualBlock(block->block);
    vmaDestroyVirtualBlock(block->block);
    delete block;
}

bool alloc(void *self, uint64_t size, uint64_t alignment, bench_range *range) {
    const Block *block = static_cast<Block *>(self);
    VmaVirtualAllocationCreateInfo info = {};
    info.size = size;
    info.alignment = alignment;
    info.flags = block->flags;
    VmaVirtualAllocation allocation = VK_NULL_HANDLE;
    VkDeviceSize offset = 0;
    if (vmaVirtualAllocate(block->block, &info, &allocation, &offset) != VK_SUCCESS)
        return false;
    *range = { (uint64_t)allocation, offset };
    return true;
}

void free_range(void *self, bench_range range) {
    vmaVirtualFree(static_cast<Block *>(self)->block, (VmaVirtualAllocation)range.handle);
}

uint64_t host_bytes(void *self) {
    (void)self; // one at a time is alive where this is asked
    return vma_host_bytes;
}

// C++ of this age has no names in initializers.
contender make(const char *name, const char *what, void *(*create_it)(const bench_options *)) {
    contender c = {};
    c.name = name;
    c.what = what;
    c.has_pool = true;
    c.create = create_it;
    c.destroy = destroy;
    c.alloc = alloc;
    c.free = free_range;
    c.host_bytes = host_bytes;
    return c;
}

} // namespace

extern "C" const contender bench_vma = make("vma", "VMA's virtual block, default strategy", create);
extern "C" const contender bench_vma_min_memory =
    make("vma-min-memory", "VMA's virtual block, its strategy for the least memory", create_min_memory);
